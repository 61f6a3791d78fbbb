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

/// The same with tiles of fewer rows or columns, which fit short sequences and
/// what a mask leaves of them better. None where its tiles have no fewer.
std::optional<GpuStage> emitShortWarpKernel(const GpuStageRequest &request);

/// Emits a kernel of the same form for few rows: a row of its tiles has an
/// index of every lane that the tensors read along the columns lack, and where
/// items are few, each is cut into parts that a second kernel puts together
/// (WarpParts.cpp). None where the kernel has not the form.
std::optional<GpuStage> emitPackedKernel(const GpuStageRequest &request);

} // namespace attn::gpu

#endif // ATTN_LOWERING_GPU_EMITWARPKERNEL_H
