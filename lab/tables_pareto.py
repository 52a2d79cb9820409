"""Tables of help against harmlessness (after Bai et al. 2022a, 2022b), made from the committed
records of lab/pareto.py.

As those of lab/tables.py; a rating stands with the interval of its bootstrap by prompt.
"""

from lab.folds import pooled as pooled_pairs
from lab.plane import LABELLED, LAST, PLANE, SCORES, SIDES, START, verdict
from lab.studies import pooled
from lab.tables import captioned, column, figure, markdown, number, select
from lab.tables_probing import percent
from lab.tables_talk import under
from lab.words import say

# By whether the interval of the gap is above 0, on it, or below.
FINDINGS = {
    1: "RL-CAI is above every mixture of the HH models and of the one that they start from: each "
    "has less of help or of harmlessness, by {above} Elo points at least (by seed {of_seeds}).",
    0: "RL-CAI is neither clearly above nor clearly below the mixtures of the HH models and of the "
    "one that they start from: by {above} Elo points (by seed {of_seeds}).",
    -1: "RL-CAI is below a mixture of the HH models and of the one that they start from, which has "
    "more of both: by {above} Elo points (by seed {of_seeds}).",
}


def part_of(rows, part):
    """The rows of one part, and those of them that are of all seeds together."""
    by_seed = []
    together = []
    for row in rows:
        if row["part"] == part:
            (by_seed if row["seed"] else together).append(row)
    return by_seed, together


def points(row, name):
    """Elo points with their interval: "+12 [+3, +20]"."""
    value = number(row[name], 0, sign=True)
    low = number(row[f"{name} low"], 0, sign=True)
    high = number(row[f"{name} high"], 0, sign=True)
    return f"{value} [{low}, {high}]"


def in_percent(values):
    """Shares over seeds, without a sign: a column's head has it."""
    return figure([100 * value for value in values], 1)


def gap(rows):
    """How far RL-CAI is above the frontier of HH: of all seeds, of each; and on which side."""
    by_seed, [together] = part_of(rows, "gap")
    of_seeds = [number(row["gap"], 0, sign=True) for row in by_seed]
    return points(together, "gap"), ", ".join(of_seeds), verdict(together)


def plane(records, language):
    """Elo ratings of help and of harmlessness."""
    rows = records["pareto"]
    by_seed, together = part_of(rows, "plane")
    table = []
    for arm in PLANE:
        (row,) = select(together, arm=arm)
        cells = [say(arm, language)]
        for side in SIDES:  # the others are measured from the first
            cells.append("0" if arm == START else points(row, side))
        for part, of in (("harmful", "requests"), ("evasive", "requests"), ("right", "questions")):
            cells.append(percent(pooled(by_seed, arm, part, of)))
        table.append(cells)
    names = ("help, Elo", "harmless, Elo", "does harm, %", "evasive, %", "right answers, %")
    head = ["", *(say(name, language) for name in names)]
    above, of_seeds, place = gap(rows)
    note = (
        "Answers at temperature 1 to {questions} held-out questions and to {n} held-out requests "
        "for harm, all pairs of models compared by a simulated judge, ties half a win; Elo points "
        "with the 95 % interval of a bootstrap by prompt, seeds together. HH: people's labels "
        "(simulated), harm at λ times the weight of help; RL-CAI has as many comparisons, an AI's "
        "where they are of harm. HH starts from the first model, RL-CAI from SL-CAI."
    )
    values = {"n": rows[0]["n"], "questions": rows[0]["questions asked"]}
    said = say(FINDINGS[place], language, above=above, of_seeds=of_seeds)
    text = under(markdown(head, table), by_seed, language, note, **values)
    return f"{said} {text}"


