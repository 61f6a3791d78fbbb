//===- MaskPropertyTest.cpp - Masks that nobody wrote ---------------------===//
//
// Draws masks from the grammar, compiles each once and calls it at several
// sizes. Beside the results, it checks the solution of the mask itself, at
// tiles that no target would choose: every pair that exists is visited, no tile
// is called full that is not, and, for the families that promise it, no tile is
// visited without a pair.
//
// ATTN_MASKS=10000 takes as many masks; mask i of seed S is mask 0 of S + i.
//
//===----------------------------------------------------------------------===//

#include "test/numerics/Examples.h"
#include "test/numerics/RandomMask.h"

#include "dialect/VisitEvaluator.h"

#include "gtest/gtest.h"

#include <cstdlib>
#include <map>

using namespace mlir;
using namespace attn;
using namespace attn::numerics;

namespace {

using Range = VisitEvaluator::Range;
using Tile = VisitEvaluator::Tile;

/// Indices of one dimension, a step apart.
struct Run {
  StringAttr dim;
  int64_t first = 0, step = 1, count = 0;
  int64_t at(int64_t i) const { return first + i * step; }
  /// Some neighbours of these.
  Run part(std::mt19937_64 &random) const {
    int64_t length =
        1 + int64_t(random() %
                    uint64_t(std::min<int64_t>(count, random() % 2 ? 9 : 64)));
    int64_t start = int64_t(random() % uint64_t(count - length + 1));
    return {dim, at(start), step, length};
  }
};

using Runs = SmallVector<Run, 4>;

/// Puts the ends of \p runs into \p tile.
void bindEnds(ArrayRef<Run> runs, Tile &tile) {
  tile.known.clear();
  for (const Run &run : runs)
    tile.bounds[run.dim] = {run.first, run.at(run.count - 1)};
}

/// Calls \p visit with every index of \p runs in \p indices; false from it ends
/// the walk.
bool forEach(ArrayRef<Run> runs, llvm::DenseMap<StringAttr, int64_t> &indices,
             llvm::function_ref<bool()> visit) {
  if (runs.empty())
    return visit();
  for (int64_t i = 0; i < runs.front().count; ++i) {
    indices[runs.front().dim] = runs.front().at(i);
    if (!forEach(runs.drop_front(), indices, visit))
      return false;
  }
  return true;
}

/// The pairs of one call that exist, by brute force.
class Pairs {
public:
  Pairs(SpecOp spec, HostTensor tensor) : values(std::move(tensor)) {
    for (StringAttr dim : spec.getResultLayout(0))
      layout.push_back(dim.str());
  }
  bool exist(const llvm::DenseMap<StringAttr, int64_t> &indices,
             MLIRContext *context) const {
    int64_t at = 0;
    for (auto [dim, extent] : llvm::zip_equal(layout, values.shape))
      at = at * extent + indices.at(StringAttr::get(context, dim));
    return values.data[at] != 0;
  }

private:
  std::vector<std::string> layout;
  HostTensor values;
};

/// Checks the solved domains of one sweep for one call.
class SweepCheck {
public:
  /// \p unsolved is \p sweep with the domains that it had before.
  SweepCheck(SweepOp sweep, VisitEvaluator &evaluator, SweepOp unsolved,
             VisitEvaluator &before, const Pairs &pairs,
             std::mt19937_64 &random)
      : sweep(sweep), kernel(sweep->getParentOfType<KernelOp>()),
        evaluator(evaluator), before(before), pairs(pairs), random(random),
        over(toDims(sweep.getOver())) {
    for (auto op : unsolved.getBody().front().getOps<AccumulateOp>())
      domains.insert(op.getDomain());
  }

  /// Fails the test where a tile is wrong.
  void checkTiles(bool isExact, unsigned number);

private:
  bool placeLanes();
  void checkCover();
  void checkKeyTile(bool isExact);
  bool isVisited() const;
  bool exists();
  std::string describe() const;

