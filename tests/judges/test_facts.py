"""Questions of the world that people type, and whether an answer is right."""

import random

import pytest

from data.world import World
from data.world.english_grammar import meant, typed
from judges.facts import fact_check, questions, topic

WORLD = World()


def talk(*said):
    roles = ("user", "assistant")
    return [{"role": roles[i % 2], "content": text} for i, text in enumerate(said)]


def test_every_wording_is_known_and_none_means_two_things():
    for key, wordings in WORLD.asked.items():
        assert {questions("world")[meant(text)] for text in wordings} == {key}


def test_what_is_typed_in_a_hurry_is_the_same_question():
    rng = random.Random(0)
    for prompt in WORLD.prompts("test", 260):
        text = typed(prompt["messages"][0]["content"], rng)
        assert topic(talk(text)) == (prompt["task"], prompt["item"]), text


def test_follow_ups_are_known_as_the_world_makes_them():
    """Against the world's own scripts, which know what they ask."""
    known = []
    for prompt in WORLD.talks("train", 200, ("pronoun", "ellipsis")):
        known.append(topic(prompt["messages"]))
        assert known[-1] in (None, (prompt["task"], prompt["item"])), prompt
    assert sum(found is not None for found in known) > 140


@pytest.mark.parametrize(
    "asked, answer, verdict, fact",
    [
        (["wheres the tractor"], "It is in the shop.", "right", "The tractor is in the shop."),
        (["Where is the tractor?"], "It is in the barn.", "wrong", "The tractor is in the shop."),
        (["Where is the tractor?"], "I do not know.", "none", "The tractor is in the shop."),
        (["What is 2 + 3?"], "5", "right", "The sum of two and three is five."),
        (["What is 2 + 3?"], "It is six.", "wrong", "The sum of two and three is five."),
        (
            ["Where is the lamp?", "Hm.", "And the tractor?", "Hm.", "What color is it?"],
            "It is yellow.",
            "right",
            "The tractor is yellow.",
        ),
    ],
)
def test_by_hand(asked, answer, verdict, fact):
    assert fact_check(talk(*asked), answer) == {"verdict": verdict, "fact": fact}


@pytest.mark.parametrize(
    "asked",
    [
        ["Hello!"],
        [""],
        ["Where is the moon?"],
        ["Where is it?"],
        ["Hello.", "Hi.", "And the lamp?"],
        ["What is 40 + 2?"],
        ["A note says: The tractor is red. What colour is the tractor?"],
        ["Where is the tractor?", "In the shop.", "Are you sure?"],
    ],
)
def test_what_is_no_question_of_the_world_for_certain_has_no_mark(asked):
    assert fact_check(talk(*asked), "It is in the shop.") is None
