"""attention.py against its own definition in float64, and the claims of its docstrings."""

import importlib.util
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from kernels import attention as A

ROOT = Path(A.__file__).parent.parent
HAS_KERNEL = A._why_not_fused("cpu", torch.float32, 32) is None
needs_kernel = pytest.mark.skipif(not HAS_KERNEL, reason="no C++ compiler")
fused = torch.ops.nanochatgpt.attention.default


def draw(B, H, T, D, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(B, H, T, D, generator=generator).to(dtype) for _ in range(4)]


def with_gradients(f, q, k, v, dout):
    """[out, dq, dk, dv] of f."""
    q, k, v = (x.detach().requires_grad_() for x in (q, k, v))
    out = f(q, k, v)
    return [out.detach(), *torch.autograd.grad(out, (q, k, v), dout)]


def exact(q, k, v, dout):
    return with_gradients(A.reference, *(x.double() for x in (q, k, v, dout)))


def error(x, truth):
    """Relative to the truth, or to 1 where the truth is zero but for rounding (T = 1)."""
    return ((x.double() - truth).norm() / truth.norm().clamp(min=1.0)).item()


def run(code, **environment):
    """A fresh process in the project's folder; the completed process, its text captured."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=ROOT,
        text=True,
        capture_output=True,
        env={**os.environ, **environment},
        timeout=120,
    )


# --- the numbers ---------------------------------------------------------------------------------


def test_reference_by_hand():
    """Equal keys weigh all seen tokens equally: the output is the running mean of v."""
    q, k = torch.randn(1, 1, 3, 2), torch.zeros(1, 1, 3, 2)
    v = torch.tensor([[2.0, 0.0], [4.0, 6.0], [0.0, 3.0]]).view(1, 1, 3, 2)
    expected = torch.tensor([[2.0, 0.0], [3.0, 3.0], [2.0, 3.0]]).view(1, 1, 3, 2)
    torch.testing.assert_close(A.reference(q, k, v), expected)


@needs_kernel
@pytest.mark.parametrize("D", [16, 24, 32, 40, 64, 128])
@pytest.mark.parametrize("T", [1, 2, 7, 63, 64, 65, 100, 129, 257])
def test_fused_equals_definition(T, D):
    inputs = draw(2, 3, T, D)
    for ours, truth in zip(with_gradients(A.attention, *inputs), exact(*inputs)):
        assert error(ours, truth) < 5e-6


@needs_kernel
@pytest.mark.parametrize("D", [16, 24, 32, 40, 64, 128])
@pytest.mark.parametrize("T", [2, 7, 63, 64, 65, 200, 257])
def test_bfloat16_is_as_exact_as_sdpa(T, D):
    inputs = draw(1, 2, T, D, torch.bfloat16)
    sdpa = with_gradients(
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True), *inputs
    )
    for ours, peer, truth in zip(with_gradients(A.attention, *inputs), sdpa, exact(*inputs)):
        assert ours.dtype == torch.bfloat16
        assert error(ours, truth) < 1.1 * error(peer, truth) + 1e-4


@needs_kernel
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_views_of_one_projection(dtype):
    """q, k, v as a model makes them: views of (B, T, 3C), and an expanded incoming gradient."""
    B, T, H, D = 2, 70, 3, 32
    C = H * D
    projection = torch.randn(B, T, 3 * C).to(dtype).requires_grad_()
    q, k, v = (x.view(B, T, H, D).transpose(1, 2) for x in projection.split(C, -1))
    out = A.attention(q, k, v)
    out.sum().backward()
    joined = out.transpose(1, 2).reshape(B, T, C)
    assert joined.data_ptr() == out.data_ptr()  # joining the heads copies nothing
    double = projection.detach().double().requires_grad_()
    truth = A.reference(*(x.view(B, T, H, D).transpose(1, 2) for x in double.split(C, -1)))
    truth.sum().backward()
    limit = 2e-6 if dtype == torch.float32 else 5e-3
    assert error(out, truth) < limit and error(projection.grad, double.grad) < limit


@needs_kernel
def test_last_dimension_may_be_strided():
    q, k, v, dout = (x.transpose(2, 3).contiguous().transpose(2, 3) for x in draw(1, 2, 33, 16))
    for ours, truth in zip(with_gradients(A.attention, q, k, v, dout), exact(q, k, v, dout)):
        assert error(ours, truth) < 2e-6


@needs_kernel
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rows_may_lie_an_odd_number_of_elements_apart(dtype):
    """A pair of bfloat16s, 32 bits, then begins at no multiple of its size."""
    inputs = draw(1, 2, 75, 32, dtype)
    loose = [F.pad(x, (1, 2))[..., 1:-2] for x in inputs]
    assert loose[0].stride(2) == 35
    for ours, plain in zip(
        with_gradients(A.attention, *loose), with_gradients(A.attention, *inputs)
    ):
        assert torch.equal(ours, plain)


@needs_kernel
def test_large_scores_neither_overflow_nor_drown():
    q, k, v, dout = draw(1, 2, 150, 32)
    inputs = (60 * q, 60 * k, v, dout)
    for ours, truth in zip(with_gradients(A.attention, *inputs), exact(*inputs)):
        assert torch.isfinite(ours).all() and error(ours, truth) < 5e-3


@needs_kernel
def test_a_nan_is_not_hidden():
    q, k, v, _ = draw(1, 1, 80, 32)
    q[0, 0, 70, 3] = float("nan")
    out = A.attention(q, k, v)
    assert out[0, 0, 70].isnan().all() and not out[0, 0, :70].isnan().any()


@needs_kernel
def test_gradient_for_some_inputs_only():
    q, k, v, dout = draw(1, 2, 40, 32)
    all_three = with_gradients(A.attention, q, k, v, dout)
    k = k.requires_grad_()
    A.attention(q, k, v).backward(dout)
    assert torch.equal(k.grad, all_three[2]) and q.grad is None and v.grad is None


# --- invariants ----------------------------------------------------------------------------------


@needs_kernel
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("cut", [1, 37, 64, 128, 150])
def test_the_future_leaves_the_past_alone(cut, dtype):
    q, k, v, _ = draw(1, 2, 160, 32, dtype)
    before = A.attention(q, k, v)
    for x in (q, k, v):
        x[:, :, cut:] = 1e4
    assert torch.equal(A.attention(q, k, v)[:, :, :cut], before[:, :, :cut])


@needs_kernel
@pytest.mark.parametrize("heads", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_same_bits_for_any_number_of_threads(heads, dtype):
    """One head on several threads takes the other order of work, not another order of sums."""
    inputs = draw(1, heads, 300, 40, dtype)
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            results.append(with_gradients(A.attention, *inputs))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(torch.equal(x, y) for x, y in zip(results[0], other))


@needs_kernel
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's peak memory")
def test_memory_is_linear_in_tokens():
    """T = 8192: one T x T matrix of floats alone would be 256 MiB; all of ours are 14 (T, D)."""
    result = run("""
        import torch; from kernels import attention
        def peak():
            text = open("/proc/self/status", encoding="utf-8").read()
            return int(text.split("VmHWM:")[1].split()[0]) / 1024
        x = torch.randn(1, 1, 64, 64, requires_grad=True)
        attention.attention(x, x, x).sum().backward()
        q, k, v = (torch.randn(1, 1, 8192, 64, requires_grad=True) for _ in range(3))
        before = peak()
        attention.attention(q, k, v).sum().backward()
        print(peak() - before)
    """)
    assert float(result.stdout) < 64, result.stderr  # MiB


# --- the operator --------------------------------------------------------------------------------


@needs_kernel
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_opcheck(dtype):
    q, k, v, dout = draw(2, 2, 19, 32, dtype)
    torch.library.opcheck(fused, tuple(x.requires_grad_() for x in (q, k, v)))
    o, lse = fused(q.detach(), k.detach(), v.detach())
    torch.library.opcheck(
        torch.ops.nanochatgpt.attention_backward.default,
        tuple(x.detach() for x in (dout, q, k, v, o, lse)),
    )


@needs_kernel
def test_compiles_to_one_graph():
    compiled = torch.compile(
        lambda q, k, v: A.attention(q * 2, k, v) + 1, fullgraph=True, backend="aot_eager"
    )
    inputs = draw(1, 2, 21, 16)
    plain = with_gradients(lambda q, k, v: A.attention(q * 2, k, v) + 1, *inputs)
    for x, y in zip(with_gradients(compiled, *inputs), plain):
        torch.testing.assert_close(x, y)


def test_mixed_dtypes_and_shapes_are_refused():
    q, k, v, _ = draw(1, 1, 4, 16)
    with pytest.raises(ValueError, match="one shape and dtype"):
        A.attention(q, k, v.double())
    with pytest.raises(ValueError, match="one shape and dtype"):
        A.attention(q, k[:, :, :3], v)


# --- decode --------------------------------------------------------------------------------------

LENGTHS = [0, 4, 11, 23, 7, 16]  # slots filled before the new token; 0: a row of one token


def draw_decode(D, dtype=torch.float32, H=3, S=25):
    """q, k, v of the new tokens, and a cache that is garbage beyond each row's length."""
    (q, k, v), lengths = torch.randn(3, len(LENGTHS), H, 1, D), torch.tensor(LENGTHS)
    cache = torch.randn(2, len(LENGTHS), H, S, D)
    for b, n in enumerate(LENGTHS):
        cache[0, b, :, n:], cache[1, b, :, n:] = 1e4, -1e4
    return [x.to(dtype) for x in (q, k, v, cache)] + [lengths]


