//===- WarpRoles.cpp - What producer and consumers do -------------------===//
//
// A block is one warpgroup that copies and two or three that compute:
//
//   producer (one thread or warp)     consumer w (rows 64 w ... of the tile)
//   ---------------------             --------------------------------------
//   for each work item:               for each work item:
//     load right[t0], left              score = left * right[t0]
//     for each tile t that is           weights, state = elements(score)
//     not empty:                        for each further tile t:
//       load right[t]                     start score = left * right[t]
//       load values[t - 1]                start sum += weights * values[t - 1]
//     load values[last]                   wait score; its maxima
//                                         wait sum; scale it; exponentials
//                                       sum += weights * values[last]
//                                       results
//
// Without values, the scores of the next tile are multiplied under the elements
// of this one (consumeScores).
//
// Both walk the same items and tiles by the same scalar code, or where memory
// decides about tiles by what a third role finds (WarpSearch.cpp). Tiles travel
// through rings of `stages` buffers with a full and an empty barrier each. The
// grid is persistent: blocks are dealt items (WarpItems.cpp), or draw them
// where memory decides how many tiles they have.
//
//===----------------------------------------------------------------------===//

#include "lowering/gpu/WarpKernel.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <numbers>

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

using Values = WarpCode::Values;

static constexpr double log2OfE = std::numbers::log2e;

//===----------------------------------------------------------------------===//
// Producer
//===----------------------------------------------------------------------===//

/// The map of the residues of \p corner, of those from \p first on.
Value WarpKernelEmitter::mapOf(unsigned first, TileSide side,
                               const TileCorner &corner) {
  Value number;
  unsigned bit = 1;
  for (auto [entry, residue] :
       llvm::zip_equal(shape.dimsOf(side), corner.residues)) {
    Value step = stepOf(entry);
    if (!step)
      continue;
    Value extent = warps.toI32(evaluator->extent(entry.dim));
    Value longer = arith::RemUIOp::create(builder, code.loc, extent, step);
    Value own = code.select(code.lessThan(residue, longer), warps.i32(bit),
                            warps.i32(0));
    number = number ? code.add(number, own) : own;
    bit *= 2;
  }
  if (!number)
    return map(first);
  number = code.mul(code.add(number, warps.i32(first)), warps.i32(128));
  return code.address(maps, builder.getI8Type(), warps.widen(number));
}

/// Where the box at \p corner of \p tensor begins, from column \p column on, in
/// the order of addMaps.
Values WarpKernelEmitter::coordinatesOf(Item &item, const cpu::Storage &tensor,
                                        TileSide side, const TileCorner &corner,
                                        unsigned column) {
  Value first = warps.i32(column);
  auto positionOf = [&](StringAttr dim) {
    return unsigned(llvm::find(tensor.layout, dim) - tensor.layout.begin());
  };
  auto fold = [&](Value index, unsigned position) {
    Value stride = warps.toI32(evaluator->stride(tensor, position));
    first = code.add(first, code.mul(index, stride));
  };
  const TileDims &dims = shape.dimsOf(side);
  Values along, others;
  for (unsigned i = dims.size(); i-- != 0;) {
    along.push_back(corner.positions[i]);
    if (dims[i].step)
      fold(corner.residues[i], positionOf(dims[i].dim));
  }
  SmallVector<unsigned> folded = shape.folded(tensor, side);
  for (unsigned i = tensor.layout.size() - 1; i-- != 0;) {
    if (llvm::any_of(dims, [&](const TileDim &entry) {
          return entry.dim == tensor.layout[i];
        }))
      continue;
    Value at =
        warps.toI32(item.scope.uniform.indices[tensor.layout[i]].uniform);
    if (llvm::is_contained(folded, i))
      fold(at, i);
    else
      others.push_back(at);
  }
  Values coordinates{first};
  llvm::append_range(coordinates, along);
  llvm::append_range(coordinates, others);
  return coordinates;
}

