//===- Scratch.h - The private memory of a worker ---------------*- C++ -*-===//

#ifndef ATTN_LOWERING_CPU_SCRATCH_H
#define ATTN_LOWERING_CPU_SCRATCH_H

#include "lowering/cpu/Evaluate.h"

namespace attn::cpu {

/// Arrays in the scratch of one stage. Sizes may depend on extents; the stage
/// computes the offsets and the plan the total, from this one description.
class Scratch {
public:
  /// Reserves \p bytes for each combination of the indices of \p dims.
  unsigned reserve(int64_t bytes, DimList dims = {}) {
    arrays.push_back({bytes, std::move(dims)});
    return unsigned(arrays.size()) - 1;
  }

  /// Emits the offset of each array and, last, the total size.
  llvm::SmallVector<mlir::Value> emitOffsets(Evaluator &evaluator) const;

private:
  struct Array {
    int64_t bytes;
    DimList dims;
  };
  llvm::SmallVector<Array> arrays;
};

} // namespace attn::cpu

#endif // ATTN_LOWERING_CPU_SCRATCH_H
