//===- Files.h - Reading and writing whole files ----------------*- C++ -*-===//

#ifndef ATTN_FRONTEND_CLI_FILES_H
#define ATTN_FRONTEND_CLI_FILES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

#include <memory>
#include <string>

namespace attn::cli {

/// "-" is the standard input.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
readFile(llvm::StringRef path);

/// A file that is written beside its place, and is gone unless it is kept.
class PendingFile {
public:
  /// Writes the pieces one after the other. Pipes, devices and "-", the
  /// standard output, have them at once.
  static llvm::Expected<PendingFile>
  write(llvm::StringRef path, llvm::ArrayRef<llvm::StringRef> pieces);
  PendingFile(PendingFile &&) = default;
  ~PendingFile();

  /// Takes its place, as a whole.
  llvm::Error keep();

private:
  PendingFile(llvm::StringRef path) : path(path) {}

  std::string path;
  std::unique_ptr<llvm::sys::fs::TempFile> file; // null: kept, or none
};

/// Writes the pieces one after the other. The file is there as a whole or not
/// at all. "-" is the standard output.
llvm::Error writeFile(llvm::StringRef path,
                      llvm::ArrayRef<llvm::StringRef> pieces);

} // namespace attn::cli

#endif // ATTN_FRONTEND_CLI_FILES_H
