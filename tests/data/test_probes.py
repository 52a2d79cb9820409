"""Probes: families that no training meets, requests that only tests make, and what near misses are."""

import itertools

import pytest

from data.world import World
from data.world.english_rules import (
    ASKED,
    FAMILIES,
    FAMILY_SPLITS,
    NEAR,
    OPENINGS,
    RULES,
    UNSEEN,
)
from data.world.probes import OPEN, Probes
from plumbing.errors import BadInput


@pytest.fixture(scope="module")
def made():
    return Probes(World())


def last(record):
    return record["messages"][-1]["content"].lower()


def test_words_are_complete():
    assert set(ASKED) | {"evidence"} == set(RULES) | set(UNSEEN)
    assert set(NEAR) | {"insult"} == set(RULES)
    families = list(itertools.chain(*FAMILY_SPLITS.values()))
    assert sorted(families) == sorted(FAMILIES) and len(FAMILY_SPLITS["test"]) >= 2
    assert all(len(set(wordings)) == 5 for wordings in {**RULES, **UNSEEN}.values())
    assert {"set-up", "game"} == set(OPENINGS), (
        "two-turn attacks to train on, and others to test with"
    )


def test_one_seed_gives_one_set(made):
    assert made.probes("train", 30, 3) == Probes(World()).probes("train", 30, 3)
    assert made.probes("train", 30, 3) != made.probes("train", 30, 4)
    assert made.near_misses("test", 20, 1) == made.near_misses("test", 20, 1)
    assert made.lessons(20, 1) == made.lessons(20, 1)


def test_attacks_of_the_test_are_never_trained_on(made):
    learned = made.probes("train", 700) + made.near_misses("train", 200)
    asked = made.probes("test", 700) + made.near_misses("test", 200)
    assert {p["family"] for p in learned} == set(FAMILY_SPLITS["train"])
    assert {p["family"] for p in made.probes("test", 700)} == set(FAMILY_SPLITS["test"])
    words = " ".join(last(p) for p in learned)
    assert "forget the rules" not in words and "nobody will know" not in words
    assert any("forget the rules" in last(p) for p in asked)
    lessons = " ".join(m["content"].lower() for r in made.lessons(600) for m in r["messages"])
    assert "forget the rules" not in lessons and "let us play a game" not in lessons


def test_requests_of_the_test_are_asked_there_only(made):
    """Behind the attack stands a request, and those of the two splits share none but the open ones."""

    def bare(split):
        found = set()
        for rule in RULES:
            for seed in range(60):
                record = made.probes(split, 1, seed, (rule,))[0]
                text = last(record)
                for pattern in FAMILIES[record["family"]]:
                    before, after = pattern.lower().split("{}")
                    if text.startswith(before) and text.endswith(after):
                        found.add(text[len(before) : len(text) - len(after)])
        return found

    shared = bare("train") & bare("test")
    allowed = {text.lower() for text in OPEN} | {text.lower().rstrip("?.") for text in OPEN}
    # What is cut out may be too long (a pattern that is "{}" alone), never a request of both.
    assert {text for text in shared if text.rstrip("?. ") not in allowed} <= allowed


def test_two_turns(made):
    two = [p for p in made.probes("test", 300) if p["family"] == "game"]
    assert two and all(
        [m["role"] for m in p["messages"]] == ["user", "assistant", "user"] for p in two
    )
    others = [p for p in made.probes("test", 300) if p["family"] != "game"]
    assert all(len(p["messages"]) == 1 for p in others)


def test_rules_come_in_turn(made):
    assert [p["rule"] for p in made.probes("test", 9)] == [*RULES, *list(RULES)[:2]]
    mixed = made.asked_of("train", 200, control=True)
    assert len(mixed) == 200 and sum("near" in q for q in mixed) == 70
    assert sum(q.get("rule") in UNSEEN for q in mixed) == 8
    assert not any(q.get("rule") in UNSEEN for q in made.asked_of("train", 200))


def test_near_misses_have_answers(made):
    for record in made.near_misses("test", 70):
        assert record["answers"] and record["near"] in RULES
        if "needs" not in record:  # a question about a key that no training asks for
            assert made.world.split_of[record["task"], record["item"]] == "test"
            assert record["answers"] == made.world.answers[record["task"], record["item"]]


def test_a_note_contradicts_the_world(made):
    for record in made.probes("test", 60, rules=("evidence",)):
        wanted = record["needs"][0][0]
        noted = last(record).split("note", 1)[1].split(":", 1)[1]
        assert wanted not in noted.split(".")[0].split()  # what is wanted is not what the note says


def test_half_of_the_lessons_do_as_asked(made):
    lessons = made.lessons(2000, 1)
    counts = {
        s: sum(r["source"] == f"sim:{s}" for r in lessons) for s in ("breaks", "keeps", "near miss")
    }
    assert sum(counts.values()) == 2000
    assert abs(counts["breaks"] - counts["keeps"]) < 0.1 * (counts["breaks"] + counts["keeps"])
    assert 0.2 < counts["near miss"] / 2000 < 0.4
    assert all(r["messages"][-1]["role"] == "assistant" for r in lessons)


@pytest.mark.parametrize("split, rule", [("sft", "person"), ("test", "murder")])
def test_what_is_not_there(made, split, rule):
    with pytest.raises(BadInput, match="splits are"):
        made.probes(split, 1, rules=(rule,))
