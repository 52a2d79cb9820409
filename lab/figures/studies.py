"""The figures on the two studies over seeds: the alignment tax, and over-optimisation."""

import numpy as np

from lab.figures.frames import Shown, canvas, frame, labelled, legend_below
from lab.figures.marks import bars, colour, errors, line
from lab.figures.rows import all_rows, by, column, interval, pick, smooth, some
from lab.figures.words import JUDGE, POINTS, SINGLE, arm, clear, gap, say, sentence
from plumbing.records import t_interval

# --- the alignment tax -------------------------------------------------------------------------

# Field of the study, title and unit of its panel.
EXAMS = (
    ("judge", "Simulated judge, held-out questions", "score (higher is better)"),
    ("lm_loss", "Pretraining text", "loss (nats per token; lower is better)"),
    ("few_shot", "Known tasks, few-shot lists", "right (%)"),
    ("made_up", "Mappings made up in the prompt", "right (%)"),
)
# One arm minus another, on one field.
COSTS = (
    ("lm_loss", "ppo", "sft", "PPO minus SFT on pretraining text", "사전학습 글에서 PPO − SFT"),
    ("lm_loss", "ppo_ptx", "ppo", "PPO-ptx minus PPO", "PPO-ptx − PPO"),
    ("few_shot", "ppo", "sft", "PPO minus SFT on known lists", "아는 과제 목록에서 PPO − SFT"),
    (
        "few_shot",
        "ppo_ptx",
        "sft",
        "PPO-ptx minus SFT on known lists",
        "아는 과제 목록에서 PPO-ptx − SFT",
    ),
)
WRITTEN = {
    "lm_loss": {"form": "{:+.3f}", "unit": (" nats per token", " nat/토큰")},
    "few_shot": {"form": "{:+.1f}", "unit": POINTS},
}


def paired(rows, field, one, other):
    """Arm `one` minus arm `other`, seed by seed."""
    first = {row["seed"]: row[field] for row in pick(rows, arm=one)}
    second = {row["seed"]: row[field] for row in pick(rows, arm=other)}
    return [first[seed] - second[seed] for seed in first if seed in second]


def tax(logs):
    """What alignment costs: judge, language and lists of each model."""
    rows = some(all_rows(logs["tax"]), "the tax study has no rows")
    arms = by(rows, "arm")
    figure, axes = canvas(len(EXAMS), 2, 2.4)
    for ax, (field, title, unit) in zip(axes, EXAMS):
        scale = 100 if "%" in unit else 1
        for y, (name, mine) in enumerate(arms.items()):
            values = scale * column(mine, field)
            place = arm(name).place
            mean = interval(*t_interval(values))
            bars(ax, [y], [mean], place, scale=1, markersize=7)
            if len(values) > 1:
                strokes = np.full(len(values), y + 0.22)
                ax.plot(values, strokes, "|", color=colour(place), markersize=6)
        labelled(ax, [arm(name).english for name in arms])
        frame(ax, title, unit, "")
    said = []
    for field, one, other, *names in COSTS:
        differences = paired(rows, field, one, other)
        scale = 100 if field == "few_shot" else 1
        middle, half = t_interval(differences) if differences else (0.0, 0.0)
        if clear(middle, half):
            cost = gap(scale * middle, scale * half, **WRITTEN[field])
            said.append(say("{0}: {1}", "{0}: {1}", tuple(names), cost))
    caption = say(
        "{0} Mean over {1} seeds with 95% interval (Student's t); strokes: seeds.",
        "{0} 시드 {1}개의 평균과 95% 구간(스튜던트 t). 작은 획은 시드 하나하나입니다.",
        JUDGE,
        len(by(rows, "seed")),
    )
    return Shown(figure, sentence(said), caption)


# --- over-optimisation -------------------------------------------------------------------------

# What the reward model has learned from, and who climbs it.
CLIMBED = (
    (
        "many comparisons",
        "비교가 많을 때",
        ("ppo_scalar", "ppo_scalar_free", "best_of_n reward_scalar"),
    ),
    (
        "few comparisons",
        "비교가 적을 때",
        ("ppo_scalar_few", "ppo_scalar_few_free", "best_of_n reward_scalar_few"),
    ),
    ("words kept", "단어를 남길 때", ("ppo", "ppo_free", "best_of_n reward")),
)


