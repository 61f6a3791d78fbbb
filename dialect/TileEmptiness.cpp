//===- TileEmptiness.cpp - Whether a tile can hold a pair -----------------===//

#include "dialect/TileEmptiness.h"
#include "dialect/FormulaWalk.h"
#include "dialect/Products.h"

using namespace mlir;
using namespace attn;

/// A predicate is a union of at most so many terms; what would make more stays
/// a literal.
static constexpr size_t mostTerms = 4;

Value TileEmptiness::mayHold(Value predicate) {
  Value may = math.truth(false);
  for (const Term &term : termsOf(predicate, /*negated=*/false))
    may = math.lor(may, mayHold(term));
  return may;
}

//===----------------------------------------------------------------------===//
// Terms
//===----------------------------------------------------------------------===//

SmallVector<TileEmptiness::Term> TileEmptiness::termsOf(Value predicate,
                                                        bool negated) {
  auto found = known[negated].find(predicate);
  if (found != known[negated].end())
    return found->second;
  SmallVector<Term> terms = computeTerms(predicate, negated);
  return known[negated][predicate] = std::move(terms);
}

SmallVector<TileEmptiness::Term> TileEmptiness::computeTerms(Value predicate,
                                                             bool negated) {
  SmallVector<Term> whole(1);
  whole[0].push_back(Literal(predicate, negated));
  if (tile.isFixed(predicate) || tile.given.contains(predicate))
    return whole;
  auto both = [&](SmallVector<Term> a, SmallVector<Term> b) {
    SmallVector<Term> terms;
    if (a.size() * b.size() > mostTerms)
      return whole;
    for (const Term &x : a)
      for (const Term &y : b) {
        Term term = x;
        for (Literal literal : y)
          if (!llvm::is_contained(term, literal))
            term.push_back(literal);
        terms.push_back(term);
      }
    return terms;
  };
  auto either = [&](SmallVector<Term> a, const SmallVector<Term> &b) {
    if (a.size() + b.size() > mostTerms)
      return whole;
    a.append(b);
    return a;
  };
  Operation *op = predicate.getDefiningOp();
  if (auto unary = dyn_cast_or_null<UnaryOp>(op))
    return termsOf(unary.getOperand(), !negated);
  if (auto binary = dyn_cast_or_null<BinaryOp>(op)) {
    bool isAnd = binary.getKind() == BinaryKind::And;
    if (!isAnd && binary.getKind() != BinaryKind::Or)
      return whole;
    SmallVector<Term> a = termsOf(binary.getLhs(), negated);
    SmallVector<Term> b = termsOf(binary.getRhs(), negated);
    return isAnd != negated ? both(a, b) : either(a, b);
  }
  if (auto select = dyn_cast_or_null<SelectOp>(op))
    return either(both(termsOf(select.getCondition(), false),
                       termsOf(select.getThen(), negated)),
                  both(termsOf(select.getCondition(), true),
                       termsOf(select.getOtherwise(), negated)));
  return whole;
}

Value TileEmptiness::mayOf(Literal literal, TileRanges &ranges) {
  Truth truth = ranges.truthOf(literal.getPointer());
  return literal.getInt() ? math.lnot(truth.must) : truth.may;
}

/// Says whether what varies in \p condition are indices alone: what is known of
/// tensors is known of the whole tile.
bool TileEmptiness::isOfIndices(Value condition) {
  bool isOf = true;
  walkFormula(condition, [&](Value part) {
    if (!isOf || tile.isFixed(part))
      return false;
    isOf = isa_and_nonnull<IndexOp, UnaryOp, BinaryOp, CompareOp, SelectOp,
                           CastOp>(part.getDefiningOp());
    return isOf;
  });
  return isOf;
}

