"""Lessons of evidence in Korean: lines, particles, what is held out, and the facts that both hold."""

import re

import pytest

from data.knowledge import FILE, NOTHING_KOREAN, Knowledge, line_of, read_knowledge
from data.particles import FORMS, form
from data.world import world_named
from data.world.evidence import KINDS, SEARCHED, lessons, questions
from data.world.inventory import facts_of, wordings_of
from data.world.languages import ENGLISH, KOREAN
from data.world.probes import lessons as all_lessons


@pytest.fixture(scope="module")
def world():
    return world_named("world_ko")


@pytest.fixture(scope="module")
def learned(world):
    return lessons(world, 1200)


def searched(records):
    return [m for record in records for m in record["messages"] if "search" in m]


def test_a_line_is_a_sentence_with_its_particles():
    assert line_of("닥스", "색", "빨간색") == "닥스의 색은 빨간색이에요."
    assert line_of("미나", "가격", "4711") == "미나의 가격은 4711이에요."
    assert line_of("Tom", "나이", "7") == "Tom의 나이는 7이에요."
    assert line_of("북", "위치", "가게") == "북의 위치는 가게예요."


@pytest.mark.parametrize("query", ["닥스의 색", " 닥스의  색? ", "닥스 색", "<닥스의 색>"])
def test_signs_and_blanks_do_not_matter(query):
    known = Knowledge(
        [("닥스", "색", "빨간색"), ("의자", "색", "갈색"), ("the dax", "colour", "red")]
    )
    assert known.look_up(query) == "닥스의 색은 빨간색이에요."
    assert known.look_up("의자의 색") == "의자의 색은 갈색이에요."
    assert known.look_up("dax colour") == "The colour of the dax is red."
    assert known.look_up("딱스의 색") == known.look_up("색의 닥스") == NOTHING_KOREAN


def test_the_file_of_facts_holds_korean_ones():
    lines = list(read_knowledge(FILE).lines.values())
    korean = [line for line in lines if re.search("[가-힣]", line)]
    assert len(korean) > 20 and all(line.endswith(("이에요.", "예요.")) for line in korean)


def test_tables_are_parallel():
    for name in ("OF_THINGS", "OF_PERSONS", "WORLD_VALUES"):
        assert len(getattr(KOREAN, name)) == len(getattr(ENGLISH, name)), name
    assert KOREAN.WORLD_VALUES.keys() == ENGLISH.WORLD_VALUES.keys()
    assert {*KOREAN.PLAINLY} <= {*KOREAN.OF_PERSONS} and len(KOREAN.PLAINLY) == len(ENGLISH.PLAINLY)
    names = [*KOREAN.OF_THINGS, *KOREAN.OF_PERSONS]
    assert all(re.fullmatch("[가-힣]+", name) for name in names)  # a line is read word by word


def test_things_and_persons_have_no_name_in_common(world):
    for split in ("train", "dev", "test"):
        assert not {*world.wordings["THINGS"][split]} & {*world.wordings["PEOPLE"][split]}


def test_about_half_of_the_questions_are_looked_up(learned):
    answers = [m for record in learned for m in record["messages"] if m["role"] == "assistant"]
    assert 0.45 < len(searched(learned)) / len(answers) < 0.6


def test_a_line_is_what_the_mechanism_would_insert(learned):
    for record in learned:
        facts, messages = [], searched([record])
        for message in messages:
            assert message["search"] in message["result"] or message["result"] == NOTHING_KOREAN
            if message["result"] != NOTHING_KOREAN:
                facts.append(tuple(KOREAN.names_in(message["result"])))
        known = Knowledge(facts)
        for message in messages:
            assert known.look_up(message["search"]) == message["result"]


def test_particles_fit_names_that_nobody_has_ever_heard(learned):
    """Behind a new subject, its attribute and its value, in question, line and answer."""
    read = 0
    for record in learned:
        texts = [message["content"] for message in record["messages"]]
        assert not any(marker in text for marker in FORMS for text in texts)
        for message in searched([record]):
            names = KOREAN.names_in(message["result"])
            for text in (message["result"], message["content"]):
                for name in names:
                    for marker, forms in FORMS.items():
                        if marker not in ("(이)", "(이)었", "아(야)"):
                            said = "|".join(forms)
                            ends = rf"(?<!\w){re.escape(name)}({said})(?!\w)"
                            for found in re.findall(ends, text):
                                read += 1
                                assert found == form(marker, name), text
    assert read > 2000


def test_what_is_held_out_is_in_no_lesson(world, learned):
    queried = {message["search"].split("의 ")[-1] for message in searched(learned)}
    words = {
        word for r in learned for m in r["messages"] for word in KOREAN.split_words(m["content"])
    }
    for split in ("dev", "test"):
        prompts, facts = questions(world, 30, split=split)
        known = Knowledge(facts)
        assert [prompt["kind"] for prompt in prompts] == [*KINDS] * 30
        held = {fact for pool in facts_of(KOREAN).values() for fact in pool[split]}
        assert len(held) >= 3 and not held & queried
        new = {
            p["subject"] for p in prompts if p["kind"] in ("new thing", "new person", "new kind")
        }
        assert len(new) > 60 and not new & words
        for texts in wordings_of(KOREAN).values():
            assert not {*texts[split]} & {*texts["train"], *texts["known"]}
        for prompt in prompts:
            assert bool(prompt["query"]) == (prompt["kind"] in SEARCHED)
            if prompt["query"]:
                names = KOREAN.names_in(known.look_up(prompt["query"]))
                assert names[-1:] == [prompt["value"]] * bool(prompt["value"])
            if prompt.get("memory"):
                assert world.facts[prompt["subject"]][prompt["attribute"]] == prompt["memory"]
                assert (prompt["memory"] == prompt["value"]) == (prompt["kind"] == "agreement")


def test_a_word_of_time_stands_before_the_question():
    assert KOREAN.in_time("램프는 무슨 색이에요?", "지금") == "지금 램프는 무슨 색이에요?"
    assert KOREAN.in_time("저기, 램프의 색은요?", "요즘") == "저기, 요즘 램프의 색은요?"
    assert KOREAN.in_time("음표의 색은요?", "요즘") == "요즘 음표의 색은요?"


def test_with_evidence_all_that_the_world_does_not_hold_is_looked_up(world):
    records = all_lessons(5, 300, n_evidence=3, world=world)
    found = searched(records[:-3])
    assert len(records) == 308 and len(found) > 15
    assert {message["result"] for message in found} == {NOTHING_KOREAN}
