//===- IndexTerms.h - Sums taken apart --------------------------*- C++ -*-===//
//
// An integer as the sum of terms that are no sums themselves. Terms are values,
// of any kind: what is linear in indices, sizes and scalars alone, and exact,
// is a LinearForm.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_DIALECT_INDEXTERMS_H
#define ATTN_DIALECT_INDEXTERMS_H

#include "dialect/AttnOps.h"

namespace attn {

/// The sum of coefficient * term.
using IndexTerms = llvm::SmallVector<std::pair<int64_t, mlir::Value>>;

/// Sums that share parts are trees of exponential size: after so many steps, a
/// part stays whole.
constexpr unsigned mostTermSteps = 256;

/// Adds \p coefficient * \p value to \p sum and counts \p steps.
void addTerms(IndexTerms &sum, mlir::Value value, int64_t coefficient,
              unsigned &steps);

/// What a comparison says of the numbers for which \p predicate fails.
Predicate negate(Predicate predicate);

} // namespace attn

#endif // ATTN_DIALECT_INDEXTERMS_H
