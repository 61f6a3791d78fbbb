//===- TileMask.cpp - Which elements of a tile count ----------------------===//

#include "lowering/gpu/TileMask.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

using Values = WarpCode::Values;

static constexpr unsigned bitsOfWord = 32;

/// The thread's columns of a row: two of each group of eight.
static unsigned numberOfColumns(unsigned columns) { return columns / 4; }
static int columnOf(unsigned number) { return placeOf(number * 2).column; }
static unsigned numberOfWords(unsigned columns) {
  return (numberOfColumns(columns) + bitsOfWord - 1) / bitsOfWord;
}

/// Adds to \p parts what has to hold for \p condition.
static void collectConjuncts(Value condition, SmallVectorImpl<Value> &parts) {
  auto binary = condition.getDefiningOp<BinaryOp>();
  if (!binary || binary.getKind() != BinaryKind::And) {
    parts.push_back(condition);
    return;
  }
  collectConjuncts(binary.getLhs(), parts);
  collectConjuncts(binary.getRhs(), parts);
}

TileMask::TileMask(FragmentEvaluator &pairs, Value domain, unsigned columns,
                   ValueRange ends, ValueRange firsts,
                   llvm::function_ref<SmallVector<Value>()> lastColumns,
                   const FragmentScope &scope)
    : pairs(pairs), code(pairs.code), warps(pairs.warps), columns(columns),
      counting(&scope), reading(&scope) {
  counting.lastColumns.assign(ends.size(), Value());
  if (domain && pairs.readsColumns(domain))
    reading.lastColumns = lastColumns();
  for (auto [end, first] : llvm::zip_equal(ends, firsts))
    existing.push_back({{}, {Offset{end, first}}});
  std::array<Runs, 2> runs{existing, existing};
  bool isLimited = false;
  if (domain && MaskBits::isLong(pairs, domain))
    bits.emplace(pairs, domain, columns, reading);
  else if (domain)
    collectConjuncts(domain, rest);
  llvm::erase_if(rest, [&](Value condition) {
    std::optional<Limit> limit = limitOf(condition);
    if (limit)
      take(*limit, runs);
    isLimited |= limit.has_value();
    return limit.has_value();
  });
  Words others;
  std::array<Value, 2> rowHolds;
  llvm::erase_if(rest, [&](Value condition) {
    if (!pairs.onColumns(condition)) {
      for (unsigned row : {0, 1}) {
        Value holds = pairs.evaluate(condition, {int(row), -1}, counting);
        Value &all = rowHolds[row];
        all = all ? code.land(all, holds) : holds;
      }
      return true;
    }
    std::optional<Words> either = wordsOf(condition);
    if (either)
      combine(others, *either, BinaryKind::And);
    return either.has_value();
  });
  // A comparison an element costs less than its share of a row's bits.
  bool areEnds =
      ends.size() == 1 && runs[0].front().begins.empty() && others[0].empty();
  for (unsigned row : {0, 1}) {
    if (areEnds)
      endsOfRows[row] = outermost(runs[row].front().ends, /*isEnd=*/true);
    else if (isLimited || others[row].empty())
      words[row] = wordsOf(runs[row]);
  }
  combine(words, others, BinaryKind::And);
  for (unsigned row : {0, 1})
    if (Value holds = rowHolds[row]) {
      if (Value &end = endsOfRows[row])
        end = code.select(holds, end, warps.i32(0));
      for (Value &word : words[row])
        word = code.select(holds, word, warps.i32(0));
    }
}

/// Conditions are looked at one after the other: a conjunction would hide the
/// test of a bit from the assembler.
Value TileMask::choose(unsigned element, Value value, Value otherwise) {
  Place place = placeOf(element);
  for (Value condition : rest) {
    FragmentScope &scope = pairs.readsColumns(condition) ? reading : counting;
    value =
        code.select(pairs.evaluate(condition, place, scope), value, otherwise);
  }
  if (bits)
    value = code.select(bits->holds(element), value, otherwise);
  if (Value end = endsOfRows[place.row])
    value = code.select(
        code.compare(arith::CmpIPredicate::sgt, end, warps.i32(place.column)),
        value, otherwise);
  if (words[place.row].empty())
    return value;
  unsigned number = element / 4 * 2 + element % 2;
  Value bit = warps.i32(int32_t(1u << number % bitsOfWord));
  Value masked = code.land(words[place.row][number / bitsOfWord], bit);
  return code.select(
      code.compare(arith::CmpIPredicate::ne, masked, warps.i32(0)), value,
      otherwise);
}

