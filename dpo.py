"""A baseline for step 3, DPO: the same comparisons, without a reward model and without sampling.

Direct preference optimisation (Rafailov et al. 2023) notes that the best policy of PPO's objective
defines its own reward, r(x, y) = β log(π(y|x) / π_SFT(y|x)), and fits that to the rankings as the
reward model was.

reads   out/sft/ckpt.pt and out/reward/comparisons.jsonl (each made first if it is missing), or
        --data=FILE
writes  out/dpo/ckpt.pt, log.jsonl

    python dpo.py                                        the comparisons that reward.py collected
    python dpo.py --data=comparisons.jsonl               people's comparisons (see data/formats.py)
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tqdm import tqdm

import optim
from data.formats import read_comparisons
from judges.agreement import hold_out
from likelihood import token_logprobs
from model import GPT
from optim import learning_rate
from plumbing.checkpoint import Saver, load_checkpoint, need, parent_of
from plumbing.config import parse_config
from plumbing.errors import BadInput, run
from plumbing.machine import setup
from plumbing.records import Log
from tokenizer import Tokenizer

# --- configuration -----------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "tiny"  # a named set of other defaults
    out: str = "out/dpo"  # directory for ckpt.pt, log.jsonl
    init: str = "out/sft/ckpt.pt"  # the policy's start and the reference; made if it is missing
    data: str = "out/reward/comparisons.jsonl"  # comparisons; made by reward.py if it is missing
    beta: float = 0.1  # of the implied reward (Rafailov et al. 2023, App. B)
    max_len: int = 512  # tokens of question and answer; a longer pair loses its left
    batch_size: int = 8  # questions of one step, with all pairs of each
    epochs: int = 1
    lr: float = 3e-4  # AdamW; then a cosine down to a tenth
    seed: int = 1
    device: str = "auto"
    dtype: str = "auto"  # float32, bfloat16; auto takes bfloat16 where it is fast


PRESETS = {
    "tiny": {},
    "gpt2": dict(
        init="out/sft_gpt2/ckpt.pt",
        data="out/reward_gpt2/comparisons.jsonl",
        out="out/dpo_gpt2",
        max_len=1024,
        lr=1e-6,
    ),
}


# --- the maths ---------------------------------------------------------------------------------


def dpo_loss(logp, ref_logp, ranks, beta):
    """L = −mean log σ(β·(log π/π_ref)(y_w) − β·(log π/π_ref)(y_l)) over the pairs of each question
    (eq. 7), and the share of pairs in the right order.

    logp, ref_logp (N, K) of whole answers; ranks (N, K), 0 the best, −1 where there is no answer.
    """
    reward = beta * (logp - ref_logp)  # (N, K)
    present = ranks >= 0
    wins = (ranks[:, :, None] < ranks[:, None, :]) & present[:, :, None] & present[:, None, :]
    pairs = wins.sum((1, 2))  # (N,)
    difference = reward[:, :, None] - reward[:, None, :]
    per_question = -(F.logsigmoid(difference) * wins).sum((1, 2)) / pairs.clamp(min=1)
    correct = ((difference > 0) & wins).sum() / pairs.sum().clamp(min=1)
    return per_question.sum() / (pairs > 0).sum().clamp(min=1), correct


# --- batches -----------------------------------------------------------------------------------


def get_batch(records, tokenizer, cfg, machine):
    """Every answer of N questions, right-padded: tokens (N·K, T), mask of the answer (N·K, T−1)
    and ranks (N, K)."""
    K = max(len(r["responses"]) for r in records)
    rows, ranks = [], torch.full((len(records), K), -1)
    for n, record in enumerate(records):
        for place, group in enumerate(record["ranking"]):
            ranks[n, group] = place
        for text in record["responses"] + [""] * (K - len(record["responses"])):
            ids, _ = tokenizer.render([*record["messages"], {"role": "assistant", "content": text}])
            # Only the last answer is compared, not the assistant's earlier turns.
            rows.append((ids[-cfg.max_len :], len(tokenizer.encode(text)) + 1))
    T = max(len(ids) for ids, _ in rows)
    tokens, mask = torch.full((len(rows), T), tokenizer.pad), torch.zeros(len(rows), T - 1)
    for row, (ids, answer) in enumerate(rows):
        tokens[row, : len(ids)] = torch.tensor(ids)
        mask[row, max(0, len(ids) - 1 - answer) : len(ids) - 1] = 1
    return tuple(x.to(machine.device) for x in (tokens, mask, ranks))


def answer_logp(model, tokens, mask, ranks):
    """log π(y|x) of whole answers (N, K): the sum over the answer's tokens."""
    return (token_logprobs(model, tokens) * mask).sum(1).view(ranks.shape)


