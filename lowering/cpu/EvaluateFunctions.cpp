//===- EvaluateFunctions.cpp - Functions of numbers and of lanes ----------===//
//
// Sums, quotients, comparisons, conversions: of two numbers, of two vectors of
// lanes, or of one each. Lanes of integers are 32 bits wide where the range of
// what they hold allows it.
//
//===----------------------------------------------------------------------===//

#include "dialect/ShiftedSums.h"
#include "lowering/cpu/Evaluate.h"
#include "lowering/cpu/VectorMath.h"

#include <limits>

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

//===----------------------------------------------------------------------===//
// Integer ranges
//===----------------------------------------------------------------------===//

bool IntRange::fits31() const {
  constexpr int64_t limit = int64_t(1) << 30;
  return low >= -limit && high < limit;
}

bool IntRange::fits32() const {
  return low >= std::numeric_limits<int32_t>::min() &&
         high <= std::numeric_limits<int32_t>::max();
}

namespace {

constexpr IntRange fullRange{std::numeric_limits<int64_t>::min(),
                             std::numeric_limits<int64_t>::max()};

IntRange clampRange(__int128 low, __int128 high) {
  if (low < fullRange.low || high > fullRange.high)
    return fullRange;
  return {int64_t(low), int64_t(high)};
}

IntRange rangeOfElement(Type type) {
  unsigned bits = type.isIntOrFloat() ? type.getIntOrFloatBitWidth() : 64;
  if (isa<FloatType>(type) || bits == 64)
    return fullRange;
  if (bits == 1)
    return {0, 1};
  return {-(int64_t(1) << (bits - 1)), (int64_t(1) << (bits - 1)) - 1};
}

IntRange rangeOfBinary(BinaryKind kind, IntRange a, IntRange b) {
  __int128 al = a.low, ah = a.high, bl = b.low, bh = b.high;
  switch (kind) {
  case BinaryKind::Add:
    return clampRange(al + bl, ah + bh);
  case BinaryKind::Sub:
    return clampRange(al - bh, ah - bl);
  case BinaryKind::Mul: {
    if (a.low == fullRange.low || b.low == fullRange.low)
      return fullRange;
    __int128 products[] = {al * bl, al * bh, ah * bl, ah * bh};
    return clampRange(*std::min_element(products, products + 4),
                      *std::max_element(products, products + 4));
  }
  case BinaryKind::FloorDiv: {
    __int128 most = std::max(-al, ah);
    return b.low > 0 ? clampRange(std::min<__int128>(al, 0),
                                  std::max<__int128>(ah, 0))
                     : clampRange(-most, most);
  }
  case BinaryKind::Mod: {
    if (b.low > 0)
      return {0, b.high - 1};
    __int128 most = std::max({-al, ah, -bl, bh}); // x % 0 is x
    return clampRange(-most, most);
  }
  case BinaryKind::Min:
    return {std::min(a.low, b.low), std::min(a.high, b.high)};
  case BinaryKind::Max:
    return {std::max(a.low, b.low), std::max(a.high, b.high)};
  default:
    return fullRange;
  }
}

} // namespace

