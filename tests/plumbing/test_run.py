"""The loop that every stage shares: when it evaluates, what a step draws, what it tells and keeps."""

import json
from dataclasses import dataclass

import pytest
import torch

from model import GPT, GPTConfig
from optim import build
from plumbing.checkpoint import load_checkpoint
from plumbing.run import Run
from tests.tiny_out import TOKENIZER


@dataclass
class Config:
    out: str
    seed: int = 3
    device: str = "cpu"
    dtype: str = "float32"
    resume: bool = False


def begun(out, **changes):
    """A run of a little network that is ready for its first step."""
    run = Run(Config(str(out), **changes), "sft")
    config = GPTConfig(vocab_size=TOKENIZER.n_vocab, n_layer=1, n_head=1, n_embd=8)
    model = GPT.from_checkpoint(run.saved) if run.saved else GPT(config)
    run.begin(model, build(model, 0.1), TOKENIZER.to_json())
    return run


def test_it_is_due_every_so_often_and_at_the_end_but_not_where_a_run_begins(tmp_path):
    run = begun(tmp_path)
    assert [step for step in run.steps(7) if run.due(step, 3)] == [3, 6, 7]
    assert [step for step in run.steps(0) if run.due(step, 3)] == [0]  # nothing to do: look at it
    run.save(3, {"val_loss": 1.0})
    again = begun(tmp_path, resume=True)
    assert [step for step in again.steps(7) if again.due(step, 3)] == [6, 7]


def test_what_a_step_draws_depends_on_the_seed_and_the_step_alone(tmp_path):
    def drawn(out, **changes):
        return {step: torch.rand(3).tolist() for step in begun(out, **changes).steps(4)}

    whole = drawn(tmp_path / "a")
    run = begun(tmp_path / "b")
    for step in run.steps(4):
        torch.rand(17)  # whatever came before
        if step == 2:
            run.save(2, {"val_loss": 1.0})
            break
    later = drawn(tmp_path / "b", resume=True)
    assert list(later) == [2, 3, 4] and all(later[step] == whole[step] for step in later)
    assert drawn(tmp_path / "c", seed=4) != whole


def test_the_log_tells_of_every_tenth_step(tmp_path, monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr("plumbing.run.time.perf_counter", lambda: next(clock))
    run = begun(tmp_path)
    for step in run.steps(20):
        if step < 20:
            run.progress(step, torch.tensor(2.0), torch.tensor(0.5), 30, peak=600.0, lr_factor=1.0)
    lines = (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()[1:]
    first, second = map(json.loads, lines)
    assert (first["step"], second["step"]) == (10, 20) and first["loss"] == 2.0
    assert first["grad_norm"] == 0.5 and first["lr_factor"] == 1.0
    assert first["tokens_per_second"] == 300 and first["mfu"] == 0.5  # 300 tokens in one second


def test_the_best_is_kept_and_the_last_can_be_taken_up(tmp_path):
    run = begun(tmp_path)
    for step, loss in ((1, 3.0), (2, 1.0), (3, 2.0)):
        run.save(step, {"val_loss": loss})
    assert load_checkpoint(tmp_path / "ckpt.pt")["step"] == 2 and run.saver.best == 1.0
    assert load_checkpoint(tmp_path / "last.pt")["step"] == begun(tmp_path, resume=True).first == 3
    run.keep(9, {})
    assert load_checkpoint(tmp_path / "ckpt.pt")["step"] == 9 and run.name.endswith("/ckpt.pt")


def test_only_the_first_process_speaks(tmp_path, capsys):
    run = begun(tmp_path)
    run.say("one", "two")
    run.machine.rank = 1
    run.say("three")
    run.keep(5, {})
    assert capsys.readouterr().out == "one\ntwo\n" and not (tmp_path / "ckpt.pt").exists()


@pytest.mark.parametrize("n, rows", [(2, [[0, 1, 2], [3, 4]]), (1, [[0, 1, 2, 3, 4]])])
def test_parts_add_up_to_the_rows(tmp_path, n, rows):
    parts = list(begun(tmp_path).machine.parts(list(range(5)), n))
    assert [part.tolist() for part, _ in parts] == rows and {w for _, w in parts} == {1.0}


def test_where_no_row_is_left_one_counts_nothing(tmp_path):
    (first, weight), (second, nothing) = begun(tmp_path).machine.parts([7], 2)
    assert first.tolist() == [7] and weight == 1.0
    assert second.tolist() == [0] and nothing == 0.0
