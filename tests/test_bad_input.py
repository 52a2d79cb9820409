"""What a user may get wrong: exit code 2, one line that says what to do, and no half-made file."""

import json
import os
import pickle
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

import chat
import pretrain
import sft
from model import GPT, GPTConfig
from plumbing import checkpoint
from plumbing.checkpoint import load_checkpoint, save_checkpoint
from plumbing.config import parse_config
from plumbing.errors import run
from tokenizer import Tokenizer

ROOT = Path(checkpoint.__file__).parent.parent
TEXT = "The cow eats grass. The king likes the sea. Who are you? I am a model.\n" * 40
TINY = [
    "--n_layer=1",
    "--n_head=1",
    "--n_embd=16",
    "--block_size=16",
    "--vocab_size=280",
    "--batch_size=4",
    "--steps=4",
    "--eval_every=2",
]
DEMO = {
    "messages": [{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Hello."}]
}


@pytest.fixture
def base(tmp_path):
    """A pretrained checkpoint, as a dict to change and at base.pt."""
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    tokenizer = Tokenizer.train(TEXT, 280)
    model = GPT(
        GPTConfig(block_size=16, vocab_size=tokenizer.n_vocab, n_layer=1, n_head=1, n_embd=16)
    )
    checkpoint = {
        "stage": "pretrain",
        "model": model.state_dict(),
        "model_config": asdict(model.config),
        "tokenizer": tokenizer.to_json(),
        "train_config": {"data": str(tmp_path / "text.txt")},
        "step": 0,
        "metrics": {},
        "parent": None,
    }
    save_checkpoint(tmp_path / "base.pt", checkpoint)
    return checkpoint


@pytest.fixture
def refused(tmp_path, base, capsys):
    """Run a stage with options: it must end in one line, which is returned, and write nothing."""

    def call(stage, *options):
        out = tmp_path / "out"
        before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
        machine = ["--device=cpu", "--dtype=float32", f"--out={out}"]
        if stage is pretrain:
            argv = [*machine, *TINY, f"--data={tmp_path / 'text.txt'}", *options]
        else:
            argv = [*machine, f"--init={tmp_path / 'base.pt'}", *options]
        capsys.readouterr()  # what a test printed before
        with pytest.raises(SystemExit) as stop:
            run(lambda: stage.train(parse_config(stage.Config, stage.PRESETS, argv)))
        lines = capsys.readouterr().err.splitlines()
        assert stop.value.code == 2 and len(lines) == 1 and lines[0].startswith("error: "), lines
        assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
        return lines[0]

    return call


def demos(tmp_path, lines):
    path = tmp_path / "demos.jsonl"
    path.write_text("".join(lines), encoding="utf-8")
    return f"--data={path}"


# --- data --------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", [pretrain, sft])
@pytest.mark.parametrize(
    "content, words",
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (bytes(range(256)) * 9, ""),
        (b"\x89PNG\r\n\x1a\n" + bytes(999), ""),
        (b"\x1f\x8b\x08\x00 no gzip", "gzip"),
        ("안녕하세요 ".encode("euc-kr") * 99, "line 1"),
    ],
)
def test_a_file_that_is_no_text(refused, tmp_path, stage, content, words):
    (tmp_path / "junk").write_bytes(content)
    line = refused(stage, f"--data={tmp_path / 'junk'}")
    assert "junk" in line and words in line


@pytest.mark.parametrize("stage", [pretrain, sft])
def test_a_file_that_is_not_there_or_is_a_directory(refused, tmp_path, stage):
    assert "nowhere.txt not found" in refused(stage, f"--data={tmp_path / 'nowhere.txt'}")
    assert "is a directory" in refused(stage, f"--data={tmp_path}")


def test_broken_json_is_found_on_its_line(refused, tmp_path):
    lines = [json.dumps(DEMO) + "\n"] * 16 + ['{"messages": [\n'] + [json.dumps(DEMO) + "\n"] * 5
    assert "demos.jsonl, line 17: broken JSON" in refused(sft, demos(tmp_path, lines))


@pytest.mark.parametrize(
    "record, words",
    [
        ({"question": "Hello?"}, "found the keys 'question'"),
        ({"instruction": "Hello?", "input": ""}, "found the keys 'instruction', 'input'"),
        (
            {"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]},
            "two user turns in a row",
        ),
        (
            {"messages": [{"role": "assistant", "content": "a"}]},
            "expected the first turn to be the user's",
        ),
        ({"messages": [{"role": "user", "content": "a"}]}, "the last the assistant's"),
        ({"messages": [{"role": "user", "text": "a"}]}, "messages[0].content"),
        ({"messages": [{"role": "wizard", "content": "a"}]}, "messages[0].role"),
        ({"chosen": "a", "rejected": "b"}, "use reward.py --data=FILE"),
    ],
)
def test_a_malformed_record_names_place_and_field(refused, tmp_path, record, words):
    line = refused(sft, demos(tmp_path, [json.dumps(record) + "\n"]))
    assert "demos.jsonl" in line and "line 1" in line and words in line


def test_one_demonstration_cannot_be_split(refused, tmp_path):
    assert "at least 2" in refused(sft, demos(tmp_path, [json.dumps(DEMO)]))


def test_too_little_text(refused, tmp_path):
    (tmp_path / "short.txt").write_text("A few words.", encoding="utf-8")
    line = refused(pretrain, f"--data={tmp_path / 'short.txt'}")
    assert "short.txt: too short" in line and "--block_size=16" in line
    assert "too short" in refused(pretrain, "--block_size=5000")
    (tmp_path / "two.jsonl").write_text((json.dumps(DEMO) + "\n") * 2, encoding="utf-8")
    assert "too few" in refused(
        sft, f"--data={tmp_path / 'two.jsonl'}", f"--mix_data={tmp_path / 'short.txt'}"
    )


def test_ids_beyond_the_vocabulary(refused, tmp_path):
    np.random.default_rng(0).integers(0, 50257, 5000).astype(np.uint16).tofile(tmp_path / "ids.bin")
    assert "add --tokenizer=gpt2" in refused(pretrain, f"--data={tmp_path / 'ids.bin'}")
    line = refused(pretrain, f"--data={tmp_path / 'ids.bin'}", f"--init={tmp_path / 'base.pt'}")
    assert "ids.bin holds token ids beyond the model's vocabulary" in line


def test_a_block_beyond_the_learned_positions(refused, tmp_path):
    transformers = pytest.importorskip("transformers")
    (tmp_path / "vocab.bpe").write_text("#version: 0.2\nt h\n", encoding="utf-8")
    shape = transformers.GPT2Config(
        vocab_size=258,
        n_positions=16,
        n_embd=64,
        n_layer=1,
        n_head=1,
        bos_token_id=0,
        eos_token_id=0,
    )
    transformers.GPT2LMHeadModel(shape).save_pretrained(tmp_path / "hf")
    weights, merges = tmp_path / "hf" / "model.safetensors", tmp_path / "vocab.bpe"
    start = [f"--init={weights}", f"--tokenizer={merges}", "--block_size=64"]
    assert "--n_embd=16: " in refused(pretrain, *start)  # what is typed is done, or refused
    line = refused(pretrain, *start, "--n_embd=64", "--vocab_size=261")
    assert "--block_size=64" in line and "16 positions" in line


# --- command line ------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", [pretrain, sft])
@pytest.mark.parametrize(
    "option, words",
    [
        ("--lr=abc", "--lr=abc: expected a number"),
        ("--stesp=5", "did you mean --steps?"),
        ("steps=5", "--key=value"),
        ("--steps=2.5", "expected a whole number"),
        ("--preset=huge", "no such preset"),
        ("--lr", "needs a value"),
        ("--device=tpu", "expected auto, cpu, cuda or mps"),
        ("--dtype=float8", "expected auto, float32, bfloat16 or float16"),
    ],
)
def test_an_option_that_cannot_be(refused, stage, option, words):
    assert words in refused(stage, option)


@pytest.mark.parametrize(
    "option",
    [
        "--block_size=0",
        "--batch_size=0",
        "--grad_accum=0",
        "--grad_accum=3",
        "--eval_every=0",
        "--n_head=0",
        "--rotary=0",
        "--n_head=3",
        "--n_embd=0",
        "--n_embd=17",
        "--dropout=1.5",
        "--pos=sinus",
        "--vocab_size=100",
        "--export=onnx",
        "--log=json",
        "--tokenizer=nowhere.bpe",
        "--init=nowhere.pt",
        "--init=nowhere.safetensors",
    ],
)
def test_a_number_or_name_that_makes_no_model(refused, option):
    assert option.partition("=")[0][2:] in refused(pretrain, option) or "nowhere" in option


@pytest.mark.parametrize(
    "option",
    [
        "--batch_size=0",
        "--grad_accum=0",
        "--grad_accum=5",
        "--eval_every=0",
        "--pretrain_mix=1.5",
        "--max_len=0",
        "--epochs=-1",
    ],
)
def test_a_number_that_makes_no_fine_tuning(refused, tmp_path, option):
    line = refused(sft, demos(tmp_path, [json.dumps(DEMO) + "\n"] * 8), option)
    assert option.partition("=")[0][2:] in line


# --- checkpoints -------------------------------------------------------------------------------


class Bomb:
    """Unpickled as code: it would make a directory."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


@pytest.mark.parametrize(
    "damage, words",
    [
        (
            lambda path, base: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
            "damaged or cut short",
        ),
        (lambda path, base: path.write_bytes(b""), "base.pt"),
        (lambda path, base: path.write_bytes(b"not a checkpoint"), "base.pt"),
        (
            lambda path, base: torch.save({**base, "extra": Bomb(path.with_name("boom"))}, path),
            "refused",
        ),
        (
            lambda path, base: path.write_bytes(pickle.dumps(Bomb(path.with_name("boom")))),
            "refused",
        ),
        (
            lambda path, base: torch.save({"weights": torch.zeros(3)}, path),
            "not a checkpoint of these stages",
        ),
        (
            lambda path, base: torch.save({**base, "stage": "reward"}, path),
            "'reward'; this needs one of stage pretrain",
        ),
        (
            lambda path, base: torch.save(
                {**base, "tokenizer": Tokenizer.train(TEXT, 300).to_json()}, path
            ),
            " token",
        ),
        (
            lambda path, base: torch.save(
                {**base, "model": {"wte.weight": torch.zeros(2, 2)}}, path
            ),
            "base.pt",
        ),
        (
            lambda path, base: torch.save(
                {k: v for k, v in base.items() if k != "tokenizer"}, path
            ),
            "base.pt",
        ),
    ],
)
@pytest.mark.parametrize("stage", [pretrain, sft, chat])
def test_a_checkpoint_that_cannot_be_used(refused, tmp_path, base, capsys, stage, damage, words):
    path = tmp_path / "base.pt"
    damage(path, base)
    if stage is not chat:
        demos(tmp_path, [json.dumps(DEMO) + "\n"] * 8)
        line = refused(
            stage,
            f"--init={path}",
            *([f"--data={tmp_path / 'demos.jsonl'}"] if stage is sft else []),
        )
        assert words in line and ("base.pt" in line or words == " token")
    elif "reward" not in words:  # chat.py tells by the head, not by the stage
        with pytest.raises(SystemExit) as stop:
            run(chat.main, [str(path), "--prompt=x", "--device=cpu"])
        err = capsys.readouterr().err
        assert (
            stop.value.code == 2
            and err.startswith("error: ")
            and err.count("\n") == 1
            and "base.pt" in err
        )
    assert not (tmp_path / "boom").exists()


@pytest.mark.parametrize("stage", [pretrain, sft])
def test_nothing_to_resume(refused, tmp_path, base, stage):
    assert "last.pt: no such file" in refused(stage, "--resume")
    (tmp_path / "out").mkdir()
    other = "sft" if stage is pretrain else "pretrain"
    torch.save({**base, "stage": other}, tmp_path / "out" / "last.pt")
    assert f"stage '{other}'" in refused(stage, "--resume")


# --- a process, as the user sees it ------------------------------------------------------------


def process(*argv, **options):
    return subprocess.run(
        [sys.executable, *map(str, argv)], cwd=ROOT, capture_output=True, text=True, **options
    )


def test_the_shell_sees_code_2_and_one_line(tmp_path):
    done = process("pretrain.py", "--stesp=5", f"--out={tmp_path / 'out'}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: unknown option --stesp: did you mean --steps?\n"
    done = process("chat.py", tmp_path / "none.pt")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: {tmp_path / 'none.pt'}: no such file\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="limits on a file's size are POSIX's")
def test_a_full_disk_keeps_the_last_checkpoint_and_the_run_can_go_on(tmp_path, base):
    import resource

    argv = [
        "pretrain.py",
        *TINY,
        f"--data={tmp_path / 'text.txt'}",
        f"--out={tmp_path / 'out'}",
        "--device=cpu",
    ]
    pretrain.train(parse_config(pretrain.Config, pretrain.PRESETS, [*argv[1:], "--steps=2"]))
    kept = {name: (tmp_path / "out" / name).read_bytes() for name in ("ckpt.pt", "last.pt")}

    def full():
        resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000))

    done = process(*argv, "--resume", "--steps=4", preexec_fn=full)
    errors = [line for line in done.stderr.splitlines() if "error" in line]
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert len(errors) == 1 and errors[0].startswith("error: ") and "is the disk full?" in errors[0]
    assert {name: (tmp_path / "out" / name).read_bytes() for name in kept} == kept
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "ckpt.pt",
        "last.pt",
        "log.jsonl",
    ]
    pretrain.train(
        parse_config(pretrain.Config, pretrain.PRESETS, [*argv[1:], "--resume", "--steps=4"])
    )
    assert load_checkpoint(tmp_path / "out" / "last.pt")["step"] == 4
