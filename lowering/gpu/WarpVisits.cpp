//===- WarpVisits.cpp - The tiles that an item visits ---------------------===//
//
// Evaluates what attn.visit says (dialect/AttnOps.td): which keys an item runs
// over, which tiles of them are empty, and which are full. Every warp does so
// by itself, from the same numbers. The least and greatest integers of a tile,
// where a mask compares tensors, are found by the 32 lanes together.
//
//===----------------------------------------------------------------------===//

#include "lowering/gpu/WarpKernel.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

/// Computes in \p scope, which has the bounds that they need, the least and
/// greatest integers that \p value is made of; with \p shared, all that does
/// not depend on the tile of columns as well, and no more.
void WarpKernelEmitter::prepareVisit(Value value, cpu::Scope &scope,
                                     bool shared) {
  if (!isOfVisits(value) || scope.lookup(value))
    return;
  Operation *op = value.getDefiningOp();
  bool varies = dependence.dependsOn(value, shape.sweep->over);
  if (!shared || varies)
    for (Value operand : op->getOperands())
      prepareVisit(operand, scope, shared);
  if (varies && shared)
    return;
  if (auto box = dyn_cast<BoxReduceOp>(op))
    scope.values[value] = reduceBox(box, scope);
  else if (shared) {
    for (Value operand : op->getOperands())
      prepareVisit(operand, scope, shared);
    evaluator->evaluate(value, scope);
  }
}

/// Says whether the lanes of a warp look for integers together.
bool WarpKernelEmitter::searchesTogether() {
  SweepOp sweep = shape.sweep->op;
  return shape.sweep->visit && !sweep.getVisits().getOps<BoxReduceOp>().empty();
}

/// The integers of a box of one dimension, 32 at a time.
Value WarpKernelEmitter::reduceBox(BoxReduceOp op, cpu::Scope &scope) {
  const cpu::Storage &storage = request.layout.storageOf(op.getSource());
  auto dim = cast<StringAttr>(op.getDims()[0]);
  Value last = code.sub(evaluator->extent(dim), code.index(1));
  Value low =
      code.max(evaluator->evaluate(op.getFrom()[0], scope), code.index(0));
  Value high = code.min(evaluator->evaluate(op.getTo()[0], scope), last);
  Value laneOfWarp = warps.widen(code.land(warps.thread(), warps.i32(31)));
  Value identity = cpu::identityOf(code, op.getKind(), code.i64());
  auto loop = scf::WhileOp::create(
      builder, code.loc, TypeRange({code.i64(), code.i64()}),
      ValueRange({code.add(low, laneOfWarp), identity}),
      [&](OpBuilder &, Location, ValueRange args) {
        scf::ConditionOp::create(builder, code.loc,
                                 code.lnot(code.lessThan(high, args[0])), args);
      },
      [&](OpBuilder &, Location, ValueRange args) {
        cpu::Scope inner(&scope);
        inner.indices[dim].uniform = args[0];
        Value element =
            code.load(storage.element, evaluator->address(storage, inner));
        Value next =
            cpu::combine(code, op.getKind(), args[1], warps.toI64(element));
        scf::YieldOp::create(
            builder, code.loc,
            ValueRange({code.add(args[0], code.index(32)), next}));
      });
  builder.setInsertionPointAfter(loop);
  Value result = loop.getResult(1);
  for (unsigned other : {1, 2, 4, 8, 16})
    result = cpu::combine(code, op.getKind(), result,
                          warps.exchange64(result, other));
  return result;
}

/// Gives \p scope the bounds of the rows \p first to \p last of \p item, and
/// all that the tiles of columns share.
void WarpKernelEmitter::bindRows(Item &item, ValueRange first, ValueRange last,
                                 cpu::Scope &scope) {
  scope.outers.push_back(&item.scope.uniform);
  for (StringAttr dim : shape.kernel->lanes)
    if (const cpu::IndexValue *at = item.scope.uniform.lookupIndex(dim))
      scope.bounds[dim] = {at->uniform, at->uniform};
  for (auto [entry, low, high] : llvm::zip_equal(shape.rows, first, last))
    scope.bounds[entry.dim] = {low, high};
  VisitOp visit = shape.sweep->visit;
  for (Value value : visit->getOperands())
    prepareVisit(value, scope, /*shared=*/true);
}

/// The least and greatest index of the boxes of the visit in column dimension
/// \p position, for \p rows: the first is beyond the last where there is none.
std::pair<Value, Value> WarpKernelEmitter::hullOf(unsigned position,
                                                  cpu::Scope &rows) {
  VisitOp visit = shape.sweep->visit;
  Value extent = evaluator->extent(shape.columns[position].dim);
  unsigned rank = shape.columns.size();
  Value from, to;
  for (unsigned i = position; i < visit.getFrom().size(); i += rank) {
    Value first = evaluator->evaluate(visit.getFrom()[i], rows);
    Value last = evaluator->evaluate(visit.getTo()[i], rows);
    // An empty box must not widen the hull.
    Value isEmpty = code.lessThan(last, first);
    first = code.select(isEmpty, extent, first);
    last = code.select(isEmpty, code.index(-1), last);
    from = from ? code.min(from, first) : first;
    to = to ? code.max(to, last) : last;
  }
  return {from, to};
}

