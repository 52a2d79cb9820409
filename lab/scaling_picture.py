"""The picture of lab/scaling.py: loss against compute, a line for each size, the envelope's law and
what it predicts; beside it few-shot accuracy against size."""

import math

from lab.svg import MARGIN, Scale, around, dot, line, picture, text, upright

ABOUT = "blue: the best with so much compute, and the law through it; orange: what the law"
PREDICTS = "predicts of a larger model, with its 95 % interval"
REACHES = "; black: what that reaches"
TOP = 106
BOTTOM = 336
LEFT = MARGIN + 40  # of the panel of losses
WIDE = 380
RIGHT = LEFT + WIDE + 60  # of the panel of few-shot lists
SMALL = 190
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def log(value):
    return math.log10(value)


def powers(x, y):
    """The axis of a logarithm: a fine line and 10ⁿ at each power of ten."""
    parts = []
    first = math.ceil(x.low)
    last = math.floor(x.high)
    for n in range(first, last + 1):
        far = x(n)
        ends = [(far, y.start), (far, y.end)]
        parts.append(line(ends, "rule", 1))
        words = "10" + str(n).translate(RAISED)
        below = y.start + 16
        parts.append(text(far, below, words, "quiet", "middle", 11))
    return parts


def by_depth(rows):
    """{depth: its rows}, each from little text to much."""
    found = {}
    for row in sorted(rows, key=lambda row: (row["depth"], row["tokens"])):
        found.setdefault(row["depth"], []).append(row)
    return found


def place(row, x, y):
    """Where a run stands in the panel of losses."""
    far = x(log(row["flops"]))
    return far, y(row["val_loss"])


def sizes(rows, x, y):
    """A grey line for each size, its depth at its left end."""
    parts = []
    for depth, mine in by_depth(rows).items():
        points = [place(row, x, y) for row in mine]
        parts.append(line(points, "quiet", 1))
        parts += [dot(*point, "quiet", 2.5) for point in points]
        left, height = points[0]
        words = str(depth)
        parts.append(text(left - 6, height + 4, words, "quiet", "end", 10.5))
    return parts


def predicted(told, x, y):
    """What the law says of the larger model, and, once it is trained, what it reaches."""
    middle, *ends = told.found["predicted"]
    far = x(log(told.at))
    way = [(far, y(end)) for end in ends]
    parts = [line(way, "orange", 2.4)]
    parts.append(dot(far, y(middle), "orange", 4))
    if told.reached:
        height = y(told.reached["val_loss"])
        left = (far - 9, height)
        right = (far + 9, height)
        parts.append(line([left, right], "ink", 2))
    return parts


def compute(told):
    """The panel on the left."""
    flops, losses = map(list, zip(*told.curve()))
    for row in told.rows:
        flops.append(row["flops"])
        losses.append(row["val_loss"])
    losses += told.found["predicted"]
    across = [log(value) for value in flops]
    x = around(across, LEFT, LEFT + WIDE)
    y = around(losses, BOTTOM, TOP)
    parts = [text(LEFT, TOP - 12, "loss, nats per token", "ink bold")]
    parts += powers(x, y)
    parts += upright(x, y)
    parts += sizes(told.rows, x, y)
    points = [(x(log(flops)), y(loss)) for flops, loss in told.curve()]
    parts.append(line(points, "blue", 1.8, stroke_dasharray="5 4"))
    for row in told.best:
        parts.append(dot(*place(row, x, y), "blue", 4))
    parts += predicted(told, x, y)
    under = "compute of a training, FLOPs (number: depth)"
    parts.append(text(LEFT + WIDE / 2, BOTTOM + 36, under, "quiet", "middle", 11))
    return parts


def few_shot(rows):
    """The panel on the right: each size at the most text it was trained on."""
    largest = [mine[-1] for mine in by_depth(rows).values()]
    across = [log(row["parameters"]) for row in largest]
    across += [across[0] - 0.2, across[-1] + 0.2]  # a single size has no range
    x = around(across, RIGHT, RIGHT + SMALL)
    y = Scale(-3, 103, BOTTOM, TOP)
    parts = [text(RIGHT, TOP - 12, "few-shot lists right", "ink bold")]
    parts += powers(x, y)
    parts += upright(x, y, " %")
    points = []
    for row in largest:
        far = x(log(row["parameters"]))
        points.append((far, y(100 * row["few_shot"])))
    parts.append(line(points, "blue", 1.5))
    parts += [dot(*point, "blue", 4) for point in points]
    under = f"parameters (n = {largest[0]['n']} lists)"
    parts.append(text(RIGHT + SMALL / 2, BOTTOM + 36, under, "quiet", "middle", 11))
    return parts


def draw(told, alone=True):
    """The whole picture of a Law as SVG. alone: with a title, and with what it tells below, for a
    file by itself."""
    more = PREDICTS
    if told.reached:
        more += REACHES
    parts = [text(MARGIN, 54, ABOUT, "quiet")]
    parts.append(text(MARGIN, 69, more, "quiet"))
    parts += compute(told)
    larger = [told.reached] if told.reached else []
    parts += few_shot(told.rows + larger)
    said = told.sentences()
    below = BOTTOM + 62
    for sentence in said if alone else ():
        parts.append(text(MARGIN, below, sentence, size=11))
        below += 16
    title = "Loss and few-shot accuracy by compute and size" if alone else ""
    return picture(title, said, below + 8, parts)
