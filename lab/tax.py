"""The alignment tax: does a model that learns to please predict text worse? (InstructGPT, §4.2)

    python -m lab.tax            three seeds of SFT, PPO at two prices of KL, PPO-ptx, DPO, and of
                                 GRPO and RLOO at the β that ends nearest to PPO's KL

Every model of every seed passes the same exam: what the hidden judge says of its answers to
held-out questions, its loss on pretraining text, and its few-shot accuracy. The judge is a program,
so all that is said of answers is simulated.

reads   nothing; each stage it needs is run, in out/studies/seedS/
writes  out/studies/tax.jsonl

A study that was stopped goes on where it stopped: finished stages and measured rows are kept.
"""

import math
from dataclasses import dataclass
from pathlib import Path

from plumbing.config import check_options, parse_config, positive

if __name__ == "__main__":  # answer --help and slips before torch, a second's work, loads
    check_options(__file__)

import numpy as np
import torch

from judges.exam import Exam, marks
from lab.studies import append, bootstrap, is_missing, make, over_seeds, rival_scores, take_up, wins
from likelihood import token_logprobs
from plumbing.errors import run
from plumbing.machine import setup
from plumbing.records import print_table
from sampling import answer, lay_out, open_checkpoint

# --- configuration -----------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "tiny"  # how large the stages are
    out: str = "out/studies"  # one folder per seed, and the table
    seeds: int = 3  # seeds 1, 2, ...: each has its own base model and all that follows from it
    n_eval: int = 390  # held-out questions
    n_lists: int = 1540  # few-shot prompts, the same for every model
    seed: int = 0  # of the evaluation's draws
    device: str = "auto"
    dtype: str = "auto"  # float32, bfloat16, float16; auto takes what is fast here


PRESETS = {
    "tiny": {},
    "smoke": dict(out="out/studies_smoke", seeds=1, n_eval=26, n_lists=28),
}
ARMS = ("pretrain", "sft", "ppo", "ppo_free", "ppo_ptx", "grpo", "rloo", "dpo")
COLUMNS = (
    "judge",
    "win",
    "correct",
    "correct_cool",
    "correct_greedy",
    "rude",
    "ended",
    "kl",
    "lm_loss",
    "few_shot",
    "few_shot_minus_sft",
    "made_up",
)
COOL = 0.55  # a temperature: how much of a gain is to be had by sampling more surely?


# --- measuring ---------------------------------------------------------------------------------


@torch.no_grad()
def answer_kl(model, sft, tokenizer, exam, machine):
    """Mean over the exam's questions of log π(y|x) − log π_SFT(y|x), y the model's own answer."""
    asked = [question["messages"] for question in exam.questions]
    prompts, answers, _, _ = answer(model, tokenizer, asked, machine, noise=exam.noise)
    tokens, mask, _ = lay_out(prompts, answers, tokenizer.pad)
    tokens = machine.put(tokens)
    with machine.autocast():
        ratio = token_logprobs(model, tokens) - token_logprobs(sft, tokens)  # (Q, T−1)
    return float((ratio * machine.put(mask)).sum(1).mean())


def measure(cfg, seed, name, machine):
    """One row of the table: what the judge, the language and the lists say of one model."""
    loaded = open_checkpoint(make(cfg, seed, "sft"), machine)
    sft = loaded.model
    tokenizer = loaded.tokenizer
    model = open_checkpoint(make(cfg, seed, name), machine).model
    exam = Exam(tokenizer, machine, cfg.n_eval, cfg.n_lists, cfg.seed)
    rival = rival_scores(sft, tokenizer, exam, machine, cfg.seed)
    chat = name != "pretrain"  # the base model is asked in the form of a transcript
    sampled, scores = exam(model, chat=chat)
    greedy, _ = exam(model, temperature=0.0, chat=chat)
    cool = marks(exam.answer(model, COOL, chat))
    won = wins(scores, rival)
    low, high = bootstrap(won, cfg.seed)
    lists = exam.few_shot(model)
    paired = lists.astype(float) - exam.few_shot(sft)  # prompt by prompt
    return {
        "seed": seed,
        "arm": name,
        **sampled,
        "judge_greedy": greedy["judge"],
        "correct_greedy": greedy["correct"],
        "correct_cool": cool["correct"],
        "win": float(won.mean()),
        "win_low": low,
        "win_high": high,
        "kl": answer_kl(model, sft, tokenizer, exam, machine) if chat else None,
        "zero_shot": float(exam.few_shot(model, 0).mean()),
        "few_shot": float(lists.mean()),
        "few_shot_minus_sft": float(paired.mean()),
        "few_shot_error": 1.96 * float(paired.std()) / math.sqrt(len(paired)),
        "made_up": float(exam.few_shot(model, 8, ("novel",)).mean()),
        "n": cfg.n_eval,
        "n_lists": cfg.n_lists,
    }


# --- the study ---------------------------------------------------------------------------------


def study(cfg, machine):
    """The rows of every arm and seed; those that are there are not measured again."""
    path = Path(cfg.out) / "tax.jsonl"
    rows = take_up(path, cfg)
    for seed in range(1, cfg.seeds + 1):
        for name in ARMS:
            if is_missing(rows, seed, name):
                rows = append(path, [measure(cfg, seed, name, machine)], rows, cfg)
    return rows


def show(rows, seeds):
    """The table over seeds, and what the tax is."""
    table = []
    for key in COLUMNS:
        table.append([key, *(over_seeds(rows, name, key) for name in ARMS)])
    print_table(
        f"alignment tax, {seeds} seeds (simulated judge; mean ± 95% interval)",
        ["", *ARMS],
        table,
    )
    loss = {}
    for name in ARMS:
        loss[name] = np.array([row["lm_loss"] for row in rows if row["arm"] == name])
    cost = loss["ppo"] - loss["sft"]
    print(f"\nPPO costs {cost.mean():+.3f} nat per token of pretraining text")
    if "ppo_ptx" in loss:
        back = (loss["ppo"] - loss["ppo_ptx"]).mean() / cost.mean()
        print(f"PPO-ptx gives back {back:.0%} of it")


def main(cfg):
    """The whole study; returns its rows."""
    positive(cfg, "seeds", "n_eval", "n_lists")
    rows = study(cfg, setup(cfg))
    show(rows, cfg.seeds)
    return rows


# --- run ---------------------------------------------------------------------------------------

if __name__ == "__main__":
    run(lambda: main(parse_config(Config, PRESETS)))
