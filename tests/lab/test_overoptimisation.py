"""Best-of-n against brute force, its weights and its distance, by hand."""

import itertools
import math

import numpy as np
import pytest

from lab.overoptimisation import best_of_n, best_of_n_kl, best_of_n_weights, journey, journeys


def test_best_of_n_counts_every_subset_once():
    rng = np.random.default_rng(0)
    proxy, gold = rng.normal(size=(3, 6)), rng.normal(size=(3, 6))
    for n in (1, 2, 4, 6):
        best, truth = best_of_n(proxy, gold, n)
        for row in range(3):
            chosen = [
                max(subset, key=lambda i: proxy[row, i])
                for subset in itertools.combinations(range(6), n)
            ]
            assert truth[row] == pytest.approx(np.mean(gold[row, chosen]))
            assert best[row] == pytest.approx(np.mean(proxy[row, chosen]))


def test_answers_that_the_proxy_cannot_tell_apart_share_their_chance():
    proxy, gold = np.array([[1.0, 1.0, 0.0]]), np.array([[4.0, 2.0, 9.0]])
    for order in ([0, 1, 2], [1, 0, 2], [2, 1, 0]):
        assert best_of_n(proxy[:, order], gold[:, order], 3)[1] == pytest.approx([3.0])


@pytest.mark.parametrize("N, n", [(1, 1), (8, 1), (8, 3), (32, 32)])
def test_the_weights_are_a_distribution(N, n):
    weights = best_of_n_weights(N, n)
    assert weights.sum() == pytest.approx(1) and (np.diff(weights) >= 0).all()
    assert (weights[: n - 1] == 0).all()


def test_kl_of_best_of_n():
    """By hand for n = 2; and by the density n·u^(n−1) of the best of n on uniform ranks u."""
    assert best_of_n_kl(1) == 0 and best_of_n_kl(2) == pytest.approx(math.log(2) - 0.5)
    u = (np.arange(200_000) + 0.5) / 200_000
    for n in (4, 32):
        density = n * u ** (n - 1)
        assert best_of_n_kl(n) == pytest.approx((density * np.log(density)).mean(), abs=1e-3)


def test_a_journey_is_its_rise_and_the_smoothed_judge():
    rows = [
        {"proxy": p, "judge": j, "kl": k}
        for p, j, k in [(0, 1, 0), (1, 4, 1), (3, 1, 2), (5, -2, 9)]
    ]
    found = journey(rows)
    assert found == {
        "proxy rise": 5,
        "judge first": 1,
        "judge peak": pytest.approx(2),
        "judge last": pytest.approx(1),
        "last KL": 9,
    }
    both = [{**row, "seed": seed, "arm": "ppo"} for seed in (1, 2) for row in rows]
    assert journeys(both, "ppo")["last KL"] == [9, 9] and journeys(both, "dpo") == {}
