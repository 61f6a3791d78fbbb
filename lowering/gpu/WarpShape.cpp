//===- WarpShape.cpp - Kernels that warpgroups can compute ----------------===//

#include "lowering/gpu/WarpShape.h"
#include "dialect/FormulaWalk.h"
#include "dialect/ShiftedSums.h"
#include "lowering/gpu/IntegerRanges.h"
#include "lowering/gpu/MaskBits.h"
#include "lowering/gpu/PairDifference.h"
#include "lowering/gpu/TileVisits.h"

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

  /// With the rows of \p packed, lanes, in one tile.
  std::optional<WarpShape> matchPacked(const DimList &packed) {
    shape.isPacked = true;
    if (!matchSweep() || shape.columns.size() != 1 || !shape.steps.empty())
      return std::nullopt;
    shape.rows.clear();
    for (StringAttr dim : packed)
      shape.rows.push_back({dim, 0, std::nullopt});
    llvm::erase_if(shape.batch, [&](StringAttr dim) {
      return llvm::is_contained(packed, dim);
    });
    if (matchScore() && matchAccumulators() && hasAllRows() &&
        matchExpressions() && choosePackedTile())
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
    if (shape.sweep->over.size() > 3)
      return fail("it sweeps over more than three dimensions at once");
    if (kernel.lanes.empty())
      return fail("no free dimension lies along the lanes");
    // As many dimensions of rows as of columns: the nearest pairs of a box are
    // fewer than those of a run.
    size_t rank = std::min(kernel.lanes.size(), shape.sweep->over.size());
    shape.batch = kernel.batch;
    for (auto [position, dim] : llvm::enumerate(kernel.lanes))
      if (position + rank < kernel.lanes.size())
        shape.batch.push_back(dim);
      else if (!addDim(shape.rows, dim, kernel.strides.lookup(dim)))
        return false;
    for (auto [position, dim] : llvm::enumerate(shape.sweep->over)) {
      Value by =
          shape.sweep->visit ? shape.sweep->visit.getStep()[position] : Value();
      if (!addDim(shape.columns, dim, by))
        return false;
    }
    return true;
  }

  /// Adds \p dim to \p dims, whose indices are \p by apart (null: 1).
  bool addDim(TileDims &dims, StringAttr dim, Value by) {
    TileDim entry{dim, 0, std::nullopt};
    if (by && constantInteger(by) != 1) {
      if (!quantity(by).getDims().empty())
        return fail(
            "its pairs are some indices apart, by a number that varies");
      entry.step = shape.steps.size();
      shape.steps.push_back({by, dim});
    }
    dims.push_back(entry);
    return true;
  }

  /// The 16-bit tensor that \p factor is, converted; it has the dimensions of
  /// \p side, and \p inner is innermost.
  std::optional<TileTensor> tensorOf(Value factor, TileSide side,
                                     StringAttr inner) {
    auto cast = factor.getDefiningOp<CastOp>();
    if (!cast || !isa<BlockArgument>(cast.getOperand()) ||
        !layout.isStored(cast.getOperand()))
      return std::nullopt;
    TileTensor tile;
    tile.tensor = cast.getOperand();
    tile.storage = &layout.storageOf(tile.tensor);
    tile.side = side;
    Type element = tile.storage->element;
    SpecOp spec = layout.getSpec();
    std::optional<int64_t> size = spec.getStaticSize(inner);
    const DimList &dims = tile.storage->layout;
    if ((!element.isBF16() && !element.isF16()) || dims.back() != inner ||
        !size || *size % 8 || *size == 0 || *size > 256)
      return std::nullopt;
    DimList along;
    for (const TileDim &entry : shape.dimsOf(side))
      along.push_back(entry.dim);
    for (StringAttr dim : along)
      if (!llvm::is_contained(dims, dim))
        return std::nullopt;
    for (StringAttr dim : dims)
      if (dim != inner && !llvm::is_contained(along, dim) &&
          !llvm::is_contained(shape.batch, dim))
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
      if (auto tensor = tensorOf(factor, TileSide::Rows, depth))
        shape.left = *tensor;
      else if (auto tensor = tensorOf(factor, TileSide::Columns, depth))
        shape.right = *tensor;
    if (!shape.left.storage || !shape.right.storage ||
        shape.left.storage->element != shape.right.storage->element)
      return fail("the factors of its inner product are not two tensors of "
                  "bf16 or of f16 with the summed dimension innermost, fixed "
                  "and a multiple of 8 up to 256");
    for (const TileTensor *tensor : {&shape.left, &shape.right})
      if (tensor->columns % 16 && shape.isFolded(*tensor))
        return fail("the summed dimension is no multiple of 16, where its "
                    "tensors take more than a copy's five dimensions");
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
      if (!hasAll(op, shape.rows))
        return fail("it accumulates what has no rows");
      if (accumulator.isBase) {
        if (shape.base)
          return fail("it has several running maxima");
        if (!hasAll(op.getOperand(), shape.columns))
          return fail("its running maximum is of what pairs share");
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

  /// Every row has results of its own.
  bool hasAllRows() {
    KernelOp kernel = shape.kernel->kernel;
    return llvm::all_of(kernel.getResults(), [&](Value result) {
      return hasAll(result, shape.rows);
    });
  }

  /// The accumulator of which \p value is the result, in this kernel or in an
  /// earlier one.
  static AccumulateOp accumulatorOf(Value value) {
    while (auto result = dyn_cast_or_null<OpResult>(value)) {
      Operation *op = result.getOwner();
      if (auto accumulate = dyn_cast<AccumulateOp>(op))
        return accumulate;
      if (!isa<KernelOp, SweepOp>(op))
        break;
      Block &body = op->getRegion(0).front();
      value = body.getTerminator()->getOperand(result.getResultNumber());
    }
    return {};
  }

  /// Says whether what the weights are relative to is the greatest of all that
  /// they are of: they are of one sweep, or the maximum is over everything.
  static bool hasMaximaOfAll(const cpu::Accumulator &accumulator) {
    if (AccumulateOp(accumulator.op).getRelativeTo())
      return true;
    bool hasAll = true;
    for (Value value : accumulator.pairValues())
      walkFormula(value, [&](Value part) {
        if (std::optional<ShiftedExp> exp = asShiftedExp(part)) {
          AccumulateOp max = accumulatorOf(exp->max);
          hasAll &= max && !max.getDomain();
        }
        return hasAll;
      });
    return hasAll;
  }

  bool matchValues(const cpu::Accumulator &accumulator) {
    if (accumulator.carried.size() == 1 &&
        accumulator.keySide.factors.size() == 1) {
      shape.valueDim = accumulator.carried.front();
      shape.values = tensorOf(accumulator.keySide.factors.front(),
                              TileSide::Columns, shape.valueDim);
    }
    if (!shape.values ||
        shape.values->storage->element != shape.left.storage->element)
      return fail("the values of its matrix product are no tensor of the "
                  "element type of the scores with a fixed innermost dimension "
                  "that is a multiple of 8 up to 256");
    // Relative to a maximum, a weight is at most 2^8 (maximaSuffice). bf16
    // holds others too.
    if (shape.values->storage->element.isF16() &&
        !(accumulator.isWithinOne() && hasMaximaOfAll(accumulator)))
      return fail("its weights may be larger than a number of f16");
    return true;
  }

  /// Everything that is computed for pairs and at the end has code here.
  bool matchExpressions() {
    OpBuilder builder(layout.getSpec());
    cpu::Code code(builder, layout.getSpec().getLoc(), 1);
    cpu::Evaluator evaluator(code, layout, Value(), nullptr);
    WarpCode warps(code);
    FragmentDims rows, columns;
    for (const TileDim &entry : shape.rows)
      rows.push_back({entry.dim, entry.box, Value()});
    for (const TileDim &entry : shape.columns)
      columns.push_back({entry.dim, entry.box, Value()});
    FragmentEvaluator pairs(warps, evaluator, rows, columns);
    pairs.isOfPairs = true;
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
    for (const TileDim &entry : shape.rows)
      dims.push_back(entry.dim);
    DimList pairDims = dims, resultDims = dims;
    for (const TileDim &entry : shape.columns)
      pairDims.push_back(entry.dim);
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
      }
    }
    findDifferences(given);
    given.insert_range(shape.differences);
    findColumnsOfMasks(pairs);
    findColumnsOfElements(pairs);
    for (const cpu::Accumulator &accumulator : shape.sweep->accumulators)
      for (Value value : accumulator.pairValues())
        readsPairs |= pairs.readsColumns(value);
    takesLongRows = hasCheapElements(pairs);
    auto yield =
        cast<YieldOp>(shape.kernel->kernel.getBody().front().getTerminator());
    for (Value value : yield.getValues())
      if (!check(value, resultDims))
        return fail("a result needs what fragments have no code for");
    return true;
  }

  /// The operand of the sigmoid that all weights are, if they are one.
  Value logisticOperand() {
    if (shape.base || shape.sweep->accumulators.size() != 1 || !shape.product)
      return {};
    Value weight = shape.product->pairValue();
    auto unary = weight ? weight.getDefiningOp<UnaryOp>() : UnaryOp();
    return unary && unary.getKind() == UnaryKind::Sigmoid ? unary.getOperand()
                                                          : Value();
  }

  /// Says whether elements are a softmax of scores times what rows have, or a
  /// sigmoid of them, to which rows may add, under masks that are runs of
  /// columns.
  bool hasCheapElements(FragmentEvaluator &pairs) {
    bool isSoftmax = shape.base;
    Value x = isSoftmax ? AccumulateOp(shape.base->op).getOperand()
                        : logisticOperand();
    if (!x || !shape.steps.empty())
      return false;
    for (const cpu::Accumulator &accumulator : shape.sweep->accumulators)
      if (Value domain = AccumulateOp(accumulator.op).getDomain();
          domain && MaskBits::isLong(pairs, domain))
        return false;
    while (x != shape.score) {
      auto op = x.getDefiningOp<BinaryOp>();
      if (!op)
        return false;
      BinaryKind kind = op.getKind();
      bool isSum = kind == BinaryKind::Add || kind == BinaryKind::Sub;
      bool divides = kind == BinaryKind::Div || kind == BinaryKind::Ratio;
      if (!divides && kind != BinaryKind::Mul && (isSoftmax || !isSum))
        return false;
      Value lhs = op.getLhs(), rhs = op.getRhs();
      if (!pairs.onColumns(rhs))
        x = lhs;
      else if (!divides && !pairs.onColumns(lhs))
        x = rhs;
      else
        return false;
    }
    return true;
  }

  /// Finds what a tile has one value of a diagonal for, of rows and columns
  /// that are one dimension each.
  void findDifferences(const llvm::SmallPtrSetImpl<Value> &given) {
    if (shape.isPacked || shape.rows.size() != 1 || shape.columns.size() != 1 ||
        !shape.steps.empty())
      return;
    for (const cpu::Accumulator &accumulator : shape.sweep->accumulators)
      for (Value value : accumulator.pairValues())
        collectDifferences(value, shape.rows.front().dim,
                           shape.columns.front().dim, given, shape.differences);
  }

  void addColumnValue(const ColumnValue &added) {
    for (ColumnValue &known : shape.columnValues)
      if (known.value == added.value &&
          known.normalizer() == added.normalizer()) {
        known.isOfElements |= added.isOfElements;
        return;
      }
    shape.columnValues.push_back(added);
  }

  /// Finds what a tile has one value of a column for, in its elements. The
  /// values are given from here on.
  void findColumnsOfElements(FragmentEvaluator &pairs) {
    llvm::SmallSetVector<Value, 4> roots;
    auto add = [&](Value factor, ArrayRef<Product::Divisor> divisors) {
      for (const Product::Divisor &divisor : divisors)
        if (auto weight = pairs.asColumnWeight(factor, divisor)) {
          addColumnValue({factor, weight, /*isOfElements=*/true});
          pairs.given.insert(weight->shift);
          pairs.given.insert(divisor.value);
          factor = weight->x;
          break;
        }
      roots.insert(factor);
    };
    for (const cpu::Accumulator &accumulator : shape.sweep->accumulators) {
      if (accumulator.isProduct) {
        for (Value factor : accumulator.pairFactors)
          add(factor, accumulator.pairDivisors);
        for (const Product::Divisor &divisor : accumulator.pairDivisors)
          roots.insert(divisor.value);
        continue;
      }
      Value operand = AccumulateOp(accumulator.op).getOperand();
      auto quotient = operand.getDefiningOp<BinaryOp>();
      if (quotient && quotient.getKind() == BinaryKind::Ratio)
        add(quotient.getLhs(), {{quotient.getRhs(), quotient.getKind()}});
      roots.insert(operand);
    }
    SmallVector<Value> found;
    walkFormulaThroughReads(
        roots.getArrayRef(), [&](Value part, ArrayRef<StringAttr> replaced) {
          if (pairs.given.contains(part) || !replaced.empty() ||
              !pairs.onColumns(part))
            return false;
          if (pairs.onRows(part) || !pairs.readsColumns(part) || !isWord(part))
            return true;
          found.push_back(part);
          return false;
        });
    for (Value value : found) {
      addColumnValue({value, std::nullopt, /*isOfElements=*/true});
      pairs.given.insert(value);
    }
  }

  /// Finds what a tile has one value of a column for, in masks. One that is
  /// looked at in a loop reads its columns there.
  void findColumnsOfMasks(FragmentEvaluator &pairs) {
    llvm::SmallSetVector<Value, 2> domains;
    for (const cpu::Accumulator &accumulator : shape.sweep->accumulators)
      if (Value domain = AccumulateOp(accumulator.op).getDomain())
        if (!MaskBits::isLong(pairs, domain))
          domains.insert(domain);
    walkFormulaThroughReads(
        domains.getArrayRef(), [&](Value part, ArrayRef<StringAttr> replaced) {
          if (pairs.given.contains(part) || !replaced.empty() ||
              !pairs.onColumns(part))
            return false;
          if (pairs.onRows(part) || !pairs.readsColumns(part) || !isWord(part))
            return true;
          addColumnValue({part, std::nullopt, /*isOfElements=*/false});
          return false;
        });
  }

  /// Says whether \p value has a form of 32 bits on fragments.
  bool isWord(Value value) {
    Type element = quantity(value).getElementType();
    return element.isF32() || element.isInteger(1) ||
           (element.isInteger() && bitsOf(value, layout.getSpec()) <= 32);
  }

  /// Says whether \p value is made of quantities of \p dims alone.
  bool hasOnly(Value value, const DimList &dims,
               const llvm::SmallPtrSetImpl<Value> &given) {
    bool hasOnly = true;
    walkFormulaThroughReads(
        value, [&](Value part, ArrayRef<StringAttr> replaced) {
          if (given.contains(part))
            return false;
          for (StringAttr dim : quantity(part).getDims())
            hasOnly &= llvm::is_contained(dims, dim) ||
                       llvm::is_contained(replaced, dim);
          return hasOnly && !isa<BlockArgument>(part) && !layout.isStored(part);
        });
    return hasOnly;
  }

  /// Tiles that were measured fastest on an H200, by the larger head size; an
  /// accumulator of 64 x E takes E / 2 registers of a thread, the pairs of a
  /// tile half as many as it has columns, and again a quarter as operands.
  bool chooseTile() {
    int64_t size =
        std::max(shape.left.columns, shape.values ? shape.values->columns : 0);
    unsigned ofLong = size <= 192 ? 96 : shape.sweep->visit ? 64 : 80;
    WarpTile tile;
    if (size <= 64)
      tile = {/*consumers=*/3, /*columns=*/128, /*stages=*/2,
              /*pingPong=*/true};
    else if (size <= 128)
      tile = {/*consumers=*/2, /*columns=*/128, /*stages=*/2,
              /*pingPong=*/true};
    else
      tile = {/*consumers=*/2, /*columns=*/ofLong, /*stages=*/2,
              /*pingPong=*/false};
    // Long rows: under a causal mask 4 % less at 16384 columns, where products
    // take the time; sigmoids 7 % less; with ALiBi or a soft cap 1 % more. One
    // more launch has 128 columns, which waste less of short ones.
    if (size > 64 && size <= 128 && shape.values && takesLongRows &&
        shape.columns.size() == 1 && shape.differences.empty() &&
        shape.columnValues.empty())
      tile.columns = 160;
    // Two tiles of scores take the registers of a sum, and need no turns: each
    // has a product under way.
    if (shape.overlapsScores())
      tile = {/*consumers=*/2, /*columns=*/128, /*stages=*/3,
              /*pingPong=*/false};
    // Addresses and what is read take registers too.
    if (readsPairs || shape.searches())
      tile.consumers = 2;
    if (readsPairs)
      tile.columns = std::min(tile.columns, 96u);
    if (shape.overlapsScores() && size > 128)
      tile.stages = 2;
    if (shape.searches() && size > 128)
      tile.columns = 64;
    // Boxes are 32 wide; and consumers that skip tiles of their own accord take
    // no turns.
    if (shape.columns.size() > 1)
      tile.columns -= tile.columns % 32;
    if (shape.skipsByGroup())
      tile.pingPong = false;
    shape.setTile(tile);
    return true;
  }

  /// Memory limits few rows: as many tiles on their way as shared memory has
  /// room for, at least three; by measurement tiles of 128 columns are faster
  /// than two blocks with half of them each, but for elements that are read:
  /// their addresses take registers too.
  bool choosePackedTile() {
    WarpTile tile;
    for (unsigned columns : {128u, 64u, 32u}) {
      if (readsPairs && columns > 64)
        continue;
      tile = {/*consumers=*/1, columns, /*stages=*/0, /*pingPong=*/false};
      unsigned ofStage = shape.right.bytes(columns) +
                         (shape.values ? shape.values->bytes(columns) : 0);
      unsigned most = maxShared - shape.left.bytes(tile.rows()) - barrierBytes;
      tile.stages = std::min(most / ofStage, 6u);
      if (tile.stages < 3)
        continue;
      shape.setTile(tile);
      return true;
    }
    return false;
  }

  const cpu::CallLayout &layout;
  std::string &why;
  WarpShape shape;
  bool takesLongRows = false; // products take the time
  bool readsPairs = false;    // an element of a tile is read from memory
};

} // namespace

