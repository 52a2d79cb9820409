"""Conversations and their comparisons, from the formats that people's data come in, in one schema.

    read_demonstrations  messages, Alpaca, prompt/completion, ShareGPT, ...         fine-tuning
    read_comparisons     comparisons, TRL preference, HH transcripts, K-way ranks,
                         two answers and which is better                            reward model
    read_prompts         all of these, prompts alone, text with a prompt a line     PPO, labelling

A format is told from a record's keys: to read another, add its keys to QUESTIONS, or with a
converter to DEMONSTRATIONS or COMPARISONS. A record that is well formed but of no use (an empty
answer, a pair with two different prompts) is left out and counted.
"""

import re
from functools import partial
from os.path import commonprefix
from pathlib import Path

from data.files import read_text
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
from data.rows import (
    LeftOut,
    expect,
    field,
    header_of,
    read_records,
    single,
    table_rows,
    tell_prose,
)
from plumbing.errors import BadInput


# --- demonstrations: {"messages": [user, assistant, ...], "source": ...} -------------------------
def read_demonstrations(path):
    """Demonstrations as Records. A pair's chosen answer, only the better of two, is refused."""
    records = read_records(path, DEMONSTRATIONS, unread=unread)
    for record in records:
        record["source"] = record["source"] or Path(path).name  # its own, or the file's name
    return records


def demonstration(messages, row):
    """The record, if it is of use."""
    check_turns(messages, "assistant")
    for turn in messages:
        if not turn["content"].strip():
            raise LeftOut("empty prompt" if turn["role"] == "user" else "empty answer")
    # KTO's data mark answers that people rejected.
    if any(str(row.get(key)).lower() == "false" for key in ("label", "kto_tag")):
        raise LeftOut("rejected completion")
    source = row.get("source")
    return {"messages": messages, "source": source if isinstance(source, str) else ""}


def searches(records):
    """Is anything looked up in these conversations?"""
    return any("search" in turn for record in records for turn in record["messages"])


def check_evidence(records, tokenizer, path):
    """Refuse conversations in which something is looked up where a model has no tokens for it."""
    if searches(records) and not tokenizer.evidence:
        raise BadInput(
            f"{path}: something is looked up in it ('search', 'result'), and the model was never "
            "taught to; begin with one of sft.py --n_evidence=8000, or of sft.py on such a file"
        )


def from_dialogue(key, row):
    return demonstration(asked(row, key), row)


