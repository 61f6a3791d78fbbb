//===- QuotientsTest.cpp - Quotients and remainders of integers -----------===//
//
// Lanes are divided as f64, one number in the integers' own width: dividends
// and divisors along rows, keys, pairs or neither, of both signs, 0 among the
// divisors that are data, and numbers that no register of 32 bits holds.
//
//===----------------------------------------------------------------------===//

#include "test/numerics/Examples.h"

#include "gtest/gtest.h"

using namespace attn;
using namespace attn::numerics;

namespace {

class Quotients : public testing::TestWithParam<const char *> {};

} // namespace

TEST_P(Quotients, MatchTheReference) {
  std::mt19937_64 random(testSeed());
  auto context = makeContext();
  std::string dividend = GetParam();
  for (const char *divisor : {"(rows - 3)", "(keys - 2)", "keys", "(far - 9)",
                              "every", "(rows - keys)", "(0 - M)", "max(m, 1)"})
    for (double every : {7., -1., -6., 1099511627776., -1099511627776.}) {
      if (divisor != llvm::StringRef("every") && every != 7)
        continue;
      std::string text = "attention spec(rows: int8[M], keys: int8[N], far: "
                         "int64[M], every: int64)\n    -> quotients: int64[M], "
                         "rests: int64[M], count: int[M]\n{\n  x = " +
                         dividend + " // " + divisor + "\n  y = " + dividend +
                         " % " + divisor +
                         "\n  quotients = sum[n](x + m - n)\n"
                         "  rests = sum[n](y + m - n)\n"
                         "  count = sum[n](1 where x > 1 or n < m)\n}\n";
      CallSpec call;
      call.sizes = {{"M", 67}, {"N", 131}};
      call.scalars = {{"every", every}};
      call.generators = {
          {"rows", "below 7"}, {"keys", "below 5"}, {"far", "below 40"}};
      expectReferenceValues(text, "spec", "f32", {}, call, /*score=*/1, random,
                            *context);
    }
}

INSTANTIATE_TEST_SUITE_P(Dividends, Quotients,
                         testing::Values("m", "n", "(n - m)", "(m - 40)",
                                         "(n - rows)", "(far + n)",
                                         "(far * 4294967296 + m)"));