SmallVector<unsigned> WarpShape::folded(const cpu::Storage &tensor,
                                        TileSide side) const {
  constexpr size_t dimsOfCopy = 5;
  SmallVector<unsigned> positions;
  for (size_t i = 0; i + 1 < tensor.layout.size(); ++i) {
    bool isAlong = llvm::any_of(dimsOf(side), [&](const TileDim &entry) {
      return entry.dim == tensor.layout[i];
    });
    if (!isAlong && tensor.layout.size() - positions.size() > dimsOfCopy)
      positions.push_back(unsigned(i));
  }
  return positions;
}

/// A consumer's 64 rows are a box, and those of the consumers follow each other
/// in the outermost dimension. Innermost, rows are few, since each row more
/// needs other columns.
void WarpShape::setTile(const WarpTile &chosen) {
  tile = chosen;
  if (isPacked) {
    // The plan says.
  } else if (rows.size() == 1) {
    rows[0].box = tile.rows();
  } else if (rows.size() == 2) {
    rows[0].box = 4 * tile.consumers;
    rows[1].box = 16;
  } else {
    rows[0].box = tile.consumers;
    rows[1].box = rows[2].box = 8;
  }
  setColumnBoxes(columns, tile.columns);
}

bool WarpShape::searches() const {
  return sweep->visit && looksAtMemory(sweep->op);
}

