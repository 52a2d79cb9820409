"""Rules: the loss by hand, rows and marks, a rule that is learned, resumption, and bad input."""

import json
import re
from dataclasses import asdict

import numpy as np
import pytest
import torch

import rules
from data.marks import read_marks, read_rules, trained
from data.world.english_rules import RULES
from data.world.languages import LANGUAGES
from judges.rules import as_rule_model, keeps_words
from model import GPT, GPTConfig
from plumbing.checkpoint import load_checkpoint, save_checkpoint
from plumbing.config import parse_config
from plumbing.errors import BadInput
from plumbing.machine import Machine
from plumbing.measure import GUESS
from rules import Config, as_marks, get_batch, rule_loss, train, word
from tokenizer import Tokenizer

CPU = Machine("cpu", torch.float32)
OWN = "red: Do not say red.\nred: Never say the word red.\ngo: Do not say go.\ngo: Never go.\n"
WORDS = "red blue go stay hat coat sun moon".split()


def marked(n, seed=0):
    """Dialogues of random words, marked rightly by both rules: n records."""
    rng = np.random.default_rng(seed)
    records = []
    for i in range(n):
        said = " ".join(rng.choice(WORDS, 3))
        marks = {r: "broken" if r in said.split() else "kept" for r in ("red", "go")}
        messages = [{"role": "user", "content": f"say {i}"}, {"role": "assistant", "content": said}]
        records.append({"messages": messages, "rules": marks})
    return records


def write(path, records):
    path.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.train(" ".join([*WORDS, "say 0123456789", OWN] * 3), 330)


@pytest.fixture
def files(tmp_path, tokenizer):
    """A fine-tuned model that knows nothing, two rules, and people's marks."""
    torch.manual_seed(0)
    shape = dict(block_size=64, n_layer=2, n_head=2, n_embd=32)
    model = GPT(GPTConfig(vocab_size=tokenizer.n_vocab, **shape))
    checkpoint = {"stage": "sft", "model": model.state_dict(), "tokenizer": tokenizer.to_json()}
    checkpoint |= {"model_config": asdict(model.config), "train_config": {}, "step": 0}
    save_checkpoint(tmp_path / "sft.pt", {**checkpoint, "metrics": {}, "parent": None})
    (tmp_path / "rules.txt").write_text(OWN, encoding="utf-8")
    write(tmp_path / "marks.jsonl", marked(300))
    return tmp_path


def config(files, out="out", **changes):
    options = dict(init=str(files / "sft.pt"), rules_file=str(files / "rules.txt"), epochs=6)
    options |= dict(data=str(files / "marks.jsonl"), out=str(files / out), lr=3e-3, matrix_lr=2e-3)
    return Config(**{**options, "batch_size": 16, "device": "cpu", "dtype": "float32", **changes})


# --- the loss and the batches --------------------------------------------------------------------


def test_the_loss_by_hand():
    """σ(0) = ½; σ(ln 3) = ¾: broken at ln 3 costs −log ¾, kept there −log ¼."""
    scores = torch.tensor([0.0, np.log(3), np.log(3)])
    losses = -np.log([0.5, 0.75, 0.25])
    assert rule_loss(scores, torch.tensor([1.0, 1.0, 0.0]), 3).item() == pytest.approx(
        losses.mean()
    )


def test_the_loss_knows_that_people_err():
    """ε = 0.1: σ = ¾ is marked broken with 0.1 + 0.8 · 0.75 = 0.7; no mark costs more than −log ε,
    and of a sure network a slip moves nothing."""
    scores = torch.tensor([np.log(3), np.log(3), -50.0], requires_grad=True)
    found = rule_loss(scores, torch.tensor([1.0, 0.0, 1.0]), 1, noise=0.1)
    assert found.item() == pytest.approx(-np.log([0.7, 0.3, 0.1]).sum(), abs=1e-5)
    found.backward()
    assert abs(scores.grad[2]) < 1e-6 < abs(scores.grad[1])


