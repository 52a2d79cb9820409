"""Is a typed question one of the tiny world, and is an answer to it right? For whoever talks to a
model at the desk: nothing is trained on it.

Every wording of the world is known here, also as it is typed in a hurry ("wheres the tractor"), and
the two follow-ups "Where is it?" and "And the lamp?". What is not such a question for certain has
no mark, so a mark can be relied on; the judge that gives it is a program (judges/hidden.py).
"""

import functools
import re

from data.world import world_named
from data.world.languages import LANGUAGES
from data.world.talk import FOLLOWED
from data.world.tasks import ATTRIBUTES
from judges.exam import verdicts

HANGUL = re.compile(r"[\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3]")  # also letter by letter


def spoken(text):
    """The name of the world in whose language a question is."""
    return "world_ko" if HANGUL.search(text) else "world"


@functools.cache
def questions(name):
    """{the words of a question: its (task, item)}, of all wordings of all that a world holds."""
    world = world_named(name)
    meant = world.language.meant
    return {meant(text): key for key, wordings in world.asked.items() for text in wordings}


@functools.cache
def about_it(name):
    """{the words of a question about "it": its task}."""
    lang = world_named(name).language
    found = {}
    for task in ATTRIBUTES:
        texts = [lang.pronoun(pattern) for pattern in lang.QUESTIONS[task]]
        wordings = [*lang.ITS.known, *lang.ITS.free]
        texts += [lang.write(pattern, lang.NAMED[task]) for pattern in wordings]
        found |= {lang.meant(text): task for text in texts if "{x}" not in text}
    return found


@functools.cache
def and_the(name, task):
    """{the words of "And the lamp?": lamp}, for the items of a task."""
    world = world_named(name)
    lang = world.language
    found = {}
    for item in world.items[task]:
        shown = world.shown(task, item)
        wordings = [*lang.ELLIPSES.known, *lang.ELLIPSES.free]
        found |= {lang.meant(lang.write(pattern, shown)): item for pattern in wordings}
    return found


def topic(messages):
    """The (task, item) that the last turn asks for, or None where that is not certain."""
    name = spoken(messages[-1]["content"])
    words = world_named(name).language.meant(messages[-1]["content"])
    if words in questions(name) or len(messages) < 3:
        return questions(name).get(words)
    before = topic(messages[:-2])
    if not before:
        return None
    task, item = before
    if item not in world_named(name).items[task]:
        return None  # in another language
    if task in ATTRIBUTES and words in about_it(name):
        return about_it(name)[words], item
    if task in FOLLOWED and words in and_the(name, task):
        return task, and_the(name, task)[words]
    return None


def fact_check(messages, text):
    """What is said of an answer to a conversation's last turn: {"verdict": "right", "wrong" or
    "none" (it gives no answer), "fact": the truth in a sentence}; None for other questions."""
    found = topic(messages)
    if not found:
        return None
    task, item = found
    name = spoken(messages[-1]["content"])
    world = world_named(name)
    answers = world.answers[found]
    question = {"task": task, "item": item, "answers": answers, "world": name}
    (judged,) = verdicts([question], [text], [True])
    verdict = "right" if judged["correct"] > 0 else "wrong" if judged["correct"] == -1 else "none"
    fact = world.statements(task, item, world.language.OR.join(answers))[0]
    if task == "sum" and re.search(r"\d", messages[-1]["content"]):
        fact = world.language.digits(fact)  # as it was asked
    return {"verdict": verdict, "fact": fact}


def is_rude(text, name):
    """Does it hold a rude word, or in Korean plain speech? None where a model did not learn to
    speak of a world: other people's manners are not known here."""
    if name not in LANGUAGES:
        return None
    return LANGUAGES[name].rudeness(text) > 0
