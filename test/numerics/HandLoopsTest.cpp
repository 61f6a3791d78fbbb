//===- HandLoopsTest.cpp - The reference against loops written by hand ----===//
//
// The reference evaluator sees a spec through the frontend and would share its
// mistakes. Here the formulas of the papers are loops.
//
//===----------------------------------------------------------------------===//

#include "test/numerics/Examples.h"

#include "gtest/gtest.h"

#include <cmath>

using namespace mlir;
using namespace attn;
using namespace attn::numerics;

namespace {

/// A tensor with an index in parentheses.
struct View {
  const HostTensor &tensor;
  template <typename... Ts> double operator()(Ts... index) const {
    const int64_t position[] = {int64_t(index)...};
    int64_t offset = 0;
    for (size_t axis = 0; axis < sizeof...(Ts); ++axis)
      offset = offset * tensor.shape[axis] + position[axis];
    return tensor.data[offset];
  }
};

class HandLoops : public testing::Test {
protected:
  HandLoops() : context(makeContext()), random(testSeed()) {}

  /// Evaluates \p spec on random inputs of \p sizes.
  void evaluate(StringRef spec, const llvm::StringMap<int64_t> &sizes) {
    const Example &example = findExample(spec);
    CallSpec call = example.calls.front();
    call.sizes = sizes;
    extents = sizes;
    scalars = call.scalars;
    auto module = emit(exampleText(example.file), spec, "f32", {}, *context);
    ASSERT_TRUE(module);
    auto made = makeInputs(specOf(*module), call, random);
    ASSERT_TRUE(bool(made)) << llvm::toString(made.takeError());
    inputs = std::move(*made);
    auto results = evaluateReference(specOf(*module), inputs);
    ASSERT_TRUE(bool(results)) << llvm::toString(results.takeError());
    outputs = std::move(*results);
  }

  View in(StringRef name) { return {inputs.tensors.find(name)->second}; }
  View out(unsigned index = 0) { return {outputs[index]}; }
  int64_t operator[](StringRef dim) { return extents.lookup(dim); }

  /// q . k / sqrt(D) of one pair.
  double score(int64_t b, int64_t h, int64_t m, int64_t n) {
    return dot(b, h, m, n) / std::sqrt((*this)["D"]);
  }
  double dot(int64_t b, int64_t h, int64_t m, int64_t n) {
    double sum = 0;
    for (int64_t d = 0; d < (*this)["D"]; ++d)
      sum += in("q")(b, h, m, d) * in("k")(b, h, n, d);
    return sum;
  }

  /// Checks out[b, h, m, e] = sum of weights(b, h, m)[n] v[b, h, n, e].
  template <typename Fn> void expectRows(Fn weights) {
    for (int64_t b = 0; b < (*this)["B"]; ++b)
      for (int64_t h = 0; h < (*this)["H"]; ++h)
        for (int64_t m = 0; m < (*this)["M"]; ++m) {
          std::vector<double> w = weights(b, h, m);
          for (int64_t e = 0; e < (*this)["E"]; ++e) {
            double sum = 0;
            for (size_t n = 0; n < w.size(); ++n)
              if (w[n] != 0)
                sum += w[n] * in("v")(b, h, n, e);
            ASSERT_NEAR(out()(b, h, m, e), sum, 1e-9 * (1 + std::fabs(sum)))
                << "b=" << b << " h=" << h << " m=" << m << " e=" << e;
          }
        }
  }

  /// Softmax of score(n) over the n that exist(n) accepts.
  template <typename Score, typename Exists>
  std::vector<double> softmax(Score scoreOf, Exists exists) {
    std::vector<double> w((*this)["N"], 0);
    double sum = 0;
    for (size_t n = 0; n < w.size(); ++n)
      if (exists(n))
        sum += w[n] = std::exp(scoreOf(n));
    for (double &x : w)
      x = sum > 0 ? x / sum : 0;
    return w;
  }

  std::unique_ptr<MLIRContext> context;
  std::mt19937_64 random;
  llvm::StringMap<int64_t> extents;
  llvm::StringMap<double> scalars;
  ReferenceInputs inputs;
  std::vector<HostTensor> outputs;
};

const llvm::StringMap<int64_t> sizes = {{"B", 2},  {"H", 3},  {"M", 21},
                                        {"N", 37}, {"D", 10}, {"E", 6}};
const llvm::StringMap<int64_t> square = {{"B", 1},  {"H", 2},  {"M", 41},
                                         {"N", 41}, {"D", 12}, {"E", 7}};

} // namespace

