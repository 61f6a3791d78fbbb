//===- EmitLaneRows.cpp - The lane side of a product, row by row ----------===//
//
// Register tiles read the lane side of a product as vectors of lanes, a row for
// each number that is summed over (fillLaneOperand). Tensors have a row for
// each lane. So the rows of a vector of lanes are computed as they lie in
// memory, and then turned, a square at a time: a gather of 16 lanes takes Zen 4
// some 25 cycles, and was 5 % of a window of 512 keys.
//
//===----------------------------------------------------------------------===//

#include "dialect/FormulaWalk.h"
#include "lowering/cpu/EmitKernel.h"
#include "lowering/cpu/Pairs.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

/// Whether the lane side of \p product is made of a tensor whose rows lie along
/// the sum and have at least a vector of numbers, in whole pairs for dot
/// products.
bool KernelEmitter::hasLaneRows(const InnerProduct &product) const {
  if (code.machine == Machine::Gpu || product.dims.size() != 1)
    return false;
  StringAttr dim = product.dims.front();
  std::optional<int64_t> extent = layout.getSpec().getStaticSize(dim);
  int64_t least = product.isDot ? 2 * shape.width : shape.width;
  if (!extent || *extent < least || (product.isDot && *extent % 2))
    return false;
  return llvm::any_of(product.laneSide.factors, [&](Value factor) {
    return isMadeOf(factor, [&](Value part) {
      if (!layout.isStored(part))
        return false;
      ArrayRef<StringAttr> dims = layout.storageOf(part).layout;
      return !dims.empty() && dims.back() == dim &&
             llvm::any_of(shape.lanes, [&](StringAttr lane) {
               return llvm::is_contained(dims, lane);
             });
    });
  });
}

/// As fillLaneOperand, or fillLanePairs for dot products.
void KernelEmitter::fillLaneRows(const SweepShape &sweep,
                                 const InnerProduct &product) {
  size_t index = &product - sweep.products.data();
  unsigned rows = arraysOf(sweep).laneRows[index];
  unsigned operand = arraysOf(sweep).laneOperands[index];
  StringAttr dim = product.dims.front();
  int64_t extent = *layout.getSpec().getStaticSize(dim);
  // What the product does not sum over multiplies narrow sums (laneFactor).
  SmallVector<Value> factors =
      product.isDot ? product.narrowFactors() : product.laneSide.factors;

  auto computeRow = [&](Value lane, Value row) {
    Scope scope(&itemScope);
    bindLane(lane, scope);
    for (Value factor : factors)
      evaluator->hoist(factor, product.dims, scope);
    Value start = code.mul(row, code.index(extent));
    forEachVector(dim, [&](Value first, const IndexValue &at) {
      Scope inner(&scope);
      inner.indices[dim] = at;
      Value numbers = code.splat(multiplyFactors(factors, inner));
      if (product.isDot)
        numbers = narrow(code, numbers);
      // The last vector may run into the next row, which is not written yet.
      code.store(numbers,
                 array(rows, Code::elementOf(numbers), code.add(start, first)));
    });
  };

  // Pairs are turned as the 32 bits that they are.
  Type unit = product.isDot ? Type(builder.getI32Type()) : code.f32();
  int64_t units = product.isDot ? extent / 2 : extent;
  auto turnSquare = [&](Value firstLane, Value first) {
    Vectors square;
    for (unsigned i = 0; i != shape.width; ++i)
      square.push_back(
          code.load(code.vectorOf(unit),
                    array(rows, unit, code.add(first, code.index(i * units)))));
    for (auto [i, column] : llvm::enumerate(code.transpose(square)))
      code.store(column,
                 array(operand, unit,
                       lanePlace(product.dims, code.add(first, code.index(i)),
                                 firstLane)));
  };

  int64_t whole = units - units % shape.width;
  forEachGroup([&](Group &group) {
    code.forEach(
        code.index(0), code.index(shape.groupLanes()), shape.width,
        [&](Value inGroup) {
          Value firstLane = code.add(group.first, inGroup);
          code.forEach(code.index(0), code.index(shape.width), 1,
                       [&](Value i) { computeRow(code.add(firstLane, i), i); });
          code.forEach(code.index(0), code.index(whole), shape.width,
                       [&](Value first) { turnSquare(firstLane, first); });
          // The last square overlaps the one before it.
          if (whole != units)
            turnSquare(firstLane, code.index(units - shape.width));
        });
  });
}
