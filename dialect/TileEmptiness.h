//===- TileEmptiness.h - Whether a tile can hold a pair ---------*- C++ -*-===//
//
// Interval arithmetic (TileRanges.h) looks at each comparison by itself; two
// that hold somewhere in a tile may hold nowhere together: an empty window, or
// a causal mask and a residue that only keys after the last query have. Here
// the conditions of a conjunction are put together: those on the same sum must
// leave it a number, and those that pull an index to either side leave it a
// range, in which all others are looked at once more.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_DIALECT_TILEEMPTINESS_H
#define ATTN_DIALECT_TILEEMPTINESS_H

#include "dialect/KeyBounds.h"

#include "llvm/ADT/PointerIntPair.h"

namespace attn {

class TileEmptiness {
public:
  /// \p tile has the bounds of \p lanes and \p over.
  TileEmptiness(ScalarMath &math, TileRanges &tile,
                llvm::ArrayRef<mlir::StringAttr> lanes,
                llvm::ArrayRef<mlir::StringAttr> over)
      : math(math), tile(tile), lanes(lanes), over(over) {
    varying.append(lanes.begin(), lanes.end());
    varying.append(over.begin(), over.end());
  }

  /// Whether \p predicate may hold for some pair of the tile.
  mlir::Value mayHold(mlir::Value predicate);

private:
  using Value = mlir::Value;
  /// A condition, or its negation.
  using Literal = llvm::PointerIntPair<Value, 1, bool>;
  /// Literals that hold together.
  using Term = llvm::SmallVector<Literal, 4>;
  /// sum <= bound, of terms that vary and a number for the tile.
  struct Bound {
    IndexTerms sum;
    Value bound;
  };
  /// Conjunctions of which one holds.
  using Cases = llvm::SmallVector<llvm::SmallVector<Bound>>;
  /// What a term says of indices.
  struct Conditions {
    llvm::SmallVector<Bound> bounds;
    llvm::SmallVector<Literal> others;
  };
  /// All that bounds say of one sum: low <= sum <= high, null where nothing.
  struct Band {
    IndexTerms sum;
    Value low, high;
  };
  using Bands = llvm::SmallVector<Band>;

  llvm::SmallVector<Term> termsOf(Value predicate, bool negated);
  llvm::SmallVector<Term> computeTerms(Value predicate, bool negated);
  Value mayOf(Literal literal, TileRanges &ranges);
  Value mayHold(const Term &term);
  Value mayHold(const Conditions &conditions, Value each, bool hasOthers);
  bool isOfIndices(Value condition);
  void addLiteral(llvm::SmallVector<Conditions> &alternatives, Literal literal);
  Cases boundsOf(CompareOp op, bool negated);
  Bound boundOf(Value lesser, Value greater, int64_t margin);
  Bound boundOf(const IndexTerms &sum, Value bound);
  Bands bandsOf(llvm::ArrayRef<Bound> bounds);
  Value haveNumbers(const Bands &bands);
  bool isContested(mlir::StringAttr dim, const Conditions &conditions,
                   const Bands &bands);
  Value mayHoldInRange(const Conditions &conditions, const Bands &bands,
                       Value each, bool hasOthers);
  std::optional<IndexRange> rangeOf(const IndexTerms &sum, TileRanges &ranges);
  Value agreeWithQuotients(llvm::ArrayRef<Bound> bounds);
  void narrowByRemainder(Literal literal, TileRanges &ranges, KeyBounds &solver,
                         KeyBounds::Box &box);
  void assumeBands(Literal literal, const Bands &bands, TileRanges &ranges);

  ScalarMath &math;
  TileRanges &tile;
  llvm::ArrayRef<mlir::StringAttr> lanes, over;
  llvm::SmallVector<mlir::StringAttr> varying;
  llvm::DenseMap<Value, llvm::SmallVector<Term>> known[2];
};

} // namespace attn

#endif // ATTN_DIALECT_TILEEMPTINESS_H
