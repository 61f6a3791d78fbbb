//===- Products.h - A quantity as a product of factors ----------*- C++ -*-===//

#ifndef ATTN_DIALECT_PRODUCTS_H
#define ATTN_DIALECT_PRODUCTS_H

#include "dialect/QuantityBuilder.h"

namespace attn {

/// A quantity as (product of `factors`) / (product of `divisors`).
struct Product {
  struct Divisor {
    mlir::Value value;
    BinaryKind kind; // Div or Ratio
  };
  llvm::SmallVector<mlir::Value> factors;
  llvm::SmallVector<Divisor> divisors;
};

/// Flattens the tree of mul, div and ratio above \p value. A quotient in a
/// divisor is left whole, and so is a factor that has very many itself.
Product flattenProduct(mlir::Value value);

/// Builds what \p product is, its factors in their order; without any, 1
/// through the divisors.
mlir::Value buildProduct(QuantityBuilder &build, mlir::Location loc,
                         const Product &product);

/// Says whether \p value has one of \p dims.
bool hasAnyDim(mlir::Value value, llvm::ArrayRef<mlir::StringAttr> dims);

} // namespace attn

#endif // ATTN_DIALECT_PRODUCTS_H
