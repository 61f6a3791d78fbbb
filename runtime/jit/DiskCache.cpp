//===- DiskCache.cpp - Objects that outlive a process ---------------------===//
//
// A file: magic, key (64 hex digits), hash of the rest, size of the remarks
// (8 bytes), remarks, object. So a file that was cut off, damaged or renamed is
// told apart from one that is whole.
//
//===----------------------------------------------------------------------===//

#include "runtime/jit/DiskCache.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SHA256.h"
#include "llvm/Support/raw_ostream.h"

using namespace attn;
using llvm::StringRef;

static constexpr StringRef magic = "attn object 1\n";
static constexpr size_t hashSize = 64;
static constexpr size_t lengthSize = 8;

std::string attn::contentHash(llvm::ArrayRef<StringRef> parts) {
  llvm::SHA256 hasher;
  for (StringRef part : parts) {
    // The length first: the parts of "ab", "c" are not those of "a", "bc".
    char length[lengthSize];
    llvm::support::endian::write64le(length, part.size());
    hasher.update(StringRef(length, lengthSize));
    hasher.update(part);
  }
  return llvm::toHex(hasher.final(), /*LowerCase=*/true);
}

/// The user's own cache directory, or nothing.
static std::string defaultDirectory() {
  if (const char *given = std::getenv("ATTN_CACHE_DIR"); given && *given)
    return given;
  llvm::SmallString<128> path;
  if (const char *caches = std::getenv("XDG_CACHE_HOME"); caches && *caches)
    path = caches;
  else if (const char *home = std::getenv("HOME"); home && *home)
    llvm::sys::path::append(path, home, ".cache");
  else
    return "";
  llvm::sys::path::append(path, "attn");
  return path.str().str();
}

DiskCache::DiskCache(std::string given)
    : directory(given.empty() ? defaultDirectory() : std::move(given)) {}

std::string DiskCache::path(StringRef key) const {
  llvm::SmallString<128> path(directory);
  llvm::sys::path::append(path, key + ".attn");
  return path.str().str();
}

std::optional<CachedObject> DiskCache::load(StringRef key) const {
  if (directory.empty())
    return std::nullopt;
  auto file = llvm::MemoryBuffer::getFile(
      path(key), /*IsText=*/false, /*RequiresNullTerminator=*/false,
      /*IsVolatile=*/true); // read, not mapped: it may be replaced meanwhile
  if (!file)
    return std::nullopt;
  StringRef rest = (*file)->getBuffer();
  if (!rest.consume_front(magic) || !rest.consume_front(key) ||
      rest.size() < hashSize + lengthSize)
    return std::nullopt;
  StringRef hash = rest.take_front(hashSize);
  rest = rest.drop_front(hashSize);
  if (contentHash(rest) != hash)
    return std::nullopt;
  uint64_t length = llvm::support::endian::read64le(rest.data());
  rest = rest.drop_front(lengthSize);
  if (length > rest.size())
    return std::nullopt;
  // A copy: the linker wants the object aligned.
  return CachedObject{
      rest.take_front(length).str(),
      llvm::MemoryBuffer::getMemBufferCopy(rest.drop_front(length), key)};
}

bool DiskCache::store(StringRef key, StringRef remarks,
                      StringRef object) const {
  namespace fs = llvm::sys::fs;
  if (directory.empty() ||
      fs::create_directories(directory, /*IgnoreExisting=*/true,
                             fs::perms::owner_all))
    return false;
  char length[lengthSize];
  llvm::support::endian::write64le(length, remarks.size());
  std::string content(length, lengthSize);
  content += remarks;
  content += object;

  auto file = fs::TempFile::create(path(key) + ".tmp-%%%%%%");
  if (!file) {
    llvm::consumeError(file.takeError());
    return false;
  }
  llvm::raw_fd_ostream stream(file->FD, /*shouldClose=*/false);
  stream << magic << key << contentHash(StringRef(content)) << content;
  stream.flush();
  if (stream.has_error()) {
    stream.clear_error();
    llvm::consumeError(file->discard());
    return false;
  }
  return !llvm::errorToBool(file->keep(path(key)));
}
