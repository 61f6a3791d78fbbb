//===- WidenBFloats.cpp - Make f32 of bf16 by shifts ----------------------===//

#include "lowering/Passes.h"
#include "lowering/cpu/Code.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_WIDENBFLOATS
#include "lowering/Passes.h.inc"
} // namespace attn

using namespace attn;
using cpu::Code;

namespace {

/// A bf16 is the upper half of the f32 of the same value.
struct Widen : OpRewritePattern<arith::ExtFOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::ExtFOp op,
                                PatternRewriter &rewriter) const override {
    Value x = op.getIn();
    Location loc = op.getLoc();
    if (!Code::elementOf(x).isBF16() || !Code::elementOf(op.getOut()).isF32())
      return failure();
    auto vector = dyn_cast<VectorType>(x.getType());
    Code code(rewriter, loc, vector ? unsigned(vector.getNumElements()) : 1);
    Value half = arith::BitcastOp::create(
        rewriter, loc, code.likeWith(x, rewriter.getI16Type()), x);
    Value bits = arith::ExtUIOp::create(
        rewriter, loc, code.likeWith(x, rewriter.getI32Type()), half);
    bits = arith::ShLIOp::create(rewriter, loc, bits, code.intLike(bits, 16));
    rewriter.replaceOpWithNewOp<arith::BitcastOp>(op, op.getType(), bits);
    return success();
  }
};

struct WidenBFloatsPass : attn::impl::WidenBFloatsBase<WidenBFloatsPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<Widen>(&getContext());
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};

} // namespace
