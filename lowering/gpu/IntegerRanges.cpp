//===- IntegerRanges.cpp - Which integers fit a register ------------------===//

#include "lowering/gpu/IntegerRanges.h"
#include "lowering/cpu/Evaluate.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace attn;

bool attn::gpu::isInteger(Value value) {
  Type element = quantity(value).getElementType();
  return element.isInteger() && !element.isInteger(1);
}

/// Bits of a number from -\p size to \p size.
static unsigned bitsOfSize(uint64_t size) {
  return size ? 2 + llvm::Log2_64(size) : 1;
}

namespace {

/// Numbers share parts, which are looked at once.
class BitCounter {
public:
  /// An index counts as a number up to its size, unless it \p isIndexBelowSize.
  explicit BitCounter(SpecOp spec, bool isIndexBelowSize = false)
      : spec(spec), isIndexBelowSize(isIndexBelowSize) {}

  unsigned count(Value value) {
    auto found = known.find(value);
    if (found != known.end())
      return found->second;
    unsigned bits = find(value);
    known[value] = bits;
    return bits;
  }

private:
  unsigned find(Value value);

  SpecOp spec;
  bool isIndexBelowSize;
  llvm::SmallDenseMap<Value, unsigned, 16> known;
};

} // namespace

unsigned attn::gpu::bitsOf(Value value, SpecOp spec) {
  return BitCounter(spec).count(value);
}

bool attn::gpu::isWithin31Bits(Value value, SpecOp spec) {
  return bitsOf(value, spec) <= 31 &&
         BitCounter(spec, /*isIndexBelowSize=*/true).count(value) <= 30;
}

unsigned BitCounter::find(Value value) {
  constexpr unsigned all = 64;
  Type element = quantity(value).getElementType();
  unsigned ofType = element.isInteger(1) ? 2
                    : isa<IntegerType>(element)
                        ? element.getIntOrFloatBitWidth()
                        : all;
  auto bits = [&](Value operand) { return count(operand); };
  Operation *op = value.getDefiningOp();
  if (!op)
    return ofType;
  if (auto constant = dyn_cast<ConstantOp>(op)) {
    auto number = dyn_cast<IntegerAttr>(constant.getValue());
    return number ? number.getValue().getSignificantBits() : all;
  }
  if (isa<ExtentOp>(op))
    return bitsOfSize(cpu::maxExtent);
  if (auto index = dyn_cast<IndexOp>(op)) {
    int64_t size =
        spec.getStaticSize(index.getDimAttr()).value_or(cpu::maxExtent);
    return bitsOfSize(isIndexBelowSize && size ? size - 1 : size);
  }
  if (auto cast = dyn_cast<CastOp>(op))
    return std::min(
        ofType, isa<IntegerType>(quantity(cast.getOperand()).getElementType())
                    ? bits(cast.getOperand())
                    : all);
  if (auto read = dyn_cast<ReadOp>(op))
    return bits(read.getSource());
  if (auto select = dyn_cast<SelectOp>(op))
    return std::max(bits(select.getThen()), bits(select.getOtherwise()));
  if (isa<UnaryOp>(op))
    return std::min(all, bits(op->getOperand(0)) + 1);
  auto binary = dyn_cast<BinaryOp>(op);
  if (!binary)
    return ofType;
  unsigned a = bits(binary.getLhs()), b = bits(binary.getRhs());
  switch (binary.getKind()) {
  case BinaryKind::Add:
  case BinaryKind::Sub:
    return std::min(all, std::max(a, b) + 1);
  case BinaryKind::FloorDiv:
    // The least number of some bits, by -1, needs one more.
    return isa_and_nonnull<IndexOp, ExtentOp>(binary.getLhs().getDefiningOp())
               ? a
               : std::min(all, a + 1);
  case BinaryKind::Mul:
    return std::min(all, a + b);
  case BinaryKind::Mod:
    // x % 0 is x. Of what pairs share, a call with 0 is refused.
    return quantity(binary.getRhs()).isScalar() ? b : std::max(a, b);
  case BinaryKind::Min:
  case BinaryKind::Max:
  case BinaryKind::And:
  case BinaryKind::Or:
  case BinaryKind::Xor:
    return std::max(a, b);
  default:
    return ofType;
  }
}
