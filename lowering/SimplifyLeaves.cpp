//===- SimplifyLeaves.cpp - Canonicalise what holds no other op -----------===//

#include "lowering/Passes.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_SIMPLIFYLEAVES
#include "lowering/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

struct SimplifyLeavesPass : attn::impl::SimplifyLeavesBase<SimplifyLeavesPass> {
  LogicalResult initialize(MLIRContext *context) override {
    RewritePatternSet all(context);
    for (Dialect *dialect : context->getLoadedDialects())
      dialect->getCanonicalizationPatterns(all);
    for (RegisteredOperationName name : context->getRegisteredOperations())
      name.getCanonicalizationPatterns(all, context);
    patterns = FrozenRewritePatternSet(std::move(all));
    return success();
  }

  void runOnOperation() override {
    SmallVector<Operation *> leaves;
    getOperation()->walk([&](Operation *op) {
      if (op->getNumRegions() == 0)
        leaves.push_back(op);
    });
    if (leaves.empty())
      return;
    GreedyRewriteConfig config;
    config.setStrictness(GreedyRewriteStrictness::ExistingAndNewOps);
    // Not converging is no error: the canonicaliser goes on where this stops.
    (void)applyOpPatternsGreedily(leaves, patterns, config);
  }

  FrozenRewritePatternSet patterns;
};

} // namespace
