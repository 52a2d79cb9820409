"""A failing grader in words: what was checked, the input, what was expected and what came.

A grader is a test of the project: assertions, for whoever reads tests. As a plugin of pytest this
file keeps the two sides of the assertion that fails and, of a function to fill in, the arguments it
was last called with. `check` reads them in words.txt of the working copy, and prints them.
"""

import functools
import importlib
import inspect
import operator
import os
import reprlib
from pathlib import Path

import numpy as np
import torch

from exercises.language import Language
from exercises.table import EXERCISES, FILL
from plumbing.console import cells, padded

FILE = "words.txt"
MOST = 24  # numbers of a tensor that are shown; of a larger one, the first row that is wrong
ARRAYS = (torch.Tensor, np.ndarray)
PLAIN = (bool, int, float, str, list, tuple, dict, *ARRAYS)
SIGNS = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le}
SIGNS |= {">": operator.gt, ">=": operator.ge}

t = Language(os.environ.get("EXERCISE_PRESET", "default"))  # in which `check` was typed
seen = {}  # "sides": (sign, got, expected) of what failed; "call": a function and its input
brief = reprlib.Repr()
brief.maxstring = brief.maxother = 100


# --- values as text ----------------------------------------------------------------------------


def show(value):
    """A value in one line."""
    value = as_array(value)
    if isinstance(value, np.ndarray) and value.ndim:
        options = dict(
            precision=4, threshold=MOST, edgeitems=2, separator=", ", floatmode="maxprec"
        )
        text = " ".join(np.array2string(value, suppress_small=True, **options).split())
        return text if value.ndim == 1 else t("shaped", text=text[:200], shape=value.shape)
    if isinstance(value, (float, np.ndarray, np.generic)):
        number = np.asarray(value).item()
        return f"{number + 0:.6g}" if isinstance(number, float) else str(number)
    if isinstance(value, (list, tuple)):
        more = ", ..." if len(value) > MOST else ""
        return f"[{', '.join(map(show, value[:MOST]))}{more}]"
    if isinstance(value, (*PLAIN, type(None))) or type(value).__name__.startswith("Approx"):
        return brief.repr(value)
    return t("object", type=type(value).__name__)


def as_array(value):
    """A tensor as a numpy array, any other value as it is."""
    if not isinstance(value, torch.Tensor):
        return value
    value = value.detach().cpu()
    return value.float().numpy() if value.dtype == torch.bfloat16 else value.numpy()


def first_difference(got, expected):
    """Where two arrays of one shape differ first, as an index; else None."""
    got, expected = as_array(got), as_array(expected)
    both = isinstance(got, np.ndarray) and isinstance(expected, np.ndarray)
    if not both or got.shape != expected.shape:
        return None
    wrong = np.argwhere(~np.isclose(got, expected, rtol=1e-5, atol=1e-7, equal_nan=True))
    return tuple(map(int, wrong[0])) if len(wrong) else None


# --- what a grader does ------------------------------------------------------------------------


def watch(function):
    """`function` that keeps what it was last called with."""

    @functools.wraps(function)
    def watched(*args, **options):
        seen["call"] = function, args, options
        return function(*args, **options)

    return watched


def keep(compare):
    """`compare(got, expected)` that keeps its two sides where it raises or says no."""

    @functools.wraps(compare)
    def kept(got, expected, *args, **options):
        seen["sides"] = "==", got, expected
        said = compare(got, expected, *args, **options)
        if said is not False:
            seen.pop("sides", None)
        return said

    return kept


