//===- Lexer.h - Spec text to tokens ----------------------------*- C++ -*-===//

#ifndef ATTN_FRONTEND_LEXER_H
#define ATTN_FRONTEND_LEXER_H

#include "frontend/Diagnostics.h"

namespace attn {

enum class TokenKind {
  End,
  Identifier,
  Integer,
  Float,
  String,
  // Keywords.
  Attention,
  Fn,
  Dim,
  Require,
  If,
  Then,
  Else,
  And,
  Or,
  Not,
  Where,
  All,
  True,
  False,
  // Punctuation.
  LParen,
  RParen,
  LBracket,
  RBracket,
  LBrace,
  RBrace,
  Comma,
  Colon,
  Arrow,
  Assign,
  Plus,
  Minus,
  Star,
  StarStar,
  Slash,
  SlashSlash,
  Percent,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  EqualEqual,
  NotEqual,
  Amp,
  Pipe,
  Caret,
  ShiftLeft,
  ShiftRight,
};

struct Token {
  TokenKind kind;
  llvm::StringRef text; // of the source
  bool startsLine;      // first token of its line

  Place place() const { return Place(text); }
};

/// How a keyword or a punctuation mark is written.
llvm::StringRef spelling(TokenKind kind);
bool isKeyword(llvm::StringRef text);

/// Splits \p text, which is that of \p diagnostics, into tokens; the last one
/// is End. What is no token is reported and skipped.
std::vector<Token> lex(llvm::StringRef text, Diagnostics &diagnostics);

} // namespace attn

#endif // ATTN_FRONTEND_LEXER_H
