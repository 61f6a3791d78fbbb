//===- Slices.h - Batch indices that take turns in memory -------*- C++ -*-===//

#ifndef ATTN_LOWERING_CPU_SLICES_H
#define ATTN_LOWERING_CPU_SLICES_H

#include "lowering/cpu/CallLayout.h"

namespace attn::cpu {

/// Stages that follow each other. Where they are sliced, they run for some
/// batch indices, then for the next, and so on.
struct StagePass {
  bool isSliced = false;
  llvm::SmallVector<unsigned> stages;
};

/// How stages may run so that operands which are computed ahead (rotary
/// embeddings, feature maps) take the memory of a slice.
struct Slices {
  /// The outermost batch dimensions of all stages that are sliced; empty: none
  /// can be.
  DimList dims;
  /// Buffers that these stages alone look at, outermost in `dims`. A pass that
  /// reads one makes it again.
  llvm::SmallVector<mlir::Value> buffers;
  std::vector<StagePass> passes;
};

Slices findSlices(const CallLayout &layout);

} // namespace attn::cpu

#endif // ATTN_LOWERING_CPU_SLICES_H
