"""What a run leaves to read: its log, tables of records, and how sure a figure is."""

import dataclasses
import json
import math
import platform
import sys
from pathlib import Path

import numpy as np
import torch

from plumbing.curves import FORMS
from plumbing.errors import BadInput, first_process
from plumbing.files import write_text

# Two-sided 95% points of Student's t for 1, 2, ... degrees of freedom.
STUDENT = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)


told = []  # (line, counts): what of its data a run does not learn from whole; its log begins so
early = set()  # lines that a first look at the data has shown already


def tell(line, **counts):
    """Say on the screen what is left out or cut, and keep the counts for the log."""
    told.append((line, counts))
    if first_process() and line not in early:
        print(line)


def tell_anew():
    """Forget what another run in this process was told."""
    told.clear()
    early.clear()


def tell_later():
    """What was told so far is of a first look at the data, which is read again for what is learned:
    the log tells it then, and the screen has shown it."""
    early.update(line for line, _ in told)
    told.clear()


class Log:
    """`log.jsonl`: configuration, arguments, versions and what of the data was left out or cut
    first, then one object per logged step.

    A resumed run keeps the lines up to the step it resumes from, so that no step is logged twice.
    """

    def __init__(self, path, cfg, machine, resumed_step=None, run=""):
        self.path = Path(path) if path and machine.main else None
        self.also = None  # the same in another form
        if not self.path:
            return
        head = {
            "run": run,
            "config": dataclasses.asdict(cfg),
            "argv": sys.argv,
            "device": machine.device,
            "dtype": str(machine.dtype),
            "processes": machine.processes,
            "threads": torch.get_num_threads(),
            "versions": {"python": platform.python_version(), "torch": torch.__version__},
            "told": [counts for _, counts in told],
        }
        lines = [json.dumps(head, ensure_ascii=False)]
        if resumed_step is not None and self.path.exists():
            old = self.path.read_bytes().decode(errors="replace").split("\n")[:-1]
            lines = [line for line in old if _step_of(line) <= resumed_step] + [
                json.dumps({**head, "resumed": resumed_step})
            ]
        write_text(self.path, "\n".join(lines) + "\n")
        if kind := getattr(cfg, "log", ""):
            self.also = FORMS[kind](self.path.parent, [json.loads(line) for line in lines[1:]])

    def write(self, **record):
        if self.also:
            self.also.add(plain(record))
        if self.path:
            line = json.dumps(plain(record), ensure_ascii=False, allow_nan=False) + "\n"
            with open(self.path, "a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(line)


def plain(value):
    """A value as JSON has it, which knows neither NaN nor infinity: they become null."""
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, (list, tuple)) else value


def run_of(log):
    """The id of the run whose log this is; "" for none, or one of an earlier edition."""
    try:
        with open(log, encoding="utf-8") as file:
            return json.loads(file.readline()).get("run", "")
    except (OSError, ValueError, AttributeError):
        return ""


def check_whole(path, key="comparisons"):
    """Refuse a file of records, a line each, that holds another number of them than the log beside
    it says were written (under `key`)."""
    log = Path(path).with_name("log.jsonl")
    if Path(path).name != f"{key}.jsonl" or not log.exists() or not Path(path).is_file():
        return
    written = None
    for line in log.read_text(encoding="utf-8", errors="replace").split("\n"):
        if f'"{key}"' in line and _step_of(line) < math.inf:
            written = json.loads(line).get(key, written)
    lines = Path(path).read_bytes().split(b"\n")
    found = sum(bool(line.strip()) for line in lines)
    if written not in (None, found):
        raise BadInput(
            f"{path} holds {found} records, and {log} says that {written} were written; make the "
            "file again, or, if it was shortened on purpose, give it another name"
        )


def object_of(line):
    """The JSON object on a line of text or of bytes; None where there is none: half a line, no
    UTF-8, another value, or brackets without end."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _step_of(line):
    """The step of a log line; −1 for the configuration; a half-written line, or one of other hands,
    counts as never."""
    record = object_of(line)
    step = math.inf if record is None else record.get("step", -1)
    return step if isinstance(step, (int, float)) else math.inf


def write_records(path, head, rows):
    """JSON Lines: `head` (what was run), then one object per row; whole or not at all."""
    lines = []
    for record in (head, *rows):  # an interval that does not exist is null
        lines.append(json.dumps(plain(record), ensure_ascii=False, allow_nan=False))
    write_text(path, "\n".join(lines) + "\n")


def read_records(path):
    """(the objects of a JSON Lines file that is written here, was its last line cut short?), ([],
    False) where there is no file. A line that was cut short is left out. Raises BadInput for any
    other line that holds no object, so that nothing behind it is lost."""
    if not Path(path).exists():
        return [], False
    found = []
    lines = Path(path).read_bytes().split(b"\n")
    for number, line in enumerate(lines, 1):
        record = object_of(line) if line.strip() else {}
        if record is None and number == len(lines):
            return found, True
        if record is None:
            raise BadInput(
                f"{path}, line {number}: no JSON object; mend that line, or move the file away"
            )
        found += [record] if record else []
    return found, False


def write_lines(path, records):
    """JSON Lines: a record a line, as data files have them; whole or not at all."""
    lines = [json.dumps(record, ensure_ascii=False) for record in records]
    write_text(path, "\n".join(lines) + "\n")


def print_table(title, columns, rows):
    """Rows of cells under their columns: text to the left, numbers to the right."""
    cells = [
        columns,
        *([f"{c:.3f}" if isinstance(c, float) else str(c) for c in row] for row in rows),
    ]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    print(f"\n{title}")
    for row in cells:
        right = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        print("  " + "  ".join([row[0].ljust(widths[0]), *right]).rstrip())


def wilson(right, n):
    """95% interval of a share, `right` of `n` (Wilson 1927): (low, high). It stays within 0..1."""
    z = 1.96
    centre, spread = right + z * z / 2, z * math.sqrt(right * (n - right) / n + z * z / 4)
    return (centre - spread) / (n + z * z), (centre + spread) / (n + z * z)


def t_interval(values):
    """Mean of a few repeated measurements and half the width of its 95% interval (Student's t)."""
    n = len(values)
    if n < 2:
        return float(np.mean(values)), math.nan
    if n - 2 < len(STUDENT):
        t = STUDENT[n - 2]
    else:  # the normal point and the first two corrections to it (Cornish and Fisher 1938)
        t = 1.95996 + 2.37227 / (n - 1) + 2.82250 / (n - 1) ** 2
    return float(np.mean(values)), t * float(np.std(values, ddof=1)) / math.sqrt(n)


def with_interval(values, digits=3):
    """`t_interval` as text, +0.123 ± 0.045; one measurement has no interval, none has no text."""
    if not values:
        return ""
    mean, half = t_interval(values)
    return f"{mean:+.{digits}f}" + (f" ± {half:.{digits}f}" if half == half else "")
