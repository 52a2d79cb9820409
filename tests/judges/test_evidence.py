"""The exam of evidence: who looks up and says it passes; who guesses, or always looks up, does not."""

import json
from unicodedata import normalize

import pytest

from data.knowledge import NOTHING, line_of, nothing
from data.particles import join
from data.world import world_named
from data.world.evidence import REMEMBERED_KINDS, SEARCHED, lessons, questions
from data.world.languages import ENGLISH, KOREAN
from insertion import Answer
from judges import evidence
from judges.evidence import exam, mark, share, summary, table
from plumbing.errors import BadInput

N = 8
CHANGED = {"query": "place of the lamp", "value": "the barn", "memory": "the shop"}


@pytest.fixture(scope="module")
def asked():
    return {
        json.dumps(prompt["messages"]): prompt
        for prompt in questions(world_named("world"), N, split="test")[0]
    }


def model_of(asked, answer):
    """A `respond` that answers each prompt by `answer(prompt, lookup)` -> (query, text of a line)."""

    def respond(model, tokenizer, conversations, machine, temperature, max_new_tokens, lookup):
        assert temperature == 0
        texts = []
        for messages in conversations:
            query, text = answer(asked[json.dumps(messages)])
            query = query if lookup else ""
            line = lookup(query) if query else ""
            message = {"content": text(line)}
            texts.append(Answer.of(message | ({"search": query, "result": line} if query else {})))
        return texts, [True] * len(texts)

    return respond


def fitting(prompt):
    """What a model that knows the world would say without a look-up."""
    return " ".join(group[0] for group in prompt.get("needs", [prompt["answers"]]))


def honest(prompt):
    """Looks up what it has to, and says it."""
    if prompt["kind"] in REMEMBERED_KINDS:
        return "", lambda line: fitting(prompt)
    head = "I looked it up: " if prompt["memory"] else ""
    tail = f", not {prompt['memory']}." if prompt["kind"] == "contradiction" else ""

    def text(line):
        return "I do not know." if line == NOTHING else head + line.rstrip(".") + (tail or ".")

    return prompt["query"], text


def always(prompt):
    """Looks up whatever it is asked, and says the line."""
    return prompt["query"] or "colour of the dax", lambda line: line


def guesses(prompt):
    """Looks nothing up."""
    return "", lambda line: "It is red."


def figures(monkeypatch, asked, answer):
    monkeypatch.setattr(evidence, "respond", model_of(asked, answer))
    return exam(None, None, None, n=N)


def test_who_looks_up_and_says_it_passes(monkeypatch, asked):
    found = figures(monkeypatch, asked, honest)
    whole = summary(found)
    assert whole.pop("new facts, right without") == (0, 5 * N)
    assert all(right == n for right, n in whole.values()), whole
    assert whole["looks up when needed"] == (8 * N, 8 * N)
    assert whole["does not otherwise"] == (4 * N, 4 * N)
    assert all(found[kind]["query"] == (N, N) for kind in SEARCHED)


def test_who_always_looks_up_is_told_so(monkeypatch, asked):
    whole = summary(figures(monkeypatch, asked, always))
    assert whole["looks up when needed"] == (8 * N, 8 * N)
    assert whole["does not otherwise"] == (0, 4 * N)
    assert whole["contradicted: followed"] == (N, N)
    assert whole["contradicted: looked up, it says"] == (0, N)
    assert whole["not found: said"] == (0, N) and whole["right where none is needed"][0] == 0
    assert whole["supported by the line"] == (7 * N, 7 * N)


def test_who_guesses_is_not_supported(monkeypatch, asked):
    whole = summary(figures(monkeypatch, asked, guesses))
    assert whole["supported by the line"][0] == whole["looks up when needed"][0] == 0
    assert whole["does not otherwise"] == (4 * N, 4 * N)
    # A guess may be right, with a look-up or without; that is no evidence.
    assert whole["new facts, right with look-up"][0] == 0
    assert whole["new facts, right without"][0] <= N


def says(text, line, language=ENGLISH):
    return evidence.says(text, line, language)


def test_an_answer_says_what_a_line_says_by_hand():
    line = line_of("the dax", "owner", "Mina")
    for text in ("It is Mina.", "The dax belongs to mina", "The dax's owner is Mina.", line):
        assert says(text, line)
    for text in (
        "It is Tom.",
        "The wug belongs to Mina.",
        "It is Mina or Tom.",
        "",
        "Mina is red.",
    ):
        assert not says(text, line)
    place = line_of("Mina", "home", "the barn")
    assert says("Mina's home is the barn.", place) and not says("It is the shop.", place)
    assert says("I looked it up: it is in the barn, not the shop.", place)
    assert not says("I looked it up: it is in the shop, not the barn.", place)
    assert says("I do not know the dax.", NOTHING) and not says("It is red.", NOTHING)


