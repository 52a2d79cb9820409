"""Step 0, pretraining: learn to predict the next token of raw text (GPT-3 paper, section 2).

Nothing here knows about questions, answers or tasks. What the later stages build on, and what makes
a few examples in the prompt work, comes from this one loss on a large and varied text.

reads   the built-in tiny world, or --data=FILE (plain text, or nanoGPT's .bin)
writes  out/pretrain/ckpt.pt (best validation loss), last.pt (for --resume), log.jsonl

    python pretrain.py                                   the tiny world, a few minutes on a laptop
    python pretrain.py --data=book.txt                   your own text, its own vocabulary
    python pretrain.py --preset=shakespeare_char         nanoGPT's CPU-sized recipe
    python pretrain.py --preset=gpt2 --data=train.bin    124M parameters, for a GPU
    python pretrain.py --preset=ginc                     what icl_eval.py --probe=bayes asks
    torchrun --nproc_per_node=4 pretrain.py ...          one process per GPU
    torchrun --nproc_per_node=4 pretrain.py --fsdp ...   the same, the model shared among them
"""

import math
from dataclasses import dataclass, replace

import numpy as np
import torch

import optim
from data import corpora, flips, ginc
from model import GPT, GPTConfig
from plumbing import errors, gpt2
from plumbing.checkpoint import load_checkpoint, parent_of
from plumbing.config import parse_config, positive
from plumbing.errors import BadInput
from plumbing.files import download
from plumbing.machine import check_batch, gemm_rate
from plumbing.run import Run, walk
from sampling import generate
from tokenizer import Tokenizer

# --- configuration -----------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "tiny"  # a named set of other defaults
    out: str = "out/pretrain"  # directory for ckpt.pt, last.pt, log.jsonl
    data: str = "world"  # world, shakespeare (downloaded once), ginc.., demos.., or a file
    tokenizer: str = "bpe"  # "bpe": learn one from the text; "gpt2"; or a path to GPT-2's vocab.bpe
    vocab_size: int = 1536  # for bpe, four special tokens included; 260 is one token per byte
    init: str = ""  # a checkpoint, a .safetensors file, or gpt2, gpt2-medium, gpt2-large, gpt2-xl
    n_layer: int = 4
    n_head: int = 4
    n_embd: int = 128
    block_size: int = 128  # tokens of context in training
    shuffle: bool = True  # blocks of text in random order; False keeps that of the text
    short: float = 0.0  # share of steps on blocks of an eighth, so that short prompts are known too
    pos: str = "rope"  # or "learned", as GPT-2
    rotary: float = 0.5  # with rope: share of a head's channels that turn with position
    qk_norm: bool = True  # with rope: queries and keys of one length; induction forms far sooner
    dropout: float = 0.0  # 0 while text is plentiful, 0.2 where it is repeated
    batch_size: int = 16  # rows of one step, over all processes and accumulation steps
    grad_accum: int = 1  # forward-backward passes that make up one step
    steps: int = 2300  # optimizer steps; "world" draws exactly as much fresh text as they need
    lr: float = 0.02  # AdamW: embeddings and norms
    matrix_lr: float = 0.02  # Muon: hidden matrices; 0 hands them to AdamW
    weight_decay: float = 0.01  # on matrices only
    warmup: int = 30  # steps of linear warm-up, then a cosine
    final_lr: float = 0.0  # share of the peak rates at the last step (GPT-3, App. B: 0.1)
    eval_every: int = 200  # steps between validations and checkpoints
    seed: int = 1
    device: str = "auto"
    dtype: str = "auto"  # float32, bfloat16; auto takes bfloat16 where it is fast
    compile: bool = False  # torch.compile; pays back within long runs
    fsdp: bool = False  # under torchrun: each process holds a share of the model, not a copy
    resume: bool = False  # go on from last.pt
    export: str = ""  # "hf": also write out/hf, which transformers loads


