"""The figures of report.py on few-shot learning: by model size, by stage, while a model is trained.
Functions, words and colours as in figures.py; the rows are those of icl_eval.py."""

import numpy as np

from lab.figures import (
    ARMS,
    COLOURS,
    POINTS,
    Missing,
    Shown,
    canvas,
    column,
    frame,
    gap,
    joined,
    line,
    names,
    number,
    pick,
    plain,
)
from plumbing.records import t_interval

TOY = (
    "A mechanism in a toy world, not a result about large models: there accuracy grows with the "
    "share of correct labels (Yoo et al. 2022), larger models follow reversed labels (Wei et "
    "al. 2023), and probabilities move where accuracy does not (Kossen et al. 2023).",
    "작은 세계에서 본 메커니즘(a mechanism in a toy world)이며 큰 모델에 대한 결과가 아닙니다. 큰 모델에서는 맞는 "
    "라벨이 많을수록 정확도가 오르고(Yoo et al. 2022), 모델이 클수록 뒤집힌 라벨을 따르며(Wei et al. 2023), "
    "정확도가 그대로인 곳에서도 확률은 움직입니다(Kossen et al. 2023).",
)
GROUPS = {
    "known": ("Known tasks", "아는 과제"),
    "key-value": ("Key-value lists", "키-값 목록"),
    "novel": ("Mappings made up in the prompt", "프롬프트에서 지어낸 대응"),
}


def folder(path):
    """The folder of a checkpoint, which names its run."""
    parts = str(path).replace("\\", "/").split("/")
    return parts[-2] if len(parts) > 1 else parts[-1]


def group_name(group):
    return GROUPS.get(group, (plain(group),) * 2)


# --- few-shot ----------------------------------------------------------------------------------


def models_of(logs):
    """Few-shot rows with true labels, whole groups only, of each model: a dict from (checkpoint,
    step) to rows. Where files overlap, the later one counts. As in icl_eval.py's tables: in the
    tiny world what a model writes freely, on a person's own file what it chooses."""
    found = {}
    for run in logs["fewshot"]:
        rule = "free" if any(row.get("task") == "known" for row in run.rows) else "sum"
        for row in pick(
            run.rows, "n", "acc", "low", "high", "step", "params", rule=rule, labels="gold"
        ):
            whole = isinstance(row.get("group"), str) and row.get("task") == row["group"]
            if whole and isinstance(row.get("ckpt"), str):
                mine = found.setdefault((row["ckpt"], row["step"]), {})
                mine[row["group"], row["n"]] = row
    return {model: list(rows.values()) for model, rows in found.items()}


def trained(models):
    """Of each checkpoint the rows of its last step."""
    last = {}
    for (path, step), rows in models.items():
        if path not in last or step > last[path][0]["step"]:
            last[path] = rows
    return list(last.values())


def cell(rows, group, n):
    return next((row for row in rows if (row["group"], row["n"]) == (group, n)), None)


def shots(models, most=8):
    """The groups, all numbers of shots, and the one to speak about."""
    groups = list(dict.fromkeys(r["group"] for rows in models for r in rows))
    counts = sorted({r["n"] for rows in models for r in rows})
    return groups, counts, most if most in counts else counts[-1]


def curves(models, labels, places):
    """A panel per group of tasks: accuracy against the number of examples, a line per model."""
    groups, counts, _ = shots(models)
    figure, axes = canvas(1, len(groups), 3.3, sharey=True)
    for ax, group in zip(axes, groups):
        for rows, label, place in zip(models, labels, places):
            mine = sorted((r for r in rows if r["group"] == group), key=lambda r: r["n"])
            x = [counts.index(r["n"]) for r in mine]
            acc, low, high = (100 * column(mine, f) for f in ("acc", "low", "high"))
            line(ax, x, acc, place, label, every=1)
            ax.errorbar(
                x,
                acc,
                yerr=np.abs([acc - low, high - acc]),
                linestyle="none",
                capsize=2,
                color=COLOURS[place % len(COLOURS)],
                elinewidth=0.9,
            )
        ax.set_xticks(range(len(counts)), [f"{n:g}" for n in counts])
        ax.set_ylim(-3, 103)
        frame(ax, group_name(group)[0], "examples in the prompt", "")
    axes[0].set_ylabel("right (%, 95% interval over prompts)")
    handles = axes[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=min(4, len(labels)))
    return figure


