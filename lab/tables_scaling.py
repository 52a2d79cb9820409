"""The table of size and text, made from the committed records; see lab/scaling.py."""

from lab.scaling_law import fitted
from lab.tables import captioned, markdown, select
from lab.words import say

NOTE = (
    "Loss on held-out text of the world, nats per token, by size and by the tokens that were read, "
    "each a training of its own; few-shot: right answers to {n} lists of held-out facts, after the "
    "most text. {told}"
)


def scaling(records, language):
    """A size a row, an amount of text a column."""
    rows = records["scaling"]
    sizes = select(rows, larger=False)
    larger = select(rows, larger=True)[-1]
    amounts = sorted({row["asked"] for row in sizes})
    table = []
    for depth in sorted({row["depth"] for row in rows}):
        mine = {row["asked"]: row for row in select(rows, depth=depth)}
        last = mine[amounts[-1]]
        losses = [f"{mine[asked]['val_loss']:.3f}" if asked in mine else "" for asked in amounts]
        share = f"{100 * last['few_shot']:.0f} %"
        table.append([str(depth), f"{last['parameters']:,}", *losses, share])
    head = [say("depth", language), say("parameters", language)]
    head += [say("{m} M tokens", language, m=f"{asked / 1e6:g}") for asked in amounts]
    head.append(say("few-shot, %", language))
    found = fitted(sizes, larger["depth"], amounts[-1], larger)
    told = " ".join(pair[language == "ko"] for pair in found.sentences())
    return captioned(markdown(head, table), rows, language, NOTE, n=rows[0]["n"], told=told)
