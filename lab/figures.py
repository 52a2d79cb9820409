"""The figures of report.py on training and alignment; figures_icl.py has those on in-context
learning.

A function here takes `logs`, a dict from a kind of log to its runs, and returns a Shown: the
picture, and one sentence that is computed from the same rows, in English and Korean. It raises
Missing where the logs lack what it draws. Colours are those of Okabe and Ito (2008); line styles,
markers and hatches tell the same apart in grey print.
"""

import math
from dataclasses import dataclass

import numpy as np

from plumbing.records import t_interval, wilson

JUDGE = (
    "The judge and the labelers are simulated: programs of the tiny world, not people.",
    "심판과 라벨러는 시뮬레이션입니다. 사람이 아니라 작은 세계의 프로그램입니다.",
)
POINTS = (" points", "%p")
COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 2)))
MARKERS = "os^DvPX"
HATCHES = ("", "///", "...", "xxx", "\\\\\\", "++", "oo")
FREE = ("PPO, no price on KL", "KL에 값이 없는 PPO")
# What the studies and the stages call a model, what a figure calls it, and its place in COLOURS.
ARMS = {
    "pretrain": ("base", 0),
    "base": ("base", 0),
    "sft": ("SFT", 1),
    "ppo": ("PPO", 2),
    "ppo_free": (FREE[0], 4),
    "ppo_ptx": ("PPO-ptx", 3),
    "ppo_few": ("PPO", 2),
    "ppo_few_free": (FREE[0], 4),
    "dpo": ("DPO", 5),
}
# What report.py draws them with; a name from a log is text, never a formula.
STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "lines.linewidth": 1.6,
    "lines.markersize": 5,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "text.parse_math": False,
    "hatch.linewidth": 0.7,
}


class Missing(Exception):
    """The logs hold nothing to draw here; says what is not there, in English."""


@dataclass
class Run:
    """One log file: its first line and its other lines."""

    name: str  # its folder, or the table it is
    head: dict
    rows: list


@dataclass
class Shown:
    """A figure, what it shows in one sentence, and how it is to be read: (English, Korean)."""

    figure: object
    takeaway: tuple
    caption: tuple
    table: tuple = ()  # rows of text, the first one the columns; shown below the figure


# --- reading rows ------------------------------------------------------------------------------


def number(value):
    """Can this be drawn: a finite number of sensible size, and no truth value?"""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e15


def pick(rows, *fields, **equal):
    """The rows in which all `fields` are numbers and which agree with `equal`."""
    return [
        row
        for row in rows
        if all(number(row.get(f)) for f in fields)
        and all(row.get(key) == value for key, value in equal.items())
    ]


def column(rows, field):
    return np.array([row[field] for row in rows], dtype=float)


def names(rows, field):
    """The different texts under `field`, in the order of their first appearance."""
    return list(dict.fromkeys(row[field] for row in rows if isinstance(row.get(field), str)))


def chosen(runs, name):
    """Of several runs of a stage the one in the stage's own folder, else the first."""
    return next((run for run in runs if run.name == name), runs[0] if runs else None)


def share_interval(share, n):
    """95% interval of a share of n; a share outside 0..1, which no stage writes, counts as its
    nearest."""
    return wilson(min(max(share, 0), 1) * n, n)


def smooth(values, width=3):
    """Mean of `width` neighbours, fewer at the ends."""
    half = width // 2
    return np.array([np.mean(values[max(0, i - half) : i + half + 1]) for i in range(len(values))])


# --- words -------------------------------------------------------------------------------------


def plain(text):
    """A name from a log as one short line that the figure's font can draw."""
    text = "".join(c if c.isprintable() else " " for c in str(text))
    line = " ".join(text.split()).encode("latin-1", "replace").decode("latin-1")
    return line[:40].lstrip("_") or "?"


def arm(name):
    """What a figure calls a model, and its place in COLOURS; a name it does not know stays."""
    return ARMS.get(name, (plain(name), 6))


def moved(a, b, form="{:.2f}"):
    """How a figure went from a to b, in words that depend on it: (English, Korean)."""
    x, y = form.format(a), form.format(b)
    if x == y:
        return f"stayed at {y}", f"그대로입니다({y})"
    english, korean = ("fell", "낮아졌습니다") if b < a else ("rose", "높아졌습니다")
    return f"{english} from {x} to {y}", f"{korean}({x} → {y})"


def gap(mean, half, form="{:+.2f}", unit=("", "")):
    """A difference with its interval, and whether it is one: (English, Korean)."""
    if not number(half):
        return tuple(
            f"{form.format(mean)}{u} ({note})"
            for u, note in zip(unit, ("one run, no interval", "한 번의 실행, 구간 없음"))
        )
    text = f"{form.format(mean)} ± {form.format(half).lstrip('+')}"
    notes = ("", "") if abs(mean) > half else (", no clear difference", ", 뚜렷한 차이 없음")
    return tuple(text + u + note for u, note in zip(unit, notes))


