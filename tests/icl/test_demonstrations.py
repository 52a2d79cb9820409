"""The probe of demonstrations: its scores against scoring by hand, its figures against numbers by
hand, its files, and what it refuses."""

import json
import math
from argparse import Namespace
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from data import flips
from data.flips import CONDITIONS, Case, layouts
from data.labelled import FileMaterials, LabelledFile
from icl import demonstrations
from icl.demonstrations import choose, gler, label_slope, prompt_ids
from likelihood import token_logprobs
from plumbing.errors import BadInput
from plumbing.machine import setup
from plumbing.records import write_records
from tests.tiny import tiny
from tokenizer import Tokenizer

TEMPLATE = "Review: {text}\\nSentiment: {label}\\n\\n"
FILE = [
    "a warm and funny film,good",
    "dull from start to end,bad",
    "I laughed all evening,good",
    "the plot goes nowhere,bad",
    "so slow,bad",
    "what a cast,good",
    "not my taste,so-so",
    "it has its moments,so-so",
    "a film,so-so",
    "better than the book,good",
    "worse than the book,bad",
    "neither here nor there,so-so",
]


def config(**changes):
    return Namespace(
        **{
            **dict(data="", template=TEMPLATE, labels="", n="2", draws=2, prompts=3, seed=0),
            **changes,
        }
    )


def loaded(tokenizer, train_config=None, parent=None, **changes):
    """A tiny network with weights at random, dressed as what icl_eval.py loads."""
    changes = {**dict(vocab_size=tokenizer.n_vocab + 3, block_size=256), **changes}
    return SimpleNamespace(
        name="here/ckpt.pt",
        model=tiny(**changes),
        tokenizer=tokenizer,
        checkpoint={"train_config": train_config or {}, "parent": parent},
        about=lambda: {"ckpt": "here/ckpt.pt", "stage": "pretrain", "step": 7, "params": 10},
    )


@pytest.fixture
def machine():
    return setup(SimpleNamespace(device="cpu", dtype="float32", seed=0))


