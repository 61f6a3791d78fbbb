#!/usr/bin/env python3
"""Cycles of a multiprocessor, by ncu: what times within some percent of each
other are decided by, since clocks follow the power that kernels take.

    python3 cycles.py REGEX [--launches] [--before DIR] [--rounds N]

Rows and contenders are those of times.py, each run alone; where a contender has
several kernels, their cycles are added. The median of N processes.
"""

import argparse
import csv
import os
import re
import statistics
import subprocess
import sys

from attn import HERE

METRIC = "sm__cycles_elapsed.max"


def profile(options):
    """Cycles by row, size and contender, of one process."""
    command = ["ncu", "--csv", "--page", "raw", "--nvtx", "--nvtx-include",
               "once/", "--metrics", METRIC,
               sys.executable, os.path.join(HERE, "times.py"), "--once", *options]
    text = subprocess.run(command, stdout=subprocess.PIPE, text=True,
                          check=True).stdout
    names, _, *rows = csv.reader(line for line in text.splitlines()
                                 if line.startswith('"'))
    found = {}
    for row in rows:
        # Ranges from the outermost: once, and the contender's.
        label = re.findall(r"domain>:(.*?):", " ".join(row))[1]
        cycles = float(row[names.index(METRIC)].replace(",", ""))
        found[label] = found.get(label, 0) + cycles
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("only", metavar="REGEX")
    parser.add_argument("--launches", action="store_true")
    parser.add_argument("--before", metavar="DIR")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    options = [given.only] + ["--launches"] * given.launches
    if given.before:
        options += ["--before", given.before]
    runs = [profile(options) for _ in range(given.rounds)]
    for label in runs[0]:
        cycles = statistics.median(run[label] for run in runs)
        print(f"{label:48} {cycles / 1e6:8.3f} million cycles")


if __name__ == "__main__":
    main()
