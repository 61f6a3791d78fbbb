//===- ElementUses.cpp - Sizes at which an element is looked at -----------===//

#include "dialect/ElementUses.h"
#include "dialect/FormulaWalk.h"

using namespace mlir;
using namespace attn;

/// As many ways are kept apart, at most.
static constexpr size_t mostWays = 8;

/// Adds \p way unless another is open wherever it is. Of too many, what all
/// have in common is left, which is open more often.
static void addWay(const ElementUses::Way &way, ElementUses::Ways &ways) {
  auto isSubset = [](const ElementUses::Way &a, const ElementUses::Way &b) {
    return !a.test(b);
  };
  if (llvm::any_of(ways,
                   [&](const auto &other) { return isSubset(other, way); }))
    return;
  llvm::erase_if(ways, [&](const auto &other) { return isSubset(way, other); });
  ways.push_back(way);
  if (ways.size() <= mostWays)
    return;
  ElementUses::Way common = ways.front();
  for (const ElementUses::Way &other : ways)
    common &= other;
  ways = {common};
}

void ElementUses::addDims(ValueRange values, Way &way) {
  for (Value value : values)
    for (StringAttr dim : quantity(value).getDims())
      way.set(spec.getDimPosition(dim));
}

const ElementUses::Ways &ElementUses::of(Value value) {
  auto found = known.find(value);
  if (found != known.end())
    return found->second;
  Ways ways;
  for (OpOperand &use : value.getUses())
    for (Way &way : ofUse(use)) {
      addDims(value, way);
      addWay(way, ways);
    }
  return known[value] = std::move(ways);
}

/// The sum or mean that \p select gives where its condition holds, and which is
/// what it gives otherwise when it is over nothing: 0.
static ReduceOp sumOrZero(SelectOp select) {
  auto sum = select.getThen().getDefiningOp<ReduceOp>();
  auto zero = select.getOtherwise().getDefiningOp<ConstantOp>();
  if (!sum || !zero ||
      (sum.getKind() != ReduceKind::Sum && sum.getKind() != ReduceKind::Mean))
    return {};
  auto real = dyn_cast<FloatAttr>(zero.getValue());
  auto whole = dyn_cast<IntegerAttr>(zero.getValue());
  bool isZero = real ? real.getValue().isZero() : whole.getValue().isZero();
  return isZero ? sum : ReduceOp();
}

/// The ways through \p use, without the dimensions of its value.
ElementUses::Ways ElementUses::ofUse(OpOperand &use) {
  Operation *user = use.getOwner();
  if (user->getNumResults() != 1)
    return {Way(spec.getDims().size())};
  if (counted == DataDependent::Ignored && isDecidedByData(use))
    return {};
  Ways ways = of(user->getResult(0));
  // A reduction looks at pairs, of which it needs one.
  if (auto dims = user->getAttrOfType<ArrayAttr>("dims");
      dims && isa<ReduceOp, NormalizeOp>(user))
    for (Way &way : ways) {
      addDims(user->getOperands(), way);
      for (StringAttr dim : toDims(dims))
        way.set(spec.getDimPosition(dim));
    }
  // Nor does it matter whether the rows of an empty sum exist.
  auto select = dyn_cast<SelectOp>(user);
  if (ReduceOp sum = select ? sumOrZero(select) : ReduceOp())
    for (Way &way : ways)
      for (StringAttr dim : toDims(sum.getDims()))
        way.set(spec.getDimPosition(dim));
  return ways;
}

/// Says whether \p use looks at its value under a condition that sizes and
/// scalars leave open.
bool ElementUses::isDecidedByData(OpOperand &use) {
  Value condition;
  if (auto select = dyn_cast<SelectOp>(use.getOwner()))
    condition = select.getCondition();
  else if (auto reduce = dyn_cast<ReduceOp>(use.getOwner()))
    condition = reduce.getDomain();
  else if (auto normalize = dyn_cast<NormalizeOp>(use.getOwner()))
    condition = normalize.getDomain();
  if (!condition || use.get() == condition)
    return false;
  return isMadeOf(condition, [](Value part) {
    return part.getDefiningOp<UniformOp>() ||
           (isa<BlockArgument>(part) && !quantity(part).isScalar());
  });
}

Value attn::buildUnused(QuantityBuilder &build, Location loc, SpecOp spec,
                        ArrayRef<ElementUses::Way> ways) {
  Value zero = build.constant(loc, int64_t(0)), unused;
  for (const ElementUses::Way &way : ways) {
    Value closed = build.constant(loc, false);
    for (unsigned position : way.set_bits()) {
      auto dim = cast<StringAttr>(spec.getDims()[position]);
      Value isEmpty =
          build.compare(loc, Predicate::EQ, build.extent(loc, dim), zero);
      closed = build.binary(loc, BinaryKind::Or, closed, isEmpty);
    }
    unused =
        unused ? build.binary(loc, BinaryKind::And, unused, closed) : closed;
  }
  return unused;
}
