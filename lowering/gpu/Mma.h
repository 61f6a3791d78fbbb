//===- Mma.h - Matrix products of a warp ------------------------*- C++ -*-===//
//
// mma.sync m16n8k16 on 16-bit operands in shared memory. A fragment is what one
// thread of a warp holds of a matrix; with t the thread, g = t / 4, p = t % 4:
//   C (16 x 8, f32):    rows g and g + 8, columns 2p and 2p + 1
//   A (16 x 16), B (16 x 8): as ldmatrix gives them
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LOWERING_GPU_MMA_H
#define ATTN_LOWERING_GPU_MMA_H

#include "lowering/cpu/Code.h"

namespace attn::gpu {

using Fragment = llvm::SmallVector<mlir::Value, 4>;

/// Emits for the warp of \p thread, a number below the threads of a block.
class WarpMatrices {
public:
  WarpMatrices(cpu::Code &code, mlir::Value thread, mlir::Type element);

  /// A matrix in shared memory, 16-bit elements: a generic address and the
  /// elements of a row, a multiple of 8.
  struct Matrix {
    mlir::Value base;
    int64_t stride;
  };
  /// A at [row, column] of \p from.
  Fragment loadA(Matrix from, mlir::Value row, mlir::Value column);
  /// A whose transpose stands at [row, column]: rows are A's columns.
  Fragment loadTransposedA(Matrix from, mlir::Value row, mlir::Value column);
  /// Two Bs, of columns \p column and \p column + 8.
  std::pair<Fragment, Fragment> loadB(Matrix from, mlir::Value row,
                                      mlir::Value column);
  /// a b + c.
  Fragment multiply(const Fragment &a, const Fragment &b, const Fragment &c);

  /// The row and column of the first element of C; the second is a column
  /// further, the third and fourth are 8 rows below.
  mlir::Value rowOfC, columnOfC;

private:
  Fragment load(Matrix from, mlir::Value row, mlir::Value column,
                mlir::Value rowInTile, mlir::Value columnInTile,
                bool transposed);

  cpu::Code &code;
  mlir::Type element;
  mlir::Value low, high; // row and column, in units of 8 where they are high
  mlir::Value byEight, bySixteen;
};

} // namespace attn::gpu

#endif // ATTN_LOWERING_GPU_MMA_H
