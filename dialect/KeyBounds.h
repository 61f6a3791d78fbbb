//===- KeyBounds.h - The keys that a tile of lanes can need -----*- C++ -*-===//
//
// Solves a mask for the swept indices: boxes that hold every pair of a tile of
// lanes, as closed formulas over the bounds of the tile.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_DIALECT_KEYBOUNDS_H
#define ATTN_DIALECT_KEYBOUNDS_H

#include "dialect/IndexTerms.h"
#include "dialect/TileRanges.h"

namespace attn {

class KeyBounds {
public:
  /// One range for each swept dimension.
  using Box = llvm::SmallVector<IndexRange, 2>;

  /// \p ranges has the whole extent as the range of each of \p over.
  KeyBounds(ScalarMath &math, TileRanges &ranges,
            llvm::ArrayRef<mlir::StringAttr> over)
      : math(math), ranges(ranges), over(over) {}

  /// At most \p limit boxes that hold every pair of \p predicate. They may
  /// overlap.
  llvm::SmallVector<Box> boxesOf(mlir::Value predicate, unsigned limit);
  /// One box that holds all of \p boxes.
  Box hullOf(llvm::ArrayRef<Box> boxes);
  /// Every key.
  Box fullBox();
  /// Takes \p sum <= \p bound, for some pair of the tile, into \p box.
  void narrowBox(Box &box, const IndexTerms &sum, mlir::Value bound);

private:
  using Value = mlir::Value;

  llvm::SmallVector<Box> boxesOf(Value predicate, bool negated);
  llvm::SmallVector<Box> computeBoxes(Value predicate, bool negated);
  llvm::SmallVector<Box> boxesOfConnective(BinaryOp op, bool negated);
  Box boxOfCompare(CompareOp op, bool negated);
  Box emptyUnless(Value condition);
  void narrow(Box &box, const IndexTerms &sum, Value bound);
  void narrowBy(Box &box, int64_t coefficient, Value term, Value bound);
  Value isqrtAtLeast(Value number);
  bool hasKey(Value value);
  Box intersection(const Box &a, const Box &b);

  ScalarMath &math;
  TileRanges &ranges;
  llvm::ArrayRef<mlir::StringAttr> over;
  unsigned limit = 1;
  /// Of predicates as they are, and negated.
  llvm::DenseMap<Value, llvm::SmallVector<Box>> known[2];
  /// Steps that the comparison at hand has taken. Bounds may be wider than
  /// exact, so what is left after very many of them stays as it is.
  unsigned steps = 0;
};

} // namespace attn

#endif // ATTN_DIALECT_KEYBOUNDS_H
