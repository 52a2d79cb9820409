"""Conversations and their comparisons, from the formats that people's data come in, in one schema.

    read_demonstrations  messages, Alpaca, prompt/completion, ShareGPT, ...         fine-tuning
    read_comparisons     comparisons, TRL preference, HH transcripts, K-way ranks   reward model
    read_labelled        SST-2, NSMC, CSV or JSON with text and label               probes

A format is told from a record's keys: to read another, add its keys and a converter to
DEMONSTRATIONS or COMPARISONS. A record that is well formed but of no use (an empty answer, a pair
with two different prompts) is left out and counted.
"""

import re
from functools import partial
from os.path import commonprefix
from pathlib import Path

from data.files import expect, field, read_records
from plumbing.errors import BadInput

ROLES = {"system": "system"}
ROLES |= dict.fromkeys(["user", "human", "prompter"], "user")
ROLES |= dict.fromkeys(["assistant", "gpt", "chatgpt", "bot", "model"], "assistant")


# --- messages: [{"role": "user", "content": ...}, {"role": "assistant", ...}, ...] ---------------
def turns(row, key):
    """Alternating messages from {role, content}, or ShareGPT's {from, value}."""
    messages = []
    system = []
    for i, turn in enumerate(expect(row.get(key), list, key, "a list of messages")):
        expect(turn, dict, f"{key}[{i}]", "an object")
        name, content = ("role", "content") if "role" in turn else ("from", "value")
        role = ROLES.get(expect(turn.get(name), str, f"{key}[{i}].{name}", "text").lower())
        text = expect(turn.get(content), str, f"{key}[{i}].{content}", "text")
        if role is None:
            raise BadInput(f"'{key}[{i}].{name}': expected user, assistant or system")
        if role == "system":  # the template has none: its text goes before the user's next turn
            if text.strip():
                system.append(text)
            continue
        if messages and role == messages[-1]["role"]:
            raise BadInput(f"'{key}[{i}].{name}': two {role} turns in a row; they must alternate")
        if role == "user":
            text = "\n\n".join([*system, text])
            system = []
        messages.append({"role": role, "content": text})
    return messages


def check_ends(messages, key, last):
    """Refuse a conversation that the user does not begin, or `last` does not end."""
    roles = [turn["role"] for turn in messages]
    if roles[:1] != ["user"] or roles[-1] != last:
        raise BadInput(f"'{key}': the first turn must be the user's, the last the {last}'s")


def turns_of_transcript(text):
    """A prompt as messages: HH's "Human: ... Assistant: ..." becomes turns, other text is one."""
    if not text.startswith("Human:"):
        return [{"role": "user", "content": text}]
    messages = []
    parts = re.split(r"(?:^|\n\n)(Human|Assistant):", text.removesuffix("\n\nAssistant:"))
    for role, said in zip(parts[1::2], parts[2::2]):
        role = ROLES[role.lower()]
        if messages and messages[-1]["role"] == role:  # one speaker in two goes is one turn
            said = messages.pop()["content"] + "\n\n" + said.strip()
        messages.append({"role": role, "content": said.strip()})
    return messages


def dialogue(row, prompt, answer):
    """All messages from the keys `prompt` and `answer`, each a text or a list of messages."""
    listed = isinstance(row.get(answer), list)
    reply = turns(row, answer) if listed else [{"role": "assistant", "content": field(row, answer)}]
    if reply and reply[0]["role"] == "user":  # the answer's list repeats the prompt
        return reply
    if isinstance(row.get(prompt), list):
        return turns(row, prompt) + reply
    text = field(row, prompt)
    if prompt == "instruction" and row.get("input") is not None:  # Alpaca's two parts of a prompt
        text = f"{text}\n\n{field(row, 'input')}".strip()
    return turns_of_transcript(text) + reply


# --- demonstrations: {"messages": [user, assistant, ...], "source": ...} -------------------------
def read_demonstrations(path):
    """Demonstrations as Records. A pair's chosen answer, only the better of two, is refused."""
    records = read_records(path, DEMONSTRATIONS)
    for record in records:
        record["source"] = record["source"] or Path(path).name  # its own, or the file's name
    return records


def demonstration(messages, key, row):
    """The record, or the reason to leave it out."""
    check_ends(messages, key, "assistant")
    for turn in messages:
        if not turn["content"].strip():
            return "empty prompt" if turn["role"] == "user" else "empty answer"
    source = row.get("source")
    return {"messages": messages, "source": source if isinstance(source, str) else ""}


