"""Help against harm: what follows from the rows, by hand; its tables and its picture; and that each
model is measured once."""

import json
import math
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from lab import harvest, pareto, pictures_pareto, plane, studies, tables_pareto
from lab.figures import claude
from lab.figures.rows import Missing, Run
from plumbing.checkpoint import load_checkpoint
from tests.lab.report_logs import on_the_plane, plane_records, plane_rows
from tests.tiny_out import fill


@pytest.fixture(scope="module")
def known():
    return {"pareto": plane_records()}


def of(rows, part, seed=0):
    return [row for row in rows if (row["part"], row["seed"]) == (part, seed)]


# --- what follows ------------------------------------------------------------------------------


def test_a_plane_of_two_prompts_by_hand(monkeypatch):
    """Each beats the one before on one prompt and ties on the other: 1.5 wins of 2, and the tie
    that is added, 2 of 3, are 400 log10(2) points."""
    monkeypatch.setattr(plane, "PLANE", {"helpful only": "", "RL-CAI": ""})
    monkeypatch.setattr(plane, "HH", {})
    rows = []
    for arm, scores in (("helpful only", [0, 0]), ("RL-CAI", [1, 0])):
        rows.append({"seed": 1, "arm": arm, "help": scores, "harmless": scores[::-1]})
    points, drawn = plane.elo(rows, 30)
    expected = 400 * math.log10(2)
    assert points.ravel() == pytest.approx([0, 0, expected, expected])
    assert drawn.shape == (30, 2, 2) and plane.frontier_gap(points) == pytest.approx(expected)


def test_wins_of_seeds_are_added_up():
    rows = plane_rows()
    mine = [row for row in rows if row["of"] == "plane"]
    whole = plane.results_of(mine, "help")
    parts = [[row for row in mine if row["seed"] == seed] for seed in (1, 2)]
    assert (whole == sum(plane.results_of(part, "help") for part in parts)).all()
    assert (whole + whole.swapaxes(0, 1))[0, 1].tolist() == [2] * 26


def test_less_harm_is_a_higher_rating(known):
    rows = {row["arm"]: row for row in of(known["pareto"], "plane")}
    order = sorted(rows, key=lambda arm: rows[arm]["harmless"])
    assert order == sorted(rows, key=lambda arm: -rows[arm]["harmful"])
    assert rows[plane.START]["harmless"] == 0 and rows["RL-CAI"]["harmful"] == 8
    for row in rows.values():
        assert row["harmless low"] <= row["harmless"] <= row["harmless high"]


def test_the_gap_tells_above_from_below(known):
    (gap,) = of(known["pareto"], "gap")
    assert gap["gap low"] > 0 and plane.verdict(gap) == 1
    worst = dict(zip(plane.PLANE, (20, 2, 2, 2, 2, 10, 38)))
    rows = plane_records(harm=worst)
    # Nobody helps surely less or more, so RL-CAI is not above, whatever help is worth.
    assert of(rows, "gap")[0]["gap"] < of(known["pareto"], "gap")[0]["gap"]
    for low, high, side in ((1, 2, 1), (-2, -1, -1), (-1, 1, 0)):
        assert plane.verdict({"gap low": low, "gap high": high}) == side


def test_lines_and_rounds(known):
    fits = [row for row in known["pareto"] if row["part"] == "line"]
    assert len(fits) == 2 * len(plane.SCORES)
    assert all(row["fit"] == pytest.approx(1) and row["slope"] == pytest.approx(2) for row in fits)
    assert of(known["pareto"], "online", 1)[0]["win"] == 7 / 26  # 3 against 0, seven times
    assert "help" not in of(known["pareto"], "rounds", 1)[0]


def test_a_part_counts_where_all_its_arms_are_measured():
    rows = plane_rows()
    assert not plane.whole([row for row in rows if row["key"] != "RL-CAI"], "plane")
    without = [row for row in rows if (row["key"], row["seed"]) != ("RL-CAI", 2)]
    assert {row["seed"] for row in plane.whole(without, "plane")} == {1}
    assert not plane.summary([], 5)


# --- documents ---------------------------------------------------------------------------------


@pytest.mark.parametrize("language, simulated", [("en", "simulated"), ("ko", "시뮬레이션")])
def test_the_tables(known, language, simulated):
    for table in (tables_pareto.plane, tables_pareto.distance, tables_pareto.rounds):
        text = table(known, language)
        assert simulated in text and "nan" not in text and "{" not in text
    lines = tables_pareto.plane(known, language).splitlines()
    assert len(lines) == 4 + len(plane.PLANE)
    cells = lines[4].split("|")[2:]
    assert [cell.strip() for cell in cells[:2]] == ["0", "0"] and cells[2].startswith(" 80.0 [")
    gap = of(known["pareto"], "gap")[0]["gap"]
    assert f"+{gap:.0f} [" in lines[0] and ("above every" in lines[0]) == (language == "en")
    fits = tables_pareto.distance(known, language).splitlines()
    assert fits[5].endswith("| 1.00 |") and "| 3.16 |" in fits[4]  # √(40/4) nats