void WarpKernelEmitter::loadTile(Item &item, const TileTensor &tensor,
                                 unsigned firstMap, Value destination,
                                 Value barrier, const TileCorner &corner,
                                 unsigned rows) {
  code.ifThen(isLeader, [&] {
    Value bytes = warps.i32(tensor.bytes(rows));
    if (shape.isPacked && tensor.side == TileSide::Rows)
      bytes = code.mul(rowsOfBox(), warps.i32(tensor.bytes(1)));
    warps.arriveExpecting(barrier, bytes);
    Value tensorMap = mapOf(firstMap, tensor.side, corner);
    for (unsigned chunk = 0; chunk != tensor.chunks(); ++chunk) {
      Values coordinates = coordinatesOf(item, *tensor.storage, tensor.side,
                                         corner, chunk * chunkColumns);
      Value to = warps.sharedAddress(
          destination, warps.i32(chunk * rows * chunkColumns * 2));
      warps.loadBox(tensorMap, to, coordinates, barrier);
    }
  });
}

void WarpKernelEmitter::loadRight(Item &item, Value number, Value count) {
  waitFor(rightEmpty, count, 1);
  unsigned bytes = shape.right.bytes(tile.columns);
  Value to =
      warps.sharedAddress(sharedBase, slotAddress(plan.right, bytes, count));
  Value barrier = warps.sharedAddress(
      sharedBase, slotAddress(plan.barriers + 8 * rightFull, 8, count));
  loadTile(item, shape.right, rightMap, to, barrier, cornerOf(item, number),
           tile.columns);
}

void WarpKernelEmitter::loadValues(Item &item, Value number, Value count) {
  if (!shape.values)
    return;
  waitFor(valuesEmpty, count, 1);
  unsigned bytes = shape.values->bytes(tile.columns);
  Value to =
      warps.sharedAddress(sharedBase, slotAddress(plan.values, bytes, count));
  Value barrier = warps.sharedAddress(
      sharedBase, slotAddress(plan.barriers + 8 * valuesFull, 8, count));
  loadTile(item, *shape.values, valuesMap, to, barrier, cornerOf(item, number),
           tile.columns);
}

void WarpKernelEmitter::emitProducer(Value leader) {
  isLeader = leader;
  Value zero = warps.i32(0), one = warps.i32(1);
  Values start{zero, zero};
  llvm::append_range(start, newSearch());
  forEachItem(start, [&](Item &item, ValueRange carried) -> Values {
    item.search = Values(carried.drop_front(2));
    Value first = nextTile(item, item.firstTile);
    Values unchanged(carried.take_front(2));
    llvm::append_range(unchanged, item.search);
    return code.choose(
        code.lessThan(first, item.tiles), carried.getTypes(),
        [&]() -> Values {
          Value count = carried[0], items = carried[1];
          loadRight(item, first, count);
          Value leftParity = code.lxor(code.land(items, one), one);
          warps.wait(shared(plan.barriers + 8 * leftEmpty), leftParity);
          loadTile(item, shape.left, leftMap, shared(plan.left),
                   shared(plan.barriers + 8 * leftFull), item.firstRow,
                   tile.rows());
          Values start{first, count};
          llvm::append_range(start, item.search);
          SmallVector<Type> types(start.size() + 1, warps.i32Type());
          auto loop = scf::WhileOp::create(
              builder, code.loc, types, start,
              [&](OpBuilder &, Location, ValueRange args) {
                item.search = Values(args.drop_front(2));
                Value next = nextTile(item, code.add(args[0], one));
                Values found{args[0], args[1], next};
                llvm::append_range(found, item.search);
                scf::ConditionOp::create(
                    builder, code.loc, code.lessThan(next, item.tiles), found);
              },
              [&](OpBuilder &, Location, ValueRange args) {
                Value following = code.add(args[1], one);
                loadRight(item, args[2], following);
                loadValues(item, args[0], args[1]);
                Values next{args[2], following};
                llvm::append_range(next, args.drop_front(3));
                scf::YieldOp::create(builder, code.loc, next);
              });
          builder.setInsertionPointAfter(loop);
          loadValues(item, loop.getResult(0), loop.getResult(1));
          Values passed{code.add(loop.getResult(1), one), code.add(items, one)};
          llvm::append_range(passed, loop.getResults().drop_front(3));
          return passed;
        },
        [&]() { return unchanged; });
  });
}

//===----------------------------------------------------------------------===//
// Consumers
//===----------------------------------------------------------------------===//

void WarpKernelEmitter::release(unsigned barriers, Value count) {
  Value address = warps.sharedAddress(
      sharedBase, slotAddress(plan.barriers + 8 * barriers, 8, count));
  code.ifThen(isLeader, [&] { warps.arrive(address); });
}

