"""Exercises: fill in a function, find a bug that raises no error, run and explain (README.md).

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

`--out=FOLDER` keeps the working copies and your progress elsewhere.
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
from pathlib import Path

from exercises.table import BUG, BUGS, EXERCISES, FILL, HINTS, RUN
from plumbing.errors import BadInput
from plumbing.files import ROOT, write_text

LIMIT = 300  # seconds that a grader may take before it counts as a failure
BEGIN = {FILL: "start", BUG: "plant"}


# --- blanks and bugs ---------------------------------------------------------------------------


def split_at_body(source, name):
    """(what precedes, the body, what follows) of the function `name`, "Class.method" too; its
    docstring precedes the body. Raises KeyError where there is no such function."""
    node = ast.parse(source)
    for part in name.split("."):
        node = {child.name: child for child in node.body if hasattr(child, "name")}[part]
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    lines = source.splitlines(keepends=True)
    first, end = body[0].lineno - 1, node.end_lineno
    return "".join(lines[:first]), "".join(lines[first:end]), "".join(lines[end:])


def blank(source, name, number):
    """`source` with the body of one function replaced by an error."""
    before, body, after = split_at_body(source, name)
    margin = body[: len(body) - len(body.lstrip())]
    error = f'raise NotImplementedError("exercise {number}: your text goes here")'
    return f"{before}{margin}{error}\n{after}"


def plant(source, bug):
    """`source` with the bug in the body of its function. Raises KeyError where it does not fit."""
    before, body, after = split_at_body(source, bug.function)
    if body.count(bug.old) != 1:
        raise KeyError(bug.old)
    return before + body.replace(bug.old, bug.new) + after


def changed(number):
    """The project's own text of an exercise's file, and the text that the exercise begins with."""
    e = EXERCISES[number]
    source = (ROOT / e.file).read_text(encoding="utf-8")
    try:
        if e.kind == FILL:
            return source, blank(source, e.function, number)
        return source, plant(source, BUGS[number])
    except (KeyError, SyntaxError):
        raise BadInput(
            f"{e.file} has been changed where exercise {number} begins; restore the file, "
            f"then {BEGIN[e.kind]} again"
        ) from None


# --- files -------------------------------------------------------------------------------------


def folder(out, number):
    return out / "work" / f"{number:02}"


def begun(out):
    return [number for number in EXERCISES if folder(out, number).exists()]


def make_copy(out, number):
    """A working copy with the exercise in it, whole or not at all."""
    _, text = changed(number)
    copy = folder(out, number)
    unfinished = copy.with_suffix(".tmp")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    compiled = shutil.ignore_patterns("__pycache__")
    for path in ROOT.iterdir():
        if path.suffix in (".py", ".toml"):
            shutil.copy(path, unfinished)
        elif (path / "__init__.py").exists():  # a room
            shutil.copytree(path, unfinished / path.name, ignore=compiled)
    (unfinished / EXERCISES[number].file).write_text(text, encoding="utf-8")
    unfinished.rename(copy)
    return copy


def read_progress(out):
    """{number: {"tries": int, "passed": bool}} as it was recorded."""
    path = out / "progress.json"
    if not path.exists():
        return {}
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        return {
            int(number): {"tries": int(entry["tries"]), "passed": bool(entry["passed"])}
            for number, entry in saved.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadInput(
            f"{path.as_posix()}: damaged; delete it to start counting again (your "
            "working copies stay)"
        ) from None


def record(out, number, passed):
    """Add a try to progress.json."""
    progress = read_progress(out)
    entry = progress.setdefault(number, {"tries": 0, "passed": False})
    entry["tries"] += 1
    entry["passed"] |= passed
    write_text(out / "progress.json", json.dumps(dict(sorted(progress.items())), indent=1))


# --- commands ----------------------------------------------------------------------------------


def show(out):
    """List every exercise with its kind, its minutes and what has become of it."""
    progress, week = read_progress(out), ""
    for number, e in EXERCISES.items():
        if e.week != week:
            week = e.week
            print(f"\n{week}")
        state = "begun" if folder(out, number).exists() else ""
        if number in progress:
            tries = progress[number]["tries"]
            state = "done" if progress[number]["passed"] else f"begun, tried {tries} times"
        print(f"  {number:>2}  {e.kind:<16} {e.title:<44} {e.minutes:>3} min  ", state)
    done = [n for n, entry in progress.items() if entry["passed"] and n in EXERCISES]
    print(
        f"\n{len(done)} of {len(EXERCISES)} done. The texts are in exercises/README.md (Korean: "
        "exercises/README.ko.md)."
    )


def begin(out, number):
    """Make the working copy and say where to look, not what is wrong."""
    e, copy = EXERCISES[number], folder(out, number)
    if copy.exists():
        raise BadInput(
            f"exercise {number} is begun already, in {copy.as_posix()}; to begin it "
            f"again: python -m exercises reset {number}"
        )
    make_copy(out, number)
    file = (copy / e.file).as_posix()
    print(f"exercise {number}: {e.title} ({e.kind}, {e.minutes} min)")
    if e.kind == FILL:
        print(f"write {e.function} in {file}; its docstring says what it does")
    else:
        print(f"look in {file}: one thing is wrong, and no error tells")
    print(f"the grader: {', '.join(e.tests)}\nthen: python -m exercises check {number}")


def hint(out, number):
    print(f"hint {number}: {HINTS[number]}")


def solution(out, number):
    """The lines that lead from the exercise's text back to the project's own."""
    own, text = changed(number)
    file = EXERCISES[number].file
    sides = text.splitlines(keepends=True), own.splitlines(keepends=True)
    print("".join(difflib.unified_diff(*sides, f"exercise {number}/{file}", file)), end="")


def run_tests(copy, number):
    """(passed, what pytest printed) of an exercise's graders in its working copy."""
    options = "-q -x --tb=short -p no:cacheprovider -p exercises.words -o addopts=".split()
    try:
        done = subprocess.run(
            [sys.executable, "-B", "-m", "pytest", *options, *EXERCISES[number].tests],
            cwd=copy,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=LIMIT,
            env={
                **os.environ,
                "PYTHONIOENCODING": "utf-8",
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # the graders need none of them
                "EXERCISE": str(number),
            },
        )
    except subprocess.TimeoutExpired:
        return False, f"no end after {LIMIT} seconds"
    return done.returncode == 0, done.stdout


