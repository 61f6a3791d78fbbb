//===- TileRanges.cpp - What a mask says about a whole tile ---------------===//

#include "dialect/TileRanges.h"
#include "dialect/FormulaWalk.h"
#include "dialect/Products.h"

using namespace mlir;
using namespace attn;

bool attn::keepsInteger(CastOp op) {
  auto from = dyn_cast<IntegerType>(quantity(op.getOperand()).getElementType());
  auto to = dyn_cast<IntegerType>(quantity(op.getResult()).getElementType());
  return from && to && from.getWidth() <= to.getWidth();
}

bool TileRanges::isFixed(Value value) { return !hasAnyDim(value, varying); }

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

IndexRange TileRanges::rangeOfIndex(StringAttr dim) {
  IndexRange &range = ranges[dim];
  if (!range.low) {
    auto bound = [&](BoundKind kind) {
      return math.build.tileBound(math.loc, kind, dim);
    };
    range = {bound(BoundKind::Least), bound(BoundKind::Greatest)};
  }
  return range;
}

std::optional<IndexRange> TileRanges::rangeOf(Value value) {
  auto found = known.find(value);
  if (found != known.end())
    return found->second;
  std::optional<IndexRange> range = computeRange(value);
  known[value] = range;
  return range;
}

std::optional<IndexRange> TileRanges::computeRange(Value value) {
  Type element = quantity(value).getElementType();
  if (!element.isInteger())
    return std::nullopt;
  if (isFixed(value)) {
    Value number = math.build.cast(math.loc, value, math.build.getI64());
    return IndexRange{number, number};
  }
  Operation *op = value.getDefiningOp();
  bool isTensor = !op || isa<ReadOp, KernelOp>(op);
  if (element.isInteger(1) && (isTensor || isa<CastOp>(op))) {
    std::optional<Truth> truth = truthOfNumber(value);
    return truth ? std::optional(rangeOfTruth(*truth)) : std::nullopt;
  }
  if (isTensor)
    return rangeOfTensor ? rangeOfTensor(value) : std::nullopt;
  if (auto index = dyn_cast<IndexOp>(op))
    return rangeOfIndex(index.getDimAttr());
  if (auto cast = dyn_cast<CastOp>(op)) {
    if (quantity(cast.getOperand()).getElementType().isInteger(1))
      return rangeOfTruth(truthOf(cast.getOperand()));
    return keepsInteger(cast) ? rangeOf(cast.getOperand()) : std::nullopt;
  }
  if (auto unary = dyn_cast<UnaryOp>(op)) {
    std::optional<IndexRange> x = rangeOf(unary.getOperand());
    if (!x || element.isInteger(1))
      return std::nullopt;
    IndexRange negated{math.neg(x->high), math.neg(x->low)};
    if (unary.getKind() == UnaryKind::Neg)
      return negated;
    if (unary.getKind() == UnaryKind::Abs)
      return IndexRange{math.max(math.max(x->low, negated.low), math.number(0)),
                        math.max(x->high, negated.high)};
    return std::nullopt;
  }
  if (auto binary = dyn_cast<BinaryOp>(op))
    return rangeOfBinary(binary);
  if (auto select = dyn_cast<SelectOp>(op)) {
    std::optional<IndexRange> a = rangeOf(select.getThen());
    std::optional<IndexRange> b = rangeOf(select.getOtherwise());
    if (!a || !b)
      return std::nullopt;
    Truth truth = truthOf(select.getCondition());
    Value never = math.lnot(truth.may);
    auto pick = [&](Value ifTrue, Value ifFalse, Value either) {
      return math.select(truth.must, ifTrue,
                         math.select(never, ifFalse, either));
    };
    return IndexRange{pick(a->low, b->low, math.min(a->low, b->low)),
                      pick(a->high, b->high, math.max(a->high, b->high))};
  }
  return std::nullopt;
}

/// 0 is false, 1 true.
IndexRange TileRanges::rangeOfTruth(Truth truth) {
  auto number = [&](Value x) {
    return math.build.cast(math.loc, x, math.build.getI64());
  };
  return {number(truth.must), number(truth.may)};
}

