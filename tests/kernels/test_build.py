"""The command lines of compilers that are not here, and what is said where none can be had."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from kernels import attention, build

SOURCE = Path(build.__file__).with_name("attention.cpp")


@pytest.fixture
def system(monkeypatch):
    """Stands for another system, on which only some programs are found."""

    def be(name, *programs, machine="x86_64"):
        monkeypatch.setattr(sys, "platform", name)
        monkeypatch.setattr(build.platform, "machine", lambda: machine)
        monkeypatch.setattr(build.shutil, "which", lambda p: f"/bin/{p}" if p in programs else None)
        monkeypatch.delenv("CXX", raising=False)

    return be


def test_on_linux_the_last_resort_is_a_bare_compiler(system):
    system("linux", "g++")
    compiler = build.find_compiler()
    best, *_, last = build.command_lines(compiler, SOURCE, Path("a.so"))
    assert best[0] == "/bin/g++" and {"-march=native", "-fopenmp", "-shared", "-fPIC"} <= set(best)
    assert best[-3:] == [str(SOURCE), "-o", "a.so"]
    assert set(best) - set(last) == {"-march=native", "-fopenmp"}


@pytest.mark.parametrize(
    "machine, native", [("arm64", "-mcpu=native"), ("x86_64", "-march=native")]
)
def test_on_a_mac_openmp_is_torchs_and_can_be_done_without(system, machine, native):
    system("darwin", "c++", machine=machine)
    lines = build.command_lines(build.find_compiler(), SOURCE, Path("a.so"))
    with_openmp = [line for line in lines if "-fopenmp" in line]
    assert all("-Xpreprocessor" in line and "-lomp" in line for line in with_openmp)
    without = next(line for line in lines if "-fopenmp" not in line)
    assert native in without and not any("omp" in word for word in without)


def test_clang_cl_speaks_as_visual_studio_and_names_what_is_called(system):
    system("win32", "clang-cl", "cl")
    compiler = build.find_compiler()
    assert Path(compiler).name == "clang-cl"
    native, plain = build.command_lines(compiler, SOURCE, Path("a.dll"))
    assert {"/LD", "/O2", "/std:c++17", "/clang:-march=native", "/Fea.dll"} <= set(native)
    linked = plain[plain.index("/link") :]
    assert "/EXPORT:attention_forward" in linked and "/EXPORT:attention_backward" in linked
    assert not any("openmp" in word or "-march" in word for word in plain)


def test_cl_alone_is_refused_with_what_to_install(system):
    system("win32", "cl")
    with pytest.raises(build.BuildError, match="cl has no vector types; install clang-cl"):
        build.find_compiler()
    system("win32")
    with pytest.raises(build.BuildError, match="no C\\+\\+ compiler"):
        build.find_compiler()


@pytest.mark.parametrize(
    "name, program, tried",
    [("darwin", "clang++", 4), ("win32", "clang-cl", 2)],
)
def test_a_compiler_that_refuses_all_leaves_sdpa_and_one_line(
    system, name, program, tried, monkeypatch, tmp_path, capsys
):
    asked = []

    def refuse(command, **options):
        asked.append(command)
        return SimpleNamespace(returncode=1, stdout="", stderr="fatal error: 'atomic' not found")

    monkeypatch.setattr(subprocess, "run", refuse)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("ATTENTION", "")
    monkeypatch.setattr(attention, "_paths", {})
    monkeypatch.setattr(build, "library", build.library.__wrapped__)
    system(name, program)
    attention._say.cache_clear()
    assert attention.path_in_use("cpu", attention.torch.float32, 32) == "sdpa"
    assert capsys.readouterr().err == "attention: sdpa on cpu (fatal error: 'atomic' not found)\n"
    assert len(asked) == 1 + tried and not list(tmp_path.glob("nanochatgpt/*"))
    attention._say.cache_clear()


def test_a_later_command_line_may_succeed(system, monkeypatch, tmp_path):
    """Apple's Clang without OpenMP: the third is the first that it takes."""

    def without_openmp(command, **options):
        if "-o" in command and "-fopenmp" not in command:
            Path(command[-1]).write_bytes(b"library")
        return SimpleNamespace(
            returncode=int("-fopenmp" in command),
            stdout="",
            stderr="error: library 'omp' not found",
        )

    monkeypatch.setattr(subprocess, "run", without_openmp)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    system("darwin", "c++", machine="arm64")
    built = build._compile(SOURCE)
    assert built.read_bytes() == b"library" and [*built.parent.iterdir()] == [built]
    assert build._compile(SOURCE) == built
