"""Simulated people's comparisons: of the same pairs as the AI's, of halves, of rounds."""

import json
from random import Random
from types import SimpleNamespace

import pytest

from data.formats import read_comparisons
from data.world import World
from data.world.harms import Harms
from lab import people
from plumbing.config import parse_config
from plumbing.errors import BadInput
from plumbing.records import write_lines
from tests.tiny_out import fill

GOOD = "I do not do that, because it is bad."
HELP = {"source": "sim", "labeler": "s00", "ranking": [[1], [0]]}


@pytest.fixture
def made(tmp_path):
    """What constitution.py leaves: 60 pairs of which the first does harm, and the AI likes it; and
    a ranking of help."""
    requests = Harms(World()).requests("train", 60, 7)
    records = []
    for request in requests:
        pair = {"messages": request.messages, "responses": [request.said[0], GOOD]}
        records.append({**pair, "p": 0.9, "ranking": [[0], [1]], "source": "ai", "labeler": "ai"})
    asked = [{"role": "user", "content": "Where is the cat?"}]
    records.append({"messages": asked, "responses": ["No.", "In the box."], **HELP})
    path = tmp_path / "constitution" / "comparisons.jsonl"
    write_lines(path, records)
    head = {"config": {"n_requests": 60, "seed": 7}}
    path.with_name("log.jsonl").write_text(json.dumps(head) + "\n", encoding="utf-8")
    return path


def collect(path, **options):
    return people.main(people.Config(out=str(path), device="cpu", dtype="float32", **options))


def test_people_judge_the_same_pairs_with_as_many_labels(made, tmp_path):
    found = collect(tmp_path / "people", data=str(made))
    before = read_comparisons(made)
    for own, other in zip(found, before, strict=True):
        assert (own["messages"], own["responses"]) == (other["messages"], other["responses"])
        assert "p" not in own and own["source"] == "sim"
    assert [record["kind"] for record in found] == ["harmless"] * 60 + ["helpful"]
    assert found[-1]["ranking"] == [[1], [0]]  # help stays as it was
    right = sum(record["ranking"] == [[1], [0]] for record in found[:-1])
    wrong = sum(record["ranking"] == [[0], [1]] for record in found[:-1])
    assert right > 40 and wrong < 8  # each answer is seen wrongly once in ten: 81 %, 1 %
    assert len({record["labeler"] for record in found}) == 8
    assert read_comparisons(tmp_path / "people" / "comparisons.jsonl") == found


def test_who_never_errs_prefers_less_harm_and_ties_equals(monkeypatch):
    monkeypatch.setattr(people, "ERRS", 0)
    (request,) = Harms(World()).requests("train", 1, 7)
    bad = request.said[0]
    for responses, ranking in (([bad, GOOD], [[1], [0]]), ([GOOD, "No."], [[0, 1]])):
        record = {"messages": request.messages, "responses": responses}
        assert people.less_harm(record, request, "s01", Random(0))["ranking"] == ranking
    record["responses"] = [bad, bad]
    assert people.less_harm(record, request, "s01", Random(0))["ranking"] == [[0, 1]]


@pytest.mark.parametrize("head", [b"", b'{"step": 1}\n', b"\xff\xfe\n", b"3\n"])
def test_a_log_that_is_none_of_constitution_py_is_refused(head, made, tmp_path):
    made.with_name("log.jsonl").write_bytes(head)
    with pytest.raises(BadInput, match=r"log\.jsonl, line 1: no "):
        collect(tmp_path / "people", data=str(made))
    assert not (tmp_path / "people").exists()


@pytest.mark.parametrize(
    "options, words",
    [
        (["--data=gone.jsonl"], "gone.jsonl not found"),
        (["--init=gone.pt", "--half=1"], "--half=1 does nothing with --init"),
        (["--data={made}", "--round=1"], "--round=1 does nothing without --init"),
        (["--data={made}", "--out={made.parent}"], "--data lies there, and would be lost"),
        (["--data={made}", "--out={made}/x"], "nothing can be written"),
    ],
)
def test_slips_are_refused_and_nothing_is_lost(options, words, made, tmp_path):
    before = {path: path.read_bytes() for path in made.parent.iterdir()}
    typed = [f"--out={tmp_path}/new", *(option.format(made=made) for option in options)]
    with pytest.raises(BadInput, match=words):
        people.main(parse_config(people.Config, people.PRESETS, typed))
    assert {path: path.read_bytes() for path in made.parent.iterdir()} == before


def test_halves_share_no_question(made, tmp_path):
    halves = [collect(tmp_path / str(half), data=str(made), half=half) for half in (1, 2)]
    asked = [{record["messages"][-1]["content"] for record in half} for half in halves]
    assert not asked[0] & asked[1] and sum(map(len, halves)) == 61
    assert min(map(len, halves)) > 15 and halves[0][0]["source"] == "ai"  # as they were


def test_rounds_ask_other_questions_and_keep_what_was_said(tmp_path):
    fill(tmp_path, ("sft",))
    init = (tmp_path / "sft/ckpt.pt").as_posix()
    options = {"init": init, "n": 9, "k": 2, "rounds": 3}
    first = collect(tmp_path / "1", round=1, **options)
    data = (tmp_path / "1" / "comparisons.jsonl").as_posix()
    second = collect(tmp_path / "2", round=2, data=data, **options)
    assert len(first) == 3 and len(second) == 6
    assert [record["responses"] for record in second[:3]] == [r["responses"] for r in first]
    expected = [question["messages"] for question in World().asked_of("rm", 9, 1)]
    assert [record["messages"] for record in second] == expected[:6]


def test_the_rounds_share_all_questions_that_there_are(monkeypatch):
    """Of 3000 some are left out, in which nothing is said: the last round ends with the last."""
    expected = World().asked_of("rm", 3000, 1)
    assert len(expected) < 3000
    network = SimpleNamespace(model=None, tokenizer=None)
    monkeypatch.setattr(people, "open_checkpoint", lambda *rest: network)
    monkeypatch.setattr(people, "sample_comparisons", lambda m, t, some, *rest, **more: some)
    asked = []
    for number in (1, 2, 3):
        asked += people.ranked(people.Config(init="sft", rounds=3, round=number), None)
    assert asked == expected


@pytest.mark.parametrize(
    "options, words",
    [
        ({}, "--init=CKPT to ask"),
        ({"data": "x.jsonl", "half": 3}, "--half=3"),
        ({"data": "x.jsonl", "round": 2}, "--round=2"),
        ({"data": "x.jsonl", "k": 1}, "--k=1"),
        ({"data": "nowhere/x.jsonl"}, "nowhere/x.jsonl not found"),
    ],
)
def test_what_makes_no_comparisons_is_refused(tmp_path, options, words):
    with pytest.raises(BadInput, match=words):
        collect(tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_request_of_another_run_is_named(made, tmp_path):
    head = {"config": {"n_requests": 2, "seed": 8}}
    made.with_name("log.jsonl").write_text(json.dumps(head) + "\n", encoding="utf-8")
    with pytest.raises(BadInput, match="not a request of constitution.py's log"):
        collect(tmp_path / "out", data=str(made))
