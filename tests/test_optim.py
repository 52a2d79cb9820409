"""Muon against torch's and against Newton-Schulz in float64; which parameter goes to which optimizer."""

import copy

import pytest
import torch

import optim
from model import GPT, GPTConfig

SHAPES = [(8, 8), (24, 8), (8, 24), (24, 8)]  # square, tall, wide, and a second tall one


def newton_schulz(G, steps=5):
    """Five iterations of the quintic of Jordan et al. (2024), one matrix, in float64."""
    X = G.double()
    X = X.T if G.shape[0] > G.shape[1] else X
    X = X / X.norm()
    for _ in range(steps):
        A = X @ X.T
        X = 3.4445 * X + (-4.7750 * A + 2.0315 * A @ A) @ X
    return X.T if G.shape[0] > G.shape[1] else X


def matrices():
    return [torch.nn.Parameter(torch.randn(shape)) for shape in SHAPES]


def run(optimizer, params, steps=5):
    generator = torch.Generator().manual_seed(7)
    for _ in range(steps):
        for p in params:
            p.grad = torch.randn(p.shape, generator=generator)
        optimizer.step()


def oracle(params, lr, momentum, weight_decay, steps=5):
    """The textbook: M ← βM + (1−β)G; update NS(βM + (1−β)G), with √max(1, rows/columns) and decay."""
    generator = torch.Generator().manual_seed(7)
    values, M = (
        [p.detach().double() for p in params],
        [torch.zeros_like(p).double() for p in params],
    )
    for _ in range(steps):
        for i, value in enumerate(values):
            G = torch.randn(value.shape, generator=generator).double()
            M[i] = momentum * M[i] + (1 - momentum) * G
            U = newton_schulz(momentum * M[i] + (1 - momentum) * G)
            rows, columns = value.shape
            values[i] = value * (1 - lr * weight_decay) - lr * max(1, rows / columns) ** 0.5 * U
    return values


@pytest.mark.parametrize("momentum", [0.0, 0.95])
@pytest.mark.parametrize("weight_decay", [0.0, 0.5])
def test_muon_equals_the_textbook(momentum, weight_decay):
    params = matrices()
    expected = oracle(params, 0.1, momentum, weight_decay)
    run(optim.Muon(params, lr=0.1, momentum=momentum, weight_decay=weight_decay), params)
    for p, value in zip(params, expected):
        assert torch.allclose(p.double(), value, atol=1e-4)


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="this torch has no Muon")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_muon_equals_torchs_up_to_bfloat16(dtype):
    ours, start = matrices(), None
    start = copy.deepcopy(ours)
    theirs = copy.deepcopy(ours)
    run(optim.Muon(ours, lr=0.1, momentum=0.9, weight_decay=0.3, dtype=dtype), ours)
    run(torch.optim.Muon(theirs, lr=0.1, momentum=0.9, weight_decay=0.3), theirs)
    for a, b, s in zip(ours, theirs, start):
        assert (a - b).norm() < 2e-2 * (b - s).norm()


def test_muon_leaves_a_parameter_without_gradient_alone():
    a, b = (torch.nn.Parameter(torch.ones(4, 4)) for _ in range(2))
    a.grad = torch.randn(4, 4)
    optim.Muon([a, b], lr=0.1, weight_decay=0.5).step()
    assert torch.equal(b, torch.ones(4, 4)) and not torch.equal(a, torch.ones(4, 4))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(3, 16, 16), (2, 48, 12), (2, 12, 48), (1, 1, 5)])
