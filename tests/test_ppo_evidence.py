"""PPO with evidence: what is inserted is in no loss, and the reward reads it as context."""

# ruff: noqa: F401, F811 (fixtures are imported)

import math

import pytest
import torch

import ppo
import sampling
from insertion import Answer, Evidence
from judges import rules
from judges.scores import after_evidence, tokens_of
from model import GPT
from plumbing import signs
from plumbing.checkpoint import load_checkpoint, save_checkpoint
from plumbing.errors import BadInput
from ppo import gae, sample, whiten
from tests.test_ppo import (
    CPU,
    asked,
    config,
    files,
    log_of,
    tokenizer,
    trained,
    value,
)
from tests.tiny import tiny
from tokenizer import Tokenizer


@pytest.fixture
def seeking(tokenizer):
    """A policy that begins each answer with a search of two tokens, and its tokenizer."""
    grown = tokenizer.with_evidence()
    model = tiny(vocab_size=grown.n_vocab, block_size=96)
    return model, grown


def begun(tokenizer, lookups):
    return Evidence(tokenizer, lookups, begin=True)


def found_by(seeking, monkeypatch, lookup, n=12):
    """What `sample` gives where every answer searches."""
    policy, grown = seeking
    monkeypatch.setattr(sampling, "Evidence", begun)
    questions = [asked("Is it hot?"), asked("Why?")] * (n // 2)
    cfg = config(max_new_tokens=40)
    return sample(policy, grown, questions, cfg, CPU, torch.rand(n, 40), lookup)


def test_the_mask_leaves_out_what_was_inserted(seeking, monkeypatch):
    tokens, mask, last, texts, _ = found_by(seeking, monkeypatch, lambda query: "Dry.")
    _, grown = seeking
    line = grown.line("Dry.")
    searched = 0
    for row in range(len(tokens)):
        ids, own = tokens[row].tolist(), mask[row].tolist()
        where = ids.index(grown.result) + 1 if grown.result in ids else 0
        if not where or not texts[row].evidence:
            continue
        searched += 1
        assert ids[where : where + len(line)] == line
        assert own[where - 1 : where - 1 + len(line)] == [0.0] * len(line)
        assert all(own[where - 1 + len(line) : int(last[row])])
    assert searched > 3


def test_no_loss_no_kl_and_no_value_target_reads_an_inserted_token(seeking, monkeypatch):
    """Whatever the policy, the reference and the value network say of it: nothing changes."""
    tokens, mask, *_ = found_by(seeking, monkeypatch, lambda query: "Dry.")
    scores, shape = torch.randn(len(tokens)), mask.shape
    torch.manual_seed(0)
    logp, ref_logp, values = (torch.randn(shape) for _ in range(3))
    results = []
    for junk in (0.0, 1e5):
        noise = torch.where(mask > 0, 0.0, junk * torch.randn(shape))
        new, ref, value = logp + noise, ref_logp - noise, values + noise
        rewards = ppo.kl_rewards(scores, new, ref, mask, 0.1)
        advantages = gae(rewards, value, mask, 0.95)
        returns = (advantages + value) * mask
        kl = signs.distances(new, ref, new - ref, mask)
        white = whiten(advantages, mask, CPU)
        results.append([rewards * mask, advantages, white, returns, *kl.values()])
    for one, other in zip(*results):
        torch.testing.assert_close(one, other)


def test_the_reward_reads_evidence_as_context(tokenizer):
    """By hand: a query, a line, an answer of two tokens; of these alone the words are counted."""
    mask = torch.tensor([[0, 0, 1, 1, 0, 0, 1, 1, 0], [0, 1, 1, 1, 0, 0, 0, 0, 0]]).float()
    expected = [[0, 0, 0, 0, 0, 0, 1, 1, 0], [0, 1, 1, 1, 0, 0, 0, 0, 0]]
    assert after_evidence(mask).tolist() == expected
    grown = tokenizer.with_evidence()
    message = {"role": "assistant", "search": "hat", "result": "The hat is dry.", "content": "Dry."}
    question = [{"role": "user", "content": "Is it dry?"}]
    prompt, said = tokens_of(grown, question, Answer.of(message), 999)
    assert [*prompt, *said] == grown.render([*question, message])[0]
    assert said == [*grown.turn("Dry."), grown.endoftext]
    assert rules.answered([question], [Answer.of(message)]) == [[*question, message]]


def test_ppo_with_knowledge_learns_and_without_tokens_it_is_refused(files, tmp_path, monkeypatch):
    facts = tmp_path / "facts.tsv"
    facts.write_text("the hat\tcolour\tred\n", encoding="utf-8")
    with pytest.raises(BadInput, match="facts.tsv: .*never taught to look anything up"):
        ppo.train(config(files, knowledge=str(facts), steps=1))
    for name in ("sft.pt", "reward.pt"):
        found = load_checkpoint(files / name)
        model = GPT.from_checkpoint(found)
        grown = Tokenizer.from_json(found["tokenizer"]).with_evidence()
        model.grow(grown.n_vocab, like=grown.user)
        shape = {"model": model.state_dict(), "model_config": vars(model.config)}
        save_checkpoint(files / name, found | shape | {"tokenizer": grown.to_json()})
    monkeypatch.setattr(sampling, "Evidence", begun)
    ppo.train(config(files, knowledge=str(facts), steps=2, max_new_tokens=24))
    log = log_of(files / "out")
    assert len(log) == 2 and all(math.isfinite(value) for row in log for value in row.values())
    assert log[0]["kl"] == pytest.approx(0, abs=1e-5)
