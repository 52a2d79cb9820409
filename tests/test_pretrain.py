"""Pretraining: every block once, bits per byte by hand; cut, split and resumed runs agree."""

import json
import math
import random
import subprocess
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import pretrain
from data.corpora import encode_stream
from data.corpora import load as load_data
from model import GPT, GPTConfig
from plumbing import gpt2
from plumbing.batches import Batches
from plumbing.checkpoint import load_checkpoint
from plumbing.config import parse_config
from plumbing.errors import BadInput
from plumbing.machine import Machine
from pretrain import Config, check, evaluate
from tokenizer import Tokenizer

ROOT = Path(pretrain.__file__).parent
CPU = Machine("cpu", torch.float32)
TINY = dict(
    n_layer=2,
    n_head=2,
    n_embd=32,
    block_size=32,
    vocab_size=300,
    batch_size=8,
    warmup=4,
    eval_every=4,
    steps=12,
    device="cpu",
    dtype="float32",
)
TIMINGS = {"tokens_per_second", "mfu"}


@pytest.fixture(scope="module")
def text_file(tmp_path_factory):
    """A language of 6 × 4 × 6 sentences: little to learn beyond how often each letter comes."""
    rng = random.Random(0)
    nouns, verbs = (
        ["cow", "fox", "tree", "boat", "king", "stone"],
        ["sees", "finds", "likes", "paints"],
    )
    lines = [
        f"The {rng.choice(nouns)} {rng.choice(verbs)} the {rng.choice(nouns)}." for _ in range(2000)
    ]
    path = tmp_path_factory.mktemp("text") / "small.txt"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def config(text_file, out, **changes):
    return Config(**{**TINY, "data": str(text_file), "out": str(out), **changes})


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


# --- data --------------------------------------------------------------------------------------


def get_batch(data, step, cfg, machine):
    """The batch of a step, as `train` draws it."""
    n_blocks = (len(data) - 1) // cfg.block_size
    batch = Batches(n_blocks, cfg.batch_size, cfg.seed, cfg.shuffle)[step]
    return pretrain.get_batch(data, machine.mine(batch), step, cfg, machine)


