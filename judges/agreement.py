"""How well two orders of the same answers agree, and the baseline that needs no network.

A comparison's `ranking` lists groups of response indices, best first; a score orders by itself.
"""

import itertools
import json

import numpy as np
import torch
import torch.nn.functional as F

from judges.hidden import judge


def hold_out(records, seed):
    """(training, validation): a tenth of the questions, with all their comparisons, is held out."""
    questions = sorted({json.dumps(r["messages"]) for r in records})
    order = np.random.default_rng(seed).permutation(len(questions))
    held = {questions[i] for i in order[: max(1, len(questions) // 10)]}
    train = [r for r in records if json.dumps(r["messages"]) not in held]
    return train, [r for r in records if json.dumps(r["messages"]) in held]


def pairs_of(records, values, better):
    """(difference of values, does the first win) for each pair that `better` does not tie."""
    margins, wins = [], []
    for record, value in zip(records, values):
        order = better(record)
        for i, j in itertools.combinations(range(len(value)), 2):
            if order[i] != order[j]:
                margins.append(value[i] - value[j])
                wins.append(order[i] < order[j])
    return np.array(margins), np.array(wins)


def places(record):
    """The place of each response in the labeler's ranking."""
    place = {i: p for p, group in enumerate(record["ranking"]) for i in group}
    return [place[i] for i in range(len(record["responses"]))]


def gold(record):
    """The hidden judge's order of the responses (simulated): minus the score; lower is better."""
    return [-round(judge(record, text)["score"], 6) for text in record["responses"]]


def accuracy(margins, wins):
    """Share of pairs that the difference of scores orders as the label does; a zero counts half."""
    return float(np.mean(np.where(margins == 0, 0.5, (margins > 0) == wins)))


def bag_of_words(train, val):
    """The baseline without a network: a logistic regression on the words of the answers."""
    words = sorted({w for r in train for text in r["responses"] for w in text.lower().split()})
    index = {w: i for i, w in enumerate(words)}

    def features(text):
        x = np.zeros(len(index), dtype=np.float32)
        for w in text.lower().split():
            if w in index:
                x[index[w]] += 1
        return x

    pairs = []
    for r in train:
        xs, place = [features(text) for text in r["responses"]], places(r)
        pairs += [
            xs[i] - xs[j]
            for i, j in itertools.permutations(range(len(xs)), 2)
            if place[i] < place[j]
        ]
    x = torch.from_numpy(np.stack(pairs[:20_000]))
    weight = torch.zeros(len(index), requires_grad=True)
    optimizer = torch.optim.LBFGS([weight], max_iter=50)

    def closure():
        optimizer.zero_grad()
        loss = F.softplus(-x @ weight).mean() + 1e-3 * weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    w = weight.detach().numpy()
    return [np.array([features(text) @ w for text in r["responses"]]) for r in val]
