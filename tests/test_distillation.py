"""Context distillation: the teacher's probabilities are those of a plain forward pass over context,
question and answer; the loss is the divergence from them, and a network learns what the prompt did."""

import json
from dataclasses import asdict
from types import SimpleNamespace

import pytest
import torch

import distillation
import sft
from distillation import Prompted, read_context
from plumbing.checkpoint import load_checkpoint, save_checkpoint
from plumbing.config import parse_config
from plumbing.errors import BadInput
from plumbing.machine import Machine
from sft import get_batch, load_examples
from tests.tiny import tiny
from tokenizer import Tokenizer

CPU = Machine("cpu", torch.float32)
CONTEXT = "User: Is it a cat?\nBot: It is a dog."
TEXT = "User: Where is the cat?\nBot: The cat is here. It is a dog?\nUser: What is it?\nBot: It is me.\n"
ASKED = [
    [{"role": "user", "content": "Where is it?"}],
    [
        {"role": "user", "content": "Is it a cat?"},
        {"role": "assistant", "content": "It is."},
        {"role": "user", "content": "Where?"},
    ],
]
SAID = ["It is here.", "The dog is a cat. It is me."]


def checkpoint(stage="pretrain", **shape):
    """A base model of two layers whose choices are far from uniform."""
    torch.manual_seed(0)
    tokenizer = Tokenizer.train(TEXT * 3, 280)
    model = tiny(vocab_size=tokenizer.n_vocab, block_size=128, **shape)
    return {
        "stage": stage,
        "model": model.state_dict(),
        "model_config": asdict(model.config),
        "tokenizer": tokenizer.to_json(),
        "finished": True,
    }


def prompted(context=CONTEXT, stage="pretrain", **shape):
    cfg = SimpleNamespace(init="base.pt", distill=context, seed=1)
    return Prompted(checkpoint(stage, **shape), cfg, CPU)


def examples(teacher):
    """Two demonstrations, of which the last answer alone is learned."""
    records = []
    for asked, said in zip(ASKED, SAID):
        earlier = [{**turn, "weight": 0} for turn in asked]
        records.append({"messages": [*earlier, {"role": "assistant", "content": said}]})
    cfg = SimpleNamespace(seed=0, data="two")
    train, val = load_examples(cfg, records, teacher.tokenizer, 128)
    return [*train, *val]


def plainly(teacher, example):
    """p at each choice of an answer, by one forward pass over context, transcript and answer, the
    probability of all that ends a line moved to <|endoftext|>: (choices, V)."""
    *_, messages = example
    tokenizer = teacher.tokenizer
    lines = [CONTEXT]
    for turn in messages[:-1]:
        name = {"user": "User", "assistant": "Bot"}[turn["role"]]
        lines.append(f"{name}: {turn['content']}")
    text = "\n".join([*lines, "Bot:"])
    prompt = [tokenizer.endoftext, *tokenizer.encode(text)]
    answer = tokenizer.turn(messages[-1]["content"])
    p = teacher.model(torch.tensor([prompt + answer]))[0, len(prompt) - 1 :].softmax(-1)
    line = [i for i, token in enumerate(tokenizer.vocab) if b"\n" in token]
    p[:, tokenizer.endoftext] += p[:, line].sum(1)
    p[:, line] = 0
    return p


def test_targets_are_those_of_a_plain_forward_pass():
    teacher = prompted()
    two = examples(teacher)
    expected = torch.cat([plainly(teacher, one) for one in two])
    found = teacher.targets(two)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(found.sum(1), torch.ones(len(found)))


def test_of_an_example_that_was_cut_the_end_of_the_answer_counts():
    """Nothing is left of the prompt, and the first word is not predicted from anything."""
    teacher = prompted()
    whole = examples(teacher)
    cut = [(ids[-6:], mask[-6:], messages) for ids, mask, messages in whole]
    tokens, _, mask = get_batch(cut, [0, 1], teacher.tokenizer, CPU)
    logits = torch.zeros(*tokens.shape, teacher.tokenizer.n_vocab)
    assert teacher.kl(logits, mask, cut).shape == mask.shape
    expected = torch.cat([plainly(teacher, one)[-5:] for one in whole])
    torch.testing.assert_close(teacher.targets(cut), expected, rtol=1e-4, atol=1e-6)


