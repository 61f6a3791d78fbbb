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
  for (llvm::StringRef remark : remarks) {
    // "LINE:COLUMN: text" is of the file; notes are indented.
    auto [place, text] = remark.split(": ");
    bool hasPlace = !place.empty() && place.find_first_not_of("0123456789:") ==
                                          llvm::StringRef::npos;
    if (hasPlace)
      llvm::errs() << spec.fileName << ':' << place << ": remark: " << text
                   << '\n';
    else
      llvm::errs() << (remark.starts_with(" ") ? "" : "remark: ") << remark
                   << '\n';
  }
  return *kernel;
}

static llvm::Expected<Plan> planFor(const Kernel &kernel,
                                    llvm::ArrayRef<attn_arg_t> args) {
  Result<Plan> plan = kernel.plan({args.data(), args.size()});
  if (!plan)
    return userError(plan.error().message);
  return std::move(*plan);
}

llvm::Error PlannedCall::planOnGpu(const Kernel &kernel, Call &call) {
  auto copied = DeviceCall::create(call);
  if (!copied)
    return copied.takeError();
  device = std::move(*copied);
  auto made = planFor(kernel, device->args());
  if (!made)
    return made.takeError();
  plan = std::move(*made);
  return growWorkspace();
}

/// Of a call on a GPU, whose memory is freed with the call.
llvm::Error PlannedCall::growWorkspace() {
  size_t size;
  if (attn_plan_workspace_size(plan.handle(), nullptr, &size))
    return runtimeError();
  if (size <= context.workspace_size)
    return llvm::Error::success();
  auto memory = device->allocate(size);
  if (!memory)
    return memory.takeError();
  context.workspace = *memory;
  context.workspace_size = size;
  return llvm::Error::success();
}

llvm::Expected<bool> PlannedCall::choose(int32_t stage,
                                         const attn_choice_t *choice) {
  attn_status_t status = attn_plan_choose(plan.handle(), stage, choice);
  if (status == ATTN_STATUS_BAD_ALIGNMENT)
    return false;
  if (status)
    return runtimeError();
  if (llvm::Error error = growWorkspace())
    return error;
  return true;
}

llvm::Error PlannedCall::sendOutputs() { return device->sendOutputs(); }

llvm::Expected<PlannedCall>
PlannedCall::create(const Kernel &kernel, Call &call, const Options &options) {
  if (llvm::Error error = call.addOutputs(kernel.handle()))
    return error;
  PlannedCall planned;
  if (isGpu(options.target)) {
    if (llvm::Error error = planned.planOnGpu(kernel, call))
      return error;
    return planned;
  }
  auto plan = planFor(kernel, call.args());
  if (!plan)
    return plan.takeError();
  planned.plan = std::move(*plan);

  attn_executor_t *executor = nullptr;
  if (attn_executor_create(options.threads, &executor)) {
    llvm::StringRef reason = attn_last_error();
    reason.consume_front("attn_executor_create: ");
    return userError("--threads: ", reason);
  }
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

llvm::Error PlannedCall::wait() const {
  return device ? device->wait() : llvm::Error::success();
}

llvm::Error PlannedCall::finish() {
  return device ? device->fetchOutputs() : llvm::Error::success();
}

llvm::Expected<std::vector<attn_tile_counts_t>>
PlannedCall::countTiles() const {
  std::vector<attn_tile_counts_t> counts(attn_plan_num_stages(plan.handle()));
  if (attn_plan_count_tiles(plan.handle(), &context, counts.data()))
    return runtimeError();
  return counts;
}

llvm::Expected<PreparedCall>
attn::cli::PreparedCall::create(const Spec &spec, const Options &options) {
  auto call = Call::create(spec, options);
  if (!call)
    return call.takeError();
  auto kernel = compileFor(spec, options, **call);
  if (!kernel)
    return kernel.takeError();
  auto planned = PlannedCall::create(*kernel, **call, options);
  if (!planned)
    return planned.takeError();
  return PreparedCall{std::move(*call), std::move(*kernel),
                      std::move(*planned)};
}
