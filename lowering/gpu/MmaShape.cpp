//===- MmaShape.cpp - Kernels that warps of mma.sync compute --------------===//

#include "lowering/gpu/MmaShape.h"
#include "dialect/FormulaWalk.h"
#include "lowering/Targets.h"
#include "lowering/gpu/GpuStage.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

static constexpr int64_t mostColumns = 256;

Value attn::gpu::collectedPair(AccumulateOp op) {
  auto cast = op.getOperand().getDefiningOp<CastOp>();
  bool isRounding =
      cast && isa<FloatType>(quantity(op.getOperand()).getElementType());
  return isRounding ? Value(cast.getOperand()) : Value(op.getOperand());
}

/// The 16 rows of a warp are a box: innermost, rows are few, since each row
/// more needs other columns.
void MmaShape::setBoxes() {
  unsigned inner = rows.size() == 2 ? 16 : 8, rest = tile.rows();
  for (TileDim &entry : llvm::drop_begin(rows)) {
    entry.box = std::min(inner, rest);
    rest /= entry.box;
  }
  rows.front().box = rest;
  for (MmaSweep &sweep : sweeps)
    sweep.width = tile.columns;
  // A sweep without sums has registers to spare, and what a tile costs beside
  // its pairs is then paid half as often.
  unsigned room = stageBytes();
  for (MmaSweep &sweep : sweeps) {
    auto isReal = [](const MmaOperand &operand) {
      return operand.element.isF32();
    };
    bool isSmall = sweep.sums.empty() && sweep.collected.empty() &&
                   sweep.products.size() == 1 &&
                   llvm::none_of(sweep.operands, isReal);
    if (isSmall && tile.columns <= 32 && 2 * sweep.stageBytes() <= room)
      sweep.width *= 2;
    setColumnBoxes(sweep.columns, sweep.width);
  }
}

unsigned MmaSweep::stageBytes() const {
  unsigned bytes = 0;
  for (const MmaOperand &operand : operands)
    bytes += width * operand.rowBytes();
  return bytes;
}

unsigned MmaShape::leftBytes() const {
  unsigned bytes = 0;
  for (const MmaOperand &left : lefts)
    bytes += tile.rows() * left.rowBytes();
  return bytes;
}

unsigned MmaShape::stageBytes() const {
  unsigned most = 0;
  for (const MmaSweep &sweep : sweeps)
    most = std::max(most, sweep.stageBytes());
  return most;
}

namespace {

class Matcher {
public:
  Matcher(const cpu::KernelShape &kernel, const cpu::CallLayout &layout,
          const GpuRecord &gpu, std::string &why)
      : layout(layout), gpu(gpu), why(why) {
    shape.kernel = &kernel;
  }

  std::optional<MmaShape> match() {
    if (matchRows() && matchSweeps() && matchResults() && chooseTile())
      return shape;
    return std::nullopt;
  }

private:
  bool fail(const Twine &reason) {
    why = reason.str();
    return false;
  }

  bool matchRows() {
    const cpu::KernelShape &kernel = *shape.kernel;
    if (kernel.sweeps.empty())
      return fail("it has no sweep");
    if (kernel.lanes.empty())
      return fail("no free dimension lies along the lanes");
    // As many dimensions of rows as of columns: the nearest pairs of a box are
    // fewer than those of a run.
    size_t rank = 0;
    for (const cpu::SweepShape &sweep : kernel.sweeps)
      rank = std::max<size_t>(rank, sweep.over.size());
    if (rank > 3)
      return fail("it sweeps over more than three dimensions at once");
    rank = std::min<size_t>(kernel.lanes.size(), rank);
    shape.batch = kernel.batch;
    for (auto [position, dim] : llvm::enumerate(kernel.lanes)) {
      Value by = kernel.strides.lookup(dim);
      if (position + rank >= kernel.lanes.size()) {
        if (!addDim(shape.rows, dim, by))
          return false;
        continue;
      }
      shape.batch.push_back(dim);
    }
    // Carried by products: they are no batch.
    for (const cpu::SweepShape &sweep : kernel.sweeps)
      for (const cpu::Accumulator &accumulator : sweep.accumulators)
        for (StringAttr dim : accumulator.carried)
          llvm::erase(shape.batch, dim);
    return true;
  }

