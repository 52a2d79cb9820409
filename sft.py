"""Step 1, supervised fine-tuning: learn to answer from demonstrations (InstructGPT, section 3.5).

The same network and the same loss as pretraining. New are the data, conversations in a template,
and the mask: only what the assistant says, and its stopping, is learned.

reads   out/pretrain/ckpt.pt (made if missing) and the tiny world's demonstrations, or --data=FILE
writes  out/sft/ckpt.pt (best validation loss), last.pt (for --resume), log.jsonl

    python sft.py                                        the tiny world, minutes on a laptop
    python sft.py --data=qa.csv --pretrain_on=qa.csv     your own, and a base of them first
    python sft.py --eval --init=CKPT --data=qa.csv       measure; every stage can
    python sft.py --preset=gpt2 --data=alpaca.json       fine-tune OpenAI's GPT-2, for a GPU
    python sft.py --preset=distill                       learn what a prompt does, not answers
"""

import math
from dataclasses import dataclass

from plumbing.config import check_options, fit_len, parse_config, positive

if __name__ == "__main__":  # answer --help and slips before torch, a second's work, loads
    check_options(__file__)

import numpy as np
import torch

import distillation
import insertion
import lora
import optim
import sampling
from data.corpora import PretrainText
from data.formats import searches
from data.questions import check_mix, epochs, load_demonstrations, made_base, tell_cut
from data.world.languages import LANGUAGES
from judges.exam import before_and_after
from model import GPT
from plumbing import errors, measure
from plumbing.batches import Batches
from plumbing.errors import BadInput
from plumbing.machine import check_batch, right_pad
from plumbing.run import Run

# --- configuration -----------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "tiny"  # a named set of other defaults
    out: str = "out/sft"  # directory for ckpt.pt, last.pt, log.jsonl
    init: str = "out/pretrain/ckpt.pt"  # the base model; made with the same preset if it is missing
    data: str = "world"  # "world", "world_ko" in Korean, or a file of demonstrations
    n_demos: int = 12000  # single questions of the world, demonstrated
    n_talks: int = 20000  # conversations of the world, demonstrated; 0: a control
    n_probes: int = 0  # probes of rules, half of them done as asked: what rules.py starts from
    n_harms: int = 0  # harm done, judged, mended (data/world/harms.py): what constitution.py needs
    n_evidence: int = 0  # talks in which facts are looked up (Sparrow): what --knowledge needs
    distill: str = ""  # a text, or a file of it: learn to answer as the base model does after it
    pretrain_mix: float = 0.3  # share of pretraining text (InstructGPT, App. C.3: 0.1)
    mix_rows: int = 8  # blocks of that text in a step; more of them keep facts that no answer shows
    pretrain_on: str = ""  # make a base of this text first, or of the demonstrations in it
    mix_data: str = ""  # text for that share; empty: what the base model was pretrained on
    max_len: int = 512  # tokens of one example; a longer one loses the left of its prompt
    batch_size: int = 32  # demonstrations of one step (InstructGPT, App. C.1)
    grad_accum: int = 1  # forward-backward passes that make up one step
    checkpoint_activations: bool = False  # compute blocks again in the backward pass: less memory
    epochs: int = 0  # 0: one of the world's, made as needed; of a file as many as it needs, to 16
    steps: int = 0  # optimizer steps; 0: as many as the epochs need
    lr: float = 2e-3  # AdamW; then a cosine down to a tenth, no warm-up (InstructGPT, App. C.1)
    matrix_lr: float = 0.002  # Muon; 0 hands the hidden matrices to AdamW
    lora: int = 0  # rank of what is added to the matrices, which stay (lora.py); 0: all learn
    eval_every: int = 50  # steps between validations and checkpoints
    n_eval: int = 260  # held-out questions of the world answered at the end
    seed: int = 1
    device: str = "auto"
    dtype: str = "auto"  # float32, bfloat16, float16; auto takes what is fast here
    compile: bool = False  # torch.compile; pays back within long runs
    fsdp: bool = False  # under torchrun: each process holds a share of the model, not a copy
    resume: bool = False  # go on from last.pt
    eval: bool = False  # measure the checkpoint of --init on --data; nothing is trained or written
    log: str = ""  # csv or tensorboard: the log in that form as well
    export: str = ""  # hf: also write {out}/hf, which transformers loads


