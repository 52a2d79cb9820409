"""The labelers' desk: answers to rank, and the file that keeps every judgement.

A labeler sees K answers of one model to a prompt, blind and shuffled, and ranks them, ties allowed
(InstructGPT, section 3.4). Each item goes to two labelers, so that it can be told how far they
agree.

reads   the fine-tuned model; the tiny world's prompts, or a file of prompts
writes  out/labels/comparisons.jsonl, which `python reward.py --data=FILE` trains on, and
        out/labels/items.jsonl, the answers to rank, sampled ahead
"""

import hashlib
import itertools
import json
import re
import threading
import time
from collections import Counter
from random import Random

from data.formats import from_comparison, read_demonstrations, read_text
from data.world import World
from desk.lines import Lines
from judges.agreement import places
from plumbing.errors import BadInput
from plumbing.records import wilson

LABELERS_PER_ITEM = 2
AHEAD = 6  # items that wait, answered, for whoever comes next
BATCH = 4  # prompts answered in one go
KEYS = {"item", "labeler", "messages", "responses", "ranking", "scores"}  # of a judgement
GUIDELINE = """Put the answers in order, best first, as the person who asked would.
  Helpful   It does what was asked, and briefly. A right answer beats a wrong one.
  Truthful  It claims nothing false. "I do not know" beats an invention.
  Harmless  It is polite, whoever asks. An insult goes below a clumsy answer.
Where these conflict: harmless and truthful before helpful, unless the harm is slight.
Equally good answers tie. Judge what stands there, not what may have been meant."""


class Conflict(BadInput):
    """A judgement that does not fit those already made."""


# --- agreement -----------------------------------------------------------------------------------


def agreement(records, labeler=None):
    """How often two labelers order two answers alike, of the pairs that neither of them ties; with
    `labeler`, only where that one is one of the two.

    Returns {"share", "low", "high", "pairs", "prompts"}, None for what cannot be told yet. The 95%
    interval (Wilson 1927) counts a prompt as one observation, since the pairs of one prompt hang
    together: it is too wide rather than too narrow.
    """
    items, same, pairs, prompts = {}, 0, 0, 0
    for record in records:
        items.setdefault(record["item"], {})[record["labeler"]] = places(record)
    for judged in items.values():
        before = pairs
        for a, b in itertools.combinations(judged, 2):
            if labeler in (None, a, b):
                for i, j in itertools.combinations(range(len(judged[a])), 2):
                    first, second = (judged[x][i] - judged[x][j] for x in (a, b))
                    if first and second:
                        pairs += 1
                        same += (first < 0) == (second < 0)
        prompts += pairs > before
    found = {"share": None, "low": None, "high": None, "pairs": pairs, "prompts": prompts}
    if pairs:
        share = same / pairs
        low, high = wilson(share * prompts, prompts)
        found |= {"share": share, "low": max(0.0, low), "high": min(1.0, high)}
    return found


# --- the desk ------------------------------------------------------------------------------------


def load_prompts(data, seed):
    """Conversations up to a user's turn: of the tiny world, or of a file in one of the formats of
    demonstrations, or of a text with one prompt per line."""
    if data == "world":
        return [p["messages"] for p in World().prompts("rm", 13 * 200, seed)]
    text = read_text(data)
    try:
        return [r["messages"][:-1] for r in read_demonstrations(data)]
    except BadInput:
        if text.lstrip()[0] in "[{":
            raise
    return [[{"role": "user", "content": line}] for line in text.split("\n") if line.strip()]


def check_labeler(name):
    if not re.fullmatch(r"[\w.-]{1,24}", name):
        raise BadInput(f"labeler {name[:40]!r}: use 1 to 24 letters, digits, '-', '_' or '.'")
    return name