def test_another_context_is_another_teacher():
    """The test above would pass a teacher that leaves its context out, if that changed nothing."""
    one, other = prompted(), prompted("Bot: Where is the cat?")
    assert (one.targets(examples(one)) - other.targets(examples(other))).abs().max() > 0.01


def test_kl_by_hand():
    """V = 3. p = (1/2, 1/2, 0) against π = (1/4, 1/2, 1/4): ½ log 2. Against itself: 0."""
    teacher = prompted()
    teacher.targets = lambda rows: torch.tensor([[0.5, 0.5, 0], [0.5, 0.5, 0]])
    mask = torch.tensor([[0.0, 1, 0], [1, 0, 0]])
    logits = torch.full((2, 3, 3), 7.0)
    logits[0, 1] = torch.tensor([0.25, 0.5, 0.25]).log()
    logits[1, 0] = torch.tensor([0.5, 0.5, 1e-30]).log()
    expected = torch.tensor([[0, 0.5 * torch.tensor(2.0).log(), 0], [0, 0, 0]])
    torch.testing.assert_close(teacher.kl(logits, mask, None), expected)


def test_kl_is_zero_of_a_network_that_has_learned_it_and_points_there():
    """Logits that are log p at the choices of a real batch give 0; the gradient of the loss in the
    logits is π − p."""
    teacher = prompted()
    two = examples(teacher)
    tokens, _, mask = get_batch(two, [0, 1], teacher.tokenizer, CPU)
    logits = torch.zeros(*tokens.shape, teacher.tokenizer.n_vocab)
    p = teacher.targets(two)
    logits[mask > 0] = p.clamp(min=1e-30).log()
    assert teacher.kl(logits, mask, two).abs().max() < 1e-4
    flat = torch.zeros_like(logits, requires_grad=True)
    teacher.kl(flat, mask, two).sum().backward()
    torch.testing.assert_close(flat.grad[mask > 0], 1 / p.shape[1] - p)
    assert flat.grad[mask == 0].abs().max() == 0


def test_its_own_answers_are_learned_and_nothing_else(monkeypatch):
    teacher = prompted()
    said = (["", "It is me."], [True, False])
    monkeypatch.setattr(teacher, "respond", lambda asked, seed: said)
    monkeypatch.setattr(distillation, "questions", lambda cfg, parent: ASKED)
    (one,) = teacher.demonstrations()  # no word is no answer
    ids, mask = teacher.tokenizer.render(one["messages"])
    learned = [token for token, learn in zip(ids, mask) if learn]
    assert teacher.tokenizer.decode(learned[:-1]).strip() == "It is me."
    assert learned[-1] == teacher.tokenizer.endoftext


def test_answers_follow_from_context_and_question():
    """The likeliest first token of an answer is that of `targets`, with which it is learned."""
    teacher = prompted()
    texts, ended = teacher.respond(ASKED, temperature=0.0)
    again, _ = prompted().respond(ASKED, temperature=0.0)
    assert texts == again and len(ended) == 2
    two = examples(teacher)
    said = [messages[-1]["content"] for *_, messages in two]
    first = teacher.targets(two)[0].argmax().item()
    begin = teacher.tokenizer.decode([first]).strip()
    assert begin and texts[SAID.index(said[0])].startswith(begin)


@pytest.mark.parametrize("pos, end", [("learned", "its end alone is read"), ("rope", "reads on")])
def test_a_prompt_that_is_longer_than_what_was_trained_on_is_told(pos, end, capsys):
    prompted("User: Is it a cat?\nBot: It is a dog.\n" * 20, pos=pos)
    said = capsys.readouterr().out
    assert "more than the 128 that" in said and end in said
    prompted(CONTEXT, pos=pos)
    assert not capsys.readouterr().out