GPT2_FILES = dict(init="out/gpt2/ckpt.pt", out="out/sft_gpt2")
GPT2_STEPS = dict(pretrain_mix=0.0, max_len=1024, grad_accum=4, lr=2e-5, matrix_lr=0.0, epochs=2)
KO = dict(data="world_ko", init="out/ko/pretrain/ckpt.pt")
FEW = dict(n_demos=4000, n_talks=0)
PRESETS = {
    "tiny": {},
    "ko": dict(KO, out="out/ko/sft"),
    "distill": dict(FEW, distill="data/prompt.txt", out="out/distilled"),
    "ko_distill": dict(KO, **FEW, distill="data/prompt_ko.txt", out="out/ko/distilled"),
    "gpt2": {**GPT2_FILES, **GPT2_STEPS},
}


def check(cfg):
    """Refuse options that make no training; one line each."""
    positive(cfg, "batch_size", "grad_accum", "eval_every")
    positive(cfg, "mix_rows", "max_len", "n_demos", "n_eval")
    check_batch(cfg, cfg.batch_size)
    lora.check(cfg)
    distillation.check(cfg)
    check_mix(cfg)


# --- the maths ---------------------------------------------------------------------------------


def sft_loss(nll, mask, count):
    """L = Σ −log p(token | what precedes it) over the assistant's tokens, divided by `count`.

    nll and mask (B, T), of a part of the batch.
    `count` is the number of such tokens in the whole batch, so that the gradients of its parts,
    on all processes, add up to that of the whole.
    """
    return (nll * mask).sum() / count


# --- batches -----------------------------------------------------------------------------------