  /// Adds \p dim to \p dims, whose indices are \p by apart (null: 1).
  bool addDim(TileDims &dims, StringAttr dim, Value by) {
    TileDim entry{dim, 0, std::nullopt};
    if (by && constantInteger(by) != 1) {
      if (!quantity(by).getDims().empty())
        return fail("its pairs are some indices apart, by a number that "
                    "varies");
      auto *known = llvm::find_if(shape.steps, [&](const StepNumber &number) {
        return number.by == by && number.dim == dim;
      });
      entry.step = known - shape.steps.begin();
      if (known == shape.steps.end())
        shape.steps.push_back({by, dim});
    }
    dims.push_back(entry);
    return true;
  }

  static DimList dimsOf(const TileDims &entries) {
    DimList dims;
    for (const TileDim &entry : entries)
      dims.push_back(entry.dim);
    return dims;
  }
  static bool hasAny(Value value, const TileDims &entries) {
    return hasAnyDim(value, dimsOf(entries));
  }

  /// Shared memory is cleared once: the padding of an operand may hold what
  /// another sweep left there, which is a number that was brought, or, of
  /// another size, a part of one: any bits, those of NaN among them.
  bool mixesPaddings() {
    bool hasShort = false, hasLong = false, isPadded = false;
    for (const MmaSweep &sweep : shape.sweeps)
      for (const MmaOperand &operand : sweep.operands) {
        (operand.elementBytes() == 2 ? hasShort : hasLong) = true;
        isPadded |= operand.padded() != operand.columns;
      }
    return shape.sweeps.size() > 1 && hasShort && hasLong && isPadded;
  }

  bool matchSweeps() {
    for (const cpu::SweepShape &sweep : shape.kernel->sweeps) {
      MmaSweep &matched = shape.sweeps.emplace_back();
      matched.sweep = &sweep;
      for (auto [position, dim] : llvm::enumerate(sweep.over)) {
        Value by = sweep.visit ? sweep.visit.getStep()[position] : Value();
        if (!addDim(matched.columns, dim, by))
          return false;
      }
      if (!matchProducts(matched) || !matchAccumulators(matched) ||
          !matchPairs(matched))
        return false;
    }
    if (mixesPaddings())
      return fail(
          "its sweeps share memory between numbers of two sizes, one of "
          "which is padded");
    constexpr size_t mostSteps = NumLaunchSlots - StepsSlot;
    if (shape.steps.size() > mostSteps)
      return fail("its pairs are apart by more than six numbers");
    auto hasProduct = [](const MmaSweep &sweep) {
      return !sweep.products.empty() || !sweep.sums.empty();
    };
    if (llvm::none_of(shape.sweeps, hasProduct))
      return fail("it has no product of matrices");
    return true;
  }

  /// Says whether \p value is computed from what is in memory, of indices of
  /// \p dims alone.
  bool isInput(Value value, const DimList &dims) {
    bool isInput = true;
    walkFormulaThroughReads(value, [&](Value part,
                                       ArrayRef<StringAttr> replaced) {
      // What is read at other indices has others.
      for (StringAttr dim : quantity(part).getDims())
        isInput &=
            llvm::is_contained(dims, dim) || llvm::is_contained(replaced, dim);
      if (isa<BlockArgument>(part) || layout.isStored(part))
        return false;
      isInput &= !isa<SweepOp, AccumulateOp, ReduceOp>(part.getDefiningOp());
      return isInput;
    });
    return isInput;
  }

  /// Collects the element types of the floating-point tensors that \p value is
  /// made of.
  void collectTypes(Value value, llvm::SmallPtrSetImpl<Value> &seen,
                    SmallVectorImpl<Type> &types) {
    if (!seen.insert(value).second)
      return;
    if (layout.isStored(value)) {
      Type element = layout.storageOf(value).element;
      if (isa<FloatType>(element))
        types.push_back(element);
      return;
    }
    if (Operation *op = value.getDefiningOp())
      for (Value operand : op->getOperands())
        collectTypes(operand, seen, types);
  }

  /// bf16 or f16 where all of \p factors are made of tensors of that type
  /// alone, so that rounding to it is what the language allows; else f32.
  Type elementOf(ArrayRef<Value> factors) {
    llvm::SmallPtrSet<Value, 8> seen;
    SmallVector<Type> types;
    for (Value factor : factors)
      collectTypes(factor, seen, types);
    bool isNarrow = !types.empty() && llvm::all_equal(types) &&
                    (types.front().isBF16() || types.front().isF16());
    return isNarrow ? types.front()
                    : Float32Type::get(layout.getSpec().getContext());
  }

