"""Exercises: fill in a function, find a bug that raises no error, run and explain (exercises/README.md).

Each exercise to write or to repair gets a working copy of its own, so nothing you do there touches
the sources here, and nothing you did is lost: `reset` puts an old working copy aside.

reads   this folder's sources and tests
writes  out/exercises/work/NN/ (a working copy), kept/ (old ones), progress.json

    python -m exercises                                  all exercises and your progress
    python -m exercises start 3                          empty a function, for you to write
    python -m exercises plant 7                          plant a bug, for you to find
    python -m exercises hint 7                           where to look more closely
    python -m exercises check 7                          the grader; without a number, all begun
    python -m exercises solution 7                       the way back to the project's own text
    python -m exercises reset 7                          put the working copy aside; or all of them
    python -m exercises done 4                           a run is explained: mark it
"""

import ast
import difflib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from exercises.table import EXERCISES, KINDS, WEEKS
from plumbing.config import parse_config
from plumbing.errors import BadInput

# --- configuration -----------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "default"  # there is one set of defaults
    out: str = "out/exercises"  # directory for working copies and progress.json


PRESETS = {"default": {}}
ROOT = Path(__file__).resolve().parent.parent
SOURCES = (".py", ".cpp", ".h", ".md", ".toml")  # of the files copied, beside the rooms
LIMIT = 300  # seconds that a grader may take before it counts as a failure
BEGIN = {"fill": "start", "bug": "plant"}


# --- blanks and bugs ---------------------------------------------------------------------------


def blank(source, name, number):
    """`source` with the body of the function `name` ("Class.method" too) replaced by one error; its
    docstring stays."""
    node = ast.parse(source)
    for part in name.split("."):
        node = next(n for n in node.body if getattr(n, "name", "") == part)
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    lines = source.splitlines(keepends=True)
    error = f'raise NotImplementedError("exercise {number}: your text goes here")\n'
    lines[body[0].lineno - 1 : node.end_lineno] = [" " * body[0].col_offset + error]
    return "".join(lines)


def changed(number):
    """The project's own text of an exercise's file, and the text that the exercise begins with."""
    exercise = EXERCISES[number]
    source = (ROOT / exercise.file).read_text(encoding="utf-8")
    if exercise.kind == "fill":
        return source, blank(source, exercise.where.partition(":")[2], number)
    if source.count(exercise.old) != 1:
        raise BadInput(
            f"{exercise.file} has been changed where exercise {number} plants its bug; "
            "restore the file, then plant again"
        )
    return source, source.replace(exercise.old, exercise.new)


# --- files -------------------------------------------------------------------------------------


def folder(cfg, number):
    return Path(cfg.out) / "work" / f"{number:02}"


def make_copy(cfg, number):
    """A working copy with the exercise in it, whole or not at all."""
    _, text = changed(number)
    copy = folder(cfg, number)
    unfinished = copy.with_suffix(".tmp")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for path in sorted(ROOT.iterdir()):
        if path.suffix in SOURCES and path.is_file():
            shutil.copy(path, unfinished)
        elif (path / "__init__.py").exists():
            shutil.copytree(
                path, unfinished / path.name, ignore=shutil.ignore_patterns("__pycache__")
            )
    (unfinished / EXERCISES[number].file).write_text(text, encoding="utf-8")
    unfinished.rename(copy)
    return copy


