//===- FormulaWalk.cpp - What a value is made of --------------------------===//

#include "dialect/FormulaWalk.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SmallPtrSet.h"

#include <cmath>

using namespace mlir;
using namespace attn;

void attn::walkFormula(ValueRange roots,
                       llvm::function_ref<bool(Value)> visit) {
  llvm::SmallDenseSet<Value, 16> seen;
  SmallVector<Value> pending(llvm::reverse(roots));
  while (!pending.empty()) {
    Value value = pending.pop_back_val();
    if (!seen.insert(value).second || !visit(value))
      continue;
    if (Operation *op = value.getDefiningOp())
      llvm::append_range(pending, llvm::reverse(op->getOperands()));
  }
}

/// \p replaced and \p more as one set, so that equal sets are one attribute.
static ArrayAttr unite(ArrayAttr replaced, ArrayAttr more) {
  DimList dims = toDims(replaced);
  llvm::append_range(dims, toDims(more));
  llvm::sort(dims, [](StringAttr a, StringAttr b) {
    return a.getValue() < b.getValue();
  });
  dims.erase(llvm::unique(dims), dims.end());
  SmallVector<Attribute> names(dims.begin(), dims.end());
  return ArrayAttr::get(replaced.getContext(), names);
}

void attn::walkFormulaThroughReads(
    ValueRange roots,
    llvm::function_ref<bool(Value, ArrayRef<StringAttr>)> visit) {
  using Place = std::pair<Value, ArrayAttr>;
  if (roots.empty())
    return;
  auto here = ArrayAttr::get(roots.front().getContext(), {});
  llvm::DenseSet<Place> seen;
  SmallVector<Place> pending;
  for (Value root : llvm::reverse(roots))
    pending.push_back({root, here});
  while (!pending.empty()) {
    auto [value, replaced] = pending.pop_back_val();
    if (!seen.insert({value, replaced}).second ||
        !visit(value, toDims(replaced)))
      continue;
    Operation *op = value.getDefiningOp();
    if (!op)
      continue;
    auto read = dyn_cast<ReadOp>(op);
    for (OpOperand &operand : llvm::reverse(op->getOpOperands())) {
      bool isSource = read && operand.getOperandNumber() == 0;
      pending.push_back({operand.get(), isSource
                                            ? unite(replaced, read.getDims())
                                            : replaced});
    }
  }
}

bool attn::isMadeOf(Value value, llvm::function_ref<bool(Value)> condition) {
  bool found = false;
  walkFormula(value, [&](Value part) {
    found |= condition(part);
    return !found;
  });
  return found;
}

bool attn::isOfState(Value value) {
  return isMadeOf(value, [](Value part) {
    return bool(part.getDefiningOp<AccumulateOp>());
  });
}

std::optional<double> attn::constantReal(Value value) {
  Operation *op = value.getDefiningOp();
  if (auto constant = dyn_cast_or_null<ConstantOp>(op)) {
    if (auto real = dyn_cast<FloatAttr>(constant.getValue()))
      return real.getValueAsDouble();
    if (auto integer = dyn_cast<IntegerAttr>(constant.getValue());
        integer && !integer.getType().isInteger(1))
      return double(integer.getValue().getSExtValue());
    return std::nullopt;
  }
  if (auto cast = dyn_cast_or_null<CastOp>(op);
      cast && quantity(cast.getResult()).getElementType().isF32())
    return constantReal(cast.getOperand());
  if (auto unary = dyn_cast_or_null<UnaryOp>(op)) {
    std::optional<double> x = constantReal(unary.getOperand());
    if (!x)
      return std::nullopt;
    switch (unary.getKind()) {
    case UnaryKind::Neg:
      return -*x;
    case UnaryKind::Sqrt:
      return std::sqrt(*x);
    case UnaryKind::Rsqrt:
      return 1 / std::sqrt(*x);
    case UnaryKind::Log:
      return std::log(*x);
    case UnaryKind::Exp:
      return std::exp(*x);
    default:
      return std::nullopt;
    }
  }
  return std::nullopt;
}
