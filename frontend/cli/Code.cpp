//===- Code.cpp - A compiled spec as files --------------------------------===//

#include "frontend/cli/Code.h"
#include "frontend/cli/Call.h"
#include "frontend/cli/Spec.h"

#include "runtime/jit/EmitCode.h"

#include "llvm/Support/Path.h"

using namespace attn;
using namespace attn::cli;

CompileOptions attn::cli::compileOptions(const Options &options) {
  CompileOptions result;
  result.target = options.target;
  result.hasOneCubin = llvm::sys::path::extension(options.output) == ".cubin";
  return result;
}

llvm::Expected<CompiledCode> CompiledCode::create(const Spec &spec,
                                                  const Options &options,
                                                  const Call *call) {
  CompiledCode code;
  auto machine = createTargetMachine(compileOptions(options));
  if (!machine)
    return machine.takeError();
  code.machine = std::move(*machine);
  code.context = std::make_unique<llvm::LLVMContext>();
  mlir::OwningOpRef<mlir::ModuleOp> formula = spec.clone();
  if (call)
    call->fixHeadSizes(*formula->getOps<SpecOp>().begin());
  auto module = compileToLLVM(*formula, *code.context, compileOptions(options));
  if (!module)
    return module.takeError();
  code.module = std::move(module->module);
  code.device = std::move(module->device);
  code.specs = std::move(module->specs);
  return code;
}

std::string CompiledCode::print() const {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream, nullptr);
  return text;
}

llvm::Expected<std::string> CompiledCode::emit(llvm::CodeGenFileType type) {
  auto code = emitCode(*module, *machine, type);
  if (!code)
    return code.takeError();
  return std::string(code->data(), code->size());
}
