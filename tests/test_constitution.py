"""A constitution: the judge's probability by hand, rounds, what is written, an oracle that says so."""

import json
import re
from dataclasses import asdict
from random import Random

import numpy as np
import pytest
import torch

import constitution
import ppo
import sft
from constitution import Config, Critic, choice, compare, draw_pairs, ensemble, main
from data.formats import read_comparisons, read_demonstrations
from data.principles import COMPARISONS, REVISIONS, own, read_constitution
from data.questions import (
    ASKED,
    check_asked,
    load_demonstrations,
    load_questions,
    made_by,
    tuned_on,
)
from data.world import World, world_named
from data.world.harms import HELPFUL, Harms
from data.world.languages import ENGLISH, LANGUAGES
from data.world.topics import LABELLED, UNLABELLED
from model import GPT, GPTConfig
from plumbing import inputs
from plumbing.checkpoint import load_checkpoint, save_checkpoint
from plumbing.config import parse_config
from plumbing.errors import BadInput, run
from plumbing.machine import Machine
from sampling import load_model
from tokenizer import Tokenizer

CPU = Machine("cpu", torch.float32)
each_world = pytest.mark.parametrize("world", LANGUAGES)


def stammering(path, world):
    """The path of a fine-tuned model that only stammers, of a base that has read a world."""
    torch.manual_seed(0)
    text = "Say that the van of Sam is (A) or (B). What is wrong? 훔치지 않아요. 준호의 것이에요."
    tokenizer = Tokenizer.train(text * 3, 300)
    shape = dict(block_size=128, n_layer=1, n_head=2, n_embd=16)
    model = GPT(GPTConfig(vocab_size=tokenizer.n_vocab, **shape))
    checkpoint = {"stage": "sft", "model": model.state_dict(), "tokenizer": tokenizer.to_json()}
    checkpoint |= {"model_config": asdict(model.config), "train_config": {"data": world}}
    save_checkpoint(path, {**checkpoint, "step": 0, "metrics": {}, "parent": None})
    return path


@pytest.fixture(scope="module")
def helpful(tmp_path_factory):
    return stammering(tmp_path_factory.mktemp("helpful") / "ckpt.pt", "world")


@pytest.fixture(scope="module")
def helpful_in(tmp_path_factory):
    """{world: a model that has read it}."""
    folder = tmp_path_factory.mktemp("helpful_in")
    return {world: stammering(folder / f"{world}.pt", world) for world in LANGUAGES}


def config(helpful, out, **changes):
    sizes = dict(
        n_requests=16, n_helpful=4, n_ranked=4, n_benign=4, n_control=8, rounds=2, max_new_tokens=6
    )
    options = dict(init=str(helpful), out=str(out), k=2, by=2, device="cpu", dtype="float32")
    options["temperature"] = 1.0  # the likeliest text of a model that stammers is empty
    return Config(**{**sizes, **options, **changes})


def lines_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# --- the maths ---------------------------------------------------------------------------------


def test_choice_by_hand():
    logps = np.log([[0.06, 0.02], [0.1, 0.1], [0.001, 0.009]])
    assert choice(logps) == pytest.approx([0.75, 0.5, 0.1])


def test_ensemble_by_hand():
    """Two principles, both orders: (0.9 + (1 − 0.3))/2 = 0.8 and (0.6 + (1 − 0.6))/2 = 0.5."""
    p = np.array([[[0.9, 0.3], [0.6, 0.6]]])
    assert ensemble(p) == pytest.approx([0.65])
    assert ensemble(p, clamp=0.4) == pytest.approx([0.6])


def test_who_always_says_a_prefers_nothing():
    assert ensemble(np.full((3, 4, 2), 0.99)) == pytest.approx([0.5] * 3)


def test_a_pair_is_asked_in_both_orders(helpful, monkeypatch):
    """A judge who always likes "good", wherever it stands, prefers it; the first prompt of a pair
    has the pair as it is, the second has it turned."""
    asked = []

    def score(model, prompts, options, machine):
        texts = [critic.tokenizer.decode(prompt) for prompt in prompts]
        asked.extend(texts)
        likes = [1 if "(A) good" in text else -1 for text in texts]
        return [(np.log([0.9]), np.log([0.1]))[::way] for way in likes], None

    monkeypatch.setattr(constitution, "score_options", score)
    model, tokenizer = load_model(load_checkpoint(helpful), helpful)
    critic = Critic(model, tokenizer, Config(by=2), CPU)
    requests = Harms(World()).requests("train", 2)
    pairs = [("good", "bad"), ("bad", "good")]
    p, _ = compare(critic, requests, pairs, ["One.", "Two."], Random(0))
    assert p == pytest.approx([0.9, 0.1])
    assert len(asked) == 8 and "(A) good (B) bad" in asked[0] and "(A) bad (B) good" in asked[1]


