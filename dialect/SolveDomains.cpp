//===- SolveDomains.cpp - The pairs that each sweep visits ----------------===//
//
// Last of the machine-independent passes: gives each sweep whose accumulators
// all have a domain the region `visits`. What it says is true of any tile of
// lanes and keys; how large tiles are is for a target to choose.
//
//===----------------------------------------------------------------------===//

#include "dialect/Congruences.h"
#include "dialect/KeyBounds.h"
#include "dialect/LabelSummaries.h"
#include "dialect/Passes.h"
#include "dialect/Products.h"
#include "dialect/TileEmptiness.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_SOLVEDOMAINS
#include "dialect/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

/// Solves the sweeps of one kernel.
class KernelSolver {
public:
  KernelSolver(KernelOp kernel, LabelSummaries &summaries)
      : summaries(summaries), kernel(kernel),
        spec(kernel->getParentOfType<SpecOp>()), builder(kernel.getContext()) {
    if (ArrayAttr names = kernel.getLanesAttr())
      lanes = toDims(names);
  }

  void solve() {
    // Pairs are written along the lanes, so those stay neighbours.
    kernel.walk([&](AccumulateOp op) {
      collects |= op.getKind() == AccumulateKind::Collect;
    });
    SmallVector<SweepOp> sweeps(kernel.getBody().front().getOps<SweepOp>());
    for (SweepOp sweep : sweeps)
      solveSweep(sweep);
  }

private:
  void solveSweep(SweepOp sweep);
  void hoistUniform();
  bool findDomains();
  void findCongruences();
  void strideLane(const Congruence &congruence);
  void dropCondition(Value condition);
  void findCarried();
  Value residueOfKey(ScalarMath &math, const Congruence &congruence);
  void buildVisits(bool skips);
  std::optional<IndexRange> boxReduce(ScalarMath &math, TileRanges &ranges,
                                      Value value, bool lanesAlone);

  LabelSummaries &summaries;
  KernelOp kernel;
  SpecOp spec;
  OpBuilder builder;
  DimList lanes;
  bool collects = false;
  llvm::SmallMapVector<StringAttr, Value, 2> strides;
  // The sweep being solved.
  SweepOp sweep;
  DimList over, varying;
  /// Dimensions of domains that no tile has a range of: an accumulator has an
  /// element for each of their indices.
  DimList carried;
  llvm::SetVector<Value> domains;
  llvm::SmallMapVector<StringAttr, Congruence, 2> congruences; // by key
};

/// Collects the domains of the sweep; false where a pair outside of them all
/// counts.
bool KernelSolver::findDomains() {
  domains.clear();
  bool all = true;
  for (auto op : sweep.getBody().front().getOps<AccumulateOp>()) {
    Value domain = op.getDomain();
    if (domain)
      domains.insert(domain);
    all &= domain && op.getKind() != AccumulateKind::Collect;
  }
  return all;
}

/// Moves what does not vary in the sweep ahead of it, where `visits` can use
/// it.
void KernelSolver::hoistUniform() {
  for (Operation &op : llvm::make_early_inc_range(sweep.getBody().front())) {
    bool inside =
        isa<AccumulateOp, YieldOp>(op) ||
        llvm::any_of(op.getOperands(),
                     [&](Value operand) {
                       return operand.getParentRegion() == &sweep.getBody();
                     }) ||
        llvm::any_of(op.getResults(),
                     [&](Value result) { return hasAnyDim(result, over); });
    if (!inside)
      op.moveBefore(sweep);
  }
}

void KernelSolver::solveSweep(SweepOp op) {
  sweep = op;
  over = toDims(sweep.getOver());
  varying = over;
  llvm::append_range(varying, lanes);
  congruences.clear();
  hoistUniform();
  bool all = findDomains();
  if (domains.empty())
    return;
  findCarried();
  if (all) {
    findCongruences();
    findDomains();
  }
  buildVisits(all);
}

void KernelSolver::findCarried() {
  DimList free = toDims(kernel.getFree());
  carried.clear();
  for (Value domain : domains)
    for (StringAttr dim : quantity(domain).getDims())
      if (!llvm::is_contained(free, dim) && !llvm::is_contained(over, dim) &&
          !llvm::is_contained(carried, dim))
        carried.push_back(dim);
  llvm::append_range(varying, carried);
}

//===----------------------------------------------------------------------===//
// Residues
//===----------------------------------------------------------------------===//

void KernelSolver::findCongruences() {
  llvm::SetVector<Value> common;
  common.insert_range(conjunctsOf(domains.front()));
  for (Value domain : ArrayRef(domains.getArrayRef()).drop_front()) {
    SmallVector<Value> others = conjunctsOf(domain);
    common.remove_if(
        [&](Value value) { return !llvm::is_contained(others, value); });
  }
  for (Value condition : common) {
    std::optional<Congruence> found = asCongruence(condition, lanes, over);
    if (!found || congruences.contains(found->key) ||
        hasAnyDim(condition, carried))
      continue;
    if (found->lane) {
      if (collects)
        continue;
      Value &stride = strides[found->lane];
      if (stride && stride != found->by)
        continue;
      if (!stride)
        strideLane(*found);
    }
    congruences[found->key] = *found;
    dropCondition(condition);
  }
}

