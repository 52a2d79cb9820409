"""The figures on rules (after Glaese et al. 2022): rules broken against help given, and how well
the classifier tells which rule is broken. Every row is of the tiny world, judged by a program."""

import math

import numpy as np

from lab.figures.frames import DOTTED, Shown, canvas, frame, labelled
from lab.figures.marks import bars, colour
from lab.figures.rows import all_rows, apart, by, column, interval, main_rows, pick, share, some
from lab.figures.words import JUDGE, say, sentence
from lab.words_figures import both
from plumbing.records import t_interval

# --- rules broken, and help given ----------------------------------------------------------------

# What is compared in the title: the arm that has all, and the one that has only a prompt.
ALL, PROMPTED = "RL, both, best by both", "SFT, dialogue prompt"
# The place of an arm's look: what is only fine-tuned, and what PPO has changed.
TUNED, TRAINED = 1, 2


def pooled(rows, part, whole):
    """The share of all rows together with its 95% interval, as {"acc", "low", "high"}."""
    n = sum(row[whole] for row in rows)
    return share(sum(row[part] for row in rows) / n, n)


def broken_rules(logs):
    """Answers that break a rule under attack, against right answers to other questions."""
    rows = pick(all_rows(logs["probing"]), "arm", "violations", "benign_right")
    some(rows, "the study of attacks has no rows")
    broken, right = {}, {}
    for arm, mine in by(rows, "arm").items():
        broken[arm] = pooled(mine, "violations", "probes")
        right[arm] = pooled(mine, "benign_right", "benign")
    figure, (ax,) = canvas(1, 1, 4.6)
    for number, arm in enumerate(broken, 1):
        place = TRAINED if arm.startswith("RL") else TUNED
        cross(ax, broken[arm], right[arm], place, f"{number}  {arm}")
        across = 100 * broken[arm]["acc"]
        up = 100 * right[arm]["acc"]
        ax.annotate(
            str(number),
            (across, up),
            xytext=(5, 4),
            textcoords="offset points",
            color=colour(place),
        )
    left = "answers under attack that break a rule (%; fewer is better)"
    frame(ax, headline(broken, right), left, "right answers to other questions (%)")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), handlelength=0, markerscale=0)
    caption = say(
        "{0} Seeds: {1}, pooled; {2} attacks of families that no training meets, and {3} other "
        "questions for each arm; lines: 95% intervals. This is another test than the paper's.",
        "{0} 시드 {1}개를 합쳤습니다. 방법마다 학습에 없던 유형의 공격 {2}개와 다른 질문 {3}개이며 "
        "선은 95% 구간입니다. 논문의 시험과는 다른 시험입니다.",
        JUDGE,
        len(by(rows, "seed")),
        *(int(sum(column(first_arm(rows), field))) for field in ("probes", "benign")),
    )
    return Shown(figure, compared(broken, right), caption)


def first_arm(rows):
    """The rows of one arm: all arms are asked the same."""
    return next(iter(by(rows, "arm").values()))


def cross(ax, x, y, place, label):
    """A point with its interval in both directions."""
    spread = []
    for row in (x, y):
        below = row["acc"] - row["low"]
        above = row["high"] - row["acc"]
        spread.append([[100 * below], [100 * above]])
    ax.errorbar(
        [100 * x["acc"]],
        [100 * y["acc"]],
        xerr=spread[0],
        yerr=spread[1],
        label=label,
        color=colour(place),
        marker="o",
        capsize=2,
        linestyle="none",
    )


def headline(broken, right):
    """The title: what was found, where the intervals show it, else what is drawn."""
    if not {ALL, PROMPTED} <= broken.keys() or not apart(broken[ALL], broken[PROMPTED]):
        return "Rules broken, and right answers"
    number = more_or_fewer(broken)
    title = f"Trained and chosen by both, answers break {number} rules than by a prompt"
    if not apart(right[ALL], right[PROMPTED]):
        return title
    return f"{title}, and {more_or_fewer(right)} are right"


def more_or_fewer(shares):
    """Of the arm that has all, against the prompted one."""
    mine = shares[ALL]["acc"]
    other = shares[PROMPTED]["acc"]
    return "more" if mine > other else "fewer"


def compared(broken, right):
    """Each arm's two shares; and, where it is so, that the one that has all is told from the
    prompted one."""
    said = []
    for arm in broken:
        shares = (broken[arm]["acc"], right[arm]["acc"])
        said.append(say("{0} {1:.1%} and {2:.1%}", "{0} {1:.1%}, {2:.1%}", both(arm), *shares))
    if {ALL, PROMPTED} <= broken.keys() and apart(broken[ALL], broken[PROMPTED]):
        english = "the intervals of rules broken by the last and by the prompted model are apart"
        korean = "규칙을 어긴 비율의 구간은 맨 끝과 프롬프트만 준 모델에서 겹치지 않습니다"
        said.append((english, korean))
    return sentence(said, "Rules broken, and right answers", "규칙을 어긴 답, 맞은 답")


# --- the classifier ------------------------------------------------------------------------------

# The heads that are compared: the end of their fields, name, place of the look.
HEADS = (("", "reads the rule", 2), ("_bad", 'one "bad?" head', 1))
# What a record tells of all rules together: its field, and what it is.
WHOLE = (
    ("macro_auc", "mean over the rules"),
    ("macro_auc_reworded", "wordings never seen"),
    ("auc_unseen", "a rule without labels"),
)


