"""The derivatives of exercises/derivations.py against central differences of the losses they are of, in
float64."""

import pytest
import torch

from exercises.derivations import clipped_gradient, gae_weights, ranking_gradient, soft_label
from ppo import gae, policy_loss
from reward import ranking_loss


def central(function, x, h=1e-5):
    """∂function/∂x by (f(x + h) − f(x − h)) / 2h, one entry of x after the other: (*f's shape, *x's shape)."""
    columns = []
    for i in range(x.numel()):
        step = torch.zeros_like(x).view(-1)
        step[i] = h
        step = step.view_as(x)
        columns.append((function(x + step) - function(x - step)) / (2 * h))
    found = torch.stack(columns, -1)
    return found.view(*found.shape[:-1], *x.shape)


def test_central_differences_of_a_cube():
    x = torch.tensor([1.0, -2.0], dtype=torch.double)
    torch.testing.assert_close(central(lambda x: x**3, x), (3 * x**2).diag(), atol=1e-8, rtol=0)


def test_the_gradient_of_two_equal_scores():
    """σ(0) = ½: the better of two answers is pushed up by a half, the other down."""
    found = ranking_gradient(torch.zeros(1, 2), torch.tensor([[0, 1]]))
    torch.testing.assert_close(found, torch.tensor([[-0.5, 0.5]]))


@pytest.mark.parametrize("K", [2, 4])
def test_the_gradient_of_the_ranking_loss(K):
    scores = torch.randn(6, K, dtype=torch.double)
    ranks = torch.randint(-1, K, (6, K))  # ties and missing answers are frequent
    ranks[0], ranks[1], ranks[2] = torch.arange(K), -1, 0  # a full order, nothing, one tie of all
    found = ranking_gradient(scores, ranks)
    expected = central(lambda s: ranking_loss(s, ranks), scores)
    torch.testing.assert_close(found, expected, atol=1e-8, rtol=0)


@pytest.mark.parametrize("lam", [0.0, 0.5, 0.95, 1.0])
def test_gae_is_a_sum(lam):
    T = 5
    rewards, values = torch.randn(2, 1, T, dtype=torch.double)
    mask = torch.ones(1, T, dtype=torch.double)
    of_rewards, of_values = gae_weights(T, lam)
    expected = central(lambda r: gae(r[None], values, mask, lam)[0], rewards[0])
    torch.testing.assert_close(of_rewards, expected, atol=1e-8, rtol=0)
    expected = central(lambda v: gae(rewards, v[None], mask, lam)[0], values[0])
    torch.testing.assert_close(of_values, expected, atol=1e-8, rtol=0)
    whole = of_rewards @ rewards[0] + of_values @ values[0]
    torch.testing.assert_close(whole, gae(rewards, values, mask, lam)[0])


def test_the_gradient_of_the_clipped_objective():
    """All four corners and the middle, for a gain and for a loss; none of them at a kink."""
    ratio = torch.tensor([0.5, 0.79, 0.9, 1.0, 1.1, 1.21, 3.0], dtype=torch.double).repeat(2, 1)
    advantages = torch.tensor([[0.7], [-1.3]], dtype=torch.double).expand(2, 7)
    old = torch.randn(2, 7, dtype=torch.double)
    logp = old + ratio.log()
    found = clipped_gradient(logp, old, advantages, 0.2)
    expected = central(lambda x: policy_loss(x, old, advantages, 0.2)[0].sum(), logp)
    torch.testing.assert_close(found, expected, atol=1e-8, rtol=0)
    assert found[0, 5:].eq(0).all() and found[1, :2].eq(0).all()


def test_a_soft_label_by_hand():
    """d = 2, p = 0.7: 0.7 · 0.126928 + 0.3 · 2.126928, and 0.880797 − 0.7; d = 0 costs log 2."""
    d = torch.tensor([2.0, 0.0], dtype=torch.double)
    loss, slope = soft_label(d, torch.tensor([0.7, 0.2], dtype=torch.double))
    by_hand = torch.tensor([0.7269280, 0.6931472], dtype=torch.double)
    torch.testing.assert_close(loss, by_hand, atol=1e-6, rtol=0)
    by_hand = torch.tensor([0.1807971, 0.3], dtype=torch.double)
    torch.testing.assert_close(slope, by_hand, atol=1e-6, rtol=0)


@pytest.mark.parametrize("p", [0.0, 0.3, 0.5, 1.0])
def test_the_slope_of_a_soft_label(p):
    """As central differences have it, and as the loss of reward.py: also for a score far off."""
    d = torch.tensor([-3.0, -0.4, 0.0, 1.0, 60.0], dtype=torch.double)
    p = torch.full_like(d, p)
    loss, slope = soft_label(d, p)
    expected = central(lambda x: soft_label(x, p)[0].sum(), d)
    torch.testing.assert_close(slope, expected, atol=1e-8, rtol=0)
    for i in range(len(d)):
        scores = torch.stack([d[i], torch.zeros_like(d[i])])[None]
        theirs = ranking_loss(scores, torch.tensor([[0, 1]]), p=p[i : i + 1].float())
        torch.testing.assert_close(loss[i], theirs, atol=1e-5, rtol=1e-6)
