"""Probabilities by their logarithms: a product of hundreds of them is too small for a float."""

import numpy as np


def log(p):
    """log p, −∞ at 0 without a warning."""
    with np.errstate(divide="ignore"):
        return np.log(p)


def log_sum(x):
    """log Σ exp(x) over the last axis; −∞ counts as nothing."""
    top = x.max(-1, keepdims=True)
    return top[..., 0] + np.log(np.exp(x - top).sum(-1))


def log_softmax(x):
    """log of p ∝ exp(x) over the last axis."""
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def softmax(x):
    """exp(x) / Σ exp(x) over the last axis; uniform where everything is impossible."""
    top = x.max(-1, keepdims=True)
    e = np.exp(np.where(np.isfinite(top), x - np.where(np.isfinite(top), top, 0), 0))
    return e / e.sum(-1, keepdims=True)