def test_orthogonalise_makes_singular_values_nearly_one(shape, dtype):
    G = torch.randn(shape) * torch.tensor([1e-3, 1.0, 1e3])[: shape[0], None, None]
    if shape[1] == shape[2]:  # a square Gaussian matrix may be nearly singular; this one is not
        U, S, Vh = torch.linalg.svd(G)
        G = U @ torch.diag_embed(S.clamp(min=0.05 * S[:, :1])) @ Vh
    X = optim.orthogonalise(G.to(dtype))
    assert X.shape == G.shape and X.dtype == dtype
    X = X.float()
    S = torch.linalg.svdvals(X)
    assert 0.6 < S.min() and S.max() < 1.3
    U, _, Vh = torch.linalg.svd(G, full_matrices=False)
    signs = (U.mT @ X @ Vh.mT).diagonal(dim1=1, dim2=2)
    assert (signs > 0.6).all()  # the singular directions stay; only their lengths change


def test_orthogonalise_of_nothing_is_nothing():
    assert torch.equal(optim.orthogonalise(torch.zeros(2, 3, 5)), torch.zeros(2, 3, 5))


def small(**changes):
    return GPT(
        GPTConfig(**{**dict(vocab_size=20, n_layer=2, n_head=1, n_embd=8, block_size=8), **changes})
    )


@pytest.mark.parametrize("bias, pos, head", [(False, "rope", "lm"), (True, "learned", "scalar")])
@pytest.mark.parametrize("matrix_lr", [0.0, 0.02])
def test_build_gives_each_parameter_one_group(bias, pos, head, matrix_lr):
    model = small(bias=bias, pos=pos, head=head)
    optimizers = optim.build(model, 1e-3, matrix_lr, weight_decay=0.1, betas=(0.8, 0.9), eps=1e-6)
    found = {}
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            for p in group["params"]:
                assert id(p) not in found
                found[id(p)] = (type(optimizer).__name__, group["weight_decay"], group["peak_lr"])
    assert len(found) == len(list(model.parameters()))
    for name, p in model.named_parameters():
        muon = matrix_lr > 0 and name.startswith("h.") and p.ndim == 2
        expected = ("Muon", 0.1, 0.02) if muon else ("AdamW", 0.1 if p.ndim == 2 else 0.0, 1e-3)
        assert found[id(p)] == expected, name
    assert optimizers[0].defaults["betas"] == (0.8, 0.9) and optimizers[0].defaults["eps"] == 1e-6


def test_build_leaves_out_frozen_parameters():
    model = small()
    model.wte.weight.requires_grad_(False)
    groups = [g for o in optim.build(model, 1e-3, 0.02) for g in o.param_groups]
    assert not any(p is model.wte.weight for g in groups for p in g["params"])


def test_step_clips_scales_the_rates_and_empties_the_gradients():
    model = torch.nn.Linear(2, 1, bias=False)
    torch.nn.init.zeros_(model.weight)
    sgd = torch.optim.SGD(model.parameters(), lr=0.5)
    sgd.param_groups[0]["peak_lr"] = 0.5
    model.weight.grad = torch.tensor([[3.0, 4.0]])
    norm = optim.step([sgd], model, factor=0.1, clip=1.0)
    assert norm.item() == pytest.approx(5.0)  # before clipping
    assert model.weight[0].tolist() == pytest.approx([-0.03, -0.04], rel=1e-4)  # 0.1 · 0.5 · g/5
    assert model.weight.grad is None
    model.weight.grad = torch.tensor(
        [[0.3, 0.4]]
    )  # shorter than the limit: as it is, and at the peak
    optim.step([sgd], model, factor=1.0)
    assert model.weight[0].tolist() == pytest.approx([-0.18, -0.24], rel=1e-4)


def test_both_optimizers_learn():
    for matrix_lr in (0.0, 0.02):
        torch.manual_seed(0)
        model, tokens = small(n_embd=16), torch.randint(20, (4, 9))
        optimizers = optim.build(model, 1e-2, matrix_lr)
        losses = []
        for _ in range(60):
            loss = model(tokens[:, :-1], tokens[:, 1:]).mean()
            loss.backward()
            optim.step(optimizers, model, 1.0)
            losses.append(loss.item())
        assert losses[-1] < 0.3 * losses[0]
