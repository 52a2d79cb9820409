"""Polite answers and particles that fit, by hand and of what labelers write."""

from random import Random
from unicodedata import normalize

import pytest

from data.world import world_named
from judges.speech import particles, speech


@pytest.mark.parametrize(
    "text, names, counts",
    [
        ("트랙터는 노란색이에요.", (), (2, 2)),
        ("트랙터은 노란색예요.", (), (0, 2)),
        ("램프가 부엌에 있어요.", (), (1, 1)),
        ("3과 4의 합은 7이에요.", (), (3, 3)),
        ("3와 4의 합은 7예요.", (), (1, 3)),
        ("다온이라고 하셨어요.", (), (0, 0)),
        ("다온이라고 하셨어요. 다온는", ("다온",), (1, 2)),
        ("노란색.", (), (0, 0)),
    ],
)
def test_particles_by_hand(text, names, counts):
    assert particles(text, names) == particles(normalize("NFD", text), names) == counts


def test_careful_labelers_are_polite_and_right_and_rude_ones_are_not_polite():
    world, rng = world_named("world_ko"), Random(0)
    prompts = world.prompts("sft", 130)
    found = speech(prompts, [world.reply(prompt, rng) for prompt in prompts])
    assert found["polite"] == (130, 130) and found["particles"][1] > 130
    assert found["particles"][0] == found["particles"][1]
    rude = speech(prompts, [world.reply(prompt, rng, "rude") for prompt in prompts])
    assert rude["polite"] == (0, 130)
