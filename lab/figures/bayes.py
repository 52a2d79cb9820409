"""The figures on why in-context learning works: implicit Bayesian inference (Xie et al. 2021), and
what demonstrations are for (Min et al. 2022). The rows are those of icl_eval.py."""

import numpy as np

from lab.figures.frames import DOTTED, Shown, canvas, frame, labelled, legend_below
from lab.figures.marks import band, bars, colour, line, trend
from lab.figures.rows import all_rows, apart, by, column, pick, places, some
from lab.figures.words import POINTS, TOY, clear, gap, moved, plain, say, sentence
from lab.words_figures import both

# --- implicit Bayes ----------------------------------------------------------------------------

# Predictors of GINC: what the figure calls each, and its place in LOOKS.
PREDICTORS = {
    "model": ("model", 1),
    "lstm": ("LSTM", 0),
    "bayes": ("Bayes, reset", 2),
    "aware": ("Bayes that knows the prompt's form", 3),
    "uniform": ("concepts not inferred", 4),
    "test only": ("examples left out", 5),
    "bigram": ("bigram", 6),
}
SPOKEN = {"model": ("the model", "모델"), "bayes": ("exact Bayes", "정확한 베이즈")}


def ginc_rows(logs):
    """The rows of one model, the last that was probed, and with them an LSTM's of the same world;
    without a model the exact answers alone."""
    rows = all_rows(logs["bayes"])
    mine = [row for row in rows if row["stage"] != "lstm"]
    if not mine:
        return []
    last = (pick(mine, "ckpt") or mine)[-1]
    lstm = pick(rows, stage="lstm", cond="model", world=last["world"])
    same = {key: last[key] for key in ("ckpt", "step", "world")}
    return pick(mine, **same) + [{**row, "cond": "lstm"} for row in lstm]


def ginc(logs):
    """Accuracy and posterior on the true concept against the number of examples."""
    shots = pick(ginc_rows(logs), kind="shots", prompts="id")
    some(shots, "no rows of the GINC probe")
    lengths = sorted(by(shots, "k"))[:4]
    counts = sorted(by(shots, "n"))
    posteriors = pick(shots, "post_true")
    panels = (2 if posteriors else 1) * len(lengths)
    figure, axes = canvas(panels, len(lengths), 2.7, sharex=True, sharey="row")
    said = []
    for i, k in enumerate(lengths):
        right, *posterior = axes[i :: len(lengths)]
        found = by(pick(shots, k=k), "cond")
        found["bayes"] = pick(found["bayes"], eps=found["bayes"][0]["eps"])
        for name in [name for name in PREDICTORS if name in found]:
            label, place = PREDICTORS[name]
            rows = found[name]
            band(right, places(rows, "n", counts), rows, place, label)
            if not posteriors:
                continue
            rows = pick(rows, "post_true")
            x = places(rows, "n", counts)
            line(posterior[0], x, column(rows, "post_true"), place, label)
        right.set_xticks(range(len(counts)), counts)
        frame(right, f"{k} tokens per example", "", "")
        (posterior or [right])[0].set_xlabel("examples in the prompt")
        for name in [name for name in SPOKEN if name in found]:
            first, last = found[name][0], found[name][-1]
            if apart(first, last):
                said.append(learned(k, SPOKEN[name], first, last))
    axes[0].set(ylabel="right (%, 95% interval)", ylim=(-3, 103))
    for ax in axes[len(lengths) :][:1]:
        ax.set(ylabel="posterior on the true concept", ylim=(-0.03, 1.03))
    legend_below(figure, 3)
    caption = say(
        "GINC, concepts of pretraining; the model's posterior is the one that its prediction "
        "implies. {0}",
        "GINC, 사전학습한 개념. 모델의 사후확률은 예측에서 거꾸로 구한 값입니다. {0}",
        TOY,
    )
    return Shown(figure, sentence(said), caption)


def learned(k, name, first, last):
    """How accuracy moves from the fewest to the most examples."""
    way = moved(100 * first["acc"], 100 * last["acc"], "{:.0f}%")
    english = "{0} tokens per example, {1} to {2} examples: {3} {4}"
    korean = "예시당 {0}토큰, 예시 {1}개에서 {2}개로: {3} 정답률이 {4}"
    return say(english, korean, k, first["n"], last["n"], name, way)


