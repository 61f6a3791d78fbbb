//===- CheckExpr.cpp - Names and operators --------------------------------===//

#include "frontend/Checker.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/SaveAndRestore.h"

#include <limits>
#include <numbers>

using namespace attn;
using llvm::cast;
using llvm::StringRef;
using llvm::Twine;

bool Checker::expectNumber(const Expr &expr, const Quantity *quantity) {
  if (quantity->element != Element::Bool)
    return true;
  error(expr.place, "expected a number, but " + quote(expr) +
                        " is a condition; write 'if ... then ... else ...', or "
                        "'float(...)' for 0 and 1");
  return false;
}

bool Checker::expectCondition(const Expr &expr, const Quantity *quantity) {
  if (quantity->element == Element::Bool)
    return true;
  error(expr.place, "expected a condition, but " + quote(expr) + " is " +
                        toString(quantity->element) +
                        "; compare it, as in '... != 0'");
  return false;
}

void Checker::unify(const Quantity *&a, const Quantity *&b, Place place) {
  if (a->element == b->element)
    return;
  a = toFloat(a, place);
  b = toFloat(b, place);
}

Checked Checker::check(const Expr *expr) {
  if (!expr)
    return {};
  llvm::SaveAndRestore nested(depth, depth + 1);
  if (depth > maxDepth) {
    error(expr->place, "the functions called here are nested more than " +
                           Twine(maxDepth) + " formulas deep");
    return {};
  }
  if (frame && ++expansion > maxExpansion) {
    // Once: everything after it is cut off too.
    if (expansion == maxExpansion + 1)
      error(expr->place, "the functions called here expand to more than " +
                             Twine(maxExpansion) + " formulas");
    return {};
  }
  return checkKind(*expr);
}

Checked Checker::checkKind(const Expr &expr) {
  switch (expr.kind) {
  case Expr::Kind::Int:
    return {table.constant(cast<IntExpr>(expr).value, expr.place), {}};
  case Expr::Kind::Float:
    return {table.constant(cast<FloatExpr>(expr).value, expr.place), {}};
  case Expr::Kind::Bool:
    return {table.constant(cast<BoolExpr>(expr).value, expr.place), {}};
  case Expr::Kind::Name:
    return checkName(cast<NameExpr>(expr).name);
  case Expr::Kind::Unary:
    return checkUnary(cast<UnaryExpr>(expr));
  case Expr::Kind::Binary:
    return checkBinary(cast<BinaryExpr>(expr));
  case Expr::Kind::Compare:
    return checkCompare(cast<CompareExpr>(expr));
  case Expr::Kind::If:
    return checkIf(cast<IfExpr>(expr));
  case Expr::Kind::Call:
    return checkCall(cast<CallExpr>(expr));
  case Expr::Kind::Reduce:
    return checkReduce(cast<ReduceExpr>(expr));
  case Expr::Kind::Read:
    return checkRead(cast<ReadExpr>(expr));
  }
  llvm_unreachable("unknown kind of expression");
}

Checked Checker::checkName(Name name) {
  Place place = name.place();
  if (name.text == "pi")
    return {table.constant(std::numbers::pi, place), {}};
  if (name.text == "inf")
    return {table.constant(std::numeric_limits<double>::infinity(), place), {}};
  if (frame) {
    auto argument = frame->arguments.find(name.text);
    if (argument != frame->arguments.end())
      return argument->second;
    error(place, notAParameter(name, frame->function));
    return {};
  }
  auto found = names.find(name.text);
  if (found == names.end())
    return unknownName(name);
  Binding &binding = found->second;
  binding.isUsed = true;
  switch (binding.kind) {
  case Binding::Kind::Index:
    return {table.index(binding.dim, place), {}};
  case Binding::Kind::Extent:
    return {table.extent(binding.dim, place), {}};
  case Binding::Kind::Later:
    error(place, "'" + name.text + "' is used before its definition")
        .note(binding.place, "'" + name.text + "' is defined here");
    return {};
  default:
    return binding.value;
  }
}

Checked Checker::unknownName(Name name) {
  Place place = name.place();
  if (functions.find(name.text) || findBuiltin(name.text)) {
    error(place, "'" + name.text + "' is a function; call it, as in " +
                     name.text + "(...)");
    return {};
  }
  if (findReduction(name.text)) {
    error(place, "'" + name.text + "' is a reduction; write " + name.text +
                     "[n](...)");
    return {};
  }
  std::string hint;
  if (!diagnostics.isFull()) {
    std::vector<StringRef> known{"pi", "inf"};
    for (const auto &entry : names)
      if (entry.second.kind != Binding::Kind::Later)
        known.push_back(entry.first());
    llvm::sort(known);
    hint = didYouMean(name.text, known);
  }
  error(place, "unknown name '" + name.text + "'" + hint);
  return {};
}

