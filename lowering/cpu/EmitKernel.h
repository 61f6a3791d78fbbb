//===- EmitKernel.h - The functions of one stage ----------------*- C++ -*-===//

#ifndef ATTN_LOWERING_CPU_EMITKERNEL_H
#define ATTN_LOWERING_CPU_EMITKERNEL_H

#include "lowering/cpu/Evaluate.h"
#include "lowering/cpu/KernelShape.h"
#include "lowering/cpu/Scratch.h"
#include "lowering/gpu/Mma.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include <map>

namespace attn::cpu {

/// Emits the code of one attn.kernel: `run`, which computes one work item, and
/// `count`, which counts the tiles that it visits.
///
/// A work item is a tile of lanes, for `chunk` batch indices one after the
/// other. The tile is a run of the flattened lane dimensions, or a box of them;
/// with strides it lies within one residue. Lanes are worked on in groups of as
/// many as a register tile has; all of a group's intermediate tiles stay in L1.
///
/// On a GPU, the threads of a block work on an item together: a vector is as
/// many lanes as the block has threads, and each thread has the code of one
/// lane. What belongs to no lane is brought into scratch by all of them, with
/// a barrier before and after (gpu/EmitBlock.cpp).
class KernelEmitter {
public:
  KernelEmitter(mlir::OpBuilder &builder, const CallLayout &layout,
                const KernelShape &shape, Machine machine = Machine::Cpu,
                int64_t sharedBudget = 0);

  /// Emits `void name(ptr slots, ptr scratch, i64 item)`.
  void emitRun(llvm::StringRef name);
  /// Emits a GPU kernel as GpuStage.h describes it; returns how many bytes of
  /// shared memory it has, within the budget. With \p allowsNext, the launch
  /// that follows may begin before it ends.
  int64_t emitBlock(llvm::StringRef name, int itemsSlot, bool allowsNext);
  /// Emits `void name(ptr slots, i64 item, ptr counts)`.
  void emitCount(llvm::StringRef name);
  /// Emits, into a plan, the number of work items and the bytes of scratch.
  mlir::Value emitItems(Evaluator &evaluator);
  mlir::Value emitBatches(Evaluator &evaluator) {
    return batchExtent(evaluator);
  }
  mlir::Value emitScratchBytes(Evaluator &evaluator);

private:
  using Vectors = llvm::SmallVector<mlir::Value>;

  /// A group of lanes of the current tile, or some of its vectors, with a scope
  /// for each.
  struct Group {
    mlir::Value first; // lane within the tile
    Scope scope;
    std::vector<std::unique_ptr<Scope>> lanes;

    unsigned vectors() const { return lanes.size(); }
  };
  /// Some keys of the current key tile. Keys are numbered by their position in
  /// what the sweep visits (Visited).
  struct Keys {
    mlir::Value tile;   // position of the first key of the tile
    mlir::Value first;  // position of the first of these keys
    mlir::Value offset; // first - tile
    mlir::Value count;
  };
  /// The keys that a sweep visits for the current tile of lanes: a box, in
  /// which each dimension starts somewhere and goes in steps. One dimension
  /// after the other, outermost first.
  struct Visited {
    Vectors origins, steps, counts;
    mlir::Value total;
    /// The boxes that it is made of, where there are several: from, to.
    llvm::SmallVector<std::pair<mlir::Value, mlir::Value>> boxes;
  };
  /// What the domains of a sweep say about a tile of pairs, as i1.
  struct Truth {
    mlir::Value may, must;
  };

  void reserveScratch();
  void begin(llvm::StringRef name, llvm::ArrayRef<mlir::Type> types);
  void prepareEvaluator(mlir::Block *entry);
  void end();
  mlir::Value batchExtent(Evaluator &evaluator);
  mlir::Value indexAt(mlir::StringAttr dim, mlir::Value at);
  void forEachTile(mlir::Value item, llvm::function_ref<void()> body);
  void bindGroup(mlir::Value first, unsigned vectors, Group &group);
  void forEachGroup(llvm::function_ref<void(Group &)> body);
  void forEachVectors(unsigned vectors, mlir::Value end,
                      llvm::function_ref<void(Group &)> body);
  void decode(mlir::Value flat, llvm::ArrayRef<mlir::Value> extents,
              llvm::function_ref<void(unsigned, mlir::Value)> set);

