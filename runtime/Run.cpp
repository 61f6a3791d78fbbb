//===- Run.cpp - Runs a plan ----------------------------------------------===//
//
// A run lays out its workspace and hands the items of each stage to the
// executor; everything else was decided by the plan.
//
//===----------------------------------------------------------------------===//

#include "runtime/Executor.h"
#include "runtime/Plan.h"
#include "runtime/Status.h"
#include "runtime/Workspace.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <span>

using namespace attn::runtime;

namespace {

/// Memory of the run when the caller brings none.
struct OwnedWorkspace {
  void *data = nullptr;
  ~OwnedWorkspace() { std::free(data); }
};

class Run {
public:
  Run(const attn_plan_t &plan, const attn_exec_context_t *given)
      : plan(plan), context(given ? *given : attn_exec_context_t{}),
        executor(context.executor ? *context.executor : defaultExecutor()) {}

  attn_status_t prepare();
  void runStage(const attn_stage_desc &stage);
  bool sortItems(const attn_stage_desc &stage);
  void countStage(const attn_stage_desc &stage, attn_tile_counts_t &counts);

private:
  const attn_plan_t &plan;
  attn_exec_context_t context;
  const attn_executor_t &executor;
  OwnedWorkspace owned;
  int64_t *slots = nullptr;
  ItemWork *order = nullptr;
  char *scratch = nullptr;
};

} // namespace

static attn_status_t workspaceSize(const attn_plan_t &plan,
                                   const attn_executor_t &executor,
                                   size_t &size) {
  if (executor.num_workers < 1 || executor.num_workers > maxWorkers ||
      !executor.parallel_for)
    return fail(ATTN_STATUS_INVALID_ARGUMENT,
                "the executor has no parallel_for, or ", executor.num_workers,
                " workers");
  size_t fixed = plan.slotBytes + workspaceAlignment - 1;
  if (__builtin_mul_overflow(plan.scratchBytes, size_t(executor.num_workers),
                             &size) ||
      __builtin_add_overflow(size, plan.bufferBytes, &size) ||
      __builtin_add_overflow(size, plan.orderBytes, &size) ||
      __builtin_add_overflow(size, fixed, &size))
    return fail(ATTN_STATUS_SIZE_OVERFLOW, "spec '", plan.kernel->desc->name,
                "' at these sizes: the workspace is larger than memory");
  return ATTN_STATUS_OK;
}

attn_status_t Run::prepare() {
  size_t size;
  ATTN_RETURN_IF_FAILED(workspaceSize(plan, executor, size));
  if (context.workspace && context.workspace_size < size)
    return fail(ATTN_STATUS_WORKSPACE_TOO_SMALL, "spec '",
                plan.kernel->desc->name, "': expected a workspace of ", size,
                " bytes, found ", context.workspace_size);
  if (!context.workspace && !(owned.data = std::malloc(size)))
    return fail(ATTN_STATUS_OUT_OF_MEMORY, "spec '", plan.kernel->desc->name,
                "': no memory for a workspace of ", size, " bytes");
  char *base = alignUp(context.workspace ? context.workspace : owned.data);
  slots = reinterpret_cast<int64_t *>(base);
  std::ranges::copy(plan.slots, slots);
  order = reinterpret_cast<ItemWork *>(base + plan.slotBytes);
  char *next = base + plan.slotBytes + plan.orderBytes;
  for (const attn_buffer_desc &buffer : plan.kernel->buffers()) {
    slots[buffer.slot] = int64_t(reinterpret_cast<uintptr_t>(next));
    size_t bytes = 0;
    alignUp(slots[buffer.slot + 1], bytes);
    next += bytes;
  }
  scratch = next;
  return ATTN_STATUS_OK;
}

/// Sorts the items of \p stage so that the threads end together; false where
/// the order that they have is as good. Runs of items that visit fewer and
/// fewer pairs, as those of a head do under a causal mask, stay together,
/// because neighbours need the same keys: the run with the longest item comes
/// first. The last items, as much work as one of the longest for each worker,
/// are sorted by themselves, longest first: they even out what the runs before
/// them left.
bool Run::sortItems(const attn_stage_desc &stage) {
  int64_t items = slots[stage.items_slot];
  if (!stage.is_uneven || !stage.count || items <= executor.num_workers ||
      executor.num_workers == 1)
    return false;
  struct Count {
    const attn_stage_desc &stage;
    const int64_t *slots;
    ItemWork *order;
  } count{stage, slots, order};
  executor.parallel_for(
      executor.context, items,
      [](void *argument, int32_t, int64_t item) {
        auto &count = *static_cast<Count *>(argument);
        int64_t values[4] = {};
        count.stage.count(count.slots, item, values);
        count.order[item] = {values[3], item, values[3]};
      },
      &count);
  std::span<ItemWork> all(order, size_t(items));
  for (size_t i = 1; i < all.size(); ++i)
    if (all[i].pairs <= all[i - 1].pairs)
      all[i].runPairs = all[i - 1].runPairs;
  std::ranges::sort(all, [](const ItemWork &a, const ItemWork &b) {
    return a.runPairs != b.runPairs ? a.runPairs > b.runPairs : a.item < b.item;
  });
  int64_t longest = all.front().pairs, pairs = 0;
  size_t last = all.size();
  while (last > 0 && pairs / executor.num_workers < longest)
    pairs += all[--last].pairs;
  std::ranges::sort(
      all.subspan(last), [](const ItemWork &a, const ItemWork &b) {
        return a.pairs != b.pairs ? a.pairs > b.pairs : a.item < b.item;
      });
  return true;
}

