//===- Intervals.cpp - What a mask says about a whole tile ----------------===//

#include "lowering/cpu/Intervals.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

using IntPredicate = arith::CmpIPredicate;

Truth IntervalEvaluator::unknown() {
  return {code.boolean(true), code.boolean(false)};
}

/// Says whether \p value is one number for the whole tile.
bool IntervalEvaluator::isFixed(Value value) {
  return llvm::none_of(quantity(value).getDims(),
                       [&](StringAttr dim) { return ranges.contains(dim); });
}

void IntervalEvaluator::setFlattened(ArrayRef<StringAttr> dims, Value low,
                                     Value high) {
  if (dims.empty())
    return;
  if (dims.size() == 1) {
    ranges[dims.front()] = {low, high};
    return;
  }
  Value inner;
  for (StringAttr dim : dims.drop_front())
    inner =
        inner ? code.mul(inner, evaluator.extent(dim)) : evaluator.extent(dim);
  // An extent of 0 leaves nothing to visit; the division must not trap.
  inner = code.max(inner, code.index(1));
  Value first = arith::DivSIOp::create(code.builder, code.loc, low, inner);
  Value last = arith::DivSIOp::create(code.builder, code.loc, high, inner);
  ranges[dims.front()] = {first, last};
  // Within one outer index the rest is a range; across several it is anything.
  Value same = code.equals(first, last);
  Value restLow = code.sub(low, code.mul(first, inner));
  Value restHigh = code.sub(high, code.mul(last, inner));
  setFlattened(dims.drop_front(), code.select(same, restLow, code.index(0)),
               code.select(same, restHigh, code.sub(inner, code.index(1))));
}

std::optional<Interval> IntervalEvaluator::rangeOf(Value value) {
  Type element = quantity(value).getElementType();
  if (!element.isInteger())
    return std::nullopt;
  if (isFixed(value)) {
    Value number = evaluator.evaluate(value, scope);
    if (Code::isVector(number))
      return std::nullopt;
    number = code.toInt(number, 64);
    return Interval{number, number};
  }
  Operation *op = value.getDefiningOp();
  if (!op)
    return std::nullopt;
  if (auto index = dyn_cast<IndexOp>(op))
    return ranges.lookup(index.getDimAttr());
  if (auto cast = dyn_cast<CastOp>(op)) {
    if (!quantity(cast.getOperand()).getElementType().isInteger(1))
      return rangeOf(cast.getOperand());
    Truth truth = truthOf(cast.getOperand());
    return Interval{code.toInt(truth.must, 64), code.toInt(truth.may, 64)};
  }
  if (auto unary = dyn_cast<UnaryOp>(op)) {
    std::optional<Interval> x = rangeOf(unary.getOperand());
    if (!x || element.isInteger(1))
      return std::nullopt;
    Interval negated{code.neg(x->high), code.neg(x->low)};
    if (unary.getKind() == UnaryKind::Neg)
      return negated;
    if (unary.getKind() == UnaryKind::Abs)
      return Interval{code.max(code.max(x->low, negated.low), code.index(0)),
                      code.max(x->high, negated.high)};
    return std::nullopt;
  }
  if (auto binary = dyn_cast<BinaryOp>(op))
    return rangeOfBinary(binary);
  if (auto select = dyn_cast<SelectOp>(op)) {
    std::optional<Interval> a = rangeOf(select.getThen());
    std::optional<Interval> b = rangeOf(select.getOtherwise());
    if (!a || !b)
      return std::nullopt;
    Truth truth = truthOf(select.getCondition());
    Interval either{code.min(a->low, b->low), code.max(a->high, b->high)};
    Value never = code.lnot(truth.may);
    auto pick = [&](Value ifTrue, Value ifFalse, Value otherwise) {
      return code.select(truth.must, ifTrue,
                         code.select(never, ifFalse, otherwise));
    };
    return Interval{pick(a->low, b->low, either.low),
                    pick(a->high, b->high, either.high)};
  }
  return std::nullopt;
}

std::optional<Interval> IntervalEvaluator::rangeOfBinary(BinaryOp op) {
  if (quantity(op.getResult()).getElementType().isInteger(1))
    return std::nullopt;
  std::optional<Interval> a = rangeOf(op.getLhs()), b = rangeOf(op.getRhs());
  if (!a || !b)
    return std::nullopt;
  switch (op.getKind()) {
  case BinaryKind::Add:
    return Interval{code.add(a->low, b->low), code.add(a->high, b->high)};
  case BinaryKind::Sub:
    return Interval{code.sub(a->low, b->high), code.sub(a->high, b->low)};
  case BinaryKind::Min:
    return Interval{code.min(a->low, b->low), code.min(a->high, b->high)};
  case BinaryKind::Max:
    return Interval{code.max(a->low, b->low), code.max(a->high, b->high)};
  case BinaryKind::Mul: {
    Value low, high;
    for (Value x : {a->low, a->high})
      for (Value y : {b->low, b->high}) {
        Value product = code.mul(x, y);
        low = low ? code.min(low, product) : product;
        high = high ? code.max(high, product) : product;
      }
    if (op.getLhs() == op.getRhs()) {
      // A square is not negative, and 0 when the range has 0.
      Value straddles =
          code.land(code.compare(IntPredicate::sle, a->low, code.index(0)),
                    code.compare(IntPredicate::sge, a->high, code.index(0)));
      Value squareLow =
          code.min(code.mul(a->low, a->low), code.mul(a->high, a->high));
      low = code.select(straddles, code.index(0), squareLow);
    }
    return Interval{low, high};
  }
  case BinaryKind::FloorDiv: {
    if (!isFixed(op.getRhs()))
      return std::nullopt;
    Value x = code.floorDiv(a->low, b->low), y = code.floorDiv(a->high, b->low);
    return Interval{code.min(x, y), code.max(x, y)};
  }
  case BinaryKind::Mod: {
    if (!isFixed(op.getRhs()))
      return std::nullopt;
    // Within one period the remainder runs with the number.
    Value samePeriod = code.equals(code.floorDiv(a->low, b->low),
                                   code.floorDiv(a->high, b->low));
    Value zero = code.index(0);
    Value positiveEnd = code.max(code.sub(b->low, code.index(1)), zero);
    Value negativeEnd = code.min(code.add(b->low, code.index(1)), zero);
    return Interval{
        code.select(samePeriod, code.floorMod(a->low, b->low), negativeEnd),
        code.select(samePeriod, code.floorMod(a->high, b->low), positiveEnd)};
  }
  default:
    return std::nullopt;
  }
}

