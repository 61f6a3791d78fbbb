//===- Options.h - The command line of attnc --------------------*- C++ -*-===//

#ifndef ATTN_FRONTEND_CLI_OPTIONS_H
#define ATTN_FRONTEND_CLI_OPTIONS_H

#include "llvm/ADT/StringMap.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace attn::cli {

/// Exit statuses of attnc.
enum ExitCode {
  Success = 0,
  CheckFailed = 1, // a result outside the tolerance
  UserError = 2    // everything that the user can mend
};

enum class Command { Emit, Run, Build, Explain, Bench, Tune };

/// The words that begin a command line.
inline constexpr llvm::StringLiteral commandNames[] = {
    "run", "build", "explain", "bench", "tune"};

/// "name=value" as given.
using NameValue = std::pair<std::string, std::string>;

/// What the user asked for. Lists are split, nothing is looked up yet.
struct Options {
  Command command = Command::Emit;
  std::string file;
  std::string spec; // empty: the only one of the file
  std::string dtype = "f32";
  std::string target = "native";
  std::string stage;  // of --emit
  std::string output; // of -o
  std::vector<NameValue> inputs, outputs, settings;
  llvm::StringMap<int64_t> sizes;
  int32_t threads = 0;
  uint64_t seed = 0;
  bool check = false;
  bool json = false;
  std::string svg;
};

/// Reads the command line; prints what is wrong with it and returns nothing
/// when it is. Exits for --help and --version.
std::optional<Options> parseCommandLine(int argc, char **argv);

} // namespace attn::cli

#endif // ATTN_FRONTEND_CLI_OPTIONS_H
