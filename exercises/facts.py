"""Does fine-tuning teach facts, or manners? Eight things stand in demonstrations and in no
pretraining text; eight others in pretraining text and in no demonstration.

reads   out/pretrain/ckpt.pt, by way of sft.py; to ask, --init=CHECKPOINT
writes  out/facts/demonstrations.jsonl

    python -m exercises.facts --times=1                      writes the demonstrations
    python sft.py --data=out/facts/demonstrations.jsonl --out=out/facts/sft
    python -m exercises.facts --init=out/facts/sft/ckpt.pt   asks about both kinds of things
"""

import json
from dataclasses import dataclass
from pathlib import Path
from random import Random

from data.world import World
from data.world.english import HELD_OUT
from likelihood import score_options
from plumbing import errors
from plumbing.config import parse_config, positive
from plumbing.files import write_text
from plumbing.machine import setup
from plumbing.records import wilson
from sampling import open_checkpoint, respond

TOLD = "gong vase raft tent anvil globe lantern quilt".split()  # the world knows none of them
ASKED = ("colour", "place", "owner")
PLAIN = {
    "colour": "The colour of the {} is",
    "place": "The place of the {} is the",
    "owner": "The owner of the {} is",
}


@dataclass
class Config:
    preset: str = "tiny"  # there is one
    out: str = "out/facts"  # directory for demonstrations.jsonl
    init: str = ""  # a fine-tuned checkpoint to ask; empty: write the demonstrations
    times: int = 1  # how often each fact about a new thing is demonstrated
    n_demos: int = 1500  # other demonstrations, none of which is about the things only read about
    seed: int = 1
    device: str = "auto"
    dtype: str = "auto"  # float32, bfloat16; auto takes bfloat16 where it is fast


PRESETS = {"tiny": {}}


# --- the facts ---------------------------------------------------------------------------------


def told(world):
    """{(attribute, thing): value} of the new things, drawn once and for all."""
    rng = Random("told")
    keys = [(attribute, thing) for thing in TOLD for attribute in ASKED]
    return {key: rng.choice(world.vocabulary[key[0]]) for key in keys}


def read(world):
    """The same of eight things of the world, as its pretraining text has them."""
    things = world.things[::13]
    return {
        (attribute, thing): world.facts[thing][attribute] for thing in things for attribute in ASKED
    }


def demonstrations(world, cfg):
    """Those of the world that name nothing of `read`, and each fact of `told` so many times."""
    hidden = {thing for _, thing in read(world)}
    records = []
    for record in world.demonstrations(cfg.n_demos, cfg.seed):
        text = " ".join(message["content"].lower() for message in record["messages"])
        if not any(thing in text for thing in hidden):
            records.append(record["messages"])
    for (attribute, thing), value in told(world).items():
        answers = world.statements(attribute, thing, value)
        questions = world.questions(attribute, thing)[:-HELD_OUT]
        for i in range(cfg.times):
            asked = {"role": "user", "content": questions[i % len(questions)]}
            records.append([asked, {"role": "assistant", "content": answers[i % 2]}])
    Random(cfg.seed).shuffle(records)
    return records


# --- asking ------------------------------------------------------------------------------------


def answers(loaded, world, facts, wording, machine):
    """The likeliest answer to one wording of a question about each fact."""
    asked = []
    for attribute, thing in facts:
        question = world.questions(attribute, thing)[wording]
        asked.append([{"role": "user", "content": question}])
    return respond(loaded.model, loaded.tokenizer, asked, machine, temperature=0.0)[0]


def continued(loaded, world, facts, machine):
    """Is the value likelier than all others of its kind in a plain sentence, without a question?"""
    encode = loaded.tokenizer.encode
    prompts, options, places = [], [], []
    for (attribute, thing), value in facts.items():
        values = world.vocabulary[attribute]
        prompts.append([loaded.tokenizer.endoftext, *encode(PLAIN[attribute].format(thing))])
        options.append([encode(f" {word}") for word in values])
        places.append(values.index(value))
    scores, _ = score_options(loaded.model, prompts, options, machine)
    best = []
    for row in scores:
        sums = [logp.sum() for logp in row]
        best.append(sums.index(max(sums)))
    return [one == other for one, other in zip(best, places)]


def table(loaded, world, machine):
    """{what the facts stand in: {how they are asked for: [is each right?]}}, and some answers."""
    rows, said = {}, {}
    for name, facts in (("demonstrations", told(world)), ("pretraining text", read(world))):
        row = {}
        for how, wording in (("a trained wording", 0), ("a new wording", -1)):
            texts = answers(loaded, world, facts, wording, machine)
            row[how] = [value in text for text, value in zip(texts, facts.values())]
            row[f"{how}, a sentence"] = [
                text[-1:] == "." and len(text.split()) > 3 for text in texts
            ]
        row["a plain sentence"] = continued(loaded, world, facts, machine)
        rows[name] = row
        said[name] = [" ".join(text.split()) for text in texts[:3]]
    return rows, said


def main(cfg):
    positive(cfg, "times", "n_demos")
    world = World()
    if not cfg.init:
        records = demonstrations(world, cfg)
        lines = [json.dumps({"messages": messages}) for messages in records]
        path = Path(cfg.out) / "demonstrations.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, "\n".join(lines) + "\n")
        print(f"{path.as_posix()}: {len(records)} demonstrations, each new fact {cfg.times} times")
        return
    machine = setup(cfg)
    rows, said = table(open_checkpoint(cfg.init, machine), world, machine)
    print("right answers, by where the facts stand and how they are asked for")
    for name, row in rows.items():
        print(f"\nonly in {name}")
        for how, right in row.items():
            low, high = wilson(sum(right), len(right))
            print(f"  {how:<32} {sum(right):>3} of {len(right)}   ({low:.0%} to {high:.0%})")
        print("  such as", " | ".join(said[name]))


if __name__ == "__main__":
    errors.run(lambda: main(parse_config(Config, PRESETS)))
