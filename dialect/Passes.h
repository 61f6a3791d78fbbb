//===- Passes.h - Transforms of the attn dialect ----------------*- C++ -*-===//

#ifndef ATTN_DIALECT_PASSES_H
#define ATTN_DIALECT_PASSES_H

#include "dialect/AttnOps.h"

#include "mlir/Pass/Pass.h"

namespace attn {
#define GEN_PASS_DECL
#include "dialect/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "dialect/Passes.h.inc"
} // namespace attn

#endif // ATTN_DIALECT_PASSES_H
