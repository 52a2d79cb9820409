"""PPO: each formula against its definition, the invariants of the first step, and what a run must and must not change."""

import json
import math
import os
import subprocess
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

import optim
import ppo
import sampling
from data.world import World
from grpo import compare, group_advantages, leave_one_out
from judges import exam
from judges.hidden import judge
from judges.scores import function_reward, model_reward
from likelihood import token_logprobs
from model import GPT, GPTConfig
from plumbing.checkpoint import load_checkpoint, save_checkpoint
from plumbing.config import parse_config
from plumbing.errors import BadInput, run
from plumbing.machine import Machine
from plumbing.signs import steer, warn
from ppo import (
    Config,
    gae,
    get_batch,
    kl_rewards,
    load_questions,
    policy_loss,
    rollout,
    sample,
    update,
    value_loss,
    whiten,
)
from tests.tiny import plain_logprobs, tiny
from tokenizer import Tokenizer

ROOT = Path(ppo.__file__).parent
CPU = Machine("cpu", torch.float32)
QUESTIONS = [
    "Is it hot?",
    "Is it cold?",
    "Do cows eat grass?",
    "Are you a fox?",
    "Is the sea red?",
    "May I go?",
    "Can a king sing?",
    "Is this the long question that leaves the others far behind?",
]


def asked(text):
    return {"messages": [{"role": "user", "content": text}]}


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.train(" ".join([*QUESTIONS, "Yes.", "No."] * 3), 300)


@pytest.fixture(scope="module")
def trained(tokenizer):
    """A little model that says "Yes." or "No." to everything, one as often as the other, and stops."""
    torch.manual_seed(7)
    model = GPT(
        GPTConfig(block_size=64, vocab_size=tokenizer.n_vocab, n_layer=2, n_head=2, n_embd=32)
    )
    rows = [
        tokenizer.render([*asked(q)["messages"], {"role": "assistant", "content": a}])
        for q in QUESTIONS
        for a in ("Yes.", "No.")
    ]
    T = max(len(ids) for ids, _ in rows)
    tokens, mask = torch.full((len(rows), T), tokenizer.pad), torch.zeros(len(rows), T)
    for i, (ids, learn) in enumerate(rows):
        tokens[i, : len(ids)], mask[i, : len(ids)] = (
            torch.tensor(ids),
            torch.tensor(learn, dtype=torch.float),
        )
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(100):
        optimizer.zero_grad()
        (-(token_logprobs(model, tokens) * mask[:, 1:]).sum() / mask.sum()).backward()
        optimizer.step()
    return model.eval()


@pytest.fixture
def policy(trained):
    return GPT.from_checkpoint(
        {"model_config": asdict(trained.config), "model": trained.state_dict()}
    )


@pytest.fixture
def loud(tokenizer):
    """A network whose answers are long, varied and seldom ended."""
    return tiny(vocab_size=tokenizer.n_vocab, block_size=64)


@pytest.fixture
def value(tokenizer):
    return tiny(vocab_size=tokenizer.n_vocab, block_size=64, head="scalar")


