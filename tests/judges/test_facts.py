"""Questions of the world that people type, and whether an answer is right."""

import random

import pytest

from data.world import World, world_named
from data.world.english_grammar import meant, typed
from judges.facts import fact_check, questions, topic

WORLD = World()
KOREAN = world_named("world_ko")


def talk(*said):
    roles = ("user", "assistant")
    return [{"role": roles[i % 2], "content": text} for i, text in enumerate(said)]


def test_every_wording_is_known_and_none_means_two_things():
    for key, wordings in WORLD.asked.items():
        assert {questions("world")[meant(text)] for text in wordings} == {key}


def test_every_korean_wording_is_known_and_none_means_two_things():
    for key, wordings in KOREAN.asked.items():
        assert {questions("world_ko")[KOREAN.language.meant(text)] for text in wordings} == {key}


@pytest.mark.parametrize(
    "text, found",
    [
        ("램프 어디 있어?", ("place", "램프")),
        ("램프는 어디 있어요?", ("place", "램프")),
        ("칼 어딨어ㅋㅋ", ("place", "칼")),
        ("트랙터 주인 누구야", ("owner", "트랙터")),
        ("트랙터 누구 거야?", ("owner", "트랙터")),
        ("트랙터는 누구 꺼야", ("owner", "트랙터")),
        ("트랙터 색깔 알려줘", ("colour", "트랙터")),
        ("트랙터 색은?", ("colour", "트랙터")),
        ("트랙터색깔이뭐야?", ("colour", "트랙터")),
        ("크다 반대말 뭐야", ("opposite", "크다")),
        ("2+5 얼마야", ("sum", "둘 더하기 다섯")),
        ("2 더하기 5는 얼마야?", ("sum", "둘 더하기 다섯")),
        ("장화 크기 어때?", ("size", "장화")),
        ("트렉터 어디있어", None),  # no thing of the world
        ("색깔이 뭐야?", None),  # of what?
        ("크다 (반대말)", None),  # the end of a line of a dictionary
        ("주인 누구야?", None),
    ],
)
def test_korean_as_friends_type_it(text, found):
    assert topic(talk(text)) == found


def test_korean_that_is_typed_in_a_hurry_is_the_same_question():
    rng = random.Random(0)
    for prompt in KOREAN.prompts("test", 260):
        text = KOREAN.language.typed(prompt["messages"][0]["content"], rng)
        assert topic(talk(text)) == (prompt["task"], prompt["item"]), text


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
        (["What is 2 + 3?"], "5", "right", "The sum of 2 and 3 is 5."),
        (["What is 2 + 3?"], "It is six.", "wrong", "The sum of 2 and 3 is 5."),
        (["What is two plus three?"], "Six.", "wrong", "The sum of two and three is five."),
        (["3 더하기 4는?"], "9와 4의 합은 13이에요.", "wrong", "3과 4의 합은 7이에요."),
        (["셋 더하기 넷은?"], "일곱이에요.", "right", "셋과 넷의 합은 일곱이에요."),
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
