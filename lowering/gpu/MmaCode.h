//===- MmaCode.h - Words for kernels on mma.sync ----------------*- C++ -*-===//
//
// The tile-level vocabulary of kernels for sm_80 and up: copies that fill rows
// of shared memory behind the threads' backs, loads of fragments, and products
// of fragments by one warp.
//
// Rows are padded to an odd number of 16 bytes, so that the eight rows of a
// matrix lie in different banks, whichever way it is loaded.
//
// A product of f32 takes each operand as high + low, two TF32 numbers, and adds
// up low * high, high * low and high * high: about 2^-21 of a term is lost. An
// infinite operand gives NaN.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LOWERING_GPU_MMACODE_H
#define ATTN_LOWERING_GPU_MMACODE_H

#include "lowering/gpu/WarpCode.h"

namespace attn::gpu {

constexpr unsigned matrixRow = 16; // bytes of a row of an 8 x 8 matrix

/// Emits device code at the insertion point of a Code.
class MmaCode {
public:
  using Values = WarpCode::Values;

  explicit MmaCode(WarpCode &warps) : warps(warps), code(warps.code) {}

  /// Starts a copy of \p bytes (4, 8 or 16, as both addresses are aligned) from
  /// global memory; zeros where it does not exist.
  void startCopy(mlir::Value to, mlir::Value from, unsigned bytes,
                 mlir::Value exists);
  /// Copies started since the last group are a group.
  void commitCopies();
  /// Waits until at most \p pending groups of this thread are under way.
  void waitCopies(unsigned pending);

  /// The number of the thread, read where this stands: what is computed from it
  /// is not moved out of a loop, where it would take registers.
  mlir::Value threadHere();

  /// Four matrices of 8 rows by 16 bytes, one after the other: lane l gives the
  /// address of row l % 8 of matrix l / 8. Of each, a lane gets the word
  /// [l / 4][l % 4]; transposed, 16-bit elements [2 (l % 4)][l / 4] and
  /// [2 (l % 4) + 1][l / 4].
  Values loadMatrices(mlir::Value address, bool transposed);
  mlir::Value loadWord(mlir::Value address);

  /// An operand of a product: 16-bit pairs, or f32 numbers as two.
  struct Operand {
    Values high, low;
  };
  /// How many steps of a sum are worth one addition.
  static unsigned stepsAtOnce(mlir::Type element) {
    return element.isF32() ? 2 : 1;
  }
  Operand operandOf(mlir::Type element, mlir::ValueRange words);
  /// The sum of a[i] b[i], plus c, 16 x 8: a step is 16 deep for 16-bit
  /// elements and 8 deep for f32. It takes stepsAtOnce of them.
  Values multiply(mlir::Type element, llvm::ArrayRef<Operand> a,
                  llvm::ArrayRef<Operand> b, mlir::ValueRange c);

private:
  Values multiply(mlir::Type element, const Operand &a, const Operand &b,
                  mlir::ValueRange c);
  Values multiplyWords(mlir::Type element, mlir::ValueRange a,
                       mlir::ValueRange b, mlir::ValueRange c);

  WarpCode &warps;
  cpu::Code &code;
};

} // namespace attn::gpu

#endif // ATTN_LOWERING_GPU_MMACODE_H
