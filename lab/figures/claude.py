"""The figure on help against harmlessness (after Bai et al. 2022a, 2022b): Elo ratings of policies
by people's labels and by a constitution. Every row is of the tiny world, judged by a program."""

from lab.figures.frames import Shown, canvas, frame
from lab.figures.marks import colour
from lab.figures.rows import all_rows, by, column, pick, some
from lab.figures.words import JUDGE, say, sentence
from lab.plane import HH, PLANE, RIVAL, START, summary, verdict
from lab.words_figures import both

PLACES = {START: 0, **dict.fromkeys(HH, 1), "SL-CAI": 5, RIVAL: 2}  # of their looks
RESAMPLES = 500
TITLES = {
    1: f"{RIVAL} is above the HH frontier",
    0: "Helpful and harmless",
    -1: f"{RIVAL} is below the HH frontier",
}
VERDICTS = {
    1: ("above every mixture of the HH models", "HH 모델의 어느 혼합보다도 위"),
    0: (
        "neither clearly above nor below the HH models",
        "HH 모델보다 위인지 아래인지 뚜렷하지 않음",
    ),
    -1: ("below a mixture of the HH models", "HH 모델의 한 혼합보다 아래"),
}


def told(logs):
    """What follows from the rows, as lab/plane.py tells it: of a study, or of the records."""
    rows = all_rows(logs["pareto"])
    measured = [row for row in rows if "of" in row]
    return summary(measured, RESAMPLES) if measured else pick(rows, "part")


def spread(row, side):
    """How far the interval of a rating reaches down and up, for error bars."""
    low = row[side] - row[f"{side} low"]
    return [[low], [row[f"{side} high"] - row[side]]]


def pareto(logs):
    """Harmlessness against help, a point a model, with intervals."""
    found = told(logs)
    rows = some(pick(found, part="plane", seed=0), "the study of help against harm has no rows")
    points = {row["arm"]: row for row in rows}
    figure, (ax,) = canvas(1, 1, 4.6)
    way = [points[arm] for arm in (START, *HH)]
    path = (column(way, "help"), column(way, "harmless"))
    ax.plot(*path, color=colour(1), linewidth=0.9)
    for number, arm in enumerate(PLANE, 1):
        row = points[arm]
        ax.errorbar(
            [row["help"]],
            [row["harmless"]],
            xerr=spread(row, "help"),
            yerr=spread(row, "harmless"),
            label=f"{number}  {arm}",
            color=colour(PLACES[arm]),
            marker="o",
            capsize=2,
            linestyle="none",
        )
        place = (row["help"], row["harmless"])
        looks = {"color": colour(PLACES[arm]), "textcoords": "offset points"}
        ax.annotate(str(number), place, xytext=(5, 4), **looks)
    (gap,) = pick(found, part="gap", seed=0)
    side = verdict(gap)
    frame(ax, TITLES[side], "help (Elo points)", "harmlessness (Elo points)")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), handlelength=0, markerscale=0)
    seeds = len(by([row for row in found if row["seed"]], "seed"))
    caption = say(
        "{0} Seeds: {1}, taken together; lines: 95% intervals of a bootstrap by prompt. All pairs "
        "of models are compared on every prompt, a tie is half a win. HH: labels of harm by "
        "people, λ times the weight of help; RL-CAI: as many by an AI.",
        "{0} 시드 {1}개를 합쳤고 선은 질문을 다시 뽑는 부트스트랩의 95% 구간입니다. 질문마다 모든 "
        "모델 쌍을 비교하며 비김은 반 승입니다. HH는 사람이 매긴 해로움 라벨로 배우고 그 무게는 "
        "도움의 λ배입니다. RL-CAI는 같은 수의 라벨을 AI가 매깁니다.",
        JUDGE,
        seeds,
    )
    return Shown(figure, ratings_told(points, gap), caption)


def ratings_told(points, gap):
    """Each model's two ratings, and where RL-CAI stands."""
    said = []
    for arm, row in points.items():
        pair = (row["help"], row["harmless"])
        said.append(say("{0} {1:+.0f} and {2:+.0f}", "{0} {1:+.0f}, {2:+.0f}", both(arm), *pair))
    english = "{0} is {1} ({2:+.0f} points, 95% interval {3:+.0f} to {4:+.0f})"
    korean = "{0}: {1}({2:+.0f}점, 95% 구간 {3:+.0f}~{4:+.0f})"
    ends = (gap["gap"], gap["gap low"], gap["gap high"])
    said.append(say(english, korean, RIVAL, VERDICTS[verdict(gap)], *ends))
    return sentence(said, "Elo of help and of harmlessness", "도움과 무해의 Elo")
