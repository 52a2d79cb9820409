"""The figures on few-shot learning: by model size, by stage, and while a model is trained. The rows
are those of icl_eval.py."""

from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np

from lab.figures.frames import DOTTED, Shown, canvas, frame, legend_below
from lab.figures.marks import band, errors, line, whiskers
from lab.figures.rows import all_rows, apart, by, column, interval, pick, places, some
from lab.figures.words import ARMS, POINTS, TOY, arm, clear, gap, named, plain, say, sentence
from lab.words_figures import both
from plumbing.records import t_interval

GROUPS = {
    "known": "Known tasks",
    "key-value": "Key-value lists",
    "novel": "Mappings made up in the prompt",
}


def folder(path):
    """The folder of a checkpoint, which names its run."""
    return PurePosixPath(path).parent.name


def group_name(group):
    return both(GROUPS[group]) if group in GROUPS else (plain(group), plain(group))


def lower(name):
    return name[0].lower(), name[1]


# --- few-shot ----------------------------------------------------------------------------------


def cells_of(logs):
    """Few-shot rows with true labels, whole groups only. Where files overlap, the later one counts.
    As in icl_eval.py's tables: in the tiny world what a model writes freely, on a person's own file
    what it chooses."""
    cells = {}
    for run in logs["fewshot"]:
        rule = "free" if pick(run.rows, task="known") else "sum"
        for row in pick(run.rows, "acc", rule=rule, labels="gold"):
            if row["task"] == row["group"]:
                cells[row["ckpt"], row["step"], row["group"], row["n"]] = row
    return list(cells.values())


class Model(NamedTuple):
    """A model that was probed, and its cells: {(group of tasks, number of examples): row}."""

    name: str  # its folder
    stage: str
    params: int
    cells: dict


def trained(logs):
    """Each model at its last step."""
    models = []
    for rows in by(cells_of(logs), "ckpt").values():
        about = max(rows, key=lambda row: row["step"])
        cells = {}
        for row in pick(rows, step=about["step"]):
            cells[row["group"], row["n"]] = row
        model = Model(folder(about["ckpt"]), about["stage"], about["params"], cells)
        models.append(model)
    return models


def few_of(rows):
    """The numbers of examples in some rows, and the one to speak about."""
    counts = sorted(by(rows, "n"))
    return counts, 8 if 8 in counts else counts[-1]


def curves(models, arms):
    """A panel per group of tasks: accuracy against the number of examples, a line per model.
    Returns the figure, the groups, and the number of examples to speak about."""
    rows = [row for model in models for row in model.cells.values()]
    counts, few = few_of(rows)
    groups = list(by(rows, "group"))
    figure, axes = canvas(len(groups), len(groups), 3.3, sharey=True)
    for ax, group in zip(axes, groups):
        for model, who in zip(models, arms):
            keys = [(group, n) for n in counts if (group, n) in model.cells]
            rows = [model.cells[key] for key in keys]
            acc, spread = whiskers(rows)
            x = places(rows, "n", counts)
            line(ax, x, acc, who.place, who.english)
            errors(ax, x, acc, spread, who.place)
        ax.set_xticks(range(len(counts)), counts)
        ax.set_ylim(-3, 103)
        frame(ax, group_name(group)[0], "examples in the prompt", "")
    axes[0].set_ylabel("right (%, 95% interval over prompts)")
    legend_below(figure, min(4, len(arms)))
    return figure, groups, few


def sizes(logs):
    """Few-shot curves of base models of several sizes."""
    by_size = {}
    for model in trained(logs):
        if model.stage == "pretrain":
            by_size.setdefault(model.params, model)
    models = [by_size[params] for params in sorted(by_size)][-6:]
    some(models[1:], "no few-shot rows of base models of two sizes or more")
    arms = []
    for place, model in enumerate(models):
        arms.append(named(f"{model.params / 1e6:,.2f}M parameters", place))
    figure, groups, few = curves(models, arms)
    said = []
    for group in groups[:2]:
        said += growth(models, group, few)
    largest = list(models[-1].cells.values())
    said += labels_matter(logs, largest[0])
    return Shown(figure, sentence(said), TOY)


def growth(models, group, few):
    """What `few` examples give each model, the smallest first."""
    gains, widths = [], []
    for model in models:
        none = model.cells.get((group, 0))
        mine = model.cells.get((group, few))
        if none and mine:
            gains.append(100 * (mine["acc"] - none["acc"]))
            widths.append(50 * np.hypot(wide(mine), wide(none)))
    if len(gains) < 2:
        return []
    steps = np.diff(gains)
    sure = np.abs(steps) > np.hypot(widths[1:], widths[:-1])  # each step is more than chance
    if sure.all() and (steps > 0).all():
        verdict = ("the larger the model, the larger the gain", "모델이 클수록 이득이 큽니다")
    elif (sure & (steps < 0)).any():
        verdict = (
            "the gain does not grow with every step in size",
            "크기를 키울 때마다 이득이 커지지는 않습니다",
        )
    else:
        return []
    listed = ", ".join(f"{gain:+.0f}" for gain in gains)
    english = "{0}, {1} examples minus none, smallest to largest model: {2} points; {3}"
    korean = "{0}, 예시 {1}개 − 0개, 작은 모델부터: {2} %p, {3}"
    return [say(english, korean, group_name(group), few, listed, verdict)]


def wide(row):
    """The width of a cell's interval."""
    return row["high"] - row["low"]