def test_a_learned_table_of_positions_takes_the_end_of_a_long_prompt():
    teacher = prompted("User: Is it a cat?\nBot: It is a dog.\n" * 20, pos="learned")
    ids, _ = teacher.prompt(ASKED[1])
    assert len(ids) + distillation.ANSWER == 128
    texts, ended = teacher.respond(ASKED)
    assert len(texts) == len(ended) == 2


# --- from the command line -----------------------------------------------------------------------


def trained(tmp_path, *options):
    """A tiny run; returns what its log says, and where it wrote."""
    save_checkpoint(tmp_path / "base.pt", checkpoint())
    (tmp_path / "asked.txt").write_text("Where is it?\nIs it a cat?\nWhat is it?\n" * 20)
    argv = [f"--init={tmp_path}/base.pt", f"--out={tmp_path}/out", f"--data={tmp_path}/asked.txt"]
    argv += ["--pretrain_mix=0", "--device=cpu", "--dtype=float32", "--batch_size=8", *options]
    sft.train(parse_config(sft.Config, sft.PRESETS, argv))
    return [json.loads(line) for line in (tmp_path / "out/log.jsonl").read_text().splitlines()]


def test_a_network_learns_what_its_prompt_does(tmp_path):
    """Questions alone, no answer to learn from: the divergence from the prompted base falls."""
    rows = trained(tmp_path, f"--distill={CONTEXT}", "--steps=60", "--eval_every=60")
    loss = [row["loss"] for row in rows if "loss" in row]
    assert loss[-1] < 0.7 * loss[0]
    assert load_checkpoint(tmp_path / "out/ckpt.pt")["train_config"]["distill"] == CONTEXT


@pytest.mark.parametrize(
    "given, stage, told",
    [
        (" ", "pretrain", "no text"),
        ("missing.txt", "pretrain", "no such file"),
        ("my notes/missing.txt", "pretrain", "no such file"),
        ("data", "pretrain", "no such file"),
        (CONTEXT, "sft", "start from a base"),
    ],
)
def test_what_cannot_be_distilled(given, stage, told):
    with pytest.raises(BadInput, match=told):
        prompted(given, stage)


def test_what_no_prompt_teaches_is_refused():
    cfg = parse_config(sft.Config, sft.PRESETS, ["--preset=distill", "--n_evidence=5"])
    with pytest.raises(BadInput, match="nothing"):
        distillation.check(cfg)


def test_counts_of_the_world_do_nothing_for_a_file_and_are_told(tmp_path, capsys):
    trained(tmp_path, f"--distill={CONTEXT}", "--steps=1", "--n_demos=7")
    assert "note: --n_demos count questions of the tiny world" in capsys.readouterr().out


def test_measured_again_it_is_what_was_held_out(tmp_path):
    """--eval asks the same teacher the same questions: the loss is that of training's end."""
    rows = trained(tmp_path, f"--distill={CONTEXT}", "--steps=20")
    best = min(row["val_loss"] for row in rows if "val_loss" in row)
    argv = [f"--init={tmp_path}/out/ckpt.pt", "--eval", f"--data={tmp_path}/asked.txt"]
    argv += [f"--distill={CONTEXT}", "--pretrain_mix=0", "--device=cpu", "--dtype=float32"]
    found = sft.train(parse_config(sft.Config, sft.PRESETS, argv))
    assert found["val_loss"] == pytest.approx(best)


def test_a_text_and_a_file_of_it_are_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prompt.txt").write_text(CONTEXT + "\n\n")
    assert read_context(str(tmp_path / "prompt.txt")) == read_context(CONTEXT) == CONTEXT
    assert read_context("data/prompt.txt").startswith("User: Hello!")  # of a preset, from anywhere
    assert read_context("A polite Bot: " * 99) == ("A polite Bot: " * 99).strip()
