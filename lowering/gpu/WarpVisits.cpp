//===- WarpVisits.cpp - The tiles that an item visits ---------------------===//
//
// Which columns an item runs over, and which of their tiles a consumer takes.
//
//===----------------------------------------------------------------------===//

#include "lowering/gpu/WarpKernel.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

/// Works out which columns \p item runs over.
void WarpKernelEmitter::findColumns(Item &item) {
  item.visits = std::make_unique<TileVisits>(*indices, dependence, *shape.sweep,
                                             shape.columns, item.scope.uniform);
  // A bias like slope * (n - m) grows with the column: from the last columns
  // on, the first maximum stays.
  if (form && form->isTilted() && !shape.searches())
    item.visits->countBackwards();
  item.visits->setBlock({shape.rows, item.firstRows, item.lastRows},
                        searchesHere || !hasSearcher());
  item.tiles = item.visits->tiles();
  takePart(item);
  item.begin = item.firstTile;
  item.end = item.tiles;
}

/// Works out what a consumer's own rows say about full tiles.
void WarpKernelEmitter::prepareFull(Item &item) {
  if (!shape.sweep->visit)
    return;
  if (shape.isPacked)
    return item.visits->addOwn({shape.rows, item.firstRows, item.lastRows});
  const TileDim &outer = shape.rows.front();
  unsigned box = outer.box / tile.consumers;
  auto distance = [&](Value positions) {
    Value step = stepOf(outer);
    return warps.widen(step ? code.mul(positions, step) : positions);
  };
  Values first = item.firstRows, last = item.lastRows;
  Value own = distance(code.mul(consumer, warps.i32(box)));
  first[0] = code.min(code.add(first[0], own), item.lastRows[0]);
  last[0] = code.min(code.add(first[0], distance(warps.i32(box - 1))),
                     item.lastRows[0]);
  item.visits->addOwn({shape.rows, first, last});
}

/// Leaves a consumer the tiles that its own rows need, in the outermost
/// dimension.
void WarpKernelEmitter::boundGroup(Item &item) {
  const TileDim &outer = shape.columns.front();
  auto [from, to] = item.visits->ownHull(0);
  TileCorner corner = cornerOf(item, warps.i32(0));
  Value origin =
      warps.widen(indexAt(outer, corner.positions[0], corner.residues[0]));
  Value length = code.index(outer.box);
  if (Value step = stepOf(outer))
    length = code.mul(length, warps.widen(step));
  auto tileOf = [&](Value index) {
    Value distance = code.max(code.sub(index, origin), code.index(0));
    return warps.toI32(
        arith::DivUIOp::create(builder, code.loc, distance, length));
  };
  Value begin = tileOf(from), end = code.add(tileOf(to), warps.i32(1));
  end = code.select(code.lessThan(to, from), begin, end);
  for (Value inner : item.visits->tilesOf().drop_front()) {
    begin = code.mul(begin, inner);
    end = code.mul(end, inner);
  }
  item.begin = begin;
  item.end = code.min(end, item.tiles);
}
