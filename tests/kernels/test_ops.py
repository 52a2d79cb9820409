"""ops.py against torch's own GELU and cross-entropy, and RoPE's definition, in float64."""

import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from kernels import build, ops

needs_kernel = pytest.mark.skipif(not build.available("ops"), reason="no C++ compiler")
ROOT = Path(ops.__file__).parent.parent


def torch_gelu(x):
    return F.gelu(x, approximate="tanh")


def torch_loss(x, targets):
    return F.cross_entropy(x, targets, ignore_index=-1, reduction="none")


def with_gradient(f, x, *others, seed=0):
    """[f(x), its gradient for a fixed random direction]."""
    x = x.detach().requires_grad_()
    out = f(x, *others)
    direction = torch.randn(out.shape, generator=torch.Generator().manual_seed(seed))
    return [out.detach(), *torch.autograd.grad(out, x, direction.to(out.dtype))]


def draw_logits(N=37, V=64, scale=3.0):
    targets = torch.randint(V, (N,))
    targets[::5] = -1
    return scale * torch.randn(N, V), targets


def bits_by_threads(f):
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            results.append(f())
    finally:
        torch.set_num_threads(before)
    return results


# --- GELU ----------------------------------------------------------------------------------------


def test_gelu_by_hand():
    assert ops.gelu(torch.zeros(8)).tolist() == [0.0] * 8
    x = torch.tensor([1.0, -1.0, 3.0, -3.0, 40.0, -40.0, 1e30, -1e30])
    expected = [0.841192, -0.158808, 2.996363, -0.003637, 40.0, 0.0, 1e30, 0.0]
    y = ops.gelu(x)
    assert y[:6].tolist() == pytest.approx(expected[:6], abs=1e-6) and y[6] == 1e30


@needs_kernel
def test_gelu_equals_torchs():
    x = torch.cat([torch.linspace(-12, 12, 40_000), 100 * torch.randn(8_000)])
    for ours, truth in zip(with_gradient(ops.gelu, x), with_gradient(torch_gelu, x.double())):
        assert ((ours - truth).abs() / truth.abs().clamp(min=1)).max() < 3e-6
    y, truth = ops.gelu(x[:40_000]), torch_gelu(x[:40_000].double())
    near = x[:40_000] > -4
    assert ((y - truth).abs() / truth.abs().clamp(min=1e-6))[near].max() < 3e-6  # and relative


@needs_kernel
def test_a_nan_is_not_hidden():
    x = torch.ones(16)
    x[3] = float("nan")
    assert ops.gelu(x).isnan().nonzero().tolist() == [[3]]
    logits, targets = draw_logits(4)
    logits[2, 5] = float("nan")
    targets[:] = 1
    assert ops.cross_entropy(logits, targets).isnan().tolist() == [False, False, True, False]


@needs_kernel
def test_gelu_takes_any_strides():
    x = torch.randn(6, 16)
    for view in (x.T, x[:, ::2], x[::2], x[0].expand(4, 16)):
        torch.testing.assert_close(ops.gelu(view), torch_gelu(view))
        for a, b in zip(with_gradient(ops.gelu, view), with_gradient(torch_gelu, view)):
            torch.testing.assert_close(a, b)


# --- rotation ------------------------------------------------------------------------------------


def rotation_at(positions, D):
    frequency = 10000.0 ** (-torch.arange(0, D, 2) / D)
    angle = torch.as_tensor(positions)[:, None, None, None] * frequency
    return torch.stack((angle.cos(), angle.sin()), -1)


def definition(x, rotation, normalise):
    """RoPE and its norm in x's own format, written with cosines."""
    cos, sin = rotation.to(x.dtype).unbind(-1)
    if normalise:
        x = x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt()
    a, b = x[..., ::2], x[..., 1::2]
    return torch.stack([a * cos - b * sin, b * cos + a * sin], -1).flatten(-2)


