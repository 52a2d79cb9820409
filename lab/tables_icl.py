"""The probes' tables and sentences, made from the committed records; see lab/tables.py."""

from lab.tables import by_seed, captioned, column, figure, markdown, number, points, select, share
from lab.words import say

# --- few-shot ----------------------------------------------------------------------------------

SIZES = {"tiny_s": "`tiny_s`", "pretrain": "`tiny`", "tiny_l": "`tiny_l`"}
LISTS = {
    "known": "held-out facts",
    "novel": "mappings made up for the prompt, three labels",
    "key-value": "keys and values to look up in the prompt",
}
FEW = 8  # examples


def accuracy(rows, model, task, shots, labels="gold"):
    """The accuracy of each seed in one cell."""
    return column(rows, "acc", model=model, task=task, shots=shots, labels=labels)


def gain(rows, model, task):
    """What eight examples give, seed by seed."""
    some = accuracy(rows, model, task, FEW)
    none = accuracy(rows, model, task, 0)
    return [a - b for a, b in zip(some, none)]


def worth(rows, model, task):
    """What true labels give over random ones, seed by seed."""
    gold = accuracy(rows, model, task, FEW)
    random = accuracy(rows, model, task, FEW, "random")
    return [a - b for a, b in zip(gold, random)]


def fewshot(records, language):
    """The base model's lists: no example, eight, eight with random labels."""
    rows = records["fewshot"]
    table = []
    for task, name in LISTS.items():
        cells = [
            accuracy(rows, "pretrain", task, 0),
            accuracy(rows, "pretrain", task, FEW),
            accuracy(rows, "pretrain", task, FEW, "random"),
        ]
        table.append([say(name, language), *(share(values) for values in cells)])
    head = ["lists of", "no example", "eight", "eight with random labels"]
    note = "Share of lists that the base model continues with the right word; {n} lists a cell."
    text = markdown([say(name, language) for name in head], table)
    n = " / ".join(map(str, sorted({row["n"] for row in rows})))
    return captioned(text, rows, language, note, n=n)


def labels(records, language):
    """What the labels are for, in one sentence."""
    rows = records["fewshot"]
    text = (
        "For what pretraining has taught, true labels are worth {known} points more than random "
        "ones; for what only the prompt can tell, {novel}."
    )
    return say(
        text,
        language,
        known=points(worth(rows, "pretrain", "known")),
        novel=points(worth(rows, "pretrain", "novel")),
    )


def sizes_in(rows):
    """The sizes of model that were asked."""
    return {model: name for model, name in SIZES.items() if select(rows, model=model)}


def sizes(records, language):
    """What eight examples give to three sizes of model, and what of it are the labels."""
    rows = records["fewshot"]
    table = []
    for model, name in sizes_in(rows).items():
        params = column(rows, "params", model=model)[0]
        cells = [points(gain(rows, model, task)) for task in ("known", "novel")]
        cells += [points(worth(rows, model, task)) for task in ("known", "novel")]
        table.append([name, f"{params:,}", *cells])
    if len(table) < 2:  # one size compares with nothing
        return ""
    head = [
        "parameters",
        "eight examples give, held-out facts",
        "made-up mappings",
        "true labels over random ones, held-out facts",
        "made-up mappings",
    ]
    note = "Points of accuracy."
    text = markdown(["", *(say(name, language) for name in head)], table)
    return captioned(text, rows, language, note)


def shots(records, language):
    """Accuracy by number of examples, for every size, kind of list and labels."""
    rows = records["fewshot"]
    numbers = sorted({row["shots"] for row in rows})
    table = []
    for model, name in sizes_in(rows).items():
        for task, what in LISTS.items():
            for kind in ("gold", "random"):
                found = [accuracy(rows, model, task, n, kind) for n in numbers]
                cells = [share(values) if values else "" for values in found]
                table.append([name, say(what, language), say(kind, language), *cells])
    head = ["", say("lists of", language), say("labels", language), *map(str, numbers)]
    return captioned(markdown(head, table), rows, language)


# --- Bayes -------------------------------------------------------------------------------------

