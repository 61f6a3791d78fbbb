//===- Parser.cpp - Taking and missing tokens -----------------------------===//

#include "frontend/Parser.h"

#include "llvm/ADT/StringExtras.h"

using namespace attn;
using llvm::StringRef;
using llvm::Twine;

bool Parser::atStatement() const {
  if (!next->startsLine)
    return false;
  return at(TokenKind::Dim) || at(TokenKind::Require) || atMisnamedStep() ||
         at(TokenKind::Identifier, TokenKind::Assign);
}

/// Where the next token stands. What is missing at the end of a line is missing
/// there, not on the next one.
Place Parser::placeOfNext() const {
  if (next->startsLine && next != tokens.data())
    return Place(StringRef(previous().text.end(), 0));
  return next->place();
}

std::string Parser::found() const {
  if (!at(TokenKind::End) && next->startsLine && next != tokens.data())
    return "the end of the line";
  return spellingOfNext();
}

std::string Parser::spellingOfNext() const {
  if (at(TokenKind::End))
    return "the end of the file";
  if (at(TokenKind::Assign))
    return "'=' (which defines; '==' compares)";
  return ("'" + next->text.take_front(40) + "'").str();
}

void Parser::complain(const Twine &message) {
  diagnostics.error(placeOfNext(), message + ", found " + found());
}

bool Parser::expect(TokenKind kind, const Twine &purpose) {
  if (takeIf(kind))
    return true;
  complain("expected '" + spelling(kind) + "' " + purpose);
  return false;
}

bool Parser::expectClosing(TokenKind kind, const Token &open) {
  if (takeIf(kind))
    return true;
  diagnostics
      .error(placeOfNext(),
             "expected '" + spelling(kind) + "', found " + found())
      .note(open.place(), "to close this '" + open.text + "'");
  return false;
}

std::optional<Name> Parser::expectName(const Twine &what) {
  if (at(TokenKind::Identifier))
    return Name{take().text};
  // On a new line, the word may begin what it says. Nothing follows the end.
  if (isKeyword(next->text) &&
      (!next->startsLine || next[1].kind == TokenKind::Colon ||
       next[1].kind == TokenKind::Assign))
    refuseKeyword(what);
  else
    complain("expected " + what);
  return std::nullopt;
}

void Parser::refuseKeyword(const Twine &what) {
  diagnostics.error(next->place(),
                    "'" + next->text +
                        "' is a word of the language and cannot be " + what);
}

void Parser::skipStatement() {
  unsigned braces = 0;
  while (!atDeclaration()) {
    if (braces == 0 && (atStatement() || at(TokenKind::RBrace)))
      return;
    if (at(TokenKind::LBrace))
      ++braces;
    if (at(TokenKind::RBrace))
      --braces;
    take();
  }
}

void Parser::skipDeclaration() {
  while (!atDeclaration())
    take();
}

/// Skips to the comma or the bracket that ends an item of a list.
void Parser::skipListItem() {
  unsigned open = 0;
  while (!atDeclaration()) {
    bool isEnd = at(TokenKind::Comma) || at(TokenKind::RParen) ||
                 at(TokenKind::Arrow) || at(TokenKind::LBrace);
    if (open == 0 && isEnd)
      return;
    if (at(TokenKind::LParen) || at(TokenKind::LBracket))
      ++open;
    if (open && (at(TokenKind::RParen) || at(TokenKind::RBracket)))
      --open;
    take();
  }
}

File attn::parse(Diagnostics &diagnostics) {
  return Parser(diagnostics).parseFile();
}
