//===- AttnDialect.h - The attn dialect, its type and its kinds -*- C++ -*-===//

#ifndef ATTN_DIALECT_ATTNDIALECT_H
#define ATTN_DIALECT_ATTNDIALECT_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"

#include "dialect/AttnDialect.h.inc"

#include "dialect/AttnEnums.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialect/AttnTypes.h.inc"

namespace attn {
/// A set of dimensions, in the order in which the spec declares them.
using DimList = llvm::SmallVector<mlir::StringAttr>;
} // namespace attn

#endif // ATTN_DIALECT_ATTNDIALECT_H
