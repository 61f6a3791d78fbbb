//===- ReferenceTest.cpp - What the reference evaluator computes ----------===//

#include "dialect/Reference.h"
#include "dialect/ReferenceMath.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Support/FormatVariadic.h"
#include "gtest/gtest.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace attn;
using namespace attn::reference;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double notANumber = std::numeric_limits<double>::quiet_NaN();

class Reference : public testing::Test {
protected:
  Reference() { context.loadDialect<AttnDialect>(); }

  SpecOp parse(StringRef text) {
    module = parseSourceString<ModuleOp>(text, &context);
    return module ? *module->getOps<SpecOp>().begin() : SpecOp();
  }

  std::vector<HostTensor> evaluate(StringRef text,
                                   const ReferenceInputs &inputs) {
    SpecOp spec = parse(text);
    EXPECT_TRUE(spec);
    auto results = evaluateReference(spec, inputs);
    if (!results) {
      ADD_FAILURE() << llvm::toString(results.takeError());
      return {};
    }
    return std::move(*results);
  }

  std::string failure(StringRef text, const ReferenceInputs &inputs) {
    auto results = evaluateReference(parse(text), inputs);
    return results ? "" : llvm::toString(results.takeError());
  }

  MLIRContext context{MLIRContext::Threading::DISABLED};
  OwningOpRef<ModuleOp> module;
};

HostTensor vectorOf(std::vector<double> data) {
  return {{int64_t(data.size())}, data};
}

