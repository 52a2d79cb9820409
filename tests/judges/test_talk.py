"""The exam of conversation: who answers all that fits passes, who says one thing to all does not."""

import json

import pytest

from data.world import world_named
from data.world.talk import SKILLS
from judges import exam, talk
from judges.facts import topic
from plumbing.errors import BadInput


def oracle(prompts):
    """A `respond` that knows what fits each of the prompts."""
    known = {}
    for prompt in prompts:
        fitting = [group[0] for group in prompt.get("needs", [prompt["answers"]])]
        known[json.dumps(prompt["messages"])] = " ".join(fitting)

    def respond(model, tokenizer, asked, machine, temperature):
        assert temperature == 0
        return [known[json.dumps(messages)] for messages in asked], [True] * len(asked)

    return respond


def says(text):
    def respond(model, tokenizer, asked, machine, temperature):
        return [text] * len(asked), [True] * len(asked)

    return respond


def test_who_knows_what_fits_passes_in_each_skill(monkeypatch):
    prompts = world_named("world").talks("test", 6 * len(SKILLS))
    careful = [talk.in_careful_form(prompt) for prompt in prompts if "canonical" in prompt]
    assert len(careful) == 6  # of what was typed in a hurry and of nothing else
    monkeypatch.setattr(exam, "respond", oracle(prompts + careful))
    assert talk.by_skill(None, None, None, n=6) == dict.fromkeys([*SKILLS, "canonical"], 1.0)


@pytest.mark.parametrize("language", ["world", "world_ko"])
def test_a_question_in_its_careful_form_is_the_same_question(language):
    changed = known = 0
    for prompt in world_named(language).talks("test", 60, ("typed",)):
        typed, careful = prompt["messages"], talk.in_careful_form(prompt)["messages"]
        assert careful[:-1] == typed[:-1] and careful[-1]["role"] == "user"
        assert topic(careful) in (None, (prompt["task"], prompt["item"]))
        changed += typed != careful
        known += topic(careful) is not None
    assert changed > 40 and known > 40


def test_who_says_one_thing_to_all_passes_where_it_fits(monkeypatch):
    monkeypatch.setattr(exam, "respond", says("Hello, I am a small language model."))
    found = talk.by_skill(None, None, None, n=40)
    assert 0.1 < found["identity"] < 0.9 and 0.1 < found["greeting"] < 0.6
    assert all(found[skill] == 0 for skill in ("unknown thing", "one word 2", "scope"))


def test_single_questions_of_each_split(monkeypatch):
    questions = world_named("world").prompts("test", 26) + world_named("world").prompts(
        "paraphrase", 26
    )
    monkeypatch.setattr(exam, "respond", oracle(questions))
    assert talk.asked_alone(None, None, None, n=26) == {"test": 1.0, "paraphrase": 1.0}


def test_a_long_talk_shows_whole_turns_that_fit(monkeypatch):
    shown = []

    def respond(model, tokenizer, asked, machine, temperature):
        shown.extend(len(messages) for messages in asked)
        return ["I am not sure."] * len(asked), [True] * len(asked)

    monkeypatch.setattr(talk, "respond", respond)
    monkeypatch.setattr(
        talk, "recent", lambda loaded, messages: ([], [], max(0, len(messages) - 3))
    )

    class Loaded:
        model = tokenizer = None

    assert talk.long_talk(Loaded, None, n=2, turns=4) == [0, 0, 0, 0]
    assert shown == [1, 1, 3, 3, 3, 3, 3, 3]


@pytest.mark.parametrize("argv", [[], ["--n=3"], ["a.pt", "--n=0"], ["a.pt", "--split=train"]])
def test_what_is_asked_for_wrongly(argv):
    with pytest.raises(BadInput):
        talk.main(argv)
