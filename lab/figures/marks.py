"""What is drawn into a frame: curves, bands, points with intervals."""

import numpy as np

from lab.figures.frames import LOOKS
from lab.figures.rows import column


def colour(place):
    return LOOKS[place][0]


def line(ax, x, y, place, label, every=1):
    """One curve, with a marker at every so many points."""
    _, dashes, marker = LOOKS[place]
    ax.plot(
        x,
        y,
        color=colour(place),
        linestyle=dashes,
        marker=marker,
        markevery=every,
        label=label,
    )


def trend(ax, x, y, raw, place, label):
    """A smooth curve with a few markers, and thin behind it the single points it is made from."""
    ax.plot(*raw, color=colour(place), alpha=0.25, linewidth=0.8)
    line(ax, x, y, place, label, max(1, len(x) // 8))


def band(ax, x, rows, place, label, scale=100):
    """One curve of rows with an interval, which is a band around it."""
    low = scale * column(rows, "low")
    high = scale * column(rows, "high")
    line(ax, x, scale * column(rows, "acc"), place, label)
    ax.fill_between(x, low, high, color=colour(place), alpha=0.15, linewidth=0)


def whiskers(rows, field="acc", scale=100):
    """The middle of each row's interval (N,), and how far it reaches down and up (2, N)."""
    middle = scale * column(rows, field)
    ends = scale * np.array([column(rows, "low"), column(rows, "high")])
    return middle, np.abs(ends - middle)


def bars(ax, y, rows, place, field="acc", scale=100, **options):
    """A point with its interval for each row, at the heights y."""
    middle, spread = whiskers(rows, field, scale)
    ax.errorbar(
        middle,
        y,
        xerr=spread,
        color=colour(place),
        marker=LOOKS[place][2],
        linestyle="none",
        capsize=3,
        **options,
    )


def errors(ax, x, middle, spread, place):
    """Intervals alone, on a curve that is there."""
    style = {"linestyle": "none", "capsize": 2, "elinewidth": 0.9}
    ax.errorbar(x, middle, yerr=spread, color=colour(place), **style)