@given(
    blocks=st.integers(1, 12),
    rest=st.integers(0, 6),
    batch=st.integers(1, 9),
    seed=st.integers(0, 9),
)
def test_each_epoch_visits_each_block_once(blocks, rest, batch, seed):
    cfg = Config(block_size=7, batch_size=batch, seed=seed)
    data = np.arange(7 * blocks + 1 + rest)
    starts = [
        row
        for step in range(-(-3 * blocks // batch))
        for row in get_batch(data, step, cfg, CPU)[0][:, 0].tolist()
    ]
    for epoch in range(3):
        assert sorted(starts[epoch * blocks : (epoch + 1) * blocks]) == list(
            range(0, 7 * blocks, 7)
        )


def test_epochs_differ_in_order_and_seeds_too():
    data = np.arange(7 * 20 + 1)

    def order(step, seed):
        return get_batch(data, step, Config(block_size=7, batch_size=20, seed=seed), CPU)[0][
            :, 0
        ].tolist()

    assert len({tuple(order(step, seed)) for step in (0, 1) for seed in (1, 2)}) == 4


def test_a_text_can_be_read_in_its_order():
    cfg, data = Config(block_size=7, batch_size=5, shuffle=False), np.arange(7 * 12 + 3)
    starts = [row for step in range(5) for row in get_batch(data, step, cfg, CPU)[0][:, 0].tolist()]
    assert starts == [7 * (block % 12) for block in range(25)]  # two epochs and one block


def test_a_batch_is_a_function_of_the_step():
    cfg, data = Config(block_size=7, batch_size=5), np.random.default_rng(0).integers(0, 99, 200)
    forward = [get_batch(data, step, cfg, CPU)[0] for step in range(9)]
    for step in reversed(range(9)):
        assert torch.equal(forward[step], get_batch(data, step, cfg, CPU)[0])


def test_targets_are_the_tokens_that_follow():
    x, y = get_batch(np.arange(100, dtype=np.uint16), 0, Config(block_size=7, batch_size=5), CPU)
    assert x.shape == y.shape == (5, 7) and x.dtype == y.dtype == torch.int64
    assert torch.equal(y, x + 1)


def test_two_processes_part_the_batch_of_one(monkeypatch):
    cfg, data = Config(block_size=7, batch_size=6), np.arange(200)
    whole = get_batch(data, 3, cfg, CPU)[0]
    parts = [get_batch(data, 3, cfg, Machine("cpu", torch.float32, rank, 2))[0] for rank in (0, 1)]
    assert torch.equal(torch.stack(parts, dim=1).flatten(0, 1), whole)
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(BadInput, match="batch_size=6 does not divide into .* on 4 processes"):
        check(cfg)


def test_encode_stream_gives_the_first_n_tokens():
    tokenizer = Tokenizer([bytes([b]) for b in range(256)])

    def endless():
        for i in range(10**6):
            yield f"text {i}"

    whole = tokenizer.encode_documents([f"text {i}" for i in range(3000)])
    for n in (1, 5, 7, 20_000):  # within a document, at its end, beyond the first portion
        stream = encode_stream(tokenizer, endless(), n)
        assert stream.dtype == np.uint16 and stream.tolist() == whole[:n]


def test_the_last_tenth_of_a_file_is_held_out(text_file):
    train, val, tokenizer = load_data(Config(data=str(text_file), vocab_size=300, block_size=32))
    text = text_file.read_text(encoding="utf-8")
    assert tokenizer.decode(train) == text[: int(0.9 * len(text))]
    assert tokenizer.decode(train) + tokenizer.decode(val) == text
    assert tokenizer.n_vocab <= 300


def test_the_world_draws_as_much_fresh_text_as_the_steps_need():
    cfg = Config(steps=3, batch_size=4, block_size=16)
    train, val, tokenizer = load_data(cfg)
    assert len(train) == 3 * 4 * 16 + 1 and len(val) == 65_536
    assert train.tolist() != val[: len(train)].tolist()
    again = load_data(cfg, tokenizer)
    assert (
        again[2] is tokenizer and np.array_equal(again[0], train) and np.array_equal(again[1], val)
    )
    assert tokenizer.endoftext in val


# --- evaluation --------------------------------------------------------------------------------


class Fixed(torch.nn.Module):
    """A "model" whose loss on a token is a known function of the token."""

    def forward(self, x, y):
        return 1.0 + (y % 5).float()


def test_bits_per_byte_by_hand():
    tokenizer = Tokenizer([bytes([b]) for b in range(256)] + [b"ab", b"abc"])
    val = np.array(
        [97, 256, 257, 98, 258, 99, 256, 257, 100, 97, 97]
    )  # 258 is <|endoftext|>: no byte
    found = evaluate(Fixed(), val, tokenizer, Config(block_size=3), CPU)
    scored = val[1:10]  # three blocks of three; the last token is left over
    nats = [1 + t % 5 for t in scored]
    n_bytes = sum({256: 2, 257: 3, 258: 0}.get(int(t), 1) for t in scored)
    assert n_bytes == 2 + 3 + 1 + 0 + 1 + 2 + 3 + 1 + 1
    assert found["val_loss"] == pytest.approx(sum(nats) / 9)
    assert found["val_bits_per_byte"] == pytest.approx(sum(nats) / math.log(2) / n_bytes)


def test_a_byte_guessed_blindly_costs_eight_bits():
    class Blind(torch.nn.Module):
        def forward(self, x, y):
            return torch.full(y.shape, math.log(256.0))

    tokenizer = Tokenizer([bytes([b]) for b in range(256)])
    val = np.frombuffer(b"any text whatever, long enough", dtype=np.uint8)
    assert evaluate(Blind(), val, tokenizer, Config(block_size=4), CPU)[
        "val_bits_per_byte"
    ] == pytest.approx(8)


def test_evaluate_leaves_the_model_in_training():
    model = GPT(
        GPTConfig(block_size=4, vocab_size=320, n_layer=1, n_head=2, n_embd=16, dropout=0.5)
    )
    tokenizer = Tokenizer([bytes([b]) for b in range(256)])
    val = np.arange(50)
    first, second = (evaluate(model, val, tokenizer, Config(block_size=4), CPU) for _ in range(2))
    assert first == second and model.training


# --- training ----------------------------------------------------------------------------------


def test_it_learns_more_than_the_frequencies_of_tokens(text_file, tmp_path, capsys):
    cfg = config(text_file, tmp_path, steps=120, batch_size=16, eval_every=60)
    metrics = pretrain.train(cfg)
    _, val, tokenizer = load_data(cfg)
    share = np.array(list(Counter(val.tolist()).values())) / len(val)
    entropy = -(share * np.log(share)).sum()
    assert metrics["val_loss"] < 0.6 * entropy
    log = records(tmp_path)
    assert [r["step"] for r in log if "val_loss" in r] == [60, 120]
    assert [r["step"] for r in log if "loss" in r] == [20, 40, 60, 80, 100, 120]
    assert log[-1]["samples"] and log[-1]["samples"][0] in capsys.readouterr().out
    best = load_checkpoint(tmp_path / "ckpt.pt", stages=("pretrain",))
    assert (
        best["metrics"] == metrics and best["step"] == 120 and best["train_config"] == asdict(cfg)
    )
    model = GPT.from_checkpoint(best)
    rebuilt = Tokenizer.from_json(best["tokenizer"])
    assert evaluate(model, val, rebuilt, cfg, CPU) == metrics
    assert not list(tmp_path.glob("*.tmp"))


def test_ckpt_keeps_the_best_and_last_the_latest(text_file, tmp_path, monkeypatch):
    losses = iter([3.0, 2.0, 2.5])
    monkeypatch.setattr(
        pretrain, "evaluate", lambda *_: {"val_loss": next(losses), "val_bits_per_byte": 1.0}
    )
    pretrain.train(config(text_file, tmp_path))
    assert load_checkpoint(tmp_path / "ckpt.pt")["step"] == 8
    assert load_checkpoint(tmp_path / "last.pt")["step"] == 12


def test_accumulated_parts_make_the_same_step(text_file, tmp_path):
    for parts in (1, 4):
        pretrain.train(config(text_file, tmp_path / str(parts), grad_accum=parts, steps=6))
    one, four = weights(tmp_path / "1"), weights(tmp_path / "4")
    for name in one:
        torch.testing.assert_close(one[name], four[name], atol=5e-5, rtol=0)


# Trains until step 9, one step after a checkpoint, and waits there to be killed.
HANG = """
import sys, time, torch, pretrain
from plumbing.config import parse_config
from plumbing.errors import run
torch.set_num_threads(int(sys.argv.pop(1)))
update, taken = pretrain.optim.step, []
def step(*args):
    taken.append(args)
    if len(taken) == 10:
        print("hangs", flush=True)
        time.sleep(600)
    return update(*args)
pretrain.optim.step = step
run(lambda: pretrain.train(parse_config(pretrain.Config, pretrain.PRESETS)))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX's")
def test_a_killed_run_resumes_to_the_same_bits(text_file, tmp_path):
    whole, cut = (
        config(text_file, tmp_path / name, steps=24, dropout=0.1) for name in ("whole", "cut")
    )
    pretrain.train(whole)
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
    assert load_checkpoint(Path(cut.out) / "last.pt")["step"] == 8
    # Only what to resume is given: the rest comes from last.pt.
    pretrain.train(parse_config(Config, pretrain.PRESETS, [f"--out={cut.out}", "--resume"]))
    for name in ("ckpt.pt", "last.pt"):
        a, b = weights(whole.out, name), weights(cut.out, name)
        assert a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)
    assert records(cut.out) == records(whole.out)


# Stops at step 13, one step after a checkpoint, as Ctrl-C does.
CUT = """
import pretrain
from plumbing.config import parse_config
from plumbing.errors import run
update, taken = pretrain.optim.step, []
def step(*args):
    taken.append(args)
    if len(taken) == 14:
        raise KeyboardInterrupt
    return update(*args)
pretrain.optim.step = step
run(lambda: pretrain.train(parse_config(pretrain.Config, pretrain.PRESETS)))
"""


def in_two_processes(*command):
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    return subprocess.run([*launch, *command], cwd=ROOT, capture_output=True, text=True)


@pytest.mark.skipif(
    sys.platform == "win32", reason="torchrun's rendezvous is not built for Windows"
)
@pytest.mark.parametrize("fsdp", [False, True])
def test_two_processes_train_as_one(text_file, tmp_path, fsdp):
    one, two = (
        config(text_file, tmp_path / name, grad_accum=2, steps=20) for name in ("one", "two")
    )
    pretrain.train(one)
    more = ["--checkpoint_activations"]  # which changes no figure
    if fsdp:  # cut off and taken up again, each time on the model's shares
        more += ["--fsdp", "--resume"]
        cut = in_two_processes("--no-python", sys.executable, "-c", CUT, *options(two), "--fsdp")
        assert "go on with --resume" in cut.stderr, cut.stderr
        assert load_checkpoint(Path(two.out) / "last.pt")["step"] == 12
    done = in_two_processes("pretrain.py", *options(two), *more)
    assert done.returncode == 0, done.stderr
    head = json.loads(open(tmp_path / "two" / "log.jsonl", encoding="utf-8").readline())
    assert head["processes"] == 2
    for a, b in zip(records(one.out), records(two.out), strict=True):
        for key in a.keys() - {"samples"}:
            assert b[key] == pytest.approx(a[key], abs=1e-5 if "loss" in key else 1e-4)
    a, b = weights(one.out), weights(two.out)
    for name in a:
        torch.testing.assert_close(a[name], b[name], atol=3e-4 if fsdp else 1e-4, rtol=0)
    a, b = (load_checkpoint(Path(cfg.out) / "last.pt")["optimizer"] for cfg in (one, two))
    for mine, theirs in zip(a, b, strict=True):  # AdamW, Muon: whole again, in the same order
        assert mine["param_groups"] == theirs["param_groups"]
        for i, state in mine["state"].items():
            for name, value in state.items():
                torch.testing.assert_close(value, theirs["state"][i][name], atol=1e-4, rtol=0)


# --- other beginnings and ends -----------------------------------------------------------------


@pytest.fixture
def merges(shared):
    path = shared / "data" / "tokenizer" / "vocab.bpe"
    if not path.exists():
        pytest.skip("no vocab.bpe of GPT-2")
    return path


def test_a_bin_of_gpt2_ids(merges, text_file, tmp_path):
    tokenizer = Tokenizer.gpt2(merges)
    ids = np.array(tokenizer.encode(text_file.read_text(encoding="utf-8")[:4000]), dtype=np.uint16)
    ids.tofile(tmp_path / "train.bin")
    cfg = config(
        tmp_path / "train.bin", tmp_path / "out", tokenizer=str(merges), steps=2, n_embd=16
    )
    train, val, _ = load_data(cfg)
    assert np.array_equal(np.concatenate([train, val]), ids) and isinstance(train, np.memmap)
    pretrain.train(cfg)
    found = load_checkpoint(tmp_path / "out" / "ckpt.pt")
    assert (
        found["model_config"]["vocab_size"] % 64 == 0
        and found["model_config"]["vocab_size"] >= 50_261
    )
    assert Tokenizer.from_json(found["tokenizer"]).encode(" cow") == tokenizer.encode(" cow")


def test_init_goes_on_from_a_checkpoint(text_file, tmp_path):
    pretrain.train(config(text_file, tmp_path / "first", steps=40, eval_every=40))
    before = load_checkpoint(tmp_path / "first" / "ckpt.pt")
    # Shape and vocabulary come with the checkpoint, whatever the options say.
    pretrain.train(
        config(
            text_file,
            tmp_path / "second",
            steps=0,
            init=str(tmp_path / "first" / "ckpt.pt"),
            n_layer=1,
            vocab_size=260,
        )
    )
    after = load_checkpoint(tmp_path / "second" / "ckpt.pt")
    assert (
        after["model_config"] == before["model_config"]
        and after["tokenizer"] == before["tokenizer"]
    )
    assert all(torch.equal(after["model"][k], v) for k, v in before["model"].items())
    assert after["metrics"] == before["metrics"]
    assert (
        after["parent"]["path"].endswith("first/ckpt.pt") and after["parent"]["stage"] == "pretrain"
    )


def test_init_takes_openai_weights(merges, text_file, tmp_path):
    transformers = pytest.importorskip("transformers")
    shape = transformers.GPT2Config(
        vocab_size=50257, n_positions=48, n_embd=64, n_layer=1, n_head=1
    )
    theirs = transformers.GPT2LMHeadModel(shape).eval()
    theirs.save_pretrained(tmp_path / "hf")
    source = tmp_path / "hf" / "model.safetensors"
    pretrain.train(
        config(text_file, tmp_path / "out", init=str(source), tokenizer=str(merges), steps=0)
    )
    found = load_checkpoint(tmp_path / "out" / "ckpt.pt")
    ours, tokenizer = GPT.from_checkpoint(found).eval(), Tokenizer.from_json(found["tokenizer"])
    assert found["parent"]["stage"] == "gpt2" and tokenizer.n_vocab <= ours.config.vocab_size
    ids = torch.tensor([tokenizer.encode("The cow sees the stone.")])
    with torch.no_grad():
        torch.testing.assert_close(ours(ids)[..., :50257], theirs(ids).logits, atol=1e-4, rtol=0)


def test_export_loads_in_transformers(text_file, tmp_path, capsys):
    transformers = pytest.importorskip("transformers")
    pretrain.train(config(text_file, tmp_path, pos="learned", export="hf", steps=8))
    assert "GPT2LMHeadModel" in capsys.readouterr().out
    theirs = transformers.GPT2LMHeadModel.from_pretrained(tmp_path / "hf").eval()
    ours = GPT.from_checkpoint(load_checkpoint(tmp_path / "last.pt")).eval()
    ids = torch.arange(24).view(1, -1)
    with torch.no_grad():
        torch.testing.assert_close(theirs(ids).logits, ours(ids), atol=1e-4, rtol=0)
        again = GPT.from_checkpoint(
            gpt2.load(tmp_path / "hf" / "model.safetensors", ours.config.vocab_size)
        )
        assert again.config.n_layer == ours.config.n_layer


@pytest.mark.parametrize("option", ["--rotary=0.25", "--qk_norm=false"])
def test_what_turns_with_position_does_nothing_in_a_learned_table(option):
    typed = [option, "--pos=learned"]
    with pytest.raises(BadInput, match="does nothing with --pos=learned"):
        check(parse_config(Config, pretrain.PRESETS, typed))
    check(parse_config(Config, pretrain.PRESETS, typed[:1]))
