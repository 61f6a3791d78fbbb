//===- VectorMath.cpp - Elementary functions on lanes ---------------------===//

#include "lowering/cpu/VectorMath.h"
#include "lowering/cpu/Eighths.h"
#include "lowering/gpu/DeviceMath.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <cmath>
#include <limits>
#include <numbers>

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

static constexpr double log2OfE = std::numbers::log2e;

// Minimax for the relative error of 2^f on [-1/2, 1/2] with p(0) = 1: 2e-9
// before rounding.
static constexpr double degree6[] = {0.00015353361959569156,
                                     0.0013398873852565885,
                                     0.00961843691766262,
                                     0.055503323674201965,
                                     0.24022647738456726,
                                     0.6931471824645996,
                                     1.0};

/// Adding 1.5 * 2^23 rounds a number below 2^22 to an integer n and leaves n in
/// the low bits of the sum: no conversion, and NaN stays NaN.
static constexpr double magic = 12582912.0;

static Value bitsOf(Code &code, Value x) {
  Type type = code.likeWith(x, code.builder.getI32Type());
  return arith::BitcastOp::create(code.builder, code.loc, type, x);
}

/// 2^n 2^f for |f| <= 1/2 and an integer n, the low bits of \p n.
static Value scaleByPower(Code &code, Value n, Value f,
                          ArrayRef<double> coefficients) {
  Value p = code.polynomial(f, coefficients);
  Value exponent =
      arith::ShLIOp::create(code.builder, code.loc, n, code.intLike(n, 23));
  return arith::BitcastOp::create(code.builder, code.loc, f.getType(),
                                  code.add(bitsOf(code, p), exponent));
}

/// \p x within the bounds; NaN stays NaN.
static Value clamp(Code &code, Value x, double low, double high) {
  auto less = arith::CmpFPredicate::OLT;
  Value lowest = code.realLike(x, low), highest = code.realLike(x, high);
  x = code.select(code.compare(less, x, lowest), lowest, x);
  return code.select(code.compare(less, highest, x), highest, x);
}

/// 0 below \p low and inf above \p high; between them, what \p compute makes.
static Value withinRange(Code &code, Value x, double low, double high,
                         llvm::function_ref<Value(Value)> compute) {
  auto less = arith::CmpFPredicate::OLT;
  Value lowest = code.realLike(x, low), highest = code.realLike(x, high);
  Value under = code.compare(less, x, lowest);
  Value over = code.compare(less, highest, x);
  Value result =
      compute(code.select(over, highest, code.select(under, lowest, x)));
  result = code.select(under, code.realLike(x, 0.0), result);
  return code.select(
      over, code.realLike(x, std::numeric_limits<double>::infinity()), result);
}

Value attn::cpu::exp2(Code &code, Value x) {
  if (code.machine == Machine::Gpu)
    return gpu::exp2(code, x);
  return withinRange(code, x, -126.0, 127.999992370605, [&](Value clamped) {
    Value shifted = code.add(clamped, code.realLike(x, magic));
    Value n = code.sub(shifted, code.realLike(x, magic));
    return scaleByPower(code, bitsOf(code, shifted), code.sub(clamped, n),
                        degree6);
  });
}

/// exp for AVX2, with n an integer of eighths of an octave. The table has half
/// of each power. Where x is not negative that is doubled in the end, and so
/// goes to inf by itself; elsewhere it is doubled before, and at -127 octaves
/// it is the number 0.
static Value expByEighths(Code &code, Value x) {
  constexpr double scale = 8 * log2OfE, ln2 = 0.6931471805599453;
  x = clamp(code, x, -127 * ln2, 128.5 * ln2);
  Value upper = code.realLike(x, float(scale));
  Value lower = code.realLike(x, scale - double(float(scale)));
  auto [n, half] = eighthsOf(code, code.mul(x, upper), /*octaves=*/-1);
  Value f = code.fma(x, lower, code.fma(x, upper, code.neg(n)));
  Value sign = bitsOf(code, x);
  Value isNegative =
      code.compare(arith::CmpIPredicate::slt, sign, code.intLike(sign, 0));
  constexpr int64_t octave = 1 << 23;
  Value power = arith::BitcastOp::create(
      code.builder, code.loc, x.getType(),
      code.add(bitsOf(code, half),
               code.select(isNegative, code.intLike(sign, octave),
                           code.intLike(sign, 0))));
  power = code.fma(code.mul(f, power), eighthPower(code, f), power);
  return code.mul(power, code.select(isNegative, code.realLike(x, 1.0),
                                     code.realLike(x, 2.0)));
}

