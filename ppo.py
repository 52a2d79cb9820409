"""Step 3, PPO: learn to write what the reward model scores highly (InstructGPT, section 3.5, RL).

The fine-tuned model answers, the reward model scores the answer, and the policy moves towards
answers that score above what a value network expected, on a leash: each token pays for leaving the
fine-tuned model.

    objective(φ) = E[r(x, y) − β log(π_φ(y|x) / π_SFT(y|x))] + γ E_pretrain[log π_φ(x)]   (eq. 2)

reads   out/sft/ckpt.pt and out/reward/ckpt.pt (each made first if it is missing)
writes  out/ppo/ckpt.pt, last.pt (for --resume), log.jsonl

    python ppo.py                                        the tiny world; PPO-ptx, as InstructGPT
    python ppo.py --ptx=0 --out=out/ppo_bare             PPO without pretraining text: the tax
    python ppo.py --advantage=group                      GRPO: answers compared, no value network
    python ppo.py --reward=judge                         the hidden judge, not the learned reward
    python ppo.py --reward=mymodule:myfunction           any function (messages, response) -> number
    python ppo.py --preset=sparrow                       rules as well (--preset=a2c: by A2C)
    python ppo.py --preset=constitution                  by principles, which an AI judges by
    python ppo.py --preset=ko_sparrow                    rules in Korean (also ko_constitution)
"""

from dataclasses import dataclass

from plumbing.config import check_options, parse_config, positive

if __name__ == "__main__":  # answer --help and slips before torch, a second's work, loads
    check_options(__file__)

import numpy as np
import torch

import optim
from data.corpora import PretrainText
from data.knowledge import open_lookup
from data.questions import load_questions, made_by
from grpo import check_group, compare
from judges.combined import beside, check_rewards, open_rewards, told_by_judges
from judges.exam import open_exam
from likelihood import policy_terms, token_logprobs
from plumbing import errors, signs
from plumbing.after import DEFAULTS, korean
from plumbing.batches import Batches
from plumbing.run import Run
from sampling import fit_answers, load_model, sample

# --- configuration -----------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "tiny"  # a named set of other defaults
    out: str = "out/ppo"  # directory for ckpt.pt, last.pt, log.jsonl
    init: str = "out/sft/ckpt.pt"  # the policy's start and the reference; made if it is missing
    reward: str = "out/reward/ckpt.pt"  # a .pt (made if missing), judge, none, module:function
    rules: str = ""  # a checkpoint of rules.py: keeping rules is rewarded too (judges/combined.py)
    rules_weight: float = 1.0  # of that beside the reward, both on one scale; 0: asked, not paid
    harms: bool = False  # also ask for harm; what is missing is made by a constitution
    knowledge: str = ""  # facts that a model looks up while it answers; empty: data/knowledge.tsv
    data: str = ""  # world, world_ko, or a file of questions; empty: what SFT was tuned on
    batch_size: int = 128  # questions of one iteration (InstructGPT, App. C.4: 512)
    minibatch: int = 32  # answers of one optimizer step (InstructGPT: 64)
    epochs: int = 1  # passes over an iteration's answers (InstructGPT: 1)
    grad_accum: int = 1  # forward-backward passes that make up one optimizer step
    checkpoint_activations: bool = False  # compute blocks again in the backward pass: less memory
    steps: int = 40  # iterations: rounds of sampling and learning
    max_new_tokens: int = 32  # an answer is cut off there
    beta: float = 0.05  # price of a nat of KL to the reference (InstructGPT: 0.02)
    target_kl: float = 0.0  # nats per answer that beta is steered to (Ziegler 2019); 0: fixed beta
    ptx: float = 1.0  # γ, weight of the pretraining gradient (InstructGPT: 27.8 in its units)
    mix_data: str = ""  # text of that gradient; empty: what the base model was pretrained on
    clip: float = 0.2  # of the probability ratio and of the value's change (PPO paper)
    advantage: str = "gae"  # by a value network; of k answers: "group" (GRPO) or "loo" (RLOO)
    lam: float = 0.95  # λ of GAE; there is no discount
    k: int = 8  # answers to a question that group and loo compare (DeepSeekMath: 64)
    lr: float = 3e-4  # AdamW; constant after a warm-up from a tenth over 10 steps (App. C.4)
    value_lr: float = 6e-4  # the value network's
    ema: float = 0.0  # decay of an average of the weights, which is then saved (InstructGPT: 0.992)
    eval_every: int = 10  # steps between checkpoints
    seed: int = 1
    device: str = "auto"
    dtype: str = "auto"  # float32, bfloat16, float16; auto takes what is fast here
    resume: bool = False  # go on from last.pt
    eval: bool = False  # measure the checkpoint of --init on --data; nothing is trained or written
    log: str = ""  # csv or tensorboard: the log in that form as well
    export: str = ""  # hf: also write {out}/hf, which transformers loads


