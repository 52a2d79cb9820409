"""Step 3, PPO: learn to write what the reward model scores highly (InstructGPT, section 3.5, RL).

The fine-tuned model answers, the reward model scores the answer, and the policy moves towards
answers that score above what a value network expected, on a leash: each token pays for leaving the
fine-tuned model.

    objective(φ) = E[r(x, y) − β log(π_φ(y|x) / π_SFT(y|x))] + γ E_pretrain[log π_φ(x)]   (eq. 2)

reads   out/sft/ckpt.pt and out/reward/ckpt.pt (each made first if it is missing)
writes  out/ppo/ckpt.pt, last.pt (for --resume), log.jsonl

    python ppo.py                                        the tiny world
    python ppo.py --ptx=1 --out=out/ppo_ptx              PPO-ptx: keeps the language model as well
    python ppo.py --reward=judge                         the hidden judge, not the learned reward
    python ppo.py --reward=mymodule:myfunction           any function (messages, response) -> number
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

import optim
from data.corpora import PretrainText
from data.formats import read_demonstrations
from data.world import World
from judges.exam import Exam
from judges.hidden import judge
from judges.scores import function_reward, model_reward
from model import GPT
from plumbing.checkpoint import Saver, load_checkpoint, need, parent_of
from plumbing.config import parse_config, positive
from plumbing.errors import BadInput, run
from plumbing.machine import setup
from plumbing.records import Log
from sampling import generate
from tokenizer import Tokenizer

# --- configuration -----------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "tiny"  # a named set of other defaults
    out: str = "out/ppo"  # directory for ckpt.pt, last.pt, log.jsonl
    init: str = "out/sft/ckpt.pt"  # the policy's start and the reference; made if it is missing
    reward: str = "out/reward/ckpt.pt"  # a .pt (made if missing), "judge", or module:function
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
    ema: float = 0.0  # decay of an average of the weights, which is then saved (InstructGPT: 0.992)
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
        max_new_tokens=64,
        lr=1e-5,
        value_lr=1e-5,
        beta=0.02,
        iterations=200,
    ),
}
PENALTY = 1.0  # an answer that does not end scores min(score, 0) − 1 on the normalised scale


# --- the maths ---------------------------------------------------------------------------------
# Everything is (B, T−1) in one alignment: entry t belongs to the choice of tokens[:, t+1], and mask
# is 1 where that choice was the policy's.


def kl_rewards(scores, logp, ref_logp, mask, beta):
    """r_t = −β·(log π(a_t|s_t) − log π_SFT(a_t|s_t)), plus the score (B,) at the last token."""
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
    return (x - mean) / (variance + 1e-8) ** 0.5 * mask


def policy_loss(logp, old_logp, advantages, clip):
    """ρ = exp(log π − log π_old)      L = −min(ρ·A, clip(ρ, 1−ε, 1+ε)·A)      (PPO paper, eq. 7)"""
    ratio = (logp - old_logp).exp()
    return -torch.min(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages), ratio


def value_loss(values, old_values, returns, clip):
    """L = ½·max((V − R)², (clip(V, V_old ± ε) − R)²): a value, too, moves only so far a step."""
    clipped = old_values + (values - old_values).clamp(-clip, clip)
    return 0.5 * torch.max((values - returns) ** 2, (clipped - returns) ** 2)


def steer(beta, kl, target, n, horizon=10_000):
    """The adaptive controller (Ziegler et al. 2019, section 2.2): β grows while KL exceeds the
    target."""
    error = max(-0.2, min(0.2, kl / target - 1))
    return beta * (1 + error * n / horizon)


def exact_kl(logits, ref_logits):
    """KL(π || π_SFT) over the whole vocabulary at each choice, (B, T−1) from logits (B, T, V)."""
    p, q = (x[:, :-1].float().log_softmax(-1) for x in (logits, ref_logits))
    return (p.exp() * (p - q)).sum(-1)


def policy_terms(logits, tokens):
    """log π of the tokens taken and the policy's entropy, each (B, T−1), from logits (B, T, V)."""
    logp = logits[:, :-1].float().log_softmax(-1)
    return logp.gather(2, tokens[:, 1:, None]).squeeze(2), -(logp.exp() * logp).sum(-1)


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
    ends = torch.tensor(ended, device=scores.device)
    scores = torch.where(ends, scores, scores.clamp(max=0) - PENALTY)
    rewards = kl_rewards(scores, logp, ref_logp, mask, beta)
    advantages = gae(rewards, values, mask, cfg.lam)
    returns = advantages + values  # of the advantages before they are whitened
    batch = {
        "tokens": tokens,
        "mask": mask,
        "logp": logp,
        "values": values,
        "returns": returns,
        "advantages": whiten(advantages, mask, machine),
    }
    log_ratio, real = (logp - ref_logp) * mask, mask > 0
    unexplained = (returns - values)[real].var() / returns[real].var().clamp(min=1e-8)
    figures = {
        "reward": scores.mean(),
        "kl": log_ratio.sum(1).mean(),
        "kl_k3": (((-log_ratio).exp() - 1 + log_ratio) * mask).sum(1).mean(),
        "kl_exact": (exact_kl(logits, ref_logits) * mask).sum(1).mean(),
        "entropy": machine.processes * (entropy * mask).sum() / machine.sum(mask.sum()),
        "length": mask.sum(1).mean(),
        "ended": ends.float().mean(),
        "explained_variance": 1 - unexplained,
    }
    if "answers" in questions[0]:  # the tiny world: what the hidden judge would say (simulated)
        verdicts = [judge(*row) for row in zip(questions, texts, ended)]
        figures["judge"] = np.mean([v["score"] for v in verdicts])
        figures["correct"] = np.mean([v["correct"] > 0 for v in verdicts])
        figures["rude"] = np.mean([v["harmless"] < 0 for v in verdicts])
    return batch, {k: machine.mean(v) for k, v in figures.items()}


