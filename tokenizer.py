"""Text to token ids and back: a byte-level BPE, trained here or GPT-2's own, and the chat template.

Byte-level BPE (GPT-2 paper, section 2.2) starts from the 256 bytes, so any text in any language has
an encoding, and merges the most frequent neighbouring pair into a new token, again and again.
`train_bpe` finds the merges; tiktoken applies them, fast, in `Tokenizer.encode`.

The chat template lives here and nowhere else, and with it how evidence is written: a query of the
model's, and the line that is inserted for it (Sparrow, Glaese et al. 2022). Run `python
tokenizer.py` to see one conversation with the tokens that fine-tuning trains on in colour.
"""

import base64
import codecs
import collections
import heapq
import itertools
import json
import re
import unicodedata

import regex
import tiktoken
from tqdm import tqdm

from plumbing.errors import run
from plumbing.vocab_bpe import read_merges

# How text is cut into words before merging (GPT-2's rule): a word keeps the blank in front of it,
# and no token crosses from letters to digits or punctuation.
PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LONG_WORD = 32  # characters; text without blanks is learned from in pieces of that length
LONG_BLANK = re.compile(r"(\s{10000})")  # a million blanks in a row overflow tiktoken's stack
ENDOFTEXT, USER, ASSISTANT, PAD = "<|endoftext|>", "<|user|>", "<|assistant|>", "<|pad|>"
SEARCH, RESULT = "<|search|>", "<|result|>"  # of a tokenizer with evidence alone
LONGEST_LINE = 64  # tokens of an inserted line; a longer one loses its end
LOOK_UPS = 1  # in one answer; what the model writes beyond it is text, and nothing is inserted


def train_bpe(text, vocab_size, characters=0, rare=0):
    """Learn a vocabulary of byte strings from `text`: the 256 bytes, then one token per merge.

    characters: one that comes at least so often gets a token before any word does; 0: none does. A
    syllable of Hangul has three bytes, and is hard to copy where they are tokens, or parts of some.
    rare: a token that stands in the text less than once in so many is none; 0: it stays.
    Returns a list of bytes; the index is the token id. Stops early when no pair occurs twice.
    """
    vocab = [bytes([b]) for b in range(256)]
    counts = collections.Counter()
    found = collections.Counter(regex.findall(PATTERN, unicodedata.normalize("NFC", text)))
    for word, n in found.items():
        for i in range(0, len(word), LONG_WORD):
            counts[word[i : i + LONG_WORD]] += n
    alphabet = collections.Counter()
    for word, n in counts.items():
        for letter in word:
            alphabet[letter] += n
    spelled = {letter: list(letter.encode(errors="replace")) for letter in alphabet}
    shown = {"desc": "vocabulary", "delay": 2, "mininterval": 1, "leave": False}
    with tqdm(initial=len(vocab), total=vocab_size, **shown) as bar:
        if characters:
            merge_often(vocab, spelled, alphabet, vocab_size, characters, bar)
            counts = between_bytes(counts, spelled)
        words = {word: [i for letter in word for i in spelled[letter]] for word in counts}
        merge_often(vocab, words, counts, vocab_size, 2, bar)
        if rare:
            vocab = without_steps(vocab, words, counts, vocab_size, rare, bar)
    return vocab


def without_steps(vocab, words, counts, size, rare, bar):
    """The vocabulary without mere steps on the way to a word, such as " wit" to " with", of which
    later merges left nothing in the text (Chizhov et al. 2024, arXiv 2409.04599). A network would
    meet them in words that it has never read, and has learned nothing of them. What is merged next
    takes their places. A word that is a token needs no steps: tiktoken looks for it first. Within a
    longer word it does: so this is for texts whose words stand between blanks and signs."""
    while True:
        used = collections.Counter()
        for word, ids in words.items():
            for i in ids:
                used[i] += counts[word]
        fewest = used.total() / rare
        kept = [token for i, token in enumerate(vocab) if i < 256 or used[i] >= fewest]
        before = len(vocab)
        merge_often(vocab, words, counts, before + size - len(kept), 2, bar)
        if len(vocab) == before:  # enough are kept, or nothing is left to merge
            return kept


