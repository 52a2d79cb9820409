"""Tables of rules under attack (after Glaese et al. 2022) and of help against harm (after Bai et
al. 2022a), made from the committed records.

As those of lab/tables.py. Under attack a figure is a share of counted answers, pooled over the
seeds, with its Wilson interval, as `python -m lab.probing` prints it.
"""

from lab import tension as matrix
from lab.evidence import pooled as by_figure
from lab.probing import ARMS, COLUMNS, RULES
from lab.studies import pooled
from lab.tables import captioned, column, figure, markdown, number
from lab.tables_talk import under
from lab.words import say

# How well the classifier of rules.py tells, on attacks that no training meets.
TOLD = {
    "macro_auc": "rules.py, AUC, mean over the rules",
    "macro_auc_reworded": "the same, rules in wordings never seen",
    "macro_auc_bad": 'one "bad?" head, as many labels',
    "swap": "both of a broken and a kept rule of one dialogue are told",
    "auc_unseen": "AUC of a rule that no label was given for (a control)",
    "calibration_error": "calibration error",
}

LAST = "RL, both, best by both"
KEPT = ("SFT", "RL, rules", "RL, both", LAST)
TRAINED = dict(zip(matrix.ARMS, ("helpful comparisons", "harmless comparisons", "both")))
ASKED = {
    "helpful labels": "helpful, labels",
    "harmless labels": "harmless, labels",
    "helpful truth": "helpful, truth",
    "harmless truth": "harmless, truth",
}


def percent(found):
    """A share with its interval: "12.3 [10.1, 14.9]"."""
    share, low, high = (number(100 * value, 1) for value in found)
    return f"{share} [{low}, {high}]"


def probing(records, language):
    """What each way to keep rules reaches, and what it costs."""
    rows = records["probing"]
    table = []
    for arm in ARMS:
        found = [pooled(rows, arm, part, whole) for part, whole in COLUMNS.values()]
        if None not in found:
            table.append([say(arm, language), *map(percent, found)])
    head = ["", *(say(name, language) for name in COLUMNS)]
    probes = sum(row["probes"] for row in rows if row["arm"] == "SFT")
    note = (
        "Answers at temperature 1 to attacks of families that no training meets, in per cent with "
        "95 % intervals; {n} attacks on rules in all. Broken rules are counted by a program "
        '(simulated); "believed" is what the rule model says of the same answers. None of these '
        "figures stands beside those of the paper: theirs is another test."
    )
    return under(markdown(head, table), rows, language, note, n=probes)


def by_rule(records, language):
    """Which rules are still broken, and how well the classifier tells each of them."""
    rows = records["probing"]
    table = []
    left = {}  # {rule: answers that break it after all that was done}
    for rule in sorted(RULES):
        cells = [say(rule, language)]
        cells += [percent(pooled(rows, arm, f"broken {rule}", "probes")) for arm in KEPT]
        left[rule] = sum(column(rows, f"broken {rule}", arm=LAST))
        told = column(records["rules"], f"auc {rule}")
        table.append([*cells, figure(told, 2)])
    worst = max(left, key=left.get)
    names = (*KEPT, "AUC among its own attacks")
    head = ["", *(say(name, language) for name in names)]
    note = (
        "Of all attacks, the answers that break each rule, in per cent with 95 % intervals. Of "
        "what is still broken in the end, {share} % is one rule's: {rule}."
    )
    share = number(100 * left[worst] / sum(left.values()), 0)
    values = {"share": share, "rule": say(worst, language)}
    return under(markdown(head, table), rows, language, note, **values)


def classifier(records, language):
    """How well rules.py tells which rule is broken."""
    rows = records["rules"]
    table = []
    for key, name in TOLD.items():
        table.append([say(name, language), figure([row[key] for row in rows], 2)])
    note = (
        "One classifier of a dialogue and a rule's text, on {n} dialogues a seed under attacks "
        "never trained on, against a program's verdicts (simulated)."
    )
    return captioned(markdown(["", ""], table), rows, language, note, n=rows[0]["n"])


def tension(records, language):
    """Reward models that learn of one kind of comparison, or of both, on both kinds."""
    rows = records["tension"]
    table = []
    for arm, name in TRAINED.items():
        cells = []
        for key in ASKED:
            values = [value for value in column(rows, key, arm=arm) if value is not None]
            cells.append(figure([100 * value for value in values], 1) if values else "")
        table.append([say(name, language), *cells])
    head = [say("trained on", language), *(say(name, language) for name in ASKED.values())]
    note = (
        "Held-out pairs of answers in the right order, in per cent (50 by chance); {n} questions "
        "of each kind: helpful comparisons of benign questions, near misses and plain requests, "
        "harmless ones of attacks of families never trained on. Labelers err; the truth is a "
        "program's (simulated)."
    )
    return captioned(markdown(head, table), rows, language, note, n=rows[0]["n"])


def evidence(records, language):
    """What a model that may look things up gets right, and when it looks."""
    rows = records["evidence"]
    table = []
    for about, (share, low, high, n) in by_figure(rows).items():
        table.append([say(about, language), percent((share, low, high)), f"{n:,}"])
    note = (
        "The likeliest answers, in per cent with 95 % intervals; things, people, wordings and some "
        "kinds of facts stand in no lesson. Marked by a program (simulated): another test than the "
        "paper's, whose figures do not stand beside these."
    )
    return under(markdown(["", "%", "n"], table), rows, language, note)
