"""What people say when they talk, in the tiny world, and which of it is held out.

SKILLS names what is taught and examined: follow-ups, memory, "I do not know", and what people type.
turns.py and conversation.py make the talks. Names, words and wordings are split as the facts are,
by a hash: those of the split "test" stand in no text that is learned from. Set phrases ("Goodbye!")
are for all; a wording that is held out is made of them and of what may stand before and after.
"""

import itertools
import re

from data.world.languages import ENGLISH
from data.world.tasks import ATTRIBUTES, Tasks, split_keys, stable_hash
from data.world.ways import Ways

WORDING_SPLITS = {"train": 0.70, "dev": 0.10, "test": 0.20}
ACTS = {  # skill: the acts of talk that belong to it
    "greeting": ["hello", "thanks", "bye", "how"],
    "identity": ["identity", "ability"],
    "manners": ["remark", "rude"],
    "scope": ["outside", "nonsense"],
}
# What is examined, and how often each comes in talk that is learned from.
SKILLS = {
    **{"typed": 2, "digits": 1.5, "two questions": 2.5, "long line": 0.7},  # what people type
    **{"pronoun": 3.5, "ellipsis": 5, "stands by": 3.5, "mends": 3},  # follow-ups
    **{"memory 1": 1.5, "memory 2": 1.5, "memory 3": 1.5, "memory 4": 1.5, "never told": 1.2},
    **{"one word 1": 0.6, "one word 2": 0.6, "one word 3": 0.6, "one word 4": 0.6},
    **{"unknown thing": 4, "unknown word": 2, "unknown person": 2, "too large a sum": 1},
    **{"greeting": 2, "identity": 1.5, "manners": 1, "scope": 1.5},  # small talk is full of these
}
SHORT = tuple(skill for skill in SKILLS if skill[-1] not in "34")  # at most three turns
MARKED_BY = ("task", "item", "answers", "needs", "forbids", "most")  # what the judge reads
TYPED = 0.3  # share of turns that are typed as people in a hurry type
SET_PHRASES = 0.5  # share of what learners meet that is a set phrase, where there are any
FOLLOWED = [*ATTRIBUTES, "opposite", "past", "sum", "next"]  # questions that "And ...?" repeats
SAME_FORM = ["opposite", "past", *ATTRIBUTES]


def plain(text):
    """The words of a text, in lower case."""
    return " ".join(re.findall(r"\w+|\{\w*\}", text.lower())) or text


class Talk(Tasks):
    """The words of talk, and which of them are held out."""

    def __init__(self, seed=0, language=ENGLISH):
        super().__init__(seed, language)
        # {act: [answer to another act]}, without those that would do
        self.misfits = {act: [] for act in language.ANSWERS}
        for act, other in itertools.permutations(language.ANSWERS, 2):
            needed = language.NEEDS[act][-1]
            for text in language.ANSWERS[other]:
                if not any(phrase in text.lower() for phrase in needed):
                    self.misfits[act].append(text)
        self.wordings = {}  # {name: {split: [text], "known": [set phrase]}}
        for table in (language.WORDINGS, language.FOLLOW_UPS, language.STRANGERS):
            for name, ways in table.items():
                self._split(name, ways)
        for what, memory in language.MEMORIES.items():
            self._split(what + " tell", memory["tell"])
            self._split(what + " ask", memory["ask"])
        known = {word.lower() for word in self.words}
        self._split("THINGS", [thing for thing in language.THINGS if thing not in known])
        # Every word that somebody may say: no invented one is among them.
        texts = [self.asked.values(), self.said.values()]
        texts += [ways.values() for ways in self.wordings.values()]
        said = itertools.chain.from_iterable(itertools.chain(*texts))
        self.known = known | {word for text in said for word in plain(text).split()}

    def _split(self, name, ways):
        """Which of some texts are held out. What differs in capitals and signs goes together; set
        phrases are known to all."""
        known, free = ways if isinstance(ways, Ways) else ([], ways)
        met = {plain(text) for text in known}
        kinds = {text: plain(text) for text in free if plain(text) not in met}
        splits = split_keys("talk " + name, dict.fromkeys(kinds.values()), WORDING_SPLITS)
        self.wordings[name] = {"known": known, **{split: [] for split in WORDING_SPLITS}}
        for text, kind in kinds.items():
            self.wordings[name][splits[kind]].append(text)

    def wording(self, name, split, rng):
        """A way to say something. Half of what learners meet are set phrases, the commonest most:
        the r-th as often as 1/r (Zipf's law)."""
        known = self.wordings[name]["known"]
        if split == "train" and known and rng.random() < SET_PHRASES:
            return rng.choices(known, [1 / rank for rank in range(1, len(known) + 1)])[0]
        return rng.choice(self.wordings[name][split])

    def invented(self, rng, split):
        """A word that nobody has ever said; its hash says which split it belongs to."""
        while True:
            word = self.language.coin(rng, self.words)
            share = stable_hash(word) % 10
            own = "test" if share < 2 else "dev" if share == 2 else "train"
            if own == split and len(word) >= self.language.SHORTEST and word not in self.known:
                return word

    def foreign_word(self, rng, split):
        """A word that the world does not hold: invented, or of English or of some people."""
        style = rng.random()
        if style < 0.75:
            word = self.invented(rng, split)
        elif style < 0.87:
            word = rng.choice(self.wordings["THINGS"][split])
        elif style < 0.93:
            word = rng.choice(self.wordings["WORDS"][split])
        else:
            return rng.choice(self.wordings["PEOPLE"][split])
        return word.capitalize() if rng.random() < 0.3 else word

    def shown(self, task, item):
        """An item as a sentence names it: "the lamp"."""
        return self.language.DEFINITE.format(item) if task in ATTRIBUTES else item
