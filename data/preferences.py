"""Comparisons of answers, from the forms in which people's data come, in one schema:

    {"messages": [..., user], "responses": [text, ...], "ranking": [[best], [next, tied], ...]}

and, where they are told, "labeler", "source", "p" (the probability that response 0 is the better of
two), "kind". COMPARISONS says which keys make a record one of them; data/formats.py reads files.
"""

import re
from functools import partial
from os.path import commonprefix

from data.messages import (
    BESIDE,
    DIALOGUES,
    HISTORY,
    QUESTION,
    SYSTEM,
    alike,
    asked,
    check_turns,
    dialogue,
    reply,
)
from data.rows import LeftOut, expect, field, single
from plumbing.errors import BadInput

KINDS = ("helpful", "harmless")  # of comparisons (HH-RLHF, Bai et al. 2022a)
UNSAID = ("p", "kind")  # null says as little of them as their absence
PAIRS = ("chosen rejected", "preferred_output non_preferred_output")
RANKS = ("responses ranking", "responses p", "completion_0 ranking")
# Two answers, and the column that says which is the better: prompt,answer_a,answer_b,better.
VERDICTS = ("answer_a answer_b better", "answer_a answer_b winner")
VERDICTS += ("response_a response_b better", "response_a response_b winner")


def comparison(messages, responses, ranking, row):
    """The record, where `ranking` holds groups of indices into `responses`, the best first."""
    kept = {key: row[key] for key in ("labeler", "source") if key in row}
    if row.get("p") is not None:
        kept["p"] = probability(row["p"], len(responses))
        check_order(kept["p"], ranking)
    if row.get("kind") in KINDS:
        kept["kind"] = row["kind"]
    check_turns(messages, "user")
    if not 2 <= len(responses) <= 9:
        raise BadInput(f"expected 2 to 9 responses, found {len(responses)}")
    if not messages[-1]["content"].strip():
        raise LeftOut("empty prompt or reply")
    if len(ranking) > 1 and len(set(map(str.strip, responses))) == 1:
        raise LeftOut("equal replies")
    return {"messages": messages, "responses": responses, "ranking": ranking, **kept}


def probability(p, k):
    """`p`, the probability that response 0 is the better one of `k`, which have to be two."""
    if isinstance(p, bool) or not isinstance(p, (int, float)) or not 0 <= p <= 1:
        raise BadInput(f"'p': expected a probability from 0 to 1, found {p!r:.40}")
    if k != 2:
        raise BadInput(f"'p': how likely response 0 is the better of two; found {k} responses")
    return float(p)


def check_order(p, ranking):
    """Refuse a ranking of two responses that says another thing than p does."""
    first = ranking[0][0] if len(ranking) > 1 else None
    fits = {0: p >= 0.5, 1: p <= 0.5, None: p == 0.5}
    if not fits[first]:
        found = "ties the two" if first is None else f"puts response {first} first"
        raise BadInput(f"'p': response 0 is the better with {p:g}, but 'ranking' {found}")


def order_of(p):
    """The ranking of two responses of which the first is the better with probability p."""
    if p == 0.5:
        return [[0, 1]]
    return [[0], [1]] if p > 0.5 else [[1], [0]]


def check_alike(row, one, other):
    """Two prompts, of which one would be lost without a word, are refused."""
    if one in row and not alike(row[one], row[other]):
        raise BadInput(f"'{one}' and '{other}' may both be the prompt: keep one of them")


def key_of_prompt(row, needed=True):
    """The key under which a comparison keeps its prompt; without a known one, None or BadInput."""
    known = [key for key in (*DIALOGUES, *QUESTION) if row.get(key) not in (None, "", [])]
    if "input" in known and {*known} & {*QUESTION} > {"input"}:  # beside a question, part of it
        known.remove("input")
    for key in known:
        check_alike(row, known[0], key)
    empty = [key for key in (*DIALOGUES, *QUESTION) if key in row]
    if not known and not empty and needed:
        found = ", ".join(map(repr, row))[:200]
        expected = ", ".join((*QUESTION, *DIALOGUES))
        raise BadInput(f"which key holds the prompt? found {found}; expected one of {expected}")
    return next(iter(known or empty), None)


def from_comparison(row):
    given = expect(row.get("responses"), list, "responses", "a list of texts")
    responses = [expect(text, str, f"responses[{i}]", "text") for i, text in enumerate(given)]
    if row.get("p") is not None and "ranking" not in row:  # it tells the order of two as well
        row = {**row, "ranking": order_of(probability(row["p"], len(given)))}
    groups = expect(row.get("ranking"), list, "ranking", "groups of indices: [[1], [0, 2]]")
    ranked = [i for g in groups for i in expect(g, list, "ranking", "groups: [[1], [0, 2]]")]
    if any(type(i) is not int for i in ranked) or sorted(ranked) != [*range(len(given))]:
        raise BadInput("'ranking': expected every response once: [[1], [0, 2]]")
    if row.get("scores") is not None:
        scores = expect(row["scores"], list, "scores", "a list of ratings")
        wrong = [s for s in scores if s not in [None, *range(1, 8)] or s is True]
        if wrong or len(scores) != len(given):
            raise BadInput("'scores': expected for each response a rating of 1 to 7, or null")
    if row.get("kind") not in (None, *KINDS):
        raise BadInput(f"'kind': expected {' or '.join(KINDS)}, found {row['kind']!r:.40}")
    messages = asked(row, "messages" if "messages" in row else key_of_prompt(row))
    record = {**row, **comparison(messages, responses, [*filter(None, groups)], row)}
    return {key: value for key, value in record.items() if key not in UNSAID or value is not None}


