"""Which paper each equation and algorithm is of, where it stands here, and what differs and why.

`python -m lab.results` writes docs/papers.md from these rows and from the comments "# differs from
the paper: why" in the code. A test asks that each function exists and names its paper.
"""

import re

from lab.paper_rows import ELSEWHERE, ROWS
from lab.paper_titles import TITLES
from plumbing.files import ROOT

HEAD = """# Papers

Written by `python -m lab.results`; the rows stand in `lab/paper_rows.py`.

One row for each equation and algorithm: where it is in the paper, where it is here, and what
differs and why.
"""


def marked():
    """(file, why) of every comment "# differs from the paper: why" in the code."""
    found = []
    files = [*ROOT.glob("*.py")]
    for room in ROOT.glob("*/__init__.py"):
        if room.parent.name not in ("tests", "lab"):
            files += room.parent.glob("**/*.py")
    for path in sorted(files):
        file = path.relative_to(ROOT)
        text = path.read_text(encoding="utf-8")
        for comment in re.findall(r"# differs from ((?:.*\n\s*#)*.*)", text):
            found.append((file.as_posix(), " ".join(comment.replace("#", " ").split())))
    return found


def page():
    """docs/papers.md."""
    lines = [
        HEAD,
        "| what | paper | there | here | what differs, and why |",
        "|---|---|---|---|---|",
    ]
    for row in ROWS:
        file, function = row.place.split(":")
        here = f"`{function}` in `{file}`"
        lines.append(f"| {row.what} | {row.paper} | {row.number} | {here} | {row.differs} |")
    lines += ["", "## Other differences", ""]
    lines += ["| where | the paper | here | why |", "|---|---|---|---|"]
    lines += ["| " + " | ".join(cells) + " |" for cells in ELSEWHERE]
    if marked():
        lines += ["", "## Marked in the code", "", "| file | differs from |", "|---|---|"]
        lines += [f"| `{file}` | {why} |" for file, why in marked()]
    lines += ["", "## The papers", ""]
    lines += [f"- {name}: {title}" for name, title in TITLES.items()]
    return "\n".join(lines).replace("  |", " |") + "\n"
