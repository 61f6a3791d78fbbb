//===- ExpandNormalizers.cpp - Normalisers as sums and maxima -------------===//
//
// First of the algebraic passes: all later ones know sum, max and min alone.
//
//===----------------------------------------------------------------------===//

#include "dialect/FormulaWalk.h"
#include "dialect/Passes.h"
#include "dialect/Products.h"
#include "dialect/QuantityBuilder.h"
#include "dialect/Signs.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

#include <limits>

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_EXPANDNORMALIZERS
#include "dialect/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

/// exp(x - max(x)), its max over `dims` within `domain`.
struct ShiftedExp {
  Value max, exp;
};

ShiftedExp buildShiftedExp(QuantityBuilder &build, Location loc, Value operand,
                           ArrayAttr dims, Value domain) {
  Value max = build.reduce(loc, ReduceKind::Max, operand, dims, domain);
  Value shift = build.unary(loc, UnaryKind::NegInfToZero, max);
  Value shifted = build.binary(loc, BinaryKind::Sub, operand, shift);
  return {max, build.unary(loc, UnaryKind::Exp, shifted)};
}

struct ExpandNormalize : OpRewritePattern<NormalizeOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(NormalizeOp op,
                                PatternRewriter &rewriter) const override {
    QuantityBuilder build(rewriter, op->getParentOfType<SpecOp>());
    Location loc = op.getLoc();
    Value weight = op.getOperand(), size = weight;
    if (op.getKind() == NormalizeKind::Softmax) {
      weight = buildShiftedExp(build, loc, op.getOperand(), op.getDims(),
                               op.getDomain())
                   .exp;
      size = weight;
    } else if (!isNeverNegative(weight)) {
      size = build.unary(loc, UnaryKind::Abs, weight);
    }
    Value total =
        build.reduce(loc, ReduceKind::Sum, size, op.getDims(), op.getDomain());
    Value quotient = build.binary(loc, BinaryKind::Ratio, weight, total);
    if (quotient.getType() != op.getType()) {
      // The domain has dimensions that neither has: the result exists for each.
      Value zero = build.constant(loc, 0.0);
      quotient = build.select(loc, op.getDomain(), quotient, zero);
    }
    rewriter.replaceOp(op, quotient);
    return success();
  }
};

/// The number of index combinations that a reduction visits, as f32. Along one
/// dimension an f32 counts them itself, beside the sum; pairs of several may be
/// more than the 2^24 at which it no longer changes.
Value buildCount(QuantityBuilder &build, Location loc, ReduceOp op) {
  if (op.getDomain()) {
    Value one = op.getDims().size() == 1 ? build.constant(loc, 1.0)
                                         : build.constant(loc, int64_t(1));
    Value count =
        build.reduce(loc, ReduceKind::Sum, one, op.getDims(), op.getDomain());
    return build.cast(loc, count, quantity(op.getOperand()).getElementType());
  }
  Value count;
  for (StringAttr dim : toDims(op.getDims())) {
    Value extent = build.extent(loc, dim);
    count = count ? build.binary(loc, BinaryKind::Mul, count, extent) : extent;
  }
  return build.cast(loc, count, quantity(op.getOperand()).getElementType());
}

struct ExpandReduce : OpRewritePattern<ReduceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReduceOp op,
                                PatternRewriter &rewriter) const override {
    QuantityBuilder build(rewriter, op->getParentOfType<SpecOp>());
    Location loc = op.getLoc();
    if (op.getKind() == ReduceKind::Mean) {
      Value sum = build.reduce(loc, ReduceKind::Sum, op.getOperand(),
                               op.getDims(), op.getDomain());
      rewriter.replaceOp(op, build.binary(loc, BinaryKind::Ratio, sum,
                                          buildCount(build, loc, op)));
      return success();
    }
    if (op.getKind() == ReduceKind::LogSumExp) {
      ShiftedExp shifted = buildShiftedExp(build, loc, op.getOperand(),
                                           op.getDims(), op.getDomain());
      Value sum = build.reduce(loc, ReduceKind::Sum, shifted.exp, op.getDims(),
                               op.getDomain());
      Value log = build.unary(loc, UnaryKind::Log, sum);
      Value shift = build.unary(loc, UnaryKind::NegInfToZero, shifted.max);
      Value result = build.binary(loc, BinaryKind::Add, shift, log);
      // inf - inf is no number, but the logarithm of an infinite sum is.
      Value infinity =
          build.constant(loc, std::numeric_limits<double>::infinity());
      Value isInfinite = build.compare(loc, Predicate::EQ, shift, infinity);
      rewriter.replaceOp(op, build.select(loc, isInfinite, infinity, result));
      return success();
    }
    return failure();
  }
};

