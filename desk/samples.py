"""Several answers of each checkpoint to one question: how many are right, how many rude, and what
the reward model gives them, each with its 95% interval. One answer tells little about a model that
draws its words.
"""

import secrets

from desk.shelf import marked, world_of
from judges.facts import is_rude
from plumbing.records import t_interval, wilson
from sampling import COLDEST, as_text, fit_one, recent

MOST = 20  # answers of a checkpoint to one question


def draw(shelf, loaded, ids, stop, n, limit, **settings):
    """Sample n answers to one prompt, side by side: yields how many tokens long they are by now,
    and at last the answers themselves, n lists of ids."""
    answers = [[] for _ in range(n)]
    steps = shelf.steps(loaded, [ids] * n, limit, shelf.lookup, stop=stop, **settings)
    for length, step in enumerate(steps, 1):
        for answer, token in zip(answers, step):
            if token is not None:
                answer.append(token)
        yield length
    yield answers


def compare_samples(shelf, names, messages, n, limit, reward=None, reference=None, **settings):
    """n answers of each of several checkpoints to one conversation, as events: while they are
    written {"name", "length"}, and for each checkpoint at the end

    {"name", "answers": [{"text", "ended", "verdict", "rude", "reward", "kl"}], "fact", "n",
     "right", "rude", "reward", "kl"}.

    Shares are {"count", "of", "low", "high"}, means {"mean", "half"}, half the width of the
    interval; None where there is nothing to tell. What is likeliest has no second answer, so
    temperature 0 gives one.
    """
    if settings.get("temperature", 1.0) < COLDEST:
        n = 1
    seed = settings.pop("seed", 0) or secrets.randbits(32)
    for name in names:
        loaded = shelf.get(name)
        ids, stop, _ = recent(loaded, messages)
        ids, room = fit_one(loaded.model.config, ids, limit)
        for drawn in draw(shelf, loaded, ids, stop, n, room, seed=seed, **settings):
            if isinstance(drawn, int):
                yield {"name": name, "length": drawn}
        asked = loaded, messages, reward, reference
        answers = [judged(shelf, *asked, ids, stop) for ids in drawn]
        yield {"name": name, "answers": answers, "n": n, **summary(answers)}


def judged(shelf, loaded, messages, reward, reference, ids, stop):
    """What is said of one answer, given as ids."""
    steps = as_text(loaded.tokenizer, ([token] for token in ids), stop)
    tokens = [{"part": part} for token, _, part in steps if token is not None]
    event = {"ids": ids, "ended": ids[-1] in stop, "tokens": tokens}
    text, fact = marked(loaded, messages, event)
    return {
        "text": text.strip(),
        "ended": event["ended"],
        "verdict": fact and fact["verdict"],
        "fact": fact and fact["fact"],
        "rude": is_rude(text, world_of(loaded.checkpoint)),
        **shelf.figures(loaded, messages, event, reward, reference),
    }


def summary(answers):
    """Shares and means over some answers to one question, with the truth."""
    known = [a["verdict"] == "right" for a in answers if a["verdict"]]
    spoken = [a["rude"] for a in answers if a["rude"] is not None]
    return {
        "fact": next((a["fact"] for a in answers if a["fact"]), None),
        "right": share(known),
        "rude": share(spoken),
        "reward": mean([a["reward"] for a in answers]),
        "kl": mean([a["kl"] for a in answers]),
    }


def share(found):
    if not found:
        return None
    low, high = wilson(sum(found), len(found))
    return {"count": sum(found), "of": len(found), "low": max(0.0, low), "high": min(1.0, high)}


def mean(values):
    values = [value for value in values if value is not None]
    if not values:
        return None
    middle, half = t_interval(values)
    return {"mean": middle, "half": half if len(values) > 1 else None}