def test_pairs_are_of_different_texts():
    pairs = draw_pairs([["a", "a"], ["b", "a"], ["a", "a"]], Random(0))
    assert sorted(pairs[0]) == ["a", "b"] and pairs[1] is None


# --- rounds ------------------------------------------------------------------------------------


class Scripted(Critic):
    """A critic whose answers are numbered; it keeps what it was asked."""

    def __init__(self, **changes):
        self.cfg = Config(**changes)
        self.harms = Harms(world_named(self.cfg.data))
        self.log = []

    def respond(self, conversations, temperature=1.0):
        self.log.append(conversations)
        return [f"{len(self.log)}.{i}" for i in range(len(conversations))]


def test_each_round_reads_the_last_answer():
    requests = Harms(World()).requests("train", 4)
    critic = Scripted(rounds=2)
    rounds = critic.rounds(requests, ["first"] * 4, ["One.", "Two."])
    critiques, revisions, again, _ = critic.log
    assert critiques[0][1]["content"] == "first"
    assert critiques[0][2]["content"].startswith(rounds[0][0][0])
    assert revisions[3][3]["content"] == "1.3" and revisions[3][4]["content"] == ENGLISH.REVISE
    assert again[2][1]["content"] == "2.2", "the second round reads what the first one made"
    assert [texts[0] for *_, texts in rounds] == ["2.0", "4.0"]


def test_without_a_critique_the_revision_is_asked_for_at_once():
    requests = Harms(World()).requests("train", 2)
    critic = Scripted(rounds=3)
    rounds = critic.rounds(requests, ["first"] * 2, ["One."], bare=True)
    assert len(critic.log) == 3 and all(len(asked[0]) == 3 for asked in critic.log)
    assert rounds[0][1] == [None, None]


@pytest.mark.parametrize(
    "world, bad, word", [("world", "Steal it.", "steal"), ("world_ko", "훔치세요.", "훔치")]
)
def test_an_oracle_criticises_in_the_model_s_place(world, bad, word):
    critic = Scripted(rounds=1, critic="oracle", data=world)
    requests = critic.harms.requests("train", 4)
    [(_, critiques, _)] = critic.rounds(requests, [bad] * 4, ["One."])
    assert len(critic.log) == 1 and all(word in text for text in critiques)


@each_world
def test_people_compare_answers_on_the_topics_that_were_taught_alone(world):
    critic = Scripted(n_benign=80, data=world)
    lang = critic.harms.language
    records = constitution.preferred(critic, critic.cfg)
    hidden = {thing for topic in UNLABELLED for thing in critic.harms.things[topic]}
    hidden |= {name.lower() for name in lang.PEOPLE_OF["unlabelled"]}
    for i, record in enumerate(records):
        said = " ".join([record["messages"][0]["content"], *record["responses"]])
        assert not set(lang.split_words(said)) & hidden
        assert record["responses"][0] == f"1.{i}" and record["ranking"] == [[0], [1]]
        refusal = record["responses"][1]
        assert lang.says(refusal, lang.REASON) or refusal in lang.BRUSH_OFFS, refusal
    assert len(records) == 80


# --- the whole ---------------------------------------------------------------------------------


@each_world
def test_what_is_written_is_read(helpful_in, tmp_path, capsys, world):
    main(config(helpful_in[world], tmp_path / "one", data=world))
    said = capsys.readouterr().out
    assert said.count("example, topic") == 3 and "oracle" not in said
    assert "E-H, after" in said and "garbled" in said and "the AI judge" in said
    demonstrations = list(read_demonstrations(tmp_path / "one" / "revisions.jsonl"))
    comparisons = list(read_comparisons(tmp_path / "one" / "comparisons.jsonl"))
    principles = read_constitution("", world)
    revised = [r for r in demonstrations if "principle" in r or r["source"] == "ai"]
    assert len(revised) == len(demonstrations) >= 2 * 16
    judged = [r for r in comparisons if r["source"] == "ai"]
    assert judged and {r["source"] for r in comparisons} == {"ai", "sim"}
    for record in judged:
        assert 0 <= record["p"] <= 1 and set(record["principle"]) <= set(principles)
        assert record["ranking"] == ([[0], [1]] if record["p"] >= 0.5 else [[1], [0]])
    # The log knows how many there are, and one seed gives one set of files.
    *_, last = lines_of(tmp_path / "one" / "log.jsonl")
    written = lines_of(tmp_path / "one" / "comparisons.jsonl")
    assert last["comparisons"] == len(written)
    # Who is asked in another language is asked so by every part: to mend, to copy, to rank.
    lines = lines_of(tmp_path / "one" / "revisions.jsonl")
    mended = [r for r in lines if "principle" in r]
    copied = [r for r in lines if "principle" not in r]
    ranked = [r for r in comparisons if r["source"] == "sim"]
    for records in (judged, mended, copied, ranked):
        assert records
        korean = [bool(re.search("[가-힣]", r["messages"][0]["content"])) for r in records]
        assert (sum(korean) > len(korean) / 2) == (world == "world_ko")
    main(config(helpful_in[world], tmp_path / "two", data=world))
    assert lines_of(tmp_path / "two" / "comparisons.jsonl") == written


