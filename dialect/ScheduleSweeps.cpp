//===- ScheduleSweeps.cpp - Reductions into kernels and sweeps ------------===//
//
// Last of the machine-independent passes. It relies on sums, maxima and minima
// being the only reductions (expand-normalizers) and on row factors being
// outside the sums (factor-sums): a normaliser that is still inside would cost
// a sweep. Everything after it only lowers what it decided.
//
// PlanSweeps.cpp decides; this file builds the IR of the decision.
//
//===----------------------------------------------------------------------===//

#include "dialect/Passes.h"
#include "dialect/PlanSweeps.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_SCHEDULESWEEPS
#include "dialect/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

/// Builds the scheduled form of one spec from its plan.
class ScheduleBuilder {
public:
  ScheduleBuilder(SpecOp spec, const SweepPlan &plan)
      : spec(spec), plan(plan), builder(spec.getContext()) {}

  void build();

private:
  void buildKernel(const KernelPlan &kernel);
  void buildSweep(const KernelPlan &kernel, unsigned index);
  Value buildAccumulator(Value value, const KernelPlan &kernel);
  Value clone(Value value);
  bool belongsToSweep(Operation *op, ArrayRef<Value> operands);
  void eraseFormulas();

  SpecOp spec;
  const SweepPlan &plan;
  OpBuilder builder;
  /// Kept quantities of earlier kernels.
  DenseMap<Value, Value> kept;
  /// Clones at the level of the kernel, and inside the current sweep.
  DenseMap<Value, Value> inKernel, inSweep;
  KernelOp kernelOp;
  SweepOp sweepOp;
};

void ScheduleBuilder::build() {
  auto ret = cast<ReturnOp>(spec.getBody().front().getTerminator());
  for (const KernelPlan &kernel : plan.kernels) {
    builder.setInsertionPoint(ret);
    buildKernel(kernel);
  }
  for (OpOperand &operand : ret->getOpOperands())
    operand.set(kept.lookup(operand.get()));
  eraseFormulas();
}

void ScheduleBuilder::buildKernel(const KernelPlan &kernel) {
  SmallVector<Type> types;
  for (Value result : kernel.results) {
    types.push_back(result.getType());
    // A plan may make an array again.
    kept.erase(result);
  }
  auto names = [&](ArrayRef<StringAttr> dims) {
    SmallVector<Attribute> attrs(dims.begin(), dims.end());
    return builder.getArrayAttr(attrs);
  };
  Location loc = kernel.results.front().getLoc();
  kernelOp = KernelOp::create(builder, loc, types, names(kernel.free),
                              names(kernel.lanes), DictionaryAttr(),
                              kernel.along.empty() ? ArrayAttr()
                                                   : names(kernel.along));
  builder.createBlock(&kernelOp.getBody());
  inKernel.clear();
  for (unsigned i = 0, e = kernel.sweeps.size(); i != e; ++i)
    buildSweep(kernel, i);
  sweepOp = nullptr;
  builder.setInsertionPointToEnd(&kernelOp.getBody().front());
  SmallVector<Value> yielded;
  for (Value result : kernel.results)
    yielded.push_back(clone(result));
  YieldOp::create(builder, loc, yielded);
  for (auto [result, value] :
       llvm::zip_equal(kernel.results, kernelOp.getResults()))
    kept[result] = value;
}

void ScheduleBuilder::buildSweep(const KernelPlan &kernel, unsigned index) {
  const SweepMembers &members = kernel.sweeps[index];
  Location loc = members.front().getLoc();
  SmallVector<Type> types;
  for (Value member : members)
    types.push_back(member.getType());
  SmallVector<Attribute> over(kernel.over.begin(), kernel.over.end());
  builder.setInsertionPointToEnd(&kernelOp.getBody().front());
  sweepOp = SweepOp::create(builder, loc, types, builder.getArrayAttr(over));
  builder.createBlock(&sweepOp.getBody());
  inSweep.clear();
  SmallVector<Value> states;
  for (Value member : members) {
    states.push_back(buildAccumulator(member, kernel));
    inSweep[member] = states.back();
  }
  builder.setInsertionPointToEnd(&sweepOp.getBody().front());
  YieldOp::create(builder, loc, states);
  for (auto [member, result] : llvm::zip_equal(members, sweepOp.getResults()))
    inKernel[member] = result;
}

Value ScheduleBuilder::buildAccumulator(Value value, const KernelPlan &kernel) {
  auto reduce = value.getDefiningOp<ReduceOp>();
  if (kernel.collects || !reduce || !plan.isKept(value)) {
    // The pairs themselves are the result.
    Value operand = clone(value);
    builder.setInsertionPointToEnd(&sweepOp.getBody().front());
    return AccumulateOp::create(builder, value.getLoc(), value.getType(),
                                AccumulateKind::Collect, operand, Value(),
                                Value());
  }
  Value operand = clone(reduce.getOperand());
  Value domain = reduce.getDomain() ? clone(reduce.getDomain()) : Value();
  Value base = plan.baseOf(value);
  auto kind = reduce.getKind() == ReduceKind::Sum   ? AccumulateKind::Sum
              : reduce.getKind() == ReduceKind::Max ? AccumulateKind::Max
                                                    : AccumulateKind::Min;
  builder.setInsertionPointToEnd(&sweepOp.getBody().front());
  return AccumulateOp::create(builder, value.getLoc(), value.getType(), kind,
                              operand, domain,
                              base ? inSweep.lookup(base) : Value());
}

/// A clone stands in the sweep when it varies along the swept dimensions or
/// with a running value; everything else is computed once, before the sweep.
bool ScheduleBuilder::belongsToSweep(Operation *op, ArrayRef<Value> operands) {
  if (!sweepOp)
    return false;
  for (Value result : op->getResults())
    for (Attribute dim : sweepOp.getOver())
      if (quantity(result).hasDim(cast<StringAttr>(dim)))
        return true;
  return llvm::any_of(operands, [&](Value operand) {
    return operand.getParentRegion() == &sweepOp.getBody();
  });
}

Value ScheduleBuilder::clone(Value value) {
  if (isa<BlockArgument>(value))
    return value;
  if (Value found = kept.lookup(value))
    return found;
  if (sweepOp)
    if (Value found = inSweep.lookup(value))
      return found;
  if (Value found = inKernel.lookup(value))
    return found;
  Operation *op = value.getDefiningOp();
  SmallVector<Value> operands;
  for (Value operand : op->getOperands())
    operands.push_back(clone(operand));
  bool inside = belongsToSweep(op, operands);
  if (inside)
    builder.setInsertionPointToEnd(&sweepOp.getBody().front());
  else if (sweepOp)
    builder.setInsertionPoint(sweepOp);
  else
    builder.setInsertionPointToEnd(&kernelOp.getBody().front());
  Operation *copy = builder.clone(*op);
  copy->setOperands(operands);
  (inside ? inSweep : inKernel)[value] = copy->getResult(0);
  return copy->getResult(0);
}

void ScheduleBuilder::eraseFormulas() {
  Block &block = spec.getBody().front();
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (!isa<KernelOp>(op) && isOpTriviallyDead(&op))
      op.erase();
}

struct ScheduleSweepsPass : attn::impl::ScheduleSweepsBase<ScheduleSweepsPass> {
  using ScheduleSweepsBase::ScheduleSweepsBase;
  void runOnOperation() override {
    SweepPlan plan = planSweeps(getOperation(), oneSweep, strips);
    ScheduleBuilder(getOperation(), plan).build();
  }
};

} // namespace
