//===- FragmentIndices.cpp - Where an element lies, and its integers ------===//
//
// A scope has the indices of a thread's rows and of its first columns in
// registers; an element's index is one of them and a constant. So are integers
// made of indices: elements that lie a constant apart share the register, and
// compare the difference of two of them, which the tile has once, with a
// constant.
//
//===----------------------------------------------------------------------===//

#include "lowering/gpu/Fragments.h"
#include "lowering/gpu/IntegerRanges.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

//===----------------------------------------------------------------------===//
// Scopes
//===----------------------------------------------------------------------===//

Value FragmentScope::row(unsigned position, unsigned number) const {
  if (!rows.empty())
    return rows[position][number];
  return outer ? outer->row(position, number) : Value();
}
Value FragmentScope::first(unsigned position) const {
  if (!firstColumns.empty())
    return firstColumns[position];
  return outer ? outer->first(position) : Value();
}
Value FragmentScope::last(unsigned position) const {
  if (!lastColumns.empty())
    return lastColumns[position];
  return outer ? outer->last(position) : Value();
}
bool FragmentScope::countsFromTile() const {
  return !countsColumns && (!outer || outer->countsFromTile());
}

/// The scope around \p scope in which \p key is what it is here.
static const FragmentScope *around(const FragmentScope *scope,
                                   const FragmentScope::Key &key) {
  bool isElsewhere = scope->countsColumns && std::get<2>(key) >= 0;
  return isElsewhere ? nullptr : scope->outer;
}
template <typename Key>
static const FragmentScope *around(const FragmentScope *scope, const Key &) {
  return scope->outer;
}

template <typename Map, typename Key>
static auto *lookup(const FragmentScope *scope, Map FragmentScope::*map,
                    const Key &key) {
  for (; scope; scope = around(scope, key)) {
    auto found = (scope->*map).find(key);
    if (found != (scope->*map).end())
      return &found->second;
  }
  return static_cast<decltype(&(scope->*map).find(key)->second)>(nullptr);
}

const Scaled *FragmentScope::productOf(const Key &key) const {
  return lookup(this, &FragmentScope::products, key);
}

