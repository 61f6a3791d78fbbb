//===- Signs.cpp - What is never below 0 ----------------------------------===//

#include "dialect/Signs.h"

using namespace mlir;
using namespace attn;

static bool isNeverNegative(UnaryOp op) {
  switch (op.getKind()) {
  case UnaryKind::Exp:
  case UnaryKind::Exp2:
  case UnaryKind::Softplus:
  case UnaryKind::Sigmoid:
  case UnaryKind::Sqrt:
  case UnaryKind::Rsqrt:
    return true;
  case UnaryKind::Abs:
    // Of the least integer, it is that.
    return isa<FloatType>(quantity(op.getResult()).getElementType());
  default:
    return false;
  }
}

static bool isNeverNegative(BinaryOp op) {
  bool left = isNeverNegative(op.getLhs());
  switch (op.getKind()) {
  case BinaryKind::Max:
    return left || isNeverNegative(op.getRhs());
  case BinaryKind::Min:
    return left && isNeverNegative(op.getRhs());
  case BinaryKind::Add:
  case BinaryKind::Mul:
    // Integers wrap.
    return left && isNeverNegative(op.getRhs()) &&
           isa<FloatType>(quantity(op.getResult()).getElementType());
  case BinaryKind::Pow:
    return left;
  default:
    return false;
  }
}

bool attn::isNeverNegative(Value value) {
  Operation *op = value.getDefiningOp();
  if (auto constant = dyn_cast_or_null<ConstantOp>(op)) {
    if (auto real = dyn_cast<FloatAttr>(constant.getValue()))
      return !real.getValue().isNegative() && !real.getValue().isNaN();
    auto integer = dyn_cast<IntegerAttr>(constant.getValue());
    return integer && !integer.getType().isInteger(1) &&
           !integer.getValue().isNegative();
  }
  if (auto unary = dyn_cast_or_null<UnaryOp>(op))
    return ::isNeverNegative(unary);
  if (auto binary = dyn_cast_or_null<BinaryOp>(op))
    return ::isNeverNegative(binary);
  if (auto select = dyn_cast_or_null<SelectOp>(op))
    return isNeverNegative(select.getThen()) &&
           isNeverNegative(select.getOtherwise());
  return isa_and_nonnull<IndexOp, ExtentOp>(op);
}