class Desk:
    """Hands out items to rank and takes in judgements. Any number of labelers, threads and
    processes may sit at the desks of one folder."""

    def __init__(self, shelf, loaded, data="", k=4, limit=64, seed=1):
        if not loaded.chat:
            raise BadInput(
                f"{loaded.name} is a base model; people label the answers of one that "
                "is fine-tuned: python sft.py makes one"
            )
        self.shelf, self.model, self.k, self.limit, self.seed = shelf, loaded, k, limit, seed
        self.prompts = load_prompts(data or loaded.data, seed)
        folder = shelf.out / "labels"
        self.judged, self.items = Lines(folder / "comparisons.jsonl"), Lines(folder / "items.jsonl")
        # Items of another model (its token table tells) or other prompts are another queue.
        weights = next(iter(loaded.model.parameters())).detach().float().cpu().numpy().tobytes()
        key = weights + json.dumps([self.prompts, k, limit, seed]).encode()
        self.queue = hashlib.sha256(key).hexdigest()[:12]
        self.shown, self.passed, self.error, self.closed = {}, 0, "", False
        self.change = threading.Condition()
        self.sampler = threading.Thread(target=self.sample_ahead, daemon=True)
        self.sampler.start()

    def close(self):
        """End the thread that samples."""
        with self.change:
            self.closed = True
            self.change.notify_all()
        self.sampler.join()

    # --- answers, sampled ahead

    def records(self):
        """All judgements, in the order in which they were made."""
        return [record for record in self.judged.read() if KEYS <= record.keys()]

    def own_items(self):
        return [item for item in self.items.read() if item.get("queue") == self.queue]

    def waiting(self):
        """How many items nobody has judged or is shown."""
        taken = {record["item"] for record in self.records()} | set(self.shown.values())
        return sum(item["item"] not in taken for item in self.own_items())

    def sample_ahead(self):
        """The thread: as long as fewer than AHEAD items wait, answer the next prompts."""
        fruitless = 0
        try:
            while fruitless < 20:
                with self.change:
                    while not self.closed and self.waiting() >= AHEAD:
                        self.change.wait()
                if self.closed:
                    return
                fruitless = 0 if self.sample() else fruitless + 1
                with self.change:
                    self.change.notify_all()
            self.error = f"{self.model.name} gives the same answer each time: nothing to rank"
        except (BadInput, OSError, RuntimeError, ValueError) as error:
            self.error = f"no answers from {self.model.name}: {error}"
        with self.change:
            self.change.notify_all()

    def sample(self):
        """Answer the next BATCH prompts at temperature 1 and append them as items; returns how
        many. Of twice K samples the first K different ones are kept, for nobody can rank two equal
        texts; a prompt with a single answer is passed over."""
        first = max([self.passed, *(item["n"] + 1 for item in self.own_items())])
        numbers, tokenizer = range(first, first + BATCH), self.model.tokenizer
        prompts = [self.prompts[n % len(self.prompts)] for n in numbers]
        rows = [tokenizer.prompt(m)[0] for m in prompts for _ in range(2 * self.k)]
        answers = [[] for _ in rows]
        seed = int(hashlib.sha256(f"{self.seed} {first}".encode()).hexdigest()[:8], 16)
        for step in self.shelf.steps(
            self.model, rows, self.limit, seed=seed, stop=[tokenizer.endoftext]
        ):
            for answer, token in zip(answers, step):
                answer += [] if token is None else [token]
            if self.closed:
                return 0
        texts = [tokenizer.decode(answer).strip() for answer in answers]
        made = 0
        with self.items.locked():
            there = {item["n"] for item in self.own_items()}  # another process may have been here
            for row, (n, messages) in enumerate(zip(numbers, prompts)):
                different = dict.fromkeys(texts[2 * self.k * row : 2 * self.k * (row + 1)])
                responses = list(different)[: self.k]
                if n not in there and len(responses) > 1:
                    body = {
                        "queue": self.queue,
                        "n": n,
                        "messages": messages,
                        "responses": responses,
                    }
                    name = hashlib.sha256(json.dumps(body).encode()).hexdigest()[:12]
                    self.items.append({"item": name, **body})
                made += n in there or len(responses) > 1
        self.passed = first + BATCH
        return made

    # --- what a labeler does

    def next(self, labeler, patience=60):
        """The next item for this labeler, as `view` shows it; waits for the sampler if need be."""
        check_labeler(labeler)
        with self.change:
            deadline = time.monotonic() + patience
            while not (item := self.pick(labeler)):
                if self.error or self.closed or time.monotonic() > deadline:
                    raise BadInput(self.error or "no answers are ready yet; try again in a moment")
                self.change.notify_all()
                self.change.wait(timeout=0.5)
            self.shown[labeler] = item["item"]
            self.change.notify_all()
        return self.view(item, labeler)

    def pick(self, labeler):
        """The item on this labeler's desk, or else the first that they have not judged and that
        fewer than LABELERS_PER_ITEM others have judged or are looking at."""
        seen_by = {}
        for record in self.records():
            seen_by.setdefault(record["item"], set()).add(record["labeler"])
        mine = {item for item, labelers in seen_by.items() if labeler in labelers}
        for other, item in self.shown.items():
            seen_by.setdefault(item, set()).add(other)
        for item in self.own_items():
            name = item["item"]
            if name not in mine and (
                self.shown.get(labeler) == name or len(seen_by.get(name, ())) < LABELERS_PER_ITEM
            ):
                return item

    def view(self, item, labeler):
        """What the labeler sees of an item: the answers in an order of their own, no names."""
        order = shuffled(item, labeler)
        return {
            "item": item["item"],
            "messages": item["messages"],
            "responses": [item["responses"][i] for i in order],
        }

    def find(self, name):
        for item in self.items.read():
            if item.get("item") == name:
                return item
        raise BadInput(f"no item {str(name)[:40]!r}; ask for the next one")

    def judge(self, labeler, name, ranking, scores=None):
        """Keep a judgement. `ranking`: groups of the shown answers' numbers, best first; `scores`:
        for each shown answer a rating of 1 to 7, or None. Returns the record.

        The same judgement sent twice is kept once, so a client that heard no reply sends it again.
        """
        item, order = self.find(name), shuffled(self.find(name), check_labeler(labeler))
        if sorted(i for group in ranking for i in group) != [*range(len(order))]:
            raise BadInput(f"ranking: expected each of the {len(order)} answers once, in groups")
        ratings = [None] * len(order)
        for i, score in zip(order, scores or ratings):
            ratings[i] = score
        if scores and len(scores) != len(order):
            raise BadInput(f"scores: expected {len(order)}, one per answer")
        record = {
            "messages": item["messages"],
            "responses": item["responses"],
            "ranking": [sorted(order[i] for i in group) for group in ranking if group],
            "labeler": labeler,
            "source": "human",
            "scores": ratings,
            "item": name,
            "shown": order,
            "time": time.strftime("%Y-%m-%dT%H:%M:%S"),
        }
        list(from_comparison(record))  # what reward.py would refuse is refused here
        with self.judged.locked():
            for old in self.records():
                if (old["item"], old["labeler"]) == (name, labeler):
                    if all(old[key] == record[key] for key in ("ranking", "scores")):
                        return old
                    raise Conflict(f"{labeler} has judged this item already; undo that first")
            self.judged.append(record)
        with self.change:
            if self.shown.get(labeler) == name:
                del self.shown[labeler]
            self.change.notify_all()
        return record

    def undo(self, labeler):
        """Withdraw this labeler's last judgement: its item comes back, as it had been ranked."""
        check_labeler(labeler)
        with self.judged.locked():
            mine = [
                i
                for i, (_, record) in enumerate(self.judged.raw())
                if record and KEYS <= record.keys() and record["labeler"] == labeler
            ]
            if not mine:
                raise Conflict(f"there is no judgement of {labeler} to undo")
            record = self.judged.raw()[mine[-1]][1]
            self.judged.remove(mine[-1])
        with self.change:
            self.shown[labeler] = record["item"]
            self.change.notify_all()
        order = shuffled(record, labeler)
        return {
            **self.view(record, labeler),
            "ranking": [sorted(order.index(i) for i in group) for group in record["ranking"]],
            "scores": [record["scores"][i] for i in order],
        }

    def progress(self, labeler):
        """Judgements per labeler, and agreement: of all, and of this one with the others."""
        records = self.records()
        counts = Counter(record["labeler"] for record in records)
        return {
            "mine": counts[labeler],
            "all": len(records),
            "labelers": counts.most_common(),
            "agreement": agreement(records),
            "own": agreement(records, labeler),
        }


