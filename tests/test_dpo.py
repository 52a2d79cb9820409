"""DPO: the loss against its definition, what counts as the answer, and a preference it learns."""

import json
import math
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import dpo
from dpo import Config, answer_logp, dpo_loss, evaluate, get_batch
from likelihood import token_logprobs
from model import GPT, GPTConfig
from plumbing import inputs
from plumbing.checkpoint import load_checkpoint, save_checkpoint
from plumbing.config import parse_config
from plumbing.errors import BadInput
from plumbing.machine import Machine
from tests.tiny import tiny
from tokenizer import Tokenizer

CPU = Machine("cpu", torch.float32)
WORDS = "go now sit down come here wait stay open close move stop".split()


def record(question, responses, ranking):
    return {
        "messages": [{"role": "user", "content": question}],
        "responses": responses,
        "ranking": ranking,
    }


def polite(n, seed=0):
    """Two answers to each of n questions, of which the one with "please" is the better."""
    rng, records = np.random.default_rng(seed), []
    for i in range(n):
        texts = [" ".join(rng.choice(WORDS, 3)) for _ in range(2)]
        best = int(rng.integers(2))
        texts[best] += " please"
        records.append(record(f"What is {i}?", texts, [[best], [1 - best]]))
    return records


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.train(" ".join([*WORDS, "please", "What is ?"] * 3), 320)


@pytest.fixture
def model(tokenizer):
    return tiny(vocab_size=tokenizer.n_vocab, block_size=64)


@pytest.fixture
def files(tmp_path, tokenizer):
    """A fine-tuned model that knows nothing, and people's comparisons."""
    model = GPT(
        GPTConfig(block_size=64, vocab_size=tokenizer.n_vocab, n_layer=2, n_head=2, n_embd=32)
    )
    save_checkpoint(
        tmp_path / "sft.pt",
        {
            "stage": "sft",
            "model": model.state_dict(),
            "model_config": asdict(model.config),
            "tokenizer": tokenizer.to_json(),
            "train_config": {},
            "step": 0,
            "metrics": {},
            "parent": None,
        },
    )
    write(tmp_path / "people.jsonl", polite(80))
    return tmp_path


def write(path, records):
    path.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
    return str(path)


def config(files, out="out", **changes):
    return Config(
        **{
            **dict(
                init=str(files / "sft.pt"),
                data=str(files / "people.jsonl"),
                out=str(files / out),
                batch_size=4,
                lr=3e-3,
                epochs=2,
                device="cpu",
                dtype="float32",
            ),
            **changes,
        }
    )


# --- the loss ----------------------------------------------------------------------------------


@pytest.mark.parametrize("K", range(2, 10))
def test_the_loss_is_the_explicit_double_loop(K):
    logp, ref_logp = (
        -20 * torch.rand(30, K, dtype=torch.double),
        -20 * torch.rand(30, K, dtype=torch.double),
    )
    ranks = torch.randint(-1, K, (30, K))  # ties and missing answers are frequent
    ranks[0], ranks[1], ranks[2] = torch.arange(K), -1, 0
    losses, right, pairs = [], 0, 0
    for p, q, rank in zip(logp.tolist(), ref_logp.tolist(), ranks.tolist()):
        margins = [
            0.3 * (p[w] - q[w]) - 0.3 * (p[l] - q[l])
            for w in range(K)
            for l in range(K)
            if 0 <= rank[w] < rank[l]
        ]
        losses += [sum(math.log1p(math.exp(-m)) for m in margins) / len(margins)] if margins else []
        right, pairs = right + sum(m > 0 for m in margins), pairs + len(margins)
    loss, correct = dpo_loss(logp, ref_logp, ranks, 0.3)
    assert loss.item() == pytest.approx(sum(losses) / len(losses), abs=1e-12)
    assert correct.item() == pytest.approx(right / pairs)


def test_the_gradient_is_the_papers():
    """∇L = −β·σ(r̂_l − r̂_w)·(∇ log π(y_w) − ∇ log π(y_l))        (Rafailov et al. 2023, section 4)"""
    logp, ref_logp = torch.tensor([[-3.0, -2.0]], requires_grad=True), torch.tensor([[-4.0, -1.0]])
    loss, correct = dpo_loss(logp, ref_logp, torch.tensor([[0, 1]]), 0.5)
    loss.backward()
    share = 0.5 / (1 + math.exp(0.5 * (1 + 1)))
    torch.testing.assert_close(logp.grad, torch.tensor([[-share, share]]))
    assert correct == 1 and dpo_loss(logp, ref_logp, torch.tensor([[1, 0]]), 0.5)[1] == 0


