//===- DeviceCode.h - From a device module to a cubin -----------*- C++ -*-===//

#ifndef ATTN_LOWERING_GPU_DEVICECODE_H
#define ATTN_LOWERING_GPU_DEVICECODE_H

#include "lowering/Targets.h"
#include "lowering/gpu/Device.h"
#include "lowering/gpu/Ptxas.h"

#include "llvm/ADT/StringMap.h"

namespace attn::gpu {

/// The kernels of a module as a driver takes them.
struct DeviceCode {
  std::string ptx; // of all
  /// One of each kernel, or one of all; none where there is no ptxas: the
  /// driver assembles the PTX.
  std::vector<std::string> cubins;
  /// Which of the cubins a kernel is in: the first where there is one.
  llvm::StringMap<unsigned> codes;
  std::vector<KernelResources> kernels; // as ptxas says; empty without one

  bool isPtx() const { return cubins.empty(); }
  const KernelResources *find(llvm::StringRef symbol) const;
};

/// Compiles \p module, which is in the llvm and nvvm dialects; \p optimizes and
/// \p hasOneCubin as in CompileOptions.
llvm::Expected<DeviceCode> compileDevice(mlir::gpu::GPUModuleOp module,
                                         const TargetRecord &target,
                                         bool optimizes, bool hasOneCubin);

} // namespace attn::gpu

#endif // ATTN_LOWERING_GPU_DEVICECODE_H
