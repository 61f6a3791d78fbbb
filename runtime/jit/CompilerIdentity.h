//===- CompilerIdentity.h - Which compiler this is --------------*- C++ -*-===//

#ifndef ATTN_RUNTIME_JIT_COMPILERIDENTITY_H
#define ATTN_RUNTIME_JIT_COMPILERIDENTITY_H

#include <string>

namespace attn {

/// A text that differs between any two builds of the compiler that could emit
/// different code. Objects in the disk cache are kept apart by it.
const std::string &compilerIdentity();

} // namespace attn

#endif // ATTN_RUNTIME_JIT_COMPILERIDENTITY_H
