"""What lab/memory.py counts without computing is what a step takes when it is computed."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

import model
from lab import harvest, memory, tables_memory
from lab.memory import Counter, card, counted
from model import GPTConfig
from plumbing.machine import Machine

SHAPE = GPTConfig(
    block_size=48, vocab_size=512, n_layer=2, n_head=2, n_embd=64, bias=True, pos="learned"
)


def small(stage):
    """A stage's options with small batches."""
    module = memory.STAGES[stage]
    cfg = module.Config(**module.PRESETS["gpt2"])
    changes = dict(batch_size=8, grad_accum=2)
    if stage == "ppo":
        changes |= dict(minibatch=4, max_new_tokens=8)
    return replace(cfg, **changes)


def really(stage, machine):
    """Bytes at the most, by what the allocator gave and took while the step was computed."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as taken:
        with memory.torchs_own():
            memory.STEPS[stage](SHAPE, small(stage), 48, machine)
    now = most = 0
    for event in taken.profiler.kineto_results.events():
        if event.name() == "[memory]":
            now += event.nbytes()
            most = max(most, now)
    return most


AGAIN = {"pretrain": False, "sft": True, "reward": True, "dpo": False, "ppo": True}


@pytest.mark.parametrize("stage, again", AGAIN.items())
def test_the_peak_without_computing_is_that_of_computing(stage, again):
    machine = Machine("cpu", torch.float32, recompute=again)
    reckoned = memory.peak(stage, SHAPE, small(stage), 48, machine)
    assert reckoned == pytest.approx(really(stage, machine), rel=0.1)


def test_a_few_tensors_by_hand():
    with counted() as counter:
        a = torch.zeros(100)  # 400 bytes
        assert counter.now == 400
        b = a[10:].view(9, 10)  # nothing new
        c = a + 1
        assert counter.now == 800 and b.shape == (9, 10)
        del a, b
        assert (counter.now, counter.peak) == (400, 800)
        assert float(c[0]) == 1.0  # no number is there
        del c
    assert (counter.now, counter.peak) == (0, 800)
    with Counter(fake=False) as counter:
        assert float(torch.full((3,), 2.5).sum()) == 7.5 and counter.peak == 16


def test_less_is_kept_where_blocks_are_computed_again_and_passes_are_small():
    plain, again = (Machine("cpu", torch.bfloat16, recompute=r) for r in (False, True))
    cfg = small("sft")
    shape = replace(SHAPE, n_layer=4)
    all_kept, less = (memory.peak("sft", shape, cfg, 48, machine) for machine in (plain, again))
    least = memory.peak("sft", shape, replace(cfg, grad_accum=8), 48, plain)
    assert max(less, least) < 0.9 * all_kept


@pytest.mark.parametrize("stage", ["dpo", "ppo"])
def test_no_step_holds_the_logits_of_all_its_answers(stage, monkeypatch):
    monkeypatch.setattr(model, "MOST_LOGITS", 2**22)
    shape = replace(SHAPE, vocab_size=16_384)
    cfg = replace(small(stage), grad_accum=1)
    machine = Machine("cpu", torch.bfloat16)
    few, many = (
        memory.peak(stage, shape, replace(cfg, batch_size=size), 48, machine) for size in (16, 32)
    )
    answers = 16 * (1 if stage == "ppo" else memory.K)
    assert many - few < answers * 48 * shape.vocab_size * 2  # of those that are added, in bfloat16


def test_a_card_keeps_a_tenth_free():
    assert [card(x) for x in (1, 7.2e9, 7.3e9, 71e9, 73e9)] == [8, 8, 16, 80, None]


def test_every_stage_is_measured_as_its_preset_has_it():
    for stage in memory.STAGES:
        (_, cfg), (options, least) = memory.batches(stage)
        assert getattr(cfg, "max_len", 1024) == 1024 and cfg.lr < 1e-3  # those of gpt2
        for option in options.split():
            name, value = option.removeprefix("--").split("=")
            assert getattr(least, name) == int(value) != getattr(cfg, name)


# --- records and table ---------------------------------------------------------------------------


def row(size="124M", again=False, taken=7e9, **more):
    about = {"seed": 0, "n": 1, "machine": "computed; bfloat16, torch 2.14.1", "stage": "dpo"}
    batch = {"options": "", "tokens": 256, "size": size, "again": again, "bytes": int(taken)}
    return {**about, **batch, **more}


def test_a_row_of_the_table_by_hand():
    rows = [row(), row(again=True, taken=2.46e9), row(size="355M", taken=90e9)]
    rows.append(row(size="355M", again=True, taken=30e9))
    text = tables_memory.memory({"memory": rows}, "en")
    assert "| `dpo.py` | 256 | 7.0: 8 | 2.5: 8 | 90: none | 30: 40 |" in text
    assert "`--checkpoint_activations`" in text and "four whole networks" in text


def test_records_are_made_of_what_was_written(tmp_path):
    with pytest.raises(FileNotFoundError):
        memory.collect(SimpleNamespace(out=tmp_path))
    lines = [{"made by": "x", "torch": "2.14.1"}, {"stage": "ppo", "bytes": 3}]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (tmp_path / "memory.jsonl").write_text(text, encoding="utf-8")
    (found,) = memory.collect(SimpleNamespace(out=tmp_path))
    assert found["stage"] == "ppo" and found["machine"].endswith("torch 2.14.1")
    assert harvest.OF_ALL_SEEDS["memory"] is memory.collect
