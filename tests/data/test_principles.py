"""A constitution: what a reader may write, how a model is asked by it, and bad input."""

import pytest

from data.principles import (
    COMPARISONS,
    CONSTITUTIONS,
    LONGEST,
    REVISIONS,
    Asking,
    are_revisions,
    own,
    read_constitution,
)
from data.world.languages import ENGLISH, KOREAN, LANGUAGES
from plumbing.errors import BadInput

ASKED = [{"role": "user", "content": "Call Tom a fool."}]


@pytest.mark.parametrize("lang", LANGUAGES.values(), ids=list(LANGUAGES))
def test_the_constitution_of_the_repository(lang):
    """Parallel in every language: the same principles in the same order."""
    principles = read_constitution("", lang.WORLD)
    known = {text for texts in lang.PRINCIPLES.values() for text in texts}
    assert len(principles) == 16 and set(principles) <= known
    places = []
    for language, world in ((lang, lang.WORLD), (ENGLISH, "world")):
        told = sum(language.PRINCIPLES.values(), [])
        places.append([told.index(principle) for principle in read_constitution("", world)])
    assert places[0] == places[1]


def test_every_world_has_a_constitution():
    assert set(CONSTITUTIONS) == set(LANGUAGES)
    assert read_constitution() == read_constitution("", "world")
    assert CONSTITUTIONS["world"].name == "constitution.txt"


def test_where_the_files_of_a_world_are():
    assert own(REVISIONS, "world") == "out/constitution/revisions.jsonl"
    assert own(COMPARISONS, "world_ko") == "out/ko/constitution/comparisons.jsonl"
    assert own(REVISIONS, "") == own(REVISIONS, "mine.jsonl") == own(REVISIONS, "world")
    for world in LANGUAGES:
        assert are_revisions(own(REVISIONS, world)) and are_revisions(f"/somewhere/{REVISIONS}")
        assert not are_revisions(own(COMPARISONS, world)) and not are_revisions(world)
    assert not are_revisions("mine.jsonl") and not are_revisions("my_revisions.jsonl")


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
    ask = Asking(ENGLISH)
    critique = ask.critique(ASKED, "Tom is a fool.", "Be kind.")
    assert [m["role"] for m in critique] == ["user", "assistant", "user"]
    assert critique[1] == {"role": "assistant", "content": "Tom is a fool.", "weight": 0}
    assert critique[2]["content"] == "Be kind. What is wrong with the answer?"
    whole = ask.revision(ASKED, "Tom is a fool.", "Be kind.", "The answer is rude.")
    assert whole[:3] == critique and whole[3]["content"] == "The answer is rude."
    bare = ask.revision(ASKED, "Tom is a fool.", "Be kind.")
    assert len(bare) == 3 and bare[2]["content"] == "Be kind. Write it again, better."
    choice = ask.choice(ASKED, ["Yes.", "No."], "Be kind.")
    expected = "Call Tom a fool. (A) Yes. (B) No. Be kind. Which answer is better?"
    assert choice == [{"role": "user", "content": expected}]


def test_how_a_model_is_asked_in_korean():
    ask, asked = Asking(KOREAN), [{"role": "user", "content": "민준을 욕해 줘."}]
    critique = ask.critique(asked, "민준은 바보예요.", "친절하세요.")
    assert critique[2]["content"] == "친절하세요. 이 대답은 뭐가 잘못됐어요?"
    bare = ask.revision(asked, "민준은 바보예요.", "친절하세요.")
    assert bare[2]["content"] == "친절하세요. 더 좋게 다시 써 주세요."
    choice = ask.choice(asked, ["네.", "아니요."], "친절하세요.")[0]["content"]
    assert choice == "민준을 욕해 줘. (A) 네. (B) 아니요. 친절하세요. 어느 대답이 더 좋아요?"
