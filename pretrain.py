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

from dataclasses import dataclass

from plumbing.config import check_options, idle, keep_shape, parse_config, positive

if __name__ == "__main__":  # answer --help and slips before torch, a second's work, loads
    check_options(__file__)

import numpy as np
import torch

import optim
import sampling
from data import corpora, flips, ginc
from data.world.languages import LANGUAGES
from model import GPT
from plumbing import errors, gpt2, measure
from plumbing.batches import Batches
from plumbing.errors import BadInput
from plumbing.machine import check_batch, check_memory, gemm_rate
from plumbing.run import Run

# --- configuration -----------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "tiny"  # a named set of other defaults
    out: str = "out/pretrain"  # directory for ckpt.pt, last.pt, log.jsonl
    data: str = "world"  # or world_ko (Korean), shakespeare (downloaded), ginc.., demos.., a file
    tokenizer: str = "bpe"  # "bpe": learn one from the text; "gpt2"; or a path to GPT-2's vocab.bpe
    vocab_size: int = 2048  # for bpe, the most, with four special tokens; 260: a token per byte
    init: str = ""  # a checkpoint, a .safetensors file, or gpt2, gpt2-medium, gpt2-large, gpt2-xl
    n_layer: int = 4  # blocks: depth
    n_head: int = 4  # of attention; they share the width
    n_embd: int = 128  # channels: width
    block_size: int = 128  # tokens of context in training
    shuffle: bool = True  # blocks of text in random order; False keeps that of the text
    short: float = 0.0  # share of steps on blocks of an eighth, so that short prompts are known too
    pos: str = "rope"  # or "learned", as GPT-2
    rotary: float = 0.5  # with rope: share of a head's channels that turn with position
    qk_norm: bool = True  # with rope: queries and keys of one length; induction forms far sooner
    dropout: float = 0.0  # 0 while text is plentiful, 0.2 where it is repeated
    batch_size: int = 16  # rows of one step, over all processes and accumulation steps
    grad_accum: int = 1  # forward-backward passes that make up one step
    checkpoint_activations: bool = False  # compute blocks again in the backward pass: less memory
    steps: int = 2600  # optimizer steps; "world" draws exactly as much fresh text as they need
    lr: float = 0.02  # AdamW: embeddings and norms
    matrix_lr: float = 0.02  # Muon: hidden matrices; 0 hands them to AdamW
    weight_decay: float = 0.01  # on matrices only
    warmup: int = 30  # steps of linear warm-up, then a cosine
    final_lr: float = 0.0  # share of the peak rates at the last step (GPT-3, App. B: 0.1)
    eval_every: int = 500  # steps between validations and checkpoints
    seed: int = 1
    device: str = "auto"
    dtype: str = "auto"  # float32, bfloat16, float16; auto takes what is fast here
    compile: bool = False  # torch.compile; pays back within long runs
    fsdp: bool = False  # under torchrun: each process holds a share of the model, not a copy
    resume: bool = False  # go on from last.pt
    eval: bool = False  # measure the checkpoint of --init on --data; nothing is trained or written
    log: str = ""  # csv or tensorboard: the log in that form as well
    export: str = ""  # hf: also write {out}/hf, which transformers loads


# Data sets about in-context learning: Xie et al. 2021 (ginc), Min et al. 2022 (demos).
GINC = dict(block_size=320, short=0.25, batch_size=8, steps=1600, final_lr=0.1, eval_every=400)
GINC_GPU = dict(data="ginc", out="out/ginc_gpu", batch_size=16, steps=3200, warmup=200, lr=1e-3)
FLIPS = dict(block_size=128, batch_size=16, shuffle=False, steps=2400, final_lr=0.1)
# GPT-2's smallest, 124M parameters, and GPT-3's recipe for that size.
GPT2_SIZE = dict(n_layer=12, n_head=12, n_embd=768, block_size=1024)
GPT2_STEPS = dict(batch_size=480, grad_accum=40, steps=600_000, eval_every=1000, compile=True)
GPT2_RATES = dict(lr=6e-4, matrix_lr=0.0, weight_decay=0.1, warmup=2000, final_lr=0.1)
SHAKESPEARE = dict(data="shakespeare", vocab_size=260, block_size=64, batch_size=12, steps=800)
PRESETS = {
    "tiny": {},
    "ko": dict(data="world_ko", out="out/ko/pretrain", vocab_size=3328),  # the world in Korean
    "tiny_s": dict(out="out/tiny_s", n_layer=2, n_head=2, n_embd=64),
    "tiny_l": dict(out="out/tiny_l", n_layer=4, n_head=6, n_embd=192, weight_decay=0.1),
    **{name: dict(data=name, out=f"out/{name}", **GINC) for name in ginc.CORPORA},
    "ginc_gpu": {**GINC, **GPT2_SIZE, **GINC_GPU},
    **{name: dict(data=name, out=f"out/{name}", **FLIPS) for name in flips.CORPORA},
    "shakespeare_char": SHAKESPEARE,
    "gpt2": dict(tokenizer="gpt2", pos="learned", **GPT2_SIZE, **GPT2_STEPS, **GPT2_RATES),
}


