//===- Plan.h - A call that was checked -------------------------*- C++ -*-===//

#ifndef ATTN_RUNTIME_PLAN_H
#define ATTN_RUNTIME_PLAN_H

#include "runtime/Kernel.h"
#include "runtime/cuda/GpuPlan.h"

#include <memory>
#include <optional>
#include <vector>

struct attn_plan_t {
  std::shared_ptr<const attn::runtime::KernelImage> kernel;
  /// All but the addresses of buffers, which belong to a run.
  std::vector<int64_t> slots;
  /// The sizes that the workspace is made of, in bytes, each a multiple of the
  /// alignment; for one worker in the case of the scratch.
  size_t slotBytes = 0, orderBytes = 0, bufferBytes = 0, scratchBytes = 0;
  /// The stages that come in slices, if any do: how many slices there are, and
  /// how many of the smallest ones each is made of.
  int64_t slices = 1, unitsOfSlice = 0;
  /// Each slice comes in strips.
  bool hasStrips = false;
  /// Of a call on a GPU, which has no use for the sizes above.
  std::optional<attn::runtime::cuda::GpuPlan> gpu;

  /// The bytes that \p buffer takes in the workspace; false: they do not fit.
  bool sizeOf(const attn_buffer_desc &buffer, size_t &bytes) const;
};

#endif // ATTN_RUNTIME_PLAN_H