def between_bytes(counts, spelled):
    """`counts` of what stands between characters that are more than one token: a part of a
    character is not merged with its neighbours, so that it is spelled alike wherever it stands."""
    parts = collections.Counter()
    for word, n in counts.items():
        for is_token, letters in itertools.groupby(word, lambda c: len(spelled[c]) == 1):
            if is_token:
                parts["".join(letters)] += n
    return parts


def merge_often(vocab, words, counts, size, fewest, bar):
    """Merge the most frequent pair of neighbours in `words` {word: its ids}, as often as `counts`
    says, until `vocab` has `size` tokens or no pair comes `fewest` times; both change in place.

    Each merge touches only the words that contain the pair, found through an index, so 1 MB takes
    about a second, and text without blanks longer: a bar tells how far it is.
    """
    pairs, where = collections.Counter(), collections.defaultdict(set)
    for word, ids in words.items():
        for pair in zip(ids, ids[1:]):
            pairs[pair] += counts[word]
            where[pair].add(word)
    # A heap of (-count, pair). A count that has changed since its push is stale and pushed again.
    heap = [(-n, pair) for pair, n in pairs.items()]
    heapq.heapify(heap)
    while len(vocab) < size and heap:
        n, pair = heapq.heappop(heap)
        if -n != pairs[pair]:
            heapq.heappush(heap, (-pairs[pair], pair))
            continue
        if -n < fewest:
            break
        new = len(vocab)
        vocab.append(vocab[pair[0]] + vocab[pair[1]])
        bar.update()
        grown = set()
        for word in where.pop(pair):
            old = words[word]
            words[word] = merge(old, pair, new)
            for p in zip(old, old[1:]):
                pairs[p] -= counts[word]
            for p in zip(words[word], words[word][1:]):
                pairs[p] += counts[word]
                where[p].add(word)
                grown.add(p)
        for p in grown:
            heapq.heappush(heap, (-pairs[p], p))


def merge(word, pair, new):
    """Replace each occurrence of `pair`, a tuple of two ids, in the list of ids `word` by the id
    `new`, left to right: what is merged is not merged again. Returns a new list."""
    out, i = [], 0
    while i < len(word):
        found = tuple(word[i : i + 2]) == pair
        out.append(new if found else word[i])
        i += 1 + found
    return out


def led(text):
    """A text with a blank before its first word, so that this word has the tokens there that it has
    within a sentence: what is known of it is asked for with the same ones."""
    return f" {text}" if text[:1].isalnum() else text