/// e^x = 2^n 2^f with n the integer next to x log2(e); f = x log2(e) - n takes
/// the low half of log2(e) too, or the error would grow with x.
static Value exp(Code &code, Value x) {
  if (hasEighths(code, x))
    return expByEighths(code, x);
  constexpr double ln2 = 0.6931471805599453;
  return withinRange(code, x, -126 * ln2, 127.99999 * ln2, [&](Value clamped) {
    Value high = code.realLike(x, float(log2OfE));
    Value low = code.realLike(x, log2OfE - double(float(log2OfE)));
    Value shifted = code.fma(clamped, high, code.realLike(x, magic));
    Value n = code.sub(shifted, code.realLike(x, magic));
    Value f = code.fma(clamped, high, code.neg(n));
    f = code.fma(clamped, low, f);
    return scaleByPower(code, bitsOf(code, shifted), f, degree6);
  });
}

/// 1 / (1 + exp(-x)): exp overflows to inf for large negative x, which gives 0.
static Value sigmoid(Code &code, Value x) {
  Value one = code.realLike(x, 1.0);
  return code.div(one, code.add(one, exp(code, code.neg(x))));
}

/// log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)), free of overflow.
static Value softplus(Code &code, Value x) {
  Value magnitude = math::AbsFOp::create(code.builder, code.loc, x);
  Value tail = math::Log1pOp::create(code.builder, code.loc,
                                     exp(code, code.neg(magnitude)));
  return code.add(code.max(x, code.realLike(x, 0.0)), tail);
}

/// x p(x^2) / q(x^2), minimax for the relative error on [0, 8], 6e-8 before
/// rounding; 1 from `end` on, where this is so when it is computed in f32.
/// Relative error below 3.2e-7.
static Value tanh(Code &code, Value x) {
  static constexpr double p[] = {2.158366887994312e-11, -1.404633831469937e-08,
                                 9.684177712188102e-06, 0.0029663476161658764,
                                 0.1296171098947525,    1.0};
  static constexpr double q[] = {0.0002344004315091297, 0.02394998073577881,
                                 0.46295034885406494, 1.0};
  constexpr double end = 8.033832f;
  x = clamp(code, x, -end, end);
  Value square = code.mul(x, x);
  return code.div(code.mul(x, code.polynomial(square, p)),
                  code.polynomial(square, q));
}

/// MLIR's polynomials take denormal numbers for 2^-126. They are scaled here,
/// except on a GPU, whose instruction has them as 0.
template <typename LogOp>
static Value logarithm(Code &code, Value x, double ofTwo) {
  if (code.machine == Machine::Gpu)
    return LogOp::create(code.builder, code.loc, x);
  constexpr int scale = 24;
  Value isTiny =
      code.compare(arith::CmpFPredicate::OLT, x, code.realLike(x, 0x1p-126));
  Value scaled = code.mul(x, code.realLike(x, std::ldexp(1.0, scale)));
  Value log =
      LogOp::create(code.builder, code.loc, code.select(isTiny, scaled, x));
  Value shift = code.select(isTiny, code.realLike(x, scale * ofTwo),
                            code.realLike(x, 0.0));
  return code.sub(log, shift);
}

Value attn::cpu::unary(Code &code, UnaryKind kind, Value x) {
  OpBuilder &b = code.builder;
  Location loc = code.loc;
  switch (kind) {
  case UnaryKind::Neg:
    return code.neg(x);
  case UnaryKind::Abs:
    if (isa<FloatType>(Code::elementOf(x)))
      return math::AbsFOp::create(b, loc, x);
    return code.max(x, code.neg(x));
  case UnaryKind::Exp:
    return exp(code, x);
  case UnaryKind::Exp2:
    return exp2(code, x);
  case UnaryKind::Log:
    return logarithm<math::LogOp>(code, x, std::numbers::ln2);
  case UnaryKind::Log2:
    return logarithm<math::Log2Op>(code, x, 1.0);
  case UnaryKind::Sqrt:
    return LLVM::SqrtOp::create(b, loc, x);
  case UnaryKind::Rsqrt:
    return code.div(code.realLike(x, 1.0), LLVM::SqrtOp::create(b, loc, x));
  case UnaryKind::Tanh:
    return tanh(code, x);
  case UnaryKind::Sigmoid:
    return sigmoid(code, x);
  case UnaryKind::Softplus:
    return softplus(code, x);
  case UnaryKind::Erf:
    return math::ErfOp::create(b, loc, x);
  case UnaryKind::Sin:
    if (code.machine == Machine::Gpu)
      return gpu::sin(code, x);
    return LLVM::SinOp::create(b, loc, x);
  case UnaryKind::Cos:
    if (code.machine == Machine::Gpu)
      return gpu::cos(code, x);
    return LLVM::CosOp::create(b, loc, x);
  case UnaryKind::Floor:
    return LLVM::FFloorOp::create(b, loc, x);
  case UnaryKind::Ceil:
    return LLVM::FCeilOp::create(b, loc, x);
  case UnaryKind::Not:
    return code.lnot(x);
  case UnaryKind::NegInfToZero: {
    Value isInf = code.compare(
        arith::CmpFPredicate::OEQ, x,
        code.realLike(x, -std::numeric_limits<double>::infinity()));
    return code.select(isInf, code.realLike(x, 0.0), x);
  }
  }
  llvm_unreachable("unknown function");
}

