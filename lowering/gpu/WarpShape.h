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
#include "lowering/gpu/Tiles.h"

namespace attn::gpu {

/// Dynamic shared memory that a block may have on sm_90, and what of it is for
/// barriers.
constexpr unsigned maxShared = 227 * 1024, barrierBytes = 512;

/// What runs along a tile of the caller's tensors in shared memory.
enum class TileSide { Rows, Columns };

/// A tile of the caller's tensors in shared memory: the rows or the columns of
/// a tile of pairs by all of the tensor's innermost dimension.
struct TileTensor {
  mlir::Value tensor; // the argument
  const cpu::Storage *storage = nullptr;
  TileSide side = TileSide::Rows;
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

/// What a consumer brings into shared memory for each column of a tile.
struct ColumnValue {
  mlir::Value value; // or the exponent of a weight
  std::optional<FragmentEvaluator::ColumnWeight> weight;
  bool isOfElements =
      false; // every tile asks for it, not the masked ones alone

  mlir::Value normalizer() const {
    return weight ? weight->normalizer.value : mlir::Value();
  }
};

struct WarpShape {
  const cpu::KernelShape *kernel = nullptr;
  const cpu::SweepShape *sweep = nullptr;
  TileDims rows, columns; // row-major
  llvm::SmallVector<StepNumber> steps;
  /// Of pairs, by the difference of row and column alone (PairDifference.h).
  llvm::SmallVector<mlir::Value> differences;
  /// What masks and elements read of a column alone, in a word each.
  llvm::SmallVector<ColumnValue> columnValues;
  DimList batch;                    // what a work item has one index of
  mlir::Value score;                // the attn.reduce
  TileTensor left, right;           // of the score
  std::optional<TileTensor> values; // of the matrix product
  mlir::StringAttr valueDim;
  const cpu::Accumulator *base = nullptr, *product = nullptr;
  WarpTile tile;
  /// For few rows: a tile's rows are a box whose extents the plan chooses, and
  /// items may be cut into parts.
  bool isPacked = false;

  /// Says whether the lanes of a warp look for integers together.
  bool searches() const;
  /// What a block needs for a tile, in cycles: of the tensor cores, of the
  /// elements, or of its share of the memory's bandwidth.
  unsigned tileCycles() const;
  /// Registers of a thread that copies and of one that computes.
  std::pair<unsigned, unsigned> registersOfRoles() const;
  const TileDims &dimsOf(TileSide side) const {
    return side == TileSide::Rows ? rows : columns;
  }
  /// Says whether a tensor with a tile of \p side steps along it.
  bool hasSteps(TileSide side) const {
    return llvm::any_of(dimsOf(side),
                        [](const TileDim &entry) { return entry.step; });
  }
  /// Dimensions of \p tensor, by position in its layout, that a copy takes as
  /// part of the innermost coordinate: it has five, and a residue has none. The
  /// columns beyond the innermost extent are then others than zeros.
  llvm::SmallVector<unsigned> folded(const cpu::Storage &tensor,
                                     TileSide side) const;
  bool isFolded(const TileTensor &tensor) const {
    return hasSteps(tensor.side) ||
           !folded(*tensor.storage, tensor.side).empty();
  }
  /// Says whether the scores of the next tile are multiplied under the elements
  /// of this one: without values, registers hold both. (Columns that are
  /// brought would have threads wait for each other in between: 404 instead of
  /// 348 us.)
  bool overlapsScores() const {
    return !values && differences.empty() && columnValues.empty();
  }
  /// Says whether a consumer lets tiles go that its own rows do not need. Along
  /// one dimension they are hardly ever a whole tile.
  bool skipsByGroup() const { return columns.size() > 1 && sweep->visit; }
  /// Takes \p chosen, and the boxes that fit it.
  void setTile(const WarpTile &chosen);
};

/// The shape of \p kernel; none, and the reason in \p why, where it has not the
/// form.
std::optional<WarpShape> matchWarpKernel(const cpu::KernelShape &kernel,
                                         const cpu::CallLayout &layout,
                                         std::string &why);

/// The same kernel with the rows of all lanes that the right tensor and the
/// values lack in one tile, for few rows. \p wide is the shape without; none
/// where that is not possible.
std::optional<WarpShape> matchPackedKernel(const WarpShape &wide,
                                           const cpu::CallLayout &layout);

} // namespace attn::gpu

#endif // ATTN_LOWERING_GPU_WARPSHAPE_H
