"""Step 3, PPO: learn to write what the reward model scores highly (InstructGPT, section 3.5, RL).

The fine-tuned model answers, the reward model scores the answer, and the policy moves towards
answers that score above what a value network expected, on a leash: each token pays for leaving the
fine-tuned model.

    objective(φ) = E[r(x, y) − β log(π_φ(y|x) / π_SFT(y|x))] + γ E_pretrain[log π_φ(x)]   (eq. 2)

reads   out/sft/ckpt.pt and out/reward/ckpt.pt (each made first if it is missing)
writes  out/ppo/ckpt.pt, last.pt (for --resume), log.jsonl

    python ppo.py                                        the tiny world, a few minutes on a laptop
    python ppo.py --ptx=1 --out=out/ppo_ptx              PPO-ptx: keeps the language model as well
    python ppo.py --reward=judge                         the hidden judge, not the learned reward
    python ppo.py --reward=mymodule:myfunction           any function (messages, response) -> number
"""

import importlib
import itertools
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

import optim
from common import (
    BadInput,
    Log,
    load_checkpoint,
    need,
    parent_of,
    parse_config,
    run,
    save_checkpoint,
)
from data.exam import Exam
from data.formats import read_demonstrations
from data.judge import judge
from data.pretrain_text import PretrainText
from data.world import World
from machine import setup
from model import GPT, generate, masked_mean
from tokenizer import Tokenizer

# --- configuration -----------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "tiny"  # a named set of other defaults
    out: str = "out/ppo"  # directory for ckpt.pt, last.pt, log.jsonl
    init: str = "out/sft/ckpt.pt"  # the policy's start and the reference; made if it is missing
    reward: str = (
        "out/reward/ckpt.pt"  # a reward checkpoint (made if missing), "judge", or module:function
    )
    data: str = "world"  # "world", or a file of conversations, of which the questions are used
    iterations: int = 40  # rounds of sampling and learning
    batch_size: int = 128  # questions of one iteration (InstructGPT, App. C.4: 512)
    minibatch: int = 32  # answers of one optimizer step (InstructGPT: 64)
    epochs: int = 1  # passes over an iteration's answers (InstructGPT: 1)
    max_new_tokens: int = 32  # an answer is cut off there
    beta: float = 0.05  # price of a nat of KL to the reference (InstructGPT: 0.02)
    target_kl: float = 0.0  # nats per answer that beta is steered to (Ziegler 2019); 0: fixed beta
    ptx: float = 0.0  # γ, weight of the pretraining gradient (InstructGPT: 27.8 in its units)
    mix_data: str = ""  # text of that gradient; empty: what the base model was pretrained on
    clip: float = 0.2  # of the probability ratio and of the value's change (PPO paper)
    lam: float = 0.95  # λ of GAE; there is no discount
    lr: float = 3e-4  # AdamW; constant after a warm-up from a tenth over 10 iterations (App. C.4)
    value_lr: float = 6e-4  # the value network's
    ema: float = (
        0.0  # decay of an average of the weights that is saved instead (InstructGPT: 0.992)
    )
    seed: int = 1
    device: str = "auto"
    dtype: str = "auto"  # float32, bfloat16; auto takes bfloat16 where it is fast
    resume: bool = False  # go on from last.pt


PRESETS = {
    "tiny": {},
    "gpt2": dict(
        init="out/sft_gpt2/ckpt.pt",
        reward="out/reward_gpt2/ckpt.pt",
        out="out/ppo_gpt2",
        batch_size=256,
        minibatch=32,
        max_new_tokens=64,
        lr=1e-5,
        value_lr=1e-5,
        beta=0.02,
        iterations=200,
    ),
}
PENALTY = (
    1.0  # an answer that does not end scores min(score, 0) − 1, after the reward is normalised
)


# --- the maths ---------------------------------------------------------------------------------
# Everything is (B, T−1) in one alignment: entry t belongs to the choice of tokens[:, t+1], and mask
# is 1 where that choice was the policy's.


