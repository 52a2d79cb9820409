"""Step 1, supervised fine-tuning: learn to answer from demonstrations (InstructGPT, section 3.5).

The same network and the same loss as pretraining. New are the data, conversations in a template,
and the mask: only what the assistant says, and its stopping, is learned.

reads   out/pretrain/ckpt.pt (made first if it is missing) and the tiny world's demonstrations, or
        --data=FILE
writes  out/sft/ckpt.pt (best validation loss), last.pt (for --resume), log.jsonl

    python sft.py                                        the tiny world, about a minute on a laptop
    python sft.py --data=alpaca.json                     your own demonstrations
    python sft.py --preset=gpt2 --data=alpaca.json       fine-tune OpenAI's GPT-2, for a GPU
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import torch

import optim
from data.corpora import PretrainText
from data.formats import read_demonstrations
from data.world import World
from judges.exam import questions_table
from model import GPT
from plumbing import errors
from plumbing.checkpoint import load_checkpoint
from plumbing.config import parse_config, positive
from plumbing.errors import BadInput
from plumbing.machine import check_batch, right_pad
from plumbing.run import Run
from sampling import respond
from tokenizer import Tokenizer

# --- configuration -----------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "tiny"  # a named set of other defaults
    out: str = "out/sft"  # directory for ckpt.pt, last.pt, log.jsonl
    init: str = "out/pretrain/ckpt.pt"  # the base model; made with the same preset if it is missing
    data: str = "world"  # "world", or a file of demonstrations
    n_demos: int = 4000  # demonstrations drawn from the world
    pretrain_mix: float = 0.1  # share of pretraining text (InstructGPT, App. C.3): see README
    mix_data: str = ""  # text for that share; empty: what the base model was pretrained on
    max_len: int = 512  # tokens of one example; a longer one loses the left of its prompt
    batch_size: int = 32  # demonstrations of one step (InstructGPT, App. C.1)
    grad_accum: int = 1  # forward-backward passes that make up one step
    epochs: int = 2  # InstructGPT, App. C.3, for the model PPO starts from
    steps: int = 0  # optimizer steps; 0: as many as the epochs need
    lr: float = 2e-3  # AdamW; then a cosine down to a tenth, no warm-up (InstructGPT, App. C.1)
    matrix_lr: float = 0.001  # Muon; 0 hands the hidden matrices to AdamW
    eval_every: int = 50  # steps between validations and checkpoints
    n_eval: int = 260  # held-out questions of the world answered at the end
    seed: int = 1
    device: str = "auto"
    dtype: str = "auto"  # float32, bfloat16; auto takes bfloat16 where it is fast
    compile: bool = False  # torch.compile; pays back within long runs
    fsdp: bool = False  # under torchrun: each process holds a share of the model, not a copy
    resume: bool = False  # go on from last.pt


PRESETS = {
    "tiny": {},
    "gpt2": dict(
        init="out/gpt2/ckpt.pt",
        out="out/sft_gpt2",
        pretrain_mix=0.0,
        max_len=1024,
        grad_accum=4,
        lr=2e-5,
        matrix_lr=0.0,
    ),
}


def check(cfg):
    """Refuse options that make no training; one line each."""
    positive(cfg, "batch_size", "grad_accum", "eval_every", "max_len", "epochs")
    check_batch(cfg, cfg.batch_size)
    if cfg.pretrain_mix >= 1:
        raise BadInput(f"--pretrain_mix={cfg.pretrain_mix}: expected a share, 0 or more, below 1")


# --- the maths ---------------------------------------------------------------------------------


def sft_loss(nll, mask, count):
    """L = Σ −log p(token | what precedes it) over the assistant's tokens, divided by `count`.

    nll and mask (B, T). `count` is the number of such tokens in the whole batch, not in this part
    of it, so that parts of a batch and processes add up to the gradient of the whole.
    """
    return (nll * mask).sum() / count


# --- batches -----------------------------------------------------------------------------------


def load_examples(cfg, tokenizer, max_len):
    """Demonstrations as lists of (ids, mask, messages) for training and validation, and how many
    lost the left of their prompt because they exceed `max_len` tokens."""
    if cfg.data == "world":
        records = World().demonstrations(cfg.n_demos, seed=cfg.seed)
    else:
        records = read_demonstrations(cfg.data)
        for reason, count in records.skipped.items():
            print(f"{cfg.data}: {count} records skipped: {reason}")
    examples, cut = [], 0
    for record in records:
        ids, mask = tokenizer.render(record["messages"])
        cut += len(ids) > max_len
        examples.append((ids[-max_len:], mask[-max_len:], record["messages"]))
    if len(examples) < 2:
        raise BadInput(f"{cfg.data}: {len(examples)} demonstrations; at least 2, one is held out")
    order = np.random.default_rng(cfg.seed).permutation(len(examples))
    n_val = max(1, len(examples) // 10)
    return [examples[i] for i in order[n_val:]], [examples[i] for i in order[:n_val]], cut


def epoch_batches(lengths, batch_size, seed, epoch):
    """Indices of one epoch as batches of examples of similar length: little padding.

    Shuffle, sort by length within pools of 32 batches, cut into batches, shuffle those.
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(lengths))
    batches = []
    for pool in np.split(order, range(32 * batch_size, len(order), 32 * batch_size)):
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches += np.split(pool, range(batch_size, len(pool), batch_size))
    return [batches[i] for i in rng.permutation(len(batches))]


