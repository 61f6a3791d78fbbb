//===- DiskCache.cpp - Objects that outlive a process ---------------------===//
//
// A file: magic, key (64 hex digits), hash of the rest; remarks and objects,
// each after its size (8 bytes). So a file that was cut off, damaged or renamed
// is told apart from one that is whole.
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

static constexpr StringRef magic = "attn object 2\n";
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

static void addPart(std::string &content, StringRef part) {
  char length[lengthSize];
  llvm::support::endian::write64le(length, part.size());
  content.append(length, lengthSize);
  content += part;
}

/// Takes the part off that \p content begins with; none at its end.
static std::optional<StringRef> takePart(StringRef &content) {
  if (content.size() < lengthSize)
    return std::nullopt;
  uint64_t length = llvm::support::endian::read64le(content.data());
  if (length > content.size() - lengthSize)
    return std::nullopt;
  StringRef part = content.substr(lengthSize, length);
  content = content.drop_front(lengthSize + length);
  return part;
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
      rest.size() < hashSize)
    return std::nullopt;
  StringRef hash = rest.take_front(hashSize);
  rest = rest.drop_front(hashSize);
  if (contentHash(rest) != hash)
    return std::nullopt;
  std::optional<StringRef> remarks = takePart(rest);
  if (!remarks)
    return std::nullopt;
  CachedObject found{remarks->str(), {}};
  while (std::optional<StringRef> object = takePart(rest))
    // A copy: the linker wants it aligned.
    found.objects.push_back(llvm::MemoryBuffer::getMemBufferCopy(*object, key));
  return found;
}

bool DiskCache::store(StringRef key, StringRef remarks,
                      llvm::ArrayRef<StringRef> objects) const {
  namespace fs = llvm::sys::fs;
  if (directory.empty() ||
      fs::create_directories(directory, /*IgnoreExisting=*/true,
                             fs::perms::owner_all))
    return false;
  std::string content;
  addPart(content, remarks);
  for (StringRef object : objects)
    addPart(content, object);

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
