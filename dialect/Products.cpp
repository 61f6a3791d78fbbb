//===- Products.cpp - A quantity as a product of factors ------------------===//

#include "dialect/Products.h"

#include "llvm/ADT/DenseMap.h"

using namespace mlir;
using namespace attn;

namespace {

/// A factor that is a product of more than this stays whole. Formulas share
/// parts: x = x * x, written k times, has 2^k factors.
constexpr unsigned mostFactors = 64;

/// The multiplication or division that makes \p value.
BinaryOp asProduct(Value value) {
  auto binary = value.getDefiningOp<BinaryOp>();
  if (!binary || !quantity(value).getElementType().isF32())
    return {};
  switch (binary.getKind()) {
  case BinaryKind::Mul:
  case BinaryKind::Div:
  case BinaryKind::Ratio:
    return binary;
  default:
    return {};
  }
}

class Flattener {
public:
  Product flatten(Value value) {
    expand(value);
    return std::move(product);
  }

private:
  /// The number of factors and divisors of \p value, or more than mostFactors.
  unsigned count(Value value) {
    BinaryOp op = asProduct(value);
    if (!op)
      return 1;
    if (auto known = counts.find(value); known != counts.end())
      return known->second;
    bool isMul = op.getKind() == BinaryKind::Mul;
    unsigned sum = count(op.getLhs()) + (isMul ? count(op.getRhs()) : 1);
    return counts[value] = std::min(sum, mostFactors + 1);
  }

  void add(Value value) {
    if (count(value) > mostFactors)
      product.factors.push_back(value);
    else
      expand(value);
  }

  void expand(Value value) {
    BinaryOp op = asProduct(value);
    if (!op) {
      product.factors.push_back(value);
      return;
    }
    add(op.getLhs());
    if (op.getKind() == BinaryKind::Mul)
      add(op.getRhs());
    else
      product.divisors.push_back({op.getRhs(), op.getKind()});
  }

  Product product;
  llvm::DenseMap<Value, unsigned> counts;
};

} // namespace

Product attn::flattenProduct(Value value) { return Flattener().flatten(value); }

Value attn::buildProduct(QuantityBuilder &build, Location loc,
                         const Product &product) {
  Value value;
  for (Value factor : product.factors)
    value = value ? build.binary(loc, BinaryKind::Mul, value, factor) : factor;
  if (!value)
    value = build.constant(loc, 1.0);
  for (Product::Divisor divisor : product.divisors)
    value = build.binary(loc, divisor.kind, value, divisor.value);
  return value;
}

bool attn::hasAnyDim(Value value, ArrayRef<StringAttr> dims) {
  return llvm::any_of(
      dims, [&](StringAttr dim) { return quantity(value).hasDim(dim); });
}