# Data sets about in-context learning: Xie et al. 2021 (ginc), Min et al. 2022 (demos).
GINC = dict(block_size=320, short=0.25, batch_size=8, steps=1600, final_lr=0.1, eval_every=400)
FLIPS = dict(block_size=128, shuffle=False, steps=2400, final_lr=0.1)
PRESETS = {
    "tiny": {},
    "tiny_s": dict(out="out/tiny_s", n_layer=2, n_head=2, n_embd=64),
    "tiny_l": dict(out="out/tiny_l", n_layer=4, n_head=6, n_embd=192, weight_decay=0.1),
    **{name: dict(data=name, out=f"out/{name}", **GINC) for name in ginc.CORPORA},
    "ginc_gpu": dict(
        data="ginc",
        out="out/ginc_gpu",
        n_layer=12,
        n_head=12,
        n_embd=768,
        block_size=1024,
        short=0.25,
        batch_size=16,
        steps=3200,
        warmup=200,
        lr=1e-3,
        final_lr=0.1,
        eval_every=400,
    ),
    **{name: dict(data=name, out=f"out/{name}", **FLIPS) for name in flips.CORPORA},
    "shakespeare_char": dict(
        data="shakespeare", vocab_size=260, block_size=64, batch_size=12, steps=800
    ),
    "gpt2": dict(
        tokenizer="gpt2",
        n_layer=12,
        n_head=12,
        n_embd=768,
        block_size=1024,
        pos="learned",
        batch_size=480,
        grad_accum=40,
        steps=600_000,
        lr=6e-4,
        matrix_lr=0.0,
        weight_decay=0.1,
        warmup=2000,
        final_lr=0.1,
        eval_every=1000,
        compile=True,
    ),
}


def check(cfg):
    """Refuse options that make no training; one line each."""
    positive(cfg, "block_size", "batch_size", "grad_accum", "eval_every")
    check_batch(cfg, cfg.batch_size)
    if cfg.short > 1 or cfg.short and cfg.block_size % 8:
        raise BadInput(
            f"--short={cfg.short}: expected a share of 0 to 1, and a --block_size that 8 divides"
        )
    if cfg.export not in ("", "hf") or cfg.export and cfg.pos != "learned" and not cfg.init:
        raise BadInput(f"--export={cfg.export}: expected hf, of a model with --pos=learned")


# --- the maths ---------------------------------------------------------------------------------


def pretrain_loss(nll, parts):
    """L = mean −log p(token | what precedes it) over all tokens (GPT-3, section 2.1).

    nll (B, T) of one of `parts` equal parts of a batch, whose losses add up to that of the whole.
    """
    return nll.mean() / parts


# --- batches -----------------------------------------------------------------------------------


