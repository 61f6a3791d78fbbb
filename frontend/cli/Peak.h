//===- Peak.h - What the arithmetic units can do ----------------*- C++ -*-===//

#ifndef ATTN_FRONTEND_CLI_PEAK_H
#define ATTN_FRONTEND_CLI_PEAK_H

#include "attn/runtime.h"

namespace attn::cli {

/// The instruction that a peak is measured with.
enum class PeakKind { Scalar, Fma256, Fma512, DotBf16 };

/// The one with the most FLOP/s that this CPU has for a kernel with tensors of
/// this type: a dot product of pairs is tried for bf16.
PeakKind peakKindFor(bool isBf16);

/// "FMA of 16 f32".
const char *describe(PeakKind kind);

/// FLOP/s of all workers of \p executor in a loop of nothing but independent
/// \p kind instructions, for at least \p seconds.
double measurePeak(PeakKind kind, const attn_executor_t &executor,
                   double seconds);

} // namespace attn::cli

#endif // ATTN_FRONTEND_CLI_PEAK_H