def test_marks_of_a_broken_rule_can_weigh_more():
    """σ(ln 3) = ¾: marked broken it costs −2 log ¾, marked kept −log ¼."""
    scores = torch.tensor([np.log(3), np.log(3)])
    found = rule_loss(scores, torch.tensor([1.0, 0.0]), 1, weight=2.0)
    assert found.item() == pytest.approx(-np.log(0.75**2 * 0.25))


def test_the_loss_is_binary_cross_entropy_and_parts_add_up():
    scores, broken = torch.randn(11, dtype=torch.float64), (torch.rand(11) < 0.5).double()
    oracle = torch.nn.functional.binary_cross_entropy_with_logits(scores, broken)
    whole = rule_loss(scores, broken, 11)
    parts = rule_loss(scores[:4], broken[:4], 11) + rule_loss(scores[4:], broken[4:], 11)
    torch.testing.assert_close(whole, oracle)
    torch.testing.assert_close(parts, oracle)


def test_one_row_reads_the_rule_and_the_other_does_not(tokenizer):
    marks = as_marks(marked(6))
    texts = ["Do not say red." if m["rule"] == "red" else "Never go." for m in marks]
    cfg = Config()
    (tokens, last, _), broken = get_batch(marks, texts, "rules", tokenizer, cfg, CPU)
    for ids, end, text in zip(tokens, last, texts):
        assert tokenizer.decode(ids[: end + 1].tolist()).endswith(text)
        assert ids[end] == tokenizer.assistant
    assert broken.tolist() == [float(m["broken"]) for m in marks]
    (bare, _, _), bad = get_batch(marks, texts, "bad", tokenizer, cfg, CPU)
    assert torch.equal(bare[0], bare[1]), "one dialogue, two rules: nothing tells them apart"
    assert bad.tolist() == [float(m["bad"]) for m in marks] and bad[0] == bad[1]


def test_who_weighs_the_words_reads_the_rule_before_them(tokenizer):
    marks = as_marks(marked(3))
    (tokens, last, mask), broken = get_batch(marks, ["Go."] * 6, "words", tokenizer, Config(), CPU)
    for mark, ids, end, own in zip(marks, tokens, last, mask):
        question, answer = (message["content"] for message in mark["messages"])
        row = ids[: end + 1].tolist()
        assert tokenizer.decode(row).split() == f"{question} Go. {answer} Go.".split()
        scored = ids[1:][own > 0].tolist()
        assert scored == [*tokenizer.turn(answer), tokenizer.endoftext]
    assert broken.tolist() == [float(m["broken"]) for m in marks]


def test_bad_is_any_rule():
    marks = as_marks([{"messages": [], "rules": {"a": "kept", "b": "broken"}}])
    assert [(m["broken"], m["bad"]) for m in marks] == [(False, True), (True, True)]
    record = {"messages": [], "rules": {"a": "broken"}, "bad": "kept"}  # another labeler's mark
    assert [(m["broken"], m["bad"]) for m in as_marks([record])] == [(True, False)]


def test_the_last_wording_is_never_trained_on():
    marks = [{"rule": rule} for rule in RULES] * 50
    drawn = set(word(marks, RULES, np.random.default_rng(0)))
    assert drawn == {text for wordings in RULES.values() for text in wordings[:-1]}
    assert trained(["one"]) == ["one"] and trained(["one", "two"]) == ["one"]


# --- training ----------------------------------------------------------------------------------


def test_two_rules_are_learned_by_one_network(files):
    metrics = train(config(files, noise=0.0, epochs=10, matrix_lr=6e-3, alpha=0.0))
    assert metrics["val_accuracy"] > 0.9
    checkpoint = load_checkpoint(files / "out" / "ckpt.pt", ("rules",))
    assert checkpoint["rules"] == read_rules(files / "rules.txt") and checkpoint["finished"]
    assert checkpoint["model_config"]["head"] == "scalar"
    log = (files / "out" / "log.jsonl").read_text(encoding="utf-8").splitlines()
    details = next(json.loads(line)["details"] for line in log if '"details"' in line)
    assert set(details["rules"]) == {"red", "go"} and details["rules"]["red"]["auc"] > 0.9
    assert "words" not in checkpoint and len(as_rule_model(checkpoint, "", CPU).networks) == 1


