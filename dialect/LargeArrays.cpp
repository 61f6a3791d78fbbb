//===- LargeArrays.cpp - Arrays that no tensor accounts for ---------------===//

#include "dialect/LargeArrays.h"
#include "dialect/FormulaWalk.h"
#include "dialect/QuantityBuilder.h"

using namespace mlir;
using namespace attn;

/// The layouts of all tensors of \p spec but those of bytes, which are smaller
/// than any array of numbers.
static SmallVector<DimList> tensorLayouts(SpecOp spec) {
  SmallVector<DimList> layouts;
  auto isOfBytes = [&](unsigned i) {
    Type element = quantity(spec.getBody().getArgument(i)).getElementType();
    return element.getIntOrFloatBitWidth() <= 8;
  };
  for (unsigned i = 0, e = spec.getArgumentTypes().size(); i != e; ++i)
    if (spec.getArgAttr(i, "attn.layout") && !isOfBytes(i))
      layouts.push_back(spec.getArgLayout(i));
  for (unsigned i = 0, e = spec.getResultTypes().size(); i != e; ++i)
    layouts.push_back(spec.getResultLayout(i));
  return layouts;
}

bool attn::isLarge(SpecOp spec, Value value, ArrayRef<StringAttr> given) {
  SmallVector<DimList> layouts = tensorLayouts(spec);
  auto isOfTensor = [&](StringAttr dim) {
    return llvm::any_of(layouts, [&](const DimList &layout) {
      return llvm::is_contained(layout, dim);
    });
  };
  // Dimensions of no tensor are made by passes, and short: blocks of keys.
  DimList dims(quantity(value).getDims());
  llvm::erase_if(dims, [&](StringAttr dim) {
    return spec.getStaticSize(dim) || llvm::is_contained(given, dim) ||
           !isOfTensor(dim);
  });
  auto hasAll = [&](const DimList &layout) {
    return llvm::all_of(
        dims, [&](StringAttr dim) { return llvm::is_contained(layout, dim); });
  };
  return dims.size() > 1 && llvm::none_of(layouts, hasAll);
}

//===----------------------------------------------------------------------===//
// Reductions over several of their dimensions
//===----------------------------------------------------------------------===//

/// The innermost of the dimensions of \p array that \p reduce goes through, if
/// it goes through several.
static StringAttr innermostOfSeveral(SpecOp spec, ReduceOp reduce,
                                     Value array) {
  DimList swept = spec.sortDims(toDims(reduce.getDims()));
  llvm::erase_if(swept, [&](StringAttr dim) {
    return spec.getStaticSize(dim) || !quantity(array).hasDim(dim);
  });
  return swept.size() > 1 ? swept.back() : StringAttr();
}

/// Where to take \p reduce apart: null where it goes through no large array, or
/// in one way.
static StringAttr findSplit(SpecOp spec, ReduceOp reduce,
                            const SweepPlan &plan) {
  StringAttr split;
  walkFormula(reduce->getOperands(), [&](Value part) {
    if (!plan.isKept(part))
      return true;
    if (!split && isLarge(spec, part))
      split = innermostOfSeveral(spec, reduce, part);
    return false;
  });
  return split;
}

bool attn::splitReductions(SpecOp spec, const SweepPlan &plan) {
  SmallVector<ReduceOp> split;
  for (Value value : plan.kept) {
    auto reduce = value.getDefiningOp<ReduceOp>();
    StringAttr inner = reduce ? findSplit(spec, reduce, plan) : StringAttr();
    if (!inner)
      continue;
    SmallVector<Attribute> others(reduce.getDims().getValue());
    llvm::erase(others, inner);
    OpBuilder builder(reduce);
    QuantityBuilder build(builder, spec);
    // Over nothing, the inner one is what the outer one begins with.
    Value part =
        build.reduce(reduce.getLoc(), reduce.getKind(), reduce.getOperand(),
                     builder.getArrayAttr({inner}), reduce.getDomain());
    Value whole = build.reduce(reduce.getLoc(), reduce.getKind(), part,
                               builder.getArrayAttr(others), Value());
    reduce.getResult().replaceAllUsesWith(whole);
    split.push_back(reduce);
  }
  for (ReduceOp reduce : split)
    reduce.erase();
  return !split.empty();
}

//===----------------------------------------------------------------------===//
// Readers along different dimensions
//===----------------------------------------------------------------------===//

