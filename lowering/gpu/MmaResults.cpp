//===- MmaResults.cpp - What a kernel writes ------------------------------===//

#include "lowering/gpu/MmaKernel.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

/// Evaluates the results of the kernel for the rows, and for the fragments of
/// its products.
void MmaKernelEmitter::emitResults(Item &item) {
  KernelOp kernel = request.kernel;
  auto yield = cast<YieldOp>(kernel.getBody().front().getTerminator());
  for (auto [result, value] :
       llvm::zip_equal(kernel.getResults(), yield.getValues())) {
    const MmaOperand *values = nullptr;
    for (const MmaSweep &sweep : shape.sweeps)
      for (const MmaSum &sum : sweep.sums)
        if (quantity(result).hasDim(sweep.operands[sum.values].columnDim))
          values = &sweep.operands[sum.values];
    StringAttr columnDim =
        values ? values->columnDim : shape.sweeps.front().columnDim;
    FragmentEvaluator elements(warps, *evaluator, shape.rowDim, columnDim);
    elements.isPrecise = isPrecise;
    elements.zeroOverZero = zeroOverZero;
    elements.provide = [&](Value of, Place place, FragmentScope &) -> Value {
      auto found = results.find(of);
      if (found == results.end())
        return {};
      return found->second[place.column < 0 ? unsigned(place.row)
                                            : elementOf(place)];
    };
    FragmentScope scope(&item.scope);
    scope.firstColumn = code.mul(code.land(lane, warps.i32(3)), warps.i32(2));
    store(item, result, value, values ? unsigned(values->columns) : 0, elements,
          scope);
  }
}

/// \p value in the element type of where it goes.
static Value convertTo(cpu::Code &code, Type type, Value value) {
  if (value.getType() == type)
    return value;
  if (isa<FloatType>(type))
    return arith::TruncFOp::create(code.builder, code.loc, type, value);
  return code.toInt(value, type.getIntOrFloatBitWidth());
}

/// Writes \p value for each of the thread's rows that exists, and each of its
/// \p columns (0: it has none, and the four threads of a row hold the same).
void MmaKernelEmitter::store(Item &item, Value result, Value value,
                             unsigned columns, FragmentEvaluator &elements,
                             FragmentScope &scope) {
  Value extent = warps.toI32(evaluator->extent(shape.rowDim));
  Value place = code.land(lane, warps.i32(3));
  Value isFirst = code.equals(place, warps.i32(0));
  for (int row : {0, 1}) {
    Value exists = code.lessThan(item.rows[row], extent);
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
            code.ifThen(code.lessThan(code.add(scope.first(),
                                               warps.i32(at.column)),
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
