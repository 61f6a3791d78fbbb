//===- WarpSpecialize.cpp - Kernels of specialised warps beside their specs
//===//

#include "lowering/Passes.h"
#include "lowering/Targets.h"
#include "lowering/gpu/EmitWarpKernel.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_WARPSPECIALIZE
#include "lowering/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

struct WarpSpecializePass : attn::impl::WarpSpecializeBase<WarpSpecializePass> {
  using WarpSpecializeBase::WarpSpecializeBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
    SmallVector<SpecOp> specs(module.getOps<SpecOp>());
    for (SpecOp spec : specs) {
      cpu::CallLayout layout(spec);
      TargetRecord target;
      for (auto [index, op] : llvm::enumerate(layout.kernels())) {
        KernelOp kernel = op;
        if (!kernel.getTile()) {
          kernel.emitOpError("has no tile: attn-tile-kernels runs before "
                             "attn-warp-specialize");
          return signalPassFailure();
        }
        attn::gpu::GpuStageRequest request{
            builder,
            layout,
            kernel,
            target,
            (spec.getSymName() + "_stage" + Twine(index)).str(),
            layout.reserve(attn::gpu::NumLaunchSlots)};
        std::string why;
        if (!attn::gpu::emitWarpKernel(request, why, chosenTile()))
          kernel.emitRemark("performance: no warp-specialised kernel: ") << why;
      }
    }
    for (SpecOp spec : specs)
      spec.erase();
  }

  std::optional<attn::gpu::WarpTile> chosenTile() {
    if (!columns)
      return std::nullopt;
    return attn::gpu::WarpTile{consumers, columns, stages, turns};
  }
};

} // namespace
