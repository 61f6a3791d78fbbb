//===- Parser.cpp - Tokens to tree ----------------------------------------===//
//
// Recursive descent; frontend/README.md has the grammar. A line break separates
// nothing inside an expression, yet no terminator is needed: what begins a
// statement, a name and `=` on a new line, cannot go on with an expression.
//
//===----------------------------------------------------------------------===//

#include "frontend/Parser.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/SaveAndRestore.h"

#include <cfloat>

using namespace attn;
using llvm::StringRef;
using llvm::Twine;

namespace {

/// Bounds the recursion of the parser and of every walk over the tree.
constexpr unsigned maxHeight = 256;

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

Precedence precedence(TokenKind kind) {
  switch (kind) {
  case TokenKind::Or:
    return Or;
  case TokenKind::And:
    return And;
  case TokenKind::Less:
  case TokenKind::LessEqual:
  case TokenKind::Greater:
  case TokenKind::GreaterEqual:
  case TokenKind::EqualEqual:
  case TokenKind::NotEqual:
    return Compare;
  case TokenKind::Pipe:
    return BitOr;
  case TokenKind::Caret:
    return BitXor;
  case TokenKind::Amp:
    return BitAnd;
  case TokenKind::ShiftLeft:
  case TokenKind::ShiftRight:
    return Shift;
  case TokenKind::Plus:
  case TokenKind::Minus:
    return Sum;
  case TokenKind::Star:
  case TokenKind::Slash:
  case TokenKind::SlashSlash:
  case TokenKind::Percent:
    return Product;
  default:
    return None;
  }
}

class Parser {
public:
  explicit Parser(Diagnostics &diagnostics)
      : diagnostics(diagnostics), tokens(lex(diagnostics.text(), diagnostics)),
        next(tokens.data()) {}

  File parseFile();

private:
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
           (next->startsLine &&
            (at(TokenKind::Attention) || at(TokenKind::Fn)));
  }
  /// What was last taken, for ends of places.
  const Token &previous() const {
    return next == tokens.data() ? *next : next[-1];
  }

  bool expect(TokenKind kind, const Twine &purpose);
  bool expectClosing(TokenKind kind, const Token &open);
  std::optional<Name> expectName(const Twine &what);
  Place placeOfNext() const;
  std::string found() const;
  /// Reports that something else was expected than the next token.
  void complain(const Twine &message);
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
  unsigned depth = 0;
  File file;
};

//===----------------------------------------------------------------------===//
// Tokens
//===----------------------------------------------------------------------===//

