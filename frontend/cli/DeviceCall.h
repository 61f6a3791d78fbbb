//===- DeviceCall.h - The arguments of a call on a GPU ----------*- C++ -*-===//

#ifndef ATTN_FRONTEND_CLI_DEVICECALL_H
#define ATTN_FRONTEND_CLI_DEVICECALL_H

#include "frontend/cli/Call.h"
#include "runtime/cuda/Gpu.h"

namespace attn::cli {

/// Whether \p target is a GPU.
bool isGpu(llvm::StringRef target);

/// The tensors of a call, copied to the first GPU.
class DeviceCall {
public:
  /// \p call has its outputs already, and must outlive this.
  static llvm::Expected<std::unique_ptr<DeviceCall>> create(Call &call);
  ~DeviceCall();

  llvm::ArrayRef<attn_arg_t> args() const { return arguments; }
  /// Memory that lives as long as this; null for no bytes.
  llvm::Expected<void *> allocate(size_t bytes);
  llvm::Error wait() const;
  /// Of the GPU.
  const char *name() const { return gpu.name; }
  /// Copies the outputs of the call, as they are, to those on the GPU.
  llvm::Error sendOutputs();
  /// Copies the outputs into those of the call.
  llvm::Error fetchOutputs();

private:
  DeviceCall(const runtime::cuda::Gpu &gpu, Call &call)
      : gpu(gpu), call(call) {}
  llvm::Error copy(const attn_arg_t &argument);
  using CopyOutput = llvm::function_ref<runtime::cuda::Result(
      CallTensor &, runtime::cuda::Address, size_t bytes)>;
  llvm::Error forOutputs(CopyOutput copy);
  llvm::Error check(runtime::cuda::Result result) const;

  const runtime::cuda::Gpu &gpu;
  Call &call;
  std::vector<attn_arg_t> arguments;
  std::deque<DLTensor> tensors;
  std::vector<runtime::cuda::Address> memory;
};

} // namespace attn::cli

#endif // ATTN_FRONTEND_CLI_DEVICECALL_H
