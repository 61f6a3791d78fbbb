//===- EmitKernel.cpp - Work items, tiles and groups of lanes -------------===//

#include "lowering/cpu/EmitKernel.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn;
using namespace attn::cpu;

KernelEmitter::KernelEmitter(OpBuilder &builder, const CallLayout &layout,
                             const KernelShape &shape)
    : builder(builder), layout(layout), shape(shape),
      code(builder, shape.kernel.getLoc(), shape.width),
      laneKey(builder.getStringAttr("#lane")) {
  reserveScratch();
}

void KernelEmitter::reserveScratch() {
  constexpr int64_t f32 = 4, i64 = 8;
  int64_t tile = shape.tileLanes(), group = shape.groupLanes();
  for ([[maybe_unused]] StringAttr dim : shape.lanes)
    laneTables.push_back(scratch.reserve(tile * 4));
  rowArray = scratch.reserve(group * i64);
  for (const SweepShape &sweep : shape.sweeps) {
    SweepArrays &numbers = arrays.emplace_back();
    for (const InnerProduct &product : sweep.products) {
      numbers.laneOperands.push_back(scratch.reserve(tile * f32, product.dims));
      numbers.keyOperands.push_back(
          product.keySide.inPlace
              ? 0
              : scratch.reserve(shape.keys * f32, product.dims));
      numbers.tiles.push_back(scratch.reserve(shape.keys * group * f32));
    }
    for (const Accumulator &accumulator : sweep.accumulators) {
      numbers.states.push_back(
          scratch.reserve(tile * i64, accumulator.carried));
      numbers.stashes.push_back(
          accumulator.isBase ? scratch.reserve(shape.keys * group * f32) : 0);
      numbers.scales.push_back(accumulator.isBase ? scratch.reserve(group * f32)
                                                  : 0);
      numbers.pairs.push_back(accumulator.isProduct
                                  ? scratch.reserve(shape.keys * group * f32)
                                  : 0);
      bool cutsProduct = accumulator.isProduct && accumulator.op.getDomain();
      numbers.existence.push_back(
          cutsProduct ? scratch.reserve(shape.keys * group * f32) : 0);
      numbers.values.push_back(
          accumulator.isProduct && !accumulator.keySide.inPlace
              ? scratch.reserve(shape.keys * f32, accumulator.carried)
              : 0);
    }
    if (sweep.over.size() > 1)
      for ([[maybe_unused]] StringAttr dim : sweep.over)
        numbers.keyIndices.push_back(scratch.reserve(shape.keys * i64));
  }
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
  evaluator = std::make_unique<Evaluator>(code, layout, slots, entry);
  evaluator->loadState = [this](Value result, Scope &scope) {
    return loadState(result, scope);
  };
  for (const SweepShape &sweep : shape.sweeps)
    for (const InnerProduct &product : sweep.products)
      evaluator->provided.insert(product.result);
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

Value KernelEmitter::array(unsigned number, Type element, Value offset) {
  Value start = code.address(scratchBase, builder.getI8Type(), offsets[number]);
  return code.address(start, element, offset);
}

//===----------------------------------------------------------------------===//
// Work items
//===----------------------------------------------------------------------===//

static Value product(Code &code, Evaluator &evaluator,
                     ArrayRef<StringAttr> dims) {
  Value result = code.index(1);
  for (StringAttr dim : dims)
    result = code.mul(result, evaluator.extent(dim));
  return result;
}

Value KernelEmitter::laneExtent(Evaluator &evaluator) {
  return product(evaluator.code, evaluator, shape.lanes);
}

Value KernelEmitter::batchExtent(Evaluator &evaluator) {
  return product(evaluator.code, evaluator, shape.batch);
}

Value KernelEmitter::emitItems(Evaluator &evaluator) {
  Code &plan = evaluator.code;
  Value tiles = plan.ceilDiv(laneExtent(evaluator), shape.tileLanes());
  Value chunks = plan.ceilDiv(batchExtent(evaluator), shape.chunk);
  return plan.mul(tiles, chunks);
}

Value KernelEmitter::emitScratchBytes(Evaluator &evaluator) {
  return scratch.emitOffsets(evaluator).back();
}

void KernelEmitter::decode(Value flat, ArrayRef<StringAttr> dims,
                           llvm::function_ref<void(StringAttr, Value)> set) {
  for (StringAttr dim : llvm::reverse(dims.drop_front(dims.empty() ? 0 : 1))) {
    Value extent = evaluator->extent(dim);
    Value outer = arith::DivUIOp::create(builder, code.loc, flat, extent);
    set(dim, code.sub(flat, code.mul(outer, extent)));
    flat = outer;
  }
  if (!dims.empty())
    set(dims.front(), flat);
}

/// Sets up the tile and the batch index of \p item. The last tiles of the lanes
/// come first: under a causal mask they are the longest.
void KernelEmitter::forEachTile(Value item, llvm::function_ref<void()> body) {
  Value extent = laneExtent(*evaluator);
  Value tiles = code.ceilDiv(extent, shape.tileLanes());
  Value batches = batchExtent(*evaluator);
  Value chunks = code.ceilDiv(batches, shape.chunk);
  Value fromEnd = arith::DivUIOp::create(builder, code.loc, item, chunks);
  Value chunk = code.sub(item, code.mul(fromEnd, chunks));
  Value tile = code.sub(code.sub(tiles, code.index(1)), fromEnd);
  firstLane = code.mul(tile, code.index(shape.tileLanes()));
  validLanes =
      code.min(code.index(shape.tileLanes()), code.sub(extent, firstLane));
  Value first = code.mul(chunk, code.index(shape.chunk));
  Value last = code.min(code.add(first, code.index(shape.chunk)), batches);
  auto run = [&](Value batch) {
    itemScope = Scope();
    decode(batch, shape.batch, [&](StringAttr dim, Value index) {
      itemScope.indices[dim].uniform = index;
    });
    body();
  };
  if (shape.chunk == 1)
    return run(first);
  code.forEach(first, last, 1, run);
}

/// Writes the index of every lane of the tile, in each lane dimension. Lanes
/// past the end take the last index, so that reads stay inside the tensors.
void KernelEmitter::fillLaneTables() {
  if (shape.lanes.empty())
    return;
  Value last = code.sub(laneExtent(*evaluator), code.index(1));
  code.forEach(code.index(0), code.index(shape.tileLanes()), 1, [&](Value i) {
    unsigned position = shape.lanes.size();
    decode(code.min(code.add(firstLane, i), last), shape.lanes,
           [&](StringAttr, Value index) {
             --position;
             code.store(code.toInt(index, 32),
                        array(laneTables[position], builder.getI32Type(), i));
           });
  });
}

void KernelEmitter::forEachGroup(llvm::function_ref<void(Group &)> body) {
  int64_t lanes = shape.groupLanes();
  auto run = [&](Value first) {
    Group group;
    group.first = first;
    group.scope = Scope(&itemScope);
    bool single = shape.lanes.size() == 1;
    for (unsigned j = 0; j != shape.vectors; ++j) {
      auto scope = std::make_unique<Scope>(&group.scope);
      Value lane = code.add(first, code.index(j * shape.width));
      scope->indices[laneKey].uniform = lane;
      for (auto [position, dim] : llvm::enumerate(shape.lanes)) {
        IndexValue &at = scope->indices[dim];
        if (scratchBase)
          at.lanes = code.load(
              code.vectorOf(builder.getI32Type()),
              array(laneTables[position], builder.getI32Type(), lane));
        if (!single)
          continue;
        at.first = code.add(firstLane, lane);
        SmallVector<int32_t> counts;
        for (unsigned i = 0; i != shape.width; ++i)
          counts.push_back(int32_t(i));
        Value iota = arith::ConstantOp::create(
            builder, code.loc, builder.getI32VectorAttr(counts));
        Value left = code.toInt(code.sub(validLanes, lane), 32);
        at.exists = code.lessThan(iota, left);
      }
      group.lanes.push_back(std::move(scope));
    }
    body(group);
  };
  if (shape.groups == 1)
    return run(code.index(0));
  code.forEach(code.index(0), validLanes, lanes, run);
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
      Value extent = product(code, *evaluator, sweep.over);
      code.forEach(code.index(0), extent, shape.keys, [&](Value tile) {
        Value count = code.min(code.index(shape.keys), code.sub(extent, tile));
        Value lastKey = code.sub(code.add(tile, count), code.index(1));
        Value lastLane =
            code.sub(code.add(firstLane, validLanes), code.index(1));
        Truth truth = classify(sweep, firstLane, lastLane, tile, lastKey, true);
        Value full = code.toInt(truth.must, 64);
        Value empty = code.toInt(code.lnot(truth.may), 64);
        addTo(0, empty);
        addTo(1, full);
        addTo(2, code.sub(code.sub(code.index(1), empty), full));
        code.ifThen(truth.may, [&] {
          forEachGroup([&](Group &group) {
            Value lanes = code.min(code.index(shape.groupLanes()),
                                   code.sub(validLanes, group.first));
            forEachStep(sweep, group, tile, count, [&](Keys keys, bool) {
              addTo(3, code.mul(lanes, keys.count));
            });
          });
        });
      });
    });
  end();
}