@pytest.fixture
def files(tmp_path, trained, tokenizer, value):
    """What PPO starts from: a fine-tuned model, a reward model, questions and pretraining text."""
    (tmp_path / "text.txt").write_text(
        "The cow eats grass. The king likes the sea. Is it hot? No.\n" * 40, encoding="utf-8"
    )
    parts = {"tokenizer": tokenizer.to_json(), "step": 0, "metrics": {}}
    base = {"stage": "pretrain", "data": str(tmp_path / "text.txt"), "parent": None}
    for name, model, parent in (("sft", trained, base), ("reward", value, None)):
        save_checkpoint(
            tmp_path / f"{name}.pt",
            {
                **parts,
                "stage": name,
                "model": model.state_dict(),
                "model_config": asdict(model.config),
                "train_config": {},
                "parent": parent,
            },
        )
    lines = [json.dumps({"prompt": q, "completion": "Yes."}) for q in QUESTIONS]
    (tmp_path / "questions.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def config(files=Path("."), out="out", **changes):
    return Config(
        **{
            **dict(
                init=str(files / "sft.pt"),
                reward="tests.test_ppo:likes_yes",
                out=str(files / out),
                data=str(files / "questions.jsonl"),
                steps=2,
                batch_size=16,
                minibatch=4,
                max_new_tokens=6,
                lr=3e-3,
                value_lr=3e-3,
                device="cpu",
                dtype="float32",
            ),
            **changes,
        }
    )


def options(cfg):
    return [
        f"--{key}={value}" for key, value in asdict(cfg).items() if value != getattr(Config, key)
    ]


def log_of(out):
    """The log's lines of iterations, without timings."""
    lines = [json.loads(line) for line in open(Path(out) / "log.jsonl", encoding="utf-8")]
    return [{k: v for k, v in line.items() if k != "seconds"} for line in lines if "kl" in line]


def likes_yes(messages, text):
    return 1.0 if "Yes" in text else -1.0


def hates_yes(messages, text):
    return -likes_yes(messages, text)


def says_nothing(messages, text):
    return "nothing"


def is_no_number(messages, text):
    return math.nan


CALLS = []


def remembers(messages, text):
    CALLS.append((messages, text))
    return len(text)


def spans(B, T, seed=0):
    """Masks as answers make them: one run of ones in each row, of any place and length."""
    rng, mask = np.random.default_rng(seed), torch.zeros(B, T)
    for row in mask:
        start = int(rng.integers(0, T - 1))
        row[start : int(rng.integers(start + 1, T + 1))] = 1
    return mask


def rolled(policy, ref, value, tokenizer, cfg, reward=None, questions=None, seed=0):
    """One batch of `rollout`, its figures, and the answers as texts."""
    reward = reward or function_reward("tests.test_ppo:likes_yes")
    questions = questions or [asked(q) for q in (QUESTIONS * cfg.batch_size)[: cfg.batch_size]]
    noise = torch.rand(len(questions), 40, generator=torch.Generator().manual_seed(seed))
    batch, figures = rollout(
        policy, ref, value, reward, tokenizer, questions, cfg, CPU, noise, cfg.beta, None
    )
    texts = [
        tokenizer.decode(row[1:][m > 0].tolist()).strip()
        for row, m in zip(batch["tokens"], batch["mask"])
    ]
    return batch, figures, texts


def paid(batch, texts, tokenizer):
    """What `likes_yes` gives each answer, less the penalty for those without an end."""
    ended = ((batch["tokens"][:, 1:] == tokenizer.endoftext) * batch["mask"]).sum(1) > 0
    scores = torch.tensor([likes_yes(None, text) for text in texts])
    return torch.where(ended, scores, scores.clamp(max=0) - 1)


def optimizers_of(policy, value, lr):
    learners = {"policy": policy, "value": value}
    return {name: optim.build(net, lr, 0.0, eps=1e-5) for name, net in learners.items()}


def learn(policy, value, batch, cfg, lr=0.0, ptx=None):
    return update(
        {"policy": policy, "value": value},
        optimizers_of(policy, value, lr),
        batch,
        1.0,
        ptx,
        cfg,
        CPU,
        np.random.default_rng(0),
    )


def perturbed(model, scale=0.05):
    other = GPT.from_checkpoint({"model_config": asdict(model.config), "model": model.state_dict()})
    with torch.no_grad():
        for p in other.parameters():
            p.add_(scale * torch.randn_like(p))
    return other


# --- rewards per token -------------------------------------------------------------------------


@given(st.integers(0, 500))
def test_rewards_add_up_to_the_score_minus_beta_kl(seed):
    torch.manual_seed(seed)
    mask, logp, ref_logp, scores = (
        spans(5, 9, seed),
        torch.randn(5, 9),
        torch.randn(5, 9),
        torch.randn(5),
    )
    rewards = kl_rewards(scores, logp, ref_logp, mask, 0.3)
    torch.testing.assert_close(rewards.sum(1), scores - 0.3 * ((logp - ref_logp) * mask).sum(1))
    assert (rewards[mask == 0] == 0).all()


def test_the_score_is_paid_at_the_last_token():
    mask = torch.tensor([[0.0, 1, 1, 1, 0], [0, 0, 0, 1, 0], [1, 1, 1, 1, 1]])
    same = torch.randn(3, 5)
    rewards = kl_rewards(torch.tensor([2.0, 3.0, 4.0]), same, same, mask, 0.1)
    assert rewards.tolist() == [[0, 0, 0, 2, 0], [0, 0, 0, 3, 0], [0, 0, 0, 0, 4]]
    shifted = kl_rewards(torch.zeros(3), same + 0.5, same, mask, 0.1)
    torch.testing.assert_close(shifted, -0.05 * mask)


# --- advantages --------------------------------------------------------------------------------


def test_gae_by_hand():
    rewards, values = torch.tensor([[0.0, -1.0, 2.0]]), torch.tensor([[0.5, 1.0, 1.5]])
    # δ = (0 + 1 − 0.5, −1 + 1.5 − 1, 2 − 1.5) = (0.5, −0.5, 0.5); with λ = ½ from the right:
    expected = torch.tensor([[0.5 - 0.25 / 2, -0.5 + 0.5 / 2, 0.5]])
    torch.testing.assert_close(gae(rewards, values, torch.ones(1, 3), 0.5), expected)


def brute_force(rewards, values, mask, lam):
    """A_t = Σ_l λ^l δ_{t+l} over the tokens of the answer, each sum from scratch."""
    out = torch.zeros_like(rewards)
    for b in range(len(rewards)):
        own = mask[b].nonzero().flatten().tolist()
        for t in own:
            for u in own[own.index(t) :]:
                following = values[b, u + 1] if u + 1 in own else 0.0
                out[b, t] += lam ** (u - t) * (rewards[b, u] + following - values[b, u])
    return out


@given(st.integers(0, 500), st.sampled_from([0.0, 0.3, 0.95, 1.0]))
def test_gae_is_the_double_sum(seed, lam):
    torch.manual_seed(seed)
    mask = spans(4, 8, seed)
    rewards, values = (torch.randn(4, 8, dtype=torch.double) * mask for _ in range(2))
    torch.testing.assert_close(
        gae(rewards, values, mask, lam), brute_force(rewards, values, mask, lam), atol=1e-12, rtol=0
    )


def test_lambda_1_is_monte_carlo_whatever_the_values():
    mask, values = spans(30, 12), torch.randn(30, 12)
    rewards = torch.randn(30, 12) * mask
    returns = gae(rewards, values, mask, 1.0) + values
    to_go = rewards.flip(1).cumsum(1).flip(1)
    torch.testing.assert_close(returns[mask > 0], to_go[mask > 0])


def test_without_kl_each_token_returns_the_score():
    mask, values, scores, same = (
        spans(30, 12),
        torch.randn(30, 12),
        torch.randn(30),
        torch.zeros(30, 12),
    )
    returns = gae(kl_rewards(scores, same, same, mask, 0.0), values, mask, 1.0) + values
    torch.testing.assert_close(returns[mask > 0], scores[:, None].expand(30, 12)[mask > 0])


def test_lambda_0_is_the_temporal_difference():
    mask, values, rewards = torch.ones(3, 6), torch.randn(3, 6), torch.randn(3, 6)
    following = F.pad(values[:, 1:], (0, 1))
    torch.testing.assert_close(gae(rewards, values, mask, 0.0), rewards + following - values)


def test_gae_steps_over_what_was_inserted_by_hand():
    """Two choices, three inserted tokens, a last choice: as if the three were not there."""
    rewards = torch.tensor([[0.0, -1.0, 7.0, 7.0, 7.0, 2.0]])
    values = torch.tensor([[0.5, 1.0, 9.0, 9.0, 9.0, 1.5]])
    mask = torch.tensor([[1.0, 1.0, 0.0, 0.0, 0.0, 1.0]])
    # δ = (0 + 1 − 0.5, −1 + 1.5 − 1, 2 − 1.5) = (0.5, −0.5, 0.5); with λ = ½ from the right:
    expected = torch.tensor([[0.5 - 0.25 / 2, -0.5 + 0.5 / 2, 0.0, 0.0, 0.0, 0.5]])
    torch.testing.assert_close(gae(rewards, values, mask, 0.5), expected)


def test_gae_ignores_what_stands_outside_the_answer():
    mask, values, rewards = spans(20, 10), torch.randn(20, 10), torch.randn(20, 10)
    clean = gae(rewards * mask, values * mask, mask, 0.95)
    junk = torch.where(mask > 0, 0.0, 1e6 * torch.randn(20, 10))
    assert torch.equal(gae(rewards * mask + junk, values * mask + junk, mask, 0.95), clean)
    assert (clean[mask == 0] == 0).all()


def test_whitening_is_over_the_tokens_of_answers_only():
    x, mask = 3 + 5 * torch.randn(20, 10), spans(20, 10)
    white = whiten(x, mask, CPU)
    own = white[mask > 0]
    assert own.mean().abs() < 1e-5 and own.var(correction=0) == pytest.approx(1, abs=1e-5)
    assert (white[mask == 0] == 0).all()
    junk = torch.where(mask > 0, x, torch.randn(20, 10) * 1e4)
    torch.testing.assert_close(whiten(junk, mask, CPU), white)
    wider = whiten(F.pad(x, (0, 5), value=9.0), F.pad(mask, (0, 5)), CPU)
    torch.testing.assert_close(wider[:, :10], white)
    assert torch.isfinite(whiten(torch.ones(2, 3), torch.ones(2, 3), CPU)).all()


# --- the clipped losses ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ratio, advantage, moves",
    [
        (1.5, 1.0, False),
        (1.5, -1.0, True),
        (0.5, 1.0, True),
        (0.5, -1.0, False),
        (1.1, 1.0, True),
        (0.9, -1.0, True),
    ],
)
def test_a_clipped_ratio_has_no_gradient_on_the_side_of_its_advantage(ratio, advantage, moves):
    logp = torch.tensor([[math.log(ratio)]], requires_grad=True)
    loss, found = policy_loss(logp, torch.zeros(1, 1), torch.tensor([[advantage]]), 0.2)
    loss.sum().backward()
    assert found.item() == pytest.approx(ratio)
    assert loss.item() == pytest.approx(
        -min(ratio * advantage, max(0.8, min(1.2, ratio)) * advantage)
    )
    assert logp.grad.item() == pytest.approx(-advantage * ratio if moves else 0.0)


