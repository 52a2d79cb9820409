"""Attacks on stages, readers and programs: kills, byte flips, hostile checkpoints, options at their
limits, damaged files.

    python -m tests.attack                        a few of each, in a minute or two
    python -m tests.attack --kills=50             so many kills of each stage, at random times
    python -m tests.attack --flips=300            so many files with one byte changed
    python -m tests.attack --hostile=300          so many checkpoints whose parts were exchanged
    python -m tests.attack --options=1            every number of every program at its limits
    python -m tests.attack --files=10000          so many damaged files for each reader
    python -m tests.attack --record=FILE          keep the figures; what stands there is not repeated

It prints what held and what did not, and ends with exit code 1 if anything did not. The tests run a
few of each in one process (tests/test_reliability.py).
"""

import contextlib
import copy
import hashlib
import io
import json
import multiprocessing
import platform
import random
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, fields
from pathlib import Path

import torch
from tqdm import tqdm

import chat
import dpo
import icl_eval
import ppo
import pretrain
import reward
import sft
from desk.shelf import Shelf
from judges import talk
from plumbing import errors
from plumbing import folder as folders
from plumbing.checkpoint import load_checkpoint, save_checkpoint
from plumbing.config import parse_config
from plumbing.errors import BadInput
from plumbing.files import write_text
from plumbing.machine import Machine
from tests.data import mutate
from tests.tiny_out import write
from tokenizer import Tokenizer

STAGES = {"pretrain": pretrain, "sft": sft, "reward": reward, "dpo": dpo, "ppo": ppo}
PROGRAMS = {**STAGES, "chat": chat, "icl_eval": icl_eval, "talk": talk}  # with options of numbers
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
        + ["--max_new_tokens=4", "--mix_data=text.txt"],
    }[stage]
    for name in ("text.txt", "base.pt", "demos.jsonl", "sft.pt", "compared.jsonl", "reward.pt"):
        own = [option.replace(f"={name}", f"={folder / name}") for option in own]
    shared = ["--device=cpu", "--dtype=float32", "--batch_size=4", "--eval_every=2"]
    return [*shared, f"--steps={steps}", *own, f"--out={out}"]


def call(stage, argv):
    """Run a stage in this process: (exit code, the lines of its standard error that are no bar)."""
    module = STAGES[stage]
    return in_this_process(lambda: module.train(parse_config(module.Config, module.PRESETS, argv)))


def in_this_process(main):
    """The exit code of a program, and the lines of its standard error that are no bar."""
    code, said = 0, io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            errors.run(main)
        except SystemExit as stop:
            code = stop.code
    lines = said.getvalue().replace("\r", "\n").split("\n")
    # A process says once how attention is computed: which test hears it depends on their order.
    beside = ("it/s", "%|", "attention: ")
    return code, [line for line in lines if line.strip() and not any(b in line for b in beside)]


def judged(program, code, lines, out=None):
    """ "" where a program did its work or refused it in one line, and saved nothing but numbers;
    else a complaint."""
    right = code == 0 or code == 2 and len(lines) == 1 and lines[0].startswith("error: ")
    right = right and (not out or is_finite(out))
    return "" if right else f"{program}: code {code}, {lines[-1:]}"


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
    if complaint := as_process(stage, options(stage, folder, whole, steps=20)):
        return [complaint]
    took = time.monotonic() - begun
    right, found, killed = weights_of(whole / "ckpt.pt"), [], 0
    while killed < n:
        again = ["--resume", f"--out={cut}"]
        whole_run = not (cut / "last.pt").exists()
        again = options(stage, folder, cut, steps=20) if whole_run else again
        begun = time.monotonic()
        complaint = as_process(stage, again, rng.uniform(0.02, 1.0) * took)
        ended = [path for path in cut.glob("*.pt") if load_checkpoint(path).get("finished")]
        if any(weights_of(path) != right for path in ended):
            found.append(f"{stage}: an unfinished or another model passes for a whole one")
        if complaint == "killed":
            killed += 1
            continue
        took = min(took, time.monotonic() - begun) if whole_run else took
        if complaint or not ended:
            found.append(complaint or f"{stage}: at its end, and says it is not")
        for path in cut.glob("*.*"):
            path.unlink()
    return found


def kill_with_child(folder, n, rng):
    """Kill reward.py n times while the fine-tuning that it goes on with runs, a process of its own:
    complaints where that does not end too, or is not taken up again and brought to its end."""
    whole, found = folder / "tuned_whole", []
    as_process("sft", options("sft", folder, whole, steps=60))
    for i in range(n):
        cut = folder / f"tuned{i}"
        while not (cut / "last.pt").exists():
            as_process("sft", options("sft", folder, cut, steps=60), 0.5)
        if load_checkpoint(cut / "ckpt.pt")["finished"]:
            continue
        argv = options("reward", folder, folder / f"reward{i}", steps=2)
        argv.append(f"--init={cut / 'ckpt.pt'}")
        as_process("reward", argv, rng.uniform(0.1, 20))
        begun = time.monotonic()
        while is_held(cut) and time.monotonic() < begun + 60:
            time.sleep(0.1)
        found += ["a child outlived its parent"] if is_held(cut) else []
        if complaint := as_process("reward", argv):
            found.append(complaint)
        elif weights_of(cut / "ckpt.pt") != weights_of(whole / "ckpt.pt"):
            found.append("reward.py was built on another fine-tuned model")
    return found


