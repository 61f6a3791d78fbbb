//===- Header.h - The C header of a compiled spec ---------------*- C++ -*-===//

#ifndef ATTN_FRONTEND_CLI_HEADER_H
#define ATTN_FRONTEND_CLI_HEADER_H

#include <string>

namespace attn::cli {

class Spec;

/// Declares attn_spec_<name> and says what its parameters are.
std::string makeHeader(const Spec &spec);

} // namespace attn::cli

#endif // ATTN_FRONTEND_CLI_HEADER_H