def labels_matter(logs, cell):
    """What random labels cost the model of a cell, from its rows of differences."""
    rows = pick(
        all_rows(logs["fewshot"]),
        ckpt=cell["ckpt"],
        step=cell["step"],
        rule="free",
        difference="gold - random labels",
    )
    english = "true minus random labels, {0}: {1}"
    korean = "{0}에서 정답 라벨 − 무작위 라벨: {1}"
    said = []
    for group in ("known", "novel"):
        for row in pick(rows, task=group)[-1:]:
            if not clear(row["points"], row["draw_half"]):
                continue
            cost = gap(row["points"], row["draw_half"], "{:+.1f}", POINTS)
            said.append(say(english, korean, lower(group_name(group)), cost))
    return said


def stages(logs):
    """Few-shot curves of the base model and of what was made of it."""
    models = trained(logs)
    tuned = [model for model in models if model.stage != "pretrain"]
    size = {model.params for model in tuned}
    base = [model for model in models if model not in tuned and model.params in size]
    base.sort(key=lambda model: model.name != "pretrain")
    some(base, "no few-shot rows of a base model and of what was tuned from it")
    models = [base[0], *tuned][:6]
    arms = []
    for place, model in enumerate(models):
        label = f"{model.stage} {model.name}"
        arms.append(ARMS.get(model.name) or arm(label, place))
    figure, groups, few = curves(models, arms)
    said = []
    for group in groups[:2]:
        first = base[0].cells.get((group, few))
        for model, who in zip(models[1:], arms[1:]):
            mine = model.cells.get((group, few))
            if first and mine:
                mean, half = over_draws(mine, first)
                if not clear(mean, half):
                    continue
                cost = gap(mean, half, "{:+.1f}", POINTS)
                name = lower(group_name(group))
                said.append(say("{0}, {1} {2}", "{0}, {1} {2}", name, who, cost))
    english = f"Difference from the base model with {few} examples"
    korean = f"예시 {few}개일 때 기본 모델과의 차이"
    return Shown(figure, sentence(said, english, korean), TOY)


def over_draws(one, other):
    """Points that one cell has over another on the same prompts, and half the 95% interval over
    their draws."""
    if len(one["by_draw"]) != len(other["by_draw"]):
        return 100 * (one["acc"] - other["acc"]), None
    differences = np.array(one["by_draw"]) - other["by_draw"]
    return t_interval(100 * differences)


# --- the phase change --------------------------------------------------------------------------


def longest_watch(rows):
    """The rows, step by step, of the run that was seen at most steps; of three at the least."""
    runs = {}
    for row in rows:  # a file that is read later overwrites an earlier one
        runs.setdefault(folder(row["ckpt"]), {})[row["step"], row.get("group")] = row
    longest = max(runs.values(), key=len, default={})
    found = sorted(longest.values(), key=lambda row: row["step"])
    return found if len(by(found, "step")) >= 3 else []


def phase(logs):
    """Few-shot accuracy and induction against the training step of one pretraining run."""
    cells = cells_of(logs)
    few = few_of(cells)[1] if cells else 0
    heads = [row for row in all_rows(logs["induction"]) if "control" not in row]
    drawn = (
        (accuracy, pick(cells, n=few)),
        (induction, pick(heads, kind="repeat")),
        (late_minus_early, pick(heads, kind="text")),
    )
    panels = []
    for draw, rows in drawn:
        if watched := longest_watch(rows):
            panels.append((draw, watched))
    some(panels, "no probes of three or more checkpoints of one pretraining run")
    figure, axes = canvas(len(panels), 1, 2.1, sharex=True)
    said = []
    for ax, (draw, rows) in zip(axes, panels):
        said += draw(ax, rows)
    axes[-1].set_xlabel("pretraining step")
    english = "Largest change between neighbouring checkpoints"
    return Shown(figure, sentence(said, english, "이웃한 체크포인트 사이의 가장 큰 변화"), TOY)


def accuracy(ax, rows):
    said = []
    for i, (group, mine) in enumerate(by(rows, "group").items()):
        band(ax, column(mine, "step"), mine, i, group_name(group)[0])
        said += jump(mine, "{:.0%}", group_name(group))
    frame(ax, f"Few-shot accuracy, {rows[0]['n']} examples", "", "right (%)")
    ax.legend()
    return said


def induction(ax, rows):
    rows = [{**row, **interval(row["matching"], row["half"])} for row in rows]
    steps = column(rows, "step")
    band(ax, steps, rows, 2, "best head", scale=1)
    ax.plot(steps, column(rows, "chance"), **DOTTED, label="attention spread evenly")
    frame(ax, "Induction: prefix matching of the best head", "", "attention (0 to 1)")
    ax.legend()
    return jump(rows, "{:.2f}", ("Prefix matching", "접두 일치 점수"))


def late_minus_early(ax, rows):
    rows = [{**row, **interval(row["icl_score"], row["icl_half"])} for row in rows]
    band(ax, column(rows, "step"), rows, 3, "", scale=1)
    ax.axhline(0, color="black", linewidth=0.8)
    title = "In-context learning score: loss late in a block minus early"
    frame(ax, title, "", "nats per token")
    return jump(rows, "{:.2f}", ("In-context learning score", "문맥 내 학습 점수"))


def jump(rows, form, name):
    """Between which neighbouring checkpoints a curve changes most, and how; nothing where their
    intervals meet."""
    i = int(np.abs(np.diff(column(rows, "acc"))).argmax())
    here, there = rows[i], rows[i + 1]
    if not apart(here, there):
        return []
    change = f"{form.format(here['acc'])} → {form.format(there['acc'])}"
    english = "{0}, steps {1:,} to {2:,} ({3})"
    korean = "{0}, {1:,}~{2:,}단계({3})"
    return [say(english, korean, lower(name), here["step"], there["step"], change)]
