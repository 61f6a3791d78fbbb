//===- Driver.h - The CUDA driver, loaded at run time -----------*- C++ -*-===//
//
// Nothing of CUDA is needed to build or to run on a machine without a GPU: the
// few entries that are used are declared here and looked up in libcuda when the
// first GPU kernel is planned. Their types are those of the driver's interface,
// which is stable.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_CUDA_DRIVER_H
#define ATTN_RUNTIME_CUDA_DRIVER_H

#include "attn/runtime.h"

#include <cstdint>

namespace attn::runtime::cuda {

using Result = int; // CUresult
using Device = int;
using Context = struct ContextHandle *;
using Module = struct ModuleHandle *;
using Function = struct FunctionHandle *;
using Stream = struct StreamHandle *;
using Address = uint64_t; // CUdeviceptr

/// CUtensorMap: opaque, in parameters of a kernel aligned to 64 bytes.
struct alignas(64) TensorMap {
  uint64_t words[16];
};

// Of CUresult.
constexpr Result success = 0, outOfMemory = 2, noDevice = 100,
                 invalidDevice = 101, invalidImage = 200, noBinaryForGpu = 209,
                 unsupportedPtxVersion = 222;

/// CUlaunchAttribute, one of those that say yes or no.
struct LaunchAttribute {
  int id;
  int padding;
  int value;
  int rest[15];
};

/// CUlaunchConfig.
struct LaunchConfig {
  unsigned gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes;
  Stream stream;
  const LaunchAttribute *attributes;
  unsigned numAttributes;
};

// Of CUlaunchAttributeID: the kernel may start before the one in front of it
// has ended, and waits for it where it says so (griddepcontrol.wait).
constexpr int programmaticStreamSerialization = 6;

// Of CUdevice_attribute and CUfunction_attribute.
constexpr int multiprocessorCount = 16, capabilityMajor = 75,
              capabilityMinor = 76, maxDynamicSharedBytes = 8;

/// The entries of libcuda, under the names that it exports (the newest version
/// of each that all drivers for sm_80 have).
struct Driver {
  Result (*cuInit)(unsigned flags);
  Result (*cuDriverGetVersion)(int *version);
  Result (*cuGetErrorString)(Result error, const char **text);
  Result (*cuDeviceGet)(Device *device, int ordinal);
  Result (*cuDeviceGetCount)(int *count);
  Result (*cuDeviceGetName)(char *name, int length, Device device);
  Result (*cuDeviceGetAttribute)(int *value, int attribute, Device device);
  Result (*cuDevicePrimaryCtxRetain)(Context *context, Device device);
  Result (*cuCtxPushCurrent)(Context context);
  Result (*cuCtxPopCurrent)(Context *context);
  Result (*cuStreamGetCtx)(Stream stream, Context *context);
  Result (*cuModuleLoadData)(Module *module, const void *image);
  Result (*cuModuleUnload)(Module module);
  Result (*cuModuleGetFunction)(Function *function, Module module,
                                const char *name);
  Result (*cuFuncSetAttribute)(Function function, int attribute, int value);
  Result (*cuLaunchKernel)(Function function, unsigned gridX, unsigned gridY,
                           unsigned gridZ, unsigned blockX, unsigned blockY,
                           unsigned blockZ, unsigned sharedBytes, Stream stream,
                           void **parameters, void **extra);
  /// Null before CUDA 11.8.
  Result (*cuLaunchKernelEx)(const LaunchConfig *config, Function function,
                             void **parameters, void **extra);
  Result (*cuMemAllocAsync)(Address *address, size_t bytes, Stream stream);
  Result (*cuMemFreeAsync)(Address address, Stream stream);
  Result (*cuMemsetD32Async)(Address address, unsigned value, size_t count,
                             Stream stream);
  Result (*cuMemcpyHtoDAsync)(Address to, const void *from, size_t bytes,
                              Stream stream);
  Result (*cuMemcpyDtoHAsync)(void *to, Address from, size_t bytes,
                              Stream stream);
  Result (*cuStreamSynchronize)(Stream stream);
  /// Null before CUDA 12.
  Result (*cuTensorMapEncodeTiled)(TensorMap *map, int type, uint32_t rank,
                                   void *address, const uint64_t *extents,
                                   const uint64_t *strides, const uint32_t *box,
                                   const uint32_t *steps, int interleave,
                                   int swizzle, int promotion, int fill);
  int version; // 13000 for CUDA 13.0

  /// What \p error means.
  const char *text(Result error) const;
};

/// The driver, loaded and initialised once in the life of the process. Fails
/// with ATTN_STATUS_NO_DRIVER where there is none, or no GPU. $ATTN_CUDA_DRIVER
/// names another library than libcuda.so.1.
attn_status_t findDriver(const Driver **driver);

} // namespace attn::runtime::cuda

#endif // ATTN_RUNTIME_CUDA_DRIVER_H
