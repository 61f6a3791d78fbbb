//===- Scratch.cpp - The private memory of a worker -----------------------===//

#include "lowering/cpu/Scratch.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

SmallVector<Value> Scratch::emitOffsets(Evaluator &evaluator,
                                        ArrayRef<bool> elsewhere) const {
  // A vector that is stored at the end of a row may run over it by one width.
  constexpr int64_t slack = 64, line = 64;
  Code &code = evaluator.code;
  SmallVector<Value> offsets{code.index(0)};
  for (auto [number, array] : llvm::enumerate(arrays)) {
    if (number < elsewhere.size() && elsewhere[number]) {
      offsets.push_back(offsets.back());
      continue;
    }
    Value size = code.index(array.bytes);
    for (StringAttr dim : array.dims)
      size = code.mul(size, evaluator.extent(dim));
    Value rounded =
        code.land(code.add(size, code.index(array.rest + slack + line - 1)),
                  code.index(-line));
    offsets.push_back(code.add(offsets.back(), rounded));
  }
  return offsets;
}

std::optional<int64_t> Scratch::staticBytes(unsigned number,
                                            SpecOp spec) const {
  int64_t bytes = arrays[number].bytes;
  for (StringAttr dim : arrays[number].dims) {
    std::optional<int64_t> size = spec.getStaticSize(dim);
    if (!size || __builtin_mul_overflow(bytes, *size, &bytes))
      return std::nullopt;
  }
  return bytes + arrays[number].rest;
}
