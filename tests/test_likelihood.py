"""Scores of continuations against a slow scoring of whole texts; intervals by hand."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import likelihood
import model as module
from likelihood import (
    groups,
    next_logprobs,
    policy_terms,
    score_options,
    token_logprobs,
)
from plumbing.config import numbers
from plumbing.errors import BadInput
from plumbing.machine import Machine
from plumbing.records import t_interval, wilson, with_interval, write_records
from sampling import generate
from tests.tiny import V, tiny

CPU = Machine("cpu", torch.float32)
PROMPTS = [[1, 2, 3], [4], [5, 6, 7, 8, 9, 10], [11, 12]]
OPTIONS = [[[1], [2, 3]], [[4, 5, 6], [7], [8, 9]], [[1, 1]], [[30], [29], [28, 27, 26, 25]]]


def slow(model, prompt, option):
    """log p of each token of the option: the whole text through the network, without a cache."""
    with torch.no_grad():
        return token_logprobs(model, torch.tensor([prompt + option]))[0, len(prompt) - 1 :].numpy()


@pytest.mark.parametrize("pos", ["rope", "learned"])
@pytest.mark.parametrize("at_once", [likelihood.TOKENS_AT_ONCE, 8])
def test_options_score_as_whole_texts_do(pos, at_once, monkeypatch):
    monkeypatch.setattr(likelihood, "TOKENS_AT_ONCE", at_once)
    model = tiny(pos)
    scored, _ = score_options(model, PROMPTS, OPTIONS, CPU)
    for prompt, options, logps in zip(PROMPTS, OPTIONS, scored):
        assert [len(x) for x in logps] == [len(o) for o in options]
        for option, logp in zip(options, logps):
            np.testing.assert_allclose(logp, slow(model, prompt, option), atol=2e-5)


@pytest.mark.parametrize("pos", ["rope", "learned"])
def test_greedy_is_what_the_sampler_writes(pos):
    model = tiny(pos)
    written = [ids[:3] for ids in generate(model, PROMPTS, 3, temperature=0)]
    options = [
        [ids[:r] for r in (1, 2, 3)] + [[*ids[:2], (ids[2] + 1) % V], [(ids[0] + 1) % V]]
        for ids in written
    ]
    _, greedy = score_options(model, PROMPTS, options, CPU)
    assert greedy == [[True] * 3 + [False] * 2] * len(PROMPTS)


def test_the_next_token_is_a_distribution():
    model = tiny()
    logp = next_logprobs(model, PROMPTS, CPU)
    np.testing.assert_allclose(np.exp(logp).sum(1), 1, rtol=1e-5)
    for prompt, row in zip(PROMPTS, logp):
        np.testing.assert_allclose(row[17], slow(model, prompt, [17])[0], atol=2e-5)


@given(st.lists(st.integers(1, 30_000), min_size=1, max_size=40))
def test_groups_hold_each_row_once_and_keep_the_budget(lengths):
    found = list(groups(lengths))
    assert sorted(i for group in found for i in group) == list(range(len(lengths)))
    for group in found:
        size = len(group) * max(lengths[i] for i in group)
        assert len(group) == 1 or size <= likelihood.TOKENS_AT_ONCE


def test_wilson_by_hand():
    """Wilson's interval solves (p − p̂)² = z² p (1 − p) / n at both ends."""
    for right, n in ((8, 10), (0, 10), (10, 10), (50, 270)):
        low, high = wilson(right, n)
        assert 0 <= low <= right / n <= high <= 1 + 1e-12
        for p in (low, high):
            assert math.isclose((p - right / n) ** 2, 1.96**2 * p * (1 - p) / n, abs_tol=1e-9)
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)


def test_t_interval_by_hand():
    assert t_interval([1.0, 2.0, 3.0]) == pytest.approx((2.0, 4.303 / math.sqrt(3)))
    assert math.isnan(t_interval([5.0])[1])
    for n, t in ((12, 2.201), (21, 2.086), (61, 2.000)):  # from a table of Student's t
        values = [0.0] * n
        values[0] = 1.0
        half = t_interval(values)[1]
        assert half * math.sqrt(n) / np.std(values, ddof=1) == pytest.approx(t, abs=3e-3)


