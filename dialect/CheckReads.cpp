//===- CheckReads.cpp - What sizes the reads of a spec need ---------------===//
//
// Runs first, on the formula form as the user wrote it: later passes move and
// clone reads, and the plan of a call only evaluates what stands here.
//
// An index that is a sum of indices, sizes and scalars has bounds that are such
// sums themselves: each index is replaced by an end of its range. A comparison
// in the domain of every reduction that sees the read may bound the same sum
// more tightly (doc[n: m - 3] under 3 <= m, table[r: m - n] under n <= m).
//
//===----------------------------------------------------------------------===//

#include "dialect/LinearForm.h"
#include "dialect/Passes.h"
#include "dialect/QuantityBuilder.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_CHECKREADS
#include "dialect/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

using Facts = SmallVector<LinearForm>; // each is known to be >= 0

/// The comparisons that \p domain, a conjunction, consists of.
void collectFacts(Value domain, Facts &facts) {
  if (auto both = domain.getDefiningOp<BinaryOp>();
      both && both.getKind() == BinaryKind::And) {
    collectFacts(both.getLhs(), facts);
    collectFacts(both.getRhs(), facts);
    return;
  }
  auto compare = domain.getDefiningOp<CompareOp>();
  if (!compare)
    return;
  std::optional<LinearForm> a = LinearForm::of(compare.getLhs());
  std::optional<LinearForm> b = LinearForm::of(compare.getRhs());
  if (!a || !b)
    return;
  switch (compare.getPredicate()) {
  case Predicate::LT:
    facts.push_back((*b - *a).plus(-1));
    break;
  case Predicate::LE:
    facts.push_back(*b - *a);
    break;
  case Predicate::GT:
    facts.push_back((*a - *b).plus(-1));
    break;
  case Predicate::GE:
    facts.push_back(*a - *b);
    break;
  case Predicate::EQ:
    facts.push_back(*a - *b);
    facts.push_back(*b - *a);
    break;
  case Predicate::NE:
    break;
  }
}

DimList reducedDims(Operation *op) {
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return toDims(reduce.getDims());
  if (auto normalize = dyn_cast<NormalizeOp>(op))
    return toDims(normalize.getDims());
  return {};
}

/// The facts that hold wherever \p value is looked at: those of the domains of
/// all reductions above it. None where it reaches an output unreduced.
Facts factsAround(Value value) {
  std::optional<Facts> common;
  for (Operation *user : value.getUsers()) {
    Facts facts;
    if (auto reduce = dyn_cast<ReduceOp>(user);
        reduce && reduce.getDomain() && reduce.getOperand() == value)
      collectFacts(reduce.getDomain(), facts);
    if (auto normalize = dyn_cast<NormalizeOp>(user);
        normalize && normalize.getDomain() && normalize.getOperand() == value)
      collectFacts(normalize.getDomain(), facts);
    if (auto select = dyn_cast<SelectOp>(user);
        select && select.getThen() == value)
      collectFacts(select.getCondition(), facts);
    // What holds above holds here, except about the indices that the user
    // reduces: below it they run over all of its own domain.
    if (user->getNumResults() == 1)
      for (const LinearForm &fact : factsAround(user->getResult(0)))
        if (llvm::none_of(reducedDims(user), [&](StringAttr dim) {
              return fact.hasIndex(dim.getValue());
            }))
          facts.push_back(fact);
    if (!common) {
      common = facts;
      continue;
    }
    llvm::erase_if(*common, [&](const LinearForm &fact) {
      return !llvm::is_contained(facts, fact);
    });
  }
  return common.value_or(Facts());
}

struct CheckReadsPass : attn::impl::CheckReadsBase<CheckReadsPass> {
  void runOnOperation() override {
    SmallVector<ReadOp> reads(
        getOperation().getBody().front().getOps<ReadOp>());
    for (ReadOp read : reads) {
      Facts facts = factsAround(read);
      for (auto [dim, index] : llvm::zip_equal(
               read.getDims().getAsRange<StringAttr>(), read.getIndices()))
        if (std::optional<LinearForm> form = LinearForm::of(index))
          check(read, dim, *form, facts);
    }
  }

  void check(ReadOp read, StringAttr dim, const LinearForm &index,
             const Facts &facts) {
    LinearForm room = LinearForm::extent(dim, getOperation()).plus(-1) - index;
    require(read, dim, index, facts, "below 0");
    require(read, dim, room, facts, "at or beyond its end");
  }

  /// Demands that \p form, the distance of an index from an end of its range,
  /// is never negative.
  void require(ReadOp read, StringAttr dim, const LinearForm &form,
               const Facts &facts, StringRef where) {
    if (llvm::any_of(facts, [&](const LinearForm &fact) {
          std::optional<int64_t> rest = (form - fact).asConstant();
          return rest && *rest >= 0;
        }))
      return;
    LinearForm least = form.minimum(getOperation());
    if (std::optional<int64_t> constant = least.asConstant();
        constant && *constant >= 0)
      return;
    OpBuilder builder(&getContext());
    builder.setInsertionPoint(getOperation().getBody().front().getTerminator());
    QuantityBuilder build(builder, getOperation());
    Location loc = read.getLoc();
    Value zero = build.constant(loc, int64_t(0));
    Value holds = build.compare(
        loc, Predicate::GE, least.build(builder, loc, getOperation()), zero);
    // Nothing is read when a dimension that the read runs over is empty.
    for (StringAttr other : quantity(read.getResult()).getDims()) {
      Value empty =
          build.compare(loc, Predicate::EQ, build.extent(loc, other), zero);
      holds = build.binary(loc, BinaryKind::Or, holds, empty);
    }
    std::string place;
    if (auto file = dyn_cast<FileLineColLoc>(loc))
      place = (" (line " + Twine(file.getLine()) + ")").str();
    RequireOp::create(
        builder, loc, holds,
        ("dimension " + dim.getValue() + " is read " + where + place).str());
  }
};

} // namespace
