"""Multiple choice: which of several answers is likeliest (GPT-3, section 2.4)? A probe of
icl_eval.py, for ARC, MMLU, HHH or a file of one's own (data/choices.py).

Nothing is written by the model. Each choice is read as the answer, and three rules say which one
wins: its probability, the same by token, and what the question adds to it (PMI).
"""

import numpy as np

from data.choices import read_choices
from icl.options import ask
from icl.tables import share
from plumbing.records import print_table

RULES = ("sum", "mean", "pmi")
NO_QUESTION = "Answer:"  # what stands before a choice when no question does


# --- the maths ---------------------------------------------------------------------------------


def best_choice(logps, without):
    """{rule: index of the choice that wins}. logps, without: an array of token log-probabilities
    for each choice, after the question and without it.

        sum   Σ log p(yᵢ | x, y₁ … yᵢ₋₁)
        mean  (1/R) Σ log p(yᵢ | x, y₁ … yᵢ₋₁)            (GPT-3, section 2.4)
        pmi   log p(y | x) − log p(y | no question)        (Holtzman et al. 2021, eq. 2)
    """
    total = np.array([np.sum(values) for values in logps])
    mean = np.array([np.mean(values) for values in logps])
    alone = np.array([np.sum(values) for values in without])
    return {
        "sum": int(total.argmax()),
        "mean": int(mean.argmax()),
        "pmi": int((total - alone).argmax()),
    }


# --- measuring ---------------------------------------------------------------------------------


def asked(loaded, question):
    """The ids before a choice: the chat template, or plain text for a base model."""
    if loaded.chat:
        return loaded.tokenizer.prompt([{"role": "user", "content": question}])[0]
    text = f"Question: {question}\n{NO_QUESTION}"
    return [loaded.tokenizer.endoftext, *loaded.tokenizer.encode(text)]


def unasked(loaded):
    """The ids before a choice that answers no question."""
    if loaded.chat:
        return loaded.tokenizer.prompt([{"role": "user", "content": ""}])[0]
    return [loaded.tokenizer.endoftext, *loaded.tokenizer.encode(NO_QUESTION)]


def probe(cfg, loaded, machine):
    """One row for each rule: the share of right choices with its Wilson interval, and chance."""
    questions = read_choices(cfg.data)[: cfg.prompts or None]
    blank = "" if loaded.chat else " "  # in plain text a blank stands before a word
    options = []
    for question in questions:
        options.append([loaded.tokenizer.encode(blank + text) for text in question["choices"]])
    prompts = [asked(loaded, question["question"]) for question in questions]
    logps, _, cut = ask(loaded, prompts, options, machine)
    without, _, _ = ask(loaded, [unasked(loaded)] * len(questions), options, machine)
    best = list(map(best_choice, logps, without))
    right = [question["answer"] for question in questions]
    chances = [1 / len(question["choices"]) for question in questions]
    about = {"probe": "choice", **loaded.about(), "data": cfg.data}
    about["cut"] = int(sum(cut))
    about["chance"] = float(np.mean(chances))
    rows = []
    for rule in RULES:
        hits = np.array([found[rule] == answer for found, answer in zip(best, right)])
        rows.append({**about, "rule": rule, "questions": len(questions), **share(hits)})
    return rows


def show(rows):
    """A table for each model."""
    for name in dict.fromkeys(row["ckpt"] for row in rows):
        mine = [row for row in rows if row["ckpt"] == name]
        first = mine[0]
        table = []
        for row in mine:
            interval = f"[{row['low']:.1%}, {row['high']:.1%}]"
            table.append([row["rule"], f"{row['acc']:.1%}", interval])
        print_table(
            f"{name}: {first['questions']} questions of {first['data']}, chance "
            f"{first['chance']:.1%}, {first['cut']} cut to fit",
            ["the likeliest choice by", "right", "95 % interval"],
            table,
        )


def headline(rows):
    """What is said of each checkpoint of a running pretraining."""
    return ", ".join(f"{row['rule']} {row['acc']:.1%}" for row in rows)
