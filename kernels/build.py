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
import re
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


def find_compiler():
    """The path of a C++ compiler. Raises BuildError where there is none that can build a kernel."""
    windows = sys.platform == "win32"
    names = ("clang-cl",) if windows else ("c++", "g++", "clang++")
    for name in (os.environ.get("CXX"), *names):
        if name and (path := shutil.which(name)):
            return path
    if windows and shutil.which("cl"):  # the kernels' vectors are GCC's and Clang's
        raise BuildError("cl has no vector types; install clang-cl, Visual Studio's Clang")
    raise BuildError("no C++ compiler")


def command_lines(compiler, source, built):
    """What builds `source` as the library `built`, best first: a compiler that refuses one command
    line is asked with the next."""
    if Path(compiler).stem.lower() == "clang-cl":
        return _by_clang_cl(compiler, source, built)
    torch_lib = Path(torch.__file__).parent / "lib"
    mac = sys.platform == "darwin"
    native = "-mcpu=native" if mac and platform.machine() == "arm64" else "-march=native"
    # The same OpenMP library as torch's, so that both share one pool of threads. Apple's Clang may
    # have none: then attention takes threads of its own.
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
    choices = (base + [native] + openmp, base + openmp, base + [native], base)
    return [[compiler, *flags, str(source), "-o", str(built)] for flags in choices]


def _by_clang_cl(compiler, source, built):
    """The same in the manner of Visual Studio, without OpenMP: a second library of it beside
    torch's would end the process."""
    flags = ["/nologo", "/LD", "/O2", "/std:c++17", "/EHsc"]
    flags += ["/clang:-ffp-contract=fast", "/clang:-fno-trapping-math"]
    names = re.findall(r'extern "C" void (\w+)', source.read_text(encoding="utf-8"))
    files = [str(source), f"/Fe{built}", f"/Fo{built}.obj"]
    files += ["/link", "/NOIMPLIB", *(f"/EXPORT:{name}" for name in names)]
    return [[compiler, *flags, *more, *files] for more in (["/clang:-march=native"], [])]


def _cpu_model():
    """What -march=native depends on, for a cache on a disk that several machines share."""
    info = Path("/proc/cpuinfo")
    text = info.read_text(encoding="utf-8") if info.exists() else platform.processor()
    lines = [line for line in text.splitlines() if line.startswith(("flags", "Features"))]
    return lines[0] if lines else text


def _compile(source):
    """Returns the path of the built library. Raises BuildError with the compiler's first error."""
    compiler = find_compiler()
    code = [path.read_text(encoding="utf-8") for path in (source, source.with_name("vectors.h"))]
    ask = functools.partial(subprocess.run, capture_output=True, text=True, errors="replace")
    version = ask([compiler, "--version"]).stdout
    suffix = ".dll" if sys.platform == "win32" else ".so"
    for place, flags in enumerate(command_lines(compiler, source, "")):
        key = (
            *code,
            os.path.realpath(compiler),
            version,
            flags,
            torch.__version__,
            platform.machine(),
            _cpu_model(),
        )
        name = f"{source.stem}-{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}{suffix}"
        built = _cache_dir() / name
        if built.exists():
            return built
        try:
            built.parent.mkdir(parents=True, exist_ok=True)
            folder = tempfile.TemporaryDirectory(dir=built.parent)
        except OSError as error:
            raise BuildError(f"cannot write the built kernel: {error}") from error
        with folder:
            unfinished = Path(folder.name) / name
            result = ask(command_lines(compiler, source, unfinished)[place])
            if result.returncode == 0:
                os.replace(unfinished, built)  # atomic: others see no library or a whole one
                return built
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
