"""Why does a scalar at the end not learn facts? Reward models that differ in one thing each.

    python -m lab.reward                                         all of them, three seeds
    python -m lab.reward --split=dev --rates=0.001,0.002,0.004   which rate? the test is kept

All learn from the same rankings. Each is asked two things of held-out questions: of two answers in
the same words, does the right one score above the wrong one, and are sampled answers in the hidden
judge's order? Nothing that learns is told what is true but by the rankings, unless its name says
so. Judge and labelers are programs: simulated.

reads   nothing; each stage it needs is run, in out/studies/seedS/
writes  out/studies/reward_variants.jsonl, with --split=dev reward_variants_dev.jsonl

A study that was stopped goes on where it stopped: finished stages and measured rows are kept.
"""

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from plumbing.config import check_options, parse_config, positive

if __name__ == "__main__":  # answer --help and slips before torch, a second's work, loads
    check_options(__file__)

import numpy as np
import torch
from torch import nn

import optim
from data.formats import read_comparisons
from data.world import World
from judges.agreement import accuracy, bag_of_words, pairs_of
from judges.diagnosis import right_first
from judges.exam import gold
from judges.rankings import sample_comparisons
from judges.scores import score_texts
from lab.studies import SCALAR, append, folder, is_missing, make, over_seeds, take_up
from likelihood import answer_scores
from model import GPT, nll
from plumbing.batches import Batches
from plumbing.checkpoint import load_checkpoint
from plumbing.errors import BadInput, run
from plumbing.machine import Machine, setup
from plumbing.records import print_table
from reward import Config as Stage
from reward import get_batch, length, ranking_loss
from tokenizer import Tokenizer

# --- configuration -----------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "tiny"  # how large the stages are
    out: str = "out/studies"  # one folder per seed, and the table
    seeds: int = 3  # seeds 1, 2, ...: each has its own base model and all that follows from it
    split: str = "test"  # which held-out questions: "test", or "dev" to choose by
    rates: str = ""  # of Muon, with commas between: the default and the scalar at each, on dev
    n_eval: int = 390  # held-out questions
    seed: int = 0  # of their choice
    device: str = "auto"
    dtype: str = "auto"  # float32, bfloat16, float16; auto takes what is fast here


PRESETS = {
    "tiny": {},
    "smoke": dict(out="out/studies_smoke", seeds=1, n_eval=26),
}
WORDS_RATE = Stage.matrix_lr  # Muon's, with the words kept
SCALAR_RATE = SCALAR["matrix_lr"]  # and without


def read_rates(cfg):
    """The rates that --rates names. Raises BadInput where they are none."""
    if cfg.split not in ("dev", "test"):
        raise BadInput(f"--split={cfg.split}: expected dev or test")
    if cfg.rates and cfg.split == "test":
        raise BadInput("--rates: a rate is chosen on other questions than the test: --split=dev")
    try:
        rates = [float(rate) for rate in cfg.rates.split(",")] if cfg.rates else []
    except ValueError:
        rates = [-1.0]
    if not all(0 < rate < 1 for rate in rates):
        raise BadInput(f"--rates={cfg.rates}: expected numbers from 0 to 1: --rates=0.002,0.007")
    return rates


# --- what all reward models of a seed share ------------------------------------------------------


@dataclass
class Ground:
    cfg: Config
    seed: int
    machine: Machine
    tokenizer: Tokenizer
    rankings: list  # what is learned from
    held: list  # answers to held-out questions, sampled
    pairs: list  # two answers in the same words, the right one first

    def start(self, run, kind=GPT, **changes):
        """The network of a run, with another head where `changes` say so."""
        saved = load_checkpoint(make(self.cfg, self.seed, run))
        model = kind.from_checkpoint(saved, **changes, dropout=0.0)
        if changes.get("head") == "reward":
            model.alpha.fill_(Stage().alpha)
        return model.to(self.machine.device)


