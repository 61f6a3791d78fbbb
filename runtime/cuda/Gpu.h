//===- Gpu.h - A GPU, and the code that is loaded on it ---------*- C++ -*-===//

#ifndef ATTN_RUNTIME_CUDA_GPU_H
#define ATTN_RUNTIME_CUDA_GPU_H

#include "attn/kernel_abi.h"
#include "runtime/cuda/Driver.h"

#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace attn::runtime::cuda {

/// A GPU with its primary context, which is the one that frameworks use too.
struct Gpu {
  const Driver *driver = nullptr;
  int ordinal = 0;
  char name[128] = {}; // "NVIDIA H200"
  Context context = nullptr;
  int multiprocessors = 0;
  int capability = 0; // 90 for 9.0
};

/// The GPU of DLPack's device_id \p ordinal; found once in the life of the
/// process.
attn_status_t findGpu(int ordinal, const Gpu **gpu);

/// Makes the context of a GPU current while it lives.
class CurrentContext {
public:
  explicit CurrentContext(const Gpu &gpu) : gpu(gpu) {
    gpu.driver->cuCtxPushCurrent(gpu.context);
  }
  CurrentContext(const CurrentContext &) = delete;
  CurrentContext &operator=(const CurrentContext &) = delete;
  ~CurrentContext() {
    Context popped;
    gpu.driver->cuCtxPopCurrent(&popped);
  }

private:
  const Gpu &gpu;
};

/// The kernels of a spec, loaded on one GPU.
struct LoadedImage {
  const Gpu *gpu = nullptr;
  std::vector<Module> modules; // one for each code of the image
  struct Functions {
    Function kernel = nullptr, merge = nullptr;
  };
  /// For each stage, for each of its launches.
  std::vector<std::vector<Functions>> functions;

  LoadedImage() = default;
  LoadedImage(const LoadedImage &) = delete;
  LoadedImage &operator=(const LoadedImage &) = delete;
  ~LoadedImage();
};

/// The images of a spec, by GPU; each is loaded when it is first needed.
class LoadedImages {
public:
  attn_status_t get(const attn_spec_desc &desc, const Gpu &gpu,
                    const LoadedImage **image);

private:
  std::mutex mutex;
  std::map<int, std::unique_ptr<LoadedImage>> images;
};

} // namespace attn::runtime::cuda

#endif // ATTN_RUNTIME_CUDA_GPU_H