  /// The operand with \p factors; none where it is no matrix of a fixed size.
  std::optional<MmaOperand> operandOf(ArrayRef<Value> factors,
                                      const TileDims &rows, StringAttr column,
                                      Type element) {
    MmaOperand operand;
    operand.factors.assign(factors.begin(), factors.end());
    operand.columnDim = column;
    operand.element = element;
    SpecOp spec = layout.getSpec();
    std::optional<int64_t> size = spec.getStaticSize(column);
    if (!size || *size < 1 || *size > mostColumns)
      return std::nullopt;
    operand.columns = *size;
    DimList dims = shape.batch;
    llvm::append_range(dims, dimsOf(rows));
    dims.push_back(column);
    for (Value factor : factors)
      if (!isInput(factor, dims))
        return std::nullopt;
    if (factors.size() == 1)
      operand.storage = storageOf(factors.front(), column, element);
    return operand;
  }

  const cpu::Storage *storageOf(Value factor, StringAttr column, Type element) {
    if (auto cast = factor.getDefiningOp<CastOp>();
        cast && !layout.isStored(factor))
      factor = cast.getOperand();
    if (!layout.isStored(factor))
      return nullptr;
    const cpu::Storage &storage = layout.storageOf(factor);
    bool isCopy = storage.element == element && !storage.layout.empty() &&
                  storage.layout.back() == column;
    return isCopy ? &storage : nullptr;
  }

  template <typename Operands>
  unsigned numberOf(Operands &operands, const MmaOperand &operand) {
    auto found = llvm::find(operands, operand);
    if (found != operands.end())
      return unsigned(found - operands.begin());
    operands.push_back(operand);
    return unsigned(operands.size() - 1);
  }

  bool matchProducts(MmaSweep &sweep) {
    SweepOp op = sweep.sweep->op;
    for (auto reduce : op.getBody().front().getOps<ReduceOp>()) {
      Product product = flattenProduct(reduce.getOperand());
      if (reduce.getKind() != ReduceKind::Sum || reduce.getDomain() ||
          reduce.getDims().size() != 1 || !product.divisors.empty() ||
          !quantity(reduce).getElementType().isF32())
        return fail("a pair needs a reduction that is no product of matrices");
      if (!hasAny(reduce.getResult(), shape.rows))
        return fail("an inner product has no rows");
      auto depth = cast<StringAttr>(reduce.getDims()[0]);
      SmallVector<Value> left, right;
      for (Value factor : product.factors) {
        bool onColumns = hasAny(factor, sweep.columns);
        if (onColumns && hasAny(factor, shape.rows))
          return fail("a factor of an inner product is of both sides");
        (onColumns ? right : left).push_back(factor);
      }
      // Sums over one side alone stay sums over both: a factor may be a weight.
      auto hasDepth = [&](Value factor) {
        return quantity(factor).hasDim(depth);
      };
      if (llvm::none_of(left, hasDepth) || llvm::none_of(right, hasDepth))
        return fail("a sum of a pair is of one side alone");
      Type element = elementOf(left);
      if (element != elementOf(right))
        element = Float32Type::get(reduce.getContext());
      auto a = operandOf(left, shape.rows, depth, element);
      auto b = operandOf(right, sweep.columns, depth, element);
      if (!a || !b)
        return fail("the factors of an inner product are no matrices with a "
                    "fixed size up to 256");
      sweep.products.push_back(
          {reduce, numberOf(shape.lefts, *a), numberOf(sweep.operands, *b)});
    }
    return true;
  }

  bool matchAccumulators(MmaSweep &sweep) {
    for (const cpu::Accumulator &accumulator : sweep.sweep->accumulators) {
      AccumulateOp op = accumulator.op;
      if (!hasAll(op, shape.rows))
        return fail("it accumulates what has no rows");
      if (op.getKind() == AccumulateKind::Collect) {
        if (!quantity(collectedPair(op)).getElementType().isF32())
          return fail("it keeps pairs that are integers");
        sweep.collected.push_back(&accumulator);
        continue;
      }
      if (!quantity(op).getElementType().isF32())
        return fail("it accumulates integers");
      if (accumulator.isBase && !hasAll(op.getOperand(), sweep.columns))
        return fail("a running maximum is of what pairs share");
      if (accumulator.carried.empty()) {
        sweep.rows.push_back(&accumulator);
        continue;
      }
      if (!accumulator.isProduct || accumulator.carried.size() != 1)
        return fail("it has a sum that is no product of matrices");
      Type element = elementOf(accumulator.keySide.factors);
      // Weights relative to a maximum, and nothing else, are at most 1. Others
      // may be anything, which bf16 holds and f16 does not.
      bool isBounded = op.getRelativeTo() && accumulator.isWithinOne();
      if (element.isF16() && !isBounded)
        element = Float32Type::get(op.getContext());
      auto values = operandOf(accumulator.keySide.factors, sweep.columns,
                              accumulator.carried.front(), element);
      if (!values)
        return fail("the values of a matrix product are no matrix with a fixed "
                    "size up to 256");
      sweep.sums.push_back({&accumulator, numberOf(sweep.operands, *values)});
    }
    return true;
  }

