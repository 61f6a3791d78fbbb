#!/usr/bin/env python3
"""Times the libraries of timed.txt beside PyTorch's own attention.

    python3 times.py [REGEX]

All contenders of a case take turns in one process, so that they see the same
clocks; the numbers are medians. TFLOP/s count the products of pairs that exist.
Also measures, in the same run, the peak of mma.sync that the plain path is
compared with, and the kernels for a CPU beside that CPU's peak.
"""

import os
import re
import statistics
import subprocess
import sys
import time

import torch

from attn import Failure, Kernel

HERE = os.path.dirname(os.path.abspath(__file__))
TOKENS = 16384


def lib(name):
    return os.path.join(HERE, "lib", name + ".so")


def tensors(B, H, S, D, dtype):
    torch.manual_seed(0)
    return [torch.randn(B, H, S, D, device="cuda").to(dtype) for _ in range(3)]


# What a spec takes beside q, k, v and how much of the square it visits.
def nothing(B, H, S):
    return {}


def slopes(B, H, S):
    return {"slope": torch.linspace(0.1, 0.5, H, device="cuda")}


def cap(B, H, S):
    return {"cap": 30.0}


def prefixes(B, H, S):
    return {"prefix": torch.full((B,), S // 4, dtype=torch.int32, device="cuda")}


def window(B, H, S):
    return {"window": 1024}


def documents(B, H, S):
    return {"doc": (torch.arange(S, device="cuda", dtype=torch.int32) * 12 // S)
            .expand(B, S).contiguous()}


def dilated(B, H, S):
    return {"window": 1024, "dilation": 4}


def near(B, H, S):
    return {"window": 13}


def buckets(B, H, S):
    torch.manual_seed(1)
    return {"table": torch.randn(32, H, device="cuda").to(torch.bfloat16)}


FULL, CAUSAL = 1.0, 0.5
# Library, further arguments, share of the pairs, B, S.
SHAPES = [(16, 1024), (4, 4096), (1, 16384)]


def mask_full(b, h, m, n):
    return n >= 0


def mask_causal(b, h, m, n):
    return n <= m


def mask_dilated(b, h, m, n):
    return (m - n >= 0) & (m - n < 4096) & ((m - n) % 4 == 0)


IMAGE = 128  # pixels along a side


def mask_image(b, h, m, n):
    def near(i, j):
        start = torch.clamp(i - 13 // 2, min=0, max=IMAGE - 13)
        return (j >= start) & (j < start + 13)
    return near(m // IMAGE, n // IMAGE) & near(m % IMAGE, n % IMAGE)


def window_share(S):
    return (1024 * S - 1024 * 1023 / 2) / (S * S)


def prefix_share(S):
    prefix = S // 4
    return (S * (S + 1) / 2 + prefix * (prefix - 1) / 2) / (S * S)


def dilated_share(S):
    return sum(min(m // 4 + 1, 1024) for m in range(S)) / (S * S)


def image_share(S):
    return 13 * 13 / S


# Where the share of the pairs that exist depends on the size.
SHARES = {"window": window_share, "prefix": prefix_share, "dilated": dilated_share,
          "image": image_share}


CASES = [
    ("timed-full-64", nothing, FULL, SHAPES), ("timed-causal-64", nothing, CAUSAL, SHAPES),
    ("timed-full-128", nothing, FULL, SHAPES), ("timed-causal-128", nothing, CAUSAL, SHAPES),
    ("timed-full-256", nothing, FULL, SHAPES), ("timed-causal-256", nothing, CAUSAL, SHAPES),
    ("timed-alibi-128", slopes, CAUSAL, SHAPES[2:]), ("timed-softcap-128", cap, None, SHAPES[2:]),
    ("timed-prefix-128", prefixes, None, SHAPES[2:]), ("timed-window-128", window, None, SHAPES[2:]),
    ("timed-documents-128", documents, None, SHAPES[2:]),
    ("timed-dilated-128", dilated, None, SHAPES[2:]), ("timed-image-128", near, None, SHAPES[2:]),
    ("timed-t5-128", buckets, FULL, SHAPES[2:]),
    ("timed-sigmoid-128", nothing, FULL, SHAPES[1:2]),
    ("timed-full-72", nothing, FULL, SHAPES[1:2]),
    ("timed-full-f32-64", nothing, FULL, SHAPES[1:2]),
    ("timed-full-f32-128", nothing, FULL, SHAPES[1:2]),
    ("timed-two-stage-128", nothing, FULL, SHAPES[1:2]),
    ("timed-column-128", nothing, FULL, SHAPES[1:2]),
]


def event_time(run, repeats):
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    for _ in range(repeats):
        run()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / repeats * 1e-3


def race(contenders, rounds=5):
    """The median seconds of each, taking turns."""
    repeats, seconds = {}, {name: [] for name in contenders}
    for name, run in contenders.items():
        run()
        once = event_time(run, 1)
        repeats[name] = max(1, min(50, int(0.02 / max(once, 1e-6))))
    for _ in range(rounds):
        for name, run in contenders.items():
            seconds[name].append(event_time(run, repeats[name]))
    return {name: statistics.median(list_) for name, list_ in seconds.items()}


def peers(name, q, k, v):
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.nn.functional import scaled_dot_product_attention as sdpa
    found = {}
    causal = "causal" in name
    if not any(word in name for word in ("full", "causal")):
        return found

    def cudnn():
        with sdpa_kernel(SDPBackend.CUDNN_ATTENTION if q.dtype != torch.float32
                         else SDPBackend.EFFICIENT_ATTENTION):
            return sdpa(q, k, v, is_causal=causal)
    try:
        cudnn()
        found["cuDNN" if q.dtype != torch.float32 else "efficient"] = cudnn
    except RuntimeError:
        pass
    return found


def flex(name, q, k, v, more):
    """FlexAttention, which takes seconds to compile: for the main shapes."""
    from torch.nn.attention.flex_attention import create_block_mask, flex_attention
    compiled = torch.compile(flex_attention)
    masks = {"causal": mask_causal, "dilated": mask_dilated, "image": mask_image}
    mask = next((mask for word, mask in masks.items() if word in name), None)
    block = create_block_mask(mask, None, None, q.shape[2], k.shape[2]) if mask else None
    if "t5" not in name:
        return lambda: compiled(q, k, v, block_mask=block)
    table = more["table"]

    def biased(score, b, h, m, n):
        distance = (n - m).abs()
        square = (distance * distance).to(torch.float32) + 0.5
        far = (2 + torch.log2(square).floor().to(torch.int32)).clamp(max=15)
        bucket = torch.where(distance < 8, distance, far)
        return score + table[torch.where(n > m, bucket + 16, bucket), h]
    return lambda: compiled(q, k, v, score_mod=biased, scale=1.0)


def time_gpu(pattern):
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}, "
          f"16384 tokens in all, H = 16 at D = 128")
    print(f"{'case':24}{'S':>7} {'attnc ms':>9} {'TFLOP/s':>8}  others, TFLOP/s")
    for name, extra, share, shapes in CASES:
        if not re.search(pattern, name) or not os.path.exists(lib(name)):
            continue
        D = int(re.search(r"(\d+)$", name).group(1))
        H = max(1, 2048 // D)
        for B, S in shapes:
            q, k, v = tensors(B, H, S, D,
                              torch.float32 if "f32" in name else torch.bfloat16)
            out = torch.empty_like(v)
            more = extra(B, H, S)
            given = {"q": q, "k": k, "v": v, "out": out}
            if "image" in name:
                given = {which: tensor.unflatten(2, (IMAGE, IMAGE))
                         for which, tensor in given.items()}
            try:
                plan = Kernel(lib(name)).plan(**given, **more)
                plan.run(torch.cuda.current_stream().cuda_stream)
                torch.cuda.synchronize()
            except (Failure, RuntimeError) as failure:
                print(f"{name:24}{S:7} {failure}")
                continue
            contenders = {"attnc": lambda: plan.run(
                torch.cuda.current_stream().cuda_stream)}
            contenders.update(peers(name, q, k, v))
            if os.environ.get("FLEX") and S == 16384 and name in (
                    "timed-full-128", "timed-causal-128", "timed-dilated-128",
                    "timed-image-128", "timed-t5-128"):
                contenders["Flex"] = flex(name, q, k, v, more)
            seconds = race(contenders)
            fraction = share
            if fraction is None:
                word = name.split("-")[1]
                fraction = SHARES[word](S) if word in SHARES else CAUSAL
            flop = 4.0 * B * H * S * S * D * fraction
            rate = {who: flop / t / 1e12 for who, t in seconds.items()}
            others = ", ".join(f"{who} {value:.0f}" for who, value in rate.items()
                               if who != "attnc")
            print(f"{name:24}{S:7} {seconds['attnc'] * 1e3:9.3f} "
                  f"{rate['attnc']:8.1f}  {others}", flush=True)


# One query of each sequence: 32 query heads on 8 key heads, D = 128.
DECODES = [(1, 131072), (16, 8192), (64, 4096), (1, 4096), (4, 1000)]


def flex_decode(q, k, v, cap):
    from torch.nn.attention.flex_attention import flex_attention
    compiled = torch.compile(flex_attention)
    score_mod = None
    if cap:
        def score_mod(score, b, h, m, n):
            return cap * torch.tanh(score / cap)
    return lambda: compiled(q, k, v, score_mod=score_mod, enable_gqa=True)


def time_decode(pattern):
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.nn.functional import scaled_dot_product_attention as sdpa
    names = [name for name in ("timed-decode-128", "timed-decode-softcap-128",
                               "timed-decode-alibi-128")
             if re.search(pattern, name) and os.path.exists(lib(name))]
    if not names:
        return
    print("one query, 32 heads on 8, D = 128; TB/s of keys and values, once")
    for B, N in DECODES:
        k, v = (torch.randn(B, 8, N, 128, device="cuda").bfloat16() for _ in range(2))
        q = torch.randn(B, 8, 4, 1, 128, device="cuda").bfloat16()
        heads = q.view(B, 32, 1, 128)
        length = torch.full((B,), N, dtype=torch.int32, device="cuda")
        contenders, kept = {}, []
        for name in names:
            out = torch.empty_like(q)
            values = {"q": q, "k": k, "v": v, "length": length, "out": out}
            if "softcap" in name:
                values["cap"] = 30.0
            elif "alibi" in name:
                values["slope"] = torch.linspace(0.1, 0.5, 32, device="cuda").bfloat16().view(8, 4)
            else:
                values["lse"] = torch.empty(B, 8, 4, 1, device="cuda")
            plan = Kernel(lib(name)).plan(**values)
            plan.use_memory(torch)
            kept.append((plan, values))
            contenders[name[len("timed-"):]] = lambda plan=plan: plan.run(
                torch.cuda.current_stream().cuda_stream)

        def cudnn():
            with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):
                return sdpa(heads, k, v, enable_gqa=True)
        try:
            cudnn()
            contenders["cuDNN"] = cudnn
        except RuntimeError:
            pass
        if os.environ.get("FLEX"):
            contenders["Flex"] = flex_decode(heads, k, v, None)
            contenders["Flex softcap"] = flex_decode(heads, k, v, 30.0)
        size = 2 * k.numel() * 2
        rates = ", ".join(f"{who} {size / t / 1e12:.2f} ({t * 1e6:.1f} us)"
                          for who, t in race(contenders).items())
        print(f"B={B} N={N}: {rates}", flush=True)


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


def reference(q, k, v, causal):
    """Attention in double precision on the GPU."""
    q, k, v = (t.cuda().double() for t in (q, k, v))
    score = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
    if causal:
        size = score.shape[-1]
        score = score.masked_fill(
            torch.ones(size, size, device="cuda").triu(1).bool(), -torch.inf)
    return (score.softmax(-1) @ v).cpu()


def time_cpu():
    """The kernels for AVX-512 beside the fma peak of the same core."""
    import ctypes
    if not os.path.exists(lib("cpu-full-f32-64")):
        return
    peak = ctypes.CDLL(os.path.join(HERE, "lib", "libpeak.so")).fma_peak
    peak.restype, peak.argtypes = ctypes.c_double, [ctypes.c_double]
    with open("/proc/cpuinfo") as cpu:
        model = next(line for line in cpu if line.startswith("model name"))
    print(model.split(":")[1].strip(), "x86-64-v4, B = 1, H = 8")
    print(f"{'case':22}{'M = N':>7} {'threads':>8} {'ms':>9} {'GFLOP/s':>8} "
          f"{'of the fma peak':>16}  worst error at 257")
    for mask in ("full", "causal"):
        for dtype in ("f32", "bf16"):
            for D in (64, 128):
                name = f"cpu-{mask}-{dtype}-{D}"
                if not os.path.exists(lib(name)):
                    continue
                kernel = Kernel(lib(name))
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


def main():
    pattern = sys.argv[1] if len(sys.argv) > 1 else "."
    if pattern == "cpu":
        return time_cpu()
    peak = mma_peak()
    if peak:
        print(f"mma.sync peak: {peak / 1e12:.0f} TFLOP/s")
    time_gpu(pattern)
    time_decode(pattern)
    if pattern == ".":
        time_cpu()


if __name__ == "__main__":
    main()
