//===- Timing.cpp - Seconds of a call -------------------------------------===//

#include "frontend/cli/Timing.h"

#include <algorithm>
#include <chrono>

using namespace attn;
using namespace attn::cli;

llvm::Expected<double> attn::cli::timeRuns(const PlannedCall &call,
                                           unsigned runs) {
  auto start = std::chrono::steady_clock::now();
  for (unsigned i = 0; i < runs; ++i)
    if (llvm::Error error = call.run())
      return error;
  if (llvm::Error error = call.wait())
    return error;
  std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  return time.count() / runs;
}

unsigned attn::cli::runsFor(double seconds) {
  constexpr double shortest = 2e-3;
  return unsigned(std::clamp(shortest / seconds, 1.0, 1e4));
}

double attn::cli::median(std::vector<double> values) {
  auto middle = values.begin() + ptrdiff_t(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}
