//===- HeadSizes.cpp - Dimensions worth fixing at compile time ------------===//

#include "dialect/HeadSizes.h"

#include "llvm/ADT/SmallPtrSet.h"

using namespace mlir;
using namespace attn;

namespace {

SmallVector<DimList> inputLayouts(SpecOp spec) {
  SmallVector<DimList> layouts;
  for (unsigned i = 0, e = spec.getArgumentTypes().size(); i != e; ++i)
    layouts.push_back(spec.getArgLayout(i));
  return layouts;
}

/// The layouts of all tensors, parameters and results.
SmallVector<DimList> tensorLayouts(SpecOp spec) {
  SmallVector<DimList> layouts = inputLayouts(spec);
  for (unsigned i = 0, e = spec.getResultTypes().size(); i != e; ++i)
    layouts.push_back(spec.getResultLayout(i));
  return layouts;
}

/// In how many of \p layouts \p dim is innermost; 0 where it is not in all that
/// have it. A vector alone says nothing: it may be a weight of each channel, or
/// a number for each position.
unsigned timesInnermost(StringAttr dim, ArrayRef<DimList> layouts) {
  unsigned times = 0;
  for (const DimList &layout : layouts) {
    if (!llvm::is_contained(layout, dim))
      continue;
    if (layout.back() != dim)
      return 0;
    times += layout.size() > 1;
  }
  return times;
}

/// Says whether products are summed over \p dim, which both sides have
/// innermost. An output may have it further out then, if only because its
/// dimensions stand in the order in which the spec names them.
bool isContracted(StringAttr dim, SpecOp spec) {
  return timesInnermost(dim, inputLayouts(spec)) > 1 &&
         llvm::any_of(spec.getBody().front().getOps<ReduceOp>(),
                      [&](ReduceOp reduce) {
                        return llvm::is_contained(reduce.getDims(), dim);
                      });
}

/// Says whether some quantity has both \p dim and a dimension that stands
/// beside it in no tensor (the mark of query against key), or none is computed
/// along it at all.
bool isSequenceOrTable(StringAttr dim, SpecOp spec, ArrayRef<DimList> layouts) {
  llvm::SmallPtrSet<StringAttr, 8> neighbours;
  for (const DimList &layout : layouts)
    if (llvm::is_contained(layout, dim))
      neighbours.insert_range(layout);
  // The value dimension meets the query dimension in the output, and the key
  // dimension in v; one that meets a stranger is a sequence itself.
  bool stranger = false, computed = false;
  spec.getBody().walk([&](Operation *op) {
    for (Value result : op->getResults()) {
      QuantityType type = quantity(result);
      if (!type.hasDim(dim))
        continue;
      computed |= !isa<CastOp>(op);
      for (StringAttr other : type.getDims())
        stranger |= !neighbours.contains(other);
    }
  });
  // A table that is only ever read at computed indices is no head either.
  return stranger || !computed;
}

} // namespace

DimList attn::fixedSizes(SpecOp spec) {
  SmallVector<DimList> layouts = tensorLayouts(spec);
  DimList sizes;
  for (auto dim : spec.getDims().getAsRange<StringAttr>()) {
    if (!spec.getStaticSize(dim))
      continue;
    auto has = [&](const DimList &layout) {
      return llvm::is_contained(layout, dim);
    };
    auto endsWith = [&](const DimList &layout) {
      return layout.size() > 1 && layout.back() == dim;
    };
    if (llvm::none_of(layouts, has) || (llvm::any_of(layouts, endsWith) &&
                                        !isSequenceOrTable(dim, spec, layouts)))
      sizes.push_back(dim);
  }
  return sizes;
}

DimList attn::headSizes(SpecOp spec) {
  SmallVector<DimList> layouts = tensorLayouts(spec);
  DimList sizes;
  for (auto dim : spec.getDims().getAsRange<StringAttr>()) {
    if ((timesInnermost(dim, layouts) || isContracted(dim, spec)) &&
        !isSequenceOrTable(dim, spec, layouts))
      sizes.push_back(dim);
  }
  return sizes;
}