def positions(logs):
    """Loss of the model and of Bayes, and the KL between them, by position in a document."""
    rows = pick(ginc_rows(logs), "bayes", "kl", kind="position")
    some(rows, "no rows of the GINC probe by position for a model")
    figure, axes = canvas(2, 2, 3.0)
    x = column(rows, "position")
    bins = np.floor(4 * np.log2(x))  # four to each doubling of the position

    def averaged(values):
        return np.array([values[bins == b].mean() for b in np.unique(bins)])

    curves = ((0, "loss", "model", 1), (1, "kl", "", 1), (0, "bayes", "exact Bayes", 2))
    for panel, field, label, place in curves:
        y = column(rows, field)
        trend(axes[panel], averaged(x), averaged(y), (x, y), place, label)
    axes[0].legend()
    frame(axes[0], "Loss", "position in the document (tokens)", "nats per token")
    frame(axes[1], "KL from Bayes to the model", "position in the document (tokens)", "nats")
    for ax in axes:
        ax.set_xscale("log", base=2)
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes[1].set_ylim(bottom=0)
    kl = column(rows, "kl")
    quarter = len(kl) // 4
    english = (
        "From the first quarter of a document to the last, the KL to exact Bayes {0} nats; over "
        "all positions the model's loss is {1:+.3f} nats per token from Bayes's."
    )
    korean = (
        "문서의 첫 1/4에서 마지막 1/4로 가며 정확한 베이즈와의 KL이 {0}. 전체로는 모델의 손실과 "
        "베이즈의 손실의 차이가 토큰당 {1:+.3f} nat입니다."
    )
    way = moved(kl[:quarter].mean(), kl[-quarter:].mean(), "{:.3f}")
    excess = (column(rows, "loss") - column(rows, "bayes")).mean()
    caption = say(
        "Validation documents of GINC; thin: single positions, thick: means of neighbours, four to "
        "each doubling. {0}",
        "GINC 검증 문서. 가는 선은 위치 하나하나, 굵은 선은 이웃의 평균입니다(위치가 두 배가 될 "
        "때까지 네 점). {0}",
        TOY,
    )
    return Shown(figure, say(english, korean, way, excess), caption)


# --- what demonstrations are for ---------------------------------------------------------------

# Conditions by what they change, each family with its hatch.
FAMILIES = {
    "no demonstrations": ("", "none"),
    "true labels": ("", "gold"),
    "other labels": (
        "///",
        "75% correct, 50% correct, 25% correct, 0% correct, random, marginal, permuted",
    ),
    "other inputs or words": ("...", "other inputs, uniform words, foreign labels"),
    "one part left out": ("xxx", "inputs only, labels only"),
}


def demos(logs):
    """Min et al.'s bars, a panel per model, beside the exact answer for what it has read."""
    rows = pick(all_rows(logs["demos"]), "ckpt", method="direct")
    cells = pick(rows, "condition")
    some(cells, "no rows of the demonstrations probe for a model")
    most = max(row["k"] for row in cells)
    cells = [row for row in cells if row["k"] in (0, most)]
    models = sorted(by(cells, "ckpt").values(), key=lambda mine: rho_of(mine[0]))[:3]
    order = list(by(cells, "condition"))
    figure, axes = canvas(len(models), len(models), 1.0 + 0.24 * len(order), sharey=True)
    said = []
    for ax, mine in zip(axes, models):
        conditions(ax, mine, order)
        title = regime(mine[0])
        frame(ax, title[0], "right option (%, 95% interval)", "")
        for row in pick(rows, ckpt=mine[0]["ckpt"], k=most, name="gold - random"):
            if not clear(row["value"], row["half"]):
                continue
            cost = gap(row["value"], row["half"], "{:+.1f}", POINTS)
            english = "{0}: true minus random labels {1}"
            said.append(say(english, "{0}: 정답 라벨 − 무작위 라벨 {1}", title, cost))
        acc = {row["condition"]: row["acc"] for row in mine}
        shown = [name for name in ("none", "gold", "random", "0% correct") if name in acc]
        told = [say("{0} {1:.0%}", "{0} {1:.0%}", both(name), acc[name]) for name in shown]
        listed = tuple(", ".join(texts) for texts in zip(*told))
        said.append(say("right: {0}", "정답률: {0}", listed))
    labelled(axes[0], order)
    legend_below(figure, 6)
    caption = say(
        "{0} {1} demonstrations, direct scoring; dotted: chance. The exact answer knows no format, "
        "so it forgives missing labels where a model may not.",
        "{0} 예시 {1}개, 직접 채점이며 점선은 찍기의 정답률입니다. 정확한 베이즈 답은 형식을 "
        "모르므로 라벨이 빠져도 모델보다 덜 흔들립니다.",
        TOY,
        most,
    )
    return Shown(figure, sentence(said), caption)


def conditions(ax, rows, order):
    """A bar for each condition, on it the interval and the exact answer."""
    for family, (hatch, members) in FAMILIES.items():
        mine = [row for row in rows if row["condition"] in members.split(", ")]
        ax.barh(
            places(mine, "condition", order),
            100 * column(mine, "acc"),
            height=0.7,
            label=family,
            color="#9ecae1" if family == "true labels" else "white",
            edgecolor="black",
            hatch=hatch,
            linewidth=0.8,
        )
    bars(ax, places(rows, "condition", order), rows, 0, markersize=2, elinewidth=1)
    exact = pick(rows, "bayes_acc")
    ax.plot(
        100 * column(exact, "bayes_acc"),
        places(exact, "condition", order),
        "D",
        label="exact Bayes",
        color=colour(2),
        markersize=6,
        markerfacecolor="none",
        markeredgewidth=1.5,
    )
    ax.axvline(100 * rows[0]["chance"], **DOTTED)
    ax.set_xlim(0, 100)


def rho_of(row):
    """The share of reversed documents that a model has read; unknown of a person's own file."""
    return 2.0 if row["rho"] is None else row["rho"]


def regime(row):
    """What a model has read, as a panel's title."""
    if row["rho"] is None:
        return plain(row["data"]), plain(row["data"])
    if row["rho"] == 0:
        return both("Labels always keep their meaning (ρ = 0)")
    return both(f"Labels reversed in {row['rho']:.0%} of documents")
