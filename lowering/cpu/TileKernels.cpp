//===- TileKernels.cpp - Tiles of every kernel for a target ---------------===//

#include "lowering/Passes.h"
#include "lowering/Targets.h"
#include "lowering/cpu/KernelShape.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_TILEKERNELS
#include "lowering/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

struct TileKernelsPass : attn::impl::TileKernelsBase<TileKernelsPass> {
  using TileKernelsBase::TileKernelsBase;

  void runOnOperation() override {
    llvm::Expected<TargetRecord> record = lookupTarget(target);
    if (!record) {
      getOperation().emitError(llvm::toString(record.takeError()));
      return signalPassFailure();
    }
    SmallVector<KernelOp> kernels(
        getOperation().getBody().front().getOps<KernelOp>());
    for (KernelOp kernel : kernels)
      kernel.setTileAttr(tileOf(kernel, *record));
    cpu::CallLayout layout(getOperation());
    for (KernelOp kernel : kernels)
      remark(cpu::KernelShape(kernel, layout));
  }

  DictionaryAttr tileOf(KernelOp kernel, const TargetRecord &record) {
    Builder builder(&getContext());
    bool sweeps = !kernel.getBody().front().getOps<SweepOp>().empty();
    auto field = [&](StringRef name, unsigned value) {
      return builder.getNamedAttr(name, builder.getI64IntegerAttr(value));
    };
    // Without a sweep an item is a few elements: it takes many batch indices,
    // so that handing it out does not cost more than computing it.
    return builder.getDictionaryAttr(
        {field("width", record.width), field("rows", record.rows),
         field("vectors", sweeps ? record.vectors : 1),
         field("groups", sweeps ? record.groups : 8),
         field("keys", record.keys), field("sub", record.sub),
         field("chunk", sweeps ? 1 : 64)});
  }

  void remark(const cpu::KernelShape &shape) {
    for (const cpu::SweepShape &sweep : shape.sweeps) {
      SweepOp op = sweep.op;
      if (sweep.hasDomain && !sweep.isDecidable)
        op.emitRemark("performance: the mask depends on data of each pair: no "
                      "tile is skipped, and every element is tested");
      for (auto reduce : op.getBody().front().getOps<ReduceOp>()) {
        bool isProduct = llvm::any_of(sweep.products, [&](const auto &product) {
          Operation *made = product.result.getDefiningOp();
          return made == reduce || llvm::is_contained(reduce->getUsers(), made);
        });
        if (!isProduct)
          reduce.emitRemark("performance: this sum is no product of a query "
                            "side and a key side: it is computed element by "
                            "element");
      }
    }
  }
};

} // namespace
