"""Conversation of the tiny world: what is held out stays out, and the judge knows what fits."""

import itertools
import json
import re
from random import Random

import pytest

from data.formats import read_demonstrations
from data.world import World
from data.world.conversation import Conversation
from data.world.english import QUESTIONS
from data.world.english_grammar import digits, pronoun, split_words, typed
from data.world.languages import ENGLISH
from data.world.talk import ACTS, SKILLS
from data.world.tasks import LIST_TASKS
from judges.hidden import fits, judge


@pytest.fixture(scope="module")
def world():
    return World()


@pytest.fixture(scope="module")
def learned(world):
    """All that is said in some of the text that is learned from, one line each."""
    lines = "\n".join(itertools.islice(world.documents(seed=3), 12_000)).split("\n")
    for record in world.conversations(1500) + world.demonstrations(500):
        lines += [message["content"] for message in record["messages"]]
    for split in ("sft", "rm", "ppo"):
        for prompt in world.talks(split, 10 * len(SKILLS)):
            lines += [message["content"] for message in prompt["messages"]]
    return lines


def plain(text):
    """A text without capitals, punctuation and the contractions of hurry."""
    text = re.sub(r"\b(what|where|who)'?s\b", r"\1 is", text.lower()).replace("color", "colour")
    return " ".join(re.findall(r"\w+", text))


def test_what_fits_is_right_and_what_does_not_is_wrong(world):
    rng = Random(0)
    for skill in SKILLS:
        wrong = 0
        for _ in range(40):
            talk = Conversation(world, rng, rng.choice(("train", "test")))
            turn = talk.script(skill)
            for style in ("careful", "curt"):
                answer = talk.reply(turn, style)
                assert judge(turn, answer)["correct"] == 1, (skill, talk.messages, answer)
            rude = judge(turn, talk.reply(turn, "rude"))
            assert rude["harmless"] < 0 or rude["correct"] < 1
            wrong += judge(turn, turn["wrong"])["correct"] < 1
        assert wrong >= 38, skill


