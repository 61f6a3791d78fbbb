//===- FactorSums.cpp - Factors leave the sums they do not depend on ------===//
//
// Runs after normalisers are expanded (their quotients become visible here) and
// before scheduling (which would otherwise see a sum that needs its normaliser
// first, and give it a sweep of its own).
//
//===----------------------------------------------------------------------===//

#include "dialect/FormulaWalk.h"
#include "dialect/Passes.h"
#include "dialect/Products.h"
#include "dialect/QuantityBuilder.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

#include <cmath>

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_FACTORSUMS
#include "dialect/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

/// Says whether \p value is above 0 and finite wherever \p sum has an index:
/// made of positive constants, of sizes that are known not to be 0, and of
/// those that are summed over, by functions that keep it so.
bool isPositiveNumber(Value value, ReduceOp sum) {
  auto spec = sum->getParentOfType<SpecOp>();
  return !isMadeOf(value, [&](Value part) {
    Operation *op = part.getDefiningOp();
    if (auto constant = dyn_cast_if_present<ConstantOp>(op)) {
      if (auto number = dyn_cast<FloatAttr>(constant.getValue()))
        return !(number.getValueAsDouble() > 0 && number.getValue().isFinite());
      auto whole = dyn_cast<IntegerAttr>(constant.getValue());
      return !whole || !whole.getValue().isStrictlyPositive();
    }
    if (auto extent = dyn_cast_if_present<ExtentOp>(op))
      return spec.getStaticSize(extent.getDimAttr()).value_or(0) <= 0 &&
             !llvm::is_contained(toDims(sum.getDims()), extent.getDimAttr());
    if (auto unary = dyn_cast_if_present<UnaryOp>(op))
      return unary.getKind() != UnaryKind::Sqrt &&
             unary.getKind() != UnaryKind::Rsqrt;
    if (auto binary = dyn_cast_if_present<BinaryOp>(op))
      return binary.getKind() != BinaryKind::Mul &&
             binary.getKind() != BinaryKind::Div &&
             binary.getKind() != BinaryKind::Add;
    return !isa_and_present<CastOp>(op);
  });
}

std::optional<double> constantNumber(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  auto number =
      constant ? dyn_cast<FloatAttr>(constant.getValue()) : FloatAttr();
  return number ? std::optional(number.getValueAsDouble()) : std::nullopt;
}

/// What is known of a number for any inputs, by the mathematics of it: an
/// exponential may underflow, and a NaN does not count.
enum class Sign {
  Unknown,
  ZeroOverNothing, // 0 where the sum is over nothing, else above 0
  Positive
};

/// \p value as a sum over the pairs of \p sum; null: it is none.
ReduceOp totalOfSamePairs(Value value, ReduceOp sum) {
  auto total = value.getDefiningOp<ReduceOp>();
  return total && total.getKind() == ReduceKind::Sum &&
                 total.getDims() == sum.getDims() &&
                 total.getDomain() == sum.getDomain()
             ? total
             : ReduceOp();
}

/// Signs of quantities in a term of a sum.
class Signs {
public:
  explicit Signs(ReduceOp sum) : sum(sum) {}

  Sign of(Value value) {
    auto [known, isNew] = signs.try_emplace(value, Sign::Unknown);
    if (!isNew)
      return known->second;
    Sign sign = compute(value);
    return signs[value] = sign;
  }

private:
  Sign compute(Value value) {
    if (std::optional<double> number = constantNumber(value))
      return *number > 0 ? Sign::Positive : Sign::Unknown;
    Operation *op = value.getDefiningOp();
    if (auto unary = dyn_cast_if_present<UnaryOp>(op))
      return compute(unary);
    if (auto binary = dyn_cast_if_present<BinaryOp>(op))
      return compute(binary);
    ReduceOp total = totalOfSamePairs(value, sum);
    bool isNormalizer = total && of(total.getOperand()) == Sign::Positive;
    return isNormalizer ? Sign::ZeroOverNothing : Sign::Unknown;
  }

  Sign compute(UnaryOp op) {
    switch (op.getKind()) {
    case UnaryKind::Exp:
    case UnaryKind::Exp2:
    case UnaryKind::Sigmoid:
    case UnaryKind::Softplus:
      return Sign::Positive;
    case UnaryKind::Sqrt:
      return of(op.getOperand());
    default:
      return Sign::Unknown;
    }
  }

  Sign compute(BinaryOp op) {
    Sign lhs = of(op.getLhs()), rhs = of(op.getRhs());
    Sign least = std::min(lhs, rhs), most = std::max(lhs, rhs);
    switch (op.getKind()) {
    case BinaryKind::Mul:
    case BinaryKind::Min:
      return least;
    case BinaryKind::Max:
      return most;
    case BinaryKind::Add:
      return least == Sign::Unknown ? least : most;
    case BinaryKind::Div:
      return rhs == Sign::Positive ? lhs : Sign::Unknown;
    default:
      return Sign::Unknown;
    }
  }