void KernelSolver::strideLane(const Congruence &congruence) {
  builder.setInsertionPointToStart(&kernel.getBody().front());
  // A stride that the kernel computes stands before its sweeps.
  if (Operation *op = congruence.by.getDefiningOp();
      op && op->getBlock() == &kernel.getBody().front())
    builder.setInsertionPointAfter(op);
  ScalarMath math(builder, spec, congruence.condition.getLoc());
  Value by = math.abs(congruence.by);
  StrideOp::create(builder, math.loc, congruence.lane, by);
  strides[congruence.lane] = congruence.by;
}

/// Takes \p condition out of the domains: every pair that is visited meets it.
/// It stays where a reduction has a dimension from it alone.
void KernelSolver::dropCondition(Value condition) {
  llvm::DenseMap<Value, Value> rests;
  for (auto op : sweep.getBody().front().getOps<AccumulateOp>()) {
    Value domain = op.getDomain();
    if (!domain)
      continue;
    builder.setInsertionPoint(op);
    ScalarMath math(builder, spec, condition.getLoc());
    Value &rest = rests[domain];
    if (!rest) {
      for (Value conjunct : conjunctsOf(domain))
        if (conjunct != condition)
          rest = rest ? math.land(rest, conjunct) : conjunct;
      if (!rest)
        rest = math.truth(true);
    }
    bool keepsDims =
        llvm::all_of(quantity(domain).getDims(), [&](StringAttr dim) {
          return quantity(rest).hasDim(dim) ||
                 quantity(op.getOperand()).hasDim(dim) ||
                 llvm::is_contained(over, dim);
        });
    if (keepsDims)
      op.getDomainMutable().assign(rest);
  }
}

/// What the index of the key is congruent to, for the residue of the lanes.
Value KernelSolver::residueOfKey(ScalarMath &math,
                                 const Congruence &congruence) {
  Value sum = math.number(0);
  if (congruence.lane) {
    Value lane =
        math.build.tileBound(math.loc, BoundKind::Least, congruence.lane);
    sum = congruence.laneSign > 0 ? lane : math.neg(lane);
  }
  for (auto [coefficient, value] : congruence.rest)
    sum = coefficient > 0 ? math.add(sum, value) : math.sub(sum, value);
  return congruence.keySign > 0 ? math.neg(sum) : sum;
}

//===----------------------------------------------------------------------===//
// Visits
//===----------------------------------------------------------------------===//

/// The least and greatest of \p value, a tensor of integers or a read of one,
/// over the tile.
std::optional<IndexRange> KernelSolver::boxReduce(ScalarMath &math,
                                                  TileRanges &ranges,
                                                  Value value,
                                                  bool lanesAlone) {
  if (lanesAlone && hasAnyDim(value, over))
    return std::nullopt;
  Value source = value;
  Value hasElements = math.truth(true);
  llvm::SmallMapVector<StringAttr, IndexRange, 4> box;
  if (auto read = value.getDefiningOp<ReadOp>()) {
    source = read.getSource();
    for (auto [dim, index] : llvm::zip_equal(
             read.getDims().getAsRange<StringAttr>(), read.getIndices())) {
      std::optional<IndexRange> range = ranges.rangeOf(index);
      if (!range)
        return std::nullopt;
      // A read beyond the ends gives what is there.
      auto inside = [&](Value at) {
        Value last = math.sub(math.extent(dim), math.number(1));
        return math.max(math.min(at, last), math.number(0));
      };
      box[dim] = {inside(range->low), inside(range->high)};
      hasElements =
          math.land(hasElements, math.compare(Predicate::NE, math.extent(dim),
                                              math.number(0)));
    }
  }
  // Whether a truth holds is asked of numbers that are 0 where it does not.
  bool isTruth = quantity(value).getElementType().isInteger(1);
  while (auto cast = source.getDefiningOp<CastOp>()) {
    bool isTest = quantity(cast.getResult()).getElementType().isInteger(1);
    if (!keepsInteger(cast) && !(isTruth && isTest))
      return std::nullopt;
    source = cast.getOperand();
  }
  if (!(isa<BlockArgument>(source) || source.getDefiningOp<KernelOp>()) ||
      !isa<IntegerType>(quantity(source).getElementType()))
    return std::nullopt;
  // A run of keys, asked for by every tile of lanes, is read by blocks.
  Value least = source, greatest = source;
  for (StringAttr dim : quantity(source).getDims()) {
    if (!llvm::is_contained(varying, dim) || box.contains(dim))
      continue;
    IndexRange range = ranges.rangeOfIndex(dim);
    if (llvm::is_contained(over, dim) && least == source) {
      LabelSummary summary = summaries.of(source, dim);
      least = summary.least;
      greatest = summary.greatest;
      Value size = math.number(LabelSummaries::blockSize);
      box[summary.blocks] = {math.floorDiv(range.low, size),
                             math.floorDiv(range.high, size)};
      continue;
    }
    box[dim] = range;
  }
  SmallVector<Attribute> dims;
  SmallVector<Value> from, to;
  for (auto &[dim, range] : box) {
    dims.push_back(dim);
    from.push_back(range.low);
    to.push_back(range.high);
  }
  auto reduce = [&](ReduceKind kind, Value of) {
    Value extreme = math.build.boxReduce(math.loc, kind, of,
                                         builder.getArrayAttr(dims), from, to);
    return math.select(hasElements, extreme, math.number(0));
  };
  return IndexRange{reduce(ReduceKind::Min, least),
                    reduce(ReduceKind::Max, greatest)};
}

