"""LoRA: the pair does what the paper's equation says, melts into the matrix without a trace, and is all
that learns."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from torch import nn

import lora
import optim
import sft
from lora import LowRank, attach, parts
from model import GPT
from plumbing.checkpoint import load_checkpoint, save_checkpoint
from plumbing.config import parse_config
from plumbing.errors import BadInput
from tests.tiny import V, tiny
from tokenizer import Tokenizer

PAIRS = ("A", "B")


def random_pairs(model, rank=2):
    """`model` with pairs that change what it says."""
    attach(model, rank)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name.endswith(PAIRS):
                p.normal_(std=0.1)
    return model


def twin(model):
    """Another network with the same weights."""
    return GPT.from_checkpoint(
        {"model": model.state_dict(), "model_config": asdict(model.config)}
    ).eval()


# --- one layer ---------------------------------------------------------------------------------


def test_forward_by_hand():
    """r = 1, so α/r = 16. x = (1, 2, 3): W·x = (1, 2), A·x = (1 + 3)/16, B·(4/16)·16 = (4, 8)."""
    linear = nn.Linear(3, 2, bias=False)
    linear.weight.data = torch.tensor([[1.0, 0, 0], [0, 1, 0]])
    layer = LowRank(linear, 1)
    layer.A.data, layer.B.data = torch.tensor([[1.0, 0, 1]]) / 16, torch.tensor([[1.0], [2.0]])
    torch.testing.assert_close(layer(torch.tensor([1.0, 2, 3])), torch.tensor([5.0, 10]))
    expected = torch.tensor([[2.0, 0, 1], [2, 1, 2]])
    torch.testing.assert_close(layer.merged(), expected)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("rank", [1, 3, 8])
def test_the_merged_matrix_does_the_same(rank, bias):
    layer = LowRank(nn.Linear(5, 7, bias=bias), rank)
    nn.init.normal_(layer.B)
    x = torch.randn(4, 2, 5)
    expected = nn.functional.linear(x, layer.merged(), layer.bias)
    torch.testing.assert_close(layer(x), expected)
    assert list(layer.state_dict()) == ["weight", "bias"][: 1 + bias]


# --- a whole model -----------------------------------------------------------------------------


@pytest.mark.parametrize("pos", ["rope", "learned"])
def test_a_pair_that_begins_changes_no_bit(pos):
    model, tokens = tiny(pos), torch.randint(V, (2, 9))
    before = model(tokens)
    attach(model, 4)
    assert torch.equal(model(tokens), before)
    assert all(p.abs().sum() > 0 for name, p in model.named_parameters() if name.endswith(".A"))


def test_a_checkpoint_is_plain_and_says_the_same():
    model, tokens = tiny(), torch.randint(V, (2, 9))
    names, before = list(model.state_dict()), model(tokens)
    random_pairs(model)
    assert list(model.state_dict()) == names
    after = model(tokens)
    torch.testing.assert_close(twin(model)(tokens), after, atol=1e-4, rtol=1e-4)
    assert (after - before).abs().max() > 0.1


def test_only_the_pairs_learn():
    model, tokens = random_pairs(tiny()), torch.randint(V, (2, 9))
    model(tokens[:, :-1], tokens[:, 1:]).mean().backward()
    for name, p in model.named_parameters():
        assert name.endswith(PAIRS) == p.requires_grad == (p.grad is not None), name
        assert p.grad is None or p.grad.abs().sum() > 0
    learned = [name for name, p in model.named_parameters() if p.requires_grad]
    assert len(learned) == 2 * 4 * model.config.n_layer  # two of each of a block's four matrices


def test_the_optimizer_holds_little_and_all_of_it_is_adamw():
    """Muon is asked for, and gets nothing: what learns are thin matrices."""
    model, tokens = tiny(), torch.randint(V, (2, 9))
    C, r = model.config.n_embd, 2
    attach(model, r)
    optimizers = optim.build(model, 1e-2, matrix_lr=0.02)
    assert [type(optimizer) for optimizer in optimizers] == [torch.optim.AdamW]
    model(tokens[:, :-1], tokens[:, 1:]).mean().backward()
    frozen = {n: p.clone() for n, p in model.named_parameters() if not p.requires_grad}
    optim.step(optimizers, model, 1.0)
    held = [v for state in optimizers[0].state.values() for v in state.values() if v.ndim]
    widths = (C + 3 * C) + (C + C) + (C + 4 * C) + (4 * C + C)  # in + out of a block's matrices
    assert sum(v.numel() for v in held) == 2 * r * widths * model.config.n_layer
    assert all(torch.equal(dict(model.named_parameters())[n], p) for n, p in frozen.items())


# --- a run -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A base model that knows nothing yet and eight demonstrations."""
    path = tmp_path_factory.mktemp("lora")
    said = [("Say hello.", "Hello there!"), ("Two and three?", "Five.")] * 8
    tokenizer = Tokenizer.train(" ".join(map(" ".join, said)), 300)
    model = tiny(loud=False, vocab_size=tokenizer.n_vocab)
    base = {"stage": "pretrain", "model": model.state_dict(), "model_config": asdict(model.config)}
    save_checkpoint(path / "base.pt", {**base, "tokenizer": tokenizer.to_json()})
    lines = [json.dumps({"prompt": asked, "completion": answer}) for asked, answer in said]
    (path / "demos.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def config(files, out, **changes):
    shared = dict(
        init=str(files / "base.pt"), data=str(files / "demos.jsonl"), out=str(files / out)
    )
    shared |= dict(steps=8, eval_every=4, batch_size=4, pretrain_mix=0.0, lora=2, lr=0.02)
    return sft.Config(**{**shared, "device": "cpu", "dtype": "float32", **changes})


def test_what_is_saved_differs_by_a_matrix_of_low_rank(files, capsys):
    sft.train(config(files, "whole"))
    base, tuned = (load_checkpoint(files / n)["model"] for n in ("base.pt", "whole/ckpt.pt"))
    assert base.keys() == tuned.keys()
    for name, weight in base.items():
        change = tuned[name] - weight
        if name == "wte.weight":  # the roles' two rows alone begin elsewhere
            assert change.any(1).sum() == 2
        elif name.startswith("h.") and weight.ndim == 2:
            assert torch.linalg.matrix_rank(change, tol=1e-5) == 2, name
        else:
            assert not change.any(), name


class Killed(Exception):
    pass


def test_a_run_goes_on_to_the_same_bits(files, capsys, monkeypatch):
    sft.train(config(files, "one"))
    step, taken = sft.optim.step, []

    def killed(*args):
        taken.append(args)
        if len(taken) == 7:  # two steps after the checkpoint of step 4
            raise Killed
        return step(*args)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(sft.optim, "step", killed)
        sft.train(config(files, "two"))
    sft.train(parse_config(sft.Config, sft.PRESETS, [f"--out={files / 'two'}", "--resume"]))
    for name in ("ckpt.pt", "last.pt"):
        one, two = (load_checkpoint(files / out / name) for out in ("one", "two"))
        for key in ("model", "parts") if name == "last.pt" else ("model",):
            assert one[key].keys() == two[key].keys()
            assert all(torch.equal(one[key][n], two[key][n]) for n in one[key])
    assert "parts" not in load_checkpoint(Path(files) / "one" / "ckpt.pt")


def test_a_model_without_pairs_has_no_parts():
    assert parts(tiny()) == {} and parts(random_pairs(tiny()))["parts"]


def test_what_is_frozen_is_not_shared(files):
    with pytest.raises(BadInput, match="--lora=2 .* --fsdp"):
        lora.check(config(files, "out", fsdp=True))
    with pytest.raises(BadInput, match="--lora=2 .* --n_evidence"):
        lora.check(config(files, "out", n_evidence=5))
    lora.check(config(files, "out", lora=0, fsdp=True, n_evidence=5))
