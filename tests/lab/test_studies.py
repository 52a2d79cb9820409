"""What the studies share, and both of them at a small size: stopped, finished, taken up again."""

import json
import math

import numpy as np
import pytest

from lab import evidence, overoptimisation, studies, tax
from lab.studies import RUNS, bootstrap, wins
from plumbing import errors, inputs
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
    for name, (script, starts, _) in RUNS.items():
        sources = ",".join(starts.values())
        assert all(source in RUNS for source in sources.split(",") if source)
        for preset in ("tiny", "smoke"):
            options = studies.command(tax.Config(preset=preset), 1, name, starts)[1:]
            assert len({o.split("=")[0] for o in options}) == len(options), name
        assert (inputs.ROOT / script).exists()


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
        "--ptx=0",
    ]


@pytest.mark.parametrize(
    "pull, tries, price",
    [
        (lambda beta: 0.1 / beta, ["grpo_1"], 0.05),  # as far as PPO from the first
        (lambda beta: 0.2 / beta, ["grpo_1", "grpo_2"], 0.0998),  # twice as far: β twice as high
        (lambda beta: 0.06 / beta, ["grpo_1", "grpo_2"], 0.0301),  # not far enough
        (lambda beta: 4, ["grpo_1", "grpo_2", "grpo_3"], 0.1991),  # none helps: the last of equals
    ],
)
def test_a_run_is_matched_to_where_ppo_ends(tmp_path, monkeypatch, pull, tries, price):
    """PPO ends at 2 nats at β = 0.05; `pull` says where the other one ends. Its tries, PPO and all
    that they start from come first."""
    typed = []

    def start(words):
        options = dict(word.removeprefix("--").split("=") for word in words[1:])
        path = studies.Path(options["out"])
        path.mkdir(parents=True)
        nats = pull(float(options["beta"])) if "beta" in options else 2
        row = {"reward": 0, "judge": 0, "ended": 1}
        logged = [{"step": i, "kl_exact": min(i / 5, nats), **row} for i in range(1, 41)]
        text = "".join(json.dumps(r) + "\n" for r in logged)
        (path / "log.jsonl").write_text(text, encoding="utf-8")
        typed.append((path.name, options))
        return 1.0

    monkeypatch.setattr(studies, "start", start)
    studies.make(tax.Config(out=tmp_path.as_posix()), 1, "grpo")
    runs = dict(typed)
    assert list(runs) == ["pretrain", "sft", "reward", "ppo", *tries, "grpo"]
    assert float(runs["grpo"]["beta"]) == pytest.approx(price, abs=1e-4)
    assert runs["grpo"]["advantage"] == runs["grpo_1"]["advantage"] == "group"
    studies.make(tax.Config(out=tmp_path.as_posix()), 1, "grpo")
    assert len(typed) == len(runs)  # nothing runs twice


def test_who_is_asked_for_harm_is_asked_the_questions_of_the_world():
    """Its start was tuned on a file of revisions, whose own questions would else be asked."""
    harmful = [run for run in studies.RUNS.values() if run[2].get("harms")]
    assert len(harmful) > 3 and {run[2].get("data") for run in harmful} == {"world"}


def test_a_script_of_a_room_is_typed_as_a_module(monkeypatch, capsys):
    typed = []
    monkeypatch.setattr(inputs, "run_stage", lambda *command: typed.append(command))
    studies.start(["lab/people.py", "--n=3"])
    studies.start(["ppo.py"])
    assert typed == [("lab/people.py", ["--n=3"]), ("ppo.py", [])]
    told = capsys.readouterr().out
    assert "python -m lab.people --n=3\n" in told and "python ppo.py\n" in told


def test_the_machine_is_told_in_general_terms():
    found = studies.hardware()
    assert found["cores"] >= 1 and found["threads"] >= 1 and found["instructions"]
    assert set(found) == {"cores", "threads", "instructions"}


def test_a_study_that_is_stopped_says_that_it_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(errors, "stopped", [errors.ANEW])
    studies.take_up(tmp_path / "tax.jsonl", tax.Config())
    assert errors.stopped == [errors.AGAIN]


def test_a_line_cut_short_is_measured_again(tmp_path):
    path = tmp_path / "tax.jsonl"
    cfg = tax.Config()
    rows = studies.append(path, [{"seed": 1, "arm": "sft"}, {"seed": 1, "arm": "ppo"}], [], cfg)
    assert studies.read(path) == rows
    text = path.read_text(encoding="utf-8")
    path.write_text(text[:-9], encoding="utf-8")
    assert studies.read(path) == rows[:1]