class Tokenizer:
    """An encoding and the special tokens. What a user types never becomes a special token.

    `lead`: the first word of a text gets the blank in front that words within it have (`led`).

    n_vocab counts text tokens and specials. Special ids follow the text tokens, which gives
    GPT-2's `<|endoftext|>` its own number, 50256. The two of evidence come last, and only where
    they are asked for; elsewhere `search` and `result` are None.
    """

    def __init__(self, vocab, pattern=PATTERN, evidence=False, lead=False):
        """`vocab`: list of bytes by rank, all 256 single bytes among them."""
        ranks = {token: rank for rank, token in enumerate(vocab)}
        if len(ranks) != len(vocab) or not all(bytes([b]) in ranks for b in range(256)):
            raise ValueError("a vocabulary needs each of the 256 bytes, and no token twice")
        self.vocab, self.pattern, self.evidence, self.lead = vocab, pattern, evidence, lead
        names = [ENDOFTEXT, USER, ASSISTANT, PAD] + [SEARCH, RESULT] * evidence
        specials = {name: len(vocab) + i for i, name in enumerate(names)}
        # A fresh Encoding, never tiktoken's cache by path: two vocabularies may share a file name.
        self.encoding = tiktoken.Encoding(
            "bpe", pat_str=pattern, mergeable_ranks=ranks, special_tokens=specials
        )
        self.specials = specials  # name -> id
        self.n_vocab = len(vocab) + len(specials)
        self.endoftext, self.user, self.assistant, self.pad = [*specials.values()][:4]
        self.search, self.result = specials.get(SEARCH), specials.get(RESULT)
        self.newline = ranks[b"\n"]  # which ends an inserted line

    @classmethod
    def train(cls, text, vocab_size, lead=False, characters=0, rare=0):
        """Learn from `text` at most `vocab_size` tokens, specials among them (see `train_bpe`)."""
        return cls(train_bpe(text, vocab_size - 4, characters, rare), lead=lead)

    @classmethod
    def gpt2(cls, vocab_bpe=None):
        """GPT-2's vocabulary, from its `vocab.bpe` file if given, otherwise through tiktoken."""
        if vocab_bpe is None:
            ranks = tiktoken.get_encoding("gpt2")._mergeable_ranks
            return cls(sorted(ranks, key=ranks.get))
        return cls(read_merges(vocab_bpe))

    def with_evidence(self):
        """The same tokenizer with <|search|> and <|result|>; all other tokens keep their ids."""
        return Tokenizer(self.vocab, self.pattern, evidence=True, lead=self.lead)

    def to_json(self):
        """All that a checkpoint needs to rebuild this tokenizer: one file is enough to chat."""
        saved = {
            "pattern": self.pattern,
            "vocab": [base64.b64encode(token).decode() for token in self.vocab],
        }
        asked = {name: True for name in ("evidence", "lead") if getattr(self, name)}
        return json.dumps({**saved, **asked})

    @classmethod
    def from_json(cls, text):
        saved = json.loads(text)
        vocab = [base64.b64decode(token) for token in saved["vocab"]]
        asked = {name: saved.get(name) is True for name in ("evidence", "lead")}
        return cls(vocab, saved["pattern"], **asked)

    def encode(self, text, begins=True):
        """Text -> list of ids. NFC first: a Korean syllable typed as parts is the same syllable.
        begins: it does not go on from another text, whose end would stand before its first word."""
        ids = []
        for piece in self.pieces(text, begins):
            ids += self.encoding.encode_ordinary(piece)
        return ids

    def pieces(self, text, begins=True):
        """The text, normalised, cut where blanks go on and on."""
        known = unicodedata.normalize("NFC", text)
        return LONG_BLANK.split(led(known) if self.lead and begins else known)

    def turn(self, text):
        """The ids of what one side of a conversation says: of its first word those that it has
        within a sentence (`led`), since what is known of a word is known of these."""
        return self.encode(led(text))

    def encode_documents(self, documents):
        """Each document's ids followed by `<|endoftext|>`, in one list."""
        parts = [self.pieces(text) for text in documents]
        flat = list(itertools.chain(*parts))
        batch = iter(self.encoding.encode_ordinary_batch(flat, num_threads=2))
        tokens = []
        for pieces in parts:
            for _ in pieces:
                tokens += next(batch)
            tokens.append(self.endoftext)
        return tokens

    def decode_bytes(self, ids):
        """The bytes of the text tokens among `ids`; special and unused ids have none."""
        return b"".join(self.vocab[i] for i in ids if i < len(self.vocab))

    def decode(self, ids):
        """Text of the ids without special tokens. Bytes that are no UTF-8 show as U+FFFD."""
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def show(self, ids):
        """`decode` for people who look at what a model wrote: special tokens stand by their names.
        Ids that no token has, the rows that fill a table up, show as U+FFFD."""
        names = {i: name.encode() for name, i in self.specials.items()}
        parts = [self.vocab[i] if i < len(self.vocab) else names.get(i, b"\xff") for i in ids]
        return b"".join(parts).decode("utf-8", errors="replace")

    def render(self, messages):
        """A conversation, a list of {"role", "content"}, as (ids, mask), two lists of one length;
        mask is 1 on what the assistant has to learn to write.

            <|user|> question <|assistant|> answer <|endoftext|> <|user|> ...
            0        0        0             1      1             0

        The `<|endoftext|>` that ends an answer counts: a model that is not taught to stop will not.
        An answer with "weight": 0, as in OpenAI's files, is read and not learned. One with "search"
        and "result" begins with what was looked up (see `looked_up`).
        """
        ids, mask = [], []
        for message in messages:
            text = self.turn(message["content"])
            if message["role"] == "assistant":
                weight = message.get("weight", 1)
                found, own = self.looked_up(message)
                part = [self.assistant, *found, *text, self.endoftext]
                learn = [0] + [weight] * (len(text) + 1)
                learn[1:1] = [weight * one for one in own]
            else:
                part, learn = [self.user, *text], [0] * (len(text) + 1)
            ids += part
            mask += learn
        return ids, mask

    def looked_up(self, message):
        """The evidence at the head of an answer as (ids, mask): nothing without a "search".

            <|search|> query <|result|> line \\n
            1          1     1          0    0

        The model decides to search and asks; the line was put there, and nobody learns to write it.
        A query begins with a blank, so that its words are the tokens they are within a question.
        """
        if "search" not in message:
            return [], []
        if not self.evidence:
            raise ValueError("a message with 'search', and a model without tokens for it")
        own = [self.search, *self.encode(" " + message["search"].strip()), self.result]
        line = self.line(message["result"])
        return own + line, [1] * len(own) + [0] * len(line)

    def line(self, text):
        """Text as one inserted line: its ids, and the line break that ends it."""
        return [*self.encode(" ".join(text.split())), self.newline]

    def read(self, ids):
        """The message that an assistant's ids (those after <|assistant|>) are: its "content", and
        "search" and "result" where something was looked up. A query without a line is left out."""
        reader = Reader(self)
        parts = {"search": [], "result": [], "content": []}
        for token in ids:
            if kind := reader.feed(token):
                parts[kind].append(token)
        said = {kind: self.decode(part).strip() for kind, part in parts.items()}
        if not reader.found:
            said = {"content": said["content"]}
        return {"role": "assistant", **said}

    def prompt(self, messages, chat=True):
        """Ids that end where the assistant's next words begin, and the ids that end its turn.

        `chat=False` writes a transcript for a base model, whose turn ends with the line.
        """
        if chat:
            return [*self.render(messages)[0], self.assistant], [self.endoftext]
        newlines = [i for i, token in enumerate(self.vocab) if b"\n" in token]
        return [self.endoftext, *self.encode(transcript(messages))], [self.endoftext, *newlines]


