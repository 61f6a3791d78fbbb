//===- Options.cpp - The command line of attnc ----------------------------===//

#include "frontend/cli/Options.h"
#include "frontend/Diagnostics.h"
#include "frontend/cli/Messages.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"

using namespace attn::cli;
namespace cl = llvm::cl;

static const char overview[] =
    R"(attnc - compiles attention variants written as formulas over named dimensions

  attnc run     FILE.attn [NAME] --in q=q.npy --in k=k.npy ... --out out=out.npy
  attnc run     FILE.attn [NAME] --size B=1,H=8,M=1000,N=1000,D=64,E=64 --check
  attnc build   FILE.attn [NAME] -o PATH.{so,o,h,ll,s,ptx,cubin}
  attnc explain FILE.attn [NAME] --size B=1,H=8,M=1000,...
  attnc bench   FILE.attn [NAME] --size B=1,H=8,M=2048,...
  attnc tune    FILE.attn [NAME] --size B=1,H=8,M=2048,... --target sm_90a
  attnc         FILE.attn [NAME] --emit=STAGE

NAME chooses among the specs of a file. `attnc COMMAND --help` lists the options
of a command. Exit status: 0, 1 when a check found a wrong result, 2 for every
error in what was given.)";

namespace {

/// The options are objects of one place, so that nothing is registered before
/// main begins.
struct CommandLine {
  cl::OptionCategory category{"attnc options"};

  cl::SubCommand run{"run", "Run a spec on .npy files or on random values"};
  cl::SubCommand build{"build", "Compile a spec to a library, object or text"};
  cl::SubCommand explain{"explain", "Say what the compiler found and chose"};
  cl::SubCommand bench{"bench", "Check a spec, then measure it"};
  cl::SubCommand tune{"tune", "Measure what a GPU kernel can launch, and keep "
                              "the fastest for later calls"};
  cl::SubCommand &top = cl::SubCommand::getTopLevel();

