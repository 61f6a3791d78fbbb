//===- NumericsTest.cpp - Every example, compiled, against the reference --===//
//
// Each example runs at each of its sizes with ordinary inputs, in permuted
// memory with gaps, with NaN in a few elements of every tensor (NaN has to
// reach the rows that read it and no others) and with scores around 1e4.
//
//===----------------------------------------------------------------------===//

#include "test/numerics/Examples.h"

#include "dialect/HeadSizes.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "gtest/gtest.h"

#include <cmath>
#include <limits>
#include <map>

using namespace mlir;
using namespace attn;
using namespace attn::numerics;

namespace {

/// What is particular about the inputs of a run.
enum class Inputs { Ordinary, Strided, NaN, Huge };

const char *nameOf(Inputs kind) {
  switch (kind) {
  case Inputs::Ordinary:
    return "ordinary";
  case Inputs::Strided:
    return "strided";
  case Inputs::NaN:
    return "NaN";
  case Inputs::Huge:
    return "huge";
  }
  llvm_unreachable("unknown inputs");
}

/// An element type, or "dot": bf16 with dot products of pairs, as machines with
/// AVX512_BF16 have them, on any machine.
using Param = std::pair<std::string, const Example *>;

class Numerics : public testing::TestWithParam<Param> {
protected:
  Numerics() : context(makeContext()), random(testSeed()) {}

  const Example &example() const { return *GetParam().second; }
  bool isDot() const { return GetParam().first == "dot"; }
  StringRef dtype() const {
    return isDot() ? "bf16" : StringRef(GetParam().first);
  }
  std::string target() const { return isDot() ? "x86-64-v3-dot" : "native"; }
  void checkCall(const CallSpec &call);
  void checkRun(const CallSpec &call, Inputs kind);

  /// The formula and the code for the head sizes of \p call.
  struct Compiled {
    OwningOpRef<ModuleOp> formula;
    std::unique_ptr<CompiledSpec> code;
  };
  Compiled *compile(const CallSpec &call);

  std::unique_ptr<MLIRContext> context;
  std::mt19937_64 random;
  std::map<std::string, Compiled> compiled; // by the head sizes
  /// Of the error that is allowed.
  double largestShare = 0;
};

/// Puts NaN into two elements of every floating-point tensor.
void addNaN(SpecOp spec, ReferenceInputs &inputs, std::mt19937_64 &random) {
  for (auto [index, type] : llvm::enumerate(spec.getArgumentTypes())) {
    auto tensor = inputs.tensors.find(spec.getArgName(index));
    if (tensor == inputs.tensors.end() || tensor->second.data.empty() ||
        !isa<FloatType>(cast<QuantityType>(type).getElementType()))
      continue;
    std::vector<double> &data = tensor->second.data;
    for (int i = 0; i < 2; ++i)
      data[random() % data.size()] = std::numeric_limits<double>::quiet_NaN();
  }
}

/// Makes some elements of the first tensor (the queries) 1e4 times as large.
void addHuge(SpecOp spec, ReferenceInputs &inputs, std::mt19937_64 &random) {
  Type element =
      cast<QuantityType>(spec.getArgumentTypes().front()).getElementType();
  for (double &x : inputs.tensors[spec.getArgName(0)].data)
    if (random() % 16 == 0)
      x = roundToElement(element, 1e4 * x);
}

std::string describe(const CallSpec &call) {
  std::map<StringRef, int64_t> sorted;
  for (const auto &size : call.sizes)
    sorted[size.getKey()] = size.getValue();
  std::string text;
  for (auto [name, extent] : sorted)
    text +=
        (text.empty() ? "" : ",") + name.str() + "=" + std::to_string(extent);
  return text;
}

} // namespace

Numerics::Compiled *Numerics::compile(const CallSpec &call) {
  std::string text = exampleText(example().file);
  auto open = emit(text, example().spec, dtype(), {}, *context);
  if (!open)
    return nullptr;
  llvm::StringMap<int64_t> fixed;
  std::string key;
  for (StringAttr dim : headSizes(specOf(*open))) {
    fixed[dim.getValue()] = call.sizes.lookup(dim.getValue());
    key += dim.str() + "=" + std::to_string(fixed[dim.getValue()]) + " ";
  }
  auto [entry, isNew] = compiled.try_emplace(key);
  Compiled &result = entry->second;
  if (!isNew)
    return result.code ? &result : nullptr;
  result.formula = emit(text, example().spec, dtype(), fixed, *context);
  if (!result.formula)
    return nullptr;
  OwningOpRef<ModuleOp> module = result.formula->clone();
  CompileOptions options;
  options.target = target();
  options.hasSmallTiles = random() % 2;
  auto code = CompiledSpec::compile(*module, example().spec, options);
  if (!code) {
    ADD_FAILURE() << "does not compile: " << llvm::toString(code.takeError());
    return nullptr;
  }
  result.code = std::move(*code);
  return &result;
}

