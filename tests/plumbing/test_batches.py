"""The walk through a data set; the stages' own tests hold it against real lengths and texts."""

import numpy as np
import pytest

from plumbing.batches import Batches


def test_a_batch_may_reach_over_the_end_of_an_epoch():
    batches = Batches(5, 3, seed=1, shuffle=False)
    assert [batches[step].tolist() for step in range(4)] == [
        [0, 1, 2],
        [3, 4, 0],
        [1, 2, 3],
        [4, 0, 1],
    ]


def test_a_batch_larger_than_the_data_takes_rows_again():
    assert Batches(2, 5, seed=1, shuffle=False)[0].tolist() == [0, 1, 0, 1, 0]


def test_each_epoch_has_an_order_of_its_own():
    batches = Batches(50, 50, seed=1)
    first, second = batches[0].tolist(), batches[1].tolist()
    assert sorted(first) == sorted(second) == list(range(50)) and first != second
    assert first == Batches(50, 50, seed=1)[0].tolist() != Batches(50, 50, seed=2)[0].tolist()


@pytest.mark.parametrize("n", [1, 7, 64, 100])
def test_with_lengths_an_epoch_ends_with_its_own_rows(n):
    lengths = np.random.default_rng(0).integers(1, 99, n)
    batches = Batches(n, 8, seed=1, lengths=lengths)
    per_epoch = -(-n // 8)
    for epoch in range(3):
        rows = [batches[step] for step in range(epoch * per_epoch, (epoch + 1) * per_epoch)]
        assert sorted(np.concatenate(rows).tolist()) == list(range(n))
