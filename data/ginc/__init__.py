"""GINC, the data set of Xie et al. 2021 in which in-context learning emerges: prompts, corpora.

The language itself is data/ginc/hmm.py. A prompt is n examples and a test example of k words
each, "/" between them; the answer is the last word. The released data set comes out to the byte,
from its seeds:

    python -m data.ginc --official --write=ginc          the released files, each checked by SHA-1
    python -m data.ginc --concepts=20 --write=ginc20     another instance under the same names
"""

import json
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from data.ginc.hmm import SLOTS, STATES, VALUES, Ginc
from plumbing.errors import BadInput
from tokenizer import Tokenizer

LENGTHS = (3, 5, 8, 10)  # k: tokens of an example, its label included
SHOTS = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256)  # n: examples before the test example
MOST_TOKENS = 1024  # (k + 1)·n at most
PROMPTS = 2500  # per k and n in the released files
TRAIN, VALIDATION = (1000, 10_240), (100, 1024)  # documents, tokens of each

FILES = {
    "id": "id_prompts_randomsample",
    "ood": "ood_prompts_randomsample",
    "ood_fixed": "ood_prompts_fixed",
}

# What `--data` of pretrain.py may name: how many concepts, and what its documents follow.
CORPORA = {
    "ginc": dict(concepts=5, documents="all"),  # the released instance
    "ginc20": dict(concepts=20, documents="all"),  # more to infer from the prompt
    "ginc_one": dict(concepts=5, documents="first"),  # control: one concept, nothing to infer
    "ginc_random": dict(concepts=5, documents="none"),  # control: words drawn at random
}

SHA1 = {  # git's blob hashes of the released files, vocabulary of 50
    "train.json": "14e19f38600382975ebd445509f3b11526e68422",
    "train.txt": "cf179a8709cf219f33ea199b2570e22496306832",
    "val.json": "414fa9cb67600387a15a6c1222af7f5b96c468f1",
    "val.txt": "6e02a9170049e51e771e01fb2c9b1d7359f07d4d",
    "id_prompts_randomsample_3.json": "eecf0b770a9593ca8c4900be215e517dcba8dde0",
    "id_prompts_randomsample_5.json": "6c04d7b362354172908fc23e250d826032296f74",
    "id_prompts_randomsample_8.json": "1ad480676d025fce48759d207ee299f7da9389ec",
    "id_prompts_randomsample_10.json": "ada6ff01c5d5410521eaa355af29e45767faec4b",
    "ood_prompts_randomsample_3.json": "7f687ecf79c9d66c8a71416cf80717833f9953c5",
    "ood_prompts_randomsample_5.json": "b790b7d5fd1c95b57d115b5023a78fb6ff1f1ad4",
    "ood_prompts_randomsample_8.json": "cb75cc79826f09502102eb883f6f1f12f20c10df",
    "ood_prompts_randomsample_10.json": "9d6b16cdc372982076517ea7d5eabb02172e7396",
}


# --- prompts -----------------------------------------------------------------------------------


@dataclass
class Prompts:
    """N prompts of n examples and a test example, each of k tokens. The test label is cut off.

    tokens (N, (k+1)(n+1) − 2): symbols. label, concept (N,): the answer, and the true concept's
    index in S. slots, values (N, n+1, k): the hidden states that said them.
    """

    kind: str
    k: int
    n: int
    tokens: np.ndarray
    label: np.ndarray
    concept: np.ndarray
    slots: np.ndarray
    values: np.ndarray

    def examples(self):
        """The tokens by example (N, n+1, k+1), each with its "/"; 0 in place of the test label."""
        shape = (len(self.tokens), self.n + 1, self.k + 1)
        return np.pad(self.tokens, ((0, 0), (0, 2))).reshape(shape)

    def reordered(self, order):
        """The same prompts with their examples in another order."""
        moved = self.examples()[:, [*order, self.n]]
        return replace(self, tokens=moved.reshape(len(moved), -1)[:, :-2])


