//===- Signs.cpp - What is never below 0, or beyond 1 ---------------------===//

#include "dialect/Signs.h"
#include "dialect/ShiftedSums.h"

#include "llvm/ADT/DenseMap.h"

#include <cmath>

using namespace mlir;
using namespace attn;

static bool isReal(Value value) {
  return isa<FloatType>(quantity(value).getElementType());
}

namespace {

/// Answers a question about a value from those about its operands, each of
/// which is looked at once.
class Finder {
public:
  virtual ~Finder() = default;

  bool holds(Value value) {
    auto [known, isNew] = answers.try_emplace(value, false);
    if (!isNew)
      return known->second;
    bool answer = compute(value);
    return answers[value] = answer;
  }

protected:
  virtual bool ofNumber(double number) = 0;
  virtual bool of(UnaryOp op) = 0;
  virtual bool of(BinaryOp op) = 0;
  virtual bool ofOther(Operation *op, Value value) = 0;

private:
  bool compute(Value value) {
    Operation *op = value.getDefiningOp();
    if (auto constant = dyn_cast_or_null<ConstantOp>(op)) {
      if (auto real = dyn_cast<FloatAttr>(constant.getValue()))
        return ofNumber(real.getValueAsDouble());
      auto integer = dyn_cast<IntegerAttr>(constant.getValue());
      return integer && !integer.getType().isInteger(1) &&
             ofNumber(double(integer.getValue().getSExtValue()));
    }
    if (auto unary = dyn_cast_or_null<UnaryOp>(op))
      return of(unary);
    if (auto binary = dyn_cast_or_null<BinaryOp>(op))
      return of(binary);
    if (auto select = dyn_cast_or_null<SelectOp>(op))
      return holds(select.getThen()) && holds(select.getOtherwise());
    return op && ofOther(op, value);
  }

  llvm::DenseMap<Value, bool> answers;
};

class NeverNegative : public Finder {
  bool ofNumber(double number) override {
    return !std::signbit(number) && !std::isnan(number);
  }

  bool of(UnaryOp op) override {
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
      return isReal(op.getResult());
    default:
      return false;
    }
  }

  bool of(BinaryOp op) override {
    switch (op.getKind()) {
    case BinaryKind::Max:
      return holds(op.getLhs()) || holds(op.getRhs());
    case BinaryKind::Min:
      return holds(op.getLhs()) && holds(op.getRhs());
    case BinaryKind::Add:
    case BinaryKind::Mul:
      // Integers wrap.
      return isReal(op.getResult()) &&
             ((op.getKind() == BinaryKind::Mul && op.getLhs() == op.getRhs()) ||
              (holds(op.getLhs()) && holds(op.getRhs())));
    case BinaryKind::Pow:
      return holds(op.getLhs());
    default:
      return false;
    }
  }

  bool ofOther(Operation *op, Value value) override {
    auto sums = [&](Value operand) {
      return isReal(operand) && holds(operand);
    };
    if (auto reduce = dyn_cast<ReduceOp>(op))
      return reduce.getKind() == ReduceKind::Sum && sums(reduce.getOperand());
    if (auto accumulate = dyn_cast<AccumulateOp>(op))
      return accumulate.getKind() == AccumulateKind::Sum &&
             sums(accumulate.getOperand());
    // What a sweep or a kernel hands out is what it yields.
    if (isa<SweepOp, KernelOp>(op))
      return holds(op->getRegion(0).front().getTerminator()->getOperand(
          cast<OpResult>(value).getResultNumber()));
    return isa<IndexOp, ExtentOp>(op);
  }
};

class WithinOne : public Finder {
  bool ofNumber(double number) override { return std::abs(number) <= 1; }

  bool of(UnaryOp op) override {
    switch (op.getKind()) {
    case UnaryKind::Sigmoid:
    case UnaryKind::Tanh:
    case UnaryKind::Sin:
    case UnaryKind::Cos:
    case UnaryKind::Erf:
      return true;
    case UnaryKind::Neg:
    case UnaryKind::Abs:
      return holds(op.getOperand());
    case UnaryKind::Exp:
      // exp(x - M) with M the largest x: what subtracts a maximum does so
      // through neginf_to_zero, and nothing else has that.
      return asShiftedExp(op.getResult()).has_value();
    default:
      return false;
    }
  }

  bool of(BinaryOp op) override {
    switch (op.getKind()) {
    case BinaryKind::Mul:
    case BinaryKind::Max:
    case BinaryKind::Min:
      return holds(op.getLhs()) && holds(op.getRhs());
    case BinaryKind::Ratio:
      // The divisor is the sum of what is divided, or of more.
      return holds(op.getLhs());
    default:
      return false;
    }
  }

  bool ofOther(Operation *op, Value) override {
    auto cast = dyn_cast<CastOp>(op);
    return cast && quantity(cast.getOperand()).getElementType().isInteger(1);
  }
};

} // namespace

bool attn::isNeverNegative(Value value) { return NeverNegative().holds(value); }

bool attn::isWithinOne(Value value) { return WithinOne().holds(value); }
