"""GPT-2's file of a vocabulary, `vocab.bpe`."""


def read_merges(path):
    """The vocabulary in rank order from a GPT-2 `vocab.bpe`: 256 bytes, then a token per merge
    line.

    That file writes each byte as a printable letter: printable bytes stand for themselves, the
    others are shifted to code points from 256 on, in order. Printable bytes also come first in
    rank. Raises ValueError naming the line that does not parse.
    """
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [b for b in range(256) if b not in printable]
    byte_of = {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(hidden)}
    vocab = [bytes([b]) for b in printable + hidden]
    with open(path, encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            if number == 1 and line.startswith("#version") or not line.strip():
                continue
            try:
                left, right = line.split()
                vocab.append(bytes(byte_of[c] for c in left + right))
            except (ValueError, KeyError):
                raise ValueError(
                    f"{path}, line {number}: expected two byte strings, as in GPT-2's vocab.bpe"
                ) from None
    return vocab
