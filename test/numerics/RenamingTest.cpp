//===- RenamingTest.cpp - Names of dimensions carry no meaning ------------===//
//
// Every example, with all of its dimensions renamed at random, is scheduled the
// same way and computes the same bits. And a softmax that is written out is
// scheduled as softmax is.
//
//===----------------------------------------------------------------------===//

#include "test/numerics/Examples.h"

#include "dialect/HeadSizes.h"

#include "mlir/IR/AttrTypeSubElements.h"
#include "gtest/gtest.h"

#include <cctype>
#include <map>
#include <set>

using namespace mlir;
using namespace attn;
using namespace attn::numerics;

namespace {

using Names = std::map<std::string, std::string>;

/// Replaces whole identifiers of \p text. In printed IR an underscore ends one:
/// what follows only keeps values apart.
std::string replaceNames(StringRef text, const Names &names,
                         bool isIR = false) {
  std::string result;
  auto isPart = [&](char c) { return std::isalnum(c) || (c == '_' && !isIR); };
  while (!text.empty()) {
    StringRef word = text.take_while(isPart);
    auto found = names.find(word.str());
    result += found == names.end() ? word.str() : found->second;
    text = text.drop_front(word.size());
    StringRef rest = text.take_until(isPart);
    result += rest;
    text = text.drop_front(rest.size());
  }
  return result;
}

/// A random new name for each dimension of \p spec.
Names renameDims(SpecOp spec, std::mt19937_64 &random) {
  Names names;
  std::set<std::string> taken;
  for (auto dim : spec.getDims().getAsRange<StringAttr>()) {
    std::string name;
    do
      name = char('A' + random() % 26) + std::to_string(100 + random() % 900);
    while (!taken.insert(name).second);
    names[dim.str()] = name;
  }
  return names;
}

/// \p names with the index variables: a dimension's name in lower case.
Names withIndices(const Names &names) {
  Names all = names;
  for (const auto &[from, to] : names)
    all[StringRef(from).lower()] = StringRef(to).lower();
  return all;
}

Names inverse(const Names &names) {
  Names back;
  for (const auto &[from, to] : names)
    back[to] = from;
  return back;
}

/// Replaces the names of dimensions wherever \p module has them.
void renameAttributes(ModuleOp module, const Names &names) {
  AttrTypeReplacer replacer;
  // What passes add is named after a dimension: N_blocks and N_block.
  auto renamed = [&](StringAttr name) {
    auto [stem, rest] = name.getValue().split('_');
    auto found = names.find(stem.str());
    return found == names.end()
               ? name
               : StringAttr::get(name.getContext(),
                                 found->second +
                                     name.getValue().substr(stem.size()));
  };
  replacer.addReplacement([&](StringAttr name) -> std::optional<Attribute> {
    return renamed(name);
  });
  replacer.addReplacement([&](DictionaryAttr dict) -> std::optional<Attribute> {
    SmallVector<NamedAttribute> entries;
    for (NamedAttribute entry : dict)
      entries.emplace_back(renamed(entry.getName()),
                           replacer.replace(entry.getValue()));
    return DictionaryAttr::get(dict.getContext(), entries);
  });
  replacer.recursivelyReplaceElementsIn(module, /*replaceAttrs=*/true,
                                        /*replaceLocs=*/false,
                                        /*replaceTypes=*/true);
}

std::string print(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream os(text);
  module.print(os, OpPrintingFlags().assumeVerified());
  return text;
}

class Renaming : public testing::TestWithParam<const Example *> {
protected:
  Renaming() : context(makeContext()), random(testSeed()) {}
  std::unique_ptr<MLIRContext> context;
  std::mt19937_64 random;
};

} // namespace

