//===- WarpElements.cpp - The expressions of a spec on a tile -----------===//

#include "dialect/ShiftedSums.h"
#include "lowering/gpu/TileMask.h"
#include "lowering/gpu/WarpKernel.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <limits>

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

using Values = WarpCode::Values;

static constexpr double infinity = std::numeric_limits<double>::infinity();

/// exp(x - f(M)) with x the operand of the running maximum M.
bool WarpKernelEmitter::isExponentOfBase(Value value) {
  std::optional<ShiftedExp> exp = asShiftedExp(value);
  if (!exp || !shape.base)
    return false;
  AccumulateOp base = shape.base->op;
  return exp->max == base.getResult() && exp->number == base.getOperand();
}

Value WarpKernelEmitter::provide(Value value, Place place,
                                 FragmentScope &scope) {
  if (value == shape.score)
    return scoreElements[elementOf(place)];
  if (Value known = differenceElement(value, place))
    return known;
  if (Value known = columnElement(value, place.column))
    return known;
  if (Sigmoid *sigmoid = findSigmoid(value);
      sigmoid && !sigmoid->elements.empty() && place.column >= 0)
    return sigmoid->elements[elementOf(place)];
  if (auto power = powers.find(value);
      power != powers.end() && place.column >= 0)
    return power->second[elementOf(place)];
  if (!shape.base || yElements.empty())
    return {};
  AccumulateOp base = shape.base->op;
  if (value == base.getResult())
    return maxima[place.row];
  if (isExponentOfBase(value))
    return warps.exp2(code.fma(exponents.elements[elementOf(place)],
                               exponentFactor, exponents.rows[place.row]));
  // Masked ones are of the row, and of no other domain.
  if (value == base.getOperand() && place.row >= 0 &&
      shape.sweep->hasOneDomain(base.getDomain())) {
    Value y = yElements[elementOf(place)];
    Value shift = tileShifts[place.row];
    if (Value factor = form->factor())
      return shift ? code.fma(y, factor, shift) : code.mul(y, factor);
    return shift ? code.add(y, shift) : y;
  }
  return {};
}

/// \p elements, with \p identity where the pair does not count: nothing is
/// tested where the tile is \p full.
Values WarpKernelEmitter::mask(Values elements, Value domain, double identity,
                               Value full, Item &item,
                               FragmentScope &tileScope) {
  SmallVector<Type> types(elements.size(), code.f32());
  return code.choose(
      full, types, [&]() { return elements; },
      [&]() {
        readsBroughtColumns = true;
        TileMask counts(
            *pairs, domain, tile.columns, columnEnds, columnFirsts,
            [&] { return lastColumns(); }, tileScope);
        Values masked = counts.choose(elements, identity);
        readsBroughtColumns = false;
        return masked;
      });
}

/// The last indices there are: reads of later ones are reads of those.
Values WarpKernelEmitter::lastColumns() {
  Values last;
  for (const TileDim &entry : shape.columns)
    last.push_back(
        code.sub(warps.toI32(evaluator->extent(entry.dim)), warps.i32(1)));
  return last;
}

/// Says whether the weight of a pair outside of the domain is 0 by itself: the
/// operand of the maximum is -inf there.
bool WarpKernelEmitter::isMaskedByBase(const cpu::Accumulator &accumulator) {
  AccumulateOp op = accumulator.op;
  Value weight = accumulator.pairValue();
  return weight && op.getKind() == AccumulateKind::Sum &&
         isExponentOfBase(weight) &&
         AccumulateOp(shape.base->op).getDomain() == op.getDomain();
}

/// The greatest of each row's elements that the thread has. \p above are those
/// and 0, null where a maximum is NaN with an element: as a rule one is above 0
/// in each row, and they are what is asked for.
Values WarpKernelEmitter::tileMaxima(ValueRange above) {
  auto ofFloats = [&] {
    // Both rows at a time: a chain of maxima waits for each of its steps.
    Values tops(2);
    for (unsigned i = 0; i != yElements.size(); ++i) {
      Value &top = tops[placeOf(i).row];
      top = !top            ? yElements[i]
            : above.empty() ? code.max(top, yElements[i])
                            : warps.maxNumber(top, yElements[i]);
    }
    return tops;
  };
  if (above.empty())
    return ofFloats();
  auto isZero = [&](Value top) {
    return code.compare(arith::CmpFPredicate::OEQ, top, code.real(0));
  };
  Value isExact = warps.noLane(code.lor(isZero(above[0]), isZero(above[1])));
  return code.choose(
      isExact, SmallVector<Type>(2, code.f32()), [&] { return Values(above); },
      ofFloats);
}

