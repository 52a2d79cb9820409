"""From what runs left under out/ to the committed records: docs/records/*.jsonl, one a subject.

A row holds one figure or a few, with its seed, with n, the number of questions or prompts that it
is of, and with the machine in general terms. Tables and documents are made of these rows alone
(lab/tables.py), so what a document says can be checked without running anything.
"""

import json
from functools import partial
from pathlib import Path

from data.world.english_rules import CONTROL
from judges.constitution import LABELS
from lab import folds, memory, overoptimisation
from lab.editions import edition
from lab.plane import told
from lab.rounds import counted, rows_of
from lab.studies import folder, machine_of, read
from plumbing.files import ROOT
from plumbing.records import write_records

RECORDS = ROOT / "docs" / "records"
DIGITS = 5  # behind the point: more than any table shows


# --- reading and writing -----------------------------------------------------------------------


def lines(path):
    """The objects of a JSON Lines file; its first is what the run was asked for."""
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def last_with(rows, key):
    """The last row that tells of `key`."""
    return [row for row in rows if key in row][-1]


def rounded(row):
    """A row whose floats are no longer than needed."""
    return {k: round(v, DIGITS) if isinstance(v, float) else v for k, v in row.items()}


def write(subject, rows, where=None):
    """docs/records/<subject>.jsonl."""
    head = {"records": subject, "made by": "python -m lab.results --run"}
    if edition(subject):
        head["edition"] = edition(subject)
    write_records((where or RECORDS) / f"{subject}.jsonl", head, [rounded(row) for row in rows])


def records(subject, where=None):
    """The committed rows of a subject; none if there is no such file."""
    return read((where or RECORDS) / f"{subject}.jsonl")


# --- the stages --------------------------------------------------------------------------------


def questions(cfg, seed):
    """Held-out questions, answered by the base and the fine-tuned model."""
    head, *rows = lines(folder(cfg, seed, "sft") / "log.jsonl")
    found = []
    for model, table in last_with(rows, "results")["results"].items():
        for name, row in table.items():
            split, shots, decoding = name.split()
            found.append(
                {
                    "seed": seed,
                    "model": model,
                    "split": split,
                    "shots": int(shots.split("-")[0]),
                    "decoding": decoding,
                    "correct": row["correct"],
                    "judge": row["score"],
                    "n": row["n"],
                    "machine": machine_of(head),
                }
            )
    return found


def preferences(cfg, seed):
    """The rows of the alignment tax; of PPO also how sure its sampling was, first and last."""
    found = []
    for row in read(Path(cfg.out) / "tax.jsonl"):
        if row["seed"] != seed:
            continue
        head, *logged = lines(folder(cfg, seed, row["arm"]) / "log.jsonl")
        entropy = [line["entropy"] for line in logged if "entropy" in line]
        if entropy:
            row |= {"entropy_first": entropy[0], "entropy_last": entropy[-1]}
        found.append({**row, "machine": machine_of(head)})
    return found


def optimised(cfg, seed):
    """PPO iteration by iteration, and best-of-n by n."""
    table = Path(cfg.out) / "overoptimisation.jsonl"
    found = []
    for row in read(table):
        if row["seed"] != seed:
            continue
        row.pop("ended", None)
        if row["arm"] in overoptimisation.ARMS:
            head = lines(folder(cfg, seed, row["arm"]) / "log.jsonl")[0]
            row["n"] = head["config"]["batch_size"]
        else:
            head = lines(folder(cfg, seed, "sft") / "log.jsonl")[0]
            row |= {"best_of": row["n"], "n": lines(table)[0]["config"]["n_eval"]}
        found.append({**row, "machine": machine_of(head)})
    return found


def reward(cfg, seed):
    """How well the reward models, and what needs no network, order held-out pairs; and which of
    them know what is right, where the words of two answers are the same but for one."""
    found = []
    for arm in ("reward", "reward_scalar", "reward_scalar_few"):
        head, *rows = lines(folder(cfg, seed, arm) / "log.jsonl")
        details = last_with(rows, "details")["details"]
        worded = details["same_worded"]
        names = ("bag_of_words", "one_labeler", "two_labelers", "length_only")
        found.append(
            {
                "seed": seed,
                "arm": arm,
                "questions": head["config"]["n_prompts"],
                "reward_model": last_with(rows, "judge_accuracy")["judge_accuracy"],
                "labels": last_with(rows, "val_accuracy")["val_accuracy"],
                **{name: details[name] for name in names},
                "same_worded": worded["reward_model"]["all"],
                "likelihood": worded["sft"]["all"],
                "worded": worded["n"],
                "n": sum(row["pairs"] for row in details["reliability"]),
                "machine": machine_of(head),
            }
        )
    return found


def talked(cfg, study, run):
    """Right answers in conversation, skill by skill, and one talk as it went; `run`: one that they
    are of."""
    rows = read(Path(cfg.out) / f"{study}.jsonl")
    head = lines(folder(cfg, 1, run) / "log.jsonl")[0]
    found = []
    for row in rows:
        machine = machine_of({**head, "dtype": row["format"]})
        found.append({**row, "machine": machine})
    return found


