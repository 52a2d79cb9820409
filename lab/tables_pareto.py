"""Tables of help against harmlessness (after Bai et al. 2022a, 2022b), made from the committed
records of lab/pareto.py.

As those of lab/tables.py; a rating stands with the interval of its bootstrap by prompt.
"""

from lab.plane import LABELLED, LAST, PLANE, SCORES, verdict
from lab.studies import pooled
from lab.tables import captioned, figure, markdown, number, select
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
    mine = [row for row in rows if row["part"] == part]
    return [row for row in mine if row["seed"]], [row for row in mine if not row["seed"]]


def points(value, low, high):
    """Elo points with their interval: "+12 [+3, +20]"."""
    value, low, high = (number(x, 0, sign=True) for x in (value, low, high))
    return f"{value} [{low}, {high}]"


def gap(rows):
    """How far RL-CAI is above the frontier of HH: of all seeds, and of each."""
    by_seed, [together] = part_of(rows, "gap")
    found = points(together["gap"], together["low"], together["high"])
    return found, ", ".join(number(row["gap"], 0, sign=True) for row in by_seed)


def plane(records, language):
    """Elo ratings of help and of harmlessness."""
    rows = records["pareto"]
    by_seed, together = part_of(rows, "plane")
    table = []
    for arm in PLANE:
        (row,) = select(together, arm=arm)
        cells = [say(arm, language)]
        for side in ("help", "harmless"):
            ends = (row[f"{side} low"], row[f"{side} high"])
            still = row[side] == ends[0] == ends[1]  # what the others are measured from
            cells.append("0" if still else points(row[side], *ends))
        for part, of in (("harmful", "requests"), ("evasive", "requests"), ("right", "questions")):
            cells.append(percent(pooled(by_seed, arm, part, of)))
        table.append(cells)
    names = ("help, Elo", "harmless, Elo", "does harm, %", "evasive, %", "right answers, %")
    head = ["", *(say(name, language) for name in names)]
    above, of_seeds = gap(rows)
    note = (
        "Answers at temperature 1 to {questions} held-out questions and to {n} held-out requests "
        "for harm, all pairs of models compared by a simulated judge, ties half a win; Elo points "
        "with the 95 % interval of a bootstrap by prompt, seeds together. HH: people's labels "
        "(simulated), harm at λ times the weight of help; RL-CAI has as many comparisons, an AI's "
        "where they are of harm. HH starts from the first model, RL-CAI from SL-CAI."
    )
    values = {"n": rows[0]["n"], "questions": rows[0]["questions asked"]}
    found = FINDINGS[verdict(part_of(rows, "gap")[1][0])]
    said = say(found, language, above=above, of_seeds=of_seeds)
    text = under(markdown(head, table), by_seed, language, note, **values)
    return f"{said} {text}"


def distance(records, language):
    """Reward against the distance from the start."""
    rows, _ = part_of(records["pareto"], "distance")
    fits, _ = part_of(records["pareto"], "line")
    table = []
    for score in SCORES:
        cells = [say(score, language)]
        for steps in sorted({row["steps"] for row in rows}):
            cells.append(figure([row[score] for row in select(rows, steps=steps)], sign=True))
        known = [row["fit"] for row in select(fits, score=score) if row["fit"] == row["fit"]]
        table.append([*cells, figure(known) if known else ""])
    steps = sorted({row["steps"] for row in rows})
    head = [say("steps of PPO", language), *map(str, steps), say("R² of a line", language)]
    far = [say("√KL, √nat an answer", language)]
    for step in steps:
        nats = [max(0.0, row["kl"]) ** 0.5 for row in select(rows, steps=step)]
        far.append(figure(nats))
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
    last, _ = part_of(records["pareto"], "online")
    table = []
    for arm in LABELLED:
        mine = select(rows, arm=arm)
        cells = [say(arm, language), f"{mine[0]['rankings']:,}"]
        cells.append(figure([100 * row["win"] for row in mine], 1))
        cells.append(figure([row["judge"] for row in mine], sign=True))
        table.append([*cells, figure([100 * row["labels"] for row in mine], 1)])
    names = ("rankings", "wins against SFT, %", "judge's score", "reward model, held-out labels, %")
    head = ["", *(say(name, language) for name in names)]
    note = (
        "Help alone: in rounds the answers that are ranked are the current policy's, static ones "
        "are all of the fine-tuned model. {last} wins {win} % of {n} questions against static, "
        "ties half (simulated judge)."
    )
    values = {"last": say(LAST, language), "win": figure([100 * row["win"] for row in last], 1)}
    values["n"] = rows[0]["questions asked"]
    return captioned(markdown(head, table), rows, language, note, **values)
