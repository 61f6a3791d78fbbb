//===- KernelShape.cpp - The tiles and parts of one kernel ----------------===//

#include "lowering/cpu/KernelShape.h"
#include "dialect/FormulaWalk.h"
#include "dialect/Products.h"
#include "dialect/Signs.h"
#include "dialect/TileDependence.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

/// Collects the element types of the floating-point tensors that \p value is
/// made of.
static void collectTypes(Value value, const CallLayout &layout,
                         llvm::SmallPtrSetImpl<Value> &seen,
                         SmallVectorImpl<Type> &types) {
  if (!seen.insert(value).second)
    return;
  if (layout.isStored(value)) {
    Type element = quantity(value).getElementType();
    if (isa<FloatType>(element))
      types.push_back(element);
    return;
  }
  if (Operation *op = value.getDefiningOp())
    for (Value operand : op->getOperands())
      collectTypes(operand, layout, seen, types);
}

Type attn::cpu::narrowType(ArrayRef<Value> factors, const CallLayout &layout) {
  llvm::SmallPtrSet<Value, 8> seen;
  SmallVector<Type> types;
  for (Value factor : factors)
    collectTypes(factor, layout, seen, types);
  if (types.empty() || !(types.front().isBF16() || types.front().isF16()) ||
      !llvm::all_equal(types))
    return {};
  return types.front();
}

/// Says whether a sum times \p factor is the sum of scaled terms on every
/// input: the factor is known, and neither makes an infinity of a finite
/// query (nor of a sum over nothing) nor, within reason, zeros.
static bool mayScaleTerms(Value factor) {
  std::optional<double> number = constantReal(factor);
  return number && std::abs(*number) <= 1 && std::abs(*number) >= 0x1p-20;
}

static bool isPowerOfTwo(double number) {
  int exponent;
  return std::abs(std::frexp(number, &exponent)) == 0.5;
}

SmallVector<Value> InnerProduct::narrowFactors() const {
  // More than 2^-8 would be too much for small queries.
  constexpr double least = 0x1p-8;
  double scale = 1;
  return llvm::filter_to_vector(laneSide.factors, [&](Value factor) {
    if (hasAnyDim(factor, dims))
      return true;
    std::optional<double> number = constantReal(factor);
    if (!isDot || !mayScaleTerms(factor) || !isPowerOfTwo(*number) ||
        std::abs(scale * *number) < least)
      return false;
    scale *= *number;
    return true;
  });
}

bool Accumulator::isWithinOne() const {
  return llvm::all_of(pairFactors, attn::isWithinOne) &&
         llvm::all_of(pairDivisors, [](const Product::Divisor &divisor) {
           return divisor.kind == BinaryKind::Ratio;
         });
}

namespace {

class SweepReader {
public:
  SweepReader(SweepOp op, const KernelShape &kernel, const CallLayout &layout)
      : kernel(kernel), layout(layout) {
    shape.op = op;
    shape.over = toDims(op.getOver());
  }

  SweepShape read() {
    for (auto reduce : shape.op.getBody().front().getOps<ReduceOp>())
      readProduct(reduce);
    auto yield = cast<YieldOp>(shape.op.getBody().front().getTerminator());
    for (auto [index, value] : llvm::enumerate(yield.getValues()))
      readAccumulator(value.getDefiningOp<AccumulateOp>(), index);
    for (Accumulator &accumulator : shape.accumulators)
      for (const Accumulator &other : shape.accumulators)
        accumulator.isBase |= other.op.getRelativeTo() == accumulator.op;
    auto hasDomain = [](const Accumulator &accumulator) {
      return bool(accumulator.op.getDomain());
    };
    shape.hasDomain = llvm::any_of(shape.accumulators, hasDomain);
    shape.canSkip = llvm::all_of(shape.accumulators, hasDomain);
    for (Accumulator &accumulator : shape.accumulators)
      shape.collects |= accumulator.op.getKind() == AccumulateKind::Collect;
    shape.visit = shape.op.getVisit();
    if (VisitOp visit = shape.visit) {
      auto isConstant = [](Value value) {
        return bool(value.getDefiningOp<ConstantOp>());
      };
      TileDependence dependence;
      auto dependsOnTile = [&](Value value) {
        return !dependence.dimsOf(value).empty();
      };
      shape.isDecidable = !isConstant(visit.getMay()) ||
                          !isConstant(visit.getMust()) ||
                          llvm::any_of(visit.getFrom(), dependsOnTile) ||
                          llvm::any_of(visit.getTo(), dependsOnTile);
      shape.isContiguous = llvm::all_of(visit.getStep(), [](Value step) {
        return constantInteger(step) == 1;
      });
    }
    // Rows that are far apart share few sets of the cache: they are brought
    // together, a tile at a time.
    if (!shape.isContiguous) {
      for (InnerProduct &product : shape.products)
        product.keySide.inPlace = nullptr;
      for (Accumulator &accumulator : shape.accumulators)
        accumulator.keySide.inPlace = nullptr;
    }
    return std::move(shape);
  }

private:
  bool swept(Value value) { return hasAnyDim(value, shape.over); }
  bool onLanes(Value value) { return hasAnyDim(value, kernel.lanes); }

