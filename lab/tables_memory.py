"""The table of memory, made from the committed records; see lab/tables.py and lab/memory.py."""

from lab.memory import CARDS, card
from lab.tables import markdown, select
from lab.words import say

NOTE = (
    "GB of tensors at the most in one training step, and after the colon the smallest card (of "
    "{cards} GB) that leaves a tenth free. Reckoned without computing, operator by operator, at "
    "the shapes of each stage's preset gpt2 in {machine}, without `--compile`; every text is as "
    "long as stated. `kept`: as it is; `again`: with `--checkpoint_activations`. PPO holds four "
    "whole networks that share nothing: policy and value learn, reference and reward model are "
    "read; it writes all answers of an iteration at once, and sampling holds the keys and values "
    "of them all: a smaller `--batch_size` lowers that, a larger `--grad_accum` what learning "
    "takes."
)


def memory(records, language):
    """One batch of a stage a row; a column for each size, with blocks kept and computed again."""
    rows = records["memory"]
    columns = list(dict.fromkeys((row["size"], row["again"]) for row in rows))
    table = []
    batches = dict.fromkeys((row["stage"], row["options"], row["tokens"]) for row in rows)
    for stage, options, tokens in batches:
        cells = [f"`{stage}.py {options}`".replace(" `", "`"), str(tokens)]
        for size, again in columns:
            batch = dict(stage=stage, options=options, tokens=tokens)
            found = select(rows, **batch, size=size, again=again)
            cells.append(told(found[0]["bytes"], language) if found else "")
        table.append(cells)
    head = ["", say("tokens of a text", language)]
    for size, again in columns:
        head.append(f"{size}, " + say("again" if again else "kept", language))
    machine = rows[0]["machine"].removeprefix("computed; ")
    cards = ", ".join(map(str, CARDS))
    return say(NOTE, language, cards=cards, machine=machine) + "\n\n" + markdown(head, table)


def told(taken, language):
    """2.5: 8, gigabytes and the card that has them."""
    size = taken / 1e9
    digits = 1 if size < 10 else 0
    return f"{size:.{digits}f}: {card(taken) or say('none', language)}"
