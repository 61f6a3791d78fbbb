//===- EmptiesTest.cpp - Reads of dimensions without elements -------------===//
//
// The address of a tensor without elements is null here (Harness.cpp), so code
// that loads from one crashes.
//
//===----------------------------------------------------------------------===//

#include "test/numerics/Examples.h"

#include "gtest/gtest.h"

using namespace attn;
using namespace attn::numerics;

namespace {

struct Case {
  const char *what;
  const char *text;
  CallSpec call;
};

CallSpec callOf(std::initializer_list<std::pair<const char *, int64_t>> sizes,
                std::initializer_list<std::pair<const char *, const char *>>
                    generators = {}) {
  CallSpec call;
  for (auto [dim, size] : sizes)
    call.sizes[dim] = size;
  for (auto [tensor, generator] : generators)
    call.generators[tensor] = generator;
  return call;
}

const Case accepted[] = {
    {"a mask without keys",
     "attention spec(q: [M, D], k: [N, D], there: int[N]) -> z: [M], l: [M]\n"
     "{\n  mask = there[n: min(m, N - 1)] > n\n  s = sum[d](q * k)\n"
     "  z = sum[n](s)\n  l = logsumexp[n](s)\n}\n",
     callOf({{"M", 37}, {"N", 0}, {"D", 8}})},
    {"rows that exist by a key, without keys",
     "attention spec(q: [M, D], k: [N, D], there: int[N]) -> z: [M]\n"
     "{\n  mask = there[n: min(m, N - 1)] > 0\n"
     "  z = sum[n](tanh(sum[d](q * k)))\n}\n",
     callOf({{"M", 37}, {"N", 0}, {"D", 8}})},
    {"positions of queries among keys, without keys",
     "attention spec(q: [M, D], k: [N, D], doc: int[N]) -> z: [M]\n"
     "{\n  mask = doc[n: m] == doc\n  z = sum[n](tanh(sum[d](q * k)))\n}\n",
     callOf({{"M", 37}, {"N", 0}, {"D", 8}})},
    {"a window of nothing into a table of nothing",
     "attention spec(q: [M, D], k: [N, D], t: [S]) -> z: [M]\n{\n"
     "  require S == 0\n  mask = 0 <= m - n < S\n"
     "  z = sum[n](tanh(sum[d](q * k)) * t[s: m - n])\n}\n",
     callOf({{"M", 37}, {"N", 41}, {"D", 8}, {"S", 0}})},
    {"the same at an index that depends on data",
     "attention spec(q: [M, D], k: [N, D], t: [S], at: int[N]) -> z: [M]\n{\n"
     "  mask = 0 <= m - n < S\n"
     "  z = sum[n](tanh(sum[d](q * k)) * t[s: at])\n}\n",
     callOf({{"M", 37}, {"N", 41}, {"D", 8}, {"S", 0}})},
    {"pages of a cache that holds nothing yet",
     "attention spec(q: [M, D], k: [N, D], v: [N, E], page: int[P], "
     "used: int[M]) -> z: [M, E]\n{\n"
     "  dim L = 4\n  at = page * L + l\n  mask = p * L + l < used\n"
     "  z = sum[p, l](softmax[p, l](sum[d](q * k[n: at])) * v[n: at])\n}\n",
     callOf({{"M", 37}, {"N", 0}, {"D", 8}, {"E", 8}, {"P", 5}},
            {{"used", "value 0"}})},
    {"data say that pairs exist: they read 0, whatever it is made of",
     "attention spec(q: [M, D], k: [N, D], t: [H, R], u: [R, M], at: int[N], "
     "there: int[N]) -> z: [H, M]\n{\n"
     "  mask = there > 0\n  w = exp(t * u)\n"
     "  z = sum[n](tanh(sum[d](q * k)) * (1 + w[r: at]))\n}\n",
     callOf({{"M", 37}, {"N", 41}, {"D", 8}, {"H", 2}, {"R", 0}})},
    {"conditions choose between a table and a number",
     "attention spec(q: [M, D], k: [N, D], t: int[R], at: int[M]) -> z: [M], "
     "y: [M]\n{\n"
     "  level = if at > 0 then t[r: at] else at\n  mask = n >= level\n"
     "  y = level\n  z = sum[n](tanh(sum[d](q * k)))\n}\n",
     callOf({{"M", 37}, {"N", 41}, {"D", 8}, {"R", 0}})},
    {"rows that a table of rows has none of",
     "attention spec(q: [M, D], k: [N, D], b: [R, N], at: int[M], "
     "there: int[M]) -> z: [M]\n{\n"
     "  mask = n <= m and there > 0\n"
     "  z = sum[n](tanh(sum[d](q * k)) * b[r: at])\n}\n",
     callOf({{"M", 37}, {"N", 41}, {"D", 8}, {"R", 0}})},
    {"no rows to read for",
     "attention spec(q: [M, D], k: [N, D], t: [R], at: int[M]) -> z: [M]\n{\n"
     "  z = t[r: at] + sum[n](tanh(sum[d](q * k)))\n}\n",
     callOf({{"M", 0}, {"N", 41}, {"D", 8}, {"R", 0}})},
};

/// Scores that are all -inf are none, written out by hand too.
constexpr const char *weightsByHand[] = {
    "attention spec(t: [M, N], v: [N, E]) -> o: [M, E], p: [M, N]\n{\n"
    "  p = exp(t - max[n](t))\n  o = sum[n](p * v)\n}\n",
    "attention spec(t: [M, N], v: [N, E]) -> o: [M, E], p: [M, N]\n{\n"
    "  mask = n <= m\n  p = exp(t - max[n](t)) + 1\n"
    "  o = sum[n](exp(t - max[n](t)) * v)\n}\n",
    "attention spec(q: [M, D], k: [N, D], t: [M, N]) -> p: [M, N]\n{\n"
    "  s = sum[d](q * k) + t\n  p = exp(s - max[n](s))\n}\n",
};

class Empties : public testing::TestWithParam<const char *> {};

} // namespace

