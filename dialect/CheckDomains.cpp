//===- CheckDomains.cpp - What a mask says that nobody meant --------------===//
//
// Warns of masks that are always or never true, of comparisons that can never
// matter, and of rows that have no pair although there are as many keys as
// queries. Only what is certain is said.
//
//===----------------------------------------------------------------------===//

#include "dialect/FormulaWalk.h"
#include "dialect/MaskSets.h"
#include "dialect/Passes.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_CHECKDOMAINS
#include "dialect/Passes.h.inc"
} // namespace attn

using namespace attn;
using mlir::presburger::PresburgerSet;

namespace {

/// Beyond this many comparisons the sets cost more than they tell.
constexpr size_t mostComparisons = 12;
/// The same, each counted as often as the mask, written out, has it.
constexpr unsigned mostOccurrences = 64;
/// A difference of sets takes time exponential in the polyhedra and quotients
/// of what is taken away: two of 9 quotients each ran for hours.
constexpr unsigned mostPolyhedra = 8, mostQuotients = 8;

bool isTractable(const PresburgerSet &set) {
  unsigned quotients = 0;
  for (const auto &polyhedron : set.getAllDisjuncts())
    quotients += polyhedron.getNumLocalVars();
  return set.getNumDisjuncts() <= mostPolyhedra && quotients <= mostQuotients;
}

/// To project a polyhedron is to search its integers, and takes time
/// exponential in its quotients too: one of five, one of them within another,
/// ran for hours.
constexpr unsigned mostProjected = 4;

bool isProjectable(const PresburgerSet &set) {
  return set.getNumDisjuncts() <= mostPolyhedra &&
         llvm::all_of(set.getAllDisjuncts(), [](const auto &polyhedron) {
           return polyhedron.getNumLocalVars() <= mostProjected;
         });
}

struct CheckDomainsPass : attn::impl::CheckDomainsBase<CheckDomainsPass> {
  void runOnOperation() override {
    llvm::SetVector<Value> seen;
    getOperation().walk([&](Operation *op) {
      Value domain;
      ArrayAttr over;
      if (auto reduce = dyn_cast<ReduceOp>(op)) {
        domain = reduce.getDomain();
        over = reduce.getDims();
      } else if (auto normalize = dyn_cast<NormalizeOp>(op)) {
        domain = normalize.getDomain();
        over = normalize.getDims();
      }
      if (domain && seen.insert(domain))
        check(domain, toDims(over));
    });
  }

  /// The integer comparisons that \p predicate is made of.
  static void collect(Value predicate, llvm::SetVector<Value> &comparisons) {
    walkFormula(predicate, [&](Value part) {
      Operation *op = part.getDefiningOp();
      auto compare = dyn_cast_or_null<CompareOp>(op);
      if (compare && quantity(compare.getLhs()).getElementType().isInteger(64))
        comparisons.insert(part);
      return isa_and_nonnull<BinaryOp, UnaryOp>(op);
    });
  }

  /// How often comparisons occur in \p predicate when it is written out, or a
  /// number above mostOccurrences.
  static unsigned occurrences(Value predicate,
                              llvm::DenseMap<Value, unsigned> &known) {
    Operation *op = predicate.getDefiningOp();
    if (!isa_and_nonnull<BinaryOp, UnaryOp>(op))
      return 1;
    if (auto found = known.find(predicate); found != known.end())
      return found->second;
    unsigned sum = 0;
    for (Value operand : op->getOperands())
      sum += occurrences(operand, known);
    return known[predicate] = std::min(sum, mostOccurrences + 1);
  }

