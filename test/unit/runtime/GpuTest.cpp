//===- GpuTest.cpp - Calls on a GPU, with a driver that has none ----------===//

#include "FakeDriver.h"

#include "attn/kernel_abi.h"
#include "attn/runtime.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cstdlib>
#include <dlfcn.h>
#include <memory>
#include <vector>

namespace {

// out[m] of x[m, d], with a fast launch that wants TMA and can cut its items
// into parts, one that does not and takes twice as long, and a plain one.
enum Slots {
  M,
  D,
  X,
  XStride,
  Out = X + 3,
  Buffer = Out + 2,
  Fast = Buffer + 2,
  Merge = Fast + 6,
  Slow = Merge + 3,
  Plain = Slow + 7,
  Box = Plain + 3,
  Step,
  NumSlots
};

// How many tiles an item has at most, and in the slow launch on average; by
// them a launch is chosen, and parts.
int64_t tiles = 1, slowTiles = 1;

// What is asked for in place of that.
struct {
  int slot = -1;
  int64_t value = 0;
} demand;

int64_t plan(int64_t *slots) {
  slots[Buffer + 1] = 4 * slots[M];
  slots[Fast] = slots[Slow] = slots[Plain] = slots[M];
  slots[Fast + 1] = 256;
  slots[Fast + 3] = slots[Slow + 3] = tiles;
  slots[Fast + 5] = slots[M] * tiles;
  slots[Slow + 5] = slots[M] * std::min(tiles, slowTiles);
  slots[Merge] = 2 * slots[M];
  slots[Merge + 1] = slots[Slow + 1] = 0;
  slots[Plain + 1] = 256;
  slots[Box] = 48;
  slots[Step] = 4;
  if (demand.slot >= 0)
    slots[demand.slot] = demand.value;
  return -1;
}

const attn_dim_desc dims[] = {{"M", ATTN_EXTENT_BOUND, M, -1},
                              {"D", ATTN_EXTENT_BOUND, D, -1}};
const int32_t dimsOfX[] = {M, D}, dimsOfOut[] = {M};
const attn_param_desc params[] = {
    {"x", ATTN_PARAM_INPUT, X, 2, 16, 2, 0, dimsOfX, 0},
    {"out", ATTN_PARAM_OUTPUT, Out, 2, 32, 1, 0, dimsOfOut, 0}};
const attn_buffer_desc buffers[] = {{Buffer, 0, -1, -1}};
const attn_map_dim_desc mapDims[] = {{D, X + 2, 0, 0, -1, 64, 1, -1, 0},
                                     {M, XStride, 0, 0, Box, 64, 1, -1, 0}};
const attn_map_desc maps[] = {{X, 2, 16, 2, 128, mapDims}};
const attn_launch_desc merge = {"merge", Merge, 32,      0, 0, 0,
                                nullptr, 0,     nullptr, 0, 1, 1};
const attn_launch_desc launches[] = {
    {"slow", Slow, 384, 0, 1, 0, nullptr, 2000, nullptr, 0, 0, 0},
    {"fast", Fast, 384, 100000, 1, 1, maps, 1000, &merge, 0, 0, 1},
    {"plain", Plain, 128, 0, 0, 0, nullptr, 0, nullptr, 0, 0, 0}};
// Without the launch that takes any tensor.
const attn_stage_desc stages[] = {
    {"rows", nullptr, nullptr, 0, 2, launches + 1, 0, 1, -1, 0}};
const attn_stage_desc slowStages[] = {
    {"rows", nullptr, nullptr, 0, 3, launches, 0, 1, -1, 0}};
// As the driver of the tests takes it: the names of its kernels.
const attn_code_desc codes[] = {{"slow plain", 11}, {"fast merge", 11}};
const attn_image_desc machineCode = {2, 0, codes, 90, 1, 86};
const attn_spec_desc rows = {ATTN_KERNEL_ABI_VERSION,
                             NumSlots,
                             "rows",
                             "sm_90a",
                             "",
                             2,
                             2,
                             1,
                             1,
                             0,
                             dims,
                             params,
                             buffers,
                             stages,
                             nullptr,
                             plan,
                             &machineCode,
                             -1,
                             0,
                             0};

class Gpu : public testing::Test {
protected:
  static void SetUpTestSuite() {
    // Before the runtime looks for a driver.
    setenv("ATTN_CUDA_DRIVER", ATTN_TEST_DRIVER, 1);
    void *library = dlopen(ATTN_TEST_DRIVER, RTLD_NOW);
    ASSERT_TRUE(library) << dlerror();
    driver = reinterpret_cast<FakeState *(*)()>(dlsym(library, "fakeDriver"))();
  }

