"""The reward model: the loss against its definition, the token it reads, its scale, and a preference it learns."""

import itertools
import json
import math
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import reward
from data.formats import read_comparisons
from data.world import World
from judges import diagnosis
from judges.agreement import (
    accuracy,
    bag_of_words,
    comparable,
    count_pairs,
    held_out,
    pairs_of,
    places,
    sureness,
)
from judges.diagnosis import right_first, same_worded
from judges.exam import gold
from judges.hidden import judge
from judges.rankings import sample_comparisons
from likelihood import answer_scores, token_logprobs
from model import GPT, GPTConfig
from plumbing.checkpoint import load_checkpoint, save_checkpoint
from plumbing.config import parse_config
from plumbing.errors import BadInput
from plumbing.machine import Machine
from reward import (
    Config,
    get_batch,
    load_comparisons,
    normalise,
    preferred,
    ranking_loss,
    regression_loss,
    score_records,
)
from tests.tiny import plain_logprobs, tiny
from tokenizer import Tokenizer

CPU = Machine("cpu", torch.float32)
NAN = math.nan
WORDS = "go now sit down come here wait stay open close move stop".split()


def record(question, responses, ranking, **more):
    return {
        "messages": [{"role": "user", "content": question}],
        "responses": responses,
        "ranking": ranking,
        **more,
    }


def polite(n, seed=0, ask="What is {}?"):
    """Three answers to each of n questions, of which the one with "please" is the best."""
    rng, records = np.random.default_rng(seed), []
    for i in range(n):
        texts = [" ".join(rng.choice(WORDS, 3)) for _ in range(3)]
        best = int(rng.integers(3))
        words = texts[best].split()
        words.insert(int(rng.integers(4)), "please")
        texts[best] = " ".join(words)
        records.append(
            record(
                ask.format(i),
                texts,
                [[best], [j for j in range(3) if j != best]],
                scores=[7 if j == best else 1 for j in range(3)],
            )
        )
    return records


@pytest.fixture(scope="module")
def tokenizer():
    text = " ".join([*WORDS, "please", "What is ?"] * 3)
    return Tokenizer.train(text, 320)


@pytest.fixture(params=["scalar", "reward"])
def model(tokenizer, request):
    """A reward model whose scores differ: its head is not zero. InstructGPT's, and ours."""
    return loud(tokenizer, request.param)


def loud(tokenizer, head, alpha=0.7):
    model = tiny(vocab_size=tokenizer.n_vocab, block_size=64, head=head)
    if head == "reward":
        model.alpha.fill_(alpha)
    return model


@pytest.fixture
def files(tmp_path, tokenizer):
    """A fine-tuned model that knows nothing, and people's comparisons."""
    model = GPT(
        GPTConfig(block_size=64, vocab_size=tokenizer.n_vocab, n_layer=2, n_head=2, n_embd=32)
    )
    save_checkpoint(
        tmp_path / "sft.pt",
        {
            "stage": "sft",
            "model": model.state_dict(),
            "model_config": asdict(model.config),
            "tokenizer": tokenizer.to_json(),
            "train_config": {},
            "step": 0,
            "metrics": {},
            "parent": None,
        },
    )
    write(tmp_path / "people.jsonl", polite(80))
    return tmp_path


def write(path, records):
    path.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
    return str(path)


def config(files, out="out", **changes):
    return Config(
        **{
            **dict(
                init=str(files / "sft.pt"),
                data=str(files / "people.jsonl"),
                out=str(files / out),
                batch_size=4,
                eval_every=10,
                lr=1e-2,
                matrix_lr=0.02,
                epochs=2,
                device="cpu",
                dtype="float32",
            ),
            **changes,
        }
    )


def log_of(out):
    return [json.loads(line) for line in open(Path(out) / "log.jsonl", encoding="utf-8")][1:]


# --- the ranking loss --------------------------------------------------------------------------


def double_loop(scores, ranks):
    """InstructGPT eq. 1 as it is written: pair by pair, question by question."""
    questions = []
    for score, rank in zip(scores.tolist(), ranks.tolist()):
        losses = [
            -math.log(1 / (1 + math.exp(-(score[w] - score[l]))))
            for w in range(len(rank))
            for l in range(len(rank))
            if 0 <= rank[w] < rank[l]
        ]
        questions += [sum(losses) / len(losses)] if losses else []
    return sum(questions) / max(1, len(questions))


@pytest.mark.parametrize("K", range(2, 10))
def test_ranking_loss_is_the_explicit_double_loop(K):
    scores = torch.randn(30, K, dtype=torch.double)
    ranks = torch.randint(-1, K, (30, K))  # ties and missing answers are frequent
    ranks[0], ranks[1], ranks[2] = torch.arange(K), -1, 0  # a full order, nothing, one tie of all
    torch.testing.assert_close(
        ranking_loss(scores, ranks).item(), double_loop(scores, ranks), atol=1e-12, rtol=0
    )


def test_a_full_order_of_k_answers_has_every_pair():
    for K in range(2, 10):
        wins = preferred(torch.randperm(K)[None])
        assert wins.sum() == K * (K - 1) / 2 and (wins * wins.mT).sum() == 0


