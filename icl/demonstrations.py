"""What demonstrations are for (Min et al. 2022): probe 3 of icl_eval.py.

The same prompts are shown with their parts changed one at a time: the labels true, random or all
wrong; the inputs from elsewhere or of random words; the label words foreign; one of the two left
out. What accuracy is lost with a part is what that part is for.

* In the world of data/flips.py the best possible answer is known, and one knob decides the outcome:
  where pretraining never reversed a label's meaning (rho = 0) wrong labels hardly matter, where it
  often did (rho = 0.5) they decide the answer.
* With --data the same conditions are built from a classification file: the real experiment.

Two ways to choose (Min et al., section 3): direct, the label y with the largest p(y | examples, x);
channel, the label with the largest p(x | examples, y), from prompts in which labels come first.
Either is a mean over the option's tokens. The rows say k for the number of demonstrations, as the
paper does; on the command line it is --n, as in every probe.
"""

from os.path import commonprefix

import numpy as np

from data import flips
from data.flips import CONDITIONS, CORPORA, layouts
from data.labelled import FileMaterials, LabelledFile
from data.logarithms import log_softmax
from icl.options import ask
from icl.tables import TITLE, grouped, pivot, points, print_beside, share, spread, where
from plumbing.checkpoint import ancestry
from plumbing.config import numbers
from plumbing.errors import BadInput
from plumbing.records import t_interval

SHOTS = (4, 8, 16)  # demonstrations of a prompt
PROMPTS = 40  # of one draw
SWEEP = (0.0, 1e-6, 1e-4, 1e-3, 0.01, 0.02, 0.1, 0.5)  # rho of the exact answers without a model
REGIMES = ("none", "gold", "random", "0% correct")  # the conditions that tell regimes apart
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


# --- prompts -------------------------------------------------------------------------------------


def prompt_ids(case, layout, tokenizer):
    """A prompt as ids, and per option the ids that continue it and how many of these are scored.

    The channel's options share the demonstrations; each goes on with its label, which is given, and
    then the input, which is scored.
    """
    shown = "".join(layout.write(x, y) for x, y in case.demonstrations)
    if layout.flipped:
        asked = [(*layout.ask(word), case.x) for word in case.options]
    else:
        asked = [(*layout.ask(case.x), word) for word in case.options]
    given = [[tokenizer.endoftext, *tokenizer.encode(shown + text)] for text, _, _ in asked]
    scored = [tokenizer.encode(blank + rest, begins=False) for _, blank, rest in asked]
    prompt = commonprefix(given)
    options = [a[len(prompt) :] + b for a, b in zip(given, scored)]
    return prompt, options, [len(ids) for ids in scored]


def shots_of(cfg):
    """Numbers of demonstrations. None at all is a condition of its own, which is always asked."""
    shots = [n for n in numbers(cfg.n, SHOTS, "n") if n > 0]
    if not shots:
        raise BadInput(f"--n={cfg.n}: expected numbers of demonstrations, at least one above 0")
    return shots


def cells(cfg, shots):
    """(condition, k, cases) of every cell: without demonstrations once, all else for every k."""
    n = cfg.draws * (cfg.prompts or PROMPTS)
    if cfg.data:
        file = LabelledFile(cfg.data, cfg.template, cfg.labels, cfg.seed)
        source = FileMaterials(file, cfg.seed)
    for k in shots:
        made = source.draw(n, k) if cfg.data else flips.materials(n, k, cfg.seed)
        for name, condition in CONDITIONS.items():
            if name != "none":
                yield name, k, [condition(m) for m in made]
            elif k == shots[0]:
                yield name, 0, [condition(m) for m in made]


# --- measuring -----------------------------------------------------------------------------------


def choose(cases, layout, loaded, machine):
    """For each case the score of every option (C,), a mean over the tokens that are scored; does
    greedy decoding write the gold option; and how many prompts were cut to the model's learned
    positions."""
    asked = [prompt_ids(case, layout, loaded.tokenizer) for case in cases]
    prompts, options, lengths = zip(*asked)
    logps, greedy, cut = ask(loaded, prompts, options, machine)
    scores = []
    for of_case, scored in zip(logps, lengths):
        means = [logp[-n:].mean() for logp, n in zip(of_case, scored)]
        scores.append(np.array(means))
    written = [answers[case.gold] for answers, case in zip(greedy, cases)]
    return scores, written, sum(cut)


