"""Is in-context learning implicit Bayesian inference? (Xie et al. 2021): probe 2 of icl_eval.py.

In GINC (data/ginc/) the best possible answer to a prompt is known exactly, and with it what a
model pretrained on its documents ought to learn: which concept a prompt follows, and the answer
under it.

* accuracy     against the number of examples n, of the model, of exact Bayes, and of controls that
               leave a part of the inference out
* posterior    on the true concept: exact, and the one that the model's prediction implies
* documents    the model's loss above Bayes's, and KL(Bayes ‖ model) by position
* order        the same four examples in all 24 orders
* unseen       prompts of concepts that no document followed, as released (about half of them have
               no right answer: "/" stands in for it) and repaired

Without a checkpoint: the exact answers alone. --lstm=STEPS also trains and asks an LSTM.
"""

from dataclasses import dataclass
from itertools import permutations

import numpy as np
import torch

from data.ginc import (
    CORPORA,
    LENGTHS,
    MOST_TOKENS,
    PROMPTS,
    SHOTS,
    all_cells,
    corpus_validation,
    prompts,
    symbol_ids,
)
from data.ginc.exact_bayes import Mixture, implied_posterior, kl, mix
from data.ginc.hmm import Ginc
from data.logarithms import log, softmax
from icl.lstm import train_lstm
from icl.tables import grouped, pivot, points, print_beside, share, spread, where
from likelihood import next_logprobs
from plumbing.checkpoint import ancestry
from plumbing.config import numbers
from plumbing.errors import BadInput
from plumbing.machine import Machine

TOKENS = (3, 5, 10)  # k: of one example
EXAMPLES = (0, 1, 2, 4, 8, 16, 32, 64)  # n
UNSEEN = (0, 4, 16)  # n, of prompts whose concept no document followed
COUNT = 500  # prompts of one k and n
ORDERED = (3, 4, 200)  # k, n and number of the prompts whose order is changed
EPS = (0.001, 0.05)  # beside --eps, how surprised the reset predictor is by a new example
LONGEST = 320  # tokens of a validation document that are compared


# --- predictors --------------------------------------------------------------------------------


def predictors(mixture, asked, eps):
    """Every exact predictor of the label: {(name, eps or None): (p (N, W), posterior or None)}; and
    what each concept predicts (N, C, W)."""
    found = {}
    p, evidence = mixture.reset(asked.tokens, eps)  # (N, C, E, W), (N, C, E)
    for e, value in enumerate(eps):
        posterior = softmax(evidence[:, :, e])
        found["bayes", value] = mix(posterior, p[:, :, e]), posterior
    by_concept = p[:, :, 0]
    found["aware", None] = mixture.aware(asked)
    found["uniform", eps[0]] = by_concept.mean(1), None  # all concepts count alike: no inference
    test = asked.tokens[:, 1 - asked.k :]  # no demonstrations
    p, evidence = mixture.reset(test, eps[:1])
    posterior = softmax(evidence[:, :, 0])
    found["test only", eps[0]] = mix(posterior, p[:, :, 0]), posterior
    last = asked.tokens[:, -1]
    found["bigram", None] = mixture.bigram()[last], None
    return found, by_concept


@dataclass
class Reader:
    """A model of GINC's words; ids (W,): its token of each symbol."""

    model: torch.nn.Module
    ids: np.ndarray
    machine: Machine

    def answer(self, asked):
        """Is the label the likeliest of all tokens (N,), and log p of every symbol (N, W)."""
        tokens = self.ids[asked.tokens].tolist()
        logp = next_logprobs(self.model, tokens, self.machine)  # (N, V)
        right = logp.argmax(-1) == self.ids[asked.label]
        return right, logp[:, self.ids].astype(np.float64)

    @torch.no_grad()
    def read(self, documents):
        """log p of every symbol at each position of documents (N, T): (N, T, W)."""
        parts = []
        for part in np.array_split(self.ids[documents], 8):
            tokens = torch.from_numpy(part.astype(np.int64))
            with self.machine.autocast():
                logits = self.model(tokens.to(self.machine.device))
            logp = logits.float().log_softmax(-1)
            parts.append(logp[..., self.ids].cpu().numpy())
        return np.concatenate(parts).astype(np.float64)


# --- measuring ---------------------------------------------------------------------------------


def at(values, index):
    """values (..., W) at the index (...) of each row."""
    return np.take_along_axis(values, index[..., None], -1)[..., 0]


def score(right):
    """Accuracy over the whole vocabulary with its interval, of answers right or wrong (N,)."""
    return {**share(right), "count": len(right)}