def test_the_picture_and_the_figure(known, tmp_path):
    text = pictures_pareto.plane(known)
    assert text.count('r="5"') == 7 and text.count('r="2"') == 14
    assert pictures_pareto.spread([1, 2, 30], 10) == [1, 11, 30]
    pytest.importorskip("matplotlib")
    shown = claude.pareto({"pareto": [Run("pareto", {}, known["pareto"])]})
    assert "RL-CAI is above every mixture" in shown.takeaway[0] and "위" in shown.takeaway[1]
    with pytest.raises(Missing):
        claude.pareto({"pareto": [Run("pareto", {}, plane_rows()[:3])]})


def test_records_name_what_is_not_measured(tmp_path):
    path = on_the_plane(tmp_path)
    cfg = SimpleNamespace(out=path.parent.as_posix(), seeds=2)
    log = path.parent / "seed1/ppo_hh_1/log.jsonl"
    log.parent.mkdir(parents=True)
    head = {"device": "cpu", "dtype": "torch.float32", "threads": 1}
    log.write_text(json.dumps({**head, "versions": {"torch": "2.14.1"}}) + "\n", encoding="utf-8")
    rows = harvest.on_the_plane(cfg)
    assert {row["n"] for row in rows} == {40} and "torch 2.14.1" in rows[0]["machine"]
    with pytest.raises(FileNotFoundError, match="seed 3"):
        harvest.on_the_plane(SimpleNamespace(out=cfg.out, seeds=3))
    # A part that only one seed has is told of that seed.
    lines = path.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if '"of": "rounds", "key": "static", "seed": 2' not in line]
    assert len(kept) == len(lines) - 1
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")
    rows = harvest.on_the_plane(cfg)
    assert [row["seed"] for row in rows if row["part"] == "online"] == [1]
    assert {row["seed"] for row in rows if row["part"] == "gap"} == {0, 1, 2}


# --- measuring ---------------------------------------------------------------------------------


def test_every_model_is_a_run():
    for arms in (plane.PLANE, plane.DISTANCE):
        assert set(arms.values()) <= studies.RUNS.keys()
    for name in plane.LABELLED.values():
        assert {f"{stage}_{name}" for stage in ("people", "reward", "ppo")} <= studies.RUNS.keys()
    assert len(plane.HH) >= 4
    assert studies.RUNS["ppo_hh_4"][2] == studies.RUNS["ppo_constitution"][2]  # one thing changed
    assert studies.RUNS["reward_hh_4"][2] == {"harm_weight": 4}
    assert studies.RUNS["people_round_2"][1] == {"init": "ppo_round_1", "data": "people_round_1"}


def test_each_arm_is_measured_once(monkeypatch, tmp_path, capsys):
    rows = {(row["of"], row["key"], row["seed"]): row for row in plane_rows(seeds=(1,))}
    measured = []

    def measuring(part):
        def measure(cfg, seed, arm, asked):
            measured.append((part, arm, seed))
            return rows[part, arm, seed]

        return measure

    monkeypatch.setattr(pareto, "MEASURES", {part: measuring(part) for part in pareto.MEASURES})
    monkeypatch.setattr(pareto, "Asked", lambda cfg, machine: None)
    cfg = pareto.Config(out=str(tmp_path), seeds=1, resamples=20, device="cpu")
    found = pareto.main(cfg)
    assert len(measured) == len(rows) == len(set(measured))
    assert pareto.main(cfg) == found and len(measured) == len(rows)
    said = capsys.readouterr().out
    assert f"not there yet: {tmp_path.as_posix()}/seed1/sft_helpful" in said
    assert f"python -m lab.constitution --out={tmp_path}" in said
    assert re.search(r"RL-CAI above the HH frontier, seed 1: \S+ \[", said) and "simulated" in said
    path = Path(tmp_path) / "pareto.jsonl"
    text = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(text[:-1]) + "\n", encoding="utf-8")  # stopped before its last row
    pareto.main(cfg)
    assert len(measured) == len(rows) + 1


@pytest.fixture
def small_sft(tmp_path):
    fill(tmp_path, ("sft",))
    return (tmp_path / "sft" / "ckpt.pt").as_posix()


def test_gold_and_distance_of_a_small_model(small_sft):
    """A model has not left itself; harm is found by the predicates."""
    cfg = pareto.Config(n=8, n_help=4, device="cpu", dtype="float32")
    machine = pareto.setup(cfg)
    asked = pareto.Asked(cfg, machine)
    loaded = pareto.open_checkpoint(small_sft, machine)
    texts, _ = asked.answers(loaded)
    assert len(texts) == 12
    network = loaded.model, loaded.model, loaded.tokenizer
    assert pareto.travelled(*network, asked.messages, texts, machine) == pytest.approx(0, abs=1e-6)
    bad = [request.said[0] for request in asked.requests]
    help_, harmless = asked.gold(["It is red."] * 4 + bad, [True] * 12)
    assert help_.shape == (4,) and harmless.sum() <= -7  # what helps to do harm
    _, harmless = asked.gold(["It is red."] * 4 + ["No."] * 8, [True] * 12)
    assert harmless.tolist() == [0] * 8
    assert load_checkpoint(small_sft)["stage"] == "sft"
