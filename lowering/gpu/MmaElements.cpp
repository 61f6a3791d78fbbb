//===- MmaElements.cpp - The expressions of a spec on a tile --------------===//

#include "dialect/ShiftedSums.h"
#include "lowering/gpu/MmaKernel.h"
#include "lowering/gpu/TileMask.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

#include <limits>

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

using Values = WarpCode::Values;

static constexpr double infinity = std::numeric_limits<double>::infinity();

/// The running maximum M where \p value is exp(x - f(M)), x its operand.
Value MmaKernelEmitter::exponentBase(Sweep &sweep, Value value) {
  std::optional<ShiftedExp> exp = asShiftedExp(value);
  Base *base = exp ? sweep.baseOf(exp->max) : nullptr;
  bool isOperand =
      base && AccumulateOp(base->accumulator->op).getOperand() == exp->number;
  return isOperand ? exp->max : Value();
}

Value MmaKernelEmitter::provide(Sweep &sweep, Value value, Place place) {
  for (auto [i, product] : llvm::enumerate(sweep.shape.products))
    if (product.result == value)
      return sweep.own().scores[i][elementOf(place)];
  if (auto power = sweep.own().powers.find(value);
      power != sweep.own().powers.end() && place.column >= 0)
    return power->second[elementOf(place)];
  if (value.getDefiningOp() && isa<SweepOp>(value.getDefiningOp()))
    return results[sweep.strip].find(value)->second[place.row];
  if (Base *base = sweep.baseOf(value))
    return base->maxima[place.row];
  if (Value running = exponentBase(sweep, value)) {
    Base &base = *sweep.baseOf(running);
    return warps.exp2(code.fma(base.exponents.elements[elementOf(place)],
                               base.exponentFactor,
                               base.exponents.rows[place.row]));
  }
  for (Base &base : sweep.own().bases) {
    AccumulateOp op = base.accumulator->op;
    // Masked ones are of the row, and of no other domain.
    if (value != op.getOperand() || base.elements.empty() || place.row < 0 ||
        !sweep.shape.sweep->hasOneDomain(op.getDomain()))
      continue;
    Value y = base.elements[elementOf(place)];
    Value shift = base.shifts[place.row];
    if (Value factor = base.form->factor())
      return shift ? code.fma(y, factor, shift) : code.mul(y, factor);
    return shift ? code.add(y, shift) : y;
  }
  return {};
}

/// \p elements, with \p identity where the pair does not count: nothing is
/// tested where the tile is \p full.
Values MmaKernelEmitter::mask(Sweep &sweep, Values elements, Value domain,
                              double identity, Value full,
                              FragmentScope &tileScope) {
  SmallVector<Type> types(elements.size(), code.f32());
  return code.choose(
      full, types, [&]() { return elements; },
      [&]() {
        TileMask counts(
            sweep.pairs, domain, sweep.shape.width, sweep.columnEnds,
            sweep.columnFirsts, [&] { return lastColumns(sweep); }, tileScope);
        return counts.choose(elements, identity);
      });
}

/// The last indices there are: reads of later ones are reads of those.
Values MmaKernelEmitter::lastColumns(Sweep &sweep) {
  Values last;
  for (const TileDim &entry : sweep.shape.columns)
    last.push_back(indices->last(entry));
  return last;
}

/// Says whether column \p column of the tile, from the thread's first on, is
/// one.
Value MmaKernelEmitter::columnExists(Sweep &sweep, int column) {
  Value exists;
  for (auto [i, end] : llvm::enumerate(sweep.columnEnds)) {
    Value inside = code.compare(
        arith::CmpIPredicate::sgt, code.sub(end, sweep.columnFirsts[i]),
        warps.i32(sweep.pairs.offsetOf(unsigned(i), column)));
    exists = exists ? code.land(exists, inside) : inside;
  }
  return exists;
}

