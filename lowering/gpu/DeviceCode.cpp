//===- DeviceCode.cpp - From a device module to a cubin -------------------===//

#include "lowering/gpu/DeviceCode.h"
#include "lowering/Optimize.h"

#include "mlir/Target/LLVMIR/Export.h"

#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Target/TargetMachine.h"

using namespace attn;
using namespace attn::gpu;

// The target is named by hand: llvm/Support/TargetSelect.h would initialise
// every target that LLVM has.
extern "C" {
void LLVMInitializeNVPTXTargetInfo();
void LLVMInitializeNVPTXTarget();
void LLVMInitializeNVPTXTargetMC();
void LLVMInitializeNVPTXAsmPrinter();
}

const KernelResources *DeviceCode::find(llvm::StringRef symbol) const {
  for (const KernelResources &kernel : kernels)
    if (kernel.symbol == symbol)
      return &kernel;
  return nullptr;
}

static llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createMachine(const TargetRecord &record) {
  static const bool initialized = [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
    return true;
  }();
  (void)initialized;
  llvm::Triple triple("nvptx64-nvidia-cuda");
  std::string error;
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return llvm::createStringError(error);
  // As on a CPU: contraction is written where it is wanted.
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Standard;
  std::unique_ptr<llvm::TargetMachine> machine(target->createTargetMachine(
      triple, record.cpu, record.features, options, llvm::Reloc::PIC_,
      std::nullopt, llvm::CodeGenOptLevel::Aggressive));
  if (!machine)
    return llvm::createStringError("no code generator for " + triple.str());
  return machine;
}

static llvm::Expected<std::string> emitPtx(llvm::Module &module,
                                           llvm::TargetMachine &machine) {
  llvm::SmallVector<char, 0> text;
  llvm::raw_svector_ostream stream(text);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr,
                                  llvm::CodeGenFileType::AssemblyFile))
    return llvm::createStringError("the target cannot emit PTX");
  passes.run(module);
  return std::string(text.data(), text.size());
}

llvm::Expected<DeviceCode>
attn::gpu::compileDevice(mlir::gpu::GPUModuleOp module,
                         const TargetRecord &target, bool optimizes) {
  auto machine = createMachine(target);
  if (!machine)
    return machine.takeError();
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code =
      mlir::translateModuleToLLVMIR(module, context, "attn_device");
  if (!code)
    return llvm::createStringError("internal error: no LLVM IR of the kernels");
  code->setTargetTriple((*machine)->getTargetTriple());
  code->setDataLayout((*machine)->createDataLayout());
  if (optimizes)
    optimize(*code, **machine);
  auto ptx = emitPtx(*code, **machine);
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