Value TileEmptiness::mayHold(const Term &term) {
  Value may = math.truth(true), each = math.truth(true);
  SmallVector<Literal> ofIndices;
  SmallVector<Bound> ofTensors;
  for (Literal literal : term) {
    Value condition = literal.getPointer();
    Value holds = mayOf(literal, tile);
    if (tile.isFixed(condition) || tile.given.contains(condition)) {
      may = math.land(may, holds);
    } else if (isOfIndices(condition)) {
      ofIndices.push_back(literal);
      each = math.land(each, holds);
    } else {
      may = math.land(may, holds);
      auto compare = condition.getDefiningOp<CompareOp>();
      if (auto cases = compare ? boundsOf(compare, literal.getInt()) : Cases();
          cases.size() == 1)
        ofTensors.append(cases[0]);
    }
  }
  may = math.land(may, haveNumbers(bandsOf(ofTensors)));
  if (ofIndices.size() < 2)
    return math.land(may, each);
  SmallVector<Conditions> alternatives(1);
  for (Literal literal : ofIndices)
    addLiteral(alternatives, literal);
  Value together = math.truth(false);
  for (const Conditions &conditions : alternatives)
    together =
        math.lor(together, mayHold(conditions, each, alternatives.size() > 1));
  return math.land(may, together);
}

//===----------------------------------------------------------------------===//
// Comparisons
//===----------------------------------------------------------------------===//

/// lesser - greater <= margin
TileEmptiness::Bound TileEmptiness::boundOf(Value lesser, Value greater,
                                            int64_t margin) {
  IndexTerms sum;
  unsigned steps = 0;
  addTerms(sum, lesser, 1, steps);
  addTerms(sum, greater, -1, steps);
  return boundOf(sum, math.number(margin));
}

/// \p sum <= \p bound, with what is fixed on the side of the bound.
TileEmptiness::Bound TileEmptiness::boundOf(const IndexTerms &sum,
                                            Value bound) {
  Bound result{{}, bound};
  for (auto [coefficient, term] : sum)
    if (coefficient != 0 && !tile.isFixed(term))
      result.sum.push_back({coefficient, term});
    else if (coefficient != 0)
      result.bound =
          math.sub(result.bound, math.mul(term, math.number(coefficient)));
  return result;
}

/// \p op, or its negation, as conjunctions of bounds one of which holds; none
/// where it is no such thing.
TileEmptiness::Cases TileEmptiness::boundsOf(CompareOp op, bool negated) {
  if (!quantity(op.getLhs()).getElementType().isInteger(64))
    return {};
  Value lhs = op.getLhs(), rhs = op.getRhs();
  using Bounds = SmallVector<Bound>;
  Cases cases(1);
  switch (negated ? negate(op.getPredicate()) : op.getPredicate()) {
  case Predicate::LT:
    cases[0] = Bounds{boundOf(lhs, rhs, -1)};
    break;
  case Predicate::LE:
    cases[0] = Bounds{boundOf(lhs, rhs, 0)};
    break;
  case Predicate::GT:
    cases[0] = Bounds{boundOf(rhs, lhs, -1)};
    break;
  case Predicate::GE:
    cases[0] = Bounds{boundOf(rhs, lhs, 0)};
    break;
  case Predicate::EQ:
    cases[0] = Bounds{boundOf(lhs, rhs, 0), boundOf(rhs, lhs, 0)};
    break;
  case Predicate::NE:
    cases[0] = Bounds{boundOf(lhs, rhs, -1)};
    cases.push_back(Bounds{boundOf(rhs, lhs, -1)});
    break;
  }
  return cases;
}