IntRange Evaluator::rangeOf(Value value) {
  auto known = ranges.find(value);
  if (known != ranges.end())
    return known->second;
  IntRange range = rangeOfElement(quantity(value).getElementType());
  Operation *op = value.getDefiningOp();
  if (auto constant = dyn_cast_or_null<ConstantOp>(op)) {
    if (auto number = dyn_cast<IntegerAttr>(constant.getValue()))
      range = {number.getValue().getSExtValue(),
               number.getValue().getSExtValue()};
  } else if (auto index = dyn_cast_or_null<IndexOp>(op)) {
    SpecOp spec = layout.getSpec();
    range = {0, spec.getStaticSize(index.getDimAttr()).value_or(maxExtent) - 1};
  } else if (isa_and_nonnull<ExtentOp, TileBoundOp>(op)) {
    range = {0, maxExtent};
  } else if (auto cast = dyn_cast_or_null<CastOp>(op)) {
    range = rangeOfElement(quantity(cast.getOperand()).getElementType());
  } else if (auto read = dyn_cast_or_null<ReadOp>(op)) {
    range = rangeOf(read.getSource());
  } else if (auto select = dyn_cast_or_null<SelectOp>(op)) {
    IntRange a = rangeOf(select.getThen()), b = rangeOf(select.getOtherwise());
    range = {std::min(a.low, b.low), std::max(a.high, b.high)};
  } else if (auto unary = dyn_cast_or_null<UnaryOp>(op)) {
    IntRange a = rangeOf(unary.getOperand());
    if (a.low != fullRange.low) {
      int64_t bound = std::max(std::abs(a.low), std::abs(a.high));
      range = {-bound, bound};
    }
  } else if (auto binary = dyn_cast_or_null<BinaryOp>(op)) {
    range = rangeOfBinary(binary.getKind(), rangeOf(binary.getLhs()),
                          rangeOf(binary.getRhs()));
  }
  ranges[value] = range;
  return range;
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

/// exp(x - f(M)) with M a running maximum has code of its own.
Value Evaluator::exponential(UnaryOp op, Scope &scope) {
  if (std::optional<ShiftedExp> exp = asShiftedExp(op.getResult()))
    if (const ExpBase *base = scope.lookupBase(exp->max))
      return expRelative(code, evaluate(exp->number, scope), *base,
                         roundsWeights);
  return unary(code, UnaryKind::Exp, evaluate(op.getOperand(), scope));
}

/// Says whether a quantity over \p part has an element for several of one over
/// \p whole.
static bool isSharedAmong(ArrayRef<StringAttr> part,
                          ArrayRef<StringAttr> whole) {
  return llvm::any_of(
      whole, [&](StringAttr dim) { return !llvm::is_contained(part, dim); });
}

bool attn::cpu::feedsStep(BinaryOp op) {
  return llvm::any_of(op->getUsers(), [](Operation *user) {
    if (auto unary = dyn_cast<UnaryOp>(user))
      return unary.getKind() == UnaryKind::Floor ||
             unary.getKind() == UnaryKind::Ceil;
    if (auto cast = dyn_cast<CastOp>(user))
      return isa<IntegerType>(quantity(cast.getResult()).getElementType());
    return isa<CompareOp>(user);
  });
}

/// A quotient or remainder of a dividend of 31 bits, where that is shorter: a
/// GPU divides 64 bits in a branch of its own, of dozens of instructions, a CPU
/// divides the lanes of a vector one by one. Null for other functions.
Value Evaluator::divideShort(BinaryOp op, Value a, Value b) {
  bool isQuotient = op.getKind() == BinaryKind::FloorDiv;
  if (!isQuotient && op.getKind() != BinaryKind::Mod)
    return {};
  bool isVector = Code::isVector(a) || Code::isVector(b);
  Value quotient;
  if (code.machine == Machine::Gpu && !isVector)
    quotient = code.shortFloorDiv(a, b);
  else if (code.machine == Machine::Cpu && isVector && !Code::isVector(b))
    quotient = code.realFloorDiv(a, b);
  else if (code.machine == Machine::Cpu && isVector &&
           rangeOf(op.getRhs()).fits32())
    quotient = code.realFloorDiv(a, code.toInt(b, 32));
  else
    return {};
  return isQuotient ? quotient : code.sub(a, code.mul(quotient, b));
}

Value Evaluator::binary(BinaryOp op, Scope &scope) {
  Value a = evaluate(op.getLhs(), scope), b = evaluate(op.getRhs(), scope);
  Type element = quantity(op.getResult()).getElementType();
  if (element.isInteger(64) && (Code::isVector(a) || Code::isVector(b))) {
    bool narrow = rangeOf(op.getLhs()).fits32() &&
                  rangeOf(op.getRhs()).fits32() &&
                  rangeOf(op.getResult()).fits32();
    a = code.toInt(a, narrow ? 32 : 64);
    b = code.toInt(b, narrow ? 32 : 64);
  }
  // Many elements have the same divisor: its inverse is computed once, since
  // loops do not change it. (One so small that this overflows counts as 0.)
  if (op.getKind() == BinaryKind::Div && !feedsStep(op) &&
      isSharedAmong(quantity(op.getRhs()).getDims(),
                    quantity(op.getResult()).getDims())) {
    Value inverse = code.div(code.realLike(b, 1.0), b);
    code.unify(a, inverse);
    return code.mul(a, inverse);
  }
  if (element.isInteger(64) && !op.getRhs().getDefiningOp<ConstantOp>() &&
      rangeOf(op.getLhs()).fits31())
    if (Value result = divideShort(op, a, b))
      return result;
  code.unify(a, b);
  switch (op.getKind()) {
  case BinaryKind::Add:
    return code.add(a, b);
  case BinaryKind::Sub:
    return code.sub(a, b);
  case BinaryKind::Mul:
    return code.mul(a, b);
  case BinaryKind::Div:
    return code.div(a, b);
  case BinaryKind::Ratio:
    return code.ratio(a, b);
  case BinaryKind::FloorDiv:
    return code.floorDiv(a, b);
  case BinaryKind::Mod:
    return code.floorMod(a, b);
  case BinaryKind::Min:
    return code.min(a, b);
  case BinaryKind::Max:
    return code.max(a, b);
  case BinaryKind::Pow:
    return attn::cpu::pow(code, a, b);
  case BinaryKind::And:
    return code.land(a, b);
  case BinaryKind::Or:
    return code.lor(a, b);
  case BinaryKind::Xor:
    return code.lxor(a, b);
  case BinaryKind::Shl:
    return code.shiftLeft(code.toInt(a, 64), code.toInt(b, 64));
  case BinaryKind::Shr:
    return code.shiftRight(code.toInt(a, 64), code.toInt(b, 64));
  }
  llvm_unreachable("unknown function");
}

//===----------------------------------------------------------------------===//
// Comparisons
//===----------------------------------------------------------------------===//

arith::CmpIPredicate attn::cpu::intPredicate(Predicate predicate) {
  switch (predicate) {
  case Predicate::LT:
    return arith::CmpIPredicate::slt;
  case Predicate::LE:
    return arith::CmpIPredicate::sle;
  case Predicate::GT:
    return arith::CmpIPredicate::sgt;
  case Predicate::GE:
    return arith::CmpIPredicate::sge;
  case Predicate::EQ:
    return arith::CmpIPredicate::eq;
  case Predicate::NE:
    return arith::CmpIPredicate::ne;
  }
  llvm_unreachable("unknown predicate");
}

arith::CmpFPredicate attn::cpu::realPredicate(Predicate predicate) {
  switch (predicate) {
  case Predicate::LT:
    return arith::CmpFPredicate::OLT;
  case Predicate::LE:
    return arith::CmpFPredicate::OLE;
  case Predicate::GT:
    return arith::CmpFPredicate::OGT;
  case Predicate::GE:
    return arith::CmpFPredicate::OGE;
  case Predicate::EQ:
    return arith::CmpFPredicate::OEQ;
  case Predicate::NE:
    return arith::CmpFPredicate::UNE;
  }
  llvm_unreachable("unknown predicate");
}

Value Evaluator::compare(CompareOp op, Scope &scope) {
  Value a = evaluate(op.getLhs(), scope), b = evaluate(op.getRhs(), scope);
  Type element = quantity(op.getLhs()).getElementType();
  if (element.isF32())
    return code.compare(realPredicate(op.getPredicate()), a, b);
  if (element.isInteger(64) && (Code::isVector(a) || Code::isVector(b))) {
    IntRange ra = rangeOf(op.getLhs()), rb = rangeOf(op.getRhs());
    // A number that all lanes compare with may be clamped to 32 bits when the
    // lanes stay clear of the ends.
    auto clamp = [&](Value &number, IntRange &range, const IntRange &lanes) {
      constexpr int64_t low = std::numeric_limits<int32_t>::min();
      constexpr int64_t high = std::numeric_limits<int32_t>::max();
      if (Code::isVector(number) || range.fits32() || lanes.low <= low ||
          lanes.high >= high)
        return;
      number = code.min(code.max(number, code.index(low)), code.index(high));
      range = {low, high};
    };
    clamp(a, ra, rb);
    clamp(b, rb, ra);
    unsigned bits = ra.fits32() && rb.fits32() ? 32 : 64;
    a = code.toInt(a, bits);
    b = code.toInt(b, bits);
  }
  return code.compare(intPredicate(op.getPredicate()), a, b);
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

Value Evaluator::cast(CastOp op, Scope &scope) {
  Value x = evaluate(op.getOperand(), scope);
  OpBuilder &b = code.builder;
  Location loc = code.loc;
  Type from = Code::elementOf(x);
  Type to = quantity(op.getResult()).getElementType();
  Type type = code.likeWith(x, to);
  if (isa<FloatType>(from) && isa<FloatType>(to)) {
    if (from == to)
      return x;
    if (to.isBF16())
      return roundToBFloat(code, x);
    return from.getIntOrFloatBitWidth() < to.getIntOrFloatBitWidth()
               ? Value(arith::ExtFOp::create(b, loc, type, x))
               : Value(arith::TruncFOp::create(b, loc, type, x));
  }
  if (to.isInteger(1)) {
    if (isa<FloatType>(from))
      return code.compare(arith::CmpFPredicate::UNE, x, code.realLike(x, 0.0));
    return from.isInteger(1)
               ? x
               : code.compare(arith::CmpIPredicate::ne, x, code.intLike(x, 0));
  }
  if (isa<FloatType>(to)) {
    if (from.isInteger(1))
      x = code.toInt(x, 32);
    Value real =
        arith::SIToFPOp::create(b, loc, code.likeWith(x, code.f32()), x);
    if (to.isBF16())
      return roundToBFloat(code, real);
    return to.isF32() ? real
                      : Value(arith::TruncFOp::create(b, loc, type, real));
  }
  if (isa<FloatType>(from))
    return code.realToInt(x, to.getIntOrFloatBitWidth());
  // Lanes of small integers stay 32 bits wide; ops widen them where they must.
  if (to.isInteger(64) && Code::isVector(x) &&
      from.getIntOrFloatBitWidth() <= 32)
    return code.toInt(x, 32);
  return code.toInt(x, to.getIntOrFloatBitWidth());
}
