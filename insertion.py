"""Text that is inserted while a model writes: the lines that it looks up (Sparrow's evidence).

    <|assistant|> <|search|> query <|result|> line \\n answer <|endoftext|>

The model writes a query and <|result|>; then its draws are set aside, and the tokens of a line that
somebody else wrote take their place, one decode step each, until the line ends. So an inserted
token enters the cache as a drawn one does, and nothing is read a second time. What is the model's
own and what is not is kept: nobody is rewarded or blamed for what was put there. An `Answer` is a
text that remembers what was looked up for it.
"""

import torch

from tokenizer import LONGEST_LINE, Reader

LONGEST_QUERY = 24  # tokens; a query that goes on is cut there, and answered as it stands


class Evidence:
    """What is looked up in the rows of one batch, while `sampling.stream` writes them.

    lookups: for each row a function query -> line, or None: such a row cannot search. With `begin`
    every row that can begins with a search. own: afterwards, for each token of each row, 1 where
    the model drew it and 0 where it was inserted.
    """

    def __init__(self, tokenizer, lookups, begin=False):
        self.tokenizer, self.lookups = tokenizer, lookups
        self.closed = torch.tensor([lookup is None for lookup in lookups])  # (B,)
        self.readers = [Reader(tokenizer) for _ in lookups]
        self.queries = [[] for _ in lookups]
        self.coming = [[tokenizer.search] if begin and lookup else [] for lookup in lookups]
        self.own = [[] for _ in lookups]

    def close(self, logits, rows):
        """logits (B, V) of some rows, where those that cannot search never will."""
        if not self.closed.any():  # what is drawn from is what the model says
            return logits
        closed = self.closed[rows.cpu()].to(logits.device)
        search = torch.arange(logits.shape[1], device=logits.device) == self.tokenizer.search
        return logits.masked_fill(closed[:, None] & search, -torch.inf)

    def insert(self, drawn, rows, done):
        """The next tokens of rows that are not done: the drawn ones (B,), or what is inserted."""
        tokens = drawn.tolist()
        for i, (row, over) in enumerate(zip(rows.tolist(), done.tolist())):
            if not over:
                tokens[i] = self.next(row, tokens[i])
        return torch.tensor(tokens, device=drawn.device)

    def next(self, row, drawn):
        """The next token of one row."""
        inserted = bool(self.coming[row])
        token = self.coming[row].pop(0) if inserted else drawn
        self.own[row].append(int(not inserted))
        reader = self.readers[row]
        before = reader.kind
        if reader.feed(token) == "search":
            self.queries[row].append(token)
            if len(self.queries[row]) == LONGEST_QUERY:  # its end is put there, then the line
                self.coming[row] = [self.tokenizer.result]
        elif before == "search":
            self.coming[row] = self.found(row)
        return token

    def found(self, row):
        """The line that answers this row's query, as ids."""
        line = self.lookups[row](self.tokenizer.decode(self.queries[row]).strip())
        ids = self.tokenizer.line(line)
        return [*ids[:-1][:LONGEST_LINE], ids[-1]]


def name_evidence(model, tokenizer):
    """The tokenizer with the tokens of evidence, and rows for them in the model. A query is a
    question and the line its answer, so they start as what stands before those."""
    if tokenizer.evidence:
        return tokenizer
    tokenizer = tokenizer.with_evidence()
    model.grow(tokenizer.n_vocab, like=tokenizer.user)
    model.adopt(tokenizer.search, like=[tokenizer.user])
    model.adopt(tokenizer.result, like=[tokenizer.assistant])
    return tokenizer


class Answer(str):
    """The text of an answer, which keeps in `evidence` what was looked up for it: {"search",
    "result"}, or nothing, and in `ids` all that was written. Where only the text counts, it is a
    text like any other."""

    evidence = {}
    ids = ()

    @classmethod
    def of(cls, message, ids=()):
        answer = cls(message["content"])
        answer.ids = ids
        answer.evidence = {k: message[k] for k in ("search", "result") if k in message}
        return answer


def answering(text):
    """The assistant's message of a text; of an Answer with its evidence."""
    return {"role": "assistant", **getattr(text, "evidence", {}), "content": str(text)}
