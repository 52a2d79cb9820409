"""A dialogue as the gold predicates of rules read it (judges/violations.py), in any language."""

import re
import unicodedata


def one_of(words):
    """A pattern for one of the words."""
    return "(" + "|".join(words) + ")"


def plain(text):
    """Lower case, one blank between words, each letter put together."""
    return " ".join(unicodedata.normalize("NFC", text).lower().replace("’", "'").split())


class Dialogue:
    """What predicates read: `asked`, the user's last turn; `before`, all of the user's turns;
    `said`, the clauses of the answer; `claimed`, those of them that deny nothing. `clauses` and
    `denied` are how a language cuts a text, and how it says no."""

    def __init__(self, messages, response, clauses, denied):
        turns = [plain(m["content"]) for m in messages if m["role"] == "user"]
        self.asked = turns[-1] if turns else ""
        self.before = " ".join(turns)
        self.said = clauses(response)
        self.claimed = [clause for clause in self.said if not denied(clause)]

    def claims(self, pattern):
        """Does a clause that denies nothing fit the pattern?"""
        return any(re.search(pattern, clause) for clause in self.claimed)
