//===- DerivedSpec.cpp - Questions about a domain, as specs ---------------===//

#include "frontend/cli/DerivedSpec.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace attn;
using namespace attn::cli;
using mlir::OpBuilder;
using mlir::Value;

/// A copy of \p spec that returns what \p make builds from the copy of
/// \p domain, under the name \p name.
static mlir::OwningOpRef<mlir::ModuleOp>
derive(SpecOp spec, Value domain, llvm::StringRef name,
       llvm::function_ref<Value(OpBuilder &, Value)> make) {
  mlir::OwningOpRef<mlir::ModuleOp> module(
      mlir::ModuleOp::create(spec.getLoc()));
  auto builder = OpBuilder::atBlockEnd(module->getBody());
  mlir::IRMapping mapping;
  auto copy = llvm::cast<SpecOp>(builder.clone(*spec, mapping));

  mlir::Operation *end = copy.getBody().front().getTerminator();
  builder.setInsertionPoint(end);
  Value result = make(builder, mapping.lookup(domain));
  ReturnOp::create(builder, spec.getLoc(), result);
  end->erase();

  auto type =
      builder.getFunctionType(copy.getArgumentTypes(), {result.getType()});
  copy.setFunctionTypeAttr(mlir::TypeAttr::get(type));
  llvm::SmallVector<mlir::Attribute> layout(llvm::map_range(
      quantity(result).getDims(), [](mlir::StringAttr dim) { return dim; }));
  copy.setResAttrsAttr(builder.getArrayAttr(builder.getDictionaryAttr(
      {builder.getNamedAttr("attn.layout", builder.getArrayAttr(layout)),
       builder.getNamedAttr("attn.name", builder.getStringAttr(name))})));
  // What only the other results needed is dead now.
  (void)mlir::applyPatternsGreedily(copy, {});
  return module;
}

static QuantityType f32Over(llvm::ArrayRef<mlir::StringAttr> dims,
                            OpBuilder &builder) {
  return QuantityType::get(builder.getContext(), dims, builder.getF32Type());
}

mlir::OwningOpRef<mlir::ModuleOp>
attn::cli::deriveCount(SpecOp spec, Value domain,
                       llvm::ArrayRef<mlir::StringAttr> over) {
  return derive(spec, domain, "counts", [&](OpBuilder &builder, Value copy) {
    DimList rows;
    for (mlir::StringAttr dim : quantity(copy).getDims())
      if (!llvm::is_contained(over, dim))
        rows.push_back(dim);
    llvm::SmallVector<mlir::Attribute> names(over.begin(), over.end());
    Value one = ConstantOp::create(builder, spec.getLoc(), f32Over({}, builder),
                                   builder.getF32FloatAttr(1));
    return ReduceOp::create(builder, spec.getLoc(), f32Over(rows, builder),
                            ReduceKind::Sum, one, builder.getArrayAttr(names),
                            copy)
        .getResult();
  });
}
