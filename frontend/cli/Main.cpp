//===- Main.cpp - attnc as a function -------------------------------------===//

#include "frontend/cli/Main.h"
#include "frontend/cli/Commands.h"
#include "frontend/cli/Messages.h"
#include "frontend/cli/Spec.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/PrettyStackTrace.h"

using namespace attn::cli;

/// Ends every help.
static const char environment[] = R"(
Environment:

  ATTN_CACHE_DIR  where compiled kernels and tuned launches are kept; without it
                  $XDG_CACHE_HOME/attn, or ~/.cache/attn
  ATTNC_PTXAS     the ptxas for GPUs; without it one is looked for in CUDA_HOME,
                  CUDA_PATH, PATH, /usr/local/cuda and Python's packages
)";

static llvm::Expected<ExitCode> dispatch(Spec &spec, const Options &options) {
  switch (options.command) {
  case Command::Emit:
    return emitStage(spec, options);
  case Command::Run:
    return run(spec, options);
  case Command::Build:
    return build(spec, options);
  case Command::Explain:
    return explain(spec, options);
  case Command::Bench:
    return bench(spec, options);
  case Command::Tune:
    return tune(spec, options);
  }
  llvm_unreachable("every command is handled");
}

int attn::cli::main(int argc, char **argv) {
  llvm::setBugReportMsg("This is a bug of attnc: please report it with the "
                        "spec, the command line and what follows.\n");
  llvm::InitLLVM init(argc, argv);
  llvm::cl::extrahelp help(environment);
  std::optional<Options> options = parseCommandLine(argc, argv);
  if (!options)
    return UserError;
  std::unique_ptr<Spec> spec = Spec::load(*options);
  if (!spec)
    return UserError;
  llvm::Expected<ExitCode> code = dispatch(*spec, *options);
  if (code)
    return *code;
  printError() << llvm::toString(code.takeError()) << '\n';
  return UserError;
}
