"""Conversations and their comparisons, from the formats that people's data come in, in one schema.

    read_demonstrations  messages, Alpaca, prompt/completion, ShareGPT, ...         fine-tuning
    read_comparisons     comparisons, TRL preference, HH transcripts, K-way ranks,
                         two answers and which is better                            reward model
    read_prompts         all of these, prompts alone, text with a prompt a line     PPO, labelling

A format is told from a record's keys: to read another, add its keys to QUESTIONS, or with a
converter to DEMONSTRATIONS or, in data/preferences.py, to COMPARISONS. A record that is well formed
but of no use (an empty answer, a pair with two different prompts) is left out and counted.
"""

import re
from functools import partial
from pathlib import Path

from data.files import read_text
from data.messages import BESIDE, DIALOGUES, HISTORY, QUESTION, SYSTEM, asked, check_turns, dialogue
from data.preferences import COMPARISONS, PAIRS, RANKS, VERDICTS, check_alike, is_said
from data.rows import (
    LeftOut,
    expect,
    field,
    header_of,
    read_records,
    single,
    table_rows,
    tell_prose,
)
from plumbing.errors import BadInput


# --- demonstrations: {"messages": [user, assistant, ...], "source": ...} -------------------------
def read_demonstrations(path):
    """Demonstrations as Records. A pair's chosen answer, only the better of two, is refused."""
    records = read_records(path, DEMONSTRATIONS, unread=unread)
    for record in records:
        record["source"] = record["source"] or Path(path).name  # its own, or the file's name
    return records


def demonstration(messages, row):
    """The record, if it is of use."""
    check_turns(messages, "assistant")
    for turn in messages:
        if not turn["content"].strip():
            raise LeftOut("empty prompt" if turn["role"] == "user" else "empty answer")
    # KTO's data mark answers that people rejected.
    if any(str(row.get(key)).lower() == "false" for key in ("label", "kto_tag")):
        raise LeftOut("rejected completion")
    source = row.get("source")
    return {"messages": messages, "source": source if isinstance(source, str) else ""}


def searches(records):
    """Is anything looked up in these conversations?"""
    return any("search" in turn for record in records for turn in record["messages"])


def check_evidence(records, tokenizer, path):
    """Refuse conversations in which something is looked up where a model has no tokens for it."""
    if searches(records) and not tokenizer.evidence:
        raise BadInput(
            f"{path}: something is looked up in it ('search', 'result'), and the model was never "
            "taught to; begin with one of sft.py --n_evidence=8000, or of sft.py on such a file"
        )


def from_dialogue(key, row):
    return demonstration(asked(row, key), row)


