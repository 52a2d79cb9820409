"""The language that the course speaks: English, or with --preset=ko Korean.

A language is a file that holds the names below, and a README whose headings are its weeks and
titles. The other code of the course knows no language. A further one is one more file, its README,
and a line in PRESETS; tests/exercises/test_language.py says what is missing.

README  the name of its text
HELP    what --help prints
WORDS   {key: a line, with {slots}}; the kind of an exercise is a key too
CHECKS  {name of a grader: what it checks}
HINTS   {number: hint}
"""

import re
from pathlib import Path

from exercises import english, korean

PRESETS = {"default": english, "ko": korean}


def read_headings(text):
    """{number: (week, title)} of a README: "## WEEK" and, below it, "### 7. TITLE", behind which
    README.md has kind and minutes in brackets."""
    found, week = {}, ""
    for line in text.splitlines():
        if line.startswith("## "):
            week = line.removeprefix("## ")
        if heading := re.fullmatch(r"### (\d+)\. (.+?)( \(.+ min\))?", line):
            found[int(heading[1])] = week, heading[2]
    return found


class Language:
    """What a preset says: called with a key and what its slots hold, a line of WORDS; `file` has
    the other names. Raises KeyError for a preset that there is not."""

    def __init__(self, preset="default"):
        self.preset = preset
        self.file = PRESETS[preset]
        text = Path(__file__).with_name(self.file.README).read_text(encoding="utf-8")
        self.headings = read_headings(text)

    def __call__(self, key, **values):
        return self.file.WORDS[key].format(**values)

    def week(self, number):
        return self.headings[number][0]

    def title(self, number):
        return self.headings[number][1]
