"""One run of a stage: what every training loop needs and no paper is about. There is no loss in it.

run = Run(cfg, "sft")                             device, seed; with --resume the saved run
parent = run.inherit("pretrain.py", ("pretrain",))   the checkpoint of --init, made if missing
run.begin(model, optimizers, tokenizer)           log and checkpoints; takes up the saved run
for step in run.steps(n):                         0, 1, ..., n under a progress bar
    if run.due(step, every): ...                  time to evaluate: run.log, run.say, run.save
    if step == n: break                           the last one is for the evaluation alone
"""

import itertools
import time
from pathlib import Path

from tqdm import tqdm

from plumbing.checkpoint import Saver, load_checkpoint, need, parent_of
from plumbing.machine import setup
from plumbing.records import Log


class Run:
    """machine: device, number format, processes. parent: the checkpoint it starts from, or None,
    and its lineage, which the run's own checkpoints carry on. saved: its own last.pt where --resume
    takes it up, else None. first: the step to go on from."""

    def __init__(self, cfg, stage):
        self.cfg, self.stage = cfg, stage
        self.machine = setup(cfg)
        self.out = Path(cfg.out)
        self.parent = self.lineage = self.saved = None
        if cfg.resume:
            self.saved = load_checkpoint(self.out / "last.pt", stages=(stage,))

    @property
    def name(self):
        """The file that the next stage reads."""
        return (self.out / "ckpt.pt").as_posix()

    def inherit(self, script, stages, *options):
        """The checkpoint of --init; `script` makes it, with these options, if it is missing."""
        path = need(self.cfg.init, script, self.cfg.preset, *options)
        self.parent = load_checkpoint(path, stages)
        self.lineage = parent_of(path, self.parent)
        return self.parent

    def begin(self, model, optimizers, tokenizer):
        """All is ready to train `model`: open the log, take up the saved run. `tokenizer`: text."""
        self.saver = Saver(self.cfg, self.stage, model, tokenizer, self.lineage, optimizers)
        self.first = self.saver.resume(self.saved)
        resumed = self.first if self.saved else None
        self.records = Log(self.out / "log.jsonl", self.cfg, self.machine, resumed_step=resumed)

    def steps(self, n):
        """Steps first, ..., n; the last is for the closing evaluation. Each seeds torch from (seed,
        step): what it draws depends on nothing before it, so a resumed run sees the same bits."""
        quiet = not self.machine.main
        self.last = n
        self.bar = tqdm(range(self.first, n), initial=self.first, total=n, disable=quiet)
        self.count_from_here()
        for step in itertools.chain(self.bar, [n]):
            self.machine.seed(self.cfg.seed, step)
            yield step

    def due(self, step, every):
        """Every so many steps and at the end; not where the run begins or is taken up."""
        return step == self.last or step > self.first and step % every == 0

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
        self.saver.save(step, metrics, **extra)
        self.count_from_here()

    def keep(self, step, metrics):
        """`ckpt.pt` alone, what the next stage reads."""
        if self.machine.main:
            self.saver.keep(step, metrics)

    def count_from_here(self):
        self.clock, self.tokens = time.perf_counter(), 0

    def progress(self, step, loss, norm, tokens=0, every=10, peak=None, **more):
        """What the bar and the log tell of a step that is done: the batch's loss (each process has
        its part), the norm of the gradient, how many tokens of it were processed here. `peak`:
        tokens per second at the machine's matmul rate."""
        self.tokens += tokens * self.machine.processes
        if step % every != every - 1:
            return
        loss = self.machine.sum(loss)
        record = {"step": step + 1, "loss": loss, **more, "grad_norm": float(norm)}
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
