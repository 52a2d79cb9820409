"""What people say when they talk, in the tiny world, and which of it is held out.

SKILLS names what is taught and examined: follow-ups, memory, "I do not know", and what people type.
turns.py and conversation.py make the talks. Names, words and wordings are split as the facts are,
by a hash: those of the split "test" stand in no text that is learned from. Set phrases ("Goodbye!")
are for all; a wording that is held out is made of them and of what may stand before and after.
"""

import itertools
import re

from data.world.english import ATTRIBUTES, NUMBERS
from data.world.english_talk import ANSWERS, FOLLOW_UPS, MEMORIES, NEEDS, WORDINGS, Ways
from data.world.strangers import CODAS, ONSETS, STRANGERS, THINGS, VOWELS
from data.world.tasks import Tasks, split_keys, stable_hash

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
BLENDS = 0.5  # share of invented words that are blends, so that parts of known words are copied too
TYPED = 0.3  # share of turns that are typed as people in a hurry type
SET_PHRASES = 0.5  # share of what learners meet that is a set phrase, where there are any
FOLLOWED = [*ATTRIBUTES, "opposite", "past", "sum", "next"]  # questions that "And ...?" repeats
SAME_FORM = ["opposite", "past", *ATTRIBUTES]


def sentence(text):
    """`text` with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def typed(text, rng):
    """`text` as it is typed in a hurry: lower case, no question mark, "whats"."""
    style = rng.random()
    if style < 0.75:
        text = text.lower()
    if rng.random() < 0.7:
        text = text.rstrip("?.!")
    if rng.random() < 0.5:
        text = re.sub(r"\b([Ww])(hat|here|ho) is\b", rng.choice((r"\1\2s", r"\1\2's")), text)
    if rng.random() < 0.3:
        text = text.replace("colour", "color").replace("please ", "pls ")
    if rng.random() < 0.1:
        text += rng.choice((" ?", "??", "!", " please", " pls"))
    return text


def plain(text):
    """The words of a text, in lower case."""
    return " ".join(re.findall(r"\w+|\{\w*\}", text.lower())) or text


def digits(text):
    """The numbers of a text in digits: "2 plus 3"."""
    return re.sub(r"\w+", lambda m: str(NUMBERS.index(m[0])) if m[0] in NUMBERS else m[0], text)


def pronoun(pattern):
    """A question about "the {x}" as one about "it"."""
    pattern = re.sub(r"the (kind|colour|place|size|owner) of the \{x\}", r"its \1", pattern)
    return re.sub(r"([Tt])he \{x\}", lambda m: "It" if m[1] == "T" else "it", pattern)


class Talk(Tasks):
    """The words of talk, and which of them are held out."""

    def __init__(self, seed=0):
        super().__init__(seed)
        # {act: [answer to another act]}, without those that would do
        self.misfits = {act: [] for act in ANSWERS}
        for act, other in itertools.permutations(ANSWERS, 2):
            needed = NEEDS[act][-1]
            for text in ANSWERS[other]:
                if not any(phrase in text.lower() for phrase in needed):
                    self.misfits[act].append(text)
        self.wordings = {}  # {name: {split: [text], "known": [set phrase]}}
        for name, ways in {**WORDINGS, **FOLLOW_UPS, **STRANGERS}.items():
            self._split(name, ways)
        for what, memory in MEMORIES.items():
            self._split(what + " tell", memory["tell"])
            self._split(what + " ask", memory["ask"])
        known = {word.lower() for word in self.words}
        self._split("THINGS", [thing for thing in THINGS if thing not in known])
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
            if rng.random() < BLENDS:  # of the head of one word and the tail of another
                one, two = (rng.choice(self.words).lower() for _ in range(2))
                word = one[: rng.randint(1, 4)] + two[-rng.randint(2, 4) :]
            else:
                parts = []
                for _ in range(rng.choice((1, 2, 2, 2, 3))):
                    parts += [rng.choice(ONSETS), rng.choice(VOWELS)]
                word = "".join(parts) + rng.choice(CODAS)
            share = stable_hash(word) % 10
            own = "test" if share < 2 else "dev" if share == 2 else "train"
            if own == split and len(word) > 2 and word not in self.known:
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
