//===- EmitCode.cpp - From LLVM IR to machine code ------------------------===//

#include "runtime/jit/EmitCode.h"

#include "llvm/IR/LegacyPassManager.h"

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
