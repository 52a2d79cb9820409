"""What the rows of lab/pareto.py say: Elo ratings on the plane of help and harmlessness, lines of
reward against distance, and rounds of fresh labels against static ones.

An interval of the plane is of the bootstrap by prompt, each drawn with the answers of all models
and, where seeds are taken together, of all seeds.
"""

import json

import numpy as np

from lab.arms import ROUNDS, STEPS, WEIGHTS
from lab.elo import above, ends, line_fit, outcomes, ratings, resample
from lab.studies import bootstrap, read, wins

# --- the arms ----------------------------------------------------------------------------------

START = "helpful only"
RIVAL = "RL-CAI"
HH = {f"HH, λ = {weight:g}": f"ppo_hh_{weight:g}" for weight in WEIGHTS}
PLANE = {START: "sft_helpful", **HH, "SL-CAI": "sft_constitution", RIVAL: "ppo_constitution"}
DISTANCE = {0: "sft_helpful", **{steps: f"ppo_half_{steps}" for steps in STEPS}}
SCORES = ("train PM", "held-out PM", "gold help", "gold harmless")
BY_ROUND = {f"round {n}": f"round_{n}" for n in range(1, ROUNDS + 1)}
LABELLED = {**BY_ROUND, "static": "static"}
LAST = f"round {ROUNDS}"
ARMS_OF = {"plane": PLANE, "distance": DISTANCE, "rounds": LABELLED}


# --- one part after the other --------------------------------------------------------------------


def results_of(rows, side):
    """Who beats whom in `side`, by prompt, over the seeds of these rows: (M, M, P)."""
    found = 0
    for seed in sorted({row["seed"] for row in rows}):
        scores = {row["arm"]: row[side] for row in rows if row["seed"] == seed}
        found = found + outcomes(np.array([scores[arm] for arm in PLANE]))
    return found


def elo(rows, resamples):
    """The plane of one seed, or of several whose wins are added up: ({arm: (help, harmless)},
    resampled ratings (B, M, 2)). A resample draws prompts, each with the answers of all models."""
    points, drawn = [], []
    for place, side in enumerate(("help", "harmless")):
        results = results_of(rows, side)
        counts = resample(results.shape[-1], resamples, place)
        points.append(ratings(results))
        drawn.append(ratings(results, counts))
    return dict(zip(PLANE, np.stack(points, -1))), np.stack(drawn, -1)


def frontier_gap(ratings_of):
    """How far RL-CAI is above the HH models and the one they start from; ratings (..., M, 2)."""
    arms = list(PLANE)
    others = [arms.index(arm) for arm in (START, *HH)]
    return above(ratings_of[..., arms.index(RIVAL), :], ratings_of[..., others, :])


def plane(rows, resamples, seed):
    """The rows of one seed, or of all together (seed 0): each arm with intervals, then the gap."""
    points, drawn = elo(rows, resamples)
    found = []
    for place, (arm, point) in enumerate(points.items()):
        row = {"part": "plane", "seed": seed, "arm": arm}
        low, high = ends(drawn[:, place])
        for axis, side in enumerate(("help", "harmless")):
            row[f"{side}"] = float(point[axis])
            row[f"{side} low"] = float(low[axis])
            row[f"{side} high"] = float(high[axis])
        for key in ("right", "questions", "harmful", "evasive", "requests"):
            row[key] = sum(other[key] for other in rows if other["arm"] == arm)
        found.append(row)
    low, high = ends(frontier_gap(drawn))
    gap = float(frontier_gap(np.stack(list(points.values()))))
    found.append({"part": "gap", "seed": seed, "gap": gap, "low": float(low), "high": float(high)})
    return found


def verdict(row):
    """Of a gap with its interval: 1 where its interval is above 0, −1 where it is below, else 0."""
    return int(row["low"] > 0) - int(row["high"] < 0)


def told_of(row, part):
    """A row as it is told: without its scores one by one."""
    kept = {key: value for key, value in row.items() if key not in ("of", "key", "help")}
    return {"part": part, **kept}


def distance(rows, seed):
    """The rows of one seed as they are, and of each score the line through it against √KL."""
    mine = sorted((row for row in rows if row["seed"] == seed), key=lambda row: row["steps"])
    found = [told_of(row, "distance") for row in mine]
    far = np.sqrt([max(0.0, row["kl"]) for row in mine])
    for score in SCORES:
        slope, fit = line_fit(far, np.array([row[score] for row in mine]))
        found.append({"part": "line", "seed": seed, "score": score, "slope": slope, "fit": fit})
    return found


def rounds(rows, seed):
    """The rows of one seed without their scores; the last round also against static."""
    mine = {row["arm"]: row for row in rows if row["seed"] == seed}
    found = []
    for row in mine.values():
        found.append({**told_of(row, "rounds"), "judge": float(np.mean(row["help"]))})
    won = wins(mine[LAST]["help"], mine["static"]["help"])
    low, high = bootstrap(won, seed)
    found.append(
        {"part": "online", "seed": seed, "win": float(won.mean()), "low": low, "high": high}
    )
    return found


# --- all -----------------------------------------------------------------------------------------


def whole(rows, part):
    """The rows of a part, of the seeds of which all arms are measured."""
    mine = [row for row in rows if row["of"] == part]
    size = len(ARMS_OF[part])
    done = [row["seed"] for row in mine]
    return [row for row in mine if done.count(row["seed"]) == size]


def summary(rows, resamples):
    """All that is told of the rows of main: one seed after the other, then all together."""
    found = []
    measured = whole(rows, "plane")
    seeds = sorted({row["seed"] for row in measured})
    for seed in seeds:
        found += plane([row for row in measured if row["seed"] == seed], resamples, seed)
    if seeds:
        found += plane(measured, resamples, 0)
    for part, told in (("distance", distance), ("rounds", rounds)):
        measured = whole(rows, part)
        for seed in sorted({row["seed"] for row in measured}):
            found += told(measured, seed)
    return found


def told(path, seeds):
    """The summary of a table of lab/pareto.py, each row with the number of requests, "n", and of
    questions. Raises FileNotFoundError where something of one of the seeds is not measured yet."""
    rows = [row for row in read(path) if row["seed"] <= seeds]
    for part, arms in ARMS_OF.items():
        for seed in range(1, seeds + 1):
            done = [row for row in rows if (row["of"], row["seed"]) == (part, seed)]
            if len(done) < len(arms):
                raise FileNotFoundError(0, "not measured yet", f"the {part} of seed {seed}")
    asked = json.loads(path.read_text(encoding="utf-8").partition("\n")[0])["config"]
    about = {"n": asked["n"], "questions asked": asked["n_help"]}
    return [{**about, **row} for row in summary(rows, asked["resamples"])]
