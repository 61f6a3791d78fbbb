//===- RandomSpecTest.cpp - Specs that nobody wrote, against the reference ===//
//
// Puts together scores, masks, normalisers, edits of the weights and outputs at
// random: what the scheduler makes of a graph must not depend on its being an
// attention that somebody published. A failure prints the spec.
//
// Every function in them is smooth and bounded, so that rounding is all that
// may differ.
//
//===----------------------------------------------------------------------===//

#include "test/numerics/Examples.h"

#include "dialect/HeadSizes.h"

#include "gtest/gtest.h"

using namespace mlir;
using namespace attn;
using namespace attn::numerics;

namespace {

class SpecWriter {
public:
  explicit SpecWriter(std::mt19937_64 &random) : random(random) {}

  std::string write() {
    std::string body;
    auto step = [&](const char *name, const std::string &value) {
      body += std::string("  ") + name + " = " + value + "\n";
    };
    step("near", score());
    step("score", scoreAndOther());
    if (chance(3))
      step("mask", predicate(2));
    step("weight", weight());
    step("row", rowSummary());
    step("edited", edit());
    step("out", output());
    std::string outputs = "out";
    if (chance(2)) {
      step("rows", rowStatistic());
      outputs += ", rows: f32";
    }
    if (chance(2)) {
      step("columns", columnStatistic());
      outputs += ", columns: f32";
    }
    return "attention random(q: [B, H, M, D], k: [" + keyDims() +
           "N, D], v: [B, H, N, E],\n    slope: [H], gain: [B, M], bias: [B, "
           "N], doc: int[B, N],\n    length: int[B], window: int, cap: float) "
           "-> " +
           outputs + "\n{\n" + body + "}\n";
  }

private:
  bool chance(unsigned outOf) { return random() % outOf != 0; }
  std::string oneOf(std::initializer_list<std::string> choices) {
    return choices.begin()[random() % choices.size()];
  }
  std::string keyDims() {
    return oneOf({"B, H, ", "B, H, ", "B, ", "H, ", ""});
  }

  std::string score() {
    std::string dot = "sum[d](" +
                      oneOf({"q * k", "q * k", "sin(q) * k", "q * tanh(k)",
                             "q * k * cap", "(q + 1) * k"}) +
                      ") * rsqrt(D)";
    std::string bent = oneOf({dot, dot, "cap * tanh((" + dot + ") / cap)",
                              "(" + dot + ") * gain", "sin(" + dot + ")"});
    return bent + oneOf({"", "", " + bias", " + slope * (n - m) / 16",
                         " + gain", " - abs(m - n) / 8.0", " + log(float(N))",
                         " + (if doc == 1 then 0.5 else bias)",
                         " + bias[n: (n + m) % N]", " + slope * cos(n - m)"});
  }

  /// A score may look at the score of another pair.
  std::string scoreAndOther() {
    return oneOf({"near", "near", "near", "near + near[n: max(n - 1, 0)] / 2",
                  "near - tanh(near[m: M - 1 - m])",
                  "near + near[h: H - 1 - h] / (2 + abs(bias))",
                  "near / 2 + mean[h](near)",
                  "near + max[h](tanh(near)) - min[h](near * near) / 4"});
  }

  std::string predicate(unsigned depth) {
    std::string leaf =
        oneOf({"n <= m", "m - n < window", "abs(m - n) <= window", "n < length",
               "m < length", "doc == 1", "(m - n) % 3 == 0", "n >= window",
               "doc[n: min(m, N - 1)] == doc", "n != m", "n - m <= N - M",
               "uniform(window, b, h, m, n) < 0.7", "h % 2 == 0 or n <= m",
               "n // 8 == m // 8"});
    if (depth == 0 || random() % 2)
      return leaf;
    return oneOf({"(" + leaf + ") and (" + predicate(depth - 1) + ")",
                  "(" + leaf + ") or (" + predicate(depth - 1) + ")",
                  "not (" + leaf + ")"});
  }

  std::string weight() {
    return oneOf(
        {"softmax[n](score)", "softmax[n](score)", "softmax[m](score)",
         "softmax[m, n](score)", "sigmoid(score)", "exp(tanh(score))",
         "relu(score)", "l1[n](softplus(score))", "score",
         "score - mean[n](score)", "exp(score - max[n](score))",
         "1 + score + score * score / 2", "exp(score - logsumexp[n](score))",
         "softmax[n](score where " + predicate(1) + ")",
         "softmax[n](score) - softmax[n](score where " + predicate(1) + ")",
         "softmax[n](score) + softmax[m](score)", "softmax[h](score)",
         "softmax[n](mean[h](score) where n % 3 != 1) * sigmoid(score)"});
  }

  /// What another row may ask of a row.
  std::string rowSummary() {
    return oneOf({"max[n](score)", "logsumexp[n](score)", "mean[n](score)",
                  "sum[n](abs(weight))", "max[n](score) + gain",
                  "min[n](weight) / (1 + gain * gain)",
                  "max[n](score where all)",
                  "logsumexp[n](score where " + predicate(1) + ")",
                  "mean[n](tanh(score) where " + predicate(1) + ")"});
  }

