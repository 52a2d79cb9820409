"""Over-optimisation: what if the reward model is weak, or the leash is off? (Gao et al. 2023)

    python -m lab.overoptimisation       PPO and best-of-n, few or many comparisons, three seeds

The more a proxy is optimised, the further it parts from what it stands for. The distance travelled
is √KL from the SFT model. Beside the proxy stands what the tiny world's hidden judge says, a
program: simulated.

The proxy is InstructGPT's reward model, a scalar alone (--alpha=0). The default one keeps its
words, and what it finds unlikely costs reward: a leash by itself, even at β = 0. It is the control.

reads   nothing; each stage it needs is run, in out/studies/seedS/
writes  out/studies/overoptimisation.jsonl

A study that was stopped goes on where it stopped: finished stages and measured rows are kept.
"""

import math
from dataclasses import dataclass
from pathlib import Path

from plumbing.config import check_options, parse_config, positive

if __name__ == "__main__":  # answer --help and slips before torch, a second's work, loads
    check_options(__file__)

import numpy as np

from judges.exam import Exam
from judges.hidden import judge
from judges.scores import score_texts
from lab.studies import append, climb, is_missing, make, rival_scores, smooth, take_up, wins
from plumbing.errors import run
from plumbing.machine import setup
from plumbing.records import print_table, with_interval
from sampling import open_checkpoint, respond

# --- configuration -----------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "tiny"  # how large the stages are
    out: str = "out/studies"  # one folder per seed, and the table
    seeds: int = 3  # seeds 1, 2, ...: each has its own base model and all that follows from it
    n_eval: int = 390  # held-out questions
    pool: int = 32  # answers per question that best-of-n chooses among
    seed: int = 0  # of the evaluation's draws
    device: str = "auto"
    dtype: str = "auto"  # float32, bfloat16, float16; auto takes what is fast here


PRESETS = {
    "tiny": {},
    "smoke": dict(out="out/studies_smoke", seeds=1, n_eval=26, pool=4),
}
# The runs of PPO, and the reward model that each of them climbs; the last two are the control.
ARMS = {
    "ppo_scalar": "reward_scalar",
    "ppo_scalar_free": "reward_scalar",
    "ppo_scalar_few": "reward_scalar_few",
    "ppo_scalar_few_free": "reward_scalar_few",
    "ppo": "reward",
    "ppo_free": "reward",
}


# --- the maths ---------------------------------------------------------------------------------


def best_of_n_weights(N, n):
    """Probability that the i-th worst of N answers by the proxy is the best of n drawn without
    replacement: C(i−1, n−1) / C(N, n), i = 1..N, 0 for i < n. Returns (N,), the worst first; whole
    numbers N ≥ n ≥ 1. One pool so serves every n, without bias, as in Gao et al. 2023."""
    return np.array([math.comb(i, n - 1) for i in range(N)]) / math.comb(N, n)


def best_of_n(proxy, gold, n):
    """Expected proxy and expected gold of the answer that the proxy likes best of n, both (Q,).

    proxy, gold (Q, N): scores of N answers to each of Q questions. Ties count by their mean.
    """
    weights = best_of_n_weights(proxy.shape[1], n)
    chosen = np.zeros_like(proxy, dtype=float)
    for row, scores in enumerate(proxy):
        values, place = np.unique(scores, return_inverse=True)
        order = np.argsort(scores, kind="stable")
        share = np.zeros(len(values))
        np.add.at(share, place[order], weights)
        chosen[row] = (share / np.bincount(place))[place]
    return (chosen * proxy).sum(1), (chosen * gold).sum(1)


def best_of_n_kl(n):
    """KL between best-of-n and the policy it samples from, log n − (n − 1)/n nats (Stiennon et al.
    2020, App. G.3)."""
    return math.log(n) - (n - 1) / n


# --- measuring ---------------------------------------------------------------------------------


