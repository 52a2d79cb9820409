"""The documents say what the records say, and each figure in one way."""

import json
import re
from types import SimpleNamespace

import pytest

from data.world.languages import EDITIONS
from data.world.probes import RULES
from lab import harvest, results, tables, tables_pareto, tables_probing, words
from lab.editions import is_earlier
from lab.results import ROOT, documents, figures, fill
from lab.tables import figure, markdown, number, share
from lab.tables_speed import STAGES, duration
from plumbing.config import parse_config
from plumbing.errors import BadInput

PAGES = {path.relative_to(ROOT).as_posix(): (path, text) for path, text in documents().items()}


@pytest.mark.parametrize("name", PAGES)
def test_a_document_is_what_the_records_make(name):
    path, text = PAGES[name]
    assert path.read_bytes() == text.encode("utf-8"), f"{name}: type python -m lab.results"


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("name", results.BLOCKS)
def test_a_block_can_be_made_in_both_languages(name, language):
    text = results.block(name, language)
    assert "{" not in text and "nan" not in text.lower()
    if language == "en":
        assert figures(text) <= figures(PAGES["docs/results.md"][1]) or name not in SECTION_BLOCKS


SECTION_BLOCKS = {name for names in results.SECTIONS.values() for name in names}


def test_every_table_that_asks_the_judge_says_simulated():
    stages = ("questions", "preferences", "reward", "reward_variants", "overoptimisation")
    for name in (*stages, "classifier", "probing"):
        for language, word in (("en", "simulated"), ("ko", "시뮬레이션")):
            text = results.block(name, language)
            assert not text or word in text


def test_every_korean_text_has_the_places_of_the_english_one():
    for english, korean in words.KOREAN.items():
        assert sorted(re.findall(r"{\w+}", english)) == sorted(re.findall(r"{\w+}", korean))


def test_every_record_names_its_seed_its_n_and_its_machine():
    for path in (ROOT / "docs" / "records").glob("*.jsonl"):
        if path.stem == "attack":  # tests/attack.py writes that one, and tests/test_reliability.py
            continue  # reads it
        head, *rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        assert head["records"] == path.stem and rows
        for row in rows:
            assert row["seed"] >= 0 and row["n"] >= 1
            assert re.search(r"torch \d+\.\d+\.\d+$", row["machine"]), row["machine"]


def test_records_of_an_earlier_text_say_so(tmp_path, monkeypatch):
    """Whoever raises the edition of a world makes its records old, and no others."""
    row = {"seed": 1, "n": 1, "machine": "torch 2.0.0"}
    for subject in ("reward", "korean", "bayes"):
        harvest.write(subject, [row], tmp_path)
    paths = {path.stem: path for path in tmp_path.iterdir()}
    assert not any(map(is_earlier, paths.values()))
    monkeypatch.setitem(EDITIONS, "world", EDITIONS["world"] + 1)
    assert [name for name in sorted(paths) if is_earlier(paths[name])] == ["reward"]
    monkeypatch.setitem(EDITIONS, "world_ko", EDITIONS["world_ko"] + 1)
    assert [name for name in sorted(paths) if is_earlier(paths[name])] == ["korean", "reward"]

    monkeypatch.setattr(results, "is_earlier", lambda path: path.stem == "questions")
    for language in ("en", "ko"):
        assert results.block("questions", language).endswith(words.say(results.EARLIER, language))
        assert words.say(results.EARLIER, language) not in results.block("talk", language)
    monkeypatch.setitem(results.BLOCKS, "questions", lambda found, language: "")
    assert results.block("questions", "en") == "", "a note says something of a table, or nothing"


# --- figures -----------------------------------------------------------------------------------


def test_a_figure_is_a_mean_and_half_of_its_interval():
    """Three seeds, by hand: the 95 % point of t with two degrees of freedom is 4.303."""
    assert figure([1.0, 2.0, 3.0]) == "2.00 ± 2.48"
    assert figure([-1.0, -2.0, -3.0], 1, " nat", sign=True) == "−2.0 ± 2.5 nat"
    assert figure([0.5], sign=True) == "+0.50" and figure([2.0, 2.0]) == "2.00"
    assert number(-0.001, 1, sign=True) == "0.0" and number(-0.06, 1) == "−0.1"


def test_a_share_has_a_digit_more_where_it_is_known_better():
    assert share([0.6, 0.7, 0.65]) == "65 ± 12 %"
    assert share([0.001, 0.003, 0.002]) == "0.2 ± 0.2 %"
    assert share([0.0, 0.0]) == "0 %" and share([1.0]) == "100 %"


