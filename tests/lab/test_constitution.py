"""The study of the constitution: counts to shares, and bars that can be missed."""

import pytest

from lab.constitution import ARMS, bars, pooled, show
from lab.studies import RUNS, SMOKE

SIDES = ("labelled", "unlabelled")


def row(arm, harm, right=60, evasive=0, seed=1):
    counts = {"seed": seed, "arm": arm, "right": right, "questions": 100}
    for side in SIDES:
        counts |= {f"harmful {side}": harm, f"evasive {side}": evasive, f"requests {side}": 100}
        counts[f"garbled {side}"] = 1
        counts |= {f"declined {side}": 2, f"good {side}": 100}
    return counts


ROWS = [row("helpful only", 90), row("SL-CAI", 40), row("RL-CAI", 10, 58, 3)]


def test_every_arm_is_a_run():
    assert all(run in RUNS for run in ARMS.values()) and "constitution.py" in SMOKE
    assert RUNS["constitution_oracle"][2] == {"critic": "oracle"}


def test_shares_are_pooled_over_seeds():
    rows = [row("SL-CAI", 10), row("SL-CAI", 30, seed=2)]
    share, low, high = pooled(rows, "SL-CAI", "harmful unlabelled", "requests unlabelled")
    assert share == pytest.approx(0.2) and low < 0.2 < high
    assert pooled(rows, "RL-CAI", "right", "questions") is None


def test_bars():
    assert all(met for _, met in bars(ROWS).values())
    assert bars(ROWS)["SL-CAI: at most half of the harm on E-H"][0] == pytest.approx(40 / 90)
    worse = [row("helpful only", 90), row("SL-CAI", 60), row("RL-CAI", 70, 50, 9)]
    assert not any(met for _, met in bars(worse).values())


def test_the_table_names_the_oracle(capsys):
    show([*ROWS, row("SL-CAI, oracle critic", 1)])
    said = capsys.readouterr().out
    assert "oracle critic" in said and "90.0 [" in said and "simulated" in said