  void SetUp() override {
    int capability = driver->capability;
    *driver = {};
    driver->capability = capability;
    tiles = slowTiles = 1;
    demand = {};
    ASSERT_EQ(attn_kernel_from_desc(&rows, &kernel), ATTN_STATUS_OK)
        << attn_last_error();
  }
  void TearDown() override {
    attn_plan_free(plan);
    attn_kernel_free(kernel);
  }

  attn_status_t makePlan(int device = 0, int outDevice = 0) {
    x = {data, {kDLCUDA, device}, 2, {kDLFloat, 16, 1}, shape, strides, offset};
    out = {data, {kDLCUDA, outDevice}, 1, {kDLFloat, 32, 1}, shape, nullptr, 0};
    attn_plan_free(plan);
    plan = nullptr;
    return attn_plan_create(kernel, args, 2, &plan);
  }

  static FakeState *driver;
  attn_kernel_t *kernel = nullptr;
  attn_plan_t *plan = nullptr;
  alignas(16) char data[4096] = {};
  int64_t shape[2] = {30, 64}, strides[2] = {64, 1};
  uint64_t offset = 0;
  DLTensor x = {}, out = {};
  attn_arg_t args[2] = {{"x", ATTN_ARG_TENSOR, 0, &x, 0, 0},
                        {"out", ATTN_ARG_TENSOR, 0, &out, 0, 0}};
};

FakeState *Gpu::driver;

} // namespace

TEST_F(Gpu, LaunchesOnTheStreamWithMemoryOfItsOwn) {
  ASSERT_EQ(makePlan(), ATTN_STATUS_OK) << attn_last_error();
  attn_exec_context_t context = {};
  context.stream = &driver->stream;
  ASSERT_EQ(attn_plan_run(plan, &context), ATTN_STATUS_OK) << attn_last_error();
  ASSERT_EQ(driver->numLaunches, 1);
  const FakeLaunch &launch = driver->launches[0];
  EXPECT_STREQ(launch.symbol, "fast");
  EXPECT_EQ(launch.blocks, 10u) << "one a multiprocessor, of 30 items";
  EXPECT_EQ(launch.threads, 384u);
  EXPECT_EQ(launch.sharedBytes, 100000u);
  EXPECT_EQ(launch.stream, &driver->stream);
  EXPECT_EQ(launch.slots[M], 30);
  EXPECT_EQ(launch.slots[X], int64_t(reinterpret_cast<uintptr_t>(data)));
  EXPECT_NE(launch.slots[Buffer], 0);
  EXPECT_EQ(driver->numAllocations, 1);
  EXPECT_EQ(driver->numFrees, 1);
}

TEST_F(Gpu, DescribesTensorsToTma) {
  ASSERT_EQ(makePlan(), ATTN_STATUS_OK) << attn_last_error();
  EXPECT_EQ(driver->extents[0], 64u);
  EXPECT_EQ(driver->extents[1], 30u);
  EXPECT_EQ(driver->strides[0], 128u) << "bytes";
  EXPECT_EQ(driver->boxes[0], 64u) << "a number";
  EXPECT_EQ(driver->boxes[1], 48u) << "a slot";
}

TEST_F(Gpu, CutsFewItemsIntoParts) {
  shape[0] = 3;
  tiles = 99;
  ASSERT_EQ(makePlan(), ATTN_STATUS_OK) << attn_last_error();
  size_t size = 0;
  ASSERT_EQ(attn_plan_workspace_size(plan, nullptr, &size), ATTN_STATUS_OK);
  EXPECT_EQ(size, 128u + 3 * 3 * 256 + 127);
  ASSERT_EQ(attn_plan_run(plan, nullptr), ATTN_STATUS_OK);
  ASSERT_EQ(driver->numLaunches, 2);
  EXPECT_STREQ(driver->launches[0].symbol, "fast");
  EXPECT_EQ(driver->launches[0].blocks, 9u) << "of ten multiprocessors";
  EXPECT_EQ(driver->launches[0].slots[Fast], 3) << "items stay what they are";
  EXPECT_EQ(driver->launches[0].slots[Fast + 4], 3) << "parts";
  EXPECT_STREQ(driver->launches[1].symbol, "merge");
  EXPECT_EQ(driver->launches[1].blocks, 6u);
  EXPECT_FALSE(driver->launches[0].overlaps);
  EXPECT_TRUE(driver->launches[1].overlaps);
  EXPECT_EQ(driver->launches[1].slots[Fast + 2],
            driver->launches[0].slots[Fast + 2])
      << "where the parts are";
}

