"""How the files of a language write down its words, and what can be said in many ways."""

from itertools import chain
from typing import NamedTuple


def phrases(text):
    """What stands between the commas."""
    return [phrase.strip() for phrase in text.split(",")]


def pairs(text):
    """The two words of each phrase."""
    return [phrase.split() for phrase in phrases(text)]


class Ways(NamedTuple):
    """The ways to say one thing."""

    known: list  # set phrases, the commonest first: who has not met one cannot guess what it means
    free: list  # what is made of them, which one who knows the parts can understand


def crossed(*parts):
    """Every way to write one of each part after the other."""
    texts = [""]
    for part in parts:
        texts = [text + more for text in texts for more in part]
    return texts


def ways(cores, before=(), after=(), ends=".", others=()):
    """Phrases without their last sign, as they are and with something before or after them.

    `ends` are the signs that may end them, `others` more of what can be understood from its parts.
    """
    cores = [" ".join(core.split()) for core in cores.split(";")]
    known = crossed(cores, ends)
    framed = crossed(["", *before], cores, ["", *after], ends)
    return Ways(known, [text for text in framed if text not in known] + list(others))


def either(*several):
    """All of several ways."""
    return Ways(*(list(chain(*texts)) for texts in zip(*several)))
