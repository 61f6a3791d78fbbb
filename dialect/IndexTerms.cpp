//===- IndexTerms.cpp - Sums taken apart ----------------------------------===//

#include "dialect/IndexTerms.h"

using namespace mlir;
using namespace attn;

void attn::addTerms(IndexTerms &sum, Value value, int64_t coefficient,
                    unsigned &steps) {
  constexpr int64_t largest = int64_t(1) << 30;
  Operation *op = ++steps < mostTermSteps ? value.getDefiningOp() : nullptr;
  if (auto unary = dyn_cast_or_null<UnaryOp>(op);
      unary && unary.getKind() == UnaryKind::Neg)
    return addTerms(sum, unary.getOperand(), -coefficient, steps);
  if (auto binary = dyn_cast_or_null<BinaryOp>(op)) {
    BinaryKind kind = binary.getKind();
    if (kind == BinaryKind::Add || kind == BinaryKind::Sub) {
      addTerms(sum, binary.getLhs(), coefficient, steps);
      addTerms(sum, binary.getRhs(),
               kind == BinaryKind::Add ? coefficient : -coefficient, steps);
      return;
    }
    if (kind == BinaryKind::Mul)
      for (auto [factor, rest] : {std::pair(binary.getLhs(), binary.getRhs()),
                                  std::pair(binary.getRhs(), binary.getLhs())})
        if (auto number = constantInteger(factor);
            number && *number != 0 && std::abs(*number) < largest &&
            std::abs(coefficient) < largest)
          return addTerms(sum, rest, coefficient * *number, steps);
  }
  for (auto &[known, term] : sum)
    if (term == value) {
      known += coefficient;
      return;
    }
  sum.push_back({coefficient, value});
}

Predicate attn::negate(Predicate predicate) {
  switch (predicate) {
  case Predicate::LT:
    return Predicate::GE;
  case Predicate::LE:
    return Predicate::GT;
  case Predicate::GT:
    return Predicate::LE;
  case Predicate::GE:
    return Predicate::LT;
  case Predicate::EQ:
    return Predicate::NE;
  case Predicate::NE:
    return Predicate::EQ;
  }
  llvm_unreachable("unknown predicate");
}
