//===- DerivedSpec.h - Counting pairs, as a spec -----------------*- C++
//-*-===//

#ifndef ATTN_FRONTEND_CLI_DERIVEDSPEC_H
#define ATTN_FRONTEND_CLI_DERIVEDSPEC_H

#include "dialect/AttnOps.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace attn::cli {

/// The module of \p spec with another spec in it: the same parameters, and the
/// one f32 result `counts`, the number of indices of \p over for which
/// \p domain holds.
mlir::OwningOpRef<mlir::ModuleOp>
deriveCount(SpecOp spec, mlir::Value domain,
            llvm::ArrayRef<mlir::StringAttr> over);

} // namespace attn::cli

#endif // ATTN_FRONTEND_CLI_DERIVEDSPEC_H
