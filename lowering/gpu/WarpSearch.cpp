//===- WarpSearch.cpp - A warp that looks for tiles -----------------------===//
//
// Where memory decides which tiles a sweep visits (documents, block masks), a
// warp of its own looks, and those who copy and compute ask it: or each of them
// would wait for memory before an item's first product. It runs ahead of them,
// with a lane for each of 32 tiles, and leaves a window in shared memory:
//
//   first     the first of the 32
//   visited   a bit for each that is not empty for the rows of the block
//   isLast    whether the item has no further window
//   item      which item it is about
//   full[c]   a bit for each that is full for the rows of consumer c
//
// Windows without a tile are left out, but for the last of an item. They travel
// through a ring of `windows` slots with a full and an empty barrier each. A
// reader counts the windows that it has let go of; the one after them is in its
// hands. It lets go of an item's last one when it asks for a tile and there is
// none.
//
// It also says which the items are. What memory decides about their tiles
// nobody knows when they are dealt out, so the last rounds of them are drawn
// from a counter in memory. Readers find the number in an item's first window.
// One window more says that none is left.
//
//===----------------------------------------------------------------------===//

#include "lowering/gpu/WarpKernel.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace attn;
using namespace attn::gpu;

using Values = WarpCode::Values;

static constexpr unsigned windows = SharedPlan::windows;
enum WindowWord : unsigned { First, Visited, IsLast, ItemNumber, Full };

bool WarpKernelEmitter::hasSearcher() {
  return searchesMemory(*shape.sweep, dependence);
}

/// Word \p word of the slot of window \p count.
Value WarpKernelEmitter::windowWord(Value count, Value word) {
  Value slot = code.land(count, warps.i32(windows - 1));
  Value at = code.mul(slot, warps.i32(SharedPlan::windowBytes));
  at = code.add(at, code.mul(word, warps.i32(4)));
  return warps.sharedAddress(sharedBase, code.add(at, warps.i32(plan.window)));
}

Value WarpKernelEmitter::loadWindow(Value count, Value word) {
  return LLVM::LoadOp::create(builder, code.loc, warps.i32Type(),
                              windowWord(count, word), /*alignment=*/4);
}

/// One of the barriers from \p first on, that of window \p count.
Value WarpKernelEmitter::windowBarrier(unsigned first, Value count) {
  Value slot = code.land(count, warps.i32(windows - 1));
  return warps.sharedAddress(sharedBase,
                             code.add(code.mul(slot, warps.i32(8)),
                                      warps.i32(plan.barriers + 8 * first)));
}

void WarpKernelEmitter::waitWindow(unsigned first, Value count, unsigned flip) {
  Value round =
      arith::DivUIOp::create(builder, code.loc, count, warps.i32(windows));
  Value parity = code.land(code.add(round, warps.i32(flip)), warps.i32(1));
  warps.wait(windowBarrier(first, count), parity);
}

/// Says whether blocks draw their items. Parts are many and alike.
bool WarpKernelEmitter::drawsItems() {
  return hasSearcher() && !shape.isPacked;
}

/// Rounds of items that are dealt out all the same: these share columns with
/// those of the blocks beside them, and the rest makes up for what is uneven.
Value WarpKernelEmitter::dealtRounds() {
  Value items = warps.toI32(slotOf(ItemsSlot, code.i64()));
  Value rounds =
      arith::DivUIOp::create(builder, code.loc, items, warps.blocks());
  Value quarters = code.mul(rounds, warps.i32(3));
  return arith::ShRUIOp::create(builder, code.loc, quarters, warps.i32(2));
}

/// The searcher's item of \p round; drawItem says what the others are.
Value WarpKernelEmitter::nextItem(Value round, Value before, Value count) {
  Value rounds = dealtRounds();
  return code
      .choose(
          code.lessThan(round, rounds), warps.i32Type(),
          [&]() -> Values { return {dealtItem(round)}; },
          [&]() -> Values {
            Value drawn = drawItem(before, count);
            return {code.add(drawn, code.mul(rounds, warps.blocks()))};
          })
      .front();
}

/// The next item that the searcher draws, after \p count windows, of which \p
/// before are not of the last item: once readers have begun with that, and have
/// its last two windows left at most. Who draws earlier keeps items from blocks
/// that have none left; who draws later is waited for.
Value WarpKernelEmitter::drawItem(Value before, Value count) {
  // Of windows before the first, the barriers have not been used: their phase
  // of the other parity counts as over.
  Value letGo =
      code.max(code.sub(before, warps.i32(1)), code.sub(count, warps.i32(3)));
  waitWindow(windowEmpty, letGo, 0);
  Value number =
      code.choose(
              isLeader, warps.i32Type(),
              [&]() -> Values {
                return {warps.countUp(slotOf(CounterSlot, code.ptr()))};
              },
              [&]() -> Values { return {warps.i32(0)}; })
          .front();
  return warps.broadcastFirstLane(number);
}

/// A reader's next item, after \p count windows.
Value WarpKernelEmitter::announcedItem(Value count) {
  waitWindow(windowFull, count, 0);
  return loadWindow(count, warps.i32(ItemNumber));
}

/// A reader's state about an item: the number of windows that it has let go of.
Values WarpKernelEmitter::newSearch() {
  if (!hasSearcher())
    return {};
  return {warps.i32(0)};
}

