//===- ToleranceTest.cpp - What counts as a difference --------------------===//

#include "dialect/Tolerance.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Support/FormatVariadic.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace attn;

namespace {

/// The worst error of \p got for \p want in a result of type \p element.
double worst(StringRef element, std::vector<double> got,
             std::vector<double> want, bool bothStored = false) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  context.loadDialect<AttnDialect>();
  std::string text = llvm::formatv(R"(
    attn.spec @f(%x: !attn.q<[N], {0}> {{attn.name = "x", attn.layout = ["N"]})
        -> (!attn.q<[N], {0}> {{attn.name = "y", attn.layout = ["N"]})
        attributes {{dims = ["N"]} {{
      attn.return %x : !attn.q<[N], {0}>
    })",
                                   element)
                         .str();
  auto module = parseSourceString<ModuleOp>(text, &context);
  SpecOp spec = *module->getOps<SpecOp>().begin();
  std::vector<int64_t> shape{int64_t(got.size())};
  return compareResult(spec, 0, {shape, got}, {shape, want}, bothStored).worst;
}

} // namespace

TEST(Tolerance, ErrorsAreSharesOfTheLargestElement) {
  EXPECT_EQ(worst("f32", {4, 1.5}, {4, 1}), 0.125);
  EXPECT_EQ(worst("f32", {0x1p-130}, {0x1p-129}), 0x1p-130 - 0x1p-150);
}

TEST(Tolerance, StoringCostsHalfTheSmallestNumber) {
  // The nearest numbers of f16 are 0 and 2^-24, those of bf16 2^-133 apart.
  EXPECT_EQ(worst("f16", {0x1p-24, 0}, {0x1.8p-25, 0x1p-26}), 0);
  EXPECT_EQ(worst("f16", {0, 0}, {0x1.8p-25, 0x1p-26}), 1.0 / 3);
  EXPECT_EQ(worst("f16", {1, 0}, {1, 0x1p-24}), 0x1p-25);
  EXPECT_EQ(worst("bf16", {1, 0}, {1, 0x1p-24}), 0x1p-24);
  EXPECT_EQ(worst("f32", {0x1p-24}, {0x1.8p-25}), 1.0 / 3);
}

TEST(Tolerance, TwoThatWereStoredDifferByTheSmallestNumber) {
  EXPECT_EQ(worst("f16", {0x1p-24}, {0x1p-23}, true), 0);
  EXPECT_EQ(worst("f16", {0x1p-24}, {0x1p-23}, false), 0.25);
}

TEST(Tolerance, NumbersBeyondTheTypeAreInfinite) {
  EXPECT_EQ(worst("f16", {INFINITY, -INFINITY}, {7e4, -7e4}), 0);
  EXPECT_LT(worst("f16", {65504}, {65510}), 1e-4);
  EXPECT_EQ(worst("f16", {INFINITY}, {-7e4}), INFINITY);
  EXPECT_EQ(worst("f16", {INFINITY}, {6e4}), INFINITY);
  EXPECT_EQ(worst("f32", {INFINITY, 1}, {1e300, 1}), 0);
  EXPECT_EQ(worst("bf16", {INFINITY}, {7e4}), INFINITY);
}

TEST(Tolerance, IntegersAreStoredExactly) {
  EXPECT_EQ(worst("i8", {3, 4}, {3, 4}), 0);
  EXPECT_EQ(worst("i8", {3, 500}, {3, 501}), INFINITY);
}