  // Tiles of lanes (EmitLanes.cpp).
  mlir::Value laneStride(Evaluator &evaluator, mlir::StringAttr dim);
  Vectors laneCounts(Evaluator &evaluator);
  mlir::Value lanesOfTile(Evaluator &evaluator, mlir::Value positions);
  mlir::Value lanesOfGroups();
  Vectors tilesOfResidue(Evaluator &evaluator,
                         mlir::ArrayRef<mlir::Value> counts);
  mlir::Value laneTiles(Evaluator &evaluator);
  void placeTile(mlir::Value tile);
  mlir::Value laneIndex(unsigned position, mlir::Value at);
  void fillLaneTables();
  void bindLane(mlir::Value lane, Scope &scope);
  void bindLaneBounds(mlir::Value first, mlir::Value last, Scope &scope);
  void bindGroupBounds(Group &group, Scope &scope);
  mlir::Value lanesOfBox();
  void bindSpread(llvm::ArrayRef<mlir::StringAttr> dims,
                  llvm::ArrayRef<mlir::Value> counts, mlir::Value low,
                  mlir::Value high,
                  llvm::function_ref<mlir::Value(unsigned, mlir::Value)> index,
                  Scope &scope);
  /// Where an array begins.
  mlir::Value placeOf(unsigned number);
  mlir::Value array(unsigned number, mlir::Type element, mlir::Value offset);
  /// As reserve, for an array with a number for each lane.
  unsigned reserveLanes(int64_t bytes, DimList dims = {});

  // Blocks of threads (gpu/EmitBlock.cpp).
  void placeInShared();
  void beginBlock(llvm::StringRef name);
  void barrier();
  void forEachShared(mlir::Value count,
                     llvm::function_ref<void(mlir::Value)> body);
  void fillKeyTablesInBlock(const SweepShape &sweep, mlir::Value tile,
                            mlir::Value count);
  void bindKeyPosition(const SweepShape &sweep, mlir::Value position,
                       Scope &scope);
  void fillKeyOperandInBlock(const SweepShape &sweep, const Operand &operand,
                             llvm::ArrayRef<mlir::StringAttr> dims,
                             unsigned array, mlir::Value tile,
                             mlir::Value count);
  void writeLaneOfThread(const Storage &to, Group &group,
                         mlir::ValueRange vectors, Scope &scope);

