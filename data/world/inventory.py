"""New things and persons of which a talk tells, and what is true of them; and which of the words of
evidence are held out (english_evidence.py and korean_evidence.py hold them)."""

import functools

from data.world.talk import WORDING_SPLITS, plain
from data.world.tasks import split_keys
from data.world.ways import Ways

REAL_NAMES = 0.25  # share of what is new that has a name of English, or of some people


def by_split(name, texts):
    """{split: texts}; set phrases, where there are any, are learned from only."""
    known, free = texts if isinstance(texts, Ways) else ([], texts)
    met = {plain(text) for text in known}
    kinds = {text: plain(text) for text in free if plain(text) not in met}
    splits = split_keys(f"evidence {name}", dict.fromkeys(kinds.values()), WORDING_SPLITS)
    found = {split: [] for split in WORDING_SPLITS}
    for text, kind in kinds.items():
        found[splits[kind]].append(text)
    return found | {"known": known}


@functools.cache
def wordings_of(language):
    """{name: {split: wordings}} of a language, "known": set phrases."""
    texts = {"asked": language.FACT_ASKED, "now": language.NOW, "checked": language.CHECKED}
    texts["next"] = language.NEXT_KIND
    return {name: by_split(name, ways) for name, ways in texts.items()}


@functools.cache
def facts_of(language):
    """{"thing", "person": {split: kinds of facts}}; those that are asked for plainly are learned
    from."""
    lang = language
    tables = {"thing": lang.OF_THINGS, "person": lang.OF_PERSONS}
    names = {**lang.OF_THINGS, **lang.OF_PERSONS}
    split = by_split("facts", [name for name in names if name not in lang.PLAINLY])
    found = {}
    for kind, table in tables.items():
        found[kind] = {s: [name for name in split[s] if name in table] for s in WORDING_SPLITS}
    found["person"]["train"] += lang.PLAINLY
    return found


class Inventory:
    """New things and persons of one split, and all that is known of them and of what changes."""

    def __init__(self, world, rng, split="train"):
        self.world, self.rng, self.split = world, rng, split
        self.language = world.language
        self.persons = set()  # subjects that are no things
        self.facts = {}  # {(subject, attribute): value}
        self.subjects = set()
        self.unknown = set()  # subjects of which nothing is known, and (subject, attribute)

    def newcomer(self, kind, unknown=False):
        """A thing or person that is new here: "the dax", "Mina"."""
        while True:
            real = self.rng.random() < REAL_NAMES
            if real:
                pool = "PEOPLE" if kind == "person" else "THINGS"
                name = self.rng.choice(self.world.wordings[pool][self.split])
            else:
                name = self.world.invented(self.rng, self.split)
                name = name.capitalize() if kind == "person" else name
            subject = name if kind == "person" else self.language.DEFINITE.format(name)
            # There are few real names: what is true of one may be asked again.
            met = subject in self.subjects and (unknown or not real)
            if not met and subject not in self.unknown:
                (self.unknown if unknown else self.subjects).add(subject)
                if kind == "person":
                    self.persons.add(subject)
                return subject

    def value(self, subject, attribute):
        """What is so of a subject, drawn when it is first asked for."""
        key = subject, attribute
        if key not in self.facts:
            lang = self.language
            things = {**lang.WORLD_VALUES, **lang.OF_THINGS}
            own = lang.OF_PERSONS if subject in self.persons else things
            self.facts[key] = self.drawn(own[attribute])
        return self.facts[key]

    def drawn(self, values):
        """One of the values of a kind of fact."""
        rng = self.rng
        if values == self.language.PHONE:
            return str(rng.randint(100, 9999))
        if values == self.language.PERSON:
            if rng.random() < 0.5:
                return self.world.invented(rng, self.split).capitalize()
            return rng.choice(self.world.wordings["PEOPLE"][self.split])
        return rng.choice(values)
