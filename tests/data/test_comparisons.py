"""Comparisons of several files: kinds, weights, labels that are not sure, by hand and one bad line each."""

import json

import numpy as np
import pytest

from data import comparisons
from data.comparisons import clamped, kind_of, limits, load, of_kinds, soft_labels, weights
from data.formats import read_comparisons
from plumbing.errors import BadInput

TURN = [{"role": "user", "content": "Who?"}]
TWO = {"messages": TURN, "responses": ["a b", "c d"]}
FIRST = {**TWO, "ranking": [[0], [1]]}
SECOND = {**TWO, "ranking": [[1], [0]]}
TIE = {**TWO, "ranking": [[0, 1]]}


def write(path, *rows):
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


# --- p, as it is read ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "row",
    [
        {**FIRST, "p": 0.7},
        {**FIRST, "p": 1},
        {**FIRST, "p": 0.5},
        {**SECOND, "p": 0.0},
        {**SECOND, "p": 0.5},
        {**TIE, "p": 0.5},
    ],
)
def test_p_is_kept_where_it_fits_the_ranking(tmp_path, row):
    (read,) = read_comparisons(write(tmp_path / "a.jsonl", row))
    assert read == row and type(read["p"]) is float


@pytest.mark.parametrize("p, ranking", [(0.7, [[0], [1]]), (0.2, [[1], [0]]), (0.5, [[0, 1]])])
def test_p_alone_tells_the_order(tmp_path, p, ranking):
    (read,) = read_comparisons(write(tmp_path / "a.jsonl", {**TWO, "p": p}))
    assert read == {**TWO, "p": p, "ranking": ranking}


def test_a_pair_may_carry_p_and_its_kind(tmp_path):
    row = {"prompt": "Who?", "chosen": "a", "rejected": "b", "p": 0.8, "kind": "harmless"}
    (read,) = read_comparisons(write(tmp_path / "a.jsonl", row))
    assert (read["p"], read["kind"], read["responses"]) == (0.8, "harmless", ["a", "b"])
    (read,) = read_comparisons(write(tmp_path / "b.jsonl", {**row, "kind": "chat", "p": None}))
    assert not {"p", "kind"} & read.keys()  # another's note; null says nothing


BAD = [
    ({**FIRST, "p": 1.2}, r"'p': expected a probability from 0 to 1, found 1\.2"),
    ({**FIRST, "p": -0.1}, "'p': expected a probability"),
    ({**FIRST, "p": "0.7"}, "'p': expected a probability from 0 to 1, found '0.7'"),
    ({**FIRST, "p": True}, "'p': expected a probability from 0 to 1, found True"),
    ({**FIRST, "p": 0.3}, "'p': response 0 is the better with 0.3, but 'ranking' puts response 0"),
    ({**SECOND, "p": 0.6}, "'p': response 0 is the better with 0.6, but 'ranking' puts response 1"),
    ({**TIE, "p": 0.6}, "'p': response 0 is the better with 0.6, but 'ranking' ties the two"),
    (
        {**TWO, "responses": ["a", "b", "c"], "ranking": [[0], [1], [2]], "p": 0.9},
        "'p': how likely response 0 is the better of two; found 3 responses",
    ),
    ({"messages": TURN, "responses": ["a", "b", "c"], "p": 0.9}, "found 3 responses"),
    ({"prompt": "Who?", "chosen": "a", "rejected": "b", "p": 0.4}, "puts response 0 first"),
    ({**FIRST, "kind": "harmles"}, "'kind': expected helpful or harmless, found 'harmles'"),
]


@pytest.mark.parametrize("row, words", BAD)
def test_a_bad_label_is_one_line_with_its_place(tmp_path, row, words):
    good = {**row, "p": None, "kind": None}
    if "ranking" not in good and "chosen" not in good:
        good["ranking"] = [[0], [1], [2]]
    path = write(tmp_path / "a.jsonl", good, row)
    with pytest.raises(BadInput, match=rf"a\.jsonl, line 2: {words}" if words[0] == "'" else words):
        read_comparisons(path)


# --- labels and weights by hand ------------------------------------------------------------------


def test_labels_and_weights_by_hand():
    records = [FIRST, {**FIRST, "p": 0.75, "kind": "harmless"}, {**TIE, "kind": "helpful"}]
    p = soft_labels(records)
    assert np.isnan(p[[0, 2]]).all() and p[1] == 0.75 and p.dtype == np.float32
    assert weights(records, 10.0).tolist() == [1, 10, 1]


