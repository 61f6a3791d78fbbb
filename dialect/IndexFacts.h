//===- IndexFacts.h - What comparisons say about indices --------*- C++ -*-===//

#ifndef ATTN_DIALECT_INDEXFACTS_H
#define ATTN_DIALECT_INDEXFACTS_H

#include "dialect/LinearForm.h"

namespace attn {

/// Sums of indices, sizes and scalars of one spec in formula form that are
/// known to be at least 0.
class IndexFacts {
public:
  using Facts = llvm::SmallVector<LinearForm>;

  explicit IndexFacts(SpecOp spec);

  /// What holds wherever \p value is looked at: what the domains of all
  /// reductions above it say. Nothing where it reaches an output unreduced.
  const Facts &around(mlir::Value value);
  /// Sums without indices that \p form is nowhere below, by the ranges of its
  /// indices alone, or with one of \p facts.
  Facts lowerBounds(const LinearForm &form, const Facts &facts);
  /// Sums without indices: where one is at least 0, no pair meets \p facts.
  Facts exclusions(const Facts &facts);
  /// Says whether \p form, which has no index, is at least 0 in every call that
  /// meets the requirements of the spec.
  bool isNeverNegative(const LinearForm &form);

private:
  Facts compute(mlir::Value value);
  Facts ofUse(mlir::OpOperand &use);
  void collect(mlir::Value condition, Facts &facts);
  void addAtMost(mlir::Value lesser, mlir::Value greater, int64_t margin,
                 Facts &facts);
  Facts bounds(mlir::Value value, bool above);
  Facts computeBounds(mlir::Value value, bool above);
  bool isPositive(const LinearForm &form);

  SpecOp spec;
  Facts required; // without indices
  llvm::DenseMap<mlir::Value, Facts> known;
  llvm::DenseMap<mlir::Value, Facts> knownBounds[2]; // below, above
};

} // namespace attn

#endif // ATTN_DIALECT_INDEXFACTS_H
