"""Probing by people: one rule, a conversation in which somebody tries to have it broken, a mark.

Sparrow's people were given one rule each (Glaese et al. 2022). Here the rule with the fewest marks
comes next, so that all are probed alike. `rules.py --data=FILE` learns from what is written.

reads   a model that talks, and rules (data/marks.py)
writes  out/labels/probes.jsonl, from the terminal and from the page alike
"""

import secrets
import time
from collections import Counter
from pathlib import Path
from random import Random

from data.marks import from_marks
from data.rows import LeftOut
from desk.labelling import Conflict, check_labeler
from desk.lines import Lines
from desk.shelf import world_of
from desk.terminal import print_answer
from desk.words import refusal, words
from plumbing.errors import BadInput
from sampling import fit_one, recent

KEYS = {"b": "broken", "k": "kept", "u": "unsure"}
KEYS |= {"ㅠ": "broken", "ㅏ": "kept", "ㅕ": "unsure"}  # the same keys of a Korean keyboard


def most_attacked(shelf):
    """The name of the checkpoint to attack: the one that complies with about half of the attacks,
    else any that was fine-tuned."""
    return "sft_probed" if "sft_probed" in shelf.paths() else shelf.first("sft") or "sft"


class RuleDesk:
    """The rules, and the file of marks. Any number of people, threads and processes may mark into
    one file."""

    def __init__(self, out, rules):
        self.rules = rules
        self.marks = Lines(Path(out) / "labels" / "probes.jsonl")

    def records(self):
        """The marks by these rules, in the order in which they were given."""
        found = []
        for record in self.marks.read():
            given = record.get("rules")
            if isinstance(given, dict) and given.keys() & self.rules.keys():
                found.append(record)
        return found

    def counts(self):
        """{rule: how many marks it has}; what is not of these rules does not count."""
        found = Counter(dict.fromkeys(self.rules, 0))
        for record in self.records():
            found.update(name for name in record["rules"] if name in self.rules)
        return found

    def next(self, passed=(), labeler=""):
        """The rule with the fewest marks, of those not passed over; the first one of equals. For a
        `labeler` their order is drawn, so that people side by side begin with different ones.
        """
        counts = self.counts()
        left = [name for name in self.rules if name not in passed] or list(self.rules)
        if labeler:
            Random(f"rules of {labeler}").shuffle(left)
        return min(left, key=lambda name: counts[name])

    def mark(self, labeler, rule, messages, mark, model="", probe=""):
        """Write one mark of a conversation with `model`, which ends with the model's turn; returns
        the record.

        `probe` names the conversation: a mark that is sent twice is kept once, so a client that
        heard no reply sends it again.
        """
        record = {
            "messages": messages,
            "rules": {rule: mark},
            "labeler": check_labeler(labeler),
            "source": "human",
            "model": model,
            "probe": probe or secrets.token_hex(8),
            "time": time.strftime("%Y-%m-%dT%H:%M:%S"),
        }
        try:
            from_marks(self.rules, record)  # what rules.py would refuse is refused here
        except LeftOut as reason:
            if mark != "unsure":  # which is kept, and not learned from
                raise BadInput(f"messages: {reason}") from None
        with self.marks.locked():
            for old in self.records():
                if (old.get("probe"), old.get("labeler")) == (record["probe"], record["labeler"]):
                    if all(old[key] == record[key] for key in ("messages", "rules")):
                        return old
                    raise Conflict("this conversation is marked already; undo that first")
            self.marks.append(record)
        return record

    def undo(self, labeler):
        """Withdraw this labeler's last mark, and return its record."""
        labeler = check_labeler(labeler)
        with self.marks.locked():
            own = [record for record in self.records() if record.get("labeler") == labeler]
            if not own:
                raise Conflict("there is no mark of this name to undo")
            self.marks.remove(own[-1])
        return own[-1]

    def progress(self, labeler):
        """How many marks there are: of this labeler, of all, of each labeler, of each rule."""
        records = self.records()
        by_rule = {name: dict.fromkeys(KEYS.values(), 0) for name in self.rules}
        people = Counter()
        for record in records:
            people[str(record.get("labeler"))] += 1
            for name, mark in record["rules"].items():
                if name in by_rule and mark in KEYS.values():
                    by_rule[name][mark] += 1
        return {
            "mine": people[check_labeler(labeler)],
            "all": len(records),
            "labelers": people.most_common(),
            "rules": by_rule,
        }


# --- in the terminal -----------------------------------------------------------------------------


class Probing(RuleDesk):
    """A RuleDesk with a model to probe."""

    def __init__(self, shelf, loaded, rules, limit=64, **settings):
        if not loaded.chat:
            raise BadInput(
                f"{loaded.name} is a base model; people probe one that is fine-tuned: python "
                "rules.py makes one"
            )
        super().__init__(shelf.out, rules)
        self.shelf, self.loaded = shelf, loaded
        self.limit, self.settings = limit, settings
        self.t = words(world_of(loaded.checkpoint))

    def answer(self, messages):
        """The model's answer, printed as it is written; it is added to the messages."""
        ids, stop, _ = recent(self.loaded, messages)
        ids, limit = fit_one(self.loaded.model.config, ids, self.limit)
        pieces = self.shelf.speak(self.loaded, ids, stop, limit, **self.settings)
        messages.append(print_answer(pieces))


def probe(desk, labeler, typed):
    """Probe by the lines that are `typed`, until they end; returns how many marks were given."""
    t = desk.t
    print(t("probe"))
    given = 0
    passed = set()
    rule, messages = show(desk, passed)
    for line in typed:
        key = line.lower()
        if line == "/skip":
            passed.add(rule)
            rule, messages = show(desk, passed)
        elif line == "/undo":
            try:
                rule, messages = take_back(desk, labeler)
                given -= 1
            except BadInput as error:
                print(refusal(error, world_of(desk.loaded.checkpoint)))
        elif key in KEYS and messages:
            desk.mark(labeler, rule, messages, KEYS[key], desk.loaded.name)
            given += 1
            passed = set()
            rule, messages = show(desk, passed)
        elif key in KEYS:
            print(t("write_first"))
        else:
            messages.append({"role": "user", "content": line})
            print(t("model"), end="", flush=True)
            desk.answer(messages)
    counts = {"given": given, "all": desk.counts().total()}
    print(t("marked", labeler=labeler, path=desk.marks.path, **counts))
    return given


def take_back(desk, labeler):
    """Withdraw the last mark and print its conversation, which goes on; returns its rule and its
    messages."""
    record = desk.undo(labeler)
    rule = next(name for name in record["rules"] if name in desk.rules)
    show_rule(desk, rule)
    for message in record["messages"]:
        print(f"{desk.t(message['role']):>9}: {message['content']}")
    return rule, record["messages"]


def show(desk, passed):
    """Print the next rule; returns its name and a conversation that has not begun."""
    rule = desk.next(passed)
    show_rule(desk, rule)
    return rule, []


def show_rule(desk, rule):
    print(desk.t("rule", name=rule, text=desk.rules[rule][0]))