def test_the_checkpoint_holds_the_second_network(files):
    """Trained, with what it finds unlikely counted as broken; and --eval reads both again."""
    metrics = train(config(files, steps=8, alpha=0.25))
    checkpoint = load_checkpoint(files / "out" / "ckpt.pt", ("rules",))
    first, second = as_rule_model(checkpoint, "", CPU).networks
    assert keeps_words(second) and not keeps_words(first)
    assert second.alpha == -0.25 and second.scalar_head.weight.any()
    before = load_checkpoint(files / "sft.pt")["model"]["h.0.mlp.c_fc.weight"]
    assert not torch.equal(second.h[0].mlp.c_fc.weight, before)
    whole = files / "out" / "ckpt.pt"
    again = train(Config(**{**vars(config(files)), "init": str(whole), "eval": True}))
    assert again["val_loss"] == pytest.approx(metrics["val_loss"], abs=1e-6)


def test_a_checkpoint_without_a_second_network_is_no_riddle(files):
    train(config(files, steps=2, alpha=0.0))
    one = dict(vars(config(files)), init=str(files / "out" / "ckpt.pt"), eval=True)
    with pytest.raises(BadInput, match="without a second network: add --alpha=0"):
        train(Config(**one))
    assert train(Config(**{**one, "alpha": 0.0}))


def test_a_second_network_that_diverges_ends_the_run(files):
    with pytest.raises(BadInput, match=r"diverged.*--words_lr=1e\+25"):
        train(config(files, words_lr=1e25, steps=12))


def test_a_resumed_run_is_the_whole_run(files, monkeypatch):
    whole = config(files, "whole", epochs=1, eval_every=5)
    train(whole)
    seen = []

    def fail(*args):
        seen.append(1)
        if len(seen) == 3 * 12:
            raise KeyboardInterrupt
        return get_batch(*args)

    monkeypatch.setattr(rules, "get_batch", fail)
    with pytest.raises(KeyboardInterrupt):
        train(config(files, "cut", epochs=1, eval_every=5))
    monkeypatch.undo()
    train(parse_config(Config, rules.PRESETS, [f"--out={files / 'cut'}", "--resume"]))
    one, other = (torch.load(files / n / "last.pt", weights_only=True) for n in ("whole", "cut"))
    for key in ("model", "words", "bad"):
        for name, weight in one[key].items():
            assert torch.equal(weight, other[key][name]), (key, name)


def test_parts_of_a_batch_add_up(files):
    train(config(files, "one", steps=3))
    train(config(files, "three", steps=3, grad_accum=3))
    one, other = (load_checkpoint(files / n / "ckpt.pt")["model"] for n in ("one", "three"))
    for name, weight in one.items():
        torch.testing.assert_close(weight, other[name], rtol=1e-3, atol=2e-4)


@pytest.mark.parametrize("world", LANGUAGES)
def test_the_world_is_marked_and_examined(files, tokenizer, capsys, world):
    """From attacks to a table, with a model that only stammers."""
    options = dict(data=world, rules_file="", n_marks=60, n_eval=40, epochs=1)
    train(config(files, "world", **options))
    lines = (files / "world" / "probes.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    assert len(records) == 60 and all(len(record["rules"]) == 1 for record in records)
    again = read_marks(files / "world" / "probes.jsonl", RULES)
    assert [r["rules"] for r in again] == [r["rules"] for r in records]
    taught = load_checkpoint(files / "world" / "ckpt.pt")["rules"]
    assert taught == LANGUAGES[world].RULES
    hangul = [bool(re.search("[가-힣]", r["messages"][0]["content"])) for r in records]
    assert all(hangul) if world == "world_ko" else not any(hangul)
    assert "swap" in capsys.readouterr().out


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, what",
    [
        ("red:\n", "line 1: the rule 'red' has no text"),
        ("no colon here\n", "line 1: expected a rule"),
        (": text\n", "line 1: expected a rule"),
        ("red: a\nred: a\n", "line 2: .*twice"),
        ("red: " + "x" * 500, "over 400 characters"),
        ("# nothing\n", "no rule in it"),
    ],
)
def test_rules_that_are_none(tmp_path, text, what):
    (tmp_path / "rules.txt").write_text(text, encoding="utf-8")
    with pytest.raises(BadInput, match=what):
        read_rules(tmp_path / "rules.txt")