/// Adds \p literal to each of \p alternatives, which may become more.
void TileEmptiness::addLiteral(SmallVector<Conditions> &alternatives,
                               Literal literal) {
  auto compare = literal.getPointer().getDefiningOp<CompareOp>();
  Cases cases;
  // Ends of a remainder say less than what it is congruent to.
  if (compare && !tile.asRemainderTest(compare))
    cases = boundsOf(compare, literal.getInt());
  // |x| <= b is x <= b and -x <= b; |x| >= b is one of x >= b and -x >= b.
  Cases taken;
  for (SmallVector<Bound> &bounds : cases) {
    UnaryOp abs;
    if (bounds.size() == 1 && bounds[0].sum.size() == 1 &&
        std::abs(bounds[0].sum[0].first) == 1)
      abs = bounds[0].sum[0].second.getDefiningOp<UnaryOp>();
    if (!abs || abs.getKind() != UnaryKind::Abs) {
      taken.push_back(bounds);
      continue;
    }
    bool above = bounds[0].sum[0].first > 0;
    SmallVector<Bound> sides;
    for (int64_t sign : {1, -1}) {
      IndexTerms sum;
      unsigned steps = 0;
      addTerms(sum, abs.getOperand(), sign, steps);
      sides.push_back(boundOf(sum, bounds[0].bound));
    }
    if (above)
      taken.push_back(sides);
    else
      for (const Bound &side : sides)
        taken.push_back(SmallVector<Bound>(1, side));
  }
  bool isLinear = !taken.empty() &&
                  alternatives.size() * taken.size() <= mostTerms &&
                  llvm::all_of(taken, [](const SmallVector<Bound> &bounds) {
                    return llvm::all_of(bounds, [](const Bound &bound) {
                      return !bound.sum.empty();
                    });
                  });
  if (!isLinear) {
    for (Conditions &conditions : alternatives)
      conditions.others.push_back(literal);
    return;
  }
  SmallVector<Conditions> more;
  for (const Conditions &conditions : alternatives)
    for (const SmallVector<Bound> &bounds : taken) {
      more.push_back(conditions);
      more.back().bounds.append(bounds);
    }
  alternatives = std::move(more);
}

/// Says whether \p a is \p sign times \p b.
static bool isMultiple(const IndexTerms &a, const IndexTerms &b, int64_t sign) {
  return a.size() == b.size() && llvm::all_of(a, [&](const auto &term) {
           return llvm::is_contained(
               b, std::pair<int64_t, Value>(sign * term.first, term.second));
         });
}

TileEmptiness::Bands TileEmptiness::bandsOf(ArrayRef<Bound> bounds) {
  Bands bands;
  for (const Bound &bound : bounds) {
    int64_t sign = 1;
    auto *band = llvm::find_if(bands, [&](const Band &band) {
      sign = isMultiple(bound.sum, band.sum, 1) ? 1 : -1;
      return isMultiple(bound.sum, band.sum, sign);
    });
    if (band == bands.end()) {
      sign = 1;
      bands.push_back(Band{bound.sum, Value(), Value()});
      band = std::prev(bands.end());
    }
    if (sign > 0)
      band->high = band->high ? math.min(band->high, bound.bound) : bound.bound;
    else
      band->low = band->low ? math.max(band->low, math.neg(bound.bound))
                            : math.neg(bound.bound);
  }
  return bands;
}

/// Whether the bounds of each sum leave it a number.
Value TileEmptiness::haveNumbers(const Bands &bands) {
  Value may = math.truth(true);
  for (const Band &band : bands)
    if (band.low && band.high)
      may = math.land(may, math.compare(Predicate::LE, band.low, band.high));
  return may;
}

//===----------------------------------------------------------------------===//
// Conjunctions
//===----------------------------------------------------------------------===//

/// Says whether some of \p conditions want \p dim small and others large. If
/// none is so, the tile has a pair for all where it has one for each.
bool TileEmptiness::isContested(StringAttr dim, const Conditions &conditions,
                                const Bands &bands) {
  unsigned number = 0;
  bool wantsSmall = false, wantsLarge = false;
  for (Literal literal : conditions.others)
    if (hasAnyDim(literal.getPointer(), dim)) {
      ++number;
      wantsSmall = wantsLarge = true;
    }
  for (const Band &band : bands) {
    bool touches = false;
    for (auto [coefficient, term] : band.sum) {
      if (!hasAnyDim(term, dim))
        continue;
      touches = true;
      bool isIndex = bool(term.getDefiningOp<IndexOp>());
      wantsSmall |= !isIndex || (coefficient > 0 ? band.high : band.low);
      wantsLarge |= !isIndex || (coefficient > 0 ? band.low : band.high);
    }
    number += touches;
  }
  return number > 1 && wantsSmall && wantsLarge;
}