  cl::opt<std::string> file{
      cl::Positional, cl::Required, cl::desc("FILE.attn"), cl::cat(category),
      cl::sub(top),   cl::sub(run), cl::sub(build),        cl::sub(explain),
      cl::sub(bench), cl::sub(tune)};
  cl::opt<std::string> spec{
      cl::Positional,   cl::desc("[NAME]"), cl::cat(category),
      cl::sub(top),     cl::sub(run),       cl::sub(build),
      cl::sub(explain), cl::sub(bench),     cl::sub(tune)};
  cl::opt<std::string> dtype{
      "dtype",
      cl::desc("Element type of tensors without one: f32 (default), f16, bf16"),
      cl::value_desc("TYPE"),
      cl::init("f32"),
      cl::cat(category),
      cl::sub(top),
      cl::sub(run),
      cl::sub(build),
      cl::sub(explain),
      cl::sub(bench),
      cl::sub(tune)};
  cl::opt<std::string> target{
      "target",
      cl::desc("Machine to compile for: native (default), x86-64-v3, "
               "x86-64-v4, x86-64-v4-bf16, or a GPU: sm_90a, sm_80"),
      cl::value_desc("NAME"),
      cl::init("native"),
      cl::cat(category),
      cl::sub(top),
      cl::sub(run),
      cl::sub(build),
      cl::sub(explain),
      cl::sub(bench),
      cl::sub(tune)};
  cl::list<std::string> settings{
      "set",
      cl::desc("Extents of dimensions to fix at compile time, and, but for "
               "build, values of scalars: D=64,E=64,window=128"),
      cl::value_desc("NAME=VALUE,..."),
      cl::CommaSeparated,
      cl::cat(category),
      cl::sub(top),
      cl::sub(run),
      cl::sub(build),
      cl::sub(explain),
      cl::sub(bench),
      cl::sub(tune)};
  cl::opt<std::string> emit{
      "emit",
      cl::desc("Stop at a stage and print it: ast, attn, simplified, sweeps, "
               "domains, tiles, vector, llvm-dialect, llvm, ptx, asm"),
      cl::value_desc("STAGE"),
      cl::cat(category),
      cl::sub(top),
      cl::sub(build)};
  cl::opt<std::string> output{
      "o",
      cl::desc(
          "File to write: .so or .o to link, .h to include, .ll, .s or "
          ".ptx to read, .cubin; with --emit, - (the default) is the standard "
          "output"),
      cl::value_desc("PATH"),
      cl::cat(category),
      cl::sub(top),
      cl::sub(build)};
  cl::list<std::string> inputs{
      "in",
      cl::desc("File of an input tensor; f16 and bf16 are made from f32"),
      cl::value_desc("NAME=FILE.npy"),
      cl::cat(category),
      cl::sub(run),
      cl::sub(explain),
      cl::sub(bench),
      cl::sub(tune)};
  cl::list<std::string> outputs{
      "out", cl::desc("File for an output tensor; f16 and bf16 become f32"),
      cl::value_desc("NAME=FILE.npy"), cl::cat(category), cl::sub(run)};
  cl::list<std::string> sizes{
      "size",
      cl::desc("Extents; tensors without a file are filled with random values"),
      cl::value_desc("B=1,H=8,..."),
      cl::CommaSeparated,
      cl::cat(category),
      cl::sub(run),
      cl::sub(explain),
      cl::sub(bench),
      cl::sub(tune)};
  cl::opt<std::string> seed{"seed",
                            cl::desc("Seed of the random values (default: 0)"),
                            cl::value_desc("N"),
                            cl::init("0"),
                            cl::cat(category),
                            cl::sub(run),
                            cl::sub(explain),
                            cl::sub(bench),
                            cl::sub(tune)};
  cl::opt<std::string> threads{
      "threads",
      cl::desc("Number of threads (0, the default: all of the machine)"),
      cl::value_desc("N"),
      cl::init("0"),
      cl::cat(category),
      cl::sub(run),
      cl::sub(explain),
      cl::sub(bench)};
  cl::opt<bool> check{
      "check",
      cl::desc("Compare every output with the reference in double precision; "
               "exit status 1 outside the tolerance"),
      cl::cat(category), cl::sub(run)};
  cl::opt<bool> json{"json", cl::desc("Print one JSON object"),
                     cl::cat(category), cl::sub(explain), cl::sub(bench)};
  cl::opt<std::string> svg{"svg", cl::desc("Draw the mask into an SVG file"),
                           cl::value_desc("PATH"), cl::cat(category),
                           cl::sub(explain)};

  /// LLVM takes options of no command where the command has none of the name.
  bool refuseForeignOptions() const {
    if (top || build)
      return false;
    const cl::SubCommand &command = run       ? run
                                    : explain ? explain
                                    : bench   ? bench
                                              : tune;
    llvm::StringRef name = command.getName();
    for (const cl::Option *option : {static_cast<const cl::Option *>(&emit),
                                     static_cast<const cl::Option *>(&output)})
      if (option->getNumOccurrences()) {
        llvm::raw_ostream &error = printError();
        error << "'attnc " << name << "' has no option "
              << (option == &output ? "-" : "--") << option->ArgStr;
        if (run && option == &output)
          error << "; an output goes to a file by --out NAME=FILE.npy";
        error << "; see attnc " << name << " --help\n";
        return true;
      }
    return false;
  }

  Command command() const {
    if (run)
      return Command::Run;
    if (build && emit.empty())
      return Command::Build;
    if (explain)
      return Command::Explain;
    if (bench)
      return Command::Bench;
    if (tune)
      return Command::Tune;
    return Command::Emit;
  }
};

} // namespace

/// Splits "name=value"; both must be there.
static bool splitPairs(const cl::list<std::string> &given,
                       std::vector<NameValue> &pairs) {
  for (llvm::StringRef text : given) {
    auto [name, value] = text.split('=');
    if (name.empty() || value.empty()) {
      printError() << "--" << given.ArgStr << ": expected NAME=VALUE, found '"
                   << text << "'\n";
      return false;
    }
    pairs.emplace_back(name, value);
  }
  return true;
}

