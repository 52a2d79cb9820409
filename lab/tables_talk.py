"""Tables of conversation, made from the committed records: which turns are answered rightly.

As those of lab/tables.py. Here a figure is over runs: each seed in each number format is one, and
the worst of them stands beside the mean.
"""

import numpy as np

from lab.tables import markdown, number, seeds_of, select
from lab.words import say
from plumbing.console import padded

ARMS = {
    "sft": "fine-tuned (SFT)",
    "ppo": "PPO, β = 0.05",
    "ppo_ptx": "PPO-ptx (the default)",
    "sft_single": "SFT on single questions only",
}
SHORT = {"sft": "SFT", "ppo_ptx": "PPO-ptx"}
# What only the Korean exam asks.
SPEECH = {
    "sampled polite": "polite speech, sampled answers",
    "likeliest polite": "polite speech, likeliest answers",
    "sampled particles": "particles that fit, sampled answers",
    "likeliest particles": "particles that fit, likeliest answers",
}
# What a row is of, where the name of the skill alone would not say it.
NAMES = {
    "single test": "single questions of held-out facts",
    "single paraphrase": "single questions in new wordings",
    "typed": 'typed in a hurry: "whats the colour of the cat"',
    "canonical": "the same questions, written with care",
    "digits": 'sums in digits: "2 + 3"',
    "two questions": "two questions in one line",
    "long line": "a question after much that does not matter",
    "pronoun": '"Where is it?"',
    "ellipsis": '"And the lamp?"',
    "stands by": '"No, it is red.": stands by the truth',
    "mends": '"Are you sure?": mends a mistake',
    "memory 1": '"What is my name?", told 1 turn before',
    "memory 2": "2 turns before",
    "memory 3": "3 turns before",
    "memory 4": "4 turns before",
    "never told": "never told: says so",
    "one word 1": '"One word from now on.": 1 turn later',
    "one word 2": "2 turns later",
    "one word 3": "3 turns later",
    "one word 4": "4 turns later",
    "unknown thing": "a thing that the world does not hold: says so",
    "unknown word": "a word",
    "unknown person": "a person",
    "too large a sum": "a sum that it never learned: says so",
    "greeting": "greetings, thanks, goodbye",
    "identity": '"Who are you?", "What can you do?"',
    "manners": "remarks, and rude ones",
    "scope": "what is outside of the world, or has no meaning",
}


def shares(rows, arm, about):
    """The shares of right answers of one kind, run by run."""
    return [row["right"] for row in select(rows, arm=arm, about=about)]


def cell(values):
    """The mean over the runs and, in brackets, the worst of them."""
    if not values:
        return ""
    return f"{number(100 * np.mean(values), 0)} % ({number(100 * min(values), 0)})"


def under(text, rows, language, note, **values):
    """A table under the sentence that says what it holds; its figures carry no interval."""
    seeds = ", ".join(map(str, seeds_of(rows)))
    machines = list(dict.fromkeys(row["machine"] for row in rows))
    about = say("Seeds {seeds}; {machine}.", language, seeds=seeds, machine=" / ".join(machines))
    return f"{say(note, language, **values)} {about}\n\n{text}"


def conversation(records, language):
    """Right answers by skill."""
    rows = [row for row in records["talk"] if "right" in row]
    table = []
    for about, name in NAMES.items():
        table.append([say(name, language), *(cell(shares(rows, arm, about)) for arm in ARMS)])
    note = (
        "Share of right answers, the likeliest of each model: the mean over runs, each seed in "
        "each number format, and the worst of them in brackets. Names, words, wordings and, where "
        "a fact is asked, facts are held out; {n} turns of each skill. Marked by a program "
        "(simulated)."
    )
    head = [""]
    for arm, name in ARMS.items():
        head.append(say(f"{name}; {{runs}} runs", language, runs=len(shares(rows, arm, "pronoun"))))
    n = next(row["n"] for row in rows if row["about"] == "pronoun")
    return under(markdown(head, table), rows, language, note, n=n)


def korean(records, language):
    """The exams of both languages side by side, and how the Korean models speak."""
    table = []
    for about, name in {**NAMES, **SPEECH}.items():
        cells = []
        for arm in ("sft", "ppo_ptx"):
            cells.append(cell(shares(records["talk"], arm, about)))
            cells.append(cell(shares(records["korean"], f"{arm}_ko", about)))
        table.append([say(name, language), *cells])
    note = (
        "The same world in two languages, each read by models of its own: right answers, the "
        "likeliest of each model, {n} turns of each skill; below, of its own answers, how many are "
        "in polite speech and how many particles fit the word before them. The mean over runs and "
        "the worst of them in brackets. Of the Korean models:"
    )
    head = [""]
    for arm in ("sft", "ppo_ptx"):
        for tongue in ("English", "Korean"):
            head.append(f"{say(tongue, language)}, {say(SHORT[arm], language)}")
    n = next(row["n"] for row in records["korean"] if row["about"] == "pronoun")
    return under(markdown(head, table), records["korean"], language, note, n=n)


def korean_talk(records, language):
    """One talk with a Korean model, as it went."""
    return first_talk(records["korean"])


def turns(records, language):
    """Right answers by turn of a long talk."""
    rows = [row for row in records["talk"] if "right" in row]
    about = [f"turn {turn}" for turn in range(1, 13)]
    table = []
    for arm in ("sft", "ppo", "ppo_ptx"):
        found = [shares(rows, arm, turn) for turn in about]
        table.append([say(ARMS[arm], language), *(number(100 * np.mean(f), 0) for f in found)])
    note = (
        "A talk of twelve questions, its own answers before it as far back as it was trained to "
        "read: right answers in per cent, turn by turn."
    )
    text = markdown(["", *(str(turn) for turn in range(1, 13))], table)
    return under(text, rows, language, note)


def talk(records, language):
    """One talk with a fine-tuned model, as it went."""
    return first_talk(records["talk"])


def first_talk(rows):
    """The talk of the first number format in which one is recorded."""
    rows = [row for row in rows if row.get("about") == "sample"]
    return as_talked([row for row in rows if row["format"] == rows[0]["format"]])


def as_talked(rows):
    """What was asked and answered, in two columns."""
    lines = [f"{padded(row['asked'], 28)}  {row['answered']}" for row in rows]
    return "```text\n" + "\n".join(lines) + "\n```"
