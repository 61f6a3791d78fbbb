//===- Slices.cpp - Indices that need not be in memory at once ------------===//

#include "lowering/cpu/Slices.h"
#include "dialect/FormulaWalk.h"
#include "dialect/LargeArrays.h"

#include "llvm/ADT/EquivalenceClasses.h"
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

/// Made of what the caller brings, element by element.
static bool isMadeAhead(KernelOp kernel) {
  Block &body = kernel.getBody().front();
  return body.getOps<SweepOp>().empty() &&
         llvm::none_of(body.getTerminator()->getOperands(),
                       [](Value value) { return isMadeOf(value, isOfKernel); });
}

namespace {

class SliceFinder {
public:
  explicit SliceFinder(const CallLayout &layout)
      : layout(layout), spec(layout.getSpec()), kernels(layout.kernels()) {}

  Slices find();

private:
  using Stages = llvm::SmallSetVector<unsigned, 4>;

  unsigned stageOf(Operation *op) const {
    while (!isa<KernelOp>(op))
      op = op->getParentOp();
    return unsigned(llvm::find(kernels, cast<KernelOp>(op)) - kernels.begin());
  }
  Stages stagesAt(Value buffer) const;
  bool isMadeBy(ArrayRef<unsigned> makers, Value value) const;
  bool looksElsewhere(unsigned stage, ArrayRef<unsigned> makers,
                      ArrayRef<StringAttr> dims) const;
  bool lookElsewhere(ArrayRef<unsigned> stages,
                     ArrayRef<StringAttr> dims) const;
  void chooseBuffers(bool takesAhead);
  void chooseStrips();
  bool fits(StringAttr dim, ArrayRef<unsigned> group, const Stages &stages);
  unsigned tensorsBesideKeys(StringAttr dim, const Stages &stages);
  StringAttr stripFor(ArrayRef<unsigned> group, const Stages &stages);
  void dropWholeBuffers();
  void addMakers(unsigned stage, StagePass &pass) const;
  bool clashes(unsigned stage, const StagePass &pass) const;
  void addStage(unsigned stage);
  bool makesOthers(unsigned stage) const;

  const CallLayout &layout;
  SpecOp spec;
  ArrayRef<KernelOp> kernels;
  Slices slices;
};

} // namespace

/// The stages that make or read \p buffer.
SliceFinder::Stages SliceFinder::stagesAt(Value buffer) const {
  Stages stages;
  stages.insert(stageOf(buffer.getDefiningOp()));
  for (Operation *user : buffer.getUsers())
    stages.insert(stageOf(user));
  return stages;
}

/// Says whether \p stage looks at what one of \p makers makes at another index
/// of \p dims than its own.
bool SliceFinder::looksElsewhere(unsigned stage, ArrayRef<unsigned> makers,
                                 ArrayRef<StringAttr> dims) const {
  bool found = false;
  KernelOp(kernels[stage]).walk([&](ReadOp read) {
    found |= llvm::any_of(read.getDims().getAsRange<StringAttr>(),
                          [&](StringAttr dim) {
                            return llvm::is_contained(dims, dim);
                          }) &&
             isMadeOf(read.getSource(),
                      [&](Value part) { return isMadeBy(makers, part); });
  });
  return found;
}

bool SliceFinder::isMadeBy(ArrayRef<unsigned> makers, Value value) const {
  auto kernel = value.getDefiningOp<KernelOp>();
  return kernel && llvm::is_contained(makers, stageOf(kernel));
}

/// The same of any of \p stages, and what they make themselves.
bool SliceFinder::lookElsewhere(ArrayRef<unsigned> stages,
                                ArrayRef<StringAttr> dims) const {
  return llvm::any_of(stages, [&](unsigned stage) {
    return looksElsewhere(stage, stages, dims);
  });
}

/// Takes the buffers that may be sliced, and the batch dimensions that all
/// their stages have in common; without \p takesAhead, none.
void SliceFinder::chooseBuffers(bool takesAhead) {
  slices = Slices();
  Stages sliced;
  for (Value buffer : layout.buffers()) {
    bool isAhead = takesAhead && isMadeAhead(buffer.getDefiningOp<KernelOp>());
    if (!isAhead && !isLarge(spec, buffer))
      continue;
    slices.buffers.push_back({buffer, StringAttr()});
    sliced.insert_range(stagesAt(buffer));
  }
  if (!takesAhead || sliced.empty())
    return;
  slices.dims = batchOf(kernels[sliced.front()]);
  for (unsigned stage : sliced)
    cutToCommon(slices.dims, batchOf(kernels[stage]));
  for (const SlicedBuffer &buffer : slices.buffers)
    cutToCommon(slices.dims, layout.storageOf(buffer.value).layout);
}

