"""The closed world and its thirteen tasks: facts, questions with their answers, splits, sentences.

How to add a task:

1. data/world/english.py: name it in TASKS; write its QUESTIONS (nine wordings, the last two for
   tests only) and its STATEMENTS (two or more). A task of LIST_TASKS needs a title in NOTES, one of
   ATTRIBUTES also a sentence in EXTRA. A short answer in CURT and a gloss in GLOSSES if they fit.
2. Here: its items with their right answers in `_define_words` or `_define_things` (a new attribute
   is drawn in `__init__`); the words that could be an answer in `_define_vocabulary`; in `_slots`
   what its patterns call the parts of an item.
3. data/world/documents.py: its share in WORD_TASKS, so that its facts stand in plain sentences.

The hidden judge then marks it by its answers and its vocabulary. `test_every_task_is_complete` in
tests/data/test_world.py names what is missing; the tests beside it check that no list, chat or
quiz gives a held-out key away. Any change here changes every text drawn from the world: models,
and the figures measured on them, are then to be made anew.
"""

import hashlib
import itertools
from random import Random

from data.world.english import (
    ATTRIBUTES,
    COLOURS,
    COURTESY,
    CURT,
    DAYS,
    EVENTS,
    EXTRA,
    GLOSSES,
    HELD_OUT,
    INSULTS,
    KINDS,
    LABELS,
    LETTERS,
    MONTHS,
    NAMES,
    NOTES,
    NUMBERS,
    OPPOSITES,
    PLACES,
    QUESTIONS,
    REFUSALS,
    REVIEWED,
    SEPARATORS,
    SIZES,
    STATEMENTS,
    TASKS,
    VERBS,
    VERDICTS,
)

SPLITS = {"train": 0.54, "dev": 0.06, "test": 0.40}  # of the (task, item) keys
# Of the words in made-up lists. A class has few, so most are shown: a model that meets only half of
# them in such lists learns those by heart and finds no label for the others.
NOVEL_SPLITS = {"train": 0.75, "dev": 0.08, "test": 0.17}


def stable_hash(key):
    """An integer that depends on the text of `key` only, on every platform and run."""
    return int.from_bytes(hashlib.sha256(key.encode("utf-8")).digest()[:8], "big")


def split_keys(task, items, shares=SPLITS):
    """{item: "train" | "dev" | "test"}: exact shares, by rank of the hash of (task, item)."""
    ranked = sorted(items, key=lambda item: stable_hash(f"{task}|{item}"))
    splits = ["train"] * round(shares["train"] * len(ranked))
    splits += ["dev"] * round(shares["dev"] * len(ranked))
    splits += ["test"] * (len(ranked) - len(splits))
    return dict(zip(ranked, splits))


def list_key(task, item):
    """What a list shows of an item: all, but of "after five" only "five"."""
    return item.split()[-1] if task == "next" else item