std::optional<IndexRange> TileRanges::rangeOfBinary(BinaryOp op) {
  if (quantity(op.getResult()).getElementType().isInteger(1))
    return std::nullopt;
  std::optional<IndexRange> a = rangeOf(op.getLhs()), b = rangeOf(op.getRhs());
  if (!a || !b)
    return std::nullopt;
  switch (op.getKind()) {
  case BinaryKind::Add:
    return IndexRange{math.add(a->low, b->low), math.add(a->high, b->high)};
  case BinaryKind::Sub:
    return IndexRange{math.sub(a->low, b->high), math.sub(a->high, b->low)};
  case BinaryKind::Min:
    return IndexRange{math.min(a->low, b->low), math.min(a->high, b->high)};
  case BinaryKind::Max:
    return IndexRange{math.max(a->low, b->low), math.max(a->high, b->high)};
  case BinaryKind::Mul:
    return rangeOfProduct(*a, *b, op.getLhs() == op.getRhs());
  case BinaryKind::FloorDiv: {
    if (!isFixed(op.getRhs()))
      return std::nullopt;
    Value x = math.floorDiv(a->low, b->low), y = math.floorDiv(a->high, b->low);
    return IndexRange{math.min(x, y), math.max(x, y)};
  }
  case BinaryKind::Mod:
    if (!isFixed(op.getRhs()))
      return std::nullopt;
    if (auto index = op.getLhs().getDefiningOp<IndexOp>();
        index && strides.lookup(index.getDimAttr()) == op.getRhs()) {
      Value remainder = math.mod(a->low, b->low);
      return IndexRange{remainder, remainder};
    }
    return rangeOfRemainder(*a, *b);
  default:
    return std::nullopt;
  }
}

IndexRange TileRanges::rangeOfProduct(IndexRange a, IndexRange b,
                                      bool isSquare) {
  Value zero = math.number(0);
  if (isSquare) {
    // Not negative, and 0 when the range has 0.
    Value straddles = math.land(math.compare(Predicate::LE, a.low, zero),
                                math.compare(Predicate::GE, a.high, zero));
    Value low = math.mul(a.low, a.low), high = math.mul(a.high, a.high);
    return {math.select(straddles, zero, math.min(low, high)),
            math.max(low, high)};
  }
  Value low, high;
  for (Value x : {a.low, a.high})
    for (Value y : {b.low, b.high}) {
      Value product = math.mul(x, y);
      low = low ? math.min(low, product) : product;
      high = high ? math.max(high, product) : product;
    }
  return {low, high};
}

std::optional<IndexRange> TileRanges::rangeOfRemainder(IndexRange x,
                                                       IndexRange by) {
  // Within one period the remainder runs with the number.
  Value samePeriod = math.compare(Predicate::EQ, math.floorDiv(x.low, by.low),
                                  math.floorDiv(x.high, by.low));
  Value zero = math.number(0), one = math.number(1);
  Value positiveEnd = math.max(math.sub(by.low, one), zero);
  Value negativeEnd = math.min(math.add(by.low, one), zero);
  return IndexRange{
      math.select(samePeriod, math.mod(x.low, by.low), negativeEnd),
      math.select(samePeriod, math.mod(x.high, by.low), positiveEnd)};
}

//===----------------------------------------------------------------------===//
// Predicates
//===----------------------------------------------------------------------===//

Truth TileRanges::truthOf(Value predicate) {
  auto found = truths.find(predicate);
  if (found != truths.end())
    return found->second;
  Truth truth = computeTruth(predicate);
  truths[predicate] = truth;
  return truth;
}