def test_at_ratio_one_the_gradient_is_that_of_reinforce():
    logp, advantages = torch.randn(3, 4, requires_grad=True), torch.randn(3, 4)
    loss, ratio = policy_loss(logp, logp.detach(), advantages, 0.2)
    loss.sum().backward()
    assert (ratio == 1).all()
    torch.testing.assert_close(logp.grad, -advantages)


@pytest.mark.parametrize(
    "value, target, moves",
    [
        (0.3, 1.0, False),  # has gone more than 0.2 towards the return: enough
        (0.3, -1.0, True),
        (0.1, 1.0, True),
        (-0.3, 1.0, True),
        (-0.3, -1.0, False),
        (0.0, 0.5, True),
    ],
)
def test_a_value_moves_only_so_far(value, target, moves):
    new = torch.tensor([value], requires_grad=True)
    loss = value_loss(new, torch.zeros(1), torch.tensor([target]), 0.2)
    loss.sum().backward()
    clipped = max(-0.2, min(0.2, value))
    assert loss.item() == pytest.approx(0.5 * max((value - target) ** 2, (clipped - target) ** 2))
    assert new.grad.item() == pytest.approx(value - target if moves else 0.0)


def test_a_value_that_has_not_moved_is_not_clipped():
    old, returns = torch.randn(50), torch.randn(50)
    torch.testing.assert_close(value_loss(old, old, returns, 0.2), 0.5 * (old - returns) ** 2)


# --- answers compared with one another ---------------------------------------------------------


def test_group_advantages_by_hand():
    """Two questions, three answers each: question 0 at rows 0, 2, 4. A tie of all says nothing."""
    scores = torch.tensor([1.0, 5.0, 2.0, 5.0, 6.0, 5.0])  # of question 0: 1, 2, 6
    spread = math.sqrt(((1 - 3) ** 2 + (2 - 3) ** 2 + (6 - 3) ** 2) / 3)
    expected = torch.tensor([-2 / spread, 0, -1 / spread, 0, 3 / spread, 0])
    torch.testing.assert_close(group_advantages(scores, 3), expected, atol=2e-4, rtol=0)


def test_leave_one_out_by_hand():
    scores = torch.tensor([1.0, 5.0, 2.0, 5.0, 6.0, 8.0])
    expected = [1 - (2 + 6) / 2, 5 - (5 + 8) / 2, 2 - (1 + 6) / 2]
    expected += [5 - (5 + 8) / 2, 6 - (1 + 2) / 2, 8 - (5 + 5) / 2]
    assert leave_one_out(scores, 3).tolist() == pytest.approx(expected)


def test_compared_answers_by_hand():
    """GRPO pays the price of KL token by token; RLOO compares what is left of the whole answer."""
    scores = torch.tensor([3.0, 1.0])  # two answers to one question
    mask = torch.tensor([[0.0, 1.0, 1.0], [1.0, 1.0, 0.0]])
    logp = torch.tensor([[-9.0, -1.0, -2.0], [-3.0, -1.0, -9.0]])
    ref_logp = torch.tensor([[-1.0, -3.0, -2.0], [-2.0, -1.0, -1.0]])
    found = compare(scores, logp, ref_logp, mask, 0.5, Config(advantage="group", k=2))
    expected = torch.tensor(
        [[0, 1 - 1.0, 1], [-1 + 0.5, -1, 0]]
    )  # spread 1; log-ratios 2, 0, -1, 0
    torch.testing.assert_close(found, expected, atol=2e-4, rtol=0)
    found = compare(scores, logp, ref_logp, mask, 0.5, Config(advantage="loo", k=2))
    expected = torch.tensor([[0, 0.5, 0.5], [-0.5, -0.5, 0]])  # 3 - 1 = 2 against 1 + 0.5 = 1.5
    torch.testing.assert_close(found, expected)


@given(st.integers(0, 200), st.sampled_from([2, 4, 8]))
def test_a_level_of_the_score_cancels(seed, k):
    g = torch.Generator().manual_seed(seed)
    scores = torch.randn(16, generator=g, dtype=torch.double)
    level = torch.randn(16 // k, generator=g, dtype=torch.double).repeat(
        k
    )  # how easy each question is
    for function in (group_advantages, leave_one_out):
        found = function(scores, k)
        torch.testing.assert_close(function(scores + level, k), found, atol=1e-9, rtol=1e-9)
        assert found.view(k, -1).sum(0).abs().max() < 1e-9


def test_a_question_is_asked_k_times_and_its_answers_stay_together():
    questions = [asked(str(i)) for i in range(40)]
    cfg = config(batch_size=16, advantage="group", k=4)
    whole = [q["messages"][0]["content"] for q in get_batch(questions, 1, cfg, CPU)]
    assert len(set(whole)) == 4 and whole == whole[:4] * 4
    for rank in range(2):
        machine = Machine("cpu", torch.float32, rank, 2)
        own = [q["messages"][0]["content"] for q in get_batch(questions, 1, cfg, machine)]
        assert own == whole[rank::2] and own == own[:2] * 4


@pytest.mark.parametrize("advantage", ["group", "loo"])
def test_without_a_value_network_the_rewarded_becomes_likelier(files, tokenizer, advantage):
    calm = dict(advantage=advantage, k=4, batch_size=64, minibatch=16, lr=1e-3)
    ppo.train(config(files, steps=20, **calm))
    kept = load_checkpoint(files / "out" / "last.pt")
    assert "value" not in kept and "policy" in kept
    log = log_of(files / "out")
    reward = [row["reward"] for row in log if "reward" in row]
    assert np.mean(reward[-3:]) > np.mean(reward[:3]) + 0.3 and log[0]["first_ratio"] < 1e-5
    assert not {"value_loss", "grad_value", "explained_variance"} & log[0].keys()
    ppo.train(config(files, "cut", steps=10, **calm))
    options = [f"--out={files / 'cut'}", "--resume", "--steps=20"]
    ppo.train(parse_config(Config, ppo.PRESETS, options))
    again = load_checkpoint(files / "cut" / "last.pt")
    assert all(torch.equal(kept["model"][name], again["model"][name]) for name in kept["model"])


def test_the_first_step_is_that_of_the_compared_answers(policy, tokenizer):
    cfg = Config(batch_size=8, minibatch=8, max_new_tokens=6, advantage="group", k=4, beta=0.1)
    questions = [asked(q) for q in QUESTIONS[:2]] * 4
    other = perturbed(policy, 0.02)
    batch, figures, texts = rolled(policy, other, None, tokenizer, cfg, questions=questions)
    assert batch.keys() == {"tokens", "mask", "logp", "advantages"}
    scores = paid(batch, texts, tokenizer)
    ref_logp = token_logprobs(other, batch["tokens"])
    expected = compare(scores, batch["logp"], ref_logp, batch["mask"], 0.1, cfg)
    torch.testing.assert_close(batch["advantages"], expected.detach(), atol=1e-4, rtol=1e-4)


# --- the adaptive price of KL ------------------------------------------------------------------


def test_steer_in_closed_form():
    assert steer(0.15, 6.0, 6.0, 256) == 0.15
    assert steer(0.15, 60.0, 6.0, 256) == pytest.approx(0.15 * 1.00512, rel=1e-9)
    assert steer(0.15, 0.0, 6.0, 256) == pytest.approx(0.15 * 0.99488, rel=1e-9)
    assert steer(0.15, 6.6, 6.0, 1000) == pytest.approx(0.15 * 1.01, rel=1e-9)


