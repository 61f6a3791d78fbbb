//===- Ptxas.h - The assembler of a CUDA Toolkit ----------------*- C++ -*-===//

#ifndef ATTN_LOWERING_GPU_PTXAS_H
#define ATTN_LOWERING_GPU_PTXAS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <optional>
#include <string>
#include <vector>

namespace attn::gpu {

/// What ptxas says about a kernel.
struct KernelResources {
  std::string symbol;
  unsigned registers = 0;
  unsigned stackBytes = 0, spillBytes = 0;
  /// Its wgmma wait for each other (C7510 and others): a fast kernel that is
  /// none.
  bool isSerialized = false;
};

struct Assembly {
  std::string cubin;
  std::vector<KernelResources> kernels;
};

/// Where ptxas is: $ATTNC_PTXAS, then a CUDA Toolkit ($CUDA_HOME, $CUDA_PATH,
/// PATH, /usr/local/cuda), then the PyPI package nvidia-cuda-nvcc (of
/// $VIRTUAL_ENV, or of a python3 on PATH). $ATTNC_PTXAS=none hides them all.
std::optional<std::string> findPtxas();

/// Assembles \p ptx for \p chip.
llvm::Expected<Assembly> assemble(llvm::StringRef ptxas, llvm::StringRef ptx,
                                  llvm::StringRef chip);

/// Reads what `ptxas -v` prints.
std::vector<KernelResources> parseResources(llvm::StringRef text);

} // namespace attn::gpu

#endif // ATTN_LOWERING_GPU_PTXAS_H
