//===- MeaningTest.cpp - Spec text to numbers -----------------------------===//
//
// What the emitted ops compute by their definitions, against numbers worked out
// by hand: the choices of the language that no single op shows.
//
//===----------------------------------------------------------------------===//

#include "test/unit/frontend/Specs.h"

#include "dialect/AttnOps.h"
#include "dialect/Reference.h"

#include <cmath>

using namespace attn;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

/// The first output of the attention with s: [M, N] = [[1, 2, 3], [4, 5, 6]],
/// x: [N] = [0.5, -1.5, 2.5], i: int[N] = [-7, 0, 7], byte: uint8[N] =
/// [0, 127, 255] and w = 2, whose steps are \p steps.
std::vector<double> evaluate(const std::string &steps) {
  std::string text = "attention f(s: [M, N], x: [N], i: int[N], byte: uint8[N],"
                     " w: int) -> out\n{\n" +
                     steps + "\n}\n";
  std::string messages;
  llvm::raw_string_ostream os(messages);
  auto file = parseSpecFile(text, "spec.attn", os);
  if (!file) {
    ADD_FAILURE() << messages;
    return {};
  }
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  auto module = emitSpec(*file, "f", {}, context, os);
  ReferenceInputs inputs;
  inputs.tensors["s"] = {{2, 3}, {1, 2, 3, 4, 5, 6}};
  inputs.tensors["x"] = {{3}, {0.5, -1.5, 2.5}};
  inputs.tensors["i"] = {{3}, {-7, 0, 7}};
  inputs.tensors["byte"] = {{3}, {0, 127, 255}};
  inputs.scalars["w"] = 2;
  auto results = evaluateReference(*module->getOps<SpecOp>().begin(), inputs);
  if (!results) {
    ADD_FAILURE() << llvm::toString(results.takeError());
    return {};
  }
  return results->front().data;
}

using Numbers = std::vector<double>;

void expectNear(const Numbers &found, const Numbers &expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found[i], expected[i], 1e-6) << "at " << i;
}

} // namespace

TEST(Meaning, IntegersDivideDownwards) {
  EXPECT_EQ(evaluate("  out = i // w"), (Numbers{-4, 0, 3}));
  EXPECT_EQ(evaluate("  out = i % w"), (Numbers{1, 0, 1}));
  EXPECT_EQ(evaluate("  out = i / w"), (Numbers{-3.5, 0, 3.5}));
  EXPECT_EQ(evaluate("  out = floor(i / w)"), (Numbers{-4, 0, 3}));
  EXPECT_EQ(evaluate("  out = ceil(i / w)"), (Numbers{-3, 0, 4}));
  EXPECT_EQ(evaluate("  out = ceil(i / -w)"), (Numbers{4, 0, -3}));
}

TEST(Meaning, RoundingGoesUpFromTheMiddle) {
  EXPECT_EQ(evaluate("  out = round(x)"), (Numbers{1, -1, 3}));
  EXPECT_EQ(evaluate("  out = int(x)"), (Numbers{0, -1, 2}));
  EXPECT_EQ(evaluate("  out = floor(x)"), (Numbers{0, -2, 2}));
}

TEST(Meaning, LiteralPowersAreDefinedBelowZero) {
  EXPECT_EQ(evaluate("  out = i ** 3"), (Numbers{-343, 0, 343}));
  EXPECT_EQ(evaluate("  out = -x ** 2"), (Numbers{-0.25, -2.25, -6.25}));
  EXPECT_EQ(evaluate("  out = i ** 10"), (Numbers{282475249, 0, 282475249}));
}

TEST(Meaning, BytesAreNotNegative) {
  EXPECT_EQ(evaluate("  out = byte + 1"), (Numbers{1, 128, 256}));
}

TEST(Meaning, BitsAndShifts) {
  EXPECT_EQ(evaluate("  out = i & 3 | 8"), (Numbers{9, 8, 11}));
  EXPECT_EQ(evaluate("  out = i >> 1"), (Numbers{-4, 0, 3}));
  EXPECT_EQ(evaluate("  out = (n << 2) ^ 5"), (Numbers{5, 1, 13}));
}

