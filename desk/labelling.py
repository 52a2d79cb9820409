"""The labelers' desk: answers to rank, and the file that keeps every judgement.

A labeler sees K answers of one model to a prompt, blind and shuffled, and ranks them, ties allowed
(InstructGPT, section 3.4). Each item goes to two labelers, so that it can be told how far they
agree. Or one question is asked of two answers (HH-RLHF, Bai et al. 2022a, section 2): which is more
helpful, or, after somebody tried to make the model do harm, which is more harmful.

reads   the fine-tuned model; the tiny world's prompts, or a file of prompts
writes  out/labels/comparisons.jsonl, which `python reward.py --data=FILE` trains on,
        out/labels/items.jsonl, the answers to rank, and handed.jsonl, who was given which
"""

import hashlib
import itertools
import json
import re
import threading
import time
from collections import Counter, defaultdict
from random import Random
from unicodedata import normalize

from data.formats import read_prompts
from data.preferences import from_comparison
from data.world import world_named
from data.world.languages import LANGUAGES
from data.world.probes import Probes
from desk.lines import Lines
from judges.agreement import pairs_of, places
from plumbing.errors import BadInput
from plumbing.records import wilson
from sampling import fit

LABELERS_PER_ITEM = 2
BATCH = 4  # prompts answered in one go
TRIES = 20  # batches without two different answers to a prompt, after which the desk gives up
PROMPTS = 13 * 200  # of the tiny world that a desk asks
KEYS = {"item", "labeler", "messages", "responses", "ranking", "scores"}  # of a judgement
# What is asked of two answers: the kind of comparison that it makes.
KINDS = {"helpful": "helpful", "harmful": "harmless"}


class Conflict(BadInput):
    """A judgement that does not fit those already made."""


# --- agreement between labelers ------------------------------------------------------------------


def labelers_agree(records, labeler=None):
    """How often two labelers order two answers alike, of the pairs that neither of them ties; with
    `labeler`, only where that one is one of the two.

    Returns {"share", "low", "high", "pairs", "prompts"}, None for what cannot be told yet. The 95%
    interval (Wilson 1927) counts a prompt as one observation, since the pairs of one prompt hang
    together: it is too wide rather than too narrow.
    """
    judged = {}  # item -> labeler -> record
    for record in records:
        judged.setdefault(record["item"], {})[record["labeler"]] = record
    alike, prompts = [], 0
    for by in judged.values():
        before = len(alike)
        for a, b in itertools.combinations(by, 2):
            if labeler in (None, a, b):
                margins, wins = pairs_of([by[b]], [places(by[a])], places)
                alike += [(margin < 0) == won for margin, won in zip(margins, wins) if margin]
        prompts += len(alike) > before
    share = low = high = None
    if alike:
        share = float(sum(alike) / len(alike))
        low, high = (min(1.0, max(0.0, x)) for x in wilson(share * prompts, prompts))
    return {"share": share, "low": low, "high": high, "pairs": len(alike), "prompts": prompts}


# --- the desk ------------------------------------------------------------------------------------


def load_prompts(data, seed, kind=""):
    """Conversations up to a user's turn: of the tiny world, or of a file (data.formats). Harm is
    looked for where somebody asks for it: in attacks on rules."""
    if data not in LANGUAGES:
        prompts = read_prompts(data)
    elif kind == "harmful":
        prompts = Probes(world_named(data)).probes("train", PROMPTS, seed)
    else:
        prompts = world_named(data).asked_of("rm", PROMPTS, seed)
    return [prompt["messages"] for prompt in prompts]


def check_labeler(name):
    """The labeler's name. A Mac may spell a Korean one letter by letter, and a name may stand
    between blanks: it is the same person."""
    name = normalize("NFC", " ".join(name.split()))
    if len(name) > 24 or not re.fullmatch(r"[\w.-]+( [\w.-]+)*", name):
        raise BadInput(
            f"labeler {name[:40]!r}: use 1 to 24 letters, digits, blanks, '-', '_' or '.'"
        )
    return name


def fingerprint(data):
    return hashlib.sha256(data).hexdigest()[:12]


