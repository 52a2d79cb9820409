"""A constitution, and the words in which a model is asked to judge by it (Constitutional AI, Bai et
al. 2022b, arXiv 2212.08073): a critique, a revision, a choice between two answers.

A constitution is a text file with one principle a line; a line that begins with # is for readers.
"""

from data.files import read_text
from plumbing.errors import BadInput
from plumbing.files import ROOT

CONSTITUTION = ROOT / "data" / "constitution.txt"
LONGEST = 200  # characters of a principle: it stands in one context with two answers
OPTIONS = ("(A)", "(B)")
# What constitution.py writes, for sft.py and for reward.py.
REVISIONS = "out/constitution/revisions.jsonl"
COMPARISONS = "out/constitution/comparisons.jsonl"
EPOCHS = 4  # over so few revisions (the paper: one, over 182,831 requests)
REVISE = "Write it again, better."


def read_constitution(path=""):
    """The principles of a file, in order; of this folder's constitution.txt where none is named."""
    path = path or CONSTITUTION
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


def ask_critique(messages, answer, principle):
    """The conversation, its answer, and what is wrong with that by the principle?"""
    asked = f"{principle} What is wrong with the answer?"
    return [*messages, assistant(answer, weight=0), user(asked)]


def ask_revision(messages, answer, principle, critique=None):
    """The same, then a better answer; with a critique after it, without one at once."""
    if critique is None:
        return [*messages, assistant(answer, weight=0), user(f"{principle} {REVISE}")]
    asked = ask_critique(messages, answer, principle)
    return [*asked, assistant(critique), user(REVISE)]


def ask_choice(messages, answers, principle):
    """Which of two answers to a conversation's last turn is better by the principle?"""
    shown = " ".join(f"{name} {text}" for name, text in zip(OPTIONS, answers))
    question = messages[-1]["content"]
    return [user(f"{question} {shown} {principle} Which answer is better?")]
