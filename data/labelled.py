"""A classification file, text with labels, as a source of few-shot prompts.

`read_labelled` reads SST-2, NSMC, and CSV or JSON with text and label. `LabelledFile` knows how an
example is written and which may be shown; `FileMaterials` makes of it what data/flips.py makes of
its world: all that one prompt can be made of.
"""

import re
from functools import partial
from pathlib import Path
from random import Random

import numpy as np

from data.flips import Material
from data.rows import SST2, LeftOut, expect, field, read_records, single
from data.world import World
from plumbing.errors import BadInput

# --- reading it: (text, label) -------------------------------------------------------------------


def read_labelled(path):
    """(text, label) pairs of str as Records. SST-2 is sometimes found in Latin-1."""
    return read_records(path, LABELLED, latin1=SST2)


def from_labelled(key, row):
    text = field(row, key)
    label = str(expect(row.get("label"), (str, int), "label", "a name or a whole number")).strip()
    if not text or not label:
        raise LeftOut("empty text or label")
    return text, label


LABELLED = {
    f"{key} label": single(partial(from_labelled, key)) for key in ("text", "sentence", "document")
}


# --- the file ------------------------------------------------------------------------------------


class LabelledFile:
    """Examples of a file: shots from one half of it, queries from the other.

    shots, queries: lists of (text, label). names: {label in the file: word that is shown}. blank:
    what stands before a label on its line and goes with the answer.
    """

    def __init__(self, path, template, labels, seed):
        """template: text with {text} and {label}, which is repeated for each example; labels: pairs
        such as "0=negative,1=positive", or "" to show the labels as they are.

        Raises BadInput for a template without its two slots and for labels that do not fit the
        file.
        """
        self.path = path
        self.name = Path(path).stem
        self.before, self.after = split_template(template)
        self.blank = self.before[len(self.before.rstrip(" ")) :]
        records = list(read_labelled(path))
        self.names = words_of(labels, {label for _, label in records}, path)
        Random(f"halves {seed}").shuffle(records)
        half = len(records) // 2
        self.shots = records[:half]
        self.queries = records[half:]

    def write(self, text, label=None):
        """One example, or without a label a query up to where the answer begins."""
        before = self.before.replace("{text}", text)
        if label is None:
            return before[: len(before) - len(self.blank)]
        return before + self.names[label] + self.after

    def draw(self, rng, n):
        """n different examples to show. Raises BadInput if there are not as many."""
        if n > len(self.shots):
            raise BadInput(f"--n={n}: the file has only {len(self.shots)} examples to show")
        return rng.sample(self.shots, n)


def split_template(template):
    """What stands before and after the label in one example; "\\n" typed in a shell ends a line."""
    template = template.replace("\\n", "\n")
    if re.findall(r"\{text\}|\{label\}", template) != ["{text}", "{label}"]:
        raise BadInput(
            f"--template={template!r}: expected one {{text}} and after it one "
            "{label}, such as 'Review: {text}\\nSentiment: {label}\\n\\n'"
        )
    return template.split("{label}")


def words_of(labels, found, path):
    """{label: the word shown for it}: as --labels says, else the label itself."""
    names = {label: label for label in sorted(found)}
    if labels:
        pairs = [pair.partition("=")[::2] for pair in labels.split(",")]
        if len(dict(pairs)) < len(pairs) or not all(word for _, word in pairs):
            raise BadInput(f"--labels={labels}: expected 0=negative,1=positive, each label once")
        names |= dict(pairs)
    if set(names) != found or len(set(names.values())) < len(found) or len(found) < 2:
        raise BadInput(
            f"{path} holds the labels {', '.join(sorted(found))[:200]}; this needs "
            "two or more, and in --labels one word for each, no two alike"
        )
    return names


# --- materials -----------------------------------------------------------------------------------


class FileMaterials:
    """Materials from a classification file: what demonstrations need from one half of it, test
    inputs from the other; words are drawn from its own; "other inputs" are sentences of the tiny
    world, most of them of about the length of the input that they replace (Min et al., App. B)."""

    def __init__(self, file, seed):
        """file: a LabelledFile. Raises BadInput if it has too few words."""
        self.file = file
        self.seed = seed
        self.names = list(file.names)
        self.options = list(file.names.values())
        words = set()
        for text, _ in (*file.shots, *file.queries):
            words.update(text.split())
        self.words = [w for w in sorted(words) if w.isalpha() and w not in self.options]
        if len(self.words) < len(self.options):
            raise BadInput(
                f"{file.path} holds too few words to stand in for its labels; expected "
                "a file of sentences"
            )
        documents = World().documents(seed=seed)
        self.sentences = []
        for _ in range(300):
            self.sentences += filter(None, next(documents).split("\n"))
        self.lengths = np.array([len(line.split()) for line in self.sentences])

    def elsewhere(self, text, rng):
        """A sentence of another corpus, with weight exp(−(difference in words)² / 50)."""
        weights = np.exp(-((self.lengths - len(text.split())) ** 2) / 50.0) + 1e-12
        return rng.choices(self.sentences, weights.tolist())[0]

    def nonsense(self, text, rng):
        """As many words as the text has, each drawn from all."""
        return " ".join(rng.choices(self.words, k=len(text.split())))

    def draw(self, n, k):
        """n materials of k demonstrations, each with demonstrations of its own."""
        return [self.draw_one(k, Random(f"demos {self.seed} {k} {i}")) for i in range(n)]

    def draw_one(self, k, rng):
        number = self.names.index
        C = len(self.options)
        shots = self.file.draw(rng, k)
        x, gold = rng.choice(self.file.queries)
        inputs = [text for text, _ in shots]
        uniform = [self.nonsense(text, rng) for text in inputs]
        return Material(
            inputs=inputs,
            labels=[number(y) for _, y in shots],
            x=x,
            gold=number(gold),
            options=self.options,
            other=[self.elsewhere(text, rng) for text in inputs],
            uniform=uniform,
            foreign=rng.sample(self.words, C),
            random=[rng.randrange(C) for _ in range(k)],
            marginal=[number(y) for _, y in rng.choices(self.file.shots, k=k)],
            order=rng.sample(range(k), k),
            shift=[rng.randrange(1, C) for _ in range(k)],
        )
