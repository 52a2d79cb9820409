"""Few-shot learning without a weight update (GPT-3, Brown et al. 2020): probe 1 of icl_eval.py.

A prompt is a list of n solved examples and one open query. Three kinds of list:

* known      nine tasks of the tiny world. The query's answer stands somewhere in the pretraining
             text as a sentence, never in a list: the examples only say *which* task is meant.
* novel      a mapping from kinds of words to nonsense words, made up for this one prompt: it can
             only be learned from the examples.
* key-value  random pairs, the query among them: it can only be looked up.

Each is asked with the true labels and with labels drawn at random (Min et al. 2022), on the same
queries and inputs, for every model alike. With --data the lists come from a classification file.

Two ways to read the answer. Free: greedy decoding over the whole vocabulary writes it. By option:
the highest score among a few candidate words, under the four scores below.
"""

from dataclasses import dataclass
from functools import partial
from itertools import product
from random import Random

import numpy as np

from data.labelled import LabelledFile
from data.world import world_named
from data.world.documents import LIST_FORMATS
from data.world.languages import LANGUAGES
from data.world.tasks import LIST_TASKS
from icl.options import ask
from icl.tables import TITLE, grouped, pivot, print_beside, share, spread, where
from plumbing.config import numbers
from plumbing.records import t_interval

SHOTS = (0, 1, 2, 4, 8, 16)
PROMPTS = 45  # of one draw (fresh queries and examples) of one group
MOST_OPTIONS = 8  # candidate words of one query: the answer and at most seven others
NOTHING = "N/A"  # stands for an input without content (Zhao et al. 2021, section 5)
RULES = ("free", "sum", "mean", "pmi", "calibrated")
READ = {"free": "written freely", "sum": "chosen among the labels"}  # the rules of the main tables
LABELS = ("gold", "random")
KNOWN = "known"


# --- the maths ---------------------------------------------------------------------------------


def sum_score(logps):
    """log p(y | x) = Σ log p(yᵢ | x, y₁ … yᵢ₋₁): favours short options. logps (R,) of one."""
    return float(np.sum(logps))


def mean_score(logps):
    """(1/R) Σ log p(yᵢ | x, y₁ … yᵢ₋₁): R tokens count as one (GPT-3, section 2.4)."""
    return float(np.mean(logps))


def pmi_score(logp, logp_without):
    """log p(y | x) − log p(y | no input, no examples): what x adds to a word that is likely anyway
    (GPT-3, section 2.4; Holtzman et al. 2021, eq. 2)."""
    return logp - logp_without


def calibrate(logp, logp_free):
    """q ∝ W p with W = diag(p_free)⁻¹ (Zhao et al. 2021, section 5).

    logp and logp_free (K,): log-probabilities of K options given the same examples, with the query
    and with a content-free input in its place. Returns q (K,), which sums to 1. A model that
    prefers an option whatever is asked loses that preference.
    """
    p, p_free = (np.exp(x - x.max()) for x in (logp, logp_free))
    q = p / p.sum() / (p_free / p_free.sum())
    return q / q.sum()


def best_options(logps, free, without):
    """Index of the winning option under each rule but "free". Three lists of K arrays: the options'
    token log-probabilities after the prompt, after the same examples and no input, after
    nothing."""
    total = np.array([sum_score(option) for option in logps])
    total_free = np.array([sum_score(option) for option in free])
    total_without = np.array([sum_score(option) for option in without])
    scores = {
        "sum": total,
        "mean": np.array([mean_score(option) for option in logps]),
        "pmi": pmi_score(total, total_without),
        "calibrated": calibrate(total, total_free),
    }
    return {rule: int(values.argmax()) for rule, values in scores.items()}


# --- questions ---------------------------------------------------------------------------------


@dataclass
class Question:
    """One prompt and what is asked of it; options[0] is the answer."""

    task: str
    prompt: str  # n examples and a query, up to where the answer begins
    free: str  # the same with NOTHING for the query's input
    without: str  # NOTHING alone, without examples
    options: list  # as they continue the prompt, so mostly with a blank in front


def world_question(world, task, n, labels, seed):
    """A list of the world, from `World.list_prompt`, on held-out items."""
    text, answer, candidates = world.list_prompt(task, n, "test", seed, labels)
    others = [word for word in candidates if word != answer]
    if len(others) >= MOST_OPTIONS:
        others = Random(f"options {task} {n} {seed}").sample(others, MOST_OPTIONS - 1)
    pattern = next(p for p in LIST_FORMATS if p[:2] in text)
    without = pattern.format(NOTHING, "{}").split(" {}")[0]
    shots = text[: text.rindex(pattern[:2])]
    options = [f" {word}" for word in (answer, *others)]
    return Question(task, text, shots + without, without, options)


