#!/usr/bin/env python3
"""Runs packed calls with every launch that a kernel has, for compute-sanitizer.

    compute-sanitizer --tool memcheck --error-exitcode 9 python3 sanitize.py [REGEX]

Nothing but the driver is used, so that what the tool slows down and reports is
ours: each tensor is an allocation of its size, and so is the workspace. Results
are compared too. Exit status 1 if one was wrong. Needs NumPy.
"""

import ctypes as c
import json
import math
import os
import re
import sys

import numpy as np

from attn import HERE, Failure, Kernel, library_path

CUDA = c.CDLL("libcuda.so.1")
FLOATS = {"f32": 32, "f16": 16, "bf16": 16}
INTEGERS = {"int": 32, "i32": 32, "int64": 64, "i64": 64, "int8": 8, "i8": 8,
            "uint8": 8, "bool": 8, "i1": 8, "i16": 16}

# A library of each kind of kernel: specialised warps with causal tiles, boxes,
# residues and differences, without values and with numbers of columns; few rows,
# in parts; tables of blocks and of pairs; mma.sync with one sweep, with several,
# over queries, of f32 and with heads of any size; threads with a lane each.
KINDS = "|".join((
    "causal-bf16-D=64", "neighborhood_2d-bf16-D=64", "dilated_causal-bf16-D=64",
    "t5_bias-bf16-D=64", "gqa_decode-bf16-D=64", "gqa_decode_alibi-bf16-D=128",
    "documents-bf16-D=64", "causal-f32-D=64", "causal-bf16-D=17",
    "two_stage_softplus-bf16-D=64", "statistics-bf16-D=64",
    "column_softmax-f32-D=64", "column_softmax-bf16-D=64",
    "talking_heads-bf16-.*=16", "weights_out-bf16-D=64",
    "block_mask-.*16-D=64", "block_kinds-bf16-D=64", "tree_mask-bf16-D=64",
    "kerple-bf16-D=64", "causal-f16-D=192", "sigmoid_attention-bf16-D=64"))


def call(name, *arguments):
    result = getattr(CUDA, name)(*arguments)
    if result:
        raise RuntimeError(f"{name}: CUDA error {result}")


def start():
    device, context = c.c_int(), c.c_void_p()
    call("cuInit", 0)
    call("cuDeviceGet", c.byref(device), 0)
    call("cuDevicePrimaryCtxRetain", c.byref(context), device)
    call("cuCtxSetCurrent", context)


class DLTensor(c.Structure):
    _fields_ = [("data", c.c_void_p), ("device_type", c.c_int32),
                ("device_id", c.c_int32), ("ndim", c.c_int32),
                ("code", c.c_uint8), ("bits", c.c_uint8), ("lanes", c.c_uint16),
                ("shape", c.POINTER(c.c_int64)), ("strides", c.c_void_p),
                ("byte_offset", c.c_uint64)]


class Memory:
    """Memory of the GPU, row-major; for attn.Plan a tensor."""

    def __init__(self, size, shape=(), dtype="i8"):
        self.size, self.address = size, c.c_uint64()
        call("cuMemAlloc_v2", c.byref(self.address), c.c_size_t(max(size, 1)))
        bits = FLOATS.get(dtype) or INTEGERS[dtype]
        code = 4 if dtype == "bf16" else 2 if dtype in FLOATS else 0
        self.shape = (c.c_int64 * max(len(shape), 1))(*shape)
        self.tensor = DLTensor(self.address.value, 2, 0, len(shape), code, bits, 1,
                               self.shape, None, 0)

    def __dlpack__(self):
        make = c.pythonapi.PyCapsule_New
        make.restype, make.argtypes = c.py_object, [c.c_void_p, c.c_char_p, c.c_void_p]
        return make(c.addressof(self.tensor), b"dltensor", None)

    def write(self, data):
        if self.size:
            call("cuMemcpyHtoD_v2", self.address, data, c.c_size_t(self.size))

    def read(self):
        data = c.create_string_buffer(max(self.size, 1))
        if self.size:
            call("cuMemcpyDtoH_v2", data, self.address, c.c_size_t(self.size))
        return data.raw[:self.size]

    def __del__(self):
        CUDA.cuMemFree_v2(self.address)


def memory_of(entry):
    bits = FLOATS.get(entry["dtype"]) or INTEGERS[entry["dtype"]]
    return Memory(math.prod(entry["shape"]) * bits // 8, entry["shape"], entry["dtype"])


def numbers(data, dtype):
    if dtype == "bf16":
        return (np.frombuffer(data, np.uint16).astype(np.uint32) << 16).view(np.float32)
    return np.frombuffer(data, {"f32": "f4", "f16": "f2"}.get(dtype) or
                         f"i{INTEGERS[dtype] // 8}").astype("f8")


def error(memory, entry, data):
    """Over its tolerance."""
    isreal = entry["dtype"] in FLOATS
    count = math.prod(entry["shape"])
    if not count:
        return 0.0
    want = np.frombuffer(data, "f4" if isreal else "i8", count, entry["offset"])
    got, want = numbers(memory.read(), entry["dtype"]).astype("f8"), want.astype("f8")
    same = (got == want) | (np.isnan(got) & np.isnan(want))
    finite = np.isfinite(want)
    scale = np.abs(want[finite]).max(initial=0) or 1.0
    with np.errstate(invalid="ignore"):
        worst = np.where(same, 0, np.abs(got - want)).max() / scale
    return worst / entry["tolerance"] if entry["tolerance"] else math.inf * worst if worst else 0.0


def run_call(described, data):
    """Names of the launches that were wrong, and how many ran."""
    values = {name: int(value) if float(value).is_integer() else value
              for name, value in described["scalars"].items()}
    for entry in described["inputs"]:
        values[entry["name"]] = memory_of(entry)
        offset = entry["offset"]
        values[entry["name"]].write(data[offset:offset + values[entry["name"]].size])
    outputs = [(entry, memory_of(entry)) for entry in described["outputs"]]
    values.update((entry["name"], memory) for entry, memory in outputs)
    plan = Kernel(library_path(described["library"])).plan(**values)
    wrong, ran = [], 0
    for name, choice in plan.choices():
        plan.choose(*choice)
        for _, memory in outputs:
            memory.write(b"\xff" * memory.size)
        workspace = Memory(plan.workspace_size())
        plan.use_memory(workspace, workspace.address.value)
        plan.run()
        call("cuCtxSynchronize")
        ran += 1
        worst = max(error(memory, entry, data) for entry, memory in outputs)
        if not worst <= 1:
            wrong.append(f"{name}: {worst:.3g} tolerances")
    return wrong, ran


def main():
    pattern = sys.argv[1] if len(sys.argv) > 1 else KINDS
    with open(os.path.join(HERE, "cases.json")) as file:
        calls = json.load(file)
    with open(os.path.join(HERE, "data.bin"), "rb") as file:
        data = file.read()
    start()
    status, total = 0, 0
    for described in calls:
        name = described["library"]
        if not re.search(pattern, name) or not os.path.exists(library_path(name)):
            continue
        try:
            wrong, ran = run_call(described, data)
        except (Failure, RuntimeError) as failure:
            wrong, ran = [str(failure)], 0
        total += ran
        print(f"{name} {described['sizes']}: {ran} launches", flush=True)
        for line in wrong:
            status = 1
            print("WRONG", line, flush=True)
    print(f"ran {total} launches of calls that match {pattern}", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
