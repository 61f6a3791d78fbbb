//===- RunTest.cpp - What a run computes, where, and in whose memory ------===//

#include "RowSums.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <thread>

using namespace attn::test;

namespace {

PlanPtr planOf(RowSumsCall &call, const attn_kernel_t *kernel) {
  PlanPtr plan;
  EXPECT_EQ(call.plan(plan, kernel), ATTN_STATUS_OK) << attn_last_error();
  return plan;
}

TEST(Run, ComputesEveryOutput) {
  KernelPtr kernel = kernelOf();
  RowSumsCall call(2, 3, 2);
  for (size_t i = 0; i < call.a.data.size(); ++i)
    call.a.data[i] = float(i);
  call.w.data = {1, 0, -1};
  PlanPtr plan = planOf(call, kernel.get());
  ASSERT_EQ(attn_plan_run(plan.get(), nullptr), ATTN_STATUS_OK);
  // Rows of 4: sums 6, 22, 38 and 54, 70, 86.
  EXPECT_EQ(call.out.data, (std::vector<float>{-64, -64}));
  EXPECT_EQ(call.padded.data, (std::vector<float>{1, 0, -1, -1, -1}));
}

TEST(Run, TakesScalarsOfEitherKind) {
  KernelPtr kernel = kernelOf();
  RowSumsCall call(1, 1);
  call.args.push_back(intArg("scale", 3));
  call.args.push_back(intArg("flip", 1));
  PlanPtr plan = planOf(call, kernel.get());
  ASSERT_EQ(attn_plan_run(plan.get(), nullptr), ATTN_STATUS_OK);
  EXPECT_EQ(call.out.data[0], -12);
  call.args[4] = floatArg("scale", 0.5);
  plan = planOf(call, kernel.get());
  ASSERT_EQ(attn_plan_run(plan.get(), nullptr), ATTN_STATUS_OK);
  EXPECT_EQ(call.out.data[0], -2);
}

TEST(Run, HonoursStridesAndOffsets) {
  KernelPtr kernel = kernelOf();
  RowSumsCall call(2, 3);
  Tensor<float> wide({3, 2, 8}, kDLFloat, 100.f); // [N, M, D] with gaps
  for (int64_t n = 0; n < 3; ++n)
    for (int64_t m = 0; m < 2; ++m)
      for (int64_t d = 0; d < 4; ++d)
        wide.data[n * 16 + m * 8 + d + 4] = float(m + 1);
  call.a.view.data = wide.data.data();
  call.a.view.byte_offset = 4 * sizeof(float);
  call.a.setStrides({8, 16, 1});
  PlanPtr plan = planOf(call, kernel.get());
  ASSERT_EQ(attn_plan_run(plan.get(), nullptr), ATTN_STATUS_OK);
  EXPECT_EQ(call.out.data, (std::vector<float>{24, 48}));
}

TEST(Run, TakesNegativeAndZeroStridesOfInputs) {
  KernelPtr kernel = kernelOf();
  RowSumsCall call(2, 2);
  call.a.data.assign({1, 1, 1, 1, 2, 2, 2, 2});
  call.a.view.data = call.a.data.data() + 4;
  call.a.setStrides({0, -4, 1});
  call.w.data = {1, 10};
  PlanPtr plan = planOf(call, kernel.get());
  ASSERT_EQ(attn_plan_run(plan.get(), nullptr), ATTN_STATUS_OK);
  EXPECT_EQ(call.out.data, (std::vector<float>{96, 96}));
}

TEST(Run, ReducesOverNothing) {
  KernelPtr kernel = kernelOf();
  // M <= N does not hold for M = 2, N = 0, so there are no rows either; P is 3.
  RowSumsCall call(0, 0, 3);
  call.a.view.data = call.w.view.data = call.out.view.data = nullptr;
  PlanPtr plan = planOf(call, kernel.get());
  ASSERT_EQ(attn_plan_run(plan.get(), nullptr), ATTN_STATUS_OK);
  EXPECT_EQ(call.padded.data, (std::vector<float>{-1, -1, -1}));
}

TEST(Run, RebindsOtherData) {
  KernelPtr kernel = kernelOf();
  RowSumsCall call(2, 3), other(2, 3);
  other.a.data.assign(24, 2.f);
  PlanPtr plan = planOf(call, kernel.get());
  attn_arg_t args[] = {tensorArg("a", other.a.view),
                       tensorArg("out", other.out.view)};
  ASSERT_EQ(attn_plan_bind(plan.get(), args, 2), ATTN_STATUS_OK);
  ASSERT_EQ(attn_plan_run(plan.get(), nullptr), ATTN_STATUS_OK);
  EXPECT_EQ(call.out.data[0], -7);
  EXPECT_EQ(other.out.data[0], 48);
}

TEST(Run, RefusesToRebindOtherShapes) {
  KernelPtr kernel = kernelOf();
  RowSumsCall call(2, 3), longer(2, 4);
  PlanPtr plan = planOf(call, kernel.get());
  auto bind = [&](attn_arg_t arg) {
    // The first argument is right: it must not be bound when the second fails.
    attn_arg_t args[] = {tensorArg("out", longer.out.view), arg};
    return attn_plan_bind(plan.get(), args, 2);
  };
  EXPECT_EQ(bind(tensorArg("w", longer.w.view)), ATTN_STATUS_SIZE_MISMATCH);
  EXPECT_STREQ(attn_last_error(), "dimension N has 4 elements in 'w', but the "
                                  "plan was made for 3");
  longer.a.shape[1] = 3;
  longer.a.setStrides({16, 4, 1});
  EXPECT_EQ(bind(tensorArg("a", longer.a.view)), ATTN_STATUS_BAD_STRIDE);
  EXPECT_STREQ(attn_last_error(), "argument 'a': the stride of dimension M is "
                                  "16, but the plan was made for 12");
  EXPECT_EQ(bind(floatArg("scale", 1)), ATTN_STATUS_KIND_MISMATCH);
  EXPECT_EQ(bind(tensorArg("b", call.a.view)), ATTN_STATUS_UNKNOWN_ARGUMENT);
  ASSERT_EQ(attn_plan_run(plan.get(), nullptr), ATTN_STATUS_OK);
  EXPECT_EQ(call.out.data[0], 24);
  EXPECT_EQ(longer.out.data[0], -7);
}

TEST(Run, StaysInsideTheCallersWorkspace) {
  KernelPtr kernel = kernelOf();
  RowSumsCall call(5, 9);
  PlanPtr plan = planOf(call, kernel.get());
  size_t size = 0;
  ASSERT_EQ(attn_plan_workspace_size(plan.get(), nullptr, &size),
            ATTN_STATUS_OK);
  std::vector<char> memory(size + 2, char(0x5a));
  attn_exec_context_t context = {nullptr, memory.data() + 1, size, nullptr};
  ASSERT_EQ(attn_plan_run(plan.get(), &context), ATTN_STATUS_OK);
  EXPECT_EQ(call.out.data[4], 72);
  EXPECT_EQ(memory.front(), 0x5a);
  EXPECT_EQ(memory.back(), 0x5a);

  context.workspace_size = size - 1;
  EXPECT_EQ(attn_plan_run(plan.get(), &context),
            ATTN_STATUS_WORKSPACE_TOO_SMALL);
  EXPECT_EQ(std::string(attn_last_error()),
            "spec 'row_sums': expected a workspace of " + std::to_string(size) +
                " bytes, found " + std::to_string(size - 1));
}

TEST(Run, UsesEveryThreadForTheSameResult) {
  KernelPtr kernel = kernelOf();
  RowSumsCall call(300, 300);
  PlanPtr plan = planOf(call, kernel.get());
  for (int threads : {1, 2, 3, 8}) {
    attn_executor_t *raw = nullptr;
    ASSERT_EQ(attn_executor_create(threads, &raw), ATTN_STATUS_OK);
    ExecutorPtr executor(raw);
    EXPECT_EQ(executor->num_workers, threads);
    call.out.data.assign(300, 0.f);
    attn_exec_context_t context = {executor.get(), nullptr, 0, nullptr};
    ASSERT_EQ(attn_plan_run(plan.get(), &context), ATTN_STATUS_OK);
    EXPECT_EQ(call.out.data, std::vector<float>(300, 2400.f));
  }
}

TEST(Run, MayHappenInManyThreadsAtOnce) {
  KernelPtr kernel = kernelOf();
  RowSumsCall call(50, 50);
  PlanPtr plan = planOf(call, kernel.get());
  std::vector<std::thread> threads;
  std::atomic<int> failures = 0;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      RowSumsCall mine(50, 50);
      attn_plan_t *raw = nullptr;
      for (int repeat = 0; repeat < 20; ++repeat) {
        failures += attn_plan_create(kernel.get(), mine.args.data(), 4, &raw) ||
                    attn_plan_run(raw, nullptr);
        attn_plan_free(raw);
      }
      failures += mine.out.data != std::vector<float>(50, 400.f);
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(failures, 0);
}

/// Runs everything on the calling thread and notes what it was given.
struct RecordingExecutor : attn_executor_t {
  std::vector<int64_t> loops;
  RecordingExecutor() {
    context = this;
    num_workers = 1;
    parallel_for = [](void *self, int64_t items,
                      void (*body)(void *, int32_t, int64_t), void *argument) {
      static_cast<RecordingExecutor *>(self)->loops.push_back(items);
      for (int64_t item = items; item-- > 0;)
        body(argument, 0, item);
    };
  }
};

TEST(Run, BorrowsTheThreadsOfItsHost) {
  KernelPtr kernel = kernelOf();
  RowSumsCall call(2, 3, 1);
  PlanPtr plan = planOf(call, kernel.get());
  RecordingExecutor executor;
  attn_exec_context_t context = {&executor, nullptr, 0, nullptr};
  ASSERT_EQ(attn_plan_run(plan.get(), &context), ATTN_STATUS_OK);
  EXPECT_EQ(executor.loops, (std::vector<int64_t>{1, 2, 4}));
  EXPECT_EQ(call.out.data[0], 24);

  executor.num_workers = 0;
  EXPECT_EQ(attn_plan_run(plan.get(), &context), ATTN_STATUS_INVALID_ARGUMENT);
  EXPECT_STREQ(attn_last_error(),
               "the executor has no parallel_for, or 0 workers");
}

TEST(Run, CountsTilesOfMasksThatReadBuffers) {
  KernelPtr kernel = kernelOf();
  RowSumsCall call(2, 4);
  call.w.data = {0, 1, 2, 3};
  call.a.data.assign(call.a.data.size(), 4.f);
  PlanPtr plan = planOf(call, kernel.get());
  ASSERT_EQ(attn_plan_num_stages(plan.get()), 3);
  EXPECT_STREQ(attn_plan_stage_name(plan.get(), 1), "sums");
  EXPECT_EQ(attn_plan_stage_name(plan.get(), 3), nullptr);
  attn_tile_counts_t counts[3];
  ASSERT_EQ(attn_plan_count_tiles(plan.get(), nullptr, counts), ATTN_STATUS_OK);
  EXPECT_EQ(counts[0].pairs_visited, 0);
  EXPECT_EQ(counts[1].empty, 2);
  EXPECT_EQ(counts[1].full, 4);
  EXPECT_EQ(counts[1].mixed, 2);
  EXPECT_EQ(counts[1].pairs_visited, 6);
  EXPECT_EQ(call.out.data[0], -7) << "counting does not run the last stage";
}

/// Four workers on the calling thread: an item goes to the one that is free
/// first, and takes as long as the row that it writes has pairs.
struct CountingExecutor : attn_executor_t {
  RowSumsCall &call;
  std::vector<int64_t> rows; // in the order in which they were started
  std::vector<int64_t> times = std::vector<int64_t>(4);