void Numerics::checkRun(const CallSpec &call, Inputs kind) {
  Compiled *unit = compile(call);
  if (!unit)
    return;
  SpecOp spec = specOf(*unit->formula);
  auto inputs = makeInputs(spec, call, random);
  ASSERT_TRUE(bool(inputs)) << llvm::toString(inputs.takeError());
  if (kind == Inputs::NaN)
    addNaN(spec, *inputs, random);
  if (kind == Inputs::Huge)
    addHuge(spec, *inputs, random);

  auto reference = ReferenceEvaluator::create(spec, *inputs);
  ASSERT_TRUE(bool(reference)) << llvm::toString(reference.takeError());
  auto outputs = unit->code->run(
      *inputs, kind == Inputs::Strided ? Memory::Strided : Memory::Contiguous,
      random);
  ASSERT_TRUE(bool(outputs)) << llvm::toString(outputs.takeError());

  double score = kind == Inputs::Huge ? 1e5 : example().score;
  double bound =
      errorBound(coarsestElement(spec), reference->longestReduction(), score);
  for (auto [index, got] : llvm::enumerate(*outputs)) {
    HostTensor want = reference->result(index);
    ASSERT_EQ(got.shape, want.shape);
    Comparison compared = compareResult(spec, index, got, want);
    largestShare = std::max(largestShare, compared.worst / bound);
    EXPECT_LE(compared.worst, bound)
        << spec.getResultName(index).str() << " at ["
        << llvm::join(
               llvm::map_range(compared.position,
                               [](int64_t p) { return std::to_string(p); }),
               ", ")
        << "] is " << compared.got << ", expected " << compared.want;
  }
}

/// Sizes of \p example that nobody chose.
static CallSpec randomCall(const Example &example, std::mt19937_64 &random) {
  CallSpec call = example.calls[random() % example.calls.size()];
  bool isOrdered = llvm::all_of(example.calls, [](const CallSpec &call) {
    return call.sizes.lookup("M") <= call.sizes.lookup("N");
  });
  bool isSquare = llvm::all_of(example.calls, [](const CallSpec &call) {
    return call.sizes.lookup("M") == call.sizes.lookup("N");
  });
  for (StringRef dim : {"B", "H", "G", "R"})
    if (call.sizes.contains(dim) && call.sizes[dim] <= 4)
      call.sizes[dim] = 1 + random() % 3;
  // Errors are counted in the largest number of a result. Where weights are
  // alike (flowformer), all rows have the same mean of the values, and that of
  // a single column may be small by chance.
  constexpr int64_t columns = 8;
  if (call.sizes.contains("H") && call.sizes.contains("E"))
    call.sizes["H"] = std::max(
        call.sizes["H"], int64_t(llvm::divideCeil(
                             columns, std::max<int64_t>(call.sizes["E"], 1))));
  int64_t &m = call.sizes["M"], &n = call.sizes["N"];
  m = random() % 300;
  n = random() % 300;
  if (isOrdered && m > n)
    std::swap(m, n);
  if (isSquare)
    n = m;
  return call;
}

TEST_P(Numerics, MatchesTheReference) {
  std::vector<CallSpec> calls = example().calls;
  // One set of sizes is enough to see that a second 16-bit type works.
  if (GetParam().first == "f16")
    calls = {calls[1]};
  calls.push_back(randomCall(example(), random));
  for (const CallSpec &call : calls)
    for (Inputs kind :
         {Inputs::Ordinary, Inputs::Strided, Inputs::NaN, Inputs::Huge}) {
      if (kind == Inputs::Huge && !example().hasHuge)
        continue;
      SCOPED_TRACE(llvm::formatv("{0} --dtype {1} --target {2} --size {3}, "
                                 "{4} inputs, ATTN_TEST_SEED={5}",
                                 example().file, dtype(), target(),
                                 describe(call), nameOf(kind), testSeed())
                       .str());
      checkRun(call, kind);
    }
  RecordProperty("largest_share_of_the_allowed_error",
                 std::to_string(largestShare));
}

static std::vector<Param> allParams() {
  std::vector<Param> params;
  for (const char *type : {"f32", "f16", "bf16", "dot"})
    for (const Example &example : allExamples())
      params.push_back({type, &example});
  return params;
}

INSTANTIATE_TEST_SUITE_P(Examples, Numerics, testing::ValuesIn(allParams()),
                         [](const testing::TestParamInfo<Param> &info) {
                           return info.param.first + "_" +
                                  info.param.second->spec;
                         });

/// Every spec under examples/ has its sizes in cases.json.
TEST(Examples, AreAllTested) {
  std::error_code error;
  for (llvm::sys::fs::directory_iterator file("examples", error), end;
       file != end && !error; file.increment(error)) {
    StringRef name = llvm::sys::path::filename(file->path());
    if (!name.ends_with(".attn"))
      continue;
    std::string errors;
    llvm::raw_string_ostream stream(errors);
    auto parsed = parseSpecFile(exampleText(name), name, stream);
    ASSERT_TRUE(parsed) << errors;
    for (const std::string &spec : parsed->specNames())
      EXPECT_TRUE(llvm::any_of(allExamples(),
                               [&](const Example &example) {
                                 return example.file == name &&
                                        example.spec == spec;
                               }))
          << name.str() << ": " << spec << " is not in cases.json";
  }
}
