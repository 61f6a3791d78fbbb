//===- EmitPtx.cpp - From LLVM IR to PTX ----------------------------------===//
//
// The kernels of a spec are alternatives to each other and stages, none calls
// another: each is a module of its own, whose text is put behind the others'.
// What a text has before its kernel is the version, and declarations of shared
// memory. The result does not depend on the number of threads.
//
//===----------------------------------------------------------------------===//

#include "lowering/gpu/EmitPtx.h"
#include "lowering/Optimize.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/ThreadPool.h"
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

/// The kernels that \p module consists of; empty where it has other code or
/// data, which more than one of them may need.
static llvm::SmallVector<std::string> kernelsOf(const llvm::Module &module) {
  llvm::SmallVector<std::string> kernels;
  for (const llvm::GlobalVariable &data : module.globals())
    if (!data.isDeclaration())
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
static llvm::Expected<std::string> emitKernel(llvm::MemoryBufferRef bitcode,
                                              StringRef kernel,
                                              const TargetRecord &target,
                                              bool optimizes) {
  llvm::LLVMContext context;
  auto module = llvm::getLazyBitcodeModule(bitcode, context);
  if (!module)
    return module.takeError();
  for (llvm::Function &function : **module)
    if (function.isMaterializable() && function.getName() != kernel)
      function.deleteBody();
  if (llvm::Error error = (*module)->materializeAll())
    return error;
  for (llvm::Function &function : llvm::make_early_inc_range(**module))
    if (function.isDeclaration() && function.use_empty())
      function.eraseFromParent();
  for (llvm::GlobalVariable &data :
       llvm::make_early_inc_range((*module)->globals()))
    if (data.use_empty())
      data.eraseFromParent();
  return emitModule(**module, target, optimizes);
}

/// \p parts as one text: the lines before each kernel once.
static std::string join(llvm::ArrayRef<std::string> parts) {
  llvm::SetVector<StringRef> declarations;
  llvm::SmallVector<StringRef> kernels;
  for (StringRef part : parts) {
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

llvm::Expected<std::string> attn::gpu::emitPtx(llvm::Module &module,
                                               const TargetRecord &target,
                                               bool optimizes) {
  llvm::SmallVector<std::string> kernels = kernelsOf(module);
  if (kernels.size() < 2)
    return emitModule(module, target, optimizes);
  llvm::SmallVector<char, 0> bitcode;
  llvm::raw_svector_ostream stream(bitcode);
  llvm::WriteBitcodeToFile(module, stream);
  llvm::MemoryBufferRef buffer(StringRef(bitcode.data(), bitcode.size()),
                               module.getName());
  std::vector<std::optional<llvm::Expected<std::string>>> made(kernels.size());
  {
    llvm::DefaultThreadPool pool;
    for (auto [kernel, ptx] : llvm::zip_equal(kernels, made))
      pool.async([&, &kernel = kernel, &ptx = ptx] {
        ptx.emplace(emitKernel(buffer, kernel, target, optimizes));
      });
  }
  llvm::Error error = llvm::Error::success();
  std::vector<std::string> parts;
  for (auto &ptx : made) {
    if (*ptx)
      parts.push_back(std::move(**ptx));
    else
      error = llvm::joinErrors(std::move(error), ptx->takeError());
  }
  if (error)
    return error;
  return join(parts);
}