Truth TileRanges::computeTruth(Value predicate) {
  if (given.contains(predicate))
    return {math.truth(true), math.truth(true)};
  if (isFixed(predicate))
    return {predicate, predicate};
  Operation *op = predicate.getDefiningOp();
  if (auto compareOp = dyn_cast_or_null<CompareOp>(op))
    return compare(compareOp);
  if (auto binary = dyn_cast_or_null<BinaryOp>(op)) {
    Truth a = truthOf(binary.getLhs()), b = truthOf(binary.getRhs());
    if (binary.getKind() == BinaryKind::And)
      return {math.land(a.may, b.may), math.land(a.must, b.must)};
    if (binary.getKind() == BinaryKind::Or)
      return {math.lor(a.may, b.may), math.lor(a.must, b.must)};
    return enumerate(predicate).value_or(unknown());
  }
  if (auto unary = dyn_cast_or_null<UnaryOp>(op)) {
    Truth a = truthOf(unary.getOperand());
    return {math.lnot(a.must), math.lnot(a.may)};
  }
  if (auto select = dyn_cast_or_null<SelectOp>(op)) {
    Truth c = truthOf(select.getCondition());
    Truth a = truthOf(select.getThen()), b = truthOf(select.getOtherwise());
    return {
        math.lor(math.land(c.may, a.may), math.land(math.lnot(c.must), b.may)),
        math.land(math.lor(math.lnot(c.may), a.must),
                  math.lor(c.must, b.must))};
  }
  if (!op || isa<ReadOp, CastOp>(op))
    return truthOfNumber(predicate).value_or(unknown());
  return unknown();
}

/// Whether a number that is cast to a truth, or one that stands for it in a
/// tensor, is not 0.
std::optional<Truth> TileRanges::truthOfNumber(Value predicate) {
  auto cast = predicate.getDefiningOp<CastOp>();
  Value source = cast ? cast.getOperand() : predicate;
  if (!rangeOfTensor || !quantity(source).getElementType().isInteger())
    return std::nullopt;
  std::optional<IndexRange> range =
      cast ? rangeOf(source) : rangeOfTensor(source);
  if (!range)
    return std::nullopt;
  Value zero = math.number(0);
  Value single = math.compare(Predicate::EQ, range->low, range->high);
  Value isZero = math.compare(Predicate::EQ, range->low, zero);
  Value hasZero = math.land(math.compare(Predicate::LE, range->low, zero),
                            math.compare(Predicate::GE, range->high, zero));
  return Truth{math.lnot(math.land(single, isZero)), math.lnot(hasZero)};
}

Truth TileRanges::compare(CompareOp op) {
  if (std::optional<Truth> truth = compareRemainder(op))
    return *truth;
  if (std::optional<Truth> truth = comparePowerOfTwo(op))
    return *truth;
  std::optional<IndexRange> a = rangeOf(op.getLhs()), b = rangeOf(op.getRhs());
  if (!a || !b)
    return enumerate(op.getResult()).value_or(unknown());
  auto cmp = [&](Predicate predicate, Value x, Value y) {
    return math.compare(predicate, x, y);
  };
  switch (op.getPredicate()) {
  case Predicate::LT:
    return {cmp(Predicate::LT, a->low, b->high),
            cmp(Predicate::LT, a->high, b->low)};
  case Predicate::LE:
    return {cmp(Predicate::LE, a->low, b->high),
            cmp(Predicate::LE, a->high, b->low)};
  case Predicate::GT:
    return {cmp(Predicate::GT, a->high, b->low),
            cmp(Predicate::GT, a->low, b->high)};
  case Predicate::GE:
    return {cmp(Predicate::GE, a->high, b->low),
            cmp(Predicate::GE, a->low, b->high)};
  case Predicate::EQ:
  case Predicate::NE: {
    Value overlap = math.land(cmp(Predicate::LE, a->low, b->high),
                              cmp(Predicate::LE, b->low, a->high));
    Value single = math.land(cmp(Predicate::EQ, a->low, a->high),
                             cmp(Predicate::EQ, b->low, b->high));
    Value equal = math.land(single, cmp(Predicate::EQ, a->low, b->low));
    if (op.getPredicate() == Predicate::EQ)
      return {overlap, equal};
    return {math.lnot(equal), math.lnot(overlap)};
  }
  }
  llvm_unreachable("unknown predicate");
}

