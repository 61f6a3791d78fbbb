//===- EmitKernel.cpp - Work items, tiles and groups of lanes -------------===//

#include "lowering/cpu/EmitKernel.h"

#include "attn/kernel_abi.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

KernelEmitter::KernelEmitter(OpBuilder &builder, const CallLayout &layout,
                             const KernelShape &shape, Machine machine,
                             int64_t sharedBudget)
    : builder(builder), layout(layout), shape(shape),
      strip(layout.stripOf(shape.kernel)),
      code(builder, shape.kernel.getLoc(),
           machine == Machine::Cpu ? shape.width : 1, machine),
      laneKey(builder.getStringAttr("#lane")), sharedBudget(sharedBudget) {
  chooseMatrices();
  reserveScratch();
}

unsigned KernelEmitter::reserveLanes(int64_t bytes, DimList dims) {
  unsigned number = scratch.reserve(bytes, std::move(dims));
  isLaneArray.resize(number + 1);
  isLaneArray[number] = true;
  return number;
}

void KernelEmitter::reserveScratch() {
  constexpr int64_t half = 2, f32 = 4, i64 = 8;
  int64_t tile = shape.tileLanes();
  int64_t rows = shape.keys * groupStride();
  for ([[maybe_unused]] StringAttr dim : shape.lanes)
    laneTables.push_back(reserveLanes(tile * 4));
  if (shape.isScattered())
    existsTable = reserveLanes(tile * 4);
  // On a GPU, each thread writes its own lane.
  bool onCpu = code.machine == Machine::Cpu;
  rowArray = reserveLanes(shape.width * i64 * (onCpu ? shape.width : 1));
  size_t destinations = 0;
  for (Value result : shape.kernel.getResults())
    destinations = std::max(destinations, layout.destinationsOf(result).size());
  for (size_t i = 0; i != destinations; ++i)
    placeTables.push_back(scratch.reserve(shape.width * i64));
  for (const SweepShape &sweep : shape.sweeps) {
    SweepArrays &numbers = arrays.emplace_back();
    for (auto [product, matrix] :
         llvm::zip_equal(sweep.products, matricesOf(sweep).products)) {
      numbers.tiles.push_back(reserveLanes(rows * f32));
      if (matrix) {
        numbers.laneOperands.push_back(
            reserveLanes(matrix->padded * tileStride() * half));
        numbers.laneRows.push_back(0);
        numbers.keyOperands.push_back(
            scratch.reserve(shape.keys * rowStride(*matrix) * half));
        continue;
      }
      // Pairs need half of that; a row for each number keeps lanePlace simple.
      numbers.laneOperands.push_back(reserveLanes(tile * f32, product.dims));
      numbers.laneRows.push_back(
          hasLaneRows(product)
              ? scratch.reserve(shape.width * (product.isDot ? half : f32),
                                product.dims, shape.width * f32)
              : 0);
      numbers.keyOperands.push_back(
          product.keySide.inPlace
              ? 0
              : scratch.reserve(shape.keys * (product.isDot ? half : f32),
                                product.dims));
    }
    for (auto [accumulator, matrix] :
         llvm::zip_equal(sweep.accumulators, matricesOf(sweep).accumulators)) {
      numbers.states.push_back(reserveLanes(tile * i64, accumulator.carried));
      numbers.stashes.push_back(accumulator.isBase ? reserveLanes(rows * f32)
                                                   : 0);
      numbers.scales.push_back(
          accumulator.isBase ? reserveLanes(shape.groupLanes() * f32) : 0);
      int64_t weight = matrix || accumulator.isDot ? half : f32;
      numbers.pairs.push_back(
          accumulator.isProduct ? reserveLanes(rows * weight) : 0);
      bool cutsProduct = accumulator.isProduct && accumulator.op.getDomain();
      numbers.existence.push_back(
          cutsProduct ? reserveLanes(rows * (accumulator.isDot ? half : f32))
                      : 0);
      numbers.values.push_back(
          matrix ? scratch.reserve(shape.keys * rowStride(*matrix) * half)
          : accumulator.isDot
              ? scratch.reserve(shape.keys * half, accumulator.carried,
                                shape.keys * half * valuePadding)
          : accumulator.isProduct && !accumulator.keySide.inPlace
              ? scratch.reserve(shape.keys * f32, accumulator.carried)
          : bringsTogether(sweep, accumulator)
              ? scratch.reserve(shape.keys * f32, accumulator.carried,
                                shape.keys * f32 * farRowPadding)
              : 0);
    }
    bool isBox = sweep.over.size() > 1;
    // A block of rows after the last is asked for too (prefetchBlock).
    auto reserveRows = [&](bool inPlace) {
      return isBox && inPlace ? scratch.reserve((shape.keys + shape.rows) * i64)
                              : 0;
    };
    for (const InnerProduct &product : sweep.products)
      numbers.productRows.push_back(reserveRows(product.keySide.inPlace));
    for (const Accumulator &accumulator : sweep.accumulators)
      numbers.valueRows.push_back(reserveRows(accumulator.keySide.inPlace &&
                                              accumulator.carried.size() == 1));
    if (isBox)
      for ([[maybe_unused]] StringAttr dim : sweep.over)
        numbers.keyIndices.push_back(scratch.reserve(shape.keys * i64));
  }
  isLaneArray.resize(scratch.numArrays());
}

