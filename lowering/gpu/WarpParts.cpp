//===- WarpParts.cpp - Items in parts, and what puts them together --------===//
//
// Where items are few, each is cut into parts, which take some of its tiles
// each. A part leaves, for each of its rows, the sum of the product and the
// state of every other accumulator in the scratch memory of the launch:
//
//   [item][part][row of the tile][sum ..., states ...], f32
//
// A second kernel has a warp for each row. It merges as the kind of each
// accumulator says: what is relative to a maximum is scaled by the exponential
// of how far the part's maximum lies below that of all. Parts are taken in
// order, so that every run adds up alike. What follows the sweep is evaluated
// as at the end of an item that was whole.
//
//===----------------------------------------------------------------------===//

#include "lowering/gpu/Device.h"
#include "lowering/gpu/WarpKernel.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

#include <limits>

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

using Values = WarpCode::Values;

static constexpr double infinity = std::numeric_limits<double>::infinity();

//===----------------------------------------------------------------------===//
// Where parts are kept
//===----------------------------------------------------------------------===//

/// f32 words that a part keeps of a row: a multiple of the four that are loaded
/// at once.
unsigned WarpKernelEmitter::wordsOfRow() const {
  unsigned states = shape.sweep->accumulators.size() - bool(shape.product);
  unsigned columns = shape.values ? unsigned(shape.values->columns) : 0;
  return columns + (states + 3) / 4 * 4;
}

/// The rows of a tile that are kept.
Value WarpKernelEmitter::rowsOfBox() {
  Value rows = warps.i32(1);
  for (unsigned i = 0; i != shape.rows.size(); ++i)
    rows = code.mul(rows, rowBox(i));
  return rows;
}

Value WarpKernelEmitter::addressOfRow(Value part, Value row) {
  Value number = code.add(code.mul(warps.widen(part), warps.widen(rowsOfBox())),
                          warps.widen(row));
  Value words = code.mul(number, code.index(wordsOfRow()));
  return code.address(slotOf(ScratchAddressSlot, code.ptr()), code.f32(),
                      words);
}

/// Keeps what a part has come to.
void WarpKernelEmitter::storePart(Item &item, ValueRange state,
                                  ValueRange sum) {
  Values rows = reduceRows(state);
  unsigned columns = shape.values ? unsigned(shape.values->columns) : 0;
  Value quarter = code.land(lane, warps.i32(3));
  Value isFirst = code.equals(quarter, warps.i32(0));
  auto pair = VectorType::get(2, code.f32());
  forEachRow(item, [&](int row) {
    Value inTile = code.add(item.firstRowInTile, warps.i32(8 * row));
    Value to = addressOfRow(item.number, inTile);
    code.ifThen(isFirst, [&] {
      for (unsigned i = 0; i != rows.size() / 2; ++i)
        code.store(rows[2 * i + unsigned(row)],
                   code.address(to, code.f32(), code.index(columns + i)));
    });
    Value own = code.address(to, code.f32(),
                             warps.widen(code.mul(quarter, warps.i32(2))));
    for (unsigned i = 0; i != sum.size(); i += 2) {
      if (placeOf(i).row != row)
        continue;
      Value two = LLVM::PoisonOp::create(builder, code.loc, pair);
      for (unsigned j : {0, 1})
        two = LLVM::InsertElementOp::create(builder, code.loc, two, sum[i + j],
                                            warps.i32(j));
      LLVM::StoreOp::create(
          builder, code.loc, two,
          code.address(own, code.f32(), code.index(placeOf(i).column)), 8);
    }
  });
}

//===----------------------------------------------------------------------===//
// Putting them together
//===----------------------------------------------------------------------===//

static constexpr unsigned lanesOfWarp = 32;
static constexpr unsigned columnsOfLane = 4; // of each 128

/// A loop over parts: \p body is given the first of \p step parts and what is
/// carried.
Values WarpKernelEmitter::forParts(
    Value first, unsigned step, ValueRange init,
    llvm::function_ref<Values(Value part, ValueRange carried)> body) {
  Value parts = warps.toI32(slotOf(PartsSlot, code.i64()));
  Values start{first};
  llvm::append_range(start, init);
  SmallVector<Type> types;
  for (Value value : start)
    types.push_back(value.getType());
  auto loop = scf::WhileOp::create(
      builder, code.loc, types, start,
      [&](OpBuilder &, Location, ValueRange args) {
        scf::ConditionOp::create(builder, code.loc,
                                 code.lessThan(args[0], parts), args);
      },
      [&](OpBuilder &, Location, ValueRange args) {
        Values next{code.add(args[0], warps.i32(step))};
        llvm::append_range(next, body(args[0], args.drop_front()));
        scf::YieldOp::create(builder, code.loc, next);
      });
  builder.setInsertionPointAfter(loop);
  return Values(loop.getResults().drop_front());
}