def test_all_that_a_talk_says_is_right(world):
    rng = Random(1)
    kinds = set()

    def voice(turn):
        kinds.add(turn["task"])
        answer = talk.reply(turn)
        assert judge(turn, answer)["correct"] == 1, (talk.messages, turn, answer)
        return answer

    for _ in range(400):
        talk = Conversation(world, rng, voice=voice)
        talk.go_on(2)
        roles = [message["role"] for message in talk.messages]
        assert roles == ["user", "assistant"] * (len(roles) // 2)
    assert kinds >= {*QUESTIONS, "tell", "memory", "order", "unknown thing", "hello", "nonsense"}


def test_held_out_wordings_and_words_are_in_no_text_that_is_learned_from(world, learned):
    said = {plain(line) for line in learned}
    words = {word for line in learned for word in line.split()}
    whole = [act for acts in ACTS.values() for act in acts if act in world.wordings]
    for act in whole:
        assert len(world.wordings[act]["test"]) >= 8
        held_out = {plain(text) for text in world.wordings[act]["test"]}
        assert not sorted(held_out & (said - {""}))
    for name in ("THINGS", "WORDS", "PEOPLE", "LANDS"):
        assert len(world.wordings[name]["test"]) >= 7
        bare = {word.strip("?.!,:").lower() for word in words}
        held_out = {w.lower() for w in world.wordings[name]["test"] if " " not in w}
        assert not sorted(held_out & bare)
    invented = {world.invented(Random(i), "test") for i in range(300)}
    assert len(invented) > 280 and not invented & words


def test_set_phrases_are_for_all_and_what_is_held_out_is_made_of_them(world, learned):
    said = {plain(line) for line in learned}
    for act in ("hello", "thanks", "bye", "how", "identity", "ability"):
        phrases = [plain(text) for text in world.wordings[act]["known"]]
        assert set(phrases[:3]) <= said, act
        for text in world.wordings[act]["test"]:
            made = any(phrase in plain(text) for phrase in phrases)
            assert made or re.search(r"\b(tell|know|may)\b", text.lower()), text


def test_the_commonest_phrase_is_said_most(world):
    rng = Random(0)
    said = [plain(world.wording("hello", "train", rng)) for _ in range(3000)]
    assert 0.1 < said.count("hello") / 3000 < 0.3
    assert said.count("hello") > 2 * said.count("good day")
    held_out = {world.wording("hello", "test", rng) for _ in range(300)}
    assert held_out <= set(world.wordings["hello"]["test"])


def test_a_name_is_said_back_in_the_letters_it_was_typed_in(world):
    found = set()
    for seed in range(60):
        talk = Conversation(world, Random(seed), hurry=1)
        talk.add(talk.tell("name"))
        told = talk.told["name"]
        question, answer = (message["content"] for message in talk.messages)
        assert told in question and told in answer
        found.add(told.islower())
    assert found == {True, False}


def test_small_talk_is_many_short_turns_that_fit(world):
    lengths = []
    for seed in range(40):
        talk = Conversation(world, Random(seed))
        talk.chatter(6)
        assert len(talk.messages) == 12
        lengths += [len(message["content"].split()) for message in talk.messages]
    assert sum(lengths) / len(lengths) < 8


def test_a_held_out_key_is_asked_in_no_talk(world, learned):
    held_out = {
        plain(text)
        for key, split in world.split_of.items()
        if split != "train" and key[0] in LIST_TASKS
        for text in world.asked[key]
    }
    talked = {plain(line.partition(": ")[2] if ": " in line else line) for line in learned}
    assert not sorted(held_out & talked)


def test_memory_is_as_many_turns_away_as_it_says(world):
    for prompt in world.talks("test", 200, [f"memory {d}" for d in (1, 2, 3, 4)]):
        distance = int(prompt["skill"][-1])
        assert len(prompt["messages"]) == 2 * distance + 1
        assert prompt["item"].lower() in prompt["messages"][0]["content"].lower()
        later = " ".join(m["content"].lower() for m in prompt["messages"][2:])
        assert prompt["item"].lower() in prompt["messages"][1]["content"].lower()
        assert "my name" not in prompt["messages"][0]["content"] or prompt["item"] not in later


def test_prompts_repeat_by_seed_and_stages_differ(world):
    for split in ("sft", "rm", "ppo", "dev", "test"):
        prompts = world.talks(split, 2 * len(SKILLS))
        assert prompts == world.talks(split, 2 * len(SKILLS))
        assert prompts != world.talks(split, 2 * len(SKILLS), seed=1)
        assert [prompt["skill"] for prompt in prompts] == [*SKILLS, *SKILLS]
        assert all(prompt["messages"][-1]["role"] == "user" for prompt in prompts)
        assert not any("says" in prompt or "wrong" in prompt for prompt in prompts)
    mixed = world.asked_of("ppo", 300)
    assert sum("skill" in prompt for prompt in mixed) == 195 and len(mixed) == 300
    told = [prompt for prompt in mixed if prompt.get("skill") == "told"]
    assert told and all(p["item"].lower() in p["messages"][-1]["content"].lower() for p in told)
    ranked = world.asked_of("rm", 3000, seed=4) + world.asked_of("rm", 3000, seed=5)
    assert 5900 < len(ranked) < 6000 and all(p["messages"][-1]["content"].strip() for p in ranked)


def test_a_mistake_that_is_mended_is_not_learned(world):
    records = world.conversations(600)
    weights = [m.get("weight", 1) for r in records for m in r["messages"] if m["role"] != "user"]
    assert 0.01 < weights.count(0) / len(weights) < 0.1
    for record in records:
        assert record["messages"][-1].get("weight", 1) == 1


def test_typed_in_a_hurry():
    rng = Random(0)
    forms = {typed("What is the colour of the cat?", rng) for _ in range(200)}
    assert {"whats the colour of the cat", "what is the color of the cat"} <= forms
    assert all(plain(form).startswith("what is the colour of the cat") for form in forms)


def test_digits_and_pronouns():
    assert digits("The sum of two and three is five.") == "The sum of 2 and 3 is 5."
    assert split_words("It is 5, or 25.") == ["it", "is", "five", "or", "25"]
    assert pronoun("Where is the {x}?") == "Where is it?"
    assert pronoun("Tell me the colour of the {x}.") == "Tell me its colour."
    assert pronoun("The {x} is what size?") == "It is what size?"


def test_what_fits_by_hand():
    turn = {"needs": [["do not know"], ["dimar"]], "forbids": ["red"]}
    assert fits(turn, "I do not know the Dimar.", ENGLISH)
    assert not fits(turn, "I do not know the lamp.", ENGLISH)
    assert not fits(turn, "I do not know the dimar. It is red.", ENGLISH)
    assert not fits(turn, "The dimar is blue.", ENGLISH)
    one = {"needs": [["yellow"]], "forbids": [], "most": 1}
    assert fits(one, "Yellow.", ENGLISH) and not fits(one, "It is yellow.", ENGLISH)


def test_what_is_written_to_a_file_is_read_whole(world, tmp_path, capsys):
    """An answer of weight 0 too: it is read, and not learned. Who says nothing is left out."""
    records = [*world.conversations(300), *world.demonstrations(50)]
    path = tmp_path / "talk.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    spoken = [r for r in records if all(m["content"].strip() for m in r["messages"])]
    for record in spoken:
        for message in record["messages"]:
            message["content"] = message["content"].strip()
    read = list(read_demonstrations(path))
    assert [record["messages"] for record in read] == [record["messages"] for record in spoken]
    assert any("weight" in m for record in read for m in record["messages"])
    left = len(records) - len(spoken)
    assert (f"{left} of {len(records)}" in capsys.readouterr().out) == (left > 0)
