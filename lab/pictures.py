"""The pictures of the documents: docs/pictures/*.svg, drawn from the committed records alone.

`python -m lab.results` writes them together with the documents. Where a picture states a finding,
the sentence is computed from the same rows. lab/svg.py knows how to draw. A picture is drawn once,
in English; lab/words_pictures.py says its words in Korean for NAME.ko.svg.
"""

import math

from lab.editions import is_earlier
from lab.harvest import RECORDS, records
from lab.overoptimisation import journeys
from lab.pictures_pareto import plane
from lab.pictures_revisions import revisions
from lab.pictures_tension import tension
from lab.pipeline import pipeline
from lab.probing import frontier
from lab.scaling_law import fitted
from lab.scaling_picture import draw as law_drawn
from lab.studies import smooth
from lab.svg import (
    MARGIN,
    WIDTH,
    Scale,
    across,
    around,
    dot,
    legend,
    line,
    picture,
    said,
    small,
    text,
    upright,
)
from lab.tables import column, figure, gaps, seeds_named, seeds_of, select, share
from lab.tables_icl import accuracy
from lab.words_pictures import korean
from plumbing.files import ROOT
from plumbing.records import t_interval

FOLDER = ROOT / "docs" / "pictures"


def interval(values):
    """Mean, and the two ends of its 95 % interval; the mean again where there is none."""
    mean, half = t_interval(values)
    if math.isnan(half):
        half = 0.0
    return mean, mean - half, mean + half


# --- preferences -------------------------------------------------------------------------------

TUNED = {  # arm: its name and colour
    "pretrain": ("base", "quiet"),
    "sft": ("SFT", "quiet"),
    "ppo": ("PPO", "blue"),
    "ppo_ptx": ("PPO-ptx", "blue"),
    "ppo_free": ("PPO without leash", "orange"),
    "dpo": ("DPO", "blue"),
}
MEASURED = {  # key: what it is, its unit, and what a value is multiplied by
    "judge": ("judge's mean score (simulated)", "", 1),
    "rude": ("rude answers (simulated)", " %", 100),
    "lm_loss": ("loss on pretraining text, nats", "", 1),
}
PANEL = 158  # pixels
ROW = 32


def dots(rows, key, left, top):
    """One panel: for each arm the mean, its interval, and below them the seeds."""
    what, unit, times = MEASURED[key]
    values = {}
    every = []
    for arm in TUNED:
        found = [times * value for value in column(rows, key, arm=arm)]
        values[arm] = found
        every += [*found, *interval(found)]
    if min(map(min, values.values())) >= 0:  # nor is an interval below zero then
        every = [max(0.0, value) for value in every]
    x = around(every, left, left + PANEL)
    y = Scale(0, len(TUNED), top, top + ROW * len(TUNED))
    parts = across(x, y, unit, most=5)
    parts.append(text(left + PANEL / 2, y.end + 36, what, "quiet", "middle", 11))
    for place, (arm, found) in enumerate(values.items()):
        colour = TUNED[arm][1]
        mean, low, high = interval(found)
        middle = y(place + 0.4)
        ends = [(x(max(low, min(every))), middle), (x(high), middle)]
        parts.append(line(ends, colour, 2.4))
        parts.append(dot(x(mean), middle, colour, 5))
        parts += [dot(x(value), middle + 10, colour, 2) for value in found]
    return parts


def preferences(records):
    """The judge's score, rudeness and what is left of pretraining, of all that was tuned."""
    rows = records["preferences"]
    top = 78
    bottom = top + ROW * len(TUNED)
    parts = []
    for place, (name, _) in enumerate(TUNED.values()):
        parts.append(text(MARGIN, top + ROW * (place + 0.4) + 4, name))
    for place, key in enumerate(MEASURED):
        parts += dots(rows, key, 156 + place * (PANEL + 28), top)
    arms = ("ppo", "ppo_free", "dpo")
    changes = [figure(gaps(rows, "judge", arm, "sft"), sign=True) for arm in arms]
    finding = "Judge's score minus SFT's: PPO {}, without leash {}, DPO {}.".format(*changes)
    about = (
        f"{rows[0]['n']} held-out questions, {seeds_named(rows)}. Dot and bar: mean and 95 % "
        "interval over seeds; specks: the seeds."
    )
    leash = "The leash is what PPO pays for KL to SFT: β = 0.05 a nat; without it β = 0."
    parts.append(text(MARGIN, 58, finding))
    parts += small(bottom + 66, about, leash)
    told = [finding]
    for arm, (name, _) in TUNED.items():
        score = figure(column(rows, "judge", arm=arm), sign=True)
        rude = share(column(rows, "rude", arm=arm))
        loss = figure(column(rows, "lm_loss", arm=arm))
        told.append(f"{name}: judge's score {score}, rude answers {rude}, loss {loss} nats.")
    told.append(about)
    title = "Tuning from preferences, judged (simulated)"
    return picture(title, told, bottom + 100, parts)