GPT2 = dict(init="out/sft_gpt2/ckpt.pt", reward="out/reward_gpt2/ckpt.pt", out="out/ppo_gpt2")
GPT2_RATES = dict(lr=1e-5, value_lr=1e-5, beta=0.02, ptx=0.0)
SPARROW = DEFAULTS["sparrow"]  # from a model that complies with half of the attacks
CLAUDE_FILES = dict(
    init="out/sft_constitution/ckpt.pt",
    reward="out/reward_constitution/ckpt.pt",
    out="out/ppo_constitution",
)
CLAUDE = dict(harms=True, data="world", beta=0.15)  # a longer leash may end in one brush-off
CLAUDE_KO = dict(data="world_ko", max_new_tokens=48)  # in Korean a reason has more tokens
PRESETS = {
    "tiny": {},
    "ko": dict(data="world_ko", **korean(DEFAULTS["ppo"])),
    "sparrow": SPARROW,
    "ko_sparrow": dict(data="world_ko", **korean(SPARROW)),
    "a2c": dict(SPARROW, minibatch=128),  # one pass in one minibatch: the ratio is 1
    "constitution": {**CLAUDE_FILES, **CLAUDE},
    "ko_constitution": {**CLAUDE, **korean(CLAUDE_FILES), **CLAUDE_KO},
    "gpt2": {
        **GPT2,
        **GPT2_RATES,
        "batch_size": 256,
        "max_new_tokens": 64,
        "steps": 200,
    },
}
PENALTY = 1.0  # an answer that does not end scores min(score, 0) − 1 on the normalised scale


def check(cfg):
    """Refuse options that make no training; one line each."""
    positive(cfg, "batch_size", "minibatch", "grad_accum", "epochs", "max_new_tokens", "eval_every")
    positive(cfg, "steps")
    check_group(cfg)
    check_rewards(cfg)


# --- the maths ---------------------------------------------------------------------------------
# Everything is (B, T−1) in one alignment: entry t belongs to the choice of tokens[:, t+1], and mask
# is 1 where that choice was the policy's: a line of evidence that was inserted is in no term.


def kl_rewards(scores, logp, ref_logp, mask, beta):
    """r_t = −β·(log π(a_t|s_t) − log π_SFT(a_t|s_t)), plus the score (B,) at the last token of the
    answer, where a row's mask is 1 for the last time. Returns (B, T−1), 0 where the mask is 0."""
    rewards = -beta * (logp - ref_logp) * mask
    places = torch.arange(1, mask.shape[1] + 1, device=mask.device)
    last = (mask * places).argmax(1, keepdim=True)
    return rewards.scatter_add(1, last, scores[:, None])