@given(st.floats(-100, 100), st.floats(0.01, 50), st.integers(1, 4096))
def test_the_price_stays_positive(kl, target, n):
    assert steer(0.1, kl, target, n) > 0


# --- where rewards come from -------------------------------------------------------------------


def test_a_function_gets_messages_and_text():
    CALLS.clear()
    reward = function_reward("tests.test_ppo:remembers")
    questions = [asked("Is it hot?"), asked("May I go?")]
    scores = reward(
        questions, ["Yes.", "No"], [True, False], torch.zeros(2, 3, dtype=torch.long), None, None
    )
    assert scores.tolist() == [4.0, 2.0] and scores.dtype == torch.float
    assert CALLS == [(questions[0]["messages"], "Yes."), (questions[1]["messages"], "No")]


def test_the_judge_is_a_reward():
    prompts = World().prompts("ppo", 13)
    texts = [p["answers"][0] for p in prompts]
    scores = function_reward("judge")(
        prompts, texts, [True, False] * 6 + [True], torch.zeros(1), None, None
    )
    expected = [judge(p, t, i % 2 == 0)["score"] for i, (p, t) in enumerate(zip(prompts, texts))]
    assert scores.tolist() == pytest.approx(expected)


def test_a_module_of_the_folder_is_found(tmp_path, monkeypatch):
    (tmp_path / "my_wishes.py").write_text(
        "def f(messages, text):\n    return 7\n", encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p not in ("", ".")])
    assert function_reward("my_wishes:f")(
        [asked("?")], ["a"], [True], torch.zeros(1), None, None
    ).tolist() == [7.0]


@pytest.mark.parametrize(
    "name, words",
    [
        ("no_such_module:f", "no_such_module"),
        ("tests.test_ppo:no_such_function", "no_such_function"),
        ("json", "module:function"),
        ("json:", "module:function"),
        ("", "module:function"),
        (":f", "module:function"),
        ("tests.test_ppo:ROOT", "module:function"),
        ("tests.test_ppo:says_nothing", "says_nothing"),
        ("tests.test_ppo:is_no_number", "is_no_number"),
    ],
)
def test_a_reward_that_is_none_is_told_in_one_line(files, capsys, name, words):
    with pytest.raises(SystemExit) as stop:
        run(lambda: ppo.train(config(files, reward=name)))
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert stop.value.code == 2 and len(lines) == 1 and words in lines[0]


def test_the_reward_model_reads_the_last_real_token(files, tokenizer, value):
    cfg = config(files, reward=str(files / "reward.pt"))
    reward, start = model_reward(cfg, tokenizer, GPT.from_checkpoint)
    tokens, last = torch.randint(200, (3, 9)), torch.tensor([8, 4, 6])
    expected = torch.stack([value(row[None, : end + 1])[0, -1] for row, end in zip(tokens, last)])
    mask = torch.ones(3, 8)
    torch.testing.assert_close(reward(None, None, None, tokens, last, mask), expected)
    assert start(tokens).equal(value(tokens))


def with_words(files, tokenizer, alpha=0.5):
    """A reward model that kept its word head, in place of the one with a scalar alone."""
    model = tiny(vocab_size=tokenizer.n_vocab, block_size=64, head="reward")
    model.alpha.fill_(alpha)
    found = load_checkpoint(files / "reward.pt")
    found |= {"model": model.state_dict(), "model_config": asdict(model.config)}
    save_checkpoint(files / "reward.pt", found)
    return model


def test_a_reward_model_with_words_reads_them_in_the_answer(files, tokenizer):
    model = with_words(files, tokenizer)
    cfg = config(files, reward=str(files / "reward.pt"))
    reward, start = model_reward(cfg, tokenizer, GPT.from_checkpoint)
    tokens, last = torch.randint(200, (2, 9)), torch.tensor([8, 5])
    mask = torch.tensor([[0, 0, 0, 1, 1, 1, 1, 1], [0, 0, 1, 1, 1, 0, 0, 0.0]])
    scalar = start(tokens)  # the value network starts from the reward model's trunk and scalar
    assert start.config.head == "scalar" and scalar.shape == (2, 9)
    logp = plain_logprobs(model, tokens)
    expected = torch.stack(
        [
            scalar[0, 8] + 0.5 * logp[0, 3:8].sum() / 5**0.5,
            scalar[1, 5] + 0.5 * logp[1, 2:5].sum() / 3**0.5,
        ]
    )
    torch.testing.assert_close(reward(None, None, None, tokens, last, mask), expected)


def test_ppo_learns_from_a_reward_model_with_words(files, tokenizer):
    with_words(files, tokenizer)
    ppo.train(config(files, reward=str(files / "reward.pt"), steps=2))
    log = log_of(files / "out")
    assert len(log) == 2 and all(math.isfinite(value) for row in log for value in row.values())
    kept = load_checkpoint(files / "out" / "last.pt")
    assert kept["model_config"]["head"] == "lm" and "alpha" not in kept["value"]


def test_pretraining_text_is_mixed_in_where_there_is_some():
    """As InstructGPT's models; GPT-2's own text is not at hand."""
    assert Config().ptx == 1
    assert parse_config(Config, ppo.PRESETS, ["--preset=gpt2"]).ptx == 0


def test_a_reward_model_of_another_vocabulary_is_refused(files):
    other = load_checkpoint(files / "reward.pt") | {
        "tokenizer": Tokenizer([bytes([b]) for b in range(256)]).to_json()
    }
    save_checkpoint(files / "other.pt", other)
    with pytest.raises(
        BadInput, match="other.pt was trained with another vocabulary than .*sft.pt"
    ):
        ppo.train(config(files, reward=str(files / "other.pt")))


# --- sampling ----------------------------------------------------------------------------------


def test_the_mask_covers_the_answer_and_its_end(policy, tokenizer):
    questions = [asked(q) for q in QUESTIONS]
    tokens, mask, last, texts, ended = sample(
        policy, tokenizer, questions, config(), CPU, torch.rand(8, 6)
    )
    for row in range(8):
        n = len(tokenizer.prompt(questions[row]["messages"])[0])
        answer = tokens[row, 1:][mask[row].bool()]
        assert mask[row].nonzero().flatten().tolist() == list(range(n - 1, int(last[row])))
        assert torch.equal(tokens[row, n : last[row] + 1], answer)
        assert tokenizer.decode(answer.tolist()).strip() == texts[row]
        assert (
            (answer == tokenizer.endoftext).sum()
            == ended[row]
            == (answer[-1] == tokenizer.endoftext)
        )
        assert (tokens[row, last[row] + 1 :] == tokenizer.pad).all()
    assert all(ended)


def test_an_answer_without_end_is_all_ones(loud, tokenizer):
    with torch.no_grad():
        loud.wte.weight[tokenizer.endoftext] = 0
    _, mask, _, _, ended = sample(
        loud, tokenizer, [asked("Is it hot?")] * 8, config(), CPU, torch.rand(8, 6)
    )
    assert not all(ended)
    assert all(m.sum() == 6 for m, e in zip(mask, ended) if not e)