Values TileMask::choose(ArrayRef<Value> elements, double identity) {
  Values chosen;
  for (auto [i, element] : llvm::enumerate(elements))
    chosen.push_back(choose(unsigned(i), element, code.real(identity)));
  return chosen;
}

/// Takes \p others into \p words, of which there may be none yet.
void TileMask::combine(Words &words, const Words &others, BinaryKind kind) {
  for (unsigned row : {0, 1}) {
    if (words[row].empty())
      words[row] = others[row];
    else if (!others[row].empty())
      for (auto [word, other] : llvm::zip_equal(words[row], others[row]))
        word = kind == BinaryKind::And ? code.land(word, other)
                                       : code.lor(word, other);
  }
}

/// \p condition as bits of columns that exist, where it is made of runs and of
/// what the columns share. Each run has the end of the columns as one of its
/// own: a test of the whole would take it in the loop.
std::optional<TileMask::Words> TileMask::wordsOf(Value condition) {
  if (auto binary = condition.getDefiningOp<BinaryOp>();
      binary && pairs.onColumns(condition) &&
      llvm::is_contained({BinaryKind::And, BinaryKind::Or}, binary.getKind())) {
    std::optional<Words> a = wordsOf(binary.getLhs());
    std::optional<Words> b = a ? wordsOf(binary.getRhs()) : std::nullopt;
    if (b)
      combine(*a, *b, binary.getKind());
    return b ? a : std::nullopt;
  }
  Words words;
  if (std::optional<Limit> limit = limitOf(condition)) {
    std::array<Runs, 2> runs{existing, existing};
    take(*limit, runs);
    for (unsigned row : {0, 1})
      words[row] = wordsOf(runs[row]);
    return words;
  }
  if (pairs.onColumns(condition))
    return std::nullopt;
  for (unsigned row : {0, 1}) {
    Value holds = pairs.evaluate(condition, {int(row), -1}, counting);
    words[row] = wordsOf(existing);
    for (Value &word : words[row])
      word = code.select(holds, word, warps.i32(0));
  }
  return words;
}

static arith::CmpIPredicate swapped(arith::CmpIPredicate predicate) {
  using arith::CmpIPredicate;
  switch (predicate) {
  case CmpIPredicate::slt:
    return CmpIPredicate::sgt;
  case CmpIPredicate::sle:
    return CmpIPredicate::sge;
  case CmpIPredicate::sgt:
    return CmpIPredicate::slt;
  case CmpIPredicate::sge:
    return CmpIPredicate::sle;
  default:
    return predicate;
  }
}

/// The column dimension whose offsets \p constants, of each of the thread's
/// columns, grow or shrink with, and whether they grow.
std::optional<std::pair<unsigned, bool>>
TileMask::slopeOf(ArrayRef<int64_t> constants) {
  for (unsigned position = 0; position != pairs.columns.size(); ++position)
    for (bool grows : {false, true}) {
      bool isOfAll = true, varies = false;
      for (auto [number, constant] : llvm::enumerate(constants)) {
        int64_t offset = pairs.offsetOf(position, columnOf(number));
        varies |= offset != 0;
        isOfAll &= constant - constants.front() == (grows ? offset : -offset);
      }
      if (isOfAll && varies)
        return std::pair(position, grows);
    }
  return std::nullopt;
}

/// What \p condition says of offsets in one column dimension, if it says
/// nothing else.
std::optional<TileMask::Limit> TileMask::limitOf(Value condition) {
  auto op = condition.getDefiningOp<CompareOp>();
  if (!op || op.getPredicate() == Predicate::NE || !pairs.onColumns(op) ||
      pairs.given.contains(op) || pairs.readsColumns(op))
    return std::nullopt;
  Limit limit;
  for (unsigned row : {0, 1}) {
    SmallVector<int64_t> constants;
    FragmentEvaluator::Comparison first;
    for (unsigned i = 0; i != numberOfColumns(columns); ++i) {
      auto compared = pairs.comparisonOf(op, {int(row), columnOf(i)}, counting);
      if (i == 0 && compared)
        first = *compared;
      if (!compared || compared->left != first.left ||
          compared->right != first.right)
        return std::nullopt;
      constants.push_back(compared->constant);
    }
    auto slope = slopeOf(constants);
    if (!slope)
      return std::nullopt;
    // left - right < constant + offset, or left + offset - right < constant.
    auto [position, grows] = *slope;
    limit.position = position;
    limit.predicate = grows ? swapped(first.predicate) : first.predicate;
    Value at = grows ? first.left : first.right;
    int64_t constant = grows ? -first.constant : first.constant;
    if (!at || constant != 0)
      at = at ? code.add(at, warps.i32(constant)) : warps.i32(constant);
    limit.ofRow[row] = {at, grows ? first.right : first.left};
  }
  return limit;
}

