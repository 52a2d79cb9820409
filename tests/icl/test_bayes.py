"""The Bayes probe: rows and tables without a model, and of a model that is Bayes itself."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

import pretrain
from data import ginc as data
from data.ginc.exact_bayes import Mixture, mix, softmax
from data.ginc.hmm import Ginc
from icl import bayes
from model import GPT, GPTConfig
from plumbing.errors import BadInput
from plumbing.machine import Machine
from plumbing.records import write_records
from tokenizer import Tokenizer

CPU = Machine("cpu", torch.float32)


def config(**changes):
    return SimpleNamespace(
        **{**dict(k="3", n="0,1", eps=0.01, prompts=120, data="", seed=0, lstm=0), **changes}
    )


def loaded(model, data_name="ginc"):
    tokenizer, _ = data.make_tokenizer(Ginc())
    checkpoint = {"stage": "pretrain", "train_config": {"data": data_name}, "parent": None}
    about = {"ckpt": "out/x/ckpt.pt", "stage": "pretrain", "step": 5, "params": 1}
    return SimpleNamespace(
        model=model, tokenizer=tokenizer, checkpoint=checkpoint, about=lambda: about
    )


class Exact(torch.nn.Module):
    """Stands where a network stands and predicts as the reset mixture does, at one eps."""

    config = SimpleNamespace(vocab_size=320, block_size=40)

    def __init__(self, eps):
        super().__init__()
        self.mixture, self.eps = Mixture(Ginc()), (eps,)
        self.wte = SimpleNamespace(weight=torch.eye(320))

    def trunk(self, tokens):
        """Hidden states that are the log-probabilities themselves; pads count as "/"."""
        symbols = np.maximum(tokens.numpy() - 256, 0)
        total, out = 0.0, np.full((*tokens.shape, 320), -50.0, dtype=np.float32)
        for t, (evidence, alpha) in enumerate(self.mixture.steps(symbols, self.eps)):
            total = total + np.log(np.maximum(evidence[..., 0], 1e-300))
            p = self.mixture.next_symbol(alpha, symbols[:, t], self.eps)[:, :, 0]
            out[:, t, 256:306] = np.log(np.maximum(mix(softmax(total), p), 1e-20))
        return torch.from_numpy(out)

    forward = trunk


@pytest.fixture(autouse=True)
def few_prompts(monkeypatch):
    """Not the released prompts, whose stream is long, but prompts of the same kind."""
    monkeypatch.setattr(bayes, "ORDERED", (3, 4, 50))
    monkeypatch.setattr(data, "SHOTS", (0, 1, 4))


def pick(rows, **wanted):
    return [r for r in rows if all(r.get(k) == v for k, v in wanted.items())]


def test_without_a_checkpoint(capsys):
    rows = bayes.probe(config(), None, CPU)
    bayes.show(rows)
    shown = capsys.readouterr().out
    assert "exact Bayes, k = 3, concepts of pretraining" in shown and "24 orders" in shown
    assert all(r["probe"] == "bayes" and r["world"] == "ginc" and r["ckpt"] is None for r in rows)
    shots = pick(rows, kind="shots", prompts="id")
    assert {r["cond"] for r in shots} == {"bayes", "aware", "uniform", "test only", "bigram"}
    assert all(r["low"] <= r["acc"] <= r["high"] and r["count"] == 120 for r in shots)
    acc = {(r["cond"], r["eps"], r["n"]): r["acc"] for r in shots}
    assert acc["aware", None, 1] > acc["bayes", 0.01, 1] > acc["bayes", 0.01, 0]
    assert acc["bayes", 0.01, 0] == acc["test only", 0.01, 0] > acc["uniform", 0.01, 0]
    assert len(pick(rows, kind="position")) == 319
    order = {r["cond"]: r for r in pick(rows, kind="order")}
    assert order["aware"]["changed"] == 0 < order["bayes"]["changed"]
    assert order["aware"]["lowest"] == order["aware"]["highest"]
    assert order["bayes"]["lowest"] < order["bayes"]["acc"] < order["bayes"]["highest"]


def test_a_model_that_is_bayes_is_found_to_be_bayes(capsys):
    rows = bayes.probe(config(n="0,1,4"), loaded(Exact(0.01)), CPU)
    bayes.show(rows)
    assert "closest to Bayes with eps = 0.01" in capsys.readouterr().out
    for n in (0, 1, 4):
        (model,) = pick(rows, kind="shots", prompts="id", cond="model", n=n)
        (exact,) = pick(rows, kind="shots", prompts="id", cond="bayes", eps=0.01, n=n)
        assert model["acc"] == exact["acc"] and abs(exact["kl_model"]) < 1e-6
        # One prediction shows its weights where the concepts' predictions differ.
        assert model["post_true"] == pytest.approx(exact["post_true"], abs=0.1)
        for eps in (0.001, 0.05):
            assert pick(rows, prompts="id", cond="bayes", eps=eps, n=n)[0]["kl_model"] > 1e-4 * n
    order = {r["cond"]: r for r in pick(rows, kind="order")}
    assert {k: v for k, v in order["model"].items() if k != "cond"} == {
        k: v for k, v in order["bayes"].items() if k != "cond"
    }
    (whole,) = pick(rows, kind="documents")
    assert whole["tokens"] == 40 and 0 < whole["loss"] - whole["bayes"] < 0.03
    assert "above Bayes" in bayes.headline(rows)


def test_a_model_that_is_not_bayes_is_not_taken_for_it():
    model = GPT(GPTConfig(block_size=40, vocab_size=320, n_layer=1, n_head=2, n_embd=16)).eval()
    rows = bayes.probe(config(prompts=40), loaded(model), CPU)
    (whole,) = pick(rows, kind="documents")
    assert whole["loss"] > 4 > 2 * whole["bayes"] and whole["kl"] > 3
    assert all(r["acc"] < 0.2 and r["loglik"] < -4 for r in pick(rows, cond="model", kind="shots"))
    assert not [r for r in rows if (r.get("k", 0) + 1) * (r.get("n", 0) + 1) - 2 > 40]


def test_words_drawn_at_random_are_no_concepts_documents(tmp_path, capsys):
    model = GPT(GPTConfig(block_size=40, vocab_size=320, n_layer=1, n_head=2, n_embd=16)).eval()
    for asked in (loaded(model, "ginc_random"), None):
        rows = bayes.probe(config(prompts=40, data="ginc_random"), asked, CPU)
        write_records(tmp_path / "bayes.jsonl", {}, rows)  # refuses numbers that are not finite
        (whole,) = pick(rows, kind="documents")
        assert "bayes" not in whole and "kl" not in whole
        assert ("loss" in whole) == (asked is not None)
        bayes.show(rows)
        said = capsys.readouterr().out
        assert "no concept can have written them" in said and "inf" not in said
        if asked:
            assert f"model {whole['loss']:.4f} nats" in said and whole["loss"] > 4
            assert f"loss {whole['loss']:.3f}   k" in bayes.headline(rows)


def test_unseen_concepts_as_released_and_repaired():
    rows = bayes.probe(config(k="10", n="0", prompts=400), None, CPU)
    damaged, repaired = (
        pick(rows, kind="shots", prompts=kind, cond="bayes", eps=0.01)[0]
        for kind in ("ood", "ood_fixed")
    )
    assert damaged["slash"] > 0.4 > 0.2 > repaired["slash"]
    assert "post_true" not in damaged and "post_true" not in repaired


def test_the_world_a_checkpoint_was_trained_on():
    child = loaded(None, "ginc20")
    child.checkpoint = {
        "stage": "sft",
        "train_config": {"data": ""},
        "parent": {"stage": "pretrain", "data": "ginc20", "parent": None},
    }
    assert bayes.ginc_of(config(), child)[1].concepts == 20
    assert bayes.ginc_of(config(), loaded(None, "world"))[0] == "ginc"
    assert bayes.ginc_of(config(data="ginc_one"), None)[0] == "ginc_one"


@pytest.mark.parametrize(
    "changes, message",
    [
        (dict(k="4"), "k = .3, 5, 8, 10."),
        (dict(n="3"), "prompts were drawn"),
        (dict(data="x.txt"), "one of ginc, ginc20"),
        (dict(eps=0.0), "above 0"),
    ],
)
def test_bad_options(changes, message):
    with pytest.raises(BadInput, match=message):
        bayes.probe(config(**changes), None, CPU)


def test_a_checkpoint_of_other_words_is_refused():
    other = loaded(GPT(GPTConfig(vocab_size=320, n_layer=1, n_head=2, n_embd=16)))
    other.tokenizer = Tokenizer([bytes([b]) for b in range(256)])
    with pytest.raises(BadInput, match="pretrain.py --preset=ginc"):
        bayes.probe(config(), other, CPU)


def test_an_lstm_learns_and_is_asked(monkeypatch):
    one, two = (bayes.train_lstm("ginc", 2, 0, CPU, batch_size=4, block_size=8) for _ in range(2))
    assert torch.equal(one.model.wte.weight, two.model.wte.weight)
    small = bayes.train_lstm("ginc", 60, 0, CPU, batch_size=16, block_size=20)
    monkeypatch.setattr(bayes, "train_lstm", lambda name, steps, seed, machine: small)
    monkeypatch.setattr(small.model.config, "block_size", 40)
    rows = bayes.probe(config(lstm=60, n="0", prompts=30), None, CPU)
    mine = pick(rows, ckpt="LSTM")
    assert pick(rows, ckpt=None) and pick(mine, kind="shots", prompts="id", cond="model")
    (whole,) = pick(mine, kind="documents")
    assert whole["step"] == 60
    assert whole["bayes"] + 0.5 < whole["loss"] < 3.55  # the frequencies of words alone: 3.59


# --- pretraining on it -------------------------------------------------------------------------


def test_short_steps_cut_the_same_text():
    cfg, whole = (pretrain.Config(block_size=16, batch_size=6, short=s) for s in (0.25, 0.0))
    text = np.arange(16 * 40 + 1)
    for step in range(8):
        rows = np.arange(6 * step, 6 * step + 6) % 40
        x, y = pretrain.get_batch(text, rows, step, cfg, CPU)
        same = pretrain.get_batch(text, rows, step, whole, CPU)[0]
        assert x.shape == ((48, 2) if step % 4 == 3 else (6, 16)) and torch.equal(y, x + 1)
        assert torch.equal(x.flatten(), same.flatten())
        parts = [
            pretrain.get_batch(text, machine.mine(rows), step, cfg, machine)[0]
            for machine in (Machine("cpu", torch.float32, rank, 2) for rank in (0, 1))
        ]
        both = torch.stack([p.unflatten(0, (3, -1)) for p in parts], dim=1)
        assert torch.equal(both.flatten(0, 2), x)


def test_pretraining_learns_the_language(tmp_path):
    cfg = pretrain.Config(
        data="ginc",
        out=str(tmp_path),
        n_layer=1,
        n_head=2,
        n_embd=32,
        block_size=64,
        short=0.5,
        steps=60,
        eval_every=60,
        device="cpu",
        dtype="float32",
        grad_accum=2,
    )
    metrics = pretrain.train(cfg)
    assert metrics["val_loss"] < 3.2  # the frequencies of words alone: 3.59
    saved = torch.load(tmp_path / "ckpt.pt", weights_only=True)
    assert saved["model_config"]["vocab_size"] == 320
    assert Tokenizer.from_json(saved["tokenizer"]).encode(" / ab") == [256, 283]
    with pytest.raises(BadInput, match="its vocabulary is not that of demos"):
        pretrain.train(
            pretrain.Config(
                data="demos", out=str(tmp_path / "x"), device="cpu", init=str(tmp_path / "ckpt.pt")
            )
        )


@pytest.mark.parametrize("changes", [dict(short=1.5), dict(short=0.5, block_size=12)])
def test_bad_short(changes, tmp_path):
    with pytest.raises(BadInput, match="--short="):
        pretrain.train(pretrain.Config(data="ginc", out=str(tmp_path), device="cpu", **changes))