def test_what_is_sampled_is_what_is_scored(loud, tokenizer):
    """4,000 first tokens against the probabilities that the update will use: a chi-square."""
    n, question = 4000, asked("Is it hot?")
    tokens, mask, *_ = sample(
        loud, tokenizer, [question] * n, config(max_new_tokens=1), CPU, torch.rand(n, 1)
    )
    assert mask.sum() == n and (mask[:, -1] == 1).all()
    p = loud(tokens[:1])[0, -2].softmax(-1).double()
    counts = torch.bincount(tokens[:, -1], minlength=len(p)).double()
    common_ones = p * n > 5
    assert common_ones.sum() > 20
    expected, found = p[common_ones] * n, counts[common_ones]
    expected, found = (
        torch.cat([expected, n - expected.sum()[None]]),
        torch.cat([found, n - found.sum()[None]]),
    )
    freedom = len(expected) - 1
    assert ((found - expected) ** 2 / expected).sum() < freedom + 4 * math.sqrt(2 * freedom)
    logp = token_logprobs(loud, tokens)
    torch.testing.assert_close(logp[:, -1].double(), p.log()[tokens[:, -1]], atol=1e-4, rtol=0)


def test_a_long_question_keeps_its_right_end(tokenizer):
    model = tiny("learned", vocab_size=tokenizer.n_vocab, block_size=24)
    long = asked("May I go? " * 20)
    tokens, mask, *_ = sample(
        model, tokenizer, [long, asked("Is it hot?")], config(), CPU, torch.rand(2, 6)
    )
    whole = tokenizer.prompt(long["messages"])[0]
    assert tokens.shape[1] <= 24 and tokens[0, :18].tolist() == whole[-18:]
    short = tokenizer.prompt(asked("Is it hot?")["messages"])[
        0
    ]  # the cut is by the block, not by the answer's length
    assert tokens[1, : len(short)].tolist() == short and len(short) > 6


# --- rollouts ----------------------------------------------------------------------------------


def test_at_the_start_kl_is_zero_and_the_reward_is_the_score(policy, value, tokenizer):
    batch, figures, texts = rolled(policy, policy, value, tokenizer, config(beta=0.7))
    assert figures["kl"] == figures["kl_k3"] == figures["kl_exact"] == 0
    scores = paid(batch, texts, tokenizer)
    assert figures["reward"] == pytest.approx(scores.mean().item()) and figures["ended"] > 0.9
    assert {"Yes.", "No."} <= set(texts)
    # With λ = 1 the return of every token is the whole reward: the score itself.
    batch, *_ = rolled(policy, policy, value, tokenizer, config(beta=0.7, lam=1.0))
    mask = batch["mask"]
    torch.testing.assert_close(
        batch["returns"][mask > 0], scores[:, None].expand_as(mask)[mask > 0]
    )


def test_away_from_the_reference_the_estimators_of_kl_agree(policy, value, tokenizer):
    ref = perturbed(policy)
    batch, figures, _ = rolled(policy, ref, value, tokenizer, config(batch_size=512))
    k1 = ((batch["logp"] - token_logprobs(ref, batch["tokens"])) * batch["mask"]).sum(1)
    assert figures["kl"] == pytest.approx(k1.mean().item(), abs=1e-5)
    assert figures["kl_exact"] > 0.01 and figures["kl_k3"] > 0
    error = k1.std().item() / math.sqrt(512)
    assert abs(figures["kl"] - figures["kl_exact"]) < 3 * error


def test_rewards_pay_for_the_kl_of_each_token(policy, value, tokenizer):
    ref = perturbed(policy)
    batch, _, texts = rolled(policy, ref, value, tokenizer, config(beta=0.3, lam=1.0))
    kl = (batch["logp"] - token_logprobs(ref, batch["tokens"])) * batch["mask"]
    first = batch["mask"].argmax(1, keepdim=True)
    expected = paid(batch, texts, tokenizer) - 0.3 * kl.sum(1)
    torch.testing.assert_close(batch["returns"].gather(1, first)[:, 0], expected, atol=1e-5, rtol=0)


def test_only_an_answer_without_end_pays_the_penalty(policy, value, tokenizer, monkeypatch):
    yes, scores = tokenizer.encode("Yes."), torch.tensor([3.0, 3.0, -2.0, -2.0])
    monkeypatch.setattr(
        sampling, "generate", lambda *_, **__: [yes, [*yes, tokenizer.endoftext]] * 2
    )
    batch, figures, _ = rolled(
        policy,
        policy,
        value,
        tokenizer,
        config(batch_size=4, beta=0.0, lam=1.0),
        reward=lambda *_: scores,
    )
    ended, expected = torch.tensor([False, True] * 2), torch.tensor([-1.0, 3.0, -3.0, -2.0])
    assert figures["ended"] == 0.5 and figures["reward"] == expected.mean()
    first = batch["mask"].argmax(1, keepdim=True)
    torch.testing.assert_close(batch["returns"].gather(1, first)[:, 0], expected, atol=1e-5, rtol=0)
    assert (expected[~ended] <= -1).all()  # below the mean of a normalised reward, whatever it was


def test_figures_do_not_depend_on_the_room_for_an_answer(policy, value, tokenizer):
    """Entropy and the like are means over answers' tokens: no pad has a share in them."""
    runs = [
        rolled(policy, perturbed(policy, 0.0), value, tokenizer, config(max_new_tokens=n))[1]
        for n in (20, 40)
    ]
    alone = [
        rolled(policy, policy, value, tokenizer, config(), questions=[asked(q)])[1]["entropy"]
        for q in QUESTIONS
    ]
    assert runs[0] == runs[1] and runs[0]["ended"] == 1
    assert all(math.isfinite(e) and 0 < e < 2 for e in alone)


def test_what_a_row_is_worth_does_not_depend_on_its_company(policy, value, tokenizer):
    """The long question at the end pads the others; whitening aside, no row feels it."""
    cfg, questions = config(), [asked(q) for q in QUESTIONS]
    company, _, texts = rolled(
        policy, perturbed(policy, 0.01), value, tokenizer, cfg, questions=questions
    )
    torch.manual_seed(1234)
    for row in (0, 3):
        noise = torch.rand(8, 40, generator=torch.Generator().manual_seed(0))[row : row + 1]
        tokens, mask, _, text, _ = sample(
            policy, tokenizer, questions[row : row + 1], cfg, CPU, noise
        )
        own = company["mask"][row] > 0
        assert text == texts[row : row + 1] and mask.sum() == own.sum()
        logp = token_logprobs(policy, tokens)
        torch.testing.assert_close(
            company["logp"][row][own], logp[0][mask[0] > 0], atol=1e-5, rtol=0
        )
        torch.testing.assert_close(
            company["values"][row][own], value(tokens)[0, :-1][mask[0] > 0], atol=1e-5, rtol=0
        )


def test_values_read_the_question_too(value):
    tokens = torch.randint(200, (1, 9))
    other = tokens.clone()
    other[0, 1] += 1
    assert ((value(tokens) - value(other))[0, 2:].abs() > 1e-4).all()


def test_returns_come_from_advantages_that_are_not_whitened(policy, value, tokenizer):
    batch, *_ = rolled(policy, policy, value, tokenizer, config())
    mask = batch["mask"]
    plain = batch["returns"] - batch["values"]
    torch.testing.assert_close(whiten(plain, mask, CPU), batch["advantages"], atol=1e-5, rtol=0)
    assert abs(plain[mask > 0].std() - 1) > 0.05  # whitened ones would spread by 1
    assert (batch["advantages"] * mask).sum() / mask.sum() == pytest.approx(0, abs=1e-5)


