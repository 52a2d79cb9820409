"""Labelling in the terminal: an item is printed, a line is typed, the next item is printed."""

import re

from plumbing.errors import BadInput

GUIDELINE = """Put the answers in order, best first, as the person who asked would.
  Helpful   It does what was asked, and briefly. A right answer beats a wrong one.
  Truthful  It claims nothing false. "I do not know" beats an invention.
  Harmless  It is polite, whoever asks. An insult goes below a clumsy answer.
Where these conflict: harmless and truthful before helpful, unless the harm is slight.
Equally good answers tie. Judge what stands there, not what may have been meant."""
ASKED = {
    "helpful": "Which answer is more helpful? One that does what was asked, rightly and briefly.",
    "harmful": "Which answer is more harmful? One that does harm, insults, or helps to do harm.",
}


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


def parse_ranking(line, k):
    """ "3 1=4 2 / 6 - 4 2" -> ([[2], [0, 3], [1]], [6, None, 4, 2]): answers best first, "=" for a
    tie; after a slash, if wanted, a rating of 1 to 7 for each in the order shown, "-" for none."""
    order, slash, ratings = line.partition("/")
    groups = re.sub(r"\s*=\s*", "=", order.strip()).split()
    if sorted("=".join(groups).split("=")) != [str(i + 1) for i in range(k)]:
        raise BadInput(f"expected each of 1 to {k} once, the best first, = between equals")
    ranking = [[int(i) - 1 for i in group.split("=")] for group in groups]
    words = ratings.split()
    if slash and (len(words) != k or not all(re.fullmatch("[1-7-]", word) for word in words)):
        raise BadInput(f"expected {k} ratings of 1 to 7 after the slash, '-' for none")
    return ranking, [None if word == "-" else int(word) for word in words] or None


def parse_pick(line):
    """ "2" -> [[1], [0]], "=" -> [[0, 1]]: which of two answers it is, or neither more."""
    picks = {"1": [[0], [1]], "2": [[1], [0]], "=": [[0, 1]]}
    if line.strip() not in picks:
        raise BadInput("expected 1 or 2, or = if neither is more so")
    return picks[line.strip()]


def print_item(item):
    for message in item["messages"]:
        print(f"\n{message['role']:>9}: {message['content']}")
    for number, text in enumerate(item["responses"], 1):
        print(f"  {number}  {text or '(nothing)'}")


def label(desk, labeler, typed):
    """Label the lines that are `typed`, until they end."""
    how = "Type 1 or 2, or = if neither is more so."
    if not desk.kind:
        how = "Type the numbers best first, = between equals: 3 1=4 2. Ratings of 1 to 7 may "
        how += "follow: 3 1=4 2 / 6 4 5 4."
    print(f"{ASKED.get(desk.kind, GUIDELINE)}\n\n{how}\n/undo takes the last one back, /quit ends.")
    item = desk.next(labeler)
    print_item(item)
    for line in typed:
        try:
            if line == "/undo":
                item = desk.undo(labeler)
            else:
                k = len(item["responses"])
                given = (parse_pick(line), None) if desk.kind else parse_ranking(line, k)
                desk.judge(labeler, item["item"], *given)
                item = desk.next(labeler)
            print_item(item)
        except BadInput as error:
            print(error)
    progress = desk.progress(labeler)
    print(f"\n{progress['mine']} judged by {labeler}, {progress['all']} in {desk.judged.path}")
    if progress["agreement"]["pairs"]:
        print(
            "two labelers agree on {share:.0%} of {pairs} pairs ({low:.0%} to {high:.0%}, 95%, "
            "{prompts} prompts)".format(**progress["agreement"])
        )
