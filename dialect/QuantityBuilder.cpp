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
  return builder.createOrFold<UnaryOp>(loc, operand.getType(), kind, operand);
}

Value QuantityBuilder::binary(Location loc, BinaryKind kind, Value lhs,
                              Value rhs) {
  QuantityType type = typeOf({lhs, rhs}, quantity(lhs).getElementType());
  return builder.createOrFold<BinaryOp>(loc, type, kind, lhs, rhs);
}

Value QuantityBuilder::compare(Location loc, Predicate predicate, Value lhs,
                               Value rhs) {
  QuantityType type = typeOf({lhs, rhs}, builder.getI1Type());
  return builder.createOrFold<CompareOp>(loc, type, predicate, lhs, rhs);
}

Value QuantityBuilder::select(Location loc, Value condition, Value then,
                              Value otherwise) {
  QuantityType type =
      typeOf({condition, then, otherwise}, quantity(then).getElementType());
  return builder.createOrFold<SelectOp>(loc, type, condition, then, otherwise);
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

Value QuantityBuilder::tileBound(Location loc, BoundKind kind, StringAttr dim) {
  auto type = QuantityType::get(spec.getContext(), {}, builder.getI64Type());
  return TileBoundOp::create(builder, loc, type, kind, dim);
}

Value QuantityBuilder::read(Location loc, Value source,
                            ArrayRef<StringAttr> dims, ValueRange indices) {
  DimList kept;
  for (StringAttr dim : quantity(source).getDims())
    if (!llvm::is_contained(dims, dim))
      kept.push_back(dim);
  for (Value index : indices)
    llvm::append_range(kept, quantity(index).getDims());
  auto type = QuantityType::get(spec.getContext(), spec.sortDims(kept),
                                quantity(source).getElementType());
  SmallVector<Attribute> names(dims.begin(), dims.end());
  return ReadOp::create(builder, loc, type, source, builder.getArrayAttr(names),
                        indices);
}

Value QuantityBuilder::boxReduce(Location loc, ReduceKind kind, Value source,
                                 ArrayAttr dims, ValueRange from,
                                 ValueRange to) {
  DimList kept;
  for (StringAttr dim : quantity(source).getDims())
    if (!llvm::is_contained(dims, dim))
      kept.push_back(dim);
  for (ValueRange bounds : {from, to})
    for (Value bound : bounds)
      llvm::append_range(kept, quantity(bound).getDims());
  auto type = QuantityType::get(spec.getContext(), spec.sortDims(kept),
                                builder.getI64Type());
  return BoxReduceOp::create(builder, loc, type, kind, source, dims, from, to);
}

Value QuantityBuilder::remake(Operation *op, ValueRange operands) {
  Location loc = op->getLoc();
  if (auto unaryOp = dyn_cast<UnaryOp>(op))
    return unary(loc, unaryOp.getKind(), operands[0]);
  if (auto binaryOp = dyn_cast<BinaryOp>(op))
    return binary(loc, binaryOp.getKind(), operands[0], operands[1]);
  if (auto compareOp = dyn_cast<CompareOp>(op))
    return compare(loc, compareOp.getPredicate(), operands[0], operands[1]);
  if (isa<SelectOp>(op))
    return select(loc, operands[0], operands[1], operands[2]);
  if (isa<CastOp>(op))
    return cast(loc, operands[0], quantity(op->getResult(0)).getElementType());
  auto readOp = llvm::cast<ReadOp>(op);
  return read(loc, operands[0], toDims(readOp.getDims()),
              operands.drop_front());
}
