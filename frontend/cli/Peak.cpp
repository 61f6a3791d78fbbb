//===- Peak.cpp - What the arithmetic units can do ------------------------===//
//
// Each loop keeps as many independent accumulators as hide the latency of the
// instruction (4 to 5 cycles, at most 2 a cycle) and fit the registers.
//
//===----------------------------------------------------------------------===//

#include "frontend/cli/Peak.h"

#include <atomic>
#include <chrono>

#ifdef __x86_64__
#include <immintrin.h>
#endif

using namespace attn::cli;

namespace {

constexpr int accumulators = 12;
constexpr int64_t rounds = 100000; // well under a millisecond

/// Keeps a result without a store that counts.
std::atomic<float> sink;

double runScalar() {
  float sums[accumulators] = {};
  volatile float start = 0.999f;
  float factor = start;
  for (int64_t i = 0; i < rounds; ++i)
    for (float &sum : sums)
      sum = __builtin_fmaf(sum, factor, factor);
  for (float sum : sums)
    sink = sum;
  return 2.0 * accumulators * rounds;
}

#ifdef __x86_64__

__attribute__((target("avx2,fma"))) double runFma256() {
  __m256 sums[accumulators], factor = _mm256_set1_ps(0.999f);
  for (__m256 &sum : sums)
    sum = factor;
  for (int64_t i = 0; i < rounds; ++i)
#pragma clang loop unroll(full)
    for (int j = 0; j < accumulators; ++j) {
      sums[j] = _mm256_fmadd_ps(sums[j], factor, factor);
      // Without this the compiler would see one value in all of them.
      __asm__("" : "+x"(sums[j]));
    }
  for (__m256 sum : sums)
    sink = sum[0];
  return 2.0 * 8 * accumulators * rounds;
}

__attribute__((target("avx512f"))) double runFma512() {
  __m512 sums[accumulators], factor = _mm512_set1_ps(0.999f);
  for (__m512 &sum : sums)
    sum = factor;
  for (int64_t i = 0; i < rounds; ++i)
#pragma clang loop unroll(full)
    for (int j = 0; j < accumulators; ++j) {
      sums[j] = _mm512_fmadd_ps(sums[j], factor, factor);
      __asm__("" : "+v"(sums[j]));
    }
  for (__m512 sum : sums)
    sink = sum[0];
  return 2.0 * 16 * accumulators * rounds;
}

__attribute__((target("avx512f,avx512bf16"))) double runDotBf16() {
  __m512 sums[accumulators];
  for (__m512 &sum : sums)
    sum = _mm512_set1_ps(0.999f);
  auto factor = __m512bh(_mm512_set1_epi16(0x3c00)); // 0.0078125
  for (int64_t i = 0; i < rounds; ++i)
#pragma clang loop unroll(full)
    for (int j = 0; j < accumulators; ++j) {
      sums[j] = _mm512_dpbf16_ps(sums[j], factor, factor);
      __asm__("" : "+v"(sums[j]));
    }
  for (__m512 sum : sums)
    sink = sum[0];
  return 2.0 * 32 * accumulators * rounds;
}

#endif

double runLoop(PeakKind kind) {
  switch (kind) {
#ifdef __x86_64__
  case PeakKind::Fma256:
    return runFma256();
  case PeakKind::Fma512:
    return runFma512();
  case PeakKind::DotBf16:
    return runDotBf16();
#endif
  default:
    return runScalar();
  }
}

/// FLOP/s of this thread over a moment.
double rateOf(PeakKind kind) {
  runLoop(kind); // The clock of wide vectors may differ.
  auto start = std::chrono::steady_clock::now();
  double flop = runLoop(kind);
  return flop /
         std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
             .count();
}

} // namespace

PeakKind attn::cli::peakKindFor(bool isBf16) {
#ifdef __x86_64__
  // Dot products have twice the FLOPs of fma on some machines, half on others.
  if (isBf16 && __builtin_cpu_supports("avx512bf16") &&
      rateOf(PeakKind::DotBf16) > rateOf(PeakKind::Fma512))
    return PeakKind::DotBf16;
  if (__builtin_cpu_supports("avx512f"))
    return PeakKind::Fma512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return PeakKind::Fma256;
#endif
  return PeakKind::Scalar;
}

const char *attn::cli::describe(PeakKind kind) {
  switch (kind) {
  case PeakKind::Scalar:
    return "FMA of one f32";
  case PeakKind::Fma256:
    return "FMA of 8 f32";
  case PeakKind::Fma512:
    return "FMA of 16 f32";
  case PeakKind::DotBf16:
    return "dot product of 32 bf16";
  }
  return "";
}

double attn::cli::measurePeak(PeakKind kind, const attn_executor_t &executor,
                              double seconds) {
  struct Work {
    PeakKind kind;
    std::atomic<double> flop = 0;
  } work{kind};
  // Many items a worker: a thread that wakes up late does fewer.
  int64_t items = 16 * int64_t(executor.num_workers);
  auto start = std::chrono::steady_clock::now();
  std::chrono::duration<double> time{};
  do {
    executor.parallel_for(
        executor.context, items,
        [](void *argument, int32_t, int64_t) {
          auto &work = *static_cast<Work *>(argument);
          work.flop.fetch_add(runLoop(work.kind));
        },
        &work);
    time = std::chrono::steady_clock::now() - start;
  } while (time.count() < seconds);
  return work.flop / time.count();
}
