//===- Slices.cpp - Batch indices that need not be in memory at once ------===//

#include "lowering/cpu/Slices.h"
#include "dialect/FormulaWalk.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

static bool isOfKernel(Value value) {
  return bool(value.getDefiningOp<KernelOp>());
}

static DimList batchOf(KernelOp kernel) {
  DimList batch = toDims(kernel.getFree());
  if (ArrayAttr lanes = kernel.getLanesAttr())
    llvm::erase_if(batch, [&](StringAttr dim) {
      return llvm::is_contained(toDims(lanes), dim);
    });
  return batch;
}

/// Leaves of \p prefix what \p dims begins with too.
static void cutToCommon(DimList &prefix, ArrayRef<StringAttr> dims) {
  size_t common = 0;
  while (common < std::min(prefix.size(), dims.size()) &&
         prefix[common] == dims[common])
    ++common;
  prefix.resize(common);
}

namespace {

class SliceFinder {
public:
  explicit SliceFinder(const CallLayout &layout)
      : layout(layout), kernels(layout.kernels()) {}

  Slices find();

private:
  unsigned stageOf(Operation *op) {
    while (!isa<KernelOp>(op))
      op = op->getParentOp();
    return unsigned(llvm::find(kernels, cast<KernelOp>(op)) - kernels.begin());
  }
  bool looksElsewhere(const StagePass &pass);
  void addStage(unsigned stage);

  const CallLayout &layout;
  ArrayRef<KernelOp> kernels;
  Slices slices;
  /// By stage: the stages that make what it reads of the sliced buffers.
  std::vector<llvm::SmallSetVector<unsigned, 2>> makers;
};

} // namespace

/// Says whether a stage of \p pass looks at what another one makes, at another
/// index of the sliced dimensions than its own.
bool SliceFinder::looksElsewhere(const StagePass &pass) {
  bool found = false;
  auto isOfPass = [&](Value part) {
    auto kernel = part.getDefiningOp<KernelOp>();
    return kernel && llvm::is_contained(pass.stages, stageOf(kernel));
  };
  for (unsigned stage : pass.stages)
    KernelOp(kernels[stage]).walk([&](ReadOp read) {
      found |= llvm::any_of(read.getDims().getAsRange<StringAttr>(),
                            [&](StringAttr dim) {
                              return llvm::is_contained(slices.dims, dim);
                            }) &&
               isMadeOf(read.getSource(), isOfPass);
    });
  return found;
}

/// Stages that make sliced buffers run in the passes that read those.
void SliceFinder::addStage(unsigned stage) {
  const auto &needed = makers[stage];
  if (needed.empty()) {
    slices.passes.push_back({/*isSliced=*/false, {stage}});
    return;
  }
  if (slices.passes.empty() || !slices.passes.back().isSliced)
    slices.passes.push_back({/*isSliced=*/true, {}});
  StagePass &pass = slices.passes.back();
  for (unsigned maker : needed)
    if (!llvm::is_contained(pass.stages, maker))
      pass.stages.push_back(maker);
  pass.stages.push_back(stage);
}

Slices SliceFinder::find() {
  makers.resize(kernels.size());
  llvm::SmallSetVector<unsigned, 4> sliced, making;
  for (Value buffer : layout.buffers()) {
    auto kernel = cast<KernelOp>(buffer.getDefiningOp());
    // Made of what the caller brings, element by element: it can be made again.
    bool isMadeAhead =
        kernel.getBody().front().getOps<SweepOp>().empty() &&
        llvm::none_of(kernel.getBody().front().getTerminator()->getOperands(),
                      [](Value value) { return isMadeOf(value, isOfKernel); });
    if (!isMadeAhead)
      continue;
    slices.buffers.push_back(buffer);
    unsigned maker = stageOf(kernel);
    making.insert(maker);
    sliced.insert(maker);
    for (Operation *user : buffer.getUsers()) {
      makers[stageOf(user)].insert(maker);
      sliced.insert(stageOf(user));
    }
  }
  if (slices.buffers.empty())
    return {};
  slices.dims = batchOf(kernels[sliced.front()]);
  for (unsigned stage : sliced)
    cutToCommon(slices.dims, batchOf(kernels[stage]));
  for (Value buffer : slices.buffers)
    cutToCommon(slices.dims, layout.storageOf(buffer).layout);
  if (slices.dims.empty())
    return {};
  for (unsigned stage = 0; stage != kernels.size(); ++stage)
    if (!making.contains(stage))
      addStage(stage);
  for (const StagePass &pass : slices.passes)
    if (pass.isSliced && looksElsewhere(pass))
      return {};
  return std::move(slices);
}

Slices attn::cpu::findSlices(const CallLayout &layout) {
  return SliceFinder(layout).find();
}