@pytest.fixture
def small_file(tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_text("\n".join(["text,label", *FILE]) + "\n", encoding="utf-8")
    return str(path)


# --- the maths -----------------------------------------------------------------------------------
def test_gler_by_hand():
    assert gler(0.9, 0.7, 0.5) == pytest.approx(0.5)
    assert gler(0.9, 0.9, 0.5) == 0 and gler(0.9, 0.3, 0.5) == pytest.approx(1.5)
    assert math.isnan(gler(0.5, 0.4, 0.5)) and math.isnan(gler(0.4, 0.4, 0.5))


def test_label_slope_by_hand():
    slope, fit = label_slope([0, 0.25, 0.5, 0.75, 1], [0.2, 0.3, 0.4, 0.5, 0.6])
    assert slope == pytest.approx(0.4) and fit == pytest.approx(1)
    slope, fit = label_slope([0, 1, 2], [1, 0, 5])  # residuals 1, -2, 1 of a total of 14
    assert slope == pytest.approx(2) and fit == pytest.approx(1 - 6 / 14)
    slope, fit = label_slope([0, 0.5, 1], [0.7, 0.7, 0.7])
    assert slope == 0 and math.isnan(fit)


# --- scoring -------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["direct", "channel"])
@pytest.mark.parametrize("template", [flips.TEMPLATE, TEMPLATE.replace("\\n", "\n")])
def test_ids_are_those_of_the_whole_text(method, template):
    tokenizer = Tokenizer.train("Review: warm and dull\nSentiment: good\n\n" * 3, 300)
    layout = layouts(template)[method]
    case = Case([("warm", "good"), ("dull", "bad")], "and so on", ["good", "not good"], 1)
    shown = "".join(layout.write(*demo) for demo in case.demonstrations)
    prompt, options, lengths = prompt_ids(case, layout, tokenizer)
    for word, ids, n in zip(case.options, options, lengths):
        whole = shown + layout.write(case.x, word)[: -len(layout.tail)]
        assert prompt + ids == [tokenizer.endoftext, *tokenizer.encode(whole)]
        assert tokenizer.decode(ids[-n:]).strip() == (case.x if layout.flipped else word)


@pytest.mark.parametrize("method", ["direct", "channel"])
@pytest.mark.parametrize("condition", ["none", "random", "inputs only"])
def test_scores_are_those_of_the_whole_text(method, condition, machine):
    """Mean log p of the tokens that are scored, from one pass over each option's full text."""
    model = loaded(flips.tokenizer())
    layout = layouts(flips.TEMPLATE)[method]
    cases = [CONDITIONS[condition](m) for m in flips.materials(4, 3, seed=1)]
    scores, written, cut = choose(cases, layout, model, machine)
    assert cut == 0
    for case, score, greedy in zip(cases, scores, written):
        shown = "".join(layout.write(*demo) for demo in case.demonstrations)
        for place, word in enumerate(case.options):
            text = shown + layout.write(case.x, word).rstrip("\n")
            ids = torch.tensor([[model.tokenizer.endoftext, *model.tokenizer.encode(text)]])
            n = flips.L if layout.flipped else 1
            with torch.no_grad():
                logp = token_logprobs(model.model, ids)[0, -n:].mean().item()
                best = model.model(ids)[0, -2].argmax().item()
            assert score[place] == pytest.approx(logp, abs=1e-4)
            if place == case.gold and not layout.flipped:
                assert greedy == (best == ids[0, -1].item())


def test_long_prompts_lose_their_beginning(machine):
    model = loaded(flips.tokenizer(), pos="learned", block_size=20)
    layout = layouts(flips.TEMPLATE)["direct"]
    case = CONDITIONS["gold"](flips.materials(1, 8, seed=1)[0])
    (score,), _, cut = choose([case], layout, model, machine)
    text = "".join(layout.write(*demo) for demo in case.demonstrations) + layout.ask(case.x)[0]
    for place, word in enumerate(case.options):
        ids = torch.tensor([model.tokenizer.encode(f"{text} {word}")[-20:]])
        with torch.no_grad():
            assert score[place] == pytest.approx(
                token_logprobs(model.model, ids)[0, -1].item(), abs=1e-4
            )
    assert cut == 1
    with pytest.raises(BadInput, match="longer than"):
        choose([Case([], "road " * 30, ["good", "bad " * 30], 0)], layout, model, machine)


# --- rows ----------------------------------------------------------------------------------------
def test_rows_and_tables_of_the_toy_world(machine, tmp_path, capsys):
    model = loaded(flips.tokenizer(), {"data": "demos_rare"})
    rows = demonstrations.probe(config(n="2,4"), model, machine)
    cells = [r for r in rows if "summary" not in r]
    assert len(cells) == 2 * (1 + 2 * (len(CONDITIONS) - 1))
    assert {(r["condition"], r["k"], r["method"]) for r in cells} >= {
        ("none", 0, "direct"),
        ("gold", 4, "channel"),
        ("labels only", 2, "direct"),
    }
    for r in cells:
        assert r["prompts"] == 6 and r["low"] <= r["acc"] <= r["high"] and r["rho"] == 0.02
        assert np.mean(r["by_draw"]) == pytest.approx(r["acc"]) and r["loglik"] <= 0
        assert 0 <= r["bayes_acc"] <= 1 and (r["acc_free"] is None) == (r["method"] == "channel")
    gap = next(r for r in rows if r.get("name") == "gold - random" and r["k"] == 4)
    acc = {r["condition"]: r["acc"] for r in cells if r["k"] == 4 and r["method"] == "direct"}
    assert gap["value"] == pytest.approx(100 * (acc["gold"] - acc["random"]))
    write_records(tmp_path / "demos.jsonl", {}, rows)
    other = [{**r, "ckpt": "there/ckpt.pt", "rho": 0.5} for r in rows]
    demonstrations.show(rows + other)
    shown = capsys.readouterr().out
    assert all(name in shown for name in (*CONDITIONS, "GLER", "Yoo", "Wei", "Kossen", "rho=0.5"))
    shown.encode("cp949")
    assert "gold" in demonstrations.headline(rows)
    assert json.loads((tmp_path / "demos.jsonl").read_text(encoding="utf-8").split("\n")[1])


def test_no_demonstrations_at_all_are_always_asked(machine):
    model = loaded(flips.tokenizer(), {"data": "demos"})
    two, also = (demonstrations.probe(config(n=n), model, machine) for n in ("2", "0,2"))
    cells = [[r for r in rows if "summary" not in r] for rows in (two, also)]
    assert cells[0] == cells[1] and {r["k"] for r in cells[0]} == {0, 2}


def test_model_and_bayes_answer_the_same_prompts(machine, monkeypatch):
    """Were the model exact Bayes, the two columns would agree: here its scores are."""

    def exact(cases, layout, model, machine):
        known = flips.evidence(cases)
        logp, choice = flips.bayes(known, 0.5)
        scores = [np.array([float(c == place) for place in range(2)]) for c in choice]
        words = [flips.LABELS.index(case.options[case.gold]) for case in cases]
        return scores, (logp.argmax(1) == words).tolist(), 0

    monkeypatch.setattr(demonstrations, "choose", exact)
    model = loaded(flips.tokenizer(), {}, {"data": "x", "parent": {"data": "demos_flip"}})
    rows = demonstrations.probe(config(n="4", prompts=20), model, machine)
    for r in (r for r in rows if "summary" not in r):
        assert r["acc"] == r["bayes_acc"] and r["acc_free"] in (None, r["bayes_acc_free"])
    slope = next(r for r in rows if r.get("name") == "slope")
    assert slope["value"] > 0.5


def test_exact_answers_without_a_model(capsys):
    rows = demonstrations.probe(config(n="2,4", prompts=20), None, None)
    assert {r["rho"] for r in rows} == set(demonstrations.SWEEP)
    random = [
        next(
            r["acc"] for r in rows if r["condition"] == "random" and r["rho"] == rho and r["k"] == 4
        )
        for rho in demonstrations.SWEEP
    ]
    assert random[0] > random[-1]
    demonstrations.show(rows)
    shown = capsys.readouterr().out
    assert "1e-06" in shown and "foreign labels" in shown and "Kossen" in shown


# --- files ---------------------------------------------------------------------------------------
def test_materials_of_a_file(small_file):
    source = FileMaterials(LabelledFile(small_file, TEMPLATE, "", 0), 0)
    shots, queries = dict(source.file.shots), dict(source.file.queries)
    assert not set(shots) & set(queries) and source.options == ["bad", "good", "so-so"]
    for m in source.draw(20, 4):
        assert [shots[x] for x in m.inputs] == [source.names[y] for y in m.labels]
        assert queries[m.x] == source.names[m.gold]
        assert len(set(m.inputs)) == 4 and not set(m.foreign) & set(m.options)
        assert [len(x.split()) for x in m.uniform] == [len(x.split()) for x in m.inputs]
        assert {w for x in m.uniform for w in x.split()} <= set(source.words)
        assert not set(m.other) & set(shots) and all(s in (1, 2) for s in m.shift)
    assert source.draw(3, 4) == source.draw(3, 4)
    lengths = [
        len(source.elsewhere("one two three four", source_rng).split())
        for source_rng in map(Random, range(50))
    ]
    assert abs(np.mean(lengths) - 4) < 5


def test_a_file_end_to_end(small_file, machine, capsys):
    tokenizer = Tokenizer.train("Review: warm and dull\nSentiment: good\n\n" * 3, 300)
    rows = demonstrations.probe(config(data=small_file, prompts=2), loaded(tokenizer), machine)
    cells = [r for r in rows if "summary" not in r]
    assert len(cells) == 2 * len(CONDITIONS) and not any("bayes_acc" in r for r in cells)
    assert all(r["chance"] == pytest.approx(1 / 3) and r["rho"] is None for r in cells)
    demonstrations.show(rows + [{**r, "step": 8} for r in rows])
    assert "labels only" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name, labels",
    [("sst2/stsa.binary.dev", "0=bad,1=good"), ("ko_nsmc/nsmc_raw_test.tsv", "0=부정,1=긍정")],
)
def test_sample_files(name, labels, shared, machine):
    path = shared / "data" / "icl" / name
    if not path.is_file():
        pytest.skip("this sample file is not here")
    cfg = config(data=str(path), labels=labels, prompts=2, draws=1)
    tokenizer = flips.tokenizer()
    rows = demonstrations.probe(cfg, loaded(tokenizer, n_layer=1), machine)
    assert len([r for r in rows if "summary" not in r]) == 2 * len(CONDITIONS)


# --- refusals ------------------------------------------------------------------------------------
def test_bad_input(small_file, machine, tmp_path):
    model = loaded(flips.tokenizer())
    with pytest.raises(BadInput, match="--preset=demos"):
        demonstrations.probe(config(), model, machine)
    with pytest.raises(BadInput, match="--n=0:"):
        demonstrations.probe(config(n="0"), model, machine)
    with pytest.raises(BadInput, match="needs a model"):
        demonstrations.probe(config(data=small_file), None, machine)
    with pytest.raises(BadInput, match="only 6 examples"):
        demonstrations.probe(config(data=small_file, n="7"), model, machine)
    numbers = tmp_path / "numbers.csv"
    numbers.write_text("text,label\n1 2,a\n3 4,b\n5 6,a\n", encoding="utf-8")
    with pytest.raises(BadInput, match="too few words"):
        demonstrations.probe(config(data=str(numbers)), model, machine)
