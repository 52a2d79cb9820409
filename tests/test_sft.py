"""Fine-tuning: the loss sees the assistant's words alone, and each batch is what it says."""

import json
import math
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

import sampling
import sft
from data.corpora import PretrainText
from data.formats import searches
from data.world import World
from insertion import name_evidence
from model import GPT, GPTConfig
from plumbing.batches import Batches
from plumbing.checkpoint import load_checkpoint, save_checkpoint
from plumbing.config import parse_config
from plumbing.errors import BadInput
from plumbing.machine import Machine
from sampling import respond
from sft import Config, evaluate, get_batch, load_demonstrations, load_examples, sft_loss
from tokenizer import Tokenizer

ROOT = Path(sft.__file__).parent


def load_all(cfg, tokenizer, max_len):
    return load_examples(cfg, load_demonstrations(cfg), tokenizer, max_len)


CPU = Machine("cpu", torch.float32)
TIMINGS = {"tokens_per_second"}
ANSWERS = {
    "What is the capital of France?": "Paris.",
    "Say hello.": "Hello there!",
    "Two and three?": "Five.",
    "What colour is grass?": "Grass is green.",
    "Name a fruit.": "An apple.",
    "안녕?": "네, 안녕하세요!",
    "Who are you?": "A small model.",
    "Is ice warm?": "No, it is cold.",
}


