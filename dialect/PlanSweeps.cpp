//===- PlanSweeps.cpp - Which reductions share a pass ---------------------===//

#include "dialect/PlanSweeps.h"
#include "dialect/Congruences.h"
#include "dialect/FormulaWalk.h"
#include "dialect/HeadSizes.h"
#include "dialect/LargeArrays.h"
#include "dialect/Products.h"
#include "dialect/ShiftedSums.h"

using namespace mlir;
using namespace attn;

namespace {

class Planner {
public:
  Planner(SpecOp spec, bool oneSweep, bool strips);
  SweepPlan run();

private:
  using Leaves = SmallVector<DimList>;
  struct Place {
    unsigned kernel, sweep;
  };
  /// The kept quantities that something is made of.
  struct Dependencies {
    /// All of them, in the order in which they are met.
    llvm::SetVector<Value> all;
    /// Those that are looked at elsewhere than where the work item stands: a
    /// read replaces one of their dimensions. No kernel may both compute such
    /// a quantity and look at it, since other work items make those elements.
    llvm::DenseSet<Value> elsewhere;
  };

  void decideKept();
  bool isStorable(ReduceOp reduce);
  bool isUsedAlong(Value value, ArrayRef<StringAttr> dims);
  Leaves leavesOf(ValueRange values);
  void addDependencies(ValueRange values, Dependencies &deps);
  Dependencies dependenciesOf(ValueRange values);
  unsigned firstKernelAfter(const Dependencies &deps);
  bool reachesTileReduction(Value value);

  KernelPlan shapeOf(ReduceOp reduce);
  DimList chooseLanes(ArrayRef<StringAttr> free, ArrayRef<StringAttr> over,
                      const Leaves &leaves);
  void precomputeOperands();
  void precomputeFactors(ReduceOp root, const KernelPlan &shape);
  bool isCostly(Value value, llvm::DenseMap<Value, bool> &seen);
  void place(ReduceOp reduce);
  bool isApart(ReduceOp reduce, const KernelPlan &kernel);
  bool needsSweepOf(ReduceOp reduce, const Dependencies &deps, unsigned kernel);
  Value findBase(ReduceOp reduce, unsigned kernel);
  void placeOutput(Value value, ArrayRef<StringAttr> layout);
  void placeElementwise(Value value, ArrayRef<StringAttr> layout);
  void separatePairOutputs();
  void exportResults();
  void require(Value value, unsigned kernel);

  DimList without(ArrayRef<StringAttr> dims, ArrayRef<StringAttr> removed);
  bool isSubset(ArrayRef<StringAttr> dims, ArrayRef<StringAttr> of);
  DimList dynamicDims(ArrayRef<StringAttr> dims);
  DimList staticDims(ArrayRef<StringAttr> dims);

