"""Tables and sentences of the documents, made from the committed records and nothing else.

Every figure over seeds is stated in one way: the mean ± half of its 95 % interval (Student's t).
Each function takes the records as {subject: rows} and a language, "en" or "ko", and returns
Markdown. Here are the stages; the probes are in lab/tables_icl.py, speed in lab/tables_speed.py.
"""

import re

import numpy as np

from lab.overoptimisation import journeys
from lab.tax import COOL
from lab.words import say
from plumbing.records import t_interval

# --- figures -----------------------------------------------------------------------------------


def number(value, digits, sign=False):
    """A number with a real minus, and a plus where `sign` asks for one."""
    text = f"{value:+.{digits}f}" if sign else f"{value:.{digits}f}"
    if not text.strip("+-0."):  # nothing that is not zero is left of it
        text = text.strip("+-")
    return text.replace("-", "−")


def figure(values, digits=2, unit="", sign=False):
    """Mean ± half of the 95 % interval over seeds, as text. Equal values have no interval."""
    mean, half = t_interval(values)
    text = number(mean, digits, sign)
    if len(values) > 1 and max(values) > min(values):
        text += f" ± {half:.{digits}f}"
    return text + unit


def share(values, sign=False, unit=" %"):
    """Shares as percent, with a digit behind the point where the interval is below one point."""
    percent = [100 * value for value in values]
    mean, half = t_interval(percent)
    whole = half >= 1 or all(abs(p - round(p)) < 0.05 for p in percent)
    return figure(percent, 0 if whole else 1, unit, sign)


def points(values):
    """Differences of shares, in percentage points."""
    return figure([100 * value for value in values], 1, sign=True)


def by_seed(values, digits=2, sign=False):
    """The value of each seed, in their order."""
    return ", ".join(number(value, digits, sign) for value in values)


def select(rows, **wanted):
    """The rows that agree with `wanted`, in the order of their seeds."""
    found = [row for row in rows if wanted.items() <= row.items()]
    return sorted(found, key=lambda row: row["seed"])


def column(rows, key, **wanted):
    """The values of `key` in the rows that agree with `wanted`, seed by seed."""
    return [row[key] for row in select(rows, **wanted)]


# --- Markdown ----------------------------------------------------------------------------------


def markdown(head, rows):
    """A table: head and rows are lists of cells."""
    lines = [head, ["---"] * len(head), *rows]
    return re.sub(r"\|  (?=\|)", "| ", "\n".join("| " + " | ".join(row) + " |" for row in lines))


def seeds_of(rows):
    return sorted({row["seed"] for row in rows})


def seeds_named(rows):
    """Such as "3 seeds (1, 2, 3)"."""
    seeds = seeds_of(rows)
    number = "one seed" if len(seeds) == 1 else f"{len(seeds)} seeds"
    return f"{number} ({', '.join(map(str, seeds))})"


def caption(rows, language):
    """How the figures of a table are to be read: seeds and machine."""
    seeds = seeds_of(rows)
    one = "One seed ({seeds}); {machine}."
    several = (
        "Mean ± half of the 95 % interval over {count} seeds ({seeds}), where the seeds differ; "
        "{machine}."
    )
    machines = list(dict.fromkeys(row["machine"] for row in rows))
    return say(
        several if len(seeds) > 1 else one,
        language,
        count=len(seeds),
        seeds=", ".join(map(str, seeds)),
        machine=" / ".join(machines),
    )


def captioned(text, rows, language, note="", **values):
    """A table under the sentence that says what it holds."""
    above = [say(note, language, **values)] if note else []
    return " ".join([*above, caption(rows, language)]) + "\n\n" + text


# --- answers -----------------------------------------------------------------------------------

ASKED = {
    "base model, asked cold": dict(model="base", split="test", shots=0),
    "base model, after five worked examples": dict(model="base", split="test", shots=5),
    "fine-tuned model, asked cold": dict(model="sft", split="test", shots=0),
    "fine-tuned model, new wordings of known questions": dict(
        model="sft", split="paraphrase", shots=0
    ),
}


def questions(records, language):
    """Share of correct answers to held-out questions, of the base and the fine-tuned model."""
    rows = records["questions"]
    table = []
    for name, which in ASKED.items():
        cells = [share(column(rows, "correct", decoding=d, **which)) for d in ("sampled", "greedy")]
        table.append([say(name, language), *cells])
    head = ["", say("sampled at temperature 1", language), say("likeliest answer", language)]
    note = (
        "Share of correct answers to {n} held-out questions, marked by a program, the hidden judge "
        "(simulated)."
    )
    return captioned(markdown(head, table), rows, language, note, n=rows[0]["n"])


# --- preferences -------------------------------------------------------------------------------

ARMS = {
    "sft": "fine-tuned (SFT)",
    "ppo": "PPO, β = 0.05",
    "ppo_ptx": "PPO-ptx",
    "ppo_free": "PPO, β = 0",
    "grpo": "GRPO",
    "rloo": "RLOO",
    "dpo": "DPO",
}


