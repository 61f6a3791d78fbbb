//===- Kernel.h - A spec that is compiled, planned and run ------*- C++ -*-===//

#ifndef ATTN_FRONTEND_CLI_KERNEL_H
#define ATTN_FRONTEND_CLI_KERNEL_H

#include "attn/attn.hpp"
#include "frontend/cli/Call.h"
#include "frontend/cli/DeviceCall.h"

namespace attn::cli {

/// Compiles \p spec for \p call in this process, its head sizes fixed, and
/// prints the compiler's remarks.
llvm::Expected<Kernel> compileFor(const Spec &spec, const Options &options,
                                  const Call &call);

/// A plan with threads and a workspace of its own: running it allocates
/// nothing. For a GPU, the call's tensors are copied there when this is made.
class PlannedCall {
public:
  /// Adds the outputs to \p call, which must outlive this.
  static llvm::Expected<PlannedCall> create(const Kernel &kernel, Call &call,
                                            const Options &options);

  /// On a GPU, only starts; `finish` waits.
  llvm::Error run() const;
  /// Waits for all runs.
  llvm::Error wait() const;
  /// Waits, and brings the outputs back into the call.
  llvm::Error finish();
  llvm::Expected<std::vector<attn_tile_counts_t>> countTiles() const;

  /// On a GPU, what a stage launches, as attn_plan_choose takes it, with the
  /// workspace that it needs. Whether the launch takes the tensors.
  llvm::Expected<bool> choose(int32_t stage, const attn_choice_t *choice);
  /// On a GPU, has the outputs hold what those of the call hold.
  llvm::Error sendOutputs();
  /// Of the GPU.
  const char *deviceName() const { return device->name(); }

  /// Not for a GPU.
  const attn_executor_t &executor() const { return *threads; }
  const Plan &getPlan() const { return plan; }
  const attn_plan_t *handle() const { return plan.handle(); }
  size_t workspaceSize() const { return context.workspace_size; }

private:
  PlannedCall() = default;

  struct FreeExecutor {
    void operator()(attn_executor_t *executor) const {
      attn_executor_free(executor);
    }
  };
  llvm::Error planOnGpu(const Kernel &kernel, Call &call);
  llvm::Error growWorkspace();

  std::unique_ptr<DeviceCall> device; // outlives the plan
  Plan plan;
  std::unique_ptr<attn_executor_t, FreeExecutor> threads;
  std::unique_ptr<char, CallTensor::Free> workspace;
  attn_exec_context_t context = {};
};

/// What run, bench and explain begin with: the arguments of a call, the spec
/// compiled for them, and a plan.
struct PreparedCall {
  std::unique_ptr<Call> call;
  Kernel kernel;
  PlannedCall planned;

  static llvm::Expected<PreparedCall> create(const Spec &spec,
                                             const Options &options);
};

} // namespace attn::cli

#endif // ATTN_FRONTEND_CLI_KERNEL_H