std::optional<RemainderTest> TileRanges::asRemainderTest(CompareOp op) {
  if (op.getPredicate() != Predicate::EQ && op.getPredicate() != Predicate::NE)
    return std::nullopt;
  auto mod = op.getLhs().getDefiningOp<BinaryOp>();
  Value other = op.getRhs();
  if (!mod || mod.getKind() != BinaryKind::Mod || !isFixed(other)) {
    mod = op.getRhs().getDefiningOp<BinaryOp>();
    other = op.getLhs();
  }
  if (!mod || mod.getKind() != BinaryKind::Mod || !isFixed(other) ||
      !isFixed(mod.getRhs()) ||
      !quantity(mod.getResult()).getElementType().isInteger(64))
    return std::nullopt;
  return RemainderTest{mod.getLhs(), mod.getRhs(), other};
}

Value TileRanges::firstCongruent(Value low, const RemainderTest &test) {
  return math.add(low,
                  math.mod(math.sub(test.remainder, low), math.abs(test.by)));
}

Value TileRanges::lastCongruent(Value high, const RemainderTest &test) {
  return math.sub(high,
                  math.mod(math.sub(high, test.remainder), math.abs(test.by)));
}

/// x % s == c, with s and c fixed: some x of the range is congruent when the
/// last one below its end is not below its start.
std::optional<Truth> TileRanges::compareRemainder(CompareOp op) {
  std::optional<RemainderTest> test = asRemainderTest(op);
  std::optional<IndexRange> x = test ? rangeOf(test->number) : std::nullopt;
  if (!x)
    return std::nullopt;
  // A number that is no remainder is never equal to one.
  Value reachable = math.compare(
      Predicate::EQ, math.mod(test->remainder, test->by), test->remainder);
  Value last = lastCongruent(x->high, *test);
  Value may = math.land(reachable, math.compare(Predicate::GE, last, x->low));
  Value single =
      math.lor(math.compare(Predicate::EQ, x->low, x->high),
               math.compare(Predicate::EQ, math.abs(test->by), math.number(1)));
  Truth equal{may, math.land(may, single)};
  if (op.getPredicate() == Predicate::EQ)
    return equal;
  return Truth{math.lnot(equal.must), math.lnot(equal.may)};
}

/// x & (x - 1) == 0: x is 0, the least number, or a power of two. Some x of a
/// range is so when the greatest power up to its end is not below its start.
std::optional<Truth> TileRanges::comparePowerOfTwo(CompareOp op) {
  auto bits = op.getLhs().getDefiningOp<BinaryOp>();
  if ((op.getPredicate() != Predicate::EQ &&
       op.getPredicate() != Predicate::NE) ||
      !bits || bits.getKind() != BinaryKind::And ||
      !quantity(bits.getResult()).getElementType().isInteger(64) ||
      constantInteger(op.getRhs()) != 0)
    return std::nullopt;
  auto isBefore = [](Value before, Value x) {
    auto sub = before.getDefiningOp<BinaryOp>();
    return sub && sub.getLhs() == x &&
           ((sub.getKind() == BinaryKind::Sub &&
             constantInteger(sub.getRhs()) == 1) ||
            (sub.getKind() == BinaryKind::Add &&
             constantInteger(sub.getRhs()) == -1));
  };
  Value number = isBefore(bits.getRhs(), bits.getLhs())   ? bits.getLhs()
                 : isBefore(bits.getLhs(), bits.getRhs()) ? bits.getRhs()
                                                          : Value();
  std::optional<IndexRange> x = number ? rangeOf(number) : std::nullopt;
  if (!x)
    return std::nullopt;
  // All bits below the highest one of the end; indices are below 2^32.
  Value zero = math.number(0);
  Value end = math.min(math.max(x->high, zero), math.number(int64_t(1) << 32));
  Value filled = end;
  for (int64_t by : {1, 2, 4, 8, 16, 32})
    filled = math.binary(BinaryKind::Or, filled,
                         math.binary(BinaryKind::Shr, filled, math.number(by)));
  Value power =
      math.sub(filled, math.binary(BinaryKind::Shr, filled, math.number(1)));
  Value far = math.lor(
      math.compare(Predicate::GT, x->high, end),
      math.compare(Predicate::LT, x->low, math.number(-(int64_t(1) << 62))));
  Value hasZero = math.land(math.compare(Predicate::LE, x->low, zero),
                            math.compare(Predicate::GE, x->high, zero));
  Value hasPower = math.land(math.compare(Predicate::GT, x->high, zero),
                             math.compare(Predicate::GE, power, x->low));
  Value may = math.lor(hasZero, hasPower);
  // Ranges of more than one number: those from 0 or 1 to 1 or 2.
  Value single = math.compare(Predicate::EQ, x->low, x->high);
  Value low = math.land(math.compare(Predicate::GE, x->low, zero),
                        math.compare(Predicate::LE, x->high, math.number(2)));
  Truth equal{math.lor(may, far), math.lor(math.land(single, may), low)};
  if (op.getPredicate() == Predicate::EQ)
    return equal;
  return Truth{math.lnot(equal.must), math.lnot(equal.may)};
}

