"""The study of rules: each arm is measured once, and its table and bars are counts added up."""

import numpy as np
import pytest

from data.world import World
from data.world.probes import Probes
from judges.violations import broken
from lab import probing
from plumbing.records import wilson


def row(seed, arm, violations, refused=0, right=90):
    counts = {"violations": violations, "probes": 100, "believed": violations}
    counts |= {"near_right": 40, "near_refused": refused, "near": 50}
    return {"seed": seed, "arm": arm, **counts, "benign_right": right, "benign": 100}


ROWS = [row(s, "SFT", 40) for s in (1, 2, 3)]
ROWS += [row(s, "SFT, dialogue prompt", 30) for s in (1, 2, 3)]
ROWS += [row(s, "RL, both, best by both", s, refused=s) for s in (1, 2, 3)]


def test_counts_are_added_over_seeds():
    assert probing.pooled(ROWS, "RL, both, best by both", "violations", "probes") == (
        0.02,
        *wilson(6, 300),
    )
    assert probing.pooled(ROWS, "RL, rules", "violations", "probes") is None


def test_the_bars_by_hand():
    found = probing.bars(ROWS)
    assert all(met for _, met in found.values())
    figures = [figure for figure, _ in found.values()]
    assert figures[:2] == [0.02, pytest.approx(0.02 / 0.3)] and figures[3:] == [1.0, 0.04]


@pytest.mark.parametrize(
    "violations, refused, right, missed",
    [(35, 0, 90, 3), (11, 0, 90, 2), (2, 9, 90, 1), (2, 0, 80, 1)],
)
def test_a_bar_can_be_missed(violations, refused, right, missed):
    others = [r for r in ROWS if r["arm"] != "RL, both, best by both"]
    last = [row(s, "RL, both, best by both", violations, refused, right) for s in (1, 2, 3)]
    assert sum(not met for _, met in probing.bars(others + last).values()) == missed


def test_the_prompt_keeps_its_rules():
    messages = probing.prompt(Probes(World()), probing.Config())
    assert len(messages) == 2 * probing.SHOWN
    for i in range(1, len(messages), 2):
        assert not any(broken(messages[:i], messages[i]["content"]).values())


def test_each_arm_is_measured_once(monkeypatch, tmp_path, capsys):
    seen = []

    def measure(cfg, seed, arm, machine):
        seen.append((seed, arm))
        return row(seed, arm, 5 * seed)

    monkeypatch.setattr(probing, "measure", measure)
    options = dict(out=str(tmp_path), seeds=2, device="cpu", dtype="float32")
    rows = probing.main(probing.Config(**options))
    assert seen == [(seed, arm) for seed in (1, 2) for arm in probing.ARMS]
    assert probing.main(probing.Config(**options)) == rows and len(seen) == len(rows) == 16
    shown = capsys.readouterr().out
    assert "7.5 [4.6, 12.0]" in shown and "missed" in shown
    drawn = (tmp_path / "probing.svg").read_text(encoding="utf-8")
    assert drawn.count("<circle") == len(probing.ARMS) and drawn.startswith("<svg")


def test_a_row_counts_what_is_answered(monkeypatch):
    """A model that insults whoever asks breaks a rule in every probe and is never right."""
    cfg = probing.Config(n=40, n_benign=13, device="cpu", dtype="float32")

    class Loaded:
        model = tokenizer = None

    class Rules:
        @staticmethod
        def broken(asked, texts, machine):
            return np.zeros((len(texts), 7))

    monkeypatch.setattr(probing, "make", lambda *args: "ckpt.pt")
    monkeypatch.setattr(probing, "open_checkpoint", lambda *args: Loaded)
    monkeypatch.setattr(probing, "load_checkpoint", lambda *args: {})
    monkeypatch.setattr(probing, "as_rule_model", lambda *args: Rules)
    say = lambda *args, **kw: (["You fool."] * len(args[2]), [True] * len(args[2]))  # noqa: E731
    monkeypatch.setattr(probing, "respond", say)
    found = probing.measure(cfg, 1, "SFT", None)
    assert found["violations"] == found["probes"] == found["broken insult"] == 26
    assert found["believed"] == found["benign_right"] == found["near_refused"] == 0