TEST_F(HandLoops, Causal) {
  evaluate("causal", sizes);
  expectRows([&](int64_t b, int64_t h, int64_t m) {
    return softmax([&](int64_t n) { return score(b, h, m, n); },
                   [&](int64_t n) { return n <= m; });
  });
}

TEST_F(HandLoops, GroupedQueries) {
  evaluate(
      "gqa",
      {{"B", 2}, {"G", 2}, {"R", 3}, {"M", 9}, {"N", 14}, {"D", 5}, {"E", 4}});
  for (int64_t b = 0; b < 2; ++b)
    for (int64_t g = 0; g < 2; ++g)
      for (int64_t r = 0; r < 3; ++r)
        for (int64_t m = 0; m < 9; ++m)
          for (int64_t e = 0; e < 4; ++e) {
            double sum = 0, weighted = 0;
            for (int64_t n = 0; n <= m; ++n) {
              double s = 0;
              for (int64_t d = 0; d < 5; ++d)
                s += in("q")(b, g, r, m, d) * in("k")(b, g, n, d);
              double w = std::exp(s / std::sqrt(5.0));
              sum += w;
              weighted += w * in("v")(b, g, n, e);
            }
            ASSERT_NEAR(out()(b, g, r, m, e), weighted / sum, 1e-9);
          }
}

TEST_F(HandLoops, Alibi) {
  evaluate("alibi", square);
  expectRows([&](int64_t b, int64_t h, int64_t m) {
    return softmax(
        [&](int64_t n) { return score(b, h, m, n) - in("slope")(h) * (m - n); },
        [&](int64_t n) { return n <= m; });
  });
}

TEST_F(HandLoops, Documents) {
  evaluate("documents", sizes);
  expectRows([&](int64_t b, int64_t h, int64_t m) {
    return softmax([&](int64_t n) { return score(b, h, m, n); },
                   [&](int64_t n) {
                     return n <= m && in("doc")(b, m) == in("doc")(b, n);
                   });
  });
}

/// The bucket of a relative position as T5's own code has it, but for distances
/// at which its logarithm is a whole number up to rounding.
static int64_t t5Bucket(int64_t relative) {
  int64_t distance = std::abs(relative), side = relative > 0 ? 16 : 0;
  if (distance < 8)
    return side + distance;
  double far = std::log(distance / 8.0) / std::log(128.0 / 8.0) * 8;
  return side + std::min<int64_t>(8 + int64_t(far + 1e-9), 15);
}

TEST_F(HandLoops, T5Bias) {
  evaluate("t5_bias", {{"B", 1},
                       {"H", 2},
                       {"M", 150},
                       {"N", 170},
                       {"D", 4},
                       {"E", 3},
                       {"R", 32}});
  expectRows([&](int64_t b, int64_t h, int64_t m) {
    return softmax(
        [&](int64_t n) {
          return dot(b, h, m, n) + in("table")(t5Bucket(n - m), h);
        },
        [](int64_t) { return true; });
  });
}

TEST_F(HandLoops, MusicTransformer) {
  llvm::StringMap<int64_t> extents = square;
  extents["R"] = 17; // fewer than M: far distances share an entry
  evaluate("music_transformer", extents);
  expectRows([&](int64_t b, int64_t h, int64_t m) {
    return softmax(
        [&](int64_t n) {
          int64_t r = std::max<int64_t>(16 - (m - n), 0);
          double s = 0;
          for (int64_t d = 0; d < 12; ++d)
            s += in("q")(b, h, m, d) *
                 (in("k")(b, h, n, d) + in("relative")(h, r, d));
          return s / std::sqrt(12.0);
        },
        [&](int64_t n) { return n <= m; });
  });
}

TEST_F(HandLoops, RotaryHalves) {
  evaluate("rotary_half", square);
  // Pairs (d, d + 6) turn by position * 10000^(-2 d / 12), as complex numbers.
  auto turned = [&](View x, int64_t b, int64_t h, int64_t position, int64_t d) {
    double angle = position * std::pow(10000.0, -2.0 * (d % 6) / 12);
    double real = x(b, h, position, d % 6), imag = x(b, h, position, d % 6 + 6);
    return d < 6 ? real * std::cos(angle) - imag * std::sin(angle)
                 : real * std::sin(angle) + imag * std::cos(angle);
  };
  expectRows([&](int64_t b, int64_t h, int64_t m) {
    return softmax(
        [&](int64_t n) {
          double s = 0;
          for (int64_t d = 0; d < 12; ++d)
            s += turned(in("q"), b, h, m, d) * turned(in("k"), b, h, n, d);
          return s / std::sqrt(12.0);
        },
        [&](int64_t n) { return n <= m; });
  });
}