def file_question(file, n, labels, seed):
    """`n` shots and a query of a LabelledFile, drawn anew for each question as in GPT-3 (section
    2.4)."""
    rng = Random(f"file {n} {seed}")
    text, label = rng.choice(file.queries)
    shots = file.draw(rng, n)
    if labels == "random":
        shots = [(shot, rng.choice(list(file.names))) for shot, _ in shots]
    shown = "".join(file.write(*shot) for shot in shots)
    nothing = file.write(NOTHING)
    others = [other for other in file.names if other != label]
    options = [file.blank + file.names[name] for name in (label, *others)]
    return Question(file.name, shown + file.write(text), shown + nothing, nothing, options)


def groups_of(cfg):
    """{group: what makes its questions}: one function of (n, labels, seed) for each task."""
    if cfg.data and cfg.data not in LANGUAGES:
        file = LabelledFile(cfg.data, cfg.template, cfg.labels, cfg.seed)
        return {file.name: [partial(file_question, file)]}
    question = partial(world_question, world_named(cfg.data or "world"))
    return {
        KNOWN: [partial(question, task) for task in LIST_TASKS],
        "novel": [partial(question, "novel")],
        "key-value": [partial(question, "key-value")],
    }


# --- measuring ---------------------------------------------------------------------------------


def answer_all(questions, loaded, machine):
    """For each question {rule: right or not, "loglik": log p(answer), "cut": did the prompt lose
    its oldest examples to fit the model's learned positions}."""
    start = loaded.tokenizer.endoftext
    encode = loaded.tokenizer.encode
    options = []
    for question in questions:
        options.append([encode(option, begins=False) for option in question.options])

    def score(texts):
        prompts = [[start, *encode(text)] for text in texts]
        return ask(loaded, prompts, options, machine)

    without, _, _ = score([q.without for q in questions])
    free, _, _ = score([q.free for q in questions])
    logps, greedy, cut = score([q.prompt for q in questions])
    answers = []
    for i in range(len(questions)):
        best = best_options(logps[i], free[i], without[i])
        answers.append(
            {
                "free": greedy[i][0],
                **{rule: option == 0 for rule, option in best.items()},
                "loglik": sum_score(logps[i][0]),
                "cut": cut[i],
            }
        )
    return answers


def cell_rows(questions, answers, draws, about):
    """One row for each task and rule, and where there are several tasks for all of them together:
    a share with its Wilson interval over prompts, and apart from it the interval of the mean over
    draws (Student's t)."""
    tasks = [q.task for q in questions]
    rows = []
    for task in dict.fromkeys([*tasks, about["group"]]):
        mine = [i for i, name in enumerate(tasks) if task in (name, about["group"])]
        part = {
            "task": task,
            "prompts": len(mine),
            "draws": draws,
            "chance": float(np.mean([1 / len(questions[i].options) for i in mine])),
            "loglik": float(np.mean([answers[i]["loglik"] for i in mine])),
            "cut": int(sum(answers[i]["cut"] for i in mine)),
        }
        n_tasks = len({tasks[i] for i in mine})
        for rule in RULES:
            hits = np.array([answers[i][rule] for i in mine])  # task by task, draw by draw
            by_draw = hits.reshape(n_tasks, draws, -1).mean((0, 2))
            over_draws = {"by_draw": by_draw.tolist(), "draw_half": t_interval(by_draw)[1]}
            rows.append({**about, **part, "rule": rule, **share(hits), **over_draws})
    return rows


