"""The commands in the README and the docstrings exist, and a fresh clone runs."""

import ast
import dataclasses
import importlib
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import pretrain
import sft
from plumbing import inputs
from plumbing.checkpoint import load_checkpoint
from plumbing.config import named as named_nodes
from plumbing.config import parse_config, parse_value
from plumbing.errors import BadInput

ROOT = Path(inputs.__file__).parent.parent
STAGES = (
    "pretrain",
    "sft",
    "reward",
    "ppo",
    "icl_eval",
    "dpo",
    "rules",
    "constitution",
    "chat",
    "lab.tax",
    "lab.probing",
    "lab.constitution",
    "lab.overoptimisation",
    "lab.results",
    "lab.report",
    "lab.bench",
    "judges.talk",
    "data.ginc.__main__",
)


def commands(text):
    """Each `python ...` or `torchrun ...` of these lines as a list of words."""
    found = []
    for line in text.splitlines():
        for part in re.split(r"&&|;", line):
            part = re.split(r"\s{3,}", part.strip())[0]  # an explanation may stand to the right
            match = re.match(r"(?:\S*[/\\])?(?:python3?|torchrun)(?:\.exe)? (.*)", part)
            if match:
                found.append(shlex.split(match[1], comments=True))
    return found


def documented():
    """(where, words) of every command in README's code blocks and in the docstrings."""
    for path in sorted(ROOT.glob("README*.md")):
        for block in re.findall(
            r"^```.*?\n(.*?)^```", path.read_text(encoding="utf-8"), re.M | re.S
        ):
            for words in commands(block):
                yield path.name, words
    for name in STAGES:
        for words in commands(importlib.import_module(name).__doc__):
            yield f"{name.replace('.', '/')}.py", words


DOCUMENTED = list(documented())


def check(words):
    """Raises AssertionError unless script and options exist and the values have their types."""
    words = [
        w
        for w in words
        if not w.startswith("--nproc_per_node") and w not in ("--standalone", "...")
    ]
    if words[0] == "-m":
        _, name, *rest = words
        if name in ("venv", "pip"):
            return
        assert importlib.util.find_spec(name), f"no module {name}"
    else:
        script, *rest = words
        assert (ROOT / script).exists(), f"no script {script}"
        name = script.removesuffix(".py")
    module = importlib.import_module(name)
    if not hasattr(module, "Config"):
        return
    fields = {f.name: f.type for f in dataclasses.fields(module.Config)}
    for i, word in enumerate(rest):
        if not word.startswith("--"):
            named = {
                "chat": word.endswith(".pt"),
                "lab.bench": True,
                "judges.talk": word.endswith(".pt"),
            }
            assert named.get(name) and i == 0, f"{name} takes no '{word}'"
            continue
        key, equals, value = word[2:].partition("=")
        if key == "help":
            continue
        assert key in fields, f"{name} has no option --{key}"
        value = parse_value(key, fields[key], value if equals else None)
        assert key != "preset" or value in module.PRESETS, f"{name} has no preset {value}"


@pytest.mark.parametrize(
    "where, words", DOCUMENTED, ids=[f"{w}: {' '.join(c)}" for w, c in DOCUMENTED]
)
def test_a_documented_command_exists(where, words):
    check(words)


def test_commands_are_found():
    text = (
        "python3 -m venv .venv && .venv/bin/pip install -e . && .venv/bin/python sft.py\n"
        ".venv\\Scripts\\python sft.py --steps=3   a note\n"
        "torchrun --nproc_per_node=2 pretrain.py ...  # more\nls"
    )
    assert commands(text) == [
        ["-m", "venv", ".venv"],
        ["sft.py"],
        ["sft.py", "--steps=3"],
        ["--nproc_per_node=2", "pretrain.py", "..."],
    ]
    assert {where for where, _ in DOCUMENTED} >= {"pretrain.py", "sft.py", "chat.py"}


@pytest.mark.parametrize(
    "words",
    [
        ["nowhere.py"],
        ["sft.py", "--stesp=3"],
        ["sft.py", "--preset=huge"],
        ["sft.py", "out/x.pt"],
        ["-m", "data.nowhere"],
    ],
)
def test_a_wrong_command_is_noticed(words):
    with pytest.raises(AssertionError):
        check(words)
    with pytest.raises(BadInput):
        check(["sft.py", "--steps=few"])


