"""The story from text to ChatGPT as one picture: which script makes which model of what.

docs/pictures/pipeline.svg.
"""

from lab.svg import MARGIN, arrow, picture, rectangle, text

# name: centre, width, and what stands below the name
TEXTS = {
    "text": (54, 140, 60),
    "demonstrations": (350, 72, 114),
    "K answers": (444, 226, 80),
    "labelers": (444, 304, 84, "simulated,", "or you"),
}
MODELS = {
    "base": (256, 140, 96, "GPT-3"),
    "SFT": (444, 140, 96, "fine-tuned"),
    "PPO": (648, 140, 96, "InstructGPT,", "ChatGPT"),
    "reward model": (546, 226, 104),
    "DPO": (648, 226, 64),
}
SCRIPTS = {
    "pretrain.py": (146, 140),
    "sft.py": (350, 140),
    "ppo.py": (546, 140),
    "reward.py": (546, 304),
    "dpo.py": (648, 304),
    "icl_eval.py": (256, 226),
    "rules.py": (546, 72),
    "constitution.py": (290, 304),
}
STEPS = """
text > pretrain.py > base > sft.py > SFT > ppo.py > PPO
demonstrations > sft.py
base > icl_eval.py
SFT > K answers > labelers > reward.py > reward model > ppo.py
dpo.py > DPO
rules.py > ppo.py
constitution.py > labelers
"""
SHORT_CUT = ((444, 332), (444, 356), (648, 356), (648, 318))  # labelers to dpo.py, below the rest
REMARKS = (
    (256, 258, "why a few examples are enough:", "middle"),
    (256, 274, "Xie et al. 2021, Min et al. 2022", "middle"),
    (546, 373, "the short cut: no reward model", "middle"),
    (586, 76, "Sparrow", "start"),
    (392, 336, "Claude: principles, not people", "end"),
)
TOLD = (
    "pretrain.py makes the base model (GPT-3) of text; sft.py makes SFT of it and of "
    "demonstrations.",
    "SFT writes K answers to a question, labelers (simulated, or you) rank them, and reward.py "
    "makes the reward model of their rankings.",
    "ppo.py makes PPO (InstructGPT, ChatGPT) of SFT and the reward model; dpo.py is the short cut "
    "from SFT and the rankings, without a reward model.",
    "icl_eval.py asks of the base model why a few examples are enough (Xie et al. 2021, Min et al. "
    "2022).",
    "rules.py adds Sparrow's rules to PPO; constitution.py puts Claude's principles in the "
    "labelers' place.",
)


def place(name):
    """Centre, width and height of a box, and the notes below its name."""
    if name in SCRIPTS:
        return (*SCRIPTS[name], 7.2 * len(name) + 14, 28, ())
    x, y, width, *notes = (TEXTS | MODELS)[name]
    return x, y, width, 28 + 14 * len(notes), notes


def box(name):
    """A box with its name and the notes below it."""
    x, y, width, height, notes = place(name)
    look = "fill-paper line-quiet"
    words = "ink"
    if name in MODELS:
        look = "fill-shade line-quiet"
        words = "ink bold"
    if name in SCRIPTS:
        look = "fill-sky line-blue"
        words = "blue code"
    corner = 14 if name in SCRIPTS else 5
    first = y + 4 - 7 * len(notes)
    parts = [rectangle(x, y, width, height, look, corner, stroke_width=1.2)]
    parts.append(text(x, first, name, words, "middle"))
    for below, note in enumerate(notes, 1):
        parts.append(text(x, first + 14 * below, note, "quiet", "middle", 11))
    return parts


def step(one, other):
    """The arrow from the edge of one box to the edge of another, along a row or a column."""
    x, y, width, height, _ = place(one)
    to_x, to_y, to_width, to_height, _ = place(other)
    if y == to_y:
        side = 1 if to_x > x else -1
        ends = (x + side * width / 2, y), (to_x - side * to_width / 2, y)
    else:
        side = 1 if to_y > y else -1
        ends = (x, y + side * height / 2), (x, to_y - side * to_height / 2)
    return arrow(*ends)


def pipeline(records):
    """The picture; it needs no records."""
    parts = [arrow(*SHORT_CUT)]
    for row in STEPS.strip().splitlines():
        names = row.split(" > ")
        parts += [step(one, other) for one, other in zip(names, names[1:])]
    for name in (*TEXTS, *MODELS, *SCRIPTS):
        parts += box(name)
    for x, y, words, at in REMARKS:
        parts.append(text(x, y, words, "quiet", at, 11))
    parts.append(text(MARGIN, 373, "shaded: models, blue: scripts", "quiet", size=11))
    return picture("From text to ChatGPT", TOLD, 394, parts)