//===----------------------------------------------------------------------===//
// Predicates of one integer
//===----------------------------------------------------------------------===//

/// Says whether \p value is one number once \p pivot is one.
bool TileRanges::isFixedGiven(Value value, Value pivot) {
  bool fixed = true;
  walkFormula(value, [&](Value part) {
    if (part == pivot || isFixed(part))
      return false;
    fixed &= isa_and_nonnull<BinaryOp, UnaryOp, CompareOp, SelectOp, CastOp>(
        part.getDefiningOp());
    return fixed;
  });
  return fixed;
}

/// The integer nearest to \p predicate that has a range and that everything
/// which varies goes through.
std::optional<Value> TileRanges::pivotOf(Value predicate) {
  SmallVector<Value> queue{predicate};
  for (size_t i = 0; i != queue.size(); ++i) {
    Value value = queue[i];
    if (isFixed(value))
      continue;
    if (value != predicate && isFixedGiven(predicate, value) &&
        quantity(value).getElementType().isInteger(64) && rangeOf(value))
      return value;
    Operation *op = value.getDefiningOp();
    if (!op || !isa<BinaryOp, UnaryOp, CompareOp, SelectOp, CastOp>(op))
      continue;
    for (Value operand : op->getOperands())
      if (!llvm::is_contained(queue, operand))
        queue.push_back(operand);
  }
  return std::nullopt;
}

Value TileRanges::substitute(Value value, Value pivot, Value number,
                             llvm::DenseMap<Value, Value> &clones) {
  if (value == pivot)
    return number;
  if (isFixed(value))
    return value;
  if (Value clone = clones.lookup(value))
    return clone;
  Operation *op = value.getDefiningOp();
  SmallVector<Value> operands;
  for (Value operand : op->getOperands())
    operands.push_back(substitute(operand, pivot, number, clones));
  return clones[value] = math.build.remake(op, operands);
}

/// Tries each value that the pivot takes, where those are few: bit operations
/// and sets of distances are no intervals, but a tile of blocks has few blocks.
std::optional<Truth> TileRanges::enumerate(Value predicate) {
  constexpr int64_t most = 4;
  std::optional<Value> pivot = pivotOf(predicate);
  if (!pivot)
    return std::nullopt;
  IndexRange range = *rangeOf(*pivot);
  Value few = math.compare(Predicate::LT, math.sub(range.high, range.low),
                           math.number(most));
  Value may = math.lnot(few), must = few;
  for (int64_t i = 0; i != most; ++i) {
    Value number = math.add(range.low, math.number(i));
    Value inside = math.compare(Predicate::LE, number, range.high);
    llvm::DenseMap<Value, Value> clones;
    Value holds = substitute(predicate, *pivot, number, clones);
    may = math.lor(may, math.land(inside, holds));
    must = math.land(must, math.lor(math.lnot(inside), holds));
  }
  return Truth{may, must};
}
