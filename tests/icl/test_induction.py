"""Prefix matching on patterns made by hand, attention against the modules that computed it, and the
hand-written circuit."""

from argparse import Namespace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from icl import induction
from icl.induction import (
    copying,
    even_attention,
    familiar,
    hand_built,
    headline,
    heads,
    icl_score,
    measure,
    prefix_matching,
    previous_token,
    probe,
    repeated,
    show,
)
from plumbing.machine import Machine
from tests.tiny import tiny
from tokenizer import Tokenizer

CPU = Machine("cpu", torch.float32)
CFG = Namespace(data="", seed=0, prompts=0)


@given(st.integers(2, 12))
def test_prefix_matching_of_known_patterns(L):
    T = 1 + 2 * L
    perfect, off, even = torch.zeros(T, T), torch.zeros(T, T), torch.ones(T, T).tril()
    for t in range(1 + L, T):
        perfect[t, t - L + 1] = off[t, t - L] = 1.0
    even = even / even.sum(-1, keepdim=True)
    assert prefix_matching(perfect, L) == 1 and prefix_matching(off, L) == 0
    assert float(prefix_matching(even, L)) == pytest.approx(even_attention(L))
    assert float(prefix_matching(torch.stack([perfect, off]).mean(0), L)) == 0.5


def test_previous_token_of_known_patterns():
    assert previous_token(torch.diag(torch.ones(4), -1)) == 1 and previous_token(torch.eye(5)) == 0


@pytest.mark.parametrize("pos", ["rope", "learned"])
def test_attention_is_what_the_network_computes(pos):
    """The weights times the values, through c_proj, must be what each module returned."""
    model, given = tiny(pos, n_layer=3), []
    tokens = torch.randint(31, (4, 17))
    hooks = [
        b.attn.register_forward_hook(lambda _, inputs, out: given.append((inputs[0], out)))
        for b in model.h
    ]
    found = list(heads(model, tokens))
    for hook in hooks:
        hook.remove()
    assert len(found) == 3
    for block, weights, (x, out) in zip(model.h, found, given):
        v = block.attn.c_attn(x).view(4, 17, 3, 2, 8)[:, :, 2].transpose(1, 2)
        y = block.attn.c_proj((weights @ v).transpose(1, 2).reshape(4, 17, 16))
        torch.testing.assert_close(y, out, atol=2e-5, rtol=1e-4)
    assert not any(block.attn._forward_pre_hooks for block in model.h)  # none is left behind


def test_the_circuit_written_by_hand():
    found = measure(hand_built(), repeated(8, 12, np.arange(1, 24), 0, 3))
    matching, previous = found.matching.mean(0), found.previous.mean(0)
    assert matching[1, 0] > 0.9999 and previous[0, 0] > 0.999  # the two heads of the circuit
    np.testing.assert_allclose(matching[:, 1], found.chance, rtol=1e-5)  # the idle heads
    assert found.second.max() < 1e-3 and found.first.min() > np.log(24)


@pytest.mark.parametrize("layer", [0, 1])
def test_either_half_of_the_circuit_alone_does_not_copy(layer):
    model = hand_built()
    with torch.no_grad():
        model.h[layer].attn.c_proj.weight.zero_()
    found = measure(model, repeated(8, 12, np.arange(1, 24), 0, 3))
    assert found.second.min() > 2
    assert (found.matching[:, 1, 0].mean() < 0.2) == (layer == 0)


def test_losses_by_hand():
    # start, r, r with L = 3: six losses; those of r₁ (entries 0 and 3) do not count.
    first, second = copying(np.array([[9.0, 4, 2, 7, 1, 0]]))
    assert (first.tolist(), second.tolist()) == ([3.0], [0.5])
    nll = np.zeros((2, 32))
    nll[:, 2:4], nll[:, 28:], nll[1, 28] = 3.0, 1.0, 5.0
    assert icl_score(nll).tolist() == [-2.0, -1.0]


def test_a_sequence_is_said_twice():
    rows = repeated(5, 6, np.arange(10, 20), 3, 0).numpy()
    assert rows.shape == (5, 13) and (rows[:, 0] == 3).all()
    assert (rows[:, 1:7] == rows[:, 7:]).all() and set(rows[:, 1:].ravel()) <= set(range(10, 20))
    assert all(len(set(row[1:7])) == 6 for row in rows)


def test_only_tokens_of_the_text_are_drawn():
    tokenizer = SimpleNamespace(vocab=[b""] * 60)
    text = SimpleNamespace(tokens=np.repeat(np.arange(70), np.where(np.arange(70) % 2, 10, 9)))
    assert familiar(text, tokenizer).tolist() == list(range(1, 60, 2))
    assert len(familiar(None, tokenizer)) == 60


def loaded(**train_config):
    tokenizer = Tokenizer.train("The cow eats grass. The king likes the sea.\n" * 20, 280)
    model = tiny(vocab_size=tokenizer.n_vocab, block_size=48)
    checkpoint = {
        "stage": "pretrain",
        "train_config": train_config,
        "parent": None,
        "model_config": {"block_size": 48},
    }
    about = {"ckpt": "x.pt", "stage": "pretrain", "step": 7, "params": 1}
    return SimpleNamespace(
        name="x.pt", model=model, tokenizer=tokenizer, checkpoint=checkpoint, about=lambda: about
    )


def test_the_probe_from_end_to_end(tmp_path, monkeypatch, capsys):
    text = "The cow eats grass. The king likes.\n" * 90
    (tmp_path / "text.txt").write_text(text, encoding="utf-8")
    monkeypatch.setattr(induction, "BLOCKS", 8)
    rows = probe(CFG, loaded(data=str(tmp_path / "text.txt")), CPU)
    kinds = [r["kind"] for r in rows if "control" not in r]
    assert kinds == ["head"] * 4 + ["repeat", "text"] + ["position"] * 48
    losses = [r["loss"] for r in rows if r["kind"] == "position"]
    assert np.mean(losses) == pytest.approx(next(r["loss"] for r in rows if r["kind"] == "text"))
    best = next(r for r in rows if r["kind"] == "repeat")
    assert best["matching"] == max(r["matching"] for r in rows[:4])
    show(rows)
    shown = capsys.readouterr().out
    assert "control" in shown and "toy world" in shown and f"{best['matching']:.3f}" in shown
    assert f"{best['copying']:+.3f}" in headline(rows)


def test_a_text_that_is_not_here_leaves_out_the_icl_score(capsys):
    rows = probe(CFG, loaded(data="nowhere.txt"), CPU)
    assert "text" not in {r["kind"] for r in rows} and "ICL score" in capsys.readouterr().out
    show(rows)
