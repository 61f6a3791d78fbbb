//===- Intervals.h - What a mask says about a whole tile --------*- C++ -*-===//
//
// Interval arithmetic on the formula of a mask: with each index in a range, is
// it true everywhere, nowhere, or neither? The answer is code of a few scalar
// instructions, run for each tile. It is exact for comparisons in which every
// index occurs once, and safe for all others.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LOWERING_CPU_INTERVALS_H
#define ATTN_LOWERING_CPU_INTERVALS_H

#include "lowering/cpu/Evaluate.h"

namespace attn::cpu {

/// Inclusive range of an i64, as code. Equal values mean a known number.
struct Interval {
  mlir::Value low, high;
};

/// Whether a predicate may hold somewhere and must hold everywhere, as i1.
struct Truth {
  mlir::Value may, must;
};

class IntervalEvaluator {
public:
  IntervalEvaluator(Evaluator &evaluator, Scope &scope)
      : evaluator(evaluator), code(evaluator.code), scope(scope) {}

  /// The range of each index that is not one number in the scope.
  llvm::DenseMap<mlir::StringAttr, Interval> ranges;

  /// What \p mask, an i1 quantity, is over the ranges.
  Truth truthOf(mlir::Value mask);

  /// Spreads the range [\p low, \p high] of the flattened index of \p dims
  /// (outermost first) over the dimensions.
  void setFlattened(llvm::ArrayRef<mlir::StringAttr> dims, mlir::Value low,
                    mlir::Value high);

private:
  std::optional<Interval> rangeOf(mlir::Value value);
  std::optional<Interval> rangeOfBinary(BinaryOp op);
  Truth compare(CompareOp op);
  bool isFixed(mlir::Value value);
  Truth unknown();

  Evaluator &evaluator;
  Code &code;
  Scope &scope;
  llvm::DenseMap<mlir::Value, Truth> truths;
};

/// Says whether the truth of \p mask over a tile can be anything but unknown:
/// its comparisons are of indices, sizes, scalars and uniform tensors.
bool isTileDecidable(mlir::Value mask,
                     llvm::ArrayRef<mlir::StringAttr> varying);

} // namespace attn::cpu

#endif // ATTN_LOWERING_CPU_INTERVALS_H
