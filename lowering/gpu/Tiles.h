//===- Tiles.h - The boxes of indices that tiles are ------------*- C++ -*-===//
//
// Rows and columns of a tile of pairs are boxes of positions, row-major and
// flattened. Kernels of either kind cut up what they visit in this way.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LOWERING_GPU_TILES_H
#define ATTN_LOWERING_GPU_TILES_H

#include "lowering/cpu/Evaluate.h"
#include "lowering/gpu/Fragments.h"

#include <optional>

namespace attn::gpu {

/// One of the dimensions that the rows or the columns of a tile are a box of.
/// Where positions are a step apart, a tile is of one residue: position i of
/// residue r is the index r + step * i.
struct TileDim {
  mlir::StringAttr dim;
  unsigned box = 0;             // positions; of packed rows, the plan says
  std::optional<unsigned> step; // its number among the steps; none: 1
};
using TileDims = llvm::SmallVector<TileDim, 3>;

/// Says whether \p dims, or those of \p value, have each of \p entries.
bool hasAll(llvm::ArrayRef<mlir::StringAttr> dims, const TileDims &entries);
bool hasAll(mlir::Value value, const TileDims &entries);

/// How far apart indices of `dim` are: a number that the plan works out.
struct StepNumber {
  mlir::Value by;
  mlir::StringAttr dim;
};

/// Where a tile begins, in each of its dimensions: positions, and where they
/// are a step apart, the residue (else null); all i32.
struct TileCorner {
  llvm::SmallVector<mlir::Value> positions, residues;
};

/// Gives the boxes of \p columns \p total positions, many of them innermost:
/// a box of columns is not placed for each row.
void setColumnBoxes(TileDims &columns, unsigned total);

/// The steps of a call, in its plan. One beyond the extent is as good as the
/// extent: each index is a residue of its own.
llvm::SmallVector<mlir::Value> stepsOfCall(llvm::ArrayRef<StepNumber> steps,
                                           cpu::Evaluator &host);

/// How many tiles of \p box positions cover what a call has of \p entry; with
/// steps, of all residues where \p residues, or of one.
mlir::Value tilesOfCall(cpu::Evaluator &host, const TileDim &entry,
                        mlir::Value box, llvm::ArrayRef<mlir::Value> steps,
                        bool residues);

/// Which indices positions stand for, in device code.
class TileIndices {
  using Value = mlir::Value;

public:
  /// Steps are in the slots from \p firstSlot on.
  TileIndices(WarpCode &warps, cpu::Evaluator &evaluator, size_t numSteps,
              int firstSlot);

  /// How far apart neighbours are (i32); null: 1.
  Value stepOf(const TileDim &entry) const {
    return entry.step ? steps[*entry.step] : Value();
  }
  /// The index at \p position of \p residue.
  Value indexAt(const TileDim &entry, Value position, Value residue);
  /// How many positions there are, of \p residue where they are a step apart.
  Value positionsOf(const TileDim &entry, Value residue);
  /// The last index there is.
  Value last(const TileDim &entry);
  /// What a FragmentEvaluator is told of \p entries.
  FragmentDims fragmentDims(const TileDims &entries);

  /// Where position \p inTile (i32) of the tile at \p corner is: its indices
  /// (i32), those of others that do exist where it does not, and whether it
  /// does.
  struct Spot {
    llvm::SmallVector<Value> indices;
    Value exists;
  };
  Spot spotOf(const TileDims &entries, const TileCorner &corner, Value inTile);

  /// a / b and a % b of numbers that are not negative.
  std::pair<Value, Value> divide(Value a, Value b);

  WarpCode &warps;
  cpu::Code &code;
  cpu::Evaluator &evaluator;

private:
  llvm::SmallVector<Value> steps;
};

} // namespace attn::gpu

#endif // ATTN_LOWERING_GPU_TILES_H