Value attn::cpu::pow(Code &code, Value x, Value y) {
  code.unify(x, y);
  OpBuilder &b = code.builder;
  Location loc = code.loc;
  auto equal = arith::CmpFPredicate::OEQ;
  Value zero = code.realLike(x, 0.0), one = code.realLike(x, 1.0);
  Value magnitude = math::AbsFOp::create(b, loc, x);
  // An infinite y would make NaN of |x| = 1. What it is here is even too.
  constexpr double most = std::numeric_limits<float>::max();
  y = clamp(code, y, -most, most);
  Value power =
      exp2(code, code.mul(y, logarithm<math::Log2Op>(code, magnitude, 1.0)));
  // Whatever the other is, NaN too; |x| = 0 would give 0 * -inf for y = 0.
  Value isOne =
      code.lor(code.compare(equal, y, zero), code.compare(equal, x, one));
  power = code.select(isOne, one, power);
  Value floorY = LLVM::FFloorOp::create(b, loc, y);
  Value half = code.mul(y, code.realLike(y, 0.5));
  Value floorHalf = LLVM::FFloorOp::create(b, loc, half);
  Value integral = code.compare(equal, floorY, y);
  Value even = code.compare(equal, floorHalf, half);
  Value odd = code.land(integral, code.lnot(even));
  Value withSign = math::CopySignOp::create(b, loc, power, x);
  power = code.select(odd, withSign, power);
  auto less = arith::CmpFPredicate::OLT;
  Value lowest = code.realLike(x, -std::numeric_limits<double>::infinity());
  Value negative =
      code.land(code.compare(less, x, zero), code.compare(less, lowest, x));
  Value nan = code.realLike(x, std::numeric_limits<double>::quiet_NaN());
  return code.select(code.land(negative, code.lnot(integral)), nan, power);
}

Value attn::cpu::uniform(Code &code, Value seed, ValueRange indices) {
  OpBuilder &b = code.builder;
  Location loc = code.loc;
  auto narrow = [&](Value value) { return code.toInt(value, 32); };
  auto shift = [&](Value value, int64_t bits) -> Value {
    return arith::ShRUIOp::create(b, loc, value, code.intLike(value, bits));
  };
  auto mix = [&](Value x) {
    x = code.lxor(x, shift(x, 16));
    x = code.mul(x, code.intLike(x, int32_t(0x7FEB352Du)));
    x = code.lxor(x, shift(x, 15));
    x = code.mul(x, code.intLike(x, int32_t(0x846CA68Bu)));
    return code.lxor(x, shift(x, 16));
  };
  Value h = mix(narrow(seed));
  for (Value index : indices) {
    Value i = narrow(index);
    Value key = code.add(code.mul(i, code.intLike(i, int32_t(0x9E3779B9u))),
                         code.intLike(i, int32_t(0x7F4A7C15u)));
    h = mix(code.lxor(h, key));
  }
  Value bits = shift(h, 8);
  Value number =
      arith::SIToFPOp::create(b, loc, code.likeWith(bits, code.f32()), bits);
  return code.mul(number, code.realLike(number, std::ldexp(1.0, -24)));
}

Value attn::cpu::roundToBFloat(Code &code, Value x) {
  OpBuilder &b = code.builder;
  Location loc = code.loc;
  Type wide = code.likeWith(x, b.getI32Type());
  Type narrow = code.likeWith(x, b.getI16Type());
  Value bits = arith::BitcastOp::create(b, loc, wide, x);
  Value sixteen = code.intLike(bits, 16);
  Value top = arith::ShRUIOp::create(b, loc, bits, sixteen);
  Value odd = code.land(top, code.intLike(bits, 1));
  Value rounded = code.add(code.add(bits, code.intLike(bits, 0x7FFF)), odd);
  // A quiet NaN, whatever its payload rounds to.
  Value quiet =
      code.lxor(bits, code.land(code.lxor(bits, code.intLike(bits, -1)),
                                code.intLike(bits, 0x400000)));
  Value isNaN = code.compare(arith::CmpFPredicate::UNO, x, x);
  Value chosen = code.select(isNaN, quiet, rounded);
  Value half = arith::TruncIOp::create(
      b, loc, narrow, arith::ShRUIOp::create(b, loc, chosen, sixteen));
  return arith::BitcastOp::create(b, loc, code.likeWith(x, b.getBF16Type()),
                                  half);
}
