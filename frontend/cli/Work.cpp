//===- Work.cpp - What a schedule computes --------------------------------===//

#include "frontend/cli/Work.h"
#include "frontend/cli/CountPairs.h"
#include "frontend/cli/DeviceCall.h"
#include "frontend/cli/FormulaText.h"
#include "frontend/cli/VisitedTiles.h"

#include "lowering/Compile.h"
#include "lowering/cpu/KernelShape.h"
#include "lowering/cpu/Slices.h"

#include "llvm/ADT/StringExtras.h"

using namespace attn;
using namespace attn::cli;

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

double SweepWork::flop() const {
  double total = 0;
  for (const Contraction &contraction : contractions)
    total += contraction.flop;
  return total;
}

double KernelWork::flop() const {
  double total = 0;
  for (const SweepWork &sweep : sweeps)
    total += sweep.flop();
  return total;
}

double Work::flop() const {
  double total = 0;
  for (const KernelWork &kernel : kernels)
    total += kernel.flop();
  return total;
}

const KernelWork *Work::main() const {
  auto isMasked = [](const KernelWork &kernel) {
    return !kernel.sweeps.front().domain.empty();
  };
  const KernelWork *best = nullptr;
  for (const KernelWork &kernel : kernels)
    if (!kernel.sweeps.empty() &&
        (!best || std::pair(isMasked(kernel), kernel.flop()) >
                      std::pair(isMasked(*best), best->flop())))
      best = &kernel;
  return best;
}

double attn::cli::volume(llvm::ArrayRef<mlir::StringAttr> dims,
                         const Call &call) {
  double product = 1;
  for (mlir::StringAttr dim : dims)
    product *= double(call.sizes().lookup(dim.getValue()));
  return product;
}

//===----------------------------------------------------------------------===//
// Domains
//===----------------------------------------------------------------------===//

llvm::Expected<Domains> Domains::find(const Spec &spec,
                                      const Options &options) {
  Domains found;
  found.module = spec.clone();
  CompileOptions compile;
  compile.target = options.target;
  if (llvm::failed(lowerTo(Stage::Simplified, *found.module, compile)))
    return userError("cannot compile '", spec.name, "'");
  found.spec().walk([&](ReduceOp reduce) {
    mlir::Value domain = reduce.getDomain();
    if (!domain)
      return;
    std::string formula = formulaText(domain);
    if (!found.lookup(formula))
      found.domains.push_back({formula, domain, toDims(reduce.getDims())});
  });
  return found;
}

const Domain *Domains::lookup(llvm::StringRef formula) const {
  for (const Domain &domain : domains)
    if (domain.formula == formula)
      return &domain;
  return nullptr;
}

//===----------------------------------------------------------------------===//
// The schedule
//===----------------------------------------------------------------------===//

namespace {

class WorkReader {
public:
  /// \p scheduled has the kernels that are read.
  WorkReader(const Domains &domains, const Call &call, SpecOp scheduled)
      : domains(domains), call(call), inputs(call.reference()),
        evaluator(scheduled, inputs) {}

  /// \p stated is the kernel with the domains as they were before they were
  /// solved.
  llvm::Expected<KernelWork> read(const cpu::KernelShape &kernel,
                                  KernelOp stated);

private:
  llvm::Expected<SweepWork> read(const cpu::SweepShape &sweep, SweepOp stated,
                                 const DimList &free);
  llvm::Expected<double> countPairs(const cpu::SweepShape &sweep,
                                    SweepOp stated, SweepWork &work,
                                    const DimList &space);
  static std::string describe(const cpu::SweepShape &sweep);

  const Domains &domains;
  const Call &call;
  ReferenceInputs inputs;
  VisitEvaluator evaluator;
  llvm::StringMap<double> shares; // of the pairs of a domain that exist
};

} // namespace

