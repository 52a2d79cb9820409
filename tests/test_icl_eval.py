"""The command: checkpoints made, read and refused, records, and watching a run that goes on."""

import dataclasses
import importlib
import json
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import icl.watch
import icl_eval
from icl.watch import finished, newest
from icl_eval import PRESETS, PROBES, Config, main, make, watch
from plumbing import errors, inputs
from plumbing.checkpoint import save_checkpoint
from plumbing.config import parse_config
from plumbing.errors import BadInput
from plumbing.machine import setup
from tests.tiny import tiny
from tokenizer import Tokenizer

FAST = Config(device="cpu", n="0,1", draws=2, prompts=4)


def checkpoint(step=5, head="lm", **changes):
    tokenizer = Tokenizer.train("The cow eats grass. The king likes the sea.\n" * 9, 280)
    model = tiny(vocab_size=tokenizer.n_vocab, block_size=64, head=head)
    return {
        "stage": "pretrain",
        "model": model.state_dict(),
        "model_config": asdict(model.config),
        "tokenizer": tokenizer.to_json(),
        "train_config": {"data": "nowhere"},
        "step": step,
        "metrics": {"val_loss": 2.0},
        "parent": None,
        **changes,
    }


@pytest.fixture
def run(tmp_path):
    """A folder in which a pretraining run has left its checkpoint."""
    save_checkpoint(tmp_path / "run" / "ckpt.pt", checkpoint())
    return tmp_path / "run"


@pytest.fixture
def film(tmp_path):
    lines = [f"film number {i},{('good', 'bad')[i % 2]}\n" for i in range(40)]
    (tmp_path / "film.csv").write_text("text,label\n" + "".join(lines), encoding="utf-8")
    return str(tmp_path / "film.csv")


def records(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_records_and_tables(run, film, tmp_path, capsys):
    save_checkpoint(run / "other.pt", checkpoint(step=6, stage="sft"))
    cfg = replace(
        FAST, init=f"{run / 'ckpt.pt'}, {run / 'other.pt'}", data=film, out=str(tmp_path / "icl")
    )
    rows = main(cfg)
    head, *lines = records(tmp_path / "icl" / "fewshot.jsonl")
    assert lines == json.loads(json.dumps(rows)) and head["config"] == asdict(cfg)
    assert [(c["stage"], c["step"]) for c in head["checkpoints"]] == [("pretrain", 5), ("sft", 6)]
    assert head["checkpoints"][0]["metrics"] == {"val_loss": 2.0} and "torch" in head["versions"]
    assert {(r["ckpt"], r["stage"], r["step"]) for r in rows} == {
        ((run / "ckpt.pt").as_posix(), "pretrain", 5),
        ((run / "other.pt").as_posix(), "sft", 6),
    }
    assert "film: gold - random labels" in capsys.readouterr().out
    assert main(replace(cfg, seed=1)) != rows and main(cfg) == rows  # the seed is what decides


def test_the_world_is_the_default(run, tmp_path, capsys):
    main(replace(FAST, n="1", prompts=1, init=str(run / "ckpt.pt"), out=str(tmp_path / "icl")))
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("known", "novel", "key-value", "colour", "toy world"))


def test_induction_of_a_checkpoint(run, tmp_path):
    main(replace(FAST, probe="induction", init=str(run / "ckpt.pt"), out=str(tmp_path)))
    _, *rows = records(tmp_path / "induction.jsonl")
    assert {r["kind"] for r in rows} == {"head", "repeat"}  # its text is nowhere: no ICL score


