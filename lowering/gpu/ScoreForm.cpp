//===- ScoreForm.cpp - What an element of a maximum costs -----------------===//

#include "lowering/gpu/ScoreForm.h"
#include "dialect/FormulaWalk.h"
#include "dialect/Products.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include <limits>

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

namespace {

/// What one more column adds to an integer, if always the same. Integers that
/// share parts are looked at once each.
class ColumnSteps {
public:
  explicit ColumnSteps(StringAttr column) : column(column) {}

  std::optional<int64_t> of(Value value) {
    auto [entry, isNew] = known.try_emplace(value);
    if (isNew) {
      std::optional<int64_t> step = find(value);
      known[value] = step;
      return step;
    }
    return entry->second;
  }

private:
  std::optional<int64_t> find(Value value) {
    if (!quantity(value).hasDim(column))
      return 0;
    Operation *op = value.getDefiningOp();
    if (isa_and_nonnull<IndexOp>(op))
      return 1;
    if (auto cast = dyn_cast_or_null<CastOp>(op))
      return quantity(cast.getOperand()).getElementType().isInteger(64)
                 ? of(cast.getOperand())
                 : std::nullopt;
    auto binary = dyn_cast_or_null<BinaryOp>(op);
    if (!binary)
      return std::nullopt;
    std::optional<int64_t> a = of(binary.getLhs()), b = of(binary.getRhs());
    if (!a || !b)
      return std::nullopt;
    int64_t sum = 0;
    bool isSum = binary.getKind() == BinaryKind::Add;
    if (!isSum && binary.getKind() != BinaryKind::Sub)
      return std::nullopt;
    bool overflows =
        isSum ? llvm::AddOverflow(*a, *b, sum) : llvm::SubOverflow(*a, *b, sum);
    return overflows ? std::nullopt : std::optional(sum);
  }

  StringAttr column;
  llvm::SmallDenseMap<Value, std::optional<int64_t>> known;
};

} // namespace

ScoreForm::ScoreForm(FragmentEvaluator &evaluator, Value value, Value score)
    : evaluator(evaluator), code(evaluator.code), score(score) {
  if (!collect(value, {})) {
    scale.reset();
    indices.clear();
    rows.clear();
    elements.assign(1, Term{{}, value, 0});
  }
  factored = scale && elements.empty() && isUniform(*scale) &&
             isPositive(*scale) && llvm::all_of(indices, [&](const Term &term) {
               return isUniform(term.coefficient);
             });
  if (!scale && indices.empty() && elements.size() == 1)
    findOddFunction();
}

/// c * tanh(u) is |c| * tanh(sign(c) * u), and the sign joins u's own factors:
/// the maximum may be taken of the function whatever sign c turns out to have.
void ScoreForm::findOddFunction() {
  Term &term = elements.front();
  auto tanh = term.value.getDefiningOp<UnaryOp>();
  if (!tanh || tanh.getKind() != UnaryKind::Tanh ||
      !isUniform(term.coefficient))
    return;
  OddFunction function{tanh.getOperand(), {}};
  Coefficient factors;
  Value varying;
  if (splitProduct(tanh.getOperand(), varying, factors) && isUniform(factors))
    function = {varying, factors};
  odd = function;
  factored = true;
}

/// Takes \p value apart into the one factor that varies along the columns and
/// the others, which are added to \p rest.
bool ScoreForm::splitProduct(Value value, Value &varying, Coefficient &rest) {
  Product product = flattenProduct(value);
  for (Value factor : product.factors) {
    if (std::optional<double> number = constantReal(factor))
      rest.number *= *number;
    else if (!evaluator.onColumns(factor))
      rest.factors.push_back(factor);
    else if (varying)
      return false;
    else
      varying = factor;
  }
  for (const Product::Divisor &divisor : product.divisors) {
    if (divisor.kind != BinaryKind::Div || evaluator.onColumns(divisor.value))
      return false;
    rest.divisors.push_back(divisor.value);
  }
  return bool(varying);
}

bool ScoreForm::isUniform(const Coefficient &coefficient) {
  auto isRow = [&](Value value) { return evaluator.onRows(value); };
  return llvm::none_of(coefficient.factors, isRow) &&
         llvm::none_of(coefficient.divisors, isRow);
}

/// Known above zero whatever the call gives.
bool ScoreForm::isPositive(const Coefficient &coefficient) {
  auto isPositiveValue = [](Value value) {
    if (std::optional<double> number = constantReal(value))
      return *number > 0;
    auto unary = value.getDefiningOp<UnaryOp>();
    return unary && llvm::is_contained({UnaryKind::Rsqrt, UnaryKind::Exp,
                                        UnaryKind::Exp2, UnaryKind::Sigmoid},
                                       unary.getKind());
  };
  return coefficient.number > 0 &&
         llvm::all_of(coefficient.factors, isPositiveValue) &&
         llvm::all_of(coefficient.divisors, isPositiveValue);
}