  SweepOp sweep;
  KernelOp kernel;
  VisitEvaluator &evaluator, &before;
  const Pairs &pairs;
  std::mt19937_64 &random;
  DimList over;
  llvm::SmallSetVector<Value, 2> domains; // of a part of the mask, maybe
  // The tile at hand.
  Tile tile;
  Runs lanes, keys; // keys: all positions of the boxes' hull
  SmallVector<SmallVector<Range>> boxes; // those that are not empty
};

} // namespace

/// Chooses a tile of lanes and solves the sweep for it; false without lanes.
bool SweepCheck::placeLanes() {
  tile = Tile();
  lanes.clear();
  DimList laneDims;
  if (ArrayAttr names = kernel.getLanesAttr())
    laneDims = toDims(names);
  for (StringAttr dim : toDims(kernel.getFree())) {
    int64_t extent = evaluator.extent(dim);
    if (extent == 0)
      return false;
    if (!llvm::is_contained(laneDims, dim)) {
      tile.indices[dim] = int64_t(random() % uint64_t(extent));
      continue;
    }
    int64_t by = 1;
    for (auto stride : kernel.getBody().front().getOps<StrideOp>())
      if (stride.getDimAttr() == dim)
        by = std::max<int64_t>(evaluator.evaluate(stride.getBy(), tile), 1);
    int64_t residue = int64_t(random() % uint64_t(std::min(by, extent)));
    Run all{dim, residue, by, (extent - residue + by - 1) / by};
    lanes.push_back(all.part(random));
  }
  bindEnds(lanes, tile);
  VisitOp visit = sweep.getVisit();
  unsigned rank = over.size();
  boxes.clear();
  for (size_t start = 0; start < visit.getFrom().size(); start += rank) {
    SmallVector<Range> box;
    bool isEmpty = false;
    for (unsigned i = 0; i < rank; ++i) {
      box.push_back({evaluator.evaluate(visit.getFrom()[start + i], tile),
                     evaluator.evaluate(visit.getTo()[start + i], tile)});
      isEmpty |= box.back().second < box.back().first;
    }
    if (!isEmpty)
      boxes.push_back(box);
  }
  keys.clear();
  for (unsigned i = 0; i < rank; ++i) {
    Run run{over[i], 0, evaluator.evaluate(visit.getStep()[i], tile), 0};
    int64_t last = -1;
    for (const auto &box : boxes) {
      EXPECT_GE(box[i].first, 0) << describe();
      EXPECT_LT(box[i].second, evaluator.extent(over[i])) << describe();
      EXPECT_EQ((box[i].first - boxes.front()[i].first) % run.step, 0)
          << describe();
      run.first = &box == &boxes.front() ? box[i].first
                                         : std::min(run.first, box[i].first);
      last = std::max(last, box[i].second);
    }
    run.count = boxes.empty() ? 0 : (last - run.first) / run.step + 1;
    keys.push_back(run);
  }
  return true;
}

/// Says whether the key of `tile` is in a box, and at a step.
bool SweepCheck::isVisited() const {
  for (const Run &run : keys)
    if ((tile.indices.lookup(run.dim) - run.first) % run.step != 0)
      return false;
  return llvm::any_of(boxes, [&](const auto &box) {
    return llvm::all_of(llvm::zip_equal(over, box), [&](auto pair) {
      auto [dim, range] = pair;
      int64_t at = tile.indices.lookup(dim);
      return range.first <= at && at <= range.second;
    });
  });
}

std::string SweepCheck::describe() const {
  std::string text = "tile";
  for (const auto &[dim, ends] : tile.bounds)
    text += " " + dim.str() + "=" + std::to_string(ends.first) + ".." +
            std::to_string(ends.second);
  for (const auto &[dim, at] : tile.indices)
    text += " " + dim.str() + "=" + std::to_string(at);
  return text;
}

/// Says whether the pair of `tile` is one of the mask, and of this sweep.
bool SweepCheck::exists() {
  if (!pairs.exist(tile.indices, sweep.getContext()))
    return false;
  Tile pair;
  pair.indices = tile.indices;
  return llvm::any_of(domains, [&](Value domain) {
    return !domain || before.evaluate(domain, pair);
  });
}

