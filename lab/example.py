"""The committed records (docs/records) in the form in which the report reads logs: what it draws on
a clone on which nothing was run, for `python -m lab.report --example`."""

from lab.editions import is_earlier
from lab.figures.rows import Run, by, column, interval, pick, share
from lab.harvest import RECORDS, records
from plumbing.records import t_interval

# Kind of log that a figure reads: the subject whose rows are already of its form.
AS_THEY_ARE = {
    "tax": "preferences",
    "preferences": "preferences",
    "overoptimisation": "overoptimisation",
    "probing": "probing",
    "tension_record": "tension",
    "revisions": "revisions",
    "pareto": "pareto",
    "scaling": "scaling",
    "rules_record": "rules",
    "bench": "bench",
}
OTHERS = ("questions", "bayes", "demonstrations", "fewshot")  # put into the form of a log below


# What the probe's own table says of the model beside the figures.
GINC = {
    "stage": "pretrain",
    "ckpt": "ginc",
    "step": 0,
    "world": "ginc",
    "eps": 0.0,
}


def logs(empty):
    """{kind: runs} of the records. empty: the same without any run, {kind: []}."""
    found = dict(empty)
    for kind, subject in AS_THEY_ARE.items():
        found[kind] = run(subject, records(subject))
    found["questions"] = run("questions", questions())
    found["bayes"] = run("bayes", bayes())
    found["demos"] = run("demos", demonstrations())
    found["examples"] = run("fewshot", records("fewshot"))
    return found


def notes():
    """Which of the records are of an earlier text of the world: [(English, Korean)]."""
    paths = [RECORDS / f"{subject}.jsonl" for subject in {*AS_THEY_ARE.values(), *OTHERS}]
    names = ", ".join(sorted(path.stem for path in paths if path.exists() and is_earlier(path)))
    said = (
        f"Of an earlier text of the tiny world, so that today's models give other figures: {names}",
        f"작은 세계의 이전 텍스트로 잰 기록이라 지금의 모델은 다른 수치를 냅니다: {names}",
    )
    return [said] if names else []


def run(name, rows):
    """One log, or none where there are no rows."""
    return [Run(name, {}, rows)] if rows else []


def questions():
    """Answers to held-out questions, all seeds together, as the log of sft.py has them."""
    results = {}
    for row in records("questions"):
        name = f"{row['split']} {row['shots']}-shot {row['decoding']}"
        cell = results.setdefault(row["model"], {}).setdefault(name, {"right": 0, "n": 0})
        cell["right"] += row["correct"] * row["n"]
        cell["n"] += row["n"]
    for table in results.values():
        for cell in table.values():
            cell["correct"] = cell["right"] / cell["n"]
    return [{"step": 0, "results": results}] if results else []


def bayes():
    """The model of GINC and exact Bayes, by number of examples."""
    found = []
    for row in records("bayes"):
        if row["model"] == "ginc" and row["kind"] == "shots":
            about = {key: row[key] for key in ("kind", "prompts", "k", "cond")}
            cell = share(row["acc"], row["n"])
            found.append({**GINC, **about, **cell, "n": row["shots"]})
    return found


def demonstrations():
    """What demonstrations are for: means over seeds with Student's t."""
    rows = records("demonstrations")
    found = []
    for model, mine in by(rows, "model").items():
        about = {"ckpt": model, "method": "direct"}
        about["rho"] = mine[0]["rho"]
        about["chance"] = 0.5  # of two options
        most = max(row["k"] for row in mine)
        for condition, cells in by(mine, "condition").items():
            mean, half = t_interval([row["acc"] for row in cells])
            cell = interval(mean, half)
            cell["condition"] = condition
            cell["k"] = cells[0]["k"]
            exact = column(pick(cells, "bayes"), "bayes")
            cell["bayes_acc"] = exact.mean() if len(exact) else None
            found.append({**about, **cell})
        difference = {"k": most, "name": "gold - random"}
        mean, half = t_interval(over_random(mine))
        found.append({**about, **difference, "value": mean, "half": half})
    return found


def over_random(rows):
    """Points that true labels are worth over random ones, seed by seed."""
    found = []
    for mine in by(rows, "seed").values():
        acc = {row["condition"]: row["acc"] for row in mine}
        found.append(100 * (acc["gold"] - acc["random"]))
    return found