@pytest.mark.parametrize(
    "changes, message",
    [
        (dict(probe="fewshots"), "--probe=fewshots: expected one of fewshot"),
        (dict(draws=0), "--draws=0"),
        (dict(n="1,x"), "--n=1,x: expected whole numbers"),
        (dict(probe="demos", k="4,8"), "the number of examples is --n, as in --n=4,8"),
        (dict(init="none"), "asks a model"),
        (dict(init=","), "--init=,: expected paths with commas between, each once"),
        (dict(init="a/ckpt.pt,a/ckpt.pt"), "expected paths with commas between, each once"),
        (dict(n="0,10000"), "--n=10000: of "),
        (dict(init="nowhere.pt"), "nowhere.pt: no such file"),
        (dict(init="elsewhere/ckpt.pt"), "no such file"),
        (dict(data="nowhere.csv"), "nowhere.csv not found"),
        (dict(watch=True, init="a/ckpt.pt,b/ckpt.pt"), "--watch follows one run"),
        (dict(watch=True, init="none"), "--watch follows one run"),
        (dict(k="3"), "--k=3 is for --probe=bayes"),
        (dict(init="moved/sft/ckpt.pt"), "moved/sft/ckpt.pt: no such file"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(run, tmp_path, changes, message):
    cfg = replace(FAST, **{"init": str(run / "ckpt.pt"), "out": str(tmp_path / "icl"), **changes})
    with pytest.raises(BadInput) as error:
        main(cfg)
    assert message in str(error.value) and "\n" not in str(error.value)
    assert not (tmp_path / "icl").exists()


@pytest.mark.parametrize(
    "changes, message",
    [
        (dict(head="scalar", stage="reward"), "gives scores, not words"),
        (dict(tokenizer=Tokenizer.train("abc " * 9, 400).to_json()), None),
    ],
)
def test_a_model_without_words_is_refused(tmp_path, changes, message):
    wrong = checkpoint(**changes)
    if message is None:  # a model too small for its tokenizer
        wrong["model_config"]["vocab_size"], message = 100, "two runs were put together"
    save_checkpoint(tmp_path / "ckpt.pt", wrong)
    with pytest.raises(BadInput, match=message):
        main(replace(FAST, init=str(tmp_path / "ckpt.pt"), out=str(tmp_path / "icl")))


@given(
    st.lists(
        st.sampled_from(
            [
                "--n=0",
                "--n=,",
                "--n=-1",
                "--k=3",
                "--draws=0",
                "--draws=1",
                "--probe=x",
                "--seed=2",
                "--prompts=1",
                "--watch=maybe",
                "--eps=2",
                "--dtype=float8",
                "--device=tpu",
                "--preset=y",
                "--speed=1",
            ]
        )
    )
)
def test_a_command_line_runs_or_says_why_not(argv):
    """Exit code 0 or 2, whatever the options; the probe itself is left out."""
    fast = {name: SimpleNamespace(probe=lambda *_: [], show=lambda _: None) for name in PROBES}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(icl_eval, "PROBES", fast)
        patch.setattr(icl_eval, "load", lambda path, machine: None)
        patch.setattr(icl_eval, "make", lambda path: path)
        patch.setattr(icl_eval, "write_records", lambda *_: None)
        code = 0
        try:
            errors.run(lambda: main(parse_config(Config, PRESETS, argv)))
        except SystemExit as stop:
            code = stop.code
    last = {arg.partition("=")[0]: arg for arg in argv}  # of an option given twice the last counts
    wrong = {"--draws=0", "--probe=x", "--dtype=float8", "--device=tpu", "--preset=y"}
    wrong |= {"--n=,", "--n=-1"}  # no list of numbers, whatever the probe does with it
    wrong |= {"--k=3", "--eps=2"}  # of another probe
    refused = wrong & {*last.values()} | {"--watch=maybe", "--speed=1"} & {*argv}
    assert code == (2 if refused else 0)


# --- missing checkpoints


@pytest.mark.parametrize("name", icl_eval.MADE_BY)
def test_a_missing_checkpoint_is_made_by_a_command_that_exists(name, tmp_path, monkeypatch):
    made = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(icl_eval, "need", lambda path, *command: made.append(command) or path)
    assert make(f"out/{name}/ckpt.pt") == Path("out", name, "ckpt.pt")
    moved = Path("moved", name, "ckpt.pt")
    assert make(moved) == moved and len(made) == 1, "nothing is made in the place of a typed path"
    ((script, preset, *more),) = made
    stage = importlib.import_module(script.removesuffix(".py"))
    argv = [f"--preset={preset}", f"--out={tmp_path / name}", *more]
    cfg = parse_config(stage.Config, stage.PRESETS, argv)
    assert cfg.preset == preset
    if preset == name != "gpt2":  # and the preset writes to the folder of its name
        assert parse_config(stage.Config, stage.PRESETS, argv[:1]).out == f"out/{name}"


@pytest.mark.parametrize(
    "probe, text, message",
    [
        ("choice", '{"question": "a", "choices": ["x"], "answer": 0}', "line 1: choices: 1; expec"),
        ("fewshot", "text,label\nfilm\n", "line 2"),
        ("demos", "text,label\nfilm\n", "line 2"),
        ("choice", None, "give --data=FILE"),
    ],
)
def test_a_mistake_in_the_file_is_told_before_a_model_is_made(
    tmp_path, monkeypatch, probe, text, message
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("plumbing.inputs.run_stage", lambda *command: pytest.fail("made"))
    if text:
        (tmp_path / "own").write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=message):
        main(replace(FAST, probe=probe, data="own" if text else "", out=str(tmp_path)))


def test_every_default_checkpoint_can_be_made():
    inits = [*icl_eval.INIT.values(), *(p["init"] for p in PRESETS.values() if "init" in p)]
    for path in ",".join(inits).split(","):
        name = path.removeprefix("out/").removesuffix("/ckpt.pt")
        assert path == "none" or name in icl_eval.MADE_BY


def test_a_checkpoint_that_is_there_is_not_made(run, monkeypatch):
    monkeypatch.setattr(inputs, "run_stage", lambda *_: pytest.fail("made anew"))
    here = run.rename(run.with_name("pretrain")) / "ckpt.pt"
    assert make(here) == here and make("elsewhere/ckpt.pt").name == "ckpt.pt"


# --- watching


def test_the_end_of_a_run_is_seen_in_its_log(tmp_path):
    log = tmp_path / "log.jsonl"
    assert not finished(log)
    for text, over in (
        ("", False),
        ('{"config": {}}\n', False),
        ('{"step": 4}\n', False),
        ('{"step": 4}\n{"step": 4, "samp', False),
        ('{"step": 4, "samples": ["a"]}\n', True),
    ):
        log.write_text(text, encoding="utf-8")
        assert finished(log) is over


def test_last_pt_is_newer_than_ckpt_pt(run):
    assert newest(run)[0] == run / "ckpt.pt"
    save_checkpoint(run / "last.pt", checkpoint())
    assert newest(run)[0] == run / "last.pt" and newest(run / "nowhere") is None


@pytest.mark.parametrize("interrupted", [False, True])
def test_watching_follows_a_run_to_its_end(film, tmp_path, monkeypatch, capsys, interrupted):
    """Each pause, the run goes one step on: nothing yet, step 2, still step 2, step 4, the end."""
    run, pauses = tmp_path / "run", []
    run.mkdir()

    def go_on(seconds):
        pauses.append(seconds)
        if len(pauses) == 4 and interrupted:
            raise KeyboardInterrupt
        if len(pauses) in (1, 3):
            save_checkpoint(run / "last.pt", checkpoint(step=len(pauses) + 1))
        if len(pauses) == 4:
            (run / "log.jsonl").write_text('{"step": 4, "samples": []}\n', encoding="utf-8")
        assert len(pauses) < 9, "watching never ends"

    monkeypatch.setattr(icl.watch.time, "sleep", go_on)
    cfg = replace(FAST, init=str(run / "ckpt.pt"), out=str(tmp_path / "icl"), data=film, watch=True)
    rows = main(cfg)
    assert list(dict.fromkeys(r["step"] for r in rows)) == [2, 4]
    assert len({sum(r["step"] == step for r in rows) for step in (2, 4)}) == 1  # one set a step
    assert records(tmp_path / "icl" / "fewshot.jsonl")[1:] == json.loads(json.dumps(rows))
    shown = capsys.readouterr().out
    assert "step      2   accuracy at 1 shots" in shown
    assert ("stopped watching" if interrupted else "the run has ended") in shown


def test_a_finished_run_is_probed_once(run, film, tmp_path):
    (run / "log.jsonl").write_text('{"step": 5, "samples": []}\n', encoding="utf-8")
    machine = setup(FAST)
    cfg = replace(FAST, data=film, out=str(tmp_path / "icl"))
    rows = watch(cfg, run / "ckpt.pt", machine, pause=0)
    assert {r["step"] for r in rows} == {5}


def test_every_probe_has_its_parts():
    for probe in PROBES.values():
        assert all(callable(getattr(probe, name)) for name in ("probe", "show", "headline"))
    assert {f.name for f in dataclasses.fields(Config)} >= {"probe", "init", "data", "watch"}
