"""What demonstrations are for (Min et al. 2022): probe 3 of icl_eval.py.

The same prompts are shown with their parts changed one at a time: the labels true, random or all
wrong; the inputs from elsewhere or of random words; the label words foreign; one of the two left
out. What accuracy is lost with a part is what that part is for.

* In the world of data/demos.py the best possible answer is known, and one knob decides the outcome:
  where pretraining never reversed a label's meaning (rho = 0) wrong labels hardly matter, where it
  often did (rho = 0.5) they decide the answer.
* With --data the same conditions are built from a classification file: the real experiment.

Two ways to choose (Min et al., section 3): direct, the label y with the largest p(y | demos, x);
channel, the label with the largest p(x | demos, y), from prompts in which labels come first. Either
is a mean over the option's tokens.
"""

from os.path import commonprefix
from random import Random

import numpy as np

from data import flips
from data.flips import CONDITIONS, CORPORA, Material, layouts
from data.world import World
from icl.fewshot import LabelledFile
from likelihood import score_options
from plumbing.checkpoint import ancestry
from plumbing.config import numbers
from plumbing.errors import BadInput
from plumbing.records import print_table, t_interval, wilson

SHOTS, PROMPTS = (4, 8, 16), 40  # demonstrations of a prompt; prompts of one draw
SWEEP = (0.0, 1e-6, 1e-4, 1e-3, 0.01, 0.02, 0.1, 0.5)  # rho of the exact answers without a model
SHARES = {
    "0% correct": 0.0,
    "25% correct": 0.25,
    "50% correct": 0.5,
    "75% correct": 0.75,
    "gold": 1.0,
}


# --- the maths -----------------------------------------------------------------------------------


def gler(gold, random, none):
    """(gold − random) / (gold − none): the share of what demonstrations give that is lost with
    their labels (Yoo et al. 2022, section 3). NaN where demonstrations give nothing."""
    return (gold - random) / (gold - none) if gold > none else float("nan")


def label_slope(shares, accuracies):
    """b₁ and R² of accuracy ≈ b₀ + b₁ · (share of correct labels) by least squares (Yoo et al.
    2022, section 3). R² is NaN where the accuracy does not change at all."""
    x, y = np.asarray(shares, dtype=float), np.asarray(accuracies, dtype=float)
    if np.ptp(y) == 0:
        return 0.0, float("nan")
    x, y = x - x.mean(), y - y.mean()
    slope = float(x @ y / (x @ x))
    return slope, float(slope * (x @ y) / (y @ y))


def log_softmax(scores):
    """log of p ∝ exp(score) over the options (C,)."""
    top = np.max(scores)
    return scores - top - np.log(np.exp(scores - top).sum())


# --- prompts -------------------------------------------------------------------------------------


class FileMaterials:
    """Materials from a classification file: what demonstrations need from one half of it, test
    inputs from the other; words are drawn from its own; "other inputs" are sentences of the tiny
    world, most of them of about the length of the input that they replace (Min et al., App. B)."""

    def __init__(self, cfg):
        self.file, self.seed = LabelledFile(cfg.data, cfg.template, cfg.labels, cfg.seed), cfg.seed
        self.names = list(self.file.names)
        self.options = list(self.file.names.values())
        texts = [text for text, _ in (*self.file.shots, *self.file.queries)]
        found = sorted({word for text in texts for word in text.split()})
        self.words = [word for word in found if word.isalpha() and word not in self.options]
        if len(self.words) < len(self.options):
            raise BadInput(
                f"{cfg.data} holds too few words to stand in for its labels; expected "
                "a file of sentences"
            )
        documents = World().documents(seed=cfg.seed)
        self.sentences = [line for _ in range(300) for line in next(documents).split("\n") if line]
        self.lengths = np.array([len(line.split()) for line in self.sentences])

    def elsewhere(self, text, rng):
        """A sentence of another corpus, with weight exp(−(difference in words)² / 50)."""
        weights = np.exp(-((self.lengths - len(text.split())) ** 2) / 50.0) + 1e-12
        return rng.choices(self.sentences, weights.tolist())[0]

    def draw(self, n, k):
        """n materials of k demonstrations, each with demonstrations of its own."""
        if k > len(self.file.shots):
            raise BadInput(f"--k={k}: the file has only {len(self.file.shots)} examples to show")
        made, C = [], len(self.options)
        for i in range(n):
            rng = Random(f"demos {self.seed} {k} {i}")
            shots, (x, gold) = rng.sample(self.file.shots, k), rng.choice(self.file.queries)
            inputs = [text for text, _ in shots]
            uniform = [" ".join(rng.choices(self.words, k=len(text.split()))) for text in inputs]
            made.append(
                Material(
                    inputs,
                    [self.names.index(y) for _, y in shots],
                    x,
                    self.names.index(gold),
                    self.options,
                    [self.elsewhere(text, rng) for text in inputs],
                    uniform,
                    rng.sample(self.words, C),
                    [rng.randrange(C) for _ in range(k)],
                    [self.names.index(y) for _, y in rng.choices(self.file.shots, k=k)],
                    rng.sample(range(k), k),
                    [rng.randrange(1, C) for _ in range(k)],
                )
            )
        return made


