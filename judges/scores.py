"""What PPO maximises: a reward model, the hidden judge, or any Python function.

A reward here is a function (questions, texts, ended, tokens, last, mask) -> scores (B,): the
questions as records, the answers as texts, whether each ended by itself, and both as tokens (B, T),
whose last real one stands at last (B,) and whose answers are where mask (B, T−1) is 1.
"""

import importlib
import math
import numbers
import sys

import numpy as np
import torch

from data.principles import COMPARISONS, own
from data.world.probes import RANKED
from insertion import answering
from judges.exam import verdicts
from likelihood import answer_scores, groups
from plumbing.errors import BadInput
from plumbing.inputs import supply
from sampling import CONTEXT, lay_out


def tokens_of(tokenizer, messages, text, limit):
    """A conversation up to a user's turn and an answer to it, as two lists of ids; what was looked
    up for the answer is of the first. Together they have at most `limit` tokens: what is longer
    loses its left."""
    answer = [*tokenizer.turn(text), tokenizer.endoftext]
    found, _ = tokenizer.looked_up(answering(text))
    ids = [*tokenizer.prompt(messages)[0], *found, *answer][-limit:]
    size = min(len(answer), len(ids) - 1)  # the first choice is made after a token
    return ids[:-size], ids[-size:]


def read_answers(records, tokenizer, max_len):
    """Every answer of N questions, each after its question.

    Returns the questions and the answers (N·K lists of ids each), and ranks (N, K) with −1 where a
    question has fewer than K answers (an empty answer stands there).
    """
    K = max(len(record["responses"]) for record in records)
    ranks = torch.full((len(records), K), -1)
    rows = []
    for n, record in enumerate(records):
        for place, group in enumerate(record["ranking"]):
            ranks[n, group] = place
        missing = K - len(record["responses"])
        for text in record["responses"] + [""] * missing:
            rows.append(tokens_of(tokenizer, record["messages"], text, max_len))
    questions, answers = zip(*rows)
    return questions, answers, ranks


def after_evidence(mask):
    """mask (B, T−1), 1 where the token that follows is the model's own -> the same of its answer
    alone, the last tokens in a row that are its own: evidence, and the query for it, are context.
    """
    places = torch.arange(1, mask.shape[1] + 1, device=mask.device)
    last = (mask * places).amax(1, keepdim=True)
    gap = ((mask == 0) * (places < last) * places).amax(1, keepdim=True)
    return mask * (places > gap)


@torch.no_grad()
def score_texts(model, tokenizer, asked, texts, machine, limit=CONTEXT):
    """The reward model's r(x, y) of answers as texts to conversations (lists of messages): (N,)."""
    model.eval()
    limit = model.config.room(limit)
    rows = [tokens_of(tokenizer, *row, limit) for row in zip(asked, texts)]
    scores = np.empty(len(rows), dtype=np.float32)
    for some in groups([len(prompt) + len(answer) for prompt, answer in rows]):
        tokens, mask, last = lay_out(*zip(*(rows[i] for i in some)), tokenizer.pad)
        batch = (machine.put(x) for x in (tokens, last, mask))
        with machine.autocast():
            scores[some] = answer_scores(model, *batch).cpu()
    return scores


@torch.no_grad()
def rescale(model, gain):
    """Multiply the reward of a model by `gain`, which is returned."""
    model.scalar_head.weight.mul_(gain)
    model.scalar_head.bias.mul_(gain)
    if model.config.head == "reward":
        model.alpha.mul_(gain)
    return gain


def model_reward(cfg, tokenizer, load):
    """The reward model's score of whole answers; and the network a value starts from: the reward
    model's trunk and scalar.

    `load(checkpoint)` makes a network of a checkpoint. Raises BadInput for another vocabulary.
    """
    options = [f"--init={cfg.init}", f"--seed={cfg.seed}"]
    if cfg.rules:
        options.append(f"--n_probes={RANKED}")
    if cfg.harms:
        options.append(f"--data={own(COMPARISONS, cfg.data)}")
    checkpoint = supply(cfg.reward, "reward.py", cfg.preset, ("reward",), *options)
    if checkpoint["tokenizer"] != tokenizer.to_json():
        raise BadInput(
            f"{cfg.reward} was trained with another vocabulary than {cfg.init}: train it "
            f"again with reward.py --init={cfg.init}"
        )
    model = load(checkpoint).eval().requires_grad_(False)

    def reward(questions, texts, ended, tokens, last, mask):
        return answer_scores(model, tokens, last, after_evidence(mask))

    return reward, load(checkpoint, head="scalar")


def open_reward(cfg, tokenizer, parent, load):
    """The reward of --reward and the network that a value starts from: the reward model's, or, for
    a function, `parent` with a head that says 0."""
    if cfg.reward.endswith(".pt"):
        return model_reward(cfg, tokenizer, load)
    return function_reward(cfg.reward), load(parent, head="scalar")


def judge_reward(questions, texts, ended, tokens, last, mask):
    """The hidden judge's own score: what a perfect reward model would say."""
    scores = [verdict["score"] for verdict in verdicts(questions, texts, ended)]
    return torch.tensor(scores, dtype=torch.float, device=tokens.device)


def no_reward(questions, texts, ended, tokens, last, mask):
    """All answers are alike to it."""
    return torch.zeros(len(texts), device=tokens.device)


def function_reward(name):
    """ "judge", "none" (for the rules alone), or `module:function` of (messages, response) ->
    number, from the current folder."""
    if name in ("judge", "none"):
        return judge_reward if name == "judge" else no_reward
    function = find(name)

    def reward(questions, texts, ended, tokens, last, mask):
        scores = [function(q["messages"], text) for q, text in zip(questions, texts)]
        for score in scores:
            if not isinstance(score, numbers.Real) or not math.isfinite(score):
                raise BadInput(f"--reward={name}: returned {score!r:.40}, not a finite number")
        return torch.tensor(scores, dtype=torch.float, device=tokens.device)

    return reward


def find(name):
    """The function `module:function`; BadInput when there is none."""
    module, _, attribute = name.partition(":")
    sys.path.insert(0, ".")
    try:
        function = getattr(importlib.import_module(module), attribute)
        if not callable(function):
            raise TypeError(f"{attribute} is no function")
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise BadInput(
            f"--reward={name}: {error}; expected a reward checkpoint (.pt), judge, none, "
            "or module:function"
        ) from None
    return function
