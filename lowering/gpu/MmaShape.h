//===- MmaShape.h - Kernels that warps of mma.sync compute ------*- C++ -*-===//
//
// Says whether a scheduled kernel is loops over tiles of pairs in which every
// product is one of matrices: any number of sweeps, of inner products and of
// sums with values. Operands are tensors, which are copied, or formulas, which
// are computed into the tile. Nothing here knows what the pairs mean.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LOWERING_GPU_MMASHAPE_H
#define ATTN_LOWERING_GPU_MMASHAPE_H

#include "lowering/cpu/KernelShape.h"
#include "lowering/gpu/Tiles.h"

namespace attn {
struct GpuRecord;
} // namespace attn

namespace attn::gpu {

/// A matrix in shared memory: rows are those or the columns of a tile of pairs,
/// columns are indices of one other dimension. An element is the product of
/// `factors`.
struct MmaOperand {
  llvm::SmallVector<mlir::Value> factors;
  mlir::StringAttr columnDim;
  int64_t columns = 0;
  mlir::Type element; // bf16, f16, or f32
  /// The tensor that it is, in this element type; null: it is computed.
  const cpu::Storage *storage = nullptr;

  unsigned elementBytes() const { return element.isF32() ? 4 : 2; }
  /// Columns of a step of the sum; those of an operand are padded to it.
  unsigned depth() const { return element.isF32() ? 8 : 16; }
  unsigned padded() const {
    return unsigned((columns + depth() - 1) / depth() * depth());
  }
  unsigned rowBytes() const {
    constexpr unsigned unit = 16;
    unsigned units = (padded() * elementBytes() + unit - 1) / unit;
    return (units | 1) * unit;
  }
  bool operator==(const MmaOperand &other) const {
    return factors == other.factors && columnDim == other.columnDim &&
           element == other.element;
  }
};

/// pairs[row, column] = sum of left[row, d] * right[column, d].
struct MmaProduct {
  mlir::Value result; // the attn.reduce
  unsigned left;      // of the kernel's operands
  unsigned right;     // of the sweep's operands
};

/// state[row, e] += sum of pairs[row, column] * values[column, e].
struct MmaSum {
  const cpu::Accumulator *accumulator;
  unsigned values; // of the sweep's operands
};

struct MmaSweep {
  const cpu::SweepShape *sweep = nullptr;
  TileDims columns;   // row-major
  unsigned width = 0; // of a tile: those of MmaTile, or twice as many
  std::vector<MmaOperand> operands;
  std::vector<MmaProduct> products;
  std::vector<MmaSum> sums;
  /// Accumulators with two numbers a thread, running maxima among them.
  std::vector<const cpu::Accumulator *> rows;
  /// Pairs that are results themselves.
  std::vector<const cpu::Accumulator *> collected;

  /// Bytes of shared memory that a tile takes.
  unsigned stageBytes() const;
};

/// How a kernel is cut up.
struct MmaTile {
  unsigned warps = 4;
  unsigned strips = 1;   // of 16 rows, which a warp has
  unsigned columns = 64; // swept indices of a tile, at least
  unsigned stages = 2;   // tiles in shared memory
  unsigned blocks = 1;   // of a multiprocessor, for which registers are left
  unsigned rowsOfWarp() const { return strips * 16; }
  unsigned rows() const { return warps * rowsOfWarp(); }
  unsigned threads() const { return warps * 32; }
};

struct MmaShape {
  const cpu::KernelShape *kernel = nullptr;
  TileDims rows; // row-major
  llvm::SmallVector<StepNumber> steps;
  DimList batch; // what a work item has one index of
  std::vector<MmaOperand> lefts;
  std::vector<MmaSweep> sweeps;
  MmaTile tile;

  /// Cuts rows and columns up, by the tile.
  void setBoxes();
  /// Bytes of shared memory.
  unsigned leftBytes() const;
  unsigned stageBytes() const;
  unsigned sharedBytes() const {
    return leftBytes() + tile.stages * stageBytes();
  }
};

/// What \p op collects, before it is rounded to the type of the result.
mlir::Value collectedPair(AccumulateOp op);

/// The shape of \p kernel; none, and the reason in \p why, where it has not the
/// form.
std::optional<MmaShape> matchMmaKernel(const cpu::KernelShape &kernel,
                                       const cpu::CallLayout &layout,
                                       const GpuRecord &gpu, std::string &why);

} // namespace attn::gpu

#endif // ATTN_LOWERING_GPU_MMASHAPE_H