TEST(Meaning, ConditionsBecomeNumbersWhenAsked) {
  EXPECT_EQ(evaluate("  out = float(0 <= i < 7)"), (Numbers{0, 1, 0}));
  EXPECT_EQ(evaluate("  out = int(bool(x - 0.5))"), (Numbers{0, 1, 1}));
  EXPECT_EQ(evaluate("  out = not n == 1 and true"), (Numbers{1, 0, 1}));
}

TEST(Meaning, ReductionsUnderAMask) {
  EXPECT_EQ(evaluate("  mask = n <= m\n  out = sum[n](s)"), (Numbers{1, 9}));
  EXPECT_EQ(evaluate("  mask = n <= m\n  out = mean[n](s)"), (Numbers{1, 4.5}));
  EXPECT_EQ(evaluate("  mask = n < m\n  out = max[n](s)"), (Numbers{-inf, 4}));
  EXPECT_EQ(evaluate("  mask = n < m\n  out = mean[n](s)"), (Numbers{0, 4}));
  EXPECT_EQ(evaluate("  mask = n <= m\n  out = sum[n](s where n > 0)"),
            (Numbers{0, 5}));
  EXPECT_EQ(evaluate("  mask = n <= m\n  out = sum[n](s where all)"),
            (Numbers{6, 15}));
  EXPECT_EQ(evaluate("  mask = n <= m\n  out = sum[n](x where mask)"),
            (Numbers{0.5, -1}));
  EXPECT_EQ(evaluate("  mask = n <= m\n  out = sum[n](1 where mask)"),
            (Numbers{1, 2}));
}

TEST(Meaning, WhatDoesNotExistIsSkippedOrZero) {
  std::string p = "  p = l1[n](s where n > 0)\n";
  expectNear(evaluate(p + "  out = p"), {0, 0.4, 0.6, 0, 5 / 11., 6 / 11.});
  // Twice the weights and one more for each element that exists.
  expectNear(evaluate(p + "  out = sum[n](2 * p + 1)"), {4, 4});
  expectNear(evaluate(p + "  out = sum[n](2 * p + 1 where all)"), {4, 4});
  expectNear(evaluate(p + "  out = mean[n](p)"), {0.5, 0.5});
  expectNear(evaluate(p + "  out = mean[n](p where all)"), {1 / 3., 1 / 3.});
  expectNear(evaluate(p + "  out = min[n](p)"), {0.4, 5 / 11.});
  expectNear(evaluate(p + "  out = min[n](if m == 0 then p else -x)"),
             {0.4, -2.5});
  expectNear(evaluate(p + "  out = p[n: 0] + p[n: m + 1]"), {0.4, 6 / 11.});
}

TEST(Meaning, APairWithoutExistenceIsZeroInAnOutput) {
  EXPECT_EQ(evaluate("  out = s\n  mask = n <= m"),
            (Numbers{1, 0, 0, 4, 5, 0}));
  EXPECT_EQ(evaluate("  mask = n <= m\n  out = n + 1"), (Numbers{1, 2, 3}));
}

TEST(Meaning, ReadsGoElsewhere) {
  EXPECT_EQ(evaluate("  out = x[n: 2 - n]"), (Numbers{2.5, -1.5, 0.5}));
  EXPECT_EQ(evaluate("  out = s[m: 1, n: m + 1]"), (Numbers{5, 6}));
  EXPECT_EQ(evaluate("  t = s + x\n  out = t[n: 0]"), (Numbers{1.5, 4.5}));
}

TEST(Meaning, ExtentsAreCeilings) {
  EXPECT_EQ(evaluate("  dim P = ceil(N / w), L = 2\n"
                     "  out = sum[l](if p * L + l < N\n"
                     "               then x[n: min(p * L + l, N - 1)] else 0)"),
            (Numbers{-1, 2.5}));
}
