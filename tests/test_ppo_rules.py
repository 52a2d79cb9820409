"""PPO with rules: both terms are logged as they are, the scale outlives an interruption, A2C."""

import pytest
import torch

import ppo
from data.questions import ASKED, load_questions
from data.world.english_rules import RULES
from plumbing.checkpoint import load_checkpoint, save_checkpoint
from plumbing.config import parse_config
from plumbing.errors import BadInput
from ppo import PRESETS, Config
from tests.test_ppo import config, files, log_of, tokenizer, trained, value  # noqa: F401


@pytest.fixture
def ruled(files, value):  # noqa: F811
    """The files of PPO, and beside them a rule model whose scores are far from uniform."""
    checkpoint = load_checkpoint(files / "reward.pt")
    saved = {**checkpoint, "stage": "rules", "rules": {"a": ["Yes."], "b": ["No.", "Never."]}}
    save_checkpoint(files / "rules.pt", saved)
    return files


def with_rules(files, out="out", **changes):  # noqa: F811
    return config(files, out, rules=str(files / "rules.pt"), **changes)


def test_each_term_is_logged_as_it_is(ruled):
    ppo.train(with_rules(ruled))
    first, second = log_of(ruled / "out")
    assert -1 <= first["preference"] <= 1 and first["rules"] < 0, "1 and −1 are paid; a log of p"
    assert first["preference_spread"] > 0 and "broken" not in first, "people's questions: no gold"
    # At the first batch both are standard: their sum is 0 on average.
    assert first["reward"] == pytest.approx(0, abs=1e-3)
    assert second["reward"] != pytest.approx(0, abs=1e-3)


def test_a_resumed_run_keeps_the_scale(ruled):
    ppo.train(with_rules(ruled, "whole", steps=4))
    ppo.train(with_rules(ruled, "cut"))
    ppo.train(parse_config(Config, PRESETS, [f"--out={ruled / 'cut'}", "--resume", "--steps=4"]))
    assert log_of(ruled / "cut") == log_of(ruled / "whole")
    one, other = (load_checkpoint(ruled / name / "last.pt") for name in ("whole", "cut"))
    assert all(torch.equal(one["model"][k], other["model"][k]) for k in one["model"])


def test_rules_alone(ruled):
    ppo.train(with_rules(ruled, reward="none"))
    first, _ = log_of(ruled / "out")
    assert first["preference"] == first["preference_spread"] == 0 and first["rules_spread"] > 0


def test_nothing_to_learn_from(files):  # noqa: F811
    with pytest.raises(BadInput, match="leaves nothing to learn from"):
        ppo.train(config(files, reward="none"))
    with pytest.raises(BadInput, match="needs one of stage rules"):
        ppo.train(config(files, rules=str(files / "sft.pt")))


def test_a2c_is_one_pass_in_one_minibatch(ruled):
    """Each answer is learned from once, at the weights that wrote it: the ratio is 1, none clipped."""
    cfg = parse_config(Config, PRESETS, ["--preset=a2c"])
    assert cfg.epochs == 1 and cfg.minibatch == cfg.batch_size and cfg.rules
    ppo.train(with_rules(ruled, minibatch=16))
    for row in log_of(ruled / "out"):
        assert row["max_ratio"] < 1e-3 and row["clip_fraction"] == 0


def test_half_of_the_questions_attack():
    asked = load_questions(Config(rules="rules.pt"))
    assert len(asked) == 2 * ASKED and len(load_questions(Config())) == ASKED
    assert asked[:ASKED] == load_questions(Config()), "the others are what they were"
    attacks = [q for q in asked if "rule" in q]
    assert 0.6 < len(attacks) / ASKED < 0.7 and {q["rule"] for q in attacks} == set(RULES)
    assert not {q["family"] for q in attacks} & {"forget", "secret", "game"}
