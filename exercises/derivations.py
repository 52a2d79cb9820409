"""Derivatives by hand. Autograd works them out in every step of training; here they stand as
formulas, and their graders hold them against central differences in float64:

    ∂L/∂x ≈ (L(x + h) − L(x − h)) / 2h
"""

import torch
import torch.nn.functional as F

from reward import preferred


def ranking_gradient(scores, ranks):
    """∂L/∂scores (N, K) of reward.py's ranking_loss (InstructGPT eq. 1).

    scores (N, K), float. ranks (N, K), whole numbers: 0 is the best, equal ones tie, −1 where there
    is no answer. Ties and missing answers make no pair; a question without a pair has gradient 0,
    and is not counted in the mean over questions.

    d/dx log σ(x) = σ(−x): each pair pushes its winner up, its loser down, by how unsure the model
    is of it.
    """
    wins = preferred(ranks).to(scores)  # (N, K, K): is i better than j?
    difference = scores[:, :, None] - scores[:, None, :]
    push = wins * torch.sigmoid(-difference)  # (N, K, K)
    pairs = wins.sum((1, 2))  # (N,)
    questions = (pairs > 0).sum().clamp(min=1)
    share = pairs.clamp(min=1)[:, None] * questions
    return (push.sum(1) - push.sum(2)) / share  # as the loser of a pair, minus as its winner


def gae_weights(T, lam):
    """Generalised advantages as a sum, without a loop over time (Schulman et al. 2016, eq. 16):

        A_t = Σ_{s ≥ t} λ^(s−t)·δ_s        δ_s = r_s + V_{s+1} − V_s        V_T = 0

    is linear in rewards and values, so A = R·r + W·V. Returns R and W, each (T, T) in float64:
    R[t, s] = ∂A_t/∂r_s and W[t, s] = ∂A_t/∂V_s, of an answer of T tokens.
    """
    t = torch.arange(T)
    ahead = t[None, :] - t[:, None]  # s − t, (T, T)
    power = float(lam) ** ahead.clamp(min=0).double()
    of_rewards = power * (ahead >= 0)
    # V_s stands in δ_{s−1} with a plus and in δ_s with a minus.
    before = float(lam) ** (ahead - 1).clamp(min=0).double() * (ahead >= 1)
    return of_rewards, before - of_rewards


def clipped_gradient(logp, old_logp, advantages, clip):
    """∂L/∂logp of ppo.py's policy_loss (PPO paper, eq. 7). All (B, T); so is what is returned.

        L = −min(ρ·A, clip(ρ, 1−ε, 1+ε)·A)        ρ = exp(logp − old_logp)

    Where the clipped side is the smaller one it is a constant, and the gradient is 0: above 1 + ε
    for a positive advantage, below 1 − ε for a negative one. Elsewhere dρ/dlogp = ρ.
    """
    ratio = (logp - old_logp).exp()
    too_high = (ratio > 1 + clip) & (advantages > 0)
    too_low = (ratio < 1 - clip) & (advantages < 0)
    return torch.where(too_high | too_low, 0.0, -advantages * ratio)


def soft_label(d, p):
    """The loss of a pair of which the first answer is the better one with probability p, and its
    slope ∂L/∂d, where d is the first score minus the second (Bai et al. 2022b):

        L = −[p·log σ(d) + (1 − p)·log σ(−d)]        ∂L/∂d = σ(d) − p

    d and p (N,), float, p from 0 to 1; returns both (N,). A sure label, p = 1, is InstructGPT's.
    """
    loss = p * F.softplus(-d) + (1 - p) * F.softplus(d)
    return loss, torch.sigmoid(d) - p
