//===- Congruences.h - Residues that a mask ties together -------*- C++ -*-===//
//
// A condition such as (m - n) % s == c holds within one residue of m for one
// residue of n alone: tiles are made within residues, and all other keys are
// never looked at.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_DIALECT_CONGRUENCES_H
#define ATTN_DIALECT_CONGRUENCES_H

#include "dialect/ScalarMath.h"

namespace attn {

/// laneSign * lane + keySign * key + rest = 0 modulo `by`, where signs are 1
/// or -1; without a lane it is keySign * key + rest = 0.
struct Congruence {
  mlir::Value condition;
  mlir::StringAttr lane, key;
  int laneSign = 0, keySign = 0;
  mlir::Value by;
  /// What is added to the indices: coefficient * uniform quantity.
  llvm::SmallVector<std::pair<int64_t, mlir::Value>> rest;
  /// Where the condition is x % by == number: the number, which has to be a
  /// remainder for any pair to exist.
  mlir::Value remainder;
};

/// The conditions that \p predicate is the conjunction of.
llvm::SmallVector<mlir::Value> conjunctsOf(mlir::Value predicate);

/// The conditions that \p predicate is the disjunction of.
llvm::SmallVector<mlir::Value> disjunctsOf(mlir::Value predicate);

/// Says whether no pair meets both \p a and \p b, because one is a conjunction
/// with the negation of what the other needs.
bool areDisjoint(mlir::Value a, mlir::Value b);

/// \p condition as a congruence of at most one of \p lanes and one of \p over.
std::optional<Congruence> asCongruence(mlir::Value condition,
                                       llvm::ArrayRef<mlir::StringAttr> lanes,
                                       llvm::ArrayRef<mlir::StringAttr> over);

} // namespace attn

#endif // ATTN_DIALECT_CONGRUENCES_H
