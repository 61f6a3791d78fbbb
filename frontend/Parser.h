//===- Parser.h - Tokens to tree --------------------------------*- C++ -*-===//
//
// Recursive descent; frontend/README.md has the grammar. A line break separates
// nothing inside an expression, yet no terminator is needed: what begins a
// statement, a name and `=` on a new line, cannot go on with an expression.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_FRONTEND_PARSER_H
#define ATTN_FRONTEND_PARSER_H

#include "frontend/AST.h"

namespace attn {

/// Parses the text of \p diagnostics. After an error it goes on with the next
/// statement, parameter or declaration; the tree holds what could be read.
File parse(Diagnostics &diagnostics);

/// What parse() runs. Declarations are parsed in ParseDecl.cpp, formulas in
/// ParseExpr.cpp.
class Parser {
public:
  explicit Parser(Diagnostics &diagnostics)
      : diagnostics(diagnostics), tokens(lex(diagnostics.text(), diagnostics)),
        next(tokens.data()) {}

  File parseFile();

private:
  /// Binding strength of a binary operator, weakest first; as in Python.
  enum Precedence {
    None,
    Or,
    And,
    Not,
    Compare,
    BitOr,
    BitXor,
    BitAnd,
    Shift,
    Sum,
    Product
  };
  static Precedence precedence(TokenKind kind);

  // Declarations.
  void parseFunction();
  void parseAttention();
  bool parseParams(AttentionDecl &attention);
  bool parseParam(AttentionDecl &attention);
  bool parseOutputs(AttentionDecl &attention);
  bool parseType(TypeDecl &type);
  bool parseBody(AttentionDecl &attention);
  bool parseStatement(AttentionDecl &attention);
  bool parseDims(AttentionDecl &attention);
  bool parseRequire(AttentionDecl &attention);

  // Expressions. Null after an error, which is reported.
  ExprPtr parseExpr();
  ExprPtr parseIf();
  ExprPtr parseBinary(Precedence weakest);
  ExprPtr parseComparison(ExprPtr first);
  ExprPtr parseNot(Precedence weakest);
  ExprPtr parseFactor();
  ExprPtr parsePostfix();
  ExprPtr parsePrimary();
  ExprPtr parseParenthesized();
  ExprPtr parseInteger();
  ExprPtr parseFloat();
  ExprPtr parseCall(Name callee);
  ExprPtr parseReduction(Name callee);
  ExprPtr parseRead(ExprPtr source);

  // Tokens.
  Token take() {
    Token token = *next;
    if (token.kind != TokenKind::End)
      ++next;
    return token;
  }
  bool at(TokenKind kind) const { return next->kind == kind; }
  bool at(TokenKind kind, TokenKind second) const {
    return at(kind) && next[1].kind == second;
  }
  bool takeIf(TokenKind kind) {
    if (!at(kind))
      return false;
    take();
    return true;
  }
  /// Says whether the next token begins a statement, or ends the body.
  bool atStatement() const;
  bool atDeclaration() const {
    return at(TokenKind::End) ||
           (next->startsLine && !atMisnamedStep() &&
            (at(TokenKind::Attention) || at(TokenKind::Fn)));
  }
  /// Says whether a step begins here whose name is a word of the language.
  bool atMisnamedStep() const {
    return next->startsLine && isKeyword(next->text) &&
           next[1].kind == TokenKind::Assign;
  }
  /// What was last taken, for ends of places.
  const Token &previous() const {
    return next == tokens.data() ? *next : next[-1];
  }

  bool expect(TokenKind kind, const llvm::Twine &purpose);
  bool expectClosing(TokenKind kind, const Token &open);
  std::optional<Name> expectName(const llvm::Twine &what);
  /// Reports that the next token, a word of the language, is no name.
  void refuseKeyword(const llvm::Twine &what);
  Place placeOfNext() const;
  std::string found() const;
  /// The same of a token that begins a line and is itself what is wrong.
  std::string spellingOfNext() const;
  /// Reports that something else was expected than the next token.
  void complain(const llvm::Twine &message);
  bool refuseNotYet();

  void skipStatement();
  void skipDeclaration();
  void skipListItem();

  /// Bounds the height of \p expr, the tallest part of which has \p height.
  ExprPtr bounded(ExprPtr expr, unsigned height);
  ExprPtr complainTooDeep(Place place);

  Diagnostics &diagnostics;
  std::vector<Token> tokens;
  const Token *next;
  /// Bounds the recursion of the parser and of every walk over the tree.
  static constexpr unsigned maxHeight = 256;

  unsigned depth = 0;
  File file;
};

} // namespace attn

#endif // ATTN_FRONTEND_PARSER_H
