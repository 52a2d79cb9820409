"""One run of a stage: what every training loop needs and no paper is about. There is no loss in it.

run = Run(cfg, "sft")                             device, seed; with --resume the saved run
parent = run.inherit("pretrain.py", ("pretrain",))   the checkpoint of --init, made if missing
run.begin(model, optimizers, tokenizer)           log and checkpoints; takes up the saved run
for step in run.steps(n):                         0, 1, ..., n under a progress bar
    if run.due(step, every): ...                  time to evaluate: run.log, run.say, run.save
    if step == n: break                           the last one is for the evaluation alone
run.finish()                                      notes in ckpt.pt that the run came to its end
"""

import itertools
import math
import secrets
import time
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from plumbing import after, errors, folder, hf, shards
from plumbing.checkpoint import Saver, load_checkpoint, parent_of
from plumbing.curves import FORMS
from plumbing.errors import BadInput, Done
from plumbing.inputs import digests, refuse_changed, refuse_missing, supply
from plumbing.machine import setup
from plumbing.records import Log, run_of, tell_anew

LARGEST = 1e8  # a weight beyond it belongs to no network that says anything
SPEAK = ("pretrain", "sft", "ppo", "dpo")  # stages whose checkpoints give words
BESIDE = ("ppo", "dpo")  # those whose figures are a distance from what they were made from
MAY_BE_NAN = ("explained_variance",)  # of one token there is no variance
RATES = ("lr", "matrix_lr", "words_lr", "value_lr", "beta", "ptx")  # what makes a training diverge


