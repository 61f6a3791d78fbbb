//===- CheckDivisors.cpp - Divisions by zero
//-------------------------------===//
//
// x // 0 is 0 and x % 0 is x, so that nothing traps; but nobody means it. A
// divisor that is a number, a size or a scalar is known before any pair runs.
//
//===----------------------------------------------------------------------===//

#include "dialect/Passes.h"
#include "dialect/QuantityBuilder.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_CHECKDIVISORS
#include "dialect/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

struct CheckDivisorsPass : attn::impl::CheckDivisorsBase<CheckDivisorsPass> {
  void runOnOperation() override {
    llvm::SetVector<Value> checked;
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
      if (checked.insert(divisor))
        require(op, divisor);
    }
  }

  /// Demands that \p divisor is not 0, unless an empty dimension leaves nothing
  /// to compute.
  void require(BinaryOp op, Value divisor) {
    OpBuilder builder(&getContext());
    builder.setInsertionPoint(getOperation().getBody().front().getTerminator());
    QuantityBuilder build(builder, getOperation());
    Location loc = op.getLoc();
    Value zero = build.constant(loc, int64_t(0));
    Value holds = build.compare(loc, Predicate::NE, divisor, zero);
    for (StringAttr dim : quantity(op.getResult()).getDims())
      holds = build.binary(
          loc, BinaryKind::Or, holds,
          build.compare(loc, Predicate::EQ, build.extent(loc, dim), zero));
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
