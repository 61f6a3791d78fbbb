//===- Describe.h - Types and parameters in messages ------------*- C++ -*-===//

#ifndef ATTN_RUNTIME_DESCRIBE_H
#define ATTN_RUNTIME_DESCRIBE_H

#include "runtime/Kernel.h"

#include <string>
#include <string_view>

namespace attn::runtime {

inline bool isTensor(const attn_param_desc &param) {
  return param.kind != ATTN_PARAM_SCALAR;
}
inline bool isOutput(const attn_param_desc &param) {
  return param.kind == ATTN_PARAM_OUTPUT;
}

DLDataType elementType(const attn_param_desc &param);

/// "f32", "bf16", "i64", "bool"; "f32x4" for vectors.
std::string describe(DLDataType type);

/// "f32 tensor [B, N, D]", "float scalar".
std::string describe(const KernelImage &kernel, const attn_param_desc &param);

/// ", did you mean 'slope'?" when a parameter has nearly this name, else "".
std::string suggestion(const KernelImage &kernel, std::string_view name);

} // namespace attn::runtime

#endif // ATTN_RUNTIME_DESCRIBE_H
