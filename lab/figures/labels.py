"""The figure on what true labels and random ones are worth (Min et al. 2022), over seeds. The rows
are the committed ones (lab/example.py)."""

from lab.figures.fewshot import group_name, lower
from lab.figures.frames import Shown, canvas, frame, legend_below
from lab.figures.marks import band
from lab.figures.rows import all_rows, by, column, interval, pick, places, some
from lab.figures.words import POINTS, TOY, clear, gap, say, sentence
from plumbing.records import t_interval

# What a record calls them, and their place in LOOKS.
TRUE = ("gold", "true labels", 1)
RANDOM = ("random", "random labels", 2)
FEW = 8  # examples: the number to speak about


def examples(logs):
    """What true labels and random ones are worth to the base model, over seeds."""
    rows = all_rows(logs["examples"])
    some(rows, "drawn from the committed records alone")
    counts = sorted(by(rows, "shots"))
    groups = list(by(rows, "task"))
    figure, axes = canvas(len(groups), len(groups), 3.3, sharey=True)
    said = []
    for ax, group in zip(axes, groups):
        mine = pick(rows, task=group)
        for labels, name, place in (TRUE, RANDOM):
            cells = over_seeds(pick(mine, labels=labels))
            x = places(cells, "shots", counts)
            band(ax, x, cells, place, name)
        ax.set_xticks(range(len(counts)), counts)
        ax.set_ylim(-3, 103)
        frame(ax, group_name(group)[0], "examples in the prompt", "")
        mean, half = worth(pick(mine, shots=FEW))
        if clear(mean, half):
            value = gap(mean, half, "{:+.1f}", POINTS)
            name = lower(group_name(group))
            said.append(say("{0} {1}", "{0} {1}", name, value))
    axes[0].set_ylabel("right (%, 95% interval over seeds)")
    legend_below(figure, 2)
    english = f"True minus random labels with {FEW} examples"
    korean = f"예시 {FEW}개일 때 정답 라벨 − 무작위 라벨"
    return Shown(figure, sentence(said, english, korean), TOY)


def over_seeds(rows):
    """For each number of examples the mean over seeds with its interval, within 0 and 1."""
    found = []
    for shots, mine in by(rows, "shots").items():
        mean, half = t_interval(column(mine, "acc"))
        cell = interval(mean, half)
        cell["low"] = max(0.0, cell["low"])
        cell["high"] = min(1.0, cell["high"])
        cell["shots"] = shots
        found.append(cell)
    found.sort(key=lambda cell: cell["shots"])
    return found


def worth(rows):
    """Points that true labels are worth over random ones, seed by seed: mean, half the interval."""
    differences = []
    for mine in by(rows, "seed").values():
        true = column(pick(mine, labels=TRUE[0]), "acc")
        drawn = column(pick(mine, labels=RANDOM[0]), "acc")
        if len(true) and len(drawn):
            differences.append(100 * (true[0] - drawn[0]))
    if not differences:
        return 0.0, None
    return t_interval(differences)
