"""What can be looked up: any query has an answer, and a file that contradicts itself is refused."""

import re
import unicodedata

import pytest

from data.knowledge import (
    FILE,
    LONGEST,
    NOTHING,
    Knowledge,
    line_of,
    main,
    open_lookup,
    read_knowledge,
)
from data.world import World, world_named
from data.world.tasks import stable_hash
from plumbing.errors import BadInput
from tokenizer import Tokenizer


@pytest.fixture
def known():
    return Knowledge([("the dax", "colour", "red"), ("Björn", "phone", "4711")])


def written(tmp_path, text):
    path = tmp_path / "facts.tsv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return path


def test_a_line_is_a_sentence():
    assert line_of("the dax", "colour", "red") == "The colour of the dax is red."
    assert line_of("Mina", "home", "the barn") == "The home of Mina is the barn."


@pytest.mark.parametrize(
    "query",
    ["dax colour", "  The DAX\tcolour ", "the dax's colour?", "dax, colour", "Dax’s colour"]
    + ["the colour of the dax", " Colour of Dax."],
)
def test_capitals_signs_and_blanks_do_not_matter(known, query):
    assert known.look_up(query) == "The colour of the dax is red."


def test_a_letter_in_two_parts_is_the_same_letter(known):
    parts = unicodedata.normalize("NFD", "björn phone")
    assert parts != "björn phone" and known.look_up(parts) == "The phone of Björn is 4711."


@pytest.mark.parametrize(
    "query",
    [
        "",
        " ",
        "dax",
        "colour dax",
        "the dax of colour",
        "of",
        " of of ",
        "daxcolour",
        "dax colour red",
        "\0",
        "�",
        "\ud800",
        "ﷺ" * 400,
    ]
    + ["dax " * 250_000, "x" * 10**6, "<|search|>", "\n\n"],
)
def test_any_other_query_is_answered_in_one_line(known, query):
    assert known.look_up(query) == NOTHING


def test_a_file_is_read(tmp_path):
    text = "# a note\r\n\r\nthe dax\tcolour\tred\r\nMina \t home\tthe  barn\nMina\thome\tthe barn\n"
    known = read_knowledge(written(tmp_path, text))
    assert known.look_up("dax colour") == "The colour of the dax is red."
    assert known.look_up("mina home") == "The home of Mina is the barn."


@pytest.mark.parametrize(
    "text, says",
    [
        ("the dax\tcolour\n", "line 1: expected subject, attribute, value"),
        ("# note\nthe dax colour red\n", "line 2: expected subject"),
        ("the dax\tcolour\tred\tblue\n", "found 4 columns"),
        ("the dax\t \tred\n", "line 1: the attribute is empty"),
        ("the\tcolour\tred\n", "line 1: the subject is empty"),
        ("the dax\tcolour\t\n", "line 1: the value is empty"),
        ("the dax\tcolour\tred\n\nDAX\tColour\tblue\n", "line 3: the Colour of DAX is 'blue' here"),
        ("the dax\tcolour\tred\n\nDAX\tColour\tblue\n", "'red' in line 1"),
        (f"the dax\tcolour\t{'red' * LONGEST}\n", "line 1: "),
        ("# only a note\n", "holds no fact"),
        ("", "is empty"),
        (b"the d\xffx\tcolour\tred\n", "line 1"),
    ],
)
def test_what_is_no_fact_is_named(tmp_path, text, says):
    path = written(tmp_path, text)
    with pytest.raises(BadInput) as error:
        read_knowledge(path)
    assert str(path) in str(error.value) and says in str(error.value)
    assert "\n" not in str(error.value)


def test_the_file_that_comes_with_it_tells_of_what_no_text_holds():
    """Its new things and persons are of the test split, or nobody has named them; what is told of
    things of the world is nothing that the pretraining text says."""
    worlds = {"english": World(), "korean": world_named("world_ko")}
    lines = [line for line in FILE.read_text(encoding="utf-8").splitlines() if line[0] != "#"]
    facts = [line.split("\t") for line in lines]
    known = read_knowledge()
    assert len(known.lines) == len(facts) > 40
    told = {"english": 0, "korean": 0}
    for subject, attribute, value in facts:
        name = subject.removeprefix("the ")
        assert known.look_up(f"{name} {attribute}") == line_of(subject, attribute, value)
        language = "korean" if re.search("[가-힣]", attribute) else "english"
        world = worlds[language]
        strangers = {*world.wordings["THINGS"]["test"], *world.wordings["PEOPLE"]["test"]}
        keys = {named: key for key, named in world.language.NAMED.items()}
        if name in world.facts:
            told[language] += 1
            known_as = world.facts[name].get(keys.get(attribute))
            assert known_as not in (value, value.removeprefix("the ")), subject
        else:
            invented = name not in world.known and stable_hash(name) % 10 < 2
            assert name in strangers or invented, name
    assert 5 <= min(told.values()) and sum(told.values()) < len(facts) / 2


def test_one_query_from_the_command_line(tmp_path, capsys):
    main(["BLIRG colour"])
    main(["dax colour", str(written(tmp_path, "the dax\tcolour\tgreen\n"))])
    said = capsys.readouterr().out.splitlines()
    assert said == ["The colour of the blirg is red.", "The colour of the dax is green."]
    for argv in ([], ["a", "b", "c"]):
        with pytest.raises(BadInput):
            main(argv)


def test_a_file_with_a_korean_name_however_that_is_spelt(tmp_path, capsys):
    parts = unicodedata.normalize("NFD", "사실.tsv")
    written(tmp_path, unicodedata.normalize("NFD", "닥스\t색\t빨간색\n")).rename(tmp_path / parts)
    for name in ("사실.tsv", parts):
        main(["닥스의 색", str(tmp_path / name)])
    assert capsys.readouterr().out == "닥스의 색은 빨간색이에요.\n" * 2


def test_facts_of_which_a_model_sees_the_beginning_are_told(tmp_path, capsys):
    tokenizer = Tokenizer.train("the colour of is red", 256 + 5).with_evidence()
    path = written(tmp_path, "닥스\t색\t빨간색\n닥스\t곳\t" + "산" * 30 + "\n")
    open_lookup(str(path), tokenizer, "a model")
    said = capsys.readouterr().out
    assert f"{path}: 1 of 2 facts are longer than 64 tokens and lose their end" in said
    assert "(the first: '닥스의 곳은 산산" in said
    path.write_text("the dax\tcolour\tred\n", encoding="utf-8")
    open_lookup(str(path), tokenizer, "a model")
    assert not capsys.readouterr().out
