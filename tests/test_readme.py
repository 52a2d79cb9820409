"""Every command of both READMEs runs, from the first to the last, in one fresh folder at a tiny size."""

import gzip
import json
import re
import runpy
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import transformers

from desk import server
from plumbing import inputs
from plumbing.vocab_bpe import read_merges
from tests.test_commands import ROOT, check, commands, documented
from tokenizer import Tokenizer

NET = ["--n_layer=1", "--n_head=2", "--n_embd=32", "--batch_size=4", "--steps=4"]
# What makes each script small. A command's own options come first, so these count where both speak.
SMALL = {
    "pretrain.py": NET,
    "sft.py": ["--n_demos=60", "--n_talks=40", "--n_eval=13", "--steps=3", "--max_len=48"]
    + ["--n_probes=60", "--n_harms=60"],
    "reward.py": ["--n_prompts=16", "--n_eval=13", "--n_probes=8"],
    "ppo.py": ["--steps=2", "--batch_size=8", "--minibatch=4", "--max_new_tokens=8"],
    "dpo.py": [],
    "constitution.py": [
        "--n_requests=16",
        "--n_helpful=8",
        "--n_ranked=8",
        "--n_benign=8",
        "--n_control=8",
    ],
    "rules.py": ["--n_marks=40", "--n_eval=40", "--steps=3"],
    "icl_eval.py": ["--draws=2", "--prompts=4", "--n=0,2"],
    "lab/tax.py": ["--preset=smoke"],
    "lab/overoptimisation.py": ["--preset=smoke"],
    "lab/reward.py": ["--preset=smoke"],
    "lab/probing.py": ["--preset=smoke"],
    "lab/constitution.py": ["--preset=smoke"],
    "chat.py": ["--max_new_tokens=8"],
}


