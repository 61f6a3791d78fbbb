//===- KernelTest.cpp - Loading kernels, and asking what they are ---------===//

#include "RowSums.h"
#include "runtime/cpu/CpuFeatures.h"

#include <cstdio>
#include <filesystem>
#include <fstream>

using namespace attn::test;

namespace {

/// Loads and compares status and text.
void expectLoadFailure(const std::string &path, const char *name,
                       attn_status_t status, const std::string &message) {
  attn_kernel_t *kernel = nullptr;
  EXPECT_STREQ(attn_status_name(attn_kernel_load(path.c_str(), name, &kernel)),
               attn_status_name(status));
  EXPECT_EQ(kernel, nullptr);
  EXPECT_NE(std::string(attn_last_error()).find(message), std::string::npos)
      << attn_last_error();
}

TEST(Kernel, LoadsTheOnlySpecOfALibrary) {
  for (const char *name : {static_cast<const char *>(nullptr), "row_sums"}) {
    attn_kernel_t *raw = nullptr;
    ASSERT_EQ(attn_kernel_load(ATTN_TEST_KERNEL, name, &raw), ATTN_STATUS_OK)
        << attn_last_error();
    KernelPtr kernel(raw);
    EXPECT_STREQ(attn_kernel_name(raw), "row_sums");
    RowSumsCall call;
    PlanPtr plan;
    ASSERT_EQ(call.plan(plan, raw), ATTN_STATUS_OK);
    kernel.reset(); // the plan keeps the library
    EXPECT_EQ(attn_plan_run(plan.get(), nullptr), ATTN_STATUS_OK);
    EXPECT_EQ(call.out.data[1], 24);
  }
}

TEST(Kernel, RefusesNameThatTheLibraryLacks) {
  expectLoadFailure(ATTN_TEST_KERNEL, "causal", ATTN_STATUS_NOT_FOUND,
                    "holds no spec 'causal'; it holds: row_sums");
}

TEST(Kernel, RefusesFileThatIsNotThere) {
  expectLoadFailure("no-such-file.so", nullptr, ATTN_STATUS_NOT_FOUND,
                    "cannot load 'no-such-file.so': ./no-such-file.so: cannot "
                    "open shared object file");
}

TEST(Kernel, RefusesFileThatIsNotALibrary) {
  std::string path = testing::TempDir() + "attn-not-a-library.so";
  std::ofstream(path) << "attention f(q: [M]) -> out { out = q }\n";
  expectLoadFailure(path, nullptr, ATTN_STATUS_LOAD_FAILED, "cannot load '");
  std::filesystem::remove(path);
}

TEST(Kernel, RefusesLibraryOfSomebodyElse) {
  expectLoadFailure(ATTN_TEST_NO_KERNEL, nullptr, ATTN_STATUS_LOAD_FAILED,
                    "not one built by attnc: it has no symbol attn_module");
}

static void expectRefusal(attn_status_t status, const char *message) {
  EXPECT_EQ(status, ATTN_STATUS_INVALID_ARGUMENT);
  EXPECT_STREQ(attn_last_error(), message);
}

TEST(Kernel, RefusesNullArguments) {
  attn_kernel_t *kernel = nullptr;
  const char *load =
      "attn_kernel_load: the path or the place for the kernel is null";
  expectRefusal(attn_kernel_load(nullptr, nullptr, &kernel), load);
  expectRefusal(attn_kernel_load("x", nullptr, nullptr), load);
  expectRefusal(attn_kernel_from_desc(nullptr, &kernel),
                "the spec descriptor is null");
  expectRefusal(attn_kernel_from_desc(&attn_spec_row_sums, nullptr),
                "attn_kernel_from_desc: no place for the kernel");
  KernelPtr rowSums = kernelOf();
  const char *dim =
      "attn_kernel_dim: the kernel or the place for the answer is null";
  attn_dim_info_t dimInfo;
  expectRefusal(attn_kernel_dim(nullptr, 0, &dimInfo), dim);
  expectRefusal(attn_kernel_dim(rowSums.get(), 0, nullptr), dim);
  const char *param =
      "attn_kernel_param: the kernel or the place for the answer is null";
  attn_param_info_t paramInfo;
  expectRefusal(attn_kernel_param(nullptr, 0, &paramInfo), param);
  expectRefusal(attn_kernel_param(rowSums.get(), 0, nullptr), param);
  int64_t shape[3];
  expectRefusal(attn_kernel_shape(nullptr, nullptr, 0, 0, shape),
                "attn_kernel_shape: the kernel is null");
  attn_kernel_free(nullptr);
}

TEST(Kernel, RefusesOtherAbi) {
  attn_spec_desc desc = attn_spec_row_sums;
  desc.abi_version = 99;
  attn_kernel_t *kernel = nullptr;
  EXPECT_EQ(attn_kernel_from_desc(&desc, &kernel), ATTN_STATUS_ABI_MISMATCH);
  EXPECT_STREQ(attn_last_error(),
               "the kernel was built for ABI version 99, but this runtime has "
               "version 10: build the kernel again with the attnc of this "
               "runtime");
}

TEST(Kernel, RefusesCpuWithoutItsInstructions) {
  attn_spec_desc desc = attn_spec_row_sums;
  desc.features = "sse2,avx1024f";
  attn_kernel_t *kernel = nullptr;
  EXPECT_EQ(attn_kernel_from_desc(&desc, &kernel), ATTN_STATUS_UNSUPPORTED_CPU);
  EXPECT_STREQ(attn_last_error(),
               "spec 'row_sums' was compiled for target 'x86-64', but this CPU "
               "lacks: avx1024f");
}

static void expectMalformed(const attn_spec_desc &desc) {
  attn_kernel_t *kernel = nullptr;
  EXPECT_EQ(attn_kernel_from_desc(&desc, &kernel), ATTN_STATUS_LOAD_FAILED);
  EXPECT_STREQ(attn_last_error(), "the descriptor of the kernel is malformed");
}

TEST(Kernel, RefusesDescriptorThatPointsOutsideItsSlots) {
  attn_spec_desc desc = attn_spec_row_sums;
  desc.num_slots = 10;
  expectMalformed(desc);
}

TEST(Kernel, RefusesSlicesOutsideOfTheDescriptor) {
  attn_spec_desc desc = attn_spec_row_sums;
  desc.slices_slot = desc.num_slots;
  expectMalformed(desc);

  desc = attn_spec_row_sums;
  int32_t numbers[] = {0, desc.num_stages};
  attn_pass_desc pass = {1, -1, 2, numbers};
  desc.num_passes = 1;
  desc.passes = &pass;
  expectMalformed(desc);
  numbers[1] = -1;
  expectMalformed(desc);
  numbers[1] = 1;
  pass.strip_slot = desc.num_slots - 3;
  expectMalformed(desc);

  desc = attn_spec_row_sums;
  attn_buffer_desc buffer = desc.buffers[0];
  desc.buffers = &buffer;
  buffer.strip_slot = 0;
  expectMalformed(desc);
  buffer.strip_slot = desc.num_slots;
  buffer.skipped_slot = 0;
  expectMalformed(desc);

  desc = attn_spec_row_sums;
  attn_stage_desc stages[] = {desc.stages[0], desc.stages[1], desc.stages[2]};
  desc.stages = stages;
  stages[2].strip_slot = desc.num_slots - 1;
  expectMalformed(desc);
}

TEST(Kernel, SaysWhatItIs) {
  KernelPtr kernel = kernelOf();
  EXPECT_STREQ(attn_kernel_target(kernel.get()), "x86-64");
  ASSERT_EQ(attn_kernel_num_dims(kernel.get()), 4);
  attn_dim_info_t dim;
  ASSERT_EQ(attn_kernel_dim(kernel.get(), 2, &dim), ATTN_STATUS_OK);
  EXPECT_STREQ(dim.name, "D");
  EXPECT_EQ(dim.extent, 4);
  EXPECT_FALSE(dim.is_defined);
  ASSERT_EQ(attn_kernel_dim(kernel.get(), 3, &dim), ATTN_STATUS_OK);
  EXPECT_EQ(dim.extent, -1);
  EXPECT_TRUE(dim.is_defined);
  expectRefusal(attn_kernel_dim(kernel.get(), 4, &dim),
                "attn_kernel_dim: no dimension 4");

  ASSERT_EQ(attn_kernel_num_params(kernel.get()), 7);
  attn_param_info_t param;
  ASSERT_EQ(attn_kernel_param(kernel.get(), 0, &param), ATTN_STATUS_OK);
  EXPECT_STREQ(param.name, "a");
  EXPECT_EQ(param.kind, ATTN_ARG_TENSOR);
  EXPECT_EQ(param.rank, 3);
  EXPECT_EQ(param.dims[2], 2);
  EXPECT_FALSE(param.is_output);
  ASSERT_EQ(attn_kernel_param(kernel.get(), 2, &param), ATTN_STATUS_OK);
  EXPECT_EQ(param.kind, ATTN_ARG_FLOAT);
  EXPECT_TRUE(param.has_default);
  EXPECT_EQ(param.default_float, 2.0);
  ASSERT_EQ(attn_kernel_param(kernel.get(), 6, &param), ATTN_STATUS_OK);
  EXPECT_TRUE(param.is_output);
  expectRefusal(attn_kernel_param(kernel.get(), -1, &param),
                "attn_kernel_param: no parameter -1");
}

TEST(CpuFeatures, KnowsWhatEveryX86Has) {
#ifdef __x86_64__
  EXPECT_EQ(attn::runtime::missingCpuFeatures("+sse2,cx8,,64bit"), "");
  bool hasAvx2 = __builtin_cpu_supports("avx2");
  EXPECT_EQ(attn::runtime::missingCpuFeatures("avx2"), hasAvx2 ? "" : "avx2");
  bool hasBf16 = __builtin_cpu_supports("avx512bf16");
  EXPECT_EQ(attn::runtime::missingCpuFeatures("avx512bf16"),
            hasBf16 ? "" : "avx512bf16");
#endif
  EXPECT_EQ(attn::runtime::missingCpuFeatures(""), "");
  EXPECT_EQ(attn::runtime::missingCpuFeatures("foo,bar"), "foo, bar");
}

} // namespace
