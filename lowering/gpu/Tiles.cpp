//===- Tiles.cpp - The boxes of indices that tiles are --------------------===//

#include "lowering/gpu/Tiles.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

bool attn::gpu::hasAll(ArrayRef<StringAttr> dims, const TileDims &entries) {
  return llvm::all_of(entries, [&](const TileDim &entry) {
    return llvm::is_contained(dims, entry.dim);
  });
}
bool attn::gpu::hasAll(Value value, const TileDims &entries) {
  return hasAll(quantity(value).getDims(), entries);
}

void attn::gpu::setColumnBoxes(TileDims &columns, unsigned total) {
  unsigned inner = columns.size() == 2 ? 32 : 16, rest = total;
  if (columns.size() > 1) {
    while (rest % inner)
      inner /= 2;
    columns.back().box = inner;
    rest /= inner;
  }
  if (columns.size() == 3) {
    columns[1].box = rest;
    rest = 1;
  }
  columns.front().box = rest;
}

SmallVector<Value> attn::gpu::stepsOfCall(ArrayRef<StepNumber> numbers,
                                          cpu::Evaluator &host) {
  SmallVector<Value> steps;
  for (const StepNumber &number : numbers) {
    cpu::Scope scope;
    Value step = host.evaluate(number.by, scope);
    step = host.code.min(step, host.extent(number.dim));
    steps.push_back(host.code.max(step, host.code.index(1)));
  }
  return steps;
}

Value attn::gpu::tilesOfCall(cpu::Evaluator &host, const TileDim &entry,
                             Value box, ArrayRef<Value> steps, bool residues) {
  cpu::Code &code = host.code;
  auto divideUp = [&](Value a, Value b) -> Value {
    Value last = code.sub(code.add(a, b), code.index(1));
    return arith::DivUIOp::create(code.builder, code.loc, last, b);
  };
  Value positions = host.extent(entry.dim);
  if (!entry.step)
    return divideUp(positions, box);
  Value step = steps[*entry.step];
  Value tiles = divideUp(divideUp(positions, step), box);
  return residues ? code.mul(tiles, step) : tiles;
}

TileIndices::TileIndices(WarpCode &warps, cpu::Evaluator &evaluator,
                         size_t numSteps, int firstSlot)
    : warps(warps), code(warps.code), evaluator(evaluator) {
  for (size_t i = 0; i != numSteps; ++i)
    steps.push_back(
        warps.toI32(evaluator.slot(firstSlot + int(i), code.i64())));
}

Value TileIndices::indexAt(const TileDim &entry, Value position,
                           Value residue) {
  Value step = stepOf(entry);
  return step ? code.add(residue, code.mul(position, step)) : position;
}

Value TileIndices::positionsOf(const TileDim &entry, Value residue) {
  Value extent = warps.toI32(evaluator.extent(entry.dim));
  Value step = stepOf(entry);
  if (!step)
    return extent;
  Value rest = code.sub(code.add(extent, step), warps.i32(1));
  return arith::DivUIOp::create(code.builder, code.loc, code.sub(rest, residue),
                                step);
}

Value TileIndices::last(const TileDim &entry) {
  return code.sub(warps.toI32(evaluator.extent(entry.dim)), warps.i32(1));
}

FragmentDims TileIndices::fragmentDims(const TileDims &entries) {
  FragmentDims dims;
  for (const TileDim &entry : entries)
    dims.push_back({entry.dim, entry.box, stepOf(entry)});
  return dims;
}

TileIndices::Spot TileIndices::spotOf(const TileDims &entries,
                                      const TileCorner &corner, Value inTile) {
  Spot spot;
  spot.indices.resize(entries.size());
  Value rest = inTile;
  for (unsigned i = entries.size(); i-- != 0;) {
    const TileDim &entry = entries[i];
    Value at = rest;
    if (i != 0)
      std::tie(rest, at) = divide(rest, warps.i32(entry.box));
    Value index =
        indexAt(entry, code.add(corner.positions[i], at), corner.residues[i]);
    Value most = last(entry);
    Value inside = code.lnot(code.lessThan(most, index));
    spot.exists = spot.exists ? code.land(spot.exists, inside) : inside;
    spot.indices[i] = code.min(index, most);
  }
  return spot;
}

std::pair<Value, Value> TileIndices::divide(Value a, Value b) {
  Value quotient = arith::DivUIOp::create(code.builder, code.loc, a, b);
  return {quotient, code.sub(a, code.mul(quotient, b))};
}
