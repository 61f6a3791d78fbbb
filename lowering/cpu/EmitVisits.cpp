//===- EmitVisits.cpp - The keys that a tile of lanes visits --------------===//
//
// Evaluates what attn.visit says. A sweep runs over the positions of the box
// that holds all its keys, tile by tile; tiles without a pair are skipped, full
// ones run without the mask.
//
//===----------------------------------------------------------------------===//

#include "dialect/TileDependence.h"
#include "lowering/cpu/EmitKernel.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

/// Computes in \p scope, which has the bounds of lanes, what the tiles of keys
/// share.
void KernelEmitter::hoistVisit(const SweepShape &sweep, Scope &scope) {
  if (!sweep.visit)
    return;
  TileDependence dependence;
  llvm::DenseSet<Value> seen;
  std::function<void(Value)> walk = [&](Value value) {
    if (!isOfVisits(value) || !seen.insert(value).second)
      return;
    if (!dependence.dependsOn(value, sweep.over)) {
      evaluator->evaluate(value, scope);
      return;
    }
    for (Value operand : value.getDefiningOp()->getOperands())
      walk(operand);
  };
  walk(sweep.visit.getMay());
  walk(sweep.visit.getMust());
}

/// The least and greatest index of the boxes of \p visit in one of its
/// dimensions, for the lanes of \p scope. An empty box must not widen it.
std::pair<Value, Value> KernelEmitter::hullOf(VisitOp visit, unsigned position,
                                              Scope &scope) {
  unsigned rank = visit.getStep().size(), end = visit.getFrom().size();
  Value from, to;
  for (unsigned i = position; i < end; i += rank) {
    Value low = evaluator->evaluate(visit.getFrom()[i], scope);
    Value high = evaluator->evaluate(visit.getTo()[i], scope);
    if (end > rank) {
      Value empty = code.lessThan(high, low);
      low = code.select(empty, code.index(maxExtent), low);
      high = code.select(empty, code.index(-1), high);
    }
    from = from ? code.min(from, low) : low;
    to = to ? code.max(to, high) : high;
  }
  return {from, to};
}

/// Works out the keys that \p sweep visits for the current tile of lanes.
void KernelEmitter::findVisited(const SweepShape &sweep) {
  visited = Visited();
  visited.total = code.index(1);
  Value zero = code.index(0), one = code.index(1);
  unsigned rank = sweep.over.size();
  if (!sweep.visit) {
    for (StringAttr dim : sweep.over) {
      visited.origins.push_back(zero);
      visited.steps.push_back(one);
      visited.counts.push_back(evaluator->extent(dim));
      visited.total = code.mul(visited.total, visited.counts.back());
    }
    return;
  }
  Scope scope(&itemScope);
  bindLaneBounds(zero, code.sub(validLanes, one), scope);
  VisitOp visit = sweep.visit;
  auto number = [&](Value value) { return evaluator->evaluate(value, scope); };
  if (visit.getFrom().size() > rank)
    for (auto [from, to] : llvm::zip_equal(visit.getFrom(), visit.getTo()))
      visited.boxes.push_back({number(from), number(to)});
  for (unsigned i = 0; i != rank; ++i) {
    Value step = number(visit.getStep()[i]);
    auto [from, to] = hullOf(visit, i, scope);
    // Runs of keys start where a small step could.
    if (sweep.isContiguous && rank == 1)
      from = code.land(from, code.index(-int64_t(shape.sub)));
    Value span = code.sub(to, from);
    Value count = code.add(Value(arith::DivUIOp::create(
                               builder, code.loc, code.max(span, zero), step)),
                           one);
    visited.origins.push_back(from);
    visited.steps.push_back(step);
    visited.counts.push_back(code.select(code.lessThan(to, from), zero, count));
    visited.total = code.mul(visited.total, visited.counts.back());
  }
}

