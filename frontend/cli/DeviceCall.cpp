//===- DeviceCall.cpp - The arguments of a call on a GPU ------------------===//

#include "frontend/cli/DeviceCall.h"

#include "lowering/Targets.h"

using namespace attn;
using namespace attn::cli;
using namespace attn::runtime::cuda;

bool attn::cli::isGpu(llvm::StringRef target) {
  llvm::Expected<TargetRecord> record = lookupTarget(target);
  if (record)
    return record->gpu.has_value();
  llvm::consumeError(record.takeError());
  return false;
}

llvm::Error DeviceCall::check(Result result) const {
  if (result == success)
    return llvm::Error::success();
  return userError("GPU ", gpu.ordinal, ": ", gpu.driver->text(result));
}

llvm::Expected<std::unique_ptr<DeviceCall>> DeviceCall::create(Call &call) {
  const Gpu *gpu;
  if (findGpu(0, &gpu))
    return runtimeError();
  std::unique_ptr<DeviceCall> device(new DeviceCall(*gpu, call));
  for (const attn_arg_t &argument : call.args())
    if (llvm::Error error = device->copy(argument))
      return error;
  if (llvm::Error error = device->wait())
    return error;
  return device;
}

DeviceCall::~DeviceCall() {
  CurrentContext current(gpu);
  for (Address address : memory)
    gpu.driver->cuMemFreeAsync(address, nullptr);
}

llvm::Expected<void *> DeviceCall::allocate(size_t bytes) {
  if (!bytes)
    return nullptr;
  CurrentContext current(gpu);
  Address address = 0;
  if (llvm::Error error =
          check(gpu.driver->cuMemAllocAsync(&address, bytes, nullptr)))
    return error;
  memory.push_back(address);
  return reinterpret_cast<void *>(uintptr_t(address));
}

static size_t bytesOf(const DLTensor &tensor) {
  size_t bytes = (size_t(tensor.dtype.bits) + 7) / 8;
  for (int32_t axis = 0; axis < tensor.ndim; ++axis)
    bytes *= size_t(tensor.shape[axis]);
  return bytes;
}

llvm::Error DeviceCall::copy(const attn_arg_t &argument) {
  arguments.push_back(argument);
  if (argument.kind != ATTN_ARG_TENSOR)
    return llvm::Error::success();
  const DLTensor &host = *argument.tensor;
  size_t bytes = bytesOf(host);
  auto data = allocate(bytes);
  if (!data)
    return data.takeError();
  tensors.push_back(host);
  tensors.back().data = *data;
  tensors.back().device = {kDLCUDA, gpu.ordinal};
  arguments.back().tensor = &tensors.back();
  if (!bytes)
    return llvm::Error::success();
  CurrentContext current(gpu);
  return check(gpu.driver->cuMemcpyHtoDAsync(reinterpret_cast<uintptr_t>(*data),
                                             host.data, bytes, nullptr));
}

llvm::Error DeviceCall::wait() const {
  CurrentContext current(gpu);
  return check(gpu.driver->cuStreamSynchronize(nullptr));
}

llvm::Error DeviceCall::forOutputs(CopyOutput copy) {
  {
    CurrentContext current(gpu);
    for (CallTensor &output : call.outputs())
      for (const attn_arg_t &argument : arguments) {
        if (argument.name != output.name || argument.kind != ATTN_ARG_TENSOR)
          continue;
        auto address = reinterpret_cast<uintptr_t>(argument.tensor->data);
        if (size_t bytes = bytesOf(*argument.tensor))
          if (llvm::Error error = check(copy(output, address, bytes)))
            return error;
      }
  }
  return wait();
}

llvm::Error DeviceCall::sendOutputs() {
  return forOutputs([&](CallTensor &output, Address to, size_t bytes) {
    return gpu.driver->cuMemcpyHtoDAsync(to, output.data.get(), bytes, nullptr);
  });
}

llvm::Error DeviceCall::fetchOutputs() {
  return forOutputs([&](CallTensor &output, Address from, size_t bytes) {
    return gpu.driver->cuMemcpyDtoHAsync(output.data.get(), from, bytes,
                                         nullptr);
  });
}
