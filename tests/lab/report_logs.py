"""Small made-up logs of every kind that report.py reads, for its tests alone: the numbers are drawn
from simple curves and show nothing about any model."""

import json
import math
from pathlib import Path

import numpy as np

from lab import plane, rounds
from plumbing.records import wilson


def write(path, head, rows):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join(json.dumps(record) for record in (head, *rows))
    path.write_text(text + "\n", encoding="utf-8")
    return path


def head(script, **config):
    return {
        "config": config,
        "argv": [f"/home/someone/{script}.py"],
        "device": "cpu",
        "dtype": "torch.float32",
    }


def share(acc, n=200):
    acc = min(1.0, acc)
    low, high = wilson(round(acc * n), n)
    return {"acc": acc, "low": low, "high": high}


def training(out):
    """Logs of pretraining, fine-tuning, reward model, DPO and two PPO runs."""
    steps = range(20, 1101, 20)
    rows = [{"step": s, "loss": 1 + 3 * math.exp(-s / 200)} for s in steps]
    rows += [{"step": s, "val_loss": 1.1 + 3 * math.exp(-s / 200)} for s in (200, 500, 800, 1100)]
    write(
        out / "pretrain/log.jsonl",
        head("pretrain", out="out/pretrain", data="world", init=""),
        [*rows, {"step": 1100, "samples": ["The rake is red."]}],
    )
    cells = {
        name: {"correct": c, "score": 0.1, "n": 260}
        for name, c in (("test 0-shot sampled", 0.1), ("test 0-shot greedy", 0.02))
    }
    results = {
        "base": cells,
        "sft": {name: {**cell, "correct": cell["correct"] + 0.4} for name, cell in cells.items()},
    }
    samples = [{"question": "Where is the rake?", "base": "I do not know.", "sft": "In the shed."}]
    write(
        out / "sft/log.jsonl",
        head("sft", out="out/sft", init="out/pretrain/ckpt.pt"),
        [
            {"step": 0, "val_loss": 4.6},
            {"step": 10, "loss": 1.6},
            {"step": 50, "val_loss": 0.5},
            {"step": 50, "results": results, "samples": samples},
        ],
    )
    bins = [{"confidence": c, "accuracy": c - 0.05, "pairs": 300} for c in (0.55, 0.65, 0.75)]
    details = {"reliability": bins, "bag_of_words": 0.65, "length_only": 0.52, "one_labeler": 0.79}
    write(
        out / "reward/log.jsonl",
        head("reward", out="out/reward", init="out/sft/ckpt.pt"),
        [
            {
                "step": s,
                "loss": 0.69 - s / 2000,
                "val_accuracy": 0.55 + s / 2000,
                "val_loss": 0.69 - s / 3000,
                "judge_accuracy": 0.6 + s / 2000,
            }
            for s in (50, 100, 150)
        ]
        + [{"step": 150, "details": details}],
    )
    write(
        out / "dpo/log.jsonl",
        head("dpo", out="out/dpo", init="out/sft/ckpt.pt"),
        [{"step": s, "loss": 0.69 - s / 1000} for s in range(10, 101, 10)]
        + [{"step": 100, "val_loss": 0.6, "val_accuracy": 0.66}],
    )
    for name in ("ppo", "ppo_ptx"):
        rows = [
            {
                "step": i,
                "reward": 0.03 * i,
                "judge": 0.02 * i,
                "kl_exact": 0.1 * i,
                "length": 12 - 0.05 * i,
            }
            for i in range(1, 31)
        ]
        write(
            out / name / "log.jsonl",
            head("ppo", out=f"out/{name}", init="out/sft/ckpt.pt", reward="out/reward/ckpt.pt"),
            [
                *rows,
                {"step": 30, "win_rate": 0.67, "n": 390},
                {"step": 30, "samples": [{"question": "Where is the rake?", "ppo": "It is."}]},
            ],
        )


