//===- Driver.cpp - The CUDA driver, loaded at run time -------------------===//

#include "runtime/cuda/Driver.h"
#include "runtime/Status.h"

#include <cstdlib>
#include <dlfcn.h>
#include <string>

using namespace attn::runtime;
using namespace attn::runtime::cuda;

namespace {

/// The driver, or why there is none.
struct Loaded {
  Driver driver = {};
  std::string problem = load();

private:
  std::string load();
};

} // namespace

const char *Driver::text(Result error) const {
  const char *text = nullptr;
  if (cuGetErrorString && cuGetErrorString(error, &text) == success && text)
    return text;
  return "unknown error";
}

std::string Loaded::load() {
  const char *given = std::getenv("ATTN_CUDA_DRIVER");
  const char *name = given ? given : "libcuda.so.1";
  // Never closed: the driver keeps threads and handlers of its own.
  void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return concat("this machine has no CUDA driver: cannot load ", name);
  std::string missing;
  auto find = [&](auto &entry, const char *symbol) {
    entry = reinterpret_cast<std::remove_reference_t<decltype(entry)>>(
        dlsym(library, symbol));
    if (!entry && missing.empty())
      missing = symbol;
  };
  find(driver.cuInit, "cuInit");
  find(driver.cuDriverGetVersion, "cuDriverGetVersion");
  find(driver.cuGetErrorString, "cuGetErrorString");
  find(driver.cuDeviceGet, "cuDeviceGet");
  find(driver.cuDeviceGetCount, "cuDeviceGetCount");
  find(driver.cuDeviceGetName, "cuDeviceGetName");
  find(driver.cuDeviceGetAttribute, "cuDeviceGetAttribute");
  find(driver.cuDevicePrimaryCtxRetain, "cuDevicePrimaryCtxRetain");
  find(driver.cuCtxPushCurrent, "cuCtxPushCurrent_v2");
  find(driver.cuCtxPopCurrent, "cuCtxPopCurrent_v2");
  find(driver.cuStreamGetCtx, "cuStreamGetCtx");
  find(driver.cuModuleLoadData, "cuModuleLoadData");
  find(driver.cuModuleUnload, "cuModuleUnload");
  find(driver.cuModuleGetFunction, "cuModuleGetFunction");
  find(driver.cuFuncSetAttribute, "cuFuncSetAttribute");
  find(driver.cuLaunchKernel, "cuLaunchKernel");
  find(driver.cuMemAllocAsync, "cuMemAllocAsync");
  find(driver.cuMemFreeAsync, "cuMemFreeAsync");
  find(driver.cuMemsetD32Async, "cuMemsetD32Async");
  find(driver.cuMemcpyHtoDAsync, "cuMemcpyHtoDAsync_v2");
  find(driver.cuMemcpyDtoHAsync, "cuMemcpyDtoHAsync_v2");
  find(driver.cuStreamSynchronize, "cuStreamSynchronize");
  if (!missing.empty())
    return concat("the CUDA driver is too old: ", name, " has no ", missing,
                  "; CUDA 11.2 is the oldest that serves");
  find(driver.cuLaunchKernelEx, "cuLaunchKernelEx");
  // Absent before CUDA 12.
  find(driver.cuTensorMapEncodeTiled, "cuTensorMapEncodeTiled");
  Result result = driver.cuInit(0);
  int count = 0;
  if (result == success)
    result = driver.cuDeviceGetCount(&count);
  if (result == success)
    result = driver.cuDriverGetVersion(&driver.version);
  if (result == noDevice || (result == success && count == 0))
    return "this machine has a CUDA driver, but no GPU";
  if (result != success)
    return concat("the CUDA driver does not start: ", driver.text(result));
  return "";
}

attn_status_t attn::runtime::cuda::findDriver(const Driver **driver) {
  static const Loaded loaded;
  *driver = &loaded.driver;
  if (loaded.problem.empty())
    return ATTN_STATUS_OK;
  return fail(ATTN_STATUS_NO_DRIVER, loaded.problem);
}
