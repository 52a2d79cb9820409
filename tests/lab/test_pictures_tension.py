"""The picture of help against harm says what the rows say, and claims what its intervals show."""

import xml.etree.ElementTree as ET

import pytest

from lab import pictures_tension as drawing
from lab import tables_probing
from lab.harvest import records
from lab.pictures import tension
from lab.svg import title_of
from plumbing.records import wilson
from tests.lab.report_logs import MATRIX, tension_rows

XML = "{http://www.w3.org/2000/svg}"


def words(svg):
    return [node.text for node in ET.fromstring(svg).iter(f"{XML}text")]


def test_the_figures_by_hand():
    """Three seeds 0.01 apart: the half of the interval is 4.303 · 1 / √3 = 2.5 points."""
    said = drawing.sentences(drawing.lines(tension_rows()))
    assert said == [
        "helpful comparisons: helpful pairs 80.0 ± 2.5 %, harmless pairs 20.0 ± 2.5 %.",
        "harmless comparisons: helpful pairs 30.0 ± 2.5 %, harmless pairs 90.0 ± 2.5 %.",
        "both: helpful pairs 76.0 ± 2.5 %, harmless pairs 81.0 ± 2.5 %.",
    ]
    (kept,) = drawing.kept(tension_rows(apart=0))
    assert kept == "Learned together, they keep 95.0 % of the help and 90.0 % of the harmlessness."


def test_the_picture_agrees_with_the_table_of_the_same_records():
    rows = {"tension": records("tension")}
    table = tables_probing.tension(rows, "en")
    of_truth = [line for line in drawing.lines(rows["tension"])]
    for one in of_truth:
        (row,) = [line for line in table.splitlines() if line.startswith(f"| {one.name} |")]
        for kind in drawing.KINDS:
            told = one.cells[kind].told()
            assert told.removesuffix(" %") in row and told in words(tension(rows))


def dots(svg, radius):
    found = []
    for node in ET.fromstring(svg).iter(f"{XML}circle"):
        if node.get("r") == str(radius):
            found.append((float(node.get("cx")), node.get("class")))
    return found


def test_dots_stand_where_their_shares_are():
    """Two panels of three models; blue is what was learned."""
    svg = tension({"tension": tension_rows()})
    means = dots(svg, 5)
    assert len(means) == 6 and len(dots(svg, 2)) == 18
    for place in range(2):
        left = drawing.LEFT + (drawing.PANEL + drawing.BESIDE) * place
        for (across, look), (arm, shares) in zip(means[3 * place :], MATRIX.items()):
            assert across == pytest.approx(left + shares[place] * drawing.PANEL, abs=0.1)
            stranger = arm == ("reward_harm", "reward_help")[place]
            assert look == ("fill-orange" if stranger else "fill-blue")


@pytest.mark.parametrize(
    "matrix, title",
    [
        ({}, drawing.ALONE + drawing.HOLDS),
        ({"reward_mix": (0.76, 0.51)}, drawing.ALONE),
        ({"reward_harm": (0.49, 0.9)}, drawing.TITLES["harmless",]),
        ({"reward_help": (0.8, 0.49)}, drawing.TITLES["helpful",]),
        ({"reward_help": (0.8, 0.49), "reward_harm": (0.6, 0.9)}, drawing.NEUTRAL),
        ({"reward_help": (0.2, 0.7), "reward_harm": (0.7, 0.2)}, drawing.NEUTRAL),
    ],
)
def test_a_title_says_what_the_intervals_over_seeds_exclude(matrix, title):
    """Intervals are 2.5 points to each side: 49 % and 51 % are chance."""
    assert title_of(tension({"tension": tension_rows(matrix)})) == title


def test_one_seed_has_the_interval_of_its_pairs_and_claims_nothing():
    rows = tension_rows(seeds=[2])
    cell = drawing.lines(rows)[0].cells["harmless"]
    assert cell.interval() == (0.2, *wilson(180, 900)) and cell.side() == 0
    svg = tension({"tension": rows})
    assert title_of(svg) == drawing.NEUTRAL and "as if pairs were independent" in svg
    assert "one seed (2)" in svg and not dots(svg, 2)


def test_without_a_truth_the_labels_are_told():
    rows = [{**row, "harmless truth": None} for row in tension_rows()]
    assert drawing.known(tension_rows()) == "truth" and drawing.known(rows) == "labels"
    svg = tension({"tension": rows})
    assert "Right: by their labels." in svg and "65.0 %" in words(svg)


def test_nothing_is_kept_of_what_nobody_has():
    rows = tension_rows()
    for missing in MATRIX:
        assert drawing.kept([row for row in rows if row["arm"] != missing]) == []
    assert drawing.kept(tension_rows({"reward_help": (0.0, 0.2)}, apart=0)) == []


def test_an_interval_stays_within_the_panel():
    cell = drawing.Cell([0.99, 0.95, 1.0], 900)
    assert cell.interval()[2] == 1.0 and drawing.Cell([0.0, 0.05], 900).interval()[1] == 0.0
