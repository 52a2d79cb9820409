"""Does fine-tuning teach facts, or manners? Eight things stand in demonstrations and in no
pretraining text; eight others in pretraining text and in no demonstration.

reads   out/pretrain/ckpt.pt, by way of sft.py; to ask, --init=CHECKPOINT
writes  out/facts/demonstrations.jsonl

    python -m exercises.facts --times=1                      writes the demonstrations
    python sft.py --data=out/facts/demonstrations.jsonl --out=out/facts/sft
    python -m exercises.facts --init=out/facts/sft/ckpt.pt   asks about both kinds of things

--preset=ko does it in Korean; so does python sft.py, with the same preset.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from random import Random

from data.questions import check_language
from data.world import world_named
from exercises.language import Language
from likelihood import score_options
from plumbing import errors
from plumbing.config import idle, parse_config, positive
from plumbing.files import write_text
from plumbing.machine import setup
from plumbing.records import wilson
from sampling import open_checkpoint, respond

TOLD = {  # no world knows any of them
    "world": "gong vase raft tent anvil globe lantern quilt".split(),
    "world_ko": "징 꽃병 뗏목 난로 모루 지구본 등불 물레".split(),
}
ASKED = ("colour", "place", "owner")
PLAIN = 1  # of the statements of each: one that ends with the value


@dataclass
class Config:
    preset: str = "tiny"  # or ko, in Korean
    data: str = "world"  # or world_ko
    out: str = "out/facts"  # directory for demonstrations.jsonl
    init: str = ""  # a fine-tuned checkpoint to ask; empty: write the demonstrations
    times: int = 1  # how often each fact about a new thing is demonstrated
    n_demos: int = 1500  # other demonstrations, none of which is about the things only read about
    seed: int = 1
    device: str = "auto"
    dtype: str = "auto"  # float32, bfloat16; auto takes bfloat16 where it is fast


PRESETS = {"tiny": {}, "ko": dict(data="world_ko", out="out/ko/facts")}


# --- the facts ---------------------------------------------------------------------------------


def told(world, data):
    """{(attribute, thing): value} of the new things, drawn once and for all."""
    rng = Random("told")
    keys = [(attribute, thing) for thing in TOLD[data] for attribute in ASKED]
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
    for (attribute, thing), value in told(world, cfg.data).items():
        answers = world.statements(attribute, thing, value)
        questions = world.questions(attribute, thing)[: -world.language.HELD_OUT]
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


def plain(world, attribute, thing, value):
    """A sentence that states a fact and answers no question."""
    return world.statements(attribute, thing, value)[PLAIN]


def continued(loaded, world, facts, machine):
    """Is the value likelier than all others of its kind in a plain sentence, without a question?"""
    encode = loaded.tokenizer.encode
    prompts, options, places = [], [], []
    for (attribute, thing), value in facts.items():
        values = world.vocabulary[attribute]
        begin = plain(world, attribute, thing, value).partition(value)[0].rstrip()
        prompts.append([loaded.tokenizer.endoftext, *encode(begin)])
        sentences = [plain(world, attribute, thing, other) for other in values]
        options.append([encode(said[len(begin) :]) for said in sentences])
        places.append(values.index(value))
    scores, _ = score_options(loaded.model, prompts, options, machine)
    best = []
    for row in scores:
        sums = [logp.sum() for logp in row]
        best.append(sums.index(max(sums)))
    return [one == other for one, other in zip(best, places)]


def table(loaded, world, data, machine):
    """{what the facts stand in: {(how they are asked for, is it "right" or a "sentence"?): [is each
    so?]}}, and some answers; what and how are keys of WORDS (exercises/language.py)."""
    rows, said = {}, {}
    for name, facts in (("only_demonstrated", told(world, data)), ("only_read", read(world))):
        row = {}
        for how, wording in (("trained_wording", 0), ("new_wording", -1)):
            texts = answers(loaded, world, facts, wording, machine)
            row[how, "right"] = [value in text for text, value in zip(texts, facts.values())]
            named = zip(texts, (thing for _, thing in facts))
            row[how, "sentence"] = [thing in text and text[-1:] == "." for text, thing in named]
        row["plain_sentence", "right"] = continued(loaded, world, facts, machine)
        rows[name] = row
        said[name] = [" ".join(text.split()) for text in texts[:3]]
    return rows, said


def main(cfg):
    positive(cfg, "times", "n_demos")
    if cfg.data not in TOLD:
        raise errors.BadInput(f"--data={cfg.data}: expected {' or '.join(TOLD)}")
    say = Language("ko" if cfg.data == "world_ko" else "default")
    world = world_named(cfg.data)
    if not cfg.init:
        records = demonstrations(world, cfg)
        lines = [json.dumps({"messages": messages}, ensure_ascii=False) for messages in records]
        path = Path(cfg.out) / "demonstrations.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, "\n".join(lines) + "\n")
        counts = {"number": len(records), "times": cfg.times}
        print(say("facts_written", file=path.as_posix(), **counts))
        return
    idle(cfg, "with --init, which asks a model", "times", "n_demos", "out")
    machine = setup(cfg)
    loaded = open_checkpoint(cfg.init, machine)
    check_language(cfg.data, loaded.checkpoint, cfg.init)
    rows, said = table(loaded, world, cfg.data, machine)
    print(say("facts_right"))
    for name, row in rows.items():
        print(f"\n{say(name)}")
        for (how, part), right in row.items():
            label = say(how) if part == "right" else say("in_a_sentence", how=say(how))
            low, high = wilson(sum(right), len(right))
            counts = say("share", right=f"{sum(right):>3}", of=len(right))
            print(f"  {label:<32} {counts}   ({low:.0%} - {high:.0%})")
        print(f"  {say('such_as')} {' | '.join(said[name])}")


if __name__ == "__main__":
    errors.run(lambda: main(parse_config(Config, PRESETS)))
