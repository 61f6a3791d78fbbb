//===- Scratch.h - The private memory of a worker ---------------*- C++ -*-===//

#ifndef ATTN_LOWERING_CPU_SCRATCH_H
#define ATTN_LOWERING_CPU_SCRATCH_H

#include "lowering/cpu/Evaluate.h"

namespace attn::cpu {

/// Arrays in the scratch of one stage. Sizes may depend on extents; the stage
/// computes the offsets and the plan the total, from this one description.
class Scratch {
public:
  /// Reserves \p bytes for each combination of the indices of \p dims, and
  /// \p rest beside them.
  unsigned reserve(int64_t bytes, DimList dims = {}, int64_t rest = 0) {
    arrays.push_back({bytes, std::move(dims), rest});
    return unsigned(arrays.size()) - 1;
  }

  /// Emits the offset of each array and, last, the total size. Arrays that lie
  /// \p elsewhere take no room here.
  llvm::SmallVector<mlir::Value>
  emitOffsets(Evaluator &evaluator, llvm::ArrayRef<bool> elsewhere = {}) const;

  size_t numArrays() const { return arrays.size(); }
  /// The size of an array, if it is known when the kernel is compiled.
  std::optional<int64_t> staticBytes(unsigned number, SpecOp spec) const;

private:
  struct Array {
    int64_t bytes;
    DimList dims;
    int64_t rest;
  };
  llvm::SmallVector<Array> arrays;
};

} // namespace attn::cpu

#endif // ATTN_LOWERING_CPU_SCRATCH_H