TEST_F(Gpu, CountsDrawnItemsFrom0) {
  // Two stages whose blocks draw their items.
  attn_launch_desc drawing = launches[0];
  drawing.draws_items = drawing.waits_itself = 1;
  const attn_stage_desc twice[] = {
      {"first", nullptr, nullptr, 0, 1, &drawing, 0, 1},
      {"second", nullptr, nullptr, 0, 1, &drawing, 0, 1}};
  attn_spec_desc desc = rows;
  desc.num_stages = 2;
  desc.stages = twice;
  attn_kernel_free(kernel);
  kernel = nullptr;
  ASSERT_EQ(attn_kernel_from_desc(&desc, &kernel), ATTN_STATUS_OK)
      << attn_last_error();
  ASSERT_EQ(makePlan(), ATTN_STATUS_OK) << attn_last_error();
  size_t size = 0;
  ASSERT_EQ(attn_plan_workspace_size(plan, nullptr, &size), ATTN_STATUS_OK);
  EXPECT_EQ(size, 128u + 128 + 127) << "a buffer and counters";
  std::vector<char> workspace(size, -1);
  attn_exec_context_t context = {};
  context.workspace = workspace.data();
  context.workspace_size = size;
  ASSERT_EQ(attn_plan_run(plan, &context), ATTN_STATUS_OK) << attn_last_error();
  ASSERT_EQ(driver->numLaunches, 2);
  const int64_t counters[] = {driver->launches[0].slots[Slow + 6],
                              driver->launches[1].slots[Slow + 6]};
  EXPECT_EQ(counters[1], counters[0] + 4) << "each has its own";
  for (int64_t counter : counters) {
    const auto *place = reinterpret_cast<const char *>(counter);
    ASSERT_GE(place, workspace.data());
    ASSERT_LE(place + 4, workspace.data() + size);
    EXPECT_EQ(*reinterpret_cast<const int32_t *>(place), 0);
  }
  EXPECT_FALSE(driver->launches[0].overlaps) << "with what is not ours";
  EXPECT_TRUE(driver->launches[1].overlaps);
}

TEST_F(Gpu, LeavesItemsWholeWhereThatIsNoSlower) {
  shape[0] = 10;
  tiles = 99;
  ASSERT_EQ(makePlan(), ATTN_STATUS_OK) << attn_last_error();
  ASSERT_EQ(attn_plan_run(plan, nullptr), ATTN_STATUS_OK);
  EXPECT_EQ(driver->numLaunches, 1) << "an item for each multiprocessor";
  EXPECT_EQ(driver->launches[0].slots[Fast + 4], 1);
  shape[0] = 1;
  tiles = 2;
  ASSERT_EQ(makePlan(), ATTN_STATUS_OK) << attn_last_error();
  ASSERT_EQ(attn_plan_run(plan, nullptr), ATTN_STATUS_OK);
  EXPECT_EQ(driver->numLaunches, 2) << "putting together costs more";
}

TEST_F(Gpu, TakesTheCheapestLaunchThatFits) {
  attn_spec_desc other = rows;
  other.stages = slowStages;
  attn_kernel_free(kernel);
  ASSERT_EQ(attn_kernel_from_desc(&other, &kernel), ATTN_STATUS_OK);
  ASSERT_EQ(makePlan(), ATTN_STATUS_OK) << attn_last_error();
  ASSERT_EQ(attn_plan_run(plan, nullptr), ATTN_STATUS_OK);
  EXPECT_STREQ(driver->launches[0].symbol, "fast");
  offset = 2;
  ASSERT_EQ(makePlan(), ATTN_STATUS_OK) << attn_last_error();
  ASSERT_EQ(attn_plan_run(plan, nullptr), ATTN_STATUS_OK);
  EXPECT_STREQ(driver->launches[1].symbol, "slow") << "not the plain one";
}

