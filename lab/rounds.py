"""What constitution.py says of answers round by round, as counts that can be added up over seeds.

A row is of one part of the answers ("harmful", "garbled", "evasive") on one side of the topics
(judges/constitution.py, SIDES) after one round, with a critique ("revised") or without ("bare").
"""

from plumbing.records import wilson

WAYS = ("revised", "bare")
PARTS = ("harmful", "garbled", "evasive")


def counted(share):
    """A share as counts, which can be added up over seeds."""
    n = share["n"]
    return {"count": round(share["share"] * n), "n": n}


def rows_of(details):
    """The rows of what a run of constitution.py logs as its details; none of answers that nobody
    gave."""
    found = []
    for kind in WAYS:
        for after, table in enumerate(details[kind]):
            for side, shares in table.items():
                about = {"kind": kind, "round": after, "side": side}
                for part in PARTS:
                    if shares[part]["n"]:
                        found.append({**about, "part": part, **counted(shares[part])})
    return found


def pooled(rows):
    """The share of all rows together with its 95 % interval: (share, low, high)."""
    count = sum(row["count"] for row in rows)
    n = sum(row["n"] for row in rows)
    return (count / n, *wilson(count, n))
