//===- PlainStage.h - The GPU kernel that every stage has -------*- C++ -*-===//

#ifndef ATTN_LOWERING_GPU_PLAINSTAGE_H
#define ATTN_LOWERING_GPU_PLAINSTAGE_H

#include "lowering/gpu/GpuStage.h"

namespace attn::gpu {

/// Emits a kernel for any scheduled and tiled attn.kernel: blocks of threads
/// with a lane each. It needs no alignment beyond that of the elements.
GpuStage emitPlainStage(const GpuStageRequest &request);

} // namespace attn::gpu

#endif // ATTN_LOWERING_GPU_PLAINSTAGE_H