TEST_F(Gpu, TakesTheLaunchThatIsChosen) {
  attn_spec_desc other = rows;
  other.stages = slowStages;
  attn_kernel_free(kernel);
  ASSERT_EQ(attn_kernel_from_desc(&other, &kernel), ATTN_STATUS_OK);
  shape[0] = 3;
  tiles = 99;
  ASSERT_EQ(makePlan(), ATTN_STATUS_OK) << attn_last_error();
  EXPECT_EQ(attn_plan_num_launches(plan, 0), 3);
  EXPECT_EQ(attn_plan_num_launches(plan, 1), 0);
  attn_launch_info_t info;
  ASSERT_EQ(attn_plan_launch(plan, 0, 1, &info), ATTN_STATUS_OK);
  EXPECT_STREQ(info.name, "fast");
  EXPECT_EQ(info.most_parts, 99) << "no more than tiles";
  ASSERT_EQ(attn_plan_launch(plan, 0, 0, &info), ATTN_STATUS_OK);
  EXPECT_EQ(info.most_parts, 1) << "nothing puts parts together";

  attn_choice_t own, choice = {1, 7};
  ASSERT_EQ(attn_plan_choice(plan, 0, &own), ATTN_STATUS_OK);
  EXPECT_EQ(own.launch, 1);
  EXPECT_EQ(own.parts, 3);
  ASSERT_EQ(attn_plan_choose(plan, 0, &choice), ATTN_STATUS_OK)
      << attn_last_error();
  size_t size = 0;
  ASSERT_EQ(attn_plan_workspace_size(plan, nullptr, &size), ATTN_STATUS_OK);
  EXPECT_EQ(size, 128u + 7 * 3 * 256 + 127) << "parts more, memory more";
  ASSERT_EQ(attn_plan_run(plan, nullptr), ATTN_STATUS_OK);
  EXPECT_STREQ(driver->launches[0].symbol, "fast");
  EXPECT_EQ(driver->launches[0].slots[Fast + 4], 7);

  choice = {2, 1};
  ASSERT_EQ(attn_plan_choose(plan, 0, &choice), ATTN_STATUS_OK);
  ASSERT_EQ(attn_plan_run(plan, nullptr), ATTN_STATUS_OK);
  EXPECT_STREQ(driver->launches[2].symbol, "plain");
  choice = {1, 0};
  ASSERT_EQ(attn_plan_choose(plan, 0, &choice), ATTN_STATUS_OK);
  ASSERT_EQ(attn_plan_choice(plan, 0, &choice), ATTN_STATUS_OK);
  EXPECT_EQ(choice.parts, own.parts) << "as many as cost least";
  choice = {0, 1};
  ASSERT_EQ(attn_plan_choose(plan, 0, &choice), ATTN_STATUS_OK);
  ASSERT_EQ(attn_plan_choose(plan, 0, nullptr), ATTN_STATUS_OK);
  ASSERT_EQ(attn_plan_choice(plan, 0, &choice), ATTN_STATUS_OK);
  EXPECT_EQ(choice.launch, own.launch) << "its own again";
}

TEST_F(Gpu, KeepsTheChoiceWhileTheTensorsAllowIt) {
  ASSERT_EQ(makePlan(), ATTN_STATUS_OK) << attn_last_error();
  attn_choice_t choice = {1, 1};
  ASSERT_EQ(attn_plan_choose(plan, 0, &choice), ATTN_STATUS_OK);
  x.byte_offset = 128;
  ASSERT_EQ(attn_plan_bind(plan, args, 1), ATTN_STATUS_OK) << attn_last_error();
  ASSERT_EQ(attn_plan_choice(plan, 0, &choice), ATTN_STATUS_OK);
  EXPECT_EQ(choice.launch, 1) << "the plain one, which is not the cheapest";
  choice = {0, 1};
  ASSERT_EQ(attn_plan_choose(plan, 0, &choice), ATTN_STATUS_OK);
  x.byte_offset = 2;
  ASSERT_EQ(attn_plan_bind(plan, args, 1), ATTN_STATUS_OK) << attn_last_error();
  ASSERT_EQ(attn_plan_choice(plan, 0, &choice), ATTN_STATUS_OK);
  EXPECT_EQ(choice.launch, 1) << "the fast one does not take these";
  x.byte_offset = 0;
  ASSERT_EQ(attn_plan_bind(plan, args, 1), ATTN_STATUS_OK) << attn_last_error();
  ASSERT_EQ(attn_plan_choice(plan, 0, &choice), ATTN_STATUS_OK);
  EXPECT_EQ(choice.launch, 0) << "but it takes these";
}

