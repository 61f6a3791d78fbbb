//===- FragmentProducts.cpp - What an element need not pay for ------------===//
//
// A quantity of pairs is taken as element * factor, the factor being of the row
// at most: scales, divisors of rows and the constants of functions are
// multiplied with each other once a row, and the product of them joins the
// multiply-add or the base of the exponential that comes next.
//
//===----------------------------------------------------------------------===//

#include "dialect/Signs.h"
#include "lowering/gpu/Fragments.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include <cmath>
#include <limits>
#include <numbers>

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

static constexpr double log2OfE = std::numbers::log2e;

Scaled FragmentEvaluator::times(Scaled a, Scaled b) {
  auto product = [&](Value x, Value y) {
    return x && y ? code.mul(x, y) : x ? x : y;
  };
  return {product(a.element, b.element), product(a.factor, b.factor)};
}

Value FragmentEvaluator::whole(Scaled value) {
  if (value.element && value.factor)
    return code.mul(value.element, value.factor);
  if (value.element || value.factor)
    return value.element ? value.element : value.factor;
  return code.real(1);
}

/// \p value taken apart, or as it is where it is at hand.
Scaled FragmentEvaluator::scaled(Value value, Place place,
                                 FragmentScope &scope) {
  place = reduce(value, place);
  if (!onColumns(value))
    return {Value(), evaluate(value, place, scope)};
  if (Value known = atHand(value, place, scope))
    return {known, Value()};
  FragmentScope::Key key{value, place.row, place.column};
  if (const Scaled *known = scope.productOf(key))
    return *known;
  Scaled result = takenApart(value, place, scope);
  return scope.products[key] = result;
}

Scaled FragmentEvaluator::takenApart(Value value, Place place,
                                     FragmentScope &scope) {
  if (auto unary = value.getDefiningOp<UnaryOp>()) {
    Value operand = unary.getOperand();
    if (unary.getKind() == UnaryKind::Log)
      return {warps.log2(evaluate(operand, place, scope)),
              code.real(std::numbers::ln2)};
    if (unary.getKind() == UnaryKind::Softplus)
      return softplus(operand, place, scope);
  }
  if (auto op = value.getDefiningOp<BinaryOp>()) {
    if (op.getKind() == BinaryKind::Mul)
      return times(scaled(op.getLhs(), place, scope),
                   scaled(op.getRhs(), place, scope));
    if (asColumnWeight(op.getLhs(), {op.getRhs(), op.getKind()}))
      return product({op.getLhs()}, {{op.getRhs(), op.getKind()}}, place,
                     scope);
    if (op.getKind() == BinaryKind::Div || op.getKind() == BinaryKind::Ratio)
      return divided(scaled(op.getLhs(), place, scope), op.getRhs(),
                     op.getKind(), place, scope);
  }
  return {evaluate(value, place, scope), Value()};
}

/// log(1 + exp(x)) = ln 2 * (log2(1 + 2^-|t|) + max(t, 0)), t = log2(e) x.
Scaled FragmentEvaluator::softplus(Value operand, Place place,
                                   FragmentScope &scope) {
  Value t = multiple(operand, log2OfE, place, scope);
  Value size = LLVM::FAbsOp::create(code.builder, code.loc, t);
  Value power = warps.exp2(code.neg(size));
  Value tail = warps.log2(code.add(power, code.real(1)));
  return {code.add(tail, code.max(t, code.real(0))),
          code.real(std::numbers::ln2)};
}

/// 1 / \p of, which is computed once for what it varies with. 0 divided by a
/// normaliser of 0 is 0.
Value FragmentEvaluator::inverse(Value of, BinaryKind kind, Place place,
                                 FragmentScope &scope) {
  bool isRatio = kind == BinaryKind::Ratio;
  place = reduce(of, place);
  FragmentScope::Key key{of, -100 - 2 * place.row - isRatio, place.column};
  if (Value known = scope.valueOf(key))
    return known;
  Value divisor = evaluate(of, place, scope), result;
  auto when = [&](arith::CmpFPredicate predicate, Value x, double limit,
                  double then, Value otherwise) {
    return code.select(code.compare(predicate, x, code.real(limit)),
                       code.real(then), otherwise);
  };
  if (place.column < 0 || isPrecise) {
    result = code.div(code.real(1), divisor);
  } else {
    // The unit gives 0 where the result is below the normal numbers.
    Value size = LLVM::FAbsOp::create(code.builder, code.loc, divisor);
    Value scale =
        when(arith::CmpFPredicate::OGT, size, 0x1p100, 0x1p-100, code.real(1));
    result = code.mul(warps.reciprocal(code.mul(divisor, scale)), scale);
  }
  // Of pairs, what is divided is 0 as well, or does not count.
  if (isRatio)
    result = when(arith::CmpFPredicate::OEQ, divisor, 0, 0, result);
  return scope.values[key] = result;
}