def best_of_pool(cfg, seed, reward, machine):
    """Best-of-n of the SFT model by one reward model, for n = 1, 2, 4, ... up to the pool."""
    loaded = open_checkpoint(make(cfg, seed, "sft"), machine)
    tokenizer = loaded.tokenizer
    proxy = open_checkpoint(make(cfg, seed, reward), machine, "scalar").model
    exam = Exam(tokenizer, machine, cfg.n_eval, seed=cfg.seed)
    asked = [question for question in exam.questions for _ in range(cfg.pool)]
    messages = [question["messages"] for question in asked]
    texts, ended = respond(loaded.model, tokenizer, messages, machine, seed=2 * 10**6 + cfg.seed)
    rival = rival_scores(loaded.model, tokenizer, exam, machine, cfg.seed)[:, None]
    gold = np.array([judge(*row)["score"] for row in zip(asked, texts, ended)])
    gold = gold.reshape(-1, cfg.pool)
    scores = score_texts(proxy, tokenizer, messages, texts, machine).reshape(-1, cfg.pool)
    rows = []
    for power in range(int(math.log2(cfg.pool)) + 1):
        n = 2**power
        best, truth = best_of_n(scores, gold, n)
        _, won = best_of_n(scores, wins(gold, rival), n)
        rows.append(
            {
                "seed": seed,
                "arm": f"best_of_n {reward}",
                "n": n,
                "kl": best_of_n_kl(n),
                "proxy": float(best.mean()),
                "judge": float(truth.mean()),
                "win": float(won.mean()),
            }
        )
    return rows


# --- the study ---------------------------------------------------------------------------------


def study(cfg, machine):
    """Few or many comparisons, with and without the price of KL; best-of-n beside each."""
    path = Path(cfg.out) / "overoptimisation.jsonl"
    rows = take_up(path, cfg)
    for seed in range(1, cfg.seeds + 1):
        for name in ARMS:
            if is_missing(rows, seed, name):
                rows = append(path, climb(cfg, seed, name), rows, cfg)
        for reward in dict.fromkeys(ARMS.values()):
            if is_missing(rows, seed, f"best_of_n {reward}"):
                rows = append(path, best_of_pool(cfg, seed, reward, machine), rows, cfg)
    return rows


def journey(rows):
    """How one run (or best-of-n, by n) went: its rows in order -> {figure: value}.

    The judge's score jumps from one iteration to the next, so its highest and its last value are
    of the mean of three neighbours.
    """
    judged = smooth([row["judge"] for row in rows])
    return {
        "proxy rise": rows[-1]["proxy"] - rows[0]["proxy"],
        "judge first": rows[0]["judge"],
        "judge peak": float(judged.max()),
        "judge last": float(judged[-1]),
        "last KL": rows[-1]["kl"],
    }


def journeys(rows, name):
    """{figure: its value for each seed} of one arm."""
    mine = [row for row in rows if row["arm"] == name]
    found = {}
    for seed in dict.fromkeys(row["seed"] for row in mine):
        for figure, value in journey([row for row in mine if row["seed"] == seed]).items():
            found.setdefault(figure, []).append(value)
    return found


def show(rows, seeds):
    """The table over seeds."""
    table = []
    for name in dict.fromkeys(row["arm"] for row in rows):
        found = journeys(rows, name)
        cells = [with_interval(values, 2) for values in found.values()]
        table.append([name, *cells])
    print_table(
        f"over-optimisation, {seeds} seeds (simulated judge; mean of three neighbours)",
        ["", *found],
        table,
    )


def main(cfg):
    """The whole study; returns its rows."""
    positive(cfg, "seeds", "n_eval", "pool")
    rows = study(cfg, setup(cfg))
    show(rows, cfg.seeds)
    return rows


# --- run ---------------------------------------------------------------------------------------

if __name__ == "__main__":
    run(lambda: main(parse_config(Config, PRESETS)))
