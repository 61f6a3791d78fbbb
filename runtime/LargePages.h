//===- LargePages.h - Fewer entries of the TLB for long arrays --*- C++ -*-===//

#ifndef ATTN_RUNTIME_LARGEPAGES_H
#define ATTN_RUNTIME_LARGEPAGES_H

#include <cstddef>
#include <cstdint>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace attn::runtime {

/// Of x86-64, and where an array begins that shall consist of them alone.
constexpr size_t largePage = size_t(2) << 20;

/// Asks the system to have the whole large pages within \p bytes at \p data as
/// such, before they are first written: many systems give them to who asks
/// alone. A hint, so a refusal is no error.
inline void askForLargePages([[maybe_unused]] void *data,
                             [[maybe_unused]] size_t bytes) noexcept {
#ifdef MADV_HUGEPAGE
  auto address = reinterpret_cast<uintptr_t>(data);
  uintptr_t begin = (address + largePage - 1) & ~uintptr_t(largePage - 1);
  uintptr_t end = (address + bytes) & ~uintptr_t(largePage - 1);
  if (begin < end)
    (void)::madvise(reinterpret_cast<void *>(begin), end - begin,
                    MADV_HUGEPAGE);
#endif
}

} // namespace attn::runtime

#endif // ATTN_RUNTIME_LARGEPAGES_H
