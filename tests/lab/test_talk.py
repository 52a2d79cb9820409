"""The study of conversation: each model is measured once, and the tables say mean and worst."""

from dataclasses import replace

import pytest

from lab import tables_talk, talk
from lab.studies import read
from plumbing.errors import BadInput


@pytest.fixture
def measured(monkeypatch, tmp_path):
    """The study with networks that are only names; which of them were asked for."""
    asked = []

    def make(cfg, seed, arm):
        asked.append((cfg.out.rpartition("/")[2], seed, arm))
        return f"{seed} {arm}"

    class Loaded:
        model = tokenizer = None

    shares = iter([0.5, 0.75, 1.0] * 99)
    monkeypatch.setattr(talk, "make", make)
    monkeypatch.setattr(talk, "open_checkpoint", lambda path, machine: Loaded)
    monkeypatch.setattr(talk, "by_skill", lambda *network, seed, data: {"pronoun": next(shares)})
    monkeypatch.setattr(
        talk, "asked_alone", lambda *network, data: {"test": 0.9, "paraphrase": 0.8}
    )
    monkeypatch.setattr(talk, "long_talk", lambda loaded, machine, data: [1.0] * 12)
    lines = [(line, "Hello!") for line in talk.SAMPLE]
    monkeypatch.setattr(talk, "one_talk", lambda loaded, machine, asked: lines)
    cfg = talk.Config(out=str(tmp_path / "studies"), seeds=2, n=4, dtype="float32", device="cpu")
    return cfg, asked


def test_each_model_is_measured_once_in_each_format(measured, capsys):
    cfg, asked = measured
    rows = talk.main(cfg)
    runs = [("studies", seed, arm) for seed in (1, 2) for arm in talk.ARMS]
    other = [("bfloat16", seed, arm) for seed in (1, 2) for arm in talk.ARMS]
    assert asked == other + runs  # float32 is what the other studies use here
    assert len(rows) == 16 * 15 + 2 * len(talk.SAMPLE)
    assert "pronoun" in capsys.readouterr().out
    assert talk.main(cfg) == rows and len(asked) == 16


def test_a_number_format_that_is_none_is_refused_before_the_first_one_runs(measured):
    cfg, asked = measured
    with pytest.raises(BadInput, match="--dtype=bf16"):
        talk.main(replace(cfg, formats="float32,bf16"))
    assert not asked


def test_the_tables_state_the_mean_and_the_worst(measured):
    cfg, _ = measured
    talk.main(cfg)
    rows = [{**row, "machine": "here"} for row in read(talk.Path(cfg.out) / "talk.jsonl")]
    records = {"talk": rows}
    table = tables_talk.conversation(records, "en")
    right = [row["right"] for row in rows if (row["arm"], row["about"]) == ("sft", "pronoun")]
    mean = 100 * sum(right) / len(right)
    assert f"{mean:.0f} % ({100 * min(right):.0f})" in table and "SFT); 4 runs" in table
    assert tables_talk.turns(records, "en").count("| 100 ") == 36
    said = tables_talk.talk(records, "en").splitlines()
    assert said[0] == "```text" and len(said) == len(talk.SAMPLE) + 2
    assert said[1].split() == ["Hello!", "Hello!"]


def test_records_without_a_talk_say_nothing():
    assert tables_talk.talk({"talk": []}, "en") == "```text\n\n```"