@pytest.mark.parametrize(
    "dtype, D",
    [
        (torch.float64, 16),
        (torch.float32, 12),
        (torch.bfloat16, 32),  # torch's own operators
        *((torch.float32, D) for D in (16, 24, 32, 40, 64, 128)),
    ],
)  # the kernel, if built
def test_decode_equals_the_last_row_of_the_definition(dtype, D):
    q, k, v, cache, lengths = draw_decode(D, dtype)
    before = cache.clone()
    out = A.decode(q, k, v, cache, lengths)
    limit = {torch.float64: 1e-12, torch.float32: 2e-6, torch.bfloat16: 1e-2}[dtype]
    for b, n in enumerate(LENGTHS):
        keys, values = (
            torch.cat([old[b, :, :n], new[b]], 1).double() for old, new in zip(before, (k, v))
        )  # (H, n + 1, D)
        queries = q[b].double().expand(-1, n + 1, -1)
        assert error(out[b], A.reference(queries, keys, values)[:, -1:]) < limit
        assert torch.equal(cache[0, b, :, n], k[b, :, 0])
        assert torch.equal(cache[1, b, :, n], v[b, :, 0])
        cache[:, b, :, n] = before[:, b, :, n]
    assert torch.equal(cache, before)  # no other slot is written


@needs_kernel
def test_decode_takes_views_of_one_projection():
    q, k, v, cache, lengths = draw_decode(32)
    joint = torch.cat([q, k, v], 2).transpose(1, 2).contiguous()  # (B, 3, H, D)
    views = [x[:, None].transpose(1, 2) for x in joint.unbind(1)]
    out = A.decode(*views, cache.clone(), lengths)
    assert torch.equal(out, A.decode(q, k, v, cache, lengths))
    joined = out.transpose(1, 2).reshape(len(LENGTHS), 1, -1)
    assert joined.data_ptr() == out.data_ptr()  # joining copies nothing


