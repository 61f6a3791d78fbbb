//===- Eighths.h - Powers of 2 by a table in a register ---------*- C++ -*-===//

#ifndef ATTN_LOWERING_CPU_EIGHTHS_H
#define ATTN_LOWERING_CPU_EIGHTHS_H

#include "lowering/cpu/Code.h"

namespace attn::cpu {

/// Says whether \p x is a vector of AVX2, which eighthsOf takes.
bool hasEighths(const Code &code, mlir::Value x);

/// The integer n next to \p x, and 2^(n/8 + octaves), looked up by the low bits
/// of n. That is the number 0 for n = -8 (127 + octaves); below, and where the
/// power is no f32, it has no meaning. NaN stays NaN in n.
struct Eighths {
  mlir::Value nearest, power;
};
Eighths eighthsOf(Code &code, mlir::Value x, int octaves = 0);

/// (2^(f/8) - 1) / f for |f| <= 1/2, such that 2^(f/8) is 2.5e-8 off.
mlir::Value eighthPower(Code &code, mlir::Value f);

} // namespace attn::cpu

#endif // ATTN_LOWERING_CPU_EIGHTHS_H
