"""What a reward model's accuracy hides: is it as sure as it is right, does it count words, and what
do baselines without a network reach on the same pairs?"""

import numpy as np

from data.preferences import KINDS
from data.world import world_named
from judges.agreement import accuracy, bag_of_words, pairs_of, places
from judges.exam import gold
from judges.hidden import world_of
from judges.labelers import agreement
from judges.scores import score_texts
from likelihood import score_options


def by_step(p, true, steps):
    """Probabilities (N,) beside what turned out true (N,), step by step of `steps` (N,): the rows
    (mean of what was said, share that was true, how many), and the calibration error, the mean
    distance between the two."""
    table, error = [], 0.0
    for step in np.unique(steps):
        here = steps == step
        said, was, n = float(p[here].mean()), float(true[here].mean()), int(here.sum())
        table.append((said, was, n))
        error += abs(said - was) * n / len(p)
    return table, error


def reliability(margins, wins):
    """How often the model's order is right where it is so and so sure, in five steps of confidence:
    the table, the calibration error (mean distance between the two), the Brier score."""
    p = 1 / (1 + np.exp(-np.abs(margins)))  # confidence, from 0.5 to 1
    right = (margins > 0) == wins
    table, error = by_step(p, right, np.minimum(((p - 0.5) * 10).astype(int), 4))
    table = [{"confidence": said, "accuracy": true, "pairs": n} for said, true, n in table]
    return table, error, float(np.mean((p - right) ** 2))


def judgeable(records):
    """Are all of them what simulated labelers said of the tiny world? Only those can be judged as
    such: a key `answers` alone may be anybody's. And does the judge order any of the answers?"""
    for record in records:
        known = world_of(record).answers
        asked = (str(record.get("task")), str(record.get("item")))
        if record.get("source") != "sim" or not ("needs" in record or asked in known):
            return False
    return any(len(set(gold(record))) > 1 for record in records)


def by_kind(records, values, truth=None):
    """Where held-out comparisons are of both kinds: {kind: {"labels": accuracy on their labels,
    "pairs", and by `truth`, an order as `gold`, "truth"}}, from a score of each answer."""
    found = {}
    for kind in KINDS:
        mine = [i for i, record in enumerate(records) if record.get("kind") == kind]
        some = [records[i] for i in mine], [values[i] for i in mine]
        margins, wins = pairs_of(*some, places)
        if not len(margins):
            return {}
        found[kind] = {"labels": accuracy(margins, wins), "pairs": len(margins)}
        known = pairs_of(*some, truth) if truth else ([], [])
        if len(known[0]):
            found[kind]["truth"] = accuracy(*known)
    return found


def diagnose(values, train_set, val_set):
    """Of held-out comparisons and the model's scores of their answers, a (K,) array each: {name:
    figure}. Of the tiny world the truth is the hidden judge's order (simulated), else the labels.
    """
    table, error, brier = reliability(*pairs_of(val_set, values, places))
    lengths = []
    for record in val_set:
        lengths.append(np.array([len(text.split()) for text in record["responses"]], float))
    in_world = judgeable(val_set)
    truth = gold if in_world else places
    words = np.concatenate(lengths)
    scores = np.concatenate(values)
    varied = words.std() and scores.std()
    related = np.corrcoef(scores, words)[0, 1] if varied else 0.0
    result = {
        "reliability": table,
        "brier": brier,
        "calibration_error": error,
        "score_length_correlation": float(related),
        "length_only": accuracy(*pairs_of(val_set, [-n for n in lengths], truth)),
        "bag_of_words": accuracy(*pairs_of(val_set, bag_of_words(train_set, val_set), truth)),
    }
    kinds = by_kind(val_set, values, gold if in_world else None)
    if kinds:
        result["kinds"] = kinds
    if in_world:
        own = [-np.array(places(record), float) for record in val_set]
        result["one_labeler"] = accuracy(*pairs_of(val_set, own, gold))
        result["two_labelers"] = agreement(val_set, [r["responses"] for r in val_set])[0]
    return result


