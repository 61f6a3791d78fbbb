//===- Timing.h - Seconds of a call -----------------------------*- C++ -*-===//

#ifndef ATTN_FRONTEND_CLI_TIMING_H
#define ATTN_FRONTEND_CLI_TIMING_H

#include "frontend/cli/Kernel.h"

namespace attn::cli {

/// Seconds of \p runs runs one after the other, for one.
llvm::Expected<double> timeRuns(const PlannedCall &call, unsigned runs);

/// As many runs as take the shortest time that is worth measuring, when one
/// takes \p seconds.
unsigned runsFor(double seconds);

/// Of at least one value.
double median(std::vector<double> values);

} // namespace attn::cli

#endif // ATTN_FRONTEND_CLI_TIMING_H
