/*===- peak.c - The peaks of one core with AVX-512 ----------------*- C -*-===*\
|*                                                                            *|
|* Sixteen independent chains of f32 fma, or of dot products of bf16 pairs,   *|
|* on 512-bit registers: FLOP/s of the calling thread over about `seconds`.   *|
\*===----------------------------------------------------------------------===*/

#include <immintrin.h>
#include <time.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

__attribute__((target("avx512f"))) double fma_peak(double seconds) {
  enum { Chains = 16, Rounds = 100000 };
  __m512 sums[Chains], x = _mm512_set1_ps(0.999f), y = _mm512_set1_ps(1e-3f);
  for (int i = 0; i != Chains; ++i)
    sums[i] = _mm512_set1_ps((float)i);
  double start = now(), flop = 0;
  do {
    for (int round = 0; round != Rounds; ++round)
      for (int i = 0; i != Chains; ++i)
        sums[i] = _mm512_fmadd_ps(sums[i], x, y);
    flop += 2.0 * 16 * Chains * Rounds;
  } while (now() - start < seconds);
  double used = now() - start;
  volatile float sink = 0;
  for (int i = 1; i != Chains; ++i)
    sums[0] = _mm512_add_ps(sums[0], sums[i]);
  sink = _mm512_reduce_add_ps(sums[0]);
  (void)sink;
  return flop / used;
}

__attribute__((target("avx512f,avx512bf16"))) double dot_peak(double seconds) {
  enum { Chains = 16, Rounds = 100000 };
  __m512 sums[Chains];
  __m512bh x = (__m512bh)_mm512_set1_epi16(0x3F00); /* 0.5 */
  __m512bh y = (__m512bh)_mm512_set1_epi16(0x3A83); /* 1e-3 */
  for (int i = 0; i != Chains; ++i)
    sums[i] = _mm512_set1_ps((float)i);
  double start = now(), flop = 0;
  do {
    for (int round = 0; round != Rounds; ++round)
      for (int i = 0; i != Chains; ++i)
        sums[i] = _mm512_dpbf16_ps(sums[i], x, y);
    flop += 4.0 * 16 * Chains * Rounds;
  } while (now() - start < seconds);
  double used = now() - start;
  volatile float sink = 0;
  for (int i = 1; i != Chains; ++i)
    sums[0] = _mm512_add_ps(sums[0], sums[i]);
  sink = _mm512_reduce_add_ps(sums[0]);
  (void)sink;
  return flop / used;
}