def grade(out, number):
    """Run one exercise's tests; says how it went, and of a failure in words what was wrong."""
    if any(importlib.util.find_spec(name) is None for name in ("pytest", "hypothesis")):
        raise BadInput("check needs pytest and hypothesis: pip install -e '.[test]'")
    clock = time.perf_counter()
    words = folder(out, number) / "words.txt"  # of exercises/words.py
    words.unlink(missing_ok=True)
    passed, output = run_tests(folder(out, number), number)
    report = folder(out, number) / "check.txt"
    write_text(report, output)
    record(out, number, passed)
    seconds = f"after {time.perf_counter() - clock:.0f} s"
    if passed:
        print(f"exercise {number}: passed {seconds}{suggest(out, number)}")
        return True
    print(f"exercise {number}: failed {seconds} (all of it: {report.as_posix()})")
    if words.exists():
        print(words.read_text(encoding="utf-8"), end="")
    else:
        print(f"  {output.strip().splitlines()[-1]:.100}" if output.strip() else "  no word of it")
    return False


def suggest(out, number):
    """The next exercise that is not done, of those that follow `number` first."""
    done = {n for n, entry in read_progress(out).items() if entry["passed"]}
    left = [n for n in EXERCISES if n not in done]
    if not left:
        return "; that was the last one"
    n = next((n for n in left if n > number), left[0])
    e = EXERCISES[n]
    way = f"python -m exercises {BEGIN[e.kind]} {n}" if e.kind in BEGIN else "exercises/README.md"
    return f"; next: {n}, {e.title} ({e.kind}): {way}"


def check(out, number=None):
    """Grade one exercise, or all that are begun; 1 if one of them fails."""
    if number and number not in begun(out):
        way = f"python -m exercises {BEGIN[EXERCISES[number].kind]} {number}"
        raise BadInput(f"exercise {number} is not begun: {way}")
    if not begun(out):
        raise BadInput("no exercise is begun: python -m exercises lists them")
    passed = [grade(out, n) for n in ([number] if number else begun(out))]
    return int(not all(passed))


def reset(out, number=None):
    """Put working copies aside, so that the next start is a fresh one."""
    if number and number not in begun(out):
        print(f"exercise {number}: not begun, nothing to put aside")
        return
    for n in [number] if number else begun(out):
        times = 1
        while (kept := out / "kept" / f"{n:02}-{times}").exists():
            times += 1
        kept.parent.mkdir(parents=True, exist_ok=True)
        folder(out, n).rename(kept)
        print(f"exercise {n}: your copy is now {kept.as_posix()}")


def mark(out, number):
    """A run has no grader: whoever has compared the folded answer says so."""
    record(out, number, True)
    print(f"exercise {number}: done{suggest(out, number)}")


# command: (function, kinds that it takes, needs a number)
COMMANDS = {
    "start": (begin, (FILL,), True),
    "plant": (begin, (BUG,), True),
    "hint": (hint, (FILL, BUG, RUN), True),
    "check": (check, (FILL, BUG), False),
    "solution": (solution, (FILL, BUG), True),
    "reset": (reset, (FILL, BUG), False),
    "done": (mark, (RUN,), True),
}


def parse(argv):
    """(folder of the working copies, command or "", number or None) of the words typed."""
    out, words = Path("out/exercises"), []
    for word in argv:
        if word.startswith("--out="):
            out = Path(word.removeprefix("--out="))
        elif word.startswith("-"):
            raise BadInput(f"'{word}': the only option is --out=FOLDER (see --help)")
        else:
            words.append(word)
    if not words:
        return out, "", None
    command, *rest = words
    if command not in COMMANDS:
        raise BadInput(f"'{command}': expected {', '.join(COMMANDS)}, or nothing for the list")
    _, kinds, needed = COMMANDS[command]
    if len(rest) > 1 or needed and not rest:
        raise BadInput(f"{command} takes one number: python -m exercises {command} 7")
    if not rest:
        return out, command, None
    number = int(rest[0]) if rest[0].isdecimal() else 0
    if number not in EXERCISES:
        raise BadInput(
            f"'{rest[0]}': exercises are numbered 1 to {len(EXERCISES)}; "
            "python -m exercises lists them"
        )
    kind = EXERCISES[number].kind
    if kind not in kinds:
        way = f"python -m exercises {BEGIN.get(kind, 'done')} {number}"
        if kind == RUN:
            way = f"its command and a folded answer are in exercises/README.md; then {way}"
        raise BadInput(f"exercise {number} is of the kind '{kind}': {way}")
    return out, command, number


def main(argv):
    if "--help" in argv or "-h" in argv:
        print(__doc__.strip())
        return
    out, command, number = parse(argv)
    if not command:
        return show(out)
    function = COMMANDS[command][0]
    return function(out, number) if number else function(out)