def measured(choice, free, loglik, cases, draws):
    """A row's figures: choice (N,) places of options, free (N,) bool or None, loglik (N,)."""
    right = np.array([c == case.gold for c, case in zip(choice, cases)])
    return {
        "prompts": len(right),
        "chance": 1 / len(cases[0].options),
        **share(right),
        "by_draw": right.reshape(draws, -1).mean(1).tolist(),
        "acc_free": None if free is None else float(np.mean(free)),
        "loglik": float(np.mean(loglik)),
    }


def best_possible(evidence, rho, cases, draws):
    """The figures of the exact answer; log p is that of the gold word among the options."""
    _, _, words = evidence
    logp, choice = flips.bayes(evidence, rho)
    gold = np.array([case.gold for case in cases])
    N = np.arange(len(gold))
    among = log_softmax(np.take_along_axis(logp, words, axis=1))  # (N, C)
    free = logp.argmax(1) == words[N, gold]
    return measured(choice, free, among[N, gold], cases, draws)


def answers_of(cases, layout, loaded, machine, draws):
    """The figures of a model."""
    scores, written, cut = choose(cases, layout, loaded, machine)
    choice = [int(score.argmax()) for score in scores]
    loglik = [log_softmax(score)[case.gold] for score, case in zip(scores, cases)]
    free = None if layout.flipped else written  # the channel would write the input
    return {**measured(choice, free, loglik, cases, draws), "cut": cut}


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
    shots = shots_of(cfg)
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
            best = best_possible(flips.evidence(cases), rho, cases, cfg.draws)
            exact = {f"bayes_{name}": best[name] for name in ("acc", "acc_free", "loglik")}
        for method, layout in layouts(template).items():
            cell = {**about, "condition": condition, "k": k, "method": method}
            figures = answers_of(cases, layout, loaded, machine, cfg.draws)
            rows.append({**cell, **figures, **exact})
    return rows + summaries(rows, about)


def exact_rows(cfg, shots):
    """Rows of the exact answers: every condition at rho = 0, and at the most demonstrations the
    four that tell the regimes apart for each rho of SWEEP."""
    about = {"probe": "demos", "ckpt": None, "stage": "bayes", "step": 0, "data": ""}
    rows = []
    for condition, k, cases in cells(cfg, shots):
        evidence = flips.evidence(cases)
        swept = condition in REGIMES and k in (0, shots[-1])
        for rho in SWEEP if swept else SWEEP[:1]:
            cell = {"rho": rho, "condition": condition, "k": k, "method": "bayes"}
            figures = best_possible(evidence, rho, cases, cfg.draws)
            rows.append({**about, **cell, **figures})
    return rows


def summaries(rows, about):
    """For each method and k, from accuracies and from log-likelihoods: gold − none, gold − random,
    GLER, and the slope on the share of correct labels with its R². `half`: 95% over draws."""
    found = []
    for (method, k), mine in grouped(at_every_k(rows), "method", "k").items():
        line = {**about, "summary": True, "method": method, "k": k}
        cell = {r["condition"]: r for r in mine}
        found += [{**line, **summary} for summary in gains(cell)]
    return found


def gains(cell):
    """The summaries of one method and k; cell {condition: row}."""
    none, gold, random = cell["none"], cell["gold"], cell["random"]
    for name, other in (("gold - none", none), ("gold - random", random)):
        gap = np.array(gold["by_draw"]) - other["by_draw"]
        mean, half = t_interval(100 * gap)
        loglik = gold["loglik"] - other["loglik"]
        yield {"name": name, "value": mean, "half": half, "loglik": loglik}
    value = gler(gold["acc"], random["acc"], none["acc"])
    loglik = gler(gold["loglik"], random["loglik"], none["loglik"])
    yield {"name": "GLER", "value": value, "loglik": loglik}
    shares = list(SHARES.values())
    line = [cell[name] for name in SHARES]
    slope, fit = label_slope(shares, [r["acc"] for r in line])
    by_draw = zip(*(r["by_draw"] for r in line))
    slopes = [label_slope(shares, draw)[0] for draw in by_draw]
    _, half = t_interval(slopes)
    loglik, _ = label_slope(shares, [r["loglik"] for r in line])
    yield {"name": "slope", "value": slope, "half": half, "fit": fit, "loglik": loglik}


def at_every_k(rows):
    """Without demonstrations every k is alike: the rows of k = 0 once for each other k."""
    shots = sorted({r["k"] for r in rows} - {0})
    copies = [{**r, "k": k} for k in shots for r in where(rows, k=0)]
    return copies + [r for r in rows if r["k"]]


