"""What a loss is told beside, and the commands that a stage ends with."""

import math
from types import SimpleNamespace

import pytest

import ppo
import rules
from plumbing import after, measure
from plumbing.config import parse_config


def test_bits_per_byte_and_a_blind_guess_by_hand():
    """Four tokens of two bytes each at ln 4 nats: 2 bits a token, 1 bit a byte; of 16 tokens a
    blind guess has 4 bits a token, 2 a byte."""
    found = measure.per_byte(4 * math.log(4), 4, 8)
    assert found["val_loss"] == pytest.approx(math.log(4))
    assert found["val_bits_per_byte"] == pytest.approx(1.0)
    nats, bits = measure.uniform(found, 16)
    assert nats == pytest.approx(math.log(16)) and bits == pytest.approx(2.0)
    assert "val loss 1.3863 nats/token (uniform 2.77)   1.0000 bits" in measure.language(
        3, found, 16
    )


def test_a_base_that_does_not_fit_names_the_command():
    cfg = SimpleNamespace(init="out/pretrain/ckpt.pt", data="mine.csv")
    base = {"stage": "pretrain", "train_config": {"data": "world"}}
    bad = {"val_loss": 8.0, "val_bits_per_byte": 4.0}
    first, second = measure.base_fit(cfg, base, bad, 2048)
    assert "of world" in first and "the default of --init" in first and "4.00 bits/byte" in first
    assert "guess has 3.81" in first  # 4 · ln 2048 / 8
    assert "python sft.py --data=mine.csv --pretrain_on=mine.csv" in second
    cfg.given = {"init"}
    (only,) = measure.base_fit(cfg, base, {"val_loss": 2.0, "val_bits_per_byte": 1.0}, 2048)
    assert "the default" not in only


def test_scores_stand_beside_a_guess():
    line = measure.guesses(50, {"val_accuracy": 0.7, "val_loss": 0.6, "other_accuracy": 0.9})
    assert "val accuracy 0.700 (a guess 0.5)   val loss 0.600 (a guess 0.693)" in line
    assert line.endswith("other accuracy 0.900")


def options(out, data="world", init="out/sft/ckpt.pt", preset="tiny"):
    return SimpleNamespace(out=out, data=data, init=init, preset=preset)


KOREAN_PPO = "python ppo.py --preset=ko"


@pytest.mark.parametrize(
    "stage, cfg, command",
    [
        ("pretrain", options("out/pretrain"), "python sft.py"),
        (
            "pretrain",
            options("out/book", "book.txt"),
            "python sft.py --init=out/book/ckpt.pt --data=FILE --out=out/book_sft",
        ),
        (
            "pretrain",
            options("out/faq", "my qa.csv"),
            'python sft.py --init=out/faq/ckpt.pt --data="my qa.csv" --out=out/faq_sft',
        ),
        ("sft", options("out/sft"), "python reward.py"),
        (
            "sft",
            options("out/book_sft", "qa.csv"),
            "python reward.py --init=out/book_sft/ckpt.pt --data=out/labels/comparisons.jsonl "
            "--out=out/book_reward",
        ),
        ("reward", options("out/reward"), "python ppo.py"),
        (
            "reward",
            options("x y/reward", init="x y/sft/ckpt.pt"),
            'python ppo.py --init="x y/sft/ckpt.pt" --reward="x y/reward/ckpt.pt" --out="x y/ppo"',
        ),
        ("ppo", options("out/ppo"), "python chat.py out/ppo/ckpt.pt"),
        ("dpo", options("out/dpo"), "python chat.py out/dpo/ckpt.pt"),
        (
            "rules",
            options("out/rules"),
            "python chat.py out/sft/ckpt.pt --best_of=8 --rules=out/rules/ckpt.pt",
        ),
        (
            "rules",
            options("out/rules", init="out/sft_probed/ckpt.pt"),
            "python ppo.py --preset=sparrow",
        ),
        (
            "rules",
            options("out/mine", init="out/a b/ckpt.pt"),
            'python ppo.py --preset=sparrow --init="out/a b/ckpt.pt" '
            '--reward="out/a b_reward/ckpt.pt" --rules=out/mine/ckpt.pt --out=out/mine_ppo_rules',
        ),
        (
            "rules",
            options("out/ko/rules", "world_ko", "out/ko/sft_probed/ckpt.pt", "ko"),
            "python ppo.py --preset=ko_sparrow",
        ),
        ("reward", options("out/ko/reward", "", "out/ko/sft/ckpt.pt", "ko"), KOREAN_PPO),
        ("ppo", options("out/ko/ppo", preset="ko"), "python chat.py --compare --preset=ko"),
        (
            "ppo",
            options("out/ko/ppo_rules", preset="ko_sparrow"),
            "python chat.py --compare --preset=ko",
        ),
        ("dpo", options("out/한글/dpo"), "python chat.py out/한글/dpo/ckpt.pt"),
    ],
)
def test_a_stage_ends_with_what_comes_next(stage, cfg, command):
    assert command in [found for _, found in after.commands(stage, cfg)]
    lines = after.lines(stage, cfg)
    assert lines[0] == "next" and len({line.find("python") for line in lines[1:]}) == 1


@pytest.mark.parametrize("preset", ["sparrow", "ko_sparrow"])
def test_the_preset_for_rules_reads_what_the_next_lines_leave_out(preset):
    cfg = parse_config(ppo.Config, ppo.PRESETS, [f"--preset={preset}"])
    for name in ("init", "reward", "rules", "out"):
        assert after.default("ppo", name, preset) == getattr(cfg, name)
    rules_cfg = parse_config(rules.Config, rules.PRESETS, ["--preset=ko"])
    assert preset == "sparrow" or (cfg.init, cfg.rules) == (rules_cfg.init, "out/ko/rules/ckpt.pt")
    assert cfg.data == ("world_ko" if preset == "ko_sparrow" else "")