# --- measuring -----------------------------------------------------------------------------------


def prompt_ids(case, layout, tokenizer):
    """A prompt as ids, and per option the ids that continue it and how many of these are scored.

    The channel's options share the demonstrations; each goes on with its label, which is given, and
    then the input, which is scored.
    """
    shown = "".join(layout.write(x, y) for x, y in case.demos)
    if layout.flipped:
        asked = [(*layout.ask(word), case.x) for word in case.options]
    else:
        asked = [(*layout.ask(case.x), word) for word in case.options]
    before = [[tokenizer.endoftext, *tokenizer.encode(shown + text)] for text, _, _ in asked]
    scored = [tokenizer.encode(blank + rest) for _, blank, rest in asked]
    prompt = commonprefix(before)
    return prompt, [b[len(prompt) :] + s for b, s in zip(before, scored)], [*map(len, scored)]


def choose(cases, layout, loaded, machine):
    """For each case the score of every option (C,), a mean over the tokens that are scored; does
    greedy decoding write the gold option; and how many prompts were cut to the model's learned
    positions (the oldest demonstrations make room)."""
    asked = [prompt_ids(case, layout, loaded.tokenizer) for case in cases]
    prompts, cut = [prompt for prompt, _, _ in asked], 0
    if loaded.model.config.pos == "learned":
        room = [loaded.model.config.block_size - max(map(len, options)) for _, options, _ in asked]
        if min(room) < 1:
            raise BadInput(
                f"{loaded.name}: a text is longer than the model's "
                f"{loaded.model.config.block_size} positions; leave out long texts"
            )
        cut = sum(len(p) > r for p, r in zip(prompts, room))
        prompts = [p[-r:] for p, r in zip(prompts, room)]
    logps, greedy = score_options(loaded.model, prompts, [a[1] for a in asked], machine)
    scores = [
        np.array([logp[-n:].mean() for logp, n in zip(options, lengths)])
        for options, (_, _, lengths) in zip(logps, asked)
    ]
    return scores, [written[case.gold] for written, case in zip(greedy, cases)], cut


def measured(choice, free, loglik, cases, draws):
    """A row's figures: choice (N,) places of options, free (N,) bool or None, loglik (N,)."""
    right = np.array([c == case.gold for c, case in zip(choice, cases)])
    low, high = wilson(int(right.sum()), len(right))
    return {
        "prompts": len(right),
        "chance": 1 / len(cases[0].options),
        "acc": float(right.mean()),
        "low": low,
        "high": high,
        "by_draw": right.reshape(draws, -1).mean(1).tolist(),
        "acc_free": None if free is None else float(np.mean(free)),
        "loglik": float(np.mean(loglik)),
    }