TEST_F(Gpu, RefusesChoicesThatDoNotExist) {
  tiles = 5;
  ASSERT_EQ(makePlan(), ATTN_STATUS_OK) << attn_last_error();
  attn_choice_t choice = {2, 1};
  EXPECT_EQ(attn_plan_choose(plan, 0, &choice), ATTN_STATUS_INVALID_ARGUMENT);
  EXPECT_STREQ(attn_last_error(), "stage 0 of spec 'rows' has no launch 2");
  EXPECT_EQ(attn_plan_choose(plan, 1, &choice), ATTN_STATUS_INVALID_ARGUMENT);
  EXPECT_STREQ(attn_last_error(), "spec 'rows' has no stage 1");
  choice = {0, 6};
  EXPECT_EQ(attn_plan_choose(plan, 0, &choice), ATTN_STATUS_INVALID_ARGUMENT);
  EXPECT_STREQ(attn_last_error(),
               "fast can have its items in 1 to 5 parts, not in 6");
  offset = 2;
  ASSERT_EQ(makePlan(), ATTN_STATUS_OK) << attn_last_error();
  choice = {0, 1};
  EXPECT_EQ(attn_plan_choose(plan, 0, &choice), ATTN_STATUS_BAD_ALIGNMENT);
  EXPECT_STREQ(attn_last_error(),
               "spec 'rows': launch 0 of stage 0 needs tensors whose data and "
               "strides are multiples of 16 bytes");
  ASSERT_EQ(attn_plan_choice(plan, 0, &choice), ATTN_STATUS_OK);
  EXPECT_EQ(choice.launch, 1) << "nothing was changed";
}

TEST_F(Gpu, CountsWhatAMaskLeaves) {
  attn_spec_desc other = rows;
  other.stages = slowStages;
  attn_kernel_free(kernel);
  ASSERT_EQ(attn_kernel_from_desc(&other, &kernel), ATTN_STATUS_OK);
  tiles = 99;
  slowTiles = 20;
  shape[0] = 20;
  ASSERT_EQ(makePlan(), ATTN_STATUS_OK) << attn_last_error();
  ASSERT_EQ(attn_plan_run(plan, nullptr), ATTN_STATUS_OK);
  EXPECT_STREQ(driver->launches[0].symbol, "slow")
      << "on average in two rounds";
  shape[0] = 10;
  ASSERT_EQ(makePlan(), ATTN_STATUS_OK) << attn_last_error();
  ASSERT_EQ(attn_plan_run(plan, nullptr), ATTN_STATUS_OK);
  EXPECT_STREQ(driver->launches[1].symbol, "fast") << "the longest in one";
}

TEST_F(Gpu, DescribesResiduesToTma) {
  // 30 rows, 4 apart: 8 of two residues, 7 of the two others.
  attn_map_dim_desc stepped[] = {mapDims[0], mapDims[1]};
  stepped[1].step_slot = Step;
  attn_map_desc map = {X, 2, 16, 2, 128, stepped};
  attn_launch_desc launch = launches[1];
  launch.maps = &map;
  attn_stage_desc stage = {"rows", nullptr, nullptr, 0, 1, &launch, 0, 1};
  attn_spec_desc other = rows;
  other.stages = &stage;
  for (bool isLonger : {false, true}) {
    stepped[1].is_longer = isLonger;
    attn_kernel_free(kernel);
    ASSERT_EQ(attn_kernel_from_desc(&other, &kernel), ATTN_STATUS_OK);
    ASSERT_EQ(makePlan(), ATTN_STATUS_OK) << attn_last_error();
    EXPECT_EQ(driver->extents[0], isLonger ? 64u + 64 : 64u + 3 * 64)
        << "the last residue is so many elements further";
    EXPECT_EQ(driver->extents[1], isLonger ? 8u : 7u);
    EXPECT_EQ(driver->strides[0], 4 * 128u) << "bytes";
  }
}

TEST_F(Gpu, FoldsADimensionIntoTheFirst) {
  attn_map_dim_desc folded[] = {mapDims[0], mapDims[1]};
  folded[1].box = 0;
  folded[1].box_slot = -1;
  attn_map_desc map = {X, 2, 16, 2, 128, folded};
  attn_launch_desc launch = launches[1];
  launch.maps = &map;
  attn_stage_desc stage = {"rows", nullptr, nullptr, 0, 1, &launch, 0, 1};
  attn_spec_desc other = rows;
  other.stages = &stage;
  attn_kernel_free(kernel);
  ASSERT_EQ(attn_kernel_from_desc(&other, &kernel), ATTN_STATUS_OK);
  ASSERT_EQ(makePlan(), ATTN_STATUS_OK) << attn_last_error();
  EXPECT_EQ(driver->extents[0], 30u * 64);
}