/// Lets the left tile go where no tile of the item is left to be multiplied.
void WarpKernelEmitter::releaseLeft(Item &item, Value next) {
  Value isLast = code.lnot(code.lessThan(next, item.end));
  code.ifThen(code.land(isLeader, isLast),
              [&] { warps.arrive(shared(plan.barriers + 8 * leftEmpty)); });
}

/// The next consumer may issue its products.
void WarpKernelEmitter::passTurn() {
  Value following = code.add(consumer, warps.i32(2));
  Value wraps = code.equals(following, warps.i32(tile.consumers + 1));
  warps.arriveNamed(code.select(wraps, warps.i32(1), following),
                    2 * threadsOfGroup);
}

Values WarpKernelEmitter::startScore(Value count) {
  Value right = code.add(
      rightLow, slotAddress(0, shape.right.bytes(tile.columns) >> 4, count));
  return warps.startProduct(shape.left.storage->element, {leftLow, tile.rows()},
                            {right, tile.columns}, tile.columns,
                            unsigned(shape.left.columns + 15) / 16 * 16);
}

Values WarpKernelEmitter::startSum(ValueRange weights, Value count,
                                   ValueRange sum) {
  Value low = code.add(
      valuesLow, slotAddress(0, shape.values->bytes(tile.columns) >> 4, count));
  return warps.startProduct(shape.left.storage->element, weights,
                            {low, tile.columns, /*transposed=*/true}, sum);
}

Values WarpKernelEmitter::pack(ValueRange weights) {
  Values packed;
  for (unsigned i = 0; i != weights.size(); i += 2)
    packed.push_back(
        warps.pack(shape.left.storage->element, weights[i], weights[i + 1]));
  return packed;
}

/// The weights of a tile as operands of the product.
Values WarpKernelEmitter::operands(const TileResult &result) {
  return result.packed.empty() ? pack(result.weights) : result.packed;
}

unsigned
WarpKernelEmitter::stateIndex(const cpu::Accumulator &accumulator) const {
  unsigned index = 0;
  for (const cpu::Accumulator &other : shape.sweep->accumulators) {
    if (&other == &accumulator)
      return 2 * index;
    index += !other.isProduct || other.carried.empty();
  }
  llvm_unreachable("not of this sweep");
}

Values WarpKernelEmitter::identities() {
  Values state;
  for (const cpu::Accumulator &accumulator : shape.sweep->accumulators)
    if (&accumulator != shape.product)
      state.append(2, code.real(identityOf(accumulator.op.getKind())));
  return state;
}

/// What an item needs once: the thread's rows, and all that does not vary
/// along the columns.
void WarpKernelEmitter::prepareItem(Item &item) {
  Value inTile = code.add(code.mul(consumer, warps.i32(rowsOfGroup)),
                          code.mul(warp, warps.i32(16)));
  inTile = code.add(
      inTile, arith::ShRUIOp::create(builder, code.loc, lane, warps.i32(2)));
  item.firstRowInTile = inTile;
  for (unsigned row : {0, 1})
    item.exists[row] =
        placeRow(item, code.add(inTile, warps.i32(8 * row)), row);
  for (const cpu::Accumulator &accumulator : shape.sweep->accumulators) {
    AccumulateOp op = accumulator.op;
    if (&accumulator == shape.base)
      form->prepare(item.scope);
    else if (!accumulator.isProduct)
      pairs->hoist(op.getOperand(), item.scope);
    for (Value factor : accumulator.pairFactors)
      pairs->hoist(factor, item.scope);
    if (op.getDomain())
      pairs->hoist(op.getDomain(), item.scope);
  }
  for (Sigmoid &sigmoid : sigmoids)
    sigmoid.form.prepare(item.scope);
  if (shape.base) {
    Value factor = form->factor();
    exponentFactor =
        factor ? code.mul(factor, code.real(log2OfE)) : code.real(log2OfE);
  }
}

