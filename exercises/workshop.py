"""Exercises: fill in a function, find a bug that raises no error, run and explain (README.md).

    python -m exercises --help               every command, and what is read and written
    python -m exercises --preset=ko          the same in Korean

What is said stands in english.py and korean.py; `t` below is the language that was asked for.
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

from exercises.language import PRESETS, Language
from exercises.table import BUG, BUGS, EXERCISES, FILL, RUN
from plumbing.console import cells, padded
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


def blank(source, name, words):
    """`source` with the body of one function replaced by an error that says these words."""
    before, body, after = split_at_body(source, name)
    margin = body[: len(body) - len(body.lstrip())]
    error = f'raise NotImplementedError("{words}")'
    return f"{before}{margin}{error}\n{after}"


def plant(source, bug):
    """`source` with the bug in the body of its function. Raises KeyError where it does not fit."""
    before, body, after = split_at_body(source, bug.function)
    if body.count(bug.old) != 1:
        raise KeyError(bug.old)
    return before + body.replace(bug.old, bug.new) + after


def changed(number, t):
    """The project's own text of an exercise's file, and the text that the exercise begins with."""
    e = EXERCISES[number]
    source = (ROOT / e.file).read_text(encoding="utf-8")
    try:
        if e.kind == FILL:
            return source, blank(source, e.function, t("blank", number=number))
        return source, plant(source, BUGS[number])
    except (KeyError, SyntaxError):
        command = BEGIN[e.kind]
        raise BadInput(t("source_changed", file=e.file, number=number, command=command)) from None


# --- files -------------------------------------------------------------------------------------


def folder(out, number):
    return out / "work" / f"{number:02}"


def begun(out):
    return [number for number in EXERCISES if folder(out, number).exists()]


def make_copy(out, number, t):
    """A working copy with the exercise in it, whole or not at all."""
    _, text = changed(number, t)
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


def read_progress(out, t):
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
        raise BadInput(t("damaged", path=path.as_posix())) from None


def record(out, number, passed, t):
    """Add a try to progress.json."""
    progress = read_progress(out, t)
    entry = progress.setdefault(number, {"tries": 0, "passed": False})
    entry["tries"] += 1
    entry["passed"] |= passed
    write_text(out / "progress.json", json.dumps(dict(sorted(progress.items())), indent=1))


# --- commands ----------------------------------------------------------------------------------


def way(command, number, t):
    """What to type."""
    return t("command", command=command, number=number)


def show(out, t):
    """List every exercise with its kind, its minutes and what has become of it."""
    progress, week = read_progress(out, t), ""
    kinds = max(cells(t(e.kind)) for e in EXERCISES.values())
    titles = max(cells(t.title(number)) for number in EXERCISES)
    for number, e in EXERCISES.items():
        if t.week(number) != week:
            week = t.week(number)
            print(f"\n{week}")
        state = t("begun") if folder(out, number).exists() else ""
        if number in progress:
            tries = progress[number]["tries"]
            state = t("done") if progress[number]["passed"] else t("tried", tries=tries)
        named = f"{padded(t(e.kind), kinds)}  {padded(t.title(number), titles)}"
        print(f"  {number:>2}  {named}  {t('minutes', minutes=e.minutes):>6}  {state}".rstrip())
    done = [n for n, entry in progress.items() if entry["passed"] and n in EXERCISES]
    print(f"\n{t('total', done=len(done), all=len(EXERCISES))}")


def begin(out, number, t):
    """Make the working copy and say where to look, not what is wrong."""
    e, copy = EXERCISES[number], folder(out, number)
    if copy.exists():
        again = way("reset", number, t)
        raise BadInput(t("begun_already", number=number, path=copy.as_posix(), way=again))
    make_copy(out, number, t)
    title, kind = t.title(number), t(e.kind)
    print(t("begin", number=number, title=title, kind=kind, minutes=e.minutes))
    told = {FILL: "write", BUG: "look"}[e.kind]
    print(t(told, function=e.function, file=(copy / e.file).as_posix()))
    print(t("graders", tests=", ".join(e.tests), way=way("check", number, t)))


def hint(out, number, t):
    print(t("hint", number=number, hint=t.file.HINTS[number]))


def solution(out, number, t):
    """The lines that lead from the exercise's text back to the project's own."""
    own, text = changed(number, t)
    file = EXERCISES[number].file
    sides = text.splitlines(keepends=True), own.splitlines(keepends=True)
    begun_with = f"{t('exercise', number=number)}/{file}"
    print("".join(difflib.unified_diff(*sides, begun_with, file)), end="")


def run_tests(copy, number, t):
    """(passed, what pytest printed) of an exercise's graders in its working copy. Raises
    TimeoutExpired after LIMIT seconds."""
    options = "-q -x --tb=short -p no:cacheprovider -p exercises.words -o addopts=".split()
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
            "EXERCISE_PRESET": t.preset,
        },
    )
    return done.returncode == 0, done.stdout


def grade(out, number, t):
    """Run one exercise's tests; says how it went, and of a failure in words what was wrong."""
    if any(importlib.util.find_spec(name) is None for name in ("pytest", "hypothesis")):
        raise BadInput(t("needs"))
    clock = time.perf_counter()
    words = folder(out, number) / "words.txt"  # of exercises/words.py
    words.unlink(missing_ok=True)
    try:
        passed, output = run_tests(folder(out, number), number, t)
    except subprocess.TimeoutExpired:
        passed, output = False, t("no_end", limit=LIMIT)
        write_text(words, f"  {output}\n")
    report = folder(out, number) / "check.txt"
    write_text(report, output)
    record(out, number, passed, t)
    seconds = f"{time.perf_counter() - clock:.0f}"
    if passed:
        print(t("passed", number=number, seconds=seconds, next=suggest(out, number, t)))
        return True
    print(t("failed", number=number, seconds=seconds, path=report.as_posix()))
    if words.exists():
        print(words.read_text(encoding="utf-8"), end="")
    elif output.strip():
        print(f"  {t('last_line', line=output.strip().splitlines()[-1][:100])}")
    else:
        print(f"  {t('no_word')}")
    return False


