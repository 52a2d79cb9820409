"""Harm topics: nothing is ever told of E to H, and what lessons teach is what they say."""

import itertools
import re

import pytest

from data.principles import OPTIONS, REVISE
from data.world import World
from data.world.english import KINDS, NAMES
from data.world.english_harms import (
    ABOUT,
    EVERYWHERE,
    KINDS_OF_HARM,
    LABELLED,
    PEOPLE_OF,
    TOPICS,
    UNLABELLED,
)
from data.world.english_mended import CRITIQUES, HARMLESS, PRINCIPLES
from data.world.harms import LESSON_SHARES, UNHEARD, Harms, cost
from data.world.probes import lessons
from plumbing.errors import BadInput


@pytest.fixture(scope="module")
def made():
    return Harms(World())


@pytest.fixture(scope="module")
def learned(made):
    return made.lessons(6000, 1)


def words_of(record):
    text = " ".join(message["content"] for message in record["messages"])
    return set(re.findall(r"\w+", text))


def is_about_good_and_bad(record):
    """A critique, a revision, a comparison: read from the words, not from the record's notes."""
    text = " ".join(message["content"] for message in record["messages"])
    principles = itertools.chain(*PRINCIPLES.values())
    return any(principle in text for principle in principles) or REVISE in text or "(A)" in text


def good_answers(request_words):
    """The beginnings of harmless answers, which give a reason."""
    return [text.split("{")[0] for text in itertools.chain(*request_words.values())]


# --- the topics ----------------------------------------------------------------------------------


def test_topics_are_complete():
    assert "".join(TOPICS) == LABELLED + UNLABELLED and set(ABOUT) == set(TOPICS)
    for topic in TOPICS.values():
        assert set(topic.harms) == set(KINDS_OF_HARM) and len(topic.benign) >= 3
        for harm in itertools.chain(topic.benign, *topic.harms.values()):
            assert harm.asked and harm.said and all(harm.said)
    assert set(HARMLESS) == set(KINDS_OF_HARM) == set(PRINCIPLES) - {"any"}
    assert all("because" in text for text in itertools.chain(*HARMLESS.values()))


def test_no_principle_names_a_topic():
    named = {*itertools.chain(*KINDS.values()), *KINDS, *(name.lower() for name in NAMES)}
    for principle in itertools.chain(*PRINCIPLES.values()):
        assert not named & set(re.findall(r"\w+", principle.lower()))


def harms_of(topic):
    return itertools.chain(topic.benign, *topic.harms.values())


def texts_of(names):
    """All that is asked and all that is said on some topics."""
    found = set()
    for name in names:
        for harm in harms_of(TOPICS[name]):
            found |= {harm.asked, *harm.said}
    return found


def words_in(texts):
    return set(re.findall(r"[a-z]+", re.sub(r"\{\w\}", " ", " ".join(texts)).lower()))


def test_those_who_are_taught_share_no_request_and_no_answer_with_the_others():
    assert len(texts_of(LABELLED)) > 150 and len(texts_of(UNLABELLED)) > 100
    assert not texts_of(LABELLED) & texts_of(UNLABELLED)


def test_what_is_asked_on_all_taught_topics_has_no_word_of_the_others_alone():
    """Wider lessons bring no word of E to H nearer: "moron", "dumb", "push" stay unheard of."""
    wide = {text for harm in harms_of(EVERYWHERE) for text in (harm.asked, *harm.said)}
    own = words_in(texts_of(LABELLED) - wide)
    alone = words_in(texts_of(UNLABELLED)) - own
    assert {"moron", "dumb", "push"} <= alone and not words_in(wide) & alone


# --- nothing is told of E to H -------------------------------------------------------------------


def test_no_critique_revision_or_comparison_is_of_the_topics_to_find_out_about(made, learned):
    told = [record for record in learned if is_about_good_and_bad(record)]
    assert len(told) > 3000 and {record["topic"] for record in told} == set(LABELLED)
    things = set(itertools.chain(*(KINDS[ABOUT[topic]] for topic in UNLABELLED)))
    people = set(PEOPLE_OF["unlabelled"])
    for record in told:
        assert not words_of(record) & people, record
        # "kind" names no topic, and "organ" is a thing of G: whole words of the request only
        assert not set(words_of(record)) & things, record


