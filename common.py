"""What every stage needs and no paper is about: command line, machine, checkpoints, log.

A checkpoint is one file, `out/<stage>/ckpt.pt`: a plain dict of tensors and plain Python, so that
`torch.load(weights_only=True)` reads it and no code hides in it:

    {"stage": "sft", "model": state_dict, "model_config": {...}, "tokenizer": "<json>",
     "train_config": {...}, "step": 250, "metrics": {"val_loss": 0.71},
     "parent": {"path": "out/pretrain/ckpt.pt", "stage": "pretrain", "metrics": {...}, ...}}

`last.pt` beside it holds the same and the optimizers' state, for `--resume`. A log is JSON Lines:
the configuration first, then one object per logged step.
"""

import dataclasses
import difflib
import inspect
import json
import math
import os
import pickle
import platform
import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import torch
import torch.distributed as dist
from tqdm import tqdm


class BadInput(Exception):
    """Something a user can mend: one line that says what is wrong, where, and what to do."""


def run(main, *args):
    """Call `main(*args)`. Bad input, a missing file, a full disk: one line, exit code 2."""
    # A console with an old code page shows a question mark where it lacks a letter, and goes on.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        result = main(*args)
        if dist.is_initialized():
            leave_together()
        return result
    except BadInput as error:
        line = str(error)
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        line = f"{error.filename or 'file'}: {error.strerror or error}"
    except KeyboardInterrupt:
        sys.exit("\nstopped; go on with --resume")
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()
    print(f"error: {line}", file=sys.stderr)
    sys.exit(2)


def leave_together():
    """End a process of `torchrun` once all have done their part, and without Python's own shutdown,
    in which a thread of the process group that still runs would abort it."""
    dist.barrier()
    dist.destroy_process_group()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


# --- command line ------------------------------------------------------------------------------


def parse_config(Config, presets, argv=None):
    """`--preset=NAME` first, then each `--key=value` over it, as an instance of the dataclass
    `Config`.

    Raises BadInput for an unknown key (with the nearest one), a wrong type or an unknown preset.
    """
    argv = sys.argv[1:] if argv is None else argv
    fields = {f.name: f for f in dataclasses.fields(Config)}
    if "--help" in argv or "-h" in argv:
        print_help(Config, presets)
        sys.exit(0)
    given = {}
    for arg in argv:
        key, equals, text = arg[2:].partition("=")
        if not arg.startswith("--"):
            raise BadInput(f"'{arg}': options look like --key=value (see --help)")
        if key not in fields:
            near = difflib.get_close_matches(key, fields, n=1)
            hint = f"did you mean --{near[0]}?" if near else "see --help"
            raise BadInput(f"unknown option --{key}: {hint}")
        given[key] = parse_value(key, fields[key].type, text if equals else None)
    name = given.get("preset", fields["preset"].default)
    if name not in presets:
        raise BadInput(f"--preset={name}: no such preset; there are {', '.join(presets)}")
    base = {**presets[name], "preset": name}
    if given.get("resume"):  # a run goes on as it was begun, but for what is given again
        out = given.get("out", base.get("out", fields["out"].default))
        saved = load_checkpoint(Path(out) / "last.pt").get("train_config", {})
        base = {key: value for key, value in saved.items() if key in fields}
    return Config(**{**base, **given})


def parse_value(key, kind, text):
    """The text after `--key=` as int, float, bool or str; a bare `--key` means true."""
    if text is None and kind is not bool:
        raise BadInput(f"--{key} needs a value: --{key}={kind.__name__}")
    if kind is bool:
        values = {None: True, "true": True, "1": True, "false": False, "0": False}
        if text not in values:
            raise BadInput(f"--{key}={text}: expected true or false")
        return values[text]
    try:
        value = kind(text)
    except ValueError:
        expected = {int: "a whole number", float: "a number"}[kind]
        raise BadInput(f"--{key}={text}: expected {expected}") from None
    if kind is float and not math.isfinite(value):
        raise BadInput(f"--{key}={text}: expected a finite number")
    if kind in (int, float) and value < 0:
        raise BadInput(f"--{key}={text}: expected a number that is not negative")
    return value


def positive(cfg, *names):
    """Refuse a zero where it makes no sense."""
    for name in names:
        if getattr(cfg, name) <= 0:
            raise BadInput(f"--{name}={getattr(cfg, name)}: expected a number above 0")