def gae(rewards, values, mask, lam):
    """Generalised advantage estimation (Schulman et al. 2016, eq. 16) without discount; t + 1 is
    the policy's next choice, what was inserted is stepped over:

    δ_t = r_t + V_{t+1} − V_t        A_t = δ_t + λ·A_{t+1}        V = A = 0 after the last token

    All (B, T−1), A as well. Rewards and values outside the mask count as 0, and A is 0 there."""
    advantages = torch.zeros_like(rewards)
    running = following = torch.zeros_like(rewards[:, 0])
    for t in reversed(range(rewards.shape[1])):
        own = mask[:, t] > 0
        delta = rewards[:, t] + following - values[:, t]
        running = torch.where(own, delta + lam * running, running)
        following = torch.where(own, values[:, t], following)
        advantages[:, t] = torch.where(own, running, 0.0)
    return advantages


def whiten(x, mask, machine):
    """x (B, T−1) shifted and scaled to mean 0 and mean square 1 over the tokens in the mask, on all
    processes (machine.sum adds a number up over them). Returns (B, T−1), 0 outside the mask."""
    count = machine.sum(mask.sum())
    mean = machine.sum((x * mask).sum()) / count
    variance = machine.sum(((x - mean) ** 2 * mask).sum()) / count
    return (x - mean) / (variance + 1e-8) ** 0.5 * mask


def policy_loss(logp, old_logp, advantages, clip):
    """ρ = exp(log π − log π_old)      L = −min(ρ·A, clip(ρ, 1−ε, 1+ε)·A)      (PPO paper, eq. 7)
    Returns L and ρ of each token, both (B, T−1): no mean is taken, and no mask applied."""
    ratio = (logp - old_logp).exp()
    return -torch.min(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages), ratio


def value_loss(values, old_values, returns, clip):
    """L = ½·max((V − R)², (clip(V, V_old ± ε) − R)²): a value, too, moves only so far a step."""
    clipped = old_values + (values - old_values).clamp(-clip, clip)
    return 0.5 * torch.max((values - returns) ** 2, (clipped - returns) ** 2)


# --- batches -----------------------------------------------------------------------------------


