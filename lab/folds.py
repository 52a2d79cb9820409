"""How well does a reward model order people's comparisons? Each is held out once, in five folds.

    python -m lab.folds --data=harmless-base/test.jsonl.gz

Beside the network stand what needs none, on the same pairs: the shorter answer, and a logistic
regression on the words of the answers. A fold holds out whole questions. What a small network of
the tiny world makes of people's English is said as it comes out: it has read hardly a word of it.

reads   --data, comparisons in any form that reward.py reads; --init, the model to start from
writes  out/studies/folds/folds.jsonl, a row a fold

A study that was stopped goes on where it stopped: measured folds are kept.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from plumbing.config import check_options, fit_len, parse_config, positive

if __name__ == "__main__":  # answer --help and slips before torch, a second's work, loads
    check_options(__file__)

import numpy as np
import torch

from data.comparisons import load
from judges.agreement import accuracy, bag_of_words, pairs_of, places
from lab.reward import fit
from lab.studies import append, is_missing, machine_of, take_up
from plumbing.errors import BadInput, run
from plumbing.inputs import refuse_missing, supply
from plumbing.machine import setup
from plumbing.records import print_table
from reward import Config as Stage
from reward import score_records
from sampling import load_model

# --- configuration -----------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "tiny"  # how large the model is
    data: str = ""  # a file of comparisons, or several: a,b
    out: str = "out/studies/folds"  # where the rows are written
    init: str = "out/sft/ckpt.pt"  # the model to start from; made if it is missing
    folds: int = 5  # parts, each of which is held out once
    alpha: float = 0.0  # of the words' log p beside the scalar
    matrix_lr: float = 0.007  # Muon's rate, that of the scalar alone
    max_len: int = 256  # tokens of question and answer; a longer pair loses its left
    seed: int = 1
    device: str = "auto"
    dtype: str = "auto"  # float32, bfloat16; auto takes bfloat16 where it is fast


PRESETS = {
    "tiny": {},
    "gpt2": dict(
        init="out/sft_gpt2/ckpt.pt", out="out/studies/folds_gpt2", max_len=1024, matrix_lr=0.0
    ),
}


def check(cfg):
    """Refuse options that make no study; one line each."""
    positive(cfg, "folds", "max_len")
    if cfg.folds < 2:
        raise BadInput(f"--folds={cfg.folds}: at least 2, of which one is held out")
    if not cfg.data:
        raise BadInput("--data=FILE: give the comparisons to be ordered")
    refuse_missing(cfg)


# --- folds -------------------------------------------------------------------------------------


def parts(records, n, seed):
    """The fold of each record, (N,): those of one question are together."""
    asked = [json.dumps(record["messages"]) for record in records]
    questions = sorted(set(asked))
    order = np.random.default_rng(seed).permutation(len(questions))
    fold = {questions[i]: place % n for place, i in enumerate(order)}
    return np.array([fold[question] for question in asked])


def shortness(record):
    """What prefers the shorter answer: minus the characters of each."""
    return [-len(text) for text in record["responses"]]


def measure(cfg, records, fold, machine):
    """The row of one fold: the accuracy of the network, of the words, of the shorter answer."""
    checkpoint = supply(cfg.init, "sft.py", cfg.preset, ("sft", "pretrain"), f"--seed={cfg.seed}")
    head = "reward" if cfg.alpha else "scalar"
    model, tokenizer = load_model(checkpoint, cfg.init, head=head, dropout=0.0)
    if cfg.alpha:
        model.alpha.fill_(cfg.alpha)
    model = model.to(machine.device)
    fit_len(cfg, model.config)
    of = parts(records, cfg.folds, cfg.seed)
    train = [records[i] for i in np.flatnonzero(of != fold)]
    held = [records[i] for i in np.flatnonzero(of == fold)]

    stage = Stage(max_len=cfg.max_len)
    ground = SimpleNamespace(machine=machine, tokenizer=tokenizer, seed=cfg.seed)
    machine.seed(cfg.seed, fold)
    fit(ground, model, train, cfg.matrix_lr, stage)
    values = {"network": score_records(model, held, tokenizer, stage, machine)}
    values["bag_of_words"] = bag_of_words(train, held)
    values["shorter"] = [shortness(record) for record in held]
    about = {"device": str(machine.device), "dtype": str(machine.dtype), "torch": torch.__version__}
    row = {"seed": fold, "arm": "fold", "trained": len(train), "machine": machine_of(about)}
    for name, found in values.items():
        margins, wins = pairs_of(held, found, places)
        row[name] = accuracy(margins, wins)
        row["pairs"] = len(wins)
    return row


def collect(cfg):
    """Each fold, as the records have it. Raises FileNotFoundError where none was measured."""
    path = Path(cfg.out) / "folds" / "folds.jsonl"
    with open(path, encoding="utf-8") as file:
        _, *rows = map(json.loads, file)
    return [{**row, "n": row["pairs"]} for row in rows]


# --- the table ---------------------------------------------------------------------------------


def pooled(rows, name):
    """The share of all held-out pairs in the right order, and its standard error."""
    pairs = sum(row["pairs"] for row in rows)
    share = sum(row[name] * row["pairs"] for row in rows) / pairs
    return share, (share * (1 - share) / pairs) ** 0.5


def show(rows):
    """The table over all folds."""
    table = []
    for name in ("network", "bag_of_words", "shorter"):
        share, error = pooled(rows, name)
        table.append([name.replace("_", " "), f"{share:.1%} ± {error:.1%}"])
    pairs = sum(row["pairs"] for row in rows)
    print_table(f"{pairs} pairs, each held out once (± a standard error)", ["", "in order"], table)


def main(cfg):
    """The whole study; returns its rows."""
    check(cfg)
    machine = setup(cfg)
    path = Path(cfg.out) / "folds.jsonl"
    rows = take_up(path, cfg)
    records = load(cfg.data)
    if empty := {*range(cfg.folds)} - {*parts(records, cfg.folds, cfg.seed)}:
        questions = cfg.folds - len(empty)
        raise BadInput(
            f"--folds={cfg.folds}: {cfg.data} asks {questions} different questions, and a fold "
            "holds out whole ones; give fewer folds"
        )
    for fold in range(cfg.folds):
        if is_missing(rows, fold, "fold"):
            rows = append(path, [measure(cfg, records, fold, machine)], rows, cfg)
    show(rows)
    return rows


# --- run ---------------------------------------------------------------------------------------

if __name__ == "__main__":
    run(lambda: main(parse_config(Config, PRESETS)))
