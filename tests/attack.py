"""Attacks on the five stages: kills, byte flips, hostile checkpoints, options at their limits.

    python -m tests.attack                        a few of each, in a minute or two
    python -m tests.attack --kills=50             so many kills of each stage, at random times
    python -m tests.attack --flips=300            so many files with one byte changed
    python -m tests.attack --hostile=300          so many checkpoints whose parts were exchanged
    python -m tests.attack --options=1            every option of every stage at its limits

It prints what held and what did not, and ends with exit code 1 if anything did not. The tests run a
few of each in one process (tests/test_reliability.py).
"""

import contextlib
import copy
import hashlib
import io
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, fields
from pathlib import Path

import torch

import dpo
import ppo
import pretrain
import reward
import sft
from plumbing import errors
from plumbing.checkpoint import load_checkpoint, save_checkpoint
from plumbing.config import parse_config
from plumbing.errors import BadInput
from plumbing.machine import Machine
from sampling import open_checkpoint
from tests.tiny_out import write
from tokenizer import Tokenizer

ROOT = Path(errors.__file__).parent.parent
STAGES = {"pretrain": pretrain, "sft": sft, "reward": reward, "dpo": dpo, "ppo": ppo}
TEXT = "The cow eats grass. The king likes the sea. Who are you? I am a model.\n" * 60
WORDS = Tokenizer.train(TEXT, 280)
CPU = Machine("cpu", torch.float32)
LIMITS = ("0", "1", "2", "4294967295", "18446744073709551616", "-1", "1e38", "1e-45", "nan", "")


def material(folder):
    """What the stages read, small: checkpoints to start from, text, demonstrations, comparisons."""
    text = folder / "text.txt"
    text.write_text(TEXT, encoding="utf-8")
    for stage, name in (("pretrain", "base"), ("sft", "sft"), ("reward", "reward")):
        shape = dict(n_layer=1, n_head=1, n_embd=16, tokenizer=WORDS, data=str(text))
        write(folder / f"{name}.pt", stage, **shape)
    asked = [[{"role": "user", "content": f"Who are you, {n}?"}] for n in range(30)]
    said = {"role": "assistant", "content": "I am a model."}
    demos = [{"messages": [*messages, said]} for messages in asked]
    compared = [
        {
            "messages": messages,
            "responses": ["I am.", "The sea."],
            "ranking": [[n % 2], [1 - n % 2]],
        }
        for n, messages in enumerate(asked)
    ]
    for name, records in (("demos", demos), ("compared", compared)):
        lines = "".join(json.dumps(record) + "\n" for record in records)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    return folder


def options(stage, folder, out, steps=6):
    """The command line of a small run of a stage."""
    own = {
        "pretrain": ["--data=text.txt", "--n_layer=1", "--n_head=1", "--n_embd=16"]
        + ["--block_size=16", "--vocab_size=280"],
        "sft": ["--init=base.pt", "--data=demos.jsonl", "--pretrain_mix=0", "--n_eval=2"],
        "reward": ["--init=sft.pt", "--data=compared.jsonl"],
        "dpo": ["--init=sft.pt", "--data=compared.jsonl"],
        "ppo": ["--init=sft.pt", "--reward=reward.pt", "--data=demos.jsonl", "--minibatch=4"]
        + ["--max_new_tokens=4"],
    }[stage]
    for name in ("text.txt", "base.pt", "demos.jsonl", "sft.pt", "compared.jsonl", "reward.pt"):
        own = [option.replace(f"={name}", f"={folder / name}") for option in own]
    shared = ["--device=cpu", "--dtype=float32", "--batch_size=4", "--eval_every=2"]
    return [*shared, f"--steps={steps}", *own, f"--out={out}"]


def call(stage, argv):
    """Run a stage in this process: (exit code, the lines of its standard error that are no bar)."""
    module, code = STAGES[stage], 0
    said, shown = io.StringIO(), io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(shown):
        try:
            errors.run(lambda: module.train(parse_config(module.Config, module.PRESETS, argv)))
        except SystemExit as stop:
            code = stop.code
    lines = said.getvalue().replace("\r", "\n").split("\n")
    return code, [
        line for line in lines if line.strip() and "it/s" not in line and "%|" not in line
    ]


def weights_of(path):
    """What the weights of a checkpoint are told apart by."""
    digest = hashlib.sha1()
    for name, weight in sorted(load_checkpoint(path)["model"].items()):
        digest.update(name.encode() + weight.numpy().tobytes())
    return digest.hexdigest()


def is_finite(folder):
    """Are all weights of all checkpoints in a folder numbers? Loading checks it."""
    return all(load_checkpoint(path) for path in Path(folder).glob("*.pt"))


# --- kills ---------------------------------------------------------------------------------------


def kill(stage, folder, n, rng):
    """Kill a stage n times at random moments and go on, until it is whole: a list of complaints."""
    whole, cut = folder / f"{stage}_whole", folder / f"{stage}_cut"
    begun = time.monotonic()
    if complaint := command(stage, options(stage, folder, whole, steps=40)):
        return [complaint]
    took, found, killed = time.monotonic() - begun, [], 0
    while killed < n:
        argv = options(stage, folder, cut, steps=40)
        again = ["--resume", f"--out={cut}"] if (cut / "last.pt").exists() else argv
        wait = rng.uniform(0.3, 1.0) * took
        complaint = command(stage, again, wait)
        if complaint == "killed":
            killed += 1
            found += [] if is_finite(cut) else [f"{stage}: weights are no numbers"]
            continue
        if complaint:
            found.append(complaint)
        elif weights_of(whole / "ckpt.pt") != weights_of(cut / "ckpt.pt"):
            found.append(f"{stage}: other weights after kills")
        for path in cut.glob("*.*"):
            path.unlink()
    return found


