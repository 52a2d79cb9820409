"""Is in-context learning implicit Bayesian inference? (Xie et al. 2021): probe 2 of icl_eval.py.

In GINC (data/ginc.py) the best possible answer to a prompt is known exactly, and with it what a
model pretrained on its documents ought to learn: which concept a prompt follows, and the answer
under it.

* accuracy     against the number of examples n, of the model, of exact Bayes, and of controls that
               leave a part of the inference out
* posterior    on the true concept: exact, and the one that the model's prediction implies
* documents    the model's loss above Bayes's, and KL(Bayes ‖ model) by position
* order        the same four examples in all 24 orders
* unseen       prompts of concepts that no document followed, as released (about half of them have
               no right answer: "/" stands in for it) and repaired

Without a checkpoint: the exact answers alone. --lstm=STEPS also trains and asks an LSTM, which Xie
et al. found the best learner of GINC from k = 5 on.
"""

from itertools import permutations
from types import SimpleNamespace

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from data import ginc as data
from data.ginc.exact_bayes import Mixture, implied_posterior, kl, log, mix, softmax
from data.ginc.hmm import Ginc
from likelihood import next_logprobs
from optim import learning_rate
from plumbing.checkpoint import ancestry
from plumbing.config import numbers
from plumbing.errors import BadInput
from plumbing.records import print_table, wilson

EXAMPLE, SHOTS, PROMPTS = (3, 5, 10), (0, 1, 2, 4, 8, 16, 32, 64), 500
EPS = (0.001, 0.05)  # beside --eps, how surprised the reset predictor is by a new example
UNSEEN_SHOTS, ORDERED = (0, 4, 16), (3, 4, 200)  # n; k, n and prompts whose order is changed
LONGEST = 320  # tokens of a validation document that are compared


# --- the LSTM ----------------------------------------------------------------------------------


class LSTM(nn.Module):
    """A recurrent language model with what the probes use of a GPT: `trunk`, `config`, and the head
    under the name `wte`. Input and output tables are apart: a recurrence wants larger inputs."""

    def __init__(self, vocab_size, n_embd=256, n_layer=1):
        super().__init__()
        self.config = SimpleNamespace(vocab_size=vocab_size, block_size=data.MOST_TOKENS)
        self.embed = nn.Embedding(vocab_size, n_embd)
        self.wte = nn.Linear(n_embd, vocab_size, bias=False)
        self.lstm = nn.LSTM(n_embd, n_embd, n_layer, batch_first=True)

    def trunk(self, tokens):
        """tokens (B, T) -> hidden states (B, T, C)."""
        return self.lstm(self.embed(tokens))[0]

    def forward(self, tokens):
        return self.wte(self.trunk(tokens))  # (B, T, V)


