//===- WarpKernel.h - One kernel of specialised warps, emitted --*- C++ -*-===//
//
// The parts of the emitter, in the order in which a kernel is made: items and
// tiles (WarpItems.cpp, WarpVisits.cpp), the two roles (WarpRoles.cpp), the
// elements of a tile (WarpElements.cpp) and the results (WarpResults.cpp). What
// the kernel looks like stands in WarpRoles.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LOWERING_GPU_WARPKERNEL_H
#define ATTN_LOWERING_GPU_WARPKERNEL_H

#include "lowering/gpu/Exponents.h"
#include "lowering/gpu/GpuStage.h"
#include "lowering/gpu/ScoreForm.h"
#include "lowering/gpu/TileFunctions.h"
#include "lowering/gpu/TileVisits.h"
#include "lowering/gpu/WarpShape.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace attn::gpu {

/// Where things lie in shared memory, in bytes.
struct SharedPlan {
  unsigned left, right, values, output, differences, columns, barriers, window,
      total;
  bool hasOutput; // room for a tile of the output

  /// Of a searcher (WarpSearch.cpp), among the bytes of barriers.
  static constexpr unsigned windows = 4, windowBytes = 32;

  SharedPlan(const WarpShape &shape, bool wantsOutput) {
    const WarpTile &tile = shape.tile;
    unsigned at = 0;
    auto take = [&](unsigned bytes) {
      unsigned first = at;
      at += bytes;
      return first;
    };
    left = take(shape.left.bytes(tile.rows()));
    right = take(tile.stages * shape.right.bytes(tile.columns));
    values = take(shape.values ? tile.stages * shape.values->bytes(tile.columns)
                               : 0);
    unsigned outputBytes = shape.values ? shape.values->bytes(tile.rows()) : 0;
    // Two buffers of two copies for each consumer (WarpDifferences.cpp).
    unsigned differenceBytes = unsigned(shape.differences.size()) *
                               tile.consumers * 4 * differenceCopy(tile);
    unsigned columnBytes =
        unsigned(shape.columnValues.size()) * tile.consumers * tile.columns * 4;
    hasOutput =
        wantsOutput && shape.values->columns % 16 == 0 && !shape.isPacked &&
        at + outputBytes + differenceBytes + columnBytes + barrierBytes <=
            maxShared;
    output = take(hasOutput ? outputBytes : 0);
    differences = take(differenceBytes);
    columns = take(columnBytes);
    barriers = take(barrierBytes);
    window = at - windows * windowBytes;
    total = at;
  }

  /// Differences of a consumer's rows and the columns of a tile.
  static unsigned differenceEntries(const WarpTile &tile) {
    return rowsOfGroup + tile.columns - 1;
  }
  /// Bytes of a copy of them.
  static unsigned differenceCopy(const WarpTile &tile) {
    return (differenceEntries(tile) + 3) / 2 * 8;
  }
};

class WarpKernelEmitter {
  using Value = mlir::Value;
  using ValueRange = mlir::ValueRange;
  using Values = WarpCode::Values;

public:
  WarpKernelEmitter(const GpuStageRequest &request, const WarpShape &shape)
      : request(request), shape(shape), tile(shape.tile),
        builder(request.builder),
        code(builder, KernelOp(request.kernel).getLoc(), 1, cpu::Machine::Gpu),
        warps(code), storedOutput(findStoredOutput()),
        plan(shape, copiesOutput()) {}

  std::optional<GpuStage> emit(std::string &why);
  /// The kernel that puts parts together, under the name of the request.
  GpuStage emitMerge();

private:
  //===--------------------------------------------------------------------===//
  // Set up
  //===--------------------------------------------------------------------===//

  Value findStoredOutput();
  bool copiesOutput();
  void describeMaps();
  void describeSizes();
  unsigned addMaps(const cpu::Storage &storage, TileSide side,
                   unsigned rowConsumers = 0);
  FragmentDims fragmentDims(const TileDims &dims) {
    return indices->fragmentDims(dims);
  }
  FragmentDims resultColumns();
  mlir::ArrayAttr describeStage();
  void beginFunction();
  void makeIndices();
  void initBarriers();
  void clearRowsBeyondBox();
  Value shared(unsigned bytes) {
    return warps.sharedAddress(sharedBase, warps.i32(bytes));
  }
  Value map(unsigned number) {
    return code.address(maps, builder.getI8Type(), code.index(128 * number));
  }

  //===--------------------------------------------------------------------===//
  // Items and tiles
  //===--------------------------------------------------------------------===//

  /// The item in hand.
  struct Item {
    FragmentScope scope;
    Value number;               // among the items, or the parts of all items
    TileCorner firstRow;        // of the block
    Values firstRows, lastRows; // its indices, i64, within the extents
    Value firstRowInTile;       // of the thread's two rows, the other is 8 on
    Value exists[2];            // whether each of them does
    Value part;                 // of the item; null: it is whole
    /// Columns that are run over: tiles from firstTile on until `tiles` (i32).
    std::unique_ptr<TileVisits> visits;
    Value firstTile, tiles;
    /// A reader's, of a searcher; carried by loops.
    Values search;
    /// The tiles that a consumer takes, of those that are not empty.
    Value begin, end;
  };

