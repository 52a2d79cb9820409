"""Tables of speed and of how long runs take, made from the committed records; see lab/tables.py."""

import numpy as np

from lab.tables import column, markdown, select
from lab.words import say

# --- speed -------------------------------------------------------------------------------------

BENCHES = {
    "attention": "attention, forward + backward, {name}",
    "train": "training, {name}",
    "time": "tinyshakespeare to validation loss 1.88, {name}",
    "sample": "sampling 128 x 24 tokens, {name}",
    "ppo": "one PPO iteration, 128 x (16 + 24) tokens, {name}",
}


def speed(records, language):
    """Ours over the peer's speed, a column for each machine."""
    rows = records["bench"]
    machines = list(dict.fromkeys(row["machine"] for row in rows))
    table = []
    for bench, name, against in dict.fromkeys(
        (row["table"], row["name"], row["against"]) for row in rows
    ):
        cells = []
        for machine in machines:
            found = select(rows, table=bench, name=name, machine=machine)
            cells.append(ratio(found[0], language) if found else "")
        table.append([say(BENCHES[bench], language, name=name), against, *cells])
    note = (
        "Ours and the peer take turns; the median of the ratios of {turns} turns (least - most). "
        "Noisy: least and most lie further apart than a quarter of the median."
    )
    turns = sorted({row["turns"] for row in rows})
    said = say(note, language, turns=" / ".join(map(str, turns)))
    head = [say("what", language), say("against", language), *machines]
    return said + "\n\n" + markdown(head, table)


def ratio(row, language):
    """2.02 (1.49 - 2.14), and a word where the turns disagree."""
    if row["low"] == row["high"]:
        return f"{row['ratio']:.2f}"
    noisy = ", " + say("noisy", language) if row["noisy"] else ""
    return f"{row['ratio']:.2f} ({row['low']:.2f} - {row['high']:.2f}){noisy}"


PEERS = {
    "attention": "attention {ratio} times as fast as torch's",
    "train": "a training step {ratio} times as fast as the plain loop's",
    "time": "tinyshakespeare learned {ratio} times as fast",
    "sample": "sampling {ratio} times as fast as transformers'",
    "ppo": "an iteration of PPO {ratio} times as fast as TRL's",
}


def speed_line(records, language):
    """The same in one sentence for each machine: lowest and highest of each table's medians."""
    rows = records["bench"]
    lines = []
    for machine in dict.fromkeys(row["machine"] for row in rows):
        parts = []
        for bench, name in PEERS.items():
            ratios = column(rows, "ratio", table=bench, machine=machine)
            if ratios:
                low = f"{min(ratios):.1f}"
                high = f"{max(ratios):.1f}"
                told = low if low == high else f"{low} - {high}"
                parts.append(say(name, language, ratio=told))
        lines.append(f"{machine}: " + ", ".join(parts) + ".")
    return "\n".join(lines)


def duration(seconds):
    """45 s, 1 min 50 s, 14 min: as exact as anyone wants to know it."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 300:
        return f"{seconds // 60:.0f} min {seconds % 60 // 10 * 10:.0f} s"
    return f"{seconds / 60:.0f} min"


STAGES = ("pretrain", "sft", "reward", "ppo", "dpo")


def times(records, language):
    """How long each stage takes, a column for each machine; the mean of the seeds."""
    rows = [row for row in records["times"] if row["run"] in STAGES]
    return durations(rows, {run: f"`{run}.py`" for run in STAGES})


# system, script, what is learned, what is read, what is written
STORY = (
    ("GPT-3", "pretrain.py", "the next token of raw text", "a text", "out/pretrain/ckpt.pt"),
    ("InstructGPT, step 1", "sft.py", "to answer", "the base, demonstrations", "out/sft/ckpt.pt"),
    ("step 2", "reward.py", "what people prefer", "SFT, rankings", "out/reward/ckpt.pt"),
    ("step 3, ChatGPT", "ppo.py", "to write it, on a leash", "SFT, reward", "out/ppo/ckpt.pt"),
    ("DPO", "dpo.py", "the same, without a reward model", "SFT, rankings", "out/dpo/ckpt.pt"),
    ("Sparrow", "rules.py", "which rule an answer breaks", "SFT, marks", "out/rules/ckpt.pt"),
    (
        "Claude",
        "constitution.py",
        "nothing: it judges and mends itself",
        "SFT, principles",
        "out/constitution/",
    ),
)
ASKED = ("ICL", "icl_eval.py", "nothing: why are a few examples enough?", "a model", "out/icl/")


def story(records, language):
    """One script a row: system, what it learns, what it reads and writes, how long it takes."""
    rows = [row for row in records["times"] if row["run"] in STAGES]
    machines = list(dict.fromkeys(row["machine"] for row in rows))
    table = []
    for system, script, learns, reads, writes in (*STORY, ASKED):
        cells = []
        for machine in machines:
            run = script.removesuffix(".py")
            took = column(rows, "seconds", run=run, machine=machine)
            cells.append(duration(np.mean(took)) if took else "")
        told = [say(text, language) for text in (system, learns, reads)]
        table.append([told[0], f"`{script}`", *told[1:], f"`{writes}`", *cells])
    head = [say(text, language) for text in ("system", "script", "learns", "reads", "writes")]
    return markdown([*head, *machines], table)


def other_times(records, language):
    """The same of the runs of the studies and probes, by their names in lab/studies.py."""
    rows = [row for row in records["times"] if row["run"] not in STAGES]
    return durations(rows, {row["run"]: f"`{row['run']}`" for row in rows})


def durations(rows, names):
    """names: {run: what stands in the first column}."""
    machines = list(dict.fromkeys(row["machine"] for row in rows))
    table = []
    for run, name in names.items() if rows else ():
        cells = []
        for machine in machines:
            took = column(rows, "seconds", run=run, machine=machine)
            cells.append(duration(np.mean(took)) if took else "")
        table.append([name, *cells])
    return markdown(["", *machines], table) if rows else ""