//===----------------------------------------------------------------------===//
// Functions
//===----------------------------------------------------------------------===//

void KernelEmitter::begin(StringRef name, ArrayRef<Type> types) {
  auto type = LLVM::LLVMFunctionType::get(
      LLVM::LLVMVoidType::get(builder.getContext()), types);
  function = LLVM::LLVMFuncOp::create(builder, code.loc, name, type,
                                      LLVM::Linkage::Internal);
  Block *entry = function.addEntryBlock(builder);
  builder.setInsertionPointToEnd(entry);
  slots = function.getArgument(0);
  // What the caller's slots hold is loaded once, in a block of its own that all
  // other code is dominated by.
  Block *body = builder.createBlock(&function.getBody());
  builder.setInsertionPointToEnd(entry);
  LLVM::BrOp::create(builder, code.loc, ValueRange(), body);
  builder.setInsertionPointToEnd(body);
  prepareEvaluator(entry);
}

/// The evaluator of the function, with nothing computed yet; slots are loaded
/// in \p entry.
void KernelEmitter::prepareEvaluator(Block *entry) {
  evaluator = std::make_unique<Evaluator>(code, layout, slots, entry);
  evaluator->loadState = [this](Value result, Scope &scope) {
    return loadState(result, scope);
  };
  for (const SweepShape &sweep : shape.sweeps) {
    evaluator->roundsWeights |= sweep.takesPairs();
    for (const InnerProduct &product : sweep.products)
      evaluator->provided.insert(product.result);
  }
  itemScope = Scope();
}

void KernelEmitter::end() {
  LLVM::ReturnOp::create(builder, code.loc, ValueRange());
  builder.setInsertionPointAfter(function);
}

void KernelEmitter::emitRun(StringRef name) {
  OpBuilder::InsertionGuard guard(builder);
  begin(name, {code.ptr(), code.ptr(), code.i64()});
  scratchBase = function.getArgument(1);
  offsets = scratch.emitOffsets(*evaluator);
  forEachTile(function.getArgument(2), [&] {
    fillLaneTables();
    for (const SweepShape &sweep : shape.sweeps)
      emitSweep(sweep);
    emitResults();
  });
  end();
}

Value KernelEmitter::placeOf(unsigned number) {
  if (number < sharedPlaces.size() && sharedPlaces[number])
    return code.address(sharedBase, builder.getI8Type(),
                        code.index(*sharedPlaces[number]));
  return code.address(scratchBase, builder.getI8Type(), offsets[number]);
}

Value KernelEmitter::array(unsigned number, Type element, Value offset) {
  // A vector begins at the lane of the first thread.
  if (code.machine == Machine::Gpu && isLaneArray[number])
    offset = code.add(offset, thread);
  return code.address(placeOf(number), element, offset);
}

//===----------------------------------------------------------------------===//
// Work items
//===----------------------------------------------------------------------===//

Value KernelEmitter::batchExtent(Evaluator &evaluator) {
  return evaluator.volume(shape.batch, strip);
}

Value KernelEmitter::emitItems(Evaluator &evaluator) {
  Code &plan = evaluator.code;
  Value tiles = laneTiles(evaluator);
  Value chunks = plan.ceilDiv(batchExtent(evaluator), shape.chunk);
  return plan.mul(tiles, chunks);
}

Value KernelEmitter::emitScratchBytes(Evaluator &evaluator) {
  SmallVector<bool> elsewhere;
  for (const std::optional<int64_t> &place : sharedPlaces)
    elsewhere.push_back(place.has_value());
  return scratch.emitOffsets(evaluator, elsewhere).back();
}

/// Takes \p flat apart into one number below each of \p extents, the last one
/// running fastest.
void KernelEmitter::decode(Value flat, ArrayRef<Value> extents,
                           llvm::function_ref<void(unsigned, Value)> set) {
  for (unsigned i = extents.size(); i-- > 1;) {
    Value outer = arith::DivUIOp::create(builder, code.loc, flat, extents[i]);
    set(i, code.sub(flat, code.mul(outer, extents[i])));
    flat = outer;
  }
  if (!extents.empty())
    set(0, flat);
}

/// The index of position \p at among those that the stage runs over at a time.
Value KernelEmitter::indexAt(StringAttr dim, Value at) {
  if (strip.dim != dim)
    return at;
  return code.add(evaluator->slot(strip.slot + ATTN_STRIP_FIRST, code.i64()),
                  at);
}

