//===- ShiftedSums.cpp - Sums relative to a maximum -----------------------===//

#include "dialect/ShiftedSums.h"

using namespace mlir;
using namespace attn;

SmallVector<ShiftedTerm> attn::shiftedTermsOf(Value operand) {
  SmallVector<ShiftedTerm> terms;
  Product product = flattenProduct(operand);
  for (auto [index, factor] : llvm::enumerate(product.factors)) {
    auto exp = factor.getDefiningOp<UnaryOp>();
    if (!exp || exp.getKind() != UnaryKind::Exp)
      continue;
    auto sub = exp.getOperand().getDefiningOp<BinaryOp>();
    if (!sub || sub.getKind() != BinaryKind::Sub)
      continue;
    auto guard = sub.getRhs().getDefiningOp<UnaryOp>();
    if (!guard || guard.getKind() != UnaryKind::NegInfToZero)
      continue;
    Product rest = product;
    rest.factors.erase(rest.factors.begin() + index);
    terms.push_back({guard.getOperand(), sub.getLhs(), std::move(rest)});
  }
  return terms;
}
