"""The languages of the tiny world: each holds what the code asks for; English is as it was."""

import hashlib
import itertools
import json
from random import Random

import pytest

from data.world import PROMPT_SPLITS, World
from data.world.probes import lessons
from data.world.tasks import LIST_TASKS
from judges.labelers import Labelers

# SHA-256 of what the English world says, before there was another language.
ENGLISH = {
    0: {
        "pretraining": "a4588636005a4d4d",
        "demonstrations": "0e1dca1e6990303a",
        "talks": "2811b2fd7be21224",
        "comparisons": "58efc55bf051de3a",
        "exam": "ebd63b12b468d1df",
        "conversation": "d0798c4976cdb6af",
        "lists": "36c40b9c23d2f981",
        "lessons": "88c31d92ccf48198",
        "few-shot": "855e2857b8022ec6",
    },
    1: {
        "pretraining": "2ab96c16ad67557b",
        "demonstrations": "78a49980858aafbc",
        "talks": "3eb440e4cab73bce",
        "comparisons": "ea63b54f28ff6357",
        "exam": "37428df99b809af6",
        "conversation": "59a39262c568d252",
        "lists": "7b1ee6cafff0c62b",
        "lessons": "13f73ef575caccb3",
        "few-shot": "ca7eeb2d8a174402",
    },
}


def texts_of(seed):
    """{what: JSON} of all that models read in English, and of what they are asked."""
    world = World(seed)
    rng = Random(seed)
    asked = world.asked_of("rm", 60, seed)
    single = [prompt for prompt in asked if "needs" not in prompt]
    labelers = Labelers(seed)
    styles = ("careful", "curt", "sloppy", "rude")
    ranked = []
    for prompt in single if seed == 0 else ():
        ranked.append(labelers.rank(prompt, [world.reply(prompt, rng, style) for style in styles]))
    lists = []
    for task, labels in itertools.product((*LIST_TASKS, "novel", "key-value"), ("gold", "random")):
        lists.append(world.list_prompt(task, 4, "test", seed, labels))
    found = {
        "pretraining": list(itertools.islice(world.documents(seed), 700)),
        "demonstrations": world.demonstrations(150, seed),
        "talks": world.conversations(150, seed, searches=bool(seed)),
        "comparisons": [asked, ranked, world.same_worded("test", 13, seed)],
        "exam": [world.prompts(split, 39, seed) for split in PROMPT_SPLITS],
        "conversation": [world.talks("test", 100, seed=seed), world.asked_of("ppo", 60, seed)],
        "lists": lists,
        "lessons": lessons(9, 9, 30, 30, 30, seed=seed),
        "few-shot": [world.few_shot(p, 3, seed) for p in world.prompts("dev", 13)],
    }
    return {name: json.dumps(text, ensure_ascii=False) for name, text in found.items()}


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@pytest.mark.parametrize("seed", (0, 1))
def test_english_is_unchanged_to_the_bit(seed):
    found = {name: digest(text) for name, text in texts_of(seed).items()}
    assert found == ENGLISH[seed]
