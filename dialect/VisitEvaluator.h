//===- VisitEvaluator.h - What attn.visit says, in numbers ------*- C++ -*-===//
//
// Evaluates the solved domains of a sweep for tiles at hand, one element at a
// time, straight from the definitions of the ops: what `attnc explain` draws,
// and what the tests compare with the pairs that exist.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_DIALECT_VISITEVALUATOR_H
#define ATTN_DIALECT_VISITEVALUATOR_H

#include "dialect/Reference.h"
#include "dialect/ReferenceMath.h"

#include "llvm/ADT/DenseMap.h"

namespace attn {

class VisitEvaluator {
public:
  /// Inclusive ends of a range of indices.
  using Range = std::pair<int64_t, int64_t>;
  /// Where something is evaluated. What was computed there is kept.
  struct Tile {
    llvm::DenseMap<mlir::StringAttr, int64_t> indices;
    llvm::DenseMap<mlir::StringAttr, Range> bounds;
    llvm::DenseMap<mlir::Value, reference::Number> known;
  };

  /// \p spec is scheduled and solved; it and the inputs must outlive this.
  VisitEvaluator(SpecOp spec, const ReferenceInputs &inputs);

  int64_t extent(mlir::StringAttr dim);
  /// An integer or a truth, at the indices and bounds of \p tile.
  int64_t evaluate(mlir::Value value, Tile &tile) {
    return number(value, tile).whole;
  }

private:
  using Number = reference::Number;
  using Value = mlir::Value;
  Number number(Value value, Tile &tile);
  Number compute(Value value, Tile &tile);
  Number scalar(mlir::BlockArgument argument);
  Number argument(mlir::BlockArgument argument, Tile &tile);
  Number pointwise(mlir::Operation *op, Tile &tile);
  Number read(ReadOp op, Tile &tile);
  Number boxReduce(BoxReduceOp op, Tile &tile);
  Number sweepResult(mlir::OpResult result, Tile &tile);

  SpecOp spec;
  const ReferenceInputs &inputs;
  llvm::DenseMap<mlir::StringAttr, int64_t> extents;
};

} // namespace attn

#endif // ATTN_DIALECT_VISITEVALUATOR_H
