"""Pictures as SVG text: a few shapes, colours for light and dark pages, the axes of a chart.

An element is a string and a picture a list of them. Coordinates are pixels, rounded to a tenth, so
that the same records make the same bytes on every machine.
"""

import math
import re
from dataclasses import dataclass
from html import escape, unescape

WIDTH = 720
MARGIN = 24
# What stands in a class of an element -> its colour on a light page and on a dark one.
COLOURS = {
    "paper": ("#ffffff", "#14181d"),
    "ink": ("#1f2328", "#e8edf2"),
    "quiet": ("#57606a", "#a3adb8"),
    "rule": ("#d8dee4", "#39414a"),
    "shade": ("#f3f5f7", "#20262d"),
    "blue": ("#0b66a8", "#6cbcf2"),
    "sky": ("#e6f1fa", "#17303f"),
    "orange": ("#b74d00", "#f3a45c"),
}
FONTS = """
svg { font-family: system-ui, "Segoe UI", Helvetica, Arial, sans-serif }
.code { font-family: ui-monospace, Menlo, Consolas, monospace }
.bold { font-weight: 600 }
polyline { fill: none; stroke-linejoin: round }
"""
HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"
  viewBox="0 0 {width} {height}" role="img" aria-labelledby="title told">"""
ARROW_HEAD = """\
<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"
  orient="auto"><path d="M0,0 L8,4 L0,8 z" class="fill-quiet"/></marker>"""

# --- elements ----------------------------------------------------------------------------------


def written(value):
    """A number to a tenth, without a zero behind the point; a text with its signs escaped."""
    if isinstance(value, (int, float)):
        return f"{value:.1f}".removesuffix(".0")
    return escape(value)


def tag(name, inside="", **attributes):
    """<name ...>inside</name>. The attribute `text_anchor` is text-anchor, `class_` is class."""
    found = ""
    for key, value in attributes.items():
        key = key.rstrip("_").replace("_", "-")
        found += f' {key}="{written(value)}"'
    return f"<{name}{found}>{inside}</{name}>" if inside else f"<{name}{found}/>"


def text(x, y, words, look="ink", at="start", size=12):
    """A line of words. look: a colour, and perhaps more classes; at: start, middle, end."""
    where = dict(x=x, y=y, text_anchor=at, font_size=size)
    return tag("text", escape(words), class_=f"fill-{look}", **where)


def line(points, colour="quiet", width=1.2, **more):
    """A line through points (x, y)."""
    pairs = [f"{written(x)},{written(y)}" for x, y in points]
    look = dict(class_=f"line-{colour}", stroke_width=width)
    return tag("polyline", points=" ".join(pairs), **look, **more)


def arrow(*points, **more):
    """A line with a head at its last point."""
    return line(points, marker_end="url(#head)", **more)


def dot(x, y, colour, radius):
    """A filled dot."""
    return tag("circle", cx=x, cy=y, r=radius, class_=f"fill-{colour}")


def rectangle(x, y, width, height, look, radius=6, **more):
    """A rectangle around its centre. look: its classes."""
    left = x - width / 2
    top = y - height / 2
    size = dict(width=width, height=height, rx=radius)
    return tag("rect", x=left, y=top, **size, class_=look, **more)


# --- charts ------------------------------------------------------------------------------------


@dataclass
class Scale:
    """Along one axis: the values at its two ends, and their pixels."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value):
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def around(values, start, end):
    """A scale that holds all values, with a little room at both ends."""
    low = min(values)
    high = max(values)
    room = 0.06 * (high - low)
    return Scale(low - room, high + room, start, end)


def ticks(low, high, most):
    """At most `most` round numbers between two values, 1, 2 or 5 times a power of ten apart."""
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    for factor in (1, 2, 5, 10):
        step = factor * power
        first = math.ceil(low / step)
        last = math.floor(high / step)
        if last - first < most:
            return [step * place for place in range(first, last + 1)]


def short(value):
    """The number of a tick."""
    return f"{round(value, 9):g}".replace("-", "−")


def across(x, y, unit="", numbered=True, most=6):
    """The horizontal axis of a panel: fine lines, and numbers below it."""
    parts = []
    for value in ticks(x.low, x.high, most):
        place = x(value)
        parts.append(line([(place, y.start), (place, y.end)], "rule", 1))
        if numbered:
            bottom = max(y.start, y.end) + 16
            parts.append(text(place, bottom, short(value) + unit, "quiet", "middle", 11))
    return parts


def upright(x, y, unit="", numbered=True):
    """The vertical axis of a panel: fine lines, and numbers at its left."""
    parts = []
    for value in ticks(y.low, y.high, 6):
        place = y(value)
        parts.append(line([(x.start, place), (x.end, place)], "rule", 1))
        if numbered:
            parts.append(text(x.start - 8, place + 4, short(value) + unit, "quiet", "end", 11))
    return parts


def legend(colours, y, apart=170):
    """Lines with a dot, and what they are. colours: {colour: words}."""
    parts = []
    for place, (colour, name) in enumerate(colours.items()):
        left = MARGIN + apart * place
        parts.append(line([(left, y), (left + 22, y)], colour, 1.5))
        parts.append(dot(left + 22, y, colour, 4))
        parts.append(text(left + 32, y + 4, name))
    return parts


def small(y, *rows):
    """Small lines below a picture."""
    return [text(MARGIN, y + 16 * place, row, "quiet", size=11) for place, row in enumerate(rows)]


# --- the picture -------------------------------------------------------------------------------


def colours(which):
    """The style of every class. which: 0 on a light page, 1 on a dark one."""
    rules = []
    for name, pair in COLOURS.items():
        rules.append(f".fill-{name} {{ fill: {pair[which]} }}")
        rules.append(f".line-{name} {{ stroke: {pair[which]} }}")
    return "\n".join(rules)


def picture(title, told, height, parts):
    """A whole SVG file: `title` stands above, if there is one, and with the sentences `told` it is
    what a screen reader says."""
    told = "\n".join(told)
    dark = f"@media (prefers-color-scheme: dark) {{\n{colours(1)}\n}}"
    inside = [
        HEAD.format(width=WIDTH, height=height),
        tag("title", escape(title or told), id="title"),
        tag("desc", escape(told), id="told"),
        f"<style>{FONTS}{colours(0)}\n{dark}\n</style>",
        ARROW_HEAD,
        rectangle(WIDTH / 2, height / 2, WIDTH, height, "fill-paper", 10),
        *([text(MARGIN, 34, title, "ink bold", size=16)] if title else []),
        *parts,
        "</svg>\n",
    ]
    return "\n".join(inside)


def title_of(svg):
    """The title of a picture."""
    return unescape(re.search("<title[^>]*>([^<]*)", svg)[1])


# --- in another language -----------------------------------------------------------------------

WORDS = re.compile(r"(<(?:text|title|desc)\b[^>]*>)([^<]*)(</)")


def said(svg, say):
    """A picture of the same bytes but for its words, of which `say` is called with each line."""

    def again(found):
        start, words, end = found.groups()
        lines = [say(one) for one in unescape(words).split("\n")]
        return start + escape("\n".join(lines)) + end

    return WORDS.sub(again, svg)
