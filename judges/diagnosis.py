"""What a reward model's accuracy hides: is it as sure as it is right, does it count words, and what
do baselines without a network reach on the same pairs?"""

import numpy as np

from judges.agreement import accuracy, bag_of_words, pairs_of, places
from judges.exam import gold
from judges.labelers import agreement


def reliability(margins, wins):
    """How often the model's order is right where it is so and so sure, in five steps of confidence:
    the table, the calibration error (mean distance between the two), the Brier score."""
    p = 1 / (1 + np.exp(-np.abs(margins)))  # confidence, from 0.5 to 1
    right = (margins > 0) == wins
    bins = np.minimum(((p - 0.5) * 10).astype(int), 4)
    table, error = [], 0.0
    for b in range(5):
        here = bins == b
        if here.any():
            row = {"confidence": float(p[here].mean()), "accuracy": float(right[here].mean())}
            row["pairs"] = int(here.sum())
            table.append(row)
            error += abs(row["confidence"] - row["accuracy"]) * row["pairs"] / len(p)
    return table, error, float(np.mean((p - right) ** 2))


def diagnose(values, train_set, val_set):
    """Of held-out comparisons and the model's scores of their answers, a (K,) array each: {name:
    figure}. Of the tiny world the truth is the hidden judge's order (simulated), else the labels.
    """
    table, error, brier = reliability(*pairs_of(val_set, values, places))
    lengths = []
    for record in val_set:
        lengths.append(np.array([len(text.split()) for text in record["responses"]], float))
    in_world = "answers" in val_set[0]
    truth = gold if in_world else places
    words = np.concatenate(lengths)
    related = np.corrcoef(np.concatenate(values), words)[0, 1] if words.std() else 0.0
    result = {
        "reliability": table,
        "brier": brier,
        "calibration_error": error,
        "score_length_correlation": float(related),
        "length_only": accuracy(*pairs_of(val_set, [-n for n in lengths], truth)),
        "bag_of_words": accuracy(*pairs_of(val_set, bag_of_words(train_set, val_set), truth)),
    }
    if in_world:
        own = [-np.array(places(record), float) for record in val_set]
        result["one_labeler"] = accuracy(*pairs_of(val_set, own, gold))
        result["two_labelers"] = agreement(val_set, [r["responses"] for r in val_set])[0]
    return result
