"""Checkpoints: one file says everything about a model.

`out/<stage>/ckpt.pt` is a plain dict of tensors and plain Python, so that
`torch.load(weights_only=True)` reads it and no code hides in it:

    {"stage": "sft", "model": state_dict, "model_config": {...}, "tokenizer": "<json>",
     "train_config": {...}, "step": 250, "metrics": {"val_loss": 0.71}, "run": "9f86d081",
     "finished": True, "inputs": {"qa.csv": "9f86..."},  (digests of the files it was made of)
     "parent": {"path": "out/pretrain/ckpt.pt", "stage": "pretrain", "metrics": {...}, ...}}

`last.pt` beside it holds the same and the optimizers' state, for `--resume`.
"""

import dataclasses
import math
import pickle
import zipfile
from pathlib import Path

import torch
import torch.distributed as dist

from plumbing import shards
from plumbing.errors import BadInput, first_process, one_line
from plumbing.files import replacing

MUST = {"stage": str, "model": dict, "model_config": dict, "tokenizer": str}  # key -> its type
MAY = {"train_config": dict, "step": int, "metrics": dict, "run": str, "finished": bool}
MAY["words"] = dict  # the weights of a rule model's second network (judges/rules.py)


def save_checkpoint(path, checkpoint):
    """Write to a temporary name, flush, rename: a killed run leaves the old file or the new one."""
    path = Path(path)
    try:
        with replacing(path) as file:
            torch.save(checkpoint, file)
    except (OSError, RuntimeError) as error:
        there = path.with_name("last.pt").exists()
        remedy = "go on with --resume" if there else "type the same command again"
        raise BadInput(
            f"{path}: could not be written ({one_line(error)}); is the disk full? What was there "
            f"before is unharmed; free some space and {remedy}"
        ) from error


def load_checkpoint(path, stages=None, device="cpu"):
    """Read a checkpoint. Raises BadInput if it is missing, damaged, not ours, of weights that are
    no numbers, or of another stage than `stages` lists."""
    path = Path(path)
    if not path.exists():
        raise BadInput(f"{path}: no such file")
    if path.is_dir():
        raise BadInput(
            f"{path} is a directory; name the checkpoint file in it, such as {path / 'ckpt.pt'}"
        )
    try:
        check_sums(path)
        checkpoint = torch.load(path, map_location=device, weights_only=True)
        check_form(path, checkpoint)
    except pickle.UnpicklingError:
        raise BadInput(
            f"{path}: refused, since it holds more than tensors and plain values (it "
            "could run code), or is no checkpoint at all; load only files that a stage "
            "here wrote"
        ) from None
    except (BadInput, PermissionError):
        raise
    except Exception as error:  # whatever the reader trips over in damaged bytes
        raise BadInput(
            f"{path}: damaged or cut short ({one_line(error)}); run the stage that makes it again"
        ) from None
    if stages and checkpoint["stage"] not in stages:
        raise BadInput(
            f"{path} is a checkpoint of stage '{checkpoint['stage']}'; this needs one "
            f"of stage {' or '.join(stages)}"
        )
    return checkpoint


def check_sums(path):
    """Compare the sums that the file keeps of its parts: torch does not, and loads a flipped bit as
    another weight. Raises ValueError."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as parts:
            if any(part.compress_type != zipfile.ZIP_STORED for part in parts.infolist()):
                raise ValueError("its parts are compressed, as no stage writes them")
            if damaged := parts.testzip():
                raise ValueError(f"the check sum of {damaged} is wrong")


def check_form(path, checkpoint):
    """Refuse what is no checkpoint of these stages, or one of weights that are no numbers."""
    if not isinstance(checkpoint, dict) or not MUST.keys() <= checkpoint.keys():
        raise BadInput(
            f"{path}: not a checkpoint of these stages (no stage, model, model_config in it)"
        )
    for key, kind in (MUST | MAY).items():
        value = checkpoint.get(key)
        fits = isinstance(value, kind) and not (kind is int and isinstance(value, bool))
        if not fits and (key in MUST or value is not None):
            raise BadInput(f"{path}: not a checkpoint of these stages ({key} is {value!r:.40})")
    if not checkpoint["stage"].isidentifier() or not plain_parents(checkpoint):
        raise BadInput(f"{path}: not a checkpoint of these stages (its stage or its parents)")
    weights = [*checkpoint["model"].items(), *checkpoint.get("words", {}).items()]
    for name, weight in weights:
        if not isinstance(name, str) or not is_whole_tensor(weight):
            raise BadInput(f"{path}: not a checkpoint of these stages ({name!r:.40} is no weight)")
        if not weight.isfinite().all():
            raise BadInput(
                f"{path}: its weights are not numbers ({name} holds nan or inf): its training has "
                "diverged; run that stage again with a lower --lr"
            )


def is_whole_tensor(x):
    """A tensor as large in memory as it says: one that repeats a number may claim any size."""
    return isinstance(x, torch.Tensor) and x.nbytes <= x.untyped_storage().nbytes()


def plain_parents(checkpoint):
    """Is each ancestor of the form that `parent_of` gives it?"""
    parent = checkpoint.get("parent")
    while parent is not None:
        if not isinstance(parent, dict) or not isinstance(parent.get("stage"), str):
            return False
        if not isinstance(parent.get("data"), (str, type(None))):
            return False
        parent = parent.get("parent")
    return isinstance(checkpoint.get("train_config", {}).get("data", ""), (str, type(None)))


class Saver:
    """Writes the checkpoints of a run: `ckpt.pt`, what the next stage reads, and each time
    `last.pt`, which also holds the optimizers, for --resume.

    The files of a sharded run are those of one process, so either goes on from the other's.
    """

    def __init__(self, cfg, stage, model, tokenizer, parent, optimizers, run=""):
        self.out, self.best = Path(cfg.out), math.inf
        self.model, self.optimizers = model, optimizers
        self.fixed = {
            "stage": stage,
            "model_config": dataclasses.asdict(model.config),
            "tokenizer": tokenizer,
            "train_config": dataclasses.asdict(cfg),
            "parent": parent,
            "run": run,
            "finished": False,
        }

    def resume(self, saved):
        """Take up a run from its `last.pt` (None: begin); returns the step to go on from."""
        if not saved:
            return 0
        try:
            for optimizer, state in zip(self.optimizers, saved["optimizer"], strict=True):
                params = [p for group in optimizer.param_groups for p in group["params"]]
                optimizer.load_state_dict({**state, "state": shards.cut(state["state"], params)})
        except (ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
            raise BadInput(
                f"{self.out / 'last.pt'}: the state of its optimizers is not that of this run "
                f"({one_line(error)}); start again without --resume"
            ) from None
        self.best = saved["best"]
        return saved["step"]

    def checkpoint(self, step, metrics):
        weights = shards.gathered(self.model.state_dict())
        return {**self.fixed, "model": weights, "step": step, "metrics": metrics}

    def keep(self, step, metrics):
        """Write `ckpt.pt`, what the next stage reads."""
        save_checkpoint(self.out / "ckpt.pt", self.checkpoint(step, metrics))

    def mark(self, finished):
        """Note in `ckpt.pt`, where there is one, whether its run has come to its end."""
        path = self.out / "ckpt.pt"
        if path.exists():
            save_checkpoint(path, {**load_checkpoint(path), "finished": finished})

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
