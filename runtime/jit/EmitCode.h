//===- EmitCode.h - From LLVM IR to machine code ----------------*- C++ -*-===//

#ifndef ATTN_RUNTIME_JIT_EMITCODE_H
#define ATTN_RUNTIME_JIT_EMITCODE_H

#include "lowering/Compile.h"

#include "llvm/IR/Module.h"
#include "llvm/Support/CodeGen.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Target/TargetMachine.h"

namespace attn {

/// An object file, or the text of its assembly.
llvm::Expected<llvm::SmallVector<char, 0>>
emitCode(llvm::Module &module, llvm::TargetMachine &machine,
         llvm::CodeGenFileType type);

/// Compiles \p module to objects that make up its code together: large
/// functions are optimized and emitted each for itself, in threads.
llvm::Expected<std::vector<std::unique_ptr<llvm::MemoryBuffer>>>
compileToObjects(mlir::ModuleOp module, const CompileOptions &options);

} // namespace attn

#endif // ATTN_RUNTIME_JIT_EMITCODE_H
