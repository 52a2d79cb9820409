"""Pretraining text as token ids: all of it for pretrain.py, blocks of it for the later stages."""

import codecs
import itertools
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from data import flips, ginc
from data.files import GZIP, OTHERS, read_bytes, read_text
from data.formats import DEMONSTRATIONS, read_demonstrations
from data.rows import (
    LeftOut,
    field,
    header_of,
    json_rows,
    read_records,
    single,
    table_rows,
    tell_prose,
)
from data.world import world_named
from data.world.languages import LANGUAGES
from plumbing.checkpoint import ancestry
from plumbing.config import keep
from plumbing.errors import BadInput
from plumbing.files import download
from tokenizer import Tokenizer, transcript

SHAKESPEARE = (
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
)
CACHE = Path.home() / ".cache" / "nanochatgpt"


def load(cfg, tokenizer=None):
    """Token ids for training and validation (1-D uint16 or int32 arrays), and the tokenizer.

    cfg: what pretrain.py was asked for. Without a `tokenizer`, makes the one that it names.
    """
    n_train = cfg.steps * cfg.batch_size * cfg.block_size + 1
    if cfg.data in LANGUAGES:
        return load_world(cfg, n_train, tokenizer)
    for source in (ginc, flips):
        if cfg.data in source.CORPORA:
            train, val, its_own = source.corpus(cfg.data, n_train, cfg.seed)
            if tokenizer and tokenizer.vocab != its_own.vocab:
                raise BadInput(f"--init={cfg.init}: its vocabulary is not that of {cfg.data}")
            keep(cfg, cfg.data, {"tokenizer": cfg.data, "vocab_size": its_own.n_vocab})
            return train, val, its_own
    return load_file(cfg, tokenizer)


def load_world(cfg, n_train, tokenizer):
    """The tiny world's endless text: a stream of its own for training and for validation."""
    world = world_named(cfg.data)
    if not tokenizer:
        sample = itertools.islice(world.documents(seed=0), 4000)
        text = "\n".join(map(world.language.apart, sample))
        lang = world.language
        tokenizer = make_tokenizer(cfg, text, lang.LEAD, lang.CHARACTERS, lang.RARE)
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


# --- a file of text or of ids --------------------------------------------------------------------


def read_corpus(path):
    """Text for pretraining: a str, or for a nanoGPT .bin (uint16 GPT-2 ids), or a .npy of ids, a
    read-only array in the file. Of JSON rows with a text, such as {"text": ...}, the texts.

    UTF-8 without NULs is text. So is what has few control bytes, of which ids are full: Latin-1 or
    EUC-KR, refused with the line to look at. Raises BadInput.
    """
    head = read_bytes(path, 1 << 20)
    if head.startswith(b"\x93NUMPY"):
        return check_ids(path, open_npy(path))
    if head.startswith((GZIP, *OTHERS)):
        return text_of_rows(path, read_text(path))
    try:  # an incremental decoder does not mind that the last character may be cut
        binary = "\0" in codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        binary = not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if not binary or len(re.findall(rb"[\0-\x08\x0e-\x1f]", head)) < len(head) / 20:
        return text_of_rows(path, read_text(path))
    if Path(path).stat().st_size % 2:
        raise BadInput(f"{path}: {NEITHER} (its size is odd)")
    return check_ids(path, np.memmap(path, dtype="<u2", mode="r"))


NEITHER = "neither UTF-8 text nor a .bin of GPT-2 ids"  # what a file is that is refused


def open_npy(path):
    """The ids of a file that numpy.save wrote."""
    try:
        ids = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # a damaged header may fail in any part of numpy's reader
        raise BadInput(f"{path}: damaged .npy file ({str(error).splitlines()[0]})") from None
    if ids.ndim != 1 or ids.dtype.kind not in "ui" or not len(ids):
        raise BadInput(f"{path}: expected ids in one row, found {ids.dtype} of shape {ids.shape}")
    return ids


def check_ids(path, ids):
    """The ids, if they can be GPT-2's: of another width they would be other, and more, tokens."""
    # 64 places spread over the file: the look costs the same for a megabyte and for a terabyte.
    places = np.linspace(0, max(len(ids) - 4096, 0), 64).astype(np.int64) // 4 * 4
    sample = np.concatenate([ids[i : i + 4096] for i in np.unique(places)])
    if ids.dtype == np.uint16 and len(ids) > 1:
        if sample[1::2].max() < 16 <= sample[::2].max():
            raise BadInput(f"{path}: ids of 32 or 64 bits; write them as uint16, or as a .npy")
    if sample.max() > 50256 or sample.min() < 0:
        wrong = sample.max() if sample.max() > 50256 else sample.min()
        raise BadInput(f"{path}: {NEITHER} (id {wrong} is not from 0 to 50256)")
    if len(ids) >= 256 and sample.max() < 256:
        raise BadInput(f"{path}: {NEITHER} (no id above 255: ids of characters, or UTF-16 text)")
    if ids.dtype == np.uint16 and len(ids) >= 512 and sample.view(np.uint8).max() < 128:
        raise BadInput(f"{path}: {NEITHER} (no byte above 127: ids of 8 bits?)")
    return ids