  /// To ask what has code: boxes and steps do not matter.
  static FragmentDims fragmentDims(const TileDims &entries) {
    FragmentDims dims;
    for (const TileDim &entry : entries)
      dims.push_back({entry.dim, 0, Value()});
    return dims;
  }

  /// Everything that is computed for pairs has code on fragments.
  bool matchPairs(MmaSweep &sweep) {
    OpBuilder builder(layout.getSpec());
    cpu::Code code(builder, layout.getSpec().getLoc(), 1);
    cpu::Evaluator evaluator(code, layout, Value(), nullptr);
    WarpCode warps(code);
    FragmentEvaluator pairs(warps, evaluator, fragmentDims(shape.rows),
                            fragmentDims(sweep.columns));
    pairs.given = given;
    for (const MmaProduct &product : sweep.products)
      pairs.given.insert(product.result);
    for (const cpu::Accumulator &accumulator : sweep.sweep->accumulators)
      pairs.given.insert(AccumulateOp(accumulator.op).getResult());
    DimList dims = shape.batch;
    llvm::append_range(dims, dimsOf(shape.rows));
    llvm::append_range(dims, dimsOf(sweep.columns));
    for (const cpu::Accumulator &accumulator : sweep.sweep->accumulators) {
      AccumulateOp op = accumulator.op;
      SmallVector<Value> values = accumulator.pairValues();
      if (op.getDomain())
        values.push_back(op.getDomain());
      for (Value value : values)
        if (!pairs.canEvaluate(value) || !hasOnly(value, dims, pairs.given))
          return fail("a pair needs what fragments have no code for");
      SweepOp sweepOp = sweep.sweep->op;
      if (op.getKind() == AccumulateKind::Collect)
        collected.insert(sweepOp.getResult(accumulator.index));
      else if (accumulator.carried.empty())
        given.insert(sweepOp.getResult(accumulator.index));
      else
        sums.insert(sweepOp.getResult(accumulator.index));
    }
    return true;
  }

  /// Says whether \p value is made of quantities of \p dims alone.
  bool hasOnly(Value value, const DimList &dims,
               const llvm::SmallPtrSetImpl<Value> &known) {
    bool hasOnly = true;
    walkFormulaThroughReads(
        value, [&](Value part, ArrayRef<StringAttr> replaced) {
          for (StringAttr dim : quantity(part).getDims())
            hasOnly &= llvm::is_contained(dims, dim) ||
                       llvm::is_contained(replaced, dim);
          if (known.contains(part) || isa<BlockArgument>(part) ||
              layout.isStored(part))
            return false;
          hasOnly &= !part.getDefiningOp<SweepOp>();
          return hasOnly;
        });
    return hasOnly;
  }

  bool matchResults() {
    OpBuilder builder(layout.getSpec());
    cpu::Code code(builder, layout.getSpec().getLoc(), 1);
    cpu::Evaluator evaluator(code, layout, Value(), nullptr);
    WarpCode warps(code);
    llvm::SmallPtrSet<Value, 4> known = given;
    known.insert(sums.begin(), sums.end());
    KernelOp kernel = shape.kernel->kernel;
    auto yield = cast<YieldOp>(kernel.getBody().front().getTerminator());
    for (auto [result, value] :
         llvm::zip_equal(kernel.getResults(), yield.getValues())) {
      if (collected.contains(value))
        continue;
      DimList dims = shape.batch;
      llvm::append_range(dims, dimsOf(shape.rows));
      StringAttr column;
      for (StringAttr dim : quantity(result).getDims())
        if (!llvm::is_contained(dims, dim)) {
          if (column)
            return fail("a result has two dimensions beside the rows");
          column = dim;
        }
      FragmentDims columns;
      if (column) {
        dims.push_back(column);
        columns.push_back({column, 0, Value()});
      }
      FragmentEvaluator elements(warps, evaluator, fragmentDims(shape.rows),
                                 columns);
      elements.given = known;
      if (!elements.canEvaluate(value) || !hasOnly(value, dims, known))
        return fail("a result needs what fragments have no code for");
      if (column && !sumWith(column))
        return fail("a result has columns that no product has");
    }
    return true;
  }

