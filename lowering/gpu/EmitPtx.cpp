//===- EmitPtx.cpp - From LLVM IR to PTX ----------------------------------===//
//
// The kernels of a spec are alternatives to each other and stages, none calls
// another: each is a module of its own. What its text has before the kernel is
// the version, declarations of shared memory, and constants of the kernel. The
// result does not depend on the number of threads.
//
//===----------------------------------------------------------------------===//

#include "lowering/gpu/EmitPtx.h"
#include "lowering/Optimize.h"
#include "lowering/Parts.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Target/TargetMachine.h"

using namespace attn;
using llvm::StringRef;

// The target is named by hand: llvm/Support/TargetSelect.h would initialise
// every target that LLVM has.
extern "C" {
void LLVMInitializeNVPTXTargetInfo();
void LLVMInitializeNVPTXTarget();
void LLVMInitializeNVPTXTargetMC();
void LLVMInitializeNVPTXAsmPrinter();
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

static llvm::Expected<std::string>
emitModule(llvm::Module &module, const TargetRecord &target, bool optimizes) {
  auto machine = createMachine(target);
  if (!machine)
    return machine.takeError();
  module.setTargetTriple((*machine)->getTargetTriple());
  module.setDataLayout((*machine)->createDataLayout());
  if (optimizes)
    optimize(module, **machine);
  llvm::SmallVector<char, 0> text;
  llvm::raw_svector_ostream stream(text);
  llvm::legacy::PassManager passes;
  if ((*machine)->addPassesToEmitFile(passes, stream, nullptr,
                                      llvm::CodeGenFileType::AssemblyFile))
    return llvm::createStringError("the target cannot emit PTX");
  passes.run(module);
  return std::string(text.data(), text.size());
}

/// The kernels that \p module consists of; empty where it has other code, or
/// data that they may share for more than its bytes.
static std::vector<std::string> kernelsOf(const llvm::Module &module) {
  std::vector<std::string> kernels;
  for (const llvm::GlobalVariable &data : module.globals())
    if (!data.isDeclaration() && !(data.isConstant() && data.hasLocalLinkage()))
      return {};
  for (const llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    if (function.getCallingConv() != llvm::CallingConv::PTX_Kernel)
      return {};
    kernels.push_back(function.getName().str());
  }
  return kernels;
}

/// PTX of \p kernel alone, read from \p bitcode into a context of its own.
static llvm::Expected<std::string> emitKernel(llvm::ArrayRef<char> bitcode,
                                              StringRef kernel,
                                              const TargetRecord &target,
                                              bool optimizes) {
  llvm::LLVMContext context;
  auto isKernel = [&](const llvm::Function &function) {
    return function.getName() == kernel;
  };
  auto module = readPart(bitcode, context, isKernel, /*hasData=*/false);
  if (!module)
    return module.takeError();
  return emitModule(**module, target, optimizes);
}

std::string attn::gpu::joinPtx(llvm::ArrayRef<PtxPart> parts) {
  if (parts.size() == 1)
    return parts.front().text;
  llvm::SetVector<StringRef> declarations;
  llvm::SmallVector<StringRef> kernels;
  for (const PtxPart &entry : parts) {
    StringRef part = entry.text;
    size_t begin = part.find("\n.visible .entry");
    llvm::SmallVector<StringRef> lines;
    part.take_front(begin).split(lines, '\n', -1, /*KeepEmpty=*/false);
    for (StringRef line : lines)
      if (!line.ltrim().starts_with("//"))
        declarations.insert(line);
    kernels.push_back(part.drop_front(std::min(begin, part.size())));
  }
  std::string text = llvm::join(declarations, "\n") + "\n";
  for (StringRef kernel : kernels)
    text += kernel;
  return text;
}

llvm::Expected<std::vector<attn::gpu::PtxPart>>
attn::gpu::emitPtx(llvm::Module &module, const TargetRecord &target,
                   bool optimizes) {
  std::vector<std::string> kernels = kernelsOf(module);
  if (kernels.size() < 2) {
    auto ptx = emitModule(module, target, optimizes);
    if (!ptx)
      return ptx.takeError();
    return std::vector{PtxPart{"", std::move(*ptx)}};
  }
  llvm::SmallVector<char, 0> bitcode = writeBitcode(module);
  std::vector<PtxPart> parts(kernels.size());
  auto emit = [&](size_t i) {
    parts[i].kernel = kernels[i];
    return emitKernel(bitcode, kernels[i], target, optimizes)
        .moveInto(parts[i].text);
  };
  if (llvm::Error error = forEachInThread(kernels.size(), emit))
    return error;
  return parts;
}
