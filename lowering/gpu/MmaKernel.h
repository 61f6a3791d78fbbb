//===- MmaKernel.h - One kernel on mma.sync, emitted ------------*- C++ -*-===//
//
// The parts of the emitter, in the order in which a kernel is made: items and
// the loop over tiles (EmitMmaKernel.cpp), tiles in shared memory
// (MmaCopies.cpp), the elements of a tile (MmaElements.cpp) and the results
// (MmaResults.cpp). What the kernel looks like stands in EmitMmaKernel.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LOWERING_GPU_MMAKERNEL_H
#define ATTN_LOWERING_GPU_MMAKERNEL_H

#include "lowering/gpu/Exponents.h"
#include "lowering/gpu/GpuStage.h"
#include "lowering/gpu/MmaCode.h"
#include "lowering/gpu/MmaShape.h"
#include "lowering/gpu/ScoreForm.h"
#include "lowering/gpu/TileFunctions.h"
#include "lowering/gpu/TileVisits.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace attn::gpu {

class MmaKernelEmitter {
  using Value = mlir::Value;
  using ValueRange = mlir::ValueRange;
  using Values = WarpCode::Values;

public:
  MmaKernelEmitter(const GpuStageRequest &request, const MmaShape &shape);

  GpuStage emit();

private:
  /// 16 rows of a warp, the left side of a product; a thread has two of them.
  struct Strip {
    explicit Strip(const FragmentScope &item) : scope(&item) {}
    FragmentScope scope;
    Value exists[2];
  };

  /// The item in hand.
  struct Item {
    FragmentScope scope;
    TileCorner firstRow; // of the block
    std::vector<Strip> strips;
  };

  /// A running maximum that others are relative to, on the tile in hand.
  struct Base {
    const cpu::Accumulator *accumulator;
    std::unique_ptr<ScoreForm> form;
    Values elements; // of the form's y
    /// What the form adds in the tile; the maxima after it; and what the state
    /// before shrinks by.
    Value shifts[2], maxima[2], scales[2];
    Exponents exponents;
    Value exponentFactor;
  };

  /// The sweep in hand.
  struct Sweep {
    const MmaSweep &shape;
    FragmentEvaluator pairs;
    TileVisits visits;
    struct OfStrip {
      std::vector<Base> bases;
      std::vector<Values> scores; // a product
      TilePowers powers;
    };
    std::vector<OfStrip> strips;
    unsigned strip = 0; // whose elements are in hand
    /// Positions in each column dimension: of the thread's first column of the
    /// tile in hand, and how many there are.
    Values columnFirsts, columnEnds;

    SweepOp op() const { return shape.sweep->op; }
    OfStrip &own() { return strips[strip]; }
    Base *baseOf(Value running);
  };

  void beginFunction();
  void forEachItem(llvm::function_ref<void(Item &)> body);
  void decode(Value number, Item &item);
  TileVisits::RowBox blockRows(Item &item);
  TileVisits::RowBox warpRows(Item &item);
  void emitSweep(Item &item, const MmaSweep &shape);
  Values runTiles(Item &item, Sweep &sweep);
  Values computeTile(Item &item, Sweep &sweep, Value number, Value stage,
                     ValueRange state);
  Values loadLeft(unsigned number, unsigned strip, unsigned step);
  void multiplyPairs(Sweep &sweep, Value stage);
  MmaCode::Operand weightsOf(mlir::Type element, ValueRange part);
  void addProduct(const MmaOperand &values, Value tile,
                  llvm::ArrayRef<Values> weights,
                  llvm::MutableArrayRef<Values> sums);
  void prepare(Item &item, Sweep &sweep);
  void prepareStrip(Strip &strip, Sweep &sweep);
  void takeResults(Sweep &sweep, llvm::ArrayRef<Value> state);
  Values initialState(const MmaSweep &sweep);
  /// Numbers of the state that a strip has.
  static unsigned stateSize(const MmaSweep &sweep);
  Value shared(Value bytes) { return warps.sharedAddress(sharedBase, bytes); }
  Value shared(unsigned bytes) { return shared(warps.i32(bytes)); }

  // Tiles in shared memory (MmaCopies.cpp).
  unsigned leftOffset(unsigned number) const;
  unsigned operandOffset(const MmaSweep &sweep, unsigned number) const;
  Value stageAddress(Value stage);
  void clearShared();
  Value alignmentOf(const cpu::Storage &storage);
  void asRare(llvm::function_ref<void()> body);
  /// Rows of an operand: those of the tile at `corner`.
  struct OperandRows {
    const TileDims &dims;
    TileCorner corner;
    unsigned number;
  };
  void fill(Item &item, const MmaOperand &operand, Value to,
            const OperandRows &rows);
  void copyRows(Item &item, const MmaOperand &operand, Value to,
                const OperandRows &rows, unsigned bytes);
  void copyRun(Item &item, const MmaOperand &operand, Value to,
               const OperandRows &rows, unsigned bytes);
  void convertRows(Item &item, const MmaOperand &operand, Value to,
                   const OperandRows &rows);
  void forEachUnit(unsigned rows, unsigned units,
                   llvm::function_ref<void(Value row, Value unit)> body);
  void fillTile(Item &item, Sweep &sweep, Value number, Value stage);

  // Elements of a tile (MmaElements.cpp).

  /// What a tile leaves behind.
  struct TileResult {
    Values rows;                 // two of each accumulator of rows
    std::vector<Values> weights; // of each sum, an f32 an element
  };
  TileResult elements(Strip &strip, Sweep &sweep, Value number, Value full,
                      ValueRange state);
  Values mask(Sweep &sweep, Values elements, Value domain, double identity,
              Value full, FragmentScope &scope);
  Values lastColumns(Sweep &sweep);
  Value columnExists(Sweep &sweep, int column);
  void updateMaximum(Sweep &sweep, Base &base, Value full, ValueRange before,
                     FragmentScope &scope);
  Values elementsOf(Sweep &sweep, const cpu::Accumulator &accumulator,
                    FragmentScope &scope);
  void storePairs(Strip &strip, Sweep &sweep,
                  const cpu::Accumulator &accumulator, ValueRange elements,
                  FragmentScope &scope);
  Value provide(Sweep &sweep, Value value, Place place);
  Value exponentBase(Sweep &sweep, Value value);

  bool isMaskedByBase(Sweep &sweep, const cpu::Accumulator &accumulator);

  // Results (MmaResults.cpp).
  void emitResults(Item &item);
  void store(Strip &strip, Value result, Value value, unsigned columns,
             FragmentEvaluator &evaluator, FragmentScope &scope);

  const GpuStageRequest &request;
  const MmaShape &shape;
  const MmaTile &tile;
  mlir::OpBuilder &builder;
  cpu::Code code;
  WarpCode warps;
  MmaCode matrices;
  TileDependence dependence; // of the values of an attn.visit
  bool isPrecise;            // the spec is of f32 alone
  GpuStage stage;

  std::unique_ptr<cpu::Evaluator> evaluator;
  std::unique_ptr<TileIndices> indices;
  Value sharedBase, thread, lane, warp;
  /// Of each tensor that is copied, the low bits of its address and strides.
  llvm::DenseMap<int, Value> alignments;
  /// Results of the sweeps so far, of each strip: two numbers a thread, or a
  /// fragment.
  std::vector<llvm::DenseMap<Value, Values>> results;
  /// Sums that are 0 only where what is divided by them is 0.
  llvm::SmallPtrSet<Value, 4> zeroOverZero;
};

} // namespace attn::gpu

#endif // ATTN_LOWERING_GPU_MMAKERNEL_H
