"""Compiled kernels on PyTorch tensors, through ctypes and DLPack.

    kernel = Kernel("causal.so")
    kernel.run(q=q, k=k, v=v, out=out)

One class and no state beside it: what runtime.h says, in Python's words.
"""

import ctypes as c
import os

HERE = os.path.dirname(os.path.abspath(__file__))


def library_path(name):
    return os.path.join(HERE, "lib", name + ".so")


class Argument(c.Structure):
    _fields_ = [("name", c.c_char_p), ("kind", c.c_int), ("flags", c.c_uint32),
                ("tensor", c.c_void_p), ("int_value", c.c_int64),
                ("float_value", c.c_double)]


class Context(c.Structure):
    _fields_ = [("executor", c.c_void_p), ("workspace", c.c_void_p),
                ("workspace_size", c.c_size_t), ("stream", c.c_void_p)]


class Choice(c.Structure):
    _fields_ = [("launch", c.c_int32), ("parts", c.c_int64)]


class LaunchInfo(c.Structure):
    _fields_ = [("name", c.c_char_p), ("most_parts", c.c_int64)]


def load_runtime():
    c.CDLL(os.path.join(HERE, "lib", "libtbb.so.12"), c.RTLD_GLOBAL)
    runtime = c.CDLL(os.path.join(HERE, "lib", "libattn_runtime.so"))
    runtime.attn_last_error.restype = c.c_char_p
    runtime.attn_plan_free.argtypes = [c.c_void_p]
    runtime.attn_kernel_free.argtypes = [c.c_void_p]
    runtime.attn_plan_run.argtypes = [c.c_void_p, c.POINTER(Context)]
    runtime.attn_plan_workspace_size.argtypes = [
        c.c_void_p, c.c_void_p, c.POINTER(c.c_size_t)]
    runtime.attn_plan_create.argtypes = [
        c.c_void_p, c.POINTER(Argument), c.c_int32, c.POINTER(c.c_void_p)]
    runtime.attn_plan_num_stages.argtypes = [c.c_void_p]
    runtime.attn_plan_num_launches.argtypes = [c.c_void_p, c.c_int32]
    runtime.attn_plan_launch.argtypes = [
        c.c_void_p, c.c_int32, c.c_int32, c.POINTER(LaunchInfo)]
    runtime.attn_plan_choose.argtypes = [
        c.c_void_p, c.c_int32, c.POINTER(Choice)]
    runtime.attn_executor_create.argtypes = [c.c_int32, c.POINTER(c.c_void_p)]
    return runtime


RUNTIME = load_runtime()


BAD_ALIGNMENT = 15  # of attn_status_t


class Failure(Exception):
    """What attn_last_error says."""


def check(status):
    if status:
        raise Failure(f"status {status}: {RUNTIME.attn_last_error().decode()}")


def dltensor(tensor):
    """The DLTensor of a tensor, and what keeps it alive. PyTorch's own capsule:
    the managed tensor begins with the DLTensor."""
    capsule = tensor.__dlpack__()
    get = c.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = c.c_void_p, [c.py_object, c.c_char_p]
    return get(capsule, b"dltensor"), capsule


class Plan:
    """A checked call. Keeps its tensors alive."""

    def __init__(self, kernel, values):
        self.kept = list(values.items())
        arguments = (Argument * len(values))()
        for argument, (name, value) in zip(arguments, self.kept):
            argument.name = name.encode()
            if isinstance(value, float):
                argument.kind, argument.float_value = 2, value
            elif isinstance(value, int):
                argument.kind, argument.int_value = 1, value
            else:
                argument.tensor, capsule = dltensor(value)
                self.kept.append((name, capsule))
        self.handle = c.c_void_p()
        check(RUNTIME.attn_plan_create(kernel.handle, arguments, len(values),
                                       c.byref(self.handle)))
        self.context = Context()

    def use_threads(self, threads):
        """On a CPU: as many threads, and memory of its own."""
        executor, size = c.c_void_p(), c.c_size_t()
        check(RUNTIME.attn_executor_create(threads, c.byref(executor)))
        self.context.executor = executor
        check(RUNTIME.attn_plan_workspace_size(self.handle, executor,
                                               c.byref(size)))
        self.workspace = c.create_string_buffer(size.value)
        self.context.workspace = c.cast(self.workspace, c.c_void_p)
        self.context.workspace_size = size

    def workspace_size(self):
        """Bytes of memory that a run on a GPU needs."""
        size = c.c_size_t()
        check(RUNTIME.attn_plan_workspace_size(self.handle, None,
                                               c.byref(size)))
        return size.value

    def use_memory(self, memory, address):
        """Has runs use this memory in place of some allocated for each."""
        self.workspace = memory
        self.context.workspace = address
        self.context.workspace_size = self.workspace_size()

    def launches(self):
        """For each launch of each stage: stage, launch, name, and in how many
        parts its items can be."""
        info = LaunchInfo()
        for stage in range(RUNTIME.attn_plan_num_stages(self.handle)):
            for launch in range(RUNTIME.attn_plan_num_launches(self.handle, stage)):
                check(RUNTIME.attn_plan_launch(self.handle, stage, launch,
                                               c.byref(info)))
                yield stage, launch, info.name.decode(), info.most_parts

    def choose(self, stage, launch=None, parts=0):
        """Has a run do this, and without a launch what costs least. Whether the
        launch takes the tensors."""
        choice = None if launch is None else c.byref(Choice(launch, parts))
        status = RUNTIME.attn_plan_choose(self.handle, stage, choice)
        if status == BAD_ALIGNMENT:
            return False
        check(status)
        return True

    def choices(self, counts=(1, 2, 3)):
        """What can be launched on these tensors, with items in so many parts:
        what to call it, and arguments of choose."""
        found = []
        for stage, launch, name, most in list(self.launches()):
            for parts in [count for count in counts if count <= most]:
                if self.choose(stage, launch, parts):
                    label = f"{name} / {parts}" if most > 1 else name
                    found.append((label, (stage, launch, parts)))
            self.choose(stage)
        return found

    def run(self, stream=0):
        self.context.stream = stream
        check(RUNTIME.attn_plan_run(self.handle, c.byref(self.context)))

    def __del__(self):
        if getattr(self, "handle", None):
            RUNTIME.attn_plan_free(self.handle)


class Kernel:
    def __init__(self, path):
        self.handle = c.c_void_p()
        check(RUNTIME.attn_kernel_load(path.encode(), None,
                                       c.byref(self.handle)))

    def plan(self, **values):
        return Plan(self, values)

    def run(self, **values):
        self.plan(**values).run()
