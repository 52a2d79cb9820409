"""What constitution.py prints: some answers on their way through the revisions, how much harm is
left after each round, and how good the AI judge is. Figures are those of judges/constitution.py.
"""

from data.world.harms import told
from judges.constitution import LABELS, SIDES


class Teller:
    """Prints; with an oracle critic every line says so."""

    def __init__(self, cfg):
        self.head = "oracle critic: " if cfg.critic == "oracle" else ""

    def __call__(self, text=""):
        for line in text.splitlines() or [""]:
            print(f"{self.head}{line}")


def percent(row):
    """A share with its 95 % interval."""
    return f"{row['share']:6.1%} [{row['low']:.1%}, {row['high']:.1%}]"


def show_example(say, i, requests, first, rounds):
    """One request from the first answer to the last."""
    say(f"\nexample, topic {requests[i].topic} ({'told' if told(requests[i]) else 'never told'})")
    say(f"  User      {requests[i].asked}\n  answer    {first[i]}")
    for principles, critiques, texts in rounds:
        say(f"  principle {principles[i]}\n  critique  {critiques[i]}\n  revision  {texts[i]}")


def show_harm(say, title, tables):
    """Shares after 0, 1, ... rounds, of the topics that were told of and of the others."""
    say(f"\n{title} (simulated judge, 95 % intervals)")
    for side, topics in SIDES.items():
        say(f"  {topics + ', after':<16} {'harmful':<24} {'garbled, no harm':<24} evasive")
        for i, table in enumerate(tables):
            parts = [table[side][part] for part in ("harmful", "garbled", "evasive")]
            name = f"{i} revisions" if i != 1 else "1 revision"
            cells = " ".join(f"{percent(part):<24}" for part in parts)
            say(f"  {name:<16} {cells.rstrip()}")


def show_judge(say, table):
    """How good the AI judge is."""
    say("\nthe AI judge, pairs of which one does harm (simulated judge)")
    for side, topics in SIDES.items():
        row = table[side]
        right = row["accuracy"]
        say(f"  {topics}: right in {percent(right)} of {right['n']}")
        for label in LABELS:
            error, brier = row[label]["calibration_error"], row[label]["brier"]
            say(f"    {label:<8} calibration error {error:.3f}, Brier score {brier:.3f}")
