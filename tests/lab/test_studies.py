"""The studies: best-of-n against brute force, wins, intervals, and a small study that is stopped."""

import itertools
import json
import math

import numpy as np
import pytest

from lab import studies
from lab.studies import (
    STAGES,
    best_of_n,
    best_of_n_kl,
    best_of_n_weights,
    bootstrap,
    wins,
)
from plumbing.errors import BadInput


def test_best_of_n_counts_every_subset_once():
    rng = np.random.default_rng(0)
    proxy, gold = rng.normal(size=(3, 6)), rng.normal(size=(3, 6))
    for n in (1, 2, 4, 6):
        best, truth = best_of_n(proxy, gold, n)
        for row in range(3):
            chosen = [
                max(subset, key=lambda i: proxy[row, i])
                for subset in itertools.combinations(range(6), n)
            ]
            assert truth[row] == pytest.approx(np.mean(gold[row, chosen]))
            assert best[row] == pytest.approx(np.mean(proxy[row, chosen]))


def test_answers_that_the_proxy_cannot_tell_apart_share_their_chance():
    proxy, gold = np.array([[1.0, 1.0, 0.0]]), np.array([[4.0, 2.0, 9.0]])
    for order in ([0, 1, 2], [1, 0, 2], [2, 1, 0]):
        assert best_of_n(proxy[:, order], gold[:, order], 3)[1] == pytest.approx([3.0])


@pytest.mark.parametrize("N, n", [(1, 1), (8, 1), (8, 3), (32, 32)])
def test_the_weights_are_a_distribution(N, n):
    weights = best_of_n_weights(N, n)
    assert weights.sum() == pytest.approx(1) and (np.diff(weights) >= 0).all()
    assert (weights[: n - 1] == 0).all()


def test_kl_of_best_of_n():
    """By hand for n = 2; and by the density n·u^(n−1) of the best of n on uniform ranks u."""
    assert best_of_n_kl(1) == 0 and best_of_n_kl(2) == pytest.approx(math.log(2) - 0.5)
    u = (np.arange(200_000) + 0.5) / 200_000
    for n in (4, 32):
        density = n * u ** (n - 1)
        assert best_of_n_kl(n) == pytest.approx((density * np.log(density)).mean(), abs=1e-3)


def test_a_tie_is_half_a_win():
    assert wins([1, 2, 3], [2, 2, 2]).tolist() == [0, 0.5, 1]


def test_bootstrap_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(1)
    covered = 0
    for trial in range(100):
        low, high = bootstrap(rng.random(100) < 0.3, seed=trial, n=300)
        covered += low <= 0.3 <= high
    assert covered >= 85


def test_every_stage_is_built_on_another_and_gives_each_option_once():
    for name, (script, inputs, options) in STAGES.items():
        assert all(source in STAGES for source in inputs.values())
        assert len({o.split("=")[0] for o in options}) == len(options), name
        assert (studies.ROOT / script).exists()


def test_a_line_cut_short_is_measured_again(tmp_path):
    path = tmp_path / "tax.jsonl"
    cfg = studies.Config()
    rows = studies.append(path, [{"seed": 1, "arm": "sft"}, {"seed": 1, "arm": "ppo"}], [], cfg)
    assert studies.read(path) == rows
    text = path.read_text(encoding="utf-8")
    path.write_text(text[:-9], encoding="utf-8")
    assert studies.read(path) == rows[:1]


def test_unknown_study():
    for argv in ([], ["taxes"], ["tax", "tax"]):
        with pytest.raises(BadInput, match="which study"):
            studies.main(argv)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Both studies of one PPO run at the smallest size; the folder they wrote."""
    out = tmp_path_factory.mktemp("studies")
    patch = pytest.MonkeyPatch()
    patch.setattr(studies, "TAX", ("pretrain", "sft", "ppo", "dpo"))
    patch.setattr(studies, "ARMS", {"ppo": "reward"})
    argv = ["--preset=smoke", f"--out={out.as_posix()}", "--device=cpu", "--dtype=float32"]
    studies.main(["tax", *argv])
    studies.main(["overoptimisation", *argv])
    yield out, argv
    patch.undo()


def test_the_tax_of_a_small_study(small):
    rows = studies.read(small[0] / "tax.jsonl")
    assert [row["arm"] for row in rows] == list(studies.TAX)
    by_arm = {row["arm"]: row for row in rows}
    assert by_arm["sft"]["kl"] == pytest.approx(0, abs=1e-5)  # it does not leave itself
    assert by_arm["sft"]["few_shot_minus_sft"] == 0 and by_arm["ppo"]["kl"] != 0
    assert by_arm["pretrain"]["lm_loss"] != by_arm["sft"]["lm_loss"] != by_arm["dpo"]["lm_loss"]
    for row in rows:
        assert 0 <= row["win_low"] <= row["win"] <= row["win_high"] <= 1
        assert all(math.isfinite(v) for v in row.values() if isinstance(v, float))


def test_over_optimisation_of_a_small_study(small):
    rows = studies.read(small[0] / "overoptimisation.jsonl")
    arms = {row["arm"] for row in rows}
    assert arms == {"ppo", "best_of_n reward"}
    pool = [row for row in rows if row["arm"] == "best_of_n reward"]
    assert [row["n"] for row in pool] == [1, 2, 4]
    assert all(a["proxy"] <= b["proxy"] for a, b in zip(pool, pool[1:]))  # the best of more


def test_a_finished_study_runs_nothing_again(small, monkeypatch):
    out, argv = small
    before = (out / "tax.jsonl").read_text(encoding="utf-8")
    monkeypatch.setattr(studies.subprocess, "run", lambda *a, **k: pytest.fail("a stage ran again"))
    studies.main(["tax", *argv])
    assert (out / "tax.jsonl").read_text(encoding="utf-8") == before


def test_a_row_that_is_missing_is_measured_from_the_finished_stages(small, monkeypatch):
    out, argv = small
    path = out / "tax.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")
    monkeypatch.setattr(studies.subprocess, "run", lambda *a, **k: pytest.fail("a stage ran again"))
    studies.main(["tax", *argv])
    assert json.loads(path.read_text(encoding="utf-8").splitlines()[-1]) == json.loads(lines[-1])


def test_a_stage_that_fails_is_named(tmp_path, monkeypatch):
    class Failed:
        returncode = 3

    monkeypatch.setattr(studies.subprocess, "run", lambda *a, **k: Failed)
    cfg = studies.Config(out=str(tmp_path))
    with pytest.raises(BadInput, match="pretrain.py ended with exit code 3"):
        studies.make(cfg, 1, "ppo")
    assert not list(tmp_path.rglob("finished"))
