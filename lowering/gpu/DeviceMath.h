//===- DeviceMath.h - Elementary functions of a GPU -------------*- C++ -*-===//
//
// f32 functions for which a GPU has an instruction, or for which LLVM would
// call a library on one. Numbers and vectors of one lane alike.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LOWERING_GPU_DEVICEMATH_H
#define ATTN_LOWERING_GPU_DEVICEMATH_H

#include "lowering/cpu/Code.h"

namespace attn::gpu {

/// 2^x by ex2.approx.ftz: relative error below 2^-22, results below 2^-126 are
/// 0; -inf gives 0, NaN gives NaN.
mlir::Value exp2(cpu::Code &code, mlir::Value x);

/// sin x and cos x: the angle is reduced in double precision, which leaves an
/// absolute error below 2^-23 for |x| < 2^31 and less and less of the number
/// beyond; not finite gives NaN.
mlir::Value sin(cpu::Code &code, mlir::Value x);
mlir::Value cos(cpu::Code &code, mlir::Value x);

} // namespace attn::gpu

#endif // ATTN_LOWERING_GPU_DEVICEMATH_H
