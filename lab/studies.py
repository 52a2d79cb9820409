"""What the studies share: the runs that they are made of, their tables, how figures are stated.

A study compares runs of the stages, each over seeds. RUNS names them and what they start from;
`make` starts one as a process, as it would be typed. A finished run carries a marker with the
seconds it took and never runs again; one that was stopped goes on from its last checkpoint.
Everything of one seed is under out/studies/seedS/, a folder for each run.
"""

import json
import math
import os
import platform
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from data.principles import EPOCHS
from data.world import evidence
from data.world.harms import HELPFUL
from data.world.probes import LESSONS, RANKED
from judges.hidden import judge
from lab.arms import BARE, HARMS, PEOPLE, SCALAR
from lab.arms import RUNS as PARETO
from plumbing import errors, inputs
from plumbing.errors import BadInput
from plumbing.files import write_text
from plumbing.folder import look_for_room
from plumbing.records import print_table, read_records, wilson, with_interval, write_records
from sampling import respond

FEW = 50  # questions with four ranked answers each: 300 comparisons; reward.py has 16,000
TUNED = {"init": "sft", "reward": "reward"}
BY_SCALAR = {"init": "sft", "reward": "reward_scalar"}
BY_FEW = {"init": "sft", "reward": "reward_scalar_few"}
GROUP = {"advantage": "group", **BARE}
LOO = {"advantage": "loo", **BARE}
MATCHED = ("grpo", "rloo")  # at the β, of a few, that ends nearest to PPO's KL
TRIES = (1, 2, 3)  # to find it
PROBE = {"seed": 0, "dtype": "float32"}  # every model is asked the same prompts
# Sparrow: a model that complies with half of the attacks, and what keeps it from that.
PROBED = {"init": "sft_probed", "reward": "reward_probed", "rules": "rules"}
BY_RULES = {"init": "sft_probed", "rules": "rules"}
# Help against harm: a reward model of one kind of comparison, of the other, of both.
HH = {
    "reward_help": {"preset": "hh", "kinds": "helpful"},
    "reward_harm": {"preset": "hh", "kinds": "harmless"},
    "reward_mix": {"preset": "hh", "kinds": "both"},
}
# Claude: revisions and comparisons of a model's own, by a constitution.
BY_PRINCIPLES = {"init": "sft_constitution", "data": "constitution"}
CLAUDE = {"init": "sft_constitution", "reward": "reward_constitution"}
# The chain once more, in Korean.
IN_KOREAN = {
    "pretrain_ko": ("pretrain.py", {}, {"preset": "ko"}),
    "sft_ko": ("sft.py", {"init": "pretrain_ko"}, {"preset": "ko"}),
    "reward_ko": ("reward.py", {"init": "sft_ko"}, {"preset": "ko"}),
    "ppo_ptx_ko": ("ppo.py", {"init": "sft_ko", "reward": "reward_ko"}, {"preset": "ko"}),
}
# name of the run: (script, {option: the run it starts from, or several}, options)
RUNS = {
    "pretrain": ("pretrain.py", {}, {}),
    "sft": ("sft.py", {"init": "pretrain"}, {}),
    "sft_single": ("sft.py", {"init": "pretrain"}, {"n_talks": 0}),
    "reward": ("reward.py", {"init": "sft"}, {}),
    "reward_scalar": ("reward.py", {"init": "sft"}, SCALAR),
    "reward_scalar_e4": ("reward.py", {"init": "sft"}, {**SCALAR, "epochs": 4}),
    "reward_scalar_few": ("reward.py", {"init": "sft"}, {**SCALAR, "n_prompts": FEW, "epochs": 4}),
    "ppo": ("ppo.py", TUNED, BARE),
    "ppo_free": ("ppo.py", TUNED, {"beta": 0, **BARE}),
    "ppo_ptx": ("ppo.py", TUNED, {}),
    "dpo": ("dpo.py", {"init": "sft", "data": "reward"}, {}),
    "grpo": ("ppo.py", TUNED, GROUP),
    **{f"grpo_{n}": ("ppo.py", TUNED, GROUP) for n in TRIES},
    "rloo": ("ppo.py", TUNED, LOO),
    **{f"rloo_{n}": ("ppo.py", TUNED, LOO) for n in TRIES},
    "ppo_scalar": ("ppo.py", BY_SCALAR, BARE),
    "ppo_scalar_free": ("ppo.py", BY_SCALAR, {"beta": 0, **BARE}),
    "ppo_scalar_few": ("ppo.py", BY_FEW, BARE),
    "ppo_scalar_few_free": ("ppo.py", BY_FEW, {"beta": 0, **BARE}),
    "sft_probed": ("sft.py", {"init": "pretrain"}, {"n_probes": LESSONS}),
    "reward_probed": ("reward.py", {"init": "sft_probed"}, {"n_probes": RANKED}),
    **{arm: ("reward.py", {"init": "sft_probed"}, learned) for arm, learned in HH.items()},
    "rules": ("rules.py", {"init": "sft_probed"}, {}),
    "ppo_preference": ("ppo.py", PROBED, {"rules_weight": 0}),
    "ppo_rules": ("ppo.py", BY_RULES, {"reward": "none"}),
    "ppo_both": ("ppo.py", PROBED, {}),
    "sft_helpful": ("sft.py", {"init": "pretrain"}, HELPFUL),
    "constitution": ("constitution.py", {"init": "sft_helpful"}, {}),
    "constitution_oracle": ("constitution.py", {"init": "sft_helpful"}, {"critic": "oracle"}),
    "sft_constitution": (
        "sft.py",
        {"init": "pretrain", "data": "constitution"},
        {"epochs": EPOCHS},
    ),
    "sft_oracle": (
        "sft.py",
        {"init": "pretrain", "data": "constitution_oracle"},
        {"epochs": EPOCHS},
    ),
    "reward_constitution": ("reward.py", BY_PRINCIPLES, {}),
    "ppo_constitution": ("ppo.py", CLAUDE, HARMS),
    "distilled": ("sft.py", {"init": "pretrain"}, {"preset": "distill"}),
    **PARETO,
    **IN_KOREAN,
    "sft_evidence": ("sft.py", {"init": "pretrain"}, {"n_evidence": evidence.LESSONS}),
    "tiny_s": ("pretrain.py", {}, {"preset": "tiny_s"}),
    "tiny_l": ("pretrain.py", {}, {"preset": "tiny_l"}),
    "fewshot": ("icl_eval.py", {"init": "tiny_s,pretrain,tiny_l"}, PROBE),
    "induction": ("icl_eval.py", {"init": "pretrain"}, {"probe": "induction", **PROBE}),
    "demos": ("pretrain.py", {}, {"preset": "demos"}),
    "demos_flip": ("pretrain.py", {}, {"preset": "demos_flip"}),
    "demonstrations": ("icl_eval.py", {"init": "demos,demos_flip"}, {"probe": "demos", **PROBE}),
    "ginc": ("pretrain.py", {}, {"preset": "ginc"}),
    "ginc_one": ("pretrain.py", {}, {"preset": "ginc_one"}),
    "ginc_random": ("pretrain.py", {}, {"preset": "ginc_random"}),
    "bayes": ("icl_eval.py", {"init": "ginc,ginc_one,ginc_random"}, {"probe": "bayes", **PROBE}),
}
# With --preset=smoke: sizes that only show that all is wired.
SMOKE = {
    "pretrain.py": {"steps": 20, "n_layer": 1, "n_head": 2, "n_embd": 32},
    "sft.py": {"n_demos": 200, "n_talks": 200, "steps": 10, "n_eval": 13},
    "reward.py": {"n_prompts": 16, "n_probes": 16, "n_eval": 13},
    "ppo.py": {"steps": 2, "batch_size": 8, "minibatch": 4},
    "dpo.py": {},
    "icl_eval.py": {"draws": 2, "prompts": 4},
    "constitution.py": {
        "n_requests": 16,
        "n_helpful": 8,
        "n_ranked": 60,
        "n_benign": 8,
        "n_control": 8,
        "k": 2,
    },
    "rules.py": {"n_marks": 40, "n_eval": 40, "steps": 4},
    PEOPLE: {"n": 24, "k": 2},
}


