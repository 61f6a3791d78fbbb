//===- GpuPlan.cpp - The launches of a planned call -----------------------===//

#include "runtime/cuda/GpuPlan.h"
#include "runtime/Kernel.h"
#include "runtime/Status.h"
#include "runtime/cuda/TensorMaps.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace attn::runtime;
using namespace attn::runtime::cuda;

/// Of buffers and scratch: what the widest accesses and TMA want.
static constexpr size_t deviceAlignment = 128;

static bool alignUpOnDevice(int64_t bytes, size_t &result) {
  int64_t rounded;
  if (bytes < 0 ||
      __builtin_add_overflow(bytes, int64_t(deviceAlignment - 1), &rounded))
    return false;
  result = size_t(rounded) & ~(deviceAlignment - 1);
  return true;
}

size_t GpuPlan::counterBytes() const {
  size_t bytes = 0;
  alignUpOnDevice(int64_t(numCounters * sizeof(int32_t)), bytes);
  return bytes;
}

size_t GpuPlan::workspaceBytes() const {
  size_t bytes = bufferBytes + counterBytes() + scratchBytes;
  return bytes ? bytes + deviceAlignment - 1 : 0;
}

static attn_status_t overflow(const KernelImage &kernel, std::string_view what,
                              int64_t value) {
  return fail(ATTN_STATUS_SIZE_OVERFLOW, "spec '", kernel.desc->name,
              "' at these sizes: ", what, " is ", value);
}

constexpr int64_t maxGrid = 0x7fffffff;
/// Kernels count items in 32 bits, and go on by as many as there are blocks.
constexpr int64_t mostItems = int64_t(1) << 30;

/// As many blocks as the GPU takes at once.
static int64_t mostBlocks(const attn_launch_desc &desc, const Gpu &gpu) {
  return desc.blocks_per_sm ? int64_t(desc.blocks_per_sm) * gpu.multiprocessors
                            : maxGrid;
}

int64_t attn::runtime::cuda::mostParts(const attn_launch_desc &desc,
                                       std::span<const int64_t> slots) {
  constexpr int64_t most = 256;
  if (!desc.merge)
    return 1;
  return std::clamp<int64_t>(slots[desc.items_slot + 3], 1, most);
}

namespace {
struct Estimate {
  double cycles;
  int64_t parts;
};
} // namespace

/// The cost model: blocks go through the items in rounds, and the last round
/// costs as much as a full one. An item costs its tiles and what begins and
/// ends it: in one round the longest counts, in several, which begin with the
/// longest, the average. Cutting items into parts fills the rounds; it costs a
/// second launch and the way of the parts' states through memory. Of parts that
/// cost the same, the fewest are taken.
static Estimate estimate(const attn_launch_desc &desc,
                         std::span<const int64_t> slots, const Gpu &gpu) {
  constexpr double cyclesOfItem = 3000, cyclesOfMerge = 6000,
                   cyclesOfPart = 150, bytesPerCycle = 2000;
  double items = double(slots[desc.items_slot]);
  int64_t tiles = slots[desc.items_slot + 3];
  double average = double(slots[desc.items_slot + 5]) / std::max(items, 1.0);
  double blocks = double(mostBlocks(desc, gpu));
  Estimate best{std::numeric_limits<double>::infinity(), 1};
  for (int64_t parts = 1, most = mostParts(desc, slots); parts <= most;
       ++parts) {
    double rounds = std::ceil(items * double(parts) / blocks);
    double each = rounds > 1 ? average : double(tiles);
    if (parts > 1)
      each = std::ceil(each / double(parts));
    double cycles = rounds * (each * desc.tile_cycles + cyclesOfItem);
    if (parts > 1)
      cycles += cyclesOfMerge + cyclesOfPart * double(parts) +
                2 * items * double(parts) * double(slots[desc.items_slot + 1]) /
                    bytesPerCycle;
    if (cycles < best.cycles)
      best = {cycles, parts};
  }
  return best;
}

/// The cheapest launch of \p stage whose tensor maps the hardware takes; one
/// whose cost is not known where there is no other. What \p wish says, if it
/// fits, comes before all.
static attn_status_t
chooseLaunch(const KernelImage &kernel, const attn_stage_desc &stage,
             const std::vector<LoadedImage::Functions> &functions,
             std::span<const int64_t> slots, const Gpu &gpu,
             const std::optional<attn_choice_t> &wish, Launch &launch) {
  double best = std::numeric_limits<double>::infinity();
  for (int32_t i = 0; i < stage.num_launches; ++i) {
    const attn_launch_desc &desc = stage.launches[i];
    int64_t items = slots[desc.items_slot];
    if (items < 0)
      return overflow(kernel, "the number of work items", items);
    Estimate cost{std::numeric_limits<double>::max(), 1};
    if (desc.tile_cycles)
      cost = estimate(desc, slots, gpu);
    if (wish && wish->launch == i)
      cost = {-1, wish->parts ? wish->parts : cost.parts};
    if (cost.cycles >= best)
      continue;
    std::vector<TensorMap> maps(size_t(desc.num_maps));
    bool fits = true;
    for (size_t j = 0; fits && j < maps.size(); ++j)
      fits = encode(*gpu.driver, desc.maps[j], slots, maps[j]);
    int64_t parts;
    if (!fits)
      continue;
    if (__builtin_mul_overflow(items, cost.parts, &parts) || parts > mostItems)
      return overflow(kernel, "the number of work items", items);
    best = cost.cycles;
    launch.desc = &desc;
    launch.functions = functions[size_t(i)];
    launch.blocks = unsigned(std::min({parts, mostBlocks(desc, gpu), maxGrid}));
    launch.parts = cost.parts;
    launch.mergeBlocks = 0;
    if (cost.parts > 1)
      launch.mergeBlocks = unsigned(std::clamp<int64_t>(
          slots[desc.merge->items_slot], 0, mostBlocks(*desc.merge, gpu)));
    launch.maps = std::move(maps);
  }
  if (launch.desc)
    return ATTN_STATUS_OK;
  return fail(ATTN_STATUS_BAD_ALIGNMENT, "spec '", kernel.desc->name,
              "': stage ", stage.name,
              " needs tensors whose data and strides are multiples of 16 "
              "bytes");
}