PROMPTS = {
    "id": "concepts of pretraining",
    "ood": "unseen concepts",
    "ood_fixed": "unseen concepts, repaired",
}
GINC = {
    "ginc": "five concepts",
    "ginc_one": "one concept",
    "ginc_random": "words drawn at random",
}


def bayes(records, language):
    """GINC: accuracy by length and number of examples, of the models and of exact Bayes."""
    rows = select(records["bayes"], kind="shots")
    numbers = sorted({row["shots"] for row in rows})
    table = []
    for model, by in (*((model, "model") for model in GINC), ("ginc", "bayes")):
        name = GINC[model] if by == "model" else "exact Bayes with resets, five concepts"
        for prompts, of in PROMPTS.items():
            mine = select(rows, model=model, cond=by, prompts=prompts)
            for k in sorted({row["k"] for row in mine}):
                found = [column(mine, "acc", k=k, shots=n) for n in numbers]
                cells = [share(values) if values else "" for values in found]
                table.append([say(name, language), say(of, language), str(k), *cells])
    head = [say("pretrained on", language), say("prompts of", language), "k", *map(str, numbers)]
    note = "Share of right answers by number of examples, each of k tokens; {n} prompts a cell."
    return captioned(markdown(head, table), rows, language, note, n=rows[0]["n"])


def bayes_loss(records, language):
    """How near the model comes to exact Bayes, in one sentence."""
    rows = select(records["bayes"], kind="documents", model="ginc")
    above = [row["loss"] - row["bayes"] for row in rows]
    text = (
        "The model of five concepts is {above} nat per token above exact Bayes on the first "
        "{tokens} tokens of the validation documents ({each} by seed)."
    )
    return say(
        text,
        language,
        above=figure(above, 3),
        each=by_seed(above, 3),
        tokens=rows[0]["tokens"],
    )


# --- demonstrations ----------------------------------------------------------------------------

WORLDS = {"demos": "meanings fixed", "demos_flip": "often reversed"}
CONDITIONS = {
    "none": "none",
    "gold": "true labels",
    "75% correct": "three quarters of the labels true",
    "50% correct": "half of the labels true",
    "25% correct": "a quarter of the labels true",
    "0% correct": "all labels wrong",
    "random": "random labels",
    "other inputs": "inputs from elsewhere",
    "uniform words": "inputs of random words",
    "foreign labels": "foreign label words",
    "inputs only": "inputs without labels",
    "labels only": "labels without inputs",
}
MAIN = ("none", "gold", "random", "0% correct", "uniform words")


def demonstrations(records, language, conditions=CONDITIONS):
    """Min et al.'s question in both worlds, the model beside exact Bayes."""
    rows = records["demonstrations"]
    table = []
    for condition in conditions:
        cells = []
        for world in WORLDS:
            model = column(rows, "acc", model=world, condition=condition)
            exact = column(rows, "bayes", model=world, condition=condition)
            cells += [share(model), share(exact)]
        table.append([say(CONDITIONS[condition], language), *cells])
    head = [say("demonstrations", language)]
    for name in WORLDS.values():
        head += [say(name + ": model", language), say("exact Bayes", language)]
    note = "Accuracy with {k} demonstrations in the prompt, {n} prompts a cell."
    k = max(row["k"] for row in rows)
    return captioned(markdown(head, table), rows, language, note, k=k, n=rows[0]["n"])


def main_demonstrations(records, language):
    """The rows that tell most."""
    return demonstrations(records, language, MAIN)


# --- induction ---------------------------------------------------------------------------------


def induction(records, language):
    """The copying head of the base model, in one sentence."""
    rows = records["induction"]
    text = (
        "On random sequences said twice, one head of the base model puts {matching} of its "
        "attention on what followed the last time (spread evenly it would be {chance}), and the "
        "second saying costs {copying} nats per token against the first. In ordinary text, late "
        "tokens of a block cost {score} nat against early ones."
    )
    return say(
        text,
        language,
        matching=figure(column(rows, "matching")),
        chance=number(rows[0]["chance"], 2),
        copying=figure(column(rows, "copying"), sign=True),
        score=figure(column(rows, "icl_score"), sign=True),
    )
