//===- KeyBounds.cpp - The keys that a tile of lanes can need -------------===//

#include "dialect/KeyBounds.h"
#include "dialect/FormulaWalk.h"
#include "dialect/Products.h"

using namespace mlir;
using namespace attn;

//===----------------------------------------------------------------------===//
// Boxes
//===----------------------------------------------------------------------===//

KeyBounds::Box KeyBounds::fullBox() {
  return llvm::map_to_vector<2>(over, [&](StringAttr dim) -> IndexRange {
    return {math.number(0), math.sub(math.extent(dim), math.number(1))};
  });
}

/// Everything where \p condition holds, and nothing where it does not.
KeyBounds::Box KeyBounds::emptyUnless(Value condition) {
  Box box = fullBox();
  box.front().high = math.select(condition, box.front().high, math.number(-1));
  return box;
}

KeyBounds::Box KeyBounds::intersection(const Box &a, const Box &b) {
  Box box;
  for (auto [x, y] : llvm::zip_equal(a, b))
    box.push_back({math.max(x.low, y.low), math.min(x.high, y.high)});
  return box;
}

/// An empty box must not widen the hull: it counts as a point of another one.
KeyBounds::Box KeyBounds::hullOf(ArrayRef<Box> boxes) {
  Box hull = boxes.front();
  for (const Box &next : boxes.drop_front()) {
    Value hullEmpty = math.truth(false), nextEmpty = math.truth(false);
    for (auto [x, y] : llvm::zip_equal(hull, next)) {
      hullEmpty =
          math.lor(hullEmpty, math.compare(Predicate::LT, x.high, x.low));
      nextEmpty =
          math.lor(nextEmpty, math.compare(Predicate::LT, y.high, y.low));
    }
    for (auto [x, y] : llvm::zip_equal(hull, next)) {
      auto pick = [&](Value one, Value other, Value both) {
        return math.select(hullEmpty, other, math.select(nextEmpty, one, both));
      };
      x = {pick(x.low, y.low, math.min(x.low, y.low)),
           pick(x.high, y.high, math.max(x.high, y.high))};
    }
  }
  return hull;
}

SmallVector<KeyBounds::Box> KeyBounds::boxesOf(Value predicate, unsigned most) {
  limit = most;
  for (auto &boxes : known)
    boxes.clear();
  return boxesOf(predicate, /*negated=*/false);
}

SmallVector<KeyBounds::Box> KeyBounds::boxesOf(Value predicate, bool negated) {
  auto found = known[negated].find(predicate);
  if (found != known[negated].end())
    return found->second;
  return known[negated][predicate] = computeBoxes(predicate, negated);
}

SmallVector<KeyBounds::Box> KeyBounds::computeBoxes(Value predicate,
                                                    bool negated) {
  Operation *op = predicate.getDefiningOp();
  if (hasKey(predicate)) {
    if (auto unary = dyn_cast_or_null<UnaryOp>(op))
      return boxesOf(unary.getOperand(), !negated);
    if (auto binary = dyn_cast_or_null<BinaryOp>(op);
        binary && (binary.getKind() == BinaryKind::And ||
                   binary.getKind() == BinaryKind::Or))
      return boxesOfConnective(binary, negated);
    if (auto compare = dyn_cast_or_null<CompareOp>(op))
      return {boxOfCompare(compare, negated)};
  }
  Truth truth = ranges.truthOf(predicate);
  return {emptyUnless(negated ? math.lnot(truth.must) : truth.may)};
}

SmallVector<KeyBounds::Box> KeyBounds::boxesOfConnective(BinaryOp op,
                                                         bool negated) {
  SmallVector<Box> a = boxesOf(op.getLhs(), negated);
  SmallVector<Box> b = boxesOf(op.getRhs(), negated);
  bool isAnd = (op.getKind() == BinaryKind::And) != negated;
  if (!isAnd) {
    a.append(b);
    if (a.size() > limit)
      a = {hullOf(a)};
    return a;
  }
  if (a.size() * b.size() > limit) {
    if (a.size() > 1)
      a = {hullOf(a)};
    if (a.size() * b.size() > limit)
      b = {hullOf(b)};
  }
  SmallVector<Box> both;
  for (const Box &x : a)
    for (const Box &y : b)
      both.push_back(intersection(x, y));
  return both;
}

//===----------------------------------------------------------------------===//
// Comparisons
//===----------------------------------------------------------------------===//

bool KeyBounds::hasKey(Value value) { return hasAnyDim(value, over); }

KeyBounds::Box KeyBounds::boxOfCompare(CompareOp op, bool negated) {
  Box box = fullBox();
  if (!quantity(op.getLhs()).getElementType().isInteger(64))
    return box;
  steps = 0;
  Predicate predicate = negated ? negate(op.getPredicate()) : op.getPredicate();
  auto atMost = [&](Value lesser, Value greater, int64_t bound) {
    IndexTerms sum;
    addTerms(sum, lesser, 1, steps);
    addTerms(sum, greater, -1, steps);
    narrow(box, sum, math.number(bound));
  };
  switch (predicate) {
  case Predicate::LT:
    atMost(op.getLhs(), op.getRhs(), -1);
    break;
  case Predicate::LE:
    atMost(op.getLhs(), op.getRhs(), 0);
    break;
  case Predicate::GT:
    atMost(op.getRhs(), op.getLhs(), -1);
    break;
  case Predicate::GE:
    atMost(op.getRhs(), op.getLhs(), 0);
    break;
  case Predicate::EQ:
    atMost(op.getLhs(), op.getRhs(), 0);
    atMost(op.getRhs(), op.getLhs(), 0);
    break;
  case Predicate::NE:
    break;
  }
  return box;
}

