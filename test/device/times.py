#!/usr/bin/env python3
"""Times the libraries of timed.txt beside what else computes the same.

    python3 times.py [REGEX] [--flex] [--launches] [--before DIR] [--once] [--seconds N]

Every contender's result is compared with double precision before it is timed.
TFLOP/s count the two products of the pairs that exist. FlexAttention compiles
for seconds a row; rows that would begin after N seconds are left out, with a
line that says so. With --launches, attnc's contenders are what it plans and
everything else that it could launch, as `attnc tune` has it; with --before, libraries of the same
names in DIR, that another attnc built, take turns with them. With --once, each
contender runs once in a range of its name, for a profiler (cycles.py). See
variants.py, peers.py and race.py.
"""

import argparse
import functools
import os
import re
import sys
import time

import torch

import peers
from attn import Failure, Kernel, library_path
from mma_peak import mma_peak
from race import race
from times_cpu import time_cpu
from variants import IMAGE, VARIANTS, Formula

START = time.monotonic()
# Of an item, with --launches.
PARTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)


def stream():
    return torch.cuda.current_stream().cuda_stream


def own_memory(plan):
    memory = torch.empty(max(plan.workspace_size(), 1), dtype=torch.uint8,
                         device="cuda")
    plan.use_memory(memory, memory.data_ptr())


def bound(tensor):
    """What an error may be, of the largest number. Weights have the type of the
    values, and so has what a peer hands back."""
    return 1e-4 if tensor.dtype == torch.float32 else 1.6e-2


def error(got, want):
    got = got.double()
    if not bool(got.isfinite().all()):
        return float("inf")
    return float((got - want).abs().max() / want.abs().max())


def right(case, who, run, want, allowed):
    """Whether a contender computes what it should; says so if not."""
    try:
        out = run()
        found = error(out[-1, -1].flatten(0, -2), want)
        out.fill_(float("nan"))  # the memory may be that of the next one too
    except Exception as failure:  # whatever a peer raises
        print(f"  {case}, {who}: {type(failure).__name__}: {str(failure)[:300]}", flush=True)
        return False
    if not found <= allowed:
        print(f"  {case}, {who}: WRONG by {found:.2g} of the largest number",
              flush=True)
        return False
    return True


def kernels(name, given):
    """The library, and that of another build, by the names of contenders."""
    found = {"attnc": library_path(name)}
    before = os.path.join(given.before or "", name + ".so")
    if given.before and os.path.exists(before):
        found["before"] = before
    return {who: Kernel(path) for who, path in found.items()}


def ours(name, formula, q, k, v, given):
    """The calls of each library: what its plan chooses, or all launches."""
    out = torch.full_like(v, float("nan"))
    tensors = {"q": q, "k": k, "v": v, "out": out}
    if "image" in name:
        tensors = {which: tensor.unflatten(2, (IMAGE, IMAGE))
                   for which, tensor in tensors.items()}
    found = {}
    for who, kernel in kernels(name, given).items():
        plan = functools.partial(kernel.plan, **tensors, **formula.arguments)
        found |= variants_of(who, plan, given.launches, lambda: out)
    return found


def variants_of(name, make_plan, launches, output):
    """What the plan chooses, under `name`; with `launches`, also all that it
    could."""
    def contender(choice=None):
        plan = make_plan()
        if choice:
            plan.choose(*choice)
        own_memory(plan)

        def run():
            plan.run(stream())
            return output()
        return run
    found = {name: contender()}
    for label, choice in make_plan().choices(PARTS) if launches else []:
        found[label] = contender(choice)
    return found


def run_once(case, contenders):
    """For a profiler that is asked for the ranges `once`."""
    for who, run in contenders.items():
        torch.cuda.nvtx.range_push("once")
        torch.cuda.nvtx.range_push(f"{case} {who}")
        run()
        torch.cuda.nvtx.range_pop()
        torch.cuda.nvtx.range_pop()


def check_more(case, formula, want, allowed):
    """The outputs beside out."""
    for name, value in want.items():
        if name == "out":
            continue
        found = error(formula.arguments[name][-1, -1], value)
        if not found <= allowed:
            print(f"  {case}, {name}: WRONG by {found:.2g} of the largest number",
                  flush=True)