# --- over-optimisation -------------------------------------------------------------------------

SCORES = {
    "proxy": "reward model's score, in its standard deviations",
    "judge": "judge's score (simulated)",
}
PAIRS = {  # reward model: its runs, with the leash and without
    "reward_scalar": ("ppo_scalar", "ppo_scalar_free"),
    "reward_scalar_few": ("ppo_scalar_few", "ppo_scalar_few_free"),
}
LEASHES = {"blue": "leash on (β = 0.05)", "orange": "leash off (β = 0)"}
HIGH = 146  # pixels
WIDE = 310


def ways(rows, key, arm):
    """How a run went with each seed: lists of (√KL, score)."""
    found = []
    for seed in seeds_of(rows):
        run = select(rows, seed=seed, arm=arm)
        kl = smooth([row["kl"] for row in run])
        score = smooth([row[key] for row in run])
        found.append([(math.sqrt(nats), value) for nats, value in zip(kl, score)])
    return found


def climbs(rows, key, arms, x, y):
    """The lines of one panel: one for each seed, a dot where it ends."""
    lines = []
    ends = []
    for colour, arm in zip(reversed(LEASHES), reversed(arms)):  # the short ways lie on the long
        for way in ways(rows, key, arm):
            points = [(x(far), y(score)) for far, score in way]
            lines.append(line(points, colour, 1.5))
            ends.append(dot(*points[-1], colour, 4))
    return lines + ends


def fall(rows, arm):
    """How far below its highest value the judge's score ends, seed by seed."""
    way = journeys(rows, arm)
    return figure([high - last for high, last in zip(way["judge peak"], way["judge last"])])


def endings(falls, left, y):
    """What `fall` says of the runs, each in the colour of its lines."""
    parts = []
    for place, (colour, found) in enumerate(zip(LEASHES, falls)):
        words = f"ends {found} below its highest"
        parts.append(text(left, y + 16 * place, words, colour, size=11))
    return parts


def overoptimisation(records):
    """The reward model's score and the judge's, against the distance from SFT."""
    arms = sum(PAIRS.values(), ())
    rows = [row for row in records["overoptimisation"] if row["arm"] in arms]
    asked = {row["arm"]: row["questions"] for row in records["reward"]}
    most = math.sqrt(max(row["kl"] for row in rows))
    parts = legend(LEASHES, 58)
    parts.append(text(MARGIN + 340, 62, "one line a seed, a dot where it ends", "quiet"))
    told = []
    for side, (reward, arms) in enumerate(PAIRS.items()):
        left = 56 + (WIDE + 20) * side
        x = Scale(-0.02 * most, 1.02 * most, left, left + WIDE)
        name = f"a scalar, {asked[reward]:,} questions ranked"
        parts.append(text(left, 92, name, "ink bold"))
        for below, (key, what) in enumerate(SCORES.items()):
            top = 120 + (HIGH + 68) * below  # room for two lines over the lower one
            y = around([row[key] for row in rows], top + HIGH, top)
            parts += upright(x, y, numbered=side == 0)
            parts += across(x, y, numbered=below == 1)
            parts.append(text(left, top - 8 - 32 * below, what, "quiet", size=11))
            parts += climbs(rows, key, arms, x, y)
        falls = [fall(rows, arm) for arm in arms]
        parts += endings(falls, left, top - 24)
        under = "√KL from SFT (KL in nats an answer)"
        parts.append(text(left + WIDE / 2, y.start + 36, under, "quiet", "middle", 11))
        told.append(
            f"{name}: the judge's score ends {falls[0]} below its highest with the leash and "
            f"{falls[1]} without it."
        )
    about = [
        f"{rows[0]['n']} training questions an iteration, three iterations averaged; "
        f"{seeds_named(rows)}."
    ]
    if len(seeds_of(rows)) > 1:
        about.append("±: 95 % interval over seeds.")
    parts += small(y.start + 66, *about)
    title = "Over-optimisation: the reward model and the judge (simulated)"
    return picture(title, [*told, *about], y.start + 84 + 16 * (len(about) - 1), parts)


# --- few-shot ----------------------------------------------------------------------------------

LISTS = {
    "known": "held-out facts",
    "novel": "made-up mappings",
    "key-value": "keys and values to look up",
}
LABELS = {"blue": "true labels", "orange": "random labels"}
KINDS = {"blue": "gold", "orange": "random"}
THIRD = 202  # pixels


