//===- TunedLaunchesTest.cpp - Launches that were measured, kept ----------===//

#include "runtime/jit/TunedLaunches.h"
#include "attn/attn.hpp"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>
#include <gtest/gtest.h>

using namespace attn;

namespace {

constexpr char causal[] = R"(
  attention causal(q: [B, M, D], k: [B, N, D], v: [B, N, E]) -> out
  {
    mask = n <= m
    out  = sum[n](softmax[n](sum[d](q * k)) * v)
  }
)";

/// A call on the GPU of the tests' driver, which runs nothing.
struct GpuCall {
  alignas(16) char data[64] = {};
  int64_t shape[3];
  DLTensor tensor = {};
  std::vector<attn_arg_t> args;

  GpuCall(int64_t batch, int64_t positions) : shape{batch, positions, 64} {
    tensor.data = data;
    tensor.device = {kDLCUDA, 0};
    tensor.ndim = 3;
    tensor.dtype = {kDLBfloat, 16, 1};
    tensor.shape = shape;
    for (const char *name : {"q", "k", "v", "out"})
      args.push_back({name, ATTN_ARG_TENSOR, 0, &tensor, 0, 0});
  }
  GpuCall(const GpuCall &) = delete;
};

class TunedLaunchesTest : public testing::Test {
protected:
  static void SetUpTestSuite() {
    setenv("ATTN_CUDA_DRIVER", ATTN_TEST_DRIVER, 1);
    setenv("ATTNC_PTXAS", "none", 1);
  }
  void SetUp() override {
    llvm::SmallString<128> path;
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("attn-tuned", path));
    directory = path.str().str();
  }
  void TearDown() override { llvm::sys::fs::remove_directories(directory); }

  /// The kernel, of another process as far as it can tell.
  Kernel compile(bool useDiskCache = true) {
    compilers.push_back(
        std::make_unique<Compiler>(CompilerOptions{useDiskCache, directory}));
    GpuCall call(1, 64);
    SpecOptions options;
    options.dtype = "bf16";
    options.target = "sm_90a";
    auto kernel = compilers.back()->compileFor(causal, "", call.args, options);
    if (!kernel) {
      ADD_FAILURE() << kernel.error().message;
      std::abort(); // nothing can be tested without
    }
    return *kernel;
  }

  static Plan plan(const Kernel &kernel, const GpuCall &call) {
    Result<Plan> made = kernel.plan(call.args);
    if (!made) {
      ADD_FAILURE() << made.error().message;
      std::abort();
    }
    return std::move(*made);
  }

  static attn_choice_t choice(const Plan &plan) {
    attn_choice_t choice = {-1, 0};
    EXPECT_EQ(attn_plan_choice(plan.handle(), 0, &choice), ATTN_STATUS_OK);
    return choice;
  }

  /// The launch that can have its items in parts.
  static int32_t divisible(const Plan &plan) {
    attn_launch_info_t info;
    for (int32_t i = 0; i < attn_plan_num_launches(plan.handle(), 0); ++i)
      if (!attn_plan_launch(plan.handle(), 0, i, &info) && info.most_parts > 1)
        return i;
    ADD_FAILURE() << "no launch can be cut";
    return 0;
  }

  std::string directory;
  std::vector<std::unique_ptr<Compiler>> compilers;
};

TEST_F(TunedLaunchesTest, AreTakenByCallsOfTheirClass) {
  Kernel kernel = compile();
  GpuCall call(64, 4096), near(64, 4600), far(64, 8192);
  Plan first = plan(kernel, call);
  attn_choice_t own = choice(first), kept = {divisible(first), 7};
  ASSERT_NE(own.launch, kept.launch) << "many rows, few parts";
  ASSERT_EQ(attn_plan_choose(first.handle(), 0, &kept), ATTN_STATUS_OK)
      << attn_last_error();
  EXPECT_TRUE(kernel.keepLaunches(first));
  for (const Kernel &later : {kernel, compile()}) {
    EXPECT_EQ(choice(plan(later, call)).launch, kept.launch);
    EXPECT_EQ(choice(plan(later, call)).parts, 7);
    EXPECT_EQ(choice(plan(later, near)).launch, kept.launch);
    EXPECT_EQ(choice(plan(later, far)).launch, own.launch);
  }
}

TEST_F(TunedLaunchesTest, StayInTheProcessWithoutADiskCache) {
  Kernel kernel = compile(/*useDiskCache=*/false);
  GpuCall call(64, 4096);
  Plan first = plan(kernel, call);
  attn_choice_t own = choice(first), kept = {divisible(first), 1};
  ASSERT_EQ(attn_plan_choose(first.handle(), 0, &kept), ATTN_STATUS_OK);
  EXPECT_FALSE(kernel.keepLaunches(first));
  EXPECT_EQ(choice(plan(kernel, call)).launch, kept.launch);
  EXPECT_EQ(choice(plan(compile(false), call)).launch, own.launch);
}

TEST_F(TunedLaunchesTest, AreTheAffairOfTheirKernel) {
  Kernel kernel = compile(), other = compile();
  GpuCall call(64, 4096);
  EXPECT_FALSE(other.keepLaunches(plan(kernel, call)));
}

TEST_F(TunedLaunchesTest, ThatMakeNoSenseAreLeftAside) {
  GpuCall call(64, 4096);
  Plan first = plan(compile(), call);
  attn_choice_t own = choice(first);
  attn_launch_info_t info;
  ASSERT_EQ(attn_plan_launch(first.handle(), 0, own.launch, &info),
            ATTN_STATUS_OK);
  DiskCache cache(directory);
  // Whatever key is asked for: every file is one of these.
  for (std::string text :
       {std::string("another 1\n"), std::string("\n"),
        info.name + std::string(" many\n"), info.name + std::string(" 0\n")}) {
    Kernel kernel = compile();
    TunedLaunches tuned(*kernel.handle(), &cache);
    Plan made = plan(kernel, call);
    ASSERT_TRUE(tuned.keep(*made.handle()));
    std::error_code error;
    for (llvm::sys::fs::directory_iterator it(directory, error), end;
         it != end && !error; it.increment(error)) {
      llvm::StringRef key = llvm::StringRef(it->path()).rsplit('/').second;
      if (auto found = cache.load(key.drop_back(strlen(".attn")));
          found && found->objects.front()->getBufferSize() < 100)
        cache.store(key.drop_back(strlen(".attn")), "", llvm::StringRef(text));
    }
    EXPECT_EQ(choice(plan(compile(), call)).launch, own.launch) << text;
    EXPECT_EQ(choice(plan(compile(), call)).parts, own.parts) << text;
  }
}

TEST(ExtentClass, IsOneOfEightForEachDoubling) {
  EXPECT_EQ(extentClass(0), 0);
  EXPECT_EQ(extentClass(13), 13);
  EXPECT_EQ(extentClass(17), 16);
  EXPECT_EQ(extentClass(18), 18);
  EXPECT_EQ(extentClass(4096), 4096);
  EXPECT_EQ(extentClass(4607), 4096);
  EXPECT_EQ(extentClass(4608), 4608);
  EXPECT_EQ(extentClass(8191), 7680);
}

} // namespace
