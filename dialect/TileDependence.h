//===- TileDependence.h - Which tile a number is of -------------*- C++ -*-===//
//
// The values of a region `visits` are made of the bounds of lanes, of keys, or
// of neither: a lowering computes each once for as long as its bounds stand.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_DIALECT_TILEDEPENDENCE_H
#define ATTN_DIALECT_TILEDEPENDENCE_H

#include "dialect/AttnOps.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SetVector.h"

namespace attn {

/// Says whether \p value stands in the region `visits` of a sweep.
bool isOfVisits(mlir::Value value);

class TileDependence {
public:
  using Dims = llvm::SmallSetVector<mlir::StringAttr, 4>;

  /// The dimensions whose attn.tile_bound \p value is made of.
  const Dims &dimsOf(mlir::Value value);
  /// Says whether some of \p dims are among them.
  bool dependsOn(mlir::Value value, llvm::ArrayRef<mlir::StringAttr> dims);

private:
  llvm::DenseMap<mlir::Value, Dims> known;
};

} // namespace attn

#endif // ATTN_DIALECT_TILEDEPENDENCE_H
