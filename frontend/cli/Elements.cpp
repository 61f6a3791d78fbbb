//===- Elements.cpp - Numbers in the memory of a tensor -------------------===//

#include "frontend/cli/Elements.h"

#include <bit>
#include <cmath>
#include <cstring>

using namespace attn::cli;

std::string attn::cli::typeName(DLDataType type) {
  std::string prefix = type.code == kDLInt     ? "i"
                       : type.code == kDLUInt  ? "u"
                       : type.code == kDLFloat ? "f"
                                               : "bf";
  return prefix + std::to_string(int(type.bits));
}

DLDataType attn::cli::fileType(DLDataType type) {
  return isFloat(type) ? DLDataType{kDLFloat, 32, 1} : type;
}

template <typename T> static T load(const void *data, int64_t index) {
  T value;
  std::memcpy(&value, static_cast<const char *>(data) + index * sizeof(T),
              sizeof(T));
  return value;
}

template <typename T> static void store(void *data, int64_t index, T value) {
  std::memcpy(static_cast<char *>(data) + index * sizeof(T), &value, sizeof(T));
}

/// The nearest multiple of a power of two: \p value with \p bits bits of
/// significand, but no finer than 2^\p minExponent.
static double roundToBits(double value, int bits, int minExponent) {
  if (value == 0 || !std::isfinite(value))
    return value;
  int exponent;
  std::frexp(value, &exponent);
  int unit = std::max(exponent - bits, minExponent);
  return std::ldexp(std::nearbyint(std::ldexp(value, -unit)), unit);
}

static double fromHalf(uint16_t bits) {
  int exponent = bits >> 10 & 31;
  int fraction = bits & 1023;
  double magnitude = exponent == 31 ? (fraction ? NAN : INFINITY)
                     : exponent == 0
                         ? std::ldexp(fraction, -24)
                         : std::ldexp(fraction + 1024, exponent - 25);
  return bits >> 15 ? -magnitude : magnitude;
}

static uint16_t toHalf(double value) {
  uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  if (std::isnan(value))
    return sign | 0x7e00;
  double magnitude = std::abs(roundToBits(value, 11, -24));
  if (magnitude >= 65536)
    return sign | 0x7c00;
  if (magnitude < 0x1p-14)
    return sign | uint16_t(std::ldexp(magnitude, 24));
  int exponent = std::ilogb(magnitude);
  auto fraction = uint16_t(std::ldexp(magnitude, 10 - exponent)) & 1023;
  return sign | uint16_t((exponent + 15) << 10) | fraction;
}

static uint16_t toBfloat(double value) {
  if (std::isnan(value))
    return 0x7fc0;
  // One rounding, straight from the double; f32 then holds it exactly or
  // overflows to infinity.
  auto rounded = float(roundToBits(value, 8, -133));
  return uint16_t(std::bit_cast<uint32_t>(rounded) >> 16);
}

double attn::cli::loadElement(DLDataType type, const void *data,
                              int64_t index) {
  switch (type.code << 8 | type.bits) {
  case kDLFloat << 8 | 64:
    return load<double>(data, index);
  case kDLFloat << 8 | 32:
    return load<float>(data, index);
  case kDLFloat << 8 | 16:
    return fromHalf(load<uint16_t>(data, index));
  case kDLBfloat << 8 | 16:
    return std::bit_cast<float>(uint32_t(load<uint16_t>(data, index)) << 16);
  case kDLInt << 8 | 64:
    return double(load<int64_t>(data, index));
  case kDLInt << 8 | 32:
    return load<int32_t>(data, index);
  case kDLInt << 8 | 16:
    return load<int16_t>(data, index);
  case kDLInt << 8 | 8:
    return load<int8_t>(data, index);
  case kDLUInt << 8 | 64:
    return double(load<uint64_t>(data, index));
  case kDLUInt << 8 | 32:
    return load<uint32_t>(data, index);
  case kDLUInt << 8 | 16:
    return load<uint16_t>(data, index);
  case kDLUInt << 8 | 8:
    return load<uint8_t>(data, index);
  default:
    return NAN;
  }
}

template <typename T> static bool isExact(T value) {
  auto real = double(value);
  // The largest integers round to 2^63 or 2^64, which no integer is.
  return real < std::ldexp(1.0, std::numeric_limits<T>::digits) &&
         T(real) == value;
}

bool attn::cli::isExactInDouble(DLDataType type, const void *data,
                                int64_t index) {
  if (isFloat(type) || type.bits < 64)
    return true;
  return type.code == kDLInt ? isExact(load<int64_t>(data, index))
                             : isExact(load<uint64_t>(data, index));
}

template <typename T>
static bool storeInteger(void *data, int64_t index, double value) {
  // 2^63 and the like are exact in double, the largest integers are not.
  double end = std::ldexp(1.0, std::numeric_limits<T>::digits);
  double begin = std::numeric_limits<T>::is_signed ? -end : 0;
  if (!(value >= begin && value < end) || value != std::floor(value))
    return false;
  store(data, index, T(value));
  return true;
}

bool attn::cli::storeElement(DLDataType type, void *data, int64_t index,
                             double value) {
  switch (type.code << 8 | type.bits) {
  case kDLFloat << 8 | 64:
    store(data, index, value);
    return true;
  case kDLFloat << 8 | 32:
    store(data, index, float(value));
    return true;
  case kDLFloat << 8 | 16:
    store(data, index, toHalf(value));
    return true;
  case kDLBfloat << 8 | 16:
    store(data, index, toBfloat(value));
    return true;
  case kDLInt << 8 | 64:
    return storeInteger<int64_t>(data, index, value);
  case kDLInt << 8 | 32:
    return storeInteger<int32_t>(data, index, value);
  case kDLInt << 8 | 16:
    return storeInteger<int16_t>(data, index, value);
  case kDLInt << 8 | 8:
    // Bytes are named in three ways, and only their bits matter.
    return storeInteger<int8_t>(data, index, value) ||
           storeInteger<uint8_t>(data, index, value);
  case kDLUInt << 8 | 8:
    return storeInteger<uint8_t>(data, index, value);
  default:
    return false;
  }
}
