"""Blocks of pretraining text for later stages, so that learning to answer keeps the language.

InstructGPT mixes them into fine-tuning (appendix C.3) and into PPO (PPO-ptx, equation 2).
"""

import itertools
from pathlib import Path

import numpy as np
import torch

from data.formats import read_corpus
from data.world import World
from plumbing.checkpoint import ancestry
from plumbing.errors import BadInput


class PretrainText:
    """Random blocks of the text that a model was pretrained on, or of the file `source`."""

    def __init__(self, source, base, tokenizer, seed):
        """`base`: the checkpoint whose own pretraining text is used when `source` is empty.

        Raises BadInput if that text is not here or too short for a block.
        """
        pretrained = (a.get("data") for a in ancestry(base) if a["stage"] == "pretrain")
        source = source or next(pretrained, None)
        self.block_size = min(128, base.get("model_config", {}).get("block_size", 128))
        if source == "world":  # a stream of its own: neither the training nor the validation text
            documents = itertools.islice(World().documents(seed=2 * 10**6 + seed), 6000)
            self.tokens = np.array(tokenizer.encode_documents(documents))
        elif source and Path(source).exists():
            corpus = read_corpus(source)
            self.tokens = np.array(tokenizer.encode(corpus)) if isinstance(corpus, str) else corpus
        else:
            raise BadInput(
                f"the pretraining text to mix in ({source or 'unknown'}) is not here: "
                "give --mix_data=FILE, or turn the mix off"
            )
        if len(self.tokens) <= self.block_size:
            raise BadInput(
                f"{source}: {len(self.tokens)} tokens are too few for a block of {self.block_size}"
            )

    def get_batch(self, n, seed, machine):
        """This process's part of n random blocks: tokens and the tokens that follow, (n, T)."""
        T = self.block_size
        starts = np.random.default_rng([7, *seed]).integers(len(self.tokens) - T, size=n)
        rows = [self.tokens[s : s + T + 1] for s in starts[machine.rows(n)]]
        block = torch.from_numpy(np.stack(rows).astype(np.int64)).to(machine.device)
        return block[:, :-1], block[:, 1:]