def test_seconds_are_told_as_people_do():
    assert [duration(s) for s in (45.2, 110, 840, 299)] == [
        "45 s",
        "1 min 50 s",
        "14 min",
        "4 min 50 s",
    ]


def test_a_table_in_markdown():
    assert markdown(["", "a"], [["x", "1"]]) == "| | a |\n| --- | --- |\n| x | 1 |"
    assert markdown(["a", "b", "c"], [["x", "", ""]]).endswith("| x | | |")


def test_the_figures_of_a_text():
    text = "Python 3.10, `1.5`, 82 ± 3 %, +1.29 ± 0.34 and -0.8 nats; 390 questions, 16 %. [a](b-0.1.md)"
    assert figures(text) == {"82 ± 3%", "1.29 ± 0.34", "−0.8", "16%"}
    assert not figures("three seeds, 16,000 comparisons")


@pytest.mark.parametrize("name", ["README.md", "README.ko.md"])
def test_every_figure_of_a_readme_stands_in_the_results(name):
    known = figures(PAGES["docs/results.md"][1])
    assert figures(PAGES[name][1]) - known == set()
    planted = PAGES[name][1] + "\n\n정답률은 12.34 ± 5.67 %입니다.\n"
    assert figures(planted) - known == {"12.34 ± 5.67%"}


def test_a_block_of_a_readme_is_filled(monkeypatch):
    monkeypatch.setattr(results, "block", lambda name, language: f"{name} in {language}")
    text = "a\n<!-- results: tax -->\nold | 1 |\n<!-- end -->\nb\n<!-- results: talk -->\n<!-- end -->\n"
    made = fill(text, "ko")
    assert made == (
        "a\n<!-- results: tax -->\ntax in ko\n<!-- end -->\nb\n<!-- results: talk -->\ntalk in ko\n<!-- end -->\n"
    )
    assert fill(made, "ko") == made


def test_an_unknown_block_is_named():
    with pytest.raises(BadInput, match="taxes: no such block"):
        fill("<!-- results: taxes -->\n<!-- end -->", "en")


# --- records -----------------------------------------------------------------------------------

HEAD = {
    "device": "cpu",
    "dtype": "torch.float32",
    "threads": 1,
    "versions": {"torch": "2.14.1+cpu"},
}


def log(path, *rows, **head):
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in ({**HEAD, **head}, *rows))
    path.write_text(text, encoding="utf-8")


def test_questions_are_taken_from_the_log(tmp_path):
    cell = {"correct": 0.5, "score": 1.0, "n": 13}
    log(
        tmp_path / "seed1/sft/log.jsonl",
        {"step": 0},
        {"results": {"sft": {"test 0-shot sampled": cell}}},
    )
    (row,) = harvest.questions(SimpleNamespace(out=tmp_path), 1)
    assert row["machine"].endswith("1 thread, float32, torch 2.14.1")
    assert (row["seed"], row["model"], row["split"], row["shots"]) == (1, "sft", "test", 0)
    assert (row["decoding"], row["correct"], row["n"]) == ("sampled", 0.5, 13)


def test_which_reward_model_knows_is_taken_from_the_log(tmp_path):
    """Agreement with the judge, and beside it the pairs in which one word is right or wrong."""
    simple = dict.fromkeys(("bag_of_words", "one_labeler", "two_labelers", "length_only"), 0.75)
    known = {"reward": 1.0, "reward_scalar": 0.5, "reward_scalar_few": 0.25}
    for arm, right in known.items():
        worded = {"reward_model": {"all": right, "colour": 0.0}, "sft": {"all": 0.9}, "n": 8}
        details = {**simple, "same_worded": worded, "reliability": [{"pairs": 300}, {"pairs": 100}]}
        rows = {"judge_accuracy": 0.8, "val_accuracy": 0.7}, {"details": details}
        log(tmp_path / f"seed1/{arm}/log.jsonl", *rows, config={"n_prompts": 60})
    rows = harvest.reward(SimpleNamespace(out=tmp_path), 1)
    text = tables.reward({"reward": rows}, "en")
    assert "about 400 pairs a seed" in text and "to each of 8 questions" in text
    assert "| reward model, 60 questions ranked | 80 % | 100 % |" in text
    assert "| InstructGPT's scalar alone, 60 questions | 80 % | 50 % |" in text
    assert "| a bag of words | 75 % | |" in text
    assert "| the SFT model's likelihood, nothing learned | | 90 % |" in text