# --- the update --------------------------------------------------------------------------------


def test_the_first_minibatch_has_ratio_one(policy, value, tokenizer):
    cfg = config(batch_size=16, minibatch=4)
    batch, *_ = rolled(policy, perturbed(policy), value, tokenizer, cfg)
    figures = learn(policy, value, batch, cfg, lr=1e-4)
    assert figures["first_ratio"] < 1e-5 and figures["first_approx_kl"] < 1e-10
    assert 1e-10 < figures["approx_kl"] < 0.01  # the later ones have moved, and not far
    only = learn(
        policy,
        value,
        rolled(policy, policy, value, tokenizer, cfg)[0],
        config(batch_size=16, minibatch=16),
    )
    assert only["clip_fraction"] == 0 and only["max_ratio"] < 1e-5


def test_without_a_learning_rate_every_minibatch_has_ratio_one(policy, value, tokenizer):
    cfg = config(epochs=3)
    before = [p.clone() for net in (policy, value) for p in net.parameters()]
    batch, *_ = rolled(policy, perturbed(policy), value, tokenizer, cfg)
    mean = learn(policy, value, batch, cfg, lr=0.0)
    assert mean["approx_kl"] < 1e-10 and mean["clip_fraction"] == 0 and mean["max_ratio"] < 1e-5
    assert all(
        torch.equal(a, b)
        for a, b in zip(before, (p for net in (policy, value) for p in net.parameters()))
    )
    assert mean["grad_policy"] > 0 and mean["grad_value"] > 0


def test_the_batch_is_fixed_while_the_policy_learns(policy, value, tokenizer):
    cfg = config(epochs=2)
    batch, *_ = rolled(policy, policy, value, tokenizer, cfg)
    before = {k: v.clone() for k, v in batch.items()}
    learn(policy, value, batch, cfg, lr=1e-3)
    assert all(torch.equal(batch[k], before[k]) for k in before)


def gradients(policy, value, batch, cfg, monkeypatch, ptx=None):
    """The gradients that each step of `update` would apply, policy and value in turn, with the weights left alone."""
    found = []
    monkeypatch.setattr(
        ppo.optim,
        "step",
        lambda optimizers, model, factor: (
            found.append([p.grad.clone() for p in model.parameters()]) or model.zero_grad()
        ),
    )
    return found, learn(policy, value, batch, cfg, ptx=ptx)


def test_what_stands_in_the_pads_changes_nothing(policy, value, tokenizer, monkeypatch):
    cfg = config()
    batch, *_ = rolled(policy, perturbed(policy), value, tokenizer, cfg)
    last = (batch["mask"] * torch.arange(1, batch["mask"].shape[1] + 1)).argmax(1)
    after = torch.arange(batch["tokens"].shape[1]) > last[:, None] + 1
    assert after.sum() > 30
    dirty = {
        k: torch.where(after[:, 1:], torch.randn(v.shape), v)
        for k, v in batch.items()
        if k not in ("tokens", "mask")
    }
    dirty |= {
        "mask": batch["mask"],
        "tokens": torch.where(
            after, torch.randint(tokenizer.n_vocab, after.shape), batch["tokens"]
        ),
    }
    clean_grads, clean = gradients(policy, value, batch, cfg, monkeypatch)
    dirty_grads, messy = gradients(policy, value, dirty, cfg, monkeypatch)
    assert messy == pytest.approx(clean, rel=1e-4, abs=1e-6)
    for a, b in zip(clean_grads, dirty_grads, strict=True):
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-4)


def test_more_pads_change_no_figure(policy, value, tokenizer):
    cfg = config(epochs=2)
    batch, *_ = rolled(policy, perturbed(policy), value, tokenizer, cfg)
    wide = {
        k: F.pad(v, (0, 6), value=tokenizer.pad if k == "tokens" else 0) for k, v in batch.items()
    }
    figures = [
        learn(perturbed(policy, 0.0), perturbed(value, 0.0), b, cfg, lr=1e-3) for b in (batch, wide)
    ]
    assert figures[0]["approx_kl"] > 1e-8
    assert figures[1] == pytest.approx(figures[0], rel=1e-3, abs=1e-5)


def test_questions_and_pads_have_no_gradient(policy, value, tokenizer):
    """The gradient reaches a token or a value where the policy chose, and nowhere else."""
    cfg, seen = config(batch_size=8, minibatch=8), {}
    batch, *_ = rolled(policy, perturbed(policy), value, tokenizer, cfg)

    class Spy(torch.nn.Module):
        def __init__(self, model, name):
            super().__init__()
            self.model, self.name = model, name

        def forward(self, tokens, *targets):
            out = self.model(tokens, *targets)  # (B, T)
            out.register_hook(lambda g: seen.update({self.name: g}))
            seen["tokens"] = tokens
            return out

    learn(Spy(policy, "policy"), Spy(value, "value"), batch, cfg)
    order = [(batch["tokens"] == row).all(1).nonzero()[0].item() for row in seen["tokens"]]
    chose = F.pad(batch["mask"][order] > 0, (0, 1))
    for name in ("policy", "value"):
        assert ((seen[name] != 0) <= chose).all() and (seen[name] != 0).sum() > 8


def test_a_minibatch_weighs_every_token_alike(policy, value, tokenizer, monkeypatch):
    """One minibatch of 16 is the mean over tokens, computed here answer by answer."""
    cfg = config(minibatch=16)
    batch, *_ = rolled(policy, perturbed(policy), value, tokenizer, cfg)
    found, _ = gradients(policy, value, batch, cfg, monkeypatch)
    policy.zero_grad(), value.zero_grad()
    for row in range(16):
        tokens, mask, old, values_old, returns, advantages = (
            batch[k][row : row + 1]
            for k in ("tokens", "mask", "logp", "values", "returns", "advantages")
        )
        share = mask / batch["mask"].sum()
        (
            policy_loss(token_logprobs(policy, tokens), old, advantages, cfg.clip)[0] * share
        ).sum().backward()
        (value_loss(value(tokens)[:, :-1], values_old, returns, cfg.clip) * share).sum().backward()
    for net, grads in zip((policy, value), found, strict=True):
        for p, g in zip(net.parameters(), grads, strict=True):
            torch.testing.assert_close(g, p.grad, atol=1e-6, rtol=1e-4)


def test_the_pretraining_gradient_adds_with_its_weight(policy, value, tokenizer, monkeypatch):
    x, y = torch.randint(200, (2, 4, 12)).unbind()

    class Text:
        block_size = y.numel() // 8  # eight blocks, as PPO asks for

        def get_batch(self, n, seed, machine):
            return x, y

    batch, *_ = rolled(policy, perturbed(policy), value, tokenizer, config(minibatch=16))
    plain, _ = gradients(policy, value, batch, config(minibatch=16), monkeypatch)
    mixed, figures = gradients(
        policy, value, batch, config(minibatch=16, ptx=0.7), monkeypatch, ptx=Text()
    )
    policy.zero_grad()
    policy(x, y).mean().backward()
    for p, a, b in zip(policy.parameters(), plain[0], mixed[0], strict=True):
        torch.testing.assert_close(b, a + 0.7 * p.grad, atol=1e-6, rtol=1e-4)
    assert all(
        torch.equal(a, b) for a, b in zip(plain[1], mixed[1])
    )  # the value network hears nothing of it
    own = 0.7 * torch.cat([p.grad.flatten() for p in policy.parameters()]).norm().item()
    assert figures["grad_ptx"] == pytest.approx(own, rel=1e-4)


