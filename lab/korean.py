"""The same world in Korean: what a model that has read only Korean answers, and how it speaks.

    python -m lab.korean          three seeds

The exams are those of the English world (lab/talk.py), in the other language: the same tasks, the
same skills of talk, held out in the same way. Beside them stands what only Korean has: are the
answers in polite speech, and do the particles fit the words before them? The judge is a program,
so all that is said of answers is simulated.

reads   nothing; each stage it needs is run, in out/studies/seedS/
writes  out/studies/korean.jsonl

A study that was stopped goes on where it stopped: finished stages and measured rows are kept.
"""

from dataclasses import dataclass
from pathlib import Path

from plumbing.config import check_options, parse_config, positive

if __name__ == "__main__":  # answer --help and slips before torch, a second's work, loads
    check_options(__file__)

from data.world.languages import KOREAN
from judges.speech import own_answers
from lab.studies import append, is_missing, make, over_seeds, take_up
from lab.talk import answered, talked
from plumbing.errors import run
from plumbing.machine import setup
from plumbing.records import print_table
from sampling import open_checkpoint

# --- configuration -----------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "tiny"  # how large the stages are
    out: str = "out/studies"  # one folder per seed, and the table
    seeds: int = 3  # seeds 1, 2, ...: each has its own base model and all that follows from it
    n: int = 120  # turns of each skill
    seed: int = 0  # of the turns and questions that are drawn
    device: str = "auto"
    dtype: str = "auto"  # float32, bfloat16, float16; auto takes what is fast here


PRESETS = {
    "tiny": {},
    "smoke": dict(out="out/studies_smoke", seeds=1, n=2),
}
ARMS = ("sft_ko", "ppo_ptx_ko")
SAMPLE = [  # a talk as a newcomer may have it
    "안녕하세요!",
    "뭘 할 수 있어요?",
    "트랙터는 무슨 색이에요?",
    "그거 어디에 있어?",
    "그럼 램프는요?",
    "제 이름은 미나예요.",
    "2 + 3은 뭐예요?",
    "유니콘은 어디에 있어요?",
    "고마워요. 제 이름이 뭐예요?",
]

# --- measuring ---------------------------------------------------------------------------------


def measure(cfg, seed, arm, machine):
    """The rows of one model: what it answers, and how it speaks; of the first also a talk."""
    loaded = open_checkpoint(make(cfg, seed, arm), machine)
    rows = answered(loaded, machine, cfg.n, cfg.seed, KOREAN.WORLD)
    for what, (good, count) in own_answers(loaded, machine, seed=cfg.seed).items():
        rows.append({"about": what, "right": good / max(1, count), "n": count})
    if arm == ARMS[0] and seed == 1:
        rows += talked(loaded, machine, SAMPLE)
    return [{"seed": seed, "arm": arm, **row} for row in rows]


# --- the study ---------------------------------------------------------------------------------


def main(cfg):
    """The whole study; returns its rows."""
    positive(cfg, "seeds", "n")
    machine = setup(cfg)
    path = Path(cfg.out) / "korean.jsonl"
    rows = take_up(path, cfg)
    for seed in range(1, cfg.seeds + 1):
        for arm in ARMS:
            if is_missing(rows, seed, arm):
                rows = append(path, measure(cfg, seed, arm, machine), rows, cfg)
    table = []
    for about in dict.fromkeys(row["about"] for row in rows if "right" in row):
        mine = [row for row in rows if row["about"] == about]
        table.append([about, *(over_seeds(mine, arm, "right") for arm in ARMS)])
    seeds = len({row["seed"] for row in rows})
    print_table(f"right answers in Korean, {seeds} seeds; simulated judge", ["", *ARMS], table)
    return rows


# --- run ---------------------------------------------------------------------------------------

if __name__ == "__main__":
    run(lambda: main(parse_config(Config, PRESETS)))
