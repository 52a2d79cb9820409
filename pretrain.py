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

import itertools
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

import optim
from data import flips, ginc
from data.formats import read_corpus
from data.world import World
from model import GPT, GPTConfig
from optim import learning_rate
from plumbing import gpt2
from plumbing.checkpoint import Saver, load_checkpoint, parent_of
from plumbing.config import parse_config, positive
from plumbing.errors import BadInput, run
from plumbing.files import download
from plumbing.machine import gemm_rate, setup
from plumbing.records import Log
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
DEMOS = dict(block_size=128, shuffle=False, steps=2400, final_lr=0.1)
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
    **{name: dict(data=name, out=f"out/{name}", **DEMOS) for name in flips.CORPORA},
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
SHAKESPEARE = (
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
)
CACHE = Path.home() / ".cache" / "nanochatgpt"


# --- data --------------------------------------------------------------------------------------


def load_data(cfg, tokenizer=None):
    """Token ids for training and validation (1-D uint16 or int32 arrays), and the tokenizer.

    Of a file, the last tenth is held out. Without a `tokenizer`, makes the one the config asks for.
    """
    n_train = cfg.steps * cfg.batch_size * cfg.block_size + 1
    if cfg.data == "world":
        world = World()
        sample = list(itertools.islice(world.documents(seed=0), 4000))
        tokenizer = tokenizer or make_tokenizer(cfg, "\n".join(sample))
        train = encode_stream(tokenizer, world.documents(seed=cfg.seed), n_train)
        val = encode_stream(tokenizer, world.documents(seed=10**6), 65_536)
        return train, val, tokenizer
    for source in (ginc, flips):
        if cfg.data in source.CORPORA:
            train, val, its_own = source.corpus(cfg.data, n_train, cfg.seed)
            if tokenizer and tokenizer.vocab != its_own.vocab:
                raise BadInput(f"--init={cfg.init}: its vocabulary is not that of {cfg.data}")
            return train, val, its_own
    path = cfg.data
    if path == "shakespeare":
        path = download(SHAKESPEARE, CACHE / "tinyshakespeare.txt")
    corpus = read_corpus(path)
    if isinstance(corpus, str):
        n = int(0.9 * len(corpus))
        tokenizer = tokenizer or make_tokenizer(cfg, corpus[:n])
        train, val = (
            np.array(tokenizer.encode(part), dtype=np.int32) for part in (corpus[:n], corpus[n:])
        )
    else:
        tokenizer = tokenizer or make_tokenizer(cfg, None)
        n = int(0.9 * len(corpus))
        train, val = corpus[:n], corpus[n:]
    if min(len(train), len(val)) <= cfg.block_size:
        raise BadInput(
            f"{path}: too short, {len(train)} tokens to train on and {len(val)} to "
            f"validate, for --block_size={cfg.block_size}; give more text or a smaller "
            "block"
        )
    return train, val, tokenizer


def make_tokenizer(cfg, text):
    """The tokenizer of `--tokenizer`; "bpe" learns one from `text`, which a .bin has not."""
    if cfg.tokenizer == "bpe":
        if text is None:
            raise BadInput(f"{cfg.data} holds GPT-2 token ids; add --tokenizer=gpt2")
        if cfg.vocab_size < 260:
            raise BadInput(
                f"--vocab_size={cfg.vocab_size}: at least 260 (256 bytes and 4 special tokens)"
            )
        return Tokenizer.train(text, cfg.vocab_size)
    try:
        return Tokenizer.gpt2(None if cfg.tokenizer == "gpt2" else cfg.tokenizer)
    except ValueError as error:
        raise BadInput(str(error)) from None
    except OSError as error:  # tiktoken's download, or a path that is not there
        if cfg.tokenizer == "gpt2":
            raise BadInput(
                "GPT-2's vocabulary cannot be downloaded here; fetch the file vocab.bpe "
                "of GPT-2 by hand and give --tokenizer=PATH/vocab.bpe"
            ) from None
        raise BadInput(
            f"--tokenizer={cfg.tokenizer}: expected bpe, gpt2, or a vocab.bpe file "
            f"({error.strerror})"
        ) from None


def encode_stream(tokenizer, documents, n):
    """The first n tokens of an endless stream of documents, each ended by <|endoftext|>."""
    tokens = np.empty(n, dtype=np.uint16)
    filled = 0
    while filled < n:
        ids = tokenizer.encode_documents(itertools.islice(documents, 1000))[: n - filled]
        tokens[filled : filled + len(ids)] = ids
        filled += len(ids)
    return tokens


