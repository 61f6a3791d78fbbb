# The lit suite: .mlir, .attn and .test files with RUN lines.
#
# Parameters, given as -Dname=value on lit's command line:
#   verify_roundtrip=0  do not have attn-opt print and parse again what it reads

import os
import shutil
import subprocess

import lit.formats
import lit.util

config.name = "attnc"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".attn", ".test"]
config.excludes = ["Inputs", "CMakeLists.txt"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.build_root, "test", "lit")

config.environment["PATH"] = os.pathsep.join(
    [config.tools_dir, config.llvm_tools_dir, os.environ.get("PATH", "")]
)
# Tests share no cache with the user, nor with each other's runs.
config.environment["XDG_CACHE_HOME"] = os.path.join(config.test_exec_root, "cache")
for name in ["ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "ASAN_SYMBOLIZER_PATH"]:
    if name in os.environ:
        config.environment[name] = os.environ[name]

# Whole words in RUN lines.
attn_opt = os.path.join(config.tools_dir, "attn-opt")
if lit_config.params.get("verify_roundtrip", "1") != "0":
    attn_opt += " --verify-roundtrip"
config.substitutions += [
    (r"(?<![-\w/])attn-opt(?![-\w/.])", attn_opt),
    (r"(?<![-\w/])attnc(?![-\w/.])", os.path.join(config.tools_dir, "attnc")),
    ("%cc", config.c_compiler),
    ("%cxx", config.cxx_compiler),
    ("%python", config.python),
    ("%examples", os.path.join(config.source_root, "examples")),
    ("%root", config.source_root),
    ("%libs", config.library_dir),
]

# What a test may ask for with REQUIRES or refuse with UNSUPPORTED.
if config.sanitizers:
    config.available_features.add("sanitizer")
if subprocess.run([config.python, "-c", "import numpy"], capture_output=True).returncode == 0:
    config.available_features.add("numpy")
if shutil.which("ptxas", path=config.environment["PATH"]):
    config.available_features.add("ptxas")
try:
    with open("/proc/cpuinfo") as cpuinfo:
        flags = next((line for line in cpuinfo if line.startswith("flags")), "")
    config.available_features |= {
        flag for flag in flags.split() if flag in ("avx2", "avx512f", "avx512_bf16")
    }
except OSError:
    pass