def is_held(path):
    """Does another process train in this folder?"""
    try:
        folders.hold(path)
    except BadInput:
        return True
    folders.release(path)
    return False


def work(stage, argv, said):
    """A stage, in a process of its own, with its own lock for bars: a fork shares tqdm's, and one
    that is killed under it would stop all others."""
    tqdm.set_lock(threading.RLock())
    with open(said, "w", encoding="utf-8", buffering=1) as file:
        with contextlib.redirect_stderr(file), contextlib.redirect_stdout(file):
            module = STAGES[stage]
            errors.run(lambda: module.train(parse_config(module.Config, module.PRESETS, argv)))


def as_process(stage, argv, seconds=600):
    """Run a stage as a process: "" if it went well, "killed" after so many seconds, else what
    happened. A fork has all modules loaded, so that the kill comes while it works."""
    fork = "fork" in multiprocessing.get_all_start_methods()
    with tempfile.TemporaryDirectory() as name:
        said = Path(name) / "said"
        context = multiprocessing.get_context("fork" if fork else "spawn")
        process = context.Process(target=work, args=(stage, argv, str(said)))
        process.start()
        process.join(seconds)
        if process.exitcode is None:
            process.kill()
            process.join()
            return "killed"
        said = said.read_text(encoding="utf-8") if said.exists() else ""
    return "" if process.exitcode == 0 else f"{stage}: code {process.exitcode}, {said[-300:]}"


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


def hostile(program, folder, n, rng):
    """Exchange a value of a checkpoint, n times: complaints where a program that is given it ends
    in anything but its work done or one line, or takes over 5 s."""
    found, other = [], folder / "hostile" / "ckpt.pt"
    sources = {"pretrain": "base", "sft": "base"}
    whole = load_checkpoint(folder / f"{sources.get(program, 'sft')}.pt")
    for _ in range(n):
        save_checkpoint(other, spoil(whole, rng))
        begun = time.process_time()  # of this process alone: a busy machine is no fault
        try:
            complaint = GIVEN[program](program, other, folder)
        except Exception as error:
            complaint = f"{program}: {type(error).__name__}: {error}"
        if time.process_time() - begun > 5:
            complaint = f"{program}: over 5 s; {complaint}"
        found += [complaint] if complaint else []
    return found


def to_a_stage(stage, path, folder):
    """A stage begins from the checkpoint and takes a step."""
    with tempfile.TemporaryDirectory() as out:
        return judged(stage, *call(stage, [*options(stage, folder, out, 1), f"--init={path}"]), out)


def to_chat(program, path, folder):
    argv = [str(path), "--prompt=Hello", "--max_new_tokens=4", "--device=cpu"]
    return judged("chat", *in_this_process(lambda: chat.main(argv)))


def to_page(program, path, folder):
    """What the page does: list the folder as JSON, let each model speak."""
    shelf = Shelf(path.parent.parent, CPU)
    json.dumps(shelf.list(), allow_nan=False)
    with contextlib.suppress(BadInput):
        loaded = shelf.get(path.parent.name)
        ids, stop = loaded.tokenizer.prompt([{"role": "user", "content": "Hello"}], loaded.chat)
        for event in shelf.talk(loaded, ids, stop, 4):
            json.dumps(event, allow_nan=False)
    return ""


GIVEN = {**dict.fromkeys(STAGES, to_a_stage), "chat": to_chat, "page": to_page}


# --- options -------------------------------------------------------------------------------------


def asks(program, argv, folder):
    """What runs one of the programs that ask a model, with these options."""
    if program == "chat":
        small = [str(folder / "sft.pt"), "--prompt=Hello", "--max_new_tokens=4", "--device=cpu"]
        return lambda: chat.main([*small, *argv])
    small = [f"--init={folder / 'base.pt'}", f"--out={folder / 'icl'}", "--probe=induction"]
    small += ["--draws=1", "--prompts=2", "--device=cpu"]
    return lambda: icl_eval.main(parse_config(icl_eval.Config, icl_eval.PRESETS, [*small, *argv]))


def at_limits(program):
    """Every number of a program's options at its limits, as typed."""
    numbers = ("n", "k") if program == "icl_eval" else ()  # which take several, as text
    for field in fields(PROGRAMS[program].Config):
        if field.type in (int, float) or field.name in numbers:
            yield from (f"--{field.name}={value}" for value in LIMITS)


