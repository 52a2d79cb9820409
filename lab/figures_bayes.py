"""The figures of report.py on why in-context learning works: implicit Bayesian inference (Xie et
al. 2021) and what demonstrations are for (Min et al. 2022). Functions, words and colours as in
figures.py; the rows are those of icl_eval.py."""

import numpy as np

from lab.figures import (
    COLOURS,
    HATCHES,
    POINTS,
    Missing,
    Shown,
    canvas,
    column,
    frame,
    gap,
    interval_bars,
    joined,
    line,
    moved,
    names,
    number,
    pick,
    plain,
)
from lab.figures_icl import TOY

# Conditions of the demonstrations by what they change, each family with its hatch.
FAMILIES = {
    "none": ("no demonstrations", 0),
    "gold": ("true labels", 6),
    **{
        name: ("other labels", 1)
        for name in (
            "75% correct",
            "50% correct",
            "25% correct",
            "0% correct",
            "random",
            "marginal",
            "permuted",
        )
    },
    **{
        name: ("other inputs or words", 2)
        for name in ("other inputs", "uniform words", "foreign labels")
    },
    **{name: ("one part left out", 3) for name in ("inputs only", "labels only")},
}
# Predictors of GINC: what the figure calls each, and its place in COLOURS.
PREDICTORS = {
    "model": ("model", 1),
    "lstm": ("LSTM", 0),
    "bayes": ("Bayes, reset", 2),
    "aware": ("Bayes that knows the prompt's form", 3),
    "uniform": ("concepts not inferred", 4),
    "test only": ("examples left out", 5),
    "bigram": ("bigram", 6),
}


# --- implicit Bayes ----------------------------------------------------------------------------


def ginc_rows(logs):
    """The rows of one model, the last that was probed, and with them an LSTM's of the same world;
    without a model the exact answers alone."""
    rows = [r for run in logs["bayes"] for r in run.rows if r.get("probe") == "bayes"]
    mine = [r for r in rows if r.get("stage") != "lstm"]
    asked = [r for r in mine if isinstance(r.get("ckpt"), str)]
    last = (asked or mine or [{}])[-1]
    key = [last.get(name) for name in ("ckpt", "step", "world")]
    lstm = [
        {**r, "cond": "lstm"}
        for r in rows
        if r.get("stage") == "lstm" and (r.get("world"), r.get("cond")) == (key[2], "model")
    ]
    return [r for r in mine if [r.get(name) for name in ("ckpt", "step", "world")] == key] + lstm


def ginc(logs):
    """Accuracy and posterior on the true concept against the number of examples."""
    shots = pick(ginc_rows(logs), "k", "n", "acc", "low", "high", kind="shots", prompts="id")
    if not shots:
        raise Missing("no rows of the GINC probe")
    lengths = sorted({r["k"] for r in shots})[:4]
    counts = sorted({r["n"] for r in shots})
    reset = next((r.get("eps") for r in shots if r.get("cond") == "bayes"), None)
    figure, axes = canvas(2, len(lengths), 2.7, sharex=True, sharey="row")
    said = []
    for i, k in enumerate(lengths):
        found = {}
        for name, (label, place) in PREDICTORS.items():
            mine = [
                r
                for r in shots
                if (r["k"], r.get("cond")) == (k, name)
                and (name != "bayes" or r.get("eps") == reset)
            ]
            mine = found[name] = sorted(mine, key=lambda r: r["n"])
            x = [counts.index(r["n"]) for r in mine]
            if mine:
                line(
                    axes[i],
                    x,
                    100 * column(mine, "acc"),
                    place,
                    label,
                    100 * column(mine, "low"),
                    100 * column(mine, "high"),
                    every=1,
                )
            mine = pick(mine, "post_true")
            if mine:
                x = [counts.index(r["n"]) for r in mine]
                line(axes[len(lengths) + i], x, column(mine, "post_true"), place, label, every=1)
        axes[i].set_xticks(range(len(counts)), [f"{n:g}" for n in counts])
        frame(axes[i], f"{k:g} tokens per example", "", "")
        frame(axes[len(lengths) + i], "", "examples in the prompt", "")
        said += ginc_said(found, k)
    axes[0].set(ylabel="right (%, 95% interval)", ylim=(-3, 103))
    axes[len(lengths)].set(ylabel="posterior on the true concept", ylim=(-0.03, 1.03))
    handles = {
        label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels())
    }
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3)
    return Shown(
        figure,
        joined(said),
        (
            f"GINC, concepts of pretraining; the model's posterior is the one that its prediction "
            f"implies. {TOY[0]}",
            f"GINC, 사전학습한 개념. 모델의 사후확률은 예측에서 거꾸로 구한 값입니다. {TOY[1]}",
        ),
    )


