"""The exam: the same questions, draws and lists for every model; marks that can be checked."""

import itertools

import numpy as np
import pytest
import torch

from data.knowledge import NOTHING
from data.world import World
from judges import exam
from judges.exam import KNOWN, Exam, questions_table, verdicts, world_figures
from judges.hidden import judge
from model import GPT, GPTConfig
from plumbing.machine import Machine
from tokenizer import Tokenizer

CPU = Machine("cpu", torch.float32)


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.train("\n".join(itertools.islice(World().documents(), 300)), 600)


@pytest.fixture(scope="module")
def model(tokenizer):
    torch.manual_seed(0)
    return GPT(GPTConfig(vocab_size=tokenizer.n_vocab, n_layer=1, n_head=2, n_embd=16))


@pytest.fixture(scope="module")
def paper(tokenizer):
    return Exam(tokenizer, CPU, n=26, n_lists=35)


def test_the_same_model_gets_the_same_marks(paper, model):
    assert paper(model) == paper(model)
    assert paper(model)[1] != paper(model, temperature=0.0)[1]


def test_marks_are_the_judges(paper, model, monkeypatch):
    """A model that gives the right word to the first half of the questions and insults the rest."""
    half = len(paper.questions) // 2
    answers = [q["answers"][0] for q in paper.questions[:half]] + ["You fool."] * half
    ended = [True] * (2 * half - 1) + [False]
    monkeypatch.setattr(exam, "respond", lambda *args, **kwargs: (answers, ended))
    marks, scores = paper(model)
    assert marks["correct"] == marks["rude"] == 0.5
    assert marks["ended"] == pytest.approx(1 - 1 / (2 * half))
    by_hand = [judge(*row)["score"] for row in zip(paper.questions, answers, ended)]
    assert scores == by_hand and marks["judge"] == pytest.approx(np.mean(by_hand))


def test_a_stage_is_told_what_the_judge_says():
    questions = World().prompts("ppo", 26)
    texts = [q["answers"][0] for q in questions[:13]] + ["You fool."] * 13
    ended = [i % 2 == 0 for i in range(26)]
    found = verdicts(questions, texts, ended)
    assert found == [judge(*row) for row in zip(questions, texts, ended)]
    figures = world_figures(questions, texts, ended)
    assert figures.keys() == {"judge", "correct", "rude"}
    assert figures["correct"] == figures["rude"] == 0.5
    assert figures["judge"] == pytest.approx(np.mean([v["score"] for v in found]))


@pytest.mark.parametrize("base", [True, False])
def test_the_table_of_held_out_questions(model, tokenizer, base, monkeypatch):
    """An oracle that answers greedily and says nothing when it is sampled."""

    def said(messages):  # one question may end several talks
        return tuple(message["content"] for message in messages)

    right = {}
    for split in ("test", "paraphrase"):
        for q in World().prompts(split, 13, seed=0):
            right[q["messages"][0]["content"]] = q["answers"][0]
    for q in World().talks("test", 13):
        needs = q.get("needs", [q["answers"]])
        right[said(q["messages"])] = " ".join(group[0] for group in needs)
    turns = []

    def oracle(model, tokenizer, asked, machine, chat, temperature):
        assert chat is not base
        turns.append(len(asked[0]))
        found = [right.get(said(m)) or right[m[-1]["content"]] for m in asked]
        texts = ["" if temperature else text for text in found]
        return texts, [True] * len(texts)

    monkeypatch.setattr(exam, "respond", oracle)
    table = questions_table(model, tokenizer, CPU, 13, base)
    rows = (
        ["test 0-shot", "test 5-shot", "paraphrase 0-shot"]
        if base
        else ["test 0-shot", "paraphrase 0-shot", "talk 0-shot"]
    )
    assert list(table) == [f"{row} {how}" for row in rows for how in ("sampled", "greedy")]
    assert turns == ([1, 1, 11, 11, 1, 1] if base else [1] * 6)
    for name, row in table.items():
        greedy = name.endswith("greedy")
        assert row["n"] == 13 and row["correct"] == greedy
        if name.startswith("talk"):  # nothing said is a misfit where it is no question
            assert row["score"] >= 1.0 if greedy else row["score"] < -0.6
        else:
            assert row["score"] == pytest.approx(1.0 if greedy else -0.6)


def test_few_shot_marks_the_first_token_of_the_answer(paper, model, tokenizer, monkeypatch):
    """An oracle for every other list."""

    def oracle(_, prompts, machine):
        out = np.zeros((len(prompts), tokenizer.n_vocab), dtype=np.float32)
        for i in range(0, len(prompts), 2):
            text, answer, _ = paper.world.list_prompt(KNOWN[i % len(KNOWN)], 8, "test", i)
            assert tokenizer.encode(text) == prompts[i][1:]
            out[i, tokenizer.encode(" " + answer)[0]] = 1
        return out

    monkeypatch.setattr(exam, "next_logprobs", oracle)
    right = paper.few_shot(model)
    assert right[::2].all() and not right[1::2].any() and len(right) == 35


def test_lists_without_examples_ask_the_same_kind_of_question(paper, tokenizer):
    prompts, right = paper.lists(0, KNOWN)
    assert all(len(ids) < 12 for ids in prompts) and len(right) == 35


def test_loss_on_text_that_no_stage_saw(paper, model):
    by_hand = torch.nn.functional.cross_entropy(
        model(paper.text[:, :-1]).flatten(0, 1), paper.text[:, 1:].flatten()
    ).item()
    assert paper.lm_loss(model) == pytest.approx(by_hand, rel=1e-5)


def test_models_side_by_side(paper, model, capsys):
    samples = paper.compare(before=model, after=model)
    asked = [q["messages"][0]["content"] for q in World().prompts("test", 13, seed=1)[:6]]
    assert [s["question"] for s in samples] == asked  # those that sft.py shows
    assert all(list(s) == ["question", "before", "after"] for s in samples)
    assert all(s["before"] == s["after"] for s in samples)
    assert capsys.readouterr().out.count("  before ") == 6


def test_who_knows_how_to_search_may_and_finds_nothing(tokenizer, model, monkeypatch):
    """The world's own questions are asked with a look-up in vain, and with room for it."""
    taught = tokenizer.with_evidence()
    given = []

    def oracle(model, tokenizer, asked, machine, temperature, **options):
        given.append(options)
        return [""] * len(asked), [True] * len(asked)

    monkeypatch.setattr(exam, "respond", oracle)
    prompts = World().prompts("test", 13)
    for one in (tokenizer, taught):
        assert not exam.right_of(model, one, prompts, CPU).any()
    assert given[0] == {} and given[1]["max_new_tokens"] == exam.ROOM
    assert given[1]["lookup"]("colour of the tractor") == NOTHING
    assert Exam(taught, CPU, n=13, n_lists=7).noise.shape == (13, exam.ROOM)
    assert Exam(tokenizer, CPU, n=13, n_lists=7).noise.shape == (13, 32)