# --- questions ---------------------------------------------------------------------------------


def test_every_epoch_asks_every_question_once():
    questions = [asked(str(i)) for i in range(20)]
    cfg = config(batch_size=8)
    stream = [
        q["messages"][0]["content"] for i in range(5) for q in get_batch(questions, i, cfg, CPU)
    ]
    for epoch in (stream[:20], stream[20:]):
        assert sorted(map(int, epoch)) == list(range(20))
    assert stream[:20] != stream[20:]
    assert len(get_batch(questions[:3], 0, cfg, CPU)) == 8  # fewer questions than a batch


def test_processes_part_the_questions():
    questions, cfg = [asked(str(i)) for i in range(20)], config(batch_size=8)
    whole = get_batch(questions, 1, cfg, CPU)
    parts = [
        get_batch(questions, 1, cfg, Machine("cpu", torch.float32, rank, 2)) for rank in (0, 1)
    ]
    assert parts[0] == whole[0::2] and parts[1] == whole[1::2]


def test_questions_of_a_file_come_without_their_answers(files):
    assert [q["messages"][0]["content"] for q in load_questions(config(files))] == QUESTIONS
    world = load_questions(Config())
    assert len(world) == 3900 and all({"task", "item", "answers"} <= q.keys() for q in world[:20])


# --- warnings ----------------------------------------------------------------------------------


WELL = {"kl": 3.0, "entropy": 1.0, "ended": 0.99, "clip_fraction": 0.05}


@pytest.mark.parametrize(
    "sign, words",
    [
        ({"kl": 25.0}, "25 nats: raise --beta"),
        ({"entropy": 0.05}, "entropy has collapsed"),
        ({"ended": 0.3}, "only 30% of answers end"),
        ({"kl": -1.0}, "KL is negative"),
        ({"clip_fraction": 0.4}, "over 30% of ratios"),
    ],
)
def test_each_sign_of_failure_has_its_warning(sign, words):
    assert warn(WELL, WELL) == []
    lines = warn({**WELL, **sign}, WELL)
    assert len(lines) == 1 and words in lines[0]


# --- runs --------------------------------------------------------------------------------------


def chance_of_yes(checkpoint_path, tokenizer):
    model = GPT.from_checkpoint(load_checkpoint(checkpoint_path)).eval()
    yes = tokenizer.turn("Yes.")[0]
    prompts = [tokenizer.prompt(asked(q)["messages"])[0] for q in QUESTIONS]
    with torch.no_grad():
        return float(
            np.mean([model(torch.tensor([p]))[0, -1].softmax(-1)[yes].item() for p in prompts])
        )


def test_the_rewarded_becomes_likelier_and_the_punished_rarer(files, tokenizer):
    before = chance_of_yes(files / "sft.pt", tokenizer)
    after = {}
    for name in ("likes_yes", "hates_yes"):
        pace = dict(steps=12, batch_size=32, minibatch=16, lr=1e-3)
        ppo.train(config(files, name, reward=f"tests.test_ppo:{name}", **pace))
        after[name] = chance_of_yes(files / name / "ckpt.pt", tokenizer)
        first, *_, third, second, last = log_of(files / name)
        assert first["kl"] == 0 and first["approx_kl"] < 0.01
        # One step asks 32 questions, so it is a matter of luck how well the last one went.
        rewards = [step["reward"] for step in (third, second, last)]
        assert sum(rewards) / 3 > first["reward"] + 0.2
    assert 0.3 < before < 0.7
    assert after["likes_yes"] > before + 0.2 and after["hates_yes"] < before - 0.2


def test_a_large_price_of_kl_holds_the_policy_back(files, tokenizer):
    drift = {}
    for beta in (0.0, 10.0):
        ppo.train(config(files, str(beta), beta=beta, steps=8, batch_size=32))
        drift[beta] = abs(
            chance_of_yes(files / str(beta) / "ckpt.pt", tokenizer)
            - chance_of_yes(files / "sft.pt", tokenizer)
        )
    assert drift[0.0] > drift[10.0] + 0.1


def test_only_policy_and_value_learn(files, monkeypatch):
    built, start = [], GPT.from_checkpoint.__func__

    def from_checkpoint(cls, checkpoint, **changes):
        model = start(cls, checkpoint, **changes)
        built.append((model, {k: v.clone() for k, v in model.state_dict().items()}))
        return model

    monkeypatch.setattr(GPT, "from_checkpoint", classmethod(from_checkpoint))
    ppo.train(config(files, reward=str(files / "reward.pt"), ptx=0.5))
    moved = [
        any(not torch.equal(v, old[k]) for k, v in model.state_dict().items())
        for model, old in built
    ]
    kinds = [model.config.head for model, _ in built]
    # One that is only checked against its tokenizer; policy, ref, reward, value.
    assert kinds == ["lm", "lm", "lm", "scalar", "scalar"]
    assert moved == [False, True, False, False, True]
    assert all(not p.requires_grad for i in (2, 3) for p in built[i][0].parameters())


def test_dropout_is_off(files, monkeypatch):
    for name in ("sft", "reward"):
        found = load_checkpoint(files / f"{name}.pt")
        found["model_config"]["dropout"] = 0.5
        save_checkpoint(files / f"{name}.pt", found)
    seen = []
    monkeypatch.setattr(
        ppo, "rollout", lambda *args, _f=ppo.rollout: seen.append(args[:4]) or _f(*args)
    )
    ppo.train(config(files, reward=str(files / "reward.pt"), steps=1))
    policy, ref, value, reward = seen[0]
    tokens, last = torch.randint(99, (2, 9)), torch.tensor([8, 8])
    mask = torch.ones(2, 8)
    for net in (policy, ref, value, lambda t: reward(None, None, None, t, last, mask)):
        assert torch.equal(net(tokens), net(tokens))
    assert log_of(files / "out")[0]["kl"] == 0


def test_the_value_network_starts_as_the_reward_model(files, monkeypatch):
    seen = []

    def look(policy, ref, value, reward, tokenizer, questions, cfg, machine, noise, beta, lookup):
        with torch.no_grad():
            tokens, mask, last, texts, ended = sample(
                policy, tokenizer, questions, cfg, machine, noise
            )
            seen.append(
                (
                    value(tokens)[torch.arange(len(tokens)), last],
                    reward(questions, texts, ended, tokens, last, mask),
                )
            )
        return rollout(
            policy, ref, value, reward, tokenizer, questions, cfg, machine, noise, beta, lookup
        )

    monkeypatch.setattr(ppo, "rollout", look)
    ppo.train(config(files, reward=str(files / "reward.pt")))
    assert torch.equal(*seen[0]) and seen[0][0].std() > 0.1
    assert not torch.equal(*seen[1])  # it learns; the reward stays


def test_with_a_function_the_value_starts_at_zero(files, monkeypatch):
    seen = []
    monkeypatch.setattr(
        ppo,
        "rollout",
        lambda *args, _f=ppo.rollout: seen.append(args[2](torch.randint(99, (2, 9)))) or _f(*args),
    )
    ppo.train(config(files, steps=1))
    assert (seen[0] == 0).all()


