//===- CheckReads.cpp - What sizes the reads of a spec need ---------------===//
//
// Runs first, on the formula form as the user wrote it: later passes move and
// clone reads, and the plan of a call only evaluates what stands here.
//
// An index that is a sum of indices, sizes and scalars has bounds that are such
// sums themselves: each index is replaced by an end of its range. A comparison
// in the domain of every reduction that sees the read may bound the same sum
// more tightly (doc[n: m - 3] under 3 <= m, table[r: m - n] under n <= m): what
// is left of the distance from an end, less what the comparison says of it, is
// bounded in the same way. One such bound has to hold.
//
//===----------------------------------------------------------------------===//

#include "dialect/ElementUses.h"
#include "dialect/IndexFacts.h"
#include "dialect/Passes.h"
#include "dialect/QuantityBuilder.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_CHECKREADS
#include "dialect/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

struct CheckReadsPass : attn::impl::CheckReadsBase<CheckReadsPass> {
  void runOnOperation() override {
    IndexFacts known(getOperation());
    ElementUses uses(getOperation(), ElementUses::DataDependent::Counts);
    ElementUses certain(getOperation(), ElementUses::DataDependent::Ignored);
    SmallVector<ReadOp> reads(
        getOperation().getBody().front().getOps<ReadOp>());
    // The requirements are added at the end: they are no facts yet.
    for (ReadOp read : reads)
      for (auto [dim, index] : llvm::zip_equal(
               read.getDims().getAsRange<StringAttr>(), read.getIndices()))
        if (std::optional<LinearForm> form = LinearForm::of(index))
          check(read, dim, *form, known, uses.of(read));
        else
          checkNotEmpty(read, dim, known, certain.of(read));
  }

  void check(ReadOp read, StringAttr dim, const LinearForm &index,
             IndexFacts &known, const ElementUses::Ways &ways) {
    LinearForm room = LinearForm::extent(dim, getOperation()).plus(-1) - index;
    require(read, dim, index, known, ways, "below 0");
    require(read, dim, room, known, ways, "at or beyond its end");
  }

  void checkNotEmpty(ReadOp read, StringAttr dim, IndexFacts &known,
                     ElementUses::Ways ways) {
    // Nobody looks at an element of the dimension along itself.
    llvm::erase_if(ways, [&](const ElementUses::Way &way) {
      return way.test(getOperation().getDimPosition(dim));
    });
    SmallVector<LinearForm> leasts = known.exclusions(known.around(read));
    leasts.insert(leasts.begin(),
                  LinearForm::extent(dim, getOperation()).plus(-1));
    if (llvm::none_of(leasts, [&](const LinearForm &least) {
          return known.isNeverNegative(least);
        }))
      demand(read, dim, leasts, ways, "while it is empty");
  }

  /// Demands that \p form, the distance of an index from an end of its range,
  /// is never negative.
  void require(ReadOp read, StringAttr dim, const LinearForm &form,
               IndexFacts &known, const ElementUses::Ways &ways,
               StringRef where) {
    SmallVector<LinearForm> leasts =
        known.lowerBounds(form, known.around(read));
    if (llvm::any_of(leasts, [&](const LinearForm &least) {
          return known.isNeverNegative(least);
        }))
      return;
    demand(read, dim, leasts, ways, where);
  }

  /// Adds the requirement that one of \p leasts is not negative, or that each
  /// of \p ways has an empty dimension.
  void demand(ReadOp read, StringAttr dim, ArrayRef<LinearForm> leasts,
              const ElementUses::Ways &ways, StringRef what) {
    if (ways.empty())
      return;
    OpBuilder builder(&getContext());
    builder.setInsertionPoint(getOperation().getBody().front().getTerminator());
    QuantityBuilder build(builder, getOperation());
    Location loc = read.getLoc();
    Value zero = build.constant(loc, int64_t(0));
    auto join = [&](Value a, Value b) {
      return a ? build.binary(loc, BinaryKind::Or, a, b) : b;
    };
    Value unused = buildUnused(build, loc, getOperation(), ways);
    Value holds;
    for (const LinearForm &least : leasts)
      holds =
          join(holds,
               build.compare(loc, Predicate::GE,
                             least.build(builder, loc, getOperation()), zero));
    holds = join(holds, unused);
    std::string place;
    if (auto file = dyn_cast<FileLineColLoc>(loc))
      place = (" (line " + Twine(file.getLine()) + ")").str();
    RequireOp::create(
        builder, loc, holds,
        ("dimension " + dim.getValue() + " is not read " + what + place).str());
  }
};

} // namespace
