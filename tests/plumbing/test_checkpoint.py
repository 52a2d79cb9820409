"""Command line, checkpoints, downloads and log: what a user may do wrong ends in one clear line."""

import errno
import io
import json
import math
import os
import pickle
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from optim import learning_rate
from plumbing import checkpoint, errors
from plumbing import machine as machine_module
from plumbing.checkpoint import load_checkpoint, parent_of, save_checkpoint
from plumbing.config import parse_config, parse_value
from plumbing.errors import BadInput, run
from plumbing.files import download
from plumbing.machine import Machine, check_batch
from plumbing.records import Log

ROOT = Path(checkpoint.__file__).parent.parent


@dataclass
class Config:
    preset: str = "tiny"  # a named set
    out: str = "out/x"  # where it goes
    steps: int = 10  # how many
    lr: float = 0.5  # how fast
    resume: bool = False  # go on
    device: str = "cpu"
    dtype: str = "auto"
    seed: int = 1


PRESETS = {"tiny": {}, "big": {"steps": 1000, "lr": 0.1}}
CHECKPOINT = {
    "stage": "sft",
    "tokenizer": "{}",
    "model": {"w": torch.arange(6.0)},
    "model_config": {"n_layer": 1},
    "metrics": {"val_loss": 0.5},
    "step": 3,
    "parent": None,
}


def parse(*argv):
    return parse_config(Config, PRESETS, list(argv))


def refused(function, *args, match=None):
    """BadInput, whose message is a single line and has the words in it."""
    with pytest.raises(BadInput, match=match) as error:
        function(*args)
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


# --- command line ------------------------------------------------------------------------------


def test_options_have_the_types_of_their_fields():
    assert parse() == Config()
    assert parse("--steps=5", "--lr=1e-3", "--out=a=b", "--resume=false") == Config(
        steps=5, lr=1e-3, out="a=b"
    )
    assert parse("--lr=3").lr == 3.0 and isinstance(parse("--lr=3").lr, float)


def test_an_empty_value_is_refused_where_there_is_a_usual_one():
    """--out= of a shell's variable that is not set would write among the scripts."""
    for key in ("out", "preset"):
        words = refused(parse, f"--{key}=", match=f"--{key}= is empty; leave it out")
        assert words.count(f"--{key}=") == 2


@pytest.mark.parametrize(
    "text, value", [("=true", True), ("=1", True), ("=false", False), ("=0", False)]
)
def test_booleans(text, value):
    assert parse_value("resume", bool, text[1:]) is value
    assert parse_value("resume", bool, None) is True  # a bare --resume


def test_a_preset_comes_first_wherever_it_stands():
    assert parse("--preset=big") == Config(preset="big", steps=1000, lr=0.1)
    assert parse("--steps=7", "--preset=big") == Config(preset="big", steps=7, lr=0.1)


@pytest.mark.parametrize(
    "arg, words",
    [
        ("--stesp=5", "unknown option --stesp: did you mean --steps?"),
        ("--zzzz=5", "unknown option --zzzz: see --help"),
        ("--", "unknown option --: see --help"),
        ("steps=5", "options look like --key=value"),
        ("", "options look like --key=value"),
        ("-steps=5", "options look like --key=value"),
        ("--steps=ten", "--steps=ten: expected a whole number"),
        ("--steps=1.5", "expected a whole number"),
        ("--steps=", "expected a whole number"),
        ("--steps", "--steps needs a value: --steps=int"),
        ("--steps=-1", "not negative"),
        ("--lr=abc", "--lr=abc: expected a number"),
        ("--lr=nan", "finite"),
        ("--lr=inf", "finite"),
        ("--lr=-0.1", "not negative"),
        ("--resume=maybe", "--resume=maybe: expected true or false"),
        ("--preset=huge", "--preset=huge: no such preset; there are tiny, big"),
        ("--preset", "--preset needs a value"),
    ],
)
def test_a_bad_option_is_named(arg, words):
    assert words in refused(parse, arg)


@given(
    st.lists(
        st.one_of(
            st.text(),
            st.builds(
                "--{}={}".format,
                st.sampled_from(["steps", "lr", "out", "resume", "preset", "seed"]),
                st.text(),
            ),
        ),
        max_size=3,
    )
)
def test_any_command_line_is_a_config_or_bad_input(argv):
    try:
        config = parse_config(Config, PRESETS, [a for a in argv if a not in ("-h", "--help")])
    except BadInput:
        return
    assert config.steps >= 0 and isinstance(config.steps, int) and math.isfinite(config.lr)


