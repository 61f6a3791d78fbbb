//===- VectorMath.h - Elementary functions on lanes -------------*- C++ -*-===//
//
// f32 functions as straight code, for numbers and vectors of lanes. Errors are
// against the exact function, in units of the last place, over all finite f32
// unless noted; the test test/numerics/VectorMathTest.cpp measures them.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LOWERING_CPU_VECTORMATH_H
#define ATTN_LOWERING_CPU_VECTORMATH_H

#include "dialect/AttnDialect.h"
#include "lowering/cpu/Code.h"

namespace attn::cpu {

/// 2^x. -inf gives 0, results below 2^-126 lose their digits or are 0, +inf
/// gives +inf, NaN gives NaN; below 1 ulp.
mlir::Value exp2(Code &code, mlir::Value x);

/// One of the unary functions of the dialect that are for f32.
mlir::Value unary(Code &code, UnaryKind kind, mlir::Value x);

/// x^y as exp2(y log2 |x|), with the sign and the zeros of C's pow for
/// integral y. NaN for negative x and other y.
mlir::Value pow(Code &code, mlir::Value x, mlir::Value y);

/// The numbers of attn.uniform: \p seed and \p indices are integers.
mlir::Value uniform(Code &code, mlir::Value seed, mlir::ValueRange indices);

/// Rounds f32 to the nearest bf16, to even on a tie. Targets without the
/// instruction would call a library for each lane. NaN stays NaN.
mlir::Value roundToBFloat(Code &code, mlir::Value x);

} // namespace attn::cpu

#endif // ATTN_LOWERING_CPU_VECTORMATH_H
