//===- MmaVisits.cpp - The tiles that an item visits ----------------------===//
//
// Evaluates what attn.visit says (dialect/AttnOps.td), as WarpVisits.cpp does:
// which columns an item runs over, which tiles of them are empty for the rows
// of the block, and which are full for those of a warp.
//
//===----------------------------------------------------------------------===//

#include "lowering/gpu/MmaKernel.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

/// Computes in \p scope, which has the bounds that they need, the least and
/// greatest integers that \p value is made of; with \p shared, all that does
/// not depend on the tile of columns as well, and no more.
void MmaKernelEmitter::prepareVisit(Sweep &sweep, Value value,
                                    cpu::Scope &scope, bool shared) {
  if (!isOfVisits(value) || scope.lookup(value))
    return;
  Operation *op = value.getDefiningOp();
  bool varies = dependence.dependsOn(value, sweep.shape.columnDim);
  if (!shared || varies)
    for (Value operand : op->getOperands())
      prepareVisit(sweep, operand, scope, shared);
  if (varies && shared)
    return;
  if (auto box = dyn_cast<BoxReduceOp>(op))
    scope.values[value] = reduceBox(box, scope);
  else if (shared) {
    for (Value operand : op->getOperands())
      prepareVisit(sweep, operand, scope, shared);
    evaluator->evaluate(value, scope);
  }
}

/// The integers of a box of one dimension, by the lanes of a warp.
Value MmaKernelEmitter::reduceBox(BoxReduceOp op, cpu::Scope &scope) {
  const cpu::Storage &storage = request.layout.storageOf(op.getSource());
  auto dim = cast<StringAttr>(op.getDims()[0]);
  Value last = code.sub(evaluator->extent(dim), code.index(1));
  Value low =
      code.max(evaluator->evaluate(op.getFrom()[0], scope), code.index(0));
  Value high = code.min(evaluator->evaluate(op.getTo()[0], scope), last);
  Value identity = cpu::identityOf(code, op.getKind(), code.i64());
  constexpr int64_t lanes = 32;
  auto combine = [&](Value a, Value b) {
    return cpu::combine(code, op.getKind(), a, b);
  };
  Value result =
      code.forEach(code.add(low, warps.widen(lane)),
                   code.add(high, code.index(1)), lanes, identity,
                   [&](Value at, ValueRange before) -> Values {
                     cpu::Scope inner(&scope);
                     inner.indices[dim].uniform = at;
                     Value element = code.load(
                         storage.element, evaluator->address(storage, inner));
                     return {combine(before.front(), warps.toI64(element))};
                   })
          .front();
  for (unsigned other : {1, 2, 4, 8, 16})
    result = combine(result, warps.exchange64(result, other));
  return result;
}

/// A scope with the bounds of the rows \p first to \p last of \p item, and all
/// that the tiles of columns share.
void MmaKernelEmitter::bindRows(Item &item, Sweep &sweep, Value first,
                                Value last, cpu::Scope &scope) {
  scope.outers.push_back(&item.scope.uniform);
  for (StringAttr dim : shape.batch) {
    Value at = item.scope.uniform.indices[dim].uniform;
    scope.bounds[dim] = {at, at};
  }
  scope.bounds[shape.rowDim] = {first, last};
  VisitOp visit = sweep.shape.sweep->visit;
  for (Value value : visit->getOperands())
    prepareVisit(sweep, value, scope, /*shared=*/true);
}