  ReduceOp sum;
  llvm::DenseMap<Value, Sign> signs;
};

/// Says whether the sum is over at least one index whatever the call: then a
/// factor outside is the same as a factor inside.
bool neverEmpty(ReduceOp op) {
  auto spec = op->getParentOfType<SpecOp>();
  return !op.getDomain() &&
         llvm::all_of(toDims(op.getDims()), [&](StringAttr dim) {
           return spec.getStaticSize(dim).value_or(0) > 0;
         });
}

/// Whether the sum is over nothing, as i1. Without \p inDomain, only a size of
/// 0 counts as that.
Value buildIsEmpty(QuantityBuilder &build, ReduceOp op, bool inDomain) {
  Location loc = op.getLoc();
  if (inDomain && op.getDomain()) {
    Value count = build.reduce(loc, ReduceKind::Sum, build.constant(loc, 1.0),
                               op.getDims(), op.getDomain());
    return build.compare(loc, Predicate::EQ, count, build.constant(loc, 0.0));
  }
  Value zero = build.constant(loc, int64_t(0));
  Value empty;
  for (StringAttr dim : toDims(op.getDims())) {
    Value none =
        build.compare(loc, Predicate::EQ, build.extent(loc, dim), zero);
    empty = empty ? build.binary(loc, BinaryKind::Or, empty, none) : none;
  }
  return empty;
}

struct FactorSum : OpRewritePattern<ReduceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReduceOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getKind() != ReduceKind::Sum ||
        !quantity(op.getOperand()).getElementType().isF32())
      return failure();
    DimList dims = toDims(op.getDims());
    Product product = flattenProduct(op.getOperand());
    // 1 / x has no factor that leaves.
    llvm::erase_if(product.factors,
                   [](Value factor) { return constantNumber(factor) == 1.0; });
    if (product.factors.size() + product.divisors.size() < 2)
      return failure();
    // What stands twice stays: its square may overflow, or vanish, where the
    // terms do not (the sum of (x / max[n](x)) ** 2).
    llvm::SmallDenseMap<Value, unsigned> times;
    for (Value factor : product.factors)
      ++times[factor];
    for (Product::Divisor divisor : product.divisors)
      ++times[divisor.value];
    auto leaves = [&](Value factor) {
      return !hasAnyDim(factor, dims) &&
             (times[factor] == 1 || constantNumber(factor));
    };
    Product inside, outside;
    for (Value factor : product.factors)
      (leaves(factor) ? outside : inside).factors.push_back(factor);
    for (Product::Divisor divisor : product.divisors)
      (leaves(divisor.value) ? outside : inside).divisors.push_back(divisor);
    if (outside.factors.empty() && outside.divisors.empty())
      return failure();

    QuantityBuilder build(rewriter, op->getParentOfType<SpecOp>());
    Location loc = op.getLoc();
    Value operand = buildProduct(build, loc, inside);
    if (!hasAnyDim(operand, dims) &&
        (!op.getDomain() || !hasAnyDim(op.getDomain(), dims)))
      return failure(); // Every factor would leave: the sum counts.

    Value result = build.reduce(loc, ReduceKind::Sum, operand, op.getDims(),
                                op.getDomain());
    // Over nothing the result stays 0, whatever the factors are. Where only
    // then a divisor is 0, the ratio says so.
    Signs signs(op);
    bool exact = neverEmpty(op), anyFactor = false, anyInput = false;
    for (Value factor : outside.factors) {
      anyFactor = true;
      std::optional<double> number = constantNumber(factor);
      anyInput |=
          !(number && std::isfinite(*number)) && !isPositiveNumber(factor, op);
      result = build.binary(loc, BinaryKind::Mul, result, factor);
    }
    for (Product::Divisor divisor : outside.divisors) {
      BinaryKind kind = divisor.kind;
      if (kind == BinaryKind::Div && !exact) {
        bool mayBeZero = !isPositiveNumber(divisor.value, op) &&
                         signs.of(divisor.value) == Sign::Unknown;
        anyInput |= mayBeZero;
        kind = mayBeZero ? BinaryKind::Div : BinaryKind::Ratio;
      } else if (kind == BinaryKind::Ratio && !exact) {
        // Of another sum, it may be no number where this one is over nothing.
        anyInput |= !totalOfSamePairs(divisor.value, op);
      }
      result = build.binary(loc, kind, result, divisor.value);
    }
    if (!exact && (anyFactor || anyInput))
      result = build.select(loc, buildIsEmpty(build, op, anyInput),
                            build.constant(loc, 0.0), result);
    rewriter.replaceOp(op, result);
    return success();
  }
};

struct FactorSumsPass : attn::impl::FactorSumsBase<FactorSumsPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FactorSum>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