bool Parser::atStatement() const {
  if (!next->startsLine)
    return false;
  return at(TokenKind::Dim) || at(TokenKind::Require) ||
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
  if (at(TokenKind::End))
    return "the end of the file";
  if (next->startsLine && next != tokens.data())
    return "the end of the line";
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
  bool isKeyword = !next->text.empty() && llvm::isAlpha(next->text.front());
  if (isKeyword && !next->startsLine)
    diagnostics.error(next->place(), "'" + next->text +
                                         "' is a word of the language and "
                                         "cannot be " +
                                         what);
  else
    complain("expected " + what);
  return std::nullopt;
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

//===----------------------------------------------------------------------===//
// Declarations
//===----------------------------------------------------------------------===//

File Parser::parseFile() {
  while (!at(TokenKind::End)) {
    if (at(TokenKind::Fn)) {
      parseFunction();
    } else if (at(TokenKind::Attention)) {
      parseAttention();
    } else {
      diagnostics.error(next->place(), "expected 'attention' or 'fn', found '" +
                                           next->text.take_front(40) + "'");
      take();
      skipDeclaration();
    }
  }
  return std::move(file);
}

void Parser::parseFunction() {
  take();
  auto name = expectName("the name of a function");
  if (!name)
    return skipDeclaration();
  // A function with an error is kept, so that its calls are not unknown names.
  FunctionDecl &function = file.functions.emplace_back();
  function.name = *name;
  Token open = *next;
  if (!expect(TokenKind::LParen, "before the parameters"))
    return skipDeclaration();
  while (!at(TokenKind::RParen)) {
    auto param = expectName("a parameter");
    if (!param)
      return skipDeclaration();
    function.params.push_back(*param);
    if (!takeIf(TokenKind::Comma))
      break;
  }
  if (!expectClosing(TokenKind::RParen, open) ||
      !expect(TokenKind::Assign, "before the formula of the function"))
    return skipDeclaration();
  function.body = parseExpr();
  if (function.body && !atDeclaration()) {
    complain("expected an operator, 'fn' or 'attention'");
    function.body = nullptr;
  }
  skipDeclaration();
}

void Parser::parseAttention() {
  take();
  auto name = expectName("the name of an attention");
  if (!name)
    return skipDeclaration();
  AttentionDecl attention;
  attention.name = *name;
  if (parseParams(attention) && parseOutputs(attention) &&
      parseBody(attention)) {
    // Without all of its parameters, what the body says cannot be judged.
    if (attention.isComplete)
      file.attentions.push_back(std::move(attention));
    return;
  }
  skipDeclaration();
}

bool Parser::parseParams(AttentionDecl &attention) {
  Token open = *next;
  if (!expect(TokenKind::LParen, "before the parameters"))
    return false;
  while (!at(TokenKind::RParen)) {
    if (!parseParam(attention)) {
      attention.isComplete = false;
      skipListItem();
    }
    if (!takeIf(TokenKind::Comma))
      break;
  }
  return expectClosing(TokenKind::RParen, open);
}

bool Parser::parseParam(AttentionDecl &attention) {
  auto name = expectName("a parameter");
  if (!name)
    return false;
  ParamDecl &param = attention.params.emplace_back();
  param.name = *name;
  if (!expect(TokenKind::Colon,
              "and a type or dimensions after '" + name->text + "'") ||
      !parseType(param.type))
    return false;
  if (!takeIf(TokenKind::Assign))
    return true;
  param.defaultValue = parseExpr();
  return param.defaultValue != nullptr;
}

bool Parser::parseType(TypeDecl &type) {
  if (at(TokenKind::Identifier))
    type.element = Name{take().text};
  if (!at(TokenKind::LBracket)) {
    if (type.element)
      return true;
    complain("expected a type or '[' and dimensions");
    return false;
  }
  Token open = take();
  std::vector<Name> dims;
  while (!at(TokenKind::RBracket)) {
    if (at(TokenKind::Integer)) {
      diagnostics.error(next->place(),
                        "a dimension has a name; write one here, and 'require "
                        "NAME == " +
                            next->text + "' in the body");
      return false;
    }
    auto dim = expectName("a dimension");
    if (!dim)
      return false;
    dims.push_back(*dim);
    if (!takeIf(TokenKind::Comma))
      break;
  }
  if (!expectClosing(TokenKind::RBracket, open))
    return false;
  type.dims = std::move(dims);
  return true;
}

bool Parser::parseOutputs(AttentionDecl &attention) {
  if (!takeIf(TokenKind::Arrow))
    return true;
  do {
    auto name = expectName("an output");
    if (!name)
      return false;
    OutputDecl &output = attention.outputs.emplace_back();
    output.name = *name;
    if (takeIf(TokenKind::Colon) && !parseType(output.type))
      return false;
  } while (takeIf(TokenKind::Comma));
  return true;
}

bool Parser::parseBody(AttentionDecl &attention) {
  Token open = *next;
  if (!expect(TokenKind::LBrace, "before the steps"))
    return false;
  for (bool isFirst = true; !at(TokenKind::RBrace); isFirst = false) {
    if (atDeclaration()) {
      diagnostics
          .error(next->place(),
                 "expected '}' before " + (at(TokenKind::End)
                                               ? "the end of the file"
                                               : "'" + next->text.str() + "'"))
          .note(open.place(), "to close this '{'");
      break;
    }
    if (!next->startsLine && !isFirst) {
      diagnostics.error(next->place(),
                        "expected an operator or a line break, found " +
                            found());
      if (!at(TokenKind::Identifier, TokenKind::Assign)) {
        skipStatement();
        continue;
      }
    }
    if (!parseStatement(attention))
      skipStatement();
  }
  takeIf(TokenKind::RBrace);
  if (!atDeclaration()) {
    diagnostics.error(next->place(),
                      "expected 'attention', 'fn' or the end of the file, "
                      "found '" +
                          next->text.take_front(40) + "'");
    skipDeclaration();
  }
  return true;
}

/// Constructs of the language that this version reads over.
bool Parser::refuseNotYet() {
  bool isRecurrence = llvm::StringSwitch<bool>(next->text)
                          .Cases({"state", "recurrence", "recur", "scan",
                                  "loop", "for", "update", "init"},
                                 true)
                          .Default(false);
  if (!isRecurrence)
    return false;
  diagnostics.error(next->place(),
                    "not yet: a recurrence ('" + next->text +
                        "'); this version has formulas over all indices at "
                        "once");
  return true;
}

bool Parser::parseStatement(AttentionDecl &attention) {
  if (at(TokenKind::Dim))
    return parseDims(attention);
  if (at(TokenKind::Require))
    return parseRequire(attention);
  if (at(TokenKind::Identifier) && next[1].kind != TokenKind::Assign &&
      refuseNotYet()) {
    take();
    return false;
  }
  auto name = expectName("a step, 'name = formula'");
  if (!name) {
    take();
    return false;
  }
  // Kept without a value after an error, so that its name is not unknown.
  ExprPtr value;
  if (expect(TokenKind::Assign, "after '" + name->text + "'"))
    value = parseExpr();
  bool isComplete = value != nullptr;
  attention.statements.push_back(
      {Statement::Kind::Assign, *name, std::move(value), std::nullopt});
  return isComplete;
}

bool Parser::parseDims(AttentionDecl &attention) {
  take();
  do {
    auto name = expectName("a dimension");
    if (!name ||
        !expect(TokenKind::Assign, "and an extent after '" + name->text + "'"))
      return false;
    ExprPtr extent = parseExpr();
    bool isComplete = extent != nullptr;
    attention.statements.push_back(
        {Statement::Kind::Dim, *name, std::move(extent), std::nullopt});
    if (!isComplete)
      return false;
  } while (takeIf(TokenKind::Comma));
  return true;
}

bool Parser::parseRequire(AttentionDecl &attention) {
  Name keyword{take().text};
  ExprPtr condition = parseExpr();
  if (!condition)
    return false;
  std::optional<StringRef> message;
  if (takeIf(TokenKind::Comma)) {
    if (!at(TokenKind::String)) {
      complain("expected a message in quotes");
      return false;
    }
    StringRef text = take().text;
    text.consume_front("\"");
    text.consume_back("\"");
    message = text;
  }
  attention.statements.push_back(
      {Statement::Kind::Require, keyword, std::move(condition), message});
  return true;
}

//===----------------------------------------------------------------------===//
// Expressions
//===----------------------------------------------------------------------===//

ExprPtr Parser::complainTooDeep(Place place) {
  diagnostics.error(place, "this formula is nested more than " +
                               Twine(maxHeight) +
                               " deep; give names to its parts");
  return nullptr;
}

ExprPtr Parser::bounded(ExprPtr expr, unsigned height) {
  expr->height = height + 1;
  if (expr->height > maxHeight)
    return complainTooDeep(Place(StringRef(expr->place.caret, 1)));
  return expr;
}

ExprPtr Parser::parseExpr() {
  llvm::SaveAndRestore nested(depth, depth + 1);
  if (depth > maxHeight)
    return complainTooDeep(next->place());
  return at(TokenKind::If) ? parseIf() : parseBinary(Or);
}

ExprPtr Parser::parseIf() {
  Token keyword = take();
  ExprPtr condition = parseExpr();
  if (!condition || !expect(TokenKind::Then, "after the condition"))
    return nullptr;
  ExprPtr then = parseExpr();
  if (!then || !expect(TokenKind::Else, "and the other value: 'if' gives a "
                                        "value in both cases"))
    return nullptr;
  ExprPtr otherwise = parseExpr();
  if (!otherwise)
    return nullptr;
  unsigned height =
      std::max({condition->height, then->height, otherwise->height});
  Place place(keyword.text.begin(), keyword.place(), otherwise->place);
  return bounded(std::make_unique<IfExpr>(place, std::move(condition),
                                          std::move(then),
                                          std::move(otherwise)),
                 height);
}

ExprPtr Parser::parseBinary(Precedence weakest) {
  ExprPtr lhs = at(TokenKind::Not) ? parseNot(weakest) : parseFactor();
  while (lhs) {
    Precedence strength = precedence(next->kind);
    if (strength == None || strength < weakest)
      break;
    if (strength == Compare) {
      lhs = parseComparison(std::move(lhs));
      continue;
    }
    Token op = take();
    ExprPtr rhs = parseBinary(Precedence(strength + 1));
    if (!rhs)
      return nullptr;
    unsigned height = std::max({lhs->height, rhs->height});
    Place place(op.text.begin(), lhs->place, rhs->place);
    lhs = bounded(std::make_unique<BinaryExpr>(place, op.kind, std::move(lhs),
                                               std::move(rhs)),
                  height);
  }
  return lhs;
}

/// The rest of a chain such as 0 <= m - n < window.
ExprPtr Parser::parseComparison(ExprPtr first) {
  std::vector<Token> ops;
  std::vector<ExprPtr> operands;
  unsigned height = first->height;
  operands.push_back(std::move(first));
  while (precedence(next->kind) == Compare) {
    ops.push_back(take());
    ExprPtr operand = parseBinary(BitOr);
    if (!operand)
      return nullptr;
    height = std::max(height, operand->height);
    operands.push_back(std::move(operand));
  }
  Place place(ops.front().text.begin(), operands.front()->place,
              operands.back()->place);
  ExprPtr chain =
      std::make_unique<CompareExpr>(place, std::move(ops), std::move(operands));
  return bounded(std::move(chain), height);
}

ExprPtr Parser::parseNot(Precedence weakest) {
  Token op = take();
  if (weakest > Not) {
    diagnostics.error(op.place(), "'not' binds weaker than the operator before "
                                  "it; put '(not ...)' in parentheses");
    return nullptr;
  }
  llvm::SaveAndRestore nested(depth, depth + 1);
  if (depth > maxHeight)
    return complainTooDeep(op.place());
  ExprPtr operand = parseBinary(Not);
  if (!operand)
    return nullptr;
  unsigned height = operand->height;
  Place place(op.text.begin(), op.place(), operand->place);
  return bounded(
      std::make_unique<UnaryExpr>(place, op.kind, std::move(operand)), height);
}

/// -x, +x and x ** y, where -x ** y is -(x ** y).
ExprPtr Parser::parseFactor() {
  llvm::SaveAndRestore nested(depth, depth + 1);
  if (depth > maxHeight)
    return complainTooDeep(next->place());
  if (at(TokenKind::Minus) || at(TokenKind::Plus)) {
    Token op = take();
    ExprPtr operand = parseFactor();
    if (!operand)
      return nullptr;
    unsigned height = operand->height;
    Place place(op.text.begin(), op.place(), operand->place);
    return bounded(
        std::make_unique<UnaryExpr>(place, op.kind, std::move(operand)),
        height);
  }
  ExprPtr base = parsePostfix();
  if (!base || !at(TokenKind::StarStar))
    return base;
  Token op = take();
  ExprPtr exponent = parseFactor();
  if (!exponent)
    return nullptr;
  unsigned height = std::max({base->height, exponent->height});
  Place place(op.text.begin(), base->place, exponent->place);
  return bounded(std::make_unique<BinaryExpr>(place, op.kind, std::move(base),
                                              std::move(exponent)),
                 height);
}

ExprPtr Parser::parsePostfix() {
  ExprPtr expr = parsePrimary();
  while (expr && at(TokenKind::LBracket))
    expr = parseRead(std::move(expr));
  return expr;
}

ExprPtr Parser::parsePrimary() {
  switch (next->kind) {
  case TokenKind::Integer:
    return parseInteger();
  case TokenKind::Float:
    return parseFloat();
  case TokenKind::True:
  case TokenKind::False: {
    Token token = take();
    return std::make_unique<BoolExpr>(token.place(),
                                      token.kind == TokenKind::True);
  }
  case TokenKind::LParen:
    return parseParenthesized();
  case TokenKind::Identifier:
    break;
  case TokenKind::If:
    diagnostics.error(next->place(),
                      "'if' as an operand stands in parentheses");
    return nullptr;
  default:
    complain("expected a formula");
    return nullptr;
  }
  if (atStatement()) {
    complain("expected a formula");
    return nullptr;
  }
  Name name{take().text};
  if (at(TokenKind::LParen))
    return parseCall(name);
  bool isReduction = at(TokenKind::LBracket, TokenKind::RBracket) ||
                     (at(TokenKind::LBracket, TokenKind::Identifier) &&
                      next[2].kind != TokenKind::Colon);
  if (isReduction)
    return parseReduction(name);
  return std::make_unique<NameExpr>(name);
}

ExprPtr Parser::parseParenthesized() {
  Token open = take();
  ExprPtr inner = parseExpr();
  if (!inner || !expectClosing(TokenKind::RParen, open))
    return nullptr;
  inner->place.begin = open.text.begin();
  inner->place.end = previous().text.end();
  return inner;
}

ExprPtr Parser::parseInteger() {
  Token token = take();
  StringRef digits = token.text;
  bool isHex = digits.consume_front_insensitive("0x");
  bool isNumber = !digits.empty() && llvm::all_of(digits, [&](char c) {
    return isHex ? llvm::isHexDigit(c) : llvm::isDigit(c);
  });
  if (!isNumber) {
    diagnostics.error(token.place(),
                      "'" + token.text.take_front(40) + "' is not a number");
    return nullptr;
  }
  int64_t value;
  if (digits.getAsInteger(isHex ? 16 : 10, value)) {
    diagnostics.error(token.place(),
                      "this integer is too large; integers have 64 bits");
    return nullptr;
  }
  return std::make_unique<IntExpr>(token.place(), value);
}

/// APFloat reads more than the language has, such as an empty exponent.
static bool isDecimal(StringRef text) {
  auto takeDigits = [&] {
    size_t count = text.take_while(llvm::isDigit).size();
    text = text.drop_front(count);
    return count;
  };
  size_t digits = takeDigits();
  if (text.consume_front("."))
    digits += takeDigits();
  if (digits && text.consume_front_insensitive("e")) {
    if (!text.consume_front("+"))
      text.consume_front("-");
    digits = takeDigits();
  }
  return digits && text.empty();
}

ExprPtr Parser::parseFloat() {
  Token token = take();
  if (!isDecimal(token.text)) {
    diagnostics.error(token.place(),
                      "'" + token.text.take_front(40) + "' is not a number");
    return nullptr;
  }
  llvm::APFloat value(llvm::APFloat::IEEEdouble());
  llvm::cantFail(
      value.convertFromString(token.text, llvm::APFloat::rmNearestTiesToEven));
  if (!value.isFinite() || value.convertToDouble() > FLT_MAX) {
    diagnostics.error(token.place(),
                      "this number is too large for f32; write inf if infinity "
                      "is meant");
    return nullptr;
  }
  return std::make_unique<FloatExpr>(token.place(), value.convertToDouble());
}

ExprPtr Parser::parseCall(Name callee) {
  Token open = take();
  std::vector<CallExpr::Argument> arguments;
  unsigned height = 0;
  while (!at(TokenKind::RParen)) {
    CallExpr::Argument &argument = arguments.emplace_back();
    if (at(TokenKind::Identifier, TokenKind::Assign)) {
      argument.name = Name{take().text};
      take();
    }
    argument.value = parseExpr();
    if (!argument.value)
      return nullptr;
    height = std::max(height, argument.value->height);
    if (!takeIf(TokenKind::Comma))
      break;
  }
  if (at(TokenKind::Where)) {
    diagnostics.error(next->place(), "only a reduction has a 'where'; write "
                                     "the indices that it runs over: " +
                                         callee.text + "[n](... where ...)");
    return nullptr;
  }
  if (!expectClosing(TokenKind::RParen, open))
    return nullptr;
  Place place(callee.text.begin(), callee.place(), previous().place());
  ExprPtr call =
      std::make_unique<CallExpr>(place, callee, std::move(arguments));
  return bounded(std::move(call), height);
}

ExprPtr Parser::parseReduction(Name callee) {
  Token bracket = take();
  std::vector<Name> indices;
  while (!at(TokenKind::RBracket)) {
    auto index = expectName("an index");
    if (!index)
      return nullptr;
    indices.push_back(*index);
    if (!takeIf(TokenKind::Comma))
      break;
  }
  if (!expectClosing(TokenKind::RBracket, bracket))
    return nullptr;
  if (!at(TokenKind::LParen)) {
    complain("expected '(' to reduce with '" + callee.text +
             "', or a position for each index to read '" + callee.text +
             "' there, as in " + callee.text + "[n: 0]");
    return nullptr;
  }
  Token open = take();
  ExprPtr where;
  bool whereAll = false;
  std::vector<ExprPtr> operands;
  unsigned height = 0;
  do {
    ExprPtr operand = parseExpr();
    if (!operand)
      return nullptr;
    height = std::max(height, operand->height);
    operands.push_back(std::move(operand));
  } while (takeIf(TokenKind::Comma));
  if (takeIf(TokenKind::Where)) {
    whereAll = takeIf(TokenKind::All);
    if (!whereAll && !(where = parseExpr()))
      return nullptr;
    if (where)
      height = std::max(height, where->height);
  }
  if (!expectClosing(TokenKind::RParen, open))
    return nullptr;
  Place place(callee.text.begin(), callee.place(), previous().place());
  auto reduce = std::make_unique<ReduceExpr>(place, callee, std::move(indices));
  reduce->operands = std::move(operands);
  reduce->where = std::move(where);
  reduce->whereAll = whereAll;
  return bounded(std::move(reduce), height);
}

ExprPtr Parser::parseRead(ExprPtr source) {
  Token open = take();
  std::vector<ReadExpr::Index> indices;
  unsigned height = source->height;
  do {
    if (!at(TokenKind::Identifier, TokenKind::Colon)) {
      complain("expected an index and its position, as in [n: 0]");
      return nullptr;
    }
    Name name{take().text};
    take();
    ExprPtr value = parseExpr();
    if (!value)
      return nullptr;
    height = std::max(height, value->height);
    indices.push_back({name, std::move(value)});
  } while (takeIf(TokenKind::Comma));
  if (!expectClosing(TokenKind::RBracket, open))
    return nullptr;
  Place place(open.text.begin(), source->place, previous().place());
  ExprPtr read =
      std::make_unique<ReadExpr>(place, std::move(source), std::move(indices));
  return bounded(std::move(read), height);
}

} // namespace

File attn::parse(Diagnostics &diagnostics) {
  return Parser(diagnostics).parseFile();
}
