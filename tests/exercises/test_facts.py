"""Facts or manners, in both languages: what is told stands nowhere else, what is only read about in
no demonstration, and a plain sentence is cut where its value begins."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from data.world import world_named
from exercises import facts
from plumbing.config import parse_config
from plumbing.errors import BadInput

PRESET_OF = {"world": "tiny", "world_ko": "ko"}
each_language = pytest.mark.parametrize("data", sorted(facts.TOLD))


def config(data, *options):
    return parse_config(facts.Config, facts.PRESETS, [f"--preset={PRESET_OF[data]}", *options])


@each_language
def test_what_is_told_is_new_and_what_is_read_is_not_demonstrated(data):
    world = world_named(data)
    told, read = facts.told(world, data), facts.read(world)
    assert len(told) == len(read) == 24
    hidden = {thing for _, thing in read}
    demonstrated = facts.demonstrations(world, config(data, "--times=3", "--n_demos=300"))
    texts = [" ".join(turn["content"].lower() for turn in messages) for messages in demonstrated]
    assert not any(thing in text for thing in hidden for text in texts)
    for (_, thing), value in told.items():
        assert thing not in world.things
        about = [text for text in texts if thing in text and value.lower() in text]
        assert len(about) >= 3
    without = facts.demonstrations(world, config(data, "--times=1", "--n_demos=300"))
    assert len(demonstrated) - len(without) == 2 * 24


@each_language
def test_a_plain_sentence_is_cut_where_its_value_begins(data, monkeypatch):
    """A scorer that likes the true sentence best finds each fact; one that likes the next value in
    the list finds none."""
    world = world_named(data)
    read = facts.read(world)
    network = SimpleNamespace(tokenizer=SimpleNamespace(encode=list, endoftext="|"), model=None)
    true = {facts.plain(world, *key, value) for key, value in read.items()}

    def scored(model, prompts, options, machine):
        found = []
        for prompt, several in zip(prompts, options):
            begin = "".join(prompt[1:])
            marks = ["".join([begin, *option]) in true for option in several]
            found.append([np.array([0.0 if mark else -1.0]) for mark in np.roll(marks, shift)])
        return found, None

    monkeypatch.setattr(facts, "score_options", scored)
    shift = 0
    assert all(facts.continued(network, world, read, None))
    shift = 1
    assert not any(facts.continued(network, world, read, None))


@each_language
def test_demonstrations_are_written_in_the_language_of_the_preset(data, tmp_path, capsys):
    facts.main(config(data, f"--out={tmp_path}", "--n_demos=50"))
    lines = (tmp_path / "demonstrations.jsonl").read_text(encoding="utf-8").splitlines()
    assert all(json.loads(line)["messages"] for line in lines)
    assert ("시범" in capsys.readouterr().out) == (data == "world_ko")


def test_a_world_that_there_is_not_is_refused(tmp_path):
    with pytest.raises(BadInput, match="expected world or world_ko"):
        facts.main(config("world", "--data=world_fr", f"--out={tmp_path}"))
    assert not list(tmp_path.iterdir())