def suggest(out, number, t):
    """The next exercise that is not done, of those that follow `number` first."""
    done = {n for n, entry in read_progress(out, t).items() if entry["passed"]}
    left = [n for n in EXERCISES if n not in done]
    if not left:
        return t("last")
    n = next((n for n in left if n > number), left[0])
    kind = EXERCISES[n].kind
    how = t("text") if kind == RUN else way(BEGIN[kind], n, t)
    return t("next", number=n, title=t.title(n), kind=t(kind), way=how)


def check(out, number, t):
    """Grade one exercise, or all that are begun; 1 if one of them fails."""
    if number and number not in begun(out):
        first = way(BEGIN[EXERCISES[number].kind], number, t)
        raise BadInput(t("not_begun", number=number, way=first))
    if not begun(out):
        raise BadInput(t("none_begun"))
    passed = [grade(out, n, t) for n in ([number] if number else begun(out))]
    return int(not all(passed))


def reset(out, number, t):
    """Put working copies aside, so that the next start is a fresh one."""
    if number and number not in begun(out):
        print(t("nothing_aside", number=number))
        return
    for n in [number] if number else begun(out):
        times = 1
        while (kept := out / "kept" / f"{n:02}-{times}").exists():
            times += 1
        kept.parent.mkdir(parents=True, exist_ok=True)
        folder(out, n).rename(kept)
        print(t("aside", number=n, path=kept.as_posix()))


def mark(out, number, t):
    """A run has no grader: whoever has compared the folded answer says so."""
    record(out, number, True, t)
    print(t("marked", number=number, next=suggest(out, number, t)))


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


def language(argv):
    """The language that was asked for. Raises BadInput for one that there is not."""
    asked = [word.removeprefix("--preset=") for word in argv if word.startswith("--preset=")]
    preset = asked[-1] if asked else "default"
    if preset not in PRESETS:
        raise BadInput(f"--preset={preset}: no such preset; there are {', '.join(PRESETS)}")
    return Language(preset)


def parse(argv, t):
    """(folder of the working copies, command or "", number or None) of the words typed."""
    out, words = Path("out/exercises"), []
    for word in argv:
        if word.startswith("--out="):
            out = Path(word.removeprefix("--out="))
        elif word.startswith("-") and not word.startswith("--preset="):
            raise BadInput(t("options", word=word))
        elif not word.startswith("-"):
            words.append(word)
    if not words:
        return out, "", None
    command, *rest = words
    if command not in COMMANDS:
        raise BadInput(t("commands", word=command, commands=", ".join(COMMANDS)))
    _, kinds, needed = COMMANDS[command]
    if len(rest) > 1 or needed and not rest:
        example = next(n for n, e in EXERCISES.items() if e.kind in kinds)
        raise BadInput(t("one_number", command=command, way=way(command, example, t)))
    if not rest:
        return out, command, None
    number = int(rest[0]) if rest[0].isdecimal() else 0
    if number not in EXERCISES:
        raise BadInput(t("numbers", word=rest[0], last=len(EXERCISES)))
    kind = EXERCISES[number].kind
    if kind not in kinds:
        key = "other_kind_run" if kind == RUN else "other_kind"
        right = way(BEGIN.get(kind, "done"), number, t)
        raise BadInput(t(key, number=number, kind=t(kind), way=right))
    return out, command, number


def main(argv):
    t = language(argv)
    if "--help" in argv or "-h" in argv:
        print(t.file.HELP.strip())
        return
    out, command, number = parse(argv, t)
    if not command:
        return show(out, t)
    function = COMMANDS[command][0]
    return function(out, number, t)
