//===- QuantityBuilder.h - Attn ops with inferred types ---------*- C++ -*-===//
//
// Broadcasting by name makes result types a function of the operands; this is
// the one place that computes them.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_DIALECT_QUANTITYBUILDER_H
#define ATTN_DIALECT_QUANTITYBUILDER_H

#include "dialect/AttnOps.h"

namespace attn {

/// Builds ops of one spec at the insertion point of an OpBuilder.
class QuantityBuilder {
public:
  QuantityBuilder(mlir::OpBuilder &builder, SpecOp spec)
      : builder(builder), spec(spec) {}

  mlir::Value unary(mlir::Location loc, UnaryKind kind, mlir::Value operand);
  mlir::Value binary(mlir::Location loc, BinaryKind kind, mlir::Value lhs,
                     mlir::Value rhs);
  mlir::Value compare(mlir::Location loc, Predicate predicate, mlir::Value lhs,
                      mlir::Value rhs);
  mlir::Value select(mlir::Location loc, mlir::Value condition,
                     mlir::Value then, mlir::Value otherwise);
  mlir::Value cast(mlir::Location loc, mlir::Value operand, mlir::Type element);
  mlir::Value reduce(mlir::Location loc, ReduceKind kind, mlir::Value operand,
                     mlir::ArrayAttr dims, mlir::Value domain);
  mlir::Value constant(mlir::Location loc, double value);
  mlir::Value constant(mlir::Location loc, int64_t value);
  mlir::Value constant(mlir::Location loc, bool value);
  mlir::Value extent(mlir::Location loc, mlir::StringAttr dim);
  mlir::Value tileBound(mlir::Location loc, BoundKind kind,
                        mlir::StringAttr dim);
  mlir::Value read(mlir::Location loc, mlir::Value source,
                   llvm::ArrayRef<mlir::StringAttr> dims,
                   mlir::ValueRange indices);
  mlir::Value boxReduce(mlir::Location loc, ReduceKind kind, mlir::Value source,
                        mlir::ArrayAttr dims, mlir::ValueRange from,
                        mlir::ValueRange to);
  /// The pointwise op or read \p op on other operands, with the type that they
  /// give it.
  mlir::Value remake(mlir::Operation *op, mlir::ValueRange operands);
  mlir::Type getI64() { return builder.getI64Type(); }
  mlir::Type getF32() { return builder.getF32Type(); }

  /// The type with \p element and every dimension of \p values.
  QuantityType typeOf(mlir::ValueRange values, mlir::Type element);

private:
  mlir::Value constant(mlir::Location loc, mlir::TypedAttr value);

  mlir::OpBuilder &builder;
  SpecOp spec;
};

} // namespace attn

#endif // ATTN_DIALECT_QUANTITYBUILDER_H