class Run:
    """machine: device, number format, processes. parent: the checkpoint it starts from, or None,
    and its lineage, which the run's own checkpoints carry on. saved: its own last.pt where --resume
    takes it up, else None. first: the step to go on from. id: what its files are told apart by."""

    def __init__(self, cfg, stage):
        self.cfg, self.stage = cfg, stage
        self.check_forms(vars(cfg))
        self.machine = setup(cfg)
        tell_anew()
        self.out = Path(cfg.out)
        self.id = secrets.token_hex(4)
        self.parent = self.lineage = self.saved = None
        self.measures = getattr(cfg, "eval", False)  # nothing is trained and nothing written
        self.bad_step = torch.tensor(math.inf)  # the first one whose loss was no number
        if self.machine.main and not self.measures:
            folder.look(self.out)
        if self.measures:
            self.look_at()
        if cfg.resume:
            self.saved = self.take_up()
            refuse_changed(self.saved, self.out)
            self.id = self.saved.get("run") or self.id

    @property
    def name(self):
        """The file that the next stage reads; with --eval the one that is measured."""
        if self.measures and self.saved:
            return self.measured
        return (self.out / "ckpt.pt").as_posix()

    def check_forms(self, given):
        """Refuse, before any work, what a log or a model cannot be written as. given: the options
        and, with --export, the shape of the network that is made or begun with."""
        if given.get("log") not in (None, "", *FORMS):
            raise BadInput(f"--log={given['log']}: expected {' or '.join(FORMS)}")
        if given.get("export") not in (None, "", "hf"):
            raise BadInput(f"--export={given['export']}: expected hf")
        if given.get("export"):
            score = "reward" if given.get("alpha") else "scalar"  # with its words, or alone
            hf.refuse(given, score if self.stage in ("reward", "rules") else "lm")

    # --- with --eval

    def look_at(self):
        """The checkpoint to measure. What it was made from is then the --init of the run."""
        cfg = self.cfg
        if not cfg.init.endswith(".pt"):
            return
        stages = SPEAK if self.stage == "sft" else (self.stage,)
        self.saved = load_checkpoint(cfg.init, stages)
        self.measured, self.trained_on = cfg.init, self.saved.get("train_config", {}).get("data")
        cfg.init = (self.saved.get("parent") or {}).get("path") or ""

    def parent_of_measured(self, stages):
        """What the measured checkpoint was made from; where that is not here any more, and not
        needed, the checkpoint itself."""
        path = self.cfg.init
        if path and Path(path).exists():
            return load_checkpoint(path)
        if self.stage != "sft" and (self.stage in BESIDE or self.cfg.data in after.WORLDS):
            raise BadInput(
                f"{self.measured} is measured beside what it came from, {path or 'unknown'}, which "
                "is not here any more; put it back"
            )
        self.cfg.init = self.measured
        return self.saved

    def held_out(self, train, val):
        """What is measured of some data: the part that is held out; with --eval all of data that
        the checkpoint was not trained on. Lists of records, or arrays of ids."""
        if not self.measures:
            return val
        held = self.saved and self.cfg.data == self.trained_on
        part = "what was held out" if held else "all"
        self.say(f"measuring {self.name} on {part} of {self.cfg.data}; nothing is trained")
        if held or len(train) == len(val) == 0:
            return val
        return [*train, *val] if isinstance(val, list) else np.concatenate([train, val])

    def announce(self, text):
        """`say` what is about to be trained."""
        if not self.measures:
            self.say(text)

    # --- with --resume

    def take_up(self):
        """The state to go on from; BadInput where there is none of this run, Done where it is at
        its end."""
        last = self.out / "last.pt"
        saved = load_checkpoint(last, stages=(self.stage,))
        if not {"optimizer", "best", "step"} <= saved.keys():
            raise BadInput(
                f"{last}: no state of the optimizers in it, so it is a copy of a ckpt.pt; begin a "
                f"new run with --init={last} and without --resume"
            )
        logged, run = run_of(self.out / "log.jsonl"), saved.get("run", "")
        if logged and run and logged != run:
            raise BadInput(
                f"{last} is of run {run}, but {self.out / 'log.jsonl'} of run {logged}; put the "
                "files of one run together, or begin a new one without --resume"
            )
        self.stop_if_finished(saved)
        return saved

    def stop_if_finished(self, saved):
        """A run whose end is noted in its ckpt.pt has nothing to go on with, unless more steps are
        asked for."""
        if not (self.out / "ckpt.pt").exists():
            return
        kept = load_checkpoint(self.out / "ckpt.pt")
        whole = kept.get("finished") and kept.get("run") == saved.get("run")
        steps = saved.get("train_config", {}).get("steps")
        if whole and getattr(self.cfg, "steps", steps) == steps:
            raise Done(
                f"{self.name}: run {self.id} came to its end at step {saved['step']}; there is "
                "nothing to go on with (without --resume a new run begins)"
            )

    def inherit(self, script, stages, *options):
        """The checkpoint of --init; `script` makes it, with these options, if it is missing."""
        path = self.cfg.init
        if self.measures and self.saved:
            self.parent = self.parent_of_measured(stages)
            refuse_missing(self.cfg, f"{self.measured} was made with")
        else:
            began = f"the run in {self.out} began with" if self.saved else ""
            refuse_missing(self.cfg, began)
            self.parent = supply(path, script, self.cfg.preset, stages, *options)
        self.check_forms({**vars(self.cfg), **self.parent["model_config"]})
        if self.measures and self.saved:
            return self.parent
        self.lineage = parent_of(path, self.parent)
        return self.parent

    def begin(self, model, optimizers, tokenizer):
        """All is ready to train `model`: from here on the folder is this run's. Open the log, take
        up the saved run. `tokenizer`: text."""
        self.model = model
        for optimizer in optimizers:
            optimizer.scale = self.machine.scale  # of float16, else None
        self.bad_step = self.bad_step.to(self.machine.device)
        self.saver = Saver(
            self.cfg, self.stage, model, tokenizer, self.lineage, optimizers, self.id
        )
        if self.measures:
            self.records = Log(None, self.cfg, self.machine)
            self.first = 0
            return
        parent = None if self.stage == "pretrain" else self.parent  # its --init is read once
        self.saver.fixed["inputs"] = digests(self.cfg, parent)
        self.first = self.saver.resume(self.saved)
        if self.saved and self.machine.scale:
            self.machine.scale.load(self.saved.get("scale"))
        resumed = self.first if self.saved else None
        if self.machine.main:
            self.take_folder()
        self.records = Log(self.out / "log.jsonl", self.cfg, self.machine, resumed, self.id)

    def take_folder(self):
        """The first process: nobody else writes here, nothing half-written lies here, and an older
        run's files are not mixed with this one's."""
        folder.hold(self.out)
        folder.tidy(self.out)
        if self.saved:
            self.say(f"{self.name}: going on with run {self.id} at step {self.first}")
            errors.stopped[0] = errors.GO_ON
            self.saver.mark(finished=False)
        elif folder.set_aside(self.out, getattr(self.cfg, "data", "")):
            self.say(f"the files of an older run are now in {self.out / folder.EARLIER}")

    def steps(self, n):
        """Steps first, ..., n; the last is for the closing evaluation. Each seeds torch from (seed,
        step): what it draws depends on nothing before it, so a resumed run sees the same bits."""
        quiet = not self.machine.main or self.measures
        self.last = n
        if self.measures:  # the closing evaluation alone
            self.first = n
        self.bar = tqdm(range(self.first, n), initial=self.first, total=n, disable=quiet)
        self.count_from_here()
        for step in itertools.chain(self.bar, [n]):
            self.machine.seed(self.cfg.seed, step)
            yield step

    def due(self, step, every):
        """Every so many steps and at the end; not where the run begins or is taken up. What is
        about to be looked at and saved is sound, or the run ends here."""
        due = step == self.last or step > self.first and step % every == 0
        if due:
            self.check(step)
        return due

    def begins(self, step):
        """Is this the first step of a run that was not begun before?"""
        return step == 0 and not self.saved

    # --- a training that diverges ends in one line, and what was saved before stays

    def check(self, step, **figures):
        """BadInput, with the step, the value and a remedy, where the loss was no number at some
        step, a figure is none or a weight has left all bounds. All processes take part."""
        what = next((f"{k} is {v}" for k, v in figures.items() if not is_number(v)), "")
        if self.machine.sum(self.bad_step.isfinite()):
            step = int(self.bad_step) + 1 if self.bad_step.isfinite() else step
            what = "its loss or its gradient is no number"
        largest = largest_weight(self.model)
        if self.machine.sum(not largest <= LARGEST) and not what:
            what = f"its largest weight is {largest:.2g}"
        if what:
            raise self.diverged(step, what)

    def diverged(self, step, what):
        rates = {name: getattr(self.cfg, name, 0) for name in RATES}
        tried = ", ".join(f"--{name}={rate:g}" for name, rate in rates.items() if rate)
        return BadInput(
            f"step {step}: the training has diverged, {what}; begin again with less of "
            f"{tried or 'the learning rate'} (what was saved in {self.out} is as it was)"
        )

    def figures(self, step, **figures):
        """`log` of a step's figures, which all have to be numbers."""
        self.log(step=step, **figures, **self.skipped())
        self.check(step, **{k: v for k, v in figures.items() if k not in MAY_BE_NAN})

    def skipped(self):
        """For the log: the updates that float16 left out so far."""
        return {"skipped": self.machine.scale.skipped} if self.machine.scale else {}

    def log(self, **record):
        """One line of log.jsonl."""
        self.records.write(**record)

    def say(self, *lines):
        """Print above the bar; of several processes, the first does."""
        for line in lines if self.machine.main else ():
            tqdm.write(line)

    def show(self, text):
        """What stands beside the bar."""
        self.bar.set_postfix_str(text)

    def save(self, step, metrics, **extra):
        """`last.pt`, and `ckpt.pt` if the validation loss is the best so far (see Saver.save)."""
        self.check(step)
        if self.measures:
            self.saver.best = metrics.get("val_loss", math.inf)
            return
        if self.machine.scale:
            extra["scale"] = self.machine.scale.state()
        self.saver.save(step, metrics, **extra)
        errors.stopped[0] = errors.GO_ON
        self.count_from_here()

    def keep(self, step, metrics):
        """`ckpt.pt` alone, what the next stage reads."""
        if not math.isfinite(largest := largest_weight(self.model)):
            raise self.diverged(step, f"its largest weight is {largest}")
        if self.machine.main and not self.measures:
            self.saver.keep(step, metrics)

    def finish(self):
        """The run has come to its end: its `ckpt.pt` says so, and its folder is free again. What
        can be typed next is told, unless another stage started this one and goes on itself."""
        if self.machine.main and not self.measures:
            self.saver.mark(finished=True)
            folder.release(self.out)
        if self.machine.main and getattr(self.cfg, "export", ""):
            self.say(*hf.export(self.name, self.out / "hf"))
        if not (errors.child[0] or self.measures):
            self.say(*after.lines(self.stage, self.cfg))

    def before_and_after(self):
        """{name: checkpoint} of what the run began with and of the best that came of it. A base
        model is called so; one that was tuned before is none."""
        found = {}
        tuned = load_checkpoint(self.name)
        if self.parent is not self.saved:
            found["base" if self.parent["stage"] == "pretrain" else "before"] = self.parent
        found["base" if tuned["stage"] == "pretrain" else tuned["stage"]] = tuned
        return found

    def count_from_here(self):
        self.clock, self.tokens = time.perf_counter(), 0

    def progress(self, step, loss, norm, tokens=0, every=10, peak=None, **more):
        """What the bar and the log tell of a step that is done: the batch's loss (each process has
        its part), the norm of the gradient, how many tokens of it were processed here. `peak`:
        tokens per second at the machine's matmul rate."""
        self.tokens += tokens * self.machine.processes
        sound = torch.isfinite(loss) & torch.isfinite(norm)  # read at the next check, not here
        self.bad_step = self.bad_step.clamp(max=torch.where(sound, math.inf, float(step)))
        if step % every != every - 1:
            return
        loss = self.machine.sum(loss)
        record = {"step": step + 1, "loss": loss, **more, "grad_norm": float(norm)}
        record |= self.skipped()
        shown = f"loss {loss:.3f}"
        rate = self.tokens / (time.perf_counter() - self.clock)
        if tokens:
            record["tokens_per_second"] = round(rate)
            shown += f", {rate:,.0f} tokens/s"
        if peak:
            record["mfu"] = round(rate / peak, 3)
            shown += f", {rate / peak:.0%} of matmul rate"
        self.log(**record)
        self.show(shown)


def is_number(value):
    """Is a figure finite? What is no number, such as a table, is not judged."""
    return not isinstance(value, float) or math.isfinite(value)


@torch.no_grad()
def largest_weight(model):
    """The largest size of a weight of this process's share; NaN if there is one."""
    sizes = [shards.mine(p).abs().max() for p in model.parameters() if shards.mine(p).numel()]
    return float(torch.stack(sizes).max())
