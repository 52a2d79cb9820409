"""The figures on training: losses, held-out questions after fine-tuning, and speed."""

import math

from lab.figures.frames import DOTTED, Shown, canvas, frame, labelled
from lab.figures.marks import bars, line
from lab.figures.rows import all_rows, apart, column, main_rows, pick, share, some
from lab.figures.words import JUDGE, arm, moved, say, sentence
from lab.words_figures import both

# The stages that minimise a loss: the name, and of what the loss is a mean.
MINIMISED = {
    "pretrain": ("Pretraining", "token"),
    "sft": ("Fine-tuning (SFT)", "token"),
    "reward": ("Reward model", "comparison"),
    "dpo": ("DPO", "comparison"),
}
LOSSES = {"loss": ("loss", "손실"), "val_loss": ("validation loss", "검증 손실")}


def losses(logs):
    """Training and validation loss of each stage that minimises one."""
    found = {}
    for stage in MINIMISED:
        rows = main_rows(logs[stage], stage)
        curves = {field: pick(rows, "step", field) for field in LOSSES}
        if any(curves.values()):
            found[stage] = curves
    some(found, "no training run has logged a loss")
    columns = 3 if len(found) == 3 else min(2, len(found))
    figure, axes = canvas(len(found), columns)
    said = []
    for ax, (stage, curves) in zip(axes, found.items()):
        train = curves["loss"]
        val = curves["val_loss"]
        title, unit = MINIMISED[stage]
        frame(ax, title, "optimizer step", f"loss (nats per {unit})")
        x, y = column(train, "step"), column(train, "loss")
        ax.plot(x, y, color="#999999", linewidth=1, label="training batch")
        line(ax, column(val, "step"), column(val, "val_loss"), 1, "validation")
        if unit == "comparison":
            ax.axhline(math.log(2), **DOTTED, label="no preference, ln 2")
        ax.legend()
        said += fall(stage, curves)
    caption = (
        "Grey: the loss on each training batch. Blue squares: on text that no step learns from.",
        "회색은 학습 배치의 손실, 파란 네모는 보류한 글에서 잰 손실입니다.",
    )
    return Shown(figure, sentence(said), caption)


def fall(stage, curves):
    """From where to where a loss went: the validation loss if there are two of it."""
    field = "val_loss" if len(curves["val_loss"]) > 1 else "loss"
    rows = curves[field]
    if len(rows) < 2:
        return []
    way = moved(rows[0][field], rows[-1][field])
    step = rows[-1]["step"]
    title, _ = MINIMISED[stage]
    english, korean = "{0}: {1} {2} by step {3:,}", "{0}: {3:,}단계에서 {1}이 {2}"
    return [say(english, korean, both(title), LOSSES[field], way, step)]


def exam(logs):
    """Share of held-out questions answered correctly, before and after fine-tuning."""
    runs = [run for run in logs["sft"] if pick(run.rows, "results")] or logs["questions"]
    results = {}  # a run on other text than the tiny world has none
    for row in pick(main_rows(runs, "sft"), "results"):
        results = row["results"]
    some(results, "no sft run has logged its results on held-out questions")
    base, tuned = results.get("base", {}), results.get("sft", {})
    some(base and tuned, "no sft run that began with a base model")
    labels = list(base | tuned)
    figure, (ax,) = canvas(1, 1, 0.7 + 0.38 * len(labels))
    for model, offset in (("base", -0.08), ("sft", 0.08)):
        who = arm(model)
        rows = [share(cell["correct"], cell["n"]) for cell in results[model].values()]
        y = [labels.index(name) + offset for name in results[model]]
        bars(ax, y, rows, who.place, label=who.english, markersize=7)
    labelled(ax, labels)
    ax.set_xlim(0, 100)
    frame(ax, "Held-out questions", "answered correctly (%, 95% interval)", "")
    ax.legend()
    said = []
    for name in [name for name in base if name in tuned][:2]:
        cells = [share(table[name]["correct"], table[name]["n"]) for table in (base, tuned)]
        if not apart(*cells):
            continue
        way = moved(100 * base[name]["correct"], 100 * tuned[name]["correct"], "{:.0f}%")
        english = "{0}: correct answers {1} with fine-tuning"
        said.append(say(english, "{0}: 미세조정으로 정답률이 {1}", both(name), way))
    return Shown(figure, sentence(said), JUDGE)


COLUMNS = (
    ("what", "잰 것"),
    ("peer", "견준 상대"),
    ("ours", "이쪽"),
    ("peer's", "상대"),
    ("unit", "단위"),
    ("ratio (least - most)", "비율(최소 - 최대)"),
)


def speed(logs):
    """bench.py's ratios against the peer measured in the same run."""
    rows = some(all_rows(logs["bench"]), "bench.py has saved no ratios")
    labels = [f"{row['table']} {row['name']}" for row in rows]
    figure, (ax,) = canvas(1, 1, 0.8 + 0.3 * len(rows))
    bars(ax, range(len(rows)), rows, 1, "ratio", scale=1, markersize=6)
    ax.axvline(1, **DOTTED)
    labelled(ax, labels)
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}×")
    scale = "ratio (above 1: ours is faster; median, least and most of the turns)"
    frame(ax, "Speed of ours over the peer's in the same run", scale, "")
    table = [COLUMNS]
    for label, row in zip(labels, rows):
        measured = f"{row['ours']:,.1f}", f"{row['peer']:,.1f}"
        ratio = f"{row['ratio']:.2f} ({row['low']:.2f} - {row['high']:.2f})"
        table.append((both(label), both(row["against"]), *measured, both(row["unit"]), ratio))
    ratios = column(rows, "ratio")
    faster = (column(rows, "low") > 1).sum()
    slower = (column(rows, "high") < 1).sum()
    english = (
        "Of {0} measurements ours is faster in every turn in {1} and slower in every turn in {2}; "
        "the median ratios go from {3:.2f} to {4:.2f}."
    )
    korean = (
        "측정 {0}개 가운데 모든 차례에서 빠른 것은 {1}개, 모든 차례에서 느린 것은 {2}개이며 비율의 "
        "중앙값은 {3:.2f}에서 {4:.2f} 사이입니다."
    )
    said = say(english, korean, len(rows), faster, slower, ratios.min(), ratios.max())
    caption = (
        "Ours and the peer take turns on one machine; the bar spans all turns.",
        "한 기계에서 번갈아 쟀으며, 막대는 모든 차례의 범위입니다.",
    )
    return Shown(figure, said, caption, tuple(table))
