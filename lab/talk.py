"""Conversation: which turns of talk a model answers rightly, skill by skill (ChatGPT's row).

    python -m lab.talk            five seeds, each in both number formats

Asked are the fine-tuned model, those that PPO and PPO-ptx make of it, and a control that was
fine-tuned on single questions only. Names, words, keys of facts and wordings are held out. A result
is called steady here if it holds in every seed and in both formats: formation of a skill is a
matter of luck in networks this small, and another machine is another draw.

reads   nothing; each stage it needs is run, in out/studies/seedS/ and out/studies/FORMAT/seedS/
writes  out/studies/talk.jsonl

A study that was stopped goes on where it stopped: finished stages and measured rows are kept.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from plumbing.config import check_options, parse_config, positive

if __name__ == "__main__":  # answer --help and slips before torch, a second's work, loads
    check_options(__file__)

import numpy as np

from judges.talk import asked_alone, by_skill, long_talk, one_talk
from lab.studies import append, make, take_up
from plumbing.errors import BadInput, run
from plumbing.machine import setup
from plumbing.records import print_table
from sampling import open_checkpoint

# --- configuration -----------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "tiny"  # how large the stages are
    out: str = "out/studies"  # one folder per seed, and the table
    seeds: int = 5  # seeds 1, 2, ...: each has its own base model and all that follows from it
    formats: str = "bfloat16,float32"  # number formats, each a run of its own
    n: int = 120  # turns of each skill
    device: str = "auto"
    dtype: str = "auto"  # of the runs in out/studies/seedS; auto takes what is fast here
    seed: int = 0  # of the turns that are drawn


PRESETS = {
    "tiny": {},
    "smoke": dict(out="out/studies_smoke", seeds=1, n=2, formats="float32"),
}
ARMS = ("sft", "ppo", "ppo_ptx", "sft_single")
SAMPLE = [  # a talk as a newcomer may have it
    "Hello!",
    "What can you do?",
    "What colour is the tractor?",
    "And where is it?",
    "My name is Mina.",
    "What is 2 + 3?",
    "Where is the unicorn?",
    "Thank you. What is my name?",
]


# --- measuring ---------------------------------------------------------------------------------


def answered(loaded, machine, n, seed=0, data="world"):
    """What one model answers, in the language of a world: rows {"about", "right", "n"} for each
    skill, for single questions, and for each turn of a long talk."""
    network = (loaded.model, loaded.tokenizer, machine)
    rows = []
    for skill, share in by_skill(*network, n, seed=seed, data=data).items():
        rows.append({"about": skill, "right": share, "n": n})
    for split, share in asked_alone(*network, data=data).items():
        rows.append({"about": f"single {split}", "right": share, "n": 390})
    for turn, share in enumerate(long_talk(loaded, machine, data=data), start=1):
        rows.append({"about": f"turn {turn}", "right": share, "n": 60})
    return rows


def talked(loaded, machine, lines):
    """One talk as it went, a row for each line."""
    about = {"about": "sample", "n": 1}
    found = one_talk(loaded, machine, lines)
    return [{**about, "asked": asked, "answered": answer} for asked, answer in found]


def measure(cfg, seed, arm, machine):
    """The rows of one model; of the first also a talk as it went."""
    loaded = open_checkpoint(make(cfg, seed, arm), machine)
    rows = answered(loaded, machine, cfg.n, cfg.seed)
    if arm == "sft" and seed == 1:
        rows += talked(loaded, machine, SAMPLE)
    return rows


# --- the study ---------------------------------------------------------------------------------


def each_format(cfg):
    """(name, configuration, machine) of each number format. What the other studies run anyway stays
    where they look for it."""
    machines = {name: setup(replace(cfg, dtype=name)) for name in cfg.formats.split(",")}
    usual = setup(cfg).dtype
    for name, machine in machines.items():
        where = cfg if machine.dtype == usual else replace(cfg, out=f"{cfg.out}/{name}", dtype=name)
        yield name, where, machine


def study(cfg, subject, arms, measure):
    """The rows of every model; those that are there are not measured again."""
    path = Path(cfg.out) / f"{subject}.jsonl"
    rows = take_up(path, cfg, "formats")
    if not all("format" in row for row in rows):
        raise BadInput(f"{path} does not say of which number format its rows are; move it away")
    for name, where, machine in each_format(cfg):
        for seed in range(1, cfg.seeds + 1):
            for arm in arms:
                about = {"seed": seed, "arm": arm, "format": name}
                if not any(about.items() <= row.items() for row in rows):
                    new = [{**about, **row} for row in measure(where, seed, arm, machine)]
                    rows = append(path, new, rows, cfg)
    return rows


def shares(rows, arm, about):
    """The shares of right answers of one kind, run by run."""
    rows = [row for row in rows if "right" in row]
    return [row["right"] for row in rows if (row["arm"], row["about"]) == (arm, about)]


def show(rows, what, arms):
    """The table: mean over the runs, and the worst of them."""
    table = []
    for about in dict.fromkeys(row["about"] for row in rows if "right" in row):
        cells = [about]
        for arm in arms:
            found = shares(rows, arm, about)
            cells.append(f"{np.mean(found):.1%} ({min(found):.0%})" if found else "")
        table.append(cells)
    runs = len({(row["seed"], row["format"]) for row in rows})
    print_table(
        f"right answers in {what}, mean of {runs} runs (and the worst); simulated judge",
        ["", *arms],
        table,
    )


def main(cfg):
    """The whole study; returns its rows."""
    positive(cfg, "seeds", "n")
    rows = study(cfg, "talk", ARMS, measure)
    show(rows, "talk", ARMS)
    return rows


# --- run ---------------------------------------------------------------------------------------

if __name__ == "__main__":
    run(lambda: main(parse_config(Config, PRESETS)))
