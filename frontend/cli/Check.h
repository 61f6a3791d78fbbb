//===- Check.h - Outputs against the reference ------------------*- C++ -*-===//

#ifndef ATTN_FRONTEND_CLI_CHECK_H
#define ATTN_FRONTEND_CLI_CHECK_H

#include "dialect/Tolerance.h"
#include "frontend/cli/Call.h"

namespace attn::cli {

/// How an output differs from the reference.
struct OutputCheck {
  std::string name;
  Comparison comparison;
  double tolerance = 0;
  int64_t numChecked = 0, numElements = 0;

  bool passed() const { return comparison.worst <= tolerance; }
};

/// Compares the outputs of a call that was run with the reference. Where all
/// elements would take longer than about \p seconds, a sample is compared: the
/// first and last element and others at random.
llvm::Expected<std::vector<OutputCheck>> checkOutputs(SpecOp spec, Call &call,
                                                      double seconds);

/// "out: worst error 1.2e-07 at [0, 3, 5, 1] (0.1234 for 0.1235), tolerance
/// 1.9e-06, all 4096 elements: ok".
void printCheck(llvm::raw_ostream &out, const OutputCheck &check);

} // namespace attn::cli

#endif // ATTN_FRONTEND_CLI_CHECK_H
