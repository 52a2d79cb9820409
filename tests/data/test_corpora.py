"""Pretraining text: found again by the later stages, cut into blocks."""

import pytest
import torch

from data.corpora import PretrainText
from data.world import World
from plumbing.errors import BadInput
from plumbing.machine import Machine
from tokenizer import Tokenizer

CPU = Machine("cpu", torch.float32)
BYTES = Tokenizer([bytes([b]) for b in range(256)])


def test_pretraining_text_is_found_up_the_lineage(tmp_path):
    (tmp_path / "text.txt").write_text("The cow eats grass. " * 20, encoding="utf-8")
    base = {"stage": "pretrain", "data": str(tmp_path / "text.txt"), "parent": None}
    sft = {"stage": "sft", "data": "x", "parent": base}
    reward = {"stage": "reward", "train_config": {"data": "other"}, "parent": sft}
    for checkpoint in (reward, {"stage": "pretrain", "train_config": {"data": base["data"]}}):
        assert (
            BYTES.decode(PretrainText("", checkpoint, BYTES, 1).tokens)
            == "The cow eats grass. " * 20
        )


def test_every_block_of_the_text_can_come(tmp_path):
    (tmp_path / "text.txt").write_text(
        "ab" * 64 + "cd", encoding="utf-8"
    )  # 130 tokens: two places to start
    text = PretrainText(str(tmp_path / "text.txt"), {"stage": "sft", "parent": None}, BYTES, 1)
    x, y = text.get_batch(40, [0], CPU)
    assert {BYTES.decode(row.tolist())[0] for row in x} == {"a", "b"}
    assert {BYTES.decode(row.tolist())[-1] for row in y} == {"c", "d"} and torch.equal(
        x[:, 1:], y[:, :-1]
    )


def test_processes_part_the_blocks(tmp_path):
    (tmp_path / "text.txt").write_text("The cow eats grass. " * 90, encoding="utf-8")
    text = PretrainText(str(tmp_path / "text.txt"), {"stage": "sft", "parent": None}, BYTES, 1)
    whole, _ = text.get_batch(6, [3, 1], CPU)
    parts = [
        text.get_batch(6, [3, 1], Machine("cpu", torch.float32, rank, 2))[0] for rank in (0, 1)
    ]
    assert torch.equal(torch.stack(parts, 1).flatten(0, 1), whole)
    assert not torch.equal(text.get_batch(6, [3, 2], CPU)[0], whole)


def test_too_little_text_for_a_block(tmp_path):
    (tmp_path / "text.txt").write_text("short", encoding="utf-8")
    with pytest.raises(BadInput, match="text.txt: 5 tokens are too few for a block of 128"):
        PretrainText(str(tmp_path / "text.txt"), {"stage": "sft", "parent": None}, BYTES, 1)
    with pytest.raises(BadInput, match=r"\(unknown\) is not here"):
        PretrainText("", {"stage": "sft", "parent": None}, BYTES, 1)


def test_text_of_the_world_is_not_what_it_was_trained_on():
    base = {"stage": "pretrain", "train_config": {"data": "world"}}
    one, two = (PretrainText("", base, BYTES, seed).tokens[:2000].tolist() for seed in (1, 2))
    trained = BYTES.encode_documents([next(World().documents(seed)) for seed in (0, 1, 10**6)])
    assert one != two and one[:100] != trained[:100]