/// Says whether the weight of a pair outside of the domain is 0 by itself: the
/// operand of the maximum is -inf there.
bool MmaKernelEmitter::isMaskedByBase(Sweep &sweep,
                                      const cpu::Accumulator &accumulator) {
  AccumulateOp op = accumulator.op;
  Value weight = accumulator.pairValue();
  Value running = weight && op.getKind() == AccumulateKind::Sum
                      ? exponentBase(sweep, weight)
                      : Value();
  return running &&
         running.getDefiningOp<AccumulateOp>().getDomain() == op.getDomain();
}

/// The elements of a row, neighbours first: a chain would wait for each of its
/// instructions.
static Value reduceRow(ArrayRef<Value> elements, unsigned row,
                       llvm::function_ref<Value(Value, Value)> combine) {
  Values parts;
  for (auto [i, element] : llvm::enumerate(elements))
    if (placeOf(unsigned(i)).row == int(row))
      parts.push_back(element);
  while (parts.size() > 1) {
    Values next;
    for (size_t i = 0; i < parts.size(); i += 2)
      next.push_back(i + 1 < parts.size() ? combine(parts[i], parts[i + 1])
                                          : parts[i]);
    parts = next;
  }
  return parts.front();
}

/// Takes the tile's maxima into the running ones.
void MmaKernelEmitter::updateMaximum(Sweep &sweep, Base &base, Value full,
                                     ValueRange before, FragmentScope &scope) {
  AccumulateOp op = base.accumulator->op;
  Values y;
  for (unsigned i = 0; i != fragmentSize(sweep.shape.width); ++i)
    y.push_back(base.form->element(placeOf(i), scope));
  for (unsigned row : {0, 1})
    base.shifts[row] = base.form->shift(row, scope);
  base.elements = mask(sweep, y, op.getDomain(), -infinity, full, scope);
  bool keepsNaN = base.accumulator->keepsNaN;
  auto greater = [&](Value a, Value b) {
    return keepsNaN ? code.max(a, b) : warps.maxNumber(a, b);
  };
  RowMaximum rows[2];
  Value tops[2];
  for (unsigned row : {0, 1}) {
    Value &top = tops[row], shift = base.shifts[row];
    top = reduceRow(base.elements, row, greater);
    rows[row].y = top;
    rows[row].shift = shift;
    top = operandOf(warps, top, base.form->factor(), shift);
    rows[row].x = top;
    rows[row].before = before[row];
  }
  Value noneLarge = noneIsLarge(warps, rows);
  for (unsigned row : {0, 1}) {
    Value &top = tops[row];
    // The shift is of the thread's first column: threads meet after it.
    for (unsigned other : {1, 2})
      top = greater(top, warps.exchange(top, other));
    Value after = greater(before[row], top);
    base.maxima[row] = after;
    base.scales[row] = shrinkage(warps, before[row], after);
    rows[row].after = after;
  }
  base.exponents = exponentsOf(warps, base.elements, rows, noneLarge);
}

/// What \p accumulator adds up, of each element, without its domain.
Values MmaKernelEmitter::elementsOf(Sweep &sweep,
                                    const cpu::Accumulator &accumulator,
                                    FragmentScope &scope) {
  FragmentEvaluator &pairs = sweep.pairs;
  Values array;
  for (unsigned i = 0; i != fragmentSize(sweep.shape.width); ++i) {
    Place place = placeOf(i);
    if (!accumulator.isProduct) {
      AccumulateOp op = accumulator.op;
      bool isPair = op.getKind() == AccumulateKind::Collect;
      array.push_back(pairs.evaluate(
          isPair ? collectedPair(op) : op.getOperand(), place, scope));
      continue;
    }
    array.push_back(pairs.weight(accumulator.pairFactors,
                                 accumulator.pairDivisors, place, scope));
  }
  return array;
}

