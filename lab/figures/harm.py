"""The figures on what Claude is made of (after Bai et al. 2022a, 2022b): harm by round of revision,
and reward models of helpful and of harmless comparisons. They are drawn as the pictures of the
documents are (lab/pictures_revisions.py, lab/pictures_tension.py), of a run, a study or records.
"""

from data.preferences import KINDS
from lab import pictures_revisions, pictures_tension
from lab.figures.frames import Shown
from lab.figures.rows import all_rows, pick, some
from lab.figures.words import JUDGE, plain, say
from lab.pictures_tension import Line, known
from lab.rounds import WAYS, rows_of
from lab.svg import said
from lab.tables_probing import TRAINED
from lab.tension import ARMS
from lab.words_pictures import korean

NO_ROUNDS = "no run of constitution.py has told of harm on all topics, with a critique and without"
NO_KINDS = "no reward model has told of helpful and of harmless pairs"
ORACLE = (
    " The critic is the judge itself: a control.",
    " 비평가는 심판 자신입니다(대조군).",
)
ALONE = (
    "One run each: bars are 95% intervals as if pairs were independent.",
    "줄마다 한 번의 실행이며, 막대는 쌍이 서로 독립이라고 본 95% 구간입니다.",
)
LABELS = ("Right is what the labels say.", "순서는 라벨을 따릅니다.")
NAMES = {learned: TRAINED[arm] for arm, learned in ARMS.items()}


def both(sentences):
    """Sentences of a picture as one text, in English and in Korean."""
    return " ".join(sentences), " ".join(map(korean, sentences))


def pair(picture):
    """A picture with its words in English and in Korean."""
    return picture, said(picture, korean)


def finding(title, neutral):
    """The title of the section; its own where nothing was found."""
    return () if title == neutral else (title, korean(title))


# --- harm by round -------------------------------------------------------------------------------


def rounds(logs):
    """(rows, head) of the run in constitution.py's own folder, else of the first such run, else of
    the records."""
    runs = [run for run in logs["constitution"] if pick(run.rows, "details")]
    own = [run for run in runs if run.name == "constitution"]
    for run in (own or runs)[:1]:
        config = run.head["config"]
        rows = rows_of(pick(run.rows, "details")[-1]["details"])
        return [{**row, "seed": config.get("seed", 1)} for row in rows], config
    return pictures_revisions.rounds_of(all_rows(logs["revisions"])), {}


def whole(rows):
    """Is something known of each way and each side of the topics?"""
    found = {(row["kind"], row["side"]) for row in rows}
    return len(found) == len(WAYS) * len(pictures_revisions.TOPICS)


def revisions(logs):
    """Answers that do harm, and garbled ones, after each round of revision."""
    rows, config = rounds(logs)
    some(rows if whole(rows) else [], NO_ROUNDS)
    told = []
    for side in pictures_revisions.TOPICS:
        told += pictures_revisions.sentences(rows, side)
    told.append(pictures_revisions.compared(rows, pictures_revisions.NEW))
    caption = say(
        "{0} {1} Bars: 95% intervals. What is bad was told of the topics A to D alone.{2}",
        "{0} {1} 막대는 95% 구간입니다. 무엇이 나쁜지는 주제 A-D에서만 알려 주었습니다.{2}",
        JUDGE,
        both([pictures_revisions.asked(rows)]),
        ORACLE if config.get("critic") == "oracle" else ("", ""),
    )
    drawn = pair(pictures_revisions.draw(rows, alone=False))
    title = finding(pictures_revisions.title(rows), pictures_revisions.NEUTRAL)
    return Shown(drawn, both(told), caption, title=title)


# --- help against harm ---------------------------------------------------------------------------


def rows_of_runs(runs):
    """The rows that a study would have, a row a run that tells of both kinds."""
    found = []
    for run in runs:
        for last in pick(run.rows, "details")[-1:]:
            kinds = last["details"].get("kinds")
            if kinds:
                row = {"arm": run.name, "learned": run.head["config"].get("kinds") or "both"}
                for kind in KINDS:
                    for key in ("labels", "truth", "pairs"):
                        row[f"{kind} {key}"] = kinds[kind].get(key)
                found.append({**row, "seed": run.head["config"].get("seed", 1)})
    return found


def lines_of_runs(rows):
    """A Line for each run."""
    key = known(rows)
    found = []
    for row in rows:
        learned = KINDS if row["learned"] == "both" else (row["learned"],)
        name = NAMES[row["learned"]]
        own = pictures_tension.cells([row], key)
        found.append(Line(name, plain(row["arm"])[:24], learned, own))
    return found


def tension(logs):
    """Pairs of each kind in the right order, by what a reward model has learned from."""
    rows = all_rows(logs["tension"])
    own = rows_of_runs(logs["reward"])
    if own and not rows:
        lines = lines_of_runs(own)
        kept = []
        asked = ALONE
        by = JUDGE if known(own) == "truth" else LABELS
    else:
        rows = some(rows or all_rows(logs["tension_record"]), NO_KINDS)
        lines = pictures_tension.lines(rows)
        kept = pictures_tension.kept(rows)
        asked = both(pictures_tension.about(rows))
        by = JUDGE
    caption = say("{0} {1}", "{0} {1}", by, asked)
    drawn = pair(pictures_tension.draw(lines, [], alone=False))
    told = both([*pictures_tension.sentences(lines), *kept])
    title = finding(pictures_tension.title(lines), pictures_tension.NEUTRAL)
    return Shown(drawn, told, caption, table(lines), title)


def table(lines):
    """The same figures as numbers, with the number of pairs."""
    head = [("learned from", "배운 것")]
    for kind in KINDS:
        head += [both([f"{kind} pairs in the right order"]), ("pairs", "쌍")]
    rows = [tuple(head)]
    for one in lines:
        run = f" ({one.under})" if one.under else ""
        row = [tuple(name + run for name in both([one.name]))]
        for kind in KINDS:
            cell = one.cells[kind]
            row += [cell.told(), f"{cell.pairs:,}"]
        rows.append(tuple(row))
    return tuple(rows)