  std::string edit() {
    return oneOf({"weight",
                  "weight",
                  "weight * weight",
                  "l1[n](weight)",
                  "weight * tanh(row)",
                  "weight * tanh(row[m: M - 1 - m])",
                  "weight * sigmoid(row[m: max(m - 1, 0)] - row)",
                  "weight * sigmoid(row[m: min(n, M - 1)])",
                  "weight * tanh(row[h: H - 1 - h])",
                  "weight / (1 + abs(row[m: m // 2]))",
                  "weight / (1 + sum[n](abs(weight)))",
                  "weight * sigmoid(sum[m](weight) / (1 + M))",
                  "weight * tanh(max[n](weight))",
                  "weight - mean[n](weight)",
                  "(if n == window then weight + 0.5 else weight)",
                  "weight * (if uniform(7, m, n) < 0.3 then 0 else 1.5)",
                  "softmax[n](tanh(weight))",
                  "weight / (1 + sum[m](abs(weight)))",
                  "weight * tanh(max[h](weight)) + mean[h](weight)",
                  "weight / (1 + sum[h](abs(weight)))"});
  }

  std::string output() {
    return oneOf(
        {"sum[n](edited * v)", "sum[n](edited * v)", "mean[n](edited * v)",
         "sum[n](edited * v) * gain", "sum[n](edited * sigmoid(v) * v)",
         "sum[n](edited / (1 + gain * gain) * v)",
         "sum[n](edited * v / (1 + bias * bias))",
         "sum[n](edited * v / (1 + sum[n](abs(edited))))",
         "sum[n](edited * tanh(row) / (1 + abs(row[m: m // 2])) * v)",
         "sum[n](edited * v) * tanh(row[m: M - 1 - m])",
         "sum[n](edited * v) / (1 + sum[n](abs(edited)))",
         "tanh(mean[n](edited * v))",
         "sum[n](edited * softmax[e](v * tanh(near)))",
         "sum[n](edited * v where e <= m)", "sum[n](edited * l1[e](relu(v)))",
         "sum[n](edited * v / (1 + sum[e](abs(v + tanh(score)))))"});
  }

  std::string rowStatistic() {
    return oneOf({"sum[n](abs(edited))", "logsumexp[n](score)", "max[n](score)",
                  "mean[n](edited * edited)", "min[n](weight)",
                  "sum[n](edited * bias)", "tanh(row[m: M - 1 - m])",
                  "logsumexp[m, n](score)", "max[b, h, m, n](score)",
                  "sum[m, n](softmax[m, n](near) * bias)",
                  "sum[n](edited * bias / (1 + gain * gain))",
                  // Without the square, nothing but rounding is left of weights
                  // whose mean is subtracted.
                  "sum[n](edited * edited * tanh(row[m: max(m - 3, 0)]))"});
  }
  std::string columnStatistic() {
    return oneOf({"sum[m](abs(edited))", "mean[m](edited * edited)",
                  "max[m](score)", "sum[m](edited * gain)",
                  "sum[m](edited * gain) * bias",
                  "sum[m](edited * tanh(row[m: M - 1 - m]))",
                  "sum[m](edited / (1 + abs(row)) / (1 + bias * bias))"});
  }

  std::mt19937_64 &random;
};

class RandomSpecs : public testing::TestWithParam<const char *> {};

} // namespace

TEST_P(RandomSpecs, MatchTheReference) {
  std::mt19937_64 random(testSeed());
  auto context = makeContext();
  for (int i = 0; i < 8; ++i) {
    std::string text = SpecWriter(random).write();
    CallSpec call;
    int64_t head =
        std::initializer_list<int64_t>{8, 16, 17, 32, 64}.begin()[random() % 5];
    call.sizes = {{"B", 1 + random() % 2},
                  {"H", 1 + random() % 3},
                  {"M", random() % 130},
                  {"N", random() % 130},
                  {"D", head},
                  {"E", 1 + random() % 40}};
    call.scalars = {{"window", random() % 40}, {"cap", 3}};
    call.generators = {
        {"doc", "below 3"}, {"length", "upto N"}, {"slope", "between 0 1"}};
    // Head sizes are fixed as a rule, and others may be.
    llvm::StringMap<int64_t> fixed;
    for (const auto &[dim, size] : call.sizes)
      if (size > 0 && random() % 8 < (dim == "D" || dim == "E" ? 7 : 1))
        fixed[dim] = size;
    expectReferenceValues(text, "random", GetParam(), fixed, call,
                          /*score=*/200, random, *context);
  }
}

INSTANTIATE_TEST_SUITE_P(Types, RandomSpecs, testing::Values("f32", "bf16"),
                         [](const testing::TestParamInfo<const char *> &info) {
                           return std::string(info.param);
                         });