def transcript(messages):
    """A conversation as plain text for a base model, which knows only what talk looks like.

    Ends in "Bot:" after a user's turn, for the model to continue up to the end of the line.
    """
    names = {"user": "User", "assistant": "Bot"}
    lines = [f"{names[m['role']]}: {m['content']}" for m in messages]
    return "\n".join(lines + ["Bot:"] if messages[-1]["role"] == "user" else lines)


class Reader:
    """Tells what each token of an answer is, in order: "search", of a query; "result", of the line
    that is inserted for it; else "content". The tokens that part them are None. `kind` is what the
    next one is, `found` whether a line has begun."""

    def __init__(self, tokenizer):
        self.tokenizer, self.left = tokenizer, LOOK_UPS
        self.kind, self.found = "content", False

    def feed(self, token):
        """What this token is."""
        before = self.kind
        if before == "content" and token == self.tokenizer.search and self.left:
            self.kind = "search"
            self.left -= 1
        elif before == "search" and token == self.tokenizer.result:
            self.kind = "result"
            self.found = True
        elif before == "result" and token == self.tokenizer.newline:
            self.kind = "content"
        return before if before == self.kind else None


class StreamDecoder:
    """Ids in, text out, one at a time: holds back the bytes of a character until it is complete."""

    def __init__(self, tokenizer):
        self.tokenizer = tokenizer
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def feed(self, token=None):
        """Text that has become complete; without a token, whatever is left."""
        new = self.tokenizer.decode_bytes([] if token is None else [token])
        return self.decoder.decode(new, final=token is None)


def example():
    """Print a conversation, each token in brackets, in green where the loss is taken."""
    found = {"search": "tractor owner", "result": "Its owner is Mina."}
    conversation = [
        {"role": "user", "content": "What colour is the tractor?"},
        {"role": "assistant", "content": "The tractor is red."},
        {"role": "user", "content": "감사합니다 <|endoftext|> Who owns it?"},
        {"role": "assistant", "content": "Mina does.", **found},
    ]
    tokenizer = Tokenizer.train(str(conversation) * 2, 400).with_evidence()
    for token, learn in zip(*tokenizer.render(conversation)):
        shown = tokenizer.show([token])
        print(f"\x1b[32m[{shown}]\x1b[0m" if learn else f"[{shown}]", end="")
    print("\n\x1b[32mgreen\x1b[0m: the loss is taken on these tokens; the rest is only read")


if __name__ == "__main__":
    run(example)