def best_possible(evidence, rho, cases, draws):
    """The figures of the exact answer; log p is that of the gold word among the options."""
    logp, choice = flips.bayes(evidence, rho)
    options = np.take_along_axis(logp, evidence[2], axis=1)  # (N, C)
    gold = np.array([case.gold for case in cases])
    word = evidence[2][np.arange(len(gold)), gold]
    loglik = [log_softmax(o)[g] for o, g in zip(options, gold)]
    return measured(choice, logp.argmax(1) == word, loglik, cases, draws)


def cells(cfg, shots):
    """(condition, k, cases) of every cell: without demonstrations once, all else for every k."""
    n = cfg.draws * (cfg.prompts or PROMPTS)
    source = FileMaterials(cfg) if cfg.data else None
    for k in shots:
        made = source.draw(n, k) if source else flips.materials(n, k, cfg.seed)
        for name, condition in CONDITIONS.items():
            if name != "none" or k == shots[0]:
                yield name, k if name != "none" else 0, [condition(m) for m in made]


def rho_of(loaded):
    """The share of reversed documents in what the model, or the model it was tuned from, has read.

    Raises BadInput for a model that knows nothing of this world.
    """
    for ancestor in ancestry(loaded.checkpoint):
        if ancestor.get("data") in CORPORA:
            return CORPORA[ancestor["data"]]
    raise BadInput(
        f"{loaded.name} has not read the documents of this probe; train one with python "
        f"pretrain.py --preset=demos, or ask it about a file with --data=FILE"
    )


def probe(cfg, loaded, machine):
    """All cells (condition, k, method) of one model as rows, and what they add up to; without a
    model the exact answers alone."""
    shots = numbers(cfg.k, SHOTS, "k")
    if min(shots) < 1:
        raise BadInput(f"--k={cfg.k}: expected numbers of demonstrations, each at least 1")
    if loaded is None:
        if cfg.data:
            raise BadInput("--data needs a model to ask; give --init=PATH/ckpt.pt")
        return exact_rows(cfg, shots)
    rho = None if cfg.data else rho_of(loaded)
    about = {"probe": "demos", **loaded.about(), "data": cfg.data, "rho": rho}
    template = cfg.template.replace("\\n", "\n") if cfg.data else flips.TEMPLATE
    rows = []
    for condition, k, cases in cells(cfg, shots):
        exact = {}
        if rho is not None:
            found = best_possible(flips.evidence(cases), rho, cases, cfg.draws)
            exact = {f"bayes_{name}": found[name] for name in ("acc", "acc_free", "loglik")}
        for method, layout in layouts(template).items():
            scores, free, cut = choose(cases, layout, loaded, machine)
            figures = measured(
                [int(s.argmax()) for s in scores],
                None if layout.flipped else free,  # there it would write the input
                [log_softmax(s)[c.gold] for s, c in zip(scores, cases)],
                cases,
                cfg.draws,
            )
            rows.append(
                {
                    **about,
                    "condition": condition,
                    "k": k,
                    "method": method,
                    **figures,
                    "cut": cut,
                    **exact,
                }
            )
    return rows + summaries(rows, about)


def exact_rows(cfg, shots):
    """Rows of the exact answers: every condition at rho = 0, and at the most demonstrations the
    four that tell the regimes apart for each rho of SWEEP."""
    rows, about = [], {"probe": "demos", "ckpt": None, "stage": "bayes", "step": 0, "data": ""}
    for condition, k, cases in cells(cfg, shots):
        known = flips.evidence(cases)
        swept = condition in ("none", "gold", "random", "0% correct") and k in (0, shots[-1])
        for rho in SWEEP if swept else SWEEP[:1]:
            rows.append(
                {
                    **about,
                    "rho": rho,
                    "condition": condition,
                    "k": k,
                    "method": "bayes",
                    **best_possible(known, rho, cases, cfg.draws),
                }
            )
    return rows