Values WarpKernelEmitter::consumeItem(Item &item, Value first, Value count,
                                      Value items) {
  Value one = warps.i32(1);
  unsigned turns = 2 * threadsOfGroup;
  warps.wait(shared(plan.barriers + 8 * leftFull), code.land(items, one));
  waitFor(rightFull, count, 0);
  if (tile.pingPong)
    warps.syncNamed(code.add(consumer, one), turns);
  Values score = startScore(count);
  if (tile.pingPong)
    passTurn();
  computeDifferences(item, first, count);
  Value full = isFull(item, first);
  bringColumns(item, first, full);
  Value next = nextTile(item, code.add(first, one));
  unsigned searchSize = item.search.size();
  score = warps.waitProducts(0, score);
  release(rightEmpty, count);
  releaseLeft(item, next);
  TileResult result = elements(item, first, full, score, identities(),
                               /*isFirst=*/true, [](const TileResult &) {});
  unsigned stateSize = result.state.size();
  Values sum;
  Values weights;
  if (shape.values) {
    sum.assign(fragmentSize(shape.values->columns), code.real(0));
    weights = operands(result);
  }
  Values start{next, count};
  llvm::append_range(start, item.search);
  llvm::append_range(start, result.state);
  llvm::append_range(start, sum);
  llvm::append_range(start, weights);
  SmallVector<Type> passedTypes;
  for (Value value : start)
    passedTypes.push_back(value.getType());
  auto loop = scf::WhileOp::create(
      builder, code.loc, passedTypes, start,
      [&](OpBuilder &, Location, ValueRange args) {
        scf::ConditionOp::create(builder, code.loc,
                                 code.lessThan(args[0], item.end), args);
      },
      [&](OpBuilder &, Location, ValueRange args) {
        Value number = args[0], before = args[1];
        Value now = code.add(before, one);
        item.search = Values(args.slice(2, searchSize));
        ValueRange carried = args.drop_front(2 + searchSize);
        ValueRange state = carried.take_front(stateSize);
        ValueRange oldSum = carried.slice(stateSize, sum.size());
        ValueRange oldWeights = carried.take_back(weights.size());
        waitFor(rightFull, now, 0);
        if (tile.pingPong)
          warps.syncNamed(code.add(consumer, one), turns);
        Values nextScore = startScore(now);
        Values nextSum;
        if (shape.values) {
          waitFor(valuesFull, before, 0);
          nextSum = startSum(oldWeights, before, oldSum);
        }
        if (tile.pingPong)
          passTurn();
        computeDifferences(item, number, now);
        // What the tile and the next one are is found out under the products.
        Value full = isFull(item, number);
        bringColumns(item, number, full);
        Value following = nextTile(item, code.add(number, one));
        nextScore = warps.waitProducts(shape.values ? 1 : 0, nextScore);
        release(rightEmpty, now);
        releaseLeft(item, following);
        // ptxas moves a wait for products to the front of its basic block, and
        // the scaling of their sum to the end. A wait for a barrier, here one
        // that has been waited for, ends a block: so the maxima are found under
        // the products, and the sum is scaled among the exponentials. Without
        // turns (long values), the old order is faster.
        bool scalesEarly = tile.pingPong && shape.product &&
                           (AccumulateOp(shape.product->op).getRelativeTo() ||
                            packsEarly(shape.product->pairValue()));
        auto finishSum = [&](const TileResult &result) {
          nextSum = warps.waitProducts(0, nextSum);
          release(valuesEmpty, before);
          if (!result.scales[0])
            return;
          auto scaled = [&] {
            Values sums;
            for (auto [i, element] : llvm::enumerate(nextSum))
              sums.push_back(
                  code.mul(element, result.scales[placeOf(unsigned(i)).row]));
            return sums;
          };
          SmallVector<Type> types(nextSum.size(), code.f32());
          nextSum = result.keepsScales ? code.choose(
                                             result.keepsScales, types,
                                             [&] { return nextSum; }, scaled)
                                       : scaled();
        };
        auto onScales = [&](const TileResult &result) {
          if (!scalesEarly)
            return;
          waitFor(valuesFull, before, 0);
          finishSum(result);
        };
        TileResult result = elements(item, number, full, nextScore, state,
                                     /*isFirst=*/false, onScales);
        Values yielded{following, now};
        llvm::append_range(yielded, item.search);
        llvm::append_range(yielded, result.state);
        if (shape.values) {
          if (!scalesEarly)
            finishSum(result);
          llvm::append_range(yielded, nextSum);
          llvm::append_range(yielded, operands(result));
        }
        scf::YieldOp::create(builder, code.loc, yielded);
      });
  builder.setInsertionPointAfter(loop);
  Value last = loop.getResult(1);
  Values out{code.add(last, one), code.add(items, one), loop.getResult(0)};
  llvm::append_range(out, loop.getResults().slice(2, searchSize));
  ValueRange results = loop.getResults().drop_front(2 + searchSize);
  llvm::append_range(out, results.take_front(stateSize));
  if (shape.values) {
    waitFor(valuesFull, last, 0);
    Values total = startSum(results.take_back(weights.size()), last,
                            results.slice(stateSize, sum.size()));
    total = warps.waitProducts(0, total);
    release(valuesEmpty, last);
    llvm::append_range(out, total);
  }
  return out;
}

