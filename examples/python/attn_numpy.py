"""Runs a kernel that attnc built on NumPy arrays: attn_numpy.py LIBATTN_RUNTIME.so KERNEL.so

attnc build examples/causal.attn -o causal.so --set D=64,E=64
"""
import ctypes as c, sys
import numpy as np

class DLTensor(c.Structure):  # dlpack/dlpack.h
    _fields_ = [("data", c.c_void_p), ("device_type", c.c_int32), ("device_id", c.c_int32),
                ("ndim", c.c_int32), ("code", c.c_uint8), ("bits", c.c_uint8), ("lanes", c.c_uint16),
                ("shape", c.c_void_p), ("strides", c.c_void_p), ("byte_offset", c.c_uint64)]

class Arg(c.Structure):  # attn_arg_t of attn/runtime.h
    _fields_ = [("name", c.c_char_p), ("kind", c.c_int), ("flags", c.c_uint32),
                ("tensor", c.POINTER(DLTensor)), ("int_value", c.c_int64), ("float_value", c.c_double)]

def call(runtime, kernel, **arrays):
    """Runs `kernel`; the arrays are used where they lie, with their strides."""
    args, keep = (Arg * len(arrays))(), []
    for arg, (name, a) in zip(args, arrays.items()):
        shape, strides = (c.c_int64 * a.ndim)(*a.shape), (c.c_int64 * a.ndim)(*(s // a.itemsize for s in a.strides))
        code = {"i": 0, "u": 1, "f": 2, "b": 1}[a.dtype.kind]
        view = DLTensor(a.ctypes.data, 1, 0, a.ndim, code, a.itemsize * 8, 1, c.addressof(shape), c.addressof(strides), 0)
        keep += [shape, strides, view]
        arg.name, arg.tensor, arg.flags = name.encode(), c.pointer(view), 0 if a.flags.writeable else 1
    plan = c.c_void_p()
    if runtime.attn_plan_create(kernel, args, len(args), c.byref(plan)) or runtime.attn_plan_run(plan, None):
        raise RuntimeError(runtime.attn_last_error().decode())
    runtime.attn_plan_free(plan)

if __name__ == "__main__":
    runtime, kernel = c.CDLL(sys.argv[1]), c.c_void_p()
    runtime.attn_last_error.restype = c.c_char_p
    if runtime.attn_kernel_load(sys.argv[2].encode(), None, c.byref(kernel)):
        raise RuntimeError(runtime.attn_last_error().decode())
    # [B, M, H, D] in memory, given as [B, H, M, D]: no copy is made.
    q, k, v = (np.random.randn(1, 100, 4, 64).astype(np.float32).transpose(0, 2, 1, 3) for _ in range(3))
    out = np.empty_like(q)
    call(runtime, kernel, q=q, k=k, v=v, out=out)
    score = np.where(np.tri(100, dtype=bool), q @ k.swapaxes(2, 3) / 8, -np.inf)
    weight = np.exp(score - score.max(3, keepdims=True))
    print("worst error", np.abs(weight @ v / weight.sum(3, keepdims=True) - out).max())
