//===- Code.h - A compiled spec as files ------------------------*- C++ -*-===//

#ifndef ATTN_FRONTEND_CLI_CODE_H
#define ATTN_FRONTEND_CLI_CODE_H

#include "frontend/cli/Options.h"

#include "lowering/Compile.h"

#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"

namespace attn::cli {

class Call;
class Spec;

CompileOptions compileOptions(const Options &options);

/// A spec as optimised LLVM IR for a target.
class CompiledCode {
public:
  /// With \p call, head sizes are fixed to those of the call.
  static llvm::Expected<CompiledCode>
  create(const Spec &spec, const Options &options, const Call *call = nullptr);

  std::string print() const;
  /// Machine code; takes the module apart, so this is for one use.
  llvm::Expected<std::string> emit(llvm::CodeGenFileType type);

  /// The kernels of a GPU; none for a CPU.
  std::optional<gpu::DeviceCode> device;
  /// What the compiler says of each spec.
  std::vector<cpu::SpecDescription> specs;

private:
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> module;
  std::unique_ptr<llvm::TargetMachine> machine;
};

} // namespace attn::cli

#endif // ATTN_FRONTEND_CLI_CODE_H