# --- runs --------------------------------------------------------------------------------------


def folder(cfg, seed, name):
    """Where one run writes: out/studies/seedS/<run>."""
    return Path(cfg.out) / f"seed{seed}" / name


def command(cfg, seed, name, inputs):
    """The command line of a run as words, each option once. inputs: {option: path}."""
    script, _, own = RUNS[name]
    options = {
        "out": folder(cfg, seed, name).as_posix(),
        "seed": seed,
        "device": cfg.device,
        "dtype": cfg.dtype,
        **inputs,
        **own,
    }
    if cfg.preset == "smoke":
        options |= SMOKE[script]
    return [script, *(f"--{option}={value}" for option, value in options.items())]


def make(cfg, seed, name, **more):
    """The checkpoint of one run, which is made or taken up again if it is not finished; `more`:
    options that depend on other runs."""
    out = folder(cfg, seed, name)
    if not (out / "finished").exists():
        inputs = {}
        for option, sources in RUNS[name][1].items():
            inputs[option] = ",".join(make(cfg, seed, source) for source in sources.split(","))
        if "data" in inputs:  # what the run before wrote beside its checkpoint, or in its place
            name_of = "revisions.jsonl" if RUNS[name][0] == "sft.py" else "comparisons.jsonl"
            inputs["data"] = Path(inputs["data"]).with_name(name_of).as_posix()
        if name in MATCHED:
            inputs["beta"] = price(cfg, seed, name)
        words = command(cfg, seed, name, {**inputs, **more})
        resumed = (out / "last.pt").exists()
        if resumed:
            words.append("--resume")
        seconds = start(words)
        # Of a run that was taken up again nobody knows how long it took.
        took = "" if resumed else json.dumps({"seconds": seconds, **hardware()})
        write_text(out / "finished", took)
    return (out / "ckpt.pt").as_posix()


