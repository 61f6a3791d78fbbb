//===- EmitCode.cpp - From LLVM IR to machine code ------------------------===//

#include "runtime/jit/EmitCode.h"

#include "lowering/Parts.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/IR/LegacyPassManager.h"

using namespace attn;
using llvm::StringRef;

llvm::Expected<llvm::SmallVector<char, 0>>
attn::emitCode(llvm::Module &module, llvm::TargetMachine &machine,
               llvm::CodeGenFileType type) {
  llvm::SmallVector<char, 0> code;
  llvm::raw_svector_ostream stream(code);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, type))
    return llvm::createStringError("the target cannot emit this kind of file");
  passes.run(module);
  return code;
}

/// The functions of \p module that are worth a thread, by part, the largest
/// first: the time of all is that of the last. Part 0 has all others.
static llvm::StringMap<size_t> partition(const llvm::Module &module) {
  constexpr size_t large = 200;
  std::vector<std::pair<size_t, StringRef>> functions;
  for (const llvm::Function &function : module)
    if (size_t size = function.getInstructionCount(); size >= large)
      functions.emplace_back(size, function.getName());
  llvm::sort(functions, std::greater<>());
  llvm::StringMap<size_t> parts;
  for (auto [size, name] : functions)
    parts.insert({name, parts.size() + 1});
  return parts;
}

static llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>>
emitObject(llvm::Module &module, const CompileOptions &options) {
  auto machine = createTargetMachine(options);
  if (!machine)
    return machine.takeError();
  finish(module, **machine, options);
  auto object = emitCode(module, **machine, llvm::CodeGenFileType::ObjectFile);
  if (!object)
    return object.takeError();
  return llvm::MemoryBuffer::getMemBufferCopy({object->data(), object->size()},
                                              module.getName());
}

static llvm::Expected<std::vector<std::unique_ptr<llvm::MemoryBuffer>>>
emitObjects(llvm::Module &module, const CompileOptions &options) {
  llvm::StringMap<size_t> parts = partition(module);
  std::vector<std::unique_ptr<llvm::MemoryBuffer>> objects(parts.size() + 1);
  if (parts.size() < 2) {
    objects.resize(1);
    if (llvm::Error error =
            emitObject(module, options).moveInto(objects.front()))
      return error;
    return objects;
  }
  for (llvm::Function &function : module)
    if (function.hasLocalLinkage()) {
      function.setLinkage(llvm::GlobalValue::ExternalLinkage);
      function.setVisibility(llvm::GlobalValue::HiddenVisibility);
    }
  llvm::SmallVector<char, 0> bitcode = writeBitcode(module);
  auto emit = [&](size_t i) -> llvm::Error {
    // The largest functions first, the rest last.
    size_t part = (i + 1) % objects.size();
    auto isOfPart = [&](const llvm::Function &function) {
      return parts.lookup(function.getName()) == part;
    };
    llvm::LLVMContext context;
    auto read = readPart(bitcode, context, isOfPart, /*hasData=*/part == 0);
    if (!read)
      return read.takeError();
    return emitObject(**read, options).moveInto(objects[part]);
  };
  if (llvm::Error error = forEachInThread(objects.size(), emit))
    return error;
  return objects;
}

llvm::Expected<std::vector<std::unique_ptr<llvm::MemoryBuffer>>>
attn::compileToObjects(mlir::ModuleOp module, const CompileOptions &options) {
  CompileOptions unoptimized = options;
  unoptimized.optimizesHost = false; // the parts are
  llvm::LLVMContext context;
  auto compiled = compileToLLVM(module, context, unoptimized);
  if (!compiled)
    return compiled.takeError();
  return emitObjects(*compiled->module, options);
}