/// x // s - y // s <= u says that x - y < (u + 1) s, for positive s: false
/// where another of \p bounds says that x - y is not below that.
Value TileEmptiness::agreeWithQuotients(ArrayRef<Bound> bounds) {
  Value agree = math.truth(true);
  for (const Bound &quotients : bounds) {
    ArrayRef sum(quotients.sum);
    if (sum.size() != 2 || std::abs(sum[0].first) != 1 ||
        sum[0].first != -sum[1].first)
      continue;
    bool isSwapped = sum[0].first < 0;
    auto x = sum[isSwapped].second.getDefiningOp<BinaryOp>();
    auto y = sum[!isSwapped].second.getDefiningOp<BinaryOp>();
    if (!x || !y || x.getKind() != BinaryKind::FloorDiv ||
        y.getKind() != BinaryKind::FloorDiv || x.getRhs() != y.getRhs() ||
        !tile.isFixed(x.getRhs()))
      continue;
    Bound difference = boundOf(x.getLhs(), y.getLhs(), 0);
    for (const Bound &other : bounds) {
      if (!isMultiple(difference.sum, other.sum, -1))
        continue;
      Value low = math.neg(math.add(difference.bound, other.bound));
      Value quotient = math.add(quotients.bound, math.number(1));
      std::optional<int64_t> knownLow = constantInteger(low),
                             known = constantInteger(quotient);
      if (known && knownLow && *known >= 0 && *knownLow < *known)
        continue; // whatever the divisor is
      Value by = x.getRhs();
      // A product with the divisor has the sign of the other factor.
      Value end = knownLow == 0 ? quotient : math.mul(quotient, by);
      agree = math.land(
          agree, math.lor(math.compare(Predicate::LE, by, math.number(0)),
                          math.compare(Predicate::LT, low, end)));
    }
  }
  return agree;
}

/// \p each says whether each literal may hold by itself. A literal that is one
/// of two bounds may hold by the other one: where \p hasOthers, conditions
/// beside these, the bounds have to be looked at.
Value TileEmptiness::mayHold(const Conditions &conditions, Value each,
                             bool hasOthers) {
  Bands bands = bandsOf(conditions.bounds);
  Value may =
      math.land(agreeWithQuotients(conditions.bounds), haveNumbers(bands));
  return math.land(may, mayHoldInRange(conditions, bands, each, hasOthers));
}

/// Cuts the ranges of contested indices, lanes first, and looks at what is left
/// of the tile. For comparisons of two indices, or of one, nothing is left just
/// where there is no pair. Lanes are cut by what bounds them alone: keys are
/// then cut by the rest, and what is made of lanes stays the same for all tiles
/// of keys.
Value TileEmptiness::mayHoldInRange(const Conditions &conditions,
                                    const Bands &bands, Value each,
                                    bool hasOthers) {
  Value may = math.truth(true);
  TileRanges cut(math, varying);
  cut.rangeOfTensor = [&](Value value) { return tile.rangeOf(value); };
  cut.ranges = tile.ranges; // of what is carried whole
  bool isCut = false;
  for (ArrayRef<StringAttr> side : {lanes, over}) {
    SmallVector<StringAttr> contested;
    for (StringAttr dim : side)
      if (isContested(dim, conditions, bands))
        contested.push_back(dim);
    if (contested.empty())
      continue;
    isCut = true;
    // Sizes of what is known are of the lanes before they were cut.
    TileRanges before(math, varying);
    before.rangeOfTensor = cut.rangeOfTensor;
    before.ranges = cut.ranges;
    before.strides = tile.strides;
    KeyBounds solver(math, before, contested);
    KeyBounds::Box box;
    for (StringAttr dim : contested)
      box.push_back(tile.rangeOfIndex(dim));
    for (const Bound &bound : conditions.bounds) {
      bool hasKey = llvm::any_of(bound.sum, [&](const auto &term) {
        return hasAnyDim(term.second, over);
      });
      if (hasKey != (side == lanes))
        solver.narrowBox(box, bound.sum, bound.bound);
    }
    if (side == lanes) {
      TileRanges after(math, varying);
      after.rangeOfTensor = cut.rangeOfTensor;
      after.ranges = tile.ranges;
      for (auto [dim, range] : llvm::zip_equal(contested, box))
        after.ranges[dim] = range;
      KeyBounds remainders(math, after, contested);
      for (Literal literal : conditions.others)
        narrowByRemainder(literal, after, remainders, box);
    }
    for (auto [dim, range] : llvm::zip_equal(contested, box)) {
      cut.ranges[dim] = range;
      may = math.land(may, math.compare(Predicate::LE, range.low, range.high));
    }
  }
  if (!isCut && !hasOthers)
    return each;
  cut.given = tile.given;
  cut.strides = tile.strides;
  for (const Band &band : bands) {
    std::optional<IndexRange> range = rangeOf(band.sum, cut);
    if (!range) // of bits, say: no interval, but maybe few values
      may = math.land(may, each);
    if (range && band.high)
      may = math.land(may, math.compare(Predicate::LE, range->low, band.high));
    if (range && band.low)
      may = math.land(may, math.compare(Predicate::GE, range->high, band.low));
  }
  for (Literal literal : conditions.others) {
    assumeBands(literal, bands, cut);
    may = math.land(may, mayOf(literal, cut));
  }
  return may;
}