def pytest_configure():
    torch.equal = keep(torch.equal)
    torch.testing.assert_close = keep(torch.testing.assert_close)
    np.testing.assert_allclose = keep(np.testing.assert_allclose)
    exercise = EXERCISES[int(os.environ["EXERCISE"])]
    try:
        owner = importlib.import_module(exercise.file.removesuffix(".py").replace("/", "."))
    except Exception as error:  # whatever was typed; the tests will not get further either
        checked = t("can_be_read", file=exercise.file)
        write(checked, t("its_text"), t("no_error"), told(error))
        return
    if exercise.kind == FILL:
        *path, name = exercise.function.split(".")
        for part in path:
            owner = getattr(owner, part)
        setattr(owner, name, watch(getattr(owner, name)))


def pytest_runtest_setup():
    seen.clear()


def pytest_assertrepr_compare(op, left, right):
    """Of the comparisons in a failing assertion, the last that does not hold."""
    try:
        holds = op in SIGNS and bool(SIGNS[op](left, right))
    except Exception:  # of a tensor with several truths, say
        holds = False
    if not holds:
        seen["sides"] = op, left, right


def pytest_runtest_makereport(item, call):
    if call.excinfo is None or call.excinfo.typename == "Skipped":
        return
    own = [frame for frame in call.excinfo.traceback if "tests" in Path(frame.path).parts]
    frame = (own or call.excinfo.traceback)[-1]
    statement = " ".join(str(frame.statement).split()).removeprefix("assert ")
    name = item.originalname
    check = t.file.CHECKS[name] + item.name.removeprefix(name)  # of which numbers, behind it
    expected, got, place = t("no_error"), told(call.excinfo.value), None
    if call.excinfo.typename == "AssertionError":
        expected, got = t("holds"), t("holds_not")
        if "sides" in seen:
            expected, got, place = sides(*seen["sides"])
    write(f"{statement}\n({check})", given(frame.frame.f_locals, place), expected, got)


def sides(sign, got, expected):
    """(expected, got, where they differ first) as text; of large arrays the first difference."""
    place = first_difference(got, expected)
    if place is not None and np.size(as_array(got)) > MOST:
        where = {"place": list(place), "shape": tuple(got.shape)}
        both = [t("place", value=show(value[place]), **where) for value in (expected, got)]
        return *both, place
    sign = "" if sign == "==" else f"{sign} "
    return sign + show(expected), show(got), place


def given(variables, place):
    """The input: what the function to fill in was last called with, else what the test holds. Of a
    large array the row that is wrong."""
    if "call" in seen:
        function, args, options = seen["call"]
        try:
            variables = inspect.signature(function).bind(*args, **options).arguments
        except TypeError:
            variables = options
    lines = []
    for name, value in variables.items():
        large = isinstance(value, ARRAYS) and np.size(as_array(value)) > MOST
        if large and place and place[0] < len(value):
            lines.append(f"{name}[{place[0]}] = {show(value[place[0]])}")
        elif isinstance(value, PLAIN) and name[0] != "@":  # pytest's own begin with @
            lines.append(f"{name} = {show(value)}")
    return "\n".join(lines) or t("test_input")


def told(error):
    """An error in one line, with the line of the working copy that it was raised in."""
    text = (str(error).splitlines() or [""])[0]
    if isinstance(error, SyntaxError):
        return t("line", error=f"{type(error).__name__}: {error.msg}", line=error.lineno)
    said = raised = f"{type(error).__name__}: {text:.150}"
    trace = error.__traceback__
    while trace:
        file = Path(trace.tb_frame.f_code.co_filename)
        inside = file.is_relative_to(Path.cwd()) and "tests" not in file.parts
        if inside:
            said = t("file_line", error=raised, file=file.name, line=trace.tb_lineno)
        trace = trace.tb_next
    return said


def write(checked, given, expected, got):
    """The report of a run: its first failure."""
    if Path(FILE).exists():
        return
    rows = {"checked": checked, "input": given, "expected": expected, "got": got}
    width = max(cells(t(name)) for name in rows)
    lines = []
    for name, text in rows.items():
        for i, line in enumerate(text.splitlines()):
            lines.append(f"  {padded('' if i else t(name), width)}  {line:.240}")
    Path(FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")