def test_resume_goes_on_with_the_saved_configuration(tmp_path):
    saved = {**vars(Config(preset="big", steps=77, lr=0.25, out=str(tmp_path))), "gone": 1}
    save_checkpoint(tmp_path / "last.pt", {**CHECKPOINT, "train_config": saved})
    here = f"--out={tmp_path.as_posix()}"
    config = parse("--resume", here, "--lr=0.25", "--steps=99", "--device=cpu")
    assert (config.preset, config.steps, config.lr, config.resume) == ("big", 99, 0.25, True)
    line = refused(parse, "--resume", here, "--lr=0.125")  # it would be recorded, not done
    assert "--lr=0.125: the run in" in line and "begun with --lr=0.25" in line
    refused(parse, "--resume", here, "--steps=2", match="has done 3 steps already")
    refused(parse, "--resume", f"--out={tmp_path / 'nowhere'}", match="no such file")


def test_help_shows_each_field_with_its_comment(capsys):
    with pytest.raises(SystemExit) as stop:
        parse("--stesp=1", "--help")
    out = capsys.readouterr().out
    assert stop.value.code == 0 and out.startswith("Command line, checkpoints")
    lines = {
        line.split("=")[0].strip(): line for line in out.splitlines() if line.startswith("  --")
    }
    for name, words in (
        ("--steps", "how many"),
        ("--lr", "how fast"),
        ("--resume", "go on"),
        ("--out", "where it goes"),
        ("--seed", "1"),
    ):
        assert words in lines[name]
    assert "--preset=big" in out and "steps=1000 lr=0.1" in out


# --- run ---------------------------------------------------------------------------------------


def fails(error):
    def main():
        raise error

    return main


@pytest.mark.parametrize(
    "error, line",
    [
        (BadInput("x.txt, line 3: no"), "error: x.txt, line 3: no"),
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", "a.txt"),
            "error: a.txt: No such file or directory",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), "error: file: No space left on device"),
        (OSError("odd"), "error: file: odd"),
    ],
)
def test_run_ends_with_code_2_and_one_line(capsys, error, line):
    with pytest.raises(SystemExit) as stop:
        run(fails(error))
    out, err = capsys.readouterr()
    assert stop.value.code == 2 and out == "" and err == line + "\n"


def test_run_returns_and_lets_bugs_through(monkeypatch, capsys):
    monkeypatch.setattr(errors, "stopped", [errors.ANEW])  # no run has saved anything yet
    assert run(lambda a, b: a + b, 1, 2) == 3
    with pytest.raises(ZeroDivisionError):
        run(lambda: 1 / 0)
    with pytest.raises(SystemExit) as stop:
        run(fails(KeyboardInterrupt()))
    assert stop.value.code == 130
    assert capsys.readouterr().err == f"\n{errors.ANEW}\n"
    errors.stopped[0] = errors.GO_ON
    with pytest.raises(SystemExit) as stop:
        run(fails(KeyboardInterrupt()))
    assert stop.value.code == 130
    assert capsys.readouterr().err == "\nstopped; go on with --resume\n"
    monkeypatch.setenv("RANK", "1")  # torchrun's second process: the first one tells
    with pytest.raises(SystemExit) as stop:
        run(fails(KeyboardInterrupt()))
    assert stop.value.code == 130 and capsys.readouterr().err == ""


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
def test_ctrl_c_while_torch_loads_is_one_line_too(tmp_path):
    """A script as the stages are, stopped between its options and its first import."""
    script = tmp_path / "slow.py"
    lines = ["import os, signal", "from dataclasses import dataclass"]
    # A shell's background job, as tests may be, has Ctrl-C ignored; a person's command has not.
    lines += ["signal.signal(signal.SIGINT, signal.default_int_handler)"]
    lines += ["from plumbing.config import check_options", "@dataclass", "class Config:"]
    lines += ["    preset: str = 'tiny'", "PRESETS = {'tiny': {}}"]
    lines += ["check_options(__file__)", "os.kill(os.getpid(), signal.SIGINT)"]
    lines += ["import time", "time.sleep(60)"]
    script.write_text("\n".join(lines), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True)
    assert done.returncode in (-signal.SIGINT, 130)
    assert done.stderr == f"\n{errors.ANEW}\n"


