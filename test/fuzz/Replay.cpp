//===- Replay.cpp - Runs a fuzz target over files -------------------------===//

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

namespace {

bool runFile(llvm::StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer) {
    llvm::errs() << path << ": " << buffer.getError().message() << "\n";
    return false;
  }
  // Named first: a crash has the file as its last line.
  llvm::outs() << path << "\n";
  llvm::outs().flush();
  LLVMFuzzerTestOneInput(
      reinterpret_cast<const uint8_t *>((*buffer)->getBufferStart()),
      (*buffer)->getBufferSize());
  return true;
}

} // namespace

/// Runs the files named, and those in the folders named.
int main(int argc, char **argv) {
  unsigned count = 0;
  for (int i = 1; i < argc; ++i) {
    if (!llvm::sys::fs::is_directory(argv[i])) {
      if (!runFile(argv[i]))
        return 1;
      ++count;
      continue;
    }
    std::error_code error;
    for (llvm::sys::fs::directory_iterator it(argv[i], error), end;
         it != end && !error; it.increment(error)) {
      if (llvm::sys::fs::is_directory(it->path()))
        continue;
      if (!runFile(it->path()))
        return 1;
      ++count;
    }
  }
  llvm::outs() << count << " inputs\n";
  return count == 0;
}
