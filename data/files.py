"""Files of other people: their bytes, their text, a corpus to pretrain on, their rows as records.

What a file holds is told from its content, never from its name. A malformed file stops the reading
with a line that names file, place and field: it is read whole or not at all. Text keeps its Unicode
form; normalising is the tokenizer's business.
"""

import codecs
import csv
import gzip
import json
import re
import zlib
from collections import Counter
from pathlib import Path

import numpy as np

from plumbing.errors import BadInput

KINDS = {dict: "an object", list: "a list", str: "text", bool: "true/false", type(None): "nothing"}
SST2 = re.compile(r"([+-]?\d+)[ \t]+(\S.*)")


# --- bytes and text ------------------------------------------------------------------------------
def read_bytes(path, size=-1):
    """The first `size` bytes of a file, or all; BadInput when it is missing or cannot be read."""
    try:
        if Path(path).is_dir():
            raise BadInput(f"{path} is a directory: give the path of one file")
        with open(path, "rb") as f:
            return f.read(size)
    except FileNotFoundError:
        raise BadInput(f"{path} not found") from None
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: {error}") from None


def read_text(path):
    """A file, perhaps gzipped, as text without byte order mark, lines ended by a bare newline."""
    data = read_bytes(path)
    try:
        data = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(f"{path}: damaged gzip file ({error})") from None
    try:
        text = data.decode("utf-8-sig")
        broken = text.find("\0")
    except UnicodeDecodeError as error:
        text = data.decode("latin-1")  # as SST-2 is sometimes found
        broken = text.find("\0") if SST2.match(text) else error.start
    if broken >= 0:
        line = text.count("\n", 0, broken) + 1
        raise BadInput(f"{path}, line {line}: expected UTF-8 text, found other bytes")
    if not text.strip():
        raise BadInput(f"{path} is empty")
    return text.replace("\r\n", "\n")


# --- a corpus ------------------------------------------------------------------------------------
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


# --- rows: (place, object) -----------------------------------------------------------------------
def json_rows(path, text):
    """One array of records, or one a line. Only newlines part lines: JSON may hold U+2028."""
    array = text.lstrip().startswith("[")
    for number, line in enumerate([text] if array else text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            number += getattr(error, "lineno", 1) - 1
            why = getattr(error, "msg", error)
            raise BadInput(f"{path}, line {number}: broken JSON ({why})") from None
        if array:
            yield from ((f"record {i}", row) for i, row in enumerate(value, 1))
        else:
            yield f"line {number}", value


def table_rows(path, text):
    """Rows below a header. Commas follow CSV's quoting; tabs, as in NSMC, know no quotes."""
    lines = text.split("\n")
    tabs = {"delimiter": "\t", "quoting": csv.QUOTE_NONE} if "\t" in lines[0] else {}
    reader = csv.reader((line + "\n" for line in lines), strict=True, **tabs)
    header = None
    first = 1  # a quoted cell may span lines: a row is named by its first
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
        if match:
            yield f"line {number}", {"text": match[2], "label": match[1]}
        elif line.strip():
            raise BadInput(f"{path}, line {number}: expected a label and text: 1 a good film")


def read_rows(path):
    """(place, row) of each row of a file: JSON, SST-2's lines, or a table with a header."""
    text = read_text(path)
    if text.lstrip()[0] in "[{":
        return json_rows(path, text)
    return sst2_rows(path, text) if SST2.match(text) else table_rows(path, text)


# --- records -------------------------------------------------------------------------------------
class Records(list):
    """A list of records that also counts what was left out: `skipped` is {reason: how many}."""

    def __init__(self):
        self.skipped = Counter()


def told(records, path):
    """The records; how many were left out of the file, and why, is printed."""
    for reason, count in records.skipped.items():
        print(f"{path}: {count} records skipped: {reason}")
    return records


def read_records(path, formats):
    """Convert every row, as the first row's keys and `formats`, {keys: converter}, tell.

    A converter gives records, and for each item that it leaves out a str, the reason. It raises
    BadInput for a malformed row.
    """
    records = Records()
    convert = None
    for place, row in read_rows(path):
        try:
            expect(row, dict, "record", "an object")
            convert = convert or detect(row, formats)
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


def detect(row, formats):
    """The converter of the first format whose keys this record has."""
    for keys, convert in formats.items():
        if set(keys.split()) <= row.keys():
            return convert
    found = ", ".join(map(repr, row))[:200]
    known = " or ".join(f"({keys})" for keys in formats)
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
