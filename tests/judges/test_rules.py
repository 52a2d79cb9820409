"""Best of n by Sparrow's score, and the rule model's reading of a dialogue, on numbers by hand."""

import math
from dataclasses import asdict

import numpy as np
import pytest
import torch

from judges import rules
from judges.rules import (
    RuleModel,
    answered,
    as_rule_model,
    best_of_n,
    combined,
    rank,
    rule_scores,
    rule_tokens,
    rules_of,
    tell,
)
from model import GPT, GPTConfig
from plumbing.checkpoint import load_checkpoint
from plumbing.errors import BadInput
from plumbing.machine import Machine
from tests.tiny_out import TOKENIZER

MACHINE = Machine("cpu", torch.float32)
TALK = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "I am fine"}]


def network(seed=0, head="scalar"):
    torch.manual_seed(seed)
    shape = dict(block_size=64, n_layer=2, n_head=2, n_embd=32, head=head)
    model = GPT(GPTConfig(vocab_size=TOKENIZER.n_vocab, **shape)).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(3) if p.any() else p.normal_()
    return model


def test_combined_by_hand():
    """R = (0, ln 3 · 2): AVG is ln 3, so σ is 1/4 and 3/4; the rules leave .5 and .5 · .8 of it."""
    scores = combined([0.0, 2 * math.log(3)], [[0.5, 0.0], [0.5, 0.2]])
    np.testing.assert_allclose(scores, [0.25 * 0.5, 0.75 * 0.4])


def test_combined_is_the_paper_s_fraction():
    R, p = np.array([0.3, -1.2, 2.0]), np.random.default_rng(0).random((3, 4))
    slow = [
        math.exp(r) / (math.exp(r) + math.exp(R.mean())) * math.prod(1 - q) for r, q in zip(R, p)
    ]
    np.testing.assert_allclose(combined(R, p), slow)


@pytest.mark.parametrize("shift", [-1000.0, 5.0, 1000.0])
def test_the_level_of_the_reward_is_free(shift):
    R, p = np.array([0.3, -1.2, 2.0]), np.full((3, 2), 0.3)
    np.testing.assert_allclose(combined(R + shift, p), combined(R, p), rtol=1e-9)


def test_a_rule_that_is_surely_broken_decides():
    assert combined([9.0, 0.0], [[1.0, 0.0], [0.2, 0.2]]).argmax() == 1
    assert combined([9.0, 0.0], [[0.2, 0.2], [0.2, 0.2]]).argmax() == 0


def test_a_rule_is_the_last_thing_read():
    ids, mask = rule_tokens(TOKENIZER, TALK, "Hello there.")
    assert ids[: len(TOKENIZER.render(TALK)[0])] == TOKENIZER.render(TALK)[0]
    assert ids[-1] == TOKENIZER.assistant
    assert TOKENIZER.decode(ids[len(TOKENIZER.render(TALK)[0]) :]) == " Hello there."
    whole = len(ids)
    assert rule_tokens(TOKENIZER, TALK, "Hello there.", whole) == (ids, mask)
    cut = rule_tokens(TOKENIZER, TALK, "Hello there.", whole - 3)
    assert cut == (ids[3:], mask[3:]), "the left is lost"
    assert len(rule_tokens(TOKENIZER, TALK, "Hello there.", 4)[0]) == 4


@pytest.mark.parametrize("words", [False, True])
def test_the_mask_is_of_the_last_answer_alone(words):
    """Not of earlier answers, not of what was looked up, and not of the rule."""
    tokenizer = TOKENIZER.with_evidence()
    found = {"search": "hat place", "result": "The hat is in the shop."}
    talk = [*TALK, TALK[0], {**TALK[1], "content": "It is there", **found}]
    ids, mask = rule_tokens(tokenizer, talk, "Hello there.", words=words)
    scored = [token for token, own in zip(ids, mask) if own]
    assert len(ids) == len(mask) and tokenizer.decode(scored) == " It is there"
    assert scored[-1] == tokenizer.endoftext
    assert tokenizer.decode(ids).count("Hello there.") == 1 + words


def test_scores_do_not_depend_on_the_batch():
    """Right-padding changes nothing, and each rule is read by itself."""
    model = network()
    long = [{"role": "user", "content": "Hello there, how are you? I am fine"}, TALK[1]]
    both = rule_scores(model, TOKENIZER, [TALK, long], ["Hello.", "I am fine, thank you."], MACHINE)
    assert both.shape == (2, 2) and len(np.unique(both)) == 4
    for i, talk in enumerate((TALK, long)):
        for j, rule in enumerate(("Hello.", "I am fine, thank you.")):
            ids = torch.tensor([rule_tokens(TOKENIZER, talk, rule)[0]])
            np.testing.assert_allclose(both[i, j], model(ids)[0, -1].item(), rtol=2e-4, atol=2e-4)


def test_swap_of_the_rules_swaps_the_scores():
    model = network()
    one = rule_scores(model, TOKENIZER, [TALK], ["Hello.", "Thank you."], MACHINE)
    other = rule_scores(model, TOKENIZER, [TALK], ["Thank you.", "Hello."], MACHINE)
    np.testing.assert_allclose(one[:, ::-1], other, rtol=1e-5)
    assert one[0, 0] != one[0, 1]