/// The share of the pairs that exist, of the widest domain of the sweep's
/// accumulators.
llvm::Expected<double> WorkReader::countPairs(const cpu::SweepShape &sweep,
                                              SweepOp stated, SweepWork &work,
                                              const DimList &space) {
  double share = sweep.canSkip ? 0 : 1;
  for (auto accumulator : stated.getBody().front().getOps<AccumulateOp>()) {
    mlir::Value domain = accumulator.getDomain();
    if (!domain)
      continue;
    std::string formula = formulaText(domain);
    if (!shares.contains(formula)) {
      const Domain *found = domains.lookup(formula);
      // A condition on what was computed before is only known to the kernel.
      double existing = 1;
      if (found) {
        auto counted = attn::cli::countPairs(domains.spec(), *found, call);
        if (!counted)
          return counted.takeError();
        double all = volume(quantity(found->value).getDims(), call);
        existing = all > 0 ? *counted / all : 0;
      }
      shares[formula] = existing;
    }
    work.domain = formula;
    share = std::max(share, shares[formula]);
  }
  return share * volume(space, call);
}

/// In words, what the accumulators of a sweep are.
std::string WorkReader::describe(const cpu::SweepShape &sweep) {
  bool hasBase = false, isRelative = false;
  unsigned sums = 0, products = 0, extrema = 0, collected = 0;
  for (const cpu::Accumulator &accumulator : sweep.accumulators) {
    hasBase |= accumulator.isBase;
    isRelative |= bool(accumulator.op.getRelativeTo());
    switch (accumulator.op.getKind()) {
    case AccumulateKind::Sum:
      ++(accumulator.carried.empty() ? sums : products);
      break;
    case AccumulateKind::Max:
    case AccumulateKind::Min:
      extrema += !accumulator.isBase;
      break;
    case AccumulateKind::Collect:
      ++collected;
      break;
    }
  }
  std::vector<std::string> parts;
  auto add = [&](unsigned count, llvm::StringRef one, llvm::StringRef many) {
    if (count)
      parts.push_back(count == 1 ? one.str()
                                 : std::to_string(count) + " " + many.str());
  };
  if (hasBase && isRelative)
    parts.push_back(
        "online softmax: a running maximum, whose sums are rescaled "
        "when it grows");
  add(sums, "a sum", "sums");
  add(products, "a weighted sum of vectors", "weighted sums of vectors");
  add(extrema, "a maximum or minimum", "maxima or minima");
  add(collected, "elements kept in memory", "quantities kept in memory");
  std::string text = llvm::join(parts, "; ");
  if (!sweep.hasDomain)
    return text;
  if (!sweep.canSkip)
    return text + "; all tiles are visited, because some of it has no mask";
  return text + (sweep.isDecidable
                     ? "; tiles that the mask excludes are skipped, full ones "
                       "run without it"
                     : "; the mask is evaluated for every element");
}

llvm::Expected<SweepWork> WorkReader::read(const cpu::SweepShape &sweep,
                                           SweepOp stated,
                                           const DimList &free) {
  SweepWork work;
  work.over = sweep.over;
  work.algorithm = describe(sweep);
  DimList space = free;
  llvm::append_range(space, sweep.over);
  auto pairs = countPairs(sweep, stated, work, space);
  if (!pairs)
    return pairs.takeError();
  work.pairs = *pairs;

  auto without = [](llvm::ArrayRef<mlir::StringAttr> dims,
                    llvm::ArrayRef<mlir::StringAttr> taken) {
    DimList rest;
    for (mlir::StringAttr dim : dims)
      if (!llvm::is_contained(taken, dim))
        rest.push_back(dim);
    return rest;
  };
  auto add = [&](mlir::Value result, mlir::Value term) {
    llvm::ArrayRef<mlir::StringAttr> dims = quantity(term).getDims();
    bool isPairLevel = without(sweep.over, dims).size() < sweep.over.size() &&
                       without(free, dims).size() < free.size();
    // A term for each pair is made for those that exist; it may lack batch
    // dimensions and have others, along which it is summed or carried.
    double terms = isPairLevel
                       ? *pairs * volume(without(dims, space), call) /
                             std::max(1.0, volume(without(space, dims), call))
                       : volume(dims, call);
    work.contractions.push_back({formulaText(result), 2 * terms});
  };
  for (auto reduce : sweep.op.getBody().front().getOps<ReduceOp>())
    if (reduce.getKind() == ReduceKind::Sum)
      add(reduce.getResult(), reduce.getOperand());
  for (const cpu::Accumulator &accumulator : sweep.accumulators)
    if (accumulator.op.getKind() == AccumulateKind::Sum &&
        !accumulator.carried.empty())
      add(accumulator.op.getResult(), accumulator.op.getOperand());
  return work;
}

