#!/usr/bin/env python3
"""Runs attnc bench over the cases of docs/benchmarks.md and prints its tables.

    test/bench/figures.py [--build DIR] [--groups full,causal,...] [--threads 1,2]

Every figure is attnc bench's own: it checks the result first, takes the median
of many runs, and measures the peak of the machine between them. An idle machine
is wanted; the share of the peak forgives neighbours, the seconds do not.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys
import tempfile

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]


def square(length, dim, heads=8):
    return f"B=1,H={heads},M={length},N={length},D={dim},E={dim}"


def grid(example, dtype="f32"):
    return [
        (f"{example} {dtype}, D={dim}, M=N={length}", f"{example}.attn", dtype, square(length, dim), [])
        for dim in (64, 128)
        for length in (2048, 8192)
    ]


def variant(name, length=2048, settings=()):
    return (f"{name}, D=64, M=N={length}", f"{name}.attn", "f32", square(length, 64), list(settings))


def masked(label, file, length=16384, settings=(), heads=8, **more):
    return (label, f"{file}.attn", "f32", square(length, 64, heads), list(settings), more)


# Name of a group: (label, file, element type, sizes, --set) of its cases, then
# the name of the spec where it is not the first, and how many documents.
GROUPS = {
    "full": grid("full"),
    "causal": grid("causal"),
    "full-bf16": grid("full", "bf16"),
    "causal-bf16": grid("causal", "bf16"),
    "tails": [
        (f"full f32, D={dim}, M=1000, N=1001", "full.attn", "f32", f"B=1,H=8,M=1000,N=1001,D={dim},E={dim}", [])
        for dim in (32, 80, 96)
    ],
    "variants": [
        variant("alibi"),
        variant("softcap"),
        variant("sliding-window", 8192, ["window=512"]),
        variant("sigmoid"),
    ],
    "masks": [  # rates to compare with that of full attention in the same run
        masked("full", "full", 4096),
        masked("window 1024, causal", "sliding-window", settings=["window=1024"]),
        masked("window 128, causal", "sliding-window", settings=["window=128"]),
        masked("dilated by 4, span 4096, causal", "dilated-window", settings=["window=1024", "dilation=4"],
               spec="dilated_causal"),
        ("13 x 13 of 128 x 128", "neighborhood-2d.attn", "f32",
         "B=1,H=8,Y=128,X=128,U=128,W=128,D=64,E=64", ["window=13"]),
        masked("12 documents, causal", "documents", documents=12),
        masked("S2-Attention, 8 offsets", "s2-attention"),
        masked("prefix 2048", "prefix-lm", prefix=2048),
        masked("64 documents of 131072, one head", "documents", 131072, heads=1, documents=64),
    ],
    "strides": [
        ("full f32 in [B, M, H, D], D=64, M=N=2048", "../test/bench/full-bmhd.attn", "f32", square(2048, 64), []),
    ],
    "ir": [
        variant("two-stage-softplus"),
        variant("flowformer"),
        variant("weight-edit", settings=["word=3", "emphasis=2", "first=100", "last=200", "damping=0.5"]),
        variant("inline-subtraction"),
        variant("column-softmax"),
        variant("retention"),
        variant("based-polynomial"),
    ],
}


def specs_of(path):
    for line in path.read_text().splitlines():
        if line.startswith("attention "):
            yield line.split()[1].split("(")[0]


def save(directory, name, values):
    path = pathlib.Path(directory) / f"{name}.npy"
    numpy.save(path, values)
    return ["--in", f"{name}={path}"]


def inputs(directory, sizes, documents=0, prefix=None):
    """Tensors whose values a mask depends on."""
    length = int(sizes.split("N=")[1].split(",")[0]) if "N=" in sizes else 0
    if documents:
        random = numpy.random.default_rng(0)
        ends = numpy.cumsum(random.dirichlet([8] * documents) * length)
        ids = numpy.searchsorted(ends, numpy.arange(length), side="right")
        return save(directory, "doc", ids.clip(0, documents - 1).astype("int32")[None])
    if prefix is not None:
        return save(directory, "prefix", numpy.array([prefix], dtype="int32"))
    return []


def run(attnc, case, threads, directory):
    label, file, dtype, sizes, settings = case[:5]
    more = dict(case[5]) if len(case) > 5 else {}
    path = ROOT / "examples" / file
    spec = more.pop("spec", next(specs_of(path)))
    command = [attnc, "bench", path, spec, "--size", sizes]
    command += inputs(directory, sizes, **more)
    command += ["--dtype", dtype, "--threads", str(threads), "--json"]
    for setting in settings:
        command += ["--set", setting]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        return f"| {label} | {threads} | {result.stderr.strip().splitlines()[-1]} | | |"
    figures = json.loads(result.stdout)
    return "| {} | {} | {:.2f} | {:.1f} | {:.1f} % |".format(
        label, threads, figures["seconds"] * 1e3, figures["flops"] / 1e9, figures["share"] * 100
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=ROOT / "build", type=pathlib.Path)
    parser.add_argument("--groups", default=",".join(GROUPS))
    parser.add_argument("--threads", default="1,2")
    options = parser.parse_args()

    revision = subprocess.run(
        ["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True
    ).stdout.strip()
    cpu = platform.processor() or platform.machine()
    with open("/proc/cpuinfo") as cpuinfo:
        cpu = next((line.split(":")[1].strip() for line in cpuinfo if line.startswith("model name")), cpu)
    print(f"{datetime.date.today()}, {revision}, {cpu}, {os.cpu_count()} processors, "
          f"load {os.getloadavg()[0]:.1f} at the start")
    with tempfile.TemporaryDirectory() as directory:
        measure(options, directory)


def measure(options, directory):
    for group in options.groups.split(","):
        print(f"\n| {group} | threads | ms | GFLOP/s | of the peak |\n|---|---|---|---|---|")
        for case in GROUPS[group]:
            for threads in options.threads.split(","):
                print(run(options.build / "bin" / "attnc", case, int(threads), directory), flush=True)


if __name__ == "__main__":
    sys.exit(main())