void KeyBounds::narrowBox(Box &box, const IndexTerms &sum, Value bound) {
  steps = 0;
  narrow(box, sum, bound);
}

/// Says whether \p value is made of numbers that fill 64 bits: a window may
/// be as long as there are integers.
static bool mayBeFar(Value value) {
  return isMadeOf(value, [](Value part) {
    return isa<BlockArgument>(part) &&
           quantity(part).getElementType().isInteger(64);
  });
}

/// Each term with a key in it is bounded by the least that the others can be.
void KeyBounds::narrow(Box &box, const IndexTerms &sum, Value bound) {
  for (auto [coefficient, term] : sum) {
    if (coefficient == 0 || !hasKey(term) || ++steps >= mostTermSteps)
      continue;
    Value room = bound;
    bool known = true;
    for (auto [other, rest] : sum) {
      if (rest == term || other == 0)
        continue;
      std::optional<IndexRange> range = ranges.rangeOf(rest);
      if (!range) {
        known = false;
        break;
      }
      Value least = other > 0 ? range->low : range->high;
      if (mayBeFar(rest)) {
        // As far as no index gets, and so near that no sum overflows.
        int64_t far = (int64_t(1) << 58) / std::abs(other);
        least = math.max(math.min(least, math.number(far)), math.number(-far));
      }
      room = math.sub(room, math.mul(least, math.number(other)));
    }
    if (known)
      narrowBy(box, coefficient, term, room);
  }
}

/// Takes coefficient * \p term <= \p bound into \p box.
void KeyBounds::narrowBy(Box &box, int64_t coefficient, Value term,
                         Value bound) {
  Operation *op = term.getDefiningOp();
  bool above = coefficient > 0;
  Value limitValue = math.floorDiv(bound, math.number(std::abs(coefficient)));
  if (!above)
    limitValue = math.neg(limitValue); // term >= limit
  auto atMost = [&](Value x, int64_t sign, Value by) {
    IndexTerms sum;
    addTerms(sum, x, sign, steps);
    narrow(box, sum, by);
  };
  auto both = [&](Value x, Value y) { // each on the same side of the limit
    for (Value operand : {x, y})
      atMost(operand, above ? 1 : -1,
             above ? limitValue : math.neg(limitValue));
  };
  if (auto index = dyn_cast_or_null<IndexOp>(op)) {
    IndexRange &range =
        box[llvm::find(over, index.getDimAttr()) - over.begin()];
    if (above)
      range.high = math.min(range.high, limitValue);
    else
      range.low = math.max(range.low, limitValue);
    return;
  }
  if (auto unary = dyn_cast_or_null<UnaryOp>(op)) {
    if (unary.getKind() == UnaryKind::Abs && above) {
      atMost(unary.getOperand(), 1, limitValue);
      atMost(unary.getOperand(), -1, limitValue);
    }
    return;
  }
  auto binary = dyn_cast_or_null<BinaryOp>(op);
  if (!binary)
    return;
  switch (binary.getKind()) {
  case BinaryKind::Max:
    if (above)
      both(binary.getLhs(), binary.getRhs());
    return;
  case BinaryKind::Min:
    if (!above)
      both(binary.getLhs(), binary.getRhs());
    return;
  case BinaryKind::Mul:
    if (above && binary.getLhs() == binary.getRhs()) {
      Value root = isqrtAtLeast(limitValue);
      atMost(binary.getLhs(), 1, root);
      atMost(binary.getLhs(), -1, root);
    }
    return;
  case BinaryKind::FloorDiv: {
    Value by = binary.getRhs();
    if (!ranges.isFixed(by))
      return;
    // x // b <= u is x <= u b + b - 1, for positive b alone.
    Value positive = math.compare(Predicate::GT, by, math.number(0));
    Value scaled = math.mul(limitValue, by);
    Value far = math.number(int64_t(1) << 40);
    if (above)
      atMost(binary.getLhs(), 1,
             math.select(positive,
                         math.add(scaled, math.sub(by, math.number(1))), far));
    else
      atMost(binary.getLhs(), -1, math.select(positive, math.neg(scaled), far));
    return;
  }
  default:
    return;
  }
}

/// A number whose square is above \p number: f32 has 24 bits, so the root of a
/// number below 2^46 is off by less than one.
Value KeyBounds::isqrtAtLeast(Value number) {
  Value inRange =
      math.min(math.max(number, math.number(0)), math.number(int64_t(1) << 46));
  Value real = math.build.cast(math.loc, inRange, math.build.getF32());
  Value root = math.build.unary(math.loc, UnaryKind::Sqrt, real);
  Value whole = math.build.cast(math.loc, root, math.build.getI64());
  Value far = math.number(int64_t(1) << 40);
  Value fits =
      math.compare(Predicate::LT, number, math.number(int64_t(1) << 46));
  return math.select(fits, math.add(whole, math.number(1)), far);
}