def ginc_said(found, k):
    """How accuracy moves from the fewest to the most examples, of the model and of exact Bayes."""
    said = []
    for name in ("model", "bayes"):
        if len(mine := found[name]) > 1:
            english, korean = moved(100 * mine[0]["acc"], 100 * mine[-1]["acc"], "{:.0f}%")
            label = {"model": ("the model", "모델"), "bayes": ("exact Bayes", "정확한 베이즈")}[
                name
            ]
            first, last = mine[0]["n"], mine[-1]["n"]
            said.append(
                (
                    f"{k:g} tokens per example, {first:g} to {last:g} examples: {label[0]} "
                    f"{english}",
                    f"예시당 {k:g}토큰, 예시 {first:g}개에서 {last:g}개로: {label[1]} 정답률이 {korean}",
                )
            )
    return said


def positions(logs):
    """Loss of the model and of Bayes, and the KL between them, by position in a document."""
    rows = ginc_rows(logs)
    at = sorted(
        (
            r
            for r in pick(rows, "position", "bayes", "loss", "kl", kind="position")
            if r["position"] >= 1
        ),
        key=lambda r: r["position"],
    )
    if len(at) < 8:
        raise Missing("no rows of the GINC probe by position for a model")
    figure, axes = canvas(1, 2, 3.0)
    x = column(at, "position")
    bins = np.floor(4 * np.log2(x))  # four to each doubling of the position

    def averaged(values):
        return np.array([values[bins == b].mean() for b in np.unique(bins)])

    for ax, field, label, place in (
        (axes[0], "loss", "model", 1),
        (axes[1], "kl", "", 1),
        (axes[0], "bayes", "exact Bayes", 2),
    ):
        ax.plot(x, column(at, field), color=COLOURS[place], alpha=0.2, linewidth=0.8)
        line(ax, averaged(x), averaged(column(at, field)), place, label)
        ax.set_xscale("log", base=2)
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes[0].legend()
    frame(axes[0], "Loss", "position in the document (tokens)", "nats per token")
    frame(axes[1], "KL from Bayes to the model", "position in the document (tokens)", "nats")
    axes[1].set_ylim(bottom=0)
    part, kl = len(at) // 4, column(at, "kl")
    english, korean = moved(kl[:part].mean(), kl[-part:].mean(), "{:.3f}")
    excess = (column(at, "loss") - column(at, "bayes")).mean()
    return Shown(
        figure,
        (
            f"From the first quarter of a document to the last, the KL to exact Bayes {english} nats; "
            f"over all positions the model's loss is {excess:+.3f} nats per token from Bayes's.",
            f"문서의 첫 1/4에서 마지막 1/4로 가며 정확한 베이즈와의 KL이 {korean}. 전체로는 모델의 손실과 베이즈의 손실의 차이가 "
            f"토큰당 {excess:+.3f} nat입니다.",
        ),
        (
            f"Validation documents of GINC; thin: single positions, thick: means of neighbours, four "
            f"to each doubling. {TOY[0]}",
            f"GINC 검증 문서. 가는 선은 위치 하나하나, 굵은 선은 이웃의 평균입니다(위치가 두 배가 될 때까지 네 점). {TOY[1]}",
        ),
    )


# --- what demonstrations are for ---------------------------------------------------------------


