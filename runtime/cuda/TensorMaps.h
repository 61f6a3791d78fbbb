//===- TensorMaps.h - How TMA sees the tensors of a call --------*- C++ -*-===//

#ifndef ATTN_RUNTIME_CUDA_TENSORMAPS_H
#define ATTN_RUNTIME_CUDA_TENSORMAPS_H

#include "attn/kernel_abi.h"
#include "runtime/cuda/Driver.h"

#include <span>

namespace attn::runtime::cuda {

/// Makes the map that \p desc describes for the call of \p slots. False where
/// the hardware has none: a base or stride that is no multiple of 16 bytes, an
/// empty tensor, a driver before CUDA 12.
bool encode(const Driver &driver, const attn_map_desc &desc,
            std::span<const int64_t> slots, TensorMap &map);

} // namespace attn::runtime::cuda

#endif // ATTN_RUNTIME_CUDA_TENSORMAPS_H
