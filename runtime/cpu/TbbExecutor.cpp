//===- TbbExecutor.cpp - The executor that is used unless a host lends one ===//

#include "runtime/Executor.h"
#include "runtime/Status.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <tbb/info.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

using namespace attn::runtime;

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ATTN_TSAN 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define ATTN_TSAN 1
#endif

// ThreadSanitizer does not see the synchronisation inside the library that it
// did not compile, so the hand-over of work is told to it.
#ifdef ATTN_TSAN
extern "C" void __tsan_acquire(void *);
extern "C" void __tsan_release(void *);
static void handOver(void *place) { __tsan_release(place); }
static void takeOver(void *place) { __tsan_acquire(place); }
#define ATTN_UNSEEN_BY_TSAN __attribute__((no_sanitize("thread")))
#else
static void handOver(void *) {}
static void takeOver(void *) {}
#define ATTN_UNSEEN_BY_TSAN
#endif

namespace {

using Body = void (*)(void *, int32_t, int64_t);

/// Items that workers take one by one.
struct Job {
  Body body;
  void *argument;
  int64_t items;
  std::atomic<int64_t> next = 0;

  void work(int32_t worker) {
    takeOver(this);
    for (int64_t item; (item = next.fetch_add(1)) < items;)
      body(argument, worker, item);
    handOver(this);
  }
};

struct TbbExecutor : attn_executor_t {
  explicit TbbExecutor(int32_t threads)
      : arena(std::min(threads, tbb::info::default_concurrency())) {
    context = this;
    num_workers = threads;
    parallel_for = [](void *self, int64_t items, Body body, void *argument) {
      static_cast<TbbExecutor *>(self)->forEach(items, body, argument);
    };
  }

  /// One task a worker; each takes the next item when it is done with one. So
  /// items start in order, which a recursive split of the range would not give.
  void forEach(int64_t items, Body body, void *argument) {
    auto workers = int32_t(std::min<int64_t>(num_workers, items));
    if (workers <= 1) {
      for (int64_t item = 0; item < items; ++item)
        body(argument, 0, item);
      return;
    }
    Job job{body, argument, items};
    handOver(&job);
    // Where all slots of the arena are taken, a worker runs this for the
    // caller; and the library copies the inner closure to where a worker reads
    // it.
    arena.execute([&]() ATTN_UNSEEN_BY_TSAN {
      auto work = [&job](int32_t worker)
                      ATTN_UNSEEN_BY_TSAN { job.work(worker); };
      tbb::parallel_for(int32_t(0), workers, int32_t(1), work,
                        tbb::simple_partitioner());
    });
    takeOver(&job);
  }

  tbb::task_arena arena;
};

} // namespace

const attn_executor_t &attn::runtime::defaultExecutor() {
  // Never freed: other threads may still be running when the program ends.
  static auto *executor = new TbbExecutor(tbb::info::default_concurrency());
  return *executor;
}

attn_status_t attn_executor_create(int32_t numThreads,
                                   attn_executor_t **executor) {
  return guard([&] {
    if (!executor)
      return fail(ATTN_STATUS_INVALID_ARGUMENT,
                  "attn_executor_create: no place for the executor");
    *executor = nullptr;
    if (numThreads < 0 || numThreads > maxWorkers)
      return fail(ATTN_STATUS_INVALID_ARGUMENT,
                  "attn_executor_create: expected 0 to ", maxWorkers,
                  " threads, found ", numThreads);
    if (numThreads == 0)
      numThreads = tbb::info::default_concurrency();
    *executor = new TbbExecutor(numThreads);
    return ATTN_STATUS_OK;
  });
}

void attn_executor_free(attn_executor_t *executor) {
  delete static_cast<TbbExecutor *>(executor);
}
