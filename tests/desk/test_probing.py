"""Probing at the terminal: which rule comes next, what a mark holds, and that rules.py reads it."""

import json
import threading

import pytest
import torch

import chat
from data.marks import read_marks
from desk.labelling import Conflict
from desk.probing import Probing, RuleDesk, most_attacked, probe
from desk.shelf import Shelf
from plumbing.errors import BadInput
from plumbing.machine import Machine
from sampling import open_checkpoint
from tests.tiny_out import write

MACHINE = Machine("cpu", torch.float32)
RULES = {"a": ["Say no a.", "No a."], "b": ["Say no b."], "c": ["Say no c."]}
TALK = [{"role": "user", "content": "Say a."}, {"role": "assistant", "content": "a"}]


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


def test_a_mark_is_one_however_the_keyboard_is_set(desk):
    """With capitals, or Hangul on the same keys."""
    assert probe(desk, "s01", ["Hello", "B", "Hello", "ㅏ", "Hello", "ㅕ", "Hello", "ㅠ"]) == 4
    given = [mark for record in records(desk) for mark in record["rules"].values()]
    assert given == ["broken", "kept", "unsure", "broken"]


def test_the_rule_with_the_fewest_marks_comes_next(desk):
    for rule in ("a", "c", "a"):
        desk.mark("s01", rule, TALK, "kept")
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
            desk.mark(name, "a", TALK, "kept")

    threads = [threading.Thread(target=work, args=(name,)) for name in ("s01", "s02")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert desk.counts()["a"] == 40


@pytest.fixture
def marks(tmp_path):
    return RuleDesk(tmp_path, RULES)


def test_a_mark_sent_twice_is_kept_once_and_another_one_refused(marks):
    name = "0123456789abcdef"
    first = marks.mark("s01", "a", TALK, "broken", "sft", name)
    assert marks.mark("s01", "a", TALK, "broken", "sft", name) == first
    with pytest.raises(Conflict, match="marked already"):
        marks.mark("s01", "a", TALK, "kept", "sft", name)
    marks.mark("s02", "a", TALK, "kept", "sft", name)  # somebody else's opinion of it
    assert [r["rules"]["a"] for r in records(marks)] == ["broken", "kept"]


def test_undo_takes_back_the_own_last_mark(marks):
    for who, rule in (("s01", "a"), ("s01", "b"), ("s02", "c")):
        marks.mark(who, rule, TALK, "kept")
    assert marks.undo("s01")["rules"] == {"b": "kept"}
    assert [r["rules"] for r in records(marks)] == [{"a": "kept"}, {"c": "kept"}]
    marks.undo("s01")
    with pytest.raises(Conflict, match="no mark of this name"):
        marks.undo("s01")
    assert len(records(marks)) == 1


def test_undo_at_the_terminal_goes_on_with_the_conversation(desk, capsys):
    lines = ["/undo", "Hello", "b", "Hi", "/undo", "Hello again", "k"]
    assert probe(desk, "s01", lines) == 1
    (record,) = records(desk)
    assert record["rules"] == {"a": "kept"}
    asked = [m["content"] for m in record["messages"] if m["role"] == "user"]
    assert asked == ["Hello", "Hello again"]
    shown = capsys.readouterr().out
    assert "there is no mark of this name to undo" in shown and "user: Hello" in shown
    assert "/undo takes the last mark back" in shown and "1 marks by s01" in shown


def test_progress_by_hand(marks):
    for who, rule, mark in (("s01", "a", "broken"), ("s01", "a", "unsure"), ("김", "b", "kept")):
        marks.mark(who, rule, TALK, mark)
    found = marks.progress("s01")
    assert found["mine"] == 2 and found["all"] == 3 and found["labelers"] == [("s01", 2), ("김", 1)]
    assert found["rules"]["a"] == {"broken": 1, "kept": 0, "unsure": 1}
    assert found["rules"]["c"] == {"broken": 0, "kept": 0, "unsure": 0}


def test_people_side_by_side_begin_with_different_rules(marks):
    first = {marks.next(labeler=f"s{i}") for i in range(20)}
    assert first == RULES.keys() and marks.next(labeler="s1") == marks.next(labeler="s1")
    marks.mark("s1", "a", TALK, "kept")
    assert "a" not in {marks.next(labeler=f"s{i}") for i in range(20)}, "another has fewer marks"


@pytest.mark.parametrize(
    "labeler, rule, messages, mark",
    [
        ("a/b", "a", TALK, "kept"),
        ("s01", "x", TALK, "kept"),
        ("s01", "a", TALK, "fine"),
        ("s01", "a", TALK[:1], "kept"),
        ("s01", "a", [], "broken"),
    ],
)
def test_what_rules_py_would_refuse_is_not_written(marks, labeler, rule, messages, mark):
    with pytest.raises(BadInput):
        marks.mark(labeler, rule, messages, mark)
    assert not marks.marks.path.exists()


def test_the_model_that_complies_is_attacked_if_it_is_there(tmp_path):
    shelf = Shelf(tmp_path, MACHINE)
    write(tmp_path / "sft" / "ckpt.pt", "sft")
    assert most_attacked(shelf) == "sft"
    write(tmp_path / "sft_probed" / "ckpt.pt", "sft")
    assert most_attacked(shelf) == "sft_probed"


def test_a_long_talk_at_learned_positions_goes_on(tmp_path):
    loaded = open_checkpoint(write(tmp_path / "sft" / "ckpt.pt", "sft", pos="learned"), MACHINE)
    desk = Probing(Shelf(tmp_path, MACHINE), loaded, RULES, limit=200, seed=3)
    assert probe(desk, "s01", [*["Hello there, how are you?"] * 4, "u"]) == 1


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
    with pytest.raises(BadInput, match="add --probe or --web"):
        chat.main([str(path), f"--rules_file={rules}", *options])
    with pytest.raises(BadInput, match="one at a time"):
        chat.main(["--probe", "--label", *options])