def climb(cfg, seed, name, **more):
    """What a PPO run logged: proxy, judge and KL of each iteration, on its training questions."""
    make(cfg, seed, name, **more)
    lines = (folder(cfg, seed, name) / "log.jsonl").read_text(encoding="utf-8").splitlines()
    rows = []
    for row in map(json.loads, lines):
        if "kl_exact" in row:
            rows.append(
                {
                    "seed": seed,
                    "arm": name,
                    "iteration": row["step"],
                    "kl": max(0.0, row["kl_exact"]),
                    "proxy": row["reward"],
                    "judge": row["judge"],
                    "ended": row["ended"],
                }
            )
    return rows


def smooth(values):
    """The mean of three neighbours: a figure of one iteration jumps."""
    return np.convolve(values, np.ones(3) / 3, "valid")


def price(cfg, seed, name):
    """β at which a run ends as far from SFT as PPO does. Each try pays more by as much as the one
    before went too far, until that is less than a tenth; of three the nearest counts."""
    goal = smooth([row["kl"] for row in climb(cfg, seed, "ppo")])[-1]
    beta = 0.05
    tried = {}
    for n in TRIES:
        rows = climb(cfg, seed, f"{name}_{n}", beta=beta)
        far = smooth([row["kl"] for row in rows])[-1]
        ratio = (far + 0.01) / (goal + 0.01)  # a hundredth of a nat: nobody may have moved
        tried[abs(math.log(ratio))] = beta
        if abs(math.log(ratio)) < 0.1:
            break
        beta = round(float(beta * ratio), 4)
    return tried[min(tried)]


def start(words):
    """Run a script to its end, one of a room as a module; returns the seconds. Raises BadInput if
    it fails."""
    script, *options = words
    print("\npython " + " ".join([*inputs.typed(script), *options]), flush=True)
    begun = time.perf_counter()
    code = inputs.run_stage(script, options)
    if code:
        raise BadInput(
            f"{script} ended with exit code {code}; see its message above, then run "
            "the study again: what is finished is kept"
        )
    return time.perf_counter() - begun


# What decides how fast arithmetic is, newest first: the names by Linux and by people.
INSTRUCTIONS = {
    "amx_bf16": "AMX-BF16",
    "avx512_bf16": "AVX512-BF16",
    "avx512f": "AVX512",
    "avx2": "AVX2",
    "asimd": "NEON",
}


def hardware():
    """This machine in general terms: {"cores": 2, "threads": 2, "instructions": "AVX2"}."""
    info = Path("/proc/cpuinfo")
    flags = info.read_text(encoding="utf-8").split() if info.exists() else []
    found = [name for flag, name in INSTRUCTIONS.items() if flag in flags]
    best = (found or [platform.machine()])[0]
    used = torch.backends.cpu.get_cpu_capability()
    if used == "AVX2" and best != "AVX2":  # ATEN_CPU_CAPABILITY=avx2 holds torch back
        best = "AVX2 (forced)"
    return {"cores": os.cpu_count(), "threads": torch.get_num_threads(), "instructions": best}