def test_rotate_by_hand():
    x = torch.tensor([1.0, 0.0, 0.0, 1.0]).expand(1, 3, 1, 1, 4)  # two pairs: (1, 0) and (0, 1)
    y = ops.rotate(x, rotation_at([0, 1, 50], 4))[0, :, 0, 0]
    for row, p in zip(y, (0, 1, 50)):  # the second pair turns a hundred times slower
        expected = [math.cos(p), math.sin(p), -math.sin(p / 100), math.cos(p / 100)]
        assert row.tolist() == pytest.approx(expected, abs=1e-5)


def test_rope_scores_depend_on_distance_alone():
    q, k = torch.randn(2, 1, 8).expand(2, 6, 8)  # the same query and key at six positions

    def scores(start):
        turn = rotation_at(range(start, start + 6), 8)
        a, b = (ops.rotate(x[None, :, None, None], turn)[0, :, 0, 0] for x in (q, k))
        return a @ b.T

    near = scores(0)
    assert torch.allclose(near, scores(40), atol=1e-4)
    for distance in range(-5, 6):
        diagonal = near.diagonal(distance)
        assert torch.allclose(diagonal, diagonal[:1].expand_as(diagonal), atol=1e-5)
    assert (near[0, 0] - near[0, 1]).abs() > 1e-3


def test_normalised_by_hand():
    """(3, 4, 0, ...) of eight has mean square 25/8; a quarter turn at twice the length follows."""
    x = torch.zeros(1, 1, 1, 1, 8)
    x[..., 0], x[..., 1] = 3.0, 4.0
    turn = torch.tensor([0.0, 2.0]).expand(1, 1, 1, 1, 4, 2)
    y = ops.rotate(x, turn, True).flatten()
    s = 2 / (25 / 8) ** 0.5
    assert y[:2].tolist() == pytest.approx([-4 * s, 3 * s], rel=1e-5) and y[2:].abs().max() == 0


@needs_kernel
@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("dtype, limit", [(torch.float32, 2e-6), (torch.bfloat16, 8e-3)])
@pytest.mark.parametrize("B, T, n, H, D", [(3, 7, 2, 4, 16), (1, 5, 2, 1, 8), (4, 1, 2, 3, 32)])
def test_rotate_equals_the_definition(normalise, dtype, limit, B, T, n, H, D):
    """Of a slice of queries, keys and values, as the model takes it, and of a copy."""
    qkv = torch.randn(B, T, n + 1, H, D).to(dtype)
    turn = 1.25 * rotation_at(range(3, 3 + max(B, T) if T == 1 else 3 + T), D)
    turn = turn[:, None] if T == 1 else turn  # decode: each row stands elsewhere
    for x in (
        qkv[:, :, :n],
        qkv[:, :, :n].contiguous(),
        qkv[:, :, :n].transpose(2, 3).contiguous().transpose(2, 3),
    ):
        truths = with_gradient(definition, x.double(), turn, normalise)
        for ours, truth in zip(with_gradient(ops.rotate, x, turn, normalise), truths):
            assert ours.dtype == dtype
            assert ((ours - truth).abs() / truth.abs().max()).max() < limit


@needs_kernel
def test_rotate_equals_the_fallback(monkeypatch):
    x, turn = torch.randn(2, 6, 2, 4, 16), rotation_at(range(6), 16)
    x[0] *= 1e-3  # so short that the eps of both counts
    for normalise in (True, False):
        ours = with_gradient(ops.rotate, x, turn, normalise)
        with monkeypatch.context() as without:
            without.setattr(ops, "_serves", lambda *_: False)
            peers = with_gradient(ops.rotate, x, turn, normalise)
        for a, b in zip(ours, peers):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6 * float(b.abs().max()))


# --- cross-entropy -------------------------------------------------------------------------------