/// Leaves of the rows' runs what \p limit leaves.
void TileMask::take(const Limit &limit, std::array<Runs, 2> &runs) {
  using arith::CmpIPredicate;
  CmpIPredicate predicate = limit.predicate;
  bool isEqual = predicate == CmpIPredicate::eq;
  for (unsigned row : {0, 1}) {
    Run &run = runs[row][limit.position];
    Offset here = limit.ofRow[row];
    Offset next = {code.add(here.at, warps.i32(1)), here.first};
    if (predicate == CmpIPredicate::sge || isEqual)
      run.begins.push_back(here);
    if (predicate == CmpIPredicate::sgt)
      run.begins.push_back(next);
    if (predicate == CmpIPredicate::slt)
      run.ends.push_back(here);
    if (predicate == CmpIPredicate::sle || isEqual)
      run.ends.push_back(next);
  }
}

/// The least of \p offsets that are ends, or the greatest of begins. Those from
/// one column are compared first: loops leave that to their start.
Value TileMask::outermost(ArrayRef<Offset> offsets, bool isEnd) {
  auto further = [&](Value a, Value b) {
    if (!a)
      return b;
    return isEnd ? code.min(a, b) : code.max(a, b);
  };
  llvm::MapVector<Value, Value> ofFirst;
  for (const Offset &offset : offsets) {
    Value &at = ofFirst[offset.first];
    at = further(at, offset.at);
  }
  Value all;
  for (auto [first, at] : ofFirst)
    all = further(all, first ? code.sub(at, first) : at);
  return all;
}

/// How many of a thread's columns are before the one \p offset (not negative)
/// from its first on: two of each eight.
Value TileMask::bitsBefore(Value offset) {
  Value groups =
      arith::ShRUIOp::create(code.builder, code.loc, offset, warps.i32(3));
  Value ofGroup = code.min(code.land(offset, warps.i32(7)), warps.i32(2));
  return code.add(code.add(groups, groups), ofGroup);
}

/// The thread's columns of a row that are in \p runs, a bit for each, the first
/// lowest.
Values TileMask::wordsOf(ArrayRef<Run> runs) {
  unsigned total = numberOfColumns(columns);
  Value zero = warps.i32(0);
  Values words(numberOfWords(columns), Value());
  // Bits of one position of the dimension.
  unsigned unit = 0;
  for (unsigned i = runs.size(); i-- != 0;) {
    bool isInnermost = unit == 0;
    unsigned period = total;
    if (i != 0)
      period = isInnermost ? numberOfColumns(pairs.columns[i].box)
                           : unit * pairs.columns[i].box;
    auto place = [&](Value offset) {
      offset = code.max(offset, zero);
      if (isInnermost)
        return code.min(bitsBefore(offset), warps.i32(period));
      return code.mul(code.min(offset, warps.i32(period / unit)),
                      warps.i32(unit));
    };
    Value begin = zero, end = warps.i32(period);
    if (!runs[i].begins.empty())
      begin = place(outermost(runs[i].begins, /*isEnd=*/false));
    if (!runs[i].ends.empty())
      end = place(outermost(runs[i].ends, /*isEnd=*/true));
    bool repeats = period != total;
    assert((!repeats || total <= bitsOfWord || bitsOfWord % period == 0) &&
           "a word is no number of periods");
    for (auto [number, word] : llvm::enumerate(words)) {
      Value first = begin, last = end;
      if (!repeats && number != 0) {
        Value before = warps.i32(bitsOfWord * unsigned(number));
        first = code.max(code.sub(begin, before), zero);
        last = code.sub(end, before);
      }
      Value bits = warps.ones(first, code.max(code.sub(last, first), zero));
      if (repeats) {
        uint32_t copies = 0;
        for (unsigned at = 0; at < std::min(total, bitsOfWord); at += period)
          copies |= 1u << at;
        bits = code.mul(bits, warps.i32(int32_t(copies)));
      }
      word = word ? code.land(word, bits) : bits;
    }
    unit = period;
  }
  return words;
}
