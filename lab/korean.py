"""The same world in Korean: what a model that has read only Korean answers, and how it speaks.

    python -m lab.korean          three seeds, each in both number formats

The exams are those of the English world (lab/talk.py), in the other language: the same tasks, the
same skills of talk, held out in the same way. Beside them stands what only Korean has: are the
answers in polite speech, and do the particles fit the words before them? The judge is a program,
so all that is said of answers is simulated.

reads   nothing; each stage it needs is run, in out/studies/seedS/ and out/studies/FORMAT/seedS/
writes  out/studies/korean.jsonl

A study that was stopped goes on where it stopped: finished stages and measured rows are kept.
"""

from dataclasses import dataclass

from plumbing.config import check_options, parse_config, positive

if __name__ == "__main__":  # answer --help and slips before torch, a second's work, loads
    check_options(__file__)

from data.world.languages import KOREAN
from judges.speech import own_answers
from lab.studies import make
from lab.talk import answered, show, study, talked
from plumbing.errors import run
from sampling import open_checkpoint

# --- configuration -----------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "tiny"  # how large the stages are
    out: str = "out/studies"  # one folder per seed, and the table
    seeds: int = 3  # seeds 1, 2, ...: each has its own base model and all that follows from it
    formats: str = "bfloat16,float32"  # number formats, each a run of its own
    n: int = 120  # turns of each skill
    seed: int = 0  # of the turns and questions that are drawn
    device: str = "auto"
    dtype: str = "auto"  # of the runs in out/studies/seedS; auto takes what is fast here


PRESETS = {
    "tiny": {},
    "smoke": dict(out="out/studies_smoke", seeds=1, n=2, formats="float32"),
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
    return rows


# --- the study ---------------------------------------------------------------------------------


def main(cfg):
    """The whole study; returns its rows."""
    positive(cfg, "seeds", "n")
    rows = study(cfg, "korean", ARMS, measure)
    show(rows, "Korean", ARMS)
    return rows


# --- run ---------------------------------------------------------------------------------------

if __name__ == "__main__":
    run(lambda: main(parse_config(Config, PRESETS)))