@needs_kernel
def test_decode_gives_the_same_bits_for_any_number_of_threads_and_rows():
    q, k, v, cache, lengths = draw_decode(32)
    before, results = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            results.append(A.decode(q, k, v, cache.clone(), lengths))
    finally:
        torch.set_num_threads(before)
    alone = [
        (q[b : b + 1], k[b : b + 1], v[b : b + 1], cache[:, b : b + 1].clone(), lengths[b : b + 1])
        for b in range(len(LENGTHS))
    ]
    results.append(torch.cat([A.decode(*one) for one in alone]))
    assert all(torch.equal(results[0], x) for x in results[1:])


def test_decode_with_gradients_is_differentiable():
    """The kernel keeps no graph, so it is not taken where one is asked for."""
    q, k, v, cache, lengths = draw_decode(32)
    plain = A.decode(q, k, v, cache.clone(), lengths)
    out = A.decode(q.requires_grad_(), k, v, cache.clone(), lengths)
    assert out.requires_grad and torch.allclose(out, plain, atol=1e-5)
    with torch.no_grad():
        assert not A.decode(q, k, v, cache, lengths).requires_grad


@pytest.mark.parametrize("slot", [25, -26])
def test_decode_refuses_a_slot_outside_of_the_cache(slot):
    q, k, v, cache, lengths = draw_decode(32)
    lengths[2] = slot
    with pytest.raises(IndexError):
        A.decode(q, k, v, cache, lengths)


# --- which path ----------------------------------------------------------------------------------

TWICE = """
    import torch; from kernels import attention
    q = torch.randn(1, 2, 5, 16)
    for _ in range(2):
        out = attention.attention(q, q, q)
    assert torch.allclose(out, attention.reference(q, q, q), atol=1e-5)
"""


@pytest.mark.parametrize("path", ["reference", "sdpa", pytest.param("fused", marks=needs_kernel)])
def test_a_forced_path_is_taken_and_said_once(path):
    result = run(TWICE, ATTENTION=path)
    assert result.returncode == 0, result.stderr
    assert result.stderr == f"attention: {path} on cpu\n"


