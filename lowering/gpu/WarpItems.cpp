//===- WarpItems.cpp - The items of a block and the tiles of an item ----===//

#include "lowering/gpu/WarpKernel.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <limits>

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

using Values = WarpCode::Values;

/// Of each round a block takes one item, in alternating direction: so items
/// that get shorter are shared out evenly.
Value WarpKernelEmitter::dealtItem(Value round) {
  Value grid = warps.blocks(), block = warps.block(), one = warps.i32(1);
  Value mirrored = code.sub(code.sub(grid, one), block);
  Value odd = code.compare(arith::CmpIPredicate::ne, code.land(round, one),
                           warps.i32(0));
  return code.add(code.mul(round, grid), code.select(odd, mirrored, block));
}

/// Calls \p body for each item of the block; what is carried in the end. Where
/// items are drawn, carried values end as those of newSearch; the searcher's
/// are what drawItem takes.
Values WarpKernelEmitter::forEachItem(ValueRange init, ItemBody body) {
  // Fewer than 2^31 items: more tiles do not fit a GPU's memory.
  Value items = warps.toI32(slotOf(ItemsSlot, code.i64()));
  if (shape.isPacked)
    items = code.mul(items, warps.toI32(slotOf(PartsSlot, code.i64())));
  Value one = warps.i32(1);
  // Found ahead of the loop's condition: ptxas takes a value that comes after a
  // wait there for one that may differ between lanes, and with it all else.
  auto numberOf = [&](Value round, ValueRange carried) {
    return !drawsItems()  ? dealtItem(round)
           : searchesHere ? nextItem(round, carried[0], carried[1])
                          : announcedItem(carried.back());
  };
  Values start{warps.i32(0)};
  llvm::append_range(start, init);
  start.push_back(numberOf(start.front(), init));
  SmallVector<Type> types =
      llvm::map_to_vector(start, [](Value value) { return value.getType(); });
  auto loop = scf::WhileOp::create(
      builder, code.loc, types, start,
      [&](OpBuilder &, Location, ValueRange args) {
        scf::ConditionOp::create(builder, code.loc,
                                 code.lessThan(args.back(), items), args);
      },
      [&](OpBuilder &, Location, ValueRange args) {
        Item item;
        item.number = args.back();
        Value whole = item.number;
        if (shape.isPacked)
          std::tie(whole, item.part) =
              divide(whole, warps.toI32(slotOf(PartsSlot, code.i64())));
        decode(whole, item);
        findColumns(item);
        Values next{code.add(args[0], one)};
        Values carried = body(item, args.drop_front().drop_back());
        llvm::append_range(next, carried);
        next.push_back(numberOf(next.front(), carried));
        scf::YieldOp::create(builder, code.loc, next);
      });
  builder.setInsertionPointAfter(loop);
  return Values(loop.getResults().drop_front().drop_back());
}

/// Where a mask may leave out tiles, items with more rows before them come
/// first: under a causal one they are the longest. But at any time four blocks
/// or more should run over the same columns, or memory is what limits them: so
/// batch indices are taken in groups, one group after the other.
void WarpKernelEmitter::decode(Value number, Item &item) {
  Value one = warps.i32(1), rowTiles;
  Values tilesOf;
  for (auto [i, entry] : llvm::enumerate(shape.rows)) {
    // Of the residues that have most.
    Value positions = positionsOf(entry, warps.i32(0));
    if (Value step = stepOf(entry))
      rowTiles = rowTiles ? code.mul(rowTiles, step) : step;
    if (shape.isPacked) {
      Value last = code.sub(code.add(positions, rowBox(i)), one);
      tilesOf.push_back(divide(last, rowBox(i)).first);
    } else {
      Value tiles = code.ceilDiv(warps.widen(positions), entry.box);
      tilesOf.push_back(warps.toI32(tiles));
    }
    rowTiles = rowTiles ? code.mul(rowTiles, tilesOf.back()) : tilesOf.back();
  }
  Value batch = warps.i32(1);
  for (StringAttr dim : shape.batch)
    batch = code.mul(batch, warps.toI32(evaluator->extent(dim)));
  Value rowTile, rest;
  // Parts are put together by blocks of another grid.
  if (shape.sweep->hasDomain && !shape.isPacked) {
    Value together =
        arith::DivUIOp::create(builder, code.loc, warps.blocks(), warps.i32(4));
    together = code.max(code.min(together, batch), one);
    auto [group, inGroup] = divide(number, code.mul(together, rowTiles));
    Value first = code.mul(group, together);
    Value size = code.min(together, code.sub(batch, first));
    std::tie(rowTile, rest) = divide(inGroup, size);
    rowTile = code.sub(code.sub(rowTiles, one), rowTile);
    rest = code.add(rest, first);
  } else {
    std::tie(rest, rowTile) = divide(number, rowTiles);
  }
  for (unsigned i = shape.batch.size(); i-- != 0;) {
    StringAttr dim = shape.batch[i];
    Value at = rest;
    if (i != 0)
      std::tie(rest, at) = divide(rest, warps.toI32(evaluator->extent(dim)));
    item.scope.uniform.indices[dim].uniform = warps.widen(at);
  }
  // Tiles of a residue follow each other: they share columns.
  unsigned rank = shape.rows.size();
  item.firstRow.positions.resize(rank);
  item.firstRow.residues.resize(rank);
  bool moreResidues = shape.hasSteps(TileSide::Rows);
  for (unsigned i = rank; i-- != 0;) {
    Value at = rowTile;
    if (i != 0 || moreResidues)
      std::tie(rowTile, at) = divide(rowTile, tilesOf[i]);
    item.firstRow.positions[i] = code.mul(at, rowBox(i));
  }
  for (unsigned i = rank; i-- != 0;)
    if (Value step = stepOf(shape.rows[i]))
      std::tie(rowTile, item.firstRow.residues[i]) = divide(rowTile, step);
  for (auto [i, entry] : llvm::enumerate(shape.rows)) {
    Value position = item.firstRow.positions[i];
    Value residue = item.firstRow.residues[i];
    Value end = code.sub(code.add(position, rowBox(i)), one);
    Value last = code.sub(warps.toI32(evaluator->extent(entry.dim)), one);
    item.firstRows.push_back(warps.widen(indexAt(entry, position, residue)));
    item.lastRows.push_back(
        warps.widen(code.min(indexAt(entry, end, residue), last)));
  }
}

