"""Causal attention, fused: exact, and without ever holding a T x T matrix.

    S = Q K^T / sqrt(D)      P = softmax(S) over the keys up to the query      O = P V

`reference` is that definition. Everything after it computes the same numbers by FlashAttention-2
(Dao 2023, arXiv 2307.08691), once for a CPU and once for a GPU:

  forward  (algorithm 1)  A block of queries walks over blocks of keys and keeps three things: the
           largest score so far m, the sum l of exp(score - m), and the unfinished output O. When a
           block raises m, both l and O are multiplied by exp(m_old - m_new): the online softmax. At
           the end O / l is the result, and L = m + log l is all that the backward pass needs.
  backward (algorithm 2)  P is computed again, as exp(S - L), block by block. Then
           dV = P^T dO      dP = dO V^T      dS = P * (dP - delta)      dQ = dS K      dK = dS^T Q
           where delta = rowsum(dO * O) is what the softmax's own derivative takes away.

Both kernels work in powers of two: the scores carry a factor log2(e), so L is a base-2 logarithm.
Shape letters: B batch, H heads, T tokens, D head size, S cached tokens.

`attention(q, k, v)` says once on stderr which path it takes. ATTENTION=reference|sdpa|fused in the
environment forces one, and is an error where it cannot be had.
"""

import functools
import math
import os
import sys

import torch
import torch.nn.functional as F

from kernels import attention_gpu, build

# --- the definition ------------------------------------------------------------------------------


def reference(q, k, v):
    """Causal attention by its definition, softmax(q·kᵀ/√D)·v over the keys up to the query's own
    place; q, k, v and the result are (B, H, T, D)."""
    T, D = q.shape[-2:]
    scores = q @ k.transpose(-2, -1) / math.sqrt(D)  # (B, H, T, T)
    future = torch.ones(T, T, dtype=torch.bool, device=q.device).triu(1)
    return scores.masked_fill(future, -math.inf).softmax(-1) @ v  # (B, H, T, D)


# --- CPU: attention.cpp, built on first use ------------------------------------------------------


def _call(kernel, lse, *tensors):
    """Fills attention.cpp's struct Call: shape, flags, then data and strides of each tensor."""
    q = tensors[0]
    words = [*q.shape, q.dtype == torch.bfloat16, torch.get_num_threads(), lse.data_ptr()]
    for x in tensors:
        words += (x.data_ptr(), *x.stride()[:3])
    words += [0] * (7 + 4 * 8 - len(words))
    build.call(kernel, *words)


# --- one operator for torch ----------------------------------------------------------------------
# torch.compile sees two opaque operators whose shapes the fake versions tell.


def _result_like(q):
    """(B, H, T, D) whose memory is (B, T, H, D): joining the heads afterwards costs no copy."""
    B, H, T, D = q.shape
    return q.new_empty(B, T, H, D).transpose(1, 2)


def _rows_contiguous(*tensors):
    return [x if x.stride(-1) == 1 else x.contiguous() for x in tensors]


def _forward_fake(q, k, v):
    return _result_like(q), q.new_empty(q.shape[:3], dtype=torch.float32)  # (B, H, T, D), (B, H, T)


def _backward_fake(dout, q, k, v, o, lse):
    return _result_like(q), _result_like(q), _result_like(q)


def _forward_op(q, k, v):
    q, k, v = _rows_contiguous(q, k, v)
    o, lse = _forward_fake(q, k, v)
    if q.is_cuda:
        attention_gpu.forward(q, k, v, o, lse)
    else:
        _call(build.library("attention").attention_forward, lse, q, k, v, o)
    return o, lse


def _backward_op(dout, q, k, v, o, lse):
    dout, q, k, v, o = _rows_contiguous(dout, q, k, v, o)
    gradients = _backward_fake(dout, q, k, v, o, lse)
    if q.is_cuda:
        attention_gpu.backward(q, k, v, o, lse, dout, *gradients)
    else:
        _call(build.library("attention").attention_backward, lse, q, k, v, o, dout, *gradients)
    return gradients


def _save(ctx, inputs, output):
    ctx.save_for_backward(*inputs, *output)


def _differentiate(ctx, dout, dlse):
    return torch.ops.nanochatgpt.attention_backward(dout, *ctx.saved_tensors)


def _register():
    """Tell torch the two operators, their shapes (fake versions) and their derivative."""
    ops = torch.library.Library("nanochatgpt", "DEF")
    ops.define("attention(Tensor q, Tensor k, Tensor v) -> (Tensor, Tensor)")
    ops.define(
        "attention_backward(Tensor dout, Tensor q, Tensor k, Tensor v, Tensor o, Tensor lse)"
        " -> (Tensor, Tensor, Tensor)"
    )
    for device in ("CPU", "CUDA"):
        ops.impl("attention", _forward_op, device)
        ops.impl("attention_backward", _backward_op, device)
    torch.library.register_fake("nanochatgpt::attention", _forward_fake, lib=ops)
    torch.library.register_fake("nanochatgpt::attention_backward", _backward_fake, lib=ops)
    torch.library.register_autograd(
        "nanochatgpt::attention", _differentiate, setup_context=_save, lib=ops
    )
    return ops