def demos(logs):
    """Min et al.'s bars, a panel per model, beside the exact answer for what it has read."""
    rows = [
        r
        for run in logs["demos"]
        for r in run.rows
        if isinstance(r.get("ckpt"), str)
        and r.get("method") == "direct"
        and isinstance(r.get("stage"), str)
    ]
    cells = [
        r
        for r in pick(rows, "k", "acc", "low", "high", "chance")
        if isinstance(r.get("condition"), str)
    ]
    most = max((r["k"] for r in cells), default=0)
    cells = [r for r in cells if r["k"] in (0, most)]
    models = sorted(names(cells, "ckpt"), key=lambda name: rho_of(pick(cells, ckpt=name)[0]))[:3]
    if not models:
        raise Missing("no rows of the demonstrations probe for a model")
    order = names(cells, "condition")
    figure, axes = canvas(1, len(models), 1.0 + 0.24 * len(order), sharey=True)
    said = []
    for ax, model in zip(axes, models):
        mine = pick(cells, ckpt=model)
        for r in mine:
            family, i = FAMILIES.get(r["condition"], ("other", 4))
            ax.barh(
                order.index(r["condition"]),
                100 * r["acc"],
                edgecolor="black",
                linewidth=0.8,
                color="#9ecae1" if i == 6 else "white",
                hatch=HATCHES[0 if i == 6 else i],
                label=family,
                height=0.7,
            )
        y = [order.index(r["condition"]) for r in mine]
        drawn = [{k: 100 * r[k] for k in ("acc", "low", "high")} for r in mine]
        interval_bars(ax, y, drawn, "acc", "low", "high", 0, markersize=2, elinewidth=1)
        exact = pick(mine, "bayes_acc")
        ax.plot(
            100 * column(exact, "bayes_acc"),
            [order.index(r["condition"]) for r in exact],
            "D",
            color=COLOURS[2],
            markersize=6,
            markerfacecolor="none",
            markeredgewidth=1.5,
            linestyle="none",
            label="exact Bayes",
        )
        ax.axvline(100 * mine[0]["chance"], color="black", linestyle=":", linewidth=1)
        ax.set(xlim=(0, 100), ylim=(len(order) - 0.5, -0.5))
        title, korean = regime(mine[0])
        frame(ax, title, "right option (%, 95% interval)", "")
        said += demos_said(rows, model, most, mine, (title, korean))
    axes[0].set_yticks(range(len(order)), [plain(name) for name in order])
    handles = {
        label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels())
    }
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=6)
    return Shown(
        figure,
        joined(said),
        (
            f"{TOY[0]} {most} demonstrations, direct scoring; dotted: chance. The exact answer knows "
            "no format, so it forgives missing labels where a model may not.",
            f"{TOY[1]} 예시 {most}개, 직접 채점이며 점선은 찍기의 정답률입니다. 정확한 베이즈 답은 형식을 모르므로 라벨이 빠져도 "
            "모델보다 덜 흔들립니다.",
        ),
    )


def rho_of(row):
    return row["rho"] if number(row.get("rho")) else 2.0


def regime(row):
    """What a model has read, as a panel's title."""
    if not number(row.get("rho")):
        name = plain(row.get("data") or row["ckpt"])
        return name, name
    if row["rho"] == 0:
        return "Labels always keep their meaning (ρ = 0)", "라벨의 뜻이 고정(ρ = 0)"
    return (
        f"Labels reversed in {row['rho']:.0%} of documents",
        f"문서의 {row['rho']:.0%}에서 라벨의 뜻이 뒤집힘",
    )


def demos_said(rows, model, most, cells, title):
    """What random and wrong labels cost one model."""
    said = []
    for row in pick(rows, "value", ckpt=model, k=most, name="gold - random")[:1]:
        english, korean = gap(row["value"], row.get("half"), "{:+.1f}", POINTS)
        said.append(
            (
                f"{title[0]}: true minus random labels {english}",
                f"{title[1]}: 참 라벨 − 무작위 라벨 {korean}",
            )
        )
    acc = {r["condition"]: 100 * r["acc"] for r in cells}
    shown = [name for name in ("none", "gold", "random", "0% correct") if name in acc]
    listed = ", ".join(f"{name} {acc[name]:.0f}%" for name in shown)
    return said + ([(f"right: {listed}", f"정답률: {listed}")] if shown else [])