def joined(pairs, english="", korean=""):
    """Several (English, Korean) as the clauses of one sentence, after an introduction."""
    if not pairs:
        return "There is nothing to compare yet.", "아직 견줄 것이 없습니다."
    english, korean = (
        f"{intro}{': ' if intro else ''}{'; '.join(parts)}."
        for intro, parts in zip((english, korean), zip(*pairs))
    )
    return english, korean.replace(*FREE)


# --- drawing -----------------------------------------------------------------------------------


def canvas(rows, columns, height=2.9, **options):
    """An empty figure of page width and its axes as a flat list; `height` inches for each row."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, height * rows), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False, **options).ravel().tolist()


def frame(ax, title, x, y):
    ax.set(title=title, xlabel=x, ylabel=y)


def line(ax, x, y, place, label, low=None, high=None, every=None):
    """One curve; with `low` and `high` its interval as a band."""
    i = place % len(COLOURS)
    ax.plot(
        x,
        y,
        color=COLOURS[i],
        linestyle=LINES[i],
        marker=MARKERS[i],
        label=label,
        markevery=every or max(1, len(x) // 8),
    )
    if low is not None:
        ax.fill_between(x, low, high, color=COLOURS[i], alpha=0.15, linewidth=0)


def dots(ax, labels, values, places):
    """A row per label: each seed as a small mark, the mean over seeds with its 95% interval."""
    for y, (mine, i) in enumerate(zip(values, places)):
        mean, half = t_interval(mine)
        ax.errorbar(
            mean,
            y,
            xerr=half if number(half) else None,
            color=COLOURS[i],
            capsize=3,
            marker=MARKERS[i],
            markersize=7,
        )
        if len(mine) > 1:
            ax.plot(mine, [y + 0.22] * len(mine), "|", color=COLOURS[i], markersize=6)
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.5, -0.5)


def errors(ax, x, values, place):
    """95% intervals over seeds of `values` (seeds, points), where there are several seeds."""
    if len(values) > 1:
        middle, half = zip(*(t_interval(column.tolist()) for column in values.T))
        ax.errorbar(
            x, middle, yerr=half, linestyle="none", color=COLOURS[place], capsize=2, elinewidth=0.9
        )


def interval_bars(ax, y, rows, value, low, high, place, **options):
    """Points with intervals that need not be symmetric, in a row-per-label figure."""
    x = column(rows, value)
    spread = np.abs(np.array([x - column(rows, low), column(rows, high) - x]))
    ax.errorbar(
        x,
        y,
        xerr=spread,
        linestyle="none",
        color=COLOURS[place],
        capsize=3,
        marker=MARKERS[place],
        **options,
    )


# --- training ----------------------------------------------------------------------------------


def losses(logs):
    """Training and validation loss of each stage that minimises one."""
    stages = {
        "pretrain": ("Pretraining", "사전학습"),
        "sft": ("Fine-tuning (SFT)", "미세조정(SFT)"),
        "reward": ("Reward model", "보상 모델"),
        "dpo": ("DPO", "DPO"),
    }
    found = {}
    for stage in stages:
        run = chosen(logs[stage], stage)
        rows = run.rows if run else []
        if pick(rows, "step", "loss") or pick(rows, "step", "val_loss"):
            found[stage] = (pick(rows, "step", "loss"), pick(rows, "step", "val_loss"))
    if not found:
        raise Missing("no training run has logged a loss")
    columns = 3 if len(found) == 3 else min(2, len(found))
    figure, axes = canvas(-(-len(found) // columns), columns)
    for ax in axes[len(found) :]:
        ax.axis("off")
    said = []
    for ax, (stage, (train, val)) in zip(axes, found.items()):
        pairs = stage in ("reward", "dpo")
        frame(
            ax,
            stages[stage][0],
            "optimizer step",
            "loss (nats per comparison)" if pairs else "loss (nats per token)",
        )
        ax.plot(
            column(train, "step"),
            column(train, "loss"),
            color="#999999",
            linewidth=1,
            label="training batch",
        )
        line(ax, column(val, "step"), column(val, "val_loss"), 1, "validation", every=1)
        if pairs:
            ax.axhline(
                math.log(2), color="black", linestyle=":", linewidth=1, label="no preference, ln 2"
            )
        ax.legend()
        rows, field = (val, "val_loss") if len(val) > 1 else (train, "loss")
        if len(rows) > 1:
            what = ("validation loss", "검증 손실") if field == "val_loss" else ("loss", "손실")
            english, korean = moved(rows[0][field], rows[-1][field])
            said.append(
                (
                    f"{stages[stage][0]}: {what[0]} {english} by step {rows[-1]['step']:,}",
                    f"{stages[stage][1]}: {rows[-1]['step']:,}단계에서 {what[1]}이 {korean}",
                )
            )
    return Shown(
        figure,
        joined(said),
        (
            "Grey: the loss on each training batch. Blue squares: on text that no step learns from.",
            "회색은 학습 배치의 손실, 파란 네모는 학습에 쓰지 않은 글에서 잰 손실입니다.",
        ),
    )


def exam(logs):
    """Share of held-out questions answered correctly, before and after fine-tuning."""
    runs = [run for run in logs["sft"] if any(isinstance(r.get("results"), dict) for r in run.rows)]
    run = chosen(runs, "sft")
    if not run:
        raise Missing("no sft run has logged its results on held-out questions")
    results = [r["results"] for r in run.rows if isinstance(r.get("results"), dict)][-1]
    cells = {
        model: {
            name: row
            for name, row in rows.items()
            if isinstance(row, dict) and pick([row], "correct", "n") and row["n"] > 0
        }
        for model, rows in results.items()
        if isinstance(rows, dict)
    }
    labels = list(dict.fromkeys(name for rows in cells.values() for name in rows))
    if not labels:
        raise Missing("the sft run has no held-out results")
    figure, (ax,) = canvas(1, 1, 0.7 + 0.38 * len(labels))
    for j, (model, rows) in enumerate(cells.items()):
        name, place = arm(model)
        drawn = []
        for row in rows.values():
            low, high = share_interval(row["correct"], row["n"])
            drawn.append({"x": 100 * row["correct"], "low": 100 * low, "high": 100 * high})
        y = [labels.index(name) + 0.16 * (j - (len(cells) - 1) / 2) for name in rows]
        interval_bars(ax, y, drawn, "x", "low", "high", place, label=name, markersize=7)
    ax.set_yticks(range(len(labels)), [plain(name) for name in labels])
    ax.set_ylim(len(labels) - 0.5, -0.5)
    ax.set_xlim(0, 100)
    frame(ax, "Held-out questions", "answered correctly (%, 95% interval)", "")
    ax.legend()
    both = [name for name in cells.get("base", {}) if name in cells.get("sft", {})]
    said = []
    for name in both[:2]:
        shares = (100 * cells[model][name]["correct"] for model in ("base", "sft"))
        english, korean = moved(*shares, "{:.0f}%")
        said.append(
            (
                f"{name}: correct answers {english} with fine-tuning",
                f"{name}: 미세조정으로 정답률이 {korean}",
            )
        )
    return Shown(figure, joined(said), JUDGE)


# --- speed -------------------------------------------------------------------------------------


def speed(logs):
    """bench.py's ratios against the peer measured in the same run."""
    rows = [
        row
        for run in logs["bench"]
        for row in pick(run.rows, "ratio", "low", "high")
        if isinstance(row.get("name"), str) and 0 < row["low"] <= row["ratio"] <= row["high"]
    ]
    if not rows:
        raise Missing("bench.py has saved no ratios")
    named = [
        " ".join(text for text in (row.get("table"), row["name"]) if isinstance(text, str))
        for row in rows
    ]
    figure, (ax,) = canvas(1, 1, 0.8 + 0.3 * len(rows))
    interval_bars(ax, range(len(rows)), rows, "ratio", "low", "high", 1, markersize=6)
    ax.axvline(1, color="black", linestyle=":", linewidth=1)
    ax.set_yticks(range(len(rows)), [plain(name) for name in named])
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}x")
    frame(
        ax,
        "Speed of ours over the peer's in the same run",
        "ratio (above 1: ours is faster; median, least and most of the turns)",
        "",
    )
    faster = sum(row["low"] > 1 for row in rows)
    slower = sum(row["high"] < 1 for row in rows)
    ratios = column(rows, "ratio")
    table = [("what", "peer", "ours", "peer's", "unit", "ratio (least - most)")]
    for what, row in zip(named, rows):
        cells = [f"{row[key]:,.1f}" if number(row.get(key)) else "" for key in ("ours", "peer")]
        table.append(
            (
                what,
                str(row.get("against", "")),
                *cells,
                str(row.get("unit", "")),
                f"{row['ratio']:.2f} ({row['low']:.2f} - {row['high']:.2f})",
            )
        )
    return Shown(
        figure,
        (
            f"Of {len(rows)} measurements ours is faster in every turn in {faster} and slower in every "
            f"turn in {slower}; the median ratios go from {ratios.min():.2f} to {ratios.max():.2f}.",
            f"측정 {len(rows)}개 가운데 모든 차례에서 빠른 것은 {faster}개, 모든 차례에서 느린 것은 {slower}개이며 비율의 "
            f"중앙값은 {ratios.min():.2f}에서 {ratios.max():.2f} 사이입니다.",
        ),
        (
            "Ours and the peer take turns on one machine; the bar spans all turns.",
            "한 기계에서 번갈아 쟀으며, 막대는 모든 차례의 범위입니다.",
        ),
        tuple(table),
    )
