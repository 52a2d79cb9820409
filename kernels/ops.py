"""Operators that take one pass over memory where torch takes several.

    gelu(x) = x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2      (Hendrycks & Gimpel 2016)
    cross_entropy(x, t) = log sum_v exp(x_v) - x_t
    rotate(x, r) = r x / sqrt(mean x^2)           (Su et al. 2021; Henry et al. 2020)

torch's own operators serve wherever ops.cpp does not: on a GPU, or without a compiler. On a CPU
their tanh and their three passes over the logits are a seventh of a training step.
"""

import torch
import torch.nn.functional as F

from kernels import build

W = 8  # floats in a vector of ops.cpp, which takes whole vectors


def _how(x):
    """What every kernel is told: whether the numbers are bfloat16, and the number of threads."""
    return x.dtype == torch.bfloat16, torch.get_num_threads()


def _gelu(x):
    x = x.contiguous()
    y = torch.empty_like(x)
    build.call(
        build.library("ops").gelu_forward, x.numel(), *_how(x), x.data_ptr(), 0, y.data_ptr()
    )
    return y


def _gelu_backward(dy, x):
    dy, x = dy.contiguous(), x.contiguous()
    dx = torch.empty_like(x)
    build.call(
        build.library("ops").gelu_backward,
        x.numel(),
        *_how(x),
        x.data_ptr(),
        dy.data_ptr(),
        dx.data_ptr(),
    )
    return dx


def _cross_entropy(x, targets):
    x, targets = x.contiguous(), targets.contiguous()
    if len(x):
        low, high = targets.aminmax()
        if low < -1 or high >= x.shape[1]:
            raise IndexError(f"targets from {int(low)} to {int(high)} of {x.shape[1]} classes")
    loss, lse = _cross_entropy_fake(x, targets)
    build.call(
        build.library("ops").cross_entropy_forward,
        *x.shape,
        *_how(x),
        x.data_ptr(),
        targets.data_ptr(),
        loss.data_ptr(),
        lse.data_ptr(),
        0,
        0,
    )
    return loss, lse


def _cross_entropy_backward(dloss, x, targets, lse):
    x, targets, dloss = x.contiguous(), targets.contiguous(), dloss.contiguous()
    dx = torch.empty_like(x)
    build.call(
        build.library("ops").cross_entropy_backward,
        *x.shape,
        *_how(x),
        x.data_ptr(),
        targets.data_ptr(),
        0,
        lse.data_ptr(),
        dloss.data_ptr(),
        dx.data_ptr(),
    )
    return dx


def _turn_words(x, rotation, normalise):
    """What both kernels are told of x, and x itself: in its place if its rows of n·H·D numbers lie
    one after another at equal distances, as in a slice of a larger tensor, else copied so."""
    B, T, n, H, D = x.shape
    in_rows = x.stride()[2:] == (H * D, D, 1) and (B == 1 or x.stride(0) == T * x.stride(1))
    x, turn = x if in_rows else x.contiguous(), rotation.contiguous()
    return (
        x,
        turn,
        (
            B * T,
            n * H,
            D,
            x.stride(1),
            len(turn),
            normalise,
            *_how(x),
            x.data_ptr(),
            turn.data_ptr(),
        ),
    )


def _rotate(x, rotation, normalise):
    x, turn, words = _turn_words(x, rotation, normalise)
    y = _like_x(x)
    build.call(build.library("ops").rotate_forward, *words, 0, y.data_ptr())
    return y


def _rotate_backward(dy, x, rotation, normalise):
    x, turn, words = _turn_words(x, rotation, normalise)
    dy, dx = dy.contiguous(), _like_x(x)
    build.call(build.library("ops").rotate_backward, *words, dy.data_ptr(), dx.data_ptr())
    return dx


def _keep_for_rotate(ctx, inputs, output):
    *tensors, ctx.normalise = inputs
    ctx.save_for_backward(*tensors)


def _rotate_gradients(ctx, dy):
    return kernels.rotate_backward(dy, *ctx.saved_tensors, ctx.normalise), None, None


# --- operators for torch -------------------------------------------------------------------------
# torch.compile sees opaque operators whose shapes the fake versions tell.


