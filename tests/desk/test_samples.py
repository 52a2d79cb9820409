"""Several answers to one question: shares and means against numbers worked out by hand."""

import pytest
import torch

import sampling
from desk.samples import compare_samples
from desk.shelf import Shelf
from plumbing.machine import Machine
from tests.tiny_out import TOKENIZER, fill, write

CPU = Machine("cpu", torch.float32)
ASKED = [{"role": "user", "content": "Where is the tractor?"}]
RIGHT, WRONG, RUDE = "It is in the shop.", "It is in the barn.", "In the shop, you fool."


@pytest.fixture
def shelf(tmp_path):
    return Shelf(fill(tmp_path), CPU)


@pytest.fixture
def says(monkeypatch):
    """Has a model "draw" the given answers, side by side, each with the end of an answer."""

    def set_answers(*texts):
        end = TOKENIZER.endoftext
        rows = [[*TOKENIZER.encode(text), end] for text in texts]
        coming = {row: iter(ids) for row, ids in enumerate(rows)}
        alive = [*coming]

        def pick(logits, *_):
            while len(alive) > len(logits):  # rows that have stopped leave the batch
                alive[:] = [row for row in alive if row not in over]
            new = [next(coming[row], end) for row in alive]
            over.update(row for row, token in zip(alive, new) if token == end)
            return torch.tensor(new)

        over = set()
        monkeypatch.setattr(sampling, "pick", pick)

    return set_answers


def last(events):
    return [event for event in events if "answers" in event]


def test_shares_and_their_intervals_by_hand(shelf, says):
    says(RIGHT, WRONG, RIGHT, RUDE)
    (found,) = last(compare_samples(shelf, ["sft"], ASKED, 4, 60))
    assert [a["text"] for a in found["answers"]] == [RIGHT, WRONG, RIGHT, RUDE]
    assert [a["verdict"] for a in found["answers"]] == ["right", "wrong", "right", "right"]
    assert [a["rude"] for a in found["answers"]] == [False, False, False, True]
    assert found["n"] == 4 and found["fact"] == "The tractor is in the shop."
    # Wilson (1927) of 3 of 4 and of 1 of 4
    right = {"count": 3, "of": 4, "low": 0.30064, "high": 0.95441}
    rude = {"count": 1, "of": 4, "low": 0.04559, "high": 0.69936}
    assert found["right"] == pytest.approx(right, abs=1e-4)
    assert found["rude"] == pytest.approx(rude, abs=1e-4)
    assert found["reward"] is None and found["kl"] is None


def test_means_are_those_of_the_single_answers(shelf):
    beside = {"reward": "reward", "reference": "sft", "seed": 5}
    for found in last(compare_samples(shelf, ["sft", "ppo"], ASKED, 5, 9, **beside)):
        rewards = [a["reward"] for a in found["answers"]]
        assert found["reward"]["mean"] == pytest.approx(sum(rewards) / 5)
        spread = torch.tensor(rewards).std().item()
        assert found["reward"]["half"] == pytest.approx(2.776 * spread / 5**0.5, rel=1e-4)
        assert len(set(rewards)) > 1, "the answers are drawn apart"
        for answer in found["answers"]:
            score = shelf.score(shelf.get("reward", "scalar"), ASKED, answer["text"])
            assert answer["text"] == "" or abs(score - answer["reward"]) < 3
        if found["name"] == "sft":
            assert found["kl"] == {"mean": 0, "half": 0}


def test_the_likeliest_answer_is_given_once_and_alone_has_no_interval(shelf):
    beside = {"reward": "reward", "temperature": 0.0}
    (found,) = last(compare_samples(shelf, ["ppo"], ASKED, 20, 9, **beside))
    assert found["n"] == 1 and found["reward"]["half"] is None


def test_the_same_seed_gives_the_same_answers_and_says_how_far_it_is(shelf):
    runs = [[*compare_samples(shelf, ["ppo"], ASKED, 3, 7, seed=2)] for _ in range(2)]
    assert runs[0] == runs[1]
    lengths = [event["length"] for event in runs[0] if "length" in event]
    assert lengths == [*range(1, len(lengths) + 1)] and 1 < len(lengths) <= 7


def test_of_another_text_nothing_is_said_to_be_right_or_rude(tmp_path, says):
    write(tmp_path / "sft" / "ckpt.pt", "sft", data="mine.jsonl")
    says(RIGHT, RUDE)
    (found,) = last(compare_samples(Shelf(tmp_path, CPU), ["sft"], ASKED, 2, 60))
    assert found["right"] is None and found["rude"] is None and found["fact"] is None
