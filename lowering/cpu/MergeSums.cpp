//===- MergeSums.cpp - Sums of sums inside a tile -------------------------===//
//
// A mean over heads of scores, or heads that are mixed, is a sum over heads of
// sums over channels. As one sum over both it is a product of a query side and
// a key side, of which a register tile is made.
//
//===----------------------------------------------------------------------===//

#include "dialect/FormulaWalk.h"
#include "dialect/Products.h"
#include "dialect/QuantityBuilder.h"
#include "lowering/Passes.h"

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_MERGESUMS
#include "lowering/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

struct MergeSumsPass : attn::impl::MergeSumsBase<MergeSumsPass> {
  void runOnOperation() override {
    getOperation().walk([&](SweepOp sweep) {
      if (!cast<KernelOp>(sweep->getParentOp()).getLanesAttr())
        return;
      // Those inside come first, so a sum of sums of sums is one in the end.
      SmallVector<ReduceOp> sums(sweep.getBody().front().getOps<ReduceOp>());
      for (ReduceOp sum : sums)
        if (isPlainSum(sum))
          merge(sum, sweep);
    });
  }

private:
  static bool isPlainSum(ReduceOp reduce) {
    return reduce && reduce.getKind() == ReduceKind::Sum &&
           !reduce.getDomain() && quantity(reduce).getElementType().isF32();
  }
  void merge(ReduceOp outer, SweepOp sweep);
};

} // namespace

/// The factor of \p product that is a sum of the sweep and nothing else looks
/// at; taken out of it.
static ReduceOp takeInnerSum(Product &product, SweepOp sweep,
                             llvm::function_ref<bool(ReduceOp)> isPlainSum) {
  for (Value &factor : product.factors) {
    auto inner = factor.getDefiningOp<ReduceOp>();
    if (!isPlainSum(inner) || !factor.hasOneUse() ||
        inner->getParentOp() != sweep)
      continue;
    product.factors.erase(&factor);
    return inner;
  }
  return {};
}

/// Says whether \p value is a tensor of reals, or one widened.
static bool isTensor(Value value) {
  if (auto cast = value.getDefiningOp<CastOp>())
    value = cast.getOperand();
  return isa<BlockArgument>(value) &&
         isa<FloatType>(quantity(value).getElementType());
}

/// Writes \p outer, a sum of factors times a sum, as one sum, where each factor
/// is one of the lanes or of the keys.
void MergeSumsPass::merge(ReduceOp outer, SweepOp sweep) {
  Product product = flattenProduct(outer.getOperand());
  ReduceOp inner = takeInnerSum(product, sweep, isPlainSum);
  if (!inner || !product.divisors.empty())
    return;
  // A dimension of that name elsewhere would be summed over too.
  DimList dims = toDims(inner.getDims());
  if (llvm::any_of(product.factors,
                   [&](Value factor) { return hasAnyDim(factor, dims); }))
    return;
  // A factor that is computed may be infinite on purpose, or large where the
  // sum is small: it is not multiplied to terms.
  if (!llvm::all_of(product.factors, isTensor))
    return;
  Product terms = flattenProduct(inner.getOperand());
  if (!terms.divisors.empty())
    return;
  product.factors.append(terms.factors);

  auto kernel = cast<KernelOp>(sweep->getParentOp());
  DimList lanes = toDims(kernel.getLanesAttr()), over = toDims(sweep.getOver());
  auto isOfBoth = [&](Value factor) {
    return hasAnyDim(factor, lanes) && hasAnyDim(factor, over);
  };
  dims.append(toDims(outer.getDims()));
  // The lanes' side is no larger than what it is made of.
  auto isRowOfLanes = [&](Value factor) {
    return hasAnyDim(factor, lanes) && llvm::all_of(dims, [&](StringAttr dim) {
             return getOperation().getStaticSize(dim) ||
                    quantity(factor).hasDim(dim);
           });
  };
  if (llvm::any_of(product.factors, isOfBoth) ||
      llvm::any_of(product.factors, isOfState) ||
      llvm::none_of(product.factors, isRowOfLanes))
    return;

  OpBuilder builder(outer);
  QuantityBuilder build(builder, getOperation());
  SmallVector<Attribute> names;
  for (StringAttr dim : getOperation().sortDims(dims))
    names.push_back(dim);
  Value merged = build.reduce(outer.getLoc(), ReduceKind::Sum,
                              buildProduct(build, outer.getLoc(), product),
                              builder.getArrayAttr(names), Value());
  outer.getResult().replaceAllUsesWith(merged);
}
