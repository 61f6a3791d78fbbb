//===- Files.h - Reading and writing whole files ----------------*- C++ -*-===//

#ifndef ATTN_FRONTEND_CLI_FILES_H
#define ATTN_FRONTEND_CLI_FILES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"

#include <memory>

namespace attn::cli {

/// "-" is the standard input.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
readFile(llvm::StringRef path);

/// Writes the pieces one after the other. The file is there as a whole or not
/// at all: they go to a temporary beside it that is renamed. "-" is the
/// standard output.
llvm::Error writeFile(llvm::StringRef path,
                      llvm::ArrayRef<llvm::StringRef> pieces);

} // namespace attn::cli

#endif // ATTN_FRONTEND_CLI_FILES_H
