"""Elo ratings against numbers by hand, and what must not change them."""

import math

import numpy as np
import pytest

from lab.elo import POINTS, above, bradley_terry, ends, line_fit, outcomes, ratings, resample

WINS = np.array([[0, 30, 12], [10, 0, 25], [28, 5, 0]], float)


def once(results):
    """Ratings where each prompt counts once: (M,)."""
    return ratings(results, np.ones((1, results.shape[-1])))[0]


def test_two_models_by_hand():
    """d = 400 log10(w / (1 − w)): three of four is 190.85 points, ten of eleven 400."""
    for won, lost, points in ((3, 1, 190.8485), (10, 1, 400.0), (1, 1, 0.0), (1, 3, -190.8485)):
        strength = bradley_terry([[0, won], [lost, 0]])
        assert strength[0] == 0 and strength.dtype == np.float64
        assert -POINTS * strength[1] == pytest.approx(points, abs=1e-4)
        share = won / (won + lost)
        assert points == pytest.approx(400 * math.log10(share / (1 - share)), abs=1e-4)


def test_three_models_of_known_strength_come_back():
    """Expected wins of strengths 1, 2, 6, by hand: 2 of 3, 6 of 7, 6 of 8."""
    wins = 84 * np.array([[0, 1 / 3, 1 / 7], [2 / 3, 0, 2 / 8], [6 / 7, 6 / 8, 0]])
    assert np.exp(bradley_terry(wins)) == pytest.approx([1, 2, 6], rel=1e-8)


def test_at_the_fit_expected_wins_are_the_wins():
    strength = np.exp(bradley_terry(WINS))
    share = strength[:, None] / (strength[:, None] + strength)
    games = WINS + WINS.T
    expected = (games * share).sum(1)  # the diagonal has no games
    assert expected == pytest.approx(WINS.sum(1), rel=1e-8)


def test_the_level_the_order_and_the_number_of_games_are_free():
    strength = bradley_terry(WINS)
    order = [2, 0, 1]
    turned = bradley_terry(WINS[np.ix_(order, order)])
    assert turned == pytest.approx(strength[order] - strength[2], abs=1e-8)
    assert bradley_terry(7 * WINS) == pytest.approx(strength, abs=1e-8)
    both = bradley_terry(np.stack([WINS, WINS.T]))  # several at once
    assert both[0] == pytest.approx(strength, abs=1e-8) and both[1] != pytest.approx(strength)


def test_a_tie_is_half_a_win_in_both_orders():
    found = outcomes(np.array([[1, 2, 3], [1, 3, 2]]))
    assert found[0, 1].tolist() == [0.5, 0, 1] and found[1, 0].tolist() == [0.5, 1, 0]
    assert not found[0, 0].any() and not found[1, 1].any()


def test_ratings_by_hand_with_the_added_tie():
    """Five wins and two ties of seven, and one tie added: 6.5 of 8."""
    scores = np.array([[0] * 7, [1, 1, 1, 1, 1, 0, 0]], float)
    expected = 400 * math.log10(6.5 / 1.5)
    found = once(outcomes(scores))
    assert found == pytest.approx([0, expected])
    assert once(outcomes(scores + 5)) == pytest.approx(found)  # scores are only compared
    never = once(outcomes(np.array([[0.0], [1.0]])))
    assert np.isfinite(never).all()


def test_the_bootstrap_counts_prompts_and_covers():
    counts = resample(50, 30, seed=1)
    assert counts.shape == (30, 50) and (counts.sum(1) == 50).all() and counts.std() > 0.5
    rng = np.random.default_rng(0)
    scores = (rng.random((2, 200)) < [[0.5], [0.7]]).astype(float)
    results = outcomes(scores)
    low, high = ends(ratings(results, resample(200, 400, seed=2)))
    assert low[0] == high[0] == 0 and low[1] < once(results)[1] < high[1]


def test_a_point_above_a_frontier_by_hand():
    others = np.array([[0.0, 10.0], [10.0, 0.0]])
    assert above(np.array([6.0, 6.0]), others) == pytest.approx(1)  # half of each has (5, 5)
    assert above(np.array([4.0, 4.0]), others) == pytest.approx(-1)
    assert above(np.array([12.0, -50.0]), others) == pytest.approx(2)  # nobody helps as much
    assert above(np.array([2.0, 8.0]), others) == pytest.approx(0, abs=1e-9)  # on the line
    assert above(others[0], others) == pytest.approx(0)
    moved = above(np.array([6.0, 6.0]) + 3, others + 3)
    assert moved == pytest.approx(1)  # the level is free
    many = above(np.array([[6.0, 6.0], [4.0, 4.0]]), np.stack([others, others]))
    assert many == pytest.approx([1, -1])


def test_a_line_by_hand():
    """Through (0, 0), (1, 1), (2, 1): slope ½; 1/6 of 2/3 is left, so R² is 3/4."""
    assert line_fit(np.arange(3), np.array([0, 1, 1])) == pytest.approx((0.5, 0.75))
    assert math.isnan(line_fit(np.arange(3), np.ones(3))[1])