def measured(study, run, n="n"):
    """A function of (cfg, seed): the rows of a study, with the machine of one of the runs that they
    are of. n: the key, of a row or of what the run was asked for, that says how many were asked."""

    def collect(cfg, seed):
        head = lines(folder(cfg, seed, run) / "log.jsonl")[0]
        table = read(Path(cfg.out) / f"{study}.jsonl")
        rows = []
        for row in (row for row in table if row["seed"] == seed):
            count = row[n] if n in row else head["config"][n]
            rows.append({**row, "n": count, "machine": machine_of(head)})
        return rows

    return collect


def on_the_plane(cfg):
    """What lab/pareto.py found, part by part; of all seeds together where the seed is 0."""
    machine = machine_of(lines(folder(cfg, 1, "ppo_hh_1") / "log.jsonl")[0])
    found = told(Path(cfg.out) / "pareto.jsonl", cfg.seeds)
    return [{**row, "machine": machine} for row in found]


def scaled(cfg):
    """The runs of lab/scaling.py, with the machine of the last one; raises FileNotFoundError where
    the larger model, which shows whether the law holds, is not trained yet."""
    rows = read(Path(cfg.out) / "scaling" / "scaling.jsonl")
    if not any(row["larger"] for row in rows):
        raise FileNotFoundError(0, "not measured yet", "python -m lab.scaling --reach")
    logs = sorted(Path(cfg.out).glob("scaling/*/log.jsonl"))
    machine = machine_of(lines(logs[-1])[0])
    return [{**row, "machine": machine} for row in rows]


def revised(cfg, seed):
    """How much harm is left after each round of constitution.py, and how good its judge is."""
    head, *rows = lines(folder(cfg, seed, "constitution") / "log.jsonl")
    details = last_with(rows, "details")["details"]
    found = rows_of(details)
    for side, judged in details["judge"].items():
        row = {"kind": "judge", "side": side, **counted(judged["accuracy"])}
        found.append(row | {form: judged[form]["calibration_error"] for form in LABELS})
    machine = machine_of(head)
    return [{"seed": seed, **row, "machine": machine} for row in found]


def classified(cfg, seed):
    """How well rules.py tells which rule is broken."""
    head, *rows = lines(folder(cfg, seed, "rules") / "log.jsonl")
    details = last_with(rows, "details")["details"]
    row = {key: value for key, value in details.items() if isinstance(value, (int, float))}
    row["auc_unseen"] = details["rules"][CONTROL]["auc"]
    for rule, figures in details["rules"].items():
        for key in ("auc", "auc_bad"):  # of each rule; NaN where nothing broke it
            if figures[key] == figures[key]:
                row[f"{key} {rule}"] = figures[key]
    return [{"seed": seed, **row, "machine": machine_of(head)}]


def distilled(cfg, seed):
    """Right answers of a base model, of the same with a prompt, and of what learned from that."""
    head, *rows = lines(folder(cfg, seed, "distilled") / "log.jsonl")
    found = last_with(rows, "prompted")
    answered = {model: table["test 0-shot greedy"] for model, table in found["results"].items()}
    shares = {model: row["correct"] for model, row in answered.items()}
    about = {"n": answered["sft"]["n"], "machine": machine_of(head)}
    return [{"seed": seed, "prompted": found["prompted"], **shares, **about}]


# --- the probes --------------------------------------------------------------------------------


def probed(cfg, seed, run, probe):
    """What one probe wrote: the machine, and rows with the name of the run that they are of."""
    head, *rows = lines(folder(cfg, seed, run) / f"{probe}.jsonl")
    for row in rows:
        row["model"] = Path(row["ckpt"]).parent.name
    return machine_of(head), rows


def fewshot(cfg, seed):
    """Lists continued freely, by kind of list, number of examples and truth of their labels."""
    machine, rows = probed(cfg, seed, "fewshot", "fewshot")
    found = []
    for row in rows:
        if row["rule"] == "free" and row.get("group") == row["task"]:
            own = {key: row[key] for key in ("model", "params", "task", "labels", "acc")}
            about = {"shots": row["n"], "n": row["prompts"], "machine": machine}
            found.append({"seed": seed, **own, **about})
    return found


def induction(cfg, seed):
    """The head that copies best, copying, and what context is worth in ordinary text."""
    machine, rows = probed(cfg, seed, "induction", "induction")
    rows = [row for row in rows if "control" not in row]
    repeat = next(row for row in rows if row["kind"] == "repeat")
    text = next(row for row in rows if row["kind"] == "text")
    names = ("model", "matching", "chance", "first", "second", "copying")
    own = {name: repeat[name] for name in names}
    about = {"icl_score": text["icl_score"], "n": repeat["sequences"], "machine": machine}
    return [{"seed": seed, **own, **about}]


