//===- ChannelsTest.cpp - Formulas along head sizes, and without rows -----===//
//
// Normalisers and conditions along a dimension that a sweep carries whole,
// normalisers of keys over nothing, and maxima that have no free dimension.
//
//===----------------------------------------------------------------------===//

#include "test/numerics/Examples.h"

#include "gtest/gtest.h"

using namespace attn;
using namespace attn::numerics;

namespace {

class Channels : public testing::TestWithParam<const char *> {
protected:
  Channels() : context(makeContext()), random(testSeed()) {}

  /// Of a spec with \p params and the steps \p body, with head sizes that are
  /// fixed and that are not.
  void expectMatch(const std::string &params, const std::string &outputs,
                   const std::string &body) {
    std::string text =
        "attention spec(" + params + ") -> " + outputs + "\n{\n" + body + "}\n";
    SCOPED_TRACE(text);
    const std::pair<const char *, int64_t> sizes[] = {
        {"B", 2}, {"M", 37}, {"N", 19}, {"P", 4}, {"D", 16}, {"E", 17}};
    for (llvm::StringRef dims : {"", "DE", "BN"}) {
      CallSpec call;
      llvm::StringMap<int64_t> fixed;
      for (auto [name, size] : sizes) {
        if (text.find(std::string(name) + ", ") == std::string::npos &&
            text.find(std::string(name) + "]") == std::string::npos)
          continue;
        call.sizes[name] = size;
        if (dims.contains(name))
          fixed[name] = size;
      }
      expectReferenceValues(text, "spec", GetParam(), fixed, call, /*score=*/50,
                            random, *context);
    }
  }

  std::unique_ptr<mlir::MLIRContext> context;
  std::mt19937_64 random;
};

const char heads[] = "q: [M, D], k: [N, D], v: [N, E]";
const std::string score = "  s = sum[d](q * k) * rsqrt(D)\n";

} // namespace

TEST_P(Channels, MayBeNormalised) {
  for (const char *sum : {"sum[n](softmax[n](s) * softmax[e](v * s))",
                          "sum[n](softmax[n](s) * (v + s - mean[e](v + s)))",
                          "sum[n](relu(v + s) / (1 + sum[e](relu(v + s))))",
                          "sum[n](softmax[n](s) * exp(v * s - max[e](v * s)))",
                          // Scores near 0 would be other ones in the norm,
                          // which sums in another order, than above it.
                          "sum[n](l1[e](v * (2 + tanh(s))))"})
    expectMatch(heads, "out", score + "  out = " + sum + "\n");
  expectMatch("q: [M, D], k: [N, D]", "out",
              "  out = sum[n](softmax[d](q * k))\n");
}

TEST_P(Channels, MayBeConditions) {
  for (const char *sum :
       {"sum[n](w * v where e < 2)", "sum[n](w * v where e <= m)",
        "sum[n](w * v where n % 2 == e % 2)", "mean[n](w * v where e + n <= m)",
        "max[n](w * v where n % 3 == e)", "sum[n](w * v where n // 2 == e)"})
    expectMatch("w: [M, N], v: [N, E]", "out",
                std::string("  out = ") + sum + "\n");
  // In kernels of their own, for residues and for what lies beside them.
  const std::string mask = "  mask = (m - n) % 3 == 0 or n <= m\n";
  for (const char *out : {"  p = exp(s - logsumexp[n](s))\n"
                          "  out = sum[n](p * v where e <= m)\n",
                          "  out = sum[n](tanh(s) * v where e <= m and "
                          "((m - n) % 3 == 0 or n <= m))\n"})
    expectMatch(heads, "out", score + mask + out);
  expectMatch("w: [M, N], v: [N, E]", "out",
              "  mask = n % 2 == e % 2\n  out = sum[n](w * v)\n");
}

