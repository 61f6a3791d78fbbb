//===- Signs.h - What is never below 0, or beyond 1 -------------*- C++ -*-===//

#ifndef ATTN_DIALECT_SIGNS_H
#define ATTN_DIALECT_SIGNS_H

#include "dialect/AttnOps.h"

namespace attn {

/// Says whether it is known that no element of \p value is below 0; it may be
/// -0, or no number.
bool isNeverNegative(mlir::Value value);

/// Says whether it is known that no element of \p value is beyond -1 and 1
/// where it is a number; a part of a whole is not, as what is normalised.
bool isWithinOne(mlir::Value value);

} // namespace attn

#endif // ATTN_DIALECT_SIGNS_H
