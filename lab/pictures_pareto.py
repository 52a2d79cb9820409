"""The picture of help against harmlessness, drawn from the records of lab/pareto.py: a dot a model,
those of people's labels on a line by λ. lab/svg.py knows how to draw.
"""

from lab.plane import HH, PLANE, START
from lab.svg import MARGIN, across, around, dot, line, picture, text, upright
from lab.tables import number, select
from lab.tables_pareto import gap, part_of

LEFT, RIGHT, TOP, BOTTOM = 72, 500, 112, 392  # pixels of the panel
APART = 17  # pixels between two names
FINDINGS = {
    1: "RL-CAI is above every mixture of the HH models and of the one that they start from,",
    -1: "RL-CAI is below a mixture of the HH models and of the one that they start from,",
    0: "RL-CAI is neither clearly above nor clearly below the mixtures of the HH models,",
}


def colour_of(arm):
    """Blue for people's labels, orange for a constitution's."""
    if arm == START:
        return "quiet"
    return "blue" if arm in HH else "orange"


def at(row, x, y):
    """Where a model stands, in pixels."""
    return x(row["help"]), y(row["harmless"])


def spread(heights, apart):
    """The same heights, the smallest first, each at least `apart` from the one before."""
    found = []
    for height in heights:
        least = found[-1] + apart if found else height
        found.append(max(height, least))
    return found


def named(dots, x, y):
    """Names at the right of the panel, from the top down, each with a line to its dot."""
    order = sorted(dots, key=lambda arm: -dots[arm]["harmless"])
    tops = spread([y(dots[arm]["harmless"]) for arm in order], APART)
    over = max(0, tops[-1] - BOTTOM)
    parts = []
    for arm, height in zip(order, tops):
        place = at(dots[arm], x, y)
        height = height - over
        parts.append(line([place, (RIGHT + 6, height)], "rule", 1))
        parts.append(text(RIGHT + 10, height + 4, arm, colour_of(arm)))
    return parts


def crosses(dots, x, y):
    """Each model with its intervals."""
    parts = []
    for arm, row in dots.items():
        colour = colour_of(arm)
        across_at, up_at = at(row, x, y)
        low = x(row["help low"])
        high = x(row["help high"])
        parts.append(line([(low, up_at), (high, up_at)], colour))
        low = y(row["harmless low"])
        high = y(row["harmless high"])
        parts.append(line([(across_at, low), (across_at, high)], colour))
        parts.append(dot(across_at, up_at, colour, 5))
    return parts


def specks(rows, x, y):
    """The models of each seed."""
    parts = []
    for row in rows:
        place = at(row, x, y)
        parts.append(dot(*place, colour_of(row["arm"]), 2))
    return parts


def scale(by_seed, together, side, start, end):
    """An axis that holds all ratings with their intervals."""
    values = [row[side] for row in by_seed]
    for row in together:
        values += [row[f"{side} low"], row[f"{side} high"]]
    return around(values, start, end)


def plane(records):
    """Elo of harmlessness against Elo of help."""
    by_seed, together = part_of(records["pareto"], "plane")
    dots = {arm: select(together, arm=arm)[0] for arm in PLANE}
    x = scale(by_seed, together, "help", LEFT, RIGHT - 10)
    y = scale(by_seed, together, "harmless", BOTTOM, TOP)
    way = [at(dots[arm], x, y) for arm in (START, *HH)]
    parts = across(x, y) + upright(x, y)
    parts.append(line(way, "blue", 1.5))
    parts += named(dots, x, y)
    parts += specks(by_seed, x, y)
    parts += crosses(dots, x, y)
    up = "harmless, Elo points above the model that only helps (simulated judge)"
    parts.append(text(MARGIN, TOP - 14, up, "quiet", size=11))
    under = "help, Elo points (simulated judge)"
    middle = (LEFT + RIGHT) / 2
    parts.append(text(middle, BOTTOM + 38, under, "quiet", "middle", 11))
    above, of_seeds, side = gap(records["pareto"])
    found = FINDINGS[side]
    by = f"by {above} points; by seed {of_seeds}."
    parts.append(text(MARGIN, 56, found))
    parts.append(text(MARGIN, 74, by))
    seeds = sorted({row["seed"] for row in by_seed})
    row = together[0]
    number_of = "one seed" if len(seeds) == 1 else f"{len(seeds)} seeds"
    about = (
        f"{row['questions asked']} questions and {row['n']} requests for harm, all pairs compared; "
        f"{number_of} together, specks: each."
    )
    ways = "Lines: 95 % intervals by prompt. HH: people's labels (simulated), harm at λ times help."
    parts.append(text(MARGIN, BOTTOM + 64, about, "quiet", size=11))
    parts.append(text(MARGIN, BOTTOM + 80, ways, "quiet", size=11))
    told = [found, by]
    for arm, row in dots.items():
        pair = (number(row[side], 0, sign=True) for side in ("help", "harmless"))
        told.append("{}: help {}, harmless {}.".format(arm, *pair))
    title = "Helpful and harmless: labels of people, labels by a constitution"
    return picture(title, [*told, about, ways], BOTTOM + 96, parts)
