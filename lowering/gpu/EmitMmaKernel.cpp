//===- EmitMmaKernel.cpp - A kernel on mma.sync ---------------------------===//
//
// A block is a few warps with 16 or 32 rows each; all of them copy, all
// compute:
//
//   for each work item:
//     left operands to shared memory
//     for each sweep:
//       start the copies of the first tiles
//       for each tile t that is not empty:
//         wait for tile t; barrier; start the copies of tile t + stages - 1
//         scores = left * right[t], one for each inner product
//         weights, state = elements(scores)
//         sums += weights * values[t], one for each product with the pairs
//       rows meet: what the sweep leaves is the same in the threads of a row
//     results
//
// Scores stay in the fragments that the product leaves them in, and are the
// left operand of the next product as they are: a fragment of 16 x 8 numbers
// has the places of half an operand of 16 x 16. For f32 a lane's two columns
// 2p, 2p + 1 are taken as columns p and p + 4 of an operand of 16 x 8, whose
// sum does not care about their order, and the values' rows likewise.
//
//===----------------------------------------------------------------------===//

#include "lowering/gpu/EmitMmaKernel.h"
#include "dialect/Tolerance.h"
#include "lowering/Targets.h"
#include "lowering/gpu/Device.h"
#include "lowering/gpu/MmaKernel.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <numbers>

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

using Values = WarpCode::Values;

MmaKernelEmitter::MmaKernelEmitter(const GpuStageRequest &request,
                                   const MmaShape &shape)
    : request(request), shape(shape), tile(shape.tile),
      builder(request.builder),
      code(builder, KernelOp(request.kernel).getLoc(), 1, cpu::Machine::Gpu),
      warps(code), matrices(warps),
      isPrecise(coarsestElement(request.layout.getSpec()).isF32()) {}

MmaKernelEmitter::Base *MmaKernelEmitter::Sweep::baseOf(Value running) {
  for (Base &base : own().bases)
    if (AccumulateOp(base.accumulator->op).getResult() == running)
      return &base;
  return nullptr;
}

void MmaKernelEmitter::beginFunction() {
  LLVM::LLVMFuncOp function =
      createKernel(builder, code.loc, stage.symbol, request.layout.numSlots(),
                   tile.threads());
  function->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(),
                    builder.getI32IntegerAttr(int32_t(tile.blocks)));
  Block *entry = function.addEntryBlock(builder);
  builder.setInsertionPointToEnd(entry);
  evaluator = std::make_unique<cpu::Evaluator>(code, request.layout,
                                               function.getArgument(0), entry);
  constexpr unsigned space = unsigned(NVVM::NVVMMemorySpace::Shared);
  sharedBase = LLVM::AddrSpaceCastOp::create(
      builder, code.loc,
      LLVM::LLVMPointerType::get(builder.getContext(), space),
      sharedMemory(builder, code.loc, function));
  thread = warps.thread();
  lane = code.land(thread, warps.i32(31));
  warp = warps.broadcastFirstLane(
      arith::ShRUIOp::create(builder, code.loc, thread, warps.i32(5)));
  indices = std::make_unique<TileIndices>(warps, *evaluator, shape.steps.size(),
                                          request.itemsSlot + StepsSlot);
  for (const MmaOperand &left : shape.lefts)
    if (left.storage)
      alignments[left.storage->slot] = alignmentOf(*left.storage);
  for (const MmaSweep &sweep : shape.sweeps)
    for (const MmaOperand &operand : sweep.operands)
      if (operand.storage && !alignments.contains(operand.storage->slot))
        alignments[operand.storage->slot] = alignmentOf(*operand.storage);
}

//===----------------------------------------------------------------------===//
// Items
//===----------------------------------------------------------------------===//

void MmaKernelEmitter::forEachItem(llvm::function_ref<void(Item &)> body) {
  // Fewer than 2^31 items: more tiles do not fit a GPU's memory.
  Value items = warps.toI32(evaluator->slot(request.itemsSlot, code.i64()));
  auto loop = scf::ForOp::create(builder, code.loc, warps.block(), items,
                                 warps.blocks());
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(loop.getBody()->getTerminator());
  Item item;
  decode(loop.getInductionVar(), item);
  body(item);
}

