//===- minilm.cpp - The attention of a real sentence encoder --------------===//
//
// minilm SPEC DATA PICTURE
//
// Compiles SPEC (examples/minilm.attn) in this process, runs it on the inputs
// of each layer in DATA (examples/data/minilm), compares with the output that
// the encoder had, and draws to PICTURE where the tokens of one sentence look.
//
//===----------------------------------------------------------------------===//

#include "Picture.h"

#include "attn/attn.hpp"

#include <xtensor/xarray.hpp>
#include <xtensor/xnpy.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace {

/// Throws a message: this program ends at the first thing that goes wrong.
[[noreturn]] void fail(const std::string &message) {
  throw std::runtime_error(message);
}

template <typename T> T &valueOf(attn::Result<T> &result) {
  if (!result)
    fail(result.error().message);
  return *result;
}

void check(attn_status_t status) {
  if (status != ATTN_STATUS_OK)
    fail(attn_last_error());
}

/// A view of memory as an argument of a kernel.
class Tensor {
public:
  template <typename T>
  Tensor(const char *name, T *data, std::vector<int64_t> shape,
         std::vector<int64_t> strides = {})
      : name(name), shape(std::move(shape)), strides(std::move(strides)) {
    tensor.data = const_cast<std::remove_const_t<T> *>(data);
    tensor.device = {kDLCPU, 0};
    tensor.ndim = int(this->shape.size());
    tensor.dtype = {uint8_t(std::is_floating_point_v<T> ? kDLFloat : kDLInt),
                    8 * sizeof(T), 1};
    tensor.shape = this->shape.data();
    tensor.strides = this->strides.empty() ? nullptr : this->strides.data();
    tensor.byte_offset = 0;
  }
  Tensor(const Tensor &) = delete;

  attn_arg_t argument() const {
    return {name, ATTN_ARG_TENSOR, 0, &tensor, 0, 0};
  }

private:
  const char *name;
  std::vector<int64_t> shape, strides;
  DLTensor tensor;
};

template <typename T>
xt::xarray<T> load(const std::string &data, const std::string &name) {
  return xt::load_npy<T>(data + "/sentences_" + name + ".npy");
}

template <typename T> std::vector<int64_t> shapeOf(const xt::xarray<T> &array) {
  return {array.shape().begin(), array.shape().end()};
}

std::string readText(const std::string &path) {
  std::ifstream file(path);
  if (!file)
    fail("cannot read " + path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Seconds of the median of some runs, after one that is not counted.
double medianTime(const attn::Plan &plan) {
  std::vector<double> times;
  check(plan.run());
  for (int i = 0; i < 51; ++i) {
    auto start = std::chrono::steady_clock::now();
    check(plan.run());
    times.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
            .count());
  }
  std::nth_element(times.begin(), times.begin() + 25, times.end());
  return times[25];
}

/// Runs layer \p layer; returns the largest error relative to the largest
/// output.
double runLayer(attn::Compiler &compiler, const std::string &spec,
                const std::string &data, int layer) {
  std::string prefix = "layer" + std::to_string(layer) + "_";
  auto q = load<float>(data, prefix + "q"), k = load<float>(data, prefix + "k");
  auto v = load<float>(data, prefix + "v");
  auto want = load<float>(data, prefix + "out");
  auto length = load<int32_t>(data, "length");
  xt::xarray<float> got = xt::zeros_like(want);

  Tensor tensors[] = {{"q", q.data(), shapeOf(q)},
                      {"k", k.data(), shapeOf(k)},
                      {"v", v.data(), shapeOf(v)},
                      {"length", length.data(), shapeOf(length)},
                      {"out", got.data(), shapeOf(got)}};
  std::vector<attn_arg_t> args;
  for (const Tensor &tensor : tensors)
    args.push_back(tensor.argument());
  auto kernel = compiler.compileFor(spec, "encoder", args);
  auto plan = valueOf(kernel).plan(args);
  double seconds = medianTime(valueOf(plan));

  double worst = 0, largest = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    worst = std::max(worst, std::fabs(double(got.flat(i)) - want.flat(i)));
    largest = std::max(largest, std::fabs(double(want.flat(i))));
  }
  std::printf("%5d   %11.2e   %7.3f ms\n", layer, worst / largest,
              1e3 * seconds);
  return worst / largest;
}

/// Draws where sentence \p sentence looks in layer \p layer, as the mean over
/// the heads.
void drawSentence(attn::Compiler &compiler, const std::string &spec,
                  const std::string &data, int layer, int64_t sentence,
                  const std::string &picture) {
  std::string prefix = "layer" + std::to_string(layer) + "_";
  auto q = load<float>(data, prefix + "q"), k = load<float>(data, prefix + "k");
  auto length = load<int32_t>(data, "length");
  std::istringstream lines(readText(data + "/sentences_tokens.txt"));
  std::string line, token;
  for (int64_t i = 0; i <= sentence; ++i)
    std::getline(lines, line);
  std::istringstream words(line);
  std::vector<std::string> tokens;
  while (words >> token)
    tokens.push_back(token);

  // One sentence without its padding is a part of the batch: nothing is copied.
  std::vector<int64_t> whole = shapeOf(q);
  int64_t heads = whole[1], row = whole[3], head = whole[2] * row;
  int64_t count = length(sentence);
  if (count != int64_t(tokens.size()))
    fail("the tokens do not match the lengths");
  std::vector<float> weights(count * count);
  Tensor tensors[] = {
      {"q", &q(sentence, 0, 0, 0), {heads, count, row}, {head, row, 1}},
      {"k", &k(sentence, 0, 0, 0), {heads, count, row}, {head, row, 1}},
      {"average", weights.data(), {count, count}}};
  std::vector<attn_arg_t> args;
  for (const Tensor &tensor : tensors)
    args.push_back(tensor.argument());
  auto kernel = compiler.compileFor(spec, "encoder_weights", args);
  auto plan = valueOf(kernel).plan(args);
  check(valueOf(plan).run());

  std::ofstream file(picture);
  drawWeights(file,
              "all-MiniLM-L6-v2, layer " + std::to_string(layer) +
                  ": where each token (left) looks (top), mean of the heads",
              tokens, weights);
  file.close();
  if (!file)
    fail("cannot write " + picture);
}

int run(const std::string &specFile, const std::string &data,
        const std::string &picture) {
  std::string spec = readText(specFile);
  attn::Compiler compiler;
  std::printf("layer   worst error      time\n");
  double worst = 0;
  for (int layer : {0, 2, 5})
    worst = std::max(worst, runLayer(compiler, spec, data, layer));
  drawSentence(compiler, spec, data, /*layer=*/5, /*sentence=*/3, picture);
  std::printf("where the tokens of one sentence look: %s\n", picture.c_str());
  // The file has float32 numbers; a kernel in f32 is a few roundings away.
  if (!(worst < 1e-5))
    fail("the outputs differ from those of the encoder");
  return 0;
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: minilm SPEC DATA PICTURE\n");
    return 2;
  }
  try {
    return run(argv[1], argv[2], argv[3]);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "minilm: %s\n", error.what());
    return 1;
  }
}
