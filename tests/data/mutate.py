"""Files of every layout, damaged at random, through every reader.

    python -m tests.data.mutate --n=10000        so many files a reader; prints the figures

The outcome is records or one line. Each row that was not touched is among the records, question and
answer; the number of records, with the number told as left out, is the number of rows.
"""

import contextlib
import copy
import gzip
import io
import json
import math
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

import numpy as np

from data.corpora import read_corpus
from data.formats import read_comparisons, read_demonstrations, read_prompts
from data.labelled import read_labelled
from plumbing.errors import BadInput


def say(role, text, keys=("role", "content")):
    return dict(zip(keys, (role, text)))


def human(q, a):
    keys = ("from", "value")
    return [say("human", q, keys), say("gpt", a, keys)]


# Rows of question q, better answer a and worse answer b.
DEMONSTRATIONS = {
    "messages": lambda q, a, b: {"messages": [say("user", q), say("assistant", a)]},
    "with system": lambda q, a, b: {
        "messages": [say("system", "Be brief."), say("user", q), say("assistant", a)],
        "source": "me",
    },
    "sharegpt": lambda q, a, b: {"id": "1", "conversations": human(q, a), "system": "Be kind."},
    "lima": lambda q, a, b: {"conversations": [q, a], "source": "lima"},
    "alpaca": lambda q, a, b: {"instruction": q, "input": "2", "output": a, "history": [["x", "y"]]},
    "dolly": lambda q, a, b: {"instruction": q, "context": "c", "response": a, "category": "d"},
    "prompt": lambda q, a, b: {"prompt": q, "completion": a, "label": True},
    "orca": lambda q, a, b: {"system_prompt": "s", "question": q, "response": a},
    "self-instruct": lambda q, a, b: {
        "instruction": q, "instances": [{"input": "", "output": a}, {"input": "1", "output": a}],
    },
}  # fmt: skip
COMPARISONS = {
    "verdict": lambda q, a, b: {"prompt": q, "answer_a": b, "answer_b": a, "better": "b"},
    "own": lambda q, a, b: {
        "messages": [say("user", q)], "responses": [a, b], "ranking": [[0], [1]],
        "labeler": "s1", "scores": [7, None],
    },
    "explicit": lambda q, a, b: {"question": q, "chosen": a, "rejected": b, "system": "s"},
    "implicit": lambda q, a, b: {"chosen": f"{q} {a}", "rejected": f"{q} {b}", "id": "1"},
    "hh": lambda q, a, b: {
        side: f"\n\nHuman: Hi\n\nAssistant: Yes?\n\nHuman: {q}\n\nAssistant: {text}"
        for side, text in (("chosen", a), ("rejected", b))
    },
    "lists": lambda q, a, b: {
        "prompt": q, "chosen": [say("user", q), say("assistant", a)],
        "rejected": [say("user", q), say("assistant", b)], "score_chosen": 1.5,
    },
    "sides": lambda q, a, b: {
        "conversations": human(q, a)[:1], "chosen": human(q, a)[1], "rejected": human(q, b)[1],
    },
    "openai": lambda q, a, b: {
        "input": {"messages": [say("user", q)]}, "preferred_output": [say("assistant", a)],
        "non_preferred_output": [say("assistant", b)],
    },
    "k-way": lambda q, a, b: {
        "prompt": q, "completion_0": a, "completion_1": b, "ranking": [0, 1],
    },
}  # fmt: skip
PROMPTS = {
    **DEMONSTRATIONS,
    **COMPARISONS,
    "prompt alone": lambda q, a, b: {"prompt": q},
    "messages alone": lambda q, a, b: {"messages": [say("user", q)]},
}
LABELLED = {
    "text": lambda q, a, b: {"text": f"{q} {a}", "label": 1},
    "sentence": lambda q, a, b: {"sentence": f"{q} {a}", "label": "good"},
}
CORPORA = {"text": lambda q, a, b: {"text": f"{q} {a}\n", "meta": {"n": 1}}}
READERS = {
    "demonstrations": (read_demonstrations, DEMONSTRATIONS),
    "comparisons": (read_comparisons, COMPARISONS),
    "prompts": (read_prompts, PROMPTS),
    "labelled": (read_labelled, LABELLED),
    "corpus": (read_corpus, CORPORA),
}
JUNK = [None, True, False, 0, 3, -1.5, math.nan, math.inf, 10**400, "", " ", "x", "\ud800", "false"]
JUNK += [[], {}, [[]], [None], ["a", "b"], {"role": "user"}, [[0, 1]], [[0], [0]], "Human: a"]
JUNK += ["a" * 10_000, "\u2028", "\ufeff", "\x00", "tool", "assistant", [say("tool", "a")]]


