"""What a stage starts from: made where it is missing, finished where its run was interrupted."""

import os
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from plumbing import errors, inputs
from plumbing.checkpoint import load_checkpoint, save_checkpoint
from plumbing.errors import BadInput
from plumbing.inputs import need, run_stage, supply
from tests.tiny_out import write


@pytest.fixture
def made(tmp_path, monkeypatch):
    """The path of an input, and the commands that were run to make it; each leaves a checkpoint."""
    path, ran = tmp_path / "made" / "ckpt.pt", []

    def stub(script, options):
        ran.append([script, *options])
        if "--fail=1" in options:
            return 3
        write(path, "sft")
        return 0

    monkeypatch.setattr(inputs, "run_stage", stub)
    monkeypatch.delenv("RANK", raising=False)
    return path, ran


def as_unfinished(path, step=7):
    write(path, "sft")
    save_checkpoint(path, {**load_checkpoint(path), "finished": False, "step": step})


def test_a_script_of_a_room_runs_as_a_module(monkeypatch):
    """Its own folder is not on the path then, so that its `import reward` finds the root's."""
    typed = []

    class Popen:
        def __init__(self, command, **options):
            typed.append(command[1:])

        def __enter__(self):
            return SimpleNamespace(wait=lambda: 0)

        def __exit__(self, *error):
            return None

    monkeypatch.setattr(inputs.subprocess, "Popen", Popen)
    monkeypatch.setattr(errors, "stopped", [errors.ANEW])
    run_stage("lab/people.py", ["--n=3"])
    run_stage("ppo.py", [])
    assert typed == [["-m", "lab.people", "--n=3"], [str(inputs.ROOT / "ppo.py")]]
    assert errors.stopped == [errors.AGAIN], "what is said after Ctrl-C from now on"


def test_a_missing_input_is_made_once(made, capfd):
    path, ran = made
    assert need(path, "sft.py", "tiny", "--seed=4") == path
    assert ran == [["sft.py", "--preset=tiny", f"--out={path.parent.as_posix()}", "--seed=4"]]
    assert "is not there yet; making it: python sft.py --preset=tiny" in capfd.readouterr().out
    assert need(path, "sft.py", "big") == path and len(ran) == 1
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    "preset, usual", [("ko_sparrow", "ko"), ("ko", "ko"), ("sparrow", "tiny"), ("gpt2", "gpt2")]
)
def test_a_preset_of_one_stage_makes_its_inputs_with_the_usual_one(made, preset, usual, capfd):
    path, ran = made
    supply(path, "sft.py", preset, ("sft",), "--data=내 글.txt")
    assert ran[0][1] == f"--preset={usual}"
    assert capfd.readouterr().out.endswith('"--data=내 글.txt"\n')


def test_a_stage_that_fails_is_told_and_only_the_first_process_runs_it(made, monkeypatch):
    path, ran = made
    with pytest.raises(BadInput, match="sft.py ended with exit code 3"):
        need(path, "sft.py", "tiny", "--fail=1")
    monkeypatch.setenv("RANK", "1")
    need(path, "sft.py", "tiny")
    assert not path.exists() and len(ran) == 1


def test_an_unfinished_input_is_finished_and_told(made, capfd):
    path, ran = made
    as_unfinished(path)
    as_unfinished(path.with_name("last.pt"))
    found = supply(path, "sft.py", "tiny", ("sft",), "--seed=4")
    assert ran == [["sft.py", "--resume", f"--out={path.parent.as_posix()}"]]
    assert found.get("finished", True) and found["step"] == 1
    assert "its run stopped at step 7; going on with it: python sft.py" in capfd.readouterr().out


def test_a_run_that_kept_no_checkpoint_yet_is_taken_up_too(made):
    path, ran = made
    as_unfinished(path.with_name("last.pt"))
    need(path, "sft.py", "tiny")
    assert ran == [["sft.py", "--resume", f"--out={path.parent.as_posix()}"]]


def test_without_a_state_to_go_on_from_an_unfinished_input_is_refused(made):
    path, ran = made
    as_unfinished(path)
    with pytest.raises(BadInput, match="not finished, and no last.pt beside it"):
        need(path, "sft.py", "tiny")
    assert not ran


def test_an_unfinished_file_of_another_name_is_told(made, tmp_path, capfd):
    as_unfinished(tmp_path / "base.pt")
    need(tmp_path / "base.pt", "sft.py", "tiny")
    assert "base.pt is of a run that was not finished" in capfd.readouterr().out


def test_a_file_of_an_earlier_edition_counts_as_whole(made):
    path, ran = made
    write(path, "sft")  # it tells neither run nor end
    need(path, "sft.py", "tiny")
    assert not ran


def test_comparisons_are_not_made_over_a_model_of_other_data(made):
    path, ran = made
    write(path, "reward", data="people.jsonl")
    with pytest.raises(BadInput, match="learned from people.jsonl; .* --data=FILE"):
        need(path.with_name("comparisons.jsonl"), "reward.py", "tiny")
    assert not ran


STAGE = (
    "import os, sys, time\nfrom plumbing import errors\n"
    "def main():\n"
    "    open(sys.argv[1], 'w', encoding='utf-8').write(str(os.getpid()))\n"
    "    time.sleep(60 if len(sys.argv) > 2 else 0)\n"
    "    sys.exit(5)\n"
    "errors.run(main)\n"
)


@pytest.fixture
def stage(tmp_path, monkeypatch):
    (tmp_path / "stage.py").write_text(STAGE, encoding="utf-8")
    (tmp_path / "plumbing").symlink_to(inputs.ROOT / "plumbing")
    monkeypatch.setattr(inputs, "ROOT", tmp_path)
    return tmp_path


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_stage_runs_and_its_exit_code_comes_back(stage):
    assert run_stage("stage.py", [str(stage / "pid")]) == 5
    assert (stage / "pid").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_killed_parent_takes_its_stage_with_it(stage):
    code = (
        "from plumbing import inputs; import pathlib; "
        f"inputs.ROOT = pathlib.Path({str(stage)!r}); "
        f"inputs.run_stage('stage.py', [{str(stage / 'pid')!r}, 'sleep'])"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=stage)
    wait_for(lambda: (stage / "pid").exists() and (stage / "pid").read_text(encoding="utf-8"))
    parent.kill()
    parent.wait()
    child = int((stage / "pid").read_text(encoding="utf-8"))
    wait_for(lambda: not alive(child))


def wait_for(holds, seconds=30):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def alive(pid):
    """Does the process still run? One that ended and whose parent is gone may stand there as a
    zombie for a while."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return os.path.exists(f"/proc/{pid}") or not os.path.isdir("/proc")
