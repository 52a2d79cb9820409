"""Multiple choice: three rules by hand, choices read as whole texts, and known answers found out."""

import json
from argparse import Namespace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from icl import choice
from likelihood import token_logprobs
from plumbing.machine import Machine
from tests.tiny import tiny
from tokenizer import Tokenizer

CPU = Machine("cpu", torch.float32)
TEXT = "Question: Which is hot? Answer: fire ice water the king is cold\n" * 9
ASKED = [
    {"question": "Which is hot?", "choices": ["ice", "fire", "cold water"], "answer": 1},
    {"question": "Which is cold?", "choices": ["the fire", "ice"], "answer": 1},
]


def loaded(chat, **config):
    tokenizer = Tokenizer.train(TEXT, 300)
    model = tiny(vocab_size=tokenizer.n_vocab, **{"block_size": 128, **config})
    about = {"ckpt": "x.pt", "stage": "sft", "step": 1, "params": 1}
    return SimpleNamespace(
        model=model, tokenizer=tokenizer, chat=chat, name="x.pt", about=lambda: about
    )


def probe(tmp_path, under, questions=ASKED, prompts=0):
    path = tmp_path / "questions"
    path.write_text("\n".join(map(json.dumps, questions)), encoding="utf-8")
    return choice.probe(Namespace(data=str(path), prompts=prompts), under, CPU)


def test_the_three_rules_by_hand():
    """Sums −2, −3, −4; by token −2, −1.5, −1; without the question −1, −3, −2: PMI −1, 0, −2."""
    logps = [np.array([-2.0]), np.array([-2.0, -1.0]), np.array([-1.0] * 4)]
    without = [np.array([-1.0]), np.array([-1.0, -2.0]), np.array([-0.5] * 4)]
    assert choice.best_choice(logps, without) == {"sum": 0, "mean": 2, "pmi": 1}


@pytest.mark.parametrize("chat", [False, True])
def test_choices_are_read_as_whole_texts(chat, tmp_path):
    """Against one text at a time through the network."""
    torch.manual_seed(3)
    under = loaded(chat)
    encode = under.tokenizer.encode
    right = {rule: 0 for rule in choice.RULES}
    for q in ASKED:
        if chat:
            start = under.tokenizer.prompt([{"role": "user", "content": q["question"]}])[0]
            alone = under.tokenizer.prompt([{"role": "user", "content": ""}])[0]
        else:
            end = under.tokenizer.endoftext
            start = [end, *encode(f"Question: {q['question']}\nAnswer:")]
            alone = [end, *encode("Answer:")]
        found = []
        for before in (start, alone):
            logps = []
            for text in q["choices"]:
                ids = encode(text if chat else " " + text)
                with torch.no_grad():
                    scored = token_logprobs(under.model, torch.tensor([[*before, *ids]]))
                logps.append(scored[0, -len(ids) :].numpy())
            found.append(logps)
        for rule, best in choice.best_choice(*found).items():
            right[rule] += best == q["answer"]
    rows = probe(tmp_path, under)
    assert {row["rule"]: row["acc"] for row in rows} == {r: n / 2 for r, n in right.items()}
    assert rows[0]["chance"] == pytest.approx((1 / 3 + 1 / 2) / 2) and rows[0]["questions"] == 2


def test_a_model_that_knows_is_found_out(tmp_path, monkeypatch, capsys):
    """In place of a network, scores that favour fire; in what order the choices stand is all one."""
    under = loaded(True)

    def ask(loaded, prompts, options, machine):
        fire = under.tokenizer.encode("fire")
        logps = [[np.array([-1.0 - (ids != fire)]) for ids in some] for some in options]
        if prompts[0] == choice.unasked(loaded):  # without the question none is likelier
            logps = [[np.array([-1.0]) for _ in some] for some in options]
        return logps, None, [False] * len(prompts)

    monkeypatch.setattr(choice, "ask", ask)
    hot = {"question": "Which is hot?", "choices": ["ice", "fire", "water"], "answer": 1}
    turned = {**hot, "choices": ["fire", "water", "ice"], "answer": 0}
    rows = probe(tmp_path, under, [hot, turned])
    assert [row["acc"] for row in rows] == [1, 1, 1] and rows[0]["low"] < 1
    wrong = probe(tmp_path, under, [hot, {**turned, "answer": 2}])
    assert [row["acc"] for row in wrong] == [0.5] * 3
    assert choice.headline(rows) == "sum 100.0%, mean 100.0%, pmi 100.0%"
    choice.show(rows)
    assert "2 questions" in capsys.readouterr().out
    assert probe(tmp_path, under, [hot, turned], prompts=1)[0]["questions"] == 1


def test_a_question_that_is_cut_is_counted(tmp_path):
    under = loaded(False, pos="learned", block_size=32)
    long = {**ASKED[0], "question": "Which is hot? " * 20}
    assert probe(tmp_path, under, [ASKED[0], long])[0]["cut"] == 1
