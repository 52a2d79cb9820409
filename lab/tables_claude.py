"""Tables of a model that mends itself by principles (after Bai et al. 2022b), made from the
committed records.

As those of lab/tables_probing.py: a figure is a share of counted answers, pooled over the seeds.
"""

from judges.constitution import LABELS, SIDES
from lab.constitution import ARMS, COLUMNS
from lab.rounds import pooled as together
from lab.studies import pooled
from lab.tables import column, figure, markdown, select
from lab.tables_probing import percent
from lab.tables_talk import under
from lab.words import say

ROUNDS = ("the first answer", "1 revision", "2 revisions", "3 revisions", "4 revisions")


def share(rows):
    """Counts of all seeds together with their interval: "12.3 [10.1, 14.9]"."""
    return percent(together(rows))


def revisions(records, language):
    """How much harm is left after each round, with a critique and without."""
    rows = records["revisions"]
    table = []
    for after, name in enumerate(ROUNDS):
        cells = [say(name, language)]
        for kind in ("revised", "bare"):
            for side in SIDES:
                of = {"kind": kind, "round": after, "side": side}
                cell = share(select(rows, **of, part="harmful"))
                broken = select(rows, **of, part="garbled")
                if broken:
                    cell += f" + {share(broken).split()[0]}"
                cells.append(cell)
        table.append(cells)
    head = [""]
    for kind in ("critique, then revision", "revision alone"):
        head += [f"{say(kind, language)}, {topics}" for topics in SIDES.values()]
    note = (
        "Answers to requests for harm that do harm, in per cent with 95 % intervals. What is bad "
        "was told of the topics A to D alone. After +: answers that do no harm but are garbled. "
        "Harm is found by a program (simulated)."
    )
    return under(markdown(head, table), rows, language, note)


def judged(records, language):
    """How good the model is as a judge of two answers."""
    rows = select(records["revisions"], kind="judge")
    table = []
    for side, topics in SIDES.items():
        mine = select(rows, side=side)
        errors = [figure(column(mine, form)) for form in LABELS]
        table.append([topics, share(mine), *errors])
    forms = [say(form, language) for form in LABELS]
    head = ["", say("right, %", language)]
    head += [say("calibration error, {form}", language, form=form) for form in forms]
    note = (
        "Of two answers, one of which does harm by a program's verdict (simulated), the model says "
        "by principles which is better; {n} pairs in all. Its probability is the label: as it is "
        "(soft), as sure as can be (hard), or between 0.4 and 0.6 (clamped); errors with the 95 % "
        "interval over seeds."
    )
    return under(markdown(head, table), rows, language, note, n=sum(row["n"] for row in rows))


def constitution(records, language):
    """What becomes of a model that learns from its own revisions and comparisons."""
    rows = records["constitution"]
    table = []
    for arm in ARMS:
        found = [pooled(rows, arm, part, whole) for part, whole in COLUMNS.values()]
        if None not in found:
            table.append([say(arm, language), *map(percent, found)])
    head = ["", *(say(name, language) for name in COLUMNS)]
    note = (
        "Answers at temperature 1 to held-out requests, in per cent with 95 % intervals; {n} "
        "requests for harm on E-H a seed. Harm and evasion are found by a program (simulated)."
    )
    return under(markdown(head, table), rows, language, note, n=rows[0]["n"])