def probe(cfg, loaded, machine):
    """All cells (task, n, labels) of one model, and the differences between them, as rows."""
    shots = numbers(cfg.n, SHOTS, "n")
    about = {"probe": "fewshot", **loaded.about()}
    rows = []
    for group, members in groups_of(cfg).items():
        each = -(-(cfg.prompts or PROMPTS) // len(members))
        # A number for each prompt of each draw: the same list whatever the model and the labels.
        seeds = [10**6 * cfg.seed + 10**4 * d + i for d in range(cfg.draws) for i in range(each)]
        for n, labels in product(shots, LABELS):
            if n == 0 and labels == "random":
                continue  # without examples there is no label to draw
            questions = [make(n, labels, seed) for make in members for seed in seeds]
            answers = answer_all(questions, loaded, machine)
            cell = {**about, "group": group, "n": n, "labels": labels}
            rows += cell_rows(questions, answers, cfg.draws, cell)
    return rows + differences(rows, about, shots)


def few_of(shots):
    """The number of examples that stands for few: 8, or the most there are."""
    return 8 if 8 in shots else max(shots)


def differences(rows, about, shots):
    """What the examples give, in points, draw by draw: n shots minus none, gold minus random
    labels. The prompts of the second are paired."""
    few = few_of(shots)
    if few == 0:
        return []
    by_draw = {(r["task"], r["rule"], r["n"], r["labels"]): np.array(r["by_draw"]) for r in rows}
    minus = {f"{few} - 0 shots": (0, "gold"), "gold - random labels": (few, "random")}
    found = []
    for task, name, rule in product(dict.fromkeys(r["group"] for r in rows), minus, RULES):
        other = (task, rule, *minus[name])
        if other in by_draw:
            mean, half = t_interval(100 * (by_draw[task, rule, few, "gold"] - by_draw[other]))
            of = {"task": task, "n": few, "rule": rule, "difference": name}
            found.append({**about, **of, "points": mean, "draw_half": half})
    return found


# --- tables ------------------------------------------------------------------------------------

GAINED = "{task}: {difference}"
GAIN = "{points:+.1f} ± {draw_half:.1f}"


def main_rule(rows):
    """What the tables show: in the world free generation; on a file, whose labels a model cannot
    guess without examples, the choice among them."""
    return "free" if any(r["task"] == KNOWN for r in rows) else "sum"


def show(rows):
    """Print for each model accuracy by number of shots, the scoring rules side by side, and what
    the examples give; for several models of one kind also the mean over them."""
    rule = main_rule(rows)
    for mine in grouped(rows, "ckpt", "step").values():
        show_model([r for r in mine if "difference" not in r], rule)
    gains = [r for r in where(rows, rule=rule) if "difference" in r]
    if gains:
        show_differences(gains)
    if rule == "free":
        print(
            "\nA mechanism in a toy world, not a result about large models: there labels matter "
            "more\n(Yoo et al. 2022), the more so the larger the model (Wei et al. 2023), and in"
            "\nprobability even where accuracy is unmoved (Kossen et al. 2023)."
        )
    else:
        print(
            "\nOne file and one template: other templates and examples move these figures "
            "(Zhao et al. 2021)."
        )


def asked(r):
    return r["task"], r["labels"]


def show_model(rows, rule):
    """The two tables of one model."""
    main = where(rows, rule=rule)
    tasks = list(dict.fromkeys(r["task"] for r in main))
    main.sort(key=lambda r: (r["task"] != r["group"], tasks.index(r["task"])))  # groups first
    sizes = sorted({r["prompts"] for r in rows})
    print_beside(
        f"{TITLE.format(**rows[0])}\n"
        f"Share of right answers ({READ[rule]}) by number of examples, "
        f"{' or '.join(map(str, sizes))} prompts a cell, {rows[0]['draws']} draws",
        ("task", "labels"),
        pivot(main, asked, "n", "acc"),
    )
    n = few_of({r["n"] for r in rows})
    few = [r for r in where(rows, n=n) if r["task"] == r["group"]]
    more = {
        "chance": "chance",
        "95% of sum": "{low:.3f}-{high:.3f}",
        "log p": "{loglik:.2f}",
    }
    print_beside(
        f"{n} examples: written freely, and chosen among candidate words by four scores",
        ("task", "labels"),
        pivot(few, asked, "rule", "acc"),
        spread(where(few, rule="sum"), asked, more),
    )
    if cut := max(r["cut"] for r in rows):
        print(f"  up to {cut} prompts a cell lost their oldest examples to fit the context")


def show_differences(rows):
    """A column for each model, and for each kind of which there are several their mean."""
    tables = []
    for mine in grouped(rows, "ckpt", "step").values():
        name = f"{mine[0]['stage']} {len(tables) + 1}"
        tables.append(spread(mine, GAINED, {name: GAIN}))
    for kind in grouped(rows, "stage", "params").values():
        models = len(grouped(kind, "ckpt", "step"))
        means = []
        for group in grouped(kind, "task", "difference").values():
            mean, half = t_interval([r["points"] for r in group])
            means.append({**group[0], "points": mean, "draw_half": half})
        if models > 1:
            tables.append(spread(means, GAINED, {f"mean of {models}": GAIN}))
    print_beside(
        f"What {rows[0]['n']} examples give ({READ[rows[0]['rule']]}), in points (± 95% over draws;"
        " of a mean, over models)",
        ("",),
        *tables,
    )


def headline(rows):
    """One line for --watch."""
    rule = main_rule(rows)
    rows = where(rows, labels="gold", rule=rule)
    n = few_of({r["n"] for r in rows})
    found = [r for r in where(rows, n=n) if r["task"] == r["group"]]
    shares = [f"{r['task']} {r['acc']:.3f}" for r in found]
    return f"accuracy at {n} shots: {', '.join(shares)}"
