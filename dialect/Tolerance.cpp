//===- Tolerance.cpp - How far a kernel may be from the reference ---------===//

#include "dialect/Tolerance.h"
#include "dialect/FormulaWalk.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace attn;

/// Half the distance from 1 to the next number of \p type.
static double unitRoundoff(Type type) {
  return std::ldexp(1, -int(cast<FloatType>(type).getFPMantissaWidth()));
}

double attn::errorBound(Type storage, int64_t length, double score) {
  // Between the contractions stand a scale, exp, a division and the rescaling
  // of an online softmax: each a few roundings.
  constexpr double operations = 4;
  double arithmetic = operations * std::ldexp(1, -24) *
                      (std::sqrt(double(std::max<int64_t>(length, 1))) + score);
  // Two operands of two contractions, and the output.
  constexpr double roundings = 5;
  double operands = storage.isF32() ? 0 : roundings * unitRoundoff(storage);
  return arithmetic + operands;
}

Type attn::coarsestElement(SpecOp spec) {
  Type coarsest = Float32Type::get(spec.getContext());
  auto meet = [&](Type type) {
    auto element =
        dyn_cast<FloatType>(cast<QuantityType>(type).getElementType());
    if (element && element.getFPMantissaWidth() <
                       cast<FloatType>(coarsest).getFPMantissaWidth())
      coarsest = element;
  };
  llvm::for_each(spec.getArgumentTypes(), meet);
  llvm::for_each(spec.getResultTypes(), meet);
  return coarsest;
}

/// Where element \p offset lies in a row-major tensor of \p shape.
static std::vector<int64_t> positionOf(int64_t offset,
                                       ArrayRef<int64_t> shape) {
  std::vector<int64_t> position(shape.size());
  for (size_t axis = shape.size(); axis-- > 0;) {
    position[axis] = offset % shape[axis];
    offset /= shape[axis];
  }
  return position;
}

/// Half the distance between the smallest numbers of \p type; integers are
/// exact.
static double storingError(Type type) {
  auto element = dyn_cast<FloatType>(type);
  if (!element)
    return 0;
  auto smallest = llvm::APFloat::getSmallest(element.getFloatSemantics());
  return smallest.convertToDouble() / 2;
}

/// The largest number of \p type; none of integers, which saturate.
static double largestOf(Type type) {
  auto element = dyn_cast<FloatType>(type);
  if (!element)
    return std::numeric_limits<double>::infinity();
  return llvm::APFloat::getLargest(element.getFloatSemantics())
      .convertToDouble();
}

/// \p most is the largest number that \p got may hold: beyond, it is infinite.
static Comparison compare(const HostTensor &got, const HostTensor &want,
                          double storing, double most, bool isExact = false) {
  double largest = 0;
  for (double value : want.data)
    if (std::isfinite(value))
      largest = std::max(largest, std::min(std::fabs(value), most));
  // Nothing is left of such an output in f32: the error is absolute.
  if (largest < 0x1p-126)
    largest = 1;
  constexpr double infinity = std::numeric_limits<double>::infinity();
  auto errorOf = [&](double x, double y) {
    if (x == y || (std::isnan(x) && std::isnan(y)))
      return 0.0;
    if (std::fabs(y) > most && x == std::copysign(infinity, y))
      return 0.0;
    double error = std::max(std::fabs(x - y) - storing, 0.0) / largest;
    return std::isfinite(error) && !isExact ? error : infinity;
  };
  Comparison comparison;
  for (size_t i = 0; i < want.data.size(); ++i) {
    double error = errorOf(got.data[i], want.data[i]);
    if (error <= comparison.worst && i > 0)
      continue;
    comparison.worst = error;
    comparison.position = positionOf(i, want.shape);
    comparison.got = got.data[i];
    comparison.want = want.data[i];
  }
  return comparison;
}

/// Says whether result \p index is made of integers alone.
static bool isExact(SpecOp spec, unsigned index) {
  return !isMadeOf(spec.getBody().front().getTerminator()->getOperand(index),
                   [](Value part) {
                     return isa<FloatType>(quantity(part).getElementType());
                   });
}

Comparison attn::compareTensors(const HostTensor &got, const HostTensor &want) {
  return compare(got, want, /*storing=*/0,
                 std::numeric_limits<double>::infinity());
}

Comparison attn::compareResult(SpecOp spec, unsigned index,
                               const HostTensor &got, const HostTensor &want,
                               bool bothStored) {
  auto type = cast<QuantityType>(spec.getResultTypes()[index]);
  double storing = storingError(type.getElementType());
  return compare(got, want, bothStored ? 2 * storing : storing,
                 largestOf(type.getElementType()), isExact(spec, index));
}
