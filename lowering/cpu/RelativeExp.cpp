//===- RelativeExp.cpp - Exponentials relative to a maximum ---------------===//

#include "lowering/cpu/RelativeExp.h"
#include "lowering/cpu/Eighths.h"
#include "lowering/cpu/VectorMath.h"
#include "lowering/gpu/DeviceMath.h"

#include "mlir/Dialect/Math/IR/Math.h"

#include <limits>
#include <numbers>

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

static constexpr double log2OfE = std::numbers::log2e;

//===----------------------------------------------------------------------===//
// Powers of 2
//===----------------------------------------------------------------------===//

// Minimax for the relative error of 2^f on [0, 1] with p(0) = 1: 8e-8 before
// rounding, and 2.9e-6 with degree 4.
static constexpr double degree5[] = {
    0.0018671304959303886, 0.009017029414526312, 0.055799913759155606,
    0.24016444997244332,   0.693151311820083,    1.0};
static constexpr double degree4[] = {0.01342668609698236, 0.052242471289082326,
                                     0.24128020612625908, 0.693044844728798,
                                     1.0};

/// Into how many parts an octave is divided: AVX2 looks up which of eight.
static int64_t partsOf(const Code &code) {
  assert((code.width == 8 || code.width == 16) && "a vector of AVX");
  return code.width == 8 ? 8 : 1;
}

static Value immediate(Code &code, unsigned bits, int64_t value) {
  OpBuilder &builder = code.builder;
  return arith::ConstantOp::create(
      builder, code.loc,
      builder.getIntegerAttr(builder.getIntegerType(bits), value));
}

/// 2^x as p(x - floor x) 2^(floor x), with the instructions of AVX-512 that
/// subtract the floor and that scale by a power of two: -inf gives 0.
static Value exp2ByFloor(Code &code, Value x, ArrayRef<double> coefficients) {
  // No fraction bits kept, rounding down, no exception.
  constexpr int64_t floorQuietly = 9, currentRounding = 4;
  auto masked = [&](StringRef name, Value a, Value b) {
    return code.intrinsic(name, x.getType(),
                          {a, b, code.realLike(x, 0.0), immediate(code, 16, -1),
                           immediate(code, 32, currentRounding)});
  };
  Value f = masked("llvm.x86.avx512.mask.reduce.ps.512", x,
                   immediate(code, 32, floorQuietly));
  return masked("llvm.x86.avx512.mask.scalef.ps.512",
                code.polynomial(f, coefficients), x);
}

/// 2^(x/8) for x <= 0 or little more: with n the integer next to x, 2^(n/8)
/// from a table by the low bits of n, and a polynomial in x - n. Weights wait
/// for each other on Zen 3, where this has three instructions in a row less
/// than a polynomial for the octave: 24 of them take 15.4 cycles instead of 17.
static Value exp2ByEighths(Code &code, Value x) {
  // At -127 octaves the table's 1 becomes the number 0.
  Value low = code.realLike(x, -127.0 * 8);
  Value isLow = code.compare(arith::CmpFPredicate::OLT, x, low);
  x = code.select(isLow, low, x);
  auto [n, power] = eighthsOf(code, x);
  Value f = code.sub(x, n);
  return code.fma(code.mul(f, power), eighthPower(code, f), power);
}

/// 2^(x / parts).
static Value powerOfParts(Code &code, Value x, bool isRounded) {
  return partsOf(code) == 8
             ? exp2ByEighths(code, x)
             : exp2ByFloor(code, x,
                           isRounded ? ArrayRef(degree4) : ArrayRef(degree5));
}

//===----------------------------------------------------------------------===//
// Bases
//===----------------------------------------------------------------------===//

/// The factor is parts log2(e). From 2^29 on rounding the shift would be a
/// factor of more than 2^32. Numbers there are 32 or more below the maximum, or
/// it: e^-32, as much as another base may be off, is nothing beside the 1 of
/// the maximum. The factor is a power of 2 so that the shift is exact, twice
/// the parts so that the power is below that of e; from 2^100 on it is 1, lest
/// products overflow.
ExpBase attn::cpu::expBase(Code &code, Value maximum) {
  Value shift = unary(code, UnaryKind::NegInfToZero, maximum);
  if (code.machine == Machine::Gpu)
    return {Value(), shift};
  double parts = double(partsOf(code));
  Value magnitude = math::AbsFOp::create(code.builder, code.loc, shift);
  Value factor = code.realLike(shift, 1.0);
  auto below = [&](double bound, double chosen) {
    Value isBelow = code.compare(arith::CmpFPredicate::OLT, magnitude,
                                 code.realLike(shift, bound));
    factor = code.select(isBelow, code.realLike(shift, chosen), factor);
  };
  below(0x1p100, 2 * parts);
  below(0x1p29, parts * log2OfE);
  return {factor, code.mul(shift, factor)};
}

Value attn::cpu::expRelative(Code &code, Value x, const ExpBase &base,
                             bool isRounded) {
  Value shift = base.shift;
  code.unify(x, shift);
  if (base.factor)
    return powerOfParts(code, code.fma(x, base.factor, code.neg(shift)),
                        isRounded);
  Value exponent = code.mul(code.sub(x, shift), code.realLike(shift, log2OfE));
  return gpu::exp2(code, exponent);
}

Value attn::cpu::rescaling(Code &code, const ExpBase &from, const ExpBase &to) {
  Value before = from.shift;
  if (!to.factor)
    return expRelative(code, before, to);
  // Numbers whose factors differ are 32 or more apart.
  Value isAlike =
      code.compare(arith::CmpFPredicate::OEQ, from.factor, to.factor);
  before = code.select(
      isAlike, before,
      code.realLike(before, -std::numeric_limits<double>::infinity()));
  return powerOfParts(code, code.sub(before, to.shift), /*isRounded=*/false);
}

Value attn::cpu::weightOfMaximum(Code &code, Value maximum, bool isRounded) {
  Value number = unary(code, UnaryKind::NegInfToZero, maximum);
  return expRelative(code, number, expBase(code, maximum), isRounded);
}