  // Matrix units of a GPU (gpu/EmitMma.cpp).
  /// The operands of one product, as matrices of 16-bit numbers.
  struct Matrices {
    mlir::Type type;
    int64_t extent, padded; // of what is not keys, and as fragments have it
  };
  struct SweepMatrices {
    llvm::SmallVector<std::optional<Matrices>> products, accumulators;
    llvm::SmallVector<llvm::SmallVector<gpu::Fragment>> lanes; // a product
    Vectors states;                                            // an accumulator
  };
  SweepMatrices &matricesOf(const SweepShape &sweep) {
    return sweepMatrices[&sweep - shape.sweeps.data()];
  }
  bool usesMatrices(const SweepShape &sweep) {
    const SweepMatrices &matrices = matricesOf(sweep);
    auto isSet = [](const auto &matrix) { return matrix.has_value(); };
    return llvm::any_of(matrices.products, isSet) ||
           llvm::any_of(matrices.accumulators, isSet);
  }
  bool lastByMatrices(const SweepShape &sweep) {
    return !sweep.products.empty() && matricesOf(sweep).products.back();
  }
  /// Elements between rows of lanes, and of a key's numbers: on a GPU, such
  /// that eight rows are in different banks.
  int64_t groupStride() const { return shape.groupLanes() + rowPadding(); }
  int64_t tileStride() const { return shape.tileLanes() + rowPadding(); }
  static int64_t rowStride(const Matrices &matrix) { return matrix.padded + 8; }
  /// Pairs between rows of values that have no number: rows a power of two
  /// apart would share few sets of the cache.
  static constexpr int64_t valuePadding = 16;
  /// The same, for numbers of f32 that are brought together: a line.
  static constexpr int64_t farRowPadding = 16;
  int64_t rowPadding() const { return code.machine == Machine::Gpu ? 8 : 0; }
  std::optional<Matrices>
  fitMatrices(mlir::Type type, llvm::ArrayRef<mlir::StringAttr> dims) const;
  void chooseMatrices();
  void fillLaneMatrix(const SweepShape &sweep, unsigned product);
  mlir::Value fillKeyMatrix(const SweepShape &sweep, const Operand &operand,
                            llvm::ArrayRef<mlir::StringAttr> dims,
                            const Matrices &matrix, unsigned array,
                            mlir::Value tile, mlir::Value count);
  mlir::Value copyKeyRows(const SweepShape &sweep, const Storage &storage,
                          mlir::StringAttr dim, const Matrices &matrix,
                          unsigned array, mlir::Value tile, mlir::Value count);
  mlir::Value warpLane();
  void warpBarrier(const SweepShape &sweep);
  void loadLaneMatrices(const SweepShape &sweep);
  llvm::SmallVector<gpu::Fragment> loadLaneColumns(const SweepShape &sweep,
                                                   unsigned product,
                                                   gpu::WarpMatrices &warp,
                                                   mlir::Value row);
  void multiplyMatrices(const SweepShape &sweep, unsigned product,
                        const Keys &keys);
  void initMatrixStates(const SweepShape &sweep);
  mlir::Value fragmentPlace(const SweepShape &sweep, unsigned accumulator,
                            int64_t index);
  void forEachFragment(
      const Matrices &matrix, gpu::WarpMatrices &warp,
      llvm::function_ref<void(int64_t, mlir::Value, mlir::Value)> body);
  Vectors loadFragmentScales(const SweepShape &sweep,
                             const Accumulator &accumulator,
                             gpu::WarpMatrices &warp);
  void storeWeight(const Matrices &matrix, mlir::Value weight,
                   mlir::Value place);
  void clearWeights(const SweepShape &sweep, const Keys &keys);
  void accumulateMatrices(const SweepShape &sweep, unsigned accumulator,
                          const Keys &keys);
  void accumulateExisting(const SweepShape &sweep, unsigned accumulator,
                          const Keys &keys);
  void storeMatrixStates(const SweepShape &sweep);
  mlir::Value barrierWithAny(mlir::Value flag);

  // Sweeps (EmitSweep.cpp).
  void emitSweep(const SweepShape &sweep);
  void fillLaneOperand(const SweepShape &sweep, const InnerProduct &product);
  bool hasLaneRows(const InnerProduct &product) const;
  void fillLaneRows(const SweepShape &sweep, const InnerProduct &product);
  void fillKeyTables(const SweepShape &sweep, mlir::Value tile,
                     mlir::Value count);
  void fillKeyOperand(const SweepShape &sweep, const Operand &operand,
                      llvm::ArrayRef<mlir::StringAttr> dims, unsigned array,
                      bool isDot, mlir::Value tile, mlir::Value count,
                      mlir::Value rowStride = {});
  mlir::Value multiplyFactors(llvm::ArrayRef<mlir::Value> factors,
                              Scope &scope);
  void forEachVector(
      mlir::StringAttr dim,
      llvm::function_ref<void(mlir::Value first, const IndexValue &at)> body);
  void fillKeyOperands(const SweepShape &sweep, mlir::Value tile,
                       mlir::Value count);

