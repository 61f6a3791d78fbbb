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
  PlainKernel(const GpuStageRequest &request)
      : shape(request.kernel, request.layout),
        emitter(request.builder, request.layout, shape, cpu::Machine::Gpu) {}

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
  auto kernel = std::make_shared<PlainKernel>(request);
  GpuStage stage;
  stage.symbol = request.symbol;
  stage.threads = kernel->shape.width;
  // Half of what a multiprocessor has, so that two blocks hide each other's
  // waiting.
  int64_t budget =
      std::min<int64_t>(gpu.sharedBytes, gpu.sharedBytesPerSM / 2 - 1024);
  stage.sharedBytes = unsigned(
      kernel->emitter.emitBlock(request.symbol, request.itemsSlot, budget));
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
