//===- Parser.h - Tokens to tree --------------------------------*- C++ -*-===//

#ifndef ATTN_FRONTEND_PARSER_H
#define ATTN_FRONTEND_PARSER_H

#include "frontend/AST.h"

namespace attn {

/// Parses the text of \p diagnostics. After an error it goes on with the next
/// statement, parameter or declaration; the tree holds what could be read.
File parse(Diagnostics &diagnostics);

} // namespace attn

#endif // ATTN_FRONTEND_PARSER_H
