//===- ExpandDots.cpp - Dot products for machines without them ------------===//

#include "lowering/Passes.h"
#include "lowering/cpu/Pairs.h"
#include "lowering/cpu/VectorMath.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/X86Vector/X86VectorDialect.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_EXPANDDOTS
#include "lowering/Passes.h.inc"
} // namespace attn

using namespace attn;
using namespace attn::cpu;

namespace {

/// A bf16 is the upper half of the f32 of the same value.
struct ExpandDot : OpRewritePattern<x86vector::DotBF16Op> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(x86vector::DotBF16Op op,
                                PatternRewriter &rewriter) const override {
    auto type = cast<VectorType>(op.getType());
    Code code(rewriter, op.getLoc(), unsigned(type.getNumElements()));
    VectorType pairs = code.vectorOf(rewriter.getI32Type());
    auto half = [&](Value numbers, bool upper) -> Value {
      Value bits =
          vector::BitCastOp::create(rewriter, code.loc, pairs, numbers);
      bits = upper ? code.land(bits, code.intLike(bits, -0x10000))
                   : arith::ShLIOp::create(rewriter, code.loc, bits,
                                           code.intLike(bits, 16));
      return arith::BitcastOp::create(rewriter, code.loc, type, bits);
    };
    Value sum = op.getSrc();
    for (bool upper : {true, false})
      sum = math::FmaOp::create(rewriter, code.loc, half(op.getA(), upper),
                                half(op.getB(), upper), sum);
    rewriter.replaceOp(op, sum);
    return success();
  }
};

struct ExpandConversion : OpRewritePattern<x86vector::CvtPackedF32ToBF16Op> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(x86vector::CvtPackedF32ToBF16Op op,
                                PatternRewriter &rewriter) const override {
    auto type = cast<VectorType>(op.getType());
    Code code(rewriter, op.getLoc(), unsigned(type.getNumElements()));
    rewriter.replaceOp(op, roundToBFloat(code, op.getA()));
    return success();
  }
};

struct ExpandConversionOfTwo : OpRewritePattern<LLVM::CallIntrinsicOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(LLVM::CallIntrinsicOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.getIntrin().starts_with(roundBothIntrinsic))
      return failure();
    auto type = cast<VectorType>(op->getResultTypes().front());
    Code code(rewriter, op.getLoc(), unsigned(type.getNumElements() / 2));
    Value upper = roundToBFloat(code, op.getArgs()[0]);
    Value lower = roundToBFloat(code, op.getArgs()[1]);
    auto order = llvm::to_vector(llvm::seq<int64_t>(type.getNumElements()));
    rewriter.replaceOpWithNewOp<vector::ShuffleOp>(op, lower, upper, order);
    return success();
  }
};

struct ExpandDotsPass : attn::impl::ExpandDotsBase<ExpandDotsPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ExpandDot, ExpandConversion, ExpandConversionOfTwo>(
        &getContext());
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};

} // namespace