/// Works out which columns \p item runs over: the hull of the boxes.
void MmaKernelEmitter::findColumns(Item &item, Sweep &sweep) {
  Value extent = evaluator->extent(sweep.shape.columnDim);
  Value zero = code.index(0), firstColumn = zero, end = extent;
  if (VisitOp visit = sweep.shape.sweep->visit) {
    bindRows(item, sweep, item.firstRow, item.lastRow, sweep.blockRows);
    Value own = warps.widen(code.mul(warp, warps.i32(16)));
    Value first = code.min(code.add(item.firstRow, own), item.lastRow);
    Value last = code.min(code.add(first, code.index(15)), item.lastRow);
    bindRows(item, sweep, first, last, sweep.warpRows);
    Value from, to;
    for (auto [low, high] : llvm::zip_equal(visit.getFrom(), visit.getTo())) {
      Value least = evaluator->evaluate(low, sweep.blockRows);
      Value greatest = evaluator->evaluate(high, sweep.blockRows);
      // An empty box must not widen the hull.
      Value isEmpty = code.lessThan(greatest, least);
      least = code.select(isEmpty, extent, least);
      greatest = code.select(isEmpty, code.index(-1), greatest);
      from = from ? code.min(from, least) : least;
      to = to ? code.max(to, greatest) : greatest;
    }
    firstColumn = code.max(from, zero);
    end = code.min(code.add(to, code.index(1)), extent);
  }
  Value length = code.max(code.sub(end, firstColumn), zero);
  sweep.tiles = warps.toI32(code.ceilDiv(length, tile.columns));
  sweep.firstColumn = warps.toI32(firstColumn);
}

Value MmaKernelEmitter::firstColumnOf(Sweep &sweep, Value number) {
  return code.add(sweep.firstColumn, code.mul(number, warps.i32(tile.columns)));
}

/// `may` or `must` of the visit, for the rows of \p rows and a tile of columns.
Value MmaKernelEmitter::classify(Sweep &sweep, Value truth,
                                 const cpu::Scope &rows, Value number) {
  if (auto constant = truth.getDefiningOp<ConstantOp>())
    return code.boolean(cast<BoolAttr>(constant.getValue()).getValue());
  cpu::Scope local(&rows);
  StringAttr dim = sweep.shape.columnDim;
  Value first = warps.widen(firstColumnOf(sweep, number));
  Value last = code.sub(evaluator->extent(dim), code.index(1));
  last = code.min(code.add(first, code.index(tile.columns - 1)), last);
  local.bounds[dim] = {first, last};
  prepareVisit(sweep, truth, local, /*shared=*/false);
  return evaluator->evaluate(truth, local);
}

/// The first tile from \p from on that is not empty, or one that is not there.
Value MmaKernelEmitter::nextTile(Sweep &sweep, Value from) {
  VisitOp visit = sweep.shape.sweep->visit;
  if (!visit || visit.getMay().getDefiningOp<ConstantOp>())
    return from;
  Type i1 = builder.getI1Type();
  auto loop = scf::WhileOp::create(
      builder, code.loc, TypeRange({warps.i32Type(), i1}),
      ValueRange({from, code.boolean(false)}),
      [&](OpBuilder &, Location, ValueRange args) {
        Value more = code.lessThan(args[0], sweep.tiles);
        scf::ConditionOp::create(builder, code.loc,
                                 code.land(more, code.lnot(args[1])), args);
      },
      [&](OpBuilder &, Location, ValueRange args) {
        Value may = classify(sweep, visit.getMay(), sweep.blockRows, args[0]);
        Value next = code.add(args[0], warps.i32(1));
        scf::YieldOp::create(
            builder, code.loc,
            ValueRange({code.select(may, args[0], next), may}));
      });
  builder.setInsertionPointAfter(loop);
  return loop.getResult(0);
}

/// Says whether all pairs of the tile, in the rows of this warp, count for
/// every accumulator.
Value MmaKernelEmitter::isFull(Sweep &sweep, Value number) {
  Value extent = warps.toI32(evaluator->extent(sweep.shape.columnDim));
  Value end = code.add(firstColumnOf(sweep, number), warps.i32(tile.columns));
  Value exists = code.compare(arith::CmpIPredicate::sle, end, extent);
  VisitOp visit = sweep.shape.sweep->visit;
  if (!visit)
    return sweep.shape.sweep->hasDomain ? code.boolean(false) : exists;
  return code.land(exists,
                   classify(sweep, visit.getMust(), sweep.warpRows, number));
}
