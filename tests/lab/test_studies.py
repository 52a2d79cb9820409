"""What the studies share, and both of them at a small size: stopped, finished, taken up again."""

import json
import math

import numpy as np
import pytest

from lab import overoptimisation, studies, tax
from lab.studies import RUNS, bootstrap, wins
from plumbing.config import parse_config
from plumbing.errors import BadInput


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
    for name, (script, inputs, _) in RUNS.items():
        sources = ",".join(inputs.values())
        assert all(source in RUNS for source in sources.split(",") if source)
        for preset in ("tiny", "smoke"):
            options = studies.command(tax.Config(preset=preset), 1, name, inputs)[1:]
            assert len({o.split("=")[0] for o in options}) == len(options), name
        assert (studies.ROOT / script).exists()


def test_a_run_is_typed_as_a_user_would():
    words = studies.command(
        tax.Config(), 2, "ppo_scalar_few_free", {"init": "a.pt", "reward": "b.pt"}
    )
    assert words == [
        "ppo.py",
        "--out=out/studies/seed2/ppo_scalar_few_free",
        "--seed=2",
        "--device=auto",
        "--dtype=auto",
        "--init=a.pt",
        "--reward=b.pt",
        "--beta=0",
    ]


def far(*kl):
    return [{"kl": nats} for nats in kl]


def test_a_run_is_matched_to_where_another_one_ends_by_hand():
    """PPO ends at the mean of 3, 4 and 5; the longer run is there at its iterations 3, 4 and 5."""
    ppo, longer = far(0, 1, 3, 4, 5), far(0, 1, 2, 4, 6, 9, 12)
    assert studies.steps_to(longer, ppo) == 5
    assert studies.steps_to(ppo, ppo) == 5
    assert studies.steps_to(far(0, 0, 0, 1), ppo) == 4  # it never comes so far: all of it


def test_a_matched_run_is_typed_with_its_steps(tmp_path, monkeypatch):
    """Its longer sister, PPO and all they start from come first."""
    typed = []

    def start(words):
        script, *options = words
        out = next(o.removeprefix("--out=") for o in options if o.startswith("--out="))
        path = studies.Path(out) / "log.jsonl"
        path.parent.mkdir(parents=True)
        speed = 3 if "long" in path.parent.name else 1
        row = {"reward": 0, "judge": 0, "ended": 1}
        logged = [{"step": i, "kl_exact": 0.1 * i * speed, **row} for i in range(1, 41)]
        path.write_text("".join(json.dumps(r) + "\n" for r in logged), encoding="utf-8")
        typed.append((path.parent.name, options))
        return 1.0

    monkeypatch.setattr(studies, "start", start)
    studies.make(tax.Config(out=tmp_path.as_posix()), 1, "grpo")
    options = dict(typed)
    assert list(options) == ["pretrain", "sft", "reward", "grpo_long", "ppo", "grpo"]
    # PPO's last three are 3.8, 3.9 and 4.0; the longer run's 3.6, 3.9 and 4.2 end at the 14th
    assert "--steps=14" in options["grpo"]
    assert {"--advantage=group", "--steps=80"} <= set(options["grpo_long"])
    assert "--advantage=group" in options["grpo"]


def test_the_machine_is_told_in_general_terms():
    found = studies.hardware()
    assert found["cores"] >= 1 and found["threads"] >= 1 and found["instructions"]
    assert set(found) == {"cores", "threads", "instructions"}


def test_a_line_cut_short_is_measured_again(tmp_path):
    path = tmp_path / "tax.jsonl"
    cfg = tax.Config()
    rows = studies.append(path, [{"seed": 1, "arm": "sft"}, {"seed": 1, "arm": "ppo"}], [], cfg)
    assert studies.read(path) == rows
    text = path.read_text(encoding="utf-8")
    path.write_text(text[:-9], encoding="utf-8")
    assert studies.read(path) == rows[:1]


@pytest.mark.parametrize("study", [tax, overoptimisation])
def test_a_study_takes_options_only(study):
    for argv, message in (
        (["taxes"], "options look like"),
        (["--seeds=0"], "expected a number above 0"),
    ):
        with pytest.raises(BadInput, match=message):
            study.main(parse_config(study.Config, study.PRESETS, argv))


def run_tax(argv):
    return tax.main(parse_config(tax.Config, tax.PRESETS, argv))


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Both studies of one PPO run at the smallest size; the folder they wrote."""
    out = tmp_path_factory.mktemp("studies")
    patch = pytest.MonkeyPatch()
    patch.setattr(tax, "ARMS", ("pretrain", "sft", "ppo", "dpo"))
    patch.setattr(overoptimisation, "ARMS", {"ppo": "reward"})
    argv = ["--preset=smoke", f"--out={out.as_posix()}", "--device=cpu", "--dtype=float32"]
    run_tax(argv)
    overoptimisation.main(parse_config(overoptimisation.Config, overoptimisation.PRESETS, argv))
    yield out, argv
    patch.undo()


def test_the_tax_of_a_small_study(small):
    rows = studies.read(small[0] / "tax.jsonl")
    assert [row["arm"] for row in rows] == list(tax.ARMS)
    by_arm = {row["arm"]: row for row in rows}
    assert by_arm["sft"]["kl"] == pytest.approx(0, abs=1e-5)  # it does not leave itself
    assert by_arm["sft"]["few_shot_minus_sft"] == 0 and by_arm["ppo"]["kl"] != 0
    assert by_arm["pretrain"]["lm_loss"] != by_arm["sft"]["lm_loss"] != by_arm["dpo"]["lm_loss"]
    for row in rows:
        assert 0 <= row["correct_cool"] <= 1
        assert 0 <= row["win_low"] <= row["win"] <= row["win_high"] <= 1
        assert all(math.isfinite(v) for v in row.values() if isinstance(v, float))


def test_a_finished_run_says_how_long_it_took(small):
    for marker in small[0].rglob("finished"):
        took = json.loads(marker.read_text(encoding="utf-8"))
        assert took["seconds"] > 0 and took["cores"] >= 1


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
    run_tax(argv)
    assert (out / "tax.jsonl").read_text(encoding="utf-8") == before


def test_a_row_that_is_missing_is_measured_from_the_finished_stages(small, monkeypatch):
    out, argv = small
    path = out / "tax.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")
    monkeypatch.setattr(studies.subprocess, "run", lambda *a, **k: pytest.fail("a stage ran again"))
    run_tax(argv)
    assert json.loads(path.read_text(encoding="utf-8").splitlines()[-1]) == json.loads(lines[-1])


def test_a_stage_that_fails_is_named(tmp_path, monkeypatch):
    class Failed:
        returncode = 3

    monkeypatch.setattr(studies.subprocess, "run", lambda *a, **k: Failed)
    cfg = tax.Config(out=str(tmp_path))
    with pytest.raises(BadInput, match="pretrain.py ended with exit code 3"):
        studies.make(cfg, 1, "ppo")
    assert not list(tmp_path.rglob("finished"))
