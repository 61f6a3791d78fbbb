//===- Reference.cpp - What a spec means, in double precision -------------===//

#include "dialect/Reference.h"
#include "dialect/ReferenceCell.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace attn;
using namespace attn::reference;

static constexpr double infinity = std::numeric_limits<double>::infinity();

/// Elements of the largest cell, and of the largest box that is reduced in one
/// go. Small cells stay in the cache of the CPU.
static constexpr int64_t maxBoxSize = int64_t(1) << 18;

template <typename... Ts>
static llvm::Error error(const char *format, const Ts &...values) {
  return llvm::createStringError(
      llvm::Twine(llvm::formatv(format, values...).str()));
}

//===----------------------------------------------------------------------===//
// Evaluator
//===----------------------------------------------------------------------===//

class ReferenceEvaluator::Impl {
public:
  Impl(SpecOp spec, const ReferenceInputs &inputs)
      : spec(spec), inputs(inputs), extents(spec.getDims().size(), -1) {}

  llvm::Error bind();
  std::vector<int64_t> resultShape(unsigned index);
  int64_t numBoxes(unsigned index);
  double resultAt(unsigned index, ArrayRef<int64_t> position);
  HostTensor result(unsigned index);
  int64_t longestReduction();

private:
  // Extents and places.
  llvm::Error bindTensor(unsigned index);
  llvm::Error bindScalar(unsigned index);
  llvm::Error evaluateSideOps();
  void chooseBlockLength();
  unsigned position(StringAttr dim) { return spec.getDimPosition(dim); }
  SmallVector<unsigned> positions(ArrayRef<StringAttr> dims) {
    return llvm::map_to_vector(dims,
                               [&](StringAttr dim) { return position(dim); });
  }
  SmallVector<unsigned> positions(Value value) {
    return positions(quantity(value).getDims());
  }
  Space spaceAt(ArrayRef<unsigned> dims, const Place &place);
  /// \p place with 0 for the dimensions that are not in \p dims.
  Place project(const Place &place, ArrayRef<unsigned> dims);
  /// Calls \p visit for each place along \p dims, the rest as in \p place.
  void forEachPlace(Place place, ArrayRef<unsigned> dims,
                    llvm::function_ref<void(const Place &)> visit);

  // Values.
  CellPtr get(Value value, const Place &place);
  CellPtr keep(Value value, const Place &place);
  int64_t getWhole(Value scalar) {
    return get(scalar, Place(extents.size(), 0))->elements.front().whole;
  }
  CellPtr compute(Value value, const Place &place);
  CellPtr computeArgument(BlockArgument argument, const Place &place);
  CellPtr computeIndex(IndexOp op, const Place &place);
  CellPtr computePointwise(Operation *op, const Place &place);
  CellPtr computeRead(ReadOp op, const Place &place);
  CellPtr computeReduce(ReduceOp op, const Place &place);
  CellPtr computeNormalize(NormalizeOp op, const Place &place);

  // Reductions.
  struct Reduction {
    SmallVector<unsigned> kept, reduced;
    Value domain;
    SmallVector<Value, 2> factors; // their product is reduced
  };
  using Combine =
      llvm::function_ref<void(Number &state, Number element, Number base)>;
  CellPtr reduce(const Reduction &reduction, const Place &place, Number initial,
                 const Cell *base, Combine combine);
  CellPtr sumProducts(const Reduction &reduction, const Place &place);
  template <typename Fn>
  void reduceBox(const Reduction &reduction, const Place &place, Cell &state,
                 const Cell *base, Fn visit);
  /// The maximum over a row, and the sum of exp(x - maximum).
  std::pair<CellPtr, CellPtr> expSums(Operation *op, const Reduction &reduction,
                                      const Place &place);

  SpecOp spec;
  const ReferenceInputs &inputs;
  llvm::DenseMap<Value, double> scalars;
  llvm::DenseMap<Value, const HostTensor *> tensors;
  SmallVector<int64_t> extents;
  int64_t blockLength = 1;
  CellCache cache;
};

//===----------------------------------------------------------------------===//
// Binding the inputs
//===----------------------------------------------------------------------===//