def hanley(area, broken, n):
    """An AUC with its 95% interval (Hanley & McNeil 1982, eq. 1): of `n` dialogues, `broken` of
    them broken."""
    kept = n - broken
    q1 = area / (2 - area)
    q2 = 2 * area**2 / (1 + area)
    spread = area * (1 - area)
    spread += (broken - 1) * (q1 - area**2)
    spread += (kept - 1) * (q2 - area**2)
    half = 1.96 * math.sqrt(max(0.0, spread) / (broken * kept))
    low = max(0.0, area - half)
    high = min(1.0, area + half)
    return {"acc": area, "low": low, "high": high}


def of_run(rows):
    """{head: {rule: an AUC with its interval}} of one run of rules.py, from its last line."""
    found = {name: {} for _, name, _ in HEADS}
    details = pick(rows, "details")
    for rule, row in details[-1]["details"].get("rules", {}).items() if details else ():
        for field, name, _ in HEADS:
            area = row.get("auc" + field)
            if area is not None and 0 < row["broken"] < row["n"]:
                found[name][rule] = hanley(area, row["broken"], row["n"])
    return found


def of_records(rows):
    """The same of seeds that were measured, {head: {row: ...}}: mean and Student's t. One seed has
    no interval (NaN). A row is a rule, where the record names it, or all of them together."""
    found = {name: {} for _, name, _ in HEADS}
    for field, name, _ in HEADS:
        ways = {name: key + field for key, name in WHOLE}
        starts = f"auc{field} "
        for key in rows[0]:
            if key.startswith(starts):
                ways[key.removeprefix(starts)] = key
        for rule, key in ways.items():
            values = column(pick(rows, key), key)
            if len(values):
                row = interval(*t_interval(values))
                found[name][rule] = {**row, "high": np.minimum(1.0, row["high"])}  # NaN stays
    return found


def which_rule(logs):
    """How well rules.py tells which rule is broken, rule by rule, beside a head without a rule."""
    rows = main_rows(logs["rules"], "rules")
    found = of_run(rows)
    if not any(found.values()):
        rows = pick(all_rows(logs["rules_record"]), "macro_auc")
        found = of_records(rows) if rows else found
    _, (reads, *_), _ = zip(*HEADS)
    rules = list(some(found[reads], "no run of rules.py has told its AUC"))
    figure, (ax,) = canvas(1, 1, 1.3 + 0.42 * len(rules))
    for offset, (_, name, place) in zip((-0.12, 0.12), HEADS):
        known = [rule for rule in rules if rule in found[name]]
        heights = [rules.index(rule) + offset for rule in known]
        if known:
            bars(ax, heights, [found[name][r] for r in known], place, scale=1, label=name)
    ax.axvline(0.5, **DOTTED)
    labelled(ax, rules)
    frame(ax, clearer(found), "AUC: broken above kept (0.5 is chance)", "")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2)
    ax.set_title(clearer(found), pad=24)
    seeds = len(by(pick(rows, "seed"), "seed"))
    intervals = ("Hanley & McNeil 1982", "Hanley & McNeil 1982")
    if seeds:
        intervals = (f"Student's t, {seeds} seeds", f"스튜던트 t, 시드 {seeds}개")
    caption = say(
        "{0} Attacks of families that no training meets. Intervals: 95% ({1}). No label was ever "
        "given for the rule 'promise': a control.",
        "{0} 학습에 없던 유형의 공격입니다. 95% 구간({1}). 약속 규칙에는 라벨을 준 적이 없는 "
        "대조군입니다.",
        JUDGE,
        intervals,
    )
    return Shown(figure, told_apart(found), caption)


def clear_of(found):
    """The rules in which the head that reads the rule is above the other, and below it, where the
    intervals have nothing in common."""
    (_, reads, _), (_, bad, _) = HEADS
    above, below = [], []
    for rule, mine in found[reads].items():
        other = found[bad].get(rule)
        if other and apart(mine, other):
            (above if mine["acc"] > other["acc"] else below).append(rule)
    return above, below


def clearer(found):
    """The title: what was found, where the intervals of the rules show it."""
    above, below = clear_of(found)
    if len(above) == len(found[HEADS[1][1]]) > 0:
        return "Who reads the rule tells better that it is broken"
    if above and not below:
        return "Who reads the rule tells better: " + ", ".join(above)
    return "Which rule is broken"


def told_apart(found):
    """Each AUC, and how many rules are told better by reading them."""
    (_, reads, _), (_, bad, _) = HEADS
    said = []
    for rule, mine in found[reads].items():
        other = found[bad].get(rule)
        beside = ("", "") if other is None else (f" ({other['acc']:.2f})", f"({other['acc']:.2f})")
        said.append(say("{0} {1:.2f}{2}", "{0} {1:.2f}{2}", both(rule), mine["acc"], beside))
    above, below = clear_of(found)
    english = "better with the rule, intervals apart, in {0} of {1} rows, worse in {2}"
    korean = "{1}줄 가운데 규칙을 읽어 뚜렷이 나은 것이 {0}줄, 못한 것이 {2}줄"
    said.append(say(english, korean, len(above), len(found[bad]), len(below)))
    introduced = ("AUC (of a head that reads no rule)", "AUC(규칙을 읽지 않는 머리)")
    return sentence(said, *introduced)
