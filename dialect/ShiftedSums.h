//===- ShiftedSums.h - Sums relative to a maximum ---------------*- C++ -*-===//
//
// ExpandNormalizers writes the sums of a softmax as sums of exp(x - max), with
// 0 in the place of a maximum of nothing. This recognises them.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_DIALECT_SHIFTEDSUMS_H
#define ATTN_DIALECT_SHIFTEDSUMS_H

#include "dialect/Products.h"

namespace attn {

/// exp(number - max).
struct ShiftedExp {
  mlir::Value max, number;
};

/// \p value as that, if it is one.
std::optional<ShiftedExp> asShiftedExp(mlir::Value value);

/// What is summed: exp(number - max) times the rest.
struct ShiftedTerm : ShiftedExp {
  Product rest;
};

/// \p operand as such terms, one for each factor that is an exponential.
llvm::SmallVector<ShiftedTerm> shiftedTermsOf(mlir::Value operand);

} // namespace attn

#endif // ATTN_DIALECT_SHIFTEDSUMS_H
