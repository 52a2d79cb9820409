"""Step 3 without a value network: the other answers to a question say what was to be expected.

PPO learns a second network to foresee the score. GRPO (DeepSeekMath, Shao et al. 2024) and RLOO
(Ahmadian et al. 2024) let the policy answer each question k times and compare the answers.

    python ppo.py --advantage=group        GRPO: less the mean of the answers, over their spread
    python ppo.py --advantage=loo          RLOO: less the mean of the other answers

Scores are (B,): the k answers to question q stand at q, q + B/k, q + 2B/k, ...
"""

from plumbing.config import idle
from plumbing.errors import BadInput
from plumbing.machine import check_batch


def check_group(cfg):
    """Refuse a batch that does not divide among processes, into minibatches, or into groups of k
    answers; and options of the other way to say what was to be expected."""
    if cfg.batch_size % cfg.minibatch:
        raise BadInput(f"--minibatch={cfg.minibatch} does not divide --batch_size={cfg.batch_size}")
    check_batch(cfg, cfg.batch_size)
    if cfg.advantage not in ("gae", "group", "loo"):
        raise BadInput(f"--advantage={cfg.advantage}: expected gae, group or loo")
    if cfg.advantage == "gae":
        idle(cfg, "where a value network says what to expect: --advantage=group or loo", "k")
        return
    why = f"with --advantage={cfg.advantage}, which has no value network"
    idle(cfg, why, "lam", "value_lr")
    if cfg.k < 2 or cfg.batch_size % cfg.k:
        raise BadInput(
            f"--k={cfg.k}: expected 2 or more, and --batch_size={cfg.batch_size} a multiple of it"
        )
    check_batch(cfg, cfg.batch_size // cfg.k)  # one process holds all answers to a question


def group_advantages(scores, k):
    """A_i = (r_i − mean(r)) / std(r) over the k answers to one question (DeepSeekMath, 4.1.2)."""
    scores = scores.view(k, -1)  # (k, questions)
    spread = scores.std(0, correction=0)
    return ((scores - scores.mean(0)) / (spread + 1e-4)).flatten()


def leave_one_out(rewards, k):
    """A_i = r_i − 1/(k−1)·Σ_{j≠i} r_j (RLOO, Ahmadian et al. 2024): the mean of the others does not
    depend on answer i, so as a baseline it costs no bias."""
    rewards = rewards.view(k, -1)  # (k, questions)
    others = (rewards.sum(0) - rewards) / (k - 1)
    return (rewards - others).flatten()


def compare(scores, logp, ref_logp, mask, beta, cfg):
    """Advantages (B, T−1): all choices of an answer share what the comparison says of it. RLOO
    compares rewards with the price of KL paid (B, T−1 log-probabilities of policy and reference).
    """
    price = beta * (logp - ref_logp) * mask
    if cfg.advantage == "loo":
        return leave_one_out(scores - price.sum(1), cfg.k)[:, None] * mask
    # differs from the paper: eq. 3 of DeepSeekMath adds the price of KL to the loss and takes the
    # mean over tokens answer by answer. Here a token pays the price in its advantage, the same
    # gradient to first order, and the mean is over all tokens, as in PPO.
    return group_advantages(scores, cfg.k)[:, None] * mask - price