def print_help(Config, presets):
    """The stage's docstring, then each field with its default and the comment that stands beside
    it."""
    print(sys.modules[Config.__module__].__doc__.strip(), "\n\noptions (default: meaning)")
    comments = dict(re.findall(r"^    (\w+): .*?  # (.*)$", inspect.getsource(Config), re.M))
    for f in dataclasses.fields(Config):
        print(f"  --{f.name}={f.default!s:<12} {comments.get(f.name, '')}")
    print("\npresets (each a set of other defaults)")
    for name, values in presets.items():
        print(f"  --preset={name:<18}", " ".join(f"{k}={v}" for k, v in values.items()))


# --- schedule ----------------------------------------------------------------------------------


def learning_rate(step, steps, warmup=0, final=0.1):
    """Factor on the peak rate: linear warm-up, then a cosine down to `final` at the last step."""
    if step < warmup:
        return (step + 1) / (warmup + 1)
    progress = (step - warmup) / max(1, steps - 1 - warmup)
    return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


# --- files -------------------------------------------------------------------------------------


def _line(error):
    """An exception's message in one short line."""
    return " ".join(str(error).split())[:100] or type(error).__name__


def save_checkpoint(path, checkpoint):
    """Write to a temporary name, flush, rename: a killed run leaves the old file or the new one."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            torch.save(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:
        temporary.unlink(missing_ok=True)
        raise BadInput(f"{path}: could not be written ({_line(error)}); is the disk full? The "
                       "previous file is unharmed; free some space and go on with --resume"
                       ) from error


def load_checkpoint(path, stages=None, device="cpu"):
    """Read a checkpoint. Raises BadInput if it is missing, damaged, not ours, or of another stage
    than `stages` lists."""
    path = Path(path)
    if not path.exists():
        raise BadInput(f"{path}: no such file")
    if path.is_dir():
        raise BadInput(f"{path} is a directory; name the checkpoint file in it, such as "
                       f"{path / 'ckpt.pt'}")
    try:
        checkpoint = torch.load(path, map_location=device, weights_only=True)
    except pickle.UnpicklingError:
        raise BadInput(f"{path}: refused, since it holds more than tensors and plain values (it "
                       "could run code), or is no checkpoint at all; load only files that a stage "
                       "here wrote") from None
    except PermissionError:
        raise
    except Exception as error:  # whatever the reader trips over in damaged bytes
        raise BadInput(f"{path}: damaged or cut short ({_line(error)}); run the stage that makes "
                       "it again") from None
    keys = {"stage", "model", "model_config", "tokenizer"}
    if not isinstance(checkpoint, dict) or not keys <= checkpoint.keys():
        raise BadInput(f"{path}: not a checkpoint of these stages (no stage, model, model_config "
                       "in it)")
    if stages and checkpoint["stage"] not in stages:
        raise BadInput(f"{path} is a checkpoint of stage '{checkpoint['stage']}'; this needs one "
                       f"of stage {' or '.join(stages)}")
    return checkpoint


def first_process():
    """Is this the one process, or the first of those that `torchrun` started?"""
    return int(os.environ.get("RANK", 0)) == 0


def gathered(state):
    """A state dict in which each sharded tensor (--fsdp) is whole, for the first process to write.

    Every process takes part in gathering; the others get None in its place.
    """
    if isinstance(state, dict):
        return {key: gathered(value) for key, value in state.items()}
    if isinstance(state, list):
        return [gathered(value) for value in state]
    if not hasattr(state, "full_tensor"):
        return state
    tensor = state.full_tensor()
    return tensor.cpu() if first_process() else None


def cut_like(param, tensor):
    """The inverse of `gathered` for one tensor of a parameter's state: cut as the parameter is."""
    if not hasattr(param, "full_tensor") or tensor.shape != param.shape:
        return tensor
    from torch.distributed.tensor import distribute_tensor
    cut = distribute_tensor(tensor, param.device_mesh, param.placements, src_data_rank=None)
    return cut.clone()  # a cut is a view, which would keep the whole