def shot_rows(mixture, asked, eps, reader):
    """Rows of one cell: each predictor, then the model."""
    found, by_concept = predictors(mixture, asked, eps)
    seen = asked.kind == "id"
    cell = {"kind": "shots", "prompts": asked.kind, "k": asked.k, "n": asked.n}
    cell["slash"] = float((asked.label == 0).mean())
    rows = []
    for (name, value), (p, posterior) in found.items():
        right = p.argmax(-1) == asked.label
        row = {**cell, "cond": name, "eps": value, **score(right)}
        if posterior is not None and seen:
            row["post_true"] = float(at(posterior, asked.concept).mean())
        rows.append(row)
    if reader is None:
        return rows
    right, logp = reader.answer(asked)
    for row, (p, _) in zip(rows, found.values()):
        if row["cond"] in ("bayes", "aware"):
            row["kl_model"] = float(kl(p, logp).mean())
    row = {**cell, "cond": "model", **score(right)}
    row["loglik"] = float(at(logp, asked.label).mean())
    if seen:
        posterior = implied_posterior(np.exp(logp), by_concept)
        row["post_true"] = float(at(posterior, asked.concept).mean())
    return [*rows, row]


def document_rows(mixture, documents, reader):
    """One row per position of validation documents (N, T), and one of their means. Of words drawn
    at random there is no Bayes: no concept can have written them."""
    exact, posterior = mixture.document(documents)  # (N, T−1, W), (N, T, C)
    said = documents[:, 1:]
    bayes = -log(at(exact, said))  # (N, T−1)
    possible = np.isfinite(bayes).all()
    columns = {}
    if possible:
        columns["bayes"] = bayes.mean(0)
        columns["post_top"] = posterior.max(-1).mean(0)[:-1]
    if reader:
        logp = reader.read(documents[:, :-1])
        columns["loss"] = -at(logp, said).mean(0)
        if possible:
            columns["kl"] = kl(exact, logp).mean(0)
    rows = []
    for t in range(said.shape[1]):
        here = {name: float(values[t]) for name, values in columns.items()}
        rows.append({"kind": "position", "position": t + 1, **here})
    means = {name: float(values.mean()) for name, values in columns.items()}
    whole = {"kind": "documents", "tokens": documents.shape[1], **means}
    return [*rows, whole]


def order_rows(ginc, mixture, eps, reader):
    """Accuracy over the 24 orders of four examples: mean, lowest, highest, and the share of prompts
    whose answer some order changes."""
    k, n, count = ORDERED
    asked = next(prompts(ginc, [("id", k, n)], count))
    exact = {"bayes": eps[0], "aware": None}
    answers = {name: [] for name in exact}
    if reader:
        answers["model"] = []
    for order in permutations(range(n)):
        moved = asked.reordered(order)
        found, _ = predictors(mixture, moved, eps[:1])
        for name, value in exact.items():
            p, _ = found[name, value]
            answers[name].append(p.argmax(-1) == moved.label)
        if reader:
            right, _ = reader.answer(moved)
            answers["model"].append(right)
    rows = []
    for name, right in answers.items():
        right = np.stack(right)  # (24, N)
        by_order = right.mean(1)
        changed = right.any(0) != right.all(0)
        row = {"kind": "order", "k": k, "n": n, "cond": name, "count": count}
        row["acc"] = float(by_order.mean())
        row["lowest"] = float(by_order.min())
        row["highest"] = float(by_order.max())
        row["changed"] = float(changed.mean())
        rows.append(row)
    return rows


def ginc_of(cfg, loaded):
    """(name of the corpus, Ginc) that a checkpoint was pretrained on, or that --data names."""
    read = [a.get("data") for a in ancestry(loaded.checkpoint)] if loaded else []
    known = [name for name in read if name in CORPORA]
    name = cfg.data or [*known, "ginc"][0]
    if name not in CORPORA:
        raise BadInput(f"--data={name}: for this probe one of {', '.join(CORPORA)}")
    return name, Ginc(CORPORA[name]["concepts"])


def cells_of(cfg, longest):
    """(kind, k, n) of the prompts to ask that fit into `longest` tokens."""
    ks = numbers(cfg.k, TOKENS, "k")
    ns = numbers(cfg.n, EXAMPLES, "n")
    if set(ks) - set(LENGTHS) or set(ns) - set(SHOTS):
        raise BadInput(f"--k and --n: prompts were drawn for k = {LENGTHS}, n = {SHOTS}")
    cells, repaired = [], []
    for kind, k, n in all_cells():
        asked = k in ks and n in ns and (kind == "id" or n in UNSEEN)
        if asked and (k + 1) * (n + 1) - 2 <= longest:
            cells.append((kind, k, n))
            if kind == "ood":
                repaired.append(("ood_fixed", k, n))
    return cells + repaired