TEST_F(Gpu, TakesThePlainLaunchForUnalignedTensors) {
  offset = 2;
  ASSERT_EQ(makePlan(), ATTN_STATUS_OK) << attn_last_error();
  ASSERT_EQ(attn_plan_run(plan, nullptr), ATTN_STATUS_OK);
  EXPECT_STREQ(driver->launches[0].symbol, "plain");
  EXPECT_EQ(driver->launches[0].blocks, 30u);
  EXPECT_EQ(driver->launches[0].sharedBytes, 0u);
  offset = 0;
  strides[0] = 68;
  ASSERT_EQ(makePlan(), ATTN_STATUS_OK) << attn_last_error();
  ASSERT_EQ(attn_plan_run(plan, nullptr), ATTN_STATUS_OK);
  EXPECT_STREQ(driver->launches[1].symbol, "plain");
}

TEST_F(Gpu, BindsToOtherTensors) {
  ASSERT_EQ(makePlan(), ATTN_STATUS_OK) << attn_last_error();
  x.byte_offset = 2;
  ASSERT_EQ(attn_plan_bind(plan, args, 1), ATTN_STATUS_OK) << attn_last_error();
  ASSERT_EQ(attn_plan_run(plan, nullptr), ATTN_STATUS_OK);
  EXPECT_STREQ(driver->launches[0].symbol, "plain");
  x.device.device_id = 1;
  EXPECT_EQ(attn_plan_bind(plan, args, 1), ATTN_STATUS_DEVICE_MISMATCH);
  EXPECT_STREQ(attn_last_error(), "argument 'x' is on GPU 1, but the plan was "
                                  "made for GPU 0");
}

TEST_F(Gpu, RunsInMemoryOfTheCaller) {
  ASSERT_EQ(makePlan(), ATTN_STATUS_OK) << attn_last_error();
  size_t size = 0;
  ASSERT_EQ(attn_plan_workspace_size(plan, nullptr, &size), ATTN_STATUS_OK);
  EXPECT_EQ(size, 128u + 127u);
  auto memory = std::make_unique<char[]>(size);
  attn_exec_context_t context = {nullptr, memory.get(), size, nullptr};
  ASSERT_EQ(attn_plan_run(plan, &context), ATTN_STATUS_OK);
  EXPECT_EQ(driver->numAllocations, 0);
  context.workspace_size = size - 1;
  EXPECT_EQ(attn_plan_run(plan, &context), ATTN_STATUS_WORKSPACE_TOO_SMALL);
  EXPECT_STREQ(attn_last_error(), "spec 'rows': expected a workspace of 255 "
                                  "bytes on GPU 0, found 254");
}

TEST_F(Gpu, LaunchesNothingForNoItems) {
  shape[0] = 0;
  ASSERT_EQ(makePlan(), ATTN_STATUS_OK) << attn_last_error();
  ASSERT_EQ(attn_plan_run(plan, nullptr), ATTN_STATUS_OK);
  EXPECT_EQ(driver->numLaunches, 0);
}

TEST_F(Gpu, RefusesTensorsOfTheCpu) {
  makePlan();
  attn_plan_free(plan);
  plan = nullptr;
  x.device = {kDLCPU, 0};
  EXPECT_EQ(attn_plan_create(kernel, args, 2, &plan),
            ATTN_STATUS_UNSUPPORTED_DEVICE);
  EXPECT_STREQ(attn_last_error(), "argument 'x': expected memory of a CUDA "
                                  "GPU, found DLPack device type 1");
}

TEST_F(Gpu, RefusesTensorsOfTwoGpus) {
  EXPECT_EQ(makePlan(0, 1), ATTN_STATUS_DEVICE_MISMATCH);
  EXPECT_STREQ(attn_last_error(),
               "argument 'out' is on GPU 1, but 'x' is on GPU 0");
}

TEST_F(Gpu, RefusesAGpuThatIsNotThere) {
  EXPECT_EQ(makePlan(7, 7), ATTN_STATUS_DEVICE_MISMATCH);
  EXPECT_STREQ(attn_last_error(), "there is no GPU 7; this machine has 2");
}

TEST_F(Gpu, RefusesDataThatIsNotAlignedToItsElements) {
  offset = 1;
  EXPECT_EQ(makePlan(), ATTN_STATUS_BAD_ALIGNMENT);
  EXPECT_STREQ(attn_last_error(), "argument 'x': its data is not aligned to "
                                  "its elements of 2 bytes");
}

