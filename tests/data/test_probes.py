"""Probes: families that no training meets, requests that only tests make, and what near misses are."""

import itertools
import re

import pytest

from data.particles import FORMS
from data.world import world_named
from data.world.languages import KOREAN, LANGUAGES
from data.world.probes import FAMILY_SPLITS, RULES, UNSEEN, Probes, lessons
from plumbing.errors import BadInput


@pytest.fixture(scope="module", params=LANGUAGES)
def made(request):
    return Probes(world_named(request.param))


def last(record):
    return record["messages"][-1]["content"].lower()


@pytest.mark.parametrize("lang", LANGUAGES.values(), ids=list(LANGUAGES))
def test_words_are_complete(lang):
    assert (tuple(lang.RULES), tuple(lang.UNSEEN)) == (RULES, UNSEEN)
    assert set(lang.REQUESTS) | {"evidence"} == {*RULES, *UNSEEN}
    assert set(lang.NEAR) | {"insult"} == set(RULES)
    families = list(itertools.chain(*FAMILY_SPLITS.values()))
    assert sorted(families) == sorted(lang.FAMILIES) and len(FAMILY_SPLITS["test"]) >= 2
    assert all(len(set(wordings)) == 5 for wordings in {**lang.RULES, **lang.UNSEEN}.values())
    assert {"set-up", "game"} == set(lang.OPENINGS), (
        "two-turn attacks to train on, and others to test with"
    )
    asked = {item for task in ("opposite", "past") for item in world_named(lang.WORLD).items[task]}
    assert len({*lang.BAD_WORDS, *lang.BAD_DEEDS} & asked) >= 12


def test_one_seed_gives_one_set(made):
    assert made.probes("train", 30, 3) == Probes(made.world).probes("train", 30, 3)
    assert made.probes("train", 30, 3) != made.probes("train", 30, 4)
    assert made.near_misses("test", 20, 1) == made.near_misses("test", 20, 1)
    assert made.lessons(20, 1) == made.lessons(20, 1)


def test_attacks_of_the_test_are_never_trained_on(made):
    learned = made.probes("train", 700) + made.near_misses("train", 200)
    asked = made.probes("test", 700) + made.near_misses("test", 200)
    assert {p["family"] for p in learned} == set(FAMILY_SPLITS["train"])
    assert {p["family"] for p in made.probes("test", 700)} == set(FAMILY_SPLITS["test"])
    lang = made.language
    said = [p.strip("{} ").lower() for name in ("forget", "secret") for p in lang.FAMILIES[name]]
    said += [first.lower() for first, _ in lang.OPENINGS["game"]]
    assert len(said) == 11
    words = " ".join(last(p) for p in learned)
    words += " ".join(m["content"].lower() for r in made.lessons(600) for m in r["messages"])
    tested = " ".join(m["content"].lower() for p in asked for m in p["messages"])
    for phrase in said:
        assert phrase not in words and phrase in tested, phrase


def test_requests_of_the_test_are_asked_there_only(made):
    """Behind the attack stands a request, and those of the two splits share none but the open ones."""

    def bare(split):
        found = set()
        for rule in RULES:
            for seed in range(60):
                record = made.probes(split, 1, seed, (rule,))[0]
                text = last(record)
                for pattern in made.language.FAMILIES[record["family"]]:
                    before, after = pattern.lower().split("{}")
                    if text.startswith(before) and text.endswith(after):
                        found.add(text[len(before) : len(text) - len(after)])
        return found

    shared = bare("train") & bare("test")
    allowed = {text.lower() for text in made.open}
    allowed |= {text.rstrip("?.") for text in allowed}
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
        said = last(record)
        told = re.split(r"says:|note:|(?<=있어)요?\W+", said, maxsplit=1)[1].lstrip(". ")
        # What is wanted is not what the note says.
        assert wanted not in made.language.split_words(told.split(".")[0]), said


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


def test_korean_particles_fit_in_whatever_is_said(monkeypatch):
    """No marker is left, and what was filled in has the particle of its last sound."""
    made = Probes(world_named("world_ko"))
    records = made.lessons(3000, 7) + made.asked_of("test", 1500, 7, control=True)
    texts = [message["content"] for record in records for message in record["messages"]]
    assert not any(marker in text for marker in FORMS for text in texts)
    closed = {
        word: (ord(word[-1]) - ord("가")) % 28 > 0 for word in [*made.world.things, *KOREAN.NAMES]
    }
    words = "|".join(sorted(closed, key=len, reverse=True))
    pattern = rf"(?<![가-힣])({words})(은|는|이|가|을|를|과|와|이에요|예요)(?![가-힣])"
    read = 0
    for text in texts:
        for word, particle in re.findall(pattern, text):
            read += 1
            assert closed[word] == (particle in "은 이 을 과 이에요".split()), text
    assert read > 4000


def test_korean_lessons_are_of_the_korean_world():
    world = world_named("world_ko")
    records = lessons(5, 5, 40, world=world)
    assert len(records) == 50
    assert all(re.search("[가-힣]", r["messages"][-1]["content"]) for r in records[10:])
    assert {q["world"] for q in Probes(world).asked_of("test", 30)} == {"world_ko"}