def kl_rewards(scores, logp, ref_logp, mask, beta):
    """r_t = −β·(log π(a_t|s_t) − log π_SFT(a_t|s_t)), and the score (B,) on top at the last
    token."""
    rewards = -beta * (logp - ref_logp) * mask
    last = (mask * torch.arange(1, mask.shape[1] + 1, device=mask.device)).argmax(1, keepdim=True)
    return rewards.scatter_add(1, last, scores[:, None])


def gae(rewards, values, mask, lam):
    """Generalised advantage estimation (Schulman et al. 2016, eq. 16) without discount:

    δ_t = r_t + V_{t+1} − V_t        A_t = δ_t + λ·A_{t+1}        V = A = 0 after the last token
    """
    advantages, running = torch.zeros_like(rewards), torch.zeros_like(rewards[:, 0])
    values = values * mask
    following = torch.cat([values[:, 1:], torch.zeros_like(values[:, :1])], dim=1)
    deltas = (rewards + following - values) * mask
    for t in reversed(range(rewards.shape[1])):
        running = (deltas[:, t] + lam * running) * mask[:, t]
        advantages[:, t] = running
    return advantages


def whiten(x, mask, machine):
    """x shifted and scaled to mean 0 and variance 1 over the masked tokens of all processes."""
    count = machine.sum(mask.sum())
    mean = machine.sum((x * mask).sum()) / count
    variance = machine.sum(((x - mean) ** 2 * mask).sum()) / count
    return (x - mean) * torch.rsqrt(variance + 1e-8) * mask


def policy_loss(logp, old_logp, advantages, clip):
    """ρ = exp(log π − log π_old)        L = −min(ρ·A, clip(ρ, 1−ε, 1+ε)·A)        (PPO paper, eq.
    7)"""
    ratio = (logp - old_logp).exp()
    return -torch.min(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages), ratio


def value_loss(values, old_values, returns, clip):
    """L = ½·max((V − R)², (clip(V, V_old ± ε) − R)²): a value, like a ratio, moves only so far a
    step."""
    clipped = old_values + (values - old_values).clamp(-clip, clip)
    return 0.5 * torch.max((values - returns) ** 2, (clipped - returns) ** 2)


def steer(beta, kl, target, n, horizon=10_000):
    """The adaptive controller (Ziegler et al. 2019, section 2.2): β grows while KL exceeds the
    target."""
    error = max(-0.2, min(0.2, kl / target - 1))
    return beta * (1 + error * n / horizon)


def policy_terms(logits, tokens):
    """log π of the tokens taken and the policy's entropy, each (B, T−1), from logits (B, T, V)."""
    logp = logits[:, :-1].float().log_softmax(-1)
    taken = logp.gather(2, tokens[:, 1:, None]).squeeze(2)
    return taken, -(logp.exp() * logp).sum(-1)


# --- rewards -----------------------------------------------------------------------------------
# A reward is a function of (questions, texts, ended, tokens, last) -> scores (B,).


def model_reward(path, tokenizer, preset, machine, cfg):
    """The reward model's score, read at the last real token."""
    checkpoint = load_checkpoint(
        need(path, "reward.py", preset, f"--init={cfg.init}", f"--seed={cfg.seed}"),
        stages=("reward",),
    )
    if checkpoint["tokenizer"] != tokenizer.to_json():
        raise BadInput(
            f"{path} was trained with another vocabulary than {cfg.init}; train it from that "
            "checkpoint"
        )
    model = GPT.from_checkpoint(checkpoint).to(machine.device).eval().requires_grad_(False)

    def reward(questions, texts, ended, tokens, last):
        return model(tokens)[torch.arange(len(tokens), device=tokens.device), last]

    return reward, checkpoint