def small(words):
    """A documented command with the options that make it take seconds; GPT-2 has a stand-in."""
    script, *options = words
    extra = list(SMALL.get(script, []))
    if script == "pretrain.py" and "--preset=gpt2" in options:
        extra += ["--tokenizer=vocab.bpe", "--block_size=32", "--grad_accum=2", "--compile=false"]
    if script == "pretrain.py" and "--steps=0" in options:
        extra.remove("--steps=4")
    if "--init=gpt2" in options or "--init=out/gpt2/ckpt.pt" in options:
        extra = [option for option in extra if not option.startswith("--n_")]  # its shape stays
    if "--init=gpt2" in options:
        extra += ["--init=gpt2.safetensors", "--tokenizer=vocab.bpe"]
    if "--preset=shakespeare_char" in options:
        extra.append("--data=book.txt")
    if script == "icl_eval.py" and "--probe=bayes" in options:
        extra.append("--k=3")
    return [script, *options, *extra]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the files that the READMEs name as the reader's own."""
    monkeypatch.chdir(tmp_path)
    lines = [
        "The cow eats the grass.",
        "The king likes the sea.",
        "소가 풀을 먹는다.",
        "왕은 바다를 좋아한다.",
    ]
    for name in ("book.txt", "reviews.txt"):
        (tmp_path / name).write_text("\n".join(lines * 200), encoding="utf-8")
    asked = [{"instruction": f"Say {line}", "input": "", "output": line} for line in lines * 8]
    for name in ("alpaca.json", "koalpaca.json"):
        (tmp_path / name).write_text(json.dumps(asked, ensure_ascii=False), encoding="utf-8")
    pairs = [
        {
            "chosen": f"\n\nHuman: Say {line}\n\nAssistant: {line}",
            "rejected": f"\n\nHuman: Say {line}\n\nAssistant: No.",
        }
        for line in lines
    ]
    with gzip.open(tmp_path / "hh.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(pair) + "\n" for pair in pairs)
    chosen = {"question": "Say it.", "choices": lines, "answer": 1}
    (tmp_path / "arc.jsonl").write_text(json.dumps(chosen, ensure_ascii=False), encoding="utf-8")
    (tmp_path / "vocab.bpe").write_text("#version: 0.2\nt h\nth e\n", encoding="utf-8")
    tokenizer = Tokenizer(read_merges(tmp_path / "vocab.bpe"))
    np.array(tokenizer.encode(" ".join(lines * 400)), dtype=np.uint16).tofile("train.bin")
    shape = transformers.GPT2Config(
        vocab_size=len(tokenizer.vocab),
        n_positions=128,
        n_embd=64,
        n_layer=1,
        n_head=1,
        bos_token_id=0,
        eos_token_id=0,
    )
    transformers.GPT2LMHeadModel(shape).save_pretrained(tmp_path / "hf")
    (tmp_path / "hf" / "model.safetensors").rename(tmp_path / "gpt2.safetensors")
    (tmp_path / "hf" / "config.json").rename(tmp_path / "config.json")
    return tmp_path


def guided():
    """The words of every command that a table of a README gives."""
    for path in sorted(ROOT.glob("README*.md")):
        for row in re.findall(r"^\|.*", path.read_text(encoding="utf-8"), re.M):
            for typed in re.findall(r"`(python [^`]+)`", row):
                yield from commands(typed)


@pytest.mark.parametrize("words", list(guided()), ids=" ".join)
def test_a_command_of_the_reading_guide_exists(words):
    check(words)


@pytest.fixture
def typed(folder, monkeypatch):
    """Types commands one after the other in the folder, small; returns those that were run and how
    often the page was served."""

    def python(words):
        """The script in this process, as if it had been typed; returns its exit code."""
        if words[0] == "-m":
            path = words[1].replace(".", "/")
            words = [path + ("/__main__.py" if (ROOT / path).is_dir() else ".py"), *words[2:]]
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", small(words))
            try:
                runpy.run_path(str(ROOT / words[0]), run_name="__main__")
            except SystemExit as end:
                return end.code or 0
        return 0

    def answered(mark):
        """Who is asked for a name gives one, in either language, and stops then."""
        return "s01" if "name" in mark or "이름" in mark else "/quit"

    served = []
    # A stage that makes what another one misses runs here too, and small.
    monkeypatch.setattr(inputs, "run_stage", lambda name, options: python([name, *options]))
    at_a_terminal = SimpleNamespace(isatty=lambda: True, encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", at_a_terminal)
    monkeypatch.setattr("builtins.input", answered)
    monkeypatch.setattr(server, "serve", lambda *settings: served.append(settings))

    def run_all(found):
        done = []
        for words in found:
            if words in done or words[:2] in (["-m", "venv"], ["-m", "pip"]):
                continue
            if words[0].startswith("--nproc_per_node"):
                launch = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2"]
                script, *options = small(words[1:])
                code = subprocess.run([*launch, str(ROOT / script), *options]).returncode
            else:
                code = python(words)
            assert code == 0, " ".join(words)
            done.append(words)
        return done, len(served)

    return run_all


def made(folder, *runs):
    """Raises AssertionError unless each of the runs has left a checkpoint."""
    for run in runs:
        assert (folder / "out" / run / "ckpt.pt").stat().st_size, run


def test_every_command_of_the_readmes_runs(folder, typed):
    done, served = typed(words for page, words in documented() if page.startswith("README"))
    assert served == 3 and len(done) > 25  # the page of either language, and of a class
    made(folder, "pretrain", "sft", "reward", "ppo", "ppo_bare", "dpo")
    made(folder, "book_sft", "hangul_sft", "gpt2", "ginc", "demos_flip", "tiny_l")
    assert (folder / "out" / "ko" / "report.html").stat().st_size > 10_000


def test_every_command_of_the_exercises_runs(folder, typed):
    """But those of `python -m exercises` itself, which tests/exercises has."""
    text = (ROOT / "exercises" / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```\n(.*?)^```", text, re.M | re.S)
    lines = [*blocks, *re.findall(r"`(python [^`\n]+)`", text)]
    found = [
        words for line in lines for words in commands(line) if words[:2] != ["-m", "exercises"]
    ]
    labels = folder / "out" / "labels" / "comparisons.jsonl"
    labels.parent.mkdir(parents=True)
    rows = [
        {
            "messages": [{"role": "user", "content": f"What is {i}?"}],
            "responses": ["One.", "Two."],
            "ranking": [[i % 2], [1 - i % 2]],
        }
        for i in range(12)
    ]
    labels.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    # The models that the chat commands talk to are made in the course by then.
    done, served = typed([["sft.py"], *found])
    assert served == 2 and len(done) > 30
    made(folder, "sft_nomix", "reward_k2", "reward_few", "ppo_few", "ppo_free", "ppo_judge")
    made(folder, "ginc_one", "ginc_random", "reward_class", "ppo_class")
