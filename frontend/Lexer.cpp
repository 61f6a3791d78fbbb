//===- Lexer.cpp - Spec text to tokens ------------------------------------===//

#include "frontend/Lexer.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/ConvertUTF.h"

using namespace attn;
using llvm::StringRef;

namespace {

struct Spelling {
  TokenKind kind;
  StringRef text;
};

constexpr Spelling keywords[] = {{TokenKind::Attention, "attention"},
                                 {TokenKind::Fn, "fn"},
                                 {TokenKind::Dim, "dim"},
                                 {TokenKind::Require, "require"},
                                 {TokenKind::If, "if"},
                                 {TokenKind::Then, "then"},
                                 {TokenKind::Else, "else"},
                                 {TokenKind::And, "and"},
                                 {TokenKind::Or, "or"},
                                 {TokenKind::Not, "not"},
                                 {TokenKind::Where, "where"},
                                 {TokenKind::All, "all"},
                                 {TokenKind::True, "true"},
                                 {TokenKind::False, "false"}};

/// Longer marks stand before their own beginnings.
constexpr Spelling marks[] = {
    {TokenKind::Arrow, "->"},        {TokenKind::StarStar, "**"},
    {TokenKind::SlashSlash, "//"},   {TokenKind::LessEqual, "<="},
    {TokenKind::GreaterEqual, ">="}, {TokenKind::EqualEqual, "=="},
    {TokenKind::NotEqual, "!="},     {TokenKind::ShiftLeft, "<<"},
    {TokenKind::ShiftRight, ">>"},   {TokenKind::LParen, "("},
    {TokenKind::RParen, ")"},        {TokenKind::LBracket, "["},
    {TokenKind::RBracket, "]"},      {TokenKind::LBrace, "{"},
    {TokenKind::RBrace, "}"},        {TokenKind::Comma, ","},
    {TokenKind::Colon, ":"},         {TokenKind::Assign, "="},
    {TokenKind::Plus, "+"},          {TokenKind::Minus, "-"},
    {TokenKind::Star, "*"},          {TokenKind::Slash, "/"},
    {TokenKind::Percent, "%"},       {TokenKind::Less, "<"},
    {TokenKind::Greater, ">"},       {TokenKind::Amp, "&"},
    {TokenKind::Pipe, "|"},          {TokenKind::Caret, "^"}};

const Spelling *findKeyword(StringRef text) {
  return llvm::find_if(keywords,
                       [&](const Spelling &word) { return word.text == text; });
}

/// What other notations write for something that the language has.
StringRef suggestion(StringRef foreign) {
  return llvm::StringSwitch<StringRef>(foreign)
      .Cases({"&&", "∧"}, "and")
      .Cases({"||", "∨"}, "or")
      .Cases({"!", "¬"}, "not")
      .Cases({"≤", "⩽"}, "<=")
      .Cases({"≥", "⩾"}, ">=")
      .Case("≠", "!=")
      .Case("→", "->")
      .Cases({"×", "·", "⋅"}, "*")
      .Case("÷", "/")
      .Cases({"−", "–"}, "-")
      .Case("π", "pi")
      .Case("∞", "inf")
      .Case("Σ", "sum")
      .Case(";", "a line break")
      .Default("");
}

bool isNameStart(char c) { return llvm::isAlpha(c) || c == '_'; }
bool isNamePart(char c) { return llvm::isAlnum(c) || c == '_'; }

class Lexer {
public:
  Lexer(StringRef text, Diagnostics &diagnostics)
      : rest(text), diagnostics(diagnostics) {}

  std::vector<Token> run() {
    while (skipBlanks())
      lexToken();
    add(TokenKind::End, 0);
    return std::move(tokens);
  }

private:
  bool skipBlanks();
  void lexToken();
  void lexNumber();
  void lexString();
  void lexForeign();
  void checkEncoding(StringRef comment);

  StringRef take(size_t count) {
    StringRef text = rest.take_front(count);
    rest = rest.drop_front(count);
    return text;
  }
  void add(TokenKind kind, size_t count) {
    tokens.push_back({kind, take(count), startsLine});
    startsLine = false;
  }
  size_t countWhile(size_t from, auto predicate) const {
    while (from < rest.size() && predicate(rest[from]))
      ++from;
    return from;
  }
  /// Length of the UTF-8 character at the front, or 0 if there is none.
  size_t characterLength() const {
    auto *begin = reinterpret_cast<const llvm::UTF8 *>(rest.begin());
    auto *end = reinterpret_cast<const llvm::UTF8 *>(rest.end());
    size_t length = llvm::getNumBytesForUTF8(*begin);
    return llvm::isLegalUTF8Sequence(begin, end) ? length : 0;
  }

