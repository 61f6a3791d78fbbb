//===- DomainsTest.cpp - Several domains over one score, fixed extents ----===//
//
// Reductions of one score share a sweep. What one of them leaves out, another
// may take; and any extent may be fixed at compile time, not head sizes alone.
//
//===----------------------------------------------------------------------===//

#include "test/numerics/Examples.h"

#include "gtest/gtest.h"

using namespace attn;
using namespace attn::numerics;

namespace {

class Domains : public testing::TestWithParam<const char *> {
protected:
  Domains() : context(makeContext()), random(testSeed()) {}

  void expectMatch(const std::string &body, const std::string &outputs,
                   const llvm::StringMap<int64_t> &fixed) {
    std::string text =
        "attention spec(q: [B, H, M, D], k: [B, H, N, D], v: [B, H, N, E], "
        "w: int) -> " +
        outputs + "\n{\n  s = sum[d](q * k) * rsqrt(D)\n" + body + "}\n";
    SCOPED_TRACE(text);
    CallSpec call;
    call.sizes = {{"B", 2}, {"H", 3}, {"M", 71}, {"N", 67}, {"D", 16}};
    call.sizes["E"] = 17;
    call.scalars = {{"w", 9}};
    expectReferenceValues(text, "spec", GetParam(), fixed, call, /*score=*/50,
                          random, *context);
  }

  const llvm::StringMap<int64_t> heads = {{"D", 16}, {"E", 17}};
  std::unique_ptr<mlir::MLIRContext> context;
  std::mt19937_64 random;
};

} // namespace

TEST_P(Domains, OfOneScoreMayDiffer) {
  const std::string out = "  mask = n <= m\n"
                          "  out = sum[n](softmax[n](s) * v)\n";
  for (const char *other : {
           "sum[n](s where all)",
           "max[n](s where all)",
           "min[n](s where all)",
           "sum[n](s * s where n > m - w)",
           "logsumexp[n](s where all)",
           "logsumexp[n](s where m - n < w)",
           "logsumexp[n](s where n % 3 == 0)",
           "mean[n](sigmoid(s) where not (m - n < w))",
           "sum[n](if s > 1 then 1.0 else 0.0 where all)",
           "sum[n](s ** 2 where s < 1)",
       })
    expectMatch(out + "  z = " + other + "\n", "out, z: f32", heads);
}

TEST_P(Domains, OfTwoSoftmaxesMayDiffer) {
  expectMatch("  near = softmax[n](s where abs(m - n) < w)\n"
              "  far = softmax[n](s where abs(m - n) >= w)\n"
              "  whole = softmax[n](s)\n"
              "  out = sum[n]((near - 0.5 * far + 0.25 * whole) * v)\n",
              "out", heads);
  expectMatch("  p = softmax[n](s where s < 1)\n"
              "  count = sum[n](1.0 where s < 1)\n"
              "  out = sum[n](p * v)\n",
              "out, count: f32", heads);
}

TEST_P(Domains, MayHaveMaximaForEachChannel) {
  for (const llvm::StringMap<int64_t> &fixed :
       {heads, llvm::StringMap<int64_t>()}) {
    expectMatch("  out = sum[n, d](softmax[n](q * k) * v)\n", "out", fixed);
    expectMatch("  z = logsumexp[n](k where n <= m)\n"
                "  out = sum[n](sum[d](silu(q) * exp(k - z)) * v where n <= m)"
                "\n",
                "out", fixed);
  }
}

TEST_P(Domains, MayDependOnSumsOfTheirOwnKernel) {
  // A sum over the keys alone, in a kernel without lanes, bounds the next one.
  for (const char *count : {
           "sum[n](1 where n < sum[n](label))",
           "sum[n](label where label < max[n](label))",
           "sum[n](1 where n % 7 != sum[n](label) % 7)",
           "sum[n](n where n < min[n](label) + 40 and n >= max[n](label) - 70)",
       }) {
    std::string text = std::string("attention spec(q: [M, N], label: int[N]) "
                                   "-> count, out\n{\n  count = ") +
                       count +
                       "\n  out = mean[n](q where n < sum[n](label))\n}\n";
    SCOPED_TRACE(text);
    CallSpec call;
    call.sizes = {{"M", 17}, {"N", 67}};
    expectReferenceValues(text, "spec", GetParam(), {}, call, /*score=*/50,
                          random, *context);
  }
}

TEST_P(Domains, AreTheSameWhateverExtentIsFixed) {
  const std::string softmax = "  mask = n <= m\n"
                              "  out = sum[n](softmax[n](s) * v)\n";
  const std::string sigmoids = "  out = sum[n](sigmoid(s) * v)\n";
  const llvm::StringMap<int64_t> sizes = {{"B", 2},  {"H", 3},  {"M", 71},
                                          {"N", 67}, {"D", 16}, {"E", 17}};
  for (llvm::StringRef dims : {"B", "H", "M", "N", "D", "BH", "MN", "BDE",
                               "HDE", "MDE", "NDE", "BHMNDE"}) {
    llvm::StringMap<int64_t> fixed;
    for (size_t i = 0; i != dims.size(); ++i)
      fixed[dims.substr(i, 1)] = sizes.lookup(dims.substr(i, 1));
    expectMatch(softmax, "out", fixed);
    expectMatch(sigmoids, "out", fixed);
  }
}

INSTANTIATE_TEST_SUITE_P(Types, Domains, testing::Values("f32", "bf16"),
                         [](const testing::TestParamInfo<const char *> &info) {
                           return std::string(info.param);
                         });