  /// Says whether the tile has one element of \p value for each pair. Heads
  /// that are mixed before the sweep's reduction, say, are more.
  bool isOnePerPair(Value value) {
    return llvm::all_of(quantity(value).getDims(), [&](StringAttr dim) {
      return llvm::is_contained(kernel.lanes, dim) ||
             llvm::is_contained(kernel.batch, dim) ||
             llvm::is_contained(shape.over, dim);
    });
  }

  void findInPlace(Operand &operand) {
    if (operand.factors.size() == 1 && layout.isStored(operand.factors[0]) &&
        quantity(operand.factors[0]).getElementType().isF32())
      operand.inPlace = &layout.storageOf(operand.factors[0]);
  }

  /// The tensor that \p factors are, where it has the type of the dot product.
  const Storage *findDotTensor(ArrayRef<Value> factors) {
    if (factors.size() != 1)
      return nullptr;
    Value tensor = factors[0];
    if (auto cast = tensor.getDefiningOp<CastOp>())
      tensor = cast.getOperand();
    if (!layout.isStored(tensor) ||
        layout.storageOf(tensor).element != kernel.dotType)
      return nullptr;
    return &layout.storageOf(tensor);
  }

  /// Chooses the dot product where no operand has to be rounded for it: the
  /// error of a large score is one of its weight.
  void choosePairs(InnerProduct &inner) {
    const Storage *keys = findDotTensor(inner.keySide.factors);
    const Storage *lanes = findDotTensor(inner.narrowFactors());
    if (inner.dims.size() != 1 || !keys || !lanes)
      return;
    inner.isDot = true;
    if (keys->layout.back() == inner.dims.front())
      inner.keySide.inPlace = keys;
    if (lanes->layout.back() == inner.dims.front() &&
        inner.narrowFactors().size() == 1)
      inner.laneSide.inPlace = lanes;
  }

  void readProduct(ReduceOp reduce) {
    if (reduce.getKind() != ReduceKind::Sum || reduce.getDomain() ||
        !swept(reduce) || !quantity(reduce).getElementType().isF32() ||
        !isOnePerPair(reduce))
      return;
    Product product = flattenProduct(reduce.getOperand());
    if (!product.divisors.empty())
      return;
    InnerProduct inner;
    inner.dims = toDims(reduce.getDims());
    for (Value factor : product.factors) {
      if (isOfState(factor) || (swept(factor) && onLanes(factor)))
        return;
      (swept(factor) ? inner.keySide : inner.laneSide)
          .factors.push_back(factor);
    }
    if (inner.keySide.factors.empty() || inner.laneSide.factors.empty())
      return;
    inner.result = reduce;
    takeInRowFactors(inner);
    choosePairs(inner);
    if (!inner.isDot)
      findInPlace(inner.keySide);
    shape.products.push_back(inner);
  }

  /// Says whether numbers of pairs are compared that may be made of \p product,
  /// in this sweep or in another: they have to have the same bits in each, or a
  /// score is less than the maximum that it is.
  bool mayBeCompared(Value product) {
    auto isSum = [](Value part) {
      auto reduce = part.getDefiningOp<ReduceOp>();
      return reduce && reduce.getKind() == ReduceKind::Sum;
    };
    bool found = false;
    shape.op->getParentOfType<SpecOp>().walk([&](CompareOp op) {
      QuantityType left = quantity(op.getLhs()), right = quantity(op.getRhs());
      found |= left.getElementType().isF32() &&
               (isMadeOf(op.getLhs(), isSum) || isMadeOf(op.getRhs(), isSum)) &&
               llvm::all_of(quantity(product).getDims(), [&](StringAttr dim) {
                 return left.hasDim(dim) || right.hasDim(dim);
               });
    });
    return found;
  }

  /// score * scale is the product of keys and scaled queries: one multiply for
  /// each query element in place of one for each pair.
  void takeInRowFactors(InnerProduct &inner) {
    if (mayBeCompared(inner.result))
      return;
    while (inner.result.hasOneUse()) {
      auto mul = dyn_cast<BinaryOp>(*inner.result.user_begin());
      if (!mul || mul.getKind() != BinaryKind::Mul)
        return;
      Value factor = mul.getLhs() == inner.result ? mul.getRhs() : mul.getLhs();
      if (!mayScaleTerms(factor))
        return;
      inner.laneSide.factors.push_back(factor);
      inner.result = mul;
    }
  }

  void readAccumulator(AccumulateOp op, unsigned index) {
    Accumulator accumulator;
    accumulator.op = op;
    accumulator.index = index;
    for (StringAttr dim : quantity(op).getDims())
      if (!llvm::is_contained(kernel.lanes, dim) &&
          !llvm::is_contained(kernel.batch, dim) &&
          !llvm::is_contained(shape.over, dim))
        accumulator.carried.push_back(dim);
    accumulator.keepsNaN = !shape.op.getResult(index).use_empty();
    readOuterProduct(accumulator);
    shape.accumulators.push_back(accumulator);
  }