TEST_F(Gpu, RefusesTensorsThatNoLaunchTakes) {
  const attn_stage_desc stage = {"rows", nullptr,      nullptr, 0,
                                 1,      launches + 1, 0,       1};
  attn_spec_desc other = rows;
  other.stages = &stage;
  attn_kernel_free(kernel);
  ASSERT_EQ(attn_kernel_from_desc(&other, &kernel), ATTN_STATUS_OK);
  offset = 2;
  EXPECT_EQ(makePlan(), ATTN_STATUS_BAD_ALIGNMENT);
  EXPECT_STREQ(attn_last_error(),
               "spec 'rows': stage rows needs tensors whose data and strides "
               "are multiples of 16 bytes");
}

TEST_F(Gpu, RefusesWhatIsMoreThanMemoryHolds) {
  auto expectOverflow = [&](int slot, int64_t value, const char *message) {
    demand = {slot, value};
    EXPECT_EQ(makePlan(), ATTN_STATUS_SIZE_OVERFLOW);
    EXPECT_STREQ(attn_last_error(), message);
  };
  expectOverflow(Buffer + 1, -8,
                 "spec 'rows' at these sizes: the size of a buffer is -8");
  expectOverflow(Fast, -1,
                 "spec 'rows' at these sizes: the number of work items is -1");
  offset = 2; // the plain launch
  expectOverflow(Plain + 1, -1,
                 "spec 'rows' at these sizes: the scratch of a block is -1");
  expectOverflow(Plain + 1, INT64_MAX,
                 "spec 'rows' at these sizes: the scratch of a block is "
                 "9223372036854775807");
}

TEST_F(Gpu, RefusesAStreamOfAnotherContext) {
  ASSERT_EQ(makePlan(), ATTN_STATUS_OK) << attn_last_error();
  attn_exec_context_t context = {};
  context.stream = &driver->otherStream;
  EXPECT_EQ(attn_plan_run(plan, &context), ATTN_STATUS_DEVICE_MISMATCH);
  EXPECT_STREQ(attn_last_error(),
               "spec 'rows': the stream is not one of the primary context of "
               "GPU 0, where the tensors are");
  EXPECT_EQ(driver->numLaunches, 0);
}

TEST_F(Gpu, SaysWhenThereIsNoMemory) {
  ASSERT_EQ(makePlan(), ATTN_STATUS_OK) << attn_last_error();
  driver->allocResult = 2;
  EXPECT_EQ(attn_plan_run(plan, nullptr), ATTN_STATUS_OUT_OF_MEMORY);
  EXPECT_STREQ(attn_last_error(), "spec 'rows': no memory on GPU 0 for a "
                                  "workspace of 255 bytes: out of memory");
  EXPECT_EQ(driver->numLaunches, 0);
}

TEST_F(Gpu, SaysWhenALaunchFails) {
  ASSERT_EQ(makePlan(), ATTN_STATUS_OK) << attn_last_error();
  driver->launchResult = 719;
  EXPECT_EQ(attn_plan_run(plan, nullptr), ATTN_STATUS_DEVICE_ERROR);
  EXPECT_STREQ(attn_last_error(), "spec 'rows': GPU 0 did not start fast: a "
                                  "fault of the test");
}

TEST_F(Gpu, SaysWhenTheDriverIsTooOldForThePtx) {
  driver->loadResult = 222;
  EXPECT_EQ(makePlan(), ATTN_STATUS_DRIVER_TOO_OLD);
  EXPECT_STREQ(attn_last_error(),
               "spec 'rows' is PTX of version 8.6, which the driver (CUDA "
               "12.4) does not know: update the driver, or build the kernel "
               "where attnc finds ptxas");
}

TEST_F(Gpu, SaysWhenAGpuDoesNotOpen) {
  driver->retainResult = 2;
  EXPECT_EQ(makePlan(1, 1), ATTN_STATUS_OUT_OF_MEMORY);
  EXPECT_STREQ(attn_last_error(), "GPU 1 cannot be used: out of memory");
  driver->retainResult = 999;
  EXPECT_EQ(makePlan(1, 1), ATTN_STATUS_DEVICE_ERROR);
  EXPECT_STREQ(attn_last_error(), "GPU 1 cannot be used: a fault of the test");
  driver->retainResult = 0;
  EXPECT_EQ(makePlan(1, 1), ATTN_STATUS_OK) << "it is tried anew";
}