Scaled FragmentEvaluator::divided(Scaled a, Value by, BinaryKind kind,
                                  Place place, FragmentScope &scope) {
  bool isRatio = kind == BinaryKind::Ratio;
  if (onRows(by) && onColumns(by)) {
    Value divisor = evaluate(by, place, scope);
    return {isRatio ? code.ratio(whole(a), divisor)
                    : code.div(whole(a), divisor),
            Value()};
  }
  Value factor = inverse(by, kind, place, scope);
  if (isRatio && !isOfPairs && !zeroOverZero.contains(by)) {
    // Anything may be divided by 0 here.
    Value dividend = whole(a), zero = code.real(0);
    Value divisor = evaluate(by, place, scope);
    Value both =
        code.land(code.compare(arith::CmpFPredicate::OEQ, dividend, zero),
                  code.compare(arith::CmpFPredicate::OEQ, divisor, zero));
    factor = inverse(by, BinaryKind::Div, place, scope);
    return {code.select(both, zero, code.mul(dividend, factor)), Value()};
  }
  return times(a, onColumns(by) ? Scaled{factor, Value()}
                                : Scaled{Value(), factor});
}

Value FragmentEvaluator::weight(ArrayRef<Value> factors,
                                ArrayRef<Product::Divisor> divisors,
                                Place place, FragmentScope &scope) {
  return whole(product(factors, divisors, place, scope));
}

Scaled FragmentEvaluator::product(ArrayRef<Value> factors,
                                  ArrayRef<Product::Divisor> divisors,
                                  Place place, FragmentScope &scope) {
  Scaled result;
  SmallVector<Product::Divisor> left(divisors);
  for (Value factor : factors) {
    Scaled next;
    for (unsigned i = 0; i != left.size() && !next.element; ++i)
      if (std::optional<ColumnWeight> weight =
              asColumnWeight(factor, left[i])) {
        next.element = evaluate(*weight, place, scope);
        left.erase(left.begin() + i);
      }
    result = times(result, next.element ? next : scaled(factor, place, scope));
  }
  for (const Product::Divisor &divisor : left)
    result = divided(result, divisor.value, divisor.kind, place, scope);
  return result;
}

std::optional<FragmentEvaluator::ColumnWeight>
FragmentEvaluator::asColumnWeight(Value factor, Product::Divisor divisor) {
  auto isOfColumn = [&](Value value) {
    return onColumns(value) && !onRows(value);
  };
  auto exp = factor.getDefiningOp<UnaryOp>();
  auto sub = exp && exp.getKind() == UnaryKind::Exp
                 ? exp.getOperand().getDefiningOp<BinaryOp>()
                 : BinaryOp();
  // The logarithm is of what is 0 only where the weight is 0 or not there.
  if (isPrecise || !isOfPairs || !sub || sub.getKind() != BinaryKind::Sub ||
      divisor.kind != BinaryKind::Ratio || !isOfColumn(sub.getRhs()) ||
      !isOfColumn(divisor.value) || !isNeverNegative(divisor.value))
    return std::nullopt;
  return ColumnWeight{factor, sub.getLhs(), sub.getRhs(), divisor};
}

Value FragmentEvaluator::columnExponent(const ColumnWeight &weight, int column,
                                        FragmentScope &scope) {
  Place place{-1, column};
  Value shift = evaluate(weight.shift, reduce(weight.shift, place), scope);
  Value normalizer = evaluate(weight.normalizer.value,
                              reduce(weight.normalizer.value, place), scope);
  Value exponent = code.fma(shift, code.real(log2OfE), warps.log2(normalizer));
  // The unit takes what is below the normal numbers for 0.
  Value isNothing =
      code.compare(arith::CmpFPredicate::OLT, normalizer, code.real(0x1p-126));
  return code.select(
      isNothing, code.real(std::numeric_limits<double>::infinity()), exponent);
}