  void check(Value domain, ArrayRef<StringAttr> over) {
    DimList dims;
    for (StringAttr dim : quantity(domain).getDims())
      if (!llvm::is_contained(over, dim))
        dims.push_back(dim);
    size_t rows = dims.size();
    for (StringAttr dim : over)
      if (quantity(domain).hasDim(dim))
        dims.push_back(dim);
    llvm::SetVector<Value> comparisons;
    collect(domain, comparisons);
    if (comparisons.empty() || comparisons.size() > mostComparisons)
      return;
    llvm::DenseMap<Value, unsigned> known;
    if (occurrences(domain, known) > mostOccurrences)
      return;

    MaskSets sets(getOperation(), dims);
    PresburgerSet inside = sets.inside(1);
    PresburgerSet pairs = sets.whereTrue(domain).intersect(inside);
    if (pairs.isIntegerEmpty()) {
      domain.getDefiningOp()->emitWarning(
          "the mask is never true: no pair exists");
      return;
    }
    PresburgerSet others = sets.whereTrue(domain, true).intersect(inside);
    if (others.isIntegerEmpty()) {
      domain.getDefiningOp()->emitWarning(
          "the mask is always true: every pair exists");
      return;
    }
    checkComparisons(sets, domain, comparisons.getArrayRef(), inside, others,
                     pairs);
    checkRows(sets, domain, pairs, dims, rows);
  }

  void checkComparisons(MaskSets &sets, Value domain,
                        ArrayRef<Value> comparisons,
                        const PresburgerSet &inside,
                        const PresburgerSet &others,
                        const PresburgerSet &pairs) {
    if (comparisons.size() < 2)
      return;
    for (Value comparison : comparisons) {
      sets.assumed = {{comparison, true}};
      bool sameIfTrue =
          sets.whereTrue(domain).intersect(others).isIntegerEmpty() &&
          sets.whereTrue(domain, true).intersect(pairs).isIntegerEmpty();
      sets.assumed = {{comparison, false}};
      bool sameIfFalse =
          sets.whereTrue(domain, true).intersect(pairs).isIntegerEmpty() &&
          sets.whereTrue(domain).intersect(others).isIntegerEmpty();
      sets.assumed.clear();
      if (sameIfTrue || sameIfFalse) {
        comparison.getDefiningOp()->emitWarning(
            "this comparison never matters: the mask is the same without it");
        return; // One may be what makes another useless.
      }
    }
  }

  /// With as many keys as queries, and scalars of at least 1.
  void checkRows(MaskSets &sets, Value domain, const PresburgerSet &pairs,
                 ArrayRef<StringAttr> dims, size_t rows) {
    ArrayRef<StringAttr> keys = dims.drop_front(rows);
    ArrayRef<StringAttr> queries = dims.take_front(rows);
    if (keys.empty() || queries.size() < keys.size())
      return;
    queries = queries.take_back(keys.size());
    PresburgerSet context = sets.inside(1).intersect(sets.positiveScalars());
    for (auto [query, key] : llvm::zip_equal(queries, keys))
      context = context.intersect(sets.sameExtent(query, key));
    PresburgerSet attended = pairs.intersect(context);
    if (!isProjectable(attended))
      return;
    PresburgerSet attending = withoutKeys(attended, rows);
    if (!isTractable(attending))
      return;
    PresburgerSet all = withoutKeys(context, rows);
    PresburgerSet lonely = all.subtract(attending);
    SmallVector<llvm::DynamicAPInt> sample;
    if (lonely.isIntegerEmpty() || !lonely.findIntegerSample(sample))
      return;
    domain.getDefiningOp()->emitWarning("a row has no pair at all: ")
        << sets.describe(sample, keys.size());
  }

  /// The projection of \p set to its first \p rows dimensions.
  static PresburgerSet withoutKeys(const PresburgerSet &set, size_t rows) {
    using namespace mlir::presburger;
    PresburgerSet projected = PresburgerSet::getEmpty(
        PresburgerSpace::getSetSpace(rows, set.getNumSymbolVars()));
    for (IntegerRelation disjunct : set.getAllDisjuncts()) {
      disjunct.convertVarKind(VarKind::SetDim, rows,
                              disjunct.getNumVarKind(VarKind::SetDim),
                              VarKind::Local);
      projected =
          projected.unionSet(PresburgerSet(PresburgerRelation(disjunct)));
    }
    return PresburgerSet(projected.computeReprWithOnlyDivLocals());
  }
};

} // namespace
