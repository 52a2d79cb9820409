"""How well two orders of the same answers agree, and the baseline that needs no network.

A comparison's `ranking` lists groups of response indices, best first; a score orders by itself.
"""

import itertools
import json

import numpy as np
import torch
import torch.nn.functional as F


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

    pairs = []
    for record in train:
        x, place = features(record), places(record)
        for i, j in itertools.permutations(range(len(x)), 2):
            if place[i] < place[j]:
                pairs.append(x[i] - x[j])
    weight = logistic_regression(np.stack(pairs[:20_000]))
    return [np.array([x @ weight for x in features(record)]) for record in val]


def logistic_regression(differences):
    """Weights (words,) that make w·(better − worse) large: −log σ of it, plus a little decay."""
    x = torch.from_numpy(differences)
    weight = torch.zeros(x.shape[1], requires_grad=True)
    optimizer = torch.optim.LBFGS([weight], max_iter=50)

    def closure():
        optimizer.zero_grad()
        loss = F.softplus(-x @ weight).mean() + 1e-3 * weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return weight.detach().numpy()
