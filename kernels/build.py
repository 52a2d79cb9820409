"""C++ kernels, compiled on first use: no package to build, no file to download.

`library("attention")` compiles attention.cpp for this very machine in a few seconds, keeps the
result in the user's cache and loads it. A kernel is a plain C function that is called with
addresses (ctypes), so that none of torch's headers need be read.
"""

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import torch


class BuildError(Exception):
    """No usable kernel; the message is one line."""


def _cache_dir():
    """Where built kernels are kept, by the custom of each system."""
    home = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return Path(home or Path.home() / ".cache") / "nanochatgpt"


def _flag_choices():
    """Compiler flags, best first. A compiler that refuses one set is asked with the next."""
    torch_lib = Path(torch.__file__).parent / "lib"
    mac = sys.platform == "darwin"
    native = "-mcpu=native" if mac and platform.machine() == "arm64" else "-march=native"
    # The same OpenMP library as torch's, so that both share one pool of threads.
    openmp = (
        ["-Xpreprocessor", "-fopenmp", f"-L{torch_lib}", "-lomp", f"-Wl,-rpath,{torch_lib}"]
        if mac
        else ["-fopenmp"]
    )
    base = [
        "-O3",
        "-std=c++17",
        "-ffp-contract=fast",
        "-fno-trapping-math",
        "-shared",
        "-fPIC",
        "-pthread",
    ]
    return [base + [native] + openmp, base + openmp, base + [native], base]


def _cpu_model():
    """What -march=native depends on, for a cache on a disk that several machines share."""
    info = Path("/proc/cpuinfo")
    text = info.read_text(encoding="utf-8") if info.exists() else platform.processor()
    lines = [line for line in text.splitlines() if line.startswith(("flags", "Features"))]
    return lines[0] if lines else text


def _compile(source):
    """Returns the path of the built library. Raises BuildError with the compiler's first error."""
    names = (os.environ.get("CXX"), "c++", "g++", "clang++")
    compiler = next((path for name in names if name and (path := shutil.which(name))), None)
    if compiler is None or os.name == "nt":
        raise BuildError("no C++ compiler")
    code = [path.read_text(encoding="utf-8") for path in (source, source.with_name("vectors.h"))]
    ask = functools.partial(subprocess.run, capture_output=True, text=True, errors="replace")
    version = ask([compiler, "--version"]).stdout
    for flags in _flag_choices():
        key = (
            *code,
            os.path.realpath(compiler),
            version,
            flags,
            torch.__version__,
            platform.machine(),
            _cpu_model(),
        )
        name = f"{source.stem}-{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}.so"
        built = _cache_dir() / name
        if built.exists():
            return built
        try:
            built.parent.mkdir(parents=True, exist_ok=True)
            handle, unfinished = tempfile.mkstemp(suffix=".so", dir=built.parent)
            os.close(handle)
        except OSError as error:
            raise BuildError(f"cannot write the built kernel: {error}") from error
        result = ask([compiler, *flags, str(source), "-o", unfinished])
        if result.returncode == 0:
            os.replace(unfinished, built)  # atomic: others see no library or a whole one
            return built
        os.unlink(unfinished)
    lines = (result.stderr or result.stdout).splitlines()
    raise BuildError(next((line for line in lines if "error" in line), "the compiler failed"))


@functools.cache
def library(name):
    """Builds name.cpp, or finds it built. Raises BuildError, with the compiler's first error."""
    try:
        return ctypes.CDLL(str(_compile(Path(__file__).with_name(f"{name}.cpp"))))
    except OSError as error:
        raise BuildError(f"the built kernel does not load: {error}") from error


@functools.cache
def available(name):
    """Can name.cpp be had on this machine?"""
    try:
        library(name)
    except BuildError:
        return False
    return True


def call(kernel, *words):
    """Calls a kernel that takes one array of 64-bit words: sizes, strides and addresses."""
    kernel((ctypes.c_int64 * len(words))(*words))


def constant(function):
    """Tell torch.compile that a function's result is fixed while a graph is made: what the
    decorator torch.compiler.assume_constant_result does, which would load the compiler, a second's
    work, at the start of every command."""
    function._dynamo_marked_constant = True
    return function
