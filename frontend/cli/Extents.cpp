//===- Extents.cpp - Extents that a spec computes -------------------------===//
//
// A copy of the spec with every known extent and scalar as a constant folds to
// the constants that `dim` declares.
//
//===----------------------------------------------------------------------===//

#include "frontend/cli/Extents.h"
#include "frontend/cli/Messages.h"

#include "mlir/IR/Matchers.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace attn;

/// Replaces the scalars of \p spec by their values.
static void setScalars(SpecOp spec, const llvm::StringMap<double> &scalars) {
  auto builder = mlir::OpBuilder::atBlockBegin(&spec.getBody().front());
  for (auto [i, argument] : llvm::enumerate(spec.getBody().getArguments())) {
    auto type = llvm::cast<QuantityType>(argument.getType());
    auto value = spec.getArgAttrOfType<mlir::TypedAttr>(i, "attn.default");
    if (auto given = scalars.find(spec.getArgName(i)); given != scalars.end()) {
      if (llvm::isa<mlir::FloatType>(type.getElementType()))
        value = builder.getFloatAttr(type.getElementType(), given->second);
      else
        value = builder.getIntegerAttr(type.getElementType(),
                                       int64_t(given->second));
    }
    if (value && type.getDims().empty())
      argument.replaceAllUsesWith(
          ConstantOp::create(builder, spec.getLoc(), type, value));
  }
}

static void setSizes(SpecOp spec, const llvm::StringMap<int64_t> &sizes) {
  mlir::Builder builder(spec.getContext());
  mlir::NamedAttrList known;
  for (const auto &entry : sizes)
    known.set(entry.first(), builder.getI64IntegerAttr(entry.second));
  spec.setSizesAttr(known.getDictionary(spec.getContext()));
}

llvm::Error attn::cli::defineExtents(SpecOp spec,
                                     const llvm::StringMap<double> &scalars,
                                     llvm::StringMap<int64_t> &sizes) {
  mlir::OwningOpRef<SpecOp> copy = spec.clone();
  setScalars(*copy, scalars);
  llvm::Error error = llvm::Error::success();
  // One definition may need another.
  for (bool changed = true; changed && !error;) {
    changed = false;
    setSizes(*copy, sizes);
    (void)mlir::applyPatternsGreedily(*copy, {});
    copy->walk([&](DefineDimOp define) {
      mlir::IntegerAttr extent;
      if (error ||
          !mlir::matchPattern(define.getExtent(), mlir::m_Constant(&extent)))
        return;
      llvm::StringRef dim = define.getDim();
      auto [it, isNew] = sizes.try_emplace(dim, extent.getInt());
      changed |= isNew;
      if (it->second != extent.getInt())
        error = userError("dimension ", dim, " is defined as ", extent.getInt(),
                          ", but ", it->second, " is given for it");
      else if (it->second < 0)
        error = userError("dimension ", dim, " is defined as ", it->second,
                          " at these sizes: expected an extent of at least 0");
    });
  }
  return error;
}
