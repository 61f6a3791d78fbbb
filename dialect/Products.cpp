//===- Products.cpp - A quantity as a product of factors ------------------===//

#include "dialect/Products.h"

using namespace mlir;
using namespace attn;

static void flattenInto(Value value, Product &product) {
  auto binary = value.getDefiningOp<BinaryOp>();
  if (binary && quantity(value).getElementType().isF32()) {
    if (binary.getKind() == BinaryKind::Mul) {
      flattenInto(binary.getLhs(), product);
      flattenInto(binary.getRhs(), product);
      return;
    }
    if (binary.getKind() == BinaryKind::Div ||
        binary.getKind() == BinaryKind::Ratio) {
      flattenInto(binary.getLhs(), product);
      product.divisors.push_back({binary.getRhs(), binary.getKind()});
      return;
    }
  }
  product.factors.push_back(value);
}

Product attn::flattenProduct(Value value) {
  Product product;
  flattenInto(value, product);
  return product;
}

bool attn::hasAnyDim(Value value, ArrayRef<StringAttr> dims) {
  return llvm::any_of(
      dims, [&](StringAttr dim) { return quantity(value).hasDim(dim); });
}