def read_progress(cfg):
    """{number: {"tries": int, "passed": bool}} as it was recorded."""
    path = Path(cfg.out) / "progress.json"
    if not path.exists():
        return {}
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        return {
            int(n): {"tries": int(r["tries"]), "passed": bool(r["passed"])}
            for n, r in saved.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadInput(
            f"{path.as_posix()}: damaged; delete it to start counting again (your "
            "working copies stay)"
        ) from None


def record(cfg, number, passed, tries=1):
    """Add a try to progress.json: a new file in place of the old one, or none."""
    progress = read_progress(cfg)
    before = progress.get(number, {"tries": 0, "passed": False})
    progress[number] = {"tries": before["tries"] + tries, "passed": passed or before["passed"]}
    path = Path(cfg.out) / "progress.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps(dict(sorted(progress.items())), indent=1), encoding="utf-8")
    os.replace(temporary, path)


# --- commands ----------------------------------------------------------------------------------


def show(cfg):
    """List every exercise with its kind, its minutes and what has become of it."""
    progress = read_progress(cfg)
    for number, e in EXERCISES.items():
        if number in WEEKS:
            print(f"\n{WEEKS[number]}")
        state = "begun" if e.kind != "run" and folder(cfg, number).exists() else ""
        if number in progress:
            tries = progress[number]["tries"]
            state = "done" if progress[number]["passed"] else f"begun, tried {tries} times"
        print(f"  {number:>2}  {KINDS[e.kind]:<16} {e.title:<44} {e.minutes:>3} min  ", state)
    done = [n for n, r in progress.items() if r["passed"] and n in EXERCISES]
    print(
        f"\n{len(done)} of {len(EXERCISES)} done. The texts are in exercises/README.md (Korean: "
        "exercises/README.ko.md)."
    )


def begin(cfg, number):
    """Make the working copy and say where to look, not what is wrong."""
    e, copy = EXERCISES[number], folder(cfg, number)
    if copy.exists():
        raise BadInput(
            f"exercise {number} is begun already, in {copy.as_posix()}; to begin it "
            f"again: python -m exercises reset {number}"
        )
    make_copy(cfg, number)
    print(f"exercise {number}: {e.title} ({KINDS[e.kind]}, {e.minutes} min)")
    if e.kind == "fill":
        print(
            f"write {e.where.partition(':')[2]} in {(copy / e.file).as_posix()}; its docstring "
            "says what it does"
        )
    else:
        print(f"look in {(copy / e.file).as_posix()}: one thing is wrong, and no error tells")
    print(f"the grader: {', '.join(e.tests)}\nthen: python -m exercises check {number}")


def hint(cfg, number):
    print(f"hint {number}: {EXERCISES[number].hint}")


def solution(cfg, number):
    """The lines that lead from the exercise's text back to the project's own."""
    own, text = changed(number)
    file = EXERCISES[number].file
    print(
        "".join(
            difflib.unified_diff(
                text.splitlines(True), own.splitlines(True), f"exercise {number}/{file}", file
            )
        ),
        end="",
    )


def grade(cfg, number):
    """Run one exercise's tests in its working copy; says in one line how it went."""
    if any(importlib.util.find_spec(name) is None for name in ("pytest", "hypothesis")):
        raise BadInput("check needs pytest and hypothesis: pip install -e '.[test]'")
    copy, clock = folder(cfg, number), time.perf_counter()
    command = [
        sys.executable,
        "-B",
        "-m",
        "pytest",
        "-q",
        "-x",
        "--tb=short",
        "-p",
        "no:cacheprovider",
        "-o",
        "addopts=",
        *EXERCISES[number].tests,
    ]
    try:
        done = subprocess.run(
            command,
            cwd=copy,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=LIMIT,
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        )
        output, passed = done.stdout, done.returncode == 0
    except subprocess.TimeoutExpired:
        output, passed = f"E   no end after {LIMIT} seconds", False
    report = copy / "check.txt"
    report.write_text(output, encoding="utf-8")
    record(cfg, number, passed)
    seconds = f"after {time.perf_counter() - clock:.0f} s"
    if passed:
        print(f"exercise {number}: passed {seconds}")
    else:
        said = [line[2:].strip() for line in output.splitlines() if line.startswith("E ")]
        print(
            f"exercise {number}: failed {seconds}: {(said or ['the tests did not run'])[0]:.100}"
            f" (all of it: {report.as_posix()})"
        )
    return passed


def check(cfg, number=None):
    """Grade one exercise, or all that are begun; 1 if one of them fails."""
    begun = [n for n, e in EXERCISES.items() if e.kind != "run" and folder(cfg, n).exists()]
    if number and number not in begun:
        raise BadInput(
            f"exercise {number} is not begun: python -m exercises "
            f"{BEGIN[EXERCISES[number].kind]} {number}"
        )
    if not begun:
        raise BadInput("no exercise is begun: python -m exercises lists them")
    return int(not all([grade(cfg, n) for n in ([number] if number else begun)]))


def reset(cfg, number=None):
    """Put working copies aside, so that the next start is a fresh one."""
    for n in [number] if number else EXERCISES:
        if folder(cfg, n).exists():
            kept = Path(cfg.out) / "kept"
            kept.mkdir(parents=True, exist_ok=True)
            free = next(i for i in range(1, 10**6) if not (kept / f"{n:02}-{i}").exists())
            folder(cfg, n).rename(kept / f"{n:02}-{free}")
            print(f"exercise {n}: your copy is now {(kept / f'{n:02}-{free}').as_posix()}")
        elif number:
            print(f"exercise {n}: not begun, nothing to put aside")


def mark(cfg, number):
    """A run has no grader: whoever has compared the folded answer says so."""
    record(cfg, number, True)
    print(f"exercise {number}: done")


# command: (function, kinds that it takes, needs a number)
COMMANDS = {
    "start": (begin, ("fill",), True),
    "plant": (begin, ("bug",), True),
    "hint": (hint, ("fill", "bug", "run"), True),
    "check": (check, ("fill", "bug"), False),
    "solution": (solution, ("fill", "bug"), True),
    "reset": (reset, ("fill", "bug"), False),
    "done": (mark, ("run",), True),
}


def main(argv):
    words = [arg for arg in argv if not arg.startswith("-")]
    cfg = parse_config(Config, PRESETS, [arg for arg in argv if arg.startswith("-")])
    if not words:
        return show(cfg)
    command, *rest = words
    if command not in COMMANDS:
        raise BadInput(f"'{command}': expected {', '.join(COMMANDS)}, or nothing for the list")
    function, kinds, needed = COMMANDS[command]
    if len(rest) > 1 or needed and not rest:
        raise BadInput(f"{command} takes one number: python -m exercises {command} 7")
    if not rest:
        return function(cfg)
    number = int(rest[0]) if rest[0].isdecimal() else 0
    if number not in EXERCISES:
        raise BadInput(
            f"'{rest[0]}': exercises are numbered 1 to {len(EXERCISES)}; python "
            "python -m exercises lists them"
        )
    kind = EXERCISES[number].kind
    if kind not in kinds:
        way = f"python -m exercises {BEGIN.get(kind, 'done')} {number}"
        if kind == "run":
            way = f"its command and a folded answer are in exercises/README.md; then {way}"
        raise BadInput(f"exercise {number} is of the kind '{KINDS[kind]}': {way}")
    return function(cfg, number)