@given(st.integers(2, 9), st.integers(0, 1000))
def test_the_order_of_the_candidates_is_free(K, seed):
    g = torch.Generator().manual_seed(seed)
    logp, ref_logp = torch.randn(2, 4, K, generator=g)
    ranks, order = torch.randint(-1, K, (4, K), generator=g), torch.randperm(K, generator=g)
    torch.testing.assert_close(
        dpo_loss(logp[:, order], ref_logp[:, order], ranks[:, order], 0.1),
        dpo_loss(logp, ref_logp, ranks, 0.1),
    )


def test_without_pairs_there_is_no_loss():
    logp = torch.randn(2, 3, requires_grad=True)
    loss, correct = dpo_loss(logp, torch.randn(2, 3), torch.tensor([[0, 0, 0], [0, -1, -1]]), 0.1)
    loss.backward()
    assert loss.item() == correct.item() == 0 and (logp.grad == 0).all()


def test_a_soft_label_is_cdpo_by_hand():
    """β·(r_0 − r_1) = 0.5·((−3 + 4) − (−2 + 1)) = 1; p = 0.9 (Mitchell 2023, cDPO)"""
    logp, ref_logp = torch.tensor([[-3.0, -2.0]], requires_grad=True), torch.tensor([[-4.0, -1.0]])
    loss, correct = dpo_loss(logp, ref_logp, torch.tensor([[0, 1]]), 0.5, p=torch.tensor([0.9]))
    expected = 0.9 * math.log1p(math.exp(-1)) + 0.1 * math.log1p(math.exp(1))
    assert loss.item() == pytest.approx(expected, abs=1e-6) and correct == 1
    loss.backward()
    share = 0.5 * (1 / (1 + math.exp(-1)) - 0.9)
    torch.testing.assert_close(logp.grad, torch.tensor([[share, -share]]))


def test_an_ais_labels_are_clamped_and_learned(files):
    """With labels of 0.5 there is nothing to prefer; with sure ones there is."""
    rows = [{**row, "source": "ai"} for row in polite(80)]
    data = write(files / "ai.jsonl", rows)
    sure = dpo.train(config(files, data=data))
    flat = dpo.train(config(files, "flat", data=data, clamp="0.5,0.5"))
    assert sure["val_loss"] < 0.6 and flat["val_loss"] == pytest.approx(math.log(2), abs=0.01)
    with pytest.raises(BadInput, match="--clamp=1: expected"):
        dpo.train(config(files, clamp="1"))


# --- batches -----------------------------------------------------------------------------------


def test_the_mask_is_the_last_answer_and_its_end(tokenizer):
    long = {
        "messages": [
            {"role": "user", "content": "go?"},
            {"role": "assistant", "content": "wait"},
            {"role": "user", "content": "now?"},
        ],
        "responses": ["sit down", "stay"],
        "ranking": [[1], [0]],
    }
    tokens, mask, ranks = get_batch(
        [long, record("go", ["a b c", "stop", "move"], [[0], [1, 2]])], tokenizer, Config(), CPU
    )
    assert ranks.tolist() == [[1, 0, -1], [0, 1, 1]] and mask.shape == (6, tokens.shape[1] - 1)
    for row, text in enumerate(["sit down", "stay", "", "a b c", "stop", "move"]):
        assert tokens[row, 1:][mask[row].bool()].tolist() == [
            *tokenizer.turn(text),
            tokenizer.endoftext,
        ]
        assert sorted(mask[row].tolist()) == [0.0] * int((mask[row] == 0).sum()) + [1.0] * int(
            mask[row].sum()
        )


def test_a_long_question_keeps_its_right_end(tokenizer):
    tokens, mask, _ = get_batch(
        [record("go " * 50, ["sit", "wait now"], [[0], [1]])], tokenizer, Config(max_len=9), CPU
    )
    assert tokens.shape == (2, 9) and (tokens[:, 8] == tokenizer.endoftext).all()
    assert tokens[0, 1:][mask[0].bool()].tolist() == [*tokenizer.turn("sit"), tokenizer.endoftext]
    tokens, mask, _ = get_batch(
        [record("go", ["sit down here " * 9, "stay"], [[0], [1]])],
        tokenizer,
        Config(max_len=9),
        CPU,
    )
    assert mask[0].tolist() == [1.0] * 8  # the answer alone exceeds the room


