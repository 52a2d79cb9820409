"""Nothing unfinished, foreign, damaged or diverged is used in silence: the quick form of
tests/attack.py, all stages in this process."""

import json
import random
import sys
from pathlib import Path

import pytest
import torch

import optim
from data.corpora import PretrainText
from plumbing import errors, files, folder
from plumbing.checkpoint import load_checkpoint, save_checkpoint
from plumbing.errors import BadInput
from plumbing.machine import Machine
from plumbing.records import check_whole
from tests.attack import (
    GIVEN,
    PROGRAMS,
    STAGES,
    WORDS,
    asks,
    at_limits,
    call,
    flip,
    hostile,
    in_this_process,
    is_finite,
    judged,
    material,
    options,
    read_record,
    refused_or_checked,
    table,
    weights_of,
)
from tests.data import mutate
from tests.test_pretrain import in_two_processes
from tests.tiny_out import write

every_stage = pytest.mark.parametrize("stage", STAGES)


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    return material(tmp_path_factory.mktemp("material"))


def stopped_at(stage, argv, step):
    """Run a stage until it is about to make its step-th update, as Ctrl-C ends it."""
    seen, make = [], optim.step

    def dies(*args):
        seen.append(0)
        if len(seen) == step:
            raise KeyboardInterrupt
        return make(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(optim, "step", dies)
        return call(stage, argv)


def log_of(out):
    text = (out / "log.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def with_ties(given, folder, every):
    """A file of the comparisons in which every so many is a tie."""
    lines = (given / "compared.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    for record in records[::every]:
        record["ranking"] = [[0, 1]]
    data = folder / "ties.jsonl"
    data.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
    return data


# --- unfinished and foreign runs -----------------------------------------------------------------


@every_stage
def test_a_run_that_was_stopped_goes_on_to_the_same_bits_and_knows_its_end(stage, given, tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert call(stage, options(stage, given, whole)) == (0, [])
    done = load_checkpoint(whole / "ckpt.pt")
    assert done["finished"] and done["run"] == log_of(whole)[0]["run"]
    code, lines = stopped_at(stage, options(stage, given, cut), 6 if stage == "ppo" else 4)
    assert code == 130 and lines == ["stopped; go on with --resume"]
    kept = [p for p in (cut / "ckpt.pt", cut / "last.pt") if p.exists()]
    assert kept and not any(load_checkpoint(path)["finished"] for path in kept)
    assert call(stage, ["--resume", f"--out={cut}"]) == (0, [])
    assert weights_of(cut / "ckpt.pt") == weights_of(whole / "ckpt.pt")
    assert load_checkpoint(cut / "ckpt.pt")["finished"]
    before = {path: path.read_bytes() for path in cut.iterdir()}
    assert call(stage, ["--resume", f"--out={cut}"]) == (0, [])  # nothing to go on with
    assert {path: path.read_bytes() for path in cut.iterdir()} == before


def test_resume_takes_up_no_older_run(given, tmp_path):
    out = tmp_path / "out"
    argv = options("sft", given, out)
    assert call("sft", argv)[0] == 0
    old = load_checkpoint(out / "ckpt.pt")["run"]
    argv = options("reward", given, out)  # of another stage, ended before its first save
    code, lines = stopped_at("reward", argv, 1)
    assert code == 130 and ("anything was saved" in lines[0] or "--resume" in lines[0])
    code, lines = call("reward", ["--resume", f"--out={out}"])
    assert code == 2 and len(lines) == 1 and "an older run is in" in lines[0]
    assert load_checkpoint(out / "earlier" / "ckpt.pt")["run"] == old
    assert call("reward", argv)[0] == 0 and log_of(out)[0]["run"] != old
    assert load_checkpoint(out / "earlier" / "ckpt.pt")["run"] == old  # a log alone moves nothing


def test_files_of_two_runs_are_not_taken_for_one(given, tmp_path):
    for name in "ab":
        stopped_at("sft", options("sft", given, tmp_path / name), 4)
    (tmp_path / "a" / "last.pt").write_bytes((tmp_path / "b" / "last.pt").read_bytes())
    code, lines = call("sft", ["--resume", f"--out={tmp_path / 'a'}"])
    assert code == 2 and "put the files of one run together" in lines[0]


def test_two_runs_in_one_folder_are_refused(given, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    with open(out / "run.lock", "a+b") as other:  # as another process holds it
        other.write(b"4711")
        other.flush()
        assert files.lock(other, wait=False)
        code, lines = call("sft", options("sft", given, out))
        assert code == 2 and "another run is at work in this folder (process 4711)" in lines[0]
        assert [path.name for path in out.iterdir()] == ["run.lock"]
    assert call("sft", options("sft", given, out))[0] == 0  # a lock ends with who held it
    folder.hold(out), folder.release(out)


def test_a_lock_goes_with_its_run(given, tmp_path, monkeypatch):
    assert call("sft", options("sft", given, tmp_path, 2))[0] == 0
    assert not (tmp_path / "run.lock").exists()
    took = []

    def late(
        file, wait
    ):  # the run that held it ends, and another begins, while this one takes hold
        if not took:
            (tmp_path / "run.lock").unlink()
            (tmp_path / "run.lock").write_bytes(b"")
        took.append(file)
        return files.lock(file, wait)

    if sys.platform != "win32":  # which lets nobody remove an open file
        monkeypatch.setattr(folder, "lock", late)
    folder.hold(tmp_path)
    assert folder.stands(folder.held[(tmp_path / "run.lock").resolve()], tmp_path / "run.lock")
    folder.release(tmp_path)
    assert not (tmp_path / "run.lock").exists()
    assert (tmp_path / "run.lock").resolve() not in folder.held


def test_what_killed_runs_left_half_written_is_removed(given, tmp_path):
    (tmp_path / "last.pt.123.tmp").write_bytes(b"half")
    assert call("sft", options("sft", given, tmp_path, steps=2))[0] == 0
    assert not list(tmp_path.glob("*.tmp"))


@pytest.mark.parametrize("option", ["--lr=0.5", "--matrix_lr=0", "--batch_size=2", "--seed=9"])
def test_resume_does_what_is_recorded_or_refuses(given, tmp_path, option):
    stopped_at("sft", options("sft", given, tmp_path), 4)
    code, lines = call("sft", ["--resume", f"--out={tmp_path}", option])
    assert code == 2 and option in lines[0] and "was begun with" in lines[0]


def test_steps_may_be_added_and_not_taken_away(given, tmp_path):
    assert call("sft", options("sft", given, tmp_path))[0] == 0
    here = ["--resume", f"--out={tmp_path}"]
    code, lines = call("sft", [*here, "--steps=3"])
    assert code == 2 and "has done 6 steps already" in lines[0]
    assert call("sft", [*here, "--steps=8"])[0] == 0
    last = load_checkpoint(tmp_path / "last.pt")
    assert last["step"] == last["train_config"]["steps"] == 8


def test_a_copy_of_ckpt_pt_is_no_state_to_go_on_from(given, tmp_path):
    stopped_at("sft", options("sft", given, tmp_path), 4)
    (tmp_path / "last.pt").write_bytes((tmp_path / "ckpt.pt").read_bytes())
    code, lines = call("sft", ["--resume", f"--out={tmp_path}"])
    assert code == 2 and "no state of the optimizers" in lines[0]


# --- what is recorded is what was done -----------------------------------------------------------


def told_of(out):
    return [{key: row[key] for key in row if key != "file"} for row in log_of(out)[0]["told"]]


SKIPPED = {"skipped": 2, "why": "empty answer", "first": "line 31"}


@pytest.mark.parametrize("stage", ["sft", "ppo", "reward", "dpo"])
def test_what_is_left_out_stands_in_the_log(stage, given, tmp_path):
    name = "demos" if stage in ("sft", "ppo") else "compared"
    data = tmp_path / "data.jsonl"
    row = {"instruction": "Who?", "output": ""}
    expected = SKIPPED
    text = (given / f"{name}.jsonl").read_text(encoding="utf-8")
    if name == "demos":
        rows = [json.loads(line)["messages"] for line in text.splitlines()]
        rows = [{"instruction": m[0]["content"], "output": m[1]["content"]} for m in rows]
        text = "".join(json.dumps(row) + "\n" for row in rows)
    else:
        row = {**json.loads(text.splitlines()[0]), "responses": ["I am.", "I am."]}
        expected = {**SKIPPED, "why": "equal replies"}
    data.write_text(text + 2 * (json.dumps(row) + "\n"), encoding="utf-8")
    argv = [*options(stage, given, tmp_path / "out", 2), f"--data={data}"]
    assert call(stage, argv)[0] == 0
    assert told_of(tmp_path / "out") == [expected]
    assert call(stage, options(stage, given, tmp_path / "other", 2))[0] == 0
    assert told_of(tmp_path / "other") == []  # of another run in the same process


@pytest.mark.parametrize(
    "stage, limit, counts",
    [
        ("sft", "--max_len=12", {"cut": 30, "of": 30, "promptless": 0}),
        ("reward", "--max_len=10", {"cut": 30, "of": 30, "promptless": 0, "alike": 0}),
        ("dpo", "--max_len=10", {"cut": 30, "of": 30, "promptless": 0, "alike": 0}),
    ],
)
def test_what_is_cut_stands_in_the_log(stage, limit, counts, given, tmp_path):
    assert call(stage, [*options(stage, given, tmp_path, 2), limit])[0] == 0
    assert told_of(tmp_path) == [counts]


def test_rankings_that_teach_nothing_stand_in_the_log(given, tmp_path):
    data = with_ties(given, tmp_path, every=2)
    for stage in ("reward", "dpo"):
        out = tmp_path / stage
        assert call(stage, [*options(stage, given, out, 2), f"--data={data}"])[0] == 0
        (row,) = told_of(out)
        assert row["of"] == 27 and row["why"] == "ties throughout" and 12 <= row["idle"] <= 15


def test_ppo_tells_which_questions_are_too_long(given, tmp_path):
    """Question 7 is longer than the 16 learned positions leave room for; and of a model with rotary
    positions, than the 128 tokens of its training."""
    shape = dict(n_layer=1, n_head=1, n_embd=16, tokenizer=WORDS)
    write(tmp_path / "learned.pt", "sft", **shape, block_size=16, pos="learned")
    write(tmp_path / "value.pt", "reward", **shape, block_size=16, pos="learned")
    texts = ["Who?"] * 7 + ["Who are you? " * 30] + ["Who?"] * 7
    data = tmp_path / "asked.txt"
    data.write_text("\n".join(texts), encoding="utf-8")
    argv = [*options("ppo", given, tmp_path / "a", 2), f"--data={data}", "--max_new_tokens=9"]
    models = [f"--init={tmp_path / 'learned.pt'}", f"--reward={tmp_path / 'value.pt'}"]
    assert call("ppo", [*argv, *models]) == (0, [])
    assert told_of(tmp_path / "a") == [{"limit": 8}, {"cut": 1, "beyond": 1, "of": 15}]
    assert log_of(tmp_path / "a")[0]["config"]["max_new_tokens"] == 8
    argv = [*options("ppo", given, tmp_path / "b", 2), f"--data={data}", "--max_new_tokens=9"]
    assert call("ppo", argv) == (0, [])
    assert told_of(tmp_path / "b") == [{"cut": 0, "beyond": 1, "of": 15}]


def test_learned_positions_stand_in_the_log(given, tmp_path):
    shape = dict(n_layer=1, n_head=1, n_embd=16, block_size=16, pos="learned", tokenizer=WORDS)
    write(tmp_path / "sft.pt", "sft", **shape)
    argv = [*options("dpo", given, tmp_path / "out", 2), f"--init={tmp_path / 'sft.pt'}"]
    assert call("dpo", argv) == (0, [])
    assert log_of(tmp_path / "out")[0]["config"]["max_len"] == 16
    kept = load_checkpoint(tmp_path / "out" / "ckpt.pt")
    assert kept["train_config"]["max_len"] == 16


def test_words_that_an_option_does_not_make_are_recorded_or_refused(given, tmp_path):
    """Of --init the tokenizer stays; the corpora about in-context learning bring their own."""
    assert call("pretrain", options("pretrain", given, tmp_path / "base", 2))[0] == 0
    begin = [*options("pretrain", given, tmp_path / "on", 2), "--init=" + str(tmp_path / "base")]
    begin[-1] += "/ckpt.pt"
    begin = [word for word in begin if not word.startswith("--vocab_size")]
    code, lines = call("pretrain", [*begin, "--tokenizer=gpt2"])
    assert code == 2 and "has tokenizer=bpe, which stays" in lines[0] and len(lines) == 1
    assert call("pretrain", [*begin, "--tokenizer=bpe"])[0] == 0
    assert call("pretrain", [*begin, "--preset=gpt2", "--pos=rope", "--compile=False"])[0] == 2
    assert log_of(tmp_path / "on")[0]["config"]["tokenizer"] == "bpe"
    argv = [*options("pretrain", given, tmp_path / "ginc", 2), "--data=ginc"]
    code, lines = call("pretrain", argv)
    assert code == 2 and "--vocab_size=280: ginc has vocab_size=" in lines[0]
    argv = [word for word in argv if not word.startswith("--vocab_size")]
    assert call("pretrain", [*argv, "--tokenizer=gpt2"])[0] == 2
    assert call("pretrain", argv)[0] == 0
    config = log_of(tmp_path / "ginc")[0]["config"]
    saved = load_checkpoint(tmp_path / "ginc" / "ckpt.pt")
    n_vocab = len(json.loads(saved["tokenizer"])["vocab"]) + 4
    assert (config["tokenizer"], config["vocab_size"]) == ("ginc", n_vocab)
    assert call("pretrain", ["--resume", f"--out={tmp_path / 'ginc'}", "--steps=3"])[0] == 0


# --- every file operation ------------------------------------------------------------------------


@pytest.mark.parametrize("after", [False, True])
def test_a_run_cut_at_any_rename_goes_on_to_the_same_bits(given, tmp_path, after, monkeypatch):
    """Before or after each rename of a file: then --resume, or, where nothing was saved, again."""
    whole, rename = tmp_path / "whole", files.os.replace
    assert call("sft", options("sft", given, whole, 2))[0] == 0
    for cut_at in range(1, 20):
        count, out = [], tmp_path / f"cut{cut_at}"

        def replace(source, target):
            count.append(0)
            if len(count) == cut_at and not after:
                raise KeyboardInterrupt
            rename(source, target)
            if len(count) == cut_at:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(files.os, "replace", replace)
            code, _ = call("sft", options("sft", given, out, 2))
        if code == 0:
            break
        again = ["--resume", f"--out={out}"]
        again = again if (out / "last.pt").exists() else options("sft", given, out, 2)
        assert call("sft", again) == (0, [])
        assert weights_of(out / "ckpt.pt") == weights_of(whole / "ckpt.pt")
        assert load_checkpoint(out / "ckpt.pt")["finished"]
    assert cut_at == 7  # the log, two saves of two files, the note that it is whole


# --- divergence ----------------------------------------------------------------------------------


@every_stage
def test_a_training_that_diverges_ends_in_one_line_and_saves_nothing_of_it(stage, given, tmp_path):
    code, lines = call(stage, [*options(stage, given, tmp_path), "--lr=1e30"])
    assert code == 2 and len(lines) == 1 and "the training has diverged" in lines[0], lines
    assert "error: step " in lines[0] and "--lr=1e+30" in lines[0]
    assert is_finite(tmp_path)
    found = tmp_path / "ckpt.pt"
    assert not found.exists() or not load_checkpoint(found)["finished"]


def test_ppo_with_a_huge_price_of_kl_diverges_in_one_line(given, tmp_path):
    code, lines = call("ppo", [*options("ppo", given, tmp_path), "--beta=1e38"])
    assert code in (0, 2) and len(lines) == (code == 2) and is_finite(tmp_path)


def test_weights_that_are_no_numbers_are_not_used(given, tmp_path):
    whole = load_checkpoint(given / "sft.pt")
    broken = {k: v.clone() for k, v in whole["model"].items()}
    broken["wte.weight"][0, 0] = float("nan")
    save_checkpoint(tmp_path / "nan.pt", {**whole, "model": broken})
    with pytest.raises(BadInput, match="nan.pt: its weights are not numbers"):
        load_checkpoint(tmp_path / "nan.pt")


# --- damaged and hostile files -------------------------------------------------------------------


def test_a_flipped_byte_is_found_or_changes_no_weight(given):
    assert not flip(given / "sft.pt", 150, random.Random(1))


@pytest.mark.parametrize("program", GIVEN)
def test_a_hostile_checkpoint_ends_in_one_line(program, given):
    assert not hostile(program, given, 8 if program in STAGES else 40, random.Random(1))


@pytest.mark.parametrize(
    "config",
    [{"n_layer": 10**9}, {"vocab_size": 10**12}, {"n_embd": 10**6}, {"block_size": 2**62}]
    + [{"n_layer": 1.0}, {"n_head": float("nan")}, {"pos": "learned"}, {"more": 1}]
    + [{"qk_norm": {}}, {"bias": 1}, {"head": "none"}, {"rotary": "x"}, {"dropout": None}],
)
def test_a_config_of_another_size_than_the_weights_builds_nothing(given, tmp_path, config):
    whole = load_checkpoint(given / "base.pt")
    spoiled = {**whole, "model_config": {**whole["model_config"], **config}}
    save_checkpoint(tmp_path / "huge.pt", spoiled)
    argv = options("sft", given, tmp_path / "out")
    code, lines = call("sft", [*argv, f"--init={tmp_path / 'huge.pt'}"])
    if config == {"block_size": 2**62}:  # of rotary positions no table is made
        return
    assert code == 2 and len(lines) == 1 and "huge.pt" in lines[0]


def test_a_tensor_that_claims_more_than_it_holds_is_refused(given, tmp_path):
    whole = load_checkpoint(given / "base.pt")
    huge = torch.zeros(1).expand(10**6, 10**5)
    save_checkpoint(tmp_path / "huge.pt", {**whole, "model": {**whole["model"], "x": huge}})
    with pytest.raises(BadInput, match="is no weight"):
        load_checkpoint(tmp_path / "huge.pt")


def test_a_file_with_another_number_of_records_than_were_written_is_refused(tmp_path):
    path = tmp_path / "comparisons.jsonl"
    path.write_text("{}\n" * 3, encoding="utf-8")
    check_whole(path)  # nobody says how many there were
    (tmp_path / "log.jsonl").write_text('{"config": {}}\n{"comparisons": 3}\n', encoding="utf-8")
    check_whole(path)
    path.write_text("{}\n" * 2, encoding="utf-8")
    with pytest.raises(BadInput, match="holds 2 records, and .* says that 3 were written"):
        check_whole(path)


# --- options -------------------------------------------------------------------------------------


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_option_at_its_limits_is_refused_in_one_line_or_makes_sense(program):
    options = [*at_limits(program)]
    assert not [found for option in options if (found := refused_or_checked(program, [option]))]


@pytest.mark.parametrize("name", ["temperature", "top_k", "top_p", "max_new_tokens", "seed"])
@pytest.mark.parametrize("value", ["0", "1", "4294967295", "18446744073709551616", "-1", "1e38"])
def test_chat_answers_or_refuses_at_the_limits_of_its_options(name, value, given):
    option = f"--{name}={value}"
    assert not judged(f"chat {option}", *in_this_process(asks("chat", [option], given)))


@pytest.mark.parametrize("name", ["temperature", "top_p"])
@pytest.mark.parametrize("value", ["1e-45", "1e-38", "nan", "inf", ""])
def test_chat_at_the_limits_of_small_numbers(name, value, given):
    option = f"--{name}={value}"
    assert not judged(f"chat {option}", *in_this_process(asks("chat", [option], given)))


@pytest.mark.parametrize(
    "stage, option",
    [
        ("reward", "--batch_size=0"),
        ("reward", "--eval_every=0"),
        ("reward", "--n_prompts=0"),
        ("reward", "--n_eval=0"),
        ("reward", "--seed=18446744073709551616"),
        ("reward", "--max_len=1"),
        ("dpo", "--batch_size=0"),
        ("dpo", "--max_len=0"),
        ("sft", "--max_len=1"),
        ("sft", "--n_eval=0"),
        ("ppo", "--steps=0"),
        ("ppo", "--ema=1.5"),
        ("pretrain", "--n_layer=100000"),
        ("pretrain", "--n_embd=4000000"),
    ],
)
def test_options_that_make_no_training_are_refused_before_it(stage, option, given, tmp_path):
    code, lines = call(stage, [*options(stage, given, tmp_path / "out"), option])
    assert code == 2 and len(lines) == 1 and lines[0].startswith("error: ")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("stage, parts", [("reward", 1), ("dpo", 1), ("dpo", 3)])
def test_the_last_batch_of_an_epoch_is_learned_from(stage, parts, given, tmp_path):
    """27 questions, 4 at a time, are 7 steps, the last of 3 questions."""
    argv = [*options(stage, given, tmp_path), "--steps=0", f"--grad_accum={parts}"]
    assert call(stage, argv)[0] == 0
    assert load_checkpoint(tmp_path / "ckpt.pt")["step"] == 7


def test_learned_positions_limit_what_is_read(given, tmp_path):
    """A table of 16 positions, shorter than question and answer: what is longer loses its left."""
    shape = dict(n_layer=1, n_head=1, n_embd=16, block_size=16, pos="learned", tokenizer=WORDS)
    write(tmp_path / "sft.pt", "sft", **shape)
    write(tmp_path / "reward.pt", "reward", **shape)
    for stage in ("reward", "dpo", "ppo"):
        argv = [*options(stage, given, tmp_path / stage, 2), f"--init={tmp_path / 'sft.pt'}"]
        argv += [f"--reward={tmp_path / 'reward.pt'}", "--max_new_tokens=16"] * (stage == "ppo")
        assert call(stage, argv) == (0, [])


def test_what_is_said_after_ctrl_c_can_be_done():
    assert errors.GO_ON.endswith("--resume")


# --- several processes ---------------------------------------------------------------------------


@pytest.mark.skipif(
    sys.platform == "win32", reason="torchrun's rendezvous is not built for Windows"
)
@pytest.mark.parametrize("stage", ["reward", "dpo"])
def test_two_processes_rank_as_one_where_ties_are_uneven(stage, given, tmp_path):
    """Every third question is a tie, and the last batch of an epoch holds fewer questions."""
    data = with_ties(given, tmp_path, every=3)
    argv = [*options(stage, given, tmp_path / "one", 7), f"--data={data}", "--eval_every=7"]
    assert call(stage, argv) == (0, [])
    done = in_two_processes(f"{stage}.py", *argv, f"--out={tmp_path / 'two'}")
    assert done.returncode == 0, done.stderr[-2000:]
    one, two = (load_checkpoint(tmp_path / name / "last.pt") for name in ("one", "two"))
    assert one["step"] == two["step"] == 7  # last.pt: before reward.py sets the scale
    # The level of the scores is in no pair: its gradient is rounding, which AdamW makes steps of.
    for name in one["model"].keys() - {"scalar_head.bias"}:
        torch.testing.assert_close(two["model"][name], one["model"][name], atol=2e-5, rtol=1e-3)


def test_text_that_is_mixed_in_is_the_same_on_more_processes_than_blocks(given):
    text = PretrainText(str(given / "text.txt"), {"stage": "sft", "parent": None}, WORDS, 1)
    whole, targets = text.get_batch(2, [1, 5], Machine("cpu", torch.float32))
    seen = []
    for rank in range(3):
        x, y = text.get_batch(2, [1, 5], Machine("cpu", torch.float32, rank, 3))
        seen += [(a.tolist(), b.tolist()) for a, b in zip(x, y) if (b >= 0).all()]
        assert rank < 2 or (y == -1).all()
    assert sorted(seen) == sorted(zip(whole.tolist(), targets.tolist()))


# --- the figures ---------------------------------------------------------------------------------

NOTE = Path(__file__).parent.parent / "docs"


def test_the_note_has_the_figures_of_the_record_and_they_are_what_was_asked():
    rows = read_record(NOTE / "records" / "attack.jsonl")
    assert table(rows) in (NOTE / "reliability.md").read_text(encoding="utf-8")
    assert not any(row["found"] for row in rows)
    n = {(row["what"], row["of"]): row["n"] for row in rows}
    assert all(n["kills", stage] >= 50 for stage in STAGES)
    assert all(n["hostile checkpoints", program] >= 300 for program in GIVEN)
    assert all(n["damaged files", reader] >= 10_000 for reader in mutate.READERS)
    assert all(n["options at their limits", program] for program in PROGRAMS)
    assert n["flipped bytes", "checkpoint"] >= 300
