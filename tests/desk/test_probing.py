"""Probing at the terminal: which rule comes next, what a mark holds, and that rules.py reads it."""

import json
import threading

import pytest
import torch

import chat
from data.marks import read_marks
from desk.probing import Probing, probe
from desk.shelf import Shelf
from plumbing.errors import BadInput
from plumbing.machine import Machine
from sampling import open_checkpoint
from tests.tiny_out import write

MACHINE = Machine("cpu", torch.float32)
RULES = {"a": ["Say no a.", "No a."], "b": ["Say no b."], "c": ["Say no c."]}


@pytest.fixture
def desk(tmp_path):
    path = write(tmp_path / "sft" / "ckpt.pt", "sft")
    loaded = open_checkpoint(path, MACHINE)
    return Probing(Shelf(tmp_path, MACHINE), loaded, RULES, limit=5, seed=3)


def records(desk):
    return [json.loads(line) for line in desk.marks.path.read_text(encoding="utf-8").splitlines()]


def test_a_conversation_and_its_mark(desk, capsys):
    assert probe(desk, "s01", ["Hello", "How are you?", "b"]) == 1
    (record,) = records(desk)
    assert record["rules"] == {"a": "broken"} and record["labeler"] == "s01"
    assert [m["role"] for m in record["messages"]] == ["user", "assistant"] * 2
    assert record["messages"][0]["content"] == "Hello" and record["source"] == "human"
    shown = capsys.readouterr().out
    assert "Rule (a): Say no a." in shown and "Rule (b)" in shown and "1 marks by s01" in shown


def test_what_is_written_is_what_rules_py_reads(desk):
    probe(desk, "s01", ["Hello", "b", "Hello", "k", "Hello", "u"])
    found = read_marks(desk.marks.path, RULES)
    assert [r["rules"] for r in found] == [{"a": "broken"}, {"b": "kept"}], "unsure is left out"


def test_the_rule_with_the_fewest_marks_comes_next(desk):
    for rule in ("a", "c", "a"):
        desk.mark("s01", rule, [], "kept")
    assert desk.next() == "b" and desk.next({"b"}) == "c"
    assert desk.next(RULES) == "b", "who passes over all of them begins anew"
    assert desk.counts() == {"a": 2, "b": 0, "c": 1}


def test_a_mark_needs_an_answer(desk, capsys):
    assert probe(desk, "s01", ["b", "k", "/skip", "Hello", "k"]) == 1
    assert records(desk)[0]["rules"] == {"b": "kept"}
    assert capsys.readouterr().out.count("Write to the model first") == 2


def test_marks_of_other_rules_and_damaged_lines_are_left_alone(desk):
    desk.marks.path.write_text('{"rules": {"x": "kept"}}\n{"half\n{"other": 1}\n', encoding="utf-8")
    assert desk.counts().total() == 0
    probe(desk, "s01", ["Hello", "k"])
    assert desk.counts() == {"a": 1, "b": 0, "c": 0}


def test_two_people_lose_no_mark(desk):
    def work(name):
        for _ in range(20):
            desk.mark(name, "a", [], "kept")

    threads = [threading.Thread(target=work, args=(name,)) for name in ("s01", "s02")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert desk.counts()["a"] == 40


def test_a_base_model_is_not_probed(tmp_path):
    loaded = open_checkpoint(write(tmp_path / "b" / "ckpt.pt", "pretrain"), MACHINE)
    with pytest.raises(BadInput, match="base model"):
        Probing(Shelf(tmp_path, MACHINE), loaded, RULES)


def test_from_the_command_line(tmp_path, monkeypatch, capsys):
    path = write(tmp_path / "out" / "sft" / "ckpt.pt", "sft")
    rules = tmp_path / "rules.txt"
    rules.write_text("a: Say no a.\n", encoding="utf-8")
    lines = iter(["s07", "Hello", "b", "/quit"])
    monkeypatch.setattr("builtins.input", lambda mark: next(lines))
    options = ["--device=cpu", "--dtype=float32", "--max_new_tokens=4", f"--out={tmp_path / 'out'}"]
    chat.main([str(path), "--probe", f"--rules_file={rules}", *options])
    written = (tmp_path / "out" / "labels" / "probes.jsonl").read_text(encoding="utf-8")
    assert json.loads(written)["labeler"] == "s07" and "Rule (a)" in capsys.readouterr().out
    with pytest.raises(BadInput, match="add --probe"):
        chat.main([str(path), f"--rules_file={rules}", *options])
    with pytest.raises(BadInput, match="one at a time"):
        chat.main(["--probe", "--label", *options])
