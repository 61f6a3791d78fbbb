//===- CheckDivisors.cpp - Divisions by zero ------------------------------===//
//
// x // 0 is 0 and x % 0 is x, so that nothing traps; but nobody means it. A
// divisor that is a number, a size or a scalar is known before any pair runs.
// It may be 0 at sizes at which no division by it reaches an output.
//
//===----------------------------------------------------------------------===//

#include "dialect/ElementUses.h"
#include "dialect/Passes.h"
#include "dialect/QuantityBuilder.h"

#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_CHECKDIVISORS
#include "dialect/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

struct CheckDivisorsPass : attn::impl::CheckDivisorsBase<CheckDivisorsPass> {
  void runOnOperation() override {
    ElementUses uses(getOperation(), ElementUses::DataDependent::Counts);
    llvm::MapVector<Value, Uses> divisors;
    SmallVector<BinaryOp> divisions(
        getOperation().getBody().front().getOps<BinaryOp>());
    for (BinaryOp op : divisions) {
      bool divides = op.getKind() == BinaryKind::FloorDiv ||
                     op.getKind() == BinaryKind::Mod;
      Value divisor = op.getRhs();
      QuantityType type = quantity(divisor);
      if (!divides || !type.isScalar() || !type.getElementType().isInteger(64))
        continue;
      if (std::optional<int64_t> number = constantInteger(divisor)) {
        if (*number == 0) {
          op.emitError(op.getKind() == BinaryKind::Mod
                           ? "the remainder of a division by 0"
                           : "a division by 0");
          signalPassFailure();
        }
        continue;
      }
      for (const ElementUses::Way &way : uses.of(op)) {
        Uses &known = divisors[divisor];
        if (!known.first)
          known.first = op;
        if (!llvm::is_contained(known.ways, way))
          known.ways.push_back(way);
      }
    }
    // The requirements are added at the end: they are no uses.
    for (auto &[divisor, known] : divisors)
      require(known.first, divisor, known.ways);
  }

  /// The first division by a number that reaches an output, and the ways of
  /// all.
  struct Uses {
    BinaryOp first;
    ElementUses::Ways ways;
  };

  /// Demands that \p divisor is not 0, unless each of \p ways has an empty
  /// dimension.
  void require(BinaryOp op, Value divisor, ArrayRef<ElementUses::Way> ways) {
    OpBuilder builder(&getContext());
    builder.setInsertionPoint(getOperation().getBody().front().getTerminator());
    QuantityBuilder build(builder, getOperation());
    Location loc = op.getLoc();
    Value zero = build.constant(loc, int64_t(0));
    Value holds = build.compare(loc, Predicate::NE, divisor, zero);
    holds = build.binary(loc, BinaryKind::Or, holds,
                         buildUnused(build, loc, getOperation(), ways));
    std::string message = "a divisor is 0";
    if (auto argument = dyn_cast<BlockArgument>(divisor))
      message = ("the divisor '" +
                 getOperation().getArgName(argument.getArgNumber()) + "' is 0")
                    .str();
    if (auto extent = divisor.getDefiningOp<ExtentOp>())
      message = ("the divisor " + extent.getDim() + " is 0").str();
    if (auto file = dyn_cast<FileLineColLoc>(loc))
      message += (" (line " + Twine(file.getLine()) + ")").str();
    RequireOp::create(builder, loc, holds, message);
  }
};

} // namespace
