//===- Extents.h - Extents that a spec computes -----------------*- C++ -*-===//

#ifndef ATTN_FRONTEND_CLI_EXTENTS_H
#define ATTN_FRONTEND_CLI_EXTENTS_H

#include "dialect/AttnOps.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"

namespace attn::cli {

/// Adds to \p sizes the extents that `dim D = ...` gives, as far as those that
/// they depend on are known. A kernel computes them itself when a call is
/// planned, but tensors of these extents have to be made before.
llvm::Error defineExtents(SpecOp spec, const llvm::StringMap<double> &scalars,
                          llvm::StringMap<int64_t> &sizes);

} // namespace attn::cli

#endif // ATTN_FRONTEND_CLI_EXTENTS_H
