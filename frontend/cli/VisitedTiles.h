//===- VisitedTiles.h - The tiles that a CPU kernel visits ------*- C++ -*-===//
//
// Places tiles of queries and keys as lowering/cpu does (EmitLanes.cpp,
// EmitVisits.cpp) and evaluates the solved mask for them.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_FRONTEND_CLI_VISITEDTILES_H
#define ATTN_FRONTEND_CLI_VISITEDTILES_H

#include "dialect/VisitEvaluator.h"
#include "frontend/cli/Call.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <map>
#include <optional>

namespace attn::cpu {
struct KernelShape;
} // namespace attn::cpu

namespace attn::cli {

/// Where the lanes of a kernel are, by the sizes and scalars of a call.
struct LanePlaces {
  llvm::SmallVector<int64_t> extents, strides; // in its lane dimensions
  int64_t tileLanes;

  LanePlaces(const cpu::KernelShape &shape, VisitEvaluator &evaluator);
};

class VisitedTiles {
public:
  using Range = VisitEvaluator::Range;

  /// Of the first sweep of kernel number \p kernel, at the first index of all
  /// dimensions that do not lie along the lanes.
  static llvm::Expected<std::unique_ptr<VisitedTiles>>
  create(const Spec &spec, const Call &call, const Options &options,
         size_t kernel);

  llvm::ArrayRef<mlir::StringAttr> laneDims() const { return lanes; }
  llvm::ArrayRef<mlir::StringAttr> keyDims() const { return over; }

  /// Says whether the tile of the query \p lane visits the tile of \p key;
  /// indices along laneDims() and keyDims().
  bool visits(llvm::ArrayRef<int64_t> lane, llvm::ArrayRef<int64_t> key);
  /// Some indices, a step apart.
  struct Run {
    int64_t first, last, step;
  };
  /// The queries of the tile that has \p lane in it, in each of laneDims().
  llvm::SmallVector<Run> tileOf(llvm::ArrayRef<int64_t> lane);

private:
  /// One tile of queries, and the keys it visits.
  struct LaneTile {
    VisitEvaluator::Tile tile;
    llvm::SmallVector<Range> ends;
    std::vector<llvm::SmallVector<Range>> boxes;
    llvm::SmallVector<int64_t> origins, steps, counts;
    std::map<int64_t, bool> visited; // by the number of the tile of keys
  };

  VisitedTiles() = default;
  LaneTile &laneTile(llvm::ArrayRef<int64_t> lane);
  void findKeys(LaneTile &tile);
  bool mayHavePair(LaneTile &tile, int64_t first, int64_t last);

  mlir::OwningOpRef<mlir::ModuleOp> module;
  ReferenceInputs inputs;
  std::unique_ptr<VisitEvaluator> evaluator;
  SweepOp sweep;
  DimList lanes, over;
  bool isEmpty = false; // without a first index, nothing is visited
  VisitEvaluator::Tile firstIndices;
  std::optional<LanePlaces> places;
  llvm::SmallVector<int64_t> box; // of the lanes
  int64_t tileKeys = 1, alignment = 1;
  std::map<std::vector<int64_t>, LaneTile> tiles;
};

} // namespace attn::cli

#endif // ATTN_FRONTEND_CLI_VISITEDTILES_H
