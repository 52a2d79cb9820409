"""Vital signs of a reinforcement-learning run: what to look at, and what to do about it."""

import numpy as np
import torch


def gradient_norm(model, machine, before=None):
    """Norm of the gradient accumulated so far, or of what was added since `before`."""
    grads = [p.grad for p in model.parameters()]
    if before:
        grads = torch._foreach_sub(grads, before)
    return machine.norm(torch.nn.utils.get_total_norm(grads))


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


def in_short(figures):
    """What stands beside the bar; the judge is there in the tiny world alone."""
    shown = f"reward {figures['reward']:+.2f}, KL {figures['kl']:.2f}"
    return shown + (f", judge {figures['judge']:+.2f}" if "judge" in figures else "")


def steer(beta, kl, target, n, horizon=10_000):
    """The adaptive controller (Ziegler et al. 2019, section 2.2): β grows while KL exceeds the
    target."""
    error = max(-0.2, min(0.2, kl / target - 1))
    return beta * (1 + error * n / horizon)


def explained_variance(returns, values, mask):
    """1 − var(R − V) / var(R): 1 where the value network foresees every return, 0 where none."""
    real = mask > 0
    return 1 - (returns - values)[real].var() / returns[real].var().clamp(min=1e-8)


def distances(logp, ref_logp, kl, mask):
    """How far a policy is from its reference, in nats per answer: the mean log-ratio of the tokens
    sampled, an estimate of lower variance (k3, Schulman 2020), and over the whole vocabulary.
    All (B, T−1)."""
    log_ratio = (logp - ref_logp) * mask
    k3 = ((-log_ratio).exp() - 1 + log_ratio) * mask
    return {
        "kl": log_ratio.sum(1).mean(),
        "kl_k3": k3.sum(1).mean(),
        "kl_exact": (kl * mask).sum(1).mean(),
    }


def before_the_first_step(figures):
    """Three figures that are 0 as long as policy, reference and sampler are one network."""
    return (
        f"before the first step: |ratio − 1| {figures['first_ratio']:.1e}, approximate KL "
        f"{figures['first_approx_kl']:.1e}, KL to the reference {figures['kl']:.1e} (all must be 0)"
    )


def of_answers(scores, ends, entropy, mask, machine):
    """Mean score, share of answers that ended, tokens of an answer, nats of entropy per choice."""
    return {
        "reward": scores.mean(),
        "entropy": machine.processes * (entropy * mask).sum() / machine.sum(mask.sum()),
        "length": mask.sum(1).mean(),
        "ended": ends.float().mean(),
    }


@torch.no_grad()
def movement(change, mask, clip, mean):
    """How far a minibatch has moved the policy since the answers were sampled: `change` is log π −
    log π_old (B, T−1), `mean` the mean over all tokens of answers in the minibatch."""
    off = (change.exp() - 1).abs()  # of the probability ratio from 1
    return {
        "approx_kl": mean(0.5 * change**2),
        "clip_fraction": mean((off > clip).float()),
        "max_ratio": float((off * mask).max()),
    }


def total(history, machine):
    """The figures of a minibatch from those of its parts, on all processes."""
    sums = {}
    for name in history[0]:
        parts = [figures[name] for figures in history]
        sums[name] = max(parts) if name == "max_ratio" else machine.sum(sum(parts))
    return sums


def average(history):
    """Mean figures of all minibatches; and the two of the first that must be 0 before any step."""
    means = {name: float(np.mean([figures[name] for figures in history])) for name in history[0]}
    means["first_approx_kl"] = history[0]["approx_kl"]
    means["first_ratio"] = history[0]["max_ratio"]
    return means
