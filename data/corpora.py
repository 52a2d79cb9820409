"""Pretraining text as token ids: all of it for pretrain.py, blocks of it for the later stages."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from data import flips, ginc
from data.files import read_corpus
from data.world import World
from plumbing.checkpoint import ancestry
from plumbing.errors import BadInput
from plumbing.files import download
from tokenizer import Tokenizer

SHAKESPEARE = (
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
)
CACHE = Path.home() / ".cache" / "nanochatgpt"


def load(cfg, tokenizer=None):
    """Token ids for training and validation (1-D uint16 or int32 arrays), and the tokenizer.

    cfg: what pretrain.py was asked for. Without a `tokenizer`, makes the one that it names.
    """
    n_train = cfg.steps * cfg.batch_size * cfg.block_size + 1
    if cfg.data == "world":
        return load_world(cfg, n_train, tokenizer)
    for source in (ginc, flips):
        if cfg.data in source.CORPORA:
            train, val, its_own = source.corpus(cfg.data, n_train, cfg.seed)
            if tokenizer and tokenizer.vocab != its_own.vocab:
                raise BadInput(f"--init={cfg.init}: its vocabulary is not that of {cfg.data}")
            return train, val, its_own
    return load_file(cfg, tokenizer)


def load_world(cfg, n_train, tokenizer):
    """The tiny world's endless text: a stream of its own for training and for validation."""
    world = World()
    if not tokenizer:
        sample = itertools.islice(world.documents(seed=0), 4000)
        tokenizer = make_tokenizer(cfg, "\n".join(sample))
    train = encode_stream(tokenizer, world.documents(seed=cfg.seed), n_train)
    val = encode_stream(tokenizer, world.documents(seed=10**6), 65_536)
    return train, val, tokenizer


def load_file(cfg, tokenizer):
    """A file of text or of GPT-2 ids, of which the last tenth is held out."""
    path = cfg.data
    if path == "shakespeare":
        path = download(SHAKESPEARE, CACHE / "tinyshakespeare.txt")
    corpus = read_corpus(path)
    n = int(0.9 * len(corpus))
    train, val = corpus[:n], corpus[n:]
    if isinstance(corpus, str):
        tokenizer = tokenizer or make_tokenizer(cfg, train)
        train = np.array(tokenizer.encode(train), dtype=np.int32)
        val = np.array(tokenizer.encode(val), dtype=np.int32)
    else:
        tokenizer = tokenizer or make_tokenizer(cfg, None)
    if min(len(train), len(val)) <= cfg.block_size:
        raise BadInput(
            f"{path}: too short, {len(train)} tokens to train on and {len(val)} to "
            f"validate, for --block_size={cfg.block_size}; give more text or a smaller "
            "block"
        )
    return train, val, tokenizer


def check_fits(train_set, val_set, cfg, config):
    """Refuse a text or a block that a network of this shape has no rows for."""
    size = config.vocab_size
    if max(train_set[: 10**6].max(), val_set[: 10**6].max()) >= size:
        raise BadInput(f"{cfg.data} holds token ids beyond the model's vocabulary of {size}")
    room = config.room(cfg.block_size)
    if room < cfg.block_size:
        raise BadInput(f"--block_size={cfg.block_size}: {cfg.init} has learned {room} positions")


def make_tokenizer(cfg, text):
    """The tokenizer of `--tokenizer`; "bpe" learns one from `text`, which a .bin has not."""
    if cfg.tokenizer == "bpe":
        if text is None:
            raise BadInput(f"{cfg.data} holds GPT-2 token ids; add --tokenizer=gpt2")
        if cfg.vocab_size < 260:
            raise BadInput(
                f"--vocab_size={cfg.vocab_size}: at least 260 (256 bytes and 4 special tokens)"
            )
        return Tokenizer.train(text, cfg.vocab_size)
    try:
        return Tokenizer.gpt2(None if cfg.tokenizer == "gpt2" else cfg.tokenizer)
    except ValueError as error:
        raise BadInput(str(error)) from None
    except OSError as error:  # tiktoken's download, or a path that is not there
        if cfg.tokenizer == "gpt2":
            raise BadInput(
                "GPT-2's vocabulary cannot be downloaded here; fetch the file vocab.bpe "
                "of GPT-2 by hand and give --tokenizer=PATH/vocab.bpe"
            ) from None
        raise BadInput(
            f"--tokenizer={cfg.tokenizer}: expected bpe, gpt2, or a vocab.bpe file "
            f"({error.strerror})"
        ) from None


def openai_tokenizer(cfg):
    """The vocabulary of GPT-2's weights, which one learned here does not fit: that of --tokenizer,
    or GPT-2's own."""
    return make_tokenizer(replace(cfg, tokenizer="gpt2") if cfg.tokenizer == "bpe" else cfg, None)


def encode_stream(tokenizer, documents, n):
    """The first n tokens of an endless stream of documents, each ended by <|endoftext|>."""
    tokens = np.empty(n, dtype=np.uint16)
    filled = 0
    while filled < n:
        ids = tokenizer.encode_documents(itertools.islice(documents, 1000))[: n - filled]
        tokens[filled : filled + len(ids)] = ids
        filled += len(ids)
    return tokens


class PretrainText:
    """Random blocks of the text that a model was pretrained on, or of the file `source`.

    A later stage mixes them in, so that learning to answer keeps the language: InstructGPT does so
    in fine-tuning (appendix C.3) and in PPO (PPO-ptx, equation 2).
    """

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
        """This process's part of n random blocks: tokens and the tokens that follow, (n, T). Where
        there are more processes than blocks it is one whose targets, −1, count nothing."""
        T = self.block_size
        starts = np.random.default_rng([7, *seed]).integers(len(self.tokens) - T, size=n)
        mine = machine.mine(starts)
        chosen = mine if len(mine) else starts[:1]
        rows = [self.tokens[s : s + T + 1] for s in chosen]
        block = torch.from_numpy(np.stack(rows).astype(np.int64)).to(machine.device)
        targets = block[:, 1:] if len(mine) else torch.full_like(block[:, 1:], -1)
        return block[:, :-1], targets