  StringRef rest;
  Diagnostics &diagnostics;
  std::vector<Token> tokens;
  bool startsLine = true;
  bool saidInvalid = false;
};

/// Skips blanks and comments; says whether anything is left.
bool Lexer::skipBlanks() {
  while (!rest.empty()) {
    char c = rest.front();
    if (c == '\n') {
      startsLine = true;
      take(1);
    } else if (c == ' ' || c == '\t' || c == '\r') {
      take(1);
    } else if (c == '#') {
      checkEncoding(take(std::min(rest.find('\n'), rest.size())));
    } else {
      return true;
    }
  }
  return false;
}

/// A comment may be in any script, but it must be text.
void Lexer::checkEncoding(StringRef comment) {
  auto *at = reinterpret_cast<const llvm::UTF8 *>(comment.begin());
  auto *end = reinterpret_cast<const llvm::UTF8 *>(comment.end());
  if (saidInvalid || llvm::isLegalUTF8String(&at, end))
    return;
  saidInvalid = true;
  diagnostics.error(Place(StringRef(reinterpret_cast<const char *>(at), 1)),
                    "this file is not valid UTF-8");
}

void Lexer::lexToken() {
  char c = rest.front();
  if (isNameStart(c)) {
    size_t length = countWhile(0, isNamePart);
    StringRef name = rest.take_front(length);
    const Spelling *keyword = findKeyword(name);
    return add(keyword == std::end(keywords) ? TokenKind::Identifier
                                             : keyword->kind,
               length);
  }
  if (llvm::isDigit(c) ||
      (c == '.' && rest.size() > 1 && llvm::isDigit(rest[1])))
    return lexNumber();
  if (c == '"')
    return lexString();
  if (rest.starts_with("&&") || rest.starts_with("||"))
    return lexForeign();
  for (const Spelling &mark : marks)
    if (rest.starts_with(mark.text))
      return add(mark.kind, mark.text.size());
  lexForeign();
}

/// Takes everything that looks like a part of the number; the parser reads its
/// value and reports what is wrong with it.
void Lexer::lexNumber() {
  bool isHex = rest.starts_with_insensitive("0x");
  bool isFloat = false;
  size_t length = 0;
  while (length < rest.size()) {
    char c = rest[length];
    bool isSign = (c == '+' || c == '-') && !isHex &&
                  llvm::toLower(rest[length - (length > 0)]) == 'e';
    if (!isNamePart(c) && c != '.' && !isSign)
      break;
    isFloat |= !isHex && (c == '.' || llvm::toLower(c) == 'e');
    ++length;
  }
  add(isFloat ? TokenKind::Float : TokenKind::Integer, length);
}

void Lexer::lexString() {
  size_t end = rest.find_first_of("\"\n", 1);
  bool isClosed = end != StringRef::npos && rest[end] == '"';
  size_t length = isClosed ? end + 1 : std::min(end, rest.size());
  checkEncoding(rest.take_front(length));
  if (!isClosed)
    diagnostics.error(Place(rest.take_front(1)),
                      "this message has no closing '\"'");
  add(TokenKind::String, length);
}

void Lexer::lexForeign() {
  size_t length = characterLength();
  if (length == 0) {
    Place place(take(1));
    if (!saidInvalid)
      diagnostics.error(place, "this file is not valid UTF-8");
    saidInvalid = true;
    return;
  }
  if (rest.starts_with("&&") || rest.starts_with("||"))
    length = 2;
  StringRef text = take(length);
  Place place(text);
  if (length == 1 && !llvm::isPrint(text.front())) {
    diagnostics.error(place,
                      "unexpected byte 0x" +
                          llvm::utohexstr(uint8_t(text.front()), false, 2));
    return;
  }
  StringRef write = suggestion(text);
  std::string hint = write.empty() ? "" : ("; write " + write).str();
  diagnostics.error(place, "unexpected '" + text + "'" + hint);
  // An operator in another notation stands for itself, lest the parser complain
  // about its absence too.
  for (const Spelling &word : llvm::concat<const Spelling>(keywords, marks))
    if (word.text == write) {
      tokens.push_back({word.kind, text, startsLine});
      startsLine = false;
    }
}

} // namespace

StringRef attn::spelling(TokenKind kind) {
  for (const Spelling &word : llvm::concat<const Spelling>(keywords, marks))
    if (word.kind == kind)
      return word.text;
  llvm_unreachable("no fixed spelling");
}

bool attn::isKeyword(StringRef text) {
  return findKeyword(text) != std::end(keywords);
}

std::vector<Token> attn::lex(StringRef text, Diagnostics &diagnostics) {
  return Lexer(text, diagnostics).run();
}