def test_log_probabilities_are_sums_over_answers_alone(model, tokenizer):
    batch = polite(3) + [record("Two?", ["stay", "sit down now"], [[0], [1]])]
    tokens, mask, ranks = get_batch(batch, tokenizer, Config(), CPU)
    found = answer_logp(model, tokens, mask, ranks)
    for n, r in enumerate(batch):
        for k, text in enumerate(r["responses"]):
            prompt = tokenizer.prompt(r["messages"])[0]
            row = torch.tensor([[*prompt, *tokenizer.turn(text), tokenizer.endoftext]])
            own = token_logprobs(model, row)[0, len(prompt) - 1 :].sum()
            torch.testing.assert_close(found[n, k], own, atol=1e-4, rtol=1e-5)


def test_what_stands_in_the_pads_changes_nothing(model, tokenizer):
    batch = polite(3) + [record("Two?", ["stay", "please stop here now and stay"], [[0], [1]])]
    tokens, mask, ranks = get_batch(batch, tokenizer, Config(), CPU)
    last = (mask * torch.arange(1, mask.shape[1] + 1)).argmax(1) + 1
    pads = torch.arange(tokens.shape[1]) > last[:, None]
    assert pads.sum() > 8 and (tokens[pads] == tokenizer.pad).all()
    garbage = torch.where(pads, torch.randint(tokenizer.n_vocab, tokens.shape), tokens)
    reference = torch.randn(ranks.shape)

    def everything(tokens):
        model.zero_grad()
        logp = answer_logp(model, tokens, mask, ranks)
        loss, correct = dpo_loss(logp, reference, ranks, 0.1)
        loss.backward()
        return [
            logp.detach(),
            loss.detach(),
            correct,
            *(p.grad.clone() for p in model.parameters()),
        ]

    for a, b in zip(everything(tokens), everything(garbage), strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-5)


# --- learning ----------------------------------------------------------------------------------


def test_at_the_start_the_loss_is_log_2(model, tokenizer):
    tokens, mask, ranks = get_batch(polite(6), tokenizer, Config(), CPU)
    logp = answer_logp(model, tokens, mask, ranks)
    assert dpo_loss(logp, logp.detach(), ranks, 0.1)[0].item() == pytest.approx(
        math.log(2), abs=1e-6
    )
    assert evaluate(model, model, polite(40), tokenizer, Config(), CPU)[
        "val_loss"
    ] == pytest.approx(math.log(2), abs=1e-6)


@pytest.mark.parametrize("best", [0, 1])
def test_a_step_raises_the_chosen_over_the_rejected(model, tokenizer, best):
    tokens, mask, ranks = get_batch(
        [record("What?", ["go now", "sit down"], [[best], [1 - best]])], tokenizer, Config(), CPU
    )
    before = answer_logp(model, tokens, mask, ranks)
    dpo_loss(before, before.detach(), ranks, 0.1)[0].backward()
    with torch.no_grad():
        for p in model.parameters():
            p -= 1e-3 * p.grad
    change = (answer_logp(model, tokens, mask, ranks) - before)[0]
    assert change[best] > change[1 - best]


def test_evaluation_weighs_every_question_alike(model, tokenizer):
    """40 questions make a group of 32 and one of 8: neither counts for more than its share."""
    other, records, cfg = tiny(vocab_size=tokenizer.n_vocab, block_size=64), polite(40), Config()
    alone = [evaluate(model, other, [r], tokenizer, cfg, CPU) for r in records]
    found = evaluate(model, other, records, tokenizer, cfg, CPU)
    for key in ("val_loss", "val_accuracy"):
        assert found[key] == pytest.approx(np.mean([a[key] for a in alone]), rel=1e-4)
    assert model.training


def test_a_simple_preference_is_learned(files, monkeypatch):
    built, start = [], GPT.from_checkpoint.__func__

    def from_checkpoint(cls, checkpoint, **changes):
        model = start(cls, checkpoint, **changes)
        built.append((model, {k: v.clone() for k, v in model.state_dict().items()}))
        return model

    with monkeypatch.context() as patch:
        patch.setattr(GPT, "from_checkpoint", classmethod(from_checkpoint))
        metrics = dpo.train(config(files))
    assert metrics["val_accuracy"] == 1 and metrics["val_loss"] < 0.6
    (ref, before), (policy, _) = built
    assert all(
        torch.equal(v, before[k]) for k, v in ref.state_dict().items()
    )  # the reference stays
    found = load_checkpoint(files / "out" / "ckpt.pt", stages=("dpo",))
    model, tokenizer = GPT.from_checkpoint(found), Tokenizer.from_json(found["tokenizer"])
    assert all(torch.equal(v, policy.state_dict()[k]) for k, v in found["model"].items())
    assert found["parent"]["stage"] == "sft" and found["metrics"] == metrics
    tokens, mask, ranks = get_batch(
        [record("Who?", ["go down please", "go down now"], [[0], [1]])], tokenizer, Config(), CPU
    )
    logp, ref_logp = answer_logp(model, tokens, mask, ranks), answer_logp(ref, tokens, mask, ranks)
    assert (logp - ref_logp)[0, 0] > (logp - ref_logp)[0, 1]
    log = [json.loads(line) for line in open(files / "out" / "log.jsonl", encoding="utf-8")][1:]
    assert log[0]["step"] == 10 and log[-1]["val_loss"] == metrics["val_loss"]


