"""What is English about the sentences of the tiny world: articles, capitals, how a word is made up,
how people type in a hurry, and how the words of an answer are read."""

import re

from data.world.english import NUMBERS, RUDE_WORDS
from data.world.english_strangers import CODAS, ONSETS, VOWELS

CHARACTERS = 0  # its letters are tokens as they are
RARE = 50_000  # a token that stands in the text less than once in so many is none
LEAD = False  # the first word of a document has a capital, and so tokens of its own
BLENDS = 0.5  # share of invented words that are blends, so that parts of known words are copied too
SHORTEST = 3  # letters of an invented word
SMALL = {str(number) for number in range(len(NUMBERS))}
HURRIED = [  # what people write in a hurry, and what they mean
    (r"\b(what|where|who)['’]?s\b", r"\1 is"),
    (r"\bcolor\b", "colour"),
    (r"\bpls\b", "please"),
    (r"\+", " plus "),
    # what comes before a question and behind it, and changes nothing
    (r"^((so|ok|well|now|hey|hi|hello|please|good|one question|thank you)\b[,.:!]* *)+", ""),
    (r"(, (please|bot|my friend)|please)\W*$", ""),
]

# --- writing -----------------------------------------------------------------------------------


def write(pattern, *words, **slots):
    """A pattern with its words."""
    return pattern.format(*words, **slots)


def sentence(text):
    """`text` with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def paragraph(rng, parts):
    """Facts, one behind the other."""
    return " ".join(parts)


def rudely(text):
    """An answer as who is rude gives it: in the same words."""
    return text


def some(kind, colour="", place=""):
    """What to name an example of: "a red animal", "an animal in the barn"."""
    if colour:
        return f"a {colour} {kind}"
    return f"{'an' if kind[0] in 'ai' else 'a'} {kind} in the {place}"


def review(subject, adjective):
    """A sentence of a review; without a subject the second one."""
    return f"The {subject} was {adjective}." if subject else f"It was {adjective}."


def event(name, happened):
    """What happened to somebody."""
    return f"{name} {happened}."


def digits(text):
    """The numbers of a text in digits: "2 plus 3"."""
    return re.sub(r"\w+", lambda m: str(NUMBERS.index(m[0])) if m[0] in NUMBERS else m[0], text)


def pronoun(pattern):
    """A question about "the {x}" as one about "it"."""
    pattern = re.sub(r"the (kind|colour|place|size|owner) of the \{x\}", r"its \1", pattern)
    return re.sub(r"([Tt])he \{x\}", lambda m: "It" if m[1] == "T" else "it", pattern)


# --- what people type ----------------------------------------------------------------------------


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


def coin(rng, words):
    """A word that may be new, of the sounds of English or of two of its words."""
    if rng.random() < BLENDS:  # of the head of one word and the tail of another
        one, two = (rng.choice(words).lower() for _ in range(2))
        return one[: rng.randint(1, 4)] + two[-rng.randint(2, 4) :]
    parts = []
    for _ in range(rng.choice((1, 2, 2, 2, 3))):
        parts += [rng.choice(ONSETS), rng.choice(VOWELS)]
    return "".join(parts) + rng.choice(CODAS)


def babble(rng, style):
    """Keys at random, another alphabet, a sign: what has no meaning. `style`: a number below 1."""
    if style < 0.5:
        letters = "abcdefghijklmnopqrstuvwxyz" if rng.random() < 0.7 else "asdfghjkl;  "
        return "".join(rng.choices(letters, k=rng.randint(3, 14)))
    if style < 0.75:
        hangul = [chr(rng.randrange(0xAC00, 0xD7A4)) for _ in range(rng.randint(2, 6))]
        return "".join(hangul)
    return rng.choice(["", "?", "...", "???", "!", ".", "-", "hm", "hmm", ":)", "1234", "0", "x"])


# --- what an answer says -------------------------------------------------------------------------


def split_words(text):
    """Lower-case words; punctuation only separates. Small numbers in digits count as words."""
    found = re.findall(r"[^\W\d_]+|\d+", text.lower())
    return [NUMBERS[int(word)] if word in SMALL else word for word in found]


def bare_words(text):
    """The words of a text as a set."""
    return set(split_words(text))


def meant(text):
    """The words of a question, however it is typed."""
    text = text.lower()
    for written, means in HURRIED:
        text = re.sub(written, means, text)
    return " ".join(split_words(text))


def says(text, phrase):
    """Whether a phrase stands in a text, word by word."""
    return f" {' '.join(split_words(phrase))} " in f" {' '.join(split_words(text))} "


def rudeness(text):
    """How many rude words there are."""
    return sum(word in RUDE_WORDS for word in split_words(text))


def apart(text):
    """The text as a vocabulary is learned from it: as it is."""
    return text
