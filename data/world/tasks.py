"""The closed world and its thirteen tasks: facts, questions with their answers, splits, sentences.

How to add a task:

1. Each language (data/world/english.py, korean.py): write its QUESTIONS (nine wordings, the last
   two for tests only) and its STATEMENTS (two or more). A task of LIST_TASKS needs NOTES and
   TITLES, one of ATTRIBUTES also a sentence in EXTRA. A short answer in CURT and a gloss in GLOSSES
   if they fit. Its share in WORD_TASKS lets its facts stand in plain sentences.
2. Here: name it in TASKS; its items with their right answers, and what its patterns call their
   parts, in `_define_words` or `_define_things` (a new attribute is drawn in `__init__`); the words
   that could be an answer in `_define_vocabulary`.

The hidden judge then marks it by its answers and its vocabulary. `test_every_task_is_complete` in
tests/data/test_world.py names what is missing; the tests beside it check that no list, chat or
quiz gives a held-out key away. Any change here changes every text drawn from the world: models,
and the figures measured on them, are then to be made anew.
"""

import hashlib
import itertools
from random import Random

from data.world.languages import ENGLISH

ATTRIBUTES = "kind colour place size owner".split()  # the facts about each thing
LIST_TASKS = ATTRIBUTES + "opposite past sum next".split()  # those with lists of examples
TASKS = LIST_TASKS + "bigger name review mood".split()
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