def preferences(records, language):
    """What the judge, the language and the lists say of SFT and of what was tuned from it."""
    rows = records["preferences"]
    kinds = {
        "judge's mean score": ("judge", figure, dict(sign=True)),
        "preferred to another SFT answer": ("win", share, {}),
        "rude answers": ("rude", share, {}),
        "answers that end": ("ended", share, {}),
        "correct, sampled": ("correct", share, {}),
        "correct, sampled more surely": ("correct_cool", share, {}),
        "correct, likeliest answer": ("correct_greedy", share, {}),
        "KL to SFT per answer, nats": ("kl", figure, dict(digits=1)),
        "loss on pretraining text, nats per token": ("lm_loss", figure, {}),
        "few-shot accuracy, 8 examples": ("few_shot", share, {}),
        "the same, minus SFT on the same lists, points": ("few_shot_minus_sft", points, {}),
    }
    arms = [arm for arm in ARMS if select(rows, arm=arm)]
    table = []
    for name, (key, state, options) in kinds.items():
        if key in rows[0]:
            cells = [state(column(rows, key, arm=arm), **options) for arm in arms]
            table.append([say(name, language), *cells])
    note = (
        "{n} held-out questions, sampled at temperature 1 unless it says otherwise, and {lists} "
        "lists. The judge is a program and the labelers that the reward model learned from are "
        "simulated."
    )
    text = markdown(["", *(say(ARMS[arm], language) for arm in arms)], table)
    values = {"n": rows[0]["n"], "lists": rows[0]["n_lists"]}
    found = captioned(text, rows, language, note, **values)
    if {"grpo", "rloo"} & set(arms):
        # The nearest may be far: GRPO ended farther than PPO at each β that was tried.
        matched = "GRPO and RLOO: of at most three β the one that ends nearest to PPO's KL."
        found = f"{say(matched, language)} {found}"
    return found


def gaps(rows, key, one, other):
    """One arm minus another, seed by seed."""
    pairs = zip(column(rows, key, arm=one), column(rows, key, arm=other))
    return [a - b for a, b in pairs]


def tax(records, language):
    """The alignment tax in two sentences."""
    rows = records["preferences"]
    cost = gaps(rows, "lm_loss", "ppo", "sft")
    back = np.mean(gaps(rows, "lm_loss", "ppo", "ppo_ptx")) / np.mean(cost)
    few = [a - b for a, b in zip(column(rows, "few_shot", arm="sft"), base_lists(rows))]
    text = (
        "PPO changes the loss on pretraining text by {cost} nat per token against the fine-tuned "
        "model ({each} by seed); of what it costs, PPO-ptx gives back {back} %. Few-shot accuracy "
        "changes by {few} points in fine-tuning and by {more} in PPO."
    )
    return say(
        text,
        language,
        cost=figure(cost, sign=True),
        each=by_seed(cost, sign=True),
        back=number(100 * back, 0),
        few=points(few),
        more=points(gaps(rows, "few_shot", "ppo", "sft")),
    )


def base_lists(rows):
    """The base model's few-shot accuracy, seed by seed."""
    return column(rows, "few_shot", arm="pretrain")


def surer(records, language):
    """Why PPO's sampled answers are more often correct."""
    rows = select(records["preferences"], arm="ppo")
    text = (
        "PPO's sampling becomes surer: its entropy goes from {first} to {last} nat per token. "
        "Sampled answers are correct {sampled} points more often than the fine-tuned model's, the "
        "likeliest ones {greedy} points."
    )
    return say(
        text,
        language,
        first=figure(column(rows, "entropy_first")),
        last=figure(column(rows, "entropy_last")),
        sampled=points(gaps(records["preferences"], "correct", "ppo", "sft")),
        greedy=points(gaps(records["preferences"], "correct_greedy", "ppo", "sft")),
    )


def sharper(records, language):
    """How much of that gain needs no learning; nothing where it is not measured."""
    rows = [row for row in select(records["preferences"], arm="sft") if "correct_cool" in row]
    text = (
        "Part of what sampled answers gain is sharpening: at temperature {cool} the fine-tuned "
        "model's own are correct in {share}, and nothing has been learned for that. The judge's "
        "score and the likeliest answer are the better evidence."
    )
    found = share([row["correct_cool"] for row in rows]) if rows else ""
    return say(text, language, cool=COOL, share=found) if rows else ""


MODELS = {
    "reward": "reward model, {n} questions ranked",
    "reward_scalar": "InstructGPT's scalar alone, {n} questions",
    "reward_scalar_few": "the scalar alone, {n} questions",
}
BESIDE_MODELS = {
    "one_labeler": "a single labeler",
    "bag_of_words": "a bag of words",
    "length_only": "the shorter answer",
    "two_labelers": "two labelers with each other",
}


