"""The log as a table and as TensorBoard's events."""

import csv
import json
import struct
from types import SimpleNamespace

import pytest

from plumbing.curves import crc32c, figures, framed, masked
from plumbing.records import Log

MAIN = SimpleNamespace(main=True, device="cpu", dtype="float32", processes=1)


def config(log):
    from dataclasses import make_dataclass

    return make_dataclass("Config", [("log", str, log)])()


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_new_figure_makes_a_column(tmp_path):
    log = Log(tmp_path / "log.jsonl", config("csv"), MAIN)
    log.write(step=1, loss=2.5, grad_norm=1.0)
    log.write(step=2, loss=2.0, grad_norm=float("nan"))
    log.write(told="no step")
    log.write(step=2, val_loss=1.5, held_out={"judge": 0.5, "name": "x"})
    log.write(step=3, loss=1.0)
    found = rows(tmp_path / "log.csv")
    assert [row["step"] for row in found] == ["1", "2", "2", "3"]
    assert list(found[0]) == ["step", "loss", "grad_norm", "val_loss", "held_out/judge"]
    assert found[1]["grad_norm"] == "" and found[2] == {
        "step": "2",
        "loss": "",
        "grad_norm": "",
        "val_loss": "1.5",
        "held_out/judge": "0.5",
    }
    again = Log(tmp_path / "log.jsonl", config("csv"), MAIN, resumed_step=2)
    again.write(step=3, loss=0.5)
    assert [row["loss"] for row in rows(tmp_path / "log.csv")] == ["2.5", "2.0", "", "0.5"]
    assert len((tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()) == 7


def test_without_the_option_there_is_the_log_alone(tmp_path):
    Log(tmp_path / "log.jsonl", config(""), MAIN).write(step=1, loss=2.5)
    assert [path.name for path in tmp_path.iterdir()] == ["log.jsonl"]


def test_figures_are_the_numbers():
    record = {"step": 3, "loss": 1, "text": "x", "none": None, "table": {"a": 2.0}, "list": [1]}
    assert figures(record) == {"loss": 1.0, "table/a": 2.0}


def test_check_sums_of_the_standard():
    """RFC 3720, B.4: 32 zeros, 32 ones, and "123456789" of the usual catalogue."""
    assert crc32c(bytes(32)) == 0x8A9136AA and crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(b"123456789") == 0xE3069283


def fields(data):
    """[(field, value)] of a protocol buffer: numbers as they are, the rest as bytes."""
    found, i = [], 0

    def number():
        nonlocal i
        value = shift = 0
        while True:
            byte = data[i]
            i += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while i < len(data):
        key = number()
        size = {1: 8, 5: 4}.get(key & 7)
        if key & 7 == 0:
            found.append((key >> 3, number()))
            continue
        size = size or number()
        found.append((key >> 3, data[i : i + size]))
        i += size
    return found


def test_events_say_what_was_logged(tmp_path):
    log = Log(tmp_path / "log.jsonl", config("tensorboard"), MAIN)
    log.write(step=300, loss=2.5, val_loss=0.25)
    data = (tmp_path / "events.out.tfevents.run").read_bytes()
    events = []
    while data:
        (size,) = struct.unpack("<Q", data[:8])
        assert data[8:12] == masked(data[:8]) and data[12 + size : 16 + size] == masked(
            data[12 : 12 + size]
        )
        events.append(dict(fields(data[12 : 12 + size])))
        data = data[16 + size :]
    assert events[0][3] == b"brain.Event:2" and events[1][2] == 300
    values = [dict(fields(value)) for _, value in fields(events[1][5])]
    assert [(v[1], struct.unpack("<f", v[2])[0]) for v in values] == [
        (b"loss", 2.5),
        (b"val_loss", 0.25),
    ]
    assert framed(b"") == bytes(8) + masked(bytes(8)) + masked(b"")


def test_tensorboard_reads_them(tmp_path):
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    Log(tmp_path / "log.jsonl", config("tensorboard"), MAIN).write(step=7, loss=2.5)
    events = reader.EventAccumulator(str(tmp_path)).Reload()
    assert [(e.step, e.value) for e in events.Scalars("loss")] == [(7, 2.5)]
    json.dumps(events.Tags()["scalars"])
