//===- RowSums.h - A kernel made by hand, and arguments for it --*- C++ -*-===//

#ifndef ATTN_TEST_UNIT_RUNTIME_ROWSUMS_H
#define ATTN_TEST_UNIT_RUNTIME_ROWSUMS_H

#include "attn/kernel_abi.h"
#include "attn/runtime.h"

#include <deque>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

extern "C" const attn_spec_desc attn_spec_row_sums; // RowSums.c

namespace attn::test {

struct Free {
  void operator()(attn_kernel_t *kernel) const { attn_kernel_free(kernel); }
  void operator()(attn_plan_t *plan) const { attn_plan_free(plan); }
  void operator()(attn_executor_t *executor) const {
    attn_executor_free(executor);
  }
};
using KernelPtr = std::unique_ptr<attn_kernel_t, Free>;
using PlanPtr = std::unique_ptr<attn_plan_t, Free>;
using ExecutorPtr = std::unique_ptr<attn_executor_t, Free>;

inline KernelPtr kernelOf(const attn_spec_desc &desc = attn_spec_row_sums) {
  attn_kernel_t *kernel = nullptr;
  EXPECT_EQ(attn_kernel_from_desc(&desc, &kernel), ATTN_STATUS_OK)
      << attn_last_error();
  return KernelPtr(kernel);
}

/// A tensor with memory of its own, and the argument that passes it.
template <typename T> struct Tensor {
  std::vector<int64_t> shape, strides;
  std::vector<T> data;
  DLTensor view = {};

  Tensor(std::vector<int64_t> extents, DLDataTypeCode code, T value = T(1))
      : shape(std::move(extents)) {
    int64_t size = 1;
    for (int64_t extent : shape)
      size *= extent;
    data.assign(size, value);
    view.data = data.data();
    view.device = {kDLCPU, 0};
    view.ndim = int(shape.size());
    view.dtype = {uint8_t(code), uint8_t(sizeof(T) * 8), 1};
    view.shape = shape.data();
  }
  Tensor(const Tensor &) = delete;
  Tensor &operator=(const Tensor &) = delete;

  void setStrides(std::vector<int64_t> values) {
    strides = std::move(values);
    view.strides = strides.data();
  }
};

inline attn_arg_t tensorArg(const char *name, const DLTensor &tensor,
                            uint32_t flags = 0) {
  return {name, ATTN_ARG_TENSOR, flags, &tensor, 0, 0};
}
inline attn_arg_t intArg(const char *name, int64_t value) {
  return {name, ATTN_ARG_INT, 0, nullptr, value, 0};
}
inline attn_arg_t floatArg(const char *name, double value) {
  return {name, ATTN_ARG_FLOAT, 0, nullptr, 0, value};
}

/// A correct call of row_sums, to be bent by a test.
struct RowSumsCall {
  Tensor<float> a, out, padded;
  Tensor<int8_t> w;
  std::vector<attn_arg_t> args;

  RowSumsCall(int64_t m = 2, int64_t n = 3, int64_t pad = 0)
      : a({m, n, 4}, kDLFloat), out({m}, kDLFloat, -7.f),
        padded({n + pad}, kDLFloat, -7.f), w({n}, kDLInt) {
    args = {tensorArg("a", a.view), tensorArg("w", w.view),
            tensorArg("out", out.view), tensorArg("padded", padded.view)};
    if (pad)
      args.push_back(intArg("pad", pad));
  }

  attn_status_t plan(PlanPtr &plan, const attn_kernel_t *kernel) {
    attn_plan_t *raw = nullptr;
    attn_status_t status =
        attn_plan_create(kernel, args.data(), int32_t(args.size()), &raw);
    EXPECT_EQ(raw == nullptr, status != ATTN_STATUS_OK);
    plan.reset(raw);
    return status;
  }
};

} // namespace attn::test

#endif // ATTN_TEST_UNIT_RUNTIME_ROWSUMS_H