def refused_or_checked(program, argv, folder=None):
    """Are the options refused in one line, or do they pass the program's check? Else a complaint."""
    module = PROGRAMS[program]
    try:
        cfg = parse_config(module.Config, getattr(module, "PRESETS", {"default": {}}), argv)
        module.check(cfg, *["a.pt"] * (program == "chat"))
    except BadInput as error:
        return f"more than a line: {error}" if "\n" in str(error) else ""
    except Exception as error:
        return f"{program} {argv[-1]}: {type(error).__name__}: {error}"
    return ""


# Options that make a run long, or its network, and that is all.
LONG = ("steps", "epochs", "warmup", "n", "draws", "prompts", "lstm", "n_demos", "n_talks", "k")
LONG += ("n_prompts", "n_eval", "n_layer", "n_embd", "block_size", "vocab_size", "batch_size")
LONG += ("max_new_tokens", "minibatch")


def try_options(program, folder):
    """Run a program with every number at its limits: complaints where it does not end in its work
    done or in one line."""
    found = []
    for option in at_limits(program):
        name, _, value = option[2:].partition("=")
        if program == "talk" or name in LONG and value in LIMITS[3:5]:
            found += filter(None, [refused_or_checked(program, [option])])
            continue
        with tempfile.TemporaryDirectory() as out:
            try:
                if program in STAGES:
                    done = call(program, [*options(program, folder, out, steps=1), option])
                else:
                    done = in_this_process(asks(program, [option], folder))
                complaint = judged(f"{program} {option}", *done, out)
            except Exception as error:
                complaint = f"{program} {option}: {type(error).__name__}: {error}"
        found += [complaint] if complaint else []
    return found


# --- readers -------------------------------------------------------------------------------------


def read_damaged(reader, folder, n):
    """Give a reader n damaged files (tests/data/mutate.py): a list of complaints."""
    found = []
    for seed in range(n):
        try:
            mutate.one(reader, seed, folder / "damaged")
        except Exception as error:
            found.append(f"{reader}, file {seed}: {type(error).__name__}: {error}")
    return found


# --- all of it -----------------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "few"  # there is one set of defaults
    kills: int = 2  # of each stage
    flips: int = 40  # of bytes
    hostile: int = 40  # checkpoints
    options: int = 0  # 1: run every program with every number at its limits
    files: int = 100  # damaged files for each reader
    record: str = ""  # a file to keep the figures in
    seed: int = 1


def parts(cfg, folder):
    """(what is done, to whom, how often, a function that does it) of each part; the kills first,
    before this process has computed anything that a fork might trip over."""
    for stage in STAGES:
        yield "kills", stage, cfg.kills, kill, (stage, folder, cfg.kills)
    if cfg.kills > 9:
        n = cfg.kills // 10
        yield "kills", "reward with its child", n, kill_with_child, (folder, n)
    yield "flipped bytes", "checkpoint", cfg.flips, flip, (folder / "sft.pt", cfg.flips)
    for program in GIVEN if cfg.hostile else ():
        yield "hostile checkpoints", program, cfg.hostile, hostile, (program, folder, cfg.hostile)
    for program in PROGRAMS if cfg.options else ():
        n = len([*at_limits(program)])
        yield "options at their limits", program, n, try_options, (program, folder)
    for reader in mutate.READERS if cfg.files else ():
        yield "damaged files", reader, cfg.files, read_damaged, (reader, folder, cfg.files)


def main(cfg):
    torch.set_num_threads(1)
    done = read_record(cfg.record) if cfg.record else []
    known = {(row["what"], row["of"]): row for row in done}
    with tempfile.TemporaryDirectory() as name:
        folder = material(Path(name))
        for what, of, n, attack, args in parts(cfg, folder):
            before = known.get((what, of), {"n": -1})
            if before["n"] >= n and not before["found"]:
                continue
            begun = time.monotonic()
            rng = [random.Random(f"{cfg.seed} {what} {of}")]
            found = attack(*args, *rng * (attack not in (try_options, read_damaged)))
            row = {"what": what, "of": of, "n": n, "found": len(found), "complaints": found[:5]}
            row |= {"seed": cfg.seed, "seconds": round(time.monotonic() - begun)}
            row |= {"torch": torch.__version__, "machine": platform.machine()}
            done = [other for other in done if (other["what"], other["of"]) != (what, of)] + [row]
            if cfg.record:
                write_text(cfg.record, "".join(json.dumps(row) + "\n" for row in done))
            print(
                f"{what}, {of}: {len(found)} complaints of {n}",
                *found[:5],
                sep="\n    ",
                flush=True,
            )
    print(table(done))
    sys.exit(any(row["found"] for row in done))


def read_record(path):
    """The rows of a record, if there is one."""
    if not Path(path).exists():
        return []
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def table(rows):
    """The figures as the note has them."""
    lines = ["| attack | tried | went wrong |", "|---|---|---|"]
    for what in dict.fromkeys(row["what"] for row in rows):
        own = [row for row in rows if row["what"] == what]
        tried = ", ".join(f"{row['of']} {row['n']:,}" for row in own)
        lines.append(f"| {what} | {tried} | {sum(row['found'] for row in own)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    errors.run(lambda: main(parse_config(Config, {"few": {}})))
