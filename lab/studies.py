"""Studies that run the stages as a user would, over seeds and settings, and compare what came out.

    python -m lab.studies tax                does learning to please make a worse language model?
    python -m lab.studies overoptimisation   what if the reward model is weak, or the leash is off?

The alignment tax (InstructGPT, section 4.2): SFT, PPO at two prices of KL, PPO-ptx, DPO. The law of
Gao et al. (2023): the more a proxy is optimised, the further it parts from what it stands for;
against the distance √KL, for few and many comparisons, with and without the price, for PPO and for
best-of-n. Everything is judged by the tiny world's hidden judge, which is simulated.

reads   nothing; each stage it needs is run, in out/studies/seedS/
writes  out/studies/tax.jsonl, out/studies/overoptimisation.jsonl

A study that was stopped goes on where it stopped: finished stages and measured rows are kept.
"""

import json
import math
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from judges.exam import Exam
from judges.hidden import judge
from likelihood import token_logprobs
from plumbing.config import parse_config, positive
from plumbing.errors import BadInput, run
from plumbing.files import ROOT
from plumbing.machine import right_pad, setup
from plumbing.records import print_table, t_interval, write_records
from sampling import generate, open_checkpoint, respond

# --- configuration -----------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "tiny"  # how large the stages are
    out: str = "out/studies"  # one folder per seed, and the tables
    seeds: int = 3  # seeds 1, 2, ...: each has its own base model and all that follows from it
    n_eval: int = 390  # held-out questions
    n_lists: int = 1540  # few-shot prompts, the same for every model
    pool: int = 32  # answers per question that best-of-n chooses among
    seed: int = 0  # of the evaluation's draws
    device: str = "auto"
    dtype: str = "auto"  # float32, bfloat16; auto takes bfloat16 where it is fast


# Options that a preset adds to each script: none, or small sizes that only show that all is wired.
PRESETS = {
    "tiny": {},
    "smoke": dict(out="out/studies_smoke", seeds=1, n_eval=26, n_lists=28, pool=4),
}
SMOKE = {
    "pretrain.py": ["--steps=20", "--n_layer=1", "--n_head=2", "--n_embd=32"],
    "sft.py": ["--n_demos=200", "--steps=10", "--n_eval=13"],
    "reward.py": ["--n_prompts=16", "--n_eval=13"],
    "ppo.py": ["--iterations=2", "--batch_size=8", "--minibatch=4"],
}

FEW = 50  # questions with four ranked answers each: 300 comparisons; reward.py has 16,000
# name of the run: (script, what it starts from, options)
STAGES = {
    "pretrain": ("pretrain.py", {}, []),
    "sft": ("sft.py", {"init": "pretrain"}, []),
    "reward": ("reward.py", {"init": "sft"}, []),
    "reward_few": ("reward.py", {"init": "sft"}, [f"--n_prompts={FEW}", "--epochs=4"]),
    "ppo": ("ppo.py", {"init": "sft", "reward": "reward"}, []),
    "ppo_free": ("ppo.py", {"init": "sft", "reward": "reward"}, ["--beta=0"]),
    "ppo_ptx": ("ppo.py", {"init": "sft", "reward": "reward"}, ["--ptx=1"]),
    "dpo": ("dpo.py", {"init": "sft", "data": "reward"}, []),
    "ppo_few": ("ppo.py", {"init": "sft", "reward": "reward_few"}, []),
    "ppo_few_free": ("ppo.py", {"init": "sft", "reward": "reward_few"}, ["--beta=0"]),
}
TAX = ("pretrain", "sft", "ppo", "ppo_free", "ppo_ptx", "dpo")
ARMS = {
    "ppo": "reward",
    "ppo_free": "reward",
    "ppo_few": "reward_few",
    "ppo_few_free": "reward_few",
}  # and the reward model each of them climbs


def folder(cfg, seed, name):
    return Path(cfg.out) / f"seed{seed}" / name


def make(cfg, seed, name):
    """The checkpoint of one run, which is made or taken up again if it is not finished."""
    script, inputs, options = STAGES[name]
    out = folder(cfg, seed, name)
    if not (out / "finished").exists():
        paths = {option: Path(make(cfg, seed, source)) for option, source in inputs.items()}
        if "data" in paths:  # DPO learns from the comparisons that the reward model learned from
            paths["data"] = paths["data"].with_name("comparisons.jsonl")
        inputs = [f"--{option}={path.as_posix()}" for option, path in paths.items()]
        options = [*options, *(SMOKE.get(script, []) if cfg.preset == "smoke" else [])]
        command = [
            script,
            f"--out={out.as_posix()}",
            f"--seed={seed}",
            f"--device={cfg.device}",
            f"--dtype={cfg.dtype}",
            *inputs,
            *options,
        ]
        command += ["--resume"] if (out / "last.pt").exists() else []
        print("\npython " + " ".join(command), flush=True)
        path = str(ROOT / script)
        if code := subprocess.run([sys.executable, path, *command[1:]]).returncode:
            raise BadInput(
                f"{script} ended with exit code {code}; see its message above, then run "
                "the study again: what is finished is kept"
            )
        (out / "finished").touch()
    return (out / "ckpt.pt").as_posix()