/// The same for a sweep without a product of weights and values.
Values WarpKernelEmitter::consumeScores(Item &item, Value first, Value count,
                                        Value items) {
  Value one = warps.i32(1);
  warps.wait(shared(plan.barriers + 8 * leftFull), code.land(items, one));
  waitFor(rightFull, count, 0);
  Values score = startScore(count);
  Value full = isFull(item, first);
  Value next = nextTile(item, code.add(first, one));
  score = warps.waitProducts(0, score);
  release(rightEmpty, count);
  releaseLeft(item, next);
  enum { Tile, Full, Next, Count, Search };
  unsigned searchSize = item.search.size(), stateSize = identities().size();
  Values start{first, full, next, count};
  llvm::append_range(start, item.search);
  llvm::append_range(start, identities());
  llvm::append_range(start, score);
  auto stateOf = [&](ValueRange carried) {
    return carried.slice(Search + searchSize, stateSize);
  };
  auto scoreOf = [&](ValueRange carried) {
    return carried.take_back(score.size());
  };
  // The scores of the next tile under the elements of this one.
  auto step = [&](ValueRange carried) {
    item.search = Values(carried.slice(Search, searchSize));
    Value now = code.add(carried[Count], one);
    waitFor(rightFull, now, 0);
    Values nextScore = startScore(now);
    Value nextFull = isFull(item, carried[Next]);
    Value following = nextTile(item, code.add(carried[Next], one));
    TileResult result = elements(item, carried[Tile], carried[Full],
                                 scoreOf(carried), stateOf(carried),
                                 /*isFirst=*/false, [](const TileResult &) {});
    // ptxas would have the products waited for before the elements: a wait for
    // a barrier, which has been waited for, ends their block.
    waitFor(rightFull, now, 0);
    nextScore = warps.waitProducts(0, nextScore);
    release(rightEmpty, now);
    releaseLeft(item, following);
    Values passed{carried[Next], nextFull, following, now};
    llvm::append_range(passed, item.search);
    llvm::append_range(passed, result.state);
    llvm::append_range(passed, nextScore);
    return passed;
  };
  auto hasNext = [&](ValueRange carried) {
    return code.lessThan(carried[Next], item.end);
  };
  // Two tiles at a time: what is multiplied in the second half takes the
  // registers of what is done with in the first, and no register is copied.
  auto loop = scf::WhileOp::create(
      builder, code.loc, ValueRange(start).getTypes(), start,
      [&](OpBuilder &, Location, ValueRange args) {
        scf::ConditionOp::create(builder, code.loc, hasNext(args), args);
      },
      [&](OpBuilder &, Location, ValueRange args) {
        Values half = step(args);
        Values whole = code.choose(
            hasNext(half), args.getTypes(), [&] { return step(half); },
            [&] { return half; });
        scf::YieldOp::create(builder, code.loc, whole);
      });
  builder.setInsertionPointAfter(loop);
  ValueRange last = loop.getResults();
  TileResult result =
      elements(item, last[Tile], last[Full], scoreOf(last), stateOf(last),
               /*isFirst=*/false, [](const TileResult &) {});
  Values out{code.add(last[Count], one), code.add(items, one), last[Next]};
  llvm::append_range(out, last.slice(Search, searchSize));
  llvm::append_range(out, result.state);
  return out;
}

/// Lets the tiles from \p from on go that are before \p end, the first of which
/// is number \p count of its ring. A buffer is let go of after it was filled,
/// or the arrival would count for its use before. What follows them.
std::pair<Value, Value> WarpKernelEmitter::skipTiles(Item &item, Value from,
                                                     Value count, Value end) {
  Values start{from, count};
  llvm::append_range(start, item.search);
  auto loop = scf::WhileOp::create(
      builder, code.loc, ValueRange(start).getTypes(), start,
      [&](OpBuilder &, Location, ValueRange args) {
        scf::ConditionOp::create(builder, code.loc, code.lessThan(args[0], end),
                                 args);
      },
      [&](OpBuilder &, Location, ValueRange args) {
        waitFor(rightFull, args[1], 0);
        release(rightEmpty, args[1]);
        if (shape.values) {
          waitFor(valuesFull, args[1], 0);
          release(valuesEmpty, args[1]);
        }
        Value one = warps.i32(1);
        item.search = Values(args.drop_front(2));
        Value next = nextTile(item, code.add(args[0], one));
        Values yielded{next, code.add(args[1], one)};
        llvm::append_range(yielded, item.search);
        scf::YieldOp::create(builder, code.loc, yielded);
      });
  builder.setInsertionPointAfter(loop);
  item.search = Values(loop.getResults().drop_front(2));
  return {loop.getResult(0), loop.getResult(1)};
}

