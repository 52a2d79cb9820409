"""The table of size and text, made from the committed records; see lab/scaling.py."""

from lab.scaling_law import fitted
from lab.tables import captioned, markdown, select
from lab.words import say
from lab.words_pictures import korean

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
    depths = sorted({row["depth"] for row in rows})
    table = []
    for depth in depths:
        mine = select(rows, depth=depth)
        table.append(line(mine, amounts))
    head = [say("depth", language), say("parameters", language)]
    for asked in amounts:
        head.append(say("{m} M tokens", language, m=f"{asked / 1e6:g}"))
    head.append(say("few-shot, %", language))
    found = fitted(sizes, larger["depth"], amounts[-1], larger)
    sentences = found.sentences()
    told = " ".join(map(korean, sentences) if language == "ko" else sentences)
    return captioned(markdown(head, table), rows, language, NOTE, n=larger["n"], told=told)


def line(rows, amounts):
    """The cells of one size: depth, parameters, the loss after each amount of text, few-shot."""
    cells = [str(rows[0]["depth"]), f"{rows[0]['parameters']:,}"]
    for asked in amounts:
        found = select(rows, asked=asked)
        cells.append(f"{found[0]['val_loss']:.3f}" if found else "")
    last = select(rows, asked=amounts[-1])[0]
    return [*cells, f"{100 * last['few_shot']:.0f} %"]
