//===- WarpShape.h - Kernels that warpgroups can compute --------*- C++ -*-===//
//
// Says whether a scheduled kernel has the form of a warp-specialised one, and
// with which tile: pairs made of one inner product of 16-bit tensors, and sums,
// maxima and at most one matrix product of what is computed from them. Nothing
// here knows what the pairs mean.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LOWERING_GPU_WARPSHAPE_H
#define ATTN_LOWERING_GPU_WARPSHAPE_H

#include "lowering/cpu/KernelShape.h"
#include "lowering/gpu/Fragments.h"

namespace attn::gpu {

/// A tile of the caller's tensors in shared memory: `rows` indices of `rowDim`
/// by all of the innermost dimension.
struct TileTensor {
  mlir::Value tensor; // the argument
  const cpu::Storage *storage = nullptr;
  mlir::StringAttr rowDim;
  int64_t columns = 0;

  unsigned chunks() const {
    return (columns + chunkColumns - 1) / chunkColumns;
  }
  unsigned bytes(unsigned rows) const {
    return chunks() * rows * chunkColumns * 2;
  }
};

/// How a kernel is cut up.
struct WarpTile {
  unsigned consumers = 2; // warpgroups that compute, 64 rows each
  unsigned columns = 128; // swept indices of a tile
  unsigned stages = 2;    // tiles on their way at a time
  bool pingPong = true;   // consumers issue their products in turns

  unsigned rows() const { return consumers * rowsOfGroup; }
  unsigned threads() const { return (consumers + 1) * threadsOfGroup; }
};

struct WarpShape {
  const cpu::KernelShape *kernel = nullptr;
  const cpu::SweepShape *sweep = nullptr;
  mlir::StringAttr rowDim, columnDim;
  DimList batch;                    // what a work item has one index of
  mlir::Value score;                // the attn.reduce
  TileTensor left, right;           // of the score
  std::optional<TileTensor> values; // of the matrix product
  mlir::StringAttr valueDim;
  const cpu::Accumulator *base = nullptr, *product = nullptr;
  WarpTile tile;
};

/// The shape of \p kernel; none, and the reason in \p why, where it has not the
/// form.
std::optional<WarpShape> matchWarpKernel(const cpu::KernelShape &kernel,
                                         const cpu::CallLayout &layout,
                                         std::string &why);

} // namespace attn::gpu

#endif // ATTN_LOWERING_GPU_WARPSHAPE_H