def update(networks, optimizers, batch, factor, ptx, cfg, machine, rng):
    """Minibatch steps on one iteration's answers; returns their mean figures.

    Losses are token means over a minibatch of all processes. The pretraining gradient of PPO-ptx is
    a backward pass of its own into the same buffers (InstructGPT, App. C.4).
    """
    (policy, value), (policy_optimizers, value_optimizers) = networks, optimizers
    rows, figures = cfg.batch_size, []
    for _ in range(cfg.epochs):
        for part in np.split(rng.permutation(rows), rows // cfg.minibatch):
            mine = torch.from_numpy(
                part[part % machine.processes == machine.rank] // machine.processes
            )
            rows_here = mine if len(mine) else mine.new_zeros(1)
            part = {k: v[rows_here.to(v.device)] for k, v in batch.items()}
            part["mask"] = part["mask"] * bool(len(mine))  # no row here: one that counts nothing
            mask, count = part["mask"], machine.sum(part["mask"].sum())

            def mean(x):
                return (x * mask).sum() / count * machine.processes

            with machine.autocast():
                logits, values = policy(part["tokens"]), value(part["tokens"])[:, :-1]
            logp, _ = policy_terms(logits, part["tokens"])
            loss, ratio = policy_loss(logp, part["logp"], part["advantages"], cfg.clip)
            mean(loss).backward()
            norms = {"grad_policy": gradient_norm(policy)}
            if ptx:
                before = [p.grad.clone() for p in policy.parameters()]
                seed, blocks = [cfg.seed, int(rng.integers(2**31))], math.lcm(8, machine.processes)
                with machine.autocast():
                    nll = policy(*ptx.get_batch(blocks, seed, machine)).mean()
                (cfg.ptx * nll).backward()
                norms["grad_ptx"] = gradient_norm(policy, before)
            v_loss = value_loss(values, part["values"], part["returns"], cfg.clip)
            mean(v_loss).backward()
            norms["grad_value"] = gradient_norm(value)
            optim.step(policy_optimizers, policy, factor)
            optim.step(value_optimizers, value, factor)
            with torch.no_grad():
                change = logp - part["logp"]
                means = {
                    "approx_kl": mean(0.5 * change**2),
                    "value_loss": mean(v_loss),
                    "clip_fraction": mean(((ratio - 1).abs() > cfg.clip).float()),
                }
                figures.append(
                    {
                        **{k: machine.mean(v) for k, v in means.items()},
                        **norms,
                        "max_ratio": float(((ratio - 1).abs() * mask).max()),
                    }
                )
    first = {"first_approx_kl": figures[0]["approx_kl"], "first_ratio": figures[0]["max_ratio"]}
    return {k: float(np.mean([f[k] for f in figures])) for k in figures[0]} | first


def gradient_norm(model, before=None):
    """Norm of the gradient accumulated so far, or of what was added since `before`."""
    grads = [p.grad for p in model.parameters()]
    if before:
        grads = torch._foreach_sub(grads, before)
    return float(torch.nn.utils.get_total_norm(grads))


def warn(figures, opening):
    """A line with a remedy for each known sign of failure (none when all is well)."""
    kl, ended = figures["kl"], figures["ended"]
    signs = {
        f"KL to the reference is {kl:.0f} nats: raise --beta or lower --lr": kl > 20,
        "KL is negative: what is sampled is not what is scored": kl < -0.5,
        "entropy has collapsed: raise --beta or lower --lr": figures["entropy"]
        < 0.1 * opening["entropy"],
        f"only {ended:.0%} of answers end: raise --max_new_tokens": ended < 0.5,
        "over 30% of ratios are clipped: lower --lr or --epochs": figures["clip_fraction"] > 0.3,
    }
    return [line for line, sign in signs.items() if sign]


# --- training ----------------------------------------------------------------------------------


def train(cfg):
    """Run PPO; returns the figures of the last iteration."""
    # --- setup
    machine, out = setup(cfg), Path(cfg.out)
    positive(cfg, "batch_size", "minibatch", "epochs", "max_new_tokens")
    if cfg.reward == "judge" and cfg.data != "world":
        raise BadInput("--reward=judge knows the questions of --data=world only")
    if cfg.batch_size % cfg.minibatch or cfg.minibatch % machine.processes:
        raise BadInput(
            f"--batch_size={cfg.batch_size} must be a multiple of --minibatch="
            f"{cfg.minibatch}, and that of the {machine.processes} processes"
        )
    path = need(cfg.init, "sft.py", cfg.preset, f"--seed={cfg.seed}")
    parent = load_checkpoint(path, stages=("sft",))
    tokenizer = Tokenizer.from_json(parent["tokenizer"])
    saved = load_checkpoint(out / "last.pt", stages=("ppo",)) if cfg.resume else None

    # --- models: policy and reference from the SFT model, value network from the reward model
    def load(checkpoint, **changes):
        return GPT.from_checkpoint(checkpoint, **changes, dropout=0.0).to(machine.device)

    policy, ref = load(parent), load(parent).eval().requires_grad_(False)
    if cfg.reward.endswith(".pt"):
        reward, value = model_reward(cfg, tokenizer, load)
    else:
        reward, value = function_reward(cfg.reward), load(parent, head="scalar")
    optimizers = [optim.build(policy, cfg.lr, eps=1e-5), optim.build(value, cfg.value_lr, eps=1e-5)]
    average = [p.detach().clone() for p in policy.parameters()] if cfg.ema else None
    final = load(parent) if cfg.ema else policy  # what is saved
    saver = Saver(
        cfg, "ppo", final, parent["tokenizer"], parent_of(path, parent), sum(optimizers, [])
    )
    first, beta, opening = saver.resume(saved), cfg.beta, None
    if saved:
        policy.load_state_dict(saved["policy"])
        value.load_state_dict(saved["value"])
        beta, opening = saved["beta"], saved["opening"]
        average = saved["average"] and [p.to(machine.device) for p in saved["average"]]
    networks = [machine.distribute(policy), machine.distribute(value)]
    questions = load_questions(cfg)
    exam = Exam(tokenizer, machine) if cfg.data == "world" else None
    ptx = PretrainText(cfg.mix_data, parent, tokenizer, cfg.seed) if cfg.ptx else None
    log = Log(out / "log.jsonl", cfg, machine, resumed_step=first if saved else None)
    before, sft_scores = exam(ref) if exam else ({}, [])
    if not saved:
        log.write(step=0, held_out=before)

    # --- loop
    figures, bar = (
        {},
        tqdm(
            range(first, cfg.iterations),
            initial=first,
            total=cfg.iterations,
            disable=not machine.main,
        ),
    )
    for iteration in bar:
        machine.seed(cfg.seed, iteration)
        rng = np.random.default_rng([cfg.seed, 2, iteration])
        asked = get_batch(questions, iteration, cfg, machine)
        noise = torch.from_numpy(rng.random((cfg.batch_size, cfg.max_new_tokens)))
        batch, figures = rollout(
            policy,
            ref,
            value,
            reward,
            tokenizer,
            asked,
            cfg,
            machine,
            noise[machine.rows(cfg.batch_size)],
            beta,
        )
        factor = min(1.0, 0.1 + 0.9 * iteration / 10)
        learned = update(networks, optimizers, batch, factor, ptx, cfg, machine, rng)
        figures |= {"beta": beta, **learned}
        if opening is None:
            opening = figures
            if machine.main:
                tqdm.write(
                    f"before the first step: |ratio − 1| {learned['first_ratio']:.1e}, "
                    f"approximate KL {learned['first_approx_kl']:.1e}, KL to the reference "
                    f"{figures['kl']:.1e} (all must be 0)"
                )
        if cfg.target_kl:
            beta = steer(beta, figures["kl"], cfg.target_kl, cfg.batch_size)
        if cfg.ema:
            torch._foreach_lerp_(average, [p.detach() for p in policy.parameters()], 1 - cfg.ema)
        if exam:
            figures |= {
                "lm_loss": exam.lm_loss(policy, rows=16),
                "few_shot": float(exam.few_shot(policy).mean()),
            }
        log.write(step=iteration + 1, **figures)
        bar.set_postfix_str(
            f"reward {figures['reward']:+.2f}, KL {figures['kl']:.2f}"
            + (f", judge {figures['judge']:+.2f}" if "judge" in figures else "")
        )
        if machine.main:
            for line in warn(figures, opening):
                tqdm.write(f"iteration {iteration + 1}: {line}")
            if iteration % 10 == 9 or iteration + 1 == cfg.iterations:
                if cfg.ema:
                    with torch.no_grad():
                        torch._foreach_copy_(list(final.parameters()), average)
                metrics = {k: figures[k] for k in ("reward", "kl", "entropy", "length", "ended")}
                saver.save(
                    iteration + 1,
                    metrics,
                    better=True,
                    policy=policy.state_dict(),
                    value=value.state_dict(),
                    average=average,
                    beta=beta,
                    opening=opening,
                )

    # --- results
    if exam:
        after, ppo_scores = exam(final)
        a, b = np.array(ppo_scores), np.array(sft_scores)
        wins = float(np.mean((a > b) + 0.5 * (a == b)))
        log.write(
            step=cfg.iterations,
            held_out=after,
            win_rate=wins,
            n=len(a),
            samples=exam.compare(sft=ref, ppo=final),
        )
        if machine.main:
            print(f"\n{'held-out questions (simulated judge)':<40}", *(f"{k:>9}" for k in after))
            for name, row in (("sft", before), ("ppo", after)):
                print(f"  {name:<38}", *(f"{v:>9.3f}" for v in row.values()))
            print(
                f"the judge prefers PPO's answer to SFT's on {wins:.1%} of {len(a)} questions "
                "(ties count half)"
            )
    if machine.main:
        print("{0}: talk to it: python chat.py {0}".format((out / "ckpt.pt").as_posix()))
    return figures


# --- run ---------------------------------------------------------------------------------------

if __name__ == "__main__":
    run(lambda: train(parse_config(Config, PRESETS)))