def test_a_forced_path_that_cannot_be_had_is_an_error(tmp_path):
    result = run(
        """
        import torch; from kernels import attention
        q = torch.randn(1, 1, 5, 12)
        attention.attention(q, q, q)
    """,
        ATTENTION="fused",
    )
    assert result.returncode and "ATTENTION=fused cannot be had: the CPU kernel" in result.stderr
    result = run(TWICE, ATTENTION="fused", PATH=str(tmp_path), CXX="")
    assert result.returncode and "cannot be had: no C++ compiler" in result.stderr
    result = run(TWICE, ATTENTION="flash")
    assert (
        result.returncode and "ATTENTION=flash: expected reference, sdpa or fused" in result.stderr
    )


def test_no_compiler_is_said_once_and_sdpa_taken(tmp_path):
    result = run(TWICE, ATTENTION="", PATH=str(tmp_path), CXX="", XDG_CACHE_HOME=str(tmp_path))
    assert result.returncode == 0 and result.stderr == "attention: sdpa on cpu (no C++ compiler)\n"


@pytest.mark.skipif(os.name == "nt", reason="the stand-in compiler is a shell script")
def test_a_failed_build_shows_the_first_error(tmp_path):
    compiler = tmp_path / "broken"
    compiler.write_text(
        "#!/bin/sh\necho 'note: hm' >&2\necho 'x.cpp:3: error: first' >&2\n"
        "echo 'x.cpp:4: error: second' >&2\nexit 1\n",
        encoding="utf-8",
    )
    compiler.chmod(0o755)
    result = run(TWICE, ATTENTION="", CXX=str(compiler), XDG_CACHE_HOME=str(tmp_path))
    assert result.returncode == 0, result.stderr
    assert result.stderr == "attention: sdpa on cpu (x.cpp:3: error: first)\n"
    assert not list(tmp_path.glob("nanochatgpt/*"))  # nothing half-built is left


@needs_kernel
def test_several_processes_may_build_at_once(tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(TWICE)]
    both = [
        subprocess.Popen(
            command,
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "ATTENTION": "fused", "XDG_CACHE_HOME": str(tmp_path)},
        )
        for _ in range(2)
    ]
    for process in both:
        assert process.communicate()[1] == "attention: fused on cpu\n" and process.returncode == 0
    assert len(list(tmp_path.glob("nanochatgpt/*"))) == 1


# --- the GPU kernels, on the CPU -----------------------------------------------------------------


@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="no Triton")
@pytest.mark.skipif(torch.cuda.is_available(), reason="they run on the GPU instead")
def test_triton_kernels_in_the_interpreter():
    """bfloat16 is left out: the interpreter multiplies its bit patterns as integers."""
    result = run(
        """
        import torch; from kernels import attention as A
        for dtype, limit in ((torch.float32, 2e-6), (torch.float16, 2e-3)):
            for B, H, T, D in ((1, 1, 1, 32), (1, 2, 63, 32), (2, 1, 65, 64), (1, 1, 200, 128)):
                joint = torch.randn(B, T, 3 * H * D).to(dtype)
                q, k, v = (x.view(B, T, H, D).transpose(1, 2) for x in joint.chunk(3, -1))
                dout = torch.randn(B, H, T, D).to(dtype)
                o, lse = A._forward_fake(q, k, v)
                A.attention_gpu.forward(q, k, v, o, lse)
                gradients = A._backward_fake(dout, q, k, v, o, lse)
                A.attention_gpu.backward(q, k, v, o, lse, dout, *gradients)
                double = [x.double().requires_grad_() for x in (q, k, v)]
                truth = A.reference(*double)
                truths = [truth, *torch.autograd.grad(truth, double, dout.double())]
                for x, y in zip((o, *gradients), truths):
                    assert (x.double() - y).norm() <= limit * y.norm().clamp(min=1), (dtype, T, D)
        print("same")
    """,
        TRITON_INTERPRET="1",
    )
    assert result.stdout == "same\n", result.stderr


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shape", [(2, 3, 200, 32), (16, 12, 1024, 64), (4, 16, 4096, 128)])
def test_triton_kernels_on_the_gpu(shape, dtype):
    inputs = [x.cuda() for x in draw(*shape, dtype)]
    sdpa = with_gradients(
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True), *inputs
    )
    limit = 1e-4 if dtype == torch.float32 else 2e-2
    for x, y in zip(with_gradients(A.attention, *inputs), sdpa):
        assert error(x, y.double()) < limit