# --- evaluation --------------------------------------------------------------------------------


@torch.no_grad()
def evaluate(policy, ref, records, tokenizer, cfg, machine):
    """Loss and share of held-out pairs in the right order."""
    policy.eval()
    losses, rights, sizes = [], [], []
    for i in range(0, len(records), 32):
        tokens, mask, ranks = get_batch(records[i : i + 32], tokenizer, cfg, machine)
        with machine.autocast():
            logp, ref_logp = (answer_logp(m, tokens, mask, ranks) for m in (policy, ref))
        loss, right = dpo_loss(logp, ref_logp, ranks, cfg.beta)
        losses.append(loss.item())
        rights.append(right.item())
        sizes.append(len(ranks))
    policy.train()
    return {
        "val_loss": float(np.average(losses, weights=sizes)),
        "val_accuracy": float(np.average(rights, weights=sizes)),
    }


# --- training ----------------------------------------------------------------------------------


def train(cfg):
    """Run DPO; returns the metrics of the last validation."""
    # --- setup
    machine, out = setup(cfg), Path(cfg.out)
    parent = load_checkpoint(
        need(cfg.init, "sft.py", cfg.preset, f"--seed={cfg.seed}"), stages=("sft",)
    )
    tokenizer = Tokenizer.from_json(parent["tokenizer"])
    records = read_comparisons(
        need(cfg.data, "reward.py", cfg.preset, f"--init={cfg.init}", f"--seed={cfg.seed}")
    )
    train_set, val_set = hold_out(records, cfg.seed)
    if not train_set:
        raise BadInput(f"{cfg.data}: at least 2 comparisons are needed; one is held out")

    # --- model
    policy, ref = (GPT.from_checkpoint(parent, dropout=0.0).to(machine.device) for _ in range(2))
    ref.eval().requires_grad_(False)
    optimizers = optim.build(policy, cfg.lr)
    log = Log(out / "log.jsonl", cfg, machine)
    network = machine.distribute(policy)
    per_epoch = max(1, len(train_set) // cfg.batch_size)
    steps = cfg.epochs * per_epoch

    # --- loop
    bar = tqdm(range(steps), disable=not machine.main)
    for step in bar:
        machine.seed(cfg.seed, step)
        order = np.random.default_rng([cfg.seed, step // per_epoch]).permutation(len(train_set))
        batch = order[step % per_epoch * cfg.batch_size :][: cfg.batch_size]
        records = [train_set[i] for i in batch[machine.rank :: machine.processes]]
        tokens, mask, ranks = get_batch(records, tokenizer, cfg, machine)
        with machine.autocast():
            logp = answer_logp(network, tokens, mask, ranks)
            with torch.no_grad():
                ref_logp = answer_logp(ref, tokens, mask, ranks)
        loss, right = dpo_loss(logp, ref_logp, ranks, cfg.beta)
        loss.backward()
        norm = optim.step(optimizers, policy, learning_rate(step, steps))
        if step % 10 == 9:
            log.write(
                step=step + 1,
                loss=machine.mean(loss.detach()),
                accuracy=machine.mean(right),
                grad_norm=float(norm),
            )
            bar.set_postfix_str(f"loss {loss.item():.3f}")

    # --- results
    metrics = evaluate(policy, ref, val_set, tokenizer, cfg, machine)
    log.write(step=steps, **metrics)
    if machine.main:
        Saver(
            cfg, "dpo", policy, parent["tokenizer"], parent_of(cfg.init, parent), optimizers
        ).keep(steps, metrics)
        print(
            f"{(out / 'ckpt.pt').as_posix()}: {metrics['val_accuracy']:.1%} of held-out pairs in "
            "the right order"
        )
    return metrics


# --- run ---------------------------------------------------------------------------------------

if __name__ == "__main__":
    run(lambda: train(parse_config(Config, PRESETS)))