static bool readSizes(const cl::list<std::string> &given,
                      llvm::StringMap<int64_t> &sizes) {
  std::vector<NameValue> pairs;
  if (!splitPairs(given, pairs))
    return false;
  for (const auto &[name, value] : pairs) {
    int64_t extent;
    if (llvm::StringRef(value).getAsInteger(10, extent) || extent < 0) {
      printError() << "--size: the extent of " << name
                   << " must be an integer from 0 to 2^63 - 1, found '" << value
                   << "'\n";
      return false;
    }
    if (!sizes.try_emplace(name, extent).second) {
      printError() << "--size: " << name << " is given twice\n";
      return false;
    }
  }
  return true;
}

/// The integer that \p given holds, from 0 to \p largest.
static bool readNumber(const cl::opt<std::string> &given,
                       llvm::StringRef expected, uint64_t largest,
                       uint64_t &number) {
  if (!llvm::StringRef(given).getAsInteger(10, number) && number <= largest)
    return true;
  printError() << "--" << given.ArgStr << ": expected " << expected
               << ", found '" << given << "'\n";
  return false;
}

/// Refuses \p word, with which the command line begins, where it is no command
/// and nothing else that it could mean.
static bool isUnknownCommand(llvm::StringRef word) {
  // Of a file that is missing, its name says more.
  if (word.ends_with(".attn") || llvm::sys::fs::exists(word))
    return false;
  if (llvm::is_contained(commandNames, word)) {
    printError() << "the command '" << word << "' has to come first: attnc "
                 << word << " FILE.attn ...\n";
    return true;
  }
  std::vector<llvm::StringRef> names(std::begin(commandNames),
                                     std::end(commandNames));
  printError() << "'" << word << "' is neither a command ("
               << llvm::join(names, ", ") << ") nor a file"
               << attn::didYouMean(word, names) << '\n';
  return true;
}

/// Before the options are looked at, which are those of another command then.
static bool beginsWithUnknownCommand(int argc, char **argv) {
  llvm::StringRef word = argc > 1 ? argv[1] : "";
  bool isWord = !word.empty() && !word.starts_with("-") &&
                !word.starts_with("@") &&
                !llvm::is_contained(commandNames, word);
  return isWord && isUnknownCommand(word);
}

std::optional<Options> attn::cli::parseCommandLine(int argc, char **argv) {
  if (beginsWithUnknownCommand(argc, argv))
    return std::nullopt;
  // Kept for the whole process: the parser holds on to its options.
  static auto &line = *new CommandLine;
  for (cl::SubCommand *command : {&line.top, &line.run, &line.build,
                                  &line.explain, &line.bench, &line.tune})
    cl::HideUnrelatedOptions(line.category, *command);
  cl::SetVersionPrinter([](llvm::raw_ostream &out) {
    out << "attnc " ATTNC_VERSION ", with LLVM " LLVM_VERSION_STRING "\n";
  });
  if (!cl::ParseCommandLineOptions(argc, argv, overview, &llvm::errs()))
    return std::nullopt;

  if (line.refuseForeignOptions())
    return std::nullopt;
  if (line.emit.getNumOccurrences() && line.emit.empty()) {
    printError() << "--emit: no stage is given; see --help\n";
    return std::nullopt;
  }
  if (line.top && line.file != "-" && isUnknownCommand(line.file))
    return std::nullopt;
  Options options;
  options.command = line.command();
  options.file = line.file;
  options.spec = line.spec;
  options.dtype = line.dtype;
  options.target = line.target;
  options.stage = line.emit;
  options.output = line.output;
  options.check = line.check;
  options.json = line.json;
  options.svg = line.svg;
  uint64_t threads;
  if (!readNumber(line.threads, "a number of threads, 0 for all of the machine",
                  INT32_MAX, threads) ||
      !readNumber(line.seed, "an integer from 0 to 2^64 - 1", UINT64_MAX,
                  options.seed))
    return std::nullopt;
  options.threads = int32_t(threads);
  if (!splitPairs(line.inputs, options.inputs) ||
      !splitPairs(line.outputs, options.outputs) ||
      !splitPairs(line.settings, options.settings) ||
      !readSizes(line.sizes, options.sizes))
    return std::nullopt;
  return options;
}