def get_batch(examples, indices, tokenizer, machine):
    """Right-padded tokens, the targets that follow them, and their mask, each (B, T)."""
    rows = [examples[i] for i in indices]
    tokens = machine.put(right_pad([ids for ids, _, _ in rows], tokenizer.pad))
    mask = machine.put(right_pad([learn for _, learn, _ in rows]).float())
    return tokens[:, :-1], tokens[:, 1:], mask[:, 1:]


def learned_tokens(examples, indices):
    """How many tokens of these examples the assistant has to learn: the loss is their mean."""
    return sum(sum(examples[i][1][1:]) for i in indices)


# --- evaluation --------------------------------------------------------------------------------


@torch.no_grad()
def evaluate(model, examples, tokenizer, cfg, machine):
    """Loss per assistant token over all validation demonstrations."""
    model.eval()
    order = np.argsort([len(ids) for ids, _, _ in examples])
    total = count = 0.0
    for indices in np.split(order, range(cfg.batch_size, len(order), cfg.batch_size)):
        tokens, targets, mask = get_batch(examples, indices, tokenizer, machine)
        with machine.autocast():
            total += (model(tokens, targets) * mask).sum().item()
        count += mask.sum().item()
    model.train()
    return {"val_loss": total / count}


def report(base, tuned, tokenizer, val_set, cfg, run):
    """Print and return the held-out results and some questions answered by both models."""
    results = {}
    machine = run.machine
    if cfg.data == "world":
        results["base"] = questions_table(base, tokenizer, machine, cfg.n_eval, base=True)
        results["sft"] = questions_table(tuned, tokenizer, machine, cfg.n_eval, base=False)
        run.say(
            "\nheld-out questions (judged by simulated labelers' hidden utility)       correct   "
            "score"
        )
        for stage, rows in results.items():
            for name, row in rows.items():
                # The 95% interval of a share of n questions (normal approximation).
                error = 1.96 * math.sqrt(row["correct"] * (1 - row["correct"]) / row["n"])
                run.say(
                    f"  {stage:<5} {name:<32} {100 * row['correct']:>22.1f} "
                    f"± {100 * error:.1f} %  {row['score']:+.2f}"
                )
        questions = [p["messages"] for p in World().prompts("test", 13, seed=1)[:6]]
    else:
        questions = [messages[:-1] for _, _, messages in val_set[:4]]
    greedy = {"temperature": 0.0, "max_new_tokens": 32 if cfg.data == "world" else 64}
    before, _ = respond(base, tokenizer, questions, machine, chat=False, **greedy)
    after, _ = respond(tuned, tokenizer, questions, machine, **greedy)
    samples = []
    run.say("\nthe likeliest answer of each model")
    for asked, b, a in zip(questions, before, after):
        samples.append({"question": asked[-1]["content"], "base": b, "sft": a})
        run.say(f"\n  User  {asked[-1]['content']}\n  base  {b}\n  sft   {a}")
    return results, samples


# --- training ----------------------------------------------------------------------------------


def open_base(cfg, run):
    """The base model and its tokenizer; pretrain.py makes it if it is missing."""
    options = ["--init=gpt2", "--steps=0"] if cfg.preset == "gpt2" else [f"--seed={cfg.seed}"]
    parent = run.open("pretrain.py", ("pretrain", "sft"), *options)
    tokenizer = Tokenizer.from_json(parent["tokenizer"])
    if parent["model_config"]["vocab_size"] < tokenizer.n_vocab:
        raise BadInput(
            f"{cfg.init}: its tokenizer has {tokenizer.n_vocab} tokens, its model only "
            f"{parent['model_config']['vocab_size']}: two runs were put together"
        )
    try:
        model = GPT.from_checkpoint(run.saved or parent)
    except ValueError as error:
        raise BadInput(f"{cfg.init}: {error}") from None
    if parent["stage"] == "pretrain" and not run.saved:
        name_roles(model, tokenizer)
    return model, tokenizer


@torch.no_grad()
def name_roles(model, tokenizer):
    """Start the template's tokens, which no pretraining text holds, as what stands in their place
    in plain text: before a question the end of the last document, before its answer a line break.
    """
    for token, text in (
        (tokenizer.user, [tokenizer.endoftext]),
        (tokenizer.assistant, tokenizer.encode("\n")),
    ):
        model.wte.weight[token] = model.wte.weight[text].mean(0)


