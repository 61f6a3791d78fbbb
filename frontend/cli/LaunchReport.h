//===- LaunchReport.h - What a GPU kernel takes -----------------*- C++ -*-===//

#ifndef ATTN_FRONTEND_CLI_LAUNCHREPORT_H
#define ATTN_FRONTEND_CLI_LAUNCHREPORT_H

#include "frontend/cli/Code.h"

#include "llvm/Support/JSON.h"

namespace attn::cli {

/// A kernel of a stage: its form, and what ptxas gave it.
struct LaunchReport {
  std::string symbol, form;
  unsigned threads, sharedBytes;
  /// Not known without ptxas.
  std::optional<gpu::KernelResources> resources;
  /// Blocks that a multiprocessor holds at once, by shared memory, threads and
  /// registers.
  unsigned blocks;

  void print(llvm::raw_ostream &out) const;
  llvm::json::Object json() const;
};

/// For each stage of the one spec of \p code, its launches, best first.
std::vector<std::vector<LaunchReport>> reportLaunches(const CompiledCode &code,
                                                      llvm::StringRef target);

} // namespace attn::cli

#endif // ATTN_FRONTEND_CLI_LAUNCHREPORT_H
