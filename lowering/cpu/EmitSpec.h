//===- EmitSpec.h - A scheduled spec as functions ---------------*- C++ -*-===//

#ifndef ATTN_LOWERING_CPU_EMITSPEC_H
#define ATTN_LOWERING_CPU_EMITSPEC_H

#include "dialect/AttnOps.h"
#include "lowering/cpu/Slices.h"
#include "lowering/gpu/GpuStage.h"

#include <string>
#include <vector>

namespace attn {
struct TargetRecord;
} // namespace attn

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

    void setType(mlir::Type type);
  };
  /// A kernel of the device module, and the slots of its launch.
  struct Launch {
    gpu::GpuStage kernel;
    int itemsSlot;
  };
  struct Stage {
    std::string name, run, count; // no `run` on a GPU
    int itemsSlot;
    std::vector<Launch> launches; // the first that fits a call is taken
    bool isUneven = false;        // items visit different numbers of pairs
    int chunk = 1;                // batch indices of an item
    int stripSlot = -1;           // of what it runs over at a time; -1: all
    bool isForCounts = false;     // a later count reads what it makes
  };
  struct Buffer {
    int slot;
    bool isSliced;
    int stripSlot = -1; // of what it holds at a time; -1: all
    /// The bytes that it would have in front of the strip.
    int skippedSlot = -1;
  };
  struct Pass {
    bool isSliced;
    int stripSlot;
    llvm::SmallVector<unsigned> stages;
  };
  std::string name, plan;
  int numSlots = 0;
  std::vector<Dim> dims;
  std::vector<Param> params;
  std::vector<Buffer> buffers;
  std::vector<Stage> stages;
  /// How stages run in slices, and the slot with the number of the smallest
  /// ones there are; -1: they cannot.
  int slicesSlot = -1;
  std::vector<Pass> passes;
  std::vector<std::string> checks;
};

/// Where the kernels of a GPU go.
struct DeviceTarget {
  const TargetRecord &record;
  mlir::OpBuilder &builder; // at the end of the device module's body
};

/// Emits the functions of \p spec, which is scheduled and tiled, in front of
/// it, and erases it. With \p device, its stages become kernels there, and
/// only the plan is left for the host.
SpecDescription emitSpec(SpecOp spec, const DeviceTarget *device = nullptr);

} // namespace attn::cpu

#endif // ATTN_LOWERING_CPU_EMITSPEC_H