  SpecOp spec;
  bool oneSweep, strips;
  DimList fixed, ofMaxima;
  SweepPlan plan;
  DenseMap<Value, Place> places;
};

Planner::Planner(SpecOp spec, bool oneSweep, bool strips)
    : spec(spec), oneSweep(oneSweep), strips(strips), fixed(fixedSizes(spec)) {
  for (auto reduce : spec.getBody().front().getOps<ReduceOp>())
    for (const ShiftedTerm &term : shiftedTermsOf(reduce.getOperand()))
      if (term.max.getDefiningOp<ReduceOp>())
        llvm::append_range(ofMaxima, quantity(term.max).getDims());
}

//===----------------------------------------------------------------------===//
// Sets of dimensions
//===----------------------------------------------------------------------===//

DimList Planner::without(ArrayRef<StringAttr> dims,
                         ArrayRef<StringAttr> removed) {
  DimList rest;
  for (StringAttr dim : dims)
    if (!llvm::is_contained(removed, dim))
      rest.push_back(dim);
  return rest;
}

bool Planner::isSubset(ArrayRef<StringAttr> dims, ArrayRef<StringAttr> of) {
  return llvm::all_of(
      dims, [&](StringAttr dim) { return llvm::is_contained(of, dim); });
}

DimList Planner::staticDims(ArrayRef<StringAttr> dims) {
  DimList result(dims);
  llvm::erase_if(
      result, [&](StringAttr dim) { return !llvm::is_contained(fixed, dim); });
  return result;
}

DimList Planner::dynamicDims(ArrayRef<StringAttr> dims) {
  return without(dims, staticDims(dims));
}

//===----------------------------------------------------------------------===//
// What is kept
//===----------------------------------------------------------------------===//

/// The dimensions of every tensor or kept quantity that \p values read, less
/// those at which they are read elsewhere.
Planner::Leaves Planner::leavesOf(ValueRange values) {
  Leaves leaves;
  walkFormulaThroughReads(
      values, [&](Value value, ArrayRef<StringAttr> replaced) {
        bool isLeaf = isa<BlockArgument>(value) || plan.isKept(value);
        if (isLeaf)
          leaves.push_back(without(quantity(value).getDims(), replaced));
        return !isLeaf;
      });
  return leaves;
}

/// A quantity may be kept when it is no larger than what the call brings: its
/// sequence dimensions stand together in some tensor that it is made of, or in
/// an output that a reduction over a sequence makes. Query against key never
/// does.
bool Planner::isStorable(ReduceOp reduce) {
  DimList dims = dynamicDims(quantity(reduce.getResult()).getDims());
  if (dims.size() <= 1)
    return true;
  if (llvm::any_of(leavesOf(reduce->getOperands()),
                   [&](const DimList &leaf) { return isSubset(dims, leaf); }))
    return true;
  if (dynamicDims(toDims(reduce.getDims())).empty())
    return false;
  for (Type type : spec.getResultTypes())
    if (isSubset(dims, cast<QuantityType>(type).getDims()))
      return true;
  return false;
}

/// Says whether something that is made of \p value, up to the next quantity
/// that is kept, has one of \p dims or is reduced over it.
bool Planner::isUsedAlong(Value value, ArrayRef<StringAttr> dims) {
  auto hasSome = [&](ArrayRef<StringAttr> of) {
    return without(dims, of).size() != dims.size();
  };
  llvm::SetVector<Value> pending;
  pending.insert(value);
  for (size_t i = 0; i != pending.size(); ++i)
    for (Operation *user : pending[i].getUsers()) {
      if (auto reduce = dyn_cast<ReduceOp>(user);
          reduce && hasSome(toDims(reduce.getDims())))
        return true;
      for (Value result : user->getResults()) {
        if (hasSome(quantity(result).getDims()))
          return true;
        if (!plan.isKept(result))
          pending.insert(result);
      }
    }
  return false;
}

void Planner::decideKept() {
  auto reductions = spec.getBody().front().getOps<ReduceOp>();
  auto keepStorable = [&] {
    for (auto reduce : reductions)
      if (isStorable(reduce))
        plan.kept.insert(reduce.getResult());
  };
  keepStorable();
  // A tile of a dimension cannot hold a reduction over all of it: that is kept,
  // whatever its size, and a lowering sees that it has no more than a strip of
  // it in memory. (Column sums of heads that share their keys have a row for
  // each head, though no tensor has; a mean over heads that each head looks at
  // is of queries by keys.)
  for (auto reduce : reductions) {
    DimList over = dynamicDims(toDims(reduce.getDims()));
    if (plan.isKept(reduce.getResult()) ||
        !isUsedAlong(reduce.getResult(), over))
      continue;
    plan.kept.insert(reduce.getResult());
    keepStorable();
  }
}

/// Adds the nearest kept quantities that \p values are made of.
void Planner::addDependencies(ValueRange values, Dependencies &deps) {
  walkFormulaThroughReads(values,
                          [&](Value value, ArrayRef<StringAttr> replaced) {
                            if (!plan.isKept(value))
                              return true;
                            deps.all.insert(value);
                            if (hasAnyDim(value, replaced))
                              deps.elsewhere.insert(value);
                            return false;
                          });
}

Planner::Dependencies Planner::dependenciesOf(ValueRange values) {
  Dependencies deps;
  addDependencies(values, deps);
  return deps;
}

/// The first kernel in which \p deps can be looked at.
unsigned Planner::firstKernelAfter(const Dependencies &deps) {
  unsigned first = 0;
  for (Value dep : deps.all)
    first = std::max(first, places[dep].kernel +
                                (deps.elsewhere.contains(dep) ? 1 : 0));
  return first;
}

bool Planner::reachesTileReduction(Value value) {
  bool found = false;
  walkFormula(value, [&](Value part) {
    bool inside = !found && !plan.isKept(part);
    found |= inside && part.getDefiningOp<ReduceOp>();
    return inside;
  });
  return found;
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

/// Lanes are the free dimensions that the swept operands lack, so that those
/// are read one number at a time and broadcast.
DimList Planner::chooseLanes(ArrayRef<StringAttr> free,
                             ArrayRef<StringAttr> over, const Leaves &leaves) {
  DimList sweptDims, matrixDims;
  for (const DimList &leaf : leaves) {
    if (without(over, leaf).size() == over.size())
      continue;
    llvm::append_range(sweptDims, leaf);
    if (!without(staticDims(leaf), over).empty())
      llvm::append_range(matrixDims, leaf);
  }
  DimList lanes = without(free, sweptDims);
  if (lanes.empty())
    lanes = without(free, matrixDims);
  return lanes;
}

KernelPlan Planner::shapeOf(ReduceOp reduce) {
  ArrayRef<StringAttr> dims = quantity(reduce.getResult()).getDims();
  KernelPlan shape;
  shape.over = spec.sortDims(toDims(reduce.getDims()));
  // Head sizes are carried as state, unless nothing else could fill the lanes.
  // What is relative to a maximum is rescaled together: its dimensions are
  // free.
  shape.free = without(dims, without(staticDims(dims), ofMaxima));
  shape.lanes =
      chooseLanes(shape.free, shape.over, leavesOf(reduce->getOperands()));
  if (!shape.lanes.empty() || dims.empty())
    return shape;
  shape.free = DimList(dims);
  shape.lanes = {dims.back()};
  return shape;
}

bool Planner::isCostly(Value value, llvm::DenseMap<Value, bool> &seen) {
  if (isa<BlockArgument>(value) || plan.isKept(value))
    return false;
  auto [it, inserted] = seen.try_emplace(value, false);
  if (!inserted)
    return it->second;
  Operation *op = value.getDefiningOp();
  bool costly = isa<ReadOp, UniformOp, ReduceOp>(op);
  if (auto unary = dyn_cast<UnaryOp>(op))
    costly = unary.getKind() != UnaryKind::Neg &&
             unary.getKind() != UnaryKind::Abs &&
             unary.getKind() != UnaryKind::Not;
  if (auto binary = dyn_cast<BinaryOp>(op))
    costly = binary.getKind() == BinaryKind::Pow;
  costly |= llvm::any_of(op->getOperands(), [&](Value operand) {
    return isCostly(operand, seen);
  });
  return seen[value] = costly;
}

/// Operands of a contraction that a sweep would recompute for each tile of the
/// free dimensions, and that are costly (rotary embeddings, feature maps), are
/// computed once, in memory of the size of the operand.
void Planner::precomputeFactors(ReduceOp root, const KernelPlan &shape) {
  walkFormula(root.getResult(), [&](Value value) {
    // The reduction itself is kept: look below it.
    if (value != root.getResult() && plan.isKept(value))
      return false;
    auto reduce = value.getDefiningOp<ReduceOp>();
    if (!reduce || reduce.getKind() != ReduceKind::Sum)
      return true;
    for (Value factor : flattenProduct(reduce.getOperand()).factors) {
      DenseMap<Value, bool> seen;
      ArrayRef<StringAttr> dims = quantity(factor).getDims();
      if (!hasAnyDim(factor, shape.over) || hasAnyDim(factor, shape.lanes) ||
          staticDims(dims).empty() || !isCostly(factor, seen) ||
          !dependenciesOf(factor).all.empty() || reachesTileReduction(factor))
        continue;
      // Rows of a head size, as those of a tensor.
      DimList rows = dynamicDims(dims);
      rows.append(staticDims(dims));
      placeElementwise(factor, rows);
      plan.kept.insert(factor);
    }
    return true;
  });
}

void Planner::precomputeOperands() {
  SmallVector<Value> reductions(plan.kept.getArrayRef());
  for (Value value : reductions) {
    auto reduce = value.getDefiningOp<ReduceOp>();
    precomputeFactors(reduce, shapeOf(reduce));
  }
}

/// The maximum M such that \p reduce sums exp(x - M) times factors that are
/// known before the sweep of M, over the same indices as M.
Value Planner::findBase(ReduceOp reduce, unsigned kernel) {
  if (reduce.getKind() != ReduceKind::Sum)
    return {};
  for (const ShiftedTerm &term : shiftedTermsOf(reduce.getOperand())) {
    auto max = term.max.getDefiningOp<ReduceOp>();
    if (!max || max.getKind() != ReduceKind::Max ||
        !plan.isKept(max.getResult()) || !places.contains(max.getResult()) ||
        places[max.getResult()].kernel != kernel ||
        max.getDomain() != reduce.getDomain() ||
        max.getDims() != reduce.getDims())
      continue;
    SmallVector<Value> others{term.number};
    others.append(term.rest.factors);
    for (Product::Divisor divisor : term.rest.divisors)
      others.push_back(divisor.value);
    if (reduce.getDomain())
      others.push_back(reduce.getDomain());
    unsigned sweep = places[max.getResult()].sweep;
    bool known = llvm::all_of(dependenciesOf(others).all, [&](Value other) {
      Place place = places[other];
      return place.kernel != kernel || place.sweep < sweep;
    });
    if (known)
      return max.getResult();
  }
  return {};
}

/// Says whether \p reduce is over pairs that something in \p kernel leaves out.
bool Planner::isApart(ReduceOp reduce, const KernelPlan &kernel) {
  if (!reduce.getDomain())
    return false;
  for (const SweepMembers &members : kernel.sweeps)
    for (Value member : members) {
      auto other = member.getDefiningOp<ReduceOp>();
      if (other && other.getDomain() &&
          areDisjoint(reduce.getDomain(), other.getDomain()))
        return true;
    }
  return false;
}

/// Says whether \p reduce could only be in a later sweep of \p kernel than
/// something that it needs.
bool Planner::needsSweepOf(ReduceOp reduce, const Dependencies &deps,
                           unsigned kernel) {
  return !findBase(reduce, kernel) && llvm::any_of(deps.all, [&](Value dep) {
    return places[dep].kernel == kernel;
  });
}

void Planner::place(ReduceOp reduce) {
  Dependencies deps = dependenciesOf(reduce->getOperands());
  unsigned first = firstKernelAfter(deps);
  KernelPlan shape = shapeOf(reduce);
  unsigned kernel = plan.kernels.size();
  for (unsigned i = first; i != plan.kernels.size(); ++i) {
    const KernelPlan &candidate = plan.kernels[i];
    if (candidate.free == shape.free && candidate.over == shape.over &&
        candidate.lanes == shape.lanes && !isApart(reduce, candidate) &&
        !(oneSweep && needsSweepOf(reduce, deps, i))) {
      kernel = i;
      break;
    }
  }
  if (kernel == plan.kernels.size())
    plan.kernels.push_back(shape);
  unsigned sweep = 0;
  if (Value base = findBase(reduce, kernel)) {
    plan.bases[reduce.getResult()] = base;
    sweep = places[base].sweep;
  } else {
    for (Value dep : deps.all)
      if (places[dep].kernel == kernel)
        sweep = std::max(sweep, places[dep].sweep + 1);
  }
  auto &sweeps = plan.kernels[kernel].sweeps;
  if (sweeps.size() <= sweep)
    sweeps.resize(sweep + 1);
  sweeps[sweep].push_back(reduce.getResult());
  places[reduce.getResult()] = {kernel, sweep};
}

//===----------------------------------------------------------------------===//
// Outputs
//===----------------------------------------------------------------------===//

void Planner::require(Value value, unsigned kernel) {
  auto &results = plan.kernels[kernel].results;
  if (!llvm::is_contained(results, value))
    results.push_back(value);
}

/// A kernel of its own, without a sweep: one element at a time.
void Planner::placeElementwise(Value value, ArrayRef<StringAttr> layout) {
  KernelPlan kernel;
  kernel.free = DimList(quantity(value).getDims());
  if (!layout.empty())
    kernel.lanes = {layout.back()};
  kernel.results = {value};
  places[value] = {unsigned(plan.kernels.size()), 0};
  plan.kernels.push_back(std::move(kernel));
}

void Planner::placeOutput(Value value, ArrayRef<StringAttr> layout) {
  if (places.contains(value) && !plan.isKept(value))
    return;
  if (plan.isKept(value)) {
    require(value, places[value].kernel);
    return;
  }
  ArrayRef<StringAttr> dims = quantity(value).getDims();
  if (reachesTileReduction(value) && layout.size() > 1) {
    // The pairs themselves: one dimension along lanes, one swept.
    KernelPlan kernel;
    kernel.over = {layout[layout.size() - 2]};
    kernel.free = without(dims, kernel.over);
    kernel.lanes = {layout.back()};
    kernel.sweeps = {{value}};
    kernel.results = {value};
    places[value] = {unsigned(plan.kernels.size()), 0};
    plan.kernels.push_back(std::move(kernel));
    return;
  }
  Dependencies deps = dependenciesOf(value);
  unsigned last = firstKernelAfter(deps);
  if (!deps.all.empty() && last != plan.kernels.size() &&
      !reachesTileReduction(value)) {
    DimList known = plan.kernels[last].free;
    for (Value dep : deps.all)
      if (places[dep].kernel == last)
        llvm::append_range(known, quantity(dep).getDims());
    if (isSubset(plan.kernels[last].free, dims) && isSubset(dims, known) &&
        !plan.kernels[last].over.empty()) {
      places[value] = {last, 0};
      require(value, last);
      return;
    }
  }
  placeElementwise(value, layout);
}

/// Pairs are written along the innermost dimension of an output. Where another
/// output of the same pairs has another, it is computed once more.
void Planner::separatePairOutputs() {
  DenseMap<std::pair<Value, StringAttr>, Value> written;
  DenseSet<Value> values;
  auto ret = cast<ReturnOp>(spec.getBody().front().getTerminator());
  for (OpOperand &operand : ret->getOpOperands()) {
    Value value = operand.get();
    SmallVector<StringAttr> layout(
        spec.getResultLayout(operand.getOperandNumber()));
    if (layout.size() < 2 || !reachesTileReduction(value))
      continue;
    Value &pairs = written[{value, layout.back()}];
    if (!pairs && values.insert(value).second)
      pairs = value;
    else if (!pairs)
      pairs = OpBuilder(ret)
                  .clone(*value.getDefiningOp())
                  ->getResult(cast<OpResult>(value).getResultNumber());
    operand.set(pairs);
  }
}

/// Whatever a kernel needs of an earlier one is a result of that one.
void Planner::exportResults() {
  for (unsigned i = 0; i != plan.kernels.size(); ++i) {
    Dependencies deps;
    // What is kept is made here: its operands are what is needed.
    auto add = [&](Value value) {
      if (plan.isKept(value))
        addDependencies(value.getDefiningOp()->getOperands(), deps);
      else
        addDependencies(value, deps);
    };
    for (const SweepMembers &members : plan.kernels[i].sweeps)
      llvm::for_each(members, add);
    for (Value result : plan.kernels[i].results)
      if (!plan.isKept(result) || !result.getDefiningOp<ReduceOp>())
        add(result);
    for (Value dep : deps.all)
      if (places[dep].kernel != i)
        require(dep, places[dep].kernel);
  }
}

SweepPlan Planner::run() {
  decideKept();
  while (strips && splitReductions(spec, plan)) {
    plan.kept.clear();
    decideKept();
  }
  precomputeOperands();
  for (auto reduce : spec.getBody().front().getOps<ReduceOp>())
    if (plan.isKept(reduce.getResult()))
      place(reduce);
  separatePairOutputs();
  auto ret = cast<ReturnOp>(spec.getBody().front().getTerminator());
  for (auto [index, value] : llvm::enumerate(ret.getValues()))
    placeOutput(value, spec.getResultLayout(index));
  exportResults();
  if (strips)
    separateReaders(spec, plan);
  return std::move(plan);
}

} // namespace

SweepPlan attn::planSweeps(SpecOp spec, bool oneSweep, bool strips) {
  return Planner(spec, oneSweep, strips).run();
}