def text_of_rows(path, text):
    """The text; of JSON rows, or of a table with a column of texts, their texts, each ended by a
    line break."""
    names = header_of(text)
    if len(names) > 1:
        if {*TEXTS} & {*names}:
            return joined(read_records(path, TEXTS, table_rows(path, text)))
        if demonstrates(names):
            return as_transcripts(path)
        tell_prose(path, text, "it is learned as it stands", "text, or question and answer")
    if not re.match(r'\s*(\[\s*)?\{\s*"|\s*\[\s*"', text):
        return text
    try:
        rows = json_rows(path, text)
    except BadInput:
        if text.lstrip().startswith("[") and not re.match(r"\s*\[\s*\{", text):
            return text  # a line of prose in brackets
        raise
    if rows and isinstance(rows[0][1], dict) and demonstrates(rows[0][1]):
        return as_transcripts(path)
    if all(isinstance(row, str) for _, row in rows):
        rows = [(place, {"text": row}) for place, row in rows]
    return joined(read_records(path, TEXTS, rows))


def demonstrates(keys):
    """Do rows with these keys hold questions and answers, and no plain text?"""
    kinds = [{*kind.split()} for kind in DEMONSTRATIONS]
    return not {*TEXTS} & {*keys} and any(kind <= {*keys} for kind in kinds)


def as_transcripts(path):
    """Demonstrations as plain text, in the form in which a base model is asked."""
    return joined(transcript(record["messages"]) + "\n\n" for record in read_demonstrations(path))


def joined(texts):
    return "".join(text if text.endswith("\n") else text + "\n" for text in texts)


def from_text(key, row):
    if not field(row, key):
        raise LeftOut("empty text")
    return row[key]


TEXTS = {key: single(partial(from_text, key)) for key in ("text", "content", "story", "document")}


def check_fits(train_set, val_set, cfg, config):
    """Refuse a text or a block that a network of this shape has no rows for."""
    size = config.vocab_size
    if max(train_set[: 10**6].max(), val_set[: 10**6].max()) >= size:
        raise BadInput(f"{cfg.data} holds token ids beyond the model's vocabulary of {size}")
    room = config.room(cfg.block_size)
    if room < cfg.block_size:
        raise BadInput(f"--block_size={cfg.block_size}: {cfg.init} has learned {room} positions")


def make_tokenizer(cfg, text, lead=False, characters=0, rare=0):
    """The tokenizer of `--tokenizer`; "bpe" learns one from `text`, which a .bin has not. lead,
    characters, rare: as Tokenizer.train has them."""
    if cfg.tokenizer == "bpe":
        if text is None:
            raise BadInput(f"{cfg.data} holds GPT-2 token ids; add --tokenizer=gpt2")
        if cfg.vocab_size < 260:
            raise BadInput(
                f"--vocab_size={cfg.vocab_size}: at least 260 (256 bytes and 4 special tokens)"
            )
        return Tokenizer.train(text, cfg.vocab_size, lead, characters, rare)
    try:
        tokenizer = Tokenizer.gpt2(None if cfg.tokenizer == "gpt2" else cfg.tokenizer)
        keep(cfg, f"--tokenizer={cfg.tokenizer}", {"vocab_size": tokenizer.n_vocab})
        return tokenizer
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
    return make_tokenizer(replace(cfg, tokenizer=openai_words(cfg)), None)


def openai_words(cfg):
    """What that vocabulary is made from, as --tokenizer names it."""
    return "gpt2" if cfg.tokenizer == "bpe" else cfg.tokenizer


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
        if source in LANGUAGES:  # a stream of its own: neither the training nor the validation text
            world = world_named(source)
            documents = itertools.islice(world.documents(seed=2 * 10**6 + seed), 6000)
            self.tokens = np.array(tokenizer.encode_documents(documents))
        elif source and Path(source).exists():
            corpus = read_corpus(source)
            self.tokens = np.array(tokenizer.encode(corpus)) if isinstance(corpus, str) else corpus
        else:
            raise BadInput(
                f"the pretraining text to mix in ({source or 'unknown'}) is not here: "
                "give --mix_data=FILE, or mix none (--pretrain_mix=0 of sft.py, --ptx=0 of ppo.py)"
            )
        if self.tokens[: 10**6].max(initial=0) >= tokenizer.n_vocab:
            raise BadInput(f"{source} holds token ids beyond the vocabulary of the model")
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