llvm::Error ReferenceEvaluator::Impl::bindTensor(unsigned index) {
  StringRef name = spec.getArgName(index);
  auto found = inputs.tensors.find(name);
  if (found == inputs.tensors.end())
    return error("no tensor is given for '{0}'", name);
  const HostTensor &tensor = found->second;
  DimList layout = spec.getArgLayout(index);
  if (tensor.shape.size() != layout.size())
    return error("'{0}' has {1} dimensions, expected {2}", name,
                 tensor.shape.size(), layout.size());
  uint64_t size = 1;
  for (auto [dim, extent] : llvm::zip_equal(layout, tensor.shape)) {
    int64_t &known = extents[position(dim)];
    if (known >= 0 && known != extent)
      return error("dimension {0} has {1} elements in '{2}', expected {3}",
                   dim.getValue(), extent, name, known);
    known = extent;
    size *= extent;
  }
  if (tensor.data.size() != size)
    return error("'{0}' has {1} elements, its shape says {2}", name,
                 tensor.data.size(), size);
  tensors[spec.getBody().getArgument(index)] = &tensor;
  return llvm::Error::success();
}

llvm::Error ReferenceEvaluator::Impl::bindScalar(unsigned index) {
  StringRef name = spec.getArgName(index);
  BlockArgument argument = spec.getBody().getArgument(index);
  double &value = scalars[argument];
  if (auto found = inputs.scalars.find(name); found != inputs.scalars.end()) {
    value = roundToElement(quantity(argument).getElementType(), found->second);
    return llvm::Error::success();
  }
  Attribute fallback = spec.getArgAttr(index, "attn.default");
  if (auto number = dyn_cast_or_null<FloatAttr>(fallback))
    value = number.getValueAsDouble();
  else if (auto number = dyn_cast_or_null<IntegerAttr>(fallback))
    value = number.getType().isInteger(1)
                ? double(number.getValue().getBoolValue())
                : double(number.getInt());
  else
    return error("no value is given for '{0}'", name);
  return llvm::Error::success();
}

llvm::Error ReferenceEvaluator::Impl::evaluateSideOps() {
  for (auto define : spec.getBody().getOps<DefineDimOp>())
    extents[position(define.getDimAttr())] =
        std::max<int64_t>(getWhole(define.getExtent()), 0);
  for (auto [dim, extent] :
       llvm::zip_equal(spec.getDims().getAsRange<StringAttr>(), extents))
    if (extent < 0)
      return error("nothing says how many elements dimension {0} has",
                   dim.getValue());
  for (auto require : spec.getBody().getOps<RequireOp>())
    if (!getWhole(require.getCondition()))
      return error("requirement not met: {0}", require.getMessage());
  return llvm::Error::success();
}

/// Takes the largest power of two for which no cell and no box that is reduced
/// exceeds its size.
void ReferenceEvaluator::Impl::chooseBlockLength() {
  SmallVector<SmallVector<unsigned>> boxes;
  for (Operation &op : spec.getBody().front()) {
    SmallVector<unsigned> box;
    for (Value value : op.getResults())
      box.append(positions(value));
    for (Value value : op.getOperands())
      if (!isa<ReadOp>(op))
        box.append(positions(value));
    llvm::sort(box);
    box.erase(llvm::unique(box), box.end());
    boxes.push_back(box);
  }
  auto fits = [&](int64_t length) {
    return llvm::all_of(boxes, [&](ArrayRef<unsigned> box) {
      int64_t size = 1;
      for (unsigned dim : box)
        size *= std::min(length, std::max<int64_t>(extents[dim], 1));
      return size <= maxBoxSize;
    });
  };
  blockLength = 1;
  while (blockLength < maxBoxSize && fits(2 * blockLength))
    blockLength *= 2;
}

