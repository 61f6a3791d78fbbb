//===- Parts.cpp - A module of LLVM IR in parts, for threads --------------===//

#include "lowering/Parts.h"

#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/Support/ThreadPool.h"

/// Erases declarations and local data that nothing uses, which may have been
/// what others were used by.
static void eraseUnused(llvm::Module &module) {
  for (llvm::Function &function : llvm::make_early_inc_range(module))
    if (function.isDeclaration() && function.use_empty())
      function.eraseFromParent();
  bool hasErased = true;
  while (hasErased) {
    hasErased = false;
    for (llvm::GlobalVariable &data :
         llvm::make_early_inc_range(module.globals())) {
      data.removeDeadConstantUsers();
      if (!data.use_empty() ||
          !(data.isDeclaration() || data.hasLocalLinkage()))
        continue;
      data.eraseFromParent();
      hasErased = true;
    }
  }
}

llvm::SmallVector<char, 0> attn::writeBitcode(const llvm::Module &module) {
  llvm::SmallVector<char, 0> bitcode;
  llvm::raw_svector_ostream stream(bitcode);
  llvm::WriteBitcodeToFile(module, stream);
  return bitcode;
}

llvm::Expected<std::unique_ptr<llvm::Module>>
attn::readPart(llvm::ArrayRef<char> bitcode, llvm::LLVMContext &context,
               llvm::function_ref<bool(const llvm::Function &)> isWanted,
               bool hasData) {
  llvm::StringRef bytes(bitcode.data(), bitcode.size());
  auto module = llvm::getLazyBitcodeModule({bytes, "part"}, context);
  if (!module)
    return module.takeError();
  for (llvm::Function &function : **module)
    if (function.isMaterializable() && !isWanted(function))
      function.deleteBody();
  if (!hasData)
    for (llvm::GlobalVariable &data : (*module)->globals())
      if (!data.isDeclaration() && !data.hasLocalLinkage()) {
        data.setInitializer(nullptr);
        data.setLinkage(llvm::GlobalValue::ExternalLinkage);
      }
  if (llvm::Error error = (*module)->materializeAll())
    return error;
  eraseUnused(**module);
  return module;
}

llvm::Error
attn::forEachInThread(size_t count,
                      llvm::function_ref<llvm::Error(size_t)> work) {
  std::vector<std::string> failures(count);
  {
    llvm::DefaultThreadPool pool;
    for (size_t i = 0; i < count; ++i)
      pool.async([&, i] { failures[i] = llvm::toString(work(i)); });
  }
  llvm::Error error = llvm::Error::success();
  for (const std::string &failure : failures)
    if (!failure.empty())
      error =
          llvm::joinErrors(std::move(error), llvm::createStringError(failure));
  return error;
}
