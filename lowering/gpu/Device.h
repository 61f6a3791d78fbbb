//===- Device.h - The module of GPU kernels ---------------------*- C++ -*-===//

#ifndef ATTN_LOWERING_GPU_DEVICE_H
#define ATTN_LOWERING_GPU_DEVICE_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace attn::gpu {

/// Adds an empty module for kernels at the end of \p module.
mlir::gpu::GPUModuleOp createDeviceModule(mlir::ModuleOp module);

/// The device module of \p module; null on a CPU.
mlir::gpu::GPUModuleOp findDeviceModule(mlir::ModuleOp module);

/// Adds a kernel as GpuStage.h describes it, without a body: its parameters are
/// \p numSlots slots, and \p numMaps tensor maps where there are any.
mlir::LLVM::LLVMFuncOp createKernel(mlir::OpBuilder &builder,
                                    mlir::Location loc, llvm::StringRef name,
                                    int numSlots, unsigned threads,
                                    unsigned numMaps = 0);

/// The generic address of the dynamic shared memory of \p kernel's block,
/// aligned to 1024 bytes.
mlir::Value sharedMemory(mlir::OpBuilder &builder, mlir::Location loc,
                         mlir::LLVM::LLVMFuncOp kernel);

} // namespace attn::gpu

#endif // ATTN_LOWERING_GPU_DEVICE_H
