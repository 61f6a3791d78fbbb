//===- ElsewhereTest.cpp - Results that are read at another index ---------===//
//
// What another row, head or key has summed up is complete only when the kernel
// that sums it has ended: such specs take several kernels.
//
//===----------------------------------------------------------------------===//

#include "test/numerics/Examples.h"

#include "gtest/gtest.h"

using namespace attn;
using namespace attn::numerics;

namespace {

constexpr const char *specs[] = {
    // Sums of another row, within and after the sweep.
    "attention spec(q: [M, D], k: [N, D]) -> z: [M]\n{\n"
    "  s = sum[d](q * k)\n  r = sum[n](s)\n"
    "  z = sum[n](s * r[m: M - 1 - m])\n}\n",
    "attention spec(q: [M, D], k: [N, D]) -> z: [M], y: [M]\n{\n"
    "  s = sum[d](q * k)\n  r = sum[n](s)\n  z = r[m: M - 1 - m]\n  y = r\n}\n",
    "attention spec(q: [M, D], k: [N, D]) -> z: [M]\n{\n"
    "  s = sum[d](q * k) * rsqrt(D)\n  r = logsumexp[n](s)\n"
    "  z = r - r[m: max(m - 1, 0)]\n}\n",
    // A maximum that is not the row's own is no base of its sums.
    "attention spec(q: [M, D], k: [N, D]) -> z: [M]\n{\n"
    "  s = tanh(sum[d](q * k))\n  r = max[n](s)\n"
    "  z = sum[n](exp(s - r[m: M - 1 - m]))\n}\n",
    "attention spec(q: [H, M, D], k: [H, N, D], v: [H, N, E], hh: int[H]) -> "
    "o: [H, M, E]\n{\n"
    "  s = tanh(sum[d](q * k))\n  r = max[n](s)\n"
    "  o = sum[n](exp(s - r[h: hh]) * v)\n}\n",
    // The index varies along the swept dimension.
    "attention spec(q: [M, D], k: [N, D]) -> z: [M]\n{\n"
    "  s = sum[d](q * k) * rsqrt(D)\n  r = mean[n](s)\n"
    "  z = sum[n](s * exp(r[m: min(n, M - 1)]))\n}\n",
    // Softmax over the edges of a graph.
    "attention spec(x: [L], dst: int[L], o: [M]) -> z: [M]\n{\n"
    "  mx = max[l](x where dst == m)\n"
    "  z = sum[l](exp(x - mx[m: dst]) where dst == m) + o\n}\n",
    // A channel of the row's own result, and of another row's.
    "attention spec(q: [M, D], k: [N, D], v: [N, E]) -> o: [M, E], p: [M, E]\n"
    "{\n  mask = n <= m\n"
    "  a = sum[n](softmax[n](sum[d](q * k) * rsqrt(D)) * v)\n"
    "  o = a - a[e: E - 1 - e]\n  p = a * a[e: E - 1 - e, m: M // 2]\n}\n",
    // A formula of a result, read through another read.
    "attention spec(q: [M, D], k: [N, D]) -> z: [M]\n{\n"
    "  s = sum[d](q * k) * rsqrt(D)\n  r = tanh(logsumexp[n](s))\n"
    "  t = r + r[m: max(m - 2, 0)]\n"
    "  z = sum[n](s * t[m: min(m + 1, M - 1)]) + r\n}\n",
    // Columns and rows in turn.
    "attention spec(q: [M, D], k: [N, D]) -> z: [M], c: [N]\n{\n"
    "  mask = n <= m + 3\n  s = tanh(sum[d](q * k))\n  r = logsumexp[n](s)\n"
    "  c = sum[m](exp(s - r[m: max(m - 1, 0)]))\n"
    "  z = sum[n](s * tanh(c[n: N - 1 - n] / (1 + M)))\n}\n",
};

class Elsewhere : public testing::TestWithParam<const char *> {};

} // namespace

TEST_P(Elsewhere, MatchesTheReference) {
  std::mt19937_64 random(testSeed());
  auto context = makeContext();
  for (const char *text : specs)
    for (auto [M, N] : {std::pair(1, 1), std::pair(50, 5), std::pair(130, 131),
                        std::pair(67, 200)}) {
      CallSpec call;
      call.sizes = {{"H", 3},  {"M", M},  {"N", N},
                    {"D", 16}, {"E", 24}, {"L", 90}};
      call.generators = {{"dst", "below M"}, {"hh", "below 3"}};
      llvm::StringMap<int64_t> heads;
      for (llvm::StringRef dim : {"D", "E"})
        if (llvm::StringRef(text).contains((dim + "]").str()))
          heads[dim] = call.sizes[dim];
      expectReferenceValues(text, "spec", GetParam(), heads, call,
                            /*score=*/50, random, *context);
    }
}

INSTANTIATE_TEST_SUITE_P(Types, Elsewhere,
                         testing::Values("f32", "f16", "bf16"),
                         [](const testing::TestParamInfo<const char *> &info) {
                           return std::string(info.param);
                         });
