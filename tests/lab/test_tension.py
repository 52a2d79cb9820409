"""Help against harm: each run is measured once, and the matrix and its bars are as by hand."""

import json

import pytest

from lab import studies, tables_probing, tension

KINDS = ("helpful", "harmless")


def row(seed, arm, helpful, harmless, truth=None):
    figures = {"helpful labels": helpful, "harmless labels": harmless}
    figures |= {"helpful truth": truth or helpful, "harmless truth": truth or harmless}
    return {"seed": seed, "arm": arm, **figures, "helpful pairs": 9, "harmless pairs": 9}


def matrix(helpful=(0.8, 0.3), harmless=(0.4, 0.9), mix=(0.76, 0.84)):
    rows = []
    for seed in (2, 1):
        rows += [row(seed, "reward_help", *helpful), row(seed, "reward_harm", *harmless)]
        rows.append(row(seed, "reward_mix", *mix))
    return rows


def test_the_bars_by_hand():
    found = tension.bars(matrix())
    assert found == {
        "trained on harmless, tested on helpful: below chance": (0.4, True),
        "both, tested on helpful: at least 0.9 of the specialist's": (pytest.approx(0.95), True),
        "trained on helpful, tested on harmless: below chance": (0.3, True),
        "both, tested on harmless: at least 0.9 of the specialist's": (
            pytest.approx(0.84 / 0.9),
            True,
        ),
    }


@pytest.mark.parametrize(
    "changes, missed",
    [
        (dict(helpful=(0.8, 0.5)), 1),
        (dict(harmless=(0.6, 0.9)), 1),
        (dict(mix=(0.71, 0.84)), 1),
        (dict(mix=(0.71, 0.80)), 2),
    ],
)
def test_a_bar_can_be_missed_by_one_seed(changes, missed):
    rows = matrix()[:3] + matrix(**changes)[3:]
    assert sum(not met for _, met in tension.bars(rows).values()) == missed


def test_each_run_is_measured_once_from_its_log(monkeypatch, tmp_path, capsys):
    made = []

    def make(cfg, seed, arm):
        made.append((seed, arm))
        of = {"helpful": {"labels": 0.7, "truth": 0.8, "pairs": 5}}
        of["harmless"] = {"labels": 0.25, "pairs": 3}  # nothing was broken, so no truth to tell
        path = studies.folder(cfg, seed, arm)
        path.mkdir(parents=True)
        lines = [{"config": {}}, {"step": 3, "details": {"kinds": of}}]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (path / "log.jsonl").write_text(text, encoding="utf-8")

    monkeypatch.setattr(tension, "make", make)
    cfg = tension.Config(out=str(tmp_path), seeds=2)
    rows = tension.main(cfg)
    assert made == [(seed, arm) for seed in (1, 2) for arm in tension.ARMS]
    assert tension.main(cfg) == rows and len(made) == 6
    assert rows[0]["helpful truth"] == 0.8 and rows[0]["harmless truth"] is None
    assert rows[0]["harmless pairs"] == 3
    shown = capsys.readouterr().out
    assert "trained on" in shown and "labels: trained on helpful, tested on harmless" in shown


def test_the_arms_are_runs_of_one_model():
    for arm, learned in tension.ARMS.items():
        script, inputs, own = studies.RUNS[arm]
        assert (script, inputs) == ("reward.py", {"init": "sft_probed"})
        assert own == {"preset": "hh", "kinds": learned}


@pytest.mark.parametrize("language, first", [("en", "helpful comparisons"), ("ko", "도움 비교")])
def test_the_table_of_the_records(language, first):
    rows = [{**row, "n": 390, "machine": "a machine"} for row in matrix()]
    rows[0]["helpful truth"] = 0.7  # of seed 2; 0.8 of seed 1
    rows[2]["harmless truth"] = None  # of seed 2 nothing is known
    table = tables_probing.tension({"tension": rows}, language).splitlines()
    cells = [cell.strip() for cell in table[4].strip("|").split("|")]
    assert cells == [first, "80.0", "30.0", "75.0 ± 63.5", "30.0"] and "390" in table[0]
    assert "84.0" in table[6]