TEST_P(Empties, ReadZeroWithoutMemory) {
  std::mt19937_64 random(testSeed());
  auto context = makeContext();
  for (const Case &test : accepted) {
    SCOPED_TRACE(test.what);
    llvm::StringMap<int64_t> heads;
    for (llvm::StringRef dim : {"D", "E"})
      if (llvm::StringRef(test.text).contains((dim + "]").str()))
        heads[dim] = test.call.sizes.lookup(dim);
    expectReferenceValues(test.text, "spec", GetParam(), heads, test.call,
                          /*score=*/50, random, *context);
  }
}

TEST_P(Empties, ScoresThatAreAllInfinite) {
  std::mt19937_64 random(testSeed());
  auto context = makeContext();
  for (const char *text : weightsByHand)
    for (const char *scores : {"value -inf", "normal"}) {
      CallSpec call =
          callOf({{"M", 37}, {"N", 41}, {"D", 16}, {"E", 24}}, {{"t", scores}});
      expectReferenceValues(text, "spec", GetParam(), {}, call, /*score=*/16,
                            random, *context);
    }
}

INSTANTIATE_TEST_SUITE_P(Types, Empties, testing::Values("f32", "bf16"),
                         [](const testing::TestParamInfo<const char *> &info) {
                           return std::string(info.param);
                         });

/// What a row's result is made of has to be there.
TEST(EmptyDimensions, AreRefusedWhereSizesTellThatTheyAreLookedAt) {
  constexpr const char *text =
      "attention spec(q: [M, D], k: [N, D], t: [R], at: int[M], bt: [R], "
      "bat: int[N], there: int[N]) -> z: [M]\n{\n"
      "  mask = n <= m and there > 0\n"
      "  z = t[r: min(at, R - 1)] + sum[n](sum[d](q * k) * bt[r: bat])\n}\n";
  std::mt19937_64 random(testSeed());
  auto context = makeContext();
  auto formula = emit(text, "spec", "f32", {{"D", 8}}, *context);
  ASSERT_TRUE(formula);
  mlir::OwningOpRef<mlir::ModuleOp> module = formula->clone();
  auto code =
      llvm::cantFail(CompiledSpec::compile(*module, "spec", CompileOptions()));
  auto refusal = [&](int64_t rows, int64_t entries) {
    CallSpec call = callOf({{"M", rows}, {"N", 5}, {"D", 8}, {"R", entries}});
    auto inputs = llvm::cantFail(makeInputs(specOf(*formula), call, random));
    auto got = code->run(inputs, Memory::Contiguous, random);
    return got ? std::string() : llvm::toString(got.takeError());
  };
  EXPECT_NE(
      refusal(3, 0).find("dimension R is not read while it is empty (line 4)"),
      std::string::npos);
  EXPECT_EQ(refusal(0, 0), "");
  EXPECT_EQ(refusal(3, 1), "");
}