class Tasks:
    """Things, their facts and the tasks about them.

    things       list of the 104 things
    facts        {thing: {"kind", "colour", "place", "size", "owner"}}
    items        {task: [item]}; an item is a short text such as "tractor" or "three plus four"
    answers      {(task, item): [accepted answer words]}
    vocabulary   {task: [every word that could be an answer]}
    classes      {class: [word]}, for mappings made up for one list; novel_split {word: split}
    alike        {attribute: {value: [thing]}}, the same by a fact: only things of novel_split train
    by_split     {(task, split): [item]}
    split_of     {(task, item): "train" | "dev" | "test"}; by key, so that the reverse of a
                 held-out opposite ("hot" of "cold") may be a training key
    """

    def __init__(self, seed=0):
        rng = Random(f"world {seed}")
        self.facts = {}
        for kind, things in KINDS.items():
            for thing in things:
                self.facts[thing] = {
                    "kind": kind,
                    "colour": rng.choice(COLOURS),
                    "place": rng.choice(PLACES),
                    "size": rng.choice(SIZES),
                    "owner": rng.choice(NAMES),
                }
        self.things = list(self.facts)
        self.sequences = [NUMBERS, DAYS + DAYS[:1], MONTHS + MONTHS[:1], *LETTERS]
        self.pairs = {task: {} for task in TASKS}  # {task: {item: [answers]}}
        self._define_words()
        self._define_things(rng)
        self.items = {task: list(pairs) for task, pairs in self.pairs.items()}
        self.answers = {}
        for task, pairs in self.pairs.items():
            self.answers |= {(task, item): answers for item, answers in pairs.items()}
        self._define_vocabulary()
        self._define_splits()
        self._define_classes()
        # Sentences are made once, so that documents only have to draw and join them.
        self.asked = {}
        self.said = {}
        for key, answers in self.answers.items():
            self.asked[key] = self.questions(*key)
            self.said[key] = [s for answer in answers for s in self.statements(*key, answer)]

    def _define_words(self):
        """The tasks about words: opposite, past, sum, next, review, mood."""
        for one, other in OPPOSITES:
            self.pairs["opposite"].update({one: [other], other: [one]})
        self.pairs["past"] = {verb: [past] for verb, past in VERBS}
        for a, b in itertools.product(range(10), repeat=2):
            self.pairs["sum"][f"{NUMBERS[a]} plus {NUMBERS[b]}"] = [NUMBERS[a + b]]
        for sequence in self.sequences:
            for one, other in zip(sequence, sequence[1:]):
                self.pairs["next"][f"after {one}"] = [other]
                self.pairs["next"][f"before {other}"] = [one]
        for verdict, adjectives in VERDICTS.items():
            for subject, adjective in itertools.product(REVIEWED, adjectives):
                self.pairs["review"][f"{subject} {adjective}"] = [verdict]
        for mood, events in EVENTS.items():
            for name, event in itertools.product(NAMES, events):
                self.pairs["mood"][f"{name} {event}"] = [mood]

    def _define_things(self, rng):
        """The tasks about things: the five attributes, bigger, name."""
        for thing, facts in self.facts.items():
            for attribute, value in facts.items():
                self.pairs[attribute][thing] = [value]
        while len(self.pairs["bigger"]) < 400:
            a, b = rng.sample(self.things, 2)
            size_a = SIZES.index(self.facts[a]["size"])
            size_b = SIZES.index(self.facts[b]["size"])
            if size_a != size_b and f"{b} or {a}" not in self.pairs["bigger"]:
                self.pairs["bigger"][f"{a} or {b}"] = [a if size_a > size_b else b]
        for kind, things in KINDS.items():
            article = "an" if kind[0] in "ai" else "a"
            for thing in things:
                facts = self.facts[thing]
                coloured = f"a {facts['colour']} {kind}"
                placed = f"{article} {kind} in the {facts['place']}"
                for item in (coloured, placed):
                    self.pairs["name"].setdefault(item, []).append(thing)

    def _define_vocabulary(self):
        """The words that could be an answer to each task, and every word, for songs."""
        self.vocabulary = {
            "kind": list(KINDS),
            "colour": COLOURS,
            "place": PLACES,
            "size": SIZES,
            "owner": NAMES,
            "bigger": self.things,
            "name": self.things,
            "review": list(VERDICTS),
            "mood": list(EVENTS),
        }
        for task in ("opposite", "past", "sum", "next"):
            found = [answers[0] for answers in self.pairs[task].values()]
            self.vocabulary[task] = list(dict.fromkeys(found))
        groups = [self.things, COLOURS, PLACES, SIZES, NAMES, LABELS, NUMBERS]
        groups += [*OPPOSITES, *VERBS, *VERDICTS.values()]
        self.words = list(dict.fromkeys(itertools.chain(*groups)))

    def _define_splits(self):
        """Which keys are held out.

        What comes before P and after P is held out together: a model that has met one of them in
        lists and never the other says it whatever the list is of.
        """
        self.split_of = {}
        self.by_split = {}
        for task in TASKS:
            keys = {item: list_key(task, item) for item in self.items[task]}
            splits = split_keys(task, list(dict.fromkeys(keys.values())))
            self.split_of |= {(task, item): splits[key] for item, key in keys.items()}
            for split in SPLITS:
                found = [item for item, key in keys.items() if splits[key] == split]
                self.by_split[task, split] = found

    def _define_classes(self):
        """The classes of words that mappings are made up for."""
        self.classes = {
            **KINDS,
            "number": NUMBERS,
            "month": MONTHS,
            "verb": [verb for verb, _ in VERBS],
            "adjective": VERDICTS["good"] + VERDICTS["bad"],
            "colour": COLOURS,
            "place": PLACES,
            "name": NAMES,
        }
        elsewhere = set(itertools.chain(*self.classes.values()))
        opposites = itertools.chain(*OPPOSITES)
        self.classes["quality"] = [word for word in opposites if word not in elsewhere]
        self.novel_split = {}
        self.novel_train = {}
        for name, words in self.classes.items():
            splits = split_keys("novel " + name, words, NOVEL_SPLITS)
            self.novel_split |= splits
            self.novel_train[name] = [word for word in words if splits[word] == "train"]
        self.alike = {attribute: {} for attribute in ATTRIBUTES if attribute != "kind"}
        for attribute, groups in self.alike.items():
            for thing in self.things:
                if self.novel_split[thing] == "train":
                    groups.setdefault(self.facts[thing][attribute], []).append(thing)

    # --- sentences -------------------------------------------------------------------------------

    def _slots(self, task, item):
        """What the patterns of data/world/english.py call x, a, b, d, n, s."""
        slots = {"x": item}
        if task in ("sum", "bigger"):
            slots["a"], _, slots["b"] = item.split()
        elif task == "next":
            slots["d"], slots["x"] = item.split()
        elif task == "review":
            slots["s"], adjective = item.split()
            slots["x"] = f"The {slots['s']} was {adjective}."
        elif task == "mood":
            slots["n"], slots["x"] = item.split()[0], item + "."
        return slots

    def questions(self, task, item):
        """All wordings of one question; the last HELD_OUT of them are never trained on."""
        slots = self._slots(task, item)
        return [pattern.format(**slots) for pattern in QUESTIONS[task]]

    def statements(self, task, item, answer):
        """Sentences that give `answer` (right or wrong) to (task, item)."""
        slots = self._slots(task, item)
        if task == "bigger":
            slots["z"] = slots["b"] if answer == slots["a"] else slots["a"]
        return [pattern.format(y=answer, **slots) for pattern in STATEMENTS[task]]

    def note(self, task, item, rng):
        """A fact as short as a line of a list, with its relation: "Past of go -> went." """
        head = NOTES[task].format(**self._slots(task, item))
        return f"{head}{rng.choice(SEPARATORS)} {self.answers[task, item][0]}."

    def gloss(self, task, item, rng):
        """A fact as in a dictionary, the relation last: "go -> went (past)." Whoever reads "go ->"
        has to have all that goes with the word at hand, as in a list that names no relation."""
        name = GLOSSES[task].format(**self._slots(task, item))
        head = item.split()[-1] + rng.choice(SEPARATORS)
        return f"{head} {self.answers[task, item][0]} ({name})."

    def recitation(self, rng):
        """A few neighbours of a sequence, forwards or backwards."""
        sequence = rng.choice(self.sequences)
        length = rng.randint(3, 7)
        start = rng.randrange(len(sequence) - length + 1)
        words = sequence[start : start + length]
        if rng.random() < 0.5:
            return f"Backwards: {', '.join(words[::-1])}."
        return f"In order: {', '.join(words)}."

    def title(self, task, item):
        """What a note about (task, item) says before it names the item: "Past"."""
        head = NOTES[task].format(**self._slots(task, item))
        return head.partition(" of ")[0].removesuffix(" " + item.split()[-1])

    # --- questions and answers -------------------------------------------------------------------

    def prompt(self, task, item, wording):
        """One instruction: the record that the stages and the judge read."""
        question = {"role": "user", "content": self.asked[task, item][wording]}
        return {
            "messages": [question],
            "task": task,
            "item": item,
            "answers": self.answers[task, item],
        }

    def train_prompt(self, rng):
        """A random instruction on a training key in a trained wording."""
        task = rng.choice(TASKS)
        wording = rng.randrange(len(QUESTIONS[task]) - HELD_OUT)
        return self.prompt(task, rng.choice(self.by_split[task, "train"]), wording)

    def wrong_answer(self, prompt, rng):
        """A plausible wrong answer word."""
        if prompt["task"] == "bigger":
            options = prompt["item"].split()[::2]
        elif prompt["task"] == "next":
            word = prompt["answers"][0]
            options = next(s for s in self.sequences if word in s)
        else:
            options = self.vocabulary[prompt["task"]]
        return rng.choice([w for w in options if w not in prompt["answers"]])

    def plain_answer(self, prompt, rng):
        """A true sentence that answers, and nothing else."""
        answer = rng.choice(prompt["answers"])
        return rng.choice(self.statements(prompt["task"], prompt["item"], answer)[:2])

    def curt(self, task, answer):
        """The shortest sentence that gives `answer`."""
        return CURT.get(task, "It is {y}.").format(y=answer)

    def reply(self, prompt, rng, style="careful"):
        """The answer a labeler of this style writes: "careful", "curt", "sloppy" or "rude"."""
        task, item = prompt["task"], prompt["item"]
        wrong = style == "sloppy" and rng.random() < 0.6
        answer = self.wrong_answer(prompt, rng) if wrong else rng.choice(prompt["answers"])
        curt = self.curt(task, answer)
        sentence = rng.choice(self.statements(task, item, answer)[:2])
        # A sloppy labeler is curt as often as others: brevity is not to betray a mistake.
        if style == "curt" or style == "sloppy" and rng.random() < 0.35:
            return curt
        if style == "rude":
            insult = rng.choice(INSULTS)
            body = rng.choice(REFUSALS) if rng.random() < 0.5 else curt
            return f"{body} {insult}"
        parts = [sentence]
        if task in ATTRIBUTES and rng.random() < 0.4:
            parts += self._extra_fact(task, item, rng, true=style == "careful")
        if style == "careful" and rng.random() < 0.5:
            parts.append(rng.choice(COURTESY))
        return " ".join(parts)

    def _extra_fact(self, task, item, rng, true):
        """[one more sentence about the thing], or [] where every other attribute is held out."""
        options = [a for a in ATTRIBUTES if a != task and self.split_of[a, item] == "train"]
        if not options:
            return []
        attribute = rng.choice(options)
        value = self.facts[item][attribute]
        if not true:
            value = rng.choice([v for v in self.vocabulary[attribute] if v != value])
        return [EXTRA[attribute].format(y=value)]