STOPPED = """
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from plumbing import errors, inputs
def parent():
    inputs.run_stage({child!r}, [])
def child():
    os.killpg(0, signal.SIGINT)  # as a terminal does: all processes of the command
    time.sleep(60)
errors.run(child if sys.argv[1:] == [] else parent)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")
def test_a_command_stopped_while_another_stage_runs_tells_once(tmp_path):
    """Only the command that was typed speaks, of what typing it again does."""
    script = tmp_path / "stage.py"
    script.write_text(STOPPED.format(child=script.name), encoding="utf-8")
    launch = f"import plumbing.inputs as i, runpy; i.ROOT = i.Path({str(tmp_path)!r})"
    launch += f"; runpy.run_path({str(script)!r})"
    done = subprocess.run(
        [sys.executable, "-c", launch, "parent"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        start_new_session=True,
    )
    assert done.returncode == 130 and done.stderr == f"\n{errors.AGAIN}\n"


# --- machine -----------------------------------------------------------------------------------


def test_rows_of_all_processes_make_up_the_batch(monkeypatch):
    for world in (1, 2, 3, 6):
        machines = [Machine("cpu", torch.float32, rank, world) for rank in range(world)]
        rows = [m.mine(torch.arange(12)).tolist() for m in machines]
        assert sorted(sum(rows, [])) == list(range(12)) and {len(r) for r in rows} == {12 // world}
    monkeypatch.setenv("WORLD_SIZE", "5")
    refused(
        check_batch, SimpleNamespace(grad_accum=1), 12, match="12 does not divide into .* 5 proc"
    )


def test_seed_depends_on_step_and_rank_alone():
    def draw(rank, *numbers):
        torch.rand(3)  # whatever came before
        Machine("cpu", torch.float32, rank, 2).seed(*numbers)
        return torch.rand(4).tolist()

    assert draw(0, 1, 5) == draw(0, 1, 5)
    different = [
        draw(0, 1, 5),
        draw(0, 1, 6),
        draw(0, 2, 5),
        draw(1, 1, 5),
        draw(0, 15),
        draw(0, 1),
    ]
    assert len({tuple(d) for d in different}) == len(different)


def test_one_process_needs_no_peers():
    machine = Machine("cpu", torch.float32)
    model = torch.nn.Linear(1, 1)
    assert machine.main and machine.mean(torch.tensor(2.5)) == 2.5
    assert machine.distribute(model) is model and not Machine("cpu", torch.float32, 1, 2).main
    with Machine("cpu", torch.bfloat16).autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
    with machine.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


def test_setup_refuses_what_it_does_not_know(monkeypatch):
    refused(
        machine_module.setup,
        Config(device="tpu"),
        match="--device=tpu: expected auto, cpu, cuda or mps",
    )
    refused(machine_module.setup, Config(dtype="float64"), match="--dtype=float64: expected auto")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    refused(machine_module.setup, Config(device="cuda"), match="no CUDA GPU here; use --device=cpu")
    alone = SimpleNamespace(device="cpu", dtype="float32", seed=1, fsdp=True)
    refused(machine_module.setup, alone, match="--fsdp shares a model among several processes")
    alone.dtype = "float16"
    refused(machine_module.setup, alone, match="as float16 needs: add --dtype=float32")
    machine = machine_module.setup(Config(dtype="float32"))
    assert (machine.device, machine.dtype, machine.processes) == ("cpu", torch.float32, 1)


@pytest.mark.parametrize("warmup, steps", [(0, 10), (4, 10), (30, 1400)])
def test_learning_rate_in_closed_form(warmup, steps):
    rates = [learning_rate(s, steps, warmup) for s in range(steps)]
    for s in range(warmup):
        assert rates[s] == pytest.approx((s + 1) / (warmup + 1))
    assert rates[warmup] == 1.0 == max(rates)
    assert rates[-1] == pytest.approx(0.1) and rates[warmup:] == sorted(
        rates[warmup:], reverse=True
    )
    middle = (steps - 1 + warmup) / 2
    assert learning_rate(middle, steps, warmup) == pytest.approx(0.55)
    assert learning_rate(steps + 50, steps, warmup, final=0.3) == pytest.approx(0.3)


def test_learning_rate_of_a_single_step():
    assert learning_rate(0, 1, 0) == 1.0 and learning_rate(0, 1, 9) == 0.1


# --- checkpoints -------------------------------------------------------------------------------


def test_checkpoint_round_trip(tmp_path):
    path = tmp_path / "deep" / "er" / "ckpt.pt"
    save_checkpoint(path, CHECKPOINT)
    found = load_checkpoint(str(path), stages=("pretrain", "sft"))
    assert torch.equal(found.pop("model")["w"], torch.arange(6.0))
    assert found == {k: v for k, v in CHECKPOINT.items() if k != "model"}
    assert [p.name for p in path.parent.iterdir()] == ["ckpt.pt"]


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("PytorchStreamWriter failed\nwriting file data/1\n"),
    ],
)
def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch, error):
    path = tmp_path / "ckpt.pt"
    save_checkpoint(path, CHECKPOINT)
    before = path.read_bytes()

    def half(checkpoint, file):
        file.write(b"half of it")
        raise error

    monkeypatch.setattr(torch, "save", half)
    refused(save_checkpoint, path, {**CHECKPOINT, "step": 4}, match="could not be written")
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["ckpt.pt"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="limits on a file's size are POSIX's")
def test_a_disk_that_fills_up_ends_in_one_line(tmp_path):
    path = tmp_path / "ckpt.pt"
    save_checkpoint(path, CHECKPOINT)
    before = path.read_bytes()
    code = (
        "import resource, signal, sys, torch; from plumbing.checkpoint import save_checkpoint; from plumbing.errors import run\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "run(save_checkpoint, sys.argv[1], {'model': torch.randn(100_000)})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2, done.stderr
    assert (
        done.stderr.startswith(f"error: {path}: could not be written")
        and done.stderr.count("\n") == 1
    )
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["ckpt.pt"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("checkpoints")


@given(st.integers(0, 99))
def test_a_checkpoint_cut_anywhere_is_refused(folder, percent):
    save_checkpoint(folder / "whole.pt", CHECKPOINT)
    data = (folder / "whole.pt").read_bytes()
    (folder / "cut.pt").write_bytes(data[: percent * len(data) // 100])
    refused(load_checkpoint, folder / "cut.pt", match="cut.pt: (damaged|refused)")


@given(
    st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=60).map(lambda b: b"\x80\x02" + b),
        st.binary(max_size=60).map(lambda b: b"PK\x03\x04" + b),
        st.text().map(str.encode),
    )
)
def test_a_file_of_anything_else_is_refused(folder, data):
    (folder / "junk.pt").write_bytes(data)
    refused(load_checkpoint, folder / "junk.pt", match="junk.pt")


@given(st.data())
def test_a_checkpoint_with_damage_is_bad_input_or_loads(folder, data):
    buffer = io.BytesIO()
    torch.save(CHECKPOINT, buffer)
    raw = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    (folder / "odd.pt").write_bytes(raw)
    try:
        load_checkpoint(folder / "odd.pt")
    except BadInput as error:
        assert len(str(error).splitlines()) == 1


class Bomb:
    """Unpickled as code: it would make a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("save", [torch.save, lambda x, path: path.write_bytes(pickle.dumps(x))])