/// State number \p index of the row that a part keeps at \p address.
Value WarpKernelEmitter::loadState(Value address, unsigned index) {
  unsigned columns = shape.values ? unsigned(shape.values->columns) : 0;
  return code.load(code.f32(), code.address(address, code.f32(),
                                            code.index(columns + index)));
}

/// The maximum of a row over all parts, by all lanes together: the order does
/// not matter.
Value WarpKernelEmitter::maximumOfParts(Value firstPart, Value row) {
  bool keepsNaN = shape.base->keepsNaN;
  auto greater = [&](Value a, Value b) {
    return keepsNaN ? code.max(a, b) : warps.maxNumber(a, b);
  };
  unsigned index = stateIndex(*shape.base) / 2;
  auto take = [&](Value part, ValueRange carried) -> Values {
    Value address = addressOfRow(code.add(firstPart, part), row);
    return {greater(carried[0], loadState(address, index))};
  };
  Value top =
      forParts(warps.thread(), lanesOfWarp, code.real(-infinity), take).front();
  for (unsigned other : {1, 2, 4, 8, 16})
    top = greater(top, warps.exchange(top, other));
  return top;
}

/// The state of a row over all parts, the first of which is \p firstPart: one
/// value for each accumulator but the product, then the thread's columns of the
/// sum, from \p column on.
Values WarpKernelEmitter::mergeParts(Value firstPart, Value row, Value column) {
  // As many parts at a time, so that their loads are on their way together.
  constexpr unsigned together = 8;
  constexpr unsigned columnsOfChunk = lanesOfWarp * columnsOfLane;
  unsigned columns = shape.values ? unsigned(shape.values->columns) : 0;
  Value parts = warps.toI32(slotOf(PartsSlot, code.i64()));
  Value lastPart = code.sub(parts, warps.i32(1));
  Value top;
  if (shape.base)
    top = maximumOfParts(firstPart, row);
  Values init;
  for (const cpu::Accumulator &accumulator : shape.sweep->accumulators)
    if (&accumulator != shape.product)
      init.push_back(code.real(identityOf(accumulator.op.getKind())));
  unsigned numStates = init.size();
  for (unsigned chunk = 0; chunk < columns; chunk += columnsOfChunk)
    init.append(columnsOfLane, code.real(0));

  // What a part keeps of the row, in the order of `init`.
  auto load = [&](Value part) {
    Value at = addressOfRow(code.add(firstPart, code.min(part, lastPart)), row);
    Values pieces;
    for (unsigned state = 0; state != numStates; ++state)
      pieces.push_back(loadState(at, state));
    auto four = VectorType::get(columnsOfLane, code.f32());
    for (unsigned chunk = 0; chunk < columns; chunk += columnsOfChunk) {
      // Lanes past the end read what exists.
      Value own = code.min(code.add(column, warps.i32(chunk)),
                           warps.i32(columns - columnsOfLane));
      Value loaded = LLVM::LoadOp::create(
          builder, code.loc, four,
          code.address(at, code.f32(), warps.widen(own)), 16);
      for (unsigned i = 0; i != columnsOfLane; ++i)
        pieces.push_back(LLVM::ExtractElementOp::create(builder, code.loc,
                                                        loaded, warps.i32(i)));
    }
    return pieces;
  };
  auto take = [&](Value part, ValueRange pieces, Values &totals) {
    Value exists = code.lessThan(part, parts), scale;
    if (shape.base)
      scale = shrinkage(warps, pieces[stateIndex(*shape.base) / 2], top);
    auto add = [&](const cpu::Accumulator &accumulator, unsigned i) {
      AccumulateOp op = accumulator.op;
      Value next = op.getRelativeTo()
                       ? code.fma(pieces[i], scale, totals[i])
                       : cpu::combine(code, cpu::reduceKind(op.getKind()),
                                      totals[i], pieces[i]);
      totals[i] = code.select(exists, next, totals[i]);
    };
    for (const cpu::Accumulator &accumulator : shape.sweep->accumulators)
      if (&accumulator != shape.product && &accumulator != shape.base)
        add(accumulator, stateIndex(accumulator) / 2);
    for (unsigned i = numStates; i != totals.size(); ++i)
      add(*shape.product, i);
  };
  Values merged =
      forParts(warps.i32(0), together, init,
               [&](Value first, ValueRange carried) -> Values {
                 Values totals(carried);
                 SmallVector<Values> pieces;
                 for (unsigned i = 0; i != together; ++i)
                   pieces.push_back(load(code.add(first, warps.i32(i))));
                 for (unsigned i = 0; i != together; ++i)
                   take(code.add(first, warps.i32(i)), pieces[i], totals);
                 return totals;
               });
  if (shape.base)
    merged[stateIndex(*shape.base) / 2] = top;
  return merged;
}

