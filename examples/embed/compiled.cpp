//===- compiled.cpp - A program that compiles a spec when it runs ---------===//

#include "attn/attn.hpp"

#include <cmath>
#include <cstdio>
#include <vector>

static constexpr char spec[] = R"(
  # Nearer keys count more: the weight halves every `half` positions.
  attention near(q: [H, M, D], k: [H, N, D], v: [H, N, E], half: float) -> out
  {
    score = sum[d](q * k) * rsqrt(D) - abs(m - n) / half * log(2)
    out   = sum[n](softmax[n](score) * v)
  }
)";

namespace {

/// A tensor [H, N, D] and the argument that passes it.
struct Tensor {
  std::vector<float> data;
  int64_t shape[3];
  DLTensor view = {};

  Tensor(int64_t heads, int64_t length, int64_t size, float value)
      : data(heads * length * size, value), shape{heads, length, size} {
    view.data = data.data();
    view.device = {kDLCPU, 0};
    view.ndim = 3;
    view.dtype = {kDLFloat, 32, 1};
    view.shape = shape;
  }
  attn_arg_t argument(const char *name) const {
    return {name, ATTN_ARG_TENSOR, 0, &view, 0, 0};
  }
};

} // namespace

static int fail(const std::string &message) {
  std::fprintf(stderr, "error: %s\n", message.c_str());
  return 1;
}

int main() {
  Tensor q(2, 50, 32, 0.5f), k(2, 70, 32, 0.25f), v(2, 70, 32, 1.5f);
  Tensor out(2, 50, 32, 0.f);
  std::vector<attn_arg_t> args = {q.argument("q"),
                                  k.argument("k"),
                                  v.argument("v"),
                                  out.argument("out"),
                                  {"half", ATTN_ARG_FLOAT, 0, nullptr, 0, 8.0}};

  // Head sizes are fixed to those of the tensors. A second process finds the
  // kernel on disk.
  attn::Compiler compiler;
  attn::Result<attn::Kernel> kernel = compiler.compileFor(spec, "near", args);
  if (!kernel)
    return fail(kernel.error().message);
  attn::Result<attn::Plan> plan = kernel->plan(args);
  if (!plan)
    return fail(plan.error().message);
  if (plan->run() != ATTN_STATUS_OK)
    return fail(attn_last_error());

  // Equal values stay what they are, whatever the weights.
  for (float value : out.data)
    if (std::abs(value - 1.5f) > 1e-5f)
      return fail("wrong result");
  std::printf("compiled and run: ok (%s)\n",
              kernel->fromDiskCache() ? "from the disk cache" : "compiled now");
}
