//===- Npy.h - Tensors in .npy files ----------------------------*- C++ -*-===//
//
// Reads its own: the header of a file is not to be trusted, and xtensor's
// reader multiplies the extents that it finds there without a check and wants
// the element type at compile time.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_FRONTEND_CLI_NPY_H
#define ATTN_FRONTEND_CLI_NPY_H

#include "frontend/cli/Files.h"

#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"

#include <dlpack/dlpack.h>

#include <memory>
#include <string>
#include <vector>

namespace attn::cli {

/// A tensor in row-major order, in the memory of its file.
struct NpyArray {
  DLDataType type = {};
  std::vector<int64_t> shape;
  std::unique_ptr<llvm::MemoryBuffer> file;
  const char *data = nullptr; // not aligned

  int64_t size() const;
};

/// Fails with one sentence that names the file.
llvm::Expected<NpyArray> readNpy(llvm::StringRef path);

/// The same for the bytes of a file, called \p name in messages.
llvm::Expected<NpyArray> parseNpy(std::unique_ptr<llvm::MemoryBuffer> bytes,
                                  llvm::StringRef name);

/// The file is there once it is kept.
llvm::Expected<PendingFile> writeNpy(llvm::StringRef path, DLDataType type,
                                     llvm::ArrayRef<int64_t> shape,
                                     llvm::StringRef bytes);

} // namespace attn::cli

#endif // ATTN_FRONTEND_CLI_NPY_H
