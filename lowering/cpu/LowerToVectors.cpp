//===- LowerToVectors.cpp - Tiled kernels as functions over vectors -------===//

#include "lowering/Passes.h"
#include "lowering/cpu/EmitSpec.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_LOWERTOVECTORS
#include "lowering/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

/// Says what pass is missing where \p spec is not in the form that this one
/// takes.
LogicalResult checkForm(SpecOp spec) {
  for (Operation &op : spec.getBody().front()) {
    if (isa<ReduceOp, NormalizeOp>(op))
      return op.emitOpError("is in no kernel: attn-schedule-sweeps runs before "
                            "attn-lower-to-vectors");
    if (auto kernel = dyn_cast<KernelOp>(op); kernel && !kernel.getTile())
      return op.emitOpError("has no tile: attn-tile-kernels runs before "
                            "attn-lower-to-vectors");
  }
  return success();
}

struct LowerToVectorsPass : attn::impl::LowerToVectorsBase<LowerToVectorsPass> {
  void runOnOperation() override {
    SmallVector<SpecOp> specs(getOperation().getOps<SpecOp>());
    for (SpecOp spec : specs) {
      if (failed(checkForm(spec)))
        return signalPassFailure();
      cpu::emitSpec(spec);
    }
  }
};

} // namespace