def machine_of(head):
    """Where and how a run computed, such as "2 cores, AVX2; 1 thread, float32, torch 2.14.0".

    head: the first line of its log. A log does not name the instructions: they are this machine's,
    so that records are to be made on the machine that ran.
    """
    here = {**hardware(), **head}
    device = f"{here['cores']} cores, {here['instructions']}"
    if head["device"] != "cpu":
        device = head["device"].split(":")[0]
    threads = "1 thread" if here["threads"] == 1 else f"{here['threads']} threads"
    version = head.get("torch") or head["versions"]["torch"]
    number = head["dtype"].removeprefix("torch.")
    return f"{device}; {threads}, {number}, torch {version.partition('+')[0]}"


# --- tables of rows ----------------------------------------------------------------------------

ANYWHERE = ("out", "seeds", "device", "dtype")  # options of how many runs, and where


def read(path):
    """The rows of a table, without a last line that was cut short."""
    return [row for row in read_records(path)[0] if "seed" in row]


def take_up(path, cfg, *free):
    """The rows that a study has measured so far. Raises BadInput, before any work, where nothing
    can be written, and where the rows are of other options than `cfg`, but for those of where it
    runs and those that are `free`: one table is of one measurement."""
    look_for_room(path.parent)
    errors.stopped[0] = errors.AGAIN
    records, cut = read_records(path)
    head, *rows = records or [{"config": {}}]
    if "config" not in head or not all("seed" in row for row in rows):
        raise BadInput(f"{path} is no table of this study; move it away, or give another --out")
    for name, now in asdict(cfg).items():
        before = head["config"].get(name, now)
        if rows and before != now and name not in (*ANYWHERE, *free):
            raise BadInput(
                f"--{name}={now}: the rows in {path} were measured with --{name}={before}; give "
                "that, or another folder by --out=FOLDER"
            )
    if cut:  # what was measured together is measured again together
        last = [(row["seed"], row.get("arm")) for row in rows[-1:]]
        rows = [row for row in rows if (row["seed"], row.get("arm")) not in last]
        print(f"{path} ends in half a line; what it was of is measured again")
    return rows


def append(path, rows, old, cfg):
    """Rewrite the table with new rows at its end; its first line is the configuration."""
    write_records(path, {"config": asdict(cfg)}, old + rows)
    return old + rows


def is_missing(rows, seed, arm):
    """Has no row of this arm been measured with this seed?"""
    return not any((row["seed"], row["arm"]) == (seed, arm) for row in rows)


# --- figures -----------------------------------------------------------------------------------


def bootstrap(values, seed=0, n=2000):
    """95% interval of the mean of `values` by resampling the questions."""
    rng = np.random.default_rng(seed)
    means = rng.choice(np.asarray(values, float), (n, len(values))).mean(1)
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def wins(scores, others):
    """1 where the judge prefers the first answer, ½ for a tie: (Q,)."""
    scores = np.asarray(scores)
    others = np.asarray(others)
    return (scores > others) + 0.5 * (scores == others)


def over_seeds(rows, name, key):
    """Mean ± half of the 95% interval over seeds, as text; nothing where nothing is defined."""
    return with_interval([row[key] for row in rows if row["arm"] == name and row[key] is not None])


def pooled(rows, arm, part, whole):
    """The share of counts over all seeds with its 95 % interval: (share, low, high); None without
    rows."""
    rows = [row for row in rows if row["arm"] == arm]
    n = sum(row[whole] for row in rows)
    if not n:
        return None
    count = sum(row[part] for row in rows)
    return (count / n, *wilson(count, n))


def show_shares(title, rows, arms, columns):
    """A table of shares in per cent, each with its interval. columns: {name: (part, whole)}."""
    table = []
    for arm in arms:
        cells = [arm]
        for part, whole in columns.values():
            found = pooled(rows, arm, part, whole)
            if found:
                share, low, high = (100 * value for value in found)
                cells.append(f"{share:.1f} [{low:.1f}, {high:.1f}]")
        table.append(cells)
    seeds = len({row["seed"] for row in rows})
    print_table(
        f"{title}, % over {seeds} seeds [95 % interval]; simulated judge",
        ["", *columns],
        [row for row in table if len(row) > 1],
    )


@torch.no_grad()
def rival_scores(sft, tokenizer, exam, machine, seed):
    """The judge's scores (Q,) of an independent sample of the SFT model's answers to the exam: what
    another model's answers are compared with."""
    asked = [q["messages"] for q in exam.questions]
    texts, _ = respond(sft, tokenizer, asked, machine, seed=10**6 + seed)
    return np.array([judge(q, text)["score"] for q, text in zip(exam.questions, texts)])