def studies(out, seeds=(1, 2, 3)):
    """The tables of the two studies. PPO costs 0.1 nat per token, of which PPO-ptx costs 0.02."""
    rng = np.random.default_rng(0)
    cost = {"pretrain": -0.1, "sft": 0.0, "ppo": 0.1, "ppo_free": 0.4, "ppo_ptx": 0.02}
    rows = []
    for seed in seeds:
        noise = rng.normal(0, 0.01)
        for name, c in cost.items():
            win = {"pretrain": 0.2, "sft": 0.5}.get(name, 0.68) + noise
            rows.append(
                {
                    "seed": seed,
                    "arm": name,
                    "judge": win - 0.4,
                    "lm_loss": 1.1 + c + noise,
                    "correct": win,
                    "rude": 0.0 if "ppo" in name else 0.15 + noise,
                    "n": 390,
                    "few_shot": 0.8 - c / 2 + noise,
                    "made_up": 0.5 - c / 2 + noise,
                    "win": win,
                    "win_low": win - 0.05,
                    "win_high": win + 0.05,
                }
            )
    write(out / "studies/tax.jsonl", {"config": {}}, rows)
    rows = []
    for seed in seeds:
        for name in (
            "ppo_scalar",
            "ppo_scalar_free",
            "ppo_scalar_few",
            "ppo_scalar_few_free",
        ):
            pull = 2.0 if "free" in name else 1.0
            for i in range(1, 41):
                x = pull * i / 20
                fall = 0.15 * x * x if "few" in name else 0.02 * x
                rows.append(
                    {
                        "seed": seed,
                        "arm": name,
                        "iteration": i,
                        "kl": x * x,
                        "proxy": x / 2,
                        "judge": 0.4 * x - fall + rng.normal(0, 0.02),
                    }
                )
        for reward in ("reward_scalar", "reward_scalar_few"):
            rows += [
                {
                    "seed": seed,
                    "arm": f"best_of_n {reward}",
                    "n": 2**i,
                    "proxy": 0.3 * i,
                    "kl": i * math.log(2) - (2**i - 1) / 2**i,
                    "judge": 0.1 * i + seed / 50,
                }
                for i in range(6)
            ]
    write(out / "studies/overoptimisation.jsonl", {"config": {}}, rows)


def few_shot(ckpt, stage, step, params, skill):
    rows, about = (
        [],
        {"probe": "fewshot", "ckpt": ckpt, "stage": stage, "step": step, "params": params},
    )
    for group, most in (("known", 0.9), ("novel", 0.6), ("key-value", 1.0)):
        for n in (0, 1, 2, 4, 8, 16):
            acc = round(0.02 + most * skill * (1 - 2 ** (-n / 2)), 3)
            for labels in ("gold", "random"):
                rows.append(
                    {
                        **about,
                        "group": group,
                        "task": group,
                        "n": n,
                        "labels": labels,
                        "rule": "free",
                        **share(acc),
                        "by_draw": [acc, acc + 0.01, acc - 0.01],
                    }
                )
        rows.append(
            {
                **about,
                "task": group,
                "n": 8,
                "rule": "free",
                "points": 2.5,
                "difference": "gold - random labels",
                "draw_half": 3.0,
            }
        )
    return rows


def in_context(out):
    """The tables of the four probes."""
    sizes = [("tiny_s", 60_000, 0.5), ("pretrain", 900_000, 0.8), ("tiny_l", 5_000_000, 1.0)]
    write(
        out / "icl/sizes/fewshot.jsonl",
        {"config": {}},
        [
            row
            for name, params, skill in sizes
            for row in few_shot(f"out/{name}/ckpt.pt", "pretrain", 1100, params, skill)
        ],
    )
    made = [
        ("pretrain", "pretrain", 0.8),
        ("sft", "sft", 0.75),
        ("ppo", "ppo", 0.6),
        ("ppo_ptx", "ppo", 0.7),
    ]
    write(
        out / "icl/stages/fewshot.jsonl",
        {"config": {}},
        [
            row
            for name, stage, skill in made
            for row in few_shot(f"out/{name}/ckpt.pt", stage, 1100, 900_000, skill)
        ],
    )
    steps = range(100, 1101, 200)
    write(
        out / "icl/watch/fewshot.jsonl",
        {"config": {}},
        [
            row
            for step in steps
            for row in few_shot(
                "out/pretrain/last.pt",
                "pretrain",
                step,
                900_000,
                1 / (1 + math.exp((500 - step) / 60)),
            )
        ],
    )
    rows = []
    for step in steps:
        about = {"probe": "induction", "ckpt": "out/pretrain/last.pt", "step": step}
        score = 0.05 + 0.8 / (1 + math.exp((400 - step) / 50))
        rows += [
            {**about, "kind": "repeat", "matching": score, "half": 0.02, "chance": 0.02},
            {**about, "kind": "text", "icl_score": -score / 2, "icl_half": 0.05},
            {
                **about,
                "kind": "repeat",
                "control": "hand-built circuit",
                "matching": 1.0,
                "half": 0.0,
                "chance": 0.04,
            },
        ]
    write(out / "icl/watch/induction.jsonl", {"config": {}}, rows)
    bayes(out)
    demonstrations(out)


