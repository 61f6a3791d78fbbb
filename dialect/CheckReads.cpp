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
    SmallVector<ReadOp> reads(
        getOperation().getBody().front().getOps<ReadOp>());
    // The requirements are added at the end: they are no facts yet.
    for (ReadOp read : reads)
      for (auto [dim, index] : llvm::zip_equal(
               read.getDims().getAsRange<StringAttr>(), read.getIndices()))
        if (std::optional<LinearForm> form = LinearForm::of(index))
          check(read, dim, *form, known);
        else
          checkNotEmpty(read, dim, known);
  }

  void check(ReadOp read, StringAttr dim, const LinearForm &index,
             IndexFacts &known) {
    LinearForm room = LinearForm::extent(dim, getOperation()).plus(-1) - index;
    require(read, dim, index, known, "below 0");
    require(read, dim, room, known, "at or beyond its end");
  }

  /// An index that depends on data is clamped to the extent, which takes one.
  void checkNotEmpty(ReadOp read, StringAttr dim, IndexFacts &known) {
    LinearForm last = LinearForm::extent(dim, getOperation()).plus(-1);
    if (!known.isNeverNegative(last))
      demand(read, dim, last, "but empty");
  }

  /// Demands that \p form, the distance of an index from an end of its range,
  /// is never negative.
  void require(ReadOp read, StringAttr dim, const LinearForm &form,
               IndexFacts &known, StringRef where) {
    SmallVector<LinearForm> leasts =
        known.lowerBounds(form, known.around(read));
    if (llvm::any_of(leasts, [&](const LinearForm &least) {
          return known.isNeverNegative(least);
        }))
      return;
    demand(read, dim, leasts, where);
  }

  /// Adds the requirement that one of \p leasts is not negative.
  void demand(ReadOp read, StringAttr dim, ArrayRef<LinearForm> leasts,
              StringRef what) {
    OpBuilder builder(&getContext());
    builder.setInsertionPoint(getOperation().getBody().front().getTerminator());
    QuantityBuilder build(builder, getOperation());
    Location loc = read.getLoc();
    Value zero = build.constant(loc, int64_t(0));
    Value holds;
    for (const LinearForm &least : leasts) {
      Value suffices = build.compare(
          loc, Predicate::GE, least.build(builder, loc, getOperation()), zero);
      holds =
          holds ? build.binary(loc, BinaryKind::Or, holds, suffices) : suffices;
    }
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
        ("dimension " + dim.getValue() + " is read " + what + place).str());
  }
};

} // namespace
