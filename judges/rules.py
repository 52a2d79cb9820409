"""A rule model at work: how likely it is that an answer breaks a rule; best of n by both scores.

A rule model reads a dialogue, then the text of one rule, then says how sure it is that the rule is
broken (Sparrow's rule reward model, Glaese et al. 2022):

    <|user|> question <|assistant|> answer <|endoftext|> <|user|> the rule <|assistant|> -> score

A network that keeps its words (ours) reads the rule before the answer as well. What it finds
unlikely there counts as broken, and the scores of both add up:

    <|user|> question <|user|> the rule <|assistant|> answer <|endoftext|>
    <|user|> the rule <|assistant|> -> score

At this size the rule's text is a key that was learned, and not understood.
"""

from dataclasses import dataclass

import numpy as np
import torch

from insertion import answering
from judges.scores import score_texts
from likelihood import answer_scores, groups
from plumbing.errors import BadInput
from plumbing.machine import right_pad
from sampling import CONTEXT, load_model, respond


def rule_tokens(tokenizer, messages, wording, limit=CONTEXT, words=False):
    """A dialogue that ends with the assistant's turn, then a rule, as (ids, mask): the score is
    read at the last id, and mask is 1 on the answer's text and its end. Of more than `limit` tokens
    the left is lost. words: the rule stands before the answer as well.
    """
    *before, answer = messages
    if words:
        before = [*before, {"role": "user", "content": wording}]
    ids, _ = tokenizer.render([*before, answer])
    text = [*tokenizer.turn(answer["content"]), tokenizer.endoftext]
    rule = [tokenizer.user, *tokenizer.turn(wording), tokenizer.assistant]
    mask = [0] * (len(ids) - len(text)) + [1] * len(text) + [0] * len(rule)
    return [*ids, *rule][-limit:], mask[-limit:]


def rule_batch(tokenizer, rows, machine):
    """Rows of `rule_tokens`, right-padded, as `answer_scores` takes them: ids (N, T), the index of
    each row's last one (N,), and the mask of what follows (N, T−1)."""
    ids, masks = zip(*rows)
    last = torch.tensor([len(row) - 1 for row in ids])
    mask = right_pad([row[1:] for row in masks], 0)
    return tuple(map(machine.put, (right_pad(ids, tokenizer.pad), last, mask)))


def keeps_words(model):
    """Does a network of rules.py have its word head beside the scalar?"""
    return model.config.head == "reward"


@torch.no_grad()
def rule_scores(model, tokenizer, dialogues, wordings, machine, limit=CONTEXT):
    """What one network says of each dialogue by each rule: (N, rules) float32. Several rules are as
    many rows, each read by itself."""
    model.eval()
    limit = model.config.room(limit)
    words = keeps_words(model)
    rows = [rule_tokens(tokenizer, m, w, limit, words) for m in dialogues for w in wordings]
    scores = np.empty(len(rows), dtype=np.float32)
    for some in groups([len(ids) for ids, _ in rows]):
        batch = rule_batch(tokenizer, [rows[i] for i in some], machine)
        with machine.autocast():
            scores[some] = answer_scores(model, *batch).cpu()
    return scores.reshape(len(dialogues), len(wordings))


def answered(asked, texts):
    """Conversations up to a user's turn, each with its answer, and its evidence, at the end."""
    return [[*m, answering(t)] for m, t in zip(asked, texts)]


@dataclass
class RuleModel:
    """A checkpoint of rules.py: its networks, whose scores add up, its tokenizer, its rules as
    {name: [wordings]}."""

    networks: list
    tokenizer: object
    rules: dict

    def scores(self, dialogues, wordings, machine, limit=CONTEXT):
        """log p/(1 − p) that each dialogue breaks each rule: (N, rules) float32."""
        given = self.tokenizer, dialogues, wordings, machine, limit
        return sum(rule_scores(network, *given) for network in self.networks)

    def of_answers(self, asked, texts, machine):
        """`scores` of answers to conversations, by each rule in its first wording."""
        wordings = [wordings[0] for wordings in self.rules.values()]
        return self.scores(answered(asked, texts), wordings, machine)

    def broken(self, asked, texts, machine):
        """p(broken) of answers to conversations, by each rule: (N, rules)."""
        scores = self.of_answers(asked, texts, machine)
        return 1 / (1 + np.exp(-scores.astype(np.float64)))


