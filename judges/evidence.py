"""The exam of evidence: does a model look up what it cannot know, and say what it found?

    python -m judges.evidence out/sft/ckpt.pt            on names, wordings and facts of the test
    python -m judges.evidence out/sft/ckpt.pt --dev      for choosing between models

Every question is of things and persons made up for it, or of what has changed since pretraining;
among them stand questions that need no look-up. An answer is supported if it says what the inserted
line says, and no word more. This is a program's judgement in a tiny world: another test than that
of Sparrow (Glaese et al. 2022), whose raters read the evidence, and not to be held against it.
"""

import functools
import re
import sys
from dataclasses import dataclass

import numpy as np

from data.knowledge import Knowledge, key_of, nothing
from data.questions import world_read
from data.world import world_named
from data.world.evidence import REMEMBERED_KINDS, SEARCHED, questions
from data.world.tasks import ATTRIBUTES
from judges.exam import ROOM, verdicts
from judges.hidden import world_of
from plumbing.config import parse_config, path_and_options, positive
from plumbing.errors import BadInput, run
from plumbing.machine import setup
from plumbing.records import wilson
from sampling import open_checkpoint, respond

FOUND_KINDS = tuple(kind for kind in SEARCHED if kind != "not found")
# Of these nothing is known but what can be looked up: new things and persons, new kinds of facts.
NEW = ("new thing", "new person", "new kind", "known thing", "follow-up")


@functools.cache
def frame(language):
    """The words of a sentence that states a fact, whatever the fact."""
    texts = list(language.FOUND)
    for attribute in ATTRIBUTES:
        texts += language.STATEMENTS[attribute]
    return {*language.FRAME, *language.split_words(re.sub(r"\{\w\}", " ", " ".join(texts)))}


@dataclass
class Config:
    preset: str = "default"  # there is one set of defaults
    n: int = 200  # questions of each kind
    dev: bool = False  # names, wordings and kinds of facts for choosing between models
    seed: int = 0  # of the questions that are drawn
    device: str = "auto"
    dtype: str = "auto"


def holds(words, phrase, language):
    """Whether the words of a phrase stand in a row among some words."""
    return f" {' '.join(language.split_words(phrase))} " in f" {' '.join(words)} "


def unknowing(words, language):
    """Whether an answer says that it does not know."""
    return any(holds(words, phrase, language) for phrase in language.DO_NOT_KNOW_NEEDS)


def says(text, line, language):
    """Whether an answer says what a line says: its value, and no word that the line does not hold;
    of nothing found, that it does not know."""
    names = language.names_in(line)
    words = language.words_by(language.sides_of(text)[0], names)
    if line == nothing(line):
        return unknowing(words, language)
    allowed = frame(language) | set(language.words_by(line, names))
    return holds(words, names[-1], language) and set(words) <= allowed


def mark(prompt, text, evidence):
    """One answer to a question that needs a look-up, marked: {"searched", "query", "right",
    "supported", "said", "denied", ...}. `evidence`: {"search", "result"}, or nothing."""
    lang = world_of(prompt).language
    line = evidence.get("result", "")
    supported = bool(line) and says(text, line, lang)
    query = key_of(evidence.get("search", "")) == key_of(prompt["query"])
    value, memory = prompt["value"], prompt["memory"]
    claimed, denied = (lang.words_by(side, [value, memory]) for side in lang.sides_of(text))
    told = holds(claimed, value, lang) if value else unknowing(claimed, lang)
    return {
        "searched": bool(evidence),
        "query": query,
        "right": told and supported and query,
        "told": told,
        "supported": supported,
        "said": lang.LOOKED in text,
        "denied": bool(denied),
        "remembered": bool(denied) and holds(denied, memory, lang),
    }


