//===- AttnOps.h - Ops of the attn dialect ----------------------*- C++ -*-===//

#ifndef ATTN_DIALECT_ATTNOPS_H
#define ATTN_DIALECT_ATTNOPS_H

#include "dialect/AttnDialect.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#define GET_OP_CLASSES
#include "dialect/AttnOps.h.inc"

namespace attn {
/// The quantity type of \p value.
inline QuantityType quantity(mlir::Value value) {
  return llvm::cast<QuantityType>(value.getType());
}
/// The i64 that \p value is, where it is an attn.constant.
std::optional<int64_t> constantInteger(mlir::Value value);
/// The names in \p names as a list of dimensions.
DimList toDims(mlir::ArrayAttr names);
} // namespace attn

#endif // ATTN_DIALECT_ATTNOPS_H
