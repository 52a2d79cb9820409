"""The exam of conversation: what a model answers to turns of talk, marked by the hidden judge.

    python -m judges.talk out/ppo/ckpt.pt            the share of fitting answers, skill by skill
    python -m judges.talk out/ppo/ckpt.pt --n=400    with more turns of each skill

Names, words and things of the turns are those that no text taught. Of acts of talk every wording is
put together as no text has it, of other turns half of them. Every figure is of a simulated judge.
"""

import sys
from dataclasses import dataclass

from data.world import world_named
from plumbing.config import check_options, parse_config, path_and_options, positive

if __name__ == "__main__":  # answer --help and slips before torch, a second's work, loads
    check_options(__file__, path_and_options(sys.argv[1:])[1])

import numpy as np

from data.questions import world_read
from data.world.talk import SKILLS
from insertion import answering
from judges.exam import right_of, searching, verdicts
from plumbing.errors import BadInput, run
from plumbing.machine import setup
from plumbing.records import wilson
from sampling import open_checkpoint, recent, respond

TURNS = 12  # of a long talk


@dataclass
class Config:
    preset: str = "default"  # there is one set of defaults
    n: int = 120  # turns of each skill
    split: str = "test"  # or "dev": for choosing between models
    seed: int = 0  # of the turns that are drawn
    device: str = "auto"
    dtype: str = "auto"


def check(cfg):
    """Refuse what makes no exam."""
    positive(cfg, "n")
    if cfg.split not in ("dev", "test"):
        raise BadInput(f"--split={cfg.split}: expected dev or test")


def by_skill(
    model, tokenizer, machine, n=120, split="test", skills=tuple(SKILLS), seed=0, data="world"
):
    """{skill: share of right answers}: each skill with the same number of turns, about `n`. With
    "typed" comes "canonical": the same questions in their careful form."""
    prompts = world_named(data).talks(split, n * len(skills), skills, seed)
    right = right_of(model, tokenizer, prompts, machine)
    shares = {skill: float(right[i :: len(skills)].mean()) for i, skill in enumerate(skills)}
    if "typed" in skills:
        careful = [in_careful_form(prompt) for prompt in prompts if "canonical" in prompt]
        shares["canonical"] = float(right_of(model, tokenizer, careful, machine).mean())
    return shares


def in_careful_form(prompt):
    """A prompt whose last turn was typed in a hurry, with that turn as it is written with care."""
    *before, last = prompt["messages"]
    return {**prompt, "messages": [*before, {**last, "content": prompt["canonical"]}]}


def asked_alone(model, tokenizer, machine, n=390, splits=("test", "paraphrase"), data="world"):
    """{split: share of right answers} to single questions of the thirteen tasks, for comparison."""
    world = world_named(data)
    shares = {}
    for split in splits:
        prompts = world.prompts(split, n)
        shares[split] = float(right_of(model, tokenizer, prompts, machine).mean())
    return shares


def say_next(loaded, machine, talks):
    """Let the model have its say in each of the talks, whose last turn is the user's: its likeliest
    answer is added. It is shown the last turns, as far back as it was trained to read.

    Returns the answers and whether each ended by itself.
    """
    shown = [messages[recent(loaded, messages)[2] :] for messages in talks]
    draws = {"temperature": 0.0, **searching(loaded.tokenizer)}
    texts, ended = respond(loaded.model, loaded.tokenizer, shown, machine, **draws)
    for messages, text in zip(talks, texts):
        messages.append(answering(text))
    return texts, ended


def long_talk(loaded, machine, n=60, turns=TURNS, data="world"):
    """The share of right answers turn by turn (turns,), in `n` talks of single questions. The model
    reads its own earlier answers, as far back as it was trained to."""
    world = world_named(data)
    prompts = world.prompts("test", n * turns, seed=2)
    talks = [[] for _ in range(n)]
    shares = []
    for turn in range(turns):
        questions = prompts[turn * n : (turn + 1) * n]
        for messages, question in zip(talks, questions):
            messages += question["messages"]
        texts, ended = say_next(loaded, machine, talks)
        found = verdicts(questions, texts, ended)
        shares.append(float(np.mean([verdict["correct"] > 0 for verdict in found])))
    return shares


def one_talk(loaded, machine, lines):
    """What the model answers to the lines of one talk, its likeliest words: [(line, answer)]."""
    messages = []
    for line in lines:
        messages.append({"role": "user", "content": line})
        say_next(loaded, machine, [messages])
    said = [message["content"] for message in messages]
    return list(zip(said[::2], said[1::2]))


def main(argv):
    """The command line: a checkpoint, then options."""
    path, options = path_and_options(argv)
    cfg = parse_config(Config, {"default": {}}, options)
    if not path:
        raise BadInput("which checkpoint? For example: python -m judges.talk out/ppo/ckpt.pt")
    check(cfg)
    machine = setup(cfg)
    loaded = open_checkpoint(path, machine)
    network = loaded.model, loaded.tokenizer, machine
    print(f"{path}: right answers, the likeliest of each (simulated judge), n = {cfg.n} a skill")
    data = world_read(loaded.checkpoint)
    found = by_skill(*network, cfg.n, cfg.split, seed=cfg.seed, data=data)
    for skill, share in found.items():
        low, high = wilson(round(share * cfg.n), cfg.n)
        print(f"  {skill:<16} {share:>6.1%}   [{low:.0%}, {high:.0%}]")
    print(f"  {'all skills':<16} {np.mean([found[skill] for skill in SKILLS]):>6.1%}")
    splits = ["dev"] if cfg.split == "dev" else ["test", "paraphrase"]
    for name, share in asked_alone(*network, splits=splits, data=data).items():
        print(f"  single questions, {name:<12} {share:>6.1%}")
    shares = long_talk(loaded, machine, data=data)
    print("  turn by turn:", " ".join(f"{100 * share:.0f}" for share in shares))


if __name__ == "__main__":
    run(main, sys.argv[1:])
