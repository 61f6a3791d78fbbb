//===- Commands.h - What attnc can do ---------------------------*- C++ -*-===//

#ifndef ATTN_FRONTEND_CLI_COMMANDS_H
#define ATTN_FRONTEND_CLI_COMMANDS_H

#include "frontend/cli/Options.h"

#include "llvm/Support/Error.h"

namespace attn::cli {

class Spec;

/// Each command returns the exit status, or what the user has to mend.
/// Diagnostics of the compiler were printed by then.
llvm::Expected<ExitCode> emitStage(Spec &spec, const Options &options);
llvm::Expected<ExitCode> build(Spec &spec, const Options &options);
llvm::Expected<ExitCode> run(Spec &spec, const Options &options);
llvm::Expected<ExitCode> explain(Spec &spec, const Options &options);
llvm::Expected<ExitCode> bench(Spec &spec, const Options &options);
llvm::Expected<ExitCode> tune(Spec &spec, const Options &options);

} // namespace attn::cli

#endif // ATTN_FRONTEND_CLI_COMMANDS_H
