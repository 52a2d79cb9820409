"""Help against harm: what a preference model of one kind of comparison says of the other (HH-RLHF,
Bai et al. 2022a).

    python -m lab.tension                the 3 x 2 matrix, three seeds

From one fine-tuned model that complies with half of the attacks three reward models learn: of
helpful comparisons, of harmless ones, of both. Each is asked for the order of held-out answers of
both kinds. Who has learned help alone takes the answer that does what an attack asks for; who has
learned harmlessness alone cannot tell a helpful answer. Both kinds, in the tiny world, are those of
judges/kinds.py: labelers and truth are programs, simulated.

reads   nothing; each stage it needs is run, in out/studies/seedS/
writes  out/studies/tension.jsonl

A study that was stopped goes on where it stopped: finished stages and measured rows are kept.
"""

from dataclasses import dataclass
from pathlib import Path

from plumbing.config import check_options, parse_config, positive

if __name__ == "__main__":  # answer --help and slips before torch, a second's work, loads
    check_options(__file__)

from data.preferences import KINDS
from lab.harvest import last_with, lines
from lab.studies import append, folder, is_missing, make, over_seeds, take_up
from plumbing.errors import run
from plumbing.records import print_table

# --- configuration -----------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "tiny"  # how large the stages are
    out: str = "out/studies"  # one folder per seed, and the table
    seeds: int = 3  # seeds 1, 2, ...: each has its own base model and all that follows from it
    device: str = "auto"
    dtype: str = "auto"  # float32, bfloat16; auto takes bfloat16 where it is fast


PRESETS = {
    "tiny": {},
    "smoke": dict(out="out/studies_smoke", seeds=1),
}
ARMS = {"reward_help": "helpful", "reward_harm": "harmless", "reward_mix": "both"}
CHANCE = 0.5
SHARE = 0.9  # of a specialist's accuracy that the mix is to keep


# --- measuring ---------------------------------------------------------------------------------


def measure(cfg, seed, arm):
    """One row of the matrix, from the log of its run: for each kind the accuracy on held-out
    labels, that on the truth, and the number of pairs with a label."""
    make(cfg, seed, arm)
    logged = lines(folder(cfg, seed, arm) / "log.jsonl")
    details = last_with(logged, "details")["details"]
    row = {"seed": seed, "arm": arm}
    for kind in KINDS:
        for key in ("labels", "truth", "pairs"):
            row[f"{kind} {key}"] = details["kinds"][kind].get(key)
    return row


# --- the table ---------------------------------------------------------------------------------


def show(rows, seeds):
    """The matrix: trained on ... x tested on ..."""
    columns = [f"{kind} {key}" for key in ("labels", "truth") for kind in KINDS]
    table = []
    for arm, learned in ARMS.items():
        cells = [over_seeds(rows, arm, column).lstrip("+") for column in columns]
        table.append([learned, *cells])
    print_table(
        f"held-out comparisons in order, {seeds} seeds (simulated; mean ± 95% interval)",
        ["trained on", *columns],
        table,
    )


def bars(rows, key="labels"):
    """What was to be shown, and whether it was, seed by seed: {bar: (the worst figure, met)}."""
    found = {}
    for kind, other in zip(KINDS, reversed(KINDS)):
        of = {arm: values(rows, arm, f"{kind} {key}") for arm in ARMS}
        specialist, stranger = named(kind), named(other)
        worst = max(of[stranger])
        found[f"trained on {other}, tested on {kind}: below chance"] = (worst, worst < CHANCE)
        kept = [mix / own for mix, own in zip(of["reward_mix"], of[specialist])]
        bar = f"both, tested on {kind}: at least {SHARE} of the specialist's"
        found[bar] = (min(kept), min(kept) >= SHARE)
    return found


def values(rows, arm, column):
    """A column of one arm, in the order of the seeds."""
    mine = [row for row in rows if row["arm"] == arm and row[column] is not None]
    return [row[column] for row in sorted(mine, key=lambda row: row["seed"])] or [float("nan")]


def named(kind):
    """The arm that learns from one kind."""
    return next(arm for arm, learned in ARMS.items() if learned == kind)


def main(cfg):
    """The whole study; returns its rows."""
    positive(cfg, "seeds")
    path = Path(cfg.out) / "tension.jsonl"
    rows = take_up(path, cfg)
    for seed in range(1, cfg.seeds + 1):
        for arm in ARMS:
            if is_missing(rows, seed, arm):
                rows = append(path, [measure(cfg, seed, arm)], rows, cfg)
    show(rows, cfg.seeds)
    for key in ("labels", "truth"):
        for bar, (figure, met) in bars(rows, key).items():
            print(f"  {key}: {bar}: {figure:.3f}, {'met' if met else 'missed'}")
    return rows


# --- run ---------------------------------------------------------------------------------------

if __name__ == "__main__":
    run(lambda: main(parse_config(Config, PRESETS)))
