//===- Examples.cpp - The specs under examples/ and their cases -----------===//

#include "test/numerics/Examples.h"

#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "gtest/gtest.h"

#include <cstdlib>
#include <random>

using namespace mlir;
using namespace attn;
using namespace attn::numerics;
namespace json = llvm::json;

static llvm::ExitOnError exitOnError("cases.json: ");

static std::string readFile(const llvm::Twine &path) {
  auto file = llvm::MemoryBuffer::getFile(path);
  if (!file)
    exitOnError(llvm::createFileError(path, file.getError()));
  return (*file)->getBuffer().str();
}

/// Reads "B=1 H=2 M=17" into \p sizes.
static void readSizes(StringRef text, llvm::StringMap<int64_t> &sizes) {
  SmallVector<StringRef> words;
  text.split(words, ' ', -1, /*KeepEmpty=*/false);
  for (StringRef word : words) {
    auto [name, extent] = word.split('=');
    if (extent.getAsInteger(10, sizes[name]))
      exitOnError(llvm::createStringError("not a size: " + word));
  }
}

static Example readExample(const json::Object &entry,
                           const json::Object &shapes) {
  Example example;
  example.file = entry.getString("file")->str();
  example.spec = entry.getString("spec")->str();
  example.score = entry.getNumber("score").value_or(example.score);
  example.hasHuge = !entry.getString("noHuge");
  CallSpec common;
  if (const json::Object *scalars = entry.getObject("set"))
    for (const auto &[name, value] : *scalars)
      common.scalars[StringRef(name)] = *value.getAsNumber();
  if (const json::Object *generators = entry.getObject("generators"))
    for (const auto &[name, value] : *generators)
      common.generators[StringRef(name)] = value.getAsString()->str();
  // The shapes are those of a named list, or are written out; "more" names a
  // list beside it.
  const json::Array *list = entry.getArray("shapes");
  if (!list)
    list = shapes.getArray(*entry.getString("shapes"));
  auto add = [&](const json::Array &list) {
    for (const json::Value &shape : list) {
      CallSpec call = common;
      readSizes(*shape.getAsString(), call.sizes);
      example.calls.push_back(call);
    }
  };
  add(*list);
  if (auto more = entry.getString("more"))
    add(*shapes.getArray(*more));
  return example;
}

static std::vector<Example> readExamples() {
  json::Value root =
      exitOnError(json::parse(readFile("test/numerics/cases.json")));
  const json::Object &file = *root.getAsObject();
  std::vector<Example> examples;
  for (const json::Value &entry : *file.getArray("specs"))
    examples.push_back(
        readExample(*entry.getAsObject(), *file.getObject("shapes")));
  return examples;
}

const std::vector<Example> &attn::numerics::allExamples() {
  static const std::vector<Example> examples = readExamples();
  return examples;
}

const Example &attn::numerics::findExample(StringRef spec) {
  return *llvm::find_if(allExamples(), [&](const Example &example) {
    return example.spec == spec;
  });
}

std::string attn::numerics::exampleText(StringRef file) {
  return readFile("examples/" + file);
}

std::unique_ptr<MLIRContext> attn::numerics::makeContext() {
  DialectRegistry registry;
  registerAllDialects(registry);
  return std::make_unique<MLIRContext>(registry,
                                       MLIRContext::Threading::DISABLED);
}

OwningOpRef<ModuleOp>
attn::numerics::emit(StringRef text, StringRef spec, StringRef dtype,
                     const llvm::StringMap<int64_t> &sizes,
                     MLIRContext &context) {
  std::string errors;
  llvm::raw_string_ostream stream(errors);
  OwningOpRef<ModuleOp> module;
  if (auto file = parseSpecFile(text, "example.attn", stream)) {
    EmitOptions options;
    options.dtype = dtype.str();
    options.sizes = sizes;
    module = emitSpec(*file, spec, options, context, stream);
  }
  EXPECT_TRUE(module) << errors;
  return module;
}

void attn::numerics::expectReferenceValues(
    StringRef text, StringRef name, StringRef dtype,
    const llvm::StringMap<int64_t> &fixed, const CallSpec &call, double score,
    std::mt19937_64 &random, MLIRContext &context) {
  std::string trace = (text + "--dtype " + dtype).str();
  for (const auto &size : call.sizes)
    trace += (" " + size.getKey() + "=" + llvm::Twine(size.getValue())).str();
  SCOPED_TRACE(trace + " ATTN_TEST_SEED=" + std::to_string(testSeed()));
  auto formula = emit(text, name, dtype, fixed, context);
  ASSERT_TRUE(formula);
  SpecOp spec = specOf(*formula);
  ReferenceInputs inputs = llvm::cantFail(makeInputs(spec, call, random));
  OwningOpRef<ModuleOp> module = formula->clone();
  CompileOptions options;
  options.hasSmallTiles = random() % 2;
  auto code = CompiledSpec::compile(*module, name, options);
  ASSERT_TRUE(bool(code)) << llvm::toString(code.takeError());
  auto got = llvm::cantFail((*code)->run(inputs, Memory::Strided, random));
  auto reference = llvm::cantFail(ReferenceEvaluator::create(spec, inputs));
  double bound =
      errorBound(coarsestElement(spec), reference.longestReduction(), score);
  for (auto [index, tensor] : llvm::enumerate(got)) {
    Comparison compared =
        compareResult(spec, index, tensor, reference.result(index));
    EXPECT_LE(compared.worst, bound)
        << spec.getResultName(index).str() << " is " << compared.got
        << ", expected " << compared.want;
  }
}

SpecOp attn::numerics::specOf(ModuleOp module) {
  return *module.getOps<SpecOp>().begin();
}

uint64_t attn::numerics::testSeed() {
  static const uint64_t seed = [] {
    const char *given = std::getenv("ATTN_TEST_SEED");
    uint64_t value = given ? std::strtoull(given, nullptr, 10)
                           : uint64_t(std::random_device()());
    llvm::outs() << "repeat with ATTN_TEST_SEED=" << value << "\n";
    llvm::outs().flush();
    return value;
  }();
  return seed;
}