def test_code_in_a_checkpoint_is_refused_and_does_not_run(tmp_path, save):
    save({**CHECKPOINT, "extra": Bomb(tmp_path / "boom")}, tmp_path / "bad.pt")
    refused(load_checkpoint, tmp_path / "bad.pt", match="bad.pt: refused")
    assert not (tmp_path / "boom").exists()


def test_what_is_not_the_wanted_checkpoint_is_named(tmp_path):
    save_checkpoint(tmp_path / "sft.pt", CHECKPOINT)
    refused(
        load_checkpoint,
        tmp_path / "sft.pt",
        ("reward", "ppo"),
        match="sft.pt is a checkpoint of stage 'sft'; this needs one of stage reward or ppo",
    )
    refused(load_checkpoint, tmp_path, match=r"is a directory; .*ckpt\.pt")
    refused(load_checkpoint, tmp_path / "none.pt", match="none.pt: no such file")
    for other in ({"a": 1}, [1, 2], torch.zeros(3)):
        torch.save(other, tmp_path / "other.pt")
        refused(load_checkpoint, tmp_path / "other.pt", match="not a checkpoint of these stages")


def test_a_checkpoint_carries_its_lineage():
    first = parent_of(Path("out") / "pretrain" / "ckpt.pt", {**CHECKPOINT, "stage": "pretrain"})
    second = parent_of("out/sft/ckpt.pt", {**CHECKPOINT, "parent": first})
    older = {
        "path": "out/pretrain/ckpt.pt",
        "stage": "pretrain",
        "data": None,
        "metrics": {"val_loss": 0.5},
        "parent": None,
    }
    assert second == {
        "path": "out/sft/ckpt.pt",
        "stage": "sft",
        "data": None,
        "metrics": {"val_loss": 0.5},
        "parent": older,
    }


