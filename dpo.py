"""A baseline for step 3, DPO: the same comparisons, without a reward model and without sampling.

Direct preference optimisation (Rafailov et al. 2023) notes that the best policy of PPO's objective
defines its own reward, r(x, y) = β log(π(y|x) / π_SFT(y|x)), and fits that to the rankings as the
reward model was.

reads   out/sft/ckpt.pt and out/reward/comparisons.jsonl (each made first if it is missing), or
        --data=FILE
writes  out/dpo/ckpt.pt, last.pt (for --resume), log.jsonl

    python dpo.py                                        the comparisons that reward.py collected
    python dpo.py --data=comparisons.jsonl               people's comparisons (data/preferences.py)
"""

import math
from dataclasses import dataclass

from plumbing.config import check_options, fit_len, parse_config, positive

if __name__ == "__main__":  # answer --help and slips before torch, a second's work, loads
    check_options(__file__)

import torch

import optim
from data import comparisons
from data.questions import read_first
from judges.agreement import comparable, held_out, split, tell_cut
from judges.scores import read_answers
from likelihood import token_logprobs
from plumbing import errors, measure
from plumbing.batches import Batches
from plumbing.errors import BadInput
from plumbing.inputs import need
from plumbing.run import Run
from reward import in_order, length, preferred, ranking_loss
from sampling import lay_out, load_model

# --- configuration -----------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "tiny"  # a named set of other defaults
    out: str = "out/dpo"  # directory for ckpt.pt, last.pt, log.jsonl
    init: str = "out/sft/ckpt.pt"  # the policy's start and the reference; made if it is missing
    data: str = "out/reward/comparisons.jsonl"  # comparisons; made by reward.py if it is missing
    clamp: str = ""  # least and most p of an AI's labels: 0.4,0.6 (Bai et al. 2022b)
    beta: float = 0.1  # of the implied reward (Rafailov et al. 2023, App. B)
    max_len: int = 512  # tokens of question and answer; a longer pair loses its left
    batch_size: int = 8  # questions of one step, with all pairs of each
    grad_accum: int = 1  # forward-backward passes that make up one step
    checkpoint_activations: bool = False  # compute blocks again in the backward pass: less memory
    epochs: int = 1  # passes over the training comparisons
    steps: int = 0  # optimizer steps; 0: as many as the epochs need
    lr: float = 3e-4  # AdamW; then a cosine down to a tenth
    eval_every: int = 50  # steps between validations and checkpoints
    seed: int = 1
    device: str = "auto"
    dtype: str = "auto"  # float32, bfloat16, float16; auto takes what is fast here
    resume: bool = False  # go on from last.pt
    eval: bool = False  # measure the checkpoint of --init on --data; nothing is trained or written
    log: str = ""  # csv or tensorboard: the log in that form as well
    export: str = ""  # hf: also write {out}/hf, which transformers loads


PRESETS = {
    "tiny": {},
    "ko": dict(init="out/ko/sft/ckpt.pt", data="out/ko/reward/comparisons.jsonl", out="out/ko/dpo"),
    "gpt2": dict(
        init="out/sft_gpt2/ckpt.pt",
        data="out/reward_gpt2/comparisons.jsonl",
        out="out/dpo_gpt2",
        max_len=1024,
        lr=1e-6,
    ),
}


def check(cfg):
    """Refuse options that make no training; one line each."""
    positive(cfg, "batch_size", "grad_accum", "eval_every", "max_len", "epochs")
    if cfg.grad_accum > cfg.batch_size:
        raise BadInput(f"--grad_accum={cfg.grad_accum}: --batch_size has no so many questions")
    if cfg.clamp:
        comparisons.limits(cfg.clamp)


# --- the maths ---------------------------------------------------------------------------------


def dpo_loss(logp, ref_logp, ranks, beta, questions=None, p=None):
    """The ranking loss of reward.py on the reward that the policy itself implies,

        r(x, y) = β·(log π(y|x) − log π_SFT(y|x))        (Rafailov et al. 2023, eq. 7)

    and the share of pairs in the right order. logp, ref_logp (N, K) of whole answers; ranks (N, K),
    0 the best, −1 where there is no answer. With labels that are not sure, p (N,), this is cDPO
    (Mitchell 2023).
    """
    reward = beta * (logp - ref_logp)  # (N, K)
    return ranking_loss(reward, ranks, questions, p), in_order(reward, ranks)


# --- batches -----------------------------------------------------------------------------------


def get_batch(records, tokenizer, cfg, machine):
    """Every answer of N questions, right-padded: tokens (N·K, T), mask of the answer (N·K, T−1)
    and ranks (N, K)."""
    # Only the last answer is compared, not the assistant's earlier turns.
    questions, answers, ranks = read_answers(records, tokenizer, cfg.max_len)
    tokens, mask, _ = lay_out(questions, answers, tokenizer.pad)
    return tuple(map(machine.put, (tokens, mask, ranks)))