_operators = _register()


# --- dispatch ------------------------------------------------------------------------------------


def _why_not_fused(device, dtype, D):
    """None if the fused kernel takes such tensors on this machine, else the reason in words."""
    if device == "cuda":
        if attention_gpu.triton is None:
            return "Triton is not installed"
        if torch.cuda.get_device_capability() < (8, 0):  # V100, T4, RTX 20
            return "the GPU kernel needs compute capability 8.0"
        if dtype not in (torch.float32, torch.bfloat16, torch.float16) or D not in (32, 64, 128):
            return f"the GPU kernel has no {dtype} with head size {D} (32, 64 or 128)"
        return None
    if device != "cpu":
        return f"there is no kernel for {device}"
    if dtype not in (torch.float32, torch.bfloat16) or D % 8 or not 16 <= D <= 128:
        return f"the CPU kernel has no {dtype} with head size {D} (a multiple of 8 from 16 to 128)"
    try:
        build.library("attention")
    except build.BuildError as error:
        return str(error)
    return None


_paths = {}


@build.constant
def path_in_use(device, dtype, D):
    """ "fused", "sdpa" or "reference" for such tensors; decided, and said on stderr, once.

    Raises RuntimeError if ATTENTION in the environment names a path that cannot be had."""
    if (device, dtype, D) in _paths:
        return _paths[device, dtype, D]
    wanted = os.environ.get("ATTENTION", "")
    if wanted not in ("", "reference", "sdpa", "fused"):
        raise RuntimeError(f"ATTENTION={wanted}: expected reference, sdpa or fused")
    reason = None if wanted in ("reference", "sdpa") else _why_not_fused(device, dtype, D)
    if wanted == "fused" and reason:
        raise RuntimeError(f"ATTENTION=fused cannot be had: {reason}")
    path = _paths[device, dtype, D] = wanted or ("sdpa" if reason else "fused")
    _say(f"attention: {path} on {device}" + (f" ({reason})" if reason else ""))
    return path


@functools.cache
def _say(line):
    print(line, file=sys.stderr, flush=True)


def attention(q, k, v):
    """Causal attention, differentiable: q, k, v and the result are (B, H, T, D), of one dtype.

    Any strides are taken as they are if the last dimension is contiguous. Raises ValueError if the
    shapes or dtypes differ, RuntimeError for a forced path that cannot be had."""
    if not q.shape == k.shape == v.shape or not q.dtype == k.dtype == v.dtype:
        raise ValueError(
            f"attention takes q, k, v of one shape and dtype, not {tuple(q.shape)} "
            f"{q.dtype}, {tuple(k.shape)} {k.dtype}, {tuple(v.shape)} {v.dtype}"
        )
    path = path_in_use(q.device.type, q.dtype, q.shape[-1])
    if path == "fused":
        return torch.ops.nanochatgpt.attention(q, k, v)[0]
    if path == "sdpa":
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    return reference(q, k, v)


def decode(q, k, v, cache, lengths):
    """One new token per row against a cache; q, k, v and the result are (B, H, 1, D).

    Row b's key and value go into slot lengths[b] (B,), int64, of the cache (2, B, H, S, D), in
    place; its query then sees the slots up to that one and no others.
    """
    D, device = q.shape[-1], q.device
    graph = torch.is_grad_enabled() and (q.requires_grad or cache.requires_grad)
    if (
        device.type == "cpu"
        and q.dtype == cache.dtype
        and not graph
        and cache.stride()[-2:] == (D, 1)
        and path_in_use("cpu", q.dtype, D) == "fused"
        and build.available("ops")
    ):
        return _decode_fused(q, k, v, cache, lengths.contiguous())
    row = torch.arange(len(q), device=device)
    cache[0, row, :, lengths], cache[1, row, :, lengths] = k[:, :, 0], v[:, :, 0]
    keys, values = cache
    # Products and sums, not matmuls: with one query those would copy the cache to save nothing.
    scores = (q * keys).sum(-1, keepdim=True) / math.sqrt(D)  # (B, H, S, 1)
    unseen = torch.arange(cache.shape[3], device=device) > lengths[:, None]  # (B, S)
    weights = scores.masked_fill(unseen[:, None, :, None], -math.inf).softmax(2)
    return (weights * values).sum(2, keepdim=True)  # (B, H, 1, D)


def _decode_fused(q, k, v, cache, lengths):
    """The same by ops.cpp, each row reading its own slots only."""
    B, H, _, D = q.shape
    low, high = lengths.aminmax()
    if low < 0 or high >= cache.shape[3]:
        raise IndexError(f"no slot {int(high)} in a cache of {cache.shape[3]} slots")
    out = _result_like(q)
    q, k, v = _rows_contiguous(q, k, v)
    words = [B, H, D, q.dtype == torch.bfloat16, torch.get_num_threads(), lengths.data_ptr()]
    for x in (q, k, v, *cache, out):
        words += (x.data_ptr(), *x.stride()[:2])
    build.call(build.library("ops").decode, *words)
    return out