def get_batch(data, step, cfg, machine):
    """The rows of batch `step` that this process computes: tokens and the tokens that follow (B,
    T); on short steps (8B, T/8), the same text with less context.

    The text is cut into blocks and each epoch visits them once, in an order that depends on the
    seed and the epoch only, or in their own (--shuffle=False). So the batch is a function of the
    step, and a resumed run sees the same ones.
    """
    T = cfg.block_size
    rows = walk((len(data) - 1) // T, step, cfg.batch_size, cfg.seed, cfg.shuffle)
    blocks = np.stack([data[r * T : r * T + T + 1] for r in machine.mine(rows)])
    block = machine.put(torch.from_numpy(blocks.astype(np.int64)))  # (B, T + 1)
    x, y = block[:, :-1], block[:, 1:]
    # A share of the steps, spread evenly, sees the same text with an eighth of the context.
    if int((step + 1) * cfg.short) > int(step * cfg.short):
        x, y = x.reshape(-1, T // 8), y.reshape(-1, T // 8)
    return x, y


# --- evaluation --------------------------------------------------------------------------------


@torch.no_grad()
def evaluate(model, val, tokenizer, cfg, machine):
    """Validation loss on the same blocks each time: nats per token and bits per byte of text.

    Bits per byte divide by what was compressed, not by how it was cut into tokens, so that models
    with different vocabularies can be compared.
    """
    model.eval()
    T = cfg.block_size
    blocks = min(max(64, 32_768 // T), (len(val) - 1) // T)
    rows = np.stack([val[i * T : i * T + T + 1] for i in range(blocks)]).astype(np.int64)
    total = 0.0
    for batch in torch.from_numpy(rows).split(32):
        batch = machine.put(batch)
        with machine.autocast():
            total += model(batch[:, :-1], batch[:, 1:]).sum().item()
    model.train()
    nats = total / (blocks * T)
    n_bytes = len(tokenizer.decode_bytes(val[1 : blocks * T + 1].tolist()))
    bits = nats * blocks * T / math.log(2)
    return {"val_loss": nats, "val_bits_per_byte": bits / max(1, n_bytes)}


def sample(model, tokenizer, machine, val):
    """Three texts of up to 100 tokens: from the start of a document, or, where the text has no ends
    of documents, from its first token."""
    start = tokenizer.endoftext if tokenizer.endoftext in val else int(val[0])
    length = min(100, model.config.block_size - 1)
    options = dict(temperature=0.8, stop=[tokenizer.endoftext], seed=1)
    with machine.autocast():
        texts = generate(model.eval(), [[start]] * 3, length, **options)
    return [tokenizer.decode(ids) for ids in texts]


# --- training ----------------------------------------------------------------------------------


def start_from(cfg, run):
    """The network and tokenizer of the run to resume or of --init; None, None from scratch."""
    if run.saved:
        run.lineage = run.saved["parent"]
        return GPT.from_checkpoint(run.saved), Tokenizer.from_json(run.saved["tokenizer"])
    if not cfg.init:
        return None, None
    try:
        if cfg.init in gpt2.SIZES or cfg.init.endswith(".safetensors"):
            return from_openai(cfg, run)
        parent = load_checkpoint(cfg.init, stages=("pretrain",))
        run.lineage = parent_of(cfg.init, parent)
        return GPT.from_checkpoint(parent), Tokenizer.from_json(parent["tokenizer"])
    except (ValueError, RuntimeError) as error:
        raise BadInput(f"--init={cfg.init}: {error}") from None


def from_openai(cfg, run):
    """GPT-2's weights and vocabulary: downloaded by name, or from files at hand."""
    path = cfg.init
    if cfg.init in gpt2.SIZES:
        path = download(gpt2.URL.format(cfg.init), corpora.CACHE / f"{cfg.init}.safetensors")
    own = cfg.tokenizer == "bpe"  # a vocabulary learned here does not fit GPT-2's weights
    tokenizer = corpora.make_tokenizer(replace(cfg, tokenizer="gpt2") if own else cfg, None)
    run.lineage = {"path": str(path), "stage": "gpt2"}
    return GPT.from_checkpoint(gpt2.load(path, tokenizer.n_vocab)), tokenizer


def new_model(cfg, tokenizer):
    """A network of the configured shape with fresh weights."""
    shape = ("n_layer", "n_head", "n_embd", "block_size", "pos", "rotary", "qk_norm", "dropout")
    vocab_size = -(-tokenizer.n_vocab // 64) * 64  # a multiple of 64 keeps the matmuls aligned
    try:
        return GPT(GPTConfig(vocab_size=vocab_size, **{k: getattr(cfg, k) for k in shape}))
    except ValueError as error:
        raise BadInput(str(error)) from None


def fits(model, cfg, train_set, val_set):
    """Refuse a text or a block that the network has no rows for."""
    if max(train_set[: 10**6].max(), val_set[: 10**6].max()) >= model.config.vocab_size:
        size = model.config.vocab_size
        raise BadInput(f"{cfg.data} holds token ids beyond the model's vocabulary of {size}")
    room = model.config.room(cfg.block_size)
    if room < cfg.block_size:
        raise BadInput(f"--block_size={cfg.block_size}: {cfg.init} has learned {room} positions")


def train(cfg):
    """Run one pretraining; returns the metrics of the last validation."""
    # --- setup: the text as token ids, a tenth of it held out
    check(cfg)
    run = Run(cfg, "pretrain")
    machine = run.machine
    model, tokenizer = start_from(cfg, run)
    train_set, val_set, tokenizer = corpora.load(cfg, tokenizer)

    # --- model
    model = machine.place(model or new_model(cfg, tokenizer), cfg.fsdp)
    fits(model, cfg, train_set, val_set)
    if cfg.compile:
        model.compile()
    optimizers = optim.build(model, cfg.lr, cfg.matrix_lr, cfg.weight_decay, dtype=machine.dtype)
    run.begin(model, optimizers, tokenizer.to_json())
    network = machine.distribute(model)
    size = sum(p.numel() for p in model.parameters())
    run.say(
        f"pretraining {size:,} parameters on {len(train_set):,} tokens of {cfg.data}, {machine}"
    )
    peak = gemm_rate(machine)  # what this machine can do at best, for the bar
    steps = cfg.steps

    # --- loop
    metrics = {}
    for step in run.steps(steps):
        # Every so often, and at the end: the loss on text that no step learns from.
        if run.due(step, cfg.eval_every):
            metrics = evaluate(model, val_set, tokenizer, cfg, machine)
            run.log(step=step, **metrics)
            run.say(
                f"step {step:>6}   val loss {metrics['val_loss']:.4f} nats/token   "
                f"{metrics['val_bits_per_byte']:.4f} bits/byte"
            )
            run.save(step, metrics)
        if step == steps:
            break

        # All processes draw the same batch; this one computes its own rows of it.
        tokens, targets = get_batch(train_set, step, cfg, machine)

        # The batch goes through in parts that fit into memory; their gradients add up, since
        # nothing is cleared between the backward passes.
        loss = 0.0
        parts = cfg.grad_accum * machine.processes
        for x, y in zip(tokens.chunk(cfg.grad_accum), targets.chunk(cfg.grad_accum)):
            with machine.autocast():
                nll = pretrain_loss(network(x, y), parts)
            machine.backward(nll)
            loss += nll.detach()

        # One update at this step's learning rate; the gradients are empty afterwards.
        factor = optim.learning_rate(step, steps, cfg.warmup, cfg.final_lr)
        norm = optim.step(optimizers, model, factor)

        # What the bar and the log tell.
        rate = run.rate(tokens.numel())
        if step % 20 == 19:
            mfu = rate * model.flops_per_token(cfg.block_size) / peak / machine.processes
            loss = machine.sum(loss)
            figures = {"loss": loss, "lr_factor": factor, "grad_norm": float(norm)}
            run.log(step=step + 1, **figures, tokens_per_second=round(rate), mfu=round(mfu, 3))
            run.show(f"loss {loss:.3f}, {rate:,.0f} tokens/s, {mfu:.0%} of matmul rate")

    # --- results: what the model writes by itself
    samples = sample(model, tokenizer, machine, val_set)
    run.log(step=steps, samples=samples)
    run.say("\n".join(f"--- sample\n{text}" for text in samples))
    if cfg.export and machine.main:
        best = GPT.from_checkpoint(load_checkpoint(run.out / "last.pt"))
        gpt2.export(best, run.out / "hf")
        run.say(f"{(run.out / 'hf').as_posix()}: for transformers' GPT2LMHeadModel.from_pretrained")
    run.say(f"{run.name}: val loss {run.saver.best:.4f}")
    return metrics


# --- run ---------------------------------------------------------------------------------------

if __name__ == "__main__":
    errors.run(lambda: train(parse_config(Config, PRESETS)))
