"""The picture of help against harm: how many held-out pairs of each kind reward models order
rightly that have learned one kind of comparison, or both. lab/svg.py knows how to draw.
"""

from dataclasses import dataclass

from data.preferences import KINDS
from lab.svg import MARGIN, Scale, across, dot, legend, line, picture, small, text
from lab.tables import figure, seeds_named, select
from lab.tables_probing import TRAINED
from lab.tension import ARMS, CHANCE, named
from plumbing.records import t_interval, wilson

LEGEND = {"blue": "has learned such comparisons", "orange": "has not"}
LEFT, PANEL, BESIDE, ROW = 186, 164, 94, 44  # pixels; BESIDE: for the figure at a panel's right
BOTH = "reward_mix"
NEUTRAL = "Help and harmlessness: which pairs each reward model orders rightly"
ALONE = "Learned alone, each kind reverses the other"
# Which kind's pairs are clearly turned round by whoever has learned the other alone.
TITLES = {
    (): NEUTRAL,
    ("harmless",): "Learned alone, help reverses harmlessness",
    ("helpful",): "Learned alone, harmlessness reverses help",
    KINDS: ALONE,
}
HOLDS = "; both can be learned"


# --- the figures -------------------------------------------------------------------------------


@dataclass
class Cell:
    """Shares of pairs in the right order, one of each seed: their mean and its interval."""

    values: list
    pairs: int

    def interval(self):
        """(mean, low, high): Student's t over seeds; of one seed Wilson's, as if pairs were
        independent."""
        mean, half = t_interval(self.values)
        if len(self.values) < 2:
            return (mean, *wilson(mean * self.pairs, self.pairs))
        return mean, max(0.0, mean - half), min(1.0, mean + half)

    def side(self):
        """1 where the mean is clearly above chance over seeds, -1 below, else 0."""
        if len(self.values) < 2:
            return 0
        _, low, high = self.interval()
        return (low > CHANCE) - (high < CHANCE)

    def told(self):
        """As text."""
        percent = [100 * value for value in self.values]
        return figure(percent, 1, " %")


@dataclass
class Line:
    """One reward model, or one of each seed."""

    name: str
    under: str  # of a run of one's own how it is called
    learned: tuple  # the kinds
    cells: dict  # {kind: Cell}


def known(rows):
    """What is told: the order by the truth where each row has it, else that of the labels."""
    truths = [row[f"{kind} truth"] for row in rows for kind in KINDS]
    return "labels" if None in truths else "truth"


def cells(rows, key):
    """{kind: Cell} of the rows of one model."""
    found = {}
    for kind in KINDS:
        values = [row[f"{kind} {key}"] for row in rows]
        found[kind] = Cell(values, sum(row[f"{kind} pairs"] for row in rows))
    return found


def lines(rows):
    """A Line for each of the models of the study that has rows."""
    found = []
    for arm, learned in ARMS.items():
        mine = select(rows, arm=arm)
        kinds = KINDS if learned == "both" else (learned,)
        if mine:
            found.append(Line(TRAINED[arm], "", kinds, cells(mine, known(rows))))
    return found


def title(found):
    """What the picture shows, as far as its intervals over seeds show it."""
    turned = set()
    held = False
    for one in found:
        sides = {kind: one.cells[kind].side() for kind in KINDS}
        turned |= {kind for kind in KINDS if kind not in one.learned and sides[kind] < 0}
        held |= len(one.learned) > 1 and min(sides.values()) > 0
    said = TITLES[tuple(kind for kind in KINDS if kind in turned)]
    return said + HOLDS if held and said == ALONE else said


