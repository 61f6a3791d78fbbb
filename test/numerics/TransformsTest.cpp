//===- TransformsTest.cpp - Transforms keep the meaning of a spec ---------===//
//
// What the transforms of the formula form make of each example has the same
// value as the example, NaN and scores around 1e4 included.
//
//===----------------------------------------------------------------------===//

#include "test/numerics/Examples.h"

#include "dialect/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "gtest/gtest.h"

#include <limits>

using namespace mlir;
using namespace attn;
using namespace attn::numerics;

namespace {

class Transforms : public testing::TestWithParam<const Example *> {
protected:
  Transforms() : context(makeContext()), random(testSeed()) {}
  void expectSameValues(SpecOp before, SpecOp after, const CallSpec &call,
                        double special);
  std::unique_ptr<MLIRContext> context;
  std::mt19937_64 random;
};

} // namespace

/// Compares on random inputs with \p special in two elements of each tensor.
void Transforms::expectSameValues(SpecOp before, SpecOp after,
                                  const CallSpec &call, double special) {
  auto inputs = makeInputs(before, call, random);
  ASSERT_TRUE(bool(inputs)) << llvm::toString(inputs.takeError());
  if (special != 0)
    for (auto &[name, tensor] : inputs->tensors)
      for (int i = 0; i < 2 && !tensor.data.empty(); ++i)
        tensor.data[random() % tensor.data.size()] = special;
  auto want = evaluateReference(before, *inputs);
  auto got = evaluateReference(after, *inputs);
  ASSERT_TRUE(bool(want)) << llvm::toString(want.takeError());
  ASSERT_TRUE(bool(got)) << llvm::toString(got.takeError());
  for (auto [index, tensor] : llvm::enumerate(*want)) {
    Comparison compared = compareTensors((*got)[index], tensor);
    EXPECT_LE(compared.worst, 1e-9)
        << "output " << index << " is " << compared.got << ", expected "
        << compared.want;
  }
}

TEST_P(Transforms, KeepTheMeaning) {
  const Example &example = *GetParam();
  auto before =
      emit(exampleText(example.file), example.spec, "f32", {}, *context);
  ASSERT_TRUE(before);
  OwningOpRef<ModuleOp> after = before->clone();
  PassManager passes(context.get());
  passes.addNestedPass<SpecOp>(createExpandNormalizers());
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
  passes.addNestedPass<SpecOp>(createFactorSums());
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
  ASSERT_TRUE(succeeded(passes.run(*after)));
  for (const CallSpec &call : example.calls)
    for (double special :
         {0.0, std::numeric_limits<double>::quiet_NaN(), 1e4}) {
      SCOPED_TRACE("special value " + std::to_string(special) +
                   ", ATTN_TEST_SEED=" + std::to_string(testSeed()));
      expectSameValues(specOf(*before), specOf(*after), call, special);
    }
}

static std::vector<const Example *> examplePointers() {
  std::vector<const Example *> pointers;
  for (const Example &example : allExamples())
    pointers.push_back(&example);
  return pointers;
}

INSTANTIATE_TEST_SUITE_P(
    Examples, Transforms, testing::ValuesIn(examplePointers()),
    [](const testing::TestParamInfo<const Example *> &info) {
      return info.param->spec;
    });
