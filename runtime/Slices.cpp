//===- Slices.cpp - What a plan has in memory at a time -------------------===//

#include "runtime/Slices.h"

#include <algorithm>
#include <limits>
#include <map>

using namespace attn::runtime;

/// What sliced buffers may take together, where there is more than one slice.
constexpr int64_t bytesOfSlice = 32 << 20;
/// How much of a strip the plan function is first asked about.
constexpr int64_t indicesAtFirst = 64;

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

void attn::runtime::startSmall(attn_plan_t &plan) {
  forEachStrip(plan,
               [](int64_t *strip) { strip[ATTN_STRIP_MOST] = indicesAtFirst; });
}

void attn::runtime::enterLastStrips(attn_plan_t &plan) {
  forEachStrip(plan, [](int64_t *strip) {
    int64_t last = std::max<int64_t>(strip[ATTN_STRIP_EXTENT], 1) - 1;
    strip[ATTN_STRIP_FIRST] =
        last / strip[ATTN_STRIP_MOST] * strip[ATTN_STRIP_MOST];
  });
  plan.kernel->desc->plan(plan.slots.data());
}

void attn::runtime::enterFirstStrips(attn_plan_t &plan) {
  bool found = false;
  forEachStrip(plan, [&](int64_t *strip) {
    strip[ATTN_STRIP_FIRST] = 0;
    found = true;
  });
  if (found)
    plan.kernel->desc->plan(plan.slots.data());
}

namespace {
/// Bytes of the smallest slice: of one index of each strip, of all indices of
/// all of them, and of the rest.
struct SliceBytes {
  std::map<int64_t *, int64_t> ofIndex;
  int64_t inStrips = 0, others = 0;
};
} // namespace

static SliceBytes measureSlice(attn_plan_t &plan, int64_t units) {
  SliceBytes bytes;
  for (const attn_buffer_desc &buffer : plan.kernel->buffers()) {
    if (!buffer.is_sliced)
      continue;
    int64_t all = plan.slots[buffer.slot + 1] / units;
    if (buffer.strip_slot < 0) {
      bytes.others = addUpTo(bytes.others, all);
      continue;
    }
    int64_t *strip = &plan.slots[buffer.strip_slot];
    int64_t ofIndex = all / std::max<int64_t>(strip[ATTN_STRIP_COUNT], 1);
    int64_t &ofStrip = bytes.ofIndex[strip];
    ofStrip = addUpTo(ofStrip, ofIndex);
    bytes.inStrips = addUpTo(bytes.inStrips,
                             multiplyUpTo(ofIndex, strip[ATTN_STRIP_EXTENT]));
  }
  return bytes;
}

void attn::runtime::chooseSlices(attn_plan_t &plan) {
  const attn_spec_desc &spec = *plan.kernel->desc;
  int64_t units = spec.slices_slot < 0 ? 0 : plan.slots[spec.slices_slot];
  forEachStrip(plan, [](int64_t *strip) { strip[ATTN_STRIP_MOST] = 0; });
  if (units > 0) {
    SliceBytes bytes = measureSlice(plan, units);
    int64_t whole = std::max<int64_t>(addUpTo(bytes.others, bytes.inStrips), 1);
    plan.unitsOfSlice = std::clamp<int64_t>(bytesOfSlice / whole, 1, units);
    plan.slices = (units + plan.unitsOfSlice - 1) / plan.unitsOfSlice;
    plan.hasStrips = bytes.inStrips > 0 && whole > bytesOfSlice;
    if (plan.hasStrips) {
      int64_t left = std::max(bytesOfSlice - bytes.others, bytesOfSlice / 2) /
                     int64_t(bytes.ofIndex.size());
      for (auto [strip, ofIndex] : bytes.ofIndex) {
        int64_t fitting = left / std::max<int64_t>(ofIndex, 1);
        // Where not even that fits, a part of the lanes is better than none.
        int64_t unit = std::max<int64_t>(strip[ATTN_STRIP_LEAST], 1);
        if (fitting < unit)
          unit = std::max<int64_t>(unit / 4, 1);
        strip[ATTN_STRIP_MOST] = std::max(fitting / unit * unit, unit);
      }
    }
  }
  enterFirstStrips(plan);
}
