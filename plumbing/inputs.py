"""What a stage starts from: a missing checkpoint is made, one of an unfinished run is finished. A
path that was typed and leads nowhere is refused, and so is another file than a run began with."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import torch.distributed as dist

from plumbing import errors
from plumbing.after import WORLDS
from plumbing.checkpoint import ancestry, load_checkpoint
from plumbing.config import size_of
from plumbing.console import quoted
from plumbing.errors import TIED, BadInput, first_process
from plumbing.files import ROOT

MADE = ("ckpt.pt", "comparisons.jsonl", "revisions.jsonl")  # files that a stage makes


def supply(path, script, preset, stages, *options):
    """The checkpoint at `path`, of one of `stages`, and of a finished run: see `need`. Where it is
    missing, a preset that only the stage that asks has makes it with the usual one of its world."""
    return load_checkpoint(need(path, script, size_of(preset), *options), stages)


def need(path, script, preset, *options):
    """Make a missing input: run the stage that writes `path`, as a process of its own. A run that
    was interrupted there is taken up first.

    Returns the path. Processes other than the first wait until the file is there.
    """
    path = Path(path)
    if not path.exists() and path.name not in MADE:
        raise BadInput(f"{path}: no such file")
    if first_process():
        if path.name == "ckpt.pt" and interrupted(path):
            finish(path, script)
        elif not path.exists():
            refuse_other_data(path)
            options = [f"--preset={preset}", f"--out={path.parent.as_posix()}", *options]
            told = f"{path.as_posix()} is not there yet; making it"
            make(path, script, options, told)
        elif path.suffix == ".pt" and unfinished(load_checkpoint(path)):
            print(f"note: {path.as_posix()} is of a run that was not finished", flush=True)
    if dist.is_initialized():
        dist.barrier()
    return path


def unfinished(checkpoint):
    """Did its run not come to its end? A file of an earlier edition does not tell: it counts as
    whole."""
    return not checkpoint.get("finished", True)


def interrupted(path):
    """Does a run that can be taken up stand where `path` is to be?"""
    last = path.with_name("last.pt")
    if not path.exists():
        return last.exists() and "finished" in load_checkpoint(last)
    return unfinished(load_checkpoint(path))


def finish(path, script):
    """Go on with the run in the folder of `path` to its end."""
    found = load_checkpoint(path if path.exists() else path.with_name("last.pt"))
    script = f"{found['stage']}.py" if (ROOT / f"{found['stage']}.py").exists() else script
    if not path.with_name("last.pt").exists():
        raise BadInput(
            f"{path.as_posix()} is of a run that was not finished, and no last.pt beside it to go "
            f"on from; make it again: python {script} --out={quoted(path.parent.as_posix())}"
        )
    told = f"{path.as_posix()}: its run stopped at step {found.get('step')}; going on with it"
    make(path, script, ["--resume", f"--out={path.parent.as_posix()}"], told)


def refuse_other_data(path):
    """Rankings are not made anew over a reward model that people's comparisons trained."""
    beside = path.with_name("ckpt.pt")
    if path.name != "ckpt.pt" and beside.exists():
        data = load_checkpoint(beside).get("train_config", {}).get("data")
        raise BadInput(
            f"{path} is missing, and the run beside it learned from {data}; give the comparisons "
            "to learn from with --data=FILE"
        )


def make(path, script, options, told):
    """Say what is done, and why; run it; BadInput where it fails."""
    print(f"{told}: python {script} {' '.join(map(quoted, options))}", flush=True)
    if code := run_stage(script, options):
        raise BadInput(
            f"{script} ended with exit code {code}, so {path.as_posix()} is not what is needed; "
            "see its message above"
        )


def typed(script):
    """The words after `python` that run a script; one of a room runs as a module."""
    if "/" in script:
        return ["-m", script.removesuffix(".py").replace("/", ".")]
    return [script]