void Run::runStage(const attn_stage_desc &stage) {
  struct Work {
    const attn_stage_desc &stage;
    const int64_t *slots;
    const ItemWork *order; // null: as they come
    char *scratch;
    size_t scratchBytes;
  } work{stage, slots, sortItems(stage) ? order : nullptr, scratch,
         plan.scratchBytes};
  executor.parallel_for(
      executor.context, slots[stage.items_slot],
      [](void *argument, int32_t worker, int64_t item) {
        auto &work = *static_cast<Work *>(argument);
        if (work.order)
          item = work.order[item].item;
        work.stage.run(work.slots,
                       work.scratch + size_t(worker) * work.scratchBytes, item);
      },
      &work);
}

void Run::countStage(const attn_stage_desc &stage, attn_tile_counts_t &counts) {
  int64_t values[4] = {};
  if (stage.count)
    for (int64_t item = 0; item < slots[stage.items_slot]; ++item)
      stage.count(slots, item, values);
  counts = {values[0], values[1], values[2], values[3]};
}

attn_status_t attn_plan_workspace_size(const attn_plan_t *plan,
                                       const attn_executor_t *executor,
                                       size_t *size) {
  return guard([&] {
    if (!plan || !size)
      return fail(ATTN_STATUS_INVALID_ARGUMENT,
                  "attn_plan_workspace_size: the plan or the place for the "
                  "size is null");
    if (plan->gpu) {
      *size = plan->gpu->workspaceBytes();
      return ATTN_STATUS_OK;
    }
    return workspaceSize(*plan, executor ? *executor : defaultExecutor(),
                         *size);
  });
}

attn_status_t attn_plan_run(const attn_plan_t *plan,
                            const attn_exec_context_t *context) {
  return guard([&] {
    if (!plan)
      return fail(ATTN_STATUS_INVALID_ARGUMENT,
                  "attn_plan_run: the plan is null");
    if (plan->gpu)
      return cuda::runLaunches(*plan->kernel, *plan->gpu, plan->slots,
                               context ? *context : attn_exec_context_t{});
    Run run(*plan, context);
    ATTN_RETURN_IF_FAILED(run.prepare());
    for (const attn_stage_desc &stage : plan->kernel->stages())
      run.runStage(stage);
    return ATTN_STATUS_OK;
  });
}

int32_t attn_plan_num_stages(const attn_plan_t *plan) {
  return plan ? plan->kernel->desc->num_stages : 0;
}

const char *attn_plan_stage_name(const attn_plan_t *plan, int32_t stage) {
  if (stage < 0 || stage >= attn_plan_num_stages(plan))
    return nullptr;
  return plan->kernel->stages()[stage].name;
}

attn_status_t attn_plan_count_tiles(const attn_plan_t *plan,
                                    const attn_exec_context_t *context,
                                    attn_tile_counts_t *counts) {
  return guard([&] {
    if (!plan || !counts)
      return fail(ATTN_STATUS_INVALID_ARGUMENT,
                  "attn_plan_count_tiles: the plan or the place for the counts "
                  "is null");
    if (plan->gpu)
      return fail(ATTN_STATUS_UNSUPPORTED_DEVICE, "spec '",
                  plan->kernel->desc->name,
                  "' was compiled for a GPU, which does not count its tiles");
    Run run(*plan, context);
    ATTN_RETURN_IF_FAILED(run.prepare());
    auto stages = plan->kernel->stages();
    size_t last = stages.size();
    while (last > 0 && !stages[last - 1].count)
      --last;
    for (size_t i = 0; i < stages.size(); ++i) {
      run.countStage(stages[i], counts[i]);
      // Masks may read what earlier stages have left in their buffers.
      if (i + 1 < last)
        run.runStage(stages[i]);
    }
    return ATTN_STATUS_OK;
  });
}
