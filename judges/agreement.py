"""How well two orders of the same answers agree, and the baseline that needs no network.

A comparison's `ranking` lists groups of response indices, best first; a score orders by itself.
"""

import itertools
import json

import numpy as np
import torch
import torch.nn.functional as F

from data.comparisons import of_kinds
from data.formats import check_evidence
from judges.scores import tokens_of
from plumbing.errors import BadInput
from plumbing.records import tell


def split(records, seed, path, rated=False, kinds=""):
    """(training, validation) of people's comparisons, by `hold_out`; with `kinds` those to train on
    are of these alone. Raises BadInput where one of the two could not tell a better answer from a
    worse one, or, with `rated`, has no ratings."""
    train, val = hold_out(records, seed)
    if not train:
        raise BadInput(
            f"{path}: comparisons of at least 2 different questions are needed; one is held out"
        )
    train = of_kinds(train, kinds, path)
    if rated and not any(any(record.get("scores") or []) for record in train):
        raise BadInput(f"{path} holds no ratings (scores) to train on; use --loss=ranking")
    return check_decided(train, val, path, rated)


def comparable(records):
    """How many questions have a pair that the labeler did not tie, or was unsure of: the loss is
    their mean."""
    return sum(len(record["ranking"]) > 1 or "p" in record for record in records)


def rated(records):
    """How many answers have a rating."""
    found = 0
    for record in records:
        found += sum(rating is not None for rating in record.get("scores") or [])
    return found


def check_decided(train, val, path, rated=False):
    """The two sets, if each has a pair of answers of which one is better. What no step learns from,
    a ranking of ties or, with `rated`, one without ratings, is counted and told."""
    held = sum(len(record["ranking"]) > 1 for record in val)
    decided = {"to train on": comparable(train), "held out": held}
    for name, n in decided.items():
        if not n:
            raise BadInput(
                f"{path}: all comparisons {name} are ties, of {len(train) + len(val)} in all "
                f"{sum(decided.values())} are none: there must be more of these, or another --seed"
            )
    why = "without ratings" if rated else "ties throughout"
    idle = len(train) - decided["to train on"]
    if rated:
        idle = sum(not any(record.get("scores") or []) for record in train)
    if idle:
        line = f"{path}: of {len(train)} rankings to train on {idle} are {why} and teach nothing"
        tell(line, file=str(path), idle=idle, of=len(train), why=why)
    return train, val


def tell_cut(records, tokenizer, max_len, path):
    """Say how many comparisons are cut at `max_len` tokens, how many of these are left without a
    prompt, and how many with two answers alike. Raises BadInput if these are all."""
    check_evidence(records, tokenizer, path)
    cut = alike = promptless = 0
    for record in records:
        rows = [tokens_of(tokenizer, record["messages"], t, max_len) for t in record["responses"]]
        texts = {json.dumps(answer) for _, answer in rows}
        alike += len(texts) < len(set(record["responses"]))
        promptless += any(len(prompt) < 2 for prompt, _ in rows)
        whole = len(tokenizer.prompt(record["messages"])[0])
        cut += any(whole + len(tokenizer.turn(t)) + 1 > max_len for t in record["responses"])
    if alike == len(records):
        raise BadInput(
            f"{path}: of all {alike} comparisons the answers are alike in their last {max_len} "
            "tokens: raise --max_len"
        )
    if cut:
        tell(
            f"{path}: of {len(records)} comparisons {cut} exceed {max_len} tokens and lost their "
            f"left, {promptless} their whole prompt, and {alike} have answers that are alike then; "
            "--max_len sets the limit",
            file=str(path),
            cut=cut,
            of=len(records),
            promptless=promptless,
            alike=alike,
        )


