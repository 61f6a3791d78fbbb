//===- Elements.h - Numbers in the memory of a tensor -----------*- C++ -*-===//

#ifndef ATTN_FRONTEND_CLI_ELEMENTS_H
#define ATTN_FRONTEND_CLI_ELEMENTS_H

#include <dlpack/dlpack.h>

#include <cstdint>
#include <string>

namespace attn::cli {

/// "f32", "bf16", "i64".
std::string typeName(DLDataType type);

inline bool isFloat(DLDataType type) {
  return type.code == kDLFloat || type.code == kDLBfloat;
}
inline int64_t byteSize(DLDataType type) { return (type.bits + 7) / 8; }

/// Element \p index of \p data, which need not be aligned. 64-bit integers
/// beyond 2^53 lose their last bits.
double loadElement(DLDataType type, const void *data, int64_t index);

/// Says whether loadElement loses nothing.
bool isExactInDouble(DLDataType type, const void *data, int64_t index);

/// Rounds to nearest even. False where an integer type cannot hold \p value.
bool storeElement(DLDataType type, void *data, int64_t index, double value);

/// The type in which a tensor is written to a .npy file, which has no bf16:
/// f32 for all floats.
DLDataType fileType(DLDataType type);

} // namespace attn::cli

#endif // ATTN_FRONTEND_CLI_ELEMENTS_H
