"""How a model of the Korean world speaks: politely, and with the particles that fit its words.

    python -m judges.speech out/ko/ppo/ckpt.pt            of its own answers, sampled and likeliest
    python -m judges.speech out/ko/ppo/ckpt.pt --n=1000   of more answers

Polite is an answer without plain speech and without a rude word. A particle of two forms, 은 or 는,
is read behind the words of the world, behind digits, and behind the name or word that a talk is of;
behind any other word it could as well be a part of it.
"""

import re
import sys
from dataclasses import dataclass
from unicodedata import normalize

from data.world import world_named
from plumbing.config import check_options, parse_config, path_and_options, positive

if __name__ == "__main__":  # answer --help and slips before torch, a second's work, loads
    check_options(__file__, path_and_options(sys.argv[1:])[1])

from data.particles import join
from data.world.korean_grammar import ENDINGS, either_form, lexicon
from data.world.languages import KOREAN
from plumbing.errors import BadInput, run
from plumbing.machine import setup
from plumbing.records import wilson
from sampling import open_checkpoint, respond


@dataclass
class Config:
    preset: str = "default"  # there is one set of defaults
    n: int = 390  # questions, half of them turns of talk
    seed: int = 0  # of the questions that are drawn
    device: str = "auto"
    dtype: str = "auto"


def particles(text, names=()):
    """(right, all): how many particles of two forms fit the word before them. names: words that a
    talk is of, beside those that the world knows."""
    known = {*lexicon(), *(normalize("NFC", name) for name in names)}
    right = count = 0
    for found in re.findall(r"[가-힣]+|\d+[가-힣]*", normalize("NFC", text)):
        for cut in range(len(found) - 1, 0, -1):
            word, ending = found[:cut], found[cut:]
            marker = either_form(ending) if ending in ENDINGS else ending
            if (word in known or word.isdigit()) and marker != ending and found not in known:
                right += join(word + marker) == found
                count += 1
                break
    return right, count


def speech(prompts, texts):
    """{"polite": (answers, of all), "particles": (right ones, of all)}."""
    polite = sum(KOREAN.rudeness(text) == 0 for text in texts)
    pairs = []
    for prompt, text in zip(prompts, texts):
        pairs.append(particles(text, str(prompt.get("item", "")).split()))
    right, count = map(sum, zip(*pairs))
    return {"polite": (polite, len(texts)), "particles": (right, count)}


def own_answers(loaded, machine, n=390, seed=0):
    """{"sampled polite": (answers, of all), ...} of what a model answers itself, at temperature 1
    and its likeliest words, to `n` held-out questions, half of them turns of talk."""
    world = world_named(KOREAN.WORLD)
    half = (n + 1) // 2
    prompts = world.prompts("test", half, seed) + world.talks("test", half, seed=seed)
    asked = [prompt["messages"] for prompt in prompts]
    found = {}
    for name, temperature in (("sampled", 1.0), ("likeliest", 0.0)):
        draws = {"chat": loaded.chat, "temperature": temperature, "seed": seed}
        texts, _ = respond(loaded.model, loaded.tokenizer, asked, machine, **draws)
        for what, counts in speech(prompts, texts).items():
            found[f"{name} {what}"] = counts
    return found


def main(argv):
    """The command line: a checkpoint, then options."""
    path, options = path_and_options(argv)
    cfg = parse_config(Config, {"default": {}}, options)
    positive(cfg, "n")
    if not path:
        raise BadInput("which checkpoint? For example: python -m judges.speech out/ko/ppo/ckpt.pt")
    machine = setup(cfg)
    loaded = open_checkpoint(path, machine)
    for name, (good, count) in own_answers(loaded, machine, cfg.n, cfg.seed).items():
        low, high = wilson(good, max(1, count))
        share = good / max(1, count)
        print(f"  {name:<21} {share:>6.1%} of {count}   [{low:.1%}, {high:.1%}]")


if __name__ == "__main__":
    run(main, sys.argv[1:])
