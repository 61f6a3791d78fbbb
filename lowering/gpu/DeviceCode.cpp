//===- DeviceCode.cpp - From a device module to a cubin -------------------===//

#include "lowering/gpu/DeviceCode.h"
#include "lowering/Parts.h"
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
                         const TargetRecord &target, bool optimizes,
                         bool hasOneCubin) {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code =
      mlir::translateModuleToLLVMIR(module, context, "attn_device");
  if (!code)
    return llvm::createStringError("internal error: no LLVM IR of the kernels");
  auto parts = emitPtx(*code, target, optimizes);
  if (!parts)
    return parts.takeError();
  DeviceCode result;
  result.ptx = joinPtx(*parts);
  std::optional<std::string> ptxas = findPtxas();
  if (!ptxas)
    return result;
  // A process for each kernel: the threads of one ptxas share much of its work
  // (S2 attention, four kernels: 1.66 s in one process, 1.2 in four, on two
  // processors).
  if (hasOneCubin)
    parts->assign({{"", result.ptx}});
  std::vector<Assembly> assemblies(parts->size());
  auto assembleOne = [&](size_t i) {
    return assemble(*ptxas, (*parts)[i].text, target.cpu)
        .moveInto(assemblies[i]);
  };
  if (llvm::Error error = forEachInThread(parts->size(), assembleOne))
    return error;
  for (auto [part, assembly] : llvm::zip_equal(*parts, assemblies)) {
    result.codes[part.kernel] = result.cubins.size();
    llvm::append_range(result.kernels, assembly.kernels);
    result.cubins.push_back(std::move(assembly.cubin));
  }
  return result;
}