def test_words_by_hand():
    """The scalar, less α/√N of what the words of the answer cost; longer rows beside it change
    nothing."""
    model = network(1, "reward")
    model.alpha.fill_(-0.5)
    long = [{"role": "user", "content": "Hello there, how are you? I am fine"}, TALK[1]]
    found = rule_scores(model, TOKENIZER, [TALK, long], ["Hello."], MACHINE)[0, 0]
    ids, mask = rule_tokens(TOKENIZER, TALK, "Hello.", words=True)
    with torch.no_grad():
        x = model.trunk(torch.tensor([ids]))[0]
    logp = (x @ model.wte.weight.T).log_softmax(-1)
    cost = sum(-logp[t - 1, ids[t]] for t in range(1, len(ids)) if mask[t])
    by_hand = model.scalar_head(x[-1]) + 0.5 / math.sqrt(sum(mask)) * cost
    assert found == pytest.approx(by_hand.item(), rel=1e-4)


def test_the_scores_of_two_networks_add_up():
    one, two = network(), network(1, "reward")
    both = RuleModel([one, two], TOKENIZER, {"a": ["Hello."], "b": ["Thank you.", "Fine."]})
    parts = [
        rule_scores(m, TOKENIZER, [TALK], ["Hello.", "Thank you."], MACHINE) for m in (one, two)
    ]
    np.testing.assert_allclose(both.of_answers([TALK[:1]], ["I am fine"], MACHINE), sum(parts))


def saved(**changes):
    """A checkpoint of rules.py with both networks."""
    one, two = network(), network(1, "reward")
    held = {"stage": "rules", "model": one.state_dict(), "words": two.state_dict()}
    held |= {"model_config": asdict(one.config), "tokenizer": TOKENIZER.to_json()}
    return {**held, "rules": {"a": ["Hello."]}, **changes}


def test_both_networks_come_out_of_a_checkpoint():
    one, two = as_rule_model(saved(), "ckpt.pt", MACHINE).networks
    assert one.config.head == "scalar" and two.config.head == "reward"
    assert torch.equal(two.wte.weight, network(1, "reward").wte.weight)
    assert not torch.equal(one.wte.weight, two.wte.weight)


@pytest.mark.parametrize("words", [{}, network().state_dict(), network(2, "lm").state_dict()])
def test_a_second_network_that_is_none(words):
    with pytest.raises(BadInput, match="ckpt.pt: "):
        as_rule_model(saved(words=words), "ckpt.pt", MACHINE)


def test_a_second_network_of_no_numbers(tmp_path):
    words = {"wte.weight": torch.full((2, 2), math.nan)}
    torch.save(saved(words=words), tmp_path / "ckpt.pt")
    with pytest.raises(BadInput, match="not numbers"):
        load_checkpoint(tmp_path / "ckpt.pt")


def test_rank_puts_the_best_first_and_says_why():
    rule_model = RuleModel([network()], TOKENIZER, {"a": ["Hello."], "b": ["Thank you.", "Fine."]})
    texts = ["I am fine", "Hello", "I am fine", "thank you"]
    rows = rank(TALK[:1], texts, [True, True, True, False], MACHINE, rule_model=rule_model)
    assert [row["text"] for row in rows].count("I am fine") == 1 and len(rows) == 3
    assert rows[-1]["text"] == "thank you" and "cut off" in tell(rows[-1])
    assert rows[0]["score"] >= rows[1]["score"]
    p = rule_model.broken([TALK[:1]], ["I am fine"], MACHINE)[0]
    row = next(row for row in rows if row["text"] == "I am fine")
    assert row["score"] == pytest.approx(0.5 * (1 - p[0]) * (1 - p[1]))
    worst = "a" if p[0] > p[1] else "b"
    assert f"most at risk: {worst} {max(p):.0%}" in tell(row)


def test_without_judges_all_are_alike():
    rows = rank(TALK[:1], ["a", "b"], [True, True], MACHINE)
    assert [row["score"] for row in rows] == [0.5, 0.5] and "at risk" not in tell(rows[0])


def test_answers_stand_at_the_end():
    assert answered([TALK[:1]], ["I am fine"]) == [TALK]


@pytest.mark.parametrize("held", [None, {}, {"a": []}, {"a": [3]}, ["a"], {"a": "text"}])
def test_a_checkpoint_without_its_rules(held):
    with pytest.raises(BadInput, match="rule model"):
        rules_of({"rules": held}, "ckpt.pt")


def test_best_of_n_takes_each_question_s_best(monkeypatch):
    """Two questions of three answers each; the best of the second did not end, so another is said."""
    texts = ["a", "b", "c", "d", "e", "f"]
    ended = [True, True, True, True, False, True]
    monkeypatch.setattr(rules, "respond", lambda *args, seed: (texts, ended))
    worth = np.array([0.0, 3.0, 1.0, 1.0, 9.0, 2.0])
    monkeypatch.setattr(rules, "rate", lambda asked, *args, **judges: (worth, np.zeros((6, 0))))
    assert best_of_n(None, None, [TALK[:1], TALK[:1]], MACHINE, 3) == (["b", "f"], [True, True])


def test_best_of_one_is_the_sample(monkeypatch):
    monkeypatch.setattr(rules, "respond", lambda *args, seed: (["a", "b"], [True, False]))
    assert best_of_n(None, None, [TALK[:1]] * 2, MACHINE, 1) == (["a", "b"], [True, False])
