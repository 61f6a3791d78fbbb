//===- FactorSums.cpp - Factors leave the sums they do not depend on ------===//
//
// Runs after normalisers are expanded (their quotients become visible here) and
// before scheduling (which would otherwise see a sum that needs its normaliser
// first, and give it a sweep of its own).
//
//===----------------------------------------------------------------------===//

#include "dialect/Passes.h"
#include "dialect/Products.h"
#include "dialect/QuantityBuilder.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_FACTORSUMS
#include "dialect/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

/// Says whether \p value is computed from constants and sizes alone. Such a
/// factor is finite unless a size is 0.
bool isUniform(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  if (isa<ConstantOp, ExtentOp>(op))
    return true;
  return isa<UnaryOp, BinaryOp, CastOp>(op) &&
         llvm::all_of(op->getOperands(), isUniform);
}

/// Says whether \p value is made of a reduction, as a normaliser is.
bool isReduced(Value value) {
  Operation *op = value.getDefiningOp();
  return op &&
         (isa<ReduceOp>(op) || llvm::any_of(op->getOperands(), isReduced));
}

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
    if (product.factors.size() + product.divisors.size() < 2)
      return failure();
    auto leaves = [&](Value factor) { return !hasAnyDim(factor, dims); };
    SmallVector<Value> inside, outside;
    for (Value factor : product.factors)
      (leaves(factor) ? outside : inside).push_back(factor);
    SmallVector<Product::Divisor> insideDivisors, outsideDivisors;
    for (Product::Divisor divisor : product.divisors)
      (leaves(divisor.value) ? outsideDivisors : insideDivisors)
          .push_back(divisor);
    if (outside.empty() && outsideDivisors.empty())
      return failure();

    QuantityBuilder build(rewriter, op->getParentOfType<SpecOp>());
    Location loc = op.getLoc();
    Value operand;
    for (Value factor : inside)
      operand = operand ? build.binary(loc, BinaryKind::Mul, operand, factor)
                        : factor;
    if (!operand)
      operand = build.constant(loc, 1.0);
    for (Product::Divisor divisor : insideDivisors)
      operand = build.binary(loc, divisor.kind, operand, divisor.value);
    if (!hasAnyDim(operand, dims) &&
        (!op.getDomain() || !hasAnyDim(op.getDomain(), dims)))
      return failure(); // Every factor would leave: the sum counts.

    Value result = build.reduce(loc, ReduceKind::Sum, operand, op.getDims(),
                                op.getDomain());
    // Over nothing the result stays 0, whatever the factors are. The 0 / 0 of a
    // normaliser is 0 as it stands, any other divisor is an input's.
    bool exact = neverEmpty(op), anyFactor = false, anyInput = false;
    for (Value factor : outside) {
      anyFactor = true;
      anyInput |= !isUniform(factor);
      result = build.binary(loc, BinaryKind::Mul, result, factor);
    }
    for (Product::Divisor divisor : outsideDivisors) {
      BinaryKind kind = divisor.kind;
      if (kind == BinaryKind::Div && !exact) {
        bool isInput = !isUniform(divisor.value) && !isReduced(divisor.value);
        anyInput |= isInput;
        kind = isInput ? BinaryKind::Div : BinaryKind::Ratio;
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