GpuStage WarpKernelEmitter::emitMerge() {
  stage.symbol = request.symbol;
  stage.threads = lanesOfWarp;
  stage.description = "rows of parts, put together";
  // An item is a row of a tile.
  WarpShape kept = shape;
  stage.items = [kept](cpu::Evaluator &host) {
    Value rows = itemsOf(kept, host);
    for (Value box : boxesOf(kept, host))
      rows = host.code.mul(rows, box);
    return rows;
  };

  OpBuilder::InsertionGuard guard(builder);
  LLVM::LLVMFuncOp function =
      createKernel(builder, code.loc, stage.symbol, request.layout.numSlots(),
                   stage.threads, /*numMaps=*/0);
  Block *entry = function.addEntryBlock(builder);
  builder.setInsertionPointToEnd(entry);
  evaluator = std::make_unique<cpu::Evaluator>(code, request.layout,
                                               function.getArgument(0), entry);
  makeIndices();
  warps.waitForLastLaunch();
  stage.waitsItself = true;
  lane = warps.thread();
  auto [number, row] = divide(warps.block(), rowsOfBox());
  Item item;
  decode(number, item);
  Value exists = placeRow(item, row, 0);
  code.ifThen(exists, [&] {
    Value column = code.mul(lane, warps.i32(columnsOfLane));
    Value parts = warps.toI32(slotOf(PartsSlot, code.i64()));
    Values merged = mergeParts(code.mul(number, parts), row, column);
    storeMerged(item, merged, column);
  });
  LLVM::ReturnOp::create(builder, code.loc, ValueRange());
  return stage;
}

/// Writes the results of a row: what has columns, each lane its own.
void WarpKernelEmitter::storeMerged(Item &item, ValueRange merged,
                                    Value column) {
  unsigned numStates = identities().size() / 2;
  constexpr int columnsOfChunk = lanesOfWarp * columnsOfLane;
  FragmentEvaluator results(warps, *evaluator, fragmentDims(shape.rows),
                            resultColumns());
  giveResults(results, [&](const cpu::Accumulator &accumulator, Place place) {
    return &accumulator == shape.product
               ? merged[numStates +
                        unsigned(place.column / columnsOfChunk) *
                            columnsOfLane +
                        unsigned(place.column % columnsOfChunk)]
               : merged[stateIndex(accumulator) / 2];
  });
  FragmentScope scope(&item.scope);
  scope.firstColumns = {column};
  KernelOp kernel = request.kernel;
  auto yield = cast<YieldOp>(kernel.getBody().front().getTerminator());
  for (auto [result, value] :
       llvm::zip_equal(kernel.getResults(), yield.getValues())) {
    auto store = [&, result = result, value = value](Place at,
                                                     FragmentScope &local) {
      Value element = results.evaluate(value, at, local);
      for (const cpu::Storage &place : request.layout.destinationsOf(result))
        code.store(convertTo(code, place.element, element),
                   results.address(place, result, at, local));
    };
    if (!shape.valueDim || !quantity(result).hasDim(shape.valueDim)) {
      code.ifThen(code.equals(lane, warps.i32(0)), [&] {
        FragmentScope local(&scope);
        store({0, -1}, local);
      });
      continue;
    }
    for (int chunk = 0; chunk < int(shape.values->columns);
         chunk += columnsOfChunk)
      code.ifThen(
          code.lessThan(column, warps.i32(int(shape.values->columns) - chunk)),
          [&] {
            FragmentScope local(&scope);
            for (unsigned i = 0; i != columnsOfLane; ++i)
              store({0, chunk + int(i)}, local);
          });
  }
}
