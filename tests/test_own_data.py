"""People's own data, from the first command to a measured model: no stage asks the world's questions
in their place, and --eval measures without training or writing."""

import json
import re

import pytest

import dpo
import ppo
import pretrain
import reward
import rules
import sft
from data import comparisons
from data.corpora import read_corpus
from data.questions import check_asked, epochs, load_questions, made_base, small_text, tuned_on
from plumbing.checkpoint import load_checkpoint, save_checkpoint
from plumbing.config import parse_config
from plumbing.errors import BadInput
from plumbing.inputs import digest, digests, refuse_changed
from tests.tiny_out import write

PARTS = ("router", "printer", "laptop", "camera")
ROWS = [(f"My {part} number {i} is slow.", f"Restart the {part}.") for part in PARTS for i in "123"]


@pytest.fixture
def csv(tmp_path):
    path = tmp_path / "support.csv"
    lines = ["question,answer", *(f'"{q}","{a}"' for q, a in ROWS)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def ranked(tmp_path):
    path = tmp_path / "ranked.jsonl"
    lines = []
    for question, answer in ROWS:
        messages = [{"role": "user", "content": question}]
        record = {"messages": messages, "responses": [answer, "No."], "ranking": [[0], [1]]}
        lines.append(json.dumps(record))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def train(stage, *options):
    tiny = ["--device=cpu", "--dtype=float32", "--eval_every=2"]
    return stage.train(parse_config(stage.Config, stage.PRESETS, [*options, *tiny]))


def listing(folder):
    """Every file under a folder and what is in it."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def nothing_is_made(folder, monkeypatch):
    """Work in a folder; a stage that is begun to make a missing input fails the test."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr("plumbing.inputs.run_stage", lambda *command: pytest.fail("made"))


# --- what is read --------------------------------------------------------------------------------


def test_demonstrations_are_pretrained_on_as_transcripts(csv, tmp_path):
    text = read_corpus(csv)
    assert text.startswith("User: My router number 1 is slow.\nBot: Restart the router.\n\nUser: ")
    assert "question,answer" not in text and text.count("Bot:") == len(ROWS)
    rows = [json.dumps({"instruction": q, "output": a}) for q, a in ROWS]
    (tmp_path / "alpaca.jsonl").write_text("\n".join(rows), encoding="utf-8")
    assert read_corpus(tmp_path / "alpaca.jsonl") == text
    (tmp_path / "texts.csv").write_text("text,question\none,two\n", encoding="utf-8")
    assert read_corpus(tmp_path / "texts.csv") == "one\n", "a column of texts is the text"


def test_ppo_asks_what_sft_was_tuned_on(csv):
    parent = {"train_config": {"data": str(csv)}}
    cfg = ppo.Config()
    asked = [record["messages"][0]["content"] for record in load_questions(cfg, parent)]
    assert asked == [question for question, _ in ROWS] and cfg.data == str(csv)
    cfg = ppo.Config(data="world")
    assert "answers" in load_questions(cfg, parent)[0]
    for data in ("world", "out/constitution/revisions.jsonl", None):
        assert tuned_on({"train_config": {"data": data}}) == "world"
    with pytest.raises(BadInput, match="not here any more"):
        load_questions(ppo.Config(), {"train_config": {"data": "gone.csv"}})


def test_simulated_labelers_rank_no_answers_of_ones_own(csv):
    parent = {"train_config": {"data": str(csv)}}
    cfg = parse_config(reward.Config, reward.PRESETS, [])
    with pytest.raises(BadInput, match=r"chat\.py out/sft/ckpt\.pt --label"):
        check_asked(cfg, parent)
    check_asked(parse_config(reward.Config, reward.PRESETS, ["--data=world"]), parent)
    check_asked(cfg, {"train_config": {"data": "world"}})


def test_a_base_of_ones_own_stands_beside_what_is_tuned(csv, tmp_path):
    def config(*options):
        return parse_config(sft.Config, sft.PRESETS, [f"--out={tmp_path}/own", *options])

    cfg = config(f"--pretrain_on={csv}")
    few = ["--steps=100", "--dropout=0.2"]  # of a text that is read twenty times soon
    assert made_base(cfg) == ["--seed=1", f"--data={csv}", *few]
    (tmp_path / "large.txt").write_text("word " * 200_000, encoding="utf-8")
    assert small_text(tmp_path / "large.txt") == [] == small_text("nowhere.txt")
    assert cfg.init == f"{tmp_path}/own_base/ckpt.pt"
    write(tmp_path / "own_base/ckpt.pt", "pretrain", data="other.txt")
    with pytest.raises(BadInput, match=r"of other\.txt"):
        made_base(config(f"--pretrain_on={csv}"))
    with pytest.raises(BadInput, match="one of the two"):
        made_base(config(f"--pretrain_on={csv}", "--init=x.pt"))
    assert made_base(config()) == ["--seed=1"]


@pytest.mark.parametrize("stage", [sft, reward, dpo, ppo])
def test_a_mistake_in_the_data_is_told_before_a_base_is_made(stage, csv, ranked, monkeypatch):
    nothing_is_made(csv.parent, monkeypatch)
    (csv.parent / "broken.csv").write_text("question,answer\nWhere?\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"broken\.csv, line 2"):
        train(stage, "--data=broken.csv")
    data = csv if stage in (sft, ppo) else ranked
    with pytest.raises(BadInput, match=r"^gone/ckpt\.pt: no such file.*moved or misspelt"):
        train(stage, "--init=gone/ckpt.pt", f"--data={data}")


@pytest.mark.parametrize(
    "stage, options, words",
    [
        (sft, ["--init=gone/ckpt.pt"], "gone/ckpt.pt: no such file"),
        (pretrain, ["--init=gone/ckpt.pt"], "gone/ckpt.pt: no such file"),
        (reward, ["--init=gone/ckpt.pt"], "gone/ckpt.pt: no such file"),
        (dpo, ["--init=gone/ckpt.pt"], "gone/ckpt.pt: no such file"),
        (rules, ["--init=gone/ckpt.pt"], "gone/ckpt.pt: no such file"),
        (ppo, ["--init=gone/ckpt.pt"], "gone/ckpt.pt: no such file"),
        (ppo, ["--reward=gone/ckpt.pt"], "gone/ckpt.pt: no such file"),
        (ppo, ["--preset=sparrow", "--rules=gone/ckpt.pt"], "gone/ckpt.pt: no such file"),
        (ppo, ["--init=out/ko/sft/ckpt.pt"], "out/ko/sft/ckpt.pt: no such file"),
        (ppo, ["--reward=mine:score"], "--reward=mine:score: No module"),
        (ppo, ["--reward=none"], "leaves nothing to learn from"),
        (ppo, ["--mix_data=gone.txt"], "--mix_data=gone.txt: no such file"),
        (ppo, ["--knowledge=gone.tsv"], "--knowledge=gone.tsv"),
        (sft, ["--mix_data=gone.txt"], "--mix_data=gone.txt: no such file"),
        (dpo, ["--data=gone/comparisons.jsonl"], "gone/comparisons.jsonl not found"),
        (sft, ["--data=gone/revisions.jsonl"], "gone/revisions.jsonl not found"),
        (reward, ["--data=out/reward/comparisons.jsonl"], "comparisons.jsonl not found"),
        (rules, ["--data=broken.csv"], "broken.csv"),
        (rules, ["--rules_file=rules.txt", "--data=marks.jsonl"], "marks.jsonl, line 1"),
    ],
)
def test_what_is_not_there_is_told_before_anything_is_made(stage, options, words, csv, monkeypatch):
    nothing_is_made(csv.parent, monkeypatch)
    (csv.parent / "broken.csv").write_text("question,answer\nWhere?\n", encoding="utf-8")
    (csv.parent / "rules.txt").write_text("mild: Stay mild.\n", encoding="utf-8")
    said = [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Go."}]
    mark = json.dumps({"messages": said, "rules": {"strict": "kept"}})
    (csv.parent / "marks.jsonl").write_text(mark + "\n", encoding="utf-8")
    with pytest.raises(BadInput, match=re.escape(words)):
        train(stage, *options)
    assert not (csv.parent / "out").exists()


@pytest.mark.parametrize("stage", [sft, reward, dpo, rules, ppo])
def test_the_path_of_the_preset_is_made_typed_or_not(stage, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = []

    def stub(script, options):
        made.append(options)
        return 3

    monkeypatch.setattr("plumbing.inputs.run_stage", stub)
    with pytest.raises(BadInput, match="exit code 3"):
        train(stage, f"--init={stage.Config.init}")
    with pytest.raises(BadInput, match="exit code 3"):
        train(stage)
    assert made[0] == made[1]


@pytest.mark.parametrize(
    "options, words",
    [
        (["--rules_weight=2"], "--rules_weight=2.0 does nothing without --rules"),
        (["--ptx=0", "--mix_data=world"], "--mix_data=world does nothing with --ptx=0"),
        (["--beta=0", "--target_kl=6"], "--target_kl=6.0 does nothing with --beta=0"),
        (["--ema=1"], "--ema=1: expected at most 0.99"),
        (["--k=4"], "--k=4 does nothing where a value network"),
        (["--advantage=group", "--lam=0.9"], "--lam=0.9 does nothing with --advantage=group"),
        (["--advantage=loo", "--value_lr=0.1"], "--value_lr=0.1 does nothing with"),
        (["--data=support.csv", "--harms"], "--harms=True does nothing with questions of a file"),
        (["--data=support.csv", "--reward=judge"], "--reward=judge knows the questions"),
    ],
)
def test_an_option_of_ppo_that_does_nothing_is_refused(options, words, csv, monkeypatch):
    nothing_is_made(csv.parent, monkeypatch)
    with pytest.raises(BadInput, match=re.escape(words)):
        train(ppo, *options)


@pytest.mark.parametrize(
    "stage, typed, idle",
    [
        (sft, ["--n_demos=9", "--n_harms=2"], ["--n_demos", "--n_harms"]),
        (reward, ["--k=3", "--n_eval=2"], ["--k", "--n_eval"]),
        (rules, ["--n_marks=20"], ["--n_marks"]),
        (sft, [], None),
    ],
)
def test_numbers_of_the_world_are_told_where_a_file_is_learned_from(
    stage, typed, idle, csv, ranked, tmp_path
):
    parent = write(tmp_path / "parent/ckpt.pt", "pretrain" if stage is sft else "sft")
    data = csv if stage is sft else ranked
    if stage is rules:
        data = tmp_path / "marks.jsonl"
        lines = []
        for i, (question, said) in enumerate(ROWS * 3):
            turns = [{"role": "user", "content": question}, {"role": "assistant", "content": said}]
            mark = ("kept", "broken")[i % 2]
            lines.append(json.dumps({"messages": turns, "rules": {"insult": mark}}))
        data.write_text("\n".join(lines) + "\n", encoding="utf-8")
    options = [f"--init={parent}", f"--data={data}", f"--out={tmp_path}/out", "--steps=1"]
    options += ["--pretrain_mix=0"] * (stage is sft)
    train(stage, *options, *typed)
    head = json.loads((tmp_path / "out/log.jsonl").read_text(encoding="utf-8").splitlines()[0])
    counts = [told["idle_options"] for told in head["told"] if "idle_options" in told]
    assert counts == ([idle] if idle else [])


def test_a_text_that_is_not_there_leaves_the_run_before_where_it_is(csv, tmp_path):
    start = write(tmp_path / "sft/ckpt.pt", "sft", data=str(csv))
    score = write(tmp_path / "reward/ckpt.pt", "reward")
    older = write(tmp_path / "ppo/ckpt.pt", "ppo")
    before = listing(tmp_path)
    with pytest.raises(BadInput, match="text to mix in"):
        train(ppo, f"--init={start}", f"--reward={score}", f"--out={older.parent}")
    assert listing(tmp_path) == before


def test_a_run_is_not_taken_up_from_another_start_than_its_own(csv, tmp_path, monkeypatch):
    monkeypatch.setattr("plumbing.inputs.run_stage", lambda *command: pytest.fail("made"))
    base = write(tmp_path / "base/ckpt.pt", "pretrain")
    options = [f"--init={base}", f"--data={csv}", "--pretrain_mix=0", f"--out={tmp_path}/sft"]
    train(sft, *options, "--steps=2")
    (tmp_path / "base").rename(tmp_path / "moved")
    with pytest.raises(BadInput, match=r"base/ckpt\.pt, which is not here any more; put it back"):
        train(sft, f"--out={tmp_path}/sft", "--resume", "--steps=3")
    (tmp_path / "moved").rename(tmp_path / "base")
    assert train(sft, f"--out={tmp_path}/sft", "--resume", "--steps=3")


def test_a_run_is_not_taken_up_on_other_data_than_its_own(csv, tmp_path):
    base = write(tmp_path / "base/ckpt.pt", "pretrain")
    options = [f"--init={base}", f"--data={csv}", "--pretrain_mix=0", f"--out={tmp_path}/sft"]
    train(sft, *options, "--steps=2")
    more, text = [f"--out={tmp_path}/sft", "--resume", "--steps=3"], csv.read_text("utf-8")
    csv.write_text(text + "Is it new?,Yes.\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"support\.csv is not what it was when the run"):
        train(sft, *more)
    csv.write_text(text.replace("slow", "fast"), encoding="utf-8")
    with pytest.raises(BadInput, match=r"support\.csv is not what it was"):
        train(sft, *more)  # of the same size
    csv.rename(tmp_path / "moved.csv")
    with pytest.raises(BadInput, match=r"support\.csv, which is not here any more"):
        train(sft, *more)
    csv.write_text(text, encoding="utf-8")
    write(tmp_path / "base/ckpt.pt", "pretrain", seed=5)
    with pytest.raises(BadInput, match=r"base/ckpt\.pt is not what it was"):
        train(sft, *more)
    write(tmp_path / "base/ckpt.pt", "pretrain")
    last = load_checkpoint(tmp_path / "sft/last.pt")
    del last["inputs"]  # as an earlier edition wrote it
    save_checkpoint(tmp_path / "sft/last.pt", last)
    assert train(sft, *more)


def test_each_file_that_a_run_reads_is_known_again(csv, ranked, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "world").write_text("no input: --data=world is the world's", encoding="utf-8")
    for name in ("a.jsonl", "b.jsonl", "rules.txt", "facts.tsv"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    cfg = reward.Config(data="a.jsonl,b.jsonl", init="")
    assert [*digests(cfg, None)] == ["a.jsonl", "b.jsonl"]
    assert [*digests(rules.Config(data="a.jsonl", rules_file="rules.txt"), None)] == [
        "a.jsonl",
        "rules.txt",
    ]
    base = {"stage": "pretrain", "train_config": {"data": "b.jsonl"}}
    cfg = ppo.Config(knowledge="facts.tsv", data="world", init=str(csv))
    assert [*digests(cfg, base)] == [csv.as_posix(), "b.jsonl", "facts.tsv"]
    saved = {"inputs": digests(cfg, base)}
    refuse_changed(saved, "out/ppo")
    (tmp_path / "facts.tsv").write_text("FACTS.TSV", encoding="utf-8")
    with pytest.raises(BadInput, match=r"facts\.tsv is not what it was"):
        refuse_changed(saved, "out/ppo")


def test_the_digest_of_a_large_file_sees_its_size_and_parts_of_it(tmp_path, monkeypatch):
    monkeypatch.setattr("plumbing.inputs.WHOLE", 0)
    path = tmp_path / "large"
    path.write_bytes(bytes(3 << 20))
    first = digest(path)
    assert digest(path) == first
    path.write_bytes(bytes((3 << 20) - 1) + b"x")
    last = digest(path)
    path.write_bytes(bytes((3 << 20) + 1))
    assert len({first, last, digest(path)}) == 3


def test_labels_that_nobody_wrote_yet_name_the_command_that_does(csv, monkeypatch):
    monkeypatch.chdir(csv.parent)
    with pytest.raises(BadInput, match=r"chat\.py CHECKPOINT --label"):
        comparisons.load("out/labels/comparisons.jsonl")


def test_notes_on_data_that_is_read_twice_are_said_once_and_logged(
    csv, tmp_path, monkeypatch, capsys
):
    """Before a missing base is made the data is read, and again to learn from it."""

    def base(script, options):
        write(tmp_path / "out/pretrain/ckpt.pt", "pretrain")
        return 0

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("plumbing.inputs.run_stage", base)
    rows = [{"question": q, "answer": a} for q, a in (*ROWS, ("Why?", ""))]
    path = tmp_path / "noted.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    train(sft, f"--data={path}", "--steps=1", "--pretrain_mix=0", f"--out={tmp_path}/tuned")
    assert capsys.readouterr().out.count("1 records skipped") == 1
    head = json.loads((tmp_path / "tuned/log.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert [told["skipped"] for told in head["told"] if "skipped" in told] == [1]


# --- what is told --------------------------------------------------------------------------------


def test_the_base_is_named_and_so_is_one_that_fits(csv, tmp_path, capsys):
    base = write(tmp_path / "base/ckpt.pt", "pretrain")
    options = [f"--init={base}", f"--data={csv}", "--steps=2", "--pretrain_mix=0"]
    train(sft, *options, f"--out={tmp_path}/sft")
    told = capsys.readouterr().out
    assert f"base: {base}, stage pretrain, of world" in told and "bits/byte" in told
    assert f"--pretrain_on={csv}" in told and "next\n  talk to it" in told
    assert "\n  base      " in told and "\n  sft       " in told
    options[0] = f"--init={tmp_path}/sft/ckpt.pt"
    train(sft, *options, f"--out={tmp_path}/more")
    told = capsys.readouterr().out
    assert "stage sft" in told and "\n  before    " in told and "\n  base      " not in told


# --- measured and not trained --------------------------------------------------------------------


def measured_again(stage, out, folder, *options):
    """The figures of --eval, which are those of the checkpoint; nothing is written for them."""
    before = listing(folder)
    found = train(stage, "--eval", f"--init={out}/ckpt.pt", *options)
    assert listing(folder) == before
    return found


@pytest.mark.parametrize("stage", [pretrain, sft, reward, dpo])
def test_eval_finds_the_figures_of_the_checkpoint_again(stage, csv, ranked, tmp_path, capsys):
    name = stage.__name__
    parent = write(tmp_path / "parent/ckpt.pt", "pretrain" if stage is sft else "sft", data="gone")
    data = {"pretrain": csv, "sft": csv}.get(name, ranked)
    options = [f"--data={data}", "--steps=2", f"--out={tmp_path}/{name}"]
    if stage is pretrain:
        options += ["--block_size=16", "--n_layer=1", "--n_embd=16", "--n_head=2"]
        options += ["--vocab_size=300", "--batch_size=2"]
    else:
        options += [f"--init={parent}"]
    options += ["--pretrain_mix=0"] * (stage is sft)
    train(stage, *options)
    capsys.readouterr()
    kept = load_checkpoint(tmp_path / name / "ckpt.pt")["metrics"]
    found = measured_again(stage, tmp_path / name, tmp_path)
    assert found == pytest.approx(kept, abs=1e-4)
    assert "nothing is trained" in (told := capsys.readouterr().out) and "held out" in told
    assert "next\n" not in told
    # On other data all of it is measured.
    other = tmp_path / f"other{data.suffix}"
    other.write_text(data.read_text(encoding="utf-8").replace("slow", "hot"), encoding="utf-8")
    again = measured_again(stage, tmp_path / name, tmp_path, f"--data={other}")
    assert again != found and f"on all of {other}" in capsys.readouterr().out


def test_ppo_on_ones_own_questions_and_measured(csv, tmp_path, capsys):
    start = write(tmp_path / "sft/ckpt.pt", "sft", data=str(csv))
    score = write(tmp_path / "reward/ckpt.pt", "reward")
    options = [f"--init={start}", f"--reward={score}", f"--out={tmp_path}/ppo", "--ptx=0"]
    options += ["--steps=1", "--batch_size=4", "--minibatch=4", "--max_new_tokens=4"]
    train(ppo, *options)
    told = capsys.readouterr().out
    assert f"4 questions of {csv}, sampled: mean reward" in told
    assert "My router number 1 is slow." in told and "\n  sft  " in told and "\n  ppo  " in told
    log = (tmp_path / "ppo/log.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(log[0])["config"]["data"] == str(csv)
    own = json.loads(log[-1])["own"]
    before = listing(tmp_path)
    train(ppo, "--eval", f"--init={tmp_path}/ppo/ckpt.pt")
    assert listing(tmp_path) == before
    told = capsys.readouterr().out
    assert f"ppo  {own['ppo']['reward']:+.2f}" in told, "the same draws, the same reward"


@pytest.mark.parametrize(
    "options, words",
    [
        (["--eval", "--resume"], "one of the two"),
        (["--eval", "--init=nowhere.pt"], "no such file"),
        (["--log=xml"], "csv or tensorboard"),
        (["--eval", "--export=hf"], "--export=hf writes, and --eval does not"),
        (["--eval", "--log=csv"], "--log=csv writes, and --eval does not"),
        (["--pretrain_mix=0", "--mix_rows=4"], "--mix_rows=4 does nothing with --pretrain_mix=0"),
        (["--export=onnx"], "expected hf"),
    ],
)
def test_bad_options_end_in_one_line(options, words, tmp_path):
    with pytest.raises(BadInput, match=words):
        train(sft, *options, f"--out={tmp_path}/x")
    assert not (tmp_path / "x").exists()


def test_a_folder_that_cannot_be_written_is_refused_before_any_work(csv, tmp_path, monkeypatch):
    monkeypatch.setattr("plumbing.inputs.run_stage", lambda *command: pytest.fail("made"))
    options = [f"--init={tmp_path}/none.pt", "--data=world"]
    with pytest.raises(BadInput, match="nothing can be written in .*support.csv; give another"):
        train(sft, *options, f"--out={csv}/x")
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(BadInput, match=f"nothing can be written in {tmp_path}; give another"):
        train(sft, *options, f"--out={tmp_path}/new/x")
    assert not (tmp_path / "new").exists()


def test_a_reward_that_keeps_its_words_is_refused_before_any_work(tmp_path):
    with pytest.raises(BadInput, match="--alpha=0"):
        train(reward, "--export=hf", "--data=nowhere.jsonl", f"--out={tmp_path}/x")


def test_eval_beside_a_start_that_was_moved_says_what_to_do(ranked, tmp_path):
    parent = write(tmp_path / "sft/ckpt.pt", "sft")
    train(dpo, f"--init={parent}", f"--data={ranked}", "--steps=2", f"--out={tmp_path}/dpo")
    (tmp_path / "sft").rename(tmp_path / "moved")
    with pytest.raises(BadInput, match=r"sft/ckpt\.pt, which is not here any more; put it back"):
        train(dpo, "--eval", f"--init={tmp_path}/dpo/ckpt.pt")


def test_eval_measures_another_stages_words(csv, tmp_path, capsys):
    policy = write(tmp_path / "ppo/ckpt.pt", "ppo")
    found = train(sft, "--eval", f"--init={policy}", f"--data={csv}")
    assert found["val_loss"] > 0 and "\n  ppo       " in capsys.readouterr().out
    with pytest.raises(BadInput, match="stage 'reward'"):
        train(sft, "--eval", f"--init={write(tmp_path / 'r.pt', 'reward')}", f"--data={csv}")


@pytest.mark.parametrize(
    ("options", "per_epoch", "times"),
    [
        ({}, 31, 8),  # 248 steps
        ({}, 2, 16),  # no more often, however few there are
        ({}, 400, 1),
        ({"epochs": 3}, 31, 3),  # what is typed counts
        ({"data": "world"}, 31, 1),
        ({"data": "world_ko"}, 31, 1),
    ],
)
def test_few_demonstrations_are_read_more_often(options, per_epoch, times):
    assert epochs(sft.Config(**{"data": "mine.jsonl", **options}), per_epoch) == times