# --- downloads ---------------------------------------------------------------------------------

BODY = bytes(range(256)) * 9000  # two reads of the loop


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/gone":
            return self.send_error(404)
        self.send_response(200)
        if self.path != "/nolength":
            self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY[:1000] if self.path == "/short" else BODY)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("page", ["whole", "nolength"])
def test_download_once(server, tmp_path, page):
    path = download(f"{server}/{page}", tmp_path / "new" / "file.txt")
    assert path.read_bytes() == BODY and [p.name for p in path.parent.iterdir()] == ["file.txt"]
    path.write_bytes(b"kept")
    assert download(f"{server}/gone", path).read_bytes() == b"kept"


@pytest.mark.parametrize(
    "page, words",
    [
        ("short", "stopped at 1000 of 2304000 bytes; try again"),
        ("gone", "cannot download .*Not Found.*file.txt"),
    ],
)
def test_half_a_download_leaves_nothing(server, tmp_path, page, words):
    refused(download, f"{server}/{page}", tmp_path / "file.txt", match=words)
    assert not list(tmp_path.iterdir())


def test_offline_the_file_to_fetch_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    message = refused(
        download, "http://127.0.0.1:9/x", tmp_path / "file.txt", match="fetch it by hand"
    )
    assert str(tmp_path / "file.txt") in message and "http://127.0.0.1:9/x" in message
    assert not list(tmp_path.iterdir())


# --- log ---------------------------------------------------------------------------------------


def records(path):
    return [json.loads(line) for line in path.read_bytes().decode().splitlines(keepends=False)]


def open_log(path, **options):
    return Log(path, Config(), Machine("cpu", torch.float32), **options)


def test_log_begins_with_the_configuration(tmp_path):
    path = tmp_path / "new" / "log.jsonl"
    log = open_log(path)
    log.write(step=0, loss=1.5, text="한글")
    head, record = records(path)
    assert head["config"] == vars(Config()) and head["argv"] == sys.argv and head["device"] == "cpu"
    assert head["versions"]["torch"] == torch.__version__
    assert record == {"step": 0, "loss": 1.5, "text": "한글"}
    open_log(path)
    assert len(records(path)) == 1  # a new run begins a new log


def test_a_resumed_log_has_each_step_once_and_no_half_line(tmp_path):
    path = tmp_path / "log.jsonl"
    log = open_log(path)
    for step in range(6):
        log.write(step=step)
    with open(path, "a", encoding="utf-8") as file:
        file.write('{"step": 2, "lo')  # killed here
    log = open_log(path, resumed_step=3)
    log.write(step=4)
    assert [r.get("step", "head") for r in records(path)] == ["head", 0, 1, 2, 3, "head", 4]
    assert records(path)[5]["resumed"] == 3
    assert records(path)[0]["config"] == vars(Config())
    open_log(tmp_path / "none.jsonl", resumed_step=3)
    assert "config" in records(tmp_path / "none.jsonl")[0]


@pytest.mark.parametrize("line", ['"가'.encode()[:-1], b"[1]", b'{"step": null}', b"[" * 100_000])
def test_a_log_is_taken_up_whatever_stands_on_one_of_its_lines(tmp_path, line):
    path = tmp_path / "log.jsonl"
    open_log(path).write(step=1)
    with open(path, "ab") as file:
        file.write(line + b"\n")
    open_log(path, resumed_step=3)
    assert [r.get("step", "head") for r in records(path)] == ["head", 1, "head"]


@pytest.mark.parametrize("text", ["a\u2028b", "a\x85b", "a\x1cb", "a\nb", "\u2029"])
def test_a_resumed_log_keeps_lines_with_unusual_line_ends_in_their_text(tmp_path, text):
    path = tmp_path / "log.jsonl"
    open_log(path).write(step=1, text=text)
    open_log(path, resumed_step=1)
    kept = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]
    assert {"step": 1, "text": text} in kept


def test_text_without_utf8_does_not_end_the_run(tmp_path):
    log = open_log(tmp_path / "log.jsonl")
    log.write(step=1, text="\ud800")  # what JSON data may hold
    assert records(tmp_path / "log.jsonl")[1]["step"] == 1


def test_only_the_first_process_logs(tmp_path):
    log = Log(tmp_path / "log.jsonl", Config(), Machine("cpu", torch.float32, 1, 2))
    log.write(step=1)
    assert not list(tmp_path.iterdir())
