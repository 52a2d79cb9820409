"""The world of demonstrations: text and ids agree, the exact answer is the sampler's own, the
conditions change what they say, and the published shape of the tables comes out."""

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import flips
from data.flips import (
    CONDITIONS,
    LABELS,
    PAIRS,
    WORDS,
    Case,
    D,
    Material,
    V,
    W,
    layouts,
)
from icl.demonstrations import SHOTS


def split(ids, tokenizer):
    """The documents of a stream of ids, as text; the cut one at the end is left out."""
    ends = np.flatnonzero(ids == tokenizer.endoftext)
    return [tokenizer.decode(part.tolist()) for part in np.split(ids, ends + 1)[:-1]]


def accuracy(name, made, rho):
    """Percent right of the exact answer, over the options and over all label words."""
    cases = [CONDITIONS[name](m) for m in made]
    logp, choice = flips.bayes(flips.evidence(cases), rho)
    gold = [LABELS.index(c.options[c.gold]) for c in cases]
    return (100 * np.mean(choice == [c.gold for c in cases]), 100 * np.mean(logp.argmax(1) == gold))


# --- corpus --------------------------------------------------------------------------------------
def test_each_word_is_one_token_and_text_encodes_to_the_corpus():
    train, val, tokenizer = flips.corpus("demos_rare", 20_000, seed=3)
    assert len(set(WORDS + LABELS)) == W + 2 * V
    assert all(len(tokenizer.encode(" " + word)) == 1 for word in [*WORDS, *LABELS, ":"])
    for ids in (train, val[:20_000]):
        assert ids.dtype == np.uint16 and len(ids) == 20_000
        texts = split(ids, tokenizer)
        again = tokenizer.encode_documents(texts)
        assert again == ids[: len(again)].tolist() and len(again) > 19_000


