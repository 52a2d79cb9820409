"""Exact Bayesian prediction in GINC: what in-context learning amounts to (Xie et al. 2021, eq. 1).

    p(output | prompt) = Σ_c p(output | c, prompt) p(c | prompt),   p(c | prompt) ∝ p(prompt | c)

Both factors come from the forward algorithm of a hidden Markov model. A word leaves 1 to 4 states
possible ("/" leaves 10), so a step needs only the block of the transition matrix between the states
of two neighbouring words. Three predictors use it:

document   the mixture itself; exact where a text is one walk, as validation documents are
reset      the mixture of chains that start afresh with probability eps at each step. A prompt joins
           examples where the chain often has probability 0 of going on, so eps must not be 0
aware      knows how prompts are made: independent examples, one start slot, fresh values. No
           predictor does better; the order of examples does not matter to it

Shapes: N texts, T tokens, C concepts, E values of eps, W symbols, K = 10 states at most per symbol.
"""

import numpy as np

from data.ginc.hmm import SLOTS, STATES
from data.logarithms import log, log_sum, softmax


class Mixture:
    """The in-distribution concepts of a Ginc under a uniform prior.

    states (W, K) pads the states of each symbol, `valid` says which are real; between (W, W, C, K,
    K): transition blocks; says (W, C, K, W): probability of each next symbol.
    """

    def __init__(self, ginc):
        self.ginc = ginc
        W = len(ginc.words)
        T = ginc.T[: ginc.concepts]  # (C, states, states)
        memory = ginc.memory.ravel()

        # The states of each symbol, padded with some that do not count.
        where = [np.flatnonzero(memory == symbol) for symbol in range(W)]
        self.count = np.array([len(states) for states in where])  # (W,)
        K = self.count.max()
        padded = [np.resize(w, K) if len(w) else np.zeros(K, int) for w in where]
        self.states = np.stack(padded)
        self.valid = np.arange(K) < self.count[:, None]  # (W, K)

        # From each of one symbol's states to each of another's.
        rows = self.states[:, None, :, None]
        columns = self.states[None, :, None, :]
        both = self.valid[:, None, :, None] & self.valid[None, :, None, :]  # (W, W, K, K)
        between = T[:, rows, columns] * both  # (C, W, W, K, K)
        self.between = np.ascontiguousarray(np.moveaxis(between, 0, 2))

        # From each of one symbol's states to any state that says another.
        emits = (memory[:, None] == np.arange(W)).astype(float)  # (states, W)
        says = (T @ emits)[:, self.states] * self.valid[..., None]  # (C, W, K, W)
        self.says = np.ascontiguousarray(np.moveaxis(says, 0, 1))

        start = ginc.start[: ginc.concepts][:, self.states] * self.valid  # (C, W, K)
        self.start = np.moveaxis(start, 0, 1)

    def steps(self, tokens, eps=(0.0,)):
        """The forward algorithm over tokens (N, T), one token at a time.

            α_t(h') = 1[h' says x_t] · ((1 − eps) Σ_h α_{t−1}(h) T_c(h, h') + eps / 100)

        tokens: whole numbers below W. eps (E,): the chance of a fresh start before each token but
        the first, whose α is self.start[token] (C, K). Of the K places of h' those of x_t's own
        states count: self.valid[token] (K,) is 1 there. T_c: self.between[x_{t−1}, x_t] (C, K, K).
        Yields p(x_t | x_<t, c) (N, C, E), the sum of α_t, and α_t divided by it (N, C, E, K); both
        are 0 from an impossible token on.
        """
        eps = np.asarray(eps)[:, None]  # (E, 1)
        alpha = self.start[tokens[:, 0]][:, :, None] * np.ones_like(eps)  # (N, C, E, K)
        for t in range(tokens.shape[1]):
            if t:
                before, now = tokens[:, t - 1], tokens[:, t]
                walk = alpha @ self.between[before, now]
                reset = self.valid[now][:, None, None] * (eps / STATES)  # (N, 1, E, K)
                alpha = (1 - eps) * walk + reset
            evidence = alpha.sum(-1)  # (N, C, E)
            alpha = alpha / np.where(evidence, evidence, 1)[..., None]
            yield evidence, alpha

    def next_symbol(self, alpha, last, eps=(0.0,)):
        """p(next symbol | text, c) (N, C, E, W) from α after the text, whose last symbol is `last`
        (N,)."""
        eps = np.asarray(eps)[:, None]
        return (1 - eps) * (alpha @ self.says[last]) + eps * self.count / STATES

    def reset(self, tokens, eps):
        """Each concept's prediction after tokens (N, T), and its log p(tokens | c):
        ((N, C, E, W), (N, C, E))."""
        total = 0.0
        for evidence, alpha in self.steps(tokens, eps):
            total = total + log(evidence)
        return self.next_symbol(alpha, tokens[:, -1], eps), total

    def document(self, tokens):
        """Predictions along documents (N, T): p(x_t = · | x_<t) for t = 1 .. T−1 (N, T−1, W), and
        the posterior p(c | x_≤t) for t = 0 .. T−1 (N, T, C)."""
        total = 0.0
        predictions, posteriors = [], []
        for t, (evidence, alpha) in enumerate(self.steps(tokens)):
            total = total + log(evidence[..., 0])
            posterior = softmax(total)  # (N, C)
            following = self.next_symbol(alpha, tokens[:, t])[:, :, 0]  # (N, C, W)
            posteriors.append(posterior)
            predictions.append(mix(posterior, following))
        return np.stack(predictions[:-1], 1), np.stack(posteriors, 1)

    def log_loss(self, tokens):
        """−log p(x_t | x_<t) of documents (N, T) under the mixture, t = 1 .. T−1: (N, T−1)."""
        total = np.cumsum([log(evidence[..., 0]) for evidence, _ in self.steps(tokens)], axis=0)
        joint = log_sum(total)  # (T, N), up to the prior's constant
        return -np.diff(joint, axis=0).T

    def aware(self, prompts):
        """The prompt-aware predictor on Prompts: p(label = ·) (N, W) and p(c | prompt) (N, C)."""
        k, n = prompts.k, prompts.n
        whole = prompts.examples()
        test = whole[:, n, : k - 1]
        total, alpha = self.from_slots(test)  # (N, C, 9), (N, C, 9, K)
        for i in range(n):  # one at a time: all at once would not fit a small machine
            total = total + self.from_slots(whole[:, i, :k])[0]
        weights = softmax(total.reshape(len(total), -1)).reshape(total.shape)
        p = self.next_symbol(alpha, test[:, -1])  # (N, C, 9, W)
        return np.einsum("ncs,ncsw->nw", weights, p), weights.sum(-1)

    def from_slots(self, tokens):
        """log p(tokens | c, start slot) for slots 1..9 and uniform values (N, C, 9), with α at the
        end (N, C, 9, K)."""
        first = self.states[tokens[:, 0]] % SLOTS  # (N, K)
        slot = np.arange(1, SLOTS)[:, None]
        alpha = (first[:, None] == slot) & self.valid[tokens[:, 0]][:, None]  # (N, 9, K)
        alpha = np.repeat(alpha[:, None] / SLOTS, self.ginc.concepts, axis=1)
        for t in range(1, tokens.shape[1]):
            alpha = alpha @ self.between[tokens[:, t - 1], tokens[:, t]]
        evidence = alpha.sum(-1)
        return log(evidence), alpha / np.where(evidence, evidence, 1)[..., None]

    def bigram(self):
        """p(next symbol | symbol) in the long run, over all concepts: (W, W). Every state is
        equally frequent, as the transition matrices are doubly stochastic."""
        return self.says.sum((1, 2)) / (self.ginc.concepts * np.maximum(self.count, 1)[:, None])


def mix(weights, p):
    """Σ_c w_c p_c: weights (N, C), p (N, C, W) -> (N, W)."""
    return (weights[:, None] @ p)[:, 0]


def kl(p, log_q):
    """KL(p ‖ q) = Σ p log(p / q) in nats over the last axis; q is given by its logarithm."""
    said = p > 0
    return (p * (np.log(np.where(said, p, 1)) - np.where(said, log_q, 0))).sum(-1)


def implied_posterior(q, p, rounds=300):
    """The weights w (N, C) on the simplex that minimise KL(q ‖ Σ_c w_c p_c): how a model's
    prediction q (N, W) looks as a mixture of the concepts' predictions p (N, C, W).

    EM for mixture weights, w_c ← w_c Σ_o q(o) p_c(o) / Σ_c' w_c' p_c'(o); the problem is convex.
    What no concept can say is left out of q.
    """
    q = np.where(p.any(1), q, 0)
    q = q / q.sum(-1, keepdims=True)
    w = np.full(p.shape[:2], 1 / p.shape[1])
    for _ in range(rounds):
        ratio = q / np.maximum(mix(w, p), 1e-300)
        w = w * (p @ ratio[..., None])[..., 0]
    return w
