//===- PlanSweeps.h - Which reductions share a pass -------------*- C++ -*-===//

#ifndef ATTN_DIALECT_PLANSWEEPS_H
#define ATTN_DIALECT_PLANSWEEPS_H

#include "dialect/AttnOps.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SetVector.h"

namespace attn {

/// Values that one sweep accumulates, in order.
using SweepMembers = llvm::SmallVector<mlir::Value>;

/// One kernel of a plan. All values are those of the formula form.
struct KernelPlan {
  DimList free;  // what a work item has a tile of
  DimList lanes; // those of them that lie along vectors
  DimList over;  // what its sweeps run over; empty without sweeps
  llvm::SmallVector<SweepMembers> sweeps;
  llvm::SmallVector<mlir::Value> results; // what it keeps in memory
  DimList along;                          // of a copy: what its readers sweep
  /// Its sweep makes all of its result, a part for each index of `over`.
  bool collects = false;
};

/// The decision for one spec.
struct SweepPlan {
  std::vector<KernelPlan> kernels; // in running order
  /// Reductions that are kept in memory or in the state of a sweep; any other
  /// reduction lives inside a tile.
  llvm::SetVector<mlir::Value> kept;
  /// The running maximum that a sum is relative to.
  llvm::DenseMap<mlir::Value, mlir::Value> bases;

  bool isKept(mlir::Value value) const { return kept.contains(value); }
  mlir::Value baseOf(mlir::Value value) const { return bases.lookup(value); }
};

/// Plans \p spec, which is in formula form with sum, max and min as its only
/// reductions. With \p oneSweep, what needs the result of a sweep is in another
/// kernel than that; with \p strips, large arrays (LargeArrays.h) are such that
/// a lowering may have strips of them in memory.
SweepPlan planSweeps(SpecOp spec, bool oneSweep = false, bool strips = true);

} // namespace attn

#endif // ATTN_DIALECT_PLANSWEEPS_H