/// exp(x - max[..](x)), written by hand, gets the guard that softmax has.
struct GuardSubtractedMax : OpRewritePattern<UnaryOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(UnaryOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getKind() != UnaryKind::Exp)
      return failure();
    auto sub = op.getOperand().getDefiningOp<BinaryOp>();
    if (!sub || sub.getKind() != BinaryKind::Sub)
      return failure();
    auto max = sub.getRhs().getDefiningOp<ReduceOp>();
    if (!max || max.getKind() != ReduceKind::Max ||
        max.getOperand() != sub.getLhs())
      return failure();
    QuantityBuilder build(rewriter, op->getParentOfType<SpecOp>());
    Value shift = build.unary(op.getLoc(), UnaryKind::NegInfToZero, max);
    Value shifted =
        build.binary(op.getLoc(), BinaryKind::Sub, sub.getLhs(), shift);
    rewriter.modifyOpInPlace(op,
                             [&] { op.getOperandMutable().assign(shifted); });
    return success();
  }
};

/// A number of the row, t, that exp(x - t) is relative to, where t is computed
/// from the largest x of the row: that and more logits (a sink), or a
/// log-sum-exp.
struct RelativeExp {
  size_t factor; // of the product
  Value x, t;
  ReduceOp max;
};

std::optional<RelativeExp> findRelativeExp(ReduceOp sum,
                                           const Product &product) {
  DimList dims = toDims(sum.getDims());
  for (auto [index, factor] : llvm::enumerate(product.factors)) {
    auto exp = factor.getDefiningOp<UnaryOp>();
    auto sub = exp && exp.getKind() == UnaryKind::Exp
                   ? exp.getOperand().getDefiningOp<BinaryOp>()
                   : BinaryOp();
    if (!sub || sub.getKind() != BinaryKind::Sub ||
        hasAnyDim(sub.getRhs(), dims))
      continue;
    Value t = sub.getRhs();
    if (auto guard = t.getDefiningOp<UnaryOp>();
        guard && guard.getKind() == UnaryKind::NegInfToZero)
      continue; // the rule of one sweep already
    ReduceOp max;
    walkFormula(t, [&](Value part) {
      auto reduce = part.getDefiningOp<ReduceOp>();
      if (reduce && reduce.getKind() == ReduceKind::Max &&
          reduce.getOperand() == sub.getLhs() &&
          reduce.getDims() == sum.getDims() &&
          reduce.getDomain() == sum.getDomain() && part != t)
        max = reduce;
      return !max && !reduce && !isa_and_nonnull<ReadOp>(part.getDefiningOp());
    });
    if (max)
      return RelativeExp{index, sub.getLhs(), t, max};
  }
  return std::nullopt;
}

/// sum(exp(x - t) * y) is sum(exp(x - M) * y) * exp(M - t), with M the largest
/// x: the sum shares the sweep of M, whatever else t is made of. Where M is
/// -inf, nothing or only zeros are added, as in a softmax.
struct SumRelativeToMaximum : OpRewritePattern<ReduceOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(ReduceOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getKind() != ReduceKind::Sum ||
        !quantity(op.getOperand()).getElementType().isF32())
      return failure();
    Product product = flattenProduct(op.getOperand());
    std::optional<RelativeExp> found = findRelativeExp(op, product);
    if (!found)
      return failure();
    QuantityBuilder build(rewriter, op->getParentOfType<SpecOp>());
    Location loc = op.getLoc();
    Value max = found->max;
    product.factors[found->factor] = build.unary(
        loc, UnaryKind::Exp,
        build.binary(loc, BinaryKind::Sub, found->x,
                     build.unary(loc, UnaryKind::NegInfToZero, max)));
    Value weight = buildProduct(build, loc, product);
    Value sum = build.reduce(loc, ReduceKind::Sum, weight, op.getDims(),
                             op.getDomain());
    Value factor = build.unary(
        loc, UnaryKind::Exp, build.binary(loc, BinaryKind::Sub, max, found->t));
    Value isEmpty = build.compare(
        loc, Predicate::EQ, max,
        build.constant(loc, -std::numeric_limits<double>::infinity()));
    factor = build.select(loc, isEmpty, build.constant(loc, 0.0), factor);
    rewriter.replaceOp(op, build.binary(loc, BinaryKind::Mul, sum, factor));
    return success();
  }
};

struct ExpandNormalizersPass
    : attn::impl::ExpandNormalizersBase<ExpandNormalizersPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ExpandNormalize, ExpandReduce, GuardSubtractedMax,
                 SumRelativeToMaximum>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
