"""Rules, and what people said of dialogues by them: which rule an answer breaks, which it keeps.

A file of rules has a line for each wording of a rule, its name before it:

    person: Do not claim to be a person.
    person: Never say that you are a human.

The last of several wordings is held out. A file of marks has a JSON record a line:

    {"messages": [... the assistant's turn], "rules": {"person": "broken", "insult": "kept"}}

A mark is broken, kept, or unsure: what somebody is unsure of is counted and not learned.
"""

import re
from functools import partial

from data.files import read_text
from data.messages import check_turns, turns
from data.rows import LeftOut, expect, read_records, single
from data.world.languages import LANGUAGES
from plumbing.errors import BadInput

MARKS = ("kept", "broken")  # by number: 1 where the rule is broken
LONGEST = 400  # characters of a wording: the rule stands after the dialogue, in the same context


def read_rules(path, world="world"):
    """{name: [wordings]} of a file, or where there is none the tiny world's own, in the language of
    this world."""
    if not path:
        return {name: list(wordings) for name, wordings in LANGUAGES[world].RULES.items()}
    rules = {}
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, colon, wording = map(str.strip, line.partition(":"))
        if not colon or not re.fullmatch(r"[\w -]{1,40}", name):
            raise BadInput(f"{path}, line {number}: expected a rule as 'name: its text'")
        if not wording:
            raise BadInput(f"{path}, line {number}: the rule {name!r} has no text")
        if len(wording) > LONGEST:
            raise BadInput(f"{path}, line {number}: a rule of over {LONGEST} characters")
        if wording in rules.get(name, []):
            raise BadInput(f"{path}, line {number}: this wording of {name!r} stands there twice")
        rules.setdefault(name, []).append(wording)
    if not rules:
        raise BadInput(f"{path}: no rule in it; expected lines such as 'name: its text'")
    return rules


def trained(wordings):
    """The wordings of a rule that are trained on: all but the last, where there are several."""
    return wordings[:-1] or wordings


def read_marks(path, rules):
    """Marked dialogues as Records of {"messages", "rules": {name: "broken" or "kept"}, ...}."""
    return read_records(path, {"messages rules": single(partial(from_marks, rules))})


def from_marks(rules, row):
    messages = turns(row["messages"], "messages")
    check_turns(messages, "assistant")
    given = expect(row["rules"], dict, "rules", "an object: {name: broken or kept}")
    marks = {}
    for name, mark in given.items():
        if name not in rules:
            raise BadInput(f"'rules': no rule {name!r:.60}; there are {', '.join(rules)}")
        if mark not in (*MARKS, "unsure"):
            raise BadInput(f"'rules': {name} is {mark!r:.40}; expected broken, kept or unsure")
        if mark != "unsure":
            marks[name] = mark
    if not marks:
        raise LeftOut("no rule marked broken or kept")
    return {**row, "messages": messages, "rules": marks}