@pytest.mark.parametrize("name", STAGES)
def test_help_prints_every_option_with_its_meaning(name, capsys):
    module = importlib.import_module(name)
    with pytest.raises(SystemExit) as stop:
        parse_config(module.Config, getattr(module, "PRESETS", {"default": {}}), ["--help"])
    shown = capsys.readouterr().out
    assert stop.value.code == 0 and module.__doc__.strip().splitlines()[0] in shown
    options = shown.partition("\noptions")[2].partition("\npresets")[0].splitlines()[1:]
    rows = re.findall(r"^  (--\w+=(?:'[^']*'|\S*)) +(\S.*)$", "\n".join(options), re.M)
    assert len(rows) == len([line for line in options if line]), "an option is not explained"
    at = {line.index(meaning, 2 + len(word)) for line, (word, meaning) in zip(options, rows)}
    assert len(at) == 1, "the meanings stand in a column"
    words = [word for word, _ in rows if not word.startswith("--preset=")]
    typed = [shlex.split(word)[0] for word in words]
    plain = module.Config()
    again = parse_config(module.Config, {plain.preset: {}}, typed)  # what it prints can be typed
    assert again == plain and len(typed) == len(dataclasses.fields(plain)) - 1
    for word in typed:
        key, _, value = word.partition("=")
        if value in ("True", "False"):
            for spelled in (value, value.lower(), value.upper()):
                assert (
                    parse_config(module.Config, {plain.preset: {}}, [f"{key}={spelled}"]) == plain
                )