Value FragmentScope::valueOf(const Key &key) const {
  const Value *known = lookup(this, &FragmentScope::values, key);
  return known ? *known : Value();
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

bool FragmentEvaluator::hasAny(Value value, ArrayRef<FragmentDim> dims) {
  return llvm::any_of(dims, [&](const FragmentDim &entry) {
    return quantity(value).hasDim(entry.dim);
  });
}

std::optional<unsigned> FragmentEvaluator::find(ArrayRef<FragmentDim> dims,
                                                StringAttr dim) {
  for (auto [position, entry] : llvm::enumerate(dims))
    if (entry.dim == dim)
      return unsigned(position);
  return std::nullopt;
}

int FragmentEvaluator::offsetOf(unsigned position, int column) const {
  for (unsigned i = columns.size() - 1; i != position; --i)
    column /= int(columns[i].box);
  return position == 0 ? column : column % int(columns[position].box);
}

void FragmentEvaluator::shiftColumns(Value distance, FragmentScope &scope) {
  scope.countsColumns = true;
  unsigned inner = 1;
  for (unsigned i = columns.size(); i-- != 0; inner *= columns[i].box) {
    Value offset = distance;
    if (inner != 1)
      offset = arith::DivUIOp::create(code.builder, code.loc, offset,
                                      warps.i32(inner));
    if (i != 0)
      offset = arith::RemUIOp::create(code.builder, code.loc, offset,
                                      warps.i32(columns[i].box));
    if (Value step = columns[i].step)
      offset = code.mul(offset, step);
    scope.firstColumns.push_back(code.add(scope.outer->first(i), offset));
  }
  std::reverse(scope.firstColumns.begin(), scope.firstColumns.end());
}

Place FragmentEvaluator::reduce(Value value, Place place) {
  if (!onRows(value))
    place.row = -1;
  if (!onColumns(value))
    place.column = -1;
  if (place.column <= 0 || columns.size() == 1)
    return place;
  // Columns that differ in other dimensions alone share an element.
  int kept = 0, inner = 1;
  for (unsigned i = columns.size(); i-- != 0; inner *= int(columns[i].box))
    if (quantity(value).hasDim(columns[i].dim))
      kept += offsetOf(i, place.column) * inner;
  place.column = kept;
  return place;
}

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

Type FragmentEvaluator::integerType(Value value) {
  return bitsOf(value, uniform.layout.getSpec()) <= 32 ? warps.i32Type()
                                                       : code.i64();
}

Value FragmentEvaluator::materialize(Integer integer, Type type) {
  if (!integer.base)
    return arith::ConstantOp::create(
        code.builder, code.loc,
        code.builder.getIntegerAttr(type, integer.constant));
  Value base = code.toInt(integer.base, type.getIntOrFloatBitWidth());
  return integer.constant ? code.add(base, code.intLike(base, integer.constant))
                          : base;
}

Value FragmentEvaluator::difference(Value a, Value b, FragmentScope &scope) {
  if (!b)
    return a;
  std::pair<Value, Value> key{a, b};
  if (auto *known = lookup(&scope, &FragmentScope::differences, key))
    return *known;
  Value result = a ? code.sub(a, b) : code.neg(b);
  return scope.differences[key] = result;
}

/// Converts the register once; f32 holds sums below 2^24 exactly.
Value FragmentEvaluator::toReal(Integer integer, FragmentScope &scope) {
  if (!integer.base)
    return code.real(double(integer.constant));
  Value base;
  if (auto *known = lookup(&scope, &FragmentScope::reals, integer.base))
    base = *known;
  else
    base = arith::SIToFPOp::create(code.builder, code.loc, code.f32(),
                                   integer.base);
  scope.reals[integer.base] = base;
  return integer.constant ? code.add(base, code.real(double(integer.constant)))
                          : base;
}

Integer FragmentEvaluator::indexOf(StringAttr dim, Place place,
                                   FragmentScope &scope) {
  if (auto position = find(rows, dim))
    return {scope.row(*position, place.row), 0};
  if (auto position = find(columns, dim)) {
    Value first = scope.first(*position), last = scope.last(*position);
    int offset = offsetOf(*position, place.column);
    Value step = columns[*position].step;
    if (!last && (!step || offset == 0))
      return {first, offset};
    Value distance = warps.i32(offset);
    Value index = code.add(first, step ? code.mul(step, distance) : distance);
    return {last ? code.min(index, last) : index, 0};
  }
  return {warps.toI32(scope.uniform.lookupIndex(dim)->uniform), 0};
}

Integer FragmentEvaluator::evaluateInteger(Value value, Place place,
                                           FragmentScope &scope) {
  place = reduce(value, place);
  FragmentScope::Key key{value, place.row, place.column};
  if (auto *known = lookup(&scope, &FragmentScope::integers, key))
    return *known;
  Value given = provided(value, place, scope);
  Integer result =
      given ? Integer{given, 0} : computeInteger(value, place, scope);
  return scope.integers[key] = result;
}

Integer FragmentEvaluator::computeInteger(Value value, Place place,
                                          FragmentScope &scope) {
  Type type = integerType(value);
  auto whole = [&](Value number) {
    return Integer{code.toInt(number, type.getIntOrFloatBitWidth()), 0};
  };
  if (uniform.layout.isStored(value))
    return whole(load(value, place, scope, Elsewhere()));
  if (isa<BlockArgument>(value))
    return whole(uniform.evaluate(value, scope.uniform));
  Operation *op = value.getDefiningOp();
  if (auto constant = dyn_cast<ConstantOp>(op))
    return {Value(),
            cast<IntegerAttr>(constant.getValue()).getValue().getSExtValue()};
  if (auto index = dyn_cast<IndexOp>(op))
    return indexOf(index.getDimAttr(), place, scope);
  if (auto extent = dyn_cast<ExtentOp>(op)) {
    if (auto size = uniform.layout.getSpec().getStaticSize(extent.getDimAttr()))
      return {Value(), *size};
    return whole(uniform.extent(extent.getDimAttr()));
  }
  if (auto cast = dyn_cast<CastOp>(op)) {
    Value x = evaluate(cast.getOperand(), place, scope);
    return whole(converted(x, quantity(value).getElementType()));
  }
  if (auto read = dyn_cast<ReadOp>(op))
    return whole(compute(value, place, scope));
  if (auto unaryOp = dyn_cast<UnaryOp>(op)) {
    Value x = code.toInt(evaluate(unaryOp.getOperand(), place, scope),
                         type.getIntOrFloatBitWidth());
    Value negated = code.neg(x);
    return {unaryOp.getKind() == UnaryKind::Neg ? negated
                                                : code.max(x, negated),
            0};
  }
  if (auto select = dyn_cast<SelectOp>(op)) {
    Value condition = evaluate(select.getCondition(), place, scope);
    Value a = code.toInt(evaluate(select.getThen(), place, scope),
                         type.getIntOrFloatBitWidth());
    Value b = code.toInt(evaluate(select.getOtherwise(), place, scope),
                         type.getIntOrFloatBitWidth());
    return {code.select(condition, a, b), 0};
  }
  auto binaryOp = cast<BinaryOp>(op);
  Integer a = evaluateInteger(binaryOp.getLhs(), place, scope);
  Integer b = evaluateInteger(binaryOp.getRhs(), place, scope);
  unsigned bits = type.getIntOrFloatBitWidth();
  auto widen = [&](Value base) { return base ? code.toInt(base, bits) : base; };
  BinaryKind kind = binaryOp.getKind();
  if (kind == BinaryKind::Add) {
    // One register of the two stays as it is: a tile adds the bases once.
    if (!a.base || !b.base)
      return {widen(a.base ? a.base : b.base), a.constant + b.constant};
    std::pair<Value, Value> key{a.base, b.base};
    Value sum;
    if (auto *known = lookup(&scope, &FragmentScope::sums, key))
      sum = *known;
    else
      sum = scope.sums[key] = code.add(widen(a.base), widen(b.base));
    // Another sum of the two may have been asked for with more bits.
    return {widen(sum), a.constant + b.constant};
  }
  if (kind == BinaryKind::Sub)
    return {difference(widen(a.base), widen(b.base), scope),
            a.constant - b.constant};
  if (kind == BinaryKind::Mul && (!a.base || !b.base)) {
    if (a.base)
      std::swap(a, b);
    Value scaled = b.base ? code.mul(widen(b.base),
                                     code.intLike(widen(b.base), a.constant))
                          : Value();
    return {scaled, a.constant * b.constant};
  }
  if (kind == BinaryKind::FloorDiv || kind == BinaryKind::Mod)
    return whole(divided(binaryOp, a, b));
  Value x = code.toInt(materialize(a, integerType(binaryOp.getLhs())), bits);
  Value y = code.toInt(materialize(b, integerType(binaryOp.getRhs())), bits);
  switch (kind) {
  case BinaryKind::Mul:
    return {code.mul(x, y), 0};
  case BinaryKind::Min:
    return {code.min(x, y), 0};
  case BinaryKind::Max:
    return {code.max(x, y), 0};
  case BinaryKind::And:
    return {code.land(x, y), 0};
  case BinaryKind::Or:
    return {code.lor(x, y), 0};
  case BinaryKind::Xor:
    return {code.lxor(x, y), 0};
  case BinaryKind::Shl:
    return {code.shiftLeft(x, y), 0};
  case BinaryKind::Shr:
    return {code.shiftRight(x, y), 0};
  default:
    llvm_unreachable("not a function of integers");
  }
}

/// The quotient or the rest of \p a and \p b, of which \p op is.
Value FragmentEvaluator::divided(BinaryOp op, Integer a, Integer b) {
  Value x = materialize(a, integerType(op.getLhs()));
  Value y = materialize(b, integerType(op.getRhs()));
  bool isQuotient = op.getKind() == BinaryKind::FloorDiv;
  bool isShort = !op.getRhs().getDefiningOp<ConstantOp>() &&
                 bitsOf(op.getLhs(), uniform.layout.getSpec()) <= 31;
  if (isShort && isQuotient)
    return code.shortFloorDiv(x, y);
  // Neither side may be cut to the bits of the rest, and the least number of 32
  // bits by -1 is one of 33.
  bool mayNegate = constantInteger(op.getRhs()).value_or(-1) == -1;
  if (x.getType() != y.getType() || (isQuotient && mayNegate)) {
    x = warps.toI64(x);
    y = warps.toI64(y);
  }
  if (isQuotient)
    return code.floorDiv(x, y);
  return isShort ? code.shortFloorMod(x, y) : code.floorMod(x, y);
}

//===----------------------------------------------------------------------===//
// Comparisons
//===----------------------------------------------------------------------===//

/// \p value, which is of the row at most, within 31 bits.
Integer FragmentEvaluator::clamped(Value value, Place place,
                                   FragmentScope &scope) {
  FragmentScope::Key key{value, place.row, -2};
  if (auto *known = lookup(&scope, &FragmentScope::integers, key))
    return *known;
  Value number = warps.toI64(evaluate(value, place, scope));
  return scope.integers[key] = {clampTo31(number), 0};
}

namespace {

/// Terms of a sum of integers, and whether each is subtracted.
struct SignedTerm {
  Value value;
  bool isNegative;
};

} // namespace

/// Adds the terms of \p value, down to those that vary along the columns of
/// \p evaluator by themselves.
static void collectTerms(FragmentEvaluator &evaluator, Value value,
                         bool isNegative, SmallVectorImpl<SignedTerm> &terms) {
  auto binary = value.getDefiningOp<BinaryOp>();
  bool isSum = binary &&
               llvm::is_contained({BinaryKind::Add, BinaryKind::Sub},
                                  binary.getKind()) &&
               quantity(value).getElementType().isInteger(64);
  if (!isSum || !evaluator.onColumns(value)) {
    terms.push_back({value, isNegative});
    return;
  }
  collectTerms(evaluator, binary.getLhs(), isNegative, terms);
  bool isSub = binary.getKind() == BinaryKind::Sub;
  collectTerms(evaluator, binary.getRhs(), isNegative != isSub, terms);
}

/// Of a comparison in which one term varies along the columns, and is within 31
/// bits, that term.
std::optional<FragmentEvaluator::ColumnTerm>
FragmentEvaluator::columnTermOf(CompareOp op) {
  SmallVector<SignedTerm> terms;
  collectTerms(*this, op.getLhs(), false, terms);
  collectTerms(*this, op.getRhs(), true, terms);
  ColumnTerm result;
  for (const SignedTerm &term : terms)
    if (!onColumns(term.value))
      result.others.push_back({term.value, term.isNegative});
    else if (result.value)
      return std::nullopt;
    else
      std::tie(result.value, result.isNegative) =
          std::pair(term.value, term.isNegative);
  if (!result.value || !isWithin31Bits(result.value, uniform.layout.getSpec()))
    return std::nullopt;
  return result;
}

/// What the term is compared with, of the row, clamped to what compares alike.
Integer FragmentEvaluator::limitOf(CompareOp op, const ColumnTerm &column,
                                   Place place, FragmentScope &scope) {
  Place row{onRows(op.getResult()) ? place.row : -1, -1};
  FragmentScope::Key key{op.getResult(), row.row, -2};
  if (auto *known = lookup(&scope, &FragmentScope::integers, key))
    return *known;
  Value sum = code.index(0);
  for (auto [value, isNegative] : column.others) {
    Value number = warps.toI64(evaluate(value, row, scope));
    if (isNegative == column.isNegative)
      sum = LLVM::SSubSat::create(code.builder, code.loc, sum, number);
    else
      sum = LLVM::SAddSat::create(code.builder, code.loc, sum, number);
  }
  return scope.integers[key] = {clampTo31(sum), 0};
}

/// \p number, an i64, as 31 bits: compares alike with what is within them.
Value FragmentEvaluator::clampTo31(Value number) {
  constexpr int64_t limit = (int64_t(1) << 30) - 1;
  number = code.min(code.max(number, code.index(-limit)), code.index(limit));
  return warps.toI32(number);
}

/// Says whether the two sides have one bit less than a register each, so that
/// their difference fits it. A wider number that the columns share is clamped
/// to what compares alike.
bool FragmentEvaluator::isShort(CompareOp op) {
  SpecOp spec = uniform.layout.getSpec();
  Value a = op.getLhs(), b = op.getRhs();
  bool isSmallA = bitsOf(a, spec) <= 31, isSmallB = bitsOf(b, spec) <= 31;
  if (isSmallA == isSmallB)
    return isSmallA;
  Value small = isSmallA ? a : b, other = isSmallA ? b : a;
  return !onColumns(other) && isWithin31Bits(small, spec);
}

/// a + i < b + j is a - b < j - i: the registers' difference is of the tile,
/// and an element compares it with a constant.
std::optional<FragmentEvaluator::Comparison>
FragmentEvaluator::comparisonOf(CompareOp op, Place place,
                                FragmentScope &scope) {
  if (!isInteger(op.getLhs()))
    return std::nullopt;
  arith::CmpIPredicate predicate = cpu::intPredicate(op.getPredicate());
  if (!isShort(op)) {
    std::optional<ColumnTerm> column = columnTermOf(op);
    if (!column)
      return std::nullopt;
    Integer limit = limitOf(op, *column, place, scope);
    Integer own = evaluateInteger(column->value, place, scope);
    if (column->isNegative)
      return Comparison{predicate, limit.base, own.base, own.constant};
    return Comparison{predicate, own.base, limit.base, -own.constant};
  }
  auto side = [&](Value value) {
    bool isSmall = bitsOf(value, uniform.layout.getSpec()) <= 31;
    return isSmall ? evaluateInteger(value, place, scope)
                   : clamped(value, place, scope);
  };
  Integer a = side(op.getLhs()), b = side(op.getRhs());
  return Comparison{predicate, a.base, b.base, b.constant - a.constant};
}