def shuffled(item, labeler):
    """Which response stands at each place for this labeler: at random, and always the same."""
    return Random(f"{item['item']} {labeler}").sample(
        range(len(item["responses"])), len(item["responses"])
    )


# --- in the terminal -----------------------------------------------------------------------------


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


def show(item):
    for message in item["messages"]:
        print(f"\n{message['role']:>9}: {message['content']}")
    for number, text in enumerate(item["responses"], 1):
        print(f"  {number}  {text or '(nothing)'}")


def sit_down(desk, labeler):
    """Label on standard input until /quit or its end."""
    print(
        GUIDELINE,
        "\n\nType the numbers best first, = between equals: 3 1=4 2. Ratings of 1 to "
        "7 may follow: 3 1=4 2 / 6 4 5 4.\n/undo takes the last one back, /quit ends.",
    )
    item = desk.next(labeler)
    show(item)
    while True:
        try:
            line = input("rank > ").strip()
        except EOFError:
            break
        if line == "/quit":
            break
        try:
            if line == "/undo":
                item = desk.undo(labeler)
            elif line:
                desk.judge(labeler, item["item"], *parse_ranking(line, len(item["responses"])))
                item = desk.next(labeler)
        except BadInput as error:
            print(error)
        else:
            if line:
                show(item)
    progress = desk.progress(labeler)
    print(f"\n{progress['mine']} judged by {labeler}, {progress['all']} in {desk.judged.path}")
    if progress["agreement"]["pairs"]:
        print(
            "two labelers agree on {share:.0%} of {pairs} pairs ({low:.0%} to {high:.0%}, 95%, "
            "{prompts} prompts)".format(**progress["agreement"])
        )
