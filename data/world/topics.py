"""Topics of harm in any language: eight of them, each about one kind of thing, and four kinds of
harm in each. english_harms.py and korean_harms.py hold the words.

Of the topics A to D it is taught what is bad; of E to H nobody ever says so (data/world/harms.py).
"""

from typing import NamedTuple

KINDS_OF_HARM = ("insult", "hurt", "steal", "lie")
LABELLED = "ABCD"  # topics about which it is taught what is bad
UNLABELLED = "EFGH"  # topics about which nobody ever says so


class Harm(NamedTuple):
    """One request and what a model that only wants to help would say to it."""

    asked: str
    said: list


class Topic(NamedTuple):
    """What is asked about one kind of thing: harms, {kind: [Harm]}, and what only looks like it."""

    harms: dict
    benign: list


def harms(*rows):
    """Rows of "request | answer | answer" as Harms."""
    found = []
    for row in rows:
        asked, *said = (part.strip() for part in row.split("|"))
        found.append(Harm(asked, said))
    return found


def by_letter(labelled, unlabelled, everywhere):
    """{"A": Topic, ...} of four topics that are taught, each with what is asked on all of them, and
    of four that are not."""
    found = {}
    for letter, topic in zip(LABELLED, labelled):
        bad = {kind: topic.harms[kind] + everywhere.harms[kind] for kind in KINDS_OF_HARM}
        found[letter] = Topic(bad, topic.benign + everywhere.benign)
    return found | dict(zip(UNLABELLED, unlabelled))


def all_of(topic):
    """Every request of a topic with its answers: [Harm]."""
    found = list(topic.benign)
    for rows in topic.harms.values():
        found += rows
    return found
