"""The rows of the logs: which of them a figure shows, in which groups, and what is computed from
them. A row is a dict, one line of a log.jsonl or of a table that a probe or a study has written."""

from dataclasses import dataclass

import numpy as np

from plumbing.records import wilson


class Missing(Exception):
    """The logs hold nothing to draw here; says what is not there, in English."""


@dataclass
class Run:
    """One log file: its first line and its other lines."""

    name: str  # its folder, or the table it is
    head: dict
    rows: list


def some(rows, lack):
    """The rows, of which there must be some to draw."""
    if not rows:
        raise Missing(lack)
    return rows


def all_rows(runs):
    return [row for run in runs for row in run.rows]


def main_rows(runs, stage):
    """The rows of the run in the stage's own folder, else of the first run of that stage."""
    own = [run for run in runs if run.name == stage]
    return all_rows((own or runs)[:1])


def has(row, fields, equal):
    return all(row.get(field) is not None for field in fields) and equal.items() <= row.items()


def pick(rows, *fields, **equal):
    """The rows that say something under all `fields` and agree with `equal`."""
    return [row for row in rows if has(row, fields, equal)]


def by(rows, field):
    """{value of `field`: its rows}, in the order of their first appearance."""
    groups = {}
    for row in rows:
        groups.setdefault(row[field], []).append(row)
    return groups


def column(rows, field):
    return np.array([row[field] for row in rows], dtype=float)


def places(rows, field, order):
    """Where the values of `field` stand in a list of them."""
    return [order.index(row[field]) for row in rows]


def interval(middle, half):
    """A mean and half the width of its interval, in the fields that the probes use."""
    return {"acc": middle, "low": middle - half, "high": middle + half}


def share(part, n):
    """A share of n with its 95% interval, in the same fields."""
    low, high = wilson(part * n, n)
    return {"acc": part, "low": low, "high": high}


def apart(one, other):
    """Do two intervals have nothing in common?"""
    return one["high"] < other["low"] or other["high"] < one["low"]


def smooth(values, width):
    """Mean of `width` neighbours, fewer at the ends."""
    half = width // 2
    return np.array([np.mean(values[max(0, i - half) : i + half + 1]) for i in range(len(values))])