@pytest.mark.parametrize(
    "change, what",
    [
        ({"rules": {"blue": "broken"}}, "no rule 'blue'"),
        ({"rules": {"red": "perhaps"}}, "expected broken, kept or unsure"),
        ({"rules": ["red"]}, "expected an object"),
        ({"rules": {"red": "unsure"}}, "no usable record"),
        ({"messages": [{"role": "user", "content": "a"}]}, "no usable record"),
        ({"messages": "text"}, "expected a list of messages"),
    ],
)
def test_marks_that_are_none(tmp_path, change, what):
    write(tmp_path / "marks.jsonl", [{**marked(1)[0], **change}])
    with pytest.raises(BadInput, match=what):
        read_marks(tmp_path / "marks.jsonl", {"red": ["r"], "go": ["g"]})


def test_a_guess_has_the_loss_that_is_shown_beside_it(tokenizer):
    """log 2, however much more a mark that says broken weighs in training."""

    class Undecided(torch.nn.Module):
        def forward(self, tokens, targets):
            return torch.zeros(tokens.shape)

    cfg = Config(noise=0.1, broken_weight=2.0)
    networks = {"rules": Undecided(), "words": Undecided()}
    found = rules.evaluate(
        networks, as_marks(marked(40)), {"red": ["R."], "go": ["G."]}, tokenizer, cfg, CPU
    )
    assert found["val_loss"] == pytest.approx(float(GUESS["val_loss"]), abs=1e-3)


def test_what_somebody_is_unsure_of_is_counted(tmp_path, capsys):
    records = [*marked(3), {**marked(1)[0], "rules": {"red": "unsure"}}]
    found = read_marks(write(tmp_path / "marks.jsonl", records), {"red": ["r"], "go": ["g"]})
    assert len(found) == 3 and "1 records skipped: no rule marked" in capsys.readouterr().out


@pytest.mark.parametrize(
    "changes, what",
    [
        ({"n_marks": 5, "data": "world", "rules_file": ""}, "at least 20"),
        ({"data": "world"}, "give the marks by --data"),
        ({"grad_accum": 40}, "no so many marks"),
        ({"batch_size": 0}, "batch_size"),
        ({"noise": 0.5}, "below 0.5"),
        ({"noise": -0.1}, "below 0.5"),
        ({"broken_weight": 0.0}, "above 0"),
        ({"alpha": -0.5}, "0 or more"),
        ({"alpha": 0.5, "export": "hf"}, "keeps its words"),
    ],
)
def test_options_that_make_no_training(files, changes, what):
    with pytest.raises(BadInput, match=what):
        train(config(files, **changes))


def test_marks_that_say_all_the_same(files):
    write(files / "marks.jsonl", [{**r, "rules": {"red": "kept"}} for r in marked(9)])
    with pytest.raises(BadInput, match="all marks to train on say kept"):
        train(config(files))


def test_a_model_of_another_language_is_refused(files, monkeypatch):
    korean = {"stage": "sft", "train_config": {"data": "world_ko"}, "parent": None}
    monkeypatch.setattr(rules.Run, "inherit", lambda *given: korean)
    with pytest.raises(BadInput, match="another language"):
        train(Config(init="ko.pt", out=str(files / "ko"), device="cpu"))