def distance(records, language):
    """Reward against the distance from the start."""
    rows, _ = part_of(records["pareto"], "distance")
    if not rows:
        return ""
    fits, _ = part_of(records["pareto"], "line")
    steps = sorted({row["steps"] for row in rows})
    far = [say("√KL, √nat an answer", language)]
    for step in steps:
        nats = column(rows, "kl", steps=step)
        far.append(figure([max(0.0, kl) ** 0.5 for kl in nats]))
    table = []
    for score in SCORES:
        cells = [say(score, language)]
        cells += [figure(column(rows, score, steps=step), sign=True) for step in steps]
        straight = column(fits, "fit", score=score)
        known = [fit for fit in straight if fit == fit]
        table.append([*cells, figure(known) if known else ""])
    head = [say("steps of PPO", language), *map(str, steps), say("R² of a line", language)]
    note = (
        "Mean reward of answers to held-out questions and requests for harm, of a policy that "
        "climbs one of two preference models without a leash; each has learned from one half of "
        "the comparisons. R²: how straight the score is against √KL from the start. Gold is a "
        "program's (simulated)."
    )
    return captioned(markdown(head, [[*far, ""], *table]), rows, language, note)


def rounds(records, language):
    """Fresh labels against static ones."""
    rows, _ = part_of(records["pareto"], "rounds")
    if not rows:
        return ""
    last, _ = part_of(records["pareto"], "online")
    table = []
    for arm in LABELLED:
        first, *_ = column(rows, "rankings", arm=arm)
        cells = [say(arm, language), f"{first:,}"]
        cells.append(in_percent(column(rows, "win", arm=arm)))
        cells.append(figure(column(rows, "judge", arm=arm), sign=True))
        cells.append(in_percent(column(rows, "labels", arm=arm)))
        table.append(cells)
    names = ("rankings", "wins against SFT, %", "judge's score", "reward model, held-out labels, %")
    head = ["", *(say(name, language) for name in names)]
    note = (
        "Help alone: in rounds the answers that are ranked are the current policy's, static ones "
        "are all of the fine-tuned model. {last} wins {win} % of {n} questions against static, "
        "ties half (simulated judge)."
    )
    values = {"last": say(LAST, language), "win": in_percent(column(last, "win"))}
    values["n"] = rows[0]["questions asked"]
    return captioned(markdown(head, table), rows, language, note, **values)


def distilled(records, language):
    """What a prompt gains, and how much of it stays without the prompt."""
    rows = records["distilled"]
    names = {
        "base": "the base model",
        "prompted": "the base model with a prompt",
        "sft": "what learned from it, without a prompt",
    }
    table = [[say(name, language), in_percent(column(rows, key))] for key, name in names.items()]
    kept = [(row["sft"] - row["base"]) / (row["prompted"] - row["base"]) for row in rows]
    note = (
        "Context distillation (data/prompt.txt): {n} held-out questions, the likeliest answers, "
        "judged by a program (simulated). Of what the prompt gains {kept} % stays without it; no "
        "answer was demonstrated."
    )
    head = ["", say("right answers, %", language)]
    values = {"n": rows[0]["n"], "kept": in_percent(kept)}
    return captioned(markdown(head, table), rows, language, note, **values)


def folds(records, language):
    """How well people's own comparisons of harm are ordered, each held out once."""
    rows = records["folds"]
    names = {
        "network": "a network of the tiny world, tuned on the others",
        "bag_of_words": "the words of the answers, logistic regression",
        "shorter": "the shorter answer",
    }
    table = []
    for key, name in names.items():
        share, error = pooled_pairs(rows, key)
        table.append([say(name, language), f"{number(100 * share, 1)} ± {number(100 * error, 1)}"])
    note = (
        "The test file of HH's harmless comparisons, whose labels are people's: {n} pairs, each "
        "held out once in {folds} folds; ± a standard error. The network has read hardly a word of "
        "this English before."
    )
    head = ["", say("in the right order, %", language)]
    values = {"n": sum(row["n"] for row in rows), "folds": len(rows)}
    return f"{say(note, language, **values)} {rows[0]['machine']}.\n\n{markdown(head, table)}"