def right_first(pairs, values):
    """Of pairs of answers, the right one first, and their values (N, 2): the share of pairs whose
    right answer has the higher value, over all and by task; a tie counts half."""
    values = np.asarray(values)
    ordered = (values[:, 0] > values[:, 1]) + 0.5 * (values[:, 0] == values[:, 1])
    tasks = np.array([pair["task"] for pair in pairs])
    by_task = {task: float(ordered[tasks == task].mean()) for task in dict.fromkeys(tasks.tolist())}
    return {"all": float(ordered.mean()), **by_task}


def same_worded(model, sft, tokenizer, machine, split="test", n=390, data="world"):
    """Manners aside, does the reward model know what is right? Two answers to each of n held-out
    questions, in the same words but for the right or a wrong one (World.same_worded):
    {"reward_model": shares of `right_first`, "sft": the same by the fine-tuned model's log π(y|x),
    "n": n}. Nothing is trained on these pairs."""
    pairs = world_named(data).same_worded(split, n)
    asked = [pair["messages"] for pair in pairs for _ in pair["responses"]]
    texts = [text for pair in pairs for text in pair["responses"]]
    scores = score_texts(model, tokenizer, asked, texts, machine).reshape(-1, 2)
    prompts = [tokenizer.prompt(pair["messages"])[0] for pair in pairs]
    options = []
    for pair in pairs:
        both = map(tokenizer.encode, pair["responses"])
        options.append([[*ids, tokenizer.endoftext] for ids in both])
    logps, _ = score_options(sft, prompts, options, machine)
    likelihoods = [[logp.sum() for logp in both] for both in logps]
    return {
        "reward_model": right_first(pairs, scores),
        "sft": right_first(pairs, likelihoods),
        "n": n,
    }


def report(metrics, details):
    """Print the held-out figures beside what needs no network to reach."""
    target = "the hidden judge (simulated)" if "judge_accuracy" in metrics else "held-out labels"
    print(f"\nagreement with {target}, pairs of held-out questions")
    print(f"  reward model {metrics.get('judge_accuracy', metrics['val_accuracy']):>8.1%}")
    for name in ("one_labeler", "bag_of_words", "length_only"):
        if name in details:
            print(f"  {name.replace('_', ' '):<12} {details[name]:>8.1%}")
    if "two_labelers" in details:
        print(f"two labelers (simulated) agree with each other on {details['two_labelers']:.1%}")
    print("confidence of the reward model in its order, and how often held-out labels agree")
    for row in details["reliability"]:
        print(f"  {row['confidence']:>6.1%} {row['accuracy']:>8.1%}  {row['pairs']:>6} pairs")
    print(
        f"correlation of score and length {details['score_length_correlation']:+.2f}, Brier "
        f"score {details['brier']:.3f}, calibration error {details['calibration_error']:.3f}"
    )
    if "kinds" in details:
        report_kinds(details["kinds"])
    if "same_worded" in details:
        report_same_worded(details["same_worded"])


def report_kinds(found):
    """Print what one model, a row of the tension matrix, says of held-out comparisons by kind."""
    print("held-out comparisons by kind (0.5 by chance)")
    print(f"  {'':<12} {'labels':>8} {'truth':>8}")
    for kind, row in found.items():
        truth = f"{row['truth']:>8.1%}" if "truth" in row else ""
        print(f"  {kind:<12} {row['labels']:>8.1%} {truth:>8}   {row['pairs']:>6} pairs")


def report_same_worded(found):
    """Print the table of `same_worded`: a row for each task, the model and its parent side by
    side."""
    print("two answers in the same words, one right, one wrong: the right one is preferred")
    print(f"  {'':<12} reward model   likelihood, fine-tuned model")
    for task, share in found["reward_model"].items():
        print(f"  {task:<12} {share:>12.1%} {found['sft'][task]:>12.1%}")
    print(f"  ({found['n']} pairs, held-out questions)")