  void readOuterProduct(Accumulator &accumulator) {
    AccumulateOp op = accumulator.op;
    if (op.getKind() != AccumulateKind::Sum || accumulator.carried.empty() ||
        !quantity(op).getElementType().isF32())
      return;
    Product product = flattenProduct(op.getOperand());
    Operand keySide;
    SmallVector<Value> pair;
    SmallVector<Product::Divisor> divisors;
    for (Value factor : product.factors) {
      if (!hasAnyDim(factor, accumulator.carried)) {
        pair.push_back(factor);
        continue;
      }
      if (onLanes(factor) || isOfState(factor))
        return;
      keySide.factors.push_back(factor);
    }
    for (const Product::Divisor &divisor : product.divisors) {
      if (hasAnyDim(divisor.value, accumulator.carried))
        return;
      divisors.push_back(divisor);
    }
    if (op.getDomain() && hasAnyDim(op.getDomain(), accumulator.carried))
      return;
    for (StringAttr dim : accumulator.carried)
      if (llvm::none_of(keySide.factors, [&](Value factor) {
            return quantity(factor).hasDim(dim);
          }))
        return;
    accumulator.isProduct = true;
    accumulator.keySide = keySide;
    accumulator.pairFactors = pair;
    accumulator.pairDivisors = divisors;
    // Weights are rounded too, which the tolerances of such tensors allow.
    accumulator.isDot = kernel.dotType && accumulator.carried.size() == 1 &&
                        narrowType(keySide.factors, layout) == kernel.dotType;
    if (!accumulator.isDot)
      findInPlace(accumulator.keySide);
  }

  SweepShape shape;
  const KernelShape &kernel;
  const CallLayout &layout;
};

} // namespace

/// Says whether each tile of lanes brings keys or values into scratch, or where
/// they are: work that the lanes share.
static bool bringsKeys(const SweepShape &sweep) {
  return sweep.over.size() > 1 ||
         llvm::any_of(sweep.products,
                      [](const InnerProduct &product) {
                        return !product.keySide.inPlace;
                      }) ||
         llvm::any_of(sweep.accumulators, [](const Accumulator &accumulator) {
           return accumulator.isProduct && !accumulator.keySide.inPlace;
         });
}

KernelShape::KernelShape(KernelOp kernel, const CallLayout &layout)
    : kernel(kernel) {
  if (ArrayAttr names = kernel.getLanesAttr())
    lanes = toDims(names);
  for (StringAttr dim : toDims(kernel.getFree()))
    if (!llvm::is_contained(lanes, dim))
      batch.push_back(dim);
  DictionaryAttr tile = kernel.getTileAttr();
  auto field = [&](StringRef name) {
    return unsigned(tile.getAs<IntegerAttr>(name).getInt());
  };
  width = field("width");
  rows = field("rows");
  vectors = field("vectors");
  groups = field("groups");
  fewestGroups = tile.get("fewest_groups") ? field("fewest_groups") : groups;
  keys = field("keys");
  sub = field("sub");
  chunk = field("chunk");
  if (auto type = tile.getAs<TypeAttr>("dot"))
    dotType = type.getValue();
  assert((!dotType || (rows % 2 == 0 && keys % 2 == 0 && sub % 2 == 0)) &&
         "keys are taken in pairs");
  if (auto extents = tile.getAs<DenseI64ArrayAttr>("box"))
    box.assign(extents.asArrayRef().begin(), extents.asArrayRef().end());
  for (auto stride : kernel.getBody().front().getOps<StrideOp>())
    strides[stride.getDimAttr()] = stride.getBy();
  for (auto sweep : kernel.getBody().front().getOps<SweepOp>())
    sweeps.push_back(SweepReader(sweep, *this, layout).read());
  if (llvm::any_of(sweeps, bringsKeys))
    fewestGroups = std::max(fewestGroups, std::min(groups, 4u));
}

/// With few tiles, threads end far apart, or have none. On one thread of Zen 3
/// four groups take 1 % longer than eight, two take 3 % and one takes 5 %.
SmallVector<KernelShape::SmallerTile> KernelShape::smallerTiles() const {
  constexpr unsigned good = 4;
  constexpr int64_t few = 32, many = 64;
  SmallVector<SmallerTile> tiles;
  for (unsigned g = groups; g > fewestGroups; g /= 2)
    tiles.push_back(
        {groupLanes() * (g / 2), groupLanes() * g, g > good ? many : few});
  return tiles;
}

int64_t KernelShape::tileLanes(int64_t positions, int64_t batches) const {
  int64_t lanes = tileLanes();
  for (const SmallerTile &smaller : smallerTiles()) {
    int64_t tiles = (positions + smaller.than - 1) / smaller.than;
    if (tiles * batches < smaller.below)
      lanes = smaller.lanes;
  }
  return lanes;
}

const SweepShape &KernelShape::sweepOf(Value result) const {
  for (const SweepShape &sweep : sweeps)
    if (sweep.op.getOperation() == result.getDefiningOp())
      return sweep;
  llvm_unreachable("not a result of a sweep of this kernel");
}
