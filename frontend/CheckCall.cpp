//===- CheckCall.cpp - Calls of functions ---------------------------------===//

#include "frontend/Checker.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/SaveAndRestore.h"

#include <numbers>

using namespace attn;
using llvm::dyn_cast;
using llvm::StringRef;
using llvm::Twine;

Checked Checker::checkCall(const CallExpr &expr) {
  if (!frame) {
    auto found = names.find(expr.callee.text);
    bool isQuantity = found != names.end() && !findBuiltin(expr.callee.text) &&
                      !functions.find(expr.callee.text);
    if (isQuantity) {
      error(expr.callee.place(), "'" + expr.callee.text +
                                     "' is not a function; read it at another "
                                     "index with brackets, as in x[n: m]");
      return {};
    }
  }
  auto [builtin, function] = functions.resolve(
      expr, [&](Place place, const Twine &message) -> Report & {
        return error(place, message);
      });
  if (builtin && builtin->form == Builtin::Form::Rounding)
    return checkRounding(*builtin, expr);
  std::vector<Checked> arguments;
  for (const CallExpr::Argument &argument : expr.arguments)
    arguments.push_back(check(argument.value.get()));
  bool isComplete = llvm::all_of(
      arguments, [](const Checked &argument) { return bool(argument); });
  if (!isComplete)
    return {};
  if (builtin)
    return checkBuiltin(*builtin, expr, std::move(arguments));
  if (function)
    return expand(*function, expr, std::move(arguments));
  return {};
}

/// The body of \p function, with its parameters standing for the arguments.
Checked Checker::expand(const FunctionDecl &function, const CallExpr &call,
                        std::vector<Checked> arguments) {
  if (functions.isRecursive(function))
    return {};
  Frame inner{function, {}, call.place, frame};
  for (auto [param, argument] : llvm::zip_equal(function.params, arguments))
    inner.arguments[param.text] = std::move(argument);
  llvm::SaveAndRestore<const Frame *> scope(frame, &inner);
  return check(function.body.get());
}

Checked Checker::checkBuiltin(const Builtin &builtin, const CallExpr &call,
                              std::vector<Checked> arguments) {
  Checked result;
  std::vector<const Quantity *> quantities;
  bool areNumbers = true;
  for (auto [argument, expr] : llvm::zip_equal(arguments, call.arguments)) {
    if (builtin.form != Builtin::Form::Cast)
      areNumbers &= expectNumber(*expr.value, argument.quantity);
    quantities.push_back(argument.quantity);
    result.exists.add(argument.exists);
  }
  if (areNumbers)
    result.quantity = applyBuiltin(builtin, call, quantities);
  return result;
}

const Quantity *
Checker::applyBuiltin(const Builtin &builtin, const CallExpr &call,
                      llvm::ArrayRef<const Quantity *> arguments) {
  Place place = call.place;
  const Quantity *x = arguments.front();
  switch (builtin.form) {
  case Builtin::Form::Real:
    return table.unary(builtin.name, toFloat(x, place), place);
  case Builtin::Form::Abs:
    return table.unary("abs", x, place);
  case Builtin::Form::Relu: {
    const Quantity *zero = table.constant(int64_t(0), place);
    unify(x, zero, place);
    return table.binary("max", x, zero, place);
  }
  case Builtin::Form::Gelu: {
    // x / 2 * (1 + erf(x / sqrt 2))
    x = toFloat(x, place);
    const Quantity *scaled = table.binary(
        "mul", x, table.constant(std::numbers::sqrt2 / 2, place), place);
    const Quantity *tail =
        table.binary("add", table.unary("erf", scaled, place),
                     table.constant(1.0, place), place);
    const Quantity *half =
        table.binary("mul", x, table.constant(0.5, place), place);
    return table.binary("mul", half, tail, place);
  }
  case Builtin::Form::Silu:
    x = toFloat(x, place);
    return table.binary("mul", x, table.unary("sigmoid", x, place), place);
  case Builtin::Form::Pow:
    return power(x, arguments[1], place);
  case Builtin::Form::Extremum: {
    for (const Quantity *other : llvm::drop_begin(arguments)) {
      unify(x, other, place);
      x = table.binary(builtin.name, x, other, place);
    }
    return x;
  }
  case Builtin::Form::Cast:
    return table.cast(x,
                      builtin.name == "float" ? Element::Float
                      : builtin.name == "int" ? Element::Int
                                              : Element::Bool,
                      place);
  case Builtin::Form::Uniform:
    return applyUniform(call, arguments);
  case Builtin::Form::Rounding:
    break; // has checks of its own
  }
  llvm_unreachable("not applied to checked arguments");
}

const Quantity *
Checker::applyUniform(const CallExpr &call,
                      llvm::ArrayRef<const Quantity *> arguments) {
  for (auto [argument, expr] : llvm::zip_equal(arguments, call.arguments))
    if (argument->element != Element::Int) {
      error(expr.value->place,
            "the seed and the indices of 'uniform' are ints, but " +
                quote(*expr.value) + " is " + toString(argument->element));
      return nullptr;
    }
  return table.uniform(arguments, call.place);
}

/// Rounds a real number; an integer is its own rounding.
const Quantity *Checker::round(StringRef function, const Quantity *x,
                               Place place) {
  if (x->element == Element::Int)
    return x;
  if (function != "round")
    return table.unary(function, x, place);
  return table.unary("floor",
                     table.binary("add", x, table.constant(0.5, place), place),
                     place);
}

/// The floor and the ceiling of a quotient of integers are exact integers.
Checked Checker::checkRounding(const Builtin &builtin, const CallExpr &call) {
  const Expr &operand = *call.arguments.front().value;
  Place place = call.place;
  auto *quotient = dyn_cast<BinaryExpr>(&operand);
  if (!quotient || quotient->op != TokenKind::Slash ||
      builtin.name == "round") {
    Checked x = check(&operand);
    if (!x || !expectNumber(operand, x.quantity))
      return {};
    return {round(builtin.name, x.quantity, place), x.exists};
  }
  Checked lhs = check(quotient->lhs.get()), rhs = check(quotient->rhs.get());
  if (!lhs || !rhs)
    return {};
  bool areNumbers = expectNumber(*quotient->lhs, lhs.quantity);
  areNumbers &= expectNumber(*quotient->rhs, rhs.quantity);
  if (!areNumbers)
    return {};
  const Quantity *a = lhs.quantity, *b = rhs.quantity;
  Conditions exists = both(lhs, rhs);
  if (a->element != Element::Int || b->element != Element::Int) {
    const Quantity *real =
        table.binary("div", toFloat(a, place), toFloat(b, place), place);
    return {round(builtin.name, real, place), exists};
  }
  if (builtin.name == "floor")
    return {table.binary("floordiv", a, b, place), exists};
  const Quantity *negated =
      table.binary("floordiv", table.unary("neg", a, place), b, place);
  return {table.unary("neg", negated, place), exists};
}