class Draws(NamedTuple):
    """Which words draws below one limit take: `taken`, those that are small enough, and `rank`,
    how many such words stand before each word."""

    taken: np.ndarray
    rank: np.ndarray

    def word(self, at, i=0):
        """The word that draw i takes, if draw 0 starts at word `at`."""
        return self.taken[self.rank[at] + i]


class Words:
    """The 32-bit words of a legacy generator, as RandomState spends them: a draw below `limit`
    takes words until one, masked to the bits of limit − 1, is small enough; a uniform number takes
    two words. Seeing the words beforehand lets thousands of prompts be drawn at once."""

    def __init__(self, seed):
        self.random = np.random.RandomState(seed)
        self.words = np.empty(0, np.uint32)

    def ensure(self, count):
        """At least `count` words to look at."""
        more = max(0, count - len(self.words))
        new = self.random.randint(0, 2**32, size=more, dtype=np.uint32)
        self.words = np.concatenate([self.words, new])

    def below(self, limit, at):
        """The draw below `limit` that starts at word `at`: (value, word after it)."""
        mask = (1 << (limit - 1).bit_length()) - 1
        while (value := int(self.words[at]) & mask) >= limit:
            at += 1
        return value, at + 1

    def spend(self, count):
        """Go on behind the next `count` words."""
        self.words = self.words[count:]

    def all_below(self, limit):
        """The Draws below a limit of 9 to 16, from anywhere."""
        small = (self.words & 15).astype(np.uint8) < limit
        rank = small.cumsum(dtype=np.int32) - small
        return Draws(np.flatnonzero(small), np.minimum(rank, rank[-1] - 16))

    def value(self, at):
        """The values of draws, from the words that they take."""
        return (self.words[at] & 15).astype(np.int64)

    def uniform(self, at):
        """The numbers in 0..1 whose words start at `at`: 53 bits of two words."""
        high, low = self.words[at] >> 5, self.words[at + 1] >> 6
        return (high * 67108864.0 + low) / 9007199254740992.0