Checked Checker::checkUnary(const UnaryExpr &expr) {
  Checked operand = check(expr.operand.get());
  if (!operand)
    return {};
  if (expr.op == TokenKind::Not) {
    if (!expectCondition(*expr.operand, operand.quantity))
      return {};
    return {table.unary("not", operand.quantity, expr.place), operand.exists};
  }
  if (!expectNumber(*expr.operand, operand.quantity))
    return {};
  if (expr.op == TokenKind::Plus)
    return operand;
  return {table.unary("neg", operand.quantity, expr.place), operand.exists};
}

Checked Checker::checkBinary(const BinaryExpr &expr) {
  switch (expr.op) {
  case TokenKind::And:
  case TokenKind::Or:
    return checkLogical(expr);
  case TokenKind::Amp:
  case TokenKind::Pipe:
  case TokenKind::Caret:
  case TokenKind::ShiftLeft:
  case TokenKind::ShiftRight:
    return checkBits(expr);
  case TokenKind::StarStar:
    return checkPower(expr);
  default:
    break;
  }
  Checked lhs = check(expr.lhs.get()), rhs = check(expr.rhs.get());
  if (!lhs || !rhs)
    return {};
  // Both sides are looked at, so that both are reported.
  bool areNumbers = expectNumber(*expr.lhs, lhs.quantity);
  areNumbers &= expectNumber(*expr.rhs, rhs.quantity);
  if (!areNumbers)
    return {};
  const Quantity *a = lhs.quantity, *b = rhs.quantity;
  auto apply = [&](StringRef function) -> Checked {
    return {table.binary(function, a, b, expr.place), both(lhs, rhs)};
  };
  if (expr.op == TokenKind::Slash) {
    a = toFloat(a, expr.lhs->place);
    b = toFloat(b, expr.rhs->place);
    return apply("div");
  }
  unify(a, b, expr.place);
  bool rounds =
      expr.op == TokenKind::SlashSlash || expr.op == TokenKind::Percent;
  if (rounds && b->constantInt() == 0) {
    error(expr.rhs->place, "a division by 0");
    return {};
  }
  switch (expr.op) {
  case TokenKind::Plus:
    return apply("add");
  case TokenKind::Minus:
    return apply("sub");
  case TokenKind::Star:
    return apply("mul");
  case TokenKind::SlashSlash:
    return apply("floordiv");
  case TokenKind::Percent:
    return apply("mod");
  default:
    llvm_unreachable("not a binary operator");
  }
}

Checked Checker::checkLogical(const BinaryExpr &expr) {
  Checked lhs = check(expr.lhs.get()), rhs = check(expr.rhs.get());
  if (!lhs || !rhs)
    return {};
  bool areConditions = expectCondition(*expr.lhs, lhs.quantity);
  areConditions &= expectCondition(*expr.rhs, rhs.quantity);
  if (!areConditions)
    return {};
  StringRef function = expr.op == TokenKind::And ? "and" : "or";
  return {table.binary(function, lhs.quantity, rhs.quantity, expr.place),
          both(lhs, rhs)};
}

Checked Checker::checkBits(const BinaryExpr &expr) {
  Checked lhs = check(expr.lhs.get()), rhs = check(expr.rhs.get());
  if (!lhs || !rhs)
    return {};
  Element a = lhs.quantity->element, b = rhs.quantity->element;
  bool isShift =
      expr.op == TokenKind::ShiftLeft || expr.op == TokenKind::ShiftRight;
  bool fits = a == b && (a == Element::Int || (a == Element::Bool && !isShift));
  if (!fits) {
    error(expr.place, "'" + spelling(expr.op) + "' is for " +
                          (isShift ? "ints" : "two ints or two conditions") +
                          ", but " + quote(*expr.lhs) + " is " + toString(a) +
                          " and " + quote(*expr.rhs) + " is " + toString(b));
    return {};
  }
  StringRef function = expr.op == TokenKind::Amp         ? "and"
                       : expr.op == TokenKind::Pipe      ? "or"
                       : expr.op == TokenKind::Caret     ? "xor"
                       : expr.op == TokenKind::ShiftLeft ? "shl"
                                                         : "shr";
  return {table.binary(function, lhs.quantity, rhs.quantity, expr.place),
          both(lhs, rhs)};
}