/// A reduction of x over n <= m.
std::string causalReduce(StringRef kind) {
  return llvm::formatv(R"(
    attn.spec @f(%x: !attn.q<[N], f32> {{attn.name = "x", attn.layout = ["N"]},
                 %y: !attn.q<[M], f32> {{attn.name = "y", attn.layout = ["M"]})
        -> (!attn.q<[M], f32> {{attn.name = "r", attn.layout = ["M"]})
        attributes {{dims = ["M", "N"]} {{
      %m = attn.index "M" : !attn.q<[M], i64>
      %n = attn.index "N" : !attn.q<[N], i64>
      %c = attn.compare lt %n, %m : (!attn.q<[N], i64>, !attn.q<[M], i64>) -> !attn.q<[M, N], i1>
      %r = attn.reduce {0} %x over ["N"] where %c : !attn.q<[N], f32>, !attn.q<[M, N], i1> -> !attn.q<[M], f32>
      attn.return %r : !attn.q<[M], f32>
    })",
                       kind)
      .str();
}

std::string softmaxOverAll(StringRef kind) {
  return llvm::formatv(R"(
    attn.spec @f(%x: !attn.q<[M, N], f32> {{attn.name = "x", attn.layout = ["N", "M"]})
        -> (!attn.q<[M, N], f32> {{attn.name = "r", attn.layout = ["M", "N"]})
        attributes {{dims = ["M", "N"]} {{
      %r = attn.normalize {0} %x over ["N"] : !attn.q<[M, N], f32> -> !attn.q<[M, N], f32>
      attn.return %r : !attn.q<[M, N], f32>
    })",
                       kind)
      .str();
}

} // namespace

TEST_F(Reference, ReducesOverNothingAsTheLanguageSays) {
  ReferenceInputs inputs;
  inputs.tensors["x"] = vectorOf({1, 3, notANumber});
  inputs.tensors["y"] = vectorOf({0, 0, 0});
  auto reduced = [&](StringRef kind) {
    return evaluate(causalReduce(kind), inputs)[0].data;
  };
  // The NaN is in a place that no row looks at.
  EXPECT_EQ(reduced("sum"), (std::vector<double>{0, 1, 4}));
  EXPECT_EQ(reduced("mean"), (std::vector<double>{0, 1, 2}));
  EXPECT_EQ(reduced("max"), (std::vector<double>{-inf, 1, 3}));
  EXPECT_EQ(reduced("min"), (std::vector<double>{inf, 1, 1}));
  auto lse = reduced("logsumexp");
  EXPECT_EQ(lse[0], -inf);
  EXPECT_DOUBLE_EQ(lse[1], 1);
  EXPECT_DOUBLE_EQ(lse[2], std::log(std::exp(1) + std::exp(3)));
}

TEST_F(Reference, ReducesOverADimensionWithoutElements) {
  ReferenceInputs inputs;
  inputs.tensors["x"] = vectorOf({});
  inputs.tensors["y"] = vectorOf({0, 0});
  EXPECT_EQ(evaluate(causalReduce("sum"), inputs)[0].data,
            (std::vector<double>{0, 0}));
  inputs.tensors["y"] = vectorOf({});
  EXPECT_TRUE(evaluate(causalReduce("sum"), inputs)[0].data.empty());
}

TEST_F(Reference, NaNReachesTheRowsThatReadItAndNoOthers) {
  ReferenceInputs inputs;
  inputs.tensors["x"] = vectorOf({1, notANumber, 3});
  inputs.tensors["y"] = vectorOf({0, 0, 0});
  for (const char *kind : {"sum", "mean", "max", "min", "logsumexp"}) {
    auto rows = evaluate(causalReduce(kind), inputs)[0].data;
    EXPECT_DOUBLE_EQ(rows[1], 1) << kind;
    EXPECT_TRUE(std::isnan(rows[2])) << kind;
  }
}

TEST_F(Reference, SoftmaxOfScoresThatAreAllMinusInfinityIsEmpty) {
  ReferenceInputs inputs;
  inputs.tensors["x"] = {{2, 3}, {-inf, -inf, notANumber, -inf, 1e4, 0}};
  auto weights = evaluate(softmaxOverAll("softmax"), inputs)[0].data;
  EXPECT_EQ(weights[0], 0);
  EXPECT_EQ(weights[1], 0);
  EXPECT_EQ(weights[2], 0);
  EXPECT_EQ(weights[3], 1);
  EXPECT_TRUE(std::isnan(weights[4]));
  EXPECT_TRUE(std::isnan(weights[5]));
}

TEST_F(Reference, L1DividesByTheSumOfAbsoluteValues) {
  ReferenceInputs inputs;
  inputs.tensors["x"] = {{2, 2}, {1, 0, -3, 0}};
  EXPECT_EQ(evaluate(softmaxOverAll("l1"), inputs)[0].data,
            (std::vector<double>{0.25, -0.75, 0, 0}));
}

// Sizes beyond one cell, so that a reduction takes several.
TEST_F(Reference, ContractsOverLongDimensions) {
  const char *text = R"(
    attn.spec @f(%a: !attn.q<[M, D], f32> {attn.name = "a", attn.layout = ["D", "M"]},
                 %b: !attn.q<[N, D], f32> {attn.name = "b", attn.layout = ["N", "D"]})
        -> (!attn.q<[M, N], f32> {attn.name = "r", attn.layout = ["N", "M"]})
        attributes {dims = ["M", "N", "D"]} {
      %0 = attn.binary mul %a, %b : (!attn.q<[M, D], f32>, !attn.q<[N, D], f32>) -> !attn.q<[M, N, D], f32>
      %1 = attn.reduce sum %0 over ["D"] : !attn.q<[M, N, D], f32> -> !attn.q<[M, N], f32>
      attn.return %1 : !attn.q<[M, N], f32>
    })";
  int64_t M = 70, N = 101, D = 130;
  ReferenceInputs inputs;
  HostTensor &a = inputs.tensors["a"] = {{D, M}, {}};
  HostTensor &b = inputs.tensors["b"] = {{N, D}, {}};
  for (int64_t i = 0; i < D * M; ++i)
    a.data.push_back(i % 13 - 6);
  for (int64_t i = 0; i < N * D; ++i)
    b.data.push_back(i % 7 - 3);
  HostTensor r = evaluate(text, inputs)[0];
  ASSERT_EQ(r.shape, (std::vector<int64_t>{N, M}));
  for (int64_t n = 0; n < N; ++n)
    for (int64_t m = 0; m < M; ++m) {
      double sum = 0;
      for (int64_t d = 0; d < D; ++d)
        sum += a.data[d * M + m] * b.data[n * D + d];
      ASSERT_EQ(r.data[n * M + m], sum) << n << ", " << m;
    }
  auto evaluator = ReferenceEvaluator::create(parse(text), inputs);
  ASSERT_TRUE(bool(evaluator));
  EXPECT_EQ(evaluator->resultAt(0, {100, 69}), r.data.back());
  EXPECT_EQ(evaluator->resultAt(0, {33, 64}), r.data[33 * M + 64]);
}

TEST_F(Reference, ReadsClampTheirIndices) {
  const char *text = R"(
    attn.spec @f(%x: !attn.q<[N, D], f32> {attn.name = "x", attn.layout = ["N", "D"]},
                 %i: !attn.q<[M], i64> {attn.name = "i", attn.layout = ["M"]})
        -> (!attn.q<[M, D], f32> {attn.name = "r", attn.layout = ["M", "D"]})
        attributes {dims = ["M", "N", "D"]} {
      %r = attn.read %x["N" = %i] : (!attn.q<[N, D], f32>, !attn.q<[M], i64>) -> !attn.q<[M, D], f32>
      attn.return %r : !attn.q<[M, D], f32>
    })";
  ReferenceInputs inputs;
  inputs.tensors["x"] = {{3, 2}, {1, 2, 3, 4, 5, 6}};
  inputs.tensors["i"] = vectorOf({-9, 2, 1, 77});
  EXPECT_EQ(evaluate(text, inputs)[0].data,
            (std::vector<double>{1, 2, 5, 6, 3, 4, 5, 6}));
}

static const char *blocks = R"(
    attn.spec @f(%x: !attn.q<[N], f32> {attn.name = "x", attn.layout = ["N"]},
                 %least: !attn.q<[], i64> {attn.name = "least", attn.default = 2 : i64})
        -> (!attn.q<[L], i64> {attn.name = "r", attn.layout = ["L"]})
        attributes {dims = ["N", "L", "D"], sizes = {D = 3 : i64}} {
      %n = attn.extent "N" : !attn.q<[], i64>
      %d = attn.extent "D" : !attn.q<[], i64>
      %q = attn.binary floordiv %n, %d : (!attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i64>
      attn.define_dim "L" = %q : !attn.q<[], i64>
      %c = attn.compare ge %q, %least : (!attn.q<[], i64>, !attn.q<[], i64>) -> !attn.q<[], i1>
      attn.require %c, "too few blocks" : !attn.q<[], i1>
      %r = attn.index "L" : !attn.q<[L], i64>
      attn.return %r : !attn.q<[L], i64>
    })";

TEST_F(Reference, DefinesExtentsAndChecksRequirements) {
  ReferenceInputs inputs;
  inputs.tensors["x"] = vectorOf(std::vector<double>(8, 0));
  EXPECT_EQ(evaluate(blocks, inputs)[0].data, (std::vector<double>{0, 1}));
  inputs.scalars["least"] = 3;
  EXPECT_EQ(failure(blocks, inputs), "requirement not met: too few blocks");
}

TEST_F(Reference, RefusesInputsThatDisagree) {
  ReferenceInputs inputs;
  EXPECT_EQ(failure(causalReduce("sum"), inputs), "no tensor is given for 'x'");
  inputs.tensors["x"] = {{2, 2}, {1, 2, 3, 4}};
  EXPECT_EQ(failure(causalReduce("sum"), inputs),
            "'x' has 2 dimensions, expected 1");
  inputs.tensors["x"] = {{3}, {1, 2}};
  EXPECT_EQ(failure(causalReduce("sum"), inputs),
            "'x' has 2 elements, its shape says 3");
  inputs.tensors["x"] = vectorOf({1, 2});
  inputs.tensors["y"] = vectorOf({1, 2, 3});
  std::string twice = R"(
    attn.spec @f(%x: !attn.q<[M], f32> {attn.name = "x", attn.layout = ["M"]},
                 %y: !attn.q<[M], f32> {attn.name = "y", attn.layout = ["M"]})
        -> (!attn.q<[M], f32> {attn.name = "r", attn.layout = ["M"]})
        attributes {dims = ["M"]} {
      attn.return %x : !attn.q<[M], f32>
    })";
  EXPECT_EQ(failure(twice, inputs),
            "dimension M has 3 elements in 'y', expected 2");
  std::string none = R"(
    attn.spec @f(%x: !attn.q<[M], f32> {attn.name = "x", attn.layout = ["M"]})
        -> (!attn.q<[M], f32> {attn.name = "r", attn.layout = ["M"]})
        attributes {dims = ["M", "N"]} {
      attn.return %x : !attn.q<[M], f32>
    })";
  EXPECT_EQ(failure(none, inputs),
            "nothing says how many elements dimension N has");
}

TEST_F(Reference, IntegersDivideAsInPython) {
  Type i64 = IntegerType::get(&context, 64);
  auto apply = [&](BinaryKind kind, int64_t a, int64_t b) {
    return applyBinary(kind, i64, wholeNumber(a), wholeNumber(b)).whole;
  };
  EXPECT_EQ(apply(BinaryKind::FloorDiv, -7, 2), -4);
  EXPECT_EQ(apply(BinaryKind::Mod, -7, 2), 1);
  EXPECT_EQ(apply(BinaryKind::FloorDiv, 7, -2), -4);
  EXPECT_EQ(apply(BinaryKind::Mod, 7, -2), -1);
  EXPECT_EQ(apply(BinaryKind::FloorDiv, 7, 0), 0);
  EXPECT_EQ(apply(BinaryKind::Mod, 7, 0), 7);
  EXPECT_EQ(apply(BinaryKind::Shr, -1, 70), -1);
}

TEST_F(Reference, RatioOfZerosIsZero) {
  Type f32 = Float32Type::get(&context);
  auto apply = [&](BinaryKind kind, double a, double b) {
    return applyBinary(kind, f32, realNumber(a), realNumber(b)).real;
  };
  EXPECT_EQ(apply(BinaryKind::Ratio, 0, 0), 0);
  EXPECT_EQ(apply(BinaryKind::Ratio, 1, 0), inf);
  EXPECT_TRUE(std::isnan(apply(BinaryKind::Div, 0, 0)));
}

TEST_F(Reference, ABytesSignIsAMatterOfTheResult) {
  ReferenceInputs inputs;
  inputs.tensors["x"] = vectorOf({0, 127, 128, 200, 255, 256, -1});
  auto results = evaluate(R"(
    attn.spec @f(%x: !attn.q<[N], i64> {attn.name = "x", attn.layout = ["N"]})
        -> (!attn.q<[N], i8> {attn.name = "u", attn.layout = ["N"], attn.type = "uint8"},
            !attn.q<[N], i8> {attn.name = "s", attn.layout = ["N"]})
        attributes {dims = ["N"]} {
      %r = attn.cast %x : !attn.q<[N], i64> -> !attn.q<[N], i8>
      attn.return %r, %r : !attn.q<[N], i8>, !attn.q<[N], i8>
    })",
                          inputs);
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].data,
            (std::vector<double>{0, 127, 128, 200, 255, 0, 255}));
  EXPECT_EQ(results[1].data,
            (std::vector<double>{0, 127, -128, -56, -1, 0, -1}));
}

TEST_F(Reference, RoundsToTheElementType) {
  EXPECT_EQ(roundToElement(BFloat16Type::get(&context), 1 + 0x1p-9), 1);
  EXPECT_EQ(roundToElement(BFloat16Type::get(&context), 1 + 0x1.8p-8),
            1 + 0x1p-7);
  EXPECT_EQ(roundToElement(Float16Type::get(&context), 65520), inf);
  EXPECT_EQ(roundToElement(IntegerType::get(&context, 32), 7), 7);
}

TEST_F(Reference, UniformNumbersAreEvenlySpread) {
  double sum = 0, squares = 0;
  int64_t count = 40000;
  for (int64_t i = 0; i < count; ++i) {
    double u = uniformNumber(7, {i / 200, i % 200});
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    sum += u;
    squares += u * u;
  }
  EXPECT_NEAR(sum / count, 1.0 / 2, 0.01);
  EXPECT_NEAR(squares / count, 1.0 / 3, 0.01);
}