def from_sharegpt(key, row):
    """Scraped dialogues may begin or end in the middle: the complete exchanges are kept."""
    messages = asked(row, key)
    start = 1 if messages and messages[0]["role"] == "assistant" else 0
    messages = messages[start : start + (len(messages) - start) // 2 * 2]
    if not messages:
        raise LeftOut("no complete exchange")
    return demonstration(messages, row)


def from_question(prompt, answer, row):
    for other, its_answer in QUESTION.items():
        own = its_answer != answer and its_answer in row  # it is a pair of its own
        if other not in (prompt, *BESIDE) and row.get(other) and not own:
            check_alike(row, prompt, other)
    record = demonstration(dialogue(row, prompt, answer), row)
    if answer == "completion" and str(row.get("label")) == "0":  # KTO's false, as a number
        raise LeftOut("rejected completion")
    return record


def from_self_instruct(row):
    """One task with any number of cases."""
    cases = expect(row.get("instances"), list, "instances", "a list")
    if not cases:
        yield LeftOut("no instances")
    task = {"instruction": field(row, "instruction"), "source": row.get("source")}
    for i, case in enumerate(cases):
        expect(case, dict, f"instances[{i}]", "an object")
        yield from single(partial(from_question, "instruction", "output"))({**case, **task})


def from_pair(row):
    """The better of two answers is no demonstration of a good one."""
    raise BadInput("holds comparisons, not demonstrations: use reward.py --data=FILE")


# The keys of a question and of its answer.
QUESTIONS = (
    "instruction output",
    "instruction response",
    "instruction answer",
    "prompt completion",
    "prompt response",
    "prompt output",
    "prompt answer",
    "question answer",
    "question response",
    "question output",
    "query response",
    "query answer",
    "input output",
    "q a",
    "질문 답변",
)
DEMONSTRATIONS = {
    **dict.fromkeys((*PAIRS, *RANKS, *VERDICTS), from_pair),
    "messages": single(partial(from_dialogue, "messages")),
    "conversations": single(partial(from_sharegpt, "conversations")),
    "conversation": single(partial(from_sharegpt, "conversation")),
    "instruction instances": from_self_instruct,
    **{keys: single(partial(from_question, *keys.split())) for keys in QUESTIONS},
}


# --- comparisons: {"messages", "responses", "ranking", ...} --------------------------------------
def read_comparisons(path):
    """Comparisons as Records. Ours keep all their keys, others `labeler`, `source`, `p`, `kind`."""
    return read_records(path, COMPARISONS, unread=unread)


READ = {*QUESTION, *QUESTION.values(), *DIALOGUES, *BESIDE, *SYSTEM, *HISTORY, "instances"}
READ |= {"principle"}  # it stands beside what a constitution made (constitution.py)
READ |= {word for keys in (*COMPARISONS, *QUESTIONS) for word in keys.split()}


def unread(row):
    """The keys of a row, not of our own comparisons, that hold sentences which no reader here
    knows: what they say is not learned, and that is told."""
    ours = "responses" in row
    keys = [] if ours else [key for key in row if not re.fullmatch(r"completion_\d+", key)]
    return [
        key for key in keys if key not in READ and is_said(key, row[key]) and " " in str(row[key])
    ]


# --- prompts: {"messages": [..., user]} ----------------------------------------------------------
def read_prompts(path):
    """Conversations up to a user's turn, as Records of {"messages"}: the prompts of demonstrations
    or of comparisons, prompts alone, or a text with one prompt a line."""
    text = read_text(path)
    if text.lstrip()[0] in "[{":
        return read_records(path, PROMPTS)
    if set(header_of(text)) & {*QUESTION, "text"}:
        return read_records(path, PROMPTS, table_rows(path, text, fewest=1))
    tell_prose(path, text, "each of its lines is a prompt", "prompt or question")
    lines = enumerate(text.split("\n"), 1)
    rows = [(f"line {number}", {"prompt": line.strip()}) for number, line in lines if line.strip()]
    return read_records(path, PROMPTS, rows)


def from_prompt(key, row):
    """A conversation that ends with the user's turn, or of a demonstration the same."""
    messages = asked(row, key)
    if messages and messages[0]["role"] == "assistant":  # a scraped dialogue's
        messages = messages[1:]
    if messages and messages[-1]["role"] == "assistant":
        return {"messages": demonstration(messages, row)["messages"][:-1]}
    check_turns(messages, "user")
    if not all(turn["content"].strip() for turn in messages):
        raise LeftOut("empty prompt")
    return {"messages": messages}


def without_answer(convert, row):
    """What `convert` makes of a row, up to the last user's turn."""
    for record in convert(row):
        if isinstance(record, dict):
            messages = record["messages"]
            record = {"messages": messages[: len(messages) - (messages[-1]["role"] != "user")]}
        yield record


PROMPTS = {
    **{keys: partial(without_answer, convert) for keys, convert in COMPARISONS.items()},
    **{key: single(partial(from_prompt, key)) for key in DIALOGUES},
    **{
        keys: partial(without_answer, DEMONSTRATIONS[keys])
        for keys in ("instruction instances", *QUESTIONS)
    },
    **{key: single(partial(from_prompt, key)) for key in (*QUESTION, "text")},
}
