//===- Slices.h - Indices that take turns in memory -------------*- C++ -*-===//
//
// Two kinds of buffers need not be in memory at once. Operands that are
// computed ahead (rotary embeddings, feature maps) are there for some batch
// indices at a time. Arrays that no tensor accounts for (a mean over heads of
// query by key, say) are there for a strip of one of their dimensions at a
// time, too: it runs along lanes in some stages and among the batch indices of
// others, but each work item of a stage has its own place in it.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LOWERING_CPU_SLICES_H
#define ATTN_LOWERING_CPU_SLICES_H

#include "lowering/cpu/CallLayout.h"

namespace attn::cpu {

/// Stages that follow each other. Where they are sliced, they run for some
/// batch indices, then for the next, and so on; with a strip, for some of its
/// indices each time. Those that have none run once for all strips, with the
/// first: they read nothing that those with one make in the pass.
struct StagePass {
  bool isSliced = false;
  mlir::StringAttr strip; // null: none
  llvm::SmallVector<unsigned> stages;
};

struct SlicedBuffer {
  mlir::Value value;
  mlir::StringAttr strip; // null: none
};

struct LargeBuffer {
  mlir::Value value;
  DimList dims; // of what is in memory at a time
};

/// How the stages of a spec may run.
struct Slices {
  /// The outermost batch dimensions of all stages that are sliced.
  DimList dims;
  /// Buffers that these stages alone look at. A pass that reads one makes it
  /// again.
  llvm::SmallVector<SlicedBuffer> buffers;
  /// The dimension of the strips that a stage runs over; null: none.
  llvm::SmallVector<mlir::StringAttr> strips;
  std::vector<StagePass> passes; // empty: nothing is sliced
  /// Buffers of which more is in memory at a time than of any tensor.
  llvm::SmallVector<LargeBuffer> large;
};

Slices findSlices(const CallLayout &layout);

/// The same where nothing is sliced.
llvm::SmallVector<LargeBuffer> findLargeBuffers(const CallLayout &layout);

} // namespace attn::cpu

#endif // ATTN_LOWERING_CPU_SLICES_H
