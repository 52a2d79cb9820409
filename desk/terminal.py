"""Labelling in the terminal: an item is printed, a line is typed, the next item is printed."""

import re

from desk.shelf import world_of
from desk.words import refusal, words
from plumbing.errors import BadInput

ENGLISH = words("world")
MARKS = {"search": "(looks up: ", "result": " -> ", "content": ")\n"}  # before a part of an answer


def print_piece(text, part, before):
    """Print a piece of an answer after one of the part `before`; returns its part."""
    print((MARKS[part] if text and part != before else "") + text, end="", flush=True)
    return part if text else before


def print_answer(pieces):
    """Print an answer as `Shelf.speak` writes it, with what is looked up for it; returns its
    message."""
    said = {"search": "", "result": "", "content": ""}
    last = "content"
    for _, text, part in pieces:
        said[part] += text
        last = print_piece(text, part, last)
    print("" if last == "content" else ")", flush=True)
    if not said["result"]:
        said = {"content": said["content"]}
    return {"role": "assistant", **said}


def parse_ranking(line, k, t=ENGLISH):
    """ "3 1=4 2 / 6 - 4 2" -> ([[2], [0, 3], [1]], [6, None, 4, 2]): answers best first, "=" for a
    tie; after a slash, if wanted, a rating of 1 to 7 for each in the order shown, "-" for none."""
    order, slash, ratings = line.partition("/")
    groups = re.sub(r"\s*=\s*", "=", order.strip()).split()
    if sorted("=".join(groups).split("=")) != [str(i + 1) for i in range(k)]:
        raise BadInput(t("ranking_form", k=k))
    ranking = [[int(i) - 1 for i in group.split("=")] for group in groups]
    rated = ratings.split()
    if slash and (len(rated) != k or not all(re.fullmatch("[1-7-]", word) for word in rated)):
        raise BadInput(t("rating_form", k=k))
    return ranking, [None if word == "-" else int(word) for word in rated] or None


def parse_pick(line, t=ENGLISH):
    """ "2" -> [[1], [0]], "=" -> [[0, 1]]: which of two answers it is, or neither more."""
    picks = {"1": [[0], [1]], "2": [[1], [0]], "=": [[0, 1]]}
    if line.strip() not in picks:
        raise BadInput(t("pick_form"))
    return picks[line.strip()]


def print_item(item, t):
    for message in item["messages"]:
        print(f"\n{t(message['role']):>9}: {message['content']}")
    for number, text in enumerate(item["responses"], 1):
        print(f"  {number}  {text or t('nothing')}")


def label(desk, labeler, typed):
    """Label the lines that are `typed`, until they end."""
    world = world_of(desk.loaded.checkpoint)
    t = words(world)
    how = t("how_to_pick" if desk.kind else "how_to_rank")
    print(f"{t(desk.kind or 'guideline')}\n\n{how}\n{t('undo')}")
    item = desk.next(labeler)
    print_item(item, t)
    for line in typed:
        try:
            if line == "/undo":
                item = desk.undo(labeler)
            else:
                k = len(item["responses"])
                given = (parse_pick(line, t), None) if desk.kind else parse_ranking(line, k, t)
                desk.judge(labeler, item["item"], *given)
                item = desk.next(labeler)
            print_item(item, t)
        except BadInput as error:
            print(refusal(error, world))
    progress = desk.progress(labeler)
    counts = {"mine": progress["mine"], "all": progress["all"]}
    print(t("judged", labeler=labeler, path=desk.judged.path, **counts))
    if progress["agreement"]["pairs"]:
        print(t("agree", **progress["agreement"]))
