//===- TensorMaps.cpp - How TMA sees the tensors of a call ----------------===//

#include "runtime/cuda/TensorMaps.h"

#include <dlpack/dlpack.h>

using namespace attn::runtime::cuda;

/// CUtensorMapDataType, or -1.
static int elementType(int code, int bits) {
  switch (code) {
  case kDLFloat:
    return bits == 16 ? 6 : bits == 32 ? 7 : bits == 64 ? 8 : -1;
  case kDLBfloat:
    return bits == 16 ? 9 : -1;
  default: // Integers are moved, not looked at.
    return bits == 8    ? 0
           : bits == 16 ? 1
           : bits == 32 ? 2
           : bits == 64 ? 4
                        : -1;
  }
}

/// CUtensorMapSwizzle.
static int swizzleOf(int bytes) {
  return bytes == 128 ? 3 : bytes == 64 ? 2 : bytes == 32 ? 1 : 0;
}

bool attn::runtime::cuda::encode(const Driver &driver,
                                 const attn_map_desc &desc,
                                 std::span<const int64_t> slots,
                                 TensorMap &map) {
  constexpr int32_t maxRank = 5;
  constexpr int64_t alignment = 16, maxStride = int64_t(1) << 40,
                    maxExtent = int64_t(1) << 32;
  constexpr int promoteTo128Bytes = 2;
  int type = elementType(desc.dtype_code, desc.dtype_bits);
  if (!driver.cuTensorMapEncodeTiled || type < 0 || desc.rank < 1 ||
      desc.rank > maxRank || slots[desc.slot] % alignment != 0)
    return false;
  int64_t bytes = desc.dtype_bits / 8;
  uint64_t extents[maxRank], strides[maxRank];
  uint32_t box[maxRank], steps[maxRank];
  for (int32_t i = 0; i < desc.rank; ++i) {
    const attn_map_dim_desc &dim = desc.dims[i];
    int64_t extent = dim.extent_slot < 0 ? dim.extent : slots[dim.extent_slot];
    int64_t stride = dim.stride_slot < 0 ? dim.stride : slots[dim.stride_slot];
    if (extent < 1 || extent > maxExtent)
      return false;
    // The stride of a dimension with one element is never used, and hosts put
    // anything there.
    stride = extent == 1 ? alignment : stride * bytes;
    if (i > 0 && (stride < 0 || stride >= maxStride || stride % alignment))
      return false;
    extents[i] = uint64_t(extent);
    if (i > 0)
      strides[i - 1] = uint64_t(stride);
    box[i] = uint32_t(dim.box);
    steps[i] = uint32_t(dim.step);
  }
  return driver.cuTensorMapEncodeTiled(
             &map, type, uint32_t(desc.rank),
             reinterpret_cast<void *>(uintptr_t(slots[desc.slot])), extents,
             strides, box, steps, /*interleave=*/0, swizzleOf(desc.swizzle),
             promoteTo128Bytes, /*fill=*/0) == success;
}
