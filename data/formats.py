"""Read the formats that people's text comes in, and hand on one schema.

    read_corpus          plain text, nanoGPT .bin                                   pretraining
    read_demonstrations  messages, Alpaca, prompt/completion, ShareGPT, ...         fine-tuning
    read_comparisons     comparisons, TRL preference, HH transcripts, K-way ranks   reward model
    read_labelled        SST-2, NSMC, CSV or JSON with text and label               probes

A format is told from the content, never from the file's name. A record that is well formed but of
no use (an empty answer, a pair with two different prompts) is left out and counted. A malformed one
stops the reading with a line that names file, place and field: a file is read whole or not at all.
Text keeps its Unicode form; normalising is the tokenizer's business.
"""

import codecs
import csv
import gzip
import json
import re
import zlib
from collections import Counter
from functools import partial
from os.path import commonprefix
from pathlib import Path

import numpy as np

from plumbing.errors import BadInput

ROLES = {"system": "system"}
ROLES |= dict.fromkeys(["user", "human", "prompter"], "user")
ROLES |= dict.fromkeys(["assistant", "gpt", "chatgpt", "bot", "model"], "assistant")
KINDS = {dict: "an object", list: "a list", str: "text", bool: "true/false", type(None): "nothing"}
SST2 = re.compile(r"([+-]?\d+)[ \t]+(\S.*)")


class Records(list):
    """A list of records that also counts what was left out: `skipped` is {reason: how many}."""


# --- files -> text -> rows: (place, object) ------------------------------------------------------
def read_bytes(path, size=-1):
    """The first `size` bytes of a file, or all; BadInput when it is missing or cannot be read."""
    try:
        if Path(path).is_dir():
            raise BadInput(f"{path} is a directory: give the path of one file")
        with open(path, "rb") as f:
            return f.read(size)
    except (OSError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError)
        raise BadInput(f"{path} not found" if missing else f"{path}: {error}") from None


def read_text(path):
    """A file, perhaps gzipped, as text without byte order mark, lines ended by a bare newline."""
    data = read_bytes(path)
    try:
        data = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
        text = data.decode("utf-8-sig")
        broken = text.find("\0")
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(f"{path}: damaged gzip file ({error})") from None
    except UnicodeDecodeError as error:
        text = data.decode("latin-1")  # as SST-2 is sometimes found
        broken = text.find("\0") if SST2.match(text) else error.start
    if broken >= 0:
        line = text.count("\n", 0, broken) + 1
        raise BadInput(f"{path}, line {line}: expected UTF-8 text, found other bytes")
    if not text.strip():
        raise BadInput(f"{path} is empty")
    return text.replace("\r\n", "\n")


def read_corpus(path):
    """Text for pretraining: a str, or for a nanoGPT .bin (uint16 GPT-2 ids) a read-only np.memmap.

    UTF-8 without NULs is text. So is what has few control bytes, of which ids are full: Latin-1 or
    EUC-KR, refused with the line to look at. Raises BadInput.
    """
    head = read_bytes(path, 1 << 20)
    try:  # an incremental decoder does not mind that the last character may be cut
        binary = "\0" in codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        binary = True
    if not binary or len(re.findall(rb"[\0-\x08\x0e-\x1f]", head)) < len(head) / 20:
        return read_text(path)
    wrong = f"{path}: neither UTF-8 text nor a .bin of GPT-2 ids"
    if Path(path).stat().st_size % 2:
        raise BadInput(f"{wrong} (its size is odd)")
    ids = np.memmap(path, dtype="<u2", mode="r")
    # 64 places spread over the file: the look costs the same for a megabyte and for a terabyte.
    places = np.linspace(0, max(len(ids) - 4096, 0), 64).astype(np.int64)
    sample = np.concatenate([ids[i : i + 4096] for i in places])
    if sample.max() > 50256:
        raise BadInput(f"{wrong} (id {sample.max()} is above 50256)")
    if len(ids) >= 4096 and sample.max() < 256:
        raise BadInput(f"{wrong} (no id above 255: ids of characters, or UTF-16 text)")
    return ids


def json_rows(path, text):
    """One array of records, or one a line. Only newlines part lines: JSON may hold U+2028."""
    array = text.lstrip().startswith("[")
    for number, line in enumerate([text] if array else text.split("\n"), 1):
        try:
            value = json.loads(line) if line.strip() else None
        except (ValueError, RecursionError) as error:
            number += getattr(error, "lineno", 1) - 1
            why = getattr(error, "msg", error)
            raise BadInput(f"{path}, line {number}: broken JSON ({why})") from None
        if array:
            yield from ((f"record {i}", row) for i, row in enumerate(value, 1))
        elif line.strip():
            yield f"line {number}", value


