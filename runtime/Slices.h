//===- Slices.h - What a plan has in memory at a time -----------*- C++ -*-===//

#ifndef ATTN_RUNTIME_SLICES_H
#define ATTN_RUNTIME_SLICES_H

#include "runtime/Plan.h"

namespace attn::runtime {

/// Sets strips to the least, before the kernel's plan function is asked: the
/// bytes of all indices need not fit into 64 bits.
void startSmall(attn_plan_t &plan);

/// Decides how many batch indices, or how much of one, run at a time, so that
/// sliced buffers stay small.
void chooseSlices(attn_plan_t &plan);

/// What the plan function says of the last strips, or again of the first ones.
void enterLastStrips(attn_plan_t &plan);
void enterFirstStrips(attn_plan_t &plan);

} // namespace attn::runtime

#endif // ATTN_RUNTIME_SLICES_H