# --- damage --------------------------------------------------------------------------------------
def places(value, path=()):
    """The paths to all parts of a JSON value."""
    yield path
    parts = value.items() if isinstance(value, dict) else ()
    for key, part in enumerate(value) if isinstance(value, list) else parts:
        yield from places(part, (*path, key))


def damage(row, rng):
    """The row with one of its parts gone, doubled, renamed, or replaced by junk."""
    row = copy.deepcopy(row)
    *path, key = rng.choice([place for place in places(row) if place])
    holder = row
    for step in path:
        holder = holder[step]
    change = rng.choice(["drop", "junk", "junk", "double", "rename"])
    if change == "drop":
        del holder[key]
    elif change == "junk":
        holder[key] = rng.choice(JUNK)
    elif isinstance(holder, list):
        holder.insert(key, copy.deepcopy(holder[key]))
    else:
        other = rng.choice(["prompt", "question", "messages", "label", "system", "history", "x"])
        holder[other] = holder[key] if change == "double" else holder.pop(key)
    return row


def lay_out(rows, rng):
    """The rows as the bytes of a file, in one of the layouts that people's files have."""
    lines = [json.dumps(row, ensure_ascii=rng.random() < 0.5) for row in rows]
    lines = [re.sub("[\ud800-\udfff]", lambda m: f"\\u{ord(m[0]):x}", line) for line in lines]
    layout = rng.choice(
        ["lines", "lines", "array", "pretty", "wrapped", "objects", "blank", "marks"]
    )
    text = "\n".join(lines) + "\n" * rng.randrange(3)
    if layout == "array":
        text = "[" + ",\n".join(lines) + "]"
    elif layout == "wrapped":
        text = '{"version": 1, "data": [' + ", ".join(lines) + "]}"
    elif layout in ("pretty", "objects"):
        whole = [json.loads(line) for line in lines]
        text = json.dumps(whole, indent=2)
        if layout == "objects":
            text = "\n".join(json.dumps(row, indent=1) for row in whole)
    elif layout == "blank":
        text = "\n \n" + "\n\n".join(lines)
    elif layout == "marks":
        text = "\ufeff" + "\n\ufeff".join(lines)
    if rng.random() < 0.2:
        text = text.replace("\n", "\r\n")
    data = text.encode(rng.choice(["utf-8", "utf-8", "utf-8", "utf-16", "utf-8-sig"]))
    return gzip.compress(data, 1) if rng.random() < 0.1 else data


def spoil(data, rng):
    """The bytes with some flipped, cut off, put in or taken out."""
    data = bytearray(data)
    at = rng.randrange(len(data))
    change = rng.choice(["flip", "flip", "cut", "insert", "take"])
    if change == "flip":
        data[at] ^= 1 << rng.randrange(8)
    elif change == "cut":
        del data[at:]
    elif change == "insert":
        data[at:at] = rng.choice(
            [b"\0", b"\xff", b"\n", b'"', b",", b"{", b"\xea\xb0", b"\r", b"1e9"]
        )
    else:
        del data[at : at + rng.randrange(1, 9)]
    return bytes(data)