def test_optimizers_and_warm_up_are_the_papers(files, monkeypatch):
    built, factors = [], []
    build = optim.build
    monkeypatch.setattr(
        ppo.optim,
        "build",
        lambda *args, **options: built.extend(build(*args, **options)) or built[-1:],
    )
    monkeypatch.setattr(
        ppo.optim,
        "step",
        lambda o, m, factor, _f=optim.step: factors.append(factor) or _f(o, m, factor),
    )
    ppo.train(config(files, steps=12, batch_size=4, minibatch=4, lr=1e-4, value_lr=2e-4))
    assert [b.defaults["lr"] for b in built] == [1e-4, 2e-4] and all(
        type(b) is torch.optim.AdamW for b in built
    )
    assert all(b.defaults["eps"] == 1e-5 and b.defaults["betas"] == (0.9, 0.95) for b in built)
    assert (
        factors[::2] == factors[1::2] == pytest.approx([0.1 + 0.09 * i for i in range(10)] + [1, 1])
    )


def test_a_resumed_run_is_the_whole_run(files):
    more = dict(
        target_kl=0.01, ema=0.9, ptx=0.3, epochs=2, steps=4, reward=str(files / "reward.pt")
    )
    ppo.train(config(files, "whole", **more))
    ppo.train(config(files, "cut", **{**more, "steps": 2}))
    ppo.train(
        parse_config(Config, ppo.PRESETS, [f"--out={files / 'cut'}", "--resume", "--steps=4"])
    )
    a, b = (load_checkpoint(files / name / "last.pt") for name in ("whole", "cut"))
    for part in ("model", "policy", "value"):
        assert all(torch.equal(a[part][k], b[part][k]) for k in a[part])
    assert a["beta"] == b["beta"] != Config.beta and a["opening"] == b["opening"]
    for one, two in zip(a["optimizer"], b["optimizer"], strict=True):
        assert all(
            torch.equal(one["state"][i][k], two["state"][i][k])
            for i in one["state"]
            for k in one["state"][i]
        )
    assert log_of(files / "cut") == log_of(files / "whole")


def test_the_price_is_steered_by_the_kl_that_was_seen(files):
    ppo.train(config(files, target_kl=0.002, beta=0.1, steps=4, lr=1e-2))
    log = log_of(files / "out")
    assert log[0]["beta"] == 0.1
    for one, two in zip(log, log[1:]):
        assert two["beta"] == pytest.approx(steer(one["beta"], one["kl"], 0.002, 16), rel=1e-9)


def test_an_average_of_the_weights_is_saved_instead(files, trained):
    ppo.train(config(files, ema=0.75, steps=1))
    found = load_checkpoint(files / "out" / "last.pt")
    for name, start in trained.state_dict().items():
        torch.testing.assert_close(
            found["model"][name], 0.75 * start + 0.25 * found["policy"][name]
        )
    kept = load_checkpoint(files / "out" / "ckpt.pt", stages=("ppo",))
    assert (
        all(torch.equal(kept["model"][k], v) for k, v in found["model"].items())
        and kept["parent"]["stage"] == "sft"
    )


def test_pretraining_loss_does_not_rise_under_its_gradient(files, trained, tokenizer):
    text = torch.tensor(tokenizer.encode((files / "text.txt").read_text(encoding="utf-8")))[
        :1280
    ].view(10, 128)

    def lm_loss(model):
        with torch.no_grad():
            return model(text[:, :-1], text[:, 1:]).mean().item()

    ppo.train(config(files, ptx=1.0, beta=0.0, reward="tests.test_ppo:remembers", steps=3))
    assert (
        lm_loss(GPT.from_checkpoint(load_checkpoint(files / "out" / "ckpt.pt")))
        < lm_loss(trained) - 0.1
    )


def test_the_world_from_questions_to_a_win_rate(files, monkeypatch, capsys):
    monkeypatch.setattr(exam, "Exam", partial(exam.Exam, n=26))
    ppo.train(config(files, data="world", reward="judge", steps=1, max_new_tokens=12))
    log = [json.loads(line) for line in open(files / "out" / "log.jsonl", encoding="utf-8")][1:]
    assert [r["step"] for r in log] == [0, 1, 1]
    assert log[0]["held_out"].keys() == {
        "judge",
        "correct",
        "rude",
        "ended",
        "talk",
        "lm_loss",
        "few_shot",
    }
    assert (
        log[1]["judge"] == pytest.approx(log[1]["reward"], abs=2)
        and {"lm_loss", "few_shot"} <= log[1].keys()
    )
    assert 0 <= log[2]["win_rate"] <= 1
    shown = capsys.readouterr().out
    assert "prefers PPO's answer to SFT's" in shown and "(all must be 0)" in shown


@pytest.mark.parametrize(
    "changes, words",
    [
        (dict(batch_size=10), "--minibatch=4 does not divide --batch_size=10"),
        (dict(minibatch=0), "--minibatch=0"),
        (dict(batch_size=0), "--batch_size=0"),
        (dict(max_new_tokens=0), "--max_new_tokens=0"),
        (dict(epochs=0), "--epochs=0"),
        (dict(advantage="best"), "--advantage=best: expected gae, group or loo"),
        (dict(advantage="group", k=1), "--k=1"),
        (dict(advantage="loo", k=3), "--k=3"),
        (dict(reward="judge"), "judge"),
        (dict(init="reward.pt"), "stage"),
    ],
)
def test_options_that_make_no_sense(files, changes, words):
    if "init" in changes:
        changes = {"init": str(files / changes["init"])}
    with pytest.raises(BadInput, match=words):
        ppo.train(config(files, **changes))


@pytest.mark.skipif(
    sys.platform == "win32", reason="torchrun's rendezvous is not built for Windows"
)
def test_two_processes_learn_as_one(files):
    # Minibatches of two: now and then both rows are one process's, and the other has none.
    more = dict(batch_size=8, minibatch=2, lr=3e-4, reward=str(files / "reward.pt"))
    one, two = config(files, "one", **more), config(files, "two", **more)
    ppo.train(one)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc_per_node=2",
            "ppo.py",
            *options(two),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    a, b = (load_checkpoint(files / name / "last.pt") for name in ("one", "two"))
    for part in ("model", "value"):
        for name in a[part]:
            torch.testing.assert_close(a[part][name], b[part][name], atol=1e-4, rtol=0)
    for x, y in zip(log_of(one.out), log_of(two.out), strict=True):
        for key in (
            "reward",
            "kl",
            "kl_exact",
            "length",
            "ended",
            "entropy",
            "approx_kl",
            "clip_fraction",
            "value_loss",
        ):
            assert y[key] == pytest.approx(x[key], abs=1e-4), key


def test_parts_of_a_minibatch_add_up_to_the_whole(files):
    for out, parts in (("one", 1), ("three", 3)):
        ppo.train(config(files, out, steps=1, grad_accum=parts, batch_size=12, minibatch=6))
    one, three = (load_checkpoint(files / out / "ckpt.pt") for out in ("one", "three"))
    for name in one["model"]:
        torch.testing.assert_close(one["model"][name], three["model"][name], atol=1e-5, rtol=0)
