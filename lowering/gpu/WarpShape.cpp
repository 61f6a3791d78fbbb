//===- WarpShape.cpp - Kernels that warpgroups can compute ----------------===//

#include "lowering/gpu/WarpShape.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

namespace {

class Matcher {
public:
  Matcher(const cpu::KernelShape &kernel, const cpu::CallLayout &layout,
          std::string &why)
      : layout(layout), why(why) {
    shape.kernel = &kernel;
  }

  std::optional<WarpShape> match() {
    if (matchSweep() && matchScore() && matchAccumulators() &&
        matchExpressions() && chooseTile())
      return shape;
    return std::nullopt;
  }

private:
  bool fail(const Twine &reason) {
    why = reason.str();
    return false;
  }

  bool matchSweep() {
    const cpu::KernelShape &kernel = *shape.kernel;
    if (kernel.sweeps.size() != 1)
      return fail("it has " + Twine(kernel.sweeps.size()) + " sweeps, not one");
    shape.sweep = &kernel.sweeps.front();
    if (shape.sweep->over.size() != 1)
      return fail("it sweeps over several dimensions at once");
    if (!kernel.strides.empty() || !shape.sweep->isContiguous)
      return fail("its pairs are some indices apart");
    if (!hasSimpleBoxes())
      return fail("its mask needs the integers of a box of several dimensions");
    if (kernel.lanes.empty())
      return fail("no free dimension lies along the lanes");
    shape.columnDim = shape.sweep->over.front();
    shape.rowDim = kernel.lanes.back();
    shape.batch = kernel.batch;
    shape.batch.append(kernel.lanes.begin(), std::prev(kernel.lanes.end()));
    return true;
  }

  /// Boxes in which integers are looked for are of one dimension.
  bool hasSimpleBoxes() {
    SweepOp sweep = shape.sweep->op;
    return llvm::all_of(
        sweep.getVisits().getOps<BoxReduceOp>(),
        [](BoxReduceOp op) { return op.getDims().size() == 1; });
  }

  bool searches() {
    SweepOp sweep = shape.sweep->op;
    return shape.sweep->visit &&
           !sweep.getVisits().getOps<BoxReduceOp>().empty();
  }

  /// The 16-bit tensor that \p factor is, converted; it has \p row, and
  /// \p inner is innermost.
  std::optional<TileTensor> tensorOf(Value factor, StringAttr row,
                                     StringAttr inner) {
    auto cast = factor.getDefiningOp<CastOp>();
    if (!cast || !isa<BlockArgument>(cast.getOperand()) ||
        !layout.isStored(cast.getOperand()))
      return std::nullopt;
    TileTensor tile;
    tile.tensor = cast.getOperand();
    tile.storage = &layout.storageOf(tile.tensor);
    tile.rowDim = row;
    Type element = tile.storage->element;
    SpecOp spec = layout.getSpec();
    std::optional<int64_t> size = spec.getStaticSize(inner);
    const DimList &dims = tile.storage->layout;
    if ((!element.isBF16() && !element.isF16()) || dims.size() > 5 ||
        dims.back() != inner || !llvm::is_contained(dims, row) || !size ||
        *size % 8 || *size == 0 || *size > 256)
      return std::nullopt;
    for (StringAttr dim : dims)
      if (dim != row && dim != inner && !llvm::is_contained(shape.batch, dim))
        return std::nullopt;
    tile.columns = *size;
    return tile;
  }

  bool matchScore() {
    SmallVector<ReduceOp> reduces(
        shape.sweep->op.getBody().front().getOps<ReduceOp>());
    if (reduces.size() != 1)
      return fail("pairs are made of " + Twine(reduces.size()) +
                  " inner products, not one");
    ReduceOp reduce = reduces.front();
    Product product = flattenProduct(reduce.getOperand());
    if (reduce.getKind() != ReduceKind::Sum || reduce.getDomain() ||
        reduce.getDims().size() != 1 || product.factors.size() != 2 ||
        !product.divisors.empty())
      return fail("its pairs are made of no plain inner product");
    auto depth = cast<StringAttr>(reduce.getDims()[0]);
    for (Value factor : product.factors)
      if (quantity(factor).hasDim(shape.rowDim)) {
        if (auto tensor = tensorOf(factor, shape.rowDim, depth))
          shape.left = *tensor;
      } else if (auto tensor = tensorOf(factor, shape.columnDim, depth)) {
        shape.right = *tensor;
      }
    if (!shape.left.storage || !shape.right.storage ||
        shape.left.storage->element != shape.right.storage->element)
      return fail("the factors of its inner product are not two tensors of "
                  "bf16 or of f16 with the summed dimension innermost, fixed "
                  "and a multiple of 8 up to 256");
    shape.score = reduce;
    return true;
  }

  bool matchAccumulators() {
    for (const cpu::Accumulator &accumulator : shape.sweep->accumulators) {
      AccumulateOp op = accumulator.op;
      if (op.getKind() == AccumulateKind::Collect)
        return fail("it keeps the pairs themselves");
      if (!quantity(op).getElementType().isF32())
        return fail("it accumulates integers");
      if (!hasRows(op))
        return fail("it accumulates what has no rows");
      if (accumulator.isBase) {
        if (shape.base)
          return fail("it has several running maxima");
        shape.base = &accumulator;
      }
      if (accumulator.carried.empty())
        continue;
      if (!accumulator.isProduct || shape.product)
        return fail("it has other than one matrix product with the pairs");
      if (!matchValues(accumulator))
        return false;
      shape.product = &accumulator;
    }
    return true;
  }

