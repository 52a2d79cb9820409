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
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

import optim
from data.corpora import PretrainText
from data.formats import read_demonstrations
from data.world import World
from judges.hidden import judge
from model import GPT
from optim import learning_rate
from plumbing.checkpoint import Saver, load_checkpoint, need, parent_of
from plumbing.config import parse_config, positive
from plumbing.errors import BadInput, run
from plumbing.machine import setup
from plumbing.records import Log
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
    order = np.random.default_rng(cfg.seed).permutation(len(examples))
    n_val = max(1, len(examples) // 10)
    if len(examples) < 2:
        raise BadInput(f"{cfg.data}: {len(examples)} demonstrations; at least 2, one is held out")
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


def get_batch(examples, indices, tokenizer, machine):
    """Right-padded tokens, the targets that follow them, and their mask, each (B, T)."""
    rows = [examples[i] for i in indices]
    T = max(len(ids) for ids, _, _ in rows)
    tokens = torch.full((len(rows), T), tokenizer.pad)
    mask = torch.zeros(len(rows), T)
    for row, (ids, learn, _) in enumerate(rows):
        tokens[row, : len(ids)] = torch.tensor(ids)
        mask[row, : len(ids)] = torch.tensor(learn, dtype=torch.float)
    tokens, mask = tokens.to(machine.device), mask.to(machine.device)
    return tokens[:, :-1], tokens[:, 1:], mask[:, 1:]


# --- evaluation --------------------------------------------------------------------------------


@torch.no_grad()
def evaluate(model, examples, tokenizer, cfg, machine):
    """Loss per assistant token over all validation demonstrations."""
    model.eval()
    order = np.argsort([len(ids) for ids, _, _ in examples])
    nll, count = 0.0, 0.0
    for indices in np.split(order, range(cfg.batch_size, len(order), cfg.batch_size)):
        tokens, targets, mask = get_batch(examples, indices, tokenizer, machine)
        with machine.autocast():
            nll += (model(tokens, targets) * mask).sum().item()
        count += mask.sum().item()
    model.train()
    return {"val_loss": nll / count}


def evaluate_world(model, tokenizer, cfg, machine, base):
    """Held-out questions: share answered correctly and mean score by the hidden judge (simulated),
    by sampling at temperature 1 and greedily. A base model is also asked after five worked
    examples."""
    world, results = World(), {}
    for split in ("test", "paraphrase"):
        prompts = world.prompts(split, cfg.n_eval, seed=0)
        for shots in (0, 5) if base and split == "test" else (0,):
            asked = [
                world.few_shot(p, shots, seed=i) if shots else p["messages"]
                for i, p in enumerate(prompts)
            ]
            for temperature in (1.0, 0.0):
                texts, ended = respond(model, tokenizer, asked, machine, not base, temperature)
                verdicts = [judge(p, text, end) for p, text, end in zip(prompts, texts, ended)]
                name = f"{split} {shots}-shot {'sampled' if temperature else 'greedy'}"
                results[name] = {
                    "correct": float(np.mean([v["correct"] > 0 for v in verdicts])),
                    "score": float(np.mean([v["score"] for v in verdicts])),
                    "n": len(prompts),
                }
    return results


def report(base, tuned, tokenizer, val, cfg, machine):
    """Print and return the held-out results and some questions answered by both models."""
    results, say = {}, print if machine.main else lambda *_: None
    if cfg.data == "world":
        results = {
            "base": evaluate_world(base, tokenizer, cfg, machine, base=True),
            "sft": evaluate_world(tuned, tokenizer, cfg, machine, base=False),
        }
        say(
            "\nheld-out questions (judged by simulated labelers' hidden utility)       correct   "
            "score"
        )
        for stage, rows in results.items():
            for name, row in rows.items():
                error = 1.96 * math.sqrt(row["correct"] * (1 - row["correct"]) / row["n"])
                say(
                    f"  {stage:<5} {name:<32} {100 * row['correct']:>22.1f} "
                    f"± {100 * error:.1f} %  {row['score']:+.2f}"
                )
        questions = [p["messages"] for p in World().prompts("test", 13, seed=1)[:6]]
    else:
        questions = [messages[:-1] for _, _, messages in val[:4]]
    asked = (tokenizer, questions, machine)
    greedy = {"temperature": 0.0, "max_new_tokens": 32 if cfg.data == "world" else 64}
    before, _ = respond(base, *asked, chat=False, **greedy)
    after, _ = respond(tuned, *asked, **greedy)
    samples = [
        {"question": q[-1]["content"], "base": b, "sft": a}
        for q, b, a in zip(questions, before, after)
    ]
    say("\nthe likeliest answer of each model")
    for s in samples:
        say(f"\n  User  {s['question']}\n  base  {s['base']}\n  sft   {s['sft']}")
    return results, samples


# --- training ----------------------------------------------------------------------------------


def train(cfg):
    """Run one fine-tuning; returns the metrics of the last validation."""
    # --- setup
    machine, out = setup(cfg), Path(cfg.out)
    positive(cfg, "batch_size", "grad_accum", "eval_every", "max_len", "epochs")
    if cfg.pretrain_mix >= 1:
        raise BadInput(f"--pretrain_mix={cfg.pretrain_mix}: expected a share, 0 or more, below 1")
    if cfg.batch_size % (cfg.grad_accum * machine.processes):
        raise BadInput(
            f"--batch_size={cfg.batch_size} does not divide into --grad_accum="
            f"{cfg.grad_accum} parts on {machine.processes} processes"
        )
    more = ["--init=gpt2", "--steps=0"] if cfg.preset == "gpt2" else [f"--seed={cfg.seed}"]
    path = need(cfg.init, "pretrain.py", cfg.preset, *more)
    parent = load_checkpoint(path, stages=("pretrain", "sft"))
    tokenizer = Tokenizer.from_json(parent["tokenizer"])
    if parent["model_config"]["vocab_size"] < tokenizer.n_vocab:
        raise BadInput(
            f"{cfg.init}: its tokenizer has {tokenizer.n_vocab} tokens, its model only "
            f"{parent['model_config']['vocab_size']}: two runs were put together"
        )
    saved = load_checkpoint(out / "last.pt", stages=("sft",)) if cfg.resume else None

    # --- model
    try:
        model = GPT.from_checkpoint(saved or parent)
    except ValueError as error:
        raise BadInput(f"{cfg.init}: {error}") from None
    if parent["stage"] == "pretrain" and not saved:
        name_roles(model, tokenizer)
    model = machine.place(model, cfg.fsdp)
    learned = model.config.pos == "learned"
    max_len = min(cfg.max_len, model.config.block_size) if learned else cfg.max_len
    train_set, val_set, cut = load_examples(cfg, tokenizer, max_len)
    mix = PretrainText(cfg.mix_data, parent, tokenizer, cfg.seed) if cfg.pretrain_mix else None
    if cfg.compile:
        model.compile(dynamic=True)
    optimizers = optim.build(model, cfg.lr, cfg.matrix_lr, dtype=machine.dtype)
    saver = Saver(cfg, "sft", model, parent["tokenizer"], parent_of(path, parent), optimizers)
    first = saver.resume(saved)
    log = Log(out / "log.jsonl", cfg, machine, resumed_step=first if saved else None)
    network = machine.distribute(model)
    lengths = np.array([len(ids) for ids, _, _ in train_set])
    per_epoch = math.ceil(len(train_set) / cfg.batch_size)
    steps = cfg.steps or cfg.epochs * per_epoch
    batches = list(
        itertools.chain(
            *(
                epoch_batches(lengths, cfg.batch_size, cfg.seed, epoch)
                for epoch in range(math.ceil(steps / per_epoch))
            )
        )
    )
    padding = 1 - lengths.sum() / sum(lengths[b].max() * len(b) for b in batches[:per_epoch])
    if machine.main:
        print(
            f"fine-tuning on {len(train_set):,} demonstrations of {cfg.data} ({len(val_set)} "
            f"held out), {steps} steps, {padding:.1%} of tokens are padding, {machine}"
        )
        if cut:
            print(
                f"{cut} of {len(train_set) + len(val_set)} demonstrations exceed {max_len} "
                "tokens and lost the left of their prompt; --max_len sets the limit"
            )

    # --- loop
    bar = tqdm(range(first, steps), initial=first, total=steps, disable=not machine.main)
    clock, seen, metrics = time.perf_counter(), 0, {}
    for step in itertools.chain(bar, [steps]):
        if step % cfg.eval_every == 0 and (step > first or step == 0) or step == steps:
            metrics = evaluate(model, val_set, tokenizer, cfg, machine)
            log.write(step=step, **metrics)
            if machine.main:
                tqdm.write(f"step {step:>6}   val loss {metrics['val_loss']:.4f} nats/token")
            saver.save(step, metrics)
            clock, seen = time.perf_counter(), 0
        if step == steps:
            break
        machine.seed(cfg.seed, step)
        count = sum(sum(train_set[i][1][1:]) for i in batches[step])  # of the whole batch
        loss = 0.0
        for part in np.array_split(
            batches[step][machine.rank :: machine.processes], cfg.grad_accum
        ):
            # The last batch of an epoch can leave a process without a row; it then adds zero.
            rows = part if len(part) else [0]
            tokens, targets, mask = get_batch(train_set, rows, tokenizer, machine)
            with machine.autocast():
                nll = sft_loss(network(tokens, targets), mask * bool(len(part)), count)
            ((1 - cfg.pretrain_mix) * nll * machine.processes).backward()
            loss += nll.detach() * machine.processes
            seen += tokens.numel() * machine.processes
        if mix:
            x, y = mix.get_batch(math.lcm(2, machine.processes), [cfg.seed, step], machine)
            with machine.autocast():
                nll = network(x, y).mean()
            (cfg.pretrain_mix * nll).backward()
            seen += x.numel() * machine.processes
        norm = optim.step(optimizers, model, learning_rate(step, steps))
        if step % 10 == 9:
            loss, rate = machine.mean(loss), seen / (time.perf_counter() - clock)
            log.write(
                step=step + 1, loss=loss, grad_norm=float(norm), tokens_per_second=round(rate)
            )
            bar.set_postfix_str(f"loss {loss:.3f}, {rate:,.0f} tokens/s")

    # --- results
    if machine.main or cfg.fsdp:
        base, tuned = (
            machine.place(GPT.from_checkpoint(c), cfg.fsdp)
            for c in (parent, load_checkpoint(out / "ckpt.pt"))
        )
        results, samples = report(base, tuned, tokenizer, val_set, cfg, machine)
    if machine.main:
        log.write(step=steps, results=results, samples=samples)
        name = (out / "ckpt.pt").as_posix()
        print(f"\n{name}: val loss {saver.best:.4f}; talk to it: python chat.py {name}")
    return metrics


# --- run ---------------------------------------------------------------------------------------

if __name__ == "__main__":
    run(lambda: train(parse_config(Config, PRESETS)))