def exam(model, tokenizer, machine, n=200, split="test", seed=0, data="world"):
    """{kind: {figure: (right, n)}}: each kind of question with `n` of it, in the language of the
    world that --data calls so. The likeliest answers."""
    prompts, facts = questions(world_named(data), n, seed, split)
    asked = [prompt["messages"] for prompt in prompts]
    found = {}
    answers = {}
    # Without, it cannot search: it says what it would have said.
    for name, lookup in (("with", Knowledge(facts).look_up), ("without", None)):
        texts, ended = respond(
            model, tokenizer, asked, machine, temperature=0.0, max_new_tokens=ROOM, lookup=lookup
        )
        answers[name] = [*zip(prompts, texts, ended)]
    for kind in (*SEARCHED, *REMEMBERED_KINDS):
        rows = {}
        for name, answered in answers.items():
            rows[name] = [row for row in answered if row[0]["kind"] == kind]
        make = searched_figures if kind in SEARCHED else remembered_figures
        found[kind] = make(rows["with"], rows["without"])
    return found


def searched_figures(rows, rows_without):
    """Figures of one kind of question that needs a look-up: {name: (right, n)}."""
    marks = [mark(prompt, text, text.evidence) for prompt, text, _ in rows]
    blind = [mark(prompt, text, {}) for prompt, text, _ in rows_without]
    counts = {name: sum(m[name] for m in marks) for name in marks[0]}
    counts["without"] = sum(m["told"] for m in blind)
    return {name: (count, len(rows)) for name, count in counts.items()}


def remembered_figures(rows, _):
    """The same of a kind that needs none."""
    marked = verdicts(*zip(*rows))
    searched = sum(bool(text.evidence) for _, text, _ in rows)
    right = sum(verdict["correct"] > 0 for verdict in marked)
    return {"searched": (searched, len(rows)), "right": (right, len(rows))}


def total(found, kinds, name, missing=False):
    """(right, n) of one figure over some kinds; with `missing`, how often it is not so."""
    right, n = np.sum([found[kind][name] for kind in kinds], axis=0).tolist()
    return (n - right if missing else right), n


def summary(found):
    """What is asked of evidence, each as (right, n)."""
    return {
        "new facts, right with look-up": total(found, NEW, "right"),
        "new facts, right without": total(found, NEW, "without"),
        "supported by the line": total(found, FOUND_KINDS, "supported"),
        "looks up when needed": total(found, SEARCHED, "searched"),
        "does not otherwise": total(found, REMEMBERED_KINDS, "searched", missing=True),
        "contradicted: followed": total(found, ["contradiction"], "right"),
        "contradicted: looked up, it says": total(found, ["contradiction"], "said"),
        "contradicted: names its memory": total(found, ["contradiction"], "remembered"),
        "not contradicted: denies nothing": total(found, ["agreement"], "denied", missing=True),
        "not found: said": total(found, ["not found"], "right"),
        "right where none is needed": total(found, REMEMBERED_KINDS, "right"),
    }


def share(count):
    """A share with its interval, as text."""
    right, n = count
    low, high = wilson(right, n)
    return f"{right / n:>6.1%} [{low:.0%}, {high:.0%}]"


def table(found):
    """The lines of the exam's report."""
    names = {"searched": "looked up", "query": "right query", "right": "right"}
    names |= {"supported": "supported", "without": "right without"}
    lines = [f"  {'':<15}" + "".join(f"{title:<20}" for title in names.values())]
    for kind, figures in found.items():
        cells = [share(figures[name]) if name in figures else "" for name in names]
        lines.append(f"  {kind:<15}" + "".join(f"{cell:<20}" for cell in cells).rstrip())
    lines += [
        f"  {name:<32}{share(count)}, n = {count[1]}" for name, count in summary(found).items()
    ]
    return lines


def main(argv):
    """The command line: a checkpoint, then options."""
    path, options = path_and_options(argv)
    cfg = parse_config(Config, {"default": {}}, options)
    if not path:
        raise BadInput("which checkpoint? For example: python -m judges.evidence out/sft/ckpt.pt")
    positive(cfg, "n")
    machine = setup(cfg)
    loaded = open_checkpoint(path, machine)
    if loaded.tokenizer.search is None:
        raise BadInput(f"{path} was taught no look-up; make one with sft.py --n_evidence=8000")
    split = "dev" if cfg.dev else "test"
    print(f"{path}: the likeliest answers, {split} split (simulated judge), n = {cfg.n} a kind")
    data = world_read(loaded.checkpoint)
    found = exam(loaded.model, loaded.tokenizer, machine, cfg.n, split, cfg.seed, data)
    print("\n".join(table(found)))


if __name__ == "__main__":
    run(main, sys.argv[1:])