def test_what_was_measured_with_a_line_cut_short_is_measured_again_too(tmp_path, capsys):
    """Models of several rows each: half of one would pass for measured."""
    path = tmp_path / "evidence.jsonl"
    cfg = evidence.Config(out=str(tmp_path))
    rows = [{"seed": s, "arm": "sft", "about": about} for s in (1, 2) for about in "abc"]
    studies.append(path, rows, [], cfg)
    assert studies.take_up(path, cfg) == rows and not capsys.readouterr().out
    path.write_bytes(path.read_bytes()[:-9])
    assert studies.take_up(path, cfg) == rows[:3]
    assert "half a line" in capsys.readouterr().out


TABLES = {
    "a broken line": (b'{"config": {}}\n{"seed": 1, "ar\n{"seed": 2}\n', "line 2: no JSON object"),
    "no UTF-8": (b'\xff\xfe{"config"\n', "line 1: no JSON object"),
    "a number": (b'{"config": {}}\n3\n', "line 2: no JSON object"),
    "records": (b'{"records": "tax"}\n{"seed": 1}\n', "is no table of this study"),
    "no seed": (b'{"config": {}}\n{"arm": "sft"}\n', "is no table of this study"),
    "other options": (b'{"config": {"n_eval": 9}}\n{"seed": 1}\n', "measured with --n_eval=9"),
}


@pytest.mark.parametrize("kind", TABLES)
def test_a_table_that_does_not_fit_is_refused_and_kept(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(studies, "start", lambda words: pytest.fail("a stage ran"))
    written, words = TABLES[kind]
    (tmp_path / "tax.jsonl").write_bytes(written)
    with pytest.raises(BadInput, match=words):
        run_tax([f"--out={tmp_path}", "--device=cpu"])
    assert (tmp_path / "tax.jsonl").read_bytes() == written


def test_a_study_of_more_seeds_elsewhere_goes_on(tmp_path):
    before = tax.Config(out="there", seeds=1, dtype="float32")
    rows = studies.append(tmp_path / "tax.jsonl", [{"seed": 1, "arm": "sft"}], [], before)
    assert studies.take_up(tmp_path / "tax.jsonl", tax.Config(out=str(tmp_path))) == rows
    assert studies.take_up(tmp_path / "tax.jsonl", tax.Config(n_eval=9), "n_eval") == rows


def test_a_study_writes_where_it_may_or_begins_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(studies, "start", lambda words: pytest.fail("a stage ran"))
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(BadInput, match="nothing can be written in .*file; give another"):
        run_tax([f"--out={tmp_path}/file", "--device=cpu"])


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
    monkeypatch.setattr(inputs, "run_stage", lambda *command: pytest.fail("a stage ran again"))
    run_tax(argv)
    assert (out / "tax.jsonl").read_text(encoding="utf-8") == before


def test_a_row_that_is_missing_is_measured_from_the_finished_stages(small, monkeypatch):
    out, argv = small
    path = out / "tax.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")
    monkeypatch.setattr(inputs, "run_stage", lambda *command: pytest.fail("a stage ran again"))
    run_tax(argv)
    assert json.loads(path.read_text(encoding="utf-8").splitlines()[-1]) == json.loads(lines[-1])


def test_a_stage_that_fails_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(inputs, "run_stage", lambda *command: 3)
    cfg = tax.Config(out=str(tmp_path))
    with pytest.raises(BadInput, match="pretrain.py ended with exit code 3"):
        studies.make(cfg, 1, "ppo")
    assert not list(tmp_path.rglob("finished"))


def test_the_machine_in_general_terms(monkeypatch):
    here = {"cores": 2, "threads": 4, "instructions": "AVX2"}
    monkeypatch.setattr(studies, "hardware", lambda: here)
    log = {"device": "cpu", "dtype": "torch.float32", "threads": 1}
    log["versions"] = {"torch": "2.14.1+cpu"}
    assert studies.machine_of(log) == "2 cores, AVX2; 1 thread, float32, torch 2.14.1"
    gpu = {"device": "cuda:0", "dtype": "bfloat16", "torch": "2.14.1"}
    assert studies.machine_of(gpu) == "cuda; 4 threads, bfloat16, torch 2.14.1"