def test_what_a_prompt_gains_is_taken_from_the_log(tmp_path):
    """A base that is right in 1 of 4, with a prompt in 3, and what learned from it in 2 without:
    half of the gain is kept."""
    results = {
        model: {"test 0-shot greedy": {"correct": share, "score": 0.0, "n": 4}}
        for model, share in (("base", 0.25), ("sft", 0.5))
    }
    log(tmp_path / "seed1/distilled/log.jsonl", {"results": results, "prompted": 0.75})
    (row,) = harvest.distilled(SimpleNamespace(out=tmp_path), 1)
    assert (row["base"], row["prompted"], row["sft"], row["n"]) == (0.25, 0.75, 0.5, 4)
    text = tables_pareto.distilled({"distilled": [row]}, "en")
    assert "gains 50.0 % stays" in text and "| the base model with a prompt | 75.0 |" in text


def test_the_variants_of_the_reward_model_are_taken_from_their_table(tmp_path, monkeypatch):
    """The test's, not what was chosen on dev; and a page without them is a page."""
    cfg = SimpleNamespace(out=tmp_path, seeds=1)
    monkeypatch.setattr(
        harvest, "OF_EACH_SEED", {"reward_variants": harvest.measured("reward_variants", "reward")}
    )
    monkeypatch.setattr(harvest, "OF_EACH_MACHINE", {})
    monkeypatch.setattr(harvest, "OF_ALL_SEEDS", {})
    log(tmp_path / "seed1/reward/log.jsonl")
    found = {"seed": 1, "arm": "words", "same_worded": 0.99, "judge": 0.9, "n": 390, "judged": 1906}
    log(tmp_path / "reward_variants_dev.jsonl", found)
    assert "reward_variants" in harvest.harvest(cfg, tmp_path)
    log(tmp_path / "reward_variants.jsonl", found, {**found, "seed": 2})
    assert harvest.harvest(cfg, tmp_path) == {}
    (row,) = harvest.records("reward_variants", tmp_path)
    assert row.pop("machine").endswith("1 thread, float32, torch 2.14.1") and row == found
    title = "A reward model that knows what is true"
    monkeypatch.setattr(results, "records", lambda subject: [])
    assert title not in results.results_page() and title in results.SECTIONS


def test_how_much_is_sharpening_is_said_where_it_is_measured():
    rows = [{"seed": s, "arm": "sft", "correct_cool": 0.91 + s / 100} for s in (1, 2, 3)]
    said = tables.sharper({"preferences": rows}, "en")
    assert "at temperature 0.55" in said and "93 ± 2 %" in said
    assert tables.sharper({"preferences": [{"seed": 1, "arm": "sft"}]}, "en") == ""


def test_a_subject_is_harvested_when_all_its_seeds_are_there(tmp_path, monkeypatch):
    """Else the committed rows stay."""
    cfg = SimpleNamespace(out=tmp_path, seeds=2)
    monkeypatch.setattr(harvest, "OF_EACH_SEED", {"questions": harvest.questions})
    monkeypatch.setattr(harvest, "OF_ALL_SEEDS", {})
    monkeypatch.setattr(harvest, "OF_EACH_MACHINE", {})
    cell = {"correct": 0.5, "score": 1.0, "n": 13}
    results_row = {"results": {"sft": {"test 0-shot sampled": cell}}}
    log(tmp_path / "seed1/sft/log.jsonl", results_row)
    harvest.write("questions", [{"seed": 9}], tmp_path)
    assert "seed2" in harvest.harvest(cfg, tmp_path)["questions"]
    assert harvest.records("questions", tmp_path) == [{"seed": 9}]
    log(tmp_path / "seed2/sft/log.jsonl", results_row)
    assert harvest.harvest(cfg, tmp_path) == {}
    assert [row["seed"] for row in harvest.records("questions", tmp_path)] == [1, 2]