def time_variant(name, make, D, B, S, given):
    H = max(1, 2048 // D)
    dtype = torch.float32 if "f32" in name else torch.bfloat16
    torch.manual_seed(0)
    q, k, v = (torch.randn(B, H, S, D, device="cuda").to(dtype) for _ in range(3))
    formula = make(B, H, S)
    try:
        contenders = ours(name, formula, q, k, v, given)
    except Failure as failure:
        print(f"{name:24}{S:7} {failure}", flush=True)
        return
    if formula.library is not None:
        contenders |= peers.library(q, k, v, formula.library)
    if formula.fa3 is not None:
        contenders |= peers.flash3(q, k, v, formula.fa3)
    if given.flex and (formula.score or formula.mask) and S == 16384 and D == 128:
        contenders |= peers.flex(q, k, v, formula, masking="documents" in name)
    want = formula.reference(q, k, v)
    contenders = {who: run for who, run in contenders.items()
                  if right(name, who, run, want["out"], bound(q))}
    if "attnc" not in contenders:
        print(f"{name:24}{S:7} not timed")
        return
    check_more(name, formula, want, bound(q))
    flop = 4.0 * B * H * formula.pairs(S) * D
    del want
    torch.cuda.empty_cache()
    if given.once:
        return run_once(f"{name} {S}", contenders)
    seconds = race(contenders, given.rounds)
    rate = {who: flop / t / 1e12 for who, t in seconds.items()}
    others = ", ".join(f"{who} {value:.0f} ({rate['attnc'] / value:.2f})"
                       for who, value in rate.items() if who != "attnc")
    print(f"{name:24}{S:7} {seconds['attnc'] * 1e3:9.3f} {rate['attnc']:8.1f}  "
          f"{others}", flush=True)


def time_gpu(given):
    rows = [(f"timed-{name}-{D}", make, D, B, S) for name, make, sizes, shapes in VARIANTS
            for D in sizes for B, S in shapes]
    rows = [row for row in rows
            if re.search(given.only, row[0]) and os.path.exists(library_path(row[0]))]
    if rows:
        print("16384 tokens in all, 2048 / D heads (28 at D = 72)")
        print(f"{'case':24}{'S':>7} {'attnc ms':>9} {'TFLOP/s':>8}  "
              "others, TFLOP/s (how much faster attnc is)")
    for row in rows:
        if time.monotonic() - START > given.seconds:
            print(f"{row[0]:24}{row[-1]:7} left out: no time")
            continue
        time_variant(*row, given)


# One query of each sequence: 32 query heads on 8 key heads, D = 128.
DECODES = [(1, 131072), (16, 8192), (64, 4096), (1, 4096), (4, 1000)]


def decode_formulas(slope, N):
    def capped(score, b, h, m, n):
        return 30 * torch.tanh(score / 30)
    return {
        "timed-decode-128": Formula(),
        "timed-decode-softcap-128": Formula(score=capped),
        # The query is the last position.
        "timed-decode-alibi-128": Formula(
            score=lambda score, b, h, m, n: score + slope[h] * (n - (N - 1)))}


def time_decode(B, N, names, given):
    k, v = (torch.randn(B, 8, N, 128, device="cuda").bfloat16() for _ in range(2))
    q = torch.randn(B, 8, 4, 1, 128, device="cuda").bfloat16()
    heads = q.view(B, 32, 1, 128)
    slope = torch.linspace(0.1, 0.5, 32, device="cuda").bfloat16()
    formulas = decode_formulas(slope.float(), N)
    expanded = k[-1:, 7:], v[-1:, 7:]  # those of the last query head
    contenders = {}

    def add(found, want):
        contenders.update({who: run for who, run in found.items()
                           if right(f"B={B} N={N}", who, run, want, bound(q))})
    for name in names:
        out = torch.full_like(q, float("nan"))
        values = {"q": q, "k": k, "v": v, "out": out,
                  "length": torch.full((B,), N, dtype=torch.int32, device="cuda")}
        if "softcap" in name:
            values["cap"] = 30.0
        elif "alibi" in name:
            values["slope"] = slope.view(8, 4)
        else:
            values["lse"] = torch.empty(B, 8, 4, 1, device="cuda")
        output = functools.partial(out.view, B, 32, 1, 128)
        found = {}
        for who, kernel in kernels(name, given).items():
            short = name.removeprefix("timed-").removesuffix("-128")
            found |= variants_of(short if who == "attnc" else f"{short} before",
                                 functools.partial(kernel.plan, **values),
                                 given.launches, output)
        formula = formulas[name]
        want = decode_reference(formula, heads, *expanded)
        add(found, want)
        if given.flex and B * N > 100000:
            found = peers.flex(heads, k, v, formula, gqa=True)
            add({f"Flex {name}": found["Flex"]}, want)
    plain = decode_reference(Formula(), heads, *expanded)
    add(peers.library(heads, k, v, {}, gqa=True), plain)
    add(peers.flash3_decode(heads, k, v), plain)
    size = 2 * k.numel() * 2
    rates = ", ".join(f"{who} {size / t / 1e12:.2f} ({t * 1e6:.1f} us)"
                      for who, t in race(contenders, given.rounds).items())
    print(f"B={B} N={N}: {rates}", flush=True)


def decode_reference(formula, heads, k, v):
    """Of the last query head of the last sequence."""
    q, k, v = (tensor[-1, -1].double() for tensor in (heads, k, v))
    n = torch.arange(k.shape[0], device=k.device)[None, :]
    score = q @ k.T * q.shape[-1] ** -0.5
    if formula.score:
        score = formula.score(score, 0, heads.shape[1] - 1, 0, n)
    return score.softmax(-1) @ v


def time_decodes(given):
    names = [name for name in decode_formulas(None, 0)
             if re.search(given.only, name) and os.path.exists(library_path(name))]
    if names:
        print("one query, 32 heads on 8, D = 128; TB/s of keys and values, once")
    for B, N in DECODES if names else []:
        if time.monotonic() - START > given.seconds:
            print(f"B={B} N={N} left out: no time")
            continue
        time_decode(B, N, names, given)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("only", nargs="?", default=".", metavar="REGEX")
    parser.add_argument("--flex", action="store_true")
    parser.add_argument("--launches", action="store_true")
    parser.add_argument("--before", metavar="DIR")
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1e9)
    given = parser.parse_args()
    if given.only == "cpu":
        return time_cpu()
    peak = 0 if given.once else mma_peak()
    if peak:
        print(f"mma.sync peak: {peak / 1e12:.0f} TFLOP/s")
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}, "
          f"FlashAttention-3 {'beside it' if peers.fa3 else 'absent'}")
    time_gpu(given)
    if not given.once:
        time_decodes(given)
    if given.only == ".":
        time_cpu()


if __name__ == "__main__":
    sys.exit(main())