Truth IntervalEvaluator::compare(CompareOp op) {
  std::optional<Interval> a = rangeOf(op.getLhs()), b = rangeOf(op.getRhs());
  if (!a || !b)
    return unknown();
  auto cmp = [&](IntPredicate predicate, Value x, Value y) {
    return code.compare(predicate, x, y);
  };
  switch (op.getPredicate()) {
  case Predicate::LT:
    return {cmp(IntPredicate::slt, a->low, b->high),
            cmp(IntPredicate::slt, a->high, b->low)};
  case Predicate::LE:
    return {cmp(IntPredicate::sle, a->low, b->high),
            cmp(IntPredicate::sle, a->high, b->low)};
  case Predicate::GT:
    return {cmp(IntPredicate::sgt, a->high, b->low),
            cmp(IntPredicate::sgt, a->low, b->high)};
  case Predicate::GE:
    return {cmp(IntPredicate::sge, a->high, b->low),
            cmp(IntPredicate::sge, a->low, b->high)};
  case Predicate::EQ:
  case Predicate::NE: {
    Value overlap = code.land(cmp(IntPredicate::sle, a->low, b->high),
                              cmp(IntPredicate::sle, b->low, a->high));
    Value single = code.land(cmp(IntPredicate::eq, a->low, a->high),
                             cmp(IntPredicate::eq, b->low, b->high));
    Value equal = code.land(single, cmp(IntPredicate::eq, a->low, b->low));
    if (op.getPredicate() == Predicate::EQ)
      return {overlap, equal};
    return {code.lnot(equal), code.lnot(overlap)};
  }
  }
  llvm_unreachable("unknown predicate");
}

Truth IntervalEvaluator::truthOf(Value mask) {
  auto known = truths.find(mask);
  if (known != truths.end())
    return known->second;
  auto remember = [&](Truth truth) { return truths[mask] = truth; };
  if (isFixed(mask)) {
    Value truth = evaluator.evaluate(mask, scope);
    if (!Code::isVector(truth))
      return remember({truth, truth});
  }
  Operation *op = mask.getDefiningOp();
  if (auto compareOp = dyn_cast_or_null<CompareOp>(op))
    return remember(compare(compareOp));
  if (auto binary = dyn_cast_or_null<BinaryOp>(op)) {
    Truth a = truthOf(binary.getLhs()), b = truthOf(binary.getRhs());
    if (binary.getKind() == BinaryKind::And)
      return remember({code.land(a.may, b.may), code.land(a.must, b.must)});
    if (binary.getKind() == BinaryKind::Or)
      return remember({code.lor(a.may, b.may), code.lor(a.must, b.must)});
    return remember(unknown());
  }
  if (auto unary = dyn_cast_or_null<UnaryOp>(op)) {
    Truth a = truthOf(unary.getOperand());
    return remember({code.lnot(a.must), code.lnot(a.may)});
  }
  if (auto select = dyn_cast_or_null<SelectOp>(op)) {
    Truth c = truthOf(select.getCondition());
    Truth a = truthOf(select.getThen()), b = truthOf(select.getOtherwise());
    Value may =
        code.lor(code.land(c.may, a.may), code.land(code.lnot(c.must), b.may));
    Value must =
        code.land(code.lor(code.lnot(c.may), a.must), code.lor(c.must, b.must));
    return remember({may, must});
  }
  return remember(unknown());
}

bool attn::cpu::isTileDecidable(Value mask, ArrayRef<StringAttr> varying) {
  bool fixed = llvm::none_of(quantity(mask).getDims(), [&](StringAttr dim) {
    return llvm::is_contained(varying, dim);
  });
  if (fixed)
    return true;
  Operation *op = mask.getDefiningOp();
  if (!op)
    return false;
  if (isa<IndexOp>(op))
    return true;
  if (auto binary = dyn_cast<BinaryOp>(op);
      binary && binary.getKind() == BinaryKind::And)
    return isTileDecidable(binary.getLhs(), varying) ||
           isTileDecidable(binary.getRhs(), varying);
  if (!isa<CompareOp, BinaryOp, UnaryOp, SelectOp, CastOp>(op))
    return false;
  return llvm::all_of(op->getOperands(), [&](Value operand) {
    return quantity(operand).getElementType().isInteger() &&
           isTileDecidable(operand, varying);
  });
}
