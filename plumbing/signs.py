"""Vital signs of a reinforcement-learning run: what to look at, and what to do about it."""

import torch


def gradient_norm(model, before=None):
    """Norm of the gradient accumulated so far, or of what was added since `before`."""
    grads = [p.grad for p in model.parameters()]
    if before:
        grads = torch._foreach_sub(grads, before)
    return float(torch.nn.utils.get_total_norm(grads))


def warn(figures, opening):
    """A line with a remedy for each known sign of failure (none when all is well)."""
    kl, ended = figures["kl"], figures["ended"]
    signs = {
        f"KL to the reference is {kl:.0f} nats: raise --beta or lower --lr": kl > 20,
        "KL is negative: what is sampled is not what is scored": kl < -0.5,
        "entropy has collapsed: raise --beta or lower --lr": figures["entropy"]
        < 0.1 * opening["entropy"],
        f"only {ended:.0%} of answers end: raise --max_new_tokens": ended < 0.5,
        "over 30% of ratios are clipped: lower --lr or --epochs": figures["clip_fraction"] > 0.3,
    }
    return [line for line, sign in signs.items() if sign]


def explained_variance(returns, values, mask):
    """1 − var(R − V) / var(R): 1 where the value network foresees every return, 0 where none."""
    real = mask > 0
    return 1 - (returns - values)[real].var() / returns[real].var().clamp(min=1e-8)
