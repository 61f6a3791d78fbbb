//===- Kernel.h - A spec that can be called ---------------------*- C++ -*-===//

#ifndef ATTN_RUNTIME_KERNEL_H
#define ATTN_RUNTIME_KERNEL_H

#include "attn/kernel_abi.h"
#include "attn/runtime.h"
#include "runtime/cuda/Gpu.h"

#include <memory>
#include <span>

namespace attn::runtime {

/// The code of a kernel; shared by the kernel and its plans.
struct KernelImage {
  const attn_spec_desc *desc = nullptr;
  void *library = nullptr; // of dlopen; null when the code is someone else's
  /// Of a kernel for a GPU: its code on each; locks itself.
  mutable cuda::LoadedImages gpuImages;

  KernelImage() = default;
  KernelImage(const KernelImage &) = delete;
  KernelImage &operator=(const KernelImage &) = delete;
  ~KernelImage();

  bool isForGpu() const { return desc->image; }
  std::span<const attn_dim_desc> dims() const {
    return {desc->dims, size_t(desc->num_dims)};
  }
  std::span<const attn_param_desc> params() const {
    return {desc->params, size_t(desc->num_params)};
  }
  std::span<const attn_buffer_desc> buffers() const {
    return {desc->buffers, size_t(desc->num_buffers)};
  }
  std::span<const attn_stage_desc> stages() const {
    return {desc->stages, size_t(desc->num_stages)};
  }
};

} // namespace attn::runtime

struct attn_kernel_t {
  std::shared_ptr<const attn::runtime::KernelImage> image;
};

#endif // ATTN_RUNTIME_KERNEL_H
