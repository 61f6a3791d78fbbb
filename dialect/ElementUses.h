//===- ElementUses.h - Sizes at which an element is looked at ---*- C++ -*-===//

#ifndef ATTN_DIALECT_ELEMENTUSES_H
#define ATTN_DIALECT_ELEMENTUSES_H

#include "dialect/AttnOps.h"
#include "dialect/QuantityBuilder.h"

#include "llvm/ADT/SmallBitVector.h"

namespace attn {

/// On which ways the elements of a value of one spec in formula form reach an
/// output, and which dimensions have to have elements for that.
class ElementUses {
public:
  /// The dimensions of a way, by their positions in the spec: along it, an
  /// element is looked at where none of them is empty.
  using Way = llvm::SmallBitVector;
  using Ways = llvm::SmallVector<Way, 2>;

  /// Ways on which data decide whether an element is looked at, through the
  /// domain of a reduction or the condition of a select, count or do not.
  enum class DataDependent { Counts, Ignored };

  ElementUses(SpecOp spec, DataDependent ways) : spec(spec), counted(ways) {}

  const Ways &of(mlir::Value value);

private:
  Ways ofUse(mlir::OpOperand &use);
  bool isDecidedByData(mlir::OpOperand &use);
  void addDims(mlir::ValueRange values, Way &way);

  SpecOp spec;
  DataDependent counted;
  llvm::DenseMap<mlir::Value, Ways> known;
};

/// Builds the condition that each of \p ways has an empty dimension, so that
/// nobody looks at an element. There has to be a way.
mlir::Value buildUnused(QuantityBuilder &build, mlir::Location loc, SpecOp spec,
                        llvm::ArrayRef<ElementUses::Way> ways);

} // namespace attn

#endif // ATTN_DIALECT_ELEMENTUSES_H