/// Adds coefficient * \p value to the terms. False where the score occurs
/// twice, or where there are too many terms.
bool ScoreForm::collect(Value value, Coefficient coefficient) {
  // Sums that share parts have terms without end.
  constexpr size_t mostTerms = 64;
  if (indices.size() + rows.size() + elements.size() >= mostTerms)
    return false;
  if (value == score) {
    if (scale)
      return false;
    scale = coefficient;
    return true;
  }
  if (!evaluator.onColumns(value)) {
    rows.push_back({coefficient, value, 0});
    return true;
  }
  Operation *op = value.getDefiningOp();
  if (auto binary = dyn_cast_or_null<BinaryOp>(op)) {
    BinaryKind kind = binary.getKind();
    if (kind == BinaryKind::Add || kind == BinaryKind::Sub) {
      Coefficient right = coefficient;
      if (kind == BinaryKind::Sub)
        right.number = -right.number;
      return collect(binary.getLhs(), coefficient) &&
             collect(binary.getRhs(), right);
    }
    if (kind == BinaryKind::Mul || kind == BinaryKind::Div) {
      Value varying;
      Coefficient inner = coefficient;
      if (splitProduct(value, varying, inner))
        return collect(varying, inner);
    }
  } else if (auto unary = dyn_cast_or_null<UnaryOp>(op)) {
    if (unary.getKind() == UnaryKind::Neg) {
      coefficient.number = -coefficient.number;
      return collect(unary.getOperand(), coefficient);
    }
  } else if (auto cast = dyn_cast_or_null<CastOp>(op)) {
    Value integer = cast.getOperand();
    // Of a box, the next column is not always one index on.
    if (evaluator.columns.size() == 1 &&
        quantity(integer).getElementType().isInteger(64))
      if (std::optional<int64_t> step =
              ColumnSteps(evaluator.columns.front().dim).of(integer)) {
        indices.push_back({coefficient, integer, *step});
        return true;
      }
  }
  elements.push_back({coefficient, value, 0});
  return true;
}

/// Null: 1.
Value ScoreForm::evaluate(const Coefficient &coefficient, Place place,
                          FragmentScope &scope) {
  Value result;
  if (coefficient.number != 1)
    result = code.real(coefficient.number);
  for (Value factor : coefficient.factors) {
    Value x = evaluator.evaluate(factor, place, scope);
    result = result ? code.mul(result, x) : x;
  }
  for (Value divisor : coefficient.divisors) {
    Value x = evaluator.evaluate(divisor, place, scope);
    result = code.div(result ? result : code.real(1), x);
  }
  return result;
}

Value ScoreForm::scaled(const Coefficient &coefficient, Value x, Place place,
                        FragmentScope &scope) {
  Value by = evaluate(coefficient, {place.row, -1}, scope);
  return by ? code.mul(x, by) : x;
}

void ScoreForm::prepare(FragmentScope &item) {
  for (const Term &term : rows)
    evaluator.hoist(term.value, item);
  for (const Term &term : elements)
    evaluator.hoist(term.value, item);
  slopes[0] = slopes[1] = Value();
  factorValue = scaleValue = Value();
  if (odd) {
    Value by = evaluate(elements.front().coefficient, {}, item);
    by = by ? by : code.real(1);
    Value sign =
        LLVM::CopySignOp::create(code.builder, code.loc, code.real(1), by);
    Value inner = evaluate(odd->factors, {}, item);
    scaleValue = inner ? code.mul(inner, sign) : sign;
    // Not 0, so that -inf stays what it is outside of the domain.
    factorValue = code.max(LLVM::FAbsOp::create(code.builder, code.loc, by),
                           code.real(std::numeric_limits<float>::min()));
    return;
  }
  if (scale && isUniform(*scale)) {
    Value value = evaluate(*scale, {}, item);
    // Not 0, so that -inf stays what it is outside of the domain.
    if (factored && value)
      value = code.max(value, code.real(0x1p-100));
    (factored ? factorValue : scaleValue) = value;
  }
  for (unsigned row : {0, 1}) {
    slopes[row] = Value();
    for (const Term &term : indices) {
      if (!term.perColumn)
        continue;
      Value slope = evaluate(term.coefficient, {int(row), -1}, item);
      if (!slope)
        slope = code.real(1);
      if (term.perColumn != 1)
        slope = code.mul(slope, code.real(double(term.perColumn)));
      if (Value step = evaluator.columns.front().step)
        slope = code.mul(slope, arith::SIToFPOp::create(code.builder, code.loc,
                                                        code.f32(), step));
      if (factorValue)
        slope = code.div(slope, factorValue);
      slopes[row] = slopes[row] ? code.add(slopes[row], slope) : slope;
    }
  }
}

Value ScoreForm::shift(unsigned row, FragmentScope &tile) {
  Value sum;
  auto add = [&](Value x) { sum = sum ? code.add(sum, x) : x; };
  for (const Term &term : indices) {
    Integer first = evaluator.evaluateInteger(term.value, {int(row), 0}, tile);
    add(scaled(term.coefficient, evaluator.toReal(first, tile), {int(row), -1},
               tile));
  }
  for (const Term &term : rows)
    add(scaled(term.coefficient,
               evaluator.evaluate(term.value, {int(row), -1}, tile),
               {int(row), -1}, tile));
  return sum;
}

Value ScoreForm::element(Place place, FragmentScope &tile) {
  if (odd) {
    Value x = evaluator.evaluate(odd->argument, place, tile);
    return evaluator.tanh(code.mul(x, scaleValue));
  }
  Value y;
  for (const Term &term : elements) {
    Value x = evaluator.evaluate(term.value, place, tile);
    Value by = evaluate(term.coefficient, {place.row, -1}, tile);
    if (y)
      y = by ? code.fma(x, by, y) : code.add(x, y);
    else
      y = by ? code.mul(x, by) : x;
  }
  if (scale) {
    Value s = evaluator.evaluate(score, place, tile);
    Value by = scaleValue;
    if (!factored && !isUniform(*scale))
      by = evaluate(*scale, {place.row, -1}, tile);
    if (y)
      y = by ? code.fma(s, by, y) : code.add(s, y);
    else
      y = by ? code.mul(s, by) : s;
  }
  if (slopes[place.row] && place.column) {
    Value step = code.real(double(place.column));
    y = y ? code.fma(slopes[place.row], step, y)
          : code.mul(slopes[place.row], step);
  }
  return y ? y : code.real(0);
}
