//===- WarpCode.h - Words for a warp-specialised kernel --------*- C++ -*-===//
//
// The tile-level vocabulary of sm_90a kernels: tiles in shared memory, copies
// that fill them, barriers between the warps that fill and those that use, and
// products of tiles by a warpgroup (128 threads). Each word emits NVVM ops, and
// inline PTX where NVVM has none: products whose left side is in registers,
// waits that own their registers, tanh. All inline PTX of the compiler's fast
// path is in WarpCode.cpp.
//
// A tile is stored as TMA's 128-byte swizzle leaves it: 64 columns of 16 bits
// are a row of 128 bytes, chunks of 64 columns follow each other.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LOWERING_GPU_WARPCODE_H
#define ATTN_LOWERING_GPU_WARPCODE_H

#include "lowering/cpu/Code.h"

namespace attn::gpu {

constexpr unsigned threadsOfGroup = 128; // of a warpgroup
constexpr unsigned rowsOfGroup = 64;     // of a product by a warpgroup
constexpr unsigned chunkColumns = 64;    // 128 bytes of 16-bit elements

/// Emits device code at the insertion point of a Code.
class WarpCode {
public:
  explicit WarpCode(cpu::Code &code) : code(code) {}
  cpu::Code &code;

  using Values = llvm::SmallVector<mlir::Value>;

  // Numbers.
  mlir::Value i32(int64_t value);
  mlir::Type i32Type() { return code.builder.getI32Type(); }
  mlir::Value toI32(mlir::Value value) { return code.toInt(value, 32); }
  mlir::Value toI64(mlir::Value value) { return code.toInt(value, 64); }
  /// An i32 that is not negative: its upper half costs no register.
  mlir::Value widen(mlir::Value value);
  /// Instructions of the special function unit: relative error about 2^-22 for
  /// exp2, reciprocal and rsqrt, 2^-11 for tanh; absolute 2^-22 for log2.
  mlir::Value exp2(mlir::Value x);
  mlir::Value log2(mlir::Value x);
  mlir::Value reciprocal(mlir::Value x);
  mlir::Value rsqrt(mlir::Value x);
  mlir::Value sqrt(mlir::Value x);
  mlir::Value tanh(mlir::Value x);
  /// \p number ones from bit \p first on (both i32, not negative); what is
  /// beyond bit 31 is left out.
  mlir::Value ones(mlir::Value first, mlir::Value number);
  /// The greater; the other operand where one is NaN.
  mlir::Value maxNumber(mlir::Value a, mlir::Value b);
  /// \p low and \p high rounded to \p element (bf16 or f16), in one register.
  mlir::Value pack(mlir::Type element, mlir::Value low, mlir::Value high);

  // Threads.
  mlir::Value thread();
  mlir::Value block();
  mlir::Value blocks();
  /// The same value in every lane, known to be so by the compiler after us.
  mlir::Value broadcastFirstLane(mlir::Value value);
  /// \p value of the lane whose number differs by \p mask.
  mlir::Value exchange(mlir::Value value, unsigned mask);
  /// The same for an i64.
  mlir::Value exchange64(mlir::Value value, unsigned mask);
  /// A bit for each lane of the warp (i32), set where \p condition holds.
  mlir::Value ballot(mlir::Value condition);
  /// Whether \p condition holds in no lane, as i1.
  mlir::Value noLane(mlir::Value condition);
  /// The lowest lane of a ballot that is not 0.
  mlir::Value firstOf(mlir::Value ballot);
  mlir::Value isElected();
  /// Adds 1 to the i32 at \p address in global memory; what it was before.
  mlir::Value countUp(mlir::Value address);
  void syncBlock();
  void syncWarp();
  /// The launch that follows in the stream may start where it says that it
  /// waits; that it waits for all that the one before it has written.
  void allowNextLaunch();
  void waitForLastLaunch();
  void setRegisters(unsigned count, bool increase);
  /// Named barriers of \p threads threads: wait for all, or only be counted.
  void syncNamed(mlir::Value id, unsigned threads);
  void arriveNamed(mlir::Value id, unsigned threads);

  // Barriers in shared memory, 8 bytes each.
  mlir::Value sharedAddress(mlir::Value base, mlir::Value bytes);
  void initBarrier(mlir::Value barrier, unsigned arrivals);
  void fenceBarrierInit();
  void arrive(mlir::Value barrier);
  void arriveExpecting(mlir::Value barrier, mlir::Value bytes);
  /// Waits for the phase of parity \p parity (i32, 0 or 1) to end.
  void wait(mlir::Value barrier, mlir::Value parity);

  // Copies by the tensor memory accelerator, a box each.
  void prefetchMap(mlir::Value map);
  void loadBox(mlir::Value map, mlir::Value destination,
               mlir::ValueRange coordinates, mlir::Value barrier);
  void storeBox(mlir::Value map, mlir::Value source,
                mlir::ValueRange coordinates);
  void commitStores();
  /// Waits until shared memory of this thread's stores may be written again.
  void waitStoresRead();
  /// Writes zeros to the bytes from \p first (of this thread; i32) to \p end of
  /// shared memory at \p base, 16 at a time, for \p threads threads in turns.
  void clearShared(mlir::Value base, mlir::Value first, unsigned end,
                   unsigned threads);
  /// Orders writes of this thread to shared memory before copies and products.
  void fenceAsync();
  /// Four 8 x 8 tiles of 16 bits from the fragments of a warp.
  void storeMatrix(mlir::Value address, mlir::ValueRange four);

  // Products by a warpgroup.

  /// Where a product reads a tile of `rows` rows in shared memory. `low` is the
  /// low word of the descriptor of the first element, an i32.
  struct Tile {
    mlir::Value low;
    unsigned rows;
    /// The sum runs over the columns (false) or over the rows (true).
    bool transposed = false;
  };
  /// The low word of a descriptor for address \p base; adding to it moves the
  /// tile by 16 bytes each.
  mlir::Value descriptor(mlir::Value base, unsigned rows, bool transposed);

  /// Starts result[64, columns] = a[64, depth] * b[columns, depth]^T with both
  /// in shared memory, as a group of its own. The result may be used after
  /// the wait for it.
  Values startProduct(mlir::Type element, Tile a, Tile b, unsigned columns,
                      unsigned depth);
  /// Starts result += a * b with \p a in registers, packed fragments, and \p b
  /// transposed, as a group of its own.
  Values startProduct(mlir::Type element, mlir::ValueRange a, Tile b,
                      mlir::ValueRange accumulators);
  /// Waits until at most \p pending groups are under way and gives back
  /// \p results of one that is not.
  Values waitProducts(unsigned pending, mlir::ValueRange results);

private:
  mlir::Value intrinsic(llvm::StringRef name, mlir::Type type,
                        mlir::ValueRange operands);
  mlir::Value assembly(llvm::StringRef text, llvm::StringRef constraints,
                       mlir::Type type, mlir::ValueRange operands,
                       bool hasSideEffects = true);
  Values assemblyOfMany(llvm::StringRef text, unsigned results, bool tied,
                        llvm::StringRef otherConstraints,
                        mlir::ValueRange operands);
};

} // namespace attn::gpu

#endif // ATTN_LOWERING_GPU_WARPCODE_H
