//===- Spec.cpp - The spec that a command is about ------------------------===//

#include "frontend/cli/Spec.h"
#include "frontend/cli/Files.h"

#include "lowering/Compile.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace attn;
using namespace attn::cli;

static mlir::DialectRegistry compilerDialects() {
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  return registry;
}

Spec::Spec(const mlir::DialectRegistry &registry)
    : mlirContext(registry, mlir::MLIRContext::Threading::DISABLED),
      diagnostics(mlirContext) {}

std::optional<unsigned> attn::cli::findArgument(SpecOp spec,
                                                llvm::StringRef name) {
  for (unsigned i = 0; i < spec.getArgumentTypes().size(); ++i)
    if (spec.getArgName(i) == name)
      return i;
  return std::nullopt;
}

bool attn::cli::isScalarArgument(SpecOp spec, unsigned index) {
  return !spec.getArgAttr(index, "attn.layout");
}

static std::string joinNames(llvm::ArrayRef<std::string> names) {
  return llvm::join(names, ", ");
}

llvm::Error Spec::chooseName(llvm::StringRef wanted) {
  std::vector<std::string> names = parsed->specNames();
  if (names.empty())
    return userError("'", fileName, "' defines no attention");
  if (wanted.empty() && names.size() > 1)
    return userError("'", fileName,
                     "' defines several specs, name one: ", joinNames(names));
  if (!wanted.empty() && !llvm::is_contained(names, wanted))
    return userError("'", fileName, "' defines no spec '", wanted, "'",
                     suggestName(wanted, names),
                     " (it defines: ", joinNames(names), ")");
  name = wanted.empty() ? names.front() : wanted.str();
  return llvm::Error::success();
}

/// The value of a scalar: a number, true or false.
static std::optional<double> parseScalar(llvm::StringRef text) {
  if (text == "true" || text == "false")
    return text == "true";
  double value;
  bool isRefused = text.getAsDouble(value) ||
                   (std::isinf(value) && !text.contains_insensitive("inf"));
  return isRefused ? std::nullopt : std::optional(value);
}

/// Sorts --set into extents and scalars. The spec is emitted once without fixed
/// extents to know its names.
llvm::Error Spec::readSettings(llvm::ArrayRef<NameValue> settings) {
  SpecOp spec = op();
  std::vector<std::string> names;
  for (mlir::Attribute dim : spec.getDims())
    names.push_back(llvm::cast<mlir::StringAttr>(dim).str());
  size_t numDims = names.size();
  for (unsigned i = 0; i < spec.getArgumentTypes().size(); ++i)
    if (isScalarArgument(spec, i))
      names.push_back(spec.getArgName(i).str());

  llvm::StringSet<> seen;
  for (const auto &[name, value] : settings) {
    if (!seen.insert(name).second)
      return userError("--set: ", name, " is given twice");
    auto it = llvm::find(names, name);
    if (it == names.end())
      return userError(
          "--set: '", this->name, "' has no dimension or scalar called '", name,
          "'", suggestName(name, names), " (it has: ", joinNames(names), ")");
    if (size_t(it - names.begin()) < numDims) {
      int64_t extent;
      if (llvm::StringRef(value).getAsInteger(10, extent) || extent < 0)
        return userError("--set: the extent of ", name,
                         " must be an integer from 0 to 2^63 - 1, found '",
                         value, "'");
      fixedSizes[name] = extent;
      continue;
    }
    std::optional<double> number = parseScalar(value);
    if (!number)
      return userError("--set: the value of ", name,
                       " must be a number, found '", value, "'");
    scalars[name] = *number;
  }
  return llvm::Error::success();
}

/// Prints what the frontend says. What is of no place in the file is of the
/// command line.
static void printMessages(llvm::StringRef messages) {
  for (llvm::StringRef line : llvm::split(messages.rtrim(), '\n')) {
    if (line.consume_front("error: "))
      printError() << line << '\n';
    else if (!line.empty())
      llvm::errs() << line << '\n';
  }
}

std::unique_ptr<Spec> Spec::load(const Options &options) {
  auto fail = [](llvm::Error error) {
    printError() << llvm::toString(std::move(error)) << '\n';
    return nullptr;
  };
  std::unique_ptr<Spec> spec(new Spec(compilerDialects()));
  spec->fileName = options.file;
  auto text = readFile(options.file);
  if (!text)
    return fail(text.takeError());
  spec->source = std::move(*text);
  spec->parsed = parseSpecFile(spec->text(), options.file, llvm::errs());
  if (!spec->parsed)
    return nullptr;
  if (llvm::Error error = spec->chooseName(options.spec))
    return fail(std::move(error));

  EmitOptions emit;
  emit.dtype = options.dtype;
  auto emitModule = [&] {
    std::string messages;
    llvm::raw_string_ostream stream(messages);
    spec->module =
        emitSpec(*spec->parsed, spec->name, emit, spec->mlirContext, stream);
    printMessages(messages);
    return bool(spec->module);
  };
  if (!emitModule())
    return nullptr;
  if (llvm::Error error = spec->readSettings(options.settings))
    return fail(std::move(error));
  if (!spec->fixedSizes.empty()) {
    emit.sizes = spec->fixedSizes;
    if (!emitModule())
      return nullptr;
  }
  return spec;
}

mlir::OwningOpRef<mlir::ModuleOp> Spec::clone() const {
  return mlir::OwningOpRef<mlir::ModuleOp>((*module).clone());
}
