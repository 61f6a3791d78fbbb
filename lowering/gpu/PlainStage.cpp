//===- PlainStage.cpp - The GPU kernel that every stage has ---------------===//

#include "lowering/gpu/PlainStage.h"
#include "lowering/Targets.h"
#include "lowering/cpu/EmitKernel.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

namespace {

/// The emitter stays alive until the plan has asked it for sizes.
struct PlainKernel {
  PlainKernel(const GpuStageRequest &request, int64_t sharedBudget)
      : shape(shapeOf(request)), emitter(request.builder, request.layout, shape,
                                         cpu::Machine::Gpu, sharedBudget) {}

  /// Keys are always brought into shared memory: a block reads them as often as
  /// it has lanes.
  static cpu::KernelShape shapeOf(const GpuStageRequest &request) {
    cpu::KernelShape shape(request.kernel, request.layout);
    for (cpu::SweepShape &sweep : shape.sweeps) {
      for (cpu::InnerProduct &product : sweep.products)
        product.keySide.inPlace = nullptr;
      for (cpu::Accumulator &accumulator : sweep.accumulators)
        accumulator.keySide.inPlace = nullptr;
    }
    return shape;
  }

  cpu::KernelShape shape;
  cpu::KernelEmitter emitter;
};

} // namespace

/// As many blocks as shared memory and threads leave room for.
static unsigned blocksPerSM(const GpuRecord &gpu, unsigned threads,
                            int64_t sharedBytes) {
  constexpr int64_t threadsPerSM = 1024, reservedPerBlock = 1024;
  int64_t byThreads = threadsPerSM / threads;
  int64_t byShared = gpu.sharedBytesPerSM / (sharedBytes + reservedPerBlock);
  return unsigned(std::clamp<int64_t>(std::min(byThreads, byShared), 1, 16));
}

GpuStage attn::gpu::emitPlainStage(const GpuStageRequest &request) {
  const GpuRecord &gpu = *request.target.gpu;
  // Half of what a multiprocessor has, so that two blocks hide each other's
  // waiting, where that is enough for large heads.
  constexpr int64_t reserved = 1024, enough = 100 * 1024;
  int64_t half = gpu.sharedBytesPerSM / 2 - reserved;
  auto kernel = std::make_shared<PlainKernel>(
      request, half >= enough ? half : int64_t(gpu.sharedBytes));
  GpuStage stage;
  stage.symbol = request.symbol;
  stage.threads = kernel->shape.width;
  stage.sharedBytes =
      unsigned(kernel->emitter.emitBlock(request.symbol, request.itemsSlot,
                                         /*allowsNext=*/gpu.hasWgmma));
  stage.blocksPerSM = blocksPerSM(gpu, stage.threads, stage.sharedBytes);
  stage.description = ("plain " + Twine(kernel->shape.tileLanes()) + " x " +
                       Twine(kernel->shape.keys))
                          .str();
  stage.items = [kernel](cpu::Evaluator &plan) {
    return kernel->emitter.emitItems(plan);
  };
  stage.scratchBytes = [kernel](cpu::Evaluator &plan) {
    return kernel->emitter.emitScratchBytes(plan);
  };
  return stage;
}