/// What the domains of \p sweep say about the lanes whose bounds \p lanes has
/// and the positions \p firstKey to \p lastKey of the keys.
KernelEmitter::Truth KernelEmitter::classify(const SweepShape &sweep,
                                             Scope &lanes, Value firstKey,
                                             Value lastKey) {
  if (!sweep.visit)
    return {code.boolean(true), code.boolean(!sweep.hasDomain)};
  Scope local(&lanes);
  bindSpread(
      sweep.over, visited.counts, firstKey, lastKey,
      [&](unsigned i, Value at) {
        return code.add(visited.origins[i], code.mul(at, visited.steps[i]));
      },
      local);
  Value may = evaluator->evaluate(sweep.visit.getMay(), local);
  if (!visited.boxes.empty()) {
    auto [low, high] = local.bounds.lookup(sweep.over.front());
    Value inside = code.boolean(false);
    for (auto [from, to] : visited.boxes)
      inside = code.lor(inside, code.land(code.lnot(code.lessThan(high, from)),
                                          code.lnot(code.lessThan(to, low))));
    may = code.land(may, inside);
  }
  return {may, evaluator->evaluate(sweep.visit.getMust(), local)};
}

/// Calls \p visit for the tiles of keys that may have a pair, and \p count, if
/// given, for every tile.
void KernelEmitter::forEachKeyTile(const SweepShape &sweep,
                                   llvm::function_ref<void(Value, Value)> visit,
                                   llvm::function_ref<void(Truth)> count) {
  Scope lanes(&itemScope);
  if (sweep.visit) {
    bindLaneBounds(code.index(0), code.sub(validLanes, code.index(1)), lanes);
    hoistVisit(sweep, lanes);
  }
  code.forEach(code.index(0), visited.total, shape.keys, [&](Value tile) {
    Value keys =
        code.min(code.index(shape.keys), code.sub(visited.total, tile));
    Value last = code.sub(code.add(tile, keys), code.index(1));
    if (!sweep.visit && !count)
      return visit(tile, keys);
    Truth truth = classify(sweep, lanes, tile, last);
    if (count)
      count(truth);
    code.ifThen(truth.may, [&] { visit(tile, keys); });
  });
}

static Value roundUpToEven(Code &code, Value x) {
  return code.land(code.add(x, code.index(1)), code.index(-2));
}

/// The keys of a tile, as offsets, that the lanes of \p scope can need: those
/// of a group are fewer than those of the whole tile of lanes. Where keys are
/// taken in pairs, whole pairs, but for the last key of all.
std::pair<Value, Value> KernelEmitter::clipKeys(const SweepShape &sweep,
                                                Scope &scope, Value tile,
                                                Value count) {
  Value zero = code.index(0), one = code.index(1);
  if (sweep.over.size() > 1)
    return {zero, count};
  auto [from, to] = hullOf(sweep.visit, 0, scope);
  Value origin = visited.origins.front(), step = visited.steps.front();
  auto offsetOf = [&](Value index) {
    return code.sub(Value(arith::DivSIOp::create(
                        builder, code.loc, code.sub(index, origin), step)),
                    tile);
  };
  auto clamp = [&](Value x) { return code.min(code.max(x, zero), count); };
  Value start = clamp(offsetOf(code.max(from, origin)));
  Value end =
      clamp(code.add(offsetOf(code.max(to, code.sub(origin, step))), one));
  if (!sweep.takesPairs())
    return {start, end};
  return {code.land(start, code.index(-2)),
          code.min(roundUpToEven(code, end), count)};
}