# --- the maths ---------------------------------------------------------------------------------


def best_of_n_weights(N, n):
    """Probability that the i-th worst of N answers by the proxy is the best of n drawn without
    replacement: C(i−1, n−1) / C(N, n), i = 1..N. One pool so serves every n, without bias."""
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


def bootstrap(values, seed=0, n=2000):
    """95% interval of the mean of `values` by resampling the questions."""
    rng = np.random.default_rng(seed)
    means = rng.choice(np.asarray(values, float), (n, len(values))).mean(1)
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def wins(scores, others):
    """1 where the judge prefers the first answer, ½ for a tie: (Q,)."""
    scores, others = np.asarray(scores), np.asarray(others)
    return (scores > others) + 0.5 * (scores == others)


# --- measuring ---------------------------------------------------------------------------------


@torch.no_grad()
def answer_kl(model, sft, tokenizer, exam, machine):
    """Mean over the exam's questions of log π(y|x) − log π_SFT(y|x), y the model's own answer."""
    prompts, stops = zip(*(tokenizer.prompt(q["messages"]) for q in exam.questions))
    with machine.autocast():
        answers = generate(model, prompts, 32, stop=stops[0], noise=exam.noise)
        rows = [p + a for p, a in zip(prompts, answers)]
        tokens = right_pad(rows).to(machine.device)
        ratio = token_logprobs(model, tokens) - token_logprobs(sft, tokens)  # (Q, T−1)
    t = torch.arange(ratio.shape[1], device=ratio.device)
    first = torch.tensor([len(p) - 1 for p in prompts], device=ratio.device)[:, None]
    last = torch.tensor([len(row) - 1 for row in rows], device=ratio.device)[:, None]
    return float((ratio * ((t >= first) & (t < last))).sum(1).mean())


