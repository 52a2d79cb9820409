"""How much memory a training step of each stage takes at GPT-2's sizes, and which card has it.

    python -m lab.memory

The step is computed on tensors that have a shape and no numbers (torch's FakeTensorMode), so no GPU
is needed: each stage's own functions run, with the networks, the optimizers and the batch of its
preset gpt2, and what every operator takes and what is given back is counted. Counted are tensors,
as a GPU holds them in bfloat16 without --compile (float16 takes the same); a driver, a library's
workspace and gaps between tensors are not, so that a card is said to do if a tenth of it stays
free.

writes  out/memory.jsonl
"""

import contextlib
import json
import weakref
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

from plumbing.config import check_options, parse_config

if __name__ == "__main__":  # answer --help and slips before torch, a second's work, loads
    check_options(__file__)

import numpy as np
import torch
from torch._subclasses import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakIdKeyDictionary

import dpo
import optim
import ppo
import pretrain
import reward
import sft
from kernels import ops
from likelihood import answer_scores
from model import GPT, GPTConfig
from plumbing import signs
from plumbing.errors import run
from plumbing.folder import look_for_room
from plumbing.machine import Machine
from plumbing.records import print_table, write_records

# --- configuration -----------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "gpt2"  # whose batches are measured
    out: str = "out"  # directory for memory.jsonl


PRESETS = {"gpt2": {}}
GPT2 = GPTConfig(block_size=1024, vocab_size=50304, bias=True, pos="learned", qk_norm=False)
SIZES = {
    "124M": replace(GPT2, n_layer=12, n_head=12, n_embd=768),
    "355M": replace(GPT2, n_layer=24, n_head=16, n_embd=1024),
}
STAGES = {"pretrain": pretrain, "sft": sft, "reward": reward, "dpo": dpo, "ppo": ppo}
LENGTHS = (1024, 256)  # tokens of a text, with its question
CARDS = (8, 16, 24, 40, 80)  # GB
FREE = 0.1  # share of a card that tensors are to leave
K = reward.Config.k  # answers to a question

# --- counting ----------------------------------------------------------------------------------


class Counter(TorchDispatchMode):
    """Bytes of the tensors that are alive, `now` and at their most (`peak`): what each operator
    makes counts until nothing refers to it. `fake`: there are no numbers."""

    def __init__(self, fake):
        super().__init__()
        self.fake = fake
        self.known = WeakIdKeyDictionary()
        self.now = self.peak = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if self.fake and function is torch.ops.aten._local_scalar_dense.default:
            return 1.0  # a number is asked for, and there is none: memory does not hang on it
        made = function(*args, **(kwargs or {}))
        for x in tree_leaves(made):
            if isinstance(x, torch.Tensor):
                self.take(x.untyped_storage())
        return made

    def take(self, storage):
        if storage in self.known:  # a view, or written in place
            return
        size = storage.nbytes()
        self.known[storage] = size
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self.give_back, size)

    def give_back(self, size):
        self.now -= size


@contextlib.contextmanager
def counted(fake=True):
    """A Counter at work, on tensors without numbers unless `fake` is False."""
    shapes_only = FakeTensorMode(allow_non_fake_inputs=True) if fake else contextlib.nullcontext()
    with torchs_own(), shapes_only, Counter(fake) as counter:
        yield counter


def torchs_own():
    """Small operators are torch's, as on a GPU, and not those of kernels/ops.cpp."""
    return patch.object(ops, "_serves", lambda *_: False)


# --- one step of each stage --------------------------------------------------------------------
# Each makes the networks and takes the last of a step's backward passes, and the update.


def learner(shape, options, machine, head="lm"):
    """A network in the midst of its training, and its optimizers. They have their moments, and
    there are gradients already where a step has passes before its last."""
    model = GPT(replace(shape, head=head))
    model.recompute = machine.recompute
    optimizers = optim.build(model, options.lr)
    begin(model)
    optim.step(optimizers, model, 0.0)
    if options.grad_accum > 1:
        begin(model)
    return model, optimizers


def begin(model):
    """Gradients of nothing."""
    for p in model.parameters():
        p.grad = torch.zeros_like(p)


def reader(shape, head="lm"):
    """A network that only reads."""
    return GPT(replace(shape, head=head)).eval().requires_grad_(False)


def ids(rows, tokens):
    return torch.ones(rows, tokens, dtype=torch.long)