class Saver:
    """Writes the checkpoints of a run: `ckpt.pt` whenever the validation loss is the best so far,
    and each time `last.pt`, which also holds the optimizers, for --resume.

    The files of a sharded run are those of one process, so either goes on from the other's.
    """

    def __init__(self, cfg, stage, model, tokenizer, parent, optimizers):
        self.out, self.best = Path(cfg.out), math.inf
        self.model, self.optimizers = model, optimizers
        self.fixed = {"stage": stage, "model_config": dataclasses.asdict(model.config),
                      "tokenizer": tokenizer, "train_config": dataclasses.asdict(cfg),
                      "parent": parent}

    def resume(self, saved):
        """Take up a run from its `last.pt` (None: begin); returns the step to go on from."""
        if not saved:
            return 0
        for optimizer, state in zip(self.optimizers, saved["optimizer"]):
            params = [p for group in optimizer.param_groups for p in group["params"]]
            cut = {i: {key: cut_like(params[i], value) for key, value in values.items()}
                   for i, values in state["state"].items()}
            optimizer.load_state_dict({**state, "state": cut})
        self.best = saved["best"]
        return saved["step"]

    def checkpoint(self, step, metrics):
        weights = gathered(self.model.state_dict())
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
        extra |= {"best": self.best, "optimizer": gathered(states)}
        if first_process():
            if better:
                save_checkpoint(self.out / "ckpt.pt", checkpoint)
            save_checkpoint(self.out / "last.pt", {**checkpoint, **extra})
        if hasattr(self.model, "reshard"):
            dist.barrier()  # nobody reads the files before they are there


def parent_of(path, checkpoint):
    """The lineage a child checkpoint carries: where it came from, and where that came from."""
    data = checkpoint.get("train_config", {}).get("data")
    return {"path": Path(path).as_posix(), "data": data,
            **{k: checkpoint.get(k) for k in ("stage", "metrics", "parent")}}


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
        print(f"{path.as_posix()} is not there yet; making it: python {script} "
              + " ".join(options), flush=True)
        torchrun = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
        alone = {key: value for key, value in os.environ.items() if key not in torchrun}
        command = [sys.executable, str(Path(__file__).with_name(script)), *options]
        if code := subprocess.run(command, env=alone).returncode:
            raise BadInput(f"{script} ended with exit code {code}, so {path.as_posix()} is "
                           "missing; see its message above")
    if dist.is_initialized():
        dist.barrier()
    return path


def download(url, path):
    """Fetch `url` to `path` with a progress bar, once. Offline: say which file to fetch by hand."""
    path = Path(path)
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    try:
        with urllib.request.urlopen(url, timeout=30) as reply, open(temporary, "wb") as file:
            total = int(reply.headers.get("Content-Length", 0)) or None
            with tqdm(total=total, unit="B", unit_scale=True, desc=path.name) as bar:
                while chunk := reply.read(1 << 20):
                    file.write(chunk)
                    bar.update(len(chunk))
        if total and temporary.stat().st_size != total:
            raise BadInput(f"{url}: the download stopped at {temporary.stat().st_size} of {total} "
                           "bytes; try again")
        os.replace(temporary, path)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise BadInput(f"cannot download {url} ({getattr(error, 'reason', error)}); "
                       f"fetch it by hand and save it as {path}") from None
    finally:
        temporary.unlink(missing_ok=True)
    return path


class Log:
    """`log.jsonl`: configuration, arguments and versions first, then one object per logged step.

    A resumed run keeps the lines up to the step it resumes from, so that no step is logged twice.
    """

    def __init__(self, path, cfg, machine, resumed_step=None):
        self.path = Path(path) if machine.main else None
        if not self.path:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        head = {"config": dataclasses.asdict(cfg), "argv": sys.argv, "device": machine.device,
                "dtype": str(machine.dtype), "processes": machine.world,
                "threads": torch.get_num_threads(),
                "versions": {"python": platform.python_version(), "torch": torch.__version__}}
        lines = [json.dumps(head, ensure_ascii=False)]
        if resumed_step is not None and self.path.exists():
            old = self.path.read_text(encoding="utf-8").split("\n")[:-1]
            lines = [line for line in old if _step_of(line) <= resumed_step] + [
                json.dumps({**head, "resumed": resumed_step})
            ]
        self.path.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="backslashreplace")

    def write(self, **record):
        if self.path:
            with open(self.path, "a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(json.dumps(record, ensure_ascii=False) + "\n")


def _step_of(line):
    """The step of a log line; −1 for the configuration; a half-written line counts as never."""
    try:
        return json.loads(line).get("step", -1)
    except ValueError:
        return math.inf
