"""The peak of mma.sync on this GPU, measured."""

MMA_PEAK = r"""
extern "C" __global__ void peak(float *out, int rounds) {
  float c[8][4] = {};
  unsigned a[4] = {threadIdx.x, 1, 2, 3}, b[2] = {4, 5};
  for (int i = 0; i < rounds; ++i)
#pragma unroll
    for (int j = 0; j < 8; ++j)
      asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
                   "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
                   "{%0, %1, %2, %3};"
                   : "+f"(c[j][0]), "+f"(c[j][1]), "+f"(c[j][2]), "+f"(c[j][3])
                   : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  float sum = 0;
  for (int j = 0; j < 8; ++j) sum += c[j][0] + c[j][1] + c[j][2] + c[j][3];
  if (sum == 1.25f) out[0] = sum;
}
"""


def mma_peak():
    """FLOP/s of mma.sync without memory; none where there is no CuPy."""
    try:
        import cupy
    except ImportError:
        return None
    kernel = cupy.RawKernel(MMA_PEAK, "peak", options=("-arch=sm_80",))
    out = cupy.zeros(1, cupy.float32)
    blocks, threads, rounds = 132 * 8, 256, 2000
    for _ in range(2):
        start, end = cupy.cuda.Event(), cupy.cuda.Event()
        start.record()
        kernel((blocks,), (threads,), (out, cupy.int32(rounds)))
        end.record()
        end.synchronize()
    seconds = cupy.cuda.get_elapsed_time(start, end) * 1e-3
    return blocks * threads / 32 * rounds * 8 * (2 * 16 * 8 * 16) / seconds
