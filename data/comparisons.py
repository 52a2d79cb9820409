"""Comparisons for a loss: read from several files, of which kind each is, how sure its label is.

p      the probability that response 0 is the better of two (Bai et al. 2022b, section 4.1); a
       ranking without it is sure of what it says
kind   "helpful" or "harmless" (HH-RLHF, Bai et al. 2022a): what the record says, else --kind,
       else the name of its file or folder, such as harmless-base/test.jsonl.gz; or none
"""

from collections import Counter
from pathlib import Path

import numpy as np

from data.formats import read_comparisons
from data.preferences import KINDS
from data.principles import SOURCES
from data.world import english_only
from data.world.languages import LANGUAGES
from plumbing.after import LABELS
from plumbing.errors import BadInput
from plumbing.records import check_whole, tell


def load(data, kind="", clamp=""):
    """The comparisons of one file, or of several with commas between, in one list. kind: of the
    records that name none, one word for all files or one for each; clamp: as `limits` reads it."""
    paths = files(data)
    words = kind.split(",") if "," in kind else [kind] * len(paths)
    if len(words) != len(paths) or not {*words} <= {"", *KINDS}:
        raise BadInput(f"--kind={kind}: expected helpful or harmless, one for all or for each file")
    found = []
    for path, word in zip(paths, words):
        if Path(path) == Path(LABELS) and not Path(path).exists():
            raise BadInput(f"{path} not found: python chat.py CHECKPOINT --label writes it")
        check_whole(path)
        records = read_comparisons(path)
        found += with_kind(records, word, path)
    return clamped(found, clamp, data)


def files(data):
    """The paths that --data names. A file may have a comma in its name."""
    return [data] if Path(data).exists() else [part.strip() for part in str(data).split(",")]


# --- kinds ---------------------------------------------------------------------------------------


def kind_of(path):
    """The kind that a file's name tells, or else its folder's: "" where neither names one alone."""
    for name in (Path(path).name, Path(path).absolute().parent.name):
        named = [kind for kind in KINDS if kind in name.lower()]
        if named:
            return named[0] if len(named) == 1 else ""
    return ""


def with_kind(records, word, path):
    """The records of one file, each with its kind where there is one."""
    unnamed = [record for record in records if "kind" not in record]
    if word and not unnamed:
        raise BadInput(
            f"--kind={word}: all records of {path} say of which kind they are; --kinds={word} "
            "learns from these alone"
        )
    given = word or kind_of(path)
    if given and unnamed:
        why = "--kind" if word else "the name of the file or its folder"
        line = f"{path}: {len(unnamed)} comparisons are of the kind {given} ({why})"
        tell(line, file=str(path), kind=given, of=len(unnamed))
        for record in unnamed:
            record["kind"] = given
    return records


def of_kinds(records, kinds, path):
    """The records to learn from: all, or with `kinds` those of the one kind or of both."""
    wanted = KINDS if kinds == "both" else [kinds]
    if not kinds:
        return records
    count = Counter(record.get("kind", "no kind") for record in records)
    for kind in wanted:
        if not count[kind]:
            found = ", ".join(f"{n} of {name}" for name, n in count.items())
            raise BadInput(f"--kinds={kinds}: no {kind} comparisons in {path}, but {found}")
    idle = len(records) - sum(count[kind] for kind in wanted)
    if idle:
        line = f"{path}: {idle} of {len(records)} comparisons are of another kind: not learned from"
        tell(line, file=str(path), idle=idle, of=len(records), why="another kind")
    return [record for record in records if record.get("kind") in wanted]


def check_options(data, kind, kinds, clamp, n_probes):
    """Refuse options of reward.py that do not fit its data; one line each."""
    if kinds not in ("", *KINDS, "both"):
        raise BadInput(f"--kinds={kinds}: expected helpful, harmless or both")
    if clamp:
        limits(clamp)
    english_only(data, kinds=kinds)
    if data in LANGUAGES and (kind or clamp):
        name, value = ("kind", kind) if kind else ("clamp", clamp)
        raise BadInput(f"--{name}={value}: it is of the comparisons of a file, --data=FILE")
    if data == "world" and kinds in ("harmless", "both") and not n_probes:
        raise BadInput(f"--kinds={kinds}: asks for attacks: --n_probes=2000, or --preset=hh")


def check_weight(records, harm_weight, path):
    """Refuse a weight that there is nothing to weigh by."""
    if harm_weight != 1 and not any(record.get("kind") == "harmless" for record in records):
        raise BadInput(
            f"--harm_weight={harm_weight:g}: none of the comparisons to train on of {path} is a "
            "harmless one by what it says, by --kind or by the name of the file"
        )


def weights(records, harm_weight):
    """λ for a harmless comparison, 1 for all others: L = L_help + λ·L_harm (Bai et al. 2022a), as
    (N,)."""
    weigh = [harm_weight if record.get("kind") == "harmless" else 1.0 for record in records]
    return np.array(weigh, dtype=np.float32)


# --- how sure a label is -------------------------------------------------------------------------


def soft_labels(records):
    """p of each record (N,), NaN where its ranking stands for itself."""
    return np.array([record.get("p", np.nan) for record in records], dtype=np.float32)


def limits(clamp):
    """(least, most) of --clamp=0.4,0.6."""
    try:
        low, high = map(float, clamp.split(","))
    except ValueError:
        low = high = -1.0
    if not 0 <= low <= 0.5 <= high <= 1:
        raise BadInput(
            f"--clamp={clamp}: expected the least and the most probability, with one half between "
            "them: --clamp=0.4,0.6"
        )
    return low, high


def clamped(records, clamp, path):
    """The records, where p of those that no people judged is kept within the limits (Bai et al.
    2022b: 0.4 to 0.6 where a chain of thought makes the feedback too sure)."""
    if not clamp:
        return records
    low, high = limits(clamp)
    found = []
    moved = 0
    for record in records:
        decided = "p" in record or len(record["ranking"]) > 1
        if decided and record.get("source") in SOURCES.values():
            if len(record["responses"]) != 2:
                raise BadInput(
                    f"--clamp={clamp}: {path} has an AI's ranking of {len(record['responses'])} "
                    "responses; p is of two"
                )
            p = record.get("p", 1.0 - record["ranking"][0][0])  # a ranking of two is sure
            moved += not low <= p <= high
            record = {**record, "p": min(max(p, low), high)}
        found.append(record)
    line = f"{path}: --clamp={clamp} moves the labels of {moved} of {len(records)} comparisons"
    tell(line, file=str(path), clamped=moved, of=len(records))
    return found