TEST_F(HandLoops, RotaryInterleaved) {
  evaluate("rotary_interleaved", square);
  auto turned = [&](View x, int64_t b, int64_t h, int64_t position, int64_t d) {
    int64_t pair = d / 2;
    double angle = position * std::pow(10000.0, -2.0 * pair / 12);
    double real = x(b, h, position, 2 * pair);
    double imag = x(b, h, position, 2 * pair + 1);
    return d % 2 == 0 ? real * std::cos(angle) - imag * std::sin(angle)
                      : real * std::sin(angle) + imag * std::cos(angle);
  };
  expectRows([&](int64_t b, int64_t h, int64_t m) {
    return softmax(
        [&](int64_t n) {
          double s = 0;
          for (int64_t d = 0; d < 12; ++d)
            s += turned(in("q"), b, h, m, d) * turned(in("k"), b, h, n, d);
          return s / std::sqrt(12.0);
        },
        [&](int64_t n) { return n <= m; });
  });
}

TEST_F(HandLoops, SoftplusInTwoStages) {
  evaluate("two_stage_softplus", square);
  expectRows([&](int64_t b, int64_t h, int64_t m) {
    std::vector<double> w(m + 1);
    double first = 0, second = 0;
    for (int64_t n = 0; n <= m; ++n)
      first += w[n] = std::log1p(
          std::exp(std::log(12.0) * std::log(m + 1.0) * score(b, h, m, n)));
    for (double &x : w)
      second += x =
          std::pow(std::max((m + 1) * x / first - (m > 0 ? 1 : 0), 0.0), 3);
    for (double &x : w)
      x = second > 0 ? x / second : 0;
    return w;
  });
}

TEST_F(HandLoops, Flowformer) {
  evaluate("flowformer", sizes);
  int64_t queries = 21, keys = 37, width = 10;
  auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  expectRows([&](int64_t b, int64_t h, int64_t row) {
    // The conservation passes of the paper on its feature vectors.
    auto fq = [&](int64_t m, int64_t d) {
      return sigmoid(in("q")(b, h, m, d));
    };
    auto fk = [&](int64_t n, int64_t d) {
      return sigmoid(in("k")(b, h, n, d));
    };
    std::vector<double> sumK(width, 0), sumQ(width, 0), in(queries, 0),
        out(keys, 0);
    for (int64_t d = 0; d < width; ++d) {
      for (int64_t n = 0; n < keys; ++n)
        sumK[d] += fk(n, d);
      for (int64_t m = 0; m < queries; ++m)
        sumQ[d] += fq(m, d);
    }
    for (int64_t d = 0; d < width; ++d) {
      for (int64_t m = 0; m < queries; ++m)
        in[m] += fq(m, d) * sumK[d];
      for (int64_t n = 0; n < keys; ++n)
        out[n] += fk(n, d) * sumQ[d];
    }
    double conservedIn = 0;
    std::vector<double> competing(keys, 0), w(keys, 0);
    for (int64_t d = 0; d < width; ++d) {
      double kOverOut = 0, qOverIn = 0;
      for (int64_t n = 0; n < keys; ++n)
        kOverOut += fk(n, d) / out[n];
      for (int64_t m = 0; m < queries; ++m)
        qOverIn += fq(m, d) / in[m];
      conservedIn += fq(row, d) * kOverOut;
      for (int64_t n = 0; n < keys; ++n)
        competing[n] += fk(n, d) * qOverIn;
    }
    double sum = 0;
    for (double &c : competing)
      sum += c = std::exp(std::clamp(c, -1.0, 1.0));
    double allocation = sigmoid(conservedIn * queries / keys);
    for (int64_t n = 0; n < keys; ++n)
      for (int64_t d = 0; d < width; ++d)
        w[n] += allocation * fq(row, d) / in[row] * fk(n, d) * keys *
                competing[n] / sum;
    return w;
  });
}

