#!/usr/bin/env python3
"""Checks every packed call on the GPU of this machine, then times.

    python3 check.py [--only REGEX] [--part I/N] [--no-times] [--no-check]

Each call runs on tensors that lie densely and on tensors with permuted
dimensions and gaps, as planned and with every launch that takes the tensors,
each twice, which has to give the same bits; outputs, and the memory around them,
hold NaN before.
A worker process does the calls: one that hangs or breaks the GPU costs its
call alone. Exit status 1 if a call was wrong, or times.py failed or took more
than its time.
"""

import argparse
import json
import math
import os
import random
import re
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
SECONDS_PER_CALL = 30
SECONDS_OF_TIMES = 400


def torch_type(torch, name):
    return {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16,
            "i64": torch.int64, "i32": torch.int32, "i8": torch.int8,
            "int": torch.int32, "int64": torch.int64, "int8": torch.int8,
            "uint8": torch.uint8, "bool": torch.bool, "i1": torch.bool,
            "i16": torch.int16}[name]


class Cases:
    """The packed calls."""

    def __init__(self, torch):
        self.torch = torch
        with open(os.path.join(HERE, "cases.json")) as file:
            self.calls = json.load(file)
        self.data = open(os.path.join(HERE, "data.bin"), "rb").read()

    def read(self, entry, dtype):
        count = math.prod(entry["shape"])
        if not count:
            return self.torch.empty(entry["shape"], dtype=dtype)
        return self.torch.frombuffer(
            self.data, dtype=dtype, count=count,
            offset=entry["offset"]).reshape(entry["shape"]).clone()


def poison(tensor):
    tensor.fill_(float("nan") if tensor.is_floating_point() else 77)


def place(torch, shape, dtype, strided, device, rng):
    """Memory for a tensor of this shape: the tensor, and all that surrounds it.
    Everything is poisoned."""
    if not strided or not shape:
        memory = torch.empty(math.prod(shape) + 64, dtype=dtype, device=device)
        poison(memory)
        return memory[32:32 + math.prod(shape)].view(shape), memory
    # Dimensions but the innermost in another order, gaps between the rows, and
    # an address that is aligned to elements alone.
    order = list(range(len(shape) - 1))
    rng.shuffle(order)
    strides, stride = [0] * len(shape), shape[-1] + 3
    strides[-1] = 1
    for axis in reversed(order):
        strides[axis] = stride
        stride *= max(shape[axis], 1)
        stride += 1
    memory = torch.empty(stride + 33, dtype=dtype, device=device)
    poison(memory)
    return memory.as_strided(shape, strides, 1), memory


def compare(torch, got, want):
    """As compareTensors: the largest error over the largest number."""
    got, want = got.double().flatten(), want.double().flatten()
    if not want.numel():
        return 0.0
    same = (got == want) | (got.isnan() & want.isnan())
    finite = want.isfinite()
    if bool((~same & ~(finite & got.isfinite())).any()):
        return math.inf
    scale = float(want[finite].abs().max()) if bool(finite.any()) else 1.0
    error = torch.where(same, torch.zeros_like(got), (got - want).abs())
    error = torch.nan_to_num(error, nan=0.0)
    return float(error.max()) / (scale if scale > 0 else 1.0)


def check_outputs(torch, cases, outputs):
    """The worst error over its tolerance, and what is wrong. Clears the
    outputs."""
    worst = 0.0
    for entry, tensor, memory, before in outputs:
        isreal = tensor.is_floating_point()
        want = cases.read(entry, torch.float32 if isreal else torch.int64)
        error = compare(torch, tensor.cpu(), want)
        if entry["tolerance"]:
            error /= entry["tolerance"]
        elif error:
            error = math.inf
        worst = max(worst, error)
        # What is not the tensor must be as it was.
        tensor.zero_()
        before = before.clone()
        before.as_strided(tensor.shape, tensor.stride(),
                          tensor.storage_offset()).zero_()
        if not torch.equal(memory.nan_to_num(12.0) if isreal else memory,
                           before.nan_to_num(12.0) if isreal else before):
            return math.inf, "wrote outside of " + entry["name"]
    return worst, ""