  // Rows of operands that are read in place (EmitRows.cpp).
  void fillKeyRows(const SweepShape &sweep, mlir::Value count);
  bool bringsTogether(const SweepShape &sweep,
                      const Accumulator &accumulator) const;
  void bringTogether(const SweepShape &sweep, const Accumulator &accumulator,
                     mlir::Value tile, mlir::Value count);
  void prefetchRow(const Operand &operand,
                   llvm::ArrayRef<mlir::StringAttr> dims, Scope &scope);
  enum class CacheLevel { First, Second };
  void prefetchLines(mlir::Value address, mlir::Value bytes,
                     CacheLevel level = CacheLevel::First,
                     bool isWritten = false);
  /// Says whether register tiles ask ahead \p often: "once" or "always".
  bool asksAhead(llvm::StringRef often) const {
    auto asks =
        shape.kernel.getTileAttr().getAs<mlir::StringAttr>("asks_ahead");
    return asks && asks.getValue() == often;
  }
  void prefetchBlock(const SweepShape &sweep, unsigned product, mlir::Value key,
                     unsigned rows);
  void askAhead(const SweepShape &sweep, unsigned product, const Keys &keys,
                mlir::Value row);

  // What a sweep visits (EmitVisits.cpp).
  std::pair<mlir::Value, mlir::Value> hullOf(VisitOp visit, unsigned position,
                                             Scope &scope);
  void findVisited(const SweepShape &sweep);
  void hoistVisit(const SweepShape &sweep, Scope &scope);
  Truth classify(const SweepShape &sweep, Scope &lanes, mlir::Value firstKey,
                 mlir::Value lastKey);
  void forEachKeyTile(
      const SweepShape &sweep,
      llvm::function_ref<void(mlir::Value tile, mlir::Value count)> visit,
      llvm::function_ref<void(Truth)> count = nullptr);
  std::pair<mlir::Value, mlir::Value> clipKeys(const SweepShape &sweep,
                                               Scope &scope, mlir::Value tile,
                                               mlir::Value count);
  using StepBody = llvm::function_ref<void(Group &, Keys, bool masked)>;
  void forEachStep(const SweepShape &sweep, Group &group, mlir::Value tile,
                   mlir::Value count, StepBody body);
  bool halvesGroups(const SweepShape &sweep) const;
  void forEachHalf(const SweepShape &sweep, Group &group, const Keys &keys,
                   StepBody body);
  void bindKeys(const SweepShape &sweep, const Keys &keys, mlir::Value row,
                Scope &scope);

  // One step of a sweep (EmitStep.cpp).
  void emitStep(const SweepShape &sweep, Group &group, const Keys &keys,
                bool masked);
  void emitPlainProducts(const SweepShape &sweep, Group &group,
                         const Keys &keys, bool masked);
  Vectors emitFirstPass(const SweepShape &sweep, Group &group, const Keys &keys,
                        bool masked);
  void emitSecondPass(const SweepShape &sweep, Group &group, const Keys &keys,
                      bool masked);
  void hoistForSweep(const SweepShape &sweep, Group &group, bool masked,
                     bool second);
  using RowVisitor = llvm::function_ref<Vectors(
      mlir::Value row, std::vector<std::unique_ptr<Scope>> &pairs,
      mlir::ValueRange carried)>;
  Vectors forEachRow(const SweepShape &sweep, Group &group, const Keys &keys,
                     bool withLastProduct, Vectors carried, RowVisitor visit,
                     bool byPairs = false);
  Vectors visitRows(const SweepShape &sweep, Group &group, const Keys &keys,
                    mlir::Value row, unsigned count, bool withLastProduct,
                    mlir::ValueRange carried, RowVisitor visit);
  Vectors accumulatePair(const SweepShape &sweep, Group &group, mlir::Value row,
                         std::vector<std::unique_ptr<Scope>> &pairs,
                         mlir::ValueRange carried, bool masked);
  mlir::Value pairWeight(const Accumulator &accumulator, Scope &pair);
  void accumulateElementwise(const SweepShape &sweep,
                             const Accumulator &accumulator, unsigned vector,
                             Group &group, Scope &pair, bool masked);
  void collect(const Accumulator &accumulator, unsigned vector, Group &group,
               Scope &pair);
  void addCounts(const SweepShape &sweep, Group &group, mlir::Value count,
                 bool masked, Vectors &states);
  mlir::Value laneFactor(const InnerProduct &product, Scope &lane);
  bool inRegisters(const Accumulator &accumulator) const;
  bool storesScores(const SweepShape &sweep, bool masked);

