//===- CompilerTest.cpp - Compiling in process, and what it remembers -----===//

#include "attn/attn.hpp"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <atomic>
#include <gtest/gtest.h>
#include <thread>

using namespace attn;

namespace {

constexpr char scaledSum[] = R"(
  attention scaled_sum(q: [M, D], k: [N, D], scale: float = 2) -> out: [M]
  {
    out = scale * sum[n](sum[d](q * k))
  }
)";

/// The arguments of scaled_sum, all ones.
struct SumCall {
  std::vector<float> q, k, out;
  int64_t qShape[2], kShape[2], outShape[1];
  DLTensor views[3] = {};
  std::vector<attn_arg_t> args;

  SumCall(int64_t m, int64_t n, int64_t d)
      : q(m * d, 1.f), k(n * d, 1.f), out(m), qShape{m, d}, kShape{n, d},
        outShape{m} {
    add(0, "q", q, qShape, 2);
    add(1, "k", k, kShape, 2);
    add(2, "out", out, outShape, 1);
  }
  SumCall(const SumCall &) = delete;

  void add(int index, const char *name, std::vector<float> &data,
           int64_t *shape, int rank) {
    views[index].data = data.data();
    views[index].device = {kDLCPU, 0};
    views[index].ndim = rank;
    views[index].dtype = {kDLFloat, 32, 1};
    views[index].shape = shape;
    args.push_back({name, ATTN_ARG_TENSOR, 0, &views[index], 0, 0});
  }

  /// Plans and runs; the result of each row.
  std::vector<float> run(const Kernel &kernel) {
    Result<Plan> plan = kernel.plan(args);
    if (!plan) {
      ADD_FAILURE() << plan.error().message;
      return {};
    }
    EXPECT_EQ(plan->run(), ATTN_STATUS_OK) << attn_last_error();
    return out;
  }
};

/// A cache directory that goes with the test.
class CompilerTest : public testing::Test {
protected:
  void SetUp() override {
    llvm::SmallString<128> path;
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("attn-jit", path));
    directory = path.str().str();
  }
  void TearDown() override { llvm::sys::fs::remove_directories(directory); }

  CompilerOptions options() const { return {true, directory}; }

  std::vector<std::string> cachedFiles() const {
    std::vector<std::string> files;
    std::error_code error;
    for (llvm::sys::fs::directory_iterator it(directory, error), end;
         it != end && !error; it.increment(error))
      files.push_back(it->path());
    return files;
  }

  void overwrite(const std::string &path, llvm::StringRef content) {
    std::error_code error;
    llvm::raw_fd_ostream(path, error) << content;
    ASSERT_FALSE(error);
  }

  std::string directory;
};

/// The value of \p result, or a failure of the test.
Kernel get(Result<Kernel> result) {
  if (!result) {
    ADD_FAILURE() << result.error().message;
    std::abort(); // nothing can be tested without
  }
  return *result;
}

TEST_F(CompilerTest, CompilesAndRuns) {
  Compiler compiler(options());
  SumCall call(3, 5, 4);
  Kernel kernel = get(compiler.compileFor(scaledSum, "scaled_sum", call.args));
  EXPECT_FALSE(kernel.fromDiskCache());
  EXPECT_EQ(call.run(kernel), std::vector<float>(3, 40.f));
}

TEST_F(CompilerTest, FixesHeadSizesAlone) {
  Compiler compiler(options());
  SumCall call(3, 5, 4);
  Kernel kernel = get(compiler.compileFor(scaledSum, "", call.args));
  std::map<std::string, int64_t> extents;
  for (int32_t i = 0; i < attn_kernel_num_dims(kernel.handle()); ++i) {
    attn_dim_info_t dim;
    ASSERT_EQ(attn_kernel_dim(kernel.handle(), i, &dim), ATTN_STATUS_OK);
    extents[dim.name] = dim.extent;
  }
  EXPECT_EQ(extents["D"], 4);
  EXPECT_EQ(extents["M"], -1);
  EXPECT_EQ(extents["N"], -1);
  SumCall longer(7, 11, 4);
  EXPECT_EQ(longer.run(kernel), std::vector<float>(7, 88.f));
}

TEST_F(CompilerTest, RemembersKernels) {
  Compiler compiler(options());
  SumCall call(3, 5, 4), other(2, 2, 4), wider(3, 5, 6);
  Kernel first = get(compiler.compileFor(scaledSum, "", call.args));
  Kernel second = get(compiler.compileFor(scaledSum, "", other.args));
  EXPECT_EQ(first.handle(), second.handle());
  Kernel third = get(compiler.compileFor(scaledSum, "", wider.args));
  EXPECT_NE(first.handle(), third.handle());
}

TEST_F(CompilerTest, FindsKernelsOnDisk) {
  SumCall call(3, 5, 4);
  get(Compiler(options()).compileFor(scaledSum, "", call.args));
  ASSERT_EQ(cachedFiles().size(), 1u);
  Compiler later(options());
  Kernel kernel = get(later.compileFor(scaledSum, "", call.args));
  EXPECT_TRUE(kernel.fromDiskCache());
  EXPECT_EQ(call.run(kernel), std::vector<float>(3, 40.f));
}

TEST_F(CompilerTest, KeepsNothingOnDiskWhenTold) {
  SumCall call(3, 5, 4);
  Compiler compiler({false, directory});
  get(compiler.compileFor(scaledSum, "", call.args));
  EXPECT_TRUE(cachedFiles().empty());
}

