//===- EmitSpec.h - A scheduled spec as functions ---------------*- C++ -*-===//

#ifndef ATTN_LOWERING_CPU_EMITSPEC_H
#define ATTN_LOWERING_CPU_EMITSPEC_H

#include "dialect/AttnOps.h"

#include <string>
#include <vector>

namespace attn::cpu {

/// What the description of a spec (attn/kernel_abi.h) says, with functions by
/// their names in the module.
struct SpecDescription {
  struct Dim {
    std::string name;
    int kind, slot;
    int64_t extent;
  };
  struct Param {
    std::string name;
    int kind, slot, typeCode, typeBits;
    std::vector<int> dims;
    bool hasDefault = false;
    int64_t defaultBits = 0;
  };
  struct Stage {
    std::string name, run, count;
    int itemsSlot;
  };
  std::string name, plan;
  int numSlots = 0;
  std::vector<Dim> dims;
  std::vector<Param> params;
  std::vector<int> bufferSlots;
  std::vector<Stage> stages;
  std::vector<std::string> checks;
};

/// Emits the functions of \p spec, which is scheduled and tiled, in front of
/// it, and erases it.
SpecDescription emitSpec(SpecOp spec);

} // namespace attn::cpu

#endif // ATTN_LOWERING_CPU_EMITSPEC_H
