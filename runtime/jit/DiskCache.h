//===- DiskCache.h - Objects that outlive a process -------------*- C++ -*-===//

#ifndef ATTN_RUNTIME_JIT_DISKCACHE_H
#define ATTN_RUNTIME_JIT_DISKCACHE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/MemoryBuffer.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace attn {

/// What is kept of a compilation.
struct CachedObject {
  std::string remarks;
  std::vector<std::unique_ptr<llvm::MemoryBuffer>> objects;
};

/// A directory of compiled objects, shared by any number of processes. It is
/// only ever a shortcut: whatever is wrong with it or with a file in it, the
/// answer is that there is no such object.
class DiskCache {
public:
  /// An empty directory means the user's own; if there is none, nothing is
  /// kept.
  explicit DiskCache(std::string directory);

  /// \p key is what the object was made of, as a hash.
  std::optional<CachedObject> load(llvm::StringRef key) const;

  /// Writes beside the file and renames; replaces what is there. Whether it
  /// could.
  bool store(llvm::StringRef key, llvm::StringRef remarks,
             llvm::ArrayRef<llvm::StringRef> objects) const;

private:
  std::string path(llvm::StringRef key) const;
  std::string directory;
};

/// The hash of \p parts, in characters that a file name may have.
std::string contentHash(llvm::ArrayRef<llvm::StringRef> parts);

} // namespace attn

#endif // ATTN_RUNTIME_JIT_DISKCACHE_H
