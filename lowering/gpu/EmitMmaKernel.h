//===- EmitMmaKernel.h - A kernel on mma.sync -------------------*- C++ -*-===//

#ifndef ATTN_LOWERING_GPU_EMITMMAKERNEL_H
#define ATTN_LOWERING_GPU_EMITMMAKERNEL_H

#include "lowering/gpu/GpuStage.h"

namespace attn::gpu {

/// Emits a kernel whose warps keep rows in registers and run over tiles of
/// columns in shared memory, for sm_80 and up. It needs no alignment beyond
/// that of the elements. None, and the reason in \p why, where the kernel has
/// not the form of MmaShape.h.
std::optional<GpuStage> emitMmaKernel(const GpuStageRequest &request,
                                      std::string &why);

} // namespace attn::gpu

#endif // ATTN_LOWERING_GPU_EMITMMAKERNEL_H