def get_batch(data, step, cfg, machine):
    """The rows of batch `step` that this process computes: tokens and the tokens that follow (B,
    T); on short steps (8B, T/8), the same text with less context.

    The text is cut into blocks and each epoch visits them once, in an order that depends on the
    seed and the epoch only, or in their own (--shuffle=False). So the batch is a function of the
    step, and a resumed run sees the same ones.
    """
    T, per_epoch = cfg.block_size, (len(data) - 1) // cfg.block_size
    first = step * cfg.batch_size
    wanted = np.arange(first, first + cfg.batch_size)[machine.rows(cfg.batch_size)]
    rows = []
    for epoch in np.unique(wanted // per_epoch):
        order = np.arange(per_epoch)
        if cfg.shuffle:
            np.random.default_rng([cfg.seed, int(epoch)]).shuffle(order)
        rows.extend(order[wanted[wanted // per_epoch == epoch] % per_epoch])
    block = torch.from_numpy(np.stack([data[r * T : r * T + T + 1] for r in rows]).astype(np.int64))
    if machine.device.startswith("cuda"):
        block = block.pin_memory()
    block = block.to(machine.device, non_blocking=True)
    x, y = block[:, :-1], block[:, 1:]
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
    rows = torch.from_numpy(
        np.stack([val[i * T : i * T + T + 1] for i in range(blocks)]).astype(np.int64)
    )
    total = 0.0
    for batch in rows.split(32):
        batch = batch.to(machine.device)
        with machine.autocast():
            total += model(batch[:, :-1], batch[:, 1:]).sum().item()
    model.train()
    nats = total / (blocks * T)
    n_bytes = len(tokenizer.decode_bytes(val[1 : blocks * T + 1].tolist()))
    return {
        "val_loss": nats,
        "val_bits_per_byte": nats * blocks * T / math.log(2) / max(1, n_bytes),
    }


# --- training ----------------------------------------------------------------------------------


def start_from(cfg, saved):
    """(model, tokenizer, lineage) of the run to resume or of --init; all None from scratch."""
    if saved:
        return GPT.from_checkpoint(saved), Tokenizer.from_json(saved["tokenizer"]), saved["parent"]
    if not cfg.init:
        return None, None, None
    try:
        if cfg.init in gpt2.SIZES or cfg.init.endswith(".safetensors"):
            path = cfg.init
            if cfg.init in gpt2.SIZES:
                path = download(gpt2.URL.format(cfg.init), CACHE / f"{cfg.init}.safetensors")
            learned = cfg.tokenizer == "bpe"  # GPT-2's weights go with GPT-2's vocabulary
            tokenizer = make_tokenizer(replace(cfg, tokenizer="gpt2") if learned else cfg, None)
            model = GPT.from_checkpoint(gpt2.load(path, tokenizer.n_vocab))
            return model, tokenizer, {"path": str(path), "stage": "gpt2"}
        checkpoint = load_checkpoint(cfg.init, stages=("pretrain",))
        tokenizer = Tokenizer.from_json(checkpoint["tokenizer"])
        return GPT.from_checkpoint(checkpoint), tokenizer, parent_of(cfg.init, checkpoint)
    except (ValueError, RuntimeError) as error:
        raise BadInput(f"--init={cfg.init}: {error}") from None


def new_model(cfg, tokenizer):
    """A network of the configured shape with fresh weights."""
    shape = ("n_layer", "n_head", "n_embd", "block_size", "pos", "rotary", "qk_norm", "dropout")
    vocab_size = -(-tokenizer.n_vocab // 64) * 64  # a multiple of 64 keeps the matmuls aligned
    try:
        return GPT(GPTConfig(vocab_size=vocab_size, **{k: getattr(cfg, k) for k in shape}))
    except ValueError as error:
        raise BadInput(str(error)) from None


def train(cfg):
    """Run one pretraining; returns the metrics of the last validation."""
    # --- setup
    machine, out = setup(cfg), Path(cfg.out)
    positive(cfg, "block_size", "batch_size", "grad_accum", "eval_every")
    if cfg.short > 1 or cfg.short and cfg.block_size % 8:
        raise BadInput(
            f"--short={cfg.short}: expected a share of 0 to 1, and a --block_size that 8 divides"
        )
    if cfg.export not in ("", "hf") or cfg.export and cfg.pos != "learned" and not cfg.init:
        raise BadInput(f"--export={cfg.export}: expected hf, of a model with --pos=learned")
    if cfg.batch_size % (cfg.grad_accum * machine.processes):
        raise BadInput(
            f"--batch_size={cfg.batch_size} does not divide into --grad_accum="
            f"{cfg.grad_accum} parts on {machine.processes} processes"
        )
    saved = load_checkpoint(out / "last.pt", stages=("pretrain",)) if cfg.resume else None
    model, tokenizer, parent = start_from(cfg, saved)
    train_data, val_data, tokenizer = load_data(cfg, tokenizer)

    # --- model
    model = machine.place(model or new_model(cfg, tokenizer), cfg.fsdp)
    if max(train_data[: 10**6].max(), val_data[: 10**6].max()) >= model.config.vocab_size:
        raise BadInput(
            f"{cfg.data} holds token ids beyond the model's vocabulary of {model.config.vocab_size}"
        )
    if model.config.pos == "learned" and cfg.block_size > model.config.block_size:
        raise BadInput(
            f"--block_size={cfg.block_size}: {cfg.init} has learned "
            f"{model.config.block_size} positions"
        )
    if cfg.compile:
        model.compile()
    optimizers = optim.build(model, cfg.lr, cfg.matrix_lr, cfg.weight_decay, dtype=machine.dtype)
    saver = Saver(cfg, "pretrain", model, tokenizer.to_json(), parent, optimizers)
    first = saver.resume(saved)
    log = Log(out / "log.jsonl", cfg, machine, resumed_step=first if saved else None)
    network = machine.distribute(model)
    if machine.main:
        print(
            f"pretraining {sum(p.numel() for p in model.parameters()):,} parameters on "
            f"{len(train_data):,} tokens of {cfg.data}, {machine}"
        )

    # --- loop
    peak = gemm_rate(machine)
    bar = tqdm(range(first, cfg.steps), initial=first, total=cfg.steps, disable=not machine.main)
    clock, seen, metrics = time.perf_counter(), 0, {}
    for step in itertools.chain(bar, [cfg.steps]):
        if step % cfg.eval_every == 0 and step > first or step == cfg.steps:
            metrics = evaluate(model, val_data, tokenizer, cfg, machine)
            log.write(step=step, **metrics)
            if machine.main:
                tqdm.write(
                    f"step {step:>6}   val loss {metrics['val_loss']:.4f} nats/token   "
                    f"{metrics['val_bits_per_byte']:.4f} bits/byte"
                )
            saver.save(step, metrics)
            clock, seen = time.perf_counter(), 0
        if step == cfg.steps:
            break
        machine.seed(cfg.seed, step)
        tokens, targets = get_batch(train_data, step, cfg, machine)
        loss = 0.0
        for x, y in zip(tokens.chunk(cfg.grad_accum), targets.chunk(cfg.grad_accum)):
            with machine.autocast():
                nll = network(x, y).mean() / cfg.grad_accum
            nll.backward()
            loss += nll.detach()
        factor = learning_rate(step, cfg.steps, cfg.warmup, cfg.final_lr)
        norm = optim.step(optimizers, model, factor)
        seen += tokens.numel() * machine.processes
        if step % 20 == 19:
            rate = seen / (time.perf_counter() - clock)
            mfu = rate * model.flops_per_token(cfg.block_size) / peak / machine.processes
            loss = machine.mean(loss)
            log.write(
                step=step + 1,
                loss=loss,
                lr_factor=factor,
                grad_norm=float(norm),
                tokens_per_second=round(rate),
                mfu=round(mfu, 3),
            )
            bar.set_postfix_str(f"loss {loss:.3f}, {rate:,.0f} tokens/s, {mfu:.0%} of matmul rate")

    # --- results
    samples = sample(model, tokenizer, machine, val_data)
    if machine.main:
        log.write(step=cfg.steps, samples=samples)
        print("\n".join(f"--- sample\n{text}" for text in samples))
        if cfg.export == "hf":
            gpt2.export(GPT.from_checkpoint(load_checkpoint(out / "last.pt")), out / "hf")
            print(f"{(out / 'hf').as_posix()}: for transformers' GPT2LMHeadModel.from_pretrained")
        print(f"{(out / 'ckpt.pt').as_posix()}: val loss {saver.best:.4f}")
    return metrics


def sample(model, tokenizer, machine, val):
    """Three texts of up to 100 tokens: from the start of a document, or, where the text has no ends
    of documents, from its first token."""
    start = tokenizer.endoftext if tokenizer.endoftext in val else int(val[0])
    with machine.autocast():
        ids = generate(
            model.eval(),
            [[start]] * 3,
            min(100, model.config.block_size - 1),
            temperature=0.8,
            stop=[tokenizer.endoftext],
            seed=1,
        )
    return [tokenizer.decode(i) for i in ids]


# --- run ---------------------------------------------------------------------------------------

if __name__ == "__main__":
    run(lambda: train(parse_config(Config, PRESETS)))