def demonstrations(cfg, seed):
    """Both worlds at the most demonstrations, condition by condition, beside exact Bayes."""
    machine, rows = probed(cfg, seed, "demonstrations", "demos")
    most = max(row["k"] for row in rows)
    found = []
    for row in rows:
        if row.get("condition") and row["method"] == "direct" and row["k"] in (0, most):
            own = {name: row[name] for name in ("model", "rho", "condition", "k", "acc")}
            about = {"bayes": row["bayes_acc"], "n": row["prompts"], "machine": machine}
            found.append({"seed": seed, **own, **about})
    return found


def bayes(cfg, seed):
    """GINC: accuracy by length and number of examples, and the loss above exact Bayes."""
    machine, rows = probed(cfg, seed, "bayes", "bayes")
    found = []
    for row in rows:
        about = {"seed": seed, "model": row["model"], "machine": machine}
        if row["kind"] == "documents":
            known = {name: row[name] for name in ("loss", "bayes", "tokens") if name in row}
            found.append({**about, "kind": "documents", **known, "n": 100})
        by_model = row.get("cond") == "model"
        exact = row.get("cond") == "bayes" and row.get("eps") == 0.01  # other rows ask of order
        by_bayes = exact and row["model"] == "ginc"
        if row["kind"] == "shots" and (by_model or by_bayes):
            own = {"prompts": row["prompts"], "k": row["k"], "shots": row["n"]}
            figures = {"cond": row["cond"], "acc": row["acc"], "n": row["count"]}
            found.append({**about, "kind": "shots", **own, **figures})
    return found


# --- speed -------------------------------------------------------------------------------------


def bench(cfg):
    """The ratios of lab/bench.py."""
    head, *rows = lines(Path(cfg.out) / "bench.jsonl")
    about = {"n": 1, "machine": machine_of(head)}  # n: a row says how many turns it took
    return [{"seed": head["config"]["seed"], **row, **about, "n": row["turns"]} for row in rows]


def times(cfg):
    """The seconds of every run that was made in one go."""
    found = []
    for marker in sorted(Path(cfg.out).rglob("finished")):
        took = marker.read_text(encoding="utf-8")
        if not took:  # it was taken up again
            continue
        took = json.loads(took)
        log = next(
            path for path in sorted(marker.parent.glob("*.jsonl")) if "comp" not in path.stem
        )
        head = {**lines(log)[0], **took}
        about = {"n": 1, "machine": machine_of(head)}
        seed = int(marker.parent.parent.name.removeprefix("seed"))
        found.append({"seed": seed, "run": marker.parent.name, "seconds": took["seconds"], **about})
    return found


# --- all ---------------------------------------------------------------------------------------

OF_EACH_SEED = {
    "questions": questions,
    "preferences": preferences,
    "overoptimisation": optimised,
    "reward": reward,
    "reward_variants": measured("reward_variants", "reward"),  # what each of them prefers
    "rules": classified,
    "probing": measured("probing", "rules", "probes"),
    "distilled": distilled,
    "tension": measured("tension", "reward_mix", "n_eval"),  # questions of each kind
    "evidence": measured("evidence", "sft_evidence"),
    "constitution": measured("constitution", "sft_constitution", "requests unlabelled"),
    "revisions": revised,
    "fewshot": fewshot,
    "induction": induction,
    "demonstrations": demonstrations,
    "bayes": bayes,
}
OF_ALL_SEEDS = {
    "talk": partial(talked, study="talk", run="sft"),
    "korean": partial(talked, study="korean", run="sft_ko"),
    "pareto": on_the_plane,
    "folds": folds.collect,
    "memory": memory.collect,
    "scaling": scaled,
}
OF_EACH_MACHINE = {"bench": bench, "times": times}


def of_each_seed(collect, cfg):
    """The rows of all seeds. Raises FileNotFoundError where one is not there yet."""
    rows = []
    for seed in range(1, cfg.seeds + 1):
        found = collect(cfg, seed)
        if not found:
            raise FileNotFoundError(0, "not measured yet", f"rows of seed {seed}")
        rows += found
    return rows


def harvest(cfg, where=None):
    """Rewrite the records of every subject whose runs are finished; returns what is missing, as
    {subject: the file that is not there}."""
    missing = {}
    each = {subject: partial(of_each_seed, collect) for subject, collect in OF_EACH_SEED.items()}
    for subject, collect in {**each, **OF_ALL_SEEDS}.items():
        try:
            write(subject, collect(cfg), where)
        except FileNotFoundError as error:
            missing[subject] = error.filename
    for subject, collect in OF_EACH_MACHINE.items():
        try:
            rows = collect(cfg)
        except FileNotFoundError as error:
            missing[subject] = error.filename
            continue
        # Other machines' rows stay: the speed table has a column for each.
        here = {row["machine"] for row in rows}
        others = [row for row in records(subject, where) if row["machine"] not in here]
        if rows:
            write(subject, others + rows, where)
    return missing
