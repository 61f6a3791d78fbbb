//===- TileVisits.h - The tiles that a sweep visits -------------*- C++ -*-===//
//
// Evaluates what attn.visit says (dialect/AttnOps.td), in device code: which
// columns the rows of a work item run over, which tiles of them are empty, and
// which are full. Every warp does so by itself, from the same numbers. The
// least and greatest integers of a tile, where a mask compares tensors, are
// found by the 32 lanes of a warp together.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LOWERING_GPU_TILEVISITS_H
#define ATTN_LOWERING_GPU_TILEVISITS_H

#include "dialect/TileDependence.h"
#include "lowering/cpu/KernelShape.h"
#include "lowering/gpu/Tiles.h"

#include <deque>

namespace attn::gpu {

class TileVisits {
  using Value = mlir::Value;
  using Values = llvm::SmallVector<Value>;

public:
  /// Of \p sweep, whose tiles are boxes of \p columns, for the work item whose
  /// indices \p item has.
  TileVisits(TileIndices &indices, TileDependence &dependence,
             const cpu::SweepShape &sweep, const TileDims &columns,
             const cpu::Scope &item)
      : indices(indices), warps(indices.warps), code(indices.code),
        evaluator(indices.evaluator), dependence(dependence), sweep(sweep),
        columns(columns), item(item) {}

  /// Rows from \p first to \p last (i64) in each of `entries`.
  struct RowBox {
    const TileDims &entries;
    Values first, last;
  };
  /// Works out which columns are run over, the hull of the boxes of the visit.
  /// Tiles are empty for these rows, those of a block; without \p searches,
  /// nobody asks which are.
  void setBlock(const RowBox &rows, bool searches = true);
  /// Tiles are full for these rows, those of a warp or a warpgroup: the first,
  /// or one more such box.
  void addOwn(const RowBox &rows);

  /// Has the tiles numbered from the last columns to the first.
  void countBackwards() { isBackwards = true; }

  /// Tiles, row-major (i32), altogether and in each dimension.
  Value tiles() const { return numTiles; }
  mlir::ValueRange tilesOf() const { return numTilesOf; }
  /// The first column of tile \p number.
  TileCorner cornerOf(Value number);
  /// What the lanes of a warp have found out about 32 tiles, where memory
  /// decides which are visited: the first of them, and a bit for each that is
  /// not empty (i32). Here nothing yet. Without values where tiles are tested
  /// one after the other.
  Values newWindow();
  struct Found {
    Value tile;
    Values window;
  };
  /// The first tile from \p from on, below \p end, that is not empty; or one
  /// that is not below it.
  Found nextTile(Value from, Value end, mlir::ValueRange window);
  /// Tiles that the lanes of a warp look at, one each: its number, and what is
  /// of its columns alone.
  struct LaneTiles {
    Value number;
    cpu::Scope columns;
  };
  LaneTiles lookAt32(Value first);
  /// A bit for each of the 32 tiles that is below \p end and not empty.
  Value visitedOf32(const LaneTiles &tiles, Value end);
  /// Says whether all pairs of the tile count for every accumulator, for box
  /// \p own of own rows.
  Value isFull(Value number, unsigned own = 0);
  /// A bit for each of the 32 tiles that is full.
  Value fullOf32(const LaneTiles &tiles, unsigned own);
  /// The least and greatest index of the boxes of the visit in column dimension
  /// \p position, for the own rows: the first is beyond the last where there is
  /// none.
  std::pair<Value, Value> ownHull(unsigned position) {
    return hullOf(position, ownRows.front());
  }

private:
  VisitOp visit() const { return sweep.visit; }
  void bindRows(const RowBox &rows, mlir::ValueRange uses, cpu::Scope &scope);
  /// What is prepared: all that a tile of rows has for itself, the extremes
  /// that a tile of columns has for itself, and those that a pair of them has.
  enum class Part { Rows, Columns, Pair };
  void prepare(mlir::ValueRange values, cpu::Scope &scope, Part part);
  void prepare(Value value, cpu::Scope &scope, Part part,
               llvm::SmallDenseSet<Value, 16> &seen);
  void prepareBox(BoxReduceOp op, cpu::Scope &scope, Part part);
  Values reduceEvery(llvm::ArrayRef<BoxReduceOp> ops, Value first, int64_t step,
                     cpu::Scope &scope);
  std::pair<Value, Value> rangeOf(BoxReduceOp box, unsigned position,
                                  cpu::Scope &scope);
  Values reduceRows(llvm::ArrayRef<BoxReduceOp> ops, unsigned position,
                    Value first, int64_t step, mlir::ValueRange init,
                    cpu::Scope &scope);
  Values reduceTogether(llvm::ArrayRef<BoxReduceOp> ops, cpu::Scope &scope);
  Value lane();
  cpu::Scope columnsOf(Value number);
  Value isInside(Value number);
  Found searchInLanes(Value from, Value end, mlir::ValueRange window);
  std::pair<Value, Value> hullOf(unsigned position, cpu::Scope &rows);
  Value classify(Value truth, const cpu::Scope &rows,
                 const cpu::Scope &columns);

  TileIndices &indices;
  WarpCode &warps;
  cpu::Code &code;
  cpu::Evaluator &evaluator;
  TileDependence &dependence;
  const cpu::SweepShape &sweep;
  const TileDims &columns;
  const cpu::Scope &item;
  TileCorner firstColumn;
  Values numTilesOf;
  Value numTiles;
  bool isBackwards = false;
  DimList rowDims;
  cpu::Scope blockRows; // their bounds, and what follows
  std::deque<cpu::Scope> ownRows;
};

/// Says whether the integers of a box are looked at; otherwise they may be any.
bool isLookedAt(BoxReduceOp op);
/// Says whether those of any box of \p sweep are.
bool looksAtMemory(SweepOp sweep);

/// Says whether memory decides which tiles are empty. Such a mask may leave out
/// most tiles, and a test waits for memory.
bool searchesMemory(const cpu::SweepShape &sweep, TileDependence &dependence);

} // namespace attn::gpu

#endif // ATTN_LOWERING_GPU_TILEVISITS_H