/// Tiles of rows are neighbours, so that blocks at one time read the same
/// columns; the last come first, which under a causal mask are the longest.
/// Those of a residue follow each other: they share columns.
void MmaKernelEmitter::decode(Value number, Item &item) {
  unsigned rank = shape.rows.size();
  Value rowTiles = warps.i32(1);
  Values tilesOf;
  for (const TileDim &entry : shape.rows) {
    // Of the residues that have most.
    Value positions = indices->positionsOf(entry, warps.i32(0));
    tilesOf.push_back(
        warps.toI32(code.ceilDiv(warps.widen(positions), entry.box)));
    rowTiles = code.mul(rowTiles, tilesOf.back());
    if (Value step = indices->stepOf(entry))
      rowTiles = code.mul(rowTiles, step);
  }
  auto [rest, fromEnd] = indices->divide(number, rowTiles);
  Value rowTile = code.sub(code.sub(rowTiles, warps.i32(1)), fromEnd);
  for (unsigned i = shape.batch.size(); i-- != 0;) {
    StringAttr dim = shape.batch[i];
    Value at = rest;
    if (i != 0)
      std::tie(rest, at) =
          indices->divide(rest, warps.toI32(evaluator->extent(dim)));
    item.scope.uniform.indices[dim].uniform = warps.widen(at);
  }
  item.firstRow.positions.resize(rank);
  item.firstRow.residues.resize(rank);
  for (unsigned i = rank; i-- != 0;) {
    Value at = rowTile;
    if (i != 0 || !shape.steps.empty())
      std::tie(rowTile, at) = indices->divide(rowTile, tilesOf[i]);
    item.firstRow.positions[i] = code.mul(at, warps.i32(shape.rows[i].box));
  }
  for (unsigned i = rank; i-- != 0;)
    if (Value step = indices->stepOf(shape.rows[i]))
      std::tie(rowTile, item.firstRow.residues[i]) =
          indices->divide(rowTile, step);
  Value own =
      code.add(code.mul(warp, warps.i32(tile.rowsOfWarp())),
               arith::ShRUIOp::create(builder, code.loc, lane, warps.i32(2)));
  item.strips.reserve(tile.strips);
  for (unsigned number = 0; number != tile.strips; ++number) {
    Strip &strip = item.strips.emplace_back(item.scope);
    strip.scope.rows.resize(rank);
    for (unsigned row : {0, 1}) {
      TileIndices::Spot spot =
          indices->spotOf(shape.rows, item.firstRow,
                          code.add(own, warps.i32(16 * number + 8 * row)));
      strip.exists[row] = spot.exists;
      for (unsigned i = 0; i != rank; ++i)
        strip.scope.rows[i][row] = spot.indices[i];
    }
  }
}

TileVisits::RowBox MmaKernelEmitter::blockRows(Item &item) {
  TileVisits::RowBox rows{shape.rows, {}, {}};
  for (auto [i, entry] : llvm::enumerate(shape.rows)) {
    Value first = item.firstRow.positions[i];
    Value residue = item.firstRow.residues[i];
    Value last = code.add(first, warps.i32(entry.box - 1));
    rows.first.push_back(warps.widen(indices->indexAt(entry, first, residue)));
    rows.last.push_back(warps.widen(code.min(
        indices->indexAt(entry, last, residue), indices->last(entry))));
  }
  return rows;
}

