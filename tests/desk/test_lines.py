"""A file of JSON Lines that many write to: no line lost, none half, whatever is killed when."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk import lines as lines_module
from desk.lines import Lines

ROOT = Path(lines_module.__file__).resolve().parent.parent
WRITER = """
import sys
from desk.lines import Lines
lines = Lines(sys.argv[1])
for n in range(int(sys.argv[3])):
    with lines.locked():
        lines.append({"who": sys.argv[2], "n": n, "text": "값" * 400})
    print(n, flush=True)
"""


def put(lines, *records):
    for record in records:
        with lines.locked():
            lines.append(record)


def start(path, who, n):
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, path, who, str(n)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_processes_and_threads_lose_no_line(tmp_path):
    path = tmp_path / "a.jsonl"
    others = [start(path, f"p{i}", 60) for i in range(2)]
    shared = Lines(path)
    threads = [
        threading.Thread(
            target=lambda t=t: put(shared, *({"who": f"t{t}", "n": n} for n in range(60)))
        )
        for t in range(3)
    ]
    for thread in threads:
        thread.start()
    for worker in [*threads]:
        worker.join()
    assert [other.wait() for other in others] == [0, 0]
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(records) == 5 * 60
    for who in {r["who"] for r in records}:
        assert [r["n"] for r in records if r["who"] == who] == [*range(60)]


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX's")
def test_what_was_said_to_be_written_outlives_a_kill_and_frees_the_lock(tmp_path):
    path = tmp_path / "a.jsonl"
    writer = start(path, "p", 10_000)
    told = [int(writer.stdout.readline()) for _ in range(30)]
    writer.send_signal(signal.SIGKILL)
    told += [int(line) for line in writer.stdout.read().split("\n")[:-1]]
    writer.wait()
    lines = Lines(path)
    put(lines, {"who": "next"})
    found = [r["n"] for r in lines.read() if r["who"] == "p"]
    assert found == [*range(len(found))] and len(told) <= len(found) <= len(told) + 1
    for line in path.read_text(encoding="utf-8").splitlines():
        json.loads(line)


@pytest.mark.parametrize(
    "tail, kept", [(b'{"n": 1, "te', []), (b'{"n": 1}', [{"n": 1}]), (b"\xed\x95", [])]
)
def test_a_line_cut_short_by_a_crash_is_mended(tmp_path, tail, kept):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"n": 0}\n' + tail)
    lines = Lines(path)
    assert lines.read() == [{"n": 0}, *kept]
    put(lines, {"n": 2})
    assert lines.read() == [{"n": 0}, *kept, {"n": 2}]
    assert path.read_bytes().endswith(b'\n{"n": 2}\n') and b'"te' not in path.read_bytes()


def test_a_line_of_brackets_without_end_is_left_alone(tmp_path):
    path = tmp_path / "a.jsonl"
    deep = b"[" * 100_000 + b"]" * 100_000
    path.write_bytes(b'{"n": 0}\n' + deep + b"\n" + deep)
    lines = Lines(path)
    assert lines.read() == [{"n": 0}]
    put(lines, {"n": 1})
    assert lines.read() == [{"n": 0}, {"n": 1}] and deep in path.read_bytes()


def test_a_full_disk_leaves_whole_lines(tmp_path, monkeypatch):
    lines = Lines(tmp_path / "a.jsonl")
    put(lines, {"n": 0})
    before = lines.path.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lines_module.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        put(lines, {"n": 1})
    assert lines.path.read_bytes() == before


def test_removing_keeps_the_bytes_of_all_others(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"n":0}\nnot json\n{ "n" : 1 }\n{"n": 2}\n')
    lines = Lines(path)
    with lines.locked():
        lines.remove(lines.read()[1])
    assert path.read_bytes() == b'{"n":0}\nnot json\n{"n": 2}\n'
    assert lines.read() == [{"n": 0}, {"n": 2}]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.jsonl", "a.jsonl.lock"]


def test_a_kill_while_removing_leaves_the_old_file(tmp_path, monkeypatch):
    lines = Lines(tmp_path / "a.jsonl")
    put(lines, {"n": 0}, {"n": 1})
    before = lines.path.read_bytes()
    monkeypatch.setattr(lines_module.os, "replace", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError), lines.locked():
        lines.remove(lines.read()[0])
    assert lines.path.read_bytes() == before


def test_what_another_process_wrote_is_seen(tmp_path):
    one, other = Lines(tmp_path / "a.jsonl"), Lines(tmp_path / "a.jsonl")
    assert one.read() == []
    put(other, {"n": 0})
    assert one.read() == [{"n": 0}]
    put(one, {"n": 1})
    assert other.read() == one.read() == [{"n": 0}, {"n": 1}]


def test_the_lock_keeps_others_out_and_lets_its_holder_in(tmp_path):
    one, other = Lines(tmp_path / "a.jsonl"), Lines(tmp_path / "a.jsonl")
    with one.locked():
        waiting = threading.Thread(target=put, args=(other, {"n": 1}))
        waiting.start()
        time.sleep(0.1)
        put(one, {"n": 0})  # again, in the same thread
        assert waiting.is_alive()
    waiting.join(timeout=10)
    assert one.read() == [{"n": 0}, {"n": 1}]


@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=4))
def test_any_text_is_one_line(tmp_path_factory, texts):
    lines = Lines(tmp_path_factory.mktemp("lines") / "a.jsonl")
    put(lines, *({"text": text} for text in texts))
    assert [r["text"] for r in Lines(lines.path).read()] == texts
