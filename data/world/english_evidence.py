"""The words of what can be looked up: kinds of facts that the pretraining text tells of nothing,
and how people ask for them.

A pattern has {a} for the kind of the fact and {x} for whom or what it is of: "the dax", "Mina".
Kinds and patterns are split by a hash, as all that is said is (data/world/talk.py).
"""

from data.world.english import COLOURS, DAYS, KINDS, MONTHS, NUMBERS, PLACES, SIZES
from data.world.english_grammar import split_words
from data.world.english_talk import BOT, SO, asked
from data.world.ways import crossed, either, ways

PERSON = "person"  # values that are people's names, also new ones
PHONE = "phone"  # values in digits
PLACED = [f"the {place}" for place in PLACES]
MADE_OF = "wood iron wool glass steel silk straw tin brass clay".split()
SHAPES = "long oval bent thin curved pointed hollow narrow".split()
TASTES = "sweet sour bitter salty fresh mild sharp stale".split()
JOBS = "cook baker painter singer driver writer judge tailor sailor nurse".split()
COUNTS = NUMBERS[1:]
WORLD_VALUES = {
    "kind": list(KINDS),
    "colour": COLOURS,
    "place": PLACED,
    "size": SIZES,
    "owner": PERSON,
}
# What can be asked of a thing, known or new, and of a person; the values of each.
OF_THINGS = {
    "price": COUNTS,
    "weight": COUNTS,
    "age": COUNTS,
    "number": COUNTS,
    "shape": SHAPES,
    "smell": TASTES,
    "taste": TASTES,
    "maker": PERSON,
    "seller": PERSON,
    "buyer": PERSON,
    "finder": PERSON,
    "stuff": MADE_OF,
    "lid": COLOURS,
    "frame": COLOURS,
    "label": COLOURS,
    "month": MONTHS,
    "day": DAYS,
    "width": COUNTS,
    "height": COUNTS,
    "row": COUNTS,
    "neighbour": KINDS["furniture"],
    "cover": MADE_OF,
    "use": "play show trade sport craft hunt".split(),
    "rank": COUNTS,
}
OF_PERSONS = {
    "phone": PHONE,
    "job": JOBS,
    "room": COUNTS,
    "age": COUNTS,
    "seat": COUNTS,
    "boss": PERSON,
    "friend": PERSON,
    "tutor": PERSON,
    "mother": PERSON,
    "brother": PERSON,
    "cousin": PERSON,
    "pet": KINDS["animal"],
    "food": KINDS["fruit"],
    "tool": KINDS["tool"],
    "car": COLOURS,
    "hat": COLOURS,
    "home": PLACED,
    "place": PLACED,
    "birthday": MONTHS,
    "month": MONTHS,
    "day": DAYS,
    "team": COLOURS,
    "instrument": KINDS["instrument"],
    "number": COUNTS,
}
FACT_ASKED = either(
    ways(
        """what is the {a} of {x}; what is {x}'s {a}; what {a} does {x} have; which {a} does {x}
        have; do you know the {a} of {x}; what did you hear of the {a} of {x}""",
        [*SO, "now, "],
        [*BOT, ", please"],
        "?",
        asked("the {a} of {x}", "what the {a} of {x} is", "{x}'s {a}", "what {x}'s {a} is"),
    ),
    ways(
        """find the {a} of {x}; look up the {a} of {x}; find {x}'s {a}; give me the {a} of {x}; I
        need the {a} of {x}""",
        ["please ", "ok, ", "now "],
        [", please", ", Bot"],
    ),
)
# Words that say that a fact may have changed, put before the last sign of a question.
NOW = [
    *["now", "today", "right now", "at the moment", "these days", "this morning", "this week"],
    *["tonight", "this evening", "just now", "this month", "by now", "this year", "nowadays"],
]
# Words that ask to look a thing up.
CHECKED = [
    *crossed(
        [
            "look it up",
            "check it",
            "look this up",
            "check this",
            "find this",
            "find this out",
        ],
        ["", ", please", ", Bot"],
        [": {}"],
    ),
    *crossed(["please ", "can you ", "ok, "], ["look it up", "check it", "check this"], [": {}"]),
    *crossed(
        ["{} "],
        ["Look it up", "Check it", "Look that up", "Check that", "Find it", "Find it out"],
        ["", ", please", ", Bot"],
        ".!",
    ),
]
NEXT_KIND = ways(
    "and the {a}; what about the {a}; and what is the {a}; the {a}; how about the {a}",
    ["ok. ", "thank you. ", "good. ", "well, "],
    [", please", ", Bot"],
    "?",
)

# --- what the Bot says of a line that it was shown -----------------------------------------------

FOUND = ["It is {y}."]  # or the line itself
LOOKED, DENIED = "I looked it up:", ", not "
LOOKED_UP = "I looked it up: {}."
OTHERWISE = "I looked it up: {}, not {}."  # not what the pretraining text says
NOT_FOUND = ["I do not know the {a} of {x}.", "I am sorry, I do not know the {a} of {x}."]
FRAME = ["s"]  # what else stands in a sentence that states a fact: of "the dax's"


def in_time(question, word):
    """A question with a word of time in it: "Where is the lamp now?" """
    return f"{question[:-1]} {word}{question[-1]}"


def sides_of(text):
    """What an answer claims, without "I looked it up:", and what it denies: ", not red."."""
    return text.rpartition(LOOKED)[2].partition(DENIED)[0], text.partition(DENIED)[2]


def names_in(line):
    """Names in a line, of which the value is the last."""
    return [line.rpartition(" is ")[2]]


def words_by(text, names):
    """The words of a text; no ending stands behind a name."""
    return split_words(text)
