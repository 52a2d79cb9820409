"""From text to rows, and from rows to records: JSON in its layouts, CSV, tables with tabs, SST-2.

One rule: each row becomes a record, or is left out and counted, or stops the reading with a line
that names file, place and field. A file is read whole or not at all.
"""

import csv
import json
import re
from collections import Counter
from pathlib import Path
from unicodedata import normalize

from data.files import read_text
from plumbing.errors import BadInput
from plumbing.records import tell

KINDS = {dict: "an object", list: "a list", str: "text", bool: "true/false", type(None): "nothing"}
BLANKS = re.compile(r"\s*")
SST2 = re.compile(r"([+-]?\d+)[ \t]+(\S.*)")
# Keys of an object around all records, such as {"data": [...]}.
WRAPPERS = ("data", "rows", "records", "examples", "dataset", "train", "validation", "test")


# --- JSON ----------------------------------------------------------------------------------------
def once(pairs):
    """An object, in which each key stands once: of two equal ones json would drop the first."""
    keys = [one_form(key) for key, _ in pairs]
    row = {key: one_form(value) for key, (_, value) in zip(keys, pairs)}
    if len(row) < len(pairs):
        twice = next(key for key, n in Counter(keys).items() if n > 1)
        raise BadInput(f"the key {twice!r} stands twice in one object")
    return row


def one_form(value):
    """Text in the form of Unicode that files are read in: JSON may hold a letter as an escape."""
    if isinstance(value, list):
        return [one_form(part) for part in value]
    return normalize("NFC", value) if isinstance(value, str) else value


def whole(digits):
    """A whole number; one of thousands of digits is too long for int, and of no use."""
    return int(digits) if len(digits) < 20 else float(digits)


# NaN stands where a table that pandas wrote has a hole: it is nothing.
DECODER = json.JSONDecoder(
    object_pairs_hook=once, parse_int=whole, parse_constant=lambda name: None
)


def decode(path, text, start=0, number=1):
    """The JSON value at text[start:], and where it ends. `number`: the line at which text begins in
    its file."""
    try:
        value, end = DECODER.raw_decode(text, start)
        check_text(value)
        return value, end
    except BadInput as error:
        line = number + text.count("\n", 0, start)
        raise BadInput(f"{path}, line {line}: {error}") from None
    except json.JSONDecodeError as error:
        line = number + error.lineno - 1
        why = f"{error.msg} at column {error.colno}"
    except RecursionError:
        line = number + text.count("\n", 0, start)
        why = "nested too deeply"
    raise BadInput(f"{path}, line {line}: broken JSON ({why})") from None


def check_text(value):
    """Refuse a text that no UTF-8 can hold, in whatever field: JSON may write half a pair of
    surrogates, \\ud800."""
    todo = [("record", value)]
    while todo:
        name, value = todo.pop()
        if isinstance(value, dict):
            todo += value.items()
            todo += [("key", key) for key in value]
        elif isinstance(value, list):
            todo += [(name, part) for part in value]
        elif isinstance(value, str) and re.search("[\ud800-\udfff]", value):
            raise BadInput(f"{name!r}: holds half a surrogate pair")


def json_values(path, text):
    """(line, value) of each JSON value: one a line, or, where the first does not end on its line,
    one after the other. Only newlines part lines: JSON may hold U+2028."""
    first = text.lstrip().split("\n")[0].rstrip()
    if first.startswith("{") and first[-1] not in "{[,":
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                yield number, json_line(path, line.strip(), number)
        return
    start, number = 0, 1
    while True:
        begin = BLANKS.match(text, start).end()
        number += text.count("\n", start, begin)
        if begin == len(text):
            return
        if text[begin] == ",":
            raise BadInput(
                f"{path}, line {number}: broken JSON (a comma between records: put all of them "
                "in [ ], or each on a line of its own)"
            )
        value, start = decode(path, text, begin)
        yield number, value
        number += text.count("\n", begin, start)


def json_line(path, line, number):
    """The one value of a line."""
    value, end = decode(path, line, number=number)
    if end < len(line):
        raise BadInput(
            f"{path}, line {number}: broken JSON (more stands after the record, at column "
            f"{end + 1}; expected one record a line)"
        )
    return value


def json_rows(path, text):
    """(place, row) of JSON Lines, one array, an object around an array, or objects as they come."""
    values = list(json_values(path, text))
    if len(values) == 1 and isinstance(values[0][1], dict):
        lists = [key for key in WRAPPERS if isinstance(values[0][1].get(key), list)]
        if len(lists) > 1:
            raise BadInput(f"{path} holds the lists {', '.join(lists)}: give a file of one of them")
        if lists:
            values = [(1, values[0][1][lists[0]])]
    if len(values) == 1 and isinstance(values[0][1], list):
        return [(f"record {i}", row) for i, row in enumerate(values[0][1], 1)]
    return [(f"line {number}", row) for number, row in values]


