"""A constitution, and the words in which a model is asked to judge by it (Constitutional AI, Bai et
al. 2022b, arXiv 2212.08073): a critique, a revision, a choice between two answers.

A constitution is a text file with one principle a line; a line that begins with # is for readers.
The words are a language's own, such as those of data/world/english_mended.py.
"""

from pathlib import Path

from data.files import read_text
from plumbing.errors import BadInput
from plumbing.files import ROOT

# Of each world, as --data calls it.
CONSTITUTIONS = {
    "world": ROOT / "data" / "constitution.txt",
    "world_ko": ROOT / "data" / "constitution_ko.txt",
}
LONGEST = 200  # characters of a principle: it stands in one context with two answers
OPTIONS = ("(A)", "(B)")
# --critic of constitution.py -> whose judgement its files say it is.
SOURCES = {"model": "ai", "oracle": "oracle critic"}
# What constitution.py writes, for sft.py and for reward.py, and where in each world.
REVISIONS = "revisions.jsonl"
COMPARISONS = "comparisons.jsonl"
FOLDERS = {"world": "out/constitution", "world_ko": "out/ko/constitution"}
EPOCHS = 4  # over so few revisions (the paper: one, over 182,831 requests)


def own(name, data):
    """The path of REVISIONS or COMPARISONS in the world that --data names; of a file's data in the
    English one."""
    return f"{FOLDERS.get(data, FOLDERS['world'])}/{name}"


def are_revisions(data):
    """Whether --data names what constitution.py writes: a model's own revisions."""
    return Path(data).name == REVISIONS


def read_constitution(path="", data="world"):
    """The principles of a file, in order; of this folder's, for the world that --data names, where
    none is named."""
    path = path or CONSTITUTIONS[data]
    principles = []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        principle = " ".join(line.split())
        if not principle or principle.startswith("#"):
            continue
        if len(principle) > LONGEST:
            raise BadInput(
                f"{path}, line {number}: a principle of {len(principle):,} characters; at most "
                f"{LONGEST}, a sentence"
            )
        if principle in principles:
            raise BadInput(f"{path}, line {number}: this principle stands there twice")
        principles.append(principle)
    if not principles:
        raise BadInput(f"{path}: no principle in it; expected a sentence a line, # begins a remark")
    return principles


# --- how a model is asked ------------------------------------------------------------------------


def user(content):
    return {"role": "user", "content": content}


def assistant(content, **more):
    return {"role": "assistant", "content": content, **more}


class Asking:
    """The ways in which a model is asked, in a language (data/world/languages.py)."""

    def __init__(self, language):
        self.language = language

    def critique(self, messages, answer, principle):
        """The conversation, its answer, and what is wrong with that by the principle?"""
        asked = f"{principle} {self.language.WHAT_IS_WRONG}"
        return [*messages, assistant(answer, weight=0), user(asked)]

    def revision(self, messages, answer, principle, critique=None):
        """The same, then a better answer; with a critique after it, without one at once."""
        revise = self.language.REVISE
        if critique is None:
            return [*messages, assistant(answer, weight=0), user(f"{principle} {revise}")]
        asked = self.critique(messages, answer, principle)
        return [*asked, assistant(critique), user(revise)]

    def choice(self, messages, answers, principle):
        """Which of two answers to a conversation's last turn is better by the principle?"""
        shown = " ".join(f"{name} {text}" for name, text in zip(OPTIONS, answers))
        question = messages[-1]["content"]
        return [user(f"{question} {shown} {principle} {self.language.WHICH_IS_BETTER}")]
