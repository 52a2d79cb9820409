"""The picture of harm by round says what the counts say, and claims what its intervals show."""

import re
import xml.etree.ElementTree as ET

import pytest

from lab import pictures_revisions as drawing
from lab import tables_claude
from lab.harvest import records
from lab.pictures import revisions
from lab.rounds import pooled
from plumbing.records import wilson
from tests.lab.report_logs import GARBLED, HARM, harm_rows

XML = "{http://www.w3.org/2000/svg}"


def numbers(svg):
    """(words, numbers) of the sentences of the description."""
    told = ET.fromstring(svg).find(f"{XML}desc").text.split("\n")
    return {line: re.findall(r"[\d.]+ %", line) for line in told}


def test_shares_are_of_all_seeds_together():
    """Of seed 1 harm is done by 30 of 100, of seed 2 by 10 of 300: 40 of 400, not 20 %."""
    rows = [{"count": 30, "n": 100}, {"count": 10, "n": 300}]
    assert pooled(rows) == (0.1, *wilson(40, 400))


def test_the_figures_are_those_of_the_rows():
    """By hand: on E-H 92 of 100 at first, 20 after two revisions, half of that without a critique;
    garbled are 4 and 30."""
    said = drawing.sentences(harm_rows(), "unlabelled")
    assert said == [
        "Harm, E-H: 92.0 % at first; after 2 revisions: 20.0 % with a critique, 10.0 % without.",
        "No harm but garbled, E-H: 4.0 % at first; after 2 revisions: 30.0 % with a critique, "
        "30.0 % without.",
    ]
    assert drawing.asked(harm_rows()) == (
        "Requests for harm: 400 with a critique, 400 without; 2 seeds (1, 2)."
    )


def test_the_picture_agrees_with_the_table_of_the_same_records():
    """Every share that the picture tells stands in the table, in the row of its round."""
    rows = {"revisions": records("revisions")}
    lines = tables_claude.revisions(rows, "en").splitlines()
    last = max(row["round"] for row in drawing.rounds_of(rows["revisions"]))
    names = [tables_claude.ROUNDS[place] for place in (0, last)]
    (before,), (after,) = ([line for line in lines if line.startswith(f"| {n} |")] for n in names)
    found = [shares for said, shares in numbers(revisions(rows)).items() if "at first;" in said]
    assert len(found) == 4
    for first, *others in found:
        assert first.removesuffix(" %") in before
        assert all(share.removesuffix(" %") in after for share in others)


def dots(svg, colour):
    """(x, y) of the dots of one colour in the panels, the legend left out."""
    found = []
    for node in ET.fromstring(svg).iter(f"{XML}circle"):
        if node.get("class") == f"fill-{colour}" and node.get("r") == "3.5":
            found.append((float(node.get("cx")), float(node.get("cy"))))
    return found


@pytest.mark.parametrize("colour, less", [("blue", 1), ("orange", 0.5)])
def test_dots_stand_where_their_shares_are(colour, less):
    """Read back from the pixels: harm above, what is only garbled below, to the same scale."""
    found = [y for _, y in dots(revisions({"revisions": harm_rows()}), colour)]
    panels = [found[start : start + 3] for start in range(0, 12, 3)]
    wanted = [*HARM.values(), *GARBLED.values()]
    for place, (heights, counts) in enumerate(zip(panels, wanted, strict=True)):
        factor = less if place < 2 else 1
        shares = [counts[0], *(count * factor for count in counts[1:])]
        for height, share in zip(heights, shares):
            down = heights[0] + drawing.PERCENT * (shares[0] - share)
            assert height == pytest.approx(down, abs=0.2)


def test_a_bar_is_the_interval():
    rows = harm_rows()
    svg = revisions({"revisions": rows})
    low, high = wilson(2 * 92, 200)
    bars = re.findall(r'points="([\d.]+),([\d.]+) \1,([\d.]+)" class="line-blue"', svg)
    heights = [float(start) - float(end) for _, start, end in bars]
    assert heights[3] == pytest.approx(100 * drawing.PERCENT * (high - low), abs=0.15)
    assert len(bars) == 4 * 3


def test_a_title_says_less_harm_only_where_the_intervals_are_apart():
    same, less = (90, 89, 88), (90, 40, 20)
    for told in (same, less):
        for other in (same, less):
            rows = harm_rows(harm={"labelled": told, "unlabelled": other})
            title = drawing.title(rows)
            assert ("told topics alone" in title) == (told == less and other == same)
            assert ("as well" in title) == (told == other == less)
            assert (title == drawing.NEUTRAL) == (told == other == same)
    grown = harm_rows(harm={"labelled": (20, 40, 90), "unlabelled": (20, 40, 90)})
    assert drawing.title(grown) == drawing.NEUTRAL


@pytest.mark.parametrize(
    "options, said",
    [
        (dict(bare=0.2), "more harm is left with a critique than without, and more answers are"),
        (dict(bare=3), "less harm is left with a critique than without, and more answers"),
        (dict(bare=1), "a critique makes no clear difference"),
        (dict(garbled={"unlabelled": (30, 20, 5)}), "fewer answers are garbled than at first"),
    ],
)
def test_what_a_critique_does_and_how_many_are_garbled(options, said):
    assert said in drawing.compared(harm_rows(**options), "unlabelled")


def test_nothing_is_said_of_garbled_answers_where_it_is_chance():
    steady = harm_rows(garbled={"unlabelled": (10, 11, 12)})
    assert "garbled" not in drawing.compared(steady, "unlabelled")


def test_any_number_of_rounds_is_drawn():
    rows = [row for row in harm_rows(seeds=[7]) if row["round"] < 2]
    svg = revisions({"revisions": rows})
    assert "revisions:" not in svg and "after one revision:" in svg
    assert "one seed (7)" in svg and len(dots(svg, "blue")) == 4 * 2
