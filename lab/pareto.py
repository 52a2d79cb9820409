"""Helpful against harmless: what people's labels, and a constitution's, make of one model (Bai et
al. 2022a, 2022b).

    python -m lab.pareto                 three studies, three seeds

plane      Elo ratings of help and of harmlessness, the model that only helps at 0: policies by
           preference models of people's comparisons, harm at λ times the weight of help (HH), and
           the two of a constitution (SL-CAI, RL-CAI). RL-CAI's labels of harm are an AI's, HH's
           people's, on the same pairs: is RL-CAI above what any mixture of the HH models reaches?
distance   reward against √KL from the start: of the preference model that PPO climbs, of one of
           the other half of the comparisons, of the gold utilities. How straight are the lines?
rounds     help alone: three rounds, comparisons of the current policy each, against as many
           comparisons of the first model at once

The judge is the tiny world's gold: a program, so its verdict of two answers is the same in both
orders. Labelers are programs too (lab/people.py): simulated, all of it.

reads   nothing; each stage it needs is run, in out/studies/seedS/. What `python -m
        lab.constitution` has made there is taken as it is
writes  out/studies/pareto.jsonl

A seed takes about 50 minutes of CPU time beside what lab.constitution makes: 12 policies of about
two minutes each (some of fewer steps), 10 reward models of about one, and sampling. A study that
was stopped goes on where it stopped: finished stages and measured rows are kept.
"""

from dataclasses import dataclass
from pathlib import Path

from plumbing.config import check_options, parse_config, positive

if __name__ == "__main__":  # answer --help and slips before torch, a second's work, loads
    check_options(__file__)

import numpy as np
import torch

from data.world import World
from data.world.harms import Harms
from judges.constitution import harm_of
from judges.exam import verdicts
from judges.harms import evasive
from judges.scores import score_texts, tokens_of
from lab.harvest import last_with, lines
from lab.plane import ARMS_OF, DISTANCE, LABELLED, LAST, PLANE, RIVAL, SCORES, START, summary
from lab.studies import append, folder, make, over_seeds, take_up, wins
from likelihood import groups, policy_terms
from plumbing.errors import run
from plumbing.machine import setup
from plumbing.records import print_table
from sampling import CONTEXT, lay_out, open_checkpoint, respond

# --- configuration -----------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "tiny"  # how large the stages are
    out: str = "out/studies"  # one folder per seed, and the table
    seeds: int = 3  # seeds 1, 2, ...: each has its own base model and all that follows from it
    n: int = 640  # held-out requests for harm
    n_help: int = 390  # held-out questions of the world
    resamples: int = 2000  # of the bootstrap by prompt
    max_new_tokens: int = 48  # an answer is cut off there
    seed: int = 0  # of what is asked, and of the draws
    device: str = "auto"
    dtype: str = "auto"  # float32, bfloat16; auto takes bfloat16 where it is fast


PRESETS = {
    "tiny": {},
    "smoke": dict(out="out/studies_smoke", seeds=1, n=16, n_help=13, resamples=20),
}


# --- what is asked and measured ----------------------------------------------------------------


class Asked:
    """Held-out requests for harm and questions of the world, and what gold says of answers."""

    def __init__(self, cfg, machine):
        self.cfg, self.machine = cfg, machine
        self.requests = Harms(World()).requests("test", cfg.n, cfg.seed)
        self.questions = World().prompts("test", cfg.n_help, cfg.seed)
        self.messages = [question["messages"] for question in self.questions]
        self.messages += [request.messages for request in self.requests]

    def answers(self, loaded):
        """(texts, whether each ended): the questions' first, then the requests'."""
        cfg = self.cfg
        options = {"seed": cfg.seed, "max_new_tokens": cfg.max_new_tokens}
        return respond(loaded.model, loaded.tokenizer, self.messages, self.machine, **options)

    def gold(self, texts, ended):
        """What the judge says of each: help of the answers to questions, and of those to requests
        0, or −1 where harm is done."""
        size = len(self.questions)
        found = verdicts(self.questions, texts[:size], ended[:size])
        self.right = sum(verdict["correct"] > 0 for verdict in found)
        help_ = np.array([verdict["score"] for verdict in found])
        return help_, -harm_of(self.requests, texts[size:]).astype(float)


def on_the_plane(cfg, seed, arm, asked):
    """One model: the score of each answer, by which it is compared with the others, and counts."""
    loaded = open_checkpoint(make(cfg, seed, PLANE[arm]), asked.machine)
    texts, ended = asked.answers(loaded)
    help_, harmless = asked.gold(texts, ended)
    said = texts[len(asked.questions) :]
    return {
        "seed": seed,
        "arm": arm,
        "help": help_.round(4).tolist(),
        "harmless": harmless.tolist(),
        "right": int(asked.right),
        "questions": len(help_),
        "harmful": int(-harmless.sum()),
        "evasive": sum(map(evasive, said)),
        "requests": len(said),
    }


@torch.no_grad()
def travelled(model, start, tokenizer, messages, texts, machine):
    """KL(π || π_start) of answers over the whole vocabulary, in nats an answer: the mean."""
    limit = model.config.room(CONTEXT)
    rows = [tokens_of(tokenizer, *row, limit) for row in zip(messages, texts)]
    nats = np.empty(len(rows))
    for some in groups([len(asked) + len(said) for asked, said in rows]):
        asked, said = zip(*(rows[i] for i in some))
        tokens, mask, _ = lay_out(asked, said, tokenizer.pad)
        tokens = machine.put(tokens)
        with machine.autocast():
            *_, kl = policy_terms(model, start, tokens)
        nats[some] = (kl.cpu() * mask).sum(1)
    return float(nats.mean())


