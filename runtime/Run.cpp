//===- Run.cpp - Runs a plan ----------------------------------------------===//
//
// A run lays out its workspace and hands the items of each stage to the
// executor; everything else was decided by the plan.
//
//===----------------------------------------------------------------------===//

#include "runtime/Executor.h"
#include "runtime/LargePages.h"
#include "runtime/Plan.h"
#include "runtime/Slices.h"
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
  /// Calls \p body with the number of each stage in order; with those of
  /// slices once for each slice.
  template <typename Body> void forEachStage(Body body);
  void runStage(const attn_stage_desc &stage);
  void countStage(const attn_stage_desc &stage, attn_tile_counts_t &counts);

private:
  /// The items of a stage that are in the slice at hand.
  struct Items {
    int64_t first, count;
  };
  Items itemsOf(const attn_stage_desc &stage) const;
  void placeBuffers(int64_t slice);
  void enterSlice(const attn_pass_desc &pass, int64_t slice, int64_t first);
  template <typename Body>
  void runSlice(const attn_pass_desc &pass, int64_t slice, Body body);
  bool sortItems(const attn_stage_desc &stage, Items items);

  const attn_plan_t &plan;
  attn_exec_context_t context;
  const attn_executor_t &executor;
  OwnedWorkspace owned;
  int64_t *slots = nullptr;
  bool isInSlice = false;
  /// The batch indices of each stage of the pass, in all slices.
  std::vector<int64_t> batches;
  char *buffers = nullptr;
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
  if (!context.workspace) {
    if (!(owned.data = std::malloc(size)))
      return fail(ATTN_STATUS_OUT_OF_MEMORY, "spec '", plan.kernel->desc->name,
                  "': no memory for a workspace of ", size, " bytes");
    askForLargePages(owned.data, size);
  }
  char *base = alignUp(context.workspace ? context.workspace : owned.data);
  slots = reinterpret_cast<int64_t *>(base);
  std::ranges::copy(plan.slots, slots);
  order = reinterpret_cast<ItemWork *>(base + plan.slotBytes);
  buffers = base + plan.slotBytes + plan.orderBytes;
  scratch = buffers + plan.bufferBytes;
  placeBuffers(0);
  return ATTN_STATUS_OK;
}

/// Sets the addresses of the buffers. Where they hold a part, that begins where
/// it would if the buffer held all: other parts lie in the same place.
void Run::placeBuffers(int64_t slice) {
  auto next = int64_t(reinterpret_cast<uintptr_t>(buffers));
  for (const attn_buffer_desc &buffer : plan.kernel->buffers()) {
    slots[buffer.slot] = next;
    if (slice > 0 && buffer.is_sliced) {
      int64_t units = plan.slots[plan.kernel->desc->slices_slot];
      slots[buffer.slot] -=
          slice * plan.unitsOfSlice * (slots[buffer.slot + 1] / units);
    }
    if (buffer.skipped_slot >= 0)
      slots[buffer.slot] -= slots[buffer.skipped_slot];
    size_t bytes = 0;
    plan.sizeOf(buffer, bytes);
    next += int64_t(bytes);
  }
}

/// Cuts the stages of \p pass to the batch indices of a slice, and to a strip
/// that begins at index \p first.
void Run::enterSlice(const attn_pass_desc &pass, int64_t slice, int64_t first) {
  if (pass.strip_slot >= 0)
    slots[pass.strip_slot + ATTN_STRIP_FIRST] = first;
  // What it accepted once it accepts.
  plan.kernel->desc->plan(slots);
  placeBuffers(slice);
  int64_t units = plan.slots[plan.kernel->desc->slices_slot];
  int64_t begin = slice * plan.unitsOfSlice;
  int64_t end = std::min(begin + plan.unitsOfSlice, units);
  for (int32_t number : std::span(pass.stages, size_t(pass.num_stages))) {
    int32_t slot = plan.kernel->stages()[size_t(number)].items_slot;
    batches[size_t(number)] = slots[slot + 3];
    int64_t ofUnit = slots[slot + 3] / units;
    slots[slot + 2] = begin * ofUnit;
    slots[slot + 3] = end * ofUnit;
  }
}

/// Runs the stages of \p pass for all strips of a slice; those that have none
/// with the first.
template <typename Body>
void Run::runSlice(const attn_pass_desc &pass, int64_t slice, Body body) {
  int64_t first = 0, most, extent;
  do {
    enterSlice(pass, slice, first);
    for (int32_t stage : std::span(pass.stages, size_t(pass.num_stages)))
      if (first == 0 ||
          plan.kernel->stages()[size_t(stage)].strip_slot == pass.strip_slot)
        body(size_t(stage));
    if (pass.strip_slot < 0)
      return;
    most = slots[pass.strip_slot + ATTN_STRIP_MOST];
    extent = slots[pass.strip_slot + ATTN_STRIP_EXTENT];
    first += most;
  } while (most > 0 && first < extent);
}

