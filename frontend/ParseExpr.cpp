//===- ParseExpr.cpp - Formulas -------------------------------------------===//

#include "frontend/Parser.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/SaveAndRestore.h"

#include <cfloat>

using namespace attn;
using llvm::StringRef;
using llvm::Twine;

Parser::Precedence Parser::precedence(TokenKind kind) {
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
    if (strength == None || strength < weakest || atMisnamedStep())
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
  // x[n - 1] is meant to read, though it does not say what n - 1 stands for.
  bool isReduction = at(TokenKind::LBracket, TokenKind::RBracket) ||
                     (at(TokenKind::LBracket, TokenKind::Identifier) &&
                      !llvm::is_contained(
                          {TokenKind::Colon, TokenKind::Plus, TokenKind::Minus},
                          next[2].kind));
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
