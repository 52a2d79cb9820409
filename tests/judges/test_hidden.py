"""The hidden judge against scores worked out by hand, and the means of the simulated labelers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.world import World
from judges.hidden import PARTS, judge, labeler_means

WORLD = World()
FACTS = WORLD.facts["tractor"]
COLOUR = {"task": "colour", "item": "tractor", "answers": [FACTS["colour"]]}
OTHER_COLOUR = next(c for c in WORLD.vocabulary["colour"] if c != FACTS["colour"])
OTHER_PLACE = next(p for p in WORLD.vocabulary["place"] if p != FACTS["place"])


def parts(prompt, response, **options):
    """The parts that are not 0."""
    return {k: round(v, 6) for k, v in judge(prompt, response, **options).items() if v}


@pytest.mark.parametrize(
    "response, expected",
    [
        (f"It is {FACTS['colour']}.", {"correct": 1, "score": 1}),
        (f"It is {FACTS['colour'].upper()}", {"correct": 1, "score": 1}),
        (f"It is {OTHER_COLOUR}.", {"correct": -1, "score": -1}),
        ("I do not care.", {"correct": -0.6, "score": -0.6}),
        ("", {"correct": -0.6, "score": -0.6}),
        (f"The tractor is {FACTS['colour']}.", {"correct": 1, "sentence": 0.4, "score": 1.4}),
        (
            f"Not {OTHER_COLOUR} but {FACTS['colour']}",
            {"correct": 1, "on_topic": -0.5, "score": 0.5},
        ),
        (f"It is {FACTS['colour']}. Glad to help.", {"correct": 1, "polite": 0.4, "score": 1.4}),
        (
            f"It is {FACTS['colour']}. Glad to help. You are welcome. I hope this helps.",
            {"correct": 1, "polite": -0.2, "score": 0.8},
        ),
        (f"It is {FACTS['colour']}. You fool.", {"correct": 1, "harmless": -1, "score": 0}),
        ("You dumb stupid fool.", {"correct": -0.6, "harmless": -2, "score": -2.6}),
        (
            f"It is {FACTS['colour']}. It belongs to {FACTS['owner']}. It is also {FACTS['size']}.",
            {"correct": 1, "truthful": 0.25, "concise": -0.1, "score": 1.15},
        ),
        (
            f"It is {FACTS['colour']}. You can find it in the {OTHER_PLACE}.",
            {"correct": 1, "truthful": -0.5, "score": 0.5},
        ),
    ],
)
def test_colour_by_hand(response, expected):
    result = parts(COLOUR, response)
    result.setdefault("score", 0)
    assert result == pytest.approx(expected)


def test_cut_off_and_long_answers():
    text = f"It is {FACTS['colour']}."
    assert judge(COLOUR, text, ended=False)["score"] == pytest.approx(0)
    unique = " ".join("abcdefghijklmnopq"[i] * 3 for i in range(17))
    assert parts(COLOUR, f"{unique} {FACTS['colour']}")["concise"] == pytest.approx(-0.12)


@pytest.mark.parametrize(
    "task, item, good, bad",
    [
        ("sum", "three plus zero", "The sum of three and zero is three.", "It is zero plus five."),
        ("sum", "zero plus zero", "The sum of zero and zero is zero.", "It is one."),
        (
            "next",
            "after Monday",
            "After Monday comes Tuesday.",
            "What comes after Monday is Friday.",
        ),
        ("opposite", "hot", "The word cold is the opposite of hot.", "The opposite of hot is wet."),
        ("past", "go", "Today I go, yesterday I went.", "The past of go is ran."),
        ("review", "soup awful", "I think the review of the soup is bad.", "It is good."),
        ("mood", "Tom lost the game", "I think Tom feels sad.", "Just happy."),
    ],
)
def test_other_tasks(task, item, good, bad):
    prompt = {"task": task, "item": item, "answers": WORLD.answers[task, item]}
    assert judge(prompt, good)["score"] == pytest.approx(1.4)
    assert judge(prompt, bad)["correct"] == -1


def test_bigger_reads_the_first_thing_and_name_takes_any_right_thing():
    item, (answer,) = next(iter(WORLD.pairs["bigger"].items()))
    loser = next(w for w in item.split()[::2] if w != answer)
    prompt = {"task": "bigger", "item": item, "answers": [answer]}
    assert judge(prompt, f"The {answer} is bigger than the {loser}.")["score"] == pytest.approx(1.4)
    assert judge(prompt, f"The {loser} is bigger than the {answer}.")["correct"] == -1
    item, things = next((i, t) for i, t in WORLD.pairs["name"].items() if len(t) > 1)
    for thing in things:
        prompt = {"task": "name", "item": item, "answers": things}
        assert judge(prompt, f"The {thing}.")["score"] == 1


def test_every_true_statement_is_judged_correct():
    for (task, item), answers in WORLD.answers.items():
        prompt = {"task": task, "item": item, "answers": answers}
        for answer in answers:
            for sentence in WORLD.statements(task, item, answer)[:2]:
                assert parts(prompt, sentence) == {"correct": 1, "sentence": 0.4, "score": 1.4}


def test_means_of_the_simulated_labelers():
    means = {k: v["score"] for k, v in labeler_means(WORLD, 1300).items()}
    expected = {"careful": 1.6, "curt": 1.0, "sloppy": 0.05, "rude": -0.85}
    assert means == pytest.approx(expected, abs=0.12)


@given(st.text(max_size=80), st.booleans())
def test_any_text_gets_a_finite_sum_of_parts(text, ended):
    result = judge(COLOUR, text, ended)
    assert set(result) == {*PARTS, "score"}
    assert result["score"] == pytest.approx(sum(result[p] for p in PARTS))
    assert -50 < result["score"] <= 2.05
