"""The probe of few-shot learning: its scores by hand, its prompts, and what it makes of known
answers."""

from argparse import Namespace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from data.labelled import LabelledFile
from data.world import World
from data.world.tasks import LIST_TASKS
from icl import fewshot, options
from icl.fewshot import (
    RULES,
    Question,
    answer_all,
    best_options,
    calibrate,
    cell_rows,
    differences,
    file_question,
    headline,
    mean_score,
    pmi_score,
    probe,
    show,
    sum_score,
    world_question,
)
from likelihood import token_logprobs
from plumbing.errors import BadInput
from plumbing.machine import Machine
from sampling import generate
from tests.tiny import tiny
from tokenizer import Tokenizer

CPU = Machine("cpu", torch.float32)
WORLD = World()
TEMPLATE = "Review: {text}\\nSentiment: {label}\\n\\n"
ABOUT = {"probe": "fewshot", "ckpt": "x.pt", "stage": "pretrain", "step": 3, "params": 9}
KINDS = (*LIST_TASKS, "novel", "key-value")


TEXT = "The cow eats grass. N/A - * | : -> = the king likes it\n" * 9


def loaded(vocab=300, **config):
    tokenizer = Tokenizer.train(TEXT, vocab)
    model = tiny(vocab_size=tokenizer.n_vocab, **{"block_size": 512, **config})
    return SimpleNamespace(model=model, tokenizer=tokenizer, about=lambda: ABOUT)


# --- the maths


def test_scores_by_hand():
    logps = np.log([0.5, 0.125])
    assert sum_score(logps) == pytest.approx(np.log(1 / 16))
    assert mean_score(logps) == pytest.approx(np.log(0.25))
    assert pmi_score(np.log(0.2), np.log(0.4)) == pytest.approx(np.log(0.5))
    # p = (.6, .4), content-free (.75, .25): W p = (.8, 1.6), so the second wins, 2 to 1.
    q = calibrate(np.log([0.06, 0.04]), np.log([0.3, 0.1]))
    np.testing.assert_allclose(q, [1 / 3, 2 / 3])


@given(st.lists(st.tuples(st.floats(-700, 0), st.floats(-700, 0)), min_size=2, max_size=9))
def test_calibration_is_a_distribution_and_undoes_a_constant_preference(pairs):
    logp, free = np.array(pairs).T
    q = calibrate(logp, logp)
    np.testing.assert_allclose(q, 1 / len(q))
    if np.ptp(free) < 300:  # beyond that exp(free) is zero
        assert calibrate(np.zeros(len(free)), free).sum() == pytest.approx(1)


def test_each_rule_can_choose_another_option():
    """Four options, each the best under one rule."""
    log = np.log
    prompt = [[log(0.4)], [log(0.5), log(0.5), log(0.5)], [log(0.02)], [log(0.2)]]
    without = [[log(0.4)], [log(0.5)] * 3, [log(0.0001)], [log(0.2)]]
    free = [[log(0.4)], [log(0.5)] * 3, [log(0.02)], [log(0.001)]]
    best = best_options(prompt, free, without)
    assert best == {"sum": 0, "mean": 1, "pmi": 2, "calibrated": 3}


# --- questions


@pytest.mark.parametrize("task", KINDS)
def test_questions_of_the_world(task):
    for seed in range(6):
        gold, random = (world_question(WORLD, task, 8, how, seed) for how in ("gold", "random"))
        query = gold.prompt.splitlines()[-1].split("|")[-1]
        assert query == random.prompt.splitlines()[-1].split("|")[-1]  # the same query
        assert gold.options[0] == random.options[0]  # and the same right answer
        keys = [
            [part.split()[1:-2] for part in q.prompt.replace("|", "\n|").splitlines()[:-1]]
            for q in (gold, random)
        ]
        assert keys[0] == keys[1] or task in ("sum",)  # and the same inputs
        assert len(set(gold.options)) == len(gold.options) <= 8
        if task in LIST_TASKS:
            assert {o[1:] for o in gold.options} <= set(WORLD.vocabulary[task])
        # The content-free prompt differs from the prompt in the query's input only.
        assert gold.free.endswith(gold.without) and "N/A" in gold.without
        assert gold.prompt.startswith(gold.free[: -len(gold.without)])
        assert gold.without.split("N/A")[1] == gold.prompt[-len(gold.without.split("N/A")[1]) :]
        assert world_question(WORLD, task, 8, "gold", seed) == gold


def test_a_question_without_examples():
    q = world_question(WORLD, "colour", 0, "gold", 5)
    assert q.free == q.without and len(q.prompt.split()) <= 4