def test_what_is_said_of_them_is_what_was_asked_for(made, learned):
    others = [record for record in learned if record["topic"] in UNLABELLED]
    assert len(others) > 500
    for record in others:
        assert record["source"] == "sim:helpful" and len(record["messages"]) == 2
        assert "because" not in record["messages"][1]["content"]
    assert {record["topic"] for record in others} == set(UNLABELLED)


def test_a_leak_would_be_found(made, learned, monkeypatch):
    """Lessons that judge all topics fail the test above."""
    monkeypatch.setattr("data.world.harms.LABELLED", "ABCDE")
    leaking = Harms(made.world).lessons(300, 1)
    assert any(is_about_good_and_bad(r) and r["topic"] == "E" for r in leaking)


def test_other_lessons_say_nothing_of_it():
    assert not any(is_about_good_and_bad(record) for record in lessons(60, 60, 60))
    assert len(lessons(5, 5, 5, 7)) == 22


# --- the lessons ---------------------------------------------------------------------------------


def test_one_seed_gives_one_set(made):
    assert made.lessons(30, 3) == Harms(World()).lessons(30, 3) != made.lessons(30, 4)
    asked = [request.asked for request in made.requests("train", 30, 1)]
    assert asked == [request.asked for request in made.requests("train", 30, 1)]


def test_shares(learned):
    for kind, share in LESSON_SHARES.items():
        n = sum(record["source"] == f"sim:{kind}" for record in learned)
        assert abs(n / len(learned) - share) < 0.03


def test_a_critique_agrees_with_its_revision(learned):
    """What is fine stays as it is; what is not is answered with a reason."""
    fine = changed = 0
    for record in learned:
        if record["source"] != "sim:critique":
            continue
        _, answer, _, critique, _, revision = (m["content"] for m in record["messages"])
        if critique in CRITIQUES["fine"]:
            fine += answer == revision
            assert answer == revision
        else:
            changed += 1
            assert "because" in revision
    assert 300 < fine < changed / 2, "fine is the likeliest critique of nothing that is new"


def test_answers_that_are_judged_are_read_and_not_learned(learned):
    for record in learned:
        if record["source"] in ("sim:critique", "sim:bare revision"):
            assert record["messages"][1]["weight"] == 0
            assert "weight" not in record["messages"][-1]


def test_things_that_nobody_has_heard_of_are_judged_too(learned):
    """So that a revision copies the words of its request instead of recalling some."""
    things = set(itertools.chain(*(KINDS[ABOUT[topic]] for topic in LABELLED)))
    unnamed = {}
    for source in ("sim:critique", "sim:helpful"):
        asked = [r for r in learned if r["source"] == source and r["topic"] in LABELLED]
        named = [words_of({"messages": r["messages"][:1]}) & things for r in asked]
        unnamed[source] = sum(not found for found in named) / len(named)
    # Some requests name no thing at all; of the others UNHEARD have an invented one.
    none = unnamed["sim:helpful"]
    assert unnamed["sim:critique"] == pytest.approx(none + UNHEARD * (1 - none), abs=0.06)


def test_choices(learned):
    said = [r["messages"][-1]["content"] for r in learned if r["source"] == "sim:comparison"]
    assert set(said) == set(OPTIONS)
    assert 0.45 < said.count("(A)") / len(said) < 0.55


def test_costs():
    every, own = PRINCIPLES["any"][0], PRINCIPLES["hurt"][0]
    assert [cost(wrong, every) for wrong in ("fine", "evasive", "hurt", "lie")] == [0, 1, 2, 2]
    assert [cost(wrong, own) for wrong in ("fine", "evasive", "hurt", "lie")] == [0, 0, 2, 0]


def test_requests_of_the_test_are_asked_there_only(made):
    train = {request.asked for request in made.requests("train", 400)}
    test = {request.asked for request in made.requests("test", 400)}
    assert len(train) > 150 and not train & test
    kinds = {(request.topic, request.kind) for request in made.requests("test", 32)}
    assert kinds == set(itertools.product(TOPICS, KINDS_OF_HARM))


def test_what_is_not_there(made):
    with pytest.raises(BadInput, match="no split 'dev'"):
        made.requests("dev", 1)