def curve(rows, task, kind, x, y, colour):
    """One line: the accuracy by number of examples, with its interval over seeds."""
    parts = []
    points = []
    for place, shots in enumerate(sorted({row["shots"] for row in rows})):
        found = accuracy(rows, "pretrain", task, shots, kind)
        if not found:
            continue
        mean, low, high = interval([100 * value for value in found])
        far = x(place) + (3 if kind == "random" else 0)  # beside the other
        points.append((far, y(mean)))
        ends = [(far, y(max(0.0, low))), (far, y(min(100.0, high)))]
        parts.append(line(ends, colour, 1.5))
        parts.append(dot(*points[-1], colour, 4))
    return [line(points, colour, 1.5), *parts]


def fewshot(records):
    """The base model's accuracy by number of examples, with true labels and random ones."""
    rows = select(records["fewshot"], model="pretrain")
    numbers = sorted({row["shots"] for row in rows})
    top = 108
    y = Scale(-3, 103, top + 170, top)
    parts = legend(LABELS, 58)
    told = []
    for side, (task, what) in enumerate(LISTS.items()):
        left = 64 + (THIRD + 13) * side
        x = Scale(-0.3, len(numbers) - 0.7, left, left + THIRD)
        parts.append(text(left, top - 12, what, "ink bold"))
        parts += upright(x, y, " %", numbered=side == 0)
        for place, shots in enumerate(numbers):
            parts.append(text(x(place), y.start + 16, str(shots), "quiet", "middle", 11))
        under = "examples in the prompt"
        parts.append(text(left + THIRD / 2, y.start + 34, under, "quiet", "middle", 11))
        for colour, kind in KINDS.items():
            parts += curve(rows, task, kind, x, y, colour)
        for kind in KINDS.values():
            cells = [(shots, accuracy(rows, "pretrain", task, shots, kind)) for shots in numbers]
            words = [f"with {shots} right in {share(found)}" for shots, found in cells if found]
            if words:
                told.append(f"{what}, {kind} labels: {', '.join(words)}.")
    n = " / ".join(map(str, sorted({row["n"] for row in rows})))
    about = f"{n} lists a point, {seeds_named(rows)}; bars: 95 % interval over seeds."
    measured = "Share of lists that the base model continues with the right word."
    parts += small(y.start + 62, measured, about)
    title = "A few examples in the prompt, no weight changed"
    return picture(title, [*told, measured, about], y.start + 98, parts)


# --- size and text ---------------------------------------------------------------------------


def scaling(records):
    """Loss against compute, and the law that was asked of a larger model."""
    rows = records["scaling"]
    (larger,) = select(rows, larger=True)
    return law_drawn(fitted(select(rows, larger=False), larger["depth"], larger["asked"], larger))


# --- all ---------------------------------------------------------------------------------------

# name: what draws it, and the subjects of the records that it is drawn from
PICTURES = {
    "pipeline": (pipeline, ()),
    "preferences": (preferences, ("preferences",)),
    "overoptimisation": (overoptimisation, ("overoptimisation", "reward")),
    "fewshot": (fewshot, ("fewshot",)),
    "probing": (lambda records: frontier(records["probing"]), ("probing",)),
    "tension": (tension, ("tension",)),
    "revisions": (revisions, ("revisions",)),
    "pareto": (plane, ("pareto",)),
    "scaling": (scaling, ("scaling",)),
}
EARLIER = "of an earlier text of the world"
NOTE = {"look": "quiet", "at": "end", "size": 11}


def in_korean(drawn):
    """The same picture with its words in Korean."""
    named = drawn.replace("<svg ", '<svg lang="ko" ', 1)
    return said(named, korean)


def pictures():
    """{path: text} of every picture whose records are there, in English and in Korean; one line
    names each other. A picture whose first records are of an earlier text of the world says so in
    its corner."""
    found = {}
    for name, (draw, subjects) in PICTURES.items():
        rows = {subject: records(subject) for subject in subjects}
        missing = [subject for subject in subjects if not rows[subject]]
        if missing:
            print(f"{name}.svg: not drawn, there are no records yet of {', '.join(missing)}")
            continue
        drawn = draw(rows)
        if subjects and is_earlier(RECORDS / f"{subjects[0]}.jsonl"):
            drawn = drawn.replace("</svg>", f"{text(WIDTH - MARGIN, 18, EARLIER, **NOTE)}\n</svg>")
        found[FOLDER / f"{name}.svg"] = drawn
        found[FOLDER / f"{name}.ko.svg"] = in_korean(drawn)
    return found