  // What a sweep carries (EmitStates.cpp).
  void initState(const SweepShape &sweep);
  void updateBases(const SweepShape &sweep, Group &group,
                   mlir::ValueRange maxima);
  Vectors loadStates(const SweepShape &sweep, Group &group);
  void storeStates(const SweepShape &sweep, Group &group,
                   mlir::ValueRange states);
  void rescaleStates(const SweepShape &sweep, Group &group);
  void correctStates(const SweepShape &sweep);
  mlir::Value loadScale(const SweepShape &sweep, mlir::Value base,
                        unsigned vector);

  // Register tiles (EmitProducts.cpp).
  /// Says whether more code for register tiles of \p rows gains what it costs
  /// to compile: most steps are unmasked, and most tiles whole.
  bool isWorthCode(unsigned rows) const {
    return rows == shape.rows && !stepIsMasked;
  }
  bool addsAside() const {
    return bool(shape.kernel.getTileAttr().get("adds_aside"));
  }
  Vectors multiplyKeys(const SweepShape &sweep, unsigned product, Group &group,
                       const Keys &keys, mlir::Value row, unsigned rows);
  mlir::Value valuesAreFinite(const SweepShape &sweep,
                              const Accumulator &accumulator, const Keys &keys);
  void accumulateProduct(const SweepShape &sweep, unsigned accumulator,
                         Group &group, const Keys &keys, bool clears);
  void accumulateColumns(const SweepShape &sweep, unsigned accumulator,
                         Group &group, const Keys &keys, bool clears,
                         Scope &outer, mlir::Value column, mlir::Value flat,
                         unsigned rows);

  // Pairs of bf16 (EmitPairs.cpp).
  void fillLanePairs(const SweepShape &sweep, const InnerProduct &product);
  void fillValuePairs(const SweepShape &sweep, const Accumulator &accumulator,
                      mlir::Value tile, mlir::Value count);
  mlir::Value valuePairs(const SweepShape &sweep,
                         const Accumulator &accumulator, mlir::Value pair,
                         mlir::Value column);
  void addWeight(const Accumulator &accumulator, Group &group, mlir::Value row,
                 mlir::Value weight, mlir::Value exists);
  void storeWeights(const SweepShape &sweep);
  mlir::Value pairsAreFinite(const SweepShape &sweep,
                             const Accumulator &accumulator, const Keys &keys);

  // Results (EmitResults.cpp).
  void emitResults();
  bool isCollected(mlir::Value value);
  void emitResult(mlir::Value result, mlir::Value value);
  void forEachExtra(llvm::ArrayRef<mlir::StringAttr> dims, Scope &scope,
                    llvm::function_ref<void(Scope &)> body);
  bool areNeighbours(const Storage &to) const;
  mlir::Value groupCount(Group &group);
  void fillPlaces(unsigned number, const Storage &to, Group &group,
                  llvm::ArrayRef<mlir::StringAttr> extra);
  bool areRows(mlir::Value result,
               llvm::ArrayRef<mlir::StringAttr> extra) const;
  void writeRows(unsigned number, const Storage &to, Group &group,
                 llvm::ArrayRef<Vectors> columns, Scope &scope,
                 llvm::ArrayRef<mlir::StringAttr> extra);
  void forEachPlace(unsigned number, const Storage &to, Group &group,
                    Scope &scope, llvm::ArrayRef<mlir::StringAttr> extra,
                    llvm::function_ref<void(mlir::Value, mlir::Value)> body);
  void writeLanes(unsigned number, const Storage &to, Group &group,
                  mlir::ValueRange vectors, Scope &scope,
                  llvm::ArrayRef<mlir::StringAttr> extra);
  mlir::Value loadState(mlir::Value result, Scope &scope);
  mlir::Value stateAddress(const SweepShape &sweep,
                           const Accumulator &accumulator, mlir::Value flat,
                           mlir::Value lane);
  mlir::Value lanePlace(llvm::ArrayRef<mlir::StringAttr> dims, mlir::Value flat,
                        mlir::Value lane);
  mlir::Value flatIndex(llvm::ArrayRef<mlir::StringAttr> dims, Scope &scope);