/// The rows of a warp are whole boxes of the inner dimensions, or a part of the
/// innermost.
TileVisits::RowBox MmaKernelEmitter::warpRows(Item &item) {
  TileVisits::RowBox rows{shape.rows, {}, {}};
  unsigned rowsOfWarp = tile.rowsOfWarp();
  TileIndices::Spot first = indices->spotOf(
      shape.rows, item.firstRow, code.mul(warp, warps.i32(rowsOfWarp)));
  unsigned inner = 1;
  Values lasts(shape.rows.size());
  for (unsigned i = shape.rows.size(); i-- != 0;) {
    const TileDim &entry = shape.rows[i];
    unsigned across = std::clamp(rowsOfWarp / inner, 1u, entry.box);
    inner *= entry.box;
    Value distance = warps.i32(across - 1);
    if (Value step = indices->stepOf(entry))
      distance = code.mul(distance, step);
    lasts[i] = warps.widen(
        code.min(code.add(first.indices[i], distance), indices->last(entry)));
  }
  for (Value index : first.indices)
    rows.first.push_back(warps.widen(index));
  rows.last = lasts;
  return rows;
}

//===----------------------------------------------------------------------===//
// Sweeps
//===----------------------------------------------------------------------===//

unsigned MmaKernelEmitter::stateSize(const MmaSweep &sweep) {
  unsigned size = 2 * unsigned(sweep.rows.size());
  for (const MmaSum &sum : sweep.sums)
    size += fragmentSize(sweep.operands[sum.values].padded());
  return size;
}

/// Of a strip.
Values MmaKernelEmitter::initialState(const MmaSweep &sweep) {
  Values state;
  for (const cpu::Accumulator *accumulator : sweep.rows) {
    AccumulateOp op = accumulator->op;
    state.append(
        2, cpu::identityOf(code, cpu::reduceKind(op.getKind()), code.f32()));
  }
  for (const MmaSum &sum : sweep.sums)
    state.append(fragmentSize(sweep.operands[sum.values].padded()),
                 code.real(0));
  return state;
}

/// All that does not vary along the columns.
void MmaKernelEmitter::prepare(Item &item, Sweep &sweep) {
  sweep.pairs.isPrecise = isPrecise;
  sweep.pairs.isOfPairs = true;
  sweep.pairs.provide = [this, &sweep](Value value, Place place,
                                       FragmentScope &) {
    return provide(sweep, value, place);
  };
  for (const MmaProduct &product : sweep.shape.products)
    sweep.pairs.given.insert(product.result);
  sweep.strips = std::vector<Sweep::OfStrip>(tile.strips);
  for (auto [number, strip] : llvm::enumerate(item.strips)) {
    sweep.strip = unsigned(number);
    prepareStrip(strip, sweep);
  }
}

void MmaKernelEmitter::prepareStrip(Strip &strip, Sweep &sweep) {
  for (const cpu::Accumulator &accumulator : sweep.shape.sweep->accumulators) {
    AccumulateOp op = accumulator.op;
    if (op.getDomain())
      sweep.pairs.hoist(op.getDomain(), strip.scope);
    if (!accumulator.isBase) {
      for (Value value : accumulator.pairValues())
        sweep.pairs.hoist(value, strip.scope);
      continue;
    }
    Base &base = sweep.own().bases.emplace_back();
    base.accumulator = &accumulator;
    Value score = sweep.shape.products.empty()
                      ? Value()
                      : sweep.shape.products.front().result;
    base.form =
        std::make_unique<ScoreForm>(sweep.pairs, op.getOperand(), score);
    base.form->prepare(strip.scope);
    Value factor = base.form->factor();
    base.exponentFactor = code.real(std::numbers::log2e);
    if (factor)
      base.exponentFactor = code.mul(factor, base.exponentFactor);
  }
}

void MmaKernelEmitter::emitSweep(Item &item, const MmaSweep &sweepShape) {
  Sweep sweep{sweepShape,
              FragmentEvaluator(warps, *evaluator,
                                indices->fragmentDims(shape.rows),
                                indices->fragmentDims(sweepShape.columns)),
              TileVisits(*indices, dependence, *sweepShape.sweep,
                         sweepShape.columns, item.scope.uniform),
              {},
              0,
              {},
              {}};
  sweep.visits.setBlock(blockRows(item));
  sweep.visits.addOwn(warpRows(item));
  Values state = runTiles(item, sweep);
  unsigned size = stateSize(sweepShape);
  for (sweep.strip = 0; sweep.strip != tile.strips; ++sweep.strip)
    takeResults(sweep, ArrayRef(state).slice(sweep.strip * size, size));
}

