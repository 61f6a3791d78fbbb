//===- PlanTest.cpp - What a plan accepts, and what it says otherwise -----===//

#include "RowSums.h"

#include <string_view>

using namespace attn::test;

namespace {

class Plan : public testing::Test {
protected:
  /// Plans the call and compares status and text.
  void expect(attn_status_t status, const std::string &message) {
    PlanPtr plan;
    EXPECT_STREQ(attn_status_name(call.plan(plan, kernel.get())),
                 attn_status_name(status));
    EXPECT_EQ(attn_last_error(), message);
  }

  KernelPtr kernel = kernelOf();
  RowSumsCall call;
};

TEST_F(Plan, RefusesUnknownArgument) {
  call.args.push_back(floatArg("scales", 1));
  expect(ATTN_STATUS_UNKNOWN_ARGUMENT,
         "spec 'row_sums' has no parameter 'scales'; did you mean 'scale'?");
}

TEST_F(Plan, SuggestsNothingForNameThatIsFarOff) {
  call.args.push_back(floatArg("temperature", 1));
  expect(ATTN_STATUS_UNKNOWN_ARGUMENT,
         "spec 'row_sums' has no parameter 'temperature'");
}

TEST_F(Plan, RefusesMissingTensor) {
  call.args.erase(call.args.begin() + 1);
  expect(ATTN_STATUS_MISSING_ARGUMENT,
         "spec 'row_sums': argument 'w' (i8 tensor [N]) is missing");
}

TEST_F(Plan, RefusesMissingOutput) {
  call.args.pop_back();
  expect(ATTN_STATUS_MISSING_ARGUMENT,
         "spec 'row_sums': output 'padded' (f32 tensor [P]) is missing");
}

TEST_F(Plan, RefusesArgumentGivenTwice) {
  call.args.push_back(call.args[0]);
  expect(ATTN_STATUS_DUPLICATE_ARGUMENT, "argument 'a' is given twice");
}

TEST_F(Plan, RefusesArgumentWithoutName) {
  call.args[0].name = nullptr;
  expect(ATTN_STATUS_INVALID_ARGUMENT, "an argument has no name");
}

TEST_F(Plan, RefusesUnknownFlags) {
  const char *message = "argument 'w': its flags, 5, have a bit other than "
                        "ATTN_ARG_READ_ONLY, 1";
  PlanPtr plan;
  ASSERT_EQ(call.plan(plan, kernel.get()), ATTN_STATUS_OK);
  call.args[1].flags = 4 | ATTN_ARG_READ_ONLY;
  EXPECT_EQ(attn_plan_bind(plan.get(), &call.args[1], 1),
            ATTN_STATUS_INVALID_ARGUMENT);
  EXPECT_STREQ(attn_last_error(), message);
  expect(ATTN_STATUS_INVALID_ARGUMENT, message);
}

TEST_F(Plan, RefusesScalarForTensor) {
  call.args[1] = intArg("w", 1);
  expect(ATTN_STATUS_KIND_MISMATCH,
         "argument 'w': expected i8 tensor [N], found a scalar");
}

TEST_F(Plan, RefusesNullTensor) {
  call.args[1].tensor = nullptr;
  expect(ATTN_STATUS_KIND_MISMATCH,
         "argument 'w': expected i8 tensor [N], found a null tensor");
}

TEST_F(Plan, RefusesTensorForScalar) {
  call.args.push_back(tensorArg("scale", call.a.view));
  expect(ATTN_STATUS_KIND_MISMATCH,
         "argument 'scale': expected float scalar, found a tensor");
}

TEST_F(Plan, RefusesTensorForBool) {
  call.args.push_back(tensorArg("flip", call.a.view));
  expect(ATTN_STATUS_KIND_MISMATCH,
         "argument 'flip': expected bool scalar, found a tensor");
}

TEST_F(Plan, RefusesFloatForInt) {
  call.args.push_back(floatArg("pad", 1.5));
  expect(ATTN_STATUS_KIND_MISMATCH,
         "argument 'pad': expected int scalar, found a float");
}

TEST_F(Plan, RefusesBoolThatIsNeither) {
  call.args.push_back(intArg("flip", 2));
  expect(ATTN_STATUS_KIND_MISMATCH,
         "argument 'flip': expected a bool, 0 or 1, found 2");
}

TEST_F(Plan, RefusesUnknownKindOfArgument) {
  call.args.push_back(intArg("pad", 1));
  call.args.back().kind = attn_arg_kind_t(3);
  expect(ATTN_STATUS_KIND_MISMATCH,
         "argument 'pad': its kind, 3, is none of attn_arg_kind_t");
}

TEST_F(Plan, RefusesElementType) {
  call.a.view.dtype = {kDLBfloat, 16, 1};
  expect(ATTN_STATUS_TYPE_MISMATCH, "argument 'a': expected f32 tensor "
                                    "[M, N, D], found elements of bf16");
}

TEST_F(Plan, RefusesVectorElements) {
  call.a.view.dtype.lanes = 4;
  expect(ATTN_STATUS_TYPE_MISMATCH, "argument 'a': expected f32 tensor "
                                    "[M, N, D], found elements of f32x4");
}

TEST_F(Plan, TakesBytesByAnyName) {
  PlanPtr plan;
  call.w.view.dtype.code = kDLUInt;
  EXPECT_EQ(call.plan(plan, kernel.get()), ATTN_STATUS_OK);
  call.w.view.dtype.code = 6; // bool of later DLPack versions
  EXPECT_EQ(call.plan(plan, kernel.get()), ATTN_STATUS_OK);
}

TEST_F(Plan, RefusesRank) {
  call.a.view.ndim = 2;
  expect(ATTN_STATUS_RANK_MISMATCH, "argument 'a': expected f32 tensor "
                                    "[M, N, D] of rank 3, found rank 2");
}

TEST_F(Plan, RefusesNullShape) {
  call.a.view.shape = nullptr;
  expect(ATTN_STATUS_INVALID_ARGUMENT, "argument 'a': its shape is null");
}

TEST_F(Plan, RefusesSizesThatDisagreeBetweenTensors) {
  call.w.shape[0] = 2;
  expect(ATTN_STATUS_SIZE_MISMATCH,
         "dimension N has 3 elements in 'a' but 2 in 'w'");
}

TEST_F(Plan, RefusesOtherThanStaticSize) {
  call.a.shape[2] = 3;
  expect(ATTN_STATUS_SIZE_MISMATCH, "dimension D has 3 elements in 'a', but "
                                    "the kernel was compiled for D = 4");
}

TEST_F(Plan, RefusesOtherThanDefinedSize) {
  call.args.push_back(intArg("pad", 2));
  expect(ATTN_STATUS_SIZE_MISMATCH, "dimension P has 3 elements in 'padded', "
                                    "but its definition gives 5");
}

TEST_F(Plan, RefusesNegativeDefinedSize) {
  call.args.push_back(intArg("pad", -4));
  expect(ATTN_STATUS_SIZE_OVERFLOW,
         "dimension P is defined as -1 (M = 2, N = 3, D = 4, P = -1, scale = "
         "2, pad = -4, flip = 0)");
}

TEST_F(Plan, RefusesNegativeSize) {
  call.a.shape[0] = -1;
  expect(ATTN_STATUS_SIZE_OVERFLOW,
         "argument 'a': dimension M has -1 elements");
}

TEST_F(Plan, RefusesSizeThatOverflows) {
  call.a.shape[0] = int64_t(1) << 60;
  expect(ATTN_STATUS_SIZE_OVERFLOW,
         "argument 'a': its size in bytes is more than an address can hold");
}

TEST_F(Plan, RefusesSizeThatOverflowsBesideAnEmptyDimension) {
  call.a.shape = {int64_t(1) << 62, 0, 4};
  call.a.view.shape = call.a.shape.data();
  expect(ATTN_STATUS_SIZE_OVERFLOW,
         "argument 'a': its size in bytes is more than an address can hold");
}

TEST_F(Plan, RefusesStrideThatOverflows) {
  call.a.setStrides({INT64_MAX / 2, 4, 1});
  expect(ATTN_STATUS_SIZE_OVERFLOW,
         "argument 'a': its size in bytes is more than an address can hold");
  call.a.setStrides({INT64_MIN, 4, 1});
  expect(ATTN_STATUS_SIZE_OVERFLOW,
         "argument 'a': its size in bytes is more than an address can hold");
}

TEST_F(Plan, RefusesInnermostStride) {
  call.a.setStrides({1, 8, 2});
  expect(ATTN_STATUS_BAD_STRIDE,
         "argument 'a': the stride of its innermost dimension D must be 1, "
         "found 2");
}

TEST_F(Plan, RefusesOutputThatOverlapsItself) {
  attn_spec_desc desc = attn_spec_row_sums;
  std::vector<attn_param_desc> params(desc.params,
                                      desc.params + desc.num_params);
  params[0].kind = ATTN_PARAM_OUTPUT; // the only tensor with outer dimensions
  desc.params = params.data();
  kernel = kernelOf(desc);
  call.a.setStrides({0, 4, 1});
  expect(ATTN_STATUS_BAD_STRIDE, "output 'a': its elements along dimension M "
                                 "lie on each other (stride 0)");
  call.a.setStrides({9, 3, 1});
  expect(ATTN_STATUS_BAD_STRIDE,
         "output 'a': its elements along dimensions N and D lie on each other "
         "(strides 3 and 1)");
  call.a.setStrides({-8, 4, 1});
  expect(ATTN_STATUS_BAD_STRIDE,
         "output 'a': its elements along dimensions M and N lie on each other "
         "(strides -8 and 4)");
}

TEST_F(Plan, RefusesNullData) {
  call.w.view.data = nullptr;
  expect(ATTN_STATUS_NULL_DATA, "argument 'w': its data is null");
}

TEST_F(Plan, RefusesUnalignedData) {
  call.a.view.byte_offset = 2;
  expect(ATTN_STATUS_BAD_ALIGNMENT, "argument 'a': its data is not aligned to "
                                    "its elements of 4 bytes");
}

TEST_F(Plan, RefusesReadOnlyOutput) {
  call.args[2].flags = ATTN_ARG_READ_ONLY;
  expect(ATTN_STATUS_READ_ONLY, "output 'out': its memory is read-only");
}

TEST_F(Plan, TakesReadOnlyInput) {
  PlanPtr plan;
  call.args[0].flags = ATTN_ARG_READ_ONLY;
  EXPECT_EQ(call.plan(plan, kernel.get()), ATTN_STATUS_OK);
}

TEST_F(Plan, RefusesOtherDevice) {
  call.a.view.device.device_type = kDLCUDA;
  expect(ATTN_STATUS_UNSUPPORTED_DEVICE,
         "argument 'a': expected memory of the CPU, found DLPack device type "
         "2");
}

TEST(PlanOfShortKeys, RefusesWhatTheSpecRequires) {
  KernelPtr kernel = kernelOf();
  RowSumsCall call(3, 2);
  PlanPtr plan;
  EXPECT_EQ(call.plan(plan, kernel.get()), ATTN_STATUS_REQUIREMENT);
  EXPECT_STREQ(attn_last_error(),
               "spec 'row_sums' requires: M <= N (M = 3, N "
               "= 2, D = 4, P = 2, scale = 2, pad = 0, flip = 0)");
}

TEST(PlanOfShortKeys, RefusesWhatHasNoText) {
  attn_spec_desc desc = attn_spec_row_sums;
  desc.num_checks = 0;
  KernelPtr kernel = kernelOf(desc);
  RowSumsCall call(3, 2);
  PlanPtr plan;
  EXPECT_EQ(call.plan(plan, kernel.get()), ATTN_STATUS_REQUIREMENT);
  EXPECT_TRUE(std::string_view(attn_last_error())
                  .starts_with("spec 'row_sums' requires: a condition without "
                               "a text (M = 3, "))
      << attn_last_error();
}

TEST_F(Plan, RefusesDimensionOfNoTensor) {
  attn_spec_desc desc = attn_spec_row_sums;
  std::vector<attn_dim_desc> dims(desc.dims, desc.dims + desc.num_dims);
  dims.push_back({"X", ATTN_EXTENT_BOUND, dims.back().slot, -1});
  desc.dims = dims.data();
  desc.num_dims = int32_t(dims.size());
  kernel = kernelOf(desc);
  expect(ATTN_STATUS_INTERNAL, "no tensor of spec 'row_sums' has dimension X");
}

namespace {
/// What the plan function of a kernel asks for besides what row_sums does.
struct Demand {
  int32_t slot;
  int64_t value;
} demand;

/// row_sums with a plan function that asks for more.
attn_spec_desc demanding() {
  attn_spec_desc desc = attn_spec_row_sums;
  desc.plan = [](int64_t *slots) {
    int64_t violated = attn_spec_row_sums.plan(slots);
    slots[demand.slot] = demand.value;
    return violated;
  };
  return desc;
}
} // namespace

TEST_F(Plan, RefusesWhatIsMoreThanMemoryHolds) {
  const attn_spec_desc desc = demanding();
  kernel = kernelOf(desc);
  const std::string prefix = "spec 'row_sums' at these sizes: ";
  const attn_stage_desc &sums = attn_spec_row_sums.stages[1];
  demand = {attn_spec_row_sums.buffers[0].slot + 1, -8};
  expect(ATTN_STATUS_SIZE_OVERFLOW, prefix + "the size of a buffer is -8");
  demand = {sums.items_slot, -1};
  expect(ATTN_STATUS_SIZE_OVERFLOW,
         prefix + "the number of work items of stage sums is -1");
  demand = {sums.items_slot, INT64_MAX / 2};
  expect(ATTN_STATUS_SIZE_OVERFLOW,
         prefix + "the number of work items of stage sums is " +
             std::to_string(INT64_MAX / 2));
  demand = {sums.items_slot + 1, INT64_MAX};
  expect(ATTN_STATUS_SIZE_OVERFLOW,
         prefix + "the scratch of stage sums is " + std::to_string(INT64_MAX));
  // What one worker needs fits, what all of them need does not.
  demand = {sums.items_slot + 1, INT64_MAX - 63};
  PlanPtr plan;
  ASSERT_EQ(call.plan(plan, kernel.get()), ATTN_STATUS_OK);
  attn_executor_t *raw = nullptr;
  ASSERT_EQ(attn_executor_create(4, &raw), ATTN_STATUS_OK);
  ExecutorPtr executor(raw);
  size_t size;
  EXPECT_EQ(attn_plan_workspace_size(plan.get(), raw, &size),
            ATTN_STATUS_SIZE_OVERFLOW);
  EXPECT_EQ(attn_last_error(), prefix + "the workspace is larger than memory");
}

static void expectRefusal(attn_status_t status, const char *message) {
  EXPECT_EQ(status, ATTN_STATUS_INVALID_ARGUMENT);
  EXPECT_STREQ(attn_last_error(), message);
}

TEST_F(Plan, RefusesNullHandles) {
  attn_plan_t *plan = nullptr;
  const char *create =
      "attn_plan_create: the kernel or the place for the plan is null";
  const char *list = "the list of arguments is null, or its length is negative";
  expectRefusal(attn_plan_create(nullptr, nullptr, 0, &plan), create);
  expectRefusal(attn_plan_create(kernel.get(), call.args.data(), 4, nullptr),
                create);
  expectRefusal(attn_plan_create(kernel.get(), nullptr, 3, &plan), list);
  expectRefusal(attn_plan_create(kernel.get(), call.args.data(), -1, &plan),
                list);
  expectRefusal(attn_plan_bind(nullptr, nullptr, 0),
                "attn_plan_bind: the plan is null");
  expectRefusal(attn_plan_run(nullptr, nullptr),
                "attn_plan_run: the plan is null");
  size_t size;
  expectRefusal(attn_plan_workspace_size(nullptr, nullptr, &size),
                "attn_plan_workspace_size: the plan or the place for the size "
                "is null");
  attn_tile_counts_t counts;
  expectRefusal(attn_plan_count_tiles(nullptr, nullptr, &counts),
                "attn_plan_count_tiles: the plan or the place for the counts "
                "is null");
  attn_choice_t choice;
  attn_launch_info_t launch;
  const char *launches =
      "launches: the plan, or the place for the answer, is null";
  expectRefusal(attn_plan_choice(nullptr, 0, &choice), launches);
  expectRefusal(attn_plan_choose(nullptr, 0, &choice), launches);
  expectRefusal(attn_plan_launch(nullptr, 0, 0, &launch), launches);
  attn_plan_free(nullptr);
}

TEST_F(Plan, HasNoLaunchesOnACpu) {
  PlanPtr plan;
  ASSERT_EQ(call.plan(plan, kernel.get()), ATTN_STATUS_OK);
  EXPECT_EQ(attn_plan_num_launches(plan.get(), 0), 0);
  attn_choice_t choice = {0, 1};
  EXPECT_EQ(attn_plan_choose(plan.get(), 0, &choice),
            ATTN_STATUS_UNSUPPORTED_DEVICE);
  EXPECT_STREQ(attn_last_error(), "spec 'row_sums' was compiled for a CPU, "
                                  "which has no launches");
}

TEST_F(Plan, RefusesOtherScalars) {
  PlanPtr plan;
  ASSERT_EQ(call.plan(plan, kernel.get()), ATTN_STATUS_OK);
  attn_arg_t scale = floatArg("scale", 3);
  EXPECT_EQ(attn_plan_bind(plan.get(), &scale, 1), ATTN_STATUS_KIND_MISMATCH);
  EXPECT_STREQ(attn_last_error(),
               "argument 'scale': a plan is bound to other tensors, not to "
               "other scalars; make another plan");
}

TEST_F(Plan, KeepsItsKernelAlive) {
  PlanPtr plan;
  ASSERT_EQ(call.plan(plan, kernel.get()), ATTN_STATUS_OK);
  kernel.reset();
  EXPECT_EQ(attn_plan_run(plan.get(), nullptr), ATTN_STATUS_OK);
}

TEST_F(Plan, KeepsNothingOfTheArgumentsButTheAddressOfTheData) {
  PlanPtr plan;
  ASSERT_EQ(call.plan(plan, kernel.get()), ATTN_STATUS_OK);
  call.args.clear();
  call.args.shrink_to_fit();
  for (Tensor<float> *tensor : {&call.a, &call.out, &call.padded}) {
    tensor->view = {};
    std::vector<int64_t>().swap(tensor->shape);
  }
  ASSERT_EQ(attn_plan_run(plan.get(), nullptr), ATTN_STATUS_OK);
  EXPECT_EQ(call.out.data, (std::vector<float>{24, 24}));
}

TEST_F(Plan, TellsShapesOfOutputsBeforeTheyExist) {
  std::vector<attn_arg_t> inputs(call.args.begin(), call.args.begin() + 2);
  inputs.push_back(intArg("pad", 2));
  int64_t shape = -1;
  EXPECT_EQ(attn_kernel_shape(kernel.get(), inputs.data(), 3, 6, &shape),
            ATTN_STATUS_OK);
  EXPECT_EQ(shape, 5);
  expectRefusal(attn_kernel_shape(kernel.get(), inputs.data(), 3, 7, &shape),
                "attn_kernel_shape: no parameter 7");
  expectRefusal(attn_kernel_shape(kernel.get(), inputs.data(), 3, 6, nullptr),
                "attn_kernel_shape: no place for the extents");
  EXPECT_EQ(attn_kernel_shape(kernel.get(), inputs.data(), 1, 6, &shape),
            ATTN_STATUS_MISSING_ARGUMENT);
}

} // namespace
