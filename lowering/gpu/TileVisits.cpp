//===- TileVisits.cpp - The tiles that a sweep visits ---------------------===//

#include "lowering/gpu/TileVisits.h"

#include "dialect/FormulaWalk.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

using Values = SmallVector<Value>;

/// Computes in \p scope, which has the bounds that it needs, \p part of what
/// \p values are made of.
void TileVisits::prepare(ValueRange values, cpu::Scope &scope, Part part) {
  llvm::SmallDenseSet<Value, 16> seen;
  for (Value value : values)
    prepare(value, scope, part, seen);
}

void TileVisits::prepare(Value value, cpu::Scope &scope, Part part,
                         llvm::SmallDenseSet<Value, 16> &seen) {
  if (!seen.insert(value).second || !isOfVisits(value) || scope.lookup(value))
    return;
  Operation *op = value.getDefiningOp();
  bool varies = dependence.dependsOn(value, sweep.over);
  if (part != Part::Rows || varies)
    for (Value operand : op->getOperands())
      prepare(operand, scope, part, seen);
  bool isOfPart = part == Part::Rows ? !varies
                  : part == Part::Columns
                      ? varies && !dependence.dependsOn(value, rowDims)
                      : true;
  if (!isOfPart)
    return;
  if (auto box = dyn_cast<BoxReduceOp>(op)) {
    if (!scope.lookup(value))
      prepareBox(box, scope, part);
  } else if (part == Part::Rows) {
    for (Value operand : op->getOperands())
      prepare(operand, scope, part, seen);
    evaluator.evaluate(value, scope);
  }
}

/// Computes \p op, and what else is asked of its box, in one go: its integers
/// are waited for once. The lanes of a warp share those of rows; the few of a
/// tile of columns are the lane's own.
void TileVisits::prepareBox(BoxReduceOp op, cpu::Scope &scope, Part part) {
  if (!isLookedAt(op)) {
    // Any number that its elements can be.
    unsigned bits = evaluator.layout.storageOf(op.getSource())
                        .element.getIntOrFloatBitWidth();
    scope.values[op.getResult()] =
        code.index(op.getKind() == ReduceKind::Min ? llvm::minIntN(bits)
                                                   : llvm::maxIntN(bits));
    return;
  }
  SweepOp owner = sweep.op;
  SmallVector<BoxReduceOp> ops;
  for (auto other : owner.getVisits().getOps<BoxReduceOp>())
    if (other.getDims() == op.getDims() && other.getFrom() == op.getFrom() &&
        other.getTo() == op.getTo())
      ops.push_back(other);
  Values extremes = part == Part::Rows
                        ? reduceTogether(ops, scope)
                        : reduceEvery(ops, code.index(0), 1, scope);
  for (auto [other, extreme] : llvm::zip_equal(ops, extremes))
    scope.values[other.getResult()] = extreme;
}

/// Of each row of a box, every \p step-th of the integers from \p first on, for
/// each of \p ops.
Values TileVisits::reduceEvery(ArrayRef<BoxReduceOp> ops, Value first,
                               int64_t step, cpu::Scope &scope) {
  Values identities;
  for (BoxReduceOp op : ops)
    identities.push_back(cpu::identityOf(code, op.getKind(), code.i64()));
  return reduceRows(ops, 0, first, step, identities, scope);
}

std::pair<Value, Value> TileVisits::rangeOf(BoxReduceOp box, unsigned position,
                                            cpu::Scope &scope) {
  auto dim = cast<StringAttr>(box.getDims()[position]);
  Value last = code.sub(evaluator.extent(dim), code.index(1));
  return {code.max(evaluator.evaluate(box.getFrom()[position], scope),
                   code.index(0)),
          code.min(evaluator.evaluate(box.getTo()[position], scope), last)};
}