def test_cross_entropy_by_hand():
    """Equal logits: log V, and the gradient is 1/V less 1 at the target."""
    x = torch.zeros(2, 8, requires_grad=True)
    loss = ops.cross_entropy(x, torch.tensor([3, -1]))
    assert loss.tolist() == pytest.approx([2.0794415, 0.0])
    loss.sum().backward()
    assert x.grad[0].tolist() == pytest.approx([0.125] * 3 + [-0.875] + [0.125] * 4)
    assert x.grad[1].tolist() == [0.0] * 8


@needs_kernel
@pytest.mark.parametrize("scale", [1e-3, 3.0, 300.0])
@pytest.mark.parametrize("N, V", [(1, 8), (37, 64), (5, 1000)])
def test_cross_entropy_equals_torchs(N, V, scale):
    logits, targets = draw_logits(N, V, scale)
    truths = with_gradient(torch_loss, logits.double(), targets)
    limit = 2e-6 + 2e-7 * scale  # a float32 near 1,000 is itself only known to 6e-5
    for ours, truth in zip(with_gradient(ops.cross_entropy, logits, targets), truths):
        assert ((ours - truth).abs() / truth.abs().clamp(min=1)).max() < limit


@needs_kernel
def test_a_class_of_no_probability():
    logits, targets = draw_logits(3)
    targets[:] = 1
    logits[:, 7] = -float("inf")
    for ours, peer in zip(
        with_gradient(ops.cross_entropy, logits, targets),
        with_gradient(torch_loss, logits, targets),
    ):
        torch.testing.assert_close(ours, peer)


@pytest.mark.parametrize("target", [64, -2])
def test_a_target_outside_is_refused(target):
    logits, targets = draw_logits()
    targets[3] = target
    with pytest.raises(IndexError):
        ops.cross_entropy(logits, targets)


def test_no_rows():
    assert ops.cross_entropy(torch.zeros(0, 8), torch.zeros(0, dtype=torch.long)).shape == (0,)
    assert ops.gelu(torch.zeros(0, 8)).shape == (0, 8)


# --- both ----------------------------------------------------------------------------------------


def test_other_dtypes_and_odd_sizes_are_torchs():
    for x in (torch.randn(4, 16).double(), torch.randn(3, 7)):
        targets = torch.randint(7, (len(x),))
        for ours, peer, *others in (
            (ops.gelu, torch_gelu),
            (ops.cross_entropy, torch_loss, targets),
        ):
            assert torch.equal(ours(x, *others), peer(x, *others))
            assert ours(x, *others).dtype == x.dtype


@pytest.mark.parametrize("shape", [(64, 48), (5, 7)])  # whole vectors, and torch's own
def test_bfloat16_is_float32_rounded_once(shape):
    """The result of the same numbers in float32, to within half a unit of bfloat16's last place."""
    x, targets = (4 * torch.randn(shape)).bfloat16(), torch.randint(shape[1], shape[:1])
    targets[0] = -1
    y, truth = ops.gelu(x), torch_gelu(x.double())
    assert y.dtype == torch.bfloat16
    assert ((y - truth).abs() <= 2**-8 * truth.abs() + 1e-6).all()
    dx, slope = (
        torch.autograd.grad(f(v).sum(), v)[0]
        for f, v in (
            (ops.gelu, x.clone().requires_grad_()),
            (torch_gelu, x.double().requires_grad_()),
        )
    )
    assert dx.dtype == torch.bfloat16
    assert ((dx - slope).abs() <= 2**-8 * slope.abs() + 1e-6).all()
    loss, dx = with_gradient(ops.cross_entropy, x, targets)
    truth, slope = with_gradient(torch_loss, x.double(), targets)
    assert loss.dtype == torch.float32 and dx.dtype == torch.bfloat16
    assert torch.allclose(loss.double(), truth, atol=1e-5)
    assert ((dx - slope).abs() <= 2**-8 * slope.abs() + 1e-6).all()


