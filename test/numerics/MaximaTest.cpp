//===- MaximaTest.cpp - Exponentials relative to a maximum of any size ----===//
//
// What is relative to a maximum is made with a rounded one, and the sums are
// corrected: from small scores to those next to the largest f32, of both signs,
// with maxima that rise while keys go by. Scores are multiples of their own
// last place, so that they have no error of their own.
//
//===----------------------------------------------------------------------===//

#include "test/numerics/Examples.h"

#include "gtest/gtest.h"

#include <ostream>

using namespace attn;
using namespace attn::numerics;

namespace {

/// Scores are top + step * (0 to 39) + rise * n.
struct Scores {
  double top, step, rise;
};

void PrintTo(const Scores &scores, std::ostream *out) {
  *out << scores.top << " " << scores.step << " " << scores.rise;
}

class Maxima : public testing::TestWithParam<Scores> {
protected:
  /// Runs \p text, a spec of a, v, top, step and rise, with both signs.
  void check(const char *text) const {
    std::mt19937_64 random(testSeed());
    auto context = makeContext();
    const auto &[top, step, rise] = GetParam();
    for (double sign : {1., -1.}) {
      CallSpec call;
      call.sizes = {{"M", 67}, {"N", 1000}, {"E", 5}};
      call.scalars = {{"top", sign * top}, {"step", step}, {"rise", rise}};
      call.generators = {{"a", "below 40"}, {"v", "normal"}};
      expectReferenceValues(text, "spec", "f32", {}, call, /*score=*/16, random,
                            *context);
    }
  }
};

} // namespace

TEST_P(Maxima, MatchTheReference) {
  check("attention spec(a: f32[M, N], v: f32[N, E], top: f32, step: f32,\n"
        "               rise: f32)\n"
        "    -> out: f32[M, E], total: f32[M], lse: f32[M], odd: f32[M],\n"
        "       weights: f32[M, N]\n"
        "{\n"
        "  s = a * step + n * rise + top\n"
        "  weights = softmax[n](s)\n"
        "  out = sum[n](weights * v)\n"
        "  total = sum[n](exp(s - max[n](s)))\n"
        "  lse = logsumexp[n](s)\n"
        "  odd = sum[n](exp(s - max[n](s)) where n % 2 == 1)\n"
        "}\n");
}

// Weights that are rounded for a dot product, where a machine has one, come
// from a shorter polynomial, and so does what the sums are divided by.
TEST_P(Maxima, MatchTheReferenceWithRoundedWeights) {
  check("attention spec(a: f32[M, N], v: bf16[N, E], top: f32, step: f32,\n"
        "               rise: f32)\n"
        "    -> out: f32[M, E], first: f32[M, E]\n"
        "{\n"
        "  s = a * step + n * rise + top\n"
        "  out = sum[n](softmax[n](s) * v)\n"
        "  first = sum[n](softmax[n](s where n < 1) * v where n < 1)\n"
        "}\n");
}

// A weight is at most 1, a sum of them relative to the maximum at least 1, and
// its logarithm not negative: square roots of what is left are numbers.
TEST(Maxima, AreNotExceeded) {
  std::mt19937_64 random(testSeed());
  auto context = makeContext();
  const char *text =
      "attention spec(q: [H, M, D], k: [H, N, D], size: f32)\n"
      "    -> above: int[H, M], below: int[H, M], less: int[H, M]\n"
      "{\n"
      "  s = sum[d](q * k) * size\n"
      "  top = max[n](s where n <= m)\n"
      "  w = softmax[n](s where n <= m)\n"
      "  above = if max[n](w) > 1.0 then 1 else 0\n"
      "  below = if sum[n](exp(s - top) where n <= m) < 1.0 then 1 else 0\n"
      "  less = if logsumexp[n](s where n <= m) < top then 1 else 0\n"
      "}\n";
  for (const char *dtype : {"f32", "bf16"})
    for (double size : {1., 40., 1e5}) {
      CallSpec call;
      call.sizes = {{"H", 40}, {"M", 33}, {"N", 33}, {"D", 16}};
      call.scalars = {{"size", size}};
      expectReferenceValues(text, "spec", dtype, {{"D", 16}}, call,
                            /*score=*/16, random, *context);
    }
}

// 2^29 is where other factors begin, and 2^100.
INSTANTIATE_TEST_SUITE_P(
    Sizes, Maxima,
    testing::Values(Scores{0, 0x1p-3, 0}, Scores{10000, 0x1p-4, 0x1p-6},
                    Scores{0x1p18, 0x1p-4, 0x1p-5}, Scores{0x1p23, 1, 1},
                    Scores{0x1p28, 32, 32}, Scores{0x1p29 - 6400, 32, 0},
                    Scores{0x1p29 - 0x1p15, 64, 64},
                    Scores{0x1p29 + 0x1p15, 64, 64}, Scores{0x1p33, 0x1p10, 0},
                    Scores{0x1p36, 0x1p13, 0x1p13}, Scores{0x1p80, 0x1p57, 0},
                    Scores{0x1p100 - 0x1p87, 0x1p78, 0x1p78},
                    Scores{0x1p100 + 0x1p87, 0x1p78, 0x1p78},
                    Scores{0x1.8p127, 0x1p104, 0x1p104}));