def other_file(rng):
    """Bytes that are no JSON: tables, SST-2's lines, ids, code pages, noise."""
    ids = np.random.default_rng(rng.randrange(10**6)).integers(0, 50257, rng.randrange(1, 600))
    npy = io.BytesIO()
    np.save(npy, ids.astype(rng.choice(["u2", "i8", "f4", "u4"])))
    return rng.choice([
        b"question,answer,label\nq1,a1,0\n\"q, 2\",a2,1\n,,\n",
        b"id\tdocument\tlabel\n1\tgood \"one\t1\n2\tbad\t0\n",
        b"1 a good film\n0 a bad one\n",
        b"prompt\nSay hello.\nSay bye.\n",
        "가나다 라마바\n".encode("cp949") * 9,
        "1 가나다 라마바\n".encode("cp949") * 9,
        "caf\xe9 ol\xe9\n".encode("latin-1") * 9,
        ids.astype("<u2").tobytes(), ids.astype("<u4").tobytes(), ids.astype("<i8").tobytes(),
        npy.getvalue(), rng.randbytes(300), b"PK\x03\x04" + rng.randbytes(50),
    ])  # fmt: skip


# --- outcome -------------------------------------------------------------------------------------
def count(row):
    """How many records a row is."""
    cases = row.get("instances") if "instruction" in row else None
    return max(1, len(cases)) if isinstance(cases, list) else 1


def read(reader, path):
    """("records", records, number told as left out), or ("refused", line, 0); anything else is a
    fault."""
    printed = io.StringIO()
    start = time.perf_counter()
    try:
        with contextlib.redirect_stdout(printed):
            records = reader(path)
    except BadInput as error:
        assert "\n" not in str(error) and str(path) in str(error), error
        return "refused", str(error), 0
    finally:
        assert time.perf_counter() - start < 5, "takes too long"
    assert len(records)
    told = sum(map(int, re.findall(r": (\d+) records skipped: ", printed.getvalue())))
    return "records", records, told


def one(name, seed, path):
    """One damaged file through one reader. Returns what came of it; AssertionError is a fault."""
    reader, layouts = READERS[name]
    rng = Random(f"{name} {seed}")
    if rng.random() < 0.15:
        data = other_file(rng)
        path.write_bytes(spoil(data, rng) if rng.random() < 0.5 else data)
        return read(reader, path)[0]
    make = layouts[rng.choice(sorted(layouts))]
    rows = [make(f"Question {i}q?", f"Answer {i}a.", f"Reply {i}b.") for i in range(4)]
    if rng.random() < 0.5:
        rows = [make(f"질문 {i}q?", f"대답 {i}a.", f"말 {i}b.") for i in range(4)]
    touched = rng.randrange(5)  # 4: none
    if touched < 4:
        rows[touched] = damage(rows[touched], rng)
    data = lay_out(rows, rng)
    if rng.random() < 0.3:
        path.write_bytes(spoil(data, rng))
        return read(reader, path)[0]
    path.write_bytes(data)
    outcome, records, told = read(reader, path)
    if outcome == "refused":
        assert touched < 4, records
        return outcome
    text = records if name == "corpus" else json.dumps(list(records))
    if name != "corpus":
        assert len(records) + told == sum(map(count, rows)), (len(records), told)
    for i in {*range(4)} - {touched}:
        asks = name == "prompts"
        assert f"{i}q?" in text and (asks or f"{i}a." in text), f"row {i} is lost"
        assert name != "comparisons" or f"{i}b." in text
    return "all read" if not told else "some left out, told"


def main(n):
    with tempfile.TemporaryDirectory() as folder:
        for name in READERS:
            found = Counter(one(name, seed, Path(folder) / "file") for seed in range(n))
            print(f"{name}: {n} files, {dict(found)}, 0 faults")


if __name__ == "__main__":
    options = dict(word.removeprefix("--").split("=") for word in sys.argv[1:])
    main(int(options.get("n", 10_000)))