def get_batch(questions, step, cfg, machine):
    """This process's questions of one step, each once, or k times to compare its answers."""
    times = 1 if cfg.advantage == "gae" else cfg.k
    batches = Batches(len(questions), cfg.batch_size // times, cfg.seed)
    return [questions[i] for i in machine.mine(np.tile(batches[step], times))]


@torch.no_grad()
def rollout(
    policy, ref, value, reward, tokenizer, questions, cfg, machine, noise, beta, lookup=None
):
    """Sample, score, rewards, advantages: all that one step learns from, and its figures."""
    # Answers at temperature 1, without top-k: the distribution that is scored is the one sampled.
    found = sample(policy, tokenizer, questions, cfg, machine, noise, lookup)
    tokens, mask, last, texts, ended = found

    # Three readings of the same tokens: how likely to policy and reference, and how good.
    with machine.autocast():
        logp, ref_logp, entropy, kl = policy_terms(policy, ref, tokens)
        scores = reward(questions, texts, ended, tokens, last, mask).float()

    # An answer that was cut off loses: a policy paid for it would never stop.
    ends = torch.tensor(ended, device=scores.device)
    scores = torch.where(ends, scores, scores.clamp(max=0) - PENALTY)
    figures = signs.distances(logp, ref_logp, kl, mask)
    figures |= signs.of_answers(scores, ends, entropy, mask, machine)

    batch = {"tokens": tokens, "mask": mask, "logp": logp}
    if value is None:
        batch["advantages"] = compare(scores, logp, ref_logp, mask, beta, cfg)
    else:
        with machine.autocast():
            values = value(tokens)[:, :-1] * mask  # what it expects at each token
        # The score comes at the last token, the price of KL at each; GAE spreads them over all.
        rewards = kl_rewards(scores, logp, ref_logp, mask, beta)
        advantages = gae(rewards, values, mask, cfg.lam)
        batch["values"] = values
        batch["returns"] = advantages + values  # of the advantages before they are whitened
        batch["advantages"] = whiten(advantages, mask, machine)
        figures["explained_variance"] = signs.explained_variance(batch["returns"], values, mask)
    figures |= told_by_judges(cfg, reward, questions, texts, ended)
    return batch, {name: machine.mean(figure) for name, figure in figures.items()}


# --- learning ----------------------------------------------------------------------------------


def backward(policy, value, batch, rows, cfg, machine):
    """Gradients of both losses on one minibatch, whose rows here are `rows`; returns its figures.
    A loss is the mean over all tokens of answers in the minibatch, on all processes."""
    count = machine.sum(batch["mask"][rows].sum())
    history = []
    for some, weight in machine.parts(rows, cfg.grad_accum):
        part = {name: x[some] for name, x in batch.items()}
        mask = part["mask"]

        def mean(x):
            return weight * (x * mask).sum() / count

        with machine.autocast():
            logp = token_logprobs(policy, part["tokens"])

        # The policy moves towards choices that turned out better than expected, a clip at a time.
        # What stands in `part` is of the time of sampling: no gradient flows through it.
        loss, _ = policy_loss(logp, part["logp"], part["advantages"], cfg.clip)
        machine.backward(mean(loss))
        figures = signs.movement(logp - part["logp"], mask * weight, cfg.clip, mean)

        # The value network, where there is one, moves towards the returns.
        if value is not None:
            with machine.autocast():
                values = value(part["tokens"])[:, :-1]
            v_loss = value_loss(values, part["values"], part["returns"], cfg.clip)
            machine.backward(mean(v_loss))
            figures["value_loss"] = mean(v_loss.detach())
        history.append(figures)
    return signs.total(history, machine)


def backward_ptx(policy, ptx, cfg, machine, seed):
    """Add γ times the gradient of pretraining text (eq. 2, second term), as a backward pass of its
    own into the same buffers (InstructGPT, App. C.4); returns the norm of what was added."""
    before = [p.grad.clone() for p in policy.parameters()]
    x, y = ptx.get_batch(8, seed, machine)
    with machine.autocast():
        nll = policy(x, y).sum() / (8 * ptx.block_size)
    machine.backward(cfg.ptx * nll)
    return signs.gradient_norm(policy, machine, before)


def update(networks, optimizers, batch, factor, ptx, cfg, machine, rng):
    """Minibatch steps on one step's answers; returns their mean figures."""
    policy = networks["policy"]
    history = []
    for _ in range(cfg.epochs):
        for rows in np.split(rng.permutation(cfg.batch_size), cfg.batch_size // cfg.minibatch):
            # Row i of the whole batch is row i // processes of process i % processes.
            here = rows[rows % machine.processes == machine.rank] // machine.processes
            figures = backward(policy, networks.get("value"), batch, here, cfg, machine)
            for name, network in networks.items():
                figures[f"grad_{name}"] = signs.gradient_norm(network, machine)

            # PPO-ptx: the same step also keeps the language model.
            if ptx:
                seed = [cfg.seed, int(rng.integers(2**31))]
                figures["grad_ptx"] = backward_ptx(policy, ptx, cfg, machine, seed)
            for name, network in networks.items():
                optim.step(optimizers[name], network, factor)
            history.append(figures)
    return signs.average(history)


# --- training ----------------------------------------------------------------------------------


def train(cfg):
    """Run PPO; returns the figures of the last step."""
    # --- setup: questions without answers; the policy writes those itself
    check(cfg)
    run = Run(cfg, "ppo")
    machine = run.machine
    parent = run.inherit("sft.py", ("sft",), *made_by(cfg))
    sft, tokenizer = load_model(parent, cfg.init)
    questions = load_questions(cfg, parent)
    fit_answers(cfg, sft.config, tokenizer, questions)
    lookup = open_lookup(cfg.knowledge, tokenizer, cfg.init)
    mixed = cfg.ptx and not cfg.eval
    ptx = PretrainText(cfg.mix_data, parent, tokenizer, cfg.seed) if mixed else None

    # --- models: policy and reference from the SFT model, value network from the reward model
    def load(checkpoint, **changes):
        return machine.place(load_model(checkpoint, cfg.reward, **changes, dropout=0.0)[0])

    policy = load(parent)
    ref = load(parent).eval().requires_grad_(False)
    reward, value = open_rewards(cfg, tokenizer, parent, load, machine)
    # Policy and value learn, each with its optimizer; answers that are compared need no value.
    learners = {"policy": policy}
    optimizers = {"policy": optim.build(policy, cfg.lr, eps=1e-5)}
    if value is not None:
        learners["value"] = value
        optimizers["value"] = optim.build(value, cfg.value_lr, eps=1e-5)
    final = load(parent) if cfg.ema else policy  # what is saved: an average of the weights, or they
    run.begin(final, sum(optimizers.values(), []), parent["tokenizer"])
    beta = cfg.beta
    opening = None  # the figures of the first step
    if saved := run.saved:
        final.load_state_dict(saved["model"])
    if saved and not cfg.eval:  # to go on, all that learns is needed
        for name, network in learners.items():
            network.load_state_dict(saved[name])
        beta = saved["beta"]
        opening = saved["opening"]
        if cfg.rules:
            reward.freeze(opening)
    networks = {name: machine.distribute(network) for name, network in learners.items()}
    # What the held-out exam says of the SFT model, before anything is learned.
    exam = open_exam(cfg, tokenizer, machine)
    before, sft_scores = exam(ref) if exam else ({}, [])
    if not saved:
        run.log(step=0, held_out=before)

    # --- loop
    figures = {}
    for step in run.steps(cfg.steps):
        # Every so often, and at the end: the checkpoint, with all that --resume needs.
        if run.due(step, cfg.eval_every) and figures:
            kept = {k: figures[k] for k in ("reward", "kl", "entropy", "length", "ended")}
            state = {name: network.state_dict() for name, network in learners.items()}
            run.save(step, kept, better=True, **state, beta=beta, opening=opening)
        if step == cfg.steps:  # the last step only saves
            break

        # The policy answers; its draws depend on the seed, the step and the question's place alone.
        rng = np.random.default_rng([cfg.seed, 2, step])
        asked = get_batch(questions, step, cfg, machine)
        noise = torch.from_numpy(machine.mine(rng.random((cfg.batch_size, cfg.max_new_tokens))))
        batch, figures = rollout(
            policy, ref, value, reward, tokenizer, asked, cfg, machine, noise, beta, lookup
        )

        # It learns from its own answers, at a rate that rises over the first ten steps.
        factor = min(1.0, 0.1 + 0.9 * step / 10)
        learned = update(networks, optimizers, batch, factor, ptx, cfg, machine, rng)
        figures |= {"beta": beta, **learned}

        # At the very first step policy and reference are one.
        if opening is None:
            opening = figures
            run.say(signs.before_the_first_step(figures))
        if cfg.target_kl:
            beta = signs.steer(beta, figures["kl"], cfg.target_kl, cfg.batch_size)
        if cfg.ema:
            optim.follow(final, policy, cfg.ema)

        # What the bar and the log tell; of the world also what it costs the language model.
        if exam:
            figures["lm_loss"] = exam.lm_loss(policy, rows=16)
            figures["few_shot"] = float(exam.few_shot(policy).mean())
        run.figures(step + 1, **figures)  # each with its name in plumbing/signs.py
        run.show(signs.in_short(figures))
        run.say(*(f"iteration {step + 1}: {line}" for line in signs.warn(figures, opening)))

    # --- results
    if exam:
        run.log(step=cfg.steps, **exam.compare_with(ref, before, sft_scores, final))
    else:
        said = beside(ref, final, reward, tokenizer, questions, cfg, machine, lookup)
        run.log(step=cfg.steps, **said)
    run.finish()  # only now is the run whole, and what comes next may build on it
    return figures


# --- run ---------------------------------------------------------------------------------------

if __name__ == "__main__":
    errors.run(lambda: train(parse_config(Config, PRESETS)))