/// Says whether the buffers of \p group, those of \p stages, may come in strips
/// of \p dim: every work item has its own place in each.
bool SliceFinder::fits(StringAttr dim, ArrayRef<unsigned> group,
                       const Stages &stages) {
  if (spec.getStaticSize(dim) || llvm::is_contained(slices.dims, dim) ||
      lookElsewhere(stages.getArrayRef(), dim))
    return false;
  for (unsigned number : group)
    if (!quantity(slices.buffers[number].value).hasDim(dim))
      return false;
  for (unsigned stage : stages) {
    KernelOp kernel = kernels[stage];
    if (!llvm::is_contained(toDims(kernel.getFree()), dim))
      return false;
    // Lanes that are some indices apart are all over the dimension.
    for (auto stride : kernel.getBody().front().getOps<StrideOp>())
      if (stride.getDimAttr() == dim)
        return false;
  }
  return true;
}

/// How many tensors have \p dim beside something that \p stages sweep: keys
/// have a batch and heads, as queries do, but no query.
unsigned SliceFinder::tensorsBesideKeys(StringAttr dim, const Stages &stages) {
  DimList swept;
  for (unsigned stage : stages)
    for (auto sweep :
         KernelOp(kernels[stage]).getBody().front().getOps<SweepOp>())
      llvm::append_range(swept, toDims(sweep.getOver()));
  unsigned count = 0;
  for (unsigned i = 0, e = spec.getArgumentTypes().size(); i != e; ++i) {
    if (!spec.getArgAttr(i, "attn.layout"))
      continue;
    DimList layout = spec.getArgLayout(i);
    count += llvm::is_contained(layout, dim) &&
             llvm::any_of(swept, [&](StringAttr key) {
               return llvm::is_contained(layout, key);
             });
  }
  return count;
}

/// The dimension of the strips of \p group: of queries, rather than of a batch
/// or of heads, which may be few. Of several, the outermost.
StringAttr SliceFinder::stripFor(ArrayRef<unsigned> group,
                                 const Stages &stages) {
  StringAttr best;
  unsigned least = 0;
  for (auto dim : spec.getDims().getAsRange<StringAttr>()) {
    if (!fits(dim, group, stages))
      continue;
    unsigned count = tensorsBesideKeys(dim, stages);
    if (!best || count < least) {
      best = dim;
      least = count;
    }
  }
  return best;
}

/// Finds strips for large buffers. Those that share a stage have the same.
void SliceFinder::chooseStrips() {
  slices.strips.assign(kernels.size(), StringAttr());
  llvm::EquivalenceClasses<unsigned> related; // by stage
  for (const SlicedBuffer &buffer : slices.buffers)
    if (isLarge(spec, buffer.value, slices.dims)) {
      Stages stages = stagesAt(buffer.value);
      for (unsigned stage : stages)
        related.unionSets(stages.front(), stage);
    }
  for (unsigned leader = 0; leader != kernels.size(); ++leader) {
    auto isOfGroup = [&](unsigned stage) {
      return related.contains(stage) && related.getLeaderValue(stage) == leader;
    };
    SmallVector<unsigned> group;
    Stages stages;
    for (auto [number, buffer] : llvm::enumerate(slices.buffers))
      if (isOfGroup(stageOf(buffer.value.getDefiningOp())) &&
          isLarge(spec, buffer.value, slices.dims))
        group.push_back(number);
    for (unsigned stage = 0; stage != kernels.size(); ++stage)
      if (isOfGroup(stage))
        stages.insert(stage);
    if (group.empty())
      continue;
    StringAttr strip = stripFor(group, stages);
    for (unsigned number : group)
      slices.buffers[number].strip = strip;
    for (unsigned stage : stages)
      slices.strips[stage] = strip;
  }
}