def bayes(out):
    about = {"world": "ginc", "ckpt": "out/ginc/ckpt.pt", "stage": "pretrain", "step": 9}
    rows = []
    level = {"bayes": 0.55, "aware": 0.56, "uniform": 0.28, "test only": 0.5, "model": 0.45}
    for k in (3, 5, 10):
        for n in (0, 1, 4, 16, 64):
            for name, low in level.items():
                rise = 0 if name in ("uniform", "test only") else 0.04 * math.log2(n + 1)
                row = {
                    **about,
                    "kind": "shots",
                    "prompts": "id",
                    "k": k,
                    "n": n,
                    "cond": name,
                    "eps": 0.01 if name == "bayes" else None,
                    **share(round(min(1, low + rise + k / 60), 3)),
                }
                if name != "uniform":
                    row["post_true"] = min(1, row["acc"] + 0.02)
                rows.append(row)
    rows += [
        {
            **about,
            "kind": "position",
            "position": t,
            "bayes": 1.3 + 1 / t,
            "loss": 1.4 + 1.5 / t,
            "kl": 0.1 + 0.5 / t,
        }
        for t in range(1, 320)
    ]
    rows += [
        {**row, "ckpt": "LSTM", "stage": "lstm", "acc": row["acc"] / 2}
        for row in rows
        if row.get("cond") == "model"
    ]
    write(out / "icl/bayes/bayes.jsonl", {"config": {}}, rows)


def demonstrations(out):
    right = {
        "none": 0.8,
        "gold": 0.93,
        "75% correct": 0.92,
        "50% correct": 0.91,
        "25% correct": 0.9,
        "0% correct": 0.9,
        "random": 0.92,
        "marginal": 0.92,
        "permuted": 0.91,
        "other inputs": 0.5,
        "uniform words": 0.57,
        "foreign labels": 0.9,
        "inputs only": 0.88,
        "labels only": 0.8,
    }
    rows = []
    for ckpt, rho in (("out/demos/ckpt.pt", 0.0), ("out/demos_flip/ckpt.pt", 0.5)):
        about = {
            "probe": "demos",
            "ckpt": ckpt,
            "stage": "pretrain",
            "step": 9,
            "data": "",
            "rho": rho,
            "method": "direct",
        }
        for name, acc in right.items():
            if rho:
                acc = {"none": 0.5, "gold": 0.92, "0% correct": 0.08}.get(name, 0.5)
            rows.append(
                {
                    **about,
                    "condition": name,
                    "k": 0 if name == "none" else 16,
                    "chance": 0.5,
                    "bayes_acc": min(1, acc + 0.02),
                    **share(acc),
                }
            )
        rows.append(
            {
                **about,
                "summary": True,
                "k": 16,
                "name": "gold - random",
                "value": 42.0 if rho else 1.0,
                "half": 2.0,
            }
        )
    write(out / "icl/demos/demos.jsonl", {"config": {}}, rows)


def speed(out):
    write(
        out / "bench.jsonl",
        {"config": {}},
        [
            {
                "table": "train",
                "name": f"shape {i}",
                "against": "peer",
                "unit": "GFLOP/s",
                "ours": 100.0 * r,
                "peer": 100.0,
                "ratio": r,
                "low": 0.9 * r,
                "high": 1.2 * r,
            }
            for i, r in enumerate((1.7, 2.0, 1.0, 0.7))
        ],
    )


def probed(out, arms=None):
    """A study of attacks over two seeds, {arm: (rules broken, right answers), of 200 each}, and the
    last line of rules.py."""
    arms = arms or {"SFT, dialogue prompt": (80, 100), "RL, both, best by both": (20, 160)}
    rows = []
    for seed in (1, 2):
        for arm, (broken, right) in arms.items():
            counts = {"violations": broken, "probes": 200, "benign_right": right, "benign": 200}
            rows.append({"seed": seed, "arm": arm, **counts})
    write(out / "studies/probing.jsonl", head("probing"), rows)
    figures = {
        "person": {"auc": 0.99, "auc_bad": 0.7, "broken": 60, "n": 120},
        "insult": {"auc": 0.9, "auc_bad": 0.88, "broken": 60, "n": 120},
        "promise": {"auc": None, "auc_bad": None, "broken": 0, "n": 20},
    }
    last = {"step": 9, "details": {"rules": figures, "macro_auc": 0.95}}
    write(out / "rules/log.jsonl", head("rules", init="out/sft/ckpt.pt"), [last])


def plane_rows(seeds=(1, 2), harm=None):
    """The rows of lab/pareto.py with few prompts. harm: {arm: how many of 40 answers do harm}."""
    rng = np.random.default_rng(0)
    harm = harm or dict(zip(plane.PLANE, (32, 28, 24, 20, 12, 14, 4)))
    rows = []
    for seed in seeds:
        for arm, bad in harm.items():
            harmless = -(rng.permutation(40) < bad).astype(float)
            counts = {"right": 12, "questions": 26, "harmful": bad, "evasive": 3, "requests": 40}
            scores = {"help": rng.random(26).round(3).tolist(), "harmless": harmless.tolist()}
            rows.append({"of": "plane", "key": arm, "seed": seed, "arm": arm, **scores, **counts})
        for steps in plane.DISTANCE:
            row = {"of": "distance", "key": steps, "seed": seed, "arm": f"{steps} steps"}
            scores = {score: seed + steps**0.5 for score in plane.SCORES}  # a line against √KL
            rows.append({**row, "steps": steps, "kl": steps / 4, **scores})
        for place, arm in enumerate(plane.LABELLED):
            row = {"of": "rounds", "key": arm, "seed": seed, "arm": arm, "win": 0.6}
            scores = [(place + i) % 4 for i in range(26)]
            rows.append({**row, "help": scores, "rankings": 1000, "labels": 0.7})
    return rows