Checked Checker::checkPower(const BinaryExpr &expr) {
  Checked base = check(expr.lhs.get()), exponent = check(expr.rhs.get());
  if (!base || !exponent)
    return {};
  bool areNumbers = expectNumber(*expr.lhs, base.quantity);
  areNumbers &= expectNumber(*expr.rhs, exponent.quantity);
  if (!areNumbers)
    return {};
  return {power(base.quantity, exponent.quantity, expr.place),
          both(base, exponent)};
}

/// A small literal power is a product, so that it is exact for integers and
/// defined for negative numbers; any other is real.
const Quantity *Checker::power(const Quantity *base, const Quantity *exponent,
                               Place place) {
  constexpr int64_t maxFactors = 64;
  auto count = exponent->constantInt();
  if (!count || *count < 1 || *count > maxFactors)
    return table.binary("pow", toFloat(base, place), toFloat(exponent, place),
                        place);
  const Quantity *product = nullptr;
  for (int64_t rest = *count; rest; rest >>= 1) {
    if (rest & 1)
      product = product ? table.binary("mul", product, base, place) : base;
    if (rest > 1)
      base = table.binary("mul", base, base, place);
  }
  return product;
}

const Quantity *Checker::checkComparison(const Token &op, const Expr &lhs,
                                         const Quantity *a, const Expr &rhs,
                                         const Quantity *b) {
  bool isEquality =
      op.kind == TokenKind::EqualEqual || op.kind == TokenKind::NotEqual;
  bool aIsBool = a->element == Element::Bool;
  bool bIsBool = b->element == Element::Bool;
  Place place(op.text.begin(), lhs.place, rhs.place);
  if (aIsBool != bIsBool || (aIsBool && !isEquality)) {
    error(place, "'" + op.text + "' cannot compare " + quote(lhs) +
                     ", which is " + toString(a->element) + ", and " +
                     quote(rhs) + ", which is " + toString(b->element));
    return nullptr;
  }
  if (!aIsBool)
    unify(a, b, place);
  StringRef predicate = op.kind == TokenKind::Less           ? "lt"
                        : op.kind == TokenKind::LessEqual    ? "le"
                        : op.kind == TokenKind::Greater      ? "gt"
                        : op.kind == TokenKind::GreaterEqual ? "ge"
                        : op.kind == TokenKind::EqualEqual   ? "eq"
                                                             : "ne";
  return table.compare(predicate, a, b, place);
}

Checked Checker::checkCompare(const CompareExpr &expr) {
  std::vector<Checked> operands;
  for (const ExprPtr &operand : expr.operands)
    operands.push_back(check(operand.get()));
  Checked chain;
  for (auto [i, op] : llvm::enumerate(expr.ops)) {
    if (!operands[i] || !operands[i + 1])
      return {};
    const Quantity *link =
        checkComparison(op, *expr.operands[i], operands[i].quantity,
                        *expr.operands[i + 1], operands[i + 1].quantity);
    if (!link)
      return {};
    chain.quantity = chain.quantity
                         ? table.binary("and", chain.quantity, link, expr.place)
                         : link;
  }
  for (const Checked &operand : operands)
    chain.exists.add(operand.exists);
  return chain;
}

Checked Checker::checkIf(const IfExpr &expr) {
  Checked condition = check(expr.condition.get());
  Checked then = check(expr.then.get());
  Checked otherwise = check(expr.otherwise.get());
  if (!condition || !then || !otherwise ||
      !expectCondition(*expr.condition, condition.quantity))
    return {};
  const Quantity *a = then.quantity, *b = otherwise.quantity;
  if ((a->element == Element::Bool) != (b->element == Element::Bool)) {
    error(expr.place,
          "the two values of 'if' differ in type: " + quote(*expr.then) +
              " is " + toString(a->element) + " and " + quote(*expr.otherwise) +
              " is " + toString(b->element));
    return {};
  }
  unify(a, b, expr.place);
  // What is chosen exists where the chosen one does.
  Conditions exists = condition.exists;
  auto addGuarded = [&](const Conditions &own, const Conditions &other,
                        const Quantity *guard) {
    for (Condition part : own) {
      if (other.contains(part)) {
        exists.add(part);
        continue;
      }
      const Quantity *both =
          part.guard ? table.binary("and", guard, part.guard, expr.place)
                     : guard;
      exists.add({part.holds, both});
    }
  };
  addGuarded(then.exists, otherwise.exists, condition.quantity);
  if (!otherwise.exists.empty())
    addGuarded(otherwise.exists, then.exists,
               table.unary("not", condition.quantity, expr.place));
  return {table.select(condition.quantity, a, b, expr.place), exists};
}
