"""The language of GINC (Xie et al. 2021, section 4): hidden Markov models that share a memory.

Ten values (the paper's entities) and ten slots (its properties) make 100 hidden states, and a
memory matrix gives each state the word that it says. A concept is a matrix of slot transitions S;
value transitions V are shared by all concepts, and the transition matrix of a concept is the
Kronecker product V ⊗ S. A document is a walk of one concept. Slot 0 always says "/", which prompts
also use between their examples.
"""

from itertools import chain, islice, permutations
from string import ascii_lowercase

import numpy as np

from plumbing.errors import BadInput

SLOTS = VALUES = 10
STATES = SLOTS * VALUES  # state = SLOTS * value + slot


def mixed_permutations(random, temperature):
    """A doubly stochastic (10, 10) matrix: Σ_i w_i P_i over ten random permutation matrices,
    w = softmax((u − 1/2) / temperature)."""
    weights = np.exp((random.rand(SLOTS) - 0.5) / temperature)
    mixed = np.zeros((SLOTS, SLOTS))
    for weight in weights / weights.sum():
        mixed += weight * np.eye(SLOTS)[random.permutation(SLOTS)]
    return mixed


class Ginc:
    """One instance: `concepts` in-distribution and as many unseen ones (the latter half of S).

    words: strings, "/" first. memory (values, slots): the symbol each state says. S (2·concepts,
    slots, slots), V (values, values), start (2·concepts, states), T (2·concepts, states, states).
    Raises BadInput for sizes that cannot be.
    """

    def __init__(self, concepts=5, symbols=50, temperature=0.1, identity=0.9, seed=1111):
        if concepts < 1 or not 2 <= symbols <= 677 or temperature <= 0 or not 0 <= identity <= 1:
            raise BadInput(
                f"GINC with --concepts={concepts} --symbols={symbols} --temperature={temperature} "
                f"--identity={identity}: expected at least 1, 2 to 677, above 0, and 0 to 1"
            )
        self.concepts = concepts
        letters = chain(permutations(ascii_lowercase, 1), permutations(ascii_lowercase, 2))
        self.words = ["/", *map("".join, islice(letters, symbols - 1))]

        # The legacy generator, whose stream never changes.
        random = np.random.RandomState(seed)
        self.memory = random.randint(1, symbols, size=(VALUES, SLOTS))
        self.memory[:, 0] = 0
        moved = mixed_permutations(np.random.RandomState(seed + 3), temperature)
        self.V = (1 - identity) * moved + identity * np.eye(VALUES)

        start, slots = [], []
        for _ in range(2 * concepts):
            weights = np.exp((random.rand(STATES) - 0.5) / 10)
            start.append(weights / weights.sum())
            slots.append(mixed_permutations(random, temperature))
        self.start = np.stack(start)
        self.S = np.stack(slots)
        self.T = np.stack([np.kron(self.V, S) for S in self.S])

        # One sorted array for all rows, row r in r..r+1, so that one search serves any batch.
        cumulative = self.T.cumsum(-1)
        cumulative /= cumulative[..., -1:]
        row = np.arange(2 * concepts * STATES).reshape(-1, STATES, 1)
        self.cumulative = (cumulative + row).ravel()
        self.random = random  # the released documents go on from this point of the stream

    def move(self, concept, state, u):
        """The next states: the first whose cumulative probability exceeds the uniform u."""
        row = concept * STATES + state
        found = np.searchsorted(self.cumulative, row + u, side="right") - row * STATES
        return np.minimum(found, STATES - 1)

    def documents(self, count, length, random, among=None):
        """`count` documents of the first `among` concepts: (concept (count,), states (count,
        length)). Each token burns a second number, as the released data's emissions do."""
        concept = np.empty(count, dtype=np.int64)
        u = np.empty((length, count))
        for i in range(count):
            concept[i] = random.randint(0, among or self.concepts)
            u[:, i] = random.random_sample(2 * length)[::2]
        states = np.empty((length, count), dtype=np.uint8)
        state = (self.start[concept].cumsum(-1) > u[0, :, None]).argmax(-1)
        states[0] = state
        for t in range(1, length):
            state = states[t] = self.move(concept, state, u[t])
        return concept, states.T

    def say(self, states):
        """States -> the symbols they say."""
        return self.memory.ravel()[states]