def summaries(rows, about):
    """For each method and k, from accuracies and from log-likelihoods: gold − none, gold − random,
    GLER, and the slope on the share of correct labels with its R². `half`: 95% over draws."""
    cell = {(r["method"], r["k"], r["condition"]): r for r in rows}
    found = []
    for method, k in dict.fromkeys((r["method"], r["k"]) for r in rows if r["k"]):

        def of(name, method=method, k=k):
            return cell[method, 0 if name == "none" else k, name]

        gold, random, none = of("gold"), of("random"), of("none")
        line = {**about, "summary": True, "method": method, "k": k}
        for name, other in (("gold - none", none), ("gold - random", random)):
            gap = 100 * (np.array(gold["by_draw"]) - other["by_draw"])
            mean, half = t_interval(gap)
            found.append(
                {
                    **line,
                    "name": name,
                    "value": mean,
                    "half": half,
                    "loglik": gold["loglik"] - other["loglik"],
                }
            )
        acc, loglik = ([r[key] for r in (gold, random, none)] for key in ("acc", "loglik"))
        found.append({**line, "name": "GLER", "value": gler(*acc), "loglik": gler(*loglik)})
        by_draw = zip(*(of(name)["by_draw"] for name in SHARES))
        slopes = [label_slope([*SHARES.values()], draw)[0] for draw in by_draw]
        slope, fit = label_slope([*SHARES.values()], [of(name)["acc"] for name in SHARES])
        found.append(
            {
                **line,
                "name": "slope",
                "value": slope,
                "half": t_interval(slopes)[1],
                "fit": fit,
                "loglik": label_slope([*SHARES.values()], [of(name)["loglik"] for name in SHARES])[
                    0
                ],
            }
        )
    return found


# --- tables --------------------------------------------------------------------------------------


def points(value):
    """A share as a percentage, or nothing."""
    return "" if value is None else f"{100 * value:.1f}"


def show(rows):
    """For each model the conditions, direct and channel, beside the exact answer, and what they add
    up to; for several models the regimes side by side."""
    models = list(dict.fromkeys((r["ckpt"], r["step"]) for r in rows))
    for model in models:
        own = [r for r in rows if (r["ckpt"], r["step"]) == model]
        if model[0] is None:
            show_exact(own)
        else:
            show_model([r for r in own if "summary" not in r])
            show_summaries([r for r in own if "summary" in r])
    if len([m for m in models if m[0]]) > 1:
        show_regimes([r for r in rows if r["method"] == "direct" and "summary" not in r])
    if any(r["rho"] is not None for r in rows):
        print(
            "\nA mechanism in a toy world, not a result about large models. There labels "
            "matter more:\naccuracy grows with the share of correct ones (Yoo et al. 2022, slope "
            "0.309), larger models follow\nreversed labels (Wei et al. 2023), and probabilities "
            "move where accuracy does not (Kossen et al. 2023)."
        )
    else:
        print(
            "\nOne file, one template, one model. Others differ: see Yoo et al. 2022, Wei et al. "
            "2023 and\nKossen et al. 2023 on when labels matter."
        )


def show_exact(rows):
    """All conditions where labels never lie, then the four that tell, for each rho."""
    cell = {(r["rho"], r["k"], r["condition"]): r for r in rows}
    shots = sorted({r["k"] for r in rows} - {0})
    table = []
    for name in CONDITIONS:
        found = [cell[0.0, 0 if name == "none" else k, name] for k in shots]
        table.append(
            [
                name,
                *(points(r["acc"]) for r in found),
                points(found[-1]["acc_free"]),
                f"{found[-1]['loglik']:.2f}",
            ]
        )
    most = shots[-1]
    print_table(
        f"Exact Bayes where labels keep their meaning (rho = 0), {rows[0]['prompts']} "
        f"prompts: % right of the two options,\nby number of demonstrations; of all words, "
        f"and log p of the gold option (k = {most})",
        ["demonstrations", *(f"k={k}" for k in shots), "all words", "log p"],
        table,
    )
    names = ["none", "gold", "random", "0% correct"]
    table = [
        [
            f"{rho:g}",
            *(points(cell[rho, 0 if name == "none" else most, name]["acc"]) for name in names),
        ]
        for rho in SWEEP
    ]
    print_table(
        f"Exact Bayes by the share rho of documents that reverse their labels (k = {most})",
        ["rho", *names],
        table,
    )


