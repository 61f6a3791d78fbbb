//===- SpecCompiler.h - From text to an object ------------------*- C++ -*-===//

#ifndef ATTN_RUNTIME_JIT_SPECCOMPILER_H
#define ATTN_RUNTIME_JIT_SPECCOMPILER_H

#include "attn/attn.hpp"
#include "runtime/jit/DiskCache.h"

namespace attn {

/// The objects of a spec, and its name.
struct SpecObject {
  CachedObject code;
  std::string name;
  bool fromDiskCache = false;
};

/// Compiles one spec, or finds what an earlier compilation left in \p cache
/// (null: none).
Result<SpecObject> compileSpec(std::string_view text, std::string_view name,
                               const SpecOptions &options,
                               const DiskCache *cache);

/// Where the extent of a head size is found among the tensors of a call.
struct HeadSize {
  std::string dim;
  std::string param;
  unsigned axis;
};

/// The head sizes of a spec that \p options does not fix.
Result<std::vector<HeadSize>> findHeadSizes(std::string_view text,
                                            std::string_view name,
                                            const SpecOptions &options);

} // namespace attn

#endif // ATTN_RUNTIME_JIT_SPECCOMPILER_H