class Tasks:
    """Things, their facts and the tasks about them.

    language     its words and patterns (data/world/languages.py)
    things       list of the 104 things
    facts        {thing: {"kind", "colour", "place", "size", "owner"}}
    items        {task: [item]}; an item is a short text such as "tractor" or "three plus four"
    answers      {(task, item): [accepted answer words]}
    slots        {(task, item): what patterns call its parts: x, a, b, d, n, s}
    vocabulary   {task: [every word that could be an answer]}
    classes      {class: [word]}, for mappings made up for one list; novel_split {word: split}
    alike        {attribute: {value: [thing]}}, the same by a fact: only things of novel_split train
    by_split     {(task, split): [item]}
    split_of     {(task, item): "train" | "dev" | "test"}; by key, so that the reverse of a
                 held-out opposite ("hot" of "cold") may be a training key
    in_order     {task: the splits of its keys, in order}
    """

    def __init__(self, seed=0, language=ENGLISH):
        self.language = language
        # What a prompt says of its world, for the judge: nothing, where it is the English one.
        self.named = {} if language is ENGLISH else {"world": language.WORLD}
        # What is held out of one language is held out of all: by the English keys.
        self.first = self if language is ENGLISH else Tasks(seed)
        rng = Random(f"world {seed}")
        self.facts = {}
        for kind, things in language.KINDS.items():
            for thing in things:
                self.facts[thing] = {
                    "kind": kind,
                    "colour": rng.choice(language.COLOURS),
                    "place": rng.choice(language.PLACES),
                    "size": rng.choice(language.SIZES),
                    "owner": rng.choice(language.NAMES),
                }
        self.things = list(self.facts)
        rounds = [names + names[:1] for names in (language.DAYS, language.MONTHS)]
        self.sequences = [language.NUMBERS, *rounds, *language.LETTERS]
        self.pairs = {task: {} for task in TASKS}  # {task: {item: [answers]}}
        self.slots = {}
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

    def _key(self, task, item, answer, **slots):
        """One more item of a task, with its answer."""
        self.pairs[task][item] = [answer]
        self.slots[task, item] = {"x": item, **slots}

    def _define_words(self):
        """The tasks about words: opposite, past, sum, next, review, mood."""
        lang = self.language
        for one, other in lang.OPPOSITES:
            self._key("opposite", one, other)
            self._key("opposite", other, one)
        for verb, past in lang.VERBS:
            self._key("past", verb, past)
        for a, b in itertools.product(range(10), repeat=2):
            numbers = {"a": lang.NUMBERS[a], "b": lang.NUMBERS[b]}
            item = lang.ITEMS["sum"].format(**numbers)
            self._key("sum", item, lang.NUMBERS[a + b], **numbers)
        after, before = lang.DIRECTIONS
        for sequence in self.sequences:
            for one, other in zip(sequence, sequence[1:]):
                for d, x, answer in ((after, one, other), (before, other, one)):
                    self._key("next", lang.ITEMS["next"].format(d=d, x=x), answer, d=d, x=x)
        for verdict, adjectives in lang.VERDICTS.items():
            for s, adjective in itertools.product(lang.REVIEWED, adjectives):
                text = lang.review(s, adjective)
                self._key("review", f"{s} {adjective}", verdict, s=s, x=text)
        for mood, events in lang.EVENTS.items():
            for n, happened in itertools.product(lang.NAMES, events):
                text = lang.event(n, happened)
                self._key("mood", f"{n} {happened}", mood, n=n, x=text)

    def _define_things(self, rng):
        """The tasks about things: the five attributes, bigger, name."""
        lang = self.language
        for thing, facts in self.facts.items():
            for attribute, value in facts.items():
                self._key(attribute, thing, value)
        while len(self.pairs["bigger"]) < 400:
            a, b = rng.sample(self.things, 2)
            size_a = lang.SIZES.index(self.facts[a]["size"])
            size_b = lang.SIZES.index(self.facts[b]["size"])
            item, reverse = (lang.ITEMS["bigger"].format(a=x, b=y) for x, y in ((a, b), (b, a)))
            if size_a != size_b and reverse not in self.pairs["bigger"]:
                self._key("bigger", item, a if size_a > size_b else b, a=a, b=b)
        for kind, things in lang.KINDS.items():
            for thing in things:
                facts = self.facts[thing]
                coloured = lang.some(kind, colour=facts["colour"])
                placed = lang.some(kind, place=facts["place"])
                for item in (coloured, placed):
                    self.pairs["name"].setdefault(item, []).append(thing)
                    self.slots["name", item] = {"x": item}

    def _define_vocabulary(self):
        """The words that could be an answer to each task, and every word, for songs."""
        lang = self.language
        self.vocabulary = {
            "kind": list(lang.KINDS),
            "colour": lang.COLOURS,
            "place": lang.PLACES,
            "size": lang.SIZES,
            "owner": lang.NAMES,
            "bigger": self.things,
            "name": self.things,
            "review": list(lang.VERDICTS),
            "mood": list(lang.EVENTS),
        }
        for task in ("opposite", "past", "sum", "next"):
            found = [answers[0] for answers in self.pairs[task].values()]
            self.vocabulary[task] = list(dict.fromkeys(found))
        groups = [self.things, lang.COLOURS, lang.PLACES, lang.SIZES, lang.NAMES, lang.LABELS]
        groups += [lang.NUMBERS, *lang.OPPOSITES, *lang.VERBS, *lang.VERDICTS.values()]
        self.words = list(dict.fromkeys(itertools.chain(*groups)))

    def _define_splits(self):
        """Which keys are held out.

        What comes before P and after P is held out together: a model that has met one of them in
        lists and never the other says it whatever the list is of.
        """
        self.split_of = {}
        self.by_split = {}
        self.in_order = {}
        for task in TASKS:
            keys = {item: self.list_key(task, item) for item in self.items[task]}
            shown = list(dict.fromkeys(keys.values()))
            if self.first is self:
                splits = split_keys(task, shown)
                self.in_order[task] = [splits[key] for key in shown]
            splits = dict(zip(shown, self.first.in_order[task], strict=True))
            self.split_of |= {(task, item): splits[key] for item, key in keys.items()}
            for split in SPLITS:
                found = [item for item, key in keys.items() if splits[key] == split]
                self.by_split[task, split] = found

    def _define_classes(self):
        """The classes of words that mappings are made up for."""
        lang = self.language
        self.classes = {
            **lang.KINDS,
            "number": lang.NUMBERS,
            "month": lang.MONTHS,
            "verb": [verb for verb, _ in lang.VERBS],
            "adjective": list(itertools.chain(*lang.VERDICTS.values())),
            "colour": lang.COLOURS,
            "place": lang.PLACES,
            "name": lang.NAMES,
        }
        elsewhere = set(itertools.chain(*self.classes.values()))
        opposites = itertools.chain(*lang.OPPOSITES)
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

    def list_key(self, task, item):
        """What a list shows of an item: all, but of "after five" only "five"."""
        return self.slots[task, item]["x"] if task == "next" else item

    def written(self, pattern, task, item, **slots):
        """A pattern of the language with the parts of an item; also of one that is not here."""
        slots = {**self.slots.get((task, item), {"x": item}), **slots}
        return self.language.write(pattern, **slots)

    def questions(self, task, item):
        """All wordings of one question; the last HELD_OUT of them are never trained on."""
        return [self.written(pattern, task, item) for pattern in self.language.QUESTIONS[task]]

    def statements(self, task, item, answer):
        """Sentences that give `answer` (right or wrong) to (task, item)."""
        slots = {"y": answer}
        if task == "bigger":
            one, other = (self.slots[task, item][name] for name in "ab")
            slots["z"] = other if answer == one else one
        patterns = self.language.STATEMENTS[task]
        return [self.written(pattern, task, item, **slots) for pattern in patterns]

    def note(self, task, item, rng):
        """A fact as short as a line of a list, with its relation: "Past of go -> went." """
        head = self.written(self.language.NOTES[task], task, item)
        separator = rng.choice(self.language.SEPARATORS)
        return f"{head}{separator} {self.answers[task, item][0]}."

    def gloss(self, task, item, rng):
        """A fact as in a dictionary, the relation last: "go -> went (past)." Whoever reads "go ->"
        has to have all that goes with the word at hand, as in a list that names no relation."""
        name = self.written(self.language.GLOSSES[task], task, item)
        head = self.list_key(task, item) + rng.choice(self.language.SEPARATORS)
        return f"{head} {self.answers[task, item][0]} ({name})."

    def recitation(self, rng):
        """A few neighbours of a sequence, forwards or backwards."""
        sequence = rng.choice(self.sequences)
        length = rng.randint(3, 7)
        start = rng.randrange(len(sequence) - length + 1)
        words = sequence[start : start + length]
        forwards, backwards = self.language.IN_ORDER
        if rng.random() < 0.5:
            return backwards.format(", ".join(words[::-1]))
        return forwards.format(", ".join(words))

    def title(self, task, item):
        """What a list of facts such as (task, item) is called: "Past"."""
        return self.written(self.language.TITLES[task], task, item)

    # --- questions and answers -------------------------------------------------------------------

    def prompt(self, task, item, wording):
        """One instruction: the record that the stages and the judge read."""
        question = {"role": "user", "content": self.asked[task, item][wording]}
        return {
            "messages": [question],
            "task": task,
            "item": item,
            "answers": self.answers[task, item],
            **self.named,
        }

    def train_prompt(self, rng):
        """A random instruction on a training key in a trained wording."""
        task = rng.choice(TASKS)
        wording = rng.randrange(len(self.language.QUESTIONS[task]) - self.language.HELD_OUT)
        return self.prompt(task, rng.choice(self.by_split[task, "train"]), wording)

    def wrong_answer(self, prompt, rng):
        """A plausible wrong answer word."""
        if prompt["task"] == "bigger":
            options = [self.slots["bigger", prompt["item"]][name] for name in "ab"]
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
        pattern = self.language.CURT.get(task, self.language.CURT_ELSE)
        return self.language.write(pattern, y=answer)

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
            insult = rng.choice(self.language.INSULTS)
            refuses = rng.random() < 0.5
            body = rng.choice(self.language.REFUSALS) if refuses else self.language.rudely(curt)
            return f"{body} {insult}"
        parts = [sentence]
        if task in ATTRIBUTES and rng.random() < 0.4:
            parts += self._extra_fact(task, item, rng, true=style == "careful")
        if style == "careful" and rng.random() < 0.5:
            parts.append(rng.choice(self.language.COURTESY))
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
        return [self.extra(attribute, value)]

    def extra(self, attribute, value):
        """One more fact about a thing that was just named."""
        return self.language.write(self.language.EXTRA[attribute], y=value)
