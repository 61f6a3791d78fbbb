//===- Run.cpp - attnc run ------------------------------------------------===//

#include "frontend/cli/Check.h"
#include "frontend/cli/Commands.h"
#include "frontend/cli/Elements.h"
#include "frontend/cli/Kernel.h"
#include "frontend/cli/Npy.h"

#include <chrono>

using namespace attn;
using namespace attn::cli;

/// --out names outputs and files, once each; checked before anything is
/// computed.
static llvm::Error checkOutputNames(SpecOp spec, const Options &options) {
  std::vector<std::string> names;
  for (unsigned i = 0; i < spec.getResultTypes().size(); ++i)
    names.push_back(spec.getResultName(i).str());
  llvm::StringMap<bool> seen;
  llvm::StringMap<std::string> placed;
  for (const auto &[name, path] : options.outputs) {
    if (!llvm::is_contained(names, name))
      return userError("--out: '", spec.getSymName(),
                       "' has no output called '", name, "'",
                       suggestName(name, names));
    if (!seen.try_emplace(name).second)
      return userError("--out: ", name, " is given twice");
    // Devices take any number.
    auto [place, isNew] = placed.try_emplace(path, name);
    if (!isNew &&
        (!llvm::sys::fs::exists(path) || llvm::sys::fs::is_regular_file(path)))
      return userError("--out: ", place->second, " and ", name, " both go to '",
                       path, "'");
  }
  return llvm::Error::success();
}

/// Each output that --out names, in a file of its own: those of a later one
/// that cannot be written leave no other behind.
static llvm::Error writeOutputs(Call &call, const Options &options) {
  std::vector<PendingFile> files;
  auto write = [&](const std::string &path, DLDataType type,
                   const CallTensor &tensor,
                   llvm::StringRef bytes) -> llvm::Error {
    auto file = writeNpy(path, type, tensor.shape, bytes);
    if (!file)
      return file.takeError();
    files.push_back(std::move(*file));
    return llvm::Error::success();
  };
  for (const auto &[name, path] : options.outputs) {
    auto *output = llvm::find_if(call.outputs(), [&](const CallTensor &tensor) {
      return tensor.name == name;
    });
    DLDataType type = fileType(output->type);
    // As it is: an integer of 64 bits need not fit a double.
    if (type.code == output->type.code && type.bits == output->type.bits) {
      if (llvm::Error error = write(path, type, *output, output->bytes()))
        return error;
      continue;
    }
    auto converted = CallTensor::create(name, type, output->shape);
    if (!converted)
      return converted.takeError();
    for (int64_t i = 0; i < output->size(); ++i)
      storeElement(type, converted->data.get(), i,
                   loadElement(output->type, output->data.get(), i));
    if (llvm::Error error = write(path, type, *output, converted->bytes()))
      return error;
  }
  for (PendingFile &file : files)
    if (llvm::Error error = file.keep())
      return error;
  return llvm::Error::success();
}

/// What was run, when no file shows it.
static void printSummary(Call &call, const Options &options, double seconds) {
  llvm::raw_ostream &out = llvm::outs();
  if (!options.sizes.empty())
    out << "seed " << options.seed << '\n';
  for (CallTensor &output : call.outputs()) {
    out << output.name << ": " << typeName(output.type) << " [";
    llvm::interleaveComma(output.shape, out);
    out << "]\n";
  }
  out << "time: " << llvm::format("%.3f ms", seconds * 1e3) << '\n';
}

llvm::Expected<ExitCode> attn::cli::run(Spec &spec, const Options &options) {
  if (llvm::Error error = checkOutputNames(spec.op(), options))
    return error;
  auto prepared = PreparedCall::create(spec, options);
  if (!prepared)
    return prepared.takeError();
  Call &call = *prepared->call;
  PlannedCall &planned = prepared->planned;

  auto start = std::chrono::steady_clock::now();
  if (llvm::Error error = planned.run())
    return error;
  if (llvm::Error error = planned.wait())
    return error;
  std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;

  if (llvm::Error error = planned.finish())
    return error;
  // A wrong result is written too: it is there to be looked at.
  if (llvm::Error error = writeOutputs(call, options))
    return error;
  printSummary(call, options, time.count());
  if (!options.check)
    return Success;
  constexpr double checkSeconds = 10;
  auto checks = checkOutputs(spec.op(), call, checkSeconds);
  if (!checks)
    return checks.takeError();
  bool passed = true;
  for (const OutputCheck &check : *checks) {
    printCheck(llvm::outs(), check);
    passed &= check.passed();
  }
  return passed ? Success : CheckFailed;
}