def answer_logp(model, tokens, mask, ranks):
    """log π(y|x) of whole answers (N, K): the sum over the answer's tokens."""
    return (token_logprobs(model, tokens) * mask).sum(1).view(ranks.shape)


# --- evaluation --------------------------------------------------------------------------------


@torch.no_grad()
def evaluate(policy, ref, records, tokenizer, cfg, machine):
    """Loss and share of held-out pairs in the right order, each pair weighing the same."""
    policy.eval()
    values = []
    for i in range(0, len(records), 32):
        some = records[i : i + 32]
        tokens, mask, ranks = get_batch(some, tokenizer, cfg, machine)
        with machine.autocast():
            logp = answer_logp(policy, tokens, mask, ranks)
            ref_logp = answer_logp(ref, tokens, mask, ranks)
        rewards = cfg.beta * (logp - ref_logp)
        for record, row in zip(some, rewards.cpu().numpy()):
            values.append(row[: len(record["responses"])])
    policy.train()
    return held_out(records, values)


# --- training ----------------------------------------------------------------------------------


def train(cfg):
    """Train as `cfg` says; returns the metrics of the last validation."""
    # --- setup: rankings of answers; the questions of the held-out ones are never trained on
    check(cfg)
    run = Run(cfg, "dpo")
    machine = run.machine
    read_first(cfg, comparisons.load)
    parent = run.inherit("sft.py", ("sft",), f"--seed={cfg.seed}")
    ref, tokenizer = load_model(parent, cfg.init, dropout=0.0)
    fit_len(cfg, ref.config)
    # The comparisons are those that the reward model learns from.
    options = (f"--init={cfg.init}", f"--seed={cfg.seed}")
    path = need(cfg.data, "reward.py", cfg.preset, *options)
    records = comparisons.load(path, clamp=cfg.clamp)
    tell_cut(records, tokenizer, cfg.max_len, cfg.data)
    train_set, val_set = split(records, cfg.seed, cfg.data)
    val_set = run.held_out(train_set, val_set)

    # --- model: the fine-tuned network twice, the policy that learns and the reference that stays
    policy, _ = load_model(run.saved or parent, cfg.init, dropout=0.0)
    policy = machine.place(policy)
    ref = machine.place(ref).eval().requires_grad_(False)
    # AdamW alone, at a low rate; from here on the run can be resumed.
    optimizers = optim.build(policy, cfg.lr)
    run.begin(policy, optimizers, parent["tokenizer"])
    network = machine.distribute(policy)
    # An epoch: every question once, each with all of its answers.
    per_epoch = math.ceil(len(train_set) / cfg.batch_size)
    steps = cfg.steps or cfg.epochs * per_epoch
    # Questions of similar length share a batch, so that little of it is padding.
    lengths = [length(record) for record in train_set]
    batches = Batches(len(train_set), cfg.batch_size, cfg.seed, lengths=lengths)

    # --- loop
    metrics = {}
    for step in run.steps(steps):
        # Every so often, and at the end: the order of answers to questions never trained on.
        if run.due(step, cfg.eval_every):
            metrics = evaluate(policy, ref, val_set, tokenizer, cfg, machine)
            run.log(step=step, **metrics)
            run.say(measure.guesses(step, metrics))
            run.save(step, metrics, better=step == steps)
        if step == steps:  # the last step only evaluates
            break

        # All processes draw the same batch of questions. The loss is divided by the questions with
        # a pair in all of it, so that the gradients of its parts add up to the batch's.
        batch = batches[step]
        questions = [train_set[i] for i in batch]

        # The batch goes through in parts that fit into memory; their gradients add up, since
        # nothing is cleared between the backward passes.
        loss = right = pairs = 0.0
        for rows, weight in machine.parts(machine.mine(batch), cfg.grad_accum):
            records = [train_set[i] for i in rows]
            tokens, mask, ranks = get_batch(records, tokenizer, cfg, machine)
            with machine.autocast():
                logp = answer_logp(network, tokens, mask, ranks)  # (N, K)
                with torch.no_grad():  # the reference is only read
                    ref_logp = answer_logp(ref, tokens, mask, ranks)
            p = machine.put(torch.from_numpy(comparisons.soft_labels(records)))
            part, share = dpo_loss(logp, ref_logp, ranks, cfg.beta, comparable(questions), p)
            machine.backward(weight * part)
            loss += weight * part.detach()
            count = weight * preferred(ranks).sum()
            right += share * count
            pairs += count

        # One update at this step's learning rate; the gradients are empty afterwards.
        factor = optim.learning_rate(step, steps)
        norm = optim.step(optimizers, policy, factor)

        accuracy = machine.sum(right) / max(1, machine.sum(pairs))
        run.progress(step, loss, norm, accuracy=accuracy)

    # --- results
    run.say(f"{run.name}: {metrics['val_accuracy']:.1%} of held-out pairs in the right order")
    # Only now is the run whole, and what comes next may build on it.
    run.finish()
    return metrics


# --- run ---------------------------------------------------------------------------------------

if __name__ == "__main__":
    errors.run(lambda: train(parse_config(Config, PRESETS)))
