//===- SplitDomains.cpp - Residues beside other pairs ---------------------===//
//
// Runs after the sums have their final form (factor-sums) and before they are
// given sweeps: the parts of a domain become reductions over disjoint pairs,
// which schedule-sweeps keeps apart.
//
//===----------------------------------------------------------------------===//

#include "dialect/Congruences.h"
#include "dialect/Passes.h"
#include "dialect/QuantityBuilder.h"
#include "dialect/ShiftedSums.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_SPLITDOMAINS
#include "dialect/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

/// Each part costs a sweep, and the state of its rows in memory.
constexpr size_t mostParts = 3;

class DomainSplitter {
public:
  explicit DomainSplitter(SpecOp spec)
      : spec(spec), builder(spec.getContext()), build(builder, spec) {}

  void run() {
    SmallVector<ReduceOp> reductions(spec.getBody().front().getOps<ReduceOp>());
    for (ReduceOp reduce : reductions)
      split(reduce);
    for (Operation &op :
         llvm::make_early_inc_range(llvm::reverse(spec.getBody().front())))
      if (isOpTriviallyDead(&op))
        op.erase();
  }

private:
  using Parts = SmallVector<Value>;
  /// A maximum that is the greatest of those of the parts.
  struct SplitMax {
    Value domain;
    ArrayAttr dims;
    Parts parts;
  };

  void split(ReduceOp op);
  const Parts &partsOf(ReduceOp op);
  Parts computeParts(Value domain, ArrayRef<StringAttr> over);
  Parts partsOfUnion(ArrayRef<Value> others, Value either,
                     ArrayRef<StringAttr> over);
  bool hasCongruence(Value condition, ArrayRef<StringAttr> over);
  std::optional<ShiftedTerm> asShiftedSum(ReduceOp op);
  Value sumOfPart(ReduceOp op, const ShiftedTerm &shifted, Value part,
                  Value max);
  Value binary(BinaryKind kind, Value a, Value b) {
    return a ? build.binary(loc, kind, a, b) : b;
  }

  SpecOp spec;
  OpBuilder builder;
  QuantityBuilder build;
  Location loc = spec.getLoc();
  DenseMap<std::pair<Value, Attribute>, Parts> known;
  DenseMap<Value, SplitMax> maxima;
};

bool DomainSplitter::hasCongruence(Value condition, ArrayRef<StringAttr> over) {
  DimList lanes;
  for (StringAttr dim : quantity(condition).getDims())
    if (!llvm::is_contained(over, dim))
      lanes.push_back(dim);
  return llvm::any_of(conjunctsOf(condition), [&](Value conjunct) {
    return asCongruence(conjunct, lanes, over).has_value();
  });
}

/// `others and either` as parts that share no pair: what of \p either has no
/// residue, then the rest of each condition that has one.
DomainSplitter::Parts DomainSplitter::partsOfUnion(ArrayRef<Value> others,
                                                   Value either,
                                                   ArrayRef<StringAttr> over) {
  Value dense;
  SmallVector<Value> sparse, parts;
  for (Value disjunct : disjunctsOf(either))
    if (hasCongruence(disjunct, over))
      sparse.push_back(disjunct);
    else
      dense = binary(BinaryKind::Or, dense, disjunct);
  SmallVector<Value> sets;
  if (dense)
    sets.push_back(dense);
  sets.append(sparse);
  if (sparse.empty() || sets.size() < 2 || sets.size() > mostParts)
    return {};
  for (auto [index, set] : llvm::enumerate(sets)) {
    Value part;
    for (Value other : others)
      part = binary(BinaryKind::And, part, other);
    part = binary(BinaryKind::And, part, set);
    for (Value earlier : ArrayRef(sets).take_front(index))
      part = binary(BinaryKind::And, part,
                    build.unary(loc, UnaryKind::Not, earlier));
    parts.push_back(part);
  }
  return parts;
}