def from_ranks(row):
    """completion_0, completion_1, ... where ranking[i] is the rank of completion_i, lowest best."""
    k = sum(bool(re.fullmatch(r"completion_\d+", key)) for key in row)
    responses = [field(row, f"completion_{i}") for i in range(k)]
    ranks = expect(row.get("ranking"), list, "ranking", "a list of ranks")
    if [type(rank) for rank in ranks] != [int] * k:
        raise BadInput(f"'ranking': expected {k} whole numbers, the rank of each completion")
    ranking = [[i for i in range(k) if ranks[i] == rank] for rank in sorted(set(ranks))]
    record = comparison(asked(row, key_of_prompt(row)), responses, ranking, row)
    if not all(responses):
        raise LeftOut("empty prompt or reply")
    return record


def from_verdict(a, b, verdict, row):
    """Two answers, of which a column names the better one, or calls them equal."""
    said = field(row, verdict).lower()
    said = {a: "a", b: "b", "model_a": "a", "model_b": "b", "equal": "tie"}.get(said, said)
    if not said:
        raise LeftOut(f"nothing in '{verdict}'")
    if said not in ("a", "b", "tie"):
        raise BadInput(f"'{verdict}': expected a, b or tie, found {row[verdict]!r:.40}")
    better, worse = (b, a) if said == "b" else (a, b)
    record = from_preference(better, worse, row)
    return {**record, "ranking": [[0, 1]]} if said == "tie" else record


def from_preference(chosen, rejected, row):
    """A chosen and a rejected answer to one prompt."""
    sides = split_pair(row, chosen, rejected)
    for side in sides:
        check_turns(side, "assistant")
    (*prompt, better), (*other, worse) = sides
    replies = [better["content"], worse["content"]]
    if prompt != other:
        raise LeftOut("different prompts")
    if not all(map(str.strip, [prompt[-1]["content"], *replies])):
        raise LeftOut("empty prompt or reply")
    return comparison(prompt, replies, [[0], [1]], row)


def split_pair(row, *pair):
    """The two dialogues as messages. Where no key holds the prompt, it is what the two share."""
    values = [row.get(key) for key in pair]
    if all(isinstance(value, list) for value in values):  # each may be a whole conversation
        both = [reply(row, key) for key in pair]
        if all(said and said[0]["role"] == "user" for said in both):
            prompt = next((key for key in QUESTION if isinstance(row.get(key), str)), None)
            return [dialogue(row, prompt, key) for key in pair]
    texts = [field(row, key) if isinstance(row.get(key), str) else "" for key in pair]
    same = commonprefix(texts)
    # A column of another name may hold the prompt; a transcript needs none.
    prompt = key_of_prompt(row, needed=not same.startswith("Human:") and bool(sentences(row, pair)))
    if prompt or not all(isinstance(value, str) for value in values):
        return [dialogue(row, prompt or "prompt", key) for key in pair]
    if same.startswith("Human:"):
        parts = [text.rpartition("\n\nAssistant:")[::2] for text in texts]
    else:  # answers that begin with the same letters must not lose them: go back to a word's end
        end = len(same) - len(re.match(r"\w*", same[::-1])[0])
        parts = [(text[:end], text[end:]) for text in texts]
    return [dialogue({**row, "prompt": p, "reply": r}, "prompt", "reply") for p, r in parts]


def sentences(row, pair):
    """The keys, other than the pair's and those of notes about it, that hold text or messages."""
    found = []
    for key, value in row.items():
        known = key in pair or key in (*SYSTEM, *HISTORY, *BESIDE)
        if not known and is_said(key, value):
            found.append(key)
    return found


def is_said(key, value):
    """Does a key hold text or messages, not a note about the record, which has a name that tells so
    and is short?"""
    note = NOTES.search(key.lower()) and len(str(value).split()) < 6
    return bool(value) and isinstance(value, (str, list, dict)) and not note


NOTES = re.compile(
    r"(^|[_-])(id|source|labell?er|annotator|dataset|categor(y|ies)|subset|split|type|task|model|"
    r"lang|language|date|time|hash|tags?|scores?|ratings?|margin|domain|topic|label|name|url)$"
)
COMPARISONS = {
    "responses ranking": single(from_comparison),
    "responses p": single(from_comparison),
    "completion_0 completion_1 ranking": single(from_ranks),
    **{keys: single(partial(from_preference, *keys.split())) for keys in PAIRS},
    **{keys: single(partial(from_verdict, *keys.split())) for keys in VERDICTS},
}