/// Every pair of the tile of lanes is visited.
void SweepCheck::checkCover() {
  Runs all = lanes;
  for (StringAttr dim : over)
    all.push_back({dim, 0, 1, evaluator.extent(dim)});
  forEach(all, tile.indices, [&] {
    bool isMissed = !isVisited() && exists();
    EXPECT_FALSE(isMissed) << "a pair is not visited: " << describe();
    return !isMissed;
  });
}

/// What is said of a tile of keys agrees with its pairs.
void SweepCheck::checkKeyTile(bool isExact) {
  Runs all = lanes, part;
  for (const Run &run : keys)
    part.push_back(run.part(random));
  llvm::append_range(all, part);
  bindEnds(all, tile);
  VisitOp visit = sweep.getVisit();
  bool may = evaluator.evaluate(visit.getMay(), tile);
  bool must = evaluator.evaluate(visit.getMust(), tile);
  bool any = false, every = true;
  forEach(all, tile.indices, [&] {
    bool here = exists();
    any |= here;
    every &= here;
    return every || !any;
  });
  EXPECT_TRUE(may || !any) << "called empty, and is not: " << describe();
  EXPECT_TRUE(every || !must) << "called full, and is not: " << describe();
  if (!isExact || !may || any)
    return;
  bool isInside = llvm::any_of(boxes, [&](const auto &box) {
    return llvm::all_of(llvm::zip_equal(part, box), [](auto pair) {
      auto [run, range] = pair;
      return run.first <= range.second && run.at(run.count - 1) >= range.first;
    });
  });
  EXPECT_FALSE(isInside) << "visited without a pair: " << describe();
}

void SweepCheck::checkTiles(bool isExact, unsigned number) {
  for (unsigned i = 0; i < number; ++i) {
    if (!placeLanes())
      return;
    checkCover();
    for (unsigned j = 0; j < 6 && !boxes.empty(); ++j)
      checkKeyTile(isExact);
    if (testing::Test::HasFailure())
      return;
  }
}

namespace {

class MaskProperty : public testing::Test {
protected:
  MaskProperty() : context(makeContext()) {}

  /// Checks one mask: its results, and its solution.
  void check(const RandomMask &mask, StringRef dtype);
  void checkSolution(const RandomMask &mask, const ReferenceInputs &inputs,
                     const HostTensor &pairs);
  void checkResults(const CompiledSpec &code, const ReferenceInputs &inputs);

  template <typename Draw> void checkMany(unsigned usual, Draw draw);

  std::unique_ptr<MLIRContext> context;
  std::mt19937_64 random;
  OwningOpRef<ModuleOp> formula, unsolved, scheduled, brute;
  std::map<std::string, unsigned> families;
};

} // namespace

void MaskProperty::checkSolution(const RandomMask &mask,
                                 const ReferenceInputs &inputs,
                                 const HostTensor &tensor) {
  SpecOp spec = specOf(*scheduled);
  VisitEvaluator evaluator(spec, inputs), before(specOf(*unsolved), inputs);
  Pairs pairs(specOf(*brute), tensor);
  // Kernels that summarise labels have dimensions of their own.
  auto sweepsOfPairs = [&](SpecOp spec) {
    SmallVector<SweepOp> sweeps;
    spec.walk([&](SweepOp sweep) {
      if (llvm::all_of(toDims(sweep.getOver()), [&](StringAttr dim) {
            return (mask.rows + ", " + mask.keys).find(dim.str()) !=
                       std::string::npos &&
                   dim.size() == 1;
          }))
        sweeps.push_back(sweep);
    });
    return sweeps;
  };
  for (auto [sweep, old] :
       llvm::zip_equal(sweepsOfPairs(spec), sweepsOfPairs(specOf(*unsolved))))
    if (sweep.getVisit())
      SweepCheck(sweep, evaluator, old, before, pairs, random)
          .checkTiles(!mask.exactFamily.empty(), 4);
}