/// The same in the dimensions from \p position on, with the others at the
/// indices of \p scope.
Values TileVisits::reduceRows(ArrayRef<BoxReduceOp> ops, unsigned position,
                              Value first, int64_t step, ValueRange init,
                              cpu::Scope &scope) {
  // So many are asked for before the first is waited for. Beyond the end they
  // are the last one again, which extremes do not mind.
  constexpr int64_t ahead = 4;
  BoxReduceOp box = ops.front();
  auto dim = cast<StringAttr>(box.getDims()[position]);
  auto [low, end] = rangeOf(box, position, scope);
  Value high = end;
  if (position + 1 != box.getDims().size())
    return code.forEach(low, code.add(high, code.index(1)), 1, init,
                        [&](Value at, ValueRange before) {
                          cpu::Scope inner(&scope);
                          inner.indices[dim].uniform = at;
                          return reduceRows(ops, position + 1, first, step,
                                            before, inner);
                        });
  return code.forEach(
      code.add(low, first), code.add(high, code.index(1)), ahead * step, init,
      [&](Value at, ValueRange before) {
        Values extremes(before);
        for (int64_t i = 0; i != ahead; ++i) {
          cpu::Scope inner(&scope);
          Value index = i ? code.add(at, code.index(i * step)) : at;
          inner.indices[dim].uniform = i ? code.min(index, high) : index;
          for (auto [entry, extreme] : llvm::zip_equal(ops, extremes)) {
            BoxReduceOp op = entry;
            const cpu::Storage &storage =
                evaluator.layout.storageOf(op.getSource());
            Value element =
                code.load(storage.element, evaluator.address(storage, inner));
            extreme =
                cpu::combine(code, op.getKind(), extreme, warps.toI64(element));
          }
        }
        return extremes;
      });
}

/// The integers of a box that the lanes of a warp share.
Values TileVisits::reduceTogether(ArrayRef<BoxReduceOp> ops,
                                  cpu::Scope &scope) {
  Values extremes = reduceEvery(ops, warps.widen(lane()), 32, scope);
  for (unsigned other : {1, 2, 4, 8, 16})
    for (auto [entry, extreme] : llvm::zip_equal(ops, extremes)) {
      BoxReduceOp op = entry;
      extreme = cpu::combine(code, op.getKind(), extreme,
                             warps.exchange64(extreme, other));
    }
  return extremes;
}

/// Gives \p scope the bounds of \p rows, and all of \p uses that the tiles
/// share.
void TileVisits::bindRows(const RowBox &rows, ValueRange uses,
                          cpu::Scope &scope) {
  scope.outers.push_back(&item);
  for (const auto &[dim, at] : item.indices)
    scope.bounds[dim] = {at.uniform, at.uniform};
  for (auto [entry, first, last] :
       llvm::zip_equal(rows.entries, rows.first, rows.last))
    scope.bounds[entry.dim] = {first, last};
  prepare(uses, scope, Part::Rows);
}

std::pair<Value, Value> TileVisits::hullOf(unsigned position,
                                           cpu::Scope &rows) {
  Value extent = evaluator.extent(columns[position].dim);
  Value from, to;
  for (unsigned i = position; i < visit().getFrom().size();
       i += columns.size()) {
    Value first = evaluator.evaluate(visit().getFrom()[i], rows);
    Value last = evaluator.evaluate(visit().getTo()[i], rows);
    // An empty box must not widen the hull.
    Value isEmpty = code.lessThan(last, first);
    first = code.select(isEmpty, extent, first);
    last = code.select(isEmpty, code.index(-1), last);
    from = from ? code.min(from, first) : first;
    to = to ? code.max(to, last) : last;
  }
  return {from, to};
}

void TileVisits::addOwn(const RowBox &rows) {
  if (visit())
    bindRows(rows, visit()->getOperands(), ownRows.emplace_back());
}

void TileVisits::setBlock(const RowBox &rows, bool searches) {
  for (const TileDim &entry : rows.entries)
    rowDims.push_back(entry.dim);
  if (visit()) {
    Values uses(visit().getFrom());
    llvm::append_range(uses, visit().getTo());
    bindRows(rows, searches ? Values(visit()->getOperands()) : uses, blockRows);
  }
  for (auto [position, entry] : llvm::enumerate(columns)) {
    Value from = code.index(0), end = evaluator.extent(entry.dim);
    if (visit()) {
      auto [first, last] = hullOf(position, blockRows);
      from = code.max(first, from);
      end = code.min(code.add(last, code.index(1)), end);
    }
    Value length = code.max(code.sub(end, from), code.index(0));
    Value at = warps.toI32(from), residue;
    if (Value step = indices.stepOf(entry)) {
      Value rounded =
          code.sub(code.add(warps.toI32(length), step), warps.i32(1));
      length = warps.widen(indices.divide(rounded, step).first);
      std::tie(at, residue) = indices.divide(at, step);
    }
    Value count = warps.toI32(code.ceilDiv(length, entry.box));
    firstColumn.positions.push_back(at);
    firstColumn.residues.push_back(residue);
    numTilesOf.push_back(count);
    numTiles = numTiles ? code.mul(numTiles, count) : count;
  }
}