TEST_F(HandLoops, Statistics) {
  evaluate("statistics", square);
  auto weights = [&](int64_t h, int64_t m) {
    return softmax([&](int64_t n) { return score(0, h, m, n); },
                   [&](int64_t n) { return n <= m; });
  };
  expectRows([&](int64_t, int64_t h, int64_t m) { return weights(h, m); });
  for (int64_t h = 0; h < 2; ++h) {
    std::vector<double> mass(41, 0);
    for (int64_t m = 0; m < 41; ++m) {
      double sum = 0, entropy = 0;
      std::vector<double> w = weights(h, m);
      for (int64_t n = 0; n <= m; ++n) {
        sum += std::exp(score(0, h, m, n));
        entropy -= w[n] * std::log(w[n]);
        mass[n] += w[n] / (41 - n);
      }
      EXPECT_NEAR(out(1)(0, h, m), std::log(sum), 1e-9);
      EXPECT_NEAR(out(2)(0, h, m), entropy, 1e-9);
    }
    for (int64_t n = 0; n < 41; ++n)
      EXPECT_NEAR(out(3)(0, h, n), mass[n], 1e-9);
  }
}

TEST_F(HandLoops, NeighborhoodInTwoDimensions) {
  evaluate("neighborhood_2d", {{"B", 1},
                               {"H", 2},
                               {"Y", 6},
                               {"X", 8},
                               {"U", 6},
                               {"W", 8},
                               {"D", 4},
                               {"E", 3}});
  // A window of 5 around the pixel, moved inside the image.
  auto start = [](int64_t i, int64_t extent) {
    return std::clamp<int64_t>(i - 2, 0, extent - 5);
  };
  for (int64_t h = 0; h < 2; ++h)
    for (int64_t y = 0; y < 6; ++y)
      for (int64_t x = 0; x < 8; ++x)
        for (int64_t e = 0; e < 3; ++e) {
          double sum = 0, weighted = 0;
          for (int64_t u = start(y, 6); u < start(y, 6) + 5; ++u)
            for (int64_t w = start(x, 8); w < start(x, 8) + 5; ++w) {
              double s = 0;
              for (int64_t d = 0; d < 4; ++d)
                s += in("q")(0, h, y, x, d) * in("k")(0, h, u, w, d);
              double weight = std::exp(s / 2);
              sum += weight;
              weighted += weight * in("v")(0, h, u, w, e);
            }
          ASSERT_NEAR(out()(0, h, y, x, e), weighted / sum, 1e-9);
        }
}

TEST_F(HandLoops, ThirdOrder) {
  evaluate(
      "third_order",
      {{"B", 1}, {"H", 2}, {"M", 5}, {"N", 6}, {"P", 7}, {"D", 4}, {"E", 3}});
  for (int64_t h = 0; h < 2; ++h)
    for (int64_t m = 0; m < 5; ++m)
      for (int64_t e = 0; e < 3; ++e) {
        double sum = 0, weighted = 0;
        for (int64_t n = 0; n < 6; ++n)
          for (int64_t p = 0; p < 7; ++p) {
            double s = 0;
            for (int64_t d = 0; d < 4; ++d)
              s += in("q")(0, h, m, d) * in("k1")(0, h, n, d) *
                   in("k2")(0, h, p, d);
            double w = std::exp(s / 4);
            sum += w;
            weighted += w * in("v1")(0, h, n, e) * in("v2")(0, h, p, e);
          }
        ASSERT_NEAR(out()(0, h, m, e), weighted / sum, 1e-9);
      }
}

TEST_F(HandLoops, Retention) {
  evaluate("retention", square);
  auto silu = [](double x) { return x / (1 + std::exp(-x)); };
  for (int64_t h = 0; h < 2; ++h) {
    // The recurrence: S <- decay S + k v^T, out = q S.
    double decay = std::exp(-in("rate")(h));
    std::vector<double> state(12 * 7, 0);
    for (int64_t t = 0; t < 41; ++t)
      for (int64_t e = 0; e < 7; ++e) {
        double sum = 0;
        for (int64_t d = 0; d < 12; ++d) {
          double &s = state[d * 7 + e];
          s = decay * s + silu(in("k")(0, h, t, d)) * silu(in("v")(0, h, t, e));
          sum += silu(in("q")(0, h, t, d)) * s;
        }
        ASSERT_NEAR(out()(0, h, t, e), sum, 1e-9);
      }
  }
}

TEST_F(HandLoops, Composite) {
  evaluate("composite", square);
  expectRows([&](int64_t b, int64_t h, int64_t m) {
    return softmax([&](int64_t n) { return score(b, h, m, n); },
                   [&](int64_t n) { return m < 9 ? n == m : n <= m; });
  });
}