/// What the sweep leaves behind of a strip.
void MmaKernelEmitter::takeResults(Sweep &sweep, ArrayRef<Value> state) {
  llvm::DenseMap<Value, Values> &results = this->results[sweep.strip];
  unsigned at = 0;
  for (const cpu::Accumulator *accumulator : sweep.shape.rows) {
    AccumulateOp op = accumulator->op;
    Values rows;
    for (unsigned row = 0; row != 2; ++row) {
      Value value = state[at++];
      // A running maximum is the row's already.
      for (unsigned other : {1, 2})
        if (!accumulator->isBase)
          value = cpu::combine(code, cpu::reduceKind(op.getKind()), value,
                               warps.exchange(value, other));
      rows.push_back(value);
    }
    Value result = sweep.op().getResult(accumulator->index);
    results[result] = rows;
    // Weights are not negative: where they add up to 0, each is 0.
    if (isMaskedByBase(sweep, *accumulator) &&
        llvm::all_of(sweep.shape.sums, [&](const MmaSum &sum) {
          return isMaskedByBase(sweep, *sum.accumulator);
        }))
      zeroOverZero.insert(result);
  }
  for (const MmaSum &sum : sweep.shape.sums) {
    unsigned size = fragmentSize(sweep.shape.operands[sum.values].padded());
    results[sweep.op().getResult(sum.accumulator->index)] =
        Values(state.slice(at, size));
    at += size;
  }
}