def probe(cfg, loaded, machine):
    """Rows of kind "shots", "documents", "position" and "order", of one checkpoint or of none."""
    name, ginc = ginc_of(cfg, loaded)
    rows = model_rows(cfg, name, ginc, loaded, machine)
    if cfg.lstm:
        lstm = train_lstm(name, cfg.lstm, cfg.seed, machine)
        rows += model_rows(cfg, name, ginc, lstm, machine)
    return rows


def model_rows(cfg, name, ginc, loaded, machine):
    """The rows of one model, or of exact Bayes alone."""
    about = {"ckpt": None, "stage": "exact", "step": 0}
    longest = MOST_TOKENS
    reader = None
    if loaded:
        about = loaded.about()
        longest = loaded.model.config.block_size
        reader = Reader(loaded.model, symbol_ids(ginc, loaded.tokenizer), machine)
    cells = cells_of(cfg, longest)
    if not 0 < cfg.eps < 1:
        raise BadInput(f"--eps={cfg.eps}: expected a probability above 0 and below 1")
    eps = (cfg.eps, *(e for e in EPS if e != cfg.eps))
    mixture = Mixture(ginc)
    rows = []
    for asked in prompts(ginc, cells, min(cfg.prompts or COUNT, PROMPTS)):
        rows += shot_rows(mixture, asked, eps, reader)
    rows += order_rows(ginc, mixture, eps, reader)
    documents = corpus_validation(name, ginc)[:, : min(LONGEST, longest)]
    rows += document_rows(mixture, documents, reader)
    return [{"probe": "bayes", "world": name, **about, **row} for row in rows]


# --- tables ------------------------------------------------------------------------------------

KINDS = {
    "id": "concepts of pretraining",
    "ood": "unseen concepts, as released (the label often is no answer)",
    "ood_fixed": "unseen concepts, repaired",
}


def headline(rows):
    """One line of one checkpoint: excess loss, and accuracy with most and without examples."""
    (whole,) = where(rows, kind="documents")
    loss = f"{whole['loss']:.3f}"
    if "bayes" in whole:
        loss = f"{whole['loss'] - whole['bayes']:.3f} above Bayes"
    model = where(rows, kind="shots", prompts="id", k=3, cond="model")
    model.sort(key=lambda r: r["n"])
    ends = [model[0], model[-1]] if model else []
    shots = [f"{100 * r['acc']:.1f}% at n = {r['n']}" for r in ends]
    return f"loss {loss}   k = 3: {', '.join(shots)}"


def predictor(r):
    return f"bayes {r['eps']:g}" if r["cond"] == "bayes" else r["cond"]


def accuracy(r):
    """A share as percent, with the posterior on the true concept if there is one."""
    posterior = f" ({r['post_true']:.2f})" if "post_true" in r else ""
    return f"{100 * r['acc']:.1f}{posterior}"


def show(rows):
    """Tables of each checkpoint: accuracy against n, order, unseen concepts, documents."""
    for mine in grouped(rows, "ckpt").values():
        name = mine[0]["ckpt"] or "exact Bayes"
        shots = where(mine, kind="shots")
        for (kind, k), cells in grouped(shots, "prompts", "k").items():
            cells.sort(key=lambda r: r["cond"] != "model")  # the model first
            print_beside(
                f"{name}, k = {k}, {KINDS[kind]}: accuracy in % (posterior on the true concept)",
                ("n",),
                pivot(cells, "n", predictor, accuracy),
            )
        order = where(mine, kind="order")
        columns = {
            "mean": points("acc"),
            "lowest": points("lowest"),
            "highest": points("highest"),
            "answers that an order changes": points("changed"),
        }
        print_beside(
            f"24 orders of {order[0]['n']} examples, k = {order[0]['k']}: accuracy in %",
            ("",),
            spread(order, "cond", columns),
        )
        (whole,) = where(mine, kind="documents")
        show_documents(whole, where(shots, prompts="id", cond="bayes"))


def show_documents(whole, bayes):
    """How far a model is from Bayes on documents, and on prompts, where eps is to be chosen."""
    exact = "no concept can have written them"
    above = " nats per token"
    if "bayes" in whole:
        exact = f"Bayes {whole['bayes']:.4f} nats per token"
    print(f"\nvalidation documents, first {whole['tokens']} tokens: {exact}")
    if "loss" not in whole:
        return
    if "bayes" in whole:
        gap = whole["loss"] - whole["bayes"]
        above = f", {gap:.4f} above it; KL(Bayes | model) {whole['kl']:.4f}"
    print(f"model {whole['loss']:.4f}{above}")
    kls = {}
    for (eps,), rows in grouped(bayes, "eps").items():
        kls[eps] = np.mean([r["kl_model"] for r in rows])
    best = min(kls, key=kls.get)
    print(f"on prompts it is closest to Bayes with eps = {best:g}: KL {kls[best]:.3f}")
