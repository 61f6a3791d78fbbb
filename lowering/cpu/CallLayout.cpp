//===- CallLayout.cpp - Where a call keeps what ---------------------------===//

#include "lowering/cpu/CallLayout.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

CallLayout::CallLayout(SpecOp spec) : spec(spec) {
  slots = int(spec.getDims().size());
  auto take = [&](int count) {
    int first = slots;
    slots += count;
    return first;
  };
  auto takeTensor = [&](Value value, const DimList &layout, Type element) {
    int slot = take(1 + int(layout.size()));
    storages[value].push_back({slot, layout, element, /*isBuffer=*/false});
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
      QuantityType type = quantity(result);
      storages[result].push_back({take(2), DimList(type.getDims()),
                                  type.getElementType(), /*isBuffer=*/true});
      bufferValues.push_back(result);
    }
  }
  for (size_t i = 0; i != kernelOps.size(); ++i)
    itemsSlots.push_back(take(2));
}