std::optional<IndexRange> TileEmptiness::rangeOf(const IndexTerms &sum,
                                                 TileRanges &ranges) {
  IndexRange total{math.number(0), math.number(0)};
  for (auto [coefficient, term] : sum) {
    std::optional<IndexRange> range = ranges.rangeOf(term);
    if (!range)
      return std::nullopt;
    if (coefficient < 0)
      std::swap(range->low, range->high);
    Value factor = math.number(coefficient);
    total = {math.add(total.low, math.mul(range->low, factor)),
             math.add(total.high, math.mul(range->high, factor))};
  }
  return total;
}

/// Takes into \p box, of lanes, that \p literal may ask for a remainder of
/// them: only from the first that has it to the last are there pairs.
void TileEmptiness::narrowByRemainder(Literal literal, TileRanges &ranges,
                                      KeyBounds &solver, KeyBounds::Box &box) {
  auto compare = literal.getPointer().getDefiningOp<CompareOp>();
  if (!compare || (compare.getPredicate() == Predicate::EQ) == literal.getInt())
    return;
  std::optional<RemainderTest> test = ranges.asRemainderTest(compare);
  if (!test || hasAnyDim(test->number, over))
    return;
  std::optional<IndexRange> range = ranges.rangeOf(test->number);
  if (!range)
    return;
  Value first = ranges.firstCongruent(range->low, *test);
  Value last = ranges.lastCongruent(range->high, *test);
  for (int64_t sign : {1, -1}) {
    IndexTerms sum;
    unsigned steps = 0;
    addTerms(sum, test->number, sign, steps);
    solver.narrowBox(box, sum, sign > 0 ? last : math.neg(first));
  }
}

/// Where \p literal is about the remainder of a sum that has a band, the sum is
/// within it.
void TileEmptiness::assumeBands(Literal literal, const Bands &bands,
                                TileRanges &ranges) {
  auto compare = literal.getPointer().getDefiningOp<CompareOp>();
  if (!compare)
    return;
  for (Value side : {compare.getLhs(), compare.getRhs()}) {
    auto mod = side.getDefiningOp<BinaryOp>();
    if (!mod || mod.getKind() != BinaryKind::Mod)
      continue;
    Value number = mod.getLhs();
    IndexTerms sum;
    unsigned steps = 0;
    addTerms(sum, number, 1, steps);
    std::optional<IndexRange> range = ranges.rangeOf(number);
    if (!range)
      continue;
    for (const Band &band : bands)
      for (int64_t sign : {1, -1}) {
        if (!isMultiple(sum, band.sum, sign))
          continue;
        Value low = sign > 0 ? band.low : band.high;
        Value high = sign > 0 ? band.high : band.low;
        if (low)
          range->low = math.max(range->low, sign > 0 ? low : math.neg(low));
        if (high)
          range->high = math.min(range->high, sign > 0 ? high : math.neg(high));
      }
    ranges.assume(number, *range);
  }
}
