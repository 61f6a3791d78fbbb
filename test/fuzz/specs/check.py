#!/usr/bin/env python3
"""Draws random attention specs from the grammar and checks each with attnc.

    check.py [--attnc PATH] [--count N] [--seed S] [--target sm_90a] [--jobs J]
             [--keep FOLDER] [--timeout SECONDS] [--print]

Spec i of seed S is spec 0 of seed S + i, so a failure is repeated alone by
`--count 1 --seed ...`. A spec fails if its result is wrong, if attnc crashes,
takes too long or speaks of its own insides, and if it refuses what the language
allows. What the README lists under "Not yet" counts as refused, and so does a
call that reads a dimension without elements. Exit status 1 on a failure; the
last line is `N passed, M failed`.

Specs are well conditioned, so that a wrong result is one: exponents stay below
some 20, denominators away from 0, nothing jumps in what is computed from floats,
and what may be of either sign stands only where an output has many elements.
"""

import argparse
import concurrent.futures
import os
import pathlib
import random
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass

from writer import Writer

INSIDES = re.compile(r"internal|MLIR|LLVM ERROR|verif|'attn\.|'arith\.|'vector\.|'scf\.|'llvm\.|"
                     r"assert|PLEASE submit|ptxas.*failed|CUDA|illegal", re.IGNORECASE)
NOT_YET = re.compile(r"while it is empty|not supported yet|argmax|top-?k|cumsum|recurren")


@dataclass
class Outcome:
    """What became of a spec: passed, refused, or why it failed."""

    kind: str
    command: str = ""
    text: str = ""
    output: str = ""


def judge(status: int, output: str) -> str:
    if status < 0 or status > 2:
        return f"crash (status {status})"
    if INSIDES.search(output):
        return "insides in a message"
    if status == 1:
        return "wrong result"
    if status == 2:
        return "refused" if NOT_YET.search(output) else "refusal of what is allowed"
    return "passed" if ": ok" in output else "nothing was checked"


def check(seed: int, options: argparse.Namespace, folder: pathlib.Path) -> Outcome:
    """Draws the spec of a seed and runs it."""
    spec = Writer(random.Random(seed)).write()
    path = folder / f"spec-{seed}.attn"
    path.write_text(spec.text)
    environment = {**os.environ, "ATTN_CACHE_DIR": str(folder / f"cache-{seed}")}
    command = [options.attnc, "run", str(path), *spec.arguments(options.target, seed % 1000)]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", timeout=options.timeout, env=environment)
        kind, output = judge(done.returncode, done.stdout), done.stdout
    except subprocess.TimeoutExpired as late:
        output = (late.stdout or b"").decode(errors="replace")
        kind = f"no result in {options.timeout} s"
    path.unlink()
    shutil.rmtree(environment["ATTN_CACHE_DIR"], ignore_errors=True)
    return Outcome(kind, shlex.join(command), spec.text, output)


def keep(folder: pathlib.Path, seed: int, outcome: Outcome) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"spec-{seed}.attn"
    path.write_text(outcome.text)
    command = re.sub(r"\S*spec-\d+\.attn", str(path), outcome.command)
    (folder / f"spec-{seed}.txt").write_text(f"{outcome.kind}\n{command}\n\n{outcome.output}")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Checks random specs with attnc run --check.")
    parser.add_argument("--attnc", default="build/bin/attnc", help="the compiler (build/bin/attnc)")
    parser.add_argument("--count", type=int, default=100, help="number of specs (100)")
    parser.add_argument("--seed", type=int, help="seed of the first spec (any)")
    parser.add_argument("--target", help="passed on: sm_90a")
    parser.add_argument("--jobs", type=int, default=1, help="processes at a time (1)")
    parser.add_argument("--keep", type=pathlib.Path, help="folder for specs that fail")
    parser.add_argument("--timeout", type=float, default=120, help="seconds for a spec (120)")
    parser.add_argument("--print", action="store_true", help="print the specs, and run nothing")
    return parser.parse_args()


def main() -> int:
    options = parse_arguments()
    first = random.randrange(10**9) if options.seed is None else options.seed
    seeds = range(first, first + options.count)
    print(f"seed {first}", flush=True)
    if options.print:
        for seed in seeds:
            spec = Writer(random.Random(seed)).write()
            print(f"# {shlex.join(spec.arguments(options.target, seed % 1000))}\n{spec.text}")
        return 0
    counts = {"passed": 0, "refused": 0, "failed": 0}
    with tempfile.TemporaryDirectory() as name, \
            concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        folder = pathlib.Path(name)
        for seed, outcome in zip(seeds, pool.map(lambda seed: check(seed, options, folder), seeds)):
            failed = outcome.kind not in counts
            counts["failed" if failed else outcome.kind] += 1
            if not failed:
                continue
            if options.keep:
                keep(options.keep, seed, outcome)
            print(f"\nspec {seed}: {outcome.kind}\n{outcome.command}\n"
                  f"{outcome.text}{outcome.output}", flush=True)
    if counts["refused"]:
        print(f"{counts['refused']} refused, for what is not there yet")
    print(f"{counts['passed']} passed, {counts['failed']} failed")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
