"""What a stage starts from: a missing checkpoint is made, one of an unfinished run is finished."""

import os
import subprocess
import sys
from pathlib import Path

import torch.distributed as dist

from plumbing.checkpoint import load_checkpoint
from plumbing.console import quoted
from plumbing.errors import TIED, BadInput, first_process
from plumbing.files import ROOT

SIZES = ("tiny", "ko", "gpt2")  # presets that every stage has
MADE = ("ckpt.pt", "comparisons.jsonl", "revisions.jsonl")  # files that a stage makes


def supply(path, script, preset, stages, *options):
    """The checkpoint at `path`, of one of `stages`, and of a finished run: see `need`. Where it is
    missing, a preset that only the stage that asks has makes it with the usual one of its world."""
    usual = preset.partition("_")[0]  # ko_sparrow is Korean
    preset = usual if usual in SIZES else "tiny"
    return load_checkpoint(need(path, script, preset, *options), stages)


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


def run_stage(script, options):
    """A stage as a process of its own, which ends when this one does; returns its exit code.

    It watches the other end of its standard input (errors.end_with_parent): the system closes that
    when this process is gone, even killed.
    """
    torchrun = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
    alone = {key: value for key, value in os.environ.items() if key not in torchrun}
    command = [sys.executable, str(ROOT / script), *options]
    with subprocess.Popen(command, env={**alone, TIED: "1"}, stdin=subprocess.PIPE) as stage:
        return stage.wait()
