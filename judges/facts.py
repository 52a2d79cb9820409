"""Is a typed question one of the tiny world, and is an answer to it right? For whoever talks to a
model at the desk: nothing is trained on it.

Every wording of the world is known here, also as it is typed in a hurry ("wheres the tractor"), and
the two follow-ups "Where is it?" and "And the lamp?". What is not such a question for certain has
no mark, so a mark can be relied on; the judge that gives it is a program (judges/hidden.py).
"""

import functools
import re

from data.world.english import ATTRIBUTES, QUESTIONS
from data.world.english_talk import ELLIPSES, ITS
from data.world.talk import FOLLOWED, pronoun
from judges.exam import verdicts
from judges.hidden import default_world, split_words

HURRIED = [  # as in data.world.talk.typed: what people write, and what they mean
    (r"\b(what|where|who)['’]?s\b", r"\1 is"),
    (r"\bcolor\b", "colour"),
    (r"\bpls\b", "please"),
    (r"\+", " plus "),
    # what comes before a question and behind it, and changes nothing
    (r"^((so|ok|well|now|hey|hi|hello|please|good|one question|thank you)\b[,.:!]* *)+", ""),
    (r"(, (please|bot|my friend)|please)\W*$", ""),
]


def plain(text):
    """The words of a question, however it is typed."""
    text = text.lower()
    for written, meant in HURRIED:
        text = re.sub(written, meant, text)
    return " ".join(split_words(text))


@functools.cache
def questions():
    """{the words of a question: its (task, item)}, of all wordings of all that the world holds."""
    asked = default_world().asked
    return {plain(text): key for key, wordings in asked.items() for text in wordings}


@functools.cache
def about_it():
    """{the words of a question about "it": its task}."""
    found = {}
    for task in ATTRIBUTES:
        texts = [pronoun(pattern) for pattern in QUESTIONS[task]]
        texts += [pattern.format(task) for pattern in [*ITS.known, *ITS.free]]
        found |= {plain(text): task for text in texts if "{x}" not in text}
    return found


@functools.cache
def and_the(task):
    """{the words of "And the lamp?": lamp}, for the items of a task."""
    found = {}
    for item in default_world().items[task]:
        shown = f"the {item}" if task in ATTRIBUTES else item
        texts = [pattern.format(shown) for pattern in [*ELLIPSES.known, *ELLIPSES.free]]
        found |= {plain(text): item for text in texts}
    return found


def topic(messages):
    """The (task, item) that the last turn asks for, or None where that is not certain."""
    words = plain(messages[-1]["content"])
    if words in questions() or len(messages) < 3:
        return questions().get(words)
    before = topic(messages[:-2])
    if not before:
        return None
    task, item = before
    if task in ATTRIBUTES and words in about_it():
        return about_it()[words], item
    if task in FOLLOWED and words in and_the(task):
        return task, and_the(task)[words]
    return None


def fact_check(messages, text):
    """What is said of an answer to a conversation's last turn: {"verdict": "right", "wrong" or
    "none" (it gives no answer), "fact": the truth in a sentence}; None for other questions."""
    found = topic(messages)
    if not found:
        return None
    task, item = found
    answers = default_world().answers[found]
    (judged,) = verdicts([{"task": task, "item": item, "answers": answers}], [text], [True])
    verdict = "right" if judged["correct"] > 0 else "wrong" if judged["correct"] == -1 else "none"
    fact = default_world().statements(task, item, " or ".join(answers))[0]
    return {"verdict": verdict, "fact": fact}
