//===- MmaResults.cpp - What a kernel writes ------------------------------===//

#include "lowering/gpu/MmaKernel.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

/// Says whether \p value was written pair by pair in its sweep.
static bool isCollected(Value value) {
  auto sweep = value.getDefiningOp<SweepOp>();
  if (!sweep)
    return false;
  auto yield = cast<YieldOp>(sweep.getBody().front().getTerminator());
  Value made = yield.getValues()[cast<OpResult>(value).getResultNumber()];
  return made.getDefiningOp<AccumulateOp>().getKind() ==
         AccumulateKind::Collect;
}

/// Evaluates the results of the kernel for the rows, and for the fragments of
/// its products.
void MmaKernelEmitter::emitResults(Item &item) {
  KernelOp kernel = request.kernel;
  auto yield = cast<YieldOp>(kernel.getBody().front().getTerminator());
  for (auto [result, value] :
       llvm::zip_equal(kernel.getResults(), yield.getValues())) {
    if (isCollected(value))
      continue;
    const MmaOperand *values = nullptr;
    for (const MmaSweep &sweep : shape.sweeps)
      for (const MmaSum &sum : sweep.sums)
        if (quantity(result).hasDim(sweep.operands[sum.values].columnDim))
          values = &sweep.operands[sum.values];
    FragmentDims columns;
    if (values)
      columns.push_back({values->columnDim, 0, Value()});
    FragmentEvaluator elements(warps, *evaluator,
                               indices->fragmentDims(shape.rows), columns);
    elements.isPrecise = isPrecise;
    elements.zeroOverZero = zeroOverZero;
    for (auto [i, strip] : llvm::enumerate(item.strips)) {
      elements.provide = [&](Value of, Place place, FragmentScope &) -> Value {
        auto found = results[i].find(of);
        if (found == results[i].end())
          return {};
        return found
            ->second[place.column < 0 ? unsigned(place.row) : elementOf(place)];
      };
      FragmentScope scope(&strip.scope);
      scope.firstColumns = {
          code.mul(code.land(lane, warps.i32(3)), warps.i32(2))};
      store(strip, result, value, values ? unsigned(values->columns) : 0,
            elements, scope);
    }
  }
}

/// Writes \p value for each of the thread's rows that exists, and each of its
/// \p columns (0: it has none, and the four threads of a row hold the same).
void MmaKernelEmitter::store(Strip &strip, Value result, Value value,
                             unsigned columns, FragmentEvaluator &elements,
                             FragmentScope &scope) {
  Value place = code.land(lane, warps.i32(3));
  Value isFirst = code.equals(place, warps.i32(0));
  for (int row : {0, 1}) {
    Value exists = strip.exists[row];
    if (!columns)
      exists = code.land(exists, isFirst);
    code.ifThen(exists, [&] {
      FragmentScope local(&scope);
      for (const cpu::Storage &to : request.layout.destinationsOf(result)) {
        auto write = [&](Place at) {
          Value number = elements.evaluate(value, at, local);
          code.store(convertTo(code, to.element, number),
                     elements.address(to, result, at, local));
        };
        if (!columns)
          write({row, -1});
        // Where they are no multiple of eight, some threads have fewer.
        for (unsigned i = 0; i != fragmentSize((columns + 7) / 8 * 8); ++i) {
          Place at = placeOf(i);
          if (at.row != row)
            continue;
          if (unsigned(at.column) + 6 < columns)
            write(at);
          else
            code.ifThen(
                code.lessThan(code.add(scope.first(0), warps.i32(at.column)),
                              warps.i32(columns)),
                [&] {
                  FragmentScope inner(&local);
                  Value number = elements.evaluate(value, at, inner);
                  code.store(convertTo(code, to.element, number),
                             elements.address(to, result, at, inner));
                });
        }
      }
    });
  }
}

/// Writes the pairs that \p accumulator collects, those that do not count as 0.
void MmaKernelEmitter::storePairs(Strip &strip, Sweep &sweep,
                                  const cpu::Accumulator &accumulator,
                                  ValueRange elements, FragmentScope &scope) {
  KernelOp kernel = request.kernel;
  auto yield = cast<YieldOp>(kernel.getBody().front().getTerminator());
  for (auto [result, value] :
       llvm::zip_equal(kernel.getResults(), yield.getValues())) {
    if (value != sweep.op().getResult(accumulator.index))
      continue;
    for (const cpu::Storage &to : request.layout.destinationsOf(result))
      for (auto [i, element] : llvm::enumerate(elements)) {
        Place place = placeOf(unsigned(i));
        Value exists = code.land(strip.exists[place.row],
                                 columnExists(sweep, place.column));
        Value at = sweep.pairs.address(to, result, place, scope);
        code.ifThen(exists, [&, element = element] {
          code.store(convertTo(code, to.element, element), at);
        });
      }
  }
}
