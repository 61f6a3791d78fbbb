//===- attn-check.cpp - Compares one compiled spec with the reference -----===//
//
// attn-check FILE --size B=1,H=2,M=17,N=17,D=64,E=64 [--spec NAME]
//   [--dtype f32] [--set window=5] [--gen doc='sorted 3'] [--strided]
//   [--dynamic] [--seed S] [--repeat N]
// FILE is a spec (.attn) or a module with an attn.spec in formula form (.mlir).
//
//===----------------------------------------------------------------------===//

#include "test/numerics/Harness.h"

#include "dialect/HeadSizes.h"
#include "frontend/Frontend.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;
using namespace attn;
using namespace attn::numerics;
namespace cl = llvm::cl;

static cl::opt<std::string> file(cl::Positional, cl::Required,
                                 cl::desc("FILE.attn or FILE.mlir"));
static cl::opt<std::string> specName("spec",
                                     cl::desc("which spec of the file"));
static cl::list<std::string> sizes("size", cl::CommaSeparated,
                                   cl::desc("DIM=EXTENT,..."));
static cl::list<std::string> settings("set", cl::CommaSeparated,
                                      cl::desc("SCALAR=VALUE,..."));
static cl::list<std::string>
    generators("gen",
               cl::desc("TENSOR=GENERATOR, see test/numerics/Inputs.cpp"));
static cl::opt<std::string> dtype("dtype", cl::init("f32"),
                                  cl::desc("element type of .attn tensors"));
static cl::opt<std::string> target("target", cl::init("native"));
static cl::opt<bool> strided("strided", cl::desc("permuted, gapped memory"));
static cl::opt<bool> dynamic("dynamic", cl::desc("fix no size when compiling"));
static cl::opt<uint64_t> seed("seed", cl::init(1));
static cl::opt<unsigned> repeat("repeat", cl::init(1),
                                cl::desc("runs; the fastest is printed"));
static cl::opt<bool> noCheck("no-check", cl::desc("only time it"));

static llvm::ExitOnError exitOnError("attn-check: ");

static std::pair<StringRef, StringRef> splitSetting(StringRef text) {
  auto [name, value] = text.split('=');
  if (name.empty() || value.empty())
    exitOnError(llvm::createStringError("expected NAME=VALUE: " + text));
  return {name.trim(), value.trim()};
}

static CallSpec readCall() {
  CallSpec call;
  for (StringRef size : sizes) {
    auto [name, value] = splitSetting(size);
    if (value.getAsInteger(10, call.sizes[name]))
      exitOnError(llvm::createStringError("not a size: " + value));
  }
  for (StringRef setting : settings) {
    auto [name, value] = splitSetting(setting);
    if (value.getAsDouble(call.scalars[name]))
      exitOnError(llvm::createStringError("not a number: " + value));
  }
  for (StringRef generator : generators) {
    auto [name, value] = splitSetting(generator);
    call.generators[name] = value.str();
  }
  return call;
}

/// The module with the one spec to check; fixes the head sizes of \p call in
/// what is compiled from text.
static OwningOpRef<ModuleOp> readModule(const CallSpec &call,
                                        MLIRContext &context) {
  if (StringRef(file).ends_with(".mlir"))
    return parseSourceFile<ModuleOp>(file, &context);
  auto text = llvm::MemoryBuffer::getFile(file);
  if (!text)
    exitOnError(llvm::errorCodeToError(text.getError()));
  auto parsed = parseSpecFile((*text)->getBuffer(), file, llvm::errs());
  if (!parsed)
    return {};
  std::string name = specName.empty() ? parsed->specNames().front() : specName;
  EmitOptions options;
  options.dtype = dtype;
  auto module = emitSpec(*parsed, name, options, context, llvm::errs());
  if (!module || dynamic)
    return module;
  for (StringAttr dim : headSizes(*module->getOps<SpecOp>().begin()))
    if (call.sizes.contains(dim.getValue()))
      options.sizes[dim.getValue()] = call.sizes.lookup(dim.getValue());
  return emitSpec(*parsed, name, options, context, llvm::errs());
}

/// Prints how \p got differs; says whether that is within the tolerance.
static bool report(SpecOp spec, ReferenceEvaluator &reference,
                   ArrayRef<HostTensor> got) {
  double bound =
      errorBound(coarsestElement(spec), reference.longestReduction());
  bool isRight = true;
  for (auto [index, tensor] : llvm::enumerate(got)) {
    HostTensor want = reference.result(index);
    if (want.shape != tensor.shape)
      exitOnError(
          llvm::createStringError("shape of " + spec.getResultName(index)));
    Comparison compared = compareResult(spec, index, tensor, want);
    isRight &= compared.worst <= bound;
    llvm::outs() << llvm::formatv(
        "{0}: worst error {1:e3} (allowed {2:e3}) at [{3}]: {4:f7} for "
        "{5:f7}{6}\n",
        spec.getResultName(index), compared.worst, bound,
        llvm::make_range(compared.position.begin(), compared.position.end()),
        compared.got, compared.want, compared.worst <= bound ? "" : "  WRONG");
  }
  return isRight;
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv,
                              "compare a spec with the reference\n");
  CallSpec call = readCall();
  DialectRegistry registry;
  registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  OwningOpRef<ModuleOp> module = readModule(call, context);
  if (!module)
    return 1;
  // Lowering consumes its module; the reference keeps the formula.
  OwningOpRef<ModuleOp> formula = module->clone();
  SpecOp spec = *formula->getOps<SpecOp>().begin();
  for (NamedAttribute size : spec.getSizes())
    call.sizes[size.getName()] = cast<IntegerAttr>(size.getValue()).getInt();

  std::mt19937_64 random(seed);
  ReferenceInputs inputs = exitOnError(makeInputs(spec, call, random));
  CompileOptions options;
  options.target = target;
  auto compiled =
      exitOnError(CompiledSpec::compile(*module, spec.getSymName(), options));
  double seconds = 0;
  auto got = exitOnError(
      compiled->run(inputs, strided ? Memory::Strided : Memory::Contiguous,
                    random, repeat, &seconds));
  llvm::outs() << llvm::formatv("{0}: {1:f3} ms\n", spec.getSymName(),
                                seconds * 1e3);
  if (noCheck)
    return 0;
  auto reference = exitOnError(ReferenceEvaluator::create(spec, inputs));
  return report(spec, reference, got) ? 0 : 1;
}