def reward(records, language):
    """How the reward model and simpler things order the pairs that the judge does not tie, and
    those in which only one word tells right from wrong."""
    rows = records["reward"]
    table = []
    for arm, name in MODELS.items():
        if mine := select(rows, arm=arm):
            cells = [share(column(mine, key)) for key in ("reward_model", "same_worded")]
            table.append([say(name, language, n=f"{mine[0]['questions']:,}"), *cells])
    many = select(rows, arm="reward_scalar")
    for key, name in BESIDE_MODELS.items():
        table.append([say(name, language), share(column(many, key)), ""])
    nothing = say("the SFT model's likelihood, nothing learned", language)
    table.append([nothing, "", share(column(many, "likelihood"))])
    note = (
        "Share of the pairs of answers to held-out questions that are ordered as the hidden judge "
        "orders them (simulated, as the labelers are), about {n} pairs a seed; and of two answers "
        "in the same words, one right and one wrong, to each of {worded} questions."
    )
    head = ["", "pairs in the judge's order", "right above wrong, same words"]
    text = markdown([name and say(name, language) for name in head], table)
    values = {"n": f"{round(many[0]['n'], -2):,}", "worded": many[0]["worded"]}
    return captioned(text, many, language, note, **values)


VARIANTS = {
    "words": "a scalar and the network's own words, α/√N of each (the default)",
    "learned_weight": "the same, their mean, its weight learned from 0",
    "frozen_surprise": "a scalar and the frozen SFT model's surprise at the worst word",
    "scalar": "a scalar alone (InstructGPT, α = 0)",
    "four_epochs": "the scalar, four passes",
    "from_base": "the scalar, from the base model",
    "clean_pairs_first": "the scalar, after as many clean pairs of right and wrong",
    "bag_of_words": "a bag of words",
    "likelihood": "the SFT model's likelihood, nothing learned",
}


def reward_variants(records, language):
    """Which reward models know what is true."""
    rows = records["reward_variants"]
    table = []
    for arm, name in VARIANTS.items():
        cells = [share(column(rows, key, arm=arm)) for key in ("same_worded", "judge")]
        table.append([say(name, language), *cells])
    head = ["right above wrong, same words", "in the judge's order"]
    note = (
        "Two answers in the same words, one right and one wrong, to each of {n} held-out "
        "questions; and about {judged} pairs a seed of sampled answers to such questions, whose "
        "order is the hidden judge's. All learn from the same rankings. Judge and labelers are "
        "simulated."
    )
    text = markdown(["", *(say(name, language) for name in head)], table)
    judged = f"{round(rows[0]['judged'], -2):,}"
    return captioned(text, rows, language, note, n=rows[0]["n"], judged=judged)


def lesson(records, language):
    """What the table of the variants teaches."""
    return say(
        "An answer is wrong where it says another word than what is known. The next-word head is "
        "that comparison, at every word; InstructGPT takes it off, and a scalar at the last token "
        "has to learn it anew from rankings in which manners explain more.",
        language,
    )


CLIMBS = {
    "ppo_scalar": "many comparisons, β = 0.05",
    "ppo_scalar_free": "many comparisons, β = 0",
    "ppo_scalar_few": "few comparisons, β = 0.05",
    "ppo_scalar_few_free": "few comparisons, β = 0",
    "ppo": "many, words kept, β = 0.05",
    "ppo_free": "many, words kept, β = 0",
}
POOLS = {
    "best_of_n reward_scalar": "best of {n}, many comparisons",
    "best_of_n reward_scalar_few": "best of {n}, few comparisons",
    "best_of_n reward": "best of {n}, many, words kept",
}


def overoptimisation(records, language):
    """Where the reward model's score and the judge's part."""
    rows = records["overoptimisation"]
    table = []
    for arm, name in CLIMBS.items():
        if found := journeys(rows, arm):
            table.append(
                [
                    say(name, language),
                    figure(found["proxy rise"], 1, sign=True),
                    figure(found["judge peak"]),
                    figure(found["judge last"]),
                    figure(found["last KL"], 1),
                ]
            )
    most = max(row.get("best_of", 0) for row in rows)
    for arm, name in POOLS.items():
        first = column(rows, "proxy", arm=arm, best_of=1)
        if not first:
            continue
        last = column(rows, "proxy", arm=arm, best_of=most)
        judged = figure(column(rows, "judge", arm=arm, best_of=most))
        rise = [b - a for a, b in zip(first, last)]
        kl = figure(column(rows, "kl", arm=arm, best_of=most), 1)
        name = say(name, language, n=most)
        table.append([name, figure(rise, 1, sign=True), judged, judged, kl])
    head = [
        "reward model's score, rise in its standard deviations",
        "judge, highest",
        "judge, last",
        "KL, nats",
    ]
    note = (
        "PPO on its training questions, {n} an iteration, and best-of-n on {held} held-out ones; "
        "the judge's score is a mean of three neighbouring iterations. The reward model is "
        "InstructGPT's scalar alone, unless the words are kept: what they find unlikely costs "
        "reward, which is a leash too. Judge and labelers are simulated."
    )
    text = markdown(["", *(say(name, language) for name in head)], table)
    n = column(rows, "n", arm="ppo_scalar")[0]
    held = column(rows, "n", best_of=most)[0]
    return captioned(text, rows, language, note, n=n, held=held)
