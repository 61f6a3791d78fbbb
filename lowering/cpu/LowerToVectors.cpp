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
    auto kernel = dyn_cast<KernelOp>(op);
    if (!kernel)
      continue;
    DictionaryAttr tile = kernel.getTileAttr();
    if (!tile)
      return op.emitOpError("has no tile: attn-tile-kernels runs before "
                            "attn-lower-to-vectors");
    for (StringRef name :
         {"width", "rows", "vectors", "groups", "keys", "sub", "chunk"}) {
      auto number = tile.getAs<IntegerAttr>(name);
      if (!number || number.getInt() < 1)
        return op.emitOpError("has no positive '") << name << "' in its tile";
    }
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
