//===- IntegerRanges.h - Which integers fit a register ----------*- C++ -*-===//

#ifndef ATTN_LOWERING_GPU_INTEGERRANGES_H
#define ATTN_LOWERING_GPU_INTEGERRANGES_H

#include "dialect/AttnOps.h"

namespace attn::gpu {

/// Says whether \p value is of integers other than truth values.
bool isInteger(mlir::Value value);

/// How many bits hold \p value, an integer quantity, its sign included, in any
/// call: 64 where that is not known. Extents are at most cpu::maxExtent.
unsigned bitsOf(mlir::Value value, SpecOp spec);

/// Says whether \p value has 31 bits, and is neither end of what they hold: a
/// number beyond it then compares with it as the nearest of 31 bits does.
bool isWithin31Bits(mlir::Value value, SpecOp spec);

} // namespace attn::gpu

#endif // ATTN_LOWERING_GPU_INTEGERRANGES_H