TEST_P(Channels, OfKeysMayHaveNothingToNormalise) {
  expectMatch("w: [M, N], v: [N, E]", "out",
              "  out = sum[n](w * l1[e](relu(v - 1000)))\n");
  expectMatch("w: [M, N], y: [P, N, E]", "out",
              "  out = sum[n](w * mean[p](y where p < n))\n");
  expectMatch(heads, "out",
              score + "  out = sum[n](softmax[n](s) * softmax[e](if n == 2 "
                      "then -inf else v))\n");
  expectMatch("w: [M, N], t: [P, N], v: [N, E]", "out",
              "  out = sum[n](w * sum[p](softmax[p](t where p < n)) * v)\n");
  // A column without a finite score.
  expectMatch("t: [M, N], v: [N, E]", "out",
              "  s = if n == 1 then -inf else t\n"
              "  out = sum[n](softmax[m](s) * v)\n");
}

TEST_P(Channels, MayBeAllThereIs) {
  expectMatch("s: [N]", "t: f32", "  t = logsumexp[n](s)\n");
  expectMatch("q: [D], k: [N, D], v: [N, E]", "out",
              score + "  out = sum[n](softmax[n](s) * v)\n");
  expectMatch("s: [M, N], v: [N, E]", "out, p",
              "  p = softmax[m, n](s)\n  out = sum[n](p * v)\n");
  expectMatch("s: [M, N], v: [N, E]", "out",
              "  out = sum[m, n](exp(s - max[m, n](s)) * v)\n");
}

TEST_P(Channels, MayBeReadAtAnotherBatch) {
  expectMatch("k: [B, N, D], g: [M, N]", "out",
              "  out = sum[n](softmax[n](k[b: B - 1 - b]) * g)\n");
  expectMatch("k: [B, N, D], g: [M, N]", "out",
              "  out = sum[n](softmax[n](k[b: b]) * g[n: N - 1 - n])\n");
  expectMatch("v: [B, N, E], g: [M, N], h: [B]", "out",
              "  out = sum[n](softmax[n](h + g) * v)\n");
}

TEST_P(Channels, MayBeOfTheSummedDimension) {
  const char *tensors = "q: [M, D], k: [N, D], v: [N, D], w: [D]";
  for (const char *sum :
       {"sum[n](softmax[n](s * w) * v)",
        "sum[n](softmax[n](s * (1 + d / D)) * v)", "sum[n](sigmoid(w * s) * v)",
        "sum[n](softmax[n](q * s) * v)"})
    expectMatch(tensors, "out: [M, D]",
                score + "  out = " + std::string(sum) + "\n");
  expectMatch("q: [M, D], k: [N, D], v: [N, E], g: [P]", "out",
              score + "  out = sum[n](mean[p](sigmoid(g * s)) * v)\n");
}

TEST_P(Channels, MayDependOnEachOtherWithoutRows) {
  for (const char *value :
       {"mean[p]((x - mean[p](x)) ** 2)", "logsumexp[p](x / sum[p](abs(x)))"})
    expectMatch("x: [P]", "out: f32", "  out = " + std::string(value) + "\n");
}

// Scaled scores, whose scale is no power of two, are equal to their maximum.
TEST_P(Channels, ScoresAreTheirMaximum) {
  expectMatch("q: [M, P], k: [N, P]", "out, count: int",
              "  s = sum[p](q * k)\n"
              "  score = s * rsqrt(P + 29)\n"
              "  top = max[n](score)\n"
              "  out = sum[n](s where score == top)\n"
              "  count = sum[n](1 where score == top)\n");
  expectMatch("q: [M, P], k: [N, P]", "picked: int",
              "  score = sum[p](q * k) * rsqrt(P + 29)\n"
              "  best = max[n](score)\n"
              "  picked = sum[m](1 where score == best)\n");
}

INSTANTIATE_TEST_SUITE_P(Types, Channels, testing::Values("f32", "bf16"),
                         [](const testing::TestParamInfo<const char *> &info) {
                           return std::string(info.param);
                         });