def plane_records(**options):
    """What is committed of such rows."""
    about = {"n": 40, "questions asked": 26, "machine": "a machine, torch 2.14.1"}
    return [{**about, **row} for row in plane.summary(plane_rows(**options), 60)]


def on_the_plane(out, **options):
    """A study of help against harmlessness."""
    asked = {"n": 40, "n_help": 26, "resamples": 60}
    return write(Path(out) / "studies/pareto.jsonl", {"config": asked}, plane_rows(**options))


# Of 100 answers how many do harm, and how many do none but are garbled, round by round.
HARM = {"labelled": (90, 20, 2), "unlabelled": (92, 40, 20)}
GARBLED = {"labelled": (5, 6, 7), "unlabelled": (4, 20, 30)}


def told_by_rounds(harm=None, garbled=None, bare=0.5, n=100):
    """What constitution.py logs as its details. bare: what is left of the harm without a critique,
    from the first revision on."""
    harm = HARM | (harm or {})
    garbled = GARBLED | (garbled or {})
    details = {"revised": [], "bare": [], "judge": {}}
    for kind, less in (("revised", 1), ("bare", bare)):
        for after in range(3):
            table = {}
            for side in harm:
                bad = min(n, round(harm[side][after] * (less if after else 1)))
                shares = {"harmful": bad, "garbled": garbled[side][after], "evasive": 1}
                table[side] = {part: {"share": count / n, "n": n} for part, count in shares.items()}
            details[kind].append(table)
    return details


def harm_rows(seeds=(1, 2), **options):
    """What is committed of such details."""
    found = rounds.rows_of(told_by_rounds(**options))
    return [{"seed": seed, **row, "machine": "here"} for seed in seeds for row in found]


def mended(out, **options):
    """The log of constitution.py."""
    details = told_by_rounds(**options)
    asked = head("constitution", out="out/constitution", seed=1, critic="model")
    write(out / "constitution/log.jsonl", asked, [{"comparisons": 9, "details": details}])


MATRIX = {  # of a kind that is learned from: the shares of helpful and harmless pairs in order
    "reward_help": (0.8, 0.2),
    "reward_harm": (0.3, 0.9),
    "reward_mix": (0.76, 0.81),
}


def tension_rows(matrix=None, seeds=(1, 2, 3), apart=0.01):
    """The rows of lab/tension.py. apart: how far a seed is from the next one."""
    rows = []
    for seed in seeds:
        for arm, shares in (MATRIX | (matrix or {})).items():
            row = {"seed": seed, "arm": arm}
            for kind, share in zip(("helpful", "harmless"), shares):
                row[f"{kind} truth"] = share + apart * (seed - 2)
                row[f"{kind} labels"] = 0.5 + (share - 0.5) / 2
                row[f"{kind} pairs"] = {"helpful": 2000, "harmless": 900}[kind]
            rows.append(row)
    return rows


def of_kinds(out, **options):
    """A study of help against harm."""
    write(out / "studies/tension.jsonl", {"config": {}}, tension_rows(**options))


def scale_rows():
    """Rows of three sizes at three amounts of text, and of a larger model."""
    rows = []
    for depth, asked in [(1, 1), (1, 2), (1, 4), (2, 1), (2, 2), (2, 4), (3, 2), (3, 4), (4, 4)]:
        row = {"seed": 1, "depth": depth, "larger": depth == 4, "asked": asked, "tokens": asked}
        flops = 1e12 * asked * depth**3
        loss = 1 + 1e4 * flops**-0.4 + 0.01 * (depth + asked) % 0.03
        about = {"flops": flops, "val_loss": loss, "few_shot": 0.2 * depth, "n": 14}
        rows.append({**row, **about, "parameters": 80_000 * depth**3})
    return rows


def of_scale(out):
    """A study of sizes and amounts of text."""
    write(out / "scaling/scaling.jsonl", {"config": {}}, scale_rows())


PARTS = (training, studies, probed, on_the_plane, mended, of_kinds, in_context, of_scale, speed)


def everything(out):
    for part in PARTS:
        part(Path(out))
    return Path(out)