def command(stage, argv, seconds=600):
    """Run a stage as a process: "" if it went well, "killed" after so many seconds, else what
    happened."""
    words = [sys.executable, str(ROOT / f"{stage}.py"), *argv]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    try:
        _, said = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        process.communicate()
        return "killed"
    return "" if process.returncode == 0 else f"{stage}: code {process.returncode}, {said[-300:]}"


# --- files ---------------------------------------------------------------------------------------


def flip(path, n, rng):
    """Change one byte of a checkpoint, n times: complaints where it loads with other weights."""
    data, right, found = path.read_bytes(), weights_of(path), []
    other = path.with_name("flipped.pt")
    for _ in range(n):
        place = rng.randrange(len(data))
        changed = data[place] ^ rng.randrange(1, 256)
        other.write_bytes(data[:place] + bytes([changed]) + data[place + 1 :])
        with contextlib.suppress(BadInput):
            if weights_of(other) != right:
                found.append(f"a flip at {place} loads other weights")
    return found


ODD = (None, True, -1, 0, 10**9, 10**12, 2**70, float("nan"), "x", "", [], {}, [[]], {"a": 1}, "[]")


def spoil(checkpoint, rng):
    """A copy of a checkpoint in which one value, at any depth, is an odd one."""
    spoiled = {**checkpoint, "model_config": dict(checkpoint["model_config"])}
    spoiled["model"] = dict(checkpoint["model"])
    spoiled["train_config"] = copy.deepcopy(checkpoint["train_config"])
    place = rng.choice(["top", "model_config", "model_config", "model", "train_config"])
    inside = spoiled if place == "top" else spoiled[place]
    inside[rng.choice([*inside, "more"])] = rng.choice(ODD)
    return spoiled


def hostile(path, n, rng):
    """Exchange a value of a checkpoint, n times: complaints where opening it ends in anything but
    a model or one line, or takes over 5 s."""
    whole, found = load_checkpoint(path), []
    other = path.with_name("hostile.pt")
    for _ in range(n):
        save_checkpoint(other, spoil(whole, rng))
        begun = time.monotonic()
        try:
            open_checkpoint(other, CPU)
        except BadInput as error:
            found += [f"more than a line: {error}"] if "\n" in str(error) else []
        except Exception as error:
            found.append(f"{type(error).__name__}: {error}")
        if time.monotonic() - begun > 5:
            found.append("opening took over 5 s")
    return found


# --- options -------------------------------------------------------------------------------------


def at_limits(stage):
    """Every number of a stage's options at its limits, as typed."""
    for field in fields(STAGES[stage].Config):
        if field.type in (int, float):
            yield from (f"--{field.name}={value}" for value in LIMITS)


def refused_or_checked(stage, argv):
    """Are the options refused in one line, or do they pass the stage's check? Else a complaint."""
    module = STAGES[stage]
    try:
        module.check(parse_config(module.Config, module.PRESETS, argv))
    except BadInput as error:
        return f"more than a line: {error}" if "\n" in str(error) else ""
    except Exception as error:
        return f"{stage} {argv[-1]}: {type(error).__name__}: {error}"
    return ""


LONG = ("steps", "epochs", "warmup")  # options that make a run long, and that is all


def try_options(stage, folder):
    """Train a little with every option at its limits: complaints where it does not end in a model
    or in one line."""
    found = []
    for option in at_limits(stage):
        name, _, value = option[2:].partition("=")
        if name in LONG and value not in ("0", "1", "2") or "4294967295" in value:
            found += filter(None, [refused_or_checked(stage, [option])])
            continue
        with tempfile.TemporaryDirectory() as out:
            try:
                code, lines = call(stage, [*options(stage, folder, out, steps=2), option])
            except Exception as error:
                found.append(f"{stage} {option}: {type(error).__name__}: {error}")
                continue
            right = code == 0 or code == 2 and lines and lines[-1].startswith("error: ")
            found += [] if right and is_finite(out) else [f"{stage} {option}: {code}, {lines[-1:]}"]
    return found


# --- all of it -----------------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "few"  # there is one set of defaults
    kills: int = 2  # of each stage
    flips: int = 40  # of bytes
    hostile: int = 40  # checkpoints
    options: int = 0  # 1: train with every option of every stage at its limits
    seed: int = 1


def main(cfg):
    rng = random.Random(cfg.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = material(Path(name))
        table = {
            f"{cfg.flips} flipped bytes": flip(folder / "sft.pt", cfg.flips, rng),
            f"{cfg.hostile} hostile checkpoints": hostile(folder / "sft.pt", cfg.hostile, rng),
        }
        for stage in STAGES:
            table[f"{stage}: {cfg.kills} kills"] = kill(stage, folder, cfg.kills, rng)
            if cfg.options:
                table[f"{stage}: options at their limits"] = try_options(stage, folder)
            print(f"{stage} done", flush=True)
    for what, found in table.items():
        print(f"{what}: {len(found)} complaints", *found[:5], sep="\n    ")
    sys.exit(any(table.values()))


if __name__ == "__main__":
    errors.run(lambda: main(parse_config(Config, {"few": {}})))