def draw_prompts(ginc, words, kind, k, n, count=PROMPTS, only=None):
    """The next `count` prompts of the stream `words`, or the first `only` of them.

    kind "id": a concept and a start slot for the prompt; each example is a fresh value and a walk
    of k states. "ood": the released prompts of unseen concepts, whose slots are random and follow
    no concept; "ood_fixed": walks of the unseen concepts. only=0 passes over them: None.
    """
    walk = kind != "ood"
    about = 2 * k if walk else 2 * k + 2  # words that an example takes
    words.ensure(count * (12 + (n + 1) * about) + 1000)
    ten = words.all_below(VALUES)
    nine = None if walk else words.all_below(SLOTS - 1)

    # The word behind an example, were it to begin at each of the words.
    if walk:  # a value, then a uniform number for each move
        after = ten.word(slice(None)) + 1 + 2 * (k - 1)
    else:  # k slots, then a value
        last_slot = nine.word(slice(None), k - 1)
        after = ten.word(last_slot + 1) + 1

    # Where the examples do begin: one behind the other.
    after = after.data  # a memoryview hands over single numbers faster than an array
    heads, begins, at = [], [], 0
    for _ in range(count):
        concept, at = words.below(ginc.concepts, at)
        start, at = words.below(SLOTS - 1, at) if walk else (0, at)
        heads.append((concept, start + 1))
        for _ in range(n + 1):
            begins.append(at)
            at = after[at]
    spent = at

    N = count if only is None else only
    if not N:
        words.spend(spent)
        return None
    concept, start = np.array(heads[:N]).T
    if kind != "id":  # the unseen concepts stand behind the others
        concept = concept + ginc.concepts
    begins = np.array(begins).reshape(count, n + 1)[:N]

    states = np.empty((N, n + 1, k), dtype=np.int64)
    if walk:
        at = ten.word(begins)
        states[..., 0] = SLOTS * words.value(at) + start[:, None]
        for t in range(1, k):
            u = words.uniform(at + 2 * t - 1)
            states[..., t] = ginc.move(concept[:, None], states[..., t - 1], u)
    else:
        at = nine.word(begins[..., None], np.arange(k))  # (N, n+1, k)
        slot = words.value(at) + 1
        value = words.value(ten.word(at[..., -1] + 1))
        states[:] = SLOTS * value[..., None] + slot
    words.spend(spent)

    tokens = np.zeros((N, n + 1, k + 1), dtype=np.int64)  # "/" ends each example
    tokens[..., :k] = ginc.say(states)
    tokens = tokens.reshape(N, -1)[:, :-2]  # without the last label and its "/"
    label = best_label(ginc, concept, start if walk else None, tokens[:, 1 - k :])
    return Prompts(kind, k, n, tokens, label, concept, states % SLOTS, states // SLOTS)


def best_label(ginc, concept, start, x):
    """argmax_o p(o | x) under the true concept, given the start slot (None: any state): (N,).

    x (N, k−1): the test example alone. A test input that the concept cannot say has no answer, and
    gets "/": about half of the released prompts of unseen concepts are spoilt so at k = 10.
    """
    # The forward algorithm; α (N, slots, values) is what is known of the state before each token.
    alpha = np.ones((len(x), SLOTS, VALUES))
    if start is not None:
        alpha *= (np.arange(SLOTS) == start[:, None])[..., None]
    into = ginc.S[concept].mT  # (N, slots, slots)
    for token in x.T:
        alpha = alpha * (ginc.memory.T == token[:, None, None])
        alpha = into @ (alpha.reshape(-1, VALUES) @ ginc.V).reshape(alpha.shape)  # (V ⊗ S)ᵀα
    says = np.zeros((STATES, len(ginc.words)))
    says[np.arange(STATES), ginc.memory.T.ravel()] = 1
    return (alpha.reshape(len(x), -1) @ says).argmax(-1)


def all_cells():
    """(kind, k, n) in the order in which the released prompts were drawn. k = 2 was not released,
    but drawn."""
    return [
        (kind, k, n)
        for k in (2, *LENGTHS)
        for kind in ("id", "ood")
        for n in SHOTS
        if (k + 1) * n <= MOST_TOKENS
    ]


def prompts(ginc, cells, only=None):
    """Yields the Prompts of each cell (kind, k, n): the released ones, in their order; then those
    of "ood_fixed", which were never released, from streams of their own. `only` the first few."""
    words = Words(1114)
    left = {cell for cell in cells if cell[0] != "ood_fixed"}
    for cell in all_cells():
        if not left:
            break
        drawn = draw_prompts(ginc, words, *cell, only=only if cell in left else 0)
        if cell in left:
            left.remove(cell)
            yield drawn
    for kind, k, n in cells:
        if kind == "ood_fixed":
            yield draw_prompts(ginc, Words([1115, k, n]), kind, k, n, only or PROMPTS)


# --- what a model reads ------------------------------------------------------------------------


def validation():
    """The released instance and its validation documents: (Ginc, concept (100,), states (100,
    1024))."""
    ginc = Ginc()
    count, length = TRAIN
    for _ in range(count):  # pass over the training documents
        ginc.random.randint(0, ginc.concepts)
        ginc.random.random_sample(2 * length)
    return ginc, *ginc.documents(*VALIDATION, ginc.random)


def make_tokenizer(ginc):
    """A byte-level vocabulary in which each word and the blank before it is one token: (Tokenizer,
    ids (V,) of the symbols). So a corpus is encoded by one look-up, `ids[symbols]`."""
    vocab = [bytes([b]) for b in range(256)] + [f" {word}".encode() for word in ginc.words]
    return Tokenizer(vocab), np.arange(256, len(vocab), dtype=np.uint16)


def symbol_ids(ginc, tokenizer):
    """The token of each symbol. Raises BadInput if the tokenizer has no token of its own for it."""
    ids = [tokenizer.encode(f" {word}") for word in ginc.words]
    if max(map(len, ids)) > 1:
        raise BadInput(
            "this checkpoint's vocabulary splits GINC's words; pretrain on them first: "
            "python pretrain.py --preset=ginc"
        )
    return np.array([i for (i,) in ids])


def draw_symbols(name, ginc, count, length, seed):
    """Fresh documents of CORPORA[name]: symbols (count, length)."""
    random = np.random.RandomState([count, seed])
    kind = CORPORA[name]["documents"]
    if kind == "none":
        return random.randint(0, len(ginc.words), size=(count, length))
    among = 1 if kind == "first" else ginc.concepts
    return ginc.say(ginc.documents(count, length, random, among)[1])


def corpus_validation(name, ginc):
    """Validation documents of CORPORA[name]: symbols (100, 1024), for "ginc" the released ones."""
    if name == "ginc":
        return ginc.say(validation()[2])
    return draw_symbols(name, ginc, *VALIDATION, seed=0)


def corpus(name, n_tokens, seed):
    """Pretraining tokens of CORPORA[name]: (train ids (n_tokens,), validation ids, Tokenizer).

    Training documents are fresh. No token separates documents, and their length is a multiple of
    every block size in use.
    """
    ginc = Ginc(CORPORA[name]["concepts"])
    tokenizer, ids = make_tokenizer(ginc)
    length = TRAIN[1]
    count = -(-n_tokens // length)
    train = draw_symbols(name, ginc, count, length, seed).ravel()[:n_tokens]
    validation_set = corpus_validation(name, ginc).ravel()
    return ids[train], ids[validation_set], tokenizer


# --- text --------------------------------------------------------------------------------------


def join(cells, symbols):
    """Symbols (1-D) as text, by one look-up in an array of words, each with its separator: cells of
    fixed width, less their padding and the last separator."""
    return cells[symbols].tobytes().replace(b"\0", b"")[:-1].decode()


def record(fields):
    """One JSON line as pandas writes it: compact, with "/" as "\\/"."""
    return json.dumps(fields, separators=(",", ":")).replace("/", "\\/")


def document_lines(ginc, concept, states):
    """JSON lines and texts of documents."""
    words = np.array([f"{word} " for word in ginc.words], dtype=bytes)
    numbers = np.array([f"{i}," for i in range(STATES)], dtype=bytes)
    texts = [join(words, ginc.say(row)) for row in states]
    lines = []
    for c, row, text in zip(concept.tolist(), states, texts):
        line = record({"text": text, "hmm_idx": c, "hmm_type": "ID"})
        lines.append(f'{line[:-1]},"hiddens":[{join(numbers, row)}]}}')
    return lines, texts


def prompt_lines(ginc, p):
    """JSON lines and texts of Prompts."""
    words = np.array([f"{word} " for word in ginc.words], dtype=bytes)
    texts = [join(words, row) for row in p.tokens]
    columns = zip(
        texts,
        p.label.tolist(),
        p.tokens[:, 1 - p.k :].tolist(),
        p.slots[:, -1].tolist(),
        p.values[:, -1, -1].tolist(),
        (p.concept % ginc.concepts).tolist(),
    )
    kind = "ID_sample" if p.kind == "id" else "OOD_sample"
    lines = [
        record(
            {
                "text": text,
                "label": ginc.words[label],
                "x": [ginc.words[i] for i in x],
                "slot_pattern": [*slots, 0],
                "test_value": value,
                "hmm_type": kind,
                "n_examples": p.n,
                "hmm_id": concept,
            }
        )
        for text, label, x, slots, value, concept in columns
    ]
    return lines, texts
