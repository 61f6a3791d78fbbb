//===- DeviceCode.cpp - From a device module to a cubin -------------------===//

#include "lowering/gpu/DeviceCode.h"
#include "lowering/gpu/EmitPtx.h"

#include "mlir/Target/LLVMIR/Export.h"

#include "llvm/IR/Module.h"

using namespace attn;
using namespace attn::gpu;

const KernelResources *DeviceCode::find(llvm::StringRef symbol) const {
  for (const KernelResources &kernel : kernels)
    if (kernel.symbol == symbol)
      return &kernel;
  return nullptr;
}

llvm::Expected<DeviceCode>
attn::gpu::compileDevice(mlir::gpu::GPUModuleOp module,
                         const TargetRecord &target, bool optimizes) {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code =
      mlir::translateModuleToLLVMIR(module, context, "attn_device");
  if (!code)
    return llvm::createStringError("internal error: no LLVM IR of the kernels");
  auto ptx = emitPtx(*code, target, optimizes);
  if (!ptx)
    return ptx.takeError();
  DeviceCode result;
  result.ptx = std::move(*ptx);
  std::optional<std::string> ptxas = findPtxas();
  if (!ptxas)
    return result;
  auto assembly = assemble(*ptxas, result.ptx, target.cpu);
  if (!assembly)
    return assembly.takeError();
  result.cubin = std::move(assembly->cubin);
  result.kernels = std::move(assembly->kernels);
  return result;
}
