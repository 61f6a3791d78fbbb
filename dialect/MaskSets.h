//===- MaskSets.h - A mask as a Presburger set ------------------*- C++ -*-===//
//
// For the questions that are asked of a mask once, at compile time: is it ever
// true, is it always, has every row a pair? Indices are the set's dimensions,
// sizes and scalars its symbols. What is not affine (data, products, a modulus
// that is not a number) may be anything.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_DIALECT_MASKSETS_H
#define ATTN_DIALECT_MASKSETS_H

#include "dialect/AttnOps.h"

#include "mlir/Analysis/Presburger/PresburgerRelation.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"

namespace attn {

class MaskSets {
public:
  using Set = mlir::presburger::PresburgerSet;

  /// \p dims are the dimensions of the space, in order.
  MaskSets(SpecOp spec, llvm::ArrayRef<mlir::StringAttr> dims);

  /// A set that holds every index, size and scalar for which \p predicate (or
  /// its negation) may be true: all of them where it is affine.
  Set whereTrue(mlir::Value predicate, bool negated = false);
  /// Indices inside the extents, with what the spec requires of sizes and
  /// scalars. Extents are at least \p leastExtent.
  Set inside(int64_t leastExtent);
  /// Sizes for which the two dimensions are as long.
  Set sameExtent(mlir::StringAttr a, mlir::StringAttr b);
  /// Scalars that are at least 1.
  Set positiveScalars();

  /// Comparisons to take as given, for what would be without them.
  llvm::DenseMap<mlir::Value, bool> assumed;

  /// "m = 0 with M = 1, N = 1" for a point of the space without its last
  /// \p missing dimensions.
  std::string describe(llvm::ArrayRef<llvm::DynamicAPInt> point,
                       unsigned missing) const;

private:
  /// A linear expression; columns count dimensions, symbols, then locals.
  struct Sum {
    llvm::SmallMapVector<unsigned, int64_t, 4> terms;
    int64_t constant = 0;
  };

  std::optional<Sum> sumOf(mlir::Value value,
                           mlir::presburger::IntegerPolyhedron &space);
  std::optional<Sum> computeSum(mlir::Value value,
                                mlir::presburger::IntegerPolyhedron &space);
  std::optional<Sum> quotientOf(BinaryOp op,
                                mlir::presburger::IntegerPolyhedron &space);
  /// a + factor * b; none where a coefficient becomes too large.
  static std::optional<Sum> combine(const Sum &a, const Sum &b, int64_t factor);
  /// The set of sum >= 0, or of sum == 0.
  Set constrain(mlir::presburger::IntegerPolyhedron space, const Sum &sum,
                bool isEquality);
  Set compare(CompareOp op, bool negated);
  std::optional<unsigned> columnOf(mlir::Value value);

  mutable SpecOp spec; // getters of ops are not const
  mlir::presburger::PresburgerSpace space;
  DimList dims;
  llvm::SmallVector<std::string> symbols;
  llvm::DenseMap<mlir::StringAttr, unsigned> extents;
  llvm::DenseMap<mlir::Value, unsigned> scalars;
  /// The sums of the comparison at hand.
  llvm::DenseMap<mlir::Value, std::optional<Sum>> sums;
};

} // namespace attn

#endif // ATTN_DIALECT_MASKSETS_H