/// Takes the tile's maxima into the running ones.
void WarpKernelEmitter::updateMaximum(FragmentScope &tileScope,
                                      ValueRange state, bool isFirst,
                                      TileResult &result) {
  bool keepsNaN = shape.base->keepsNaN;
  auto greater = [&](Value a, Value b) {
    return keepsNaN ? code.max(a, b) : warps.maxNumber(a, b);
  };
  unsigned index = stateIndex(*shape.base);
  RowMaximum rows[2];
  for (unsigned row : {0, 1}) {
    rows[row].shift = tileShifts[row];
    rows[row].before = state[index + row];
  }
  auto setTops = [&](ValueRange y) {
    for (auto [row, top] : llvm::zip_equal(rows, y)) {
      row.y = top;
      row.x = operandOf(warps, top, form->factor(), row.shift);
    }
  };
  Values above;
  for (int row = 0; row != 2 && !keepsNaN; ++row)
    above.push_back(greatestAboveZero(warps, yElements, row));
  auto tell = [&](const Exponents &found, ValueRange scales) {
    Values told = found.elements;
    told.append({found.rows[0], found.rows[1], rows[0].after, rows[1].after,
                 scales[0], scales[1]});
    return told;
  };
  // Row shifts take the registers that a third way to the exponents needs.
  bool hasShifts = tileShifts[0] || tileShifts[1];
  auto meet = [&]() {
    setTops(tileMaxima(above));
    Value noneLarge = noneIsLarge(warps, rows);
    // The shift is of the thread's first column: threads meet after it.
    Value tops[] = {rows[0].x, rows[1].x};
    for (unsigned other : {1, 2}) {
      Value others[] = {warps.exchange(tops[0], other),
                        warps.exchange(tops[1], other)};
      for (unsigned row : {0, 1})
        tops[row] = greater(tops[row], others[row]);
    }
    Values scales;
    for (RowMaximum &row : rows) {
      row.after = greater(row.before, tops[&row - rows]);
      scales.push_back(shrinkage(warps, row.before, row.after));
    }
    return tell(exponentsOf(warps, yElements, rows, noneLarge,
                            /*inBranch=*/keepsNaN || !hasShifts),
                scales);
  };
  auto keep = [&]() {
    for (RowMaximum &row : rows)
      row.after = row.before;
    Value one = code.real(1);
    return tell(exponentsOf(warps, yElements, rows, Value()), {one, one});
  };
  // A first tile has no maximum before it, and a result is the exact one.
  if (!isFirst && !keepsNaN) {
    setTops(above);
    result.keepsScales = maximaSuffice(warps, rows);
  }
  SmallVector<Type> types(yElements.size() + 6, code.f32());
  Values told = result.keepsScales
                    ? code.choose(result.keepsScales, types, keep, meet)
                    : meet();
  ArrayRef<Value> last = ArrayRef(told).take_back(6);
  exponents.elements.assign(told.begin(), told.end() - 6);
  for (unsigned row : {0, 1}) {
    exponents.rows[row] = last[row];
    maxima[row] = last[2 + row];
    result.scales[row] = last[4 + row];
  }
}

