"""A folder of tiny checkpoints with random weights, one per stage, for what talks to them."""

from dataclasses import asdict

import torch

from model import GPT, GPTConfig
from plumbing.checkpoint import save_checkpoint
from tokenizer import Tokenizer

WORDS = "User: Hello there.\nBot: 안녕하세요, how are you? I am fine, thank you.\n"
TOKENIZER = Tokenizer.train(WORDS * 3, 320)


def write(path, stage, seed=0, tokenizer=TOKENIZER, data="world", **changes):
    """A checkpoint of `stage` at `path`; its choices are far from uniform. Returns the path."""
    torch.manual_seed(seed)
    changes = {"head": "scalar" if stage == "reward" else "lm", **changes}
    network = GPT(
        GPTConfig(
            **{
                **dict(block_size=32, vocab_size=tokenizer.n_vocab, n_layer=2, n_head=2, n_embd=32),
                **changes,
            }
        )
    )
    with torch.no_grad():
        for p in network.parameters():
            p.mul_(3) if p.any() else p.normal_()
    save_checkpoint(
        path,
        {
            "stage": stage,
            "model": network.state_dict(),
            "tokenizer": tokenizer.to_json(),
            "model_config": asdict(network.config),
            "step": 1,
            "metrics": {},
            "parent": None,
            "train_config": {"data": data},
        },
    )
    return path


def fill(out, stages=("pretrain", "sft", "reward", "ppo")):
    """One checkpoint of each stage under `out`."""
    for seed, stage in enumerate(stages):
        write(out / stage / "ckpt.pt", stage, seed)
    return out