attn_status_t attn::runtime::cuda::planLaunches(const KernelImage &kernel,
                                                std::span<const int64_t> slots,
                                                int ordinal, GpuPlan &plan) {
  ATTN_RETURN_IF_FAILED(findGpu(ordinal, &plan.gpu));
  // Tensor maps are refused where no context is current, as it may be in a
  // program that leaves the GPU to us.
  CurrentContext current(*plan.gpu);
  const LoadedImage *image;
  ATTN_RETURN_IF_FAILED(kernel.gpuImages.get(*kernel.desc, *plan.gpu, &image));
  plan.bufferBytes = plan.scratchBytes = plan.numCounters = 0;
  for (const attn_buffer_desc &buffer : kernel.buffers()) {
    size_t bytes;
    if (!alignUpOnDevice(slots[buffer.slot + 1], bytes) ||
        __builtin_add_overflow(plan.bufferBytes, bytes, &plan.bufferBytes))
      return overflow(kernel, "the size of a buffer", slots[buffer.slot + 1]);
  }
  plan.launches.clear();
  plan.wishes.resize(kernel.stages().size());
  for (size_t i = 0; i < kernel.stages().size(); ++i) {
    Launch launch;
    ATTN_RETURN_IF_FAILED(chooseLaunch(kernel, kernel.stages()[i],
                                       image->functions[i], slots, *plan.gpu,
                                       plan.wishes[i], launch));
    // Parts are kept, all of them; other scratch is of a block.
    int64_t each = slots[launch.desc->items_slot + 1], all;
    int64_t pieces = launch.blocks;
    if (launch.desc->merge)
      pieces =
          launch.parts > 1 ? slots[launch.desc->items_slot] * launch.parts : 0;
    size_t bytes;
    if (each < 0 || __builtin_mul_overflow(each, pieces, &all) ||
        !alignUpOnDevice(all, bytes))
      return overflow(kernel, "the scratch of a block", each);
    plan.scratchBytes = std::max(plan.scratchBytes, bytes);
    plan.numCounters += launch.desc->draws_items != 0;
    plan.launches.push_back(std::move(launch));
  }
  return ATTN_STATUS_OK;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

namespace {

/// Memory of a run when the caller brings none; freed in the order of the
/// stream, after the kernels.
class OwnedMemory {
public:
  OwnedMemory(const Gpu &gpu, Stream stream) : gpu(gpu), stream(stream) {}
  OwnedMemory(const OwnedMemory &) = delete;
  OwnedMemory &operator=(const OwnedMemory &) = delete;
  ~OwnedMemory() {
    if (address)
      gpu.driver->cuMemFreeAsync(address, stream);
  }
  Result allocate(size_t bytes) {
    return gpu.driver->cuMemAllocAsync(&address, bytes, stream);
  }
  Address get() const { return address; }

private:
  const Gpu &gpu;
  Stream stream;
  Address address = 0;
};

} // namespace

/// Whether \p stream is one of the GPU's context. The null stream is that of
/// whatever context is current, which is ours; 1 and 2 name default streams.
static attn_status_t checkStream(const KernelImage &kernel, const Gpu &gpu,
                                 Stream stream) {
  if (reinterpret_cast<uintptr_t>(stream) <= 2)
    return ATTN_STATUS_OK;
  Context context = nullptr;
  Result result = gpu.driver->cuStreamGetCtx(stream, &context);
  if (result == success && context == gpu.context)
    return ATTN_STATUS_OK;
  return fail(ATTN_STATUS_DEVICE_MISMATCH, "spec '", kernel.desc->name,
              "': the stream is not one of the primary context of GPU ",
              gpu.ordinal, ", where the tensors are",
              result == success ? "" : ": ",
              result == success ? "" : gpu.driver->text(result));
}

static Result launchKernel(const Driver &driver, const attn_launch_desc &desc,
                           Function function, unsigned blocks, Stream stream,
                           void **parameters, bool overlaps) {
  unsigned threads = unsigned(desc.threads),
           sharedBytes = unsigned(desc.shared_bytes);
  if (!overlaps || !driver.cuLaunchKernelEx)
    return driver.cuLaunchKernel(function, blocks, 1, 1, threads, 1, 1,
                                 sharedBytes, stream, parameters, nullptr);
  LaunchAttribute attribute = {programmaticStreamSerialization, 0, 1, {}};
  LaunchConfig config = {blocks, 1,           1,      threads,    1,
                         1,      sharedBytes, stream, &attribute, 1};
  return driver.cuLaunchKernelEx(&config, function, parameters, nullptr);
}

/// Queues one launch; one that \p overlaps may start under the end of the one
/// before it.
static attn_status_t launchOne(const KernelImage &kernel, const Gpu &gpu,
                               const attn_launch_desc &desc, Function function,
                               unsigned blocks,
                               const std::vector<TensorMap> &maps,
                               std::span<int64_t> slots, Stream stream,
                               bool overlaps) {
  if (blocks == 0)
    return ATTN_STATUS_OK;
  void *parameters[] = {slots.data(), const_cast<TensorMap *>(maps.data())};
  Result result = launchKernel(*gpu.driver, desc, function, blocks, stream,
                               parameters, overlaps);
  if (result == success)
    return ATTN_STATUS_OK;
  return fail(ATTN_STATUS_DEVICE_ERROR, "spec '", kernel.desc->name, "': GPU ",
              gpu.ordinal, " did not start ", desc.symbol, ": ",
              gpu.driver->text(result));
}

/// No item has been drawn.
static attn_status_t clearCounters(const KernelImage &kernel,
                                   const GpuPlan &plan, Address counters,
                                   Stream stream) {
  if (!plan.numCounters)
    return ATTN_STATUS_OK;
  const Gpu &gpu = *plan.gpu;
  Result result =
      gpu.driver->cuMemsetD32Async(counters, 0, plan.numCounters, stream);
  if (result == success)
    return ATTN_STATUS_OK;
  return fail(ATTN_STATUS_DEVICE_ERROR, "spec '", kernel.desc->name, "': GPU ",
              gpu.ordinal,
              " did not clear its workspace: ", gpu.driver->text(result));
}

attn_status_t
attn::runtime::cuda::runLaunches(const KernelImage &kernel, const GpuPlan &plan,
                                 std::span<const int64_t> planned,
                                 const attn_exec_context_t &context) {
  const Gpu &gpu = *plan.gpu;
  CurrentContext current(gpu);
  auto *stream = static_cast<Stream>(context.stream);
  ATTN_RETURN_IF_FAILED(checkStream(kernel, gpu, stream));
  size_t size = plan.workspaceBytes();
  if (context.workspace && context.workspace_size < size)
    return fail(ATTN_STATUS_WORKSPACE_TOO_SMALL, "spec '", kernel.desc->name,
                "': expected a workspace of ", size, " bytes on GPU ",
                gpu.ordinal, ", found ", context.workspace_size);
  OwnedMemory owned(gpu, stream);
  Address base = reinterpret_cast<uintptr_t>(context.workspace);
  if (!base && size) {
    Result result = owned.allocate(size);
    if (result != success)
      return fail(result == outOfMemory ? ATTN_STATUS_OUT_OF_MEMORY
                                        : ATTN_STATUS_DEVICE_ERROR,
                  "spec '", kernel.desc->name, "': no memory on GPU ",
                  gpu.ordinal, " for a workspace of ", size,
                  " bytes: ", gpu.driver->text(result));
    base = owned.get();
  }
  base = (base + deviceAlignment - 1) & ~Address(deviceAlignment - 1);

  std::vector<int64_t> slots(planned.begin(), planned.end());
  for (const attn_buffer_desc &buffer : kernel.buffers()) {
    slots[buffer.slot] = int64_t(base);
    size_t bytes = 0;
    alignUpOnDevice(slots[buffer.slot + 1], bytes);
    base += bytes;
  }
  Address counter = base;
  base += plan.counterBytes();
  ATTN_RETURN_IF_FAILED(clearCounters(kernel, plan, counter, stream));
  // Before the first one there may be anything of the stream's.
  bool isFirst = true;
  for (const Launch &launch : plan.launches) {
    const attn_launch_desc &desc = *launch.desc;
    slots[desc.items_slot + 2] = int64_t(base);
    if (desc.draws_items) {
      slots[desc.items_slot + 6] = int64_t(counter);
      counter += sizeof(int32_t);
    }
    if (desc.merge)
      slots[desc.items_slot + 4] = launch.parts;
    ATTN_RETURN_IF_FAILED(launchOne(kernel, gpu, desc, launch.functions.kernel,
                                    launch.blocks, launch.maps, slots, stream,
                                    !isFirst && desc.waits_itself));
    isFirst &= launch.blocks == 0;
    if (launch.parts > 1)
      ATTN_RETURN_IF_FAILED(launchOne(
          kernel, gpu, *desc.merge, launch.functions.merge, launch.mergeBlocks,
          {}, slots, stream, desc.merge->waits_itself));
  }
  return ATTN_STATUS_OK;
}
