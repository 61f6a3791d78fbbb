//===- SpecCompiler.cpp - From text to an object --------------------------===//

#include "runtime/jit/SpecCompiler.h"
#include "runtime/jit/CompilerIdentity.h"
#include "runtime/jit/EmitCode.h"

#include "dialect/HeadSizes.h"
#include "frontend/Frontend.h"
#include "lowering/Compile.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/IR/LLVMContext.h"

#include "mlir/IR/Diagnostics.h"

using namespace attn;

namespace {

/// A spec in formula form, with the context that it lives in.
class FormulaSpec {
public:
  FormulaSpec()
      : context(mlir::MLIRContext::Threading::DISABLED),
        handler(&context,
                [this](mlir::Diagnostic &diagnostic) { collect(diagnostic); }) {
    context.loadDialect<AttnDialect>();
    context.printOpOnDiagnostic(false);
  }

  /// An error, or nothing.
  std::optional<Error> emit(std::string_view text, std::string_view wanted,
                            const SpecOptions &options);
  SpecOp op() { return *module->getOps<SpecOp>().begin(); }
  std::string print();
  Result<CachedObject> compile(const CompileOptions &options);

  std::string name;

private:
  void collect(const mlir::Diagnostic &diagnostic);

  mlir::MLIRContext context;
  mlir::ScopedDiagnosticHandler handler;
  std::string errors, remarks;
  llvm::StringSet<> remarked;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

} // namespace

/// "LINE:COLUMN: ", or nothing where \p loc has no place in the text.
static std::string placeOf(mlir::Location loc) {
  std::string place;
  loc->walk([&](mlir::Location inner) {
    auto found = llvm::dyn_cast<mlir::FileLineColLoc>(inner);
    if (!found)
      return mlir::WalkResult::advance();
    place = std::to_string(found.getLine()) + ":" +
            std::to_string(found.getColumn()) + ": ";
    return mlir::WalkResult::interrupt();
  });
  return place;
}

/// Remarks and warnings are kept with the kernel, errors are part of an error.
void FormulaSpec::collect(const mlir::Diagnostic &diagnostic) {
  bool isError = diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error;
  std::string text = diagnostic.str() + "\n";
  for (const mlir::Diagnostic &note : diagnostic.getNotes())
    text += "  " + note.str() + "\n";
  if (isError)
    errors += text;
  // What is compiled in several kernels is remarked on in each.
  else if (std::string remark = placeOf(diagnostic.getLocation()) + text;
           remarked.insert(remark).second)
    remarks += remark;
}

std::optional<Error> FormulaSpec::emit(std::string_view text,
                                       std::string_view wanted,
                                       const SpecOptions &options) {
  std::string problems;
  llvm::raw_string_ostream stream(problems);
  auto invalid = [&] {
    return Error{ATTN_STATUS_INVALID_SPEC, problems + errors};
  };
  std::unique_ptr<SpecFile> file = parseSpecFile(text, "<spec>", stream);
  if (!file)
    return invalid();
  std::vector<std::string> names = file->specNames();
  if (wanted.empty() && names.size() != 1) {
    stream << "expected one spec or the name of one, found " << names.size()
           << " specs";
    return invalid();
  }
  name = wanted.empty() ? names.front() : std::string(wanted);
  if (!llvm::is_contained(names, name)) {
    stream << "the text defines no spec '" << name << "'";
    return invalid();
  }
  EmitOptions emitOptions;
  emitOptions.dtype = options.dtype;
  for (const auto &[dim, extent] : options.sizes)
    emitOptions.sizes[dim] = extent;
  module = emitSpec(*file, name, emitOptions, context, stream);
  return module ? std::nullopt : std::optional(invalid());
}

std::string FormulaSpec::print() {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream);
  return text;
}

Result<CachedObject> FormulaSpec::compile(const CompileOptions &options) {
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  context.appendDialectRegistry(registry);
  auto objects = compileToObjects(*module, options);
  if (!objects)
    return Error{ATTN_STATUS_INTERNAL,
                 errors + llvm::toString(objects.takeError())};
  return CachedObject{remarks, std::move(*objects)};
}

static std::vector<llvm::StringRef> buffersOf(const CachedObject &code) {
  std::vector<llvm::StringRef> buffers;
  for (const auto &object : code.objects)
    buffers.push_back(object->getBuffer());
  return buffers;
}

/// Everything about the machine that code for \p options depends on.
static Result<std::string> describeTarget(const CompileOptions &options) {
  auto machine = createTargetMachine(options);
  if (!machine)
    return Error{ATTN_STATUS_UNSUPPORTED_TARGET,
                 llvm::toString(machine.takeError())};
  return ((*machine)->getTargetTriple().str() + " " +
          (*machine)->getTargetCPU() + " " +
          (*machine)->getTargetFeatureString())
      .str();
}

Result<SpecObject> attn::compileSpec(std::string_view text,
                                     std::string_view name,
                                     const SpecOptions &options,
                                     const DiskCache *cache) {
  CompileOptions compileOptions;
  compileOptions.target = options.target;
  Result<std::string> target = describeTarget(compileOptions);
  if (!target)
    return target.error();
  FormulaSpec spec;
  if (std::optional<Error> error = spec.emit(text, name, options))
    return *error;

  std::string key;
  if (cache) {
    key = contentHash(
        {spec.print(), options.target, *target, compilerIdentity()});
    if (std::optional<CachedObject> found = cache->load(key))
      return SpecObject{std::move(*found), spec.name, true};
  }
  Result<CachedObject> object = spec.compile(compileOptions);
  if (!object)
    return object.error();
  if (cache)
    cache->store(key, object->remarks, buffersOf(*object));
  return SpecObject{std::move(*object), spec.name, false};
}

Result<std::vector<HeadSize>> attn::findHeadSizes(std::string_view text,
                                                  std::string_view name,
                                                  const SpecOptions &options) {
  FormulaSpec spec;
  if (std::optional<Error> error = spec.emit(text, name, options))
    return *error;
  std::vector<HeadSize> sizes;
  for (mlir::StringAttr dim : headSizes(spec.op())) {
    if (options.sizes.count(dim.str()))
      continue;
    for (unsigned i = 0; i < spec.op().getArgumentTypes().size(); ++i) {
      auto layout = spec.op().getArgLayout(i);
      auto *it = llvm::find(layout, dim);
      if (it == layout.end())
        continue;
      sizes.push_back({dim.str(), spec.op().getArgName(i).str(),
                       unsigned(it - layout.begin())});
      break;
    }
  }
  return sizes;
}