DomainSplitter::Parts DomainSplitter::computeParts(Value domain,
                                                   ArrayRef<StringAttr> over) {
  SmallVector<Value> conjuncts = conjunctsOf(domain);
  // One residue for all pairs is found as it is.
  if (hasCongruence(domain, over))
    return {};
  for (Value conjunct : conjuncts) {
    auto either = conjunct.getDefiningOp<BinaryOp>();
    if (!either || either.getKind() != BinaryKind::Or)
      continue;
    SmallVector<Value> others(conjuncts);
    llvm::erase(others, conjunct);
    Parts parts = partsOfUnion(others, conjunct, over);
    if (!parts.empty())
      return parts;
  }
  return {};
}

const DomainSplitter::Parts &DomainSplitter::partsOf(ReduceOp op) {
  auto [it, isNew] = known.try_emplace({op.getDomain(), op.getDims()});
  if (isNew)
    it->second = computeParts(op.getDomain(), toDims(op.getDims()));
  return it->second;
}

/// \p op as a sum relative to a maximum over the same pairs that was split.
std::optional<ShiftedTerm> DomainSplitter::asShiftedSum(ReduceOp op) {
  for (const ShiftedTerm &term : shiftedTermsOf(op.getOperand())) {
    auto max = maxima.find(term.max);
    if (max != maxima.end() && max->second.domain == op.getDomain() &&
        max->second.dims == op.getDims())
      return term;
  }
  return std::nullopt;
}

/// The sum over \p part relative to its own \p max, so that both share a sweep,
/// made relative to the maximum of all parts.
Value DomainSplitter::sumOfPart(ReduceOp op, const ShiftedTerm &shifted,
                                Value part, Value max) {
  auto guarded = [&](Value value) {
    return build.unary(loc, UnaryKind::NegInfToZero, value);
  };
  Product product = shifted.rest;
  product.factors.insert(
      product.factors.begin(),
      build.unary(
          loc, UnaryKind::Exp,
          build.binary(loc, BinaryKind::Sub, shifted.number, guarded(max))));
  Value operand = buildProduct(build, loc, product);
  Value sum = build.reduce(loc, ReduceKind::Sum, operand, op.getDims(), part);
  Value scale = build.unary(
      loc, UnaryKind::Exp,
      build.binary(loc, BinaryKind::Sub, max, guarded(shifted.max)));
  return build.binary(loc, BinaryKind::Mul, sum, scale);
}

void DomainSplitter::split(ReduceOp op) {
  if (!op.getDomain())
    return;
  builder.setInsertionPoint(op);
  loc = op.getLoc();
  const Parts &parts = partsOf(op);
  if (parts.empty())
    return;
  bool isSum = op.getKind() == ReduceKind::Sum;
  std::optional<ShiftedTerm> shifted;
  if (isSum && quantity(op.getOperand()).getElementType().isF32())
    shifted = asShiftedSum(op);
  BinaryKind combine = isSum                             ? BinaryKind::Add
                       : op.getKind() == ReduceKind::Max ? BinaryKind::Max
                                                         : BinaryKind::Min;
  Value all;
  Parts results;
  for (auto [index, part] : llvm::enumerate(parts)) {
    results.push_back(shifted
                          ? sumOfPart(op, *shifted, part,
                                      maxima.lookup(shifted->max).parts[index])
                          : build.reduce(loc, op.getKind(), op.getOperand(),
                                         op.getDims(), part));
    all = binary(combine, all, results.back());
  }
  // A part may lack a dimension that the whole has.
  if (all.getType() != op.getType())
    return;
  if (op.getKind() == ReduceKind::Max)
    maxima[all] = {op.getDomain(), op.getDims(), results};
  op.getResult().replaceAllUsesWith(all);
  op.erase();
}

struct SplitDomainsPass : attn::impl::SplitDomainsBase<SplitDomainsPass> {
  void runOnOperation() override { DomainSplitter(getOperation()).run(); }
};

} // namespace
