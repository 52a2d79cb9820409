"""The figures on the reward model and PPO: what was optimised, and what came of it."""

import math

import numpy as np

from lab.figures.frames import DOTTED, Shown, canvas, frame, labelled
from lab.figures.marks import bars, colour, line, trend, whiskers
from lab.figures.rows import all_rows, by, column, main_rows, pick, share, smooth, some
from lab.figures.words import JUDGE, arm, clear, moved, say, sentence
from plumbing.records import STUDENT

# --- the reward model --------------------------------------------------------------------------

ORDERED = "pairs in the right order (%)"
# What stands beside the reward model: place of the colour, hatch.
RULES = {
    "reward_model": (2, "///"),
    "one_labeler": (0, "..."),
    "bag_of_words": (3, "xxx"),
    "length_only": (5, "\\\\\\"),
}


def reward(logs):
    """The reward model: agreement while it learns, beside simple rules, and its calibration."""
    rows = main_rows(logs["reward"], "reward")
    curve = pick(rows, "step", "val_accuracy")
    some(curve, "no reward-model run has logged its accuracy")
    details = {"reliability": []}
    for row in pick(rows, "details"):  # the last line of a run that is finished
        details = row["details"]
    figure, axes = canvas(3, 3, 3.2)
    said = learning(axes[0], curve)
    said += beside_rules(axes[1], curve[-1], details)
    said += calibration(axes[2], details["reliability"])
    caption = say(
        "{0} Intervals: 95%, as if pairs were independent; pairs of one question are not, so the "
        "true ones are wider.",
        "{0} 구간은 쌍이 서로 독립이라고 본 95% 구간입니다. 한 질문의 쌍은 독립이 아니므로 실제 "
        "구간은 더 넓습니다.",
        JUDGE,
    )
    return Shown(figure, sentence(said), caption)


def learning(ax, curve):
    """Agreement with held-out labels, and in the tiny world with the judge, step by step."""
    frame(ax, "While it learns", "optimizer step", ORDERED)
    judged = pick(curve, "judge_accuracy")
    line(ax, column(curve, "step"), 100 * column(curve, "val_accuracy"), 1, "held-out labels")
    line(ax, column(judged, "step"), 100 * column(judged, "judge_accuracy"), 2, "simulated judge")
    ax.legend()
    english = "The reward model orders {0:.0%} of held-out pairs as their labelers did"
    korean = "보상 모델은 보류한 쌍의 {0:.0%}를 라벨러와 같은 순서로 놓습니다"
    said = [say(english, korean, curve[-1]["val_accuracy"])]
    for row in judged[-1:]:
        english = "{0:.0%} as the simulated judge does"
        said.append(say(english, "시뮬레이션 심판과는 {0:.0%} 일치합니다", row["judge_accuracy"]))
    return said


def beside_rules(ax, last, details):
    """The reward model beside rules that need no network, on the same pairs."""
    truth = "judge" if "judge_accuracy" in last else "val"
    shares = {**details, "reward_model": last[f"{truth}_accuracy"]}
    for name in [name for name in RULES if name in shares]:
        place, hatch = RULES[name]
        value = 100 * shares[name]
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        (bar,) = ax.barh(name.replace("_", " "), value, color="white", edgecolor=colour(place))
        bar.set_hatch(hatch)
        ax.text(value + 2, bar.get_y() + 0.4, f"{value:.0f}", va="center", bbox=box)
    ax.axvline(50, **DOTTED)
    ax.invert_yaxis()
    ax.set_xlim(0, 100)
    label = {"judge": "simulated judge", "val": "held-out labels"}[truth]
    frame(ax, f"Agreement: {label}", ORDERED, "")
    if "bag_of_words" not in details:
        return []
    more = 100 * (shares["reward_model"] - shares["bag_of_words"])
    # As if the pairs were independent, and both judged on other ones.
    variance = 0.0
    for name in ("reward_model", "bag_of_words"):
        variance += shares[name] * (1 - shares[name])
    pairs = sum(row["pairs"] for row in details["reliability"])
    half = 196 * math.sqrt(variance / max(1, pairs))
    if not clear(more, half):
        return []
    words = ("more", "많이") if more > 0 else ("fewer", "적게")
    english = "that is {0:.1f} points {1} than counting words gets"
    return [say(english, "단어만 세는 규칙보다 {0:.1f}%p {1} 맞힙니다", abs(more), words)]


def calibration(ax, bins):
    """How often the order is right where the reward model is so and so sure of it."""
    said = []
    ax.plot([50, 100], [50, 100], **DOTTED, label="calibrated")
    if bins:
        shares = [share(row["accuracy"], row["pairs"]) for row in bins]
        sure, pairs = column(bins, "confidence"), column(bins, "pairs")
        right, spread = whiskers(shares)
        options = {"color": colour(1), "marker": "s", "capsize": 3}
        ax.errorbar(100 * sure, right, yerr=spread, label="reward model", **options)
        for x, n, low in zip(sure, pairs, column(shares, "low")):
            below = (100 * x, 100 * low - 2)
            ax.annotate(f"{n:,.0f}", below, ha="center", va="top", fontsize=7)
        off = np.average(100 * sure - right, weights=pairs)
        words = ("over", "지나치게") if off > 0 else ("under", "모자라게")
        english = "it is {0}confident by {1:.1f} points on average"
        variance = sum(pairs * right * (100 - right))
        half = 1.96 * math.sqrt(variance) / sum(pairs)
        if clear(off, half):
            said = [say(english, "평균 {1:.1f}%p만큼 {0} 확신합니다", words, abs(off))]
    ax.set(xlim=(48, 102), ylim=(35, 102))
    title = "Calibration (number: pairs)"
    frame(ax, title, "confidence in the order (%)", "held-out labels agree (%)")
    ax.legend(loc="upper left")
    return said


