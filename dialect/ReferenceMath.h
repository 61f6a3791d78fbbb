//===- ReferenceMath.h - The scalar functions of the reference --*- C++ -*-===//
//
// One element at a time, by the definitions in AttnOps.td. Where the language
// leaves a result open (an integer divided by 0, a shift by 64), the value
// chosen here is the meaning.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_DIALECT_REFERENCEMATH_H
#define ATTN_DIALECT_REFERENCEMATH_H

#include "dialect/AttnDialect.h"

namespace attn::reference {

/// An element of a quantity: `real` for floating-point element types, `whole`
/// for integers and booleans.
union Number {
  double real;
  int64_t whole;
};

inline Number realNumber(double value) {
  Number number;
  number.real = value;
  return number;
}

inline Number wholeNumber(int64_t value) {
  Number number;
  number.whole = value;
  return number;
}

/// \p value as an element of type \p element.
Number numberFromDouble(mlir::Type element, double value);
double numberToDouble(mlir::Type element, Number value);

Number applyUnary(UnaryKind kind, mlir::Type element, Number x);
Number applyBinary(BinaryKind kind, mlir::Type element, Number a, Number b);
bool applyCompare(Predicate predicate, mlir::Type element, Number a, Number b);
Number applyCast(mlir::Type from, mlir::Type to, Number x);

/// Maximum and minimum, NaN if either is.
double maximum(double a, double b);
double minimum(double a, double b);

/// The number of attn.uniform.
double uniformNumber(int64_t seed, llvm::ArrayRef<int64_t> indices);

} // namespace attn::reference

#endif // ATTN_DIALECT_REFERENCEMATH_H