def hold_out(records, seed):
    """(training, validation): a tenth of the questions, with all their comparisons, is held out."""
    asked = [json.dumps(r["messages"]) for r in records]
    questions = sorted(set(asked))
    order = np.random.default_rng(seed).permutation(len(questions))
    held = {questions[i] for i in order[: max(1, len(questions) // 10)]}
    train = [r for r, question in zip(records, asked) if question not in held]
    val = [r for r, question in zip(records, asked) if question in held]
    return train, val


def places(record):
    """The place of each response in the labeler's ranking, 0 the best; equals share one."""
    place = {i: p for p, group in enumerate(record["ranking"]) for i in group}
    return [place[i] for i in range(len(record["responses"]))]


def count_pairs(records):
    """How many comparisons there are to learn from: the pairs that a ranking does not tie, up to
    K·(K − 1)/2 of K answers, and those whose label is not sure."""
    return sum(max(len(sureness([record])), "p" in record) for record in records)


def sureness(records):
    """How sure each pair of `pairs_of` these records is of its winner: max(p, 1 − p) of the two
    answers of a record, 1 where its ranking is sure."""
    found = []
    for record in records:
        place = np.array(places(record))
        pairs = int((place[:, None] < place).sum())
        p = record.get("p", 1.0)
        found += [max(p, 1 - p)] * pairs
    return np.array(found, dtype=np.float32)


def pairs_of(records, values, better):
    """(difference of values, does the first win) for each pair that `better` does not tie.

    `better(record)` gives a number for each response, the lower the better.
    """
    margins, wins = [], []
    for record, value in zip(records, values):
        order = better(record)
        for i, j in itertools.combinations(range(len(value)), 2):
            if order[i] != order[j]:
                margins.append(value[i] - value[j])
                wins.append(order[i] < order[j])
    return np.array(margins), np.array(wins)


def accuracy(margins, wins):
    """Share of pairs that the difference of scores orders as the label does; a zero counts half."""
    return float(np.mean(np.where(margins == 0, 0.5, (margins > 0) == wins)))


def held_out(records, values):
    """Accuracy and loss over all pairs of held-out answers, from a score of each answer: of each
    record (K,). A pair weighs the same, whatever question it belongs to."""
    margins, wins = pairs_of(records, values, places)
    signed = np.where(wins, margins, -margins)
    sure = sureness(records)
    losses = sure * np.logaddexp(0, -signed) + (1 - sure) * np.logaddexp(0, signed)
    return {"val_accuracy": accuracy(margins, wins), "val_loss": float(np.mean(losses))}


def bag_of_words(train, val):
    """The baseline without a network: a logistic regression on the words of the answers.

    Returns a score of each response of each record of `val`.
    """
    words = sorted({w for r in train for text in r["responses"] for w in text.lower().split()})
    index = {word: i for i, word in enumerate(words)}

    def features(record):
        """How often each word occurs in each response (K, words)."""
        x = np.zeros((len(record["responses"]), len(index)), dtype=np.float32)
        for row, text in zip(x, record["responses"]):
            for word in text.lower().split():
                if word in index:
                    row[index[word]] += 1
        return x

    pairs = [np.zeros((0, len(index)), dtype=np.float32)]
    for record in train:
        x, place = features(record), places(record)
        for i, j in itertools.permutations(range(len(x)), 2):
            if place[i] < place[j]:
                pairs.append(x[None, i] - x[None, j])
    weight = logistic_regression(np.concatenate(pairs[:20_001]))
    return [np.array([x @ weight for x in features(record)]) for record in val]


def logistic_regression(differences):
    """Weights (words,) that make w·(better − worse) large: −log σ of it, plus a little decay."""
    x = torch.from_numpy(differences)
    if not x.numel():  # answers without words, or all of them tied: nothing tells them apart
        return np.zeros(x.shape[1], dtype=np.float32)
    weight = torch.zeros(x.shape[1], requires_grad=True)
    optimizer = torch.optim.LBFGS([weight], max_iter=50)

    def closure():
        optimizer.zero_grad()
        loss = F.softplus(-x @ weight).mean() + 1e-3 * weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return weight.detach().numpy()