def load_examples(cfg, records, tokenizer, max_len):
    """Demonstrations as (ids, mask, messages): those to train on, and a tenth that is held out."""
    examples = [(*tokenizer.render(said["messages"]), said["messages"]) for said in records]
    if len(examples) < 2:
        raise BadInput(f"{cfg.data}: {len(examples)} demonstrations; at least 2, one is held out")
    tell_cut(cfg.data, examples, max_len)
    examples = [(ids[-max_len:], mask[-max_len:], said) for ids, mask, said in examples]
    order = np.random.default_rng(cfg.seed).permutation(len(examples))
    n_val = max(1, len(examples) // 10)
    return [examples[i] for i in order[n_val:]], [examples[i] for i in order[:n_val]]


def get_batch(examples, indices, tokenizer, machine):
    """Right-padded tokens, the targets that follow them, and their mask, each (B, T)."""
    rows = [examples[i] for i in indices]
    tokens = machine.put(right_pad([ids for ids, _, _ in rows], tokenizer.pad))
    mask = machine.put(right_pad([learn for _, learn, _ in rows]).float())
    return tokens[:, :-1], tokens[:, 1:], mask[:, 1:]


# --- evaluation --------------------------------------------------------------------------------


@torch.no_grad()
def evaluate(model, val_set, tokenizer, cfg, machine):
    """Loss of what the assistant says in all validation demonstrations, per token and byte."""
    model.eval()
    order = np.argsort([len(ids) for ids, _, _ in val_set])
    total = count = n_bytes = 0.0
    for rows in np.split(order, range(cfg.batch_size, len(order), cfg.batch_size)):
        tokens, targets, mask = get_batch(val_set, rows, tokenizer, machine)
        with machine.autocast():
            total += (model(tokens, targets) * mask).sum().item()
        count += mask.sum().item()
        n_bytes += len(tokenizer.decode_bytes(targets[mask > 0].tolist()))
    model.train()
    return measure.per_byte(total, count, n_bytes)


# --- training ----------------------------------------------------------------------------------


def train(cfg):
    """Train as `cfg` says; returns the metrics of the last validation."""
    # --- setup: what is learned from, as token ids, and what is held out
    check(cfg)
    run = Run(cfg, "sft")
    machine = run.machine
    parent = run.inherit("pretrain.py", ("pretrain", "sft"), *made_base(cfg))
    model, tokenizer = sampling.load_model(run.saved or parent, cfg.init)
    if (run.saved or parent)["stage"] == "pretrain":
        sampling.name_roles(model, tokenizer, share=0.5 if cfg.lora else 1.0)
    fit_len(cfg, model.config)
    teacher = distillation.Prompted(parent, cfg, machine) if cfg.distill else None
    records = teacher.demonstrations() if teacher else load_demonstrations(cfg, parent)
    if searches(records):  # the tokens of a query and of what is found, where they are needed
        tokenizer = insertion.name_evidence(model, tokenizer)
    train_set, val_set = load_examples(cfg, records, tokenizer, cfg.max_len)
    val_set = run.held_out(train_set, val_set)

    # --- model
    if cfg.lora:  # thin matrices learn beside its own, which stay
        lora.attach(model, cfg.lora, run.saved)
    # On the device; with --fsdp each process keeps a share of it.
    model = machine.place(model, cfg.fsdp)
    mix = None
    if cfg.pretrain_mix and not cfg.eval:
        mix = PretrainText(cfg.mix_data, run.parent, tokenizer, cfg.seed)
    if cfg.compile:
        model.compile()
    # Muon for the hidden matrices, AdamW for the rest; from here on the run can be resumed.
    optimizers = optim.build(model, cfg.lr, cfg.matrix_lr, dtype=machine.dtype)
    run.begin(model, optimizers, tokenizer.to_json())
    network = machine.distribute(model)
    # Demonstrations of similar length share a batch, so that little of it is padding.
    lengths = np.array([len(ids) for ids, _, _ in train_set])
    per_epoch = math.ceil(len(train_set) / cfg.batch_size)
    steps = cfg.steps or epochs(cfg, per_epoch) * per_epoch
    batches = Batches(len(train_set), cfg.batch_size, cfg.seed, lengths=lengths)
    # What there is to learn from, and on what machine.
    run.announce(
        f"fine-tuning on {len(train_set):,} demonstrations of {cfg.data} ({len(val_set)} held "
        f"out), {steps} steps, {batches.padding:.1%} of tokens are padding, {machine}"
    )

    # --- loop
    metrics = {}
    for step in run.steps(steps):
        # Every so often, and at the end: the loss on what no step learns from.
        if run.due(step, cfg.eval_every) or run.begins(step):  # and what it begins with
            metrics = evaluate(model, val_set, tokenizer, cfg, machine)
            run.log(step=step, **metrics)
            if step == 0 and cfg.data not in LANGUAGES:  # of people's own data
                run.say(*measure.base_fit(cfg, parent, metrics, tokenizer.n_vocab))
            run.say(measure.language(step, metrics, tokenizer.n_vocab))
            run.save(step, metrics, **lora.parts(model))
        if step == steps:  # the last step only evaluates
            break

        # All processes draw the same batch. The loss is divided by the tokens to learn in all of
        # it, not in this part, so that the gradients of the parts add up to the batch's.
        batch = batches[step]
        count = sum(sum(train_set[i][1][1:]) for i in batch)

        # The batch goes through in parts that fit into memory; their gradients add up, since
        # nothing is cleared between the backward passes.
        loss, seen = 0.0, 0
        for rows, weight in machine.parts(machine.mine(batch), cfg.grad_accum):
            tokens, targets, mask = get_batch(train_set, rows, tokenizer, machine)
            with machine.autocast():
                if teacher:  # not what is said counts, but how likely all was that could be
                    each = teacher.kl(network(tokens), mask, [train_set[i] for i in rows])
                else:
                    each = network(tokens, targets)
                nll = weight * sft_loss(each, mask, count)
            machine.backward((1 - cfg.pretrain_mix) * nll)
            loss += nll.detach()
            seen += tokens.numel()

        # A share of the gradient comes from pretraining text: the model keeps its language.
        if mix:
            x, y = mix.get_batch(cfg.mix_rows, [cfg.seed, step], machine)
            with machine.autocast():
                nll = network(x, y).sum() / (cfg.mix_rows * mix.block_size)
            machine.backward(cfg.pretrain_mix * nll)
            seen += x.numel()

        # One update at this step's learning rate; the gradients are empty afterwards.
        factor = optim.learning_rate(step, steps)
        norm = optim.step(optimizers, model, factor)
        run.progress(step, loss, norm, seen)

    # --- results
    # The best model beside the one it came from. One that is shared needs all processes to answer.
    if machine.main or cfg.fsdp:
        models = {}
        for name, checkpoint in run.before_and_after().items():
            models[name] = machine.place(GPT.from_checkpoint(checkpoint), cfg.fsdp)
        found = before_and_after(models, tokenizer, val_set, machine, cfg, teacher)
        run.log(step=steps, **found)
    run.say(f"\n{run.name}: val loss {run.saver.best:.4f} nats/token")
    # Only now is the run whole, and what comes next may build on it.
    run.finish()
    return metrics


# --- run ---------------------------------------------------------------------------------------

if __name__ == "__main__":
    errors.run(lambda: train(parse_config(Config, PRESETS)))
