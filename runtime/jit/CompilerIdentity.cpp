//===- CompilerIdentity.cpp - Which compiler this is ----------------------===//
//
// The build id that the linker writes into the binary that holds this code: a
// hash of all of it, so no version number has to be kept up by hand. A binary
// linked without one is told apart by its path, size and time.
//
//===----------------------------------------------------------------------===//

#include "runtime/jit/CompilerIdentity.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/FileSystem.h"

#include <elf.h>
#include <link.h>

using llvm::StringRef;

namespace {
struct Search {
  uintptr_t address;
  std::string buildId;
};
} // namespace

/// The GNU build id among the notes of a segment.
static std::string findBuildId(const char *notes, size_t size) {
  while (size >= sizeof(ElfW(Nhdr))) {
    const auto &header = *reinterpret_cast<const ElfW(Nhdr) *>(notes);
    size_t nameSize = llvm::alignTo<4>(header.n_namesz);
    size_t total =
        sizeof(header) + nameSize + llvm::alignTo<4>(header.n_descsz);
    if (total > size)
      break;
    const char *name = notes + sizeof(header);
    if (header.n_type == NT_GNU_BUILD_ID &&
        StringRef(name, header.n_namesz) == StringRef("GNU", 4))
      return llvm::toHex(StringRef(name + nameSize, header.n_descsz));
    notes += total;
    size -= total;
  }
  return "";
}

/// Visits one loaded binary; stops at the one that holds the address.
static int visitBinary(dl_phdr_info *info, size_t, void *argument) {
  auto &search = *static_cast<Search *>(argument);
  llvm::ArrayRef<ElfW(Phdr)> segments(info->dlpi_phdr, info->dlpi_phnum);
  bool isOurs = llvm::any_of(segments, [&](const ElfW(Phdr) & segment) {
    uintptr_t begin = info->dlpi_addr + segment.p_vaddr;
    return segment.p_type == PT_LOAD && search.address >= begin &&
           search.address < begin + segment.p_memsz;
  });
  if (!isOurs)
    return 0;
  for (const ElfW(Phdr) &segment : segments)
    if (segment.p_type == PT_NOTE && search.buildId.empty())
      search.buildId = findBuildId(
          reinterpret_cast<const char *>(info->dlpi_addr + segment.p_vaddr),
          segment.p_memsz);
  return 1;
}

static std::string findIdentity() {
  std::string identity = "LLVM " LLVM_VERSION_STRING " ";
  Search search{reinterpret_cast<uintptr_t>(&attn::compilerIdentity), ""};
  dl_iterate_phdr(visitBinary, &search);
  if (!search.buildId.empty())
    return identity + search.buildId;
  namespace fs = llvm::sys::fs;
  std::string path = fs::getMainExecutable(
      nullptr, reinterpret_cast<void *>(&attn::compilerIdentity));
  fs::file_status status;
  fs::status(path, status);
  return identity + path + " " + std::to_string(status.getSize()) + " " +
         std::to_string(
             status.getLastModificationTime().time_since_epoch().count());
}

const std::string &attn::compilerIdentity() {
  static const std::string identity = findIdentity();
  return identity;
}