TEST_P(Renaming, KeepsTheScheduleAndTheBits) {
  const Example &example = *GetParam();
  SCOPED_TRACE("ATTN_TEST_SEED=" + std::to_string(testSeed()));
  std::string text = exampleText(example.file);
  auto open = emit(text, example.spec, "f32", {}, *context);
  ASSERT_TRUE(open);
  Names names = renameDims(specOf(*open), random);
  std::string renamedText = replaceNames(text, withIndices(names));

  CallSpec call = example.calls[1 % example.calls.size()], renamedCall = call;
  renamedCall.sizes.clear();
  for (const auto &[from, to] : names)
    renamedCall.sizes[to] = call.sizes.lookup(from);
  for (auto &generator : renamedCall.generators)
    generator.second = replaceNames(generator.second, names);
  llvm::StringMap<int64_t> fixed, renamedFixed;
  for (StringAttr dim : headSizes(specOf(*open))) {
    fixed[dim] = call.sizes.lookup(dim);
    renamedFixed[names[dim.str()]] = fixed[dim];
  }

  auto original = emit(text, example.spec, "f32", fixed, *context);
  auto renamed = emit(renamedText, example.spec, "f32", renamedFixed, *context);
  ASSERT_TRUE(original && renamed);

  OwningOpRef<ModuleOp> schedule = original->clone();
  OwningOpRef<ModuleOp> renamedSchedule = renamed->clone();
  ASSERT_TRUE(succeeded(lowerTo(Stage::Tiles, *schedule, CompileOptions())));
  ASSERT_TRUE(
      succeeded(lowerTo(Stage::Tiles, *renamedSchedule, CompileOptions())));
  renameAttributes(*renamedSchedule, inverse(names));
  // Values are printed by the hints that they were given: those are names too.
  EXPECT_EQ(replaceNames(print(*renamedSchedule), inverse(withIndices(names)),
                         /*isIR=*/true),
            print(*schedule));

  std::mt19937_64 inputRandom(testSeed()), sameRandom(testSeed());
  auto inputs = makeInputs(specOf(*original), call, inputRandom);
  auto renamedInputs = makeInputs(specOf(*renamed), renamedCall, sameRandom);
  ASSERT_TRUE(inputs && renamedInputs);
  auto run = [&](ModuleOp module, const ReferenceInputs &given) {
    auto code = llvm::cantFail(
        CompiledSpec::compile(module, example.spec, CompileOptions()));
    // Strips of the same indices.
    std::mt19937_64 memoryRandom(testSeed());
    return llvm::cantFail(code->run(given, Memory::Contiguous, memoryRandom));
  };
  auto got = run(*original, *inputs), same = run(*renamed, *renamedInputs);
  ASSERT_EQ(got.size(), same.size());
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_EQ(got[i].data.size(), same[i].data.size());
    for (size_t j = 0; j < got[i].data.size(); ++j)
      ASSERT_TRUE(llvm::bit_cast<uint64_t>(got[i].data[j]) ==
                  llvm::bit_cast<uint64_t>(same[i].data[j]))
          << "output " << i << ", element " << j;
  }
}

static std::vector<const Example *> examplePointers() {
  std::vector<const Example *> pointers;
  for (const Example &example : allExamples())
    pointers.push_back(&example);
  return pointers;
}

INSTANTIATE_TEST_SUITE_P(
    Examples, Renaming, testing::ValuesIn(examplePointers()),
    [](const testing::TestParamInfo<const Example *> &info) {
      return info.param->spec;
    });

TEST(Sweeps, OfASoftmaxWrittenOutAreThoseOfSoftmax) {
  auto context = makeContext();
  auto sweepsOf = [&](StringRef file, StringRef spec) {
    auto module =
        emit(exampleText(file), spec, "f32", {{"D", 64}, {"E", 64}}, *context);
    EXPECT_TRUE(succeeded(lowerTo(Stage::Sweeps, *module, CompileOptions())));
    specOf(*module).setSymName("same");
    return print(*module);
  };
  EXPECT_EQ(sweepsOf("softmax-by-hand.attn", "softmax_by_hand"),
            sweepsOf("causal.attn", "causal"));
}