/// The loop over the tiles of a sweep. It carries the numbers of the tiles that
/// are on their way, the stage of the first, what is known of others, and the
/// state.
Values MmaKernelEmitter::runTiles(Item &item, Sweep &sweep) {
  Value one = warps.i32(1), zero = warps.i32(0);
  // Nobody reads the tiles of the sweep before any more.
  warps.syncBlock();
  Values start;
  Values window = sweep.visits.newWindow();
  auto nextTile = [&](Value from) {
    TileVisits::Found found =
        sweep.visits.nextTile(from, sweep.visits.tiles(), window);
    window = found.window;
    return found.tile;
  };
  for (unsigned i = 0; i != tile.stages; ++i) {
    start.push_back(nextTile(i ? code.add(start.back(), one) : zero));
    if (i + 1 == tile.stages)
      break;
    code.ifThen(code.lessThan(start.back(), sweep.visits.tiles()),
                [&] { fillTile(item, sweep, start.back(), warps.i32(i)); });
    matrices.commitCopies();
  }
  prepare(item, sweep);
  matrices.waitCopies(0);
  warps.syncBlock();
  start.push_back(zero);
  llvm::append_range(start, window);
  unsigned sizeOfTiles = start.size();
  for (unsigned strip = 0; strip != tile.strips; ++strip)
    llvm::append_range(start, initialState(sweep.shape));
  SmallVector<Type> types;
  for (Value value : start)
    types.push_back(value.getType());
  auto loop = scf::WhileOp::create(
      builder, code.loc, types, start,
      [&](OpBuilder &, Location, ValueRange args) {
        scf::ConditionOp::create(builder, code.loc,
                                 code.lessThan(args[0], sweep.visits.tiles()),
                                 args);
      },
      [&](OpBuilder &, Location, ValueRange args) {
        Value number = args[0], ahead = args[tile.stages - 1];
        Value stageNumber = args[tile.stages];
        matrices.waitCopies(tile.stages - 2);
        warps.syncBlock();
        code.ifThen(code.lessThan(ahead, sweep.visits.tiles()), [&] {
          Value free = code.add(stageNumber, warps.i32(tile.stages - 1));
          free = arith::RemUIOp::create(builder, code.loc, free,
                                        warps.i32(tile.stages));
          fillTile(item, sweep, ahead, free);
        });
        matrices.commitCopies();
        Values next(args.slice(1, tile.stages - 1));
        window = Values(args.slice(tile.stages + 1, window.size()));
        next.push_back(nextTile(code.add(ahead, one)));
        next.push_back(arith::RemUIOp::create(builder, code.loc,
                                              code.add(stageNumber, one),
                                              warps.i32(tile.stages)));
        llvm::append_range(next, window);
        llvm::append_range(next, computeTile(item, sweep, number, stageNumber,
                                             args.drop_front(sizeOfTiles)));
        scf::YieldOp::create(builder, code.loc, next);
      });
  builder.setInsertionPointAfter(loop);
  return Values(loop.getResults().drop_front(sizeOfTiles));
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// Where a lane points for a matrix of each quarter of the lanes: 16 rows, then
/// the same 16 bytes further on; or 8 rows, those bytes, then the next 8 rows.
static Value laneOffset(WarpCode &warps, Value lane, unsigned rowBytes,
                        bool rowsFirst) {
  cpu::Code &code = warps.code;
  auto bit = [&](unsigned shift) -> Value {
    Value moved =
        arith::ShRUIOp::create(code.builder, code.loc, lane, warps.i32(shift));
    return code.land(moved, warps.i32(1));
  };
  Value row = code.add(code.land(lane, warps.i32(7)),
                       code.mul(bit(rowsFirst ? 3 : 4), warps.i32(8)));
  return code.add(code.mul(row, warps.i32(rowBytes)),
                  code.mul(bit(rowsFirst ? 4 : 3), warps.i32(matrixRow)));
}

/// One step of a left operand, for a strip.
Values MmaKernelEmitter::loadLeft(unsigned number, unsigned strip,
                                  unsigned step) {
  const MmaOperand &left = shape.lefts[number];
  Value offset = laneOffset(warps, lane, left.rowBytes(), /*rowsFirst=*/true);
  offset = code.add(
      offset, code.mul(warp, warps.i32(tile.rowsOfWarp() * left.rowBytes())));
  unsigned constant =
      leftOffset(number) + 16 * strip * left.rowBytes() + 2 * matrixRow * step;
  return matrices.loadMatrices(
      warps.sharedAddress(shared(offset), warps.i32(constant)),
      /*transposed=*/false);
}

/// The scores of the tile in \p stageNumber.
void MmaKernelEmitter::multiplyPairs(Sweep &sweep, Value stageNumber) {
  Value base = stageAddress(stageNumber);
  for (Sweep::OfStrip &strip : sweep.strips)
    strip.scores.clear();
  for (const MmaProduct &product : sweep.shape.products) {
    const MmaOperand &right = sweep.shape.operands[product.right];
    Value offset =
        laneOffset(warps, lane, right.rowBytes(), /*rowsFirst=*/false);
    Value from = warps.sharedAddress(
        warps.sharedAddress(base, offset),
        warps.i32(operandOffset(sweep.shape, product.right)));
    for (Sweep::OfStrip &strip : sweep.strips)
      strip.scores.emplace_back(fragmentSize(sweep.shape.width), code.real(0));
    unsigned steps = right.padded() / right.depth();
    unsigned atOnce = MmaCode::stepsAtOnce(right.element);
    for (unsigned first = 0; first < steps; first += atOnce) {
      unsigned end = std::min(first + atOnce, steps);
      std::vector<SmallVector<MmaCode::Operand>> a(tile.strips);
      for (unsigned strip = 0; strip != tile.strips; ++strip)
        for (unsigned step = first; step != end; ++step)
          a[strip].push_back(matrices.operandOf(
              right.element, loadLeft(product.left, strip, step)));
      for (unsigned column = 0; column != sweep.shape.width; column += 16) {
        SmallVector<MmaCode::Operand> b[2];
        for (unsigned step = first; step != end; ++step) {
          Values both = matrices.loadMatrices(
              warps.sharedAddress(from, warps.i32(column * right.rowBytes() +
                                                  2 * matrixRow * step)),
              /*transposed=*/false);
          for (unsigned half : {0, 1})
            b[half].push_back(matrices.operandOf(
                right.element, ArrayRef(both).slice(2 * half, 2)));
        }
        for (unsigned half : {0, 1})
          for (unsigned strip = 0; strip != tile.strips; ++strip) {
            Value *sums = &sweep.strips[strip]
                               .scores.back()[fragmentSize(column + 8 * half)];
            llvm::copy(matrices.multiply(right.element, a[strip], b[half],
                                         ArrayRef<Value>(sums, 4)),
                       sums);
          }
      }
    }
  }
}

/// sums += weights * values, of each strip; \p tileBase is where the values
/// are.
void MmaKernelEmitter::addProduct(const MmaOperand &values, Value tileBase,
                                  ArrayRef<Values> weights,
                                  MutableArrayRef<Values> sums) {
  bool isReal = values.element.isF32();
  Value offset;
  if (isReal) {
    // Rows 2p and 2p + 1, column g.
    Value row = code.mul(code.land(lane, warps.i32(3)), warps.i32(2));
    Value column =
        arith::ShRUIOp::create(builder, code.loc, lane, warps.i32(2));
    offset = code.add(code.mul(row, warps.i32(values.rowBytes())),
                      code.mul(column, warps.i32(4)));
  } else {
    offset = laneOffset(warps, lane, values.rowBytes(), /*rowsFirst=*/true);
  }
  Value from = warps.sharedAddress(tileBase, offset);
  auto at = [&](unsigned row, unsigned column) {
    return warps.sharedAddress(from, warps.i32(row * values.rowBytes() +
                                               column * values.elementBytes()));
  };
  unsigned depth = values.depth();
  unsigned atOnce = depth * MmaCode::stepsAtOnce(values.element);
  unsigned rows = 2 * unsigned(weights.front().size());
  for (unsigned first = 0; first != rows; first += atOnce) {
    // Some columns of the weights, as a left operand.
    std::vector<SmallVector<MmaCode::Operand>> a(weights.size());
    for (auto [operands, elements] : llvm::zip_equal(a, weights))
      for (unsigned row = first; row != first + atOnce; row += depth)
        operands.push_back(weightsOf(
            values.element, ValueRange(elements).slice(fragmentSize(row),
                                                       fragmentSize(depth))));
    for (unsigned column = 0; column < values.padded(); column += 16) {
      SmallVector<MmaCode::Operand> b[2];
      for (unsigned row = first; row != first + atOnce; row += depth) {
        Values both;
        if (isReal)
          both = {matrices.loadWord(at(row, column)),
                  matrices.loadWord(at(row + 1, column)),
                  matrices.loadWord(at(row, column + 8)),
                  matrices.loadWord(at(row + 1, column + 8))};
        else
          both = matrices.loadMatrices(at(row, column), /*transposed=*/true);
        for (unsigned half : {0, 1})
          b[half].push_back(matrices.operandOf(
              values.element, ArrayRef(both).slice(2 * half, 2)));
      }
      for (unsigned half : {0, 1}) {
        // Of f32, rows are padded to eight columns, not sixteen.
        if (column + 8 * half >= values.padded())
          continue;
        for (auto [sum, left] : llvm::zip_equal(sums, a)) {
          Value *place = &sum[fragmentSize(column + 8 * half)];
          llvm::copy(matrices.multiply(values.element, left, b[half],
                                       ArrayRef<Value>(place, 4)),
                     place);
        }
      }
    }
  }
}

/// A step of the weights as a left operand.
MmaCode::Operand MmaKernelEmitter::weightsOf(Type element, ValueRange part) {
  Values words;
  if (element.isF32())
    // (g, 2p), (g + 8, 2p), (g, 2p + 1), (g + 8, 2p + 1)
    words = {part[0], part[2], part[1], part[3]};
  else
    for (unsigned i = 0; i != part.size(); i += 2)
      words.push_back(warps.pack(element, part[i], part[i + 1]));
  return matrices.operandOf(element, words);
}

Values MmaKernelEmitter::computeTile(Item &item, Sweep &sweep, Value number,
                                     Value stageNumber, ValueRange state) {
  multiplyPairs(sweep, stageNumber);
  Value full = sweep.visits.isFull(number);
  unsigned size = stateSize(sweep.shape);
  std::vector<Values> next(tile.strips);
  std::vector<std::vector<Values>> weights(sweep.shape.sums.size());
  std::vector<std::vector<Values>> sums(sweep.shape.sums.size());
  for (auto [i, strip] : llvm::enumerate(item.strips)) {
    sweep.strip = unsigned(i);
    ValueRange own = state.slice(i * size, size);
    TileResult result = elements(strip, sweep, number, full, own);
    next[i] = result.rows;
    unsigned at = result.rows.size();
    for (auto [k, sum] : llvm::enumerate(sweep.shape.sums)) {
      unsigned numbers =
          fragmentSize(sweep.shape.operands[sum.values].padded());
      Values before(own.slice(at, numbers));
      AccumulateOp op = sum.accumulator->op;
      if (Value relative = op.getRelativeTo()) {
        Base &of = *sweep.baseOf(relative);
        for (unsigned j = 0; j != numbers; ++j)
          before[j] = code.mul(before[j], of.scales[placeOf(j).row]);
      }
      weights[k].push_back(result.weights[k]);
      sums[k].push_back(before);
      at += numbers;
    }
  }
  Value base = stageAddress(stageNumber);
  for (auto [k, sum] : llvm::enumerate(sweep.shape.sums)) {
    Value from = warps.sharedAddress(
        base, warps.i32(operandOffset(sweep.shape, sum.values)));
    addProduct(sweep.shape.operands[sum.values], from, weights[k], sums[k]);
    for (auto [own, after] : llvm::zip_equal(next, sums[k]))
      llvm::append_range(own, after);
  }
  Values all;
  for (const Values &own : next)
    llvm::append_range(all, own);
  return all;
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

GpuStage MmaKernelEmitter::emit() {
  stage.symbol = request.symbol;
  stage.threads = tile.threads();
  stage.sharedBytes = shape.sharedBytes();
  stage.description = "mma.sync " + std::to_string(tile.rows()) + " x " +
                      std::to_string(tile.columns) + ", " +
                      std::to_string(tile.stages) + " stages";
  MmaShape kept = shape;
  if (!shape.steps.empty())
    stage.steps = [kept](cpu::Evaluator &host) {
      return stepsOfCall(kept.steps, host);
    };
  stage.items = [kept](cpu::Evaluator &host) {
    cpu::Code &hostCode = host.code;
    Values steps = stepsOfCall(kept.steps, host);
    Value items = host.volume(kept.batch);
    for (const TileDim &entry : kept.rows)
      items = hostCode.mul(items, tilesOfCall(host, entry,
                                              hostCode.index(entry.box), steps,
                                              /*residues=*/true));
    return items;
  };
  OpBuilder::InsertionGuard guard(builder);
  beginFunction();
  clearShared();
  forEachItem([&](Item &item) {
    results.clear();
    results.resize(tile.strips);
    zeroOverZero.clear();
    // Nobody reads the rows of the item before any more.
    warps.syncBlock();
    for (auto [number, left] : llvm::enumerate(shape.lefts))
      fill(item, left, shared(leftOffset(number)),
           {shape.rows, item.firstRow, tile.rows()});
    for (const MmaSweep &sweep : shape.sweeps)
      emitSweep(item, sweep);
    emitResults(item);
  });
  LLVM::ReturnOp::create(builder, code.loc, ValueRange());
  return stage;
}

std::optional<GpuStage> attn::gpu::emitMmaKernel(const GpuStageRequest &request,
                                                 std::string &why) {
  cpu::KernelShape kernel(request.kernel, request.layout);
  std::optional<MmaShape> shape =
      matchMmaKernel(kernel, request.layout, *request.target.gpu, why);
  if (!shape)
    return std::nullopt;
  return MmaKernelEmitter(request, *shape).emit();
}
