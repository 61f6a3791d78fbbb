/*===- RowSums.c - A kernel as the compiler emits it, by hand ----------------*\
|*                                                                            *|
|*   attention row_sums(a: [M, N, D], w: int8[N], scale: float = 2.0,         *|
|*                      pad: int = 0, flip: bool = 0)                         *|
|*       -> out: [M], padded: [P]                                             *|
|*   {                                                                        *|
|*     dim P = N + pad                                                        *|
|*     require M <= N                                                         *|
|*     out    = scale * sum[n, d](a * w)         # flip: -scale               *|
|*     padded = if p < N then w[n: p] else -1.0                               *|
|*   }                                                                        *|
|*                                                                            *|
|* compiled for D = 4. Linked into the tests, and built as a library that     *|
|* they load.                                                                 *|
\*===----------------------------------------------------------------------===*/

#include "attn/kernel_abi.h"

#include <string.h>

enum { M, N, D, P };

enum {
  SlotA = 4,
  SlotW = 8,
  SlotScale = 10,
  SlotPad = 11,
  SlotFlip = 12,
  SlotOut = 13,
  SlotPadded = 15,
  SlotWeights = 17,
  SlotStages = 19,
  NumSlots = 31
};

static float *weights(const int64_t *slots) {
  return (float *)slots[SlotWeights];
}

static int64_t plan(int64_t *slots) {
  slots[P] = slots[N] + slots[SlotPad];
  if (slots[M] > slots[N])
    return 0;
  slots[SlotWeights + 1] = slots[N] * (int64_t)sizeof(float);
  const int64_t items[3] = {1, slots[M], slots[P]};
  const int64_t scratch[3] = {0, slots[N] * (int64_t)sizeof(float), 0};
  for (int stage = 0; stage < 3; ++stage) {
    slots[SlotStages + 4 * stage] = items[stage];
    slots[SlotStages + 4 * stage + 1] = scratch[stage];
    slots[SlotStages + 4 * stage + 2] = 0;
    slots[SlotStages + 4 * stage + 3] = items[stage];
  }
  return -1;
}

static void runWeights(const int64_t *slots, void *scratch, int64_t item) {
  (void)scratch, (void)item;
  const int8_t *w = (const int8_t *)slots[SlotW];
  for (int64_t n = 0; n < slots[N]; ++n)
    weights(slots)[n] = w[n * slots[SlotW + 1]];
}

static void runSums(const int64_t *slots, void *scratch, int64_t m) {
  const float *a = (const float *)slots[SlotA];
  float *terms = scratch;
  double scale;
  memcpy(&scale, &slots[SlotScale], sizeof(scale));
  float sum = 0;
  for (int64_t n = 0; n < slots[N]; ++n) {
    terms[n] = 0;
    for (int64_t d = 0; d < slots[D]; ++d)
      terms[n] +=
          a[m * slots[SlotA + 1] + n * slots[SlotA + 2] + d * slots[SlotA + 3]];
  }
  for (int64_t n = 0; n < slots[N]; ++n)
    sum += terms[n] * weights(slots)[n];
  float *out = (float *)slots[SlotOut];
  out[m * slots[SlotOut + 1]] = (float)(slots[SlotFlip] ? -scale : scale) * sum;
}

/* Calls each n a tile: empty where its weight is 0, mixed where it is 1. Says
   that a row visits no more pairs than its first number. */
static void countSums(const int64_t *slots, int64_t m, int64_t *counts) {
  const float *a = (const float *)slots[SlotA];
  float most = a[m * slots[SlotA + 1]];
  for (int64_t n = 0; n < slots[N]; ++n) {
    float weight = weights(slots)[n];
    counts[weight == 0 ? 0 : weight == 1 ? 2 : 1] += 1;
    counts[3] += weight != 0 && (float)n < most;
  }
}

static void runPadded(const int64_t *slots, void *scratch, int64_t p) {
  (void)scratch;
  float *padded = (float *)slots[SlotPadded];
  padded[p * slots[SlotPadded + 1]] = p < slots[N] ? weights(slots)[p] : -1;
}

static const attn_dim_desc dims[] = {
    {"M", ATTN_EXTENT_BOUND, M, -1},
    {"N", ATTN_EXTENT_BOUND, N, -1},
    {"D", ATTN_EXTENT_STATIC, D, 4},
    {"P", ATTN_EXTENT_DEFINED, P, -1},
};

static const int32_t dimsOfA[] = {M, N, D}, dimsOfW[] = {N}, dimsOfOut[] = {M},
                     dimsOfPadded[] = {P};

static const attn_param_desc params[] = {
    {"a", ATTN_PARAM_INPUT, SlotA, 2, 32, 3, 0, dimsOfA, 0},
    {"w", ATTN_PARAM_INPUT, SlotW, 0, 8, 1, 0, dimsOfW, 0},
    {"scale", ATTN_PARAM_SCALAR, SlotScale, 2, 32, 0, 1, 0, 0x4000000000000000},
    {"pad", ATTN_PARAM_SCALAR, SlotPad, 0, 64, 0, 1, 0, 0},
    {"flip", ATTN_PARAM_SCALAR, SlotFlip, 1, 1, 0, 1, 0, 0},
    {"out", ATTN_PARAM_OUTPUT, SlotOut, 2, 32, 1, 0, dimsOfOut, 0},
    {"padded", ATTN_PARAM_OUTPUT, SlotPadded, 2, 32, 1, 0, dimsOfPadded, 0},
};

static const attn_buffer_desc buffers[] = {{SlotWeights, 0, -1, -1}};

static const attn_stage_desc stages[] = {
    {"weights", runWeights, 0, SlotStages, 0, 0, 0, 1, -1, 1},
    {"sums", runSums, countSums, SlotStages + 4, 0, 0, 1, 1, -1, 0},
    {"padded", runPadded, 0, SlotStages + 8, 0, 0, 0, 1, -1, 0},
};

static const char *const checks[] = {"M <= N"};

const attn_spec_desc attn_spec_row_sums = {
    ATTN_KERNEL_ABI_VERSION,
    NumSlots,
    "row_sums",
    "x86-64",
    "sse2",
    4,
    7,
    1,
    3,
    1,
    dims,
    params,
    buffers,
    stages,
    checks,
    plan,
    0,
    -1,
    0,
    0,
};

static const attn_spec_desc *const specs[] = {&attn_spec_row_sums};
const attn_module_desc attn_module = {1, specs};
