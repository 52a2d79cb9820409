"""Tables from records: rows of results in, lines of text out.

A probe's records are long: one figure each, with the names of what was asked. A table lays the same
figures out in two directions, {row: {column: cell}}. `pivot` takes one cell from each record,
`spread` a whole line, and `print_beside` prints tables of the same rows side by side.
"""

from plumbing.records import print_table, wilson

TITLE = "{ckpt} ({stage}, step {step}, {params:,} parameters)"  # which model a record is of


def share(right):
    """Of answers right or wrong (N,): the share of right ones and its 95% interval (Wilson)."""
    n = len(right)
    hits = int(sum(right))
    low, high = wilson(hits, n)
    return {"acc": hits / n, "low": low, "high": high}


def grouped(records, *names):
    """{values of the fields `names`: the records that have them}, in the order of the records."""
    groups = {}
    for record in records:
        key = tuple(record[name] for name in names)
        groups.setdefault(key, []).append(record)
    return groups


def where(records, **fields):
    """The records that have these fields."""
    return [record for record in records if fields.items() <= record.items()]


def read(record, what):
    """What a table shows of a record: a field, a text such as "{acc:.3f}" filled in from its
    fields, or what a function makes of it."""
    if callable(what):
        return what(record)
    return what.format(**record) if "{" in what else record[what]


def pivot(records, row, column, value):
    """{row: {column: cell}}: each record gives one cell. Rows and columns keep the records' order.

    row, column, value: see `read`. A row that is a tuple fills several columns with its name.
    """
    table = {}
    for record in records:
        line = table.setdefault(read(record, row), {})
        line[read(record, column)] = read(record, value)
    return table


def spread(records, row, cells):
    """{row: {column: cell}}: each record gives a line; cells {column: see `read`}."""
    table = {}
    for record in records:
        line = table.setdefault(read(record, row), {})
        for name, what in cells.items():
            line[name] = read(record, what)
    return table


def print_beside(title, heads, *tables):
    """Print tables side by side, with the rows of the first. heads: over the rows' names."""
    columns = list(heads)
    lines = {}
    for row in tables[0]:
        lines[row] = list(row) if isinstance(row, tuple) else [row]
    for table in tables:
        names = {}
        for cells in table.values():
            names |= cells
        columns += map(str, names)
        for row, line in lines.items():
            cells = table.get(row, {})
            line += [cells.get(name, "") for name in names]
    print_table(title, columns, lines.values())


def points(name):
    """A share in the field `name` as a percentage, or nothing if it is None."""

    def text(record):
        value = record[name]
        return "" if value is None else f"{100 * value:.1f}"

    return text