def train(cfg):
    """Run one fine-tuning; returns the metrics of the last validation."""
    # --- setup: demonstrations as token ids and masks, a tenth of them held out
    check(cfg)
    run = Run(cfg, "sft")
    machine = run.machine
    model, tokenizer = open_base(cfg, run)
    max_len = model.config.room(cfg.max_len)
    train_set, val_set, cut = load_examples(cfg, tokenizer, max_len)

    # --- model
    model = machine.place(model, cfg.fsdp)
    mix = None
    if cfg.pretrain_mix:
        mix = PretrainText(cfg.mix_data, run.parent, tokenizer, cfg.seed)
    if cfg.compile:
        model.compile(dynamic=True)
    optimizers = optim.build(model, cfg.lr, cfg.matrix_lr, dtype=machine.dtype)
    run.begin(model, optimizers, tokenizer.to_json())
    network = machine.distribute(model)
    lengths = np.array([len(ids) for ids, _, _ in train_set])
    per_epoch = math.ceil(len(train_set) / cfg.batch_size)
    steps = cfg.steps or cfg.epochs * per_epoch
    epochs = range(math.ceil(steps / per_epoch))
    shuffled = [epoch_batches(lengths, cfg.batch_size, cfg.seed, epoch) for epoch in epochs]
    batches = list(itertools.chain(*shuffled))
    padding = 1 - lengths.sum() / sum(lengths[b].max() * len(b) for b in batches[:per_epoch])
    run.say(
        f"fine-tuning on {len(train_set):,} demonstrations of {cfg.data} ({len(val_set)} held "
        f"out), {steps} steps, {padding:.1%} of tokens are padding, {machine}"
    )
    if cut:
        run.say(
            f"{cut} of {len(train_set) + len(val_set)} demonstrations exceed {max_len} tokens and "
            "lost the left of their prompt; --max_len sets the limit"
        )

    # --- loop
    metrics = {}
    for step in run.steps(steps):
        # Every so often, and at the end: the loss on demonstrations that no step learns from.
        if run.due(step, cfg.eval_every) or step == 0:
            metrics = evaluate(model, val_set, tokenizer, cfg, machine)
            run.log(step=step, **metrics)
            run.say(f"step {step:>6}   val loss {metrics['val_loss']:.4f} nats/token")
            run.save(step, metrics)
        if step == steps:
            break

        # All processes draw the same batch. The divisor is the number of tokens to learn in all of
        # it, so that a short answer in one part weighs as much as a long one in another.
        batch = batches[step]
        count = learned_tokens(train_set, batch)

        # The batch goes through in parts that fit into memory; their gradients add up, since
        # nothing is cleared between the backward passes.
        loss, seen = 0.0, 0
        for rows, weight in machine.parts(machine.mine(batch), cfg.grad_accum):
            tokens, targets, mask = get_batch(train_set, rows, tokenizer, machine)
            with machine.autocast():
                nll = weight * sft_loss(network(tokens, targets), mask, count)
            machine.backward((1 - cfg.pretrain_mix) * nll)
            loss += nll.detach()
            seen += tokens.numel()

        # A share of the gradient comes from pretraining text: the model keeps its language.
        if mix:
            x, y = mix.get_batch(math.lcm(2, machine.processes), [cfg.seed, step], machine)
            with machine.autocast():
                nll = network(x, y).mean() / machine.processes
            machine.backward(cfg.pretrain_mix * nll)
            seen += x.numel()

        # One update at this step's learning rate; the gradients are empty afterwards.
        factor = optim.learning_rate(step, steps)
        norm = optim.step(optimizers, model, factor)

        # What the bar and the log tell.
        rate = run.rate(seen)
        if step % 10 == 9:
            loss = machine.sum(loss)
            figures = {"loss": loss, "grad_norm": float(norm)}
            run.log(step=step + 1, **figures, tokens_per_second=round(rate))
            run.show(f"loss {loss:.3f}, {rate:,.0f} tokens/s")

    # --- results: the best model, beside the one it came from
    if machine.main or cfg.fsdp:
        best = load_checkpoint(run.out / "ckpt.pt")
        base = machine.place(GPT.from_checkpoint(run.parent), cfg.fsdp)
        tuned = machine.place(GPT.from_checkpoint(best), cfg.fsdp)
        results, samples = report(base, tuned, tokenizer, val_set, cfg, run)
        run.log(step=steps, results=results, samples=samples)
    run.say(f"\n{run.name}: val loss {run.saver.best:.4f}; talk to it: python chat.py {run.name}")
    return metrics


# --- run ---------------------------------------------------------------------------------------

if __name__ == "__main__":
    errors.run(lambda: train(parse_config(Config, PRESETS)))
