//===- Pairs.h - Products of pairs of bf16 ----------------------*- C++ -*-===//
//
// A pair is two bf16 numbers in an i32, the first in the low half: the dot
// product of AVX512_BF16 adds a0 * b0 + a1 * b1 to the f32 of each lane, so the
// numbers of a pair are those of neighbours in the sum.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LOWERING_CPU_PAIRS_H
#define ATTN_LOWERING_CPU_PAIRS_H

#include "lowering/cpu/Code.h"

namespace attn::cpu {

/// The intrinsic that rounds two vectors of f32 to one of bf16, the second of
/// them to its lower half; the bits of that vector follow.
constexpr llvm::StringLiteral roundBothIntrinsic =
    "llvm.x86.avx512bf16.cvtne2ps2bf16.";

/// \p x, a vector of f32, rounded to bf16.
mlir::Value narrow(Code &code, mlir::Value x);

/// The pairs of two vectors of f32, lane by lane; zeros for a null \p second.
mlir::Value packPairs(Code &code, mlir::Value first, mlir::Value second);

/// sum + a0 * b0 + a1 * b1 for pairs \p a and \p b, vectors of i32.
mlir::Value dotPairs(Code &code, mlir::Value sum, mlir::Value a, mlir::Value b);

} // namespace attn::cpu

#endif // ATTN_LOWERING_CPU_PAIRS_H