/// Together what warpgroups are launched with: 4 x 128 or 3 x 168. What copies
/// finds out which tiles are visited, and takes more registers for residues.
/// What computes uses all that it gets where fragments take more than half.
std::pair<unsigned, unsigned> WarpShape::registersOfRoles() const {
  if (tile.consumers == 3)
    return {32, 160};
  bool isSmall =
      values && tile.columns * 3 / 4 + values->columns / 2 <= 128; // fragments
  if (isSmall || searches() || !steps.empty())
    return {56, 224};
  return {24, 240};
}

unsigned WarpShape::tileCycles() const {
  // Dense 16-bit products, and bytes from memory of each multiprocessor's
  // share, a cycle; a column of elements by what was measured of a plain
  // softmax, beside none, one or two other consumers.
  constexpr double flopsPerCycle = 4096, bytesPerCycle = 18,
                   cyclesOfColumn[] = {10, 12, 16.4};
  double depth = double(left.columns + (values ? values->columns : 0));
  double products = 2 * rowsOfGroup * tile.columns * depth / flopsPerCycle;
  double elements =
      tile.columns * cyclesOfColumn[std::min(tile.consumers, 3u) - 1];
  // Wider tiles have fewer ends; by measurement (chooseTile).
  double ofWidth = tile.columns <= 128 ? 1 : base ? 0.985 : 0.93;
  return unsigned(ofWidth *
                  std::max({tile.consumers * products, products + elements,
                            2 * tile.columns * depth / bytesPerCycle}));
}

std::optional<WarpShape>
attn::gpu::matchPackedKernel(const WarpShape &wide,
                             const cpu::CallLayout &layout) {
  // Lanes that others are next to, then the last lane, so that the rows of a
  // tile are close to each other where masks are concerned.
  const DimList &lanes = wide.kernel->lanes;
  DimList packed{lanes.back()};
  constexpr size_t mostPacked = 4; // and the head size: coordinates of a copy
  for (StringAttr dim : lanes)
    if (packed.size() < mostPacked && dim != lanes.back() &&
        llvm::is_contained(wide.left.storage->layout, dim) &&
        !llvm::is_contained(wide.right.storage->layout, dim) &&
        !(wide.values && llvm::is_contained(wide.values->storage->layout, dim)))
      packed.push_back(dim);
  std::string why;
  return Matcher(*wide.kernel, layout, why).matchPacked(packed);
}

std::optional<WarpShape>
attn::gpu::matchWarpKernel(const cpu::KernelShape &kernel,
                           const cpu::CallLayout &layout, std::string &why) {
  return Matcher(kernel, layout, why).match();
}
