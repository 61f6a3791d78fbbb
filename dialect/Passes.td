//===- Passes.td - Transforms of the attn dialect ------------*- tablegen -*-===//

#ifndef ATTN_DIALECT_PASSES_TD
#define ATTN_DIALECT_PASSES_TD

include "mlir/Pass/PassBase.td"

#endif // ATTN_DIALECT_PASSES_TD