  explicit CountingExecutor(RowSumsCall &call) : call(call) {
    context = this;
    num_workers = int32_t(times.size());
    parallel_for = [](void *self, int64_t items,
                      void (*body)(void *, int32_t, int64_t), void *argument) {
      auto &executor = *static_cast<CountingExecutor *>(self);
      for (int64_t item = 0; item < items; ++item)
        executor.take(body, argument, item);
    };
  }

  void take(void (*body)(void *, int32_t, int64_t), void *argument,
            int64_t item) {
    auto free = std::ranges::min_element(times);
    std::vector<float> before = call.out.data;
    body(argument, int32_t(free - times.begin()), item);
    for (size_t row = 0; row < before.size(); ++row)
      if (before[row] != call.out.data[row]) {
        rows.push_back(int64_t(row));
        *free += int64_t(call.a.data[row * call.a.data.size() / before.size()]);
      }
  }
};

TEST(Run, StartsTheItemsThatVisitMostPairsFirst) {
  KernelPtr kernel = kernelOf();
  RowSumsCall call(40, 100);
  // Row 39 takes as long as ten of the others, row 20 as two.
  for (size_t i = 0; i < call.a.data.size(); ++i)
    call.a.data[i] = i / 400 == 39 ? 100.f : i / 400 == 20 ? 20.f : 10.f;
  PlanPtr plan = planOf(call, kernel.get());
  CountingExecutor executor(call);
  attn_exec_context_t context = {&executor, nullptr, 0, nullptr};
  ASSERT_EQ(attn_plan_run(plan.get(), &context), ATTN_STATUS_OK);
  ASSERT_EQ(executor.rows.size(), 40u);
  EXPECT_EQ(executor.rows[0], 39);
  EXPECT_EQ(executor.rows[1], 20);
  EXPECT_TRUE(std::is_sorted(executor.rows.begin() + 2, executor.rows.end()));
  // 500 pairs on four workers; as the items come, 190 would be the longest.
  EXPECT_LE(std::ranges::max(executor.times), 130);
}

TEST(Executor, StartsItemsInOrder) {
  attn_executor_t *raw = nullptr;
  ASSERT_EQ(attn_executor_create(4, &raw), ATTN_STATUS_OK);
  ExecutorPtr executor(raw);
  struct Seen {
    std::mutex mutex;
    std::vector<std::vector<int64_t>> ofWorker;
    std::atomic<int> running[4] = {};
    bool shared = false;
  } seen;
  seen.ofWorker.resize(4);
  executor->parallel_for(
      executor->context, 1000,
      [](void *argument, int32_t worker, int64_t item) {
        auto &seen = *static_cast<Seen *>(argument);
        if (seen.running[worker]++)
          seen.shared = true;
        seen.ofWorker[worker].push_back(item);
        --seen.running[worker];
      },
      &seen);
  EXPECT_FALSE(seen.shared);
  std::vector<int> times(1000);
  for (const auto &items : seen.ofWorker) {
    EXPECT_TRUE(std::ranges::is_sorted(items));
    for (int64_t item : items)
      ++times[item];
  }
  EXPECT_EQ(times, std::vector<int>(1000, 1));
}

TEST(Executor, RefusesNumberOfThreads) {
  attn_executor_t *executor = nullptr;
  EXPECT_EQ(attn_executor_create(-1, &executor), ATTN_STATUS_INVALID_ARGUMENT);
  EXPECT_STREQ(attn_last_error(),
               "attn_executor_create: expected 0 to 65536 threads, found -1");
  EXPECT_EQ(attn_executor_create(1, nullptr), ATTN_STATUS_INVALID_ARGUMENT);
  EXPECT_STREQ(attn_last_error(),
               "attn_executor_create: no place for the executor");
  attn_executor_free(nullptr);
}

} // namespace
