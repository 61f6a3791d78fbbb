//===- GpuPlan.h - The launches of a planned call ---------------*- C++ -*-===//

#ifndef ATTN_RUNTIME_CUDA_GPUPLAN_H
#define ATTN_RUNTIME_CUDA_GPUPLAN_H

#include "runtime/cuda/Gpu.h"

#include <optional>
#include <span>

namespace attn::runtime {
struct KernelImage;
} // namespace attn::runtime

namespace attn::runtime::cuda {

/// One launch, decided.
struct Launch {
  const attn_launch_desc *desc = nullptr;
  LoadedImage::Functions functions;
  unsigned blocks = 0; // 0: nothing to do
  int64_t parts = 1;   // of each item
  unsigned mergeBlocks = 0;
  std::vector<TensorMap> maps;
};

/// What a call on a GPU does. Memory of a run: [buffers | counters | scratch],
/// the scratch of one launch after the other in one place.
struct GpuPlan {
  const Gpu *gpu = nullptr;
  std::vector<Launch> launches; // one a stage
  /// Of each stage, what is to be taken where it fits; 0 parts: as many as
  /// cost least.
  std::vector<std::optional<attn_choice_t>> wishes;
  size_t bufferBytes = 0, scratchBytes = 0;
  /// Of launches whose blocks draw items, an int32_t each.
  size_t numCounters = 0;

  size_t counterBytes() const;
  /// What a workspace must have, at any alignment.
  size_t workspaceBytes() const;
};

/// In how many parts an item of a launch can be cut.
int64_t mostParts(const attn_launch_desc &desc, std::span<const int64_t> slots);

/// Chooses the launches of a call whose slots \p slots the plan function of the
/// kernel has filled, by the wishes of \p plan.
attn_status_t planLaunches(const KernelImage &kernel,
                           std::span<const int64_t> slots, int ordinal,
                           GpuPlan &plan);

/// Queues the launches on the stream of \p context.
attn_status_t runLaunches(const KernelImage &kernel, const GpuPlan &plan,
                          std::span<const int64_t> slots,
                          const attn_exec_context_t &context);

} // namespace attn::runtime::cuda

#endif // ATTN_RUNTIME_CUDA_GPUPLAN_H