@needs_kernel
def test_bfloat16_keeps_nan_and_infinity():
    x = torch.tensor([float("nan"), float("inf"), 1.0, -float("inf")] * 2).bfloat16()
    y = ops.gelu(x)
    assert y[::4].isnan().all() and (y[1::4] == float("inf")).all() and (y[2::4] > 0.8).all()


def test_gelu_under_autocast():
    with torch.autocast("cpu", torch.bfloat16):
        x = F.linear(torch.randn(4, 8), torch.randn(16, 8))
        y = ops.gelu(x)
        assert x.dtype == y.dtype == torch.bfloat16 and torch.allclose(y, torch_gelu(x), atol=1e-2)


@needs_kernel
def test_same_bits_for_any_number_of_threads():
    x, (logits, targets) = torch.randn(10_008), draw_logits(101)
    qk, turn = torch.randn(4, 33, 2, 4, 32), rotation_at(range(33), 32)
    for results in (
        bits_by_threads(lambda: with_gradient(ops.gelu, x)),
        bits_by_threads(lambda: with_gradient(ops.rotate, qk, turn, True)),
        bits_by_threads(lambda: with_gradient(ops.cross_entropy, logits, targets)),
    ):
        for other in results[1:]:
            assert all(torch.equal(a, b) for a, b in zip(results[0], other))


@needs_kernel
def test_opcheck():
    (logits, targets), x = draw_logits(), torch.randn(3, 16)
    loss, lse = ops.kernels.cross_entropy(logits, targets)
    qk, turn = torch.randn(2, 6, 2, 4, 16), rotation_at(range(6), 16)
    for operator, inputs in (
        ("gelu", (x.clone().requires_grad_(),)),
        ("gelu_backward", (torch.randn(3, 16), x)),
        ("cross_entropy", (logits.clone().requires_grad_(), targets)),
        ("cross_entropy_backward", (torch.randn(37), logits, targets, lse)),
        ("rotate", (qk.clone().requires_grad_(), turn, True)),
        ("rotate_backward", (torch.randn_like(qk), qk, turn, False)),
    ):
        torch.library.opcheck(getattr(ops.kernels, operator).default, inputs)


@needs_kernel
def test_gradients_equal_differences():
    """In float32, over steps wide enough for its rounding."""
    logits, targets = draw_logits(6, 8)
    inputs = logits.requires_grad_()
    loose = dict(eps=1e-2, atol=1e-2, rtol=1e-2, nondet_tol=0)
    torch.autograd.gradcheck(ops.gelu, (inputs,), **loose)
    torch.autograd.gradcheck(lambda x: ops.cross_entropy(x, targets), (inputs,), **loose)


@needs_kernel
def test_compiles_to_one_graph():
    targets = torch.tensor([1, -1, 5])
    turn = rotation_at(range(3), 16)

    def f(x):
        x = ops.rotate(ops.gelu(2 * x).view(1, 3, 1, 1, 16), turn, True)
        return ops.cross_entropy(x.view(3, 16), targets)

    x = torch.randn(3, 16)
    compiled = torch.compile(f, fullgraph=True, backend="aot_eager")
    for a, b in zip(with_gradient(compiled, x), with_gradient(f, x)):
        torch.testing.assert_close(a, b)


def test_without_a_compiler_torchs_own(tmp_path):
    code = (
        "import torch; from kernels import ops\nx = torch.randn(2, 8)\n"
        "assert torch.equal(ops.gelu(x), torch.nn.functional.gelu(x, approximate='tanh'))\n"
        "print(float(ops.cross_entropy(torch.zeros(1, 8), torch.tensor([2]))))"
    )
    bare = {"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=bare,
        timeout=120,
    )
    assert result.returncode == 0 and result.stdout.startswith("2.079"), result.stderr


def test_the_compiler_is_not_loaded_before_it_is_asked_for():
    """It would cost each command a second, the list of options included."""
    loaded = "import sys, chat; sys.exit('torch._dynamo' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], cwd=ROOT).returncode == 0
