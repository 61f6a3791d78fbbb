//===- MaskSets.cpp - A mask as a Presburger set --------------------------===//

#include "dialect/MaskSets.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::presburger;
using namespace attn;

/// Larger coefficients make the sets expensive, and say nothing useful.
static constexpr int64_t largest = int64_t(1) << 30;

MaskSets::MaskSets(SpecOp spec, ArrayRef<StringAttr> dims)
    : spec(spec), space(PresburgerSpace::getSetSpace(0)), dims(dims) {
  unsigned column = dims.size();
  for (auto dim : spec.getDims().getAsRange<StringAttr>()) {
    if (spec.getStaticSize(dim))
      continue;
    extents[dim] = column++;
    symbols.push_back(dim.str());
  }
  for (BlockArgument argument : spec.getBody().getArguments())
    if (quantity(argument).isScalar() &&
        quantity(argument).getElementType().isInteger(64)) {
      scalars[argument] = column++;
      symbols.push_back(spec.getArgName(argument.getArgNumber()).str());
    }
  space = PresburgerSpace::getSetSpace(dims.size(), symbols.size());
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

std::optional<MaskSets::Sum> MaskSets::combine(const Sum &a, const Sum &b,
                                               int64_t factor) {
  // Numbers below `largest` in magnitude: nothing here overflows.
  Sum sum = a;
  bool isSmall = std::abs(factor) < largest;
  auto add = [&](int64_t &to, int64_t coefficient) {
    if (isSmall)
      to += factor * coefficient;
    isSmall &= std::abs(to) < largest;
  };
  for (auto [column, coefficient] : b.terms)
    add(sum.terms[column], coefficient);
  add(sum.constant, b.constant);
  return isSmall ? std::optional(sum) : std::nullopt;
}

std::optional<unsigned> MaskSets::columnOf(Value value) {
  if (auto found = scalars.find(value); found != scalars.end())
    return found->second;
  if (auto index = value.getDefiningOp<IndexOp>()) {
    auto *it = llvm::find(dims, index.getDimAttr());
    if (it != dims.end())
      return it - dims.begin();
  }
  if (auto extent = value.getDefiningOp<ExtentOp>())
    if (auto found = extents.find(extent.getDimAttr()); found != extents.end())
      return found->second;
  return std::nullopt;
}

static std::optional<int64_t> numberOf(Value value, SpecOp spec) {
  if (std::optional<int64_t> number = constantInteger(value);
      number && std::abs(*number) < largest)
    return number;
  if (auto extent = value.getDefiningOp<ExtentOp>())
    if (std::optional<int64_t> size = spec.getStaticSize(extent.getDimAttr());
        size && *size < largest)
      return size;
  return std::nullopt;
}

std::optional<MaskSets::Sum> MaskSets::sumOf(Value value,
                                             IntegerPolyhedron &space) {
  auto found = sums.find(value);
  if (found != sums.end())
    return found->second;
  std::optional<Sum> sum = computeSum(value, space);
  sums[value] = sum;
  return sum;
}

std::optional<MaskSets::Sum> MaskSets::computeSum(Value value,
                                                  IntegerPolyhedron &space) {
  if (!quantity(value).getElementType().isInteger(64))
    return std::nullopt;
  Sum sum;
  if (std::optional<int64_t> number = numberOf(value, spec)) {
    sum.constant = *number;
    return sum;
  }
  if (std::optional<unsigned> column = columnOf(value)) {
    sum.terms[*column] = 1;
    return sum;
  }
  Operation *op = value.getDefiningOp();
  if (auto unary = dyn_cast_or_null<UnaryOp>(op)) {
    std::optional<Sum> x = sumOf(unary.getOperand(), space);
    if (!x || unary.getKind() != UnaryKind::Neg)
      return std::nullopt;
    return combine(Sum(), *x, -1);
  }
  auto binary = dyn_cast_or_null<BinaryOp>(op);
  if (!binary)
    return std::nullopt;
  if (binary.getKind() == BinaryKind::FloorDiv ||
      binary.getKind() == BinaryKind::Mod)
    return quotientOf(binary, space);
  std::optional<Sum> a = sumOf(binary.getLhs(), space);
  std::optional<Sum> b = sumOf(binary.getRhs(), space);
  if (!a || !b)
    return std::nullopt;
  if (binary.getKind() == BinaryKind::Add)
    return combine(*a, *b, 1);
  if (binary.getKind() == BinaryKind::Sub)
    return combine(*a, *b, -1);
  if (binary.getKind() != BinaryKind::Mul)
    return std::nullopt;
  if (!b->terms.empty())
    std::swap(a, b);
  if (!b->terms.empty())
    return std::nullopt;
  return combine(Sum(), *a, b->constant);
}

/// x // s and x % s with a positive number s: the quotient is a local.
std::optional<MaskSets::Sum> MaskSets::quotientOf(BinaryOp op,
                                                  IntegerPolyhedron &space) {
  std::optional<Sum> x = sumOf(op.getLhs(), space);
  std::optional<int64_t> by = numberOf(op.getRhs(), spec);
  if (!x || !by || *by <= 0)
    return std::nullopt;
  // Remainders of large multiples (a hash of an index) take the integer simplex
  // a cut for nearly every number there is.
  constexpr int64_t mostSteps = int64_t(1) << 24;
  for (auto [column, coefficient] : x->terms)
    if (std::abs(coefficient) > mostSteps / *by)
      return std::nullopt;
  SmallVector<int64_t> dividend(space.getNumCols(), 0);
  for (auto [column, coefficient] : x->terms)
    dividend[column] = coefficient;
  dividend.back() = x->constant;
  space.addLocalFloorDiv(dividend, *by);
  Sum quotient;
  quotient.terms[space.getNumVars() - 1] = 1;
  return op.getKind() == BinaryKind::FloorDiv ? quotient
                                              : combine(*x, quotient, -*by);
}

//===----------------------------------------------------------------------===//
// Sets
//===----------------------------------------------------------------------===//

MaskSets::Set MaskSets::constrain(IntegerPolyhedron set, const Sum &sum,
                                  bool isEquality) {
  SmallVector<int64_t> row(set.getNumCols(), 0);
  for (auto [column, coefficient] : sum.terms)
    row[column] = coefficient;
  row.back() = sum.constant;
  if (isEquality)
    set.addEquality(row);
  else
    set.addInequality(row);
  return Set(set);
}

MaskSets::Set MaskSets::compare(CompareOp op, bool negated) {
  IntegerPolyhedron set(space);
  sums.clear();
  std::optional<Sum> a = sumOf(op.getLhs(), set), b = sumOf(op.getRhs(), set);
  if (!a || !b)
    return Set::getUniverse(space);
  std::optional<Sum> between = combine(*b, *a, -1); // b - a
  if (!between)
    return Set::getUniverse(space);
  const Sum &difference = *between;
  Sum opposite = *combine(Sum(), difference, -1);
  auto atLeast = [&](Sum sum, int64_t least) {
    sum.constant -= least;
    return constrain(set, sum, /*isEquality=*/false);
  };
  switch (op.getPredicate()) {
  case Predicate::LT:
    return negated ? atLeast(opposite, 0) : atLeast(difference, 1);
  case Predicate::LE:
    return negated ? atLeast(opposite, 1) : atLeast(difference, 0);
  case Predicate::GT:
    return negated ? atLeast(difference, 0) : atLeast(opposite, 1);
  case Predicate::GE:
    return negated ? atLeast(difference, 1) : atLeast(opposite, 0);
  case Predicate::EQ:
  case Predicate::NE:
    if ((op.getPredicate() == Predicate::EQ) != negated)
      return constrain(set, difference, /*isEquality=*/true);
    return atLeast(difference, 1).unionSet(atLeast(opposite, 1));
  }
  llvm_unreachable("unknown predicate");
}

MaskSets::Set MaskSets::whereTrue(Value predicate, bool negated) {
  if (auto known = assumed.find(predicate); known != assumed.end())
    return known->second != negated ? Set::getUniverse(space)
                                    : Set::getEmpty(space);
  Operation *op = predicate.getDefiningOp();
  if (auto compareOp = dyn_cast_or_null<CompareOp>(op))
    return compare(compareOp, negated);
  if (auto constant = dyn_cast_or_null<ConstantOp>(op))
    return cast<IntegerAttr>(constant.getValue()).getValue().getBoolValue() !=
                   negated
               ? Set::getUniverse(space)
               : Set::getEmpty(space);
  if (auto unary = dyn_cast_or_null<UnaryOp>(op))
    return whereTrue(unary.getOperand(), !negated);
  auto binary = dyn_cast_or_null<BinaryOp>(op);
  if (!binary || (binary.getKind() != BinaryKind::And &&
                  binary.getKind() != BinaryKind::Or))
    return Set::getUniverse(space);
  Set a = whereTrue(binary.getLhs(), negated);
  Set b = whereTrue(binary.getRhs(), negated);
  return (binary.getKind() == BinaryKind::And) != negated ? a.intersect(b)
                                                          : a.unionSet(b);
}

MaskSets::Set MaskSets::inside(int64_t leastExtent) {
  IntegerPolyhedron box(space);
  auto atLeast = [&](std::initializer_list<std::pair<unsigned, int64_t>> terms,
                     int64_t constant) {
    SmallVector<int64_t> row(box.getNumCols(), 0);
    for (auto [column, coefficient] : terms)
      row[column] = coefficient;
    row.back() = constant;
    box.addInequality(row);
  };
  for (auto [column, dim] : llvm::enumerate(dims)) {
    unsigned index = column;
    atLeast({{index, 1}}, 0);
    if (auto size = spec.getStaticSize(dim))
      atLeast({{index, -1}}, *size - 1);
    else
      atLeast({{index, -1}, {extents.lookup(dim), 1}}, -1);
  }
  for (auto [dim, column] : extents)
    atLeast({{column, 1}}, -leastExtent);
  Set set(box);
  for (auto require : spec.getBody().front().getOps<RequireOp>())
    set = set.intersect(whereTrue(require.getCondition()));
  return set;
}

MaskSets::Set MaskSets::sameExtent(StringAttr a, StringAttr b) {
  Sum difference;
  for (auto [dim, sign] : {std::pair(a, 1), std::pair(b, -1)}) {
    if (auto size = spec.getStaticSize(dim))
      difference.constant += sign * *size;
    else
      difference.terms[extents.lookup(dim)] += sign;
  }
  return constrain(IntegerPolyhedron(space), difference, /*isEquality=*/true);
}

MaskSets::Set MaskSets::positiveScalars() {
  Set set = Set::getUniverse(space);
  for (auto [value, column] : scalars) {
    Sum sum;
    sum.terms[column] = 1;
    sum.constant = -1;
    set = set.intersect(
        constrain(IntegerPolyhedron(space), sum, /*isEquality=*/false));
  }
  return set;
}

std::string MaskSets::describe(ArrayRef<llvm::DynamicAPInt> point,
                               unsigned missing) const {
  std::string text;
  llvm::raw_string_ostream out(text);
  unsigned kept = dims.size() - missing;
  llvm::ListSeparator separator;
  for (unsigned i = 0; i != kept; ++i)
    out << separator << dims[i].getValue().lower() << " = " << point[i];
  out << " with ";
  llvm::ListSeparator comma;
  for (auto [i, name] : llvm::enumerate(symbols)) {
    // Of the sizes, those that the mask runs over.
    auto dim = StringAttr::get(spec.getContext(), name);
    if (extents.contains(dim) && !llvm::is_contained(dims, dim))
      continue;
    out << comma << name << " = " << point[kept + i];
  }
  return text;
}
