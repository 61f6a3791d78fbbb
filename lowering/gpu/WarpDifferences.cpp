//===- WarpDifferences.cpp - Values that a tile has one of a diagonal -----===//
//
// What depends on the difference of a pair's indices alone is computed once for
// each difference that a consumer's part of the tile has, R + C - 1 of them for
// R rows and C columns, into shared memory: while the tile's scores are being
// multiplied. An element of the fragment then is a load at a constant offset,
// and a thread's second row, 8 further on, has what the first has 8 columns
// before.
//
// There are two copies, one of them a word further on, so that the two columns
// next to each other are one aligned load wherever they begin; and two buffers,
// so that one barrier a tile is enough.
//
//===----------------------------------------------------------------------===//

#include "lowering/gpu/WarpKernel.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

using Values = WarpCode::Values;

/// Entry i is of the difference i - (rows - 1), counted from the pair of the
/// tile's first column and the consumer's first row.
Value WarpKernelEmitter::differenceAt(const FragmentScope &item, Value value,
                                      Value first, Value entry) {
  Value zero = warps.i32(0), one = warps.i32(1);
  auto last = [&](const TileDim &entry) {
    return code.sub(warps.toI32(evaluator->extent(entry.dim)), one);
  };
  // Any pair of the difference will do; where there is none, another's.
  Value difference = code.add(first, entry);
  difference = code.min(difference, last(shape.columns.front()));
  difference = code.max(difference, code.sub(zero, last(shape.rows.front())));
  Value row = code.max(code.sub(zero, difference), zero);
  Value column = code.max(difference, zero);
  // Not within the item's scope, which has values of the thread's own rows.
  FragmentScope scope;
  scope.uniform.outers.push_back(&item.uniform);
  scope.rows.push_back({row, row});
  scope.firstColumns.push_back(column);
  return pairs->evaluate(value, {0, 0}, scope);
}

/// Computes what the tile \p number, number \p count of its ring, has one of
/// for each difference, and waits for all threads of the consumer.
void WarpKernelEmitter::computeDifferences(Item &item, Value number,
                                           Value count) {
  if (shape.differences.empty())
    return;
  TileCorner corner = cornerOf(item, number);
  Value firstRow = code.add(item.firstRow.positions[0],
                            code.mul(consumer, warps.i32(rowsOfGroup)));
  Value first = code.sub(code.sub(corner.positions[0], firstRow),
                         warps.i32(rowsOfGroup - 1));
  Value ofGroup = code.land(warps.thread(), warps.i32(threadsOfGroup - 1));
  unsigned entries = SharedPlan::differenceEntries(tile);
  unsigned copy = SharedPlan::differenceCopy(tile);
  Value buffer = code.add(code.mul(consumer, warps.i32(2)),
                          code.land(count, warps.i32(1)));
  buffer = code.mul(buffer, warps.i32(2 * copy * shape.differences.size()));
  differenceBuffer = code.add(buffer, warps.i32(plan.differences));
  computesDifferences = true;
  for (unsigned done = 0; done < entries; done += threadsOfGroup) {
    Value entry = code.add(ofGroup, warps.i32(done));
    if (done + threadsOfGroup > entries)
      entry = code.min(entry, warps.i32(entries - 1));
    Value at = code.add(differenceBuffer, code.mul(entry, warps.i32(4)));
    for (auto [i, value] : llvm::enumerate(shape.differences)) {
      Value number = differenceAt(item.scope, value, first, entry);
      for (unsigned offset : {0u, copy + 4}) {
        Value to = code.add(at, warps.i32(int64_t(i * 2 * copy + offset)));
        LLVM::StoreOp::create(builder, code.loc, number,
                              warps.sharedAddress(sharedBase, to), 4);
      }
    }
  }
  computesDifferences = false;
  syncConsumer();
}

/// Loads those of the thread's elements.
void WarpKernelEmitter::loadDifferences() {
  differenceElements.assign(shape.differences.size(), Values());
  if (shape.differences.empty())
    return;
  unsigned copy = SharedPlan::differenceCopy(tile);
  Value row =
      code.add(code.mul(warp, warps.i32(16)),
               arith::ShRUIOp::create(builder, code.loc, lane, warps.i32(2)));
  // The first column of the second row.
  Value entry = code.mul(code.land(lane, warps.i32(3)), warps.i32(2));
  entry = code.sub(code.add(entry, warps.i32(rowsOfGroup - 1 - 8)), row);
  Value isOdd = code.equals(code.land(entry, warps.i32(1)), warps.i32(1));
  Value at = code.add(differenceBuffer, code.mul(entry, warps.i32(4)));
  at = code.add(at, code.select(isOdd, warps.i32(copy + 4), warps.i32(0)));
  auto pair = VectorType::get(2, code.f32());
  for (unsigned i = 0; i != shape.differences.size(); ++i)
    for (unsigned block = 0; block <= tile.columns / 8; ++block) {
      Value from = code.add(at, warps.i32(int64_t(i) * 2 * copy + block * 32));
      Value two = LLVM::LoadOp::create(builder, code.loc, pair,
                                       warps.sharedAddress(sharedBase, from),
                                       /*alignment=*/8);
      for (unsigned column : {0, 1})
        differenceElements[i].push_back(LLVM::ExtractElementOp::create(
            builder, code.loc, two, warps.i32(column)));
    }
}

/// The element at \p place of \p value, which is one of those; else null.
Value WarpKernelEmitter::differenceElement(Value value, Place place) {
  if (computesDifferences || place.row < 0 || place.column < 0)
    return {};
  for (auto [i, other] : llvm::enumerate(shape.differences))
    if (other == value && i < differenceElements.size()) {
      unsigned block = unsigned(place.column) / 8 + (place.row == 0);
      return differenceElements[i][2 * block + unsigned(place.column) % 8];
    }
  return {};
}