void MaskProperty::checkResults(const CompiledSpec &code,
                                const ReferenceInputs &inputs) {
  SpecOp spec = specOf(*formula);
  auto got = code.run(inputs, Memory::Strided, random);
  ASSERT_TRUE(bool(got)) << llvm::toString(got.takeError());
  auto reference = llvm::cantFail(ReferenceEvaluator::create(spec, inputs));
  double bound =
      errorBound(coarsestElement(spec), reference.longestReduction());
  for (auto [index, tensor] : llvm::enumerate(*got)) {
    const HostTensor &want = reference.result(index);
    Comparison compared = compareResult(spec, index, tensor, want);
    // A mean of numbers of size 1 keeps their rounding where they cancel, and
    // with a few rows all of the output may be such means.
    constexpr double usual = 0.1;
    double largest = 0;
    for (double value : want.data)
      largest = std::max(largest, std::fabs(value));
    double cancelled = largest > 0 ? std::max(1.0, usual / largest) : 1.0;
    EXPECT_LE(compared.worst, bound * cancelled)
        << spec.getResultName(index).str() << " is " << compared.got
        << ", expected " << compared.want;
  }
}

void MaskProperty::check(const RandomMask &mask, StringRef dtype) {
  llvm::StringMap<int64_t> fixed = {{"D", 4}, {"E", 3}};
  formula = emit(mask.text, "masked", dtype, fixed, *context);
  brute = emit(mask.text, "pairs", dtype, fixed, *context);
  ASSERT_TRUE(formula && brute);
  unsolved = formula->clone();
  ASSERT_TRUE(succeeded(lowerTo(Stage::Sweeps, *unsolved, CompileOptions())));
  scheduled = formula->clone();
  ASSERT_TRUE(succeeded(lowerTo(Stage::Domains, *scheduled, CompileOptions())));
  OwningOpRef<ModuleOp> module = formula->clone();
  // Most of the time goes into compiling; a part is compiled as users have it.
  CompileOptions options;
  options.optimizes = random() % 4 == 0;
  options.hasSmallTiles = random() % 2;
  auto code = CompiledSpec::compile(*module, "masked", options);
  ASSERT_TRUE(bool(code)) << llvm::toString(code.takeError());
  for (int call = 0; call < 3 && !HasFailure(); ++call) {
    CallSpec drawn = mask.drawCall(random);
    std::string text = "call";
    for (const auto &size : drawn.sizes)
      text += " " + size.getKey().str() + "=" + std::to_string(size.getValue());
    for (const auto &scalar : drawn.scalars)
      text += " " + scalar.getKey().str() + "=" +
              std::to_string(int64_t(scalar.getValue()));
    SCOPED_TRACE(text);
    auto inputs = llvm::cantFail(makeInputs(specOf(*formula), drawn, random));
    auto exists = evaluateReference(specOf(*brute), inputs);
    ASSERT_TRUE(bool(exists)) << llvm::toString(exists.takeError());
    checkSolution(mask, inputs, exists->front());
    checkResults(**code, inputs);
  }
}

/// Stops at the first mask that fails.
template <typename Draw>
void MaskProperty::checkMany(unsigned usual, Draw draw) {
  const char *given = std::getenv("ATTN_MASKS");
  uint64_t number = given ? std::strtoull(given, nullptr, 10) : usual;
  for (uint64_t i = 0; i < number && !HasFailure(); ++i) {
    random.seed(testSeed() + i);
    RandomMask mask = draw(random);
    ++families[mask.exactFamily];
    StringRef dtype = random() % 4 ? "f32" : "bf16";
    if (number == 1) { // looked at by itself
      llvm::outs() << mask.text << "--dtype " << dtype << "\n";
      llvm::outs().flush();
    }
    SCOPED_TRACE(mask.text + "--dtype " + dtype.str() +
                 "; repeat with ATTN_MASKS=1 ATTN_TEST_SEED=" +
                 std::to_string(testSeed() + i));
    check(mask, dtype);
  }
  RecordProperty("masks", std::to_string(number));
  for (const auto &[family, count] : families)
    if (!family.empty())
      llvm::outs() << count << " masks of the family: " << family << "\n";
}

TEST_F(MaskProperty, VisitsCoverThePairsAndResultsMatch) {
  checkMany(200, drawMask);
}

TEST_F(MaskProperty, TilesOfSomeFamiliesAreExact) {
  checkMany(100, drawExactMask);
}