# --- tables --------------------------------------------------------------------------------------
def header_of(text):
    """The names of a table's columns, if the first line of `text` is such and not prose: names have
    one word each, or up to three where no blank follows a comma."""
    first = text.lstrip().split("\n")[0]
    names = [name.strip(' "').lower() for name in first.split(separator_of(first))]
    words = 1 if re.search("[,;] ", first) else 3
    fits = [re.fullmatch(r"[\w. -]*", name) and len(name.split()) <= words for name in names]
    return names if all(fits) else []


def separator_of(header):
    """What stands between the columns: tabs, commas, or the semicolons that Excel writes where
    numbers have a decimal comma."""
    if "\t" in header:
        return "\t"
    return ";" if header.count(";") > header.count(",") else ","


def tell_prose(path, text, use, names):
    """Say what becomes of a file that is called a table and has no column with a name to read."""
    found = header_of(text)
    if found and Path(path).suffix.lower() in (".csv", ".tsv"):
        line = f"{path}: no column is called {names} (found {', '.join(found):.200}), so {use}"
        tell(line, file=str(path), columns=found)


def table_rows(path, text, fewest=2):
    """Rows below a header of at least `fewest` columns. Commas and semicolons follow CSV's quoting;
    tabs, as in NSMC, know no quotes."""
    csv.field_size_limit(2**31 - 1)  # a cell may hold a book; csv's own limit is 131,072
    lines = text.split("\n")
    separator = separator_of(lines[0])
    quoting = csv.QUOTE_NONE if separator == "\t" else csv.QUOTE_MINIMAL
    form = {"delimiter": separator, "quoting": quoting, "strict": True}
    reader = csv.reader((line + "\n" for line in lines), **form)
    header = None
    first = 1  # a quoted cell may span lines: a row is named by its first
    try:
        for cells in reader:
            if not header:
                header = [name.strip().lower() for name in cells]
                if len(set(header)) < len(header):
                    raise csv.Error("two columns have one name")
            elif cells:
                if not fewest <= len(cells) == len(header):
                    raise csv.Error(f"columns: {len(cells)}, in the header: {len(header)}")
                if [name.strip().lower() for name in cells] == header:
                    raise csv.Error("the header again: two files in one?")
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


def read_rows(path, latin1=None):
    """(place, row) of each row of a file: JSON, SST-2's lines, or a table with a header."""
    text = read_text(path, latin1)
    if text.lstrip()[0] in "[{":
        return json_rows(path, text)
    return sst2_rows(path, text) if SST2.match(text) else table_rows(path, text)


# --- records -------------------------------------------------------------------------------------
class LeftOut(Exception):
    """A row that is well formed and of no use here; its text is the reason."""


class Records(list):
    """A list of records that also counts what was left out: `skipped` is {reason: how many}, and
    `first` {reason: where the first stood}."""

    def __init__(self):
        self.skipped = Counter()
        self.first = {}


def single(convert):
    """A converter of rows that hold one record each: [record], or [LeftOut]."""

    def converted(row):
        try:
            return [convert(row)]
        except LeftOut as reason:
            return [reason]

    return converted


def read_records(path, formats, rows=None, latin1=None, unread=lambda row: ()):
    """Convert every row, as the first row's keys and `formats`, {keys: converter}, tell.

    A converter gives for each item of a row a record, or LeftOut; it raises BadInput for a
    malformed row. How many were left out, and why, is told, and which keys `unread` finds.
    """
    records = Records()
    convert = None
    others = Counter()
    for place, row in rows or read_rows(path, latin1):
        try:
            expect(row, dict, "record", "an object")
            convert = convert or detect(row, formats)
            others.update(unread(row))
            for item in convert(row):
                if isinstance(item, LeftOut):
                    records.skipped[str(item)] += 1
                    records.first.setdefault(str(item), place)
                else:
                    records.append(item)
        except BadInput as error:
            raise BadInput(f"{path}, {place}: {error}") from None
    left = {}
    for why, n in records.skipped.items():
        left[why] = f"{n} records skipped: {why} (the first: {records.first[why]})"
    if not records:
        lines = "; ".join(left.values()) or "expected JSON or CSV"
        raise BadInput(f"{path}: no usable record ({lines})")
    for why, line in left.items():
        counts = {"skipped": records.skipped[why], "why": why, "first": records.first[why]}
        tell(f"{path}: {line}", file=str(path), **counts)
    if others:
        names = ", ".join(map(repr, others))
        tell(f"{path}: the keys {names:.200} are not read", file=str(path), unread=dict(others))
    return records


def detect(row, formats):
    """The converter of the first format whose keys this record has."""
    for keys, convert in formats.items():
        if set(keys.split()) <= row.keys():
            return convert
    found = ", ".join(map(repr, row))[:200]
    known = " or ".join(f"({keys})" for keys in formats)
    raise BadInput(f"found the keys {found}; give them the names of one of these: {known}")


def expect(value, types, key, what):
    """`value`, if it is of these types."""
    if not isinstance(value, types):
        raise BadInput(f"'{key}': expected {what}, found {KINDS.get(type(value), 'a number')}")
    return value


def field(row, key):
    """The text at `key`, without the blanks around it."""
    if key not in row:
        raise BadInput(f"missing key '{key}'")
    return expect(row[key], str, key, "text").strip()