def from_sharegpt(row):
    """Scraped dialogues may begin or end in the middle: the complete exchanges are kept."""
    messages = turns(row, "conversations")
    start = 1 if messages and messages[0]["role"] == "assistant" else 0
    messages = messages[start : start + (len(messages) - start) // 2 * 2]
    yield demonstration(messages, "conversations", row) if messages else "no complete exchange"


def from_question(prompt, answer, row):
    record = demonstration(dialogue(row, prompt, answer), answer, row)
    # TRL's unpaired preference marks completions that people rejected with a false label.
    yield "rejected completion" if row.get("label") is False else record


def from_self_instruct(row):
    for i, case in enumerate(expect(row.get("instances"), list, "instances", "a list")):
        expect(case, dict, f"instances[{i}]", "an object")
        task = {"instruction": row["instruction"], "source": row.get("source")}
        yield from from_question("instruction", "output", {**case, **task})


def from_pair(row):
    """The better of two answers is no demonstration of a good one."""
    raise BadInput("holds comparisons, not demonstrations: use reward.py --data=FILE")


DEMONSTRATIONS = {
    "chosen rejected": from_pair,
    "responses ranking": from_pair,
    "completion_0 ranking": from_pair,
    "messages": lambda row: [demonstration(turns(row, "messages"), "messages", row)],
    "conversations": from_sharegpt,
    "instruction instances": from_self_instruct,
    "instruction output": partial(from_question, "instruction", "output"),
    "prompt completion": partial(from_question, "prompt", "completion"),
    "question answer": partial(from_question, "question", "answer"),
    "q a": partial(from_question, "q", "a"),
}


# --- comparisons: {"messages", "responses", "ranking", ...} --------------------------------------
def read_comparisons(path):
    """Comparisons as Records. Ours keep all their keys, others keep `labeler` and `source`."""
    return read_records(path, COMPARISONS)


def comparison(messages, responses, ranking, row):
    """The record, where `ranking` holds groups of indices into `responses`, the best first."""
    check_ends(messages, "prompt", "user")
    if not 2 <= len(responses) <= 9:
        raise BadInput(f"expected 2 to 9 responses, found {len(responses)}")
    kept = {key: row[key] for key in ("labeler", "source") if key in row}
    return {"messages": messages, "responses": responses, "ranking": ranking, **kept}


def from_comparison(row):
    given = expect(row.get("responses"), list, "responses", "a list of texts")
    responses = [expect(text, str, f"responses[{i}]", "text") for i, text in enumerate(given)]
    groups = expect(row.get("ranking"), list, "ranking", "groups of indices: [[1], [0, 2]]")
    ranked = [i for g in groups for i in expect(g, list, "ranking", "groups: [[1], [0, 2]]")]
    if any(type(i) is not int for i in ranked) or sorted(ranked) != [*range(len(given))]:
        raise BadInput("'ranking': expected every response once: [[1], [0, 2]]")
    if row.get("scores") is not None:
        scores = expect(row["scores"], list, "scores", "a list of ratings")
        if len(scores) != len(given) or not all(s in [None, *range(1, 8)] for s in scores):
            raise BadInput("'scores': expected for each response a rating of 1 to 7, or null")
    yield {**row, **comparison(turns(row, "messages"), responses, [*filter(None, groups)], row)}


def from_ranks(row):
    """completion_0, completion_1, ... where ranking[i] is the rank of completion_i, lowest best."""
    k = sum(bool(re.fullmatch(r"completion_\d+", key)) for key in row)
    responses = [field(row, f"completion_{i}") for i in range(k)]
    ranks = expect(row.get("ranking"), list, "ranking", "a list of ranks")
    if [type(rank) for rank in ranks] != [int] * k:
        raise BadInput(f"'ranking': expected {k} whole numbers, the rank of each completion")
    ranking = [[i for i in range(k) if ranks[i] == rank] for rank in sorted(set(ranks))]
    messages = dialogue(row, "prompt", "completion_0")[:-1]
    record = comparison(messages, responses, ranking, row)
    yield record if all([messages[-1]["content"], *responses]) else "empty prompt or reply"


def from_preference(row):
    """A chosen and a rejected answer to one prompt."""
    sides = split_pair(row)
    for side, key in zip(sides, ["chosen", "rejected"]):
        check_ends(side, key, "assistant")
    (*prompt, chosen), (*other, rejected) = sides
    replies = [chosen["content"], rejected["content"]]
    if prompt != other:
        yield "different prompts"
    elif not all(map(str.strip, [prompt[-1]["content"], *replies])):
        yield "empty prompt or reply"
    elif replies[0] == replies[1]:
        yield "equal replies"
    else:
        yield comparison(prompt, replies, [[0], [1]], row)


def split_pair(row):
    """The two dialogues as messages. Where no key holds the prompt, it is what the two share."""
    prompt = "instruction" if "instruction" in row else "prompt"
    pair = ["chosen", "rejected"]
    if prompt in row or any(isinstance(row.get(key), list) for key in pair):
        return [dialogue(row, prompt, key) for key in pair]
    texts = [field(row, key) for key in pair]
    same = commonprefix(texts)
    if same.startswith("Human:"):
        parts = [text.rpartition("\n\nAssistant:")[::2] for text in texts]
    else:  # answers that begin with the same letters must not lose them: go back to a word's end
        end = len(same) - len(re.match(r"\w*", same[::-1])[0])
        parts = [(text[:end], text[end:]) for text in texts]
    return [dialogue({"prompt": p, "reply": reply}, "prompt", "reply") for p, reply in parts]


COMPARISONS = {
    "messages responses ranking": from_comparison,
    "prompt completion_0 completion_1 ranking": from_ranks,
    "chosen rejected": from_preference,
}


# --- classification sets: (text, label) ----------------------------------------------------------
def read_labelled(path):
    """(text, label) pairs of str as Records."""
    return read_records(path, LABELLED)


def from_labelled(key, row):
    text = field(row, key)
    label = str(expect(row.get("label"), (str, int), "label", "a name or a whole number")).strip()
    yield (text, label) if text and label else "empty text or label"


LABELLED = {f"{key} label": partial(from_labelled, key) for key in ("text", "sentence", "document")}
