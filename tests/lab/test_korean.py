"""The study of the Korean world: each model is measured once, and its table stands beside English."""

from pathlib import Path

import pytest

from lab import korean, results, tables_talk, talk
from lab.studies import RUNS, read
from plumbing.errors import BadInput
from plumbing.records import write_records


@pytest.fixture
def measured(monkeypatch, tmp_path):
    """The study with networks that are only names; which of them were asked for."""
    asked = []

    def make(cfg, seed, arm):
        asked.append((cfg.out.rpartition("/")[2], seed, arm))
        return f"{seed} {arm}"

    class Loaded:
        model = tokenizer = None

    shares = iter([0.5, 0.75, 1.0, 0.25] * 2)

    def answered(loaded, machine, n, seed, data):
        assert (n, data) == (4, "world_ko")
        return [{"about": "pronoun", "right": next(shares), "n": n}]

    monkeypatch.setattr(korean, "make", make)
    monkeypatch.setattr(korean, "open_checkpoint", lambda path, machine: Loaded)
    monkeypatch.setattr(korean, "answered", answered)
    spoken = {"sampled polite": (8, 10), "likeliest particles": (0, 0)}
    monkeypatch.setattr(korean, "own_answers", lambda loaded, machine, seed: spoken)
    lines = [(line, "안녕하세요!") for line in korean.SAMPLE]
    monkeypatch.setattr(talk, "one_talk", lambda loaded, machine, asked: lines)
    cfg = korean.Config(out=str(tmp_path / "studies"), seeds=2, n=4, dtype="float32", device="cpu")
    return cfg, asked


def test_each_model_is_measured_once_in_each_format(measured, capsys):
    cfg, asked = measured
    rows = korean.main(cfg)
    runs = [("studies", seed, arm) for seed in (1, 2) for arm in korean.ARMS]
    other = [("bfloat16", seed, arm) for seed in (1, 2) for arm in korean.ARMS]
    assert asked == other + runs  # float32 is what the other studies use here
    assert len(rows) == 8 * 3 + 2 * len(korean.SAMPLE)
    assert "pronoun" in capsys.readouterr().out
    assert korean.main(cfg) == rows and len(asked) == 8


def test_a_table_of_no_number_format_is_not_added_to(measured):
    cfg, asked = measured
    path = Path(cfg.out) / "korean.jsonl"
    write_records(path, {"config": {}}, [{"seed": 1, "arm": "sft_ko", "about": "pronoun"}])
    with pytest.raises(BadInput, match="korean.jsonl does not say of which number format"):
        korean.main(cfg)
    assert not asked


def test_the_table_sets_both_languages_side_by_side(measured):
    cfg, _ = measured
    korean.main(cfg)
    rows = [{**row, "machine": "here"} for row in read(Path(cfg.out) / "korean.jsonl")]
    english = [{"seed": 1, "arm": "sft", "about": "pronoun", "right": 0.92, "machine": "there"}]
    table = tables_talk.korean({"korean": rows, "talk": english}, "en")
    assert '| "Where is it?" | 92 % (92) | 75 % (50) | | 50 % (25) |' in table
    assert "| polite speech, sampled answers | | 80 % (80) | | 80 % (80) |" in table
    assert "here" in table and "there" not in table, "the English models have their own table"
    said = tables_talk.korean_talk({"korean": rows}, "ko").splitlines()
    assert said[0] == "```text" and len(said) == len(korean.SAMPLE) + 2
    assert said[1] == f"안녕하세요!{' ' * 17}  안녕하세요!", (
        "eleven cells of Hangul and signs, padded to 28"
    )


def test_the_block_reads_the_english_records_too(monkeypatch):
    seen = {}
    monkeypatch.setattr(results, "records", lambda subject: [subject])
    monkeypatch.setattr(results, "is_earlier", lambda path: False)
    monkeypatch.setitem(results.BLOCKS, "korean", lambda found, language: seen.update(found) or "x")
    assert results.block("korean") == "x"
    assert seen == {"korean": ["korean"], "talk": ["talk"]}


def test_every_stage_of_the_korean_chain_starts_from_a_korean_one():
    for arm in ("pretrain_ko", "sft_ko", "reward_ko", "ppo_ptx_ko"):
        _, inputs, options = RUNS[arm]
        assert options == {"preset": "ko"}
        assert all(source.endswith("_ko") for source in inputs.values())
