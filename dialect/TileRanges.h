//===- TileRanges.h - What a mask says about a whole tile -------*- C++ -*-===//
//
// Interval arithmetic on formulas: with each varying index in a range, what
// values can an integer take, and is a predicate true everywhere, nowhere, or
// neither? The answer is formulas over attn.tile_bound, so that any lowering
// evaluates it with the scalar code that it has.
//
// Exact for comparisons in which every varying index occurs once, for
// remainders compared with a number, and for predicates of one integer that
// takes few values in a tile; safe for all others.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_DIALECT_TILERANGES_H
#define ATTN_DIALECT_TILERANGES_H

#include "dialect/ScalarMath.h"

#include "llvm/ADT/DenseMap.h"

namespace attn {

/// Inclusive range of an i64. Equal values mean a known number.
struct IndexRange {
  mlir::Value low, high;
};

/// Whether a predicate may hold somewhere and must hold everywhere.
struct Truth {
  mlir::Value may, must;
};

/// number % by == remainder, in which the number varies alone.
struct RemainderTest {
  mlir::Value number, by, remainder;
};

/// Says whether \p op gives the integer that it takes; a truth counts as 0
/// or 1.
bool keepsInteger(CastOp op);

class TileRanges {
public:
  /// \p varying are the dimensions that have a range in place of an index.
  TileRanges(ScalarMath &math, llvm::ArrayRef<mlir::StringAttr> varying)
      : math(math), varying(varying) {}

  /// Ranges to use for some dimensions in place of the bounds of the tile.
  llvm::DenseMap<mlir::StringAttr, IndexRange> ranges;
  /// Predicates that hold for every pair that is looked at.
  llvm::DenseSet<mlir::Value> given;
  /// Dimensions of which all indices of a tile have one remainder by a number.
  llvm::DenseMap<mlir::StringAttr, mlir::Value> strides;
  /// The range of a tensor of integers, or a read of one, that varies; none
  /// where it is not known. Of truths, that of numbers which are 0 where they
  /// are false.
  std::function<std::optional<IndexRange>(mlir::Value)> rangeOfTensor;

  Truth truthOf(mlir::Value predicate);
  std::optional<IndexRange> rangeOf(mlir::Value value);
  /// Takes \p range for \p value, which lies in it for every pair that is
  /// looked at.
  void assume(mlir::Value value, IndexRange range) { known[value] = range; }
  /// Says whether \p value is one number for the whole tile.
  bool isFixed(mlir::Value value);
  IndexRange rangeOfIndex(mlir::StringAttr dim);
  /// \p op as such a test, or the opposite of one.
  std::optional<RemainderTest> asRemainderTest(CompareOp op);
  /// The least number from \p low on for which \p test may hold.
  mlir::Value firstCongruent(mlir::Value low, const RemainderTest &test);
  /// The greatest number up to \p high for which it may.
  mlir::Value lastCongruent(mlir::Value high, const RemainderTest &test);

private:
  using Value = mlir::Value;
  std::optional<IndexRange> computeRange(Value value);
  IndexRange rangeOfTruth(Truth truth);
  std::optional<IndexRange> rangeOfBinary(BinaryOp op);
  IndexRange rangeOfProduct(IndexRange a, IndexRange b, bool isSquare);
  std::optional<IndexRange> rangeOfRemainder(IndexRange x, IndexRange by);
  Truth computeTruth(Value predicate);
  std::optional<Truth> truthOfNumber(Value predicate);
  Truth compare(CompareOp op);
  std::optional<Truth> compareRemainder(CompareOp op);
  std::optional<Truth> comparePowerOfTwo(CompareOp op);
  std::optional<Truth> enumerate(Value predicate);
  std::optional<Value> pivotOf(Value predicate);
  bool isFixedGiven(Value value, Value pivot);
  Value substitute(Value value, Value pivot, Value number,
                   llvm::DenseMap<Value, Value> &clones);
  Truth unknown() { return {math.truth(true), math.truth(false)}; }

  ScalarMath &math;
  llvm::ArrayRef<mlir::StringAttr> varying;
  llvm::DenseMap<Value, Truth> truths;
  llvm::DenseMap<Value, std::optional<IndexRange>> known;
};

} // namespace attn

#endif // ATTN_DIALECT_TILERANGES_H
