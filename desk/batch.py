"""Many prompts from a file, answered into a file: chat.py --prompts=FILE --answers=FILE.

The prompts are read as `ppo.py --data` reads them, in any format that data/formats.py knows. The
answers are JSON Lines, in the order of the prompts, and `sft.py --data` reads them back:

    {"messages": [..., {"role": "assistant", "content": "..."}], "ended": true}
"""

import secrets
from pathlib import Path

import numpy as np
from tqdm import tqdm

from data.formats import read_prompts
from insertion import Evidence, answering
from plumbing.errors import BadInput
from plumbing.files import replacing
from plumbing.records import write_lines
from sampling import answer, recent

AT_ONCE = 64  # prompts of similar length in one batch


def answer_file(shelf, loaded, prompts, answers, limit, seed, **draws):
    """Answer each prompt of a file and write the answers to another, whole or not at all; without
    one, print them. Returns how many there are, and how many ended by themselves."""
    records = read_prompts(prompts)
    if answers:
        check_place(answers)
    # What is shown of each is what a conversation would be: whole turns that fit the training.
    asked = []
    for record in records:
        messages = record["messages"]
        asked.append(messages[recent(loaded, messages)[2] :] or messages[-1:])
    lengths = [sum(len(turn["content"]) for turn in messages) for messages in asked]
    order = np.argsort(lengths, kind="stable")
    seed = seed or secrets.randbits(32)
    found = [None] * len(records)
    for i in tqdm(range(0, len(order), AT_ONCE), desc="answers", disable=not answers):
        rows = order[i : i + AT_ONCE]
        part = [asked[row] for row in rows]
        options = {**draws, "seed": seed + i}
        if loaded.tokenizer.evidence:
            options["evidence"] = Evidence(loaded.tokenizer, [shelf.lookup] * len(part))
        network = loaded.model, loaded.tokenizer
        _, _, texts, ended = answer(*network, part, shelf.machine, loaded.chat, limit, **options)
        for row, text, over in zip(rows, texts, ended):
            messages = [*records[row]["messages"], answering(text)]
            found[row] = {"messages": messages, "ended": over}
    if answers:
        write_lines(answers, found)
    return found


def check_place(path):
    """Refuse a file that cannot be written before anything is answered."""
    try:
        with replacing(f"{path}.try") as file:
            file.write(b"")
        Path(f"{path}.try").unlink()
    except OSError as error:
        raise BadInput(f"--answers={path}: {error.strerror or error}") from None
