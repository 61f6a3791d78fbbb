//===- RandomTensor.cpp - Values for tensors that have no file ------------===//

#include "frontend/cli/RandomTensor.h"
#include "frontend/cli/Elements.h"

#include <random>

using namespace attn::cli;

static void fillSteps(CallTensor &tensor, std::mt19937_64 &random,
                      int64_t largest) {
  constexpr int numValues = 8;
  std::uniform_int_distribution<int64_t> any(0, largest);
  std::uniform_int_distribution<int> choice(0, numValues - 1);
  int64_t row = tensor.shape.empty() ? 1 : tensor.shape.back();
  std::vector<double> values(row);
  double few[numValues];
  for (double &value : few)
    value = double(any(random));
  for (int64_t start = 0; start < tensor.size(); start += row) {
    for (double &value : values)
      value = few[choice(random)];
    std::sort(values.begin(), values.end());
    for (int64_t i = 0; i < row; ++i)
      storeElement(tensor.type, tensor.data.get(), start + i, values[i]);
  }
}

void attn::cli::fillRandom(CallTensor &tensor, uint64_t seed, int64_t largest) {
  std::mt19937_64 random(seed);
  if (!isFloat(tensor.type) && tensor.type.bits > 8)
    return fillSteps(tensor, random, std::min<int64_t>(largest, INT32_MAX));
  // A number for each head or channel is a slope, a rate or a gain: small and
  // positive, or it would drown the scores that it is multiplied into.
  std::uniform_real_distribution<double> small(0.0, 1.0 / 64);
  std::normal_distribution<double> normal;
  bool isVector = tensor.shape.size() == 1;
  for (int64_t i = 0; i < tensor.size(); ++i)
    storeElement(tensor.type, tensor.data.get(), i,
                 !isFloat(tensor.type) ? double(random() >> 63)
                 : isVector            ? small(random)
                                       : normal(random));
}