TileCorner TileVisits::cornerOf(Value number) {
  TileCorner corner = firstColumn;
  if (isBackwards)
    number = code.sub(code.sub(numTiles, warps.i32(1)), number);
  for (unsigned i = columns.size(); i-- != 0;) {
    Value at = number;
    if (i != 0)
      // Asked for where there are tiles alone.
      std::tie(number, at) =
          indices.divide(number, code.max(numTilesOf[i], warps.i32(1)));
    corner.positions[i] =
        code.add(corner.positions[i], code.mul(at, warps.i32(columns[i].box)));
  }
  return corner;
}

/// The bounds of the columns of tile \p number.
cpu::Scope TileVisits::columnsOf(Value number) {
  cpu::Scope scope(&item);
  for (const auto &[dim, at] : item.indices)
    scope.bounds[dim] = {at.uniform, at.uniform};
  TileCorner corner = cornerOf(number);
  for (auto [i, entry] : llvm::enumerate(columns)) {
    Value first = warps.widen(
        indices.indexAt(entry, corner.positions[i], corner.residues[i]));
    Value last = code.sub(evaluator.extent(entry.dim), code.index(1));
    Value distance = code.index(entry.box - 1);
    if (Value step = indices.stepOf(entry))
      distance = code.mul(distance, warps.widen(step));
    last = code.min(code.add(first, distance), last);
    scope.bounds[entry.dim] = {first, last};
  }
  return scope;
}

/// `may` or `must` of the visit, for the rows of \p rows and the tile of
/// columns of \p columns.
Value TileVisits::classify(Value truth, const cpu::Scope &rows,
                           const cpu::Scope &columns) {
  if (auto constant = truth.getDefiningOp<ConstantOp>())
    return code.boolean(cast<BoolAttr>(constant.getValue()).getValue());
  cpu::Scope local(&rows, &columns);
  prepare(truth, local, Part::Pair);
  return evaluator.evaluate(truth, local);
}

Value TileVisits::lane() { return code.land(warps.thread(), warps.i32(31)); }

/// A box of several dimensions is looked at where one is coarser than the
/// tile's: of a table with a number for each block, or for each row and block
/// of columns. With one for each pair, looking would be the work of the tile.
bool attn::gpu::isLookedAt(BoxReduceOp op) {
  return op.getDims().size() == 1 || llvm::any_of(op.getFrom(), [](Value from) {
           return isMadeOf(from, [](Value part) {
             auto quotient = part.getDefiningOp<BinaryOp>();
             return quotient && quotient.getKind() == BinaryKind::FloorDiv;
           });
         });
}

bool attn::gpu::looksAtMemory(SweepOp sweep) {
  return llvm::any_of(sweep.getVisits().getOps<BoxReduceOp>(), isLookedAt);
}

bool attn::gpu::searchesMemory(const cpu::SweepShape &sweep,
                               TileDependence &dependence) {
  VisitOp visit = sweep.visit;
  return visit && isMadeOf(visit.getMay(), [&](Value value) {
           auto box = value.getDefiningOp<BoxReduceOp>();
           return box && isLookedAt(box) &&
                  dependence.dependsOn(value, sweep.over);
         });
}

Values TileVisits::newWindow() {
  if (!searchesMemory(sweep, dependence))
    return {};
  return {warps.i32(-32), warps.i32(0)};
}

TileVisits::LaneTiles TileVisits::lookAt32(Value first) {
  Value number = code.add(first, lane());
  LaneTiles tiles{number, columnsOf(number)};
  prepare({visit().getMay(), visit().getMust()}, tiles.columns, Part::Columns);
  return tiles;
}

