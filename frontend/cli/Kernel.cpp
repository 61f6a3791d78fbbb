//===- Kernel.cpp - A spec that is compiled, planned and run --------------===//

#include "frontend/cli/Kernel.h"

using namespace attn;
using namespace attn::cli;

llvm::Expected<Kernel> attn::cli::compileFor(const Spec &spec,
                                             const Options &options,
                                             const Call &call) {
  static Compiler compiler;
  SpecOptions specOptions;
  specOptions.dtype = options.dtype;
  specOptions.target = options.target;
  for (const auto &entry : spec.fixedSizes)
    specOptions.sizes[entry.first().str()] = entry.second;
  llvm::ArrayRef<attn_arg_t> args = call.args();
  Result<Kernel> kernel = compiler.compileFor(
      spec.text(), spec.name, {args.data(), args.size()}, specOptions);
  if (!kernel)
    return userError(kernel.error().message);
  llvm::SmallVector<llvm::StringRef> remarks;
  llvm::StringRef(kernel->remarks()).split(remarks, '\n', -1, false);
  for (llvm::StringRef remark : remarks)
    llvm::errs() << "remark: " << remark << '\n';
  return *kernel;
}

llvm::Expected<PlannedCall>
PlannedCall::create(const Kernel &kernel, Call &call, unsigned numThreads) {
  if (llvm::Error error = call.addOutputs(kernel.handle()))
    return error;
  llvm::ArrayRef<attn_arg_t> args = call.args();
  Result<Plan> plan = kernel.plan({args.data(), args.size()});
  if (!plan)
    return userError(plan.error().message);
  PlannedCall planned(std::move(*plan));

  attn_executor_t *executor = nullptr;
  if (attn_executor_create(int32_t(numThreads), &executor))
    return runtimeError();
  planned.threads.reset(executor);
  attn_exec_context_t &context = planned.context;
  context.executor = executor;
  if (attn_plan_workspace_size(planned.plan.handle(), executor,
                               &context.workspace_size))
    return runtimeError();
  planned.workspace.reset(
      static_cast<char *>(std::malloc(context.workspace_size)));
  if (!planned.workspace)
    return userError("no memory for a workspace of ", context.workspace_size,
                     " bytes");
  context.workspace = planned.workspace.get();
  return planned;
}

llvm::Error PlannedCall::run() const {
  return plan.run(&context) ? runtimeError() : llvm::Error::success();
}

llvm::Expected<std::vector<attn_tile_counts_t>>
PlannedCall::countTiles() const {
  std::vector<attn_tile_counts_t> counts(attn_plan_num_stages(plan.handle()));
  if (attn_plan_count_tiles(plan.handle(), &context, counts.data()))
    return runtimeError();
  return counts;
}