def test_marks_by_hand():
    line = line_of("the lamp", "place", "the barn")
    seen = {"search": "place of the lamp", "result": line}
    text = "I looked it up: the lamp is in the barn, not the shop."
    found = mark(CHANGED, text, seen)
    assert all(found.values())
    wrong = mark(CHANGED, "The lamp is in the barn.", seen)
    assert wrong["right"] and not wrong["said"] and not wrong["denied"]
    both = mark(CHANGED, "I looked it up: the lamp is in the barn, not the hall.", seen)
    assert both["said"] and both["denied"] and not both["remembered"]
    other = mark(CHANGED, text, {"search": "owner of the lamp", "result": line})
    assert other["supported"] and not other["query"] and not other["right"]
    guessed = mark(CHANGED, text, {})
    assert guessed["told"] and not guessed["supported"] and not guessed["searched"]


def test_shares_have_their_intervals(monkeypatch, asked):
    assert share((90, 100)) == " 90.0% [83%, 94%]"
    lines = table(figures(monkeypatch, asked, honest))
    assert len(lines) == 1 + len(SEARCHED) + len(REMEMBERED_KINDS) + 11
    assert all(len(line) <= 120 for line in lines)


@pytest.mark.parametrize("argv", [[], ["--n=3"], ["a.pt", "--n=0"], ["a.pt", "--split=dev"]])
def test_what_is_asked_for_wrongly(argv):
    with pytest.raises(BadInput):
        evidence.main(argv)


# --- the same in Korean --------------------------------------------------------------------------


def test_a_korean_answer_says_what_a_line_says_by_hand():
    line = line_of("닥스", "주인", "미나")
    for text in ("미나예요.", "닥스는 미나의 것이에요.", "닥스의 주인은 미나예요.", line):
        assert says(text, line, KOREAN) and says(normalize("NFD", text), line, KOREAN), text
    for text in (
        "철수예요.",
        "위그는 미나의 것이에요.",
        "미나 또는 철수예요.",
        "",
        "미나는 빨간색이에요.",
    ):
        assert not says(text, line, KOREAN), text
    place = line_of("램프", "위치", "헛간")
    assert says("찾아보니 램프는 헛간에 있어요. 가게가 아니에요.", place, KOREAN)
    assert not says("찾아보니 램프는 가게에 있어요. 헛간이 아니에요.", place, KOREAN)
    assert says("저는 닥스를 몰라요.", nothing("닥스의 색"), KOREAN)
    assert not says("빨간색이에요.", nothing("닥스의 색"), KOREAN)
    price = line_of("닥스", "가격", "300원")
    assert says("300원이에요.", price, KOREAN) and not says("3000원이에요.", price, KOREAN)


def test_korean_marks_by_hand():
    prompt = {"query": "램프의 위치", "value": "헛간", "memory": "가게", "world": "world_ko"}
    line = line_of("램프", "위치", "헛간")
    seen = {"search": "램프의 위치", "result": line}
    assert all(mark(prompt, "찾아보니 램프는 헛간에 있어요. 가게가 아니에요.", seen).values())
    other = mark(prompt, "찾아보니 램프는 헛간에 있어요. 부엌이 아니에요.", seen)
    assert other["right"] and other["denied"] and not other["remembered"]
    assert not mark(prompt, "찾아보니 램프는 가게에 있어요.", seen)["right"]
    assert not mark(prompt, "램프는 헛간에 있어요.", seen)["said"]
    guessed = mark(prompt, "헛간에 있어요.", {})
    assert guessed["told"] and not guessed["supported"] and not guessed["searched"]


def test_what_korean_lessons_say_is_supported_by_their_lines():
    counts = {"line": 0, "nothing": 0}
    for record in lessons(world_named("world_ko"), 700, seed=4):
        for message in record["messages"]:
            if "search" in message:
                line = message["result"]
                counts["nothing" if line == nothing(line) else "line"] += 1
                assert says(message["content"], line, KOREAN), message
                assert says("그건 보라색이 아니라 초록이에요.", line, KOREAN) is False
    assert counts["line"] > 300 and counts["nothing"] > 20


def test_who_looks_up_in_korean_passes_the_exam(monkeypatch):
    prompts = questions(world_named("world_ko"), N, split="test")[0]
    asked = {json.dumps(prompt["messages"]): prompt for prompt in prompts}
    assert all(prompt["world"] == "world_ko" for prompt in prompts)

    def in_korean(prompt):
        if prompt["kind"] in REMEMBERED_KINDS:
            return "", lambda line: fitting(prompt)
        old = prompt["memory"]
        tail = join(f" {old}이(가) 아니에요.") if prompt["kind"] == "contradiction" else ""

        def text(line):
            return (
                "몰라요." if line == nothing(line) else ("찾아보니 " if old else "") + line + tail
            )

        return prompt["query"], text

    monkeypatch.setattr(evidence, "respond", model_of(asked, in_korean))
    whole = summary(exam(None, None, None, n=N, data="world_ko"))
    assert whole.pop("new facts, right without") == (0, 5 * N)
    assert all(right == n for right, n in whole.values()), whole