def measure(cfg, seed, name, machine):
    """One row of the tax table: what the judge, the language and the lists say of one model."""
    sft = open_checkpoint(make(cfg, seed, "sft"), machine)
    sft, tokenizer = sft.model, sft.tokenizer
    model = open_checkpoint(make(cfg, seed, name), machine).model
    exam = Exam(tokenizer, machine, cfg.n_eval, cfg.n_lists, cfg.seed)
    rival, _ = respond(
        sft, tokenizer, [q["messages"] for q in exam.questions], machine, seed=10**6 + cfg.seed
    )  # an independent sample of the SFT model's answers
    rival = [judge(q, text)["score"] for q, text in zip(exam.questions, rival)]
    chat = name != "pretrain"  # the base model is asked in the form of a transcript
    sampled, scores = exam(model, chat=chat)
    greedy, _ = exam(model, temperature=0.0, chat=chat)
    won, lists = wins(scores, rival), exam.few_shot(model)
    low, high = bootstrap(won, cfg.seed)
    paired = lists.astype(float) - exam.few_shot(sft)  # prompt by prompt
    return {
        "seed": seed,
        "arm": name,
        **sampled,
        "judge_greedy": greedy["judge"],
        "correct_greedy": greedy["correct"],
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


def read(path):
    """The rows measured so far, without a last line that was cut short."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    rows = []
    for line in lines:
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
    return [row for row in rows if "seed" in row]


def append(path, rows, old, cfg):
    """Rewrite the table with new rows at its end; its first line is the configuration."""
    write_records(path, {"config": asdict(cfg)}, old + rows)
    return old + rows


def over_seeds(rows, name, key):
    """Mean ± half of the 95% interval over seeds, as text; nothing where nothing is defined."""
    values = [row[key] for row in rows if row["arm"] == name and row[key] is not None]
    if not values:
        return ""
    mean, half = t_interval(values)
    return f"{mean:+.3f} ± {half:.3f}" if half == half else f"{mean:+.3f}"


# --- the studies -------------------------------------------------------------------------------


def tax(cfg, machine):
    """Every model of every seed through the same exam."""
    path = Path(cfg.out) / "tax.jsonl"
    rows = read(path)
    for seed in range(1, cfg.seeds + 1):
        for name in TAX:
            if not any((row["seed"], row["arm"]) == (seed, name) for row in rows):
                rows = append(path, [measure(cfg, seed, name, machine)], rows, cfg)
    columns = (
        "judge",
        "win",
        "correct",
        "correct_greedy",
        "rude",
        "ended",
        "kl",
        "lm_loss",
        "few_shot",
        "few_shot_minus_sft",
        "made_up",
    )
    print_table(
        f"alignment tax, {cfg.seeds} seeds (simulated judge; mean ± 95% interval)",
        ["", *TAX],
        [[key, *(over_seeds(rows, name, key) for name in TAX)] for key in columns],
    )
    loss = {name: np.array([r["lm_loss"] for r in rows if r["arm"] == name]) for name in TAX}
    cost = loss["ppo"] - loss["sft"]
    print(f"\nPPO costs {cost.mean():+.3f} nat per token of pretraining text")
    if "ppo_ptx" in loss:
        back = (loss["ppo"] - loss["ppo_ptx"]).mean() / cost.mean()
        print(f"PPO-ptx gives back {back:.0%} of it")
    return rows


def best_of_pool(cfg, seed, reward, machine):
    """Best-of-n of the SFT model by one reward model, for n = 1, 2, 4, ... up to the pool."""
    sft = open_checkpoint(make(cfg, seed, "sft"), machine)
    sft, tokenizer = sft.model, sft.tokenizer
    proxy = open_checkpoint(make(cfg, seed, reward), machine, "scalar").model
    exam = Exam(tokenizer, machine, cfg.n_eval, cfg.n_lists, cfg.seed)
    asked = [q for q in exam.questions for _ in range(cfg.pool)]
    texts, ended = respond(
        sft, tokenizer, [q["messages"] for q in asked], machine, seed=2 * 10**6 + cfg.seed
    )
    rival, _ = respond(
        sft, tokenizer, [q["messages"] for q in exam.questions], machine, seed=10**6 + cfg.seed
    )
    rival = np.array([[judge(q, text)["score"]] for q, text in zip(exam.questions, rival)])
    gold = np.array([judge(*row)["score"] for row in zip(asked, texts, ended)])
    gold, scores = gold.reshape(-1, cfg.pool), np.empty(len(asked))
    rows = [
        tokenizer.render([*q["messages"], {"role": "assistant", "content": text}])[0]
        for q, text in zip(asked, texts)
    ]
    with torch.no_grad():
        for start in range(0, len(rows), 256):
            part = rows[start : start + 256]
            last = torch.tensor([len(ids) - 1 for ids in part])
            with machine.autocast():
                out = proxy(right_pad(part).to(machine.device))[torch.arange(len(part)), last]
            scores[start : start + 256] = out.float().cpu().numpy()
    scores = scores.reshape(-1, cfg.pool)
    found = []
    for n in (2**i for i in range(int(math.log2(cfg.pool)) + 1)):
        best, truth = best_of_n(scores, gold, n)
        _, won = best_of_n(scores, wins(gold, rival), n)
        found.append(
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
    return found


def climb(cfg, seed, name):
    """What a PPO run logged: proxy, judge and KL of each iteration, on its training questions."""
    make(cfg, seed, name)
    lines = (folder(cfg, seed, name) / "log.jsonl").read_text(encoding="utf-8").splitlines()
    logged = [row for row in map(json.loads, lines) if "kl_exact" in row]
    return [
        {
            "seed": seed,
            "arm": name,
            "iteration": row["step"],
            "kl": max(0.0, row["kl_exact"]),
            "proxy": row["reward"],
            "judge": row["judge"],
            "ended": row["ended"],
        }
        for row in logged
    ]


def overoptimisation(cfg, machine):
    """Few or many comparisons, with and without the price of KL; best-of-n beside each."""
    path = Path(cfg.out) / "overoptimisation.jsonl"
    rows = read(path)

    def missing(seed, arm):
        return not any((row["seed"], row["arm"]) == (seed, arm) for row in rows)

    for seed in range(1, cfg.seeds + 1):
        for name in ARMS:
            if missing(seed, name):
                rows = append(path, climb(cfg, seed, name), rows, cfg)
        for reward in dict.fromkeys(ARMS.values()):
            if missing(seed, f"best_of_n {reward}"):
                rows = append(path, best_of_pool(cfg, seed, reward, machine), rows, cfg)
    table = []
    for name in dict.fromkeys(row["arm"] for row in rows):
        runs = [
            [row for row in rows if (row["arm"], row["seed"]) == (name, seed)]
            for seed in range(1, cfg.seeds + 1)
        ]
        smooth = [np.convolve([r["judge"] for r in part], np.ones(3) / 3, "valid") for part in runs]
        figures = [
            [part[-1]["proxy"] - part[0]["proxy"] for part in runs],
            [part[0]["judge"] for part in runs],
            [s.max() for s in smooth],
            [s[-1] for s in smooth],
            [part[-1]["kl"] for part in runs],
        ]
        table.append([name, *("{:+.2f} ± {:.2f}".format(*t_interval(f)) for f in figures)])
    print_table(
        f"over-optimisation, {cfg.seeds} seeds (simulated judge; mean of three neighbours)",
        ["", "proxy rise", "judge first", "judge peak", "judge last", "last KL"],
        table,
    )
    return rows


# --- run ---------------------------------------------------------------------------------------


def main(argv):
    studies = {"tax": tax, "overoptimisation": overoptimisation}
    names = [arg for arg in argv if not arg.startswith("-")]
    cfg = parse_config(Config, PRESETS, [arg for arg in argv if arg.startswith("-")])
    if len(names) != 1 or names[0] not in studies:
        raise BadInput(f"which study? python -m lab.studies {' or '.join(studies)}")
    positive(cfg, "seeds", "n_eval", "n_lists", "pool")
    return studies[names[0]](cfg, setup(cfg))


if __name__ == "__main__":
    run(main, sys.argv[1:])
