//===- PairsTest.cpp - Pairs that do not exist, and rows without any ------===//
//
// A mask is an iteration domain, not a penalty: nothing behind it is read, and
// a row without pairs, or with none but scores of -inf, gives 0.
//
//===----------------------------------------------------------------------===//

#include "test/numerics/Examples.h"

#include "dialect/HeadSizes.h"

#include "gtest/gtest.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace attn;
using namespace attn::numerics;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double notANumber = std::numeric_limits<double>::quiet_NaN();

class Pairs : public testing::TestWithParam<const char *> {
protected:
  Pairs() : context(makeContext()), random(testSeed()) {}

  /// Makes the inputs of \p spec, lets \p change them and returns the outputs.
  template <typename Fn>
  std::vector<HostTensor> run(StringRef spec, StringRef sizes, Fn change) {
    CallSpec call = findExample(spec).calls.front();
    SmallVector<StringRef> words;
    sizes.split(words, ' ');
    for (StringRef word : words)
      word.split('=').second.getAsInteger(10,
                                          call.sizes[word.split('=').first]);
    auto module =
        emit(exampleText(findExample(spec).file), spec, GetParam(),
             {{"D", call.sizes["D"]}, {"E", call.sizes["E"]}}, *context);
    auto inputs = llvm::cantFail(makeInputs(specOf(*module), call, random));
    change(inputs.tensors);
    CompileOptions options;
    options.hasSmallTiles = random() % 2;
    auto code = CompiledSpec::compile(*module, spec, options);
    if (!code) {
      ADD_FAILURE() << llvm::toString(code.takeError());
      return {HostTensor()};
    }
    return llvm::cantFail((*code)->run(inputs, Memory::Strided, random));
  }

  std::unique_ptr<MLIRContext> context;
  std::mt19937_64 random;
};

using Tensors = llvm::StringMap<HostTensor>;

/// Puts \p value where exists(b, position) does not hold, in a tensor of
/// dimensions [B, H, position, D].
template <typename Fn>
void fillWhere(HostTensor &tensor, double value, Fn exists) {
  int64_t row = tensor.shape[3];
  for (size_t i = 0; i < tensor.data.size(); ++i) {
    int64_t position = int64_t(i) / row % tensor.shape[2];
    int64_t b = int64_t(i) / row / tensor.shape[2] / tensor.shape[1];
    if (!exists(b, position))
      tensor.data[i] = value;
  }
}

void expectFinite(const HostTensor &tensor) {
  for (double value : tensor.data)
    ASSERT_TRUE(std::isfinite(value));
}

} // namespace

TEST_P(Pairs, PaddingIsNotRead) {
  for (double garbage : {notANumber, infinity}) {
    HostTensor length;
    auto out =
        run("encoder", "B=3 H=2 M=70 N=70 D=32 E=32", [&](Tensors &tensors) {
          tensors["length"].data = {0, 17, 70};
          length = tensors["length"];
          for (StringRef name : {"q", "k", "v"})
            fillWhere(tensors[name], garbage, [&](int64_t b, int64_t position) {
              return position < length.data[b];
            });
        })[0];
    expectFinite(out);
    // Rows of padding are 0.
    for (size_t i = 0; i < out.data.size(); ++i) {
      int64_t m = int64_t(i) / 32 % 70, b = int64_t(i) / 32 / 70 / 2;
      if (m >= length.data[b])
        ASSERT_EQ(out.data[i], 0);
    }
  }
}

TEST_P(Pairs, KeysAfterTheLastQueryAreNotRead) {
  for (StringRef spec : {"causal", "softmax_one", "retention", "statistics"}) {
    auto outputs =
        run(spec, "B=1 H=2 M=33 N=150 D=32 E=32", [&](Tensors &tensors) {
          for (StringRef name : {"k", "v"})
            fillWhere(tensors[name], notANumber,
                      [](int64_t, int64_t n) { return n < 33; });
        });
    for (const HostTensor &out : outputs)
      expectFinite(out);
  }
}

