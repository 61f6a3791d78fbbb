//===- QuantityBuilder.cpp - Building attn ops with inferred types --------===//

#include "dialect/QuantityBuilder.h"

using namespace mlir;
using namespace attn;

QuantityType QuantityBuilder::typeOf(ValueRange values, Type element) {
  DimList dims;
  for (Value value : values)
    llvm::append_range(dims, quantity(value).getDims());
  return QuantityType::get(spec.getContext(), spec.sortDims(dims), element);
}

Value QuantityBuilder::unary(Location loc, UnaryKind kind, Value operand) {
  return UnaryOp::create(builder, loc, operand.getType(), kind, operand);
}

Value QuantityBuilder::binary(Location loc, BinaryKind kind, Value lhs,
                              Value rhs) {
  QuantityType type = typeOf({lhs, rhs}, quantity(lhs).getElementType());
  return BinaryOp::create(builder, loc, type, kind, lhs, rhs);
}

Value QuantityBuilder::compare(Location loc, Predicate predicate, Value lhs,
                               Value rhs) {
  QuantityType type = typeOf({lhs, rhs}, builder.getI1Type());
  return CompareOp::create(builder, loc, type, predicate, lhs, rhs);
}

Value QuantityBuilder::select(Location loc, Value condition, Value then,
                              Value otherwise) {
  QuantityType type =
      typeOf({condition, then, otherwise}, quantity(then).getElementType());
  return SelectOp::create(builder, loc, type, condition, then, otherwise);
}

Value QuantityBuilder::cast(Location loc, Value operand, Type element) {
  QuantityType type = quantity(operand).withElement(element);
  return type == operand.getType()
             ? operand
             : CastOp::create(builder, loc, type, operand).getResult();
}

Value QuantityBuilder::reduce(Location loc, ReduceKind kind, Value operand,
                              ArrayAttr dims, Value domain) {
  DimList kept(quantity(operand).getDims());
  if (domain)
    llvm::append_range(kept, quantity(domain).getDims());
  llvm::erase_if(kept, [&](StringAttr dim) {
    return llvm::is_contained(dims.getValue(), dim);
  });
  auto type = QuantityType::get(spec.getContext(), spec.sortDims(kept),
                                quantity(operand).getElementType());
  return ReduceOp::create(builder, loc, type, kind, operand, dims, domain);
}

Value QuantityBuilder::constant(Location loc, TypedAttr value) {
  auto type = QuantityType::get(spec.getContext(), {}, value.getType());
  return ConstantOp::create(builder, loc, type, value);
}

Value QuantityBuilder::constant(Location loc, double value) {
  return constant(loc, TypedAttr(builder.getF32FloatAttr(value)));
}

Value QuantityBuilder::constant(Location loc, int64_t value) {
  return constant(loc, TypedAttr(builder.getI64IntegerAttr(value)));
}

Value QuantityBuilder::constant(Location loc, bool value) {
  return constant(loc, TypedAttr(builder.getBoolAttr(value)));
}

Value QuantityBuilder::extent(Location loc, StringAttr dim) {
  auto type = QuantityType::get(spec.getContext(), {}, builder.getI64Type());
  return ExtentOp::create(builder, loc, type, dim);
}