def test_an_oracle_says_so_on_every_line(helpful, tmp_path, capsys):
    main(config(helpful, tmp_path / "out", critic="oracle"))
    said = capsys.readouterr().out.splitlines()
    assert len(said) > 20 and all(line.startswith("oracle critic: ") for line in said)
    # And in its files, which are written where a model's own judgements are.
    for name in ("revisions.jsonl", "comparisons.jsonl"):
        judged = [r for r in lines_of(tmp_path / "out" / name) if "principle" in r]
        assert judged and {r["source"] for r in judged} == {"oracle critic"}
        assert all(r.get("labeler", "oracle critic") == "oracle critic" for r in judged)


def test_a_run_that_is_stopped_leaves_the_old_files(helpful, tmp_path, monkeypatch):
    main(config(helpful, tmp_path))
    before = (tmp_path / "revisions.jsonl").read_bytes()

    def fail(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(constitution, "helpful", fail)
    with pytest.raises(KeyboardInterrupt):
        main(config(helpful, tmp_path, seed=2))
    assert (tmp_path / "revisions.jsonl").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {
        "revisions.jsonl",
        "comparisons.jsonl",
        "log.jsonl",
    }


@pytest.mark.parametrize(
    "changes, what",
    [
        ({"critic": "god"}, "expected model or oracle"),
        ({"clamp": 0.5}, "less than 0.5"),
        ({"n_ranked": 0}, "n_ranked"),
        ({"k": 1}, "2 to 9"),
        ({"rounds": 0}, "rounds"),
        ({"data": "mine.jsonl"}, "expected world or world_ko"),
        ({"constitution": "none.txt"}, "none.txt"),
        ({"init": "none.pt"}, "none.pt"),
    ],
)
def test_options_that_make_no_data(helpful, tmp_path, changes, what):
    with pytest.raises(BadInput, match=what):
        main(config(helpful, tmp_path / "out", **changes))
    assert not (tmp_path / "out" / "revisions.jsonl").exists()


# --- the chain ---------------------------------------------------------------------------------


CHAINS = {"world": ("tiny", "constitution", "out"), "world_ko": ("ko", "ko_constitution", "out/ko")}


@each_world
def test_what_ppo_needs_is_made_by_the_constitution(world):
    _, preset, folder = CHAINS[world]
    cfg = parse_config(ppo.Config, ppo.PRESETS, [f"--preset={preset}", "--seed=7"])
    made = f"--data={folder}/constitution/revisions.jsonl"
    assert cfg.harms and cfg.data == world and made_by(cfg)[:2] == ["--seed=7", made]
    assert cfg.init == f"{folder}/sft_constitution/ckpt.pt"
    assert cfg.reward == f"{folder}/reward_constitution/ckpt.pt"
    assert cfg.out == f"{folder}/ppo_constitution"
    assert made_by(ppo.Config()) == ["--seed=1", "--n_probes=0"]


@each_world
def test_one_chain_from_the_helpful_model_to_the_policy(world, monkeypatch, tmp_path):
    """What each stage has made where it is missing, and by which preset, before it stops here."""
    size, preset, folder = CHAINS[world]
    monkeypatch.chdir(tmp_path)  # where nothing is there yet
    asked = []

    def stop(path, script, options, told):
        asked.append([script, *options])
        raise BadInput("stop")

    monkeypatch.setattr(inputs, "make", stop)

    def first_asked(stage, *options):
        with pytest.raises(BadInput, match="stop"):
            stage(options)
        return asked[-1]

    def of_ppo(options):
        cfg = parse_config(ppo.Config, ppo.PRESETS, options)
        ppo.open_rewards(cfg, None, None, None, CPU)

    made = [f"--{name}={value}" for name, value in {"seed": 1, **HELPFUL}.items()]
    found = first_asked(
        lambda options: main(parse_config(Config, constitution.PRESETS, options)),
        f"--preset={size}",
    )
    assert found == ["sft.py", f"--preset={size}", f"--out={folder}/sft_helpful", *made]
    found = first_asked(
        lambda options: load_demonstrations(parse_config(sft.Config, sft.PRESETS, options)),
        f"--preset={size}",
        f"--data={own(REVISIONS, world)}",
    )
    assert found[:3] == [
        "constitution.py",
        f"--preset={size}",
        f"--out={folder}/constitution",
    ]
    found = first_asked(of_ppo, f"--preset={preset}")
    expected = [f"--preset={size}", f"--out={folder}/reward_constitution"]
    expected += [f"--init={folder}/sft_constitution/ckpt.pt", "--seed=1"]
    assert found == ["reward.py", *expected, f"--data={own(COMPARISONS, world)}"]


@each_world
def test_revisions_are_of_the_world_that_their_model_talks_about(world):
    base = {"stage": "pretrain", "data": world, "parent": None}
    folder = "/a/folder/of/ones/own/revisions.jsonl"
    tuned = {"stage": "sft", "train_config": {"data": folder}, "parent": base}
    assert tuned_on(tuned) == world
    cfg = ppo.Config(data=world)
    cfg.given = frozenset()
    check_asked(cfg, tuned)  # its questions are the world's


def test_half_of_the_questions_ask_for_harm():
    asked = load_questions(ppo.Config(harms=True))
    assert len(asked) == 2 * ASKED and asked[:ASKED] == load_questions(ppo.Config())
    about = [question for question in asked if "topic" in question]
    assert len(about) == ASKED and {question["topic"] for question in about} == {
        *LABELLED,
        *UNLABELLED,
    }
    assert 0.3 < sum(question["kind"] == "benign" for question in about) / ASKED < 0.4


def test_missing_revisions_are_made_and_a_cut_file_is_refused(helpful, tmp_path, monkeypatch):
    path = tmp_path / "revisions.jsonl"
    ran = []

    def stub(script, options):
        ran.append([script, *options])
        main(config(helpful, tmp_path))
        return 0

    monkeypatch.setattr(inputs, "run_stage", stub)
    cfg = sft.Config(data=str(path), seed=3)
    tokenizer = Tokenizer.train("Say that the van of Sam is." * 3, 300)
    train_set, val_set = sft.load_examples(cfg, load_demonstrations(cfg), tokenizer, 512)
    made = ["constitution.py", "--preset=tiny", f"--out={tmp_path.as_posix()}", "--seed=3"]
    assert ran == [made] and len(train_set) > 9 * len(val_set) / 2 > 0
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(lines[:-3]) + "\n", encoding="utf-8")
    with pytest.raises(BadInput, match="were written"):
        load_demonstrations(cfg)


