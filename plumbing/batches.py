"""The walk through a data set, as pretraining, fine-tuning and PPO take it."""

import functools
import math

import numpy as np


class Batches:
    """Which of n rows the batch of a step is made of: `batches[step]` is an array of indices.

    It depends on the seed and the step only, so that a resumed run sees the same batches. Each
    epoch visits every row once, in a random order of its own (or, without `shuffle`, in theirs),
    and a batch may reach over its end. With the rows' `lengths`, rows of similar length go
    together, so that little of a batch is padding, and the last batch of an epoch is smaller.
    """

    def __init__(self, n, size, seed, shuffle=True, lengths=None):
        self.n, self.size, self.seed, self.shuffle = n, size, seed, shuffle
        self.lengths = None if lengths is None else np.asarray(lengths)
        self.epoch = functools.lru_cache(2)(self._order if lengths is None else self._buckets)

    def __getitem__(self, step):
        if self.lengths is not None:
            epoch, place = divmod(step, math.ceil(self.n / self.size))
            return self.epoch(epoch)[place]
        wanted = np.arange(step * self.size, (step + 1) * self.size)
        rows = []
        for epoch in np.unique(wanted // self.n):
            rows.extend(self.epoch(int(epoch))[wanted[wanted // self.n == epoch] % self.n])
        return np.array(rows)

    @property
    def padding(self):
        """Share of the first epoch's tokens that only fill up batches, with the rows' lengths."""
        filled = sum(self.lengths[rows].max() * len(rows) for rows in self.epoch(0))
        return 1 - self.lengths.sum() / filled

    def _order(self, epoch):
        order = np.arange(self.n)
        if self.shuffle:
            np.random.default_rng([self.seed, epoch]).shuffle(order)
        return order

    def _buckets(self, epoch):
        """Shuffle, sort by length within pools of 32 batches, cut into batches, shuffle those."""
        rng = np.random.default_rng([self.seed, epoch])
        order = rng.permutation(self.n)
        pool_size = 32 * self.size
        batches = []
        for pool in np.split(order, range(pool_size, self.n, pool_size)):
            pool = pool[np.argsort(self.lengths[pool], kind="stable")]
            batches += np.split(pool, range(self.size, len(pool), self.size))
        return [batches[i] for i in rng.permutation(len(batches))]