llvm::Error ReferenceEvaluator::Impl::bind() {
  for (auto [position, dim] :
       llvm::enumerate(spec.getDims().getAsRange<StringAttr>()))
    extents[position] = spec.getStaticSize(dim).value_or(-1);
  for (unsigned index = 0, end = spec.getArgumentTypes().size(); index < end;
       ++index) {
    bool isScalar =
        cast<QuantityType>(spec.getArgumentTypes()[index]).isScalar();
    if (llvm::Error failure = isScalar ? bindScalar(index) : bindTensor(index))
      return failure;
  }
  if (llvm::Error failure = evaluateSideOps())
    return failure;
  cache.clear(); // The blocks are cut anew.
  chooseBlockLength();
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

Space ReferenceEvaluator::Impl::spaceAt(ArrayRef<unsigned> dims,
                                        const Place &place) {
  Space space;
  for (unsigned dim : dims) {
    space.dims.push_back(dim);
    space.lengths.push_back(
        std::min(blockLength, extents[dim] - place[dim] * blockLength));
  }
  return space;
}

Place ReferenceEvaluator::Impl::project(const Place &place,
                                        ArrayRef<unsigned> dims) {
  Place projected(place.size(), 0);
  for (unsigned dim : dims)
    projected[dim] = place[dim];
  return projected;
}

void ReferenceEvaluator::Impl::forEachPlace(
    Place place, ArrayRef<unsigned> dims,
    llvm::function_ref<void(const Place &)> visit) {
  if (dims.empty())
    return visit(place);
  unsigned dim = dims.front();
  for (int64_t block = 0; block * blockLength < extents[dim]; ++block) {
    place[dim] = block;
    forEachPlace(place, dims.drop_front(), visit);
  }
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

CellPtr ReferenceEvaluator::Impl::get(Value value, const Place &place) {
  Operation *op = value.getDefiningOp();
  bool isCheap = op && value.hasOneUse() &&
                 isa<UnaryOp, BinaryOp, CompareOp, SelectOp, CastOp>(op);
  return isCheap ? compute(value, place) : keep(value, place);
}

/// Computes \p value once, as long as the cache has room.
CellPtr ReferenceEvaluator::Impl::keep(Value value, const Place &place) {
  CellCache::Key key{{value.getAsOpaquePointer(), 0},
                     project(place, positions(value))};
  if (CellPtr cell = cache.find(key))
    return cell;
  return cache.insert(key, compute(value, place));
}

CellPtr ReferenceEvaluator::Impl::compute(Value value, const Place &place) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return computeArgument(argument, place);
  auto scalar = [](Number number) {
    return std::make_shared<Cell>(Space(), number);
  };
  return llvm::TypeSwitch<Operation *, CellPtr>(value.getDefiningOp())
      .Case([&](ConstantOp op) {
        auto number = dyn_cast<FloatAttr>(op.getValue());
        if (number)
          return scalar(realNumber(number.getValueAsDouble()));
        auto whole = cast<IntegerAttr>(op.getValue());
        return scalar(wholeNumber(whole.getType().isInteger(1)
                                      ? whole.getValue().getBoolValue()
                                      : whole.getInt()));
      })
      .Case([&](ExtentOp op) {
        return scalar(wholeNumber(extents[position(op.getDimAttr())]));
      })
      .Case([&](IndexOp op) { return computeIndex(op, place); })
      .Case([&](ReadOp op) { return computeRead(op, place); })
      .Case([&](ReduceOp op) { return computeReduce(op, place); })
      .Case([&](NormalizeOp op) { return computeNormalize(op, place); })
      .Default([&](Operation *op) { return computePointwise(op, place); });
}

CellPtr ReferenceEvaluator::Impl::computeArgument(BlockArgument argument,
                                                  const Place &place) {
  Type element = quantity(argument).getElementType();
  if (quantity(argument).isScalar())
    return std::make_shared<Cell>(
        Space(), numberFromDouble(element, scalars.at(argument)));
  const HostTensor &tensor = *tensors.at(argument);
  SmallVector<unsigned> layout =
      positions(spec.getArgLayout(argument.getArgNumber()));
  auto cell = std::make_shared<Cell>(spaceAt(positions(argument), place));
  // The strides of the tensor along the dimensions of the cell.
  SmallVector<int64_t> strides(cell->space.dims.size());
  int64_t stride = 1, start = 0;
  for (size_t axis = layout.size(); axis-- > 0;) {
    const unsigned *dim = llvm::find(cell->space.dims, layout[axis]);
    strides[dim - cell->space.dims.begin()] = stride;
    start += place[layout[axis]] * blockLength * stride;
    stride *= tensor.shape[axis];
  }
  Number *out = cell->elements.data();
  forEachRow(cell->space, {strides}, [&](auto &at, int64_t count, auto &step) {
    for (int64_t i = 0; i < count; ++i)
      *out++ =
          numberFromDouble(element, tensor.data[start + at[0] + i * step[0]]);
  });
  return cell;
}

CellPtr ReferenceEvaluator::Impl::computeIndex(IndexOp op, const Place &place) {
  auto cell = std::make_shared<Cell>(spaceAt(positions(op.getResult()), place));
  int64_t index = place[position(op.getDimAttr())] * blockLength;
  for (Number &element : cell->elements)
    element = wholeNumber(index++);
  return cell;
}

/// Says whether \p op is x - max[..](x), and for exponentials alone.
static bool isShiftOfWeights(BinaryOp op) {
  auto max = op.getRhs().getDefiningOp<ReduceOp>();
  return op.getKind() == BinaryKind::Sub && max &&
         max.getKind() == ReduceKind::Max && max.getOperand() == op.getLhs() &&
         llvm::all_of(op->getUsers(), [](Operation *user) {
           auto unary = dyn_cast<UnaryOp>(user);
           return unary && unary.getKind() == UnaryKind::Exp;
         });
}

/// One element of a pointwise op.
static Number applyPointwise(Operation *op, ArrayRef<Number> operands) {
  auto elementType = [](Value value) {
    return quantity(value).getElementType();
  };
  return llvm::TypeSwitch<Operation *, Number>(op)
      .Case([&](UnaryOp op) {
        return applyUnary(op.getKind(), elementType(op.getOperand()),
                          operands[0]);
      })
      .Case([&](BinaryOp op) {
        // A row whose scores are all -inf has no weights, as an empty one.
        if (operands[0].real == -infinity && operands[1].real == -infinity &&
            isShiftOfWeights(op))
          return operands[0];
        return applyBinary(op.getKind(), elementType(op.getLhs()), operands[0],
                           operands[1]);
      })
      .Case([&](CompareOp op) {
        return wholeNumber(applyCompare(op.getPredicate(),
                                        elementType(op.getLhs()), operands[0],
                                        operands[1]));
      })
      .Case([&](SelectOp op) {
        return operands[0].whole ? operands[1] : operands[2];
      })
      .Case([&](CastOp op) {
        return applyCast(elementType(op.getOperand()),
                         elementType(op.getResult()), operands[0]);
      })
      .Case([&](UniformOp op) {
        auto indices = llvm::map_to_vector(
            operands.drop_front(), [](Number index) { return index.whole; });
        return realNumber(uniformNumber(operands[0].whole, indices));
      })
      .Default([](Operation *) -> Number {
        llvm_unreachable("not an op of the formula form");
      });
}

CellPtr ReferenceEvaluator::Impl::computePointwise(Operation *op,
                                                   const Place &place) {
  auto cell =
      std::make_shared<Cell>(spaceAt(positions(op->getResult(0)), place));
  SmallVector<CellPtr> operands;
  SmallVector<SmallVector<int64_t>> strides;
  for (Value operand : op->getOperands()) {
    operands.push_back(get(operand, place));
    strides.push_back(operands.back()->stridesIn(cell->space));
  }
  SmallVector<Number> elements(operands.size());
  Number *out = cell->elements.data();
  forEachRow(cell->space, strides, [&](auto &at, int64_t count, auto &step) {
    for (int64_t i = 0; i < count; ++i) {
      for (size_t k = 0; k < operands.size(); ++k)
        elements[k] = operands[k]->elements[at[k] + i * step[k]];
      *out++ = applyPointwise(op, elements);
    }
  });
  return cell;
}

CellPtr ReferenceEvaluator::Impl::computeRead(ReadOp op, const Place &place) {
  auto cell = std::make_shared<Cell>(spaceAt(positions(op.getResult()), place));
  SmallVector<unsigned> sourceDims = positions(op.getSource());
  SmallVector<unsigned> readDims = positions(toDims(op.getDims()));
  // Nothing can be read from a source without elements; 0 stands for it.
  if (llvm::any_of(readDims, [&](unsigned dim) { return extents[dim] == 0; }))
    return cell;
  SmallVector<CellPtr> indices;
  SmallVector<SmallVector<int64_t>> strides;
  for (Value index : op.getIndices()) {
    indices.push_back(get(index, place));
    strides.push_back(indices.back()->stridesIn(cell->space));
  }
  // The element's position along each dimension of the source, counted up in
  // the order of the result's elements.
  const Space &space = cell->space;
  SmallVector<int64_t> at(extents.size(), 0), offset(space.dims.size(), 0);
  Place sourcePlace(extents.size(), 0);
  CellPtr source;
  for (Number &element : cell->elements) {
    for (auto [axis, dim] : llvm::enumerate(space.dims))
      at[dim] = place[dim] * blockLength + offset[axis];
    SmallVector<int64_t> position =
        llvm::map_to_vector(sourceDims, [&](unsigned dim) { return at[dim]; });
    for (auto [index, dim] : llvm::enumerate(readDims)) {
      int64_t where = 0;
      for (size_t axis = 0; axis < space.dims.size(); ++axis)
        where += offset[axis] * strides[index][axis];
      position[llvm::find(sourceDims, dim) - sourceDims.begin()] =
          std::clamp<int64_t>(indices[index]->elements[where].whole, 0,
                              extents[dim] - 1);
    }
    bool sameCell = source != nullptr;
    for (auto [dim, p] : llvm::zip_equal(sourceDims, position)) {
      sameCell &= sourcePlace[dim] == p / blockLength;
      sourcePlace[dim] = p / blockLength;
    }
    if (!sameCell)
      source = get(op.getSource(), sourcePlace);
    int64_t where = 0;
    for (auto [length, p] : llvm::zip_equal(source->space.lengths, position))
      where = where * length + p % blockLength;
    element = source->elements[where];
    for (size_t axis = offset.size(); axis-- > 0;) {
      if (++offset[axis] < space.lengths[axis])
        break;
      offset[axis] = 0;
    }
  }
  return cell;
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

/// Calls visit(state, element, base) for each element of one box that exists.
template <typename Fn>
void ReferenceEvaluator::Impl::reduceBox(const Reduction &reduction,
                                         const Place &place, Cell &state,
                                         const Cell *base, Fn visit) {
  CellPtr domain = reduction.domain ? get(reduction.domain, place) : nullptr;
  // Nothing is evaluated where no pair exists.
  if (domain &&
      llvm::none_of(domain->elements, [](Number n) { return n.whole != 0; }))
    return;
  SmallVector<unsigned> dims = reduction.kept;
  dims.append(reduction.reduced);
  Space loops = spaceAt(dims, place);
  CellPtr first = get(reduction.factors.front(), place);
  CellPtr second =
      reduction.factors.size() > 1 ? get(reduction.factors[1], place) : nullptr;
  // A part that is absent is walked like the first factor and not looked at.
  auto partOr = [&](const Cell *part) { return part ? part : first.get(); };
  const Cell *parts[] = {&state, first.get(), partOr(second.get()),
                         partOr(domain.get()), partOr(base)};
  SmallVector<SmallVector<int64_t>> strides;
  for (const Cell *part : parts)
    strides.push_back(part->stridesIn(loops));
  bool hasSecond = second != nullptr, hasDomain = domain != nullptr;
  forEachRow(loops, strides, [&](auto &at, int64_t count, auto &step) {
    Number *states = &state.elements[at[0]];
    const Number *x = &parts[1]->elements[at[1]];
    const Number *y = &parts[2]->elements[at[2]];
    const Number *exists = &parts[3]->elements[at[3]];
    const Number *bases = &parts[4]->elements[at[4]];
    int64_t s0 = step[0], s1 = step[1], s2 = step[2], s3 = step[3],
            s4 = step[4];
    auto visitRow = [&](auto stateAt) {
      for (int64_t i = 0; i < count; ++i) {
        if (hasDomain && !exists[i * s3].whole)
          continue;
        Number element = x[i * s1];
        if (hasSecond)
          element.real *= y[i * s2].real;
        visit(stateAt(i), element, bases[i * s4]);
      }
    };
    // The state of a row that is reduced to one number stays in a register.
    if (s0 == 0) {
      Number state = *states;
      visitRow([&](int64_t) -> Number & { return state; });
      *states = state;
    } else {
      visitRow([&](int64_t i) -> Number & { return states[i * s0]; });
    }
  });
}

CellPtr ReferenceEvaluator::Impl::reduce(const Reduction &reduction,
                                         const Place &place, Number initial,
                                         const Cell *base, Combine combine) {
  auto state = std::make_shared<Cell>(spaceAt(reduction.kept, place), initial);
  forEachPlace(place, reduction.reduced, [&](const Place &box) {
    reduceBox(reduction, box, *state, base, combine);
  });
  return state;
}

/// The reduction that takes nearly all of the time: its loop is its own.
CellPtr ReferenceEvaluator::Impl::sumProducts(const Reduction &reduction,
                                              const Place &place) {
  auto state =
      std::make_shared<Cell>(spaceAt(reduction.kept, place), realNumber(0));
  forEachPlace(place, reduction.reduced, [&](const Place &box) {
    reduceBox(reduction, box, *state, nullptr,
              [](Number &sum, Number x, Number) { sum.real += x.real; });
  });
  return state;
}

std::pair<CellPtr, CellPtr>
ReferenceEvaluator::Impl::expSums(Operation *op, const Reduction &reduction,
                                  const Place &place) {
  Place keptPlace = project(place, reduction.kept);
  CellCache::Key maximumKey{{op, 1}, keptPlace}, sumKey{{op, 2}, keptPlace};
  CellPtr highest = cache.find(maximumKey), sum = cache.find(sumKey);
  if (!highest)
    highest = cache.insert(maximumKey,
                           reduce(reduction, place, realNumber(-infinity),
                                  nullptr, [](Number &state, Number x, Number) {
                                    state.real = maximum(state.real, x.real);
                                  }));
  if (!sum)
    sum = cache.insert(sumKey,
                       reduce(reduction, place, realNumber(0), highest.get(),
                              [](Number &state, Number x, Number base) {
                                // Scores that are all -inf are no scores.
                                if (base.real != -infinity)
                                  state.real += std::exp(x.real - base.real);
                              }));
  return {highest, sum};
}

CellPtr ReferenceEvaluator::Impl::computeReduce(ReduceOp op,
                                                const Place &place) {
  Reduction reduction{positions(op.getResult()),
                      positions(toDims(op.getDims())),
                      op.getDomain(),
                      {op.getOperand()}};
  bool isReal = isa<FloatType>(quantity(op.getOperand()).getElementType());
  switch (op.getKind()) {
  case ReduceKind::Sum: {
    if (!isReal)
      return reduce(reduction, place, wholeNumber(0), nullptr,
                    [](Number &state, Number x, Number) {
                      state.whole =
                          int64_t(uint64_t(state.whole) + uint64_t(x.whole));
                    });
    // The terms of a contraction are multiplied on the fly.
    auto product = op.getOperand().getDefiningOp<BinaryOp>();
    if (product && product.getKind() == BinaryKind::Mul && product->hasOneUse())
      reduction.factors = {product.getLhs(), product.getRhs()};
    return sumProducts(reduction, place);
  }
  case ReduceKind::Max:
    return reduce(reduction, place,
                  isReal ? realNumber(-infinity)
                         : wholeNumber(std::numeric_limits<int64_t>::min()),
                  nullptr, [&](Number &state, Number x, Number) {
                    if (isReal)
                      state.real = maximum(state.real, x.real);
                    else
                      state.whole = std::max(state.whole, x.whole);
                  });
  case ReduceKind::Min:
    return reduce(reduction, place,
                  isReal ? realNumber(infinity)
                         : wholeNumber(std::numeric_limits<int64_t>::max()),
                  nullptr, [&](Number &state, Number x, Number) {
                    if (isReal)
                      state.real = minimum(state.real, x.real);
                    else
                      state.whole = std::min(state.whole, x.whole);
                  });
  case ReduceKind::Mean: {
    CellPtr sum = sumProducts(reduction, place);
    CellPtr count =
        reduce(reduction, place, realNumber(0), nullptr,
               [](Number &state, Number, Number) { state.real += 1; });
    auto mean = std::make_shared<Cell>(*sum);
    for (auto [element, n] : llvm::zip_equal(mean->elements, count->elements))
      element.real = n.real == 0 ? 0 : element.real / n.real;
    return mean;
  }
  case ReduceKind::LogSumExp: {
    auto [highest, sum] = expSums(op, reduction, place);
    auto result = std::make_shared<Cell>(*highest);
    for (auto [element, n] : llvm::zip_equal(result->elements, sum->elements))
      if (!std::isinf(element.real))
        element.real += std::log(n.real);
    return result;
  }
  }
  llvm_unreachable("unknown reduction");
}

CellPtr ReferenceEvaluator::Impl::computeNormalize(NormalizeOp op,
                                                   const Place &place) {
  SmallVector<unsigned> dims = positions(op.getResult());
  Reduction reduction{
      {}, positions(toDims(op.getDims())), op.getDomain(), {op.getOperand()}};
  for (unsigned dim : dims)
    if (!llvm::is_contained(reduction.reduced, dim))
      reduction.kept.push_back(dim);
  bool isSoftmax = op.getKind() == NormalizeKind::Softmax;
  CellPtr highest, sum;
  if (isSoftmax) {
    std::tie(highest, sum) = expSums(op, reduction, place);
  } else {
    CellCache::Key key{{op, 2}, project(place, reduction.kept)};
    sum = cache.find(key);
    if (!sum)
      sum = cache.insert(key, reduce(reduction, place, realNumber(0), nullptr,
                                     [](Number &state, Number x, Number) {
                                       state.real += std::fabs(x.real);
                                     }));
    highest = sum;
  }
  auto cell = std::make_shared<Cell>(spaceAt(dims, place), realNumber(0));
  // Each element of the cell is the quotient of its own numerator.
  Reduction each{dims, {}, op.getDomain(), {op.getOperand()}};
  reduceBox(each, place, *cell, highest.get(),
            [&](Number &element, Number x, Number base) {
              element.real = isSoftmax ? std::exp(x.real - base.real) : x.real;
            });
  CellPtr sums = sum;
  forEachRow(cell->space,
             {cell->stridesIn(cell->space), sums->stridesIn(cell->space)},
             [&](auto &at, int64_t count, auto &step) {
               for (int64_t i = 0; i < count; ++i) {
                 Number &element = cell->elements[at[0] + i * step[0]];
                 double total = sums->elements[at[1] + i * step[1]].real;
                 element.real = total == 0 ? 0 : element.real / total;
               }
             });
  return cell;
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

static Value returned(SpecOp spec, unsigned index) {
  return cast<ReturnOp>(spec.getBody().front().getTerminator())
      .getValues()[index];
}

/// The element type of result \p index, which says whether a byte has a sign.
static Type resultElement(SpecOp spec, unsigned index) {
  auto type = spec.getResultAttrOfType<StringAttr>(index, "attn.type");
  if (type && type.getValue() == "uint8")
    return IntegerType::get(spec.getContext(), 8, IntegerType::Unsigned);
  return quantity(returned(spec, index)).getElementType();
}

std::vector<int64_t> ReferenceEvaluator::Impl::resultShape(unsigned index) {
  std::vector<int64_t> shape;
  for (StringAttr dim : spec.getResultLayout(index))
    shape.push_back(extents[position(dim)]);
  return shape;
}

int64_t ReferenceEvaluator::Impl::numBoxes(unsigned index) {
  int64_t boxes = 1;
  for (unsigned dim : positions(returned(spec, index)))
    boxes *= llvm::divideCeil(extents[dim], blockLength);
  return boxes;
}

double ReferenceEvaluator::Impl::resultAt(unsigned index,
                                          ArrayRef<int64_t> where) {
  Value value = returned(spec, index);
  SmallVector<unsigned> layout = positions(spec.getResultLayout(index));
  Place place(extents.size(), 0);
  SmallVector<int64_t> at(extents.size(), 0);
  for (auto [dim, p] : llvm::zip_equal(layout, where)) {
    place[dim] = p / blockLength;
    at[dim] = p % blockLength;
  }
  CellPtr cell = keep(value, place);
  int64_t offset = 0;
  for (auto [dim, length] :
       llvm::zip_equal(cell->space.dims, cell->space.lengths))
    offset = offset * length + at[dim];
  return numberToDouble(resultElement(spec, index), cell->elements[offset]);
}

HostTensor ReferenceEvaluator::Impl::result(unsigned index) {
  Value value = returned(spec, index);
  Type element = resultElement(spec, index);
  HostTensor tensor;
  tensor.shape = resultShape(index);
  size_t size = 1;
  for (int64_t extent : tensor.shape)
    size *= extent;
  tensor.data.resize(size);
  SmallVector<unsigned> layout = positions(spec.getResultLayout(index));
  SmallVector<int64_t> strides(extents.size(), 0);
  int64_t stride = 1;
  for (size_t axis = layout.size(); axis-- > 0;) {
    strides[layout[axis]] = stride;
    stride *= tensor.shape[axis];
  }
  forEachPlace(Place(extents.size(), 0), positions(value),
               [&](const Place &place) {
                 CellPtr cell = get(value, place);
                 SmallVector<int64_t> steps;
                 int64_t start = 0;
                 for (unsigned dim : cell->space.dims) {
                   steps.push_back(strides[dim]);
                   start += place[dim] * blockLength * strides[dim];
                 }
                 const Number *in = cell->elements.data();
                 forEachRow(cell->space, {steps},
                            [&](auto &at, int64_t count, auto &step) {
                              for (int64_t i = 0; i < count; ++i)
                                tensor.data[start + at[0] + i * step[0]] =
                                    numberToDouble(element, *in++);
                            });
               });
  return tensor;
}

int64_t ReferenceEvaluator::Impl::longestReduction() {
  int64_t longest = 0;
  spec.getBody().walk([&](Operation *op) {
    auto dims = op->getAttrOfType<ArrayAttr>("dims");
    if (!dims || !isa<ReduceOp, NormalizeOp>(op))
      return;
    int64_t terms = 1;
    for (unsigned dim : positions(toDims(dims)))
      terms *= extents[dim];
    longest = std::max(longest, terms);
  });
  return longest;
}

//===----------------------------------------------------------------------===//
// Interface
//===----------------------------------------------------------------------===//

double attn::roundToElement(Type element, double value) {
  auto type = dyn_cast<FloatType>(element);
  if (!type)
    return value;
  llvm::APFloat number(value);
  bool losesInfo;
  number.convert(type.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven,
                 &losesInfo);
  return number.convertToDouble();
}

ReferenceEvaluator::ReferenceEvaluator(std::unique_ptr<Impl> impl)
    : impl(std::move(impl)) {}
ReferenceEvaluator::ReferenceEvaluator(ReferenceEvaluator &&) = default;
ReferenceEvaluator::~ReferenceEvaluator() = default;

llvm::Expected<ReferenceEvaluator>
ReferenceEvaluator::create(SpecOp spec, const ReferenceInputs &inputs) {
  auto impl = std::make_unique<Impl>(spec, inputs);
  if (llvm::Error failure = impl->bind())
    return failure;
  return ReferenceEvaluator(std::move(impl));
}

std::vector<int64_t> ReferenceEvaluator::resultShape(unsigned index) const {
  return impl->resultShape(index);
}

int64_t ReferenceEvaluator::numBoxes(unsigned index) const {
  return impl->numBoxes(index);
}

double ReferenceEvaluator::resultAt(unsigned index,
                                    ArrayRef<int64_t> position) {
  return impl->resultAt(index, position);
}

HostTensor ReferenceEvaluator::result(unsigned index) {
  return impl->result(index);
}

int64_t ReferenceEvaluator::longestReduction() const {
  return impl->longestReduction();
}

llvm::Expected<std::vector<HostTensor>>
attn::evaluateReference(SpecOp spec, const ReferenceInputs &inputs) {
  llvm::Expected<ReferenceEvaluator> evaluator =
      ReferenceEvaluator::create(spec, inputs);
  if (!evaluator)
    return evaluator.takeError();
  std::vector<HostTensor> results;
  for (unsigned index = 0, end = spec.getResultTypes().size(); index < end;
       ++index)
    results.push_back(evaluator->result(index));
  return results;
}