/// Works out which columns \p item runs over: the hull of the boxes.
void WarpKernelEmitter::findColumns(Item &item) {
  Value zero = code.index(0);
  VisitOp visit = shape.sweep->visit;
  if (visit)
    bindRows(item, item.firstRows, item.lastRows, item.blockRows);
  for (auto [position, entry] : llvm::enumerate(shape.columns)) {
    Value from = zero, end = evaluator->extent(entry.dim);
    if (visit) {
      auto [first, last] = hullOf(position, item.blockRows);
      from = code.max(first, zero);
      end = code.min(code.add(last, code.index(1)), end);
    }
    Value length = code.max(code.sub(end, from), zero);
    Value residue;
    Value at = warps.toI32(from);
    if (Value step = stepOf(entry)) {
      Value rounded =
          code.sub(code.add(warps.toI32(length), step), warps.i32(1));
      length =
          warps.widen(arith::DivUIOp::create(builder, code.loc, rounded, step));
      Value quotient = arith::DivUIOp::create(builder, code.loc, at, step);
      residue = code.sub(at, code.mul(quotient, step));
      at = quotient;
    }
    Value tiles = warps.toI32(code.ceilDiv(length, entry.box));
    item.firstColumn.positions.push_back(at);
    item.firstColumn.residues.push_back(residue);
    item.tilesOf.push_back(tiles);
    item.tiles = item.tiles ? code.mul(item.tiles, tiles) : tiles;
  }
  takePart(item);
  item.begin = item.firstTile;
  item.end = item.tiles;
}

/// The first column of tile \p number.
WarpKernelEmitter::TileCorner WarpKernelEmitter::cornerOf(Item &item,
                                                          Value number) {
  TileCorner corner = item.firstColumn;
  for (unsigned i = shape.columns.size(); i-- != 0;) {
    Value at = number;
    if (i != 0) {
      // Asked for where there are tiles alone.
      Value outer = arith::DivUIOp::create(
          builder, code.loc, number, code.max(item.tilesOf[i], warps.i32(1)));
      at = code.sub(number, code.mul(outer, item.tilesOf[i]));
      number = outer;
    }
    corner.positions[i] = code.add(
        corner.positions[i], code.mul(at, warps.i32(shape.columns[i].box)));
  }
  return corner;
}

/// `may` or `must` of the visit, for the rows of \p rows and a tile of columns.
Value WarpKernelEmitter::classify(Value truth, const cpu::Scope &rows,
                                  Item &item, Value number) {
  if (auto constant = truth.getDefiningOp<ConstantOp>())
    return code.boolean(cast<BoolAttr>(constant.getValue()).getValue());
  cpu::Scope local(&rows);
  TileCorner corner = cornerOf(item, number);
  for (auto [i, entry] : llvm::enumerate(shape.columns)) {
    Value first =
        warps.widen(indexAt(entry, corner.positions[i], corner.residues[i]));
    Value last = code.sub(evaluator->extent(entry.dim), code.index(1));
    Value distance = code.index(entry.box - 1);
    if (Value step = stepOf(entry))
      distance = code.mul(distance, warps.widen(step));
    last = code.min(code.add(first, distance), last);
    local.bounds[entry.dim] = {first, last};
  }
  prepareVisit(truth, local, /*shared=*/false);
  return evaluator->evaluate(truth, local);
}

/// The first tile from \p from on that is not empty, or the number of tiles.
Value WarpKernelEmitter::nextTile(Item &item, Value from) {
  VisitOp visit = shape.sweep->visit;
  if (!visit || visit.getMay().getDefiningOp<ConstantOp>())
    return from;
  Type i1 = builder.getI1Type();
  auto loop = scf::WhileOp::create(
      builder, code.loc, TypeRange({warps.i32Type(), i1}),
      ValueRange({from, code.boolean(false)}),
      [&](OpBuilder &, Location, ValueRange args) {
        Value more = code.lessThan(args[0], item.tiles);
        scf::ConditionOp::create(builder, code.loc,
                                 code.land(more, code.lnot(args[1])), args);
      },
      [&](OpBuilder &, Location, ValueRange args) {
        Value may = classify(visit.getMay(), item.blockRows, item, args[0]);
        Value next = code.add(args[0], warps.i32(1));
        scf::YieldOp::create(
            builder, code.loc,
            ValueRange({code.select(may, args[0], next), may}));
      });
  builder.setInsertionPointAfter(loop);
  return loop.getResult(0);
}

/// Works out what a consumer's own rows say about full tiles.
void WarpKernelEmitter::prepareFull(Item &item) {
  if (!shape.sweep->visit)
    return;
  if (shape.isPacked)
    return bindRows(item, item.firstRows, item.lastRows, item.groupRows);
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
  bindRows(item, first, last, item.groupRows);
}

/// Leaves a consumer the tiles that its own rows need, in the outermost
/// dimension.
void WarpKernelEmitter::boundGroup(Item &item) {
  const TileDim &outer = shape.columns.front();
  auto [from, to] = hullOf(0, item.groupRows);
  Value origin = warps.widen(indexAt(outer, item.firstColumn.positions[0],
                                     item.firstColumn.residues[0]));
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
  for (Value inner : ArrayRef(item.tilesOf).drop_front()) {
    begin = code.mul(begin, inner);
    end = code.mul(end, inner);
  }
  item.begin = begin;
  item.end = code.min(end, item.tiles);
}

/// Says whether all pairs of the tile, in the rows of this consumer, count for
/// every accumulator.
Value WarpKernelEmitter::isFull(Item &item, Value number) {
  TileCorner corner = cornerOf(item, number);
  Value exists;
  for (auto [i, entry] : llvm::enumerate(shape.columns)) {
    Value end = code.add(corner.positions[i], warps.i32(entry.box));
    Value inside = code.compare(arith::CmpIPredicate::sle, end,
                                positionsOf(entry, corner.residues[i]));
    exists = exists ? code.land(exists, inside) : inside;
  }
  VisitOp visit = shape.sweep->visit;
  if (!visit)
    return shape.sweep->hasDomain ? code.boolean(false) : exists;
  return code.land(exists,
                   classify(visit.getMust(), item.groupRows, item, number));
}
