//===- Exponents.h - exp(x - maximum) of a tile -----------------*- C++ -*-===//
//
// With x = factor * y + shift (ScoreForm.h), a weight relative to the running
// maximum is 2^(element * factor * log2(e) + exponent): one fma and one
// instruction of the special function unit. As a rule the elements are y, and
// the exponent is (shift - maximum) * log2(e), rounded. Its error grows with
// the maximum: at 2^24 and beyond the weight of the maximum itself could be
// anything. So a warp in which one is large takes the difference to the
// thread's largest y first, which is exact where it matters; in a branch of its
// own, so that elements of other tiles do not pay for it.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LOWERING_GPU_EXPONENTS_H
#define ATTN_LOWERING_GPU_EXPONENTS_H

#include "lowering/gpu/WarpCode.h"

namespace attn::gpu {

/// Of a row of a tile, or a thread's part of it.
struct RowMaximum {
  mlir::Value y;      // the thread's largest
  mlir::Value x;      // what it is as an operand of the maximum
  mlir::Value shift;  // null: 0
  mlir::Value before; // the running maximum up to this tile
  mlir::Value after;  // with it
};

struct Exponents {
  WarpCode::Values elements;
  mlir::Value rows[2];
};

/// y factor + shift (null: 1, 0), and -inf where \p y is the maximum of
/// nothing, even if the row's shift is no number.
mlir::Value operandOf(WarpCode &warps, mlir::Value y, mlir::Value factor,
                      mlir::Value shift);

/// Says that no maximum of the warp's rows can be large, by what each thread
/// knows before the maxima are exchanged: the vote runs beside the exchange.
/// Takes all of \p rows but `after`.
mlir::Value noneIsLarge(WarpCode &warps, const RowMaximum (&rows)[2]);

/// Says that the running maxima up to this tile will do for it: no element of
/// the warp's rows makes a weight above 2^8, and none is large. What is
/// relative to a maximum may as well be relative to one of before: then there
/// is nothing to exchange and to rescale. Takes all of \p rows but `after`;
/// what it knows of elements may be more than they are.
mlir::Value maximaSuffice(WarpCode &warps, const RowMaximum (&rows)[2]);

/// Of the elements \p y of a fragment, where no element is far beyond its row's
/// maximum. \p none is what noneIsLarge says; null: that none is. Where it says
/// otherwise, it is \p inBranch that differences are taken; else each element
/// has a subtraction, of 0 as a rule, and no register more.
Exponents exponentsOf(WarpCode &warps, mlir::ValueRange y,
                      const RowMaximum (&rows)[2], mlir::Value none,
                      bool inBranch = true);

/// exp(before - after): what sums relative to a maximum shrink by when it
/// grows.
mlir::Value shrinkage(WarpCode &warps, mlir::Value before, mlir::Value after);

} // namespace attn::gpu

#endif // ATTN_LOWERING_GPU_EXPONENTS_H
