"""What demonstrations are for: a world in which the exact answer is known (Min et al. 2022).

An input is three words, a label one word. A document takes one of 8 x 8 x 2 hypotheses and writes
labelled inputs by it:

    domain       how often each of 48 words occurs, and what it says about two attributes
    verbaliser   the pair of words that names one of the attributes: good/bad, hot/cold, ...
    mapping      the pair's words mean what they usually mean, or (with probability rho) the reverse

A prompt of a few demonstrations is such a document cut short. `bayes` computes what is best to
predict, p(label | prompt) = sum over hypotheses of p(label | input, h) p(h | prompt), and the knob
rho, the share of reversed documents in pretraining, decides whether labels matter.

The same prompts go to a model: a `Material` holds all that one prompt can be made of, and each of
CONDITIONS makes a `Case` of it. A classification file gives materials too (data/labelled.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from data.logarithms import log, log_sum
from tokenizer import Tokenizer

WORDS = (
    "apple arrow basket beach bell boat bottle bridge button candle castle chair clock cloud coat "
    "corn desk door drum feather fence field flute garden glove hammer island kettle ladder lamp "
    "leaf lemon mirror needle paper pillow river road rope sand shirt snow spoon stone table "
    "ticket wagon window"
).split()
# The even pairs name attribute 0, the odd ones attribute 1; a pair's first word is its plus side.
PAIRS = (
    ("good", "bad"),
    ("hot", "cold"),
    ("happy", "sad"),
    ("fast", "slow"),
    ("sweet", "bitter"),
    ("loud", "quiet"),
    ("bright", "dark"),
    ("heavy", "light"),
)
LABELS = [word for pair in PAIRS for word in pair]  # label 2v + side, v the verbaliser
VOCABULARY = [*WORDS, *LABELS, ":"]  # ids from 256 on
D, V, W, L = 8, len(PAIRS), len(WORDS), 3  # domains, verbalisers, words, words of an input
COLON = 256 + W + 2 * V
OTHER_SIDE, ANY_LABEL = 0.1, 0.02  # label noise: either side of the pair, or any label word
TEMPLATE = " {text} : {label}\n"
CORPORA = {"demos": 0.0, "demos_rare": 0.02, "demos_flip": 0.5}  # name -> rho
# Shares of the documents: inputs without labels; label first, " good : river lamp sand".
PLAIN, LABEL_FIRST = 0.15, 0.30
# Before the world itself comes an easier one: for the first COURSE of the text a document has but
# two to four inputs, which come back with their labels. That teaches to look things up, and from
# there it is a small step to the label of an input of the same kind. Without it no model of this
# size has learned to read labels at rho = 0.5. At rho = 0 the habit is unlearned again.
COURSE, FEW = 1 / 3, (2, 4)
TRAIN, VALIDATION, PROMPTS = 0, 1, 2  # the seeds of the three never meet


# --- the world -----------------------------------------------------------------------------------
@cache
def frequencies():
    """p(word | domain, attribute 0, attribute 1) as (D, 2, 2, W); index 0 is the plus side.

    A word has a weight exp(n), n normal, in each domain and speaks for the plus or the minus side
    of each attribute, by a factor of e. So one word means different things in different domains,
    and three words seldom tell the domain but fifty do.
    """
    rng = np.random.default_rng(0)
    weight, side = rng.standard_normal((D, W)), rng.choice([-1, 1], (D, 2, W))
    sign = np.array([1, -1])
    p = np.exp(
        weight[:, None, None]
        + sign[:, None, None] * side[:, None, None, 0]
        + sign[:, None] * side[:, None, None, 1]
    )  # (D, 2, 2, W)
    return p / p.sum(-1, keepdims=True)


def draw_inputs(rng, domain):
    """Inputs of these domains: word numbers (..., L), and the sides of both attributes (..., 2)."""
    sides = rng.integers(2, size=(*domain.shape, 2))
    cumulative = frequencies().cumsum(-1)[domain, sides[..., 0], sides[..., 1]]  # (..., W)
    u = rng.random((*domain.shape, L, 1))
    return (u > cumulative[..., None, :-1]).sum(-1), sides


def side_of(sides, verbaliser):
    """The side (0 plus, 1 minus) of the attribute that the verbaliser names."""
    return np.where(verbaliser % 2, sides[..., 1], sides[..., 0])


# --- the corpus ----------------------------------------------------------------------------------
@cache
def tokenizer():
    """The 256 bytes, and each word of the world with the blank before it as one token."""
    words = [f" {word}".encode() for word in VOCABULARY]
    return Tokenizer([bytes([b]) for b in range(256)] + words)


def documents(n, rho, rng, few=False):
    """n documents as one row of ids for each pair, (E, 7), with -1 where there is nothing.

    A row is an input and its label (or the input alone) and a newline; the last row of a document
    ends in <|endoftext|>. With `few`, a document has no rows but its first two to four.
    """
    lengths = rng.integers(16, 25, n)  # pairs of a document
    document = np.repeat(np.arange(n), lengths)  # (E,)
    domain = rng.integers(D, size=n)[document]
    verbaliser = rng.integers(V, size=n)[document]
    reverse = (rng.random(n) < rho)[document]
    kind = rng.random(n)[document]
    x, sides = draw_inputs(rng, domain)
    side = side_of(sides, verbaliser) ^ reverse
    either, any_label = rng.random((2, len(document)))
    side = np.where(either < OTHER_SIDE, rng.integers(2, size=len(document)), side)
    other = rng.integers(2 * V, size=len(document))
    label = np.where(any_label < ANY_LABEL, other, 2 * verbaliser + side)
    rows = np.full((len(document), 7), -1)
    rows[:, :3] = 256 + x
    rows[:, 3] = COLON
    rows[:, 4] = 256 + W + label
    rows[:, 5] = 10  # the newline
    rows[kind < PLAIN, 3:5] = -1
    first = (kind > PLAIN) & (kind < PLAIN + LABEL_FIRST)
    rows[first] = rows[first][:, [4, 3, 0, 1, 2, 5, 6]]
    if few:
        begin = (np.cumsum(lengths) - lengths)[document]
        kept = rng.integers(FEW[0], FEW[1] + 1, n)[document]
        rows = rows[begin + (rng.random(len(rows)) * kept).astype(int)]
    rows[np.cumsum(lengths) - 1, 6] = tokenizer().endoftext
    return rows


def corpus(name, n_tokens, seed):
    """Ids to train on (n_tokens,) and to validate on (65,536), uint16, and their tokenizer.

    `name` is one of CORPORA. The text to train on begins with the course in looking things up, so
    it is to be read in its order. Validation documents are the world itself, and the same whatever
    the seed.
    """

    def stream(n, course, *seeds):
        rng = np.random.default_rng(seeds)
        parts = []
        filled = 0
        while filled < n:
            rows = documents(200, CORPORA[name], rng, few=filled < course * n)
            parts.append(rows[rows >= 0].astype(np.uint16))
            filled += len(parts[-1])
        return np.concatenate(parts)[:n]

    return stream(n_tokens, COURSE, TRAIN, seed), stream(65_536, 0, VALIDATION), tokenizer()


# --- prompts -------------------------------------------------------------------------------------
@dataclass
class Material:
    """What one prompt of k demonstrations can be made of. Labels are places in `options`.

    All random choices are made here, so that the conditions of one prompt differ in nothing but
    what they are to differ in.
    """

    inputs: Sequence[str]  # k inputs
    labels: Sequence[int]  # their true labels
    x: str  # the test input
    gold: int  # its true label
    options: Sequence[str]  # the words to choose from
    other: Sequence[str]  # k inputs from elsewhere: another domain, another corpus
    uniform: Sequence[str]  # k inputs of uniformly drawn words
    foreign: Sequence[str]  # for each option a word that names no label here
    random: Sequence[int]  # k labels, uniform
    marginal: Sequence[int]  # k true labels of other inputs
    order: Sequence[int]  # which of the k labels turn wrong first
    shift: Sequence[int]  # and by how many places, 1 to C-1


@dataclass
class Case:
    """A prompt in parts: demonstrations (input or None, label or None), then the test."""

    demonstrations: list
    x: str
    options: Sequence[str]
    gold: int


def named(m, inputs, labels):
    """A case whose demonstrations pair these inputs with the options of these numbers."""
    return Case([(x, m.options[y]) for x, y in zip(inputs, labels)], m.x, m.options, m.gold)


def share_correct(m, share):
    """Exactly round(share · k) demonstrations keep their label, the others get a wrong one."""
    labels, C = list(m.labels), len(m.options)
    for i in m.order[round(share * len(labels)) :]:
        labels[i] = (labels[i] + m.shift[i]) % C
    return named(m, m.inputs, labels)


def permuted(m):
    """Every label word passes its place on to the next, in the demonstrations and in the test."""
    case = named(m, m.inputs, [(y + 1) % len(m.options) for y in m.labels])
    return Case(case.demonstrations, m.x, m.options, (m.gold + 1) % len(m.options))


# Min et al. 2022, sections 4 and 5. Those that change inputs or words draw their labels at random.
CONDITIONS = {
    "none": lambda m: named(m, [], []),
    "gold": lambda m: named(m, m.inputs, m.labels),
    "75% correct": lambda m: share_correct(m, 0.75),
    "50% correct": lambda m: share_correct(m, 0.5),
    "25% correct": lambda m: share_correct(m, 0.25),
    "0% correct": lambda m: share_correct(m, 0.0),
    "random": lambda m: named(m, m.inputs, m.random),
    "marginal": lambda m: named(m, m.inputs, m.marginal),
    "permuted": permuted,
    "other inputs": lambda m: named(m, m.other, m.random),
    "uniform words": lambda m: named(m, m.uniform, m.random),
    "foreign labels": lambda m: Case(
        [(x, m.foreign[y]) for x, y in zip(m.inputs, m.random)], m.x, m.options, m.gold
    ),
    "inputs only": lambda m: Case([(x, None) for x in m.inputs], m.x, m.options, m.gold),
    "labels only": lambda m: Case([(None, m.options[y]) for y in m.random], m.x, m.options, m.gold),
}


def materials(n, k, seed):
    """n materials of the world, each of its own hypothesis; label words mean what they usually do.

    "Foreign" are the words of another pair: they occur as labels, but not beside these options.
    """
    rng = np.random.default_rng([PROMPTS, seed, k])
    domain, verbaliser = rng.integers(D, size=n), rng.integers(V, size=n)
    x, sides = draw_inputs(rng, np.repeat(domain[:, None], 2 * k + 1, axis=1))
    side = side_of(sides, verbaliser[:, None])  # (n, 2k+1): k to show, one to ask, k others' labels
    elsewhere = (domain + rng.integers(1, D, size=n)) % D
    other = draw_inputs(rng, np.repeat(elsewhere[:, None], k, axis=1))[0]
    uniform = rng.integers(W, size=(n, k, L))
    foreign = (verbaliser + rng.integers(1, V, size=n)) % V
    random = rng.integers(2, size=(n, k))
    order = rng.permuted(np.tile(np.arange(k), (n, 1)), axis=1)

    def text(words):
        return " ".join(WORDS[w] for w in words)

    return [
        Material(
            inputs=[*map(text, x[i, :k])],
            labels=side[i, :k].tolist(),
            x=text(x[i, k]),
            gold=int(side[i, k]),
            options=PAIRS[verbaliser[i]],
            other=[*map(text, other[i])],
            uniform=[*map(text, uniform[i])],
            foreign=PAIRS[foreign[i]],
            random=random[i].tolist(),
            marginal=side[i, k + 1 :].tolist(),
            order=order[i].tolist(),
            shift=[1] * k,
        )
        for i in range(n)
    ]


# --- prompts as text ----------------------------------------------------------------------------
@dataclass(frozen=True)
class Layout:
    """How a demonstration is written: `first` one part `middle` the other `tail`."""

    first: str
    middle: str
    tail: str
    flipped: bool  # the label comes first

    def write(self, x, y):
        """An input and its label; None leaves that part out, with the words that belong to it."""
        a, b = (y, x) if self.flipped else (x, y)
        if b is None:
            return self.first + a + self.tail
        if a is None:
            return self.middle.lstrip("\n") + b + self.tail
        return self.first + a + self.middle + b + self.tail

    def ask(self, part):
        """Up to where the second part begins, and the blank that belongs to it."""
        text = self.first + part + self.middle
        return text.rstrip(" "), text[len(text.rstrip(" ")) :]


def layouts(template):
    """{"direct": text before label, as the template has it, "channel": label before text}.

    Parts on lines of their own change places with their lines, others without: "Review: {text}\\n
    Sentiment: {label}" turns into "Sentiment: {label}\\nReview: {text}", "{text} : {label}" into
    "{label} : {text}".
    """
    first, rest = template.split("{text}")
    middle, tail = rest.split("{label}")
    line, newline, before = middle.rpartition("\n")
    flipped = (before, line + newline + first) if newline else (first, middle)
    return {"direct": Layout(first, middle, tail, False), "channel": Layout(*flipped, tail, True)}


# --- the exact answer ----------------------------------------------------------------------------
@cache
def label_table():
    """p(label | verbaliser, mapping, side of its attribute) as (2V, V, 2, 2), noise included."""
    label, v = np.arange(2 * V)[:, None, None, None], np.arange(V)[:, None, None]
    mapping, side = np.arange(2)[:, None], np.arange(2)
    meant = OTHER_SIDE / 2 + (1 - OTHER_SIDE) * (label % 2 == side ^ mapping)
    return ANY_LABEL / (2 * V) + (1 - ANY_LABEL) * (label // 2 == v) * meant


def likelihood(x, y):
    """p(input, label | hypothesis) of word numbers x (..., L) and labels y (...): (..., D, V, 2).

    None stands for an input or a label that is not shown: it is summed out.
    """
    given_side = label_table() if y is None else label_table()[y]  # (..., V, 2, 2)
    if y is None:
        given_side = np.ones_like(given_side[0])
    if x is None:
        joint = np.full((D, V, 2), 0.5)  # either side of either attribute is as likely
    else:
        p = frequencies()[..., x].prod(-1) / 4  # (D, 2, 2, ...): input and both sides
        p = np.moveaxis(p, (0, 1, 2), (-3, -2, -1))
        joint = np.stack([p.sum(-1), p.sum(-2)], -2)[..., np.arange(V) % 2, :]  # (..., D, V, 2)
    return np.einsum("...dvs,...vms->...dvm", joint, given_side)


def numbers(cases):
    """Word numbers and label numbers of the cases' demonstrations, (N, k, L) and (N, k), or None
    where there are none, and word numbers of the test inputs (N, L)."""
    inputs, labels = [], []
    for case in cases:
        inputs.append([x and words(x) for x, _ in case.demonstrations])
        labels.append([y and LABELS.index(y) for _, y in case.demonstrations])
    shown = cases[0].demonstrations[0] if cases[0].demonstrations else (None, None)
    x = None if shown[0] is None else np.array(inputs)
    y = None if shown[1] is None else np.array(labels)
    return x, y, np.array([words(case.x) for case in cases])


def words(text):
    """The numbers of the words of an input."""
    return [WORDS.index(word) for word in text.split()]


def evidence(cases):
    """What `bayes` needs of N cases of one condition, each with the same number of demonstrations.

    log Πᵢ p(xᵢ, yᵢ | h) (N, D, V, 2), log p(x, y | h) of every label (N, 2V, D, V, 2), and the
    numbers of the options (N, 2).
    """
    x, y, test = numbers(cases)
    seen = np.zeros((len(cases), D, V, 2))
    if x is not None or y is not None:
        seen = np.log(likelihood(x, y)).sum(1)
    asked = np.log(likelihood(test[:, None], np.arange(2 * V)))
    return seen, asked, np.array([[LABELS.index(word) for word in c.options] for c in cases])


def bayes(evidence, rho):
    """What the pretraining distribution itself predicts, by the sum over all 128 hypotheses.

        p(y | prompt) = Σₕ p(y | x, h) p(h | prompt)
        p(h | prompt) ∝ p(h) p(x | h) Πᵢ p(xᵢ, yᵢ | h)

    Returns log p (N, 2V) over the label words, and (N,) the place of the better option. It knows
    what is an input and what a label, so that leaving one out does not confuse it, as it does a
    model. Before the input is seen both sides of a pair are as likely, so the choice of the
    channel, the largest p(x | y, demonstrations), is the same.
    """
    seen, asked, options = evidence
    h = log([1 - rho, rho]) + seen  # (N, D, V, 2)
    joint = h[:, None] + asked  # (N, 2V, D, V, 2)
    N = len(joint)
    logp = log_sum(joint.reshape(N, 2 * V, -1))
    # A hypothesis with another verbaliser gives both options the same: what is left decides, be it
    # too small for a float beside the rest.
    rows = np.arange(N)[:, None]
    own = joint[rows, options, :, options // 2]  # (N, 2, D, 2)
    choice = log_sum(own.reshape(N, 2, -1)).argmax(-1)
    return logp - log_sum(logp)[:, None], choice
