//===- EmitWarpKernel.h - A kernel of specialised warps ---------*- C++ -*-===//

#ifndef ATTN_LOWERING_GPU_EMITWARPKERNEL_H
#define ATTN_LOWERING_GPU_EMITWARPKERNEL_H

#include "lowering/gpu/GpuStage.h"
#include "lowering/gpu/WarpShape.h"

namespace attn::gpu {

/// Emits the warp-specialised kernel of \p request for sm_90a. None, and the
/// reason in \p why, where the kernel has not the form (WarpShape.h) or does
/// not fit into shared memory. With \p tile, with that one.
std::optional<GpuStage>
emitWarpKernel(const GpuStageRequest &request, std::string &why,
               std::optional<WarpTile> tile = std::nullopt);

} // namespace attn::gpu

#endif // ATTN_LOWERING_GPU_EMITWARPKERNEL_H
