//===- CallLayout.cpp - Where a call keeps what ---------------------------===//

#include "lowering/cpu/CallLayout.h"
#include "dialect/LargeArrays.h"

#include <algorithm>

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

/// How a buffer lies in memory: what is made element by element, and arrays
/// that no tensor accounts for, so that lanes are neighbours.
static DimList layoutOf(KernelOp kernel, Value result) {
  DimList layout(quantity(result).getDims());
  ArrayAttr names = kernel.getLanesAttr();
  bool isElementwise = kernel.getBody().front().getOps<SweepOp>().empty();
  if (!names ||
      (!isElementwise && !isLarge(kernel->getParentOfType<SpecOp>(), result)))
    return layout;
  DimList lanes = toDims(names);
  std::stable_partition(layout.begin(), layout.end(), [&](StringAttr dim) {
    return !llvm::is_contained(lanes, dim);
  });
  return layout;
}

CallLayout::CallLayout(SpecOp spec) : spec(spec) {
  slots = int(spec.getDims().size());
  auto take = [&](int count) {
    int first = slots;
    slots += count;
    return first;
  };
  auto takeTensor = [&](Value value, const DimList &layout, Type element) {
    int slot = take(1 + int(layout.size()));
    storages[value].push_back(
        {slot, layout, element, /*isBuffer=*/false, Strip()});
    params.push_back(slot);
  };
  Block &block = spec.getBody().front();
  for (BlockArgument arg : block.getArguments()) {
    if (spec.getArgAttr(arg.getArgNumber(), "attn.layout")) {
      takeTensor(arg, spec.getArgLayout(arg.getArgNumber()),
                 quantity(arg).getElementType());
      continue;
    }
    params.push_back(take(1));
    scalars[arg] = params.back();
  }
  auto ret = cast<ReturnOp>(block.getTerminator());
  for (auto [index, value] : llvm::enumerate(ret.getValues()))
    takeTensor(value, spec.getResultLayout(index),
               quantity(value).getElementType());
  for (auto kernel : block.getOps<KernelOp>()) {
    kernelOps.push_back(kernel);
    for (Value result : kernel.getResults()) {
      if (storages.contains(result))
        continue;
      storages[result].push_back({take(2), layoutOf(kernel, result),
                                  quantity(result).getElementType(),
                                  /*isBuffer=*/true, Strip()});
      bufferValues.push_back(result);
    }
  }
  for (size_t i = 0; i != kernelOps.size(); ++i)
    itemsSlots.push_back(take(4));
}
