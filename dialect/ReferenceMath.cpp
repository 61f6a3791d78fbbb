//===- ReferenceMath.cpp - The scalar functions of the reference ----------===//
//
// Written anew and not shared with the folds of AttnFolds.cpp, on purpose: an
// error there would otherwise be one here, and no comparison would show it.
//
//===----------------------------------------------------------------------===//

#include "dialect/ReferenceMath.h"

#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace attn;
using namespace attn::reference;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// log(1 + exp(x)) without overflow.
double softplus(double x) {
  return std::fmax(x, 0) + std::log1p(std::exp(-std::fabs(x)));
}

double applyUnaryReal(UnaryKind kind, double x) {
  switch (kind) {
  case UnaryKind::Neg:
    return -x;
  case UnaryKind::Abs:
    return std::fabs(x);
  case UnaryKind::Exp:
    return std::exp(x);
  case UnaryKind::Exp2:
    return std::exp2(x);
  case UnaryKind::Log:
    return std::log(x);
  case UnaryKind::Log2:
    return std::log2(x);
  case UnaryKind::Sqrt:
    return std::sqrt(x);
  case UnaryKind::Rsqrt:
    return 1 / std::sqrt(x);
  case UnaryKind::Tanh:
    return std::tanh(x);
  case UnaryKind::Sigmoid:
    return 1 / (1 + std::exp(-x));
  case UnaryKind::Softplus:
    return softplus(x);
  case UnaryKind::Erf:
    return std::erf(x);
  case UnaryKind::Sin:
    return std::sin(x);
  case UnaryKind::Cos:
    return std::cos(x);
  case UnaryKind::Floor:
    return std::floor(x);
  case UnaryKind::Ceil:
    return std::ceil(x);
  case UnaryKind::NegInfToZero:
    return x == -infinity ? 0 : x;
  case UnaryKind::Not:
    break;
  }
  llvm_unreachable("not a function of a real number");
}

/// As in Python: exact, and on the side of the divisor.
double floorModulo(double a, double b) {
  double rest = std::fmod(a, b);
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

double applyBinaryReal(BinaryKind kind, double a, double b) {
  switch (kind) {
  case BinaryKind::Add:
    return a + b;
  case BinaryKind::Sub:
    return a - b;
  case BinaryKind::Mul:
    return a * b;
  case BinaryKind::Div:
    return a / b;
  case BinaryKind::Ratio:
    return a == 0 && b == 0 ? 0 : a / b;
  case BinaryKind::FloorDiv:
    return std::floor(a / b);
  case BinaryKind::Mod:
    return floorModulo(a, b);
  case BinaryKind::Min:
    return minimum(a, b);
  case BinaryKind::Max:
    return maximum(a, b);
  case BinaryKind::Pow:
    return std::pow(a, b);
  case BinaryKind::And:
  case BinaryKind::Or:
  case BinaryKind::Xor:
  case BinaryKind::Shl:
  case BinaryKind::Shr:
    break;
  }
  llvm_unreachable("not a function of real numbers");
}

/// Integer arithmetic wraps around at 2^64.
int64_t wrap(uint64_t value) { return static_cast<int64_t>(value); }

/// Rounds towards minus infinity; 0 for a divisor of 0.
int64_t floorDivide(int64_t a, int64_t b) {
  if (b == 0)
    return 0;
  return b == -1 ? wrap(-uint64_t(a)) : llvm::divideFloorSigned(a, b);
}

int64_t applyBinaryWhole(BinaryKind kind, int64_t a, int64_t b) {
  // A shift by less than 0 or more than 63 places shifts everything out.
  bool inRange = b >= 0 && b < 64;
  switch (kind) {
  case BinaryKind::Add:
    return wrap(uint64_t(a) + uint64_t(b));
  case BinaryKind::Sub:
    return wrap(uint64_t(a) - uint64_t(b));
  case BinaryKind::Mul:
    return wrap(uint64_t(a) * uint64_t(b));
  case BinaryKind::FloorDiv:
    return floorDivide(a, b);
  case BinaryKind::Mod:
    return wrap(uint64_t(a) - uint64_t(floorDivide(a, b)) * uint64_t(b));
  case BinaryKind::Min:
    return std::min(a, b);
  case BinaryKind::Max:
    return std::max(a, b);
  case BinaryKind::And:
    return a & b;
  case BinaryKind::Or:
    return a | b;
  case BinaryKind::Xor:
    return a ^ b;
  case BinaryKind::Shl:
    return inRange ? wrap(uint64_t(a) << b) : 0;
  case BinaryKind::Shr:
    return a >> (inRange ? b : 63);
  case BinaryKind::Div:
  case BinaryKind::Ratio:
  case BinaryKind::Pow:
    break;
  }
  llvm_unreachable("not a function of integers");
}

bool holds(Predicate predicate, auto a, auto b) {
  switch (predicate) {
  case Predicate::LT:
    return a < b;
  case Predicate::LE:
    return a <= b;
  case Predicate::GT:
    return a > b;
  case Predicate::GE:
    return a >= b;
  case Predicate::EQ:
    return a == b;
  case Predicate::NE:
    return a != b;
  }
  llvm_unreachable("unknown predicate");
}

/// Truncates towards 0; the nearest integer that exists beyond the range, 0 for
/// NaN.
int64_t truncateToInt(double x) {
  if (std::isnan(x))
    return 0;
  if (x >= 0x1p63)
    return std::numeric_limits<int64_t>::max();
  if (x <= -0x1p63)
    return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(x);
}

uint32_t mixBits(uint32_t x) {
  x ^= x >> 16;
  x *= 0x7FEB352Du;
  x ^= x >> 15;
  x *= 0x846CA68Bu;
  x ^= x >> 16;
  return x;
}

} // namespace

