"""Lessons of evidence: what is looked up, what stands in the line, and what is held out."""

import pytest

from data.knowledge import NOTHING, Knowledge, line_of
from data.world import World
from data.world.english import HELD_OUT, QUESTIONS
from data.world.evidence import (
    KINDS,
    REMEMBERED_KINDS,
    SEARCHED,
    lessons,
    questions,
)
from data.world.inventory import facts_of, wordings_of
from data.world.languages import ENGLISH
from data.world.probes import lessons as all_lessons
from data.world.talk import plain
from data.world.tasks import ATTRIBUTES


@pytest.fixture(scope="module")
def world():
    return World()


@pytest.fixture(scope="module")
def learned(world):
    return lessons(world, 1500)


@pytest.fixture(scope="module")
def asked(world):
    return {split: questions(world, 40, split=split) for split in ("dev", "test")}


def answers(records):
    """Each answer of some records, with the question before it."""
    for record in records:
        yield from zip(record["messages"][::2], record["messages"][1::2])


def test_about_half_of_the_questions_are_looked_up(learned):
    looked = ["search" in answer for _, answer in answers(learned)]
    assert 0.45 < sum(looked) / len(looked) < 0.6
    both = [
        r for r in learned if 0 < sum("search" in m for m in r["messages"]) < len(r["messages"]) / 2
    ]
    assert len(both) > 0.2 * len(learned)  # one talk has both kinds of questions


def test_an_answer_says_what_the_line_says(world, learned):
    """By hand: the value is in the answer; of nothing found it says so."""
    contradicted = agreed = 0
    for question, answer in answers(learned):
        if "search" not in answer:
            assert "result" not in answer
            continue
        if answer["result"] == NOTHING:
            assert "do not know" in answer["content"]
            continue
        value = answer["result"].rpartition(" is ")[2].rstrip(".")
        assert plain(value) in plain(answer["content"]), answer
        attribute, _, name = answer["search"].removeprefix("the ").partition(" of ")
        name = name.removeprefix("the ")
        if "I looked it up" in answer["content"]:
            old = world.facts[name][attribute]
            differs = old not in answer["result"].split(" is ")[1]
            contradicted += differs
            agreed += not differs
            end = f", not {'the ' * (attribute == 'place')}{old}."
            assert answer["content"].endswith(end) == differs and differs == (
                "not" in answer["content"]
            )
    assert contradicted > agreed > 50


def test_a_line_is_what_the_mechanism_would_insert(world):
    """Each talk's lines, read as facts, give its queries the same lines again."""
    for record in lessons(world, 300, seed=3):
        searched = [m for m in record["messages"] if "search" in m and m["result"] != NOTHING]
        facts = []
        for message in searched:
            subject, _, value = message["result"].rstrip(".").partition(" of ")[2].partition(" is ")
            attribute = message["search"].removeprefix("the ").partition(" of ")[0]
            facts.append((subject, attribute, value))
            assert line_of(*facts[-1]) == message["result"]
        known = Knowledge(facts)
        for message in searched:
            assert known.look_up(message["search"]) == message["result"]


def test_what_the_world_holds_is_not_looked_up_unless_it_may_have_changed(world, learned):
    """A question in the world's own wordings, about a thing of the world."""
    known = {plain(text) for key, texts in world.asked.items() for text in texts}
    for question, answer in answers(learned):
        if plain(question["content"]) in known:
            assert "search" not in answer, question


def test_what_is_held_out_is_in_no_lesson(world, learned, asked):
    said = " \n ".join(plain(m["content"]) for record in learned for m in record["messages"])
    words = set(said.split())
    for split, (prompts, facts) in asked.items():
        new = {subject.removeprefix("the ").lower() for subject, _, _ in facts}
        new -= {thing.lower() for thing in world.things}
        assert len(new) > 100 and not new & words
        kinds = {attribute for pool in facts_of(ENGLISH).values() for attribute in pool[split]}
        assert len(kinds) >= 3
        queried = {
            m["search"].removeprefix("the ").partition(" of ")[0]
            for r in learned
            for m in r["messages"]
            if "search" in m
        }
        assert not kinds & queried
        for texts in wordings_of(ENGLISH).values():
            assert not {*texts[split]} & {*texts["train"], *texts["known"]}
        for name in ("THINGS", "WORDS", "PEOPLE"):
            assert not {word.lower() for word in world.wordings[name][split]} & words, name
    held_out = {
        p.format(x=thing)
        for a in ATTRIBUTES
        for p in QUESTIONS[a][-HELD_OUT:]
        for thing in world.things
    }
    assert not {plain(text) for text in held_out} & {
        plain(q["content"]) for q, _ in answers(learned)
    }


@pytest.mark.parametrize("split", ["dev", "test"])
def test_an_exam_asks_each_kind_and_knows_what_can_be_found(world, asked, split):
    prompts, facts = asked[split]
    known = Knowledge(facts)
    assert len(known.lines) == len(facts)  # no fact has two values
    assert [p["kind"] for p in prompts] == [*KINDS] * 40
    for prompt in prompts:
        assert prompt["messages"][-1]["role"] == "user"
        assert bool(prompt["query"]) == (prompt["kind"] in SEARCHED)
        if prompt["kind"] in REMEMBERED_KINDS:
            assert "answers" in prompt
            continue
        line = known.look_up(prompt["query"])
        if prompt["kind"] == "not found":
            assert line == NOTHING and prompt["value"] == ""
        else:
            assert line.endswith(f" is {prompt['value']}.")
        if prompt["memory"]:
            own = world.facts[prompt["subject"]][prompt["attribute"]]
            assert prompt["memory"] in (own, f"the {own}")
            assert world.split_of[prompt["attribute"], prompt["subject"]] == split
            assert (prompt["memory"] == prompt["value"]) == (prompt["kind"] == "agreement")
        else:
            assert prompt["kind"] not in ("agreement", "contradiction")
    new_kinds = {p["attribute"] for p in prompts if p["kind"] == "new kind"}
    assert new_kinds <= {a for pool in facts_of(ENGLISH).values() for a in pool[split]}


def test_seeds_repeat_and_differ(world):
    assert lessons(world, 20) == lessons(world, 20) != lessons(world, 20, seed=1)
    assert questions(world, 2) == questions(world, 2) != questions(world, 2, seed=1)
    assert questions(world, 2) != questions(world, 2, split="dev")


def test_with_evidence_all_that_the_world_does_not_hold_is_looked_up():
    """The talks are the same to the letter, but for the searches."""
    without, having = all_lessons(5, 400), all_lessons(5, 400, n_evidence=3)
    assert len(having) == len(without) + 3
    looked = 0
    for record, other in zip(without, having):
        for one, two in zip(record["messages"], other["messages"]):
            assert "search" not in one
            looked += "search" in two
            assert {**two, "search": 0, "result": 0} == {**one, "search": 0, "result": 0}
            assert two.get("result", NOTHING) == NOTHING
    assert looked > 20
