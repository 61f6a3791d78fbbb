//===- LabelSummaries.cpp - Extremes of labels, block by block ------------===//

#include "dialect/LabelSummaries.h"

using namespace mlir;
using namespace attn;

/// Declares a dimension of the spec that no other has the name of.
StringAttr LabelSummaries::addDim(const llvm::Twine &name,
                                  std::optional<int64_t> extent) {
  MLIRContext *context = spec.getContext();
  std::string unique = name.str();
  while (llvm::is_contained(spec.getDims(), StringAttr::get(context, unique)))
    unique += "_";
  auto dim = StringAttr::get(context, unique);
  SmallVector<Attribute> dims(spec.getDims().getValue());
  dims.push_back(dim);
  spec.setDimsAttr(ArrayAttr::get(context, dims));
  if (extent) {
    NamedAttrList sizes(spec.getSizes());
    sizes.set(dim, IntegerAttr::get(IntegerType::get(context, 64), *extent));
    spec.setSizesAttr(sizes.getDictionary(context));
  }
  return dim;
}

LabelSummary LabelSummaries::of(Value source, StringAttr dim) {
  LabelSummary &summary = made[{source.getAsOpaquePointer(),
                                const_cast<void *>(dim.getAsOpaquePointer())}];
  if (!summary.least)
    summary = build(source, dim);
  return summary;
}

LabelSummary LabelSummaries::build(Value source, StringAttr dim) {
  OpBuilder builder(spec.getContext());
  if (Operation *op = source.getDefiningOp())
    builder.setInsertionPointAfter(op);
  else
    builder.setInsertionPointToStart(&spec.getBody().front());
  Location loc = source.getLoc();
  ScalarMath math(builder, spec, loc);
  StringAttr blocks = addDim(dim.getValue() + "_blocks", std::nullopt);
  StringAttr inBlock = addDim(dim.getValue() + "_block", blockSize);
  Value size = math.number(blockSize);
  DefineDimOp::create(
      builder, loc, blocks,
      math.floorDiv(math.add(math.extent(dim), math.number(blockSize - 1)),
                    size));

  DimList free;
  for (StringAttr other : quantity(source).getDims())
    if (other != dim)
      free.push_back(other);
  free.push_back(blocks);
  free = spec.sortDims(free);
  auto names = [&](ArrayRef<StringAttr> dims) {
    SmallVector<Attribute> attrs(dims.begin(), dims.end());
    return builder.getArrayAttr(attrs);
  };
  auto type = QuantityType::get(spec.getContext(), free, builder.getI64Type());
  SmallVector<Type> types{type, type};
  auto kernel =
      KernelOp::create(builder, loc, types, names(free), names({blocks}),
                       DictionaryAttr(), ArrayAttr());
  builder.createBlock(&kernel.getBody());
  auto sweep = SweepOp::create(builder, loc, types, names({inBlock}));
  YieldOp::create(builder, loc, sweep.getResults());
  builder.createBlock(&sweep.getBody());
  // The last block repeats the last label.
  auto indexOf = [&](StringAttr of) -> Value {
    auto indexType =
        QuantityType::get(spec.getContext(), {of}, builder.getI64Type());
    return IndexOp::create(builder, loc, indexType, of);
  };
  Value place = math.add(math.mul(indexOf(blocks), size), indexOf(inBlock));
  Value last = math.sub(math.extent(dim), math.number(1));
  Value label = math.build.read(loc, source, {dim}, {math.min(place, last)});
  label = math.build.cast(loc, label, builder.getI64Type());
  SmallVector<Value> extremes;
  for (AccumulateKind kind : {AccumulateKind::Min, AccumulateKind::Max})
    extremes.push_back(AccumulateOp::create(builder, loc, type, kind, label,
                                            Value(), Value()));
  YieldOp::create(builder, loc, extremes);
  return {kernel.getResult(0), kernel.getResult(1), blocks};
}