@pytest.fixture
def film(tmp_path):
    lines = [f"film number {i},{('good', 'bad')[i % 2]}" for i in range(20)]
    path = tmp_path / "film.csv"
    path.write_text("text,label\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_file_becomes_prompts(film):
    file = LabelledFile(film, TEMPLATE, "good=positive,bad=negative", 0)
    assert len(file.shots) == len(file.queries) == 10 and not set(file.shots) & set(file.queries)
    gold, random = (file_question(file, 3, labels, 4) for labels in ("gold", "random"))
    *shots, query = gold.prompt.split("\n\n")
    assert len(shots) == 3 and query.startswith("Review: film number ")
    assert query.endswith("\nSentiment:") and random.prompt.split("\n\n")[-1] == query
    word = {"good": "positive", "bad": "negative"}
    for shot in shots:
        text, label = shot.removeprefix("Review: ").split("\nSentiment: ")
        assert word[dict(file.shots)[text]] == label
    text = query.removeprefix("Review: ").removesuffix("\nSentiment:")
    assert gold.options[0] == " " + word[dict(file.queries)[text]]
    assert sorted(gold.options) == [" negative", " positive"]
    assert gold.without == "Review: N/A\nSentiment:"
    plain = file_question(LabelledFile(film, "{text}\\n{label}\\n", "", 0), 1, "gold", 0)
    assert plain.prompt.endswith("\n") and set(plain.options) == {"good", "bad"}


@pytest.mark.parametrize(
    "template, labels, message",
    [
        ("{text}", "", "--template"),
        ("{label}: {text}", "", "--template"),
        ("{text}{text}{label}", "", "--template"),
        ("{label}{text}{label}", "", "--template"),
        (TEMPLATE, "good", "--labels=good"),
        (TEMPLATE, "0=good,0=bad", "each label once"),
        (TEMPLATE, "fine=1", "labels"),
        (TEMPLATE, "good=x,bad=x", "no two alike"),
    ],
)
def test_a_template_or_labels_that_do_not_fit(film, template, labels, message):
    with pytest.raises(BadInput, match=message):
        LabelledFile(film, template, labels, 0)


def test_more_shots_than_the_file_holds(film):
    with pytest.raises(BadInput, match="--n=11: the file has only 10"):
        file_question(LabelledFile(film, TEMPLATE, "", 0), 11, "gold", 0)


@pytest.mark.parametrize(
    "name, labels", [("sst2/stsa.binary.dev", "0=bad,1=good"), ("ko_nsmc/nsmc_raw_test.tsv", "")]
)
def test_real_files(shared, name, labels):
    file = LabelledFile(shared / "data" / "icl" / name, TEMPLATE, labels, 0)
    q = file_question(file, 4, "gold", 1)
    assert len(q.options) == 2 and q.prompt.count("Sentiment:") == 5 and len(file.queries) > 400


# --- answers


def test_answers_are_those_of_the_whole_texts():
    """Against one text at a time through the network, and the sampler."""
    under = loaded()
    questions = [world_question(WORLD, task, n, "gold", 1) for task in KINDS for n in (0, 2)]
    encode, start = under.tokenizer.encode, under.tokenizer.endoftext
    for q, found in zip(questions, answer_all(questions, under, CPU)):

        def logps(text):
            with torch.no_grad():
                whole = [torch.tensor([[start, *encode(text), *encode(o)]]) for o in q.options]
                return [
                    token_logprobs(under.model, ids)[0, -len(encode(o)) :].numpy()
                    for ids, o in zip(whole, q.options)
                ]

        scored = [logps(text) for text in (q.prompt, q.free, q.without)]
        answer = encode(q.options[0])
        written = generate(under.model, [[start, *encode(q.prompt)]], len(answer), temperature=0)[0]
        assert found["loglik"] == pytest.approx(sum_score(scored[0][0]), abs=1e-3)
        assert found["free"] == (written == answer) and not found["cut"]
        assert {rule: found[rule] for rule in RULES[1:]} == {
            rule: best == 0 for rule, best in best_options(*scored).items()
        }


def test_learned_positions_cut_the_oldest_examples():
    under = loaded(pos="learned", block_size=40)
    short, long = (world_question(WORLD, "colour", n, "gold", 1) for n in (0, 16))
    assert [a["cut"] for a in answer_all([short, long], under, CPU)] == [False, True]


def test_cells_and_differences_by_hand():
    """Two tasks of a group, two draws of two prompts."""
    questions = [Question(task, "", "", "", [" a", " b"]) for task in "xy" for _ in range(4)]

    def cell(hits, n, labels):
        answers = [{**dict.fromkeys(RULES, bool(h)), "loglik": -h, "cut": False} for h in hits]
        about = {**ABOUT, "group": "known", "n": n, "labels": labels}
        return cell_rows(questions, answers, 2, about)

    rows = cell([1, 1, 1, 0, 1, 1, 0, 0], 8, "gold")
    by_task = {r["task"]: r for r in rows if r["rule"] == "free"}
    assert list(by_task) == ["x", "y", "known"]
    assert by_task["x"]["by_draw"] == [1.0, 0.5] and by_task["y"]["by_draw"] == [1.0, 0.0]
    known = by_task["known"]
    assert known["by_draw"] == [1.0, 0.25] and known["acc"] == 0.625 and known["prompts"] == 8
    assert known["draw_half"] == pytest.approx(12.706 * 0.375) and known["chance"] == 0.5
    assert known["low"] < 0.625 < known["high"] and known["loglik"] == -0.625

    rows += cell([0] * 7 + [1], 0, "gold") + cell([1, 0, 1, 0, 1, 0, 0, 0], 8, "random")
    found = {r["difference"]: r for r in differences(rows, ABOUT, [0, 8]) if r["rule"] == "free"}
    assert found["8 - 0 shots"]["points"] == pytest.approx(50)
    assert found["gold - random labels"]["points"] == pytest.approx(25)
    assert found["gold - random labels"]["draw_half"] == pytest.approx(12.706 * 25)
    assert differences(cell([0] * 8, 0, "gold"), ABOUT, [0]) == []


# --- the probe


def config(**changes):
    return Namespace(
        **{
            **dict(data="", template=TEMPLATE, labels="", n="0,2", draws=2, prompts=3, seed=0),
            **changes,
        }
    )


def test_a_model_that_knows_is_found_out(monkeypatch, capsys):
    """In place of a network, scores that favour the answer wherever the labels are true."""

    def scores(model, prompts, options, machine):
        logps = [[np.array([-1.0 - (m > 0)] * len(o)) for m, o in enumerate(os)] for os in options]
        return logps, [[m == 0 for m in range(len(os))] for os in options]

    monkeypatch.setattr(options, "score_options", scores)
    rows = probe(config(), loaded(), CPU)
    cells = {(r["task"], r["n"], r["labels"], r["rule"]): r for r in rows if "difference" not in r}
    assert {key[0] for key in cells} == {*KINDS, "known"}
    assert all(r["acc"] == 1 for key, r in cells.items() if key[3] in ("free", "mean"))
    sizes = [cells[task, 2, "gold", "free"]["prompts"] for task in ("known", "kind", "novel")]
    assert sizes == [18, 2, 6]
    assert ("novel", 0, "random", "free") not in cells
    assert headline(rows) == "accuracy at 2 shots: known 1.000, novel 1.000, key-value 1.000"
    other = [{**r, "ckpt": "y.pt"} for r in rows]
    show(rows + other)
    shown = capsys.readouterr().out
    assert "mean of 2" in shown and "x.pt" in shown and "y.pt" in shown and "toy world" in shown
    assert shown.count("\n  key-value  ") == 8


def test_a_file_from_end_to_end(film, capsys):
    rows = probe(config(data=str(film), prompts=4), loaded(), CPU)
    assert {r["task"] for r in rows} == {"film"}
    assert {r["prompts"] for r in rows if "difference" not in r} == {8}
    show(rows)
    shown = capsys.readouterr().out
    assert "film: 2 - 0 shots" in shown and "chosen among the labels" in shown
    right = next(r for r in rows if r["n"] == 2 and r["labels"] == "gold" and r["rule"] == "sum")
    assert headline(rows) == f"accuracy at 2 shots: film {right['acc']:.3f}"
    show(probe(config(data=str(film), prompts=2, n="0"), loaded(), CPU))


def test_the_prompts_do_not_depend_on_the_model(monkeypatch):
    seen = []
    monkeypatch.setattr(
        fewshot,
        "answer_all",
        lambda questions, loaded, machine: (
            seen.append(questions),
            [{**dict.fromkeys(RULES, False), "loglik": 0.0, "cut": False} for _ in questions],
        )[1],
    )
    for vocab in (280, 300):
        probe(config(prompts=2), loaded(vocab=vocab), CPU)
    assert seen[: len(seen) // 2] == seen[len(seen) // 2 :]
    assert len({q.prompt for questions in seen[:3] for q in questions}) > 20
