//===- WarpResults.cpp - What a kernel writes ---------------------------===//

#include "lowering/gpu/WarpKernel.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <limits>

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

using Values = WarpCode::Values;

/// Adds up what the four threads of a row hold.
Values WarpKernelEmitter::reduceRows(ValueRange state) {
  Values rows(state);
  for (const cpu::Accumulator &accumulator : shape.sweep->accumulators) {
    if (&accumulator == shape.product || &accumulator == shape.base)
      continue;
    AccumulateOp op = accumulator.op;
    for (unsigned row : {0, 1}) {
      Value &value = rows[stateIndex(accumulator) + row];
      for (unsigned other : {1, 2})
        value = cpu::combine(code, cpu::reduceKind(op.getKind()), value,
                             warps.exchange(value, other));
    }
  }
  return rows;
}

/// Of a fragment of the results: the values' columns, if there are any.
FragmentDims WarpKernelEmitter::resultColumns() {
  if (!shape.valueDim)
    return fragmentDims(shape.columns);
  return {{shape.valueDim, 0, Value()}};
}

/// What the results are made of, for \p results.
void WarpKernelEmitter::giveResults(FragmentEvaluator &results,
                                    FinalValue final) {
  results.provide = [this, final](Value value, Place place,
                                  FragmentScope &) -> Value {
    if (value.getDefiningOp() != SweepOp(shape.sweep->op).getOperation())
      return {};
    unsigned number = cast<OpResult>(value).getResultNumber();
    for (const cpu::Accumulator &accumulator : shape.sweep->accumulators)
      if (accumulator.index == number)
        return final(accumulator, place);
    llvm_unreachable("not a result of the sweep");
  };
  // Weights are not negative: where they add up to 0, each is 0.
  for (const cpu::Accumulator &accumulator : shape.sweep->accumulators)
    if (shape.product && isMaskedByBase(accumulator) &&
        isMaskedByBase(*shape.product))
      results.zeroOverZero.insert(
          SweepOp(shape.sweep->op).getResult(accumulator.index));
}

/// Evaluates the results of the kernel for the rows, and for the fragment of
/// the product.
void WarpKernelEmitter::emitResults(Item &item, ValueRange state,
                                    ValueRange sum) {
  Values rows = reduceRows(state);
  FragmentEvaluator results(warps, *evaluator, fragmentDims(shape.rows),
                            resultColumns());
  giveResults(results, [&](const cpu::Accumulator &accumulator, Place place) {
    return &accumulator == shape.product
               ? sum[elementOf(place)]
               : rows[stateIndex(accumulator) + place.row];
  });
  FragmentScope scope(&item.scope);
  scope.firstColumns = {code.mul(code.land(lane, warps.i32(3)), warps.i32(2))};
  KernelOp kernel = request.kernel;
  auto yield = cast<YieldOp>(kernel.getBody().front().getTerminator());
  for (auto [result, value] :
       llvm::zip_equal(kernel.getResults(), yield.getValues())) {
    if (!shape.valueDim || !quantity(result).hasDim(shape.valueDim))
      storeRows(item, result, value, results, scope);
    else if (plan.hasOutput && result == storedOutput)
      storeTile(item, value, results, scope);
    else if (result == storedOutput)
      storeBlocks(item, value, results, scope);
    else
      storeElements(item, result, value, results, scope);
  }
}

/// Runs \p body for each of the thread's rows that exists.
void WarpKernelEmitter::forEachRow(Item &item,
                                   llvm::function_ref<void(int row)> body) {
  for (int row : {0, 1})
    code.ifThen(item.exists[row], [&] { body(row); });
}

void WarpKernelEmitter::storeRows(Item &item, Value result, Value value,
                                  FragmentEvaluator &results,
                                  FragmentScope &scope) {
  // The four threads of a row have the same.
  Value isFirst = code.equals(code.land(lane, warps.i32(3)), warps.i32(0));
  code.ifThen(isFirst, [&] {
    forEachRow(item, [&](int row) {
      FragmentScope local(&scope);
      Value number = results.evaluate(value, {row, -1}, local);
      for (const cpu::Storage &place : request.layout.destinationsOf(result))
        code.store(convertTo(code, place.element, number),
                   results.address(place, result, {row, -1}, local));
    });
  });
}

void WarpKernelEmitter::storeElements(Item &item, Value result, Value value,
                                      FragmentEvaluator &results,
                                      FragmentScope &scope) {
  unsigned size = fragmentSize(shape.values->columns);
  forEachRow(item, [&](int row) {
    FragmentScope local(&scope);
    for (const cpu::Storage &place : request.layout.destinationsOf(result))
      for (unsigned i = 0; i != size; ++i) {
        Place at = placeOf(i);
        if (at.row != row)
          continue;
        Value number = results.evaluate(value, at, local);
        code.store(convertTo(code, place.element, number),
                   results.address(place, result, at, local));
      }
  });
}

/// The four threads of a row trade pairs of columns: of four blocks of eight
/// columns, each is left with one of them whole, 16 bytes.
static Values gatherBlocks(WarpCode &warps, Value lane, Values blocks) {
  cpu::Code &code = warps.code;
  auto bit = [&](unsigned mask) {
    return code.compare(arith::CmpIPredicate::ne,
                        code.land(lane, warps.i32(mask)), warps.i32(0));
  };
  auto trade = [&](unsigned mask, Value isHigh, Value &low, Value &high) {
    Value other = warps.exchange(code.select(isHigh, low, high), mask);
    low = code.select(isHigh, other, low);
    high = code.select(isHigh, high, other);
  };
  Value isOdd = bit(1), isUpper = bit(2);
  trade(1, isOdd, blocks[0], blocks[1]);
  trade(1, isOdd, blocks[2], blocks[3]);
  trade(2, isUpper, blocks[0], blocks[2]);
  trade(2, isUpper, blocks[1], blocks[3]);
  return blocks;
}