def test_documents_have_the_promised_form():
    _, val, tokenizer = flips.corpus("demos", 10, seed=1)
    kinds = {"after": 0, "first": 0, "plain": 0}
    for text in split(val, tokenizer):
        lines = text.split("\n")
        assert lines.pop() == "" and 16 <= len(lines) <= 24
        where = {line.split().index(":") if ":" in line else -1 for line in lines}
        assert len(where) == 1
        kind = {3: "after", 1: "first", -1: "plain"}[where.pop()]
        kinds[kind] += 1
        words = [line.split() for line in lines]
        labels = [w[4] if kind == "after" else w[0] for w in words if kind != "plain"]
        inputs = [w[:3] if kind != "first" else w[2:] for w in words]
        assert set(labels) <= set(LABELS) and {w for x in inputs for w in x} <= set(WORDS)
        if labels:  # one pair names nearly all labels of a document
            pairs = [LABELS.index(label) // 2 for label in labels]
            assert max(map(pairs.count, pairs)) >= len(pairs) - 4
    n = sum(kinds.values())
    assert n > 400
    for kind, share in [("plain", 0.15), ("first", 0.30), ("after", 0.55)]:
        assert abs(kinds[kind] / n - share) < 4 * math.sqrt(share * (1 - share) / n)


def distinct(document):
    """How many different lines a document has."""
    return len(set(document.splitlines()))


def test_documents_come_back_to_their_first_inputs():
    rows = flips.documents(2000, 0.5, np.random.default_rng(4), few=True)
    texts = split(rows[rows >= 0], flips.tokenizer())
    assert {len(text.splitlines()) for text in texts} == set(range(16, 25))
    counts = np.bincount([distinct(text) for text in texts])
    assert (counts[2:] > 550).all() and counts[1] < 5 and len(counts) == 5
    # No prompt can be the beginning of such a document, with as many inputs as demonstrations and
    # the test besides. So the exact answer need not know of them.
    assert len(counts) - 1 <= min(SHOTS)


def test_the_text_to_train_on_begins_with_the_easier_world():
    train, val, tokenizer = flips.corpus("demos", 600_000, seed=1)
    lengths = np.array([distinct(text) for text in split(train, tokenizer)])
    assert (lengths[: int(0.32 * len(lengths))] <= 4).all()
    assert (lengths[int(0.38 * len(lengths)) :] > 8).all()  # the course is a third of the tokens
    assert all(distinct(text) > 8 for text in split(val, tokenizer))


def test_streams_repeat_grow_and_stay_apart():
    short, val, _ = flips.corpus("demos", 5000, seed=1)
    long, same, _ = flips.corpus("demos", 60_000, seed=2)
    more, _, _ = flips.corpus("demos", 60_000, seed=1)
    assert (val == same).all() and (more[:5000] == short).all()
    assert (more != long).any() and (more != val[:60_000]).any()
    rare, _, _ = flips.corpus("demos_flip", 5000, seed=1)
    assert (rare != short).any()


def test_words_occur_as_often_as_the_table_says():
    rng = np.random.default_rng(5)
    domain = np.full(40_000, 3)
    x, sides = flips.draw_inputs(rng, domain)
    assert np.allclose(flips.frequencies().sum(-1), 1)
    for s in range(2):
        for t in range(2):
            words = x[(sides == [s, t]).all(1)].ravel()
            found = np.bincount(words, minlength=W) / len(words)
            p = flips.frequencies()[3, s, t]
            assert (np.abs(found - p) < 5 * np.sqrt(p * (1 - p) / len(words))).all()


# --- the exact answer ----------------------------------------------------------------------------
def test_probabilities_sum_to_one_and_leaving_out_is_summing_out():
    words, labels = np.arange(W)[:, None], np.arange(2 * V)
    table = flips.likelihood(words[:, None], labels)  # inputs of one word: (W, 2V, D, V, 2)
    assert table.shape == (W, 2 * V, D, V, 2)
    assert np.allclose(table.sum((0, 1)), 1)
    assert np.allclose(table.sum(1), flips.likelihood(words, None))
    assert np.allclose(table.sum(0), flips.likelihood(None, labels))


def by_hand(case, rho):
    """The sum over hypotheses, one term after the other."""
    p = flips.frequencies()

    def pair(x, y, d, v, m):
        total = 0
        for s in range(2):
            for t in range(2):
                words = math.prod(p[d, s, t, WORDS.index(w)] for w in x.split())
                side = (t if v % 2 else s) ^ m
                name = 0.02 / 16
                if y in PAIRS[v]:
                    name += 0.98 * (0.05 + 0.9 * (y == PAIRS[v][side]))
                total += 0.25 * words * name
        return total

    found = {}
    for y in LABELS:
        found[y] = sum(
            pair(case.x, y, d, v, m)
            * (rho if m else 1 - rho)
            * math.prod(pair(*demo, d, v, m) for demo in case.demonstrations)
            for d in range(D)
            for v in range(V)
            for m in range(2)
        )
    total = sum(found.values())
    return [math.log(found[y] / total) for y in LABELS]


@pytest.mark.parametrize("rho", [0.0, 0.02, 0.5])
def test_bayes_is_the_sum_over_hypotheses(rho):
    made = flips.materials(3, 3, seed=1)
    for name in ("gold", "random", "foreign labels"):
        cases = [CONDITIONS[name](m) for m in made]
        logp, choice = flips.bayes(flips.evidence(cases), rho)
        for i, case in enumerate(cases):
            exact = by_hand(case, rho)
            assert np.allclose(logp[i], exact, atol=1e-9)
            scores = [exact[LABELS.index(word)] for word in case.options]
            if abs(scores[0] - scores[1]) > 1e-9:
                assert choice[i] == np.argmax(scores)


def test_bayes_is_calibrated_on_fresh_documents():
    """Sampler and formula are one distribution: the surprise at the next label is, on average, the
    entropy that the formula expects. With another rho it is surprised more."""
    rows = flips.documents(5000, 0.2, np.random.default_rng(9))
    ends = np.flatnonzero(rows[:, 6] >= 0)
    cases, labels, k = [], [], 2
    for start in [0, *(ends[:-1] + 1)]:
        if rows[start, 3] == 256 + W + 2 * V:  # input first, then its label
            x = [" ".join(WORDS[w - 256] for w in row[:3]) for row in rows[start : start + k + 1]]
            y = rows[start : start + k + 1, 4] - 256 - W
            cases.append(Case([*zip(x[:k], (LABELS[i] for i in y[:k]))], x[k], PAIRS[0], 0))
            labels.append(y[k])
    known, losses = flips.evidence(cases), {}
    for rho in (0.2, 0.001, 0.6):
        logp, _ = flips.bayes(known, rho)
        losses[rho] = -logp[np.arange(len(cases)), labels]
        if rho == 0.2:
            gap = losses[rho] + (np.exp(logp) * logp).sum(1)
            assert abs(gap.mean()) < 3.5 * gap.std() / math.sqrt(len(gap))
    assert losses[0.2].mean() < min(losses[0.001].mean(), losses[0.6].mean()) - 0.01


def test_the_order_of_demonstrations_does_not_matter():
    case = CONDITIONS["gold"](flips.materials(1, 3, seed=4)[0])
    orders = [
        Case([*order], case.x, case.options, 0) for order in permutations(case.demonstrations)
    ]
    logp, _ = flips.bayes(flips.evidence(orders), 0.02)
    assert np.abs(logp - logp[0]).max() < 1e-12


def test_the_table_of_conditions():
    """Min et al.'s pattern where labels keep their meaning: they hardly matter, all else does."""
    made = flips.materials(600, 16, seed=0)
    found = {name: accuracy(name, made, 0.0) for name in CONDITIONS}
    none, gold = found["none"], found["gold"]
    assert 77 < none[0] < 87 and none[1] < 15 and 92 < gold[0] < 97 and gold[0] - none[0] > 8
    for name in ("random", "marginal", "0% correct", "25% correct", "50% correct", "75% correct"):
        assert gold[0] - found[name][0] < 2
    assert found["permuted"][0] == pytest.approx(100 - found["0% correct"][0])
    assert 45 < found["other inputs"][0] < 56 and 52 < found["uniform words"][0] < 63
    assert abs(found["labels only"][0] - none[0]) < 2 and found["labels only"][1] > 75
    assert found["inputs only"][1] < 15 and found["inputs only"][0] == pytest.approx(gold[0], abs=1)
    assert found["foreign labels"][1] == 0 and found["foreign labels"][0] > 90


def test_the_knob():
    """The more reversed documents there may be, the less random labels do; reversed ones decide."""
    made = flips.materials(500, 16, seed=0)
    random = [accuracy("random", made, rho)[0] for rho in (0, 1e-6, 1e-3, 0.01, 0.1, 0.5)]
    assert all(a >= b for a, b in zip(random, random[1:]))
    assert 82 < random[1] < 92 and 58 < random[3] < 74 and 44 < random[5] < 58
    assert all(accuracy("0% correct", made, rho)[0] < 10 for rho in (1e-6, 0.5))
    assert 45 < accuracy("none", made, 0.5)[0] < 55 and accuracy("gold", made, 0.5)[0] > 92


# --- conditions ----------------------------------------------------------------------------------
@given(st.data(), st.integers(1, 20), st.integers(2, 5))
def test_conditions_change_what_they_say(data, k, C):
    def draw(low, high):
        return data.draw(st.lists(st.integers(low, high), min_size=k, max_size=k))

    names = [f"y{i}" for i in range(C)]
    m = Material(
        [f"x{i}" for i in range(k)],
        draw(0, C - 1),
        "test",
        data.draw(st.integers(0, C - 1)),
        names,
        [f"o{i}" for i in range(k)],
        [f"u{i}" for i in range(k)],
        [f"f{i}" for i in range(C)],
        draw(0, C - 1),
        draw(0, C - 1),
        data.draw(st.permutations(range(k))),
        draw(1, C - 1),
    )
    true = [names[y] for y in m.labels]
    for name, condition in CONDITIONS.items():
        case = condition(m)
        assert case.x == "test" and len(case.demonstrations) == (0 if name == "none" else k)
        x, y = [x for x, _ in case.demonstrations], [y for _, y in case.demonstrations]
        right = sum(a == b for a, b in zip(y, true))
        if name.endswith("% correct"):
            assert x == m.inputs and right == round(int(name.split("%")[0]) / 100 * k)
        if name == "gold":
            assert (x, y) == (m.inputs, true)
        if name == "permuted":
            assert right == 0 and case.gold == (m.gold + 1) % C and len(set(y)) == len(set(true))
        else:
            assert case.gold == m.gold
        if name == "inputs only":
            assert x == m.inputs and set(y) == {None}
        if name == "labels only":
            assert set(x) == {None} and y == [names[i] for i in m.random]
        if name in ("other inputs", "uniform words"):
            assert y == [names[i] for i in m.random] and x in (m.other, m.uniform)
        if name == "foreign labels":
            assert x == m.inputs and y == [m.foreign[i] for i in m.random]


def test_materials_are_what_they_say():
    made = flips.materials(200, 16, seed=2)
    assert made[:1] != flips.materials(200, 16, seed=3)[:1]
    assert made == flips.materials(200, 16, seed=2)
    for m in made:
        assert tuple(m.options) in PAIRS and tuple(m.foreign) in PAIRS
        assert m.foreign != m.options and sorted(m.order) == list(range(16))
        assert len(m.inputs) == len(m.labels) == len(m.other) == len(m.uniform) == 16
    words = [w for m in made for x in m.uniform for w in x.split()]
    share = np.array([words.count(w) for w in WORDS]) / len(words)
    assert np.abs(share - 1 / W).max() < 5 * math.sqrt(1 / W / len(words))
    assert abs(np.mean([m.labels for m in made]) - 0.5) < 0.05
    agree = np.mean([np.equal(m.labels, m.marginal) for m in made])
    assert abs(agree - 0.5) < 0.05


# --- text ----------------------------------------------------------------------------------------
def test_layouts():
    both = layouts(flips.TEMPLATE)
    assert both["direct"].write("a b c", "good") == " a b c : good\n"
    assert both["channel"].write("a b c", "good") == " good : a b c\n"
    assert both["direct"].write("a b c", None) == " a b c\n"
    assert both["direct"].write(None, "good") == " : good\n"
    assert both["direct"].ask("a b c") == (" a b c :", " ")
    assert both["channel"].ask("good") == (" good :", " ")
    both = layouts("Review: {text}\nSentiment: {label}\n\n")
    assert both["direct"].write("fine", "bad") == "Review: fine\nSentiment: bad\n\n"
    assert both["channel"].write("fine", "bad") == "Sentiment: bad\nReview: fine\n\n"
    assert both["channel"].ask("bad") == ("Sentiment: bad\nReview:", " ")
    assert both["direct"].write(None, "bad") == "Sentiment: bad\n\n"
    assert both["channel"].write("fine", None) == "Review: fine\n\n"