def test_held_out_comparisons_are_of_other_questions(files, monkeypatch):
    data, seen = (
        write(files / "d.jsonl", polite(40, 1) + polite(40, 2) + polite(40, 3)),
        {"train": set(), "val": set()},
    )
    batch, check = dpo.get_batch, dpo.evaluate

    def note(records, *args):
        seen["train"] |= {r["messages"][0]["content"] for r in records}
        return batch(records, *args)

    def examine(policy, ref, records, *args):
        monkeypatch.setattr(dpo, "get_batch", batch)
        seen["val"] = {r["messages"][0]["content"] for r in records}
        return check(policy, ref, records, *args)

    monkeypatch.setattr(dpo, "get_batch", note)
    monkeypatch.setattr(dpo, "evaluate", examine)
    dpo.train(config(files, data=data))
    assert seen["train"] and seen["val"] and not seen["train"] & seen["val"]


def test_dropout_is_off_and_two_runs_are_equal(files):
    base = load_checkpoint(files / "sft.pt")
    base["model_config"]["dropout"] = 0.5
    save_checkpoint(files / "sft.pt", base)
    for out in ("a", "b"):
        dpo.train(config(files, out, epochs=1))
    a, b = (load_checkpoint(files / out / "ckpt.pt") for out in "ab")
    assert a["model_config"]["dropout"] == 0 and all(
        torch.equal(a["model"][k], b["model"][k]) for k in a["model"]
    )


def test_files_that_do_not_suffice(files):
    with pytest.raises(BadInput, match="at least 2"):
        dpo.train(config(files, data=write(files / "one.jsonl", polite(1))))
    write(files / "bad.jsonl", [{"messages": [], "responses": [], "ranking": []}])
    with pytest.raises(BadInput, match="bad.jsonl: no usable record .*line 1"):
        dpo.train(config(files, data=str(files / "bad.jsonl")))


def test_a_mistyped_file_starts_no_training(files, monkeypatch):
    """Only what reward.py would write is made by it; a name that it never writes is a mistake."""
    monkeypatch.setattr(inputs, "run_stage", lambda *_: pytest.fail("started a stage"))
    with pytest.raises(BadInput, match="gone.jsonl"):
        dpo.train(config(files, data=str(Path(files) / "gone.jsonl")))


@pytest.mark.parametrize("dies_at, kept", [(8, 5), (13, 10)])
def test_a_resumed_run_is_the_whole_run(files, dies_at, kept):
    more = dict(epochs=2, eval_every=5)
    dpo.train(config(files, "whole", **more))
    seen, step = [], dpo.optim.step

    def dies(*args):
        seen.append(args)
        if len(seen) == dies_at:
            raise KeyboardInterrupt
        return step(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dpo.optim, "step", dies)
        with pytest.raises(KeyboardInterrupt):
            dpo.train(config(files, "cut", **more))
    assert load_checkpoint(files / "cut" / "last.pt")["step"] == kept
    assert not (files / "cut" / "ckpt.pt").exists()  # what the next stage reads is a finished run's
    dpo.train(parse_config(Config, dpo.PRESETS, [f"--out={files / 'cut'}", "--resume"]))
    a, b = (load_checkpoint(files / name / "ckpt.pt") for name in ("whole", "cut"))
    assert all(torch.equal(a["model"][k], b["model"][k]) for k in a["model"])
    assert a["metrics"] == b["metrics"] and a["step"] == b["step"]


def test_parts_of_a_batch_add_up_to_the_whole(files):
    """Questions with ties weigh the same whatever part they fall in."""
    tied = [record(f"Q{i}?", ["a b", "c d"], [[0, 1]] if i % 3 else [[0], [1]]) for i in range(30)]
    data = write(files / "ties.jsonl", tied)
    for out, parts in (("one", 1), ("four", 4)):
        dpo.train(config(files, out, data=data, batch_size=8, grad_accum=parts, steps=2))
    one, four = (load_checkpoint(files / out / "ckpt.pt") for out in ("one", "four"))
    assert one["step"] == four["step"] == 2
    for name in one["model"]:
        torch.testing.assert_close(one["model"][name], four["model"][name], atol=1e-5, rtol=0)
