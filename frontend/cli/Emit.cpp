//===- Emit.cpp - attnc --emit=STAGE --------------------------------------===//

#include "frontend/cli/Code.h"
#include "frontend/cli/Commands.h"
#include "frontend/cli/Files.h"
#include "frontend/cli/Spec.h"

#include "lowering/Compile.h"

#include "llvm/ADT/StringExtras.h"

using namespace attn;
using namespace attn::cli;

static constexpr std::pair<llvm::StringLiteral, Stage> irStages[] = {
    {"attn", Stage::Attn},
    {"simplified", Stage::Simplified},
    {"sweeps", Stage::Sweeps},
    {"domains", Stage::Domains},
    {"tiles", Stage::Tiles},
    {"vector", Stage::Vector},
    {"llvm-dialect", Stage::LLVMDialect},
};

static llvm::Expected<std::string> printStage(Spec &spec,
                                              const Options &options) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (options.stage == "ast") {
    spec.file().printAST(stream);
    return text;
  }
  for (auto [name, stage] : irStages) {
    if (options.stage != name)
      continue;
    mlir::OwningOpRef<mlir::ModuleOp> module = spec.clone();
    if (llvm::failed(lowerTo(stage, *module, compileOptions(options))))
      return userError("cannot compile '", spec.name, "'");
    module->print(stream);
    stream << '\n';
    return text;
  }
  if (options.stage == "llvm" || options.stage == "asm" ||
      options.stage == "ptx") {
    auto code = CompiledCode::create(spec, options);
    if (!code)
      return code.takeError();
    if (options.stage == "ptx")
      return code->device ? llvm::Expected<std::string>(code->device->ptx)
                          : userError("--emit=ptx: the target ", options.target,
                                      " is no GPU; give --target sm_90a");
    return options.stage == "llvm"
               ? code->print()
               : code->emit(llvm::CodeGenFileType::AssemblyFile);
  }
  std::string names = "ast";
  for (auto [name, stage] : irStages)
    names += ", " + name.str();
  return userError("--emit: no stage is called '", options.stage,
                   "'; the stages are: ", names, ", llvm, ptx, asm");
}

llvm::Expected<ExitCode> attn::cli::emitStage(Spec &spec,
                                              const Options &options) {
  if (options.stage.empty())
    return userError("nothing to do: give --emit=STAGE or a command (",
                     llvm::join(llvm::ArrayRef(commandNames), ", "),
                     "); see --help");
  auto text = printStage(spec, options);
  if (!text)
    return text.takeError();
  if (llvm::Error error =
          writeFile(options.output.empty() ? "-" : options.output, {*text}))
    return error;
  return Success;
}