llvm::Expected<KernelWork> WorkReader::read(const cpu::KernelShape &kernel,
                                            KernelOp stated) {
  KernelWork work;
  work.free = toDims(kernel.kernel.getFree());
  work.lanes = kernel.lanes;
  work.vectorLanes = kernel.width;
  work.tiles = std::to_string(LanePlaces(kernel, evaluator).tileLanes) +
               " lanes by " + std::to_string(kernel.keys);
  for (mlir::Value value :
       kernel.kernel.getBody().front().getTerminator()->getOperands())
    work.results.push_back(dimsText(quantity(value).getDims()));
  for (auto [sweep, statedSweep] : llvm::zip_equal(
           kernel.sweeps, stated.getBody().front().getOps<SweepOp>())) {
    auto read = this->read(sweep, statedSweep, work.free);
    if (!read)
      return read.takeError();
    work.sweeps.push_back(std::move(*read));
  }
  return work;
}

/// Says of the results of kernels that lie in memory strip by strip which way
/// those go.
static void nameStrips(const cpu::CallLayout &layout, Work &work) {
  for (const cpu::SlicedBuffer &buffer : cpu::findSlices(layout).buffers) {
    if (!buffer.strip)
      continue;
    auto result = llvm::cast<mlir::OpResult>(buffer.value);
    auto *kernel = llvm::find(layout.kernels(), result.getOwner());
    work.kernels[kernel - layout.kernels().begin()]
        .results[result.getResultNumber()] +=
        " in strips of " + buffer.strip.str();
  }
}

llvm::Expected<Work> attn::cli::measureWork(const Spec &spec,
                                            const Domains &domains,
                                            const Call &call,
                                            const Options &options) {
  CompileOptions compile;
  compile.target = options.target;
  auto lower = [&](mlir::ModuleOp module, Stage stage) {
    call.fixHeadSizes(*module.getOps<SpecOp>().begin());
    return lowerTo(stage, module, compile);
  };
  mlir::OwningOpRef<mlir::ModuleOp> module = spec.clone();
  mlir::OwningOpRef<mlir::ModuleOp> unsolved = spec.clone();
  if (llvm::failed(lower(*module, Stage::Tiles)) ||
      llvm::failed(lower(*unsolved, Stage::Sweeps)))
    return userError("cannot compile '", spec.name, "'");
  SpecOp scheduled = *(*module).getOps<SpecOp>().begin();
  SpecOp stated = *(*unsolved).getOps<SpecOp>().begin();

  cpu::CallLayout layout(scheduled);
  WorkReader reader(domains, call, scheduled);
  Work work;
  // Solving domains puts kernels ahead, which summarise labels.
  llvm::SmallVector<KernelOp> statedKernels(
      stated.getBody().front().getOps<KernelOp>());
  size_t summaries = layout.kernels().size() - statedKernels.size();
  for (auto [index, kernel] : llvm::enumerate(layout.kernels())) {
    auto read = reader.read(
        cpu::KernelShape(kernel, layout),
        index < summaries ? kernel : statedKernels[index - summaries]);
    if (!read)
      return read.takeError();
    read->isSummary = index < summaries;
    work.kernels.push_back(std::move(*read));
  }
  if (!isGpu(options.target))
    nameStrips(layout, work);
  return work;
}
