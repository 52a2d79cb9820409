"""New things and persons of which a talk tells, and what is true of them; and which of the words of
evidence are held out (data/world/english_evidence.py holds them)."""

from data.world.english_evidence import (
    ASKED,
    CHECKED,
    NEXT_KIND,
    NOW,
    OF_PERSONS,
    OF_THINGS,
    PERSON,
    PHONE,
    WORLD_VALUES,
)
from data.world.english_strangers import PLAINLY
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


WORDINGS = {
    "asked": by_split("asked", ASKED),
    "now": by_split("now", NOW),
    "checked": by_split("checked", CHECKED),
    "next": by_split("next", NEXT_KIND),
}
ALL_FACTS = by_split("facts", [a for a in {**OF_THINGS, **OF_PERSONS} if a not in PLAINLY])


def facts_of(kinds, plainly=()):
    """{split: kinds of facts} among `kinds`; those that are asked for plainly are learned from."""
    found = {}
    for split in WORDING_SPLITS:
        found[split] = [fact for fact in ALL_FACTS[split] if fact in kinds]
    found["train"] += plainly
    return found


FACTS = {"thing": facts_of(OF_THINGS), "person": facts_of(OF_PERSONS, PLAINLY)}


class Inventory:
    """New things and persons of one split, and all that is known of them and of what changes."""

    def __init__(self, world, rng, split="train"):
        self.world, self.rng, self.split = world, rng, split
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
            subject = name if kind == "person" else f"the {name}"
            # There are few real names: what is true of one may be asked again.
            met = subject in self.subjects and (unknown or not real)
            if not met and subject not in self.unknown:
                (self.unknown if unknown else self.subjects).add(subject)
                return subject

    def value(self, subject, attribute):
        """What is so of a subject, drawn when it is first asked for."""
        key = subject, attribute
        if key not in self.facts:
            person = not subject.startswith("the ")
            own = OF_PERSONS if person else {**WORLD_VALUES, **OF_THINGS}
            self.facts[key] = self.drawn(own[attribute])
        return self.facts[key]

    def drawn(self, values):
        """One of the values of a kind of fact."""
        rng = self.rng
        if values == PHONE:
            return str(rng.randint(100, 9999))
        if values == PERSON:
            if rng.random() < 0.5:
                return self.world.invented(rng, self.split).capitalize()
            return rng.choice(self.world.wordings["PEOPLE"][self.split])
        return rng.choice(values)