# --- PPO ---------------------------------------------------------------------------------------

# Field of the log, title and unit of its panel.
ITERATIONS = (
    ("reward", "The proxy: what is optimised", "reward model's score"),
    ("judge", "The simulated judge: what is wanted", "judge's score"),
    ("kl_exact", "Distance to the SFT model", "KL (nats per answer)"),
    ("length", "Length of an answer", "tokens"),
)
SPOKEN = {
    "reward": ("the proxy", "대리 보상"),
    "judge": ("the simulated judge's score", "시뮬레이션 심판의 점수"),
    "length": ("the length of an answer", "답의 길이"),
}
TOKENS = {
    "form": "{:.1f}",
    "unit": (" tokens", "토큰"),
    "verbs": ("짧아졌습니다", "길어졌습니다"),
}


def ppo(logs):
    """Proxy, judge, KL and length of each PPO run over its iterations."""
    runs = {run.name: pick(run.rows, "step", "reward", "kl_exact") for run in logs["ppo"]}
    shown = [name for name in runs if len(runs[name]) > 1][:6]
    some(shown, "no PPO run has logged its iterations")
    figure, axes = canvas(4, 2, 2.6, sharex=True)
    for ax, (field, title, unit) in zip(axes, ITERATIONS):
        frame(ax, title, "PPO iteration", unit)
        for j, name in enumerate(shown):
            who = arm(name, j)
            rows = pick(runs[name], field)
            x, y = column(rows, "step"), column(rows, field)
            trend(ax, x, smooth(y, 5), (x, y), who.place, who.english)
    axes[0].legend()
    name = "ppo" if "ppo" in shown else shown[0]
    caption = say(
        "{0} One run, so no interval: thin lines are single iterations, thick ones means of five "
        "neighbours. Measured on PPO's own training questions.",
        "{0} 한 번의 실행이라 구간이 없습니다. 가는 선은 반복 하나하나, 굵은 선은 이웃 다섯의 "
        "평균입니다. PPO가 학습하는 질문에서 잰 값입니다.",
        JUDGE,
    )
    return Shown(figure, sentence(ends(name, runs[name])), caption)


def ends(name, rows):
    """The first three iterations of a run against the last three."""
    said = []
    for field, label in SPOKEN.items():
        values = column(pick(rows, field), field)
        if len(values) < 6:
            continue
        change, half = step_of(values[:3], values[-3:])
        if clear(change, half):
            words = TOKENS if field == "length" else {}
            way = moved(values[:3].mean(), values[-3:].mean(), **words)
            said.append(say("{0} {1}", "{0}: {1}", label, way))
    if said:
        english = "{0}, first three to last three of {1} iterations: {2}"
        korean = "{0}, 반복 {1}회의 처음 셋에서 마지막 셋까지 {2}"
        said[0] = say(english, korean, arm(name), len(rows), said[0])
    english = "the KL to the SFT model ended at {0:.2f} nats per answer"
    korean = "SFT 모델과의 KL은 마지막에 답 하나당 {0:.2f} nat입니다"
    said.append(say(english, korean, column(rows, "kl_exact")[-3:].mean()))
    return said


def step_of(before, after):
    """The mean of three later values minus that of three earlier ones, and half its 95% interval
    (Student's t, four degrees of freedom)."""
    change = np.mean(after) - np.mean(before)
    variance = np.var(before, ddof=1) + np.var(after, ddof=1)
    half = STUDENT[3] * math.sqrt(variance / 3)
    return change, half


def compared(logs):
    """Shares of answers preferred to SFT's: of the study, without it of the PPO runs' own logs."""
    rows = []
    for row in all_rows(logs["tax"]):
        interval = {"acc": row["win"], "low": row["win_low"], "high": row["win_high"]}
        rows.append({"arm": row["arm"], **interval})
    if rows:
        return rows
    for run in logs["ppo"]:
        for row in pick(run.rows, "win_rate"):
            rows.append({"arm": run.name, **share(row["win_rate"], row["n"])})
    return rows


def wins(logs):
    """How often the judge prefers a model's answer to the SFT model's."""
    rows = some(compared(logs), "no model's answers have been compared with the SFT model's")
    arms = by(rows, "arm")
    figure, (ax,) = canvas(1, 1, 0.9 + 0.45 * len(arms))
    said = []
    for y, (name, mine) in enumerate(arms.items()):
        offsets = 0.12 * (np.arange(len(mine)) - (len(mine) - 1) / 2)
        bars(ax, y + offsets, mine, arm(name).place)
        if name != "sft" and (where := side(mine)):
            mean = column(mine, "acc").mean()
            said.append(say("{0} {1:.0%}, {2}", "{0} {1:.0%}, {2}", arm(name), mean, where))
    ax.axvline(50, **DOTTED)
    labelled(ax, [arm(name).english for name in arms])
    ax.set_xlim(0, 100)
    title = "Preferred by the simulated judge to the SFT model's answer"
    frame(ax, title, "questions (%, ties count half; 95% interval, a point for each seed)", "")
    english = "Share of questions on which the answer is preferred to SFT's"
    return Shown(figure, sentence(said, english, "SFT의 답보다 낫다고 판정된 질문의 비율"), JUDGE)


def side(rows):
    """Do the intervals of all runs lie on one side of a half? None where they do not."""
    if column(rows, "low").min() > 0.5:
        return "above half in every run", "모든 실행에서 절반을 넘음"
    if column(rows, "high").max() < 0.5:
        return "below half in every run", "모든 실행에서 절반에 못 미침"
    return None