/// The first tile of \p item from \p from on that is not empty, or one that is
/// not before its end. \p from follows what was asked for last.
Value WarpKernelEmitter::nextTile(Item &item, Value from) {
  if (item.search.empty())
    return item.visits->nextTile(from, item.tiles, {}).tile;
  Value one = warps.i32(1), none = warps.i32(0);
  auto i32 = warps.i32Type();
  auto loop = scf::WhileOp::create(
      builder, code.loc, TypeRange({i32, i32}),
      ValueRange({from, item.search.front()}),
      [&](OpBuilder &, Location, ValueRange args) {
        Value count = args[1];
        waitWindow(windowFull, count, 0);
        Value first = loadWindow(count, warps.i32(First));
        Value bits = loadWindow(count, warps.i32(Visited));
        Value isLast = code.compare(arith::CmpIPredicate::ne,
                                    loadWindow(count, warps.i32(IsLast)), none);
        Value start = code.max(args[0], first);
        Value offset = code.sub(start, first);
        Value isOver = code.lessThan(warps.i32(31), offset);
        bits = arith::ShRUIOp::create(builder, code.loc, bits,
                                      Value(code.land(offset, warps.i32(31))));
        bits = code.select(isOver, none, bits);
        Value isFound = code.compare(arith::CmpIPredicate::ne, bits, none);
        code.ifThen(code.lnot(isFound), [&] {
          // All lanes have read it.
          warps.syncWarp();
          code.ifThen(isLeader,
                      [&] { warps.arrive(windowBarrier(windowEmpty, count)); });
        });
        Value tile = code.select(
            isFound, code.add(start, warps.firstOf(bits)),
            code.select(isLast, code.max(item.tiles, args[0]), args[0]));
        count = code.select(isFound, count, code.add(count, one));
        Value goesOn = code.land(code.lnot(isFound), code.lnot(isLast));
        scf::ConditionOp::create(builder, code.loc, goesOn,
                                 ValueRange({tile, count}));
      },
      [&](OpBuilder &, Location, ValueRange args) {
        scf::YieldOp::create(builder, code.loc, args);
      });
  builder.setInsertionPointAfter(loop);
  item.search.front() = loop.getResult(1);
  return loop.getResult(0);
}

/// Whether tile \p number, the last that nextTile gave, is full for the
/// consumer's rows.
Value WarpKernelEmitter::isFull(Item &item, Value number) {
  if (item.search.empty())
    return item.visits->isFull(number);
  Value count = item.search.front();
  Value at = code.sub(number, loadWindow(count, warps.i32(First)));
  Value bits = loadWindow(count, code.add(consumer, warps.i32(Full)));
  bits = arith::ShRUIOp::create(builder, code.loc, bits, at);
  return code.equals(code.land(bits, warps.i32(1)), warps.i32(1));
}

/// Gives readers window \p count.
void WarpKernelEmitter::giveWindow(Value count, ValueRange words) {
  waitWindow(windowEmpty, count, 1);
  code.ifThen(isLeader, [&] {
    for (auto [number, word] : llvm::enumerate(words))
      LLVM::StoreOp::create(builder, code.loc, word,
                            windowWord(count, warps.i32(number)), 4);
    warps.arrive(windowBarrier(windowFull, count));
  });
}

void WarpKernelEmitter::emitSearcher() {
  isLeader =
      code.equals(code.land(warps.thread(), warps.i32(31)), warps.i32(0));
  Value zero = warps.i32(0), one = warps.i32(1), all = warps.i32(32);
  searchesHere = true;
  Values given =
      forEachItem({zero, zero}, [&](Item &item, ValueRange carried) -> Values {
        for (unsigned c = 0; c != tile.consumers; ++c) {
          consumer = warps.i32(c);
          prepareFull(item);
        }
        auto i32 = warps.i32Type();
        auto loop = scf::WhileOp::create(
            builder, code.loc, TypeRange({i32, i32}),
            ValueRange({item.firstTile, carried.back()}),
            [&](OpBuilder &, Location, ValueRange args) {
              Value first = args[0], count = args[1];
              TileVisits::LaneTiles tiles = item.visits->lookAt32(first);
              Value visited = item.visits->visitedOf32(tiles, item.tiles);
              Value next = code.add(first, all);
              Value isLast = code.lnot(code.lessThan(next, item.tiles));
              Value isGiven =
                  code.lor(isLast, code.compare(arith::CmpIPredicate::ne,
                                                visited, zero));
              code.ifThen(isGiven, [&] {
                Values words{first, visited, code.select(isLast, one, zero),
                             item.number};
                for (unsigned c = 0; c != tile.consumers; ++c)
                  words.push_back(item.visits->fullOf32(tiles, c));
                giveWindow(count, words);
              });
              count = code.select(isGiven, code.add(count, one), count);
              scf::ConditionOp::create(builder, code.loc, code.lnot(isLast),
                                       ValueRange({next, count}));
            },
            [&](OpBuilder &, Location, ValueRange args) {
              scf::YieldOp::create(builder, code.loc, args);
            });
        builder.setInsertionPointAfter(loop);
        return {carried.back(), loop.getResult(1)};
      });
  if (drawsItems()) {
    Value none = warps.toI32(slotOf(ItemsSlot, code.i64()));
    giveWindow(given.back(), {zero, zero, one, none});
  }
  searchesHere = false;
}