  using ItemBody = llvm::function_ref<Values(Item &, ValueRange carried)>;
  Values forEachItem(ValueRange init, ItemBody body);
  Value dealtItem(Value round);
  void decode(Value number, Item &item);
  Value rowBox(unsigned position);
  Value placeRow(Item &item, Value inTile, unsigned row);
  void takePart(Item &item);
  std::pair<Value, Value> divide(Value a, Value b) {
    return indices->divide(a, b);
  }

  // Which tiles (WarpVisits.cpp).
  void findColumns(Item &item);
  TileCorner cornerOf(Item &item, Value number) {
    return item.visits->cornerOf(number);
  }
  void prepareFull(Item &item);
  void boundGroup(Item &item);

  Value indexAt(const TileDim &dim, Value position, Value residue) {
    return indices->indexAt(dim, position, residue);
  }
  Value stepOf(const TileDim &dim) { return indices->stepOf(dim); }
  Value positionsOf(const TileDim &dim, Value residue) {
    return indices->positionsOf(dim, residue);
  }

  // A warp that looks for tiles (WarpSearch.cpp).
  bool hasSearcher();
  bool drawsItems();
  Value dealtRounds();
  Value nextItem(Value round, Value before, Value count);
  Value drawItem(Value before, Value count);
  Value announcedItem(Value count);
  void giveWindow(Value count, ValueRange words);
  void emitSearcher();
  Values newSearch();
  Value nextTile(Item &item, Value from);
  Value isFull(Item &item, Value number);
  Value windowWord(Value count, Value word);
  Value loadWindow(Value count, Value word);
  Value windowBarrier(unsigned first, Value count);
  void waitWindow(unsigned first, Value count, unsigned flip);

  Value slotAddress(unsigned first, unsigned stride, Value count);
  Value parity(Value count, unsigned flip);
  void waitFor(unsigned barriers, Value count, unsigned flip);

  //===--------------------------------------------------------------------===//
  // Roles
  //===--------------------------------------------------------------------===//

  void emitProducer(Value leader);
  Value mapOf(unsigned first, TileSide side, const TileCorner &corner);
  Values coordinatesOf(Item &item, const cpu::Storage &tensor, TileSide side,
                       const TileCorner &corner, unsigned column);
  void loadTile(Item &item, const TileTensor &tensor, unsigned firstMap,
                Value destination, Value barrier, const TileCorner &corner,
                unsigned rows);
  void loadRight(Item &item, Value number, Value count);
  void loadValues(Item &item, Value number, Value count);

  void emitConsumer(Value consumer);
  void release(unsigned barriers, Value count);
  void releaseLeft(Item &item, Value next);
  void passTurn();
  Values startScore(Value count);
  Values startSum(ValueRange weights, Value count, ValueRange sum);
  Values consumeItem(Item &item, Value first, Value count, Value items);
  Values consumeScores(Item &item, Value first, Value count, Value items);
  std::pair<Value, Value> skipTiles(Item &item, Value from, Value count,
                                    Value end);
  void prepareItem(Item &item);

  //===--------------------------------------------------------------------===//
  // Elements of a tile
  //===--------------------------------------------------------------------===//

  // What is of the difference of two indices (WarpDifferences.cpp).
  Value differenceAt(const FragmentScope &item, Value value, Value first,
                     Value entry);
  void computeDifferences(Item &item, Value number, Value count);
  void loadDifferences();
  Value differenceElement(Value value, Place place);

  // What masks read of a column (WarpColumns.cpp).
  Value wordOfColumn(const ColumnValue &wanted, FragmentScope &scope);
  void bringColumns(Item &item, Value number, Value full);
  Value addressOfColumn(unsigned which, Value column);
  Value columnElement(Value value, int column, Value normalizer = Value());
  /// Waits for the threads of the consumer.
  void syncConsumer() {
    warps.syncNamed(code.add(consumer, warps.i32(4)), threadsOfGroup);
  }

  /// What a tile leaves behind.
  struct TileResult {
    Values state;    // two rows of each accumulator but the product
    Values weights;  // of the product, an f32 an element
    Values packed;   // the same in pairs, as operands; none: not yet
    Value scales[2]; // of what is relative to the maximum; null: 1
    /// Both scales are 1, in all lanes of the warp, as i1; null: not known.
    Value keepsScales;
  };
  /// Emits \p onScales as soon as the scales are known, if there are any, and
  /// before weights are packed, if they are.
  TileResult elements(Item &item, Value number, Value full, ValueRange score,
                      ValueRange state, bool isFirst,
                      llvm::function_ref<void(const TileResult &)> onScales);
  Values mask(Values elements, Value domain, double identity, Value full,
              Item &item, FragmentScope &tileScope);
  Values lastColumns();
  WarpCode::Values tileMaxima(mlir::ValueRange above);
  void updateMaximum(FragmentScope &tileScope, ValueRange state, bool isFirst,
                     TileResult &result);
  Value provide(Value value, Place place, FragmentScope &scope);
  bool isExponentOfBase(Value value);

