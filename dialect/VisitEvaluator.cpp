//===- VisitEvaluator.cpp - What attn.visit says, in numbers --------------===//

#include "dialect/VisitEvaluator.h"

#include "llvm/ADT/TypeSwitch.h"

#include <limits>

using namespace mlir;
using namespace attn;
using namespace attn::reference;

VisitEvaluator::VisitEvaluator(SpecOp spec, const ReferenceInputs &inputs)
    : spec(spec), inputs(inputs) {
  for (auto [index, type] : llvm::enumerate(spec.getArgumentTypes())) {
    if (cast<QuantityType>(type).isScalar())
      continue;
    const auto &shape = inputs.tensors.at(spec.getArgName(index)).shape;
    for (auto [dim, extent] : llvm::zip_equal(spec.getArgLayout(index), shape))
      extents[dim] = extent;
  }
}

int64_t VisitEvaluator::extent(StringAttr dim) {
  auto known = extents.find(dim);
  if (known != extents.end())
    return known->second;
  if (std::optional<int64_t> fixed = spec.getStaticSize(dim))
    return *fixed;
  for (auto op : spec.getBody().front().getOps<DefineDimOp>())
    if (op.getDimAttr() == dim) {
      Tile scalar;
      return extents[dim] = evaluate(op.getExtent(), scalar);
    }
  llvm_unreachable("a dimension without an extent");
}

Number VisitEvaluator::number(Value value, Tile &tile) {
  auto known = tile.known.find(value);
  if (known != tile.known.end())
    return known->second;
  Number result = compute(value, tile);
  // What is f32 is rounded: masks may turn on it.
  Type element = quantity(value).getElementType();
  if (isa<FloatType>(element))
    result = realNumber(roundToElement(element, result.real));
  tile.known[value] = result;
  return result;
}

Number VisitEvaluator::compute(Value value, Tile &tile) {
  if (auto blockArgument = dyn_cast<BlockArgument>(value))
    return argument(blockArgument, tile);
  return llvm::TypeSwitch<Operation *, Number>(value.getDefiningOp())
      .Case([&](ConstantOp op) {
        if (auto real = dyn_cast<FloatAttr>(op.getValue()))
          return realNumber(real.getValueAsDouble());
        return wholeNumber(cast<IntegerAttr>(op.getValue()).getInt());
      })
      .Case([&](IndexOp op) {
        return wholeNumber(tile.indices.at(op.getDimAttr()));
      })
      .Case([&](ExtentOp op) { return wholeNumber(extent(op.getDimAttr())); })
      .Case([&](TileBoundOp op) {
        Range range = tile.bounds.at(op.getDimAttr());
        return wholeNumber(op.getKind() == BoundKind::Least ? range.first
                                                            : range.second);
      })
      .Case([&](ReadOp op) { return read(op, tile); })
      .Case([&](BoxReduceOp op) { return boxReduce(op, tile); })
      .Case([&](SweepOp) { return sweepResult(cast<OpResult>(value), tile); })
      .Case([&](KernelOp op) { // an element for the indices of the tile
        unsigned index = cast<OpResult>(value).getResultNumber();
        Tile inside;
        inside.indices = tile.indices;
        return number(op.getBody().front().getTerminator()->getOperand(index),
                      inside);
      })
      .Default([&](Operation *op) { return pointwise(op, tile); });
}

Number VisitEvaluator::scalar(BlockArgument argument) {
  unsigned index = argument.getArgNumber();
  Type element = quantity(argument).getElementType();
  auto given = inputs.scalars.find(spec.getArgName(index));
  if (given != inputs.scalars.end())
    return numberFromDouble(element, given->second);
  Attribute fallback = spec.getArgAttr(index, "attn.default");
  if (auto real = dyn_cast<FloatAttr>(fallback))
    return numberFromDouble(element, real.getValueAsDouble());
  auto whole = cast<IntegerAttr>(fallback);
  return wholeNumber(whole.getType().isInteger(1)
                         ? whole.getValue().getBoolValue()
                         : whole.getInt());
}

Number VisitEvaluator::argument(BlockArgument argument, Tile &tile) {
  unsigned index = argument.getArgNumber();
  StringRef name = spec.getArgName(index);
  Type element = quantity(argument).getElementType();
  if (quantity(argument).isScalar())
    return scalar(argument);
  const HostTensor &tensor = inputs.tensors.at(name);
  int64_t at = 0;
  for (auto [dim, extent] :
       llvm::zip_equal(spec.getArgLayout(index), tensor.shape))
    at = at * extent + tile.indices.at(dim);
  return numberFromDouble(element, tensor.data[at]);
}

