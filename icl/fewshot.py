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

import itertools
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

import numpy as np

from data.formats import read_labelled
from data.world import World
from data.world.documents import LIST_FORMATS
from data.world.english import LIST_TASKS
from likelihood import score_options
from plumbing.config import numbers
from plumbing.errors import BadInput
from plumbing.records import print_table, t_interval, wilson

SHOTS, PROMPTS = (0, 1, 2, 4, 8, 16), 45  # of one draw (fresh queries and examples) of one group
MOST_OPTIONS = 8  # candidate words of one query: the answer and at most seven others
NOTHING = "N/A"  # stands for an input without content (Zhao et al. 2021, section 5)
RULES = ("free", "sum", "mean", "pmi", "calibrated")
READ = {"free": "written freely", "sum": "chosen among the labels"}  # the rules of the main tables
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
    total, total_free, total_without = (
        np.array([sum_score(o) for o in group]) for group in (logps, free, without)
    )
    scores = {
        "sum": total,
        "mean": np.array([mean_score(o) for o in logps]),
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


class LabelledFile:
    """Questions from a classification file: shots from one half of it, queries from the other."""

    def __init__(self, path, template, labels, seed):
        """template: text with {text} and {label}, which is repeated for each example; labels: pairs
        such as "0=negative,1=positive", or "" to show the labels as they are.

        Raises BadInput for a template without its two slots and for labels that do not fit the
        file.
        """
        self.name, template = Path(path).stem, template.replace("\\n", "\n")
        if template.count("{text}") != 1 or template.partition("{text}")[2].count("{label}") != 1:
            raise BadInput(
                f"--template={template!r}: expected one {{text}} and after it one "
                "{label}, such as 'Review: {text}\\nSentiment: {label}\\n\\n'"
            )
        records = read_labelled(path)
        self.names = {label: label for label in sorted({label for _, label in records})}
        if labels:
            try:
                self.names |= dict(pair.split("=", 1) for pair in labels.split(","))
            except ValueError:
                raise BadInput(f"--labels={labels}: expected 0=negative,1=positive") from None
        found = {label for _, label in records}
        if set(self.names) != found or len(set(self.names.values())) < len(found) or len(found) < 2:
            raise BadInput(
                f"{path} holds the labels {', '.join(sorted(found))[:200]}; this needs "
                "two or more, and in --labels one word for each, no two alike"
            )
        self.before, self.after = template.split("{label}")
        self.blank = self.before[len(self.before.rstrip(" ")) :]  # goes with the answer
        order = list(records)
        Random(f"halves {seed}").shuffle(order)
        self.shots, self.queries = order[: len(order) // 2], order[len(order) // 2 :]

    def write(self, text, label=None):
        """One example, or without a label a query up to where the answer begins."""
        before = self.before.replace("{text}", text)
        if label is None:
            return before[: len(before) - len(self.blank)]
        return before + self.names[label] + self.after

    def question(self, n, labels, seed):
        """`n` shots and a query, drawn anew for each question as in GPT-3 (section 2.4)."""
        if n > len(self.shots):
            raise BadInput(f"--n={n}: the file has only {len(self.shots)} examples to show")
        rng = Random(f"file {n} {seed}")
        text, label = rng.choice(self.queries)
        shots = rng.sample(self.shots, n)
        if labels == "random":
            shots = [(shot, rng.choice(list(self.names))) for shot, _ in shots]
        shown = "".join(self.write(*shot) for shot in shots)
        options = [label, *(other for other in self.names if other != label)]
        return Question(
            self.name,
            shown + self.write(text),
            shown + self.write(NOTHING),
            self.write(NOTHING),
            [self.blank + self.names[o] for o in options],
        )


# --- measuring ---------------------------------------------------------------------------------


def answer_all(questions, loaded, machine):
    """For each question {rule: right or not, "loglik": log p(answer), "cut": did the prompt lose
    its oldest examples to fit the model's learned positions}."""
    encode, start = loaded.tokenizer.encode, loaded.tokenizer.endoftext
    options = [[encode(option) for option in q.options] for q in questions]
    config, cut, scored = loaded.model.config, [False] * len(questions), []
    for name in ("without", "free", "prompt"):
        prompts = [[start, *encode(getattr(q, name))] for q in questions]
        if config.pos == "learned":
            room = [config.block_size - max(map(len, o)) for o in options]
            cut = [len(p) > r for p, r in zip(prompts, room)]
            prompts = [p[-r:] for p, r in zip(prompts, room)]
        scored.append(score_options(loaded.model, prompts, options, machine))
    (without, _), (free, _), (logps, greedy) = scored
    answers = []
    for i in range(len(questions)):
        best = best_options(logps[i], free[i], without[i])
        answers.append(
            {
                "free": greedy[i][0],
                **{rule: best[rule] == 0 for rule in best},
                "loglik": sum_score(logps[i][0]),
                "cut": cut[i],
            }
        )
    return answers


def cell_rows(questions, answers, draws, about):
    """One row for each task and rule, and where there are several tasks for all of them together:
    a share with its Wilson interval over prompts, and apart from it the interval of the mean over
    draws (Student's t)."""
    tasks = np.array([q.task for q in questions])
    rows = []
    for task in dict.fromkeys([*tasks, about["group"]]):
        mine = np.flatnonzero((tasks == task) | (task == about["group"]))
        part = {
            "task": str(task),
            "prompts": len(mine),
            "draws": draws,
            "chance": float(np.mean([1 / len(questions[i].options) for i in mine])),
            "loglik": float(np.mean([answers[i]["loglik"] for i in mine])),
            "cut": int(sum(answers[i]["cut"] for i in mine)),
        }
        for rule in RULES:
            hits = np.array([answers[i][rule] for i in mine])  # draw by draw, for each task
            n_tasks = len(set(tasks[mine]))
            by_draw = hits.reshape(n_tasks, draws, -1).mean((0, 2))
            low, high = wilson(int(hits.sum()), len(hits))
            rows.append(
                {
                    **about,
                    **part,
                    "rule": rule,
                    "acc": float(hits.mean()),
                    "low": low,
                    "high": high,
                    "by_draw": by_draw.tolist(),
                    "draw_half": t_interval(by_draw)[1],
                }
            )
    return rows


def probe(cfg, loaded, machine):
    """All cells (task, n, labels) of one model, and the differences between them, as rows."""
    shots, per_draw = numbers(cfg.n, SHOTS, "n"), cfg.prompts or PROMPTS
    if cfg.data:
        file = LabelledFile(cfg.data, cfg.template, cfg.labels, cfg.seed)
        groups = {Path(cfg.data).stem: [file.question]}
    else:
        ask = partial(world_question, World())
        groups = {
            KNOWN: [partial(ask, task) for task in LIST_TASKS],
            "novel": [partial(ask, "novel")],
            "key-value": [partial(ask, "key-value")],
        }
    about = {"probe": "fewshot", **loaded.about()}
    rows = []
    for group, members in groups.items():
        each = -(-per_draw // len(members))
        # A number for each prompt of each draw: the same list whatever the model and the labels.
        seeds = [10**6 * cfg.seed + 10**4 * d + i for d in range(cfg.draws) for i in range(each)]
        for n, labels in itertools.product(shots, ("gold", "random")):
            if n == 0 and labels == "random":
                continue  # without examples there is no label to draw
            questions = [ask(n, labels, seed) for ask in members for seed in seeds]
            cell = {**about, "group": group, "n": n, "labels": labels}
            rows += cell_rows(questions, answer_all(questions, loaded, machine), cfg.draws, cell)
    return rows + differences(rows, about, shots)


def differences(rows, about, shots):
    """What the examples give, in points, draw by draw: n shots minus none, gold minus random
    labels. The prompts of the second are paired."""
    few = 8 if 8 in shots else max(shots)
    cells = {(r["task"], r["n"], r["labels"], r["rule"]): r["by_draw"] for r in rows}
    found = []
    for task in dict.fromkeys(r["group"] for r in rows):
        pairs = [
            (f"{few} - 0 shots", (few, "gold"), (0, "gold")),
            ("gold - random labels", (few, "gold"), (few, "random")),
        ]
        for name, one, other in pairs:
            for rule in RULES:
                if few == 0 or (task, *other, rule) not in cells:
                    continue
                gap = 100 * (np.array(cells[(task, *one, rule)]) - cells[(task, *other, rule)])
                mean, half = t_interval(gap)
                found.append(
                    {
                        **about,
                        "task": task,
                        "n": few,
                        "rule": rule,
                        "difference": name,
                        "points": mean,
                        "draw_half": half,
                    }
                )
    return found


# --- tables ------------------------------------------------------------------------------------


def show(rows):
    """Print for each model accuracy by number of shots, the scoring rules side by side, and what
    the examples give; for several models of one kind also the mean over them."""
    models = list(dict.fromkeys((r["ckpt"], r["step"]) for r in rows))
    for model in models:
        show_model([r for r in rows if (r["ckpt"], r["step"]) == model])
    show_differences([r for r in rows if "difference" in r and r["rule"] == main_rule(rows)])
    if main_rule(rows) == "free":
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


def main_rule(rows):
    """What the tables show: in the world free generation; on a file, whose labels a model cannot
    guess without examples, the choice among them."""
    return "free" if any(r["task"] == KNOWN for r in rows) else "sum"


def show_differences(rows):
    """A column for each model, and for each kind of which there are several their mean."""
    models, kinds = {}, {}  # (checkpoint, step) -> name of the column; kind -> such pairs
    for r in rows:
        model = (r["ckpt"], r["step"])
        if model not in models:
            models[model] = f"{r['stage']} {len(models) + 1}"
            kinds.setdefault((r["stage"], r["params"]), []).append(model)
    several = [group for group in kinds.values() if len(group) > 1]
    cell = {(r["ckpt"], r["step"], r["task"], r["difference"]): r for r in rows}
    table = []
    for name in dict.fromkeys((r["task"], r["difference"]) for r in rows):
        found = [(cell[(*m, *name)]["points"], cell[(*m, *name)]["draw_half"]) for m in models]
        found += [t_interval([cell[(*m, *name)]["points"] for m in group]) for group in several]
        table.append([": ".join(name), *(f"{mean:+.1f} ± {half:.1f}" for mean, half in found)])
    if table:
        means = [f"mean of {len(group)}" for group in several]
        r = rows[0]
        print_table(
            f"What {r['n']} examples give ({READ[r['rule']]}), in points (± 95% over draws;"
            " of a mean, over models)",
            ["", *models.values(), *means],
            table,
        )


def show_model(rows):
    """The two tables of one model."""
    cells = {(r["task"], r["n"], r["labels"], r["rule"]): r for r in rows if "difference" not in r}
    groups = list(dict.fromkeys(r["group"] for r in cells.values()))
    tasks = groups + [task for task in dict.fromkeys(key[0] for key in cells) if task not in groups]
    shots = sorted({key[1] for key in cells})
    table = []
    for task, labels in itertools.product(tasks, ("gold", "random")):
        found = [cells.get((task, n, labels, main_rule(rows))) for n in shots]
        if any(found):
            table.append([task, labels, *(f"{r['acc']:.3f}" if r else "" for r in found)])
    r = rows[0]
    sizes = " or ".join(str(n) for n in sorted({r["prompts"] for r in cells.values()}))
    print_table(
        f"{r['ckpt']} ({r['stage']}, step {r['step']}, {r['params']:,} parameters)\n"
        f"Share of right answers ({READ[main_rule(rows)]}) by number of examples, {sizes} "
        f"prompts a cell, {r['draws']} draws",
        ["task", "labels", *map(str, shots)],
        table,
    )
    n, table = (8 if 8 in shots else max(shots)), []
    for task, labels in itertools.product(groups, ("gold", "random")):
        if (task, n, labels, "sum") in cells:
            r = cells[task, n, labels, "sum"]
            shares = (f"{cells[task, n, labels, rule]['acc']:.3f}" for rule in RULES)
            table.append(
                [
                    task,
                    labels,
                    *shares,
                    r["chance"],
                    f"{r['low']:.3f}-{r['high']:.3f}",
                    f"{r['loglik']:.2f}",
                ]
            )
    print_table(
        f"{n} examples: written freely, and chosen among candidate words by four scores",
        ["task", "labels", *RULES, "chance", "95% of sum", "log p"],
        table,
    )
    if cut := max(r["cut"] for r in cells.values()):
        print(f"  up to {cut} prompts a cell lost their oldest examples to fit the context")


def headline(rows):
    """One line for --watch."""
    cells = {
        (r["task"], r["n"]): r["acc"]
        for r in rows
        if r.get("group") == r["task"] and r["labels"] == "gold" and r["rule"] == main_rule(rows)
    }
    shots = {n for _, n in cells}
    n = 8 if 8 in shots else max(shots)
    return f"accuracy at {n} shots: " + ", ".join(
        f"{task} {acc:.3f}" for (task, shots), acc in cells.items() if shots == n
    )