  bool hasRows(Value value) { return quantity(value).hasDim(shape.rowDim); }

  bool matchValues(const cpu::Accumulator &accumulator) {
    if (accumulator.carried.size() == 1 &&
        accumulator.keySide.factors.size() == 1) {
      shape.valueDim = accumulator.carried.front();
      shape.values = tensorOf(accumulator.keySide.factors.front(),
                              shape.columnDim, shape.valueDim);
    }
    if (!shape.values ||
        shape.values->storage->element != shape.left.storage->element)
      return fail("the values of its matrix product are no tensor of the "
                  "element type of the scores with a fixed innermost dimension "
                  "that is a multiple of 8 up to 256");
    return true;
  }

  /// Everything that is computed for pairs and at the end has code here.
  bool matchExpressions() {
    OpBuilder builder(layout.getSpec());
    cpu::Code code(builder, layout.getSpec().getLoc(), 1);
    cpu::Evaluator evaluator(code, layout, Value(), nullptr);
    WarpCode warps(code);
    FragmentEvaluator pairs(warps, evaluator, shape.rowDim, shape.columnDim);
    auto &given = pairs.given;
    given.insert(shape.score);
    for (const cpu::Accumulator &accumulator : shape.sweep->accumulators) {
      AccumulateOp op = accumulator.op;
      given.insert(op.getResult());
      given.insert(shape.sweep->op.getResult(accumulator.index));
    }
    auto check = [&](Value value, const DimList &dims) {
      return pairs.canEvaluate(value) && hasOnly(value, dims, given);
    };
    DimList dims = shape.batch;
    dims.push_back(shape.rowDim);
    DimList pairDims = dims, resultDims = dims;
    pairDims.push_back(shape.columnDim);
    if (shape.valueDim)
      resultDims.push_back(shape.valueDim);
    for (const cpu::Accumulator &accumulator : shape.sweep->accumulators) {
      AccumulateOp op = accumulator.op;
      SmallVector<Value> values = accumulator.pairValues();
      if (op.getDomain())
        values.push_back(op.getDomain());
      for (Value value : values) {
        if (!check(value, pairDims))
          return fail("a pair needs what fragments have no code for");
        readsPairs |= value != op.getDomain() && pairs.readsColumns(value);
      }
    }
    auto yield =
        cast<YieldOp>(shape.kernel->kernel.getBody().front().getTerminator());
    for (Value value : yield.getValues())
      if (!check(value, resultDims))
        return fail("a result needs what fragments have no code for");
    return true;
  }

  /// Says whether \p value is made of quantities of \p dims alone.
  bool hasOnly(Value value, const DimList &dims,
               const llvm::SmallPtrSetImpl<Value> &given) {
    if (given.contains(value))
      return true;
    for (StringAttr dim : quantity(value).getDims())
      if (!llvm::is_contained(dims, dim))
        return false;
    if (isa<BlockArgument>(value) || layout.isStored(value))
      return true;
    Operation *op = value.getDefiningOp();
    if (auto read = dyn_cast<ReadOp>(op))
      return llvm::all_of(read.getIndices(), [&](Value index) {
        return hasOnly(index, dims, given);
      });
    return llvm::all_of(op->getOperands(), [&](Value operand) {
      return hasOnly(operand, dims, given);
    });
  }

  /// Tiles that were measured fastest on an H200, by the larger head size; an
  /// accumulator of 64 x E takes E / 2 registers of a thread, the pairs of a
  /// tile half as many as it has columns, and again a quarter as operands.
  bool chooseTile() {
    int64_t size =
        std::max(shape.left.columns, shape.values ? shape.values->columns : 0);
    WarpTile &tile = shape.tile;
    if (size <= 64)
      tile = {/*consumers=*/3, /*columns=*/128, /*stages=*/2,
              /*pingPong=*/true};
    else if (size <= 128)
      tile = {/*consumers=*/2, /*columns=*/128, /*stages=*/2,
              /*pingPong=*/true};
    else
      tile = {/*consumers=*/2, /*columns=*/size <= 192 ? 96u : 80u,
              /*stages=*/2, /*pingPong=*/false};
    // Addresses and what is read take registers too.
    if (readsPairs || searches())
      tile.consumers = 2;
    if (readsPairs)
      tile.columns = std::min(tile.columns, 96u);
    if (searches() && size > 128)
      tile.columns = 64;
    return true;
  }

  const cpu::CallLayout &layout;
  std::string &why;
  WarpShape shape;
  bool readsPairs = false; // an element of a tile is read from memory
};

} // namespace

std::optional<WarpShape>
attn::gpu::matchWarpKernel(const cpu::KernelShape &kernel,
                           const cpu::CallLayout &layout, std::string &why) {
  return Matcher(kernel, layout, why).match();
}