def run_call(torch, cases, call, kernel, strided, device="cuda"):
    """The worst error over its tolerance of all outputs and launches, and of
    what."""
    rng = random.Random(call["library"] + call["sizes"])
    values, outputs = dict(call["scalars"]), []
    for name, value in values.items():
        values[name] = int(value) if float(value).is_integer() else value
    for entry in call["inputs"]:
        dtype = torch_type(torch, entry["dtype"])
        host = cases.read(entry, dtype)
        tensor, _ = place(torch, entry["shape"], dtype, strided, device, rng)
        tensor.copy_(host)
        values[entry["name"]] = tensor
    for entry in call["outputs"]:
        dtype = torch_type(torch, entry["dtype"])
        tensor, memory = place(torch, entry["shape"], dtype, strided, device, rng)
        values[entry["name"]] = tensor
        outputs.append((entry, tensor, memory, memory.clone()))
    plan = kernel.plan(**values)
    noise = (torch.randn(2048, 2048, device=device).bfloat16()
             if device == "cuda" else None)
    worst, what = 0.0, ""

    def run_once():
        """Returns the bits of the outputs."""
        for _, _, memory, _ in outputs:
            poison(memory)
        plan.run(torch.cuda.current_stream().cuda_stream if device == "cuda" else 0)
        if device == "cuda":
            torch.cuda.synchronize()
        return [tensor.clone(memory_format=torch.contiguous_format).flatten()
                .view(torch.uint8) for _, tensor, _, _ in outputs]

    def run(name):
        nonlocal worst, what
        before = run_once()
        if noise is not None:
            torch.matmul(noise, noise)  # leaves other numbers in shared memory
        same = all(map(torch.equal, before, run_once()))
        error, why = check_outputs(torch, cases, outputs)
        if not same:
            error, why = math.inf, "other bits in the next run"
        if error > worst or not error <= 1:
            worst, what = error, " ".join(filter(None, (name, why)))
    run("")
    for name, choice in plan.choices() if device == "cuda" else []:
        plan.choose(*choice)
        run(name)
        plan.choose(choice[0])
    return worst, what


def worker(first, chosen, device="cuda"):
    """Runs the calls from number `first` that are chosen, and prints a line for
    each."""
    import torch
    from attn import Failure, Kernel
    cases, kernels = Cases(torch), {}
    for number in range(first, len(cases.calls)):
        call = cases.calls[number]
        path = os.path.join(HERE, "lib", call["library"] + ".so")
        if not chosen(number, call) or not os.path.exists(path):
            print(json.dumps([number, "skip", 0, ""]), flush=True)
            continue
        print(json.dumps([number, "start", 0, ""]), flush=True)
        error, note = 0.0, ""
        try:
            kernel = kernels.get(path) or kernels.setdefault(path, Kernel(path))
            for strided in (False, True):
                found, why = run_call(torch, cases, call, kernel, strided)
                if found > error or not found <= 1:
                    error, note = found, why + (" strided" if strided else "")
        except Failure as failure:
            print(json.dumps([number, "fail", 0, str(failure)]), flush=True)
            continue
        except RuntimeError as failure:
            # The GPU's context is lost: the next call needs a new process.
            print(json.dumps([number, "lost", 0, str(failure)[:200]]), flush=True)
            os._exit(3)
        print(json.dumps([number, "done", error if error == error else 1e9, note]),
              flush=True)


def chooser(given):
    """Whether a call is one of those that the command line names."""
    part, parts = map(int, given.part.split("/"))
    return lambda number, call: (number % parts == part % parts and
                                 re.search(given.only, call["library"]))


def check_all(given):
    with open(os.path.join(HERE, "cases.json")) as file:
        calls = json.load(file)
    wrong, done, worst, first = [], 0, 0.0, 0
    while first < len(calls):
        process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), "--worker", str(first),
             "--only", given.only, "--part", given.part],
            stdout=subprocess.PIPE, text=True)
        current, finished = None, first
        timer = None
        while True:
            if timer:
                timer.cancel()
            timer = threading.Timer(SECONDS_PER_CALL + 30 * (current is None),
                                    process.kill)
            timer.start()
            line = process.stdout.readline()
            if not line:
                break
            number, state, error, note = json.loads(line)
            call = calls[number]
            name = call["library"] + " " + call["sizes"]
            current = number
            if state == "start":
                continue
            finished, current = number + 1, -1
            if state == "done":
                done += 1
                if error > 1:
                    wrong.append(f"{name}: {error:.3g} tolerances {note}")
                else:
                    worst = max(worst, error)
            elif state != "skip":
                wrong.append(f"{name}: {state}: {note}")
        timer.cancel()
        process.wait()
        if current is not None and current >= 0:
            wrong.append(f"{calls[current]['library']} {calls[current]['sizes']}:"
                         f" hung or crashed (status {process.returncode})")
            finished = current + 1
        elif current is None:
            print("the worker does not start")
            return 1
        first = finished if process.returncode else len(calls)
    print(f"checked {done} calls, {len(wrong)} wrong; the worst of the others "
          f"is {worst:.2f} of its tolerance")
    for line in wrong[:60]:
        print("WRONG", line)
    return 1 if wrong else 0


def time_all(given):
    try:
        status = subprocess.run(
            [sys.executable, os.path.join(HERE, "times.py"), given.only],
            timeout=SECONDS_OF_TIMES).returncode
    except subprocess.TimeoutExpired:
        print(f"times.py was stopped: it took more than {SECONDS_OF_TIMES} s")
        return 1
    if status:
        print(f"times.py failed (status {status})")
    return 1 if status else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--worker", type=int)
    parser.add_argument("--no-check", action="store_true")
    parser.add_argument("--no-times", action="store_true")
    parser.add_argument("--only", default=".")
    parser.add_argument("--part", default="0/1", metavar="I/N",
                        help="every Nth call, from the Ith: for several machines")
    given = parser.parse_args()
    if given.worker is not None:
        return worker(given.worker, chooser(given))
    status = 0 if given.no_check else check_all(given)
    if not given.no_times:
        status |= time_all(given)
    return status


if __name__ == "__main__":
    sys.exit(main())