def sizes(logs):
    """Few-shot curves of base models of several sizes."""
    models = [rows for rows in trained(models_of(logs)) if rows[0].get("stage") == "pretrain"]
    models = sorted(
        {rows[0]["params"]: rows for rows in reversed(models)}.values(),
        key=lambda rows: rows[0]["params"],
    )[-6:]
    if len(models) < 2:
        raise Missing("no few-shot rows of base models of two sizes or more")
    groups, counts, few = shots(models)
    labels = [f"{rows[0]['params'] / 1e6:,.2f}M parameters" for rows in models]
    said = []
    for group in groups[:2]:
        pairs = [(cell(rows, group, 0), cell(rows, group, few)) for rows in models]
        pairs = [(a["acc"], b["acc"]) for a, b in pairs if a and b]
        if len(pairs) < 2 or not few:
            continue
        gains = [100 * (b - a) for a, b in pairs]
        grows = all(y > x for x, y in zip(gains, gains[1:]))
        words = ("the larger the model, the larger the gain", "모델이 클수록 이득이 큽니다")
        if not grows:
            words = (
                "the gain does not grow with every step in size",
                "크기를 키울 때마다 이득이 커지지는 않습니다",
            )
        listed = ", ".join(f"{gain:+.0f}" for gain in gains)
        said.append(
            (
                f"{group_name(group)[0]}, {few} examples minus none, smallest to largest "
                f"model: {listed} points; {words[0]}",
                f"{group_name(group)[1]}, 예시 {few}개 − 0개, 작은 모델부터: {listed} %p, {words[1]}",
            )
        )
    said += labels_matter(logs, models[-1][0])
    return Shown(curves(models, labels, range(len(models))), joined(said), TOY)


def labels_matter(logs, model):
    """What random labels cost one model, from its rows of differences."""
    rows = [
        r
        for run in logs["fewshot"]
        for r in pick(run.rows, "points", rule="free", ckpt=model["ckpt"], step=model["step"])
    ]
    said = []
    for group in ("known", "novel"):
        for row in [
            r
            for r in rows
            if r.get("task") == group and r.get("difference") == "gold - random labels"
        ][-1:]:
            english, korean = gap(row["points"], row.get("draw_half"), "{:+.1f}", POINTS)
            said.append(
                (
                    f"true minus random labels, {group_name(group)[0].lower()}: {english}",
                    f"{group_name(group)[1]}에서 참 라벨 − 무작위 라벨: {korean}",
                )
            )
    return said


def stages(logs):
    """Few-shot curves of the base model and of what was made of it."""
    models = trained(models_of(logs))
    tuned = [rows for rows in models if rows[0].get("stage") != "pretrain"]
    size = {rows[0]["params"] for rows in tuned}
    base = [rows for rows in models if rows not in tuned and rows[0]["params"] in size]
    base = sorted(base, key=lambda rows: folder(rows[0]["ckpt"]) != "pretrain")[:1]
    if not tuned or not base:
        raise Missing("no few-shot rows of a base model and of what was tuned from it")
    models, labels, places = (base + tuned)[:6], [], []
    for j, rows in enumerate(models):
        name = folder(rows[0]["ckpt"])
        label, place = ARMS.get(name, (plain(f"{rows[0].get('stage')} {name}"), j))
        labels.append(label)
        places.append(place)
    groups, _, few = shots(models)
    said = []
    for group in groups[:2]:
        first = cell(models[0], group, few)
        for rows, label in zip(models[1:], labels[1:]):
            mine = cell(rows, group, few)
            if first and mine:
                mean, half = over_draws(mine, first)
                english, korean = gap(mean, half, "{:+.1f}", POINTS)
                said.append(
                    (
                        f"{group_name(group)[0].lower()}, {label} {english}",
                        f"{group_name(group)[1]}, {label} {korean}",
                    )
                )
    return Shown(
        curves(models, labels, places),
        joined(
            said,
            f"Difference from the base model with {few} examples",
            f"예시 {few}개일 때 base 모델과의 차이",
        ),
        TOY,
    )


def over_draws(one, other):
    """Points that one cell has over another on the same prompts, and half the 95% interval over
    their draws."""
    draws = [r.get("by_draw") if isinstance(r.get("by_draw"), list) else [] for r in (one, other)]
    if len(draws[0]) == len(draws[1]) > 1 and all(number(v) for v in draws[0] + draws[1]):
        return t_interval([100 * (a - b) for a, b in zip(*draws)])
    return 100 * (one["acc"] - other["acc"]), float("nan")