def kept(rows):
    """How much of what each kind alone reaches a model of both kinds reaches; nothing where one of
    the three is missing."""
    key = known(rows)
    shares = []
    for kind in KINDS:
        own = select(rows, arm=named(kind))
        mixed = select(rows, arm=BOTH)
        if not own or [row["seed"] for row in own] != [row["seed"] for row in mixed]:
            return []
        column = f"{kind} {key}"
        if not all(row[column] for row in own):
            return []
        parts = [100 * mine[column] / one[column] for mine, one in zip(mixed, own)]
        shares.append(figure(parts, 1, " %"))
    said = "Learned together, they keep {} of the help and {} of the harmlessness."
    return [said.format(*shares)]


def sentences(found):
    """The figures of each model."""
    said = []
    for one in found:
        figures = [one.cells[kind].told() for kind in KINDS]
        said.append("{}: helpful pairs {}, harmless pairs {}.".format(one.name, *figures))
    return said


def about(rows):
    """Of how many pairs the picture is, by whom they are right, and what its bars are."""
    first = select(rows, arm=rows[0]["arm"])
    of = cells(first, known(rows))
    by = {"truth": "a program's verdict (simulated)", "labels": "their labels"}[known(rows)]
    counts = f"{of['helpful'].pairs:,} helpful and {of['harmless'].pairs:,} harmless"
    asked = f"Held-out pairs: {counts}; {seeds_named(rows)}. Right: by {by}."
    ways = "Dot and bar: mean and 95 % interval over seeds; specks: the seeds."
    if len(first) < 2:
        ways = "Bar: 95 % interval as if pairs were independent."
    return [asked, ways]


# --- the picture -------------------------------------------------------------------------------


def bar(cell, x, middle, colour):
    """The mean, its interval, below them the seeds, and the figure at the right."""
    mean, low, high = (100 * value for value in cell.interval())
    parts = [line([(x(low), middle), (x(high), middle)], colour, 2.4)]
    parts.append(dot(x(mean), middle, colour, 5))
    if len(cell.values) > 1:
        parts += [dot(x(100 * value), middle + 11, colour, 2) for value in cell.values]
    parts.append(text(x.end + 8, middle + 4, cell.told(), colour, size=11))
    return parts


def draw(found, notes, alone=True, finding=()):
    """The whole picture of Lines as SVG, with notes below. alone: with a title and what was found
    (`finding`) above and the notes, for a file by itself."""
    top = 92 if alone else 24
    parts = [text(MARGIN, 58, words) for words in finding] if alone else []
    parts += legend(LEGEND, top, 250)
    top += 52
    y = Scale(0, len(found), top, top + ROW * len(found))
    parts.append(text(MARGIN, top - 12, "learned from", "quiet", size=11))
    for place, one in enumerate(found):
        parts.append(text(MARGIN, y(place + 0.5) + 4, one.name, "ink bold"))
        if one.under:
            parts.append(text(MARGIN, y(place + 0.5) + 18, one.under, "quiet", size=10.5))
    for place, kind in enumerate(KINDS):
        left = LEFT + (PANEL + BESIDE) * place
        x = Scale(0, 100, left, left + PANEL)
        parts.append(text(left, top - 12, f"{kind} pairs in the right order", "ink bold"))
        parts += across(x, y, " %", most=5)
        chance = x(100 * CHANCE)
        parts.append(line([(chance, y.start), (chance, y.end)], "ink", 1.2, stroke_dasharray="4 3"))
        under = "dashed: by chance"
        parts.append(text(left + PANEL / 2, y.end + 34, under, "quiet", "middle", 11))
        for height, one in enumerate(found):
            colour = "blue" if kind in one.learned else "orange"
            parts += bar(one.cells[kind], x, y(height + 0.5), colour)
    parts += small(y.end + 62, *notes) if alone else []
    told = [*finding, *sentences(found), *notes]
    height = y.end + (94 if alone else 46)
    return picture(title(found) if alone else "", told, height, parts)


def tension(records):
    """Reward models of one kind of comparison, or of both, of the committed records."""
    rows = records["tension"]
    return draw(lines(rows), about(rows), finding=kept(rows))