def pretrain_step(shape, options, tokens, machine):
    model, optimizers = learner(shape, options, machine)
    x = ids(options.batch_size // options.grad_accum, tokens)
    with machine.autocast():
        loss = pretrain.pretrain_loss(model(x, x), x.numel())
    machine.backward(loss)
    optim.step(optimizers, model, 1.0)


def sft_step(shape, options, tokens, machine):
    model, optimizers = learner(shape, options, machine)
    x = ids(options.batch_size // options.grad_accum, tokens)
    mask = torch.ones(x.shape)
    with machine.autocast():
        loss = sft.sft_loss(model(x, x), mask, x.numel())
    machine.backward(loss)
    optim.step(optimizers, model, 1.0)


def compared(options, tokens):
    """K answers to each question of a pass: tokens (N·K, T), mask (N·K, T−1), ranks (N, K)."""
    questions = -(-options.batch_size // options.grad_accum)
    rows = questions * K
    ranks = torch.arange(K).expand(questions, K)
    return ids(rows, tokens), torch.ones(rows, tokens - 1), ranks


def reward_step(shape, options, tokens, machine):
    head = "reward" if options.alpha else "scalar"
    model, optimizers = learner(shape, options, machine, head)
    x, mask, ranks = compared(options, tokens)
    last = torch.full((len(x),), tokens - 1)
    with machine.autocast():
        scores = answer_scores(model, x, last, mask).view(ranks.shape)
    machine.backward(reward.ranking_loss(scores, ranks, len(ranks)))
    optim.step(optimizers, model, 1.0)


def dpo_step(shape, options, tokens, machine):
    policy, optimizers = learner(shape, options, machine)
    ref = reader(shape)
    x, mask, ranks = compared(options, tokens)
    with machine.autocast():
        logp = dpo.answer_logp(policy, x, mask, ranks)
        with torch.no_grad():
            ref_logp = dpo.answer_logp(ref, x, mask, ranks)
    loss, _ = dpo.dpo_loss(logp, ref_logp, ranks, options.beta, len(ranks))
    machine.backward(loss)
    optim.step(optimizers, policy, 1.0)


def ppo_step(shape, options, tokens, machine):
    """An iteration: answers, what is thought of them, and a minibatch of learning from them."""
    policy, optimizers = learner(shape, options, machine)
    value, its_optimizers = learner(shape, options, machine, "scalar")
    ref = reader(shape)
    judge = reader(shape, "scalar")
    size = options.batch_size

    def sample(policy, *_):
        """The memory of sampling: prompts are read into a cache that has room for answers."""
        x = ids(size, tokens)
        mask = torch.ones(size, tokens - 1)
        with machine.autocast():
            cache = policy.new_cache(size, tokens)
            policy.trunk(x[:, : -options.max_new_tokens], cache)
        last = torch.full((size,), tokens - 1)
        return x, mask, last, [""] * size, [True] * size

    def scores(questions, texts, ended, tokens, last, mask):
        return answer_scores(judge, tokens, last, mask)

    # How many tokens the answers have depends on numbers, so one figure of them is left out.
    unexplained = patch.object(signs, "explained_variance", lambda *_: 0.0)
    with patch.object(ppo, "sample", sample), unexplained:
        asked = (None, [{}] * size, options, machine, None, options.beta)
        batch, _ = ppo.rollout(policy, ref, value, scores, *asked)
    rows = np.arange(options.minibatch // options.grad_accum)
    ppo.backward(policy, value, batch, rows, replace(options, grad_accum=1), machine)
    optim.step(optimizers, policy, 1.0)
    optim.step(its_optimizers, value, 1.0)


STEPS = {
    "pretrain": pretrain_step,
    "sft": sft_step,
    "reward": reward_step,
    "dpo": dpo_step,
    "ppo": ppo_step,
}


def peak(stage, shape, options, tokens, machine):
    """Bytes at the most in a step of a stage."""
    with counted() as counter:
        STEPS[stage](shape, options, tokens, machine)
    return counter.peak


# --- all of them -------------------------------------------------------------------------------


def batches(stage):
    """The options of a stage that are measured: those of the preset, and, named as they are typed,
    those of the smallest passes that come to the same step."""
    module = STAGES[stage]
    options = module.Config(**module.PRESETS["gpt2"])
    yield "", options
    if stage == "ppo":  # the answers of an iteration are written all at once
        yield "--batch_size=32 --grad_accum=32", replace(options, batch_size=32, grad_accum=32)
    else:
        yield f"--grad_accum={options.batch_size}", replace(options, grad_accum=options.batch_size)


def rows_of(stage):
    """The figures of a stage: each batch, length, size, with blocks kept and computed again."""
    rows = []
    for typed, options in batches(stage):
        for tokens in LENGTHS[:1] if stage == "pretrain" else LENGTHS:
            for size, shape in SIZES.items():
                for again in (False, True):
                    machine = Machine("cpu", torch.bfloat16, recompute=again)
                    batch = {"stage": stage, "options": typed, "tokens": tokens}
                    taken = peak(stage, shape, options, tokens, machine)
                    rows.append({**batch, "size": size, "again": again, "bytes": taken})
    return rows


def card(taken):
    """The smallest of CARDS, in GB, that has so many bytes and a tenth more; None: none has."""
    return next((size for size in CARDS if taken <= (1 - FREE) * 1e9 * size), None)


def collect(cfg):
    """What was measured, as the records have it. Raises FileNotFoundError where nothing was."""
    path = Path(cfg.out) / "memory.jsonl"
    with open(path, encoding="utf-8") as file:
        head, *rows = map(json.loads, file)
    about = {"seed": 0, "n": 1, "machine": f"computed; bfloat16, torch {head['torch']}"}
    return [{**about, **row} for row in rows]


def show(stage, rows):
    """A stage's rows as a table."""
    table = []
    for row in rows:
        options = row["options"] or "as in the preset"
        blocks = "computed again" if row["again"] else "kept"
        fits = card(row["bytes"])
        where = f"{fits} GB" if fits else "none"
        table.append([options, row["tokens"], row["size"], blocks, row["bytes"] / 1e9, where])
    print_table(f"{stage}.py", ["", "tokens", "size", "blocks", "GB", "card"], table)


def main(cfg):
    """Measure, print and write; returns the rows."""
    look_for_room(cfg.out)
    found = []
    for stage in STAGES:
        rows = rows_of(stage)
        show(stage, rows)
        found += rows
    version = torch.__version__.partition("+")[0]
    head = {"made by": "python -m lab.memory", "torch": version}
    write_records(Path(cfg.out) / "memory.jsonl", head, found)
    return found


# --- run ---------------------------------------------------------------------------------------

if __name__ == "__main__":
    run(lambda: main(parse_config(Config, PRESETS)))
