"""Causal self-attention behind one function: the definition, and torch's fused version of it.

B batch, H heads, T tokens, D head size, S slots of a key-value cache.
"""

import math

import torch
import torch.nn.functional as F


def reference(q, k, v):
    """softmax(q·kᵀ/√D)·v where a token sees itself and the past. All (B, H, T, D)."""
    T, D = q.shape[-2:]
    scores = q @ k.transpose(-2, -1) / math.sqrt(D)  # (B, H, T, T)
    future = torch.ones(T, T, dtype=torch.bool, device=q.device).triu(1)
    return scores.masked_fill(future, -math.inf).softmax(-1) @ v  # (B, H, T, D)


def attention(q, k, v):
    """Causal attention for training and prefill: q, k, v and the result are (B, H, T, D)."""
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def decode(q, k, v, lengths):
    """One new token per row: q (B, H, 1, D) against caches k, v (B, H, S, D), of which row b has
    filled the first lengths[b] slots. Returns (B, H, 1, D)."""
    S, D = k.shape[-2:]
    scores = q @ k.transpose(-2, -1) / math.sqrt(D)  # (B, H, 1, S)
    empty = torch.arange(S, device=q.device) >= lengths[:, None, None, None]
    return scores.masked_fill(empty, -math.inf).softmax(-1) @ v  # (B, H, 1, D)
