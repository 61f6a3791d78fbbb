//===- SeparateComparisons.cpp - Keys on one side, lanes on the other -----===//
//
// m - n < w asks each pair for a difference, of 64 bits where w may be any
// number. m - w < n asks for none: the left side is one number a lane, known
// before the keys are visited, and compares in 32 bits.
//
//===----------------------------------------------------------------------===//

#include "dialect/Products.h"
#include "dialect/QuantityBuilder.h"
#include "lowering/Passes.h"

#include <limits>

using namespace mlir;

namespace attn {
#define GEN_PASS_DEF_SEPARATECOMPARISONS
#include "lowering/Passes.h.inc"
} // namespace attn

using namespace attn;

namespace {

struct Term {
  Value value;
  bool isNegative;
};

/// Appends the terms of \p value, a tree of sums and differences.
void flattenSum(Value value, bool isNegative, SmallVectorImpl<Term> &terms) {
  Operation *op = value.getDefiningOp();
  if (auto unary = dyn_cast_or_null<UnaryOp>(op);
      unary && unary.getKind() == UnaryKind::Neg)
    return flattenSum(unary.getOperand(), !isNegative, terms);
  auto binary = dyn_cast_or_null<BinaryOp>(op);
  if (binary && (binary.getKind() == BinaryKind::Add ||
                 binary.getKind() == BinaryKind::Sub)) {
    flattenSum(binary.getLhs(), isNegative, terms);
    flattenSum(binary.getRhs(),
               isNegative != (binary.getKind() == BinaryKind::Sub), terms);
    return;
  }
  if (constantInteger(value) != 0)
    terms.push_back({value, isNegative});
}

/// Whether \p value stays within the size of an extent (cpu::maxExtent): sums
/// of a few such numbers fit 32 bits.
bool isSmall(Value value) {
  if (std::optional<int64_t> number = constantInteger(value))
    return std::abs(*number) < (int64_t(1) << 20);
  Operation *op = value.getDefiningOp();
  if (isa_and_nonnull<IndexOp, ExtentOp>(op))
    return true;
  auto binary = dyn_cast_or_null<BinaryOp>(op);
  // The quotient by 0 counts as that by 1.
  return binary && binary.getKind() == BinaryKind::FloorDiv &&
         isSmall(binary.getLhs());
}

struct SeparateComparisonsPass
    : attn::impl::SeparateComparisonsBase<SeparateComparisonsPass> {
  void runOnOperation() override {
    getOperation().walk([&](SweepOp sweep) {
      DimList over = toDims(sweep.getOver());
      SmallVector<CompareOp> compares(
          sweep.getBody().front().getOps<CompareOp>());
      for (CompareOp compare : compares)
        separate(compare, over);
    });
  }

  void separate(CompareOp compare, ArrayRef<StringAttr> over) {
    if (!quantity(compare.getLhs()).getElementType().isInteger(64) ||
        !hasAnyDim(compare, over))
      return;
    SmallVector<Term> terms, keys, others;
    flattenSum(compare.getLhs(), /*isNegative=*/false, terms);
    flattenSum(compare.getRhs(), /*isNegative=*/true, terms);
    for (Term &term : terms)
      (hasAnyDim(term.value, over) ? keys : others).push_back(term);
    // Few enough that neither side can overflow.
    constexpr size_t most = 4;
    auto isOfKeys = [&](const Term &term) {
      return isSmall(term.value) &&
             llvm::all_of(quantity(term.value).getDims(), [&](StringAttr dim) {
               return llvm::is_contained(over, dim);
             });
    };
    bool onLanes = llvm::any_of(others, [](const Term &term) {
      return !quantity(term.value).isScalar();
    });
    if (!onLanes || keys.size() > 2 || others.size() > most ||
        !llvm::all_of(keys, isOfKeys))
      return;

    OpBuilder builder(compare);
    QuantityBuilder quantities(builder, getOperation());
    Location loc = compare.getLoc();
    auto clamped = [&](Value value, int64_t low, int64_t high) {
      value = quantities.binary(loc, BinaryKind::Max, value,
                                quantities.constant(loc, low));
      return quantities.binary(loc, BinaryKind::Min, value,
                               quantities.constant(loc, high));
    };
    auto sumOf = [&](ArrayRef<Term> terms, bool negate, bool clamps) {
      Value sum;
      for (const Term &term : terms) {
        constexpr int64_t limit = std::numeric_limits<int64_t>::max() / most;
        Value value = term.value;
        if (clamps && !isSmall(value))
          value = clamped(value, -limit, limit);
        bool isNegative = term.isNegative != negate;
        if (!sum)
          sum =
              isNegative ? quantities.unary(loc, UnaryKind::Neg, value) : value;
        else
          sum = quantities.binary(
              loc, isNegative ? BinaryKind::Sub : BinaryKind::Add, sum, value);
      }
      return sum;
    };
    // The side on which the keys are positive.
    bool onRight = keys.front().isNegative;
    Value key = sumOf(keys, /*negate=*/onRight, /*clamps=*/false);
    Value lanes = clamped(sumOf(others, /*negate=*/!onRight, /*clamps=*/true),
                          std::numeric_limits<int32_t>::min(),
                          std::numeric_limits<int32_t>::max());
    compare.replaceAllUsesWith(quantities.compare(loc, compare.getPredicate(),
                                                  onRight ? lanes : key,
                                                  onRight ? key : lanes));
    compare.erase();
  }
};

} // namespace