def test_other_machines_keep_their_speed(tmp_path, monkeypatch):
    cfg = SimpleNamespace(out=tmp_path, seeds=1)
    monkeypatch.setattr(harvest, "OF_EACH_SEED", {})
    monkeypatch.setattr(harvest, "OF_EACH_MACHINE", {"times": harvest.times})
    log(tmp_path / "seed1/sft/log.jsonl")
    took = {"seconds": 61.5, "cores": 4, "threads": 4, "instructions": "AVX2"}
    (tmp_path / "seed1/sft/finished").write_text(json.dumps(took), encoding="utf-8")
    log(tmp_path / "seed1/ppo/log.jsonl")
    (tmp_path / "seed1/ppo/finished").touch()  # it was taken up again
    other = {"seed": 1, "run": "sft", "seconds": 9.0, "machine": "another"}
    harvest.write("times", [other], tmp_path)
    harvest.harvest(cfg, tmp_path)
    rows = harvest.records("times", tmp_path)
    assert rows[0] == other and len(rows) == 2 and rows[1]["seconds"] == 61.5
    assert rows[1]["machine"] == "4 cores, AVX2; 4 threads, float32, torch 2.14.1"
    harvest.harvest(cfg, tmp_path)
    assert harvest.records("times", tmp_path) == rows


# --- the command -------------------------------------------------------------------------------


def test_running_all_makes_every_run_once_and_measures(tmp_path, monkeypatch, capsys):
    made, measured = [], []
    monkeypatch.setattr(results, "make", lambda cfg, seed, name: made.append((seed, name)))
    for study in (*results.STUDIES, results.talk):
        monkeypatch.setattr(study, "main", lambda cfg: measured.append((cfg.out, cfg.seeds)))
    monkeypatch.setattr(results.memory, "main", lambda cfg: measured.append(cfg.out))
    monkeypatch.setattr(results.scaling, "main", lambda cfg: measured.append((cfg.out, cfg.reach)))
    monkeypatch.setattr(results.bench, "main", lambda argv: measured.append(argv[0]))
    monkeypatch.setattr(results, "harvest", lambda cfg: {"tax": "seed 2"})
    monkeypatch.setattr(results, "documents", dict)
    out = tmp_path.as_posix()
    (tmp_path / "seed1" / "sft").mkdir(parents=True)
    (tmp_path / "seed1" / "sft" / "finished").touch()
    results.main(results.Config(run=True, out=out, seeds=2))
    assert {(1, "bayes"), (2, "bayes"), (2, "reward_scalar_few"), (1, "fewshot")} <= set(made)
    studies = [(out, 2)] * len(results.STUDIES)
    assert measured == [*studies, (out, 5), out, (f"{out}/scaling", True), f"--out={out}"]
    shown = capsys.readouterr().out
    assert re.search(r"alignment tax +1 of 16", shown) and "seed 2 is missing" in shown


def test_only_what_changed_is_written(tmp_path, monkeypatch, capsys):
    path = ROOT / "docs" / "nowhere.md"
    wrote = []
    monkeypatch.setattr(results, "documents", lambda: {path: "new"})
    monkeypatch.setattr(results, "write_text", lambda *row: wrote.append(row))
    assert results.main(results.Config()) == [path] and wrote == [(path, "new")]
    monkeypatch.setattr(results, "documents", dict)
    assert results.main(results.Config()) == [] and "all documents agree" in capsys.readouterr().out


def test_the_stages_of_the_tables_are_runs():
    assert set(STAGES) <= set(results.tax.ARMS) | {"reward"}


def test_rule_by_rule_the_sentence_names_the_one_that_is_left():
    """Of 10 attacks one answer breaks each rule at first; in the end "sides" is broken three times
    and all others together once: 75 % is one rule's."""
    rows = []
    for arm in tables_probing.KEPT:
        row = {"seed": 1, "arm": arm, "probes": 10, "machine": "here"}
        left = {"sides": 3, "acted": 1} if arm == tables_probing.LAST else dict.fromkeys(RULES, 1)
        rows.append(row | {f"broken {rule}": left.get(rule, 0) for rule in RULES})
    told = [{"seed": 1, **{f"auc {rule}": 0.5 for rule in RULES}}]
    text = tables_probing.by_rule({"probing": rows, "rules": told}, "en")
    assert "in the end, 75 % is one rule's: sides." in text
    assert re.search(r"^\| acted \| 10\.0 .*\| 10\.0 \[.*\] \| 0\.50 \|$", text, re.M)
    korean = tables_probing.by_rule({"probing": rows, "rules": told}, "ko")
    assert "한 규칙에서 나옵니다: 편들기." in korean


def test_options_of_the_runs_do_nothing_without_run():
    cfg = parse_config(results.Config, results.PRESETS, ["--seeds=2"])
    with pytest.raises(BadInput, match="--seeds=2 does nothing without --run"):
        results.main(cfg)