def _like_x(x, *_):
    return torch.empty_like(x, memory_format=torch.contiguous_format)


def _cross_entropy_fake(x, targets):
    return [x.new_empty(len(x), dtype=torch.float32) for _ in range(2)]  # loss and log-sum-exp


def _register():
    """Tell torch the operators, their shapes (fake versions) and their derivatives."""
    ops = torch.library.Library("nanochatgpt", "FRAGMENT")
    for name, signature, function, fake in (
        ("gelu", "Tensor x) -> Tensor", _gelu, _like_x),
        ("gelu_backward", "Tensor dy, Tensor x) -> Tensor", _gelu_backward, _like_x),
        (
            "cross_entropy",
            "Tensor x, Tensor targets) -> (Tensor, Tensor)",
            _cross_entropy,
            _cross_entropy_fake,
        ),
        (
            "cross_entropy_backward",
            "Tensor dloss, Tensor x, Tensor targets, Tensor lse) -> Tensor",
            _cross_entropy_backward,
            lambda dloss, x, *_: _like_x(x),
        ),
        ("rotate", "Tensor x, Tensor rotation, bool normalise) -> Tensor", _rotate, _like_x),
        (
            "rotate_backward",
            "Tensor dy, Tensor x, Tensor rotation, bool normalise) -> Tensor",
            _rotate_backward,
            lambda dy, x, *_: _like_x(x),
        ),
    ):
        ops.define(f"{name}({signature}")
        ops.impl(name, function, "CPU")
        torch.library.register_fake(f"nanochatgpt::{name}", fake, lib=ops)
    torch.library.register_autograd(
        "nanochatgpt::gelu",
        lambda ctx, dy: kernels.gelu_backward(dy, *ctx.saved_tensors),
        setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs),
        lib=ops,
    )
    torch.library.register_autograd(
        "nanochatgpt::cross_entropy",
        lambda ctx, dloss, _: (kernels.cross_entropy_backward(dloss, *ctx.saved_tensors), None),
        setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs, output[1]),
        lib=ops,
    )
    torch.library.register_autograd(
        "nanochatgpt::rotate", _rotate_gradients, setup_context=_keep_for_rotate, lib=ops
    )
    return ops


_operators = _register()
kernels = torch.ops.nanochatgpt


# --- dispatch ------------------------------------------------------------------------------------


@build.constant
def _serves(device, dtype):
    served = (torch.float32, torch.bfloat16)
    return device == "cpu" and dtype in served and build.available("ops")


def gelu(x):
    """The tanh GELU of each element of x, differentiable; any shape and dtype."""
    if x.numel() % W == 0 and _serves(x.device.type, x.dtype):
        return kernels.gelu(x)
    return F.gelu(x, approximate="tanh")


def rotate(x, rotation, normalise=False):
    """RoPE (Su et al. 2021, eq. 34): turn each pair of channels by an angle that grows with
    position.

    x (B, T, n, H, D) and rotation (T or B, 1, 1, 1, D/2, 2), cosine and sine, one row per position;
    it may stretch as it turns. With `normalise` each vector of D is brought to root mean square 1
    first. Differentiable in x. Returns (B, T, n, H, D).

    A query and a key then meet under an angle that depends only on how far apart they are.
    """
    if x.shape[-1] % W == 0 and _serves(x.device.type, x.dtype):
        return kernels.rotate(x, rotation, normalise)
    y = F.rms_norm(x.float(), x.shape[-1:], eps=1e-6) if normalise else x.float()
    a, b = y.reshape(*x.shape[:-1], -1, 2).unbind(-1)
    cos, sin = rotation.unbind(-1)
    return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2).to(x.dtype)


def cross_entropy(logits, targets):
    """-log softmax(logits)[target] of each row, differentiable: (N, V), (N,) int64 -> (N,).

    A target of -1 gives 0. Logits of 16 bits give a float32 loss. Raises IndexError for a target
    outside of -1 to V - 1."""
    if logits.shape[1] % W == 0 and _serves(logits.device.type, logits.dtype):
        return kernels.cross_entropy(logits, targets)[0]
    logits = logits.float() if logits.dtype in (torch.bfloat16, torch.float16) else logits
    return F.cross_entropy(logits, targets, ignore_index=-1, reduction="none")
