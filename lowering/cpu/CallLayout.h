//===- CallLayout.h - Where a call keeps what -------------------*- C++ -*-===//
//
// Numbers the slots of attn/kernel_abi.h for one scheduled spec. The plan, the
// stages and the description of the spec all read the same numbers here.
//
//===----------------------------------------------------------------------===//

#ifndef ATTN_LOWERING_CPU_CALLLAYOUT_H
#define ATTN_LOWERING_CPU_CALLLAYOUT_H

#include "dialect/AttnOps.h"

#include "llvm/ADT/DenseMap.h"

namespace attn::cpu {

/// A range of the indices of a dimension: stages run over one at a time, so
/// that an array between them has no more than that in memory (Slices.h).
struct Strip {
  mlir::StringAttr dim; // null: none
  int slot = -1;        // the first of ATTN_STRIP_SLOTS
  explicit operator bool() const { return bool(dim); }
};

/// A quantity in memory: a tensor of the caller or a buffer between stages.
struct Storage {
  int slot;
  DimList layout; // outermost first
  mlir::Type element;
  /// A buffer has no strides of its own: it is dense in `layout`.
  bool isBuffer;
  /// What a buffer holds at a time, where that is not all of it: elements are
  /// addressed as if it held what comes before, too.
  Strip strip;
};

class CallLayout {
public:
  explicit CallLayout(SpecOp spec);

  SpecOp getSpec() const { return spec; }
  int dimSlot(mlir::StringAttr dim) const {
    return int(spec.getDimPosition(dim));
  }
  int numSlots() const { return slots; }

  bool isStored(mlir::Value value) const { return storages.contains(value); }
  /// Where \p value, an argument or a result of a kernel, is read from.
  const Storage &storageOf(mlir::Value value) const {
    return storages.find(value)->second.front();
  }
  /// Every place that \p value, a result of a kernel, is written to.
  llvm::ArrayRef<Storage> destinationsOf(mlir::Value value) const {
    return storages.find(value)->second;
  }
  /// The slot of \p value, a scalar argument.
  int scalarSlot(mlir::Value value) const { return scalars.lookup(value); }

  /// One slot a parameter: inputs and scalars, then outputs.
  llvm::ArrayRef<int> paramSlots() const { return params; }
  /// Buffers, with the results of kernels that they hold.
  llvm::ArrayRef<mlir::Value> buffers() const { return bufferValues; }
  llvm::ArrayRef<KernelOp> kernels() const { return kernelOps; }
  /// Work items of a stage; one further on the scratch of a worker, then the
  /// first of its batch indices and the one after the last.
  int itemsSlot(unsigned stage) const { return itemsSlots[stage]; }
  /// The indices that \p kernel runs over at a time, where not over all.
  Strip stripOf(KernelOp kernel) const { return strips.lookup(kernel); }
  void setStrip(KernelOp kernel, Strip strip) { strips[kernel] = strip; }
  void setStrip(mlir::Value buffer, Strip strip) {
    storages[buffer].front().strip = strip;
  }
  /// Takes \p count more slots, for whoever emits the stages; the first.
  int reserve(int count) {
    slots += count;
    return slots - count;
  }

private:
  mutable SpecOp spec; // getters of ops are not const
  int slots = 0;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<Storage, 1>> storages;
  llvm::DenseMap<mlir::Value, int> scalars;
  llvm::DenseMap<mlir::Operation *, Strip> strips;
  llvm::SmallVector<int> params, itemsSlots;
  llvm::SmallVector<mlir::Value> bufferValues;
  llvm::SmallVector<KernelOp> kernelOps;
};

} // namespace attn::cpu

#endif // ATTN_LOWERING_CPU_CALLLAYOUT_H