def path_of(rows):
    """One arm of the study, cut to its shortest seed: {field: array (seeds, points)}."""
    runs = by(rows, "seed").values()
    points = min(map(len, runs))
    path = {}
    for field in ("kl", "proxy", "judge"):
        path[field] = np.array([column(run[:points], field) for run in runs])
    return path


def overoptimisation(logs):
    """Proxy and judge against the distance √KL: PPO and best-of-n, by reward model."""
    arms = by(all_rows(logs["overoptimisation"]), "arm")
    columns = []
    for *comparisons, names in CLIMBED:
        mine = [name for name in names if name in arms]
        columns += [(tuple(comparisons), mine)] if mine else []
    some(columns, "the over-optimisation study has no rows")
    figure, axes = canvas(2 * len(columns), len(columns), 2.7, sharex="col")
    said = []
    for i, (comparisons, mine) in enumerate(columns):
        proxy, judge = axes[i :: len(columns)]
        for name in mine:
            path = path_of(arms[name])
            if name.startswith("ppo"):
                climb(proxy, judge, arm(name), path, 5)
                said += parting(name, path, comparisons)
            else:  # best-of-n: few points, and little noise
                climb(proxy, judge, arm(name), path, 1)
        frame(proxy, f"The proxy, {comparisons[0]}", "", "reward model's score")
        distance = "√KL to SFT (√nat an answer)"
        frame(judge, f"The judge, {comparisons[0]}", distance, "judge's score")
    legend_below(figure, 3)
    english = "Last third of each run minus its middle third"
    takeaway = sentence(said, english, "실행의 마지막 1/3에서 가운데 1/3을 뺀 값")
    if len(by(all_rows(logs["overoptimisation"]), "seed")) == 1:
        takeaway = SINGLE
    caption = say(
        "{0} Mean over seeds with 95% intervals, PPO smoothed over five iterations. PPO is "
        "measured on its training questions, best-of-n on held-out ones: compare shapes, not "
        "levels.",
        "{0} 시드 평균과 95% 구간이며 PPO는 이웃 다섯 반복의 평균입니다. PPO는 학습 질문에서, "
        "best-of-n은 보류한 질문에서 쟀으므로 높이가 아니라 모양을 비교해야 합니다.",
        JUDGE,
    )
    return Shown(figure, takeaway, caption)


def climb(proxy, judge, who, path, width):
    """One arm in both panels: the mean over seeds of means of `width` neighbours, with intervals at
    a few points."""
    x = np.sqrt(smooth(path["kl"].mean(0), width))
    every = max(1, len(x) // 8)
    for ax, field in ((proxy, "proxy"), (judge, "judge")):
        runs = np.array([smooth(run, width) for run in path[field]])
        line(ax, x, runs.mean(0), who.place, who.english, every)
        middle, half = zip(*(t_interval(values) for values in runs.T[::every]))
        errors(ax, x[::every], middle, half, who.place)


def parting(name, path, comparisons):
    """Last third of a run against its middle third, seed by seed: do proxy and judge part?"""
    points = path["kl"].shape[1]
    third = points // 3
    if not third:
        return []
    change = {}
    for field in ("proxy", "judge"):
        last = path[field][:, points - third :].mean(1)
        middle = path[field][:, third : points - third].mean(1)
        change[field] = t_interval(last - middle)
    proxy, judge = change["proxy"], change["judge"]
    if not clear(*judge):  # also where there is one seed and so no interval
        return []
    verdict = ("the judge still gains", "심판 점수도 아직 오릅니다")
    if judge[0] < 0:
        verdict = ("the judge falls", "심판 점수가 떨어집니다")
        if clear(*proxy) and proxy[0] > 0:
            verdict = ("they part", "서로 갈라집니다")
    told = gap(*judge)
    if clear(*proxy):
        told = say("{0}, proxy {1}", "{0}, 대리 보상 {1}", told, gap(*proxy))
    english = "{0}, {1}: judge {2}, {3}"
    return [say(english, "{0}, {1}: 심판 {2}, {3}", arm(name), comparisons, told, verdict)]