  const MmaOperand *sumWith(StringAttr column) {
    for (const MmaSweep &sweep : shape.sweeps)
      for (const MmaSum &sum : sweep.sums)
        if (sweep.operands[sum.values].columnDim == column)
          return &sweep.operands[sum.values];
    return nullptr;
  }

  /// What the registers of a thread hold of a sweep.
  struct Load {
    unsigned sums = 0;   // columns
    unsigned scores = 1; // products of pairs
    bool isReal = false; // operands of f32
  };

  bool chooseTile() {
    Load load;
    for (const MmaSweep &sweep : shape.sweeps) {
      unsigned columns = 0;
      for (const MmaSum &sum : sweep.sums)
        columns += sweep.operands[sum.values].padded();
      for (const MmaOperand &operand : sweep.operands)
        load.isReal |= operand.element.isF32();
      load.sums = std::max(load.sums, columns);
      load.scores = std::max(load.scores, unsigned(sweep.products.size()));
    }
    if (load.sums > 2 * mostColumns || load.scores > 4)
      return fail("its sums and scores do not fit the registers");
    bool isRun = shape.rows.size() == 1 && shape.steps.empty();
    for (const MmaSweep &sweep : shape.sweeps)
      isRun &= sweep.columns.size() == 1;
    return (isRun && chooseRun(load)) || chooseOther(load, isRun);
  }

  bool fits() {
    shape.setBoxes();
    return shape.sharedBytes() * shape.tile.blocks <= gpu.sharedBytes;
  }

  /// Blocks of four warps, of which two or more fit a multiprocessor. A right
  /// operand that is read from shared memory serves all rows of a warp, and
  /// reading them takes longer than the products do: with 32 rows a warp, half
  /// as long. So rows come first, then columns, then blocks. Blocks of 64 rows
  /// read columns from memory more often, which products of f32 hide.
  bool chooseRun(const Load &load) {
    // A thread has 255 registers; a few that are spilled cost less than halving
    // the columns.
    constexpr unsigned most = 270, ofMultiprocessor = 512;
    MmaTile &tile = shape.tile;
    tile.warps = 4;
    for (unsigned strips : {2, 1})
      for (unsigned columns : {64, 32}) {
        unsigned numbers = load.sums + load.scores * columns;
        // Of f32, both halves of the operands of two steps.
        unsigned operands = (strips + 1) * (load.isReal ? 32 : 8);
        constexpr unsigned rest = 50;
        unsigned registers = strips * numbers / 2 + operands + rest;
        if (registers > most || (strips == 1 && !load.isReal))
          continue;
        tile.strips = strips;
        tile.columns = columns;
        for (tile.blocks = std::max(ofMultiprocessor / registers, 2u);
             tile.blocks > 1; --tile.blocks)
          if (fits())
            return true;
      }
    return false;
  }

  /// Of runs, what does not fit the other way, as one block. Where an index is
  /// worked out from several registers, a thread needs more of them, and many
  /// blocks are faster than large ones.
  bool chooseOther(const Load &load, bool isRun) {
    MmaTile &tile = shape.tile;
    bool isLarge =
        load.sums > 128 || (load.sums > 80 && (load.isReal || load.scores > 1));
    tile.warps = isRun ? 8 : 4;
    tile.strips = 1;
    tile.blocks = isRun ? 1 : isLarge ? 2 : 3;
    tile.columns = 64;
    if (load.sums > 80 || load.isReal || load.scores > 1)
      tile.columns = 32;
    if (load.sums > mostColumns || (load.sums > 128 && load.isReal) ||
        load.scores > 2)
      tile.columns = 16;
    while (!fits()) {
      if (tile.blocks > 1)
        --tile.blocks;
      else if (tile.columns > 16)
        tile.columns /= 2;
      else if (tile.warps > 2)
        tile.warps /= 2;
      else
        return fail("its tiles do not fit the shared memory");
    }
    return true;
  }

  const cpu::CallLayout &layout;
  const GpuRecord &gpu;
  std::string &why;
  MmaShape shape;
  /// Results of the sweeps so far: of rows, of sums, and the pairs.
  llvm::SmallPtrSet<Value, 4> given, sums, collected;
};

} // namespace

std::optional<MmaShape>
attn::gpu::matchMmaKernel(const cpu::KernelShape &kernel,
                          const cpu::CallLayout &layout, const GpuRecord &gpu,
                          std::string &why) {
  return Matcher(kernel, layout, gpu, why).match();
}
