"""Multiple-choice questions, from the layouts that they come in, in one schema.

    {"question": text, "choices": [texts, at least two], "answer": index of the right one}

    question, choices, answer       one JSON object a line; the answer as an index, as a letter (A
                                    is the first) or as the text of a choice. MMLU's JSON is this.
    question, choices, answerKey    ARC, with labels beside the texts, or inside of the question
    input, target_scores            BIG-bench, HHH among it: {choice: 1 or 0}
    input, targets                  the same with choices and labels, each 1 or 0, in two lists
    six columns without a header    MMLU's CSV: question, A, B, C, D, letter

A layout is told from a record's keys, as in data/formats.py.
"""

import csv
from string import ascii_uppercase

from data.files import read_text
from data.rows import LeftOut, expect, field, read_records, single
from plumbing.errors import BadInput

MMLU = 6  # columns


def choice(question, choices, answer):
    """The record, if the question can be asked."""
    if not question:
        raise LeftOut("empty question")
    for number, text in enumerate(choices, 1):
        if not expect(text, str, "choices", "a list of texts").strip():
            raise BadInput(f"choice {number} is empty")
    choices = [text.strip() for text in choices]
    if len(choices) < 2:
        raise BadInput(f"choices: {len(choices)}; expected at least 2")
    if len(set(choices)) < len(choices):
        raise LeftOut("two choices are alike")
    return {"question": question, "choices": choices, "answer": answer}


def place(answer, choices, letters=ascii_uppercase):
    """The index of an answer that is given as an index, a choice's label, or its text."""
    if type(answer) is int and 0 <= answer < len(choices):
        return answer
    if answer in choices:
        return choices.index(answer)
    labels = list(letters[: len(choices)])
    if answer in labels:
        return labels.index(answer)
    raise BadInput(
        f"the answer {answer!r:.60} is none of the {len(choices)} choices: expected its index from "
        f"0, its label ({', '.join(labels)}) or its text"
    )


def from_choices(row):
    choices = expect(row["choices"], list, "choices", "a list of texts")
    return choice(field(row, "question"), choices, place(row["answer"], choices))


def from_arc(row):
    """ARC: {"text": [...], "label": [...]} beside the question, or a list of both in it."""
    question = row["question"]
    beside = row.get("choices")
    if isinstance(question, dict):
        found = expect(question.get("choices"), list, "question.choices", "a list of objects")
        question = field(question, "stem")
        beside = {"text": [], "label": []}
        for one in found:
            expect(one, dict, "question.choices", "a list of objects")
            for key in beside:
                beside[key].append(field(one, key))
    expect(question, str, "question", "text, or an object with a stem")
    expect(beside, dict, "choices", "an object with text and label")
    texts = expect(beside.get("text"), list, "choices.text", "a list of texts")
    labels = expect(beside.get("label"), list, "choices.label", "a list of texts")
    if len(texts) != len(labels):
        raise BadInput(f"choices: {len(texts)} texts and {len(labels)} labels")
    key = field(row, "answerKey")
    if key not in labels:
        raise BadInput(f"'answerKey': {key!r:.60} is none of the labels {', '.join(labels):.60}")
    return choice(question.strip(), texts, labels.index(key))


def from_targets(row):
    """BIG-bench: every choice with its score; the right one is the only one with the highest."""
    scores = expect(row["target_scores"], dict, "target_scores", "an object {choice: score}")
    for text, score in scores.items():
        expect(score, (int, float), f"target_scores.{text:.40}", "a number")
    best = [text for text, score in scores.items() if score == max(scores.values())]
    if len(best) > 1:
        raise LeftOut("several choices are right")
    # Their inputs end where a human has spoken; their choices are what is said next.
    return choice(field(row, "input"), list(scores), list(scores).index(best[0]))


def from_lists(row):
    """HHH as data sets are loaded today: {"choices": [...], "labels": [1, 0]}."""
    targets = expect(row["targets"], dict, "targets", "an object with choices and labels")
    texts = expect(targets.get("choices"), list, "targets.choices", "a list of texts")
    labels = expect(targets.get("labels"), list, "targets.labels", "a list of 1 and 0")
    known = all(label in (0, 1) for label in labels) and 1 in labels
    if len(texts) != len(labels) or not known:
        found = f"{len(texts)} choices and the labels {labels!r:.60}"
        raise BadInput(f"'targets': {found}; expected a 1 for the right one, 0 for the others")
    if labels.count(1) > 1:
        raise LeftOut("several choices are right")
    return choice(field(row, "input"), texts, labels.index(1))


CHOICES = {
    "question choices answer": single(from_choices),
    "question answerKey": single(from_arc),
    "input target_scores": single(from_targets),
    "input targets": single(from_lists),
}


def mmlu_rows(path, text):
    """(place, row) of MMLU's CSV, which has no header."""
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    try:
        first = 1
        for cells in reader:
            if cells and len(cells) != MMLU:
                raise csv.Error(f"columns: {len(cells)}; expected question, A, B, C, D, letter")
            if cells:
                question, *choices, letter = cells
                row = {"question": question, "choices": choices, "answer": letter.strip()}
                yield f"line {first}", row
            first = reader.line_num + 1
    except csv.Error as error:
        raise BadInput(f"{path}, line {first}: expected JSON, or MMLU's CSV ({error})") from None


def read_choices(path):
    """Multiple-choice questions as Records; told what was left out, and why."""
    text = read_text(path)
    rows = None if text.lstrip()[0] in "[{" else mmlu_rows(path, text)
    return read_records(path, CHOICES, rows=rows)