def named():
    """(page, file, name) for each `file.py` with a `name` that a README's table gives beside it."""
    for path in sorted(ROOT.glob("README*.md")):
        rows = [line for line in path.read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
        for cell in re.split(r"[|;]", "|".join(rows)):
            file, *names = re.findall(r"`([^`]+)`", cell) or [""]
            if re.fullmatch(r"[\w/]+\.py", file):
                yield from (
                    (path.name, file, name)
                    for name in names
                    if re.fullmatch(r"[A-Za-z_][\w.]*", name) and "." not in name[-4:]
                )


@pytest.mark.parametrize("page, file, name", list(named()))
def test_a_function_named_in_a_readme_exists(page, file, name):
    found = importlib.import_module(file.removesuffix(".py").replace("/", "."))
    for part in name.split("."):
        found = getattr(found, part)


def test_functions_are_found_in_the_reading_guide():
    found = {(file, name) for page, file, name in named() if page == "README.ko.md"}
    assert {("ppo.py", "gae"), ("tokenizer.py", "Tokenizer.render")} <= found and len(found) > 15


@pytest.mark.parametrize(
    "typed, now",
    [
        ("report.py --out=x", "python -m lab.report --out=x"),
        ("studies.py tax --seeds=1", "python -m lab.tax --seeds=1"),
        ("bench.py attention", "python -m lab.bench attention"),
        ("exercises.py check 7", "python -m exercises check 7"),
        ("ppo.py --iterations=3", "--iterations is now --steps"),
    ],
)
def test_a_command_of_earlier_editions_says_what_to_type(typed, now):
    done = subprocess.run(
        [sys.executable, *typed.split()], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2 and done.stderr.splitlines() == [done.stderr.strip()]
    assert now in done.stderr and not done.stdout


# --- a fresh clone -----------------------------------------------------------------------------


@pytest.fixture
def clone(tmp_path):
    """The sources alone, in a directory of their own, without any output."""
    for path in ROOT.glob("*.py"):
        shutil.copy(path, tmp_path)
    for room in ROOT.glob("*/__init__.py"):
        if room.parent.name != "tests":
            shutil.copytree(
                room.parent,
                tmp_path / room.parent.name,
                ignore=shutil.ignore_patterns("__pycache__"),
            )
    return tmp_path


def python(clone, *argv):
    done = subprocess.run(
        [sys.executable, *argv],
        cwd=clone,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def log(path):
    return [json.loads(line) for line in open(path, encoding="utf-8")]


def written(folder):
    """What a run leaves."""
    return sorted(path.name for path in folder.iterdir())


def test_the_chain_from_pretraining_to_chat(clone):
    python(
        clone,
        "pretrain.py",
        "--steps=4",
        "--n_layer=1",
        "--n_embd=32",
        "--n_head=2",
        "--device=cpu",
    )
    assert written(clone / "out" / "pretrain") == [
        "ckpt.pt",
        "last.pt",
        "log.jsonl",
    ]
    head, *lines = log(clone / "out" / "pretrain" / "log.jsonl")
    assert (
        head["config"]["steps"] == 4
        and head["config"]["data"] == "world"
        and "torch" in head["versions"]
    )
    assert (
        [line["step"] for line in lines] == [4, 4]
        and lines[0]["val_bits_per_byte"] > 0
        and lines[1]["samples"]
    )

    shown = python(clone, "sft.py", "--steps=3", "--n_demos=40", "--n_eval=13", "--device=cpu")
    assert written(clone / "out" / "sft") == [
        "ckpt.pt",
        "last.pt",
        "log.jsonl",
    ]
    last = log(clone / "out" / "sft" / "log.jsonl")[-1]
    for stage, rows in last["results"].items():
        for name, row in rows.items():
            assert row["n"] == 13 and f"{stage:<6} {name}" in shown
    assert {"test 0-shot sampled", "test 5-shot greedy"} < last["results"]["base"].keys()
    assert {"test 0-shot sampled", "paraphrase 0-shot greedy"} < last["results"]["sft"].keys()
    assert len(last["samples"]) == 6 and all(
        f"question  {s['question']}" in shown for s in last["samples"]
    )
    saved = load_checkpoint(clone / "out" / "sft" / "ckpt.pt", stages=("sft",))
    assert (
        saved["parent"]["path"] == "out/pretrain/ckpt.pt" and saved["parent"]["stage"] == "pretrain"
    )

    ask = [
        "chat.py",
        "out/sft/ckpt.pt",
        "--prompt=What colour is the tractor?",
        "--seed=1",
        "--max_new_tokens=12",
    ]
    assert python(clone, *ask).endswith("\n")


def test_a_missing_base_model_is_pretrained_first(tmp_path, monkeypatch, capsys):
    """The command would take minutes; in its place a stub leaves the checkpoint of a small run."""
    (tmp_path / "text.txt").write_text(
        "The cow eats grass. The king likes the sea.\n" * 40, encoding="utf-8"
    )
    record = {
        "messages": [
            {"role": "user", "content": "Hello?"},
            {"role": "assistant", "content": "Hello."},
        ]
    }
    (tmp_path / "demos.jsonl").write_text((json.dumps(record) + "\n") * 8, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    ran, here = [], ["--device=cpu", "--dtype=float32"]

    def stub(script, options):
        command = ["python", script, *options]
        ran.append(command)
        cfg = parse_config(pretrain.Config, pretrain.PRESETS, [*command[2:], *here])
        assert (cfg.preset, cfg.steps, cfg.data) == ("tiny", pretrain.Config.steps, "world")
        pretrain.train(
            dataclasses.replace(
                cfg,
                steps=2,
                n_layer=1,
                n_embd=32,
                n_head=2,
                vocab_size=280,
                data="text.txt",
                block_size=16,
            )
        )
        return 0

    monkeypatch.setattr(inputs, "run_stage", stub)
    options = [*here, "--data=demos.jsonl", "--pretrain_mix=0", "--steps=2", "--seed=7"]
    for _ in range(2):  # once made, it is there
        sft.train(parse_config(sft.Config, sft.PRESETS, options))
    assert [Path(command[1]).name for command in ran] == ["pretrain.py"] and "--seed=7" in ran[0]
    assert (
        "out/pretrain/ckpt.pt is not there yet; making it: python pretrain.py"
        in capsys.readouterr().out
    )


# --- what computes nothing starts without torch, which takes a second ---------------------------

EARLY = [*STAGES, "lab.reward", "lab.talk"]


@pytest.fixture(scope="module")
def no_torch(tmp_path_factory):
    """A folder before torch's own on the path, whose torch ends the process that imports it."""
    folder = tmp_path_factory.mktemp("path")
    (folder / "torch.py").write_text("raise SystemExit('torch was loaded')\n", encoding="utf-8")
    return folder


def typed_early(no_torch, name, *argv):
    """Run a script or a module with torch out of reach: (exit code, its output, its errors)."""
    script = ROOT / f"{name}.py"
    command = [str(script)] if script.exists() and "." not in name else ["-m", name]
    if name.endswith("__main__"):
        command = ["-m", name.removesuffix(".__main__")]
    done = subprocess.run(
        [sys.executable, *command, *argv],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(no_torch), "PYTHONIOENCODING": "utf-8"},
    )
    return done.returncode, done.stdout, done.stderr


def presets(name):
    module = importlib.import_module(name)
    return module.Config, getattr(module, "PRESETS", {module.Config.preset: {}})


@pytest.mark.parametrize("name", EARLY)
def test_help_is_answered_without_torch_and_word_for_word(no_torch, name, capsys):
    code, out, err = typed_early(no_torch, name, "--help")
    with pytest.raises(SystemExit):
        parse_config(*presets(name), ["--help"])
    assert (code, out, err) == (0, capsys.readouterr().out, "")


SLIPS = [
    ("pretrain", ["--preset=gpt3"]),
    ("sft", ["--setps=3"]),
    ("sft", ["out/x.pt"]),
    ("reward", ["--k=four"]),
    ("ppo", ["--iterations=3"]),
    ("icl_eval", ["--resume"]),
    ("chat", ["out/x.pt", "--gredy"]),
    ("judges.talk", ["out/x.pt", "--n=-1"]),
    ("lab.bench", ["attention", "--repeats=x"]),
    ("lab.tax", ["--seeds"]),
]


@pytest.mark.parametrize("name, argv", SLIPS)
def test_a_slip_is_refused_without_torch_and_word_for_word(no_torch, name, argv):
    code, out, err = typed_early(no_torch, name, *argv)
    options = argv[1:] if name in ("chat", "judges.talk", "lab.bench") else argv
    with pytest.raises(BadInput) as error:
        parse_config(*presets(name), options)
    assert (code, out, err) == (2, "", f"error: {error.value}\n")


def test_without_a_slip_the_command_goes_on_to_torch(no_torch):
    for name, *argv in (("sft", "--resume", "--out=nowhere"), ("chat", "x.pt"), ("lab.tax",)):
        code, out, err = typed_early(no_torch, name, *argv)
        assert (code, out, err) == (1, "", "torch was loaded\n")


def test_the_exercises_are_listed_without_torch(no_torch, tmp_path):
    code, out, err = typed_early(no_torch, "exercises.__main__", f"--out={tmp_path}")
    assert code == 0 and not err and "Week 1" in out
    assert typed_early(no_torch, "exercises.__main__", "strat", "3")[0] == 2


def test_only_what_config_and_presets_need_is_run():
    """An option of the name of an import, a list of imports of which one is needed, a chain."""
    text = (
        "import heavy\nfrom light import label, sizes, unused\nfrom dataclasses import dataclass\n"
        "BASE = dict(n=sizes.N)\nOTHER = heavy.work()\n"
        "@dataclass\nclass Config:\n    label: bool = False\n    preset: str = 'a'\n"
        "PRESETS = {'a': BASE}\ndef main(cfg):\n    heavy.work(cfg)\n"
    )
    kept = ast.unparse(ast.Module(named_nodes(ast.parse(text), {"Config", "PRESETS"}), []))
    assert [line for line in kept.splitlines() if line] == [
        "from light import sizes",
        "from dataclasses import dataclass",
        "BASE = dict(n=sizes.N)",
        "@dataclass",
        "class Config:",
        "    label: bool = False",
        "    preset: str = 'a'",
        "PRESETS = {'a': BASE}",
    ]


def test_what_changes_an_option_later_is_run_too():
    text = "A = {}\nB = {}\nA['x'] = one\nB['y'] = 2\nPRESETS = {'a': A}\n"
    kept = ast.unparse(ast.Module(named_nodes(ast.parse(text), {"PRESETS"}), []))
    assert kept.splitlines() == ["A = {}", "A['x'] = one", "PRESETS = {'a': A}"]


def test_a_fact_is_looked_up_without_torch(no_torch):
    code, out, err = typed_early(no_torch, "data.knowledge", "colour of the blirg")
    assert (code, err) == (0, "") and "blirg" in out
