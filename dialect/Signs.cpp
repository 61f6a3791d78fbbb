//===- Signs.cpp - What is never below 0, or beyond 1 ---------------------===//

#include "dialect/Signs.h"

#include <cmath>

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

/// Of numbers that are added up; integers wrap.
static bool isNeverNegativeSum(Value operand) {
  return isa<FloatType>(quantity(operand).getElementType()) &&
         isNeverNegative(operand);
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
  if (auto reduce = dyn_cast_or_null<ReduceOp>(op))
    return reduce.getKind() == ReduceKind::Sum &&
           isNeverNegativeSum(reduce.getOperand());
  if (auto accumulate = dyn_cast_or_null<AccumulateOp>(op))
    return accumulate.getKind() == AccumulateKind::Sum &&
           isNeverNegativeSum(accumulate.getOperand());
  // What a sweep or a kernel hands out is what it yields.
  if (isa_and_nonnull<SweepOp, KernelOp>(op)) {
    Operation *yield = op->getRegion(0).front().getTerminator();
    return isNeverNegative(
        yield->getOperand(cast<OpResult>(value).getResultNumber()));
  }
  return isa_and_nonnull<IndexOp, ExtentOp>(op);
}

//===----------------------------------------------------------------------===//
// Bounds
//===----------------------------------------------------------------------===//

/// exp(x - M) with M the largest x: what subtracts a maximum does so through
/// neginf_to_zero, and nothing else has that.
static bool isShiftedExp(UnaryOp op) {
  auto sub = op.getOperand().getDefiningOp<BinaryOp>();
  if (!sub || sub.getKind() != BinaryKind::Sub)
    return false;
  auto guard = sub.getRhs().getDefiningOp<UnaryOp>();
  return guard && guard.getKind() == UnaryKind::NegInfToZero;
}

static bool isWithinOne(UnaryOp op) {
  switch (op.getKind()) {
  case UnaryKind::Sigmoid:
  case UnaryKind::Tanh:
  case UnaryKind::Sin:
  case UnaryKind::Cos:
  case UnaryKind::Erf:
    return true;
  case UnaryKind::Neg:
  case UnaryKind::Abs:
    return isWithinOne(op.getOperand());
  case UnaryKind::Exp:
    return isShiftedExp(op);
  default:
    return false;
  }
}

static bool isWithinOne(BinaryOp op) {
  switch (op.getKind()) {
  case BinaryKind::Mul:
  case BinaryKind::Max:
  case BinaryKind::Min:
    return isWithinOne(op.getLhs()) && isWithinOne(op.getRhs());
  case BinaryKind::Ratio:
    // The divisor is the sum of what is divided, or of more.
    return isWithinOne(op.getLhs());
  default:
    return false;
  }
}

bool attn::isWithinOne(Value value) {
  Operation *op = value.getDefiningOp();
  if (auto constant = dyn_cast_or_null<ConstantOp>(op)) {
    auto real = dyn_cast<FloatAttr>(constant.getValue());
    return real && std::abs(real.getValueAsDouble()) <= 1;
  }
  if (auto unary = dyn_cast_or_null<UnaryOp>(op))
    return ::isWithinOne(unary);
  if (auto binary = dyn_cast_or_null<BinaryOp>(op))
    return ::isWithinOne(binary);
  if (auto select = dyn_cast_or_null<SelectOp>(op))
    return isWithinOne(select.getThen()) && isWithinOne(select.getOtherwise());
  auto cast = dyn_cast_or_null<CastOp>(op);
  return cast && quantity(cast.getOperand()).getElementType().isInteger(1);
}
