"""The command line of GINC, which writes its files: `python -m data.ginc --help`."""

import hashlib
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path

from data.ginc import (
    FILES,
    LENGTHS,
    SHA1,
    TRAIN,
    VALIDATION,
    all_cells,
    document_lines,
    prompt_lines,
    prompts,
)
from data.ginc.hmm import Ginc
from plumbing.config import parse_config
from plumbing.errors import BadInput, run
from plumbing.files import write_text


@dataclass
class Config:
    preset: str = ""  # there is one set of defaults
    write: str = ""  # directory to fill with files under their released names
    official: bool = False  # the released instance; every file is checked by its SHA-1
    concepts: int = 5  # in-distribution concepts; as many more are unseen
    symbols: int = 50  # size of the vocabulary, "/" included (released: 50, 100, 150)
    temperature: float = 0.1  # of slot transitions; smaller: closer to one permutation
    identity: float = 0.9  # how much a value stays the same from token to token
    seed: int = 1111  # of the hidden Markov models and of their text


def files(ginc):
    """(name, lines, texts) of every released file, and of repaired prompts of unseen concepts."""
    for name, size in (("train", TRAIN), ("val", VALIDATION)):
        yield name, *document_lines(ginc, *ginc.documents(*size, ginc.random))
    cells = [cell for cell in all_cells() if cell[1] in LENGTHS]
    cells += [("ood_fixed", k, n) for kind, k, n in cells if kind == "ood"]
    for (kind, k), group in groupby(prompts(ginc, cells), key=lambda p: (p.kind, p.k)):
        lines, texts = zip(*(prompt_lines(ginc, p) for p in group))
        yield f"{FILES[kind]}_{k}", [*chain(*lines)], [*chain(*texts)]


def blob_sha1(data):
    """The name git gives to these bytes."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def main(cfg):
    """Write the files of one instance, and check those whose hashes are known."""
    if not cfg.write:
        raise BadInput("--write=DIR is missing: where should the files go?")
    shape = (cfg.concepts, cfg.symbols, cfg.temperature, cfg.identity, cfg.seed)
    if cfg.official and shape != (5, 50, 0.1, 0.9, 1111):
        raise BadInput("--official is the released instance; drop it to write another one")
    ginc, folder = Ginc(*shape), Path(cfg.write)
    for name, lines, texts in files(ginc):
        for file, text in (
            (f"{name}.json", "\n".join(lines)),
            (f"{name}.txt", "".join(f"{text} / " for text in texts)),
        ):
            known = cfg.official and SHA1.get(file)
            if known and blob_sha1(text.encode()) != known:
                raise BadInput(f"{folder / file}: these are not the released bytes")
            write_text(folder / file, text)
            if known:
                print(f"{file}  SHA-1 {SHA1[file]}, as released")
    print(f"{folder.as_posix()}: {cfg.concepts} concepts, {cfg.symbols} words")


if __name__ == "__main__":
    run(lambda: main(parse_config(Config, {"": {}})))
