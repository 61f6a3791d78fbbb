//===- Workspace.h - The memory of a run ------------------------*- C++ -*-===//
//
// [ slots of this run | order of items | buffers | scratch of worker 0 | of
// worker 1 | ... ]
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_RUNTIME_WORKSPACE_H
#define ATTN_RUNTIME_WORKSPACE_H

#include <cstddef>
#include <cstdint>

namespace attn::runtime {

/// Cache lines and the widest vectors.
constexpr size_t workspaceAlignment = 64;

/// An item of a stage, the pairs that it visits, and those of the first item of
/// its run, in which no item visits more than the one before.
struct ItemWork {
  int64_t pairs, item, runPairs;
};

/// \p bytes rounded up to the alignment, or false when that does not fit.
inline bool alignUp(int64_t bytes, size_t &result) {
  int64_t rounded;
  if (bytes < 0 ||
      __builtin_add_overflow(bytes, int64_t(workspaceAlignment - 1), &rounded))
    return false;
  result = size_t(rounded) & ~(workspaceAlignment - 1);
  return true;
}

inline char *alignUp(void *address) {
  auto value = reinterpret_cast<uintptr_t>(address) + workspaceAlignment - 1;
  return reinterpret_cast<char *>(value & ~uintptr_t(workspaceAlignment - 1));
}

} // namespace attn::runtime

#endif // ATTN_RUNTIME_WORKSPACE_H