def prepare(cfg, seed, machine):
    """The rankings that reward.py made with this seed, and what is asked of all that learn."""
    make(cfg, seed, "reward")
    rankings = list(read_comparisons(folder(cfg, seed, "reward") / "comparisons.jsonl"))
    saved = load_checkpoint(make(cfg, seed, "sft"))
    tokenizer = Tokenizer.from_json(saved["tokenizer"])
    sft = GPT.from_checkpoint(saved).to(machine.device)
    world = World()
    asked = world.asked_of(cfg.split, cfg.n_eval, cfg.seed)
    held = sample_comparisons(sft, tokenizer, asked, Stage(), machine, 10**6 + seed)
    pairs = world.same_worded(cfg.split, cfg.n_eval, cfg.seed)
    return Ground(cfg, seed, machine, tokenizer, rankings, held, pairs)


def fit(ground, model, records, rate, stage=None):
    """Train a reward model as reward.py does by the options `stage`, one pass over the records;
    returns it."""
    stage = stage or Stage()
    machine = ground.machine
    size = stage.batch_size
    optimizers = optim.build(model, stage.lr, rate, dtype=machine.dtype)
    lengths = [length(record) for record in records]
    batches = Batches(len(records), size, ground.seed, lengths=lengths)
    steps = math.ceil(len(records) / size)
    model.train()
    for step in range(steps):
        batch = [records[i] for i in batches[step]]
        tokens, last, mask, ranks, _ = get_batch(batch, ground.tokenizer, stage, machine)
        with machine.autocast():
            scores = answer_scores(model, tokens, last, mask).view(ranks.shape)  # (N, K)
        # All pairs of a question come from one pass of its answers.
        ranking_loss(scores, ranks).backward()
        optim.step(optimizers, model, optim.learning_rate(step, steps))
    return model


# --- the variants ------------------------------------------------------------------------------


class Weighed(GPT):
    """A scalar, and beside it a `feature` of the answer whose weight is learned, from 0."""

    def __init__(self, config):
        super().__init__(config)
        self.alpha = nn.Parameter(torch.zeros(()))

    def forward(self, tokens, targets):
        x = self.trunk(tokens)
        scalar = self.scalar_head(x).squeeze(-1).float()  # (B, T)
        # AdamW's steps are small beside a weight of about one, so here they count tenfold.
        return scalar + 10 * self.alpha * self.feature(x, tokens, targets)


def own_words(model, x, tokens, targets):
    """mean_t log p(y_t) by the words of the network that learns, (B, 1) from states x (B, T, C)."""
    loss = nll(x.flatten(0, 1), model.wte.weight, targets.flatten()).view_as(targets)
    count = (targets >= 0).sum(1, keepdim=True)
    return -loss.sum(1, keepdim=True) / count


@torch.no_grad()
def worst_word(sft, x, tokens, targets):
    """min_t [log π(y_t) − max_v log π(v)] by a frozen network, (B, 1): 0 where it would have said
    every word itself. tokens, targets (B, T); a target of −1 counts for nothing."""
    logp = sft(tokens).float().log_softmax(-1)  # (B, T, V)
    taken = logp.gather(2, targets.clamp(min=0)[:, :, None]).squeeze(2)
    surprise = (taken - logp.amax(2)).masked_fill(targets < 0, 0.0)  # (B, T)
    return surprise.amin(1, keepdim=True)


def run_of(name, ground):
    """What reward.py itself has trained."""
    return ground.start(name)


def trained(start, head, rate, ground):
    """The scalar alone, or beside the words, from another start or at another rate."""
    return fit(ground, ground.start(start, head=head), ground.rankings, rate)


def learned_weight(ground):
    model = ground.start("sft", Weighed, head="scalar")
    model.feature = partial(own_words, model)
    return fit(ground, model, ground.rankings, WORDS_RATE)


def frozen_surprise(ground):
    model = ground.start("sft", Weighed, head="scalar")
    sft = ground.start("sft").eval().requires_grad_(False)
    model.feature = partial(worst_word, sft)
    return fit(ground, model, ground.rankings, SCALAR_RATE)