Number VisitEvaluator::pointwise(Operation *op, Tile &tile) {
  auto operand = [&](unsigned index) {
    return number(op->getOperand(index), tile);
  };
  auto element = [&](unsigned index) {
    return quantity(op->getOperand(index)).getElementType();
  };
  return llvm::TypeSwitch<Operation *, Number>(op)
      .Case([&](UnaryOp op) {
        return applyUnary(op.getKind(), element(0), operand(0));
      })
      .Case([&](BinaryOp op) {
        return applyBinary(op.getKind(), element(0), operand(0), operand(1));
      })
      .Case([&](CompareOp op) {
        return wholeNumber(applyCompare(op.getPredicate(), element(0),
                                        operand(0), operand(1)));
      })
      .Case(
          [&](SelectOp) { return operand(0).whole ? operand(1) : operand(2); })
      .Case([&](CastOp op) {
        return applyCast(element(0), quantity(op.getResult()).getElementType(),
                         operand(0));
      })
      .Default([](Operation *) -> Number {
        llvm_unreachable("not an op that a mask is solved with");
      });
}

Number VisitEvaluator::read(ReadOp op, Tile &tile) {
  Tile inside;
  inside.indices = tile.indices;
  inside.bounds = tile.bounds;
  for (auto [dim, index] : llvm::zip_equal(
           op.getDims().getAsRange<StringAttr>(), op.getIndices())) {
    if (extent(dim) == 0) // nothing to read: 0 stands for it
      return numberFromDouble(quantity(op.getResult()).getElementType(), 0);
    inside.indices[dim] =
        std::clamp<int64_t>(evaluate(index, tile), 0, extent(dim) - 1);
  }
  return number(op.getSource(), inside);
}

/// Calls \p visit with \p tile at each index from \p from to \p to.
static void forEachIndex(ArrayRef<StringAttr> dims,
                         ArrayRef<VisitEvaluator::Range> ends,
                         VisitEvaluator::Tile &tile,
                         llvm::function_ref<void()> visit) {
  if (dims.empty()) {
    tile.known.clear();
    return visit();
  }
  for (int64_t i = ends.front().first; i <= ends.front().second; ++i) {
    tile.indices[dims.front()] = i;
    forEachIndex(dims.drop_front(), ends.drop_front(), tile, visit);
  }
}

Number VisitEvaluator::boxReduce(BoxReduceOp op, Tile &tile) {
  DimList dims = toDims(op.getDims());
  SmallVector<Range> ends;
  for (auto [dim, from, to] : llvm::zip_equal(dims, op.getFrom(), op.getTo()))
    ends.push_back({std::max<int64_t>(evaluate(from, tile), 0),
                    std::min(evaluate(to, tile), extent(dim) - 1)});
  bool isMax = op.getKind() == ReduceKind::Max;
  int64_t best = isMax ? std::numeric_limits<int64_t>::min()
                       : std::numeric_limits<int64_t>::max();
  Tile inside;
  inside.indices = tile.indices;
  forEachIndex(dims, ends, inside, [&] {
    int64_t element = evaluate(op.getSource(), inside);
    best = isMax ? std::max(best, element) : std::min(best, element);
  });
  return wholeNumber(best);
}

/// The final value of an accumulator: of a summary of labels, say.
Number VisitEvaluator::sweepResult(OpResult result, Tile &tile) {
  auto sweep = cast<SweepOp>(result.getOwner());
  auto op = sweep.getBody()
                .front()
                .getTerminator()
                ->getOperand(result.getResultNumber())
                .getDefiningOp<AccumulateOp>();
  assert(op && op.getKind() != AccumulateKind::Collect &&
         "not what a mask is solved with");
  Type element = quantity(op.getResult()).getElementType();
  bool isReal = isa<FloatType>(element);
  constexpr double infinity = std::numeric_limits<double>::infinity();
  using Limits = std::numeric_limits<int64_t>;
  Number state =
      op.getKind() == AccumulateKind::Sum ? numberFromDouble(element, 0)
      : op.getKind() == AccumulateKind::Max
          ? (isReal ? realNumber(-infinity) : wholeNumber(Limits::min()))
          : (isReal ? realNumber(infinity) : wholeNumber(Limits::max()));
  BinaryKind combine = op.getKind() == AccumulateKind::Sum   ? BinaryKind::Add
                       : op.getKind() == AccumulateKind::Max ? BinaryKind::Max
                                                             : BinaryKind::Min;
  DimList dims = toDims(sweep.getOver());
  SmallVector<Range> ends;
  for (StringAttr dim : dims)
    ends.push_back({0, extent(dim) - 1});
  Tile inside;
  inside.indices = tile.indices;
  forEachIndex(dims, ends, inside, [&] {
    if (!op.getDomain() || evaluate(op.getDomain(), inside))
      state =
          applyBinary(combine, element, state, number(op.getOperand(), inside));
  });
  return state;
}
