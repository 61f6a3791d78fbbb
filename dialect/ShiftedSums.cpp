//===- ShiftedSums.cpp - Sums relative to a maximum -----------------------===//

#include "dialect/ShiftedSums.h"

using namespace mlir;
using namespace attn;

std::optional<ShiftedExp> attn::asShiftedExp(Value value) {
  auto exp = value.getDefiningOp<UnaryOp>();
  if (!exp || exp.getKind() != UnaryKind::Exp)
    return std::nullopt;
  auto sub = exp.getOperand().getDefiningOp<BinaryOp>();
  if (!sub || sub.getKind() != BinaryKind::Sub)
    return std::nullopt;
  auto guard = sub.getRhs().getDefiningOp<UnaryOp>();
  if (!guard || guard.getKind() != UnaryKind::NegInfToZero)
    return std::nullopt;
  return ShiftedExp{guard.getOperand(), sub.getLhs()};
}

SmallVector<ShiftedTerm> attn::shiftedTermsOf(Value operand) {
  SmallVector<ShiftedTerm> terms;
  Product product = flattenProduct(operand);
  for (auto [index, factor] : llvm::enumerate(product.factors)) {
    std::optional<ShiftedExp> exp = asShiftedExp(factor);
    if (!exp)
      continue;
    Product rest = product;
    rest.factors.erase(rest.factors.begin() + index);
    terms.push_back({*exp, std::move(rest)});
  }
  return terms;
}