/// Lists \p buffer where one index of \p given is more than any tensor has.
static void addLarge(SpecOp spec, Value buffer, ArrayRef<StringAttr> given,
                     SmallVectorImpl<LargeBuffer> &large) {
  if (!isLarge(spec, buffer, given))
    return;
  DimList dims(quantity(buffer).getDims());
  llvm::erase_if(
      dims, [&](StringAttr dim) { return llvm::is_contained(given, dim); });
  large.push_back({buffer, dims});
}

/// Buffers of which no part is smaller are as others.
void SliceFinder::dropWholeBuffers() {
  llvm::erase_if(slices.buffers, [&](const SlicedBuffer &buffer) {
    DimList given = slices.dims;
    if (buffer.strip)
      given.push_back(buffer.strip);
    addLarge(spec, buffer.value, given, slices.large);
    return given.empty();
  });
}

/// Says whether \p stage has results that are not sliced.
bool SliceFinder::makesOthers(unsigned stage) const {
  return llvm::any_of(KernelOp(kernels[stage]).getResults(), [&](Value result) {
    return llvm::none_of(slices.buffers, [&](const SlicedBuffer &buffer) {
      return buffer.value == result;
    });
  });
}

/// Adds what makes the sliced buffers that \p stage reads to \p pass, in the
/// order of the stages, each once.
void SliceFinder::addMakers(unsigned stage, StagePass &pass) const {
  Stages makers;
  for (const SlicedBuffer &buffer : slices.buffers)
    if (llvm::any_of(buffer.value.getUsers(),
                     [&](Operation *user) { return stageOf(user) == stage; }))
      makers.insert(stageOf(buffer.value.getDefiningOp()));
  for (unsigned maker : makers) {
    if (llvm::is_contained(pass.stages, maker))
      continue;
    addMakers(maker, pass);
    pass.stages.push_back(maker);
  }
}

/// Says whether \p stage must not run in \p pass for it reads something made
/// there of which a strip has no more than a part: at another index, or without
/// having a strip itself.
bool SliceFinder::clashes(unsigned stage, const StagePass &pass) const {
  if (!pass.strip)
    return false;
  if (slices.strips[stage])
    return looksElsewhere(stage, pass.stages, pass.strip);
  bool found = false;
  KernelOp(kernels[stage]).walk([&](Operation *op) {
    found |= llvm::any_of(op->getOperands(), [&](Value operand) {
      return isMadeBy(pass.stages, operand);
    });
  });
  return found;
}

/// Stages that make sliced buffers alone run in the passes that read those.
void SliceFinder::addStage(unsigned stage) {
  StringAttr strip = slices.strips[stage];
  StagePass needed{/*isSliced=*/true, strip, {}};
  addMakers(stage, needed);
  bool isSliced = strip || !needed.stages.empty();
  if (!isSliced) {
    slices.passes.push_back({/*isSliced=*/false, StringAttr(), {stage}});
    return;
  }
  needed.stages.push_back(stage);
  bool joins = !slices.passes.empty() && slices.passes.back().isSliced &&
               slices.passes.back().strip == strip &&
               llvm::none_of(needed.stages, [&](unsigned other) {
                 return clashes(other, slices.passes.back());
               });
  if (!joins)
    slices.passes.push_back({/*isSliced=*/true, strip, {}});
  StagePass &pass = slices.passes.back();
  addMakers(stage, pass);
  if (!llvm::is_contained(pass.stages, stage))
    pass.stages.push_back(stage);
}

Slices SliceFinder::find() {
  auto choose = [&](bool takesAhead) {
    chooseBuffers(takesAhead);
    chooseStrips();
    dropWholeBuffers();
    slices.passes.clear();
    if (slices.buffers.empty())
      return;
    for (unsigned stage = 0; stage != kernels.size(); ++stage)
      if (makesOthers(stage))
        addStage(stage);
  };
  choose(/*takesAhead=*/true);
  auto isWrong = [&](const StagePass &pass) {
    return pass.isSliced && lookElsewhere(pass.stages, slices.dims);
  };
  if (llvm::any_of(slices.passes, isWrong))
    choose(/*takesAhead=*/false);
  return std::move(slices);
}

Slices attn::cpu::findSlices(const CallLayout &layout) {
  return SliceFinder(layout).find();
}

SmallVector<LargeBuffer> attn::cpu::findLargeBuffers(const CallLayout &layout) {
  SmallVector<LargeBuffer> large;
  for (Value buffer : layout.buffers())
    addLarge(layout.getSpec(), buffer, {}, large);
  return large;
}