def clean_pairs_first(ground):
    """As many pairs, one right and one wrong in the same words, of questions of training."""
    pairs = World().same_worded("rm", len(ground.rankings), seed=ground.seed)
    clean = [{**pair, "ranking": [[0], [1]]} for pair in pairs]
    model = fit(ground, ground.start("sft", head="scalar"), clean, SCALAR_RATE)
    return fit(ground, model, ground.rankings, SCALAR_RATE)


def likelihood(ground):
    """The default before it has learned anything: a fresh scalar says 0, the words all."""
    return ground.start("sft", head="reward")


# name of a row -> what makes its reward model; lab/tables.py says what it is in words
VARIANTS = {
    "words": partial(run_of, "reward"),
    "learned_weight": learned_weight,
    "frozen_surprise": frozen_surprise,
    "scalar": partial(run_of, "reward_scalar"),
    "four_epochs": partial(run_of, "reward_scalar_e4"),
    "from_base": partial(trained, "pretrain", "scalar", SCALAR_RATE),
    "clean_pairs_first": clean_pairs_first,
    "bag_of_words": None,  # no network
    "likelihood": likelihood,
}


def variants(cfg):
    """The rows that are asked for."""
    found = {}
    for rate in read_rates(cfg):
        found[f"words, Muon {rate:g}"] = partial(trained, "sft", "reward", rate)
        found[f"scalar, Muon {rate:g}"] = partial(trained, "sft", "scalar", rate)
    return found or VARIANTS


# --- measuring ---------------------------------------------------------------------------------


def scores_of(ground, model, records):
    """What a reward model says of each answer, (N, K)."""
    if model is None:
        return np.array(bag_of_words(ground.rankings, records))
    asked = [record["messages"] for record in records for _ in record["responses"]]
    texts = [text for record in records for text in record["responses"]]
    found = score_texts(model, ground.tokenizer, asked, texts, ground.machine)
    return found.reshape(len(records), -1)


def measure(ground, name, make_model):
    """One row of the table."""
    model = make_model(ground) if make_model else None
    right = right_first(ground.pairs, scores_of(ground, model, ground.pairs))
    margins, wins = pairs_of(ground.held, scores_of(ground, model, ground.held), gold)
    return {
        "seed": ground.seed,
        "arm": name,
        "same_worded": right["all"],
        "judge": accuracy(margins, wins),
        "n": len(ground.pairs),
        "judged": len(wins),
    }


# --- the study ---------------------------------------------------------------------------------


def study(cfg, machine):
    """The rows of every variant and seed; those that are there are not measured again."""
    wanted = variants(cfg)
    name = "reward_variants" if cfg.split == "test" else "reward_variants_dev"
    path = Path(cfg.out) / f"{name}.jsonl"
    rows = take_up(path, cfg, "rates")
    for seed in range(1, cfg.seeds + 1):
        missing = [name for name in wanted if is_missing(rows, seed, name)]
        ground = prepare(cfg, seed, machine) if missing else None
        for name in missing:
            rows = append(path, [measure(ground, name, wanted[name])], rows, cfg)
    return rows


def show(rows, seeds, split):
    """The table over seeds."""
    table = []
    for name in dict.fromkeys(row["arm"] for row in rows):
        cells = [over_seeds(rows, name, key) for key in ("same_worded", "judge")]
        table.append([name, *cells])
    print_table(
        f"held-out questions ({split}), {seeds} seeds (simulated judge; mean ± 95% interval)",
        ["", "right over wrong, same words", "in the judge's order"],
        table,
    )


def main(cfg):
    """The whole study; returns its rows."""
    positive(cfg, "seeds", "n_eval")
    rows = study(cfg, setup(cfg))
    show(rows, cfg.seeds, cfg.split)
    return rows


# --- run ---------------------------------------------------------------------------------------

if __name__ == "__main__":
    run(lambda: main(parse_config(Config, PRESETS)))
