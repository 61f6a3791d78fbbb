//===- DeviceCode.h - From a device module to a cubin -----------*- C++ -*-===//

#ifndef ATTN_LOWERING_GPU_DEVICECODE_H
#define ATTN_LOWERING_GPU_DEVICECODE_H

#include "lowering/Targets.h"
#include "lowering/gpu/Device.h"
#include "lowering/gpu/Ptxas.h"

namespace attn::gpu {

/// The kernels of a module as a driver takes them.
struct DeviceCode {
  std::string ptx;
  /// Empty where there is no ptxas: the driver assembles the PTX.
  std::string cubin;
  std::vector<KernelResources> kernels; // as ptxas says; empty without one

  bool isPtx() const { return cubin.empty(); }
  const KernelResources *find(llvm::StringRef symbol) const;
};

/// Compiles \p module, which is in the llvm and nvvm dialects; \p optimizes as
/// in CompileOptions.
llvm::Expected<DeviceCode> compileDevice(mlir::gpu::GPUModuleOp module,
                                         const TargetRecord &target,
                                         bool optimizes);

} // namespace attn::gpu

#endif // ATTN_LOWERING_GPU_DEVICECODE_H
