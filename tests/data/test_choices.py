"""Layouts of multiple-choice questions, told apart by their content, and what is refused."""

import json

import pytest

from data.choices import read_choices
from plumbing.errors import BadInput

WANTED = {"question": "Which is hot?", "choices": ["ice", "fire"], "answer": 1}
ARC = {"text": ["ice", "fire"], "label": ["1", "2"]}
STEM = {
    "stem": "Which is hot?",
    "choices": [{"text": "ice", "label": "A"}, {"text": "fire", "label": "B"}],
}
LAYOUTS = {
    "index": {"question": "Which is hot?", "choices": ["ice", "fire"], "answer": 1},
    "letter": {"question": "Which is hot?", "choices": ["ice", "fire"], "answer": "B"},
    "text": {"question": " Which is hot? ", "choices": ["ice", "fire"], "answer": "fire"},
    "arc": {"id": "x", "question": "Which is hot?", "choices": ARC, "answerKey": "2"},
    "arc, nested": {"question": STEM, "answerKey": "B"},
    "hhh": {"input": "Which is hot?", "targets": {"choices": ["ice", "fire"], "labels": [0, 1]}},
    "bigbench": {"input": "Which is hot?", "target_scores": {"ice": 0, "fire": 1}},
}


def written(tmp_path, *rows):
    path = tmp_path / "questions"  # its name tells nothing
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_one_schema(layout, tmp_path):
    assert read_choices(written(tmp_path, LAYOUTS[layout])) == [WANTED]


def test_mmlus_table_has_no_header(tmp_path):
    path = tmp_path / "q"
    path.write_text('"Which, of\nthese, is hot?",ice,fire,a,b,B\nTwo?,1,2,3,4,B\n', "utf-8")
    first, second = read_choices(path)
    assert first["question"] == "Which, of\nthese, is hot?" and first["answer"] == 1
    assert second == {"question": "Two?", "choices": ["1", "2", "3", "4"], "answer": 1}


def test_examples_of_bigbench_stand_in_a_list(tmp_path):
    path = written(tmp_path, {"name": "hhh", "examples": [LAYOUTS["bigbench"]]})
    assert read_choices(path) == [WANTED]


@pytest.mark.parametrize(
    "change, said",
    [
        ({"answer": 2}, "the answer 2 is none of the 2 choices"),
        ({"answer": True}, "the answer True is none"),
        ({"answer": "C"}, "expected its index from 0, its label (A, B) or its text"),
        ({"choices": ["fire"], "answer": 0}, "choices: 1; expected at least 2"),
        ({"choices": ["", "fire"]}, "choice 1 is empty"),
        ({"choices": "fire"}, "'choices': expected a list of texts"),
        ({"choices": [1, "fire"]}, "'choices': expected a list of texts, found a number"),
        ({"question": 3}, "'question': expected text"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(change, said, tmp_path):
    path = written(tmp_path, WANTED, {**WANTED, **change})
    with pytest.raises(BadInput) as error:
        read_choices(path)
    assert f"{path}, line 2: " in str(error.value) and said in str(error.value)


def test_a_key_that_names_no_choice(tmp_path):
    path = written(tmp_path, {**LAYOUTS["arc"], "answerKey": "B"})
    with pytest.raises(BadInput, match="line 1: 'answerKey': 'B' is none of the labels 1, 2"):
        read_choices(path)


@pytest.mark.parametrize("labels", [[1], [0, 0], [0, 2], [[1], 0], ["1", "0"]])
def test_labels_that_name_no_choice(tmp_path, labels):
    path = written(tmp_path, {"input": "x", "targets": {"choices": ["a", "b"], "labels": labels}})
    with pytest.raises(BadInput, match="line 1: 'targets': 2 choices and the labels"):
        read_choices(path)


def test_a_table_of_other_columns(tmp_path):
    path = tmp_path / "q"
    path.write_text("Two?,1,2,3,4,B\nThree?,1,2,B\n", "utf-8")
    with pytest.raises(BadInput, match="line 2: expected JSON, or MMLU's CSV .columns: 4"):
        read_choices(path)


def test_what_has_no_one_answer_is_left_out_and_counted(tmp_path):
    both = {"input": "Which?", "target_scores": {"a": 1, "b": 1}}
    found = read_choices(written(tmp_path, LAYOUTS["bigbench"], both))
    assert found == [WANTED] and found.skipped == {"several choices are right": 1}
    both = {"input": "Which?", "targets": {"choices": ["a", "b"], "labels": [1, 1]}}
    found = read_choices(written(tmp_path, LAYOUTS["hhh"], both))
    assert found == [WANTED] and found.skipped == {"several choices are right": 1}