def table_rows(path, text):
    """Rows below a header. Commas follow CSV's quoting; tabs, as in NSMC, know no quotes."""
    lines = text.split("\n")
    tabs = {"delimiter": "\t", "quoting": csv.QUOTE_NONE} if "\t" in lines[0] else {}
    reader = csv.reader((line + "\n" for line in lines), strict=True, **tabs)
    header, first = None, 1  # a quoted cell may span lines: a row is named by its first
    try:
        for cells in reader:
            if not header:
                header = [name.strip().lower() for name in cells]
            elif any(cells):
                if not 2 <= len(cells) == len(header):
                    raise csv.Error(f"columns: {len(cells)}, in the header: {len(header)}")
                yield f"line {first}", dict(zip(header, cells))
            first = reader.line_num + 1
    except csv.Error as error:
        raise BadInput(f"{path}, line {first}: expected JSON, or CSV ({error})") from None


def sst2_rows(path, text):
    """SST-2's lines: a whole number, which is the label, and a sentence."""
    for number, line in enumerate(text.split("\n"), 1):
        match = SST2.match(line)
        if line.strip() and not match:
            raise BadInput(f"{path}, line {number}: expected a label and text: 1 a good film")
        if match:
            yield f"line {number}", {"text": match[2], "label": match[1]}


def read_records(path, table):
    """Convert every row, as the first row's keys and `table`, {keys: converter}, tell.

    A converter yields records, and for each item that it leaves out a str, the reason.
    """
    text = read_text(path)
    rows = json_rows if text.lstrip()[0] in "[{" else sst2_rows if SST2.match(text) else table_rows
    records, convert = Records(), None
    records.skipped = Counter()
    for place, row in rows(path, text):
        try:
            expect(row, dict, "record", "an object")
            convert = convert or detect(row, table)
            if convert is None:
                raise BadInput("holds comparisons, not demonstrations: use reward.py --data=FILE")
            for item in convert(row):
                if isinstance(item, str):
                    records.skipped[item] += 1
                else:
                    records.append(item)
        except BadInput as error:
            raise BadInput(f"{path}, {place}: {error}") from None
    if not records:
        reasons = "; ".join(f"{n} left out: {why}" for why, n in records.skipped.items())
        raise BadInput(f"{path}: no usable record ({reasons or 'expected JSON or CSV'})")
    return records


def detect(row, table):
    """The converter of the first format whose keys this record has."""
    for keys, convert in table.items():
        if set(keys.split()) <= row.keys():
            return convert
    found, known = ", ".join(map(repr, row))[:200], " or ".join(f"({keys})" for keys in table)
    raise BadInput(f"found the keys {found}; expected {known}")


def expect(value, types, key, what):
    """`value`, if of these types and, for text, one that UTF-8 can hold (not a lone \\ud800)."""
    if not isinstance(value, types):
        raise BadInput(f"'{key}': expected {what}, found {KINDS.get(type(value), 'a number')}")
    if isinstance(value, str) and re.search("[\ud800-\udfff]", value):
        raise BadInput(f"'{key}': holds half a surrogate pair")
    return value


def field(row, key):
    """The text at `key`, without the blanks around it."""
    if key not in row:
        raise BadInput(f"missing key '{key}'")
    return expect(row[key], str, key, "text").strip()


def turns(row, key):
    """Alternating messages from {role, content}, or ShareGPT's {from, value}."""
    messages, system = [], []
    for i, turn in enumerate(expect(row.get(key), list, key, "a list of messages")):
        expect(turn, dict, f"{key}[{i}]", "an object")
        name, content = ("role", "content") if "role" in turn else ("from", "value")
        role = ROLES.get(expect(turn.get(name), str, f"{key}[{i}].{name}", "text").lower())
        text = expect(turn.get(content), str, f"{key}[{i}].{content}", "text")
        if role is None:
            raise BadInput(f"'{key}[{i}].{name}': expected user, assistant or system")
        if role == "system":  # the template has none: its text goes before the user's next turn
            system += [text] if text.strip() else []
            continue
        if messages and role == messages[-1]["role"]:
            raise BadInput(f"'{key}[{i}].{name}': two {role} turns in a row; they must alternate")
        if role == "user":
            text, system = "\n\n".join([*system, text]), []
        messages.append({"role": role, "content": text})
    return messages


def check_ends(messages, key, last):
    roles = [turn["role"] for turn in messages]
    if roles[:1] != ["user"] or roles[-1] != last:
        raise BadInput(f"'{key}': the first turn must be the user's, the last the {last}'s")


def transcript(text):
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
    return transcript(text) + reply


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


DEMONSTRATIONS = {
    "chosen rejected": None,  # comparisons, which are refused
    "responses ranking": None,
    "completion_0 ranking": None,
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
    prompt, pair = "instruction" if "instruction" in row else "prompt", ["chosen", "rejected"]
    if prompt in row or any(isinstance(row.get(key), list) for key in pair):
        return [dialogue(row, prompt, key) for key in pair]
    texts, mark = [field(row, key) for key in pair], "\n\nAssistant:"
    same = commonprefix(texts)
    # Answers that begin with the same letters must not lose them: go back to a word's end.
    end = len(same) - len(re.match(r"\w*", same[::-1])[0])
    parts = [(text[:end], text[end:]) for text in texts]
    if same.startswith("Human:"):
        parts = [text.rpartition(mark)[::2] for text in texts]
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