/// Sets up the tile and the batch index of \p item. Tiles of one batch index
/// follow each other, so that its keys stay in the cache, and the last come
/// first: under a causal mask they are the longest.
void KernelEmitter::forEachTile(Value item, llvm::function_ref<void()> body) {
  Value tiles = laneTiles(*evaluator);
  Value chunk = arith::DivUIOp::create(builder, code.loc, item, tiles);
  Value fromEnd = code.sub(item, code.mul(chunk, tiles));
  placeTile(code.sub(code.sub(tiles, code.index(1)), fromEnd));
  Value first = code.mul(chunk, code.index(shape.chunk));
  Vectors extents = llvm::map_to_vector(shape.batch, [&](StringAttr dim) {
    return evaluator->countIn(strip, dim);
  });
  auto run = [&](Value batch) {
    itemScope = Scope();
    decode(batch, extents, [&](unsigned position, Value index) {
      StringAttr dim = shape.batch[position];
      itemScope.indices[dim].uniform = indexAt(dim, index);
    });
    body();
  };
  if (shape.chunk == 1)
    return run(first);
  Value last = code.add(first, code.index(shape.chunk));
  if (code.machine == Machine::Gpu) {
    last = code.min(last, batchExtent(*evaluator));
  } else {
    // Of a slice, an item has the indices that are in it.
    auto *stage = llvm::find(layout.kernels(), shape.kernel);
    int slot = layout.itemsSlot(stage - layout.kernels().begin());
    first = code.max(first, evaluator->slot(slot + 2, code.i64()));
    last = code.min(last, evaluator->slot(slot + 3, code.i64()));
  }
  code.forEach(first, last, 1, run);
}

/// Fills \p group with the lanes of so many vectors from \p first on.
void KernelEmitter::bindGroup(Value first, unsigned vectors, Group &group) {
  group.first = first;
  group.scope = Scope(&itemScope);
  bool single = shape.lanes.size() == 1 && !shape.isScattered();
  for (unsigned j = 0; j != vectors; ++j) {
    auto scope = std::make_unique<Scope>(&group.scope);
    Value lane = code.add(first, code.index(j * shape.width));
    scope->indices[laneKey].uniform = lane;
    for (auto [position, dim] : llvm::enumerate(shape.lanes)) {
      IndexValue &at = scope->indices[dim];
      if (scratchBase)
        at.lanes =
            code.load(code.vectorOf(builder.getI32Type()),
                      array(laneTables[position], builder.getI32Type(), lane));
      if (!single)
        continue;
      Value left = code.toInt(code.sub(validLanes, lane), 32);
      at.first = indexAt(dim, code.add(firstLane, lane));
      if (code.machine == Machine::Gpu) {
        at.first = code.add(at.first, thread);
        at.exists = code.splat(code.lessThan(code.toInt(thread, 32), left));
        continue;
      }
      SmallVector<int32_t> counts;
      for (unsigned i = 0; i != shape.width; ++i)
        counts.push_back(int32_t(i));
      Value iota = arith::ConstantOp::create(builder, code.loc,
                                             builder.getI32VectorAttr(counts));
      at.exists = code.lessThan(iota, left);
    }
    group.lanes.push_back(std::move(scope));
  }
}

void KernelEmitter::forEachGroup(llvm::function_ref<void(Group &)> body) {
  forEachVectors(shape.vectors, validLanes, body);
}

/// Calls \p body for so many vectors of the lanes of the tile at a time, up to
/// lane \p end.
void KernelEmitter::forEachVectors(unsigned vectors, Value end,
                                   llvm::function_ref<void(Group &)> body) {
  auto run = [&](Value first) {
    Group group;
    bindGroup(first, vectors, group);
    body(group);
  };
  unsigned lanes = vectors * shape.width;
  if (lanes == shape.tileLanes())
    return run(code.index(0));
  code.forEach(code.index(0), end, lanes, run);
}

//===----------------------------------------------------------------------===//
// Counting
//===----------------------------------------------------------------------===//

void KernelEmitter::emitCount(StringRef name) {
  OpBuilder::InsertionGuard guard(builder);
  begin(name, {code.ptr(), code.i64(), code.ptr()});
  scratchBase = Value();
  Value counts = function.getArgument(2);
  auto addTo = [&](int64_t number, Value amount) {
    Value place = code.address(counts, code.i64(), code.index(number));
    code.store(code.add(code.load(code.i64(), place), amount), place);
  };
  if (!shape.sweeps.empty())
    forEachTile(function.getArgument(1), [&] {
      const SweepShape &sweep = shape.sweeps.front();
      Value positions = evaluator->volume(sweep.over);
      findVisited(sweep);
      // All key tiles of the tensors; what is not visited is empty.
      addTo(0, code.ceilDiv(positions, shape.keys));
      forEachKeyTile(
          sweep,
          [&](Value tile, Value count) {
            forEachGroup([&](Group &group) {
              forEachStep(sweep, group, tile, count,
                          [&](Group &some, Keys keys, bool) {
                            Value lanes = shape.box.empty() ? groupCount(some)
                                                            : lanesOfBox();
                            addTo(3, code.mul(lanes, keys.count));
                          });
            });
          },
          [&](Truth truth) {
            Value full = code.toInt(code.land(truth.must, truth.may), 64);
            Value visitedTile = code.toInt(truth.may, 64);
            addTo(0, code.neg(visitedTile));
            addTo(1, full);
            addTo(2, code.sub(visitedTile, full));
          });
    });
  end();
}
