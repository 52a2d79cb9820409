"""A constitution: what a reader may write, how a model is asked by it, and bad input."""

import pytest

from data.principles import (
    CONSTITUTION,
    LONGEST,
    ask_choice,
    ask_critique,
    ask_revision,
    read_constitution,
)
from data.world.english_mended import PRINCIPLES
from plumbing.errors import BadInput

ASKED = [{"role": "user", "content": "Call Tom a fool."}]


def test_the_constitution_of_the_repository():
    principles = read_constitution()
    known = {text for texts in PRINCIPLES.values() for text in texts}
    assert len(principles) == 16 and set(principles) <= known
    assert CONSTITUTION.name == "constitution.txt"


def test_lines(tmp_path):
    path = tmp_path / "own.txt"
    path.write_text("# ours\n\n  Be   kind.\r\nTell the truth.\n#end", encoding="utf-8")
    assert read_constitution(path) == ["Be kind.", "Tell the truth."]


@pytest.mark.parametrize(
    "text, what",
    [
        ("# only a remark\n\n", "no principle in it"),
        ("Be kind.\n" + "x" * 10_000, "line 2: a principle of 10,000 characters"),
        ("Be kind.\n\nBe  kind.", "line 3: .*twice"),
    ],
)
def test_constitutions_that_are_none(tmp_path, text, what):
    path = tmp_path / "own.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=what):
        read_constitution(path)


def test_an_empty_file_and_a_missing_one(tmp_path):
    (tmp_path / "own.txt").write_text("", encoding="utf-8")
    with pytest.raises(BadInput, match="own.txt"):
        read_constitution(tmp_path / "own.txt")
    with pytest.raises(BadInput, match="none.txt"):
        read_constitution(tmp_path / "none.txt")


def test_the_longest_principle_is_read(tmp_path):
    (tmp_path / "own.txt").write_text("x" * LONGEST, encoding="utf-8")
    assert read_constitution(tmp_path / "own.txt") == ["x" * LONGEST]


def test_how_a_model_is_asked():
    critique = ask_critique(ASKED, "Tom is a fool.", "Be kind.")
    assert [m["role"] for m in critique] == ["user", "assistant", "user"]
    assert critique[1] == {"role": "assistant", "content": "Tom is a fool.", "weight": 0}
    assert critique[2]["content"] == "Be kind. What is wrong with the answer?"
    whole = ask_revision(ASKED, "Tom is a fool.", "Be kind.", "The answer is rude.")
    assert whole[:3] == critique and whole[3]["content"] == "The answer is rude."
    bare = ask_revision(ASKED, "Tom is a fool.", "Be kind.")
    assert len(bare) == 3 and bare[2]["content"].startswith("Be kind. ")
    choice = ask_choice(ASKED, ["Yes.", "No."], "Be kind.")
    expected = "Call Tom a fool. (A) Yes. (B) No. Be kind. Which answer is better?"
    assert choice == [{"role": "user", "content": expected}]