namespace {

class ReaderSeparator {
public:
  ReaderSeparator(SpecOp spec, SweepPlan &plan) : spec(spec), plan(plan) {}

  void run();

private:
  using Arrays = llvm::SetVector<Value>;

  Arrays arraysOf(const KernelPlan &kernel);
  /// How a kernel goes through an array.
  struct Way {
    DimList swept, lanes;
  };
  void follow(KernelPlan &maker, const Way &way);
  void ensure(Value array, const Way &way);
  void add(const KernelPlan &kernel);

  SpecOp spec;
  SweepPlan &plan;
  std::vector<KernelPlan> kernels;
  /// What makes an array, in the plan as it was.
  DenseMap<Value, const KernelPlan *> makers;
  /// The dimensions along which the readers of its last copy go through it.
  DenseMap<Value, DimList> sweptDims;
  /// Where the last copy of a kernel is among `kernels`.
  DenseMap<const KernelPlan *, size_t> copies;
};

} // namespace

/// The large arrays that \p kernel reads.
ReaderSeparator::Arrays ReaderSeparator::arraysOf(const KernelPlan &kernel) {
  Arrays arrays;
  auto addAll = [&](ValueRange roots) {
    walkFormula(roots, [&](Value part) {
      auto maker = makers.find(part);
      if (maker == makers.end())
        return !plan.isKept(part);
      if (maker->second != &kernel)
        arrays.insert(part);
      return false;
    });
  };
  for (const SweepMembers &members : kernel.sweeps)
    for (Value member : members) {
      if (plan.isKept(member))
        addAll(member.getDefiningOp()->getOperands());
      else
        addAll(member);
    }
  addAll(kernel.results);
  return arrays;
}

/// Has \p maker go the way of its readers: where the array has a number for
/// each of their pairs, its lanes are theirs. A sum, which may be a matrix
/// product, is then made as they read it.
void ReaderSeparator::follow(KernelPlan &maker, const Way &way) {
  DimList lanes(way.lanes);
  llvm::erase_if(lanes, [&](StringAttr dim) {
    return spec.getStaticSize(dim) || !llvm::is_contained(maker.free, dim);
  });
  if (lanes.empty())
    return;
  maker.lanes = {lanes.back()};
  bool isAlone = maker.results.size() == 1 && maker.sweeps.size() == 1 &&
                 maker.sweeps.front().size() == 1;
  auto sum = maker.results.front().getDefiningOp<ReduceOp>();
  if (!isAlone || !sum || sum.getKind() != ReduceKind::Sum ||
      way.swept.size() != 1)
    return;
  maker.over = way.swept;
  llvm::erase(maker.free, way.swept.front());
  maker.collects = true;
}

/// Sees to it that the last copy of \p array is read along the dimensions that
/// \p way sweeps, and no others.
void ReaderSeparator::ensure(Value array, const Way &way) {
  DimList present = sweptDims.lookup(array);
  if (present == way.swept)
    return;
  const KernelPlan &maker = *makers.lookup(array);
  sweptDims[array] = way.swept;
  bool isStale = false;
  for (Value other : arraysOf(maker)) {
    ensure(other, way);
    isStale |= copies.lookup(makers.lookup(other)) > copies.lookup(&maker);
  }
  if (!present.empty() || isStale) {
    for (Value result : maker.results)
      if (makers.contains(result))
        sweptDims[result] = way.swept;
    copies[&maker] = kernels.size();
    kernels.push_back(maker);
    kernels.back().along = way.swept;
  }
  follow(kernels[copies.lookup(&maker)], way);
}

void ReaderSeparator::add(const KernelPlan &kernel) {
  for (Value array : arraysOf(kernel)) {
    DimList swept(kernel.over);
    llvm::erase_if(
        swept, [&](StringAttr dim) { return !quantity(array).hasDim(dim); });
    if (!swept.empty())
      ensure(array, {swept, kernel.lanes});
  }
  copies[&kernel] = kernels.size();
  kernels.push_back(kernel);
}

void ReaderSeparator::run() {
  for (const KernelPlan &kernel : plan.kernels)
    for (Value result : kernel.results)
      if (isLarge(spec, result))
        makers[result] = &kernel;
  if (makers.empty())
    return;
  for (const KernelPlan &kernel : plan.kernels)
    add(kernel);
  plan.kernels = std::move(kernels);
}

void attn::separateReaders(SpecOp spec, SweepPlan &plan) {
  ReaderSeparator(spec, plan).run();
}
