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


# Name of a group: (label, file, element type, sizes, --set) of its cases.
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


def run(attnc, case, threads):
    label, file, dtype, sizes, settings = case
    path = ROOT / "examples" / file
    command = [attnc, "bench", path, next(specs_of(path)), "--size", sizes]
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
    for group in options.groups.split(","):
        print(f"\n| {group} | threads | ms | GFLOP/s | of the peak |\n|---|---|---|---|---|")
        for case in GROUPS[group]:
            for threads in options.threads.split(","):
                print(run(options.build / "bin" / "attnc", case, int(threads)), flush=True)


if __name__ == "__main__":
    sys.exit(main())