@pytest.mark.parametrize("source", ["ai", "oracle critic"])
def test_the_clamp_by_hand(source):
    ai = [{**row, "source": source} for row in (FIRST, SECOND, TIE, {**FIRST, "p": 0.55})]
    people = [{**FIRST, "source": "human"}, {**FIRST, "p": 0.9}]
    found = clamped([*ai, *people], "0.4,0.6", "a.jsonl")
    assert [record.get("p") for record in found] == [0.6, 0.4, None, 0.55, None, 0.9]
    assert found[0]["ranking"] == [[0], [1]] and "p" not in ai[0]  # the order stays
    assert clamped(ai, "", "a.jsonl") is ai
    many = {**TWO, "responses": ["a", "b", "c"], "ranking": [[0], [1, 2]], "source": "ai"}
    with pytest.raises(BadInput, match="an AI's ranking of 3 responses"):
        clamped([many], "0.4,0.6", "a.jsonl")


@pytest.mark.parametrize(
    "clamp", ["0.4", "0.6,0.4", "0.6,0.9", "0.1,0.2", "-0.1,0.6", "0.4,1.1", "a,b"]
)
def test_limits_have_one_half_between_them(clamp):
    with pytest.raises(BadInput, match=f"--clamp={clamp}: expected"):
        limits(clamp)


# --- kinds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path, kind",
    [
        ("hh_harmless-base_test.jsonl.gz", "harmless"),
        ("harmless-base/test.jsonl.gz", "harmless"),
        ("Helpful-online/train.jsonl", "helpful"),
        ("helpful/harmless.jsonl", "harmless"),  # the file's own name first
        ("helpful_harmless.jsonl", ""),
        ("helpful/both_harmless_helpful.jsonl", ""),
        ("a/b.jsonl", ""),
        ("helpful/a/b.jsonl", ""),
    ],
)
def test_the_name_tells_the_kind(tmp_path, path, kind):
    assert kind_of(tmp_path / "x" / path) == kind


def test_several_files_in_one_list(tmp_path):
    help_, harm = tmp_path / "helpful.jsonl", tmp_path / "harmless-base" / "test.jsonl"
    paths = write(help_, FIRST, {**FIRST, "kind": "harmless"}), write(harm, SECOND)
    found = load(",".join(paths))
    assert [record["kind"] for record in found] == ["helpful", "harmless", "harmless"]
    found = load(",".join(paths), kind="harmless,helpful")  # what is typed goes before the name
    assert [record["kind"] for record in found] == ["harmless", "harmless", "helpful"]
    comma = write(tmp_path / "a,b.jsonl", FIRST)
    assert load(comma) == [FIRST] and load(comma, "helpful") == [{**FIRST, "kind": "helpful"}]


def test_a_kind_that_nothing_needs_is_refused(tmp_path):
    path = write(tmp_path / "a.jsonl", {**FIRST, "kind": "helpful"})
    with pytest.raises(BadInput, match="--kind=harmless: all records of .* --kinds=harmless"):
        load(path, "harmless")
    for kind in ("evil", "helpful,helpful", "helpful,"):
        with pytest.raises(BadInput, match=f"--kind={kind}: expected"):
            load(path, kind)


def test_kinds_to_learn_from(tmp_path):
    records = [{**FIRST, "kind": "helpful"}, {**FIRST, "kind": "harmless"}, FIRST]
    assert of_kinds(records, "", "a") is records
    assert of_kinds(records, "helpful", "a") == records[:1]
    assert of_kinds(records, "both", "a") == records[:2]
    with pytest.raises(
        BadInput, match="no harmless comparisons in a, but 1 of helpful, 1 of no kind"
    ):
        of_kinds(records[::2], "both", "a")
    with pytest.raises(BadInput, match="--harm_weight=2: none of the comparisons"):
        comparisons.check_weight(records[::2], 2.0, "a")
    comparisons.check_weight(records, 2.0, "a")


def test_hhs_own_file(shared):
    """The 2,312 pairs as they are: 5 with two different prompts, 4 with an empty reply are told."""
    path = shared / "data" / "preference" / "hh_harmless-base_test.jsonl.gz"
    if not path.exists():
        pytest.skip("no sample of HH beside the repository")
    records = load(str(path))
    assert {record["kind"] for record in records} == {"harmless"}
    assert len(records) == 2303
