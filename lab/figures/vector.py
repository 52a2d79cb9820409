"""A picture of matplotlib's as SVG that stands in a page: its text is text, and what is black or
white in it follows the page, light or dark."""

import io
import re

from lab.svg import said
from lab.words_figures import korean

# Colours that matplotlib writes -> the page's own, with what a file by itself has in their place.
INK, PAPER, EDGE = "#010203", "#fefdfc", "#dddedf"
THEMED = {
    INK: "var(--ink, #1b1b1b)",
    "#000000": "var(--ink, #1b1b1b)",
    PAPER: "var(--page, #ffffff)",
    "#ffffff": "var(--page, #ffffff)",
    EDGE: "var(--edge, #d9d9d4)",
}
# A file that is opened by itself follows the reader's system.
ALONE = """<style>@media (prefers-color-scheme: dark) {
 svg { --ink: #e6e6e3; --page: #17181a; --edge: #3a3c40; background: #17181a } }</style>"""
PARTS = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<metadata>.*?</metadata>", re.S)


def svg_of(figure, name):
    """The picture as SVG text. `name` keeps its ids apart from those of others on a page."""
    import matplotlib

    written = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(written, format="svg", transparent=True, metadata={"Date": None})
    text = PARTS.sub("", written.getvalue()).strip()
    for colour, own in THEMED.items():
        text = text.replace(colour, own)
    # matplotlib numbers patches and lines from 1 in every picture.
    text = re.sub(r'id="', f'id="{name}-', text)
    text = re.sub(r'(href="#|url\(#)', rf"\1{name}-", text)
    return re.sub(r"(<svg [^>]*>)", rf"\1{ALONE}", text, count=1)


def in_korean(svg, name):
    """The same picture with its words in Korean, and with ids that no other on the page has."""
    own = re.sub(rf'(id="|#){name}-', rf"\1{name}-ko-", svg)
    return said(own, korean)


def inline(svg, told):
    """The same as a part of a page. told: what it shows, for who does not see it; text of HTML."""
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", svg.replace(ALONE, ""))
    text = text.replace("xlink:href", "href")
    # Pictures of lab/svg.py name their title by an id, which a page with several has but once.
    text = re.sub(r"<(title|desc|marker).*?</\1>", "", text, flags=re.S)
    text = re.sub(r' role="img" aria-labelledby="[^"]*"', "", text)
    return text.replace("<svg ", f'<svg role="img" aria-label="{told}" ', 1)
