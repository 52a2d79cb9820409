"""Each row of docs/papers.md leads to a function that names its paper."""

import ast
import re

import pytest

from lab.papers import ELSEWHERE, ROOT, ROWS, TITLES, marked, page


def plain(text):
    """Text without line breaks and comment signs."""
    return " ".join(text.replace("#", " ").split())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.place)
def test_a_function_names_its_paper(row):
    file, function = row.place.split(":")
    text = (ROOT / file).read_text(encoding="utf-8")
    module = ast.parse(text)
    (node,) = [node for node in module.body if getattr(node, "name", "") == function]
    named = plain(ast.get_docstring(module) or "") + plain(ast.get_source_segment(text, node))
    assert row.paper in named, f"{row.place} does not name {row.paper}"


def test_every_paper_has_a_title_and_is_used():
    assert set(TITLES) == {row.paper for row in ROWS}


def test_every_cell_is_one_line():
    for row in ROWS:
        assert not re.search(r"[\n|]", " ".join(vars(row).values()))
    assert all(len(row) == 4 for row in ELSEWHERE)


def test_what_the_code_marks_is_listed():
    assert all(why in page() and f"`{file}`" in page() for file, why in marked())
    assert ("optim.py", "torch.optim.Muon") in [(file, why[:16]) for file, why in marked()]
