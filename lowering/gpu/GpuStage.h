//===- GpuStage.h - What a GPU kernel says about itself ---------*- C++ -*-===//
//
// The border between the emitters of GPU kernels and everything around them.
// An emitter writes one function into the device module:
//
//   llvm.func @symbol(%slots: !llvm.ptr {llvm.byval = !llvm.array<S x i64>,
//                                        nvvm.grid_constant},
//                     %maps:  !llvm.ptr {llvm.byval = !llvm.array<128*K x i8>,
//                                        llvm.align = 64, nvvm.grid_constant})
//       attributes {nvvm.kernel, nvvm.maxntid = ...}
//
// with the slots that CallLayout numbers (no %maps where K is 0), and returns a
// GpuStage. Block b takes the items b, b + gridDim.x, ..., or the next one that
// none has taken: the grid may be any.
// Sizes of a call are decided by the plan, which is host code: `items` and
// `scratchBytes` emit into it.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LOWERING_GPU_GPUSTAGE_H
#define ATTN_LOWERING_GPU_GPUSTAGE_H

#include "lowering/cpu/Evaluate.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace attn {
struct TargetRecord;
} // namespace attn

namespace attn::gpu {

/// One dimension of a tensor map, innermost first.
struct TensorMapDim {
  /// The position in the tensor's layout that it walks, with the extent and
  /// stride that the call gives; none: the numbers below.
  std::optional<unsigned> position;
  int64_t extent = 1, stride = 0; // in elements
  unsigned box = 1;               // elements that one copy brings
  std::optional<int> boxSlot;     // where the plan says how many, if it does
  unsigned step = 1;              // of every so many elements, one
  /// It is part of the first coordinate, by its stride: the map has no
  /// dimension for it.
  bool isFolded = false;
  /// A slot, where elements are that many apart. An extent N in steps s has
  /// N mod s residues of which there is one element more; the map walks those
  /// of `isLonger`, or the others. The residue is part of the first coordinate.
  std::optional<int> stepSlot;
  bool isLonger = false;
};

enum class Swizzle { None = 0, Bytes32 = 32, Bytes64 = 64, Bytes128 = 128 };

/// A CUtensorMap, made by the runtime when a call is planned. Only tensors of
/// the caller have them, buffers have no strides of their own. The plan takes
/// the next launch of the stage where the base or a stride is no multiple of
/// 16 bytes.
struct TensorMap {
  cpu::Storage tensor;
  std::vector<TensorMapDim> dims; // five beside the folded; stride 1 first
  Swizzle swizzle = Swizzle::None;
};

/// Slots of a launch, from its itemsSlot on: work items, scratch bytes and
/// scratch address; the most tiles of an item, and the parts in which it is
/// cut; the tiles of all items together; the address of the number of items
/// that blocks have drawn (i32); the boxes that the rows of a tile are; how far
/// apart indices are.
enum LaunchSlot {
  ItemsSlot,
  ScratchBytesSlot,
  ScratchAddressSlot,
  TilesSlot,
  PartsSlot,
  VisitedSlot,
  CounterSlot,
  BoxesSlot,
  StepsSlot = BoxesSlot + 4,
  NumLaunchSlots = StepsSlot + 6
};

/// One launch of a kernel.
struct GpuStage {
  std::string symbol;
  unsigned threads = 0;     // of a block
  unsigned sharedBytes = 0; // dynamic
  unsigned blocksPerSM = 0; // at most so many blocks; 0: one for each item
  std::vector<TensorMap> maps;
  /// What kind of kernel it is and its tile, for `attnc explain`:
  /// "wgmma 128 x 128, 2 stages".
  std::string description;
  /// Emit into the plan the number of work items, and the scratch in global
  /// memory that a block needs (null: none). The kernel finds the address of
  /// the scratch of block 0 in slot itemsSlot + 2.
  std::function<mlir::Value(cpu::Evaluator &plan)> items, scratchBytes;
  /// What a tile takes, in cycles: launches of a stage are compared by it, and
  /// by the most tiles of an item and those that all visit together. 0: not
  /// known.
  unsigned tileCycles = 0;
  std::function<std::pair<mlir::Value, mlir::Value>(cpu::Evaluator &plan)>
      tiles;
  /// Emit into the plan what BoxesSlot, or StepsSlot, and those after it have
  /// (null: nothing).
  std::function<llvm::SmallVector<mlir::Value>(cpu::Evaluator &plan)> boxes,
      steps;
  /// Puts together the parts of items, where they may be cut; `scratchBytes`
  /// is then of a part.
  std::shared_ptr<GpuStage> merge;
  /// Blocks draw their items from a counter, which is 0 when the launch begins.
  bool drawsItems = false;
  /// It waits for the launch before it, under whose end it may begin.
  bool waitsItself = false;
  int mergeSlot = 0; // its itemsSlot
  /// The launch of the same form whose tile is smaller; empty: none.
  std::string smaller;
};

/// What an emitter is given.
struct GpuStageRequest {
  /// At the end of the device module's body.
  mlir::OpBuilder &builder;
  const cpu::CallLayout &layout;
  KernelOp kernel;
  const TargetRecord &target;
  /// The name that the kernel must have, and the slots of its launch
  /// (LaunchSlot); as many follow for a launch that merges.
  std::string symbol;
  int itemsSlot;
};

} // namespace attn::gpu

#endif // ATTN_LOWERING_GPU_GPUSTAGE_H
