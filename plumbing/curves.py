"""A run's figures in the forms that other tools draw: a table, and TensorBoard's events.

    --log=csv            log.csv: a line a step, a column a figure
    --log=tensorboard    events.out.tfevents.run: tensorboard --logdir=out

Both are made of the lines of log.jsonl that have a step, so a resumed run writes them anew up to
where it goes on. Figures are the numbers; tables and texts stay in log.jsonl alone.
"""

import csv
import io
import struct
import time

from plumbing.files import write_text


def figures(record):
    """The numbers of a line of the log by their names; those inside a table as table/name."""
    found = {}
    for name, value in record.items():
        if isinstance(value, dict):
            found |= {f"{name}/{key}": inner for key, inner in figures(value).items()}
        elif isinstance(value, (int, float)) and name != "step":
            found[name] = float(value)
    return found


class Table:
    """log.csv. A figure that is new makes a column, and the file is written anew."""

    def __init__(self, folder, records):
        self.path = folder / "log.csv"
        self.columns, self.rows = ["step"], []
        for record in records:
            self.take(record)
        self.rewrite()

    def take(self, record):
        """Keep a line; returns it, and whether it has a figure that is new."""
        found = figures(record)
        new = [name for name in found if name not in self.columns]
        if "step" in record and found:
            self.columns += new
            self.rows.append({"step": record["step"], **found})
        return bool(new)

    def text(self, rows):
        lines = io.StringIO()
        csv.DictWriter(lines, self.columns, restval="", lineterminator="\n").writerows(rows)
        return lines.getvalue()

    def rewrite(self):
        write_text(self.path, self.text([dict(zip(self.columns, self.columns)), *self.rows]))

    def add(self, record):
        before = len(self.rows)
        if self.take(record):
            self.rewrite()
        elif len(self.rows) > before:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(self.text(self.rows[-1:]))


# --- TensorBoard -------------------------------------------------------------------------------
# An event is a protocol buffer in a frame: its length, a check sum of that, the event, its check
# sum. The sums are CRC-32C, "masked" (tensorboard/compat/tensorflow_stub/pywrap_tensorflow.py).


def crc32c(data):
    """The cyclic redundancy check of Castagnoli's polynomial, bit by bit."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0x82F63B78 * (value & 1)
    return value ^ 0xFFFFFFFF


def masked(data):
    value = crc32c(data)
    turned = value >> 15 | value << 17 & 0xFFFFFFFF
    return struct.pack("<I", turned + 0xA282EAD8 & 0xFFFFFFFF)


def framed(event):
    length = struct.pack("<Q", len(event))
    return length + masked(length) + event + masked(event)


def varint(number):
    """A whole number in groups of seven bits, the low ones first."""
    groups = []
    while number > 127:
        groups.append(number & 127 | 128)
        number >>= 7
    return bytes([*groups, number])


def part(field, data):
    """Bytes as a field of a protocol buffer."""
    return varint(field << 3 | 2) + varint(len(data)) + data


def event(wall, step, values):
    """Event{wall_time=1, step=2, summary=5{value=1{tag=1, simple_value=2}}}."""
    summary = b""
    for name, value in values.items():
        one = part(1, name.encode()) + varint(2 << 3 | 5) + struct.pack("<f", value)
        summary += part(1, one)
    clock = varint(1 << 3 | 1) + struct.pack("<d", wall)
    return clock + varint(2 << 3) + varint(step) + part(5, summary)


class Events:
    """events.out.tfevents.run: one file, begun anew by each process that writes into it."""

    def __init__(self, folder, records):
        self.path = folder / "events.out.tfevents.run"
        version = varint(1 << 3 | 1) + struct.pack("<d", time.time()) + part(3, b"brain.Event:2")
        self.path.write_bytes(framed(version))
        for record in records:
            self.add(record)

    def add(self, record):
        found = figures(record)
        if "step" in record and found:
            with open(self.path, "ab") as file:
                file.write(framed(event(time.time(), record["step"], found)))


FORMS = {"csv": Table, "tensorboard": Events}