def check(cfg):
    """Refuse options that make no training; one line each."""
    positive(cfg, "batch_size", "grad_accum", "eval_every")
    positive(cfg, "block_size")
    check_batch(cfg, cfg.batch_size)
    check_memory(12 * cfg.n_layer * cfg.n_embd**2 + cfg.vocab_size * cfg.n_embd)
    tokens = cfg.steps * cfg.batch_size * cfg.block_size
    if cfg.data in LANGUAGES and tokens > 2**31:
        raise BadInput(f"--steps={cfg.steps}: the world's text for them has {tokens:,} tokens")
    if cfg.pos == "learned":
        idle(cfg, "with --pos=learned, where nothing turns", "rotary", "qk_norm")
    if cfg.short > 1 or cfg.short and cfg.block_size % 8:
        raise BadInput(
            f"--short={cfg.short}: expected a share of 0 to 1, and a --block_size that 8 divides"
        )


# --- the maths ---------------------------------------------------------------------------------


def pretrain_loss(nll, count):
    """L = Σ −log p(token | what precedes it) over all tokens (GPT-3, section 2.1), by `count`.

    nll (B, T), of a part of the batch.
    `count` is the number of such tokens in the whole batch, so that the gradients of its parts,
    on all processes, add up to that of the whole.
    """
    return nll.sum() / count


# --- batches -----------------------------------------------------------------------------------


def blocks_of(data, rows, T, machine):
    """Blocks of T tokens of the text, and the tokens that follow them: two (B, T)."""
    blocks = np.stack([data[r * T : r * T + T + 1] for r in rows])
    block = machine.put(torch.from_numpy(blocks.astype(np.int64)))
    return block[:, :-1], block[:, 1:]


def get_batch(data, rows, step, cfg, machine):
    """`blocks_of` the text; a share of the steps, spread evenly, sees eighths of them (8B, T/8)."""
    tokens, targets = blocks_of(data, rows, cfg.block_size, machine)
    if int((step + 1) * cfg.short) > int(step * cfg.short):
        short = cfg.block_size // 8
        return tokens.reshape(-1, short), targets.reshape(-1, short)
    return tokens, targets


# --- evaluation --------------------------------------------------------------------------------


