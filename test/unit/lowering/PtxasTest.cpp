//===- PtxasTest.cpp - What ptxas says ------------------------------------===//

#include "lowering/gpu/Ptxas.h"

#include "gtest/gtest.h"

#include <cstdlib>

using namespace attn::gpu;

TEST(Ptxas, ReadsRegistersAndSpillsOfEachKernel) {
  auto kernels = parseResources(
      "ptxas info    : 0 bytes gmem\n"
      "ptxas info    : Compiling entry function 'first' for 'sm_90a'\n"
      "ptxas info    : Function properties for first\n"
      "    112 bytes stack frame, 96 bytes spill stores, 160 bytes spill "
      "loads\n"
      "ptxas info    : Used 255 registers, used 1 barriers, 112 bytes "
      "cumulative stack size\n"
      "ptxas info    : Compiling entry function 'second' for 'sm_90a'\n"
      "ptxas info    : Function properties for second\n"
      "    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
      "ptxas info    : Used 40 registers, used 1 barriers\n");
  ASSERT_EQ(kernels.size(), 2u);
  EXPECT_EQ(kernels[0].symbol, "first");
  EXPECT_EQ(kernels[0].registers, 255u);
  EXPECT_EQ(kernels[0].stackBytes, 112u);
  EXPECT_EQ(kernels[0].spillBytes, 256u);
  EXPECT_EQ(kernels[1].symbol, "second");
  EXPECT_EQ(kernels[1].registers, 40u);
  EXPECT_EQ(kernels[1].spillBytes, 0u);
}

TEST(Ptxas, ReadsWhichKernelsHaveSerializedProducts) {
  auto kernels = parseResources(
      "ptxas info    : (C7512) Potential Performance Loss: wgmma.mma_async "
      "instructions are serialized due to insufficient register resources for "
      "the function 'second'\n"
      "ptxas info    : Compiling entry function 'first' for 'sm_90a'\n"
      "ptxas info    : Compiling entry function 'second' for 'sm_90a'\n");
  ASSERT_EQ(kernels.size(), 2u);
  EXPECT_FALSE(kernels[0].isSerialized);
  EXPECT_TRUE(kernels[1].isSerialized);
}

TEST(Ptxas, TakesNothingFromOtherText) {
  EXPECT_TRUE(parseResources("").empty());
  EXPECT_TRUE(parseResources("Used 7 registers\n").empty());
}

TEST(Ptxas, IsHiddenByTheEnvironment) {
  setenv("ATTNC_PTXAS", "none", 1);
  EXPECT_FALSE(findPtxas());
  setenv("ATTNC_PTXAS", "/bin/true", 1);
  EXPECT_EQ(findPtxas(), "/bin/true");
}