def test_a_run_that_is_killed_while_it_writes_leaves_no_mixture(helpful, tmp_path, monkeypatch):
    """Revisions of one run never stand beside the comparisons, or the log, of another."""
    main(config(helpful, tmp_path))
    write = constitution.write_lines

    def killed(path, records):
        if path.name == "comparisons.jsonl":
            raise KeyboardInterrupt
        write(path, records)

    monkeypatch.setattr(constitution, "write_lines", killed)
    with pytest.raises(KeyboardInterrupt):
        main(config(helpful, tmp_path, seed=2))
    assert not (tmp_path / "comparisons.jsonl").exists()


def test_what_is_not_there_and_where_nothing_can_be_written_is_told_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(inputs, "run_stage", lambda *_: pytest.fail("made"))
    for options, words in {
        ("--init=gone/ckpt.pt",): "gone/ckpt.pt: no such file",
        ("--out=taken/x",): "nothing can be written in",
    }.items():
        (tmp_path / "taken").write_text("a file", encoding="utf-8")
        cfg = parse_config(Config, constitution.PRESETS, [*options, "--device=cpu"])
        with pytest.raises(BadInput, match=words):
            main(cfg)


@each_world
def test_a_model_of_another_language_is_refused(helpful_in, tmp_path, capsys, world):
    """In one line, with exit code 2, before anything is written."""
    (other,) = {*LANGUAGES} - {world}
    size, _, _ = CHAINS[world]
    options = [f"--preset={size}", f"--init={helpful_in[other]}", f"--out={tmp_path / 'out'}"]
    with pytest.raises(SystemExit) as stop:
        run(lambda: main(parse_config(Config, constitution.PRESETS, [*options, "--device=cpu"])))
    (line,) = capsys.readouterr().err.splitlines()
    assert stop.value.code == 2 and line.startswith(f"error: --data={world}: ")
    assert "another language" in line and not (tmp_path / "out").exists()