TEST_F(CompilerTest, IgnoresAndReplacesBrokenFiles) {
  SumCall call(3, 5, 4);
  get(Compiler(options()).compileFor(scaledSum, "", call.args));
  ASSERT_EQ(cachedFiles().size(), 1u);
  std::string path = cachedFiles()[0];
  auto whole = llvm::MemoryBuffer::getFile(path, false, false);
  ASSERT_TRUE(bool(whole));
  std::string content = (*whole)->getBuffer().str();

  std::string damaged = content;
  damaged[content.size() / 2] ^= 1;
  for (const std::string &broken : {std::string(), std::string("not an object"),
                                    content.substr(0, content.size() / 2),
                                    damaged, content + "something more"}) {
    overwrite(path, broken);
    Kernel kernel =
        get(Compiler(options()).compileFor(scaledSum, "", call.args));
    EXPECT_FALSE(kernel.fromDiskCache());
    EXPECT_EQ(call.run(kernel), std::vector<float>(3, 40.f));
    auto replaced = llvm::MemoryBuffer::getFile(path, false, false);
    ASSERT_TRUE(bool(replaced));
    EXPECT_EQ((*replaced)->getBuffer(), content);
  }
}

TEST_F(CompilerTest, DoesWithoutADirectoryThatCannotBeMade) {
  overwrite(directory + "/file", "");
  Compiler compiler({true, directory + "/file/cache"});
  SumCall call(3, 5, 4);
  EXPECT_EQ(call.run(get(compiler.compileFor(scaledSum, "", call.args))),
            std::vector<float>(3, 40.f));
}

TEST_F(CompilerTest, ServesManyThreads) {
  Compiler compiler(options());
  std::vector<std::thread> threads;
  std::atomic<const attn_kernel_t *> kernels[2] = {};
  std::atomic<int> failures = 0;
  for (int i = 0; i < 6; ++i)
    threads.emplace_back([&, i] {
      SumCall call(4, 4, i % 2 ? 8 : 4);
      Result<Kernel> kernel = compiler.compileFor(scaledSum, "", call.args);
      if (!kernel) {
        ++failures;
        return;
      }
      const attn_kernel_t *expected = nullptr;
      if (!kernels[i % 2].compare_exchange_strong(expected, kernel->handle()))
        failures += expected != kernel->handle();
      failures +=
          call.run(*kernel) != std::vector<float>(4, i % 2 ? 64.f : 32.f);
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(failures, 0);
}

TEST_F(CompilerTest, KernelsAndPlansOutliveTheCompiler) {
  SumCall call(3, 5, 4);
  std::optional<Plan> plan;
  {
    Compiler compiler(options());
    Kernel kernel = get(compiler.compileFor(scaledSum, "", call.args));
    Result<Plan> made = kernel.plan(call.args);
    ASSERT_TRUE(bool(made));
    plan = std::move(*made);
  }
  EXPECT_EQ(plan->run(), ATTN_STATUS_OK);
  EXPECT_EQ(call.out[0], 40.f);
}

void expectError(Result<Kernel> result, attn_status_t status,
                 const std::string &text) {
  ASSERT_FALSE(bool(result));
  EXPECT_STREQ(attn_status_name(result.error().status),
               attn_status_name(status));
  EXPECT_NE(result.error().message.find(text), std::string::npos)
      << result.error().message;
}

TEST_F(CompilerTest, ReportsEveryFailureAsAValue) {
  Compiler compiler(options());
  expectError(compiler.compile("attention f(q: [M]) -> out { out = qq }", "f"),
              ATTN_STATUS_INVALID_SPEC, "qq");
  expectError(compiler.compile("\x01\xff(((", "f"), ATTN_STATUS_INVALID_SPEC,
              "error");
  expectError(compiler.compile("", ""), ATTN_STATUS_INVALID_SPEC,
              "this file defines no attention");
  expectError(compiler.compile(std::string(scaledSum) +
                                   "attention g(q: [M]) -> out { out = q }",
                               ""),
              ATTN_STATUS_INVALID_SPEC,
              "expected one spec or the name of one, found 2 specs");
  expectError(compiler.compile(scaledSum, "scaled"), ATTN_STATUS_INVALID_SPEC,
              "the text defines no spec 'scaled'");
  SpecOptions unknown;
  unknown.target = "z80";
  expectError(compiler.compile(scaledSum, "", unknown),
              ATTN_STATUS_UNSUPPORTED_TARGET, "z80");
  SpecOptions type;
  type.dtype = "f8";
  expectError(compiler.compile(scaledSum, "", type), ATTN_STATUS_INVALID_SPEC,
              "f8");
  SpecOptions size;
  size.sizes["Q"] = 3;
  expectError(compiler.compile(scaledSum, "", size), ATTN_STATUS_INVALID_SPEC,
              "Q");
  EXPECT_TRUE(cachedFiles().empty());
}

TEST_F(CompilerTest, ReportsWhatThePlanRefuses) {
  Compiler compiler(options());
  SumCall call(3, 5, 4);
  Kernel kernel = get(compiler.compileFor(scaledSum, "", call.args));
  call.kShape[1] = 3;
  Result<Plan> plan = kernel.plan(call.args);
  ASSERT_FALSE(bool(plan));
  EXPECT_EQ(plan.error().status, ATTN_STATUS_SIZE_MISMATCH);
  EXPECT_EQ(plan.error().message,
            "dimension D has 3 elements in 'k', but the kernel was compiled "
            "for D = 4");
}

} // namespace
