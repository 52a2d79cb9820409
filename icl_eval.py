"""In-context learning: what a model learns from its prompt alone, and why. Five probes.

    fewshot    accuracy against the number of examples (GPT-3, Brown et al. 2020)
    bayes      is it implicit Bayesian inference? GINC (Xie et al. 2021)
    demos      what the examples are for: labels, inputs, format (Min et al. 2022)
    induction  the heads that copy from the context (Olsson et al. 2022)
    choice     multiple choice, of ARC, MMLU, HHH or a file of your own (GPT-3, section 2.4)

reads   any checkpoint of a language model: base, SFT, PPO, GPT-2 (made first if it is missing)
writes  out/icl/<probe>.jsonl: what was run, then one row per figure. No weight changes.

    python icl_eval.py                                   few-shot accuracy, under a minute
    python icl_eval.py --preset=sizes                    three sizes of model
    python icl_eval.py --preset=stages                   base, SFT, PPO, PPO-ptx: the alignment tax
    python icl_eval.py --data=sst2.txt --labels=0=bad,1=good      your own classification file
    python icl_eval.py --preset=gpt2 --data=sst2.txt --labels=0=bad,1=good     the real thing
    python icl_eval.py --probe=bayes                     exact Bayes, no model needed
    python icl_eval.py --probe=demos                     which part of the examples matters
    python icl_eval.py --probe=induction --watch         beside a running pretrain.py
    python icl_eval.py --probe=choice --data=arc.jsonl --init=out/gpt2/ckpt.pt
"""

import dataclasses
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from plumbing.config import check_options, idle, numbers, parse_config, positive

if __name__ == "__main__":  # answer --help and slips before torch, a second's work, loads
    check_options(__file__)

import numpy as np
import torch

import icl.bayes
import icl.choice
import icl.demonstrations
import icl.fewshot
import icl.induction
from data import flips, ginc
from data.choices import read_choices
from data.labelled import LabelledFile
from data.world.languages import LANGUAGES
from icl.watch import checkpoints
from plumbing import folder
from plumbing.errors import BadInput, run
from plumbing.inputs import need
from plumbing.machine import setup
from plumbing.records import tell_anew, tell_later, told, write_records
from sampling import Loaded, open_checkpoint

# --- configuration -----------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "tiny"  # a named set of other defaults
    probe: str = "fewshot"  # fewshot, bayes, demos, induction or choice
    init: str = ""  # checkpoints with commas between, or none; empty: the probe's own
    out: str = "out/icl"  # directory for <probe>.jsonl
    data: str = ""  # world_ko, or a file of texts with labels; choice: a file of questions
    template: str = "Review: {text}\\nSentiment: {label}\\n\\n"  # one example of that file
    labels: str = ""  # words for the file's labels: 0=negative,1=positive; empty: as they are
    n: str = ""  # numbers of examples in a prompt, with commas between; empty: the probe's own
    k: str = ""  # bayes: numbers of tokens of one example, with commas between
    draws: int = 5  # fresh draws of examples; intervals are over these
    prompts: int = 0  # prompts of one draw; 0: the probe's own
    eps: float = 0.01  # bayes: probability with which the chain may start afresh at each token
    lstm: int = 0  # bayes: also train an LSTM for so many steps, and ask it; 0: none
    watch: bool = False  # go on with each new checkpoint of a running pretraining
    seed: int = 0  # of the prompts; the same for every model
    device: str = "auto"
    dtype: str = "float32"  # bfloat16 rounds log-probabilities that lie close together


