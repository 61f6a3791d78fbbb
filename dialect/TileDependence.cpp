//===- TileDependence.cpp - Which tile a number is of ---------------------===//

#include "dialect/TileDependence.h"

using namespace mlir;
using namespace attn;

bool attn::isOfVisits(Value value) {
  Operation *op = value.getDefiningOp();
  auto sweep = op ? dyn_cast<SweepOp>(op->getParentOp()) : SweepOp();
  return sweep && op->getParentRegion() == &sweep.getVisits();
}

const TileDependence::Dims &TileDependence::dimsOf(Value value) {
  auto found = known.find(value);
  if (found != known.end())
    return found->second;
  Dims dims;
  if (isOfVisits(value)) {
    Operation *op = value.getDefiningOp();
    if (auto bound = dyn_cast<TileBoundOp>(op))
      dims.insert(bound.getDimAttr());
    for (Value operand : op->getOperands())
      dims.insert_range(dimsOf(operand));
  }
  return known[value] = std::move(dims);
}

bool TileDependence::dependsOn(Value value, ArrayRef<StringAttr> dims) {
  const Dims &own = dimsOf(value);
  return llvm::any_of(dims, [&](StringAttr dim) { return own.contains(dim); });
}