double reference::maximum(double a, double b) {
  return std::isnan(a) ? a : std::isnan(b) ? b : std::fmax(a, b);
}

double reference::minimum(double a, double b) {
  return std::isnan(a) ? a : std::isnan(b) ? b : std::fmin(a, b);
}

Number reference::numberFromDouble(Type element, double value) {
  return isa<FloatType>(element) ? realNumber(value)
                                 : wholeNumber(truncateToInt(value));
}

double reference::numberToDouble(Type element, Number value) {
  // The cast to a byte left it with a sign.
  if (element.isUnsignedInteger(8))
    return uint8_t(value.whole);
  return isa<FloatType>(element) ? value.real : double(value.whole);
}

Number reference::applyUnary(UnaryKind kind, Type element, Number x) {
  if (isa<FloatType>(element))
    return realNumber(applyUnaryReal(kind, x.real));
  switch (kind) {
  case UnaryKind::Not:
    return wholeNumber(!x.whole);
  case UnaryKind::Neg:
    return wholeNumber(wrap(-uint64_t(x.whole)));
  case UnaryKind::Abs:
    return wholeNumber(x.whole < 0 ? wrap(-uint64_t(x.whole)) : x.whole);
  default:
    llvm_unreachable("not a function of an integer");
  }
}

Number reference::applyBinary(BinaryKind kind, Type element, Number a,
                              Number b) {
  return isa<FloatType>(element)
             ? realNumber(applyBinaryReal(kind, a.real, b.real))
             : wholeNumber(applyBinaryWhole(kind, a.whole, b.whole));
}

bool reference::applyCompare(Predicate predicate, Type element, Number a,
                             Number b) {
  return isa<FloatType>(element) ? holds(predicate, a.real, b.real)
                                 : holds(predicate, a.whole, b.whole);
}

Number reference::applyCast(Type from, Type to, Number x) {
  bool isReal = isa<FloatType>(from);
  if (isa<FloatType>(to))
    return realNumber(isReal ? x.real : double(x.whole));
  if (to.isInteger(1))
    return wholeNumber(isReal ? x.real != 0 : x.whole != 0);
  int64_t whole = isReal ? truncateToInt(x.real) : x.whole;
  return wholeNumber(llvm::SignExtend64(whole, to.getIntOrFloatBitWidth()));
}

double reference::uniformNumber(int64_t seed, ArrayRef<int64_t> indices) {
  uint32_t hash = mixBits(uint32_t(seed));
  for (int64_t index : indices)
    hash = mixBits(hash ^ (uint32_t(index) * 0x9E3779B9u + 0x7F4A7C15u));
  return double(hash >> 8) * 0x1p-24;
}
