"""The combined reward: its terms by hand, and a scale that does not move."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from judges.combined import Combined, open_rewards, standard
from judges.rules import RuleModel
from judges.scores import function_reward
from plumbing.errors import BadInput
from plumbing.machine import Machine
from tests.judges.test_rules import TALK, network
from tests.tiny_out import TOKENIZER, write

MACHINE = Machine("cpu", torch.float32)
RULES = {"a": ["Hello."], "b": ["Thank you."]}
QUESTIONS = [{"messages": TALK[:1]}] * 3
TEXTS = ["I am fine", "Hello", "thank you"]


def batch(preference):
    """What a reward is given of three answers; `preference` says what people think of them."""
    tokens = torch.zeros(3, 4, dtype=torch.long)
    reward = Combined(
        lambda *inputs: torch.tensor(preference),
        RuleModel([network()], TOKENIZER, RULES),
        0.5,
        MACHINE,
    )
    return reward, (QUESTIONS, TEXTS, [True] * 3, tokens, None, None)


def test_the_rules_term_is_the_mean_of_log_kept():
    reward, inputs = batch([0.0, 1.0, 2.0])
    p = reward.rule_model.broken([TALK[:1]] * 3, TEXTS, MACHINE)
    np.testing.assert_allclose(reward.kept(QUESTIONS, TEXTS), np.log(1 - p).mean(1), rtol=1e-4)


def test_the_sum_by_hand():
    """Preferences 0, 1, 2 have mean 1 and spread √⅔; beside them half of the rules' z."""
    reward, inputs = batch([0.0, 1.0, 2.0])
    scores = reward(*inputs)
    kept = reward.kept(QUESTIONS, TEXTS)
    z = (kept - kept.mean()) / kept.std(correction=0)
    by_hand = torch.tensor([-1.0, 0.0, 1.0]) / math.sqrt(2 / 3) + 0.5 * z
    torch.testing.assert_close(scores, by_hand)
    assert reward.terms["preference"] == pytest.approx(1)
    assert reward.terms["preference_spread"] == pytest.approx(math.sqrt(2 / 3))
    assert reward.terms["rules"] == pytest.approx(kept.mean().item()), "logged as it is"


def test_the_scale_is_frozen_at_the_first_batch():
    reward, inputs = batch([0.0, 1.0, 2.0])
    first = reward(*inputs)
    reward.preference = lambda *inputs: torch.tensor([10.0, 11.0, 12.0])
    later = reward(*inputs)
    torch.testing.assert_close(later - first, torch.full((3,), 10 / math.sqrt(2 / 3)))
    again, _ = batch([10.0, 11.0, 12.0])
    again.freeze({"preference": 1.0, "preference_spread": math.sqrt(2 / 3), **rules_scale(reward)})
    torch.testing.assert_close(again(*inputs), later), "as a resumed run takes it up"


def rules_scale(reward):
    mean, spread = reward.scale["rules"]
    return {"rules": mean, "rules_spread": spread}


def test_a_term_without_spread_counts_nothing():
    assert standard(torch.tensor([3.0, 3.0]), 3.0, 0.0).tolist() == [0, 0]
    none = function_reward("none")(None, ["a", "b"], None, torch.zeros(2, 2), None, None)
    assert none.tolist() == [0, 0]


def test_weight_zero_is_the_preference_alone():
    reward, inputs = batch([0.0, 1.0, 2.0])
    reward.weight = 0.0
    torch.testing.assert_close(reward(*inputs), torch.tensor([-1.0, 0.0, 1.0]) / math.sqrt(2 / 3))
    assert "rules" in reward.terms, "it is measured all the same"


def test_another_vocabulary_is_refused(tmp_path):
    from plumbing.checkpoint import load_checkpoint, save_checkpoint
    from tokenizer import Tokenizer

    path = write(tmp_path / "rules" / "ckpt.pt", "rules", head="scalar")
    save_checkpoint(path, {**load_checkpoint(path), "rules": RULES})
    cfg = SimpleNamespace(
        rules=str(path), reward="none", init="sft.pt", seed=1, preset="tiny", advantage="gae"
    )
    other = Tokenizer.train("another text altogether " * 9, 300)
    with pytest.raises(BadInput, match="another vocabulary"):
        open_rewards(cfg, other, None, lambda *a, **k: None, MACHINE)
