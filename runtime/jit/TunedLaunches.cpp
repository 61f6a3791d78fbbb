//===- TunedLaunches.cpp - Launches that were measured --------------------===//
//
// Kept as text, a line a stage: the name of the launch and the parts of an
// item.
//
//===----------------------------------------------------------------------===//

#include "runtime/jit/TunedLaunches.h"
#include "runtime/Describe.h"
#include "runtime/Plan.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace attn;
using llvm::StringRef;

int64_t attn::extentClass(int64_t extent) {
  if (extent <= 16)
    return extent;
  unsigned dropped = llvm::Log2_64(uint64_t(extent)) - 3;
  return extent >> dropped << dropped;
}

TunedLaunches::TunedLaunches(const attn_kernel_t &kernel,
                             const DiskCache *cache)
    : cache(cache) {
  const attn_image_desc *desc = kernel.image->desc->image;
  if (!desc)
    return;
  std::vector<StringRef> codes;
  for (int32_t i = 0; i < desc->num_codes; ++i)
    codes.emplace_back(static_cast<const char *>(desc->codes[i].data),
                       size_t(desc->codes[i].size));
  image = contentHash(codes);
}

/// Extents by class; whole scalars, which may be widths of a mask, as they are.
std::string TunedLaunches::key(const attn_plan_t &plan) const {
  const runtime::KernelImage &kernel = *plan.kernel;
  std::string call;
  llvm::raw_string_ostream out(call);
  for (const attn_dim_desc &dim : kernel.dims())
    out << dim.name << '=' << extentClass(plan.slots[dim.slot]) << ' ';
  for (const attn_param_desc &param : kernel.params())
    if (!runtime::isTensor(param) && param.dtype_code != kDLFloat)
      out << param.name << '=' << plan.slots[param.slot] << ' ';
  const runtime::cuda::Gpu &gpu = *plan.gpu->gpu;
  out << gpu.multiprocessors;
  return contentHash({"launches 1", image, kernel.desc->name, gpu.name, call});
}

/// The choice that a line of a file means, if it means one.
static std::optional<attn_choice_t> parse(const attn_plan_t &plan,
                                          int32_t stage, StringRef line) {
  auto [name, count] = line.split(' ');
  attn_choice_t choice = {};
  if (count.getAsInteger(10, choice.parts) || choice.parts < 1)
    return std::nullopt;
  for (; choice.launch < attn_plan_num_launches(&plan, stage);
       ++choice.launch) {
    attn_launch_info_t info;
    if (attn_plan_launch(&plan, stage, choice.launch, &info) ||
        info.name != name)
      continue;
    choice.parts = std::min(choice.parts, info.most_parts);
    return choice;
  }
  return std::nullopt;
}

void TunedLaunches::apply(attn_plan_t &plan) {
  std::string text;
  {
    std::lock_guard lock(mutex);
    auto [it, isNew] = known.try_emplace(key(plan));
    if (isNew && cache)
      if (std::optional<CachedObject> found = cache->load(it->first);
          found && !found->objects.empty())
        it->second = found->objects.front()->getBuffer().str();
    text = it->second;
  }
  llvm::SmallVector<StringRef> lines;
  StringRef(text).split(lines, '\n', -1, /*KeepEmpty=*/false);
  for (auto [stage, line] : llvm::enumerate(lines))
    if (auto choice = parse(plan, int32_t(stage), line))
      attn_plan_choose(&plan, int32_t(stage), &*choice);
}

bool TunedLaunches::keep(const attn_plan_t &plan) {
  std::string text;
  for (int32_t stage = 0; stage < attn_plan_num_stages(&plan); ++stage) {
    attn_choice_t choice;
    attn_launch_info_t info;
    if (attn_plan_choice(&plan, stage, &choice) ||
        attn_plan_launch(&plan, stage, choice.launch, &info))
      return false;
    text += (info.name + (" " + llvm::Twine(choice.parts)) + "\n").str();
  }
  std::lock_guard lock(mutex);
  std::string name = key(plan);
  known[name] = text;
  return cache && cache->store(name, /*remarks=*/"", StringRef(text));
}