def test_ties_drop_and_empty_places_count_as_nothing():
    assert torch.equal(
        preferred(torch.tensor([[0, 1, 1, -1]]))[0],
        torch.tensor([[0.0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]),
    )
    scores = torch.randn(3, 4, requires_grad=True)
    ranks = torch.tensor([[0, 1, 2, -1], [2, 2, 2, 2], [-1, -1, -1, -1]])
    loss = ranking_loss(scores, ranks)
    loss.backward()
    torch.testing.assert_close(loss, ranking_loss(scores[:1, :3], ranks[:1, :3]))
    assert (
        (scores.grad[0, 3] == 0)
        and (scores.grad[1:] == 0).all()
        and (scores.grad[0, :3] != 0).all()
    )
    assert ranking_loss(scores, torch.zeros(3, 4)).item() == 0


def test_a_question_weighs_the_same_however_many_pairs_it_has():
    one, six = torch.randn(1, 4), torch.randn(1, 4)
    ranks = torch.tensor([[0, 1, -1, -1], [0, 1, 2, 3]])
    both = ranking_loss(torch.cat([one, six]), ranks)
    alone = [ranking_loss(s, r[None]) for s, r in zip((one, six), ranks)]
    torch.testing.assert_close(both, sum(alone) / 2)


@given(st.integers(2, 9), st.integers(0, 1000))
def test_the_order_of_the_candidates_is_free(K, seed):
    g = torch.Generator().manual_seed(seed)
    scores, ranks = torch.randn(4, K, generator=g), torch.randint(-1, K, (4, K), generator=g)
    order = torch.randperm(K, generator=g)
    torch.testing.assert_close(
        ranking_loss(scores[:, order], ranks[:, order]), ranking_loss(scores, ranks)
    )


def test_swapping_chosen_and_rejected_flips():
    scores = torch.tensor([[2.0, -1.0]], requires_grad=True)
    right, wrong = torch.tensor([[0, 1]]), torch.tensor([[1, 0]])
    assert ranking_loss(scores, right).item() == pytest.approx(math.log1p(math.exp(-3)))
    assert ranking_loss(scores, wrong).item() == pytest.approx(math.log1p(math.exp(3)))
    torch.testing.assert_close(ranking_loss(-scores, right), ranking_loss(scores, wrong))
    (g,) = torch.autograd.grad(ranking_loss(scores, right), scores)
    assert g[0, 0] < 0 < g[0, 1]  # a step down the gradient raises the chosen
    (h,) = torch.autograd.grad(ranking_loss(scores, wrong), scores)
    assert h[0, 0] > 0 > h[0, 1]


@pytest.mark.parametrize("K", range(2, 10))
def test_a_zero_head_gives_log_2_and_moves_no_trunk(tokenizer, K):
    model = GPT(
        GPTConfig(vocab_size=tokenizer.n_vocab, n_layer=1, n_head=1, n_embd=16, head="scalar")
    )
    texts = [" ".join(WORDS[: i + 1]) for i in range(K)]
    batch = [record("What?", texts, [[i] for i in range(K)])] * 2
    tokens, last, mask, ranks, _ = get_batch(batch, tokenizer, Config(), CPU)
    loss = ranking_loss(answer_scores(model, tokens, last, mask).view(ranks.shape), ranks)
    loss.backward()
    assert loss.item() == pytest.approx(math.log(2), abs=1e-6)
    for name, p in model.named_parameters():
        moved = p.grad is not None and p.grad.abs().max().item() > (1e-6 if "bias" in name else 0)
        assert moved == (name == "scalar_head.weight"), name


def test_the_bias_has_no_gradient(model, tokenizer):
    tokens, last, mask, ranks, _ = get_batch(polite(6), tokenizer, Config(), CPU)
    ranking_loss(answer_scores(model, tokens, last, mask).view(ranks.shape), ranks).backward()
    assert model.scalar_head.bias.grad.abs() < 1e-6
    assert model.scalar_head.weight.grad.norm() > 1e-2


# --- the words beside the scalar ---------------------------------------------------------------


def test_the_score_by_hand(tokenizer):
    """The scalar at <|endoftext|>, and α/√N times the log p of the answer's N own tokens."""
    model = loud(tokenizer, "reward")
    batch = [record("What is 1?", ["go now", "wait"], [[0], [1]])]
    found = answer_scores(model, *get_batch(batch, tokenizer, Config(), CPU)[:3])
    for score, text in zip(found.tolist(), ("go now", "wait"), strict=True):
        question = tokenizer.prompt(batch[0]["messages"])[0]
        answer = [*tokenizer.turn(text), tokenizer.endoftext]
        x = model.trunk(torch.tensor([question + answer]))[0]
        logp = (x @ model.wte.weight.T).log_softmax(-1)
        words = [logp[len(question) + i - 1, token].item() for i, token in enumerate(answer)]
        scalar = (x[-1] @ model.scalar_head.weight[0] + model.scalar_head.bias).item()
        assert score == pytest.approx(scalar + 0.7 * sum(words) / len(words) ** 0.5, abs=1e-5)


def test_without_words_it_is_the_scalar_alone(tokenizer):
    """α = 0 says what InstructGPT's reward model of the same weights says."""
    model = loud(tokenizer, "reward", alpha=0.0)
    saved = {"model": model.state_dict(), "model_config": asdict(model.config)}
    scalar = GPT.from_checkpoint(saved, head="scalar")
    tokens, last, mask, *_ = get_batch(polite(5), tokenizer, Config(), CPU)
    found = answer_scores(model, tokens, last, mask)
    assert found.equal(answer_scores(scalar, tokens, last, mask))
    assert found.equal(scalar(tokens)[torch.arange(len(tokens)), last])


def test_earlier_answers_are_no_part_of_the_sum(tokenizer):
    model = loud(tokenizer, "reward")
    with torch.no_grad():
        model.scalar_head.weight.zero_()
        model.scalar_head.bias.zero_()
    turns = [
        {"role": "user", "content": "go?"},
        {"role": "assistant", "content": "wait"},
        {"role": "user", "content": "now?"},
    ]
    batch = [{"messages": turns, "responses": ["sit down"], "ranking": [[0]]}]
    tokens, last, mask, *_ = get_batch(batch, tokenizer, Config(), CPU)
    size = len(tokenizer.turn("sit down")) + 1
    assert mask.sum() == size
    expected = 0.7 * plain_logprobs(model, tokens)[0, -size:].sum() / size**0.5
    torch.testing.assert_close(answer_scores(model, tokens, last, mask)[0], expected)


def test_the_ranking_trains_the_words_too(tokenizer):
    """A fresh scalar says 0 and hands no gradient on; the words do from the first step."""
    parent = tiny(vocab_size=tokenizer.n_vocab, block_size=64)
    saved = {"model": parent.state_dict(), "model_config": asdict(parent.config)}
    model = GPT.from_checkpoint(saved, head="reward")
    tokens, last, mask, ranks, _ = get_batch(polite(6), tokenizer, Config(), CPU)
    scores = answer_scores(model, tokens, last, mask)
    logp = (token_logprobs(parent, tokens) * mask).sum(1) / mask.sum(1).sqrt()
    torch.testing.assert_close(scores, logp)  # α = 1 and no scalar yet
    loss = ranking_loss(scores.view(ranks.shape), ranks)
    assert loss.item() == pytest.approx(double_loop(logp.view(ranks.shape), ranks), abs=1e-5)
    loss.backward()
    assert all(p.grad.norm() > 1e-4 for p in model.parameters() if p.ndim == 2)
    assert not model.alpha.requires_grad and "alpha" in model.state_dict()


@pytest.mark.parametrize("alpha, head", [(0.0, "scalar"), (1.0, "reward"), (0.5, "reward")])
def test_the_file_tells_which_reward_it_is(files, alpha, head):
    cfg = config(files, epochs=1, alpha=alpha)
    reward.train(cfg)
    last, kept = (load_checkpoint(files / "out" / name) for name in ("last.pt", "ckpt.pt"))
    assert last["model_config"]["head"] == kept["model_config"]["head"] == head
    assert ("alpha" in kept["model"]) == (alpha > 0) and last["model"].get("alpha", 0) == alpha
    if alpha:  # the file's α is in units of the normalised score, as its scalar is
        gain = kept["model"]["scalar_head.weight"] / last["model"]["scalar_head.weight"]
        torch.testing.assert_close(kept["model"]["alpha"] / alpha, gain.median())
        assert gain.median() != 1


def test_the_words_are_kept_unless_it_is_asked_otherwise():
    """Of GPT-2's size nothing is measured: there the reward is InstructGPT's."""
    assert (Config().alpha, Config().matrix_lr) == (0.5, 0.002)
    assert parse_config(Config, reward.PRESETS, ["--preset=gpt2"]).alpha == 0


# --- the regression loss -----------------------------------------------------------------------


def test_regression_loss_by_hand():
    scores = torch.tensor([[0.5, 9.0], [-1.0, 0.25]], requires_grad=True)
    ratings = torch.tensor([[7.0, NAN], [1.0, 4.0]])  # 1, none; -1, 0
    loss = regression_loss(scores, ratings)
    assert loss.item() == pytest.approx((0.5**2 + 0 + 0.25**2) / 3)
    loss.backward()
    torch.testing.assert_close(scores.grad, torch.tensor([[-1 / 3, 0.0], [0.0, 1 / 6]]))
    assert regression_loss(scores, torch.full((2, 2), NAN)).item() == 0


# --- batches and the token that is read --------------------------------------------------------


def test_a_batch_holds_every_answer_of_its_questions(tokenizer):
    batch = [
        record("One?", ["go", "sit down", "wait"], [[1], [0, 2]], scores=[2, 7, None]),
        record("Two?", ["stay", "stop"], [[0], [1]]),
    ]
    tokens, last, mask, ranks, ratings = get_batch(batch, tokenizer, Config(), CPU)
    assert ranks.tolist() == [[1, 0, 1], [0, 1, -1]]
    torch.testing.assert_close(
        ratings, torch.tensor([[2.0, 7, NAN], [NAN, NAN, NAN]]), equal_nan=True
    )
    texts = [
        ("One?", "go"),
        ("One?", "sit down"),
        ("One?", "wait"),
        ("Two?", "stay"),
        ("Two?", "stop"),
        ("Two?", ""),
    ]
    for row, end, (question, answer) in zip(tokens.tolist(), last.tolist(), texts, strict=True):
        assert row[: end + 1] == [
            tokenizer.user,
            *tokenizer.turn(question),
            tokenizer.assistant,
            *tokenizer.turn(answer),
            tokenizer.endoftext,
        ]
        assert set(row[end + 1 :]) <= {tokenizer.pad}


def test_pad_is_not_endoftext(tokenizer):
    tokens, last, *_ = get_batch(polite(3), tokenizer, Config(), CPU)
    assert (tokens == tokenizer.pad).any() and tokenizer.pad != tokenizer.endoftext
    assert ((tokens == tokenizer.endoftext).sum(1) == 1).all()


def test_a_long_answer_keeps_its_right_end(tokenizer):
    tokens, last, *_ = get_batch(
        [record("go " * 50, ["sit", "wait now"], [[0], [1]])], tokenizer, Config(max_len=9), CPU
    )
    assert (
        tokens.shape == (2, 9)
        and last.tolist() == [8, 8]
        and (tokens[:, 8] == tokenizer.endoftext).all()
    )


def test_the_score_is_read_at_the_end_of_the_text(model, tokenizer):
    tokens, last, mask, *_ = get_batch(polite(4), tokenizer, Config(), CPU)
    scores = answer_scores(model, tokens, last, mask)
    more_pads = torch.cat([tokens, torch.full((len(tokens), 7), tokenizer.pad)], 1)
    more_zeros = torch.cat([mask, torch.zeros(len(mask), 7)], 1)
    torch.testing.assert_close(answer_scores(model, more_pads, last, more_zeros), scores)
    edited = tokens.clone()
    edited[torch.arange(len(tokens)), last] = tokenizer.turn("go")[
        0
    ]  # another token in place of <|endoftext|>
    assert ((answer_scores(model, edited, last, mask) - scores).abs() > 1e-3).all()


def test_the_score_depends_on_question_and_answer(model, tokenizer):
    def score(question, answer):
        return score_records(model, [record(question, [answer], [[0]])], tokenizer, Config(), CPU)[
            0
        ].item()

    values = [score(q, a) for q in ("What is 1?", "What is 2?") for a in ("go now", "go please")]
    assert min(abs(a - b) for a, b in itertools.combinations(values, 2)) > 1e-3


def test_what_stands_in_the_pads_changes_no_bit(model, tokenizer):
    batch = polite(3) + [
        record("Two?", ["stay", "please stop here now and stay"], [[0], [1]], scores=[3, 4])
    ]
    tokens, last, mask, ranks, ratings = get_batch(batch, tokenizer, Config(), CPU)
    pads = torch.arange(tokens.shape[1]) > last[:, None]
    assert pads.sum() > 20
    garbage = torch.where(pads, torch.randint(tokenizer.n_vocab, tokens.shape), tokens)

    def everything(tokens):
        found = []
        for loss_of, labels in ((ranking_loss, ranks), (regression_loss, ratings)):
            model.zero_grad()
            scores = answer_scores(model, tokens, last, mask)
            loss = loss_of(scores.view(ranks.shape), labels)
            loss.backward()
            found += [scores.detach(), loss.detach(), *(p.grad.clone() for p in model.parameters())]
        return found

    assert all(
        torch.equal(a, b) for a, b in zip(everything(tokens), everything(garbage), strict=True)
    )


def test_a_score_is_the_same_alone_and_in_company(model, tokenizer):
    records = polite(40) + [record("Two?", ["stay", "please stop " * 5], [[0], [1]])]
    together = score_records(model, records, tokenizer, Config(), CPU)
    assert [len(s) for s in together] == [3] * 40 + [2] and model.training
    for i in (0, 31, 32, 40):
        alone = score_records(model, records[i : i + 1], tokenizer, Config(), CPU)[0]
        np.testing.assert_allclose(alone, together[i], atol=1e-5)


# --- evaluation --------------------------------------------------------------------------------


def test_pairs_and_accuracy_by_hand():
    records = [
        record("One?", ["a", "b", "c"], [[2], [0, 1]]),
        record("Two?", ["d", "e"], [[0], [1]]),
    ]
    assert places(records[0]) == [1, 1, 0] and places(records[1]) == [0, 1]
    margins, wins = pairs_of(records, [np.array([1.0, 2.0, 5.0]), np.array([3.0, 3.0])], places)
    assert margins.tolist() == [-4.0, -3.0, 0.0] and wins.tolist() == [False, False, True]
    assert accuracy(margins, wins) == pytest.approx((1 + 1 + 0.5) / 3)
    assert accuracy(-margins, wins) == pytest.approx(0.5 / 3)


def test_gold_is_the_order_of_the_judge():
    prompt = World().prompts("test", 13)[3]
    answer = prompt["answers"][0]
    asked = {
        **prompt,
        "responses": ["You fool.", answer, answer.upper()],
        "ranking": [[0], [1], [2]],
    }
    order = gold(asked)
    assert order[1] == order[2] < order[0]
    margins, wins = pairs_of([asked], [np.array([-1.0, 1.0, 0.5])], gold)
    assert len(margins) == 2 and accuracy(margins, wins) == 1


def test_a_bag_of_words_finds_the_word():
    train, val = polite(60, 1), polite(20, 2)
    values = bag_of_words(train, val)
    assert accuracy(*pairs_of(val, values, places)) == 1
    backwards = [{**r, "ranking": r["ranking"][::-1]} for r in train]
    assert accuracy(*pairs_of(val, bag_of_words(backwards, val), places)) == 0


# --- what is right, in the same words ----------------------------------------------------------


def test_same_worded_pairs_are_right_and_wrong_and_same_worded():
    world = World()
    pairs = world.same_worded("test", 390)
    assert pairs == world.same_worded("test", 390) != world.same_worded("test", 390, seed=1)
    assert [p["messages"] for p in pairs] == [p["messages"] for p in world.prompts("test", 390)]
    tasks = [p["task"] for p in pairs]
    assert all(tasks.count(task) == 30 for task in set(tasks)) and len(set(tasks)) == 13
    for pair in pairs:
        assert world.split_of[pair["task"], pair["item"]] == "test"
        a, b = (text.split() for text in pair["responses"])
        differ = [(one, other) for one, other in zip(a, b, strict=True) if one != other]
        assert len(differ) == (2 if pair["task"] == "bigger" else 1), pair
        right, wrong = (word.strip(".") for word in differ[0])
        assert right in pair["answers"] and wrong not in pair["answers"], pair
    judged = [[judge(pair, text) for text in pair["responses"]] for pair in pairs]
    assert all(right["correct"] == 1 and right["polite"] == 0 for right, _ in judged)
    # The judge sees it too, but where it takes the wrong word for one of the question.
    assert sum(wrong["correct"] < 0 for _, wrong in judged) > 380


def test_no_pair_is_trained_on():
    world = World()
    held = {(pair["task"], pair["item"]) for pair in world.same_worded("test", 390)}
    for trained in (world.prompts("rm", 3000, 1), world.demonstrations(2000)):
        assert not held & {(record["task"], record["item"]) for record in trained}


def test_right_first_by_hand():
    pairs = [{"task": "sum"}, {"task": "sum"}, {"task": "past"}, {"task": "past"}]
    values = [[2.0, 1.0], [1.0, 2.0], [3.0, 3.0], [1.0, 0.0]]
    assert right_first(pairs, values) == {"all": 0.625, "sum": 0.5, "past": 0.75}


def test_the_figure_of_a_model_that_knows_and_of_one_that_does_not(files, tokenizer, monkeypatch):
    """The scores of the right answers come first; the fine-tuned model's own are log π(y|x)."""
    sft = GPT.from_checkpoint(load_checkpoint(files / "sft.pt"))
    right = {pair["responses"][0] for pair in World().same_worded("test", 26)}

    def knows(model, tokenizer, asked, texts, machine):
        return np.array([text in right for text in texts], float)

    monkeypatch.setattr(diagnosis, "score_texts", knows)
    found = same_worded(None, sft, tokenizer, CPU, n=26)
    assert found["n"] == 26 and set(found["reward_model"].values()) == {1.0}
    monkeypatch.undo()
    found = same_worded(loud(tokenizer, "reward"), sft, tokenizer, CPU, n=26)
    pairs, values = World().same_worded("test", 26), []
    for pair in pairs:
        ids = [
            tokenizer.render([*pair["messages"], {"role": "assistant", "content": text}])
            for text in pair["responses"]
        ]
        values.append(
            [
                (token_logprobs(sft, torch.tensor([i])) * torch.tensor(m[1:])).sum().item()
                for i, m in ids
            ]
        )
    assert found["sft"] == right_first(pairs, values)


# --- normalising -------------------------------------------------------------------------------


def test_normalise_sets_level_and_spread_and_keeps_the_order(model, tokenizer):
    references, samples = polite(10, 1), polite(30, 2)

    def scores(records):
        return np.concatenate(score_records(model, records, tokenizer, Config(), CPU))

    tokens, last, mask, ranks, _ = get_batch(samples, tokenizer, Config(), CPU)
    before, order = scores(samples), np.argsort(scores(samples))
    assert abs(scores(references).mean()) > 0.01 and abs(before.std() - 1) > 0.01
    normalise(model, scores(references), before)
    assert abs(scores(references).mean()) < 1e-4 and scores(samples).std() == pytest.approx(
        1, abs=1e-4
    )
    assert np.array_equal(np.argsort(scores(samples)), order)
    with torch.no_grad():
        model.scalar_head.bias += 3.0
    assert scores(samples).std() == pytest.approx(1, abs=1e-4)  # the level is free


def test_normalise_survives_scores_that_are_all_alike(tokenizer):
    model = GPT(
        GPTConfig(vocab_size=tokenizer.n_vocab, n_layer=1, n_head=1, n_embd=16, head="scalar")
    )
    normalise(model, np.zeros(4), np.zeros(4))
    assert all(torch.isfinite(p).all() for p in model.parameters())


# --- data --------------------------------------------------------------------------------------


def test_held_out_comparisons_are_of_other_questions(files, tokenizer):
    data = write(
        files / "d.jsonl", polite(50, 1) + polite(50, 2) + polite(50, 3)
    )  # each question three times
    train, val = load_comparisons(Config(data=data), None, tokenizer, CPU)
    asked = [{r["messages"][0]["content"] for r in part} for part in (train, val)]
    assert not asked[0] & asked[1] and len(asked[1]) == 5 and len(val) == 15 and len(train) == 135
    again = load_comparisons(Config(data=data), None, tokenizer, CPU)
    assert again == (train, val)
    assert load_comparisons(Config(data=data, seed=2), None, tokenizer, CPU)[1] != val


def test_sampled_comparisons_can_be_read_again(files, tokenizer, tmp_path):
    model = GPT.from_checkpoint(load_checkpoint(files / "sft.pt"))
    prompts = World().prompts("rm", 13)
    cfg = Config(k=3)
    found = sample_comparisons(model, tokenizer, prompts, cfg, CPU, seed=4)
    assert found == sample_comparisons(model, tokenizer, prompts, cfg, CPU, seed=4)
    assert found != sample_comparisons(model, tokenizer, prompts, cfg, CPU, seed=5)
    assert list(read_comparisons(write(tmp_path / "c.jsonl", found))) == found
    assert [r["messages"] for r in found] == [p["messages"] for p in prompts]
    assert all(len(r["responses"]) == 3 for r in found)


def test_one_answer_in_four_is_to_the_next_question(files, tokenizer):
    model = GPT.from_checkpoint(load_checkpoint(files / "sft.pt"))
    prompts = World().prompts("rm", 13)
    options = (model, tokenizer, prompts, Config(), CPU, 4)
    own = [record["responses"] for record in sample_comparisons(*options)]
    mixed = [record["responses"] for record in sample_comparisons(*options, misfits=True)]
    for here, following, found in zip(own, own[1:] + own[:1], mixed, strict=True):
        assert found == [*here[:3], following[3]]
    assert own != mixed


@pytest.mark.parametrize(
    "changes, words",
    [
        (dict(loss="hinge"), "--loss=hinge: expected ranking or regression"),
        (dict(k=1), "--k=1"),
        (dict(k=10), "--k=10"),
        (dict(data="gone.jsonl"), "gone.jsonl"),
    ],
)
def test_options_that_make_no_sense(files, changes, words):
    with pytest.raises(BadInput, match=words):
        reward.train(config(files, **changes))


def test_files_that_do_not_suffice(files):
    one = write(files / "one.jsonl", polite(1) * 4)
    with pytest.raises(BadInput, match="at least 2 different questions"):
        reward.train(config(files, data=one))
    plain = write(
        files / "plain.jsonl", [{k: v for k, v in r.items() if k != "scores"} for r in polite(4)]
    )
    with pytest.raises(BadInput, match="holds no ratings"):
        reward.train(config(files, data=plain, loss="regression"))


# --- training ----------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["ranking", "regression"])
def test_a_simple_preference_is_learned(files, loss, capsys):
    factors, step = [], reward.optim.step
    cfg = config(files, loss=loss, epochs=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            reward.optim, "step", lambda o, m, factor: factors.append(factor) or step(o, m, factor)
        )
        metrics = reward.train(cfg)
    assert metrics["val_accuracy"] >= 0.9
    assert factors[0] == 1 and factors[-1] == pytest.approx(0.1) and len(factors) == 4 * (72 // 4)
    found = load_checkpoint(files / "out" / "ckpt.pt", stages=("reward",))
    model, tokenizer = GPT.from_checkpoint(found), Tokenizer.from_json(found["tokenizer"])
    fresh = polite(40, 9, "Who was {}?")
    values = score_records(model, fresh, tokenizer, cfg, CPU)
    assert accuracy(*pairs_of(fresh, values, places)) > 0.9
    train, val = load_comparisons(cfg, None, tokenizer, CPU)
    scores = np.concatenate(score_records(model, train, tokenizer, cfg, CPU))
    assert abs(scores.mean()) < 1e-3 and scores.std() == pytest.approx(1, abs=1e-2)
    details = log_of(files / "out")[-1]["details"]
    assert (
        details["bag_of_words"] > 0.9 and sum(row["pairs"] for row in details["reliability"]) == 16
    )
    assert (
        "reward model" in capsys.readouterr().out
        and not (files / "out" / "comparisons.jsonl").exists()
    )


def test_calibration_is_of_the_scores_that_were_trained(files):
    """The probability that a comparison goes one way is σ of the difference before the scale is set."""
    metrics = reward.train(config(files))
    last = load_checkpoint(files / "out" / "last.pt")  # the network before normalising
    model, tokenizer = GPT.from_checkpoint(last), Tokenizer.from_json(last["tokenizer"])
    _, val = load_comparisons(config(files), None, tokenizer, CPU)
    margins, wins = pairs_of(val, score_records(model, val, tokenizer, config(files), CPU), places)
    p = 1 / (1 + np.exp(-np.where(wins, margins, -margins)))
    assert -np.log(p).mean() == pytest.approx(metrics["val_loss"], rel=1e-4)
    assert log_of(files / "out")[-1]["details"]["brier"] == pytest.approx(
        ((1 - p) ** 2).mean(), abs=1e-5
    )


def test_dropout_is_off(files):
    base = load_checkpoint(files / "sft.pt")
    base["model_config"]["dropout"] = 0.5
    save_checkpoint(files / "sft.pt", base)
    built = []
    with pytest.MonkeyPatch.context() as patch:
        build = reward.optim.build
        patch.setattr(
            reward.optim,
            "build",
            lambda model, *a, **k: built.append(model) or build(model, *a, **k),
        )
        reward.train(config(files, epochs=1))
    model, tokens = built[0].train(), torch.randint(99, (2, 9))
    assert torch.equal(model(tokens), model(tokens))


@pytest.mark.parametrize("dies_at, kept", [(22, 20), (20, 18)])  # 18 is the end of an epoch
def test_a_resumed_run_is_the_whole_run(files, dies_at, kept):
    whole, cut = config(files, "whole"), config(files, "cut")
    reward.train(whole)
    seen, step = [], reward.optim.step

    def dies(*args):
        seen.append(args)
        if len(seen) == dies_at:
            raise KeyboardInterrupt
        return step(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reward.optim, "step", dies)
        with pytest.raises(KeyboardInterrupt):
            reward.train(cut)
    assert load_checkpoint(files / "cut" / "last.pt")["step"] == kept
    reward.train(parse_config(Config, reward.PRESETS, [f"--out={files / 'cut'}", "--resume"]))
    a, b = (load_checkpoint(files / name / "ckpt.pt")["model"] for name in ("whole", "cut"))
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert [r for r in log_of(files / "cut") if "config" not in r] == log_of(files / "whole")


def test_the_world_from_sampling_to_a_reward_model(files, tokenizer, capsys):
    cfg = config(files, data="world", n_prompts=39, n_eval=13, k=4, epochs=1, batch_size=8)
    metrics = reward.train(cfg)
    assert 0 <= metrics["judge_accuracy"] <= 1
    comparisons = read_comparisons(files / "out" / "comparisons.jsonl")
    assert len(comparisons) == len(World().asked_of("rm", 39, cfg.seed)) > 35 and all(
        len(r["responses"]) == 4 and r["source"] == "sim" for r in comparisons
    )
    questions = {p["messages"][0]["content"] for p in World().prompts("test", 13, 0)}
    assert not questions & {r["messages"][0]["content"] for r in comparisons}
    found = load_checkpoint(files / "out" / "ckpt.pt")
    model = GPT.from_checkpoint(found)
    demos = [
        record(d["messages"][-2]["content"], [d["messages"][-1]["content"]], [[0]])
        | {"messages": d["messages"][:-1]}
        for d in World().demonstrations(400, seed=cfg.seed)
    ]
    assert abs(np.concatenate(score_records(model, demos, tokenizer, cfg, CPU)).mean()) < 1e-3
    samples = np.concatenate(score_records(model, list(comparisons), tokenizer, cfg, CPU))
    assert samples.std() == pytest.approx(1, abs=1e-2)
    details = log_of(files / "out")[-1]["details"]
    assert {
        "one_labeler",
        "two_labelers",
        "length_only",
        "score_length_correlation",
    } <= details.keys()
    known = details["same_worded"]
    assert known["n"] == 390 and known["reward_model"].keys() == known["sft"].keys()
    assert len(known["sft"]) == 14
    shown = capsys.readouterr().out
    assert "hidden judge (simulated)" in shown and "in the same words" in shown


@pytest.mark.parametrize("loss", ["ranking", "regression"])
def test_parts_of_a_batch_add_up_to_the_whole(files, loss):
    """Questions with ties, and without ratings, weigh the same whatever part they fall in."""
    mixed = []
    for i in range(30):
        ranking = [[0], [1]] if i % 3 else [[0, 1]]
        mixed.append(record(f"Q{i}?", ["a b", "c d"], ranking, scores=[6, 2 if i % 2 else None]))
    data = write(files / "mixed.jsonl", mixed)
    for out, parts in (("one", 1), ("four", 4)):
        more = dict(data=data, batch_size=8, grad_accum=parts, steps=2, loss=loss, matrix_lr=0.0)
        reward.train(config(files, out, **more))
    one, four = (load_checkpoint(files / out / "last.pt") for out in ("one", "four"))
    assert one["step"] == four["step"] == 2
    # A ranking says nothing of what is added to all scores: there AdamW follows roundings.
    for name in one["model"].keys() - {"scalar_head.bias"}:
        torch.testing.assert_close(one["model"][name], four["model"][name], atol=1e-4, rtol=0)


# --- labels that are not sure, kinds -----------------------------------------------------------


def test_a_soft_label_by_hand():
    """d = 2: −[0.7 log σ(2) + 0.3 log σ(−2)] = 0.7 · 0.126928 + 0.3 · 2.126928"""
    scores, ranks = torch.tensor([[3.0, 1.0]], requires_grad=True), torch.tensor([[0, 1]])
    loss = ranking_loss(scores, ranks, p=torch.tensor([0.7]))
    assert loss.item() == pytest.approx(0.7 * 0.1269280 + 0.3 * 2.1269280, abs=1e-6)
    loss.backward()  # σ(d) − p
    assert scores.grad[0].tolist() == pytest.approx([0.8807971 - 0.7, 0.7 - 0.8807971], abs=1e-6)
    assert ranking_loss(scores, torch.tensor([[1, 0]]), p=torch.tensor([0.7])) == loss  # p speaks
    flat = ranking_loss(torch.zeros(1, 2), torch.tensor([[0, 0]]), p=torch.tensor([0.5]))
    assert flat.item() == pytest.approx(math.log(2))  # a tie that says so is learned


@pytest.mark.parametrize("p", [0.0, 0.25, 0.5, 0.6, 1.0])
def test_the_gradient_vanishes_where_the_model_says_p(p):
    d = math.log(p / (1 - p)) if 0 < p < 1 else math.copysign(40, p - 0.5)
    scores = torch.tensor([[d, 0.0]], requires_grad=True)
    ranking_loss(scores, torch.tensor([[0, 1]]), p=torch.tensor([p])).backward()
    assert scores.grad.abs().max() < 1e-6


def test_sure_labels_give_the_same_bits_as_without_p():
    scores = torch.randn(50, 4)
    ranks = torch.randint(-1, 4, (50, 4))
    plain = ranking_loss(scores, ranks)
    unsaid = ranking_loss(scores, ranks, p=torch.full((50,), NAN), weight=torch.ones(50))
    assert torch.equal(plain, unsaid)
    two, order = scores[:, :2], torch.tensor([[0, 1], [1, 0]] * 25)
    one = ranking_loss(two, order, p=(order[:, 0] == 0).float())
    assert torch.equal(ranking_loss(two, order), one)


def test_soft_and_sure_questions_in_one_batch():
    scores = torch.tensor([[1.0, 0.0, -1.0], [2.0, 0.0, 9.0]])
    ranks = torch.tensor([[0, 1, 2], [0, 1, -1]])
    both = ranking_loss(scores, ranks, p=torch.tensor([NAN, 0.6]))
    alone = ranking_loss(scores[:1], ranks[:1])
    soft = ranking_loss(scores[1:, :2], ranks[1:, :2], p=torch.tensor([0.6]))
    torch.testing.assert_close(both, (alone + soft) / 2)


def test_the_weight_of_harm_by_hand():
    """L = L_help + 10·L_harm over two questions: (log 2 + 10 · 1.313262) / 2"""
    scores, ranks = torch.tensor([[0.0, 0.0], [0.0, 1.0]]), torch.tensor([[0, 1], [0, 1]])
    loss = ranking_loss(scores, ranks, weight=torch.tensor([1.0, 10.0]))
    assert loss.item() == pytest.approx((math.log(2) + 10 * 1.3132617) / 2, abs=1e-5)


def test_what_is_held_out_counts_p():
    """d = 2 and d = −1, p = 0.75 and 0.1: the second record's winner is its second answer."""
    records = [record("One?", ["a", "b"], [[0], [1]], p=0.75)]
    records += [record("Two?", ["a", "b"], [[1], [0]], p=0.1)]
    found = held_out(records, [np.array([2.0, 0.0]), np.array([1.0, 0.0])])
    first = 0.75 * math.log1p(math.exp(-2)) + 0.25 * math.log1p(math.exp(2))
    second = 0.1 * math.log1p(math.exp(-1)) + 0.9 * math.log1p(math.exp(1))
    assert found == {"val_accuracy": 0.5, "val_loss": pytest.approx((first + second) / 2)}


def test_pairs_that_are_learned_from_are_counted():
    records = [record("One?", ["a", "b", "c"], [[0], [1, 2]])]  # two pairs
    records += [record("Two?", ["a", "b"], [[0, 1]], p=0.5), record("Three?", ["a", "b"], [[0, 1]])]
    assert count_pairs(records) == 3 and comparable(records) == 2
    assert sureness(records).tolist() == [1, 1]


def unsure(n):
    """Questions whose first answer is the better one with 0.8."""
    return [{**record(f"Q{i}?", ["go now", "sit down"], [[0], [1]]), "p": 0.8} for i in range(n)]


def test_a_model_learns_how_sure_the_labels_are(files):
    """All say 0.8, so the difference of the two answers ends near log(0.8 / 0.2) = 1.39."""
    data = write(files / "unsure.jsonl", unsure(40))
    more = dict(epochs=8, eval_every=100, alpha=0, lr=3e-3, matrix_lr=0.01)
    reward.train(config(files, data=data, **more))
    last = load_checkpoint(files / "out" / "last.pt")
    model, tokenizer = GPT.from_checkpoint(last), Tokenizer.from_json(last["tokenizer"])
    values = score_records(model, unsure(8), tokenizer, config(files), CPU)
    assert np.mean([a - b for a, b in values]) == pytest.approx(math.log(4), abs=0.15)


def test_parts_of_a_batch_of_soft_labels_add_up_to_the_whole(files):
    kinds = [{"kind": "harmless"}, {"kind": "helpful"}, {}]
    mixed = [{**row, **kinds[i % 3]} for i, row in enumerate([*unsure(20), *polite(20)])]
    data = write(files / "mixed.jsonl", mixed)
    for out, parts in (("one", 1), ("four", 4)):
        more = dict(data=data, batch_size=8, grad_accum=parts, steps=2, matrix_lr=0.0)
        reward.train(config(files, out, harm_weight=3.0, **more))
    one, four = (load_checkpoint(files / out / "last.pt") for out in ("one", "four"))
    for name in one["model"].keys() - {"scalar_head.bias"}:  # it has no gradient but rounding's
        torch.testing.assert_close(one["model"][name], four["model"][name], atol=1e-5, rtol=0)


def test_one_kind_is_learned_and_both_are_told(files, capsys):
    """People disagree: "please" is helpful, and what is harmless has none."""
    help_ = [{**row, "kind": "helpful"} for row in polite(60)]
    harm = [{**row, "ranking": row["ranking"][::-1]} for row in polite(60, 1, "Who is {}?")]
    paths = write(files / "helpful.jsonl", help_), write(files / "harmless.jsonl", harm)
    for learned, other in (("helpful", "harmless"), ("harmless", "helpful")):
        metrics = reward.train(config(files, data=",".join(paths), kinds=learned, epochs=4))
        assert metrics[f"{learned}_accuracy"] > 0.9 and metrics[f"{other}_accuracy"] < 0.2
        row = log_of(files / "out")[-1]["details"]["kinds"]
        assert row[learned]["labels"] == metrics[f"{learned}_accuracy"] and row[other]["pairs"] > 0
    assert "held-out comparisons by kind" in capsys.readouterr().out


@pytest.mark.parametrize(
    "changes, words",
    [
        (dict(kinds="kind"), "--kinds=kind: expected helpful, harmless or both"),
        (dict(clamp="0.4"), "--clamp=0.4: expected"),
        (dict(data="world", clamp="0.4,0.6"), "--clamp=0.4,0.6: it is of the comparisons of a"),
        (dict(data="world", kind="helpful"), "--kind=helpful: it is of the comparisons of a"),
        (dict(data="world", kinds="both"), "--kinds=both: asks for attacks"),
        (dict(harm_weight=2.0), "--harm_weight=2: none of the comparisons"),
        (dict(harm_weight=2.0, loss="regression"), "are of --loss=ranking"),
        (dict(kinds="helpful"), "--kinds=helpful: no helpful comparisons"),
    ],
)
def test_options_of_kinds_that_do_not_fit(files, changes, words):
    with pytest.raises(BadInput, match=words):
        reward.train(config(files, **changes))
    assert not (files / "out" / "ckpt.pt").exists()


def test_the_worlds_two_kinds_from_sampling_to_a_row(files, monkeypatch):
    known = {"reward_model": {}, "sft": {}, "n": 0}  # the control of same words, for speed
    monkeypatch.setattr(reward, "same_worded", lambda *args, **options: known)
    cfg = config(files, data="world", kinds="both", n_prompts=26, n_probes=14, n_eval=13, k=3)
    metrics = reward.train(cfg)
    assert {"helpful_accuracy", "harmless_accuracy"} <= metrics.keys()
    found = read_comparisons(files / "out" / "comparisons.jsonl")
    assert [r["kind"] for r in found].count("harmless") == 14