void WarpKernelEmitter::emitConsumer(Value number) {
  consumer = number;
  Value zero = warps.i32(0), one = warps.i32(1);
  Value thread = warps.thread();
  lane = code.land(thread, warps.i32(31));
  warp =
      code.land(arith::ShRUIOp::create(builder, code.loc, thread, warps.i32(5)),
                warps.i32(3));
  isLeader = code.equals(lane, zero);
  leftLow = warps.descriptor(shared(plan.left), tile.rows(), false);
  // Rows of a group lie together in each chunk.
  constexpr unsigned groupBytes = rowsOfGroup * chunkColumns * 2;
  leftLow = code.add(leftLow, code.mul(consumer, warps.i32(groupBytes >> 4)));
  rightLow = warps.descriptor(shared(plan.right), tile.columns, false);
  if (shape.values)
    valuesLow = warps.descriptor(shared(plan.values), tile.columns, true);
  findSigmoids();
  if (tile.pingPong)
    code.ifThen(code.equals(consumer, warps.i32(tile.consumers - 1)),
                [&] { warps.arriveNamed(one, 2 * threadsOfGroup); });
  Values start{zero, zero};
  llvm::append_range(start, newSearch());
  forEachItem(start, [&](Item &item, ValueRange carried) -> Values {
    Value count = carried[0], items = carried[1];
    item.search = Values(carried.drop_front(2));
    Value first = nextTile(item, item.firstTile);
    if (item.search.empty() || shape.skipsByGroup())
      prepareFull(item);
    Value isVisited = code.lessThan(first, item.tiles);
    if (shape.skipsByGroup()) {
      boundGroup(item);
      Value begin = code.min(item.begin, item.tiles);
      std::tie(first, count) = skipTiles(item, first, count, begin);
    }
    prepareItem(item);
    Values nothing{count, items, first};
    llvm::append_range(nothing, item.search);
    llvm::append_range(nothing, identities());
    if (shape.values)
      nothing.append(fragmentSize(shape.values->columns), code.real(0));
    SmallVector<Type> types;
    for (Value value : nothing)
      types.push_back(value.getType());
    Values results = code.choose(
        code.lessThan(first, item.end), types,
        [&]() {
          return shape.overlapsScores()
                     ? consumeScores(item, first, count, items)
                     : consumeItem(item, first, count, items);
        },
        [&]() {
          if (!shape.skipsByGroup())
            return nothing;
          // The left tile came for the others.
          return code.choose(
              isVisited, types,
              [&]() {
                Value full = shared(plan.barriers + 8 * leftFull);
                warps.wait(full, code.land(items, one));
                code.ifThen(isLeader, [&] {
                  warps.arrive(shared(plan.barriers + 8 * leftEmpty));
                });
                Values passed = nothing;
                passed[1] = code.add(items, one);
                return passed;
              },
              [&]() { return nothing; });
        });
    ArrayRef<Value> all(results);
    count = all[0];
    all = all.drop_front(3);
    item.search = Values(all.take_front(item.search.size()));
    all = all.drop_front(item.search.size());
    if (shape.skipsByGroup())
      count = skipTiles(item, results[2], count, item.tiles).second;
    unsigned stateSize = identities().size();
    ArrayRef<Value> state = all.take_front(stateSize);
    ArrayRef<Value> sum = all.drop_front(stateSize);
    if (!shape.isPacked) {
      emitResults(item, state, sum);
    } else {
      Value parts = warps.toI32(slotOf(PartsSlot, code.i64()));
      code.ifElse(
          code.equals(parts, one), [&] { emitResults(item, state, sum); },
          [&] { storePart(item, state, sum); });
    }
    Values passed{count, results[1]};
    llvm::append_range(passed, item.search);
    return passed;
  });
  if (plan.hasOutput)
    warps.waitStoresRead();
}
