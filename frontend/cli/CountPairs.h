//===- CountPairs.h - The pairs of a call that exist ------------*- C++ -*-===//

#ifndef ATTN_FRONTEND_CLI_COUNTPAIRS_H
#define ATTN_FRONTEND_CLI_COUNTPAIRS_H

#include "frontend/cli/Call.h"

namespace attn::cli {

struct Domain;

/// For how many indices of its own dimensions \p domain holds; \p spec is the
/// one it is in. Compiles and runs a spec that sums 1 over it.
llvm::Expected<double> countPairs(SpecOp spec, const Domain &domain,
                                  const Call &call);

} // namespace attn::cli

#endif // ATTN_FRONTEND_CLI_COUNTPAIRS_H