class Desk:
    """Hands out items to rank and takes in judgements. Any number of labelers, threads and
    processes may sit at the desks of one folder."""

    def __init__(self, shelf, loaded, data="", k=4, limit=64, seed=1, kind=""):
        """kind: what is asked of two answers, "helpful" or "harmful"; "" has `k` ranked."""
        if not loaded.chat:
            raise BadInput(
                f"{loaded.name} is a base model; people label the answers of one that "
                "is fine-tuned: python sft.py makes one"
            )
        self.shelf, self.loaded = shelf, loaded
        self.kind, k = kind, 2 if kind else k
        self.k, self.limit, self.seed = k, limit, seed
        self.prompts = load_prompts(data or loaded.data, seed, kind)
        self.judged = Lines(shelf.out / "labels" / "comparisons.jsonl")
        self.items = Lines(shelf.out / "labels" / "items.jsonl")
        self.handed = Lines(shelf.out / "labels" / "handed.jsonl")
        # Items of another model (its token table tells) or other prompts are another queue.
        weights = next(iter(loaded.model.parameters())).detach().float().cpu().numpy().tobytes()
        about = [self.prompts, k, limit, seed] + ([kind] if kind else [])
        self.queue = fingerprint(weights + json.dumps(about).encode())
        self.passed = 0  # prompts before this one are answered or passed over
        self.giving = threading.Lock()

    # --- what a labeler does

    def next(self, labeler):
        """The next item for this labeler, as `view` shows it. Who finds none waits while the next
        prompts are answered."""
        labeler = check_labeler(labeler)
        with self.giving:
            item = self.give(labeler)
            tries = 0
            while not item:
                tries = 0 if self.sample() else tries + 1
                if tries == TRIES:
                    name = self.loaded.name
                    raise BadInput(f"{name} gives the same answer each time: nothing to rank")
                item = self.give(labeler)
        return self.view(item, labeler)

    def give(self, labeler):
        """The item on this labeler's desk, or else the first that they have not judged and that
        fewer than LABELERS_PER_ITEM others have judged or are looking at. Who has it is on the disk
        before it is shown, so that a desk that was killed and opened again gives it to no third."""
        with self.handed.locked():
            hands = self.hands()
            in_hand = self.in_hand().get(labeler)
            judged = {record["item"] for record in self.records() if record["labeler"] == labeler}
            for item in self.own_items():
                name = item["item"]
                if name not in judged and (name == in_hand or len(hands[name]) < LABELERS_PER_ITEM):
                    self.hand(labeler, name)
                    return item

    def hand(self, labeler, name):
        """Keep who was given an item, in place of the one before; for callers under a lock."""
        if self.in_hand().get(labeler) != name:
            self.handed.append({"labeler": labeler, "item": name})

    def view(self, item, labeler):
        """What the labeler sees of an item: the answers in an order of their own, no names."""
        order = shuffled(item, labeler)
        return {
            "item": item["item"],
            "messages": item["messages"],
            "responses": [item["responses"][i] for i in order],
        }

    def judge(self, labeler, name, ranking, scores=None):
        """Keep a judgement. `ranking`: groups of the shown answers' numbers, best first; asked for
        harm, the most harmful first. `scores`: for each shown answer a rating of 1 to 7, or None.
        Returns the record.

        The same judgement sent twice is kept once, so a client that heard no reply sends it again.
        """
        item = self.find(name)
        labeler = check_labeler(labeler)
        order = shuffled(item, labeler)
        k = len(order)
        scores = scores or [None] * k
        if sorted(i for group in ranking for i in group) != [*range(k)]:
            raise BadInput(f"ranking: expected each of the {k} answers once, in groups")
        if len(scores) != k:
            raise BadInput(f"scores: expected {k}, one per answer")
        if self.kind and scores != [None] * k:
            raise BadInput("scores: of one question only the order is kept")
        record = {
            "messages": item["messages"],
            "responses": item["responses"],
            "ranking": self.turned([sorted(order[i] for i in g) for g in ranking if g]),
            "labeler": labeler,
            "source": "human",
            "scores": [scores[order.index(i)] for i in range(k)],
            "item": name,
            "shown": order,
            "time": time.strftime("%Y-%m-%dT%H:%M:%S"),
        }
        if self.kind:
            record["kind"] = KINDS[self.kind]
        list(from_comparison(record))  # what reward.py would refuse is refused here
        with self.handed.locked(), self.judged.locked():
            for old in self.records():
                if (old["item"], old["labeler"]) == (name, labeler):
                    if all(old[key] == record[key] for key in ("ranking", "scores")):
                        return old
                    raise Conflict("this name has judged this item already; undo that first")
            if len(self.hands()[name] - {labeler}) >= LABELERS_PER_ITEM:
                raise Conflict("this item has gone to others by now; ask for the next one")
            self.judged.append(record)
        return record

    def undo(self, labeler):
        """Withdraw this labeler's last judgement: its item comes back, as it had been ranked."""
        labeler = check_labeler(labeler)
        with self.handed.locked(), self.judged.locked():
            own = [record for record in self.records() if record["labeler"] == labeler]
            if not own:
                raise Conflict("there is no judgement of this name to undo")
            record = own[-1]
            self.hand(labeler, record["item"])  # first, so that at no moment it is free for others
            self.judged.remove(record)
        order = shuffled(record, labeler)
        return {
            **self.view(record, labeler),
            "ranking": self.turned(
                [sorted(order.index(i) for i in group) for group in record["ranking"]]
            ),
            "scores": [record["scores"][i] for i in order],
        }

    def turned(self, groups):
        """A ranking as it was asked for, from one that is kept best first, and the reverse.

        Bai et al. (2022a) had their red team pick the MORE HARMFUL reply, and the conversation went
        on with it. In a comparison of harmlessness that pick is the loser, so the order is turned
        round; "which is more helpful?" picks the winner.
        """
        return groups[::-1] if self.kind == "harmful" else groups

    def progress(self, labeler):
        """Judgements per labeler, and agreement: of all, and of this one with the others."""
        labeler = normalize("NFC", labeler)
        records = self.records()
        counts = Counter(record["labeler"] for record in records)
        return {
            "mine": counts[labeler],
            "all": len(records),
            "labelers": counts.most_common(),
            "agreement": labelers_agree(records),
            "own": labelers_agree(records, labeler),
        }

    # --- the three files

    def in_hand(self):
        """{labeler: the item that they were given last}."""
        given = [record for record in self.handed.read() if {"labeler", "item"} <= record.keys()]
        return {str(record["labeler"]): str(record["item"]) for record in given}

    def hands(self):
        """{item: the labelers who have judged it or have it before them}."""
        hands = defaultdict(set)
        for labeler, item in self.in_hand().items():
            hands[item].add(labeler)
        for record in self.records():
            hands[record["item"]].add(record["labeler"])
        return hands

    def records(self):
        """All judgements of this desk's question, in the order in which they were made."""
        records = [record for record in self.judged.read() if KEYS <= record.keys()]
        records = [r for r in records if r.get("kind", "") == KINDS.get(self.kind, "")]
        records = [record for record in records if isinstance(record["item"], str)]
        for record in records:  # an older file may spell one name in two ways
            record["labeler"] = normalize("NFC", str(record["labeler"]))
        return records

    def own_items(self):
        return [item for item in self.items.read() if item.get("queue") == self.queue]

    def find(self, name):
        for item in self.items.read():
            if (item.get("item"), item.get("kind", "")) == (name, self.kind):
                return item
        raise BadInput(f"no item {str(name)[:40]!r}; ask for the next one")

    def sample(self):
        """Answer the next BATCH prompts and append them as items; returns how many there are now.
        A prompt with a single answer is passed over, for nobody can rank two equal texts."""
        first = max([self.passed, *(item["n"] + 1 for item in self.own_items())])
        numbers = range(first, first + BATCH)
        prompts = [self.prompts[n % len(self.prompts)] for n in numbers]
        answered = self.answers(prompts, first)
        self.passed = first + BATCH
        made = 0
        with self.items.locked():
            there = {item["n"] for item in self.own_items()}  # another process may have been here
            for n, messages, responses in zip(numbers, prompts, answered):
                made += n in there or len(responses) > 1
                if n not in there and len(responses) > 1:
                    item = {"queue": self.queue, "n": n}
                    item |= {"kind": self.kind} if self.kind else {}
                    item |= {"messages": messages, "responses": responses}
                    name = fingerprint(json.dumps(item).encode())
                    self.items.append({"item": name, **item})
        return made

    def answers(self, prompts, first):
        """For each prompt the first K different ones of twice K samples at temperature 1."""
        tokenizer, config, samples = self.loaded.tokenizer, self.loaded.model.config, 2 * self.k
        limit = fit(config, [], self.limit)[1]
        asked = [fit(config, tokenizer.prompt(messages)[0], limit)[0] for messages in prompts]
        rows = [ids for ids in asked for _ in range(samples)]
        ids = [[] for _ in rows]
        seed = int(fingerprint(f"{self.seed} {first}".encode())[:8], 16)
        stop = [tokenizer.endoftext]
        for step in self.shelf.steps(self.loaded, rows, limit, seed=seed, stop=stop):
            for row, token in zip(ids, step):
                row += [] if token is None else [token]
        texts = [tokenizer.decode(row).strip() for row in ids]
        found = []
        for start in range(0, len(texts), samples):
            different = dict.fromkeys(texts[start : start + samples])
            found.append(list(different)[: self.k])
        return found


def shuffled(item, labeler):
    """Which response stands at each place for this labeler: at random, and always the same."""
    k = len(item["responses"])
    return Random(f"{item['item']} {labeler}").sample(range(k), k)