/// How many positions of a row dimension a tile has.
Value WarpKernelEmitter::rowBox(unsigned position) {
  return shape.isPacked
             ? warps.toI32(slotOf(BoxesSlot + int(position), code.i64()))
             : warps.i32(shape.rows[position].box);
}

/// Works out the indices of row \p inTile of the tile of \p item, one of the
/// thread's two; says whether it is one. Rows that are none have indices of
/// rows that exist.
Value WarpKernelEmitter::placeRow(Item &item, Value inTile, unsigned row) {
  Value rest = inTile, exists;
  item.scope.rows.resize(shape.rows.size());
  for (unsigned i = shape.rows.size(); i-- != 0;) {
    const TileDim &entry = shape.rows[i];
    Value at = rest;
    if (i != 0 && shape.isPacked) {
      std::tie(rest, at) = divide(rest, rowBox(i));
    } else if (i != 0) {
      // Boxes are powers of two but for the outermost dimension.
      at = code.land(rest, warps.i32(entry.box - 1));
      rest = arith::ShRUIOp::create(builder, code.loc, rest,
                                    warps.i32(llvm::Log2_32(entry.box)));
    }
    Value position = code.add(item.firstRow.positions[i], at);
    Value index = indexAt(entry, position, item.firstRow.residues[i]);
    Value extent = warps.toI32(evaluator->extent(entry.dim));
    Value inside = code.lessThan(index, extent);
    if (i == 0 && shape.isPacked)
      inside = code.land(inside, code.lessThan(at, rowBox(0)));
    exists = exists ? code.land(exists, inside) : inside;
    item.scope.rows[i][row] = code.min(index, code.sub(extent, warps.i32(1)));
  }
  return exists;
}

/// Of the tiles of \p item, those of its part: as many as of any other, or one
/// less.
void WarpKernelEmitter::takePart(Item &item) {
  item.firstTile = warps.i32(0);
  if (!item.part)
    return;
  Value parts = warps.toI32(slotOf(PartsSlot, code.i64()));
  auto [each, more] = divide(item.tiles, parts);
  Value first = code.add(code.mul(item.part, each), code.min(item.part, more));
  Value isLonger = code.lessThan(item.part, more);
  Value count = code.select(isLonger, code.add(each, warps.i32(1)), each);
  item.firstTile = first;
  item.tiles = code.add(first, count);
}

Value WarpKernelEmitter::slotAddress(unsigned first, unsigned stride,
                                     Value count) {
  Value slot =
      arith::RemUIOp::create(builder, code.loc, count, warps.i32(tile.stages));
  return code.add(code.mul(slot, warps.i32(stride)), warps.i32(first));
}

/// The parity of use \p count of a slot of a ring.
Value WarpKernelEmitter::parity(Value count, unsigned flip) {
  Value round =
      arith::DivUIOp::create(builder, code.loc, count, warps.i32(tile.stages));
  Value bit = code.land(round, warps.i32(1));
  return flip ? code.lxor(bit, warps.i32(1)) : bit;
}

void WarpKernelEmitter::waitFor(unsigned barriers, Value count, unsigned flip) {
  Value address = slotAddress(plan.barriers + 8 * barriers, 8, count);
  warps.wait(warps.sharedAddress(sharedBase, address), parity(count, flip));
}