  mlir::OpBuilder &builder;
  const CallLayout &layout;
  const KernelShape &shape;
  const Strip strip;
  Code code;
  std::unique_ptr<Evaluator> evaluator;

  // Scratch arrays.
  struct SweepArrays {
    llvm::SmallVector<unsigned> laneOperands, laneRows, keyOperands,
        tiles; // a product
    llvm::SmallVector<unsigned> states, stashes, pairs, values,
        existence;                          // an accumulator
    llvm::SmallVector<unsigned> keyIndices; // a swept dimension
    /// Where rows of keys begin, of operands in place; 0 without a table.
    llvm::SmallVector<unsigned> productRows, valueRows;
    llvm::SmallVector<unsigned> scales; // an accumulator that is a base
  };
  Scratch scratch;
  /// Which arrays have a number for each lane.
  llvm::SmallVector<bool> isLaneArray;
  std::vector<SweepArrays> arrays;
  llvm::SmallVector<unsigned> laneTables;
  unsigned existsTable = 0;
  unsigned rowArray = 0;
  llvm::SmallVector<unsigned> placeTables; // a destination of a result
  llvm::SmallVector<mlir::Value> offsets;

  /// Weights of one key that wait for the other of a pair, and which of them
  /// exist: one a vector of lanes. For each accumulator, an even key's and an
  /// odd one's.
  struct WaitingRow {
    mlir::Value row;
    Vectors weights, existence;
  };
  std::map<unsigned, std::pair<WaitingRow, WaitingRow>> waiting;

  // The function being emitted.
  mlir::LLVM::LLVMFuncOp function;
  mlir::Value slots, scratchBase;
  // The tile of lanes: its number among the flattened positions, how many lanes
  // it has; with strides, the residues; as a box, where it starts.
  mlir::Value firstLane, validLanes;
  Vectors residues, strides, boxOrigin;
  Visited visited;
  Scope itemScope;
  /// The lane of a vector within the tile, under a name that no dimension has.
  mlir::StringAttr laneKey;
  /// Whether the step at hand looks at the mask.
  bool stepIsMasked = false;
  /// Where the first row of values of the tile of keys is, and how far apart
  /// the rows are, by accumulator: for those that bringsTogether names.
  struct RowsOfTile {
    mlir::Value base, stride;
  };
  llvm::DenseMap<unsigned, RowsOfTile> tileValues;

  // On a GPU.
  int64_t sharedBudget;
  std::vector<SweepMatrices> sweepMatrices;
  /// Of each product, the factor of each vector of lanes that its matrices
  /// leave out; null for none.
  std::vector<Vectors> laneFactors;
  /// Whether all values of the current tile of keys are finite, as i1.
  mlir::Value tileIsFinite;
  mlir::Value thread;     // of the block, i64
  mlir::Value sharedBase; // generic address of shared memory
  /// Of each array: its place in shared memory, or none.
  llvm::SmallVector<std::optional<int64_t>> sharedPlaces;
  int64_t sharedSize = 0;

  SweepArrays &arraysOf(const SweepShape &sweep) {
    return arrays[&sweep - shape.sweeps.data()];
  }
};

} // namespace attn::cpu

#endif // ATTN_LOWERING_CPU_EMITKERNEL_H