TEST_P(Pairs, KeysLeftOutByAFlagAreNotRead) {
  auto out =
      run("key_mask", "B=2 H=2 M=19 N=90 D=32 E=32", [&](Tensors &tensors) {
        const HostTensor &object = tensors["object"];
        for (StringRef name : {"k", "v"})
          fillWhere(tensors[name], notANumber, [&](int64_t b, int64_t n) {
            return object.data[b * 90 + n] == 0;
          });
      })[0];
  expectFinite(out);
}

TEST_P(Pairs, ScoresOfMinusInfinityAreARowWithoutPairs) {
  auto out =
      run("t5_bias", "B=1 H=2 M=40 N=70 D=32 E=32 R=32", [&](Tensors &tensors) {
        for (double &bias : tensors["table"].data)
          bias = -infinity;
      })[0];
  for (double value : out.data)
    ASSERT_EQ(value, 0);
}

TEST_P(Pairs, ASumOverNothingIsZero) {
  for (StringRef spec : {"full", "causal", "relu_attention", "column_softmax",
                         "based_polynomial", "weight_edit_renormalized"}) {
    auto out = run(spec, "B=1 H=2 M=21 N=0 D=32 E=32", [](Tensors &) {})[0];
    for (double value : out.data)
      ASSERT_EQ(value, 0) << spec.str();
  }
}

INSTANTIATE_TEST_SUITE_P(Types, Pairs, testing::Values("f32", "f16", "bf16"),
                         [](const testing::TestParamInfo<const char *> &info) {
                           return std::string(info.param);
                         });

namespace {

class Workspace : public testing::TestWithParam<const Example *> {};

} // namespace

/// Says whether an input has a number for each pair of positions.
static bool readsPairs(SpecOp spec) {
  return llvm::any_of(spec.getArgumentTypes(), [](Type type) {
    auto tensor = cast<QuantityType>(type);
    return llvm::any_of(tensor.getDims(),
                        [](StringAttr dim) { return dim == "M"; }) &&
           llvm::any_of(tensor.getDims(),
                        [](StringAttr dim) { return dim == "N"; });
  });
}

/// No array of all pairs is kept: twice the positions take twice the memory. A
/// mask that is read for each pair has its rows' blocks summarised, which are
/// as many times more as the mask itself.
TEST_P(Workspace, GrowsWithThePositions) {
  const Example &example = *GetParam();
  auto context = makeContext();
  std::string text = exampleText(example.file);
  llvm::StringMap<int64_t> sizes = example.calls[1].sizes, fixed;
  auto open = emit(text, example.spec, "f32", {}, *context);
  ASSERT_TRUE(open);
  for (StringAttr dim : headSizes(specOf(*open)))
    fixed[dim] = sizes.lookup(dim);
  auto module = emit(text, example.spec, "f32", fixed, *context);
  auto code = llvm::cantFail(
      CompiledSpec::compile(*module, example.spec, CompileOptions()));
  auto bytesAt = [&](int64_t positions) {
    // Of two query or key dimensions, one grows.
    for (StringRef dim : {"M", "N", "P", "Y", "U"})
      sizes[dim] = positions;
    // Of tables of blocks, which have at least as many positions.
    for (StringRef dim : {"I", "J"})
      if (example.calls[1].sizes.contains(dim))
        sizes[dim] = positions / 4;
    auto bytes = code->workspaceBytes(sizes, example.calls[1].scalars);
    EXPECT_TRUE(bool(bytes)) << llvm::toString(bytes.takeError());
    return bytes ? *bytes : 0;
  };
  int64_t some = bytesAt(4096), twice = bytesAt(8192);
  EXPECT_LE(twice, (readsPairs(specOf(*open)) ? 4 : 2) * some + 4096);
}

static std::vector<const Example *> examplePointers() {
  std::vector<const Example *> pointers;
  for (const Example &example : allExamples())
    pointers.push_back(&example);
  return pointers;
}

INSTANTIATE_TEST_SUITE_P(
    Examples, Workspace, testing::ValuesIn(examplePointers()),
    [](const testing::TestParamInfo<const Example *> &info) {
      return info.param->spec;
    });