PRESETS = {
    "tiny": {},
    "sizes": dict(
        init="out/tiny_s/ckpt.pt,out/pretrain/ckpt.pt,out/tiny_l/ckpt.pt", out="out/icl/sizes"
    ),
    "stages": dict(
        init="out/pretrain/ckpt.pt,out/sft/ckpt.pt,out/ppo_bare/ckpt.pt,out/ppo/ckpt.pt",
        out="out/icl/stages",
    ),
    "ko": dict(data="world_ko", init="out/ko/pretrain/ckpt.pt", out="out/icl/ko"),
    "gpt2": dict(init="out/gpt2/ckpt.pt", n="0,4,16", dtype="auto"),
}
PROBES = {
    "fewshot": icl.fewshot,
    "bayes": icl.bayes,
    "demos": icl.demonstrations,
    "induction": icl.induction,
    "choice": icl.choice,
}
INIT = {
    "fewshot": "out/pretrain/ckpt.pt",
    "bayes": "none",
    "demos": "out/demos/ckpt.pt,out/demos_flip/ckpt.pt",
    "induction": "out/pretrain/ckpt.pt",
    "choice": "out/sft/ckpt.pt",
}
# The folder of a missing checkpoint tells the command that makes it.
MADE_BY = {
    "pretrain": ("pretrain.py", "tiny"),
    "sft": ("sft.py", "tiny"),
    "ppo": ("ppo.py", "tiny"),
    "ppo_bare": ("ppo.py", "tiny", "--ptx=0"),
    "gpt2": ("pretrain.py", "gpt2", "--init=gpt2", "--steps=0"),
    **{f"ko/{name}": (f"{name}.py", "ko") for name in ("pretrain", "sft", "ppo")},
    **{
        name: ("pretrain.py", name)
        for name in ("tiny_s", "tiny_l", "ginc_gpu", *ginc.CORPORA, *flips.CORPORA)
    },
}


def paths_of(cfg):
    """The checkpoints to ask; [None] asks no model."""
    # A file of the user's is asked of a model of text, not of the little world of demos.
    default = INIT["fewshot" if cfg.data and cfg.probe == "demos" else cfg.probe]
    init = cfg.init or default
    return [None] if init == "none" else [part.strip() for part in init.split(",")]


def check(cfg):
    """Refuse options that do not fit each other."""
    if cfg.probe not in PROBES:
        raise BadInput(f"--probe={cfg.probe}: expected one of {', '.join(PROBES)}")
    if cfg.data in LANGUAGES and cfg.probe not in ("fewshot", "induction"):
        raise BadInput(f"--probe={cfg.probe}: --data={cfg.data} is for fewshot and induction")
    positive(cfg, "draws")
    for name in ("n", "k"):
        numbers(getattr(cfg, name), (0,), name)
    if cfg.probe != "bayes":
        idle(cfg, f"with --probe={cfg.probe}", "eps", "lstm")
    if not cfg.data or cfg.data in LANGUAGES or cfg.probe == "choice":
        idle(cfg, "without a file of labelled texts, --data=FILE", "labels", "template")
    if cfg.k and cfg.probe != "bayes":
        raise BadInput(
            f"--k={cfg.k} is for --probe=bayes; the number of examples is --n, as in --n={cfg.k}"
        )
    paths = paths_of(cfg)
    if "" in paths or len({*paths}) < len(paths):
        raise BadInput(f"--init={cfg.init}: expected paths with commas between, each once")
    if cfg.watch and (len(paths) > 1 or not paths[0]):
        given = cfg.init or INIT[cfg.probe]
        raise BadInput(f"--watch follows one run; --init={given} names not one checkpoint")
    if cfg.probe == "choice" and not cfg.data:
        raise BadInput("--probe=choice asks the questions of a file: give --data=FILE")
    if paths == [None] and cfg.probe in ("fewshot", "induction", "choice"):
        raise BadInput(f"--probe={cfg.probe} asks a model; give --init=PATH/ckpt.pt")


# --- models ------------------------------------------------------------------------------------


class Probed(Loaded):
    """A language model under a probe, and the file it came from."""

    def about(self):
        """What every row of this model says of it."""
        return {
            "ckpt": self.name,
            "stage": self.stage,
            "step": self.checkpoint.get("step", 0),
            "params": sum(p.numel() for p in self.model.parameters()),
        }


def load(path, machine):
    """The checkpoint at `path`. Raises BadInput if it is none of a language model."""
    return Probed(**vars(open_checkpoint(path, machine, name=Path(path).as_posix())))


