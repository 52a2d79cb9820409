"""Checkpoints: one file says everything about a model.

`out/<stage>/ckpt.pt` is a plain dict of tensors and plain Python, so that
`torch.load(weights_only=True)` reads it and no code hides in it:

    {"stage": "sft", "model": state_dict, "model_config": {...}, "tokenizer": "<json>",
     "train_config": {...}, "step": 250, "metrics": {"val_loss": 0.71},
     "parent": {"path": "out/pretrain/ckpt.pt", "stage": "pretrain", "metrics": {...}, ...}}

`last.pt` beside it holds the same and the optimizers' state, for `--resume`.
"""

import dataclasses
import math
import os
import pickle
import subprocess
import sys
from pathlib import Path

import torch
import torch.distributed as dist

from plumbing import shards
from plumbing.errors import BadInput
from plumbing.files import ROOT, replacing
from plumbing.machine import first_process


def _line(error):
    """An exception's message in one short line."""
    return " ".join(str(error).split())[:100] or type(error).__name__


def save_checkpoint(path, checkpoint):
    """Write to a temporary name, flush, rename: a killed run leaves the old file or the new one."""
    try:
        with replacing(path) as file:
            torch.save(checkpoint, file)
    except (OSError, RuntimeError) as error:
        raise BadInput(
            f"{path}: could not be written ({_line(error)}); is the disk full? The "
            "previous file is unharmed; free some space and go on with --resume"
        ) from error


def load_checkpoint(path, stages=None, device="cpu"):
    """Read a checkpoint. Raises BadInput if it is missing, damaged, not ours, or of another stage
    than `stages` lists."""
    path = Path(path)
    if not path.exists():
        raise BadInput(f"{path}: no such file")
    if path.is_dir():
        raise BadInput(
            f"{path} is a directory; name the checkpoint file in it, such as {path / 'ckpt.pt'}"
        )
    try:
        checkpoint = torch.load(path, map_location=device, weights_only=True)
    except pickle.UnpicklingError:
        raise BadInput(
            f"{path}: refused, since it holds more than tensors and plain values (it "
            "could run code), or is no checkpoint at all; load only files that a stage "
            "here wrote"
        ) from None
    except PermissionError:
        raise
    except Exception as error:  # whatever the reader trips over in damaged bytes
        raise BadInput(
            f"{path}: damaged or cut short ({_line(error)}); run the stage that makes it again"
        ) from None
    keys = {"stage", "model", "model_config", "tokenizer"}
    if not isinstance(checkpoint, dict) or not keys <= checkpoint.keys():
        raise BadInput(
            f"{path}: not a checkpoint of these stages (no stage, model, model_config in it)"
        )
    if stages and checkpoint["stage"] not in stages:
        raise BadInput(
            f"{path} is a checkpoint of stage '{checkpoint['stage']}'; this needs one "
            f"of stage {' or '.join(stages)}"
        )
    return checkpoint


class Saver:
    """Writes the checkpoints of a run: `ckpt.pt`, what the next stage reads, and each time
    `last.pt`, which also holds the optimizers, for --resume.

    The files of a sharded run are those of one process, so either goes on from the other's.
    """

    def __init__(self, cfg, stage, model, tokenizer, parent, optimizers):
        self.out, self.best = Path(cfg.out), math.inf
        self.model, self.optimizers = model, optimizers
        self.fixed = {
            "stage": stage,
            "model_config": dataclasses.asdict(model.config),
            "tokenizer": tokenizer,
            "train_config": dataclasses.asdict(cfg),
            "parent": parent,
        }

    def resume(self, saved):
        """Take up a run from its `last.pt` (None: begin); returns the step to go on from."""
        if not saved:
            return 0
        for optimizer, state in zip(self.optimizers, saved["optimizer"]):
            params = [p for group in optimizer.param_groups for p in group["params"]]
            optimizer.load_state_dict({**state, "state": shards.cut(state["state"], params)})
        self.best = saved["best"]
        return saved["step"]

    def checkpoint(self, step, metrics):
        weights = shards.gathered(self.model.state_dict())
        return {**self.fixed, "model": weights, "step": step, "metrics": metrics}

    def keep(self, step, metrics):
        """Write `ckpt.pt`, what the next stage reads."""
        save_checkpoint(self.out / "ckpt.pt", self.checkpoint(step, metrics))

    def save(self, step, metrics, better=None, **extra):
        """`better`: is this the one to keep? By default, if metrics["val_loss"] is the lowest.

        The first process writes; all processes of a sharded run call this.
        """
        loss = metrics.get("val_loss", math.inf)
        better = loss < self.best if better is None else better
        self.best = min(self.best, loss)
        checkpoint = self.checkpoint(step, metrics)
        states = [optimizer.state_dict() for optimizer in self.optimizers]
        extra |= {"best": self.best, "optimizer": shards.gathered(states)}
        if first_process():
            if better:
                save_checkpoint(self.out / "ckpt.pt", checkpoint)
            save_checkpoint(self.out / "last.pt", {**checkpoint, **extra})
        if hasattr(self.model, "reshard"):
            dist.barrier()  # nobody reads the files before they are there


def parent_of(path, checkpoint):
    """The lineage a child checkpoint carries: where it came from, and where that came from."""
    data = checkpoint.get("train_config", {}).get("data")
    return {
        "path": Path(path).as_posix(),
        "data": data,
        **{k: checkpoint.get(k) for k in ("stage", "metrics", "parent")},
    }


def ancestry(checkpoint):
    """What a checkpoint is and what it came from, the nearest first, as `parent_of` keeps it."""
    data = checkpoint.get("train_config", {}).get("data")
    ancestor = {**checkpoint, "data": data}
    while ancestor:
        yield ancestor
        ancestor = ancestor.get("parent")


def need(path, script, preset, *more):
    """Make a missing input: run the stage that writes `path`, as a process of its own.

    Returns the path. Processes other than the first wait until the file is there.
    """
    path = Path(path)
    if not path.exists() and path.name not in ("ckpt.pt", "comparisons.jsonl"):
        raise BadInput(f"{path}: no such file")
    if not path.exists() and first_process():
        options = [f"--preset={preset}", f"--out={path.parent.as_posix()}", *more]
        print(
            f"{path.as_posix()} is not there yet; making it: python {script} " + " ".join(options),
            flush=True,
        )
        torchrun = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
        alone = {key: value for key, value in os.environ.items() if key not in torchrun}
        command = [sys.executable, str(ROOT / script), *options]
        if code := subprocess.run(command, env=alone).returncode:
            raise BadInput(
                f"{script} ended with exit code {code}, so {path.as_posix()} is "
                "missing; see its message above"
            )
    if dist.is_initialized():
        dist.barrier()
    return path
