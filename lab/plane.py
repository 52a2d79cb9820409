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
CLAUDE = {"SL-CAI": "sft_constitution", RIVAL: "ppo_constitution"}
PLANE = {START: "sft_helpful", **HH, **CLAUDE}
DISTANCE = {0: "sft_helpful", **{steps: f"ppo_half_{steps}" for steps in STEPS}}
SCORES = ("train PM", "held-out PM", "gold help", "gold harmless")
BY_ROUND = {f"round {n}": f"round_{n}" for n in range(1, ROUNDS + 1)}
LABELLED = {**BY_ROUND, "static": "static"}
LAST = f"round {ROUNDS}"
SIDES = ("help", "harmless")
COUNTED = ("right", "questions", "harmful", "evasive", "requests")
ARMS_OF = {"plane": PLANE, "distance": DISTANCE, "rounds": LABELLED}


# --- one part after the other --------------------------------------------------------------------


def of_seed(rows, seed):
    """The rows of one seed."""
    return [row for row in rows if row["seed"] == seed]


def seeds_of(rows):
    """The seeds of rows, in order."""
    return sorted({row["seed"] for row in rows})


def by_arm(rows):
    """{arm: its row} of rows of one seed."""
    return {row["arm"]: row for row in rows}


def results_of(rows, side):
    """Who beats whom in `side`, by prompt, over the seeds of these rows: (M, M, P)."""
    found = 0
    for seed in seeds_of(rows):
        mine = by_arm(of_seed(rows, seed))
        table = [mine[arm][side] for arm in PLANE]
        found = found + outcomes(np.array(table))
    return found


def elo(rows, resamples):
    """The plane of one seed, or of several whose wins are added up: ratings (M, 2), in the order of
    PLANE, and resampled ones (B, M, 2). A resample draws prompts, each with the answers of all
    models."""
    found = []
    for place, side in enumerate(SIDES):
        results = results_of(rows, side)
        prompts = results.shape[-1]
        counts = resample(prompts, resamples, place)
        once = np.ones((1, prompts))
        whole_first = np.concatenate([once, counts])
        found.append(ratings(results, whole_first))
    points, *drawn = np.stack(found, -1)
    return points, np.array(drawn)


def frontier_gap(ratings_of):
    """How far RL-CAI is above the HH models and the one they start from; ratings (..., M, 2)."""
    arms = list(PLANE)
    others = [arms.index(arm) for arm in (START, *HH)]
    frontier = ratings_of[..., others, :]
    rival = ratings_of[..., arms.index(RIVAL), :]
    return above(rival, frontier)


def with_ends(row, name, value, drawn):
    """Write a figure and the two ends of its interval into a row."""
    low, high = ends(drawn)
    row[name] = float(value)
    row[f"{name} low"] = float(low)
    row[f"{name} high"] = float(high)


def plane(rows, resamples, seed):
    """The rows of one seed, or of all together (seed 0): each arm with intervals, then the gap."""
    points, drawn = elo(rows, resamples)
    found = []
    for place, arm in enumerate(PLANE):
        row = {"part": "plane", "seed": seed, "arm": arm}
        for axis, side in enumerate(SIDES):
            of_arm = drawn[:, place, axis]
            with_ends(row, side, points[place, axis], of_arm)
        mine = [other for other in rows if other["arm"] == arm]
        for key in COUNTED:
            row[key] = sum(other[key] for other in mine)
        found.append(row)
    row = {"part": "gap", "seed": seed}
    with_ends(row, "gap", frontier_gap(points), frontier_gap(drawn))
    return [*found, row]


def verdict(row):
    """Of a gap with its interval: 1 where its interval is above 0, −1 where it is below, else 0."""
    above_zero = row["gap low"] > 0
    below_zero = row["gap high"] < 0
    return int(above_zero) - int(below_zero)


def shown(row, part):
    """A row as it is told: without its scores one by one."""
    found = {"part": part, **row}
    for key in ("of", "key", "help"):
        found.pop(key, None)
    return found


def distance(rows, seed):
    """The rows of one seed as they are, and of each score the line through it against √KL."""
    mine = of_seed(rows, seed)
    mine.sort(key=lambda row: row["steps"])
    found = [shown(row, "distance") for row in mine]
    nats = np.array([row["kl"] for row in mine])
    far = np.sqrt(nats.clip(0))
    for score in SCORES:
        values = np.array([row[score] for row in mine])
        slope, fit = line_fit(far, values)
        about = {"part": "line", "seed": seed, "score": score}
        found.append({**about, "slope": slope, "fit": fit})
    return found


def rounds(rows, seed):
    """The rows of one seed without their scores; the last round also against static."""
    mine = by_arm(of_seed(rows, seed))
    found = []
    for row in mine.values():
        judge = float(np.mean(row["help"]))
        found.append({**shown(row, "rounds"), "judge": judge})
    last = mine[LAST]
    static = mine["static"]
    won = wins(last["help"], static["help"])
    low, high = bootstrap(won, seed)
    win = float(won.mean())
    row = {"part": "online", "seed": seed, "win": win}
    return [*found, {**row, "low": low, "high": high}]


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
    for seed in seeds_of(measured):
        found += plane(of_seed(measured, seed), resamples, seed)
    if measured:
        found += plane(measured, resamples, 0)
    for part, follow in (("distance", distance), ("rounds", rounds)):
        measured = whole(rows, part)
        for seed in seeds_of(measured):
            found += follow(measured, seed)
    return found


def told(path, seeds):
    """The summary of a table of lab/pareto.py, each row with the number of requests, "n", and of
    questions. Raises FileNotFoundError where the plane of one of the seeds is not measured yet;
    the other parts are told of the seeds that have them."""
    rows = [row for row in read(path) if row["seed"] <= seeds]
    missing = {*range(1, seeds + 1)} - {*seeds_of(whole(rows, "plane"))}
    if missing:
        raise FileNotFoundError(0, "not measured yet", f"the plane of seed {min(missing)}")
    head, *_ = path.read_text(encoding="utf-8").splitlines()
    asked = json.loads(head)["config"]
    about = {"n": asked["n"], "questions asked": asked["n_help"]}
    found = summary(rows, asked["resamples"])
    return [{**about, **row} for row in found]