/// Says whether the two halves of a group take the keys of a masked step one
/// after the other, each what it needs: of a window of 512 keys, 64 lanes need
/// 575 and 32 of them 543. Register tiles of half the lanes cost 3 to 5 % more,
/// so only where the keys depend on the lanes.
bool KernelEmitter::halvesGroups(const SweepShape &sweep) const {
  if (code.machine == Machine::Gpu || !sweep.visit || sweep.over.size() > 1 ||
      !shape.box.empty() || shape.vectors % 2)
    return false;
  TileDependence dependence;
  VisitOp visit = sweep.visit;
  auto isOfLanes = [&](Value end) {
    return dependence.dependsOn(end, shape.lanes);
  };
  return llvm::any_of(visit.getFrom(), isOfLanes) ||
         llvm::any_of(visit.getTo(), isOfLanes);
}

void KernelEmitter::forEachHalf(const SweepShape &sweep, Group &group,
                                const Keys &keys, StepBody body) {
  Value lanes = code.index(shape.groupLanes());
  Value end = code.min(code.add(group.first, lanes), validLanes);
  code.forEach(group.first, end, shape.groupLanes() / 2, [&](Value first) {
    Group half;
    bindGroup(first, shape.vectors / 2, half);
    Scope scope(&itemScope);
    bindGroupBounds(half, scope);
    Value most = code.add(keys.offset, keys.count);
    auto [from, to] = clipKeys(sweep, scope, keys.tile, most);
    from = code.max(from, keys.offset);
    code.ifThen(code.lessThan(from, to), [&, to = to] {
      body(half,
           {keys.tile, code.add(keys.tile, from), from, code.sub(to, from)},
           /*masked=*/true);
    });
  });
}

/// Splits the keys of a tile, for one group of lanes, into steps in which the
/// domain is true everywhere and steps in which it has to be evaluated: all
/// that are left if they are decided at once, all but a small step at the end,
/// or a small step.
void KernelEmitter::forEachStep(const SweepShape &sweep, Group &group,
                                Value tile, Value count, StepBody body) {
  Value zero = code.index(0);
  if (!sweep.hasDomain)
    return body(group, {tile, tile, zero, count}, false);
  if (!sweep.visit)
    return body(group, {tile, tile, zero, count}, true);
  Scope scope(&itemScope);
  bindGroupBounds(group, scope);
  hoistVisit(sweep, scope);
  // A block of threads is one group, which needs what the tile was made of, and
  // its matrix units want steps that begin at multiples of their depth.
  bool byBlock = code.machine == Machine::Gpu;
  auto [start, end] =
      byBlock ? std::pair(zero, count) : clipKeys(sweep, scope, tile, count);
  auto loop = scf::WhileOp::create(
      builder, code.loc, TypeRange(code.i64()), ValueRange(start),
      [&, end = end](OpBuilder &, Location, ValueRange args) {
        scf::ConditionOp::create(builder, code.loc, code.lessThan(args[0], end),
                                 args);
      },
      [&, end = end](OpBuilder &, Location, ValueRange args) {
        Value offset = args[0], first = code.add(tile, offset);
        Value rest = code.sub(end, offset);
        auto truthOf = [&](Value length) {
          return classify(sweep, scope, first,
                          code.sub(code.add(first, length), code.index(1)));
        };
        Value small = code.min(code.index(shape.sub), rest);
        Value large = code.sub(rest, small);
        if (sweep.takesPairs())
          large = roundUpToEven(code, large);
        Value most = byBlock ? small : code.max(large, small);
        Truth all = truthOf(rest), almost = truthOf(most);
        Value decided = code.lor(all.must, code.lnot(all.may));
        Value length =
            code.select(decided, rest, code.select(almost.must, most, small));
        Truth part = truthOf(length);
        Keys keys{tile, first, offset, length};
        code.ifElse(
            code.land(part.must, part.may), [&] { body(group, keys, false); },
            [&] {
              code.ifThen(part.may, [&] {
                if (halvesGroups(sweep))
                  forEachHalf(sweep, group, keys, body);
                else
                  body(group, keys, true);
              });
            });
        scf::YieldOp::create(builder, code.loc,
                             ValueRange(code.add(offset, length)));
      });
  builder.setInsertionPointAfter(loop);
}
