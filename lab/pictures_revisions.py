"""The picture of harm by round: how many answers do harm after each revision, with a critique and
without, on topics of which it was told what is bad and on others; below it what is no harm but
garbled, to the same scale. lab/rounds.py has the rows, lab/svg.py knows how to draw.
"""

import math

from judges.constitution import SIDES
from lab.rounds import pooled
from lab.svg import MARGIN, Scale, dot, legend, line, picture, small, text, upright
from lab.tables import number, seeds_named, select

WAYS = {"blue": "revised", "orange": "bare"}
LEGEND = {"blue": "critique, then revision", "orange": "revision alone"}
TOPICS = {
    "labelled": f"topics {SIDES['labelled']}: told what is bad",
    "unlabelled": f"topics {SIDES['unlabelled']}: never told",
}
PARTS = {"harmful": "answers that do harm", "garbled": "answers that do no harm but are garbled"}
SHORT = {"harmful": "Harm", "garbled": "No harm but garbled"}
NEW = "unlabelled"  # the topics that the sentences above the picture are of
LEFT, WIDE, GAP = 60, 306, 24  # pixels
PERCENT = 1.4  # pixels
ROOM = 3  # percent above and below a panel's values

NEUTRAL = "Harm by round of revision"
# Is less harm done after the last revision than at first, on told topics and on the others?
TITLES = {
    (True, True): "Revised answers do less harm, on topics never told of as well",
    (True, False): "Revised answers do less harm, on the told topics alone",
    (False, True): "Revised answers do less harm, on topics never told of alone",
    (False, False): NEUTRAL,
}
# Of two shares: 1 where the first is clearly more, -1 less, 0 neither.
CRITIQUE = {
    1: "more harm is left with a critique than without",
    -1: "less harm is left with a critique than without",
    0: "a critique makes no clear difference to the harm that is left",
}
GARBLED = {
    1: ", and more answers are garbled than at first",
    -1: ", and fewer answers are garbled than at first",
    0: "",
}


# --- the figures -------------------------------------------------------------------------------


def shares(rows, kind, side, part):
    """After each round the share of answers with its 95 % interval, all seeds together."""
    mine = select(rows, kind=kind, side=side, part=part)
    last = max(row["round"] for row in mine)
    return [pooled(select(mine, round=after)) for after in range(last + 1)]


def apart(one, other):
    """1 where a share's interval lies above another's, -1 below, 0 where they have something in
    common."""
    _, low, high = one
    _, its_low, its_high = other
    return (low > its_high) - (high < its_low)


def fell(rows, side):
    """Is clearly less harm done after the last revision, with a critique, than at first?"""
    first, *_, last = shares(rows, "revised", side, "harmful")
    return apart(last, first) < 0


def title(rows):
    """What the picture shows, as far as its intervals show it."""
    return TITLES[tuple(fell(rows, side) for side in SIDES)]


def compared(rows, side):
    """What a critique before the revision does to the harm that is left, and what mending does to
    how many answers are garbled."""
    left = [shares(rows, kind, side, "harmful")[-1] for kind in WAYS.values()]
    first, *_, last = shares(rows, "revised", side, "garbled")
    return f"On {SIDES[side]}: {CRITIQUE[apart(*left)]}{GARBLED[apart(last, first)]}."


def sentences(rows, side):
    """What becomes of harm on one side of the topics, and what of garbled answers."""
    found = []
    for part, what in SHORT.items():
        with_critique, without = (shares(rows, kind, side, part) for kind in WAYS.values())
        ends = (with_critique[0], with_critique[-1], without[-1])
        first, last, bare = (f"{number(100 * share, 1)} %" for share, _, _ in ends)
        rounds = len(with_critique) - 1
        number_of = "one revision" if rounds == 1 else f"{rounds} revisions"
        after = f"after {number_of}: {last} with a critique, {bare} without."
        found.append(f"{what}, {SIDES[side]}: {first} at first; {after}")
    return found


def asked(rows):
    """Of how many answers the picture is."""
    counts = []
    for kind in WAYS.values():
        mine = select(rows, kind=kind, round=0, part="harmful")
        counts.append(f"{sum(row['n'] for row in mine):,}")
    return "Requests for harm: {} with a critique, {} without; {}.".format(
        *counts, seeds_named(rows)
    )


# --- the picture -------------------------------------------------------------------------------


def curve(found, x, y, colour, aside):
    """One line: the share by round, with its interval; `aside` pixels beside its place."""
    points = []
    parts = []
    for after, cell in enumerate(found):
        share, low, high = (y(100 * value) for value in cell)
        far = x(after) + aside
        points.append((far, share))
        parts.append(line([(far, low), (far, high)], colour, 1.5))
        parts.append(dot(far, share, colour, 3.5))
    return [line(points, colour, 1.5), *parts]


def panel(rows, side, part, x, y):
    """The lines of one part of the answers on one side of the topics."""
    parts = []
    for place, (colour, kind) in enumerate(WAYS.items()):
        parts += curve(shares(rows, kind, side, part), x, y, colour, 6 * place - 3)
    return parts


def highest(rows, part):
    """The highest percentage that a panel has to hold, of harm always 100, else a multiple of
    ten."""
    if part == "harmful":
        return 100
    ends = []
    for kind in WAYS.values():
        for side in SIDES:
            ends += [high for _, _, high in shares(rows, kind, side, part)]
    return max(20, 10 * math.ceil(10 * max(ends)))


def draw(rows, alone=True):
    """The whole picture as SVG. alone: with a title and sentences, for a file by itself."""
    told = [compared(rows, NEW), *sentences(rows, NEW)]
    above = [text(MARGIN, 58 + 17 * place, words) for place, words in enumerate(told)]
    top = 122 if alone else 24
    parts = [*(above if alone else []), *legend(LEGEND, top, 220)]
    top += 30
    rounds = max(row["round"] for row in rows)
    for part, what in PARTS.items():
        most = highest(rows, part)
        top += 22
        bottom = top + PERCENT * (most + 2 * ROOM)
        for place, side in enumerate(SIDES):
            left = LEFT + (WIDE + GAP) * place
            x = Scale(-0.3, rounds + 0.3, left, left + WIDE)
            y = Scale(-ROOM, most + ROOM, bottom, top)
            if part == "harmful":
                parts.append(text(left, top - 26, TOPICS[side], "ink bold"))
            parts.append(text(left, top - 8, what, "quiet", size=11))
            parts += upright(x, y, " %", numbered=place == 0)
            parts += panel(rows, side, part, x, y)
        top = bottom + 8
    for place in range(len(SIDES)):
        left = LEFT + (WIDE + GAP) * place
        x = Scale(-0.3, rounds + 0.3, left, left + WIDE)
        for after in range(rounds + 1):
            parts.append(text(x(after), bottom + 16, str(after), "quiet", "middle", 11))
        parts.append(text(left + WIDE / 2, bottom + 34, "revisions", "quiet", "middle", 11))
    about = [asked(rows), "Bars: 95 % intervals. What does harm a program says (simulated)."]
    known = sentences(rows, "labelled")
    parts += small(bottom + 62, *about) if alone else []
    height = bottom + (94 if alone else 48)
    return picture(title(rows) if alone else "", [*told, *known, *about], round(height), parts)


def rounds_of(rows):
    """The rows of the committed records that are of rounds, and not of the judge."""
    return [row for row in rows if row["kind"] in WAYS.values()]


def revisions(records):
    """Harm by round, of the committed records."""
    return draw(rounds_of(records["revisions"]))