/// From registers, 16 bytes a thread; fewer where less than 32 columns are
/// left.
void WarpKernelEmitter::storeBlocks(Item &item, Value value,
                                    FragmentEvaluator &results,
                                    FragmentScope &scope) {
  const cpu::Storage &place =
      request.layout.destinationsOf(storedOutput).front();
  value = value.getDefiningOp<CastOp>().getOperand();
  unsigned columns = shape.values->columns;
  FragmentScope wide(&scope);
  wide.firstColumns = {code.mul(code.land(lane, warps.i32(3)), warps.i32(8))};
  Values rows[2], rest[2];
  for (int row : {0, 1})
    for (unsigned first = 0; first != columns; first += 8) {
      Value low = results.evaluate(value, {row, int(first)}, scope);
      Value high = results.evaluate(value, {row, int(first) + 1}, scope);
      bool isWhole = first < columns / 32 * 32;
      (isWhole ? rows : rest)[row].push_back(
          warps.pack(place.element, low, high));
    }
  for (int row : {0, 1})
    for (unsigned i = 0; i != rows[row].size(); i += 4) {
      Values four = gatherBlocks(
          warps, lane, Values(ArrayRef<Value>(rows[row]).slice(i, 4)));
      llvm::copy(four, rows[row].begin() + i);
    }
  forEachRow(item, [&](int row) {
    FragmentScope narrowAt(&scope), wideAt(&wide);
    auto store = [&](Values words, int column, FragmentScope &at) {
      Value to = results.address(place, storedOutput, {row, column}, at);
      auto type = VectorType::get(int64_t(words.size()), warps.i32Type());
      Value packed = LLVM::PoisonOp::create(builder, code.loc, type);
      for (auto [i, word] : llvm::enumerate(words))
        packed = LLVM::InsertElementOp::create(builder, code.loc, packed, word,
                                               warps.i32(int64_t(i)));
      LLVM::StoreOp::create(builder, code.loc, packed, to,
                            unsigned(words.size() * 4));
    };
    for (unsigned i = 0; i != rows[row].size(); i += 4)
      store(Values(ArrayRef<Value>(rows[row]).slice(i, 4)), int(8 * i), wideAt);
    for (unsigned i = 0; i != rest[row].size(); ++i)
      store({rest[row][i]}, int(8 * (rows[row].size() + i)), narrowAt);
  });
}

/// Through shared memory: fragments to a swizzled tile, and from there one copy
/// for each 64 columns, which leaves out rows that do not exist.
void WarpKernelEmitter::storeTile(Item &item, Value value,
                                  FragmentEvaluator &results,
                                  FragmentScope &scope) {
  const cpu::Storage &place =
      request.layout.destinationsOf(storedOutput).front();
  unsigned columns = shape.values->columns;
  constexpr unsigned chunkBytes = rowsOfGroup * chunkColumns * 2;
  Value isFirst = code.land(isLeader, code.equals(warp, warps.i32(0)));
  Value barrier = code.add(consumer, warps.i32(8));
  Value base = code.add(
      warps.i32(plan.output),
      code.mul(consumer, warps.i32(shape.values->chunks() * chunkBytes)));
  // The conversion happens in pairs here.
  value = value.getDefiningOp<CastOp>().getOperand();
  code.ifThen(isFirst, [&] { warps.waitStoresRead(); });
  warps.syncNamed(barrier, threadsOfGroup);
  Value row =
      code.add(code.mul(warp, warps.i32(16)), code.land(lane, warps.i32(15)));
  Value rowBytes = code.mul(row, warps.i32(128));
  Value high = arith::ShRUIOp::create(builder, code.loc, lane, warps.i32(4));
  Value turn = code.land(row, warps.i32(7));
  for (unsigned first = 0; first != columns; first += 16) {
    Values four;
    for (unsigned i = 0; i != 8; i += 2) {
      unsigned element = first / 2 + i;
      Value low = results.evaluate(value, placeOf(element), scope);
      Value next = results.evaluate(value, placeOf(element + 1), scope);
      four.push_back(warps.pack(place.element, low, next));
    }
    Value sixteenBytes =
        code.lxor(code.add(warps.i32(first % chunkColumns / 8), high), turn);
    Value at = code.add(code.add(base, rowBytes),
                        code.mul(sixteenBytes, warps.i32(16)));
    at = code.add(at, warps.i32(first / chunkColumns * chunkBytes));
    warps.storeMatrix(warps.sharedAddress(sharedBase, at), four);
  }
  warps.fenceAsync();
  warps.syncNamed(barrier, threadsOfGroup);
  code.ifThen(isFirst, [&] {
    TileCorner corner = item.firstRow;
    unsigned box = shape.rows.front().box / tile.consumers;
    corner.positions[0] =
        code.add(corner.positions[0], code.mul(consumer, warps.i32(box)));
    Value tensorMap = mapOf(outputMap, TileSide::Rows, corner);
    for (unsigned chunk = 0; chunk != shape.values->chunks(); ++chunk) {
      Values coordinates = coordinatesOf(item, place, TileSide::Rows, corner,
                                         chunk * chunkColumns);
      Value from = warps.sharedAddress(
          sharedBase, code.add(base, warps.i32(chunk * chunkBytes)));
      warps.storeBox(tensorMap, from, coordinates);
    }
    warps.commitStores();
  });
}