def read_first(cfg, paths):
    """Before a missing checkpoint is made, which takes minutes: a mistake in people's own file is
    told."""
    if cfg.data in ("", *LANGUAGES) or all(path is None or Path(path).exists() for path in paths):
        return
    if cfg.probe == "choice":
        read_choices(cfg.data)
    elif cfg.probe in ("fewshot", "demos"):
        LabelledFile(cfg.data, cfg.template, cfg.labels, cfg.seed)
    tell_later()


def maker(path):
    """The command that makes the checkpoint at `path`, or finishes the run there: (script, preset,
    options). Nothing is made, and this is (), at a path that was typed and has no run."""
    path = Path(path)
    name = path.parent.name
    if path.parent.parent.name == "ko":
        name = f"ko/{name}"
    begun = path.exists() or path.with_name("last.pt").exists()
    if begun or path == Path("out", name, "ckpt.pt"):
        return MADE_BY.get(name, ())
    return ()


def make(path):
    """The path of a checkpoint, made or finished first if its folder tells how."""
    command = maker(path)
    return need(Path(path), *command) if command else Path(path)


# --- records -----------------------------------------------------------------------------------


def records_of(cfg):
    """The file of one probe."""
    return Path(cfg.out) / f"{cfg.probe}.jsonl"


def head_of(cfg, machine, models):
    """The first line of the records: everything needed to run this again."""
    checkpoints = []
    for loaded in filter(None, models):
        kept = {name: loaded.checkpoint.get(name) for name in ("metrics", "parent")}
        checkpoints.append({**loaded.about(), **kept})
    versions = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }
    return {
        "config": dataclasses.asdict(cfg),
        "argv": sys.argv,
        "device": machine.device,
        "dtype": str(machine.dtype),
        "threads": torch.get_num_threads(),
        "versions": versions,
        "told": [counts for _, counts in told],
        "checkpoints": checkpoints,
    }


# --- the probe ---------------------------------------------------------------------------------


def watch(cfg, path, machine, pause=1.0):
    """Probe each checkpoint that a run in the folder of `path` writes, until the run ends or
    Ctrl-C. Returns the rows of all of them; the records are complete after each."""
    probe = PROBES[cfg.probe]
    folder = Path(path).parent
    rows = []
    print(f"watching {folder.as_posix()}, Ctrl-C ends", flush=True)
    try:
        for path in checkpoints(folder, pause):
            loaded = load(path, machine)
            new = probe.probe(cfg, loaded, machine)
            step = loaded.about()["step"]
            rows = [r for r in rows if r["step"] != step] + new  # a resumed run repeats steps
            write_records(records_of(cfg), head_of(cfg, machine, [loaded]), rows)
            print(f"step {step:>6}   {probe.headline(new)}", flush=True)
        print("the run has ended")
    except KeyboardInterrupt:
        print("\nstopped watching; the rows so far are kept")
    return rows


def main(cfg):
    """Run one probe on each checkpoint; returns the rows."""
    check(cfg)
    machine = setup(cfg)
    folder.look_for_room(cfg.out)
    tell_anew()
    paths = paths_of(cfg)
    if cfg.watch:
        return watch(cfg, paths[0], machine)
    for path in filter(None, paths):  # before the first of them is made or asked
        if not maker(path) and not Path(path).exists():
            raise BadInput(f"{path}: no such file; look for a folder that was moved or misspelt")
    read_first(cfg, paths)
    probe = PROBES[cfg.probe]
    models = []
    rows = []
    for path in paths:
        loaded = path and load(make(path), machine)
        models.append(loaded)
        rows += probe.probe(cfg, loaded, machine)
    write_records(records_of(cfg), head_of(cfg, machine, models), rows)
    probe.show(rows)
    print(f"\n{records_of(cfg).as_posix()}: {len(rows)} rows")
    return rows


# --- run ---------------------------------------------------------------------------------------

if __name__ == "__main__":
    run(lambda: main(parse_config(Config, PRESETS)))