/// Unless the sweep \p skips, every pair is visited for some accumulator, and
/// only whether a tile is full is of interest.
void KernelSolver::buildVisits(bool skips) {
  Location loc = sweep.getLoc();
  builder.createBlock(&sweep.getVisits());
  ScalarMath math(builder, spec, loc);
  // Keys in any tile: what holds for the lanes alone.
  TileRanges anyKey(math, varying);
  for (StringAttr dim : over)
    anyKey.ranges[dim] = {math.number(0),
                          math.sub(math.extent(dim), math.number(1))};
  anyKey.rangeOfTensor = [&](Value value) {
    return boxReduce(math, anyKey, value, /*lanesAlone=*/true);
  };
  for (StringAttr dim : carried)
    anyKey.ranges[dim] = {math.number(0),
                          math.sub(math.extent(dim), math.number(1))};
  for (auto &[dim, by] : strides)
    anyKey.strides[dim] = by;
  // Boxes are taken apart along one dimension alone.
  unsigned limit = over.size() == 1 ? 4 : 1;
  KeyBounds bounds(math, anyKey, over);
  SmallVector<KeyBounds::Box> boxes;
  if (!skips)
    boxes.push_back(bounds.fullBox());
  for (Value domain : domains)
    if (skips)
      boxes.append(bounds.boxesOf(domain, limit));
  if (boxes.size() > limit)
    boxes = {bounds.hullOf(boxes)};

  SmallVector<Value> steps;
  for (auto [position, dim] : llvm::enumerate(over)) {
    auto *it = congruences.find(dim);
    if (it == congruences.end()) {
      steps.push_back(math.number(1));
      continue;
    }
    const Congruence &congruence = it->second;
    Value step = math.max(math.abs(congruence.by), math.number(1));
    Value residue = residueOfKey(math, congruence);
    steps.push_back(step);
    for (KeyBounds::Box &box : boxes) {
      IndexRange &range = box[position];
      range.low =
          math.add(range.low, math.mod(math.sub(residue, range.low), step));
      if (Value number = congruence.remainder) {
        Value reachable = math.compare(Predicate::EQ,
                                       math.mod(number, congruence.by), number);
        range.high = math.select(reachable, range.high, math.number(-1));
      }
    }
  }
  SmallVector<Value> from, to;
  for (const KeyBounds::Box &box : boxes)
    for (const IndexRange &range : box) {
      from.push_back(range.low);
      to.push_back(range.high);
    }

  TileRanges tile(math, varying);
  tile.rangeOfTensor = [&](Value value) {
    return boxReduce(math, tile, value, /*lanesAlone=*/false);
  };
  for (StringAttr dim : carried)
    tile.ranges[dim] = anyKey.ranges[dim];
  tile.strides = anyKey.strides;
  for (auto &[key, congruence] : congruences) {
    tile.given.insert(congruence.condition);
    tile.strides[key] = congruence.by;
  }
  // Some element of them all, as some lane.
  DimList lanesAndCarried = lanes;
  llvm::append_range(lanesAndCarried, carried);
  TileEmptiness emptiness(math, tile, lanesAndCarried, over);
  Value may = math.truth(!skips), must = math.truth(true);
  for (Value domain : domains) {
    may = math.lor(may, emptiness.mayHold(domain));
    must = math.land(must, tile.truthOf(domain).must);
  }
  VisitOp::create(builder, loc, from, to, steps, may, must);
}

struct SolveDomainsPass : attn::impl::SolveDomainsBase<SolveDomainsPass> {
  void runOnOperation() override {
    SmallVector<KernelOp> kernels(
        getOperation().getBody().front().getOps<KernelOp>());
    LabelSummaries summaries(getOperation());
    for (KernelOp kernel : kernels)
      KernelSolver(kernel, summaries).solve();
  }
};

} // namespace
