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

struct LowerToVectorsPass : attn::impl::LowerToVectorsBase<LowerToVectorsPass> {
  void runOnOperation() override {
    SmallVector<SpecOp> specs(getOperation().getOps<SpecOp>());
    for (SpecOp spec : specs)
      cpu::emitSpec(spec);
  }
};

} // namespace
