//===- Scratch.cpp - The private memory of a worker -----------------------===//

#include "lowering/cpu/Scratch.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

SmallVector<Value> Scratch::emitOffsets(Evaluator &evaluator) const {
  // A vector that is stored at the end of a row may run over it by one width.
  constexpr int64_t slack = 64, line = 64;
  Code &code = evaluator.code;
  SmallVector<Value> offsets{code.index(0)};
  for (const Array &array : arrays) {
    Value size = code.index(array.bytes);
    for (StringAttr dim : array.dims)
      size = code.mul(size, evaluator.extent(dim));
    Value rounded = code.land(code.add(size, code.index(slack + line - 1)),
                              code.index(-line));
    offsets.push_back(code.add(offsets.back(), rounded));
  }
  return offsets;
}