def function_reward(name):
    """The judge of the tiny world, or any `module:function` of (messages, response) -> number."""
    if name == "judge":

        def call(question, text, end):
            return judge(question, text, end)["score"]
    else:
        module, _, attribute = name.partition(":")
        sys.path.insert(0, ".")
        try:
            function = getattr(importlib.import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise BadInput(
                f"--reward={name}: {error}; expected a reward checkpoint, judge, or module:function"
            ) from None

        def call(question, text, end):
            return float(function(question["messages"], text))

    def reward(questions, texts, ended, tokens, last):
        scores = [call(*row) for row in zip(questions, texts, ended)]
        return torch.tensor(scores, dtype=torch.float, device=tokens.device)

    return reward


# --- batches -----------------------------------------------------------------------------------


def load_questions(cfg):
    """Conversations up to a user's turn: of the world with what its judge needs, of a file
    without."""
    if cfg.data == "world":
        return World().prompts("ppo", 13 * 200, seed=cfg.seed)
    return [{"messages": r["messages"][:-1]} for r in read_demonstrations(cfg.data)]


def get_batch(questions, iteration, cfg, machine):
    """This process's questions of one iteration: each epoch over them in an order of its own."""
    wanted = np.arange(iteration * cfg.batch_size, (iteration + 1) * cfg.batch_size)
    n, picked = len(questions), []
    for epoch in np.unique(wanted // n):
        order = np.random.default_rng([cfg.seed, int(epoch)]).permutation(n)
        picked += [questions[i] for i in order[wanted[wanted // n == epoch] % n]]
    return picked[machine.rows(len(picked))]


@torch.no_grad()
def sample(policy, tokenizer, questions, cfg, machine, noise):
    """Answers at temperature 1, without top-k: the distribution that is scored is the one sampled.

    Returns right-padded tokens (B, T), mask (B, T−1), index of the last real token (B,), texts, and
    whether each answer ended by itself.
    """
    prompts = [tokenizer.prompt(q["messages"])[0] for q in questions]
    if policy.config.pos == "learned":
        prompts = [p[-(policy.config.block_size - cfg.max_new_tokens) :] for p in prompts]
    with machine.autocast():
        answers = generate(
            policy, prompts, cfg.max_new_tokens, stop=[tokenizer.endoftext], noise=noise
        )
    T = max(len(p) + len(a) for p, a in zip(prompts, answers))
    tokens, mask = torch.full((len(prompts), T), tokenizer.pad), torch.zeros(len(prompts), T - 1)
    for row, (p, a) in enumerate(zip(prompts, answers)):
        tokens[row, : len(p) + len(a)] = torch.tensor(p + a)
        mask[row, len(p) - 1 : len(p) + len(a) - 1] = 1
    last = torch.tensor([len(p) + len(a) - 1 for p, a in zip(prompts, answers)])
    texts = [tokenizer.decode(a).strip() for a in answers]
    ended = [a[-1] == tokenizer.endoftext for a in answers]
    return tokens.to(machine.device), mask.to(machine.device), last.to(machine.device), texts, ended


@torch.no_grad()
def rollout(policy, ref, value, reward, tokenizer, questions, cfg, machine, noise, beta):
    """Sample, score, rewards, advantages: all that one iteration learns from, and its figures."""
    tokens, mask, last, texts, ended = sample(policy, tokenizer, questions, cfg, machine, noise)
    with machine.autocast():
        logits, ref_logits = policy(tokens), ref(tokens)
        values = value(tokens)[:, :-1] * mask
        scores = reward(questions, texts, ended, tokens, last).float()
    logp, entropy = policy_terms(logits, tokens)
    ref_logp, _ = policy_terms(ref_logits, tokens)
    p, q = logits[:, :-1].float().log_softmax(-1), ref_logits[:, :-1].float().log_softmax(-1)
    exact = ((p.exp() * (p - q)).sum(-1) * mask).sum(1)  # (B,) KL over the whole vocabulary
    scored = torch.where(
        torch.tensor(ended, device=scores.device), scores, scores.clamp(max=0) - PENALTY
    )
    rewards = kl_rewards(scored, logp, ref_logp, mask, beta)
    advantages = gae(rewards, values, mask, cfg.lam)
    returns = advantages + values  # from advantages that are not whitened
    log_ratio = (logp - ref_logp) * mask
    figures = {
        "reward": scored.mean(),
        "kl": log_ratio.sum(1).mean(),
        "kl_k3": (((-log_ratio).exp() - 1 + log_ratio) * mask).sum(1).mean(),
        "kl_exact": exact.mean(),
        "entropy": masked_mean(entropy, mask),
        "length": mask.sum(1).mean(),
        "ended": torch.tensor(ended, dtype=torch.float).mean(),
        "explained_variance": 1
        - ((returns - values)[mask > 0]).var() / returns[mask > 0].var().clamp(min=1e-8),
    }
    if "answers" in questions[0]:
        verdicts = [judge(*row) for row in zip(questions, texts, ended)]
        figures["judge"] = torch.tensor([v["score"] for v in verdicts]).mean()
        figures["correct"] = torch.tensor([v["correct"] > 0 for v in verdicts]).float().mean()
        figures["rude"] = torch.tensor([v["harmless"] < 0 for v in verdicts]).float().mean()
    batch = {
        "tokens": tokens,
        "mask": mask,
        "logp": logp,
        "values": values,
        "returns": returns,
        "advantages": whiten(advantages, mask, machine),
    }
    return batch, {k: machine.mean(v) for k, v in figures.items()}, texts


def update(networks, optimizers, batch, factor, ptx_batch, cfg, machine, rng):
    """Minibatch steps on one iteration's answers; returns their mean figures.

    Losses are token means over a minibatch of all processes. The pretraining gradient (PPO-ptx) is
    a backward pass of its own into the same buffers (InstructGPT, App. C.4).
    """
    (policy, value), (policy_opt, value_opt) = networks, optimizers
    rows, figures = cfg.batch_size, []
    for _ in range(cfg.epochs):
        for part in np.array_split(rng.permutation(rows), max(1, rows // cfg.minibatch)):
            mine = torch.tensor(
                part[part % machine.world == machine.rank] // machine.world, device=machine.device
            )
            tokens, mask, logp_old, values_old, returns, advantages = (
                batch[k][mine]
                for k in ("tokens", "mask", "logp", "values", "returns", "advantages")
            )
            count = machine.sum(mask.sum())
            with machine.autocast():
                logits = policy(tokens)
                values = value(tokens)[:, :-1]
            logp, entropy = policy_terms(logits, tokens)
            loss, ratio = policy_loss(logp, logp_old, advantages, cfg.clip)
            ((loss * mask).sum() / count * machine.world).backward()
            norms = {"policy": gradient_norm(policy)}
            if ptx_batch:
                with machine.autocast():
                    nll = policy(*ptx_batch()).mean()
                (cfg.ptx * nll).backward()
                norms["with_ptx"] = gradient_norm(policy)
            v_loss = value_loss(values, values_old, returns, cfg.clip)
            ((v_loss * mask).sum() / count * machine.world).backward()
            norms["value"] = gradient_norm(value)
            optim.step(policy_opt, policy, factor)
            optim.step(value_opt, value, factor)
            with torch.no_grad():
                log_ratio = (logp - logp_old) * mask
                figures.append(
                    {
                        "approx_kl": machine.sum((0.5 * log_ratio**2).sum()) / count,
                        "clip_fraction": machine.sum((((ratio - 1).abs() > cfg.clip) * mask).sum())
                        / count,
                        "max_ratio": (ratio * mask).max(),
                        "value_loss": machine.sum((v_loss * mask).sum()) / count,
                        **{f"grad_{k}": v for k, v in norms.items()},
                    }
                )
    mean = {k: float(np.mean([float(f[k]) for f in figures])) for k in figures[0]}
    return mean, {k: float(figures[0][k]) for k in ("approx_kl", "clip_fraction", "max_ratio")}


def gradient_norm(model):
    """Norm of the gradient accumulated so far."""
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    return torch.nn.utils.get_total_norm(grads)


# --- evaluation --------------------------------------------------------------------------------


def warn(figures, first):
    """A line with a remedy for each known sign of failure (none when all is well)."""
    signs = [
        (
            figures["kl"] > 20,
            f"KL to the reference is {figures['kl']:.0f} nats: raise --beta or lower --lr",
        ),
        (
            figures["entropy"] < 0.1 * first["entropy"],
            "entropy has collapsed: raise --beta, lower --lr",
        ),
        (
            figures["ended"] < 0.5,
            f"only {figures['ended']:.0%} of answers end: raise --max_new_tokens",
        ),
        (figures["kl"] < -0.5, "KL is negative: what is sampled is not what is scored"),
        (
            figures.get("clip_fraction", 0) > 0.3,
            "over 30% of ratios are clipped: lower --lr or --epochs",
        ),
    ]
    return [line for sign, line in signs if sign]


# --- training ----------------------------------------------------------------------------------


def train(cfg):
    """Run PPO; returns the figures of the last iteration."""
    # --- setup
    machine, out = setup(cfg), Path(cfg.out)
    if (
        cfg.batch_size % machine.world
        or cfg.minibatch % machine.world
        or cfg.batch_size % cfg.minibatch
    ):
        raise BadInput(
            f"--batch_size={cfg.batch_size} must be a multiple of --minibatch={cfg.minibatch}, "
            "and both "
            f"of the {machine.world} processes"
        )
    parent = load_checkpoint(
        need(cfg.init, "sft.py", cfg.preset, f"--seed={cfg.seed}"), stages=("sft",)
    )
    tokenizer = Tokenizer.from_json(parent["tokenizer"])
    saved = load_checkpoint(out / "last.pt", stages=("ppo",)) if cfg.resume else None

    # --- models: policy and reference from the SFT model, value from the reward model
    load = lambda checkpoint, **changes: GPT.from_checkpoint(checkpoint, **changes, dropout=0.0).to(
        machine.device
    )
    policy, ref = load(saved or parent), load(parent).eval().requires_grad_(False)
    if cfg.reward.endswith(".pt"):
        reward, reward_checkpoint = model_reward(cfg.reward, tokenizer, cfg.preset, machine, cfg)
        value = load(reward_checkpoint)
    else:
        reward, value = function_reward(cfg.reward), load(parent, head="scalar")
    optimizers = [
        optim.build(policy, cfg.lr, 0.0, betas=(0.9, 0.95), eps=1e-5),
        optim.build(value, cfg.value_lr, 0.0, betas=(0.9, 0.95), eps=1e-5),
    ]
    average = [p.detach().clone() for p in policy.parameters()] if cfg.ema else None
    first, beta = 0, cfg.beta
    if saved:
        first, beta, extra = saved["step"], saved["extra"]["beta"], saved["extra"]
        policy.load_state_dict(extra["policy"])
        value.load_state_dict(extra["value"])
        average = extra["average"]
        for optimizer, state in zip(itertools.chain(*optimizers), saved["optimizer"]):
            optimizer.load_state_dict(state)
    networks = [machine.distribute(policy), machine.distribute(value)]
    questions = load_questions(cfg)
    held_out = Exam(tokenizer, machine) if cfg.data == "world" else None
    ptx_data = PretrainText(cfg.mix_data, parent, tokenizer, cfg.seed) if cfg.ptx else None
    log = Log(out / "log.jsonl", cfg, machine, resumed_step=first if saved else None)

    # --- loop
    figures, start, first_figures = (
        {},
        time.perf_counter(),
        saved["extra"]["first"] if saved else None,
    )
    if machine.main and held_out:
        before, sft_scores = held_out(ref, cfg)
        log.write(step=0, held_out=before)
    bar = tqdm(
        range(first, cfg.iterations), initial=first, total=cfg.iterations, disable=not machine.main
    )
    for iteration in bar:
        machine.seed(cfg.seed, iteration)
        rng = np.random.default_rng([cfg.seed, 2, iteration])
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        noise = torch.rand(cfg.batch_size, cfg.max_new_tokens, generator=generator)[
            machine.rows(cfg.batch_size)
        ]
        batch, figures, texts = rollout(
            policy,
            ref,
            value,
            reward,
            tokenizer,
            get_batch(questions, iteration, cfg, machine),
            cfg,
            machine,
            noise,
            beta,
        )
        ptx_batch = ptx_data and (lambda: ptx_data.get_batch(8 * machine.world, [cfg.seed, iteration, rng.integers(2**31)], machine))
        factor = min(1.0, 0.1 + 0.9 * iteration / 10)
        learned, opening = update(networks, optimizers, batch, factor, ptx_batch, cfg, machine, rng)
        figures = {**figures, **learned, "beta": beta}
        if iteration == 0:
            first_figures = figures
            if machine.main:
                tqdm.write(
                    f"before the first step: largest ratio {opening['max_ratio']:.6f}, "
                    "approximate KL "
                    f"{opening['approx_kl']:.1e}, KL to the reference {figures['kl']:.1e} (must "
                    "be 1, 0, 0)"
                )
        if cfg.target_kl:
            beta = steer(beta, figures["kl"], cfg.target_kl, cfg.batch_size)
        if cfg.ema:
            torch._foreach_lerp_(average, [p.detach() for p in policy.parameters()], 1 - cfg.ema)
        if held_out and machine.main:
            with torch.no_grad(), machine.autocast():
                figures["lm_loss"] = (
                    policy(held_out.text[:16, :-1], held_out.text[:16, 1:]).mean().item()
                )
            figures["few_shot"] = held_out.few_shot(policy)
        log.write(step=iteration + 1, seconds=round(time.perf_counter() - start, 1), **figures)
        bar.set_postfix_str(
            f"reward {figures['reward']:+.2f}, KL {figures['kl']:.2f}"
            + (f", judge {figures['judge']:+.2f}" if "judge" in figures else "")
        )
        if machine.main:
            for line in warn(figures, first_figures):
                tqdm.write(f"iteration {iteration + 1}: {line}")
        if machine.main and (iteration % 10 == 9 or iteration + 1 == cfg.iterations):
            final = policy if average is None else load(parent)
            if average is not None:
                with torch.no_grad():
                    torch._foreach_copy_(list(final.parameters()), average)
            metrics = {k: figures[k] for k in ("reward", "kl", "entropy", "length", "ended")}
            checkpoint = {
                "stage": "ppo",
                "model": final.state_dict(),
                "model_config": asdict(policy.config),
                "tokenizer": parent["tokenizer"],
                "train_config": asdict(cfg),
                "step": iteration + 1,
                "metrics": metrics,
                "parent": parent_of(cfg.init, parent),
            }
            save_checkpoint(out / "ckpt.pt", checkpoint)
            extra = {
                "policy": policy.state_dict(),
                "value": value.state_dict(),
                "average": average,
                "beta": beta,
                "first": first_figures,
            }
            save_checkpoint(
                out / "last.pt",
                {
                    **checkpoint,
                    "extra": extra,
                    "optimizer": [o.state_dict() for o in itertools.chain(*optimizers)],
                },
            )

    # --- results
    if machine.main and held_out:
        final = load(load_checkpoint(out / "ckpt.pt"))
        after, ppo_scores = held_out(final, cfg)
        wins = np.mean(
            np.where(np.array(ppo_scores) == sft_scores, 0.5, np.array(ppo_scores) > sft_scores)
        )
        log.write(step=cfg.iterations, held_out=after, win_rate=float(wins))
        print(
            f"\n{'held-out questions (simulated judge)':<40}" + "".join(f"{k:>10}" for k in after)
        )
        for name, row in (("sft", before), ("ppo", after)):
            print(f"  {name:<38}" + "".join(f"{v:>10.3f}" for v in row.values()))
        print(
            f"the judge prefers PPO's answer to SFT's in {wins:.1%} of {len(ppo_scores)} "
            "questions (ties half)"
        )
        print(
            f"{(out / 'ckpt.pt').as_posix()}: talk to it: python chat.py "
            f"{(out / 'ckpt.pt').as_posix()}"
        )
    return figures


# --- run ---------------------------------------------------------------------------------------

if __name__ == "__main__":
    run(lambda: train(parse_config(Config, PRESETS)))
