"""What can be looked up: a plain file of facts, and the line that answers a query.

A line of the file is one fact: subject, attribute and value, separated by tabs. A line that begins
with # is a note. The subject stands as a sentence needs it: "the dax", "Mina". A query names the
fact, "the colour of the dax"; what comes back is a sentence, "The colour of the dax is red.", or,
of what is not in the file, the one line that says so. A fact whose attribute is in Hangul is stated
in Korean: "닥스의 색은 빨간색이에요."

    python -m data.knowledge "colour of the blirg"
    python -m data.knowledge "phone of Mina" facts.tsv
    python -m data.knowledge "블릭의 색"
"""

import re
import sys
import unicodedata
from pathlib import Path

from data.files import read_text
from data.particles import join
from plumbing.console import spelled
from plumbing.errors import BadInput, run

FILE = Path(__file__).with_name("knowledge.tsv")
COLUMNS = ("subject", "attribute", "value")
NOTHING = "Nothing is known of that."
NOTHING_KOREAN = "그건 알려진 것이 없어요."
HANGUL = re.compile(r"[\u1100-\u11ff\uac00-\ud7a3]")  # also letter by letter
LONGEST = 200  # characters of a fact; a line is read by a network with little room


def line_of(subject, attribute, value):
    """The sentence that states a fact."""
    if HANGUL.search(attribute):
        return join(f"{subject}의 {attribute}은(는) {value}(이)에요.")
    sentence = f"the {attribute} of {subject} is {value}."
    return sentence[:1].upper() + sentence[1:]


def query_of(subject, attribute):
    """How a fact is asked for: "the colour of the dax", as a question or a sentence may name it."""
    if HANGUL.search(attribute):
        return f"{subject}의 {attribute}"
    return f"the {attribute} of {subject}"


def nothing(query):
    """What is said of a fact that is not known, in the language of the query."""
    return NOTHING_KOREAN if HANGUL.search(query[: 2 * LONGEST]) else NOTHING


def key_of(query):
    """A query without what does not matter: capitals, signs, blanks, articles, how a letter is put
    together, and whether it says "colour of the dax" or "dax colour", "닥스의 색" or "닥스 색"."""
    text = unicodedata.normalize("NFKC", query[: 2 * LONGEST]).casefold()
    words = re.findall(r"\w+", re.sub(r"['’]s\b", "", text))
    words = re.sub(r"(?<=\w)의(?= )", "", " ".join(word for word in words if word != "the"))
    parts = words.split(" of ")
    return " ".join(reversed(parts))


class Knowledge:
    """Facts, each of which can be looked up by its name."""

    def __init__(self, facts=()):
        """`facts`: (subject, attribute, value); of two values for one fact the last is kept."""
        self.lines = {}
        for subject, attribute, value in facts:
            self.lines[key_of(query_of(subject, attribute))] = line_of(subject, attribute, value)

    def look_up(self, query):
        """The line that answers a query, whatever it is."""
        return self.lines.get(key_of(query)) or nothing(query)


def read_knowledge(path=FILE):
    """The Knowledge of a file. Raises BadInput with the line of what is no fact."""
    facts = {}
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if line.strip() and not line.startswith("#"):
            fact = read_fact(line, f"{path}, line {number}")
            key = key_of(query_of(fact[0], fact[1]))
            earlier, where = facts.get(key, (fact, number))
            if earlier[2] != fact[2]:
                raise BadInput(
                    f"{path}, line {number}: the {fact[1]} of {fact[0]} is {fact[2]!r} here and "
                    f"{earlier[2]!r} in line {where}; keep one of them"
                )
            facts[key] = fact, where
    if not facts:
        raise BadInput(f"{path} holds no fact; a line is subject, attribute and value, with tabs")
    return Knowledge(fact for fact, _ in facts.values())


def open_lookup(path, tokenizer, model):
    """The function that answers a query from a file of facts (empty: FILE); None for a model that
    was never taught to search. `model`: what it is called."""
    if tokenizer.evidence:
        known = read_knowledge(path or FILE)
        if path:
            tell_long(known, tokenizer, path)
        return known.look_up
    if path:
        raise BadInput(
            f"--knowledge={path}: {model} was never taught to look anything up; python sft.py "
            "--n_evidence=8000 makes one that was"
        )
    return None


def tell_long(known, tokenizer, path):
    """Tell of the facts that a model does not see whole: a line is cut where it is inserted."""
    from plumbing.records import tell  # with torch, which looking a fact up does without
    from tokenizer import LONGEST_LINE

    lengths = {line: len(tokenizer.line(line)) - 1 for line in known.lines.values()}
    long = [line for line, n in lengths.items() if n > LONGEST_LINE]
    if long:
        tell(
            f"{path}: {len(long)} of {len(lengths)} facts are longer than {LONGEST_LINE} tokens "
            f"and lose their end (the first: {long[0]!r:.60})",
            file=str(path),
            cut=len(long),
        )


def read_fact(line, place):
    """(subject, attribute, value) of one line."""
    cells = [" ".join(cell.split()) for cell in line.split("\t")]
    if len(cells) != len(COLUMNS):
        raise BadInput(
            f"{place}: expected {', '.join(COLUMNS)}, separated by tabs; found {len(cells)} columns"
        )
    for name, cell in zip(COLUMNS, cells):
        if not (key_of(cell) if name == "subject" else cell):
            raise BadInput(f"{place}: the {name} is empty")
    if len(line) > LONGEST:
        raise BadInput(f"{place}: {len(line)} characters; a fact has at most {LONGEST}")
    return cells


def main(argv):
    """The command line: a query, and perhaps a file."""
    if not 1 <= len(argv) <= 2:
        raise BadInput('look up what? For example: python -m data.knowledge "colour of the blirg"')
    query, path = [*argv, FILE][:2]
    print(read_knowledge(spelled(str(path))).look_up(query))


if __name__ == "__main__":
    run(main, sys.argv[1:])
