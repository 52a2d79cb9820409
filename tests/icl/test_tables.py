"""Tables of records: what is pivoted comes out in the records' order, gaps stay empty."""

import pytest

from icl.tables import grouped, pivot, points, print_beside, read, share, spread, where
from plumbing.records import wilson

RECORDS = [
    {"task": "b", "n": 0, "acc": 0.25, "half": 0.125},
    {"task": "b", "n": 4, "acc": 0.5, "half": 0.25},
    {"task": "a", "n": 4, "acc": None, "half": 1.0},
]


def test_a_cell_is_a_field_a_text_or_a_function():
    assert read(RECORDS[0], "acc") == 0.25
    assert read(RECORDS[0], "{task}: {acc:.1f}") == "b: 0.2"
    assert read(RECORDS[0], lambda r: r["n"] + 1) == 1
    assert read(RECORDS[0], points("acc")) == "25.0" and read(RECORDS[2], points("acc")) == ""


def test_pivot_keeps_the_order_of_the_records():
    table = pivot(RECORDS, "task", "n", "half")
    assert table == {"b": {0: 0.125, 4: 0.25}, "a": {4: 1.0}}
    assert list(table) == ["b", "a"]
    assert spread(RECORDS[1:], "task", {"half": "half", "n": "n={n}"}) == {
        "b": {"half": 0.25, "n": "n=4"},
        "a": {"half": 1.0, "n": "n=4"},
    }


def test_tables_are_printed_side_by_side(capsys):
    """Names of several words fill several columns; two columns of different tables may be alike."""

    def row(r):
        return r["task"], "x"

    left = pivot(RECORDS, row, "n", "half")
    right = spread(where(RECORDS, n=4), row, {"4": "half", "%": points("acc")})
    print_beside("Title", ("task", "kind"), left, right)
    assert capsys.readouterr().out.splitlines() == [
        "",
        "Title",
        "  task  kind      0      4      4     %",
        "  b        x  0.125  0.250  0.250  50.0",
        "  a        x         1.000  1.000",
    ]


def test_records_are_chosen_and_grouped_by_their_fields():
    assert where(RECORDS, task="b", n=4) == RECORDS[1:2] and where(RECORDS, m=4) == []
    assert grouped(RECORDS, "task", "n")["b", 4] == RECORDS[1:2]
    assert list(grouped(RECORDS, "task")) == [("b",), ("a",)]


def test_a_share_has_its_interval():
    found = share([True, False, True, True])
    assert found["acc"] == 0.75
    assert (found["low"], found["high"]) == pytest.approx(wilson(3, 4))