# --- tables --------------------------------------------------------------------------------------

HEADS = ("demonstrations",)
ACCURACY = points("acc")


def show(rows):
    """For each model the conditions, direct and channel, beside the exact answer, and what they add
    up to; for several models the regimes side by side."""
    models = []
    for mine in grouped(rows, "ckpt", "step").values():
        figures = at_every_k([r for r in mine if "summary" not in r])
        if mine[0]["ckpt"] is None:
            show_exact(figures)
        else:
            show_model(figures)
            show_summaries(where(mine, summary=True))
            models.append(figures)
    if len(models) > 1:
        show_regimes(models)
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
    most = max(r["k"] for r in rows)
    never = where(rows, rho=0)
    more = {"all words": points("acc_free"), "log p": "{loglik:.2f}"}
    print_beside(
        f"Exact Bayes where labels keep their meaning (rho = 0), {rows[0]['prompts']} "
        f"prompts: % right of the two options,\nby number of demonstrations; of all words, "
        f"and log p of the gold option (k = {most})",
        HEADS,
        pivot(never, "condition", "k={k}", ACCURACY),
        spread(where(never, k=most), "condition", more),
    )
    swept = []
    for name in REGIMES:
        swept += where(rows, condition=name, k=most)
    print_beside(
        f"Exact Bayes by the share rho of documents that reverse their labels (k = {most})",
        ("rho",),
        pivot(swept, "{rho:g}", "condition", ACCURACY),
    )


def show_model(rows):
    """One model: % right by condition and k, direct and channel."""
    first = rows[0]
    most = max(r["k"] for r in rows)
    direct = where(rows, method="direct")
    channel = where(rows, method="channel")
    last = where(direct, k=most)
    more = {"95%": interval, "all words": points("acc_free"), "log p": "{loglik:.2f}"}
    exact = {"Bayes": points("bayes_acc"), "all words": points("bayes_acc_free")}
    known = first["rho"] is not None
    about = f"rho = {first['rho']:g}" if known else f"on {first['data']}"
    print_beside(
        f"{TITLE.format(**first)}, {about}: % right of the options, {first['prompts']} prompts,\n"
        f"direct; interval, all words, log p{', Bayes' if known else ''} for k = {most}; "
        f"then channel",
        HEADS,
        pivot(direct, "condition", "k={k}", ACCURACY),
        spread(last, "condition", more),
        spread(last, "condition", exact if known else {}),
        pivot(channel, "condition", "ch. k={k}", ACCURACY),
    )
    cut = sum(r["cut"] for r in rows)
    if cut:
        print(f"  {cut} prompts were longer than the model's positions and lost their beginning")


def interval(r):
    return f"{100 * r['low']:.1f}-{100 * r['high']:.1f}"


def show_summaries(rows):
    """What the demonstrations give and what of it hangs on the labels."""

    row = "{method}, k={k}"
    forms = {"GLER": "{value:.2f}", "slope": "{value:+.3f} ± {half:.3f}"}

    def value(r):
        return forms.get(r["name"], "{value:+.1f} ± {half:.1f}").format(**r)

    print_beside(
        "Points of accuracy (± 95% over draws); GLER = (gold - random) / (gold - none); "
        "slope on the share of correct labels;\nlog p of the gold option, gold - random",
        ("",),
        pivot(rows, row, "name", value),
        spread(where(rows, name="slope"), row, {"R2": "{fit:.2f}"}),
        spread(where(rows, name="gold - random"), row, {"log p": "{loglik:+.3f}"}),
    )


def show_regimes(models):
    """Direct accuracy of several models, each beside the exact answer for what it has read."""
    most = max(r["k"] for rows in models for r in rows)
    tables = []
    for rows in models:
        rho = rows[0]["rho"]
        columns = {"model": ACCURACY}
        if rho is not None:
            columns = {f"rho={rho:g}": ACCURACY, "Bayes": points("bayes_acc")}
        tables.append(spread(where(rows, method="direct", k=most), "condition", columns))
    print_beside(f"Side by side: % right of the options, direct, k = {most}", HEADS, *tables)


def headline(rows):
    """One line for --watch."""
    direct = at_every_k([r for r in where(rows, method="direct") if "summary" not in r])
    most = max(r["k"] for r in direct)
    found = {r["condition"]: ACCURACY(r) for r in where(direct, k=most)}
    shares = [f"{name} {found[name]}" for name in REGIMES]
    return f"% right at k = {most}: {', '.join(shares)}"