template <typename Body> void Run::forEachStage(Body body) {
  size_t numStages = plan.kernel->stages().size();
  if (plan.slices == 1 && !plan.hasStrips) {
    for (size_t i = 0; i < numStages; ++i)
      body(i);
    return;
  }
  batches.resize(numStages);
  const attn_spec_desc &spec = *plan.kernel->desc;
  for (const attn_pass_desc &pass :
       std::span(spec.passes, size_t(spec.num_passes))) {
    isInSlice = pass.is_sliced;
    if (!isInSlice)
      for (int32_t stage : std::span(pass.stages, size_t(pass.num_stages)))
        body(size_t(stage));
    else
      for (int64_t slice = 0; slice < plan.slices; ++slice)
        runSlice(pass, slice, body);
  }
  isInSlice = false;
}

Run::Items Run::itemsOf(const attn_stage_desc &stage) const {
  int64_t all = slots[stage.items_slot];
  if (!isInSlice || all == 0)
    return {0, all};
  auto chunksOf = [&](int64_t indices) {
    return (indices + stage.chunk - 1) / stage.chunk;
  };
  auto number = size_t(&stage - plan.kernel->stages().data());
  int64_t tiles = all / chunksOf(batches[number]);
  int64_t first = slots[stage.items_slot + 2] / stage.chunk;
  int64_t end = chunksOf(slots[stage.items_slot + 3]);
  return {first * tiles, (end - first) * tiles};
}

/// Sorts \p items of \p stage so that the threads end together; false where
/// the order that they have is as good. Runs of items that visit fewer and
/// fewer pairs, as those of a head do under a causal mask, stay together,
/// because neighbours need the same keys: the run with the longest item comes
/// first. The last items, as much work as one of the longest for each worker,
/// are sorted by themselves, longest first: they even out what the runs before
/// them left.
bool Run::sortItems(const attn_stage_desc &stage, Items items) {
  if (!stage.is_uneven || !stage.count || items.count <= executor.num_workers ||
      executor.num_workers == 1)
    return false;
  struct Count {
    const attn_stage_desc &stage;
    const int64_t *slots;
    int64_t first;
    ItemWork *order;
  } count{stage, slots, items.first, order};
  executor.parallel_for(
      executor.context, items.count,
      [](void *argument, int32_t, int64_t number) {
        auto &count = *static_cast<Count *>(argument);
        int64_t values[4] = {}, item = count.first + number;
        count.stage.count(count.slots, item, values);
        count.order[number] = {values[3], item, values[3]};
      },
      &count);
  std::span<ItemWork> all(order, size_t(items.count));
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
  Items items = itemsOf(stage);
  struct Work {
    const attn_stage_desc &stage;
    const int64_t *slots;
    int64_t first;
    const ItemWork *order; // null: as they come
    char *scratch;
    size_t scratchBytes;
  } work{stage,       slots,
         items.first, sortItems(stage, items) ? order : nullptr,
         scratch,     plan.scratchBytes};
  executor.parallel_for(
      executor.context, items.count,
      [](void *argument, int32_t worker, int64_t number) {
        auto &work = *static_cast<Work *>(argument);
        int64_t item =
            work.order ? work.order[number].item : work.first + number;
        work.stage.run(work.slots,
                       work.scratch + size_t(worker) * work.scratchBytes, item);
      },
      &work);
}

void Run::countStage(const attn_stage_desc &stage, attn_tile_counts_t &counts) {
  int64_t values[4] = {};
  Items items = itemsOf(stage);
  if (stage.count)
    for (int64_t i = 0; i < items.count; ++i)
      stage.count(slots, items.first + i, values);
  counts.empty += values[0];
  counts.full += values[1];
  counts.mixed += values[2];
  counts.pairs_visited += values[3];
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
    run.forEachStage(
        [&](size_t i) { run.runStage(plan->kernel->stages()[i]); });
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
    std::fill_n(counts, stages.size(), attn_tile_counts_t{});
    run.forEachStage([&](size_t i) {
      run.countStage(stages[i], counts[i]);
      if (stages[i].is_for_counts)
        run.runStage(stages[i]);
    });
    return ATTN_STATUS_OK;
  });
}