WarpKernelEmitter::TileResult WarpKernelEmitter::elements(
    Item &item, Value number, Value full, ValueRange score, ValueRange state,
    bool isFirst, llvm::function_ref<void(const TileResult &)> onScales) {
  FragmentScope scope(&item.scope);
  TileCorner corner = cornerOf(item, number);
  // The thread's own first column is one of the first eight.
  Value &innermost = corner.positions.back();
  innermost = code.add(innermost,
                       code.mul(code.land(lane, warps.i32(3)), warps.i32(2)));
  columnEnds.clear();
  columnFirsts.clear();
  for (auto [i, entry] : llvm::enumerate(shape.columns)) {
    Value position = corner.positions[i], residue = corner.residues[i];
    scope.firstColumns.push_back(indexAt(entry, position, residue));
    columnEnds.push_back(positionsOf(entry, residue));
    columnFirsts.push_back(position);
  }
  auto readsColumns = [&](const cpu::Accumulator &accumulator) {
    return llvm::any_of(accumulator.pairValues(), [&](Value value) {
      return pairs->readsColumns(value);
    });
  };
  if (llvm::any_of(shape.sweep->accumulators, readsColumns))
    scope.lastColumns = lastColumns();
  // Nothing is left of another tile, whose code may stand before this one.
  scoreElements.assign(score.begin(), score.end());
  yElements.clear();
  powers.clear();
  for (Sigmoid &sigmoid : sigmoids)
    sigmoid.elements = sigmoid.packed = {};
  loadDifferences();
  readsBroughtElements = true;
  TileResult result;
  if (shape.base) {
    AccumulateOp op = shape.base->op;
    Values y;
    for (unsigned i = 0; i != score.size(); ++i)
      y.push_back(form->element(placeOf(i), scope));
    for (unsigned row : {0, 1})
      tileShifts[row] = form->shift(row, scope);
    yElements = mask(y, op.getDomain(), -infinity, full, item, scope);
    updateMaximum(scope, state, isFirst, result);
    onScales(result);
  }
  computeSigmoids(scope, full, item, [&] { onScales(result); });
  computePowers(*pairs, shape.sweep->accumulators, unsigned(score.size()),
                scope, powers);
  // One array for accumulators that take the same values of the same pairs.
  TileArrays arrays;
  auto arrayOf = [&](const cpu::Accumulator &accumulator) {
    AccumulateOp op = accumulator.op;
    Value value = accumulator.pairValue();
    double identity = identityOf(op.getKind());
    Values &array = arrays.of(accumulator, identity);
    if (!array.empty())
      return array;
    for (unsigned i = 0; i != score.size(); ++i) {
      Place place = placeOf(i);
      if (value) {
        array.push_back(pairs->evaluate(value, place, scope));
        continue;
      }
      array.push_back(pairs->weight(accumulator.pairFactors,
                                    accumulator.pairDivisors, place, scope));
    }
    if (!isMaskedByBase(accumulator) && !isMaskedSigmoid(accumulator))
      array = mask(array, op.getDomain(), identity, full, item, scope);
    return array;
  };
  for (const cpu::Accumulator &accumulator : shape.sweep->accumulators) {
    if (&accumulator == shape.base) {
      result.state.append({maxima[0], maxima[1]});
      continue;
    }
    AccumulateOp op = accumulator.op;
    unsigned index = stateIndex(accumulator);
    Values totals = softplusTotals(
        *pairs, accumulator, unsigned(score.size()),
        [&](Values elements, Value domain, double identity) {
          return mask(elements, domain, identity, full, item, scope);
        },
        scope);
    if (!totals.empty()) {
      for (unsigned row : {0, 1})
        result.state.push_back(code.add(state[index + row], totals[row]));
      continue;
    }
    if (&accumulator == shape.product && packsEarly(accumulator.pairValue())) {
      result.packed = findSigmoid(accumulator.pairValue())->packed;
      continue;
    }
    Values array = arrayOf(accumulator);
    if (&accumulator == shape.product) {
      result.weights = array;
      continue;
    }
    for (unsigned row : {0, 1}) {
      Value total;
      for (unsigned i = 0; i != array.size(); ++i)
        if (placeOf(i).row == int(row))
          total = total ? cpu::combine(code, cpu::reduceKind(op.getKind()),
                                       total, array[i])
                        : array[i];
      Value before = state[index + row];
      if (op.getRelativeTo())
        total = code.fma(before, result.scales[row], total);
      else
        total =
            cpu::combine(code, cpu::reduceKind(op.getKind()), before, total);
      result.state.push_back(total);
    }
  }
  if (shape.product && !AccumulateOp(shape.product->op).getRelativeTo())
    result.scales[0] = result.scales[1] = Value();
  readsBroughtElements = false;
  return result;
}
