//===- ScalarMath.h - Arithmetic on uniform quantities ----------*- C++ -*-===//
//
// Builds folded integer and boolean ops in few words: what the solution of a
// mask is made of.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_DIALECT_SCALARMATH_H
#define ATTN_DIALECT_SCALARMATH_H

#include "dialect/QuantityBuilder.h"

namespace attn {

class ScalarMath {
public:
  ScalarMath(mlir::OpBuilder &builder, SpecOp spec, mlir::Location loc)
      : build(builder, spec), loc(loc) {}

  using Value = mlir::Value;
  Value number(int64_t value) { return build.constant(loc, value); }
  Value truth(bool value) { return build.constant(loc, value); }
  Value extent(mlir::StringAttr dim) { return build.extent(loc, dim); }

  Value add(Value a, Value b) { return binary(BinaryKind::Add, a, b); }
  Value sub(Value a, Value b) { return binary(BinaryKind::Sub, a, b); }
  Value mul(Value a, Value b) { return binary(BinaryKind::Mul, a, b); }
  Value min(Value a, Value b) { return binary(BinaryKind::Min, a, b); }
  Value max(Value a, Value b) { return binary(BinaryKind::Max, a, b); }
  Value floorDiv(Value a, Value b) {
    return binary(BinaryKind::FloorDiv, a, b);
  }
  Value mod(Value a, Value b) { return binary(BinaryKind::Mod, a, b); }
  Value neg(Value a) { return build.unary(loc, UnaryKind::Neg, a); }
  Value abs(Value a) { return max(a, neg(a)); }
  Value binary(BinaryKind kind, Value a, Value b) {
    return build.binary(loc, kind, a, b);
  }

  Value compare(Predicate predicate, Value a, Value b) {
    return build.compare(loc, predicate, a, b);
  }
  Value land(Value a, Value b) { return binary(BinaryKind::And, a, b); }
  Value lor(Value a, Value b) { return binary(BinaryKind::Or, a, b); }
  Value lnot(Value a) { return build.unary(loc, UnaryKind::Not, a); }
  Value select(Value condition, Value a, Value b) {
    return a == b ? a : build.select(loc, condition, a, b);
  }

  QuantityBuilder build;
  mlir::Location loc;
};

} // namespace attn

#endif // ATTN_DIALECT_SCALARMATH_H