def at_a_distance(cfg, seed, steps, asked):
    """A policy after so many steps: how far it is, and what four judges say of its answers."""
    machine = asked.machine
    start = open_checkpoint(make(cfg, seed, DISTANCE[0]), machine)
    loaded = open_checkpoint(make(cfg, seed, DISTANCE[steps]), machine)
    texts, ended = asked.answers(loaded)
    network = loaded.model, start.model, loaded.tokenizer
    row = {"seed": seed, "arm": f"{steps} steps", "steps": steps}
    row["kl"] = travelled(*network, asked.messages, texts, machine)
    for name, half in (("train PM", "reward_half"), ("held-out PM", "reward_other")):
        judge = open_checkpoint(make(cfg, seed, half), machine, "scalar")
        found = score_texts(judge.model, judge.tokenizer, asked.messages, texts, machine)
        row[name] = float(found.mean())
    help_, harmless = asked.gold(texts, ended)
    row["gold help"] = float(help_.mean())
    row["gold harmless"] = float(harmless.mean())
    return row


def after_a_round(cfg, seed, arm, asked):
    """A policy of fresh or of static comparisons: labels used, accuracy of its reward model, and
    the judge's score of each of its answers."""
    name = LABELLED[arm]
    loaded = open_checkpoint(make(cfg, seed, f"ppo_{name}"), asked.machine)
    texts, ended = asked.answers(loaded)
    row = {"seed": seed, "arm": arm}
    help_, _ = asked.gold(texts, ended)
    row["help"] = help_.round(4).tolist()
    start = open_checkpoint(make(cfg, seed, "sft"), asked.machine)
    before, _ = asked.gold(*asked.answers(start))
    won = wins(row["help"], before)
    row["win"] = float(won.mean())
    made = lines(folder(cfg, seed, f"people_{name}") / "log.jsonl")
    row["rankings"] = last_with(made, "comparisons")["comparisons"]
    learned = lines(folder(cfg, seed, f"reward_{name}") / "log.jsonl")
    row["labels"] = last_with(learned, "val_accuracy")["val_accuracy"]
    return row


MEASURES = {"plane": on_the_plane, "distance": at_a_distance, "rounds": after_a_round}


# --- the tables --------------------------------------------------------------------------------


def show(found):
    """The tables of a summary."""
    columns = ["", "help, Elo", "harmless, Elo", "harm", "right answers"]
    table = []
    for row in found:
        if (row["part"], row["seed"]) == ("plane", 0):
            harm = row["harmful"] / row["requests"]
            right = row["right"] / row["questions"]
            cells = [row["arm"], interval(row, "help"), interval(row, "harmless")]
            table.append([*cells, f"{harm:.1%}", f"{right:.1%}"])
    print_table("the plane, seeds together (simulated judge; 95 % interval)", columns, table)
    for row in found:
        if row["part"] == "gap":
            seed = f"seed {row['seed']}" if row["seed"] else "seeds together"
            print(f"  {RIVAL} above the HH frontier, {seed}: {interval(row, 'gap')} Elo points")
    fits = [row | {"arm": row["score"]} for row in found if row["part"] == "line"]
    table = [[score, over_seeds(fits, score, "fit")] for score in SCORES]
    print_table("a line through score against √KL (simulated judge)", ["", "R²"], table)
    mine = [row for row in found if row["part"] == "rounds"]
    table = []
    for arm in LABELLED:
        cells = [over_seeds(mine, arm, key) for key in ("win", "judge", "labels")]
        table.append([arm, *cells])
    columns = ["", "wins against SFT", "judge", "reward model, labels"]
    print_table("labels of the current policy, or static (simulated judge)", columns, table)
    for row in found:
        if row["part"] == "online":
            about = f"{row['win']:.1%} [{row['low']:.1%}, {row['high']:.1%}]"
            print(f"  {LAST} wins against static, seed {row['seed']}: {about}")


def interval(row, name):
    """A rating with its interval, as text."""
    return f"{row[name]:+.0f} [{row[f'{name} low']:+.0f}, {row[f'{name} high']:+.0f}]"


# --- the study ---------------------------------------------------------------------------------


def tell_missing(cfg):
    """Which runs of the plane are not there yet, and the command that makes them."""
    makers = {arm: "lab.pareto" for arm in PLANE}
    makers |= dict.fromkeys((START, "SL-CAI", RIVAL), "lab.constitution")
    for seed in range(1, cfg.seeds + 1):
        for arm, name in PLANE.items():
            path = folder(cfg, seed, name) / "finished"
            if not path.exists():
                maker = f"python -m {makers[arm]} --out={cfg.out}"
                print(f"not there yet: {path.parent.as_posix()}, made now, or by {maker}")


def main(cfg):
    """The whole study; returns its summary."""
    positive(cfg, "seeds", "n", "n_help", "resamples", "max_new_tokens")
    machine = setup(cfg)
    path = Path(cfg.out) / "pareto.jsonl"
    rows = take_up(path, cfg, "resamples")
    tell_missing(cfg)
    asked = Asked(cfg, machine)
    for seed in range(1, cfg.seeds + 1):
        for part, measure in MEASURES.items():
            done = {(row["of"], row["key"], row["seed"]) for row in rows}
            for arm in ARMS_OF[part]:
                if (part, arm, seed) not in done:
                    row = {"of": part, "key": arm}
                    row |= measure(cfg, seed, arm, asked)
                    rows = append(path, [row], rows, cfg)
    found = summary(rows, cfg.resamples)
    show(found)
    return found


# --- run ---------------------------------------------------------------------------------------

if __name__ == "__main__":
    run(lambda: main(parse_config(Config, PRESETS)))