def rules_of(checkpoint, path):
    """{name: [wordings]} of a checkpoint; BadInput where it is not as rules.py writes it."""
    rules = checkpoint.get("rules")
    if not isinstance(rules, dict) or not rules:
        raise BadInput(f"{path}: a rule model without its rules; make it again with rules.py")
    for name, wordings in rules.items():
        if not isinstance(name, str) or not isinstance(wordings, list) or not wordings:
            raise BadInput(f"{path}: a rule model whose rules are no texts")
        if not all(isinstance(wording, str) for wording in wordings):
            raise BadInput(f"{path}: a rule model whose rules are no texts")
    return rules


def as_rule_model(checkpoint, path, machine):
    """The RuleModel of a checkpoint of rules.py."""
    rules = rules_of(checkpoint, path)
    held = [checkpoint]
    if "words" in checkpoint:
        held.append(of_second_network(checkpoint, path))
    networks = []
    for one in held:
        model, tokenizer = load_model(one, path, dropout=0.0)
        networks.append(model.to(machine.device).eval().requires_grad_(False))
    return RuleModel(networks, tokenizer, rules)


def of_second_network(checkpoint, path):
    """The same checkpoint as one of its second network, which keeps its words."""
    words = checkpoint["words"]
    if not {"alpha", "scalar_head.weight", "scalar_head.bias"} <= words.keys():
        raise BadInput(f"{path}: a rule model whose second network gives no score")
    config = {**checkpoint["model_config"], "head": "reward"}
    return {**checkpoint, "model": words, "model_config": config}


# --- best of n -----------------------------------------------------------------------------------


def combined(preference, broken):
    """Sparrow's score of n answers to one question: preference (n,) and broken (n, rules), each
    probability of a rule being broken, as lists or arrays -> an array (n,) in float64.

        e^R / (e^R + e^AVG(R)) · Π_i (1 − p_i)        R: preference, p_i: rule i is broken

    The first factor is σ(R − AVG(R)). Ours, where the paper's text is not at hand: AVG is the mean
    over these n answers, and the product has no root over the number of rules.
    """
    preference = np.asarray(preference, dtype=np.float64)
    kept = 1 - np.asarray(broken, dtype=np.float64)
    return kept.prod(-1) / (1 + np.exp(preference.mean() - preference))


def rate(asked, texts, machine, reward=None, rule_model=None):
    """preference (N,) and p(broken) (N, rules) of answers to conversations. reward: a Loaded reward
    model or None, for which all answers are alike; rule_model: a RuleModel or None, for which no
    rule is broken."""
    preference = np.zeros(len(texts))
    broken = np.zeros((len(texts), 0))
    if reward:
        preference = score_texts(reward.model, reward.tokenizer, asked, texts, machine)
    if rule_model:
        broken = rule_model.broken(asked, texts, machine)
    return preference, broken


def rank(messages, texts, ended, machine, reward=None, rule_model=None):
    """Answers to one conversation, the best first: [{"text", "score", "preference", "broken"}],
    "broken" as {rule: p}. Those that did not end stand behind all that did; of equal texts one is
    kept."""
    places = {str(answering(text)): i for i, text in reversed(list(enumerate(texts)))}
    texts = [texts[i] for i in places.values()]
    ended = [ended[i] for i in places.values()]
    preference, broken = rate([messages] * len(texts), texts, machine, reward, rule_model)
    names = list(rule_model.rules) if rule_model else []
    rows = []
    for i, score in enumerate(combined(preference, broken)):
        risks = dict(zip(names, broken[i].tolist()))
        row = {"text": texts[i], "score": float(score), "preference": float(preference[i])}
        rows.append({**row, "broken": risks, "ended": ended[i]})
    return sorted(rows, key=lambda row: (not row["ended"], -row["score"]))


def best_of_n(model, tokenizer, asked, machine, n, seed=0, **judges):
    """Of `n` sampled answers to each conversation, the one with the best score of those that ended:
    the texts, and whether they ended. judges: as in `rate`."""
    many = [messages for messages in asked for _ in range(n)]
    texts, ended = respond(model, tokenizer, many, machine, seed=seed)
    preference, broken = rate(many, texts, machine, **judges)
    best = []
    for i in range(0, len(many), n):
        scores = combined(preference[i : i + n], broken[i : i + n])
        best.append(i + int(np.argmax(scores - 2.0 * ~np.array(ended[i : i + n]))))
    return [texts[i] for i in best], [ended[i] for i in best]


def tell(row):
    """What decided about an answer, in one line: its scores, and the rule most at risk."""
    told = f"score {row['score']:.3f}, preference {row['preference']:+.2f}"
    if row["broken"]:
        worst = max(row["broken"], key=row["broken"].get)
        told += f", most at risk: {worst} {row['broken'][worst]:.0%}"
    if evidence := getattr(row["text"], "evidence", {}):
        told += f", looked up: {evidence['search']} -> {evidence['result']}"
    return told if row["ended"] else told + ", cut off"