  /// A logistic function of the pairs (WarpSigmoids.cpp).
  struct Sigmoid {
    Value value, domain;
    ScoreForm form; // of its operand
    Values elements;
    Values packed; // in place of elements, where nothing else takes them
  };
  void findSigmoids();
  Sigmoid *findSigmoid(Value value);
  bool isRounded(Value sigmoid);
  bool isMaskedSigmoid(const cpu::Accumulator &accumulator);
  void computeSigmoids(FragmentScope &scope, Value full, Item &item,
                       llvm::function_ref<void()> beforePacking);
  bool packsEarly(Value weight);
  bool isMaskedByBase(const cpu::Accumulator &accumulator);
  Values pack(ValueRange weights);
  Values operands(const TileResult &result);
  Values identities();
  unsigned stateIndex(const cpu::Accumulator &accumulator) const;

  //===--------------------------------------------------------------------===//
  // Results
  //===--------------------------------------------------------------------===//

  /// A final value of an accumulator at a place of the fragment.
  using FinalValue =
      std::function<Value(const cpu::Accumulator &accumulator, Place place)>;
  void emitResults(Item &item, ValueRange state, ValueRange sum);
  Values reduceRows(ValueRange state);
  void giveResults(FragmentEvaluator &results, FinalValue final);
  void forEachRow(Item &item, llvm::function_ref<void(int row)> body);
  void storeRows(Item &item, Value result, Value value,
                 FragmentEvaluator &evaluator, FragmentScope &scope);
  void storeElements(Item &item, Value result, Value value,
                     FragmentEvaluator &evaluator, FragmentScope &scope);
  void storeBlocks(Item &item, Value value, FragmentEvaluator &evaluator,
                   FragmentScope &scope);
  void storeTile(Item &item, Value value, FragmentEvaluator &evaluator,
                 FragmentScope &scope);

  //===--------------------------------------------------------------------===//
  // Parts (WarpParts.cpp)
  //===--------------------------------------------------------------------===//

  unsigned wordsOfRow() const;
  Value rowsOfBox();
  Value addressOfRow(Value part, Value row);
  void storePart(Item &item, ValueRange state, ValueRange sum);
  Values
  forParts(Value first, unsigned step, ValueRange init,
           llvm::function_ref<Values(Value part, ValueRange carried)> body);
  Value loadState(Value address, unsigned index);
  Value maximumOfParts(Value firstPart, Value row);
  Values mergeParts(Value firstPart, Value row, Value column);
  void storeMerged(Item &item, ValueRange merged, Value column);

  Value slotOf(int which, mlir::Type type) {
    return evaluator->slot(request.itemsSlot + which, type);
  }

  const GpuStageRequest &request;
  const WarpShape &shape;
  const WarpTile &tile;
  mlir::OpBuilder &builder;
  cpu::Code code;
  WarpCode warps;
  TileDependence dependence; // of the values of an attn.visit
  Value storedOutput;        // written 16 bytes at a time, if any
  SharedPlan plan;
  GpuStage stage;

  unsigned leftMap = 0, rightMap = 0, valuesMap = 0, outputMap = 0;

  Value maps, sharedBase;
  std::unique_ptr<cpu::Evaluator> evaluator;
  std::unique_ptr<TileIndices> indices;
  std::unique_ptr<FragmentEvaluator> pairs;
  std::unique_ptr<ScoreForm> form;
  std::vector<Sigmoid> sigmoids;

  // Barriers, by number; those of a ring follow each other.
  unsigned leftFull = 0, leftEmpty = 1;
  unsigned rightFull = 0, rightEmpty = 0, valuesFull = 0, valuesEmpty = 0;
  unsigned windowFull = 0, windowEmpty = 0;
  bool searchesHere = false; // the code in hand is the searcher's

  // Of a consumer's thread.
  Value consumer, lane, warp, isLeader;
  Value leftLow, rightLow, valuesLow; // descriptors
  // Of the tile in hand.
  Values scoreElements, yElements;
  std::vector<Values> differenceElements;
  TilePowers powers;
  Value differenceBuffer; // bytes from sharedBase
  bool computesDifferences = false;
  bool readsBroughtColumns = false, readsBroughtElements = false;
  /// Positions in each column dimension: of the thread's first column, and how
  /// many there are.
  Values columnFirsts, columnEnds;
  Value maxima[2], tileShifts[2], exponentFactor;
  Exponents exponents;
};

/// Emit into the plan how many indices of each row dimension a tile has, and
/// the number of items.
WarpCode::Values boxesOf(const WarpShape &shape, cpu::Evaluator &host);
mlir::Value itemsOf(const WarpShape &shape, cpu::Evaluator &host);

} // namespace attn::gpu

#endif // ATTN_LOWERING_GPU_WARPKERNEL_H
