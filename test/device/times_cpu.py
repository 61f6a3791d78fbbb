"""Times the kernels for AVX-512 beside a peak of the same core: that of fma, or
of the dot product of bf16 pairs where they use it."""

import ctypes
import os
import statistics
import time

import torch

from attn import HERE, Kernel, library_path


def reference(q, k, v, causal):
    """Attention in double precision."""
    q, k, v = (t.double() for t in (q, k, v))
    score = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
    if causal:
        size = score.shape[-1]
        score = score.masked_fill(
            torch.ones(size, size).triu(1).bool(), -torch.inf)
    return score.softmax(-1) @ v


def time_cpu():
    if not os.path.exists(library_path("cpu-full-f32-64")):
        return
    measured = ctypes.CDLL(os.path.join(HERE, "lib", "libpeak.so"))
    for peak in (measured.fma_peak, measured.dot_peak):
        peak.restype, peak.argtypes = ctypes.c_double, [ctypes.c_double]
    with open("/proc/cpuinfo") as cpu:
        has_dot = "avx512_bf16" in cpu.read()
    with open("/proc/cpuinfo") as cpu:
        model = next(line for line in cpu if line.startswith("model name"))
    print(model.split(":")[1].strip(), "x86-64-v4, B = 1, H = 8")
    print(f"{'case':22}{'M = N':>7} {'threads':>8} {'ms':>9} {'GFLOP/s':>8} "
          f"{'of the peak':>16}  worst error at 257")
    for mask in ("full", "causal"):
        for dtype in ("f32", "bf16", "dot"):
            for D in (64, 128):
                name = f"cpu-{mask}-{dtype}-{D}"
                if not os.path.exists(library_path(name)) or (
                        dtype == "dot" and not has_dot):
                    continue
                peak = measured.dot_peak if dtype == "dot" else measured.fma_peak
                kernel = Kernel(library_path(name))
                kind = torch.float32 if dtype == "f32" else torch.bfloat16
                small = [torch.randn(1, 2, 257, D).to(kind) for _ in range(3)]
                out = torch.full((1, 2, 257, D), float("nan")).to(kind)
                kernel.run(q=small[0], k=small[1], v=small[2], out=out)
                want = reference(*small, mask == "causal")
                error = float((out.double() - want).abs().max() / want.abs().max())
                for S in (2048, 8192):
                    q, k, v = (torch.randn(1, 8, S, D).to(kind) for _ in range(3))
                    out = torch.empty_like(v)
                    for threads in (1, 2):
                        plan = kernel.plan(q=q, k=k, v=v, out=out)
                        plan.use_threads(threads)
                        best, peaks = [], []
                        for _ in range(2 if S > 4096 else 4):
                            peaks.append(peak(0.02))
                            start = time.perf_counter()
                            plan.run()
                            best.append(time.perf_counter() - start)
                        seconds = statistics.median(best)
                        flop = 4.0 * 8 * S * S * D * (0.5 if mask == "causal" else 1)
                        share = flop / seconds / (max(peaks) * threads)
                        print(f"{name:22}{S:7} {threads:8} {seconds * 1e3:9.1f} "
                              f"{flop / seconds / 1e9:8.0f} {100 * share:15.1f}%  "
                              f"{error:.1e}", flush=True)