@torch.no_grad()
def evaluate(model, val_set, tokenizer, cfg, machine):
    """Validation loss on the same blocks each time: nats per token and bits per byte of text."""
    model.eval()
    T = cfg.block_size
    order = np.arange(min(max(64, 32_768 // T), (len(val_set) - 1) // T))
    total = count = 0.0
    for rows in np.split(order, range(32, len(order), 32)):
        tokens, targets = blocks_of(val_set, rows, T, machine)
        with machine.autocast():
            total += model(tokens, targets).sum().item()
        count += targets.numel()
    model.train()
    n_bytes = len(tokenizer.decode_bytes(val_set[1 : len(order) * T + 1].tolist()))
    return measure.per_byte(total, count, n_bytes)


def sample(model, tokenizer, machine, val):
    """Three texts of up to 100 tokens: from the start of a document, or, where the text has no ends
    of documents, from its first token."""
    start = tokenizer.endoftext if tokenizer.endoftext in val else int(val[0])
    length = min(100, model.config.block_size - 1)
    options = dict(temperature=0.8, stop=[tokenizer.endoftext], seed=1)
    with machine.autocast():
        texts = sampling.generate(model.eval(), [[start]] * 3, length, **options)
    return [tokenizer.show(ids) for ids in texts]


# --- training ----------------------------------------------------------------------------------


def start_from(cfg, run):
    """The checkpoint to go on from: of the saved run, of --init, or OpenAI's; None: no such."""
    if run.saved:
        run.lineage = run.saved["parent"]
        return run.saved
    if cfg.init in gpt2.SIZES or cfg.init.endswith(".safetensors"):
        tokenizer = corpora.openai_tokenizer(cfg)
        path = gpt2.fetch(cfg.init, corpora.CACHE)
        run.lineage = {"path": str(path), "stage": "gpt2"}
        return gpt2.load(path, tokenizer.n_vocab) | {"tokenizer": tokenizer.to_json()}
    return run.inherit("pretrain.py", ("pretrain",)) if cfg.init else None


def open_model(cfg, run):
    """The network and the tokenizer to go on with; None, None from scratch."""
    try:
        parent = start_from(cfg, run)
    except ValueError as error:
        raise BadInput(f"--init={cfg.init}: {error}") from None
    if not parent:
        return None, None
    model, tokenizer = sampling.load_model(parent, cfg.init or run.name, dropout=cfg.dropout)
    if not run.saved:
        made_with = parent.get("train_config", {"tokenizer": corpora.openai_words(cfg)})
        keep_shape(cfg, model.config, tokenizer, made_with.get("tokenizer", cfg.init))
    return model, tokenizer


def new_model(cfg, tokenizer):
    """A network of the configured shape with fresh weights."""
    try:
        return GPT.of(cfg, tokenizer.n_vocab)
    except ValueError as error:
        raise BadInput(str(error)) from None


def train(cfg):
    """Train as `cfg` says; returns the metrics of the last validation."""
    # --- setup: what is learned from, as token ids, and what is held out
    check(cfg)
    run = Run(cfg, "pretrain")
    machine = run.machine
    model, tokenizer = open_model(cfg, run)
    train_set, val_set, tokenizer = corpora.load(cfg, tokenizer)
    val_set = run.held_out(train_set, val_set)

    # --- model
    # On the device; with --fsdp each process keeps a share of it.
    model = model or new_model(cfg, tokenizer)
    model = machine.place(model, cfg.fsdp)
    corpora.check_fits(train_set, val_set, cfg, model.config)
    if cfg.compile:
        model.compile()
    # Muon for the hidden matrices, AdamW for the rest; from here on the run can be resumed.
    optimizers = optim.build(model, cfg.lr, cfg.matrix_lr, cfg.weight_decay, dtype=machine.dtype)
    run.begin(model, optimizers, tokenizer.to_json())
    network = machine.distribute(model)
    # The text is cut into blocks; an epoch visits each of them once.
    n_blocks = (len(train_set) - 1) // cfg.block_size
    batches = Batches(n_blocks, cfg.batch_size, cfg.seed, cfg.shuffle)
    # What there is to learn from, and on what machine.
    size = sum(p.numel() for p in model.parameters())
    run.announce(
        f"pretraining {size:,} parameters on {len(train_set):,} tokens of {cfg.data}, {machine}"
    )
    # For the bar: tokens per second if all were matmuls at the best rate of this machine.
    peak = gemm_rate(machine) * machine.processes / model.flops_per_token(cfg.block_size)
    steps = cfg.steps

    # --- loop
    metrics = {}
    for step in run.steps(steps):
        # Every so often, and at the end: the loss on what no step learns from.
        if run.due(step, cfg.eval_every):
            metrics = evaluate(model, val_set, tokenizer, cfg, machine)
            run.log(step=step, **metrics)
            run.say(measure.language(step, metrics, tokenizer.n_vocab))
            run.save(step, metrics)
        if step == steps:  # the last step only evaluates
            break

        # All processes draw the same batch. The loss is divided by the tokens to learn in all of
        # it, not in this part, so that the gradients of the parts add up to the batch's.
        batch = batches[step]
        count = cfg.batch_size * cfg.block_size

        # The batch goes through in parts that fit into memory; their gradients add up, since
        # nothing is cleared between the backward passes.
        loss, seen = 0.0, 0
        for rows, weight in machine.parts(machine.mine(batch), cfg.grad_accum):
            tokens, targets = get_batch(train_set, rows, step, cfg, machine)
            with machine.autocast():
                nll = weight * pretrain_loss(network(tokens, targets), count)
            machine.backward(nll)
            loss += nll.detach()
            seen += tokens.numel()

        # One update at this step's learning rate; the gradients are empty afterwards.
        factor = optim.learning_rate(step, steps, cfg.warmup, cfg.final_lr)
        norm = optim.step(optimizers, model, factor)
        run.progress(step, loss, norm, seen, every=20, peak=peak, lr_factor=factor)

    # --- results
    samples = sample(model, tokenizer, machine, val_set)
    run.log(step=steps, samples=samples)
    run.say("\n".join(f"--- sample\n{text}" for text in samples))
    run.say(f"\n{run.name}: val loss {run.saver.best:.4f} nats/token")
    # Only now is the run whole, and what comes next may build on it.
    run.finish()
    return metrics


# --- run ---------------------------------------------------------------------------------------

if __name__ == "__main__":
    errors.run(lambda: train(parse_config(Config, PRESETS)))
