"""Sums and shares of probabilities given by their logarithms, against numpy's own sum."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.logarithms import log, log_softmax, log_sum, softmax


@given(st.lists(st.floats(-800, 800), min_size=1, max_size=8))
def test_sums_of_small_and_large_numbers(values):
    x = np.array([values, values[::-1]])
    whole = np.logaddexp.reduce(x, axis=-1)
    np.testing.assert_allclose(log_sum(x), whole, atol=1e-12)
    np.testing.assert_allclose(log_softmax(x), x - whole[:, None], atol=1e-9)
    np.testing.assert_allclose(softmax(x), np.exp(log_softmax(x)), atol=1e-12)


def test_what_is_impossible_counts_as_nothing():
    assert log(0.0) == -np.inf and log([1.0, 0.5]) == pytest.approx([0, np.log(0.5)])
    assert log_sum(log([0.0, 0.25, 0.25])) == pytest.approx(np.log(0.5))