def train_lstm(name, steps, seed, machine, batch_size=32, block_size=80, lr=5e-3):
    """An LSTM after `steps` steps of AdamW on fresh documents of the corpus `name`, with what the
    probe asks of a loaded checkpoint. Each block starts from an empty state."""
    size = batch_size * block_size
    ids, _, tokenizer = data.corpus(name, steps * size + 1, seed + 1)
    ids = torch.from_numpy(ids.astype(np.int64)).to(machine.device)
    machine.seed(seed)
    model = LSTM(tokenizer.n_vocab).to(machine.device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, betas=(0.9, 0.95), weight_decay=0.01)
    for step in range(steps):
        part = ids[step * size : (step + 1) * size + 1]
        x, y = part[:-1].view(batch_size, -1), part[1:].view(batch_size, -1)  # (B, T)
        for group in optimizer.param_groups:
            group["lr"] = lr * learning_rate(step, steps, warmup=50, final=0.05)
        F.cross_entropy(model(x).flatten(0, 1), y.flatten()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    params = sum(p.numel() for p in model.parameters())
    about = {"ckpt": "LSTM", "stage": "lstm", "step": steps, "params": params}
    return SimpleNamespace(model=model.eval(), tokenizer=tokenizer, about=lambda: about)


# --- predictors --------------------------------------------------------------------------------


def predictors(mixture, prompts, eps):
    """Every exact predictor of the label: {(name, eps or None): (p (N, W), posterior or None)}."""
    p, evidence = mixture.reset(prompts.tokens, eps)  # (N, C, E, W), (N, C, E)
    found = {}
    for e, value in enumerate(eps):
        posterior = softmax(evidence[:, :, e])
        found["bayes", value] = mix(posterior, p[:, :, e]), posterior
    found["aware", None] = mixture.aware(prompts)
    found["uniform", eps[0]] = p[:, :, 0].mean(1), None  # all concepts count alike: no inference
    alone, evidence = mixture.reset(prompts.tokens[:, 1 - prompts.k :], eps[:1])
    posterior = softmax(evidence[:, :, 0])
    found["test only", eps[0]] = mix(posterior, alone[:, :, 0]), posterior  # no demonstrations
    found["bigram", None] = mixture.bigram()[prompts.tokens[:, -1]], None
    return found, p[:, :, 0]


def score(p, prompts):
    """Accuracy over the whole vocabulary with its interval: p (N, W) scores each symbol."""
    right = int((p.argmax(-1) == prompts.label).sum())
    low, high = wilson(right, len(p))
    return {"acc": right / len(p), "low": low, "high": high, "count": len(p)}


def ask(loaded, ids, prompts, machine):
    """The model's log p of every token after each prompt (N, V), and of every symbol (N, W)."""
    logp = next_logprobs(loaded.model, ids[prompts.tokens].tolist(), machine)
    return logp, logp[:, ids].astype(np.float64)


# --- measuring ---------------------------------------------------------------------------------


def shot_rows(mixture, prompts, eps, loaded, ids, machine):
    """Rows of one cell: each predictor, then the model."""
    found, by_concept = predictors(mixture, prompts, eps)
    cell = {
        "kind": "shots",
        "prompts": prompts.kind,
        "k": prompts.k,
        "n": prompts.n,
        "slash": float((prompts.label == 0).mean()),
    }
    N, seen = np.arange(len(prompts.label)), prompts.kind == "id"
    rows = []
    for (name, value), (p, posterior) in found.items():
        rows.append({**cell, "cond": name, "eps": value, **score(p, prompts)})
        if posterior is not None and seen:
            rows[-1]["post_true"] = float(posterior[N, prompts.concept].mean())
    if loaded:
        every, logp = ask(loaded, ids, prompts, machine)
        for row, (p, _) in zip(rows, found.values()):
            if row["cond"] in ("bayes", "aware"):
                row["kl_model"] = float(kl(p, logp).mean())
        right = int((every.argmax(-1) == ids[prompts.label]).sum())
        low, high = wilson(right, len(N))
        rows.append(
            {
                **cell,
                "cond": "model",
                "acc": right / len(N),
                "low": low,
                "high": high,
                "count": len(N),
                "loglik": float(logp[N, prompts.label].mean()),
            }
        )
        if seen:
            implied = implied_posterior(np.exp(logp), by_concept)
            rows[-1]["post_true"] = float(implied[N, prompts.concept].mean())
    return rows


def document_rows(mixture, documents, loaded, ids, machine):
    """One row per position of validation documents (N, T), and one of their means. Of words drawn
    at random there is no Bayes: no concept can have written them."""
    exact, posterior = mixture.document(documents)  # (N, T−1, W), (N, T, C)
    right = documents[:, 1:, None]
    bayes = -log(np.take_along_axis(exact, right, -1))[..., 0]  # (N, T−1)
    possible, columns = np.isfinite(bayes).all(), {}
    if possible:
        columns = {"bayes": bayes.mean(0), "post_top": posterior.max(-1).mean(0)[:-1]}
    if loaded:
        with torch.no_grad(), machine.autocast():
            parts = [
                loaded.model(torch.from_numpy(part.astype(np.int64)).to(machine.device))
                .float()
                .log_softmax(-1)[..., ids]
                .cpu()
                .numpy()
                for part in np.array_split(ids[documents[:, :-1]], 8)
            ]
        logp = np.concatenate(parts).astype(np.float64)  # (N, T−1, W)
        loss = -np.take_along_axis(logp, right, -1)[..., 0]
        columns["loss"] = loss.mean(0)
        if possible:
            columns["kl"] = kl(exact, logp).mean(0)
    rows = [
        {"kind": "position", "position": t + 1, **{k: float(v[t]) for k, v in columns.items()}}
        for t in range(documents.shape[1] - 1)
    ]
    return rows + [
        {
            "kind": "documents",
            "tokens": documents.shape[1],
            **{name: float(values.mean()) for name, values in columns.items()},
        }
    ]


def order_rows(world, mixture, eps, loaded, ids, machine):
    """Accuracy over the 24 orders of four examples: mean, lowest, highest, and the share of prompts
    whose answer some order changes."""
    k, n, count = ORDERED
    p = next(data.prompts(world, [("id", k, n)], count))
    whole = np.pad(p.tokens, ((0, 0), (0, 2))).reshape(count, n + 1, k + 1)
    answers = {"bayes": [], "aware": [], **({"model": []} if loaded else {})}
    for order in permutations(range(n)):
        p.tokens = whole[:, [*order, n]].reshape(count, -1)[:, :-2]
        found, _ = predictors(mixture, p, eps[:1])
        answers["bayes"].append(found["bayes", eps[0]][0].argmax(-1) == p.label)
        answers["aware"].append(found["aware", None][0].argmax(-1) == p.label)
        if loaded:
            answers["model"].append(ask(loaded, ids, p, machine)[0].argmax(-1) == ids[p.label])
    rows = []
    for name, right in answers.items():
        right = np.stack(right)  # (24, N)
        each = right.mean(1)
        rows.append(
            {
                "kind": "order",
                "k": k,
                "n": n,
                "cond": name,
                "count": count,
                "acc": float(each.mean()),
                "lowest": float(each.min()),
                "highest": float(each.max()),
                "changed": float((right.any(0) != right.all(0)).mean()),
            }
        )
    return rows


def world_of(cfg, loaded):
    """(name of the corpus, Ginc) that a checkpoint was pretrained on, or that --data names."""
    read = [a.get("data") for a in ancestry(loaded.checkpoint)] if loaded else []
    name = cfg.data or next((name for name in read if name in data.CORPORA), "ginc")
    if name not in data.CORPORA:
        raise BadInput(f"--data={name}: for this probe one of {', '.join(data.CORPORA)}")
    return name, Ginc(data.CORPORA[name]["concepts"])


def probe(cfg, loaded, machine):
    """Rows of kind "shots", "documents", "position" and "order", of one checkpoint or of none."""
    name, world = world_of(cfg, loaded)
    rows = model_rows(cfg, name, world, loaded, machine)
    if cfg.lstm:
        rows += model_rows(cfg, name, world, train_lstm(name, cfg.lstm, cfg.seed, machine), machine)
    return rows


def model_rows(cfg, name, world, loaded, machine):
    """The rows of one model, or of exact Bayes alone."""
    ks, ns = numbers(cfg.k, EXAMPLE, "k"), numbers(cfg.n, SHOTS, "n")
    if set(ks) - set(data.LENGTHS) or set(ns) - set(data.SHOTS):
        raise BadInput(f"--k and --n: prompts were drawn for k = {data.LENGTHS}, n = {data.SHOTS}")
    if not 0 < cfg.eps < 1:
        raise BadInput(f"--eps={cfg.eps}: expected a probability above 0 and below 1")
    mixture, eps = Mixture(world), (cfg.eps, *(e for e in EPS if e != cfg.eps))
    ids = data.symbol_ids(world, loaded.tokenizer) if loaded else None
    longest = loaded.model.config.block_size if loaded else data.MOST_TOKENS
    cells = [
        (kind, k, n)
        for kind, k, n in data.all_cells()
        if k in ks
        and n in ns
        and (kind == "id" or n in UNSEEN_SHOTS)
        and (k + 1) * (n + 1) - 2 <= longest
    ]
    cells += [("ood_fixed", k, n) for kind, k, n in cells if kind == "ood"]
    rows = []
    for prompts in data.prompts(world, cells, min(cfg.prompts or PROMPTS, data.PROMPTS)):
        rows += shot_rows(mixture, prompts, eps, loaded, ids, machine)
    rows += order_rows(world, mixture, eps, loaded, ids, machine)
    documents = data.corpus_validation(name, world)[:, : min(LONGEST, longest)]
    rows += document_rows(mixture, documents, loaded, ids, machine)
    about = loaded.about() if loaded else {"ckpt": None, "stage": "exact", "step": 0}
    return [{"probe": "bayes", "world": name, **about, **row} for row in rows]


# --- tables ------------------------------------------------------------------------------------


def headline(rows):
    """One line of one checkpoint: excess loss, and accuracy with most and without examples."""
    model = {
        r["n"]: r["acc"]
        for r in rows
        if r["kind"] == "shots" and r["prompts"] == "id" and r["k"] == 3 and r["cond"] == "model"
    }
    whole = next(r for r in rows if r["kind"] == "documents")
    shots = [f"{100 * model[n]:.1f}% at n = {n}" for n in (min(model), max(model))] if model else []
    loss = f"{whole['loss']:.3f}"
    if "bayes" in whole:
        loss = f"{whole['loss'] - whole['bayes']:.3f} above Bayes"
    return f"loss {loss}   k = 3: {', '.join(shots)}"


def cell(row, field="acc"):
    """A share as percent, with the posterior on the true concept if there is one."""
    if row is None:
        return "-"
    return f"{100 * row[field]:.1f}" + (f" ({row['post_true']:.2f})" if "post_true" in row else "")


def show(rows):
    """Tables of each checkpoint: accuracy against n, order, unseen concepts, documents."""
    for ckpt in dict.fromkeys(r["ckpt"] for r in rows):
        mine = [r for r in rows if r["ckpt"] == ckpt]
        shots = [r for r in mine if r["kind"] == "shots"]
        columns = list(dict.fromkeys((r["cond"], r.get("eps")) for r in shots))
        columns.sort(key=lambda c: c[0] != "model")  # the model first
        titles = [name + (f" {eps:g}" if name == "bayes" else "") for name, eps in columns]
        kinds = {
            "id": "concepts of pretraining",
            "ood": "unseen concepts, as released (the label often is no answer)",
            "ood_fixed": "unseen concepts, repaired",
        }
        for kind, k in dict.fromkeys((r["prompts"], r["k"]) for r in shots):
            table = [r for r in shots if (r["prompts"], r["k"]) == (kind, k)]
            at = {(r["n"], r["cond"], r.get("eps")): r for r in table}
            print_table(
                f"{ckpt or 'exact Bayes'}, k = {k}, {kinds[kind]}: accuracy in % "
                "(posterior on the true concept)",
                ["n", *titles],
                [
                    [n, *(cell(at.get((n, *c))) for c in columns)]
                    for n in dict.fromkeys(r["n"] for r in table)
                ],
            )
        order = [r for r in mine if r["kind"] == "order"]
        print_table(
            f"24 orders of {order[0]['n']} examples, k = {order[0]['k']}: accuracy in %",
            ["", "mean", "lowest", "highest", "answers that an order changes"],
            [
                [r["cond"], *(cell(r, f) for f in ("acc", "lowest", "highest", "changed"))]
                for r in order
            ],
        )
        whole = next(r for r in mine if r["kind"] == "documents")
        bayes = "no concept can have written them"
        if "bayes" in whole:
            bayes = f"Bayes {whole['bayes']:.4f} nats per token"
        print(f"\nvalidation documents, first {whole['tokens']} tokens: {bayes}")
        if "loss" in whole:
            above = " nats per token"
            if "bayes" in whole:
                above = (
                    f", {whole['loss'] - whole['bayes']:.4f} above it; KL(Bayes | model) "
                    f"{whole['kl']:.4f}"
                )
            print(f"model {whole['loss']:.4f}{above}")
            kls = {
                e: np.mean(
                    [
                        r["kl_model"]
                        for r in shots
                        if r["prompts"] == "id" and r["cond"] == "bayes" and r["eps"] == e
                    ]
                )
                for e in {r["eps"] for r in shots if r["cond"] == "bayes"}
            }
            best = min(kls, key=kls.get)
            print(f"on prompts it is closest to Bayes with eps = {best:g}: KL {kls[best]:.3f}")