Value TileVisits::visitedOf32(const LaneTiles &tiles, Value end) {
  Value may = classify(visit().getMay(), blockRows, tiles.columns);
  return warps.ballot(code.land(may, code.lessThan(tiles.number, end)));
}

Value TileVisits::fullOf32(const LaneTiles &tiles, unsigned own) {
  Value must = classify(visit().getMust(), ownRows[own], tiles.columns);
  return warps.ballot(code.land(isInside(tiles.number), must));
}

/// Looks at 32 tiles at a time, a lane at each, beginning with the first that
/// \p window is not about.
TileVisits::Found TileVisits::searchInLanes(Value from, Value end,
                                            ValueRange window) {
  Value none = warps.i32(0), all = warps.i32(32);
  Value offset = code.sub(from, window[0]);
  Value isKnown = code.compare(arith::CmpIPredicate::ult, offset, all);
  Value rest = arith::ShRUIOp::create(code.builder, code.loc, window[1],
                                      Value(code.land(offset, warps.i32(31))));
  rest = code.select(isKnown, rest, none);
  Value found = code.compare(arith::CmpIPredicate::ne, rest, none);
  Value unknown = code.select(isKnown, code.add(window[0], all), from);
  Value at = code.select(found, code.add(from, warps.firstOf(rest)), unknown);
  Values start{at, found};
  llvm::append_range(start, window);
  auto loop = scf::WhileOp::create(
      code.builder, code.loc, ValueRange(start).getTypes(), start,
      [&](OpBuilder &, Location, ValueRange args) {
        Value more = code.lessThan(args[0], end);
        scf::ConditionOp::create(code.builder, code.loc,
                                 code.land(more, code.lnot(args[1])), args);
      },
      [&](OpBuilder &, Location, ValueRange args) {
        Value first = args[0], bits = visitedOf32(lookAt32(first), end);
        Value isAny = code.compare(arith::CmpIPredicate::ne, bits, none);
        Value next = code.select(isAny, warps.firstOf(bits), all);
        scf::YieldOp::create(
            code.builder, code.loc,
            ValueRange({code.add(first, next), isAny, first, bits}));
      });
  code.builder.setInsertionPointAfter(loop);
  return {loop.getResult(0), Values(loop.getResults().drop_front(2))};
}

TileVisits::Found TileVisits::nextTile(Value from, Value end,
                                       ValueRange window) {
  if (!visit() || visit().getMay().getDefiningOp<ConstantOp>())
    return {from, Values(window)};
  if (!window.empty())
    return searchInLanes(from, end, window);
  auto loop = scf::WhileOp::create(
      code.builder, code.loc,
      TypeRange({warps.i32Type(), code.builder.getI1Type()}),
      ValueRange({from, code.boolean(false)}),
      [&](OpBuilder &, Location, ValueRange args) {
        Value more = code.lessThan(args[0], end);
        scf::ConditionOp::create(code.builder, code.loc,
                                 code.land(more, code.lnot(args[1])), args);
      },
      [&](OpBuilder &, Location, ValueRange args) {
        Value may = classify(visit().getMay(), blockRows, columnsOf(args[0]));
        Value next = code.add(args[0], warps.i32(1));
        scf::YieldOp::create(
            code.builder, code.loc,
            ValueRange({code.select(may, args[0], next), may}));
      });
  code.builder.setInsertionPointAfter(loop);
  return {loop.getResult(0), {}};
}

/// Whether all columns of tile \p number exist.
Value TileVisits::isInside(Value number) {
  TileCorner corner = cornerOf(number);
  Value exists;
  for (auto [i, entry] : llvm::enumerate(columns)) {
    Value end = code.add(corner.positions[i], warps.i32(entry.box));
    Value inside = code.compare(arith::CmpIPredicate::sle, end,
                                indices.positionsOf(entry, corner.residues[i]));
    exists = exists ? code.land(exists, inside) : inside;
  }
  return exists;
}

Value TileVisits::isFull(Value number, unsigned own) {
  if (!visit())
    return sweep.hasDomain ? code.boolean(false) : isInside(number);
  Value must = classify(visit().getMust(), ownRows[own], columnsOf(number));
  return code.land(isInside(number), must);
}