Value FragmentEvaluator::evaluate(const ColumnWeight &weight, Place place,
                                  FragmentScope &scope) {
  std::pair<Value, Value> which{weight.exp, weight.normalizer.value};
  size_t index = llvm::find(columnWeights, which) - columnWeights.begin();
  if (index == columnWeights.size())
    columnWeights.push_back(which);
  FragmentScope::Key key{weight.exp, -2 - int(index), place.column};
  Value exponent = scope.valueOf(key);
  if (!exponent && provideExponent && scope.countsFromTile())
    exponent = provideExponent(weight, place.column);
  if (!exponent)
    exponent = columnExponent(weight, place.column, scope);
  scope.values[key] = exponent;
  Scaled x = scaled(weight.x, place, scope);
  Value factor = whole({x.factor, code.real(log2OfE)});
  Value number = x.element ? code.fma(x.element, factor, code.neg(exponent))
                           : code.sub(factor, exponent);
  return warps.exp2(number);
}

/// \p value times \p by.
Value FragmentEvaluator::multiple(Value value, double by, Place place,
                                  FragmentScope &scope) {
  if (by == 1)
    return evaluate(value, place, scope);
  place = reduce(value, place);
  auto op = value.getDefiningOp<BinaryOp>();
  bool isSum = op && (op.getKind() == BinaryKind::Add ||
                      op.getKind() == BinaryKind::Sub);
  // Terms that cancel must not be rounded before they do.
  if (isSum && !isPrecise && onColumns(value) && !atHand(value, place, scope))
    return sum(op, by, place, scope);
  return whole(times(scaled(value, place, scope), {Value(), code.real(by)}));
}

/// A sum or a difference times \p by: one instruction where a term is a
/// product.
Value FragmentEvaluator::sum(BinaryOp op, double by, Place place,
                             FragmentScope &scope) {
  Value left = op.getLhs(), right = op.getRhs();
  bool isSub = op.getKind() == BinaryKind::Sub;
  for (bool isLeft : {true, false}) {
    Value first = isLeft ? left : right, second = isLeft ? right : left;
    double ofFirst = isSub && !isLeft ? -by : by;
    double ofSecond = isSub && isLeft ? -by : by;
    auto product = first.getDefiningOp<BinaryOp>();
    if (product && product.getKind() == BinaryKind::Mul && ofFirst == 1 &&
        !atHand(first, reduce(first, place), scope)) {
      Scaled a = scaled(product.getLhs(), place, scope);
      Scaled b = scaled(product.getRhs(), place, scope);
      if (a.element && b.element && !a.factor && !b.factor)
        return code.fma(a.element, b.element,
                        multiple(second, ofSecond, place, scope));
    }
    Scaled term = scaled(first, place, scope);
    if (!term.element || (!term.factor && std::abs(ofFirst) == 1))
      continue;
    Value factor = term.factor;
    if (!factor || ofFirst != 1)
      factor = whole({factor, code.real(ofFirst)});
    return code.fma(term.element, factor,
                    multiple(second, ofSecond, place, scope));
  }
  Value a = multiple(left, by, place, scope);
  Value b = multiple(right, by, place, scope);
  return isSub ? code.sub(a, b) : code.add(a, b);
}

/// x^y as exp2(y log2 |x|), with the signs and zeros of C's pow for integral y.
/// What is of y alone is computed where y is.
Value FragmentEvaluator::power(Value x, Value y, bool isNeverNegative) {
  auto test = [&](arith::CmpFPredicate predicate, Value a, double b) {
    return code.compare(predicate, a, code.real(b));
  };
  auto floor = [&](Value value) -> Value {
    return LLVM::FFloorOp::create(code.builder, code.loc, value);
  };
  Value size =
      isNeverNegative ? x : LLVM::FAbsOp::create(code.builder, code.loc, x);
  Value result = warps.exp2(code.mul(y, warps.log2(size)));
  Value isZero = test(arith::CmpFPredicate::OEQ, y, 0);
  if (!isNeverNegative) {
    Value isWhole = code.compare(arith::CmpFPredicate::OEQ, floor(y), y);
    Value half = code.mul(y, code.real(0.5));
    Value isEven = code.compare(arith::CmpFPredicate::OEQ, floor(half), half);
    Value sign = code.select(isEven, code.real(1), code.real(-1));
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    sign = code.select(isWhole, sign, code.real(nan));
    Value isNegative = test(arith::CmpFPredicate::OLT, x, 0);
    result = code.select(isNegative, code.mul(result, sign), result);
  }
  return code.select(isZero, code.real(1), result);
}
