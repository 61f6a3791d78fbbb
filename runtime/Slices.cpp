//===- Slices.cpp - What a plan has in memory at a time -------------------===//

#include "runtime/Slices.h"

#include <algorithm>
#include <limits>

using namespace attn::runtime;

/// What sliced buffers may take together, where there is more than one slice.
constexpr int64_t bytesOfSlice = 32 << 20;
/// Indices of a strip: fewer would leave lanes without work.
constexpr int64_t leastOfStrip = 64;

static int64_t addUpTo(int64_t a, int64_t b) {
  int64_t sum;
  return __builtin_add_overflow(a, b, &sum)
             ? std::numeric_limits<int64_t>::max()
             : sum;
}

static int64_t multiplyUpTo(int64_t a, int64_t b) {
  int64_t product;
  return __builtin_mul_overflow(a, b, &product)
             ? std::numeric_limits<int64_t>::max()
             : product;
}

template <typename Body>
static void forEachStrip(attn_plan_t &plan, Body body) {
  for (const attn_buffer_desc &buffer : plan.kernel->buffers())
    if (buffer.strip_slot >= 0)
      body(&plan.slots[buffer.strip_slot]);
}

static void setStrips(attn_plan_t &plan, int64_t most) {
  forEachStrip(plan, [&](int64_t *strip) { strip[MostOfStrip] = most; });
}

void attn::runtime::startSmall(attn_plan_t &plan) {
  setStrips(plan, leastOfStrip);
}

void attn::runtime::enterLastStrips(attn_plan_t &plan) {
  forEachStrip(plan, [](int64_t *strip) {
    int64_t last = std::max<int64_t>(strip[ExtentOfStrip], 1) - 1;
    strip[FirstOfStrip] = last / strip[MostOfStrip] * strip[MostOfStrip];
  });
  plan.kernel->desc->plan(plan.slots.data());
}

void attn::runtime::enterFirstStrips(attn_plan_t &plan) {
  bool found = false;
  forEachStrip(plan, [&](int64_t *strip) {
    strip[FirstOfStrip] = 0;
    found = true;
  });
  if (found)
    plan.kernel->desc->plan(plan.slots.data());
}

namespace {
/// Bytes of the smallest slice.
struct SliceBytes {
  int64_t ofIndices = 0; // one index of all strips
  int64_t inStrips = 0;  // all indices of them
  int64_t others = 0;
};
} // namespace

static SliceBytes measureSlice(const attn_plan_t &plan, int64_t units) {
  SliceBytes bytes;
  for (const attn_buffer_desc &buffer : plan.kernel->buffers()) {
    if (!buffer.is_sliced)
      continue;
    int64_t all = plan.slots[buffer.slot + 1] / units;
    if (buffer.strip_slot < 0) {
      bytes.others = addUpTo(bytes.others, all);
      continue;
    }
    const int64_t *strip = &plan.slots[buffer.strip_slot];
    int64_t ofIndex = all / std::max<int64_t>(strip[CountOfStrip], 1);
    bytes.ofIndices = addUpTo(bytes.ofIndices, ofIndex);
    bytes.inStrips =
        addUpTo(bytes.inStrips, multiplyUpTo(ofIndex, strip[ExtentOfStrip]));
  }
  return bytes;
}

void attn::runtime::chooseSlices(attn_plan_t &plan) {
  const attn_spec_desc &spec = *plan.kernel->desc;
  int64_t units = spec.slices_slot < 0 ? 0 : plan.slots[spec.slices_slot];
  int64_t most = 0;
  if (units > 0) {
    SliceBytes bytes = measureSlice(plan, units);
    int64_t whole = std::max<int64_t>(addUpTo(bytes.others, bytes.inStrips), 1);
    plan.unitsOfSlice = std::clamp<int64_t>(bytesOfSlice / whole, 1, units);
    plan.slices = (units + plan.unitsOfSlice - 1) / plan.unitsOfSlice;
    if (bytes.ofIndices > 0 && whole > bytesOfSlice) {
      int64_t left = std::max(bytesOfSlice - bytes.others, bytesOfSlice / 2);
      most = left / bytes.ofIndices / leastOfStrip * leastOfStrip;
      most = std::max(most, leastOfStrip);
    }
  }
  plan.hasStrips = most > 0;
  setStrips(plan, most);
  enterFirstStrips(plan);
}
