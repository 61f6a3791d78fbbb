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
  bool varies = dependence.dependsOn(value, shape.columnDim);
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

/// A scope with the bounds of the rows \p first to \p last of \p item, and all
/// that the tiles of columns share.
void WarpKernelEmitter::bindRows(Item &item, Value first, Value last,
                                 cpu::Scope &scope) {
  scope.outers.push_back(&item.scope.uniform);
  for (StringAttr dim : shape.kernel->lanes) {
    Value at = item.scope.uniform.indices[dim].uniform;
    scope.bounds[dim] = {at, at};
  }
  scope.bounds[shape.rowDim] = {first, last};
  VisitOp visit = shape.sweep->visit;
  for (Value value : visit->getOperands())
    prepareVisit(value, scope, /*shared=*/true);
}

/// Works out which columns \p item runs over: the hull of the boxes.
void WarpKernelEmitter::findColumns(Item &item) {
  Value extent = evaluator->extent(shape.columnDim), zero = code.index(0);
  item.firstColumn = zero;
  Value end = extent;
  if (VisitOp visit = shape.sweep->visit) {
    bindRows(item, item.firstRow, item.lastRow, item.blockRows);
    Value from, to;
    for (auto [low, high] : llvm::zip_equal(visit.getFrom(), visit.getTo())) {
      Value first = evaluator->evaluate(low, item.blockRows);
      Value last = evaluator->evaluate(high, item.blockRows);
      // An empty box must not widen the hull.
      Value isEmpty = code.lessThan(last, first);
      first = code.select(isEmpty, extent, first);
      last = code.select(isEmpty, code.index(-1), last);
      from = from ? code.min(from, first) : first;
      to = to ? code.max(to, last) : last;
    }
    item.firstColumn = code.max(from, zero);
    end = code.min(code.add(to, code.index(1)), extent);
  }
  Value length = code.max(code.sub(end, item.firstColumn), zero);
  item.endColumn = warps.toI32(end);
  item.tiles = warps.toI32(code.ceilDiv(length, tile.columns));
  item.firstColumn = warps.toI32(item.firstColumn);
}

Value WarpKernelEmitter::firstColumnOf(Item &item, Value number) {
  return code.add(item.firstColumn, code.mul(number, warps.i32(tile.columns)));
}

/// `may` or `must` of the visit, for the rows of \p rows and a tile of columns.
Value WarpKernelEmitter::classify(Value truth, const cpu::Scope &rows,
                                  Item &item, Value number) {
  if (auto constant = truth.getDefiningOp<ConstantOp>())
    return code.boolean(cast<BoolAttr>(constant.getValue()).getValue());
  cpu::Scope local(&rows);
  Value first = warps.widen(firstColumnOf(item, number));
  Value last = code.sub(evaluator->extent(shape.columnDim), code.index(1));
  last = code.min(code.add(first, code.index(tile.columns - 1)), last);
  local.bounds[shape.columnDim] = {first, last};
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
  Value own = warps.widen(code.mul(consumer, warps.i32(rowsOfGroup)));
  Value first = code.min(code.add(item.firstRow, own), item.lastRow);
  Value last =
      code.min(code.add(first, code.index(rowsOfGroup - 1)), item.lastRow);
  bindRows(item, first, last, item.groupRows);
}

/// Says whether all pairs of the tile, in the rows of this consumer, count for
/// every accumulator.
Value WarpKernelEmitter::isFull(Item &item, Value number) {
  Value extent = warps.toI32(evaluator->extent(shape.columnDim));
  Value end = code.add(firstColumnOf(item, number), warps.i32(tile.columns));
  Value exists = code.compare(arith::CmpIPredicate::sle, end, extent);
  VisitOp visit = shape.sweep->visit;
  if (!visit)
    return shape.sweep->hasDomain ? code.boolean(false) : exists;
  return code.land(exists,
                   classify(visit.getMust(), item.groupRows, item, number));
}
