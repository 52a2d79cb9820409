"""Of which text of the tiny world committed records are.

What models read and are asked changes now and then (data/world/languages.py, EDITIONS), and making
all records anew takes hours. Until that is done, what a document says of an earlier text says so.
"""

import json

from data.world.languages import EDITIONS

OF_NO_WORLD = ("bayes", "bench", "demonstrations", "memory", "times")  # the same with any text


def edition(subject):
    """The edition whose models the records of a subject are made with today; None: of no world."""
    if subject in OF_NO_WORLD:
        return None
    return EDITIONS["world_ko" if subject == "korean" else "world"]


def is_earlier(path):
    """Are these records (docs/records/SUBJECT.jsonl) of a text that has changed since?"""
    head, _, _ = path.read_text(encoding="utf-8").partition("\n")
    return json.loads(head).get("edition") != edition(path.stem)