MmaKernelEmitter::TileResult
MmaKernelEmitter::elements(Strip &strip, Sweep &sweep, Value number, Value full,
                           ValueRange state) {
  FragmentScope scope(&strip.scope);
  // The thread's first column is one of the first eight.
  TileCorner corner = sweep.visits.cornerOf(number);
  Value &innermost = corner.positions.back();
  innermost = code.add(innermost,
                       code.mul(code.land(lane, warps.i32(3)), warps.i32(2)));
  sweep.columnEnds.clear();
  sweep.columnFirsts.clear();
  for (auto [i, entry] : llvm::enumerate(sweep.shape.columns)) {
    Value position = corner.positions[i], residue = corner.residues[i];
    scope.firstColumns.push_back(indices->indexAt(entry, position, residue));
    sweep.columnEnds.push_back(indices->positionsOf(entry, residue));
    sweep.columnFirsts.push_back(position);
  }
  ArrayRef<cpu::Accumulator> accumulators = sweep.shape.sweep->accumulators;
  auto readsColumns = [&](const cpu::Accumulator &accumulator) {
    return llvm::any_of(accumulator.pairValues(), [&](Value value) {
      return sweep.pairs.readsColumns(value);
    });
  };
  if (llvm::any_of(accumulators, readsColumns))
    scope.lastColumns = lastColumns(sweep);
  sweep.own().powers.clear();
  for (Base &base : sweep.own().bases)
    base.elements.clear();
  for (auto [i, accumulator] : llvm::enumerate(sweep.shape.rows))
    for (Base &base : sweep.own().bases)
      if (base.accumulator == accumulator)
        updateMaximum(sweep, base, full, state.slice(2 * i, 2), scope);
  computePowers(sweep.pairs, accumulators, fragmentSize(sweep.shape.width),
                scope, sweep.own().powers);

  // One array for accumulators that take the same values of the same pairs.
  TileArrays arrays;
  auto arrayOf = [&](const cpu::Accumulator &accumulator) {
    AccumulateOp op = accumulator.op;
    double identity = identityOf(op.getKind());
    Values &array = arrays.of(accumulator, identity);
    if (!array.empty())
      return array;
    array = elementsOf(sweep, accumulator, scope);
    if (!isMaskedByBase(sweep, accumulator))
      array = mask(sweep, array, op.getDomain(), identity, full, scope);
    return array;
  };
  TileResult result;
  for (auto [number, accumulator] : llvm::enumerate(sweep.shape.rows)) {
    AccumulateOp op = accumulator->op;
    ReduceKind kind = cpu::reduceKind(op.getKind());
    if (accumulator->isBase) {
      Base &base = *sweep.baseOf(op.getResult());
      result.rows.append({base.maxima[0], base.maxima[1]});
      continue;
    }
    Values totals = softplusTotals(
        sweep.pairs, *accumulator, fragmentSize(sweep.shape.width),
        [&](Values elements, Value domain, double identity) {
          return mask(sweep, elements, domain, identity, full, scope);
        },
        scope);
    if (!totals.empty()) {
      for (unsigned row : {0, 1})
        result.rows.push_back(code.add(state[2 * number + row], totals[row]));
      continue;
    }
    Values array = arrayOf(*accumulator);
    for (unsigned row : {0, 1}) {
      Value total = reduceRow(array, row, [&](Value a, Value b) {
        return cpu::combine(code, kind, a, b);
      });
      Value before = state[2 * number + row];
      if (Value relative = op.getRelativeTo())
        total = code.fma(before, sweep.baseOf(relative)->scales[row], total);
      else
        total = cpu::combine(code, kind, before, total);
      result.rows.push_back(total);
    }
  }
  for (const cpu::Accumulator *accumulator : sweep.shape.collected)
    storePairs(strip, sweep, *accumulator, arrayOf(*accumulator), scope);
  for (const MmaSum &sum : sweep.shape.sums)
    result.weights.push_back(arrayOf(*sum.accumulator));
  return result;
}