# --- the phase change --------------------------------------------------------------------------


def longest_watch(rows):
    """Of rows with a ckpt and a step, those of the run that was seen at most steps."""
    rows = [r for r in pick(rows, "step") if isinstance(r.get("ckpt"), str)]
    steps = {}
    for row in rows:
        steps.setdefault(folder(row["ckpt"]), set()).add(row["step"])
    name = max(steps, key=lambda key: len(steps[key]), default=None)
    if name is None or len(steps[name]) < 3:
        return []
    last = {}  # a file that is read later overwrites an earlier one
    for row in rows:
        if folder(row["ckpt"]) == name:
            last[row["step"], str(row.get("group"))] = row
    return sorted(last.values(), key=lambda r: r["step"])


def phase(logs):
    """Few-shot accuracy and induction against the training step of one pretraining run."""
    few_rows = [r for rows in models_of(logs).values() for r in rows]
    few = 8 if any(r["n"] == 8 for r in few_rows) else max((r["n"] for r in few_rows), default=0)
    few_rows = longest_watch([r for r in few_rows if r["n"] == few])
    heads = [r for run in logs["induction"] for r in run.rows if "control" not in r]
    repeat = longest_watch(pick(heads, "matching", "chance", "half", kind="repeat"))
    text = longest_watch(pick(heads, "icl_score", "icl_half", kind="text"))
    panels = [rows for rows in (few_rows, repeat, text) if rows]
    if not panels:
        raise Missing("no probes of three or more checkpoints of one pretraining run")
    figure, axes = canvas(len(panels), 1, 2.1, sharex=True)
    axes, said = iter(axes), []
    if few_rows:
        ax = next(axes)
        for i, group in enumerate(names(few_rows, "group")):
            mine = pick(few_rows, group=group)
            line(
                ax,
                column(mine, "step"),
                100 * column(mine, "acc"),
                i,
                group_name(group)[0],
                100 * column(mine, "low"),
                100 * column(mine, "high"),
                every=1,
            )
            said.append(jump(mine, "acc", "{:.0%}", *group_name(group)))
        frame(ax, f"Few-shot accuracy, {few} examples", "", "right (%)")
        ax.legend()
    if repeat:
        ax = next(axes)
        score, half = column(repeat, "matching"), column(repeat, "half")
        line(ax, column(repeat, "step"), score, 2, "best head", score - half, score + half, every=1)
        ax.plot(
            column(repeat, "step"),
            column(repeat, "chance"),
            color="black",
            linestyle=":",
            linewidth=1,
            label="attention spread evenly",
        )
        frame(ax, "Induction: prefix matching of the best head", "", "attention (0 to 1)")
        ax.legend()
        said.append(jump(repeat, "matching", "{:.2f}", "Prefix matching", "접두 일치 점수"))
    if text:
        ax = next(axes)
        score, half = column(text, "icl_score"), column(text, "icl_half")
        line(ax, column(text, "step"), score, 3, "", score - half, score + half, every=1)
        ax.axhline(0, color="black", linewidth=0.8)
        frame(
            ax, "In-context learning score: loss late in a block minus early", "", "nats per token"
        )
        said.append(
            jump(text, "icl_score", "{:.2f}", "In-context learning score", "문맥 내 학습 점수")
        )
    ax.set_xlabel("pretraining step")
    return Shown(
        figure,
        joined(
            [pair for pair in said if pair],
            "Largest change between neighbouring checkpoints",
            "이웃한 체크포인트 사이의 가장 큰 변화",
        ),
        TOY,
    )


def jump(rows, field, form, english, korean):
    """Between which neighbouring checkpoints a curve changes most, and how."""
    values, steps = column(rows, field), [r["step"] for r in rows]
    if len(values) < 2:
        return None
    i = int(np.abs(np.diff(values)).argmax())
    change = f"{form.format(values[i])} → {form.format(values[i + 1])}"
    return (
        f"{english.lower()}, steps {steps[i]:,} to {steps[i + 1]:,} ({change})",
        f"{korean}, {steps[i]:,}~{steps[i + 1]:,}단계({change})",
    )