def from_sharegpt(key, row):
    """Scraped dialogues may begin or end in the middle: the complete exchanges are kept."""
    messages = asked(row, key)
    start = 1 if messages and messages[0]["role"] == "assistant" else 0
    messages = messages[start : start + (len(messages) - start) // 2 * 2]
    if not messages:
        raise LeftOut("no complete exchange")
    return demonstration(messages, row)


def from_question(prompt, answer, row):
    for other, its_answer in QUESTION.items():
        own = its_answer != answer and its_answer in row  # it is a pair of its own
        if other not in (prompt, *BESIDE) and row.get(other) and not own:
            check_alike(row, prompt, other)
    record = demonstration(dialogue(row, prompt, answer), row)
    if answer == "completion" and str(row.get("label")) == "0":  # KTO's false, as a number
        raise LeftOut("rejected completion")
    return record


def check_alike(row, one, other):
    """Two prompts, of which one would be lost without a word, are refused."""
    if one in row and not alike(row[one], row[other]):
        raise BadInput(f"'{one}' and '{other}' may both be the prompt: keep one of them")


def from_self_instruct(row):
    """One task with any number of cases."""
    cases = expect(row.get("instances"), list, "instances", "a list")
    if not cases:
        yield LeftOut("no instances")
    task = {"instruction": field(row, "instruction"), "source": row.get("source")}
    for i, case in enumerate(cases):
        expect(case, dict, f"instances[{i}]", "an object")
        yield from single(partial(from_question, "instruction", "output"))({**case, **task})


def from_pair(row):
    """The better of two answers is no demonstration of a good one."""
    raise BadInput("holds comparisons, not demonstrations: use reward.py --data=FILE")


KINDS = ("helpful", "harmless")  # of comparisons (HH-RLHF, Bai et al. 2022a)
UNSAID = ("p", "kind")  # null says as little of them as their absence
PAIRS = ("chosen rejected", "preferred_output non_preferred_output")
RANKS = ("responses ranking", "responses p", "completion_0 ranking")
# Two answers, and the column that says which is the better: prompt,answer_a,answer_b,better.
VERDICTS = ("answer_a answer_b better", "answer_a answer_b winner")
VERDICTS += ("response_a response_b better", "response_a response_b winner")
# The keys of a question and of its answer.
QUESTIONS = (
    "instruction output",
    "instruction response",
    "instruction answer",
    "prompt completion",
    "prompt response",
    "prompt output",
    "prompt answer",
    "question answer",
    "question response",
    "question output",
    "query response",
    "query answer",
    "input output",
    "q a",
    "질문 답변",
)
DEMONSTRATIONS = {
    **dict.fromkeys((*PAIRS, *RANKS, *VERDICTS), from_pair),
    "messages": single(partial(from_dialogue, "messages")),
    "conversations": single(partial(from_sharegpt, "conversations")),
    "conversation": single(partial(from_sharegpt, "conversation")),
    "instruction instances": from_self_instruct,
    **{keys: single(partial(from_question, *keys.split())) for keys in QUESTIONS},
}


# --- comparisons: {"messages", "responses", "ranking", ...} --------------------------------------
def read_comparisons(path):
    """Comparisons as Records. Ours keep all their keys, others `labeler`, `source`, `p`, `kind`."""
    return read_records(path, COMPARISONS, unread=unread)


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


READ = {*QUESTION, *QUESTION.values(), *DIALOGUES, *BESIDE, *SYSTEM, *HISTORY, "instances"}
READ |= {"principle"}  # it stands beside what a constitution made (constitution.py)
READ |= {word for keys in (*COMPARISONS, *QUESTIONS) for word in keys.split()}


def unread(row):
    """The keys of a row, not of our own comparisons, that hold sentences which no reader here
    knows: what they say is not learned, and that is told."""
    ours = "responses" in row
    keys = [] if ours else [key for key in row if not re.fullmatch(r"completion_\d+", key)]
    return [
        key for key in keys if key not in READ and is_said(key, row[key]) and " " in str(row[key])
    ]


# --- prompts: {"messages": [..., user]} ----------------------------------------------------------
def read_prompts(path):
    """Conversations up to a user's turn, as Records of {"messages"}: the prompts of demonstrations
    or of comparisons, prompts alone, or a text with one prompt a line."""
    text = read_text(path)
    if text.lstrip()[0] in "[{":
        return read_records(path, PROMPTS)
    if set(header_of(text)) & {*QUESTION, "text"}:
        return read_records(path, PROMPTS, table_rows(path, text, fewest=1))
    tell_prose(path, text, "each of its lines is a prompt", "prompt or question")
    lines = enumerate(text.split("\n"), 1)
    rows = [(f"line {number}", {"prompt": line.strip()}) for number, line in lines if line.strip()]
    return read_records(path, PROMPTS, rows)


def from_prompt(key, row):
    """A conversation that ends with the user's turn, or of a demonstration the same."""
    messages = asked(row, key)
    if messages and messages[0]["role"] == "assistant":  # a scraped dialogue's
        messages = messages[1:]
    if messages and messages[-1]["role"] == "assistant":
        return {"messages": demonstration(messages, row)["messages"][:-1]}
    check_turns(messages, "user")
    if not all(turn["content"].strip() for turn in messages):
        raise LeftOut("empty prompt")
    return {"messages": messages}


def without_answer(convert, row):
    """What `convert` makes of a row, up to the last user's turn."""
    for record in convert(row):
        if isinstance(record, dict):
            messages = record["messages"]
            record = {"messages": messages[: len(messages) - (messages[-1]["role"] != "user")]}
        yield record


PROMPTS = {
    **{keys: partial(without_answer, convert) for keys, convert in COMPARISONS.items()},
    **{key: single(partial(from_prompt, key)) for key in DIALOGUES},
    **{
        keys: partial(without_answer, DEMONSTRATIONS[keys])
        for keys in ("instruction instances", *QUESTIONS)
    },
    **{key: single(partial(from_prompt, key)) for key in (*QUESTION, "text")},
}
