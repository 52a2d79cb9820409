"""The study of the constitution: counts to shares, and bars that can be missed."""

import json

import pytest

from lab.constitution import ARMS, Config, bars, pooled, revised, show
from lab.studies import RUNS, SMOKE

SIDES = ("labelled", "unlabelled")


def row(arm, harm, right=60, evasive=0, seed=1):
    counts = {"seed": seed, "arm": arm, "right": right, "questions": 100}
    for side in SIDES:
        counts |= {f"harmful {side}": harm, f"evasive {side}": evasive, f"requests {side}": 100}
        counts[f"garbled {side}"] = 1
        counts |= {f"declined {side}": 2, f"good {side}": 100}
    return counts


def mended(once, last, judge):
    """What constitution.py said: of 100 answers 80 did harm at first."""
    counts = {"revised 0": 80, "revised 1": once, "revised 4": last, "revised requests": 100}
    return {**counts, "judge right": judge, "judge pairs": 50}


def three(tuned, after, said):
    return [row("helpful only", 90), {**row("SL-CAI", tuned), **said}, row("RL-CAI", *after)]


ROWS = three(40, (10, 58, 3), mended(40, 16, 35))


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
    assert bars(ROWS)["one revision: at most half of the harm on E-H"][0] == 0.5
    worse = three(60, (70, 50, 9), mended(41, 17, 34))
    assert not any(met for _, met in bars(worse).values())


def test_what_the_revisions_were_like_is_read_from_their_log(tmp_path):
    shares = [{"share": share, "n": 40} for share in (0.9, 0.25)]
    tables = [{"unlabelled": {"harmful": found}} for found in shares]
    judge = {"unlabelled": {"accuracy": {"share": 0.8, "n": 10}}}
    details = {"revised": tables, "bare": tables[:1], "judge": judge}
    path = tmp_path / "seed2" / "constitution"
    path.mkdir(parents=True)
    log = [{"config": {}}, {"details": details}]
    path.joinpath("log.jsonl").write_text("\n".join(map(json.dumps, log)), encoding="utf-8")
    found = revised(Config(out=str(tmp_path)), 2)
    assert (found["revised 0"], found["revised 1"], found["revised requests"]) == (36, 10, 40)
    assert found["bare 0"] == 36 and (found["judge right"], found["judge pairs"]) == (8, 10)


def test_the_table_names_the_oracle(capsys):
    show([*ROWS, row("SL-CAI, oracle critic", 1)])
    said = capsys.readouterr().out
    assert "oracle critic" in said and "90.0 [" in said and "simulated" in said