TEST_F(Gpu, SaysWhenCodeDoesNotLoad) {
  driver->loadResult = 2;
  EXPECT_EQ(makePlan(), ATTN_STATUS_OUT_OF_MEMORY);
  EXPECT_STREQ(attn_last_error(),
               "spec 'rows': no memory on GPU 0 for its code");
  driver->loadResult = 200;
  EXPECT_EQ(makePlan(), ATTN_STATUS_LOAD_FAILED);
  EXPECT_STREQ(attn_last_error(), "spec 'rows': GPU 0 does not take its code: "
                                  "a fault of the test");
  driver->loadResult = 0;
  driver->functionResult = 500;
  EXPECT_EQ(makePlan(), ATTN_STATUS_LOAD_FAILED);
  EXPECT_STREQ(attn_last_error(), "spec 'rows': its kernel fast cannot be "
                                  "used: a fault of the test");
}

TEST_F(Gpu, SaysWhenCountersAreNotCleared) {
  attn_launch_desc drawing = launches[0];
  drawing.draws_items = 1;
  const attn_stage_desc stage = {"rows", nullptr,  nullptr, 0,
                                 1,      &drawing, 0,       1};
  attn_spec_desc desc = rows;
  desc.stages = &stage;
  attn_kernel_free(kernel);
  kernel = nullptr;
  ASSERT_EQ(attn_kernel_from_desc(&desc, &kernel), ATTN_STATUS_OK);
  ASSERT_EQ(makePlan(), ATTN_STATUS_OK) << attn_last_error();
  driver->memsetResult = 719;
  EXPECT_EQ(attn_plan_run(plan, nullptr), ATTN_STATUS_DEVICE_ERROR);
  EXPECT_STREQ(attn_last_error(), "spec 'rows': GPU 0 did not clear its "
                                  "workspace: a fault of the test");
  EXPECT_EQ(driver->numLaunches, 0);
}

TEST_F(Gpu, RefusesCodeForAnotherGpu) {
  attn_image_desc image = machineCode;
  attn_spec_desc other = rows;
  other.image = &image;
  auto statusFor = [&](int capability, bool isExact, bool isPtx) {
    image.capability = capability;
    image.is_exact = isExact;
    image.is_ptx = isPtx;
    attn_kernel_free(kernel);
    EXPECT_EQ(attn_kernel_from_desc(&other, &kernel), ATTN_STATUS_OK);
    return makePlan();
  };
  EXPECT_EQ(statusFor(100, true, false), ATTN_STATUS_UNSUPPORTED_GPU);
  EXPECT_STREQ(attn_last_error(),
               "spec 'rows' was compiled for target 'sm_90a', which needs "
               "compute capability 10.0, but GPU 0 has 9.0");
  EXPECT_EQ(statusFor(80, false, false), ATTN_STATUS_UNSUPPORTED_GPU)
      << "machine code of another generation";
  EXPECT_EQ(statusFor(80, false, true), ATTN_STATUS_OK) << "PTX";
  EXPECT_EQ(statusFor(80, true, true), ATTN_STATUS_UNSUPPORTED_GPU);
}

TEST_F(Gpu, CountsNoTiles) {
  ASSERT_EQ(makePlan(), ATTN_STATUS_OK) << attn_last_error();
  attn_tile_counts_t counts;
  EXPECT_EQ(attn_plan_count_tiles(plan, nullptr, &counts),
            ATTN_STATUS_UNSUPPORTED_DEVICE);
  EXPECT_STREQ(attn_last_error(), "spec 'rows' was compiled for a GPU, which "
                                  "does not count its tiles");
}

TEST_F(Gpu, RefusesDescriptorsThatLie) {
  attn_launch_desc launch = launches[2];
  attn_stage_desc stage = {"rows", nullptr, nullptr, 0, 1, &launch, 0, 1};
  attn_spec_desc other = rows;
  other.stages = &stage;
  attn_kernel_t *refused = nullptr;
  launch.items_slot = NumSlots - 2;
  EXPECT_EQ(attn_kernel_from_desc(&other, &refused), ATTN_STATUS_LOAD_FAILED);
  launch = launches[2];
  launch.merge = &launch;
  EXPECT_EQ(attn_kernel_from_desc(&other, &refused), ATTN_STATUS_LOAD_FAILED)
      << "merges what it merges";
  launch = launches[2];
  launch.code = 2;
  EXPECT_EQ(attn_kernel_from_desc(&other, &refused), ATTN_STATUS_LOAD_FAILED)
      << "is in no code";
  launch = launches[2];
  attn_image_desc image = machineCode;
  image.num_codes = 0;
  other.image = &image;
  EXPECT_EQ(attn_kernel_from_desc(&other, &refused), ATTN_STATUS_LOAD_FAILED);
  other.image = &machineCode;
  stage.num_launches = 0;
  EXPECT_EQ(attn_kernel_from_desc(&other, &refused), ATTN_STATUS_LOAD_FAILED);
}