def run_stage(script, options):
    """A stage, or a script of a room, as a process of its own, which ends when this one does;
    returns its exit code. From now on the same command finds what that process saves.

    It watches the other end of its standard input (errors.end_with_parent): the system closes that
    when this process is gone, even killed.
    """
    torchrun = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
    alone = {key: value for key, value in os.environ.items() if key not in torchrun}
    errors.stopped[0] = errors.AGAIN
    # A script is found from any folder; a module only from the project's own.
    found = typed(script) if "/" in script else [str(ROOT / script)]
    command = [sys.executable, *found, *options]
    with subprocess.Popen(command, env={**alone, TIED: "1"}, stdin=subprocess.PIPE) as stage:
        return stage.wait()


# --- what was typed and leads nowhere ------------------------------------------------------------


def refuse_missing(cfg, goes_on=""):
    """Before any work: BadInput where a file is not there, and where a checkpoint is not of which
    none may be made in its place: one that was typed and is none of the preset's own, and one of a
    run that goes on or is measured; `goes_on` says of such a run that it began with it."""
    for name in ("mix_data", "knowledge"):
        path = getattr(cfg, name, "")
        if path and path not in WORLDS and not Path(path).is_file():
            raise BadInput(f"--{name}={path}: no such file; look for one moved or misspelt")
    for name in ("init", "reward", "rules"):
        path = Path(getattr(cfg, name, ""))
        if path.suffix != ".pt" or path.exists():
            continue
        if goes_on:
            anew = ", or begin a new run without --resume" if cfg.resume else ""
            raise BadInput(
                f"{goes_on} {path.as_posix()}, which is not here any more; put it back{anew}"
            )
        typed = name in getattr(cfg, "given", ()) and getattr(cfg, name) not in cfg.usual[name]
        if typed and not path.with_name("last.pt").exists():
            raise BadInput(
                f"{path.as_posix()}: no such file, and none is made at a path that was typed; look "
                f"for a folder that was moved or misspelt, or leave --{name} out"
            )


# --- the same files on --resume ------------------------------------------------------------------

# Options that name files.
READ = ("init", "reward", "rules", "data", "mix_data", "rules_file", "knowledge", "distill")
WHOLE = 1 << 26  # bytes of a file that all count for its digest; of a larger one parts do


def digests(cfg, parent):
    """{path: digest} of the files that a run reads, its pretraining text among them; not of those
    that it writes itself. parent: the checkpoint of --init; None where that is not read again."""
    out = Path(cfg.out).resolve()
    found = {}
    for name in READ:
        value = getattr(cfg, name, "") or ""
        if name == "init" and not parent:
            continue
        if name == "mix_data" and not value:  # the text that the base model has read
            bases = [a for a in ancestry(parent or {}) if a.get("stage") == "pretrain"]
            value = (bases[0].get("data") if bases else "") or ""
        paths = [value] if os.path.exists(value) else value.split(",")
        for path in map(Path, filter(os.path.isfile, paths)):
            own = path.resolve().parent == out and path.name == "ckpt.pt"
            if path.as_posix() not in WORLDS and not own:
                found[path.as_posix()] = digest(path)
    return found


def digest(path):
    """What tells the content of a file from another's. Of a large file its size counts and 64 parts
    of a megabyte, spread over it: a text of many gigabytes is not read for this."""
    size = Path(path).stat().st_size
    found = hashlib.sha256(str(size).encode())
    with open(path, "rb") as file:
        if size <= WHOLE:
            found.update(file.read())
            return found.hexdigest()
        for part in range(64):
            file.seek(part * (size - (1 << 20)) // 63)
            found.update(file.read(1 << 20))
    return found.hexdigest()


def refuse_changed(saved, out):
    """A run goes on with the files that it began with: of others, other records would be held out,
    and some of those learned from already. A last.pt of an earlier edition does not tell."""
    for path, before in (saved.get("inputs") or {}).items():
        if not Path(path).is_file():
            raise BadInput(
                f"the run in {out} began with {path}, which is not here any more; put it back, or "
                "begin a new run without --resume"
            )
        if digest(path) != before:
            raise BadInput(
                f"{path} is not what it was when the run in {out} began; put that file back, or "
                "begin a new run without --resume"
            )