def show_model(rows):
    """One model: % right by condition and k, direct and channel."""
    first, shots = rows[0], sorted({r["k"] for r in rows} - {0})
    cell = {(r["method"], r["k"], r["condition"]): r for r in rows}
    most, exact = shots[-1], first["rho"] is not None
    table = []
    for name in CONDITIONS:
        direct, channel = (
            [cell[method, 0 if name == "none" else k, name] for k in shots]
            for method in ("direct", "channel")
        )
        last = direct[-1]
        line = [
            name,
            *(points(r["acc"]) for r in direct),
            f"{points(last['low'])}-{points(last['high'])}",
            points(last["acc_free"]),
            f"{last['loglik']:.2f}",
        ]
        if exact:
            line += [points(last["bayes_acc"]), points(last["bayes_acc_free"])]
        table.append([*line, *(points(r["acc"]) for r in channel)])
    about = f"rho = {first['rho']:g}" if exact else f"on {first['data']}"
    columns = ["demonstrations", *(f"k={k}" for k in shots), "95%", "all words", "log p"]
    columns += ["Bayes", "all words"] if exact else []
    print_table(
        f"{first['ckpt']} ({first['stage']}, step {first['step']}, {first['params']:,} "
        f"parameters), {about}: % right of the options, {first['prompts']} prompts,\n"
        f"direct; interval, all words, log p{', Bayes' if exact else ''} for k = {most}; "
        f"then channel",
        [*columns, *(f"ch. k={k}" for k in shots)],
        table,
    )
    cut = sum(r["cut"] for r in rows)
    if cut:
        print(f"  {cut} prompts were longer than the model's positions and lost their beginning")


def show_summaries(rows):
    """What the demonstrations give and what of it hangs on the labels."""
    table = []
    for method, k in dict.fromkeys((r["method"], r["k"]) for r in rows):
        found = {r["name"]: r for r in rows if (r["method"], r["k"]) == (method, k)}
        gaps = [
            f"{found[n]['value']:+.1f} ± {found[n]['half']:.1f}"
            for n in ("gold - none", "gold - random")
        ]
        slope = found["slope"]
        table.append(
            [
                f"{method}, k={k}",
                *gaps,
                f"{found['GLER']['value']:.2f}",
                f"{slope['value']:+.3f} ± {slope['half']:.3f}",
                f"{slope['fit']:.2f}",
                f"{found['gold - random']['loglik']:+.3f}",
            ]
        )
    print_table(
        "Points of accuracy (± 95% over draws); GLER = (gold - random) / (gold - none); "
        "slope on the share of correct labels;\nlog p of the gold option, gold - random",
        ["", "gold - none", "gold - random", "GLER", "slope", "R2", "log p"],
        table,
    )


def show_regimes(rows):
    """Direct accuracy of several models, each beside the exact answer for what it has read."""
    most = max(r["k"] for r in rows)
    models = list(dict.fromkeys((r["ckpt"], r["step"]) for r in rows))
    cell = {(r["ckpt"], r["step"], r["condition"]): r for r in rows if r["k"] in (0, most)}
    table, columns = [], ["demonstrations"]
    for model in models:
        rho = cell[(*model, "gold")]["rho"]
        columns += ["model" if rho is None else f"rho={rho:g}"] + (rho is not None) * ["Bayes"]
    for name in CONDITIONS:
        line = [name]
        for model in models:
            r = cell[(*model, name)]
            line += [points(r["acc"])] + (r["rho"] is not None) * [points(r.get("bayes_acc"))]
        table.append(line)
    print_table(f"Side by side: % right of the options, direct, k = {most}", columns, table)


def headline(rows):
    """One line for --watch."""
    most = max(r["k"] for r in rows)
    found = {
        r["condition"]: r["acc"]
        for r in rows
        if r["method"] == "direct" and r["k"] in (0, most) and "summary" not in r
    }
    return f"% right at k = {most}: " + ", ".join(
        f"{name} {points(found[name])}" for name in ("none", "gold", "random", "0% correct")
    )