def test_an_interval_as_text():
    assert with_interval([1.0, 2.0, 3.0], 2) == "+2.00 ± 2.48"
    assert with_interval([-0.5]) == "-0.500", "one measurement has no interval"
    assert with_interval([]) == ""


def test_records_are_json_even_without_an_interval(tmp_path):
    write_records(tmp_path / "a" / "x.jsonl", {"config": "시험"}, [{"half": math.nan, "acc": 0.5}])
    lines = (tmp_path / "a" / "x.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [{"config": "시험"}, {"half": None, "acc": 0.5}]
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["x.jsonl"]


@given(st.text(alphabet="0123456789,- x.", max_size=12))
def test_numbers_or_one_line(text):
    try:
        values = numbers(text, (0, 8), "n")
    except BadInput as error:
        assert str(error).startswith(f"--n={text}") and "\n" not in str(error)
    else:
        assert values == ([0, 8] if not text else sorted({int(part) for part in text.split(",")}))
        assert min(values) >= 0


def test_token_logprobs_score_the_next_token():
    model, tokens = tiny(), torch.randint(V, (2, 6))
    found = token_logprobs(model, tokens)
    assert found.shape == (2, 5)
    logp = model(tokens).log_softmax(-1)
    for b in range(2):
        for t in range(5):
            # Entry t: the model has read up to t and is asked for the token at t + 1.
            expected = logp[b, t, tokens[b, t + 1]].item()
            assert found[b, t].item() == pytest.approx(expected, abs=1e-5)


# --- in parts, against all logits at once in float64 ---------------------------------------------


def all_logprobs(model, tokens):
    """log p of every word at each choice (B, T−1, V), the head in float64."""
    x = model.trunk(tokens)[:, :-1].double()
    return (x @ model.wte.weight.double().T).log_softmax(-1)


@pytest.fixture(params=[2**25, 7 * V, 1])
def most(request, monkeypatch):
    """All 24 choices of three rows at once; 7 at a time, which ends in a smaller part; each alone."""
    monkeypatch.setattr(module, "MOST_LOGITS", request.param)


def test_token_logprobs_and_their_gradient(most):
    model, tokens = tiny(), torch.randint(V, (3, 9))
    weights = torch.randn(3, 8)
    found = token_logprobs(model, tokens)
    (found * weights).sum().backward()
    gradients = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    expected = all_logprobs(model, tokens).gather(2, tokens[:, 1:, None]).squeeze(2)
    (expected * weights).sum().backward()
    torch.testing.assert_close(found.double(), expected, atol=1e-5, rtol=0)
    for gradient, p in zip(gradients, model.parameters()):
        torch.testing.assert_close(gradient, p.grad, atol=1e-4, rtol=1e-4)


def test_policy_terms(most):
    policy, ref = tiny(), tiny()
    tokens = torch.randint(V, (3, 9))
    terms = policy_terms(policy, ref, tokens)
    assert terms.shape == (4, 3, 8) and not terms.requires_grad
    p, q = (all_logprobs(model, tokens).detach() for model in (policy, ref))
    logp, ref_logp = (x.gather(2, tokens[:, 1:, None]).squeeze(2) for x in (p, q))
    p, q = (torch.distributions.Categorical(logits=x) for x in (p, q))
    kl = torch.distributions.kl_divergence(p, q)
    assert kl.min() > 0.01
    expected = torch.stack([logp, ref_logp, p.entropy(), kl])
    torch.testing.assert_close(terms.double(), expected, atol=1e-5, rtol=0)


def test_policy_terms_of_a_network_beside_itself():
    """No KL at all; and where every word is as likely as the next, the entropy is log V."""
    model, tokens = tiny(), torch.randint(V, (3, 9))
    logp, ref_logp, _, kl = policy_terms(model, model, tokens)
    assert torch.equal(logp, ref_logp) and (kl == 0).all()
    torch.testing.assert_close(logp, token_logprobs(model, tokens).detach())
    with torch.no_grad():
        model.wte.weight.zero_()
    _, _, entropy, _ = policy_terms(model, model, tokens)
    torch.testing.assert_close(entropy, torch.full((3, 8), math.log(V)))
