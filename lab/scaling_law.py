"""The law of lab/scaling.py: the envelope of many trainings, its fit with intervals, and what the
fit says of a larger model. It needs the rows of the study and no model, so the report draws it too.
"""

import math
from dataclasses import dataclass

import numpy as np

WIDTH = 32  # channels of a head, and of the model for each layer
BLOCK = 128  # tokens of a context
FEWEST = 5  # points of the envelope that a fit of three numbers needs
TRIES = 1000  # of the bootstrap


def envelope(rows):
    """The rows that no other has beaten with as little compute, from the least compute on."""
    best = math.inf
    found = []
    for row in sorted(rows, key=lambda row: row["flops"]):
        if row["val_loss"] < best:
            best = row["val_loss"]
            found.append(row)
    return found


def fit(flops, losses):
    """E, log a and b of L(C) = E + a·C^(−b): of many E the one whose straight line through log C
    and log(L − E) leaves the least of the losses over."""
    x = np.log(flops)
    floors = np.linspace(0, 0.999 * min(losses), 400)[:, None]
    y = np.log(losses - floors)  # (floors, runs): a straight line for each E
    away = x - x.mean()
    slopes = (y * away).sum(1, keepdims=True) / (away**2).sum()
    heights = y.mean(1, keepdims=True) - slopes * x.mean()
    left = losses - floors - np.exp(heights + slopes * x)
    best = (left**2).sum(1).argmin()
    return floors[best, 0], heights[best, 0], -slopes[best, 0]


def law(flops, numbers):
    """The loss that the law gives with so much compute."""
    floor, height, slope = numbers
    return floor + np.exp(height - slope * np.log(flops))


def spread(flops, losses, at, seed=0):
    """The fit, and 95 % intervals of its E and b and of the loss at `at` FLOPs, by drawing its
    residuals again (Efron 1979): {name: (value, low, high)}."""
    numbers = fit(flops, losses)
    expected = law(flops, numbers)
    # Three numbers were fitted: what is left over is too small by that.
    inflated = (losses - expected) * math.sqrt(len(flops) / (len(flops) - 3))
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(TRIES):
        again = expected + rng.choice(inflated, len(inflated))
        other = fit(flops, again)
        drawn.append((other[0], other[2], law(at, other)))
    values = (numbers[0], numbers[2], law(at, numbers))
    ends = np.quantile(drawn, (0.025, 0.975), axis=0)
    names = ("E", "b", "predicted")
    found = {name: (float(v), *map(float, e)) for name, v, e in zip(names, values, ends.T)}
    return {**found, "numbers": numbers}


def compute_of(depth, tokens, rows):
    """FLOPs of a model that is not there yet, counted as model.py counts them. Its table of tokens
    is as wide as it is; blocks have 12·C² parameters."""
    known = rows[0]
    width = WIDTH * known["depth"]
    words = (known["parameters"] - 12 * known["depth"] * width**2) / width
    width = WIDTH * depth
    parameters = 12 * depth * width**2 + words * width
    return float(tokens) * 6 * (parameters + depth * width * BLOCK)


# --- what it says ------------------------------------------------------------------------------


@dataclass
class Law:
    """The fit through the envelope of a study, and the larger model that it is asked about."""

    rows: list  # of all sizes and amounts of text
    best: list  # of them the envelope, from little compute to much
    found: dict  # of `spread`
    depth: int  # of the larger model
    at: float  # its compute, FLOPs
    reached: dict | None  # its row, once it is trained

    def curve(self, points=60):
        """Points (FLOPs, loss) of the law, from the least compute to the larger model's."""
        first = self.best[0]["flops"]
        return [(c, law(c, self.found["numbers"])) for c in np.geomspace(first, self.at, points)]

    def kept(self):
        """Whether the larger model's loss lies within what was predicted; None before it is
        trained."""
        _, low, high = self.found["predicted"]
        return low <= self.reached["val_loss"] <= high if self.reached else None

    def sentences(self):
        """What the fit tells."""
        floor, *floors = self.found["E"]
        b, *slopes = self.found["b"]
        low, high = (f"{end:.3f}" for end in floors)
        law_of = f"L(C) = {floor:.3f} [{low}, {high}] + a·C^(−{b:.3f})"
        low, high = (f"{end:.3f}" for end in slopes)
        said = [
            f"Envelope of {len(self.best)} runs: {law_of}, exponent's 95 % interval "
            f"[{low}, {high}]."
        ]
        middle, low, high = self.found["predicted"]
        ends = f"{middle:.3f} [{low:.3f}, {high:.3f}]"
        said.append(
            f"At {self.at:.2e} FLOPs, depth {self.depth}, it predicts {ends} nats per token."
        )
        if self.reached:
            loss = f"{self.reached['val_loss']:.3f}"
            within = "within" if self.kept() else "outside of"
            said.append(f"That model reaches {loss}, {within} the interval.")
        return said


def fitted(rows, depth, tokens, reached=None):
    """The Law of a study's rows and a larger model of `depth` on `tokens`; None where so few runs
    make the envelope that nothing can be fitted."""
    best = envelope(rows)
    if len(best) < FEWEST:
        return None
    flops = np.array([row["flops"] for row in best])
    losses = np.array([row["val_loss"] for row in best])
    at = reached["flops"] if reached else compute_of(depth, tokens, rows)
    return Law(rows, best, spread(flops, losses, at), depth, at, reached)
