"""How strong models are whose answers are compared two at a time: Bradley & Terry 1952, and Elo.

    p(i beats j) = π_i / (π_i + π_j) = 1 / (1 + 10^(−(d_i − d_j) / 400))

π is a strength and d = 400 log10 π its Elo rating (Bai et al. 2022a): 400 points are ten wins to
one. The level is free; here the first model is at 0.

A judge that is a program gives each answer a score, so that it says the same in both orders; equal
scores are half a win for each. Shapes: M models, P prompts, B resamples.
"""

import numpy as np

POINTS = 400 / np.log(10)  # Elo points of a nat of log-strength
DRAWS = 1.0  # added to each pair as a tie: a model that never wins would be infinitely weak
MOST = 10_000  # rounds of the fit


def outcomes(scores):
    """Who beats whom: 1 where the score of i is above that of j, ½ where they tie, 0 on the
    diagonal. scores (M, P) -> (M, M, P)."""
    one = scores[:, None]
    other = scores[None]
    found = (one > other) + 0.5 * (one == other)
    others = 1 - np.eye(len(scores))
    return found * others[:, :, None]


def bradley_terry(wins):
    """The likeliest strengths, as logarithms, the first model's 0. wins (..., M, M): how often i
    beat j, with 0 on the diagonal, and above 0 in some place of each row -> (..., M), float64.

    The fixed point of Zermelo 1929; each round raises Σ_ij wins_ij log p(i beats j):

        π_i ← Σ_j wins_ij / Σ_j [(wins_ij + wins_ji) / (π_i + π_j)]
    """
    wins = np.asarray(wins, np.float64)
    games = wins + wins.swapaxes(-1, -2)
    strength = np.ones(wins.shape[:-1])
    for _ in range(MOST):
        one = strength[..., :, None]
        other = strength[..., None, :]
        expected = games / (one + other)
        before = strength
        strength = wins.sum(-1) / expected.sum(-1)
        strength = strength / strength[..., :1]
        if np.allclose(strength, before, rtol=1e-10, atol=0):
            break
    return np.log(strength)


def ratings(results, counts):
    """Elo ratings with the first model at 0. results (M, M, P) as of `outcomes`; counts (B, P), how
    often each prompt counts -> (B, M)."""
    wins = np.einsum("ijp,bp->bij", results, counts)
    others = 1 - np.eye(len(results))
    return POINTS * bradley_terry(wins + DRAWS / 2 * others)


def resample(prompts, n, seed):
    """How often each of `prompts` is drawn in n resamples of as many: (n, prompts)."""
    shares = np.full(prompts, 1 / prompts)
    return np.random.default_rng(seed).multinomial(prompts, shares, n)


def ends(values):
    """The 95 % interval of resamples (B, ...): both ends, as (2, ...)."""
    return np.quantile(values, [0.025, 0.975], axis=0)


def above(point, others):
    """By how many points a model is above a frontier: what it has, whatever two figures are worth
    to each other, over the best mixture of the others, at the worth that is best for it.

        max_v min_k [v·(x − x_k) + (1 − v)·(y − y_k)],  0 ≤ v ≤ 1

    Positive where no mixture of the others has as much of both; else some mixture has so much more
    of both. point (..., 2), others (..., K, 2) -> (...).
    """
    share = np.linspace(0, 1, 401)
    worth = np.stack([share, 1 - share])
    best = (others @ worth).max(-2)
    return (point @ worth - best).max(-1)


def line_fit(x, y):
    """(slope, R²) of the straight line through points (x, y), both (N,). R² of equal values is not
    defined: NaN."""
    slope, start = np.polyfit(x, y, 1)
    left = y - slope * x - start
    whole = y - y.mean()
    if not whole.any():
        return float(slope), float("nan")
    return float(slope), float(1 - left @ left / (whole @ whole))