def demo(*texts):
    roles = ["user", "assistant"] * (len(texts) // 2)
    return {"messages": [{"role": role, "content": text} for role, text in zip(roles, texts)]}


def write(path, records):
    path.write_text(
        "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8"
    )
    return str(path)


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.train("\n".join([*ANSWERS, *ANSWERS.values()] * 2), 320)


@pytest.fixture
def model(tokenizer):
    return GPT(
        GPTConfig(block_size=32, vocab_size=tokenizer.n_vocab, n_layer=2, n_head=2, n_embd=32)
    )


@pytest.fixture
def files(tmp_path, tokenizer, model):
    """A base model that knows nothing yet, the text it was "pretrained" on, and demonstrations."""
    (tmp_path / "text.txt").write_text(
        "The cow eats grass. The king likes the sea.\n" * 60, encoding="utf-8"
    )
    save_checkpoint(
        tmp_path / "base.pt",
        {
            "stage": "pretrain",
            "model": model.state_dict(),
            "model_config": asdict(model.config),
            "tokenizer": tokenizer.to_json(),
            "train_config": {"data": str(tmp_path / "text.txt")},
            "step": 0,
            "metrics": {"val_loss": 5.0},
            "parent": None,
        },
    )
    write(tmp_path / "demos.jsonl", [demo(q, a) for q, a in ANSWERS.items()] * 3)
    return tmp_path


def config(files, out, **changes):
    return Config(
        **{
            **dict(
                init=str(files / "base.pt"),
                data=str(files / "demos.jsonl"),
                out=str(files / out),
                batch_size=8,
                eval_every=5,
                steps=20,
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


def weights(out, name="last.pt"):
    return torch.load(Path(out) / name, weights_only=True)["model"]


def records(out):
    """The log without its head lines and timings."""
    lines = [json.loads(line) for line in open(Path(out) / "log.jsonl", encoding="utf-8")]
    return [
        {k: v for k, v in line.items() if k not in TIMINGS}
        for line in lines
        if "config" not in line
    ]


# --- loss --------------------------------------------------------------------------------------


def test_sft_loss_by_hand():
    nll = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    mask = torch.tensor([[0.0, 1.0, 1.0], [0.0, 0.0, 1.0]])
    assert sft_loss(nll, mask, 3).item() == pytest.approx((2 + 3 + 6) / 3)
    assert sft_loss(nll, mask, 11).item() == pytest.approx(1.0)


def test_parts_of_a_batch_add_up_to_the_whole():
    nll, mask = torch.rand(6, 5), (torch.rand(6, 5) < 0.5).float()
    count = mask.sum()
    whole = sft_loss(nll, mask, count)
    parts = sum(
        sft_loss(nll[rows], mask[rows], count) for rows in (slice(0, 1), slice(1, 4), slice(4, 6))
    )
    torch.testing.assert_close(parts, whole)
    torch.testing.assert_close(whole, nll[mask.bool()].mean())


def examples_of(tokenizer, *conversations):
    return [
        (*tokenizer.render(demo(*texts)["messages"]), demo(*texts)["messages"])
        for texts in conversations
    ]


def test_targets_under_the_mask_are_the_answers_and_their_ends(tokenizer):
    examples = examples_of(
        tokenizer, ("Say hello.", "Hello there!", "Two and three?", "Five."), ("안녕?", "네")
    )
    _, targets, mask = get_batch(examples, [0, 1], tokenizer, CPU)
    learned = targets[0][mask[0].bool()].tolist()
    end = tokenizer.endoftext
    assert learned == [*tokenizer.turn("Hello there!"), end, *tokenizer.turn("Five."), end]
    assert targets[1][mask[1].bool()].tolist() == [*tokenizer.turn("네"), end]


def test_only_answers_have_a_gradient(tokenizer, model):
    examples = examples_of(tokenizer, ("Say hello.", "Hello there!"), ("Is ice warm?", "No."))
    tokens, targets, mask = get_batch(examples, [0, 1], tokenizer, CPU)
    logits = model(tokens)
    logits.retain_grad()
    nll = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none").view_as(
        targets
    )
    sft_loss(nll, mask, mask.sum()).backward()
    touched = logits.grad.abs().sum(-1) > 0
    assert torch.equal(touched, mask.bool())
    assert mask[0].sum() == len(tokenizer.turn("Hello there!")) + 1


def test_what_stands_in_the_pads_changes_no_bit(tokenizer, model):
    examples = examples_of(
        tokenizer, ("Say hello.", "Hello there!"), ("안녕?", "네, 안녕하세요!"), ("a", "b")
    )
    tokens, targets, mask = get_batch(examples, [0, 1, 2], tokenizer, CPU)
    pads = torch.stack([torch.arange(tokens.shape[1] + 1) >= len(ids) for ids, _, _ in examples])
    assert pads.any() and (torch.cat([tokens, targets[:, -1:]], 1)[pads] == tokenizer.pad).all()

    def loss_and_gradients(tokens, targets):
        model.zero_grad()
        loss = sft_loss(model(tokens, targets), mask, mask.sum())
        loss.backward()
        return [loss.detach(), *(p.grad.clone() for p in model.parameters())]

    clean = loss_and_gradients(tokens, targets)
    garbage = torch.randint(tokenizer.n_vocab, pads.shape)
    dirty = loss_and_gradients(
        torch.where(pads[:, :-1], garbage[:, :-1], tokens),
        torch.where(pads[:, 1:], garbage[:, 1:], targets),
    )
    assert all(torch.equal(a, b) for a, b in zip(clean, dirty, strict=True))


# --- batches -----------------------------------------------------------------------------------


def epoch_batches(lengths, size, seed, epoch):
    return Batches(len(lengths), size, seed, lengths=lengths).epoch(epoch)


@given(
    st.lists(st.integers(2, 300), min_size=1, max_size=400), st.integers(1, 9), st.integers(0, 5)
)
def test_an_epoch_is_a_permutation(lengths, batch_size, seed):
    batches = epoch_batches(np.array(lengths), batch_size, seed, epoch=3)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert all(0 < len(b) <= batch_size for b in batches)
    assert len(batches) == math.ceil(len(lengths) / batch_size)


def padding(lengths, batch_size=32):
    lengths = np.array(lengths)
    batches = epoch_batches(lengths, batch_size, 0, 0)
    return 1 - lengths.sum() / sum(lengths[b].max() * len(b) for b in batches)


def test_few_tokens_are_pads_in_the_world():
    records = World().demonstrations(4000, seed=1)
    tokenizer = Tokenizer.train(
        "\n".join(m["content"] for r in records for m in r["messages"]), 1024
    )
    lengths = [len(tokenizer.render(r["messages"])[0]) for r in records]
    assert padding(lengths) < 0.10


def test_few_tokens_are_pads_in_real_instructions(shared, capsys):
    path = shared / "data" / "sft" / "llms_from_scratch_instruction-data.json"
    if not path.exists():
        pytest.skip("no instruction file")
    text = path.read_text(encoding="utf-8")
    train, val = load_all(Config(data=str(path)), Tokenizer.train(text, 1024), 512)
    assert len(train) + len(val) == 1100 and "exceed" not in capsys.readouterr().out
    assert padding([len(ids) for ids, _, _ in train]) < 0.10


def test_batches_come_in_no_order_of_length():
    lengths = np.arange(1, 641)
    batches = epoch_batches(lengths, 10, 0, 0)
    longest = [lengths[b].max() for b in batches]
    assert longest != sorted(longest) and longest != sorted(longest, reverse=True)
    again = epoch_batches(lengths, 10, 0, 0)
    assert all(np.array_equal(a, b) for a, b in zip(batches, again, strict=True))
    for seed, epoch in ((0, 1), (1, 0)):
        other = epoch_batches(lengths, 10, seed, epoch)
        assert not all(np.array_equal(a, b) for a, b in zip(batches, other, strict=True))


def test_a_long_example_keeps_its_right_end_and_is_counted(tokenizer, tmp_path, capsys):
    path = write(
        tmp_path / "d.jsonl", [demo("why? " * 100, "Because."), demo("Short?", "Yes.")] * 2
    )
    train, val = load_all(Config(data=path), tokenizer, 40)
    assert "2 of 4 demonstrations exceed 40 tokens" in capsys.readouterr().out
    assert len(train) + len(val) == 4
    for ids, mask, messages in train + val:
        whole_ids, whole_mask = tokenizer.render(messages)
        assert ids == whole_ids[-40:] and mask == whole_mask[-40:] and len(ids) == len(mask) <= 40
        assert ids[-1] == tokenizer.endoftext and mask[-1] == 1


def test_cut_examples_are_told(files, capsys):
    sft.train(config(files, "out", max_len=14, steps=1))
    out = capsys.readouterr().out
    cut = (
        sum(
            len(
                Tokenizer.from_json(load_checkpoint(files / "base.pt")["tokenizer"]).render(
                    demo(q, a)["messages"]
                )[0]
            )
            > 14
            for q, a in ANSWERS.items()
        )
        * 3
    )
    assert 0 < cut < 24 and f"{cut} of 24 demonstrations exceed 14 tokens" in out


def test_learned_positions_limit_an_example(files, tokenizer):
    small = GPT(
        GPTConfig(
            block_size=16,
            vocab_size=tokenizer.n_vocab,
            n_layer=1,
            n_head=1,
            n_embd=16,
            pos="learned",
        )
    )
    base = load_checkpoint(files / "base.pt")
    save_checkpoint(
        files / "base.pt",
        {**base, "model": small.state_dict(), "model_config": asdict(small.config)},
    )
    sft.train(config(files, "out", steps=1))
    assert load_checkpoint(files / "out" / "ckpt.pt")["model_config"]["pos"] == "learned"


def test_useless_records_are_told(files, tokenizer, capsys):
    path = write(files / "d.jsonl", [demo("a", "b"), demo("c", " "), demo("d", "e")])
    train, val = load_all(Config(data=path), tokenizer, 99)
    assert (
        len(train) == len(val) == 1 and "1 records skipped: empty answer" in capsys.readouterr().out
    )


def test_the_split_depends_on_the_seed_alone(files, tokenizer):
    def split(seed):
        return load_all(Config(data=str(files / "demos.jsonl"), seed=seed), tokenizer, 99)

    assert split(1) == split(1) and split(1) != split(2)
    train, val = split(1)
    assert len(val) == 2 and len(train) == 22


# --- the mix of pretraining text ---------------------------------------------------------------


def test_blocks_of_the_mix_are_pieces_of_the_pretraining_text(files, tokenizer):
    mix = PretrainText("", load_checkpoint(files / "base.pt"), tokenizer, seed=1)
    text = tokenizer.encode((files / "text.txt").read_text(encoding="utf-8"))
    x, y = mix.get_batch(4, [0], CPU)
    T = x.shape[1]
    assert x.shape == y.shape == (4, T) and torch.equal(x[:, 1:], y[:, :-1])
    pieces = {tuple(text[i : i + T]) for i in range(len(text))}
    assert all(tuple(row.tolist()) in pieces for row in x)


def test_a_mix_without_its_text_says_how_to_go_on(files, tokenizer):
    gone = {"stage": "pretrain", "train_config": {"data": str(files / "gone.txt")}}
    with pytest.raises(BadInput, match=r"gone.txt\) is not here: give --mix_data=FILE"):
        PretrainText("", gone, tokenizer, 1)
    assert len(PretrainText(str(files / "text.txt"), gone, tokenizer, 1).tokens) > 99


@pytest.mark.parametrize("rows", [2, 5])
def test_the_mix_adds_with_its_weight(files, monkeypatch, rows):
    gradients, blocks, draw = [], [], PretrainText.get_batch

    def no_step(optimizers, model, factor):
        gradients.append([p.grad.clone() for p in model.parameters()])
        model.zero_grad()
        return torch.tensor(0.0)

    def spy(*args):
        blocks.append(draw(*args))
        return blocks[-1]

    monkeypatch.setattr(sft.optim, "step", no_step)
    monkeypatch.setattr(PretrainText, "get_batch", spy)
    for share in (0.0, 0.25):
        sft.train(config(files, "out", steps=1, pretrain_mix=share, mix_rows=rows))
    base = load_checkpoint(files / "base.pt")
    model = GPT.from_checkpoint(base)
    sampling.name_roles(model, Tokenizer.from_json(base["tokenizer"]))
    [(x, y)] = blocks
    assert len(x) == rows
    model(x, y).mean().backward()
    for answers, both, p in zip(*gradients, model.parameters(), strict=True):
        torch.testing.assert_close(both, 0.75 * answers + 0.25 * p.grad)


def test_the_roles_start_as_what_stands_in_their_place_in_plain_text(tokenizer, model):
    before = model.wte.weight.detach().clone()
    sampling.name_roles(model, tokenizer)
    changed = (model.wte.weight != before).any(1).nonzero().flatten().tolist()
    assert changed == sorted([tokenizer.user, tokenizer.assistant])
    [line_break] = tokenizer.encode("\n")
    assert torch.equal(model.wte.weight[tokenizer.user], before[tokenizer.endoftext])
    assert torch.equal(model.wte.weight[tokenizer.assistant], before[line_break])
    sampling.name_roles(model, tokenizer, share=0.5)  # they are there
    assert torch.equal(model.wte.weight[tokenizer.user], before[tokenizer.endoftext])


def test_a_role_that_stays_is_no_copy(tokenizer, model):
    """Two equal rows of a table that is the output head too would be equally likely for ever."""
    before = model.wte.weight.detach().clone()
    sampling.name_roles(model, tokenizer, share=0.5)
    half = (before[tokenizer.user] + before[tokenizer.endoftext]) / 2
    torch.testing.assert_close(model.wte.weight[tokenizer.user], half)
    assert len(model.wte.weight.unique(dim=0)) == len(before)


# --- evaluation --------------------------------------------------------------------------------


def test_evaluation_weighs_every_assistant_token_alike(tokenizer, model):
    examples = examples_of(
        tokenizer, ("Say hello.", "Hi"), ("Two?", "Name a fruit. " * 6), *ANSWERS.items()
    )
    total = count = 0.0
    for ids, mask, _ in examples:  # one at a time: no padding
        ids, mask = torch.tensor(ids)[None], torch.tensor(mask)[None, 1:]
        total += (model(ids[:, :-1], ids[:, 1:]) * mask).sum().item()
        count += mask.sum().item()
    for batch_size in (1, 3, 32):
        found = evaluate(model, examples, tokenizer, Config(batch_size=batch_size), CPU)
        assert found["val_loss"] == pytest.approx(total / count, rel=1e-5)
    assert model.training


def test_respond_says_who_ended(tokenizer, model, monkeypatch):
    end = tokenizer.endoftext
    monkeypatch.setattr(
        sampling,
        "generate",
        lambda *_, **__: [[*tokenizer.encode(" Yes. "), end], tokenizer.encode("No")],
    )
    texts, ended = respond(model, tokenizer, [demo("a", "b")["messages"][:1]] * 2, CPU)
    assert texts == ["Yes.", "No"] and ended == [True, False]


def test_a_base_model_is_asked_in_a_transcript(tokenizer, model, monkeypatch):
    asked = {}

    def generate(model, prompts, max_new_tokens, *, stop, **_):
        asked.update(prompts=prompts, stop=stop)
        return [[stop[-1]]] * len(prompts)

    monkeypatch.setattr(sampling, "generate", generate)
    respond(model, tokenizer, [[{"role": "user", "content": "Say hello."}]], CPU, chat=False)
    assert tokenizer.decode(asked["prompts"][0]) == "User: Say hello.\nBot:"
    assert set(tokenizer.encode("\n")) < set(asked["stop"]) and tokenizer.endoftext in asked["stop"]


# --- training ----------------------------------------------------------------------------------


def test_eight_answers_are_learned_by_heart(files, capsys):
    cfg = config(files, "out", steps=120, eval_every=60, pretrain_mix=0.05, lr=4e-3, matrix_lr=0.02)
    metrics = sft.train(cfg)
    found = load_checkpoint(files / "out" / "ckpt.pt", stages=("sft",))
    model, tokenizer = GPT.from_checkpoint(found), Tokenizer.from_json(found["tokenizer"])
    texts, ended = respond(
        model, tokenizer, [[{"role": "user", "content": q}] for q in ANSWERS], CPU, temperature=0.0
    )
    assert texts == list(ANSWERS.values()) and all(ended)
    log = records(files / "out")
    assert [r["step"] for r in log if "val_loss" in r] == [0, 60, 120]
    assert log[0]["val_loss"] > 5 and metrics["val_loss"] < 1
    assert found["parent"]["stage"] == "pretrain" and found["parent"]["metrics"] == {
        "val_loss": 5.0
    }
    shown = capsys.readouterr().out
    assert log[-1]["samples"] and all(s["sft"] in shown for s in log[-1]["samples"])


def test_accumulated_parts_make_the_same_step(files):
    for parts in (1, 4):
        sft.train(config(files, f"out{parts}", grad_accum=parts, steps=6))
    one, four = weights(files / "out1"), weights(files / "out4")
    for name in one:
        torch.testing.assert_close(one[name], four[name], atol=1e-5, rtol=0)


# Trains until step 12, two steps after a checkpoint, and waits there to be killed.
HANG = """
import sys, time, torch, sft
from plumbing.config import parse_config
from plumbing.errors import run
torch.set_num_threads(int(sys.argv.pop(1)))
update, taken = sft.optim.step, []
def step(*args):
    taken.append(args)
    if len(taken) == 13:
        print("hangs", flush=True)
        time.sleep(600)
    return update(*args)
sft.optim.step = step
run(lambda: sft.train(parse_config(sft.Config, sft.PRESETS)))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX's")
def test_a_killed_run_resumes_to_the_same_bits(files):
    whole, cut = config(files, "whole"), config(files, "cut")
    sft.train(whole)
    child = subprocess.Popen(
        [sys.executable, "-c", HANG, str(torch.get_num_threads()), *options(cut)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert any(line == "hangs\n" for line in child.stdout)
    child.kill()
    assert child.wait() == -9
    assert load_checkpoint(Path(cut.out) / "last.pt")["step"] == 10
    sft.train(parse_config(Config, sft.PRESETS, [f"--out={cut.out}", "--resume"]))
    for name in ("ckpt.pt", "last.pt"):
        a, b = weights(whole.out, name), weights(cut.out, name)
        assert a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)
    assert records(cut.out) == records(whole.out)


@pytest.mark.skipif(
    sys.platform == "win32", reason="torchrun's rendezvous is not built for Windows"
)
@pytest.mark.parametrize("fsdp", [False, True])
def test_two_processes_train_as_one(files, fsdp):
    one, two = (config(files, name, grad_accum=2, pretrain_mix=0.3) for name in ("one", "two"))
    sft.train(one)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc_per_node=2",
            "sft.py",
            *options(two),
            *["--fsdp"] * fsdp,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    head = json.loads(open(files / "two" / "log.jsonl", encoding="utf-8").readline())
    assert head["processes"] == 2
    for a, b in zip(records(one.out), records(two.out), strict=True):
        for key in a.keys() - {"samples", "results"}:
            assert b[key] == pytest.approx(a[key], abs=1e-5 if "loss" in key else 1e-4)
    a, b = weights(one.out), weights(two.out)
    for name in a:
        torch.testing.assert_close(a[name], b[name], atol=1e-4, rtol=0)


# --- evidence ------------------------------------------------------------------------------------


def looked_up(question, query, line, answer):
    found = {"search": query, "result": line, "content": answer}
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", **found}]}


def test_a_model_learns_to_look_up_from_a_file(files, tokenizer):
    """Two new tokens, which only what is looked up in needs; and it copies what it reads."""
    names = ["Sun", "Moon", "Star", "Sand"]
    talks = [
        looked_up(f"{q} {n}?", f"{n} {q}".lower(), f"The {q} is {v}.", f"It is {v}.")
        for n in names
        for q in ("hat", "cap")
        for v in ("red", "hot", "old", "dry")
    ]
    path = write(files / "talks.jsonl", talks)
    sft.train(config(files, "out", data=path, steps=150, lr=1e-2, pretrain_mix=0.0))
    found = load_checkpoint(files / "out" / "ckpt.pt")
    model, tuned = GPT.from_checkpoint(found), Tokenizer.from_json(found["tokenizer"])
    assert tuned.evidence and model.config.vocab_size == tokenizer.n_vocab + 2
    asked = [[{"role": "user", "content": "hat Moon?"}]] * 2
    lookups = [lambda query: f"The hat is {query and 'red'}.", lambda query: "The hat is old."]
    texts, ended = respond(model, tuned, asked, CPU, temperature=0.0, lookup=lookups)
    assert [text.evidence["search"] for text in texts] == ["moon hat"] * 2
    assert texts == ["It is red.", "It is old."] and all(ended)
    # A stage that begins with it has the tokens, whatever it reads.
    again = config(files, "more", init=str(files / "out" / "ckpt.pt"), steps=1)
    sft.train(again)
    assert load_checkpoint(files / "more" / "ckpt.pt")["tokenizer"] == found["tokenizer"]


def test_without_evidence_the_model_has_no_tokens_for_it(files, tokenizer):
    sft.train(config(files, "out", steps=1))
    found = load_checkpoint(files / "out" / "ckpt.pt")
    assert found["tokenizer"] == tokenizer.to_json()
    assert found["model_config"]["vocab_size"] == tokenizer.n_vocab


def test_new_tokens_start_as_what_stands_where_they_will(model, tokenizer):
    grown = name_evidence(model, tokenizer)
    table = model.wte.weight
    assert torch.equal(table[grown.search], table[tokenizer.user])
    assert torch.equal(table[grown.result], table[tokenizer.assistant])
    assert name_evidence(model, grown) is grown and len(table) == grown.n_vocab


def test_evidence_of_the_world_is_not_mixed_into_a_file(files):
    with pytest.raises(BadInput, match="--n_evidence is of the world"):
        sft.train(config(files, "out", n_evidence=10))


def test_evidence_is_mixed_in_where_it_is_asked_for():
    plain = load_demonstrations(Config(n_demos=20, n_talks=20))
    mixed = load_demonstrations(Config(n_demos=20, n_talks=20, n_evidence=15))
    assert not searches(plain) and sft.searches(mixed) and len(mixed) == len(plain) + 15
