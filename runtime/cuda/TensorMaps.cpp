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

namespace {

constexpr int32_t maxRank = 5;
constexpr int64_t alignment = 16, maxStride = int64_t(1) << 40,
                  maxExtent = int64_t(1) << 32,
                  maxFolded = (int64_t(1) << 31) - 256, maxBox = 256;

/// The dimensions of a map, in bytes but for the extents.
struct Walk {
  uint32_t rank = 0;
  uint64_t extents[maxRank], strides[maxRank];
  uint32_t box[maxRank], steps[maxRank];
  int64_t folded = 0; // elements that the first coordinate goes further

  /// Adds \p extent elements of \p bytes, \p stride apart, to the first
  /// coordinate.
  bool fold(int64_t extent, int64_t stride, int64_t bytes) {
    int64_t distance;
    return extent <= 1 ||
           (stride >= 0 && stride % (alignment / bytes) == 0 &&
            !__builtin_mul_overflow(extent - 1, stride, &distance) &&
            !__builtin_add_overflow(folded, distance, &folded) &&
            folded < maxFolded);
  }
};

} // namespace

/// Adds the dimension \p dim. An empty residue still has a map: nobody reads
/// it.
static bool add(const attn_map_dim_desc &dim, std::span<const int64_t> slots,
                int64_t bytes, Walk &walk) {
  int64_t extent = dim.extent_slot < 0 ? dim.extent : slots[dim.extent_slot];
  int64_t stride = dim.stride_slot < 0 ? dim.stride : slots[dim.stride_slot];
  if (extent < 1 || extent > maxExtent)
    return false;
  if (dim.box_slot < 0 && dim.box == 0)
    return walk.fold(extent, stride, bytes);
  if (dim.step_slot >= 0) {
    int64_t step = slots[dim.step_slot];
    if (step < 1 || step > extent)
      return false;
    int64_t longer = extent % step, whole = extent / step;
    if (!walk.fold(dim.is_longer ? longer : step, stride, bytes))
      return false;
    extent = whole + dim.is_longer;
    if (extent > 1 && __builtin_mul_overflow(stride, step, &stride))
      return false;
  }
  if (walk.rank == maxRank)
    return false;
  // The stride of a dimension with one element is never used, and hosts put
  // anything there.
  if (extent == 1)
    stride = alignment / bytes;
  if (walk.rank > 0) {
    if (stride < 0 || stride >= maxStride / bytes || stride * bytes % alignment)
      return false;
    walk.strides[walk.rank - 1] = uint64_t(stride * bytes);
  }
  int64_t box = dim.box_slot < 0 ? dim.box : slots[dim.box_slot];
  if (box < 1 || box > maxBox)
    return false;
  walk.extents[walk.rank] = uint64_t(extent);
  walk.box[walk.rank] = uint32_t(box);
  walk.steps[walk.rank] = uint32_t(dim.step);
  ++walk.rank;
  return true;
}

bool attn::runtime::cuda::encode(const Driver &driver,
                                 const attn_map_desc &desc,
                                 std::span<const int64_t> slots,
                                 TensorMap &map) {
  constexpr int promoteTo128Bytes = 2;
  int type = elementType(desc.dtype_code, desc.dtype_bits);
  if (!driver.cuTensorMapEncodeTiled || type < 0 || desc.rank < 1 ||
      slots[desc.slot] % alignment != 0)
    return false;
  Walk walk;
  for (int32_t i = 0; i < desc.rank; ++i)
    if (!add(desc.dims[i], slots, desc.dtype_bits / 8, walk))
      return false;
  if (walk.rank == 0)
    return false;
  walk.extents[0] += uint64_t(walk.folded);
  return driver.cuTensorMapEncodeTiled(
             &map, type, walk.rank,
             reinterpret_cast<void *>(uintptr_t(slots[desc.slot])),
             walk.extents, walk.strides, walk.box, walk.steps, /*interleave=*/0,
             swizzleOf(desc.swizzle), promoteTo128Bytes, /*fill=*/0) == success;
}
