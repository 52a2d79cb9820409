"""Evidence: does a model look up what it cannot know, and say what it found (after Glaese et al.
2022)?

    python -m lab.evidence               the exam of judges/evidence.py, three seeds

A model is fine-tuned on the usual demonstrations and on talks in which facts are looked up. Asked
are things and persons, wordings and kinds of facts that no lesson holds, with the look-up and
without. The judge is a program (simulated): this is another test than the paper's, whose figures do
not stand beside these.

reads   nothing; each stage it needs is run, in out/studies/seedS/
writes  out/studies/evidence.jsonl

A study that was stopped goes on where it stopped: finished stages and measured rows are kept.
"""

from dataclasses import dataclass
from pathlib import Path

from plumbing.config import check_options, parse_config, positive

if __name__ == "__main__":  # answer --help and slips before torch, a second's work, loads
    check_options(__file__)

from judges.evidence import exam, summary
from lab.studies import append, is_missing, make, take_up
from plumbing.errors import run
from plumbing.machine import setup
from plumbing.records import print_table, wilson
from sampling import open_checkpoint

# --- configuration -----------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "tiny"  # how large the stages are
    out: str = "out/studies"  # one folder per seed, and the table
    seeds: int = 3  # seeds 1, 2, ...: each has its own base model and all that follows from it
    n: int = 200  # questions of each kind
    seed: int = 0  # of the questions that are drawn
    device: str = "auto"
    dtype: str = "auto"  # float32, bfloat16; auto takes bfloat16 where it is fast


PRESETS = {
    "tiny": {},
    "smoke": dict(out="out/studies_smoke", seeds=1, n=2),
}
ARM = "sft_evidence"

# --- measuring ---------------------------------------------------------------------------------


def measure(cfg, seed, machine):
    """The rows of one model: {"about", "right", "n"} for each figure of the exam."""
    loaded = open_checkpoint(make(cfg, seed, ARM), machine)
    found = exam(loaded.model, loaded.tokenizer, machine, cfg.n, seed=cfg.seed)
    rows = []
    for about, (right, n) in summary(found).items():
        rows.append({"seed": seed, "arm": ARM, "about": about, "right": right, "n": n})
    return rows


def pooled(rows):
    """{figure: (share, low, high, n)}: counts of all seeds together, with the 95 % interval."""
    found = {}
    for about in dict.fromkeys(row["about"] for row in rows):
        mine = [row for row in rows if row["about"] == about]
        right = sum(row["right"] for row in mine)
        n = sum(row["n"] for row in mine)
        found[about] = (right / n, *wilson(right, n), n)
    return found


def main(cfg):
    """The whole study; returns its rows."""
    positive(cfg, "seeds", "n")
    machine = setup(cfg)
    path = Path(cfg.out) / "evidence.jsonl"
    rows = take_up(path, cfg)
    for seed in range(1, cfg.seeds + 1):
        if is_missing(rows, seed, ARM):
            rows = append(path, measure(cfg, seed, machine), rows, cfg)
    table = []
    for about, (share, low, high, n) in pooled(rows).items():
        table.append([about, f"{share:.1%} [{low:.1%}, {high:.1%}]", n])
    seeds = len({row["seed"] for row in rows})
    print_table(f"evidence, {seeds} seeds together; simulated judge", ["", "share", "n"], table)
    return rows


# --- run ---------------------------------------------------------------------------------------

if __name__ == "__main__":
    run(lambda: main(parse_config(Config, PRESETS)))
